#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of from_netrc.py with files of their own and real Cargo.

python3 examples/tests/test_from_netrc.py [-v] [CLASS[.test] ...]
"""

import json
import os
import stat
import sys
import unittest
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.abspath(os.path.join(sys.path[0], os.pardir, os.pardir)))
sys.path.insert(1, os.path.join(sys.path[0], "examples"))

import cargo_credential as cc
import from_netrc
from support import EXAMPLES, INDEX, CargoWithExample, Example, example
from test_cargo_credential import (
    HERE,
    NOT_FOUND,
    NOT_SUPPORTED,
    TOKEN,
    URL_NOT_SUPPORTED,
    get,
    login,
    logout,
    needs,
    posix_only,
    token_answer,
)

R = cc.RegistryInfo(INDEX, "alt")
BY_INDEX = ["--index", INDEX]
BY_HOST = ["--host", "R.example"]
ENTRY = "machine r.example login bot password %s\n" % TOKEN


class WithNetrc(Example):
    EXAMPLE = example("from_netrc.py")
    NAME = "_netrc" if sys.platform == "win32" else ".netrc"

    def file(self, text, mode=0o600):
        return self.write(self.NAME, text, mode)

    def message(self, line=None):
        """What an `other` error says, as the message with its causes."""
        (text,) = self.texts(line or get(R, BY_HOST))
        return text


class Entries(WithNetrc):
    def test_the_password_of_the_hosts_machine_is_the_token(self):
        other = "machine other.example login me password no\n"
        default = "default login anybody password %s\n" % TOKEN
        for text, args, token in [
            (ENTRY, BY_HOST, TOKEN),
            (ENTRY, BY_INDEX, TOKEN),
            (ENTRY, ["--host", "r.example:443"], TOKEN),
            (ENTRY.replace("r.ex", "R.Ex"), BY_HOST, TOKEN),
            (other + ENTRY + other, BY_HOST, TOKEN),
            (ENTRY.replace(" ", "\n\t"), BY_HOST, TOKEN),
            ("machine r.example password %s\n" % TOKEN, BY_HOST, TOKEN),
            ("# comment\nmacdef m\necho machine r.example\n\n" + ENTRY, BY_HOST, TOKEN),
            ("machine r.example login bot password a#b@c\n", BY_HOST, "a#b@c"),
            (ENTRY.replace(TOKEN, "first") + ENTRY, BY_HOST, TOKEN),
            (other + default, BY_HOST, None),
            (other + default, [*BY_HOST, "--default"], TOKEN),
            (
                "machine r.example login a password mine\n" + default,
                [*BY_HOST, "--default"],
                "mine",
            ),
            (other, [*BY_HOST, "--default"], None),
            ("", BY_HOST, None),
        ]:
            with self.subTest(text=text, args=args):
                self.file(text)
                answer = token_answer(token) if token else NOT_FOUND
                self.assertEqual(self.ask(get(R, args)), ([answer], ""))

    def test_the_default_entry_does_not_serve_a_host_of_that_name(self):
        self.file("default login anybody password %s\n" % TOKEN)
        registry = cc.RegistryInfo("https://default/")
        self.assertEqual(self.ask(get(registry, ["--host", "default"])), ([NOT_FOUND], ""))

    def test_a_scheme_comes_before_the_token(self):
        self.file(ENTRY)
        for args, value in [
            (["--scheme", "Bearer"], "Bearer " + TOKEN),
            (["--scheme", "Basic"], "Basic Ym90OnMzY3IzdC10MGtlbg=="),
            (["--scheme", "basic"], "basic Ym90OnMzY3IzdC10MGtlbg=="),
        ]:
            self.assertEqual(self.ask(get(R, [*BY_HOST, *args])), ([token_answer(value)], ""))

    def test_another_registry_is_left_to_the_next_provider_and_the_file_unread(self):
        self.file("damaged")
        rows = [
            (BY_INDEX, "sparse+https://r.example/index"),
            (BY_HOST, "sparse+http://r.example/index/"),
            (BY_HOST, "sparse+https://r.example:444/index/"),
            (BY_HOST, "https://r.example@evil.example/"),
            ([*BY_HOST, "--default"], "https://evil.example/"),
            (["--index", "file:///srv/index", "--default"], "file:///srv/index"),
        ]
        for action in (get, logout, lambda *rest: login(TOKEN, *rest)):
            lines = [action(cc.RegistryInfo(url), args) for args, url in rows]
            self.assertEqual(self.ask(*lines), ([URL_NOT_SUPPORTED] * len(rows), ""))

    def test_only_get_is_supported(self):
        self.file(ENTRY)
        answers, _ = self.ask(login(TOKEN, R, BY_HOST), logout(R, BY_HOST))
        self.assertEqual(answers, [NOT_SUPPORTED] * 2)

    def test_the_token_is_hidden_in_an_error_also_when_it_is_encoded(self):
        self.file(ENTRY)
        code = (
            "import sys\nsys.path[:0] = [%r, %r]\nimport cargo_credential as cc, from_netrc\n"
            "class Failing(from_netrc.FromNetrc):\n"
            "    def get(self, *rest):\n"
            "        raise ValueError('sent ' + super().get(*rest).token.expose())\n"
            "cc.main(Failing())\n" % (HERE, EXAMPLES)
        )
        path = self.write("failing.py", code)
        lines = [get(R, [*BY_HOST, *scheme]) for scheme in ([], ["--scheme", "Basic"])]
        answers, _ = self.run_provider(path, *lines, env=self.environment())
        self.assertEqual(
            [json.loads(answer)["Err"]["message"] for answer in answers],
            ["sent [REDACTED]", "sent [REDACTED]"],
        )


class Files(WithNetrc):
    def test_a_variable_names_another_file(self):
        self.file(ENTRY.replace(TOKEN, "other"))
        self.more["NETRC"] = self.write("my netrc", ENTRY, 0o600)
        self.assertEqual(self.ask(get(R, BY_HOST)), ([token_answer(TOKEN)], ""))
        self.more["NETRC"] = ""
        self.assertEqual(self.ask(get(R, BY_HOST)), ([token_answer("other")], ""))
        self.more["NETRC"] = self.path("missing")
        self.assertEqual(self.ask(get(R, BY_HOST)), ([NOT_FOUND], ""))

    def test_a_relative_path_is_refused(self):
        self.more["NETRC"] = os.path.basename(self.file(ENTRY))
        message = "`%s` is a relative path: set NETRC to the absolute path of the file" % self.NAME
        self.assertEqual(self.message(), message)

    def test_a_damaged_file_is_reported_with_its_line_and_no_content(self):
        for text, line in [
            ("\n\nmachine r.example login bot pass word %s\n" % TOKEN, 3),
            ("\nmachinery %s\n" % TOKEN, 2),
            (ENTRY + "%s is not a word of such a file\n" % TOKEN, 2),
            (ENTRY + "\nmachine x login y password %s and more\n" % TOKEN, 3),
        ]:
            path = self.file(text)
            self.assertEqual(self.message(), "`%s` is damaged near line %d" % (path, line))

    @posix_only  # on Windows, each byte is text
    def test_bytes_that_are_not_text_are_reported(self):
        path = self.file(ENTRY)
        with open(path, "ab") as file:
            file.write(b"machine x login \xff password y\n")
        if sys.platform != "win32":
            self.more["LC_ALL"] = "C.UTF-8"
        self.assertEqual(self.message(), "`%s` holds bytes that are not text" % path)

    @posix_only
    def test_a_file_that_others_can_read_or_write_is_refused(self):
        for mode in (0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666):
            path = self.file(ENTRY, mode)
            expected = "other users have access to `%s`: run `chmod 600 %s`" % (path, path)
            self.assertEqual(self.message(), expected, oct(mode))
        for mode in (0o600, 0o400, 0o700):
            self.file(ENTRY, mode)
            self.assertEqual(self.ask(get(R, BY_HOST))[0], [token_answer(TOKEN)], oct(mode))

    @posix_only
    def test_the_file_of_another_user_is_refused(self):
        def message(owner, user):
            status = os.stat_result((stat.S_IFREG | 0o600, 0, 0, 1, owner, 0, 0, 0, 0, 0))
            with mock.patch("os.geteuid", lambda: user):
                try:
                    from_netrc.check("/f", status)
                except cc.OtherError as error:
                    return str(error)

        self.assertEqual(message(7, 7), None)
        self.assertEqual(message(0, 7), None)
        self.assertEqual(message(8, 7), "`/f` belongs to another user (uid 8)")
        self.assertEqual(message(7, 0), "`/f` belongs to another user (uid 7)")
        if os.geteuid() == 0:
            path = self.file(ENTRY)
            os.chown(path, 7, -1)
            self.assertEqual(self.message(), "`%s` belongs to another user (uid 7)" % path)

    @posix_only
    def test_what_is_not_a_file_is_refused(self):
        os.mkfifo(self.path(self.NAME), 0o600)
        self.assertEqual(self.message(), "`%s` is not a regular file" % self.path(self.NAME))
        self.more["NETRC"] = "/dev/null"
        self.assertEqual(self.message(), "`/dev/null` is not a regular file")
        self.more["NETRC"] = self.directory
        self.assertEqual(self.message(), "`%s` is not a regular file" % self.directory)

    @posix_only
    def test_a_path_that_cannot_be_looked_up_is_reported(self):
        self.more["NETRC"] = os.path.join(self.file(ENTRY), "x")
        self.assertEqual(self.message(), "cannot read `%s`: Not a directory" % self.more["NETRC"])


class Mistakes(WithNetrc):
    def test_a_wrong_configuration_is_reported(self):
        known = "the options are --index, --host, --scheme, --default"
        one = "add `--index URL` or `--host HOST` to name the registry of the token"
        for args, message in [
            ([], one),
            (["--scheme", "Bearer"], one),
            (["--default"], one),
            (["--ttl", "5"], "unknown option '--ttl': " + known),
            (["r.example"], "unknown option 'r.example': " + known),
            (["--host"], "--host requires a value after it"),
            (["--host", "--default"], "--host requires a value after it"),
            ([*BY_HOST, "--scheme"], "--scheme requires a value after it"),
        ]:
            self.assertEqual(self.message(get(R, args)), message, args)

    def test_a_token_that_no_header_can_carry_is_not_sent(self):
        self.file("machine r.example login bot password caf\u00e9\n")
        answers, _ = self.ask(get(R, BY_HOST))
        self.assertEqual(set(json.loads(answers[0])), {"Err"})
        self.assertNotIn("caf", answers[0])

    @posix_only
    def test_the_docstrings_command_shows_what_cargo_gets(self):
        self.assert_tries_as_documented(r'\A\{"v":\[1\]\}\n\{"Err":\{"kind":"not-found"\}\}\n\Z')


@needs("cargo")
@posix_only
class FromNetrcWithCargo(CargoWithExample):
    EXAMPLE = example("from_netrc.py")

    def setUp(self):
        super().setUp()
        self.configure(self.EXAMPLE, "--index", self.index, "--scheme", "Bearer")
        token = self.TOKEN.replace("Bearer ", "")
        self.write(".netrc", "machine 127.0.0.1 login bot password %s\n" % token, 0o600)

    def test_cargo_updates_builds_and_publishes(self):
        self.cargo("update")
        self.assertIn("Compiling dep v1.0.0", self.cargo("build"))
        self.assertIn("Published app v0.1.0", self.publish())
        self.assertEqual({token for _, _, token in self.registry.log}, {None, self.TOKEN})

    def test_cargo_sends_login_and_password_as_basic(self):
        self.configure(self.EXAMPLE, "--index", self.index, "--scheme", "Basic")
        self.write(".netrc", "machine 127.0.0.1 login bot password %s\n" % TOKEN, 0o600)
        self.registry.token = "Basic Ym90OnMzY3IzdC10MGtlbg=="
        self.cargo("update")
        self.assertIn("Published app v0.1.0", self.publish())

    def test_a_missing_entry_lets_cargo_ask_the_next_provider(self):
        self.write(".netrc", "machine other.example login bot password x\n", 0o600)
        self.assertIn("no token found for `alt`", self.cargo("update", status=101))
        other = self.recorder("other", "return GetResponse(Secret(%r))" % self.TOKEN)
        self.globally([other], [self.EXAMPLE, "--index", self.index])
        self.cargo("update")

    def test_login_and_logout_end_without_another_provider(self):
        for command in ("login", "logout"):
            shown = self.cargo(command, "--registry", "alt", stdin=b"x\n", status=101)
            self.assertIn("requested operation not supported", shown)


if __name__ == "__main__":
    unittest.main()
