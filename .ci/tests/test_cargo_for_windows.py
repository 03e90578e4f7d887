#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of providers with the real Cargo for Windows. The row of .ci/run uses Wine.

python3 .ci/tests/test_cargo_for_windows.py [-v] [CLASS[.test] ...]
"""

import json
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.abspath(os.path.join(__file__, os.pardir, os.pardir, os.pardir)))
sys.path.insert(1, os.path.join(sys.path[0], "examples", "tests"))
sys.path.insert(2, os.path.dirname(os.path.abspath(__file__)))

from test_readme import (
    NO_HELLO,
    NO_START,
    README,
    TROUBLESHOOTING,
    blocks,
    code,
    first_provider,
    table,
)

from support import CargoWithExample, example
from test_cargo_credential import MODULE, WINDOWS, main

NO_CARGO = os.environ.get("NO_CARGO") or (not shutil.which("cargo") and "needs cargo.exe")


@unittest.skipIf(NO_CARGO, NO_CARGO)
@unittest.skipUnless(WINDOWS, "needs Windows")
class CargoForWindows(CargoWithExample):
    """Cargo starts each script by the .cmd file of the pages, with Python's path in a variable."""

    def setUp(self):
        super().setUp()
        self.more["LOCALAPPDATA"] = os.path.dirname(sys.executable)
        os.mkdir(self.path("tools"))
        shutil.copy(MODULE, self.path("tools"))

    def cmd(self, script):
        """The path of a .cmd file beside a script, which is named like it."""
        (source,) = blocks(TROUBLESHOOTING, "bat")
        start, name = os.path.splitext(script)[0], os.path.basename(script)
        python = r'"%LOCALAPPDATA%\\python.exe"'
        source, replaced = re.subn(r'"[^"]*python\.exe"', python, source)
        self.assertEqual((replaced, source.count("prov.py")), (1, 1))
        path = os.path.relpath(start + ".cmd", self.directory)
        return self.write(path, source.replace("prov.py", name))

    def script(self, code, name, *flags):
        return self.cmd(self.write("tools/" + name, code))

    def tool(self, path):
        """The .cmd file of a copy of the module or of an example."""
        return self.cmd(shutil.copy(path, self.path("tools")))

    def page(self, source, name="prov.py"):
        """A provider of README.md, for the registry of the test."""
        entry = re.search(r"registries = \((.*?),\)", source).group(1)
        return self.script(source.replace(entry, json.dumps(self.index), 1), name)

    def answering(self, name):
        return self.recorder(name, "return GetResponse(Secret(%r))" % self.TOKEN)

    def assert_yanks(self):
        """Cargo sends the token to read the index and to yank."""
        del self.registry.log[:]
        self.cargo("yank", "--registry", "alt", "dep@1.0.0")
        (row,) = self.sent("DELETE")
        self.assertEqual(row, ("/api/v1/crates/dep/1.0.0/yank", self.TOKEN))

    # ---- The pages' providers and the store --------------------------------------------------

    def test_the_first_provider_of_the_page(self):
        token = self.write("token", self.TOKEN + "\n")
        self.configure(self.page(first_provider(token)), "an argument")
        self.cargo("update")
        self.assert_yanks()

    def test_the_second_provider_of_the_page(self):
        self.configure(self.page(blocks(README, "python")[1]))
        token = self.TOKEN.split(" ", 1)[1].encode() + b"\n"
        self.cargo("login", "--registry", "alt", stdin=token)
        self.assertEqual(self.read(".corp-token"), token.strip())
        self.cargo("update")
        shown = self.cargo("publish", "--allow-dirty", "--no-verify", status=101)
        self.assertIn("Caused by:\n  only the release job may publish\n", shown)
        self.logout()
        self.assertFalse(os.path.exists(self.path(".corp-token")))

    def test_the_store_with_a_path_and_without_one(self):
        module = self.tool(MODULE)
        other = self.path("my stores", "store.json")
        os.mkdir(os.path.dirname(other))
        for path in ([], [other]):
            with self.subTest(path=path):
                self.configure(module, "--example-file", *path, "--any-registry")
                self.login()
                store = path[0] if path else self.path("cargo-home", "cargo-credentials.json")
                with open(store, encoding="utf-8") as file:
                    self.assertEqual(json.load(file), {self.index: self.TOKEN})
                self.assert_yanks()
                self.logout()
                self.assertNotIn(self.TOKEN.encode(), self.read(store))

    # ---- Examples ----------------------------------------------------------------------------

    def test_chain(self):
        first, second = self.recorder("first", "raise NotFound"), self.answering("second")
        self.configure(
            self.tool(example("chain.py")), first, json.dumps([second, "a b"]), "--", "c"
        )
        self.assert_yanks()
        self.assertEqual(self.log("first")[-1].split(" ", 2)[2], "['c']")
        self.assertEqual(self.log("second")[-1].split(" ", 2)[2], "['a b', 'c']")

    def test_confirm_publish_refuses_without_a_console(self):
        other = self.answering("other")
        self.configure(self.tool(example("confirm_publish.py")), other, "an argument")
        self.cargo("update")
        self.assertEqual(self.log("other"), ["get ReadOperation() ['an argument']"])
        shown = self.cargo("yank", "--registry", "alt", "dep@1.0.0", status=101)
        self.assertIn("a terminal is needed to ask whether to yank", shown)
        self.assertEqual(self.sent("DELETE"), [])
        self.assertNotIn("Yank", self.read("other.log").decode())

    def test_token_from_command(self):
        command = [sys.executable, "-c", "print('%s')" % self.TOKEN.split()[1]]
        options = ["--index", self.index, "--scheme", "Bearer", "--timeout", "60"]
        self.configure(self.tool(example("token_from_command.py")), *options, *command)
        self.assert_yanks()

    # ---- What Cargo says -----------------------------------------------------------------------

    # The texts of a message: what the configuration can name, and which of the texts Cargo prints
    # then. T is the directory of the providers.
    CAUSES = {
        (NO_START, "(os error 193)"): [(r"'T\prov.py'", [0, 1])],
        (NO_HELLO, "EOF while parsing a value at line 1 column 0"): [
            (r"'T\no-such.cmd'", [0, 1]),
            (r"'T\other-python.cmd'", [0, 1]),
            (r"'T\syntax.cmd'", [0, 1]),
            (r"'~\prov.cmd'", [0, 1]),
            (r"'%USERPROFILE%\tools\prov.cmd'", [0, 1]),
        ],
        (NO_START, "program not found"): [("'no-such.cmd'", [0, 1])],
        (NO_START, "(os error 2)", "(os error 3)"): [
            (r"'T\no-such.exe'", [0, 1]),
            (r"'C:\no\such\prov.exe'", [0, 2]),
        ],
        ("too few unicode value digits", "missing escaped value"): [
            (r'"C:\Users\me\prov.cmd"', [0]),
            (r'"C:\me\prov.cmd"', [1]),
        ],
        ("is a relative path: write an absolute path",): [
            (r"'T\cargo_credential.cmd', '--example-file', '/path/to/s', '--any-registry'", [0])
        ],
    }

    def test_the_page_has_each_message_once(self):
        self.assertEqual([code(row[0]) for row in table("Windows")], list(self.CAUSES))

    def test_each_cause_has_its_message(self):
        self.tool(MODULE)
        self.script("raise SystemExit", "prov.py")
        self.script(r'open("C:\Users\me\token")', "syntax.py")
        self.write("tools/other-python.cmd", '@"C:\\no\\python.exe" -E "%~dp0prov.py" %*\n')
        for texts, rows in self.CAUSES.items():
            for provider, said in rows:
                with self.subTest(provider):
                    provider = provider.replace("T\\", self.path("tools") + "\\")
                    line = "credential-provider = [%s]\n" % provider
                    self.configure(extra=line)
                    shown = self.cargo("update", status=101)
                    for number in said:
                        self.assertIn(texts[number], shown)

    def test_a_file_can_be_typed_into_a_login(self):
        (pipe,) = re.findall(r"`(type FILE \| cargo login) --registry corp`", TROUBLESHOOTING)
        self.configure(self.tool(MODULE), "--example-file", self.path("s.json"), "--any-registry")
        command = pipe.replace("FILE", self.write("token", self.TOKEN + "\n"))
        subprocess.check_call(
            'cmd /c "%s --registry alt"' % command,
            cwd=self.path("project"),
            env=self.cargo_environment(),
            stdin=subprocess.DEVNULL,
            timeout=120,
        )
        self.assertEqual(json.loads(self.read("s.json").decode()), {self.index: self.TOKEN})

    # ---- Configurations ----------------------------------------------------------------------

    def test_arguments_arrive_as_they_are(self):
        arguments = ['"x" y', "100% %PATH%", "\u00fc \u20ac", "C:\\a\\", "a&b|c>d^", "'", "", "-c"]
        self.configure(self.answering("args"), *arguments)
        self.cargo("update")
        log = self.read("args.log").decode("cp1252").splitlines()  # the encoding of `open` there
        self.assertEqual(log, ["get ReadOperation() %s" % arguments])

    def test_a_provider_below_a_folder_with_any_name(self):
        for name in ("R&D", "two words (x86)", "a^b", "\u00fc\u00e9"):
            with self.subTest(name):
                os.mkdir(self.path(name))
                shutil.copy(MODULE, self.path(name))
                token = self.write("token", self.TOKEN)
                source = first_provider(token).replace("crates.corp.example", self.index)
                self.configure(self.cmd(self.write(name + "/prov.py", source)))
                self.cargo("update")

    def test_an_alias_and_an_environment_variable(self):
        self.globally(
            [self.answering("one"), "its argument"], [self.recorder("two", "raise NotFound")]
        )
        self.assert_yanks()
        self.assertIn("get ReadOperation() ['its argument']", self.log("one"))
        self.assertIn("get ReadOperation() []", self.log("two"))
        self.configure()
        name = "CARGO_REGISTRIES_ALT_CREDENTIAL_PROVIDER"
        self.more[name] = self.answering("three") + " its-argument"
        self.assert_yanks()
        self.assertIn("get ReadOperation() ['its-argument']", self.log("three"))

    def test_the_checker_takes_a_cmd_file(self):
        output = subprocess.check_output(
            [sys.executable, example("check_provider.py"), "--login"]
            + [self.tool(MODULE), "--example-file", self.path("store.json"), "--any-registry"],
            cwd=self.directory,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            timeout=240,
        ).decode()
        self.assertRegex(output, r"\d\d ok, \d+ warn, 0 FAIL")


if __name__ == "__main__":
    main()
