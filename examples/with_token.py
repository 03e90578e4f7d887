#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
r"""Gives the token of a credential provider to a program that runs no provider.

For cargo-binstall, cargo-edit, release-plz, Renovate, curl, Bazel and others. It is not a provider:
you run it yourself. It runs one PROVIDER, with its arguments, for one registry:

    with_token.py --index URL --name NAME [--operation KIND] PROVIDER [ARG...] -- COMMAND [ARG...]
    with_token.py --index URL --print FORM [--operation KIND] PROVIDER [ARG...]

URL is the registry's `index`, as in Cargo's configuration; for crates.io, it is
https://github.com/rust-lang/crates.io-index and NAME is crates-io. KIND is read (the default) or
publish. PROVIDER is an absolute path, or a name on PATH. The first `--` after PROVIDER ends its
arguments.

COMMAND replaces this program. It gets these environment variables, and a PATH without relative
directories. For crates.io, only CARGO_REGISTRY_TOKEN and CARGO_REGISTRY_CREDENTIAL_PROVIDER:

    CARGO_REGISTRIES_NAME_TOKEN, CARGO_REGISTRIES_NAME_CREDENTIAL_PROVIDER=cargo:token,
    CARGO_REGISTRIES_NAME_INDEX=URL, which no configuration of a checkout replaces

For example: with_token.py --index sparse+https://crates.corp.example/index/ --name corp \
    /path/to/prov.py -- cargo binstall --registry corp some-tool

COMMAND and all that it starts can read the token: build scripts, procedural macros and tests, too.

With --print, the output must be a pipe or a file. FORM is one of these:

    token   the token alone
    header  Authorization: TOKEN
    curl    a line for curl: with_token.py ... --print curl ... | curl -K - https://...
    bazel   {"headers":{"Authorization":["TOKEN"]}}, for a script that is a --credential_helper

It reads no configuration of Cargo. Each version of Cargo reads it in its own way, and that of a
checkout could name a program to run.

What it does not do:
- protect the token from a checkout that you do not trust: its configuration can name programs that
  Cargo starts (`build.rustc`), and if it gives NAME another index, `registry-index` in Cargo.toml
  sends the token there
- hide the token from your other processes, which can read COMMAND's environment
- get a new token when this one expires
- name a crate: for `--operation publish`, the crate's name, version and checksum are empty
"""

import json
import os
import re
import signal
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

from cargo_credential import (
    CRATES_IO_INDEX,
    CredentialProcess,
    Error,
    GetResponse,
    NotFound,
    Operation,
    PublishOperation,
    ReadOperation,
    RegistryInfo,
    Secret,
    UrlNotSupported,
)

sys.path.pop()  # no other module may come from there

OPERATIONS: "dict[str, Operation]" = {
    "read": ReadOperation(),
    "publish": PublishOperation("", "", ""),
}
VALUES = {  # the pattern of an option's value, and how an error describes it
    "--index": (r"\S+://\S+", "the URL of an index"),
    "--name": (r"[A-Za-z0-9_-]+", "a registry's name: ASCII letters, digits, - and _"),
    "--operation": ("read|publish", "read or publish"),
    "--print": ("token|header|curl|bazel", "token, header, curl or bazel"),
}


def main(arguments: "list[str]") -> None:
    if arguments[:1] == ["--help"]:
        return print((__doc__ or "").strip())
    options, provider, command = parse(arguments)
    if not command and (sys.stdout is None or os.isatty(1)):
        raise failure("--print writes the token to a pipe or a file: standard output is neither")
    clean_path()
    token = token_of(options, provider)
    return become(command, options, token) if command else write(options["--print"], token)


def parse(arguments: "list[str]") -> "tuple[dict[str, str], list[str], list[str]]":
    """Return the options, the provider with its arguments, and the command with its own."""
    options: dict[str, str] = {}
    rest = list(arguments)
    while rest and rest[0].startswith("-") and rest[0] != "--":
        option = rest.pop(0)
        if option not in VALUES:
            raise failure(f"unknown option {option}: see --help", 2)
        options[option] = rest.pop(0) if rest else ""
        pattern, meaning = VALUES[option]
        if not re.fullmatch(pattern, options[option]):
            raise failure(f"{option} takes {meaning}", 2)
    end = rest.index("--") if "--" in rest else len(rest)
    provider, command = rest[:end], rest[end + 1 :]
    check(options, provider, command, end < len(rest))
    return options, provider, command


def check(
    options: "dict[str, str]", provider: "list[str]", command: "list[str]", end: bool
) -> None:
    crates_io = options.get("--name") == "crates-io"
    for problem, text in (
        ("--index" not in options, "add --index URL before the provider"),
        (not provider, "add the provider after the options"),
        ("--print" in options and end, "--print takes no command: leave out one of them"),
        ("--print" not in options and not command, "add `-- COMMAND`, or --print FORM"),
        (command and "--name" not in options, "a command requires --name NAME"),
        (
            "--name" in options and crates_io != (options.get("--index") == CRATES_IO_INDEX),
            f"the name crates-io belongs to the index {CRATES_IO_INDEX}, and to no other",
        ),
    ):
        if problem:
            raise failure(text, 2)


def failure(problem: str, status: int = 1) -> SystemExit:
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in problem)
    print(f"with_token.py: {shown}", file=sys.stderr)
    return SystemExit(status)


def clean_path() -> None:
    """Remove empty and relative parts: the current directory can be a checkout."""
    if sys.platform == "win32":
        os.environ["NoDefaultCurrentDirectoryInExePath"] = "1"
    for path in (os.environ.get("PATH", ""), os.defpath):
        kept = [part for part in path.split(os.pathsep) if os.path.isabs(part)]
        if kept:
            os.environ["PATH"] = os.pathsep.join(kept)
            return


def token_of(options: "dict[str, str]", provider: "list[str]") -> Secret:
    # Requests are UTF-8, but Python may have decoded these as ASCII, as 3.6 does without a locale
    words = [os.fsencode(word) for word in (options["--index"], *provider[1:])]
    index, *args = [word.decode("utf-8", "surrogateescape") for word in words]
    registry = RegistryInfo(index, options.get("--name"))
    operation = OPERATIONS[options.get("--operation", "read")]
    try:
        answer = CredentialProcess(provider[0], *args).get(registry, operation, [])
        assert isinstance(answer, GetResponse)
        return answer.token
    except NotFound:
        raise failure(f"the provider has no token for {registry.index_url}") from None
    except UrlNotSupported:
        text = f"the provider does not serve {registry.index_url}: compare --index with its options"
        raise failure(text) from None
    except Error as error:
        raise failure(": ".join([str(error), *error.caused_by])) from None


def write(form: str, token: Secret) -> None:
    value = token.expose()
    if form == "header":
        value = f"Authorization: {value}"
    elif form == "curl":
        escaped = re.sub(r'(["\\])', r"\\\1", value)
        value = f'header = "Authorization: {escaped}"'
    elif form == "bazel":
        value = json.dumps({"headers": {"Authorization": [value]}}, separators=(",", ":"))
    try:
        with open(1, "wb", closefd=False) as output:
            output.write(value.encode("ascii") + b"\n")
    except OSError as error:
        raise failure(f"cannot write the token: {os.strerror(error.errno or 0)}") from None


def become(command: "list[str]", options: "dict[str, str]", token: Secret) -> None:
    prefix = "CARGO_REGISTRY_"
    if options["--index"] != CRATES_IO_INDEX:
        prefix = f"CARGO_REGISTRIES_{options['--name'].upper().replace('-', '_')}_"
        os.environ[f"{prefix}INDEX"] = options["--index"]
    os.environ[f"{prefix}CREDENTIAL_PROVIDER"] = "cargo:token"
    os.environ[f"{prefix}TOKEN"] = token.expose()
    try:
        if sys.platform == "win32":
            sys.exit(subprocess.call(command))
        for name in ("SIGPIPE", "SIGXFSZ"):  # Python ignores them, and so would COMMAND
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        os.execvp(command[0], command)
    except OSError as error:
        raise failure(f"cannot run `{command[0]}`: {os.strerror(error.errno or 0)}") from None


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
