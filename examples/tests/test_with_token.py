#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of with_token.py, also with real Cargo and real curl.

python3 examples/tests/test_with_token.py [-v] [CLASS[.test] ...]
"""

import json
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.abspath(os.path.join(sys.path[0], os.pardir, os.pardir)))

import cargo_credential as cc
from support import ASCII, CargoWithExample, Example, example, linux_only
from test_cargo_credential import FLAGS, MODULE, TOKEN, Terminal, needs, posix_only, start

INDEX = "sparse+https://r.example/index/"
NAMED = ["--index", INDEX, "--name", "my-corp"]
CRATES_IO = ["--index", cc.CRATES_IO_INDEX]
PRINT = ["--index", INDEX, "--print", "token"]
BUILT_IN = "CREDENTIAL_PROVIDER=cargo:token"
# Prints the variables of Cargo that the example sets
SHOW = [sys.executable, "-SEc", "import os; print(*sorted('='.join(i) for i in os.environ.items()"]
SHOW[-1] += " if i[0].startswith('CARGO_REG')), sep='\\n')"


class WithToken(Example):
    EXAMPLE = example("with_token.py")

    def giving(self, token=TOKEN):
        return self.recorder("prov", "return GetResponse(Secret(%r))" % token)

    def run_example(self, *arguments, path=EXAMPLE, **options):
        """(status, standard output, standard error), without a terminal."""
        options = dict({"cwd": self.directory, "env": self.environment()}, **options)
        process = start([path, *arguments], **options)
        output, errors = process.communicate(timeout=60)
        return process.returncode, (output or b"").decode(), errors.decode()

    def assert_fails(self, arguments, status, text, **options):
        outcome = self.run_example(*arguments, **options)
        self.assertEqual(outcome, (status, "", "with_token.py: %s\n" % text))


@posix_only
class CommandLine(WithToken):
    def test_a_wrong_command_line_starts_nothing(self):
        prov = self.giving()
        form = "--print takes token, header, curl or bazel"
        both = "--print takes no command: leave out one of them"
        crates = "the name crates-io belongs to the index %s, and to no other" % CRATES_IO[1]
        for arguments, text in [
            ([], "add --index URL before the provider"),
            ([prov, "--", "true"], "add --index URL before the provider"),
            (NAMED, "add the provider after the options"),
            ([*NAMED, "--", "true"], "add the provider after the options"),
            ([*NAMED, prov], "add `-- COMMAND`, or --print FORM"),
            ([*NAMED, prov, "--"], "add `-- COMMAND`, or --print FORM"),
            (["--index", INDEX, prov, "--", "true"], "a command requires --name NAME"),
            ([*PRINT, prov, "--", "true"], both),
            ([*PRINT, prov, "--"], both),
            ([*CRATES_IO, "--name", "corp", prov, "--", "true"], crates),
            (["--index", INDEX, "--name", "crates-io", prov, "--", "true"], crates),
            (["--index", INDEX, "--print", "json", prov], form),
            (["--index", INDEX, "--print"], form),
            (["--index", "corp", prov], "--index takes the URL of an index"),
            (["--operation", "yank", *PRINT, prov], "--operation takes read or publish"),
            (
                ["--name", "a=b", *PRINT, prov],
                "--name takes a registry's name: ASCII letters, digits, - and _",
            ),
            (["--token", TOKEN, *PRINT, prov], "unknown option --token: see --help"),
            (["--\x1b[2J"], "unknown option --\\x1b[2J: see --help"),
        ]:
            with self.subTest(arguments):
                self.assert_fails(arguments, 2, text)
        self.assertFalse(os.path.exists(self.path("prov.log")))

    def test_the_first_two_dashes_after_the_provider_end_its_arguments(self):
        arguments = [*NAMED, self.giving(), "a b", "--print", "--", *SHOW, "--", "x"]
        status, _, errors = self.run_example(*arguments)
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(self.log("prov"), ["get ReadOperation() ['a b', '--print']"])

    @linux_only
    def test_arguments_outside_ascii_arrive_in_any_locale(self):
        self.more.update(ASCII)
        prov = self.getter("return GetResponse(Secret(ascii([registry.index_url, *args])))")
        url, word = [os.fsdecode(text.encode("utf-8")) for text in ("https://\u00e9/", "\u20ac")]
        outcome = self.run_example("--index", url, "--print", "token", prov, word)
        self.assertEqual(outcome, (0, "['https://\\xe9/', '\\u20ac']\n", ""))

    def test_a_publish_names_no_crate(self):
        self.run_example("--operation", "publish", *PRINT, self.giving())
        publish = "get PublishOperation(name='', vers='', cksum='') []"
        self.assertEqual(self.log("prov"), [publish])

    def test_without_a_token_it_fails_in_one_sentence(self):
        missing = "failed to spawn credential process: No such file or directory (os error 2)"
        reason = "compare --index with its options"
        for code, text in [
            ("raise NotFound", "the provider has no token for " + INDEX),
            ("raise UrlNotSupported", "the provider does not serve %s: %s" % (INDEX, reason)),
            ("raise OperationNotSupported", "requested operation not supported"),
            ("raise OtherError('sealed', ['a', 'b'])", "sealed: a: b"),
        ]:
            with self.subTest(code):
                prov = self.recorder("prov", code)
                self.assert_fails([*PRINT, prov], 1, text)
                self.assert_fails([*NAMED, prov, "--", *SHOW], 1, text)
        relative = "`%s` is a relative path: name the absolute path of the provider"
        for path, text in [
            ("./prov.py", relative % "./prov.py"),
            ("tools/prov.py", relative % "tools/prov.py"),
            ("prov.py", missing),  # it is in the current directory
            ("cargo:token", "`cargo:token` is built into Cargo: name a program"),
        ]:
            with self.subTest(path):
                self.assert_fails([*PRINT, path], 1, text)

    def test_text_of_another_program_cannot_control_the_terminal(self):
        line = r'{"Err":{"kind":"other","message":"a\u001b[2J\nb","caused-by":["\u202e"]}}'
        prov = self.program("print('{\"v\":[1]}', flush=True)\ninput()\nprint(%r)" % line)
        self.assert_fails([*PRINT, prov], 1, r"a\x1b[2J\nb: \u202e")

    def test_a_token_that_no_header_can_carry_is_refused(self):
        for token in ("", "a\nX-Evil: 1", "a\r", "\x00", "\xe9"):
            answer = {"kind": "get", "token": token, "cache": "never"}
            line = json.dumps({"Ok": dict(answer, operation_independent=True)})
            prov = self.program("print('{\"v\":[1]}', flush=True)\ninput()\nprint(%r)" % line)
            with self.subTest(token):
                status, output, errors = self.run_example(*PRINT, prov)
                self.assertEqual((status, output), (1, ""))
                self.assertIn("no HTTP header can carry it", errors)


@posix_only
class Print(WithToken):
    VALUE = 'Bearer a"b\\c\t\\"$%{x}\'-s3cr3t'
    FORMS = [
        ("token", VALUE),
        ("header", "Authorization: " + VALUE),
        ("curl", 'header = "Authorization: Bearer a\\"b\\\\c\t\\\\\\"$%{x}\'-s3cr3t"'),
        (
            "bazel",
            '{"headers":{"Authorization":["Bearer a\\"b\\\\c\\t\\\\\\"$%{x}\'-s3cr3t"]}}',
        ),
    ]

    def test_forms(self):
        prov = self.giving(self.VALUE)
        for form, text in self.FORMS:
            with self.subTest(form):
                outcome = self.run_example("--index", INDEX, "--print", form, prov)
                self.assertEqual(outcome, (0, text + "\n", ""))

    def test_a_terminal_gets_no_token(self):
        prov = self.giving()
        command = [sys.executable, *FLAGS, self.EXAMPLE, *PRINT, prov]
        terminal = Terminal(command, env=self.environment())
        self.addCleanup(terminal.close)
        text = b"--print writes the token to a pipe or a file: standard output is neither\r\n"
        self.assertEqual(terminal.rest(), (1, b"with_token.py: " + text))
        self.assertFalse(os.path.exists(self.path("prov.log")))

    def test_an_output_that_is_closed_or_full_is_reported(self):
        neither = "--print writes the token to a pipe or a file: standard output is neither"
        rows = [("exec >&-", neither)]
        if os.path.exists("/dev/full"):
            rows.append(("exec >/dev/full", "cannot write the token: No space left on device"))
        for redirection, text in rows:
            shell = 'python=$1; shift; %s; exec "$python" -W error "$@"' % redirection
            command = ["sh", "-c", shell, "sh", sys.executable, self.EXAMPLE, *PRINT]
            process = subprocess.Popen(
                [*command, self.giving()], stderr=subprocess.PIPE, env=self.environment()
            )
            with self.subTest(redirection):
                _, errors = process.communicate(timeout=60)
                self.assertEqual(errors.decode(), "with_token.py: %s\n" % text)
                self.assertEqual(process.returncode, 1)


@posix_only
class Command(WithToken):
    def test_its_environment(self):
        prov = self.giving()
        corp = ["CARGO_REGISTRIES_MY_CORP_" + BUILT_IN, "CARGO_REGISTRIES_MY_CORP_INDEX=" + INDEX]
        corp.append("CARGO_REGISTRIES_MY_CORP_TOKEN=" + TOKEN)
        crates = ["CARGO_REGISTRY_" + BUILT_IN, "CARGO_REGISTRY_TOKEN=" + TOKEN]
        for options, lines in [(NAMED, corp), ([*CRATES_IO, "--name", "crates-io"], crates)]:
            for variable in lines:  # it replaces what was there
                self.more[variable.split("=")[0]] = "old"
            with self.subTest(options):
                _, output, errors = self.run_example(*options, prov, "--", *SHOW)
                self.assertEqual((output.splitlines(), errors), (lines, ""))
            self.more.clear()

    def test_it_replaces_the_example(self):
        code = "import os, sys; print(os.getpid(), sys.stdin.read()); sys.exit(7)"
        options = [*NAMED, self.giving(), "--", sys.executable, "-SEc", code]
        process = start([self.EXAMPLE, *options], env=self.environment())
        output, errors = process.communicate(b"input", timeout=60)
        self.assertEqual(output.decode(), "%d input\n" % process.pid)
        self.assertEqual((process.returncode, errors), (7, b""))

    def test_it_gets_signals_as_any_program_does(self):
        if not os.path.exists("/proc/self/status"):
            self.skipTest("needs /proc")
        command = [shutil.which("grep"), "SigIgn", "/proc/self/status"]
        _, output, _ = self.run_example(*NAMED, self.giving(), "--", *command)
        direct = subprocess.check_output(command, timeout=60).decode()
        # Signals 1 to 31: a start by posix_spawn also ignores two that the C library keeps
        ignored = [int(text.split()[1], 16) & 0x7FFFFFFF for text in (output, direct)]
        self.assertEqual(*ignored)

    def test_what_cannot_be_run_is_reported(self):
        prov = self.giving()
        self.write("file", "")
        for command, text in [
            ("no-such-command", "No such file or directory"),
            (self.path("file"), "Permission denied"),
        ]:
            with self.subTest(command):
                text = "cannot run `%s`: %s" % (command, text)
                self.assert_fails([*NAMED, prov, "--", command], 1, text)

    def test_no_program_of_the_current_directory_is_started(self):
        prov = self.giving()
        for name in ("tool", "prov"):
            self.write(name, "#!/bin/sh\necho ran >%s\n" % self.path("mark"), 0o755)
        whole = self.path("bin")
        self.write("bin/tool", '#!/bin/sh\necho "$PATH"\n', 0o755)
        for path in (":%s", ".:%s", "::./:bin:%s:"):
            self.more["PATH"] = path % whole
            with self.subTest(path):
                outcome = self.run_example(*NAMED, prov, "--", "tool")
                self.assertEqual(outcome, (0, whole + "\n", ""))
        for path in (":", ".", "", None):
            self.more["PATH"] = path
            with self.subTest(path):
                self.assertEqual(self.run_example(*NAMED, prov, "--", "tool")[0], 1)
                self.assertEqual(self.run_example(*PRINT, "prov")[0], 1)
        self.assertFalse(os.path.exists(self.path("mark")))

    def test_the_module_is_beside_the_example_or_one_directory_up(self):
        for folder in ("tools", "tools/examples"):
            os.makedirs(self.path(folder))
            path = shutil.copy(self.EXAMPLE, self.path(folder))
            shutil.copy(MODULE, self.path("tools"))
            with self.subTest(folder):
                outcome = self.run_example(*PRINT, self.giving(), path=path)
                self.assertEqual(outcome, (0, TOKEN + "\n", ""))
            shutil.rmtree(self.path("tools"))


@needs("cargo")
@posix_only
class WithTokenWithCargo(WithToken, CargoWithExample):
    def run_cargo(self, *arguments, index=None, options=()):
        """(status, output) of Cargo in the project, run by the example."""
        options = [*options, "--index", index or self.index, "--name", "alt"]
        status, output, errors = self.run_example(
            *options,
            self.giving(self.TOKEN),
            "--",
            "cargo",
            *arguments,
            cwd=self.path("project"),
            env=self.cargo_environment(),
        )
        self.assertNotIn(TOKEN, output + errors)
        return status, output + errors

    def tokens(self):
        return {token for _, _, token in self.registry.log if token is not None}

    def test_cargo_updates_builds_and_publishes(self):
        self.configure()
        self.assertIn("require a credential-provider", self.cargo("update", status=101))
        self.assertEqual(self.run_cargo("update")[0], 0)
        status, output = self.run_cargo("build")
        self.assertEqual(status, 0, output)
        self.assertIn("Compiling dep v1.0.0 (registry `", output)
        publish = ("publish", "--allow-dirty", "--no-verify", "--registry", "alt")
        status, output = self.run_cargo(*publish, options=["--operation", "publish"])
        self.assertEqual(status, 0, output)
        self.assertEqual(self.sent("PUT"), [("/api/v1/crates/new", self.TOKEN)])

    def test_cargo_ignores_the_users_provider_and_does_not_warn(self):
        self.configure(self.recorder("other", "raise NotFound"))
        status, output = self.run_cargo("update")
        self.assertEqual(status, 0, output)
        self.assertNotIn("that will be ignored because", output)
        self.assertFalse(os.path.exists(self.path("other.log")))
        # The token's variable alone is ignored
        self.more["CARGO_REGISTRIES_ALT_TOKEN"] = self.TOKEN
        os.remove(self.path("project/Cargo.lock"))
        self.assertIn("that will be ignored because", self.cargo("update", status=101))

    def test_a_checkout_that_gives_the_name_another_index_gets_no_token(self):
        self.configure()  # the registry that logs is the attacker's
        users = "sparse+http://127.0.0.1:9/index/"
        status, output = self.run_cargo("update", index=users)
        self.assertEqual(status, 101)
        self.assertRegex(output, "127.0.0.1(:| port )9")
        self.assertEqual(self.registry.log, [])
        # The test would fail without the index in the environment
        self.more.update(CARGO_REGISTRIES_ALT_TOKEN=self.TOKEN)
        self.more["CARGO_REGISTRIES_ALT_CREDENTIAL_PROVIDER"] = "cargo:token"
        self.cargo("update")
        self.assertEqual(self.tokens(), {self.TOKEN})

    @needs("curl")
    def test_curl_reads_the_header(self):
        self.registry.token = self.TOKEN = Print.VALUE
        prov = self.giving(self.TOKEN)
        process = start(
            [self.EXAMPLE, "--index", self.index, "--print", "curl", prov], env=self.environment()
        )
        line, _ = process.communicate(timeout=60)
        curl = ["curl", "--silent", "--fail", "-K", "-", self.registry.url + "/index/config.json"]
        output = subprocess.run(
            curl, input=line, stdout=subprocess.PIPE, env=self.environment(), timeout=60
        )
        self.assertEqual(json.loads(output.stdout.decode())["auth-required"], True)
        self.assertEqual(self.tokens(), {self.TOKEN})


if __name__ == "__main__":
    unittest.main()
