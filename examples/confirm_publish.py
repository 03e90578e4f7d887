#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
r"""Asks the user before another provider gives a token to publish, yank or change owners.

For these, the other provider starts only if the user answers yes. To read, log in and log out, it
starts at once. confirm_publish.py sets `operation_independent` of each token to False: otherwise
Cargo would publish with the token that it got to read, without a question. In .cargo/config.toml,
put the other provider's absolute path and its arguments after the path of this one:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/confirm_publish.py", "/path/to/prov.py", "its argument"]

The question names the index and its host. It cannot name the place that Cargo uploads to: the index
decides that (`api` in its config.json), and a provider does not learn it. If a program runs the
other provider directly, the user gets no question. To try it without Cargo, on a Unix terminal:

    echo '{"v":1,"registry":{"index-url":"https://r.example/"},"kind":"get","operation":"owners",'\
    '"name":"foo","args":["/path/to/prov.py"]}' | ./confirm_publish.py
"""

import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

from cargo_credential import (
    Action,
    CacheNever,
    Credential,
    CredentialProcess,
    CredentialResponse,
    GetAction,
    GetResponse,
    Operation,
    OtherError,
    OwnersOperation,
    PublishOperation,
    ReadOperation,
    RegistryInfo,
    UnyankOperation,
    YankOperation,
    main,
    read_line,
)

sys.path.pop()  # no other module may come from there

LONGEST = 1000  # characters of a question: half of a small terminal


class ConfirmPublish(Credential):
    def perform(
        self, registry: RegistryInfo, action: Action, args: "list[str]"
    ) -> CredentialResponse:
        provider = other_provider(args)
        reads = isinstance(action, GetAction) and isinstance(action.operation, ReadOperation)
        if isinstance(action, GetAction) and not reads:
            confirm(registry, action.operation)

        # Whatever the other provider raises goes to Cargo as it is: after url-not-supported and
        # not-found Cargo asks its next provider, if several are configured.
        answer = provider.perform(registry, action, [])
        if not isinstance(answer, GetResponse):
            return answer

        # Cargo first requests a token to read. If that were operation independent, Cargo would use
        # it to publish without a question. Cargo can use it for other reads as long as the other
        # provider allows. A confirmed token is for one operation: the user confirms the next
        # crate and the next yank again.
        return GetResponse(
            answer.token, answer.cache if reads else CacheNever(), operation_independent=False
        )


def other_provider(args: "list[str]") -> CredentialProcess:
    """Return the provider that `args` names: its path, then its arguments."""
    if not args:
        raise OtherError(
            "confirm_publish.py needs another provider: add its absolute path after this one's in"
            " `credential-provider`"
        )
    if any("\0" in arg for arg in args):
        raise OtherError("the provider or its argument contains a NUL character: remove it")
    return CredentialProcess(*args)


def confirm(registry: RegistryInfo, operation: Operation) -> None:
    """Return if the user agrees. Raises OtherError: Cargo shows it and ends."""
    if not on_a_terminal():
        raise OtherError(
            f"a terminal is needed to ask whether to {question(registry, operation)}: for use"
            " without one, configure the other provider alone"
        )
    discard_typed_ahead()
    print(f"{question(registry, operation)}? [y/N] ", end="", flush=True)
    if read_line().lower() not in ("y", "yes"):  # the end of the input means no, too
        raise OtherError(f"you did not agree to {question(registry, operation)}")


def on_a_terminal() -> bool:
    """While `perform` runs, standard input is the terminal, or the null device without one."""
    if sys.platform == "win32":  # where isatty() is true for the null device
        try:
            open("CONIN$").close()
        except OSError:
            return False
    return sys.stdin.isatty()


def discard_typed_ahead() -> None:
    """Drop what was typed before the question: it is not an answer to it."""
    if sys.platform == "win32":
        import msvcrt

        while msvcrt.kbhit():
            msvcrt.getwch()
    else:
        import termios

        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def question(registry: RegistryInfo, operation: Operation) -> str:
    """Describe what is about to happen, where each value is a single word.

    The checkout's configuration chooses the registry's name and its index URL. The host comes last:
    a long URL cannot scroll it away. Raises OtherError for a text that could fill a screen.
    """
    what = "do something that this provider does not know on"  # an operation of a newer Cargo
    if isinstance(operation, PublishOperation):
        name, vers, cksum = shown(operation.name), shown(operation.vers), shown(operation.cksum)
        what = f"publish {name} {vers}, sha256 {cksum}, to"
    elif isinstance(operation, (YankOperation, UnyankOperation)):
        what = f"{operation.kind} {shown(operation.name)} {shown(operation.vers)} on"
    elif isinstance(operation, OwnersOperation):
        what = f"list or change the owners of {shown(operation.name)} on"
    name = shown(registry.name) if registry.name else "a registry without a name"
    where = f"(index {shown(registry.index_url)}), at {registry.host}"
    if registry.host is None:
        where = f"at an unknown host (index {shown(registry.index_url)})"
    text = f"{what} {name} {where}"
    if len(text) > LONGEST:
        raise OtherError(f"the question would be longer than {LONGEST} characters: {text[:80]}...")
    return text


def shown(text: str) -> str:
    """Escape what could control the terminal, look like another letter, or end the value."""
    return ascii(text)[1:-1].replace(" ", r"\x20")


if __name__ == "__main__":
    main(ConfirmPublish())
