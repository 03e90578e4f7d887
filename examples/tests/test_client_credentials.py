#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of client_credentials.py with a token server on loopback, and real Cargo.

python3 examples/tests/test_client_credentials.py [-v] [CLASS[.test] ...]
"""

import base64
import json
import os
import socket
import sys
import time
import unittest
from unittest import mock
from urllib.parse import parse_qs, quote_plus

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.abspath(os.path.join(sys.path[0], os.pardir, os.pardir)))
sys.path.insert(1, os.path.join(sys.path[0], "examples"))

import cargo_credential as cc
import client_credentials
from support import INDEX, PUBLISH, CargoWithExample, Example, TokenServer, WebServer, example
from test_cargo_credential import (
    NOT_SUPPORTED,
    TOKEN,
    URL_NOT_SUPPORTED,
    get,
    line_of,
    login,
    logout,
    needs,
    posix_only,
    token_answer,
)

R = cc.RegistryInfo(INDEX, "alt")
SECRET = "cl13nt:s3cr%t +\u00fc"
YANK = cc.GetAction(cc.YankOperation("foo", "0.1.0"))


def with_server(test):
    server = TokenServer()
    test.addCleanup(server.close)
    return server


def arguments(url, *more, secret=("--secret-env", "CLIENT_SECRET"), registry=("--index", INDEX)):
    return [*registry, "--token-url", url, "--client-id", "cargo", *secret, *more]


class WithTokenServer(Example):
    EXAMPLE = example("client_credentials.py")

    def setUp(self):
        super().setUp()
        self.server = with_server(self)
        self.more["CLIENT_SECRET"] = SECRET
        self.url = self.server.url + "/token?tenant=7"

    def arguments(self, *more, **options):
        return arguments(self.url, *more, **options)

    def answer(self, args=None, action=None, registry=R):
        """The one answer, without anything on standard error."""
        action = action or cc.GetAction(cc.ReadOperation())
        (answer,), errors = self.ask(line_of(action, registry, args or self.arguments()))
        self.assertEqual(errors, "")
        return answer

    def message(self, args=None):
        """What an `other` error says, as the message with its causes, without a secret."""
        answer = self.answer(args)
        for secret in (TOKEN, SECRET, quote_plus(SECRET)):
            self.assertNotIn(secret, answer)
        err = json.loads(answer)["Err"]
        return ": ".join([err["message"], *err["caused-by"]])


class Requests(WithTokenServer):
    def test_the_exact_request(self):
        self.answer(self.arguments("--scope", "crates read"))
        ((path, headers, body),) = self.server.log
        self.assertEqual(path, "/token?tenant=7")
        self.assertEqual(body, "grant_type=client_credentials&scope=crates+read")
        self.assertIn("Python-urllib/", headers.pop("User-Agent"))
        pair = base64.b64encode(b"cargo:" + quote_plus(SECRET).encode()).decode()
        self.assertEqual(
            headers,
            {
                "Accept-Encoding": "identity",
                "Content-Length": str(len(body)),
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "application/json",
                "Authorization": "Basic " + pair,
                "Host": self.server.url[7:],
                "Connection": "close",
            },
        )

    def test_client_and_secret_are_encoded_as_in_a_form(self):
        """RFC 6749, section 2.3.1: each of both, then HTTP Basic."""
        self.answer([*self.arguments(), "--client-id", "urn:cargo &co"])
        scheme, _, encoded = self.server.log[0][1]["Authorization"].partition(" ")
        self.assertEqual(scheme, "Basic")
        self.assertEqual(
            base64.b64decode(encoded), b"urn%3Acargo+%26co:cl13nt%3As3cr%25t+%2B%C3%BC"
        )

    def test_one_scope_for_all_or_one_for_reads_and_one_for_the_rest(self):
        reads = cc.GetAction(cc.ReadOperation())
        others = (PUBLISH, YANK, cc.GetAction(cc.UnknownOperation()))
        apart = ["--scope", "r", "--publish-scope", "p"]
        for more, action, scope in [
            ([], reads, None),
            ([], PUBLISH, None),
            (["--scope", "r"], reads, "r"),
            (["--scope", "r"], PUBLISH, "r"),
            (apart, reads, "r"),
            *[(apart, action, "p") for action in others],
            (["--publish-scope", "p"], reads, None),
            (["--publish-scope", "p"], PUBLISH, "p"),
        ]:
            with self.subTest(more=more, action=action):
                answer = json.loads(self.answer(self.arguments(*more), action))["Ok"]
                body = self.server.log[-1][2]
                scopes = [scope] if scope else []
                self.assertEqual(parse_qs(body).get("scope", []), scopes)
                self.assertEqual(answer["token"], "Bearer " + self.server.issued[-1])
                self.assertEqual(answer["operation_independent"], "--publish-scope" not in more)
                never = "--publish-scope" in more and action is not reads
                self.assertEqual(answer["cache"], "never" if never else "expires")

    def test_cargo_learns_when_the_token_expires(self):
        for seconds in (3600, "3600", 3600.5, 1, 0):
            self.server.answers(200, {"access_token": TOKEN, "expires_in": seconds})
            before = int(time.time())
            answer = json.loads(self.answer())["Ok"]
            after = time.time()
            self.assertEqual(answer["cache"], "expires")
            self.assertLessEqual(before + int(float(seconds)), answer["expiration"])
            self.assertLessEqual(answer["expiration"], after + float(seconds))
        for more in ({}, {"expires_in": None}, {"token_type": "bearer"}, {"token_type": "BEARER"}):
            self.server.answers(200, dict(more, access_token=TOKEN))
            self.assertEqual(self.answer(), token_answer("Bearer " + TOKEN))

    def test_the_secret_is_in_a_file_or_in_a_variable(self):
        path = self.write("client secret", SECRET + "\r\n", 0o600)
        rows = [("--secret-file", path), ("--secret-env", "CLIENT_SECRET")]
        self.more["LC_ALL"] = "C.UTF-8"
        for secret in rows:
            self.answer(self.arguments(secret=secret))
        first, second = [headers["Authorization"] for _, headers, _ in self.server.log]
        self.assertEqual(first, second)


class Registries(WithTokenServer):
    def test_no_request_is_made_for_another_registry(self):
        by_host = ("--host", "R.example")
        rows = [
            (("--index", INDEX), "sparse+https://r.example/index"),
            (by_host, "sparse+http://r.example/index/"),
            (by_host, "sparse+https://r.example:444/index/"),
            (by_host, "https://r.example@evil.example/"),
            (by_host, "git://r.example/"),
        ]
        for action in (get, logout, lambda *rest: login(TOKEN, *rest)):
            lines = [
                action(cc.RegistryInfo(url), self.arguments(registry=named)) for named, url in rows
            ]
            self.assertEqual(self.ask(*lines), ([URL_NOT_SUPPORTED] * len(rows), ""))
        self.assertEqual(self.server.log, [])
        self.assertIn('"Ok"', self.answer(self.arguments(registry=by_host)))

    def test_only_get_is_supported(self):
        args = self.arguments()
        answers, _ = self.ask(login(TOKEN, R, args), logout(R, args))
        self.assertEqual(answers, [NOT_SUPPORTED] * 2)
        self.assertEqual(self.server.log, [])


class Failures(WithTokenServer):
    def setUp(self):
        super().setUp()
        self.host = self.server.url[7:]

    def test_an_error_of_the_server_is_reported_with_its_text(self):
        basic = base64.b64encode(b"cargo:" + quote_plus(SECRET).encode()).decode()
        for status, body, reason in [
            (401, {"error": "invalid_client"}, ": invalid_client"),
            (
                400,
                {"error": "invalid_scope", "error_description": "no such scope: x"},
                ": invalid_scope: no such scope: x",
            ),
            (400, {"error": "a\x1b[2J\n", "error_uri": "https://x/"}, ": a\\x1b[2J\\n"),
            (401, {"error": "no " + SECRET}, ": no [REDACTED]"),
            (401, {"error": "no " + quote_plus(SECRET)}, ": no [REDACTED]"),
            (401, {"error": "no Basic " + basic}, ": no [REDACTED]"),
            (401, {"error": "no " + basic}, ": no [REDACTED]"),
            (400, {"error": "x" * 100}, ": [...]"),
            (400, {"error": {"a": ["b"]}}, ": {'a': ['b']}"),
            (500, {}, ""),
            (500, [], ""),
            (500, b"\xff", ""),
            (500, b"[" * 60000, ""),
            (503, b"", ""),
        ]:
            with self.subTest(body=body):
                self.server.answers(status, body)
                expected = "%s answered with status %d%s" % (self.host, status, reason)
                self.assertEqual(self.message(), expected)

    def test_an_answer_without_a_bearer_token_is_reported_and_not_shown(self):
        good = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 60}
        for body in (
            b"",
            b"null",
            b"[]",
            b"7",
            b'"%s"' % TOKEN.encode(),
            b"\xff",
            b"[" * 60000,
            {},
            {"token": TOKEN},
            dict(good, access_token=7),
            dict(good, access_token=""),
            dict(good, access_token=[TOKEN]),
            dict(good, token_type="mac"),
            dict(good, token_type=7),
            dict(good, expires_in="soon"),
            dict(good, expires_in=[]),
            dict(good, expires_in="inf"),
            dict(good, expires_in=1e300),
            dict(good, access_token="x" * 100000),
        ):
            with self.subTest(body=str(body)[:80]):
                self.server.answers(200, body)
                self.assertEqual(self.message(), self.host + " did not answer with a Bearer token")

    def test_a_token_that_no_header_can_carry_is_not_sent(self):
        self.server.answers(200, {"access_token": TOKEN + "\r\nX-Evil: 1"})
        message = "the token contains a line break, so no HTTP header can carry it"
        self.assertEqual(self.message(), message)

    def test_no_redirect_is_followed(self):
        for status in (301, 302, 303, 307, 308):
            del self.server.log[:]
            self.server.answers(status, b"")
            self.assertEqual(self.message(), "%s answered with status %d" % (self.host, status))
            self.assertEqual(len(self.server.log), 1)

    def test_a_server_that_does_not_answer_is_reported(self):
        """In this process, with less patience."""
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(5)
            host = "127.0.0.1:%d" % silent.getsockname()[1]
            request = client_credentials.Request("http://%s/" % host, b"")
            with mock.patch("client_credentials.TIMEOUT", 0.05):
                with self.assertRaises(cc.OtherError) as caught:
                    client_credentials.fetch(request)
        self.assertEqual(str(caught.exception), "cannot ask %s for a token" % host)
        self.assertIn("timed out", caught.exception.caused_by[0])
        message = self.message(arguments("http://%s/" % host))
        self.assertIn("cannot ask %s for a token: <urlopen error [" % host, message)

    def test_a_wrong_configuration_is_reported(self):
        url = ["--token-url", self.url]
        client = ["--client-id", "cargo"]
        secret = ["--secret-env", "CLIENT_SECRET"]
        index = ["--index", INDEX]
        server = "add `--token-url URL` and `--client-id ID` of the token server"
        either = "add either `--secret-file PATH` or `--secret-env NAME`"
        one = "add `--index URL` or `--host HOST` to name the registry of the token"
        for args, message in [
            ([*url, *client, *secret], one),
            ([*index, *client, *secret], server),
            ([*index, *url, *secret], server),
            ([*index, *url, *client], either),
            ([*index, *url, *client, *secret, "--secret-file", "/x"], either),
            (
                [*index, "--ttl", "5"],
                "unknown option '--ttl': the options are --index, --host,"
                " --token-url, --client-id, --secret-file, --secret-env, --scope, --publish-scope",
            ),
            ([*index, "--scope"], "--scope requires a value after it"),
            (
                self.arguments(secret=("--secret-env", "NO_SUCH")),
                "`NO_SUCH` contains no client secret",
            ),
            (
                self.arguments(secret=("--secret-file", "secret")),
                "`secret` is a relative path: name the absolute path of the file",
            ),
            (
                self.arguments(secret=("--secret-file", self.write("empty", "\n"))),
                "`%s` contains no client secret" % self.path("empty"),
            ),
            (
                self.arguments(secret=("--secret-file", "/no/such")),
                "[Errno 2] No such file or directory: '/no/such'",
            ),
        ]:
            with self.subTest(args):
                self.assertEqual(self.message(args), message)
        self.assertEqual(self.server.log, [])

    def test_the_secret_leaves_this_machine_only_through_tls(self):
        for url in (
            "http://corp.example/",
            "http://127.0.0.1.corp.example/",
            "http://127.1/",
            "ftp://h/",
            "http://127.0.0.1@corp.example/",
            "file:///etc/passwd",
            "https:///x",
            "corp.example",
            "https://corp.example\\@evil.example/",
            "https://corp.example?@evil.example/",
        ):
            expected = "--token-url must be an https:// URL, not `%s`" % url
            self.assertEqual(self.message(arguments(url)), expected)

    def test_without_tls_the_token_server_can_be_on_this_machine(self):
        url = self.url.replace("127.0.0.1", "localhost")
        self.assertIn('"Ok"', self.answer(arguments(url)))

    def test_a_proxy_for_clear_text_is_not_used(self):
        self.more.update(http_proxy="http://127.0.0.1:9", ALL_PROXY="http://127.0.0.1:9")
        self.assertIn('"Ok"', self.answer())

    @posix_only
    def test_the_docstrings_command_shows_what_cargo_gets(self):
        url = "https://login.corp.example/oauth2/token"
        self.assert_tries_as_documented('"token":"Bearer all-0-', [(url, self.url)])


@needs("openssl")
@posix_only
class WithTls(Example):
    EXAMPLE = example("client_credentials.py")
    URL = "https://corp.example/token"

    def setUp(self):
        super().setUp()
        self.web = WebServer(self.directory, TOKEN)
        self.addCleanup(self.web.close)
        self.more["CLIENT_SECRET"] = SECRET
        self.web.pages = {self.URL: (200, json.dumps({"access_token": TOKEN}).encode(), {})}

    def answer(self, **changed):
        self.more.update(https_proxy=self.web.url, SSL_CERT_FILE=self.web.certificate)
        self.more.update(changed)
        (answer,), _ = self.ask(get(R, arguments(self.URL)))
        return answer

    def test_a_proxy_sees_only_the_host(self):
        self.assertEqual(self.answer(), token_answer("Bearer " + TOKEN))
        self.assertEqual(self.web.tunnels, ["corp.example:443"])
        ((method, url, headers, _),) = self.web.log
        self.assertEqual((method, url), ("POST", self.URL))
        self.assertEqual(headers["authorization"].partition(" ")[0], "Basic")

    def test_a_server_without_a_trusted_certificate_gets_nothing(self):
        err = json.loads(self.answer(SSL_CERT_FILE=None))["Err"]
        self.assertEqual(err["message"], "cannot ask corp.example for a token")
        self.assertIn("certificate", err["caused-by"][0].lower())
        self.assertEqual(self.web.log, [])


class Issued:
    """Equal to each Authorization header that the token server has given."""

    def __init__(self, server):
        self.server = server

    def __eq__(self, header):
        return header in ["Bearer " + token for token in self.server.issued]


@needs("cargo")
@posix_only
class ClientCredentialsWithCargo(CargoWithExample):
    EXAMPLE = example("client_credentials.py")

    def setUp(self):
        super().setUp()
        self.server = with_server(self)
        self.registry.token = Issued(self.server)
        self.more["CLIENT_SECRET"] = SECRET

    def provide(self, *more):
        named = ("--index", self.index)
        args = arguments(self.server.url + "/token", *more, registry=named)
        self.configure(self.EXAMPLE, *args)

    def scopes(self):
        """The scopes of the tokens that the registry got, by the method of the request."""
        rows = [
            (method, token.split()[1].split("-")[0])
            for method, _, token in self.registry.log
            if token
        ]
        return set(rows)

    def test_cargo_builds_and_publishes_with_one_token_for_each_run(self):
        self.provide("--scope", "crates")
        self.assertIn("Compiling dep v1.0.0", self.cargo("build"))
        self.assertEqual(len(self.server.issued), 1)
        self.assertIn("Published app v0.1.0", self.publish())
        self.assertEqual(len(self.server.issued), 2)
        self.assertEqual(self.scopes(), {("GET", "crates"), ("PUT", "crates")})

    def test_cargo_reads_with_one_scope_and_publishes_with_the_other(self):
        self.provide("--scope", "reading", "--publish-scope", "publishing")
        self.assertIn("Published app v0.1.0", self.publish())
        self.assertEqual(self.scopes(), {("GET", "reading"), ("PUT", "publishing")})
        self.assertEqual(len(self.server.issued), 2)
        self.cargo("yank", "app@0.1.0", "--registry", "alt")
        self.assertIn(("DELETE", "publishing"), self.scopes())

    def test_cargo_asks_again_when_the_token_expires(self):
        self.server.life = 50  # Cargo drops a token 60 seconds before its end
        self.provide()
        self.cargo("build")
        self.assertEqual(len(self.server.issued), 3)

    def test_a_refusal_ends_cargo_with_the_servers_text(self):
        self.server.answers(401, {"error": "invalid_client", "error_description": SECRET})
        self.provide()
        shown = self.cargo("update", status=101)
        self.assertIn("answered with status 401", shown)
        self.assertIn("invalid_client: [REDACTED]", shown)
        self.assertNotIn(SECRET, shown)

    def test_a_long_text_is_not_shown_since_a_cut_could_show_a_part_of_a_secret(self):
        text = "x " * 480 + SECRET * 10
        self.server.answers(401, {"error": "invalid_client", "error_description": text})
        self.provide()
        shown = self.cargo("update", status=101)
        size = len(ascii(text)) - 2
        self.assertIn("invalid_client: a text of %d characters" % size, shown)
        self.assertNotIn(SECRET[:5], shown)


if __name__ == "__main__":
    unittest.main()
