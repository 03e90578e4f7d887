#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
r"""Shows where output goes: standard error to Cargo's standard error, print() to the terminal.

It has no token. To make Cargo run it, add to .cargo/config.toml:

    [registry]
    credential-provider = ["/path/to/stdout_redirected.py"]

and run `cargo logout`. To try it without Cargo, in a Unix shell:

    echo '{"v":1,"registry":{"index-url":"https://r.example/"},"kind":"logout"}' \
      | ./stdout_redirected.py
"""

import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

from cargo_credential import (
    Action,
    Credential,
    CredentialResponse,
    OperationNotSupported,
    RegistryInfo,
    main,
)

sys.path.pop()  # no other module may come from there


class StdoutRedirected(Credential):
    def perform(
        self, registry: RegistryInfo, action: Action, args: "list[str]"
    ) -> CredentialResponse:
        # Standard error is Cargo's: write messages there.
        sys.stderr.write("message on stderr should be sent to the parent process\n")

        # Standard output is the terminal, or the null device without one. So this line never gets
        # into Cargo's pipe, where it would break the protocol.
        print("message from test credential provider")

        # Cargo ends its command and shows "requested operation not supported".
        raise OperationNotSupported


if __name__ == "__main__":
    main(StdoutRedirected())
