#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
r"""Keeps tokens in the password store of `pass` or `gopass`: for get, login and logout.

    password_store.py [--command gopass] [--per-host]

An entry belongs to one index URL, because the index decides where Cargo sends the token, and other
people can have an index on the same host. So a registry gets only the token that was stored for it.
With --per-host, all indexes at https://HOST/ (port 443) share the entry `cargo-registry/HOST`: do
not use it where others can publish files on the host, as on a forge.

The token is the first line of the entry. It goes through pipes, never on a command line. `pass`
asks for the passphrase of a locked key on the terminal; where Cargo's standard error is not a
terminal, set GPG_TTY, as gpg-agent's manual says. Messages of pass and gpg go to standard error
unchanged.

What it does not do: set up the store (`pass init KEY`) or sync it. It was tested with pass 1.7.4
and GnuPG 2.2, and with a stand-in for `gopass` (the one of gopass.pw; Debian's package is another).
In .cargo/config.toml:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/password_store.py"]

To try it without Cargo:

    echo '{"v":1,"registry":{"index-url":"https://r.example/"},"kind":"logout"}' \
      | ./password_store.py
"""

import os
import subprocess
import sys
from urllib.parse import quote

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

from cargo_credential import (
    Action,
    Credential,
    CredentialResponse,
    GetResponse,
    LoginOptions,
    LoginResponse,
    LogoutResponse,
    NotFound,
    Operation,
    OtherError,
    RegistryInfo,
    Secret,
    UrlNotSupported,
    main,
    read_token,
)


class PasswordStore(Credential):
    def perform(
        self, registry: RegistryInfo, action: Action, args: "list[str]"
    ) -> CredentialResponse:
        self._command, per_host = parse(args)
        self._gopass = os.path.splitext(os.path.basename(self._command))[0] == "gopass"
        if registry.host is None:
            raise UrlNotSupported  # Cargo asks its next provider
        self._entry = entry_of(registry, registry.host, per_host)
        return super().perform(registry, action, args)

    def get(
        self, registry: RegistryInfo, operation: Operation, args: "list[str]"
    ) -> CredentialResponse:
        self._must_exist()
        # Without -o, a setting of gopass can hide the token.
        words = ["show", "-o"] if self._gopass else ["show"]
        line = self._run([*words, self._entry]).split(b"\n")[0]
        # GetResponse refuses characters outside ASCII, such as the replacement character.
        return GetResponse(Secret(line.decode("ascii", "replace").rstrip("\r")))

    def login(
        self, registry: RegistryInfo, options: LoginOptions, args: "list[str]"
    ) -> CredentialResponse:
        token = read_token(options, registry)
        # -f replaces an entry without a question. -m makes pass read its input once, to the end;
        # gopass does so without it, and would open an editor with it.
        words = ["insert", "-f"] if self._gopass else ["insert", "-m", "-f"]
        self._run([*words, self._entry], token.expose().encode("ascii") + b"\n")
        return LoginResponse()

    def logout(self, registry: RegistryInfo, args: "list[str]") -> CredentialResponse:
        self._must_exist()
        self._run(["rm", "-f", self._entry])  # -f: do not ask
        return LogoutResponse()

    def _must_exist(self) -> None:
        """Raise NotFound if the entry is missing: Cargo then asks its next provider.

        pass exits with 1 for this and for other errors, so look for the entry first.
        """
        if self._gopass:
            found = (
                self._entry in self._run(["ls", "--flat"]).decode("utf-8", "replace").splitlines()
            )
        else:
            store = os.environ.get("PASSWORD_STORE_DIR") or os.path.expanduser("~/.password-store")
            found = is_there(os.path.join(store, self._entry + ".gpg"))
        if not found:
            raise NotFound

    def _run(self, words: "list[str]", given: "bytes | None" = None) -> bytes:
        """Return what pass prints. It has this process's standard error and, without `given`, its
        standard input, which are the user's."""
        environment = dict(os.environ)
        if sys.platform != "win32" and os.isatty(2):
            # pass would set GPG_TTY to the name of standard input, /dev/tty. gpg-agent asks for the
            # passphrase in a process without a terminal, where that name means nothing.
            try:
                environment.setdefault("GPG_TTY", os.ttyname(2))
            except OSError:
                pass  # the terminal has no name here, as in some containers
        command = [self._command, *words]
        try:
            process = subprocess.run(
                command, input=given, stdout=subprocess.PIPE, env=environment, check=False
            )
        except OSError as error:
            raise OtherError(
                f"cannot run `{self._command}`", [os.strerror(error.errno or 0)]
            ) from None
        if process.returncode:
            raise OtherError(
                f"`{self._command} {words[0]}` failed with status {process.returncode}:"
                " see its message above"
            )
        return process.stdout


def parse(args: "list[str]") -> "tuple[str, bool]":
    command, per_host = "pass", False
    rest = list(args)
    while rest:
        option = rest.pop(0)
        if option == "--per-host":
            per_host = True
        elif option == "--command" and rest:
            command = rest.pop(0)
        else:
            raise OtherError(
                f"unknown option {option!r}, or no value after it: there are --command NAME and"
                " --per-host"
            )
    # The current directory can be a cloned repository, with a program of its author.
    if os.path.dirname(command) and not os.path.isabs(command):
        raise OtherError(f"`{command}` is a relative path: name the command's whole path")
    return command, per_host


def entry_of(registry: RegistryInfo, host: str, per_host: bool) -> str:
    """The entry's name, in which `quote` leaves no slash."""
    name = host if per_host and registry.matches(host) else registry.index_url
    return "cargo-registry/" + quote(name, safe="~")  # Python 3.6 quotes `~`


def is_there(path: str) -> bool:
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False  # another OSError is an error that ends Cargo's command
    return True


if __name__ == "__main__":
    main(PasswordStore())
