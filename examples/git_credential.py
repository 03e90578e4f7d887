#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
r"""Keeps tokens where git keeps passwords: login, get and logout through `git credential`.

It works with every credential helper of git: Git Credential Manager, the keychain of macOS,
libsecret, the Windows Credential Manager, and git's own `cache` and `store`. Your git configuration
chooses the helper, as in `git config --global credential.helper cache`.

    git_credential.py [OPTION]...

    --index URL      serve this index (repeatable): each index has a token of its own
    --host HOST      serve all indexes at https:// on this host (repeatable) with one token
    --username NAME  the user name that git stores with the token, `cargo` by default
    --scheme WORD    put `WORD ` before the token; `Basic` encodes user name and token
    --git-password   give the password that git itself has for the index's URL; no login or logout

Name at least one --index or --host. If other people can put files on the host, as on GitHub, use
--index: the files of an index decide where Cargo sends the token.

Your git passwords stay as they are, even for the same host. Under the real host, git could use a
token as a password, and erase it if the host rejects it. So the provider stores each token under
an encoded path and a host that does not exist (no real name ends in `.invalid`):

    https://cargo:TOKEN@crates.corp.example.cargo-registry.invalid/crates.corp.example

What it does not do:
- Prompt for a token that is not stored: Cargo then reports `no token found`. Use `cargo login`.
- Read the repository in the current directory, whose configuration can name programs to run.
- Encrypt tokens: that depends on the helper. `store` writes plain text to ~/.git-credentials.
- Use a password that a helper returns for another user name.
- Wait longer than 60 seconds for git. If a helper leaves a process behind and does not end its
  answer with an empty line, then git itself waits for that process.
- Report success of `cargo logout` if a helper printed an error: git hides their exit status.

Tested with git 2.39 and 2.47, their `cache` and `store`, and Git Credential Manager 2.7 on Linux.
Other helpers are not tested, but git documents the same protocol for them. In .cargo/config.toml:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/git_credential.py", "--host", "crates.corp.example"]

To try it without Cargo, in a Unix shell:

    echo '{"v":1,"registry":{"index-url":"https://r.example/"},"kind":"get","operation":"read",'\
    '"args":["--host","r.example"]}' | ./git_credential.py
"""

import os
import re
import signal
import sys
import time
from base64 import b64encode
from contextlib import suppress
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired, call
from threading import Thread
from urllib.parse import quote, unquote, urlsplit

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import cargo_credential as cc
from cargo_credential import GetResponse, Operation, OtherError, RegistryInfo, Secret

sys.path.pop()  # no other module may come from there

# The last helper: its empty password means that no other helper has one. Git appends ` get`.
NO_PASSWORD = "credential.helper=!echo username=; echo password=; :"
# No checkout can be this directory: some programs run files of the current directory
ELSEWHERE = os.environ["SystemRoot"] if sys.platform == "win32" else os.sep
TIMEOUT = 60  # seconds
OPTIONS = ("--index", "--host", "--username", "--scheme", "--git-password")


class GitCredential(cc.Credential):
    def perform(
        self, registry: RegistryInfo, action: cc.Action, args: "list[str]"
    ) -> cc.CredentialResponse:
        options = parse(args)
        if not registry.matches(*options["--index"], *options["--host"]):
            raise cc.UrlNotSupported  # Cargo asks its next provider
        if options["--git-password"] and not isinstance(action, cc.GetAction):
            raise cc.OperationNotSupported
        return super().perform(registry, action, args)

    def get(self, registry: RegistryInfo, operation: Operation, args: "list[str]") -> GetResponse:
        username, token, cache = fill(entry_of(registry, args), [])
        if token.is_empty():
            raise cc.NotFound
        refuse_non_token(token)
        scheme = "".join(parse(args)["--scheme"][-1:])
        if scheme.lower() == "basic":
            token = basic(username, token)
        if scheme:
            token = token.map(lambda value: f"{scheme} {value}")
            refuse_non_token(token)
        return GetResponse(token, cache)

    def login(
        self, registry: RegistryInfo, options: cc.LoginOptions, args: "list[str]"
    ) -> cc.LoginResponse:
        entry, token = entry_of(registry, args), cc.read_token(options, registry)
        refuse_non_token(token)
        said: list[str] = []
        whole, stored = dict(entry, password=token.expose()), False
        try:
            git("approve", whole, said)
            stored = fill(entry, said)[1] == token  # git succeeds without any helper, too
        finally:
            if not stored:  # one of several helpers can have it
                with suppress(OtherError):
                    git("reject", whole, said)
        if not stored:
            problem = "git did not store the token: configure a credential helper, as in"
            raise OtherError(f"{problem} `git config --global credential.helper cache`", said)
        return cc.LoginResponse()

    def logout(self, registry: RegistryInfo, args: "list[str]") -> cc.LogoutResponse:
        said: list[str] = []
        entry = entry_of(registry, args)
        _, token, _ = fill(entry, [])
        git("reject", entry, said)  # also an expired token, which `fill` does not return
        if fill(entry, said)[1]:
            raise OtherError("a credential helper of git still has the token: erase it there", said)
        if said:
            raise OtherError("a credential helper of git failed: it may still have the token", said)
        if token.is_empty():
            raise cc.NotFound
        return cc.LogoutResponse()


def parse(args: "list[str]") -> "dict[str, list[str]]":
    """Return the values of each option."""
    options: dict[str, list[str]] = {option: [] for option in OPTIONS}
    words = iter(args)
    for option in words:
        if option not in OPTIONS:
            raise OtherError(f"unknown option {option!r}: the options are {', '.join(OPTIONS)}")
        value = "" if option == "--git-password" else next(words, option)
        if value in OPTIONS:
            raise OtherError(f"{option} requires a value after it")
        options[option].append(value)
    if not options["--index"] + options["--host"]:
        raise OtherError("add `--index URL` or `--host HOST` to name the registry of the token")
    for host in options["--host"]:
        if "[" in host or not RegistryInfo(f"https://{host}/").matches(host):
            hint = "name other registries with --index URL"
            raise OtherError(f"--host takes a host name, or HOST:PORT, not {host!r}: {hint}")
    return options


def refuse_non_token(token: Secret) -> None:
    problem = problem_of(token.expose())
    if problem:
        raise OtherError(problem)


def basic(login: str, token: Secret) -> Secret:
    """Encode for HTTP Basic. Cargo cannot see what is encoded, so check it before."""
    if not re.fullmatch("[ -9;-~]*", login):
        raise OtherError("HTTP Basic requires a login of printable ASCII characters without `:`")
    if not re.fullmatch("[ -~]+", token.expose()):
        raise OtherError("HTTP Basic requires a token of printable ASCII characters")
    return token.map(lambda value: b64encode(f"{login}:{value}".encode("ascii")).decode("ascii"))


def entry_of(registry: RegistryInfo, args: "list[str]") -> "dict[str, str]":
    """Return what git compares to find the password."""
    options = parse(args)
    names = {"username": options["--username"][-1]} if options["--username"] else {}
    if options["--git-password"]:
        url = registry.index_url
        user = urlsplit(url).username
        names = names or ({"username": unquote(user)} if user else {})
        return {"url": url[len("sparse+") :] if url.startswith("sparse+") else url, **names}
    places = [url for url in options["--index"] if registry.matches(url)]
    places += [host.lower() for host in options["--host"] if registry.matches(host)]
    host = f"{registry.host or 'index'}.cargo-registry.invalid".replace(":", "-")
    # Without a slash, since git's `store` removes one at the end. Python 3.6 would quote a `~`
    path = quote(places[0], safe="~")
    return {"protocol": "https", "host": host, "path": path, "username": "cargo", **names}


def fill(entry: "dict[str, str]", said: "list[str]") -> "tuple[str, Secret, cc.CacheControl]":
    """Return user name and token. The token is empty if no helper has one that is still valid."""
    lines = git("fill", entry, said).decode("utf-8", "replace").split("\n")
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    username, expiry = found.get("username", ""), found.get("password_expiry_utc", "")
    token = Secret(found.get("password", ""))
    if username != entry.get("username", username):  # a helper can answer for another user
        token = Secret("")
    if not expiry.isdecimal():  # git has it from 2.41 on
        return username, token, cc.CacheSession()
    valid = int(expiry) > time.time()
    return username, token if valid else Secret(""), cc.CacheExpires(int(expiry))


def git(verb: str, entry: "dict[str, str]", said: "list[str]") -> bytes:
    """Return what git prints. Add what its helpers print on standard error to `said`."""
    if not "".join(entry.values()).isprintable():
        raise OtherError("git accepts only printable characters in a URL, user name or token")
    command = ["git", "-c", "credential.interactive=false", "-c", NO_PASSWORD]
    if "path" in entry:  # pass it to the helpers; have Git Credential Manager look for no such host
        command += ["-c", "credential.useHttpPath=true", "-c", "credential.provider=generic"]
    command += ["credential", verb]
    given = "".join([f"{name}={value}\n" for name, value in entry.items()]).encode("utf-8")
    try:
        status, output, errors = run(command, given)
    except OSError as error:
        raise OtherError("cannot run `git`", os.strerror(error.errno or 0)) from None
    except TimeoutExpired:
        reason = "a credential helper of git hangs, or left a process behind"
        what = f"`git credential {verb}` took longer than {TIMEOUT} s and was stopped"
        raise OtherError(f"{what}: {reason}") from None
    text = errors.decode("utf-8", "replace").strip()
    if text and text not in said:
        said.append(text)
    if status:
        how = f"status {status}, as git reports above"
        raise OtherError(f"`git credential {verb}` failed with {how}")
    return output


def run(command: "list[str]", given: bytes) -> "tuple[int, bytes, bytes]":
    """Return status, output and errors of git. Do not wait for what a helper left behind."""
    # Without the current directory's repository: it can name a helper, which git would run
    env = dict(os.environ, GIT_DIR=os.devnull, GIT_TERMINAL_PROMPT="0", GIT_ASKPASS="")
    own = True  # a process group, to end the helpers, too
    start, end = os.pipe()
    mark, errors = os.urandom(16), bytearray()
    reader = Thread(target=copy, args=(start, mark, errors), daemon=True)
    reader.start()
    try:
        with Popen(
            command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=end,
            cwd=ELSEWHERE,
            env=env,
            start_new_session=own,
        ) as process:
            try:
                output, _ = process.communicate(given, TIMEOUT)
            except BaseException:
                kill(process)
                raise
    finally:
        os.write(end, mark)
        reader.join()
        os.close(start)
        os.close(end)
    return process.returncode, output, bytes(errors)


def copy(pipe: int, mark: bytes, errors: bytearray) -> None:
    """Read up to the mark. Show errors at once: a helper can ask for the touch of a key."""
    if sys.platform != "win32":  # Ctrl-C must interrupt the main thread
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    end = b""
    while not end:  # the mark arrives whole: a pipe holds less than is read at once
        text, end, _ = os.read(pipe, 1 << 20).partition(mark)
        errors += text
        with suppress(OSError):
            os.write(2, text)


def kill(process: "Popen[bytes]") -> None:
    """End git and its helpers. After SIGTERM, git removes its lock files."""
    if sys.platform == "win32":
        taskkill = os.path.join(os.environ["SystemRoot"], "System32", "taskkill.exe")
        call([taskkill, "/T", "/F", "/PID", str(process.pid)], stdout=DEVNULL, stderr=DEVNULL)
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(OSError, TimeoutExpired):
            os.killpg(process.pid, number)
            process.wait(1)


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


if __name__ == "__main__":
    cc.main(GitCredential())
