#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of trusted_publishing.py on GitHub Actions and GitLab CI/CD, with real Cargo.

    python3 examples/tests/test_trusted_publishing.py [-v] [CLASS[.test] ...]

crates.io, its index, GitHub and a token service that accepts each identity once are on loopback.
The example runs unchanged, with its checks of hosts: a proxy for https:// leads to loopback.
"""

import hashlib
import json
import os
import re
import sys
import time
import unittest
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.abspath(os.path.join(sys.path[0], os.pardir, os.pardir)))
sys.path.insert(1, os.path.join(sys.path[0], "examples"))

import cargo_credential as cc
import trusted_publishing
from support import (
    EXAMPLES,
    PUBLISH,
    READ,
    CargoWithExample,
    Example,
    WebServer,
    example,
    raw_server,
    text_of,
    with_constants,
)
from test_cargo_credential import (
    CRATES,
    CRATES_IO,
    NOT_SUPPORTED,
    TOKEN,
    URL_NOT_SUPPORTED,
    line_of,
    needs,
    posix_only,
)

LOGOUT = cc.LogoutAction()
TOKENS = "https://crates.io/api/v1/trusted_publishing/tokens"
NEW = "https://crates.io/api/v1/crates/new"
IDENTITY = "eyJhbGciOi" + 40 * "JSUzI1NiJ9." + TOKEN
YAML = "id_tokens: {CRATES_IO_ID_TOKEN: {aud: crates.io}}"
MISSING = "the job has no CRATES_IO_ID_TOKEN: add this line to the job in .gitlab-ci.yml"
USED = "JWT has already been used"
ELSEWHERE = (
    "trusted publishing works in GitHub Actions and GitLab CI/CD only: configure another provider"
)
NO_IDENTITY = "the job has no identity: give it `permissions: id-token: write`"
LIMIT = "trusted publishing does not work on GitHub Enterprise Server"
CORP = cc.RegistryInfo("sparse+https://corp.example/index/", "corp")
CORP_TOKENS = "https://corp.example/api/v1/trusted_publishing/tokens"
FOR_CORP = ["--token-url", CORP_TOKENS]
PLACEHOLDER = (
    '{"Ok":{"kind":"get","token":"no-token-is-needed-to-read","cache":"never",'
    '"operation_independent":false}}'
)
# Each is formatted with the host that it looks like
LOOK_ALIKES = [
    "https://%s@evil.example/x",
    "https://evil.example@%s/x",
    "https://evil.example?.%s/x",
    "https://evil.example#.%s/x",
    "https://evil.example\\.%s/x",
    "https://evil.example%%2f.%s/x",
    "https://evil.example%%23.%s/x",
    "https://evil.example%%40%s/x",
    "https://%%65vil.%s/x",
    "https://evil.example/\n.%s/x",
    "https://ev\u00adil.%s/x",
    "https://%s%%2eevil.example/x",
    "https://%s:443@evil.example/x",
    "https://%s:x/x",
    "http://%s/x",
    "sparse+https://%s/x",
    "HTTPS://%s/x",
    " https://%s/x",
    "//%s/x",
    "%s",
]


class OnceServer(WebServer):
    """GitHub, crates.io and its index; the token service accepts each identity once."""

    once = True

    def __init__(self, *arguments):
        self.turns = {}  # the first answers by URL, each as in `pages`
        super().__init__(*arguments)

    def reply(self, method, url, headers, body):
        turns = self.turns.get(url)
        return turns.pop(0) if turns else super().reply(method, url, headers, body)

    def answer(self, method, url, headers, body):
        if self.once and url.endswith("/trusted_publishing/tokens"):
            jwt = json.loads(body.decode())["jwt"]
            earlier = [json.loads(b.decode())["jwt"] for _, u, _, b in self.log[:-1] if u == url]
            if jwt in earlier:
                return 400, {"errors": [{"detail": USED}]}
        return super().answer(method, url, headers, body)


class InAJob(Example):
    """The example in a job, with all services on loopback."""

    EXAMPLE = example("trusted_publishing.py")

    def setUp(self):
        super().setUp()
        self.web = OnceServer(self.directory, "cio-" + TOKEN)
        self.addCleanup(self.web.close)
        self.job = self.job_environment()

    def job_environment(self):
        """The variables of the job."""
        return self.web.github_job()

    def environment(self):
        self.more.update(self.web.connection(), **self.job)
        return super().environment()

    def answer(self, action, args=(), registry=CRATES):
        """(fields, standard error) of the answer, an Ok."""
        (answer,), errors = self.ask(line_of(action, registry, args))
        return json.loads(answer)["Ok"], errors

    def text(self, action, args=(), registry=CRATES):
        return super().text(action, args, registry)

    def texts(self, *lines):
        """The texts of the answers. Neither they nor standard error have TOKEN."""
        answers, errors = self.ask(*lines)
        self.assertNotIn(TOKEN, repr(answers) + errors)
        return [text_of(answer) for answer in answers]

    def texts_for(self, *actions):
        return self.texts(*[line_of(action, CRATES) for action in actions])

    def failure(self, pages):
        """The text of the answer to one publish, where the web has these pages."""
        self.web.pages = pages
        (text,) = self.texts_for(PUBLISH)
        return text

    def failures(self, url, pages):
        """The texts of as many answers to a publish, where this URL has these pages in turn."""
        self.web.turns = {url: list(pages)}
        texts = self.texts_for(*[PUBLISH] * len(pages))
        self.assertEqual((len(texts), self.web.turns), (len(pages), {url: []}))
        return texts

    def tokens_sent(self):
        """Each Authorization header, and where it went."""
        sent = [(url, headers.get("authorization")) for _, url, headers, _ in self.web.log]
        return [row for row in sent if row[1]]

    def exchanges(self):
        return [row for row in self.web.log if row[1] == TOKENS]

    def assert_no_request(self):
        self.assertEqual((self.web.log, self.web.tunnels), ([], []))

    def assert_expires(self, answer, start):
        """The token is for all operations, for half an hour."""
        self.assertEqual(answer["token"], self.web.token)
        self.assertEqual((answer["cache"], answer["operation_independent"]), ("expires", True))
        self.assertLessEqual(int(start) + 1800, answer["expiration"])
        self.assertLessEqual(answer["expiration"], time.time() + 1800)


class CargoInAJob(InAJob, CargoWithExample):
    PROJECT = CargoWithExample.PROJECT.replace('publish = ["alt"]\n', "").split("[dependencies]")[0]

    def setUp(self):
        super().setUp()
        provider = "[registry]\ncredential-provider = %s\n" % json.dumps([self.EXAMPLE])
        self.write("project/.cargo/config.toml", provider)
        self.write("project/src/lib.rs", "")

    def configure_corp(self):
        self.index = CORP.index_url
        self.configure(self.EXAMPLE, *FOR_CORP)

    def published(self):
        return set(self.web.crates) - {"dep-1.0.0"}

    def assert_ends(self, shown, action, message):
        """Cargo ends with this cause, before it builds and without a request for a token."""
        end = "failed action `%s`\n\nCaused by:\n  %s\n" % (action, message)
        self.assertEqual(shown[-len(end) :], end)
        self.assertNotIn("Packaging", shown)
        self.assertEqual(self.tokens_sent(), [])


# ---- GitHub Actions ------------------------------------------------------------------------


def exchange(web, host):
    """The two requests for a token of this host."""
    body = json.dumps({"jwt": web.IDENTITY})
    to_github = {
        "host": web.GITHUB_HOST,
        "authorization": "bearer " + web.REQUEST_TOKEN,
        "accept-encoding": "identity",
        "connection": "close",
    }
    to_registry = {
        "host": host,
        "content-type": "application/json",
        "user-agent": "cargo_credential.py",
        "accept-encoding": "identity",
        "connection": "close",
        "content-length": str(len(body)),
    }
    return [
        ("GET", web.GITHUB + "&audience=" + host, to_github, b""),
        ("POST", TOKENS.replace("crates.io", host), to_registry, body.encode()),
    ]


def without_pythons_agent(log):
    """The requests without the User-Agent of those to GitHub, which is Python's."""
    rows = [(method, url, dict(headers), body) for method, url, headers, body in log]
    for _, _, headers, _ in rows:
        if headers.get("user-agent", "").startswith("Python-urllib/"):
            del headers["user-agent"]
    return rows


@needs("openssl")
@posix_only
class OnGitHub(InAJob):
    def test_the_exact_requests(self):
        for host, args, registry in [
            ("crates.io", [], CRATES),
            ("corp.example", FOR_CORP, CORP),
        ]:
            with self.subTest(host):
                del self.web.log[:], self.web.tunnels[:]
                self.web.once = False
                start = time.time()
                answer, errors = self.answer(PUBLISH, args, registry)
                self.assert_expires(answer, start)
                line = "trusted publishing: foo 0.1.0, sha256 ab12, at %s\n" % host
                self.assertEqual(errors, line)
                requests = without_pythons_agent(self.web.log)
                self.assertEqual(requests, exchange(self.web, host))
                tunnels = [self.web.GITHUB_HOST + ":443", host + ":443"]
                self.assertEqual(self.web.tunnels, tunnels)

    def test_a_read_makes_no_request_and_gets_a_value_that_is_not_a_token(self):
        self.assertEqual(self.text(READ), PLACEHOLDER)
        self.assertEqual(self.text(READ, FOR_CORP, CORP), PLACEHOLDER)
        self.assert_no_request()

    # (index URL, arguments)
    OTHER_REGISTRIES = [
        (CORP.index_url, []),
        (CRATES_IO + "/", []),
        ("sparse+https://crates.io/", []),
        (CRATES_IO, FOR_CORP),
        ("sparse+https://corp.example.evil.example/index/", FOR_CORP),
        ("sparse+https://corp.example@evil.example/index/", FOR_CORP),
        ("sparse+https://corp.example\\@evil.example/index/", FOR_CORP),
        ("corp.example", FOR_CORP),
        ("sparse+https://corp.example%2eevil.example/index/", FOR_CORP),
        ("sparse+https://corp.example:8443/index/", FOR_CORP),
        (CORP.index_url, ["--token-url", CORP_TOKENS.replace("example/", "example:8443/")]),
        ("sparse+http://corp.example/index/", FOR_CORP),
        ("ssh://git@corp.example/index", FOR_CORP),
        ("git://corp.example?@evil.example/index", FOR_CORP),
        ("file://corp.example/index", FOR_CORP),
    ]

    def test_it_serves_only_the_registry_that_issues_the_token(self):
        lines = [
            line_of(action, cc.RegistryInfo(url, "corp"), args)
            for url, args in self.OTHER_REGISTRIES
            for action in (READ, PUBLISH, LOGOUT)
        ]
        self.assertEqual(self.texts(*lines), [URL_NOT_SUPPORTED] * len(lines))
        self.assert_no_request()

    def test_an_unknown_argument_is_reported(self):
        unknown = "unknown arguments %s: there is only --token-url URL"
        rows = (["x"], ["--token-url"], ["--token-url", "a", "b"], ["--audience", "x"])
        texts = self.texts(*[line_of(PUBLISH, CORP, args) for args in rows])
        self.assertEqual(texts, [unknown % args for args in rows])

    def test_the_url_for_tokens_is_https_with_a_plain_host(self):
        urls = [form % "corp.example" for form in LOOK_ALIKES]
        urls += ["http://127.0.0.1/", "ftp://corp.example/", "file:///etc/passwd"]
        urls += ["https:///x", "https://127.1/", ""]
        message = "--token-url must be an https:// URL with a plain host, not %r"
        lines = [line_of(PUBLISH, CORP, ["--token-url", url]) for url in urls]
        self.assertEqual(self.texts(*lines), [message % url for url in urls])
        self.assert_no_request()

    def test_the_jobs_request_token_goes_only_to_github(self):
        inner = self.web.GITHUB_HOST
        urls = [os.fsdecode((form % inner).encode("utf-8")) for form in LOOK_ALIKES]
        urls += [
            "https://%s:443/x" % inner,
            "https://%s:8443/x" % inner,
            self.web.url + "/token?a=b",
            "https://crates.io/?a=b",
            "https://%s.evil.example/?a=b" % inner,
            "https://evil.example/?a=b." + inner,
            "https://evil-actions.githubusercontent.com/?a=b",
            "https://ghes.corp.example/_services/pipelines/x/?a=b",
            "HTTPS" + self.web.GITHUB[5:],
            " " + self.web.GITHUB,
        ]
        message = "ACTIONS_ID_TOKEN_REQUEST_URL does not lead to GitHub"
        for url in urls:  # in this process: a start for each takes long
            with self.subTest(url):
                self.job["ACTIONS_ID_TOKEN_REQUEST_URL"] = url
                with mock.patch.dict("os.environ", self.job):
                    with self.assertRaises(cc.OtherError) as caught:
                        trusted_publishing.github_request("crates.io")
                self.assertEqual(str(caught.exception), message)
                self.assertEqual(list(caught.exception.caused_by), [LIMIT])
        self.assertEqual(self.texts_for(PUBLISH, READ), ["%s: %s" % (message, LIMIT)] * 2)
        self.assert_no_request()

    def test_a_job_without_an_identity_is_reported(self):
        for changed, message in [
            ({"ACTIONS_ID_TOKEN_REQUEST_URL": ""}, NO_IDENTITY),
            ({"ACTIONS_ID_TOKEN_REQUEST_TOKEN": None}, NO_IDENTITY),
            ({"ACTIONS_ID_TOKEN_REQUEST_URL": "", "GITHUB_ACTIONS": ""}, ELSEWHERE),
            (dict.fromkeys(self.job), ELSEWHERE),
        ]:
            with self.subTest(changed):
                self.job = dict(self.job_environment(), **changed)
                self.assertEqual(self.texts_for(READ, PUBLISH), [message] * 2)
        self.assert_no_request()

    def test_such_a_token_can_only_publish(self):
        message = (
            "a token of trusted publishing can only publish: for `%s`, run Cargo with another"
            " provider and a token of your own"
        )
        operations = (
            cc.YankOperation("app", "0.1.0"),
            cc.UnyankOperation("app", "0.1.0"),
            cc.OwnersOperation("app"),
            cc.UnknownOperation(),
        )
        texts = self.texts_for(*[cc.GetAction(operation) for operation in operations], LOGOUT)
        expected = [message % operation.kind for operation in operations]
        self.assertEqual(texts, [*expected, NOT_SUPPORTED])
        self.assert_no_request()

    def test_the_line_for_the_user_has_no_control_characters(self):
        action = cc.GetAction(cc.PublishOperation("a\x1b[2J", "1\n", "c" * 64))
        _, errors = self.answer(action)
        line = "trusted publishing: a\\x1b[2J 1\\n, sha256 %s, at crates.io\n"
        self.assertEqual(errors, line % ("c" * 64))

    def test_the_docstrings_command_shows_what_cargo_gets(self):
        self.job = {}
        self.assert_tries_as_documented(re.escape(ELSEWHERE))


@needs("openssl")
@posix_only
class Failures(InAJob):
    """Answers of the services that are not a token."""

    def setUp(self):
        super().setUp()
        self.web.once = False
        self.github = self.web.GITHUB + "&audience=crates.io"

    def test_no_redirect_is_followed(self):
        statuses = (301, 302, 303, 307, 308)
        pages = [(status, b"", {"Location": "https://evil.example/"}) for status in statuses]
        for url, host in [(self.github, self.web.GITHUB_HOST), (TOKENS, "crates.io")]:
            texts = ["%s answered with status %d" % (host, status) for status in statuses]
            self.assertEqual(self.failures(url, pages), texts)
        self.assertNotIn("evil.example:443", self.web.tunnels)

    def test_a_refusal_is_reported_without_identity_and_control_characters(self):
        identity = self.web.IDENTITY
        no_config = "No Trusted Publishing config found for repository `a/b`."
        numbers = ["%d " % i * 1000 for i in range(9)]
        rows = [
            ([no_config], [no_config]),
            (["a\u001b[2J\n\u202e", "\u00e9", 7, {}, [TOKEN]], ["a\\x1b[2J\n\\u202e", "\u00e9"]),
            (["sent: %s !" % identity], ["sent: [...] !"]),
            (["sent: %s !" % identity[:100]], ["sent: [...] !"]),
            (numbers, numbers[:5]),
        ]
        bodies = [json.dumps({"errors": [{"detail": one} for one in row]}) for row, _ in rows]
        texts = self.failures(TOKENS, [(400, body.encode(), {}) for body in bodies])
        for (_, causes), text in zip(rows, texts):
            with self.subTest(causes):
                self.assertEqual(text, ": ".join(["crates.io answered with status 400", *causes]))

    def test_a_refusal_of_another_form_is_reported_with_its_status(self):
        bodies = [b'{"errors":[{}]}', b'{"errors":7}', b"[]", b"\xff", b"", b"[" * 60000]
        texts = self.failures(TOKENS, [(400, body, {}) for body in bodies])
        self.assertEqual(texts, ["crates.io answered with status 400"] * len(bodies))

    def test_an_answer_without_a_token_is_reported_and_not_shown(self):
        for url, host, field in [
            (self.github, self.web.GITHUB_HOST, "value"),
            (TOKENS, "crates.io", "token"),
        ]:
            bodies = (
                "",
                "null",
                "[]",
                "7",
                '"%s"' % TOKEN,
                '{"%s":7}' % field,
                '{"%s":""}' % field,
                '{"%s":"null"}' % field,
                '{"other":"%s"}' % TOKEN,
                '{"%s":"%s"' % (field, TOKEN),
                "\xff",
                "[" * 60000,
                '{"%s":"%s"}' % (field, "t" * 100000),
            )
            pages = [(200, body.encode("latin-1"), {}) for body in bodies]
            for body, text in zip(bodies, self.failures(url, pages)):
                with self.subTest(url, body=body[:40]):
                    self.assertEqual(text, host + " did not answer with a token")

    def test_a_token_that_no_header_can_carry_is_not_sent(self):
        body = json.dumps({"token": TOKEN + "\r\nX-Evil: 1"}).encode()
        message = "the token contains a line break, so no HTTP header can carry it"
        self.assertEqual(self.failure({TOKENS: (200, body, {})}), message)

    def test_a_failure_to_connect_is_reported(self):
        connection = self.web.connection()
        for name, value, cause in [
            ("SSL_CERT_FILE", None, "certificate"),
            ("https_proxy", "http://127.0.0.1:9", "refused"),
        ]:
            with self.subTest(name):
                self.web.connection = lambda name=name, value=value: dict(
                    connection, **{name: value}
                )
                (text,) = self.texts_for(PUBLISH)
                message = "cannot ask %s for a token: " % self.web.GITHUB_HOST
                self.assertEqual(text[: len(message)], message)
                self.assertIn(cause, text[len(message) :].lower())
        self.assertEqual(self.web.log, [])

    def test_a_server_that_does_not_speak_http_is_reported(self):
        """Without its status line, which can hold anything."""
        text = self.failure({TOKENS: (None, TOKEN.encode() + b"\x1b[2J\r\n", {})})
        cause = "the answer is not HTTP (BadStatusLine)"
        self.assertEqual(text, "cannot ask crates.io for a token: " + cause)

    def test_a_server_that_has_an_error_of_its_own_is_asked_again(self):
        self.hurry(PAUSES="(0.0, 0.0)")
        for status in (500, 502, 503):
            with self.subTest(status):
                self.web.turns = {
                    url: [(status, b"", {}), (503, b"", {})] for url in (self.github, TOKENS)
                }
                del self.web.log[:]
                answer, errors = self.answer(PUBLISH)
                self.assertEqual(answer["token"], self.web.token)
                again = "trusted publishing: %s answered with status %d, asking again\n"
                hosts = (self.web.GITHUB_HOST, "crates.io")
                expected = [again % (host, s) for host in hosts for s in (status, 503)]
                self.assertEqual(errors.splitlines(True)[1:], expected)
                github, registry = exchange(self.web, "crates.io")
                requests = without_pythons_agent(self.web.log)
                self.assertEqual(requests, [github] * 3 + [registry] * 3)

    def test_a_server_is_not_asked_again_forever_or_after_another_error(self):
        self.hurry(PAUSES="(0.0, 0.0)")
        for status, times in ((500, 3), (400, 1), (429, 1), (404, 1)):
            del self.web.log[:]
            text = self.failure({TOKENS: (status, b'{"errors":[{"detail":"x"}]}', {})})
            self.assertEqual(text, "crates.io answered with status %d: x" % status)
            self.assertEqual(len(self.exchanges()), times)

    def test_a_server_is_not_asked_again_after_the_deadline(self):
        self.hurry(PAUSES="(3600.0,)")
        text = self.failure({TOKENS: (503, b"", {})})
        self.assertEqual(text, "crates.io answered with status 503")
        self.assertEqual(len(self.exchanges()), 1)

    def test_a_server_that_writes_a_byte_now_and_then_is_left(self):
        self.hurry(DEADLINE="0.2")
        for start in (b"", b"HTTP/1.1 200 OK\r\nX: "):
            server = raw_server(self, start, forever=True)
            self.job["https_proxy"] = "http://" + server.address
            cause = "it took more than 0.2 seconds"
            message = "cannot ask %s for a token: %s" % (self.web.GITHUB_HOST, cause)
            self.assertEqual(self.texts_for(PUBLISH), [message])

    def hurry(self, **constants):
        self.EXAMPLE = with_constants("trusted_publishing.py", self.directory, **constants)


@needs("cargo", "openssl")
@posix_only
class OnGitHubWithCargo(CargoInAJob):
    def test_cargo_publishes_to_crates_io(self):
        shown = self.cargo("publish", "--allow-dirty")
        cksum = hashlib.sha256(self.web.crates["app-0.1.0"]).hexdigest()
        line = "\ntrusted publishing: app 0.1.0, sha256 %s, at crates.io\n" % cksum
        self.assertIn(line, shown)
        self.assertIn("Published app v0.1.0 at registry `crates-io`", shown)
        request = (self.web.GITHUB + "&audience=crates.io", "bearer " + self.web.REQUEST_TOKEN)
        self.assertEqual(self.tokens_sent(), [request, (NEW, self.web.token)])
        requests = without_pythons_agent(self.web.log)
        upload = [url for _, url, _, _ in requests].index(NEW)
        self.assertEqual(requests[upload - 2 : upload], exchange(self.web, "crates.io"))

    def test_cargo_publishes_a_workspace_with_one_exchange(self):
        self.workspace("one", "two", "three")
        self.publish("--workspace")
        self.assertEqual(len(self.exchanges()), 1)
        request = (self.web.GITHUB + "&audience=crates.io", "bearer " + self.web.REQUEST_TOKEN)
        self.assertEqual(self.tokens_sent(), [request, *[(NEW, self.web.token)] * 3])

    def test_cargo_publishes_a_workspace_to_another_registry_with_one_exchange(self):
        self.configure_corp()
        self.workspace("one", "two")
        shown = self.publish("--registry", "alt", "--workspace")
        self.assertEqual(self.published(), {"one-0.1.0", "two-0.1.0"})
        self.assertEqual(shown.count("trusted publishing: "), 1)
        request = (self.web.GITHUB + "&audience=corp.example", "bearer " + self.web.REQUEST_TOKEN)
        new = ("https://corp.example/api/v1/crates/new", self.web.token)
        self.assertEqual(self.tokens_sent(), [request, new, new])

    def test_a_job_without_an_identity_ends_before_cargo_builds(self):
        self.job["ACTIONS_ID_TOKEN_REQUEST_URL"] = ""
        self.assert_ends(self.publish(status=101), "get", NO_IDENTITY)

    def test_a_registry_that_requires_a_token_to_read_gets_none(self):
        self.configure_corp()
        challenge = {"WWW-Authenticate": 'Cargo login_url="https://corp.example/me"'}
        self.web.pages["https://corp.example/index/config.json"] = (401, b"", challenge)
        message = "this registry requires a token to read, which trusted publishing cannot give"
        shown = self.publish("--registry", "alt", status=101)
        self.assert_ends(shown, "get", message)

    def test_other_commands_of_cargo_end_with_a_reason(self):
        message = (
            "a token of trusted publishing can only publish: for `%s`, run Cargo with another"
            " provider and a token of your own"
        )
        for kind, arguments in [
            ("yank", ("yank", "app@0.1.0")),
            ("unyank", ("yank", "--undo", "app@0.1.0")),
            ("owners", ("owner", "--list", "app")),
        ]:
            with self.subTest(kind):
                self.assert_ends(self.cargo(*arguments, status=101), "get", message % kind)

    def test_cargo_takes_the_provider_from_the_environment(self):
        self.write("project/.cargo/config.toml", "")
        self.put_on_path(EXAMPLES)
        self.job["CARGO_REGISTRY_CREDENTIAL_PROVIDER"] = os.path.basename(self.EXAMPLE)
        shown = self.cargo("logout", status=101)
        self.assert_ends(shown, "logout", "requested operation not supported")


# ---- GitLab CI/CD --------------------------------------------------------------------------


class GitLabJob(InAJob):
    def job_environment(self):
        return {"GITLAB_CI": "true", "CRATES_IO_ID_TOKEN": IDENTITY}


@needs("openssl")
@posix_only
class OnGitLab(GitLabJob):
    def test_the_exact_request(self):
        start = time.time()
        answer, errors = self.answer(PUBLISH)
        self.assert_expires(answer, start)
        self.assertEqual(errors, "trusted publishing: foo 0.1.0, sha256 ab12, at crates.io\n")
        body = json.dumps({"jwt": IDENTITY})
        headers = {
            "host": "crates.io",
            "content-type": "application/json",
            "connection": "close",
            "user-agent": "cargo_credential.py",
            "accept-encoding": "identity",
            "content-length": str(len(body)),
        }
        self.assertEqual(self.web.log, [("POST", TOKENS, headers, body.encode())])

    def test_a_read_makes_no_request_and_gets_a_value_that_is_not_a_token(self):
        self.assertEqual(self.text(READ), PLACEHOLDER)
        self.assert_no_request()

    def test_a_variable_that_holds_no_identity_is_reported_without_it(self):
        self.job["CRATES_IO_ID_TOKEN"] = "$CI_JOB_JWT"
        placeholder = trusted_publishing.problem_of("$CI_JOB_JWT")
        text = "CRATES_IO_ID_TOKEN holds no identity: " + placeholder
        self.assertEqual(self.texts_for(READ, PUBLISH), [text] * 2)
        self.assert_no_request()

    def test_a_missing_variable_is_reported_with_the_line_to_add(self):
        for value in (None, ""):
            with self.subTest(value):
                self.job["CRATES_IO_ID_TOKEN"] = value
                text = "%s: %s" % (MISSING, YAML)
                self.assertEqual(self.texts_for(READ, PUBLISH), [text] * 2)
        with open(self.EXAMPLE, encoding="utf-8") as file:
            self.assertIn("      %s\n" % YAML, file.read().split('"""')[1])
        self.assert_no_request()

    def test_the_identity_goes_only_to_crates_io(self):
        message = "on GitLab CI/CD, trusted publishing works for crates.io only"
        for action in (READ, PUBLISH):
            self.assertEqual(self.text(action, FOR_CORP, CORP), message)
        self.assert_no_request()

    def test_the_identity_is_hidden_where_the_registry_quotes_it(self):
        detail = "sent: %s and %s !" % (IDENTITY, TOKEN)
        self.job["CRATES_IO_ID_TOKEN"] = TOKEN
        page = json.dumps({"errors": [{"detail": detail}]}).encode()
        text = "crates.io answered with status 400: sent: [...] and [REDACTED] !"
        self.assertEqual(self.failure({TOKENS: (400, page, {})}), text)


@needs("cargo", "openssl")
@posix_only
class OnGitLabWithCargo(GitLabJob, CargoInAJob):
    def test_cargo_publishes_a_workspace_with_one_exchange(self):
        """Also if the second crate has to wait until the first one is in the index."""
        self.workspace("one", "two")
        manifest = self.read("project/two/Cargo.toml").decode()
        dependency = '[dependencies]\none = { path = "../one", version = "0.1.0" }\n'
        self.write("project/two/Cargo.toml", manifest + dependency)
        shown = self.publish("--workspace")
        self.assertEqual(self.published(), {"one-0.1.0", "two-0.1.0"})
        self.assertEqual(len(self.exchanges()), 1)
        self.assertEqual(self.tokens_sent(), [(NEW, self.web.token)] * 2)
        self.assertEqual(shown.count("trusted publishing: "), 1)

    def test_a_second_run_in_the_same_job_is_refused_with_the_registrys_reason(self):
        self.workspace("one", "two")
        self.publish("-p", "one")
        shown = self.publish("-p", "two", status=101)
        self.assertIn("crates.io answered with status 400", shown)
        self.assertIn(USED, shown)

    def test_a_missing_variable_ends_cargo_before_it_builds(self):
        self.job["CRATES_IO_ID_TOKEN"] = ""
        shown = self.publish(status=101)
        self.assertIn(MISSING, shown)
        self.assertIn(YAML, shown)
        self.assertNotIn("Packaging", shown)
        self.assertEqual(self.exchanges(), [])


if __name__ == "__main__":
    unittest.main()
