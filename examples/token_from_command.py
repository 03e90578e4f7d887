#!/usr/bin/env python3
r"""Runs a command that prints a token, for the registries that you name.

    token_from_command.py [OPTION]... COMMAND [ARG]...

    --host HOST        serve the indexes at https:// on this host (repeatable); write HOST:PORT for
                       another port than 443
    --index URL        serve the index with exactly this URL (repeatable)
    --scheme WORD      put `WORD ` before the token, as in --scheme Bearer
    --json FIELD       the output is JSON, with the token in this field (a.b: field b of field a)
    --expires FIELD    with --json: the field with the time when the token expires, in Unix seconds
                       or ISO 8601 with a time zone
    --expires-in FIELD with --json: the field with the seconds until the token expires
    --ttl SECONDS      the token expires after this many seconds
    --timeout SECONDS  stop the command after this many seconds; the timeout, Ctrl-C, SIGTERM and
                       SIGHUP also stop all that it started (on Windows, what still has its parent)

For any other registry, Cargo asks its next provider. Without --host and --index, every registry
gets the token, also one that the configuration of a cloned repository names. An index decides where
Cargo sends its token, so name no --host where others can publish files, as on a forge: use --index.
The index of crates.io is https://github.com/rust-lang/crates.io-index.

In each ARG, {index_url}, {host} and {name} become the registry's. All three come from the
configuration of the checkout: do not trust them. If one begins with `-`, or if a shell could read
it as more than text, the provider reports an error. The environment variables
CARGO_REGISTRY_INDEX_URL and CARGO_REGISTRY_NAME_OPT hold the index URL and the name unchanged.

The command can ask for a password on the terminal. Its output is never shown. This provider cannot
log in or out: see password_store.py for one that can. Cargo's own `cargo:token-from-stdout` has no
options, serves every registry, and keeps the carriage return of a line that ends as on Windows.

For AWS CodeArtifact, in .cargo/config.toml:

    [registries.corp]
    index = "sparse+https://DOMAIN-ACCOUNT.d.codeartifact.REGION.amazonaws.com/cargo/REPOSITORY/"
    credential-provider = ["/path/to/token_from_command.py",
        "--host", "DOMAIN-ACCOUNT.d.codeartifact.REGION.amazonaws.com",
        "--json", "authorizationToken", "--expires", "expiration",
        "aws", "codeartifact", "get-authorization-token", "--output", "json",
        "--domain", "DOMAIN", "--domain-owner", "ACCOUNT", "--region", "REGION"]

To try it without Cargo:

    echo '{"v":1,"registry":{"index-url":""},"kind":"get","operation":"read","args":["echo","x"]}' \
      | ./token_from_command.py
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import datetime
from typing import Any

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

from cargo_credential import (
    Action,
    CacheControl,
    CacheExpires,
    CacheSession,
    Credential,
    CredentialResponse,
    GetAction,
    GetResponse,
    OperationNotSupported,
    OtherError,
    RegistryInfo,
    Secret,
    UrlNotSupported,
    main,
)

OPTIONS = (
    "--host",
    "--index",
    "--scheme",
    "--json",
    "--expires",
    "--expires-in",
    "--ttl",
    "--timeout",
)
ISO_8601 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})([.,][0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:?[0-9]{2})\Z"
)
# Text that a command does not read as an option, and that a shell, also the one that runs a Windows
# .cmd file, reads as nothing but text. Some valid URLs do not match.
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@+=-]*\Z")


class TokenFromCommand(Credential):
    def perform(
        self, registry: RegistryInfo, action: Action, args: "list[str]"
    ) -> CredentialResponse:
        pairs, command = parse(args)
        if not is_served(registry, pairs):
            raise UrlNotSupported  # Cargo asks its next provider
        if not isinstance(action, GetAction):
            # Cargo reports it and ends. After UrlNotSupported, the next provider would store a
            # token that Cargo never uses, because Cargo asks this provider first.
            raise OperationNotSupported
        options = dict(pairs)
        start = time.time()
        output = run(fill_in(command, registry), environment_of(registry), options.get("--timeout"))
        document = read_json(output, command[0]) if "--json" in options else None
        text = find(document, options["--json"], command[0]) if "--json" in options else output
        token = single_line(text, command[0])
        if "--scheme" in options:
            token = token.map(lambda value: f"{options['--scheme']} {value}")
        # Cargo keeps the token for all operations of this run. It asks again one minute before the
        # token expires.
        return GetResponse(token, cache_control(options, document, start, command[0]))


def parse(args: "list[str]") -> "tuple[list[tuple[str, str]], list[str]]":
    """The options with their values, and the command."""
    pairs: list[tuple[str, str]] = []
    rest = list(args)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option == "--":
            break
        if option not in OPTIONS:
            raise OtherError(
                f"unknown option {option!r}: before the command, there are {', '.join(OPTIONS)}"
            )
        if not rest:
            raise OtherError(f"{option} needs a value after it")
        pairs.append((option, rest.pop(0)))
    if not rest:
        raise OtherError("the command is missing: name one that prints a token, after the options")
    # The current directory can be a cloned repository, with a program of its author.
    if os.path.dirname(rest[0]) and not os.path.isabs(rest[0]):
        raise OtherError(f"`{rest[0]}` is a relative path: name the command's whole path")
    for option, value in pairs:
        check_registry(option, value)
    check(dict(pairs))
    return pairs, rest


def check_registry(option: str, value: str) -> None:
    """Report a --host or --index that serves no registry at all, or another than it seems to."""
    if option == "--host" and not RegistryInfo(f"https://{value}/").matches(value):
        raise OtherError(f"--host takes a host, as in crates.corp.example, not {value!r}")
    if option == "--index" and "://" not in value:
        raise OtherError(f"--index takes the whole URL of an index, not {value!r}")


def check(options: "dict[str, str]") -> None:
    for option in ("--ttl", "--timeout"):
        if not re.match(r"[0-9]{1,7}\Z", options.get(option, "0")):
            raise OtherError(f"{option} takes whole seconds, not {options[option]!r}")
    lives = [option for option in ("--expires", "--expires-in", "--ttl") if option in options]
    if len(lives) > 1:
        raise OtherError(f"{' and '.join(lives)} say the same in two ways: leave one")
    if lives and lives != ["--ttl"] and "--json" not in options:
        raise OtherError(
            f"{lives[0]} names a field of JSON: name that of the token with --json, too"
        )


def is_served(registry: RegistryInfo, pairs: "list[tuple[str, str]]") -> bool:
    registries = [value for option, value in pairs if option in ("--host", "--index")]
    return not registries or registry.matches(*registries)


def fill_in(command: "list[str]", registry: RegistryInfo) -> "list[str]":
    """Return the command with the registry's values in its arguments, each replaced once."""
    values = {"index_url": registry.index_url, "host": registry.host, "name": registry.name}

    def value_of(found: "re.Match[str]") -> str:
        name = found.group(1)
        value = values[name]
        if value is None:
            raise OtherError(f"this registry has no {name} to put in place of {{{name}}}")
        if not PLAIN.match(value):
            raise OtherError(
                f"this registry's {name} could be more than text in place of {{{name}}}:"
                " let the command read it from its environment instead"
            )
        return value

    words = [re.sub(r"\{(index_url|host|name)\}", value_of, word) for word in command[1:]]
    return [command[0], *words]  # the registry has no influence on which program runs


def environment_of(registry: RegistryInfo) -> "dict[str, str]":
    environment = dict(os.environ, CARGO_REGISTRY_INDEX_URL=registry.index_url)
    environment.pop("CARGO_REGISTRY_NAME_OPT", None)  # another registry's
    if registry.name is not None:
        environment["CARGO_REGISTRY_NAME_OPT"] = registry.name
    return environment


def run(command: "list[str]", environment: "dict[str, str]", timeout: "str | None") -> bytes:
    """Return what a command prints. Its standard input and error are this process's: the terminal,
    where it can ask for a password, and Cargo's standard error."""
    try:
        if timeout is None:
            done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=False)
            status, output = done.returncode, done.stdout
        else:
            status, output = run_for(int(timeout), command, environment)
    except OSError as error:
        raise OtherError(f"cannot run `{command[0]}`", [os.strerror(error.errno or 0)]) from None
    except subprocess.TimeoutExpired:  # `from None`: it has the output so far
        raise OtherError(f"`{command[0]}` took longer than {timeout} s, and was stopped") from None
    if status < 0:
        raise OtherError(f"`{command[0]}` was ended by signal {-status}")
    if status > 0:
        raise OtherError(f"`{command[0]}` failed with status {status}")
    return output


def run_for(
    seconds: int, command: "list[str]", environment: "dict[str, str]"
) -> "tuple[int, bytes]":
    """Return the exit status and the output of a command that may take this many seconds.

    If it takes longer, or if a signal ends this process first, the command is stopped together
    with everything that it started.
    """
    job = Job()
    try:
        process = job.start(command, environment)
        output, _ = process.communicate(timeout=seconds)
        job.check()
        return process.returncode, output
    except BaseException:
        job.stop()
        raise
    finally:
        job.close()


if sys.platform == "win32":

    class Job:
        """A command, and the processes that are its children as long as it runs."""

        def __init__(self) -> None:
            self._process: subprocess.Popen[bytes] | None = None

        def start(
            self, command: "list[str]", environment: "dict[str, str]"
        ) -> "subprocess.Popen[bytes]":
            self._process = process = subprocess.Popen(
                command, stdout=subprocess.PIPE, env=environment
            )
            return process

        def check(self) -> None:
            """Nothing to do: Windows sends Ctrl-C to every process of the console."""

        def stop(self) -> None:
            """Kill the command and its children."""
            if self._process is None:
                return
            system = os.environ.get("SystemRoot", r"C:\Windows")
            program = os.path.join(system, "System32", "taskkill.exe")
            words = [program, "/T", "/F", "/PID", str(self._process.pid)]
            try:
                subprocess.call(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                self._process.kill()
            except OSError:
                pass  # taskkill is missing, or the command has ended
            # Its standard output stays open: to close it could wait for a process that is left.

        def close(self) -> None:
            """Nothing to do."""

else:

    class Job:
        """A command in a process group of its own, like a job of a shell.

        A whole group can be killed. Only one group can read from the terminal, and that group
        gets its Ctrl-C. So the command's group gets the terminal, and a Ctrl-C that ends the
        command is passed on to the group of this process, which is Cargo's.
        """

        ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)

        def __init__(self) -> None:
            self._process: subprocess.Popen[bytes] | None = None
            self._handlers: dict[int, Any] = {}
            self._has_terminal = has_terminal()

        def start(
            self, command: "list[str]", environment: "dict[str, str]"
        ) -> "subprocess.Popen[bytes]":
            # A signal that arrives before there is a process to stop waits.
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGCHLD, *self.ENDING))
            try:
                self._process = process = subprocess.Popen(
                    command,
                    stdout=subprocess.PIPE,
                    env=environment,
                    preexec_fn=lambda: self._before_command(mask),  # noqa: PLW1509 (no threads)
                )
                for number in (signal.SIGCHLD, *self.ENDING):
                    if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it
                        self._handlers[number] = signal.signal(number, self._on_signal)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            return process

        def _before_command(self, mask: Any) -> None:
            """Prepare the process that becomes the command."""
            os.setpgid(0, 0)
            if self._has_terminal:
                give_terminal(os.getpid())
                # Ctrl-Z would stop the command alone, and Cargo would wait for it.
                signal.signal(signal.SIGTSTP, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

        def _on_signal(self, number: int, frame: object) -> None:
            if number == signal.SIGCHLD:
                self.check()
            else:
                self.stop()
                self.close()
                os.kill(os.getpid(), number)

        def check(self) -> None:
            """If the terminal's signal ended the command, send it to Cargo and this process, too.

            A process that the command started can ignore the signal, and keep the output open.
            """
            number = self._ended_by()
            if self._has_terminal and number in self.FROM_TERMINAL:
                self.stop()
                self.close()
                os.killpg(os.getpgrp(), number)
                raise KeyboardInterrupt

        def _ended_by(self) -> int:
            """Return the number of the signal that ended the command, or 0."""
            process = self._process
            if process is None:
                return 0
            if process.returncode is not None:
                return -process.returncode
            if not hasattr(os, "waitid"):  # macOS, before Python 3.13
                return 0
            # WNOWAIT: `stop` needs the number of the group, which a `wait` would make free.
            options = os.WEXITED | os.WNOHANG | os.WNOWAIT
            try:
                found = os.waitid(os.P_PID, process.pid, options)
            except ChildProcessError:
                return 0  # this interrupts a `wait` that has its status already
            return found.si_status if found and found.si_code != os.CLD_EXITED else 0

        def stop(self) -> None:
            """Kill the command and everything that it started."""
            process = self._process
            if process is None:
                return
            try:
                os.killpg(process.pid, signal.SIGKILL)
                process.kill()
            except OSError:
                pass  # they have ended, or run as another user
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                pass
            if process.stdout:
                process.stdout.close()

        def close(self) -> None:
            """Take the terminal back, and put the signals' handlers back."""
            if self._has_terminal:
                self._has_terminal = False
                give_terminal(os.getpgrp())
            while self._handlers:
                signal.signal(*self._handlers.popitem())

    def has_terminal() -> bool:
        """Return whether this is a job in the foreground of a terminal: no other may take it."""
        try:
            return os.tcgetpgrp(0) == os.getpgrp()
        except OSError:
            return False

    def give_terminal(group: int) -> None:
        """Make this the process group that reads from the terminal and gets its Ctrl-C."""
        before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # it stops a background process
        try:
            os.tcsetpgrp(0, group)
        except OSError:
            pass  # the terminal is gone
        signal.signal(signal.SIGTTOU, before)


def read_json(output: bytes, command: str) -> Any:
    try:
        return json.loads(output)
    except (ValueError, RecursionError):  # `from None`: it has the output
        raise OtherError(f"what `{command}` printed is not JSON") from None


def find(document: Any, path: str, command: str) -> Any:
    try:
        for name in path.split("."):
            document = document[name]
    except (KeyError, TypeError):
        raise OtherError(f"what `{command}` printed has no field `{path}`") from None
    return document


def single_line(text: "bytes | str", command: str) -> Secret:
    """Return the only line as a Secret, without its line end, which no header can carry."""
    try:
        token = Secret((text.decode("utf-8") if isinstance(text, bytes) else text).rstrip("\r\n"))
    except (UnicodeDecodeError, AttributeError):  # `from None`: it has the output
        raise OtherError(f"the token that `{command}` printed is not text") from None
    if token.is_empty():
        raise OtherError(f"`{command}` printed no token")
    if re.search(r"[\r\n]", token.expose()):
        raise OtherError(f"`{command}` printed more than one line: it must print the token alone")
    return token


def cache_control(
    options: "dict[str, str]", document: Any, start: float, command: str
) -> CacheControl:
    if "--ttl" in options:
        return CacheExpires(start + int(options["--ttl"]))  # no later than the real expiry
    path = options.get("--expires", options.get("--expires-in"))
    if path is None:
        return CacheSession()
    value = find(document, path, command)
    try:
        if "--expires-in" in options:
            return CacheExpires(start + float(value))
        return CacheExpires(moment(value))
    except (TypeError, ValueError, OverflowError):  # `from None`: a wrong field may hold a token
        kind = (
            "seconds" if "--expires-in" in options else "Unix seconds, or ISO 8601 with a time zone"
        )
        raise OtherError(f"the field `{path}` that `{command}` printed must be {kind}") from None


def moment(value: Any) -> Any:
    """Return a time that CacheExpires accepts. `%z` of Python 3.6 reads neither Z nor a colon."""
    if not isinstance(value, str):
        return value
    if value.isdigit():
        return int(value)
    found = ISO_8601.match(value)
    if not found:
        raise ValueError
    date, clock, _, zone = found.groups()
    zone = zone.upper().replace("Z", "+0000").replace(":", "")
    return datetime.strptime(f"{date} {clock} {zone}", "%Y-%m-%d %H:%M:%S %z")


if __name__ == "__main__":
    main(TokenFromCommand())
