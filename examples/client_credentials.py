#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
r"""Gets short-lived tokens from an OAuth 2.0 token server with the client's own secret.

This is the client credentials grant (RFC 6749, section 4.4), which Microsoft Entra ID, Keycloak,
Okta and most identity providers offer. Cargo gets `Bearer TOKEN`, and asks again when it expires.

    client_credentials.py OPTION...

    --index URL            serve this index (repeatable)
    --host HOST            serve all indexes at https:// on this host (repeatable)
    --token-url URL        where the server gives tokens
    --client-id ID         the client's name there
    --secret-file PATH     a file with the client's secret, or
    --secret-env NAME      an environment variable with it
    --scope SCOPE          ask for this scope
    --publish-scope SCOPE  ask for this scope instead, for all operations except reads

Name at least one --index or --host. If other people can put files on the host, as on GitHub, use
--index: the files of an index decide where Cargo sends the token.

The secret goes only to --token-url (https:// with a certificate that Python trusts, or http:// on
this machine), never to a redirect. A proxy (https_proxy, no_proxy) sees no secret.

What it does not do:
- Log in or out, act for a user, or revoke a token: the grant has none of that.
- Send the secret in the body (it uses HTTP Basic), or use a client certificate.
- Keep tokens between runs of Cargo, or check who can read the secret's file.

Tested with Cargo 1.95 and a simulated token server. In .cargo/config.toml:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/client_credentials.py", "--host", "crates.corp.example",
        "--token-url", "https://login.corp.example/oauth2/token",
        "--client-id", "cargo", "--secret-file", "/run/secrets/cargo-client"]

To try it without Cargo:

    echo '{"v":1,"registry":{"index-url":"https://r.example/"},"kind":"get","operation":"read",'\
    '"args":["--host","r.example","--token-url","https://login.corp.example/oauth2/token",'\
    '"--client-id","cargo","--secret-env","SECRET"]}' | SECRET=x ./client_credentials.py
"""

import json
import os
import re
import sys
import time
from base64 import b64encode
from http.client import HTTPException, HTTPResponse
from urllib.parse import quote_plus, urlencode
from urllib.request import HTTPErrorProcessor, ProxyHandler, Request, build_opener, getproxies

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import cargo_credential as cc
from cargo_credential import GetResponse, Operation, OtherError, RegistryInfo, Secret

sys.path.pop()  # no other module may come from there

OPTIONS = (
    "--index", "--host", "--token-url", "--client-id", "--secret-file", "--secret-env", "--scope",
    "--publish-scope",
)  # fmt: skip
LIMIT = 64 * 1024  # bytes of an answer: a token needs a few thousand
TIMEOUT = 30  # seconds to connect, and for each part of the answer
MALFORMED = (ValueError, LookupError, TypeError, RecursionError)  # not JSON, or without the field


class ClientCredentials(cc.Credential):
    def perform(
        self, registry: RegistryInfo, action: cc.Action, args: "list[str]"
    ) -> cc.CredentialResponse:
        options = parse(args)
        if not registry.matches(*options["--index"], *options["--host"]):
            raise cc.UrlNotSupported  # Cargo asks its next provider
        return super().perform(registry, action, args)

    def get(self, registry: RegistryInfo, operation: Operation, args: "list[str]") -> GetResponse:
        options = {name: values[-1] for name, values in parse(args).items() if values}
        same = "--publish-scope" not in options
        reads = same or isinstance(operation, cc.ReadOperation)
        response = fetch(request_for(options, "--scope" if reads else "--publish-scope"))
        response.operation_independent = same
        if not reads:
            # Cargo would also read with a token that it keeps: this one can be for publishing alone
            response.cache = cc.CacheNever()
        return response


def parse(args: "list[str]") -> "dict[str, list[str]]":
    """Return the values of each option."""
    options: dict[str, list[str]] = {option: [] for option in OPTIONS}
    words = iter(args)
    for option in words:
        if option not in OPTIONS:
            raise OtherError(f"unknown option {option!r}: the options are {', '.join(OPTIONS)}")
        value = next(words, option)
        if value in OPTIONS:
            raise OtherError(f"{option} requires a value after it")
        options[option].append(value)
    if not options["--index"] + options["--host"]:
        raise OtherError("add `--index URL` or `--host HOST` to name the registry of the token")
    if not (options["--token-url"] and options["--client-id"]):
        raise OtherError("add `--token-url URL` and `--client-id ID` of the token server")
    if len(options["--secret-file"] + options["--secret-env"]) != 1:
        raise OtherError("add either `--secret-file PATH` or `--secret-env NAME`")
    return options


def request_for(options: "dict[str, str]", scope: str) -> Request:
    """Return the request for a token. `scope` is the option with its scope."""
    url, form = options["--token-url"], {"grant_type": "client_credentials"}
    host = RegistryInfo(url).host  # None for a URL that could lead elsewhere than it seems
    local = url.startswith("http://") and host in ("127.0.0.1", "::1", "localhost")
    if host is None or not (url.startswith("https://") or local):
        raise OtherError(f"--token-url must be an https:// URL, not `{url}`")
    if options.get(scope):
        form["scope"] = options[scope]
    # RFC 6749, section 2.3.1: both are encoded as in a form before they become HTTP Basic
    secret = client_secret(options).map(quote_plus)
    pair = secret.map(lambda value: f"{quote_plus(options['--client-id'])}:{value}")
    basic = pair.map(lambda value: "Basic " + b64encode(value.encode("ascii")).decode("ascii"))
    headers = {"Authorization": basic.expose(), "Accept": "application/json"}
    return Request(url, urlencode(form).encode("ascii"), headers)


def client_secret(options: "dict[str, str]") -> Secret:
    """Return the secret, as a Secret at once: no error text can show it."""
    place = options.get("--secret-env", options.get("--secret-file", ""))
    if "--secret-env" in options:
        secret = Secret(os.environ.get(place, ""))
    elif not os.path.isabs(place):  # in the current directory, a checkout can have a file
        raise OtherError(f"`{place}` is a relative path: name the absolute path of the file")
    else:
        with open(place, encoding="utf-8") as file:
            secret = Secret(file.read().rstrip("\r\n"))
    if secret.is_empty():
        raise OtherError(f"`{place}` contains no client secret")
    return secret


class AnyStatus(HTTPErrorProcessor):
    """Follows no redirect: the secret goes to the token server, and to no other."""

    def http_response(self, request: Request, response: HTTPResponse) -> HTTPResponse:
        return response

    https_response = http_response


# A proxy for http:// would see the secret
PROXIES = {name: url for name, url in getproxies().items() if name == "https"}
OPENER = build_opener(AnyStatus, ProxyHandler(PROXIES))


def fetch(request: Request) -> GetResponse:
    host, start = request.host, time.time()  # a proxy replaces the host
    try:
        with OPENER.open(request, timeout=TIMEOUT) as response:
            status, body = response.status, response.read(LIMIT)
    except (OSError, HTTPException, ValueError) as error:
        raise OtherError(f"cannot ask {host} for a token", shown(error)) from None
    if status // 100 != 2:
        raise OtherError(f"{host} answered with status {status}", details(body))
    try:
        answer = json.loads(body)
        token = Secret(answer["access_token"])
        if token.is_empty() or str(answer.get("token_type", "bearer")).lower() != "bearer":
            raise ValueError
        seconds = answer.get("expires_in")
        cache = cc.CacheSession() if seconds is None else cc.CacheExpires(start + float(seconds))
    except MALFORMED:  # `from None`: the answer can hold a token
        raise OtherError(f"{host} did not answer with a Bearer token") from None
    return GetResponse(token.map(lambda value: f"Bearer {value}"), cache)


def details(body: bytes) -> "list[str]":
    """Return the server's reason, as in RFC 6749, section 5.2."""
    try:
        answer = json.loads(body)
        texts = [shown(answer[name]) for name in ("error", "error_description") if name in answer]
        return [": ".join(texts)] if texts else []
    except MALFORMED:
        return []


def shown(text: object) -> str:
    """Escape control characters, and cut words that are long enough to be a token."""
    whole = re.sub(r"\S{80,}", "[...]", ascii(str(text))[1:-1])
    # Not cut: the module does not replace a part of a secret
    return whole if len(whole) < 1000 else f"a text of {len(whole)} characters"


if __name__ == "__main__":
    cc.main(ClientCredentials())
