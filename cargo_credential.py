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

Cargo runs a credential provider to get, store and erase a registry's token. A small provider:

    #!/usr/bin/env python3
    from cargo_credential import *

    class Provider(Credential):
        registries = ("crates.corp.example",)  # without this, any registry gets the token

        def get(self, registry, operation, args):
            with open("/run/secrets/cargo-token") as file:
                return GetResponse(Secret(file.read().strip()))

    if __name__ == "__main__":
        main(Provider())

Run `chmod +x` on it, and add its absolute path to `~/.cargo/config.toml`:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/prov.py"]

After UrlNotSupported and NotFound, Cargo asks its next provider. After OperationNotSupported, it
stops. After OtherError or any other exception, it stops and shows the message, its causes, and any
exception that was being handled. With CARGO_CREDENTIAL_TRACEBACK=1 it also shows the traceback.

Make a token a Secret as soon as you have it. Only expose(), map() and to_json() of a message show
its value. Error texts show `[REDACTED]` in its place. The module does not redact:
- a value that was never a Secret, or after which 10,000 Secrets were made
- a part of a Secret, other than each line, and the text after a scheme, such as `Bearer `
- a value or a line of one character, or of two or three characters within a word
- base64, quoted-printable, octal or named escapes (`&amp;`), a shell's quotes, escapes of control
  and non-ASCII characters, and a value that was escaped so often that it has 100 backslashes
- what the provider, its threads and child processes print, and a traceback before `main` runs

"Source: X" names the item X of the Rust crate cargo-credential 0.4.11, which this ports. Protocol:
https://doc.rust-lang.org/cargo/reference/credential-provider-protocol.html
"""

import json
import os
import sys

TYPE_CHECKING = False  # type checkers treat this as typing.TYPE_CHECKING
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from typing import IO, Any, BinaryIO, NoReturn, TextIO

__version__ = "1.2.0"
__all__ = [
    "CRATES_IO_INDEX", "PROTOCOL_VERSION_1", "Action", "CacheControl", "CacheExpires", "CacheNever",
    "CacheSession", "CacheUnknown", "Credential", "CredentialHello", "CredentialRequest",
    "CredentialResponse", "Error", "GetAction", "GetResponse", "LoginAction", "LoginOptions",
    "LoginResponse", "LogoutAction", "LogoutResponse", "NotFound", "Operation",
    "OperationNotSupported", "OtherError", "OwnersOperation", "ProtocolError", "PublishOperation",
    "ReadOperation", "RegistryInfo", "Secret", "UnknownAction", "UnknownError", "UnknownOperation",
    "UnknownResponse", "UnsupportedCredential", "UnyankOperation", "UrlNotSupported",
    "YankOperation", "main", "read_line", "read_token", "serve",
]  # fmt: skip

PROTOCOL_VERSION_1 = 1
_VERSIONS = (PROTOCOL_VERSION_1,)  # the protocol versions that this module supports
CRATES_IO_INDEX = "https://github.com/rust-lang/crates.io-index"  # also for its sparse index


# ---- A provider ---------------------------------------------------------------------------------
class Credential:
    """A provider. Override `get`, `login` and `logout`, or `perform`. Source: `Credential`.

    registries: the index URLs and hosts that may get a token: see RegistryInfo.matches. For any
    other registry, `main` and `serve` answer UrlNotSupported, and call no method. An entry that can
    match no registry is an error. If you do not set `registries`, your methods get every registry:
    raise UrlNotSupported for those that are not yours. A cloned repository can give a registry's
    name another index. Do not list a host where others can publish files, such as GitHub's, or that
    redirects to any URL: list the index URL.

    args: the configured arguments and, in `login`, anything after `--` in `cargo login -- ...`.
    A method that you do not override raises OperationNotSupported: Cargo stops.
    """

    registries: "Sequence[str]" = None  # type: ignore[assignment]  # None: not declared

    def perform(
        self, registry: "RegistryInfo", action: "Action", args: "list[str]"
    ) -> "CredentialResponse":
        """Answer one request: call the method for the action."""
        if isinstance(action, GetAction):
            return self.get(registry, action.operation, args)
        if isinstance(action, LoginAction):
            return self.login(registry, action.options, args)
        if isinstance(action, LogoutAction):
            return self.logout(registry, args)
        raise OperationNotSupported

    def get(
        self, registry: "RegistryInfo", operation: "Operation", args: "list[str]"
    ) -> "CredentialResponse":
        """Return a GetResponse, or raise NotFound."""
        raise OperationNotSupported

    def login(
        self, registry: "RegistryInfo", options: "LoginOptions", args: "list[str]"
    ) -> "CredentialResponse":
        """Store `read_token(options, registry)` and return LoginResponse()."""
        raise OperationNotSupported

    def logout(self, registry: "RegistryInfo", args: "list[str]") -> "CredentialResponse":
        """Erase the token and return LogoutResponse(), or raise NotFound."""
        raise OperationNotSupported


class UnsupportedCredential(Credential):
    """A provider that serves no registry. Source: `UnsupportedCredential`."""

    def perform(self, registry: "RegistryInfo", action: "Action", args: "list[str]") -> "NoReturn":
        """Raise UrlNotSupported."""
        raise UrlNotSupported


def main(credential: Credential) -> None:
    """Run a provider: `main(Provider())` is the whole program. Source: `main`.

    Answers Cargo until it closes the pipe. Until the exit, standard input and output are the
    terminal or the null device, and PATH has no empty and relative parts, so that no program starts
    from the current directory. At Ctrl-C, exits with status 130. With --help, or on a terminal
    without --cargo-plugin, prints the program's docstring and how to configure Cargo.
    """
    if "--help" in sys.argv or (os.isatty(0) and "--cargo-plugin" not in sys.argv):
        return _print_help(credential)
    os.environ.update(_safe_search())
    reader, writer = _take_console()
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


def serve(credential: Credential, reader: "BinaryIO", writer: "BinaryIO") -> None:
    """Run a provider over two binary streams. `main` does this with Cargo's pipes.

    Writes the hello, then an answer for each line until `reader` ends. At a line that is not a
    request, answers with an error and stops. Raises OSError if a stream fails.
    """
    _write_line(writer, CredentialHello(_VERSIONS).to_json())
    for line in iter(reader.readline, b""):
        for value in list(_remembered)[:-10000]:  # the memory of a long session stays flat
            _remembered.pop(value, None)
        try:
            request = CredentialRequest.from_json(line)
        except ProtocolError as error:
            _write_line(writer, OtherError(str(error)).to_json())
            break
        _write_line(writer, _answer(credential, request))


def _write_line(writer: "IO[bytes]", line: str) -> None:
    writer.write(line.encode("utf-8") + b"\n")
    writer.flush()


def _answer(credential: Credential, request: "CredentialRequest") -> str:
    """Return the line that answers a request, whatever the provider does."""
    try:
        _check_registry(credential, request.registry)
        _check_arguments(request.args)
        response = credential.perform(request.registry, request.action, request.args)
        return _response_line(response, request.action)
    except (UrlNotSupported, NotFound, OperationNotSupported, UnknownError) as error:
        return Error.to_json(error)
    except BaseException as error:  # also SystemExit: Cargo waits for an answer
        if issubclass(type(error), KeyboardInterrupt):
            raise
        return _other_error_line(error)


def _check_registry(credential: Credential, registry: "RegistryInfo") -> None:
    """Raise UrlNotSupported unless the provider serves this registry."""
    name = getattr(credential, "__name__", type(credential).__name__)
    if isinstance(credential, type):
        raise TypeError(f"main takes an instance: write main({name}()), not main({name})")
    registries: Any = credential.registries
    if registries is None:
        return
    if isinstance(registries, (str, bytes)):
        raise TypeError(f"{name}.registries must be a tuple of strings: write ({registries!r},)")
    entries = tuple(registries)  # an iterator can be read only once
    for entry in entries:
        problem = _problem_of_entry(entry)
        if problem:
            raise ValueError(f"{name}.registries: `{entry}` matches no registry: {problem}")
    if not registry.matches(*entries):
        raise UrlNotSupported


def _check_arguments(args: "list[str]") -> None:
    """Raise OtherError if an argument is the path of this program: Cargo joined two arrays."""
    for word in filter(os.path.dirname, args):
        own, ending = os.path.splitext(os.path.normcase(os.path.abspath(sys.argv[0])))
        # A relative path begins in a directory that is not known here: only its end is compared
        rooted = os.path.normpath(os.path.join(os.sep, word))
        path, end = os.path.splitext(os.path.normcase(rooted))
        is_end = ending and own.endswith(path) and not os.path.isabs(word)
        endings = (ending, ".cmd", ".bat", ".exe")  # a .cmd starts a .py
        if (path == own or is_end) and end in endings:
            hint = "keep one, or write a string"
            raise OtherError(f"Cargo joined two `credential-provider` arrays: {hint}")


def _response_line(response: "Any", action: "Action") -> str:
    """Return the line of a response. Raises TypeError or ValueError if Cargo would reject it."""
    expected: Any = _RESPONSES.get(type(action).kind, ())
    if not isinstance(response, expected):
        found = f"the provider returned {_type_of(response)} for the action `{action}`"
        hint = f"return a {expected.__name__}, or " if expected else ""
        raise TypeError(f"{found}: it must {hint}raise an Error")
    return CredentialResponse.to_json(response)  # a subclass could return two lines


def _other_error_line(error: BaseException) -> str:
    """Return the line of an exception: its text and those of its causes, redacted, then escaped."""
    try:
        _show_traceback(error)
        message, *causes = map(_escape, _redact(_texts_of_chain(error), _remembered))
    except BaseException as failure:  # an exception may refuse to be read
        if issubclass(type(failure), KeyboardInterrupt):
            raise
        message, causes = "the provider raised an exception that cannot be shown", []
    return OtherError(message, causes).to_json()


def _texts_of_chain(error: "BaseException | None") -> "list[str]":
    """Return the text of an exception, then its causes, the nearest first, by Python's rules."""
    texts: list[str] = []
    seen: set[int] = set()  # a chain can be a circle
    while error is not None and id(error) not in seen and len(seen) < 100:
        seen.add(id(error))
        texts.append(_text_of(error))
        if isinstance(error, Error):
            texts.extend(_cause_texts(error.caused_by))
        group: tuple[BaseException, ...] | None = getattr(error, "exceptions", None)
        if isinstance(group, tuple):
            texts.extend([_text_of(one) for one in group])
        error = error.__cause__ if error.__suppress_context__ else error.__context__
    return texts


def _text_of(error: BaseException) -> str:
    """Return the text of an exception, or its class if it has none."""
    if isinstance(error, SystemExit) and isinstance(error.code, (int, type(None))):
        return f"the provider tried to exit with status {error.code or 0} instead of answering"
    name, text = _type_of(error), str(error)
    if name != type(error).__name__:  # it is of another copy of this module
        return f"the provider raised {name}: {text}"
    encoding = sys.getfilesystemencoding()  # ASCII in Python 3.6 without a locale
    if encoding != "utf-8" and getattr(error, "encoding", "") == encoding:
        return "this locale cannot encode a character of a path or another text: set LANG=C.UTF-8"
    if isinstance(error, KeyError):  # its text is only the key
        return f"{name}: {text}"
    return text if text.strip() else name


def _type_of(value: object) -> str:
    """Return the name of a value's type. Two copies of this module have types of the same name."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name, module = type(value).__name__, type(value).__module__.rpartition(".")[2]
    if module == "cargo_credential" and type(value) is not globals().get(name):
        return f"a {name} of another copy of cargo_credential.py"
    return name


# ---- The messages -------------------------------------------------------------------------------
# A message, and each part of one, is a class whose `__match_args__` names its attributes, which are
# also its fields in JSON. They share functions instead of a base class: this starts faster.
def _is_equal(self: object, other: object) -> bool:
    return type(self) is type(other) and vars(self) == vars(other)


def _repr_of(self: "Any") -> str:
    fields = [f"{name}={getattr(self, name)!r}" for name in self.__match_args__]
    return f"{type(self).__name__}({', '.join(fields)})"


class RegistryInfo:
    """The registry that a request is about. Source: `RegistryInfo`.

    - index_url: as Cargo writes it, with `sparse+`. For crates.io it is always CRATES_IO_INDEX.
    - name: its name in Cargo's configuration, or None; `crates-io` for crates.io. Do not trust it:
      a cloned repository can give this name another index.
    - headers: `Name: value`, from the registry's 401 response. Compare the names without case.
    """

    __eq__, __repr__ = _is_equal, _repr_of
    __match_args__ = ("index_url", "name", "headers")

    def __init__(self, index_url: str, name: "str | None" = None, headers: "Sequence[str]" = ()):
        self.index_url, self.name, self.headers = index_url, name, list(headers)

    @property
    def host(self) -> "str | None":
        """The host of the index in lower case, without user and port.

        None for schemes other than http, https (each with or without `sparse+`) and ssh, for IPv6
        addresses, and for URLs that Cargo, libgit2 or git may read differently.
        """
        return self._split_url()[1] or None

    def matches(self, *registries: str) -> bool:
        """Return whether this registry is one of `registries`. False for no entries.

        An entry with `://` must equal `index_url`. Any other is HOST, for port 443, or HOST:PORT,
        at https:// or sparse+https://, without a query (`?`). Raises TypeError if it is not a str.
        """
        scheme, host, port = self._split_url()
        hosts = [f"{host}:{port}"]
        if port == 443:
            hosts.append(host)
        if scheme not in ("https", "sparse+https") or "?" in self.index_url:
            hosts = []  # anybody on the way could replace the index; a query could redirect
        for entry in registries:
            _must_be("a registry", entry, str)
            if entry.lower() in hosts or ("://" in entry and entry == self.index_url):
                return True
        return False

    def _split_url(self) -> "tuple[str, str, int]":
        """Return scheme, host and port, or empty values if parsers could differ.

        Cargo reads https as browsers do: it decodes `%`, takes a backslash for a slash, and reads
        0x7f.1 as 127.0.0.1. To libgit2, `?` and `#` do not end the host of an ssh URL. git looks
        for a host in `@[...]` anywhere in the URL, and ssh takes a leading dash for an option.
        """
        url, letters = self.index_url, "abcdefghijklmnopqrstuvwxyz0123456789_"
        scheme, _, rest = url.lower().partition("://")
        user, at, place = rest.partition("/")[0].rpartition("@")
        host, _, port = place.partition(":")
        labels = host.split(".")
        is_number = labels[-1][:1].isdigit()  # parsers may read the host as an IPv4 address
        if (
            scheme in ("http", "https", "sparse+http", "sparse+https", "ssh")
            and " " < min(url) <= max(url) < "\x7f"
            and not set(url).intersection("\\[]")
            and not host.strip(letters + ".-")  # "" is left only if each character is in the set
            and not user.strip(letters + ".-~+:")
            and all(label and label[0] != "-" for label in labels)
            and (not at or (user and user[0] not in ".-~+:"))
            and (not is_number or (len(labels) == 4 and set(labels) <= set(map(str, range(256)))))
            and (not port or (port.isdigit() and port[0] != "0" and int(port[:6]) < 65536))
        ):
            return scheme, host, int(port or 443)  # a host entry without port is for 443
        return "", "", 0


def _problem_of_entry(entry: object) -> str:
    """Return why an entry of `registries` can match no registry, and what to write, or ""."""
    if not isinstance(entry, str):
        return f"write a str, not {_type_of(entry)}"
    if RegistryInfo(f"https://{entry}/").matches(entry):
        return ""
    scheme, found, rest = entry.partition("://")
    authority, slash, _ = rest.partition("/")
    host = authority.rpartition("@")[2]
    if not found:
        return "write HOST or HOST:PORT, as in `crates.corp.example:8443`, or the whole index URL"
    if scheme.startswith("sparse+") and not entry.endswith("/"):
        return "the URL of a sparse index ends with a slash"
    if not slash:
        return "add the path of the index"
    if scheme == "https" and (host != host.lower() or host.endswith(":443")):
        return "write the host in lower case, and leave out the port 443, as Cargo does"
    return ""


class Operation:
    """What the token is for. A newer Cargo may send others. Source: `Operation`."""

    kind = "unknown"  # in JSON: see the tables below
    __match_args__: "tuple[str, ...]" = ()
    __eq__, __repr__ = _is_equal, _repr_of


class ReadOperation(Operation):
    """Read the index or a crate. Cargo sends it before a publish, and may before all others."""


class PublishOperation(Operation):
    """Publish version `vers` of crate `name`. `cksum` is the SHA-256 of the .crate file in hex."""

    __match_args__ = ("name", "vers", "cksum")

    def __init__(self, name: str, vers: str, cksum: str) -> None:
        self.name, self.vers, self.cksum = name, vers, cksum


class YankOperation(Operation):
    """Yank (withdraw) version `vers` of crate `name`."""

    __match_args__ = ("name", "vers")

    def __init__(self, name: str, vers: str) -> None:
        self.name, self.vers = name, vers


class UnyankOperation(Operation):
    """Undo the yank of version `vers` of crate `name`."""

    __match_args__ = ("name", "vers")

    def __init__(self, name: str, vers: str) -> None:
        self.name, self.vers = name, vers


class OwnersOperation(Operation):
    """List or change the owners of crate `name`."""

    __match_args__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class UnknownOperation(Operation):
    """An operation of a newer Cargo."""


class Action:
    """What Cargo requests. A newer Cargo may send others. Source: `Action`."""

    kind = "unknown"  # in JSON: see the tables below
    __match_args__: "tuple[str, ...]" = ()
    __eq__, __repr__ = _is_equal, _repr_of

    def __str__(self) -> str:
        """Return Cargo's name for the action."""
        return self.kind.replace("unknown", "<unknown>")


class GetAction(Action):
    """Return a token for `operation`."""

    __match_args__ = ("operation",)

    def __init__(self, operation: Operation) -> None:
        self.operation = operation


class LoginOptions:
    """What `cargo login` passes. Source: `LoginOptions`.

    token: the Secret to store, or None if the provider has to ask for it: see read_token.
    login_url: a page where the user finds a token, or None.
    """

    __eq__, __repr__ = _is_equal, _repr_of
    __match_args__ = ("token", "login_url")

    def __init__(self, token: "Secret | None" = None, login_url: "str | None" = None) -> None:
        self.token, self.login_url = token, login_url


class LoginAction(Action):
    """Store a token."""

    __match_args__ = ("options",)

    def __init__(self, options: LoginOptions) -> None:
        self.options = options


class LogoutAction(Action):
    """Erase the token."""


class UnknownAction(Action):
    """An action of a newer Cargo. Raise OperationNotSupported."""


class CredentialHello:
    """A provider's first line: the protocol versions `v` it offers. Source: `CredentialHello`."""

    __eq__, __repr__ = _is_equal, _repr_of
    __match_args__ = ("v",)

    def __init__(self, v: "Sequence[int]") -> None:
        self.v = list(v)

    @classmethod
    def from_json(cls, line: "str | bytes") -> "CredentialHello":
        """Read a hello. Raises ProtocolError."""
        v = _required(_parse(line), "v", list)
        if not all(type(version) is int and 0 <= version < 2**32 for version in v):
            raise ProtocolError("field `v` must be a list of versions")
        return cls(v)

    def to_json(self) -> str:
        """Return the hello as one line of JSON, without its line end."""
        return _encode({"v": self.v})


class CredentialRequest:
    """What Cargo asks, in protocol version `v`. Source: `CredentialRequest`."""

    __eq__, __repr__ = _is_equal, _repr_of
    __match_args__ = ("v", "registry", "action", "args")

    def __init__(self, v: int, registry: RegistryInfo, action: Action, args: "Sequence[str]" = ()):
        self.v, self.registry, self.action, self.args = v, registry, action, list(args)

    @classmethod
    def from_json(cls, line: "str | bytes") -> "CredentialRequest":
        """Read a request. Raises ProtocolError, also for an unsupported version."""
        fields = _parse(line)
        v, found = _required(fields, "v", int), _required(fields, "registry", dict)
        if v not in _VERSIONS:
            raise ProtocolError(f"unsupported protocol version {v}")
        url, name = _required(found, "index-url", str), _optional(found, "name")
        registry = RegistryInfo(url, name, _strings(found, "headers"))
        action = _read_part(fields, "kind", _ACTIONS, UnknownAction)
        return cls(v, registry, action, _strings(fields, "args"))

    def to_json(self) -> str:
        """Return the request as one line of JSON, with a login's token in it."""
        info = self.registry
        registry = {"index-url": info.index_url, "name": info.name, "headers": info.headers}
        fields = {"v": self.v, "registry": _present(registry), **_fields_of(self.action, "kind")}
        return _encode(_present({**fields, "args": self.args}))


class CacheControl:
    """How long Cargo keeps a token: at most until it exits. Source: `CacheControl`."""

    kind = "unknown"  # in JSON: see the tables below
    __match_args__: "tuple[str, ...]" = ()
    __eq__, __repr__ = _is_equal, _repr_of


class CacheNever(CacheControl):
    """Cargo does not keep the token: it requests one each time that it needs one."""


class CacheExpires(CacheControl):
    """Cargo keeps the token until 60 seconds before `expiration`, which is stored as an int.

    expiration: Unix seconds, or an aware datetime. Raises TypeError or ValueError for any other.
    """

    __match_args__ = ("expiration",)

    def __init__(self, expiration: "int | float | datetime") -> None:
        seconds: Any = expiration
        if hasattr(seconds, "timestamp"):
            if seconds.utcoffset() is None:
                raise ValueError("expiration is a datetime without a time zone: give it a tzinfo")
            seconds = seconds.replace(microsecond=0).timestamp()  # a float can round up
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            hint = "datetime.fromisoformat reads a text, and its `Z` from Python 3.11 on"
            wanted = f"Unix seconds or an aware datetime, not {_type_of(seconds)}"
            raise TypeError(f"expiration must be {wanted}: {hint}")
        if not -377705116800 <= seconds < 253402300800:  # also if it is NaN
            hint = "such as time.time() + 3600, in the years -9999 to 9999 (is it in milliseconds?)"
            raise ValueError(f"expiration must be Unix seconds, {hint}")
        self.expiration = int(seconds)


class CacheSession(CacheControl):
    """Cargo keeps the token until it exits."""


class CacheUnknown(CacheControl):
    """A setting of a newer protocol. Cargo treats it as CacheNever."""


class CredentialResponse:
    """The answer to an action. Source: `CredentialResponse`."""

    kind = "unknown"  # in JSON: see the tables below
    __match_args__: "tuple[str, ...]" = ()
    __eq__, __repr__ = _is_equal, _repr_of

    @classmethod
    def from_json(cls, line: "str | bytes") -> "CredentialResponse":
        """Read an answer. Raises the Error that the line carries, or ProtocolError."""
        fields = _parse(line)
        if list(fields) not in (["Ok"], ["Err"]):
            raise ProtocolError("the line must be an object with one field, `Ok` or `Err`")
        found = _required(fields, next(iter(fields)), dict)
        if "Ok" in fields:
            answer: CredentialResponse = _read_part(found, "kind", _RESPONSES, UnknownResponse)
            return answer
        kind = _required(found, "kind", str)
        if kind == "other":
            if found.get("caused-by") is None:  # missing or null
                found["caused-by"] = []
            raise OtherError(_required(found, "message", str), _strings(found, "caused-by"))
        raise _ERRORS.get(kind, UnknownError)

    def to_json(self) -> str:
        """Return one line of JSON, with its token. Raises TypeError or ValueError for a bad one."""
        if isinstance(self, GetResponse):
            _must_be("GetResponse.token", self.token, Secret)
            _must_be("GetResponse.cache", self.cache, CacheControl)
            _must_be("GetResponse.operation_independent", self.operation_independent, bool)
            _check_token(self.token, ValueError)
        return _encode({"Ok": _fields_of(self, "kind")})


class GetResponse(CredentialResponse):
    """A token. Cargo sends it unchanged as the `Authorization` header.

    token: a Secret of printable ASCII, with the scheme (`Bearer ...`) if the registry requires one.
    cache: CacheSession(), CacheNever() or CacheExpires(time).
    operation_independent: whether the token is for all operations. If `get` looks at `operation`,
    pass False: otherwise Cargo uses the token for the others, too, and does not call `get` again.
    Even if it is False, Cargo may also use the token to read.
    """

    __match_args__ = ("token", "cache", "operation_independent")
    _default = CacheSession()

    def __init__(
        self, token: "Secret", cache: CacheControl = _default, operation_independent: bool = True
    ) -> None:
        self.token, self.cache, self.operation_independent = token, cache, operation_independent


class LoginResponse(CredentialResponse):
    """The token is stored."""


class LogoutResponse(CredentialResponse):
    """The token is erased."""


class UnknownResponse(CredentialResponse):
    """An answer of a newer protocol."""


class Error(Exception):
    """Base of the errors that Cargo distinguishes by `kind`. Source: `Error`.

    Raise a subclass, as a class or an instance. Cargo shows only the message of an OtherError.
    """

    kind = "other"
    caused_by: "tuple[str, ...]" = ()
    _message = "credential action failed"

    def __str__(self) -> str:
        return super().__str__() or self._message

    def to_json(self) -> str:
        """Return the error as one line of JSON. Only the classes in `_ERRORS` have other kinds."""
        for kind, known in _ERRORS.items():
            if isinstance(self, known):
                return _encode({"Err": {"kind": kind}})
        message, *causes = [  # UTF-8 cannot encode lone surrogates
            text.encode("utf-8", "backslashreplace").decode("utf-8")
            for text in (str(self), *_cause_texts(self.caused_by))
        ]
        return _encode({"Err": {"kind": "other", "message": message, "caused-by": causes}})


def _cause_texts(causes: "str | Sequence[object]") -> "list[str]":
    if isinstance(causes, (str, BaseException)):
        return [str(causes)]
    return [str(cause) for cause in causes]


class UrlNotSupported(Error):
    """This provider does not serve the registry. Cargo asks its next provider."""

    _message = "registry not supported"


class NotFound(Error):
    """The provider has no token for the registry. Cargo asks its next provider."""

    _message = "credential not found"


class OperationNotSupported(Error):
    """This provider does not support the action. Cargo stops, and asks no other provider."""

    _message = "requested operation not supported"


class OtherError(Error):
    """Any other error. Cargo shows `message`, then each of `caused_by`, and stops."""

    def __init__(self, message: str = "", caused_by: "str | Sequence[str]" = ()) -> None:
        super().__init__(message)
        self.message = message
        self.caused_by = tuple(_cause_texts(caused_by))


class UnknownError(Error):
    """An error of a newer protocol, in an answer. Do not raise it: Cargo stops."""

    _message = "unknown error kind; try updating Cargo?"


# The kinds in JSON. A class of a provider is not in these tables, so it is never read
_OPERATIONS = {
    "read": ReadOperation,
    "publish": PublishOperation,
    "yank": YankOperation,
    "unyank": UnyankOperation,
    "owners": OwnersOperation,
}
_ACTIONS = {"get": GetAction, "login": LoginAction, "logout": LogoutAction}
_RESPONSES = {"get": GetResponse, "login": LoginResponse, "logout": LogoutResponse}
_CACHES = {"never": CacheNever, "expires": CacheExpires, "session": CacheSession}
_ERRORS = {
    "url-not-supported": UrlNotSupported,
    "not-found": NotFound,
    "operation-not-supported": OperationNotSupported,
    "unknown": UnknownError,
}
_TABLES: "tuple[dict[str, Any], ...]" = (_OPERATIONS, _ACTIONS, _RESPONSES, _CACHES, _ERRORS)
for _table in _TABLES:
    for _kind in _table:
        _table[_kind].kind = _kind


# ---- The messages in JSON -----------------------------------------------------------------------
class ProtocolError(ValueError):
    """A line does not follow the protocol. The text names the field, and quotes no string."""


def _unique_fields(pairs: "list[tuple[str, Any]]") -> "dict[str, Any]":
    fields = dict(pairs)
    if len(fields) < len(pairs):  # two readers could choose different values
        raise ProtocolError("duplicate field")
    return fields


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_decode = json.JSONDecoder(object_pairs_hook=_unique_fields).decode
_JSON_TYPES = {str: "a string", int: "an integer", bool: "true or false", dict: "an object"}


def _parse(line: "str | bytes", what: str = "the line") -> "dict[str, Any]":
    """Parse a JSON object as Cargo does. Refuse duplicates and huge numbers in any field."""
    try:
        fields: dict[str, Any] = _decode(line if isinstance(line, str) else line.decode("utf-8"))
        # json reads NaN, infinity and lone surrogates, but cannot write them: Cargo refuses them
        _encode(fields).encode("utf-8")
    except UnicodeError:
        raise ProtocolError("not UTF-8") from None
    except json.JSONDecodeError as error:  # `from None`: its `doc` may hold a token
        raise ProtocolError(f"not JSON: {error}") from None
    except ProtocolError:
        raise
    except (ValueError, RecursionError):
        raise ProtocolError("not JSON: a number is out of range, or nested too deeply") from None
    if type(fields) is not dict:
        raise ProtocolError(f"{what} must be an object")
    return fields


def _required(fields: "dict[str, Any]", name: str, kind: type) -> "Any":
    """Return the value of a field, which must have this type. A bool is not an int."""
    if name not in fields:
        raise ProtocolError(f"missing field `{name}`")
    if type(fields[name]) is not kind:
        raise ProtocolError(f"field `{name}` must be {_JSON_TYPES.get(kind, 'a list')}")
    return fields[name]


def _optional(fields: "dict[str, Any]", name: str) -> "str | None":
    """Return a string, or None if the field is missing or null."""
    return None if fields.get(name) is None else _required(fields, name, str)


def _strings(fields: "dict[str, Any]", name: str) -> "list[str]":
    """Return a list of strings, which is empty if the field is missing."""
    if name not in fields:
        return []
    values: list[str] = _required(fields, name, list)
    if not all(type(value) is str for value in values):
        raise ProtocolError(f"field `{name}` must be a list of strings")
    return values


def _read_part(
    fields: "dict[str, Any]", name: str, kinds: "dict[str, Any]", unknown: "Any"
) -> "Any":
    """Return the action, operation, answer or cache control whose kind is in the field `name`."""
    kind = kinds.get(_required(fields, name, str), unknown)
    if kind is GetAction:
        return GetAction(_read_part(fields, "operation", _OPERATIONS, UnknownOperation))
    if kind is LoginAction:
        token, url = _optional(fields, "token"), _optional(fields, "login-url")
        return LoginAction(LoginOptions(None if token is None else Secret(token), url))
    if kind is GetResponse:
        secret = Secret(_required(fields, "token", str))
        cache = _read_part(fields, "cache", _CACHES, CacheUnknown)
        return GetResponse(secret, cache, _required(fields, "operation_independent", bool))
    if kind is CacheExpires:
        try:
            return CacheExpires(_required(fields, "expiration", int))
        except ValueError as error:
            raise ProtocolError(str(error)) from None
    return kind(*[_required(fields, argument, str) for argument in kind.__match_args__])


def _fields_of(
    part: "Operation | Action | CacheControl | CredentialResponse", name: str
) -> "dict[str, Any]":
    """Return the fields of such a part: the field `name` with its kind, and those beside it."""
    fields: dict[str, Any] = {name: type(part).kind}
    if isinstance(part, GetAction):
        return {**fields, **_fields_of(part.operation, "operation")}
    if isinstance(part, LoginAction):
        if part.options.token is not None:
            fields["token"] = part.options.token.expose()
        return {**fields, "login-url": part.options.login_url}
    if isinstance(part, GetResponse):
        cache = _fields_of(part.cache, "cache")
        independent = {"operation_independent": part.operation_independent}
        return {**fields, "token": part.token.expose(), **cache, **independent}
    return {**fields, **{argument: getattr(part, argument) for argument in part.__match_args__}}


def _present(fields: "dict[str, Any]") -> "dict[str, Any]":
    """Return the fields that are neither None nor an empty list: the crate does not write these."""
    return {name: value for name, value in fields.items() if value is not None and value != []}


# ---- Secrets ------------------------------------------------------------------------------------
_REDACTED = "[REDACTED]"
_MASKED = f"Secret({_REDACTED})"
_remembered: "dict[str, None]" = {}  # the values of Secrets, the newest last


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

    def __deepcopy__(self, memo: object = None) -> "Secret":
        return self

    __copy__ = __deepcopy__

    def __getstate__(self) -> object:  # pickle calls this
        raise TypeError("a Secret cannot be pickled: use expose() if the value must be stored")


def _must_be(what: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"{what} must be a {kind.__name__}, not {_type_of(value)}")


def _check_token(token: Secret, error: "type[Exception]") -> Secret:
    """Return the token, or raise the error if no HTTP header can carry it."""
    text = token.expose()
    if _MASKED in text:
        example = 'token.expose(), or token.map(lambda t: "Bearer " + t)'
        raise error(f"the token contains `{_MASKED}`, the text of a Secret: write {example}")
    others = {char for char in text if not " " <= char <= "~" and char != "\t"}
    for found, problem in (
        (not text.strip(" \t"), "is empty"),
        (others & {"\0", "\ufeff"}, "contains a NUL character or a byte order mark"),
        (text[-1:] in ("\r", "\n"), "ends with a line break"),
        (others & {"\r", "\n"}, "contains a line break"),
        (max(others, default="") > "\x7f", "contains a character outside ASCII"),
        (others, "contains a control character"),
    ):
        if found:
            raise error(f"the token {problem}, so no HTTP header can carry it")
    return token


def _redact(texts: "Iterable[str]", values: "Iterable[str]") -> "list[str]":
    """Return the texts with each value replaced, also where JSON, repr, a URL or HTML escaped it.

    Each line of a value and the text after its scheme count as values. The longest are replaced
    first, so that none leaves a part of another.
    """
    import re

    lines = [line.strip() for line in "\n".join(values).splitlines()]
    rests = [rest for line in lines for rest in line.split(None, 1)[1:]]
    forms = {form for form in lines + rests if len(form) > 1 and form != _MASKED}
    redacted = list(texts)
    for form in sorted(forms, key=len, reverse=True):
        # No search if a text is too short, or lacks the longest word, which is never escaped
        word = max(re.findall("[A-Za-z0-9]+", form), key=len, default="")
        least = len(form) - form.count("\\")
        if any(least <= len(text) and word in text for text in redacted):
            pattern = re.compile(_pattern_of(form))
            redacted = [pattern.sub(_REDACTED, text) for text in redacted]
    return redacted


def _pattern_of(value: str) -> str:
    """Return a regular expression of all spellings of a value. Short ones match whole words only.

    Letters and digits are never escaped. Another character may follow backslashes, and may be
    written as an escape: `u002f` and `x2f` after them, %2f, %252f and so on, or `&#x2f;`.
    """
    import re

    escapes = "(?i:(?:u00|x|%(?:25)*){0:02x}|&#(?:0*{0}|x0*{0:02x});)"  # of a character's number
    slash, escaped = r"\\", escapes.format(ord("\\"))
    if not re.search(escaped, value):  # otherwise, two readings of one text could take forever
        slash = rf"(?:\\|{escaped})"

    def spellings(found: "Any") -> str:
        char = found.group()
        before = slash + "{0,99}" if found.start() else ""  # the limit, too, bounds the time
        letter = {"\t": "|t", " ": r"|\+"}.get(char, "")
        return rf"{before}(?:{re.escape(char)}|{escapes.format(ord(char))}{letter})"

    parts = [re.sub("[^A-Za-z0-9]", spellings, part) for part in re.split(r"\\+", value)]
    pattern = (slash + "{1,99}").join(parts)
    if len(value) <= 3:
        pattern = rf"(?<!\w){pattern}(?!\w)"
    return pattern


def _escape(text: str) -> str:
    """Escape what could clear the screen or hide words of an error. Line breaks stay."""
    import re

    special = "[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
    return re.sub(special, lambda found: ascii(found.group())[1:-1], text.replace("\r\n", "\n"))


# ---- I/O: the terminal --------------------------------------------------------------------------
# `main` moves Cargo's pipes to descriptors that no program inherits, and puts the terminal in place
# of standard input and output. A token is read from the terminal itself. On POSIX that is our own
# code: with getpass, the token is shown after Ctrl-Z and `fg`, and the echo can stay off.
# This section opens the terminal and the null device, reads sys.argv, PATH and one environment
# variable, and writes to the terminal and to standard error.
_TERMINAL = ("CONIN$", "CONOUT$") if sys.platform == "win32" else ("/dev/tty", "/dev/tty")
_pipe_to_cargo: "IO[bytes] | None" = None  # once `main` has taken it


def _safe_search() -> "dict[str, str]":
    """Return variables with which no program is looked up in the current directory."""
    parts = os.environ.get("PATH", os.defpath).split(os.pathsep)
    kept = [part for part in parts if _is_absolute(part)] or [sys.prefix]
    search = {"PATH": os.pathsep.join(kept)}  # an empty PATH is the current directory
    if sys.platform == "win32":
        search["NoDefaultCurrentDirectoryInExePath"] = "1"
    return search


def _is_absolute(path: str) -> bool:
    if sys.platform == "win32":  # `\x` is on the current drive, which can be that of a checkout
        return os.path.isabs(path) and os.path.splitdrive(path)[0] != ""
    return os.path.isabs(path)


def _take_console() -> "tuple[BinaryIO, BinaryIO]":
    """Return Cargo's pipes, and put the terminal in their place. Source: the crate's `stdio`."""
    global _pipe_to_cargo
    while os.open(os.devnull, os.O_RDWR) <= 2:
        pass  # a standard descriptor is closed: without this, a pipe would get its number
    # os.dup makes copies that no program inherits
    reader, _pipe_to_cargo = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    sys.stdin = _attach(0, _TERMINAL[0], "r")
    sys.__dict__["__stdin__"] = sys.stdin  # getpass on Windows asks only if they are the same
    earlier, sys.stdout = sys.stdout, _attach(1, _TERMINAL[1])
    _flush(earlier, 1)  # what is printed so far goes to the terminal, too
    sys.stderr = sys.stderr or _attach(2, os.devnull)  # it was closed
    return reader, _pipe_to_cargo


def _attach(descriptor: int, device: str, mode: str = "w") -> "Any":
    """Open a device, or else the null device, in place of a standard descriptor, as a text file."""
    try:
        opened = os.open(device, os.O_RDWR)
    except OSError:
        opened = os.open(os.devnull, os.O_RDWR)
    os.dup2(opened, descriptor)  # child processes inherit the copy
    os.close(opened)
    return open(descriptor, mode, buffering=1, errors="backslashreplace", closefd=False)


def _flush(stream: "TextIO | None", descriptor: int) -> None:
    """Flush a stream, or discard its text: Python's flush at exit would change the exit status."""
    try:
        if stream:
            stream.flush()
    except (OSError, ValueError):
        _attach(descriptor, os.devnull)


def _say(line: str) -> None:
    """Print a line on standard error. Its line breaks are escaped, too: a registry may send it."""
    try:
        sys.stderr.write(_escape(line).replace("\n", "\\n") + "\n")
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError, LookupError):
        pass  # it is closed, broken, or cannot encode the text: the answer matters more


def _show_traceback(error: BaseException) -> None:
    if os.environ.get("CARGO_CREDENTIAL_TRACEBACK", "0") not in ("", "0"):
        import traceback

        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        for line in _redact([text], _remembered)[0].splitlines():
            _say(line)


def _print_help(credential: Credential) -> None:
    """Print the docstring of the program, or of the module of its provider, and a configuration."""
    text = sys.modules["__main__"].__doc__ or ""
    if not text and type(credential).__module__ != __name__:  # in a package's console script
        text = sys.modules[type(credential).__module__].__doc__ or ""
    path = os.path.abspath(sys.argv[0])
    if sys.platform == "win32":  # Cargo cannot start a .py file
        start = os.path.splitext(path)[0]
        path = start + (".exe" if os.path.isfile(start + ".exe") else ".cmd")
    words = [word for word in (path, *sys.argv[1:]) if word != "--help"]
    text = f"""{text.strip()}

This is a credential provider: Cargo runs it with --cargo-plugin to get a registry's token. To use
it, write its line below the registry's `index`, in config.toml in $CARGO_HOME (~/.cargo if that is
not set). Add the provider's arguments if it requires any.

[registries.NAME]
credential-provider = {json.dumps(words, ensure_ascii=False)}""".lstrip()
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


def read_line() -> str:
    """Return a line from the terminal, stripped, or "" at the end of input. Source: `read_line`."""
    return sys.stdin.readline().strip() if sys.stdin else ""


def read_token(options: LoginOptions, registry: RegistryInfo) -> Secret:
    """Return the token to store: the one that Cargo passes, or what the user types, hidden.

    Raises OtherError if the user types nothing, if no terminal is found, if Cargo has ended (except
    on Windows), or if no HTTP header can carry the token. Cargo shows the message and stops.
    Source: `read_token`.
    """
    problem = "Cargo passed an empty token"
    if options.token is None:
        _prompt(options, registry)
        try:
            with open(_TERMINAL[0], "rb", buffering=0) as terminal:
                text, problem = _read_hidden_line(terminal.fileno()).strip(), "no token was entered"
        except OSError:
            text, problem = "", "Cargo passed no token, and no terminal was found to type it on"
    else:
        import re

        # Up to 1.78, Cargo passes the line end, too
        text = re.sub(r"\r?\n\Z", "", options.token.expose())
    if not text:
        raise OtherError(f"{problem}: to pass it from a file, add `< FILE` to the command")
    return _check_token(Secret(text), OtherError)


def _prompt(options: LoginOptions, registry: RegistryInfo) -> None:
    """Print two lines. A checkout can choose all of the text but the host."""
    name = f"registry {registry.name}, " if registry.name else ""
    page = f"for {registry.name or registry.index_url}"
    if options.login_url is not None:
        page = f"found on {options.login_url}"
    index = f"{name}index {registry.index_url}, at {registry.host or 'an unknown host'}"
    lines = [index, f"please paste the token {page} below"]
    if len(ascii(lines)) > 1000:  # half of a small terminal: the host must stay on the screen
        hint = "check the registry's name and index"
        raise OtherError(f"the prompt would be longer than 1000 characters: {hint}")
    for line in lines:
        _say(line)


if sys.platform == "win32":

    def _read_hidden_line(terminal: int) -> str:
        import getpass

        return getpass.getpass("")  # from the console

else:

    def _read_hidden_line(terminal: int) -> str:
        """Read a line without echo. The echo comes back however this ends, and is off after `fg`.

        In the main thread, it also comes back before a signal below ends or stops the process.
        """
        import signal
        import threading

        modes: list[Any] = []
        earlier: dict[int, Any] = {}

        def on_signal(number: int, frame: object) -> None:
            _set_echo(terminal, modes, True)
            signal.signal(number, earlier[number])
            os.kill(os.getpid(), number)  # ends or stops the process, or raises KeyboardInterrupt
            signal.signal(number, on_signal)  # `fg` continues here
            _set_echo(terminal, modes, False)

        try:
            if threading.current_thread() is threading.main_thread():
                for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGTSTP", "SIGCONT"):
                    number = getattr(signal, name)
                    handler = signal.getsignal(number)
                    if handler not in (signal.SIG_IGN, None):
                        earlier[number] = handler
                        signal.signal(number, on_signal)
            return _read_while_cargo_waits(terminal, modes)
        finally:
            _set_echo(terminal, modes, True)
            for number, handler in earlier.items():
                signal.signal(number, handler)

    def _read_while_cargo_waits(terminal: int, modes: "list[Any]") -> str:
        """Read a line, or stop when Cargo has ended: then the user types commands, not a token."""
        import select

        pipe = select.poll()
        if _pipe_to_cargo:
            pipe.register(_pipe_to_cargo.fileno(), 0)  # reports only that Cargo has closed its end
        _set_echo(terminal, modes, False)  # after the imports: Python 3.6 can lose a Ctrl-C in one
        ready: list[int] = []
        while not ready:
            ready = select.select([terminal], [], [], 0.2)[0]
            if pipe.poll(0):
                raise OtherError("Cargo has ended: no token is stored")
        line = os.read(terminal, 4096).rstrip(b"\n")
        limit = 1023 if sys.platform == "darwin" else 4095
        if len(line) >= limit:
            cut = f"the terminal cuts a line at {limit} characters"
            raise OtherError(f"{cut}: pass the token in a file")
        return line.decode("utf-8", "replace")

    def _set_echo(terminal: int, modes: "list[Any]", on: bool) -> None:
        """Turn the echo on or off, and drop what is typed ahead. Signals wait until that is done.

        Off: in the background, the system stops this process here until `fg`. Only then it fills
        `modes`: before, the terminal has those of the shell's prompt. On: if the terminal no longer
        reads lines without echo, the shell has set its own modes, and those stay.
        """
        import signal
        import termios

        waiting = set(range(1, 32)) - (set() if on else {signal.SIGTTOU})
        before = signal.pthread_sigmask(signal.SIG_BLOCK, waiting)
        try:
            if not on:
                termios.tcflush(terminal, termios.TCIFLUSH)
                modes[:] = modes or termios.tcgetattr(terminal)
                hidden = modes[:]
                hidden[3] = hidden[3] & ~termios.ECHO | termios.ECHONL | termios.ICANON
                termios.tcsetattr(terminal, termios.TCSAFLUSH, hidden)
            elif modes:
                flags = termios.ICANON | termios.ECHO  # the kernel of macOS changes others
                if termios.tcgetattr(terminal)[3] & flags == modes[3] & termios.ICANON:
                    termios.tcsetattr(terminal, termios.TCSAFLUSH, modes)
        except termios.error as error:
            if not on:  # else: the terminal is gone
                raise OSError(*error.args) from None
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


# ---- I/O: Cargo's side --------------------------------------------------------------------------
# Runs another provider and speaks Cargo's side of the protocol with it. Waits for a child that
# follows the protocol, drops its further output, and kills any other.
# This section starts the program that its caller names, and reads PATH. It opens no file. Nothing
# above or below needs it: cut it out if you only write providers.
__all__ += ["CredentialProcess", "negotiate_version"]


def negotiate_version(offered: "Sequence[int]", supported: "Sequence[int]") -> int:
    """Return the highest common version, or raise OtherError with Cargo's message."""
    common = set(offered) & set(supported)
    if not common:
        theirs = f"credential provider supports protocol versions {list(offered)}"
        raise OtherError(f"{theirs}, while Cargo supports {list(supported)}")
    return max(common)


class CredentialProcess(Credential):
    """Another provider, run as Cargo runs it. Source: Cargo's `CredentialProcessCredential`.

    path: the program, as an absolute path or a name on PATH. Raises OtherError for a provider that
    is built into Cargo, and for a relative path: only Cargo knows what it is relative to. Empty and
    relative parts of PATH are ignored.
    args: its configured arguments. The provider gets them before those of a request.

    Each method runs the provider once, waits for its exit, and returns its answer or raises the
    Error in it. If the provider breaks the protocol, the method kills it and raises OtherError with
    Cargo's message, and the reason in `caused_by`. In a subclass, override only `perform`: the
    other methods and `main` call it. If your subclass checks operations, set
    `operation_independent` of each GetResponse to False: otherwise Cargo publishes with the token
    that it got to read.
    """

    def __init__(self, path: str, *args: str) -> None:
        if path.startswith("cargo:"):
            raise OtherError(f"`{path}` is built into Cargo: name a program")
        if "\0" in path:
            raise OtherError("the path of the provider contains a NUL character")
        if os.path.dirname(path) and not _is_absolute(path):  # it could be a program of a checkout
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
        """Run the provider once."""
        child = _start(self._path)
        try:
            request = CredentialRequest(1, registry, action, [*self._args, *args])
            answer: CredentialResponse | Error = _ask(child, request)
            problem = _exit_problem(child)
        except BaseException as error:
            # At Ctrl-C, the provider gets the signal, too: let it clean up
            _end_child(child, seconds=int(isinstance(error, KeyboardInterrupt)))
            raise
        if problem:
            raise OtherError(f"credential process `{self._path}` failed with status {problem}")
        if isinstance(answer, Error):
            raise answer
        try:
            _response_line(answer, action)
        except (TypeError, ValueError) as error:
            what = f"credential provider produced unexpected response for `{action}` request"
            raise OtherError(what, str(error)) from None
        return answer


def _start(path: str) -> "Any":
    """Start a provider. No program is looked up in the current directory."""
    import subprocess

    environment = dict(os.environ, **_safe_search())
    command: Any = [path, "--cargo-plugin"]
    if sys.platform == "win32":
        # CreateProcess would look a bare name up in the current directory. Python quotes only
        # spaces, but cmd.exe ends a command at `&`, too.
        folders = environment["PATH"].split(os.pathsep)
        files = [os.path.join(folder, path + end) for folder in folders for end in ("", ".exe")]
        file = next(filter(os.path.isfile, files), files[0])
        command = f'"{file}" --cargo-plugin'
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment)
    except OSError as error:
        raise _os_failure("spawn credential process", error) from None


def _ask(child: "Any", request: CredentialRequest) -> "Any":
    """Return the answer, or the Error in it."""
    hello = _read_message(child.stdout, "hello", CredentialHello.from_json)
    request.v = negotiate_version(hello.v, _VERSIONS)
    try:
        _write_line(child.stdin, request.to_json())
    except UnicodeError:
        raise OtherError("failed to serialize request", "not UTF-8") from None
    except OSError as error:
        raise _os_failure("write to credential provider", error) from None
    return _read_message(child.stdout, "response", CredentialResponse.from_json)


def _os_failure(action: str, error: OSError) -> OtherError:
    cause = f"{os.strerror(error.errno or 0)} (os error {error.errno})"
    return OtherError(f"failed to {action}", cause)


def _read_message(stdout: "IO[bytes]", what: str, parse: "Callable[[str], Any]") -> "Any":
    """Return a message, or the Error that it carries."""
    line = stdout.readline()
    try:
        return parse(line.decode("utf-8"))
    except Error as error:
        return error
    except UnicodeError:
        failure = f"failed to read {what} from credential provider"
        raise OtherError(failure, "not UTF-8") from None
    except ProtocolError as error:
        problem = str(error)
        if not line:
            problem = f"the provider closed its output before its {what}"
        raise OtherError(f"failed to deserialize {what}", problem) from None


def _exit_problem(child: "Any") -> str:
    """Wait for the exit, and drop what the provider still prints. Return its status on failure."""
    import contextlib
    import threading

    def drop_output() -> None:
        with contextlib.suppress(OSError, ValueError), child.stdout:  # it can be closed elsewhere
            while os.read(child.stdout.fileno(), 65536):
                pass

    with contextlib.suppress(OSError):  # it may not have read all of the request
        child.stdin.close()
    threading.Thread(target=drop_output, daemon=True).start()  # its child may keep the pipe open
    code = child.wait()
    if code < 0:
        return f"signal: {-code}"
    if code:
        return f"exit {'code' if sys.platform == 'win32' else 'status'}: {code}"
    return ""


def _end_child(child: "Any", seconds: int) -> None:
    """Kill a provider that does not exit within so many seconds."""
    import contextlib
    import subprocess

    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(seconds)
    finally:
        child.kill()
        _exit_problem(child)


# ---- I/O: the file provider, and the program ----------------------------------------------------
# `--example-file` keeps tokens in a JSON file. A change locks PATH.lock, writes PATH.tmp and then
# replaces the file, so that no token is lost and no reader sees a part. On POSIX it refuses a file
# that another user made or can write. It does not check the directories above, and on Windows it
# relies on their permissions. This section opens only these three files. It reads CARGO_HOME and
# the home directory. Nothing above needs it: cut it out if you only write providers.
class _FileCredential(Credential):
    """The provider of `--example-file`. Source: the crate's example `file-provider`."""

    def __init__(self, options: "list[str]") -> None:
        self._options = options

    def perform(
        self, registry: RegistryInfo, action: Action, args: "list[str]"
    ) -> CredentialResponse:
        if args.count("--example-file") > 1:  # the second can be that of a checkout
            hint = "write a string instead"
            raise OtherError(f"Cargo joined two `credential-provider` arrays: {hint}")
        options, url = self._options + args, registry.index_url
        named = _named_path(options)
        if "--any-registry" not in options and not registry.matches(CRATES_IO_INDEX):
            raise UrlNotSupported
        path = _without_links(_store_path(named))
        tokens = _read_store(path)  # before a prompt, and before our lock locks out its owner
        if sys.platform != "win32" and tokens and os.stat(path).st_mode & 0o077:
            _say(f"warning: other users can read the token store `{path}`: run `chmod 600` on it")
        if isinstance(action, GetAction):
            if url not in tokens:
                raise NotFound
            return GetResponse(Secret(tokens[url]))
        if isinstance(action, LoginAction):
            folder = os.path.dirname(path)
            if not os.path.isdir(folder):
                hint = f"create the directory `{folder}`"
                raise OtherError(f"cannot write the token store `{path}`: {hint}")
            _change_store(path, url, read_token(action.options, registry))
            return LoginResponse()
        if isinstance(action, LogoutAction):
            _change_store(path, url, None)
            return LogoutResponse()
        raise OperationNotSupported


def _named_path(options: "list[str]") -> str:
    """Return the PATH after --example-file, or "" for the default."""
    if "--example-file" not in options:
        hint = "add it after the path in `credential-provider`"
        raise OtherError(f"cargo_credential.py is a provider only with --example-file: {hint}")
    path = before = ""
    for option in options:
        if before == "--example-file" and not option.startswith("--"):
            path = option or "."  # an empty PATH is not the default
        elif option not in ("--example-file", "--any-registry", "--cargo-plugin"):
            known = "--example-file [PATH] and --any-registry"
            raise OtherError(f"unknown option `{option}`: the options are {known}")
        before = option
    return path


def _store_path(named: str) -> str:
    """Return the absolute path of the store.

    Refuses a relative path, and a default below the current directory: that can be a checkout,
    whose author can put a file there, and from where `cargo publish` could upload the store.
    """
    home = os.environ.get("CARGO_HOME") or "~/.cargo"
    path = named or os.path.join(home, "cargo-credentials.json")
    hint = "write an absolute path, or one that begins with `~/`, after --example-file"
    if "\0" in path:
        raise OtherError(f"the path of the token store contains a NUL character: {hint}")
    if path.startswith("~/"):
        path = os.path.expanduser(path)
        if path.startswith("~") or os.environ.get("HOME") == "":
            raise OtherError("no home directory: write an absolute path after --example-file")
    if not _is_absolute(path):
        raise OtherError(f"`{path}` is a relative path: {hint}")
    folders = [os.path.dirname(path), os.curdir]  # a link can lead elsewhere
    folder, current = [os.path.join(os.path.realpath(name), "") for name in folders]
    if not named and os.path.normcase(folder).startswith(os.path.normcase(current)):
        below = "lies below the current directory, from where `cargo publish` could upload it"
        raise OtherError(f"the token store `{path}` {below}: {hint}")
    return path


def _without_links(path: str) -> str:
    """Follow symbolic links of the file itself, so that a link stays one when the file changes."""
    for _ in range(40):
        if not os.path.islink(path):
            break
        owner = os.lstat(path).st_uid
        if sys.platform != "win32" and owner not in (os.geteuid(), 0):
            problem = f"belongs to another user (uid {owner}): name another file"
            raise OtherError(f"the symbolic link `{path}` {problem}")
        path = os.path.join(os.path.dirname(path), os.readlink(path))
    return path


def _read_store(path: str) -> "dict[str, str]":
    """Return the tokens by index URL. A missing file has none."""
    store = f"the token store `{path}`"
    try:
        with open(path, "rb", opener=_open_own) as file:
            tokens = _parse(file.read().strip() or b"{}", "the store")
        return {url: _required(tokens, url, str) for url in tokens}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise OtherError(f"cannot read {store}") from error
    except ProtocolError as error:
        raise OtherError(f"{store} is damaged: repair it or move it away") from error


def _open_own(path: str, flags: int) -> int:
    """Open a file for its owner alone. Raise OtherError if another user made it or can write it."""
    if os.path.lexists(path) and not os.path.isfile(path):
        hint = "name a file after --example-file"
        raise OtherError(f"the file `{path}` is not a regular file: {hint}")
    # Do not follow a link, or wait at a named pipe, that has just taken the file's place
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor: int = _retry(os.open, path, flags, 0o600)
    if sys.platform == "win32":
        return descriptor
    status = os.fstat(descriptor)
    if status.st_uid != os.geteuid():
        problem = f"belongs to another user (uid {status.st_uid}): name another file"
    elif status.st_mode & 0o022:
        problem = "can be changed by other users: check its tokens, then run `chmod 600` on it"
    else:
        return descriptor
    os.close(descriptor)
    raise OtherError(f"the file `{path}` {problem}")


def _change_store(path: str, url: str, token: "Secret | None") -> None:
    """Store a token or erase it. One process at a time replaces the file, in one step."""
    temporary = path + ".tmp"  # a login that was killed may have left its token there
    if token is None and not (os.path.lexists(path) or os.path.lexists(temporary)):
        raise NotFound
    try:
        with open(path + ".lock", "ab", opener=_open_own) as locked:
            _lock(locked.fileno(), path + ".lock")
            if os.path.lexists(temporary):
                os.unlink(temporary)
            tokens = _read_store(path)
            if token is not None:
                tokens[url] = token.expose()
            elif tokens.pop(url, None) is None:
                raise NotFound
            _replace_store(path, temporary, tokens)
    except OSError as error:
        raise OtherError(f"cannot write the token store `{path}`. It was not changed") from error


def _replace_store(path: str, temporary: str, tokens: "dict[str, str]") -> None:
    try:
        with open(temporary, "xb", opener=_open_own) as file:
            file.write(json.dumps(tokens, indent=2).encode("ascii") + b"\n")
            file.flush()
            os.fsync(file.fileno())
        _retry(os.replace, temporary, path)
    finally:
        if os.path.lexists(temporary):
            os.unlink(temporary)


def _lock(descriptor: int, path: str) -> None:
    """Wait until no other process has the file locked, then lock it. Closing it releases it."""
    import time

    waiting = False
    while True:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if sys.platform != "win32" and not isinstance(error, BlockingIOError):
                raise  # this file system has no locks
            if not waiting:
                _say(f"waiting for another process to release the lock `{path}`")
            waiting = True
            time.sleep(0.05)


def _retry(call: "Any", *arguments: "Any") -> "Any":
    """Make a call. On Windows, retry for 5 seconds while another process has the file open."""
    import time

    for _ in range(500 if sys.platform == "win32" else 0):
        try:
            return call(*arguments)
        except PermissionError:
            time.sleep(0.01)
    return call(*arguments)


_USAGE = """\
usage: cargo_credential.py --example-file [PATH] [--any-registry]
       cargo_credential.py --help | --version

A provider that keeps tokens in a file. PATH is absolute, or begins with ~/. By default, it is
cargo-credentials.json in $CARGO_HOME, or in ~/.cargo. With --any-registry, it serves all
registries, not only crates.io. To write your own provider, read the top of this file.
"""


if __name__ == "__main__":
    if "--version" in sys.argv:
        sys.stdout.write(f"cargo_credential.py {__version__}\n")
    elif "--example-file" not in sys.argv and ("--help" in sys.argv or os.isatty(0)):
        sys.stdout.write(_USAGE)
    else:
        __doc__ = _USAGE  # for main's --help
        main(_FileCredential(sys.argv[1:]))
        _flush(sys.stdout, 1)
        os._exit(0)  # Python's own exit takes a tenth of the run
