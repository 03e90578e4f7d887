#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of confirm_publish.py on terminals, without one, and with real Cargo.

python3 examples/tests/test_confirm_publish.py [-v] [CLASS[.test] ...]
"""

import hashlib
import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.abspath(os.path.join(sys.path[0], os.pardir, os.pardir)))

import cargo_credential as cc
from support import EXAMPLES, PUBLISH, READ, CargoWithExample, Example, example
from test_cargo_credential import (
    MODULE,
    NOT_FOUND,
    REGISTRY,
    URL_NOT_SUPPORTED,
    get,
    line_of,
    needs,
    posix_only,
)

OWNERS = cc.GetAction(cc.OwnersOperation("foo"))
YANK = cc.GetAction(cc.YankOperation("a to b", "1 2"))
UNKNOWN = cc.GetAction(cc.UnknownOperation())
LOGIN = cc.LoginAction(cc.LoginOptions())
LOGOUT = cc.LogoutAction()
WHERE = "to alt (index sparse+https://r.example/index/), at r.example"
PUBLISH_FOO = "publish foo 0.1.0, sha256 ab12, "
DISAGREED = "you did not agree to "
ALWAYS = "return GetResponse(Secret(%r))" % CargoWithExample.TOKEN
CACHES = ["CacheSession()", "CacheExpires(time.time() + 3600)", "CacheNever()"]


class Confirm(Example):
    EXAMPLE = example("confirm_publish.py")

    def question(self, action=PUBLISH, typed=b"n\n", registry=REGISTRY, ahead=b""):
        """(the question, the text of the answer) after `typed`; `ahead` is typed before."""
        terminal = self.on_a_terminal()
        if ahead:
            terminal.type(ahead)
            terminal.read(ahead.replace(b"\n", b"\r\n"))  # the echo: it has arrived
        args = [self.recorder("inner", ALWAYS)]
        terminal.process.stdin.write(line_of(action, registry, args))
        terminal.process.stdin.flush()
        shown = terminal.read(b"? [y/N] ").decode()
        terminal.type(typed)
        answer = terminal.process.stdout.readline().decode()
        terminal.process.stdin.close()
        self.assertEqual(terminal.rest(), (0, typed.replace(b"\n", b"\r\n")))
        return shown[: -len("? [y/N] ")], answer.rstrip("\n")

    def message(self, answer):
        return json.loads(answer)["Err"]["message"]


@posix_only
class Question(Confirm):
    def test_y_and_yes_agree_for_this_operation_only(self):
        token = cc.Secret(CargoWithExample.TOKEN)
        yes = cc.GetResponse(token, cc.CacheNever(), operation_independent=False).to_json()
        for typed in (b"y\n", b"Y\n", b"yes\n", b" YES \n"):
            with self.subTest(typed):
                self.assertEqual(self.question(typed=typed), (PUBLISH_FOO + WHERE, yes))

    def test_everything_else_disagrees(self):
        for typed in (b"\n", b"n\n", b"no\n", b"ye\n", b"yes please\n", b"y y\n", b"\xc3\xbf\n"):
            with self.subTest(typed):
                _, answer = self.question(typed=typed)
                self.assertEqual(self.message(answer), DISAGREED + PUBLISH_FOO + WHERE)
        self.assertFalse(os.path.exists(self.path("inner.log")))

    def test_what_was_typed_before_the_question_does_not_answer_it(self):
        _, answer = self.question(ahead=b"y\n")
        self.assertEqual(self.message(answer), DISAGREED + PUBLISH_FOO + WHERE)

    CORP = "list or change the owners of foo on corp at an unknown host (index %s)"
    # (action, registry, question)
    QUESTIONS = [
        (
            UNKNOWN,
            REGISTRY,
            "do something that this provider does not know " + "on" + WHERE[2:],
        ),
        # A control character, or a letter that looks like another one
        (
            cc.GetAction(cc.PublishOperation("a\x9bm\n", "\x1b[1A", "\x00")),
            cc.RegistryInfo("sparse+https://\u0430lt.example@r.example/\x1b[2J", "\u202ealt\r"),
            r"publish a\x9bm\n \x1b[1A, sha256 \x00, to \u202ealt\r at an unknown host"
            r" (index sparse+https://\u0430lt.example@r.example/\x1b[2J)",
        ),
        # Text before an @ that looks like a host
        (
            OWNERS,
            cc.RegistryInfo("sparse+https://crates.corp.example@evil.example/index/"),
            "list or change the owners of foo on a registry without a name"
            " (index sparse+https://crates.corp.example@evil.example/index/), at evil.example",
        ),
        # Values with spaces, which look like more of the question
        (
            YANK,
            cc.RegistryInfo(
                "https://evil.example/i),", "corp (index https://good.example), at good.example?"
            ),
            r"yank a\x20to\x20b 1\x202 on"
            r" corp\x20(index\x20https://good.example),\x20at\x20good.example?"
            " (index https://evil.example/i),), at evil.example",
        ),
        (
            OWNERS,
            cc.RegistryInfo("git://evil/i), at crates.corp.example? [y/N] y", "corp"),
            CORP % r"git://evil/i),\x20at\x20crates.corp.example?\x20[y/N]\x20y",
        ),
        # Index URLs without a host that is certain
        (
            OWNERS,
            cc.RegistryInfo("git://crates.corp.example?@evil/i", "corp"),
            CORP % "git://crates.corp.example?@evil/i",
        ),
        (
            OWNERS,
            cc.RegistryInfo("git://crates.corp.example#@evil/i", "corp"),
            CORP % "git://crates.corp.example#@evil/i",
        ),
        (
            OWNERS,
            cc.RegistryInfo("file:///home/me/index", "corp"),
            CORP % "file:///home/me/index",
        ),
        (
            OWNERS,
            cc.RegistryInfo("https://crates.corp.example%2eevil/", "corp"),
            CORP % "https://crates.corp.example%2eevil/",
        ),
        (
            OWNERS,
            cc.RegistryInfo("\r\x1b[2K" + "x" * 700, "corp"),
            CORP % (r"\r\x1b[2K" + "x" * 700),
        ),
        (OWNERS, cc.RegistryInfo("", "corp"), CORP % ""),
    ]

    def test_each_value_of_the_question_is_a_single_word_without_control_characters(self):
        for action, registry, question in self.QUESTIONS:
            with self.subTest(question):
                shown, answer = self.question(action, registry=registry)
                self.assertEqual(shown, question)
                self.assertEqual(self.message(answer), DISAGREED + question)

    def test_a_question_that_could_fill_the_screen_is_an_error(self):
        start = "the question would be longer than 1000 characters: " + PUBLISH_FOO
        args = [self.recorder("inner", ALWAYS)]
        for url in ("git://evil/" + "x" * 1000, "https://evil.example/" + "x" * 1000, "\n" * 500):
            with self.subTest(url[:20]):
                text = self.text(PUBLISH, args, cc.RegistryInfo(url, "corp"))
                rest = 80 - len(PUBLISH_FOO)
                self.assertRegex(text, r"\A%s.{%d}\.\.\.\Z" % (re.escape(start), rest))
        self.assertFalse(os.path.exists(self.path("inner.log")))


@posix_only
class WithoutATerminal(Confirm):
    def test_errors_of_the_other_provider_reach_cargo_unchanged(self):
        for code, answer in [
            ("raise UrlNotSupported", URL_NOT_SUPPORTED),
            ("raise NotFound", NOT_FOUND),
            ("raise OtherError('m', ['c', 'd'])", cc.OtherError("m", ["c", "d"]).to_json()),
        ]:
            args = [self.recorder("inner", code)]
            for action in (READ, LOGOUT, LOGIN):
                with self.subTest(code, action=action):
                    self.assertEqual(self.ask(line_of(action, REGISTRY, args)), ([answer], ""))

    def test_an_error_of_the_other_provider_cannot_control_the_terminal(self):
        code = r"raise OtherError('a\x1b[2J\r\nb\u202e', ['\x07\u2028', '\u00e9\u200d\x9b'])"
        text = "a\\x1b[2J\nb\\u202e: \\x07\\u2028: \u00e9\u200d\\x9b"
        self.assertEqual(self.text(LOGOUT, [self.recorder("inner", code)]), text)

    def test_a_token_to_read_is_for_reads_only(self):
        for cache in CACHES[::2]:
            with self.subTest(cache):
                code = "return GetResponse(Secret('t'), %s)" % cache
                (answer,), _ = self.ask(get(REGISTRY, [self.recorder("inner", code)]))
                ok = json.loads(answer)["Ok"]
                self.assertEqual(ok["cache"], cache[len("Cache") : -len("()")].lower())
                self.assertIs(ok["operation_independent"], False)

    def test_a_wrong_configuration_is_reported(self):
        relative = "`%s` is a relative path: name the absolute path of the provider"
        nul = "the provider or its argument contains a NUL character: remove it"
        for args, text in [
            (
                [],
                "confirm_publish.py needs another provider: add its absolute path after this"
                " one's in `credential-provider`",
            ),
            (["cargo:token"], "`cargo:token` is built into Cargo: name a program"),
            (["./prov.py"], relative % "./prov.py"),
            (["tools/prov.py", "x"], relative % "tools/prov.py"),
            (["/x\0"], nul),
            (["/x", "\0"], nul),
        ]:
            for action in (PUBLISH, LOGOUT):
                with self.subTest(args, action=action):
                    self.assertEqual(self.text(action, args), text)

    def test_a_bare_name_is_looked_up_on_path(self):
        missing = "failed to spawn credential process: No such file or directory (os error 2)"
        self.assertEqual(self.text(LOGOUT, ["no-such-provider"]), missing)
        self.recorder("bin/there", "raise NotFound")
        self.more["PATH"] = self.path("bin")
        self.assertEqual(self.text(LOGOUT, ["there.py"]), NOT_FOUND)

    def test_the_docstrings_command_shows_what_cargo_gets(self):
        path = self.recorder("inner", ALWAYS)
        refused = "a terminal is needed to ask whether to list or change the owners of foo"
        self.assert_tries_as_documented(refused, [("/path/to/prov.py", path)])


# A provider that has the error against which confirm_publish.py guards
UNBOUND = (
    """
    import sys
    sys.path.insert(0, %r)
    from confirm_publish import ConfirmPublish
    class Provider(ConfirmPublish):
        def perform(self, registry, action, args):
            answer = super().perform(registry, action, args)
            return GetResponse(answer.token, answer.cache, operation_independent=True)
"""
    % EXAMPLES
)


@needs("cargo")
@posix_only
class ConfirmPublishWithCargo(Confirm, CargoWithExample):
    def where(self):
        return "alt (index %s), at 127.0.0.1" % self.index

    def have_crate(self):
        """Publish a crate, for operations that require one."""
        self.registry.add({"name": "app", "vers": "0.1.0"}, self.registry.crate("app", "0.1.0"))

    def cksum(self):
        return hashlib.sha256(self.registry.crates["app-0.1.0"]).hexdigest()

    def answer_question(self, terminal, typed):
        """Read the terminal up to the question, type the answer, and return the question."""
        shown = terminal.read(b"? [y/N] ").decode()
        terminal.type(typed)
        return shown.splitlines()[-1][: -len("? [y/N] ")]

    def publish_on_a_terminal(self, *more):
        return self.cargo_on_a_terminal("publish", "--allow-dirty", "--no-verify", *more)

    def assert_only_reads(self):
        self.assertEqual(set(self.log("inner")), {"get ReadOperation() []"})
        self.assertEqual(self.sent("PUT") + self.sent("DELETE"), [])

    def test_yes_publishes(self):
        self.configure(self.EXAMPLE, self.recorder("inner", ALWAYS), "its", "own")
        terminal = self.publish_on_a_terminal()
        question = self.answer_question(terminal, b"y\n")
        status, rest = terminal.rest()
        self.assertEqual(status, 0, rest)
        wanted = "publish app 0.1.0, sha256 %s, to %s" % (self.cksum(), self.where())
        self.assertEqual(question, wanted)
        self.assertEqual(self.sent("PUT"), [("/api/v1/crates/new", self.TOKEN)])
        # Cargo keeps the token to read, as the other provider allows
        publish = "get PublishOperation(name='app', vers='0.1.0', cksum='%s')" % self.cksum()
        operations = ["get ReadOperation()", publish]
        self.assertEqual(self.log("inner"), [line + " ['its', 'own']" for line in operations])

    OPERATIONS = [
        (("yank", "app@0.1.0"), "yank app 0.1.0", ("DELETE", "yank")),
        (("yank", "--undo", "app@0.1.0"), "unyank app 0.1.0", ("PUT", "unyank")),
        (("owner", "--add", "them", "app"), "list or change the owners of app", ("PUT", "owners")),
    ]

    def test_yes_yanks_unyanks_and_changes_owners(self):
        self.have_crate()
        self.configure(self.EXAMPLE, self.recorder("inner", ALWAYS))
        for arguments, operation, (method, end) in self.OPERATIONS:
            with self.subTest(operation):
                terminal = self.cargo_on_a_terminal(*arguments, "--registry", "alt")
                question = self.answer_question(terminal, b"yes\n")
                status, rest = terminal.rest()
                self.assertEqual(status, 0, rest)
                self.assertEqual(question, "%s on %s" % (operation, self.where()))
                path, token = self.sent(method)[-1]
                self.assertEqual((path.rsplit("/", 1)[1], token), (end, self.TOKEN))

    def test_no_ends_cargo_and_the_other_provider_does_not_run(self):
        self.have_crate()
        self.configure(self.EXAMPLE, self.recorder("inner", ALWAYS))
        cause = "Caused by:\r\n  %syank app 0.1.0 on %s\r\n" % (DISAGREED, self.where())
        for typed in (b"n\n", b"\n", b"\x04"):
            with self.subTest(typed):
                terminal = self.cargo_on_a_terminal("yank", "app@0.1.0", "--registry", "alt")
                self.answer_question(terminal, typed)
                status, rest = terminal.rest()
                self.assertEqual(status, 101)
                self.assertIn(cause, rest.decode())
                self.assert_only_reads()

    def test_ctrl_c_ends_both(self):
        self.configure(self.EXAMPLE, self.recorder("inner", ALWAYS))
        terminal = self.publish_on_a_terminal()
        self.answer_question(terminal, b"y\x03")
        status, rest = terminal.rest()
        self.assertNotEqual(status, 0)
        self.assertNotIn(b"Traceback", rest)
        self.assert_only_reads()

    def test_without_a_terminal_it_refuses_whatever_the_cache_of_the_token(self):
        cause = (
            "Caused by:\n  a terminal is needed to ask whether to publish app 0.1.0,"
            " sha256 [0-9a-f]{64}, to %s: for use without one, configure the other provider"
            " alone\n\\Z" % re.escape(self.where())
        )
        for cache in CACHES:
            with self.subTest(cache):
                code = "return GetResponse(Secret(%r), %s)" % (self.TOKEN, cache)
                self.configure(self.EXAMPLE, self.recorder("inner", code))
                self.assertRegex(self.publish(status=101), cause)
                self.assert_only_reads()

    def test_cargo_publishes_with_an_unbound_token_to_read(self):
        """So the test above would fail without `operation_independent=False`."""
        for cache in CACHES[:2]:
            with self.subTest(cache):
                code = "return GetResponse(Secret(%r), %s)" % (self.TOKEN, cache)
                inner = self.recorder("inner", code)
                self.configure(self.provider(UNBOUND, "unbound.py"), inner)
                self.registry.index.pop("app", None)
                del self.registry.log[:]
                self.publish()
                self.assertEqual(self.sent("PUT"), [("/api/v1/crates/new", self.TOKEN)])
                self.assertEqual(set(self.log("inner")), {"get ReadOperation() []"})

    def test_each_crate_of_a_workspace_has_its_question(self):
        self.workspace("one", "two")
        self.configure(self.EXAMPLE, self.recorder("inner", ALWAYS))
        terminal = self.publish_on_a_terminal("--workspace")
        first = self.answer_question(terminal, b"y\n")
        second = self.answer_question(terminal, b"n\n")
        self.assertEqual(terminal.rest()[0], 101)
        self.assertEqual({first.split()[1], second.split()[1]}, {"one", "two"})
        self.assertEqual(len(self.sent("PUT")), 1)

    def test_login_and_logout_go_to_the_other_provider_without_a_question(self):
        store = self.path("store.json")
        self.configure(self.EXAMPLE, MODULE, "--any-registry", "--example-file", store)
        self.login()
        self.assertEqual(json.loads(self.read("store.json").decode()), {self.index: self.TOKEN})
        self.cargo("update")
        self.logout()
        self.assertEqual(json.loads(self.read("store.json").decode()), {})
        self.assertIn("not currently logged in to `alt`", self.logout())

    def test_the_arguments_of_cargo_login_follow_those_of_the_other_provider(self):
        code = "raise NotFound if str(action) == 'get' else OperationNotSupported"
        self.configure(self.EXAMPLE, self.recorder("inner", code), "own")
        self.login("--", "--vault", "x", status=101)
        requests = ["get ReadOperation() ['own']", "login - ['own', '--vault', 'x']"]
        self.assertEqual(self.log("inner"), requests)


if __name__ == "__main__":
    unittest.main()
