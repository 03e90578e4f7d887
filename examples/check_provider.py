#!/usr/bin/env python3
"""Holds a credential provider, in any language, against Cargo's protocol, and says what is wrong.

    check_provider.py [--login] [--timeout SECONDS] [--transcript] PROVIDER [ARG...]

PROVIDER and the ARGs are what `credential-provider = ["PROVIDER", "ARG"]` lists. The provider runs
as Cargo runs it, but in a directory that is empty at first and removed at the end. It is asked what
changes nothing: for a registry that does not exist. With --login it also stores, replaces and erases
a made-up token there or, if it does not serve that but crates.io, and has no token for any operation
on it, for crates.io. Use --login only with a provider that holds no token you need: one that mixes
up its registries cannot be told apart from outside.

Each check is a line, `ok`, `warn` or `FAIL`; below it, what Cargo would say, and how to mend it. The
status is 0 without a FAIL. --transcript shows the conversations, without tokens. What is not seen
here: the tokens of a provider that serves certain hosts alone. A provider that does not end is
stopped, but not the processes that it started.

This is no provider: there is nothing to configure. Try it:

    ./check_provider.py --login ../cargo_credential.py --example-file
"""

import argparse
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

from cargo_credential import (
    Action,
    CacheControl,
    CacheExpires,
    CacheUnknown,
    CredentialHello,
    CredentialRequest,
    CredentialResponse,
    Error,
    GetAction,
    GetResponse,
    LoginAction,
    LoginOptions,
    LogoutAction,
    Operation,
    OwnersOperation,
    ProtocolError,
    PublishOperation,
    ReadOperation,
    RegistryInfo,
    Secret,
    UnknownError,
    UnyankOperation,
    YankOperation,
    negotiate_version,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO, Any

NOBODY = RegistryInfo("sparse+https://check-provider.invalid/index/", "check-provider")
CRATES_IO = RegistryInfo("https://github.com/rust-lang/crates.io-index", "crates-io")
STDERR = "Write messages to standard error: standard output is for the protocol alone."
READ = GetAction(ReadOperation())
OTHERS: "list[Operation]" = [
    PublishOperation("check-provider", "1.0.0", "0" * 64),
    YankOperation("check-provider", "1.0.0"),
    UnyankOperation("check-provider", "1.0.0"),
    OwnersOperation("check-provider"),
]


class Fault(Exception):
    """Something wrong: what, and how to mend it."""

    def __init__(self, text: str, fix: str, level: str = "FAIL") -> None:
        super().__init__(text)
        self.text, self.fix, self.level = text, fix, level


class Session:
    """One process of the provider, with all that it says."""

    def __init__(self, checker: "Checker") -> None:
        self.checker = checker
        pipe = subprocess.PIPE
        command = [checker.path, "--cargo-plugin"]
        self.process = subprocess.Popen(
            command, cwd=checker.directory, stdin=pipe, stdout=pipe, stderr=pipe
        )
        self.output: queue.Queue[bytes] = queue.Queue()
        self.rest, self.errors, self.ended, self.unread = b"", b"", False, ""
        self.threads = [
            threading.Thread(target=self.copy, args=arguments, daemon=True)
            for arguments in (
                (self.process.stdout, self.output.put),
                (self.process.stderr, self.add_errors),
            )
        ]
        for thread in self.threads:
            thread.start()

    def add_errors(self, data: bytes) -> None:
        self.errors += data

    @staticmethod
    def copy(stream: "IO[bytes]", put: "Callable[[bytes], None]") -> None:
        with stream:
            for data in iter(lambda: os.read(stream.fileno(), 65536), b""):
                put(data)
        put(b"")

    def line(self) -> bytes:
        """The next line; what there is of it at the end of the output."""
        end = time.monotonic() + self.checker.timeout
        while b"\n" not in self.rest and not self.ended:
            try:
                data = self.output.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                raise self.silence() from None
            self.ended = not data
            self.rest += data
            if time.monotonic() > end or len(self.rest) > 10000000:
                raise self.silence()
        line, line_end, self.rest = self.rest.partition(b"\n")
        self.checker.log("<", line)
        return line + line_end

    def silence(self) -> Fault:
        seconds = f"{self.checker.timeout:g} s"
        if self.rest:
            text = f"no line end after {self.checker.shown(self.rest)} in {seconds}"
            return Fault(text, "Cargo waits for ever. End the line, and flush it.")
        fix = "Cargo waits for ever. Flush each line: a pipe is buffered in most languages."
        return Fault(f"nothing on standard output in {seconds}", fix + self.shown_errors())

    def shown_errors(self) -> str:
        """The last lines of its standard error."""
        lines = self.checker.redacted(self.errors, "\n").split("\n")
        return "".join([f"\n| {line}" for line in lines[-9:] if line])

    def send(self, line: str) -> None:
        self.checker.log(">", line.encode("utf-8"))
        threading.Thread(target=self.write, args=(line,), daemon=True).start()

    def write(self, line: str) -> None:
        try:
            self.stdin.write(line.encode("utf-8") + b"\n")
            self.stdin.flush()
        except (OSError, ValueError) as error:
            self.unread = str(error)

    @property
    def stdin(self) -> "IO[bytes]":
        assert self.process.stdin
        return self.process.stdin

    def finish(self) -> "int | None":
        """Its exit status at the end of its input, or None if it goes on."""
        try:
            self.stdin.close()
        except OSError:
            pass
        try:
            status = self.process.wait(self.checker.timeout)
        except subprocess.TimeoutExpired:
            return None
        finally:
            self.process.kill()
            self.process.wait()
            for thread in self.threads:
                thread.join(0.2)
            self.checker.heard(self.errors)
        return status


def spellings(tokens: "set[str]") -> "list[str]":
    """How texts may show tokens: whole, without the scheme, or escaped; the longest first."""
    found = {part.strip() for token in tokens for part in (token, token.partition(" ")[2])}
    found |= {escape(text)[1:-1] for text in found for escape in (repr, json.dumps)}
    return sorted([text for text in found if len(text) > 3], key=len, reverse=True)


def described(status: int) -> str:
    return f"exited with status {status}" if status >= 0 else f"was killed by signal {-status}"


class Checker:
    def __init__(self, options: argparse.Namespace, directory: str) -> None:
        self.given: str = options.provider
        self.args: list[str] = options.args
        self.path = self.given
        if os.path.dirname(self.given):
            self.path = os.path.abspath(self.given)
        self.timeout, self.transcript = options.timeout, options.transcript
        self.directory = directory
        self.login_too = options.login
        self.tokens: set[str] = set()  # all that were seen, to keep them out of the report
        self.caches: list[CacheControl] = []  # of all tokens
        self.counts = {"ok": 0, "warn": 0, "FAIL": 0}
        self.leaked = False
        self.first: CredentialResponse | Error = Error()
        self.registry = NOBODY

    def log(self, mark: str, data: bytes) -> None:
        data = data.rstrip(b"\r\n")
        text = self.redacted(data) if mark != "<" or data.startswith(b"{") else self.shown(data)
        if self.transcript:
            print(f"      {mark} {text}")

    def heard(self, errors: bytes) -> None:
        """Look for tokens on standard error, and log it."""
        text = errors.decode("utf-8", "backslashreplace")
        self.leaked |= any(token in text for token in spellings(self.tokens))
        if self.transcript and errors:
            for line in self.redacted(errors, "\n").rstrip("\n").split("\n"):
                print(f"      ! {line}")

    def redacted(self, data: bytes, kept: str = "") -> str:
        """Text without tokens, which are remembered, and without what could steer a terminal."""
        text = data.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
        for found in re.finditer(r"""token['"]\s*:\s*(["'])((?:(?!\1)[^\\]|\\.)+)""", text):
            self.tokens.add(found.group(2))
        for token in spellings(self.tokens):
            text = text.replace(token, "[REDACTED]")
        return "".join([c if c in kept or " " <= c <= "~" else ascii(c)[1:-1] for c in text])

    def shown(self, data: bytes) -> str:
        """A line in short. What is no JSON, and has no spaces, could be a bare token."""
        text = self.redacted(data.strip())
        if not text.startswith(("{", "[")) and len(text.partition(" ")[0]) > 8:
            return f"a line of {len(text)} characters"
        return f"`{text}`" if len(text) <= 60 else f"`{text[:60]}...`"

    def report(self, level: str, name: str, text: str, fix: str = "") -> None:
        self.counts[level] += 1
        for line in [f"{level:5} {name}: {text}"] + ["      " + line for line in fix.split("\n") if fix]:
            print(line.encode("ascii", "backslashreplace").decode("ascii"))

    def check(self, name: str, function: "Callable[..., str]", *arguments: str) -> bool:
        """Report what a function returns as ok, or the Fault that it raises; False for a FAIL."""
        try:
            self.report("ok", name, function(*arguments))
        except Fault as fault:
            self.report(fault.level, name, fault.text, fault.fix)
            return fault.level != "FAIL"
        return True

    # -- conversations

    def start(self) -> Session:
        """A process that has said a good hello."""
        try:
            session = Session(self)
        except OSError as error:
            fix = "Is the interpreter in its first line there?"
            if os.name == "nt":
                fix = "On Windows Cargo starts programs, not scripts: name a .cmd or .exe."
            raise Fault(f"it cannot be started: {error}", fix) from None
        try:
            self.read_hello(session, session.line())
        except BaseException:
            session.finish()
            raise
        return session

    def read_hello(self, session: Session, line: bytes) -> None:
        if not line:
            raise self.crash(session, "hello")
        try:
            hello = CredentialHello.from_json(line)
        except ProtocolError as error:
            fix = explain(line, "hello", str(error))
            raise Fault(f"{self.shown(line)} is no hello: {error}", fix) from None
        try:
            negotiate_version(hello.v, [1])
        except Error as error:
            raise Fault(f"no version 1 in {hello.v}", f'Cargo says "{error}".') from None

    def crash(self, session: Session, what: str) -> Fault:
        status = session.finish()
        how = "closed its output" if status is None else described(status)
        fix = f'Cargo says "failed to deserialize {what}" and "EOF while parsing a value at line 1'
        return Fault(f"it {how} before its {what}", fix + ' column 0".' + session.shown_errors())

    def ask(self, *lines: str) -> "list[CredentialResponse | Error]":
        """The answers to lines in one session, which must end well."""
        session = self.start()
        answers: list[CredentialResponse | Error] = []
        try:
            for line in lines:
                session.send(line)
                answer = session.line()
                if not answer:
                    raise self.crash(session, "response")
                answers.append(self.read_answer(answer))
        except BaseException:
            session.finish()
            raise
        self.check_end(session, session.finish())
        return answers

    def read_answer(self, line: bytes) -> "CredentialResponse | Error":
        try:
            response = CredentialResponse.from_json(line)
        except UnknownError as error:
            kinds = "url-not-supported, not-found, operation-not-supported and other"
            raise Fault("an unknown kind of Err", f'Cargo says "{error}". There are {kinds}.') from None
        except Error as error:
            return error
        except ProtocolError as error:
            fix = explain(line, "response", str(error))
            raise Fault(f"{self.shown(line)} is no answer: {error}", fix) from None
        if isinstance(response, GetResponse):
            self.tokens.add(response.token.expose())
            self.caches.append(response.cache)
            try:
                response.to_json()
            except ValueError as error:
                fix = "Give printable ASCII alone: a line break, say, adds a header to Cargo's requests."
                raise Fault(str(error), fix) from None
        return response

    def check_end(self, session: Session, status: "int | None") -> None:
        if status is None:
            raise Fault(
                f"it goes on {self.timeout:g} s after the end of its input",
                "Cargo waits for ever for it to exit. End at the end of standard input.",
            )
        if status:
            shown = f"exit status: {status}" if status > 0 else f"signal: {-status}"
            raise Fault(
                f"it answers, but {described(status)}",
                f'Cargo says "credential process `{self.given}` failed with status {shown}", and'
                " the answer\nis lost, even an Err. Exit with status 0 after any answer."
                + session.shown_errors(),
            )
        if session.unread:
            fix = 'Cargo says "failed to write to credential provider". Read the request before you answer.'
            raise Fault("it does not read the request", fix)

    # -- the checks

    def program(self) -> str:
        path: str | None = self.path if os.path.dirname(self.path) else shutil.which(self.path)
        if path is None or not os.path.exists(path):
            raise Fault(
                f"there is no `{self.given}`",
                'Cargo says "No such file or directory (os error 2)". Name the program by its whole'
                " path;\na bare name is looked up on PATH.",
            )
        if os.path.isdir(path) or not os.access(path, os.X_OK):
            fix = f'Cargo says "Permission denied (os error 13)". Run: chmod +x {path}'
            raise Fault("it is not executable", fix)
        with open(path, "rb") as file:
            first = file.readline(200)
        if os.name == "posix" and b"\0" not in first and not first.startswith(b"\x7fELF"):
            self.check_first_line(first)
        self.check_place(path, first)
        return path

    def check_first_line(self, first: bytes) -> None:
        if not first.startswith(b"#!"):
            raise Fault(
                "it has no shebang" + (", but a byte order mark" if first[:3] == BOM else ""),
                'Cargo says "Exec format error (os error 8)". The first line of a script names its'
                " interpreter:\n#!/usr/bin/env python3",
            )
        if first.endswith(b"\r\n"):
            fix = "The interpreter is then looked for under a name with a CR: save it with Unix line ends."
            raise Fault("its first line ends with CR LF", fix)

    def check_place(self, path: str, first: bytes) -> None:
        """What can go wrong with where it is, and what it is called."""
        interpreters = ("python", "pypy", "node", "nodejs", "ruby", "perl", "bash", "sh", "env")
        if os.path.basename(path).rstrip("0123456789.") in interpreters:
            raise Fault(
                f"`{self.given}` is an interpreter",
                f"Cargo runs `{self.given} --cargo-plugin`, without the script. Make the script"
                " executable,\nwith a shebang, and name it alone.",
            )
        directory = os.path.dirname(os.path.realpath(path))
        if (b"python" in first or b"pypy" in first) and not re.search(rb" -\w*[IP]", first):
            library = os.listdir(os.path.dirname(os.__file__))
            standard = getattr(sys, "stdlib_module_names", {name.partition(".")[0] for name in library})
            standard = standard - {"__pycache__"}
            for name in sorted(os.listdir(directory)):
                module, ending = os.path.splitext(name)
                if module in standard and (ending == ".py" or os.path.isdir(os.path.join(directory, name))):
                    raise Fault(
                        f"`{name}` beside it shadows the standard module of that name",
                        "Rename it: a script imports what lies beside it first, and so does all"
                        " that it imports.",
                        "warn",
                    )
        if os.path.dirname(self.given) and not os.path.isabs(self.given):
            raise Fault(
                f"`{self.given}` is a relative path",
                "Cargo takes it from the directory that holds the `.cargo/` with the configuration:"
                " name the whole path.",
                "warn",
            )

    def hello(self) -> str:
        self.start().finish()
        return "it offers protocol version 1"

    def end_of_input(self) -> str:
        session = self.start()
        try:
            self.check_end(session, session.finish())
        except Fault as fault:
            text = fault.text.replace("it answers, but ", "it ")
            fix = "Cargo always asks before it closes the pipe, but a provider is to end well then, too."
            raise Fault(text, fix + session.shown_errors(), "warn") from None
        return "it ends"

    def request(self, action: Action, registry: RegistryInfo = NOBODY, *more: str) -> str:
        return CredentialRequest(1, registry, action, [*self.args, *more]).to_json()

    def unknown_registry(self) -> str:
        (self.first,) = self.ask(self.request(READ))
        kind = self.first.kind
        if kind == "get":
            raise Fault(
                "it gives a token to a host that nobody knows",
                "A cloned repository's .cargo/config.toml can name any host. Unless this provider is"
                " configured\nfor one registry alone: compare the host, and say url-not-supported.",
                "warn",
            )
        if kind == "operation-not-supported":
            raise Fault(
                "operation-not-supported before looking at the URL",
                'Cargo says "requested operation not supported", and asks no other provider. Say'
                " url-not-supported\nfor a registry that is not yours before you look at the action.",
                "warn",
            )
        if kind == "not-found" and not self.login_too:
            raise Fault(
                "not-found",
                "Right for a provider of all registries. One for certain hosts should say"
                " url-not-supported of others,\nwhich lets Cargo go on to the next provider, at a login"
                " as well.",
                "warn",
            )
        if isinstance(self.first, CredentialResponse):
            raise self.unexpected("a get", self.first, "FAIL")
        return self.told(self.first)

    def told(self, answer: "CredentialResponse | Error") -> str:
        if answer.kind != "other":
            return answer.kind
        text = self.redacted(str(answer).encode("utf-8", "backslashreplace"))
        return "other: " + (text if len(text) < 200 else text[:200] + "...")

    def unexpected(self, what: str, answer: CredentialResponse, level: str = "warn") -> Fault:
        text = f"it answers {what} with {answer.kind}"
        fix = (
            'Cargo says "credential provider produced unexpected response for". Answer with the kind'
            " that was asked,\nor with an Err, such as operation-not-supported."
        )
        return Fault(text, fix, level)

    def unknown_kind(self) -> str:
        line = self.request(LogoutAction()).replace('"kind":"logout"', '"kind":"check-provider"')
        (answer,) = self.ask(line)
        if isinstance(answer, CredentialResponse):
            raise self.unexpected("an unknown kind", answer)
        if answer.kind == "operation-not-supported" and self.first.kind == "url-not-supported":
            raise Fault(
                "operation-not-supported before looking at the URL",
                "Configured globally, that ends `cargo logout` and the like for every other registry:"
                " look at the URL\nbefore the action.",
                "warn",
            )
        return self.told(answer)

    def unknown_operation(self) -> str:
        line = self.request(READ)
        (answer,) = self.ask(line.replace('"operation":"read"', '"operation":"check-provider"'))
        return self.told(answer)

    def extra_fields(self) -> str:
        line = self.request(READ)
        (answer,) = self.ask('{"extra":{"a":[1,null]},' + line[1:])
        if answer.kind != self.first.kind:
            told = f"{answer.kind} where it said {self.first.kind} without them"
            raise Fault(told, "Ignore fields that you do not know: a newer Cargo may send them.")
        return "ignored"

    def escapes(self) -> str:
        registry = RegistryInfo(NOBODY.index_url, "check-provider", ['WWW-Authenticate: Cargo x="y"'])
        line = self.request(READ, registry, 'C:\\a "b"\t\u00e9\u65e5')
        (answer,) = self.ask(line)
        if "borrowed string" in str(answer):
            raise Fault(
                "an argument with a quote or backslash is refused",
                "A fault of the crate cargo-credential, rust-lang/cargo#13615: a Windows path as an"
                " argument is enough.", "warn",
            )
        return self.told(answer)

    def several(self) -> str:
        line = self.request(READ)
        try:
            answers = self.ask(line, line, line)
        except Fault as fault:
            fix = "Cargo 1.95 asks one a process, but the protocol allows more: answer until the end."
            raise Fault("no three answers: " + fault.text, fix, "warn") from None
        return " ".join([answer.kind for answer in answers])

    def no_json(self) -> str:
        try:
            (answer,) = self.ask("this is not JSON")
        except Fault as fault:
            shown = [line for line in fault.fix.split("\n") if line.startswith("| ")]
            fix = "\n".join(["Cargo sends no such line, but answer it with an Err.", *shown])
            raise Fault(fault.text, fix, "warn") from None
        if isinstance(answer, CredentialResponse):
            raise self.unexpected("no request", answer)
        return self.told(answer)

    # -- with --login

    def find_registry(self) -> str:
        """A registry on which a login can do no harm: it has no token that could be lost."""
        for registry in (NOBODY, CRATES_IO):
            asked = [READ] + [GetAction(operation) for operation in OTHERS]
            answers = [self.ask(self.request(action, registry))[0] for action in asked]
            if all(answer.kind == "not-found" for answer in answers):
                self.registry = registry
                return f"{registry.name} has no token that could be lost"
        raise Fault(
            "neither the made-up registry nor crates.io is served and without a token",
            "So --login has nothing to try.",
        )

    def expect(self, action: Action, wanted: str, fix: str, level: str = "FAIL") -> "CredentialResponse | Error":
        (answer,) = self.ask(self.request(action, self.registry))
        if answer.kind != wanted:
            raise Fault(self.told(answer), fix, level)
        return answer

    def login(self, token: str) -> str:
        self.tokens.add(token)
        action = LoginAction(LoginOptions(Secret(token)))
        (answer,) = self.ask(self.request(action, self.registry))
        if answer.kind == "operation-not-supported":
            raise Fault(answer.kind, "It stores no tokens, so there is no more to try.", "warn")
        if answer.kind != "login":
            raise Fault(self.told(answer), 'Store the token, and answer {"Ok":{"kind":"login"}}.')
        return f"a made-up token for {self.registry.name} is stored"

    def get(self, token: str) -> str:
        answer = self.expect(READ, "get", "Give the token that was stored.")
        if isinstance(answer, GetResponse) and token not in answer.token.expose():  # a scheme is fine
            raise Fault("it gives another token", "Give the token of the last login.")
        return "it comes back"

    def logout(self) -> str:
        self.expect(LogoutAction(), "logout", 'Erase the token, and answer {"Ok":{"kind":"logout"}}.')
        return "it is erased"

    def logout_again(self) -> str:
        fix = "Say not-found where nothing is stored: Cargo then says `not currently logged in to`."
        return self.expect(LogoutAction(), "not-found", fix, "warn").kind

    def get_after_logout(self) -> str:
        fix = "Say not-found, and see that a logout erases the token from where it is stored."
        return self.expect(READ, "not-found", fix).kind

    def cache(self) -> str:
        if any(isinstance(cache, CacheUnknown) for cache in self.caches):
            raise Fault(
                "a `cache` that Cargo does not know",
                "Cargo takes it as never, and asks for each request. There are session, never and expires.",
                "warn",
            )
        soon = time.time() + 60
        if any(isinstance(cache, CacheExpires) and cache.expiration < soon for cache in self.caches):
            raise Fault(
                "a token that has expired, or will within a minute",
                "Cargo takes a token as expired 60 seconds early, and asks for another each time.",
                "warn",
            )
        return "as Cargo knows it"

    def silent(self) -> str:
        if self.leaked:
            raise Fault(
                "it shows the token",
                "Cargo passes it on to the screen, and to the logs of CI. Keep tokens out of messages.",
            )
        return "no token on it"

    def run(self) -> None:
        if not (self.check("program", self.program) and self.check("hello", self.hello)):
            return
        if not self.check("get for a registry that does not exist", self.unknown_registry):
            return
        self.check("unknown kind", self.unknown_kind)
        self.check("unknown operation", self.unknown_operation)
        self.check("extra fields", self.extra_fields)
        self.check("escapes in arguments", self.escapes)
        self.check("several requests", self.several)
        self.check("a line that is not JSON", self.no_json)
        self.check("end of the input", self.end_of_input)
        if self.login_too:
            self.run_login()
        if self.caches:
            self.check("cache", self.cache)
        self.check("standard error", self.silent)

    def run_login(self) -> None:
        try:
            self.report("ok", "registry for a login", self.find_registry())
        except Fault as fault:
            self.report("warn", "registry for a login", fault.text, fault.fix)
            return
        first, second = "check-provider-token-1", "check-provider-token-2"
        erased = False
        try:
            stored = self.counts["ok"]
            self.check("login", self.login, first)
            if self.counts["ok"] == stored:
                erased = True
                return
            if self.check("get", self.get, first):
                self.check("login again", self.login, second)
                self.check("get again", self.get, second)
            if self.check("logout", self.logout):
                self.check("logout again", self.logout_again)
                erased = self.check("get after logout", self.get_after_logout)
        finally:
            if not erased:
                self.clean_up()

    def clean_up(self) -> None:
        """After a failure or Ctrl-C, a made-up token must not stay."""
        try:
            self.ask(self.request(LogoutAction(), self.registry))
            (answer,) = self.ask(self.request(READ, self.registry))
        except Fault:
            answer = None
        if answer is None or isinstance(answer, GetResponse):
            print(f"      Erase it yourself: a made-up token may be stored for {self.registry.name}.")


BOM = b"\xef\xbb\xbf"


def fields_of(value: "Any") -> "dict[str, Any]":
    return value if hasattr(value, "items") else {}


def explain(line: bytes, what: str, error: str) -> str:
    """What Cargo says of a line that is no hello or response, and the remedy."""
    cargo = f'Cargo says "failed to deserialize {what}"'
    no_value = cargo + ' and "expected value at line 1 column 1".\n'
    shape = '{"v":[1]}' if what == "hello" else '{"Ok":{"kind":...}} or {"Err":{"kind":...}}'
    if line.startswith(BOM):
        return no_value + "Write UTF-8 without a byte order mark."
    try:
        text = line.decode("utf-8").strip()
    except ValueError:
        cargo = f'Cargo says "failed to read {what} from credential provider" and "stream did not contain'
        return cargo + ' valid UTF-8".\nWrite UTF-8.'
    if error.startswith("not JSON"):
        if text.startswith("{'"):
            return cargo + ".\nThat is how Python shows a dict: write json.dumps(value)."
        if text.startswith(("{", "[")):
            return cargo + ".\nWrite valid JSON, and all of it on one line, not pretty-printed."
        return no_value + STDERR if text else cargo + ".\nWrite no empty lines."
    missing = re.match(r"missing field `(?:Ok\.|Err\.)?(.+)`", error)
    if missing:
        cargo += f' and "missing field `{missing.group(1)}`"'
    fields = fields_of(json.loads(text))
    fields = fields_of(fields.get("Ok", fields.get("Err", fields)))
    if missing and "operation-independent" in fields:
        return cargo + ".\nSpell it with an underscore: it is the only field that has one."
    if error.startswith("missing field `Err.message"):
        return cargo + ".\nAn Err of kind other has a `message`, and may have a list `caused-by`."
    if "expiration" in error:
        return cargo + ".\nGive `expiration` in whole Unix seconds: no float, no string, no milliseconds."
    if missing and what == "response" and fields.get("kind") == "get":
        return cargo + ".\nA get needs `token`, `cache` and `operation_independent`."
    return cargo + f".\nWrite {shape}."


def seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 3600:
        raise ValueError
    return value


def main() -> int:
    parser = argparse.ArgumentParser(description="Hold a credential provider against Cargo's protocol.")
    parser.add_argument("--login", action="store_true", help="also store and erase a made-up token")
    parser.add_argument("--timeout", type=seconds, default=10, metavar="SECONDS", help="for each line")
    parser.add_argument("--transcript", action="store_true", help="show what is said, without tokens")
    parser.add_argument("provider", metavar="PROVIDER")
    parser.add_argument("args", metavar="ARG", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    try:
        "".join(options.args).encode("utf-8")
    except UnicodeError:
        parser.error("an ARG is not UTF-8: Cargo's configuration cannot hold it")
    directory = tempfile.mkdtemp()
    try:
        checker = Checker(options, directory)
        checker.run()
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(", ".join([f"{count} {level}" for level, count in checker.counts.items()]))
    return 1 if checker.counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
