#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of trusted_publishing.py on GitLab CI/CD, and of workspaces, with real Cargo.

    python3 examples/tests/test_trusted_publishing.py [-v] [CLASS[.test] ...]

crates.io, its index, GitHub and a token service that accepts each identity once are on loopback.
"""

import json
import os
import sys
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

import cargo_credential as cc
from test_cargo_credential import (
    CRATES,
    TOKEN,
    CargoWithExample,
    WebServer,
    environment,
    example,
    line_of,
    needs,
    posix_only,
)

READ = cc.GetAction(cc.ReadOperation())
PUBLISH = cc.GetAction(cc.PublishOperation("foo", "0.1.0", "ab12"))
TOKENS = "https://crates.io/api/v1/trusted_publishing/tokens"
NEW = "https://crates.io/api/v1/crates/new"
IDENTITY = "eyJhbGciOi" + 40 * "JSUzI1NiJ9." + TOKEN
YAML = "id_tokens: {CRATES_IO_ID_TOKEN: {aud: crates.io}}"
MISSING = "the job has no CRATES_IO_ID_TOKEN: add this line to the job in .gitlab-ci.yml"
USED = "JWT has already been used"


class OnceServer(WebServer):
    """GitHub, crates.io and its index; the token service accepts each identity once."""

    def answer(self, method, url, headers, body):
        if url.endswith("/trusted_publishing/tokens"):
            jwt = json.loads(body.decode())["jwt"]
            earlier = [json.loads(b.decode())["jwt"] for _, u, _, b in self.log[:-1] if u == url]
            if jwt in earlier:
                return 400, {"errors": [{"detail": USED}]}
        return super().answer(method, url, headers, body)


class InAJob(CargoWithExample):
    EXAMPLE = example("trusted_publishing.py")
    JOB = {}

    def setUp(self):
        super().setUp()
        self.web = OnceServer(self.directory, "cio-" + TOKEN)
        self.addCleanup(self.web.close)
        self.job = dict(self.JOB)

    def cargo_environment(self):
        ours = ("CARGO_", "CRATES_IO_", "ACTIONS_", "GITHUB_", "GITLAB_", "SSL_")
        clean = {
            name: value
            for name, value in environment().items()
            if not name.startswith(ours) and not name.lower().endswith("_proxy")
        }
        web = self.web.environment()
        loopback = ("https_proxy", "http_proxy", "no_proxy", "SSL_CERT_FILE", "CARGO_HTTP_CAINFO")
        clean.update({name: web[name] for name in loopback})
        cargo = {"CARGO_HOME": self.path("cargo-home"), "CARGO_TERM_COLOR": "never"}
        return dict(clean, CARGO_NET_RETRY="0", PYTHONWARNINGS="error", **dict(cargo, **self.job))

    def ask(self, action, args=(), registry=CRATES):
        line = line_of(action, registry, args)
        (answer,), errors = self.run_provider(self.EXAMPLE, line, env=self.cargo_environment())
        return json.loads(answer), errors

    def failure(self, *arguments):
        """(message, causes) of its error, which shows no token."""
        answer, errors = self.ask(*arguments)
        self.assertNotIn(TOKEN, json.dumps(answer) + errors)
        return answer["Err"]["message"], answer["Err"]["caused-by"]

    def assert_expires(self, answer, start):
        """The token is for all operations, for half an hour."""
        answer = answer["Ok"]
        self.assertEqual(answer["token"], self.web.token)
        self.assertEqual((answer["cache"], answer["operation_independent"]), ("expires", True))
        self.assertLessEqual(int(start) + 1800, answer["expiration"])
        self.assertLessEqual(answer["expiration"], time.time() + 1800)

    def workspace(self, *names):
        manifest = self.PROJECT.replace('publish = ["alt"]\n', "").split("[dependencies]")[0]
        for name in names:
            self.write("project/%s/Cargo.toml" % name, manifest.replace('"app"', '"%s"' % name))
            self.write("project/%s/src/lib.rs" % name, "")
        members = '[workspace]\nmembers = %s\nresolver = "2"\n' % json.dumps(names)
        self.write("project/Cargo.toml", members)
        provider = "[registry]\ncredential-provider = %s\n" % json.dumps([self.EXAMPLE])
        self.write("project/.cargo/config.toml", provider)

    def publish(self, *more, **options):
        return self.cargo("publish", "--allow-dirty", "--no-verify", *more, **options)

    def exchanges(self):
        return [row for row in self.web.log if row[1] == TOKENS]

    def tokens_sent(self):
        """Each Authorization header, and where it went."""
        sent = [(url, headers.get("authorization")) for _, url, headers, _ in self.web.log]
        return [row for row in sent if row[1]]


@needs("cargo", "openssl")
@posix_only
class OnGitLab(InAJob):
    JOB = {"GITLAB_CI": "true", "CRATES_IO_ID_TOKEN": IDENTITY}

    def test_the_exact_request(self):
        start = time.time()
        answer, errors = self.ask(PUBLISH)
        self.assert_expires(answer, start)
        self.assertEqual(errors, "trusted publishing: foo 0.1.0, sha256 ab12, at crates.io\n")
        body = json.dumps({"jwt": IDENTITY})
        headers = {
            "host": "crates.io", "content-type": "application/json", "connection": "close",
            "user-agent": "cargo_credential.py", "accept-encoding": "identity",
            "content-length": str(len(body)),
        }  # fmt: skip
        self.assertEqual(self.web.log, [("POST", TOKENS, headers, body.encode())])

    def test_cargo_publishes_a_workspace_with_one_exchange(self):
        """Also if the second crate has to wait until the first one is in the index."""
        self.workspace("one", "two")
        manifest = self.read("project/two/Cargo.toml").decode()
        dependency = '[dependencies]\none = { path = "../one", version = "0.1.0" }\n'
        self.write("project/two/Cargo.toml", manifest + dependency)
        shown = self.publish("--workspace")
        self.assertEqual(set(self.web.crates) - {"dep-1.0.0"}, {"one-0.1.0", "two-0.1.0"})
        self.assertEqual(len(self.exchanges()), 1)
        self.assertEqual(self.tokens_sent(), [(NEW, self.web.token)] * 2)
        self.assertEqual(shown.count("trusted publishing: "), 1)

    def test_a_second_run_in_the_same_job_is_refused_in_the_registrys_words(self):
        self.workspace("one", "two")
        self.publish("-p", "one")
        shown = self.publish("-p", "two", status=101)
        self.assertIn("crates.io answered with status 400", shown)
        self.assertIn(USED, shown)

    def test_a_read_makes_no_request_and_gives_a_word_that_is_not_a_token(self):
        answer, _ = self.ask(READ)
        word = {"token": "no-token-is-needed-to-read", "cache": "never"}
        self.assertEqual(answer["Ok"], dict(word, kind="get", operation_independent=False))
        self.assertEqual(self.web.log, [])

    def test_a_missing_variable_is_reported_with_the_line_to_add(self):
        for job in ({"GITLAB_CI": "true"}, {"GITLAB_CI": "true", "CRATES_IO_ID_TOKEN": ""}):
            self.job = job
            for action in (READ, PUBLISH):
                self.assertEqual(self.failure(action), (MISSING, [YAML]))
        with open(self.EXAMPLE, encoding="utf-8") as file:
            self.assertIn("      %s\n" % YAML, file.read().split('"""')[1])
        self.workspace("one")
        shown = self.publish(status=101)
        self.assertIn(MISSING, shown)
        self.assertIn(YAML, shown)
        self.assertNotIn("Packaging", shown)
        self.assertEqual(self.exchanges(), [])

    def test_the_identity_goes_to_crates_io_alone(self):
        corp = cc.RegistryInfo("sparse+https://corp.example/index/", "corp")
        args = ["--token-url", "https://corp.example/api/v1/trusted_publishing/tokens"]
        message = "on GitLab CI/CD, trusted publishing works for crates.io only"
        for action in (READ, PUBLISH):
            self.assertEqual(self.failure(action, args, corp), (message, []))
        self.assertEqual(self.web.log, [])

    def test_the_identity_is_hidden_where_the_registry_quotes_it(self):
        detail = "sent: %s and %s !" % (IDENTITY, TOKEN)
        self.job["CRATES_IO_ID_TOKEN"] = TOKEN
        page = json.dumps({"errors": [{"detail": detail}]}).encode()
        self.web.pages = {TOKENS: (400, page, {})}
        expected = ("crates.io answered with status 400", ["sent: [...] and [REDACTED] !"])
        self.assertEqual(self.failure(PUBLISH), expected)


@needs("cargo", "openssl")
@posix_only
class OnGitHub(InAJob):
    def setUp(self):
        super().setUp()
        names = ("GITHUB_ACTIONS", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
        self.job = {name: self.web.environment()[name] for name in names}

    def test_cargo_publishes_a_workspace_with_one_exchange(self):
        self.workspace("one", "two", "three")
        self.publish("--workspace")
        self.assertEqual(len(self.exchanges()), 1)
        request = (self.web.GITHUB + "&audience=crates.io", "bearer " + self.web.REQUEST_TOKEN)
        self.assertEqual(self.tokens_sent(), [request, *[(NEW, self.web.token)] * 3])

    def test_the_token_is_for_half_an_hour(self):
        start = time.time()
        self.assert_expires(self.ask(PUBLISH)[0], start)

    def test_elsewhere_it_names_the_two_services(self):
        self.job = {}
        message = (
            "trusted publishing works in GitHub Actions and GitLab CI/CD only: configure another"
            " provider"
        )
        for action in (READ, PUBLISH):
            self.assertEqual(self.failure(action), (message, []))


if __name__ == "__main__":
    unittest.main()
