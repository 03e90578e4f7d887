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
    --git-password   give the password that git itself has for the index's URL; no login or logout

Name at least one --index or --host. If other people can put files on the host, as on GitHub, use
--index: the files of an index decide where Cargo sends the token.

Your git passwords stay as they are, even for the same host. Under the real host, git could use a
token as a password, and erase it if the host rejects it. So the provider stores each token under
an encoded path and a host that does not exist (no real name ends in `.invalid`):

    https://cargo:TOKEN@crates.corp.example.cargo-registry.invalid/crates.corp.example

What it does not do:
- Prompt for a token that is not stored: Cargo then reports `no token found`. Use `cargo login`.
- Read the repository in the current directory, whose configuration can name programs to run.
- Encrypt tokens: that depends on the helper. `store` writes plain text to ~/.git-credentials.

Tested with git 2.39 and 2.47, their `cache` and `store`, and Git Credential Manager 2.7 on Linux.
Other helpers are not tested, but git documents the same protocol for them. In .cargo/config.toml:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/git_credential.py", "--host", "crates.corp.example"]

To try it without Cargo:

    echo '{"v":1,"registry":{"index-url":"https://r.example/"},"kind":"get","operation":"read",'\
    '"args":["--host","r.example"]}' | ./git_credential.py
"""

import os
import sys
import time
from base64 import b64encode
from subprocess import PIPE, CalledProcessError, run
from urllib.parse import quote

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import cargo_credential as cc
from cargo_credential import GetResponse, Operation, OtherError, RegistryInfo, Secret

sys.path.pop()  # no other module may come from there

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
        return super().perform(registry, action, args)

    def get(self, registry: RegistryInfo, operation: Operation, args: "list[str]") -> GetResponse:
        username, token, cache = fill(entry_of(registry, args))
        if token.is_empty():
            raise cc.NotFound
        scheme = "".join(parse(args)["--scheme"][-1:])
        if scheme.lower() == "basic":
            pair = token.map(lambda value: f"{username}:{value}")
            token = pair.map(lambda value: b64encode(value.encode("utf-8")).decode("ascii"))
        if scheme:
            token = token.map(lambda value: f"{scheme} {value}")
        return GetResponse(token, cache)

    def login(
        self, registry: RegistryInfo, options: cc.LoginOptions, args: "list[str]"
    ) -> cc.LoginResponse:
        entry, token = entry_of(registry, args), cc.read_token(options, registry)
        git("approve", dict(entry, password=token.expose()))
        if fill(entry)[1] != token:  # git succeeds without any helper, too
            hint = "as in `git config --global credential.helper cache`"
            raise OtherError(f"git did not store the token: configure a credential helper, {hint}")
        return cc.LoginResponse()

    def logout(self, registry: RegistryInfo, args: "list[str]") -> cc.LogoutResponse:
        entry = entry_of(registry, args)
        _, token, _ = fill(entry)
        git("reject", entry)  # an expired token, too, which git no longer gives
        if token.is_empty():
            raise cc.NotFound
        if fill(entry)[1]:
            raise OtherError("a credential helper of git still has the token: erase it there")
        return cc.LogoutResponse()


def parse(args: "list[str]") -> "dict[str, list[str]]":
    """Return the values of each option."""
    options: dict[str, list[str]] = {option: [] for option in OPTIONS}
    words = iter(args)
    for option in words:
        if option not in OPTIONS:
            raise OtherError(f"unknown option {option!r}: the options are {', '.join(OPTIONS)}")
        value = "" if option == "--git-password" else next(words, option)
        if value in OPTIONS:
            raise OtherError(f"{option} requires a value after it")
        options[option].append(value)
    if not options["--index"] + options["--host"]:
        raise OtherError("add `--index URL` or `--host HOST` to name the registry of the token")
    return options


def entry_of(registry: RegistryInfo, args: "list[str]") -> "dict[str, str]":
    """Return what git compares to find the password."""
    options = parse(args)
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
    """Return user name and token. The token is empty if no helper has one that is still valid."""
    lines = git("fill", entry).decode("utf-8", "replace").split("\n")
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    token, expiry = Secret(found.get("password", "")), found.get("password_expiry_utc", "")
    if not expiry.isdecimal():  # git has it from 2.41 on
        return found.get("username", ""), token, cc.CacheSession()
    valid = int(expiry) > time.time()
    return found.get("username", ""), token if valid else Secret(""), cc.CacheExpires(int(expiry))


def git(verb: str, entry: "dict[str, str]") -> bytes:
    """Return what git prints. It reads the entry from a pipe."""
    if not "".join(entry.values()).isprintable():
        raise OtherError("git accepts only printable characters in a URL, user name or token")
    command = ["git", "-c", "credential.interactive=false", "-c", NO_PASSWORD]
    if "path" in entry:  # pass it to the helpers; have Git Credential Manager look for no such host
        command += ["-c", "credential.useHttpPath=true", "-c", "credential.provider=generic"]
    command += ["credential", verb]
    given = "".join([f"{name}={value}\n" for name, value in entry.items()]).encode("utf-8")
    # Without the current directory's repository: it can name a helper, which git would run. The
    # helper does not run there, either: some programs run files of the current directory.
    env = dict(os.environ, GIT_DIR=os.devnull, GIT_TERMINAL_PROMPT="0", GIT_ASKPASS="")
    try:
        return run(command, input=given, stdout=PIPE, cwd=os.sep, env=env, check=True).stdout
    except OSError as error:
        raise OtherError("cannot run `git`", os.strerror(error.errno or 0)) from None
    except CalledProcessError as error:
        status = f"status {error.returncode}, as git reports above"
        raise OtherError(f"`git credential {verb}` failed with {status}") from None


if __name__ == "__main__":
    cc.main(GitCredential())
