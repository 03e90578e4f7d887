#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
r"""Keeps tokens where git keeps passwords: login, get and logout through `git credential`.

This one file reaches every credential helper of git: Git Credential Manager, the keychain of macOS,
libsecret, the Windows Credential Manager, and git's own `cache` and `store`. Your git configuration
chooses the helper, as in `git config --global credential.helper cache`.

    git_credential.py [OPTION]...

    --index URL      serve this index (repeatable): each index has a token of its own
    --host HOST      serve all indexes at https:// on this host (repeatable) with one token
    --username NAME  the user name that git stores with the token, `cargo` by default
    --scheme WORD    put `WORD ` before the token; `Basic` encodes user name and token
    --git-password   get only: give the password that git itself has for the index's URL

Name at least one --index or --host. If other people can put files on the host, as on a forge, name
the --index: the files of an index decide where Cargo sends the token.

Your git passwords stay as they are, even for the same host. The provider stores each token under a
host that git never connects to, since no name can end in `.invalid`, and under an encoded path:

    https://cargo:TOKEN@crates.corp.example.cargo-registry.invalid/crates.corp.example

A user name or a path alone would not protect them: git asks its helpers without both, so it could
take the token for its own password, and erase it if the host rejects it.

What it does not do:
- Prompt for a token that is not stored: Cargo then reports `no token found`. Use `cargo login`.
- Read the repository in the current directory, whose configuration can name programs to run.
- Encrypt tokens: that depends on the helper. `store` writes plain text to ~/.git-credentials.

Tested with git 2.39 and 2.47, their `cache` and `store`, and Git Credential Manager 2.7 on Linux.
The other helpers are not tested: git documents the same protocol for them. In .cargo/config.toml:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/git_credential.py", "--host", "crates.corp.example"]

To try it without Cargo:

    echo '{"v":1,"registry":{"index-url":"https://r.example/"},"kind":"get","operation":"read",'\
    '"args":["--host","r.example"]}' | ./git_credential.py
"""

import os
import re
import subprocess
import sys
import time
from base64 import b64encode
from urllib.parse import quote

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

from cargo_credential import (
    Action,
    CacheControl,
    CacheExpires,
    CacheSession,
    Credential,
    CredentialResponse,
    GetAction,
    GetResponse,
    LoginOptions,
    LoginResponse,
    LogoutResponse,
    NotFound,
    Operation,
    OperationNotSupported,
    OtherError,
    RegistryInfo,
    Secret,
    UrlNotSupported,
    main,
    read_token,
)

# The last helper: an empty password means that no other has one. Git appends `get` to the command.
NO_PASSWORD = "!echo username=; echo password=; :"
OPTIONS = ("--index", "--host", "--username", "--scheme")


class GitCredential(Credential):
    def perform(
        self, registry: RegistryInfo, action: Action, args: "list[str]"
    ) -> CredentialResponse:
        options = parse(args)
        if not registry.matches(*options["--index"], *options["--host"]):
            raise UrlNotSupported  # Cargo asks its next provider
        if options["--git-password"] and not isinstance(action, GetAction):
            raise OperationNotSupported
        return super().perform(registry, action, args)

    def get(
        self, registry: RegistryInfo, operation: Operation, args: "list[str]"
    ) -> CredentialResponse:
        options = parse(args)
        username, token, cache = fill(entry_of(registry, options))
        for scheme in options["--scheme"][-1:]:
            if scheme.lower() == "basic":
                pair = f"{username}:{token.expose()}"
                token = Secret(b64encode(pair.encode("utf-8")).decode("ascii"))
            token = Secret(f"{scheme} {token.expose()}")
        return GetResponse(token, cache)

    def login(
        self, registry: RegistryInfo, options: LoginOptions, args: "list[str]"
    ) -> CredentialResponse:
        entry = entry_of(registry, parse(args))
        token = read_token(options, registry)
        git("approve", dict(entry, password=token.expose()))
        if stored(entry) != token:  # git succeeds without any helper, too
            raise OtherError(
                "git did not store the token: configure a credential helper, as in"
                " `git config --global credential.helper cache`"
            )
        return LoginResponse()

    def logout(self, registry: RegistryInfo, args: "list[str]") -> CredentialResponse:
        entry = entry_of(registry, parse(args))
        token = stored(entry)
        git("reject", entry)  # an expired token, too, which git no longer gives
        if token is None:
            raise NotFound
        if stored(entry) is not None:
            raise OtherError("a credential helper of git still has the token: erase it there")
        return LogoutResponse()


def parse(args: "list[str]") -> "dict[str, list[str]]":
    """The values of each option."""
    options: dict[str, list[str]] = {option: [] for option in OPTIONS}
    options["--git-password"] = [word for word in args if word == "--git-password"]
    rest = [word for word in args if word != "--git-password"]
    while rest:
        option = rest.pop(0)
        if option not in OPTIONS:
            raise OtherError(f"unknown option {option!r}: the options are {', '.join(options)}")
        if not rest:
            raise OtherError(f"{option} requires a value after it")
        options[option].append(rest.pop(0))
    if not options["--index"] + options["--host"]:
        raise OtherError("add `--index URL` or `--host HOST` to name the registry of the token")
    return options


def entry_of(registry: RegistryInfo, options: "dict[str, list[str]]") -> "dict[str, str]":
    """What git compares to find the password."""
    names = {"username": options["--username"][-1]} if options["--username"] else {}
    if options["--git-password"]:
        return {"url": re.sub(r"\Asparse\+", "", registry.index_url), **names}
    places = [url for url in options["--index"] if registry.matches(url)]
    places += [host.lower() for host in options["--host"] if registry.matches(host)]
    host = f"{registry.host or 'index'}.cargo-registry.invalid".replace(":", "-")
    # Without a slash, since git's `store` removes one at the end. Python 3.6 would quote a `~`
    path = quote(places[0], safe="~")
    return {"protocol": "https", "host": host, "path": path, "username": "cargo", **names}


def fill(entry: "dict[str, str]") -> "tuple[str, Secret, CacheControl]":
    """User name and token. Raises NotFound if no helper has a token, or if it has expired."""
    found: dict[str, str] = {}
    for line in git("fill", entry).decode("utf-8", "replace").split("\n"):
        name, _, found[name] = line.partition("=")
    username, token = found.get("username", ""), Secret(found.get("password", ""))
    expiry = found.get("password_expiry_utc", "")  # from git 2.41 on
    expires = int(expiry) if expiry.isdecimal() else None
    if token.is_empty() or (expires is not None and expires <= time.time()):
        raise NotFound
    return username, token, CacheSession() if expires is None else CacheExpires(expires)


def stored(entry: "dict[str, str]") -> "Secret | None":
    try:
        return fill(entry)[1]
    except NotFound:
        return None


def git(verb: str, entry: "dict[str, str]") -> bytes:
    """The output of git, which gets the entry through a pipe."""
    if not "".join(entry.values()).isprintable():
        raise OtherError("git accepts only printable characters in a URL, user name or token")
    settings = ["credential.interactive=false"]
    if "path" in entry:  # pass it to the helpers; have Git Credential Manager look for no such host
        settings += ["credential.useHttpPath=true", "credential.provider=generic"]
    if verb == "fill":
        settings += ["credential.helper=" + NO_PASSWORD]
    command = ["git", *[word for setting in settings for word in ("-c", setting)]]
    # Without a repository: that of the current directory can name a helper, which git would run
    variables = {"GIT_DIR": os.devnull, "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": ""}
    given = "".join([f"{name}={value}\n" for name, value in entry.items()]) + "\n"
    try:
        process = subprocess.run(
            [*command, "credential", verb],
            input=given.encode("utf-8"),
            stdout=subprocess.PIPE,
            env=dict(os.environ, **variables),
            check=False,
        )
    except OSError as error:
        raise OtherError("cannot run `git`", [os.strerror(error.errno or 0)]) from None
    if process.returncode:
        status = f"status {process.returncode}, as git reports above"
        raise OtherError(f"`git credential {verb}` failed with {status}")
    return process.stdout


if __name__ == "__main__":
    main(GitCredential())
