#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
r"""Gives a token to publish only for crates that a file approves, and none to yank.

Another provider has the token. In .cargo/config.toml, put FILE's absolute path after the path of
this one, then the other provider's absolute path and its arguments:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/publish_approved.py", "/home/me/approved.txt",
        "/path/to/prov.py", "its argument"]

FILE has an approved crate per line, as NAME VERSION SHA256: the checksum is that of the .crate file
which Cargo uploads. Empty lines and lines that begin with `#` are skipped. If a crate is not
approved, the error shows the line to add. A token is for one publish: Cargo asks again for the next
one. To yank, unyank or change owners, Cargo gets no token. To read, log in and log out, the other
provider starts at once. publish_approved.py sets `operation_independent` of each token to False:
otherwise Cargo would publish with the token that it got to read.

FILE must be a regular file, at a path without symbolic links. You or root must own FILE and each
directory above it, and no one else may write to them. Do not keep FILE in a checkout: everyone who
can change the checkout could approve crates.

What it does not do:
- protect the token from a program that runs the other provider directly, or reads its store
- prevent a checkout from configuring the other provider without this one
- limit a token to read: a registry that accepts it to publish does so outside of Cargo, too
- tell registries apart: a line approves a crate on each registry that the other provider serves
- check the owner and mode of FILE on Windows

To try it without Cargo, in a Unix shell:

    echo '{"v":1,"registry":{"index-url":"https://r.example/"},"kind":"get","operation":"yank",'\
    '"name":"foo","vers":"1.0.0","args":["/path/to/file","/path/to/prov.py"]}' |\
    ./publish_approved.py
"""

import os
import re
import stat
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
    OtherError,
    PublishOperation,
    ReadOperation,
    RegistryInfo,
    main,
)

sys.path.pop()  # no other module may come from there

APPROVED = re.compile(r"[!-~]+ [!-~]+ [0-9a-f]{64}")


class PublishApproved(Credential):
    def perform(
        self, registry: RegistryInfo, action: Action, args: "list[str]"
    ) -> CredentialResponse:
        path, provider = parse(args)
        reads = isinstance(action, GetAction) and isinstance(action.operation, ReadOperation)
        if isinstance(action, GetAction) and not reads:
            if not isinstance(action.operation, PublishOperation):
                raise OtherError(
                    "publish_approved.py gives a token only to read, and to publish an approved"
                    " crate: for anything else, configure the other provider alone"
                )
            check_approved(path, action.operation)
        answer = provider.perform(registry, action, [])
        if not isinstance(answer, GetResponse):
            return answer

        # Cargo first requests a token to read. If that were operation independent, Cargo would use
        # it to publish any crate.
        cache = answer.cache if reads else CacheNever()
        return GetResponse(answer.token, cache, operation_independent=False)


def parse(args: "list[str]") -> "tuple[str, CredentialProcess]":
    """Return the path of FILE, and the other provider."""
    if len(args) < 2:
        raise OtherError(
            "publish_approved.py needs a file and another provider: add their absolute paths after"
            " this one's in `credential-provider`"
        )
    path, *provider = args
    if not os.path.isabs(path):
        raise OtherError(f"`{path}` is a relative path: name the absolute path of the file")
    return path, CredentialProcess(*provider)


def check_approved(path: str, crate: PublishOperation) -> None:
    """Return if FILE approves the crate. Raises OtherError: Cargo shows it and ends."""
    line = f"{crate.name} {crate.vers} {crate.cksum}"
    if not APPROVED.fullmatch(line):  # two crates could look alike, or a value could be two words
        raise OtherError(
            "a crate that can be approved has a name and a version in ASCII and a SHA-256"
            f" checksum, unlike {line!a}"
        )
    if line.split() not in approved(path):
        raise OtherError(f"this crate is not approved: to approve it, add this to `{path}`: {line}")


def approved(path: str) -> "list[list[str]]":
    """Return the words of each line of FILE that is not a comment."""
    check_directories(path)
    # No symbolic link, and do not wait for the writer of a named pipe
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        with open(os.open(path, os.O_RDONLY | flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise OtherError(f"`{path}` is not a regular file")
            check_owner(path, status, stat.S_IWGRP | stat.S_IWOTH)
            # Only b"\n" ends a line: other line ends could hide one in what looks like a comment
            lines = file.read().decode("utf-8", "replace").split("\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OtherError(f"cannot read `{path}`: {os.strerror(error.errno or 0)}") from None
    return [line.split() for line in lines if not line.lstrip().startswith("#")]


def check_directories(path: str) -> None:
    """Raise OtherError if another user could put another file in place of FILE."""
    if sys.platform == "win32":
        return
    real = os.path.realpath(path)
    if real != path:
        raise OtherError(f"`{path}` is not the file's real path: write `{real}`")
    while path != os.path.dirname(path):
        path = os.path.dirname(path)
        status = os.lstat(path)
        # In a sticky directory, such as /tmp, users can replace only their own files
        sticky = status.st_mode & stat.S_ISVTX
        check_owner(path, status, 0 if sticky else stat.S_IWGRP | stat.S_IWOTH)


def check_owner(path: str, status: os.stat_result, forbidden: int) -> None:
    if sys.platform != "win32" and status.st_uid not in (0, os.geteuid()):
        raise OtherError(
            f"`{path}` belongs to another user (uid {status.st_uid}), who could approve crates:"
            " name a file of your own, in a directory of your own"
        )
    if sys.platform != "win32" and status.st_mode & forbidden:
        raise OtherError(
            f"other users may write to `{path}`, and approve crates: run `chmod go-w` on it"
        )


if __name__ == "__main__":
    main(PublishApproved())
