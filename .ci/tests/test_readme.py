#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of the pages: names, sizes, links, commands, transcripts, configurations, tables.

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
import time
import unittest
from unittest import mock

sys.path.insert(0, os.path.abspath(os.path.join(__file__, os.pardir, os.pardir, os.pardir)))
sys.path.insert(1, os.path.join(sys.path[0], "examples", "tests"))
sys.path.insert(2, os.path.join(sys.path[0], ".ci"))

import refresh

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
    CACHE,
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

PAGES = [
    "README.md",
    "examples/README.md",
    "examples/TROUBLESHOOTING.md",
    ".github/CONTRIBUTING.md",
]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CORP = cc.RegistryInfo("sparse+https://crates.corp.example/index/", "alt")
TOKEN_FILE = "/run/secrets/cargo-token"


def read(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()


README = read("README.md")
TROUBLESHOOTING = read("examples/TROUBLESHOOTING.md")


def section(heading):
    """The text below a heading of README.md or TROUBLESHOOTING.md."""
    for page in (README, TROUBLESHOOTING):
        before, found, after = page.partition("\n## %s\n" % heading)
        if found:
            return after.split("\n## ")[0]
    raise KeyError(heading)


def blocks(text, language):
    """The code blocks of a page in this language."""
    return [block for found, block in FENCE.findall(text) if found == language]


def code(cell):
    """The texts of a cell that are between backticks."""
    found = re.findall(r"(?<!`)(`+)(?!`) ?(.*?) ?(?<!`)\1(?!`)", cell)
    return tuple(text for _, text in found)


def first_provider(token):
    """The provider at the beginning of README.md, which reads its token from this file."""
    source = blocks(README, "python")[0]
    assert TOKEN_FILE in source, source
    return source.replace(TOKEN_FILE, token.replace("\\", "/"))


# ---- Without Cargo -------------------------------------------------------------------------


class Names(unittest.TestCase):
    def test_the_changes_are_those_of_the_version(self):
        version = re.search(r"^__version__ = \"(.*?)\"", read("cargo_credential.py"), re.MULTILINE)
        self.assertTrue(section("Changes").startswith("\n**%s**\n" % version.group(1)))

    def test_the_guide_names_functions_that_are_there(self):
        first = section("Reviewer's guide").split("\n- ")[1]
        defined = set()
        for node in ast.walk(ast.parse(read("cargo_credential.py"))):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                defined.add(node.name)
        names = {name for text in code(first) for name in text.split(".")}
        self.assertGreater(len(names), 5)
        self.assertEqual(names - defined, set())


class Sizes(unittest.TestCase):
    def test_the_first_page_is_short(self):
        self.assertLessEqual(len(README.split()), 1900)
        self.assertLessEqual(README.count("\n"), 220)

    @posix_only
    def test_the_lines_and_hashes_are_those_of_the_module_and_of_its_cuts(self):
        if refresh.refreshed(README) != README:
            self.fail("the module has changed: run `python3 .ci/refresh.py`")


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


class Shown:
    def assert_shown(self, lines, output):
        """The output has these lines, in this order. `...` is any number of lines."""
        pattern = "\n".join(".*" if line == "..." else re.escape(line) for line in lines)
        self.assertRegex(output, "(?s)" + pattern.replace("\n.*\n", "\n(?:.*\n)?"))


class Commands(Directory, Shown):
    @posix_only
    def test_the_checker_reports_what_its_page_shows(self):
        """For the command of the first page, which is on both pages."""
        (block,) = blocks(read("examples/README.md"), "console")
        command, shown = block[2:].split("\n", 1)
        (block,) = blocks(README, "console")
        self.assertEqual(re.match(r"\$ (.*check_provider.*?)  # ", block).group(1), command)
        self.assertEqual(self.output(command), shown)
        self.assertIn(" ok, 0 warn, 0 FAIL\n", shown)

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

    UNSTRIPPED = """#!/bin/sh
echo '{"v":[1]}'
while read -r line; do
  case $line in
  *'"index-url":"%s"'*'"kind":"get"'*)
    printf '%%s\\n' '{"Ok":{"kind":"get","token":"Bearer x\\n","cache":"session",'\\
'"operation_independent":true}}' ;;
  *) echo '{"Err":{"kind":"url-not-supported"}}' ;;
  esac
done
"""

    @posix_only
    def test_the_checker_reports_what_the_transcript_shows(self):
        path = self.write("provider", self.UNSTRIPPED % CORP.index_url, 0o755)
        command, *lines = blocks(README, "text")[1].splitlines()
        self.assert_shown(lines, self.output(command[2:].replace("/path/to/provider", path)))


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
            for operation in (cc.PublishOperation("a", "1.0.0", "ab"), cc.OwnersOperation("a")):
                with self.assertRaises(cc.OtherError) as caught:
                    process.get(corp, operation, [])
                self.assertEqual(str(caught.exception), "only the release job may publish")
            self.write("publish", "publish-token\n")
            token = process.get(corp, cc.YankOperation("a", "1.0.0"), []).token
            self.assertEqual(token, cc.Secret("Bearer publish-token"))
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
    def test_the_module_has_the_same_at_its_top(self):
        docstring = ast.get_docstring(ast.parse(read("cargo_credential.py")))
        code = re.search(r"(?ms)^    #!.*?(?=^\S)", docstring).group()
        shown = [textwrap.dedent(code), blocks(README, "python")[0]]
        shown = [ast.parse(source).body[1:] for source in shown]  # one imports *
        self.assertEqual(*[list(map(ast.dump, nodes)) for nodes in shown])

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
        (source,) = blocks(TROUBLESHOOTING, "bat")
        source = re.sub(r"%LOCALAPPDATA%.*?python\.exe", lambda _: sys.executable, source)
        os.mkdir(self.path("corp tools"))
        shutil.copy(MODULE, self.path("corp tools"))
        token = self.write("token", TOKEN + "\n")
        self.write("corp tools/prov.py", first_provider(token))
        path = self.write("corp tools/prov.cmd", source)
        response = cc.CredentialProcess(path, "an argument").get(CORP, cc.ReadOperation(), [])
        self.assertEqual(response, cc.GetResponse(cc.Secret(TOKEN)))


class Package(Directory):
    """The package of TROUBLESHOOTING.md."""

    TEXT = section("Packages, linters and types")

    @posix_only
    def test_its_program_answers(self):
        (source,), (project,) = blocks(self.TEXT, "python"), blocks(self.TEXT, "toml")
        files = blocks(self.TEXT, "text")[0].split()
        for name in files:
            self.write(name, "")
        self.write("corp/provider.py", source.replace(TOKEN_FILE, self.write("token", TOKEN)))
        shutil.copy(MODULE, self.path("corp"))
        self.assertEqual(
            sorted(os.listdir(self.path("corp"))), sorted(name[5:] for name in files[1:])
        )
        module, function = re.search('(?m)^corp-cargo = "(.*):(.*)"$', project).groups()
        script = "import sys\nsys.path.insert(0, %r)\nfrom %s import %s\nsys.exit(%s())\n"
        path = self.write("bin/corp-cargo", script % (self.directory, module, function, function))
        found = self.run_provider(path, get(CORP), env=isolated(self.directory))
        self.assertEqual(found, ([token_answer(TOKEN)], ""))


# ---- Configurations, with real Cargo -------------------------------------------------------

# A provider that imports nothing
STAND_IN = """
print('{"v":[1]}', flush=True)
line = sys.stdin.readline()
(kind,) = [kind for kind in ("get", "login", "logout") if '"kind":"%%s"' %% kind in line]
for path, text in ((%r, line), (%r, "%s " + kind + "\\n")):
    with open(path, "a") as log:
        log.write(text)
print(%r[kind])
"""


class WithStandIns(CargoWithExample):
    def stand_in(self, name, response=None):
        """The path of a provider that logs each request, answers `get` with this, and exits."""
        response = response or cc.GetResponse(cc.Secret(self.TOKEN))
        answers = {
            "get": response.to_json(),
            "login": cc.LoginResponse().to_json(),
            "logout": cc.LogoutResponse().to_json(),
        }
        rows = (self.path(name + ".log"), self.path("log"), name, answers)
        return self.program(STAND_IN % rows, name + ".py")

    def requests(self, name):
        return [json.loads(line) for line in self.log(name)]


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
class Configurations(WithStandIns):
    def setUp(self):
        super().setUp()
        self.prov = self.stand_in("prov")

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
        self.assert_asked(args)
        os.remove(self.path("prov.log"))

    def assert_asked(self, args):
        (request,) = self.requests("prov")
        self.assertEqual((request["kind"], request.get("args", [])), ("logout", args))

    def test_cargo_takes_the_environment_for_a_configuration(self):
        ((name, value),) = re.findall(r'`(CARGO_\w+)="(.*?)"`', TROUBLESHOOTING)
        self.write(
            "project/.cargo/config.toml", '[registries.corp]\nindex = "%s"\n' % CORP.index_url
        )
        self.assertIn("/path/to/prov.py", value)
        self.more[name] = value.replace("/path/to/prov.py", "prov.py")
        self.put_on_path(self.directory)
        self.cargo("logout", "--registry", "corp")
        self.assert_asked(["argument"])

    def test_cargo_takes_an_alias_from_the_environment(self):
        rows = re.findall(r'^export (CARGO_\w+)="(.*)"$', read("examples/README.md"), re.MULTILINE)
        values = {name: value for name, value in rows if "GLOBAL" in name or "ALIAS" in name}
        self.assertEqual(len(values), 2)
        self.configure()
        path, *args = values["CARGO_CREDENTIAL_ALIAS_CORP"].split()
        values["CARGO_CREDENTIAL_ALIAS_CORP"] = " ".join([self.prov, *args])
        self.more.update(values)
        self.cargo("logout", "--registry", "alt")
        self.assert_asked(args)

    def test_an_alias_replaces_a_provider_without_arguments(self):
        *tables, name = self.prov.split(".")  # as Cargo splits it
        lines = ["[%s]" % ".".join(["credential-alias", *map(json.dumps, tables)])]
        lines.append("%s = %s" % (name, json.dumps([self.stand_in("other")])))
        for args, asked in [([], "other"), (["an argument"], "prov")]:
            with self.subTest(args=args):
                self.configure(self.prov, *args, extra="\n".join(lines) + "\n")
                self.cargo("logout", "--registry", "alt")
                self.assertEqual(len(self.requests(asked)), 1)

    def test_cargo_prints_nothing_when_a_login_or_a_logout_succeeded(self):
        self.configure(self.prov)
        self.cargo("update")
        for shown in (self.login(), self.logout()):
            self.assertEqual(shown.replace("    Updating `alt` index\n", ""), "")
            self.assertEqual(self.output, "")

    def test_cargos_log_shows_the_conversation(self):
        (variable,) = set(re.findall(r"`(CARGO_LOG=[^`]*)`", TROUBLESHOOTING))
        name, value = variable.split("=", 1)
        self.more[name] = value
        self.configure(self.prov)
        shown = self.cargo("update")
        self.assertNotIn(TOKEN, shown)
        self.assertIn("credential-process < CredentialRequest {", shown)
        self.assertIn("credential-process > Ok(Get {", shown)


@needs("cargo")
@posix_only
class Transcript(CargoWithExample, Shown):
    def test_cargo_prints_what_the_page_shows(self):
        """With the first provider and the configuration of the transcript."""
        before, lines = blocks(README, "text")[0].split("$ cargo build\n")
        shutil.copy(MODULE, self.directory)
        source = first_provider(self.write("token", self.TOKEN + "\n"))
        path = self.write("prov.py", source.replace("crates.corp.example", self.index), 0o755)
        configuration = before.split("\n", 1)[1].replace(CORP.index_url, self.index)
        self.assertIn(self.index, configuration)
        configuration = configuration.replace("/path/to/prov.py", path)
        self.write("cargo-home/config.toml", configuration)
        self.write("project/Cargo.toml", self.PROJECT.replace('"alt"', '"corp"'))
        self.assert_shown(lines.splitlines(), self.cargo("build"))


@needs("cargo")
@posix_only
class Comparison(WithStandIns):
    """What the first table says about providers that are built into Cargo."""

    STDOUT = "cargo:token-from-stdout"

    def setUp(self):
        super().setUp()
        self.other = self.stand_in("other")

    def command(self, name, line):
        return self.write(name, "#!/bin/sh\n%s\n" % line, 0o755)

    def test_a_command_has_no_login(self):
        self.configure(self.STDOUT, self.command("print", "echo '%s'" % self.TOKEN))
        self.assertIn("requested operation not supported", self.login(status=101))

    def test_a_command_breaks_other_registries(self):
        for line, status in [("echo of-another-registry", "got 401"), ("exit 1", "exit status: 1")]:
            with self.subTest(line):
                self.globally([self.other], [self.STDOUT, self.command("print", line)])
                self.assertIn(status, self.cargo("update", status=101))
        self.assertIn(("GET", "/index/config.json", "of-another-registry"), self.registry.log)
        self.assertFalse(os.path.exists(self.path("other.log")))

    def test_the_default_store_keeps_a_scheme_and_lets_cargo_ask_others(self):
        self.globally([self.other], ["cargo:token"])
        self.cargo("update")
        self.assertEqual([request["kind"] for request in self.requests("other")], ["get"])
        self.configure("cargo:token")
        self.login()
        self.cargo("update")


def recipe(title):
    """The Python code of a recipe in examples/README.md."""
    text = read("examples/README.md").split("\n### %s\n" % title)[1].split("\n### ")[0]
    (source,) = blocks(text, "python")
    return source


@needs("cargo")
@posix_only
class Recipes(CargoWithExample):
    def setUp(self):
        super().setUp()
        shutil.copy(MODULE, self.directory)

    def test_a_provider_that_runs_a_command(self):
        document = {"data": {"token": self.TOKEN.split()[1], "seconds": 3600}}
        command = self.program("print(%r)" % json.dumps(document), "command")
        source = recipe("Any command that prints JSON")
        source = source.replace('"crates.corp.example"', repr(self.index))
        path = self.write("prov.py", source.replace("/path/to/command", command), 0o755)
        response = cc.CredentialProcess(path).get(
            cc.RegistryInfo(self.index), cc.ReadOperation(), []
        )
        self.assertEqual(response.token, cc.Secret(self.TOKEN))
        self.assertAlmostEqual(response.cache.expiration, time.time() + 3600, delta=60)
        self.configure(path)
        self.cargo("update")

    def around(self, source):
        """Configure the recipe, around a provider that logs its requests."""
        other = self.recorder("other", "return GetResponse(Secret(%r))" % self.TOKEN)
        self.configure(self.write("around.py", source.replace("/path/to/prov.py", other), 0o755))

    def test_a_provider_around_another_one(self):
        self.around(recipe("A provider around another one"))
        self.cargo("update")
        shown = self.publish(status=101)
        self.assertIn("Caused by:\n  only the release job may publish\n", shown)
        self.assertEqual(set(self.log("other")), {"get ReadOperation() ['its argument']"})

    def test_without_its_last_lines_cargo_publishes_with_the_token_to_read(self):
        source = recipe("A provider around another one")
        self.around(source.replace("operation_independent = False", "operation_independent = True"))
        self.publish()


# ---- Tables, with real Cargo ---------------------------------------------------------------


def table(heading):
    """The rows of the tables below a heading of README.md or TROUBLESHOOTING.md.

    Each row is a list of cells.
    """
    lines = [line for line in section(heading).splitlines() if line.startswith("|")]
    heads = [i - 1 for i, line in enumerate(lines) if not line.strip("|-")]
    rows = [line for i, line in enumerate(lines) if i not in heads and i - 1 not in heads]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in rows]


PROVIDER = "import time\nsys.path.insert(1, %r)\n" % CACHE
PROVIDER += """
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


class CargoTable(WithStandIns):
    """A table of README.md. Only what is between backticks is compared."""

    COMMANDS = {
        "get": ("update",),
        "login": ("login", "--registry", "alt"),
        "logout": ("logout", "--registry", "alt"),
        "publish": ("publish", "--allow-dirty", "--no-verify"),
    }

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
    # What the first cell has between backticks: the codes of providers, and whether Cargo goes on
    ERROR = 'OtherError("the vault is sealed", ["no key"])'
    CODES = {
        ("GetResponse", "LoginResponse", "LogoutResponse"): [GOOD],
        ("NotFound",): ["raise NotFound('this text')"],
        ("UrlNotSupported",): ["raise UrlNotSupported"],
        ("OperationNotSupported",): [
            "raise OperationNotSupported",
            "return super().perform(registry, action, args)",
        ],
        (ERROR,): ["raise " + ERROR],
        ('open("/no/such")',): ['open("/no/such")'],
    }
    NEXT = [("NotFound",), ("UrlNotSupported",)]

    def test_each_row(self):
        rows = {code(title): end for title, end in table("What Cargo does next")}
        self.assertEqual(list(rows), list(self.CODES))
        for title, end in rows.items():
            for action in ("get", "login", "logout"):
                for text in self.CODES[title]:
                    with self.subTest(title, action=action, code=text):
                        self.check(title, action, text, self.end_of(end, action))

    def end_of(self, cell, action):
        """What the page says about an action, or about all."""
        parts = dict(re.findall(r"`(\w+)`: (.*?)(?:; |\Z)", cell))
        return parts.get(action, cell)

    def check(self, title, action, text, end):
        before = NOT_YET if action == "login" else ""
        first = self.provider_with("first", before + text)
        if title in self.NEXT:
            self.configure(*first)
            self.check_end(end, action, ["first"])
            self.globally([self.stand_in("good")], first)
            self.check_end("", action, ["first", "good"])
        else:
            self.globally([self.stand_in("good")], first)
            self.check_end(end, action, ["first"])

    def check_end(self, cell, action, names):
        status = 101 if code(cell) and "status 0" not in cell else 0
        errors, asked = self.ask(action, status)
        self.assert_says(code(cell), errors)
        self.assertNotIn("this text", errors)
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


ANSWER = (
    "print('{\"v\":[1]}', flush=True)\nsys.stdin.readline()\n"
    "sys.stdout.buffer.write(b'%s\\n')\nsys.stdout.flush()\n"
)
NO_HELLO = "failed to deserialize hello"
NO_ANSWER = "failed to deserialize response"
NO_START = "failed to spawn credential process"
FROM_COMMAND = example("token_from_command.py")


class WithoutA401(Registry):
    """A registry that everyone can read, or that does not answer 401 where Cargo asks for it."""

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


class Forbidding(Registry):
    """A registry that answers 403 to downloads and uploads."""

    def handle_one(self):
        if self.path.startswith("/index/"):
            super().handle_one()
        else:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.reply(403, b"")

    do_GET = do_PUT = handle_one


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
        (r"python3\r", "No such file or directory", NO_HELLO): (
            "executable",
            "#!/usr/bin/env python3\r\n",
        ),
        ("credential provider `python3 prov.py` failed", NO_HELLO): (
            "words",
            ["python3", "prov.py"],
        ),
        (NO_ANSWER, "EOF while parsing a value at line 1 column 0"): ("code", "os._exit(1)"),
        ("credential process `...` failed with status exit status: 1",): (
            "one of several",
            ANSWER % '{"Err":{"kind":"url-not-supported"}}' + "sys.exit(1)",
        ),
        (NO_START, "No such file or directory (os error 2)"): (
            "executable",
            "#!/no/such/python3\n",
        ),
        (NO_START, "Permission denied (os error 13)"): ("not executable", "#!/bin/sh\n"),
        ("failed to create directory", "Permission denied (os error 13)"): (
            "another user's home",
            RETURN % CargoTable.TOKEN,
            ("fetch",),
        ),
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
        ("failed to publish", "got 401"): ("public", RETURN % "x", "publish"),
        ("failed to publish", "got 403"): ("forbidden", RETURN % CargoTable.TOKEN, "publish"),
        ("failed to download from", "got 403"): (
            "forbidden",
            RETURN % CargoTable.TOKEN,
            ("fetch",),
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
        ("the token contains a line break, so no HTTP header can carry it",): (
            "code",
            RETURN % "x\r\nX-Evil: 1",
        ),
        ("the token contains a NUL character or a byte order mark",): (
            "code",
            RETURN % ("\ufeff" + TOKEN),
        ),
        ("the provider tried to exit with status 1 instead of answering",): ("code", "sys.exit(1)"),
        ("the provider returned NoneType for the action",): ("code", "return None"),
        ("GetResponse.token must be a Secret, not str",): (
            "code",
            "return GetResponse(%r)" % TOKEN,
        ),
        ("cargo_credential.py is a provider only with --example-file",): ("words", [MODULE]),
        ("something other than JSON",): ("words", [FROM_COMMAND, "--json", "token", "echo", "x"]),
        ("something other than one line of text: the token alone",): (
            "words",
            [FROM_COMMAND, "sh", "-c", "echo x; echo y"],
        ),
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
            if cause[0] == "another user's home" and os.geteuid() == 0:
                continue  # root can write to all directories
            with self.subTest(texts):
                self.provoke(texts, *cause)

    def test_more_causes_of_an_output_that_ends(self):
        texts = (NO_HELLO, "EOF while parsing a value at line 1 column 0")
        cut = refresh.files(README)["without_store.py"].decode()
        for kind, text in [("program", "def"), ("executable", cut)]:
            with self.subTest(text[:20]):
                self.provoke(texts, kind, text)

    def test_the_fix_for_carriage_returns(self):
        (command,) = set(re.findall(r"`(sed .*? prov\.py)`", TROUBLESHOOTING))
        with open(self.path("prov.py"), "wb") as file:
            file.write(b"#!/bin/sh\r\nx\r\n")
        subprocess.check_call(["sh", "-c", command], cwd=self.directory)
        self.assertEqual(self.read("prov.py"), b"#!/bin/sh\nx\n")

    def test_more_causes_of_no_provider_for_the_registry(self):
        """The registry of the tests is at http://."""
        texts = ("no credential providers could handle the request",)
        host = cc.RegistryInfo(self.index).host
        port = self.index.split("/")[2]
        path = self.stand_in("unused")
        for entry in (port, host, self.index[len("sparse+") :]):
            with self.subTest(entry):
                self.provoke(texts, "words", [self.for_entry(entry), path])
        self.assertFalse(cc.RegistryInfo("sparse+https://r.example:8443/").matches("r.example"))

    def for_entry(self, entry):
        """The path of a provider for one entry of `registries`."""
        return self.provider(
            """
            class Provider(Credential):
                registries = (%r,)
            """
            % entry
        )

    def provoke(self, texts, kind, text, command="get", status=101):
        """Configure words or lines, or a program, a provider's code, or a file as it is."""
        handlers = {"forbidden": Forbidding, "public": WithoutA401}
        self.registry.RequestHandlerClass = handlers.get(kind, Registry)
        self.registry.status = None
        if kind == "lines":
            self.configure(extra=text)
        elif kind == "words":
            self.configure(*text)
        elif kind == "program":
            self.configure(self.program(text))
        elif kind == "one of several":
            self.globally([self.stand_in("good")], [self.program(text)])
        elif kind in ("code", "forbidden", "public", "another user's home"):
            self.configure(*self.provider_with("first", text))
        else:
            self.configure(self.write("file.py", text, 0o755 if kind == "executable" else 0o644))
        if kind == "another user's home":
            shutil.rmtree(self.path("cargo-home"), True)
            os.mkdir(self.path("cargo-home"), 0o555)
        errors, asked = self.ask(command, status)
        if kind == "another user's home":
            os.chmod(self.path("cargo-home"), 0o755)
        self.assert_says(texts, errors)
        self.assertNotIn("good get", asked)


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
    ELSEWHERE = "# in another CARGO_HOME\n" + OWN
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
        ("registry index was not found in any configuration",): (401, ELSEWHERE),
    }

    def test_the_table_has_each_message_once(self):
        rows = [code(row[0]) for row in table("When Cargo asks no provider")]
        self.assertEqual(rows, list(self.CAUSES))

    def ask_with(self, configuration, status=101):
        first = json.dumps(self.provider_with("first", RETURN % self.TOKEN))
        text = configuration.replace("PROVIDER", first).replace("INDEX", self.index)
        text = text.replace("GIT", self.index[len("sparse+") :])
        folder = "other-home" if configuration == self.ELSEWHERE else "project/.cargo"
        self.write("project/.cargo/config.toml", "")
        self.write(folder + "/config.toml", text)
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
                self.write("project/Cargo.toml", self.PROJECT)
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
        cache = eval(cache, dict(vars(cc), time=time))
        response = cc.GetResponse(cc.Secret(self.TOKEN), cache, word == "True")
        self.configure(self.stand_in("one", response))
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
