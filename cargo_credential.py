#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Copyright (c) 2026 the authors of cargo_credential.py
#
# Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
# associated documentation files (the "Software"), to deal in the Software without restriction,
# including without limitation the rights to use, copy, modify, merge, publish, distribute,
# sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
# furnished to do so, subject to the following conditions:
#
# The above copyright notice and this permission notice shall be included in all copies or
# substantial portions of the Software.
#
# THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
# NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
# NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
# DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
# OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""Write a Cargo credential provider in Python: copy this one file next to your script.

Cargo runs a credential provider to get, store and erase a registry's token. A complete provider:

    #!/usr/bin/env python3
    import os
    from cargo_credential import *

    FILE = "/home/me/.corp-token"

    class Provider(Credential):
        registries = ("crates.corp.example",)  # for other registries, Cargo asks the next provider

        def get(self, registry, operation, args):
            if not os.path.exists(FILE):
                raise NotFound
            with open(FILE) as file:
                return GetResponse(Secret(file.read().strip()))

        def login(self, registry, options, args):
            token = read_token(options, registry)  # from Cargo, or typed by the user
            with open(os.open(FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                os.chmod(FILE, 0o600)  # a file that exists keeps its mode
                file.write(token.expose())
            return LoginResponse()

        def logout(self, registry, args):
            if not os.path.exists(FILE):
                raise NotFound
            os.unlink(FILE)
            return LogoutResponse()

    if __name__ == "__main__":
        main(Provider())

Run `chmod +x` on it, and add its absolute path to `~/.cargo/config.toml`:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/prov.py"]

The exception that a method raises decides what Cargo does next. After UrlNotSupported and NotFound,
Cargo asks its next provider. After OperationNotSupported, it stops. After OtherError or any other
exception, it stops and shows the message, and with CARGO_CREDENTIAL_TRACEBACK=1 the traceback.

List in `registries` the indexes (registry URLs) that may get the token: a cloned repository can
point a registry's name at another index. An entry is an index URL, or HOST or HOST:PORT, which
allows each https:// index there. Do not use a host where others can publish files, as on GitHub.

Make a token a Secret as soon as you have it. A Secret shows its value only through expose(), map()
and a protocol message's to_json(). The module replaces it in error texts. It does not replace:
- a value that was never a Secret
- a part of a Secret (but it replaces the text after a scheme, such as `Bearer `)
- a value of one character, or of two or three characters within a word
- a value of an earlier request, after 500 newer values
- an encoded value (base64, a URL, a shell's quotes)
- what the provider, its threads and its child processes print

This is a port of the Rust crate cargo-credential 0.4.11. "Source: X" names the item X of the crate.
Protocol:
https://doc.rust-lang.org/cargo/reference/credential-provider-protocol.html
"""

import json
import os
import sys

TYPE_CHECKING = False  # type checkers treat this as typing.TYPE_CHECKING
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from typing import IO, Any, BinaryIO, NoReturn, TextIO, TypeVar

    _T = TypeVar("_T")

__version__ = "1.1.0"
__all__ = [
    "CRATES_IO_INDEX", "PROTOCOL_VERSION_1", "Action", "CacheControl", "CacheExpires", "CacheNever",
    "CacheSession", "CacheUnknown", "Credential", "CredentialHello", "CredentialProcess",
    "CredentialRequest", "CredentialResponse", "Error", "GetAction", "GetResponse", "LoginAction",
    "LoginOptions", "LoginResponse", "LogoutAction", "LogoutResponse", "NotFound", "Operation",
    "OperationNotSupported", "OtherError", "OwnersOperation", "ProtocolError", "PublishOperation",
    "ReadOperation", "RegistryInfo", "Secret", "UnknownAction", "UnknownError", "UnknownOperation",
    "UnknownResponse", "UnsupportedCredential", "UnyankOperation", "UrlNotSupported",
    "YankOperation", "main", "negotiate_version", "read_line", "read_token", "serve",
]  # fmt: skip

PROTOCOL_VERSION_1 = 1
_VERSIONS = (PROTOCOL_VERSION_1,)  # the protocol versions that this module supports
CRATES_IO_INDEX = "https://github.com/rust-lang/crates.io-index"  # also for its sparse index


# ---- Secrets ------------------------------------------------------------------------------------
_REDACTED = "[REDACTED]"
_MASKED = f"Secret({_REDACTED})"
_lasting: "dict[str, None]" = {}  # values of Secrets made outside of requests
_passing: "dict[str, None]" = {}  # values of Secrets made during requests, the newest last
_remembered = _lasting  # where the next value goes


class Secret:
    """Holds a token, a str. repr, str and format hide it; pickle refuses it. Source: `Secret`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        _must_be("a Secret's value", value, str)
        self._value = value
        _remembered.pop(value, None)  # a value that is made again becomes the newest
        _remembered[value] = None

    def expose(self) -> str:
        """Return the value. From here on, you must keep it hidden."""
        return self._value

    def map(self, f: "Callable[[str], str]") -> "Secret":
        """Return a Secret of `f(value)`, as in `token.map(lambda t: "Bearer " + t)`."""
        return Secret(f(self._value))

    def is_empty(self) -> bool:
        """Return whether the value is the empty string."""
        return not self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return _MASKED

    def __format__(self, spec: str) -> str:
        return _MASKED

    def __deepcopy__(self, memo: object = None) -> "Secret":
        return self

    __copy__ = __deepcopy__

    def __getstate__(self) -> object:  # pickle calls this
        raise TypeError("a Secret cannot be pickled: use expose() if the value must be stored")


def _must_be(what: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"{what} must be a {kind.__name__}, not {_type_of(value)}")


def _type_of(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def _check_token(token: Secret, error: "type[Exception]") -> Secret:
    """Return the token, or raise the error if no HTTP header can carry it."""
    text = token.expose()
    if _MASKED in text:
        example = 'token.expose(), or token.map(lambda t: "Bearer " + t)'
        raise error(f"the token contains `{_MASKED}`, the text of a Secret: write {example}")
    others = {char for char in text if not " " <= char <= "~" and char != "\t"}
    for found, problem in (
        (not text.strip(" \t"), "is empty"),
        (text[-1:] in ("\r", "\n"), "ends with a line break"),
        (others & {"\r", "\n"}, "contains a line break"),
        (max(others, default="") > "\x7f", "contains a character outside ASCII"),
        (others, "contains a control character"),
    ):
        if found:
            raise error(f"the token {problem}, so no HTTP header can carry it")
    return token


def _redact(texts: "list[str]") -> "list[str]":
    """Return the texts with the values of all remembered Secrets replaced."""
    forms: set[str] = set()
    for value in [*_lasting, *_passing]:
        stripped = value.strip()
        if len(stripped) > 1:
            after_scheme = stripped.partition(" ")[2].strip()
            forms.update([value, stripped, after_scheme, *map(str.strip, stripped.splitlines())])
    forms.discard(_MASKED)  # the value of Secret(str(secret))
    spellings = {json.dumps(form)[1:-1] for form in forms}  # surrogates do not fold
    spellings |= {repr(form.encode("utf-8", "surrogatepass"))[2:-1] for form in forms}
    folded_forms = {_fold(spelling)[0] for spelling in spellings | forms}
    redacted: list[str] = []
    for text in texts:
        folded, positions = _fold(text)
        spans = [(positions[i], positions[j]) for i, j in _find(folded, folded_forms)]
        pieces, rest = [""], 0
        for start, end in sorted([*spans, *_find(text, forms)]):
            pieces += [text[rest:start], _REDACTED] if start >= rest else []
            rest = max(rest, end)
        redacted.append("".join(pieces) + text[rest:])
    return redacted


def _fold(text: str) -> "tuple[str, list[int]]":
    """Return the text without escapes of JSON and repr, and its characters' original positions.

    It drops all backslashes and turns a line break into `n`, since each can be escaped repeatedly.
    A value such as `x41"` is missed if it is escaped right after a backslash.
    """
    import re

    code = r"u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|U(00(?:0[0-9A-Fa-f]|10)[0-9A-Fa-f]{4})"
    escape = rf"(?s)\\(?:\\|u005[Cc]|x5[Cc])*(?:{code}|(.)|\Z)|([\n\r\t\b\f])"
    letters = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}
    pieces: list[str] = []
    positions: list[int] = []
    end = 0
    for found in re.finditer(escape, text):
        digits = found.group(1) or found.group(2) or found.group(3)
        char = chr(int(digits, 16)) if digits else found.group(4) or found.group(5) or ""
        pieces += [text[end : found.start()], letters.get(char, char)]
        positions += [*range(end, found.start()), *[found.start()] * len(char)]
        end = found.end()
    return "".join(pieces) + text[end:], [*positions, *range(end, len(text) + 1)]


def _find(text: str, values: "set[str]") -> "Iterator[tuple[int, int]]":
    """Yield start and end of each value. Short values match only as whole words."""
    lengths: dict[str, set[int]] = {}  # of all values with the same first four characters
    for value in values:
        lengths.setdefault(value[:4], set()).add(len(value))
    for size in {len(start) for start in lengths} - {0, 1}:
        for i in range(len(text) - size + 1):
            for end in [i + length for length in lengths.get(text[i : i + size], ())]:
                around = text[i - 1 : i] + text[end : end + 1]
                word = size > 3 or not any(char.isalnum() or char == "_" for char in around)
                if word and end <= len(text) and text[i:end] in values:
                    yield i, end


# ---- JSON ---------------------------------------------------------------------------------------
class ProtocolError(ValueError):
    """A line does not follow the protocol. The text names the field, and quotes no string."""


def _object(pairs: "list[tuple[str, Any]]") -> "dict[str, Any]":
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:  # two readers could choose different values
            raise ProtocolError(f"duplicate field `{name}`")
        fields[name] = value
    return fields


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_decode = json.JSONDecoder(  # a long number becomes a float: int() takes seconds for a megabyte
    object_pairs_hook=_object, parse_int=lambda text: (int if len(text) < 40 else float)(text)
).decode


def _parse(line: "str | bytes", what: str = "the line") -> "dict[str, Any]":
    """Parse a JSON object as Cargo does. Refuse duplicates and huge numbers in any field."""
    try:
        text = line if isinstance(line, str) else line.decode("utf-8")
        fields: dict[str, Any] = _decode(text)
        _encode(fields).encode("utf-8")  # fails for NaN, infinity and lone surrogates
    except UnicodeError:
        raise ProtocolError("not UTF-8") from None
    except RecursionError:
        raise ProtocolError("not JSON: nested too deeply") from None
    except json.JSONDecodeError as error:  # `from None`: its `doc` may hold a token
        text = f"not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        raise ProtocolError(text.replace(" at at ", " at ")) from None
    except ProtocolError:
        raise
    except ValueError:
        raise ProtocolError("not JSON: number out of range") from None
    if type(fields) is not dict:
        raise ProtocolError(f"{what} must be an object")
    return fields


def _field(fields: "dict[str, Any]", name: str, kind: type, *default: "Any") -> "Any":
    """Return a field of this type. A default makes it optional; None as default allows null."""
    if name not in fields and not default:
        raise ProtocolError(f"missing field `{name}`")
    value = fields.get(name, *default)
    if type(value) is not kind and (value is not None or default != (None,)):  # a bool is not int
        names = {str: "a string", int: "an integer", bool: "true or false", dict: "an object"}
        raise ProtocolError(f"field `{name}` must be {names.get(kind, 'a list')}")
    return value


def _strings(fields: "dict[str, Any]", name: str) -> "list[str]":
    values: list[str] = _field(fields, name, list, [])
    if {*map(type, values)} - {str}:
        raise ProtocolError(f"field `{name}` must be a list of strings")
    return values


# ---- Registry and requests ----------------------------------------------------------------------
class _Record:
    """Named fields. `_read` and `_write` of a variant handle strings: override for other types."""

    __match_args__: "tuple[str, ...]" = ()
    kind: str  # always read from the class: a provider may set an attribute

    def __init_subclass__(cls, kind: str = "") -> None:
        if kind:
            cls.kind = kind

    @classmethod
    def _read(cls: "Any", fields: "dict[str, Any]") -> "Any":
        return cls(*[_field(fields, name, str) for name in cls.__match_args__])

    def _write(self) -> "dict[str, Any]":
        return {name: getattr(self, name) for name in self.__match_args__}

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __repr__(self) -> str:
        fields = [f"{name}={getattr(self, name)!r}" for name in self.__match_args__]
        return f"{type(self).__name__}({', '.join(fields)})"


class RegistryInfo(_Record):
    """The registry that a request is about. Source: `RegistryInfo`.

    - index_url: as Cargo writes it, with `sparse+`. For crates.io it is always CRATES_IO_INDEX.
    - name: its name in Cargo's configuration, or None; `crates-io` for crates.io. Do not trust it:
      a cloned repository can give this name another index.
    - headers: the headers of the registry's 401 response, as `Name: value`. Compare names without
      case: from Cargo 1.96 on they are in lower case.
    """

    __match_args__ = ("index_url", "name", "headers")

    def __init__(self, index_url: str, name: "str | None" = None, headers: "Sequence[str]" = ()):
        self.index_url, self.name, self.headers = index_url, name, list(headers)

    @property
    def host(self) -> "str | None":
        """The host of the index in lower case, without user and port, or None.

        None for schemes other than http, https (each with or without `sparse+`) and ssh, and for
        URLs that Cargo, libgit2 or git may read differently.
        """
        return self._split_url()[1].strip("[]") or None

    def matches(self, *registries: str) -> bool:
        """Return whether this registry is one of `registries`. False for no entries.

        An entry with `://` must equal `index_url`. Any other entry is HOST, for port 443, or
        HOST:PORT. It matches only https:// and sparse+https://. An entry that is not a str raises
        TypeError.
        """
        for entry in registries:
            _must_be("a registry", entry, str)
            if entry == self.index_url if "://" in entry else self._is_on(entry.lower()):
                return True
        return False

    def _is_on(self, entry: str) -> bool:
        scheme, host, port = self._split_url()
        secure = scheme in ("https", "sparse+https")
        return secure and (entry == f"{host}:{port}" or (entry == host and port == 443))

    def _split_url(self) -> "tuple[str, str, int]":
        """Return scheme, host and port (443 if there is none), or empty values if parsers differ.

        Cargo reads https as browsers do: it decodes `%`, takes a backslash for a slash, and reads
        0x7f.1 as 127.0.0.1. To libgit2, `?` and `#` do not end the host of an ssh URL. git looks
        for a host in `@[...]` anywhere in the URL.
        """
        import re

        found = re.match(
            r"(?ai)((?:sparse\+)?https?|ssh)://"
            r"(?:\w[\w.~+:-]*@)?"  # user and password: ssh takes a leading dash for an option
            r"((?:\w[\w-]*\.)*\w[\w-]*|\[[\da-f:]+\])"  # a name, an IPv4 or an IPv6 address
            r"(?::([1-9]\d{0,4})?)?"  # a port
            r"(?:/[!-Z^-~]*)?\Z",  # a path of printable ASCII, without backslashes and brackets
            self.index_url,
        )
        scheme, host, digits = [text.lower() for text in found.groups("")] if found else [""] * 3
        port, labels = int(digits or 443), host.split(".")
        ipv4 = len(labels) == 4 and set(labels) <= {str(number) for number in range(256)}
        if not found or port > 65535 or (labels[-1][:1].isdigit() and not ipv4):
            return "", "", 0
        return scheme, host, port


class Operation(_Record, kind="unknown"):
    """What the token is for. A newer Cargo may send others. Source: `Operation`."""


class ReadOperation(Operation, kind="read"):
    """Read the index or a crate.

    Cargo also sends this before a publish and, if reading requires a token, before all others.
    """


class PublishOperation(Operation, kind="publish"):
    """Publish version `vers` of crate `name`. `cksum` is the SHA-256 of the .crate file in hex."""

    __match_args__ = ("name", "vers", "cksum")

    def __init__(self, name: str, vers: str, cksum: str) -> None:
        self.name, self.vers, self.cksum = name, vers, cksum


class _VersionOperation(Operation):
    __match_args__ = ("name", "vers")

    def __init__(self, name: str, vers: str) -> None:
        self.name, self.vers = name, vers


class YankOperation(_VersionOperation, kind="yank"):
    """Yank (withdraw) version `vers` of crate `name`."""


class UnyankOperation(_VersionOperation, kind="unyank"):
    """Undo the yank of version `vers` of crate `name`."""


class OwnersOperation(Operation, kind="owners"):
    """List or change the owners of crate `name`."""

    __match_args__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class UnknownOperation(Operation):
    """An operation of a newer Cargo."""


class Action(_Record, kind="unknown"):
    """What Cargo requests. A newer Cargo may send others. Source: `Action`."""

    def __str__(self) -> str:
        """Return Cargo's name for the action."""
        return self.kind if self.kind != "unknown" else "<unknown>"


class GetAction(Action, kind="get"):
    """Return a token for `operation`."""

    __match_args__ = ("operation",)

    def __init__(self, operation: Operation) -> None:
        self.operation = operation

    @classmethod
    def _read(cls, fields: "dict[str, Any]") -> "GetAction":
        kind = _OPERATIONS.get(_field(fields, "operation", str), UnknownOperation)
        return cls(kind._read(fields))

    def _write(self) -> "dict[str, Any]":
        return {"operation": type(self.operation).kind, **self.operation._write()}


class LoginOptions(_Record):
    """What `cargo login` passes. Source: `LoginOptions`.

    token: the Secret to store, or None if the provider has to ask for it: see read_token.
    login_url: a page where the user finds a token, or None.
    """

    __match_args__ = ("token", "login_url")

    def __init__(self, token: "Secret | None" = None, login_url: "str | None" = None) -> None:
        self.token, self.login_url = token, login_url


class LoginAction(Action, kind="login"):
    """Store a token."""

    __match_args__ = ("options",)

    def __init__(self, options: LoginOptions) -> None:
        self.options = options

    @classmethod
    def _read(cls, fields: "dict[str, Any]") -> "LoginAction":
        token, url = [_field(fields, name, str, None) for name in ("token", "login-url")]
        return cls(LoginOptions(None if token is None else Secret(token), url))

    def _write(self) -> "dict[str, Any]":
        token = None if self.options.token is None else self.options.token.expose()
        return {"token": token, "login-url": self.options.login_url}


class LogoutAction(Action, kind="logout"):
    """Erase the token."""


class UnknownAction(Action):
    """An action of a newer Cargo. Raise OperationNotSupported."""


class CredentialHello(_Record):
    """A provider's first line: the protocol versions `v` it offers. Source: `CredentialHello`."""

    __match_args__ = ("v",)

    def __init__(self, v: "Sequence[int]") -> None:
        self.v = list(v)

    @classmethod
    def from_json(cls, line: "str | bytes") -> "CredentialHello":
        """Read a hello. Raises ProtocolError."""
        v = _field(_parse(line), "v", list)
        if not all(type(version) is int and 0 <= version < 2**32 for version in v):
            raise ProtocolError("field `v` must be a list of versions")
        return cls(v)

    def to_json(self) -> str:
        """Return the hello as one line of JSON, without its line end."""
        return _encode({"v": self.v})


class CredentialRequest(_Record):
    """What Cargo asks, in protocol version `v`. Source: `CredentialRequest`.

    args: the configured arguments and, for a login, anything after `--` in `cargo login -- ...`.
    """

    __match_args__ = ("v", "registry", "action", "args")

    def __init__(self, v: int, registry: RegistryInfo, action: Action, args: "Sequence[str]" = ()):
        self.v, self.registry, self.action, self.args = v, registry, action, list(args)

    @classmethod
    def from_json(cls, line: "str | bytes") -> "CredentialRequest":
        """Read a request. Raises ProtocolError, also for an unsupported version."""
        fields = _parse(line)
        v, found = _field(fields, "v", int), _field(fields, "registry", dict)
        if v not in _VERSIONS:
            raise ProtocolError(f"unsupported protocol version {v}")
        url, name = _field(found, "index-url", str), _field(found, "name", str, None)
        registry = RegistryInfo(url, name, _strings(found, "headers"))
        action = _ACTIONS.get(_field(fields, "kind", str), UnknownAction)._read(fields)
        return cls(v, registry, action, _strings(fields, "args"))

    def to_json(self) -> str:
        """Return the request as one line of JSON, with a login's token in it."""
        info = self.registry
        registry = {"index-url": info.index_url, "name": info.name, "headers": info.headers}
        fields = {"v": self.v, "registry": _present(registry), "kind": type(self.action).kind}
        return _encode(_present({**fields, **self.action._write(), "args": self.args}))


def _present(fields: "dict[str, Any]") -> "dict[str, Any]":
    return {name: value for name, value in fields.items() if value is not None and value != []}


def negotiate_version(offered: "Sequence[int]", supported: "Sequence[int]") -> int:
    """Return the highest common version, or raise OtherError with Cargo's message."""
    common = set(offered) & set(supported)
    if not common:
        theirs = f"credential provider supports protocol versions {list(offered)}"
        raise OtherError(f"{theirs}, while Cargo supports {list(supported)}")
    return max(common)


# ---- Answers and errors -------------------------------------------------------------------------
class CacheControl(_Record, kind="unknown"):
    """How long Cargo keeps a token in memory: at most until it exits. Source: `CacheControl`."""


class CacheNever(CacheControl, kind="never"):
    """Cargo does not keep the token: it requests one each time that it needs one."""


class CacheExpires(CacheControl, kind="expires"):
    """Cargo keeps the token until 60 seconds before `expiration`, which is stored as an int.

    expiration: Unix seconds as int or float, or a datetime with a time zone. Raises TypeError or
    ValueError for values that Cargo rejects as timestamps, such as milliseconds.
    """

    __match_args__ = ("expiration",)

    def __init__(self, expiration: "int | float | datetime") -> None:
        self.expiration = _unix_seconds(expiration)

    @classmethod
    def _read(cls, fields: "dict[str, Any]") -> "CacheExpires":
        return cls(_field(fields, "expiration", int))

    def _write(self) -> "dict[str, Any]":
        return {"expiration": _unix_seconds(self.expiration)}


class CacheSession(CacheControl, kind="session"):
    """Cargo keeps the token until it exits."""


class CacheUnknown(CacheControl):
    """A setting of a newer protocol. Cargo treats it as CacheNever."""


def _unix_seconds(moment: "int | float | datetime") -> int:
    if not isinstance(moment, (int, float)) and hasattr(moment, "timestamp"):
        if moment.utcoffset() is None:
            raise ValueError("expiration is a datetime without a time zone: give it a tzinfo")
        moment = moment.replace(microsecond=0).timestamp()  # a float would round up the last second
    if isinstance(moment, bool) or not isinstance(moment, (int, float)):
        found = type(moment).__name__
        raise TypeError(f"expiration must be Unix seconds or an aware datetime, not {found}")
    if not -377705116800 <= moment < 253402300800:  # the years -9999 to 9999; NaN fails this, too
        years = "in the years -9999 to 9999 (is it in milliseconds?)"
        raise ProtocolError(f"expiration must be Unix seconds, such as time.time() + 3600, {years}")
    return int(moment)


class CredentialResponse(_Record, kind="unknown"):
    """The answer to an action. Source: `CredentialResponse`."""

    @classmethod
    def from_json(cls, line: "str | bytes") -> "CredentialResponse":
        """Read an answer. Raises the Error that the line carries, or ProtocolError."""
        fields = _parse(line)
        if list(fields) not in (["Ok"], ["Err"]):
            raise ProtocolError("the line must be an object with one field, `Ok` or `Err`")
        if "Err" in fields:
            error = _field(fields, "Err", dict)
            kind = _field(error, "kind", str)
            if kind != "other":
                raise _ERRORS.get(kind, UnknownError)()
            raise OtherError(_field(error, "message", str), _strings(_present(error), "caused-by"))
        response = _field(fields, "Ok", dict)
        variant = _RESPONSES.get(_field(response, "kind", str), UnknownResponse)
        answer: CredentialResponse = variant._read(response)
        return answer

    def to_json(self) -> str:
        """Return the answer as one line of JSON, with its token in it.

        Raises TypeError or ValueError for a field of the wrong type, or a token that no HTTP header
        can carry.
        """
        return _encode({"Ok": {"kind": type(self).kind, **self._write()}})


class GetResponse(CredentialResponse, kind="get"):
    """A token. Cargo sends it unchanged as the `Authorization` header.

    token: a Secret of printable ASCII, with the scheme (`Bearer ...`) if the registry requires one.
    cache: CacheSession(), CacheNever() or CacheExpires(time).
    operation_independent: whether the token is valid for all operations. Even with False, Cargo
    also reads with the token.
    """

    __match_args__ = ("token", "cache", "operation_independent")

    def __init__(
        self,
        token: Secret,
        cache: CacheControl = CacheSession(),
        operation_independent: bool = True,
    ) -> None:
        self.token, self.cache = token, cache
        self.operation_independent = operation_independent

    @classmethod
    def _read(cls, fields: "dict[str, Any]") -> "GetResponse":
        token = Secret(_field(fields, "token", str))
        cache = _CACHES.get(_field(fields, "cache", str), CacheUnknown)._read(fields)
        return cls(token, cache, _field(fields, "operation_independent", bool))

    def _write(self) -> "dict[str, Any]":
        for name, kind in zip(self.__match_args__, (Secret, CacheControl, bool)):
            _must_be(f"GetResponse.{name}", getattr(self, name), kind)
        token = _check_token(self.token, ValueError).expose()
        cache = {"cache": type(self.cache).kind, **self.cache._write()}
        return {"token": token, **cache, "operation_independent": self.operation_independent}


class LoginResponse(CredentialResponse, kind="login"):
    """The token is stored."""


class LogoutResponse(CredentialResponse, kind="logout"):
    """The token is erased."""


class UnknownResponse(CredentialResponse):
    """An answer of a newer protocol."""


class Error(Exception):
    """Base of the errors that Cargo distinguishes by `kind`. Source: `Error`.

    Raise a subclass, as a class or an instance. Cargo shows the message if `kind` is `other`.
    """

    kind = "other"
    caused_by: "tuple[str, ...]" = ()
    _message = "credential action failed"

    def __init_subclass__(cls, kind: str = "", message: str = "") -> None:
        cls.kind, cls._message = kind or cls.kind, message or cls._message

    def __str__(self) -> str:
        return super().__str__() or self._message

    def to_json(self) -> str:
        """Return the error as one line of JSON. A kind that Cargo does not know becomes `other`."""
        if str(self.kind) in _ERRORS:  # str: a provider's kind may be unhashable
            return _encode({"Err": {"kind": str(self.kind)}})
        message, *causes = [  # UTF-8 cannot encode lone surrogates
            str(text).encode("utf-8", "backslashreplace").decode("utf-8")
            for text in (self, *_texts(self.caused_by))
        ]
        return _encode({"Err": {"kind": "other", "message": message, "caused-by": causes}})


def _texts(causes: "str | Sequence[object]") -> "list[str]":
    return [causes] if isinstance(causes, str) else [str(cause) for cause in causes]


class UrlNotSupported(Error, kind="url-not-supported", message="registry not supported"):
    """This provider does not serve the registry. Cargo asks its next provider."""


class NotFound(Error, kind="not-found", message="credential not found"):
    """The provider has no token for the registry. Cargo asks its next provider."""


class OperationNotSupported(
    Error, kind="operation-not-supported", message="requested operation not supported"
):
    """This provider does not support the action. Cargo stops, and asks no other provider."""


class OtherError(Error):
    """Any other error. Cargo shows `message`, then each of `caused_by`, and stops."""

    def __init__(self, message: str = "", caused_by: "str | Sequence[str]" = ()) -> None:
        super().__init__(message)
        self.message = message
        self.caused_by = tuple(_texts(caused_by))


class UnknownError(Error, kind="unknown", message="unknown error kind; try updating Cargo?"):
    """An error of a newer protocol."""


def _by_kind(*classes: "Any") -> "dict[str, Any]":
    return {one.kind: one for one in classes}


_OPERATIONS = _by_kind(
    ReadOperation, PublishOperation, YankOperation, UnyankOperation, OwnersOperation
)
_ACTIONS = _by_kind(GetAction, LoginAction, LogoutAction)
_CACHES = _by_kind(CacheNever, CacheExpires, CacheSession)
_RESPONSES = _by_kind(GetResponse, LoginResponse, LogoutResponse)
_ERRORS = _by_kind(UrlNotSupported, NotFound, OperationNotSupported, UnknownError)  # not `other`


# ---- Providers ----------------------------------------------------------------------------------
class Credential:
    """A provider. Override `get`, `login` and `logout`, or `perform`. Source: `Credential`.

    registries: the index URLs and hosts that may get a token: see RegistryInfo.matches. For any
    other registry, the module answers UrlNotSupported before a method runs. With no entries, your
    methods get every registry: raise UrlNotSupported yourself for those that are not yours.

    args: the configured arguments and, in `login`, anything after `--` in `cargo login -- ...`.
    A method that you do not override raises OperationNotSupported: Cargo stops. `perform` calls the
    three: if you override it, they are not called. The module reports any exception that is not an
    Error as an OtherError.
    """

    registries: "Sequence[str]" = ()

    def perform(
        self, registry: RegistryInfo, action: Action, args: "list[str]"
    ) -> CredentialResponse:
        """Answer one request."""
        if isinstance(action, GetAction):
            return self.get(registry, action.operation, args)
        if isinstance(action, LoginAction):
            return self.login(registry, action.options, args)
        if isinstance(action, LogoutAction):
            return self.logout(registry, args)
        raise OperationNotSupported

    def get(
        self, registry: RegistryInfo, operation: Operation, args: "list[str]"
    ) -> CredentialResponse:
        """Return a GetResponse, or raise NotFound."""
        raise OperationNotSupported

    def login(
        self, registry: RegistryInfo, options: LoginOptions, args: "list[str]"
    ) -> CredentialResponse:
        """Store `read_token(options, registry)` and return LoginResponse()."""
        raise OperationNotSupported

    def logout(self, registry: RegistryInfo, args: "list[str]") -> CredentialResponse:
        """Erase the token and return LogoutResponse(), or raise NotFound."""
        raise OperationNotSupported


class UnsupportedCredential(Credential):
    """A provider that serves no registry. Source: `UnsupportedCredential`."""

    def perform(self, registry: RegistryInfo, action: Action, args: "list[str]") -> "NoReturn":
        """Raise UrlNotSupported."""
        raise UrlNotSupported


def serve(credential: Credential, reader: "BinaryIO", writer: "BinaryIO") -> None:
    """Run a provider over two binary streams. `main` does this with Cargo's pipes.

    Writes the hello, then an answer for each line until `reader` ends, and flushes each time. A
    line that is not a request gets an error of protocol version 1, and ends the session. Raises
    OSError if a stream fails.
    """
    global _remembered
    _send(writer, CredentialHello(_VERSIONS).to_json())
    try:
        for line in iter(reader.readline, b""):
            _remembered = _passing
            for value in list(_passing)[:-500]:  # the memory of a long session stays flat
                _passing.pop(value, None)
            try:
                request = CredentialRequest.from_json(line)
            except ProtocolError as error:
                return _send(writer, OtherError(str(error)).to_json())
            _send(writer, _answer(credential, request))
    finally:
        _remembered = _lasting


def _send(writer: "IO[bytes]", line: str) -> None:
    writer.write(line.encode("utf-8") + b"\n")
    writer.flush()


def _answer(credential: Credential, request: CredentialRequest) -> str:
    process = os.getpid()
    status: object = None
    try:
        _check_registry(credential, request.registry)
        response = credential.perform(request.registry, request.action, request.args)
        line = _line(response, request.action)
    except BaseException as error:  # also SystemExit: Cargo waits for an answer
        if isinstance(error, KeyboardInterrupt):
            raise
        line, status = _error_line(error), error.code if isinstance(error, SystemExit) else 1
    if os.getpid() != process:  # the provider forked: only its parent may answer
        os._exit(status & 255 if isinstance(status, int) else status is not None)
    return line


def _check_registry(credential: Credential, registry: RegistryInfo) -> None:
    name = getattr(credential, "__name__", type(credential).__name__)
    if isinstance(credential, type):
        raise TypeError(f"main takes an instance: write main({name}()), not main({name})")
    registries = credential.registries
    if isinstance(registries, (str, bytes)):
        raise TypeError(f"{name}.registries must be a tuple of strings: write ({registries!r},)")
    if registries and not registry.matches(*registries):
        raise UrlNotSupported


def _line(response: "Any", action: Action) -> str:
    """Return the line of a response. Raises TypeError or ValueError if Cargo would reject it."""
    expected: Any = _RESPONSES.get(type(action).kind)
    if expected is None or not isinstance(response, expected):
        found = f"the provider returned {_type_of(response)} for the action `{action}`"
        hint = f"return a {expected.__name__}, or " if expected else ""
        raise TypeError(f"{found}: it must {hint}raise an Error")
    return CredentialResponse.to_json(response)  # one line, whatever a subclass overrides


def _error_line(error: BaseException) -> str:
    try:
        if isinstance(error, Error) and str(error.kind) in _ERRORS:
            return Error.to_json(error)
        _show_traceback(error)
        message, *causes = _redact(_describe(error))
    except BaseException as failure:  # an exception may refuse to be read
        if isinstance(failure, KeyboardInterrupt):
            raise
        message, causes = "the provider raised an exception that cannot be shown", []
    return OtherError(message, causes).to_json()


def _describe(error: "BaseException | None") -> "list[str]":
    """Return the text of an exception, then its causes, the nearest first, by Python's rules."""
    texts: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        texts.append(_text(error))
        if isinstance(error, Error):
            texts.extend(_texts(error.caused_by))
        group: tuple[BaseException, ...] | None = getattr(error, "exceptions", None)
        texts.extend([_text(one) for one in group] if isinstance(group, tuple) else [])
        context = None if error.__suppress_context__ else error.__context__
        error = context if error.__cause__ is None else error.__cause__
    return texts


def _text(error: BaseException) -> str:
    """Return the text of an exception, or its class if it has none."""
    name = type(error).__name__
    if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
        return f"the provider tried to exit with status {error.code or 0} instead of answering"
    text = str(error)
    if isinstance(error, KeyError):  # its text is only the key
        return f"{name}: {text}"
    return text if text.strip() else name


# ---- I/O: the terminal --------------------------------------------------------------------------
_TERMINAL = ("CONIN$", "CONOUT$") if sys.platform == "win32" else ("/dev/tty", "/dev/tty")


def main(credential: Credential) -> None:
    """Run a provider: `main(Provider())` is the whole program. Source: `main`.

    Answers Cargo until Cargo closes the pipe. Until the program exits, standard input and output
    are the terminal, or the null device if there is none. Removes empty and relative parts from
    PATH, so that programs never run from the current directory. Exits with status 130 at Ctrl-C.

    With --help, or on a terminal without --cargo-plugin, it prints the program's docstring and how
    to configure Cargo.
    """
    words = sys.argv[1:]
    if "--help" in words or (os.isatty(0) and "--cargo-plugin" not in words):
        return _print_help(sys.modules["__main__"].__doc__ or "")
    _clean_path()
    try:
        reader, writer = _take_console()
    except OSError as error:
        sys.exit(f"cannot separate Cargo's pipes from the terminal: {error}")
    try:
        with reader, writer:
            serve(credential, reader, writer)
    except OSError:
        pass  # Cargo closed the pipe
    except KeyboardInterrupt:
        os._exit(130)  # a second Ctrl-C would print an exception that may hold a token
    finally:
        _flush(sys.stdout, 1)
        _flush(sys.stderr, 2)


def _print_help(text: str) -> None:
    words = [word for word in sys.argv[1:] if word != "--help"]
    command = json.dumps([os.path.abspath(sys.argv[0]), *words], ensure_ascii=False)
    sys.stdout.write(f"{text.strip()}\n\n{_CONFIGURATION.format(command)}".lstrip())


_CONFIGURATION = """\
This is a credential provider: Cargo runs it with --cargo-plugin to get a registry's token. To use
it for a registry, add this to config.toml in $CARGO_HOME (~/.cargo if that is not set), with the
provider's arguments if it requires any:

[registries.NAME]
credential-provider = {}
"""


def _clean_path() -> None:
    if sys.platform == "win32":
        os.environ["NoDefaultCurrentDirectoryInExePath"] = "1"
    for path in (os.environ.get("PATH", ""), os.defpath):
        kept = [part for part in path.split(os.pathsep) if os.path.isabs(part)]
        if kept:
            os.environ["PATH"] = os.pathsep.join(kept)
            return


def _take_console() -> "tuple[BinaryIO, BinaryIO]":
    """Return Cargo's pipes, and put the terminal in their place. Source: the crate's `stdio`."""
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= 2:  # 0, 1 or 2 was closed: another file would get its number
        os.set_inheritable(descriptor, True)
        descriptor = os.open(os.devnull, os.O_RDWR)
    os.close(descriptor)
    # os.dup makes copies that no child process inherits
    reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    _attach(0, _TERMINAL[0])
    _attach(1, _TERMINAL[1])
    _flush(sys.stdout, 1)  # what is printed so far goes to the terminal, too
    terminal = _open_text(0, "r", "replace")
    for name in ("stdin", "__stdin__"):  # getpass on Windows asks only if they are the same
        setattr(sys, name, terminal)
    sys.stdout = _open_text(1, "w", "backslashreplace")
    sys.stderr = sys.stderr or _open_text(2, "w", "backslashreplace")  # it was closed
    return reader, writer


def _open_text(descriptor: int, mode: str, errors: str) -> "Any":
    return open(descriptor, mode, buffering=1, errors=errors, closefd=False)


def _attach(descriptor: int, device: str) -> None:
    """Open a device, or the null device if that fails, in place of a standard descriptor."""
    try:
        opened = os.open(device, os.O_RDWR)
    except OSError:
        opened = os.open(os.devnull, os.O_RDWR)
    os.dup2(opened, descriptor)  # child processes inherit the copy
    os.close(opened)


def _flush(stream: "TextIO | None", descriptor: int) -> None:
    """Flush a stream, or discard its text: Python's flush at exit would change the exit status."""
    try:
        if stream:
            stream.flush()
    except (OSError, ValueError):
        _attach(descriptor, os.devnull)


def _say(line: str) -> None:
    """Print a line on standard error. Escapes control characters, which a registry may send."""
    shown = "".join([char if char.isprintable() else ascii(char)[1:-1] for char in line])
    try:
        sys.stderr.write(shown + "\n")
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError, LookupError):
        pass  # it is closed, broken, or cannot encode the text: the answer matters more


def _show_traceback(error: BaseException) -> None:
    if os.environ.get("CARGO_CREDENTIAL_TRACEBACK", "0") not in ("", "0"):
        import traceback

        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        for line in _redact([text])[0].splitlines():
            _say(line)


def read_line() -> str:
    """Return a line from the terminal, stripped, or "" at the end of input. Source: `read_line`."""
    return sys.stdin.readline().strip() if sys.stdin else ""


def read_token(options: LoginOptions, registry: RegistryInfo) -> Secret:
    """Return the token to store: the one that Cargo passes, or what the user types, hidden.

    Raises OtherError if the user types nothing, if no terminal is found, or if no HTTP header can
    carry the token. Cargo shows the message and stops. Source: `read_token`.
    """
    token, problem = options.token, "no token was passed"
    if token is None:
        # A checkout can give the name another index, and that index can give any login URL
        prefix = f"registry {registry.name}, " if registry.name else ""
        page = f"for {registry.name or registry.index_url}"
        page = page if options.login_url is None else f"found on {options.login_url}"
        lines = [f"please paste the token {page} below"]
        if prefix or options.login_url is not None:
            lines.insert(0, f"{prefix}index {registry.index_url}")
        if len(ascii(lines)) > 1000:  # half of a small terminal: the index must stay on the screen
            hint = "check the registry's name and index"
            raise OtherError(f"the prompt would be longer than 1000 characters: {hint}")
        for line in lines:
            _say(line)
        token, problem = _read_hidden_line()
    if not token:
        name = registry.name if registry.name not in (None, "crates-io") else ""
        command = f"cargo login --registry {name} < FILE" if name else "cargo login < FILE"
        raise OtherError(f"{problem}: to pass it from a file, run `{command}`")
    return _check_token(token, OtherError)


def _read_hidden_line() -> "tuple[Secret, str]":
    """Return what the user types, and what to report if that is nothing."""
    import getpass
    import warnings

    try:
        os.close(os.open(_TERMINAL[0], os.O_RDWR))  # without a terminal, getpass would read a pipe
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)  # it would show the token
            return Secret(getpass.getpass("").strip()), "no token was entered"
    except EOFError:
        return Secret(""), "no token was entered"
    except UnicodeError:
        return Secret("\ufffd"), ""  # refused as a character outside ASCII
    except (OSError, Warning):
        return Secret(""), "no terminal was found to type the token on"


# ---- I/O: Cargo's side --------------------------------------------------------------------------
class CredentialProcess(Credential):
    """Another provider, run as Cargo runs it. Source: Cargo's `CredentialProcessCredential`.

    path: the program, as an absolute path or a name on PATH. Raises OtherError for a provider that
    is built into Cargo, and for a relative path: only Cargo knows what it is relative to.
    args: its configured arguments. The provider gets them before those of a request.

    Each method runs the provider once, waits for its exit, and returns its answer or raises the
    Error in it. If the provider breaks the protocol, the method kills it and raises OtherError with
    Cargo's message, and the reason in `caused_by`. In a subclass, override only `perform`: the
    other methods and `main` call it.
    """

    def __init__(self, path: str, *args: str) -> None:
        if path.startswith("cargo:"):
            raise OtherError(f"`{path}` is built into Cargo: name a program")
        if os.path.dirname(path) and not os.path.isabs(path):  # it could be a program of a checkout
            raise OtherError(f"`{path}` is a relative path: name the absolute path of the provider")
        self._path, self._args = path, args

    def get(
        self, registry: RegistryInfo, operation: Operation, args: "list[str]"
    ) -> CredentialResponse:
        """Run the provider's `get`."""
        return self.perform(registry, GetAction(operation), args)

    def login(
        self, registry: RegistryInfo, options: LoginOptions, args: "list[str]"
    ) -> CredentialResponse:
        """Run the provider's `login`."""
        return self.perform(registry, LoginAction(options), args)

    def logout(self, registry: RegistryInfo, args: "list[str]") -> CredentialResponse:
        """Run the provider's `logout`."""
        return self.perform(registry, LogoutAction(), args)

    def perform(
        self, registry: RegistryInfo, action: Action, args: "list[str]"
    ) -> CredentialResponse:
        import contextlib
        import subprocess

        command, pipe = [self._path, "--cargo-plugin"], subprocess.PIPE
        try:
            child = subprocess.Popen(command, stdin=pipe, stdout=pipe)
        except OSError as error:
            raise _failure("failed to spawn credential process", error) from None
        try:
            answer: CredentialResponse | Error = _ask(child, registry, action, [*self._args, *args])
            status = _wait(child)
        except BaseException as error:
            # `child` closes the pipes and waits
            with contextlib.suppress(OSError, subprocess.TimeoutExpired), child:
                try:
                    if isinstance(error, KeyboardInterrupt):  # which it got, too: let it clean up
                        child.wait(1)
                finally:
                    child.kill()
            raise
        if status:
            raise OtherError(f"credential process `{self._path}` failed with status {status}")
        if isinstance(answer, Error):
            raise answer
        try:
            _line(answer, action)
        except (TypeError, ValueError) as error:
            what = f"credential provider produced unexpected response for `{action}` request"
            raise OtherError(what, str(error)) from None
        return answer


def _ask(child: "Any", registry: RegistryInfo, action: Action, args: "list[str]") -> "Any":
    """Return the answer, or the Error in it."""
    hello = _read_message(child.stdout, "hello", CredentialHello.from_json)
    v = negotiate_version(hello.v, _VERSIONS)
    try:
        _send(child.stdin, CredentialRequest(v, registry, action, args).to_json())
    except UnicodeError:
        raise OtherError("failed to serialize request", "not UTF-8") from None
    except OSError as error:
        raise _failure("failed to write to credential provider", error) from None
    return _read_message(child.stdout, "response", CredentialResponse.from_json)


def _read_message(stdout: "IO[bytes]", what: str, parse: "Callable[[bytes], Any]") -> "Any":
    line = stdout.readline()
    try:
        return parse(line)
    except Error as error:
        return error
    except ProtocolError as error:
        problem = str(error) if line else f"the provider closed its output before its {what}"
        action = f"deserialize {what}"
        if problem == "not UTF-8":
            action = f"read {what} from credential provider"
        raise OtherError(f"failed to {action}", problem) from None


def _wait(child: "Any") -> str:
    """Wait for the exit, and drop what the provider still prints. Return its status on failure."""
    import contextlib
    import signal
    import threading

    def drop_output() -> None:
        with contextlib.suppress(OSError, ValueError), child.stdout:
            while os.read(child.stdout.fileno(), 65536):
                pass

    child.stdin.close()
    threading.Thread(target=drop_output, daemon=True).start()  # its child may keep the pipe open
    code = child.wait()
    if code >= 0:
        return f"exit {'code' if sys.platform == 'win32' else 'status'}: {code}" if code else ""
    names = {number.value: f" ({number.name})" for number in signal.Signals}
    return f"signal: {-code}{names.get(-code, '')}"


def _failure(message: str, error: OSError) -> OtherError:
    return OtherError(message, f"{os.strerror(error.errno or 0)} (os error {error.errno})")


# ---- I/O: the file provider ---------------------------------------------------------------------
class _FileCredential(Credential):
    """The provider of `--example-file`. Source: the crate's example `file-provider`."""

    def __init__(self, options: "list[str]") -> None:
        self._options = options

    def perform(
        self, registry: RegistryInfo, action: Action, args: "list[str]"
    ) -> CredentialResponse:
        path, any_registry = _file_options(self._options + args)
        if not path:
            hint = "add it after the path in `credential-provider`"
            raise OtherError(f"cargo_credential.py is a provider only with --example-file: {hint}")
        if not any_registry and not registry.matches(CRATES_IO_INDEX):
            raise UrlNotSupported
        path, url = os.path.realpath(path), registry.index_url  # a symbolic link stays one
        if isinstance(action, GetAction):
            tokens = _read_store(path)
            if url not in tokens:
                raise NotFound
            return GetResponse(Secret(tokens[url]))
        if isinstance(action, LoginAction):
            _change_store(path, url, read_token(action.options, registry))
            return LoginResponse()
        if isinstance(action, LogoutAction):
            # A killed login may have left the token in the .tmp file. Without a lock, the logout of
            # a missing token works in a read-only directory.
            left = os.path.lexists(path + ".tmp")
            if not left and url not in _read_store(path, warn=False):
                raise NotFound
            _change_store(path, url, None)
            return LogoutResponse()
        raise OperationNotSupported


def _file_options(arguments: "list[str]") -> "tuple[str, bool]":
    """Return the path, and whether to serve any registry. Raises OtherError for other options."""
    path, any_registry, rest = "", False, list(arguments)
    while rest:
        option = rest.pop(0)
        if option == "--example-file":
            named = rest and not rest[0].startswith("--")
            path = rest.pop(0) if named else "cargo-credentials.json"
        elif option == "--any-registry":
            any_registry = True
        elif option != "--cargo-plugin":
            known = "--example-file [PATH] and --any-registry"
            raise OtherError(f"unknown option `{option}`: the options are {known}")
    return path, any_registry


def _read_store(path: str, warn: bool = True) -> "dict[str, str]":
    """Return the tokens by index URL. A missing file has none."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)  # do not wait for the writer of a named pipe
    store = f"the token store `{path}`"
    try:
        with open(_retry(lambda: os.open(path, flags)), "rb") as file:
            _check_status(store, os.fstat(file.fileno()), warn)
            tokens = _parse(file.read().strip() or b"{}", "the store")
        return {url: _field(tokens, url, str) for url in tokens}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise OtherError(f"cannot read {store}") from error
    except ProtocolError as error:
        hint = "It was not changed: repair it or move it away"
        raise OtherError(f"{store} is damaged. {hint}") from error


def _check_status(store: str, status: os.stat_result, warn: bool) -> None:
    if status.st_mode & 0o170000 != 0o100000:
        raise OtherError(f"{store} is not a regular file")
    if sys.platform != "win32" and status.st_uid != os.geteuid():
        owner = f"belongs to another user (uid {status.st_uid}). It was not changed"
        raise OtherError(f"{store} {owner}: name another file with --example-file")
    if sys.platform != "win32" and warn and status.st_mode & 0o077:
        _say(f"warning: other users may access {store}: run `chmod 600` on it")


def _change_store(path: str, index_url: str, token: "Secret | None") -> None:
    """Store a token or erase it. One process at a time replaces the file, in one step."""
    if os.path.exists(path):  # first: our lock file would lock out the owner of the store
        _check_status(f"the token store `{path}`", os.stat(path), warn=False)
    umask = os.umask(0o077)  # under some masks, this user could not read the new files
    flags = os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    lock, temporary = path + ".lock", path + ".tmp"
    try:
        with open(os.open(lock, os.O_RDWR | flags, 0o600), "rb") as locked:
            _retry(lambda: _lock(locked.fileno()), 60, lock)
            _discard(temporary)  # a killed process may have left it
            tokens = _read_store(path)
            if tokens.pop(index_url, None) is None and token is None:
                raise NotFound
            if token is not None:
                tokens[index_url] = token.expose()
            try:
                with open(os.open(temporary, os.O_WRONLY | os.O_EXCL | flags, 0o600), "wb") as file:
                    file.write(json.dumps(tokens, indent=2).encode("ascii") + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
                _retry(lambda: os.replace(temporary, path))
            except BaseException:
                _discard(temporary)
                raise
    except OSError as error:
        folder = os.path.dirname(path)
        unchanged = ". It was not changed"
        hint = unchanged if os.path.isdir(folder) else f": create the directory `{folder}`"
        raise OtherError(f"cannot write the token store `{path}`{hint}") from error
    finally:
        os.umask(umask)


def _discard(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _lock(descriptor: int) -> None:
    """Lock an open file, or fail if another process has locked it. Closing it releases the lock."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _retry(action: "Callable[[], _T]", seconds: int = 5, lock: str = "") -> "_T":
    """Retry while another process holds the lock or, on Windows, keeps the file open."""
    import time

    start, reported = time.monotonic(), not lock
    while True:
        waited = time.monotonic() - start
        try:
            return action()
        except OSError as error:
            busy = isinstance(error, BlockingIOError)
            if sys.platform == "win32":  # the error for a lock is not always the same
                busy = bool(lock) or not isinstance(error, FileNotFoundError)
            if not busy or (waited > seconds and not lock):
                raise
            if waited > seconds:
                message = f"another process has held the lock `{lock}` for a minute"
                raise OtherError(f"{message}: end that process, then try again") from None
        if waited > 1 and not reported:
            _say(f"waiting for another process to release the lock `{lock}`")
            reported = True
        time.sleep(0.01)


# ---- The program --------------------------------------------------------------------------------
_USAGE = """\
usage: cargo_credential.py --example-file [PATH] [--any-registry]
       cargo_credential.py --help | --version

A credential provider for Cargo that keeps tokens in a file. To write your own provider, see
`python3 -m pydoc ./cargo_credential.py`.

  --example-file [PATH]  the absolute path of the file; by default, for trying it out,
                         cargo-credentials.json in the current directory
  --any-registry         serve all registries, not only crates.io
  --cargo-plugin         talk to Cargo on standard input and output, even on a terminal
"""


def _run(arguments: "list[str]") -> None:
    if {"-h", "--help"} & set(arguments) or (not arguments and os.isatty(0)):
        sys.stdout.write(_USAGE)
    elif "--version" in arguments:
        sys.stdout.write(f"cargo_credential.py {__version__}\n")
    else:
        try:
            _file_options(arguments)
        except OtherError as error:
            _say(f"cargo_credential.py: {error}")
            sys.exit(2)
        sys.modules["__main__"].__doc__ = _USAGE  # for main's --help
        main(_FileCredential(arguments))
        _flush(sys.stdout, 1)
        os._exit(0)  # Python's own exit takes a tenth of the run


if __name__ == "__main__":
    _run(sys.argv[1:])
