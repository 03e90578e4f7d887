#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of token_from_command.py with commands, signals, terminals and real Cargo.

python3 examples/tests/test_token_from_command.py [-v] [CLASS[.test] ...]
"""

import json
import os
import re
import select
import shlex
import shutil
import signal
import sys
import time
import unittest
from base64 import b64encode

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.abspath(os.path.join(sys.path[0], os.pardir, os.pardir)))

import cargo_credential as cc
from support import EXAMPLES, CargoWithExample, Example, example, text_of
from test_cargo_credential import (
    CRATES_IO,
    MODULE,
    NOT_FOUND,
    NOT_SUPPORTED,
    REGISTRY,
    TOKEN,
    URL_NOT_SUPPORTED,
    WINDOWS,
    get,
    login,
    logout,
    needs,
    posix_only,
    start,
    token_answer,
)

PROVIDER = example("token_from_command.py")
PYTHON = "`%s`" % sys.executable
OPTIONS = (
    "--index, --host, --operation, --env, --basic, --ttl, --timeout, --scheme, --json, --expires,"
    " --expires-in"
)
NOTHING = "nothing to log in to or out of: the token comes from the %s"
TRAPS = ["", "INT TERM HUP"]  # the signals that what a command started ignores
# The signals that end the provider, and its status then
ENDS = [(signal.SIGINT, 130), (signal.SIGTERM, -15), (signal.SIGHUP, -1)] if not WINDOWS else []
ASK = "printf 'password? ' >&2; read -r x </dev/tty; echo \"$x\""


def basic(user, token):
    """HTTP Basic, as RFC 7617 has it."""
    return "Basic " + b64encode(("%s:%s" % (user, token)).encode("utf-8")).decode("ascii")


def printing(output, status=0):
    """A command that prints these bytes or this text."""
    output = output if isinstance(output, bytes) else output.encode("utf-8")
    code = "import os, sys; os.write(1, %r); sys.exit(%r)" % (output, status)
    return [sys.executable, "-SEc", code]


class FromCommand(Example):
    EXAMPLE = PROVIDER

    def assert_fails(self, args, text, errors):
        """The answer's text, and what the command wrote to standard error."""
        (answer,), written = self.ask(get(REGISTRY, args))
        self.assertEqual((text_of(answer), written), (text, errors))


class Output(FromCommand):
    def test_the_output_is_the_token_without_its_line_end(self):
        for token in (TOKEN, " %s " % TOKEN):
            rows = [token, token + "\n", token + "\r\n", token + "\n\n"]
            answers, errors = self.ask(*[get(REGISTRY, printing(output)) for output in rows])
            self.assertEqual((answers, errors), ([token_answer(token)] * len(rows), ""))

    def test_options_end_at_the_command_or_at_two_dashes(self):
        document = printing('{"a":{"b":"t\\n","c":"u"}}')
        rows = [
            (["--scheme", "Bearer", *printing("t")], "Bearer t"),
            (["--scheme", "Basic", "--scheme", "Token", "--", *printing("t")], "Token t"),
            ([*printing("t"), "--scheme", "Bearer"], "t"),
            (["--json", "a.b", *document], "t"),
            (["--scheme", "Bearer", "--json", "t", *printing('\n{"t": "u"}\n')], "Bearer u"),
            (["--json", "t", *printing('\ufeff{"t": "u"}\r\n')], "u"),  # as PowerShell writes it
        ]
        self.assert_texts([(args, token_answer(token)) for args, token in rows])

    def test_output_that_is_not_a_token_is_reported_and_not_shown(self):
        one_line = "the command printed something other than one line of text: the token alone"
        not_text = "the command printed a token that is not text"
        not_json = "the command printed something other than JSON"
        nul = "the token contains a NUL character or a byte order mark"
        nul += ", so no HTTP header can carry it"
        no_field = "the command printed no field `%s`"
        not_a_string = "the field `t` holds a token that is not text"
        two_lines = "the field `t` holds something other than one line of text: the token alone"
        rows = [
            (printing(""), one_line),
            (printing("\r\n"), one_line),
            (printing(TOKEN + "\n" + TOKEN), one_line),
            (printing("\n" + TOKEN), one_line),
            (printing(TOKEN + "\r" + TOKEN), one_line),
            (["--basic", "u", *printing("")], one_line),
            (["--basic", "u", *printing(TOKEN + "\n" + TOKEN)], one_line),
            (printing(TOKEN.encode() + b"\xff"), not_text),
            (printing(TOKEN + "\0"), nul),
            (["--json", "t", *printing(TOKEN)], not_json),
            (["--json", "t", *printing(b'"\xff' + TOKEN.encode())], not_json),
            (["--json", "t", sys.executable, "-SEc", "print('[' * 100000)"], not_json),
            (["--json", "t.u", *printing('{"t":"%s"}' % TOKEN)], no_field % "t.u"),
            (["--json", "0", *printing('["%s"]' % TOKEN)], no_field % "0"),
            (["--json", "t", *printing('{"t":["%s"]}' % TOKEN)], not_a_string),
            (["--json", "t", *printing('{"t":null}')], not_a_string),
            (["--json", "t", *printing('{"t":"a\\n%s"}' % TOKEN)], two_lines),
            (["--json", "t", *printing('{"t":"%s\\ud800"}' % TOKEN)], two_lines),
        ]
        self.assert_texts(rows)

    @posix_only
    def test_a_command_that_fails_is_reported_without_its_output(self):
        not_executable = self.write("not executable", TOKEN)
        killed = "echo %s; kill -TERM $$" % TOKEN
        rows = [
            (printing(TOKEN, 3), PYTHON + " failed with status 3"),
            (["no-such-command"], "cannot run `no-such-command`: No such file or directory"),
            ([not_executable], "cannot run `%s`: Permission denied" % not_executable),
            (["sh", "-c", killed], "`sh` was ended by signal 15"),
            (["--timeout", "60", *printing(TOKEN, 1)], PYTHON + " failed with status 1"),
        ]
        self.assert_texts(rows)


class NotTokens(FromCommand):
    PLACEHOLDER = (
        "the token is a placeholder that nothing replaced: set the variable, or correct its name"
    )
    MISSING = (
        "the token is what programs write for a missing or hidden value: look where it comes from"
    )
    JSON = "the token is JSON: name the field that holds the token, with --json FIELD"
    QUOTES = "the token is in quotes: leave them out"
    NAME = "the token begins with a name and a colon, as a header does: leave both out"
    TWICE = "the token has its scheme twice: leave one out"
    BASIC = "after `Basic` comes one word, the base64 form of LOGIN:TOKEN: encode it"
    ROWS = [
        ("$(System.AccessToken)", PLACEHOLDER),
        ("${{ secrets.T }}", PLACEHOLDER),
        ("${T}", PLACEHOLDER),
        ("{{ token }}", PLACEHOLDER),
        ("%T%", PLACEHOLDER),
        ("$env:T", PLACEHOLDER),
        ("$Env:T", PLACEHOLDER),
        ("$CARGO_TOKEN", PLACEHOLDER),
        ("Bearer $(System.AccessToken)", PLACEHOLDER),
        ("Token  %T%", PLACEHOLDER),
        ("***", MISSING),
        ("null", MISSING),
        ("undefined", MISSING),
        ("None", MISSING),
        ("<nil>", MISSING),
        ("<no value>", MISSING),
        ("[object Object]", MISSING),
        ("Bearer null", MISSING),
        ("Basic [object Object]", MISSING),
        (" null ", MISSING),
        ('{"token":"t"}', JSON),
        ('{\n  "token": "t"\n}', JSON),
        ("{}", JSON),
        ('["t"]', JSON),
        ('[\n  {"token": "t"}]', JSON),
        ("[]", JSON),
        ("[1]", JSON),
        ('Bearer {"token":"t"}', JSON),
        ('"t"', QUOTES),
        ("'Bearer t'", QUOTES),
        ('Bearer "t"', QUOTES),
        ("Authorization: Bearer t", NAME),
        ("authorization:t", NAME),
        ("X-Api-Key: t", NAME),
        ("Bearer Bearer t", TWICE),
        ("Token token t", TWICE),
        ("Basic Basic dDp0", TWICE),
        ("Basic bot:t", BASIC),
        ("basic bot t", BASIC),
        ("Basic dDp0=dDp0", BASIC),
    ]
    TOKENS = [
        *("t$1", "$2b$10$t", "$t", "a%2Fb%3D", "%t", "tok{1}", "{t}", "[t]", "<t", "a***"),
        *(
            "1234567890",
            "none",
            "nullable",
            "Bearer nullx",
            "bot:t",
            "Bearer bot:t",
            "Bearer",
            "Basic",
        ),
        *("Basic dDp0", "Basic QQ==", "Bearer t=", "Bearer Basic", "Bearer Token", "it's", "'t"),
    ]

    def test_a_value_that_cannot_be_a_token_is_refused_with_the_fix(self):
        self.assert_texts([(printing(value), text) for value, text in self.ROWS])

    def test_a_value_that_can_be_a_token_is_not(self):
        self.assert_texts([(printing(value), token_answer(value)) for value in self.TOKENS])

    def test_options_neither_hide_nor_cause_it(self):
        field = ["--json", "t"]
        rows = [
            (["--basic", "bot", *printing("null")], self.MISSING),
            (["--basic", "bot", *printing("Bearer Bearer t")], self.TWICE),
            (["--scheme", "Bearer", *printing("***")], self.MISSING),
            (["--scheme", "Bearer", *printing("Bearer t")], self.TWICE),
            (["--scheme", "Basic", *printing("bot:t")], self.BASIC),
            (["--scheme", "Authorization:", *printing("t")], self.NAME),
            ([*field, *printing('{"t":"${T}"}')], self.PLACEHOLDER),
            ([*field, *printing('{"t":"{\\"u\\":1}"}')], self.JSON),
        ]
        self.assert_texts(rows)


@posix_only
class LastLine(FromCommand):
    def test_the_error_has_the_last_line_of_standard_error(self):
        failed = "`sh` failed with status 1"
        for written, shown in [
            ("permission denied", ": permission denied"),
            ("a\nb: 403\n\n", ": b: 403"),
            ("", ""),
            ("the token %s is wrong" % TOKEN, ""),
            ("no such thing: abcdefghijklmnopqrstuvwxyz", ""),
        ]:
            for options in ([], ["--timeout", "60"]):
                with self.subTest(written, options=options):
                    command = ["sh", "-c", 'printf "$1" >&2; exit 1', "sh", written]
                    self.assert_fails([*options, *command], failed + shown, written)

    def test_it_does_not_have_what_the_command_printed(self):
        script = "echo open; echo the password is open >&2; exit 1"
        self.assert_fails(
            ["sh", "-c", script], "`sh` failed with status 1", "the password is open\n"
        )


class Variable(FromCommand):
    UNSET = "token_from_command.py: the variable T is unset or empty\n"

    def test_the_token_is_in_an_environment_variable(self):
        self.more["T"] = "t"
        self.more["D"] = '{"t":"u","e":1700000000}'
        expires = token_answer("u").replace('"session"', '"expires","expiration":1700000000')
        rows = [
            (["--env", "T"], token_answer("t")),
            (["--env", "X", "--env", "T", "--"], token_answer("t")),
            (["--env", "T", "--scheme", "Bearer"], token_answer("Bearer t")),
            (["--env", "T", "--basic", "bot"], token_answer(basic("bot", "t"))),
            (["--env", "D", "--json", "t", "--expires", "e"], expires),
            (["--env", "T", "--host", "a.example"], URL_NOT_SUPPORTED),
            (["--env", "T", "x"], "--env takes the place of the command: leave out one of the two"),
            (["--env", "$T"], "--env takes the name of an environment variable, not '$T'"),
            (["--env"], "--env takes the name of an environment variable, not ''"),
            (["--env", "D"], NotTokens.JSON),
            (["--env", "D", "--json", "x"], "the variable `D` holds no field `x`"),
            (["--env", "T", "--json", "x"], "the variable `T` holds something other than JSON"),
        ]
        self.assert_texts(rows)

    def test_a_variable_with_more_than_a_token_is_refused(self):
        self.more["T"] = "t\nu"
        text = "the variable `T` holds something other than one line of text: the token alone"
        self.assert_texts([(["--env", "T"], text)])
        self.more["T"] = "***"
        self.assert_texts([(["--env", "T"], NotTokens.MISSING)])

    def test_login_and_logout_are_refused_where_it_is_set(self):
        self.more["T"] = "t"
        rows = [(["--env", "T"], NOTHING % "variable `T`")]
        self.assert_texts(rows, logout)
        self.assert_texts(rows, lambda registry, args: login(TOKEN, registry, args))

    def test_unset_or_empty_it_is_not_found(self):
        args = ["--env", "T", "--host", REGISTRY.host]
        lines = [get(REGISTRY, args), login(TOKEN, REGISTRY, args), logout(REGISTRY, args)]
        for more in ({}, {"T": ""}):
            self.more = more
            self.assertEqual(self.ask(*lines), ([NOT_FOUND] * 3, self.UNSET * 3))
        self.more["CARGO_CREDENTIAL_CHAIN"] = "1"
        self.assertEqual(self.ask(*lines), ([NOT_FOUND] * 3, ""))


class Operations(FromCommand):
    OPERATIONS = [
        cc.ReadOperation(),
        cc.PublishOperation("n", "1.0.0", "c"),
        cc.YankOperation("n", "1.0.0"),
        cc.UnyankOperation("n", "1.0.0"),
        cc.OwnersOperation("n"),
    ]

    def kinds(self, *args):
        """The operations for which it has a token that is for one operation."""
        found = []
        for operation in self.OPERATIONS:
            text = self.text(cc.GetAction(operation), [*args, *printing("t")])
            if text != NOT_FOUND:
                self.assertEqual(text, token_answer("t").replace("true", "false"))
                found.append(operation.kind)
        return found

    def test_other_operations_are_not_found(self):
        every = [operation.kind for operation in self.OPERATIONS]
        for kind in every:
            self.assertEqual(self.kinds("--operation", kind), [kind])
        options = [word for kind in every[1:] for word in ("--operation", kind)]
        self.assertEqual(self.kinds(*options), every[1:])

    def test_an_operation_of_a_newer_cargo_is_not_found(self):
        line = get(REGISTRY, ["--operation", "read", *printing("t")])
        line = line.replace(b'"operation":"read"', b'"operation":"new"')
        self.assertEqual(self.texts(line), [NOT_FOUND])

    def test_an_operation_that_cargo_does_not_have_is_reported(self):
        text = "--operation takes read, publish, yank, unyank or owners, not %r"
        rows = [(["--operation", kind, "x"], text % kind) for kind in ("", "get", "Read")]
        self.assert_texts(rows)


class Basic(FromCommand):
    def test_the_token_is_the_password_of_a_user(self):
        rows = [
            (
                ["--basic", "Aladdin", *printing("open sesame")],
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            ),
            (["--basic", "bot", *printing(TOKEN + "\r\n")], basic("bot", TOKEN)),
            (["--basic", "", *printing(TOKEN)], basic("", TOKEN)),
            (["--basic", "a", "--basic", "b c", *printing("x:y")], basic("b c", "x:y")),
            (["--basic", " !9;~", *printing(" !~")], basic(" !9;~", " !~")),
            (["--json", "t", "--basic", "bot", *printing('{"t":"u"}')], basic("bot", "u")),
            ([*printing("t"), "--basic", "bot"], "t"),
        ]
        self.assert_texts([(args, token_answer(token)) for args, token in rows])

    def test_a_token_that_no_header_could_carry_is_refused(self):
        refused = "the token contains a character that is not printable ASCII"
        for token in ("a\tb", "a\0b", "\x1b[2J", "\x7f", "\x9b", "\u20ac"):
            self.assert_texts([(["--basic", "u", *printing(token)], refused)])

    def test_a_user_that_is_not_printable_ascii_is_refused(self):
        refused = "--basic takes ASCII characters without a colon, not %r"
        users = ["a:b", ":", "a\nb", "a\0", "\t", "\x7f", "\x9b", "J\u00f6rg"]
        rows = [(["--basic", user, *printing(TOKEN)], refused % user) for user in users]
        self.assert_texts(rows)

    def test_the_encoded_form_is_as_hidden_as_the_token(self):
        encoded = basic("bot", TOKEN)[len("Basic ") :]
        first = ["--basic", "bot", *printing(TOKEN)]
        field = ["--basic", "bot", "--json", "t", "--expires", "e." + encoded]
        unknown = "unknown option '-[REDACTED]': the options are " + OPTIONS
        rows = [
            (["-" + encoded], unknown),
            (["-" + TOKEN], unknown),
            (["--ttl", "bot:" + TOKEN], "--ttl takes seconds, as in 60, not '[REDACTED]'"),
            (
                field + printing('{"t":"%s"}' % TOKEN),
                "the command printed no field `e.[REDACTED]`: if it prints no expiry, leave out"
                " --expires",
            ),
        ]
        answers, errors = self.ask(
            *[get(REGISTRY, args) for args in [first] + [a for a, _ in rows]]
        )
        self.assertEqual(answers[0], token_answer(basic("bot", TOKEN)))
        self.assertEqual([text_of(answer) for answer in answers[1:]], [text for _, text in rows])
        self.assertEqual(errors, "")


class Registries(FromCommand):
    def test_no_command_runs_for_another_host(self):
        touch = [sys.executable, "-SEc", "open(%r, 'w'); print(1)" % self.path("ran")]
        hosts = ["--host", "a.example", "--host", "Corp.Example", *touch]
        urls = [
            "sparse+https://corp.example@evil.example/",
            "sparse+https://corp.example.evil.example/",
            "sparse+https://evil.example/?corp.example",
            "sparse+https://evil\\@corp.example/",
            "sparse+",
            CRATES_IO,
        ]
        for action in (get, logout):
            for url in urls:
                registry = cc.RegistryInfo(url, "corp.example")
                self.assert_texts([(hosts, URL_NOT_SUPPORTED)], action, registry)
        self.assertFalse(os.path.exists(self.path("ran")))
        for url in ("sparse+https://CORP.example/x", "https://u@corp.example:443"):
            self.assert_texts([(hosts, token_answer("1"))], registry=cc.RegistryInfo(url))
        self.assertTrue(os.path.exists(self.path("ran")))

    LOOK_ALIKES = [
        "git://r.example#@evil/i",
        "git://r.example?@evil/i",
        "git://r.example/i",
        "ssh://r.example#@evil/i",
        "ssh://git@r.example/i",
        "ftp://r.example/i",
        "file://r.example/i",
        "http://r.example/",
        "sparse+http://r.example/",
        "sparse+http://127.0.0.1/",
        "sparse+http://localhost:8080/",
        "https://r.example:8443/",
        "https://r.example%2eevil/",
        "https://r.example\\@evil/",
        "https://0x7f.1/",
        "https://r.example@evil/",
        "https://evil#@r.example/",
        "https://r.example\n.evil/",
        "https://r.ex\u00adample/",
    ]

    def test_no_look_alike_of_a_host_gets_a_token(self):
        names = ("r.example", "127.0.0.1", "localhost")
        hosts = [word for name in names for word in ("--host", name)] + printing("t")
        urls = [prefix + url for url in self.LOOK_ALIKES for prefix in ("", "sparse+")]
        lines = [get(cc.RegistryInfo(url), hosts) for url in urls]
        self.assertEqual(self.texts(*lines), [URL_NOT_SUPPORTED] * len(urls))

    def test_any_index_can_be_named_as_a_whole(self):
        command = printing("t")
        urls = [prefix + url for url in self.LOOK_ALIKES for prefix in ("", "sparse+")]
        lines = [get(cc.RegistryInfo(url), ["--index", url, *command]) for url in urls]
        self.assertEqual(self.texts(*lines), [token_answer("t")] * len(urls))

    def test_a_port_is_part_of_the_host(self):
        args = ["--host", "r.example:8443", *printing("t")]
        for url, answer in [
            ("sparse+https://r.example:8443/", token_answer("t")),
            ("sparse+https://r.example/", URL_NOT_SUPPORTED),
        ]:
            self.assert_texts([(args, answer)], registry=cc.RegistryInfo(url))

    def test_an_index_is_compared_as_a_whole(self):
        command = printing("t")
        both = ["--index", CRATES_IO, "--host", "a.example", *command]
        for args, url, answer in [
            (both, CRATES_IO, token_answer("t")),
            (both, "sparse+https://a.example/x/", token_answer("t")),
            (both, CRATES_IO + "/", URL_NOT_SUPPORTED),
            (both, "http" + CRATES_IO[5:], URL_NOT_SUPPORTED),
            (both, "https://github.com/evil/index", URL_NOT_SUPPORTED),
            (["--index", CRATES_IO, *command], REGISTRY.index_url, URL_NOT_SUPPORTED),
        ]:
            self.assert_texts([(args, answer)], registry=cc.RegistryInfo(url))

    def test_a_host_or_an_index_that_can_serve_no_registry_is_reported(self):
        hosts = [
            "",
            "https://r.example/",
            "r.example/index",
            "u@r.example",
            "::1",
            "[::1]",
            "127.1",
            "*.example",
            "r.example.",
            "r.example:",
            "-x",
            "a b",
            "\x1b[2J",
        ]
        a_host = "--host takes a host, as in crates.corp.example, not %r"
        an_index = "--index takes the whole URL of an index, not %r"
        command = printing(TOKEN)
        self.assert_texts(
            [(["--host", "a.example", "--host", host, *command], a_host % host) for host in hosts]
            + [
                (["--index", url, *command], an_index % url)
                for url in ("", "r.example", "r.example/index/")
            ]
        )

    def test_login_and_logout_are_refused_with_the_place_of_the_token(self):
        rows = [(["x", TOKEN], NOTHING % "command `x`")]
        rows += [(["--host", "r.example", "/y/x"], NOTHING % "command `/y/x`")]
        self.assert_texts(rows, logout)
        self.assert_texts(rows, lambda registry, args: login(TOKEN, registry, args))

    def test_an_action_of_a_newer_cargo_is_not_supported(self):
        line = get(REGISTRY, ["x"]).replace(b'"kind":"get"', b'"kind":"renew"')
        self.assertEqual(self.texts(line), [NOT_SUPPORTED])


class Configuration(FromCommand):
    def test_a_wrong_configuration_is_reported(self):
        command = printing(TOKEN)
        missing = "add the command that prints the token, after the options"
        unknown = "unknown option '%s': the options are " + OPTIONS
        seconds = "%s takes seconds, as in 60, not '%s'"
        exclusive = "%s exclude each other: use one of them"
        no_json = "--expires and --expires-in require --json with the field of the token"
        rows = [
            ([], missing),
            (["--ttl", "5"], missing),
            (["--host=r", *command], unknown % "--host=r"),
            (["-\x1b[2J"], unknown % r"-\x1b[2J"),
            (["--host"], "--host takes a host, as in crates.corp.example, not ''"),
            (["--scheme"], missing),
            (["x", "a\0"], "the command contains a NUL character: remove it"),
            (["\0"], "the command contains a NUL character: remove it"),
            (["--ttl", "1h", *command], seconds % ("--ttl", "1h")),
            (["--ttl", "0", *command], seconds % ("--ttl", "0")),
            (["--timeout", "-1", *command], seconds % ("--timeout", "-1")),
            (["--timeout", "99999999", *command], seconds % ("--timeout", "99999999")),
            (
                ["tools/token"],
                "`tools/token` is a relative path: write the command's absolute path",
            ),
            (["--expires", "e", *command], no_json),
            (["--expires-in", "e", *command], no_json),
            (
                ["--json", "t", "--ttl", "5", "--expires-in", "e", *command],
                exclusive % "--expires-in and --ttl",
            ),
            (
                ["--basic", "u", "--scheme", "Bearer", *command],
                exclusive % "--scheme and --basic",
            ),
        ]
        self.assert_texts(rows)
        self.assert_texts(rows, logout)

    SHOW = [sys.executable, "-SEc", "import sys; print(sys.argv[1:])"]

    def test_the_registrys_values_replace_their_names_in_the_arguments(self):
        url = "sparse+https://u@R.Example:8080/index/_x=1+2/"
        rows = [
            ("{index_url}", url),
            ("-x{host}{name}", "-xr.examplemy-reg_1"),
            ("{host}/{host}", "r.example/r.example"),
            ("{}", "{}"),
            ("{other}", "{other}"),
            ("{{name}}", "{my-reg_1}"),
            ("", ""),
            ("{name", "{name"),
        ]
        args = self.SHOW + [word for word, _ in rows]
        shown = token_answer([word for _, word in rows])
        self.assert_texts([(args, shown)], registry=cc.RegistryInfo(url, "my-reg_1"))

    MORE_THAN_TEXT = [
        "-x",
        "--flag",
        "{host}",
        "a b",
        "$(id)",
        "`id`",
        "a;b",
        "a|b",
        "a&b",
        "%PATH%",
        "a'b",
        'a"b',
        "a\\b",
        "a\nb",
        "\n",
        "a\n",
        "a*",
        "~",
        "a?b",
        "#",
        "\u00e9",
        "a\x1b[2J",
        "a>b",
        "a^b",
        "a!b",
        "",
    ]

    def test_a_value_that_could_be_more_than_text_is_refused(self):
        refused = "cannot replace {%s}: the value is missing, or not plain text"
        name = [*self.SHOW, "x{name}"]
        rows = [(name, "https://r.example/", value, "name") for value in self.MORE_THAN_TEXT]
        index = [*self.SHOW, "{index_url}"]
        rows += [
            (index, "sparse+https://r.example/$(id)", "corp", "index_url"),
            (index, "--upload-pack=x", "corp", "index_url"),
            (index, "https://r.example/%25", "corp", "index_url"),
            (index, "", "corp", "index_url"),
        ]
        lines = [get(cc.RegistryInfo(url, value), args) for args, url, value, _ in rows]
        self.assertEqual(self.texts(*lines), [refused % word for _, _, _, word in rows])

    def test_a_value_that_the_registry_does_not_have_is_reported(self):
        missing = "cannot replace {%s}: the value is missing, or not plain text"
        rows = [([*self.SHOW, "{%s}" % word], missing % word) for word in ("host", "name")]
        for url in ("x", "https://-oProxyCommand/", "git://r.example/"):
            self.assert_texts(rows, registry=cc.RegistryInfo(url))

    def test_a_registry_with_nul_is_reported(self):
        text = "the registry's URL or name contains a NUL character"
        for registry in (cc.RegistryInfo("a\0"), cc.RegistryInfo("a", "b\0")):
            self.assert_texts([(["echo"], text)], registry=registry)

    def test_the_registry_does_not_choose_the_program(self):
        self.assert_texts([(["{name}"], "cannot run `{name}`: No such file or directory")])

    def test_the_environment_holds_the_registrys_values(self):
        names = ("CARGO_REGISTRY_INDEX_URL", "CARGO_REGISTRY_NAME_OPT")
        code = "import os; print([os.environ.get(name) for name in %r])" % (names,)
        self.more = dict.fromkeys(names, "stale")
        for registry in (cc.RegistryInfo("https://r.example/$(id)", "-x"), cc.RegistryInfo("url")):
            shown = token_answer([registry.index_url, registry.name or ""])
            self.assert_texts([([sys.executable, "-SEc", code], shown)], registry=registry)

    @posix_only
    def test_the_docstrings_command_shows_what_cargo_gets(self):
        self.assert_tries_as_documented(r'\A\{"v":\[1\]\}\n\{"Ok":.*"token":"x".*\}\n\Z')


class Expiry(FromCommand):
    def test_cargo_learns_when_the_token_expires(self):
        expires = token_answer("t").replace('"session"', '"expires","expiration":1700000000')
        times = [
            "1700000000",
            "1700000000.9",
            '"1700000000"',
            '"2023-11-14T22:13:20Z"',
            '"2023-11-14t22:13:20.999999z"',
            '"2023-11-14 22:13:20+00:00"',
            '"2023-11-15T03:43:20.123456789+05:30"',
            '"2023-11-14T15:13:20-0700"',
            '"1700000000.9"',
            '"20231114T221320Z"',
            '"20231114T171320-0500"',
            '"2023-11-14 22:13:20 +0000 UTC"',
            '"2023-11-14 22:13:20.123456789 +0000 UTC"',
            '"2023-11-14 23:13:20 +0100 CET"',
        ]
        options = ["--json", "t", "--expires", "e.at"]
        document = '{"t":"t","e":{"at":%s}}'
        self.assert_texts([(options + printing(document % time), expires) for time in times])

    TIMES = [
        "1700000000000",
        "NaN",
        "1e999",
        "[]",
        '" "',
        '"%s"' % TOKEN,
        '"\u00b2"',
        '"2023-11-14T22:13:20"',
        '"2023-11-14"',
        '"2023-11-14 22:13:20 UTC m=+1"',
        '"2023-13-14T22:13:20Z"',
        '"2023-11-14T22:13:20Z\\n"',
        "1" * 400,
    ]
    LIVES = ['"soon"', "[]", "1e12", "NaN", "1e999", "1" * 400]

    def test_a_value_that_is_not_a_time_is_reported_and_not_shown(self):
        wrong = "the field `e` is not an expiry, as --help describes it"
        document = '{"t":"t","e":%s}'
        for option, values in [("--expires", self.TIMES), ("--expires-in", self.LIVES)]:
            options = ["--json", "t", option, "e"]
            rows = [(options + printing(document % value), wrong) for value in values]
            missing = (
                "the command printed no field `e`: if it prints no expiry, leave out " + option
            )
            rows.append((options + printing('{"t":"t"}'), missing))
            self.assert_texts(rows)

    def test_an_expiry_that_is_null_or_empty_is_none(self):
        document = '{"t":"t","e":%s}'
        self.assert_texts(
            [
                (["--json", "t", option, "e", *printing(document % value)], token_answer("t"))
                for option in ("--expires", "--expires-in")
                for value in ("null", '""')
            ]
        )

    def test_a_life_counts_from_before_the_command_runs(self):
        life = ["--json", "t", "--expires-in", "e"]
        before = int(time.time())
        texts = self.texts(
            get(REGISTRY, ["--ttl", "600", *printing("t")]),
            get(REGISTRY, ["--json", "t", "--ttl", "600", *printing('{"t":"t"}')]),
            get(REGISTRY, life + printing('{"t":"t","e":600}')),
            get(REGISTRY, life + printing('{"t":"t","e":"600"}')),
            get(REGISTRY, life + printing('{"t":"t","e":600.5}')),
        )
        after = time.time()
        for text in texts:
            expiration = json.loads(text)["Ok"]["expiration"]
            self.assertLessEqual(before + 600, expiration)
            self.assertLessEqual(expiration, after + 600.5)


# ---- Processes -----------------------------------------------------------------------------


class Family(FromCommand):
    """Commands whose children run long."""

    def family(self, trap=""):
        """A command whose child ignores the signals of `trap`, and a pipe that ends with it."""
        pipe = self.path("pipe%d" % len(os.listdir(self.directory)))
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        child = "echo started; exec sleep 100"
        if trap:
            child = "trap '' %s; %s" % (trap, child)
        script = 'sh -c "$1" >"$2" & echo %s; wait' % TOKEN
        return ["sh", "-c", script, "sh", child, pipe], reader

    def wait_for(self, reader, text):
        """Wait until a pipe has this text, or, for no text, until it ends."""
        self.assertTrue(select.select([reader], [], [], 60)[0])
        self.assertEqual(os.read(reader, 100), text)


@posix_only
class Stopping(Family):
    def test_a_timeout_and_signals_stop_all_that_the_command_started(self):
        for trap in TRAPS:
            with self.subTest("timeout", trap=trap):
                self.stop_by_timeout(trap)
            for number, status in ENDS:
                with self.subTest(number=number, trap=trap):
                    self.stop_by_signal(number, trap, status)

    def stop_by_timeout(self, trap):
        command, reader = self.family(trap)
        stopped = "`sh` took longer than 2 s, and was stopped"
        self.assert_texts([(["--timeout", "2", *command], stopped)])
        self.wait_for(reader, b"started\n")
        self.wait_for(reader, b"")

    def stop_by_signal(self, number, trap, status, program=(PROVIDER,)):
        command, reader = self.family(trap)
        process = start(
            [*program, "--cargo-plugin"],
            cwd=self.directory,
            env=self.environment(),
            preexec_fn=in_a_session_with_signals,
        )
        process.stdin.write(get(REGISTRY, ["--timeout", "60", *command]))
        process.stdin.flush()
        self.wait_for(reader, b"started\n")
        process.send_signal(number)
        self.wait_for(reader, b"")
        output = process.communicate(timeout=60)
        self.assertEqual((process.returncode, output), (status, (b'{"v":[1]}\n', b"")))

    STARTING = """
import os, runpy, signal, subprocess

class Popen(subprocess.Popen):
    def __init__(self, *arguments, **options):
        signal.pthread_sigmask(signal.SIG_BLOCK, {number})
        super().__init__(*arguments, **options)
        os.kill(os.getpid(), signal.sigwait({number}))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})

subprocess.Popen = Popen
runpy.run_path(%r, run_name="__main__")
"""

    def test_a_signal_that_arrives_while_the_command_starts_stops_it(self):
        for number, status in ENDS:
            with self.subTest(number=number):
                code = "number = %d" % number + self.STARTING % self.EXAMPLE
                self.stop_by_signal(number, "", status, ["-c", code])

    def test_a_command_is_done_when_it_exits_and_not_what_it_left_behind(self):
        left = "sleep 100 & echo $! >%s; %s" % (shlex.quote(self.path("left")), "%s")
        for options in ([], ["--timeout", "90"]):
            with self.subTest(options):
                command = [*options, "sh", "-c", left % "echo t"]
                self.assert_texts([(command, token_answer("t"))])
                os.kill(int(self.read("left")), signal.SIGTERM)  # it still runs
        failed = [*options, "sh", "-c", left % "echo no >&2; exit 3"]
        self.assert_fails(failed, "`sh` failed with status 3: no", "no\n")
        os.kill(int(self.read("left")), signal.SIGTERM)

    def test_output_of_any_length_arrives(self):
        code = 'print(\'{"x": "%s", "t": "u"}\' % (\'x\' * 2000000))'
        command = ["--json", "t", sys.executable, "-SEc", code]
        self.assert_texts([(command, token_answer("u"))])

    def test_an_ignored_signal_stays_ignored(self):
        """As `nohup` starts a program."""
        code = (
            "import runpy, signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
            "runpy.run_path(%r, run_name='__main__')" % self.EXAMPLE
        )
        process = start(["-c", code, "--cargo-plugin"], cwd=self.directory, env=self.environment())
        args = ["--timeout", "60", "sh", "-c", "kill -HUP $PPID; echo t"]
        answers, errors = self.finish_provider(process, get(REGISTRY, args))
        self.assertEqual((answers, errors), ([token_answer("t")], ""))


def in_a_session_with_signals():
    """Before a process starts: no terminal, and no signal that the tests' caller ignores."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@posix_only
class OnATerminal(Family):
    def requested(self, *arguments):
        """A terminal on which the example has the requests with these arguments."""
        terminal = self.on_a_terminal()
        terminal.process.stdin.write(b"".join([get(REGISTRY, args) for args in arguments]))
        terminal.process.stdin.flush()
        return terminal

    def test_ctrl_c_stops_all_that_a_command_with_a_timeout_started(self):
        for trap in TRAPS:
            with self.subTest(trap=trap):
                command, reader = self.family(trap)
                terminal = self.requested(["--timeout", "60", *command])
                self.assert_ends_with_ctrl_c(terminal, reader)

    def test_ctrl_c_reaches_a_command_without_a_timeout(self):
        _, reader = self.family()
        pipe = self.path(os.listdir(self.directory)[0])
        script = "sh -c 'echo started; sleep 100; :' >\"$1\"; :"
        terminal = self.requested(["sh", "-c", script, "sh", pipe])
        self.assert_ends_with_ctrl_c(terminal, reader)

    def assert_ends_with_ctrl_c(self, terminal, reader):
        self.wait_for(reader, b"started\n")
        for _ in range(6):  # a busy machine can start a process between signal and end
            terminal.type(b"\x03")
            if select.select([reader], [], [], 10)[0]:
                break
        self.wait_for(reader, b"")
        status, shown = terminal.rest()
        self.assertEqual((status, shown.replace(b"^C", b"")), (130, b""))

    def test_after_a_timeout_the_next_command_has_the_terminal(self):
        command, reader = self.family("INT")
        terminal = self.requested(["--timeout", "2", *command], ["sh", "-c", ASK])
        terminal.process.stdin.close()
        self.wait_for(reader, b"started\n")
        self.wait_for(reader, b"")
        terminal.read(b"password? ")
        terminal.type(b"open\n")
        answers = terminal.process.stdout.read().decode().splitlines()
        self.assertIn("`sh` took longer than 2 s, and was stopped", answers[0])
        self.assertEqual(answers[1:], [token_answer("open")])
        self.assertEqual(terminal.rest()[0], 0)

    def test_a_command_with_a_timeout_has_no_terminal(self):
        script = "(: </dev/tty) 2>/dev/null && echo terminal; read -r x && echo input; echo none"
        command = ["sh", "-c", script]
        terminal = self.requested(["--timeout", "60", *command])
        terminal.process.stdin.close()
        answers = terminal.process.stdout.read().decode().splitlines()
        self.assertEqual((answers, terminal.rest()), ([token_answer("none")], (0, b"")))


# ---- Real Cargo ----------------------------------------------------------------------------


@needs("cargo")
@posix_only
class TokenFromCommandWithCargo(Family, CargoWithExample):
    BUILT_IN = "cargo:token-from-stdout"

    def setUp(self):
        super().setUp()
        self.bare_token = self.TOKEN.split()[1]
        script = '#!/bin/sh\necho "$1 $CARGO_REGISTRY_INDEX_URL $CARGO_REGISTRY_NAME_OPT" >>%s\n'
        script += "echo '%s'\n"
        log = shlex.quote(self.path("log"))
        path = self.write("command.sh", script % (log, self.bare_token), 0o755)
        # It logs what it gets, and prints the token without its scheme
        self.command = [path, "{index_url}"]

    def requests(self):
        """What the command logged since the last call."""
        lines = self.read("log").decode().splitlines()
        os.remove(self.path("log"))
        return lines

    def configure_both(self):
        """Configure Cargo's own provider, and then the example."""
        for provider, token in [
            ([self.BUILT_IN], self.bare_token),
            ([self.EXAMPLE, "--scheme", "Bearer"], self.TOKEN),
        ]:
            self.registry.token = token
            self.configure(*provider, *self.command)
            yield provider[0]

    def test_cargo_asks_it_as_often_as_its_own_provider(self):
        for provider in self.configure_both():
            with self.subTest(provider):
                self.cargo("build")
                self.publish()
                self.assertEqual(self.requests(), ["%s %s alt" % (self.index, self.index)] * 2)
                shutil.rmtree(self.path("cargo-home"))
                self.registry.index.pop("app")

    def test_cargo_login_and_logout_say_where_the_token_comes_from(self):
        self.configure(self.EXAMPLE, "--scheme", "Bearer", *self.command)
        for command, run in (("login", self.login), ("logout", self.logout)):
            with self.subTest(command):
                end = "failed action `%s`\n\nCaused by:\n  %s\n" % (command, NOTHING)
                self.assertIn(end % ("command `%s`" % self.command[0]), run(status=101))

    def test_cargo_publishes_with_a_line_that_ends_as_on_windows(self):
        script = "#!/bin/sh\nprintf '%%s\\r\\n' '%s'\n" % self.TOKEN
        command = self.write("crlf.sh", script, 0o755)
        self.configure(self.EXAMPLE, command)
        self.publish()
        self.assertEqual(self.sent("PUT"), [("/api/v1/crates/new", self.TOKEN)])

    def test_cargo_reads_and_publishes_with_http_basic(self):
        self.registry.token = basic("bot", self.bare_token)
        self.configure(self.EXAMPLE, "--basic", "bot", *self.command)
        self.cargo("update")
        self.publish()
        self.assertEqual(self.sent("PUT"), [("/api/v1/crates/new", self.registry.token)])
        self.assertEqual({token for _, token in self.sent("GET")}, {None, self.registry.token})

    def test_cargo_does_not_wait_for_what_the_command_left_behind(self):
        script = "sleep 100 & echo $! >%s; echo '%s'"
        script %= (shlex.quote(self.path("left")), self.TOKEN)
        self.configure(self.EXAMPLE, "sh", "-c", script)
        self.cargo("update")
        os.kill(int(self.read("left")), signal.SIGTERM)  # it still runs

    def test_cargo_asks_again_when_the_token_expires(self):
        for life, again in (("3600", False), ("50", True)):  # Cargo counts it a minute short
            with self.subTest(life):
                self.configure(self.EXAMPLE, "--scheme", "Bearer", "--ttl", life, *self.command)
                self.publish()
                self.assertEqual(len(self.requests()) > 1, again)
                self.registry.index.pop("app")

    def test_cargo_asks_the_next_provider_about_another_host(self):
        command = ["--scheme", "Bearer", *self.command]
        served = [self.EXAMPLE, "--index", self.index, *command]
        other = [self.EXAMPLE, "--host", "crates.corp.example", *command]
        self.globally(served, other)
        self.cargo("update")
        self.assertEqual(len(self.requests()), 1)
        self.globally(other)
        shown = self.cargo("update", status=101)
        self.assertIn("no credential providers could handle the request", shown)

    def test_the_command_has_the_terminal_under_cargo(self):
        script = (
            "test -t 0 && printf 'password? ' >&2 && read -r x </dev/tty &&"
            " test \"$x\" = open && echo '%s'" % self.TOKEN
        )
        self.configure(self.EXAMPLE, "sh", "-c", script)
        self.update_after_password()

    def test_ctrl_c_ends_cargo_and_all_that_the_command_started(self):
        for trap in TRAPS:
            with self.subTest(trap=trap):
                command, reader = self.family(trap)
                self.configure(self.EXAMPLE, "--timeout", "60", *command)
                terminal = self.cargo_on_a_terminal("update")
                self.wait_for(reader, b"started\n")
                terminal.type(b"\x03")
                self.wait_for(reader, b"")
                status, shown = terminal.rest()
                self.assertEqual(status, -signal.SIGINT, shown)
                self.assertNotIn(TOKEN.encode(), shown)


@needs("cargo")
@posix_only
class RecipesWithCargo(CargoWithExample):
    """Recipes of examples/README.md, with another registry, path and token."""

    EXAMPLE = PROVIDER

    def setUp(self):
        super().setUp()
        self.bare_token = self.TOKEN.split()[1]

    def block(self, title, language):
        """The code block of a recipe in this language."""
        with open(os.path.join(EXAMPLES, "README.md"), encoding="utf-8") as file:
            section = file.read().split("\n### %s\n" % title)[1].split("\n### ")[0]
        (block,) = re.findall("(?ms)^```%s\n(.*?)^```$" % language, section)
        return block

    def configure_as_in(self, title, name):
        block = self.block(title, "toml").replace("[registries.%s]" % name, "[registries.alt]")
        index = re.search('(?m)^index = "(.*)"$', block).group(1)
        block = block.replace("/path/to/token_from_command.py", self.EXAMPLE)
        block = block.replace('"--host", "crates.corp.example"', '"--index", "%s"' % index)
        block = block.replace("/path/to/command", self.path("command"))
        self.write("project/.cargo/config.toml", block.replace(index, self.index))

    def test_a_command_prints_json(self):
        self.configure_as_in("Any command that prints JSON", "corp")
        document = {"data": {"token": self.bare_token, "seconds": 3600}}
        self.program("print(%r)" % json.dumps(document), "command")
        self.cargo("update")

    def test_a_variable_holds_the_token(self):
        self.configure_as_in("A token in an environment variable: Gitea, Forgejo", "corp")
        self.assertIn("no token found for `alt`", self.cargo("update", status=101))
        self.more["GITEA_TOKEN"] = self.bare_token
        self.cargo("update")

    def test_bufs_variable_holds_several_tokens(self):
        self.configure_as_in("Buf", "buf")
        tokens = [self.bare_token + "@buf.build", "other@buf.corp.example", "x@xbuf.build.example"]
        for order in (tokens, tokens[::-1]):
            self.more["BUF_TOKEN"] = ",".join(order)
            shutil.rmtree(self.path("cargo-home"), True)
            self.cargo("update")

    def test_the_variables_of_a_container_image(self):
        if " " in self.directory:
            self.skipTest("needs a directory without spaces")
        self.registry.token = self.bare_token
        secret = self.write("secret", self.bare_token + "\n", 0o400)
        self.put_on_path(EXAMPLES)
        self.configure()
        block = self.block("A container image", "dockerfile").replace("/opt/cargo-provider/", "")
        block = block.replace("/run/secrets/corp-token", secret)
        block = block.replace("--host crates.corp.example", "--index " + self.index)
        block = block.replace("sparse+https://crates.corp.example/index/", self.index)
        rows = re.findall('(?m)^ENV CARGO_REGISTRIES_CORP_(\\w+)="(.*)"$', block)
        self.assertEqual([name for name, _ in rows], ["INDEX", "CREDENTIAL_PROVIDER"])
        self.more.update({"CARGO_REGISTRIES_ALT_" + name: value for name, value in rows})
        self.cargo("update")

    def test_a_login_explains_what_to_do(self):
        shutil.copy(MODULE, self.directory)
        command = self.program("sys.exit(1)", "corp-sso")
        block = self.block("A laptop where `cargo login` explains what to do", "python")
        block = block.replace('"crates.corp.example"', repr(self.index))
        self.configure(self.write("prov.py", block.replace("/usr/bin/corp-sso", command), 0o755))
        text = "failed action `%s`\n\nCaused by:\n  run `corp-sso %s"
        self.assertIn(text % ("get", "login`: Cargo"), self.cargo("update", status=101))
        self.assertIn(text % ("get", "login`: Cargo"), self.login(status=101))
        self.program("print(%r)" % self.bare_token, "corp-sso")
        self.cargo("update")
        self.assertIn(text % ("login", "login`: Cargo"), self.login(status=101))
        self.assertIn(text % ("logout", "logout`\n"), self.logout(status=101))


if __name__ == "__main__":
    unittest.main()
