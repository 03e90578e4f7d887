#!/usr/bin/env python3
"""Keeps tokens in the password store of `pass`, or of `gopass`: cargo login, logout and all else.

    password_store.py [--command gopass] [--per-host]

A token's entry is named after the whole URL of the index, which says where Cargo sends the token: even
on the same host, another folder can be somebody else's index. So no registry is given a token that was
not stored for it. With --per-host, all sparse indexes at https://HOST/ share the entry
`cargo-registry/HOST`: for a host on which nobody else can put files. The token is the entry's first
line, and goes through pipes, never through a command line. A locked key is asked for on the terminal; where Cargo's standard error is no
terminal, set GPG_TTY for that, as gpg-agent's manual says. What pass and gpg say is shown as it is.

What it does not do: set up the store (`pass init KEY`) or sync it. Tested with pass 1.7.4 and GnuPG
2.2; `gopass` (of gopass.pw, not Debian's package of that name) with a stand-in for it. In
.cargo/config.toml:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/password_store.py"]

To try it without Cargo:

    echo '{"v":1,"registry":{"index-url":"https://r.example/"},"kind":"logout"}' | ./password_store.py
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
        self._entry = entry_of(registry.index_url, registry.host, per_host)
        return super().perform(registry, action, args)

    def get(
        self, registry: RegistryInfo, operation: Operation, args: "list[str]"
    ) -> CredentialResponse:
        self._must_exist()
        words = ["show", "-o"] if self._gopass else ["show"]  # gopass can be set to hide it else
        line = self._run([*words, self._entry]).split(b"\n")[0]
        # What is not ASCII is refused in GetResponse, so the replacement is never sent.
        return GetResponse(Secret(line.decode("ascii", "replace").rstrip("\r")))

    def login(
        self, registry: RegistryInfo, options: LoginOptions, args: "list[str]"
    ) -> CredentialResponse:
        token = read_token(options, registry)
        # -f: it replaces what there is. -m: pass reads it all, once; to gopass that is an editor,
        # and it reads a pipe without being told.
        words = ["insert", "-f"] if self._gopass else ["insert", "-m", "-f"]
        self._run([*words, self._entry], token.expose().encode("ascii") + b"\n")
        return LoginResponse()

    def logout(self, registry: RegistryInfo, args: "list[str]") -> CredentialResponse:
        self._must_exist()
        self._run(["rm", "-f", self._entry])  # -f: do not ask
        return LogoutResponse()

    def _must_exist(self) -> None:
        """Raise NotFound, after which Cargo asks its next provider, if there is no entry.

        pass has status 1 for this and for much else, and gpg has 2: so look before it is run.
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
        """The output of pass. Its standard error, and without `given` its input, are the terminal."""
        environment = dict(os.environ)
        if sys.platform != "win32" and os.isatty(2):
            # Standard input is /dev/tty, whose name pass would take. To gpg-agent, which asks for
            # the passphrase and has no terminal of its own, that is no terminal.
            try:
                environment.setdefault("GPG_TTY", os.ttyname(2))
            except OSError:
                pass  # it has no name here, as in some containers
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
                f"`{self._command} {words[0]}` failed with status {process.returncode}, as it says above"
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
                f"unknown option {option!r}, or no value after it: there are --command NAME and --per-host"
            )
    # From the current directory, it could be a program out of somebody else's repository.
    if os.path.dirname(command) and not os.path.isabs(command):
        raise OtherError(f"`{command}` is a relative path: name the command's whole path")
    return command, per_host


def entry_of(index_url: str, host: str, per_host: bool) -> str:
    """The entry's name, in which `quote` leaves no slash."""
    # Another scheme, a port or a user in the URL is not that host's index.
    shared = per_host and index_url.startswith(f"sparse+https://{host}/")
    name = quote(host if shared else index_url, safe="~")  # as older Pythons do not by themselves
    if name.startswith("."):  # `..` is a host, too, but must not be a path
        name = "%2E" + name[1:]
    return "cargo-registry/" + name  # and so it is no option


def is_there(path: str) -> bool:
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False  # another OSError is not for Cargo's next provider: it ends the command
    return True


if __name__ == "__main__":
    main(PasswordStore())
