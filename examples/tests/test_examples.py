#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of what holds for all examples.

python3 examples/tests/test_examples.py [-v] [CLASS[.test] ...]
"""

import ast
import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import unittest
from urllib.parse import quote

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.abspath(os.path.join(sys.path[0], os.pardir, os.pardir)))

import cargo_credential as cc
from checkers import CHECKER, start_checker
from support import (
    ASCII,
    INDEX,
    READ,
    Example,
    HostileCheckout,
    TokenServer,
    WithOp,
    WithPass,
    example,
    example_names,
    isolated,
    linux_only,
)
from test_cargo_credential import (
    FLAGS,
    MODULE,
    REGISTRY,
    TOKEN,
    WINDOWS,
    Directory,
    Terminal,
    get,
    needs,
    posix_only,
    start,
)

TESTS = os.path.dirname(os.path.abspath(__file__))
NO_PROVIDERS = {"check_provider.py", "with_token.py"}
PROVIDERS = sorted(set(example_names()) - NO_PROVIDERS)


def copy_checker(folder):
    """Copy the checker's package. Unlike copytree's, a copy of a read-only one can be deleted."""
    os.makedirs(os.path.join(folder, "checker"))
    package = os.path.join(os.path.dirname(CHECKER), "checker")
    for name in os.listdir(package):
        if name.endswith(".py"):
            shutil.copyfile(os.path.join(package, name), os.path.join(folder, "checker", name))


class Files(unittest.TestCase):
    def test_each_example_has_a_file_of_tests_with_its_name(self):
        tests = {name for name in os.listdir(TESTS) if name.startswith("test_")}
        wanted = {"test_" + name for name in example_names()}
        self.assertEqual(tests, wanted | {"test_examples.py"})

    def test_each_example_and_each_file_of_tests_is_executable(self):
        if WINDOWS:
            self.skipTest("needs a POSIX system")
        paths = [example(name) for name in example_names()]
        paths += [
            os.path.join(TESTS, name) for name in os.listdir(TESTS) if name.startswith("test_")
        ]
        for path in paths:
            with self.subTest(path):
                with open(path, "rb") as file:
                    self.assertEqual(file.readline(), b"#!/usr/bin/env python3\n")
                self.assertTrue(os.access(path, os.X_OK))

    def test_the_help_says_that_a_token_is_for_one_operation(self):
        for name in ("confirm_publish.py", "publish_approved.py"):
            with self.subTest(name), open(example(name), encoding="utf-8") as file:
                text = " ".join(ast.get_docstring(ast.parse(file.read())).split())
                sets = name + " sets `operation_independent` of each token to False: otherwise"
                self.assertIn(
                    sets + " Cargo would publish with the token that it got to read", text
                )


class NotTokens(unittest.TestCase):
    def test_each_example_and_the_checker_have_the_same_rule(self):
        rule = re.compile("(?s)\n# ---- What cannot be a token ----\n.*\n# ---- End ----\n")
        found = {}
        for name in [*example_names(), "checker/conversation.py"]:
            with open(example(name), encoding="utf-8") as file:
                text = file.read()
            if "problem_of" in text:
                found[name] = "".join(rule.findall(text))
        wanted = found["token_from_command.py"]
        self.assertIn("checker/conversation.py", found)
        self.assertIn("def problem_of(value: str) -> str:", wanted)
        self.assertEqual(found, dict.fromkeys(found, wanted))


class Help(Directory):
    def assert_helps(self, name, output):
        """The output begins with the docstring."""
        with open(example(name), encoding="utf-8") as file:
            docstring = ast.get_docstring(ast.parse(file.read()))
        shown = inspect.cleandoc(output.decode().replace("\r\n", "\n"))
        self.assertEqual(shown[: len(docstring)], docstring)

    def test_without_a_terminal(self):
        for name in example_names():
            with self.subTest(name):
                process = start(
                    [example(name), "--help"], cwd=self.directory, env=isolated(self.directory)
                )
                output, errors = process.communicate(timeout=60)
                self.assert_helps(name, output)
                self.assertEqual((process.returncode, errors), (0, b""))

    @posix_only
    def test_on_a_terminal(self):
        for name in example_names():
            with self.subTest(name):
                terminal = Terminal(
                    [sys.executable, *FLAGS, example(name), "--help"],
                    cwd=self.directory,
                    env=isolated(self.directory),
                    stdout=subprocess.PIPE,
                )
                self.addCleanup(terminal.close)
                self.assert_helps(name, terminal.process.stdout.read())
                self.assertEqual(terminal.rest(), (0, b""))


class Vendored(Directory):
    SHADOWS = ("json", "os", "queue", "re", "subprocess", "time")

    def test_the_module_is_beside_the_example_or_one_directory_up(self):
        for name in PROVIDERS:
            for folder in ("tools", "tools/examples"):
                with self.subTest(name, folder=folder):
                    os.makedirs(self.path(folder))
                    shutil.copy(example(name), self.path(folder))
                    shutil.copy(MODULE, self.path("tools"))
                    self.assert_starts(self.path(folder, name))
                    shutil.rmtree(self.path("tools"))

    def assert_starts(self, path):
        process = start([path, "--cargo-plugin"], cwd="/", env=isolated(self.directory))
        self.assertEqual(self.finish_provider(process), ([], ""))

    def test_no_other_module_is_imported_from_one_directory_up(self):
        shutil.copy(MODULE, self.directory)
        for name in self.SHADOWS:
            self.write(name + ".py", "raise SystemExit('shadowed')")
        os.mkdir(self.path("examples"))
        for name in PROVIDERS:
            with self.subTest(name):
                shutil.copy(example(name), self.path("examples"))
                self.assert_starts(self.path("examples", name))


HOST = ["--host", "r.example"]
NAMED = ["--index", INDEX]
PRINT = [sys.executable, "-SEc", "print('t')"]
OTHER = "{other}"  # another provider
LISTED = "{listed}"  # the same as JSON
TOKEN_URL = "{token-url}"
CREDENTIALS = ["--token-url", TOKEN_URL, "--client-id", "cargo", "--secret-env", "CLIENT_SECRET"]

NOWHERE = "get for a registry that does not exist"
WRITES = "publish, yank, unyank, owners"


@linux_only
class AsciiLocale(Example):
    """Where Python encodes file names as ASCII, as Python 3.6 does without a locale."""

    CANNOT = "contains a character that this locale cannot encode: set LANG=C.UTF-8"
    FROM_COMMAND = "the command, or the registry's URL or name, " + CANNOT
    OUTSIDE = cc.RegistryInfo("sparse+https://\u00e9.example/")
    OTHER = "this locale cannot encode a character of a path or another text: set LANG=C.UTF-8"
    TO_URL = ["--token-url", "https://r.example/t", "--client-id", "c"]
    ROWS = [  # (example, its arguments, the registry, the error)
        ("chain.py", ["/\u00e9", "--"], REGISTRY, OTHER),
        ("confirm_publish.py", ["/\u00e9"], REGISTRY, OTHER),
        ("publish_approved.py", ["/approved", "/\u00e9"], REGISTRY, OTHER),
        ("token_from_command.py", ["--env", "\u00c9"], REGISTRY, OTHER),
        (
            "client_credentials.py",
            ["--host", "r.example", *TO_URL, "--secret-file", "/\u00e9"],
            REGISTRY,
            OTHER,
        ),
        (
            "../cargo_credential.py",
            ["--example-file", "/\u00e9", "--any-registry"],
            REGISTRY,
            OTHER,
        ),
        ("token_from_command.py", ["echo", "\u00e9"], REGISTRY, FROM_COMMAND),
        ("token_from_command.py", ["echo", "t"], OUTSIDE, FROM_COMMAND),
        (
            "password_store.py",
            ["--command", "/\u00e9/gopass"],
            REGISTRY,
            "cannot run `/\u00e9/gopass`: its path " + CANNOT,
        ),
        (
            "onepassword.py",
            ["--account", "\u00e9"],
            REGISTRY,
            "cannot run `op`: an argument " + CANNOT,
        ),
    ]

    def test_an_error_names_the_locale(self):
        self.more.update(ASCII)
        for name, args, registry, text in self.ROWS:
            with self.subTest(name, args=args):
                self.EXAMPLE = example(name)
                self.assertEqual(self.text(READ, args, registry), text)


# (example, its arguments, the checker's options, its warnings)
CHECKED = [
    ("chain.py", [LISTED, "--"], [], []),
    ("client_credentials.py", [*NAMED, *CREDENTIALS], NAMED, []),
    ("confirm_publish.py", [OTHER], [], [WRITES]),  # it asks before it starts the other provider
    ("from_netrc.py", [*HOST, "--scheme", "Bearer"], NAMED, []),
    ("git_credential.py", HOST, [*NAMED, "--login", "--yes"], []),
    ("onepassword.py", [], ["--login"], []),
    ("password_store.py", [], ["--login"], []),
    ("publish_approved.py", ["/approved", OTHER], [], [WRITES]),  # it refuses them
    ("stdout_redirected.py", [], [], [NOWHERE]),  # it does not look at the URL
    ("token_from_command.py", [*HOST, *PRINT], [], []),
    ("token_from_command.py", PRINT, [], [NOWHERE]),  # it serves every registry
    ("trusted_publishing.py", [], [], []),
]


class WithStores(Example):
    """What the examples take a token from."""

    def setUp(self):
        super().setUp()
        self.server = TokenServer()
        self.addCleanup(self.server.close)
        self.write(".netrc", "machine r.example login bot password %s\n" % TOKEN, 0o600)
        self.write(".gitconfig", "[credential]\n\thelper = store\n")
        self.more["CLIENT_SECRET"] = "secret"

    def filled_in(self, args):
        known = {
            OTHER: self.path("other.py"),
            LISTED: json.dumps([self.path("other.py")]),
            TOKEN_URL: self.server.url,
        }
        return [known.get(arg, arg) for arg in args]


class Checked(WithStores):
    """The checker finds no error in an example."""

    def setUp(self):
        super().setUp()
        self.recorder("other", "raise UrlNotSupported")

    def assert_checked(self, *names):
        for name, args, options, warnings in CHECKED:
            if name in names:
                with self.subTest(name, args=args):
                    self.check(example(name), self.filled_in(args), options, warnings)

    def check(self, path, args, options, warnings):
        process = start_checker([*options, path, *args], self.environment(), cwd=self.directory)
        output, errors = process.communicate()
        report = output.decode()
        problems = re.findall("^(warn|FAIL)  (.*?): ", report, re.MULTILINE)
        self.assertEqual(problems, [("warn", warning) for warning in warnings])
        self.assertRegex(report, r"\n\d+ ok, %d warn, 0 FAIL\n" % len(warnings))
        self.assertNotIn(TOKEN, report)
        self.assertEqual((process.returncode, errors), (0, b""))


@posix_only
class CheckerFindsNoError(Checked):
    STORES = ("git_credential.py", "onepassword.py", "password_store.py")

    def test_in_any_example(self):
        """The table has them all; those of STORES have tests of their own."""
        self.assertEqual({name for name, _, _, _ in CHECKED}, set(PROVIDERS))
        self.assert_checked(*set(PROVIDERS).difference(self.STORES))

    @needs("git")
    def test_in_git_credential(self):
        self.assert_checked("git_credential.py")
        self.assertEqual(self.read(".git-credentials"), b"")


@posix_only
class CheckerFindsNoErrorWithOp(WithOp, Checked):
    def test_in_onepassword(self):
        self.assert_checked("onepassword.py")
        self.assertEqual(self.stored_tokens(), [])


@needs("pass", "gpg")
@posix_only
class CheckerFindsNoErrorWithPass(WithPass, Checked):
    def test_in_password_store(self):
        self.assert_checked("password_store.py")
        self.assertEqual(self.entries(), [])


@posix_only
class CurrentDirectory(Example):
    """It can be a hostile checkout, with programs whose names are in PATH's directories, too."""

    # (example, its arguments, the program that it starts)
    STARTED = [
        ("token_from_command.py", ["vault"], "vault"),
        ("token_from_command.py", ["--timeout", "60", "vault"], "vault"),
        ("password_store.py", [], "pass"),
        ("password_store.py", ["--command", "gopass"], "gopass"),
        ("onepassword.py", [], "op"),
        ("chain.py", ["provider.py", "--"], "provider.py"),
        ("confirm_publish.py", ["provider.py"], "provider.py"),
        ("publish_approved.py", ["/approved", "provider.py"], "provider.py"),
        ("git_credential.py", HOST, "git"),
    ]
    # {0} is a directory that PATH names by its absolute path
    PATHS = [
        ":{0}",
        ".:{0}",
        "::./:bin:{0}:",
        ":",
        ".",
        "",
        None,
    ]

    def setUp(self):
        super().setUp()
        for name in {program for _, _, program in self.STARTED}:
            for folder, mark, end in [("", "ran", ""), ("bin/", "found", "exit 3\n")]:
                script = "#!/bin/sh\npwd -P >%s\n%s" % (shlex.quote(self.path(mark)), end)
                self.write(folder + name, script, 0o755)
        self.write("store/cargo-registry/%s.gpg" % quote(INDEX, safe=""), "")

    def started(self, name, args):
        """Which of the two programs of one name the example starts, and in which directory."""
        self.EXAMPLE = example(name)
        self.ask(get(cc.RegistryInfo(INDEX, "alt"), args))
        marks = [mark for mark in ("ran", "found") if os.path.exists(self.path(mark))]
        started = [(mark, self.read(mark).decode().strip()) for mark in marks]
        for mark in marks:
            os.remove(self.path(mark))
        return started

    def test_no_example_starts_a_program_of_the_current_directory(self):
        self.more["PASSWORD_STORE_DIR"] = self.path("store")
        whole = self.path("bin")
        for path in self.PATHS:
            self.more["PATH"] = path.format(whole) if path else path
            for name, args, program in self.STARTED:
                # A provider runs where Cargo would run it, and no other program in a checkout
                place = os.path.realpath(self.directory) if program == "provider.py" else "/"
                expected = [("found", place)] if path and "{0}" in path else []
                with self.subTest(path, example=name, program=program):
                    self.assertEqual(self.started(name, args), expected)

    def test_no_module_of_the_directory_above_is_imported(self):
        copy_checker(self.path("providers"))
        # Python tries to import these on all systems
        for name in ("msvcrt", "_winapi", "_overlapped", "nt", "winreg", "_scproxy", "java"):
            code = "open(%r, 'w')\nraise ModuleNotFoundError" % self.path("imported")
            self.write(name + ".py", code)
        for name in sorted({name for name, _, _ in self.STARTED} | {"check_provider.py"}):
            path = shutil.copy(example(name), self.path("providers"))
            shutil.copyfile(MODULE, self.path("providers", "cargo_credential.py"))
            self.EXAMPLE = path
            args = {one: args for one, args, _ in self.STARTED}.get(name, [])
            with self.subTest(name):
                if name == "check_provider.py":
                    process = start([path, "./missing"], env=self.environment())
                    _, errors = process.communicate(timeout=60)
                    self.assertEqual((process.returncode, errors), (1, b""))
                else:
                    self.ask(get(cc.RegistryInfo(INDEX, "alt"), args))
                self.assertFalse(os.path.exists(self.path("imported")))


@needs("cargo", "git")
@posix_only
class HostileCheckouts(HostileCheckout, WithStores):
    """An example that serves a host sends its token to no look-alike of it."""

    SERVED = ["--host", "crates.corp.example"]

    def setUp(self):
        super().setUp()
        machine = "machine crates.corp.example login bot password %s\n"
        self.write(".netrc", machine % TOKEN, 0o600)
        entry = "https://cargo:%s@crates.corp.example.cargo-registry.invalid/crates.corp.example\n"
        self.write(".git-credentials", entry % TOKEN, 0o600)

    def test_token_from_command(self):
        token = self.write("token", TOKEN + "\n", 0o600)
        command = [shutil.which("cat"), token]
        self.assert_no_token_is_sent(example("token_from_command.py"), *self.SERVED, *command)

    def test_from_netrc(self):
        self.assert_no_token_is_sent(example("from_netrc.py"), *self.SERVED)

    def test_git_credential(self):
        self.assert_no_token_is_sent(example("git_credential.py"), *self.SERVED)

    def test_client_credentials(self):
        args = self.SERVED + self.filled_in(CREDENTIALS)
        self.assert_no_token_is_sent(example("client_credentials.py"), *args)


if __name__ == "__main__":
    unittest.main()
