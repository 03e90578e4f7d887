#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
r"""Gives Cargo a token that a command prints, or that an environment variable holds.

    token_from_command.py [OPTION]... COMMAND [ARG]...
    token_from_command.py [OPTION]... --env NAME

    --index URL         serve this index (repeatable)
    --host HOST         serve all indexes at https:// on this host (repeatable)
    --operation KIND    serve only read, publish, yank, unyank or owners (repeatable)
    --env NAME          take the token from this environment variable, instead of a command
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

The answer is not-found if the variable of --env is unset or empty, or if no --operation is the one
that Cargo requests. Cargo or chain.py then asks the next provider. To publish with another token,
give chain.py first a provider with `--operation publish`.

In an ARG, the provider replaces {index_url}, {host} and {name} by the registry's index URL, host
and name. It is an error if such a value begins with `-` or contains a special character of a shell.
The command also gets CARGO_REGISTRY_INDEX_URL and CARGO_REGISTRY_NAME_OPT. They are not checked,
and a checkout can choose them.

The command runs in the root directory (on Windows in %SystemRoot%), not in a cloned repository:
write absolute paths. The provider does not wait for processes that the command leaves behind. With
--timeout, Ctrl-C, SIGTERM and SIGHUP also stop all processes of the command's group. On Windows,
the timeout and Ctrl-C stop the command and its child processes.

If the command fails, the error has the last line of its standard error, if nothing in it can be a
token. If standard error is a terminal, it does not: the command may prompt there, and the user sees
the line anyway.

What it does not do:
- Log in or out: see git_credential.py.
- Show the output, or stop another user's processes.

`cargo:token-from-stdout` has no options, serves every registry and, up to Cargo 1.97, cannot
publish if the output ends with CR LF. Tested with Cargo 1.95 on Linux. In .cargo/config.toml:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/token_from_command.py", "--host", "crates.corp.example",
        "vault", "kv", "get", "-mount=secret", "-field=token", "cargo"]

To try it without Cargo, in a Unix shell:

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
from subprocess import DEVNULL, Popen, TimeoutExpired, call
from threading import Thread
from typing import Any

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import cargo_credential as cc
from cargo_credential import CacheExpires, GetResponse, OtherError, RegistryInfo, Secret

sys.path.pop()  # no other module may come from there

VALUES = {  # the pattern of an option's value, and how an error describes it
    "--index": (r"(?s).*://.*", "the whole URL of an index"),
    "--host": (r"\S+", "a host, as in crates.corp.example"),
    "--operation": ("read|publish|yank|unyank|owners", "read, publish, yank, unyank or owners"),
    "--env": (r"[^\s=$%\x00]+", "the name of an environment variable"),
    "--basic": (r"[ -9;-~]*", "ASCII characters without a colon"),
    "--ttl": (r"[1-9][0-9]{0,6}", "seconds, as in 60"),
    "--timeout": (r"[1-9][0-9]{0,6}", "seconds, as in 60"),
}
OPTIONS = (*VALUES, "--scheme", "--json", "--expires", "--expires-in")
REPEATABLE = ("--index", "--host", "--operation")
# ISO 8601, with or without its signs, and as Go prints a time
TIME = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)[Tt ](\d\d):?(\d\d):?(\d\d)(?:[.,]\d+)?"
    r" ?([Zz]|[+-]\d\d:?\d\d)(?: [A-Z]+)?\Z"
)
# Not an option, and plain text for each shell, also for the one that runs a .cmd file of Windows
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@+=-]*\Z")
# A word that can be a token, or a part of one
RANDOM = re.compile(r"(?=[\w+=~-]*[A-Za-z])(?=[\w+=~-]*\d)[\w+=~-]{10,}|[\w+=~-]{24,}")
# No checkout can be this directory. On Windows, os.sep would be the root of the current drive
ROOT = os.environ["SystemRoot"] if sys.platform == "win32" else os.sep
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if os.name == "posix"]
ENDING = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]


class TokenFromCommand(cc.Credential):
    def perform(
        self, registry: RegistryInfo, action: cc.Action, args: "list[str]"
    ) -> cc.CredentialResponse:
        options, lists, command = parse(args)
        registries = lists["--index"] + lists["--host"]
        if registries and not registry.matches(*registries):
            raise cc.UrlNotSupported  # Cargo asks its next provider
        if isinstance(action, (cc.LoginAction, cc.LogoutAction)):
            refuse_to_store(options.get("--env"), command)
        if not isinstance(action, cc.GetAction):
            raise cc.OperationNotSupported
        operations = lists["--operation"]
        if operations and action.operation.kind not in operations:
            raise cc.NotFound
        start = time.time()
        output, source = output_of(options, command, registry)
        text, place = output, source
        if "--json" in options:
            field = options["--json"]
            text, place = find(output, field, source), f"the field `{field}` holds"
        token = single_line(text, place)
        if "--basic" in options:
            token = basic(options["--basic"], token)
        if "--scheme" in options:
            token = token.map(lambda value: f"{options['--scheme']} {value}")
        refuse_non_token(token)
        # Cargo would also publish with a token to read that is operation independent.
        cache = cache_control(options, output, source, start)
        return GetResponse(token, cache, operation_independent=not operations)


def refuse_to_store(variable: "str | None", command: "list[str]") -> None:
    """Raise the answer to a login or logout."""
    if variable is not None and not os.environ.get(variable):
        raise unset(variable)
    source = f"command `{command[0]}`" if variable is None else f"variable `{variable}`"
    # chain.py goes on after an error that begins with this.
    raise OtherError(f"nothing to log in to or out of: the token comes from the {source}")


def unset(variable: str) -> cc.NotFound:
    if "CARGO_CREDENTIAL_CHAIN" not in os.environ:  # chain.py sets it: it has another provider
        sys.stderr.write(f"token_from_command.py: the variable {variable} is unset or empty\n")
    return cc.NotFound()


def parse(args: "list[str]") -> "tuple[dict[str, str], dict[str, list[str]], list[str]]":
    """Return the last value of each option, all values of the repeatable ones, and the command."""
    options: dict[str, str] = {}
    lists: dict[str, list[str]] = {option: [] for option in REPEATABLE}
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
        lists.get(option, []).append(value)
    check(options, rest)
    return options, lists, rest


def check(options: "dict[str, str]", command: "list[str]") -> None:
    for group in (("--scheme", "--basic"), ("--expires", "--expires-in", "--ttl")):
        given = [option for option in group if option in options]
        if len(given) > 1:
            raise OtherError(f"{' and '.join(given)} exclude each other: use one of them")
    if "--json" not in options and {"--expires", "--expires-in"} & options.keys():
        raise OtherError("--expires and --expires-in require --json with the field of the token")
    if "--env" in options:
        if command:
            raise OtherError("--env takes the place of the command: leave out one of the two")
        return
    if not command:
        raise OtherError("add the command that prints the token, after the options")
    if any("\0" in word for word in command):
        raise OtherError("the command contains a NUL character: remove it")
    # The current directory can be a cloned repository, with a program of its author. So the command
    # also runs elsewhere: `python3 -m` and others run files of the current directory.
    if os.path.dirname(command[0]) and not os.path.isabs(command[0]):
        raise OtherError(f"`{command[0]}` is a relative path: write the command's absolute path")


def fill_in(command: "list[str]", registry: RegistryInfo) -> "list[str]":
    """Return the command with the registry's values in its arguments."""
    words = command[1:]  # not in the program's name: a checkout could choose the program
    values = {"index_url": registry.index_url, "host": registry.host, "name": registry.name}
    for name, value in values.items():
        if any(f"{{{name}}}" in word for word in words) and not PLAIN.match(value or ""):
            raise OtherError(f"cannot replace {{{name}}}: the value is missing, or not plain text")
        words = [word.replace(f"{{{name}}}", value or "") for word in words]
    return [command[0], *words]


def output_of(
    options: "dict[str, str]", command: "list[str]", registry: RegistryInfo
) -> "tuple[bytes, str]":
    """Return the text with the token, and the start of an error about it."""
    if "--env" in options:
        variable = options["--env"]
        value = os.environ.get(variable)
        if not value:
            raise unset(variable)
        return value.encode("utf-8", "surrogatepass"), f"the variable `{variable}` holds"
    command = fill_in(command, registry)
    environment = dict(os.environ, CARGO_REGISTRY_INDEX_URL=registry.index_url)
    environment["CARGO_REGISTRY_NAME_OPT"] = registry.name or ""
    try:
        status, output, errors = run(command, environment, int(options.get("--timeout", 0)))
    except OSError as error:
        raise OtherError(f"cannot run `{command[0]}`", [os.strerror(error.errno or 0)]) from None
    except UnicodeError:
        problem = "contains a character that this locale cannot encode: set LANG=C.UTF-8"
        raise OtherError(f"the command, or the registry's URL or name, {problem}") from None
    except ValueError:  # `from None`: it describes Python's problem
        raise OtherError("the registry's URL or name contains a NUL character") from None
    if status:
        how = f"failed with status {status}" if status > 0 else f"was ended by signal {-status}"
        raise OtherError(f"`{command[0]}` {how}", last_line(errors, output))
    return output, "the command printed"


def last_line(errors: bytes, output: bytes) -> "list[str]":
    """Return the last line of what a command wrote, if nothing in it can be a token."""
    lines = errors.decode("utf-8", "replace").strip().splitlines()[-1:]
    printed = output.decode("utf-8", "replace").split()
    holds = any(RANDOM.search(line) or any(word in line for word in printed) for line in lines)
    return [] if holds else lines


def run(command: "list[str]", env: "dict[str, str]", timeout: int) -> "tuple[int, bytes, bytes]":
    """Return status, output and errors. With a timeout, it does not outlive this process."""
    started: list[Popen[bytes]] = []
    arrived: list[int] = []

    def on_signal(number: int, frame: object) -> None:
        arrived.append(number)
        if started:  # otherwise, Popen would lose the process that it starts
            kill(started.pop())
            raise KeyboardInterrupt

    handlers = {number: signal.signal(number, on_signal) for number in ENDING if timeout}
    stdin, own = (DEVNULL, True) if timeout else (None, False)
    output = Pipe()
    # Some programs prompt on standard error, but only if it is a terminal.
    errors = None if sys.stderr.isatty() else Pipe(copy=True)
    try:
        process = Popen(
            command,
            stdin=stdin,
            stdout=output.end,
            stderr=errors.end if errors else None,
            cwd=ROOT,
            env=env,
            start_new_session=own,
        )
        started.append(process)
        wait(process, command[0], timeout, bool(arrived))
    finally:
        printed, written = output.close(), errors.close() if errors else b""
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in arrived:
            os.kill(os.getpid(), number)
    return process.returncode, printed, written


def wait(process: "Popen[bytes]", program: str, timeout: int, at_once: bool) -> None:
    """Wait for a command's exit, and stop it at the timeout or a signal."""
    try:
        process.wait(0 if at_once else timeout or None)
    except BaseException as error:
        kill(process)
        with suppress(TimeoutExpired):
            process.wait(5 if timeout else None)
        if not isinstance(error, TimeoutExpired):
            raise
        end = "was stopped" if process.poll() is not None else "another user's process goes on"
        raise OtherError(f"`{program}` took longer than {timeout} s, and {end}") from None


class Pipe:
    """A pipe that a thread reads until `close`, even if other processes still have its end."""

    def __init__(self, copy: bool = False) -> None:
        self.start, self.end = os.pipe()
        self.mark, self.text, self.copy = os.urandom(16), bytearray(), copy
        self.thread = Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self) -> None:
        """Read up to the mark. It arrives whole: a pipe holds less than is read at once."""
        if sys.platform != "win32":  # they must interrupt the main thread
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        end = b""
        while not end:
            text, end, _ = os.read(self.start, 1 << 20).partition(self.mark)
            self.text += text
            if self.copy:
                with suppress(OSError):  # its reader may have ended
                    sys.stderr.buffer.write(text)
                    sys.stderr.flush()

    def close(self) -> bytes:
        """Return all that was written before."""
        os.write(self.end, self.mark)
        self.thread.join()
        os.close(self.start)
        os.close(self.end)
        return bytes(self.text)


def kill(process: "Popen[bytes]") -> None:
    """Kill the process group of a command that runs; on Windows, the processes below it."""
    with suppress(OSError):  # all of them have ended, or run as another user
        if sys.platform == "win32":
            taskkill = os.path.join(os.environ["SystemRoot"], "System32", "taskkill.exe")
            call([taskkill, "/T", "/F", "/PID", str(process.pid)], stdout=DEVNULL, stderr=DEVNULL)
        elif process.returncode is None:  # otherwise its number can be another process's
            os.killpg(process.pid, signal.SIGKILL)


def find(output: bytes, path: str, source: str, fix: str = "") -> Any:
    try:
        value = json.loads(output)
        for name in path.split("."):
            value = value[name]
        return value
    except (KeyError, TypeError):
        raise OtherError(f"{source} no field `{path}`{fix}") from None
    except (ValueError, RecursionError):  # `from None`: it has the output
        raise OtherError(f"{source} something other than JSON") from None


def single_line(text: "bytes | str", source: str) -> Secret:
    """Return the only line as a Secret, without its line end, which no header can carry."""
    try:
        token = Secret((text if isinstance(text, str) else text.decode("utf-8")).rstrip("\r\n"))
    except (UnicodeError, AttributeError):  # `from None`: it has the output
        raise OtherError(f"{source} a token that is not text") from None
    refuse_non_token(token)  # before its form is checked, and before it is encoded
    if not re.fullmatch(r"[^\r\n\ud800-\udfff]+", token.expose()):
        raise OtherError(f"{source} something other than one line of text: the token alone")
    return token


def basic(login: str, token: Secret) -> Secret:
    """Return the HTTP Basic form of a token."""
    if not re.fullmatch("[ -~]+", token.expose()):
        raise OtherError("the token contains a character that is not printable ASCII")
    pair = token.map(lambda value: f"{login}:{value}")
    return pair.map(lambda value: "Basic " + b64encode(value.encode("ascii")).decode())


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


def cache_control(
    options: "dict[str, str]", output: bytes, source: str, start: float
) -> cc.CacheControl:
    if "--ttl" in options:
        return CacheExpires(start + int(options["--ttl"]))
    option = "--expires" if "--expires" in options else "--expires-in"
    if option not in options:
        return cc.CacheSession()
    path = options[option]
    fix = f": if it prints no expiry, leave out {option}"
    value = find(output, path, source, fix)
    if value is None or value == "":
        return cc.CacheSession()
    try:
        return CacheExpires(seconds(value) + (start if option == "--expires-in" else 0))
    except (TypeError, ValueError, OverflowError):  # `from None`: it can have a token
        raise OtherError(f"the field `{path}` is not an expiry, as --help describes it") from None


def seconds(value: Any) -> float:
    """Return the number that a field holds. A time becomes Unix seconds."""
    found = TIME.match(value) if isinstance(value, str) else None
    if found:
        *digits, zone = found.groups()
        text = "".join(digits) + re.sub("[Zz]", "+0000", zone.replace(":", ""))
        return datetime.strptime(text, "%Y%m%d%H%M%S%z").timestamp()
    return float(value)


if __name__ == "__main__":
    cc.main(TokenFromCommand())
