#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of from_netrc.py with files of their own and real Cargo.

python3 examples/tests/test_from_netrc.py [-v] [CLASS[.test] ...]
"""

import base64
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
        if os.path.exists(self.path(self.NAME)):  # it can be read-only
            os.remove(self.path(self.NAME))
        return self.write(self.NAME, text, mode)

    def message(self, line=None):
        """What an `other` error says, as the message with its causes."""
        (text,) = self.texts(line or get(R, BY_HOST))
        return text


OURS = "machine r.example login u password %s\n"
TOK = OURS % "tok"
OTHER = "machine a.example login me password %s\n"
DEFAULT = "default login anonymous password me@x\n"
OPEN = "close the quote on this line"
NOT_ASCII = "the password must be printable ASCII"

# (text, login, password); a file is UTF-8 unless it holds surrogates, which stand for bytes
FOUND = [
    (TOK, "u", "tok"),
    (TOK.upper().replace("PASSWORD TOK", "PASSWORD tok").replace("LOGIN U", "LOGIN u"), "u", "tok"),
    ("machine r.example\r\n\tlogin u\r\n\tpassword tok\r\n", "u", "tok"),
    ("machine\nr.example\nlogin\nu\npassword\ntok", "u", "tok"),
    ("machine r.example password tok login u\n", "u", "tok"),
    ("machine r.example password tok\n", "", "tok"),
    ("machine r.example login machine password password\n", "machine", "password"),
    ("machine r.example account x login u port 1 password tok\n", "u", "tok"),
    # other entries
    (OTHER % "p" + TOK + OTHER % "p", "u", "tok"),
    ("machine a.example login u\n" + TOK, "u", "tok"),
    (OTHER % '"open' + TOK, "u", "tok"),
    (OTHER % '"open\\' + TOK, "u", "tok"),
    (TOK + OTHER % '"open', "u", "tok"),
    (OTHER % "\udce9" + TOK, "u", "tok"),
    (OTHER % "\x00" + TOK, "u", "tok"),
    (DEFAULT + TOK, "u", "tok"),
    (TOK + OURS % "second", "u", "tok"),
    (TOK + OURS % '"open', "u", "tok"),
    ("machine r.example login u\nmachine r.example login v password tok\n", "v", "tok"),
    # comments
    ("# FTP\n\n" + OTHER % "p" + "\n# crates\n" + TOK, "u", "tok"),
    ("#" + OURS % "old" + TOK, "u", "tok"),
    ("##### section #####\n" + TOK, "u", "tok"),
    ("machine r.example\n# the robot's login x\nlogin u\npassword tok # note\n", "u", "tok"),
    (OURS % "#tok", "u", "#tok"),
    (OURS % "to#k", "u", "to#k"),
    # quotes and backslashes
    (OURS % '"tok en"', "u", "tok en"),
    (OURS % r'"\"t\\o\k"', "u", '"t\\ok'),
    (OURS % r"to\k", "u", r"to\k"),
    (OURS % 'to"k', "u", 'to"k'),
    (OURS % "'tok'", "u", "'tok'"),
    ('""\n' + TOK, "u", "tok"),
    # whole files
    ("\ufeff" + TOK, "u", "tok"),
    ("macdef init\ncd /pub\n" + OURS % "old" + "\n" + TOK, "u", "tok"),
    ("macdef init\r\ncd /pub\r\n" + OURS % "old" + "\r\n" + TOK, "u", "tok"),
    (TOK + "macdef init\n" + OURS % "put", "u", "tok"),
]
MISSING = ["", " \n", "# " + TOK, OTHER % "p", DEFAULT, "login u password x\n", "machine"]
MISSING += ["machine xr.example password x\n", "machine r.example.x password x\n"]
EMPTY = ["machine r.example login u\n", OURS % '""', "machine r.example\nlogin u password"]
# (text, the line, what is wrong there)
WRONG = [
    (OURS % '"tok' + OTHER % "p", 1, OPEN),
    ('\n\nmachine r.example\nlogin "u\npassword tok\n', 4, OPEN),
    (OTHER % "p" + "\n" + TOK.strip() + ' "note\n', 3, OPEN),
    ('machine "r.example', 1, OPEN),
    (OURS % '"to\tk"', 1, NOT_ASCII),
    ("\n" + OURS % r'"to\nk"', 2, NOT_ASCII),
    (OURS % "to\x00k", 1, NOT_ASCII),
    (OURS % "caf\u00e9", 1, NOT_ASCII),
    ("machine r.example\nlogin u\npassword \udce9\n", 3, NOT_ASCII),
]


class Entries(WithNetrc):
    def test_the_password_of_the_hosts_machine_is_the_token(self):
        schemes = ([], ["--scheme", "Bearer"], ["--scheme", "Basic"])
        for text, login_name, token in FOUND:
            with self.subTest(text=text):
                self.file(text)
                pair = "%s:%s" % (login_name, token)
                encoded = base64.b64encode(pair.encode()).decode()
                values = [token, "Bearer " + token, "Basic " + encoded]
                answers, errors = self.ask(*[get(R, BY_HOST + scheme) for scheme in schemes])
                found = [json.loads(answer)["Ok"]["token"] for answer in answers]
                self.assertEqual((found, errors), (values, ""))

    def test_a_file_without_the_host_is_not_found(self):
        for text in MISSING:
            with self.subTest(text=text):
                self.file(text)
                self.assertEqual(self.ask(get(R, BY_HOST)), ([NOT_FOUND], ""))

    def test_an_entry_without_a_password_is_not_found_and_names_the_file(self):
        for text in EMPTY:
            with self.subTest(text=text):
                path = self.file(text)
                shown = "from_netrc.py: `%s` has no password for r.example\n" % path
                self.assertEqual(self.ask(get(R, BY_HOST)), ([NOT_FOUND], shown))

    def test_a_wrong_entry_is_reported_with_its_line_and_no_content(self):
        for text, line, problem in WRONG:
            path = self.file(text)
            with self.subTest(text=text):
                lines = [get(R, BY_HOST), get(R, [*BY_HOST, "--scheme", "Basic"])]
                message = "`%s`, line %d: %s" % (path, line, problem)
                self.assertEqual(self.texts(*lines), [message] * 2)

    def test_basic_refuses_a_login_that_it_cannot_encode(self):
        message = "HTTP Basic requires a login of printable ASCII characters without `:`"
        for name in ("a:b", "caf\u00e9", "\udce9", '"a\tb"', r'"a\nb"'):
            self.file("machine r.example login %s password tok\n" % name)
            with self.subTest(name):
                self.assertEqual(self.message(get(R, [*BY_HOST, "--scheme", "Basic"])), message)
                self.assertEqual(self.ask(get(R, BY_HOST)), ([token_answer("tok")], ""))

    def test_what_cannot_be_a_token_is_refused(self):
        placeholder = "the token is a placeholder that nothing replaced"
        self.file(OURS % "${TOKEN}")
        for scheme in ([], ["--scheme", "Bearer"], ["--scheme", "Basic"]):
            self.assertIn(placeholder, self.message(get(R, [*BY_HOST, *scheme])))
        self.file(OURS % '"Bearer tok"')
        self.assertEqual(self.ask(get(R, BY_HOST)), ([token_answer("Bearer tok")], ""))
        message = self.message(get(R, [*BY_HOST, "--scheme", "Bearer"]))
        self.assertEqual(message, "the token has its scheme twice: leave one out")

    def test_the_options_choose_the_entry(self):
        default = [*BY_HOST, "--default"]
        for text, args, token in [
            (TOK, BY_INDEX, "tok"),
            (TOK, ["--host", "r.example:443"], "tok"),
            (OTHER % "p" + DEFAULT, default, "me@x"),
            (DEFAULT + TOK, default, "tok"),
            (OTHER % "p", default, None),
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
            (["--scheme", "Basic", "--scheme", "Token"], "Token " + TOKEN),
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
            (["--host", "[::1]"], "--host takes a host name, or HOST:PORT, not '[::1]'"),
            (["--host", "::1"], "--host takes a host name, or HOST:PORT, not '::1'"),
            ([*BY_HOST, "--host", "x/y"], "--host takes a host name, or HOST:PORT, not 'x/y'"),
        ]:
            self.assertEqual(self.message(get(R, args)), message, args)

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

    def test_an_entry_without_a_password_is_named_above_cargos_error(self):
        path = self.write(".netrc", "machine 127.0.0.1 login bot\n", 0o600)
        shown = self.cargo("update", status=101)
        self.assertIn("from_netrc.py: `%s` has no password for 127.0.0.1" % path, shown)
        self.assertIn("no token found for `alt`", shown)

    def test_login_and_logout_end_without_another_provider(self):
        for command in ("login", "logout"):
            shown = self.cargo(command, "--registry", "alt", stdin=b"x\n", status=101)
            self.assertIn("requested operation not supported", shown)


if __name__ == "__main__":
    unittest.main()
