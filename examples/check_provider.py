#!/usr/bin/env python3
"""Holds a credential provider, in any language, against Cargo's protocol, and says what is wrong.

    check_provider.py [--login] [--timeout SECONDS] [--transcript] PROVIDER [ARG...]

PROVIDER and the ARGs are what `credential-provider = ["PROVIDER", "ARG"]` lists. The provider runs
as Cargo runs it, but in an empty directory, which is removed afterwards. It is asked what changes
nothing: for a registry that does not exist. With --login it also stores, replaces and erases a
made-up token there or, if it serves crates.io alone and has no token for it, for crates.io.

Each check is a line, `ok`, `warn` or `FAIL`, with what Cargo would say and how to mend it below. The
status is 0 without a FAIL. --transcript shows the conversations, without tokens. What this cannot
check: a provider that serves certain hosts alone gives no token here, so its tokens are not seen.

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

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

from cargo_credential import (
    Action,
    CredentialHello,
    CredentialRequest,
    CredentialResponse,
    Error,
    GetAction,
    GetResponse,
    LoginAction,
    LoginOptions,
    LogoutAction,
    ProtocolError,
    ReadOperation,
    RegistryInfo,
    Secret,
    negotiate_version,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO, Any

NOBODY = RegistryInfo("sparse+https://check-provider.invalid/index/", "check-provider")
CRATES_IO = RegistryInfo("https://github.com/rust-lang/crates.io-index", "crates-io")
HELLO_FAULT = 'Cargo says "failed to deserialize hello"'
ANSWER_FAULT = 'Cargo says "failed to deserialize response"'
NO_JSON = ' and "expected value at line 1 column 1".\n'
STDERR = "Write messages to standard error: standard output is for the protocol alone."
READ = GetAction(ReadOperation())


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
        self.rest, self.errors, self.ended = b"", b"", False
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
        line, line_end, self.rest = self.rest.partition(b"\n")
        self.checker.log("<", line)
        return line + line_end

    def silence(self) -> Fault:
        seconds = f"{self.checker.timeout:g} s"
        if self.rest:
            text = f"no line end after {self.checker.shown(self.rest)} in {seconds}"
            return Fault(text, "Cargo waits for ever. End the line, and flush it.")
        text = f"nothing on standard output in {seconds}"
        return Fault(text, "Cargo waits for ever. Flush each line: a pipe is buffered in most languages.")

    def send(self, line: str) -> None:
        self.checker.log(">", line.encode("utf-8"))
        try:
            self.stdin.write(line.encode("utf-8") + b"\n")
            self.stdin.flush()
        except OSError:
            pass  # the answer that does not come says more

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
            self.process.kill()
            self.process.wait()
            return None
        finally:
            for thread in self.threads:
                thread.join(1)
            for line in self.errors.splitlines():
                self.checker.log("!", line)
        return status


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
        self.counts = {"ok": 0, "warn": 0, "FAIL": 0}
        self.leaks: set[str] = set()

    def log(self, mark: str, data: bytes) -> None:
        if self.transcript:
            print(f"      {mark} {self.redacted(data)}")

    def redacted(self, data: bytes) -> str:
        text = data.decode("utf-8", "backslashreplace")
        text = re.sub(r'("token"\s*:\s*")(?:[^"\\]|\\.)+', r"\1[REDACTED]", text)
        for token in sorted(filter(None, self.tokens), key=len, reverse=True):
            text = text.replace(token, "[REDACTED]").replace(json.dumps(token)[1:-1], "[REDACTED]")
        return text.encode("ascii", "backslashreplace").decode("ascii")

    def shown(self, data: bytes) -> str:
        text = self.redacted(data).strip()
        return "`{}`".format(text if len(text) <= 60 else text[:60] + "...")

    def report(self, level: str, name: str, text: str, fix: str = "") -> None:
        self.counts[level] += 1
        print(f"{level:5} {name}: {text}")
        for line in fix.splitlines():
            print(f"      {line}")

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
            line = session.line()
            if not line:
                raise self.crash(session, "hello", HELLO_FAULT)
            self.read_hello(line)
        except Fault:
            session.finish()
            raise
        return session

    def read_hello(self, line: bytes) -> None:
        try:
            hello = CredentialHello.from_json(line)
        except ProtocolError as error:
            if b"{" not in line or not line.lstrip().startswith(b"{"):
                told = f"{self.shown(line)} stands before the hello"
                raise Fault(told, HELLO_FAULT + NO_JSON + STDERR) from None
            fix = HELLO_FAULT + '. The first line must be {"v":[1]}, all of it on one line.'
            raise Fault(f"{self.shown(line)} is no hello: {error}", fix) from None
        try:
            negotiate_version(hello.v, [1])
        except Error as error:
            raise Fault(f"no version 1 in {hello.v}", f'Cargo says "{error}".') from None

    def crash(self, session: Session, what: str, cargo: str) -> Fault:
        status = session.finish()
        how = "closed its output" if status is None else f"exited with status {status}"
        shown = "\n".join("| " + self.redacted(line) for line in session.errors.splitlines()[-8:])
        cargo += ' and "EOF while parsing a value at line 1 column 0".'
        return Fault(f"it {how} before its {what}", cargo + ("\n" + shown if shown else ""))

    def ask(self, *lines: str) -> "list[CredentialResponse | Error]":
        """The answers to lines in one session, which must end well."""
        session = self.start()
        answers: list[CredentialResponse | Error] = []
        try:
            for line in lines:
                session.send(line)
                answer = session.line()
                if not answer and answers:
                    raise Fault(
                        f"it answers {len(answers)} request in a session",
                        "Cargo 1.95 asks one a process, but the protocol allows more: answer until"
                        " the end of the input.", "warn",
                    )
                if not answer:
                    raise self.crash(session, "answer", ANSWER_FAULT)
                answers.append(self.read_answer(answer))
        except Fault:
            session.finish()
            raise
        status = session.finish()
        self.look_for_tokens(session)
        self.check_end(status)
        return answers

    def read_answer(self, line: bytes) -> "CredentialResponse | Error":
        try:
            response = CredentialResponse.from_json(line)
        except Error as error:
            return error
        except ProtocolError as error:
            fix = ANSWER_FAULT + explain(line)
            raise Fault(f"{self.shown(line)} is no answer: {error}", fix) from None
        if isinstance(response, GetResponse):
            self.tokens.add(response.token.expose())
            try:
                response.to_json()
            except ValueError as error:
                fix = "Strip the token: a line break in it adds a header to Cargo's requests."
                raise Fault(str(error), fix) from None
        return response

    def look_for_tokens(self, session: Session) -> None:
        errors = session.errors.decode("utf-8", "replace")
        self.leaks |= {token for token in self.tokens if len(token) > 3 and token in errors}

    def check_end(self, status: "int | None") -> None:
        if status is None:
            raise Fault(
                f"it goes on {self.timeout:g} s after the end of its input",
                "Cargo waits for ever for it to exit. End at the end of standard input.",
            )
        if status:
            shown = f"exit status: {status}" if status > 0 else f"signal: {-status}"
            raise Fault(
                f"it answers, but exits with status {status}",
                f'Cargo says "credential process `{self.given}` failed with status {shown}", and'
                " the answer is lost, even an Err. Exit with status 0 after any answer.",
            )

    # -- the checks

    def program(self) -> str:
        path = self.path if os.path.dirname(self.path) else shutil.which(self.path)
        if path is None or not os.path.isfile(path):
            raise Fault(
                f"there is no `{self.given}`",
                'Cargo says "No such file or directory (os error 2)". Name the program by its whole'
                " path; a bare name is looked up on PATH.",
            )
        if os.name == "posix" and not os.access(path, os.X_OK):
            fix = f'Cargo says "Permission denied (os error 13)". Run: chmod +x {path}'
            raise Fault("it is not executable", fix)
        with open(path, "rb") as file:
            first = file.readline(200)
        if b"\0" not in first and first[:4] != b"\x7fELF" and os.name == "posix" and first[:2] != b"#!":
            raise Fault(
                "it has no shebang",
                'Cargo says "Exec format error (os error 8)". The first line of a script names its'
                " interpreter: #!/usr/bin/env python3",
            )
        return self.neighbours(path, first)

    def neighbours(self, path: str, first: bytes) -> str:
        """What can go wrong with where it is."""
        directory = os.path.dirname(os.path.realpath(path))
        if b"python" in first or b"pypy" in first:
            standard = set(os.listdir(os.path.dirname(os.__file__)))
            for name in sorted(standard.intersection(os.listdir(directory))):
                if name.endswith(".py"):
                    raise Fault(
                        f"`{name}` beside it shadows the standard module of that name",
                        "Rename it: a script imports what lies beside it first, and so does all"
                        " that it imports.", "warn",
                    )
        interpreters = ("python", "node", "ruby", "perl", "bash", "sh")
        if os.path.basename(path).rstrip("0123456789.") in interpreters:
            raise Fault(
                f"`{self.given}` is an interpreter",
                f"Cargo runs `{self.given} --cargo-plugin`, without the script. Make the script"
                " executable, with a shebang, and name it alone.",
            )
        if os.path.dirname(self.given) and not os.path.isabs(self.given):
            raise Fault(
                f"`{self.given}` is a relative path",
                "Cargo takes it from the directory that holds the `.cargo/` with the configuration:"
                " name the whole path.",
                "warn",
            )
        return path

    def hello(self) -> str:
        self.start().finish()
        return "it offers protocol version 1"

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
        return answer.kind + (": " + self.redacted(str(answer).encode()) if answer.kind == "other" else "")

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
        answers = self.ask(line, line, line)
        return " ".join([answer.kind for answer in answers])

    def no_json(self) -> str:
        try:
            (answer,) = self.ask("this is not JSON")
        except Fault as fault:  # Cargo sends no such line
            raise Fault(fault.text, "Answer it with an Err.\n" + fault.fix, "warn") from None
        if isinstance(answer, CredentialResponse):
            raise self.unexpected("no request", answer)
        return self.told(answer)

    # -- with --login

    def find_registry(self) -> str:
        """A registry on which a login can do no harm: it has no token that could be lost."""
        for registry in (NOBODY, CRATES_IO):
            (answer,) = self.ask(self.request(READ, registry))
            if answer.kind == "not-found":
                self.registry = registry
                return f"{registry.name} has no token that could be lost"
        raise Fault(
            "neither the made-up registry nor crates.io is served and without a token",
            "So --login has nothing to try.",
            "warn",
        )

    def expect(self, action: Action, wanted: str, fix: str, level: str = "FAIL") -> "CredentialResponse | Error":
        (answer,) = self.ask(self.request(action, self.registry))
        if answer.kind != wanted:
            raise Fault(self.told(answer), fix, level)
        return answer

    def login(self, token: str) -> str:
        self.tokens.add(token)
        action = LoginAction(LoginOptions(Secret(token)))
        self.expect(action, "login", 'Store the token, and answer {"Ok":{"kind":"login"}}.')
        return f"a made-up token for {self.registry.name} is stored"

    def get(self, token: str) -> str:
        answer = self.expect(READ, "get", "Give the token that was stored.")
        if isinstance(answer, GetResponse) and token not in answer.token.expose():
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

    def silent(self) -> str:
        if self.leaks:
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
        if self.login_too and self.check("registry for a login", self.find_registry):
            self.run_login()
        self.check("standard error", self.silent)

    def run_login(self) -> None:
        if not hasattr(self, "registry"):
            return
        first, second = "check-provider-token-1", "check-provider-token-2"
        if self.check("login", self.login, first) and self.check("get", self.get, first):
            self.check("login again", self.login, second)
            self.check("get again", self.get, second)
        if self.check("logout", self.logout):
            self.check("logout again", self.logout_again)
            self.check("get after logout", self.get_after_logout)


def fields_of(value: "Any") -> "dict[str, Any]":
    return value if hasattr(value, "items") else {}


def explain(line: bytes) -> str:
    """What follows "Cargo says" of a line that is no answer: more of its words, and the remedy."""
    try:
        value = fields_of(json.loads(line.decode("utf-8")))
    except ValueError:
        if line.strip() in (b"{", b"["):
            return ". Write the whole answer on one line, not pretty-printed."
        return NO_JSON + STDERR
    if not {"Ok", "Err"} & set(value):
        return '. Wrap the answer: {"Ok":{"kind":...}} or {"Err":{"kind":...}}.'
    fields = fields_of(value.get("Ok", value.get("Err")))
    if not fields:
        return '. Ok and Err hold an object: {"Err":{"kind":"not-found"}}.'
    for name in ("message",) if "Err" in value else ("token", "cache", "operation_independent"):
        if name not in fields and fields.get("kind") in ("get", "other"):
            return f' and "missing field `{name}`".' + remedy(name, fields)
    if fields.get("cache") == "expires" and "expiration" not in fields:
        return ' and "missing field `expiration`". Give it in whole Unix seconds.'
    if fields.get("cache") == "expires":
        return ". Give `expiration` in whole Unix seconds: no float, no string, no milliseconds."
    return "."


def remedy(name: str, fields: "dict[str, Any]") -> str:
    if name == "operation_independent" and "operation-independent" in fields:
        return " Spell it with an underscore: it is the only field that has one."
    if name == "message":
        return " An Err of kind other has a `message`, and may have a list `caused-by`."
    return " A get needs `token`, `cache` and `operation_independent`."


def main() -> int:
    parser = argparse.ArgumentParser(description="Hold a credential provider against Cargo's protocol.")
    parser.add_argument("--login", action="store_true", help="also store and erase a made-up token")
    parser.add_argument("--timeout", type=float, default=10, metavar="SECONDS", help="for each line")
    parser.add_argument("--transcript", action="store_true", help="show what is said, without tokens")
    parser.add_argument("provider", metavar="PROVIDER")
    parser.add_argument("args", metavar="ARG", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    directory = tempfile.mkdtemp()
    try:
        checker = Checker(options, directory)
        checker.run()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(", ".join([f"{count} {level}" for level, count in checker.counts.items()]))
    return 1 if checker.counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
