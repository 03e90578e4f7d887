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

After any other answer, chain.py asks no more providers. For `cargo login` and `cargo logout`, there
is an exception: chain.py also asks the next one after a provider that stores nothing. That provider
answers operation-not-supported, or an error that begins with "nothing to log in to or out of". If
no later provider stores, Cargo gets this error. So one configuration serves CI and the desktop.
Where the variable is set, Cargo uses it, even after a login:

    credential-provider = ["/path/to/chain.py",
        "/path/to/token_from_command.py --host crates.corp.example --env CORP_TOKEN",
        "/path/to/git_credential.py --host crates.corp.example", "--"]

To publish with a token of its own, put a provider with `--operation publish` among its arguments
first. Then chain.py tells Cargo not to use a later provider's token for another operation.

What it does not do: start a provider that is built into Cargo (`cargo:token`), or read
[credential-alias]. To try it without Cargo, in a Unix shell:

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
    Error,
    GetAction,
    GetResponse,
    NotFound,
    OperationNotSupported,
    OtherError,
    RegistryInfo,
    UrlNotSupported,
    main,
)

sys.path.pop()  # no other module may come from there


STORES_NOTHING = "nothing to log in to or out of"  # token_from_command.py writes it


class Chain(Credential):
    def perform(
        self, registry: RegistryInfo, action: Action, args: "list[str]"
    ) -> CredentialResponse:
        # Report every error of the configuration before the first provider starts.
        providers, rest = split(args)
        os.environ["CARGO_CREDENTIAL_CHAIN"] = "1"  # token_from_command.py then warns less
        errors: list[Error] = []
        narrow = False
        for words in providers:
            try:
                # Cargo gets an answer, and any other error, unchanged. A sealed vault must not look
                # like one without a token.
                answer = CredentialProcess(*words).perform(registry, action, rest)
                return for_one_operation(answer) if narrow else answer
            except (NotFound, UrlNotSupported) as error:
                errors.append(error)
            except (OperationNotSupported, OtherError) as error:
                if isinstance(action, GetAction) or not stores_nothing(error):
                    raise
                errors.append(error)
            narrow = narrow or "--operation" in words
        # After not-found, Cargo reports "no token found" for a `get` and "credential not found" for
        # a login, and a logout succeeds. If all raise url-not-supported, Cargo reports "no
        # credential providers could handle the request".
        raise min(errors, key=importance)


def stores_nothing(error: Error) -> bool:
    return isinstance(error, OperationNotSupported) or str(error).startswith(STORES_NOTHING)


def importance(error: Error) -> int:
    """Return a number. Cargo gets the error with the lowest one."""
    return 2 if isinstance(error, UrlNotSupported) else 1 if isinstance(error, NotFound) else 0


def for_one_operation(answer: CredentialResponse) -> CredentialResponse:
    """Return the answer for one operation: Cargo then asks again to publish."""
    if isinstance(answer, GetResponse):
        return GetResponse(answer.token, answer.cache, operation_independent=False)
    return answer


def split(args: "list[str]") -> "tuple[list[list[str]], list[str]]":
    """Return the providers, each with its own arguments, and the arguments that all of them get."""
    # Without a `--`, the ARG of `cargo login -- ARG` would be started as a provider.
    if "--" not in args:
        raise OtherError('end the list of providers in `credential-provider` with "--"')
    end = args.index("--")
    if end == 0:
        raise OtherError('add providers before the "--" in `credential-provider`')
    return [provider(text) for text in args[:end]], args[end + 1 :]


def provider(text: str) -> "list[str]":
    """Return the path and the arguments of the provider that an argument names."""
    words = json_words(text) if text.startswith("[") else text.split() or [""]
    if not words[0]:
        raise OtherError(f"`{text}` names no provider")
    if any("\0" in word for word in words):
        raise OtherError("a provider or its argument contains a NUL character: remove it")
    CredentialProcess(*words)  # raises OtherError for a relative path
    return words


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
