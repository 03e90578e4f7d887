#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Checks that a credential provider, in any language, follows Cargo's protocol.

    check_provider.py [--index URL [--name NAME]] [--login [--yes]] [--timeout SECONDS]
                      [--transcript] PROVIDER [ARG...]

PROVIDER and the ARGs are the words of `credential-provider = ["PROVIDER", "ARG"]`. The checker runs
the provider as Cargo does, many times, in a directory that is empty at first and removed at the
end. It requests tokens of a registry that does not exist. A provider with `registries` answers
url-not-supported, and its methods do not run. So name your registry:

--index URL        Request tokens of your registry, too. URL is its `index` in Cargo's
                   configuration; for crates.io, https://github.com/rust-lang/crates.io-index.
                   The provider may prompt, or request short-lived tokens. The checker sends the
                   tokens to no registry. The crate in its requests does not exist. A token for
                   any other index is a FAIL.
--name NAME        the registry's name in Cargo's configuration
--login            Store, replace and erase a made-up token, if the provider has no token for the
                   registry. With --index, this is your registry, and --yes is required. Without
                   --index, it is one that does not exist or, if the provider declines that one,
                   crates.io.
--yes              allow --login for your registry
--timeout SECONDS  how long to wait for each answer, 10 by default
--transcript       show each message, without tokens

Each check is a line with `ok`, `warn` or `FAIL`. A problem comes with a fix, and with Cargo 1.95's
message if there is one. The exit status is 1 after a FAIL, otherwise 0.

The report contains no token. For an invalid answer, it shows only the structure, without strings.
From standard error, it shows only where a Python exception comes from. Like Cargo, it shows an
error's message, but without the tokens that the provider returned before.

On Linux, the checker stops the processes that the provider leaves running. It is not a provider:
there is nothing to configure. It needs the directory `checker` beside it, where
checker/explanations.py lists the problems that it can report. Try it:

    ./check_provider.py --login ../cargo_credential.py --example-file "$(mktemp -d)/store.json"
"""

import argparse
import os
import re
import shutil
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.append(os.path.dirname(os.path.abspath(__file__)))
sys.path.append(os.path.dirname(sys.path[-1]))

import cargo_credential as cc
from cargo_credential import GetAction, GetResponse, RegistryInfo

sys.path.pop()  # no other module may come from there

from checker.conversation import (
    SIGNALS,
    Problem,
    Provider,
    Report,
    about_errors,
    check_token,
    decode_basic,
    spellings,
    talk_to,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from checker.conversation import Answer

CRATES_IO = RegistryInfo(cc.CRATES_IO_INDEX, "crates-io")
NOWHERE = RegistryInfo("sparse+https://check-provider.invalid/index/", "check-provider")
NAMELESS = RegistryInfo(NOWHERE.index_url)
GIT = RegistryInfo("https://check-provider.invalid/index.git", "check-provider")
OTHER = RegistryInfo("sparse+https://check-provider.invalid/other/", "check-provider-other")
CRATE = "check-provider-no-such-crate"
READ = cc.ReadOperation()
OTHERS: "list[cc.Operation]" = [
    cc.PublishOperation(CRATE, "1.0.0", "0" * 64),
    cc.YankOperation(CRATE, "1.0.0"),
    cc.UnyankOperation(CRATE, "1.0.0"),
    cc.OwnersOperation(CRATE),
]
LOGIN_URL = "https://check-provider.invalid/me"
# The headers of a 401, as the registry wrote them, and as Cargo 1.96 passes them on
HEADERS = [f'WWW-Authenticate: Cargo login_url="{LOGIN_URL}"']
HEADERS_1_96 = [HEADERS[0].replace("WWW-Authenticate", "www-authenticate"), "x-not-ascii: "]


# ---- Checks of the program -----------------------------------------------------------------


def program(provider: Provider) -> str:
    given = provider.given
    if given.startswith("cargo:"):
        raise Problem("built-in", given=given)
    path = provider.path if os.path.dirname(given) else shutil.which(given)
    if path is None or not os.path.exists(path):
        raise Problem("missing", given, given=given, says=missing_in_cargo(given))
    if os.path.isdir(path):
        raise Problem("directory")
    if not os.access(path, os.X_OK):
        raise Problem("mode", path=path)
    if os.name == "nt":
        check_ending(given, path)
    interpreters = ("python", "pypy", "node", "nodejs", "ruby", "perl", "bash", "sh", "env")
    if os.path.basename(path).rstrip("0123456789.") in interpreters:
        raise Problem("interpreter", given=given)
    with open(path, "rb") as file:
        first = file.readline(200)
    if os.name == "posix" and b"\0" not in first and not first.startswith(b"\x7fELF"):
        check_first_line(first)
    if (b"python" in first or b"pypy" in first) and not re.search(rb" -\w*[IP]", first):
        check_names_beside(os.path.dirname(os.path.realpath(path)))
    if os.path.dirname(given) and not os.path.isabs(given):
        return "it is executable; in Cargo's configuration, write its absolute path"
    return "it is executable"


def missing_in_cargo(given: str) -> str:
    if os.name != "nt":
        return "No such file or directory (os error 2)"
    if not os.path.dirname(given):
        return "program not found"
    is_script = given.lower().endswith((".cmd", ".bat"))
    return "failed to deserialize hello" if is_script else "(os error 2)"


def check_ending(given: str, path: str) -> None:
    """On Windows, Cargo starts .exe, .cmd and .bat files, and finds an .exe without its ending."""
    ending = os.path.splitext(path)[1].lower()
    if ending not in (".exe", ".cmd", ".bat", ".com"):
        raise Problem("start-windows", error="it is neither a program nor a .cmd file")
    if ending != ".exe" and not os.path.dirname(given) and not given.lower().endswith(ending):
        raise Problem("ending", given=given)


def check_first_line(first: bytes) -> None:
    if not first.startswith(b"#!"):
        raise Problem("mark" if first.startswith(b"\xef\xbb\xbf") else "shebang")
    if first.endswith(b"\r\n"):
        raise Problem("crlf")


def check_names_beside(directory: str) -> None:
    """Report files beside the script that Python would import instead of standard modules."""
    library = os.listdir(os.path.dirname(os.__file__))
    names = {name.partition(".")[0] for name in library} - {"__pycache__"}
    standard = getattr(sys, "stdlib_module_names", names)
    for name in sorted(os.listdir(directory)):
        module, ending = os.path.splitext(name)
        package = os.path.join(directory, name, "__init__.py")
        importable = ending == ".py" or os.path.exists(package)
        if importable and module in standard:
            raise Problem("shadow", name=name)


def hello(provider: Provider) -> str:
    with talk_to(provider) as conversation:
        conversation.read_hello()
    return "it offers protocol version 1"


# ---- Checks with a registry that does not exist --------------------------------------------


def kind(answer: "Answer") -> str:
    """The kind of an answer. For an error also the message that Cargo shows."""
    return f"other: {answer}" if answer.kind == "other" else answer.kind


def usable(answer: "Answer") -> "Answer":
    """The answer. Raises Problem if Cargo or a registry cannot accept its token."""
    if isinstance(answer, GetResponse):
        check_token(answer.token.expose())
    return answer


def nowhere(provider: Provider, registry: RegistryInfo, *operations: cc.Operation) -> str:
    """What the provider answers for a registry that does not exist, for the last operation."""
    last = ""
    for operation in operations:
        answer = usable(provider.get(registry, operation))
        last = kind(answer)
        first = provider.nowhere
        provider.nowhere = first or answer.kind
        if isinstance(answer, GetResponse):
            check_leak(provider, registry)
        if answer.kind not in (first, "url-not-supported"):
            about_nowhere(provider, answer)
    return last


def about_nowhere(provider: Provider, answer: "Answer") -> None:
    """Report any answer but url-not-supported for a registry that does not exist."""
    if re.search("registries|main takes", str(answer)):
        about(provider, answer)
    if answer.kind != "not-found" or not provider.stores:
        raise Problem(answer.kind + "-first", message=answer)


def check_leak(provider: Provider, registry: RegistryInfo) -> None:
    """Report a token for a registry that is not the user's, or not the one of the login."""
    if provider.first:
        raise Problem("get-other", whose="another index than yours")
    if provider.place.index_url and registry.index_url != provider.place.index_url:
        raise Problem("get-other", whose="another index than the one of the login")


def unknown_kind(provider: Provider) -> str:
    line = provider.line(NOWHERE, cc.LogoutAction())
    (answer,) = provider.ask(NOWHERE, line.replace('"kind":"logout"', '"kind":"check-provider"'))
    if isinstance(answer, cc.CredentialResponse):
        problem = Problem("unexpected", what="an unknown kind", kind=answer.kind)
        raise problem.as_warning("Answer with an Err: a later Cargo may have more kinds.")
    return kind(answer)


def unknown_operation(provider: Provider, registry: RegistryInfo) -> str:
    line = provider.line(registry, GetAction(READ))
    line = line.replace('"operation":"read"', '"operation":"check-provider"')
    return kind(provider.ask(registry, line)[0])


def extra_fields(provider: Provider) -> str:
    line = provider.line(NOWHERE, GetAction(READ))
    (answer,) = provider.ask(NOWHERE, '{"extra":{"a":[1,null]},' + line[1:])
    if answer.kind != provider.nowhere:
        raise Problem("extra", kind=answer.kind, first=provider.nowhere)
    return "ignored"


def escapes(provider: Provider) -> str:
    registry = RegistryInfo(NOWHERE.index_url, NOWHERE.name, HEADERS)
    line = provider.line(registry, GetAction(READ), 'C:\\a "b"\t\u00e9\u65e5')
    (answer,) = provider.ask(registry, line)
    if "borrowed string" in str(answer):
        raise Problem("borrowed")
    return kind(answer)


def several(provider: Provider, registry: RegistryInfo, *operations: cc.Operation) -> str:
    lines = [provider.line(registry, GetAction(operation)) for operation in operations]
    try:
        kinds = [answer.kind for answer in provider.ask(registry, *lines)]
    except Problem as problem:
        problem.text = f"not {len(lines)} answers: {problem.text}"
        remedy = "Answer until the end of the input; Cargo 1.95 asks only once."
        raise problem.as_warning(remedy) from None
    alone = [provider.kinds.get((registry.index_url, one.kind)) for one in operations]
    if any(kind == "other" != before for kind, before in zip(kinds, alone)):
        raise Problem("later", kinds=" ".join(kinds))
    return " ".join(kinds)


def no_json(provider: Provider) -> str:
    try:
        (answer,) = provider.ask(NOWHERE, "this is not JSON")
        if isinstance(answer, cc.CredentialResponse):
            raise Problem("unexpected", what="no request", kind=answer.kind)
    except Problem as problem:
        remedy = "Answer with an Err of kind other; Cargo sends no such line."
        raise problem.as_warning(remedy) from None
    return kind(answer)


def end_of_input(provider: Provider) -> str:
    try:
        provider.ask(NOWHERE)
    except Problem as problem:
        problem.text = problem.text.replace("it answers, but ", "it ")
        remedy = "Exit with status 0 also if no request comes; Cargo sends one."
        raise problem.as_warning(remedy) from None
    return "it exits"


# ---- Checks with the user's registry -------------------------------------------------------


def to_read(provider: Provider, registry: RegistryInfo) -> str:
    try:
        answer = provider.get(registry, READ)
    finally:
        if provider.answers:
            provider.first = provider.answers[-1][1].kind
    keys = {"url-not-supported": "not-served", "operation-not-supported": "no-get"}
    if answer.kind == "not-found" and not provider.stores:
        raise Problem("no-token")
    if answer.kind in keys:
        raise Problem(keys[answer.kind])
    return about(provider, usable(answer))


def to_do(
    provider: Provider, registry: RegistryInfo, operation: cc.Operation, key: str = "differs"
) -> str:
    answer = usable(provider.get(registry, operation))
    text = about(provider, answer)
    if answer.kind == provider.first:
        return text
    if answer.kind == "operation-not-supported":
        key = "operation"
    elif key == "differs" and {provider.first, answer.kind} == {"get", "not-found"}:
        key = "no-other" if provider.first == "get" else "no-read"
    words = {"get": "a token"}
    first = words.get(provider.first, provider.first)
    raise Problem(key, kind=words.get(answer.kind, answer.kind), first=first)


def about(provider: Provider, answer: "Answer") -> str:
    if answer.kind == "other":
        text = provider.errors[-1].encode("utf-8")
        where = [line for line in about_errors(text, provider.path) if " at line " in line]
        raise Problem("failed", str(answer), where, message=answer)
    if isinstance(answer, GetResponse):
        limit = "all operations" if answer.operation_independent else "one operation"
        return f"a token for {limit}, cache {answer.cache.kind}"
    return answer.kind


def scheme(provider: Provider, registry: RegistryInfo) -> str:
    """Warn about a token that most registries do not accept."""
    if registry.index_url == CRATES_IO.index_url or ".d.codeartifact." in str(registry.host):
        return "the registry takes a token without one"
    tokens = [
        answer.token.expose().strip()
        for _, answer in provider.answers
        if isinstance(answer, GetResponse)
    ]
    if any(" " not in token for token in tokens):
        raise Problem("scheme")
    return "the token has one" if tokens else "no token to check"


def independence(provider: Provider) -> str:
    """Check that a token for all operations is the same one that publishes."""
    reads = [answer for name, answer in provider.gets if name == "read"]
    others = {answer.token for name, answer in provider.gets if name == "publish"}
    independent = any(answer.operation_independent for answer in reads)
    if len({answer.token for answer in reads}) == 1 and others - {reads[0].token} and independent:
        raise Problem("one-token")
    return "one token for all operations" if independent else "no token for all operations"


# ---- Checks with --login -------------------------------------------------------------------


def place(provider: Provider, *registries: RegistryInfo) -> str:
    """Find a registry for a login: it must have no token that could be lost."""
    answers: list[str] = []
    for registry in registries:
        kinds = {provider.get(registry, one).kind for one in (READ, *OTHERS)} - {"not-found"}
        name = registry.name or registry.index_url
        if not kinds:
            provider.place = registry
            return f"{name} has no token that could be lost"
        answers.append(f"{name}: {'a token' if 'get' in kinds else min(kinds)}")
    text = ", ".join(answers)
    raise Problem("no-place", text if len(answers) > 1 else "index " + text, answers=text)


def step(provider: Provider, name: str, action: cc.Action, wanted: str, token: str) -> str:
    answer = provider.perform(provider.place, action)
    if answer.kind == "operation-not-supported" and name == "login":
        raise Problem("no-login")
    about(provider, answer)
    if answer.kind != wanted:
        raise Problem(name.replace(" ", "-"), kind=kind(answer))
    if isinstance(answer, GetResponse) and token not in without_scheme(answer.token.expose()):
        raise Problem("get", kind="it returns another token")
    return {"get": "the token comes back", "not-found": "not-found"}.get(wanted, "done")


def without_scheme(text: str) -> "list[str]":
    """The token without what a provider may add: a scheme and, for Basic, a user."""
    pair = decode_basic(text)
    if pair is None:
        return [text.rpartition(" ")[2]]
    return [pair, pair.partition(":")[2]]


def login_checks(one: str, two: str) -> "list[tuple[str, cc.Action | None, str, str]]":
    """The check, the request, the kind of the right answer, and the token."""
    first = cc.LoginAction(cc.LoginOptions(cc.Secret(one)))
    second = cc.LoginAction(cc.LoginOptions(cc.Secret(two), LOGIN_URL))
    return [
        ("login", first, "login", one),
        ("get", GetAction(READ), "get", one),
        ("get for another registry", None, "", ""),
        ("login again", second, "login", two),
        ("get again", GetAction(READ), "get", two),
        ("logout", cc.LogoutAction(), "logout", ""),
        ("logout again", cc.LogoutAction(), "not-found", ""),
        ("get after logout", GetAction(READ), "not-found", ""),
    ]


def check_login(provider: Provider) -> None:
    """A login, another one, and a logout. Whatever happens, no token stays."""
    check = provider.report.check
    tokens = ("check-provider-token-1", "check-provider-token-2")
    provider.report.tokens |= set(tokens)
    level = ""
    try:
        for name, action, wanted, token in login_checks(*tokens):
            if action is None:
                check(name, nowhere, provider, OTHER, READ)
                continue
            level = "running"
            level = check(name, step, provider, name, action, wanted, token)
            if level == "FAIL" or (level == "warn" and name == "login"):
                break
    finally:
        if level in ("FAIL", "running"):
            erase(provider)


def erase(provider: Provider) -> None:
    try:
        provider.perform(provider.place, cc.LogoutAction())
        answer = provider.get(provider.place, READ)
    except Problem:
        answer = None
    if answer is None or answer.kind == "get":
        provider.report.write(
            "      Erase it where the provider keeps tokens: a made-up one may be stored."
        )


# ---- Checks of all output ------------------------------------------------------------------


def caches(provider: Provider) -> str:
    found = [answer.cache for _, answer in provider.answers if isinstance(answer, GetResponse)]
    if any(isinstance(cache, cc.CacheUnknown) for cache in found):
        raise Problem("cache")
    soon = time.time() + 60
    if any(isinstance(cache, cc.CacheExpires) and cache.expiration < soon for cache in found):
        raise Problem("expired")
    return "valid" if found else "no token to check"


def noise(provider: Provider) -> str:
    if provider.noise:
        raise Problem("noise", size=provider.noise)
    return "nothing"


def leaks(provider: Provider) -> str:
    messages = [str(answer) for _, answer in provider.answers if answer.kind == "other"]
    texts = provider.errors + messages
    if any(token in text for text in texts for token in spellings(provider.report.tokens)):
        raise Problem("leak")
    return "no token in them"


# ---- The tables of checks ------------------------------------------------------------------

EVERY_PROVIDER: "list[tuple[Any, ...]]" = [
    ("publish, yank, unyank, owners", nowhere, NOWHERE, *OTHERS),
    ("a registry without a name", nowhere, NAMELESS, READ),
    ("a git index", nowhere, GIT, READ),
    ("unknown kind", unknown_kind),
    ("unknown operation", unknown_operation, NOWHERE),
    ("extra fields", extra_fields),
    ("escapes in arguments", escapes),
    ("several requests", several, NOWHERE, READ, READ, READ),
    ("a line that is not JSON", no_json),
    ("end of the input", end_of_input),
]
AT_THE_END = [
    ("cache", caches),
    ("output after the answer", noise),
    ("messages and standard error", leaks),
]


def for_registry(url: str, name: "str | None") -> "list[tuple[Any, ...]]":
    """The checks with the user's registry, after the first one."""
    registry = RegistryInfo(url, name)
    later = RegistryInfo(url, name, HEADERS_1_96)
    nameless = RegistryInfo(url, None, HEADERS)
    return [
        *[(f"get for {one.kind}", to_do, registry, one) for one in OTHERS],
        ("get with headers of Cargo 1.96", to_do, later, READ, "headers"),
        ("get without a name", to_do, nameless, READ, "nameless"),
        ("get for all operations in one process", several, RegistryInfo(url), READ, *OTHERS),
        ("get for an unknown operation", unknown_operation, registry),
        ("scheme", scheme, registry),
        ("operation_independent", independence),
    ]


def look_alikes(registry: RegistryInfo) -> "list[tuple[Any, ...]]":
    """The checks with indexes that a checkout could give to the user's registry."""
    host = registry.host
    urls: list[tuple[str, str]] = []
    if registry.name:
        urls.append(("the registry's name, another index", NOWHERE.index_url))
    if host:
        title = "the registry's host within another URL"
        urls.append((title, f"sparse+https://check-provider.invalid/{host}/"))
        urls.append((title, f"sparse+https://{host}.check-provider.invalid/"))
        urls.append((title, f"sparse+https://{host}@check-provider.invalid/"))
        urls.append((title, f"git://{host}#@check-provider.invalid/index/"))
    if registry.index_url.startswith(("https:", "sparse+https:")):
        without = registry.index_url.replace("https:", "http:", 1)
        urls.append(("the registry's URL without TLS", without))
    return [(title, nowhere, RegistryInfo(url, registry.name), READ) for title, url in urls]


def run(provider: Provider, options: argparse.Namespace) -> None:
    check = provider.report.check
    if check("program", program, provider) == "FAIL" or check("hello", hello, provider) == "FAIL":
        return
    if options.index:
        run_for_registry(provider, options)
    if not options.index or provider.first:  # else it cannot even answer
        run_for_others(provider, options)
    for name, function in AT_THE_END:
        check(name, function, provider)


def run_for_others(provider: Provider, options: argparse.Namespace) -> None:
    check = provider.report.check
    name = "get for a registry that does not exist"
    if check(name, nowhere, provider, NOWHERE, READ) == "FAIL":
        return
    checks = EVERY_PROVIDER
    registries = [NOWHERE, CRATES_IO]
    if options.index:
        registries = [RegistryInfo(options.index, options.name)]
        checks = checks + look_alikes(registries[0])
    for name, function, *arguments in checks:
        check(name, function, provider, *arguments)
    title = "registry for a login"
    if options.login and check(title, place, provider, *registries) == "ok":
        check_login(provider)


def run_for_registry(provider: Provider, options: argparse.Namespace) -> None:
    check = provider.report.check
    url, name = options.index, options.name
    for line in (
        f"The checker asks for tokens of {url}",
        f"{21 if options.login else 13} times, to read and for the crate {CRATE}.",
        "The provider may prompt; the checker hides its standard error.",
        f"It has {options.timeout:g} s for each answer.",
    ):
        provider.report.write("      " + line)
    if check("get for read", to_read, provider, RegistryInfo(url, name, HEADERS)) == "FAIL":
        return
    for title, function, *arguments in for_registry(url, name):
        check(title, function, provider, *arguments)


def hints(provider: Provider, options: argparse.Namespace) -> "list[str]":
    """What was not checked, and how to check it."""
    if not provider.nowhere:
        return []
    found: list[str] = []
    if options.index and not options.name:
        found.append("the name of your registry, which Cargo sends. Add --name NAME.")
    elif not options.index and provider.nowhere == "url-not-supported" and not provider.gets:
        text = "any token of a registry that you name, since the provider declined the made-up one."
        found.append(f"{text} Add --index URL.")
    elif not options.index:
        text = "the tokens of your registry. Add --index URL, as in Cargo's configuration."
        found.append(text)
    if not options.login:
        more = "--login --yes" if options.index else "--login"
        found.append(f"the login checks. If the provider stores tokens, add {more}.")
    return ["Not checked: " + text for text in found]


# ---- The program ---------------------------------------------------------------------------


class Parser(argparse.ArgumentParser):
    def format_help(self) -> str:
        return __doc__ or ""


def seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 3600:
        raise ValueError
    return value


def parse(arguments: "list[str]") -> argparse.Namespace:
    parser = Parser(
        "check_provider.py", "check_provider.py [OPTION...] PROVIDER [ARG...]; see --help"
    )
    for name in ("--index", "--name"):
        parser.add_argument(name)
    for name in ("--login", "--yes", "--transcript"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("--timeout", type=seconds, default=10)
    parser.add_argument("provider", metavar="PROVIDER")
    parser.add_argument("args", metavar="ARG", nargs=argparse.REMAINDER).required = False
    options = parser.parse_args(arguments)
    try:
        "".join(arguments).encode("utf-8")
    except UnicodeError:
        if sys.getfilesystemencoding() != "utf-8":
            parser.error("this locale cannot encode a character of an argument: set LANG=C.UTF-8")
        parser.error("an argument is not UTF-8: Cargo's configuration cannot hold it")
    url: str = options.index or ""
    if options.index is not None and "://" not in url:
        parser.error("--index requires a URL, as `index` in Cargo's configuration")
    if url.startswith("sparse+") and not url.endswith("/"):
        parser.error("--index requires a slash at the end of a sparse index: so does Cargo")
    if "index.crates.io" in url:
        parser.error(f"Cargo names crates.io by the index {CRATES_IO.index_url}: use that")
    if options.name and not url:
        parser.error("--name requires --index")
    if options.login and url and not options.yes:
        parser.error("--login with --index stores and erases a token of that registry: add --yes")
    return options


def stop_what_is_left(mark: bytes) -> None:
    """On Linux, kill the processes that the provider left: they inherited its environment."""
    if sys.platform != "linux":
        return
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if mark in file.read():
                    os.kill(int(name), signal.SIGKILL)
        except (OSError, ValueError):
            pass  # not a process, not ours, or gone


def main() -> int:
    options = parse(sys.argv[1:])
    SIGNALS.watch()
    report = Report(options.transcript)
    directory = tempfile.mkdtemp()
    provider = Provider(options, report, directory)
    try:
        run(provider, options)
        report.write(", ".join([f"{count} {level}" for level, count in report.counts.items()]))
        for line in hints(provider, options):
            report.write(line)
    except BrokenPipeError:  # the reader of the report has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    finally:
        stop_what_is_left(provider.mark.encode("ascii"))
        shutil.rmtree(directory, ignore_errors=True)
    return 1 if report.counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
