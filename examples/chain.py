#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
r"""Asks several providers, one after the other, for one registry.

Cargo's own setting for a registry takes only one provider. After not-found and url-not-supported,
chain.py asks the next one, as Cargo does with `registry.global-credential-providers`, but from
first to last. In .cargo/config.toml, each argument is a provider, and `--` ends the list:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/chain.py",
        "/path/to/first.py its-option", "/path/to/second.py", "--"]

chain.py splits each provider on white space. If a path or an argument has a space, write JSON:
'["/path/to my/first.py", "its option"]'. Each provider gets the arguments after the first `--`.
Cargo adds the ARG of `cargo login -- ARG` there: chain.py never starts it as a program.

What it does not do: start a provider that is built into Cargo (`cargo:token`), or read
[credential-alias]. For `cargo login` and `cargo logout`, put a provider first that supports them:
an answer other than not-found and url-not-supported ends the chain. To try it without Cargo:

    echo '{"v":1,"registry":{"index-url":"https://r.example/"},"kind":"logout",'\
    '"args":["/path/to/first.py","/path/to/second.py","--"]}' | ./chain.py
"""

import json
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

from cargo_credential import (
    Action,
    Credential,
    CredentialProcess,
    CredentialResponse,
    NotFound,
    OtherError,
    RegistryInfo,
    UrlNotSupported,
    main,
)

sys.path.pop()  # no other module may come from there


class Chain(Credential):
    def perform(
        self, registry: RegistryInfo, action: Action, args: "list[str]"
    ) -> CredentialResponse:
        # Report every error of the configuration before the first provider starts.
        providers, rest = split(args)
        not_found = False
        for provider in providers:
            try:
                # Cargo gets an answer, and any error but these two, unchanged. A sealed vault must
                # not look like one without a token.
                return provider.perform(registry, action, rest)
            except NotFound:
                not_found = True
            except UrlNotSupported:
                pass
        # After not-found, Cargo reports "no token found" for a `get` and "credential not found" for
        # a login, and a logout succeeds. If all raise url-not-supported, Cargo reports "no
        # credential providers could handle the request".
        raise NotFound if not_found else UrlNotSupported


def split(args: "list[str]") -> "tuple[list[CredentialProcess], list[str]]":
    """Return the providers, and the arguments that each of them gets."""
    # Without a `--`, the ARG of `cargo login -- ARG` would be started as a provider.
    if "--" not in args:
        raise OtherError('end the list of providers in `credential-provider` with "--"')
    end = args.index("--")
    if end == 0:
        raise OtherError('add providers before the "--" in `credential-provider`')
    return [provider(text) for text in args[:end]], args[end + 1 :]


def provider(text: str) -> CredentialProcess:
    """Return the provider that an argument names."""
    path, *args = json_words(text) if text.startswith("[") else text.split() or [""]
    if not path:
        raise OtherError(f"`{text}` names no provider")
    return CredentialProcess(path, *args)


def json_words(text: str) -> "list[str]":
    """Return the path and the arguments of a provider that is written as JSON."""
    try:
        words: list[str] = json.loads(text)
    except (ValueError, RecursionError):
        words = []
    if {type(word) for word in words} != {str}:
        raise OtherError(
            f"`{text}` must be a JSON array of strings: the provider and its arguments"
        )
    return words


if __name__ == "__main__":
    main(Chain())
