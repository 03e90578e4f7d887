#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
r"""Takes tokens from ~/.netrc, which curl, git, pip, uv and Go read, too.

The file is ~/_netrc on Windows; the environment variable NETRC names another file. In an entry, the
password is the token:

    machine crates.corp.example login USER password TOKEN

    from_netrc.py [OPTION]...

    --index URL    serve this index (repeatable)
    --host HOST    serve all indexes at https:// on this host (repeatable)
    --default      use the file's `default` entry if no `machine` names the host
    --scheme WORD  put `WORD ` before the token; `Basic` encodes login and password

Name at least one --index or --host. If other people can put files on the host, as on GitHub, use
--index: the files of an index decide where Cargo sends the token.

The file must be a regular file. Except on Windows, it must belong to the user or to root, and no
other user may read or write it.

It reads the file as curl does, with every version of Python in the same way:
- White space separates words. `"..."` on one line is one word: \" and \\ are a quote and a
  backslash in it, and \n, \r and \t are control characters.
- The keywords `machine`, `login`, `password` and `account`, in any case, take the next word.
- Elsewhere, `#` begins a comment to the end of the line. Unknown words are ignored.
- `macdef NAME` ends at an empty line.
- The first entry of the host that has a password counts. An error elsewhere does not matter.

What it does not do:
- Log in or out: edit the file. For `cargo login`, see git_credential.py and password_store.py.
- Compare ports: a netrc file has none.
- Serve an index at an IPv6 address.

Tested with real files and Cargo 1.95, on Linux. In .cargo/config.toml:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/from_netrc.py", "--host", "crates.corp.example"]

To try it without Cargo, in a Unix shell:

    echo '{"v":1,"registry":{"index-url":"https://r.example/"},"kind":"get","operation":"read",'\
    '"args":["--host","r.example"]}' | ./from_netrc.py
"""

import os
import re
import stat
import sys
from base64 import b64encode

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import cargo_credential as cc
from cargo_credential import NotFound, OtherError, RegistryInfo, Secret, UrlNotSupported

sys.path.pop()  # no other module may come from there

OPTIONS = ("--index", "--host", "--scheme", "--default")
KEYWORDS = {b"machine": "host", b"login": "login", b"password": "password", b"account": "account"}
BOM = b"\xef\xbb\xbf"
CONTROL = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}
WORD = re.compile(rb'\s*(?:"((?:\\.|[^"\\\n])*)("?)|(\S+))')  # an open quote ends with its line
ESCAPED = re.compile(rb"\\(.)")


class FromNetrc(cc.Credential):
    def perform(
        self, registry: RegistryInfo, action: cc.Action, args: "list[str]"
    ) -> cc.CredentialResponse:
        options = parse(args)
        if registry.host is None or not registry.matches(*options["--index"], *options["--host"]):
            raise UrlNotSupported  # Cargo asks its next provider
        return super().perform(registry, action, args)

    def get(
        self, registry: RegistryInfo, operation: cc.Operation, args: "list[str]"
    ) -> cc.GetResponse:
        options = parse(args)
        login, token = entry_of(registry.host or "", bool(options["--default"]))
        refuse_non_token(token)
        for scheme in options["--scheme"][-1:]:
            if scheme.lower() == "basic":
                token = basic(login, token)
            token = Secret(f"{scheme} {token.expose()}")
            refuse_non_token(token)
        return cc.GetResponse(token)


def parse(args: "list[str]") -> "dict[str, list[str]]":
    """Return the values of each option."""
    options: dict[str, list[str]] = {option: [] for option in OPTIONS}
    words = iter(args)
    for option in words:
        if option not in OPTIONS:
            raise OtherError(f"unknown option {option!r}: the options are {', '.join(OPTIONS)}")
        value = "" if option == "--default" else next(words, option)
        if value in OPTIONS:
            raise OtherError(f"{option} requires a value after it")
        options[option].append(value)
    if not options["--index"] + options["--host"]:
        raise OtherError("add `--index URL` or `--host HOST` to name the registry of the token")
    for host in options["--host"]:
        if "[" in host or not RegistryInfo(f"https://{host}/").matches(host):
            raise OtherError(f"--host takes a host name, or HOST:PORT, not {host!r}")
    return options


def refuse_non_token(token: Secret) -> None:
    problem = problem_of(token.expose().replace("'", ""))  # in a netrc file, they are text
    if problem:
        raise OtherError(problem)


def basic(login: str, token: Secret) -> Secret:
    """Encode for HTTP Basic. Cargo cannot see what is encoded, so check it before."""
    if not re.fullmatch("[ -9;-~]*", login):
        raise OtherError("HTTP Basic requires a login of printable ASCII characters without `:`")
    if not re.fullmatch("[ -~]+", token.expose()):
        raise OtherError("HTTP Basic requires a token of printable ASCII characters")
    return token.map(lambda value: b64encode(f"{login}:{value}".encode("ascii")).decode("ascii"))


def entry_of(host: str, default: bool) -> "tuple[str, Secret]":
    """Return login and password. Raises NotFound if the file has none for the host."""
    path = path_of_file()
    entries = entries_in(read(path))
    ours = [entry for entry in entries if entry.host.lower() == host.encode("ascii")]
    if default and not ours:
        ours = [entry for entry in entries if entry.default]
    for entry in ours:
        if entry.problem:
            raise OtherError(f"`{path}`, line {entry.problem}")
        if entry.password:
            return entry.login.decode("utf-8", "replace"), Secret(entry.password.decode("ascii"))
    if ours:
        print(f"from_netrc.py: `{path}` has no password for {host}", file=sys.stderr)
    raise NotFound


class Entry:
    """An entry of a netrc file: for one machine, or the default."""

    host = login = password = account = b""
    default = False
    problem = ""  # with the number of its line, and no content


def entries_in(data: bytes) -> "list[Entry]":
    """Return the entries of a netrc file. The first has the words before any `machine`."""
    data = data.replace(b"\r\n", b"\n") + b"\n\n"
    entries, keyword = [Entry()], ""
    found = WORD.match(data, len(BOM) if data.startswith(BOM) else 0)
    while found:
        position, problem = found.end(), ""
        quoted, end, plain = found.groups()
        word = plain or ESCAPED.sub(lambda char: CONTROL.get(char.group(1), char.group(1)), quoted)
        if keyword == "host" or (not keyword and word.lower() == b"default"):
            entries.append(Entry())
            entries[-1].default = not keyword
        if keyword:  # this word is its value
            setattr(entries[-1], keyword, word)
            if keyword == "password" and not re.fullmatch(b"[ -~]*", word):
                problem = "the password must be printable ASCII"
            keyword = ""
        elif word.lower() == b"macdef":
            position = data.index(b"\n\n", position)
        elif plain and plain.startswith(b"#"):
            position = data.index(b"\n", position)
        else:
            keyword = KEYWORDS.get(word.lower(), "")
        if end == b"":
            problem = "close the quote on this line"
        if problem:
            line = data.count(b"\n", 0, position) + 1
            entries[-1].problem = f"{line}: {problem}"
        found = WORD.match(data, position)
    return entries


def path_of_file() -> str:
    name = "_netrc" if sys.platform == "win32" else ".netrc"
    path = os.environ.get("NETRC") or os.path.join(os.path.expanduser("~"), name)
    if not os.path.isabs(path):  # the current directory can be a checkout, with a file of its own
        raise OtherError(f"`{path}` is a relative path: set NETRC to the absolute path of the file")
    return path


def read(path: str) -> bytes:
    try:
        check(path, os.stat(path))
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise NotFound from None
    except OSError as error:
        raise OtherError(f"cannot read `{path}`", [os.strerror(error.errno or 0)]) from None


def check(path: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OtherError(f"`{path}` is not a regular file")
    if sys.platform == "win32":
        return
    if status.st_uid not in (os.geteuid(), 0):
        raise OtherError(f"`{path}` belongs to another user (uid {status.st_uid})")
    if status.st_mode & 0o077:
        raise OtherError(f"other users have access to `{path}`: run `chmod 600 {path}`")


# ---- What cannot be a token ----

NOT_TOKENS = (  # a pattern of the whole value, also after a scheme, and the problem with the fix
    (
        r"\$\(.*\)|\$\{.*\}|\{\{.*\}\}|%[A-Za-z_]\w*%|\$(?i:env):\w+|\$[A-Z_]{2,}",
        "the token is a placeholder that nothing replaced: set the variable, or correct its name",
    ),
    (
        r"\*+|<[^<>]*>|(?i:null|undefined)|None|\[object Object\]",
        "the token is what programs write for a missing or hidden value: look where it comes from",
    ),
    (r'\{\s*["}].*|\[[]\s"{[\d].*', "the token is JSON: name the field that holds the token"),
    (r"\".*\"|'.*'", "the token is in quotes: leave them out"),
    (
        r"([A-Za-z][\w-]*: |(?i:authorization):).*",
        "the token begins with a name and a colon, as a header does: leave both out",
    ),
    (r"(?i:([a-z][\w-]*) +\1 ).*", "the token has its scheme twice: leave one out"),
    (
        r"(?i:basic) +(?![A-Za-z0-9+/]+={0,2}\Z).*",
        "after `Basic` comes one word, the base64 form of LOGIN:TOKEN: encode it",
    ),
)


def problem_of(value: str) -> str:
    """Return why a value cannot be a token, and the fix, without the value. Empty: it can be."""
    for pattern, problem in NOT_TOKENS:
        if re.fullmatch(r"(?s)(?:[A-Za-z][\w-]* +)?(?:%s)" % pattern, value.strip()):
            return problem
    return ""


# ---- End ----


if __name__ == "__main__":
    cc.main(FromNetrc())
