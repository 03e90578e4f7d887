#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Keeps tokens in 1Password, with its command `op`, version 2: for get, login and logout.

    onepassword.py [--account ACCOUNT] [--vault VAULT]

It has the options and the items of Cargo's own cargo-credential-1password, so each finds what the
other stored: a Login item with the tag `cargo-registry`, the index URL as its website and the token
as its password. An item is found by the whole URL, so a registry gets only the token that was
stored for it. Cargo's provider puts the token on a command line, which other users of the machine
can read. This one gives `op` the token on standard input, and a session in the environment.

Where the 1Password app is not connected to `op`, each command signs in, and `op` asks for the
account's password on the terminal. It does not sign in if OP_SESSION_... or
OP_SERVICE_ACCOUNT_TOKEN is in the environment. Messages of `op` go to standard error unchanged.

It was tested with a stand-in for `op`, written after 1Password's documentation, not with 1Password
itself. In .cargo/config.toml:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/onepassword.py", "--account", "my.1password.com"]

To try it without Cargo:

    echo '{"v":1,"registry":{"index-url":"https://r.example/"},"kind":"logout"}' | ./onepassword.py
"""

import json
import os
import re
import subprocess
import sys
from typing import Any

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
    main,
    read_token,
)

TAG = "cargo-registry"


class OnePassword(Credential):
    def perform(
        self, registry: RegistryInfo, action: Action, args: "list[str]"
    ) -> CredentialResponse:
        self._account, self._vault = parse(args)
        self._environment = dict(os.environ)
        return super().perform(registry, action, args)

    def get(
        self, registry: RegistryInfo, operation: Operation, args: "list[str]"
    ) -> CredentialResponse:
        identifier = self._find(registry.index_url)
        if identifier is None:
            raise NotFound  # Cargo asks its next provider
        item = self._item(identifier)
        try:
            (token,) = [Secret(field["value"]) for field in item["fields"] if is_password(field)]
        except (AttributeError, KeyError, TypeError, ValueError):  # `from None`: it has the item
            raise OtherError(f"the 1Password item {identifier} has no password") from None
        return GetResponse(token)

    def login(
        self, registry: RegistryInfo, options: LoginOptions, args: "list[str]"
    ) -> CredentialResponse:
        # First of all, so that the user learns of a locked 1Password before typing the token.
        identifier = self._find(registry.index_url)
        token = read_token(options, registry)
        if identifier is None:
            self._op("item", "create", "-", given=new_item(registry.index_url, token))
        else:
            item = self._item(identifier)  # `edit` replaces the item, so keep its other fields
            self._op("item", "edit", identifier, given=changed_item(item, token))
        return LoginResponse()

    def logout(self, registry: RegistryInfo, args: "list[str]") -> CredentialResponse:
        identifier = self._find(registry.index_url)
        if identifier is None:
            raise NotFound
        self._op("item", "delete", identifier)
        return LogoutResponse()

    def _find(self, index_url: str) -> "str | None":
        """Return the id of the registry's item, or None. Several items are an error."""
        self._sign_in()
        words = ["item", "list", "--categories", "Login", "--tags", TAG, "--format", "json"]
        items = read_json(self._op(*words))
        try:
            found = [str(item["id"]) for item in items if index_url in websites(item)]
        except (AttributeError, KeyError, TypeError):
            raise OtherError("`op item list` did not print items") from None
        if len(found) > 1:
            raise OtherError(
                f"several 1Password items with the tag {TAG} are for this registry: keep only one"
                f" of {', '.join(found)}"
            )
        return found[0] if found else None

    def _item(self, identifier: str) -> Any:
        return read_json(self._op("item", "get", "--format", "json", identifier))

    def _sign_in(self) -> None:
        """Get a session, unless the environment has one."""
        known = ("OP_SESSION_", "OP_SERVICE_ACCOUNT_TOKEN", "OP_CONNECT_TOKEN")
        if any(name.startswith(known) for name in self._environment):
            return
        # `op` prints a shell command that sets a variable, or nothing if the app is connected.
        said = self._op("signin", vault=False).decode("utf-8", "replace")
        for name, session in re.findall(r'(OP_SESSION_\w+)\s*=\s*"([^"]*)"', said):
            self._environment[name] = Secret(session).expose()

    def _op(self, *words: str, given: "str | None" = None, vault: bool = True) -> bytes:
        """Return what `op` prints. It has this process's standard error and, without `given`, its
        standard input, which are the user's."""
        options = [f"--account={self._account}"] if self._account else []
        if vault and self._vault:
            options.append(f"--vault={self._vault}")
        # `op` reads an item from a pipe, but not from a terminal.
        template = None if given is None else given.encode("ascii")
        command = ["op", *words, *options]
        try:
            process = subprocess.run(
                command, input=template, stdout=subprocess.PIPE, env=self._environment, check=False
            )
        except OSError as error:
            raise OtherError("cannot run `op`", [os.strerror(error.errno or 0)]) from None
        if process.returncode:
            said = " ".join(words[:2])
            raise OtherError(
                f"`op {said}` failed with status {process.returncode}: see its message above"
            )
        return process.stdout


def parse(args: "list[str]") -> "tuple[str | None, str | None]":
    options: dict[str, str] = {}
    rest = list(args)
    while rest:
        option = rest.pop(0)
        if option not in ("--account", "--vault") or not rest:
            raise OtherError(
                f"unknown option {option!r}, or no value after it: there are --account ACCOUNT and"
                " --vault VAULT"
            )
        options[option] = rest.pop(0)
    return options.get("--account"), options.get("--vault")


def new_item(index_url: str, token: Secret) -> str:
    item = {
        "title": "Cargo registry token",
        "category": "LOGIN",
        "tags": [TAG],
        "urls": [{"primary": True, "href": index_url}],
    }
    return changed_item(item, token)


def changed_item(item: Any, token: Secret) -> str:
    """The item as JSON, in ASCII, with the token as its password."""
    password = {"id": "password", "type": "CONCEALED", "purpose": "PASSWORD", "label": "password"}
    try:
        fields = [password, *item.get("fields", [])]
        passwords = [field for field in fields if is_password(field)]
        rest = [field for field in fields if not is_password(field)]
    except (AttributeError, TypeError):  # `from None`: it has the item
        raise OtherError("`op item get` did not print an item") from None
    return json.dumps(dict(item, fields=[*rest, dict(passwords[-1], value=token.expose())]))


def is_password(field: Any) -> bool:
    return bool(field.get("id") == "password")


def websites(item: Any) -> "list[str]":
    return [url["href"] for url in item.get("urls", [])]


def read_json(output: bytes) -> Any:
    try:
        return json.loads(output)
    except (ValueError, RecursionError):  # `from None`: it has the output
        raise OtherError("`op` did not print JSON: is it version 2?") from None


if __name__ == "__main__":
    main(OnePassword())
