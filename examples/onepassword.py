#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Keeps tokens in 1Password, with its command `op`, version 2: for get, login and logout.

    onepassword.py [--account ACCOUNT] [--vault VAULT]

It uses the options and items of Cargo's cargo-credential-1password, so each finds the tokens of the
other. An item is a Login with the tag `cargo-registry`, the index URL as its website and the token
as its password. A registry gets only the token stored for its whole URL. Cargo's provider puts the
token on a command line, which other users can read. This one does not.

If the 1Password app is not connected to `op`, and the environment has neither OP_SESSION_... nor
OP_SERVICE_ACCOUNT_TOKEN, each command signs in: `op` asks for the password on the terminal.

Messages of `op` go to standard error unchanged. Tested with a simulated `op`, written from
1Password's documentation, not with 1Password itself. In .cargo/config.toml:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/onepassword.py", "--account", "my.1password.com"]

To try it without Cargo, in a Unix shell:

    echo '{"v":1,"registry":{"index-url":"https://r.example/"},"kind":"logout"}' | ./onepassword.py
"""

import json
import os
import re
import sys
from itertools import zip_longest
from subprocess import PIPE, CalledProcessError, run
from typing import Any

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import cargo_credential as cc
from cargo_credential import GetResponse, NotFound, OtherError, RegistryInfo, Secret

sys.path.pop()  # no other module may come from there

# No checkout can be this directory: some programs run files of the current directory
ELSEWHERE = os.environ["SystemRoot"] if sys.platform == "win32" else os.sep
NEW_ITEM = {"title": "Cargo registry token", "category": "LOGIN", "tags": ["cargo-registry"]}
PASSWORD = {"id": "password", "type": "CONCEALED", "purpose": "PASSWORD", "label": "password"}
MALFORMED = (AttributeError, LookupError, TypeError, ValueError, RecursionError)


class OnePassword(cc.Credential):
    def get(
        self, registry: RegistryInfo, operation: cc.Operation, args: "list[str]"
    ) -> GetResponse:
        identifier = find(registry, args)
        item = read(args, "get", identifier)
        try:
            (token,) = [Secret(f["value"]) for f in item["fields"] if f.get("id") == "password"]
        except MALFORMED:  # `from None`: it has the item
            raise OtherError(f"the 1Password item {identifier} has no password") from None
        refuse_non_token(token)
        return GetResponse(token)

    def login(
        self, registry: RegistryInfo, options: cc.LoginOptions, args: "list[str]"
    ) -> cc.LoginResponse:
        try:  # first, so that the user learns of a locked 1Password before typing the token
            identifier = find(registry, args)
            words, item = ["edit", identifier], read(args, "get", identifier)
        except NotFound:
            urls = [{"primary": True, "href": registry.index_url}]
            words, item = ["create", "-"], dict(NEW_ITEM, urls=urls)
        token = cc.read_token(options, registry)
        refuse_non_token(token)
        op(args, "item", *words, given=with_password(item, token))
        return cc.LoginResponse()

    def logout(self, registry: RegistryInfo, args: "list[str]") -> cc.LogoutResponse:
        op(args, "item", "delete", find(registry, args))
        return cc.LogoutResponse()


def refuse_non_token(token: Secret) -> None:
    problem = problem_of(token.expose())
    if problem:
        raise OtherError(problem)


def find(registry: RegistryInfo, args: "list[str]") -> str:
    """Return the id of the registry's item. Raises NotFound: Cargo then asks its next provider."""
    sign_in(args)
    items = read(args, "list", "--categories", "Login", "--tags", "cargo-registry")
    try:
        urls = {str(item["id"]): [url["href"] for url in item.get("urls", [])] for item in items}
    except MALFORMED:
        raise OtherError("`op item list` did not print items") from None
    found = [identifier for identifier in urls if registry.index_url in urls[identifier]]
    if not found:
        raise NotFound
    if len(found) > 1:
        several = "several 1Password items with the tag cargo-registry are for this registry"
        raise OtherError(f"{several}: keep only one of {', '.join(found)}")
    return found[0]


def with_password(item: Any, token: Secret) -> bytes:
    """Return the whole item as JSON, since `edit` replaces it, with the token as its password."""
    try:
        fields = [PASSWORD, *item.get("fields", [])]
        *_, password = [field for field in fields if field.get("id") == "password"]
        others = [field for field in fields if field.get("id") != "password"]
    except MALFORMED:  # `from None`: it has the item
        raise OtherError("`op item get` did not print an item") from None
    return json.dumps(dict(item, fields=[*others, dict(password, value=token.expose())])).encode()


def sign_in(args: "list[str]") -> None:
    """Get a session for the commands that follow, unless the environment has one."""
    known = ("OP_SESSION_", "OP_SERVICE_ACCOUNT_TOKEN", "OP_CONNECT_TOKEN")
    if not any(name.startswith(known) for name in os.environ):
        # `op` prints a shell command that sets a variable, or nothing if the app is connected.
        output = op(args, "signin").decode("utf-8", "replace")
        for name, session in re.findall(r'(OP_SESSION_\w+)\s*=\s*"([^"]*)"', output):
            os.environ[name] = Secret(session).expose()


def read(args: "list[str]", *words: str) -> Any:
    try:
        return json.loads(op(args, "item", *words, "--format", "json"))
    except MALFORMED:  # `from None`: it has the output
        raise OtherError("`op` did not print JSON: is it version 2?") from None


def op(args: "list[str]", *words: str, given: "bytes | None" = None) -> bytes:
    """Return what `op` prints. It reads `given` from a pipe, or else what the user types."""
    command = ["op", *words]
    for option, value in zip_longest(args[::2], args[1::2]):
        if option not in ("--account", "--vault") or value is None:
            known = "there are --account ACCOUNT and --vault VAULT"
            raise OtherError(f"unknown option {option!r}, or no value after it: {known}")
        if option == "--account" or words[0] == "item":  # `op signin` takes no --vault
            command.append(f"{option}={value}")
    try:
        return run(command, input=given, stdout=PIPE, cwd=ELSEWHERE, check=True).stdout
    except OSError as error:
        raise OtherError("cannot run `op`", os.strerror(error.errno or 0)) from None
    except UnicodeError:
        problem = "an argument contains a character that this locale cannot encode"
        raise OtherError("cannot run `op`", f"{problem}: set LANG=C.UTF-8") from None
    except CalledProcessError as error:  # `from None`: it has the output
        failure = f"`op {' '.join(words[:2])}` failed with status {error.returncode}"
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
    cc.main(OnePassword())
