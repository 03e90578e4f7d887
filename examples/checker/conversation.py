# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""What check_provider.py is built on: its report, conversations, and what can be a token."""

import argparse
import base64
import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import uuid

import cargo_credential as cc
from cargo_credential import GetAction, GetResponse, RegistryInfo
from checker.explanations import PROBLEMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from typing import IO

    Answer = cc.CredentialResponse | cc.Error

LONGEST = 1000000  # bytes of output in one conversation
PIPE = 65536  # bytes that a pipe holds while the other end does not read


# ---- Problems ------------------------------------------------------------------------------


class Problem(Exception):
    """A row of PROBLEMS with its values; `text` chooses the fix."""

    def __init__(
        self, key: str, text: str = "", errors: "Sequence[str]" = (), **values: object
    ) -> None:
        self.level, message, self.cargo, fixes = PROBLEMS[key]
        self.text = message % values
        self.cargo %= values
        self.fix = next((fix for pattern, fix in fixes if re.search(pattern, text, re.M)), "")
        self.fix %= values
        self.errors = list(errors)
        super().__init__(self.text)

    @property
    def below(self) -> "list[str]":
        return [line for line in (self.cargo, self.fix, *self.errors) if line]

    def as_warning(self, fix: str) -> "Problem":
        """The same, after a request that Cargo does not send."""
        self.level, self.fix = "warn", fix
        if not self.cargo.startswith("Cargo says"):
            self.cargo = ""
        return self


# ---- The report ----------------------------------------------------------------------------


class Report:
    """Prints lines without tokens, and counts the checks."""

    def __init__(self, transcript: bool) -> None:
        self.transcript = transcript
        self.counts = {"ok": 0, "warn": 0, "FAIL": 0}
        self.tokens: set[str] = set()  # all that were seen

    def write(self, line: str, most: int = LONGEST) -> None:
        for token in spellings(self.tokens):
            line = line.replace(token, "[REDACTED]")
        line = line if len(line) < most else line[:most] + "..."  # now no token is cut
        # ASCII alone: text from a provider must not inject terminal sequences
        print("".join([c if " " <= c <= "~" else ascii(c)[1:-1] for c in line]), flush=True)

    def check(self, name: str, function: "Callable[..., str]", *arguments: object) -> str:
        """Report what a function returns, or the Problem that it raises. Return the level."""
        level, below = "ok", []
        try:
            text = function(*arguments)
        except Problem as problem:
            level, text, below = problem.level, problem.text, problem.below
        self.counts[level] += 1
        self.write(f"{level:5} {name}: {text}", 300)
        for line in below:
            self.write("      " + line)
        return level

    def said(self, mark: str, text: str) -> None:
        if self.transcript:
            self.write(f"      {mark} {text}")


def spellings(tokens: "set[str]") -> "list[str]":
    """How a text may spell tokens: as a whole, without the scheme, decoded, or escaped."""
    found = {part.strip() for token in tokens for part in (token, token.partition(" ")[2])}
    pairs = {decode_basic(token) or "" for token in tokens}
    found |= pairs | {pair.partition(":")[2] for pair in pairs}
    found |= {escape(text)[1:-1] for text in found for escape in (repr, json.dumps)}
    return sorted([text for text in found if len(text) > 3], key=len, reverse=True)


WORDS = re.compile(  # of the protocol
    r"v|1|Ok|Err|kind|get|login|logout|token|cache|session|never|expires|expiration|message|other|"
    r"operation_independent|caused-by|url-not-supported|not-found|operation-not-supported"
)


def shape(line: bytes) -> str:
    """A line without its strings, each of which could be a token."""
    text = line[:200].decode("utf-8", "replace").strip()
    if not text.startswith(("{", "[")):
        return f"a line of {len(line.rstrip())} bytes"
    text = re.sub(r"[^\s{}\[\]:,\"']+", lambda m: m[0] if WORDS.fullmatch(m[0]) else "...", text)
    return f"`{text}`" if len(text) <= 60 and len(line) <= 200 else f"`{text[:60]}...`"


def about_errors(errors: bytes, path: str) -> "list[str]":
    """What the report may show of standard error: where Python failed, or how much there is."""
    text = errors.decode("utf-8", "replace")
    program = re.split(r"[/\\]", path)[-1]
    if program.lower().endswith((".cmd", ".bat", ".exe")):  # which start a script of that name
        program = program[:-4] + ".py"
    frames = re.findall(r'^ +File "(?:.*[/\\])?(.+)", line (\d+)', text, re.MULTILINE)
    lines = [number for name, number in frames if name == program]
    names = re.findall(r"^(?:\w+\.)*(\w+(?:Error|Exception|Exit|Interrupt))\b", text, re.MULTILINE)
    if lines and names:
        return [f"| {names[-1]} at line {lines[-1]} of {program}"]
    count = len([line for line in text.splitlines() if line.strip()])
    return [f"| lines on standard error: {count}; run the provider to read them"] if count else []


# ---- Signals -------------------------------------------------------------------------------


class Signals:
    """Ends the checker at a signal, but not while a process of the provider starts or ends."""

    held = False
    number = 0  # of the signal that came meanwhile

    def watch(self) -> None:
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self.receive)

    def receive(self, number: int, frame: object) -> None:
        self.number = number
        if not self.held:
            self.release()

    def release(self) -> None:
        self.held = False
        if self.number:
            number = self.number
            self.number = 0
            sys.exit(128 + number)


SIGNALS = Signals()


# ---- Conversations -------------------------------------------------------------------------


class Provider:
    """The program to check, and what it has answered."""

    def __init__(self, options: argparse.Namespace, report: Report, directory: str) -> None:
        self.given: str = options.provider  # as in Cargo's configuration
        self.path = os.path.abspath(self.given) if os.path.dirname(self.given) else self.given
        self.args: list[str] = options.args
        self.stores: bool = options.login
        self.timeout: float = options.timeout
        self.report = report
        self.directory = directory
        self.mark = uuid.uuid4().hex
        self.environment = dict(os.environ, CHECK_PROVIDER=self.mark)
        self.answers: list[tuple[RegistryInfo, Answer]] = []
        self.nowhere = ""  # the kind of the first answer for NOWHERE
        self.first = ""  # the kind of the first answer for the user's registry
        self.gets: list[tuple[str, GetResponse]] = []  # tokens by operation
        self.kinds: dict[tuple[str, str], str] = {}  # the first answer by index URL and operation
        self.place = RegistryInfo("")  # where --login stores a token
        self.errors: list[str] = []  # standard error of each process
        self.noise = 0  # bytes after an answer

    def line(self, registry: RegistryInfo, action: cc.Action, *more: str) -> str:
        return cc.CredentialRequest(1, registry, action, [*self.args, *more]).to_json()

    def ask(self, registry: RegistryInfo, *lines: str) -> "list[Answer]":
        """The answers to lines in one conversation, which must end well."""
        answers: list[Answer] = []
        try:
            with talk_to(self) as conversation:
                conversation.read_hello()
                for line in lines:
                    conversation.send(line)
                    answers.append(conversation.read_answer())
                conversation.end()
        finally:
            self.answers += [(registry, answer) for answer in answers]
        return answers

    def perform(self, registry: RegistryInfo, action: cc.Action) -> "Answer":
        """The answer to a request that Cargo sends: of its kind, or an Err."""
        answer = self.ask(registry, self.line(registry, action))[0]
        if isinstance(answer, cc.CredentialResponse) and answer.kind != action.kind:
            raise Problem("unexpected", what=f"a {action}", kind=answer.kind)
        return answer

    def get(self, registry: RegistryInfo, operation: cc.Operation) -> "Answer":
        answer = self.perform(registry, GetAction(operation))
        self.kinds.setdefault((registry.index_url, operation.kind), answer.kind)
        if isinstance(answer, GetResponse):
            self.gets.append((operation.kind, answer))
        return answer


@contextlib.contextmanager
def talk_to(provider: Provider) -> "Generator[Conversation, None, None]":
    """Start a process of the provider, and stop it after the block, whatever happens."""
    SIGNALS.held = True
    try:
        conversation = Conversation(provider)
        try:
            SIGNALS.release()
            yield conversation
        finally:
            SIGNALS.held = True
            conversation.stop()
    finally:
        SIGNALS.release()


class Conversation:
    """One process of the provider, run as Cargo runs it."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.report = provider.report
        command: list[str] | str = [provider.path, "--cargo-plugin"]
        if os.name == "nt":  # quoted as Cargo does: Python would leave `&` to cmd.exe
            command = f'"{provider.path}" --cargo-plugin'
        pipe = subprocess.PIPE
        try:
            self.process = subprocess.Popen(
                command, 0, None, pipe, pipe, pipe, cwd=provider.directory, env=provider.environment
            )
        except OSError as error:
            key = "start-windows" if os.name == "nt" else "start"
            raise Problem(key, error=os.strerror(error.errno or 0)) from None
        self.output: queue.Queue[bytes] = queue.Queue()
        self.rest = self.errors = b""
        self.size = 0
        self.ended = self.asked = self.unread = False
        streams = (self.process.stdout, self.add_output), (self.process.stderr, self.add_errors)
        self.threads = [threading.Thread(target=copy, args=pair, daemon=True) for pair in streams]
        for thread in self.threads:
            thread.start()

    def add_output(self, data: bytes) -> None:
        self.size += len(data)
        if self.size <= LONGEST or not data:
            self.output.put(data)
        else:
            with contextlib.suppress(ProcessLookupError):  # `wait` may have just seen its exit
                self.process.kill()  # it could fill the memory

    def add_errors(self, data: bytes) -> None:
        if len(self.errors) < LONGEST:
            self.errors += data

    def line(self, what: str) -> bytes:
        """The next line, or what there is of it at the end of the output."""
        end = time.monotonic() + self.provider.timeout
        while b"\n" not in self.rest and not self.ended:
            try:
                data = self.output.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                raise self.silence() from None
            self.ended = not data
            self.rest += data
            if time.monotonic() > end:
                raise self.silence()
        line, line_end, self.rest = self.rest.partition(b"\n")
        if not line_end and self.size > LONGEST:
            raise Problem("endless", size=LONGEST)
        if not line and not line_end:
            raise self.crash(what)
        return line

    def silence(self) -> Problem:
        values = {"seconds": f"{self.provider.timeout:g}", "shape": shape(self.rest)}
        return Problem("unended" if self.rest else "silent", "", self.about_errors(), **values)

    def crash(self, what: str) -> Problem:
        status = self.wait()
        how = "closed its output" if status is None else ending(status)
        text = self.errors.decode("utf-8", "replace")
        key = "no-hello" if what == "hello" else "crash"
        return Problem(key, text, self.about_errors(), how=how, what=what)

    def about_errors(self) -> "list[str]":
        return about_errors(self.errors, self.provider.path)

    def read_hello(self) -> None:
        line = self.line("hello")
        try:
            hello = cc.CredentialHello.from_json(line)
        except cc.ProtocolError as error:
            self.report.said("<", shape(line))
            raise explained(line, "hello", str(error)) from None
        self.report.said("<", hello.to_json()[:60])
        try:
            cc.negotiate_version(hello.v, [1])
        except cc.Error:
            raise Problem("version") from None

    def send(self, line: str) -> None:
        self.report.said(">", line)
        self.asked = True
        assert self.process.stdin
        try:
            self.process.stdin.write(line.encode("utf-8") + b"\n")
        except OSError:
            self.unread = True  # if it has ended, that says more

    def read_answer(self) -> "Answer":
        line = self.line("response")
        answer: Answer
        try:
            answer = cc.CredentialResponse.from_json(line)
        except cc.Error as error:
            answer = error
        except cc.ProtocolError as error:
            self.report.said("<", shape(line))
            raise explained(line, "response", str(error)) from None
        shown = answer
        if isinstance(answer, GetResponse):
            self.report.tokens.add(answer.token.expose())
            hidden = cc.Secret("[REDACTED]")
            shown = GetResponse(hidden, answer.cache, answer.operation_independent)
        self.report.said("<", shown.to_json())
        if isinstance(answer, cc.UnknownError):
            raise Problem("unknown-error")
        return answer

    def wait(self) -> "int | None":
        """Its exit status after the end of its input, None if it runs on."""
        assert self.process.stdin
        self.process.stdin.close()
        try:
            self.process.wait(self.provider.timeout)
        except subprocess.TimeoutExpired:
            return None
        for thread in self.threads:
            thread.join(0.5)  # longer only if it left a process with its output
        return self.process.returncode

    def end(self) -> None:
        """Wait for it to exit. Raises Problem if Cargo would not take its answer."""
        status = self.wait()
        while not self.output.empty():
            self.rest += self.output.get()
        extra = self.size if self.size > LONGEST else len(self.rest)
        if extra > PIPE:
            raise Problem("flood", size=extra)
        if status is None:
            raise Problem("running", "", self.about_errors(), seconds=f"{self.provider.timeout:g}")
        if status:
            values = {"how": ending(status), "path": self.provider.path, "status": in_cargo(status)}
            raise Problem("status", "", self.about_errors(), **values)
        if self.unread:
            raise Problem("unread")
        if self.asked:
            self.provider.noise = max(self.provider.noise, extra)

    def stop(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        for thread in self.threads:
            thread.join(0.2)
        self.provider.errors.append(self.errors.decode("utf-8", "backslashreplace"))
        for line in self.about_errors():
            self.report.said("!", line)


def copy(stream: "IO[bytes]", put: "Callable[[bytes], None]") -> None:
    with stream:
        for data in iter(lambda: os.read(stream.fileno(), 65536), b""):
            put(data)
    put(b"")


def ending(status: int) -> str:
    return f"exited with status {status}" if status >= 0 else f"was killed by signal {-status}"


def in_cargo(status: int) -> str:
    """An exit status as Cargo shows it."""
    if os.name == "nt":
        return f"exit code: {status:#x}" if status >= 1 << 31 else f"exit code: {status}"
    return f"exit status: {status}" if status >= 0 else f"signal: {-status}"


def explained(line: bytes, what: str, error: str) -> Problem:
    """The problem of a line that is not a hello or a response."""
    text = line.decode("utf-8", "replace").strip()
    missing = re.match(r"missing field `(?:\w+\.)?(\w+)`", error)
    values = {"what": what, "shape": shape(line), "field": missing.group(1) if missing else ""}
    if line.startswith(b"\xef\xbb\xbf"):
        key = "byte-order-mark"
    elif error == "not UTF-8" and "\ufffd" in text:
        key = "encoding"
    elif not text:
        key = "empty-line"
    elif not text.startswith(("{", "[")):  # Cargo reads some of these as a number or a name
        key = "stray-value" if text[0] in '"-0123456789tfn' else "stray"
    elif error.startswith("not "):
        key = "python-dict" if text.startswith("{'") and what == "response" else "json"
    else:
        key = "bad-hello" if what == "hello" else wrong_field(text, error, values["field"])
    if error.startswith("duplicate field"):
        error = "a duplicate field"  # its name comes from the provider
    return Problem(key, error=error, **values)


def wrong_field(text: str, error: str, missing: str) -> str:
    """The key for JSON that is not an answer."""
    if "expiration" in error:
        return "expiration"
    if '"operation-independent"' in text and missing:
        return "underscore"
    if missing in ("token", "cache", "operation_independent"):
        return "missing-field"
    if re.match("field `(token|cache|operation_independent)`", error):
        return "field-type"
    return "message" if missing == "message" else "envelope"


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


PLACEHOLDER = re.compile(  # what Python prints for an object, and a variable's name
    r"(?:(?:bearer|basic|token)(?: +|$))?"  # a scheme, also without a token
    r"(?:[*.]*|.*redacted.*|.*\*{3}.*|b'.*'|b\".*\"|\{\w*\}|\$\{?\w+\}?)",
    re.IGNORECASE | re.DOTALL,
)


def check_token(token: str) -> None:
    """Raise Problem for what Cargo cannot send, or a registry cannot accept."""
    if not token.strip():
        raise Problem("empty-token")
    if "\n" in token or "\r" in token:
        raise Problem("line-break")
    if re.search(r"[^\t -~]", token):
        raise Problem("characters")
    check_placeholder(token)
    if PLACEHOLDER.fullmatch(token):
        raise Problem("placeholder")
    if token.strip().lower().startswith("basic "):
        check_basic(token)


def check_placeholder(token: str) -> None:
    problem, _, fix = problem_of(token).partition(": ")
    if problem:
        raise Problem("not-a-token", problem, problem=problem, fix=fix[:1].upper() + fix[1:] + ".")


def check_basic(token: str) -> None:
    """Login and password, which `Basic` encodes, must be what a token without it must be."""
    pair = decode_basic(token)
    if pair is None or ":" not in pair:
        raise Problem("basic")
    if re.search("[^ -~]", pair):
        raise Problem("basic-characters")
    password = pair.partition(":")[2]
    if pair == ":":
        raise Problem("empty-token")
    check_placeholder(password)


def decode_basic(token: str) -> "str | None":
    """LOGIN:PASSWORD of a token with the scheme `Basic`, otherwise None."""
    scheme, _, word = token.strip().rpartition(" ")
    if scheme.strip().lower() != "basic":
        return None
    try:
        return base64.b64decode(word, validate=True).decode("utf-8", "replace")
    except ValueError:
        return None
