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

Your git passwords stay as they are, even for the same host. git asks its helpers without user name
and path, so it could take a token for its own password, and erase it if the host rejects it. So a
token is stored for an encoded path on a host that cannot exist, since its name ends in `.invalid`:

    https://cargo:TOKEN@crates.corp.example.cargo-registry.invalid/crates.corp.example

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
import sys
from base64 import b64encode
from subprocess import PIPE, CalledProcessError, run
from urllib.parse import quote

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import cargo_credential as cc
from cargo_credential import GetResponse, Operation, OtherError, RegistryInfo, Secret

# The last helper: an empty password means that no other has one. Git appends `get` to the command.
NO_PASSWORD = "credential.helper=!echo username=; echo password=; :"
OPTIONS = ("--index", "--host", "--username", "--scheme", "--git-password")


class GitCredential(cc.Credential):
    def perform(
        self, registry: RegistryInfo, action: cc.Action, args: "list[str]"
    ) -> cc.CredentialResponse:
        options = parse(args)
        if not registry.matches(*options["--index"], *options["--host"]):
            raise cc.UrlNotSupported  # Cargo asks its next provider
        if options["--git-password"] and not isinstance(action, cc.GetAction):
            raise cc.OperationNotSupported
        self._scheme = "".join(options["--scheme"][-1:])
        self._entry = entry_of(registry, options)
        return super().perform(registry, action, args)

    def get(self, registry: RegistryInfo, operation: Operation, args: "list[str]") -> GetResponse:
        username, token, cache = fill(self._entry)
        if token.is_empty():
            raise cc.NotFound
        scheme = self._scheme
        if scheme.lower() == "basic":
            pair = token.map(lambda value: f"{username}:{value}")
            token = pair.map(lambda value: b64encode(value.encode("utf-8")).decode("ascii"))
        if scheme:
            token = token.map(lambda value: f"{scheme} {value}")
        return GetResponse(token, cache)

    def login(
        self, registry: RegistryInfo, options: cc.LoginOptions, args: "list[str]"
    ) -> cc.LoginResponse:
        token = cc.read_token(options, registry)
        git("approve", dict(self._entry, password=token.expose()))
        if fill(self._entry)[1] != token:  # git succeeds without any helper, too
            hint = "as in `git config --global credential.helper cache`"
            raise OtherError(f"git did not store the token: configure a credential helper, {hint}")
        return cc.LoginResponse()

    def logout(self, registry: RegistryInfo, args: "list[str]") -> cc.LogoutResponse:
        _, token, _ = fill(self._entry)
        git("reject", self._entry)  # an expired token, too, which git no longer gives
        if token.is_empty():
            raise cc.NotFound
        if fill(self._entry)[1]:
            raise OtherError("a credential helper of git still has the token: erase it there")
        return cc.LogoutResponse()


def parse(args: "list[str]") -> "dict[str, list[str]]":
    """Return the values of each option."""
    options: dict[str, list[str]] = {option: [] for option in OPTIONS}
    words = iter(args)
    for option in words:
        if option not in OPTIONS:
            raise OtherError(f"unknown option {option!r}: the options are {', '.join(OPTIONS)}")
        value = option if option == "--git-password" else next(words, None)
        if value is None:
            raise OtherError(f"{option} requires a value after it")
        options[option].append(value)
    if not options["--index"] + options["--host"]:
        raise OtherError("add `--index URL` or `--host HOST` to name the registry of the token")
    return options


def entry_of(registry: RegistryInfo, options: "dict[str, list[str]]") -> "dict[str, str]":
    """Return what git compares to find the password."""
    names = {"username": options["--username"][-1]} if options["--username"] else {}
    if options["--git-password"]:
        url = registry.index_url
        return {"url": url[len("sparse+") :] if url.startswith("sparse+") else url, **names}
    places = [url for url in options["--index"] if registry.matches(url)]
    places += [host.lower() for host in options["--host"] if registry.matches(host)]
    host = f"{registry.host or 'index'}.cargo-registry.invalid".replace(":", "-")
    # Without a slash, since git's `store` removes one at the end. Python 3.6 would quote a `~`
    path = quote(places[0], safe="~")
    return {"protocol": "https", "host": host, "path": path, "username": "cargo", **names}


def fill(entry: "dict[str, str]") -> "tuple[str, Secret, cc.CacheControl]":
    """Return user name and token. The token is empty if no helper has one."""
    found: dict[str, str] = {}
    for line in git("fill", entry).decode("utf-8", "replace").split("\n"):
        name, _, found[name] = line.partition("=")
    expiry = found.get("password_expiry_utc", "")  # from git 2.41 on
    cache = cc.CacheExpires(int(expiry)) if expiry.isdecimal() else cc.CacheSession()
    return found.get("username", ""), Secret(found.get("password", "")), cache


def git(verb: str, entry: "dict[str, str]") -> bytes:
    """Return what git prints. It reads the entry from a pipe."""
    if not "".join(entry.values()).isprintable():
        raise OtherError("git accepts only printable characters in a URL, user name or token")
    command = ["git", "-c", "credential.interactive=false", "-c", NO_PASSWORD]
    if "path" in entry:  # pass it to the helpers; have Git Credential Manager look for no such host
        command += ["-c", "credential.useHttpPath=true", "-c", "credential.provider=generic"]
    command += ["credential", verb]
    given = "".join([f"{name}={value}\n" for name, value in entry.items()]).encode("utf-8")
    # Without a repository: that of the current directory can name a helper, which git would run
    env = dict(os.environ, GIT_DIR=os.devnull, GIT_TERMINAL_PROMPT="0", GIT_ASKPASS="")
    try:
        return run(command, input=given, stdout=PIPE, env=env, check=True).stdout
    except OSError as error:
        raise OtherError("cannot run `git`", os.strerror(error.errno or 0)) from None
    except CalledProcessError as error:
        status = f"status {error.returncode}, as git reports above"
        raise OtherError(f"`git credential {verb}` failed with {status}") from None


if __name__ == "__main__":
    cc.main(GitCredential())
