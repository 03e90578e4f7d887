#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of chain.py, also against Cargo's own list of providers.

python3 examples/tests/test_chain.py [-v] [CLASS[.test] ...]
"""

import json
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.abspath(os.path.join(sys.path[0], os.pardir, os.pardir)))

import cargo_credential as cc
from support import READ, CargoWithExample, Example, example
from test_cargo_credential import (
    MODULE,
    NOT_FOUND,
    NOT_SUPPORTED,
    REGISTRY,
    TOKEN,
    URL_NOT_SUPPORTED,
    get,
    line_of,
    needs,
    posix_only,
    token_answer,
)

LOGOUT = cc.LogoutAction()

# The code of a provider that answers the action under test
URL = "raise UrlNotSupported"
NONE = "raise NotFound"
OPERATION = "raise OperationNotSupported"
NOTHING = "raise OtherError('nothing to log in to or out of: x')"
OTHER = "raise OtherError('the vault is sealed', ['by someone', 'for a while'])"
OK = (
    "return {'get': GetResponse(Secret(%r)), 'login': LoginResponse(), 'logout': LogoutResponse()}"
    "[str(action)]" % CargoWithExample.TOKEN
)


class ChainExample(Example):
    EXAMPLE = example("chain.py")

    def listed(self, name, code, *args):
        """An argument that names a provider which records its requests and then runs `code`."""
        return json.dumps([self.recorder(name, code), *args])


@posix_only
class Chain(ChainExample):
    def test_an_argument_is_split_on_white_space_or_read_as_json(self):
        path = self.recorder("inner", "raise UrlNotSupported")
        spaced = self.path("the inner.py")
        os.symlink(path, spaced)
        self.put_on_path(self.directory)
        for text, args in [
            ("inner.py", []),
            ("  inner.py\ta  b\n", ["a", "b"]),
            (json.dumps([spaced]), []),
            (json.dumps([spaced, "a b", "", '\u00e9"', "--"]), ["a b", "", '\u00e9"', "--"]),
        ]:
            with self.subTest(text):
                self.assertEqual(self.text(LOGOUT, [text, "--", "rest"]), URL_NOT_SUPPORTED)
                self.assertEqual(self.log("inner")[-1], "logout - %s" % [*args, "rest"])

    def test_ctrl_c_lets_a_provider_clean_up(self):
        cleaning = """
                    import time
                    try:
                        open(%r, "w").write("started")
                        time.sleep(60)
                    except KeyboardInterrupt:
                        time.sleep(0.2)
                        open(%r, "w").write("cleaned")
                        raise
        """
        os.mkfifo(self.path("pipe"))
        code = cleaning.strip() % (self.path("pipe"), self.path("mark"))
        terminal = self.on_a_terminal()
        terminal.process.stdin.write(line_of(LOGOUT, REGISTRY, [self.listed("slow", code), "--"]))
        terminal.process.stdin.flush()
        with open(self.path("pipe")) as pipe:
            self.assertEqual(pipe.read(), "started")
        terminal.type(b"\x03")
        status, shown = terminal.rest()
        self.assertEqual((status, shown.replace(b"^C", b"")), (130, b""))
        self.assertEqual(self.read("mark"), b"cleaned")

    def test_an_error_in_the_list_is_reported_before_any_provider_starts(self):
        first = self.listed("first", "raise NotFound")
        end = 'end the list of providers in `credential-provider` with "--"'
        none = 'add providers before the "--" in `credential-provider`'
        relative = "`%s` is a relative path: name the absolute path of the provider"
        array = "`%s` must be a JSON array of strings: the provider and its arguments"
        built_in = "`%s` is built into Cargo: name a program"
        deep = "[" * 100000
        nul = "a provider or its argument contains a NUL character: remove it"
        for args, text in [
            ([], end),
            ([first, "/bin/true"], end),
            (["--"], none),
            (["--", first], none),
            ([first, "", "--"], "`` names no provider"),
            ([first, " \t", "--"], r"` \t` names no provider"),
            ([first, '["", "x"]', "--"], '`["", "x"]` names no provider'),
            ([first, "cargo:token", "--"], built_in % "cargo:token"),
            ([first, '["cargo:wincred"]', "--"], built_in % "cargo:wincred"),
            ([first, "./prov.py x", "--"], relative % "./prov.py"),
            ([first, "tools/prov.py", "--"], relative % "tools/prov.py"),
            ([first, "[]", "--"], array % "[]"),
            ([first, "[1]", "--"], array % "[1]"),
            ([first, '["a", null]', "--"], array % '["a", null]'),
            ([first, "['a']", "--"], array % "['a']"),
            ([first, deep, "--"], array % deep),
            ([first, "/x\0", "--"], nul),
            ([first, '["/x", "\\u0000"]', "--"], nul),
        ]:
            with self.subTest(str(args)[:80]):
                self.assertEqual(self.text(LOGOUT, args), text)
        self.assertFalse(os.path.exists(self.path("first.log")))

    def test_any_other_answer_reaches_cargo_unchanged(self):
        none = self.listed("none", "raise NotFound")
        for code in (
            "raise OtherError('m', ['c', 'd'])",
            "raise OperationNotSupported",
            "return GetResponse(Secret('t'), CacheExpires(5000000000), False)",
        ):
            with self.subTest(code):
                path = self.recorder("inner", code)
                alone, _ = self.run_provider(path, get(), env=self.environment())
                args = [none, json.dumps([path]), none, "--"]
                self.assertEqual(self.ask(get(args=args)), (alone, ""))

    def test_a_login_goes_on_after_a_provider_that_stores_nothing(self):
        texts = {
            NONE: NOT_FOUND,
            URL: URL_NOT_SUPPORTED,
            OPERATION: NOT_SUPPORTED,
            NOTHING: "nothing to log in to or out of: x",
            OTHER: "the vault is sealed: by someone: for a while",
        }
        for action in (cc.LoginAction(cc.LoginOptions(cc.Secret("t"), None)), LOGOUT):
            stored = '{"Ok":{"kind":"%s"}}' % action
            for codes, text in [
                ((OPERATION, OK), stored),
                ((NOTHING, NONE, OK), stored),
                ((URL, OPERATION, NONE), texts[OPERATION]),
                ((NONE, NOTHING, URL), texts[NOTHING]),
                ((NOTHING, OPERATION), texts[NOTHING]),
                ((OPERATION, NOTHING), texts[OPERATION]),
                ((NOTHING, OTHER, OK), texts[OTHER]),
                ((OTHER, OK), texts[OTHER]),
                ((URL, NONE), texts[NONE]),
                ((URL, URL), texts[URL]),
            ]:
                with self.subTest(codes, action=action):
                    args = [self.listed("p%d" % i, code) for i, code in enumerate(codes)]
                    self.assertEqual(self.text(action, [*args, "--"]), text)

    def test_a_request_for_a_token_does_not(self):
        good = self.listed("good", OK)
        for code, text in [
            (OPERATION, NOT_SUPPORTED),
            (NOTHING, "nothing to log in to or out of: x"),
        ]:
            with self.subTest(code):
                self.assertEqual(self.text(READ, [self.listed("first", code), good, "--"]), text)
        self.assertFalse(os.path.exists(self.path("good.log")))

    def test_after_a_provider_for_one_operation_a_token_is_for_one_operation(self):
        token = "return GetResponse(Secret('t'), CacheNever())"
        none, good = self.listed("none", NONE), self.listed("good", token)
        narrow = self.listed("narrow", NONE, "--operation", "publish")
        answer = token_answer("t").replace("session", "never")
        for args, text in [
            ([none, good], answer),
            ([good, narrow], answer),
            ([narrow, good], answer.replace("true", "false")),
            ([narrow, none, good], answer.replace("true", "false")),
        ]:
            with self.subTest(args):
                self.assertEqual(self.text(READ, [*args, "--"]), text)

    def test_an_error_of_a_provider_cannot_control_the_terminal(self):
        code = r"raise OtherError('a\x1b[2J\r\nb\u202e', ['\x07\u2028', '\u00e9\u200d\x9b'])"
        text = "a\\x1b[2J\nb\\u202e: \\x07\\u2028: \u00e9\u200d\\x9b"
        self.assertEqual(self.text(READ, [self.listed("inner", code), "--"]), text)

    def test_a_provider_that_fails_ends_the_list(self):
        good = self.listed("good", "return GetResponse(Secret('t'))")
        missing = "failed to spawn credential process: No such file or directory (os error 2)"
        self.assertEqual(self.text(READ, ["no-such-provider", good, "--"]), missing)
        broken = json.dumps([self.program("sys.exit(3)")])
        cause = r"\Afailed to deserialize hello: .*"
        self.assertRegex(self.text(READ, [broken, good, "--"]), cause)
        self.assertFalse(os.path.exists(self.path("good.log")))

    def test_the_docstrings_command_shows_what_cargo_gets(self):
        first = self.listed("first", "raise NotFound")
        second = self.listed("second", "raise UrlNotSupported")
        self.assert_tries_as_documented(
            r'\A\{"v":\[1\]\}\n%s\n\Z' % re.escape(NOT_FOUND),
            [
                ('"/path/to/first.py"', json.dumps(first)),
                ('"/path/to/second.py"', json.dumps(second)),
            ],
        )
        self.assertEqual(self.log("second"), ["logout - []"])


PAIRS = [
    (URL, URL),
    (NONE, URL),
    (URL, NONE),
    (URL, OK),
    (NONE, OK),
    (OK, OTHER),
    (OTHER, OK),
    (NONE, OTHER),
]


@needs("cargo")
@posix_only
class ChainWithCargo(ChainExample, CargoWithExample):
    COMMANDS = {
        "get": ("update",),
        "login": ("login", "--registry", "alt"),
        "logout": ("logout", "--registry", "alt"),
    }

    def outcome(self, command):
        """(status, output, requests): the output without the names of providers."""
        for left in ("asked", "project/Cargo.lock"):
            if os.path.exists(self.path(left)):
                os.remove(self.path(left))
        process = subprocess.Popen(
            ("cargo",) + command,
            cwd=self.path("project"),
            env=self.cargo_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=os.setsid,
        )
        output = process.communicate(b"t\n", timeout=120)[0].decode()
        output = re.sub("credential provider `.*` failed", "credential provider failed", output)
        return process.returncode, output, self.read("asked").decode().splitlines()

    def answering(self, number, action, code):
        """A provider that logs its number, and answers any other action with not-found."""
        return self.provider(
            """
            class Provider(Credential):
                def perform(self, registry, action, args):
                    with open(%r, "a") as log:
                        log.write("%d %%s\\n" %% action)
                    if str(action) != %r:
                        raise NotFound
                    %s
            """
            % (self.path("asked"), number, action, code),
            "prov%d.py" % number,
        )

    def test_it_continues_and_ends_as_cargo_does_with_its_own_list(self):
        for action, command in self.COMMANDS.items():
            for pair in PAIRS:
                with self.subTest(action=action, pair=pair):
                    paths = [self.answering(i, action, code) for i, code in enumerate(pair)]
                    self.globally(*[[path] for path in reversed(paths)])
                    cargos = self.outcome(command)
                    self.configure(self.EXAMPLE, *[json.dumps([path]) for path in paths], "--")
                    self.assertEqual(self.outcome(command), cargos)

    def test_a_request_for_a_token_ends_as_cargos_own_list_where_it_is_not_supported(self):
        paths = [self.answering(i, "get", code) for i, code in enumerate((OPERATION, OK))]
        self.globally(*[[path] for path in reversed(paths)])
        cargos = self.outcome(self.COMMANDS["get"])
        self.configure(self.EXAMPLE, *[json.dumps([path]) for path in paths], "--")
        self.assertEqual(self.outcome(self.COMMANDS["get"]), cargos)

    def configure_variable(self, *options, then):
        """A token in the variable T, and then another provider."""
        variable = [example("token_from_command.py"), "--index", self.index, *options, "--env", "T"]
        self.configure(self.EXAMPLE, json.dumps(variable), json.dumps(then), "--")

    def configure_git(self):
        """The variable in CI and one of git's helpers on the desktop, in one configuration."""
        self.write(".gitconfig", "[credential]\n\thelper = store\n")
        self.configure_variable(then=[example("git_credential.py"), "--index", self.index])

    @needs("git")
    def test_one_configuration_serves_ci_and_the_desktop(self):
        self.configure_git()
        self.assertIn("no token found for `alt`", self.cargo("update", status=101))
        self.login()
        self.assertIn(TOKEN, self.read(".git-credentials").decode())
        self.assertEqual(self.cargo("build").count("unset"), 0)
        self.publish()
        self.assertEqual(self.sent("PUT"), [("/api/v1/crates/new", self.TOKEN)])
        self.logout()
        self.assertEqual(self.read(".git-credentials"), b"")
        self.more["T"] = self.registry.token = self.TOKEN + "-ci"
        os.remove(self.path("project/Cargo.lock"))
        self.cargo("update")
        self.assertEqual(self.sent("GET")[-1][1], self.registry.token)

    @needs("git")
    def test_where_the_variable_is_set_a_login_stores_and_the_variable_counts(self):
        self.configure_git()
        self.more["T"] = self.registry.token = self.TOKEN + "-ci"
        self.login()
        self.assertIn(TOKEN, self.read(".git-credentials").decode())
        self.cargo("update")
        self.assertEqual(self.sent("GET")[-1][1], self.registry.token)
        self.logout()
        self.assertEqual(self.read(".git-credentials"), b"")

    def test_where_no_provider_stores_cargo_shows_where_the_token_comes_from(self):
        self.more["T"] = self.TOKEN
        self.configure_variable(then=[self.recorder("none", NONE)])
        cause = (
            "Caused by:\n  nothing to log in to or out of: the token comes from the variable `T`\n"
        )
        self.assertIn(cause, self.login(status=101))
        self.assertIn(cause, self.logout(status=101))

    def test_publishing_has_a_token_of_its_own(self):
        self.more["T"] = self.TOKEN + "-publish"
        code = "return GetResponse(Secret(%r))" % self.TOKEN
        then = [self.recorder("reads", code)]
        self.configure_variable("--operation", "publish", then=then)
        self.cargo("update")
        shown = self.publish(status=101)  # the registry knows one token
        self.assertIn("failed to publish", shown)
        self.assertEqual(self.sent("PUT"), [("/api/v1/crates/new", self.TOKEN + "-publish")])
        self.assertEqual({token for _, token in self.sent("GET")}, {None, self.TOKEN})

    def stored(self):
        return json.loads(self.read("the second.json").decode())

    def configure_stores(self, *more):
        """Two stores, the first of which serves crates.io only, and more providers."""
        first = [MODULE, "--example-file", self.path("first.json")]
        second = [MODULE, "--any-registry", "--example-file", self.path("the second.json")]
        self.configure(self.EXAMPLE, json.dumps(first), json.dumps(second), *more, "--")

    def test_the_second_provider_stores_and_returns_the_token(self):
        self.configure_stores()
        self.assertIn("no token found for `alt`", self.cargo("update", status=101))
        self.login()
        self.assertEqual(self.stored(), {self.index: self.TOKEN})
        third = self.listed("third", "raise OtherError('not reached')")
        self.configure_stores(third)
        self.assertIn("Compiling dep v1.0.0 (registry `alt`)", self.cargo("build"))
        self.publish()
        self.assertEqual(self.sent("PUT"), [("/api/v1/crates/new", self.TOKEN)])
        self.logout()
        self.assertEqual(self.stored(), {})
        self.assertFalse(os.path.exists(self.path("third.log")))
        self.configure_stores()
        self.assertIn("not currently logged in to `alt`", self.logout())
        self.assertFalse(os.path.exists(self.path("first.json")))

    def test_an_argument_of_cargo_login_goes_to_each_provider_and_never_starts(self):
        trap = self.recorder("trap", "raise NotFound")
        one = self.listed("one", "raise NotFound", "its", "own")
        two = self.listed("two", "raise NotFound")
        self.configure(self.EXAMPLE, one, two, "--", "common")
        self.login("--", trap, "--", "x", status=101)
        more = ["common", trap, "--", "x"]
        self.assertEqual(
            self.log("one"),
            [
                "get ReadOperation() ['its', 'own', 'common']",
                "login - %s" % ["its", "own", *more],
            ],
        )
        self.assertEqual(self.log("two"), ["get ReadOperation() ['common']", "login - %s" % more])
        self.assertFalse(os.path.exists(self.path("trap.log")))

    def test_without_the_end_of_the_list_an_argument_of_cargo_login_never_starts(self):
        trap = self.recorder("trap", "raise NotFound")
        self.configure(self.EXAMPLE, self.listed("one", "raise NotFound"))
        shown = self.login("--", trap, status=101)
        self.assertIn('end the list of providers in `credential-provider` with "--"', shown)
        self.assertFalse(os.path.exists(self.path("trap.log")))


if __name__ == "__main__":
    unittest.main()
