#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of stdout_redirected.py on a terminal, without one, and with real Cargo.

python3 examples/tests/test_stdout_redirected.py [-v] [CLASS[.test] ...]
"""

import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.abspath(os.path.join(sys.path[0], os.pardir, os.pardir)))

from support import EXAMPLES, CargoWithExample, Example, command_of, example
from test_cargo_credential import LOGOUT, NOT_SUPPORTED, needs, posix_only

TO_CARGO = "message on stderr should be sent to the parent process"
TO_TERMINAL = "message from test credential provider"


class Redirected(Example):
    EXAMPLE = example("stdout_redirected.py")


class StdoutRedirected(Redirected):
    def test_without_a_terminal_only_standard_error_is_shown(self):
        answers, errors = self.ask(LOGOUT)
        self.assertEqual((answers, errors.splitlines()), ([NOT_SUPPORTED], [TO_CARGO]))

    @posix_only
    def test_on_a_terminal_both_messages_are_shown(self):
        terminal = self.on_a_terminal()
        answers = terminal.process.communicate(LOGOUT, timeout=60)[0].decode()
        self.assertEqual(answers, NOT_SUPPORTED + "\n")
        status, shown = terminal.rest()
        self.assertEqual(status, 0)
        self.assertEqual(set(shown.decode().splitlines()), {TO_CARGO, TO_TERMINAL})

    @posix_only
    def test_the_docstrings_command_shows_what_cargo_gets(self):
        process = subprocess.Popen(
            ["sh", "-c", command_of(self.EXAMPLE)],
            cwd=EXAMPLES,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=os.setsid,
        )
        output, errors = process.communicate(timeout=60)
        self.assertEqual(output.decode(), '{"v":[1]}\n%s\n' % NOT_SUPPORTED)
        self.assertEqual(errors.decode(), TO_CARGO + "\n")


@needs("cargo")
@posix_only
class StdoutRedirectedWithCargo(Redirected, CargoWithExample):
    def setUp(self):
        super().setUp()
        self.configure(self.EXAMPLE)

    def test_cargo_shows_standard_error_and_the_answer(self):
        shown = self.logout(status=101)
        self.assertEqual(shown.splitlines()[0], TO_CARGO)
        self.assertNotIn(TO_TERMINAL, shown + self.output)
        self.assertRegex(shown, "Caused by:\n  requested operation not supported\n\\Z")

    def test_on_a_terminal_the_user_sees_both_messages(self):
        terminal = self.cargo_on_a_terminal("logout", "--registry", "alt")
        status, shown = terminal.rest()
        self.assertEqual(status, 101)
        for message in (TO_CARGO, TO_TERMINAL):
            self.assertEqual(len(re.findall(message, shown.decode())), 1)


if __name__ == "__main__":
    unittest.main()
