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
    --default      use the file's `default` entry if no `machine` is the host
    --scheme WORD  put `WORD ` before the token; `Basic` encodes login and password

Name at least one --index or --host. If other people can put files on the host, as on GitHub, use
--index: the files of an index decide where Cargo sends the token.

The file must be a regular file. Except on Windows, it must belong to the user or to root, and no
other user may read or write it.

What it does not do:
- Log in or out: edit the file. For `cargo login`, see git_credential.py and password_store.py.
- Compare ports: a netrc file has none. If a machine has several entries, the last one counts.

Tested with real files and Cargo 1.95, on Linux. In .cargo/config.toml:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/from_netrc.py", "--host", "crates.corp.example"]

To try it without Cargo:

    echo '{"v":1,"registry":{"index-url":"https://r.example/"},"kind":"get","operation":"read",'\
    '"args":["--host","r.example"]}' | ./from_netrc.py
"""

import netrc
import os
import stat
import sys
from base64 import b64encode

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import cargo_credential as cc
from cargo_credential import NotFound, OtherError, RegistryInfo, Secret, UrlNotSupported

sys.path.pop()  # no other module may come from there

OPTIONS = ("--index", "--host", "--scheme", "--default")


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
    ) -> cc.CredentialResponse:
        options = parse(args)
        login, token = entry_of(registry.host or "", bool(options["--default"]))
        for scheme in options["--scheme"][-1:]:
            if scheme.lower() == "basic":
                pair = f"{login}:{token.expose()}"
                token = Secret(b64encode(pair.encode("utf-8")).decode("ascii"))
            token = Secret(f"{scheme} {token.expose()}")
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
    return options


def entry_of(host: str, default: bool) -> "tuple[str, Secret]":
    """Login and password. Raises NotFound if the file has none for the host."""
    hosts = read(path_of_file())
    otherwise = hosts.pop("default", None)  # before the look-up: a host can have this name, too
    entries = {name.lower(): entry for name, entry in hosts.items()}
    login, _, password = entries.get(host, otherwise if default else None) or ("", "", "")
    if not password:
        raise NotFound
    return login or "", Secret(password)


def path_of_file() -> str:
    name = "_netrc" if sys.platform == "win32" else ".netrc"
    path = os.environ.get("NETRC") or os.path.join(os.path.expanduser("~"), name)
    if not os.path.isabs(path):  # the current directory can be a checkout, with a file of its own
        raise OtherError(f"`{path}` is a relative path: set NETRC to the absolute path of the file")
    return path


def read(path: str) -> "dict[str, tuple[str, str | None, str | None]]":
    try:
        check(path, os.stat(path))
        return dict(netrc.netrc(path).hosts)
    except FileNotFoundError:
        raise NotFound from None
    except OSError as error:
        raise OtherError(f"cannot read `{path}`", [os.strerror(error.errno or 0)]) from None
    except netrc.NetrcParseError as error:  # `from None`: its text holds a word of the file
        raise OtherError(f"`{path}` is damaged near line {error.lineno}") from None
    except UnicodeError:  # the same
        raise OtherError(f"`{path}` holds bytes that are not text") from None


def check(path: str, status: os.stat_result) -> None:
    """Python does this for the default file alone, and not for one with `login anonymous`."""
    if not stat.S_ISREG(status.st_mode):
        raise OtherError(f"`{path}` is not a regular file")
    if sys.platform == "win32":
        return
    if status.st_uid not in (os.geteuid(), 0):
        raise OtherError(f"`{path}` belongs to another user (uid {status.st_uid})")
    if status.st_mode & 0o077:
        raise OtherError(f"other users have access to `{path}`: run `chmod 600 {path}`")


if __name__ == "__main__":
    cc.main(FromNetrc())
