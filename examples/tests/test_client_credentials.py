#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of client_credentials.py with a token server on loopback, and real Cargo.

python3 examples/tests/test_client_credentials.py [-v] [CLASS[.test] ...]
"""

import base64
import gzip
import json
import os
import socket
import sys
import time
import unittest
import zlib
from urllib.parse import parse_qs, quote_plus

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.abspath(os.path.join(sys.path[0], os.pardir, os.pardir)))
sys.path.insert(1, os.path.join(sys.path[0], "examples"))

import cargo_credential as cc
import client_credentials
from support import (
    INDEX,
    PUBLISH,
    READ,
    CargoWithExample,
    Example,
    TokenServer,
    WebServer,
    example,
    raw_server,
    with_constants,
)
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
SECRET = "cl13nt:s3cr%t +~"
YANK = cc.GetAction(cc.YankOperation("foo", "0.1.0"))


def with_server(test):
    server = TokenServer()
    test.addCleanup(server.close)
    return server


WEB_PAGE = "the answer is a web page: check the URL of --token-url"
NOT_JSON = "the answer is not JSON"
NO_OBJECT = "the answer is not a JSON object"
HOST = "--host must be HOST or HOST:PORT, not `%s`: for an IPv6 address, use --index URL"


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

    def texts(self, *lines):
        """What the errors say. No text has a secret."""
        texts = super().texts(*lines)
        for secret in (SECRET, quote_plus(SECRET)):
            self.assertNotIn(secret, repr(texts))
        return texts

    def assert_texts(self, rows, action=get, registry=R):
        super().assert_texts(rows, action, registry)

    def answer_in_turn(self, answers):
        """The server gives these answers. Returns the lines of as many requests for a token."""
        turns = iter(answers)
        self.server.answer = lambda body: next(turns)
        return [get(R, self.arguments())] * len(answers)

    def assert_reported(self, message, rows):
        """Each row is (status, answer, cause). One session asks for all of them."""
        texts = self.texts(*self.answer_in_turn([(status, body) for status, body, _ in rows]))
        self.assertEqual(len(texts), len(rows))
        for (status, body, cause), text in zip(rows, texts):
            with self.subTest(body=str(body)[:80]):
                expected = message.format(host=self.server.url[7:], status=status)
                self.assertEqual(text, expected + (": " + cause if cause else ""))


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
            base64.b64decode(encoded), b"urn%3Acargo+%26co:" + quote_plus(SECRET).encode()
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
        lives = (3600, "3600", 3600.5, "3600.5", " 60 ", 1, 0, -5)
        lines = self.answer_in_turn(
            [(200, {"access_token": TOKEN, "expires_in": life}) for life in lives]
        )
        before = int(time.time())
        answers, _ = self.ask(*lines)
        after = time.time()
        self.assertEqual(len(answers), len(lives))
        for life, line in zip(lives, answers):
            with self.subTest(life):
                answer = json.loads(line)["Ok"]
                self.assertEqual(answer["cache"], "expires")
                self.assertLessEqual(before + int(float(life)), answer["expiration"])
                self.assertLessEqual(answer["expiration"], after + float(life))

    def test_a_token_is_a_bearer_token_whatever_servers_write_for_it(self):
        rows = [{}, {"expires_in": None}, {"expires_in": ""}, {"error": None}, {"error": ""}]
        types = ("bearer", "Bearer", "BEARER", "BearerToken", "bearertoken", "", None)
        rows += [{"token_type": kind} for kind in types]
        lines = self.answer_in_turn([(200, dict(row, access_token=TOKEN)) for row in rows])
        self.assertEqual(self.ask(*lines), ([token_answer("Bearer " + TOKEN)] * len(rows), ""))

    def test_a_compressed_answer_is_read(self):
        good = json.dumps({"access_token": TOKEN}).encode()
        for encoding, bits in (("gzip", 31), ("deflate", 15)):
            with self.subTest(encoding):
                self.server.headers = {"Content-Encoding": encoding}
                compressor = zlib.compressobj(wbits=bits)
                self.server.answers(200, compressor.compress(good) + compressor.flush())
                self.assertEqual(self.answer(), token_answer("Bearer " + TOKEN))

    def test_the_secret_is_in_a_file_or_in_a_variable(self):
        path = self.write("client secret", SECRET + "\r\n", 0o600)
        rows = [("--secret-file", path), ("--secret-env", "CLIENT_SECRET")]
        self.ask(*[get(R, self.arguments(secret=secret)) for secret in rows])
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
    def test_an_error_of_the_server_is_reported_with_its_reason(self):
        basic = base64.b64encode(b"cargo:" + quote_plus(SECRET).encode()).decode()
        long = "because " * 500
        described = {"error": "invalid_scope", "error_description": "no such scope: x"}
        form = b"error=invalid_client&error_description=no+such+client%3A+caf%C3%A9"
        rows = [
            (401, {"error": "invalid_client"}, "invalid_client"),
            (400, described, "invalid_scope: no such scope: x"),
            (400, {"error": "x", "error_description": long}, "x: " + long),
            (400, {"error": long + SECRET * 9 + long}, long + "[REDACTED]" * 9 + long),
            (400, {"error": "caf\u00e9 \u4e0d\u884c"}, "caf\u00e9 \u4e0d\u884c"),
            (400, {"error": "a\x1b[2J\n\u202e", "error_uri": "https://x/"}, "a\\x1b[2J\n\\u202e"),
            (401, {"error": "no " + SECRET}, "no [REDACTED]"),
            (401, {"error": "no " + quote_plus(SECRET)}, "no [REDACTED]"),
            (401, {"error": "no Basic " + basic}, "no [REDACTED]"),
            (401, {"error": "no " + basic}, "no [REDACTED]"),
            (400, {"error": "no " + TOKEN, "access_token": TOKEN}, "no [REDACTED]"),
            (400, {"error": "x" * 100}, "[...]"),
            (400, {"error": {"message": TOKEN}, "error_description": [TOKEN], "token": TOKEN}, ""),
            (400, form, "invalid_client: no such client: caf\u00e9"),
            (403, b"\n<!DOCTYPE html><title>%s</title>" % TOKEN.encode(), WEB_PAGE),
            (404, TOKEN.encode(), NOT_JSON),
            (500, {}, ""),
            (500, [], NO_OBJECT),
            (500, b"\xff", NOT_JSON),
            (500, b"[" * 60000, NOT_JSON),
            (503, b"", "the answer is empty"),
        ]
        self.assert_reported("{host} answered with status {status}", rows)
        # No redirect is followed
        redirects = (301, 302, 303, 307, 308)
        del self.server.log[:]
        rows = [(status, b"", "the answer is empty") for status in redirects]
        self.assert_reported("{host} answered with status {status}", rows)
        self.assertEqual(len(self.server.log), len(redirects))

    def test_an_answer_without_a_bearer_token_is_reported_and_not_shown(self):
        good = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 60}
        token = TOKEN.encode()
        missing = "the answer has no text in its field `access_token`"
        other = "the answer's `token_type` is not `Bearer`"
        placeholder = client_credentials.problem_of("null")
        rows = [
            (200, b"", "the answer is empty"),
            *[(200, body, NO_OBJECT) for body in (b"null", b"[]", b"7", b'"%s"' % token)],
            *[(200, body, NOT_JSON) for body in (b"\xff", b"[" * 60000, b'{"%s' % token)],
            (200, b"access_token=%s&token_type=bearer" % token, NOT_JSON),
            (200, b"<html>%s</html>" % token, WEB_PAGE),
            (200, {"error": "invalid_client", "error_description": "x"}, "invalid_client: x"),
            (200, b"error=bad_verification_code&error_uri=x", "bad_verification_code"),
            (200, dict(good, error="because of " + TOKEN), "because of [REDACTED]"),
            (200, {}, missing),
            (200, {"token": TOKEN}, missing),
            *[(200, dict(good, access_token=value), missing) for value in (7, "", [TOKEN], None)],
            *[(200, dict(good, token_type=value), other) for value in ("mac", "DPoP", 7, [TOKEN])],
            *[(200, dict(good, access_token=value), placeholder) for value in ("null", "***")],
            (200, dict(good, access_token="x" * 100000), NOT_JSON),
        ]
        self.assert_reported("{host} did not answer with a Bearer token", rows)
        lives = ("soon", [], {}, True, "inf", "nan", 1e300, int("1" * 400), "1" * 400, TOKEN)
        rows = [(200, dict(good, expires_in=life), "") for life in lives]
        self.assert_reported("the answer's `expires_in` is not a number of seconds", rows)

    def test_an_answer_whose_compression_is_unknown_is_reported(self):
        cause = "the answer is compressed, although the request did not ask for it"
        for encoding in ("br", "gzip", "x\x1b[2J" + TOKEN):
            self.server.headers = {"Content-Encoding": encoding}
            rows = [(200, b"\x1f\x8b" + TOKEN.encode(), cause)]
            self.assert_reported("{host} did not answer with a Bearer token", rows)
        error = b'{"error":"invalid_client"}'
        self.server.headers = {"Content-Encoding": "gzip"}
        rows = [(401, gzip.compress(error), "invalid_client")]
        self.assert_reported("{host} answered with status {status}", rows)

    def test_a_token_that_no_header_can_carry_is_not_sent(self):
        self.server.answers(200, {"access_token": TOKEN + "\r\nX-Evil: 1"})
        message = "the token contains a line break, so no HTTP header can carry it"
        self.assert_texts([(self.arguments(), message)])

    def test_a_server_that_cannot_be_asked_is_reported(self):
        """Without its status line, which can hold anything."""
        no_http = ("%s\x1b[2J\r\n" % TOKEN).encode()
        for start in (no_http, b"HTTP/1.1 %s\r\n\r\n" % TOKEN.encode()):
            server = raw_server(self, start)
            cause = "the answer is not HTTP (BadStatusLine)"
            url = "http://%s/" % server.address
            message = "cannot ask %s for a token: %s" % (server.address, cause)
            self.assert_texts([(arguments(url), message)])
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            host = "127.0.0.1:%d" % closed.getsockname()[1]
            text = self.text(READ, arguments("http://%s/" % host), R)
            self.assertIn("cannot ask %s for a token: <urlopen error [" % host, text)

    def test_a_wrong_configuration_is_reported(self):
        url = ["--token-url", self.url]
        client = ["--client-id", "cargo"]
        secret = ["--secret-env", "CLIENT_SECRET"]
        index = ["--index", INDEX]
        server = "add `--token-url URL` and `--client-id ID` of the token server"
        either = "add either `--secret-file PATH` or `--secret-env NAME`"
        one = "add `--index URL` or `--host HOST` to name the registry of the token"
        rows = [
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
            (
                self.arguments(secret=("--secret-file", "/no\0such")),
                "the path of --secret-file contains a NUL character: leave it out",
            ),
            *[
                (self.arguments(registry=("--host", host)), HOST % host)
                for host in ("::1", "[::1]", "[::1]:8443", "https://r.example", "*.example", "")
            ],
        ]
        self.assert_texts(rows)
        self.assertEqual(self.server.log, [])

    def test_a_secret_that_cannot_be_sent_is_reported_without_it(self):
        not_ascii = "HTTP Basic requires a client %s of printable ASCII characters"
        encoded = "`%s` is not UTF-8, or begins with a byte order mark: save it as UTF-8 without a"
        missing = "the client secret is what programs write for a missing or hidden value"
        only = ": `%s` must contain only the secret"
        files = [
            (b"s3cr3t\xff", encoded + " byte order mark"),
            (b"\xef\xbb\xbfs3cr3t", encoded + " byte order mark"),
            ("\ufeffs3cr3t".encode("utf-16-le"), encoded + " byte order mark"),
            (b"s3cr3t\nmore", not_ascii % "secret"),
            (b"s3\tcr3t", not_ascii % "secret"),
            (b"s3cr3t\x7f", not_ascii % "secret"),
            (b"s3cr3t\xc3\xa9", not_ascii % "secret"),
            (b"null\n", missing + only),
            (b'{"secret":"s3cr3t"}', "the client secret is JSON" + only),
        ]
        rows = []
        for number, (content, message) in enumerate(files):
            path = self.path(str(number))
            with open(path, "wb") as file:
                file.write(content)
            message = message % path if "%s" in message else message
            rows.append((self.arguments(secret=("--secret-file", path)), message))
        for client in ("caf\u00e9", "a\tb", "a\n"):
            rows.append((self.arguments("--client-id", client), not_ascii % "ID"))
        self.assert_texts(rows)
        self.assertEqual(self.server.log, [])

    def test_the_secret_leaves_this_machine_only_through_tls(self):
        urls = (
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
        )
        message = "--token-url must be an https:// URL, not `%s`"
        self.assert_texts([(arguments(url), message % url) for url in urls])

    def test_without_tls_the_token_server_can_be_on_this_machine(self):
        try:
            socket.gethostbyname("localhost")
        except OSError:  # a container without /etc/hosts
            self.skipTest("needs the name localhost")
        url = self.url.replace("127.0.0.1", "localhost")
        self.assertIn('"Ok"', self.answer(arguments(url)))

    def test_a_proxy_for_clear_text_is_not_used(self):
        self.more.update(http_proxy="http://127.0.0.1:9", ALL_PROXY="http://127.0.0.1:9")
        self.assertIn('"Ok"', self.answer())

    @posix_only
    def test_the_docstrings_command_shows_what_cargo_gets(self):
        url = "https://login.corp.example/oauth2/token"
        self.assert_tries_as_documented('"token":"Bearer all-0-', [(url, self.url)])


class Deadline(Example):
    """It is for the whole exchange: here, 0.2 seconds for a server that needs forever."""

    MESSAGE = "cannot ask %s for a token: it took more than 0.2 seconds"
    HEAD = b"HTTP/1.1 200 OK\r\n"

    def setUp(self):
        super().setUp()
        self.EXAMPLE = with_constants("client_credentials.py", self.directory, DEADLINE="0.2")
        self.more["CLIENT_SECRET"] = SECRET

    def test_a_server_that_writes_a_byte_now_and_then_is_left(self):
        rows = []
        for scheme, start in [
            ("http", b""),
            ("http", self.HEAD + b"X: "),
            ("http", self.HEAD + b"Content-Length: 60000\r\n\r\n"),
            ("http", self.HEAD + b"Transfer-Encoding: chunked\r\n\r\n"),
            ("https", b"\x16\x03\x03\x40\x00"),  # a record of TLS with 16 KiB
        ]:
            server = raw_server(self, start, forever=True)
            url = "%s://%s/" % (scheme, server.address)
            rows.append((arguments(url), self.MESSAGE % server.address))
        self.assert_texts(rows, registry=R)

    def test_a_server_that_never_accepts_is_left(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(5)
            host = "127.0.0.1:%d" % silent.getsockname()[1]
            rows = [(arguments("http://%s/" % host), self.MESSAGE % host)]
            self.assert_texts(rows, registry=R)


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

    def test_the_status_line_of_a_proxy_is_not_shown(self):
        proxy = raw_server(self, b"HTTP/1.1 407 %s\r\n\r\n" % TOKEN.encode())
        cause = "Tunnel connection failed: 407"
        answer = self.answer(https_proxy="http://" + proxy.address)
        self.assertNotIn(TOKEN, answer)
        self.assertIn(cause, json.loads(answer)["Err"]["caused-by"][0])


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


if __name__ == "__main__":
    unittest.main()
