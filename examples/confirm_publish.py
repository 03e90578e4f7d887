#!/usr/bin/env python3
r"""Asks on the terminal before another provider gives a token to publish, yank or change owners.

The other provider is not even started before the answer is yes. It is asked without a question for a
token to read with, at `cargo login` and at `cargo logout`. In .cargo/config.toml, with the whole path
of the other provider and its arguments behind this one's:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/confirm_publish.py", "/path/to/prov.py", "its argument"]

What it does not do: tell where the crate is uploaded to. That is for the registry's index to say (`api`
in its config.json), and Cargo tells no provider. Nor does it keep anybody from the other provider who
can run that one by itself. To try it without Cargo, on a terminal:

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

        # Cargo asks for a token to read with first. One that is good for all operations it would
        # keep and then use to publish without another question to anybody: so none is. To read
        # again, Cargo may use it for as long as the other provider said. What was confirmed it
        # must not keep at all: the next crate, the next yank are asked about again.
        return GetResponse(
            answer.token, answer.cache if reads else CacheNever(), operation_independent=False
        )


def other_provider(args: "list[str]") -> CredentialProcess:
    """The provider that is named first in `args`: what follows is its own, with a login's."""
    if not args:
        raise OtherError(
            "confirm_publish.py asks for another provider: add that one's whole path behind this"
            " one's in `credential-provider`"
        )
    path = args[0]
    if path.startswith("cargo:"):
        raise OtherError(f"`{path}` is built into Cargo, and no program that could be started")
    # Cargo takes a relative path from the configuration's directory, which only Cargo knows. From
    # the current directory, it could be a program out of somebody else's repository.
    if os.path.dirname(path) and not os.path.isabs(path):
        raise OtherError(f"`{path}` is a relative path: name the whole path of the other provider")
    return CredentialProcess(path, *args[1:])


def confirm(registry: RegistryInfo, operation: Operation) -> None:
    """Return if the user agrees. Raises OtherError: Cargo shows it and ends."""
    # While `perform` runs, standard input is the terminal, or the null device without one.
    if not sys.stdin.isatty():
        raise OtherError(
            f"there is no terminal to ask on whether to {question(registry, operation)}: where"
            " nobody can be asked, configure the other provider alone"
        )
    discard_typed_ahead()
    print(f"{question(registry, operation)}? [y/N] ", end="", flush=True)
    if read_line().lower() not in ("y", "yes"):  # the end of the input is no, too
        raise OtherError(f"you did not agree to {question(registry, operation)}")


def discard_typed_ahead() -> None:
    """Only what is typed after the question is an answer to it."""
    if sys.platform == "win32":
        import msvcrt

        while msvcrt.kbhit():
            msvcrt.getwch()
    else:
        import termios

        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def question(registry: RegistryInfo, operation: Operation) -> str:
    """What is about to happen. The name is what the configuration's author called the registry:
    only its host and its index URL tell which one it is."""
    what = "do what this provider does not know"  # an operation of a newer Cargo
    if isinstance(operation, PublishOperation):
        what = f"publish {operation.name} {operation.vers}, sha256 {operation.cksum},"
    elif isinstance(operation, (YankOperation, UnyankOperation)):
        what = f"{operation.kind} {operation.name} {operation.vers}"
    elif isinstance(operation, OwnersOperation):
        what = f"list or change the owners of {operation.name}"
    # The host last: a long URL, which the registry's author chose, must not scroll it away.
    where = f"{registry.name or 'a registry without a name'} (index {registry.index_url})"
    text = f"{what} to {where}, at {registry.host or 'no host'}"
    return ascii(text)[1:-1]  # nothing in it can steer the terminal or look like another letter


if __name__ == "__main__":
    main(ConfirmPublish())
