#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of password_store.py with the real pass and gpg, a stand-in for gopass, and real Cargo.

python3 examples/tests/test_password_store.py [-v] [CLASS[.test] ...]
"""

import os
import shlex
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.abspath(os.path.join(sys.path[0], os.pardir, os.pardir)))

import cargo_credential as cc
from support import CargoWithExample, WithPass, text_of
from test_cargo_credential import (
    BARE,
    CRATES_IO,
    LOGIN_OK,
    LOGOUT_OK,
    NOT_FOUND,
    NOT_SUPPORTED,
    TOKEN,
    URL_NOT_SUPPORTED,
    get,
    line_of,
    login,
    logout,
    needs,
    posix_only,
    start,
    token_answer,
)

CORP = cc.RegistryInfo("sparse+https://crates.corp.example/index/", "corp")
CORP_ENTRY = "cargo-registry/sparse%2Bhttps%3A%2F%2Fcrates.corp.example%2Findex%2F"
CORP_FILE = CORP_ENTRY + ".gpg"
SEE_ABOVE = "`%s` failed with status %d: see its message above"


class PassExample(WithPass):
    def ask_one(self, line):
        """(text, standard error) of the answer to one request, neither of which has TOKEN."""
        (answer,), errors = self.ask(line)
        self.assertNotIn(TOKEN, answer + errors)
        return text_of(answer), errors

    def recorder_command(self, name="pass", code=""):
        """A stand-in that logs its arguments and then runs `code`."""
        script = '#!/bin/sh\necho "$*" >>%s\n%s\n' % (shlex.quote(self.path("log")), code)
        return self.write("bin/" + name, script, 0o755)


@needs("pass", "gpg")
@posix_only
class Entries(PassExample):
    def test_a_token_is_stored_replaced_returned_and_erased(self):
        rows = [
            (get(), NOT_FOUND),
            (logout(), NOT_FOUND),
            (login("one"), LOGIN_OK),
            (get(), token_answer("one")),
            (login("Bearer " + TOKEN), LOGIN_OK),
            (get(), token_answer("Bearer " + TOKEN)),
            (logout(), LOGOUT_OK),
            (get(), NOT_FOUND),
            (logout(), NOT_FOUND),
        ]
        answers = [answer for _, answer in rows]
        self.assertEqual(self.ask(*[line for line, _ in rows]), (answers, ""))
        self.assertEqual(self.entries(), [])

    def test_pass_shows_the_entry(self):
        self.assertEqual(self.texts(login(TOKEN, CORP)), [LOGIN_OK])
        self.assertEqual(self.entries(), [CORP_FILE])
        self.assertNotIn(TOKEN.encode(), self.read("store/" + CORP_FILE))
        self.assertEqual(os.stat(self.path("store", CORP_FILE)).st_mode & 0o077, 0)
        shown = subprocess.check_output(
            ["pass", "show", CORP_ENTRY], env=self.environment(), timeout=60
        )
        self.assertEqual(shown, TOKEN.encode() + b"\n")

    def test_the_first_line_is_the_token(self):
        empty = "the token is empty, so no HTTP header can carry it"
        not_ascii = "the token contains a character outside ASCII, so no HTTP header can carry it"
        for content, text in [
            (b"t\nuser: me\n", token_answer("t")),
            (b"t\r\nuser: me\r\n", token_answer("t")),
            (b"t", token_answer("t")),
            (b"", empty),
            (b"\xff", not_ascii),
        ]:
            with self.subTest(content):
                process = subprocess.Popen(
                    ["pass", "insert", "-m", "-f", CORP_ENTRY],
                    env=self.environment(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                )
                process.communicate(content, timeout=60)
                self.assertEqual(self.texts(get(CORP)), [text])

    # (index URL, the entry with --per-host, None if Cargo asks its next provider)
    PER_HOST = [
        ("sparse+https://crates.corp.example/a/", "crates.corp.example"),
        ("sparse+https://crates.corp.example/b/../c", "crates.corp.example"),
        ("sparse+https://Crates.Corp.example/a/", "crates.corp.example"),
        ("https://me@crates.corp.example:443", "crates.corp.example"),
        (
            "sparse+http://crates.corp.example/a/",
            "sparse%2Bhttp%3A%2F%2Fcrates.corp.example%2Fa%2F",
        ),
        (
            "sparse+https://crates.corp.example:444/",
            "sparse%2Bhttps%3A%2F%2Fcrates.corp.example%3A444%2F",
        ),
        (
            "ssh://git@crates.corp.example/../../x",
            "ssh%3A%2F%2Fgit%40crates.corp.example%2F..%2F..%2Fx",
        ),
        ("ssh://git@r.example/~me", "ssh%3A%2F%2Fgit%40r.example%2F~me"),
        ("sparse+https://../x", None),
        ("sparse+https://-f/", None),
        ("sparse+https://$(id)/", None),
        ("sparse+https://%2e%2e/", None),
        ("sparse+https://\u00e9/", None),
        ("git://crates.corp.example#@evil/i", None),
        ("file://crates.corp.example/i", None),
    ]
    # The same without --per-host
    PER_INDEX = [
        (
            "sparse+https://crates.corp.example/a/",
            "sparse%2Bhttps%3A%2F%2Fcrates.corp.example%2Fa%2F",
        ),
        (CRATES_IO, "https%3A%2F%2Fgithub.com%2Frust-lang%2Fcrates.io-index"),
        ("sparse+https://.git/", None),
        ("git://crates.corp.example/i", None),
    ]

    def test_each_index_url_has_its_own_entry_below_the_folder(self):
        rows = [(url, name, ["--per-host"]) for url, name in self.PER_HOST]
        rows += [(url, name, []) for url, name in self.PER_INDEX]
        logins, gets, stored, returned, last = [], [], [], [], {}
        for number, (url, name, args) in enumerate(rows):
            token = "token-%d" % number
            last[name] = token_answer(token)
            logins.append(login(token, cc.RegistryInfo(url), args))
            gets.append(get(cc.RegistryInfo(url), args))
            stored.append(LOGIN_OK if name else URL_NOT_SUPPORTED)
        returned = [last[name] if name else URL_NOT_SUPPORTED for _, name, _ in rows]
        self.assertEqual(self.texts(*logins), stored)
        files = ["cargo-registry/%s.gpg" % name for name in last if name]
        self.assertEqual(self.entries(), sorted(files))
        self.assertEqual(self.texts(*gets), returned)

    def test_a_folder_in_the_place_of_an_entry_holds_no_token(self):
        self.write("store/" + CORP_ENTRY + "/token.gpg", "")
        self.assertEqual(self.texts(get(CORP), logout(CORP)), [NOT_FOUND, NOT_FOUND])

    def test_a_file_in_the_place_of_the_folder_holds_no_token(self):
        self.write("store/cargo-registry", "a file")
        self.assertEqual(self.texts(get(CORP), logout(CORP)), [NOT_FOUND, NOT_FOUND])

    def test_the_store_is_in_the_home_directory_unless_a_variable_names_it(self):
        os.rename(self.path("store"), self.path(".password-store"))
        for value in ("", None):
            with self.subTest(value):
                self.more["PASSWORD_STORE_DIR"] = value
                self.assertEqual(self.texts(login("t"), get()), [LOGIN_OK, token_answer("t")])

    def test_without_a_host_cargo_asks_its_next_provider_and_pass_does_not_run(self):
        args = ["--command", self.recorder_command(), "--per-host"]
        for url in ("file:///a.example/x", "sparse+https://", "..", ""):
            registry = cc.RegistryInfo(url)
            lines = [login(TOKEN, registry, args), get(registry, args), logout(registry, args)]
            self.assertEqual(self.texts(*lines), [URL_NOT_SUPPORTED] * 3)
        self.assertFalse(os.path.exists(self.path("log")))

    def test_an_action_of_a_newer_cargo_is_not_supported(self):
        texts = self.texts(line_of(cc.UnknownAction()), line_of(cc.UnknownAction(), BARE))
        self.assertEqual(texts, [NOT_SUPPORTED, URL_NOT_SUPPORTED])

    def test_the_token_is_on_no_command_line(self):
        code = "cat >>%s; echo noise" % shlex.quote(self.path("input"))
        args = ["--command", self.recorder_command(code=code)]
        self.assertEqual(self.texts(login(TOKEN, CORP, args)), [LOGIN_OK])
        self.assertEqual(self.read("log").decode(), "insert -m -f %s\n" % CORP_ENTRY)
        self.assertEqual(self.read("input"), TOKEN.encode() + b"\n")

    def test_a_terminal_without_a_name_does_no_harm(self):
        """As in a container whose terminal comes from outside."""
        code = (
            "import os, runpy\ndef nameless(descriptor): raise OSError(19, 'No such device')\n"
            "os.ttyname, os.isatty = nameless, lambda descriptor: True\n"
            "runpy.run_path(%r, run_name='__main__')" % self.EXAMPLE
        )
        process = start(["-c", code, "--cargo-plugin"], cwd=self.directory, env=self.environment())
        answers, errors = self.finish_provider(process, login(TOKEN), get())
        self.assertEqual((answers, errors), ([LOGIN_OK, token_answer(TOKEN)], ""))


# A stand-in: it keeps one entry in the file KEPT
GOPASS = """
case $1 in
  ls) echo other; printf '\\377\\n'; test ! -e KEPT || echo ENTRY ;;
  insert) cat >KEPT ;;
  show) cat KEPT ;;
  rm) rm KEPT ;;
esac
"""


@needs("pass", "gpg")
@posix_only
class Gopass(PassExample):
    # (request, answer, what gopass is started with)
    ROWS = [
        (get, NOT_FOUND, ["ls --flat"]),
        (logout, NOT_FOUND, ["ls --flat"]),
        (lambda *rest: login(TOKEN, *rest), LOGIN_OK, ["insert -f ENTRY"]),
        (get, token_answer(TOKEN), ["ls --flat", "show -o ENTRY"]),
        (logout, LOGOUT_OK, ["ls --flat", "rm -f ENTRY"]),
        (get, NOT_FOUND, ["ls --flat"]),
    ]

    def test_gopass_gets_its_own_commands(self):
        code = GOPASS.replace("KEPT", shlex.quote(self.path("kept"))).replace("ENTRY", CORP_ENTRY)
        args = ["--command", self.recorder_command("gopass", code)]
        answers = [answer for _, answer, _ in self.ROWS]
        lines = [action(CORP, args) for action, _, _ in self.ROWS]
        self.assertEqual(self.ask(*lines), (answers, ""))
        commands = [command for _, _, commands in self.ROWS for command in commands]
        log = self.read("log").decode().replace(CORP_ENTRY, "ENTRY")
        self.assertEqual(log.splitlines(), commands)

    def test_a_failure_of_gopass_is_reported(self):
        command = self.recorder_command("gopass", "exit 6")
        text, _ = self.ask_one(get(CORP, ["--command", command]))
        self.assertEqual(text, SEE_ABOVE % (command + " ls", 6))


@needs("pass", "gpg")
@posix_only
class Failures(PassExample):
    def test_a_damaged_entry_is_reported_and_gpg_prints_why(self):
        self.write("store/" + CORP_FILE, "not a message")
        text, errors = self.ask_one(get(CORP))
        self.assertEqual(text, SEE_ABOVE % ("pass show", 2))
        self.assertIn("gpg: ", errors)

    def test_a_missing_store_is_reported_and_pass_prints_why(self):
        os.remove(self.path("store/.gpg-id"))
        text, errors = self.ask_one(login(TOKEN, CORP))
        self.assertEqual(text, SEE_ABOVE % ("pass insert", 1))
        self.assertIn("pass init", errors)

    def test_a_command_that_fails_is_reported_without_its_output(self):
        self.write("store/" + CORP_FILE, "")
        failing = self.recorder_command(code="echo %s; exit 3" % TOKEN)
        args = ["--command", failing]
        self.assert_texts([(args, SEE_ABOVE % (failing + " show", 3))], get, CORP)
        self.assert_texts([(args, SEE_ABOVE % (failing + " rm", 3))], logout, CORP)

    def test_a_missing_command_is_reported(self):
        text = "cannot run `gopass-is-missing`: No such file or directory"
        self.assert_texts(
            [(["--command", "gopass-is-missing"], text)], lambda *rest: login(TOKEN, *rest)
        )

    def test_an_index_url_too_long_for_a_file_name_is_not_found(self):
        os.mkdir(self.path("store/cargo-registry"))
        long = cc.RegistryInfo("https://r.example/" + "x" * 300)
        self.assertEqual(self.texts(get(long), logout(long)), [NOT_FOUND, NOT_FOUND])
        text, errors = self.ask_one(login(TOKEN, long))
        self.assertEqual(text, SEE_ABOVE % ("pass insert", 1))
        self.assertIn("File name too long", errors)

    def test_what_cannot_be_a_token_is_neither_stored_nor_sent(self):
        text = "the token has its scheme twice: leave one out"
        self.assertEqual(self.texts(login("Bearer Bearer t", CORP)), [text])
        self.assertEqual(self.entries(), [])
        command = self.recorder_command(code="echo 'Bearer Bearer t'")
        self.write("store/" + CORP_FILE, "")
        self.assertEqual(self.texts(get(CORP, ["--command", command])), [text])

    def test_a_wrong_configuration_is_reported(self):
        unknown = (
            "unknown option '%s', or no value after it: there are --command NAME and --per-host"
        )
        rows = [
            (["--frob"], unknown % "--frob"),
            (["--per-host", "--command"], unknown % "--command"),
            (["\x1b[2J"], unknown % r"\x1b[2J"),
            (
                ["--command", "tools/pass"],
                "`tools/pass` is a relative path: name the command's absolute path",
            ),
        ]
        self.assert_texts(rows, logout, CORP)

    def test_the_docstrings_command_shows_what_cargo_gets(self):
        self.assert_tries_as_documented(r'\A\{"v":\[1\]\}\n\{"Err":\{"kind":"not-found"\}\}\n\Z')


@needs("pass", "gpg")
@posix_only
class LockedKey(PassExample):
    def setUp(self):
        super().setUp()
        self.encrypt_for("locked")
        self.assertEqual(self.texts(login(TOKEN, CORP)), [LOGIN_OK])
        self.forget_passphrases()

    def test_without_a_terminal_it_is_reported(self):
        text, errors = self.ask_one(get(CORP))
        self.assertEqual(text, SEE_ABOVE % ("pass show", 2))
        self.assertIn("gpg: ", errors)

    @needs("pinentry-curses")
    def test_on_a_terminal_gpg_asks_for_the_passphrase(self):
        self.more["TERM"] = "xterm"
        terminal = self.on_a_terminal()
        terminal.process.stdin.write(get(CORP))
        terminal.process.stdin.close()
        terminal.read(b"assphrase: ")
        terminal.type(self.PASSPHRASE.encode() + b"\r")
        self.assertEqual(terminal.process.stdout.read().decode(), token_answer(TOKEN) + "\n")
        status, rest = terminal.rest()
        self.assertEqual(status, 0)
        self.assertNotIn(TOKEN.encode(), rest)


@needs("cargo", "pass", "gpg")
@posix_only
class PasswordStoreWithCargo(WithPass, CargoWithExample):
    def setUp(self):
        super().setUp()
        self.configure(self.EXAMPLE)

    def test_login_build_publish_and_logout(self):
        self.assertIn("no token found for `alt`", self.cargo("build", status=101))
        self.login()
        port = self.registry.server_port
        name = "sparse%%2Bhttp%%3A%%2F%%2F127.0.0.1%%3A%d%%2Findex%%2F.gpg" % port
        self.assertEqual(self.entries(), ["cargo-registry/" + name])
        self.cargo("build")
        self.publish()
        self.logout()
        self.assertEqual(self.entries(), [])
        self.assertIn("not currently logged in to `alt`", self.logout())

    @needs("pinentry-curses")
    def test_cargo_waits_while_the_user_unlocks_the_key(self):
        self.encrypt_for("locked")
        self.login()
        self.forget_passphrases()
        shown = self.cargo("update", status=101)
        self.assertIn("failed with status 2: see its message above", shown)
        self.more["TERM"] = "xterm"
        terminal = self.cargo_on_a_terminal("build")
        terminal.read(b"assphrase: ")
        terminal.type(self.PASSPHRASE.encode() + b"\r")
        status, rest = terminal.rest()
        self.assertEqual(status, 0, rest)
        self.assertIn(b"Compiling dep v1.0.0", rest)
        self.assertNotIn(TOKEN.encode(), rest)


if __name__ == "__main__":
    unittest.main()
