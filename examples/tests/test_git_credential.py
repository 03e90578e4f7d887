#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of git_credential.py with the real git, its `store` and `cache`, and real Cargo.

    python3 examples/tests/test_git_credential.py [-v] [CLASS[.test] ...]

They read no git configuration of this machine.
"""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.abspath(os.path.join(sys.path[0], os.pardir, os.pardir)))

import cargo_credential as cc
from support import EXAMPLES, INDEX, CargoWithExample, Example, example, text_of
from test_cargo_credential import (
    FLAGS,
    HERE,
    LOGIN_OK,
    LOGOUT_OK,
    NOT_FOUND,
    NOT_SUPPORTED,
    TOKEN,
    URL_NOT_SUPPORTED,
    Terminal,
    get,
    login,
    logout,
    needs,
    posix_only,
    start,
    token_answer,
)

R = cc.RegistryInfo(INDEX, "alt")
BY_INDEX = ["--index", INDEX]
BY_HOST = ["--host", "R.example"]
ENTRY = "https://cargo:%s@r.example.cargo-registry.invalid/%s"
INDEX_PATH = "sparse%252Bhttps%253A%252F%252Fr.example%252Findex%252F"
LOCKED = "!f() { echo the keyring is locked >&2; exit 1; }; f"
OTHER_USER = "!f() { test $1 = get && echo username=x && echo password=stale; }; f"
ALICE = "https://alice:git-password@r.example"
NO_HELPER = (
    "git did not store the token: configure a credential helper, as in"
    " `git config --global credential.helper cache`"
)


def git_version():
    found = re.search(r"(\d+)\.(\d+)", subprocess.check_output(["git", "--version"]).decode())
    return tuple(map(int, found.groups()))


class WithGit(Example):
    """git with a configuration and a home of its own."""

    EXAMPLE = example("git_credential.py")

    def setUp(self):
        super().setUp()
        self.helper("store")

    def helper(self, *commands, extra=""):
        lines = ["\thelper = %s\n" % json.dumps(command) for command in commands]
        self.write(".gitconfig", "[credential]\n" + "".join(lines) + extra)
        if "cache" in commands:
            self.addCleanup(self.git, "credential-cache", "exit")

    def git(self, *arguments, given=""):
        """What git prints, as its user calls it."""
        process = subprocess.Popen(
            ("git",) + arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self.directory,
            env=dict(self.environment(), GIT_TERMINAL_PROMPT="0"),
        )
        return process.communicate(given.encode(), timeout=60)[0].decode()

    def ask(self, *lines):
        """The answers, and standard error without the token."""
        answers, errors = self.run_provider(self.EXAMPLE, *lines, env=self.environment())
        self.assertNotIn(TOKEN, errors)
        return answers, errors

    def messages(self, *lines):
        """(texts, standard error), which do not show the token."""
        answers, errors = self.ask(*lines)
        self.assertNotIn(TOKEN, repr(answers))
        return [text_of(answer) for answer in answers], errors

    def stored(self):
        """The lines of git's `store`."""
        if not os.path.exists(self.path(".git-credentials")):
            return []
        return self.read(".git-credentials").decode().splitlines()

    def stand_in(self, code):
        """A program `git` that runs instead of the real one."""
        self.program(code, "bin/git")
        self.more = {"PATH": self.path("bin")}


@needs("git")
@posix_only
class Entries(WithGit):
    def test_a_token_is_stored_replaced_returned_and_erased(self):
        for helpers in (["store"], ["cache"], ["cache", "store"]):
            for args in (BY_INDEX, BY_HOST):
                with self.subTest(helpers=helpers, args=args):
                    self.helper(*helpers)
                    lines = [
                        get(R, args),
                        login("x", R, args),
                        login(TOKEN, R, args),
                        get(R, args),
                        logout(R, args),
                        logout(R, args),
                        get(R, args),
                    ]
                    answers, errors = self.ask(*lines)
                    self.assertEqual(
                        answers,
                        [
                            NOT_FOUND,
                            LOGIN_OK,
                            LOGIN_OK,
                            token_answer(TOKEN),
                            LOGOUT_OK,
                            NOT_FOUND,
                            NOT_FOUND,
                        ],
                    )
                    self.assertEqual((errors, self.stored()), ("", []))

    def test_the_entry_names_the_index_or_the_host_and_the_user(self):
        for args, entry in [
            (BY_INDEX, ENTRY % (TOKEN, INDEX_PATH)),
            (BY_HOST, ENTRY % (TOKEN, "r.example")),
            (["--host", "r.example:443"], ENTRY % (TOKEN, "r.example%253A443")),
            ([*BY_HOST, *BY_INDEX], ENTRY % (TOKEN, INDEX_PATH)),
            (
                [*BY_HOST, "--username", "bot"],
                ENTRY.replace("cargo:", "bot:") % (TOKEN, "r.example"),
            ),
        ]:
            with self.subTest(args):
                self.assertEqual(self.ask(login(TOKEN, R, args)), ([LOGIN_OK], ""))
                self.assertEqual(self.stored(), [entry])
                self.assertEqual(self.ask(get(R, args)), ([token_answer(TOKEN)], ""))
                self.assertEqual(self.ask(logout(R, args)), ([LOGOUT_OK], ""))
                self.assertEqual(self.stored(), [])

    def test_each_index_has_its_own_token_and_a_host_has_one(self):
        other = cc.RegistryInfo("sparse+https://r.example/other/")
        both = BY_INDEX + ["--index", other.index_url]
        answers, _ = self.ask(
            login("first", R, both),
            login("second", other, both),
            get(R, both),
            get(other, both),
            get(R, BY_HOST),
            login("third", R, BY_HOST),
            get(other, BY_HOST),
        )
        self.assertEqual(
            answers,
            [
                LOGIN_OK,
                LOGIN_OK,
                token_answer("first"),
                token_answer("second"),
                NOT_FOUND,
                LOGIN_OK,
                token_answer("third"),
            ],
        )

    def test_every_kind_of_index_can_be_named(self):
        for url in (
            "sparse+http://127.0.0.1:8000/index/",
            "sparse+https://[::1]:8443/",
            "https://h/a@b/",
            "ssh://git@h/index",
            "git://h/index",
            "file:///srv/index",
        ):
            registry, args = cc.RegistryInfo(url), ["--index", url]
            answers, errors = self.ask(
                login(TOKEN, registry, args), get(registry, args), logout(registry, args)
            )
            self.assertEqual(answers, [LOGIN_OK, token_answer(TOKEN), LOGOUT_OK], url)
            self.assertEqual(errors, "")

    def test_git_is_not_run_for_another_registry(self):
        self.stand_in("open(%r, 'w')" % self.path("ran"))
        rows = [
            (BY_INDEX, "sparse+https://r.example/index"),
            (BY_INDEX, "sparse+https://r.example/other/"),
            (BY_HOST, "sparse+http://r.example/index/"),
            (BY_HOST, "sparse+https://r.example:444/index/"),
            (BY_HOST, "sparse+https://r.example.evil.example/"),
            (BY_HOST, "https://r.example@evil.example/"),
            (BY_HOST, "git://r.example/"),
            (BY_HOST + ["--git-password"], "https://evil.example/"),
        ]
        for action in (get, logout, lambda *rest: login(TOKEN, *rest)):
            lines = [action(cc.RegistryInfo(url), args) for args, url in rows]
            self.assertEqual(self.ask(*lines), ([URL_NOT_SUPPORTED] * len(rows), ""))
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_a_scheme_comes_before_the_token(self):
        self.ask(login(TOKEN, R, BY_HOST), login(TOKEN, R, [*BY_HOST, "--username", "bot"]))
        for args, value in [
            ([], TOKEN),
            (["--scheme", "Bearer"], "Bearer " + TOKEN),
            (["--scheme", "Basic", "--scheme", "Token"], "Token " + TOKEN),
            (["--scheme", "Basic"], "Basic Y2FyZ286czNjcjN0LXQwa2Vu"),
            (["--scheme", "basic", "--username", "bot"], "basic Ym90OnMzY3IzdC10MGtlbg=="),
        ]:
            self.assertEqual(self.ask(get(R, [*BY_HOST, *args])), ([token_answer(value)], ""))


@needs("git")
@posix_only
class GitPasswords(WithGit):
    """The user's own password for the same host."""

    FILL = "protocol=https\nhost=r.example\n\n"
    FILLED = "protocol=https\nhost=r.example\nusername=alice\npassword=git-password\n"

    def fill(self):
        return self.git("credential", "fill", given=self.FILL)

    def approve(self):
        self.git("credential", "approve", given=self.FILLED + "\n")

    def test_git_has_its_password_before_and_after_a_login_and_a_logout(self):
        for helper in ("store", "cache"):
            for args in (BY_INDEX, BY_HOST, [*BY_HOST, "--username", "alice"]):
                for before in (True, False):
                    with self.subTest(helper=helper, args=args, before=before):
                        self.helper(helper)
                        if before:
                            self.approve()
                        self.assertEqual(self.ask(login(TOKEN, R, args)), ([LOGIN_OK], ""))
                        if not before:
                            self.approve()
                        self.assertEqual(self.fill(), self.FILLED)
                        self.assertEqual(self.ask(get(R, args)), ([token_answer(TOKEN)], ""))
                        self.assertEqual(self.ask(logout(R, args)), ([LOGOUT_OK], ""))
                        self.assertEqual(self.fill(), self.FILLED)
                        if helper == "store":
                            self.assertEqual(self.stored(), [ALICE])
                        self.git("credential", "reject", given=self.FILLED + "\n")

    def test_a_password_that_git_refuses_takes_no_token_with_it(self):
        self.ask(login(TOKEN, R, BY_HOST))
        self.git("credential", "reject", given=self.FILL)
        self.assertEqual(self.ask(get(R, BY_HOST)), ([token_answer(TOKEN)], ""))

    def test_on_request_gits_password_is_returned_and_unchanged(self):
        self.approve()
        self.git(
            "credential",
            "approve",
            given=self.FILLED.replace("alice", "bob").replace("git-password", TOKEN) + "\n",
        )
        before = self.stored()
        args = ["--git-password", *BY_HOST]
        basic = "Basic Ym9iOnMzY3IzdC10MGtlbg=="
        answers, errors = self.ask(
            get(R, [*args, "--username", "alice"]),
            get(R, [*args, "--username", "bob"]),
            get(R, [*args, "--username", "bob", "--scheme", "Basic"]),
            get(R, [*args, "--scheme", "Basic"]),
            get(R, [*args, "--username", "eve"]),
            get(cc.RegistryInfo("https://bob@r.example/"), args),
            get(R, ["--git-password", *BY_INDEX, "--username", "alice"]),
            login("other", R, args),
            logout(R, args),
        )
        self.assertEqual(
            answers,
            [
                token_answer("git-password"),
                token_answer(TOKEN),
                token_answer(basic),
                token_answer(basic),
                NOT_FOUND,
                token_answer(TOKEN),
                token_answer("git-password"),
                NOT_SUPPORTED,
                NOT_SUPPORTED,
            ],
        )
        self.assertEqual((errors, self.stored()), ("", before))


@needs("git")
@posix_only
class Silence(WithGit):
    def test_a_missing_entry_is_not_found_and_opens_no_prompt(self):
        asker = self.program("open(%r, 'w'); print('answer')" % self.path("asked"), "ask")
        self.helper("store", extra="[core]\n\taskPass = %s\n" % asker)
        self.more = {"GIT_ASKPASS": asker, "SSH_ASKPASS": asker, "DISPLAY": ":0"}
        for args in (BY_INDEX, BY_HOST, ["--git-password", *BY_HOST]):
            terminal = Terminal(
                [sys.executable, *FLAGS, self.EXAMPLE, "--cargo-plugin"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=self.environment(),
            )
            self.addCleanup(terminal.close)
            output = terminal.process.communicate(get(R, args), timeout=60)[0].decode()
            self.assertEqual(output, '{"v":[1]}\n%s\n' % NOT_FOUND)
            self.assertEqual(terminal.rest(), (0, b""))
        self.assertFalse(os.path.exists(self.path("asked")))

    def test_the_repository_in_the_current_directory_runs_nothing(self):
        evil = "!touch '%s'; echo username=evil; echo password=evil; :" % self.path("ran")
        for bare in ([], ["--bare"]):
            self.git("init", "-q", *bare, "checkout")
            self.git("-C", "checkout", "config", "credential.helper", evil)
            self.git("-C", "checkout", "credential", "fill", given="url=https://r.example\n\n")
            self.assertTrue(os.path.exists(self.path("ran")), "the trap must work")
            os.remove(self.path("ran"))
            lines = [
                get(R, BY_HOST),
                get(R, [*BY_HOST, "--git-password"]),
                login(TOKEN, R, BY_HOST),
            ]
            process = start(
                [self.EXAMPLE, "--cargo-plugin"], cwd=self.path("checkout"), env=self.environment()
            )
            answers, _ = self.finish_provider(process, *lines)
            self.assertEqual(answers, [NOT_FOUND, NOT_FOUND, LOGIN_OK])
            self.assertFalse(os.path.exists(self.path("ran")))
            shutil.rmtree(self.path("checkout"))
            self.ask(logout(R, BY_HOST))

    def test_a_repository_that_the_environment_names_runs_nothing(self):
        self.git("init", "-q", "checkout")
        self.git(
            "-C", "checkout", "config", "credential.helper", "!touch '%s'; :" % self.path("ran")
        )
        self.more = {"GIT_DIR": self.path("checkout", ".git")}  # as in a hook of git
        self.assertEqual(self.ask(get(R, BY_HOST)), ([NOT_FOUND], ""))
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_the_token_is_on_no_command_line_and_in_no_variable(self):
        real = shutil.which("git")
        self.stand_in(
            "print(sys.argv, os.environ, file=open(%r, 'a'))\nos.execv(%r, ['git'] + sys.argv[1:])"
            % (self.path("log"), real)
        )
        self.more["PATH"] += os.pathsep + os.environ["PATH"]
        answers, _ = self.ask(login(TOKEN, R, BY_HOST), get(R, BY_HOST), logout(R, BY_HOST))
        self.assertEqual(answers, [LOGIN_OK, token_answer(TOKEN), LOGOUT_OK])
        log = self.read("log").decode()
        self.assertEqual([log.count("'%s'" % verb) for verb in ("approve", "reject")], [1, 1])
        self.assertNotIn(TOKEN, log)
        self.assertIn("credential.interactive=false", log)  # for Git Credential Manager

    def test_the_token_is_hidden_in_an_error_also_when_it_is_encoded(self):
        self.stand_in("print('username=cargo\\npassword=%s')" % TOKEN)
        code = (
            "import sys\nsys.path[:0] = [%r, %r]\nimport cargo_credential as cc, git_credential\n"
            "class Failing(git_credential.GitCredential):\n"
            "    def get(self, *rest):\n"
            "        raise ValueError('sent ' + super().get(*rest).token.expose())\n"
            "cc.main(Failing())\n" % (HERE, EXAMPLES)
        )
        path = self.write("failing.py", code)
        lines = [get(R, [*BY_HOST, *scheme]) for scheme in ([], ["--scheme", "Basic"])]
        answers, errors = self.run_provider(path, *lines, env=self.environment())
        self.assertEqual(
            [json.loads(answer)["Err"]["message"] for answer in answers],
            ["sent [REDACTED]", "sent [REDACTED]"],
        )
        self.assertEqual(errors, "")


@needs("git")
@posix_only
class OtherUsers(WithGit):
    def test_a_password_of_another_user_is_no_token(self):
        self.helper(OTHER_USER)
        password = ["--git-password", *BY_HOST]
        of_url = cc.RegistryInfo("https://r.example/")
        of_user = cc.RegistryInfo("https://bob@r.example/")
        rows = [
            (get(R, BY_HOST), NOT_FOUND),
            (get(R, [*BY_HOST, "--username", "x"]), token_answer("stale")),
            (get(of_url, [*password, "--username", "bob"]), NOT_FOUND),
            (get(of_user, password), NOT_FOUND),
            (get(of_url, password), token_answer("stale")),
            (logout(R, BY_HOST), NOT_FOUND),
        ]
        answers = [answer for _, answer in rows]
        self.assertEqual(self.ask(*[line for line, _ in rows]), (answers, ""))

    def test_basic_refuses_what_it_cannot_encode(self):
        login_text = "HTTP Basic requires a login of printable ASCII characters without `:`"
        token_text = "HTTP Basic requires a token of printable ASCII characters"
        for name, password, text in [
            ("a:b", "t", login_text),
            ("\u00e9", "t", login_text),
            ("u", "caf\u00e9", token_text),
            ("u", "a\tb", token_text),
        ]:
            words = "username=%s\npassword=%s\n" % (name, password)
            self.write("answer", words)
            self.helper("!cat '%s'; :" % self.path("answer"))
            line = get(R, ["--git-password", *BY_HOST, "--scheme", "Basic"])
            with self.subTest(words):
                self.assertEqual(self.messages(line), ([text], ""))

    def test_what_cannot_be_a_token_is_neither_stored_nor_sent(self):
        text = "the token is a placeholder that nothing replaced: set the variable, or correct"
        self.assertIn(text, self.messages(login("${TOKEN}", R, BY_HOST))[0][0])
        self.assertEqual(self.stored(), [])
        self.helper("!echo 'password=${TOKEN}'; :")
        for scheme in ([], ["--scheme", "Bearer"], ["--scheme", "Basic"]):
            self.assertIn(text, self.messages(get(R, BY_HOST + scheme))[0][0])


@needs("git")
@posix_only
class SlowHelpers(WithGit):
    def setUp(self):
        super().setUp()
        os.mkfifo(self.path("fifo"))
        self.addCleanup(self.let_them_go)

    def let_them_go(self):
        """End the processes that read or write the named pipe."""
        os.close(os.open(self.path("fifo"), os.O_RDWR))

    def test_a_process_that_a_helper_left_behind_is_not_waited_for(self):
        self.helper("store", "!f() { cat '%s' & test $1 = get && echo; }; f" % self.path("fifo"))
        lines = [login(TOKEN, R, BY_HOST), get(R, BY_HOST), get(R, BY_INDEX), logout(R, BY_HOST)]
        answers, errors = self.ask(*lines)
        self.assertEqual(answers, [LOGIN_OK, token_answer(TOKEN), NOT_FOUND, LOGOUT_OK])
        self.assertEqual(errors, "")

    def test_ctrl_c_ends_a_helper_that_hangs(self):
        self.helper("!cat >'%s' '%s'; :" % (self.path("fifo"), self.path("other")))
        os.mkfifo(self.path("other"))
        process = start([self.EXAMPLE, "--cargo-plugin"], env=self.environment())
        process.stdin.write(get(R, BY_HOST))
        process.stdin.flush()
        with open(self.path("fifo"), "rb") as pipe:  # waits for the helper
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=60)
            self.assertEqual((output, errors), (b'{"v":[1]}\n', b""))
            self.assertEqual(pipe.read(), b"")  # no process has it open
        self.assertEqual(process.returncode, 130)

    def test_a_helper_that_hangs_is_stopped_with_all_it_started(self):
        self.helper("store", "!cat >'%s' '%s'; :" % (self.path("fifo"), self.path("other")))
        os.mkfifo(self.path("other"))
        code = (
            "import sys\nsys.path[:0] = [%r, %r]\nimport cargo_credential as cc, git_credential\n"
            "git_credential.TIMEOUT = 1\ncc.main(git_credential.GitCredential())\n"
        )
        path = self.write("impatient.py", code % (HERE, EXAMPLES))
        pipe = os.open(self.path("fifo"), os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, pipe)
        lines = [get(R, BY_HOST), login(TOKEN, R, BY_HOST)]
        answers, errors = self.run_provider(path, *lines, env=self.environment())
        text = (
            "`git credential %s` took longer than 1 s and was stopped:"
            " a credential helper of git hangs, or left a process behind"
        )
        self.assertEqual([text_of(a) for a in answers], [text % "fill", text % "approve"])
        self.assertEqual((errors, self.stored()), ("", []))
        select.select([pipe], [], [], 60)
        self.assertEqual(os.read(pipe, 1), b"")  # no process has it open


@needs("git")
@posix_only
class Expiry(WithGit):
    def answers(self, *expiries):
        found = []
        for expiry in expiries:
            words = "username=u\npassword=%s\n%s" % (TOKEN, expiry)
            self.write("answer", words)
            found += self.ask(get(R, ["--git-password", *BY_HOST]))[0]
        return found

    def test_cargo_gets_the_expiry_that_git_has(self):
        self.stand_in("sys.stdout.write(open(%r).read())" % self.path("answer"))
        now = int(time.time())
        expires = token_answer(TOKEN).replace(
            '"session"', '"expires","expiration":%d' % (now + 900)
        )
        self.assertEqual(
            self.answers(
                "",
                "password_expiry_utc=%d\n" % (now + 900),
                "password_expiry_utc=%d\n" % now,
                "password_expiry_utc=0\n",
                "password_expiry_utc=\n",
                "password_expiry_utc=x\n",
            ),
            [token_answer(TOKEN), expires, NOT_FOUND, NOT_FOUND, *[token_answer(TOKEN)] * 2],
        )

    def test_a_helper_says_when_its_token_expires(self):
        if git_version() < (2, 41):
            self.skipTest("needs git 2.41 or later")
        now = int(time.time())
        self.helper("!cat '%s'; :" % self.path("answer"))
        expires = token_answer(TOKEN).replace(
            '"session"', '"expires","expiration":%d' % (now + 900)
        )
        self.assertEqual(
            self.answers(
                "password_expiry_utc=%d\n" % (now + 900), "password_expiry_utc=%d\n" % (now - 9), ""
            ),
            [expires, NOT_FOUND, token_answer(TOKEN)],
        )


@needs("git")
@posix_only
class Mistakes(WithGit):
    def test_a_login_that_no_helper_stored_says_how_to_configure_one(self):
        for helpers in ([], [""], ["!:"], ["!f() { test $1 = get && echo password=x; }; f"]):
            self.helper(*helpers)
            self.assertEqual(self.messages(login(TOKEN, R, BY_HOST)), ([NO_HELPER], ""))

    def test_a_logout_after_which_a_helper_has_the_token_is_an_error(self):
        self.helper("store", "!f() { test $1 = get && echo password=%s; }; f" % TOKEN)
        self.ask(login(TOKEN, R, BY_HOST))
        message = "a credential helper of git still has the token: erase it there"
        self.assertEqual(self.messages(logout(R, BY_HOST)), ([message], ""))
        self.assertEqual(self.stored(), [])

    def test_a_failed_login_leaves_no_token_in_a_helper_that_stored_it(self):
        stale = "!f() { test $1 = get && echo password=stale; }; f"
        ending = "!f() { test $1 = get && echo quit=1; }; f"
        status = "`git credential fill` failed with status 128, as git reports above"
        for helper, text in [(stale, NO_HELPER), (OTHER_USER, NO_HELPER), (ending, status)]:
            with self.subTest(helper):
                self.helper(helper, "store")
                (message,), _ = self.messages(login(TOKEN, R, BY_HOST))
                self.assertEqual((message, self.stored()), (text, []))

    def test_a_login_that_fails_shows_what_the_helpers_reported(self):
        self.helper(LOCKED)
        (message,), errors = self.messages(login(TOKEN, R, BY_HOST))
        self.assertEqual(message, NO_HELPER + ": the keyring is locked")
        self.assertEqual(set(errors.splitlines()), {"the keyring is locked"})
        self.helper("missing")
        (message,), errors = self.messages(login(TOKEN, R, BY_HOST))
        self.assertIn(NO_HELPER + ": git: 'credential-missing' is not a git command", message)

    def test_a_logout_is_an_error_if_a_helper_failed(self):
        text = "a credential helper of git failed: it may still have the token"
        text += ": the keyring is locked"
        for helpers in (["store", LOCKED], [LOCKED]):
            self.write(".git-credentials", ENTRY % (TOKEN, "r.example") + "\n", 0o600)
            with self.subTest(helpers):
                self.helper(*helpers)
                (message,), errors = self.messages(logout(R, BY_HOST))
                self.assertEqual(message, text)
                self.assertEqual(set(errors.splitlines()), {"the keyring is locked"})
        self.assertEqual(len(self.stored()), 1)
        self.helper("store", LOCKED)
        self.assertEqual(self.messages(logout(R, BY_HOST))[0], [text])
        self.assertEqual(self.stored(), [])

    def test_a_failure_of_git_differs_from_a_missing_entry(self):
        self.write(".gitconfig", "[damaged\n")
        (message,), errors = self.messages(get(R, BY_HOST))
        self.assertEqual(
            message, "`git credential fill` failed with status 128, as git reports above"
        )
        self.assertIn("gitconfig", errors)
        self.helper("!echo quit=1; :")
        (message,), errors = self.messages(get(R, BY_HOST))
        self.assertEqual(
            message, "`git credential fill` failed with status 128, as git reports above"
        )
        self.stand_in("sys.exit(3)")
        messages, _ = self.messages(login(TOKEN, R, BY_HOST), get(R, BY_HOST), logout(R, BY_HOST))
        for message, verb in zip(messages, ("approve", "fill", "fill")):
            expected = "`git credential %s` failed with status 3, as git reports above" % verb
            self.assertEqual(message, expected)

    def test_a_missing_git_is_reported(self):
        self.more = {"PATH": self.directory}
        messages, errors = self.messages(get(R, BY_HOST))
        self.assertEqual((messages, errors), (["cannot run `git`: No such file or directory"], ""))

    def test_a_wrong_configuration_is_reported(self):
        known = "the options are --index, --host, --username, --scheme, --git-password"
        one = "add `--index URL` or `--host HOST` to name the registry of the token"
        text = "git accepts only printable characters in a URL, user name or token"
        no_host = "--host takes a host name, or HOST:PORT, not '%s'"
        no_host += ": name other registries with --index URL"
        for args, message in [
            ([], one),
            (["--scheme", "Bearer"], one),
            (["--git-password"], one),
            (["--ttl", "5"], "unknown option '--ttl': " + known),
            (["r.example"], "unknown option 'r.example': " + known),
            (["--host"], "--host requires a value after it"),
            (["--host", "--git-password"], "--host requires a value after it"),
            ([*BY_HOST, "--scheme"], "--scheme requires a value after it"),
            ([*BY_HOST, "--username", "a\nhost=evil.example"], text),
            (["--host", "[::1]"], no_host % "[::1]"),
            (["--host", "::1"], no_host % "::1"),
            ([*BY_HOST, "--host", "*.example"], no_host % "*.example"),
        ]:
            self.assertEqual(self.messages(get(R, args)), ([message], ""), args)

    def test_an_index_url_with_a_line_break_reaches_no_helper(self):
        url = "https://r.example/\nhost=evil.example"
        args = ["--index", url, "--git-password"]
        text = "git accepts only printable characters in a URL, user name or token"
        self.assertEqual(self.messages(get(cc.RegistryInfo(url), args)), ([text], ""))

    def test_the_docstrings_command_shows_what_cargo_gets(self):
        self.assert_tries_as_documented(r'\A\{"v":\[1\]\}\n\{"Err":\{"kind":"not-found"\}\}\n\Z')


@needs("cargo", "git")
@posix_only
class GitCredentialWithCargo(CargoWithExample):
    EXAMPLE = example("git_credential.py")

    def setUp(self):
        super().setUp()
        self.write(".gitconfig", "[credential]\n\thelper = store\n")
        self.mine = "http://alice:git-password@127.0.0.1:%d" % self.registry.server_port
        self.mine = self.mine.replace("127.0.0.1:", "127.0.0.1%3a")
        self.write(".git-credentials", self.mine + "\n")
        self.configure(self.EXAMPLE, "--index", self.index)

    def stored(self):
        return self.read(".git-credentials").decode().splitlines()

    def test_login_build_publish_and_logout(self):
        """Login, build, publish, logout, and logout again."""
        self.assertIn("no token found for `alt`", self.cargo("build", status=101))
        self.cargo("login", "--registry", "alt", stdin=self.TOKEN.encode() + b"\n")
        self.assertEqual(len(self.stored()), 2)
        self.assertIn("Compiling dep v1.0.0", self.cargo("build"))
        self.assertIn("Published app v0.1.0", self.publish())
        self.assertEqual({token for _, _, token in self.registry.log}, {None, self.TOKEN})
        self.assertIn(self.mine, self.stored())
        self.cargo("logout", "--registry", "alt")
        self.assertEqual(self.stored(), [self.mine])
        shown = self.cargo("logout", "--registry", "alt")
        self.assertIn("not currently logged in to `alt`", shown)
        self.assertIn("no token found for `alt`", self.cargo("update", status=101))
        self.assertEqual(self.stored(), [self.mine])

    def test_a_token_is_typed_on_a_terminal(self):
        terminal = self.cargo_on_a_terminal("login", "--registry", "alt")
        shown = terminal.read(b"/me below\r\n")
        terminal.wait_for_no_echo()
        terminal.type(self.TOKEN.encode() + b"\n")
        status, rest = terminal.rest()
        self.assertEqual(status, 0, rest)
        self.assertNotIn(TOKEN.encode(), shown + rest)
        self.assertIn("Compiling dep v1.0.0", self.cargo("build"))

    def test_a_login_without_a_helper_fails(self):
        self.write(".gitconfig", "")
        token = self.TOKEN.encode() + b"\n"
        self.assertIn(NO_HELPER, self.cargo("login", "--registry", "alt", stdin=token, status=101))

    def test_a_logout_fails_if_a_helper_failed(self):
        self.write(
            ".gitconfig", "[credential]\n\thelper = store\n\thelper = %s\n" % json.dumps(LOCKED)
        )
        self.login()
        shown = self.logout(status=101)
        self.assertIn("a credential helper of git failed: it may still have the token", shown)
        self.assertIn("the keyring is locked", shown)
        self.assertEqual(self.stored(), [self.mine])

    def test_each_identity_on_one_registry_has_its_own_token(self):
        """The user name is chosen by the environment of each command."""
        self.configure()
        self.put_on_path(EXAMPLES)
        program = "git_credential.py --index %s --username " % self.index
        for name in ("alice", "bob"):
            self.more["CARGO_REGISTRIES_ALT_CREDENTIAL_PROVIDER"] = program + name
            self.registry.token = name + "-" + TOKEN
            self.cargo("login", "--registry", "alt", stdin=self.registry.token.encode())
        self.assertEqual(len(self.stored()), 3)
        del self.registry.log[:]
        self.cargo("update")
        self.assertEqual({token for _, _, token in self.registry.log}, {None, "bob-" + TOKEN})
        self.cargo("logout", "--registry", "alt")
        self.assertEqual(len([line for line in self.stored() if "//alice:alice-" in line]), 1)
        self.assertEqual(len([line for line in self.stored() if "//bob:" in line]), 0)

    def test_cargo_asks_the_next_provider_for_another_registry(self):
        other = self.recorder("other", "return GetResponse(Secret(%r))" % self.TOKEN)
        self.globally([other], [self.EXAMPLE, "--host", "r.example"])
        self.cargo("update")


if __name__ == "__main__":
    unittest.main()
