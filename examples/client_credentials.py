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
--index: the files of an index decide where Cargo sends the token. --host takes no IPv6 address.

The secret goes only to --token-url (https:// with a certificate that Python trusts, or http:// on
this machine), never to a redirect. A proxy (https_proxy, no_proxy) sees no secret. The client's
name and secret must be printable ASCII, as RFC 6749 says. The server has 60 seconds to answer.

What it does not do:
- Log in or out, act for a user, or revoke a token: the grant has no way to do this.
- Send the secret in the body (it uses HTTP Basic), or use a client certificate.
- Keep tokens between runs of Cargo, or check who can read the secret's file.

Tested with Cargo 1.95 and a simulated token server. In .cargo/config.toml:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/client_credentials.py", "--host", "crates.corp.example",
        "--token-url", "https://login.corp.example/oauth2/token",
        "--client-id", "cargo", "--secret-file", "/run/secrets/cargo-client"]

To try it without Cargo, in a Unix shell:

    echo '{"v":1,"registry":{"index-url":"https://r.example/"},"kind":"get","operation":"read",'\
    '"args":["--host","r.example","--token-url","https://login.corp.example/oauth2/token",'\
    '"--client-id","cargo","--secret-env","SECRET"]}' | SECRET=x ./client_credentials.py
"""

import json
import os
import re
import sys
import time
import zlib
from base64 import b64encode
from http.client import HTTPException, HTTPResponse
from threading import Thread
from urllib.parse import parse_qsl, quote_plus, urlencode
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
DEADLINE = 60.0  # seconds for the whole exchange with the token server
BEARER = ("", "bearer", "bearertoken")  # what servers write as token_type, in any case


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
    for host in options["--host"]:
        if "[" in host or not RegistryInfo(f"https://{host}/").matches(host):
            hint = "for an IPv6 address, use --index URL"
            raise OtherError(f"--host must be HOST or HOST:PORT, not `{host}`: {hint}")
    return options


def request_for(options: "dict[str, str]", scope: str) -> Request:
    """Return the request for a token. `scope` is the option with its scope."""
    url, form = options["--token-url"], {"grant_type": "client_credentials"}
    host = RegistryInfo(url).host  # None for a URL that could lead elsewhere than it seems
    local = url.startswith("http://") and host in ("127.0.0.1", "localhost")
    if host is None or not (url.startswith("https://") or local):
        raise OtherError(f"--token-url must be an https:// URL, not `{url}`")
    if options.get(scope):
        form["scope"] = options[scope]
    secret = client_secret(options)
    for name, value in (("ID", options["--client-id"]), ("secret", secret.expose())):
        if not re.fullmatch("[ -~]*", value):
            raise OtherError(f"HTTP Basic requires a client {name} of printable ASCII characters")
    # RFC 6749, section 2.3.1: both are encoded as in a form before they become HTTP Basic
    client = quote_plus(options["--client-id"])
    pair = secret.map(quote_plus).map(lambda value: f"{client}:{value}")
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
        secret = Secret(read_text(place).rstrip("\r\n"))
    if secret.is_empty():
        raise OtherError(f"`{place}` contains no client secret")
    problem = problem_of(secret.expose()).partition(": ")[0].replace("token", "client secret")
    if problem:
        raise OtherError(f"{problem}: `{place}` must contain only the secret")
    return secret


def read_text(path: str) -> str:
    if "\0" in path:
        raise OtherError("the path of --secret-file contains a NUL character: leave it out")
    with open(path, "rb") as file:
        content = file.read(LIMIT)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:  # `from None`: it holds the secret
        text = "\ufeff"
    if text[:1] == "\ufeff":
        problem = "is not UTF-8, or begins with a byte order mark"
        raise OtherError(f"`{path}` {problem}: save it as UTF-8 without a byte order mark")
    return text


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
    """Follows no redirect: the secret goes to the token server, and to no other."""

    def http_response(self, request: Request, response: HTTPResponse) -> HTTPResponse:
        return response

    https_response = http_response


# A proxy for http:// would see the secret
PROXIES = {name: url for name, url in getproxies().items() if name == "https"}
OPENER = build_opener(AnyStatus, ProxyHandler(PROXIES))


def fetch(request: Request) -> GetResponse:
    host, start = request.host, time.time()  # a proxy replaces the host
    status, encoding, body = exchange(request, DEADLINE)
    answer, problem = decode(encoding, body)
    given = answer.get("access_token")
    token = Secret(given if isinstance(given, str) else "")  # at once: no error text can show it
    problem = reason_of(answer) or problem
    if status // 100 != 2:
        raise OtherError(f"{host} answered with status {status}", [problem] if problem else [])
    problem = problem or problem_in(answer, token)
    if problem:
        raise OtherError(f"{host} did not answer with a Bearer token", problem)
    cache = cache_control(start, answer.get("expires_in"))
    return GetResponse(token.map(lambda value: f"Bearer {value}"), cache)


def exchange(request: Request, seconds: float) -> "tuple[int, str, bytes]":
    """Return status, Content-Encoding and body. Raises OtherError if this takes too long.

    The timeout of a socket begins again with each byte. So a thread waits for the answer.
    """
    message = f"cannot ask {request.host} for a token"
    results: list[tuple[int, str, bytes] | Exception] = []

    def run() -> None:
        try:
            with OPENER.open(request, timeout=2 * DEADLINE) as response:
                encoding = response.headers.get("Content-Encoding", "")
                results.append((response.status, encoding, response.read(LIMIT)))
        except Exception as error:
            results.append(error)

    thread = Thread(target=run, daemon=True)  # it does not keep the provider running
    thread.start()
    thread.join(seconds)
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


def decode(encoding: str, body: bytes) -> "tuple[dict[str, object], str]":
    """Return the fields of an answer, and what is wrong with its form."""
    try:
        if encoding not in ("", "identity"):  # it was not asked for
            body = zlib.decompressobj(47).decompress(body, LIMIT)  # 47: gzip or zlib
        answer: dict[str, object] = json.loads(body)
        if type(answer) is dict:
            return answer, ""
        return {}, "the answer is not a JSON object"
    except zlib.error:
        return {}, "the answer is compressed, although the request did not ask for it"
    except (ValueError, RecursionError):
        if body.lstrip()[:1] == b"<":
            return {}, "the answer is a web page: check the URL of --token-url"
        fields: dict[str, object] = dict(parse_qsl(body.decode("utf-8", "replace")))
        return fields, "the answer is not JSON" if body else "the answer is empty"


def reason_of(answer: "dict[str, object]") -> str:
    """Return the server's reason, as in RFC 6749, section 5.2. No other field is shown."""
    fields = [answer.get(name) for name in ("error", "error_description")]
    return ": ".join(shown(field) for field in fields if isinstance(field, str) and field)


def problem_in(answer: "dict[str, object]", token: Secret) -> str:
    """Return what is wrong with the token of an answer."""
    kind = answer.get("token_type")
    if token.is_empty():
        return "the answer has no text in its field `access_token`"
    if kind is not None and str(kind).lower() not in BEARER:
        return "the answer's `token_type` is not `Bearer`"
    return problem_of(f"Bearer {token.expose()}")


def cache_control(start: float, seconds: object) -> cc.CacheControl:
    if seconds is None or seconds == "":
        return cc.CacheSession()
    try:
        return cc.CacheExpires(start + float(str(seconds)))
    except (ValueError, OverflowError):  # `from None`: the text could be anything
        raise OtherError("the answer's `expires_in` is not a number of seconds") from None


def shown(text: str) -> str:
    """Cut words that are long enough to be a token. The module escapes control characters.

    The text is not cut elsewhere: the module does not replace a part of a secret.
    """
    return re.sub("[!-~]{80,}", "[...]", text)


if __name__ == "__main__":
    cc.main(ClientCredentials())
