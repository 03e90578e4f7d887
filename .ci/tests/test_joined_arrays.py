#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of what providers say where Cargo joins the arrays of two configuration files.

python3 .ci/tests/test_joined_arrays.py [-v] [CLASS[.test] ...]

Cargo up to 1.85 joins them always, later versions at random: rust-lang/cargo#14906 and #16209.
"""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.abspath(os.path.join(__file__, os.pardir, os.pardir, os.pardir)))
sys.path.insert(1, os.path.join(sys.path[0], "examples", "tests"))

from support import CargoWithExample, example, example_names
from test_cargo_credential import MODULE, main, needs, posix_only

RUNS = 60  # in which Cargo joins arrays at least once: it does in every second run
JOINED = "Cargo joined two `credential-provider` arrays: keep one, or write a string"
# A provider that never refuses its arguments: it logs the request
PLAIN = """
print('{"v":[1]}', flush=True)
with open(%r, "a") as log:
    log.write(sys.stdin.readline())
print('{"Err":{"kind":"not-found"}}')
"""
NO_PROVIDERS = ("check_provider.py", "with_token.py")


@needs("cargo")
@posix_only
class JoinedArrays(CargoWithExample):
    """Cargo's own configuration and the project's have the registry's index and its provider."""

    def configure_twice(self, user, project):
        table = '[registries.alt]\nindex = "%s"\n' % self.index
        for name, provider in (("cargo-home", user), ("project/.cargo", project)):
            value = json.dumps(provider)
            self.write(name + "/config.toml", table + "credential-provider = %s\n" % value)

    def logout(self):
        """What Cargo prints. Some providers refuse a logout, joined or not."""
        run = subprocess.run(
            ["cargo", "logout", "--registry", "alt"],
            cwd=self.path("project"),
            env=self.cargo_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
        )
        return run.stdout.decode()

    def log_of_runs(self, count, user, project):
        """The arguments that a provider gets in this many runs."""
        self.configure_twice(user, project)
        for _ in range(count):
            self.logout()
        lines, _ = self.log("plain"), os.remove(self.path("plain.log"))
        return {" ".join(json.loads(line)["args"]) for line in lines}

    def test_each_provider_with_arguments_says_what_to_do(self):
        prov = self.program(PLAIN % self.path("plain.log"))
        seen = self.log_of_runs(RUNS, [prov, "--user"], [prov, "--project"])
        if "--user %s --project" % prov not in seen:
            self.skipTest("needs a Cargo that joins arrays")
        names = sorted(set(example_names()) - set(NO_PROVIDERS))
        for path in [MODULE] + [example(name) for name in names]:
            with self.subTest(path):
                option = [path, "--example-file"] if path == MODULE else [path, "--index", "x://y/"]
                self.configure_twice(option, option)
                self.assertTrue(any(JOINED in self.logout() for _ in range(RUNS)))

    def test_no_provider_that_is_a_string_or_in_the_environment_is_joined(self):
        prov = self.program(PLAIN % self.path("plain.log"))
        runs = self.log_of_runs(12, prov + " --user", prov + " --project")
        self.assertEqual(runs, {"--project"})
        self.more["CARGO_REGISTRIES_ALT_CREDENTIAL_PROVIDER"] = prov + " --variable"
        for user, project in ((prov, prov), ([prov, "--user"], [prov, "--project"])):
            self.assertEqual(self.log_of_runs(12, user, project), {"--variable"})


if __name__ == "__main__":
    main()
