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

A provider is a program that Cargo starts as `PATH --cargo-plugin` to get, store or erase a
registry's token. The two talk in single lines of JSON on the provider's standard input and
output. A whole provider, in an executable file `prov.py`:

    #!/usr/bin/env python3
    from cargo_credential import Credential, GetResponse, Secret, main

    class Provider(Credential):
        registries = ("crates.corp.example",)  # for every other, Cargo asks its next provider

        def get(self, registry, operation, args):
            with open("/run/secrets/cargo-token") as file:
                return GetResponse(Secret(file.read().strip()))

    main(Provider())

and the lines in `.cargo/config.toml` that make Cargo use it:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/prov.py"]

`chmod +x prov.py` and name its whole path: `["python3", "prov.py"]` cannot work, since Cargo starts
the first word with `--cargo-plugin` alone. While `perform` runs, print() and input() are the
terminal. Cargo sends a token as it is, so put the scheme in front that your registry wants, as in
`token.map(lambda t: "Bearer " + t)`. CARGO_CREDENTIAL_TRACEBACK=1 shows an exception's traceback.
Read first: Credential, RegistryInfo, GetResponse, Secret, read_token, main.

What a provider raises decides what Cargo does next: after UrlNotSupported and NotFound it asks
the next provider; OperationNotSupported, OtherError and every other exception end its command.
So say in `registries` which indexes or hosts may have the token: a clone's configuration can
give a registry another index. An index URL is compared as it is; a host stands for every index
at https:// on it, so never name one where others can put files, as on a forge.

How tokens stay hidden: a Secret shows its value only through expose() and map(). In error texts for
Cargo and on standard error, the module replaces the values of all Secrets made outside of a request,
and of the newest 500 made in requests, also where JSON or repr has escaped them. It does not replace:
- a value that was never a Secret, or a part of one (but it does replace what follows `Bearer `)
- a value of one character, or of two or three within a word
- an encoded value (base64, a URL), or what the provider and its children print themselves
So make a token a Secret as soon as you have it.

This is the Rust crate cargo-credential 0.4.11 in Python: "Source" names the crate's item.
https://doc.rust-lang.org/cargo/reference/credential-provider-protocol.html is the protocol.
"""

import json
import os
import sys

TYPE_CHECKING = False  # type checkers take it for typing's, and nothing is imported at run time
if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import datetime
    from typing import IO, Any, BinaryIO, TypeVar

    _T = TypeVar("_T")

__version__ = "1.1.0"
__all__ = [
    "CRATES_IO_INDEX", "PROTOCOL_VERSION_1", "Action", "CacheControl", "CacheExpires", "CacheNever",
    "CacheSession", "CacheUnknown", "Credential", "CredentialHello", "CredentialProcess", "CredentialRequest",
    "CredentialResponse", "Error", "GetAction", "GetResponse", "LoginAction", "LoginOptions", "LoginResponse",
    "LogoutAction", "LogoutResponse", "NotFound", "Operation", "OperationNotSupported",
    "OtherError", "OwnersOperation", "ProtocolError", "PublishOperation", "ReadOperation",
    "RegistryInfo", "Secret", "UnknownAction", "UnknownError", "UnknownOperation",
    "UnknownResponse", "UnsupportedCredential", "UnyankOperation", "UrlNotSupported",
    "YankOperation", "main", "negotiate_version", "read_line", "read_token", "serve",
]

PROTOCOL_VERSION_1 = 1
CRATES_IO_INDEX = "https://github.com/rust-lang/crates.io-index"  # whatever the protocol


# ---- Secrets -------------------------------------------------------------------------------

_REDACTED = "[REDACTED]"
_MASKED = f"Secret({_REDACTED})"
_lasting: "dict[str, None]" = {}  # the values of Secrets that were made outside of a request
_passing: "dict[str, None]" = {}  # the values of those that requests made, the newest last
_remembered = _lasting  # where the next one goes


class Secret:
    """Holds a token, a str, and shows it in no repr, str, format or pickle. Source: `Secret`.

    Raises TypeError for anything but a str. Two Secrets are equal if their values are.
    """
    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        _must_be("a Secret's value", value, str)
        self._value = value
        _remembered.pop(value, None)  # made again, it is the newest
        _remembered[value] = None

    def expose(self) -> str:
        """The value itself: from here on, keeping it hidden is up to you."""
        return self._value

    def map(self, f: "Callable[[str], str]") -> "Secret":
        """A Secret of `f(value)`, as in `token.map(lambda t: "Bearer " + t)`."""
        return Secret(f(self._value))

    def is_empty(self) -> bool:
        """Whether the value is the empty string."""
        return not self._value

    def __bool__(self) -> bool:
        return not self.is_empty()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return _MASKED

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def __getstate__(self) -> object:  # what pickle asks for
        raise TypeError("a Secret cannot be pickled: pass on expose() where the value must go")


def _must_be(what: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"{what} must be a {kind.__name__}, not {type(value).__name__}")


def _fold(text: str) -> "tuple[str, list[int]]":
    """The text with its escapes resolved, and where in `text` each of its characters begins.

    It sees through JSON, repr and ascii, nested to any depth. How often a backslash or the `n`
    after it was escaped cannot be known, so backslashes are dropped and a line break is an `n`.
    """
    import re

    escape = (
        _BACKSLASHES + r"(?s:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|U(00[01][0-9A-Fa-f]{5})|(.)|\Z)|([\n\r\t\b\f])"
    )
    folded: list[str] = []
    positions: list[int] = []
    end = 0
    for found in re.finditer(escape, text):
        digits = found.group(1) or found.group(2) or found.group(3)
        char = chr(int(digits, 16)) if digits else found.group(4) or found.group(5) or ""
        folded += [text[end : found.start()], _LETTERS.get(char, char)]
        positions += [*range(end, found.start()), *[found.start()] * len(char)]
        end = found.end()
    return "".join(folded) + text[end:], [*positions, *range(end, len(text) + 1)]


_BACKSLASHES = r"\\(?:\\|u005[Cc]|x5[Cc])*"
_LETTERS = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}


def _forms(value: str) -> "set[str]":
    """The value, stripped, and without a scheme such as `Bearer `."""
    stripped = value.strip()
    if len(stripped) < 2 or _MASKED in stripped:
        return set()
    return {value, stripped, stripped.partition(" ")[2].strip()}


def _folded_forms(form: str) -> "dict[str, bool]":
    """The form as _fold leaves it, also after JSON made surrogates or repr made bytes of it, and
    whether it ended with a backslash."""
    as_bytes = repr(form.encode("utf-8", "surrogatepass"))[2:-1]
    texts = {form, json.dumps(form)[1:-1], as_bytes}
    return {_fold(text)[0]: form.endswith("\\") for text in texts}


def _spans(text: str, values: "Collection[str]") -> "Iterator[tuple[int, int]]":
    """Where the values are in the text. One of 2 or 3 characters must be a whole word: it would
    match inside ordinary words."""
    lengths: dict[str, set[int]] = {}  # of the values with the same first characters
    for value in values:
        lengths.setdefault(value[:4], set()).add(len(value))
    for size in {len(start) for start in lengths} - {0, 1}:
        for i in range(len(text) - size + 1):
            for length in lengths.get(text[i : i + size], ()):
                end = i + length
                if end <= len(text) and text[i:end] in values:
                    if size > 3 or _is_word(text, i, end):
                        yield i, end


def _is_word(text: str, start: int, end: int) -> bool:
    around = text[max(start - 1, 0) : start] + text[end : end + 1]
    return not any([char.isalnum() or char == "_" for char in around])


def _redacted(texts: "list[str]") -> "list[str]":
    """The texts without the values of the Secrets that are remembered."""
    values = {form for value in [*_lasting, *_passing] for form in _forms(value)}
    folded: dict[str, bool] = {}
    for value in values:
        folded.update(_folded_forms(value))
    return [_cut(text, values, folded) for text in texts]


def _cut(text: str, values: "set[str]", folded_values: "dict[str, bool]") -> str:
    import re

    folded, positions = _fold(text)
    spans = list(_spans(text, values))
    for start, end in _spans(folded, folded_values):
        stop = positions[end]
        if folded_values[folded[start:end]]:
            found = re.compile(_BACKSLASHES).match(text, stop)
            stop = found.end() if found else stop
        spans.append((positions[start], stop))
    pieces = []
    rest = 0
    for start, end in sorted(spans):
        if start >= rest:
            pieces += [text[rest:start], _REDACTED]
        rest = max(rest, end)
    return "".join(pieces) + text[rest:]


def _forget() -> None:
    """Keep the newest 500 values of earlier requests, so that a session's memory stays flat."""
    for value in list(_passing)[:-500]:
        _passing.pop(value, None)


def _unsendable(token: str) -> "str | None":
    """What keeps a token out of an HTTP header, or None if nothing does.

    Cargo checks this only when it publishes; else, a line break adds a header to its requests.
    """
    refused = [c for c in token if not " " <= c <= "~" and c != "\t"]
    if _MASKED in token:
        return (
            f"the token contains `{_MASKED}`, the text of a Secret: write"
            ' token.map(lambda t: "Bearer " + t) instead of f"Bearer {token}"'
        )
    if not token.strip(" \t"):
        fault = "is empty"
    elif not refused:
        return None
    elif token[-1] in "\r\n":
        fault = "ends with a line break"
    elif "\n" in refused or "\r" in refused:
        fault = "contains a line break"
    else:
        outside = max(refused) > "\x7f"
        fault = "contains a " + ("character outside ASCII" if outside else "control character")
    return f"the token {fault}, so no HTTP header can carry it"


# ---- Data types: what the messages say -----------------------------------------------------


class _Record:
    """Named fields: equal by class and fields."""
    __match_args__: "tuple[str, ...]" = ()
    kind = "unknown"  # its name on the wire

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __repr__(self) -> str:
        fields = ", ".join([f"{name}={value!r}" for name, value in vars(self).items()])
        return f"{type(self).__name__}({fields})"


class RegistryInfo(_Record):
    """The registry of a request. Source: `RegistryInfo`.

    index_url: as configured, with `sparse+`; CRATES_IO_INDEX for crates.io, whatever the protocol.
    name: its name in Cargo's configuration, `crates-io` for crates.io, None where there is none.
    headers: those of the 401 that led to the request, as `Name: value`.
    """
    __match_args__ = ("index_url", "name", "headers")

    def __init__(
        self, index_url: str, name: "str | None" = None, headers: "Sequence[str]" = ()
    ) -> None:
        self.index_url = index_url
        self.name = name
        self.headers = list(headers)

    @property
    def host(self) -> "str | None":
        """The index URL's host in lower case, without user and port.

        None unless the scheme is http or https (each with or without `sparse+`) or ssh, and
        wherever Cargo could read another host than this text shows.
        """
        return self._split_url()[1].strip("[]") or None

    def matches(self, *registries: str) -> bool:
        """Return whether this registry is one of `registries`. False for none.

        An entry with `://` is an index URL: it must be equal to `index_url`. Any other is a host,
        as in `crates.corp.example` or `crates.corp.example:8443`: the index must be at https://
        or sparse+https:// on this host and port, 443 by default. Raises TypeError for an entry
        that is not a str.
        """
        scheme, host, port = self._split_url()
        hosts = [f"{host}:{port}", host] if port == 443 else [f"{host}:{port}"]
        for entry in registries:
            _must_be("a registry", entry, str)
            if entry == self.index_url if "://" in entry else (
                scheme.endswith("https") and entry.lower() in hosts
            ):
                return True
        return False

    def _split_url(self) -> "tuple[str, str, int]":
        """Scheme, host (an IPv6 address in brackets) and port; empty if there is any doubt."""
        import re

        # Cargo hands https to a parser that decodes `%`, takes a backslash for a slash and reads
        # 0x7f.1 as 127.0.0.1, and ssh to libgit2, which lets `?` and `#` be part of the host. This
        # takes only what all of them read alike: https://url.spec.whatwg.org/#host-parsing
        found = re.match(
            r"((?:sparse\+)?https?|ssh)://"
            r"(?:[a-z0-9_][a-z0-9_.~+:-]*@)?"  # user and password; ssh reads a leading - as an option
            r"((?!-)(?:[a-z0-9_-]+\.)*[a-z][a-z0-9_-]*"  # a name; numbers at its end are an address
            r"|(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})"  # an IPv4 address
            r"|\[[0-9a-f:.]+\])"  # an IPv6 address
            r"(?::([1-9][0-9]{0,4})?)?"  # a port
            r"(?:/[!-Z^-~]*)?\Z",  # a path of printable ASCII, no backslash; git takes @[H] for a host
            self.index_url,
            re.IGNORECASE | re.ASCII,
        )
        if not found or int(found.group(3) or 0) > 65535:
            return "", "", 0
        scheme, host = found.group(1).lower(), found.group(2).lower()
        return scheme, host, int(found.group(3) or (443 if scheme.endswith("https") else 0))


class Operation(_Record):
    """What a token is wanted for; more kinds may come, so keep an `else`. Source: `Operation`.

    kind: its name on the wire.
    """


class ReadOperation(Operation):
    """Fetch the index or a crate. Asked before a publish, too, and before the others where reading
    wants a token."""
    kind = "read"


class PublishOperation(Operation):
    """Publish version `vers` of crate `name`; `cksum` is the .crate file's SHA-256 in hex."""
    __match_args__ = ("name", "vers", "cksum")
    kind = "publish"

    def __init__(self, name: str, vers: str, cksum: str) -> None:
        self.name = name
        self.vers = vers
        self.cksum = cksum


class YankOperation(Operation):
    """Yank version `vers` of crate `name`."""
    __match_args__ = ("name", "vers")
    kind = "yank"

    def __init__(self, name: str, vers: str) -> None:
        self.name = name
        self.vers = vers


class UnyankOperation(Operation):
    """Take back the yank of version `vers` of crate `name`."""
    __match_args__ = ("name", "vers")
    kind = "unyank"

    def __init__(self, name: str, vers: str) -> None:
        self.name = name
        self.vers = vers


class OwnersOperation(Operation):
    """List or change the owners of crate `name`."""
    __match_args__ = ("name",)
    kind = "owners"

    def __init__(self, name: str) -> None:
        self.name = name


class UnknownOperation(Operation):
    """An operation of a newer Cargo."""


class Action(_Record):
    """What Cargo wants; more kinds may come, so keep an `else`. Source: `Action`.

    kind: its name on the wire; `str(action)` is Cargo's word for it.
    """

    def __str__(self) -> str:
        return self.kind


class GetAction(Action):
    """Answer with a token for `operation`."""
    __match_args__ = ("operation",)
    kind = "get"

    def __init__(self, operation: Operation) -> None:
        self.operation = operation


class LoginOptions(_Record):
    """What `cargo login` knows. Source: `LoginOptions`.

    token: the Secret to store; None if the provider is to ask for it, as `read_token` does.
    login_url: a page where the user finds a token, or None.
    """
    __match_args__ = ("token", "login_url")

    def __init__(self, token: "Secret | None" = None, login_url: "str | None" = None) -> None:
        self.token = token
        self.login_url = login_url


class LoginAction(Action):
    """Store a token."""
    __match_args__ = ("options",)
    kind = "login"

    def __init__(self, options: LoginOptions) -> None:
        self.options = options


class LogoutAction(Action):
    """Erase the token."""
    kind = "logout"


class UnknownAction(Action):
    """An action of a newer Cargo: raise OperationNotSupported."""

    def __str__(self) -> str:
        return "<unknown>"


class CacheControl(_Record):
    """How long Cargo keeps a token in memory, at most for its own run. Source: `CacheControl`."""


class CacheNever(CacheControl):
    """Not at all: Cargo asks each time, 8 times or more for one publish."""
    kind = "never"


class CacheExpires(CacheControl):
    """Until `expiration`: Unix seconds as int or float, or a datetime with a time zone.

    It is kept as int. Cargo takes a token as expired 60 seconds early. Raises TypeError or
    ValueError for what is no time to Cargo: NaN, milliseconds, a datetime without a zone.
    """
    __match_args__ = ("expiration",)
    kind = "expires"

    def __init__(self, expiration: "int | float | datetime") -> None:
        self.expiration = _unix_seconds(expiration)


class CacheSession(CacheControl):
    """For this run of Cargo."""
    kind = "session"


class CacheUnknown(CacheControl):
    """A setting of a newer protocol; Cargo takes it as never."""


def _unix_seconds(moment: "int | float | datetime") -> int:
    if not isinstance(moment, (int, float)) and hasattr(moment, "timestamp"):
        if moment.utcoffset() is None:
            raise ValueError("expiration is a datetime without a time zone: give it a tzinfo")
        moment = moment.replace(microsecond=0).timestamp()  # a float would round up the last second
    if isinstance(moment, bool) or not isinstance(moment, (int, float)):
        found = type(moment).__name__
        raise TypeError(f"expiration must be Unix seconds or an aware datetime, not {found}")
    if not -377705116800 <= moment < 253402300800:  # from the year -9999 to 9999; NaN is nowhere
        raise ValueError(
            f"expiration must be Unix seconds, as time.time() + 3600 is: {moment} is not within"
            " the years that Cargo reads (is it in milliseconds?)"
        )
    return int(moment)


class CredentialHello(_Record):
    """A provider's first line: the protocol versions `v` it offers. Source: `CredentialHello`."""
    __match_args__ = ("v",)

    def __init__(self, v: "Sequence[int]") -> None:
        self.v = list(v)

    @classmethod
    def from_json(cls, line: "str | bytes") -> "CredentialHello":
        """Read a hello. Raises ProtocolError."""
        versions = _field(_parse(line), "v", _LIST)
        return cls([_u32(version, f"v[{i}]") for i, version in enumerate(versions)])

    def to_json(self) -> str:
        """The hello as one line of JSON, without its line end."""
        return _encode({"v": self.v})


class CredentialRequest(_Record):
    """What Cargo asks, in protocol version `v`. Source: `CredentialRequest`.

    args: what the configuration lists after the provider's path, then what stands after
    `cargo login --`.
    """
    __match_args__ = ("v", "registry", "action", "args")

    def __init__(
        self, v: int, registry: RegistryInfo, action: Action, args: "Sequence[str]" = ()
    ) -> None:
        self.v = v
        self.registry = registry
        self.action = action
        self.args = list(args)

    @classmethod
    def from_json(cls, line: "str | bytes") -> "CredentialRequest":
        """Read a request. Raises ProtocolError, also for a version that is not implemented."""
        fields = _parse(line)
        return _version(_u32(_field(fields, "v", int), "v")).read_request(fields)

    def to_json(self) -> str:
        """The request as one line of JSON, with a login's token in it. Raises ProtocolError."""
        return _encode(_version(self.v).write_request(self))


class CredentialResponse(_Record):
    """What a provider returns. Source: `CredentialResponse`."""

    @classmethod
    def from_json(cls, line: "str | bytes", v: int = PROTOCOL_VERSION_1) -> "CredentialResponse":
        """Read an answer. Raises the Error that it carries, or ProtocolError."""
        return _version(v).read_answer(_parse(line))

    def to_json(self, v: int = PROTOCOL_VERSION_1) -> str:
        """The answer as one line of JSON, with its token in it.

        Raises TypeError or ValueError, whose text does not hold the token, for what Cargo
        could not use: fields of another type, or a token that no HTTP header can carry.
        """
        return _encode(_version(v).write_answer(self))


_SESSION = CacheSession()


class GetResponse(CredentialResponse):
    """A token: Cargo sends it as it is in the `Authorization` header.

    token: a Secret of printable ASCII, with its scheme if the registry wants one.
    cache: how long Cargo may keep it.
    operation_independent: whether it is good for other operations than the one that was asked.
    If not, Cargo still uses it for reads.
    """
    __match_args__ = ("token", "cache", "operation_independent")
    kind = "get"

    def __init__(
        self,
        token: Secret,
        cache: CacheControl = _SESSION,
        operation_independent: bool = True,
    ) -> None:
        self.token = token
        self.cache = cache
        self.operation_independent = operation_independent


class LoginResponse(CredentialResponse):
    """The token is stored."""
    kind = "login"


class LogoutResponse(CredentialResponse):
    """The token is erased."""
    kind = "logout"


class UnknownResponse(CredentialResponse):
    """An answer of a newer protocol."""


# ---- Errors: what a provider raises --------------------------------------------------------


class Error(Exception):
    """Base of the errors that Cargo tells apart by `kind`. Source: `Error`.

    Each can be raised as a class or as an instance. Cargo shows a message for `other` only.
    """
    kind = "other"
    caused_by: "tuple[str, ...]" = ()
    _words = "credential action failed"

    def __str__(self) -> str:
        return super().__str__() or self._words

    def to_json(self, v: int = PROTOCOL_VERSION_1) -> str:
        """The error as one line of JSON."""
        return _encode(_version(v).write_answer(self))


class UrlNotSupported(Error):
    """This provider does not serve the registry: Cargo asks the next one."""
    kind = "url-not-supported"
    _words = "registry not supported"


class NotFound(Error):
    """There is no token for the registry: Cargo asks the next provider."""
    kind = "not-found"
    _words = "credential not found"


class OperationNotSupported(Error):
    """This provider cannot do that: Cargo ends, and asks no other."""
    kind = "operation-not-supported"
    _words = "requested operation not supported"


class OtherError(Error):
    """Any other failure: Cargo shows `message`, then each of `caused_by`, and ends."""

    def __init__(self, message: str = "", caused_by: "str | Sequence[str]" = ()) -> None:
        super().__init__(message)
        self.message = message
        causes = (caused_by,) if isinstance(caused_by, str) else caused_by
        self.caused_by = tuple([str(cause) for cause in causes])


class UnknownError(Error):
    """An error of a newer protocol."""
    kind = "unknown"
    _words = "unknown error kind; try updating Cargo?"


class ProtocolError(ValueError):
    """A line is not the protocol; the text names the field by its path, and shows no value."""


# ---- JSON: bytes in, values out ------------------------------------------------------------


def _number(text: str) -> "int | float":
    number = float(text)
    if not float("-inf") < number < float("inf"):  # NaN is not, either
        raise ProtocolError("not JSON: number out of range")
    return int(text) if text.lstrip("-").isdigit() else number


def _object(pairs: "list[tuple[str, Any]]") -> "dict[str, Any]":
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise ProtocolError(f"duplicate field `{name}`")
        fields[name] = value
    return fields


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_decode = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_number, parse_float=_number, parse_constant=_number
).decode


_DICT: "type[dict[str, Any]]" = dict
_LIST: "type[list[Any]]" = list
_NAMES: "dict[object, str]" = {
    str: "a string", int: "an integer", bool: "true or false", dict: "an object", list: "a list"
}


def _parse(line: "str | bytes") -> "dict[str, Any]":
    """The fields of a line."""
    return _typed(_loads(line), _DICT, "")


def _loads(line: "str | bytes") -> "Any":
    """The value of a JSON text. What serde refuses and json.loads does not is refused here."""
    try:
        text = (line.encode("utf-8") if isinstance(line, str) else line).decode("utf-8")
        value = _decode(text)
        if "\\u" in text:
            _encode(value).encode("utf-8")  # fails for an escaped lone surrogate
    except UnicodeError:
        raise ProtocolError("not UTF-8") from None
    except RecursionError:
        raise ProtocolError("not JSON: nested too deeply") from None
    except json.JSONDecodeError as error:  # `from None`: its `doc` may hold a token
        raise ProtocolError(f"not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    return value


def _typed(value: "Any", kind: "type[_T]", path: str) -> "_T":
    if type(value) is not kind:  # to isinstance, a bool is an int
        raise ProtocolError(f"{f'field `{path}`' if path else 'the line'} must be {_NAMES[kind]}")
    return value


def _field(fields: "dict[str, Any]", name: str, kind: "type[_T]", path: str = "") -> "_T":
    """A field that must be there; `path` is what stands before its name, with the dot."""
    if name not in fields:
        raise ProtocolError(f"missing field `{path}{name}`")
    return _typed(fields[name], kind, path + name)


def _optional(fields: "dict[str, Any]", name: str, path: str = "") -> "str | None":
    return None if fields.get(name) is None else _field(fields, name, str, path)


def _strings(fields: "dict[str, Any]", name: str, path: str = "") -> "list[str]":
    values = _typed(fields.get(name, []), _LIST, path + name)
    return [_typed(value, str, f"{path}{name}[{i}]") for i, value in enumerate(values)]


def _u32(value: "Any", path: str) -> int:
    if type(value) is not int or not 0 <= value < 2**32:
        raise ProtocolError(f"field `{path}` must be an integer from 0 to 4294967295")
    return value


def _utf8(text: str) -> str:
    """The text as UTF-8 can carry it: in an undecodable file name Python has surrogates."""
    import re

    return re.sub("[\ud800-\udfff]", lambda found: ascii(found.group())[1:-1], text)


def _present(fields: "dict[str, Any]") -> "dict[str, Any]":
    return {name: value for name, value in fields.items() if value is not None and value != []}


_OPERATIONS: "dict[str, Any]" = {
    kind.kind: kind
    for kind in (ReadOperation, PublishOperation, YankOperation, UnyankOperation, OwnersOperation)
}
_RESPONSES = {"get": GetResponse, "login": LoginResponse, "logout": LogoutResponse}
_ERRORS = {  # without `other`, the kind of all the rest
    kind.kind: kind for kind in (UrlNotSupported, NotFound, OperationNotSupported, UnknownError)
}


class _Version1:
    """Protocol version 1. A later one is a subclass that overrides what differs."""

    def read_request(self, fields: "dict[str, Any]") -> CredentialRequest:
        found = _field(fields, "registry", _DICT)
        index_url = _field(found, "index-url", str, "registry.")
        name = _optional(found, "name", "registry.")
        registry = RegistryInfo(index_url, name, _strings(found, "headers", "registry."))
        action = self.read_action(_field(fields, "kind", str), fields)
        return CredentialRequest(fields["v"], registry, action, _strings(fields, "args"))

    def read_action(self, kind: str, fields: "dict[str, Any]") -> Action:
        if kind == "get":
            operation = _OPERATIONS.get(_field(fields, "operation", str), UnknownOperation)
            values = [_field(fields, name, str) for name in operation.__match_args__]
            return GetAction(operation(*values))
        if kind == "login":
            token = _optional(fields, "token")
            secret = None if token is None else Secret(token)
            return LoginAction(LoginOptions(secret, _optional(fields, "login-url")))
        return LogoutAction() if kind == "logout" else UnknownAction()

    def write_request(self, request: CredentialRequest) -> "dict[str, Any]":
        registry = request.registry
        fields = {"index-url": registry.index_url, "name": registry.name, "headers": registry.headers}
        action = self.write_action(request.action)
        return _present({"v": request.v, "registry": _present(fields), **action, "args": request.args})

    def write_action(self, action: Action) -> "dict[str, Any]":
        fields: dict[str, Any] = {"kind": action.kind}
        if isinstance(action, GetAction):
            fields.update(operation=action.operation.kind, **vars(action.operation))
        elif isinstance(action, LoginAction):
            token = action.options.token
            fields.update({"token": token and token.expose(), "login-url": action.options.login_url})
        return _present(fields)

    def read_answer(self, fields: "dict[str, Any]") -> CredentialResponse:
        if set(fields) not in ({"Ok"}, {"Err"}):
            raise ProtocolError("the line must be an object with one field, `Ok` or `Err`")
        if "Ok" in fields:
            response = _field(fields, "Ok", _DICT)
            return self.read_response(_field(response, "kind", str, "Ok."), response)
        error = _field(fields, "Err", _DICT)
        kind = _field(error, "kind", str, "Err.")
        if kind != "other":
            raise _ERRORS.get(kind, UnknownError)
        if error.get("caused-by", []) is None:  # serde's Option
            del error["caused-by"]
        raise OtherError(_field(error, "message", str, "Err."), _strings(error, "caused-by", "Err."))

    def read_response(self, kind: str, fields: "dict[str, Any]") -> CredentialResponse:
        if kind == "get":
            token = _field(fields, "token", str, "Ok.")
            cache = self.read_cache(_field(fields, "cache", str, "Ok."), fields)
            independent = _field(fields, "operation_independent", bool, "Ok.")
            return GetResponse(Secret(token), cache, independent)
        if kind == "login":
            return LoginResponse()
        return LogoutResponse() if kind == "logout" else UnknownResponse()

    def read_cache(self, kind: str, fields: "dict[str, Any]") -> CacheControl:
        if kind == "expires":
            try:
                return CacheExpires(_field(fields, "expiration", int, "Ok."))
            except ProtocolError:
                raise
            except ValueError:
                raise ProtocolError("field `Ok.expiration` is out of range") from None
        if kind == "never":
            return CacheNever()
        return CacheSession() if kind == "session" else CacheUnknown()

    def write_answer(self, answer: "CredentialResponse | Error") -> "dict[str, Any]":
        if isinstance(answer, CredentialResponse):
            return {"Ok": self.write_response(answer)}
        kind = answer.kind if isinstance(answer.kind, str) and answer.kind in _ERRORS else "other"
        fields: dict[str, Any] = {"kind": kind}
        if kind == "other":
            fields["message"] = _utf8(str(answer))
            fields["caused-by"] = [_utf8(str(cause)) for cause in answer.caused_by]
        return {"Err": fields}

    def write_response(self, response: CredentialResponse) -> "dict[str, Any]":
        fields: dict[str, Any] = {"kind": response.kind}
        if isinstance(response, GetResponse):
            _check_get(response)
            fields["token"] = response.token.expose()
            fields["cache"] = response.cache.kind
            if isinstance(response.cache, CacheExpires):
                fields["expiration"] = _unix_seconds(response.cache.expiration)
            fields["operation_independent"] = response.operation_independent
        return fields


_VERSIONS = {PROTOCOL_VERSION_1: _Version1()}  # all that is implemented, and so offered


def _version(v: int) -> _Version1:
    if v not in _VERSIONS:
        raise ProtocolError(f"unsupported protocol version {v}")
    return _VERSIONS[v]


def _check_get(response: GetResponse) -> None:
    _must_be("GetResponse.token", response.token, Secret)
    _must_be("GetResponse.cache", response.cache, CacheControl)
    _must_be("GetResponse.operation_independent", response.operation_independent, bool)
    fault = _unsendable(response.token.expose())
    if fault:
        raise ValueError(fault)


def negotiate_version(offered: "Sequence[int]", supported: "Sequence[int]") -> int:
    """The highest protocol version in both. Source: Cargo's choice after the hello.

    offered: the provider's, from its hello; supported: this side's.
    Raises OtherError, in Cargo's words, if there is none.
    """
    common = set(offered) & set(supported)
    if not common:
        theirs, ours = list(offered), list(supported)
        raise OtherError(
            f"credential provider supports protocol versions {theirs}, while Cargo supports {ours}"
        )
    return max(common)


# ---- Answers: from a request through the provider's code to a line -------------------------


class Credential:
    """A provider: override `get`, `login` and `logout`, or `perform`. Source: `Credential`.

    registry: a RegistryInfo. args: what follows the provider's path in the configuration, then
    what stands behind `cargo login --`.

    registries: the index URLs and hosts that this provider serves, as `RegistryInfo.matches` takes
    them. `main` answers url-not-supported for every other registry before any code of yours runs:
    Cargo then asks its next provider. If it is empty, raise UrlNotSupported yourself for a registry
    that is not yours, before anything else.
    """

    registries: "Sequence[str]" = ()

    def perform(self, registry: RegistryInfo, action: Action, args: "list[str]") -> CredentialResponse:
        """Answer one request, or raise an Error. Another exception is an OtherError to Cargo."""
        if isinstance(action, GetAction):
            return self.get(registry, action.operation, args)
        if isinstance(action, LoginAction):
            return self.login(registry, action.options, args)
        if isinstance(action, LogoutAction):
            return self.logout(registry, args)
        raise OperationNotSupported

    def get(self, registry: RegistryInfo, operation: Operation, args: "list[str]") -> CredentialResponse:
        """Return a GetResponse, or raise NotFound."""
        raise OperationNotSupported

    def login(self, registry: RegistryInfo, options: LoginOptions, args: "list[str]") -> CredentialResponse:
        """Store `read_token(options, registry)` and return LoginResponse()."""
        raise OperationNotSupported

    def logout(self, registry: RegistryInfo, args: "list[str]") -> CredentialResponse:
        """Erase the token and return LogoutResponse(), or raise NotFound."""
        raise OperationNotSupported


class UnsupportedCredential(Credential):
    """A provider that serves no registry. Source: `UnsupportedCredential`."""

    def perform(self, registry: RegistryInfo, action: Action, args: "list[str]") -> CredentialResponse:
        """Raise UrlNotSupported."""
        raise UrlNotSupported


def serve(credential: Credential, reader: "BinaryIO", writer: "BinaryIO") -> None:
    """Speak a provider's side of the protocol over two binary streams.

    Writes the hello, then answers each line until the end of `reader`, flushing every time.
    A line that is not a request is answered, too, and ends the session. `main` is this with
    Cargo's pipes, out of the provider's reach. Raises OSError if a stream fails.
    """
    global _remembered
    _send(writer, CredentialHello(sorted(_VERSIONS)).to_json())
    try:
        for line in iter(reader.readline, b""):
            _remembered = _passing
            _forget()
            try:
                request = CredentialRequest.from_json(line)
            except ProtocolError as error:
                _send(writer, OtherError(str(error)).to_json())
                return
            _send(writer, _answer(credential, request))
    finally:
        _remembered = _lasting


def _send(writer: "IO[bytes]", line: str) -> None:
    writer.write(line.encode("utf-8") + b"\n")
    writer.flush()


def _answer(credential: Credential, request: CredentialRequest) -> str:
    process = os.getpid()
    try:
        if not _serves(credential, request.registry):
            raise UrlNotSupported
        response = credential.perform(request.registry, request.action, request.args)
        _check_response(response, request.action)
        line = response.to_json(request.v)
    except BaseException as error:  # SystemExit, too: Cargo waits for an answer
        if isinstance(error, KeyboardInterrupt):
            raise
        if os.getpid() != process:
            os._exit(error.code if isinstance(error, SystemExit) and type(error.code) is int else 1)
        line = _error_line(error, request.v)
    if os.getpid() != process:
        os._exit(0)  # a fork of the provider must not answer, too
    return line


def _error_line(error: BaseException, v: int) -> str:
    try:
        if isinstance(error, Error) and isinstance(error.kind, str) and error.kind in _ERRORS:
            return error.to_json(v)
    except KeyboardInterrupt:
        raise
    except BaseException as fault:
        error = fault
    return _as_other(error).to_json(v)


def _serves(credential: Credential, registry: RegistryInfo) -> bool:
    if isinstance(credential, type):
        name = credential.__name__
        raise TypeError(f"main takes an instance: write main({name}()), not main({name})")
    registries = credential.registries
    if isinstance(registries, (str, bytes)):
        name = type(credential).__name__
        raise TypeError(f"{name}.registries must be a tuple of strings: write ({registries!r},)")
    return not registries or registry.matches(*registries)


def _check_response(response: object, action: Action) -> None:
    wanted = _RESPONSES.get(action.kind)
    if wanted is None or not isinstance(response, wanted):
        hint = f"it must return a {wanted.__name__}, or" if wanted else "it must"
        raise TypeError(
            f"the provider returned {type(response).__name__} for the action `{action}`:"
            f" {hint} raise an Error"
        )


def _as_other(error: BaseException) -> OtherError:
    """The OtherError that tells Cargo of an exception and its causes, without any Secret."""
    try:
        _show_traceback(error)
        message, *causes = _redacted([_text(error), *_causes(error)])
    except BaseException as fault:  # an exception can make telling of it fail, too
        if isinstance(fault, KeyboardInterrupt):
            raise
        return OtherError(f"{type(error).__name__}, of which nothing more can be told")
    return OtherError(message, causes)


def _text(error: BaseException) -> str:
    """What an exception says; its class where that is nothing."""
    name = type(error).__name__
    if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
        return f"the provider tried to exit with status {error.code or 0} instead of answering"
    try:
        text = str(error)
    except BaseException as fault:
        if isinstance(fault, KeyboardInterrupt):
            raise
        return f"{name}, whose text cannot be read"
    if isinstance(error, KeyError):  # its text is the key alone
        return f"{name}: {text}"
    return text if text.strip() else name


def _causes(error: "BaseException | None") -> "list[str]":
    """What led to an exception, the nearest first, by Python's rules."""
    texts: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if seen:
            texts.append(_text(error))
        if isinstance(error, Error):
            texts.extend([str(cause) for cause in error.caused_by])
        texts.extend([_text(one) for one in getattr(error, "exceptions", ())])  # of a group
        seen.add(id(error))
        context = None if error.__suppress_context__ else error.__context__
        error = context if error.__cause__ is None else error.__cause__
    return texts


def _show_traceback(error: BaseException) -> None:
    """For a provider's author: the traceback on standard error, without any Secret."""
    if os.environ.get("CARGO_CREDENTIAL_TRACEBACK", "0") not in ("", "0"):
        import traceback

        lines = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        for line in _redacted([lines])[0].splitlines():
            _say(line)


# ---- I/O: the console ----------------------------------------------------------------------

_CONSOLE = ("CONIN$", "CONOUT$") if sys.platform == "win32" else ("/dev/tty", "/dev/tty")


def _say(line: str) -> None:
    """A line for the user on standard error. What a registry chose cannot steer the terminal."""
    shown = "".join([c if c.isprintable() else ascii(c)[1:-1] for c in line])
    try:
        sys.stderr.write(shown + "\n")
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        pass  # it is None, gone or closed, or cannot encode the text: an answer matters more


def _quietly(stream: "Any", method: str) -> bool:
    """Flush or close a stream that may be None, closed or broken; whether that went well."""
    try:
        getattr(stream, method)()
    except (AttributeError, OSError, ValueError, RuntimeError):
        return False
    return True


def _fill_standard_descriptors() -> None:
    """Open a closed standard descriptor on the null device: else another file gets its number."""
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= 2:
        os.set_inheritable(descriptor, True)
        descriptor = os.open(os.devnull, os.O_RDWR)
    os.close(descriptor)


def _attach(descriptor: int, device: str) -> None:
    """Put the console, or the null device without one, in the place of a standard descriptor."""
    try:
        opened = os.open(device, os.O_RDWR)
    except OSError:
        opened = os.open(os.devnull, os.O_RDWR)
    os.dup2(opened, descriptor)  # children inherit the copy
    os.close(opened)


def _threads() -> "set[threading.Thread]":
    """All threads but this one."""
    loaded = sys.modules.get("threading")
    return set(loaded.enumerate()) - {loaded.current_thread()} if loaded else set()


class _Console:
    """Makes the terminal, or the null device without one, standard input and output.

    Entering returns Cargo's pipes as binary streams, on descriptors that no child process
    inherits. Leaving puts everything back, unless the provider left a thread running.
    Source: the crate's module `stdio`.
    """

    def __enter__(self) -> "tuple[BinaryIO, BinaryIO]":
        _fill_standard_descriptors()
        self._pipes = (os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
        for descriptor, device in enumerate(_CONSOLE):
            _attach(descriptor, device)
        self._console = (
            open(0, errors="replace", closefd=False),
            open(1, "w", buffering=1, errors="backslashreplace", closefd=False),
        )
        self._before = (sys.stdin, sys.stdout, sys.__stdin__, sys.__stdout__)
        for stream in self._before:  # what was printed before belongs on the console, too
            _quietly(stream, "flush")
        self._set_streams(self._console * 2)
        self._threads = _threads()
        return self._pipes

    def __exit__(self, *exception: object) -> None:
        if not _threads() - self._threads:  # one that the provider left could write to Cargo's pipe
            for stream in (sys.stdout, *self._before):
                _quietly(stream, "flush")
            for console in self._console:
                _quietly(console, "close")
            self._set_streams(self._before)
            for descriptor, pipe in enumerate(self._pipes):
                os.dup2(pipe.fileno(), descriptor)
        for pipe in self._pipes:
            _quietly(pipe, "close")
        if sys.stderr and not _quietly(sys.stderr, "flush"):  # Python's own attempt at its exit
            _attach(2, os.devnull)  # would fail and change the status, which hides the answer

    @staticmethod
    def _set_streams(streams: "Sequence[Any]") -> None:
        for name, stream in zip(("stdin", "stdout", "__stdin__", "__stdout__"), streams):
            setattr(sys, name, stream)


def read_line() -> str:
    """A line from the user, without the white space around it; empty at the end of the input.

    While a provider performs, standard input is the terminal. Source: `read_line`.
    """
    return sys.stdin.readline().strip() if sys.stdin else ""


def read_token(options: LoginOptions, registry: RegistryInfo) -> Secret:
    """The token to store: what Cargo passed, else what the user types, which is not shown.

    Raises OtherError if nothing was typed, if there is no terminal to ask on, or if no HTTP
    header can carry the token: Cargo shows it and ends. Source: `read_token`.
    """
    token, missing = options.token, "no token was passed"
    if token is None:
        token, missing = _ask_for_token(options, registry)
    if token.is_empty():
        name = registry.name if registry.name not in (None, "crates-io") else ""
        command = f"cargo login --registry {name} < FILE" if name else "cargo login < FILE"
        raise OtherError(f"{missing}: to pass one from a file, run `{command}`")
    fault = _unsendable(token.expose())
    if fault:
        raise OtherError(fault)
    return token


def _ask_for_token(options: LoginOptions, registry: RegistryInfo) -> "tuple[Secret, str]":
    """What was typed, and what it means if that is nothing."""
    if registry.name:  # a checkout can give the name another index, with a login URL of its choice
        _say(f"registry {registry.name}, index {registry.index_url}")
    if options.login_url is not None:
        _say(f"please paste the token found on {options.login_url} below")
    else:
        _say(f"please paste the token for {registry.name or registry.index_url} below")
    try:
        return Secret(_read_hidden_line().strip()), "no token was entered"
    except EOFError:
        return Secret(""), "no token was entered"
    except UnicodeError:
        return Secret("\ufffd"), ""  # refused as what is outside ASCII
    except (OSError, Warning):
        return Secret(""), "there is no terminal to ask for the token on"


def _read_hidden_line() -> str:
    import getpass
    import warnings

    os.close(os.open(_CONSOLE[0], os.O_RDWR))  # raises OSError where getpass would read a pipe
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)  # the line would show
        return getpass.getpass("")


# ---- I/O: another provider -----------------------------------------------------------------


class CredentialProcess(Credential):
    """Another provider, run as Cargo runs it. Source: Cargo's `CredentialProcessCredential`.

    path: the program; it is looked up on PATH if it is a bare name.
    args: what the configuration lists behind it. The provider gets them before a request's.
    """

    def __init__(self, path: str, *args: str) -> None:
        self._path = path
        self._args = args

    def get(self, registry: RegistryInfo, operation: Operation, args: "list[str]") -> CredentialResponse:
        """Ask the provider for a token."""
        return self.perform(registry, GetAction(operation), args)

    def login(self, registry: RegistryInfo, options: LoginOptions, args: "list[str]") -> CredentialResponse:
        """Have the provider store a token."""
        return self.perform(registry, LoginAction(options), args)

    def logout(self, registry: RegistryInfo, args: "list[str]") -> CredentialResponse:
        """Have the provider erase its token."""
        return self.perform(registry, LogoutAction(), args)

    def perform(self, registry: RegistryInfo, action: Action, args: "list[str]") -> CredentialResponse:
        """Ask the provider, and wait for it to exit. Raises the Error that it answers with.

        If it breaks the protocol, that is an OtherError in Cargo's words; `caused_by` says what
        is wrong with its line and what became of it. It is never left running.
        """
        child = _Child(self._path)
        try:
            hello = child.read("hello", CredentialHello.from_json)
            v = negotiate_version(hello.v, sorted(_VERSIONS))
            child.write(CredentialRequest(v, registry, action, [*self._args, *args]).to_json())
            answer = child.read("response", lambda line: _read_answer(line, v))
            child.finish()
        finally:
            child.end()
        if isinstance(answer, Error):
            raise answer
        try:
            _check_response(answer, action)
            answer.to_json(v)
        except (TypeError, ValueError) as fault:
            message = f"credential provider produced unexpected response for `{action}` request"
            raise OtherError(message, [str(fault)]) from None
        return answer


def _read_answer(line: bytes, v: int) -> "CredentialResponse | Error":
    try:
        return CredentialResponse.from_json(line, v)
    except Error as error:
        return error


class _Child:
    """A provider's process while it is asked one thing."""
    grace = 5  # seconds to exit in, for one that broke the protocol

    def __init__(self, path: str) -> None:
        import queue
        import subprocess
        import threading

        pipe = subprocess.PIPE
        self._path = path
        self._unread = ""
        self._lines: queue.Queue[bytes] = queue.Queue()
        try:
            self._process = subprocess.Popen([path, "--cargo-plugin"], stdin=pipe, stdout=pipe)
        except OSError as error:
            raise OtherError("failed to spawn credential process", [str(error)]) from None
        assert self._process.stdin and self._process.stdout  # as PIPE promises
        self._stdin, stdout = self._process.stdin, self._process.stdout
        # In a thread of its own, since both sides may say more than a pipe holds
        self._reader = threading.Thread(target=self._read_lines, args=(stdout,), daemon=True)
        self._reader.start()

    def _read_lines(self, stdout: "IO[bytes]") -> None:
        with stdout:
            for number, line in enumerate(stdout):
                if number < 2:  # what follows the answer is for nobody
                    self._lines.put(line)
        self._lines.put(b"")

    def read(self, what: str, parse: "Callable[[bytes], _T]") -> "_T":
        line = self._lines.get()
        try:
            return parse(line)
        except ProtocolError as error:
            end = f"`{self._path}` {self.end()} "
            causes = [str(error), end + "after that"] if line else [end + "before its " + what]
            raise OtherError(f"failed to deserialize {what}", causes) from None

    def write(self, line: str) -> None:
        try:
            _send(self._stdin, line)
        except UnicodeError:
            raise OtherError("failed to serialize request", ["not UTF-8"]) from None
        except OSError as error:
            self._unread = str(error)  # if it has ended, that says more: wait for its answer

    def finish(self) -> None:
        """Wait for it as long as it takes. Its exit status counts for more than its answer."""
        if self._unread:
            raise OtherError("failed to write to credential provider", [self._unread])
        _quietly(self._stdin, "close")
        code = self._process.wait()
        if code:
            status = f"exit status: {code}" if code > 0 else f"signal: {-code}"
            message = f"credential process `{self._path}` failed with status {status}"
            raise OtherError(message)

    def end(self) -> str:
        """Stop it if it does not end by itself, and say how it ended."""
        import subprocess

        _quietly(self._stdin, "close")
        try:
            code = self._process.wait(timeout=self.grace)
        except subprocess.TimeoutExpired:
            return "did not end with its input, and was stopped,"
        finally:
            self._process.kill()  # does nothing if it has ended
            self._process.wait()
            self._reader.join(timeout=0.2)  # longer only if it left a child with its output
        return f"exited with status {code}" if code >= 0 else f"was killed by signal {-code}"


# ---- I/O: the example provider -------------------------------------------------------------


def _lock(descriptor: int, path: str) -> None:
    """Wait for the lock. The system releases it when the file is closed."""
    if sys.platform == "win32":
        import msvcrt

        _retry(lambda: msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1), 60, path)
    else:
        import fcntl

        _retry(lambda: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB), 60, path)


def _retry(action: "Callable[[], _T]", seconds: int = 5, lock: str = "") -> "_T":
    """Try again while another process holds the lock or, on Windows, has the file open."""
    import time

    start = time.monotonic()
    notice = f"waiting for the lock `{lock}`, which another process holds" if lock else ""
    while True:
        try:
            return action()
        except OSError as error:
            busy = BlockingIOError if sys.platform != "win32" else (BlockingIOError, PermissionError)
            waited = time.monotonic() - start
            if not isinstance(error, busy) or waited > seconds:
                raise
        if notice and waited > 1:
            _say(notice)
            notice = ""
        time.sleep(0.01)


def _read_store(path: str) -> "dict[str, str]":
    """The tokens by index URL. A file that does not exist holds none."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)  # do not wait for a named pipe's writer
    try:
        with open(_retry(lambda: os.open(path, flags)), "rb") as file:
            _check_store(path, os.fstat(file.fileno()))
            content = file.read()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise OtherError(f"cannot read the token store `{path}`") from error
    try:
        tokens = _loads(content) if content.strip() else {}
        if type(tokens) is not dict:
            raise ProtocolError("the store must be a JSON object")
        return {url: _typed(token, str, url) for url, token in tokens.items()}
    except ProtocolError as error:
        raise OtherError(
            f"the token store `{path}` is damaged, and is left as it is: repair it or move it away"
        ) from error


def _check_store(path: str, status: os.stat_result) -> None:
    import stat

    if not stat.S_ISREG(status.st_mode):
        raise OtherError(f"the token store `{path}` is not a regular file")
    if sys.platform == "win32":
        return
    if status.st_uid != os.geteuid():
        raise OtherError(
            f"the token store `{path}` belongs to another user (uid {status.st_uid}), and is left as"
            " it is: name another file with --example-file"
        )
    if status.st_mode & 0o077:
        _say(f"warning: other users can get at the token store `{path}`: chmod 600 it")


def _change_store(path: str, edit: "Callable[[dict[str, str]], None]") -> None:
    """Let `edit` change the tokens, and store them for good. Raises what it raises.

    The new file is written beside the store and moved into place, so that others see the old
    content or the new one. PATH.lock keeps two changes apart.
    """
    unchanged = f"cannot write the token store `{path}`: what it holds is unchanged"
    temporary = path + ".tmp"
    try:
        lock = open(_open_private(path + ".lock", os.O_RDWR), "rb+")
    except FileNotFoundError as error:
        folder = os.path.dirname(path)
        raise OtherError(f"the token store's directory `{folder}` does not exist: create it") from error
    except OSError as error:
        raise OtherError(unchanged) from error
    try:
        _lock(lock.fileno(), path + ".lock")
        _discard(temporary)  # what a killed process left
        tokens = _read_store(path)
        edit(tokens)
        _replace_store(path, temporary, json.dumps(tokens, indent=2) + "\n")
    except BlockingIOError:
        raise OtherError(
            f"another process has held the lock `{path}.lock` for a minute, and the token store is"
            " unchanged: wait for that process or end it, then try again"
        ) from None
    except OSError as error:
        raise OtherError(unchanged) from error
    finally:
        _quietly(lock, "close")


def _open_private(path: str, flags: int) -> int:
    """Open a file, created if need be for its owner alone, that is not a link."""
    umask = os.umask(0o077)
    try:
        return os.open(path, flags | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    finally:
        os.umask(umask)


def _replace_store(path: str, temporary: str, text: str) -> None:
    try:
        with open(_open_private(temporary, os.O_WRONLY | os.O_EXCL), "wb") as file:
            file.write(text.encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        _retry(lambda: os.replace(temporary, path))
    except OSError:
        _discard(temporary)
        raise


def _discard(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


class _FileCredential(Credential):
    """The provider of `--example-file`. Source: the crate's example `file-provider`."""

    def __init__(self, options: "Sequence[str]") -> None:
        self._options = list(options)

    def perform(self, registry: RegistryInfo, action: Action, args: "list[str]") -> CredentialResponse:
        self._path(registry, args)
        return super().perform(registry, action, args)

    def _path(self, registry: RegistryInfo, args: "list[str]") -> str:
        """The store's path. Raises UrlNotSupported for a registry that is not served."""
        path, any_registry = _file_options(self._options + args)
        if path is None:
            raise OtherError(
                "cargo_credential.py is a provider only with --example-file: add it behind the"
                " path in `credential-provider`"
            )
        if not any_registry and not registry.matches(CRATES_IO_INDEX):
            raise UrlNotSupported
        return os.path.realpath(path)  # a symbolic link keeps pointing to the store

    def get(self, registry: RegistryInfo, operation: Operation, args: "list[str]") -> CredentialResponse:
        tokens = _read_store(self._path(registry, args))
        if registry.index_url not in tokens:
            raise NotFound
        return GetResponse(Secret(tokens[registry.index_url]))

    def login(self, registry: RegistryInfo, options: LoginOptions, args: "list[str]") -> CredentialResponse:
        token = read_token(options, registry).expose()
        _change_store(self._path(registry, args), lambda tokens: tokens.update({registry.index_url: token}))
        return LoginResponse()

    def logout(self, registry: RegistryInfo, args: "list[str]") -> CredentialResponse:
        path = self._path(registry, args)
        left = os.path.lexists(path + ".tmp")  # by a login that was killed, perhaps with the token
        if not left and registry.index_url not in _read_store(path):
            raise NotFound  # without the lock, for which the directory must be there and writable

        def erase(tokens: "dict[str, str]") -> None:
            if tokens.pop(registry.index_url, None) is None:
                raise NotFound

        _change_store(path, erase)
        return LogoutResponse()


def _file_options(arguments: "Sequence[str]") -> "tuple[str | None, bool]":
    """The file's path, and whether any registry will do. Raises OtherError for other options."""
    path = None
    any_registry = False
    rest = list(arguments)
    while rest:
        option = rest.pop(0)
        if option == "--example-file":
            named = rest and not rest[0].startswith("--")
            path = rest.pop(0) if named else "cargo-credentials.json"
        elif option == "--any-registry":
            any_registry = True
        elif option != "--cargo-plugin":
            raise OtherError(
                f"unknown option `{option}`: there are --example-file [PATH] and --any-registry"
            )
    return path, any_registry


# ---- The program ---------------------------------------------------------------------------

_CONFIGURATION = """\
This is a credential provider: Cargo starts it, with --cargo-plugin, to get a registry's token.
To have Cargo ask it for one registry, add to config.toml in $CARGO_HOME, which is ~/.cargo if not set:

[registries.NAME]
credential-provider = {0}

or, for every registry that has no provider of its own:

[registry]
global-credential-providers = ["cargo:token", "my-provider"]

[credential-alias]
my-provider = {0}
"""

_USAGE = """\
usage: cargo_credential.py --example-file [PATH] [--any-registry]
       cargo_credential.py --help | --version

A credential provider for Cargo that keeps tokens in a file. To write one of your own, see
`python3 -m pydoc ./cargo_credential.py`.

  --example-file [PATH]  the file, cargo-credentials.json in the current directory by default
  --any-registry         serve every registry, not crates.io alone
  --cargo-plugin         speak with Cargo on standard input and output, even on a terminal
"""


def _keep_off_the_current_directory() -> None:
    """It can be a checkout: no program that the provider starts by its name comes from there."""
    if sys.platform == "win32":
        os.environ["NoDefaultCurrentDirectoryInExePath"] = "1"
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    kept = [folder for folder in path if os.path.isabs(folder)]
    os.environ["PATH"] = os.pathsep.join(kept) or os.defpath.strip(os.pathsep)


def main(credential: Credential) -> None:
    """Be a provider: `main(MyCredential())` is the whole program. Source: `main`.

    Speaks with Cargo until Cargo closes the pipe. All the while, standard input and output are
    the terminal, or the null device without one, to `credential`, its threads and its children;
    afterwards they are what they were, unless it left a thread running.
    Started by hand at a terminal, without --cargo-plugin, it prints how to configure Cargo.
    Raises SystemExit with status 130 at Ctrl-C.
    """
    if "--cargo-plugin" not in sys.argv[1:] and os.isatty(0):
        command = json.dumps([os.path.abspath(sys.argv[0]), *sys.argv[1:]], ensure_ascii=False)
        sys.stdout.write(_CONFIGURATION.format(command))
        return
    _keep_off_the_current_directory()
    try:
        with _Console() as (reader, writer):
            try:
                serve(credential, reader, writer)
            except OSError:
                pass  # Cargo is gone, and nobody is left to tell
    except KeyboardInterrupt:
        if any(not thread.daemon for thread in _threads()):
            os._exit(130)  # else Python would wait for them
        sys.exit(130)


def _command_line(arguments: "list[str]") -> None:
    if "--help" in arguments or (not arguments and os.isatty(0)):
        sys.stdout.write(_USAGE)
    elif "--version" in arguments:
        sys.stdout.write(f"cargo_credential.py {__version__}\n")
    else:
        try:
            _file_options(arguments)
        except OtherError as error:
            _say(f"cargo_credential.py: {error}")
            sys.exit(2)
        main(_FileCredential(arguments))
        _quietly(sys.stdout, "flush")
        os._exit(0)  # the interpreter's own end takes a tenth of the run


if __name__ == "__main__":
    _command_line(sys.argv[1:])
