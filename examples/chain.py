#!/usr/bin/env python3
r"""Several providers, one after the other, for one registry: Cargo's own setting takes only one.

Goes on from one to the next as Cargo does with `registry.global-credential-providers`, but in the
order in which they are written. In .cargo/config.toml each argument is a provider, with a `--` at
the end:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/chain.py", "/path/to/first.py its-option", "/path/to/second.py", "--"]

A provider is split on white space. One with a space in its path or in an argument is written as JSON:
'["/path/to my/first.py", "its option"]'. What stands behind the `--` is given to each of them, and
that is where Cargo puts what is passed to `cargo login -- ARG`: so nothing there is ever started.

What it does not do: start what is built into Cargo (`cargo:token`), or look into [credential-alias].
As with Cargo, `cargo login` and `cargo logout` end at the first provider that says neither not-found
nor url-not-supported: put one that can login first. To try it without Cargo:

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


class Chain(Credential):
    def perform(
        self, registry: RegistryInfo, action: Action, args: "list[str]"
    ) -> CredentialResponse:
        # Each fault in the configuration is told before the first provider is asked.
        providers, rest = split(args)
        not_found = False
        for provider in providers:
            try:
                # What is answered, and every other error than these two, ends it: Cargo gets just
                # what the provider said. A sealed vault must not look like one without a token.
                return provider.perform(registry, action, rest)
            except NotFound:
                not_found = True
            except UrlNotSupported:
                pass
        # After not-found a `get` ends in "no token found", `cargo login` in "credential not found",
        # and `cargo logout` in success: nothing was there. After url-not-supported from all, each of
        # them fails with "no credential providers could handle the request".
        raise NotFound if not_found else UrlNotSupported


def split(args: "list[str]") -> "tuple[list[CredentialProcess], list[str]]":
    """The providers, and what is given to each of them."""
    # Without a `--`, what is passed to `cargo login` would be started as a provider.
    if "--" not in args:
        raise OtherError('end the list of providers in `credential-provider` with "--"')
    end = args.index("--")
    if end == 0:
        raise OtherError('add providers in front of the "--" in `credential-provider`')
    return [provider(text) for text in args[:end]], args[end + 1 :]


def provider(text: str) -> CredentialProcess:
    """A provider from its argument."""
    path, *args = json_words(text) if text.startswith("[") else text.split() or [""]
    if not path:
        raise OtherError(f"`{text}` names no provider")
    if path.startswith("cargo:"):
        raise OtherError(f"`{path}` is built into Cargo, and no program that could be started")
    # Cargo takes a relative path from the configuration's directory, which only Cargo knows. From
    # the current directory, it could be a program out of somebody else's repository.
    if os.path.dirname(path) and not os.path.isabs(path):
        raise OtherError(f"`{path}` is a relative path: name the whole path of the provider")
    return CredentialProcess(path, *args)


def json_words(text: str) -> "list[str]":
    """The path and arguments in an array: what starts with a bracket is one, or no JSON."""
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
