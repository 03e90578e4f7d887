#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of README.md and examples/README.md: names, links, commands, configurations, tables.

python3 .ci/tests/test_readme.py [-v] [CLASS[.test] ...]
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import unittest
from unittest import mock

sys.path.insert(0, os.path.abspath(os.path.join(__file__, os.pardir, os.pardir, os.pardir)))
sys.path.insert(1, os.path.join(sys.path[0], "examples", "tests"))

import cargo_credential as cc
from support import (
    NO_GIT_INDEX,
    CargoWithExample,
    HostileCheckout,
    cargo_version,
    example,
    example_names,
    isolated,
)
from test_cargo_credential import (
    HERE,
    MODULE,
    NOT_SUPPORTED,
    TOKEN,
    URL_NOT_SUPPORTED,
    WINDOWS,
    Directory,
    Registry,
    get,
    login,
    logout,
    needs,
    posix_only,
    start,
    token_answer,
)

PAGES = ["README.md", "examples/README.md", ".github/CONTRIBUTING.md"]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CORP = cc.RegistryInfo("sparse+https://crates.corp.example/index/", "alt")
TOKEN_FILE = "/run/secrets/cargo-token"


def read(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()


README = read("README.md")


def blocks(text, language):
    """The code blocks of a page in this language."""
    return [block for found, block in FENCE.findall(text) if found == language]


def first_provider(token):
    """The provider at the beginning of README.md, which reads its token from this file."""
    source = blocks(README, "python")[0]
    assert TOKEN_FILE in source, source
    return source.replace(TOKEN_FILE, token.replace("\\", "/"))


# ---- Without Cargo -------------------------------------------------------------------------


class Names(unittest.TestCase):
    def test_the_readme_names_each_public_name(self):
        names = set(re.findall(r"\w+", README))
        self.assertEqual(sorted(set(cc.__all__) - names), [])

    def test_the_changes_are_those_of_the_version(self):
        version = re.search(r"^__version__ = \"(.*?)\"", read("cargo_credential.py"), re.MULTILINE)
        self.assertIn("\n## Changes\n\n**%s**\n" % version.group(1), README)


class Links(unittest.TestCase):
    def anchors(self, name):
        """The anchors of a page's headings."""
        text = FENCE.sub("", read(name))
        titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        anchors = [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles]
        self.assertEqual(len(anchors), len(set(anchors)))
        return anchors

    def links(self, name):
        """(path, anchor) of each link of a page into the project."""
        for link in re.findall(r"\]\(([^)]+)\)", FENCE.sub("", read(name))):
            if not link.startswith("https://"):
                path, _, anchor = link.partition("#")
                folder = os.path.dirname(name)
                yield os.path.normpath(os.path.join(folder, path)) if path else name, anchor

    def test_each_link_leads_to_a_file_and_a_heading(self):
        for name in PAGES:
            for path, anchor in self.links(name):
                with self.subTest(name, path=path, anchor=anchor):
                    self.assertTrue(os.path.exists(os.path.join(HERE, path)))
                    if anchor:
                        self.assertIn(anchor, self.anchors(path))

    def test_one_of_the_pages_has_a_link_to_each_example(self):
        linked = {path for name in PAGES for path, _ in self.links(name)}
        examples = {os.path.join("examples", name) for name in example_names()}
        self.assertEqual(examples - linked, set())


class Commands(Directory):
    @posix_only
    def test_the_checker_finds_nothing_in_the_quick_start(self):
        (block,) = blocks(README, "console")
        command = re.match(r"\$ (.*check_provider.*?)  # ", block).group(1)
        output = self.output(command)
        self.assertNotRegex(output, "(?m)^(warn|FAIL)")
        self.assertIn(" ok, 0 warn, 0 FAIL\n", output)

    @posix_only
    def test_the_checker_reports_what_its_page_shows(self):
        (block,) = blocks(read("examples/README.md"), "console")
        command, shown = block[2:].split("\n", 1)
        self.assertEqual(self.output(command), shown)

    def output(self, command):
        process = subprocess.Popen(
            ["sh", "-c", command],
            cwd=HERE,
            env=isolated(self.directory),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=os.setsid,
        )
        return process.communicate(timeout=60)[0].decode()

    @posix_only
    def test_the_checker_reports_what_the_transcript_shows(self):
        code = """
        class Provider(Credential):
            registries = ("sparse+https://crates.corp.example/index/",)
            def get(self, registry, operation, args):
                return GetResponse(Secret("Bearer x\\n"))
        """
        path = self.provider(code)
        block = blocks(README, "text")[0]
        command, *lines = block.splitlines()
        output = self.output(command[2:].replace("/path/to/prov.py", path))
        for line in lines:
            self.assertIn(line if line != "..." else "ok ", output)


class CompleteProvider(Directory):
    """The second provider of the page, and the test of it."""

    def setUp(self):
        super().setUp()
        shutil.copy(MODULE, self.directory)
        token = json.dumps(self.path("token"))
        publish = json.dumps(self.path("publish"))
        source = blocks(README, "python")[1]
        source = source.replace('os.path.expanduser("~/.corp-token")', token)
        self.prov = self.write(
            "prov.py", source.replace('"/run/secrets/corp-publish-token"', publish), 0o755
        )

    @posix_only
    def test_login_get_and_logout(self):
        corp = cc.RegistryInfo("sparse+https://crates.corp.example/index/", "corp")
        process = cc.CredentialProcess(self.prov)
        options = cc.LoginOptions(cc.Secret(TOKEN))
        with mock.patch.dict(os.environ, isolated(self.directory)):
            self.assertRaises(cc.NotFound, process.get, corp, cc.ReadOperation(), [])
            self.write("token", "an older token", 0o644)
            self.assertEqual(process.login(corp, options, []), cc.LoginResponse())
            self.assertEqual(os.stat(self.path("token")).st_mode & 0o777, 0o600)
            token = process.get(corp, cc.ReadOperation(), []).token
            self.assertEqual(token, cc.Secret("Bearer " + TOKEN))
            operation = cc.PublishOperation("a", "1.0.0", "ab")
            self.assertRaises(cc.NotFound, process.get, corp, operation, [])
            self.assertEqual(process.logout(corp, []), cc.LogoutResponse())
            self.assertRaises(cc.NotFound, process.logout, corp, [])
            other = cc.RegistryInfo("git://crates.corp.example#@evil/i", "corp")
            self.assertRaises(cc.UrlNotSupported, process.get, other, cc.ReadOperation(), [])

    @posix_only
    def test_the_test_of_it_passes(self):
        self.write("token", "my-token\n", 0o600)
        source = blocks(README, "python")[2].replace("/path/to/prov.py", self.prov)
        self.write("test_prov.py", source)
        process = start(
            ["-m", "unittest", "test_prov"], cwd=self.directory, env=isolated(self.directory)
        )
        output, errors = process.communicate(timeout=60)
        self.assertEqual((process.returncode, output), (0, b""), errors)
        self.assertIn(b"Ran 1 test", errors)


class FirstProvider(Directory):
    def test_it_returns_the_token_for_its_registry_only(self):
        shutil.copy(MODULE, self.directory)
        path = self.write("prov.py", first_provider(self.write("token", TOKEN + "\n")))
        rows = [
            (get(CORP), token_answer(TOKEN)),
            (get(), URL_NOT_SUPPORTED),
            (login("x", CORP), NOT_SUPPORTED),
            (logout(CORP), NOT_SUPPORTED),
            (logout(), URL_NOT_SUPPORTED),
        ]
        answers = [answer for _, answer in rows]
        lines = [line for line, _ in rows]
        self.assertEqual(
            self.run_provider(path, *lines, env=isolated(self.directory)), (answers, "")
        )

    @unittest.skipUnless(WINDOWS, "needs Windows")
    def test_the_cmd_file_for_windows_starts_it(self):
        (source,) = blocks(README, "bat")
        source = re.sub(r"%LOCALAPPDATA%.*?python\.exe", lambda _: sys.executable, source)
        os.mkdir(self.path("corp tools"))
        shutil.copy(MODULE, self.path("corp tools"))
        token = self.write("token", TOKEN + "\n")
        self.write("corp tools/prov.py", first_provider(token))
        path = self.write("corp tools/prov.cmd", source)
        response = cc.CredentialProcess(path, "an argument").get(CORP, cc.ReadOperation(), [])
        self.assertEqual(response, cc.GetResponse(cc.Secret(TOKEN)))


# ---- Configurations, with real Cargo -------------------------------------------------------


def configurations():
    """(where, TOML) of each configuration on the pages and in the examples."""
    for name in PAGES:
        for block in blocks(read(name), "toml"):
            yield name, block
    for name in example_names():
        with open(example(name), encoding="utf-8") as file:
            docstring = ast.get_docstring(ast.parse(file.read()))
        for block in re.findall(
            r"^    \[regist.*?(?=\n\n|\Z)", docstring, re.MULTILINE | re.DOTALL
        ):
            yield name, textwrap.dedent(block) + "\n"


@needs("cargo")
@posix_only
class Configurations(CargoWithExample):
    def setUp(self):
        super().setUp()
        self.prov = self.recorder("prov", "return LogoutResponse()")

    def registry_of(self, block):
        """The options with which `cargo logout` asks a configuration's provider."""
        (name,) = re.findall(r"^\[registries\.(.*?)\]$", block, re.MULTILINE) or ["corp"]
        if re.search(r"^\[registry\]\ncredential-provider", block, re.MULTILINE):
            return []
        return ["--registry", name]

    def test_cargo_takes_each_of_them_with_its_arguments(self):
        """`cargo logout` asks the provider, and not the registry."""
        count = 0
        for where, block in configurations():
            if "credential-provider" in block or "credential-alias" in block:
                count += 1
                with self.subTest(where, block=block):
                    self.check(block)
        self.assertGreater(count, 15)

    def check(self, block):
        written = re.findall(
            r"^(?:credential-provider|vault) = (\[.*?\])$", block, re.MULTILINE | re.DOTALL
        )[-1]
        strings = re.findall(r"""'(.*?)'|"((?:[^"\\]|\\.)*)\"""", written)
        program, *args = [single or double for single, double in strings]
        if "[registries." not in block:
            block += '[registries.corp]\nindex = "%s"\n' % CORP.index_url
        self.write("project/.cargo/config.toml", block.replace(program, self.prov))
        self.cargo("logout", *self.registry_of(block))
        self.assertEqual(self.log("prov"), ["logout - %s" % args])
        os.remove(self.path("prov.log"))

    def test_cargo_takes_the_environment_for_a_configuration(self):
        ((name, value),) = re.findall(r'`(CARGO_\w+)="(.*?)"`', README)
        self.write(
            "project/.cargo/config.toml", '[registries.corp]\nindex = "%s"\n' % CORP.index_url
        )
        self.assertIn("/path/to/prov.py", value)
        self.more[name] = value.replace("/path/to/prov.py", "prov.py")
        self.put_on_path(self.directory)
        self.cargo("logout", "--registry", "corp")
        self.assertEqual(self.log("prov"), ["logout - ['argument']"])

    def test_cargo_takes_an_alias_from_the_environment(self):
        rows = re.findall(r'^export (CARGO_\w+)="(.*)"$', read("examples/README.md"), re.MULTILINE)
        values = {name: value for name, value in rows if "GLOBAL" in name or "ALIAS" in name}
        self.assertEqual(len(values), 2)
        self.configure()
        path, *args = values["CARGO_CREDENTIAL_ALIAS_CORP"].split()
        values["CARGO_CREDENTIAL_ALIAS_CORP"] = " ".join([self.prov, *args])
        self.more.update(values)
        self.cargo("logout", "--registry", "alt")
        self.assertEqual(self.log("prov"), ["logout - %s" % args])

    def test_cargos_log_shows_the_conversation(self):
        (variable,) = re.findall(r"`(CARGO_LOG=[^`]*)`", README)
        name, value = variable.split("=", 1)
        self.more[name] = value
        self.configure(self.recorder("get", "return GetResponse(Secret(%r))" % self.TOKEN))
        shown = self.cargo("update")
        self.assertNotIn(TOKEN, shown)
        self.assertIn("credential-process < CredentialRequest {", shown)
        self.assertIn("credential-process > Ok(Get {", shown)


# ---- Tables, with real Cargo ---------------------------------------------------------------


def table(heading):
    """The rows of the table below a heading of README.md, as lists of cells."""
    section = README.split("\n## %s\n" % heading)[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def code(cell):
    """The texts of a cell that are between backticks."""
    found = re.findall(r"(?<!`)(`+)(?!`) ?(.*?) ?(?<!`)\1(?!`)", cell)
    return tuple(text for _, text in found)


PROVIDER = """
import time
from cargo_credential import *

class Provider(Credential):
    def perform(self, registry, action, args):
        with open(args[0], "a") as log:
            log.write("%%s %%s\\n" %% (args[1], action))
        %s

main(Provider())
"""
RETURN = "return GetResponse(Secret(%r))"
GOOD = (
    "return {'get': GetResponse(Secret(%r)), 'login': LoginResponse(), 'logout': LogoutResponse()}"
    "[str(action)]" % CargoWithExample.TOKEN
)
NOT_YET = "if str(action) == 'get': raise NotFound\n        "


class CargoTable(CargoWithExample):
    """A table of README.md. Only what is between backticks is compared."""

    COMMANDS = {
        "get": ("update",),
        "login": ("login", "--registry", "alt"),
        "logout": ("logout", "--registry", "alt"),
        "publish": ("publish", "--allow-dirty", "--no-verify"),
    }

    def setUp(self):
        super().setUp()
        shutil.copy(MODULE, self.directory)

    def provider_with(self, name, code):
        """The path and arguments of a provider that logs each request and then runs `code`."""
        return [self.program(PROVIDER % code, name + ".py"), self.path("log"), name]

    def ask(self, command, status=0):
        """(Cargo's standard error, the requests) of a command."""
        self.write("log", "")
        errors = self.cargo(*self.COMMANDS.get(command, command), status=status)
        return errors, self.read("log").decode().splitlines()

    def assert_says(self, texts, errors):
        """Cargo prints these texts, in this order; ... is any text."""
        parts = [re.escape(text).replace(re.escape("..."), "[^\n]*") for text in texts]
        self.assertRegex(errors, "(?s)" + ".*".join(parts))


@needs("cargo")
@posix_only
class WhatCargoDoesNext(CargoTable):
    # What the first cell has between backticks, or else the third: the code of a provider
    CODE = {
        ("GetResponse", "LoginResponse", "LogoutResponse"): [GOOD],
        ("GetResponse",): [RETURN % "Bearer wrong"],
        ("NotFound",): ["raise NotFound"],
        ("UrlNotSupported",): ["raise UrlNotSupported"],
        ("OperationNotSupported",): [
            "raise OperationNotSupported",
            "return super().perform(registry, action, args)",
        ],
        ('OtherError("the vault is sealed", ["no key"])',): [
            'raise OtherError("the vault is sealed", ["no key"])'
        ],
        ('open("/no/such")',): ['open("/no/such")'],
        ("sys.exit(1)",): ["sys.exit(1)"],
        ("None",): ["return None"],
        ("the token contains a line break, so no HTTP header can carry it",): [
            RETURN % "x\r\nX-Evil: 1"
        ],
        ("os._exit(1)",): ["os._exit(1)", "os.kill(os.getpid(), 9)"],
        ("failed with status exit status: 1",): [
            "__import__('atexit').register(os._exit, 1)\n        " + GOOD
        ],
    }
    ONLY_GET = [
        ("GetResponse",),
        ("the token contains a line break, so no HTTP header can carry it",),
    ]

    def test_each_row(self):
        seen = {title: [] for title in self.CODE}
        for title, actions, alone, among in table("What Cargo does next"):
            key = code(title) or code(alone)
            for action in code(actions) or ("get", "login", "logout"):
                seen[key].append(action)
                for text in self.CODE[key]:
                    with self.subTest(title, action=action, code=text):
                        before = NOT_YET if action == "login" else ""
                        self.check(action, before + text, alone, among)
        for key, actions in seen.items():
            expected = ["get"] if key in self.ONLY_GET else ["get", "login", "logout"]
            self.assertEqual(actions, expected, key)

    def check(self, action, text, alone, among):
        first = self.provider_with("first", text)
        self.configure(*first)
        self.check_end(alone, action, ["first"])
        self.globally(self.provider_with("good", GOOD), first)
        if among.startswith("the next"):
            self.check_end("", action, ["first", "good"])
        else:
            self.check_end(alone, action, ["first"])

    def check_end(self, cell, action, names):
        status = 101 if code(cell) and "status 0" not in cell else 0
        errors, asked = self.ask(action, status)
        self.assert_says(code(cell), errors)
        asked = [line.split()[0] for line in asked if line.split()[1] == action]
        self.assertEqual(asked, names)

    def test_one_not_found_among_several_providers_decides(self):
        one = self.provider_with("one", "raise NotFound")
        other = self.provider_with("other", "raise UrlNotSupported")
        for providers in ([one, other], [other, one]):
            self.globally(*providers)
            errors, asked = self.ask("get", status=101)
            self.assertIn("no token found for `alt`", errors)
            self.assertEqual(sorted(asked), ["one get", "other get"])

    def test_cargo_login_continues_after_not_found_and_after_any_token(self):
        for text, status in [
            (RETURN % "Bearer wrong", 0),
            ("raise NotFound", 0),
            ("raise UrlNotSupported", 101),
            ("raise OperationNotSupported", 101),
            ("raise OtherError", 101),
        ]:
            with self.subTest(text):
                body = "if str(action) == 'get': %s\n        return LoginResponse()" % text
                self.configure(*self.provider_with("first", body))
                _, asked = self.ask("login", status)
                self.assertEqual(asked, ["first get"] + ["first login"] * (status == 0))


SPEAK = "print('{\"v\":[1]}', flush=True)\nsys.stdin.readline()\n"
ANSWER = SPEAK + "sys.stdout.buffer.write(b'%s\\n')\nsys.stdout.flush()\n"
TOKEN_ANSWER = ANSWER % '{"Ok":{"kind":"get","token":"t",%s}}'
AN_ERROR = ANSWER % '{"Err":%s}'
NO_HELLO = "failed to deserialize hello"
NO_ANSWER = "failed to deserialize response"
NO_START = "failed to spawn credential process"


@needs("cargo")
@posix_only
class WhatCargoSays(CargoTable):
    # The texts of a message: (what is configured, as in `provoke`; then the command, the status)
    CAUSES = {
        (NO_HELLO, "expected value at line 1 column 1"): ("program", "print('hello')"),
        (NO_HELLO, "EOF while parsing a value at line 1 column 0"): (
            "program",
            "import no_such_module",
        ),
        ("credential provider `python3 prov.py` failed", NO_HELLO): (
            "words",
            ["python3", "prov.py"],
        ),
        ("credential process `...` failed with status exit status: 1",): (
            "program",
            AN_ERROR % '{"kind":"not-found"}' + "sys.exit(1)",
        ),
        (NO_START, "No such file or directory (os error 2)"): (
            "executable",
            "#!/no/such/python3\n",
        ),
        (NO_START, "Permission denied (os error 13)"): ("not executable", "#!/bin/sh\n"),
        (NO_START, "Exec format error (os error 8)"): ("executable", "import sys\n"),
        ("authenticated registries require a credential-provider to be configured",): (
            "lines",
            'token = "t"\n',
        ),
        ("that will be ignored because",): (
            "lines",
            'token = "t"\ncredential-provider = "/no/such"\n',
        ),
        ("no token found for",): ("code", "raise NotFound"),
        ("no credential providers could handle the request",): ("code", "raise UrlNotSupported"),
        ("requested operation not supported",): (
            "code",
            "return super().perform(registry, action, args)",
        ),
        ("token rejected for",): ("code", RETURN % TOKEN),
        ("failed to publish", "401"): (
            "code",
            "read = isinstance(action.operation, ReadOperation)\n"
            "        return GetResponse(Secret(%r if read else 'x'), CacheNever())"
            % CargoWithExample.TOKEN,
            "publish",
        ),
        ("Cargo passed no token, and no terminal was found to type it on",): (
            "code",
            NOT_YET + "read_token(action.options, registry)",
            "login",
        ),
        ("the token ends with a line break, so no HTTP header can carry it",): (
            "code",
            RETURN % (TOKEN + "\n"),
        ),
        ("GetResponse.token must be a Secret, not str",): (
            "code",
            "return GetResponse(%r)" % TOKEN,
        ),
        ("cargo_credential.py is a provider only with --example-file",): ("words", [MODULE]),
        ("Cargo joined two `credential-provider` arrays",): (
            "words",
            [MODULE, "--example-file", "/no/such", MODULE, "--example-file", "/no/such"],
        ),
        ("failed action", "Caused by:"): ("code", "raise ValueError('x')"),
        ("'NoneType' object is not subscriptable",): ("code", "None[0]"),
    }

    def test_the_table_has_each_message_once(self):
        rows = [code(row[0]) for row in table("What Cargo says, and what it means")]
        self.assertEqual(len(rows), len(set(rows)))
        self.assertEqual(set(rows), set(self.CAUSES))

    def test_each_cause_has_its_message(self):
        for texts, cause in self.CAUSES.items():
            with self.subTest(texts):
                self.provoke(texts, *cause)

    def provoke(self, texts, kind, text, command="get", status=101):
        """Configure words or lines, or a program, a provider's code, or a file as it is."""
        if kind == "lines":
            self.configure(extra=text)
        elif kind == "words":
            self.configure(*text)
        elif kind == "program":
            self.configure(self.program(text))
        elif kind == "code":
            self.configure(*self.provider_with("first", text))
        else:
            self.configure(self.write("file.py", text, 0o755 if kind == "executable" else 0o644))
        self.assert_says(texts, self.ask(command, status)[0])


class WithoutA401(Registry):
    """A registry that does not answer 401 where Cargo would ask a provider."""

    def handle_one(self):
        url, config = self.server.url, self.path == "/index/config.json"
        if self.path == "/login":
            self.reply(200, b"<html>")
        elif config and self.server.status:
            self.reply(self.server.status, b"", {"Location": url + "/login"})
        elif config:
            self.reply(200, {"dl": url + "/dl", "api": url})
        elif self.path.startswith("/index/"):
            self.reply(200, json.dumps(self.server.index["dep"][0]).encode())
        else:
            super().handle_one()

    do_GET = handle_one


@needs("cargo")
@posix_only
class WhenCargoAsksNoProvider(CargoTable):
    # What Cargo says: (the status of config.json without a token, or None, the configuration)
    AUTHENTICATED = "authenticated registries require a credential-provider to be configured"
    OWN = '[registries.alt]\nindex = "INDEX"\ncredential-provider = PROVIDER\n'
    GIT = OWN.replace("INDEX", "GIT")
    MIRROR = (
        "[registry]\ncredential-provider = PROVIDER\n[source.crates-io]\n"
        'replace-with = "mirror"\n[source.mirror]\nregistry = "INDEX"\n'
    )
    CAUSES = {
        (
            "failed to get successful HTTP response from",
            "/config.json",
            "got 403",
        ): (403, OWN),
        ("config.json not found in registry", "no matching package named"): (404, OWN),
        ("expected value at line 1 column 1", "failed to deserialize"): (302, OWN),
        ("failed to download from", "got 401"): (None, OWN),
        ("server requires authentication that we do not support",): (
            401,
            GIT,
        ),
        ("failed to query replaced source registry", AUTHENTICATED): (401, MIRROR),
    }

    def test_the_table_has_each_message_once(self):
        rows = [code(row[0]) for row in table("When Cargo asks no provider")]
        self.assertEqual(rows, list(self.CAUSES))

    def ask_with(self, configuration, status=101):
        first = json.dumps(self.provider_with("first", RETURN % self.TOKEN))
        text = configuration.replace("PROVIDER", first).replace("INDEX", self.index)
        text = text.replace("GIT", self.index[len("sparse+") :])
        self.write("project/.cargo/config.toml", text)
        if "crates-io" in text:
            self.write("project/Cargo.toml", self.PROJECT.replace(', registry = "alt"', ""))
        return self.ask(("fetch",), status)

    def test_each_cause_has_its_message_and_starts_no_provider(self):
        for texts, (status, configuration) in self.CAUSES.items():
            with self.subTest(texts):
                shutil.rmtree(self.path("cargo-home"), True)
                self.registry.status = status
                self.registry.RequestHandlerClass = Registry if status == 401 else WithoutA401
                errors, asked = self.ask_with(configuration)
                self.assertEqual(asked, [])
                self.assertNotIn("failed to deserialize", errors)
                if status == 404:
                    texts = texts[cargo_version() >= (1, 96) :][:1]
                if "on git_proxy_options" in errors:  # of Cargo with another libgit2
                    self.skipTest(NO_GIT_INDEX)
                self.assert_says([text for text in texts if "deserialize" not in text], errors)

    def test_a_mirror_that_is_configured_as_a_registry_gets_its_token(self):
        (block,) = [text for text in blocks(read("examples/README.md"), "toml") if "mirror" in text]
        index = re.search('index = "(.*?)"', block).group(1)
        block = re.sub(r"= \[.*\]", "= PROVIDER", block.replace(index, "INDEX"))
        _, asked = self.ask_with(block, 0)
        self.assertEqual(asked, ["first get"])


@needs("cargo")
@posix_only
class HowOftenCargoAsks(CargoTable):
    BUILD = ("build",)
    PUBLISH = ("publish", "--allow-dirty")

    def test_each_row(self):
        seen = set()
        for first, independent, *counts in table("Caching"):
            (cache,) = code(first)
            for word in code(independent):
                with self.subTest(cache, operation_independent=word):
                    seen.add((cache.partition("(")[0], word))
                    found = self.requests_for(cache, word)
                    self.assertEqual(found, [int(count) for count in counts])
        kinds = ("CacheSession", "CacheExpires", "CacheNever")
        self.assertEqual(seen, {(kind, word) for kind in kinds for word in ("True", "False")})

    def requests_for(self, cache, word):
        """The numbers of requests for two builds and a publish, with an empty CARGO_HOME."""
        shutil.rmtree(self.path("cargo-home"), True)
        self.registry.index.pop("app", None)
        text = "return GetResponse(Secret(%r), %s, %s)" % (self.TOKEN, cache, word)
        self.configure(*self.provider_with("one", text))
        return [len(self.ask(command)[1]) for command in (self.BUILD, self.BUILD, self.PUBLISH)]


# ---- A hostile checkout, with real Cargo ---------------------------------------------------


@needs("cargo", "git")
@posix_only
class FirstProviderInAHostileCheckout(HostileCheckout):
    def test_it_sends_no_token(self):
        shutil.copy(MODULE, self.directory)
        source = first_provider(self.write("token", self.TOKEN + "\n", 0o600))
        self.assert_no_token_is_sent(self.write("first.py", source, 0o755))

    NAIVE = """
        import urllib.parse
        class Provider(Credential):
            def get(self, registry, operation, args):
                if urllib.parse.urlsplit(registry.index_url).hostname != "crates.corp.example":
                    raise UrlNotSupported
                return GetResponse(Secret(%r))
    """

    def test_a_provider_that_compares_the_host_of_urlsplit_loses_its_token(self):
        """So the test above would fail without `registries`."""
        stolen = ["/dl/dep/1.0.0/download", "/api/v1/crates/dep/1.0.0/yank"]
        provider = [self.provider(self.NAIVE % self.TOKEN)]
        for url in self.urls:
            with self.subTest(url):
                self.assertEqual(self.requests_with_a_token(url, provider, False), stolen)


if __name__ == "__main__":
    unittest.main()
