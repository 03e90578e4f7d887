#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
r"""Keeps tokens in the password store of `pass` or `gopass`: for get, login and logout.

    password_store.py [--command gopass] [--per-host]

An entry belongs to one index URL, because the index decides where Cargo sends the token, and other
people can have an index on the same host. So a registry gets only the token that was stored for it.
With --per-host, all indexes at https://HOST/ (port 443) share the entry `cargo-registry/HOST`: do
not use it if other people can put files on the host, as on GitHub.

The token is the first line of the entry. It goes through pipes, never on a command line. `pass`
asks for the passphrase of a locked key on the terminal; where Cargo's standard error is not a
terminal, set GPG_TTY, as gpg-agent's manual says. Messages of pass and gpg go to standard error
unchanged.

What it does not do:
- Set up the store (`pass init KEY`) or sync it.
- Store a token for an index URL that is too long for a file name (some 200 characters).
- Serve an index at an IPv6 address.

Tested with pass 1.7.4 and GnuPG 2.2, and with a simulated `gopass` (the one of gopass.pw: Debian's
package `gopass` is another program). In .cargo/config.toml:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/password_store.py"]

To try it without Cargo, in a Unix shell:

    echo '{"v":1,"registry":{"index-url":"https://r.example/"},"kind":"logout"}' \
      | ./password_store.py
"""

import errno
import os
import re
import sys
from contextlib import suppress
from subprocess import PIPE, CalledProcessError, run
from urllib.parse import quote

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import cargo_credential as cc
from cargo_credential import GetResponse, NotFound, OtherError, RegistryInfo, Secret

sys.path.pop()  # no other module may come from there

# No checkout can be this directory: some programs run files of the current directory
ELSEWHERE = os.environ["SystemRoot"] if sys.platform == "win32" else os.sep


class PasswordStore(cc.Credential):
    def perform(
        self, registry: RegistryInfo, action: cc.Action, args: "list[str]"
    ) -> cc.CredentialResponse:
        if registry.host is None:
            raise cc.UrlNotSupported  # Cargo asks its next provider
        return super().perform(registry, action, args)

    def get(
        self, registry: RegistryInfo, operation: cc.Operation, args: "list[str]"
    ) -> GetResponse:
        command, entry = parse(registry, args)
        must_exist(command, entry)
        # Without -o, a setting of gopass can hide the token.
        words = ["show", "-o"] if is_gopass(command) else ["show"]
        line = call(command, *words, entry).split(b"\n")[0]
        # GetResponse refuses characters outside ASCII, such as the replacement character.
        token = Secret(line.decode("ascii", "replace").rstrip("\r"))
        refuse_non_token(token)
        return GetResponse(token)

    def login(
        self, registry: RegistryInfo, options: cc.LoginOptions, args: "list[str]"
    ) -> cc.LoginResponse:
        (command, entry), token = parse(registry, args), cc.read_token(options, registry)
        refuse_non_token(token)
        # -f replaces an entry without a question. -m makes pass read its input once, to the end;
        # gopass does so without it, and would open an editor with it.
        words = ["insert", "-f"] if is_gopass(command) else ["insert", "-m", "-f"]
        call(command, *words, entry, given=token.expose().encode("ascii") + b"\n")
        return cc.LoginResponse()

    def logout(self, registry: RegistryInfo, args: "list[str]") -> cc.LogoutResponse:
        command, entry = parse(registry, args)
        must_exist(command, entry)
        call(command, "rm", "-f", entry)  # -f: do not ask
        return cc.LogoutResponse()


def parse(registry: RegistryInfo, args: "list[str]") -> "tuple[str, str]":
    """Return the command, and the name of the registry's entry."""
    command, name, words = "pass", registry.index_url, iter(args)
    for option in words:
        if option == "--per-host":
            host = registry.host or ""
            name = host if registry.matches(host) else name
            continue
        command = next(words, "") if option == "--command" else ""
        if not command:
            known = "there are --command NAME and --per-host"
            raise OtherError(f"unknown option {option!r}, or no value after it: {known}")
    # The current directory can be a cloned repository, with a program of its author.
    if os.path.dirname(command) and not os.path.isabs(command):
        raise OtherError(f"`{command}` is a relative path: name the command's absolute path")
    return command, "cargo-registry/" + quote(name, safe="~")  # no slash; Python 3.6 quotes `~`


def refuse_non_token(token: Secret) -> None:
    problem = problem_of(token.expose())
    if problem:
        raise OtherError(problem)


def is_gopass(command: str) -> bool:
    return os.path.splitext(os.path.basename(command))[0] == "gopass"


def must_exist(command: str, entry: str) -> None:
    """Raise NotFound for a missing entry: pass exits with 1 for this and for other errors."""
    if is_gopass(command):
        if entry.encode("ascii") not in call(command, "ls", "--flat").splitlines():
            raise NotFound
        return
    store = os.environ.get("PASSWORD_STORE_DIR") or os.path.expanduser("~/.password-store")
    try:
        os.stat(os.path.join(store, entry + ".gpg"))
    except OSError as error:  # any other error ends Cargo's command
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            raise NotFound from None
        raise


def call(*command: str, given: "bytes | None" = None) -> bytes:
    """Return what pass prints. It reads `given` from a pipe, or else what the user types."""
    environment = dict(os.environ)
    if sys.platform != "win32":
        # pass would set GPG_TTY to the name of standard input, /dev/tty. gpg-agent asks for the
        # passphrase in a process without a terminal, where that name means nothing.
        with suppress(OSError):  # no terminal, or one without a name, as in some containers
            environment.setdefault("GPG_TTY", os.ttyname(2))
    try:
        return run(
            command, input=given, stdout=PIPE, cwd=ELSEWHERE, env=environment, check=True
        ).stdout
    except OSError as error:
        raise OtherError(f"cannot run `{command[0]}`", os.strerror(error.errno or 0)) from None
    except UnicodeError:
        problem = "its path contains a character that this locale cannot encode: set LANG=C.UTF-8"
        raise OtherError(f"cannot run `{command[0]}`", problem) from None
    except CalledProcessError as error:  # `from None`: it has the output
        failure = f"`{' '.join(command[:2])}` failed with status {error.returncode}"
        raise OtherError(f"{failure}: see its message above") from None


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
    cc.main(PasswordStore())
