#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
r"""Publishes from GitHub Actions or GitLab CI/CD without a stored token: trusted publishing.

Before Cargo uploads, the provider exchanges the job's identity for a token that lives 30 minutes.
Cargo publishes the other crates of a workspace with the same token. The crates must exist, with
your repository and workflow as trusted publisher (https://crates.io/docs/trusted-publishing).

In a workflow of GitHub Actions:

    permissions: {id-token: write}
    steps:
      - run: cargo publish --no-verify
        env: {CARGO_REGISTRY_CREDENTIAL_PROVIDER: /path/to/trusted_publishing.py}

In .gitlab-ci.yml, for crates.io and gitlab.com only:

    publish:
      id_tokens: {CRATES_IO_ID_TOKEN: {aud: crates.io}}
      variables: {CARGO_REGISTRY_CREDENTIAL_PROVIDER: /path/to/trusted_publishing.py}
      script: [cargo publish --workspace --no-verify]

Another registry can offer this to GitHub Actions. Its index and its token URL must be at https://
on one host and port, where other people cannot put files. In .cargo/config.toml:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/trusted_publishing.py",
        "--token-url", "https://crates.corp.example/api/v1/trusted_publishing/tokens"]

What it does not do:
- Yank, change owners, or read from a registry that requires a token: these tokens only publish.
- Revoke the token: a provider does not learn when Cargo is done. Cargo keeps the token only in
  memory, but the token can publish all crates that trust the workflow.
- Protect the job's identity from other code in the job, such as build scripts of the crate. So
  verify (`cargo publish --dry-run`) in another job, without an identity.
- Get a second token in a job of GitLab: the job has one identity, and crates.io accepts it once. So
  run `cargo publish` once in a job, for the whole workspace. It must end within 29 minutes.
- Work on GitHub Enterprise Server, or on a GitLab other than gitlab.com.

After a status 5xx the provider asks again, for 60 seconds at most. A proxy (https_proxy, no_proxy)
sees no token. Tested with Cargo 1.95 and simulated services, not with crates.io, GitHub or GitLab.
To try it without Cargo, in a Unix shell:

    echo '{"v":1,"registry":{"index-url":"https://github.com/rust-lang/crates.io-index"},'\
    '"kind":"get","operation":"read"}' | ./trusted_publishing.py
"""

import json
import os
import re
import sys
import time
from copy import copy
from http.client import HTTPException, HTTPResponse
from threading import Thread
from urllib.parse import quote
from urllib.request import HTTPErrorProcessor, Request, build_opener

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import cargo_credential as cc
from cargo_credential import GetResponse, Operation, OtherError, RegistryInfo, Secret

sys.path.pop()  # no other module may come from there

CRATES_IO_TOKENS = "https://crates.io/api/v1/trusted_publishing/tokens"
DEADLINE = 60.0  # seconds for both requests, with all repetitions
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)  # seconds before a request is repeated
MALFORMED = (ValueError, LookupError, TypeError, RecursionError)  # no JSON, or without the field


class TrustedPublishing(cc.Credential):
    def perform(
        self, registry: RegistryInfo, action: cc.Action, args: "list[str]"
    ) -> cc.CredentialResponse:
        token_url(registry, args)  # raises UrlNotSupported, also for an unknown action
        return super().perform(registry, action, args)

    def get(self, registry: RegistryInfo, operation: Operation, args: "list[str]") -> GetResponse:
        url = token_url(registry, args)
        if isinstance(operation, cc.PublishOperation):
            return publish(operation, url)
        if not isinstance(operation, cc.ReadOperation):
            problem = f"a token of trusted publishing can only publish: for `{operation.kind}`"
            hint = "run Cargo with another provider and a token of your own"
            raise OtherError(f"{problem}, {hint}")
        # There are headers if the registry answered 401 to a request without a token.
        if registry.headers:
            problem = "requires a token to read, which trusted publishing cannot give"
            raise OtherError(f"this registry {problem}")
        # Otherwise `cargo publish` asks, before it builds, and would end after not-found. It sends
        # this token nowhere. A job that could not get a real one later ends here.
        identity_for(url)
        return GetResponse(Secret("no-token-is-needed-to-read"), cc.CacheNever(), False)


def token_url(registry: RegistryInfo, args: "list[str]") -> str:
    """Return where this registry gives tokens. Raises UrlNotSupported for any other registry."""
    url, index = CRATES_IO_TOKENS, cc.CRATES_IO_INDEX
    if args:
        if len(args) != 2 or args[0] != "--token-url":
            raise OtherError(f"unknown arguments {args}: there is only --token-url URL")
        url, index = args[1], https_host(args[1])
        if not index:
            raise OtherError(f"--token-url must be an https:// URL with a plain host, not {url!r}")
    # Cargo sends the token to the registry, so that must be the one that gave it.
    if not registry.matches(index):
        raise cc.UrlNotSupported  # Cargo asks its next provider
    return url


def publish(operation: cc.PublishOperation, url: str) -> GetResponse:
    """Return a token in exchange for the job's identity."""
    start, host = time.time(), RegistryInfo(url).host
    deadline = time.monotonic() + DEADLINE
    crate = f"{operation.name} {operation.vers}, sha256 {operation.cksum}"
    print(f"trusted publishing: {ascii(crate)[1:-1]}, at {host}", file=sys.stderr, flush=True)
    identity = identity_for(url)
    if isinstance(identity, Request):
        identity = fetch(identity, "value", deadline)
    body = json.dumps({"jwt": identity.expose()}).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "cargo_credential.py"}
    token = fetch(Request(url, body, headers), "token", deadline)
    # Cargo keeps it for the next crates of a workspace: GitLab gives a job one identity, and
    # crates.io accepts each identity once
    return GetResponse(token, cc.CacheExpires(start + 30 * 60))


def https_host(url: str) -> str:
    """Return HOST or HOST:PORT of an https:// URL, or "" for one that could mean another host."""
    host = url.partition("://")[2].partition("/")[0]
    index = RegistryInfo(url.partition("?")[0])  # a host entry does not match a query
    return host if url.startswith("https://") and index.matches(host) else ""


def identity_for(url: str) -> "Secret | Request":
    """Return the job's identity, or on GitHub the request for it."""
    given, crates_io = os.environ.get("CRATES_IO_ID_TOKEN"), url == CRATES_IO_TOKENS
    if given and crates_io:  # another registry could use it at crates.io, its audience
        identity, problem = Secret(given), problem_of(given)
        if problem:
            raise OtherError(f"CRATES_IO_ID_TOKEN holds no identity: {problem}")
        return identity
    if os.environ.get("GITLAB_CI") != "true":
        return github_request(RegistryInfo(url).host or "")
    if not crates_io:
        raise OtherError("on GitLab CI/CD, trusted publishing works for crates.io only")
    missing = "the job has no CRATES_IO_ID_TOKEN: add this line to the job in .gitlab-ci.yml"
    raise OtherError(missing, "id_tokens: {CRATES_IO_ID_TOKEN: {aud: crates.io}}")


def github_request(audience: str) -> Request:
    """Return the request for the identity of GitHub's job, which only this audience accepts."""
    url = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL", "")
    secret = Secret(os.environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", ""))
    if not url or secret.is_empty():
        if os.environ.get("GITHUB_ACTIONS") == "true":
            raise OtherError("the job has no identity: give it `permissions: id-token: write`")
        places = "GitHub Actions and GitLab CI/CD"
        raise OtherError(f"trusted publishing works in {places} only: configure another provider")
    # An earlier step of the job can set this variable, but must not get the request's token by it.
    # A GitHub Enterprise Server has another host, which nothing here could tell from an attacker's.
    if not https_host(url).endswith(".actions.githubusercontent.com"):
        limit = "trusted publishing does not work on GitHub Enterprise Server"
        raise OtherError("ACTIONS_ID_TOKEN_REQUEST_URL does not lead to GitHub", limit)
    url += f"&audience={quote(audience, safe='')}"  # GitHub's URL has a query
    return Request(url, headers={"Authorization": f"bearer {secret.expose()}"})


# ---- What cannot be a token ----

NOT_TOKENS = (  # a pattern of the whole value, also after a scheme, and the problem with the fix
    (
        r"\$\(.*\)|\$\{.*\}|\{\{.*\}\}|%[A-Za-z_]\w*%|\$(?i:env):\w+|\$[A-Z_]{2,}",
        "the token is a placeholder that nothing replaced: set the variable, or correct its name",
    ),
    (
        r"\*+|<[^<>]*>|(?i:null|undefined)|None|\[object Object\]",
        "the token is what programs write for a missing or hidden value: look where it comes from",
    ),
    (r'\{\s*["}].*|\[[]\s"{[\d].*', "the token is JSON: name the field that holds the token"),
    (r"\".*\"|'.*'", "the token is in quotes: leave them out"),
    (
        r"([A-Za-z][\w-]*: |(?i:authorization):).*",
        "the token begins with a name and a colon, as a header does: leave both out",
    ),
    (r"(?i:([a-z][\w-]*) +\1 ).*", "the token has its scheme twice: leave one out"),
    (
        r"(?i:basic) +(?![A-Za-z0-9+/]+={0,2}\Z).*",
        "after `Basic` comes one word, the base64 form of LOGIN:TOKEN: encode it",
    ),
)


def problem_of(value: str) -> str:
    """Return why a value cannot be a token, and the fix, without the value. Empty: it can be."""
    for pattern, problem in NOT_TOKENS:
        if re.fullmatch(r"(?s)(?:[A-Za-z][\w-]* +)?(?:%s)" % pattern, value.strip()):
            return problem
    return ""


# ---- End ----


class AnyStatus(HTTPErrorProcessor):
    """Follows no redirect: the other host must not get the token."""

    def https_response(self, request: Request, response: HTTPResponse) -> HTTPResponse:
        return response


def fetch(request: Request, field: str, deadline: float) -> Secret:
    """Return the token in this field of the answer. Asks again after a 5xx, until the deadline."""
    host, status, body = request.host, 0, b""
    for pause in (*PAUSES, None):
        status, body = exchange(copy(request), deadline)  # a proxy changes the request
        if status < 500 or pause is None or time.monotonic() + pause > deadline:
            break
        text = f"trusted publishing: {host} answered with status {status}, asking again"
        print(text, file=sys.stderr, flush=True)
        time.sleep(pause)
    if status // 100 != 2:
        raise OtherError(f"{host} answered with status {status}", details(body))
    try:
        token = Secret(json.loads(body)[field])
    except MALFORMED:
        token = Secret("")
    if token.is_empty() or problem_of(token.expose()):
        raise OtherError(f"{host} did not answer with a token")
    return token


def exchange(request: Request, deadline: float) -> "tuple[int, bytes]":
    """Return status and body of the answer. Raises OtherError at the deadline.

    The timeout of a socket begins again with each byte. So a thread waits for the answer.
    """
    message = f"cannot ask {request.host} for a token"
    results: list[tuple[int, bytes] | Exception] = []

    def run() -> None:
        try:
            with build_opener(AnyStatus).open(request, timeout=2 * DEADLINE) as response:
                results.append((response.status, response.read(64 * 1024)))
        except Exception as error:
            results.append(error)

    thread = Thread(target=run, daemon=True)  # it does not keep the provider running
    thread.start()
    thread.join(deadline - time.monotonic())
    if not results:
        raise OtherError(message, f"it took more than {DEADLINE:g} seconds")
    result = results[0]
    if isinstance(result, Exception):
        raise OtherError(message, text_of(result))
    return result


def text_of(error: Exception) -> str:
    """Return the text of an error, without what a server or a proxy wrote in its status line."""
    if isinstance(error, HTTPException) and not isinstance(error, OSError):
        return f"the answer is not HTTP ({type(error).__name__})"
    return re.sub(r"(?s)(Tunnel connection failed: \d+).*", r"\1", shown(str(error)))


def details(body: bytes) -> "list[str]":
    """Return the registry's messages, for example that it does not trust the repository."""
    try:
        texts = [error["detail"] for error in json.loads(body)["errors"][:5]]
    except MALFORMED:
        return []
    return [shown(text) for text in texts if isinstance(text, str)]


def shown(text: str) -> str:
    """Cut words that are long enough to be an identity. The module escapes control characters.

    The text is not cut elsewhere: the module does not replace a part of a secret.
    """
    return re.sub("[!-~]{80,}", "[...]", text)


if __name__ == "__main__":
    cc.main(TrustedPublishing())
