#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
r"""Publishes from GitHub Actions or GitLab CI/CD without a stored token: trusted publishing.

Before Cargo uploads, the provider exchanges the job's identity for a token that lives 30 minutes.
Cargo publishes the other crates of a workspace with the same token. The crates must exist, and must
name the repository and the workflow as their trusted publisher:
https://crates.io/docs/trusted-publishing.

In a workflow of GitHub Actions:

    permissions:
      id-token: write
    steps:
      - run: cargo publish --no-verify
        env: {CARGO_REGISTRY_CREDENTIAL_PROVIDER: /path/to/trusted_publishing.py}

In .gitlab-ci.yml, for crates.io and gitlab.com only:

    publish:
      id_tokens: {CRATES_IO_ID_TOKEN: {aud: crates.io}}
      variables: {CARGO_REGISTRY_CREDENTIAL_PROVIDER: /path/to/trusted_publishing.py}
      script: [cargo publish --workspace --no-verify]

For another registry that offers the same to GitHub, with index and tokens at https:// on one host
and port, in .cargo/config.toml (not for a host where others can publish files, as on a forge):

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/trusted_publishing.py",
        "--token-url", "https://crates.corp.example/api/v1/trusted_publishing/tokens"]

What it does not do:
- Yank, change owners, or read from a registry that requires a token to read: these tokens only
  publish.
- Revoke the token. Cargo publishes after this process has ended, and no provider learns when Cargo
  is done. Cargo keeps the token in memory only, but it can publish all crates that trust the
  workflow.
- Protect the job's identity from other code in the same job, such as build scripts of the crate.
  So verify (`cargo publish --dry-run`) in another job, without an identity.
- Get a second token in a job of GitLab: the job has one identity, and crates.io accepts it once. So
  run `cargo publish` once in a job, for a whole workspace, which has 29 minutes.

It connects directly, or through the proxy in https_proxy, unless no_proxy names the host. A proxy
sees no token. Tested with Cargo 1.95 and stand-ins for crates.io, GitHub and GitLab, not with the
services themselves. To try it without Cargo, and see what is missing:

    echo '{"v":1,"registry":{"index-url":"https://github.com/rust-lang/crates.io-index"},'\
    '"kind":"get","operation":"read"}' | ./trusted_publishing.py
"""

import json
import os
import re
import sys
import time
import urllib.request
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

from cargo_credential import (
    CRATES_IO_INDEX,
    Action,
    CacheExpires,
    CacheNever,
    Credential,
    CredentialResponse,
    GetResponse,
    Operation,
    OtherError,
    PublishOperation,
    ReadOperation,
    RegistryInfo,
    Secret,
    UrlNotSupported,
    main,
)

CRATES_IO_TOKENS = "https://crates.io/api/v1/trusted_publishing/tokens"
LIFE = 30 * 60  # seconds in which a token of crates.io expires
LIMIT = 64 * 1024  # bytes of an answer; a token has about two thousand
MALFORMED = (ValueError, LookupError, TypeError, RecursionError)  # no JSON, or without the field


class TrustedPublishing(Credential):
    def perform(
        self, registry: RegistryInfo, action: Action, args: "list[str]"
    ) -> CredentialResponse:
        token_url(registry, args)
        return super().perform(registry, action, args)

    def get(
        self, registry: RegistryInfo, operation: Operation, args: "list[str]"
    ) -> CredentialResponse:
        url = token_url(registry, args)
        if isinstance(operation, ReadOperation):
            return GetResponse(placeholder(registry, url), CacheNever(), False)
        if not isinstance(operation, PublishOperation):
            raise OtherError(
                f"a token of trusted publishing can only publish: for `{operation.kind}`, run Cargo"
                " with another provider and a token of your own"
            )
        start = time.time()
        # Cargo keeps it for the next crates of a workspace: GitLab gives a job one identity, and
        # crates.io accepts each identity once
        return GetResponse(publish(operation, url), CacheExpires(start + LIFE))


def placeholder(registry: RegistryInfo, url: str) -> Secret:
    """Return a word that is not a token, for a registry that requires none to read."""
    # There are headers if the registry answered 401 to a request without a token.
    if registry.headers:
        raise OtherError(
            "this registry requires a token to read, which trusted publishing cannot give"
        )
    # Otherwise `cargo publish` asks, before it builds, and would end after not-found. It sends
    # this token nowhere. A job that could not get a real one later ends here.
    if gitlab_identity(url) is None:
        github_url()
    return Secret("no-token-is-needed-to-read")


def publish(operation: PublishOperation, url: str) -> Secret:
    """Return a token in exchange for the job's identity."""
    host = RegistryInfo(url).host or ""
    crate = f"{operation.name} {operation.vers}, sha256 {operation.cksum}"
    print(shown(f"trusted publishing: {crate}, at {host}"), file=sys.stderr, flush=True)
    # The audience is the host that gets the identity: no other host accepts it.
    identity = gitlab_identity(url) or github_identity(host)
    body = json.dumps({"jwt": identity.expose()}).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "cargo_credential.py"}
    return fetch(Request(url, body, headers, method="POST"), "token")


def token_url(registry: RegistryInfo, args: "list[str]") -> str:
    """Return where this registry gives tokens. Raises UrlNotSupported for any other registry."""
    if not args:
        if not registry.matches(CRATES_IO_INDEX):
            raise UrlNotSupported  # Cargo asks its next provider
        return CRATES_IO_TOKENS
    if len(args) != 2 or args[0] != "--token-url":
        raise OtherError(f"unknown arguments {args}: there is only --token-url URL")
    host = https_host(args[1])
    if not host:
        raise OtherError(f"--token-url must be an https:// URL with a plain host, not {args[1]!r}")
    # Cargo sends the token to the registry, so that must be the one that gave it.
    if not registry.matches(host):
        raise UrlNotSupported
    return args[1]


def https_host(url: str) -> str:
    """Return the host, and the port if one is named, of an https:// URL.

    Empty for any other URL, for one with a user, and for one that can be read as another host.
    """
    host = url.partition("://")[2].partition("/")[0]
    return host if url.startswith("https://") and RegistryInfo(url).matches(host) else ""


def gitlab_identity(url: str) -> "Secret | None":
    """Return the identity that GitLab put into the job's environment; None outside of GitLab."""
    # Its audience is crates.io, where another registry could use it
    if url == CRATES_IO_TOKENS and os.environ.get("CRATES_IO_ID_TOKEN"):
        return Secret(os.environ["CRATES_IO_ID_TOKEN"])
    if os.environ.get("GITLAB_CI") != "true":
        return None
    if url != CRATES_IO_TOKENS:
        raise OtherError("on GitLab CI/CD, trusted publishing works for crates.io only")
    raise OtherError(
        "the job has no CRATES_IO_ID_TOKEN: add this line to the job in .gitlab-ci.yml",
        "id_tokens: {CRATES_IO_ID_TOKEN: {aud: crates.io}}",
    )


def github_url() -> str:
    """Return where GitHub gives the job's identity."""
    url = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL", "")
    if not url or not os.environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        if os.environ.get("GITHUB_ACTIONS") == "true":
            raise OtherError("the job has no identity: give it `permissions: id-token: write`")
        raise OtherError(
            "trusted publishing works in GitHub Actions and GitLab CI/CD only: configure another"
            " provider"
        )
    # An earlier step of the job can set this variable, but must not get the request's token by it.
    # crates.io does not trust a GitHub Enterprise Server, which has another host.
    if not https_host(url).endswith(".actions.githubusercontent.com"):
        raise OtherError("ACTIONS_ID_TOKEN_REQUEST_URL does not lead to GitHub")
    return url


def github_identity(audience: str) -> Secret:
    """Return the identity of GitHub's job: a signed statement that lives for minutes."""
    url = f"{github_url()}&audience={quote(audience, safe='')}"  # GitHub's URL has a query
    secret = Secret(os.environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
    return fetch(Request(url, headers={"Authorization": f"bearer {secret.expose()}"}), "value")


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Makes a redirect an error, because the other host must not get the token."""

    def redirect_request(self, *args: object, **more: object) -> None:
        return None


OPENER = urllib.request.build_opener(NoRedirects)


def fetch(request: Request, field: str) -> Secret:
    """Return the token in this field of the answer."""
    host = request.host  # before a proxy replaces it
    try:
        with OPENER.open(request, timeout=30) as response:  # seconds to connect and between bytes
            token = Secret(json.loads(response.read(LIMIT).decode())[field])
    except HTTPError as error:
        with error:
            raise OtherError(f"{host} answered with status {error.code}", details(error)) from None
    except (OSError, HTTPException) as error:
        raise OtherError(f"cannot ask {host} for a token", shown(error)) from None
    except MALFORMED:
        token = Secret("")
    if token.is_empty():
        raise OtherError(f"{host} did not answer with a token")
    return token


def details(error: HTTPError) -> "list[str]":
    """Return the registry's messages, for example that it does not trust the repository."""
    try:
        errors = json.loads(error.read(LIMIT).decode())["errors"]
        return [shown(detail["detail"]) for detail in errors[:5]]
    except (OSError, HTTPException, *MALFORMED):
        return []


def shown(text: object) -> str:
    """Escape control characters, and cut words that are long enough to be an identity."""
    return re.sub(r"\S{80,}", "[...]", ascii(str(text))[1:-1])[:1000]


if __name__ == "__main__":
    main(TrustedPublishing())
