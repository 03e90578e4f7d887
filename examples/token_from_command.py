#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
r"""Runs a command that prints a token, for the registries that you name.

    token_from_command.py [OPTION]... COMMAND [ARG]...

    --index URL         serve this index (repeatable)
    --host HOST         serve all indexes at https:// on this host (repeatable)
    --scheme WORD       put `WORD ` before the token, as in --scheme Bearer
    --basic USER        give Cargo `Basic ` and the base64 form of `USER:TOKEN`
    --json FIELD        the output is JSON, with the token in this field (a.b: field b of field a)
    --expires FIELD     with --json: the field with the expiry, Unix seconds or ISO 8601 with a zone
    --expires-in FIELD  with --json: the field with the seconds until the token expires
    --ttl SECONDS       the token expires after this many seconds
    --timeout SECONDS   give the command no terminal, and stop it after this many seconds

Without --index and --host, every registry gets the token, even one that a checkout's configuration
names. If others can put files on the host, as on GitHub, use --index: the index decides where Cargo
sends the token. The index of crates.io is https://github.com/rust-lang/crates.io-index.

In an ARG, {index_url}, {host} and {name} stand for the registry's index URL, host and name. It is
an error if such a value begins with `-` or contains a special character of a shell. The command
gets CARGO_REGISTRY_INDEX_URL and CARGO_REGISTRY_NAME_OPT unchecked: a checkout can choose these.

If you set --timeout, then Ctrl-C, SIGTERM and SIGHUP also stop the command's whole process group.
On Windows, the timeout and Ctrl-C stop the command and its child processes.

The command runs in the root directory, not in a cloned repository: write absolute paths.

What it does not do: log in or out (see git_credential.py), show the output, or stop another user's
processes. `cargo:token-from-stdout` has no options, serves every registry and, up to Cargo 1.97,
cannot publish if the output ends with CR LF. Tested: Cargo 1.95, Linux. In .cargo/config.toml:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/token_from_command.py", "--host", "crates.corp.example",
        "vault", "kv", "get", "-mount=secret", "-field=token", "cargo"]

To try it without Cargo:

    echo '{"v":1,"registry":{"index-url":""},"kind":"get","operation":"read","args":["echo","x"]}' \
      | ./token_from_command.py
"""

import json
import os
import re
import signal
import sys
import time
from base64 import b64encode
from contextlib import suppress
from datetime import datetime
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired, call
from typing import Any

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import cargo_credential as cc
from cargo_credential import CacheExpires, GetResponse, OtherError, RegistryInfo, Secret

sys.path.pop()  # no other module may come from there

VALUES = {  # the pattern of an option's value, and how an error describes it
    "--index": (r"(?s).*://.*", "the whole URL of an index"),
    "--host": (r"\S+", "a host, as in crates.corp.example"),
    "--basic": (r"[^:\x00-\x1f\x7f-\x9f]*", "plain text without a colon"),
    "--ttl": (r"[1-9][0-9]{0,6}", "seconds, as in 60"),
    "--timeout": (r"[1-9][0-9]{0,6}", "seconds, as in 60"),
}
OPTIONS = (*VALUES, "--scheme", "--json", "--expires", "--expires-in")
ISO_8601 = re.compile(r"(\S{10})[Tt ](\d\d:\d\d:\d\d)(?:[.,]\d+)?([+-]\d\d):?(\d\d)\Z")
# Not an option, and no more than text to a shell, also to the one that runs a Windows .cmd file
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@+=-]*\Z")
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if os.name == "posix"]
ENDING = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]


class TokenFromCommand(cc.Credential):
    def perform(
        self, registry: RegistryInfo, action: cc.Action, args: "list[str]"
    ) -> cc.CredentialResponse:
        options, registries, command = parse(args)
        if registries and not registry.matches(*registries):
            raise cc.UrlNotSupported  # Cargo asks its next provider
        if not isinstance(action, cc.GetAction):
            raise cc.OperationNotSupported  # Cargo would not use what its next provider stores
        start = time.time()
        output = output_of(fill_in(command, registry), registry, int(options.get("--timeout", 0)))
        token = single_line(find(output, options["--json"]) if "--json" in options else output)
        if "--basic" in options:
            pair = token.map(lambda value: f"{options['--basic']}:{value}")
            token = pair.map(lambda value: "Basic " + b64encode(value.encode("utf-8")).decode())
        if "--scheme" in options:
            token = token.map(lambda value: f"{options['--scheme']} {value}")
        refuse_non_token(token)
        return GetResponse(token, cache_control(options, output, start))


def parse(args: "list[str]") -> "tuple[dict[str, str], list[str], list[str]]":
    """Return the options, the registries among their values, and the command."""
    options: dict[str, str] = {}
    registries: list[str] = []
    rest = list(args)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option == "--":
            break
        if option not in OPTIONS:
            raise OtherError(f"unknown option {option!r}: the options are {', '.join(OPTIONS)}")
        options[option] = value = rest.pop(0) if rest else ""
        pattern, meaning = VALUES.get(option, ("(?s).*", ""))
        serves = option != "--host" or RegistryInfo(f"https://{value}/").matches(value)
        if not (serves and re.fullmatch(pattern, value)):
            raise OtherError(f"{option} takes {meaning}, not {value!r}")
        registries += [value] if option in ("--index", "--host") else []
    check(options, rest)
    return options, registries, rest


def check(options: "dict[str, str]", command: "list[str]") -> None:
    for group in (("--scheme", "--basic"), ("--expires", "--expires-in", "--ttl")):
        given = [option for option in group if option in options]
        if len(given) > 1:
            raise OtherError(f"{' and '.join(given)} exclude each other: use one of them")
    if "--json" not in options and {"--expires", "--expires-in"} & options.keys():
        raise OtherError("--expires and --expires-in require --json with the field of the token")
    if not command:
        raise OtherError("add the command that prints the token, after the options")
    # The current directory can be a cloned repository, with a program of its author. So the command
    # also runs elsewhere: `python3 -m` and others run files of the current directory.
    if os.path.dirname(command[0]) and not os.path.isabs(command[0]):
        raise OtherError(f"`{command[0]}` is a relative path: write the command's absolute path")


def fill_in(command: "list[str]", registry: RegistryInfo) -> "list[str]":
    """Return the command with the registry's values in its arguments."""
    words = command[1:]  # the registry has no influence on which program runs
    values = {"index_url": registry.index_url, "host": registry.host, "name": registry.name}
    for name, value in values.items():
        if any(f"{{{name}}}" in word for word in words) and not PLAIN.match(value or ""):
            raise OtherError(f"cannot replace {{{name}}}: the value is missing, or not plain text")
        words = [word.replace(f"{{{name}}}", value or "") for word in words]
    return [command[0], *words]


def output_of(command: "list[str]", registry: RegistryInfo, timeout: int) -> bytes:
    environment = dict(os.environ, CARGO_REGISTRY_INDEX_URL=registry.index_url)
    environment["CARGO_REGISTRY_NAME_OPT"] = registry.name or ""
    try:
        status, output = run(command, environment, timeout)
    except OSError as error:
        raise OtherError(f"cannot run `{command[0]}`", [os.strerror(error.errno or 0)]) from None
    except TimeoutExpired:  # `from None`: it has the output so far
        raise OtherError(f"`{command[0]}` took longer than {timeout} s, and was stopped") from None
    if status:
        how = f"failed with status {status}" if status > 0 else f"was ended by signal {-status}"
        raise OtherError(f"`{command[0]}` {how}")
    return output


def run(command: "list[str]", env: "dict[str, str]", timeout: int) -> "tuple[int, bytes]":
    """Return status and output. With a timeout, the command does not outlive this process."""
    started: list[Popen[bytes]] = []
    arrived: list[int] = []

    def on_signal(number: int, frame: object) -> None:
        arrived.append(number)
        if started:  # otherwise, Popen would lose the process that it starts
            kill(started.pop())
            raise KeyboardInterrupt

    handlers = {number: signal.signal(number, on_signal) for number in ENDING if timeout}
    stdin, own = (DEVNULL, True) if timeout else (None, False)
    try:
        with Popen(
            command, stdin=stdin, stdout=PIPE, cwd=os.sep, env=env, start_new_session=own
        ) as process:
            started.append(process)
            try:
                output, _ = process.communicate(timeout=0 if arrived else timeout or None)
            except BaseException:
                kill(process)
                process.wait()
                raise
        return process.returncode, output
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in arrived:
            os.kill(os.getpid(), number)


def kill(process: "Popen[bytes]") -> None:
    """Kill the process group of a command that runs; on Windows, the processes below it."""
    with suppress(OSError):  # all of them have ended, or run as another user
        if sys.platform == "win32":
            taskkill = os.path.join(os.environ["SystemRoot"], "System32", "taskkill.exe")
            call([taskkill, "/T", "/F", "/PID", str(process.pid)], stdout=DEVNULL, stderr=DEVNULL)
        elif process.returncode is None:  # otherwise its number can be another process's
            os.killpg(process.pid, signal.SIGKILL)


def find(output: bytes, path: str) -> Any:
    try:
        value = json.loads(output)
        for name in path.split("."):
            value = value[name]
        return value
    except (KeyError, TypeError):
        raise OtherError(f"the command printed no field `{path}`") from None
    except (ValueError, RecursionError):  # `from None`: it has the output
        raise OtherError("the command printed something else than JSON") from None


def single_line(text: "bytes | str") -> Secret:
    """Return the only line as a Secret, without its line end, which no header can carry."""
    try:
        token = Secret((text if isinstance(text, str) else text.decode("utf-8")).rstrip("\r\n"))
    except (UnicodeError, AttributeError):  # `from None`: it has the output
        raise OtherError("the token that the command printed is not text") from None
    refuse_non_token(token)  # before its form is checked, and before it is encoded
    if not re.fullmatch(r"[^\r\n\ud800-\udfff]+", token.expose()):
        raise OtherError("the command must print one line of text: the token alone")
    return token


def refuse_non_token(token: Secret) -> None:
    problem = problem_of(token.expose())
    if problem:
        raise OtherError(problem + (", with --json FIELD" if "JSON" in problem else ""))


# ---- What cannot be a token ----

NOT_TOKENS = (  # a pattern of the whole value, also after a scheme, and the problem with the fix
    (
        r"\$\(.*\)|\$\{.*\}|\{\{.*\}\}|%[A-Za-z_]\w*%|\$(?i:env):\w+|\$[A-Z_]{2,}",
        "the token is a placeholder that nothing replaced: set the variable, or correct its name",
    ),
    (
        r"\*+|<[^<>]*>|(?i:null|none|nil|undefined)|\[object Object\]",
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


def cache_control(options: "dict[str, str]", output: bytes, start: float) -> cc.CacheControl:
    path = options.get("--expires", options.get("--expires-in"))
    if path is None:
        return (
            CacheExpires(start + int(options["--ttl"])) if "--ttl" in options else cc.CacheSession()
        )
    value = find(output, path)
    try:
        if "--expires" in options and isinstance(value, str) and not value.isdigit():
            text = ISO_8601.sub(r"\1 \2 \3\4", re.sub("[Zz]$", "+0000", value))  # for Python 3.6
            return CacheExpires(datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z"))
        return CacheExpires(float(value) + (start if "--expires-in" in options else 0))
    except (TypeError, ValueError, OverflowError):  # `from None`: it can have a token
        raise OtherError(f"the field `{path}` is not an expiry, as --help describes it") from None


if __name__ == "__main__":
    cc.main(TokenFromCommand())
