#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of onepassword.py with a stand-in for `op`, and real Cargo.

python3 examples/tests/test_onepassword.py [-v] [CLASS[.test] ...]
"""

import os
import shlex
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.abspath(os.path.join(sys.path[0], os.pardir, os.pardir)))

import cargo_credential as cc
from support import INDEX, OP, CargoWithExample, WithOp
from test_cargo_credential import (
    LOGIN_OK,
    LOGOUT_OK,
    NOT_FOUND,
    NOT_SUPPORTED,
    REGISTRY,
    TOKEN,
    get,
    line_of,
    login,
    logout,
    needs,
    posix_only,
    token_answer,
)

PASSWORD = {
    "id": "password",
    "type": "CONCEALED",
    "purpose": "PASSWORD",
    "label": "password",
    "value": TOKEN,
}
ITEM = {
    "title": "Cargo registry token",
    "category": "LOGIN",
    "tags": ["cargo-registry"],
    "urls": [{"primary": True, "href": INDEX}],
    "fields": [PASSWORD],
    "id": "id0",
}
LIST = "item list --categories Login --tags cargo-registry --format json"


class OpExample(WithOp):
    def commands(self):
        """What `op` was started with since the last call."""
        lines = self.read("bin/log").decode().splitlines()
        os.remove(self.path("bin/log"))
        return lines

    def assert_answers(self, rows):
        """Each row is (request, answer). One session answers all of them."""
        answers = [answer for _, answer in rows]
        self.assertEqual(self.ask(*[line for line, _ in rows]), (answers, ""))


@posix_only
class Items(OpExample):
    def test_a_token_is_stored_replaced_returned_and_erased(self):
        self.assert_answers(
            [
                (get(REGISTRY), NOT_FOUND),
                (logout(REGISTRY), NOT_FOUND),
                (login("one", REGISTRY), LOGIN_OK),
                (get(REGISTRY), token_answer("one")),
                (login("Bearer " + TOKEN, REGISTRY), LOGIN_OK),
                (get(REGISTRY), token_answer("Bearer " + TOKEN)),
                (logout(REGISTRY), LOGOUT_OK),
                (get(REGISTRY), NOT_FOUND),
                (logout(REGISTRY), NOT_FOUND),
            ]
        )
        self.assertEqual(self.stored_tokens(), [])
        log = "\n".join(self.commands())
        self.assertNotIn(TOKEN, log)
        self.assertNotIn("s3cr3t", log)

    def test_cargos_own_provider_finds_the_item(self):
        self.assert_answers([(login(TOKEN, REGISTRY), LOGIN_OK)])
        self.assertEqual(self.stored_tokens(), [ITEM])
        self.assertEqual(self.commands(), ["signin", LIST, "item create -"])

    def test_every_command_gets_the_options(self):
        options = ["--account", "my.1password.com", "--vault", "Build tokens"]
        lines = [login(token, REGISTRY, options) for token in ("one", "two")]
        self.assert_answers([(line, LOGIN_OK) for line in lines])
        both = " --account=my.1password.com --vault=Build tokens"
        self.assertEqual(
            self.commands(),
            [
                "signin --account=my.1password.com",
                LIST + both,
                "item create -" + both,
                LIST + both,
                "item get id0 --format json" + both,
                "item edit id0" + both,
            ],
        )

    def test_a_login_changes_only_the_password(self):
        fields = [
            {"id": "username", "value": "\u00e9"},
            {"id": "password", "label": "Passwort", "value": "old"},
            {"label": "no id"},
        ]
        self.store_tokens([dict(ITEM, fields=fields, favorite=True)])
        self.assert_answers([(login(TOKEN, REGISTRY), LOGIN_OK)])
        fields = [fields[0], fields[2], dict(fields[1], value=TOKEN)]
        self.assertEqual(self.stored_tokens(), [dict(ITEM, fields=fields, favorite=True)])

    def test_a_login_adds_a_password_to_an_item_without_fields(self):
        self.store_tokens([{name: value for name, value in ITEM.items() if name != "fields"}])
        self.assert_answers([(login(TOKEN, REGISTRY), LOGIN_OK)])
        self.assertEqual(self.stored_tokens(), [ITEM])

    def test_an_item_belongs_to_its_whole_url_tag_and_category(self):
        others = [
            dict(ITEM, id="id1", urls=[{"href": INDEX + "x"}]),
            dict(ITEM, id="id2", urls=[{"href": "sparse+http://r.example/index/"}]),
            dict(ITEM, id="id3", tags=[]),
            dict(ITEM, id="id4", category="PASSWORD"),
            {"id": "id5", "category": "LOGIN", "tags": ["cargo-registry"]},
        ]
        self.store_tokens(others)
        self.assert_answers([(get(REGISTRY), NOT_FOUND), (logout(REGISTRY), NOT_FOUND)])
        self.store_tokens([*others, dict(ITEM, urls=[{"href": "x"}, {"href": INDEX}])])
        self.assert_answers([(get(REGISTRY), token_answer(TOKEN)), (logout(REGISTRY), LOGOUT_OK)])
        self.assertEqual(self.stored_tokens(), others)

    def test_a_session_in_the_environment_is_used(self):
        self.store_tokens([ITEM])
        for name in ("OP_SESSION_abc", "OP_SERVICE_ACCOUNT_TOKEN", "OP_CONNECT_TOKEN"):
            with self.subTest(name):
                path = self.more["PATH"]
                self.more = {"PATH": path, name: "session-s3cr3t"}
                self.assert_answers([(get(REGISTRY), token_answer(TOKEN))])
                self.assertEqual(self.commands(), [LIST, "item get id0 --format json"])


@posix_only
class Failures(OpExample):
    def assert_reported(self, text, *actions):
        """All three actions, or those named, end with this text."""
        lines = [get(REGISTRY), login(TOKEN, REGISTRY), logout(REGISTRY)]
        lines = [action(REGISTRY) for action in actions] or lines
        self.assertEqual(self.texts(*lines), [text] * len(lines))

    def test_several_items_for_one_registry_are_reported(self):
        self.store_tokens([ITEM, dict(ITEM, id="id1")])
        self.assert_reported(
            "several 1Password items with the tag cargo-registry are for this registry: keep only"
            " one of id0, id1"
        )

    def test_a_failure_of_op_is_reported_without_its_output(self):
        not_json = "`op` did not print JSON: is it version 2?"
        not_items = "`op item list` did not print items"
        list_failed = "`op item list` failed with status 6: see its message above"
        signin_failed = "`op signin` failed with status 1: see its message above"
        for code, text in [
            ("exit 0", not_json),
            ("echo %s" % TOKEN, not_json),
            ("echo '{\"%s\":1}'" % TOKEN, not_items),
            ("echo null", not_items),
            ("test $1 = signin || { echo %s; exit 6; }" % TOKEN, list_failed),
            ("echo %s; exit 1" % TOKEN, signin_failed),
        ]:
            with self.subTest(code):
                self.write("bin/op", "#!/bin/sh\n" + code + "\n", 0o755)
                self.assert_reported(text)

    def test_a_missing_op_is_reported(self):
        self.more["PATH"] = self.path("nothing")
        self.assert_reported("cannot run `op`: No such file or directory")

    def test_an_item_without_exactly_one_password_is_reported(self):
        for fields in (
            [],
            [PASSWORD, PASSWORD],
            [{"id": "password"}],
            [dict(PASSWORD, value=None)],
            TOKEN,
            [TOKEN],
        ):
            with self.subTest(fields):
                self.store_tokens([dict(ITEM, fields=fields)])
                self.assert_reported("the 1Password item id0 has no password", get)

    def test_what_cannot_be_a_token_is_neither_stored_nor_sent(self):
        text = "the token has its scheme twice: leave one out"
        self.assertEqual(self.texts(login("Bearer Bearer t", REGISTRY)), [text])
        self.assertEqual(self.stored_tokens(), [])
        self.store_tokens([dict(ITEM, fields=[dict(PASSWORD, value="Bearer Bearer t")])])
        self.assertEqual(self.texts(get(REGISTRY)), [text])

    def test_a_login_reports_an_item_that_it_cannot_change(self):
        for fields in (TOKEN, [TOKEN]):
            with self.subTest(fields):
                self.store_tokens([dict(ITEM, fields=fields)])
                text = "`op item get` did not print an item"
                self.assertEqual(self.texts(login(TOKEN, REGISTRY)), [text])

    def test_a_wrong_configuration_is_reported(self):
        unknown = (
            "unknown option '%s', or no value after it: there are --account ACCOUNT and"
            " --vault VAULT"
        )
        rows = [
            (["--frob"], unknown % "--frob"),
            (["--vault"], unknown % "--vault"),
            (["\x1b[2J", "x"], unknown % r"\x1b[2J"),
        ]
        self.assert_texts(rows, get)
        self.assert_texts(rows, logout)
        self.assertFalse(os.path.exists(self.path("bin/log")))

    def test_an_action_of_a_newer_cargo_is_not_supported(self):
        self.assertEqual(self.texts(line_of(cc.UnknownAction())), [NOT_SUPPORTED])
        self.assertFalse(os.path.exists(self.path("bin/log")))

    def test_the_docstrings_command_shows_what_cargo_gets(self):
        self.assert_tries_as_documented(r'\A\{"v":\[1\]\}\n\{"Err":\{"kind":"not-found"\}\}\n\Z')


@needs("cargo")
@posix_only
class OnePasswordWithCargo(WithOp, CargoWithExample):
    def test_login_build_and_logout(self):
        self.configure(self.EXAMPLE, "--vault", "Private")
        self.assertIn("no token found for `alt`", self.cargo("build", status=101))
        self.login()
        self.assertEqual(self.stored_tokens()[0]["urls"], [{"primary": True, "href": self.index}])
        self.cargo("build")
        self.logout()
        self.assertEqual(self.stored_tokens(), [])
        self.assertIn("not currently logged in to `alt`", self.logout())

    def test_op_can_ask_on_the_terminal_under_cargo(self):
        asking = (
            "#!/bin/sh\nif test $1 = signin; then\n"
            "  printf 'password? ' >&2; read -r x; test \"$x\" = open || exit 1\nfi\n"
        )
        op = shlex.quote(self.program(OP, "bin/op2"))
        self.write("bin/op", asking + 'exec %s "$@"\n' % op, 0o755)
        password = {"id": "password", "value": self.TOKEN}
        self.store_tokens([dict(ITEM, urls=[{"href": self.index}], fields=[password])])
        self.configure(self.EXAMPLE)
        self.update_after_password()


if __name__ == "__main__":
    unittest.main()
