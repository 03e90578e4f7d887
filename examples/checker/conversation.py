# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""What check_provider.py is built on: the problems it can report, its report, and conversations."""

import argparse
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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from typing import IO

    Answer = cc.CredentialResponse | cc.Error

LONGEST = 1000000  # bytes of output in one conversation
PIPE = 65536  # bytes that a pipe holds while the other end does not read


# ---- Explanations --------------------------------------------------------------------------

# A key, the level, and what the report says; below it, what Cargo 1.95 says, if anything, and a
# fix. A fix behind /a pattern/ is for what the pattern matches in standard error or in a message.
# %(name)s is a value of the case.
EXPLANATIONS = r"""
built-in FAIL `%(given)s` is built into Cargo
  Name a program: the checker cannot start what is built into Cargo.
missing FAIL `%(given)s` does not exist
  Cargo says "No such file or directory (os error 2)".
  /[/\\]/ Check the path.
  // Name the program by its absolute path: Cargo looks up a bare name on PATH.
directory FAIL it is a directory
  Name the program in it.
mode FAIL it is not executable
  Cargo says "Permission denied (os error 13)".
  Run: chmod +x %(path)s
shebang FAIL it has no shebang
  Cargo says "Exec format error (os error 8)".
  Name the interpreter in the script's first line: #!/usr/bin/env python3
mark FAIL it has no shebang, but a byte order mark
  Cargo says "Exec format error (os error 8)".
  Save the script as UTF-8 without a byte order mark.
crlf FAIL its first line ends with CR LF
  Save it with Unix line ends: the system looks for an interpreter with a CR in its name.
interpreter FAIL `%(given)s` is an interpreter
  Cargo says "failed to deserialize hello".
  Make the script executable and name it alone: Cargo runs `%(given)s --cargo-plugin`.
shadow warn `%(name)s` beside it shadows the standard module of that name
  Rename the file: Python imports it in place of its own.
start FAIL it cannot be started: %(error)s
  Cargo says "failed to spawn credential process".
  Check the interpreter that the first line names.
start-windows FAIL it cannot be started: %(error)s
  Name a .cmd or .exe file: on Windows, Cargo does not start scripts.

crash FAIL it %(how)s before its %(what)s
  Cargo says "failed to deserialize %(what)s" and "EOF while parsing a value at line 1 column 0".
  // Write one line for each request, an Err after an error, and exit only at the end of the input.
no-hello FAIL it %(how)s before its hello
  Cargo says "failed to deserialize hello" and "EOF while parsing a value at line 1 column 0".
  /No module named '?cargo_credential'?$/ Copy cargo_credential.py beside the script.
  /relative import|'__main__' is not a package/ Start the package through a script outside of it.
  /^\S*env: / Check the first line: PATH has no interpreter of that name.
  /^(\w+\.)*\w+(Error|Exception)\b/ Fix the exception: run the provider to see its traceback.
  // Write {"v":[1]} first: in Python, end the script with main(Provider()).
silent FAIL nothing on standard output in %(seconds)s s
  Flush standard output after each line: Cargo waits for ever. If it is slow, add --timeout.
unended FAIL no line end after %(shape)s in %(seconds)s s
  End the line and flush it: Cargo waits for ever.
endless FAIL more than %(size)s bytes without a line end
  Write one short line: Cargo reads on until the line ends.
flood FAIL %(size)s bytes after its last answer
  Write nothing after the answer: Cargo does not read it and waits for ever, since the pipe is full.
status FAIL it answers, but %(how)s
  Cargo says "credential process `%(path)s` failed with status %(status)s".
  Exit with status 0 after any answer, even an Err: otherwise Cargo drops the answer.
running FAIL it runs on %(seconds)s s after the end of its input
  Exit at the end of standard input: Cargo waits for ever.
unread FAIL it does not read the request
  Cargo says "failed to write to credential provider".
  Read the request before you answer.
noise warn %(size)s bytes
  Write nothing after an answer: Cargo ignores it, unless it sends a second request.

byte-order-mark FAIL its %(what)s begins with a byte order mark
  Cargo says "failed to deserialize %(what)s" and "expected value at line 1 column 1".
  Write UTF-8 without a byte order mark.
encoding FAIL its %(what)s is not UTF-8
  Cargo says "failed to read %(what)s from credential provider" and "did not contain valid UTF-8".
  Write UTF-8, whatever the locale is.
python-dict FAIL its %(what)s is not JSON: %(shape)s
  Cargo says "failed to deserialize %(what)s" and "at line 1 column 2".
  Write json.dumps(value): this is how Python prints a dict.
json FAIL its %(what)s is not JSON: %(shape)s
  Cargo says "failed to deserialize %(what)s".
  Write valid JSON on one line, not pretty-printed.
stray FAIL %(shape)s in place of its %(what)s
  Cargo says "failed to deserialize %(what)s" and "expected value at line 1 column 1".
  Print messages to standard error: standard output is for the protocol.
stray-value FAIL %(shape)s in place of its %(what)s
  Cargo says "failed to deserialize %(what)s".
  Print messages to standard error: standard output is for the protocol.
empty-line FAIL an empty line in place of its %(what)s
  Cargo says "failed to deserialize %(what)s" and "EOF while parsing a value at line 2 column 0".
  Write no empty lines.
bad-hello FAIL its hello is %(shape)s: %(error)s
  Cargo says "failed to deserialize hello".
  Write {"v":[1]} as the first line.
version FAIL it does not offer version 1 of the protocol
  Cargo says "credential provider supports protocol versions".
  Write {"v":[1]} as the first line.

envelope FAIL its answer is %(shape)s: %(error)s
  Cargo says "failed to deserialize response".
  Write {"Ok":{"kind":...}} or {"Err":{"kind":...}}.
underscore FAIL its answer is %(shape)s: %(error)s
  Cargo says "failed to deserialize response" and "missing field `operation_independent`".
  Spell `operation_independent` with an underscore: no other field has one.
missing-field FAIL its answer is %(shape)s: %(error)s
  Cargo says "failed to deserialize response" and "missing field `%(field)s`".
  Add the field: a get requires `token`, `cache` and `operation_independent`.
message FAIL its answer is %(shape)s: %(error)s
  Cargo says "failed to deserialize response" and "missing field `message`".
  Add a `message` to an Err of kind other; `caused-by`, a list of strings, is optional.
field-type FAIL its answer is %(shape)s: %(error)s
  Cargo says "failed to deserialize response".
  Write strings in double quotes, and true and false without: not null, not 1.
expiration FAIL its answer is %(shape)s: %(error)s
  Cargo says "failed to deserialize response".
  Write `expiration` as whole seconds since 1970: not a float, a string or milliseconds.
unknown-error FAIL an unknown kind of Err
  Cargo says "unknown error kind; try updating Cargo?".
  Use url-not-supported, not-found, operation-not-supported, or other with a message.
unexpected FAIL it answers %(what)s with %(kind)s
  Cargo says "credential provider produced unexpected response for".
  Answer with the kind of the request, or with an Err.

empty-token FAIL the token is empty
  Cargo says "token rejected for".
  Answer not-found if no token is stored.
line-break FAIL the token contains a line break
  Cargo says "token contains invalid characters" to publish.
  Remove it: in Cargo 1.95 a line break adds a header to reads, and 1.96 ends with an error.
characters FAIL the token contains a character that an HTTP header cannot carry
  Cargo says "token contains invalid characters" to publish.
  Use printable ASCII alone.
placeholder FAIL the token is a placeholder, a variable's name or a printed object
  Cargo says "token rejected for".
  Return the token itself: Secret has expose() for it, bytes have decode().
scheme warn the token has no scheme, as in `Bearer TOKEN`
  Cargo says "token rejected for" if the registry requires one; 1.96 adds a note about the scheme.
  Add the scheme that your registry documents, unless it takes the token alone.
cache warn a `cache` that Cargo does not know
  Use session, never or expires: Cargo treats any other as never and asks for each request.
expired warn a token that has expired or expires within a minute
  Return a fresh token: Cargo treats one as expired 60 seconds early and asks each time.
leak FAIL it shows the token
  Keep the token out of messages: Cargo passes them on to the terminal and the logs of CI.

not-served FAIL url-not-supported
  Cargo says "no credential providers could handle the request".
  Compare `registries`, or your own condition, with --index, including its `sparse+`.
no-get FAIL operation-not-supported
  Cargo says "requested operation not supported".
  Answer a get with a token: with cargo_credential.py, override `get`.
no-token warn not-found
  Cargo says "no token found for".
  Store a token first, or try a made-up one with --login and --yes.
failed FAIL other: %(message)s
  Cargo prints that message and ends.
  /\bget\(\) (takes|missing)/ Define get(self, registry, operation, args).
  /\blogin\(\) (takes|missing)/ Define login(self, registry, options, args).
  /\blogout\(\) (takes|missing)/ Define logout(self, registry, args).
  /registries must be|main takes/ Change the code as the message says.
  /has no attribute 'perform'/ Derive the class: class Provider(Credential).
  /EOF when reading a line/ Run the checker in a terminal: the provider reads a line.
  /must be a Secret/ Wrap the token: GetResponse(Secret(token)).
  /provider returned/ Return the response that the message names, or raise an Error.
  /tried to exit/ Raise NotFound or OtherError: do not exit before the answer.
  /token is empty/ Raise NotFound if no token is stored.
  /ends with a line break/ Strip the token: token.strip().
  /line break/ Return a token of one line.
  /(?i)(token|entry)\b.* not (in|found)/ Answer not-found if no token is stored.
  // Fix the cause. If it is an exception, CARGO_CREDENTIAL_TRACEBACK=1 shows where it comes from.
operation warn %(kind)s
  Cargo says "requested operation not supported".
  Return a token for this operation, too, if your users need it.
no-other warn %(kind)s, but %(first)s to read
  Store both tokens, if your users need both.
no-read warn %(kind)s, but %(first)s to read
  Return a token to read, too: `cargo publish` first requests one.
one-token warn another token to publish, but the one to read is said to be for all operations
  Add operation_independent=False: otherwise Cargo publishes with the token to read.
differs FAIL %(kind)s, but %(first)s to read
  Decide by the registry, not by the operation, whether to answer.
headers warn %(kind)s, but %(first)s with the headers of Cargo 1.95
  Compare the names of headers without case: Cargo 1.96 passes them on in lower case.
nameless warn %(kind)s, but %(first)s with the name
  Decide by the index URL: `cargo install --index URL` sends no name.

get-first warn it gives a token for a registry that does not exist
  Answer url-not-supported unless the index URL is yours: a clone's configuration can name any host.
operation-not-supported-first warn operation-not-supported before it looks at the URL
  Cargo says "requested operation not supported".
  Look at the URL first: as a global provider, yours ends the command for any other registry.
not-found-first warn not-found
  Answer url-not-supported for other registries, unless the provider serves all of them.
other-first warn other: %(message)s
  Answer url-not-supported: as a global provider, yours ends the command for any other registry.
later warn %(kinds)s
  Answer each request in one process as in a process of its own.
extra FAIL %(kind)s, but %(first)s without them
  Ignore fields that you do not know: a later Cargo may send them.
borrowed warn it refuses an argument with a quote or a backslash
  Known of the crate cargo-credential, rust-lang/cargo#13615: use no such argument.

no-place warn none: %(answers)s
  /a token/ --login replaces no token: first remove those of the provider, also one to publish.
  /^index/ Fix the problems above first.
  // Add --index URL --yes for a registry that it serves.
no-login warn operation-not-supported
  Leave out --login if the provider stores no tokens.
login FAIL %(kind)s
  Store the token and answer {"Ok":{"kind":"login"}}: in Python, return LoginResponse().
get FAIL %(kind)s
  Return the token of the last login, unless the provider exchanges what it stores.
logout FAIL %(kind)s
  Erase the token and answer {"Ok":{"kind":"logout"}}: in Python, return LogoutResponse().
logout-again warn %(kind)s
  Answer not-found if nothing is stored: Cargo then prints "not currently logged in to".
get-after-logout FAIL %(kind)s
  Erase the token where it is stored, and answer not-found.
"""


def read_explanations() -> "dict[str, tuple[str, str, list[str]]]":
    """The level, the text and the lines below it for each key."""
    problems: dict[str, tuple[str, str, list[str]]] = {}
    for paragraph in re.split(r"\n+(?! )", EXPLANATIONS.strip()):
        first, *below = paragraph.split("\n")
        key, level, text = first.split(" ", 2)
        problems[key] = (level, text, [line.strip() for line in below])
    return problems


PROBLEMS = read_explanations()


class Problem(Exception):
    """A row of PROBLEMS with its values; `text` chooses the fix."""

    def __init__(
        self, key: str, text: str = "", errors: "Sequence[str]" = (), **values: object
    ) -> None:
        self.level, first, below = PROBLEMS[key]
        self.text = first % values
        self.below: list[str] = []
        for line in below:
            pattern, slash, fix = line[1:].partition("/ ") if line[0] == "/" else ("", "", line)
            if re.search(pattern, text, re.MULTILINE):
                self.below.append(fix % values)
                if slash:
                    break  # the first fix that fits
        self.below += errors
        super().__init__(self.text)

    def as_warning(self, remedy: str) -> "Problem":
        """The same, with Cargo's view of it, after a request that Cargo does not send."""
        cargo = [line for line in self.below if line.startswith("Cargo says")]
        errors = [line for line in self.below if line.startswith("| ")]
        self.level, self.below = "warn", [*cargo, remedy, *errors]
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
    """How a text may spell tokens: whole, without the scheme, or escaped; the longest first."""
    found = {part.strip() for token in tokens for part in (token, token.partition(" ")[2])}
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
    text, program = errors.decode("utf-8", "replace"), os.path.basename(path)
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
        number, self.number = self.number, 0
        if number:
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
        self.nowhere = self.first = ""  # the first answers for NOWHERE and the user's registry
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
        self.provider, self.report = provider, provider.report
        command, pipe = [provider.path, "--cargo-plugin"], subprocess.PIPE
        try:
            self.process = subprocess.Popen(
                command, 0, None, pipe, pipe, pipe, cwd=provider.directory, env=provider.environment
            )
        except OSError as error:
            key = "start-windows" if os.name == "nt" else "start"
            raise Problem(key, error=os.strerror(error.errno or 0)) from None
        self.output: queue.Queue[bytes] = queue.Queue()
        self.rest, self.size, self.ended = b"", 0, False
        self.asked = self.unread = False
        self.errors = b""
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
            shown = f"exit status: {status}" if status > 0 else f"signal: {-status}"
            values = {"how": ending(status), "path": self.provider.path, "status": shown}
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


PLACEHOLDER = re.compile(
    r"(?:(?:bearer|basic|token)(?: +|$))?"  # a scheme, also without a token
    r"(?:[*.]*|none|null|undefined|.*redacted.*|.*\*{3}.*|b?'.*'|b?\".*\"|\{.*\}|<.*>|\$\{?\w+\}?)",
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
    if PLACEHOLDER.fullmatch(token):
        raise Problem("placeholder")
