#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of cargo_credential.py, and of the examples and the project where these are there.

    python3 test_cargo_credential.py                      all tests
    python3 test_cargo_credential.py --quick              those without processes, in 3 seconds
    python3 test_cargo_credential.py -k read_token        all whose name contains this (Python 3.7)
    python3 test_cargo_credential.py ExampleFile -v       a class, or CLASS.test

They need only Python 3.6 or newer. A test that needs a program is skipped if that is missing; with
CARGO_CREDENTIAL_REQUIRE_TOOLS=1 in the environment, it fails. CARGO_CREDENTIAL_FUZZ=SEED repeats a
failure of the fuzz test.
"""

import atexit
import base64
import collections
import copy
import datetime
import faulthandler
import functools
import hashlib
import http.server
import importlib.util
import io
import json
import os
import pickle
import py_compile
import random
import re
import select
import shlex
import shutil
import signal
import socketserver
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import threading
import time
import unittest
from unittest import mock
from urllib.parse import quote

try:
    import fcntl
    import pty
    import resource
    import termios
except ImportError:  # Windows, and Python in a browser
    pass

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
sys.modules.setdefault("test_cargo_credential", sys.modules[__name__])  # for the other files

import cargo_credential as cc  # noqa: E402

MODULE = os.path.join(HERE, "cargo_credential.py")
CRATES_IO = "https://github.com/rust-lang/crates.io-index"
TOKEN = "s3cr3t-t0ken"
FROM_FILE = "to pass it from a file, add `< FILE` to the command"
WINDOWS = sys.platform == "win32"
BROWSER = sys.platform == "emscripten"
POSIX = not (WINDOWS or BROWSER)
DEEP = 100 if BROWSER else 100000  # a browser ends the program where Python raises RecursionError
SEED = os.environ.get("CARGO_CREDENTIAL_FUZZ") or str(random.randrange(10**9))
REQUIRED = os.environ.get("CARGO_CREDENTIAL_REQUIRE_TOOLS", "") not in ("", "0")
LOAD = os.environ.get("CARGO_CREDENTIAL_LOAD", "") not in ("", "0")  # slow tests, too
SILENCE = 60 if LOAD or WINDOWS else 10  # seconds for a process that prints no more
CACHE = tempfile.mkdtemp()  # compiled files, and a compiled copy of the module for providers
atexit.register(shutil.rmtree, CACHE, True)
py_compile.compile(shutil.copy(MODULE, CACHE))
# Without site-packages, Python starts in half the time
FLAGS = ["-W", "error"] + ([] if LOAD else ["-S"])
PROGRAMS = os.path.join(CACHE, "bin")  # has the python3 of scripts
os.mkdir(PROGRAMS)
with open(os.path.join(PROGRAMS, "python3"), "w") as python3:
    python3.write('#!/bin/sh\nexec %s -S "$@"\n' % shlex.quote(sys.executable))
os.chmod(python3.name, 0o755)


# ---- The environment of the tests ---------------------------------------------------------------
def clean_environment():
    """Remove what changes how Python, Cargo, git or ssh behave. All processes use UTF-8."""
    foreign = r"(?i)(PYTHON|CARGO|RUST(?!UP_)|GIT_|SSH_|XDG_|CURL_|SSL_).*|.*_proxy\Z|CI\Z"
    for name in [name for name in os.environ if re.match(foreign, name)]:
        del os.environ[name]
    if sys.getfilesystemencoding() != "utf-8":  # as Python 3.6 without a locale
        os.environ["LC_ALL"] = "C.UTF-8"
    home = os.path.expanduser("~")  # from the user database, if HOME is not set
    os.environ.setdefault("RUSTUP_HOME", os.path.join(home, ".rustup"))
    os.environ.setdefault("PATH", os.path.join(home, ".cargo", "bin") + os.pathsep + os.defpath)


def hear_signals():
    """Let processes start with the usual signals, also if this one ignores some, as with nohup."""
    for name in ("SIGINT", "SIGHUP", "SIGTERM", "SIGQUIT"):
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)  # unlike SIG_IGN, no process inherits this


clean_environment()
hear_signals()


@functools.lru_cache(None)
def folders_of_programs():
    """The folders where processes look first: for python3, and for Cargo without rustup's proxy."""
    folders = [os.path.dirname(sys.executable)]
    if POSIX and not LOAD:
        folders.insert(0, PROGRAMS)
    if os.path.basename(os.path.realpath(shutil.which("cargo") or "")) == "rustup":
        found = subprocess.run(["rustc", "--print", "sysroot"], stdout=subprocess.PIPE, check=False)
        folders.append(os.path.join(found.stdout.decode().strip() or folders[0], "bin"))
    return folders


def environment(**more):
    """The environment of processes, in which `/usr/bin/env python3` is this Python."""
    path = os.pathsep.join(folders_of_programs() + [os.environ["PATH"]])
    kept = dict(os.environ, PATH=path, **more)
    if sys.version_info < (3, 8):
        return dict({"PYTHONDONTWRITEBYTECODE": "1"}, **kept)
    return dict({"PYTHONPYCACHEPREFIX": CACHE}, **kept)  # compiled once, and not beside the module


def needs(*tools):
    """Skip a test where a tool is missing, unless the run requires tools. Wine never has them."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing and (WINDOWS or not REQUIRED):
        return unittest.skip("needs " + ", ".join(missing))
    return lambda test: test


posix_only = unittest.skipUnless(POSIX, "needs a POSIX system")
# A copy of the module can lack the last two sections
cargos_side = unittest.skipUnless(hasattr(cc, "CredentialProcess"), "needs Cargo's side")
file_provider = unittest.skipUnless(hasattr(cc, "_FileCredential"), "needs the file provider")


# ---- Requests, providers and answers ------------------------------------------------------------
REGISTRY = cc.RegistryInfo("sparse+https://r.example/index/", "alt", ['Www-Authenticate: x="y"'])
REGISTRY_JSON = (
    r'{"index-url":"sparse+https://r.example/index/","name":"alt",'
    r'"headers":["Www-Authenticate: x=\"y\""]}'
)
BARE = cc.RegistryInfo("url")
CRATES = cc.RegistryInfo(CRATES_IO, "crates-io")
READ = cc.GetAction(cc.ReadOperation())


def request(action, registry=BARE, args=()):
    return cc.CredentialRequest(1, registry, action, args)


def line_of(action, registry=REGISTRY, args=()):
    return request(action, registry, args).to_json().encode("utf-8") + b"\n"


def get(registry=CRATES, args=()):
    return line_of(READ, registry, args)


def login(token, registry=CRATES, args=()):
    return line_of(cc.LoginAction(cc.LoginOptions(cc.Secret(token))), registry, args)


def logout(registry=CRATES, args=()):
    return line_of(cc.LogoutAction(), registry, args)


def token_answer(token):
    fields = '"kind":"get","token":"%s","cache":"session","operation_independent":true' % token
    return '{"Ok":{%s}}' % fields


GET, LOGIN, LOGOUT = get(REGISTRY), login(TOKEN, REGISTRY), logout(REGISTRY)
LOGIN_OK = '{"Ok":{"kind":"login"}}'
LOGOUT_OK = '{"Ok":{"kind":"logout"}}'
NOT_FOUND = '{"Err":{"kind":"not-found"}}'
NOT_SUPPORTED = '{"Err":{"kind":"operation-not-supported"}}'
URL_NOT_SUPPORTED = '{"Err":{"kind":"url-not-supported"}}'


class Recorder(cc.Credential):
    """A provider that records what it is asked, and then calls, raises or returns `does`."""

    def __init__(self, does):
        self.does, self.requests = does, []

    def perform(self, registry, action, args):
        self.requests.append((registry, action, args))
        if isinstance(self.does, BaseException):
            raise self.does
        return self.does(registry, action, args) if callable(self.does) else self.does


def serve(credential, *lines):
    """The lines that a provider writes, without the hello."""
    written = io.BytesIO()
    cc.serve(credential, io.BytesIO(b"".join(lines)), written)
    hello, answers = written.getvalue().split(b"\n", 1)
    assert hello == b'{"v":[1]}', hello
    assert answers == b"" or answers.endswith(b"\n")
    return answers.decode("utf-8").split("\n")[:-1]


def answer(credential, line=GET):
    """One answer's Ok or Err."""
    (text,) = serve(credential, line)
    return json.loads(text)


def summary_of(line):
    """An answer in short: its kind, then the token, or the message and each cause."""
    (found,) = json.loads(line).values()
    texts = [found[name] for name in ("kind", "token", "message") if name in found]
    return ": ".join(texts + found.get("caused-by", []))


def outcome(does, line=GET):
    """What Cargo gets, in short, from a provider that does this."""
    (text,) = serve(does if isinstance(does, cc.Credential) else Recorder(does), line)
    return summary_of(text)


def forget_secrets():
    """Forget the values of all Secrets: those of one test could hide another's."""
    cc._remembered.clear()


def message_of(error, function, *arguments):
    """The text of the exception of exactly this class that a function raises."""
    try:
        function(*arguments)
    except error as caught:
        assert type(caught) is error, type(caught)
        return str(caught)
    raise AssertionError("no " + error.__name__)


# ---- The messages -------------------------------------------------------------------------------
class Message(unittest.TestCase):
    """A test with tables of messages."""

    def assert_round_trip(self, value, line):
        """A value is written byte for byte, and read back from a str and from bytes."""
        kind = type(value).__mro__[0 if "from_json" in vars(type(value)) else 1]
        self.assertEqual(value.to_json(), line)
        for text in (line, line.encode("utf-8")):
            self.assertEqual(kind.from_json(text), value)
            self.assertIs(type(kind.from_json(text)), type(value))

    def assert_request_round_trip(self, action, fields):
        """The same for the request with this action."""
        line = '{"v":1,"registry":{"index-url":"url"},"kind":%s}' % fields
        self.assert_round_trip(request(action), line)
        self.assertEqual(str(cc.CredentialRequest.from_json(line).action), str(action))

    def assert_reads(self, kind, rows):
        for line, value in rows:
            with self.subTest(line):
                self.assertEqual(kind.from_json(line), value)

    def assert_refuses(self, kind, rows):
        """Each line is a ProtocolError with this text, which quotes no value."""
        for line, message in rows:
            with self.subTest(line[:80]):
                with self.assertRaises(cc.ProtocolError) as caught:
                    kind.from_json(line)
                if "Expecting" not in message:  # PyPy has other words for it
                    self.assertEqual(str(caught.exception), message)
                self.assertIsInstance(caught.exception, ValueError)
                self.assertNotIsInstance(caught.exception, cc.Error)
                context = caught.exception.__context__  # it could hold a token
                self.assertTrue(context is None or caught.exception.__suppress_context__)
                self.assertNotIn(TOKEN, str(caught.exception))


class CredentialHello(Message):
    def test_it_is_written_byte_for_byte_and_read_back(self):
        self.assert_round_trip(cc.CredentialHello([1]), '{"v":[1]}')
        self.assert_round_trip(cc.CredentialHello([]), '{"v":[]}')
        self.assert_round_trip(cc.CredentialHello([2, 0, 4294967295]), '{"v":[2,0,4294967295]}')
        self.assertEqual(cc.CredentialHello((1, 2)).to_json(), '{"v":[1,2]}')

    def test_spaces_line_ends_and_other_fields_are_tolerated(self):
        for line in (
            ' {"v" : [ 1 ],\t"x": {"y": 1e300}}\r\n',
            '{"x":18446744073709551616,"v":[1]}',
        ):
            self.assertEqual(cc.CredentialHello.from_json(line), cc.CredentialHello([1]))

    def test_a_line_that_is_no_hello_is_a_ProtocolError(self):
        rows = [
            ("[1]", "the line must be an object"),
            ("{}", "missing field `v`"),
            ('{"v":1}', "field `v` must be a list"),
            ('{"v":null}', "field `v` must be a list"),
        ]
        bad = ("true", "-1", "4294967296", "1.0", '"1"', "null")
        rows += [('{"v":[1,%s]}' % v, "field `v` must be a list of versions") for v in bad]
        self.assert_refuses(cc.CredentialHello, rows)


class ProtocolError(Message):
    """What is not JSON as serde and this module read it."""

    def test_a_line_that_is_not_JSON(self):
        out_of_range = "not JSON: a number is out of range, or nested too deeply"
        rows = [
            ("", "not JSON: Expecting value: line 1 column 1"),
            ("{'v':1}", "not JSON: Expecting property name"),
            ('{"v":[1],"v":[1]}', "duplicate field"),
            ('{"v":[1],"x":1,"x":2}', "duplicate field"),
            ('{"v":[1],"x":[{"y":1,"y":1}]}', "duplicate field"),
            ('{"v":[NaN]}', out_of_range),
            ('{"v":[-Infinity]}', out_of_range),
            ('{"v":[1],"x":1e999}', out_of_range),
            ('{"v":[1],"x":-1e999}', out_of_range),
            ('{"v":[1],"x":"\\ud800"}', "not UTF-8"),
            ('{"v":[1],"\\uDFFF":1}', "not UTF-8"),
            ('{"v":[1],"x":"\ud800"}', "not UTF-8"),
            (b'{"v":[1],"x":"\xff"}', "not UTF-8"),
            ('{"v":[1]}'.encode("utf-16"), "not UTF-8"),
        ]
        deep = ['{"v":[1],"x":' + part * DEEP for part in ("[", '{"a":') if DEEP > 50000]
        rows += [(line, out_of_range) for line in deep]
        self.assert_refuses(cc.CredentialHello, rows)

    @unittest.skipIf(sys.implementation.name == "pypy", "PyPy has other words for it")
    def test_the_place_is_named(self):
        for line, message in [
            ("", "not JSON: Expecting value: line 1 column 1 (char 0)"),
            ('{"v":[1]} x', "not JSON: Extra data: line 1 column 11 (char 10)"),
            ('{"v":"\t"}', "not JSON: Invalid control character at: line 1 column 7 (char 6)"),
            ('{"v":"', "not JSON: Unterminated string starting at: line 1 column 6 (char 5)"),
        ]:
            read = cc.CredentialHello.from_json
            self.assertEqual(message_of(cc.ProtocolError, read, line), message)


class CredentialRequest(Message):
    def test_it_is_written_byte_for_byte_and_read_back(self):
        self.assert_round_trip(
            request(READ, REGISTRY, ["a b", "C:\\x", "\u00e9"]),
            '{"v":1,"registry":' + REGISTRY_JSON + ',"kind":"get","operation":"read",'
            '"args":["a b","C:\\\\x","\u00e9"]}',
        )

    def test_other_writers_spellings_are_tolerated(self):
        logout, url = request(cc.LogoutAction()), '"registry":{"index-url":"url"}'
        unknown = request(cc.UnknownAction(), BARE, ["a"])
        emoji = request(cc.LogoutAction(), cc.RegistryInfo("\u00e9\U0001f600"))
        login = request(cc.LoginAction(cc.LoginOptions()))
        operation = request(cc.GetAction(cc.UnknownOperation()))
        rows = [
            ('{"x":true,"v":1,%s,"kind":"logout","args":[]}' % url, logout),
            ('{"kind":"logout","registry":{"index-url":"url","x":1,"name":null},"v":1}', logout),
            ('{"v":1,"registry":{"index-url":"url","headers":[]},"kind":"logout"}', logout),
            ('{"v":1,"registry":{"index-url":"\\u00e9\\ud83d\\ude00"},"kind":"logout"}', emoji),
            ('{"v":1,%s,"kind":"frobnicate","args":["a"]}' % url, unknown),
            ('{"v":1,%s,"kind":"get","operation":"frob","name":1}' % url, operation),
            ('{"kind":"login","token":null,"login-url":null,%s,"v":1}' % url, login),
        ]
        self.assert_reads(cc.CredentialRequest, rows)

    def test_each_refusal_names_the_field(self):
        start = '{"v":1,"registry":{"index-url":"u"}'
        publish = start + ',"kind":"get","operation":"publish","name":"n",'
        strings = "field `%s` must be a list of strings"
        rows = [
            ('{"v":true}', "field `v` must be an integer"),
            ('{"v":1.0}', "field `v` must be an integer"),
            ('{"v":999,"registry":{"index-url":""}}', "unsupported protocol version 999"),
            ('{"v":-1,"registry":{"index-url":""}}', "unsupported protocol version -1"),
            ('{"v":1,"kind":"get"}', "missing field `registry`"),
            ('{"v":1,"registry":[]}', "field `registry` must be an object"),
            ('{"v":1,"registry":{}}', "missing field `index-url`"),
            ('{"v":1,"registry":{"index-url":null}}', "field `index-url` must be a string"),
            ('{"v":1,"registry":{"index-url":"u","name":1}}', "field `name` must be a string"),
            ('{"v":1,"registry":{"index-url":"","headers":0}}', "field `headers` must be a list"),
            ('{"v":1,"registry":{"index-url":"u","headers":["a",1]}}', strings % "headers"),
            (start + "}", "missing field `kind`"),
            (start + ',"kind":1}', "field `kind` must be a string"),
            (start + ',"kind":"get"}', "missing field `operation`"),
            (publish + '"vers":"1"}', "missing field `cksum`"),
            (publish + '"vers":1,"cksum":""}', "field `vers` must be a string"),
            (start + ',"kind":"login","token":{}}', "field `token` must be a string"),
            (start + ',"kind":"login","login-url":1}', "field `login-url` must be a string"),
            (start + ',"kind":"logout","args":["a",null]}', strings % "args"),
            ('{"v":1,"kind":"login","token":"%s"' % TOKEN, "not JSON: Expecting , delimiter"),
        ]
        self.assert_refuses(cc.CredentialRequest, rows)

    def test_the_repr_reads_like_the_call_and_shows_no_token(self):
        self.assertEqual(
            repr(request(cc.LoginAction(cc.LoginOptions(cc.Secret(TOKEN))))),
            "CredentialRequest(v=1, registry=RegistryInfo(index_url='url', name=None, headers=[]),"
            " action=LoginAction(options=LoginOptions(token=Secret([REDACTED]), login_url=None)),"
            " args=[])",
        )


class Actions(Message):
    def test_GetAction(self):
        self.assert_request_round_trip(
            cc.GetAction(cc.OwnersOperation("a")), '"get","operation":"owners","name":"a"'
        )

    def test_LoginAction_with_LoginOptions(self):
        options = cc.LoginOptions(cc.Secret("t"), "https://r/me")
        self.assert_request_round_trip(
            cc.LoginAction(options), '"login","token":"t","login-url":"https://r/me"'
        )
        self.assert_request_round_trip(
            cc.LoginAction(cc.LoginOptions(cc.Secret("t"))), '"login","token":"t"'
        )
        self.assert_request_round_trip(
            cc.LoginAction(cc.LoginOptions(None, "u")), '"login","login-url":"u"'
        )
        self.assert_request_round_trip(cc.LoginAction(cc.LoginOptions()), '"login"')

    def test_LogoutAction(self):
        self.assert_request_round_trip(cc.LogoutAction(), '"logout"')

    def test_UnknownAction(self):
        self.assert_request_round_trip(cc.UnknownAction(), '"unknown"')

    def test_an_Action_has_the_word_that_cargo_uses(self):
        actions = [READ, cc.LoginAction(cc.LoginOptions()), cc.LogoutAction(), cc.UnknownAction()]
        self.assertEqual([str(one) for one in actions], ["get", "login", "logout", "<unknown>"])
        self.assertEqual([one.kind for one in actions], ["get", "login", "logout", "unknown"])


class Operations(Message):
    def test_ReadOperation(self):
        self.assert_request_round_trip(READ, '"get","operation":"read"')

    def test_PublishOperation(self):
        fields = '"get","operation":"publish","name":"foo","vers":"0.1.0","cksum":"ab12"'
        self.assert_request_round_trip(
            cc.GetAction(cc.PublishOperation("foo", "0.1.0", "ab12")), fields
        )

    def test_YankOperation(self):
        action = cc.GetAction(cc.YankOperation("foo", "0.1.0"))
        self.assert_request_round_trip(
            action, '"get","operation":"yank","name":"foo","vers":"0.1.0"'
        )

    def test_UnyankOperation(self):
        action = cc.GetAction(cc.UnyankOperation("foo", "0.1.0"))
        self.assert_request_round_trip(
            action, '"get","operation":"unyank","name":"foo","vers":"0.1.0"'
        )

    def test_OwnersOperation(self):
        self.assert_request_round_trip(
            cc.GetAction(cc.OwnersOperation("a")), '"get","operation":"owners","name":"a"'
        )

    def test_UnknownOperation(self):
        self.assert_request_round_trip(
            cc.GetAction(cc.UnknownOperation()), '"get","operation":"unknown"'
        )

    def test_operations_are_equal_by_class_and_fields(self):
        yank = cc.YankOperation("a", "1")
        self.assertEqual(yank, cc.YankOperation("a", "1"))
        self.assertEqual(copy.deepcopy(yank), yank)
        for other in (cc.YankOperation("a", "2"), cc.UnyankOperation("a", "1"), "yank", None):
            self.assertNotEqual(yank, other)
        self.assertRaises(TypeError, hash, yank)
        self.assertEqual(repr(yank), "YankOperation(name='a', vers='1')")


class CredentialResponse(Message):
    def test_GetResponse(self):
        line = token_answer("Bearer x\\t~").replace("session", "never").replace("true", "false")
        self.assert_round_trip(
            cc.GetResponse(cc.Secret("Bearer x\t~"), cc.CacheNever(), False), line
        )
        self.assert_round_trip(cc.GetResponse(cc.Secret("t")), token_answer("t"))

    def test_LoginResponse(self):
        self.assert_round_trip(cc.LoginResponse(), LOGIN_OK)

    def test_LogoutResponse(self):
        self.assert_round_trip(cc.LogoutResponse(), LOGOUT_OK)

    def test_UnknownResponse(self):
        self.assert_round_trip(cc.UnknownResponse(), '{"Ok":{"kind":"unknown"}}')

    def test_a_subclass_that_overrides_to_json_does_not_change_what_cargo_gets(self):
        two_lines = {"to_json": lambda self: "two\nlines"}
        mine = type("Mine", (cc.LogoutResponse,), two_lines)()
        self.assertEqual(serve(Recorder(mine), LOGOUT), [LOGOUT_OK])

    def test_answers_of_other_writers_are_tolerated(self):
        get = '{"Ok":{"kind":"get","token":"t","cache":%s,"operation_independent":true}}'
        rows = [
            ('{"Ok":{"kind":"frob","token":1}}', cc.UnknownResponse()),
            ('{"Ok":{"kind":"login","x":18446744073709551616}}', cc.LoginResponse()),
            (get % '"later","x":0', cc.GetResponse(cc.Secret("t"), cc.CacheUnknown())),
        ]
        self.assert_reads(cc.CredentialResponse, rows)

    def test_each_refusal_names_the_field(self):
        get = '{"Ok":{"kind":"get","token":"t","cache":"expires",%s}}'
        one_field = "the line must be an object with one field, `Ok` or `Err`"
        independent = '"expiration":1,"operation_independent":%s'
        causes = "field `caused-by` must be a list of strings"
        rows = [
            ("{}", one_field),
            ('{"Ok":{"kind":"login"},"x":1}', one_field),
            ('{"Ok":null}', "field `Ok` must be an object"),
            ('{"Ok":{}}', "missing field `kind`"),
            ('{"Ok":{"kind":"get"}}', "missing field `token`"),
            ('{"Ok":{"kind":"get","token":null}}', "field `token` must be a string"),
            ('{"Ok":{"kind":"get","token":"t"}}', "missing field `cache`"),
            (get % '"x":1', "missing field `expiration`"),
            (get % '"expiration":1.5', "field `expiration` must be an integer"),
            (get % '"expiration":true', "field `expiration` must be an integer"),
            (get % '"expiration":1', "missing field `operation_independent`"),
            (get % (independent % 1), "field `operation_independent` must be true or false"),
            (get % (independent % "null"), "field `operation_independent` must be true or false"),
            ('{"Err":1}', "field `Err` must be an object"),
            ('{"Err":{"kind":1}}', "field `kind` must be a string"),
            ('{"Err":{"kind":"other"}}', "missing field `message`"),
            ('{"Err":{"kind":"other","message":"","caused-by":[1]}}', causes),
        ]
        self.assert_refuses(cc.CredentialResponse, rows)


class CacheControl(Message):
    def answers(self, cache, fields):
        line = '{"Ok":{"kind":"get","token":"t","cache":%s,"operation_independent":true}}'
        self.assert_round_trip(cc.GetResponse(cc.Secret("t"), cache), line % fields)

    def test_CacheNever(self):
        self.answers(cc.CacheNever(), '"never"')

    def test_CacheSession(self):
        self.answers(cc.CacheSession(), '"session"')
        self.assertEqual(cc.GetResponse(cc.Secret("t")).cache, cc.CacheSession())

    def test_CacheUnknown(self):
        self.answers(cc.CacheUnknown(), '"unknown"')

    def test_CacheExpires(self):
        for moment in (1693928537, 0, -377705116800, 253402300799):
            self.answers(cc.CacheExpires(moment), '"expires","expiration":%d' % moment)


class CacheExpires(unittest.TestCase):
    def test_the_time_is_kept_in_whole_seconds(self):
        utc = datetime.timezone.utc
        east = datetime.timezone(datetime.timedelta(hours=2))
        for moment, seconds in [
            (1693928537, 1693928537),
            (1693928537.9, 1693928537),
            (253402300799.9, 253402300799),
            (datetime.datetime(2023, 9, 5, 15, 42, 17, 999, tzinfo=utc), 1693928537),
            (datetime.datetime(2023, 9, 5, 17, 42, 17, tzinfo=east), 1693928537),
            (datetime.datetime.max.replace(tzinfo=utc), 253402300799),
        ]:
            kept = cc.CacheExpires(moment).expiration
            self.assertEqual((kept, type(kept)), (seconds, int))

    def test_a_time_that_cargo_cannot_read_is_refused(self):
        years = "expiration must be Unix seconds, such as time.time() + 3600, in the years -9999 to"
        years += " 9999 (is it in milliseconds?)"
        outside = float("nan"), float("inf"), 1693928537000, 253402300800, -377705116801, 10**400
        kind = "expiration must be Unix seconds or an aware datetime, not %s: "
        kind += "datetime.fromisoformat reads a text, and its `Z` from Python 3.11 on"
        aware = "expiration is a datetime without a time zone: give it a tzinfo"
        for moment, message in [
            *[(moment, years) for moment in outside],
            *[(odd, kind % type(odd).__name__) for odd in (True, None, "2026-09-05T15:42:17Z")],
            (datetime.date(2023, 9, 5), kind % "date"),
            (datetime.time(12, tzinfo=datetime.timezone.utc), kind % "time"),
            (datetime.datetime(2023, 9, 5), aware),
        ]:
            with self.subTest(moment):
                error = TypeError if kind[:40] == message[:40] else ValueError
                self.assertEqual(message_of(error, cc.CacheExpires, moment), message)

    def test_an_answer_with_such_a_time_is_a_ProtocolError(self):
        line = token_answer("t").replace('session"', 'expires","expiration":253402300800')
        self.assertRaises(cc.ProtocolError, cc.CredentialResponse.from_json, line)


class Error(Message):
    """Each kind is written byte for byte, raised when it is read, and answered as it is."""

    def check(self, error, line, text):
        self.assertEqual((error.to_json(), str(error)), (line, text))
        with self.assertRaises(cc.Error) as caught:
            cc.CredentialResponse.from_json(line)
        self.assertIs(type(caught.exception), type(error))
        self.assertEqual(str(caught.exception), text)
        self.assertEqual(caught.exception.caused_by, error.caused_by)
        self.assertEqual(serve(Recorder(error), GET, GET), [line, line])  # the session goes on

    def check_class(self, error, kind, text):
        self.check(error(), '{"Err":{"kind":"%s"}}' % kind, text)
        self.assertEqual(str(error("mine")), "mine")
        self.assertEqual(outcome(error("not for Cargo")), kind)

        def raises(registry, action, args):
            raise error

        self.assertEqual((error.kind, outcome(raises)), (kind, kind))

    def test_UrlNotSupported(self):
        self.check_class(cc.UrlNotSupported, "url-not-supported", "registry not supported")

    def test_NotFound(self):
        self.check_class(cc.NotFound, "not-found", "credential not found")

    def test_OperationNotSupported(self):
        text = "requested operation not supported"
        self.check_class(cc.OperationNotSupported, "operation-not-supported", text)

    def test_UnknownError(self):
        self.check_class(cc.UnknownError, "unknown", "unknown error kind; try updating Cargo?")
        for line in ('{"Err":{"kind":"frob","message":1}}', '{"Err":{"kind":""}}'):
            self.assertRaises(cc.UnknownError, cc.CredentialResponse.from_json, line)

    def test_OtherError(self):
        other = '{"Err":{"kind":"other","message":"%s","caused-by":%s}}'
        failed = "credential action failed"
        self.check(cc.OtherError("E3", ["E2", "E1"]), other % ("E3", '["E2","E1"]'), "E3")
        self.check(cc.OtherError("x"), other % ("x", "[]"), "x")
        self.check(cc.OtherError("x", "one text"), other % ("x", '["one text"]'), "x")
        self.check(cc.OtherError(), other % (failed, "[]"), failed)
        self.assertEqual(cc.OtherError.kind, "other")
        for causes in ("", ',"caused-by":null', ',"caused-by":[]'):
            line = '{"Err":{"kind":"other","message":"m"%s}}' % causes
            self.assertEqual(message_of(cc.OtherError, cc.CredentialResponse.from_json, line), "m")

    def test_causes_that_are_no_strings_become_strings(self):
        self.assertEqual(cc.OtherError("m", [ValueError("v"), 5]).caused_by, ("v", "5"))
        changed = cc.OtherError("m")
        changed.caused_by = (ValueError("v"),)
        self.assertEqual(outcome(changed), "other: m: v")

    def test_the_class_decides_what_cargo_gets(self):
        class Overridden(cc.NotFound):
            def to_json(self):
                raise RuntimeError("cannot write " + secret.expose())

        class Lined(cc.Error):
            caused_by = "one text with " + TOKEN

        class MadeUp(cc.NotFound):
            kind = "made-up"

        secret = cc.Secret(TOKEN)
        for error, message in [
            (Overridden(), "not-found"),
            (MadeUp("bad"), "not-found"),
            (Lined("bad"), "other: bad: one text with [REDACTED]"),
            (type("Listed", (cc.Error,), {"kind": []})("listed"), "other: listed"),
        ]:
            with mock.patch("sys.stderr", io.StringIO()) as stderr:
                self.assertEqual(outcome(error), message)
            self.assertEqual(stderr.getvalue(), "")


class MadeUpKinds(unittest.TestCase):
    """A new kind is one class and one entry in one table."""

    def test_each_is_read_and_written_through_its_table(self):
        class Rename(cc.Operation):
            kind = "rename"
            __match_args__ = ("name", "new")

            def __init__(self, name, new):
                self.name, self.new = name, new

        def made_up(name, base, kind):
            return type(base)(name, (base,), {"kind": kind})

        Rotate = made_up("Rotate", cc.Action, "rotate")
        RotateResponse = made_up("RotateResponse", cc.CredentialResponse, "rotate")
        CacheHour = made_up("CacheHour", cc.CacheControl, "hour")

        tables = ("_OPERATIONS", "_ACTIONS", "_RESPONSES", "_CACHES")
        for table, kind in zip(tables, (Rename, Rotate, RotateResponse, CacheHour)):
            patch = mock.patch.dict(getattr(cc, table), {kind.kind: kind})
            patch.start()
            self.addCleanup(patch.stop)
        asked = line_of(cc.GetAction(Rename("a", "b")))
        self.assertIn(b'"operation":"rename","name":"a","new":"b"', asked)
        recorder = Recorder(cc.GetResponse(cc.Secret("t"), CacheHour()))
        (text,) = serve(recorder, asked)
        self.assertEqual(recorder.requests[0][1], cc.GetAction(Rename("a", "b")))
        self.assertEqual(cc.CredentialResponse.from_json(text).cache, CacheHour())
        (text,) = serve(Recorder(RotateResponse()), line_of(Rotate()))
        self.assertEqual(cc.CredentialResponse.from_json(text), RotateResponse())

    def test_an_attribute_that_a_provider_sets_is_not_written(self):
        response, cache = cc.GetResponse(cc.Secret("t")), cc.CacheNever()
        response.note = response.kind = cache.kind = cache.expiration = TOKEN
        self.assertEqual(response.to_json(), token_answer("t"))
        response.cache = cache
        self.assertEqual(response.to_json(), token_answer("t").replace("session", "never"))
        operation = cc.OwnersOperation("a")
        operation.vers = operation.kind = TOKEN
        self.assertNotIn(TOKEN.encode(), line_of(cc.GetAction(operation)))

    def test_only_a_variant_has_a_kind(self):
        options = cc.LoginOptions()
        for value in (REGISTRY, options, request(READ), cc.CredentialHello([1]), cc.Credential()):
            self.assertFalse(hasattr(value, "kind"), value)

    def test_match_takes_the_fields_by_position(self):
        for name in cc.__all__:
            kind = getattr(cc, name)
            if hasattr(kind, "__match_args__") and "__init__" in vars(kind):
                code = kind.__init__.__code__
                self.assertEqual(kind.__match_args__, code.co_varnames[1 : code.co_argcount], name)


@cargos_side
class negotiate_version(Message):
    def test_the_highest_common_version_is_chosen(self):
        for offered, supported, version in [([1], [1], 1), ([3, 1, 2], (2, 1), 2)]:
            self.assertEqual(cc.negotiate_version(offered, supported), version)

    def test_without_a_common_version_it_fails_with_cargos_message(self):
        words = "credential provider supports protocol versions %s, while Cargo supports %s"
        for offered, supported in [([998, 999], [1]), ([], [1, 2])]:
            message = message_of(cc.OtherError, cc.negotiate_version, tuple(offered), supported)
            self.assertEqual(message, words % (offered, supported))

    def test_PROTOCOL_VERSION_1_is_what_a_provider_offers(self):
        self.assertEqual((cc.PROTOCOL_VERSION_1, type(cc.PROTOCOL_VERSION_1)), (1, int))
        self.assertEqual(serve(cc.Credential()), [])

    def test_a_second_version_is_one_entry_in_one_tuple(self):
        asked = cc.CredentialRequest(2, BARE, cc.LogoutAction()).to_json()
        self.assert_refuses(cc.CredentialRequest, [(asked, "unsupported protocol version 2")])
        with mock.patch.object(cc, "_VERSIONS", (1, 2)):
            recorder, written = Recorder(cc.LogoutResponse()), io.BytesIO()
            cc.serve(recorder, io.BytesIO(asked.encode() + b"\n" + LOGOUT), written)
            hello, new, old = written.getvalue().decode().splitlines()
            self.assertEqual((hello, new, old), ('{"v":[1,2]}', LOGOUT_OK, LOGOUT_OK))
            self.assertEqual(cc.CredentialRequest.from_json(asked).v, 2)
            offered = cc.CredentialHello.from_json(hello).v
            self.assertEqual(cc.negotiate_version(offered, cc._VERSIONS), 2)


# ---- Registries ---------------------------------------------------------------------------------
class RegistryInfo(unittest.TestCase):
    """Which host, and which registry, an index URL is."""

    CORP = "crates.corp.example"
    # (index URL, .host, whether it matches the host CORP)
    URLS = [
        ("https://crates.corp.example/", CORP, True),
        ("https://crates.corp.example", CORP, True),
        ("https://crates.corp.example/git/index.git#%41", CORP, True),
        ("https://crates.corp.example/git/index.git?a=b", CORP, False),
        ("sparse+https://crates.corp.example/my%20index/", CORP, True),
        ("sparse+https://crates.corp.example:443/index/", CORP, True),
        ("https://crates.corp.example:/", CORP, True),
        ("https://user@crates.corp.example/", CORP, True),
        ("SPARSE+HTTPS://User:p-w@Crates.Corp.Example/index/", CORP, True),
        ("https://crates.corp.example:8443/", CORP, False),
        ("http://crates.corp.example/", CORP, False),
        ("http://crates.corp.example:443/", CORP, False),
        ("sparse+http://crates.corp.example:443/", CORP, False),
        ("ssh://git@crates.corp.example/x", CORP, False),
        ("ssh://git@crates.corp.example:443/x", CORP, False),
        ("https://github.com/rust-lang/crates.io-index", "github.com", False),
        ("ssh://host/x", "host", False),
        ("https://evil.example/@crates.corp.example", "evil.example", False),
        ("https://crates.corp.example@evil.example/", "evil.example", False),
        ("https://crates.corp.example:x@evil.example/", "evil.example", False),
        ("https://crates.corp.example.evil.example/", "crates.corp.example.evil.example", False),
        ("https://evil-crates.corp.example/", "evil-crates.corp.example", False),
        ("https://a_b.xn--p1ai/", "a_b.xn--p1ai", False),
        ("https://127.0.0.1:8080/x", "127.0.0.1", False),
        ("https://255.0.0.255/", "255.0.0.255", False),
    ]
    # (index URL, what is read in it); {} is CORP. None has a host, none matches. Cargo itself reads
    # most of them, and gives the others to libgit2, or to git with net.git-fetch-with-cli.
    LOOK_ALIKES = [
        ("git://{}#@evil/i", "libgit2: evil"),
        ("git://{}?@evil/i", "libgit2: evil"),
        ("ssh://{}#@evil/x", "git and libgit2: evil"),
        ("ssh://{}?@evil/x", "git and libgit2: evil"),
        ("ssh://{}/@[evil]/x", "git: evil, libgit2: the host"),
        ("ssh://{}/x?@[evil]/x", "git: evil, libgit2: the host"),
        ("https://{}#@evil/", "Cargo: the host, with an empty path"),
        ("https://{}?@evil/", "Cargo: the host, with an empty path"),
        ("file://{}/path", "an error of libgit2; git: the directory /path"),
        ("git://{}/x", "libgit2: the host, for anybody on the way"),
        ("ws://{}/x", "an error"),
        ("sparse+ssh://git@{}/x/", "an error"),
        ("git+ssh://{}/x", "libgit2: the host"),
        ("sparse+sparse+https://{}/", "an error"),
        ("registry+https://{}/", "an error"),
        ("https://{}@evil@{}/", "Cargo: the host, the last one"),
        ("https://evil\\@{}/", "Cargo: evil"),
        ("https://{}\\@evil/", "Cargo: the host"),
        ("https://{}\\.evil/", "Cargo: the host"),
        ("https:\\\\{}/", "Cargo: the host"),
        ("https://{}/a\\b", "Cargo: the host"),
        ("https://{}%2eevil/", "Cargo: crates.corp.example.evil"),
        ("https://%65vil/", "Cargo: evil"),
        ("https://{}%40evil/", "an error"),
        ("https://{}%2f.evil/", "an error"),
        ("https://evil%23@{}/", "Cargo: the host"),
        ("https://crates.corp.\uff45xample/", "Cargo: the host"),
        ("https://crate\u017f.corp.example/", "Cargo: the host"),
        ("https://{}\u2100.evil/", "an error"),
        ("https://{}/\u00e9", "Cargo: the host"),
        ("https://ev\til/", "Cargo: evil"),
        ("https://{}\t@evil/", "Cargo: evil"),
        ("https://{}\n.evil/", "Cargo: crates.corp.example.evil"),
        ("https://{}/\n", "Cargo: the host"),
        ("\thttps://{}/", "Cargo: the host"),
        ("https://{} /", "an error"),
        ("https://{}\x00/", "an error"),
        ("https://{}\x7f/", "an error"),
        ("https://0x7f.1/", "Cargo: 127.0.0.1"),
        ("https://0X7F000001/", "Cargo: 127.0.0.1"),
        ("https://127.1/", "Cargo: 127.0.0.1"),
        ("https://0177.0.0.1/", "Cargo: 127.0.0.1"),
        ("https://127.0.0.01/", "Cargo: 127.0.0.1"),
        ("https://127.0.0.1./", "Cargo: 127.0.0.1"),
        ("https://127.0.0.256/", "an error"),
        ("ssh://127.1/x", "libgit2: 127.0.0.1"),
        ("https://{}.1/", "an error"),
        ("https://{}./", "Cargo: crates.corp.example., another name"),
        ("https://.{}/", "Cargo: .crates.corp.example"),
        ("https://-{}/", "Cargo: -crates.corp.example, an option for some programs"),
        ("ssh://-oProxyCommand=evil@{}/x", "an error of git; an option of ssh before git 2.14.1"),
        ("https://@{}/", "Cargo: the host"),
        ("https://a!b@{}/", "Cargo: the host"),
        ("https://{}:65536/", "an error"),
        ("https://{}:0/", "Cargo: the host, port 0"),
        ("https://{}:0443/", "Cargo: the host, port 443"),
        ("https://{}:+443/", "an error"),
        ("https://{}:4_43/", "an error"),
        ("https://{}:443:443/", "an error"),
        ("https://{}:\u0664/", "an error"),
        ("sparse+http://[::1]:8080/x/", "Cargo: ::1, for which the whole URL is an entry"),
        ("https://[2001:DB8::1]/", "Cargo: 2001:db8::1"),
        ("https://[::1/", "an error"),
        ("https://[::1]{}/", "an error"),
        ("https://evil[{}]/", "an error"),
        ("https://[{}]/", "an error"),
        ("https://[::1%25eth0]/", "an error"),
        ("{}", "an error"),
        ("https:{}", "Cargo: the host"),
        ("https:///{}/", "Cargo: the host"),
        ("git@{}:org/repo", "an error"),
        ("https://", "an error"),
        ("", "an error"),
    ]

    def test_each_url_has_the_host_that_cargo_connects_to(self):
        for url, host, matches in self.URLS:
            with self.subTest(url):
                registry = cc.RegistryInfo(url)
                self.assertEqual(registry.host, host)
                self.assertIs(registry.matches(self.CORP), matches)
                self.assertIs(registry.matches("other.example", self.CORP.upper()), matches)
                self.assertIs(registry.matches(url), True)

    def test_a_look_alike_has_no_host_and_matches_none(self):
        entries = (self.CORP, self.CORP + ":443", "evil", "127.0.0.1", "::1", "[::1]", "")
        for form, _ in self.LOOK_ALIKES:
            registry = cc.RegistryInfo(form.replace("{}", self.CORP))
            with self.subTest(registry.index_url):
                self.assertIsNone(registry.host)
                self.assertFalse(registry.matches(*entries))

    def test_a_port_is_part_of_the_host(self):
        for url, entry, matches in [
            ("https://r.example:8443/", "r.example:8443", True),
            ("sparse+https://r.example:8443/", "R.example:8443", True),
            ("https://r.example:8443/", "r.example:443", False),
            ("https://r.example/", "r.example:443", True),
            ("https://r.example/", "r.example:8443", False),
            ("http://r.example:8443/", "r.example:8443", False),
            ("https://[::1]/", "[::1]", False),
            ("https://r.example:65535/", "r.example:65535", True),
            ("ssh://r.example/", "r.example:0", False),
        ]:
            with self.subTest(url, entry=entry):
                self.assertIs(cc.RegistryInfo(url).matches(entry), matches)

    def test_an_index_url_is_compared_as_it_is(self):
        registry = cc.RegistryInfo("sparse+https://r.example/a/")
        for entry, matches in [
            ("sparse+https://r.example/a/", True),
            ("https://r.example/a/", False),
            ("sparse+https://r.example/a", False),
            ("sparse+https://r.example/A/", False),
            ("sparse+https://r.example/", False),
            ("r.example/a/", False),
            ("*.example", False),
        ]:
            self.assertIs(registry.matches(entry), matches, entry)
        self.assertTrue(cc.RegistryInfo("git://h#@evil/i").matches("git://h#@evil/i"))
        self.assertFalse(registry.matches())

    def test_an_entry_is_a_string(self):
        for entry in (None, b"r.example", ("r.example",)):
            message = "a registry must be a str, not " + type(entry).__name__
            self.assertEqual(message_of(TypeError, BARE.matches, entry), message)

    def test_a_megabyte_of_url_is_read_at_once(self):
        digits, labels, name = "1" * 10**6, "a." * 10**4, "a" * 10**6
        for url in ("https://h:%s/" % digits, "https://%s/" % labels, "ssh://" + name):
            for registry in (cc.RegistryInfo(url), cc.RegistryInfo(url + "@")):
                self.assertFalse(registry.matches("h"))
            self.assertIsNone(registry.host)

    def test_CRATES_IO_INDEX_is_the_index_that_cargo_names(self):
        self.assertEqual(cc.CRATES_IO_INDEX, CRATES_IO)
        self.assertTrue(CRATES.matches(cc.CRATES_IO_INDEX))


class Registries(unittest.TestCase):
    """A provider that declares its registries is asked about no other."""

    OTHER = cc.RegistryInfo("https://other.example/", "alt")
    ACTIONS = [
        READ,
        cc.GetAction(cc.UnknownOperation()),
        cc.LoginAction(cc.LoginOptions()),
        cc.LogoutAction(),
        cc.UnknownAction(),
    ]

    def provider(self, registries):
        """A provider that records every call, whichever method is called."""

        class Provider(Recorder):
            get = login = logout = Recorder.perform

        Provider.registries = registries
        return Provider(cc.NotFound())

    def test_no_code_of_the_provider_runs_for_a_registry_not_in_registries(self):
        for registries in (("r.example",), [REGISTRY.index_url], {"a", "r.example"}):
            provider = self.provider(registries)
            for action in self.ACTIONS:
                answers = serve(provider, line_of(action, self.OTHER), line_of(action))
                self.assertEqual(answers, [URL_NOT_SUPPORTED, NOT_FOUND])
            self.assertEqual([asked[0] for asked in provider.requests], [REGISTRY] * 5)

    def test_without_registries_the_provider_is_asked_about_all(self):
        self.assertIsNone(cc.Credential.registries)
        for provider in (self.provider(None), Recorder(cc.NotFound())):
            self.assertEqual(serve(provider, line_of(READ, self.OTHER)), [NOT_FOUND])

    def test_an_empty_sequence_serves_no_registry(self):
        for registries in ((), []):
            provider = self.provider(registries)
            answers = [outcome(provider, line_of(action)) for action in self.ACTIONS]
            self.assertEqual(answers, ["url-not-supported"] * 5)
            self.assertEqual(provider.requests, [])

    def test_an_entry_that_can_match_no_registry_is_an_error_for_its_author(self):
        host = "write HOST or HOST:PORT, as in `crates.corp.example:8443`, or the whole index URL"
        lower = "write the host in lower case, and leave out the port 443, as Cargo does"
        slash = "the URL of a sparse index ends with a slash"
        for entry, problem in [
            ("", host),
            ("*.corp.example", host),
            ("crates.corp.example/index/", host),
            ("crates.corp.example:0", host),
            ("crates.corp.example ", host),
            ("::1", host),
            ("[::1]", host),
            ("sparse+https://r.example/index", slash),
            ("sparse+https://r.example", slash),
            ("https://crates.corp.example", "add the path of the index"),
            ("https://Crates.corp.example/i", lower),
            ("https://user@Crates.corp.example/i", lower),
            ("https://crates.corp.example:443/i", lower),
            (None, "write a str, not NoneType"),
            (b"r.example", "write a str, not bytes"),
        ]:
            message = "other: Provider.registries: `%s` matches no registry: %s" % (entry, problem)
            for registries in ((entry, "r.example"), ("r.example", entry)):
                for registry in (REGISTRY, self.OTHER):
                    with self.subTest(entry, registries=registries):
                        provider = self.provider(registries)
                        self.assertEqual(outcome(provider, line_of(READ, registry)), message)
                        self.assertEqual(provider.requests, [])

    def test_entries_that_cargo_can_send_are_valid(self):
        for entry in (
            CRATES_IO,
            "r",
            "R.Example:8443",
            "sparse+https://R.example:443/",
            "https://r.example/",
            "https://User@r.example/a",
            "https://r.example:4430/a",
            "ssh://git@R.example/a",
            "file:///srv/index",
        ):
            provider = self.provider((entry,))
            self.assertEqual(outcome(provider, line_of(READ, self.OTHER)), "url-not-supported")

    def test_an_instance_can_have_registries_of_its_own(self):
        provider = self.provider(())
        provider.registries = ("r.example",)
        self.assertEqual(outcome(provider, line_of(READ, self.OTHER)), "url-not-supported")
        self.assertEqual(provider.requests, [])

    def test_registries_that_are_one_value_are_an_error_for_their_author(self):
        words = "other: Provider.registries must be a tuple of strings: write (%r,)"
        rows = [(text, words % text) for text in ("r.example", b"r.example", "")]
        for registries, message in [*rows, (5, "other: 'int' object is not iterable")]:
            provider = self.provider(registries)
            for registry in (REGISTRY, self.OTHER):
                self.assertEqual(outcome(provider, line_of(READ, registry)), message)
            self.assertEqual(provider.requests, [])


# ---- Secrets ------------------------------------------------------------------------------------
class Secret(unittest.TestCase):
    def test_the_value_is_shown_by_expose_alone(self):
        secret = cc.Secret(TOKEN)
        options, response = cc.LoginOptions(secret), cc.GetResponse(secret)
        for text in [
            repr(secret),
            str(secret),
            "%s %r" % (secret, secret),
            f"{secret} {secret!r:>40}",
            repr([secret, {"token": secret}]),
            str(dir(secret)),
            json.dumps({"a": secret}, default=str),
            repr(options),
            json.dumps(vars(options), default=repr),
            repr(response),
            str(response),
        ]:
            self.assertNotIn(TOKEN, text)
        self.assertEqual(repr(secret), "Secret([REDACTED])")
        self.assertEqual(secret.expose(), TOKEN)
        self.assertRaises(TypeError, vars, secret)
        self.assertRaises(TypeError, json.dumps, secret)

    def test_it_cannot_be_pickled(self):
        message = "a Secret cannot be pickled: use expose() if the value must be stored"
        secret = cc.Secret(TOKEN)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            for value in (secret, [secret], cc.LoginOptions(secret)):
                self.assertEqual(message_of(TypeError, pickle.dumps, value, protocol), message)

    def test_copies_are_equal_and_other_values_are_not(self):
        secret = cc.Secret(TOKEN)
        self.assertEqual(copy.copy(secret), secret)
        self.assertEqual(copy.deepcopy({"a": secret}), {"a": secret})
        self.assertEqual(len({cc.Secret(TOKEN), secret}), 1)
        self.assertNotEqual(secret, cc.Secret("x"))
        self.assertFalse(secret == TOKEN or TOKEN == secret)
        self.assertNotEqual(hash(secret), hash(TOKEN))

    def test_map_and_is_empty(self):
        bearer = cc.Secret(TOKEN).map(lambda token: "Bearer " + token)
        self.assertEqual(bearer, cc.Secret("Bearer " + TOKEN))
        for secret, empty in [(cc.Secret(""), True), (bearer, False), (cc.Secret(" "), False)]:
            self.assertEqual((secret.is_empty(), bool(secret)), (empty, not empty))

    def test_it_holds_a_str(self):
        for value in (None, b"token", 5, cc.Secret(TOKEN)):
            message = "a Secret's value must be a str, not " + type(value).__name__
            self.assertEqual(message_of(TypeError, cc.Secret, value), message)


class Redaction(unittest.TestCase):
    """What an error text shows of Secrets. Each row starts without any Secret."""

    def shown(self, text, *values):
        """The message of a provider that makes Secrets of the values and raises the text."""

        def perform(registry, action, args):
            for value in values:
                cc.Secret(value)
            raise ValueError(text)

        forget_secrets()
        message = outcome(perform)
        forget_secrets()
        self.assertEqual(message[:7], "other: ")
        return message[7:]

    SPELLINGS = {
        "plain": str,
        "repr": repr,
        "ascii": ascii,
        "dict": lambda token: repr({"password": token}),
        "repr of repr": lambda token: repr([repr({"password": token})]),
        "in a longer text": lambda token: repr('it\'s "%s"' % token),
        "JSON": json.dumps,
        "JSON, not ASCII": lambda token: json.dumps(token, ensure_ascii=False),
        "JSON of PHP": lambda token: json.dumps(token).replace("/", "\\/"),
        "JSON of .NET": lambda token: re.sub(
            r"[^\w]|_", lambda found: "\\u%04X" % ord(found.group()), token, flags=re.ASCII
        ),
        "JSON in JSON": lambda token: json.dumps(json.dumps({"a": token})),
        "JSON in a repr": lambda token: repr(json.dumps([token])),
        "URL": lambda token: quote(token, safe=""),
        "URL, lower case": lambda token: re.sub(
            "%..", lambda found: found.group().lower(), quote(token, safe="")
        ),
        "URL in a URL": lambda token: quote(quote(token, safe=""), safe=""),
        "URL in JSON": lambda token: json.dumps("https://u:%s@h/" % quote(token)),
        "bytes": lambda token: repr([token.encode("utf-8")]),
        "JSON in bytes": lambda token: repr(json.dumps(token).encode("utf-8")),
        "command line": lambda token: str(
            subprocess.CalledProcessError(1, ["op", "item", "password=" + token])
        ),
        "without white space around": str.strip,
        "without its scheme": lambda token: token.partition(" ")[2] or token,
    }
    TOKENS = [
        TOKEN,
        "Bearer " + TOKEN,
        "'-%s\\'" % TOKEN,
        "'\"-%s\\'\"" % TOKEN,
        "a/b+c=%s==" % TOKEN,
        TOKEN + "\\",
        "\\new\\u0041\\x41" + TOKEN,
        "%s:%s" % (cc.Secret("user"), TOKEN),
        "a b~!@#$^&*()_|{}[];,.?<%s>" % TOKEN,
        "a tab\t" + TOKEN,
    ]

    def test_each_spelling_is_replaced_and_nothing_of_it_is_left_around(self):
        for token in self.TOKENS:
            for name, spell in self.SPELLINGS.items():
                with self.subTest(name, token=token):
                    (message,) = cc._redact(["<%s>" % spell(token)], [token])
                    self.assertIn("[REDACTED]", message)
                    self.assertEqual(self.frame(message), self.frame("<%s>" % spell("VALUE")))

    @staticmethod
    def frame(text):
        """The text around a value, without the quotes and backslashes, which depend on it."""
        text = re.sub(r"Bearer(%(25)*20|u0020)?|\[REDACTED\]|VALUE", "", text)
        return re.sub(r"\\+|['\"\s]", "", text)

    def test_redaction_is_a_function_of_texts_and_values(self):
        for values, text, message in [
            ([], TOKEN, TOKEN),
            (["tok\nline two"], "tok | line two | tok", "[REDACTED] | [REDACTED] | [REDACTED]"),
            (["a\\\\b"], "a\\b", "[REDACTED]"),
            (["==--"], "x ==-- %3D%3d--", "x [REDACTED] [REDACTED]"),
            (["ab/cd+e="], "ab%5C%2Fcd+e= ab&#x2F;cd&#43;e&#x3D;", "[REDACTED] [REDACTED]"),
            (["ab/cd"], "ab&#047;cd ab&#x002f;cd", "[REDACTED] [REDACTED]"),
            (["# token\nBasic\tdG9r"], "dG9r | Basic", "[REDACTED] | Basic"),
            (["my pass word"], "my+pass%20word", "[REDACTED]"),
            (["\u65e5\u672c-t\u00f6ken"], "<\u65e5\u672c-t\u00f6ken>", "<[REDACTED]>"),
            (["Secret([REDACTED])"], "Secret([REDACTED])", "Secret([REDACTED])"),
        ]:
            with self.subTest(text):
                self.assertEqual(cc._redact([text, text], values), [message] * 2)

    def test_a_text_or_a_value_full_of_backslashes_takes_no_time(self):
        text = "AbC x %s" % ("\\" * 20000)
        values = ["\\" * 40 + "x", "-AbC", "\\/AbC", "\\-\\-AbC", "a-" * 500 + "x"]
        self.assertEqual(cc._redact([text], values), [text])
        for unit in ("%5c", "\\x5c", "%255c", "\\&#92;"):  # read in two ways, each doubles the time
            values = [unit * 30 + "~", "-/" * 30000]
            self.assertEqual(cc._redact([unit * 60], values), [unit * 60])

    def test_random_base64_in_urls_json_and_repr_is_replaced(self):
        source = random.Random(SEED)
        for _ in range(100):
            token = base64.b64encode(bytes(source.getrandbits(8) for _ in range(30))).decode()
            for spell in (quote, lambda t: quote(t, safe=""), json.dumps, lambda t: repr(repr(t))):
                text = "https://oauth2:%s@host/?token=%s" % (spell(token), spell(token))
                (shown,) = cc._redact([text], [token])
                self.assertEqual(shown.count("[REDACTED]"), 2, (SEED, text, shown))

    def test_a_sentence_around_the_value_is_kept(self):
        for text, message in [
            ("cannot use %s here", "cannot use [REDACTED] here"),
            ("see C:\\users\\%s!", "see C:\\users[REDACTED]!"),
            ("%s%s", "[REDACTED][REDACTED]"),
            ("x%sx", "x[REDACTED]x"),
        ]:
            shown = self.shown(text.replace("%s", TOKEN), TOKEN)
            self.assertEqual(shown.replace("\\[", "["), message)

    def test_what_looks_like_an_escape_before_the_value_hides_nothing(self):
        for before in ("C:\\", "\\", "\\\\", "C:\\users\\", "\\x4", "\\u004", "\\u00", "%5C"):
            for token in ("new-" + TOKEN, "u0041" + TOKEN, "x41" + TOKEN, "1" + TOKEN):
                with self.subTest(before, token=token):
                    message = self.shown("see %s%s!" % (before, token), token)
                    self.assertTrue(message.startswith("see ") and message.endswith("[REDACTED]!"))
                    self.assertNotIn(TOKEN, message)

    def test_the_longest_value_is_replaced_first(self):
        for values, text, message in [
            (["abcd", "abcdef"], "xabcdefx abcd", "x[REDACTED]x [REDACTED]"),
            (["abcdef", "cdef"], "<abcdef>", "<[REDACTED]>"),
            (["line 1\n    \n  line 2"], "    line 1\n | line 2", "    [REDACTED]\n | [REDACTED]"),
            (["a/b/c/", "b\\/c"], "<a\\/b\\/c\\/>", "<[REDACTED]>"),
        ]:
            self.assertEqual(self.shown(text, *values), message)

    def test_a_value_of_two_or_three_characters_is_replaced_where_it_is_a_word(self):
        text = "tok=%s, a token in store_in inner"
        for token, message in [
            ("tok", "[REDACTED]=[REDACTED], a token in store_in inner"),
            ("in", "tok=[REDACTED], a token [REDACTED] store_in inner"),
            ("\u65e5\u672c", "tok=[REDACTED], a token in store_in inner"),
            ("inne", "tok=[REDACTED], a token in store_in [REDACTED]r"),
            ("a", "tok=a, a token in store_in inner"),
            ("", "tok=, a token in store_in inner"),
        ]:
            self.assertEqual(self.shown(text % token, token), message)

    def test_many_values_are_found_in_a_long_text(self):
        values = ["%s-%d-" % (TOKEN, i) for i in range(200)]
        text = " ".join(values * 3)
        self.assertEqual(self.shown(text, *values), " ".join(["[REDACTED]"] * 600))

    def test_a_token_that_cargo_passed_is_replaced(self):
        def does(registry, action, args):
            raise OSError("cannot store " + action.options.token.expose())

        forget_secrets()
        line = login("of-cargo-" + TOKEN)
        self.assertEqual(outcome(does, line), "other: cannot store [REDACTED]")

    def test_the_text_of_each_cause_is_redacted(self):
        def does(registry, action, args):
            token = cc.Secret(TOKEN).expose()
            raise cc.OtherError("one " + token, ["two " + token]) from KeyError(token)

        message = "other: one [REDACTED]: two [REDACTED]: KeyError: '[REDACTED]'"
        self.assertEqual(outcome(does), message)

    def last_error_after(self, value, *makers):
        """What the last request's error shows of a value. Each maker is one request before it."""
        requests = list(makers) + [lambda: None]

        def perform(registry, action, args):
            requests.pop(0)()
            raise ValueError(value) if not requests else cc.NotFound

        return summary_of(serve(Recorder(perform), *[GET] * len(requests))[-1])[len("other: ") :]

    def test_the_newest_10000_values_are_remembered(self):
        def make(count, name=""):
            return lambda: [cc.Secret("value-%s%d" % (name, i)) for i in range(count)]

        old = lambda: cc.Secret("old-" + TOKEN)
        for makers, shown in [
            ([old, make(9999)], "[REDACTED]"),
            ([old, make(10000)], "old-" + TOKEN),
            ([old, make(9), old, make(9999, "new")], "[REDACTED]"),  # made again: the newest
        ]:
            forget_secrets()
            self.assertEqual(self.last_error_after("old-" + TOKEN, *makers), shown)
        serve(Recorder(cc.NotFound()), GET)
        self.assertEqual(len(cc._remembered), 10000)

    def test_the_optional_traceback_is_redacted(self):
        def does(registry, action, args):
            raise ValueError("bad %s" % cc.Secret(TOKEN).expose())

        for value, shown in [("1", True), ("0", False), ("", False), (None, False)]:
            env = {"CARGO_CREDENTIAL_TRACEBACK": value} if value is not None else {}
            stderr = io.StringIO()
            with mock.patch("sys.stderr", stderr), mock.patch.dict(os.environ, env):
                self.assertEqual(outcome(does), "other: bad [REDACTED]")
            text = stderr.getvalue()
            self.assertEqual(text.endswith("\nValueError: bad [REDACTED]\n"), shown)
            self.assertEqual(text.startswith("Traceback (most recent call last):\n"), shown)
            self.assertNotIn(TOKEN, text)
            self.assertEqual(bool(text), shown)


# ---- Providers ----------------------------------------------------------------------------------
class Serving(unittest.TestCase):
    """The loop of serve over two streams."""

    def test_serve_answers_each_request_until_the_input_ends(self):
        recorder = Recorder(cc.NotFound())
        self.assertEqual(serve(recorder, LOGIN, GET, LOGOUT.rstrip()), [NOT_FOUND] * 3)
        actions = [cc.LoginAction(cc.LoginOptions(cc.Secret(TOKEN))), READ, cc.LogoutAction()]
        self.assertEqual(recorder.requests, [(REGISTRY, action, []) for action in actions])
        self.assertEqual(serve(recorder), [])

    def test_serve_flushes_the_hello_and_each_answer(self):
        events = []

        class Writer(io.BytesIO):
            def write(self, data):
                events.append(bytes(data))
                return len(data)

            def flush(self):
                events.append("flush")

        class Reader(io.BytesIO):
            def readline(self, *size):
                events.append("read")
                return super().readline(*size)

        cc.serve(cc.UnsupportedCredential(), Reader(GET), Writer())
        refusal = URL_NOT_SUPPORTED.encode() + b"\n"
        self.assertEqual(events, [b'{"v":[1]}\n', "flush", "read", refusal, "flush", "read"])

    def test_a_line_that_is_not_a_request_is_answered_and_ends_the_session(self):
        for line, message in [
            (b'{"v":9,"registry":{"index-url":""}}', "unsupported protocol version 9"),
            (b'{"v":1,"kind":"login","token":"%s"}' % TOKEN.encode(), "missing field `registry`"),
            (b"\xff", "not UTF-8"),
            (b'{"a":1,"a":1}', "duplicate field"),
        ]:
            answers = serve(cc.UnsupportedCredential(), GET, line + b"\n", GET)
            self.assertEqual(answers[0], URL_NOT_SUPPORTED)
            self.assertEqual([summary_of(one) for one in answers[1:]], ["other: " + message])
        for line in (b"\n", b'{"v":1,"token":"%s}\n' % TOKEN.encode()):
            (text,) = serve(cc.UnsupportedCredential(), line, GET)
            self.assertIn('"message":"not JSON: ', text)
            self.assertNotIn(TOKEN, text)

    def test_a_stream_that_fails_is_an_error_of_serve(self):
        class Broken(io.BytesIO):
            def flush(self):
                raise BrokenPipeError

        self.assertRaises(BrokenPipeError, cc.serve, cc.Credential(), io.BytesIO(GET), Broken())

    def test_ctrl_c_passes(self):
        class Interrupted(Exception):
            def __str__(self):
                raise KeyboardInterrupt

        for error in (KeyboardInterrupt(), Interrupted()):
            self.assertRaises(KeyboardInterrupt, serve, Recorder(error), GET)


class JoinedArguments(unittest.TestCase):
    """Cargo can join the arrays of two configuration files, the second path in the middle."""

    def test_a_second_copy_of_the_configuration_is_reported(self):
        joined = "other: Cargo joined two `credential-provider` arrays: keep one, or write a string"
        own = os.path.abspath(os.path.join(os.sep, "opt", "prov.py"))
        for args, message in [
            (["--host", "h", own, "--host", "h"], joined),
            (["x", "../opt/prov.py"], joined),
            (["x", "./prov.py", "y"], joined),
            (["prov.py", "prov"], "not-found"),
            ([own + ".log", own[:-3] + ".json", own[:-3]], "not-found"),
            (["/other/prov.py", "tools/prov.py", own + " --in-a-list"], "not-found"),
            (["/prov.py", "/opt/prov.py/x", "opt/prov.py/..", ".."], "not-found"),
        ]:
            with self.subTest(args), mock.patch("sys.argv", [own, "--cargo-plugin"]):
                self.assertEqual(outcome(cc.NotFound(), get(REGISTRY, args)), message)
        with mock.patch("sys.argv", [os.path.abspath("/opt/corp/token")]):
            self.assertEqual(outcome(cc.NotFound(), get(REGISTRY, ["corp/token"])), "not-found")

    def test_on_windows_the_array_names_the_cmd_file_of_the_script(self):
        own = os.path.abspath(os.path.join(os.sep, "tools", "prov.py"))
        with mock.patch("sys.argv", [own]), mock.patch("sys.platform", "win32"):
            for args, kind in [([own[:-3] + ".cmd"], "other"), ([own[:-3] + ".txt"], "not-found")]:
                answered = outcome(cc.NotFound(), get(REGISTRY, ["x", *args]))
                self.assertEqual(answered.partition(":")[0], kind)


class TwoCopies(unittest.TestCase):
    """Two copies of the module in one process: a class of the other one is named as such."""

    def setUp(self):
        spec = importlib.util.spec_from_file_location("vendored.cargo_credential", MODULE)
        self.other = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.other)

    def test_the_message_names_the_other_copy(self):
        other, copy = self.other, " of another copy of cargo_credential.py"
        wrong = "the provider returned %s for the action `get`: it must return a GetResponse, or"
        wrong += " raise an Error"
        token = "GetResponse.token must be a Secret, not a Secret"
        for does, message in [
            (other.GetResponse(other.Secret("t")), wrong % ("a GetResponse" + copy)),
            (cc.GetResponse(other.Secret("t")), token + copy),
            (other.NotFound("gone"), "the provider raised a NotFound%s: gone" % copy),
            (cc.LoginResponse(), wrong % "LoginResponse"),
        ]:
            with self.subTest(message):
                self.assertEqual(outcome(does), "other: " + message)


class Credential(unittest.TestCase):
    LINES = [GET, LOGIN, LOGOUT, line_of(cc.UnknownAction())]

    def test_each_action_has_its_method(self):
        class Provider(cc.Credential):
            def get(self, registry, operation, args):
                assert (registry, operation, args) == (REGISTRY, cc.ReadOperation(), [])
                return cc.GetResponse(cc.Secret(TOKEN))

            def login(self, registry, options, args):
                assert (registry, options.token, args) == (REGISTRY, cc.Secret(TOKEN), [])
                return cc.LoginResponse()

            def logout(self, registry, args):
                assert (registry, args) == (REGISTRY, [])
                return cc.LogoutResponse()

        answers = [token_answer(TOKEN), LOGIN_OK, LOGOUT_OK, NOT_SUPPORTED]
        self.assertEqual(serve(Provider(), *self.LINES), answers)

    def test_a_method_that_is_not_overridden_is_not_supported(self):
        self.assertEqual(serve(cc.Credential(), *self.LINES), [NOT_SUPPORTED] * 4)

    def test_UnsupportedCredential_serves_no_registry(self):
        self.assertEqual(serve(cc.UnsupportedCredential(), *self.LINES), [URL_NOT_SUPPORTED] * 4)

    def test_a_class_instead_of_an_instance_is_an_error_for_its_author(self):
        message = "other: main takes an instance: write main(Credential()), not main(Credential)"
        self.assertEqual(summary_of(serve(cc.Credential, GET)[0]), message)

    def test_the_answer_must_fit_the_action(self):
        must = "other: the provider returned %s for the action `%s`: it must %sraise an Error"
        for line, action, expected, values in [
            (GET, "get", "GetResponse", [None, TOKEN, cc.LoginResponse(), cc.NotFound]),
            (LOGIN, "login", "LoginResponse", [cc.LogoutResponse(), True, cc.UnknownResponse()]),
            (LOGOUT, "logout", "LogoutResponse", [cc.GetResponse(cc.Secret(TOKEN)), {}]),
        ]:
            for value in values:
                found = "the class NotFound" if value is cc.NotFound else type(value).__name__
                message = must % (found, action, "return a %s, or " % expected)
                self.assertEqual(outcome(lambda *request, value=value: value, line), message)
        message = must % ("UnknownResponse", "<unknown>", "")
        self.assertEqual(outcome(cc.UnknownResponse(), line_of(cc.UnknownAction())), message)

    def test_the_fields_of_a_token_must_have_their_types(self):
        token, no, cache = cc.Secret(TOKEN), cc.CacheNever(), "cache must be a CacheControl, not "
        for response, message in [
            (cc.GetResponse(TOKEN), "token must be a Secret, not str"),
            (cc.GetResponse(None), "token must be a Secret, not NoneType"),
            (cc.GetResponse(token, "never"), cache + "str"),
            (cc.GetResponse(token, cc.CacheNever), cache + "the class CacheNever"),
            (cc.GetResponse(token, no, 1), "operation_independent must be a bool, not int"),
        ]:
            self.assertEqual(outcome(response), "other: GetResponse." + message)


class Unreadable(Exception):
    def __str__(self):
        raise RuntimeError("no")


class Opaque(Exception):
    def __getattribute__(self, name):
        raise RuntimeError("no")


class ErrorTexts(unittest.TestCase):
    """What Cargo shows of an exception of a provider."""

    UNSHOWN = "other: the provider raised an exception that cannot be shown"
    ROWS = [
        (ValueError("vault is sealed"), "vault is sealed"),
        (ValueError(), "ValueError"),
        (ValueError(" \n"), "ValueError"),
        (KeyError("name"), "KeyError: 'name'"),
        (Unreadable(), UNSHOWN[7:]),
        (SystemExit("give me a token"), "give me a token"),
        (SystemExit(3), "the provider tried to exit with status 3 instead of answering"),
        (SystemExit(), "the provider tried to exit with status 0 instead of answering"),
        (SystemExit(Unreadable()), UNSHOWN[7:]),
        (GeneratorExit(), "GeneratorExit"),
        (cc.Error("plain"), "plain"),
        (OSError(2, "No such file", "op"), "[Errno 2] No such file: 'op'"),
        (OSError(2, "No such file", "\udcff"), "[Errno 2] No such file: '\\udcff'"),
        (ValueError("file \udcff"), "file \\udcff"),
        (ValueError("\x1b[2J\x1b]0;t\x07 \0\t\x7f\x9b"), r"\x1b[2J\x1b]0;t\x07 \x00\t\x7f\x9b"),
        (
            ValueError("a\u202eb\u2066c\u200e\u061c\u2028\u2029"),
            r"a\u202eb\u2066c\u200e\u061c\u2028\u2029",
        ),
        (ValueError("one\r\ntwo\nthree\rfour"), "one\ntwo\nthree\\rfour"),
        (
            ValueError("\u65e5\xa0\u3000\U0001f600 \u200d\u200c"),
            "\u65e5\xa0\u3000\U0001f600 \u200d\u200c",
        ),
        (cc.OtherError("a\x1bb", ["c\x1bd"]), r"a\x1bb: c\x1bd"),
        (ValueError('x"\n' * 30000), 'x"\n' * 30000),
    ]

    def test_each_exception_becomes_a_readable_message(self):
        for error, message in self.ROWS:
            with self.subTest(message[:80]):
                self.assertEqual(outcome(error), "other: " + message)

    def test_causes_follow_pythons_rules(self):
        def explicit(*request):
            raise cc.OtherError("outer", ["given"]) from ValueError("cause")

        def implicit(*request):
            try:
                raise ValueError("inner")
            except ValueError:
                raise cc.OtherError("outer")

        def suppressed(*request):
            try:
                raise ValueError("inner")
            except ValueError:
                raise cc.OtherError("outer") from None

        def three(*request):
            try:
                implicit()
            except cc.OtherError as middle:
                raise RuntimeError from middle

        for does, message in [
            (explicit, "outer: given: cause"),
            (implicit, "outer: inner"),
            (suppressed, "outer"),
            (three, "RuntimeError: outer: inner"),
        ]:
            self.assertEqual(outcome(does), "other: " + message)

    def test_a_circle_of_causes_ends(self):
        one, two = ValueError("one"), ValueError("two")
        one.__cause__, two.__cause__ = two, one
        self.assertEqual(outcome(one), "other: one: two")

    def test_a_long_chain_is_reported_up_to_a_hundred_texts(self):
        previous = None
        for i in range(5000):
            error = ValueError(str(i))
            error.__cause__, previous = previous, error
        self.assertEqual(len(answer(Recorder(previous))["Err"]["caused-by"]), 99)

    def test_the_exceptions_of_a_group_are_causes(self):
        class Group(Exception):
            exceptions = (ValueError("one"), KeyError("two"))

        self.assertEqual(outcome(Group("g")), "other: g: one: KeyError: 'two'")

    def test_an_exception_that_cannot_be_shown_is_answered_all_the_same(self):
        changed = cc.OtherError("bad " + TOKEN)
        changed.caused_by = None
        self.assertEqual(outcome(changed), self.UNSHOWN)

        def hides(*_):
            raise Opaque(TOKEN)

        pypy = sys.implementation.name == "pypy"  # there, the text is that of the RuntimeError
        self.assertEqual(outcome(hides), "other: no" if pypy else self.UNSHOWN)
        with mock.patch.dict(os.environ, CARGO_CREDENTIAL_TRACEBACK="1"):
            with mock.patch("sys.stderr", 5), mock.patch("traceback.format_exception", None):
                message = outcome(ValueError("x"))
        self.assertEqual(message, self.UNSHOWN)


class Tokens(unittest.TestCase):
    """Which tokens are sent, as GetResponse, and stored, after read_token."""

    UNSENDABLE = [
        ("", "is empty"),
        (" \t", "is empty"),
        (TOKEN + "\n", "ends with a line break"),
        (TOKEN + "\r", "ends with a line break"),
        (TOKEN + "\r\nX-Evil: 1", "contains a line break"),
        (TOKEN + "\rX", "contains a line break"),
        (TOKEN + "\0", "contains a NUL character or a byte order mark"),
        ("\ufeff" + TOKEN, "contains a NUL character or a byte order mark"),
        (TOKEN + "\x1b[0m", "contains a control character"),
        (TOKEN + "\x7f", "contains a control character"),
        (TOKEN + "\u00e9", "contains a character outside ASCII"),
        (TOKEN + "\x80", "contains a character outside ASCII"),
        (TOKEN + "\ud800", "contains a character outside ASCII"),
    ]

    def refused(self, token, message):
        response = cc.GetResponse(cc.Secret(token))
        self.assertEqual(outcome(response), "other: " + message)
        self.assertEqual(message_of(ValueError, response.to_json), message)
        options = cc.LoginOptions(cc.Secret(token + "\n" if token.endswith("\n") else token))
        if not token:
            message = "Cargo passed an empty token: " + FROM_FILE
        self.assertEqual(message_of(cc.OtherError, cc.read_token, options, BARE), message)

    def test_read_token_and_GetResponse_refuse_what_no_header_can_carry(self):
        for token, problem in self.UNSENDABLE:
            with self.subTest(token):
                self.refused(token, "the token %s, so no HTTP header can carry it" % problem)

    def test_read_token_and_GetResponse_refuse_the_text_of_a_Secret(self):
        token = cc.Secret(TOKEN)
        start = "the token contains `Secret([REDACTED])`, the text of a Secret: write"
        for text in ("Bearer %s" % token, f"Bearer {token!r}", repr(token)):
            self.refused(text, start + ' token.expose(), or token.map(lambda t: "Bearer " + t)')

    def test_read_token_and_GetResponse_take_every_other_token_as_it_is(self):
        for token in ("Bearer x", "a\tb", " a ", "".join(map(chr, range(0x20, 0x7F)))):
            secret = cc.Secret(token)
            self.assertEqual(outcome(cc.GetResponse(secret)), "get: " + token)
            self.assertEqual(cc.read_token(cc.LoginOptions(secret), BARE), secret)

    def test_read_token_drops_one_line_end_of_a_token_that_cargo_passed(self):
        for end in ("", "\n", "\r\n"):  # Cargo 1.74 to 1.78 passes it
            options = cc.LoginOptions(cc.Secret(TOKEN + end))
            self.assertEqual(cc.read_token(options, BARE), cc.Secret(TOKEN))
        for token in ("\n", "\r\n"):
            options = cc.LoginOptions(cc.Secret(token))
            message = message_of(cc.OtherError, cc.read_token, options, BARE)
            self.assertTrue(message.startswith("Cargo passed an empty token: "), message)
        problem = "the token ends with a line break, so no HTTP header can carry it"
        for end in ("\n\n", "\r\n\n", "\n\r", "\r"):
            options = cc.LoginOptions(cc.Secret(TOKEN + end))
            self.assertEqual(message_of(cc.OtherError, cc.read_token, options, BARE), problem)

    def test_read_token_refuses_a_prompt_that_would_hide_the_index(self):
        wanted = (
            "the prompt would be longer than 1000 characters: check the registry's name and index"
        )
        for url, name, page in [("x" * 990, "", ""), ("x", "n" * 990, ""), ("x", "", "\n" * 500)]:
            options, registry = cc.LoginOptions(None, page), cc.RegistryInfo(url, name)
            self.assertEqual(message_of(cc.OtherError, cc.read_token, options, registry), wanted)


class read_line(unittest.TestCase):
    def test_it_takes_a_line_of_standard_input_without_white_space_around(self):
        for stream, line in [(io.StringIO(" a b \r\nc"), "a b"), (io.StringIO(""), ""), (None, "")]:
            with mock.patch("sys.stdin", stream):
                self.assertEqual(cc.read_line(), line)


class Fuzz(unittest.TestCase):
    """Whatever comes in: the hello, then well-formed answers, no exception, no token."""

    NAMES = "v registry index-url name headers kind operation token args login-url vers cksum x"
    VALUES = [None, True, 0, -1, 1.5, 2**64, 10**30, "", "get", "read", "https://r.example/", TOKEN]
    VALUES += ["u", "\u00e9", "\ud800", '\x00\n"\\', "x" * 1000]
    PUBLISH = line_of(cc.GetAction(cc.PublishOperation("foo", "1.0.0", "ab")))
    VALID = [GET, LOGIN, LOGOUT, PUBLISH, line_of(cc.UnknownAction(), args=["a b", "C:\\x"])]

    def value(self, depth=0):
        if depth > 3 or self.random.random() < 0.5:
            return self.random.choice(self.VALUES)
        count = self.random.randrange(4)
        if self.random.random() < 0.5:
            return [self.value(depth + 1) for _ in range(count)]
        return {self.name(): self.value(depth + 1) for _ in range(count)}

    def name(self):
        return self.random.choice(self.NAMES.split() + ["", "\u65e5"])

    def line(self):
        fields = json.loads(self.random.choice(self.VALID).decode())
        for _ in range(self.random.randrange(4)):
            target = self.random.choice([fields, fields.get("registry")])
            if isinstance(target, dict):
                if target and self.random.random() < 0.3:
                    del target[self.random.choice(sorted(target))]
                else:
                    target[self.name()] = self.value()
        text = json.dumps(fields, ensure_ascii=self.random.random() < 0.5)
        line = bytearray(text.encode("utf-8", "surrogatepass"))
        for _ in range(self.random.choice([0, 0, 1, 3])):
            at = self.random.randrange(len(line) + 1)
            noise = [self.random.choice(b'\0\n\r",[\\{}\x80\xff\xed') for _ in range(2)]
            line[at : at + self.random.randrange(3)] = bytes(noise[: self.random.randrange(3)])
        if self.random.random() < 0.01:
            deep = self.random.choice([b"[", b'{"a":']) * self.random.randrange(1, DEEP)
            line = bytearray(b'{"v":1,"x":') + deep
        return bytes(line) + b"\n"

    def perform(self, registry, action, args):
        token = getattr(getattr(action, "options", None), "token", None) or cc.Secret(TOKEN)
        value = token.expose()
        self.assertIsInstance(registry.host or "", str)
        failed = subprocess.CalledProcessError(1, ["x", value])
        errors = [cc.NotFound(), cc.OtherError(value, [value]), KeyError(value), failed]
        cache = self.random.choice([cc.CacheNever(), 5, None])
        answers = [cc.GetResponse(token), cc.GetResponse(token, cache), cc.LogoutResponse(), None]
        found = self.random.choice(answers + errors + [ValueError(args, value), SystemExit(value)])
        if isinstance(found, BaseException):
            raise found
        return found

    def check(self, lines):
        answers = serve(Recorder(self.perform), lines)
        self.assertLessEqual(len(answers), lines.count(b"\n"))
        for line in answers:
            try:
                self.assertEqual(cc.CredentialResponse.from_json(line).to_json(), line)
            except cc.Error as error:
                self.assertEqual(error.to_json(), line)
                self.assertNotIn(TOKEN, line)

    def test_whatever_comes_in_is_answered_well(self):
        self.random = random.Random(SEED)
        for number in range(2000):
            with self.subTest(CARGO_CREDENTIAL_FUZZ=SEED, number=number):
                forget_secrets()
                self.check(b"".join([self.line() for _ in range(self.random.randrange(1, 6))]))


# ---- The file provider --------------------------------------------------------------------------
class Folder(unittest.TestCase):
    """A test with a directory of its own, which is removed."""

    def setUp(self):
        self.directory = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory, True)

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def write(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        if os.path.exists(self.path(name)):
            os.chmod(self.path(name), 0o600)  # only root can write to what is read-only
        with open(self.path(name), "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        os.chmod(self.path(name), mode)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()


@file_provider
class Store(Folder):
    """A test with a file of tokens, `self.store`."""

    OPTIONS = ["--example-file", "store.json"]

    def setUp(self):
        super().setUp()
        forget_secrets()
        self.store = self.path("store.json")

    def store_tokens(self, *tokens, mode=0o600):
        self.write("store.json", json.dumps(dict(tokens)), mode)

    def stored_tokens(self):
        """The tokens in the store, beside which only its lock is left."""
        self.assertEqual(sorted(os.listdir(self.directory)), ["store.json", "store.json.lock"])
        return json.loads(self.read("store.json").decode())

    def session(self, *lines, options=OPTIONS):
        """(answers in short, standard error) of the file provider in this process."""
        options = [self.store if word == "store.json" else word for word in options]
        with mock.patch("sys.stderr", io.StringIO()) as stderr:
            answers = serve(cc._FileCredential(options), *lines)
        return [summary_of(line) for line in answers], stderr.getvalue()

    def summaries(self, *lines, options=OPTIONS):
        """The answers of a session that prints nothing."""
        answers, errors = self.session(*lines, options=options)
        self.assertEqual(errors, "")
        return answers


@unittest.skipIf(BROWSER, "needs users")
class ExampleFile(Store):
    """The provider of --example-file, in this process."""

    def test_a_token_is_stored_replaced_and_erased(self):
        for line, outcome in [
            (get(), "not-found"),
            (logout(), "not-found"),
            (login("one"), "login"),
            (get(), "get: one"),
            (login("two"), "login"),
            (get(), "get: two"),
            (logout(), "logout"),
            (get(), "not-found"),
            (logout(), "not-found"),
        ]:
            self.assertEqual(self.summaries(line), [outcome])
        self.assertEqual(self.stored_tokens(), {})

    def test_only_crates_io_is_served_unless_any_registry_is_given(self):
        lines = [get(REGISTRY), login("x", REGISTRY), logout(REGISTRY), line_of(cc.UnknownAction())]
        self.assertEqual(self.summaries(*lines), ["url-not-supported"] * 4)
        self.assertEqual(os.listdir(self.directory), [])
        lines = [login("x", REGISTRY), get(REGISTRY), get(), line_of(cc.UnknownAction())]
        answers = self.summaries(*lines, options=self.OPTIONS + ["--any-registry"])
        self.assertEqual(answers, ["login", "get: x", "not-found", "operation-not-supported"])

    def test_options_are_taken_from_the_request_as_well(self):
        args = ["--example-file", self.path("with space.json"), "--any-registry"]
        answers = self.summaries(login("x", REGISTRY, args), get(REGISTRY, args))
        self.assertEqual(answers, ["login", "get: x"])
        joined = "other: Cargo joined two `credential-provider` arrays: write a string instead"
        self.assertEqual(self.summaries(login("y", REGISTRY, args * 2)), [joined])
        self.assertFalse(os.path.exists(self.store))
        options = "the options are --example-file [PATH] and --any-registry"
        unknown = "other: unknown option `--x`: " + options
        self.assertEqual(self.summaries(get(args=["--x"])), [unknown])
        add = "other: cargo_credential.py is a provider only with --example-file: add it after the"
        add += " path in `credential-provider`"
        self.assertEqual(self.summaries(get(), options=[]), [add])

    def test_an_unsendable_token_is_neither_stored_nor_sent(self):
        line_break = "other: the token %s a line break, so no HTTP header can carry it"
        self.assertEqual(self.summaries(login("x\r\nX-Evil: 1")), [line_break % "contains"])
        self.assertEqual(os.listdir(self.directory), [])
        self.store_tokens((CRATES_IO, TOKEN + "\n"))
        self.assertEqual(self.summaries(get()), [line_break % "ends with"])

    def test_a_damaged_store_is_named_and_not_changed(self):
        damaged = "other: the token store `%s` is damaged: repair it or move it away: "
        for content, cause in [
            ("{", "not JSON: Expecting "),
            ("[]", "the store must be an object"),
            ('{"%s":5}' % CRATES_IO, "field `%s` must be a string" % CRATES_IO),
            ('{"a":"%s","b":["%s"]}' % (TOKEN, TOKEN), "field `b` must be a string"),
            ('{"a":"1","a":"2"}', "duplicate field"),
        ]:
            for line in (get(), login("x"), logout()):
                self.write("store.json", content, 0o600)
                (message,) = self.summaries(line)
                self.assertTrue(message.startswith(damaged % self.store + cause), message)
                self.assertNotIn(TOKEN, message)
                self.assertEqual(self.read("store.json").decode(), content)

    def test_an_empty_file_is_an_empty_store(self):
        for content in ("", " \n"):
            self.write("store.json", content, 0o600)
            self.assertEqual(
                self.summaries(get(), login("x"), get()), ["not-found", "login", "get: x"]
            )

    def test_other_tokens_are_kept(self):
        self.write("store.json", '{"\u00e9\\u00e9": "%s"}' % TOKEN, 0o600)
        self.assertEqual(self.summaries(login("x")), ["login"])
        self.assertEqual(self.stored_tokens(), {"\u00e9\u00e9": TOKEN, CRATES_IO: "x"})

    def test_a_directory_in_place_of_the_store_and_a_missing_one_are_named(self):
        os.mkdir(self.store)
        self.assertIn("the file `%s`" % self.store, self.summaries(get())[0])
        options = ["--example-file", self.path("no", "store.json")]
        (message,) = self.summaries(login("x"), options=options)
        missing = "other: cannot write the token store `%s`: create the directory `%s`"
        self.assertEqual(message, missing % (options[1], self.path("no")))
        self.assertEqual(self.summaries(logout(), get(), options=options), ["not-found"] * 2)

    def test_the_file_is_on_the_disk_before_it_replaces_the_old_one(self):
        events = []

        def recording(name, function):
            def call(*arguments):
                events.append((name, os.stat(arguments[0]).st_size > 0))
                return function(*arguments)

            return mock.patch("os." + name, call)

        with recording("fsync", os.fsync), recording("replace", os.replace):
            self.assertEqual(self.summaries(login("x")), ["login"])
        self.assertEqual(events, [("fsync", True), ("replace", True)])

    def test_a_logout_erases_what_a_killed_login_left(self):
        for stored, outcome in [([], "not-found"), ([(CRATES_IO, "old")], "logout")]:
            self.store_tokens(*stored)
            self.write("store.json.tmp", json.dumps({CRATES_IO: TOKEN}), 0o600)
            self.assertEqual(self.summaries(logout()), [outcome])
            self.assertEqual(self.stored_tokens(), {})

    def test_an_error_before_the_change_leaves_the_store_and_no_other_file(self):
        self.store_tokens((CRATES_IO, "x"))
        unchanged = "other: cannot write the token store `%s`. It was not changed: [Errno 5] broken"
        sleep = mock.patch("time.sleep", lambda seconds: self.assertTrue(WINDOWS))
        for name in ("os.fsync", "os.replace"):
            with sleep, mock.patch(name, side_effect=OSError(5, "broken")):
                self.assertEqual(self.summaries(login("y")), [unchanged % self.store])
            self.assertEqual(self.stored_tokens(), {CRATES_IO: "x"})

    def test_an_error_after_the_change_does_not_deny_it(self):
        def fail_at_the_end(path, *more, unlink=os.unlink):
            if os.path.exists(self.store):
                raise OSError(5, "broken")
            unlink(path, *more)

        with mock.patch("os.unlink", fail_at_the_end), mock.patch("os.remove", fail_at_the_end):
            self.assertEqual(self.summaries(login("x")), ["login"])
        self.assertEqual(self.summaries(get()), ["get: x"])


@posix_only
class ExampleFileSafety(Store):
    """What others do to the store while a provider of this process uses it."""

    def test_a_store_that_others_can_read_is_reported_once_and_made_private(self):
        warning = "warning: other users can read the token store `%s`: run `chmod 600` on it\n"
        umask = os.umask(0o027)
        for mode in (0o650, 0o605):
            self.store_tokens((CRATES_IO, "x"), mode=mode)
            self.assertEqual(self.session(get()), (["get: x"], warning % self.store))
            self.assertEqual(self.session(login("y")), (["login"], warning % self.store))
            self.assertEqual(os.stat(self.store).st_mode & 0o7777, 0o600)
            self.assertEqual(self.summaries(get()), ["get: y"])
        self.assertEqual(os.umask(umask), 0o027)

    def test_a_store_that_others_can_change_is_refused(self):
        message = "other: the file `%s` can be changed by other users: check its tokens, then run"
        for mode in (0o620, 0o602, 0o666):
            self.store_tokens((CRATES_IO, "x"), mode=mode)
            found = self.summaries(get(), login("y"), logout())
            self.assertEqual(found, [message % self.store + " `chmod 600` on it"] * 3)
            self.assertEqual(json.loads(self.read("store.json").decode()), {CRATES_IO: "x"})

    def test_a_link_of_another_user_is_not_followed(self):
        self.store_tokens((CRATES_IO, "x"))
        os.symlink("store.json", self.path("link"))
        os.symlink(self.path("link"), self.path("link of a link"))
        options = ["--example-file", self.path("link of a link")]
        self.assertEqual(self.summaries(get(), login("y"), options=options), ["get: x", "login"])
        self.assertEqual(
            self.read("store.json"), json.dumps({CRATES_IO: "y"}, indent=2).encode() + b"\n"
        )
        self.assertTrue(os.path.islink(self.path("link")))
        owner, users = os.lstat, {"link": 4000}

        def lstat(path, **options):
            status = list(owner(path, **options))
            status[4] = users.get(os.path.basename(path), status[4])
            return os.stat_result(status)

        message = (
            "other: the symbolic link `%s` belongs to another user (uid 4000): name another file"
        )
        with mock.patch("os.lstat", lstat):
            found = self.summaries(get(), login("z"), logout(), options=options)
            self.assertEqual(found, [message % self.path("link")] * 3)
            users["link"] = 0  # root's
            self.assertEqual(self.summaries(get(), options=options), ["get: y"])
        os.symlink("circle", self.path("circle"))
        (found,) = self.summaries(get(), options=["--example-file", self.path("circle")])
        self.assertIn("circle` is not a regular file", found)

    def test_a_lock_of_another_user_is_not_waited_for(self):
        lock = self.write("store.json.lock", "", 0o666)
        message = "other: the file `%s` can be changed by other users: check its tokens, then run"
        self.assertEqual(self.summaries(login("x")), [message % lock + " `chmod 600` on it"])
        with mock.patch("os.geteuid", lambda: 4000):
            (found,) = self.summaries(login("x"))
        uid = os.stat(lock).st_uid
        self.assertIn("the file `%s` belongs to another user (uid %d)" % (lock, uid), found)

    def test_a_checkouts_link_does_not_choose_the_file(self):
        checkout, elsewhere = self.path("checkout"), self.path("elsewhere.json")
        os.makedirs(os.path.join(checkout, ".cargo"))
        link = os.path.join(checkout, ".cargo", "cargo-credentials.json")
        os.symlink(elsewhere, link)
        with mock.patch.dict(os.environ, CARGO_HOME=os.path.dirname(link)):
            with mock.patch("os.getcwd", lambda: checkout):
                (found,) = self.summaries(login("x"), options=["--example-file"])
        self.assertIn("`%s` lies below the current directory" % link, found)
        self.assertFalse(os.path.lexists(elsewhere))

    def test_the_store_is_never_in_the_current_directory(self):
        below = self.path("home", "project")
        os.makedirs(below)
        hint = "write an absolute path, or one that begins with `~/`, after --example-file"
        none = "no home directory: write an absolute path after --example-file"
        relative = "`%s` is a relative path: " + hint
        inside = "the token store `%s` lies below the current directory, from where `cargo publish`"
        inside += " could upload it: " + hint
        irregular = "the file `%s` is not a regular file: name a file after --example-file"
        nul = "the path of the token store contains a NUL character: " + hint
        default, hidden = "cargo-credentials.json", os.path.join(below, ".cargo")
        for path, variables, error, file in [
            ([], {"CARGO_HOME": self.path("ch")}, "", "ch/" + default),
            ([], {"HOME": self.path("h")}, "", "h/.cargo/" + default),
            ([], {"HOME": self.path("h"), "CARGO_HOME": ""}, "", "h/.cargo/" + default),
            (["~/a b.json"], {"HOME": self.path("h")}, "", "h/a b.json"),
            ([self.path("x.json")], {}, "", "x.json"),
            ([os.path.join(below, "x.json")], {}, "", "home/project/x.json"),
            (["x.json"], {}, relative % "x.json", ""),
            (["./x"], {}, relative % "./x", ""),
            (["a\0b"], {}, nul, ""),
            (["~/x"], {"HOME": ""}, none, ""),
            ([], {"HOME": ""}, none, ""),
            (["~x/y"], {}, relative % "~x/y", ""),
            ([""], {}, relative % ".", ""),
            ([], {"CARGO_HOME": "c"}, relative % ("c/" + default), ""),
            ([], {"CARGO_HOME": below}, inside % os.path.join(below, default), ""),
            ([], {"CARGO_HOME": hidden}, inside % os.path.join(hidden, default), ""),
            ([self.directory], {}, irregular % self.directory, ""),
        ]:
            with self.subTest(path=path, variables=variables), mock.patch.dict(os.environ):
                os.environ.pop("CARGO_HOME", None)
                os.environ.update(variables)
                os.makedirs(self.path("ch"), exist_ok=True)
                os.makedirs(self.path("h", ".cargo"), exist_ok=True)
                with mock.patch("os.getcwd", lambda: below):
                    found = self.summaries(login("t"), options=["--example-file", *path])
                self.assertEqual(found, ["other: " + error if error else "login"])
                if file:
                    self.assertEqual(json.loads(self.read(file).decode()), {CRATES_IO: "t"})
                    os.unlink(self.path(file))
        self.assertEqual(os.listdir(below), ["x.json.lock"])

    def test_a_warning_that_cannot_be_shown_does_no_harm(self):
        self.store_tokens((CRATES_IO, "x"), mode=0o644)
        closed = io.StringIO()
        closed.close()
        provider = cc._FileCredential(["--example-file", self.store])
        for stderr in (None, closed):
            with mock.patch("sys.stderr", stderr):
                self.assertEqual(outcome(provider, get()), "get: x")

    def test_a_symbolic_link_keeps_its_target(self):
        os.mkdir(self.path("real"))
        os.symlink(os.path.join("real", "tokens.json"), self.store)
        for token in ("one", "two"):
            self.assertEqual(self.summaries(login(token), get()), ["login", "get: " + token])
        self.assertEqual(os.readlink(self.store), os.path.join("real", "tokens.json"))
        self.assertEqual(json.loads(self.read("real/tokens.json").decode()), {CRATES_IO: "two"})

    def test_a_named_pipe_or_a_device_is_not_a_store(self):
        os.mkfifo(self.store)
        for path in (self.store, os.devnull):
            for line in (get(), logout()):
                (message,) = self.summaries(line, options=["--example-file", path])
                expected = "other: the file `%s` is not a regular file: " % path
                expected += "name a file after --example-file"
                self.assertEqual(message, expected)

    def test_a_planted_link_is_not_followed(self):
        victim = self.write("victim", "precious")
        os.symlink(victim, self.path("store.json.tmp"))
        self.assertEqual(self.summaries(login("x")), ["login"])
        os.unlink(self.path("store.json.lock"))
        os.symlink(victim, self.path("store.json.lock"))
        self.assertIn("Too many levels of symbolic links", self.summaries(login("y"))[0])
        self.assertEqual(self.summaries(get()), ["get: x"])
        self.assertEqual(self.read("victim"), b"precious")

    def test_another_users_store_is_neither_read_nor_changed(self):
        self.store_tokens((CRATES_IO, "x"))
        uid = os.stat(self.store).st_uid
        message = "other: the file `%s` belongs to another user (uid %d): "
        message += "name another file"
        with mock.patch("os.geteuid", lambda: uid + 1):
            asked = [self.summaries(line) for line in (login("y"), logout(), get())]
            self.assertEqual(asked, [[message % (self.store, uid)]] * 3)
        self.assertFalse(os.path.exists(self.store + ".lock"))  # which would shut its owner out
        self.assertEqual(self.summaries(get()), ["get: x"])

    def test_a_token_that_another_process_erases_meanwhile_is_not_found(self):
        def erase(descriptor, operation):
            self.store_tokens()

        self.store_tokens((CRATES_IO, "x"))
        with mock.patch("fcntl.flock", erase):
            self.assertEqual(self.summaries(logout()), ["not-found"])
        self.assertEqual(self.stored_tokens(), {})

    def test_a_lock_that_another_process_holds_is_reported_once_and_waited_for(self):
        self.store_tokens((CRATES_IO, "x"))
        lock, said = self.store + ".lock", []
        with open(lock, "wb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)

            def release(line):
                said.append(line)
                fcntl.flock(held, fcntl.LOCK_UN)

            with mock.patch.object(cc, "_say", release):
                self.assertEqual(self.summaries(login("y"), get()), ["login", "get: y"])
        self.assertEqual(said, ["waiting for another process to release the lock `%s`" % lock])


# ---- Processes: a provider as Cargo runs it -----------------------------------------------------
class Directory(Folder):
    """A test with a directory of its own, and programs in it that Cargo could run."""

    def script(self, code, name, *flags):
        """An executable Python file. A shebang takes no spaces, and no long paths."""
        start = "#!%s %s\n" % (sys.executable, "".join(flags))
        if " " in sys.executable or len(start) > 120:
            start = "#!/bin/sh\n'''exec' '%s' %s \"$0\" \"$@\"\n'''\n"
            start %= (sys.executable, " ".join(flags))
        return self.write(name, start + code, 0o755)

    def provider(self, body, name="prov.py"):
        """An executable provider. `body` defines `Provider`."""
        imports = "import os, subprocess, sys, threading, time\nsys.path.insert(1, %r)\n" % CACHE
        imports += "from cargo_credential import *\n"
        run = "\nif __name__ == '__main__':\n    main(Provider())\n"
        return self.script(imports + textwrap.dedent(body) + run, name, "-S")

    def getter(self, code, name="prov.py"):
        """A provider whose `get` does this."""
        get = "class Provider(Credential):\n    def get(self, registry, operation, args):\n"
        return self.provider(get + textwrap.indent(textwrap.dedent(code), " " * 8), name)

    def program(self, code, name="other.py"):
        """The path of a program that Cargo could run."""
        path = self.script("import os, sys\n" + code, name, "-SE")
        if WINDOWS:
            command = '@"%s" "%s" %%*\r\n' % (sys.executable, path)
            path = self.write(name.replace(".py", ".cmd"), command)
        return path

    def module(self):
        """A copy of the module that Cargo can run: a downloaded file is not executable."""
        path = shutil.copy(MODULE, self.path("cargo_credential.py"))
        os.chmod(path, 0o755)
        return path

    def run_provider(self, path, *lines, arguments=("--cargo-plugin",), **options):
        """(lines, standard error) of a provider that gets these lines and then the end."""
        process = start([path] + list(arguments), cwd=self.directory, **options)
        return self.finish_provider(process, *lines)

    def finish_provider(self, process, *lines):
        output, errors = process.communicate(b"".join(lines))
        self.assertEqual(process.returncode, 0, errors)
        hello, answers = output.decode("utf-8").split("\n", 1)
        self.assertEqual(hello, '{"v":[1]}')
        return answers.split("\n")[:-1], errors.decode("utf-8").replace("\r\n", "\n")

    def outcome(self, path, *lines, **options):
        """The one answer of a provider, in short. It prints nothing."""
        (line,), errors = self.run_provider(path, *lines, **options)
        self.assertEqual(errors, "")
        return summary_of(line)


def busy():
    """How much longer everything may take: the number of processes that wait for each CPU."""
    return max(1, os.getloadavg()[0] / os.cpu_count()) if hasattr(os, "getloadavg") else 1


class Process(subprocess.Popen):
    """A process that is killed, as an error, if it does not end in time."""

    def communicate(self, data=None, timeout=None):
        try:
            return super().communicate(data, timeout or SILENCE * busy())
        except subprocess.TimeoutExpired as late:
            self.kill()
            self.wait()
            raise AssertionError("%r hangs after %r" % (self.args, late.output)) from None


def start(command, session=True, **options):
    """A process with pipes and, unless a terminal is given to it, without a terminal."""
    for name in ("stdin", "stdout", "stderr"):
        options.setdefault(name, subprocess.PIPE)
    options.setdefault("env", environment())
    if WINDOWS:
        options.setdefault("creationflags", 0x00000008)  # DETACHED_PROCESS: no console
    elif session:
        options.setdefault("start_new_session", "preexec_fn" not in options)
    return Process([sys.executable] + FLAGS + command, **options)


HELP = """\
This is a credential provider: Cargo runs it with --cargo-plugin to get a registry's token. To use
it, write its line below the registry's `index`, in config.toml in $CARGO_HOME (~/.cargo if that is
not set). Add the provider's arguments if it requires any.

[registries.NAME]
"""


class main_without_a_terminal(Directory):
    """Nothing that a provider does reaches Cargo's pipe."""

    WAYS_TO_WRITE = [
        ("print", "print('noise')"),
        ("a flush", "sys.stdout.write('noise'); sys.stdout.flush()"),
        ("descriptor 1", "os.write(1, b'noise')"),
        ("a child", "subprocess.call([sys.executable, '-c', 'print(1)'])"),
        ("a shell", "os.system('echo noise')"),
        ("the original", "sys.__stdout__.write('noise')"),
        ("a handler from before", "EARLY.write('noise')"),
        ("closing", "sys.stdout.close()"),
        ("closing the descriptor", "os.close(1)"),
        ("replacing", "sys.stdout = open(os.devnull, 'w'); print('noise')"),
        ("replacing by number", "sys.stdout = os.fdopen(1, 'w'); print('noise')"),
        ("replacing by nothing", "sys.stdout = None"),
        ("a thread", "threading.Thread(target=print, args=('noise',)).start()"),
        ("a thread that stays", "threading.Thread(target=exec, args=(LATE, globals())).start()"),
        ("a daemon that stays", "threading.Thread(target=spin, daemon=True).start()"),
        ("a pool that stays", "POOL.append(Pool(2)); POOL[0].submit(print, 'noise').result()"),
        ("a child that stays", "subprocess.Popen([sys.executable, '-c', 'print(1)'])"),
    ]
    NOISY = """
        from concurrent.futures import ThreadPoolExecutor as Pool
        EARLY, POOL = sys.stdout, []
        LATE = "threading.main_thread().join(); print('noise', flush=True)"
        print("printed while importing")
        def spin():
            while True:
                os.write(1, b"noise")
                time.sleep(0)
        class Provider(Credential):
            def get(self, registry, operation, args):
                %s
                raise OperationNotSupported
        """

    def test_main_keeps_all_output_of_a_provider_from_cargos_pipe(self):
        processes = []
        for i, (_, code) in enumerate(self.WAYS_TO_WRITE):
            path = self.provider(self.NOISY % code, "prov%d.py" % i)
            processes.append(start([path, "--cargo-plugin"], cwd=self.directory))
        for (name, _), process in zip(self.WAYS_TO_WRITE, processes):
            with self.subTest(name):
                answers, _ = self.finish_provider(process, GET, LOGOUT)
                self.assertEqual(answers, [NOT_SUPPORTED, NOT_SUPPORTED])

    def test_a_megabyte_printed_after_main_neither_hangs_nor_reaches_cargo(self):
        path = self.provider("Provider = UnsupportedCredential")
        with open(path, "a") as file:
            file.write("    print('x' * 2**20, flush=True)\n    os.write(1, b'x' * 2**20)\n")
        process = start([path, "--cargo-plugin"])
        process.stdin.write(GET)
        process.stdin.close()
        self.assertEqual(process.wait(60), 0)  # without a reader, as Cargo waits
        with process.stdout, process.stderr:
            self.assertEqual(process.stdout.read().splitlines()[1:], [URL_NOT_SUPPORTED.encode()])
            self.assertEqual(process.stderr.read(), b"")

    def test_read_line_and_input_are_empty(self):
        path = self.getter(
            """
            child = [sys.executable, "-c", "import sys; print(repr(sys.stdin.read()))"]
            output = subprocess.run(child, stderr=subprocess.STDOUT)
            raise OtherError(repr((read_line(), sys.stdin.read(), os.read(0, 1))))
            """
        )
        self.assertEqual(self.outcome(path, GET), "other: ('', '', b'')")

    @posix_only
    def test_no_child_inherits_a_pipe_of_cargo(self):
        path = self.provider(
            r"""
            CODE = "import os\nfor n in range(64):\n try: print(n, os.fstat(n).st_mode >> 12)"
            CODE += "\n except OSError: pass"
            class Provider(Credential):
                def get(self, registry, operation, args):
                    command = [sys.executable, "-c", CODE]
                    raise OtherError(subprocess.check_output(command, close_fds=False).decode())
            """
        )
        # 2: a character device, the null one. 1: the pipes that this test made
        self.assertEqual(self.outcome(path, GET).split(), "other: 0 2 1 1 2 1".split())

    @posix_only
    def test_a_standard_error_that_fails_does_not_hide_the_answer(self):
        path = self.getter('sys.stderr.write("lost")\nraise NotFound')
        read, write = os.pipe()
        os.close(read)
        with open("/dev/full", "wb") as full, os.fdopen(write, "wb") as closed:
            for stderr in (full, closed):
                process = start([path, "--cargo-plugin"], stderr=stderr)
                output, _ = process.communicate(GET)
                self.assertEqual(output.splitlines()[1:], [NOT_FOUND.encode()])
                self.assertEqual(process.returncode, 0)

    @posix_only
    def test_closed_standard_descriptors_do_no_harm(self):
        path = self.getter(
            """
            print("noise")
            sys.stderr.write("noise")
            if os.get_inheritable(2):
                raise NotFound
            """
        )
        command = " ".join(shlex.quote(word) for word in (sys.executable, path, "--cargo-plugin"))
        hello = b'{"v":[1]}\n'
        for closed, output in [
            ("0<&-", hello),
            ("1>&-", b""),
            ("2>&-", hello + NOT_FOUND.encode() + b"\n"),
            ("0<&- 2>&-", hello),
            ("0<&- 1>&- 2>&-", b""),
            ("--help 1>&-", b""),
        ]:
            with self.subTest(closed):
                shell = ["/bin/sh", "-c", "exec %s %s" % (command, closed)]
                pipes = dict(stdin=-1, stdout=-1, stderr=-1, start_new_session=True)
                process = subprocess.Popen(shell, env=environment(), **pipes)
                written, errors = process.communicate(GET)
                self.assertEqual((process.returncode, written), (0, output), errors)
                self.assertIn(errors, (b"", b"noise"))

    def test_an_encoding_without_letters_does_no_harm(self):
        path = self.getter(
            """
            print("\\u00e9\\udcff")
            read_token(LoginOptions(), RegistryInfo("\\u00e9"))
            """
        )
        for encoding in ("ascii", "ascii:strict", "utf-16", "ascii:no-such-handler"):
            process = start([path, "--cargo-plugin"], env=environment(PYTHONIOENCODING=encoding))
            output, errors = process.communicate(GET)
            self.assertIn(
                b"Cargo passed no token, and no terminal was found to type it on", output, encoding
            )
            self.assertNotIn(b"Traceback", errors)

    def test_getpass_finds_the_input_that_it_compares_on_windows(self):
        path = self.getter("raise OtherError(str(sys.stdin is sys.__stdin__))")
        self.assertEqual(self.outcome(path, GET), "other: True")

    @posix_only
    def test_with_few_descriptors_it_answers_or_says_why_not(self):
        path = self.provider("Provider = UnsupportedCredential")
        for limit in (5, 6, 7, 8, 16):
            limits = resource.RLIMIT_NOFILE, (limit, limit)
            run = [path, "--cargo-plugin"]
            process = start(run, preexec_fn=lambda limits=limits: resource.setrlimit(*limits))
            output, errors = process.communicate(GET)
            if process.returncode == 0:
                self.assertEqual(output.splitlines()[1:], [URL_NOT_SUPPORTED.encode()])
            else:
                self.assertIn(b"[Errno 24]", errors)
                self.assertEqual((process.returncode, output), (1, b""))
        self.assertEqual(process.returncode, 0)

    @posix_only
    def test_a_signal_shows_no_token(self):
        path = self.getter(
            """
            token = Secret("%s").expose()
            sys.stderr.write("ready\\n")
            sys.stderr.flush()
            time.sleep(60)
            """
            % TOKEN
        )
        for number, status in [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)]:
            process = start([path, "--cargo-plugin"])
            process.stdin.write(GET)
            process.stdin.flush()
            self.assertEqual(process.stderr.readline(), b"ready\n")
            process.send_signal(number)
            output, errors = process.communicate()
            self.assertEqual((process.returncode, errors), (status, b""))
            self.assertEqual(output, b'{"v":[1]}\n')

    def test_without_a_terminal_the_flag_is_not_needed(self):
        path = self.provider("Provider = UnsupportedCredential")
        self.assertEqual(self.outcome(path, GET, arguments=()), "url-not-supported")

    def test_help_shows_the_docstring_and_the_configuration(self):
        name = "a b.py" if WINDOWS else 'a "b".py'
        path = self.provider("Provider = UnsupportedCredential", name)
        with open(path) as file:
            source = file.read()
        header, _, body = source.partition("\n")
        for doc in ("", "What it is for.\n\n"):
            self.write(name, header + "\n'''%s'''\n" % doc[:-1] + body, 0o755)
            process = start([path, "--vault", "--help"], cwd=self.directory)
            output, errors = process.communicate()
            self.assertEqual((process.returncode, errors), (0, b""))
            named = path.replace(".py", ".cmd") if WINDOWS else path
            command = json.dumps([named, "--vault"], ensure_ascii=False)
            shown = output.decode().replace("\r\n", "\n")
            self.assertEqual(shown, doc + HELP + "credential-provider = %s\n" % command)

    def test_windows_takes_no_program_from_the_current_directory(self):
        variable = "__import__('os').environ.get('NoDefaultCurrentDirectoryInExePath')"
        answer = self.outcome(self.getter("raise OtherError(repr(%s))" % variable), GET)
        self.assertEqual(answer, "other: " + repr("1" if WINDOWS else None))

    @posix_only
    def test_a_program_is_not_taken_from_a_relative_part_of_PATH(self):
        self.write("here", "#!/bin/sh\nexit 5\n", 0o755)
        for folder in ("bin", "on the path"):
            self.write(folder + "/there", "#!/bin/sh\nexit 6\n", 0o755)
        path = self.provider(
            """
            class Provider(Credential):
                def get(self, registry, operation, args):
                    raise OtherError("%s %s" % (self.status("here"), self.status("there")))
                def status(self, name):
                    try:
                        return subprocess.call([name])
                    except OSError as error:
                        return type(error).__name__
            """
        )
        whole, missing = self.path("on the path"), "FileNotFoundError"
        for value, there in [
            (":.:bin:" + whole, "6"),
            (whole + ":", "6"),
            (".", missing),
            ("", missing),
            (None, missing),
        ]:
            env = environment()
            env.pop("PATH") if value is None else env.update(PATH=value)
            found = self.outcome(path, GET, env=env)
            self.assertEqual(found, "other: %s %s" % (missing, there), value)

    def test_read_token_reports_that_there_is_no_terminal(self):
        path = self.provider(
            """
            class Provider(Credential):
                def login(self, registry, options, args):
                    read_token(options, registry)
            """
        )
        missing = "other: Cargo passed no token, and no terminal was found to type it on: "
        for registry in (REGISTRY, CRATES, BARE):
            line = line_of(cc.LoginAction(cc.LoginOptions()), registry)
            (text,), errors = self.run_provider(path, line)
            self.assertEqual(summary_of(text), missing + FROM_FILE)
            name = "registry %s, " % registry.name if registry.name else ""
            index = "index %s, at %s\n" % (registry.index_url, registry.host or "an unknown host")
            prompt = "please paste the token for %s below\n" % (registry.name or "url")
            self.assertEqual(errors, name + index + prompt)


class CargoGoesAway(Directory):
    """Closed pipes: no traceback, no "Exception ignored", no stuck process, status 0."""

    def assert_quiet_exit(self, data, *expected, **options):
        """Cargo writes data, reads what is expected, and then closes its pipes."""
        path = self.getter('print("to the console")\nraise OtherError("x" * 200000)')
        with start([path, "--cargo-plugin"], **options) as process:
            try:
                os.write(process.stdin.fileno(), data)
            except OSError:  # it has ended, as without a reader of its hello
                pass
            if GET not in data:
                process.stdin.close()
            for text in expected:
                self.assertEqual(process.stdout.read(len(text)), text)
            if process.stdout:
                process.stdout.close()
            errors = process.stderr.read()
            self.assertEqual((process.wait(timeout=60), errors), (0, b""))

    def test_before_the_hello(self):
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write, "wb") as closed:
            self.assert_quiet_exit(GET, stdout=closed)

    def test_in_the_middle_of_a_request_or_an_answer(self):
        hello = b'{"v":[1]}\n'
        self.assert_quiet_exit(b"", hello)
        self.assert_quiet_exit(GET[:20], hello, b'{"Err":{"kind":"other","message":"not JSON')
        self.assert_quiet_exit(GET, hello)
        self.assert_quiet_exit(GET, hello, b'{"Err":{"kind":"othe')

    @unittest.skipUnless(os.path.exists("/dev/full"), "needs /dev/full")
    def test_a_full_disk_behind_standard_output(self):
        with open("/dev/full", "wb") as full:
            self.assert_quiet_exit(GET, stdout=full)


# ---- Terminals ----------------------------------------------------------------------------------
class Terminal:
    """A pseudo-terminal and a process of which it is the controlling terminal."""

    def __init__(self, command, **streams):
        try:
            self.master, slave = pty.openpty()
        except OSError:
            if REQUIRED:
                raise
            raise unittest.SkipTest("needs a terminal") from None
        self.slave = slave
        self.seen = b""

        def become_controlling():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        for name in ("stdin", "stdout", "stderr"):
            streams.setdefault(name, slave)
        streams.setdefault("preexec_fn", become_controlling)
        streams.setdefault("env", environment())
        self.process = subprocess.Popen(command, **streams)

    def read(self, until):
        """Wait for a text on the terminal, and return all up to it."""
        end = time.monotonic() + SILENCE * busy()
        while until not in self.seen:
            if select.select([self.master], [], [], 1)[0]:
                self.seen += os.read(self.master, 4096)
                end = time.monotonic() + SILENCE * busy()
            elif time.monotonic() > end or self.process.poll() is not None:
                raise AssertionError("no %r on the terminal, but %r" % (until, self.seen))
        before, self.seen = self.seen.split(until, 1)
        return before + until

    def echoes(self):
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)

    def wait_for_no_echo(self):
        end = time.monotonic() + SILENCE * busy()
        while self.echoes():
            assert time.monotonic() < end, "it still echoes"
            select.select([], [], [], 0.005)

    def type(self, text):
        os.write(self.master, text)

    def rest(self):
        """The status once the process has ended, and what is left on the terminal."""
        status = self.process.wait(timeout=SILENCE * busy())
        while select.select([self.master], [], [], 0)[0]:
            self.seen += os.read(self.master, 4096)
        rest, self.seen = self.seen, b""
        return status, rest

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        os.close(self.master)
        os.close(self.slave)


@posix_only
class main_on_a_terminal(Directory):
    LOGIN = line_of(cc.LoginAction(cc.LoginOptions(None, "https://r.example/me")))
    REVERSING = """
        class Provider(Credential):
            def login(self, registry, options, args):
                raise OtherError("".join(reversed(read_token(options, registry).expose())))
        """

    def terminal(self, command, **streams):
        terminal = Terminal(command, **streams)
        self.addCleanup(terminal.close)
        return terminal

    def piped(self, body, *lines, flags=FLAGS, **streams):
        """A provider that gets lines through Cargo's pipes, and has a terminal."""
        path = self.provider(body) if "\n" in body else body
        streams.update(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        terminal = self.terminal([sys.executable, *flags, path, "--cargo-plugin"], **streams)
        self.assertEqual(terminal.process.stdout.readline(), b'{"v":[1]}\n')
        terminal.process.stdin.write(b"".join(lines))
        terminal.process.stdin.flush()
        return terminal

    def answer(self, terminal):
        """The answer in short, and what is left on the terminal when the provider has ended."""
        line = terminal.process.stdout.readline().decode()
        terminal.process.stdin.close()
        status, rest = terminal.rest()
        self.assertEqual(status, 0, rest)
        return summary_of(line), rest

    def test_input_and_output_are_the_terminal_also_for_children(self):
        terminal = self.piped(
            """
            print("early")
            class Provider(Credential):
                def get(self, registry, operation, args):
                    print("name?")
                    names = read_line(), input("and? ")
                    subprocess.check_call("read x; echo child $x; test -t 0 -a -t 1", shell=True)
                    raise OtherError(repr(names))
            """,
            GET,
        )
        terminal.read(b"early\r\nname?\r\n")
        terminal.type(b"  one \n")
        terminal.read(b"and? ")
        terminal.type(b"two\n")
        terminal.read(b"two\r\n")
        terminal.type(b"three\n")
        terminal.read(b"child three\r\n")
        self.assertEqual(self.answer(terminal), ("other: ('one', 'two')", b""))

    def test_read_line_marks_what_is_not_UTF_8(self):
        terminal = self.piped(
            """
            class Provider(Credential):
                def get(self, registry, operation, args):
                    print("\\udcff?")
                    raise OtherError(ascii(read_line()))
            """,
            GET,
        )
        terminal.read(b"\\udcff?\r\n")
        terminal.type(b"a\xff\n")
        self.assertEqual(self.answer(terminal)[0], "other: 'a\\\\xff'")

    def typed(self, typed, line=LOGIN, body=REVERSING):
        """(what the terminal showed, the answer in short) for a token that is typed."""
        terminal = self.piped(body, line)
        shown = terminal.read(b" below\r\n")
        terminal.wait_for_no_echo()
        terminal.type(typed)
        answer, rest = self.answer(terminal)
        self.assertTrue(terminal.echoes())
        return (shown + rest).decode(), answer

    INDEX = "registry alt, index sparse+https://r.example/index/, at r.example\r\n"

    def test_read_token_trims_what_is_typed_and_does_not_show_it(self):
        shown, answer = self.typed(b"  %s \n" % TOKEN.encode())
        page = "please paste the token found on https://r.example/me below\r\n\r\n"
        self.assertEqual((shown, answer), (self.INDEX + page, "other: " + TOKEN[::-1]))

    def test_read_token_names_the_registry_and_the_page(self):
        at_evil = "sparse+http://crates.corp.example.index@evil/"
        fake = cc.RegistryInfo(at_evil)
        for registry, page, prompt in [
            (REGISTRY, None, self.INDEX + "please paste the token for alt"),
            (BARE, None, "index url, at an unknown host\r\nplease paste the token for url"),
            (BARE, "p", "index url, at an unknown host\r\nplease paste the token found on p"),
            (fake, None, "index %s, at evil\r\nplease paste the token for %s" % (at_evil, at_evil)),
        ]:
            line = line_of(cc.LoginAction(cc.LoginOptions(None, page)), registry)
            self.assertEqual(self.typed(b"x\n", line), (prompt + " below\r\n\r\n", "other: x"))

    def test_read_token_refuses_what_cannot_be_a_token(self):
        none = "no token was entered: " + FROM_FILE
        character = "the token contains a %s, so no HTTP header can carry it"
        for typed, message in [
            (b"\n", none),
            (b"  \n", none),
            (b"\x04", none),
            (TOKEN.encode() + b"\x1b[D\n", character % "control character"),
            (b"\xff" + TOKEN.encode() + b"\n", character % "character outside ASCII"),
        ]:
            self.assertEqual(self.typed(typed)[1], "other: " + message)

    def test_read_token_refuses_a_line_that_the_terminal_cuts(self):
        limit = 1023 if sys.platform == "darwin" else 4095
        cut = "other: the terminal cuts a line at %d characters: pass the token in a file" % limit
        self.assertEqual(self.typed(b"x" * (limit + 500) + b"\n")[1], cut)
        longest = "ab" * (limit // 2)
        self.assertEqual(self.typed(longest.encode() + b"\n")[1], "other: " + longest[::-1])

    def test_read_token_does_not_ask_where_it_would_show_the_token(self):
        broken = "import termios\ndef fail(*_): raise termios.error\ntermios.tcgetattr = fail\n"
        terminal = self.piped(broken + textwrap.dedent(self.REVERSING), self.LOGIN, flags=())
        terminal.type(b"x\n")  # it would be taken for the token
        answer, _ = self.answer(terminal)
        missing = "other: Cargo passed no token, and no terminal was found to type it on"
        self.assertTrue(answer.startswith(missing))

    def test_read_token_asks_with_a_standard_error_that_fails(self):
        with open("/dev/full", "wb") as full:
            terminal = self.piped(self.REVERSING, self.LOGIN, stderr=full)
            terminal.wait_for_no_echo()
            terminal.type(TOKEN.encode() + b"\n")
            self.assertEqual(self.answer(terminal)[0], "other: " + TOKEN[::-1])

    def test_a_registry_cannot_control_the_terminal(self):
        options = cc.LoginOptions(None, "https://r/\x1b]0;x\x07\n\u202e\u00e9\\/me")
        shown, _ = self.typed(b"x\n", line_of(cc.LoginAction(options)))
        page = "please paste the token found on https://r/\\x1b]0;x\\x07\\n\\u202e\u00e9\\/me below"
        shown = shown.replace("\\xe9", "\u00e9")  # in an ASCII locale
        self.assertEqual(shown, self.INDEX + page + "\r\n\r\n")

    def test_ctrl_c_ends_the_prompt_with_the_terminal_as_it_was(self):
        terminal = self.piped(self.REVERSING)
        before = termios.tcgetattr(terminal.slave)
        terminal.process.stdin.write(self.LOGIN)
        terminal.process.stdin.flush()
        terminal.read(b" below\r\n")
        terminal.wait_for_no_echo()
        terminal.type(b"half\x03")
        status, rest = terminal.rest()
        self.assertEqual((status, rest.replace(b"^C", b"").strip()), (130, b""))
        self.assertEqual(termios.tcgetattr(terminal.slave), before)
        self.assertEqual(terminal.process.stdout.read(), b"")

    def test_ctrl_c_does_not_wait_for_a_thread_or_for_cargo(self):
        sleeping = """
            class Provider(Credential):
                def get(self, registry, operation, args):
                    threading.Thread(target=time.sleep, args=(90,)).start()
                    print("ready")
                    time.sleep(90)
            """
        for lines in ([GET], []):
            terminal = self.piped(sleeping, *lines)
            if lines:
                terminal.read(b"ready\r\n")
            terminal.type(b"\x03")
            status, rest = terminal.rest()
            self.assertEqual((status, rest.replace(b"^C", b"")), (130, b""))

    @file_provider
    def test_without_the_flag_main_shows_how_to_configure_the_provider(self):
        path = self.provider("Provider = UnsupportedCredential", 'my "prov".py')
        for first, *command in (["This is", path, "--vault"], ["usage:", MODULE, "--example-file"]):
            terminal = self.terminal([sys.executable, *command], cwd="/", stdout=subprocess.PIPE)
            shown = terminal.process.stdout.read().decode()
            self.assertEqual(terminal.rest(), (0, b""))
            self.assertTrue(shown.startswith(first), shown)
            help_text = HELP + "credential-provider = %s\n" % json.dumps(command)
            self.assertTrue(shown.endswith(help_text), shown)

    def test_with_the_flag_main_serves_on_a_terminal_too(self):
        path = self.provider("Provider = UnsupportedCredential")
        terminal = self.terminal([sys.executable, path, "--cargo-plugin"])
        terminal.read(b'{"v":[1]}\r\n')
        terminal.type(b"\x04")
        self.assertEqual(terminal.rest()[0], 0)

    @file_provider
    def test_the_module_shows_its_usage(self):
        status, shown = self.terminal([sys.executable, MODULE]).rest()
        self.assertEqual(status, 0)
        self.assertTrue(shown.startswith(b"usage: cargo_credential.py --example-file [PATH]"))


# ---- Cargo's side -------------------------------------------------------------------------------
HELLO = """print('{"v":[1]}', flush=True); line = sys.stdin.readline()\n"""
OK_LOGOUT = """print('{"Ok":{"kind":"logout"}}', flush=True)\n"""


@cargos_side
class CredentialProcess(Directory):
    """Providers that do not use the module, run as Cargo runs them."""

    def perform(self, path, action=cc.LogoutAction(), args=(), configured=()):
        """The response, or the OtherError in short, with P for the path."""
        process = cc.CredentialProcess(path, *configured)
        try:
            return process.perform(REGISTRY, action, list(args))
        except cc.OtherError as error:  # the exception behind it may hold a token
            self.assertTrue(error.__suppress_context__ or error.__context__ is None)
            return ": ".join((error.message,) + error.caused_by).replace("`%s`" % path, "`P`")

    NO_HELLO, NO_ANSWER = "failed to deserialize hello", "failed to deserialize response"
    FAILED = "credential process `P` failed with status %s"
    NOT_FOUND = HELLO + "print('%s'); sys.exit(7)" % NOT_FOUND
    NO_CACHE = HELLO + """print('{"Ok":{"kind":"get","token":"t"}}')"""
    NOT_UTF_8 = r"sys.stdout.buffer.write(b'\xff\n')"
    VERSIONS = "credential provider supports protocol versions [998, 999], while Cargo supports [1]"
    TERMINATED = "sys.stdout.flush(); os.kill(os.getpid(), 15)"
    # (what a provider does, Cargo's message, the cause)
    BROKEN = [
        ("sys.exit(1)", NO_HELLO, "the provider closed its output before its hello"),
        ("print('x')\n" + HELLO, NO_HELLO, "not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("print('{\"v\":1}')", NO_HELLO, "field `v` must be a list"),
        (NOT_UTF_8, "failed to read hello from credential provider", "not UTF-8"),
        ("print('{\"v\":[998,999]}', flush=True); sys.stdin.read()", VERSIONS, ""),
        (HELLO + "sys.exit(3)", NO_ANSWER, "the provider closed its output before its response"),
        (NO_CACHE, NO_ANSWER, "missing field `cache`"),
        (HELLO + NOT_UTF_8, "failed to read response from credential provider", "not UTF-8"),
        (HELLO + r"print('{\"Ok\":\"\\ud800\"}')", NO_ANSWER, "not UTF-8"),
        (HELLO + OK_LOGOUT + "sys.exit(1)", FAILED % "exit status: 1", ""),
        (NOT_FOUND, FAILED % "exit status: 7", ""),
        (HELLO + OK_LOGOUT + TERMINATED, FAILED % "signal: 15", ""),
    ]

    def test_each_breach_of_the_protocol_is_reported_with_its_cause(self):
        for code, message, cause in self.BROKEN:
            if WINDOWS:
                message = message.replace("exit status", "exit code")
            if not (WINDOWS and "signal" in message):
                with self.subTest(code):
                    expected = message + (": " + cause if cause else "")
                    self.assertEqual(self.perform(self.program(code)), expected)

    @needs("cargo")
    @posix_only
    def test_the_messages_are_cargos(self):
        self.write("project/.cargo/config.toml", "")
        variables = environment(CARGO_HOME=self.path("home"), CARGO_TERM_COLOR="never")
        options = dict(cwd=self.path("project"), env=variables, stdin=-3, stderr=-1, timeout=60)
        for code, message, _ in self.BROKEN:
            path = self.program(code)
            config = 'registry.credential-provider=["%s"]' % path
            run = subprocess.run(["cargo", "--config", config, "logout"], **options)
            self.assertIn(message.replace("`P`", "`%s`" % path), run.stderr.decode())

    def test_a_provider_of_cargo_or_a_relative_path_is_refused(self):
        built_in = "`cargo:token` is built into Cargo: name a program"
        relative = "`%s` is a relative path: name the absolute path of the provider"
        relatives = [(path, relative % path) for path in ("./prov.py", "a/b")]
        nul = ("/a\0b", "the path of the provider contains a NUL character")
        for path, text in [("cargo:token", built_in), nul, *relatives]:
            self.assertEqual(message_of(cc.OtherError, cc.CredentialProcess, path, "x"), text)
        missing = cc.CredentialProcess("no-such-program")  # a name is looked up on PATH
        message = message_of(cc.OtherError, missing.logout, CRATES, [])
        self.assertEqual(message, "failed to spawn credential process")

    def test_a_program_that_cannot_be_started_is_an_error(self):
        missing, plain = self.path("missing"), self.write("plain", "print()")
        spawn = "failed to spawn credential process: "
        for path, text in [
            (missing, "No such file or directory (os error 2)"),
            (plain, "Permission denied (os error 13)"),
        ]:
            self.assertIn(spawn + ("" if WINDOWS else text), self.perform(path))

    def test_answers_and_errors_are_passed_on(self):
        for action, response in [
            (cc.LogoutAction(), cc.LogoutResponse()),
            (cc.LoginAction(cc.LoginOptions()), cc.LoginResponse()),
            (READ, cc.GetResponse(cc.Secret("t"), cc.CacheUnknown(), False)),
        ]:
            path = self.program(HELLO + "print(%r)" % response.to_json())
            self.assertEqual(self.perform(path, action), response)
        for error in (cc.NotFound(), cc.UrlNotSupported(), cc.OperationNotSupported()):
            path = self.program(HELLO + "print(%r)" % error.to_json())
            self.assertRaises(type(error), self.perform, path)
        path = self.program(HELLO + "print(%r)" % cc.OtherError("a", ["b", "c"]).to_json())
        self.assertEqual(self.perform(path), "a: b: c")

    def test_an_answer_that_does_not_fit_is_an_error(self):
        unexpected = "credential provider produced unexpected response for `get` request: "
        bad = cc.GetResponse(cc.Secret("x")).to_json().replace('"x"', r'"x\r\nX-Evil: 1"')
        for code, cause in [
            (OK_LOGOUT, "the provider returned LogoutResponse for the action `get`: "),
            ("print(%r)" % bad, "the token contains a line break, so no HTTP header can carry it"),
        ]:
            self.assertIn(unexpected + cause, self.perform(self.program(HELLO + code), READ))

    def test_the_provider_gets_the_flag_and_the_request(self):
        code = HELLO + (
            "import json\nsays = json.dumps([sys.argv[1:], json.loads(line)])\n"
            "print(json.dumps({'Err': {'kind': 'other', 'message': says}}))"
        )
        says = json.loads(self.perform(self.program(code), args=["a b"], configured=["c"]))
        asked = request(cc.LogoutAction(), REGISTRY, ["c", "a b"]).to_json()
        self.assertEqual(says, [["--cargo-plugin"], json.loads(asked)])

    def test_arguments_that_are_not_UTF_8_are_an_error(self):
        message = self.perform(self.program(HELLO + OK_LOGOUT), args=["\udcff"])
        self.assertEqual(message, "failed to serialize request: not UTF-8")

    def test_megabytes_of_output_do_no_harm(self):
        long_hello = 'print(\'{"v":[1],"x":"%s"}\' % (\'x\' * 3000000), flush=True)\n'
        for code in (
            long_hello + "sys.stdin.readline()\n" + OK_LOGOUT,
            HELLO + OK_LOGOUT + "print('y\\n' * 3000000)",
        ):
            path = self.program(code)
            self.assertEqual(self.perform(path, args=["x" * 3000000]), cc.LogoutResponse())

    @posix_only
    def test_a_provider_that_does_not_read_is_an_error(self):
        code = "os.close(0)\nprint('{\"v\":[1]}', flush=True)\nimport time; time.sleep(60)\n"
        message = "failed to write to credential provider: Broken pipe (os error 32)"
        self.assertEqual(self.perform(self.program(code), args=["x" * 1000000]), message)

    @posix_only
    def test_a_provider_that_breaks_the_protocol_is_killed_at_once(self):
        code = "with open(%r, 'w') as file: file.write(str(os.getpid()))\n" % self.path("pid")
        code += "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        code += "print('noise', flush=True)\nimport time; time.sleep(60)\n"
        waits, wait = [], subprocess.Popen.wait
        recording = lambda child, timeout=None: waits.append(timeout) or wait(child, timeout)
        with mock.patch("subprocess.Popen.wait", recording):
            message = self.perform(self.program(code))
        self.assertIn("failed to deserialize hello: not JSON", message)
        self.assertFalse(any(waits), waits)  # it gets no time to end
        with self.assertRaises(ProcessLookupError):
            os.kill(int(self.read("pid")), 0)

    @posix_only
    def test_ctrl_c_lets_a_provider_clean_up(self):
        code = HELLO + "import time\nos.kill(os.getppid(), 2)\ntime.sleep(0.1)\n"
        path = self.program(code + "open(%r, 'w').close()" % self.path("cleaned"))
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # nohup ignores it
        self.addCleanup(signal.signal, signal.SIGINT, before)
        self.assertRaises(KeyboardInterrupt, self.perform, path)
        self.assertEqual(self.read("cleaned"), b"")

    @posix_only
    def test_a_grandchild_that_keeps_the_output_is_not_waited_for(self):
        os.mkfifo(self.path("end"))
        child = "import os, sys; print(os.getpid()); open(%r).read()" % self.path("end")
        code = HELLO + OK_LOGOUT + "import subprocess\n"
        code += "child = subprocess.Popen([sys.executable, '-c', %r])\n" % child
        code += "with open(%r, 'w') as file: file.write(str(child.pid))\n" % self.path("pid")
        release = threading.Timer(30, lambda: os.open(self.path("end"), os.O_WRONLY))
        release.start()
        self.addCleanup(release.cancel)
        self.assertEqual(self.perform(self.program(code)), cc.LogoutResponse())
        os.kill(int(self.read("pid")), 0)  # it runs
        self.assertTrue(release.is_alive(), "perform waited for the grandchild")
        os.kill(int(self.read("pid")), signal.SIGKILL)

    def test_get_login_and_logout_go_through_perform(self):
        class Recording(cc.CredentialProcess):
            def perform(self, *request):
                return request

        process, options = Recording(sys.executable), cc.LoginOptions(cc.Secret(TOKEN))
        for result, action in [
            (process.get(REGISTRY, cc.ReadOperation(), ["a"]), READ),
            (process.login(REGISTRY, options, ["a"]), cc.LoginAction(options)),
            (process.logout(REGISTRY, ["a"]), cc.LogoutAction()),
        ]:
            self.assertEqual(result, (REGISTRY, action, ["a"]))

    def test_it_is_a_provider_whose_standard_error_is_passed_on(self):
        token = cc.GetResponse(cc.Secret(TOKEN)).to_json()
        code = "sys.stderr.write('from within\\n'); sys.stderr.flush()\n" + HELLO
        inner = self.program(code + "print(%r)" % token)
        path = self.provider("Provider = lambda: CredentialProcess(%r)" % inner)
        answers, errors = self.run_provider(path, GET, GET, LOGOUT)
        self.assertEqual(answers[:2], [token_answer(TOKEN)] * 2)
        self.assertIn("unexpected response for `logout` request", answers[2])
        self.assertEqual(errors, "from within\n" * 3)

    @posix_only
    @file_provider
    def test_a_provider_within_a_provider_asks_on_the_terminal(self):
        command = (self.module(), "--example-file", self.path("store.json"), "--any-registry")
        path = self.provider("Provider = lambda: CredentialProcess(*%r)" % (command,))
        terminal = Terminal([sys.executable, path, "--cargo-plugin"], stdin=-1, stdout=-1)
        self.addCleanup(terminal.close)
        terminal.process.stdin.write(main_on_a_terminal.LOGIN)
        terminal.process.stdin.flush()
        terminal.read(b" below\r\n")
        terminal.wait_for_no_echo()
        terminal.type(TOKEN.encode() + b"\n")
        terminal.process.stdin.close()
        output = terminal.process.stdout.read().decode()
        self.assertEqual(output.splitlines(), ['{"v":[1]}', LOGIN_OK])
        self.assertEqual(terminal.rest(), (0, b"\r\n"))


# ---- The program and its store, as processes ----------------------------------------------------
class ExampleFileProgram(Store, Directory):
    """The provider of --example-file, as Cargo runs it."""

    def process(self, *lines, options=Store.OPTIONS, **more):
        """(answers in short, standard error)"""
        options = [self.store if word == "store.json" else word for word in options]
        arguments = ["--cargo-plugin", *options]
        answers, errors = self.run_provider(MODULE, *lines, arguments=arguments, **more)
        return [summary_of(line) for line in answers], errors

    def test_it_does_what_the_crates_own_test_asks(self):
        lines = [
            b'{"v": 1,"registry": {"index-url":"%s","name":"crates-io"},"kind": "login",'
            b'"token": "s3krit","args": []}\n' % CRATES_IO.encode(),
            b'{"v": 1,"registry": {"index-url":"%s","name":"crates-io"},"kind": "get",'
            b'"operation": "read","args": []}\n' % CRATES_IO.encode(),
        ]
        arguments = ["--cargo-plugin", "--example-file"]
        env = environment(CARGO_HOME=os.path.dirname(self.store))
        os.mkdir(self.path("checkout"))
        process = start([MODULE, *arguments], cwd=self.path("checkout"), env=env)
        answers, errors = self.finish_provider(process, *lines)
        self.assertEqual((answers, errors), ([LOGIN_OK, token_answer("s3krit")], ""))
        stored = b'{\n  "%s": "s3krit"\n}' % CRATES_IO.encode()
        self.assertEqual(self.read("cargo-credentials.json").strip(), stored)

    def test_an_option_is_not_a_path(self):
        options = ["--example-file", "--any-registry"]
        os.mkdir(self.path("home"))
        env = environment(CARGO_HOME=self.path("home"))
        process = start([MODULE, "--cargo-plugin", *options], cwd=sys.prefix, env=env)
        self.assertEqual(self.finish_provider(process, login("x", REGISTRY)), ([LOGIN_OK], ""))
        self.assertTrue(os.path.exists(self.path("home", "cargo-credentials.json")))

    def test_without_the_option_it_serves_nothing(self):
        answers, _ = self.run_provider(MODULE, get(), arguments=())
        self.assertIn("only with --example-file", answers[0])

    def test_help_and_version(self):
        usage = "usage: cargo_credential.py --example-file [PATH] [--any-registry]\n"
        version = "cargo_credential.py %s\n" % cc.__version__
        for option, shown in [("--help", usage), ("--version", version)]:
            process = start([MODULE, option])
            output, errors = process.communicate()
            text = output.decode().replace("\r\n", "\n")
            self.assertTrue(text.startswith(shown), text)
            self.assertEqual((process.returncode, errors), (0, b""))

    def test_forty_logins_at_once_lose_no_token(self):
        tokens = {"https://r%d.example/" % i: "token-%d" % i for i in range(40)}
        command = [MODULE, "--cargo-plugin", "--example-file", self.store, "--any-registry"]
        processes = [start(command, cwd=self.directory) for _ in tokens]
        for process, (url, token) in zip(processes, tokens.items()):
            process.stdin.write(login(token, cc.RegistryInfo(url)))
            process.stdin.flush()
        for process in processes:
            answers, errors = self.finish_provider(process)
            self.assertEqual(answers, [LOGIN_OK])
            self.assertRegex(errors, r"\A(waiting for another process to release the lock .*\n)?\Z")
        self.assertEqual(self.stored_tokens(), tokens)

    def test_a_store_that_another_process_has_open_is_replaced(self):
        self.store_tokens((CRATES_IO, "one"))
        process = start([MODULE, "--cargo-plugin", "--example-file", self.store])
        with open(self.store, "rb") as reader:
            process.stdin.write(login("two"))
            process.stdin.flush()
            if WINDOWS:  # it waits until the reader closes the file
                while not os.path.exists(self.store + ".tmp"):
                    time.sleep(0.01)
            else:
                self.assertEqual(self.finish_provider(process), ([LOGIN_OK], ""))
            self.assertIn(b"one", reader.read())
        if WINDOWS:
            self.assertEqual(self.finish_provider(process), ([LOGIN_OK], ""))
        self.assertEqual(self.stored_tokens(), {CRATES_IO: "two"})

    @posix_only
    def test_the_store_and_its_lock_are_private_under_each_umask(self):
        for umask in (0, 0o022, 0o077):
            answers, _ = self.process(login("x"), preexec_fn=lambda mask=umask: os.umask(mask))
            self.assertEqual(answers, ["login"])
            for name in ("store.json", "store.json.lock"):
                self.assertEqual(os.stat(self.path(name)).st_mode & 0o7777, 0o600)
                os.unlink(self.path(name))

    UNCHANGED = "other: cannot write the token store `%s`. It was not changed: "

    @posix_only
    def test_a_read_only_directory_keeps_the_store(self):
        self.store_tokens((CRATES_IO, "x"))
        os.chmod(self.directory, 0o555)
        self.addCleanup(os.chmod, self.directory, 0o755)
        if os.geteuid() == 0:  # to root, no directory is read-only
            os.chown(self.store, 65534, -1)
            os.seteuid(65534)
            self.addCleanup(os.seteuid, 0)
        (message,) = self.summaries(login("y"))
        self.assertEqual(message[: len(self.UNCHANGED % self.store)], self.UNCHANGED % self.store)
        self.assertIn("Permission denied", message)
        self.assertEqual(self.summaries(get()), ["get: x"])

    @posix_only
    def test_a_full_disk_keeps_the_store(self):
        self.store_tokens((CRATES_IO, "x"), ("pad", "y" * 4000))
        before = self.read("store.json")
        (message,), _ = self.process(
            login("z" * 2000),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
            env=dict(environment(), PYTHONDONTWRITEBYTECODE="1"),  # it would be cut off, too
        )
        self.assertIn(self.UNCHANGED % self.store + "[Errno 27] File too large", message)
        self.assertEqual((self.read("store.json"), len(self.stored_tokens())), (before, 2))

    KILLED = """
        import io, os, signal, sys
        sys.path.insert(0, %r)
        import cargo_credential as cc, fcntl
        def killing(function):
            def call(*arguments, **named):
                global left
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*arguments, **named)
            return call
        left, line = int(sys.argv[1]), sys.argv[2].encode()
        for name in ("open", "fstat", "fsync", "replace", "unlink", "fdopen"):
            setattr(os, name, killing(getattr(os, name)))
        fcntl.flock = killing(fcntl.flock)
        provider = cc._FileCredential(["--example-file", sys.argv[3]])
        cc.serve(provider, io.BytesIO(line), io.BytesIO())
        """

    @posix_only
    def test_a_login_that_is_killed_leaves_the_old_or_the_new_store(self):
        """It is killed before its first, second, ... call of the system."""
        code, statuses = textwrap.dedent(self.KILLED) % HERE, []
        while statuses[-1:] != [0]:
            self.store_tokens((CRATES_IO, "old"))
            process = start(["-c", code, str(len(statuses)), login("new").decode(), self.store])
            self.assertEqual(process.communicate()[1], b"")
            statuses.append(process.returncode)
            self.assertIn(process.returncode, (0, -signal.SIGKILL))
            expected = ["new"] if process.returncode == 0 else ["old", "new"]
            self.assertIn(json.loads(self.read("store.json").decode())[CRATES_IO], expected)
            self.assertEqual(self.summaries(logout()), ["logout"])
            self.assertEqual(self.stored_tokens(), {})
        self.assertGreater(len(statuses), 6)


# ---- Real Cargo ---------------------------------------------------------------------------------
class Registry(http.server.BaseHTTPRequestHandler):
    """A private registry on 127.0.0.1: sparse index, downloads and API, all with a token."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60

    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        server, path, token = self.server, self.path, self.headers.get("Authorization")
        server.log.append((self.command, path, token))
        if token != server.token:
            login = {"WWW-Authenticate": 'Cargo login_url="%s/me"' % server.url}
            return self.reply(401, b"", login)
        if path == "/index/config.json":
            config = {"dl": server.url + "/dl", "api": server.url, "auth-required": True}
            return self.reply(200, config)
        if path.startswith("/index/"):
            name = path.rsplit("/", 1)[1]
            lines = [json.dumps(entry) for entry in server.index.get(name, [])]
            return self.reply(200 if lines else 404, "\n".join(lines).encode())
        if path.startswith("/dl/"):
            return self.reply(200, server.crates["-".join(path.split("/")[2:4])])
        return self.reply(200, self.api(self.command, path, body))

    do_GET = do_PUT = do_DELETE = handle_one

    def api(self, method, path, body):
        parts = path.split("/")[4:]
        if parts == ["new"]:
            length = int.from_bytes(body[:4], "little")
            self.server.add(json.loads(body[4 : 4 + length].decode()), body[8 + length :])
            return {"warnings": {"invalid_categories": [], "invalid_badges": [], "other": []}}
        if parts[-1] == "owners":
            if method == "GET":
                return {"users": [{"id": 1, "login": "somebody", "name": None}]}
            return {"ok": True, "msg": "owner " + json.loads(body.decode())["users"][0]}
        for entry in self.server.index[parts[0]]:
            entry["yanked"] = parts[-1] == "yank"
        return {"ok": True}

    def reply(self, status, body, headers=()):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class RegistryServer(http.server.HTTPServer):
    """`log` has (method, path, Authorization) of each request. `dep` 1.0.0 is published."""

    def __init__(self, token):
        super().__init__(("127.0.0.1", 0), Registry)
        self.token, self.log, self.index, self.crates = token, [], {}, {}
        self.url = "http://127.0.0.1:%d" % self.server_port
        self.add({"name": "dep", "vers": "1.0.0"}, self.crate("dep", "1.0.0"))
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,))
        self.thread.start()

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)  # HTTPServer's looks the host's name up
        self.server_name, self.server_port = self.server_address[:2]

    def process_request(self, request, client_address):
        # One thread a connection, as ThreadingHTTPServer from Python 3.7 on
        work = threading.Thread(target=self.process_request_thread, args=(request, client_address))
        work.daemon = True
        work.start()

    def process_request_thread(self, request, client_address):
        try:
            self.finish_request(request, client_address)
        except OSError:
            pass
        finally:
            self.shutdown_request(request)

    @staticmethod
    def crate(name, vers):
        manifest = '[package]\nname = "%s"\nversion = "%s"\nedition = "2021"\n' % (name, vers)
        files = {"Cargo.toml": manifest, "src/lib.rs": "pub const ANSWER: u32 = 42;\n"}
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path, text in files.items():
                member = tarfile.TarInfo("%s-%s/%s" % (name, vers, path))
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text.encode()))
        return packed.getvalue()

    def add(self, meta, crate):
        entry = {"name": meta["name"], "vers": meta["vers"], "deps": [], "features": {}}
        entry.update(yanked=False, cksum=hashlib.sha256(crate).hexdigest())
        self.index.setdefault(meta["name"], []).append(entry)
        self.crates[meta["name"] + "-" + meta["vers"]] = crate

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class WithCargo(Directory):
    """A project with a dependency from a registry that requires a token for everything."""

    TOKEN = "Bearer real-cargo-" + TOKEN
    PROJECT = (
        '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\nlicense = "MIT"\n'
        'description = "d"\npublish = ["alt"]\n\n[dependencies]\n'
        'dep = { version = "1", registry = "alt" }\n'
    )

    def setUp(self):
        super().setUp()
        self.registry = RegistryServer(self.TOKEN)
        self.addCleanup(self.registry.close)
        self.write("project/Cargo.toml", self.PROJECT)
        self.write("project/src/lib.rs", "pub const ANSWER: u32 = dep::ANSWER;\n")  # no linker
        self.index = "sparse+%s/index/" % self.registry.url

    def configure(self, *provider, extra=""):
        lines = ["[registries.alt]", 'index = "%s"' % self.index]
        if provider:
            lines.append("credential-provider = " + json.dumps(provider, ensure_ascii=False))
        self.write("project/.cargo/config.toml", "\n".join(lines) + "\n" + extra)

    def globally(self, *providers):
        """Configure global providers by aliases. Cargo asks the last one first."""
        names = ["alias%d" % i for i in range(len(providers))]
        lines = ["[registry]", "global-credential-providers = " + json.dumps(names)]
        rows = zip(names, providers)
        lines += ["[credential-alias]"] + ["%s = %s" % (row[0], json.dumps(row[1])) for row in rows]
        self.configure(extra="\n".join(lines) + "\n")

    def cargo_environment(self):
        home = self.path("cargo-home")
        return environment(CARGO_HOME=home, CARGO_TERM_COLOR="never", CARGO_NET_RETRY="0")

    def cargo(self, *arguments, status=0, stdin=b"", secret=True, folder="project"):
        """Cargo's standard error, with a pipe for standard input."""
        process = subprocess.Popen(
            ("cargo",) + arguments,
            cwd=self.path(folder),
            env=self.cargo_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        output, errors = process.communicate(stdin, timeout=120)
        self.assertEqual(process.returncode, status, errors.decode())
        self.output = output.decode()
        if secret:
            self.assertNotIn(TOKEN, self.output + errors.decode())
        return errors.decode()

    def cargo_on_a_terminal(self, *arguments):
        project, environ = self.path("project"), self.cargo_environment()
        terminal = Terminal(("cargo",) + arguments, cwd=project, env=environ)
        self.addCleanup(terminal.close)
        return terminal


# ---- All the tests ------------------------------------------------------------------------------
class Names(unittest.TestCase):
    def test_each_public_name_is_found_with_k(self):
        loader, found = unittest.TestLoader(), []
        for name, kind in sorted(globals().items()):
            if isinstance(kind, type) and issubclass(kind, unittest.TestCase):
                found += ["%s.%s" % (name, test) for test in loader.getTestCaseNames(kind)]
        for name in cc.__all__:
            self.assertIn(name, " ".join(found))
        self.assertEqual(len(cc.__all__), len(set(cc.__all__)))


def each_test(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from each_test(test)
        else:
            yield test


def load_tests(loader, tests, pattern):
    """Add the tests of the examples and of the project, where they are there."""
    for names in (("examples", "tests"), (".ci", "tests")):
        folder = os.path.join(HERE, *names)
        if os.path.isdir(folder):
            sys.path.append(folder)
            for name in sorted(os.listdir(folder)):
                if re.match(r"test_\w+\.py\Z", name):
                    tests.addTests(loader.loadTestsFromName(name[:-3]))
    return tests


class Loader(unittest.TestLoader):
    """Loads all tests, or with `quick` those that need no processes."""

    quick = False

    def loadTestsFromModule(self, module, *arguments, **options):
        if not self.quick:
            return super().loadTestsFromModule(module, *arguments, **options)
        classes = [kind for kind in vars(module).values() if isinstance(kind, type)]
        return self.suiteClass(
            self.loadTestsFromTestCase(kind)
            for kind in sorted(classes, key=lambda kind: kind.__name__)
            if issubclass(kind, unittest.TestCase) and not issubclass(kind, Directory)
        )


# ---- The run ------------------------------------------------------------------------------------
# Two things could end a run too early, or never: os._exit in the module, whose status 0 would hide
# failures, raises AssertionError here; and a test that takes too long ends its process. The tests
# wait more than they compute. So in a clone, forks of this process run them: see
# examples/tests/parallel_tests.py.
LIMIT = 300 if WINDOWS else 60  # seconds for one test
process_of_tests, leave = os.getpid(), os._exit


def refuse_exit(status):
    """In place of os._exit, which remains for the forks that tests make."""
    if os.getpid() == process_of_tests:
        raise AssertionError("a test called os._exit(%r)" % status)
    leave(status)


os._exit = refuse_exit


class Limited(unittest.TestResult):
    """Starts each test without Secrets. Ends the process if one takes too long, with tracebacks."""

    def startTest(self, test):
        forget_secrets()
        try:
            faulthandler.dump_traceback_later(LIMIT * busy(), exit=True)
        except Exception:  # standard error is not a file, or threads are missing
            pass
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()


class Result(Limited, unittest.TextTestResult):
    """Shows tests, also those of workers, whose errors are texts."""

    def _exc_info_to_string(self, error, test):
        text = error[1]
        return text if isinstance(text, str) else super()._exc_info_to_string(error, test)

    def skipped_tools(self):
        """A line with what was missing, and for how many tests, as in "58 need cargo, 25 git"."""
        reasons = [reason[6:].split(", ") for _, reason in self.skipped if reason[:6] == "needs "]
        counts = collections.Counter(tool for tools in reasons for tool in tools)
        rows = ["%d %s" % (count, tool) for tool, count in counts.most_common()]
        return ", ".join(rows).replace(" ", " need ", 1)


class Runner(unittest.TextTestRunner):
    resultclass = Result

    def run(self, test):
        tests = list(each_test(test))
        if hasattr(os, "fork") and any(isinstance(test, Directory) for test in tests):
            try:
                import parallel_tests

                test = functools.partial(parallel_tests.run, tests)
            except ImportError:  # the module and its tests alone, or a browser
                pass
        result = super().run(test)
        if result.skipped_tools():
            self.stream.writeln("skipped: " + result.skipped_tools())
        return result


def main():
    """Run the tests of the command line. Without any test, the status is 1, too."""
    loader = Loader()
    if "--quick" in sys.argv:
        sys.argv.remove("--quick")
        loader.quick = True
    program = unittest.main(testRunner=Runner, testLoader=loader, exit=False)
    sys.exit(not program.result.wasSuccessful() or program.result.testsRun == 0)


if __name__ == "__main__":
    main()
