#!/usr/bin/env python3
r"""Publishes from GitHub Actions without a stored token: crates.io trusted publishing.

When Cargo is about to upload, the job's identity is exchanged for a token that lives 30 minutes. The
crate must exist, and name the repository and workflow as its trusted publisher:
https://crates.io/docs/trusted-publishing. In the workflow:

    permissions:
      id-token: write
    steps:
      - run: cargo publish --no-verify
        env: {CARGO_REGISTRY_CREDENTIAL_PROVIDER: /path/to/trusted_publishing.py}

For another registry that offers the same, with index and tokens on one host, in .cargo/config.toml:

    [registries.corp]
    index = "sparse+https://crates.corp.example/index/"
    credential-provider = ["/path/to/trusted_publishing.py",
        "--token-url", "https://crates.corp.example/api/v1/trusted_publishing/tokens"]

What it does not do:
- Yank, change owners, or read from a registry that wants a token to read: such tokens only publish.
- Revoke the token. Cargo publishes when this process has ended, and tells no provider that it is done.
  The token is in Cargo's memory alone, but good for all crates that trust the workflow.
- Keep the job's identity from code that runs in the same job, such as the build scripts of what is
  published. So verify (`cargo publish --dry-run`) in another job, which has no `id-token: write`.

It connects directly, or through the proxy of the environment's https_proxy and no_proxy, which sees no
token. To try it without Cargo, and be told what is missing:

    echo '{"v":1,"registry":{"index-url":"https://github.com/rust-lang/crates.io-index"},'\
    '"kind":"get","operation":"read"}' | ./trusted_publishing.py
"""

import json
import os
import re
import sys
import urllib.request
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

from cargo_credential import (
    Action,
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

CRATES_IO = "https://github.com/rust-lang/crates.io-index"  # whatever the protocol of its index
CRATES_IO_TOKENS = "https://crates.io/api/v1/trusted_publishing/tokens"
LIMIT = 64 * 1024  # bytes of an answer, of which a token needs about two thousand
MALFORMED = (ValueError, LookupError, TypeError, RecursionError)  # no JSON, or not with that field


class TrustedPublishing(Credential):
    def perform(
        self, registry: RegistryInfo, action: Action, args: "list[str]"
    ) -> CredentialResponse:
        self.url = token_url(registry, args)
        return super().perform(registry, action, args)

    def get(
        self, registry: RegistryInfo, operation: Operation, args: "list[str]"
    ) -> CredentialResponse:
        if isinstance(operation, ReadOperation):
            answer = self.read(registry)
        elif isinstance(operation, PublishOperation):
            answer = self.publish(operation)
        else:
            raise OtherError(
                f"a token of trusted publishing can only publish: for `{operation.kind}`, run Cargo with"
                " another provider and a token of your own"
            )
        # Cargo keeps neither, and asks again for the next crate of a workspace. A token that it kept, it
        # would also use to read, even one that is for this operation only.
        return GetResponse(answer, CacheNever(), operation_independent=False)

    def read(self, registry: RegistryInfo) -> Secret:
        # There are headers if the registry has answered 401 to a request without a token.
        if registry.headers:
            raise OtherError(
                "this registry wants a token to read, which trusted publishing cannot give"
            )
        # Else it is `cargo publish`, which makes sure that there is a token before it builds, and would
        # end after not-found. It sends this one nowhere, so it is none. A job that cannot get a real
        # one later ends here.
        id_token_url()
        return Secret("no-token-is-needed-to-read")

    def publish(self, operation: PublishOperation) -> Secret:
        host = RegistryInfo(self.url).host or ""
        line = f"trusted publishing: {operation.name} {operation.vers}, sha256 {operation.cksum}, at {host}"
        print(shown(line), file=sys.stderr, flush=True)
        # The audience is the host that gets the identity, which can use it nowhere else.
        identity = id_token(host)
        body = json.dumps({"jwt": identity.expose()}).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "cargo_credential.py"}
        return fetch(Request(self.url, body, headers, method="POST"), "token")


def token_url(registry: RegistryInfo, args: "list[str]") -> str:
    """Where this registry gives tokens. Raises UrlNotSupported: then Cargo asks its next provider."""
    if not args:
        if registry.index_url != CRATES_IO:
            raise UrlNotSupported
        return CRATES_IO_TOKENS
    if len(args) != 2 or args[0] != "--token-url":
        raise OtherError(f"unknown arguments {args}: there is only --token-url URL")
    url, host = args[1], RegistryInfo(args[1]).host
    local = host in ("127.0.0.1", "::1") and url.startswith("http://")
    if host is None or not (url.startswith("https://") or local):
        raise OtherError(f"--token-url must be an https:// URL, not `{url}`")
    # Cargo sends the token to the registry: it must be the one that gave it, and not in clear text.
    if registry.host != host or not (registry.index_url.startswith("sparse+https://") or local):
        raise UrlNotSupported
    return url


def id_token_url() -> str:
    """Where GitHub gives the job's identity."""
    url = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL", "")
    if not url or not os.environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        if os.environ.get("GITHUB_ACTIONS") == "true":
            raise OtherError("the job has no identity: give it `permissions: id-token: write`")
        raise OtherError(
            "trusted publishing works in GitHub Actions only: configure another provider"
        )
    # Who controls the environment has the request's token already. But where somebody can only slip a
    # variable in, it must not lead that token elsewhere: not to a service on this machine, either.
    # (A GitHub Enterprise Server has another host. crates.io does not trust it.)
    host = RegistryInfo(url).host or ""
    if not (url.startswith("https://") and host.endswith(".actions.githubusercontent.com")):
        raise OtherError("ACTIONS_ID_TOKEN_REQUEST_URL does not lead to GitHub")
    return url


def id_token(audience: str) -> Secret:
    """The job's identity: a signed statement that lives for minutes."""
    url = f"{id_token_url()}&audience={quote(audience, safe='')}"  # it has a query already
    secret = Secret(os.environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
    return fetch(Request(url, headers={"Authorization": f"bearer {secret.expose()}"}), "value")


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Makes a redirect an error: a token goes to the host that it is for, and to no other."""

    def redirect_request(self, *args: object, **more: object) -> None:
        return None


# A proxy for http:// would see tokens
PROXIES = {name: url for name, url in urllib.request.getproxies().items() if name == "https"}
OPENER = urllib.request.build_opener(NoRedirects, ProxyHandler(PROXIES))


def fetch(request: Request, field: str) -> Secret:
    """The token in this field of the answer."""
    host = request.host  # which a proxy takes the place of
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
    """What is amiss in a registry's words, such as a repository that is no trusted publisher."""
    try:
        faults = json.loads(error.read(LIMIT).decode())["errors"]
        return [shown(fault["detail"]) for fault in faults[:5]]
    except (OSError, HTTPException, *MALFORMED):
        return []


def shown(text: object) -> str:
    """A text that cannot steer the terminal, and of which no word is as long as an identity."""
    return re.sub(r"\S{80,}", "[...]", ascii(str(text))[1:-1])[:1000]


if __name__ == "__main__":
    main(TrustedPublishing())
