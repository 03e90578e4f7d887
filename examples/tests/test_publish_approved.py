#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of publish_approved.py, also with real Cargo.

python3 examples/tests/test_publish_approved.py [-v] [CLASS[.test] ...]
"""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.abspath(os.path.join(sys.path[0], os.pardir, os.pardir)))

import cargo_credential as cc
from support import READ, CargoWithExample, Example, example
from test_cargo_credential import (
    MODULE,
    NOT_FOUND,
    REGISTRY,
    URL_NOT_SUPPORTED,
    line_of,
    needs,
    posix_only,
)

SHA = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
LINE = "foo 1.0.0 " + SHA
PUBLISH = cc.GetAction(cc.PublishOperation("foo", "1.0.0", SHA))
LOGIN = cc.LoginAction(cc.LoginOptions())
LOGOUT = cc.LogoutAction()
ALWAYS = "return GetResponse(Secret(%r), %s)"
CACHES = ["CacheSession()", "CacheExpires(time.time() + 3600)", "CacheNever()"]
ONLY = (
    "publish_approved.py gives a token only to read, and to publish an approved crate: for anything"
    " else, configure the other provider alone"
)
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


class Approved(Example):
    EXAMPLE = example("publish_approved.py")
    TOKEN = CargoWithExample.TOKEN

    def setUp(self):
        super().setUp()
        self.addCleanup(os.umask, os.umask(0o022))
        self.directory = os.path.realpath(self.directory)
        self.file = self.path("approved")

    def inner(self, code=None, cache=CACHES[0]):
        return self.recorder("inner", code or ALWAYS % (self.TOKEN, cache))

    def approve(self, *lines):
        return self.write("approved", "".join(line + "\n" for line in lines), 0o644)

    def not_approved(self, line=LINE):
        where = "this crate is not approved: to approve it, add this to `%s`: " % self.file
        return where + line

    def answer(self, action, cache=CACHES[0]):
        (answer,), errors = self.ask(
            line_of(action, REGISTRY, [self.file, self.inner(None, cache)])
        )
        self.assertEqual(errors, "")
        return answer

    def assert_refused(self, text, action=PUBLISH):
        self.assertEqual(self.text(action, [self.file, self.inner()]), text)
        self.assertFalse(os.path.exists(self.path("inner.log")))


@posix_only
class Requests(Approved):
    def test_a_token_to_publish_is_for_one_publish(self):
        self.approve("# reviewed by me", "", LINE)
        token = cc.Secret(self.TOKEN)
        once = cc.GetResponse(token, cc.CacheNever(), operation_independent=False).to_json()
        for cache in CACHES:
            with self.subTest(cache):
                self.assertEqual(self.answer(PUBLISH, cache), once)

    def test_a_token_to_read_is_for_reads_only(self):
        for cache in CACHES[::2]:
            with self.subTest(cache):
                ok = json.loads(self.answer(READ, cache))["Ok"]
                self.assertEqual(ok["cache"], cache[len("Cache") : -len("()")].lower())
                self.assertIs(ok["operation_independent"], False)

    def test_other_operations_are_refused(self):
        self.approve(LINE)
        for operation in (
            cc.YankOperation("foo", "1.0.0"),
            cc.UnyankOperation("foo", "1.0.0"),
            cc.OwnersOperation("foo"),
            cc.UnknownOperation(),
        ):
            with self.subTest(operation):
                self.assert_refused(ONLY, cc.GetAction(operation))

    def test_the_answers_of_the_other_provider_reach_cargo_unchanged(self):
        self.approve(LINE)
        for code, answer in [
            ("raise UrlNotSupported", URL_NOT_SUPPORTED),
            ("raise NotFound", NOT_FOUND),
            ("raise OtherError('m', ['c', 'd'])", cc.OtherError("m", ["c", "d"]).to_json()),
        ]:
            args = [self.file, self.inner(code), "its", "own"]
            for action in (READ, PUBLISH, LOGIN, LOGOUT):
                with self.subTest(code, action=action):
                    self.assertEqual(self.ask(line_of(action, REGISTRY, args)), ([answer], ""))
                    self.assertIn("['its', 'own']", self.log("inner")[-1])

    def test_a_wrong_configuration_is_reported(self):
        needs_both = (
            "publish_approved.py needs a file and another provider: add their absolute paths after"
            " this one's in `credential-provider`"
        )
        relative = "`%s` is a relative path: name the absolute path of the %s"
        for args, text in [
            ([], needs_both),
            (["/approved"], needs_both),
            (["approved", "/prov.py"], relative % ("approved", "file")),
            (["~/approved", "/prov.py"], relative % ("~/approved", "file")),
            (["/approved", "./prov.py"], relative % ("./prov.py", "provider")),
            (["/approved", "cargo:token"], "`cargo:token` is built into Cargo: name a program"),
        ]:
            for action in (PUBLISH, READ, LOGOUT):
                with self.subTest(args, action=action):
                    self.assertEqual(self.text(action, args), text)

    def test_the_docstrings_command_shows_what_cargo_gets(self):
        self.assert_tries_as_documented("publish_approved.py gives a token only to read")


@posix_only
class File(Approved):
    # (content, whether it approves LINE)
    CONTENTS = [
        (LINE, True),
        (LINE + "\n", True),
        ("  foo\t1.0.0  %s \r\n" % SHA, True),
        ("#\n\n \nother 1.0.0 %s\n%s\n" % (SHA, LINE), True),
        ("\xe9\n" + LINE, True),
        ("", False),
        ("# " + LINE, False),
        ("#" + LINE, False),
        # Ends of lines that only some programs know
        ("# a\r" + LINE, False),
        ("# a\x0b%s\n# a\x0c%s\n# a\x85%s\n# a\u2028%s" % (4 * (LINE,)), False),
        (LINE + " # by me", False),
        (LINE.upper(), False),
        ("foo 1.0.0", False),
        ("foo 1.0.0 *", False),
        ("foo * " + SHA, False),
        ("foo 1.0.00 " + SHA, False),
        ("foo-bar 1.0.0 " + SHA, False),
        ("foo 1.0.0 %s0" % SHA, False),
        ("foo 1.0.0\n" + SHA, False),
    ]

    def test_a_line_approves_exactly_one_crate(self):
        for content, approves in self.CONTENTS:
            with self.subTest(content):
                with open(self.file, "wb") as file:
                    file.write(content.encode())
                answer = json.loads(self.answer(PUBLISH))
                if approves:
                    self.assertIn("Ok", answer)
                else:
                    self.assertEqual(answer["Err"]["message"], self.not_approved())

    def test_a_value_that_is_not_one_plain_word_is_refused(self):
        start = "a crate that can be approved has a name and a version in ASCII and a SHA-256"
        start += " checksum, unlike "
        for crate, shown in [
            (("", "", ""), "'  '"),
            (("foo", "1.0.0", "ab12"), "'foo 1.0.0 ab12'"),
            (("foo", "", SHA), "'foo  %s'" % SHA),
            (("foo 1.0.0", "1", SHA), "'foo 1.0.0 1 %s'" % SHA),
            (("f\u043eo", "1.0.0", SHA), r"'f\u043eo 1.0.0 %s'" % SHA),
            (("foo", "1\n", SHA), r"'foo 1\n %s'" % SHA),
            (("\x1b[2J", "1", SHA), r"'\x1b[2J 1 %s'" % SHA),
        ]:
            self.approve(" ".join(crate))
            with self.subTest(crate):
                self.assert_refused(start + shown, cc.GetAction(cc.PublishOperation(*crate)))

    def test_a_missing_file_approves_nothing(self):
        self.assert_refused(self.not_approved())

    def test_a_file_that_others_may_write_is_refused(self):
        text = "other users may write to `%s`, and approve crates: run `chmod go-w` on it"
        self.approve(LINE)
        for mode in (0o664, 0o646, 0o622):
            os.chmod(self.file, mode)
            with self.subTest(oct(mode)):
                self.assert_refused(text % self.file)
        for mode in (0o400, 0o600, 0o644, 0o755):
            os.chmod(self.file, mode)
            with self.subTest(oct(mode)):
                self.assertIn('"Ok"', self.answer(PUBLISH))

    def test_a_directory_in_which_others_could_replace_the_file_is_refused(self):
        text = "other users may write to `%s`, and approve crates: run `chmod go-w` on it"
        self.file = self.write("a/b/approved", LINE)
        for folder in ("a", "a/b"):
            for mode in (0o775, 0o757):
                os.chmod(self.path(folder), mode)
                with self.subTest(folder, mode=oct(mode)):
                    self.assert_refused(text % self.path(folder))
            os.chmod(self.path(folder), 0o1777)  # as /tmp
            self.assertIn('"Ok"', self.answer(PUBLISH))
            os.remove(self.path("inner.log"))

    @unittest.skipUnless(ROOT, "needs root")
    def test_a_file_or_a_directory_of_another_user_is_refused(self):
        text = (
            "`%s` belongs to another user (uid 1500), who could approve crates: name a file of your"
            " own, in a directory of your own"
        )
        self.file = self.write("a/approved", LINE)
        for path in ("a/approved", "a"):
            os.chown(self.path(path), 1500, 1500)
            os.chmod(self.path("a"), 0o1777)  # the owner of a sticky directory can replace files
            with self.subTest(path):
                self.assert_refused(text % self.path(path))
            os.chown(self.path(path), 0, 0)
        self.assertIn('"Ok"', self.answer(PUBLISH))

    def test_a_link_is_refused(self):
        file = self.write("real/approved", LINE)
        for link, target in [("link", "real/approved"), ("folder", "real"), ("gone", "none")]:
            os.symlink(self.path(target), self.path(link))
        for path, real in [
            (self.path("link"), file),
            (self.path("folder/approved"), file),
            (self.path("gone"), self.path("none")),
            (self.path("real/../real/approved"), file),
        ]:
            self.file = path
            with self.subTest(path):
                self.assert_refused("`%s` is not the file's real path: write `%s`" % (path, real))

    def test_what_is_not_a_regular_file_is_refused(self):
        os.mkfifo(self.path("pipe"), 0o600)
        os.mkdir(self.path("folder"))
        for name, text in [
            ("pipe", "`%s` is not a regular file"),
            ("folder", "cannot read `%s`: Is a directory"),
        ]:
            self.file = self.path(name)
            with self.subTest(name):
                self.assert_refused(text % self.file)

    def test_a_file_that_cannot_be_read_is_refused(self):
        self.file = self.write("a", "") + "/approved"
        self.assert_refused("cannot read `%s`: Not a directory" % self.file)


# A provider that has the error against which publish_approved.py guards
UNBOUND = """
    import sys
    sys.path.insert(0, %r)
    from publish_approved import PublishApproved
    class Provider(PublishApproved):
        def perform(self, registry, action, args):
            answer = super().perform(registry, action, args)
            return GetResponse(answer.token, answer.cache, operation_independent=True)
""" % os.path.dirname(Approved.EXAMPLE)


@needs("cargo")
@posix_only
class PublishApprovedWithCargo(Approved, CargoWithExample):
    def refused_line(self):
        """The line that the error of `cargo publish` shows."""
        shown = self.publish(status=101)
        self.assertIn(self.not_approved(""), shown)
        self.assertEqual(set(self.log("inner")), {"get ReadOperation() []"})
        return shown.split(self.not_approved(""))[1].splitlines()[0]

    def test_only_the_approved_crate_is_published(self):
        self.configure(self.EXAMPLE, self.file, self.inner())
        line = self.refused_line()
        self.assertRegex(line, r"\Aapp 0\.1\.0 [0-9a-f]{64}\Z")
        self.approve("# from the error", line)
        manifest = self.PROJECT.replace("0.1.0", "0.2.0")
        self.write("project/Cargo.toml", manifest)
        self.assertRegex(self.refused_line(), r"\Aapp 0\.2\.0 [0-9a-f]{64}\Z")
        self.write("project/Cargo.toml", self.PROJECT)
        self.write("project/evil.rs", "")
        self.assertNotEqual(self.refused_line(), line)
        self.assertEqual(self.sent("PUT"), [])
        os.remove(self.path("project/evil.rs"))
        self.publish()
        self.assertEqual(self.sent("PUT"), [("/api/v1/crates/new", self.TOKEN)])
        publish = "get PublishOperation(name='%s', vers='%s', cksum='%s') []" % tuple(line.split())
        self.assertEqual(self.log("inner").count(publish), 1)

    def test_whatever_the_cache_of_the_token_a_publish_is_refused(self):
        for cache in CACHES:
            with self.subTest(cache):
                self.configure(self.EXAMPLE, self.file, self.inner(None, cache))
                self.refused_line()
        self.assertEqual(self.sent("PUT"), [])

    def test_cargo_publishes_with_an_unbound_token_to_read(self):
        """So the test above would fail without `operation_independent=False`."""
        self.configure(self.provider(UNBOUND, "unbound.py"), self.file, self.inner())
        self.publish()
        self.assertEqual(self.sent("PUT"), [("/api/v1/crates/new", self.TOKEN)])

    def test_yank_and_owners_are_refused(self):
        self.registry.add({"name": "app", "vers": "0.1.0"}, self.registry.crate("app", "0.1.0"))
        self.configure(self.EXAMPLE, self.file, self.inner())
        for command in (
            ("yank", "app@0.1.0"),
            ("yank", "--undo", "app@0.1.0"),
            ("owner", "--add", "them", "app"),
        ):
            with self.subTest(command):
                self.assertIn(ONLY, self.cargo(*command, "--registry", "alt", status=101))
        self.assertEqual(self.sent("PUT") + self.sent("DELETE"), [])

    def test_login_build_and_logout_go_to_the_other_provider(self):
        store = self.path("store.json")
        self.configure(self.EXAMPLE, self.file, MODULE, "--any-registry", "--example-file", store)
        self.login()
        self.assertEqual(json.loads(self.read("store.json").decode()), {self.index: self.TOKEN})
        self.cargo("update")
        self.assertIn(self.not_approved(""), self.publish(status=101))
        self.logout()
        self.assertEqual(json.loads(self.read("store.json").decode()), {})


if __name__ == "__main__":
    unittest.main()
