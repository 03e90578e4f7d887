#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of what real Cargo makes of a provider.

python3 .ci/tests/test_cargo.py [-v] [CLASS[.test] ...]
"""

import hashlib
import io
import json
import os
import sys
import tarfile
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir))

import cargo_credential as cc
from test_cargo_credential import (
    TOKEN,
    WithCargo,
    environment,
    file_provider,
    main,
    needs,
    posix_only,
    start,
)


@needs("cargo")
@posix_only
class CargoWithAProvider(WithCargo):
    """What Cargo makes of what a provider does."""

    TELLER = """
        class Provider(Credential):
            def perform(self, registry, action, args):
                with open(args[0], "a") as log:
                    operation = getattr(action, "operation", "")
                    log.write("%%s %%s %%r\\n" %% (action, registry.name, operation))
                %s
        """

    def teller(self, name, code):
        """The command of a provider that logs what it is asked and then does `code`."""
        return [self.provider(self.TELLER % code, name + ".py"), self.path(name + ".log")]

    def log(self, name):
        return self.read(name + ".log").decode().splitlines()

    def update(self, status=101):
        return self.cargo("update", status=status)

    def test_NotFound_and_UrlNotSupported_let_the_next_provider_answer(self):
        good = self.teller("good", "return GetResponse(Secret(%r))" % self.TOKEN)
        for error in ("NotFound", "UrlNotSupported"):
            self.globally(good, self.teller(error, "raise " + error))
            self.update(0)
            self.assertEqual(self.log(error), ["get alt ReadOperation()"])
            self.assertEqual(self.log("good")[-1], "get alt ReadOperation()")

    def test_every_other_exception_and_a_wrong_answer_end_the_command(self):
        line_break = "the token contains a line break, so no HTTP header can carry it"
        none = "the provider returned NoneType for the action `get`: it must return a GetResponse,"
        exits = "the provider tried to exit with status 1 instead of answering"
        good = self.teller("good", "raise NotFound")
        for i, (code, causes) in enumerate(
            [
                ("raise OperationNotSupported", ["requested operation not supported"]),
                ("raise ValueError('sealed') from KeyError('k')", ["sealed", "KeyError: 'k'"]),
                ("raise ValueError(Secret(%r).expose())" % TOKEN, ["[REDACTED]"]),
                ("sys.exit(1)", [exits]),
                ("return GetResponse(Secret('x\\r\\nX-Evil: 1'))", [line_break]),
                ("return", [none + " or raise an Error"]),
            ]
        ):
            with self.subTest(code):
                first = self.teller("first%d" % i, code)
                self.globally(good, first)
                errors = self.update()
                self.assertFalse(os.path.exists(good[1]))
                failed = "credential provider `%s` failed action `get`" % " ".join(first)
                self.assertIn("\n\nCaused by:\n  ".join([failed] + causes) + "\n", errors)
                self.assertNotIn("X-Evil", errors + repr(self.registry.log))

    def test_the_default_store_is_in_no_package(self):
        self.configure(self.module(), "--example-file", "--any-registry")
        self.cargo("login", "--registry", "alt", stdin=self.TOKEN.encode() + b"\n")
        store = self.path("cargo-home", "cargo-credentials.json")
        with open(store, encoding="utf-8") as file:
            self.assertEqual(json.load(file), {self.index: self.TOKEN})
        self.cargo("publish", "--no-verify", "--allow-dirty")
        self.assertFalse(os.path.exists(self.path("project", ".git")))
        with tarfile.open(fileobj=io.BytesIO(self.registry.crates["app-0.1.0"])) as archive:
            names = sorted(name.split("/", 1)[1] for name in archive.getnames())
        # Cargo packages a configuration, too
        found = {name for name in names if not name.startswith(".cargo")}
        self.assertEqual(found, {"Cargo.lock", "Cargo.toml", "Cargo.toml.orig", "src/lib.rs"})
        self.assertNotIn("credentials", " ".join(names))

    def test_a_store_below_the_current_directory_is_refused(self):
        self.configure(self.module(), "--example-file", "--any-registry")
        home = self.path("project", ".cargo-home")
        with mock.patch.object(self, "cargo_environment", lambda: environment(CARGO_HOME=home)):
            message = self.cargo("login", "--registry", "alt", status=101, stdin=b"x\n")
        self.assertIn("lies below the current directory, from where `cargo publish`", message)
        self.assertFalse(os.path.exists(os.path.join(home, "cargo-credentials.json")))

    def test_CacheControl_says_how_often_cargo_asks(self):
        for i, (cache, least, most) in enumerate(
            [
                ("CacheSession()", 2, 2),
                ("CacheNever()", 6, 20),
                ("CacheExpires(time.time() + 3600)", 2, 2),
                ("CacheExpires(time.time() + 50)", 6, 20),  # it expires 60 seconds early
            ]
        ):
            with self.subTest(cache):
                answer = "return GetResponse(Secret(%r), %s, False)" % (self.TOKEN, cache)
                self.configure(*self.teller("p%d" % i, answer))
                self.registry.index.pop("app", None)
                self.cargo("publish", "--allow-dirty", "--no-verify")
                log = self.log("p%d" % i)
                self.assertTrue(least <= len(log) <= most, log)
                (publish,) = [line for line in log if "Publish" in line]
                cksum = hashlib.sha256(self.registry.crates["app-0.1.0"]).hexdigest()
                operation = cc.PublishOperation("app", "0.1.0", cksum)
                self.assertEqual(publish, "get alt %r" % operation)

    def test_arguments_with_escapes_and_the_headers_of_the_401_arrive(self):
        argument = 'C:\\a "b" \u00e9'
        shows = "raise OtherError(repr((args, registry.host, registry.headers)))"
        self.configure(self.getter(shows), argument)
        errors = self.update()
        self.assertIn(repr(([argument], "127.0.0.1"))[:-1], errors)
        header = 'www-authenticate: cargo login_url="%s/me"' % self.registry.url
        self.assertIn(header, errors.lower())  # from Cargo 1.96 on, names are in lower case
        body = (
            "if str(action) == 'get': raise NotFound\n                raise OtherError(repr(args))"
        )
        path, log = self.teller("login", body)
        self.configure(path, log, argument)
        login = ("login", "--registry", "alt", "--", "x", "--vault")
        errors = self.cargo(*login, status=101, stdin=b"t\n")
        self.assertIn(repr([log, argument, "x", "--vault"]), errors)

    def test_a_relative_path_starts_at_the_directory_of_the_configuration(self):
        path, _ = self.teller("prov", "return GetResponse(Secret(%r))" % self.TOKEN)
        os.makedirs(self.path("project/tools"))
        os.makedirs(self.path("project/src/deep"))
        os.rename(path, self.path("project/tools/prov.py"))
        self.configure("tools/prov.py", self.path("prov.log"))
        self.cargo("update", folder="project/src/deep")
        self.assertEqual(self.log("prov"), ["get alt ReadOperation()"])

    def test_cargo_takes_the_configuration_that_help_shows(self):
        command = self.teller("my prov", "return GetResponse(Secret(%r))" % self.TOKEN)
        output, _ = start([*command, "--help"]).communicate(timeout=60)
        shown = output.decode()
        table = '[registries.alt]\nindex = "%s"' % self.index
        text = shown[shown.index("[registries") :].replace("[registries.NAME]", table)
        self.write("project/.cargo/config.toml", text)
        self.update(0)
        self.assertEqual(self.log("my prov"), ["get alt ReadOperation()"])


@needs("cargo")
@posix_only
@file_provider
class CargoWithTheFileProvider(WithCargo):
    def setUp(self):
        super().setUp()
        self.configure(self.module(), "--example-file", self.path("a store.json"), "--any-registry")

    def stored_tokens(self):
        return json.loads(self.read("a store.json").decode())

    def test_login_build_publish_yank_owners_and_logout(self):
        self.assertIn("no token found for `alt`", self.cargo("build", status=101))
        self.cargo("login", "--registry", "alt", stdin=self.TOKEN.encode() + b"\n")
        self.assertEqual(self.stored_tokens(), {self.index: self.TOKEN})
        self.assertIn("Compiling dep v1.0.0 (registry `alt`)", self.cargo("build"))
        self.assertIn(("GET", "/dl/dep/1.0.0/download", self.TOKEN), self.registry.log)
        published = "Published app v0.1.0 at registry `alt`"
        self.assertIn(published, self.cargo("publish", "--allow-dirty", "--no-verify"))
        self.assertIn("Yank app@0.1.0", self.cargo("yank", "app@0.1.0", "--registry", "alt"))
        self.assertTrue(self.registry.index["app"][0]["yanked"])
        self.cargo("yank", "--undo", "app@0.1.0", "--registry", "alt")
        self.assertFalse(self.registry.index["app"][0]["yanked"])
        self.assertIn("owner x", self.cargo("owner", "--add", "x", "app", "--registry", "alt"))
        self.cargo("logout", "--registry", "alt")
        self.assertEqual(self.stored_tokens(), {})
        self.assertIn("not currently logged in to `alt`", self.cargo("logout", "--registry", "alt"))
        self.assertIn("no token found for `alt`", self.cargo("update", status=101))

    def test_read_token_asks_on_the_terminal(self):
        terminal = self.cargo_on_a_terminal("login", "--registry", "alt")
        prompt = "please paste the token found on %s/me below\r\n" % self.registry.url
        shown = terminal.read(prompt.encode())
        self.assertIn(("registry alt, index %s, at 127.0.0.1\r\n" % self.index).encode(), shown)
        terminal.wait_for_no_echo()
        terminal.type(self.TOKEN.encode() + b"\n")
        status, rest = terminal.rest()
        self.assertEqual(status, 0, rest)
        self.assertNotIn(TOKEN.encode(), shown + rest)
        self.assertEqual(self.stored_tokens(), {self.index: self.TOKEN})

    def test_ctrl_c_at_the_prompt_ends_both_and_stores_nothing(self):
        terminal = self.cargo_on_a_terminal("login", "--registry", "alt")
        terminal.read(b" below\r\n")
        terminal.wait_for_no_echo()
        terminal.type(b"half\x03")
        status, rest = terminal.rest()
        self.assertNotEqual(status, 0)
        self.assertNotIn(b"Traceback", rest)
        self.assertFalse(os.path.exists(self.path("a store.json")))


if __name__ == "__main__":
    main()
