#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of the project: what the module imports and starts, its public names, the files.

python3 .ci/tests/test_project.py [-v] [CLASS[.test] ...]
"""

import ast
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.abspath(os.path.join(__file__, os.pardir, os.pardir, os.pardir)))

import cargo_credential as cc
import test_cargo_credential
from test_cargo_credential import (
    GET,
    HERE,
    LOGIN_OK,
    LOGOUT_OK,
    MODULE,
    NOT_FOUND,
    TOKEN,
    Directory,
    get,
    login,
    logout,
    needs,
    start,
    token_answer,
)

TESTS = ["examples/tests", ".ci/tests"]


def tree():
    with open(MODULE, encoding="utf-8") as file:
        return ast.parse(file.read())


class PublicNames(unittest.TestCase):
    def test_all_has_each_name_that_the_module_defines(self):
        defined = set()
        for node in tree().body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                defined.add(node.name)
            elif isinstance(node, ast.Assign):
                defined.update(target.id for target in node.targets if hasattr(target, "id"))
        public = {name for name in defined if not name.startswith("_")} - {"TYPE_CHECKING"}
        self.assertEqual(sorted(cc.__all__), sorted(public))

    def test_each_class_and_function_has_a_docstring(self):
        for name in cc.__all__:
            value = getattr(cc, name)
            if callable(value) and __doc__:  # -OO removes all docstrings
                self.assertTrue(value.__doc__, name)


class Imports(Directory):
    def test_the_module_starts_with_json_os_and_sys_only(self):
        names = [
            alias.name
            for node in tree().body
            if isinstance(node, ast.Import)
            for alias in node.names
        ]
        self.assertEqual(sorted(names), ["json", "os", "sys"])
        self.assertFalse([node for node in tree().body if isinstance(node, ast.ImportFrom)])

    def test_a_get_imports_nothing_else(self):
        code = (
            "import json, os, sys; before = set(sys.modules); sys.path.insert(0, %r)\n"
            "import cargo_credential, io\n"
            "class Provider(cargo_credential.Credential):\n"
            "    def get(self, registry, operation, args):\n"
            "        return cargo_credential.GetResponse(cargo_credential.Secret('x'))\n"
            "cargo_credential.serve(Provider(), io.BytesIO(%r), io.BytesIO())\n"
            "print(sorted(set(sys.modules) - before))" % (HERE, GET)
        )
        output, errors = start(["-c", code]).communicate(timeout=60)
        self.assertEqual((output.strip(), errors), (b"['cargo_credential']", b""))


# Runs the module as a program, and fails if it does what HOOKED begins with
AUDITED = """
import runpy, sys
suspects = []
def hook(event, args):
    if event.startswith(HOOKED):
        suspects.append((event, args))
if hasattr(sys, "addaudithook"):
    sys.addaudithook(hook)
sys.argv = [MODULE, "--cargo-plugin", "--example-file", STORE, "--any-registry"]
runpy.run_path(MODULE, run_name="__main__")
assert not suspects, suspects
"""
HOOKED = (
    "_winapi.Create",
    "ctypes",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.system",
    "pty",
    "socket",
    "subprocess",
    "urllib",
)


class Effects(Directory):
    def test_the_file_provider_opens_no_socket_and_starts_no_process(self):
        """As Python reports it, from 3.8 on."""
        rows = [
            (login(TOKEN), LOGIN_OK),
            (get(), token_answer(TOKEN)),
            (logout(), LOGOUT_OK),
            (logout(), NOT_FOUND),
        ]
        names = {"MODULE": MODULE, "HOOKED": HOOKED, "STORE": self.path("store.json")}
        code = "".join("%s = %r\n" % item for item in names.items()) + AUDITED
        process = start(["-c", code], cwd=self.directory)
        answers, errors = self.finish_provider(process, *[line for line, _ in rows])
        self.assertEqual((answers, errors), ([answer for _, answer in rows], ""))

    # Of `os` and as names: no import of `subprocess` is needed for them
    STARTERS = ("exec", "fork", "popen", "posix_spawn", "spawn", "startfile", "system")

    def test_only_the_subprocess_module_starts_processes(self):
        for node in ast.walk(tree()):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "os":
                if node.attr != "register_at_fork":
                    self.assertFalse(node.attr.startswith(self.STARTERS), ast.dump(node))
            elif isinstance(node, ast.Name):
                self.assertNotIn(node.id, ("__import__", "eval", "exec", "compile"))


class Files(unittest.TestCase):
    @needs("git")
    @unittest.skipUnless(os.path.exists(os.path.join(HERE, ".git")), "needs a clone")
    def test_text_files_have_line_feeds_and_end_with_one(self):
        output = subprocess.check_output(
            "git -c safe.directory=* ls-files -z --cached --others --exclude-standard".split(),
            cwd=HERE,
            timeout=60,
        )
        for name in filter(None, output.decode().split("\0")):
            with self.subTest(name), open(os.path.join(HERE, name), "rb") as file:
                content = file.read()
                self.assertNotIn(b"\r", content)
                self.assertTrue(content.endswith(b"\n") and not content.endswith(b"\n\n"))

    def test_the_main_file_of_tests_runs_all_others(self):
        found = set()
        suites = [unittest.defaultTestLoader.loadTestsFromModule(test_cargo_credential)]
        while suites:
            for test in suites.pop():
                if isinstance(test, unittest.TestSuite):
                    suites.append(test)
                else:
                    found.add(type(test).__module__.rsplit(".", 1)[-1])
        for folder in TESTS:
            for name in os.listdir(os.path.join(HERE, folder)):
                if name.startswith("test_"):
                    self.assertIn(name[: -len(".py")], found | {"test_project", "__main__"})


if __name__ == "__main__":
    unittest.main()
