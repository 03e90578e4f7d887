#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of the module without one of its last two sections, and without both.

python3 .ci/tests/test_scissors.py [-v] [CLASS[.test] ...]

The module's own tests run with --quick, or completely with CARGO_CREDENTIAL_LOAD=1 in the
environment, as .ci/run sets it.
"""

import ast
import collections
import hashlib
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.abspath(os.path.join(__file__, os.pardir, os.pardir, os.pardir)))
sys.path.insert(1, os.path.join(sys.path[0], "examples", "tests"))

from test_readme import README, blocks, read

import cargo_credential as cc
import test_cargo_credential as base
from support import CargoWithExample
from test_cargo_credential import HERE, LOAD, Directory, main, needs, posix_only, start

CARGOS_SIDE = "I/O: Cargo's side"
FILE_PROVIDER = "I/O: the file provider, and the program"
CUTS = [[CARGOS_SIDE], [FILE_PROVIDER], [CARGOS_SIDE, FILE_PROVIDER]]
MODULE = read("cargo_credential.py")


def section(title):
    """The text of a section, from its banner to the next one or to the end."""
    (text,) = re.findall(r"(?ms)^# ---- %s -+$.*?(?=^# ---- |\Z)" % re.escape(title), MODULE)
    return text


def without(titles):
    """The module without these sections."""
    text = MODULE
    for title in titles:
        text = text.replace(section(title), "")
    return text


def names_of(text):
    """The names that a section defines."""
    nodes = ast.parse(text).body
    names = [node.name for node in nodes if isinstance(node, (ast.ClassDef, ast.FunctionDef))]
    targets = [node.targets for node in nodes if isinstance(node, ast.Assign)]
    targets += [[node.target] for node in nodes if isinstance(node, ast.AnnAssign)]
    return set(names + [target.id for row in targets for target in row])


def shell_lines():
    """{file: the line that writes it} of README's section about a copy of the module."""
    (page,) = re.findall(r"(?ms)^## Vendor.*?(?=^## |\Z)", README)
    (block,) = blocks(page, "sh")
    return collections.OrderedDict((line.split(" > ")[1], line) for line in block.splitlines())


class Text(unittest.TestCase):
    def test_nothing_else_names_what_a_section_defines(self):
        """Not in comments or docstrings either: a reader of the rest does not have the section."""
        for title in (CARGOS_SIDE, FILE_PROVIDER):
            with self.subTest(title):
                names = names_of(section(title))
                self.assertGreater(len(names), 5)
                self.assertEqual(names.intersection(re.findall(r"\w+", without([title]))), set())

    def test_beside_the_whole_module_no_test_is_skipped_for_a_missing_section(self):
        for kind in (base.CredentialProcess, base.Store):
            self.assertFalse(getattr(kind, "__unittest_skip__", False), kind)


@posix_only
class ShellLines(Directory):
    """README's lines of shell, and its table of what they write."""

    def setUp(self):
        super().setUp()
        self.write("cargo_credential.py", MODULE)
        for line in shell_lines().values():
            self.assertTrue(line.startswith("sed "), line)
            subprocess.check_call(["sh", "-c", line], cwd=self.directory, timeout=60)

    def test_they_cut_one_section_each_and_both(self):
        cuts = [self.read(name).decode() for name in shell_lines()]
        self.assertEqual(sorted(cuts), sorted(map(without, CUTS)))

    def test_the_table_has_the_lines_and_the_hash_of_each_file(self):
        rows = []
        for name in ["cargo_credential.py", *shell_lines()]:
            text = self.read(name)
            row = (name, text.count(b"\n"), hashlib.sha256(text).hexdigest())
            rows.append("| `%s` | %d | `%s` |" % row)
        self.assertEqual(re.findall(r"(?m)^\| `\w+\.py` \| \d+ \| `\w+` \|$", README), rows)


class WhatIsLeft(Directory):
    def copy(self, titles):
        """A directory with what is left of the module."""
        folder = "-".join(str(len(title)) for title in titles)
        return os.path.dirname(self.write(folder + "/cargo_credential.py", without(titles)))

    def test_it_imports_with_all_its_names(self):
        for titles in CUTS:
            with self.subTest(titles):
                gone = {name for title in titles for name in names_of(section(title))}
                code = "from cargo_credential import *\nimport cargo_credential\n"
                code += "print(*sorted(cargo_credential.__all__))\n"
                process = start(["-c", code], cwd=self.copy(titles))
                output, errors = process.communicate(timeout=60)
                self.assertEqual(errors, b"")
                self.assertEqual(output.decode().split(), sorted(set(cc.__all__) - gone))

    def check(self, titles):
        """Run the module's tests beside it. Those of a missing section are skipped."""
        folder = self.copy(titles)
        shutil.copy(os.path.join(HERE, "test_cargo_credential.py"), folder)
        command = ["test_cargo_credential.py"] + ([] if LOAD else ["--quick"])
        _, errors = start(command, cwd=folder).communicate(timeout=600)
        *_, result, skipped = errors.decode().strip().split("\n")
        self.assertTrue(result.startswith("OK (skipped="), errors.decode())
        self.assertEqual("Cargo's side" in skipped, CARGOS_SIDE in titles, skipped)
        self.assertEqual("the file provider" in skipped, FILE_PROVIDER in titles, skipped)

    @posix_only
    def test_it_passes_its_tests_without_cargos_side(self):
        self.check(CUTS[0])

    @posix_only
    def test_it_passes_its_tests_without_the_file_provider(self):
        self.check(CUTS[1])

    @posix_only
    def test_it_passes_its_tests_without_both(self):
        self.check(CUTS[2])


@needs("cargo")
@posix_only
class ReadmesProviders(CargoWithExample):
    """The providers of README.md, each beside what is left of the module, with real Cargo."""

    def test_cargo_gets_their_tokens(self):
        sources = [block for block in blocks(README, "python") if "main(Provider())" in block]
        self.assertGreater(len(sources), 1)
        self.write("secrets/cargo-token", self.TOKEN)
        self.write("secrets/corp-publish-token", self.TOKEN.split()[1])
        for titles in CUTS:
            for number, source in enumerate(sources):
                with self.subTest(titles, provider=number):
                    folder = "%d of %d" % (number, sum(map(len, titles)))
                    self.write(folder + "/cargo_credential.py", without(titles))
                    self.check(folder + "/prov.py", source)

    def check(self, name, source):
        source = source.replace("/run/secrets", self.path("secrets"))
        registries = "registries = (%r,)" % self.index
        source, count = re.subn(r"registries = \(.*?\)", registries, source)
        self.assertEqual(count, 1)
        self.configure(self.write(name, source, 0o755))
        del self.registry.log[:]
        if "def login" in source:
            scheme, token = self.TOKEN.split()
            self.assertIn('"%s "' % scheme, source)
            self.cargo("login", "--registry", "alt", stdin=token.encode())
        self.cargo("yank", "dep@1.0.0", "--registry", "alt")
        self.assertEqual(self.sent("DELETE"), [("/api/v1/crates/dep/1.0.0/yank", self.TOKEN)])
        if "def logout" in source:
            self.cargo("logout", "--registry", "alt")
            self.cargo("yank", "dep@1.0.0", "--registry", "alt", status=101)


if __name__ == "__main__":
    main()
