#!/usr/bin/env python3
"""Tests of cargo_credential.py: tables first, then processes, terminals and real Cargo.

    python3 test_cargo_credential.py [-v] [CLASS[.test] ...]

They run on any Python from 3.6 without anything installed; what a test needs beyond that is named
where it is skipped. With CI in the environment, a missing tool is a failure instead.
CARGO_CREDENTIAL_FUZZ=SECONDS makes the fuzz test run longer.
"""

import ast
import atexit
import copy
import datetime
import enum
import hashlib
import http.server
import io
import json
import os
import pickle
import random
import re
import select
import shlex
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import threading
import time
import unittest
import urllib.parse
import zipfile
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import cargo_credential as cc

MODULE = os.path.join(HERE, "cargo_credential.py")
CRATES_IO = "https://github.com/rust-lang/crates.io-index"
TOKEN = "s3cr3t-t0ken"
WINDOWS = sys.platform == "win32"
CACHE = tempfile.mkdtemp()
atexit.register(shutil.rmtree, CACHE, True)
NO_WINDOW = 0x08000000  # CREATE_NO_WINDOW: with a console of its own
if not WINDOWS:
    import fcntl
    import pty
    import resource
    import termios


def needs(*tools):
    """Skip a test where a tool is missing; fail in CI, which installs them all but on Windows."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing and (WINDOWS or not os.environ.get("CI")):
        return unittest.skip("needs " + ", ".join(missing))
    return lambda test: test


posix_only = unittest.skipIf(WINDOWS, "needs a POSIX system")


# ---- Tables: each row is read both ways ----------------------------------------------------

REGISTRY = cc.RegistryInfo("sparse+https://r.example/index/", "alt", ['Www-Authenticate: x="y"'])
REGISTRY_JSON = (
    r'{"index-url":"sparse+https://r.example/index/","name":"alt",'
    r'"headers":["Www-Authenticate: x=\"y\""]}'
)
BARE = cc.RegistryInfo("url")


def request(action, registry=BARE, args=()):
    return cc.CredentialRequest(1, registry, action, args)


MESSAGES = [
    (cc.CredentialHello([1]), '{"v":[1]}'),
    (cc.CredentialHello([]), '{"v":[]}'),
    (cc.CredentialHello([2, 1, 4294967295]), '{"v":[2,1,4294967295]}'),
    (
        request(cc.GetAction(cc.ReadOperation()), REGISTRY, ["a b", "C:\\x", "\u00e9"]),
        '{"v":1,"registry":' + REGISTRY_JSON + ',"kind":"get","operation":"read",'
        '"args":["a b","C:\\\\x","\u00e9"]}',
    ),
    (
        request(cc.GetAction(cc.PublishOperation("foo", "0.1.0", "ab12"))),
        '{"v":1,"registry":{"index-url":"url"},"kind":"get","operation":"publish",'
        '"name":"foo","vers":"0.1.0","cksum":"ab12"}',
    ),
    (
        request(cc.GetAction(cc.YankOperation("foo", "0.1.0"))),
        '{"v":1,"registry":{"index-url":"url"},"kind":"get","operation":"yank",'
        '"name":"foo","vers":"0.1.0"}',
    ),
    (
        request(cc.GetAction(cc.UnyankOperation("foo", "0.1.0"))),
        '{"v":1,"registry":{"index-url":"url"},"kind":"get","operation":"unyank",'
        '"name":"foo","vers":"0.1.0"}',
    ),
    (
        request(cc.GetAction(cc.OwnersOperation("pkg"))),
        '{"v":1,"registry":{"index-url":"url"},"kind":"get","operation":"owners","name":"pkg"}',
    ),
    (
        request(cc.GetAction(cc.UnknownOperation())),
        '{"v":1,"registry":{"index-url":"url"},"kind":"get","operation":"unknown"}',
    ),
    (
        request(cc.LoginAction(cc.LoginOptions(cc.Secret("t"), "https://r/me"))),
        '{"v":1,"registry":{"index-url":"url"},"kind":"login","token":"t",'
        '"login-url":"https://r/me"}',
    ),
    (
        request(cc.LoginAction(cc.LoginOptions())),
        '{"v":1,"registry":{"index-url":"url"},"kind":"login"}',
    ),
    (request(cc.LogoutAction()), '{"v":1,"registry":{"index-url":"url"},"kind":"logout"}'),
    (request(cc.UnknownAction()), '{"v":1,"registry":{"index-url":"url"},"kind":"unknown"}'),
    (
        cc.GetResponse(cc.Secret("Bearer x\t~"), cc.CacheNever(), False),
        '{"Ok":{"kind":"get","token":"Bearer x\\t~","cache":"never",'
        '"operation_independent":false}}',
    ),
    (
        cc.GetResponse(cc.Secret("t"), cc.CacheExpires(1693928537)),
        '{"Ok":{"kind":"get","token":"t","cache":"expires","expiration":1693928537,'
        '"operation_independent":true}}',
    ),
    (
        cc.GetResponse(cc.Secret("t")),
        '{"Ok":{"kind":"get","token":"t","cache":"session","operation_independent":true}}',
    ),
    (
        cc.GetResponse(cc.Secret("t"), cc.CacheUnknown()),
        '{"Ok":{"kind":"get","token":"t","cache":"unknown","operation_independent":true}}',
    ),
    (cc.LoginResponse(), '{"Ok":{"kind":"login"}}'),
    (cc.LogoutResponse(), '{"Ok":{"kind":"logout"}}'),
    (cc.UnknownResponse(), '{"Ok":{"kind":"unknown"}}'),
]

ERRORS = [
    (cc.UrlNotSupported(), '{"Err":{"kind":"url-not-supported"}}', "registry not supported"),
    (cc.NotFound(), '{"Err":{"kind":"not-found"}}', "credential not found"),
    (
        cc.OperationNotSupported(),
        '{"Err":{"kind":"operation-not-supported"}}',
        "requested operation not supported",
    ),
    (
        cc.OtherError("E3", ["E2", "E1"]),
        '{"Err":{"kind":"other","message":"E3","caused-by":["E2","E1"]}}',
        "E3",
    ),
    (cc.OtherError("x"), '{"Err":{"kind":"other","message":"x","caused-by":[]}}', "x"),
    (
        cc.OtherError(),
        '{"Err":{"kind":"other","message":"credential action failed","caused-by":[]}}',
        "credential action failed",
    ),
    (cc.UnknownError(), '{"Err":{"kind":"unknown"}}', "unknown error kind; try updating Cargo?"),
]

# What another writer may send, and what the crate and we make of it.
TOLERATED = [
    (cc.CredentialHello, ' {"v" : [ 1 ],\t"x": {"y": 1e3}}\r\n', cc.CredentialHello([1])),
    (
        cc.CredentialRequest,
        '{"extra":true,"v":1,"registry":{"index-url":"url","extra":1,"name":null},'
        '"kind":"get","operation":"owners","name":"pkg","args":[]}',
        request(cc.GetAction(cc.OwnersOperation("pkg"))),
    ),
    (
        cc.CredentialRequest,
        '{"kind":"login","token":null,"login-url":null,"registry":{"index-url":"url"},"v":1}',
        request(cc.LoginAction(cc.LoginOptions())),
    ),
    (
        cc.CredentialRequest,
        '{"v":1,"registry":{"index-url":""},"kind":"frobnicate","args":["a"]}',
        request(cc.UnknownAction(), cc.RegistryInfo(""), ["a"]),
    ),
    (
        cc.CredentialRequest,
        '{"v":1,"registry":{"index-url":"url"},"kind":"get","operation":"frob","name":1}',
        request(cc.GetAction(cc.UnknownOperation())),
    ),
    (
        cc.CredentialRequest,
        '{"v":1,"registry":{"index-url":"\\u00e9\\ud83d\\ude00"},"kind":"logout"}',
        request(cc.LogoutAction(), cc.RegistryInfo("\u00e9\U0001f600")),
    ),
    (cc.CredentialResponse, '{"Ok":{"kind":"frob","token":1}}', cc.UnknownResponse()),
    (cc.CredentialResponse, '{"Ok":{"kind":"login","x":18446744073709551616}}', cc.LoginResponse()),
    (
        cc.CredentialResponse,
        '{"Ok":{"kind":"get","token":"t","cache":"later","operation_independent":true,"x":0}}',
        cc.GetResponse(cc.Secret("t"), cc.CacheUnknown()),
    ),
    (
        cc.CredentialResponse,
        '{"Ok":{"kind":"get","token":"t","cache":"expires","expiration":-377705116800,'
        '"operation_independent":true}}',
        cc.GetResponse(cc.Secret("t"), cc.CacheExpires(-377705116800)),
    ),
]

A_REQUEST = '{"v":1,"registry":{"index-url":"u"},"kind":"get","operation":"publish","name":"n",%s}'
A_GET = '{"Ok":{"kind":"get","token":"t","cache":"expires",%s}}'
IN_JSON = "not JSON: "

REFUSALS = [
    (cc.CredentialHello, "", IN_JSON + "Expecting value at line 1 column 1"),
    (cc.CredentialHello, "[1]", "the line must be an object"),
    (cc.CredentialHello, "{}", "missing field `v`"),
    (cc.CredentialHello, '{"v":1}', "field `v` must be a list"),
    (cc.CredentialHello, '{"v":[1,true]}', "field `v[1]` must be an integer from 0 to 4294967295"),
    (cc.CredentialHello, '{"v":[-1]}', "field `v[0]` must be an integer from 0 to 4294967295"),
    (cc.CredentialHello, '{"v":[4294967296]}', "field `v[0]` must be an integer from 0 to 4294967295"),
    (cc.CredentialHello, '{"v":[1.0]}', "field `v[0]` must be an integer from 0 to 4294967295"),
    (cc.CredentialHello, '{"v":[1],"v":[1]}', "duplicate field `v`"),
    (cc.CredentialHello, '{"v":[NaN]}', IN_JSON + "number out of range"),
    (cc.CredentialHello, '{"v":[-Infinity]}', IN_JSON + "number out of range"),
    (cc.CredentialHello, '{"v":[1],"x":1e999}', IN_JSON + "number out of range"),
    (cc.CredentialHello, '{"v":[1],"x":%s}' % ("9" * 10000), IN_JSON + "number out of range"),
    (cc.CredentialHello, '{"v":[1],"x":"\\ud800"}', "not UTF-8"),
    (cc.CredentialHello, '{"v":[1],"\\uDFFF":1}', "not UTF-8"),
    (cc.CredentialHello, '{"v":[1],"x":"\ud800"}', "not UTF-8"),
    (cc.CredentialHello, b'{"v":[1],"x":"\xff"}', "not UTF-8"),
    (cc.CredentialHello, '{"v":[1]}'.encode("utf-16"), "not UTF-8"),
    (cc.CredentialHello, '{"v":[1],"x":%s}' % ("[" * 100000), IN_JSON + "nested too deeply"),
    (cc.CredentialHello, '{"v":[1],"x":%s' % ('{"a":' * 100000), IN_JSON + "nested too deeply"),
    (cc.CredentialRequest, '{"v":true}', "field `v` must be an integer"),
    (cc.CredentialRequest, '{"v":-1}', "field `v` must be an integer from 0 to 4294967295"),
    (cc.CredentialRequest, '{"v":999}', "unsupported protocol version 999"),
    (cc.CredentialRequest, '{"v":0}', "unsupported protocol version 0"),
    (cc.CredentialRequest, '{"v":1,"kind":"get"}', "missing field `registry`"),
    (cc.CredentialRequest, '{"v":1,"registry":[]}', "field `registry` must be an object"),
    (cc.CredentialRequest, '{"v":1,"registry":{}}', "missing field `registry.index-url`"),
    (
        cc.CredentialRequest,
        '{"v":1,"registry":{"index-url":null}}',
        "field `registry.index-url` must be a string",
    ),
    (
        cc.CredentialRequest,
        '{"v":1,"registry":{"index-url":"u","name":1}}',
        "field `registry.name` must be a string",
    ),
    (
        cc.CredentialRequest,
        '{"v":1,"registry":{"index-url":"u","headers":null}}',
        "field `registry.headers` must be a list",
    ),
    (
        cc.CredentialRequest,
        '{"v":1,"registry":{"index-url":"u","headers":["a",1]}}',
        "field `registry.headers[1]` must be a string",
    ),
    (cc.CredentialRequest, '{"v":1,"registry":{"index-url":"u"}}', "missing field `kind`"),
    (
        cc.CredentialRequest,
        '{"v":1,"registry":{"index-url":"u"},"kind":"get"}',
        "missing field `operation`",
    ),
    (cc.CredentialRequest, A_REQUEST % '"vers":"1"', "missing field `cksum`"),
    (cc.CredentialRequest, A_REQUEST % '"vers":1,"cksum":""', "field `vers` must be a string"),
    (
        cc.CredentialRequest,
        '{"v":1,"registry":{"index-url":"u"},"kind":"login","token":{}}',
        "field `token` must be a string",
    ),
    (
        cc.CredentialRequest,
        '{"v":1,"registry":{"index-url":"u"},"kind":"login","login-url":1}',
        "field `login-url` must be a string",
    ),
    (
        cc.CredentialRequest,
        '{"v":1,"registry":{"index-url":"u"},"kind":"logout","args":["a",null]}',
        "field `args[1]` must be a string",
    ),
    (
        cc.CredentialResponse,
        '{"Ok":{"kind":"login"},"x":1}',
        "the line must be an object with one field, `Ok` or `Err`",
    ),
    (cc.CredentialResponse, '{"Ok":null}', "field `Ok` must be an object"),
    (cc.CredentialResponse, '{"Ok":{}}', "missing field `Ok.kind`"),
    (cc.CredentialResponse, '{"Ok":{"kind":"get"}}', "missing field `Ok.token`"),
    (cc.CredentialResponse, '{"Ok":{"kind":"get","token":null}}', "field `Ok.token` must be a string"),
    (cc.CredentialResponse, '{"Ok":{"kind":"get","token":"t"}}', "missing field `Ok.cache`"),
    (cc.CredentialResponse, A_GET % '"x":1', "missing field `Ok.expiration`"),
    (cc.CredentialResponse, A_GET % '"expiration":1.5', "field `Ok.expiration` must be an integer"),
    (
        cc.CredentialResponse,
        A_GET % '"expiration":253402300800',
        "field `Ok.expiration` is out of range",
    ),
    (cc.CredentialResponse, A_GET % '"expiration":1', "missing field `Ok.operation_independent`"),
    (
        cc.CredentialResponse,
        A_GET % '"expiration":1,"operation_independent":1',
        "field `Ok.operation_independent` must be true or false",
    ),
    (cc.CredentialResponse, '{"Err":{"kind":1}}', "field `Err.kind` must be a string"),
    (cc.CredentialResponse, '{"Err":{"kind":"other"}}', "missing field `Err.message`"),
    (
        cc.CredentialResponse,
        '{"Err":{"kind":"other","message":"","caused-by":[1]}}',
        "field `Err.caused-by[0]` must be a string",
    ),
]


class Messages(unittest.TestCase):
    def test_each_message_is_written_byte_for_byte_and_read_back(self):
        for value, line in MESSAGES:
            with self.subTest(line):
                kind = type(value).__mro__[0 if "from_json" in vars(type(value)) else 1]
                self.assertEqual(value.to_json(), line)
                self.assertEqual(kind.from_json(line), value)
                self.assertEqual(kind.from_json(line.encode("utf-8")), value)
                self.assertIs(type(kind.from_json(line)), type(value))

    def test_each_error_is_written_byte_for_byte_and_raised_when_read(self):
        for error, line, text in ERRORS:
            with self.subTest(line):
                self.assertEqual(error.to_json(), line)
                self.assertEqual(str(error), text)
                with self.assertRaises(type(error)) as caught:
                    cc.CredentialResponse.from_json(line)
                self.assertIs(type(caught.exception), type(error))
                self.assertEqual(str(caught.exception), text)
                self.assertEqual(caught.exception.caused_by, error.caused_by)

    def test_unknown_error_kinds_and_optional_causes_are_read(self):
        with self.assertRaises(cc.UnknownError):
            cc.CredentialResponse.from_json('{"Err":{"kind":"frob","message":1}}')
        for causes in ("", ',"caused-by":null', ',"caused-by":[]'):
            with self.assertRaises(cc.OtherError) as caught:
                cc.CredentialResponse.from_json('{"Err":{"kind":"other","message":"m"%s}}' % causes)
            self.assertEqual((caught.exception.message, caught.exception.caused_by), ("m", ()))

    def test_what_other_writers_send_is_tolerated(self):
        for kind, line, value in TOLERATED:
            with self.subTest(line):
                self.assertEqual(kind.from_json(line), value)

    def test_each_refusal_names_the_field_and_shows_no_value(self):
        for kind, line, message in REFUSALS:
            with self.subTest(line[:60]), self.assertRaises(cc.ProtocolError) as caught:
                kind.from_json(line)
            self.assertEqual(str(caught.exception), message)
            self.assertNotIsInstance(caught.exception, cc.Error)

    def test_a_refusal_keeps_no_reference_to_the_line(self):
        with self.assertRaises(cc.ProtocolError) as caught:
            cc.CredentialRequest.from_json('{"v":1,"kind":"login","token":"%s"' % TOKEN)
        self.assertTrue(caught.exception.__suppress_context__)

    def test_values_are_equal_by_class_and_fields(self):
        yank = cc.YankOperation("a", "1")
        self.assertEqual(yank, cc.YankOperation("a", "1"))
        self.assertNotEqual(yank, cc.YankOperation("a", "2"))
        self.assertNotEqual(yank, cc.UnyankOperation("a", "1"))
        self.assertNotEqual(cc.CacheNever(), cc.CacheSession())
        self.assertEqual(copy.deepcopy(yank), yank)
        with self.assertRaises(TypeError):
            hash(yank)

    def test_reprs_read_like_the_calls_that_made_them(self):
        self.assertEqual(
            repr(request(cc.LoginAction(cc.LoginOptions(cc.Secret(TOKEN))))),
            "CredentialRequest(v=1, registry=RegistryInfo(index_url='url', name=None, headers=[]),"
            " action=LoginAction(options=LoginOptions(token=Secret([REDACTED]), login_url=None)),"
            " args=[])",
        )
        self.assertEqual(repr(cc.CacheNever()), "CacheNever()")

    def test_actions_have_the_words_that_cargo_uses(self):
        actions = [
            cc.GetAction(cc.ReadOperation()),
            cc.LoginAction(cc.LoginOptions()),
            cc.LogoutAction(),
            cc.UnknownAction(),
        ]
        self.assertEqual([str(action) for action in actions], ["get", "login", "logout", "<unknown>"])

    def test_match_takes_the_fields_by_position(self):
        for kind in vars(cc).values():
            if isinstance(kind, type) and issubclass(kind, cc._Record):
                names = kind.__init__.__code__.co_varnames[1 : kind.__init__.__code__.co_argcount] if (
                    "__init__" in vars(kind)
                ) else ()
                self.assertEqual(kind.__match_args__, names, kind.__name__)


class Hosts(unittest.TestCase):
    """Which host and which registry an index URL is."""

    CORP = "crates.corp.example"
    # (index URL, .host, whether it matches the host CORP)
    URLS = [
        ("https://crates.corp.example/", CORP, True),
        ("https://crates.corp.example", CORP, True),
        ("https://crates.corp.example/git/index.git?a=b#%41", CORP, True),
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
        ("sparse+http://[::1]:8080/x/", "::1", False),
        ("https://[2001:DB8::1]/", "2001:db8::1", False),
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
        ("ftp://{}/x", "an error of libgit2; git: the host, for anybody on the way"),
        ("ws://{}/x", "an error"),
        ("sparse+ssh://git@{}/x/", "an error"),
        ("sparse+git://{}/x/", "an error"),
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
        ("https://crates.corp.ex\u00adample/", "Cargo: the host"),
        ("https://crate\u017f.corp.example/", "Cargo: the host"),
        ("https://crates\u3002corp.example/", "Cargo: the host"),
        ("https://{}\u2100.evil/", "an error"),
        ("https://{}/\u00e9", "Cargo: the host"),
        ("https://ev\til/", "Cargo: evil"),
        ("https://{}\t@evil/", "Cargo: evil"),
        ("https://{}\n.evil/", "Cargo: crates.corp.example.evil"),
        ("https://{}/\n", "Cargo: the host"),
        ("\thttps://{}/", "Cargo: the host"),
        (" https://{}/", "Cargo: the host"),
        ("https://{} /", "an error"),
        ("https://{}\x00/", "an error"),
        ("https://{}\x7f/", "an error"),
        ("https://0x7f.1/", "Cargo: 127.0.0.1"),
        ("https://0X7F000001/", "Cargo: 127.0.0.1"),
        ("https://127.1/", "Cargo: 127.0.0.1"),
        ("https://2130706433/", "Cargo: 127.0.0.1"),
        ("https://0177.0.0.1/", "Cargo: 127.0.0.1"),
        ("https://127.0.0.01/", "Cargo: 127.0.0.1"),
        ("https://127.0.0.1./", "Cargo: 127.0.0.1"),
        ("ssh://127.1/x", "libgit2: 127.0.0.1"),
        ("https://{}.1/", "an error"),
        ("https://{}.0x1/", "an error"),
        ("https://{}./", "Cargo: crates.corp.example., another name"),
        ("https://{}../", "Cargo: crates.corp.example.."),
        ("https://.{}/", "Cargo: .crates.corp.example"),
        ("https://-{}/", "Cargo: -crates.corp.example, an option for some programs"),
        ("ssh://-oProxyCommand=evil@{}/x", "an error of git; an option of ssh before git 2.14.1"),
        ("https://@{}/", "Cargo: the host"),
        ("https://a!b@{}/", "Cargo: the host"),
        ("https://{}:99999/", "an error"),
        ("https://{}:0/", "Cargo: the host, port 0"),
        ("https://{}:0443/", "Cargo: the host, port 443"),
        ("https://{}:+443/", "an error"),
        ("https://{}:4_43/", "an error"),
        ("https://{}:443:443/", "an error"),
        ("https://{}:x/", "an error"),
        ("https://{}:\u0664/", "an error"),
        ("https://[::1/", "an error"),
        ("https://[::1]{}/", "an error"),
        ("https://evil[{}]/", "an error"),
        ("https://[{}]/", "an error"),
        ("https://[::1%25eth0]/", "an error"),
        ("1https://{}/", "an error"),
        ("//{}/x", "an error"),
        ("{}", "an error"),
        ("https:{}", "Cargo: the host"),
        ("https:/{}/", "Cargo: the host"),
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
        for form, _ in self.LOOK_ALIKES:
            registry = cc.RegistryInfo(form.replace("{}", self.CORP))
            with self.subTest(registry.index_url):
                self.assertIsNone(registry.host)
                entries = (self.CORP, self.CORP + ":443", "evil", "127.0.0.1", "::1", "[::1]", "")
                self.assertFalse(registry.matches(*entries))

    def test_a_port_is_part_of_the_host(self):
        for url, entry, matches in [
            ("https://r.example:8443/", "r.example:8443", True),
            ("sparse+https://r.example:8443/", "R.example:8443", True),
            ("https://r.example:8443/", "r.example:443", False),
            ("https://r.example/", "r.example:443", True),
            ("https://r.example/", "r.example:8443", False),
            ("http://r.example:8443/", "r.example:8443", False),
            ("https://[::1]:8443/", "[::1]:8443", True),
            ("https://[::1]/", "[::1]", True),
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
            with self.assertRaises(TypeError) as caught:
                cc.RegistryInfo("https://r.example/").matches(entry)
            self.assertEqual(
                str(caught.exception), "a registry must be a str, not " + type(entry).__name__
            )

    def test_a_megabyte_of_url_is_read_at_once(self):
        for url in ("https://h:%s/" % ("1" * 10**6), "https://" + "a." * 10**6 + "/", "ssh://" + "a" * 10**6):
            registry = cc.RegistryInfo(url)
            self.assertIsNone(cc.RegistryInfo(url + "@").host)
            self.assertFalse(registry.matches("h"))


class Secrets(unittest.TestCase):
    def setUp(self):
        self.secret = cc.Secret(TOKEN)

    def test_the_value_comes_out_by_expose_alone(self):
        shown = [
            repr(self.secret), str(self.secret), "%s %r" % (self.secret, self.secret),
            "{0} {0!r:>40} {0:>40} {0:s}".format(self.secret), format(self.secret, "%Y"),
            repr([self.secret]), repr({"token": self.secret}), str(dir(self.secret)),
            json.dumps({"a": self.secret}, default=str), repr(cc.LoginOptions(self.secret)),
            repr(cc.GetResponse(self.secret)), str(cc.GetResponse(self.secret)),
            json.dumps(vars(cc.LoginOptions(self.secret)), default=repr),
        ]  # fmt: skip
        for text in shown:
            self.assertNotIn(TOKEN, text)
        self.assertEqual(repr(self.secret), "Secret([REDACTED])")
        self.assertEqual(self.secret.expose(), TOKEN)
        with self.assertRaises(TypeError):
            vars(self.secret)
        with self.assertRaises(TypeError):
            json.dumps(self.secret)

    def test_it_cannot_be_pickled(self):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            for value in (self.secret, [self.secret], cc.LoginOptions(self.secret)):
                with self.assertRaises(TypeError) as caught:
                    pickle.dumps(value, protocol)
                self.assertEqual(
                    str(caught.exception),
                    "a Secret cannot be pickled: pass on expose() where the value must go",
                )

    def test_copies_and_equality(self):
        self.assertEqual(copy.copy(self.secret), self.secret)
        self.assertEqual(copy.deepcopy({"a": self.secret}), {"a": self.secret})
        self.assertEqual(cc.Secret(TOKEN), self.secret)
        self.assertEqual(len({cc.Secret(TOKEN), self.secret}), 1)
        self.assertNotEqual(self.secret, cc.Secret("x"))
        self.assertFalse(self.secret == TOKEN or TOKEN == self.secret)
        self.assertNotEqual(hash(self.secret), hash(TOKEN))

    def test_map_and_is_empty(self):
        bearer = self.secret.map(lambda token: "Bearer " + token)
        self.assertEqual(bearer.expose(), "Bearer " + TOKEN)
        self.assertTrue(cc.Secret("").is_empty())
        self.assertFalse(bearer.is_empty())
        self.assertFalse(cc.Secret(""))
        self.assertTrue(bearer)

    def test_it_holds_a_str(self):
        for value in (None, b"token", 5, self.secret):
            with self.assertRaises(TypeError) as caught:
                cc.Secret(value)
            self.assertEqual(
                str(caught.exception), "a Secret's value must be a str, not " + type(value).__name__
            )


# ---- The loop over two streams -------------------------------------------------------------


def line_of(action, registry=REGISTRY, args=()):
    return request(action, registry, args).to_json().encode("utf-8") + b"\n"


def utf_16(text):
    """The text as upper-case escapes of JSON."""
    units = text.encode("utf-16-be")
    return "".join("\\u%02X%02X" % pair for pair in zip(units[::2], units[1::2]))


def forget_secrets():
    """The values of one test are not redacted in another's texts."""
    cc._lasting.clear()
    cc._passing.clear()


GET = line_of(cc.GetAction(cc.ReadOperation()))
LOGIN = line_of(cc.LoginAction(cc.LoginOptions(cc.Secret(TOKEN))))
LOGOUT = line_of(cc.LogoutAction())


class Doing(cc.Credential):
    """A provider whose every answer is `function(registry, action, args)`."""

    def __init__(self, function):
        self.function = function

    def perform(self, registry, action, args):
        return self.function(registry, action, args)


def raiser(error):
    def perform(registry, action, args):
        raise error

    return Doing(perform)


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


def error_of(function):
    """What Cargo is told of a provider's exception: (message, causes)."""
    err = answer(Doing(lambda registry, action, args: function()))["Err"]
    assert sorted(err) == ["caused-by", "kind", "message"] and err["kind"] == "other", err
    return err["message"], err["caused-by"]


class Loop(unittest.TestCase):
    def test_each_request_is_answered_until_the_end_of_the_input(self):
        class Provider(cc.Credential):
            def get(self, registry, operation, args):
                assert (registry, operation, args) == (REGISTRY, cc.ReadOperation(), [])
                return cc.GetResponse(cc.Secret(TOKEN))

            def login(self, registry, options, args):
                assert options == cc.LoginOptions(cc.Secret(TOKEN))
                return cc.LoginResponse()

        self.assertEqual(
            serve(Provider(), LOGIN, GET, LOGOUT, line_of(cc.UnknownAction())),
            [
                '{"Ok":{"kind":"login"}}',
                '{"Ok":{"kind":"get","token":"%s","cache":"session","operation_independent":true}}'
                % TOKEN,
                '{"Err":{"kind":"operation-not-supported"}}',
                '{"Err":{"kind":"operation-not-supported"}}',
            ],
        )

    def test_a_base_provider_supports_nothing_and_an_unsupported_one_no_url(self):
        for line in (GET, LOGIN, LOGOUT, line_of(cc.UnknownAction())):
            self.assertEqual(
                serve(cc.Credential(), line), ['{"Err":{"kind":"operation-not-supported"}}']
            )
            self.assertEqual(
                serve(cc.UnsupportedCredential(), line), ['{"Err":{"kind":"url-not-supported"}}']
            )

    def test_the_last_line_needs_no_end(self):
        self.assertEqual(len(serve(cc.Credential(), GET, GET.rstrip())), 2)

    def test_no_input_gets_the_hello_alone(self):
        self.assertEqual(serve(cc.Credential()), [])

    def test_the_hello_and_each_answer_are_flushed(self):
        events = []

        class Stream(io.BytesIO):
            def write(self, data):
                events.append(bytes(data))
                return len(data)

            def flush(self):
                events.append("flush")

        class Input(io.BytesIO):
            def readline(self, *size):
                events.append("read")
                return super().readline(*size)

        cc.serve(cc.UnsupportedCredential(), Input(GET), Stream())
        refusal = b'{"Err":{"kind":"url-not-supported"}}\n'
        self.assertEqual(
            events, [b'{"v":[1]}\n', "flush", "read", refusal, "flush", "read"]
        )

    def test_an_error_answers_its_request_and_the_session_goes_on(self):
        for error, line, _ in ERRORS:
            self.assertEqual(serve(raiser(error), GET, GET), [line, line])
            if not error.args:
                self.assertEqual(serve(raiser(type(error)), GET), [line])

    def test_a_line_that_is_no_request_is_answered_and_ends_the_session(self):
        for line, message in [
            (b"\n", "not JSON: Expecting value at line 2 column 1"),
            (b'{"v":999,"registry":{"index-url":""},"kind":"x"}\n', "unsupported protocol version 999"),
            (b'{"v":1,"kind":"login","token":"%s"}\n' % TOKEN.encode(), "missing field `registry`"),
            (b'{"v":1,"token":"%s}\n' % TOKEN.encode(), None),
            (b"\xff\n", "not UTF-8"),
            (b'{"\\ud800":1,"\\ud800":1}\n', "duplicate field `\\ud800`"),
        ]:
            first, last = serve(cc.UnsupportedCredential(), GET, line, GET)
            self.assertEqual(first, '{"Err":{"kind":"url-not-supported"}}')
            error = json.loads(last)["Err"]
            self.assertEqual((error["kind"], error["caused-by"]), ("other", []))
            self.assertNotIn(TOKEN, last)
            if message:
                self.assertEqual(error["message"], message)

    def test_a_stream_that_fails_is_the_callers_affair(self):
        class Broken(io.BytesIO):
            def flush(self):
                raise BrokenPipeError

        with self.assertRaises(BrokenPipeError):
            cc.serve(cc.Credential(), io.BytesIO(GET), Broken())

    def test_an_error_of_another_kind_is_answered_as_other(self):
        class Kind(enum.Enum):
            SEALED = "sealed"

        class Unreadable(cc.Error):
            @property
            def kind(self):
                raise RuntimeError("no kind for " + secret.expose())

        class Unwritable(cc.NotFound):
            def to_json(self, v=1):
                raise RuntimeError("cannot write " + secret.expose())

        secret = cc.Secret(TOKEN)
        made_up = type("MadeUp", (cc.NotFound,), {"kind": "made-up"})
        for error, message, causes in [
            (made_up("bad " + TOKEN), "bad [REDACTED]", []),
            (made_up(), "credential not found", []),
            (type("Enumerated", (cc.Error,), {"kind": Kind.SEALED})("sealed"), "sealed", []),
            (type("Listed", (cc.Error,), {"kind": []})("listed"), "listed", []),
            (Unreadable(), "no kind for [REDACTED]", ["credential action failed"]),
            (Unwritable(), "cannot write [REDACTED]", ["credential not found"]),
        ]:
            with mock.patch("sys.stderr", io.StringIO()) as stderr:
                err = answer(raiser(error))["Err"]
            self.assertEqual(err, {"kind": "other", "message": message, "caused-by": causes})
            self.assertEqual(stderr.getvalue(), "")
        self.assertEqual(
            made_up("m").to_json(), '{"Err":{"kind":"other","message":"m","caused-by":[]}}'
        )

    def test_a_class_instead_of_an_instance_is_an_error_for_its_author(self):
        self.assertEqual(
            answer(cc.UnsupportedCredential)["Err"]["message"],
            "main takes an instance: write main(UnsupportedCredential()), not"
            " main(UnsupportedCredential)",
        )

    def test_ctrl_c_passes(self):
        class Interrupted(Exception):
            def __str__(self):
                raise KeyboardInterrupt

        for error in (KeyboardInterrupt(), Interrupted()):
            with self.assertRaises(KeyboardInterrupt):
                serve(raiser(error), GET)

    def test_each_of_many_requests_leaves_nothing_behind(self):
        def get(registry, action, args):
            return cc.GetResponse(cc.Secret("token-%d" % random.getrandbits(64)))

        serve(Doing(get), *[GET] * 1000)
        self.assertLessEqual(len(cc._passing), 501)


class Registries(unittest.TestCase):
    """A provider that declares its registries is asked about no other."""

    OTHER = cc.RegistryInfo("https://other.example/", "alt")
    ACTIONS = [
        cc.GetAction(cc.ReadOperation()), cc.GetAction(cc.UnknownOperation()),
        cc.LoginAction(cc.LoginOptions()), cc.LogoutAction(), cc.UnknownAction(),
    ]  # fmt: skip

    def provider(self, registries):
        """A provider that logs every method that is called, however it is overridden."""

        class Provider(cc.Credential):
            calls = []

            def perform(self, registry, action, args):
                self.calls.append(registry.index_url)
                raise cc.NotFound

            get = login = logout = perform

        Provider.registries = registries
        return Provider()

    def test_no_code_of_the_provider_runs_for_another_registry(self):
        for registries in (("r.example",), [REGISTRY.index_url], {"a", "r.example"}):
            provider = self.provider(registries)
            for action in self.ACTIONS:
                self.assertEqual(
                    serve(provider, line_of(action, self.OTHER), line_of(action)),
                    ['{"Err":{"kind":"url-not-supported"}}', '{"Err":{"kind":"not-found"}}'],
                )
            self.assertEqual(set(provider.calls), {REGISTRY.index_url})

    def test_without_registries_the_provider_is_asked_about_all(self):
        for registries in ((), []):
            provider = self.provider(registries)
            serve(provider, line_of(cc.LogoutAction(), self.OTHER))
            self.assertEqual(provider.calls, [self.OTHER.index_url])

    def test_an_instance_can_have_its_own(self):
        provider = self.provider(())
        provider.registries = ("r.example",)
        serve(provider, line_of(cc.LogoutAction(), self.OTHER))
        self.assertEqual(provider.calls, [])

    def test_a_string_instead_of_a_tuple_is_an_error_for_its_author(self):
        for registries, message in [
            ("r.example", "Provider.registries must be a tuple of strings: write ('r.example',)"),
            (b"r.example", "Provider.registries must be a tuple of strings: write (b'r.example',)"),
            (("a", None), "a registry must be a str, not NoneType"),
        ]:
            provider = self.provider(registries)
            for registry in (REGISTRY, self.OTHER):
                (text,) = serve(provider, line_of(cc.LogoutAction(), registry))
                self.assertEqual(
                    json.loads(text)["Err"], {"kind": "other", "message": message, "caused-by": []}
                )
            self.assertEqual(provider.calls, [])


class Versions(unittest.TestCase):
    def test_the_highest_common_version_is_chosen(self):
        self.assertEqual(cc.negotiate_version([1], [1]), 1)
        self.assertEqual(cc.negotiate_version([3, 1, 2], [2, 1]), 2)

    def test_without_a_common_version_it_fails_in_cargos_words(self):
        for offered, supported, message in [
            ([998, 999], [1], "supports protocol versions [998, 999], while Cargo supports [1]"),
            ((), (1, 2), "supports protocol versions [], while Cargo supports [1, 2]"),
        ]:
            with self.assertRaises(cc.OtherError) as caught:
                cc.negotiate_version(offered, supported)
            self.assertEqual(str(caught.exception), "credential provider " + message)

    def test_a_second_version_is_one_entry_in_one_table(self):
        class Version2(cc._Version1):
            """Names the action `do` and wraps an answer in `answer`."""

            def read_request(self, fields):
                return super().read_request(dict(fields, kind=fields["do"]))

            def write_request(self, request):
                fields = super().write_request(request)
                return dict(fields, do=fields.pop("kind"))

            def read_answer(self, fields):
                return super().read_answer(fields["answer"])

            def write_answer(self, answer):
                return {"answer": super().write_answer(answer)}

        with mock.patch.dict(cc._VERSIONS, {2: Version2()}):
            asked = cc.CredentialRequest(2, BARE, cc.LogoutAction())
            line = asked.to_json()
            self.assertEqual(line, '{"v":2,"registry":{"index-url":"url"},"do":"logout"}')
            written = io.BytesIO()
            provider = Doing(lambda registry, action, args: cc.LogoutResponse())
            lines = line + "\n" + request(cc.LogoutAction()).to_json() + "\n" + line + "\n"
            cc.serve(provider, io.BytesIO(lines.encode()), written)
            hello, new, old, _ = written.getvalue().decode().splitlines()
            self.assertEqual(cc.CredentialHello.from_json(hello), cc.CredentialHello([1, 2]))
            self.assertEqual(cc.negotiate_version([1, 2], sorted(cc._VERSIONS)), 2)
            self.assertEqual(new, '{"answer":{"Ok":{"kind":"logout"}}}')
            self.assertEqual(old, '{"Ok":{"kind":"logout"}}')
            self.assertEqual(cc.CredentialResponse.from_json(new, 2), cc.LogoutResponse())
            self.assertEqual(
                serve_one(raiser(cc.NotFound), line), '{"answer":{"Err":{"kind":"not-found"}}}'
            )
        with self.assertRaises(cc.ProtocolError):
            cc.CredentialRequest.from_json(line)
        with self.assertRaises(cc.ProtocolError):
            asked.to_json()


def serve_one(credential, line):
    written = io.BytesIO()
    cc.serve(credential, io.BytesIO(line.encode() + b"\n"), written)
    return written.getvalue().decode().splitlines()[1]


# ---- What becomes of a provider's exceptions and answers -----------------------------------


class Unreadable(Exception):
    def __str__(self):
        raise RuntimeError("no")


class ErrorTexts(unittest.TestCase):
    ROWS = [
        (ValueError("vault is sealed"), "vault is sealed"),
        (ValueError(), "ValueError"),
        (ValueError(" \n"), "ValueError"),
        (KeyError("name"), "KeyError: 'name'"),
        (Unreadable(), "Unreadable, whose text cannot be read"),
        (SystemExit("give me a token"), "give me a token"),
        (SystemExit(3), "the provider tried to exit with status 3 instead of answering"),
        (SystemExit(), "the provider tried to exit with status 0 instead of answering"),
        (GeneratorExit(), "GeneratorExit"),
        (cc.Error("plain"), "plain"),
        (OSError(2, "No such file", "op"), "[Errno 2] No such file: 'op'"),
        (OSError(2, "No such file", "\udcff"), "[Errno 2] No such file: '\\udcff'"),
        (ValueError("file \udcff"), "file \\udcff"),
        (ValueError("NUL \0, \u2028, \u65e5\n\U0001f600"), "NUL \0, \u2028, \u65e5\n\U0001f600"),
    ]

    def test_each_exception_becomes_a_readable_message(self):
        for error, message in self.ROWS:
            with self.subTest(message):
                err = answer(raiser(error))["Err"]
                self.assertEqual(err, {"kind": "other", "message": message, "caused-by": []})

    def test_ten_megabytes_of_text_are_one_line(self):
        text = 'x"\n' * 3500000
        (line,) = serve(raiser(ValueError(text)), GET)
        self.assertEqual(json.loads(line)["Err"]["message"], text)

    def test_causes_follow_pythons_rules(self):
        def explicit():
            raise cc.OtherError("outer", ["given"]) from ValueError("cause")

        def implicit():
            try:
                raise ValueError("inner")
            except ValueError:
                raise cc.OtherError("outer")

        def suppressed():
            try:
                raise ValueError("inner")
            except ValueError:
                raise cc.OtherError("outer") from None

        def three():
            try:
                try:
                    raise ValueError("inner")
                except ValueError as inner:
                    raise KeyError("middle") from inner
            except KeyError:
                raise RuntimeError

        self.assertEqual(error_of(explicit), ("outer", ["given", "cause"]))
        self.assertEqual(error_of(implicit), ("outer", ["inner"]))
        self.assertEqual(error_of(suppressed), ("outer", []))
        self.assertEqual(error_of(three), ("RuntimeError", ["KeyError: 'middle'", "inner"]))

    def test_a_circle_of_causes_ends(self):
        one, two = ValueError("one"), ValueError("two")
        one.__cause__, two.__cause__ = two, one
        err = answer(raiser(one))["Err"]
        self.assertEqual((err["message"], err["caused-by"]), ("one", ["two"]))

    def test_a_long_chain_is_told_whole(self):
        previous = None
        for i in range(5000):
            error = ValueError(str(i))
            error.__cause__, previous = previous, error
        self.assertEqual(len(answer(raiser(previous))["Err"]["caused-by"]), 4999)

    def test_causes_that_are_no_strings_are_told_all_the_same(self):
        self.assertEqual(cc.OtherError("m", [ValueError("v"), 5]).caused_by, ("v", "5"))
        self.assertEqual(cc.OtherError("m", "one text").caused_by, ("one text",))
        changed = cc.OtherError("m")
        changed.caused_by = (ValueError("v"),)
        self.assertEqual(answer(raiser(changed))["Err"]["caused-by"], ["v"])

    def test_the_exceptions_of_a_group_are_told(self):
        class Group(Exception):
            exceptions = (ValueError("one"), KeyError("two"))

        self.assertEqual(answer(raiser(Group("g")))["Err"]["caused-by"], ["one", "KeyError: 'two'"])

    def test_an_exception_that_cannot_be_told_is_answered_all_the_same(self):
        changed = cc.OtherError("bad " + TOKEN)
        changed.caused_by = None
        told = "OtherError, of which nothing more can be told"
        self.assertEqual(answer(raiser(changed))["Err"]["message"], told)
        self.assertEqual(
            answer(raiser(SystemExit(Unreadable())))["Err"]["message"],
            "SystemExit, whose text cannot be read",
        )
        with mock.patch.dict(os.environ, CARGO_CREDENTIAL_TRACEBACK="1"):
            with mock.patch("sys.stderr", 5), mock.patch("traceback.format_exception", None):
                err = answer(raiser(ValueError("x")))["Err"]
        self.assertEqual(err["message"], "ValueError, of which nothing more can be told")


class Returns(unittest.TestCase):
    """What a provider returns is checked before it is written."""

    def fault(self, value, line=GET):
        (text,) = serve(Doing(lambda registry, action, args: value), line)
        self.assertNotIn(TOKEN, text)
        err = json.loads(text)["Err"]
        self.assertEqual((err["kind"], err["caused-by"]), ("other", []))
        return err["message"]

    def test_the_answer_must_fit_the_action(self):
        for line, action, wanted, values in [
            (GET, "get", "GetResponse", [None, TOKEN, cc.LoginResponse(), cc.NotFound(), cc.NotFound]),
            (LOGIN, "login", "LoginResponse", [cc.LogoutResponse(), True, cc.UnknownResponse()]),
            (LOGOUT, "logout", "LogoutResponse", [cc.GetResponse(cc.Secret(TOKEN)), {}]),
        ]:
            for value in values:
                self.assertEqual(
                    self.fault(value, line),
                    "the provider returned %s for the action `%s`: it must return a %s, or raise"
                    " an Error" % (type(value).__name__, action, wanted),
                )
        self.assertEqual(
            self.fault(cc.UnknownResponse(), line_of(cc.UnknownAction())),
            "the provider returned UnknownResponse for the action `<unknown>`: it must raise an Error",
        )

    def test_the_fields_of_a_token_must_have_their_types(self):
        for value, message in [
            (cc.GetResponse(TOKEN), "GetResponse.token must be a Secret, not str"),
            (cc.GetResponse(None), "GetResponse.token must be a Secret, not NoneType"),
            (
                cc.GetResponse(cc.Secret(TOKEN), "never"),
                "GetResponse.cache must be a CacheControl, not str",
            ),
            (
                cc.GetResponse(cc.Secret(TOKEN), operation_independent=1),
                "GetResponse.operation_independent must be a bool, not int",
            ),
        ]:
            self.assertEqual(self.fault(value), message)

    UNSENDABLE = [
        ("", "is empty"),
        (" \t", "is empty"),
        (TOKEN + "\n", "ends with a line break"),
        (TOKEN + "\r", "ends with a line break"),
        (TOKEN + "\r\nX-Evil: 1", "contains a line break"),
        (TOKEN + "\rX", "contains a line break"),
        (TOKEN + "\0", "contains a control character"),
        (TOKEN + "\x1b[0m", "contains a control character"),
        (TOKEN + "\x7f", "contains a control character"),
        (TOKEN + "\u00e9", "contains a character outside ASCII"),
        (TOKEN + "\x80", "contains a character outside ASCII"),
        (TOKEN + "\ud800", "contains a character outside ASCII"),
    ]

    def test_the_text_of_a_secret_is_never_sent_nor_stored(self):
        token = cc.Secret(TOKEN)
        message = (
            "the token contains `Secret([REDACTED])`, the text of a Secret: write"
            ' token.map(lambda t: "Bearer " + t) instead of f"Bearer {token}"'
        )
        for text in ("Bearer %s" % token, "Bearer {!r}".format(token), repr(token)):
            self.assertEqual(self.fault(cc.GetResponse(cc.Secret(text))), message)
            with self.assertRaises(cc.OtherError) as caught:
                cc.read_token(cc.LoginOptions(cc.Secret(text)), BARE)
            self.assertEqual(str(caught.exception), message)

    def test_a_token_that_no_header_can_carry_is_never_sent_nor_stored(self):
        for token, fault in self.UNSENDABLE:
            with self.subTest(fault):
                message = "the token %s, so no HTTP header can carry it" % fault
                response = cc.GetResponse(cc.Secret(token))
                self.assertEqual(self.fault(response), message)
                with self.assertRaises(ValueError) as caught:
                    response.to_json()
                self.assertEqual(str(caught.exception), message)
                with self.assertRaises(cc.OtherError) as refused:
                    cc.read_token(cc.LoginOptions(cc.Secret(token)), BARE)
                if not token:
                    message = "no token was passed: to pass one from a file, run `cargo login < FILE`"
                self.assertEqual(str(refused.exception), message)

    def test_every_other_token_is_sent_as_it_is(self):
        for token in ("Bearer x", "a\tb", " a ", "".join(map(chr, range(0x20, 0x7F)))):
            response = cc.GetResponse(cc.Secret(token))
            got = answer(Doing(lambda registry, action, args: response))
            self.assertEqual(got["Ok"]["token"], token)
            self.assertEqual(
                cc.read_token(cc.LoginOptions(cc.Secret(token)), BARE), cc.Secret(token)
            )

    def test_an_expiration_is_kept_in_whole_seconds(self):
        utc = datetime.timezone.utc
        east = datetime.timezone(datetime.timedelta(hours=2))
        for moment, seconds in [
            (1693928537, 1693928537),
            (1693928537.9, 1693928537),
            (0, 0),
            (-377705116800, -377705116800),
            (253402300799.9, 253402300799),
            (datetime.datetime(2023, 9, 5, 15, 42, 17, 999, tzinfo=utc), 1693928537),
            (datetime.datetime(2023, 9, 5, 17, 42, 17, tzinfo=east), 1693928537),
            (datetime.datetime.max.replace(tzinfo=utc), 253402300799),
        ]:
            kept = cc.CacheExpires(moment).expiration
            self.assertEqual((kept, type(kept)), (seconds, int))
        self.assertGreater(cc.CacheExpires(time.time() + 3600).expiration, time.time() + 3590)

    def test_a_time_that_cargo_cannot_read_is_refused(self):
        out = (
            "expiration must be Unix seconds, as time.time() + 3600 is: %s is not within the years"
            " that Cargo reads (is it in milliseconds?)"
        )
        kind = "expiration must be Unix seconds or an aware datetime, not %s"
        for moment, error, message in [
            (float("nan"), ValueError, out % "nan"),
            (float("inf"), ValueError, out % "inf"),
            (1693928537000, ValueError, out % 1693928537000),
            (253402300800, ValueError, out % 253402300800),
            (-377705116801, ValueError, out % -377705116801),
            (True, TypeError, kind % "bool"),
            ("1693928537", TypeError, kind % "str"),
            (None, TypeError, kind % "NoneType"),
            (datetime.date(2023, 9, 5), TypeError, kind % "date"),
            (
                datetime.datetime(2023, 9, 5),
                ValueError,
                "expiration is a datetime without a time zone: give it a tzinfo",
            ),
        ]:
            with self.subTest(moment), self.assertRaises(error) as caught:
                cc.CacheExpires(moment)
            self.assertEqual(str(caught.exception), message)
            changed = cc.CacheExpires(0)
            changed.expiration = moment
            self.assertEqual(self.fault(cc.GetResponse(cc.Secret(TOKEN), changed)), message)
            self.assertEqual(error_of(lambda: cc.CacheExpires(moment)), (message, []))


class Redaction(unittest.TestCase):
    def setUp(self):
        forget_secrets()

    NASTY = "Bearer a'b\"c\\d\u00e9\n\x1b</%41 " + TOKEN

    def told(self, token, function):
        """All that a session's answer says when `function(token)` raises."""

        def perform(registry, action, args):
            secret = cc.Secret(token)
            function(secret.expose())
            self.fail("nothing raised")

        (line,) = serve(Doing(perform), GET)
        err = json.loads(line)["Err"]
        return err["message"], err["caused-by"], line

    def test_the_value_is_replaced_and_the_sentence_kept(self):
        def failing(token):
            raise ValueError("cannot use %s here" % token) from KeyError(token)

        message, causes, _ = self.told(TOKEN, failing)
        self.assertEqual(message, "cannot use [REDACTED] here")
        self.assertEqual(causes, ["KeyError: '[REDACTED]'"])

    SPELLINGS = {
        "plain": str,
        "repr": repr,
        "ascii": ascii,
        "dict": lambda token: repr({"password": token}),
        "repr of repr": lambda token: repr([repr({"password": token})]),
        "in a longer text": lambda token: repr("it's \"%s\"" % token),
        "JSON": json.dumps,
        "JSON, not ASCII": lambda token: json.dumps(token, ensure_ascii=False),
        "JSON of PHP": lambda token: json.dumps(token).replace("/", "\\/"),
        "JSON of .NET": lambda token: re.sub(
            r"[^\w]|_", lambda found: utf_16(found.group()), token, flags=re.ASCII
        ),
        "JSON in JSON": lambda token: json.dumps(json.dumps({"a": token})),
        "JSON four times": lambda token: json.dumps(json.dumps(json.dumps(json.dumps(token)))),
        "JSON in JSON with \\u005c": lambda token: json.dumps(token).replace("\\", "\\u005C"),
        "JSON in a repr": lambda token: repr(json.dumps([token])),
        "bytes": lambda token: repr([token.encode("utf-8")]),
        "JSON in bytes": lambda token: repr(json.dumps(token).encode("utf-8")),
        "command line": lambda token: str(
            subprocess.CalledProcessError(1, ["op", "item", "password=" + token])
        ),
        "without the line break": str.strip,
        "without its scheme": lambda token: token.partition(" ")[2] or token,
    }
    TOKENS = [
        TOKEN, "Bearer " + TOKEN, TOKEN + "\n", NASTY, "'-%s\\'" % TOKEN, '"-%s\\"' % TOKEN,
        "'\"-%s\\'\"" % TOKEN, "a/b+c=%s" % TOKEN, TOKEN + "\\", "\\new\\u0041\\x41" + TOKEN,
        "\u65e5\u672c\U0001f600" + TOKEN, "\x00\t\r" + TOKEN,
    ]  # fmt: skip

    def test_every_spelling_of_the_value_is_replaced(self):
        for token in self.TOKENS:
            for name, spell in self.SPELLINGS.items():
                with self.subTest(name, token=token):
                    forget_secrets()

                    def failing(value):
                        raise cc.OtherError("<%s>" % spell(value), [spell(value)])

                    message, causes, line = self.told(token, failing)
                    self.assertRegex(message, r"\A<[^\w\\\\]*(b'|password=|Command )?.*\[REDACTED\].*>\Z")
                    around = message + causes[0]
                    for mark in (r"\[REDACTED\]", "password", "Command", "op", "item", "it's", "it\\\\*'s",
                                 "returned non-zero exit status 1", "\\ba\\b", "\\bb(?=\\\\*['\"])", "Bearer"):
                        around = re.sub(mark, "", around)
                    self.assertRegex(around, r"\A[\[\]<>{}(),:='\".\s\\\\]*\Z")
                    self.assertNotIn(TOKEN, line)

    def test_a_path_before_the_value_hides_nothing(self):
        for before in ("C:\\", "\\", "\\\\", "C:\\users\\", "\\x4", "\\u004", "\\u00", "%5C"):
            for token in ("new-" + TOKEN, "u0041" + TOKEN, "x41" + TOKEN, "1" + TOKEN):
                with self.subTest(before, token=token):
                    forget_secrets()
                    cc.Secret(token)
                    (message,) = cc._redacted(["see %s%s!" % (before, token)])
                    self.assertTrue(message.startswith("see ") and message.endswith("[REDACTED]!"))

    def test_values_that_overlap_leave_no_tail(self):
        for values, text, redacted in [
            (["abcd", "abcdef"], "xabcdefx abcd", "x[REDACTED]x [REDACTED]"),
            (["abcdef", "defghi"], "<abcdefghi>", "<[REDACTED]>"),
            (["abcdef", "cdef"], "<abcdef>", "<[REDACTED]>"),
            (["abab"], "<ababab>", "<[REDACTED]>"),
            (["a/b/c/", "b\\/c"], "<a\\/b\\/c\\/>", "<[REDACTED]>"),
        ]:
            forget_secrets()
            for value in values:
                cc.Secret(value)
            self.assertEqual(cc._redacted([text]), [redacted])

    def test_five_thousand_values_are_found_in_a_megabyte(self):
        values = [cc.Secret("%s-%d-" % (TOKEN, i)).expose() for i in range(5000)]
        text = " ".join(values * 10)
        self.assertEqual(
            cc._redacted([text, json.dumps(text)]),
            [" ".join(["[REDACTED]"] * 50000), '"%s"' % " ".join(["[REDACTED]"] * 50000)],
        )

    def test_a_token_that_cargo_passed_is_replaced(self):
        def login(registry, action, args):
            raise OSError("cannot store " + action.options.token.expose())

        (line,) = serve(Doing(login), LOGIN)
        self.assertEqual(
            line, '{"Err":{"kind":"other","message":"cannot store [REDACTED]","caused-by":[]}}'
        )

    def shown(self, value, *makers):
        """What the last request's error shows of a value; each maker is one request before it."""
        requests = list(makers) + [lambda: None]

        def perform(registry, action, args):
            requests.pop(0)()
            if not requests:
                raise ValueError(value)
            raise cc.NotFound

        return json.loads(serve(Doing(perform), *[GET] * len(requests))[-1])["Err"]["message"]

    def test_a_secret_from_before_the_first_request_is_never_forgotten(self):
        values = ["start-up-%d" % i for i in range(1000)] + ["1234"]
        for value in values:
            cc.Secret(value)

        def make():
            for i in range(1000):
                cc.Secret("of-a-request-%d" % i)

        text = self.shown(" ".join(values), make, make)
        self.assertEqual(set(text.split(" ")), {"[REDACTED]"})

    def test_a_secret_of_an_earlier_request_is_replaced(self):
        for value in ("kept-" + TOKEN, "1234"):
            self.assertEqual(self.shown(value, lambda: cc.Secret(value)), "[REDACTED]")

    def test_the_newest_500_values_of_earlier_requests_are_remembered(self):
        def make(count):
            return lambda: [cc.Secret("%s-%d" % (TOKEN, i)) for i in range(count)]

        old = lambda: cc.Secret("old-" + TOKEN)  # noqa: E731
        self.assertEqual(self.shown("old-" + TOKEN, old, make(499)), "[REDACTED]")
        forget_secrets()
        self.assertEqual(self.shown("old-" + TOKEN, old, make(500)), "old-" + TOKEN)
        forget_secrets()
        self.assertEqual(self.shown("old-" + TOKEN, old, make(499), old, make(499)), "[REDACTED]")

    def test_a_value_of_a_few_letters_is_replaced_where_it_is_a_word(self):
        def failing(value):
            raise ValueError("tok=%s, a token in store" % value)

        for token, message in [
            ("tok", "[REDACTED]=[REDACTED], a token in store"),
            ("in", "tok=[REDACTED], a token [REDACTED] store"),
            ("\u65e5\u672c", "tok=[REDACTED], a token in store"),
            ("a", "tok=a, a token in store"),
        ]:
            forget_secrets()
            self.assertEqual(self.told(token, failing)[0], message)

    def test_all_of_a_requests_many_secrets_are_replaced(self):
        def perform(registry, action, args):
            values = [cc.Secret("%s-%d-" % (TOKEN, i)).expose() for i in range(300)]
            raise ValueError(" ".join(values))

        message = answer(Doing(perform))["Err"]["message"]
        self.assertEqual(set(message.split(" ")), {"[REDACTED]"})

    def test_a_value_is_not_found_in_the_mark(self):
        def failing(value):
            raise ValueError(value)

        for token in ("REDACTED", "[REDACTED]", "DACT"):
            self.assertEqual(self.told(token, failing)[0], "[REDACTED]")

    def test_the_optional_traceback_is_redacted(self):
        for value, shown in [("1", True), ("0", False), ("", False)]:
            with mock.patch.dict(os.environ, CARGO_CREDENTIAL_TRACEBACK=value):
                with mock.patch("sys.stderr", io.StringIO()) as stderr:
                    answer(raiser(ValueError("bad %s" % cc.Secret(TOKEN).expose())))
            self.assertEqual("ValueError: bad [REDACTED]\n" in stderr.getvalue(), shown)
            self.assertEqual("Traceback (most recent" in stderr.getvalue(), shown)
            self.assertNotIn(TOKEN, stderr.getvalue())

    def test_there_is_no_traceback_unless_asked_for(self):
        with mock.patch.dict(os.environ), mock.patch("sys.stderr", io.StringIO()) as stderr:
            os.environ.pop("CARGO_CREDENTIAL_TRACEBACK", None)
            answer(raiser(ValueError("x")))
        self.assertEqual(stderr.getvalue(), "")


# ---- Processes: a provider as Cargo starts it ----------------------------------------------


class Directory(unittest.TestCase):
    """A test with a directory of its own, which goes away, and no HOME to lean on."""

    def setUp(self):
        self.directory = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory, True)

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def write(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def provider(self, body, name="prov.py"):
        """An executable provider; `body` defines `Provider`."""
        text = (
            "#!%s -S\nimport os, subprocess, sys, threading, time\n"
            "sys.path.insert(1, %r)\nfrom cargo_credential import *\n"
        )
        source = textwrap.dedent(body) + "\nif __name__ == '__main__':\n    main(Provider())\n"
        return self.write(name, text % (sys.executable, HERE) + source, 0o755)

    def program(self, code, name="other.py"):
        """The path of a program that Cargo could start."""
        path = self.write(name, "#!%s -SE\nimport os, sys\n%s" % (sys.executable, code), 0o755)
        if WINDOWS:
            command = '@"%s" "%s" %%*\r\n' % (sys.executable, path)
            path = self.write(name.replace(".py", ".cmd"), command)
        return path

    def run_provider(self, path, *lines, arguments=("--cargo-plugin",), **options):
        """(lines, standard error) of a provider that gets these lines and then the end."""
        process = start([path] + list(arguments), cwd=self.directory, **options)
        return self.finish_provider(process, *lines)

    def finish_provider(self, process, *lines):
        output, errors = process.communicate(b"".join(lines), timeout=60)
        self.assertEqual(process.returncode, 0, errors)
        hello, answers = output.decode("utf-8").split("\n", 1)
        self.assertEqual(hello, '{"v":[1]}')
        return answers.split("\n")[:-1], errors.decode("utf-8")


def environment(**more):
    """This environment without what would change Python's ways."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    # `/usr/bin/env python3` in a shebang is to be this Python
    kept["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    if sys.version_info < (3, 8):
        return dict(kept, PYTHONDONTWRITEBYTECODE="1", **more)
    return dict(kept, PYTHONPYCACHEPREFIX=CACHE, **more)  # the module is compiled once, but not here


def start(command, session=True, **options):
    """A process with pipes and, unless a terminal is given to it, without a terminal."""
    options.setdefault("stdin", subprocess.PIPE)
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    options.setdefault("env", environment())
    if WINDOWS:
        options.setdefault("creationflags", 0x00000008)  # DETACHED_PROCESS: no console
    elif session:
        options.setdefault("preexec_fn", os.setsid)
    return subprocess.Popen([sys.executable, "-W", "error"] + command, **options)


NOT_SUPPORTED = '{"Err":{"kind":"operation-not-supported"}}'


class Console(Directory):
    """Without a terminal: nothing that a provider does reaches Cargo's pipe."""

    def test_no_way_of_writing_reaches_the_pipe(self):
        late = "threading.main_thread().join(); print('noise', flush=True)"
        rows = [
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
        processes = []
        for i, (_, code) in enumerate(rows):
            path = self.provider(
                """
                from concurrent.futures import ThreadPoolExecutor as Pool
                EARLY = sys.stdout
                LATE = %r
                POOL = []
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
                % (late, code),
                "prov%d.py" % i,
            )
            processes.append(start([path, "--cargo-plugin"], cwd=self.directory))
        for (name, _), process in zip(rows, processes):
            with self.subTest(name):
                answers, _ = self.finish_provider(process, GET, LOGOUT)
                self.assertEqual(answers, [NOT_SUPPORTED, NOT_SUPPORTED])

    def test_input_is_empty_without_a_terminal(self):
        path = self.provider(
            """
            class Provider(Credential):
                def get(self, registry, operation, args):
                    child = subprocess.check_output([sys.executable, "-c", "print(repr(input()))"],
                                                    stderr=subprocess.STDOUT) if args else b""
                    raise OtherError(repr((read_line(), sys.stdin.read(), os.read(0, 1), child)))
            """
        )
        (answer,), _ = self.run_provider(path, GET)
        self.assertEqual(json.loads(answer)["Err"]["message"], "('', '', b'', b'')")

    @posix_only
    def test_no_child_inherits_a_pipe(self):
        path = self.provider(
            """
            class Provider(Credential):
                def get(self, registry, operation, args):
                    code = "import os\\nfor n in range(64):\\n try: print(n, os.fstat(n).st_mode >> 12)"
                    code += "\\n except OSError: pass"
                    pipe = subprocess.PIPE
                    child = subprocess.Popen([sys.executable, "-c", code], close_fds=False,
                                             stdout=pipe)
                    raise OtherError(child.communicate()[0].decode())
            """
        )
        (answer,), _ = self.run_provider(path, GET)
        # 2: a character device, the null one; 1: the pipes that this test made
        self.assertEqual(json.loads(answer)["Err"]["message"].split(), "0 2 1 1 2 1".split())

    def test_afterwards_everything_is_put_back(self):
        path = self.write(
            "prog.py",
            "import os, sys\nsys.path.insert(0, %r)\n"
            "from cargo_credential import *\n"
            "before = [sys.stdin, sys.stdout, sys.__stdin__, sys.__stdout__]\n"
            "ids = [(os.fstat(n).st_dev, os.fstat(n).st_ino) for n in range(3)]\n"
            "count = len(os.listdir('/dev/fd')) if os.path.isdir('/dev/fd') else 0\n"
            "class Provider(Credential):\n"
            "    def get(self, registry, operation, args):\n"
            "        import concurrent.futures, subprocess, threading\n"
            "        threading.Thread(target=int).start()\n"
            "        sys.stdout = sys.stdin = None\n"
            "main(Provider())\n"
            "after = [sys.stdin, sys.stdout, sys.__stdin__, sys.__stdout__]\n"
            "assert all(a is b for a, b in zip(before, after)), after\n"
            "assert ids == [(os.fstat(n).st_dev, os.fstat(n).st_ino) for n in range(3)]\n"
            "assert count == (len(os.listdir('/dev/fd')) if os.path.isdir('/dev/fd') else 0)\n"
            "assert os.get_inheritable(0) and os.get_inheritable(1)\n"
            "print('after')\n" % HERE,
        )
        process = start([path, "--cargo-plugin"])
        output, errors = process.communicate(GET, timeout=60)
        self.assertEqual(errors, b"")
        self.assertEqual(output.splitlines()[2:], [b"after"])

    def test_an_embedding_programs_streams_are_left_alone(self):
        path = self.write(
            "prog.py",
            "import io, sys\nsys.path.insert(0, %r)\n"
            "out, sys.stdin, sys.stdout = sys.stdout, io.StringIO('x'), io.StringIO()\n"
            "mine = sys.stdin, sys.stdout\n"
            "from cargo_credential import *\n"
            "class Provider(Credential):\n"
            "    def get(self, registry, operation, args):\n"
            "        print('noise')\n"
            "        raise OtherError(repr(read_line()))\n"
            "main(Provider())\n"
            "assert (sys.stdin, sys.stdout) == mine and sys.stdout.getvalue() == ''\n" % HERE,
        )
        (answer,), errors = self.run_provider(path, GET)
        self.assertEqual(json.loads(answer)["Err"]["message"], "''")
        self.assertEqual(errors, "")

    @posix_only
    def test_a_fork_does_not_answer(self):
        for ending, status in [("sys.exit(0)", 0), ("sys.exit(3)", 3), ("1 / 0", 1), ("return GetResponse(Secret('x'))", 0)]:
            path = self.provider(
                """
                class Provider(Credential):
                    def get(self, registry, operation, args):
                        child = os.fork()
                        if child == 0:
                            %s
                        raise OtherError(str(os.waitpid(child, 0)[1] >> 8))
                """
                % ending, "fork%d.py" % len(ending),
            )
            (answer,), errors = self.run_provider(path, GET)
            self.assertEqual(json.loads(answer)["Err"]["message"], str(status))
            self.assertEqual(errors, "")

    @posix_only
    def test_a_dead_standard_error_does_not_hide_the_answer(self):
        path = self.provider(
            """
            class Provider(Credential):
                def get(self, registry, operation, args):
                    sys.stderr.write("to nobody")
                    raise NotFound
            """
        )
        read, write = os.pipe()
        os.close(read)
        with open("/dev/full", "wb") as full, os.fdopen(write, "wb") as closed:
            for stderr in (full, closed):
                process = start([path, "--cargo-plugin"], stderr=stderr)
                output, _ = process.communicate(GET, timeout=60)
                self.assertEqual((process.returncode, output.splitlines()[1]), (0, NOT_FOUND.encode()))

    @posix_only
    def test_closed_standard_descriptors_do_no_harm(self):
        path = self.provider(
            """
            class Provider(Credential):
                def get(self, registry, operation, args):
                    print("noise")
                    sys.stderr and sys.stderr.write("noise")
                    if os.get_inheritable(2):
                        raise NotFound
            """
        )
        not_found = b'{"v":[1]}\n{"Err":{"kind":"not-found"}}\n'
        for closed, output in [("0<&-", b'{"v":[1]}\n'), ("1>&-", b""), ("2>&-", not_found), (
            "0<&- 1>&- 2>&-", b""), ("0<&- 2>&-", b'{"v":[1]}\n')]:
            with self.subTest(closed):
                command = [shlex.quote(word) for word in (sys.executable, path, "--cargo-plugin")]
                process = subprocess.Popen(
                    ["/bin/sh", "-c", "exec %s %s" % (" ".join(command), closed)],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    preexec_fn=os.setsid,
                )  # fmt: skip
                written, errors = process.communicate(GET, timeout=60)
                self.assertEqual((process.returncode, written), (0, output), errors)
                self.assertIn(errors, (b"", b"noise"))

    def test_a_person_without_a_terminal_and_a_flag_speaks_the_protocol(self):
        path = self.provider("class Provider(UnsupportedCredential): pass")
        answers, _ = self.run_provider(path, GET, arguments=())
        self.assertEqual(answers, ['{"Err":{"kind":"url-not-supported"}}'])

    def test_the_crates_example_with_its_messages(self):
        path = os.path.join(HERE, "examples", "stdout_redirected.py")
        answers, errors = self.run_provider(path, GET)
        self.assertEqual(answers, [NOT_SUPPORTED])
        self.assertEqual(
            errors.replace("\r\n", "\n"),
            "message on stderr should be sent to the parent process\n",
        )


class CargoGoesAway(Directory):
    """Closed pipes: no traceback, no "Exception ignored", no stuck process, status 0."""

    def setUp(self):
        super().setUp()
        self.path_of_provider = self.provider(
            """
            class Provider(Credential):
                def get(self, registry, operation, args):
                    print("to the console")
                    raise OtherError("x" * 200000)
            """
        )

    def start(self):
        return start([self.path_of_provider, "--cargo-plugin"])

    def finish(self, process):
        for pipe in (process.stdin, process.stdout):
            try:
                pipe.close()
            except OSError:
                pass
        errors = process.stderr.read()
        process.stderr.close()
        self.assertEqual((process.wait(timeout=60), errors), (0, b""))

    def test_before_the_hello(self):
        read, write = os.pipe()
        os.close(read)
        process = start([self.path_of_provider, "--cargo-plugin"], stdout=write)
        os.close(write)
        _, errors = process.communicate(GET, timeout=60)
        self.assertEqual((process.returncode, errors), (0, b""))

    def test_after_the_hello(self):
        process = self.start()
        process.stdout.readline()
        process.stdout.close()
        process.stdin.write(GET)
        self.finish(process)

    def test_in_the_middle_of_a_request(self):
        process = self.start()
        process.stdin.write(GET[:20])
        process.stdin.close()
        self.assertEqual(process.stdout.readline(), b'{"v":[1]}\n')
        self.assertIn(b"not JSON", process.stdout.readline())
        self.finish(process)

    def test_in_the_middle_of_an_answer(self):
        process = self.start()
        process.stdin.write(GET)
        process.stdin.flush()
        process.stdout.readline()
        self.assertEqual(process.stdout.read(20), b'{"Err":{"kind":"othe')
        self.finish(process)

    def test_at_the_end(self):
        process = self.start()
        process.stdout.readline()
        self.finish(process)

    @posix_only
    def test_a_full_disk_behind_standard_output(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("needs /dev/full")
        with open("/dev/full", "wb") as full:
            process = start([self.path_of_provider, "--cargo-plugin"], stdout=full)
            _, errors = process.communicate(GET, timeout=60)
        self.assertEqual((process.returncode, errors), (0, b""))


# ---- Terminals -----------------------------------------------------------------------------


class Terminal:
    """A pseudo-terminal and a process of which it is the controlling terminal."""

    def __init__(self, command, **streams):
        self.master, slave = pty.openpty()
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

    def read(self, until, seconds=60):
        """Wait for a text on the terminal, and return all that came by it."""
        end = time.monotonic() + seconds
        while until not in self.seen:
            ready = select.select([self.master], [], [], max(0, end - time.monotonic()))[0]
            if not ready:
                raise AssertionError("no %r on the terminal, but %r" % (until, self.seen))
            self.seen += os.read(self.master, 4096)
        before, self.seen = self.seen.split(until, 1)
        return before + until

    def echoes(self):
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)

    def wait_for_no_echo(self):
        end = time.monotonic() + 60
        while self.echoes():
            assert time.monotonic() < end, "it still echoes"
            select.select([], [], [], 0.005)

    def type(self, text):
        os.write(self.master, text)

    def rest(self):
        """What is left on the terminal once the process has ended, and its status."""
        status = self.process.wait(timeout=60)
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
class OnATerminal(Directory):
    LOGIN = line_of(cc.LoginAction(cc.LoginOptions(None, "https://r.example/me")))

    def terminal(self, command, **streams):
        terminal = Terminal(command, **streams)
        self.addCleanup(terminal.close)
        return terminal

    def piped(self, body):
        """A provider with Cargo's pipes, and a terminal."""
        path = self.provider(body)
        terminal = self.terminal(
            [sys.executable, "-W", "error", path, "--cargo-plugin"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.assertEqual(terminal.process.stdout.readline(), b'{"v":[1]}\n')
        return terminal

    def ask(self, terminal, line):
        terminal.process.stdin.write(line)
        terminal.process.stdin.flush()

    TOKEN_TELLER = """
        class Provider(Credential):
            def login(self, registry, options, args):
                return GetResponse(read_token(options, registry)) if args else self.tell(
                    options, registry)
            def tell(self, options, registry):
                token = read_token(options, registry).expose()
                raise OtherError("".join(reversed(token)))
        """

    def test_standard_input_and_output_are_the_terminal(self):
        terminal = self.piped(
            """
            class Provider(Credential):
                def get(self, registry, operation, args):
                    print("name?")
                    one = read_line()
                    two = input("and? ")
                    subprocess.check_call("read x; echo child $x; test -t 0 && test -t 1", shell=True)
                    raise OtherError(repr((one, two)))
            """
        )
        self.ask(terminal, GET)
        terminal.read(b"name?\r\n")
        terminal.type(b"  one \n")
        terminal.read(b"and? ")
        terminal.type(b"two\n")
        terminal.read(b"two\r\n")
        terminal.type(b"three\n")
        terminal.read(b"child three\r\n")
        self.assertEqual(
            terminal.process.stdout.readline(),
            b'{"Err":{"kind":"other","message":"(\'one\', \'two\')","caused-by":[]}}\n',
        )
        terminal.process.stdin.close()
        self.assertEqual(terminal.rest(), (0, b""))

    def test_what_was_printed_before_main_comes_to_the_terminal(self):
        terminal = self.piped("print('early')\nclass Provider(Credential): pass")
        terminal.read(b"early\r\n")
        terminal.process.stdin.close()
        self.assertEqual(terminal.process.stdout.read(), b"")

    def typed(self, typed, line=None):
        """(what the terminal showed, the answer) for a token that is typed."""
        terminal = self.piped(self.TOKEN_TELLER)
        self.ask(terminal, line or self.LOGIN)
        shown = terminal.read(b" below\r\n")
        terminal.wait_for_no_echo()
        terminal.type(typed)
        answer = json.loads(terminal.process.stdout.readline().decode())
        terminal.process.stdin.close()
        status, rest = terminal.rest()
        self.assertEqual(status, 0)
        self.assertTrue(terminal.echoes())
        return (shown + rest).decode(), answer["Err"]["message"]

    def test_a_typed_token_is_trimmed_and_not_shown(self):
        shown, message = self.typed(b"  %s \n" % TOKEN.encode())
        self.assertEqual(
            shown,
            "registry alt, index sparse+https://r.example/index/\r\n"
            "please paste the token found on https://r.example/me below\r\n\r\n",
        )
        self.assertEqual(message, TOKEN[::-1])

    def test_the_prompt_names_the_registry_where_there_is_no_page(self):
        for registry, prompt in [
            (
                REGISTRY,
                "registry alt, index sparse+https://r.example/index/\r\n"
                "please paste the token for alt below\r\n\r\n",
            ),
            (BARE, "please paste the token for url below\r\n\r\n"),
        ]:
            line = line_of(cc.LoginAction(cc.LoginOptions()), registry)
            shown, message = self.typed(TOKEN.encode() + b"\n", line)
            self.assertEqual(shown, prompt)
            self.assertEqual(message, TOKEN[::-1])

    def test_nothing_typed_is_an_error_that_says_how_to_give_a_token(self):
        for typed in (b"\n", b"  \n", b"\x04"):
            _, message = self.typed(typed)
            self.assertEqual(
                message,
                "no token was entered: to pass one from a file, run"
                " `cargo login --registry alt < FILE`",
            )

    def test_a_typed_token_that_cannot_be_sent_is_refused(self):
        _, message = self.typed(TOKEN.encode() + b"\x1b[D\n")
        self.assertEqual(
            message, "the token contains a control character, so no HTTP header can carry it"
        )

    def test_ctrl_c_at_the_prompt_ends_quietly_with_the_terminal_as_it_was(self):
        terminal = self.piped(self.TOKEN_TELLER)
        before = termios.tcgetattr(terminal.slave)
        self.ask(terminal, self.LOGIN)
        terminal.read(b" below\r\n")
        terminal.wait_for_no_echo()
        terminal.type(b"half\x03")
        status, rest = terminal.rest()
        self.assertEqual(status, 130)
        self.assertEqual(termios.tcgetattr(terminal.slave), before)
        self.assertEqual(rest.replace(b"^C", b"").strip(), b"")
        self.assertEqual(terminal.process.stdout.read(), b"")

    def test_a_typed_token_that_is_not_utf8_is_refused(self):
        _, message = self.typed(b"\xff" + TOKEN.encode() + b"\n")
        self.assertEqual(
            message, "the token contains a character outside ASCII, so no HTTP header can carry it"
        )

    def test_a_line_that_is_not_utf8_is_read_with_marks(self):
        terminal = self.piped(
            """
            class Provider(Credential):
                def get(self, registry, operation, args):
                    print("\\udcff?")
                    raise OtherError(ascii(read_line()))
            """
        )
        self.ask(terminal, GET)
        terminal.read(b"\\udcff?\r\n")
        terminal.type(b"a\xff\n")
        err = json.loads(terminal.process.stdout.readline().decode())["Err"]
        self.assertEqual(err["message"], "'a\\ufffd'")
        terminal.process.stdin.close()
        self.assertEqual(terminal.process.wait(timeout=60), 0)

    def test_a_registry_cannot_steer_the_terminal(self):
        options = cc.LoginOptions(None, "https://r/\x1b]0;x\x07\n\u202e\u00e9\\/me")
        shown, _ = self.typed(b"x\n", line_of(cc.LoginAction(options)))
        self.assertEqual(
            shown.replace("\\xe9", "\u00e9"),  # in an ASCII locale
            "registry alt, index sparse+https://r.example/index/\r\n"
            "please paste the token found on https://r/\\x1b]0;x\\x07\\n\\u202e\u00e9\\/me below\r\n\r\n",
        )

    def test_ctrl_c_does_not_wait_for_a_thread(self):
        terminal = self.piped(
            """
            class Provider(Credential):
                def get(self, registry, operation, args):
                    threading.Thread(target=time.sleep, args=(60,)).start()
                    print("ready")
                    time.sleep(60)
            """
        )
        self.ask(terminal, GET)
        terminal.read(b"ready\r\n")
        terminal.type(b"\x03")
        status, rest = terminal.rest()
        self.assertEqual((status, rest.replace(b"^C", b"")), (130, b""))

    def test_ctrl_c_while_waiting_for_cargo_ends_quietly(self):
        terminal = self.piped("class Provider(Credential): pass")
        terminal.type(b"\x03")
        status, rest = terminal.rest()
        self.assertEqual((status, rest.replace(b"^C", b"")), (130, b""))

    def test_a_person_is_told_how_to_configure_the_provider(self):
        path = self.provider("class Provider(Credential): pass", 'my "prov".py')
        terminal = self.terminal([sys.executable, path, "--vault"], cwd="/")
        status, shown = terminal.rest()
        self.assertEqual(status, 0)
        quoted = path.replace('"', '\\"')
        self.assertEqual(
            shown.decode().replace("\r\n", "\n"),
            cc._CONFIGURATION.format('["%s", "--vault"]' % quoted),
        )
        self.assertIn('\ncredential-provider = ["%s", "--vault"]\n' % quoted,
                      shown.decode().replace("\r\n", "\n"))

    def test_the_flag_starts_the_protocol_on_a_terminal_too(self):
        path = self.provider("class Provider(Credential): pass")
        terminal = self.terminal([sys.executable, path, "--cargo-plugin"])
        terminal.read(b'{"v":[1]}\r\n')
        terminal.type(b"\x04")
        self.assertEqual(terminal.rest()[0], 0)

    def test_the_example_provider_shows_how_to_configure_it(self):
        terminal = self.terminal([sys.executable, MODULE, "--example-file"])
        self.assertIn(b'cargo_credential.py", "--example-file"]\r\n', terminal.rest()[1])

    def test_the_configuration_can_be_written_to_a_file(self):
        terminal = self.terminal([sys.executable, MODULE, "--example-file"], stdout=subprocess.PIPE)
        shown = terminal.process.stdout.read().decode()
        self.assertEqual(shown, cc._CONFIGURATION.format('["%s", "--example-file"]' % MODULE))
        self.assertEqual(terminal.rest(), (0, b""))

    def test_the_module_alone_shows_its_usage(self):
        terminal = self.terminal([sys.executable, MODULE])
        status, shown = terminal.rest()
        self.assertEqual((status, shown.decode().replace("\r\n", "\n")), (0, cc._USAGE))


WINDOWS_CONSOLE = r'''
"""Types on a console and looks at its screen: '[COMMAND, REQUEST, [[SEEN, TYPED], ...], TYPED AHEAD]'"""
import ctypes, json, os, signal, subprocess, sys, time
from ctypes import wintypes

class Key(ctypes.Structure):
    _fields_ = [("type", wintypes.WORD), ("down", wintypes.BOOL), ("repeat", wintypes.WORD),
                ("code", wintypes.WORD), ("scan", wintypes.WORD), ("character", wintypes.WCHAR),
                ("control", wintypes.DWORD)]

kernel = ctypes.WinDLL("kernel32", use_last_error=True)
kernel.CreateFileW.restype = wintypes.HANDLE
kernel.ReadConsoleOutputCharacterW.argtypes = [
    wintypes.HANDLE, wintypes.LPWSTR, wintypes.DWORD, wintypes._COORD, ctypes.c_void_p]
kernel.WriteConsoleInputW.argtypes = [
    wintypes.HANDLE, ctypes.c_void_p, wintypes.DWORD, ctypes.c_void_p]

def console(name):
    return wintypes.HANDLE(kernel.CreateFileW(name, 0xC0000000, 3, None, 3, 0, None))

keyboard, display = console("CONIN$"), console("CONOUT$")
done = wintypes.DWORD()

def screen():
    text = ctypes.create_unicode_buffer(80 * 25 + 1)
    if not kernel.ReadConsoleOutputCharacterW(
            display, text, 80 * 25, wintypes._COORD(0, 0), ctypes.byref(done)):
        raise ctypes.WinError(ctypes.get_last_error())
    return "\n".join([text[i:i + 80].rstrip() for i in range(0, 80 * 25, 80)]).rstrip("\n")

def wait_for(text):
    end = time.monotonic() + 60
    while text not in screen():
        if time.monotonic() > end:
            raise SystemExit("no %r on the console, but %r" % (text, screen()))
        time.sleep(0.01)

def wait_for_single_keys():
    """Wait until a process reads key by key: before, Ctrl-C is no key, and cannot interrupt that."""
    mode = wintypes.DWORD(1)
    end = time.monotonic() + 60
    while mode.value & 1 and time.monotonic() < end:  # ENABLE_PROCESSED_INPUT
        time.sleep(0.01)
        kernel.GetConsoleMode(keyboard, ctypes.byref(mode))

def type_in(text):
    if text == "\x03":
        wait_for_single_keys()
    for character in text:
        for down in (True, False):
            key = Key(1, down, 1, 13 if character == "\r" else 0, 0, character, 0)
            kernel.WriteConsoleInputW(keyboard, ctypes.byref(key), 1, ctypes.byref(done))

signal.signal(signal.SIGINT, lambda *_: None)
command, request, steps, ahead = json.loads(sys.argv[1])
type_in(ahead)
with open("CONOUT$", "w") as errors:
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
hello = process.stdout.readline()
process.stdin.write(request.encode())
process.stdin.flush()
for seen, typed in steps:
    wait_for(seen)
    if typed == "Ctrl-C":
        kernel.GenerateConsoleCtrlEvent(0, 0)
    else:
        type_in(typed)
answer = process.stdout.readline().decode()
process.stdin.close()
print(json.dumps([hello.decode(), answer, process.wait(timeout=60), screen()]))
'''


@unittest.skipUnless(WINDOWS, "needs Windows")
class OnAWindowsConsole(Directory):
    """As OnATerminal, with a console that has no window."""

    def converse(self, program, request, *steps, ahead=""):
        """(answer, status, screen) of a program that is started on a console with Cargo's pipes."""
        command = [sys.executable, "-W", "error", *program, "--cargo-plugin"]
        driver = self.write("driver.py", WINDOWS_CONSOLE)
        output = subprocess.check_output(
            [sys.executable, driver, json.dumps([command, request, steps, ahead])],
            creationflags=NO_WINDOW,
            cwd=self.directory, env=environment(), stderr=subprocess.STDOUT, timeout=180,
        )  # fmt: skip
        hello, answer, status, screen = json.loads(output.decode())
        self.assertEqual(hello, '{"v":[1]}\n')
        return answer, status, screen

    def test_standard_input_and_output_are_the_console_for_children_too(self):
        path = self.provider(
            """
            class Provider(Credential):
                def get(self, registry, operation, args):
                    name = input("name? ")
                    child = "print('child', input('and? '))"
                    subprocess.check_call([sys.executable, "-c", child])
                    raise OtherError(repr((name, sys.stdin.isatty(), sys.stdout.isatty())))
            """
        )
        answer, status, screen = self.converse(
            [path], GET.decode(), ("name?", "one\r"), ("and?", "two\r"), ("child two", "")
        )
        self.assertEqual(
            answer,
            '{"Err":{"kind":"other","message":"(\'one\', True, True)","caused-by":[]}}\n',
        )
        self.assertEqual((status, screen), (0, "name? one\nand? two\nchild two"))

    def test_what_was_typed_before_the_question_is_no_answer(self):
        example = os.path.join(HERE, "examples", "confirm_publish.py")
        request = line_of(cc.GetAction(cc.OwnersOperation("foo")), args=[r"C:\no\prov.exe"]).decode()
        answer, status, _ = self.converse([example], request, ("? [y/N]", "\r"), ahead="y\r")
        self.assertIn('"message":"you did not agree to list or change', answer)
        self.assertEqual(status, 0)

    PROMPT = "please paste the token for crates-io below"
    LOGIN = line_of(
        cc.LoginAction(cc.LoginOptions()), cc.RegistryInfo(CRATES_IO, "crates-io")
    ).decode()

    def test_a_typed_token_is_trimmed_stored_and_not_shown(self):
        answer, status, screen = self.converse(
            [MODULE, "--example-file", self.path("store.json")], self.LOGIN,
            (self.PROMPT, " %s \r" % TOKEN),
        )  # fmt: skip
        self.assertEqual((answer, status), ('{"Ok":{"kind":"login"}}\n', 0))
        self.assertEqual(screen, "registry crates-io, index %s\n%s" % (CRATES_IO, self.PROMPT))
        self.assertEqual(json.loads(self.read("store.json").decode()), {CRATES_IO: TOKEN})

    def test_nothing_typed_is_an_error_that_says_how_to_give_a_token(self):
        answer, status, _ = self.converse(
            [MODULE, "--example-file", self.path("store.json")], self.LOGIN, (self.PROMPT, "\r")
        )
        self.assertIn("no token was entered: to pass one from a file, run `cargo login < FILE`", answer)
        self.assertEqual(status, 0)
        self.assertEqual(os.path.exists(self.path("store.json")), False)

    def test_ctrl_c_ends_quietly(self):
        slow = self.provider(
            """
            class Provider(Credential):
                def get(self, registry, operation, args):
                    print("ready")
                    time.sleep(60)
            """
        )
        store = [MODULE, "--example-file", self.path("store.json")]
        for program, request, seen, typed in [
            (store, self.LOGIN, self.PROMPT, "\x03"),  # what the console gives to getpass
            ([slow], GET.decode(), "ready", "Ctrl-C"),
        ]:
            self.assertEqual(
                self.converse(program, request, (seen, typed)), ("", 130, seen)
            )


class WithoutATerminal(Directory):
    @posix_only
    def test_a_program_is_not_taken_from_a_relative_part_of_the_path(self):
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
        whole = self.path("on the path")
        for value, message in [
            (":.:bin:" + whole, "FileNotFoundError 6"),
            (whole + ":", "FileNotFoundError 6"),
            (".", "FileNotFoundError FileNotFoundError"),
            ("", "FileNotFoundError FileNotFoundError"),
            (None, "FileNotFoundError FileNotFoundError"),
        ]:
            env = dict(environment(), PATH=value)
            if value is None:
                del env["PATH"]
            answers, _ = self.run_provider(path, GET, env=env)
            self.assertEqual(json.loads(answers[0])["Err"]["message"], message, value)

    @unittest.skipUnless(WINDOWS, "needs Windows")
    def test_a_program_in_the_current_directory_is_not_taken_for_one_on_the_path(self):
        shutil.copy(sys.executable, self.path("here.exe"))
        answers, _ = self.run_provider(
            self.provider(
                """
                class Provider(Credential):
                    def get(self, registry, operation, args):
                        raise OtherError("status %d" % subprocess.call(["here", "-c", "pass"]))
                """
            ),
            GET,
        )
        self.assertIn("WinError 2", answers[0])

    def test_a_token_cannot_be_asked_for(self):
        path = self.provider(
            """
            class Provider(Credential):
                def login(self, registry, options, args):
                    read_token(options, registry)
            """
        )
        for registry, command in [
            (REGISTRY, "cargo login --registry alt < FILE"),
            (cc.RegistryInfo(CRATES_IO, "crates-io"), "cargo login < FILE"),
            (BARE, "cargo login < FILE"),
        ]:
            line = line_of(cc.LoginAction(cc.LoginOptions()), registry)
            (answer,), errors = self.run_provider(path, line)
            err = json.loads(answer)["Err"]
            self.assertEqual(
                err["message"],
                "there is no terminal to ask for the token on: to pass one from a file, run `%s`"
                % command,
            )
            index = "registry %s, index %s\n" % (registry.name, registry.index_url)
            self.assertEqual(
                errors.replace("\r\n", "\n"),
                (index if registry.name else "")
                + "please paste the token for %s below\n" % (registry.name or registry.index_url),
            )

    def test_the_prompt_may_find_no_standard_error(self):
        closed = io.StringIO()
        closed.close()
        no_letters = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        for stderr in (None, closed, no_letters):
            with mock.patch("sys.stderr", stderr), self.assertRaises(cc.OtherError):
                with mock.patch("cargo_credential._read_hidden_line", lambda: ""):
                    cc.read_token(cc.LoginOptions(), cc.RegistryInfo("\u00e9"))

    def test_read_line_takes_what_standard_input_has(self):
        for stream, line in [(io.StringIO(" a b \r\nc"), "a b"), (io.StringIO(""), ""), (None, "")]:
            with mock.patch("sys.stdin", stream):
                self.assertEqual(cc.read_line(), line)


# ---- Cargo's side --------------------------------------------------------------------------

HELLO = """print('{"v":[1]}', flush=True); line = sys.stdin.readline()\n"""
OK_LOGOUT = """print('{"Ok":{"kind":"logout"}}', flush=True)\n"""


class OtherProviders(Directory):
    """CredentialProcess with providers that do not use the module."""

    def perform(self, path, action=None, args=(), configured=()):
        process = cc.CredentialProcess(path, *configured)
        return process.perform(REGISTRY, action or cc.LogoutAction(), list(args))

    def failure(self, path, *more):
        with self.assertRaises(cc.OtherError) as caught:
            self.perform(path, *more)
        error = caught.exception
        return error.message, [cause.replace("`%s`" % path, "`P`") for cause in error.caused_by]

    BROKEN = [
        (
            "sys.exit(1)",
            "failed to deserialize hello",
            ["`P` exited with status 1 before its hello"],
        ),
        (
            "print('noise')\n" + HELLO + OK_LOGOUT,
            "failed to deserialize hello",
            ["not JSON: Expecting value at line 1 column 1", "`P` exited with status 0 after that"],
        ),
        (
            "print('{\"v\":1}')",
            "failed to deserialize hello",
            ["field `v` must be a list", "`P` exited with status 0 after that"],
        ),
        (
            "print('{\"v\":[998,999]}', flush=True); sys.stdin.read()",
            "credential provider supports protocol versions [998, 999], while Cargo supports [1]",
            [],
        ),
        (
            HELLO + "sys.exit(3)",
            "failed to deserialize response",
            ["`P` exited with status 3 before its response"],
        ),
        (
            HELLO + "print('{')\n",
            "failed to deserialize response",
            [
                "not JSON: Expecting property name enclosed in double quotes at line 1 column 2",
                "`P` exited with status 0 after that",
            ],
        ),
        (
            HELLO + "print('{\"Ok\":{\"kind\":\"get\",\"token\":\"t\"}}')",
            "failed to deserialize response",
            ["missing field `Ok.cache`", "`P` exited with status 0 after that"],
        ),
        (
            HELLO + OK_LOGOUT + "sys.exit(1)",
            "credential process `P` failed with status exit status: 1",
            [],
        ),
        (
            HELLO + "print('{\"Err\":{\"kind\":\"not-found\"}}'); sys.exit(7)",
            "credential process `P` failed with status exit status: 7",
            [],
        ),
    ]

    def test_each_fault_is_told_in_cargos_words_with_its_cause(self):
        for code, message, causes in self.BROKEN:
            with self.subTest(code):
                path = self.program(code)
                told, why = self.failure(path)
                self.assertEqual(told.replace("`%s`" % path, "`P`"), message)
                if "Expecting" not in str(causes):  # PyPy has other words for it
                    self.assertEqual(why, causes)

    @needs("cargo")
    @posix_only
    def test_they_are_cargos_words(self):
        self.write("project/.cargo/config.toml", "")
        for code, message, _ in self.BROKEN:
            path = self.program(code)
            if "status 7" in message:
                continue
            config = 'registry.credential-provider=["%s"]' % path
            process = subprocess.Popen(
                ["cargo", "--config", config, "logout"], cwd=self.path("project"),
                env=environment(CARGO_HOME=self.path("home"), CARGO_TERM_COLOR="never"),
                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )  # fmt: skip
            errors = process.communicate(timeout=60)[1].decode()
            self.assertIn(message.replace("`P`", "`%s`" % path), errors)

    @posix_only
    def test_a_signal_is_named(self):
        kill = "os.kill(os.getpid(), 9)"
        self.assertEqual(
            self.failure(self.program(kill)),
            ("failed to deserialize hello", ["`P` was killed by signal 9 before its hello"]),
        )
        message, _ = self.failure(self.program(HELLO + OK_LOGOUT + kill))
        self.assertTrue(message.endswith("` failed with status signal: 9"), message)

    def test_a_program_that_cannot_be_started(self):
        missing = self.path("missing")
        plain = self.write("plain", "print()")
        for path, text in [(missing, "No such file"), (plain, "Permission denied")]:
            message, (cause,) = self.failure(path)
            self.assertEqual(message, "failed to spawn credential process")
            if not WINDOWS:
                self.assertIn(text, cause)

    def test_answers_and_errors_pass_through(self):
        for value, line in MESSAGES[-3:-1]:
            path = self.program(HELLO + "print(%r)" % line)
            action = cc.LoginAction(cc.LoginOptions()) if "login" in line else cc.LogoutAction()
            self.assertEqual(self.perform(path, action), value)
        for error, line, text in ERRORS:
            path = self.program(HELLO + "print(%r)" % line)
            with self.assertRaises(type(error)) as caught:
                self.perform(path)
            self.assertEqual((str(caught.exception), caught.exception.caused_by),
                             (text, error.caused_by))  # fmt: skip

    def test_an_answer_that_does_not_fit_is_refused(self):
        path = self.program(HELLO + OK_LOGOUT)
        message, causes = self.failure(path, cc.GetAction(cc.ReadOperation()))
        self.assertEqual(message, "credential provider produced unexpected response for `get` request")
        self.assertIn("LogoutResponse for the action `get`", causes[0])
        bad = cc.GetResponse(cc.Secret("x")).to_json().replace('"x"', r'"x\r\nX-Evil: 1"')
        path = self.program(HELLO + "print(%r)" % bad)
        _, causes = self.failure(path, cc.GetAction(cc.ReadOperation()))
        self.assertEqual(
            causes, ["the token contains a line break, so no HTTP header can carry it"]
        )

    def test_it_gets_the_flag_and_the_request_and_nothing_else(self):
        code = HELLO + (
            "import json\nsays = [sys.argv[1:], json.loads(line)]\n"
            "print(json.dumps({'Err': {'kind': 'other', 'message': json.dumps(says)}}))"
        )
        with self.assertRaises(cc.OtherError) as caught:
            self.perform(self.program(code), None, ["a b"], ["c"])
        argv, asked = json.loads(caught.exception.message)
        self.assertEqual(argv, ["--cargo-plugin"])
        self.assertEqual(
            asked, json.loads(request(cc.LogoutAction(), REGISTRY, ["c", "a b"]).to_json())
        )

    def test_arguments_that_are_not_utf8_are_told(self):
        self.assertEqual(
            self.failure(self.program(HELLO + OK_LOGOUT), None, ["\udcff"]),
            ("failed to serialize request", ["not UTF-8"]),
        )

    def test_megabytes_either_way_do_no_harm(self):
        big = "x" * 3000000
        for code in (
            "print('{\"v\":[1],\"x\":\"%s\"}' % ('x' * 3000000), flush=True); sys.stdin.readline()\n"
            + OK_LOGOUT,
            HELLO + OK_LOGOUT + "print('y\\n' * 3000000)",
            "print('{\"v\":[1]}\\n{\"Ok\":{\"kind\":\"logout\",\"x\":\"%s\"}}' % ('x' * 3000000),"
            " flush=True); sys.stdin.readline()",
        ):
            self.assertEqual(self.perform(self.program(code), None, [big]), cc.LogoutResponse())

    @posix_only
    def test_a_provider_that_does_not_read_is_told_as_cargo_tells_it(self):
        code = "os.close(0)\nprint('{\"v\":[1]}', flush=True)\nimport time; time.sleep(0.5)\n" + OK_LOGOUT
        message, causes = self.failure(self.program(code), None, ["x" * 1000000])
        self.assertEqual(message, "failed to write to credential provider")
        self.assertEqual(causes, ["[Errno 32] Broken pipe"])

    def test_a_provider_that_does_not_end_is_stopped(self):
        code = "with open(%r, 'w') as file: file.write(str(os.getpid()))\nprint(%%r, flush=True)\n"
        code += "while True: %%s"
        code %= self.path("pid")
        with mock.patch.object(cc._Child, "grace", 0.3):
            message, causes = self.failure(self.program(code % ("noise", "import time; time.sleep(9)")))
        self.assertEqual(message, "failed to deserialize hello")
        self.assertEqual(causes[1], "`P` did not end with its input, and was stopped, after that")
        if not WINDOWS:
            with self.assertRaises(ProcessLookupError):
                os.kill(int(self.read("pid")), 0)

    def test_a_grandchild_that_holds_the_output_does_not_matter(self):
        code = HELLO + OK_LOGOUT + (
            "import subprocess; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3)'])"
        )
        self.assertEqual(self.perform(self.program(code)), cc.LogoutResponse())

    def test_get_login_and_logout_go_through_perform(self):
        class Recording(cc.CredentialProcess):
            def perform(self, registry, action, args):
                return registry, action, args

        process = Recording("/no/such")
        options = cc.LoginOptions(cc.Secret(TOKEN))
        for result, action in [
            (process.get(REGISTRY, cc.ReadOperation(), ["a"]), cc.GetAction(cc.ReadOperation())),
            (process.login(REGISTRY, options, ["a"]), cc.LoginAction(options)),
            (process.logout(REGISTRY, ["a"]), cc.LogoutAction()),
        ]:
            self.assertEqual(result, (REGISTRY, action, ["a"]))

    def test_it_can_be_wrapped(self):
        """A provider that asks another one; standard error and status pass through."""
        inner = self.program(
            "sys.stderr.write('from within\\n'); sys.stderr.flush()\n" + HELLO
            + "print(%r)" % cc.GetResponse(cc.Secret(TOKEN)).to_json()
        )
        path = self.provider(
            "class Provider(CredentialProcess): pass\nProvider = lambda: CredentialProcess(%r)" % inner
        )
        answers, errors = self.run_provider(path, GET, GET, LOGOUT)
        self.assertEqual(answers[:2], [token_answer(TOKEN)] * 2)
        self.assertIn("unexpected response for `logout` request", answers[2])
        self.assertEqual(errors.replace("\r\n", "\n"), "from within\n" * 3)

    @posix_only
    def test_a_wrapped_provider_asks_on_the_terminal(self):
        path = self.provider(
            "class Provider(Credential):\n"
            "    def perform(self, *request):\n"
            "        return CredentialProcess(%r, '--example-file', %r, '--any-registry').perform("
            "*request)" % (MODULE, self.path("store.json"))
        )
        terminal = Terminal([sys.executable, path, "--cargo-plugin"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
        self.addCleanup(terminal.close)
        terminal.process.stdin.write(OnATerminal.LOGIN)
        terminal.process.stdin.flush()
        terminal.read(b" below\r\n")
        terminal.wait_for_no_echo()
        terminal.type(TOKEN.encode() + b"\n")
        self.assertEqual(terminal.process.stdout.readline(), b'{"v":[1]}\n')
        self.assertEqual(terminal.process.stdout.readline(), LOGIN_OK.encode() + b"\n")
        terminal.process.stdin.close()
        self.assertEqual(terminal.rest(), (0, b"\r\n"))


# ---- Examples ------------------------------------------------------------------------------

CHECKER = os.path.join(HERE, "examples", "check_provider.py")


class CheckProvider(Directory):
    """Each fault that the checker knows, in a provider that has no other."""

    GET_ERR = """print('{"Err":{"kind":"url-not-supported"}}', flush=True)\n"""
    LOOP = """print('{"v":[1]}', flush=True)\nfor line in sys.stdin: print(%r, flush=True)\n"""
    GOOD = LOOP % '{"Err":{"kind":"url-not-supported"}}'

    def check(self, *arguments, **options):
        """The checker's process; collect it with `report`."""
        if WINDOWS:
            options["creationflags"] = NO_WINDOW  # one for all the .cmd files that it starts
        return start(["-S", "-B", CHECKER, *arguments], cwd=self.directory, **options)

    def report(self, process):
        """(status, lines) of a checker."""
        output, errors = process.communicate(timeout=120)
        self.assertEqual(errors, b"")
        self.assertNotIn(TOKEN.encode(), output)
        return process.returncode, output.decode().splitlines()

    def get_answer(self, **changes):
        fields = {"kind": "get", "token": TOKEN, "cache": "session", "operation_independent": True}
        fields.update(changes)
        fields = {name: value for name, value in fields.items() if value is not None}
        return self.LOOP % json.dumps({"Ok": fields})

    PATIENCE = "8" if WINDOWS else "3"  # seconds for a provider that hangs

    def runTest(self):
        """For `rows` alone."""

    @staticmethod
    def waits(row):
        return "sleep(30)" in row[0] or "while True" in row[0]

    def rows(self):
        """(code of a provider, its line in the report, words of the lines below)"""
        hello, answer = "failed to deserialize hello", "failed to deserialize response"
        get = "get for a registry that does not exist: "
        hang = "import time; time.sleep(30)"
        return [
            ("print('starting')\n" + self.GOOD, "FAIL  hello: `starting` is no hello",
             [hello, "expected value at line 1 column 1", "standard error"]),
            ("print('{\\n \"v\": [1]\\n}', flush=True)\nsys.stdin.read()", "FAIL  hello: `{` is no hello",
             [hello, "all of it on one line"]),
            ("print('{\"v\":[2]}', flush=True)\nsys.stdin.read()", "FAIL  hello: no version 1 in [2]",
             ["credential provider supports protocol versions [2], while Cargo supports [1]"]),
            ("sys.stdout.write('{\"v\":[1]}'); sys.stdout.flush()\n" + hang,
             'FAIL  hello: no line end after `{"v":[1]}` in %s s' % self.PATIENCE, ["waits for ever"]),
            ("print('{\"v\":[1]}')\n" + hang, "FAIL  hello: nothing on standard output in %s s" % self.PATIENCE, ["Flush"]),
            ("print(undefined)", "FAIL  hello: it exited with status 1 before its hello",
             [hello, "EOF while parsing a value", "| NameError: name 'undefined' is not defined"]),
            (HELLO + "raise ValueError('no vault')",
             "FAIL  " + get + "it exited with status 1 before its response",
             [answer, "EOF while parsing a value", "| ValueError: no vault"]),
            (HELLO + "print('asking')\n" + self.GET_ERR, "FAIL  " + get + "`asking` is no answer",
             [answer, "expected value at line 1 column 1", "standard error"]),
            (HELLO + "print('{\\n \"Err\": {}}')", "FAIL  " + get + "`{` is no answer",
             [answer, "not pretty-printed"]),
            (HELLO + "print('{\"v\":[1]}')\n" + hang, "FAIL  " + get + "nothing on standard output in %s s" % self.PATIENCE,
             ["Flush"]),
            (self.LOOP % '{"kind":"get","token":"t"}', "FAIL  " + get + '`{"kind":"get"', [answer, 'Write {"Ok":{"kind":...}}']),
            (self.LOOP % '{"Err":"not-found"}', "FAIL  " + get, [answer, "Write {"]),
            (self.get_answer(operation_independent=None, **{"operation-independent": True}),
             "FAIL  " + get, [answer, "missing field `operation_independent`", "underscore"]),
            (self.get_answer(operation_independent=None), "FAIL  " + get,
             [answer, "missing field `operation_independent`", "A get needs"]),
            (self.get_answer(cache="expires"), "FAIL  " + get, [answer, "missing field `expiration`"]),
            (self.get_answer(cache="expires", expiration=1.5e9), "FAIL  " + get,
             [answer, "in whole Unix seconds"]),
            (self.get_answer(cache="expires", expiration=1600000000000), "FAIL  " + get,
             [answer, "in whole Unix seconds"]),
            (self.LOOP % '{"Err":{"kind":"other"}}', "FAIL  " + get, [answer, "missing field `message`", "An Err of kind other"]),
            (self.get_answer(token=TOKEN + "\r\nX: 1"), "FAIL  " + get + "the token contains a line break",
             ["adds a header"]),
            (self.LOOP % '{"Ok":{"kind":"logout"}}', "FAIL  " + get + "it answers a get with logout",
             ["credential provider produced unexpected response for"]),
            (self.GOOD + "sys.exit(1)", "FAIL  " + get + "it answers, but exited with status 1",
             ["` failed with status exit status: 1\"", "is lost, even an Err"]),
            (HELLO + "if not line: sys.exit()\n" + self.GET_ERR + hang,
             "FAIL  " + get + "it goes on %s s after the end of its input" % self.PATIENCE, ["waits for ever"]),
            (self.get_answer(), "warn  " + get + "it gives a token to a host that nobody knows",
             ["cloned repository"]),
            (self.get_answer(), "ok    cache: as Cargo knows it", []),
            (self.get_answer(cache="sesion"), "warn  cache: a `cache` that Cargo does not know",
             ["takes it as never"]),
            (self.get_answer(cache="expires", expiration=1),
             "warn  cache: a token that has expired, or will within a minute", ["60 seconds early"]),
            (self.LOOP % '{"Err":{"kind":"not-found"}}', "warn  " + get + "not-found",
             ["url-not-supported of others"]),
            (self.LOOP % '{"Err":{"kind":"operation-not-supported"}}',
             "warn  " + get + "operation-not-supported before looking at the URL",
             ["requested operation not supported"]),
            (self.GOOD.replace("print('{\"E", "print('{\"Err\":{\"kind\":\"operation-not-supported\"}}'"
                               " if 'kind\":\"check' in line else '{\"E"),
             "warn  unknown kind: operation-not-supported before looking at the URL", ["globally"]),
            (self.GOOD.replace("print('{\"E", "print('{\"Ok\":{\"kind\":\"logout\"}}'"
                               " if 'kind\":\"check' in line else '{\"E"),
             "warn  unknown kind: it answers an unknown kind with logout", ["unexpected response"]),
            (self.GOOD.replace("print('{\"E", "print(1 / 0 if 'n\":\"check' in line else '{\"E"),
             "FAIL  unknown operation: it exited with status 1 before its response", ["| ZeroDivisionError"]),
            (self.GOOD.replace("print('{\"E", "print('{\"Err\":{\"kind\":\"not-found\"}}'"
                               " if 'extra' in line else '{\"E"),
             "FAIL  extra fields: not-found where it said url-not-supported without them", ["Ignore"]),
            (self.GOOD.replace("print('{\"E", "print('{\"Err\":{\"kind\":\"other\",\"message\":"
                               "\"expected a borrowed string\"}}' if 'WWW' in line else '{\"E"),
             "warn  escapes in arguments: an argument with a quote or backslash is refused",
             ["rust-lang/cargo#13615"]),
            (HELLO + "line and " + self.GET_ERR, "warn  several requests: no three answers: it exited with status 0 before its response",
             ["Cargo 1.95 asks one"]),
            (self.GOOD.replace("print('{\"E", "print('{\"Ok\":{\"kind\":\"get\",\"token\":\"x\",\"cache\":"
                               "\"never\",\"operation_independent\":true}}' if 'JSON' in line else '{\"E"),
             "warn  a line that is not JSON: it answers no request with get", ["unexpected response"]),
            (self.GOOD.replace("print('{\"E", "print(1 / 0 if 'JSON' in line else '{\"E"),
             "warn  a line that is not JSON: it exited with status 1 before its response",
             ["answer it with an Err", "| ZeroDivisionError"]),
            ("sys.stderr.write('token %s')\n" % TOKEN + self.get_answer(),
             "FAIL  standard error: it shows the token", ["logs of CI"]),
            ("sys.stderr.write(repr(%r))\n" % (TOKEN + "'\\") + self.get_answer(token="Bearer " + TOKEN + "'\\"),
             "FAIL  standard error: it shows the token", ["logs of CI"]),
            (self.LOOP % '{"Err":{"kind":"not_found"}}', "FAIL  " + get + "an unknown kind of Err",
             ["unknown error kind; try updating Cargo?", "operation-not-supported and other"]),
            ("sys.stdout.buffer.write(b'\\xef\\xbb\\xbf')\n" + self.GOOD, "FAIL  hello: ",
             ["expected value at line 1 column 1", "byte order mark"]),
            (HELLO + "sys.stdout.buffer.write(b'{\"Err\":{\"kind\":\"other\",\"message\":\"\\xe9\"}}')",
             "FAIL  " + get, ["failed to read response from credential provider",
                              "stream did not contain valid UTF-8"]),
            (HELLO + "print({'Ok': {'kind': 'get', 'token': %r}})" % TOKEN, "FAIL  " + get,
             [answer, "json.dumps"]),
            (HELLO + "print(%r)" % TOKEN, "FAIL  " + get, [answer, "expected value at line 1 column 1"]),
            (HELLO + "print()", "FAIL  " + get, [answer, "no empty lines"]),
            ("os.close(0)\n" + self.LOOP.split("\n")[0] + "\nimport time; time.sleep(0.5)\n" + self.GET_ERR,
             "FAIL  " + get + "it does not read the request", ["failed to write to credential provider"]),
            (self.LOOP.split("\n")[0] + "\nimport time\nwhile True: print('x' * 9999, end='') or time.sleep(0.01)",
             "FAIL  " + get + "no line end after a line of ", ["waits for ever"]),
            (HELLO + "if not line: sys.exit(3)\n" + self.GET_ERR,
             "warn  end of the input: it exited with status 3", ["Cargo always asks"]),
            (self.LOOP % '{"Err":{"kind":"other","message":"one\\nFAIL  fake: x\\u001b[31m"}}',
             "ok    " + get + "other: one\\nFAIL  fake: x\\x1b[31m", []),
        ]  # fmt: skip

    def test_each_fault_is_recognised(self):
        rows = sorted(self.rows(), key=self.waits)
        if WINDOWS:  # cmd.exe keeps the pipe open that a provider closes
            rows = [row for row in rows if "os.close(0)" not in row[0]]
        for first in range(0, len(rows), 6):  # those that wait do it together
            running = []
            for number, row in enumerate(rows[first : first + 6], first):
                path = self.program(row[0], "other%d.py" % number)
                patience = self.PATIENCE if self.waits(row) else "60"
                running.append((row, self.check("--timeout", patience, path)))
            for (code, wanted, words), process in running:
                status, lines = self.report(process)
                with self.subTest(code):
                    found = [i for i, line in enumerate(lines) if line.startswith(wanted)]
                    self.assertTrue(found, "\n".join(lines))
                    below = "\n".join(lines[found[0] : found[0] + 9])
                    for word in words:
                        self.assertIn(word, below)
                    self.assertEqual(status, 1 if wanted.startswith("FAIL") else 0, lines)
                    others = [line for line in lines if line.startswith("FAIL")]
                    self.assertEqual(len(others), status, lines)

    @posix_only
    def test_faults_of_the_file_itself(self):
        good = "#!%s\nimport sys\n%s" % (sys.executable, self.GOOD)
        os.mkdir(self.path("beside"))
        rows = [
            (self.path("missing"), "FAIL  program: there is no `", "No such file or directory"),
            ("missing-from-path", "FAIL  program: there is no `missing-from-path`", "on PATH"),
            (self.write("plain", good), "FAIL  program: it is not executable", "chmod +x"),
            (self.write("bare", "import sys\n" + self.GOOD, 0o755), "FAIL  program: it has no shebang",
             "Exec format error"),
            (self.write("lost", "#!/no/python3\n", 0o755), "FAIL  hello: it cannot be started",
             "interpreter"),
            (self.write("crlf", "#!/bin/sh\r\n", 0o755), "FAIL  program: its first line ends with CR LF",
             "Unix"),
            (self.path("beside"), "FAIL  program: it is not executable", "Permission denied"),
            ("./good", "warn  program: `./good` is a relative path", ".cargo/"),
            (self.write("beside/prov", good, 0o755),
             "warn  program: `token.py` beside it shadows the standard module", "Rename"),
            (sys.executable, "FAIL  program: `%s` is an interpreter" % sys.executable, "--cargo-plugin"),
        ]  # fmt: skip
        self.write("good", good, 0o755)
        self.write("beside/token.py", "")
        for path, wanted, word in rows:
            _, lines = self.report(self.check(path))
            found = [i for i, line in enumerate(lines) if line.startswith(wanted)]
            self.assertTrue(found, "\n".join(lines))
            self.assertIn(word, "\n".join(lines[found[0] : found[0] + 3]))

    def test_faults_of_login_and_logout(self):
        """A store whose commands each have a fault that is switched on."""
        code = """
import json
try: store = json.load(open(%r))
except Exception: store = {}
print('{"v":[1]}', flush=True)
for line in sys.stdin:
    try: asked = json.loads(line)
    except ValueError: asked = {"kind": "x"}
    kind, fault = asked["kind"], (asked.get("args") or [""])[0]
    url = asked.get("registry", {}).get("index-url")
    answer = {"Err": {"kind": "not-found"}}
    if fault == "publish" and asked.get("operation") not in (None, "read", "x"):
        answer = {"Ok": {"kind": "get", "token": "precious-" + url, "cache": "never",
                         "operation_independent": False}}
    elif kind == "get" and fault == "host": answer = {"Err": {"kind": "url-not-supported"}}
    elif kind == "get" and url in store:
        token = "other" if fault == "get" else store[url]
        answer = {"Ok": {"kind": "get", "token": token, "cache": "session",
                         "operation_independent": True}}
    elif kind == "login" and fault == "login": answer = {"Err": {"kind": "operation-not-supported"}}
    elif kind == "login":
        if fault == "stderr": sys.stderr.write("storing " + asked["token"] + "\\n")
        if fault != "again" or not store: store[url] = asked["token"]
        answer = {"Ok": {"kind": "login"}}
    elif kind == "logout" and (url in store or fault == "twice"):
        if fault != "logout": store.pop(url, None)
        answer = {"Ok": {"kind": "logout"}}
    elif kind not in ("get", "logout"): answer = {"Err": {"kind": "operation-not-supported"}}
    json.dump(store, open(%r, "w"))
    print(json.dumps(answer), flush=True)
"""
        for fault, wanted in [
            ("none", "ok    get after logout: not-found"),
            ("login", "warn  login: operation-not-supported"),
            ("publish", "warn  registry for a login: neither the made-up registry nor crates.io is"
             " served and without a token"),
            ("get", "FAIL  get: it gives another token"),
            ("again", "FAIL  get again: it gives another token"),
            ("logout", "FAIL  get after logout: get"),
            ("twice", "warn  logout again: logout"),
            ("stderr", "FAIL  standard error: it shows the token"),
            ("host", "warn  registry for a login: neither the made-up registry nor crates.io is served"
             " and without a token"),
        ]:  # fmt: skip
            store = self.path("store-" + fault)
            path = self.program(code % (store, store), "prov-%s.py" % fault)
            status, lines = self.report(self.check("--login", "--timeout", "20", path, fault))
            self.assertIn(wanted, lines)
            self.assertEqual(status, 1 if wanted.startswith("FAIL") else 0)
            self.assertFalse([line for line in lines if "check-provider-token" in line])

    def assert_good(self, *arguments):
        status, lines = self.report(self.check("--login", "--timeout", "30", *arguments))
        self.assertEqual([line for line in lines if not line.startswith("ok ")][:-1], [], lines)
        self.assertEqual(status, 0)
        return lines

    def test_no_false_alarm_on_the_modules_own_providers(self):
        module = MODULE
        if WINDOWS:
            module = self.write("module.cmd", '@"%s" "%s" %%*\r\n' % (sys.executable, MODULE))
        lines = self.assert_good(module, "--example-file")
        self.assertIn("ok    login: a made-up token for crates-io is stored", lines)
        lines = self.assert_good(module, "--example-file", "store.json", "--any-registry")
        self.assertIn("ok    login: a made-up token for check-provider is stored", lines)
        self.assertEqual(os.listdir(self.directory), ["module.cmd"] if WINDOWS else [])
        if not WINDOWS:
            with open(os.path.join(HERE, "README.md"), encoding="utf-8") as file:
                source = re.search(r"```python\n(.*?)```", file.read(), re.DOTALL).group(1)
            shutil.copy(MODULE, self.directory)
            os.mkdir(self.path("__pycache__"))
            _, lines = self.report(self.check(self.write("prov.py", source, 0o755)))
            self.assertEqual(lines[-1], "11 ok, 0 warn, 0 FAIL")
            example = os.path.join(HERE, "examples", "stdout_redirected.py")
            _, lines = self.report(self.check(example))
            self.assertEqual(lines[-1], "10 ok, 1 warn, 0 FAIL")

    @posix_only
    def test_no_false_alarm_on_a_provider_in_sh(self):
        path = self.write(
            "prov.sh",
            "#!/bin/sh\n"
            """echo '{"v":[1]}'\n"""
            "while read -r line; do\n"
            "  case $line in\n"
            """  *'"index-url":"https://corp.example/index"'*'"kind":"get"'*)\n"""
            """    echo '{"Ok":{"kind":"get","token":"x","cache":"never","operation_independent":true}}' ;;\n"""
            """  *) echo '{"Err":{"kind":"url-not-supported"}}' ;;\n"""
            "  esac\n"
            "done\n",
            0o755,
        )
        _, lines = self.report(self.check(path))
        self.assertEqual(lines[-1], "11 ok, 0 warn, 0 FAIL")

    @needs("node")
    @posix_only
    def test_no_false_alarm_on_a_provider_for_node(self):
        self.assert_good(
            self.write(
                "prov.js",
                """#!/usr/bin/env node
const fs = require("fs"), file = process.cwd() + "/tokens";
const load = () => fs.existsSync(file) ? JSON.parse(fs.readFileSync(file)) : {};
const say = (value) => fs.writeSync(1, JSON.stringify(value) + "\\n");
say({v: [1]});
require("readline").createInterface({input: process.stdin}).on("line", (line) => {
  let asked;
  try { asked = JSON.parse(line); } catch (error) {
    return say({Err: {kind: "other", message: "no request", "caused-by": [String(error)]}});
  }
  const tokens = load(), url = asked.registry["index-url"], known = url in tokens;
  if (asked.kind == "login") {
    tokens[url] = asked.token;
    fs.writeFileSync(file, JSON.stringify(tokens));
    say({Ok: {kind: "login"}});
  } else if (asked.kind != "get" && asked.kind != "logout") {
    say({Err: {kind: "operation-not-supported"}});
  } else if (!known) {
    say({Err: {kind: "not-found"}});
  } else if (asked.kind == "get") {
    say({Ok: {kind: "get", token: tokens[url], cache: "expires", expiration: 4000000000,
              operation_independent: false}});
  } else {
    delete tokens[url];
    fs.writeFileSync(file, JSON.stringify(tokens));
    say({Ok: {kind: "logout"}});
  }
});
""",
                0o755,
            )
        )

    def test_the_transcript_shows_what_is_said_without_tokens(self):
        path = self.program(self.get_answer(token=TOKEN + '"\\'))
        _, lines = self.report(self.check("--transcript", "--timeout", "20", path))
        said = [line.strip() for line in lines if line.startswith("      ")]
        self.assertEqual(said[0], '< {"v":[1]}')
        self.assertIn(
            '< {"Ok": {"kind": "get", "token": "[REDACTED]", "cache": "session",'
            ' "operation_independent": true}}',
            said,
        )
        self.assertTrue([line for line in said if line.startswith('> {"v":1,"registry":{"index-url":')])

    def test_its_usage(self):
        output, errors = self.check("--help").communicate(timeout=60)
        self.assertEqual(errors, b"")
        for word in (b"--login", b"--timeout SECONDS", b"--transcript", b"PROVIDER", b"ARG"):
            self.assertIn(word, output)


# ---- The example provider ------------------------------------------------------------------

CRATES = cc.RegistryInfo(CRATES_IO, "crates-io")


def login(token, registry=CRATES, args=()):
    return line_of(cc.LoginAction(cc.LoginOptions(cc.Secret(token))), registry, args)


def get(registry=CRATES, args=()):
    return line_of(cc.GetAction(cc.ReadOperation()), registry, args)


def logout(registry=CRATES, args=()):
    return line_of(cc.LogoutAction(), registry, args)


def token_answer(token):
    return '{"Ok":{"kind":"get","token":"%s","cache":"session","operation_independent":true}}' % token


LOGIN_OK = '{"Ok":{"kind":"login"}}'
LOGOUT_OK = '{"Ok":{"kind":"logout"}}'
NOT_FOUND = '{"Err":{"kind":"not-found"}}'
URL_NOT_SUPPORTED = '{"Err":{"kind":"url-not-supported"}}'


class ExampleFile(Directory):
    OPTIONS = ["--example-file", "store.json"]

    def setUp(self):
        super().setUp()
        forget_secrets()
        self.store = self.path("store.json")

    def session(self, *lines, options=OPTIONS):
        """(lines, standard error) of the provider in this process."""
        options = [self.path(word) if word == "store.json" else word for word in options]
        with mock.patch("sys.stderr", io.StringIO()) as stderr:
            answers = serve(cc._FileCredential(options), *lines)
        return answers, stderr.getvalue()

    def process(self, *lines, options=OPTIONS, **more):
        """The same in a process of its own, as Cargo has it."""
        return self.run_provider(MODULE, *lines, arguments=["--cargo-plugin", *options], **more)

    def message(self, *lines, by=None, **more):
        """The one `other` error of a session, as (message, causes)."""
        (answer,), _ = (by or self.session)(*lines, **more)
        err = json.loads(answer)["Err"]
        self.assertEqual(err["kind"], "other")
        return err["message"], err["caused-by"]

    def test_as_in_the_crates_own_test(self):
        lines = [
            b'{"v": 1,"registry": {"index-url":"%s","name":"crates-io"},"kind": "login",'
            b'"token": "s3krit","args": []}\n' % CRATES_IO.encode(),
            b'{"v": 1,"registry": {"index-url":"%s","name":"crates-io"},"kind": "get",'
            b'"operation": "read","args": []}\n' % CRATES_IO.encode(),
        ]
        answers, errors = self.process(*lines, options=["--example-file"])
        self.assertEqual(answers, [LOGIN_OK, token_answer("s3krit")])
        self.assertEqual(errors, "")
        self.assertEqual(
            self.read("cargo-credentials.json"), b'{\n  "%s": "s3krit"\n}\n' % CRATES_IO.encode()
        )

    def test_a_token_is_stored_replaced_and_erased_from_the_disk(self):
        answers, errors = self.session(
            get(), logout(), login("one"), get(), login("two"), get(), logout(), get(), logout()
        )
        self.assertEqual(errors, "")
        self.assertEqual(
            answers,
            [NOT_FOUND, NOT_FOUND, LOGIN_OK, token_answer("one"), LOGIN_OK, token_answer("two"),
             LOGOUT_OK, NOT_FOUND, NOT_FOUND],
        )  # fmt: skip
        self.assertEqual(self.read("store.json"), b"{}\n")
        self.assertEqual(sorted(os.listdir(self.directory)), ["store.json", "store.json.lock"])

    def test_only_crates_io_unless_any_registry(self):
        for line in (get(REGISTRY), login("x", REGISTRY), logout(REGISTRY), line_of(cc.UnknownAction())):
            self.assertEqual(self.session(line)[0], [URL_NOT_SUPPORTED])
        self.assertEqual(os.listdir(self.directory), [])
        options = self.OPTIONS + ["--any-registry"]
        answers, _ = self.session(
            login("x", REGISTRY), get(REGISTRY), get(), line_of(cc.UnknownAction()), options=options
        )
        self.assertEqual(answers, [LOGIN_OK, token_answer("x"), NOT_FOUND, NOT_SUPPORTED])

    def test_options_come_from_the_request_as_well(self):
        args = ["--example-file", self.path("with space.json"), "--any-registry"]
        answers, _ = self.process(
            login("x", REGISTRY, args), get(REGISTRY, args), options=["--example-file", "other"]
        )
        self.assertEqual(answers, [LOGIN_OK, token_answer("x")])
        self.assertTrue(os.path.exists(self.path("with space.json")))
        self.assertFalse(os.path.exists(self.path("other")))

    def test_an_option_is_no_path(self):
        options = ["--example-file", "--any-registry"]
        self.assertEqual(self.process(login("x", REGISTRY), options=options)[0], [LOGIN_OK])
        self.assertTrue(os.path.exists(self.path("cargo-credentials.json")))

    def test_without_the_option_it_says_what_to_add(self):
        self.assertEqual(
            self.message(get(), options=[]),
            (
                "cargo_credential.py is a provider only with --example-file: add it behind the path"
                " in `credential-provider`",
                [],
            ),
        )

    def test_an_unknown_option_is_told(self):
        text = "unknown option `--x`: there are --example-file [PATH] and --any-registry"
        self.assertEqual(self.message(get(args=["--x"])), (text, []))
        process = start([MODULE, "--x"])
        self.assertEqual(
            process.communicate(timeout=60),
            (b"", ("cargo_credential.py: %s%s" % (text, os.linesep)).encode()),
        )
        self.assertEqual(process.returncode, 2)

    def test_without_arguments_and_terminal_it_speaks_the_protocol(self):
        (answer,), _ = self.run_provider(MODULE, get(), arguments=())
        self.assertIn("only with --example-file", json.loads(answer)["Err"]["message"])

    def test_the_texts_for_people_start_with_the_point(self):
        self.assertTrue(cc._USAGE.startswith("usage: cargo_credential.py --example-file [PATH]"))
        self.assertTrue(cc._CONFIGURATION.startswith("This is a credential provider: Cargo starts"))

    def test_help_and_version(self):
        for option, text in [("--help", cc._USAGE), ("--version", "cargo_credential.py 1.1.0\n")]:
            output, errors = start([MODULE, option]).communicate(timeout=60)
            self.assertEqual((output.decode().replace("\r\n", "\n"), errors), (text, b""))

    def test_an_unsendable_token_is_not_stored(self):
        message, _ = self.message(login("x\r\nX-Evil: 1"))
        self.assertEqual(
            message, "the token contains a line break, so no HTTP header can carry it"
        )
        self.assertEqual(os.listdir(self.directory), [])

    def test_a_stored_token_that_is_unsendable_is_not_sent(self):
        self.write("store.json", json.dumps({CRATES_IO: TOKEN + "\n"}), 0o600)
        message, _ = self.message(get())
        self.assertEqual(
            message, "the token ends with a line break, so no HTTP header can carry it"
        )

    def test_a_damaged_store_is_named_and_left_as_it_is(self):
        for content, cause in [
            ("{", "not JSON: Expecting property name enclosed in double quotes at line 1 column 2"),
            ("[]", "the store must be a JSON object"),
            ('{"%s":5}' % CRATES_IO, "field `%s` must be a string" % CRATES_IO),
            ('{"a":"%s","b":["%s"]}' % (TOKEN, TOKEN), "field `b` must be a string"),
            ('{"a":"1","a":"2"}', "duplicate field `a`"),
        ]:
            for line in (get(), login("x"), logout()):
                self.write("store.json", content, 0o600)
                message, causes = self.message(line)
                self.assertEqual(
                    message,
                    "the token store `%s` is damaged, and is left as it is: repair it or move it"
                    " away" % self.store,
                )
                if not causes[0].startswith("not JSON"):  # PyPy has other words for it
                    self.assertEqual(causes, [cause])
                self.assertEqual(self.read("store.json").decode(), content)

    def test_an_empty_file_counts_as_empty(self):
        for content in ("", " \n"):
            self.write("store.json", content, 0o600)
            self.assertEqual(self.session(get(), login("x"), get())[0][2], token_answer("x"))

    def test_other_tokens_are_kept(self):
        self.write("store.json", '{"\u00e9\\u00e9": "%s"}' % TOKEN, 0o600)
        self.session(login("x"))
        self.assertEqual(
            json.loads(self.read("store.json").decode()), {"\u00e9\u00e9": TOKEN, CRATES_IO: "x"}
        )

    def test_a_directory_or_a_missing_one_is_told(self):
        os.mkdir(self.store)
        message, causes = self.message(get())
        self.assertIn(self.store, message)
        self.assertEqual(len(causes), 1)
        path = self.path("no", "store.json")
        message, causes = self.message(login("x"), options=["--example-file", path])
        self.assertEqual(
            message,
            "the token store's directory `%s` does not exist: create it" % self.path("no"),
        )
        self.assertIn("No such file or directory", causes[0])
        answers, _ = self.session(logout(), get(), options=["--example-file", path])
        self.assertEqual(answers, [NOT_FOUND, NOT_FOUND])

    def test_forty_logins_at_once_lose_none(self):
        options = self.OPTIONS + ["--any-registry"]
        registries = [cc.RegistryInfo("https://r%d.example/" % i) for i in range(40)]
        processes = []
        for i, registry in enumerate(registries):
            process = start([MODULE, "--cargo-plugin"] + options, cwd=self.directory)
            process.stdin.write(login("token-%d" % i, registry))
            process.stdin.flush()
            processes.append(process)
        for process in processes:
            output, errors = process.communicate(timeout=120)
            self.assertEqual((output.splitlines()[1:], errors), ([LOGIN_OK.encode()], b""))
        tokens = {registry.index_url: "token-%d" % i for i, registry in enumerate(registries)}
        self.assertEqual(json.loads(self.read("store.json").decode()), tokens)

    def test_a_store_that_another_process_has_open_is_replaced_all_the_same(self):
        self.session(login("one"))
        with open(self.store, "rb") as reader:
            work = threading.Thread(target=self.process, args=(login("two"),))
            work.start()
            while not WINDOWS and work.is_alive():  # on Windows it waits for the reader to close
                work.join(0.1)
            while WINDOWS and not os.path.exists(self.store + ".tmp"):
                time.sleep(0.01)
            self.assertIn(b"one", reader.read())
        work.join()
        self.assertEqual(self.session(get())[0], [token_answer("two")])

    @posix_only
    def test_the_file_and_its_neighbours_are_private(self):
        for umask in (0, 0o777, 0o277):
            answers, _ = self.process(
                login("x"), preexec_fn=lambda: (os.setsid(), os.umask(umask))
            )
            self.assertEqual(answers, [LOGIN_OK])
            for name in ("store.json", "store.json.lock"):
                self.assertEqual(os.stat(self.path(name)).st_mode & 0o7777, 0o600)
                os.unlink(self.path(name))

    def test_a_logout_erases_what_a_killed_login_left(self):
        for stored, answer in [({}, NOT_FOUND), ({CRATES_IO: "old"}, LOGOUT_OK)]:
            self.write("store.json", json.dumps(stored), 0o600)
            self.write("store.json.tmp", json.dumps({CRATES_IO: TOKEN}), 0o600)
            self.assertEqual(self.session(logout())[0], [answer])
            self.assertEqual(sorted(os.listdir(self.directory)), ["store.json", "store.json.lock"])
            self.assertEqual(json.loads(self.read("store.json").decode()), {})

    def test_an_error_after_the_change_does_not_deny_it(self):
        for name in ("cargo_credential._discard", "cargo_credential._quietly"):
            calls = []

            def fail_at_the_end(*arguments):
                calls.append(arguments)
                if os.path.exists(self.store):
                    raise OSError(5, "Input/output error")

            with mock.patch("cargo_credential._discard", fail_at_the_end):
                answers, _ = self.session(login("x"))
            self.assertEqual(answers, [LOGIN_OK])
            self.assertEqual(self.session(get())[0], [token_answer("x")])
            os.unlink(self.store)

    @posix_only
    def test_a_lock_that_another_process_holds_is_reported_and_then_an_error(self):
        self.session(login("x"))
        clock = [0.0]
        with open(self.store + ".lock", "rb+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with mock.patch("time.monotonic", lambda: clock[0]):
                with mock.patch("time.sleep", lambda seconds: clock.append(clock.pop() + 0.5)):
                    answers, errors = self.session(login("y"), get())
        self.assertEqual(
            json.loads(answers[0])["Err"],
            {
                "kind": "other",
                "message": "another process has held the lock `%s.lock` for a minute, and the token"
                " store is unchanged: wait for that process or end it, then try again" % self.store,
                "caused-by": [],
            },
        )
        self.assertEqual(answers[1], token_answer("x"))
        self.assertEqual(
            errors,
            "waiting for the lock `%s.lock`, which another process holds\n" % self.store,
        )
        self.assertTrue(60 < clock[0] < 62)

    @posix_only
    def test_a_store_that_others_can_read_is_noticed_and_made_private(self):
        for mode in (0o640, 0o604, 0o620, 0o602):
            self.write("store.json", '{"%s":"x"}' % CRATES_IO, mode)
            answers, errors = self.session(get())
            self.assertEqual(answers, [token_answer("x")])
            self.assertEqual(
                errors,
                "warning: other users can get at the token store `%s`: chmod 600 it\n" % self.store,
            )
            self.session(login("y"))
            self.assertEqual(os.stat(self.store).st_mode & 0o7777, 0o600)
            self.assertEqual(self.session(get()), ([token_answer("y")], ""))

    @posix_only
    def test_a_symbolic_link_keeps_pointing_where_it_did(self):
        os.mkdir(self.path("real"))
        os.symlink(os.path.join("real", "tokens.json"), self.store)
        for token in ("one", "two"):
            self.assertEqual(self.session(login(token), get())[0], [LOGIN_OK, token_answer(token)])
        self.assertEqual(os.readlink(self.store), os.path.join("real", "tokens.json"))
        self.assertEqual(json.loads(self.read("real/tokens.json").decode()), {CRATES_IO: "two"})

    @posix_only
    def test_a_named_pipe_or_device_is_no_store(self):
        os.mkfifo(self.store)
        for path in (self.store, os.devnull):
            message, _ = self.message(get(), options=["--example-file", path])
            self.assertEqual(message, "the token store `%s` is not a regular file" % path)

    @posix_only
    def test_a_planted_link_is_not_followed(self):
        victim = self.write("victim", "precious")
        os.symlink(victim, self.path("store.json.tmp"))
        self.assertEqual(self.session(login("x"))[0], [LOGIN_OK])
        os.unlink(self.path("store.json.lock"))
        os.symlink(victim, self.path("store.json.lock"))
        self.assertIn("Too many levels of symbolic links", self.message(login("y"))[1][0])
        self.assertEqual(self.session(get())[0], [token_answer("x")])
        self.assertEqual(self.read("victim"), b"precious")

    @posix_only
    def test_a_foreign_owner_keeps_the_store(self):
        self.write("store.json", '{"%s":"x"}' % CRATES_IO, 0o600)
        uid = os.stat(self.store).st_uid
        with mock.patch("os.geteuid", lambda: uid + 1):
            credential = cc._FileCredential(["--example-file", self.store])
            for line in (login("y"), logout(), get()):
                self.assertEqual(
                    answer(credential, line)["Err"]["message"],
                    "the token store `%s` belongs to another user (uid %d), and is left as it is:"
                    " name another file with --example-file" % (self.store, uid),
                )
        self.assertEqual(self.session(get())[0], [token_answer("x")])

    def as_nobody(self, function):
        """Run a function in a child without the rights of root."""
        child = os.fork()
        if child == 0:
            status = 1
            try:
                if os.geteuid() == 0:
                    os.seteuid(65534)
                function()
                status = 0
            finally:
                os._exit(status)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    @posix_only
    def test_a_read_only_directory_keeps_the_store_and_says_so(self):
        self.write("store.json", '{"%s":"x"}' % CRATES_IO, 0o600)
        if os.geteuid() == 0:
            os.chown(self.store, 65534, -1)
        os.chmod(self.directory, 0o555)
        self.addCleanup(os.chmod, self.directory, 0o755)

        def check():
            credential = cc._FileCredential(["--example-file", self.store])
            err = answer(credential, login("y"))["Err"]
            assert err["message"] == (
                "cannot write the token store `%s`: what it holds is unchanged" % self.store
            ), err
            assert "Permission denied" in err["caused-by"][0], err
            assert serve(credential, get()) == [token_answer("x")]

        self.as_nobody(check)
        self.assertEqual(self.read("store.json"), b'{"%s":"x"}' % CRATES_IO.encode())

    @posix_only
    def test_a_full_disk_keeps_the_store_and_says_so(self):
        before = json.dumps({CRATES_IO: "x", "pad": "y" * 4000})
        self.write("store.json", before, 0o600)

        def full():
            os.setsid()
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

        # A Python that may write bytecode would leave it cut off
        env = dict(environment(), PYTHONDONTWRITEBYTECODE="1")
        message, causes = self.message(
            login("z" * 2000), by=self.process, preexec_fn=full, env=env
        )
        self.assertEqual(
            message, "cannot write the token store `%s`: what it holds is unchanged" % self.store
        )
        self.assertIn("File too large", causes[0])
        self.assertEqual(self.read("store.json").decode(), before)
        self.assertEqual(sorted(os.listdir(self.directory)), ["store.json", "store.json.lock"])

    @posix_only
    def test_a_kill_at_any_point_leaves_the_old_or_the_new_file(self):
        """A login is killed before its first, second, ... call of the system."""
        program = textwrap.dedent(
            """
            import os, signal, sys
            sys.path.insert(0, %r)
            import cargo_credential as cc
            left = int(sys.argv[1])
            def killing(function):
                def call(*arguments, **named):
                    global left
                    left -= 1
                    if left < 0:
                        os.kill(os.getpid(), signal.SIGKILL)
                    return function(*arguments, **named)
                return call
            for name in ("open", "fstat", "fsync", "replace", "unlink", "fdopen"):
                setattr(os, name, killing(getattr(os, name)))
            import fcntl
            fcntl.flock = killing(fcntl.flock)
            cc._change_store("store.json", lambda tokens: tokens.update(new="2"))
            """
        )
        old, new = {"old": "1"}, {"old": "1", "new": "2"}
        outcomes = []
        status = -signal.SIGKILL
        while status == -signal.SIGKILL:
            self.write("store.json", json.dumps(old), 0o600)
            process = start(["-c", program % HERE, str(len(outcomes))], cwd=self.directory)
            errors = process.communicate(timeout=60)[1]
            self.assertEqual(errors, b"")
            status = process.returncode
            outcomes.append(json.loads(self.read("store.json").decode()))
            self.assertIn(outcomes[-1], (old, new))
            cc._change_store(self.store, lambda tokens: tokens.update(third="3"))
            self.assertEqual(
                json.loads(self.read("store.json").decode()), dict(outcomes[-1], third="3")
            )
            self.assertEqual(sorted(os.listdir(self.directory)), ["store.json", "store.json.lock"])
        self.assertEqual(status, 0)
        self.assertEqual((outcomes[0], outcomes[-1]), (old, new))
        self.assertGreater(len(outcomes), 8)


# ---- Ways of vendoring ---------------------------------------------------------------------


class Vendored(Directory):
    """The one file, as it is, wherever people put it."""

    SCRIPT = (
        "from %scargo_credential import *\n"
        "class Provider(Credential):\n"
        "    def get(self, registry, operation, args):\n"
        "        print('noise')\n"
        "        return GetResponse(Secret(%r))\n"
        "main(Provider())\n"
    )

    def assert_answers(self, *command, **variables):
        env = environment(**variables)
        for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"):
            env.pop(name, None)
        process = start(list(command) + ["--cargo-plugin"], cwd=self.directory, env=env)
        answers, errors = self.finish_provider(process, GET, GET)
        self.assertEqual((answers, errors), ([token_answer(TOKEN)] * 2, ""))

    def copy(self, *folders):
        os.makedirs(self.path(*folders), exist_ok=True)
        shutil.copy(MODULE, self.path(*folders))

    def test_beside_the_script_which_is_run_from_anywhere(self):
        self.copy("bin")
        self.assert_answers(self.write("bin/prov.py", self.SCRIPT % ("", TOKEN)))

    def test_with_every_flag_that_leaves_a_scripts_directory_on_the_path(self):
        self.copy()
        path = self.write("prov.py", self.SCRIPT % ("", TOKEN))
        for flags in (["-S"], ["-E", "-s"], ["-S", "-E", "-s"], ["-O"], ["-OO"], ["-B"], ["-u"]):
            self.assert_answers(*flags + [path])

    def test_the_module_as_a_provider_in_isolated_mode(self):
        self.write("store.json", json.dumps({CRATES_IO: TOKEN}), 0o600)
        self.assert_answers_for_crates_io(["-I", "-S"])

    def assert_answers_for_crates_io(self, flags, **variables):
        process = start(
            [*flags, MODULE, "--example-file", "store.json"], cwd=self.directory,
            env=environment(**variables),
        )  # fmt: skip
        answers, errors = self.finish_provider(process, get())
        self.assertEqual((answers, errors), ([token_answer(TOKEN)], ""))

    def test_in_plain_locales_and_without_a_home(self):
        self.write("store.json", json.dumps({CRATES_IO: TOKEN}), 0o600)
        for variables in (
            {"LANG": "C"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"HOME": ""},
        ):  # fmt: skip
            self.assert_answers_for_crates_io([], **variables)

    def test_inside_a_package(self):
        self.copy("corp")
        self.write("corp/__init__.py", "")
        self.write("corp/prov.py", self.SCRIPT % (".", TOKEN))
        self.assert_answers("-m", "corp.prov")

    def test_in_a_directory_where_nothing_can_be_written(self):
        self.copy("bin")
        path = self.write("bin/prov.py", self.SCRIPT % ("", TOKEN))
        self.write("bin/__pycache__", "")  # to root, a read-only directory is not
        os.chmod(self.path("bin"), 0o555)
        self.addCleanup(os.chmod, self.path("bin"), 0o755)
        self.assert_answers(path)
        self.assertEqual(
            sorted(os.listdir(self.path("bin"))), ["__pycache__", "cargo_credential.py", "prov.py"]
        )

    def test_in_a_zip_file(self):
        with zipfile.ZipFile(self.path("prov.pyz"), "w") as archive:
            archive.write(MODULE, "cargo_credential.py")
            archive.writestr("__main__.py", self.SCRIPT % ("", TOKEN))
        self.assert_answers(self.path("prov.pyz"))

    def test_twice_in_one_process_under_two_names(self):
        self.copy("one")
        self.copy("two")
        self.write(
            "prov.py",
            "import one.cargo_credential as one, two.cargo_credential as two\n"
            "class Inner(two.Credential):\n"
            "    def get(self, registry, operation, args):\n"
            "        print('noise')\n"
            "        return two.GetResponse(two.Secret(%r))\n"
            "class Outer(one.Credential):\n"
            "    def get(self, registry, operation, args):\n"
            "        found = Inner().get(registry, operation, args)\n"
            "        return one.GetResponse(one.Secret(found.token.expose()))\n"
            "one.main(Outer())\n"
            "two.main(Inner())\n" % TOKEN,
        )
        process = start([self.path("prov.py"), "--cargo-plugin"], cwd=self.directory)
        output, errors = process.communicate(GET)
        hello = '{"v":[1]}\n'
        self.assertEqual(output.decode(), hello + token_answer(TOKEN) + "\n" + hello)
        self.assertEqual((process.returncode, errors), (0, b""))

    def test_one_folder_above_an_example_without_anything_else_from_there(self):
        self.copy()
        for name in ("json", "os", "queue", "re", "subprocess", "time"):
            self.write(name + ".py", "raise SystemExit('shadowed')")
        for name in sorted(os.listdir(os.path.join(HERE, "examples"))):
            if name.endswith(".py") and name != "check_provider.py":
                os.makedirs(self.path("tools"), exist_ok=True)
                shutil.copy(os.path.join(HERE, "examples", name), self.path("tools"))
                process = start([self.path("tools", name), "--cargo-plugin"], cwd="/")
                self.assertEqual(self.finish_provider(process), ([], ""), name)

    def test_in_a_program_that_has_streams_of_its_own(self):
        self.copy()
        script = self.SCRIPT % ("", TOKEN)
        path = self.write(
            "embedding.py",
            "import io, sys\n"
            "mine = sys.stdin, sys.stdout = io.StringIO('mine'), io.StringIO()\n"
            + script
            + "assert (sys.stdin, sys.stdout) == mine and sys.stdout.getvalue() == ''\n"
            "assert sys.stdin.read() == 'mine'\n"
            "print('mine, too')\n",
        )
        self.assert_answers(path)


# ---- Fuzz ----------------------------------------------------------------------------------


class Fuzz(unittest.TestCase):
    """Whatever comes in: the hello, then well-formed answers, no exception, no token."""

    SEED = 20261122

    def setUp(self):
        self.random = random.Random(self.SEED)

    def value(self, depth=0):
        pick = self.random.choice
        if depth > 3 or self.random.random() < 0.5:
            return pick([None, True, 0, -1, 1.5, 2**64, "", "get", "read", "u", "\u00e9", "\ud800",
                         "\x00\n\"\\", TOKEN, 10**30, "https://r.example/", "x" * 1000])  # fmt: skip
        if self.random.random() < 0.5:
            return [self.value(depth + 1) for _ in range(self.random.randrange(4))]
        return {self.key(): self.value(depth + 1) for _ in range(self.random.randrange(4))}

    def key(self):
        return self.random.choice(
            ["v", "registry", "index-url", "name", "headers", "kind", "operation", "token", "args",
             "login-url", "vers", "cksum", "x", "", "\u65e5"]
        )  # fmt: skip

    def line(self):
        fields = json.loads(self.random.choice(self.VALID).decode())
        for _ in range(self.random.randrange(4)):
            target = self.random.choice([fields, fields.get("registry")])
            if isinstance(target, dict):
                if target and self.random.random() < 0.3:
                    del target[self.random.choice(sorted(target))]
                else:
                    target[self.key()] = self.value()
        line = json.dumps(fields, ensure_ascii=self.random.random() < 0.5)
        data = bytearray(line.encode("utf-8", "surrogatepass"))
        if self.random.random() < 0.3:
            for _ in range(self.random.randrange(1, 4)):
                at = self.random.randrange(len(data) + 1)
                data[at : at + self.random.randrange(3)] = bytes(
                    self.random.choice([0, 10, 13, 34, 44, 91, 92, 123, 125, 128, 255, 237])
                    for _ in range(self.random.randrange(3))
                )
        if self.random.random() < 0.01:
            deep = self.random.choice([b"[", b'{"a":']) * self.random.randrange(1, 100000)
            data = bytearray(b'{"v":1,"x":') + deep
        return bytes(data) + b"\n"

    VALID = [
        GET, LOGIN, LOGOUT, line_of(cc.UnknownAction(), args=["a b", "C:\\x"]),
        line_of(cc.GetAction(cc.PublishOperation("foo", "1.0.0", "ab"))),
    ]  # fmt: skip

    def perform(self, registry, action, args):
        token = getattr(getattr(action, "options", None), "token", None) or cc.Secret(TOKEN)
        value = token.expose()
        registry.host
        choice = self.random.randrange(12)
        if choice < 4:
            return [cc.GetResponse(token), cc.LoginResponse(), cc.LogoutResponse(), None][choice]
        if choice == 4:
            return cc.GetResponse(token, self.random.choice([cc.CacheNever(), 5, None]))
        raise [
            cc.NotFound, cc.UrlNotSupported(), cc.OtherError(value, [value]), ValueError(args, value),
            KeyError(value), subprocess.CalledProcessError(1, ["x", value]), SystemExit(value),
        ][choice - 5]  # fmt: skip

    def check(self, lines):
        written = io.BytesIO()
        cc.serve(Doing(self.perform), io.BytesIO(lines), written)
        output = written.getvalue()
        self.assertTrue(output.endswith(b"\n"))
        answers = output.decode("utf-8").split("\n")[:-1]
        self.assertEqual(answers[0], '{"v":[1]}')
        self.assertLessEqual(len(answers) - 1, lines.count(b"\n"))
        for line in answers[1:]:
            try:
                response = cc.CredentialResponse.from_json(line)
                self.assertEqual(response.to_json(), line)
            except cc.Error as error:
                self.assertEqual(error.to_json(), line)
                self.assertNotIn(TOKEN, line)

    def test_whatever_comes_in_is_answered_well(self):
        end = time.monotonic() + float(os.environ.get("CARGO_CREDENTIAL_FUZZ", 2))
        while time.monotonic() < end:
            self.check(b"".join([self.line() for _ in range(self.random.randrange(1, 6))]))


# ---- Real Cargo ----------------------------------------------------------------------------


class Registry(http.server.BaseHTTPRequestHandler):
    """A private registry on 127.0.0.1: sparse index, downloads and API, all with a token."""

    protocol_version = "HTTP/1.1"

    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        server, path, token = self.server, self.path, self.headers.get("Authorization")
        server.log.append((self.command, path, token))
        if token != server.token:
            return self.reply(401, b"", {"WWW-Authenticate": 'Cargo login_url="%s/me"' % server.url})
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
    def __init__(self, token):
        super().__init__(("127.0.0.1", 0), Registry)
        self.token, self.log, self.index, self.crates = token, [], {}, {}
        self.url = "http://127.0.0.1:%d" % self.server_port
        self.add({"name": "dep", "vers": "1.0.0"}, self.crate("dep", "1.0.0"))
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self.thread.start()

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
        files = {
            "Cargo.toml": '[package]\nname = "%s"\nversion = "%s"\nedition = "2021"\n' % (name, vers),
            "src/lib.rs": "pub fn answer() -> u32 { 42 }\n",
        }
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path, text in files.items():
                member = tarfile.TarInfo("%s-%s/%s" % (name, vers, path))
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text.encode()))
        return packed.getvalue()

    def add(self, meta, crate):
        name, vers = meta["name"], meta["vers"]
        entry = {"name": name, "vers": vers, "deps": [], "features": {}, "yanked": False,
                 "cksum": hashlib.sha256(crate).hexdigest()}  # fmt: skip
        self.index.setdefault(name, []).append(entry)
        self.crates[name + "-" + vers] = crate

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class WithCargo(Directory):
    """A project with a dependency from a registry that wants a token for everything."""

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
        self.write("project/src/main.rs", "fn main() { assert_eq!(dep::answer(), 42); }\n")
        self.index = "sparse+%s/index/" % self.registry.url

    def configure(self, *provider, extra=""):
        lines = ["[registries.alt]", 'index = "%s"' % self.index]
        if provider:
            lines.append("credential-provider = " + json.dumps(provider))
        self.write("project/.cargo/config.toml", "\n".join(lines) + "\n" + extra)

    def cargo_environment(self):
        return environment(
            CARGO_HOME=self.path("cargo-home"), CARGO_TERM_COLOR="never",
            CARGO_NET_RETRY="0",
        )  # fmt: skip

    def cargo(self, *arguments, status=0, stdin=b"", secret=True):
        """Cargo's standard error, with Cargo's own pipe for standard input."""
        process = subprocess.Popen(
            ("cargo",) + arguments, cwd=self.path("project"), env=self.cargo_environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=os.setsid,
        )  # fmt: skip
        output, errors = process.communicate(stdin, timeout=120)
        self.assertEqual(process.returncode, status, errors.decode())
        self.output = output.decode()
        if secret:
            self.assertNotIn(TOKEN, self.output + errors.decode())
        return errors.decode()

    TELLER = """
        class Provider(Credential):
            def perform(self, registry, action, args):
                with open(args[0], "a") as log:
                    operation = getattr(action, "operation", "")
                    log.write("%%s %%s %%r\\n" %% (action, registry.name, operation))
                %s
        """

    def teller(self, name, code):
        """A provider that logs what it is asked and then does `code`."""
        log = self.path(name + ".log")
        return [self.provider(self.TELLER % code, name + ".py"), log]

    def log(self, name):
        return self.read(name + ".log").decode().splitlines()

    def globally(self, *providers):
        """Configure global providers, the last of which Cargo asks first, by aliases."""
        names = ["alias%d" % i for i in range(len(providers))]
        lines = ["[registry]", "global-credential-providers = " + json.dumps(names)]
        lines += ["[credential-alias]"] + [
            "%s = %s" % (name, json.dumps(provider)) for name, provider in zip(names, providers)
        ]
        self.configure(extra="\n".join(lines) + "\n")


@needs("cargo")
@posix_only
class RealCargo(WithCargo):
    """What counts in the end: cargo itself."""

    def configure_file(self):
        self.configure(MODULE, "--example-file", self.path("the store.json"), "--any-registry")

    def store(self):
        return json.loads(self.read("the store.json").decode())

    def test_a_registrys_whole_life(self):
        """Login, build, publish, yank, unyank, owners, logout, and logout again."""
        self.configure_file()
        token = self.TOKEN.encode() + b"\n"
        self.assertIn("no token found for `alt`", self.cargo("build", status=101))
        shown = self.cargo("login", "--registry", "alt", stdin=token)
        self.assertIn("Updating `alt` index", shown)
        self.assertEqual(self.store(), {self.index: self.TOKEN})
        self.assertIn("Compiling dep v1.0.0 (registry `alt`)", self.cargo("build"))
        self.assertIn(("GET", "/dl/dep/1.0.0/download", self.TOKEN), self.registry.log)
        self.assertIn(
            "Published app v0.1.0 at registry `alt`", self.cargo("publish", "--allow-dirty")
        )
        self.assertIn("Yank app@0.1.0", self.cargo("yank", "app@0.1.0", "--registry", "alt"))
        self.assertTrue(self.registry.index["app"][0]["yanked"])
        self.cargo("yank", "--undo", "app@0.1.0", "--registry", "alt")
        self.assertFalse(self.registry.index["app"][0]["yanked"])
        shown = self.cargo("owner", "--add", "them", "app", "--registry", "alt")
        self.assertIn("owner them", shown)
        self.cargo("owner", "--list", "app", "--registry", "alt")
        self.assertEqual(self.output, "somebody\n")
        self.cargo("logout", "--registry", "alt")
        self.assertEqual(self.store(), {})
        shown = self.cargo("logout", "--registry", "alt")
        self.assertIn("not currently logged in to `alt`", shown)
        self.assertIn("no token found for `alt`", self.cargo("update", status=101))

    def test_a_token_is_typed_on_a_terminal(self):
        self.configure_file()
        terminal = Terminal(
            ["cargo", "login", "--registry", "alt"],
            cwd=self.path("project"), env=self.cargo_environment(),
        )  # fmt: skip
        self.addCleanup(terminal.close)
        prompt = "please paste the token found on %s/me below\r\n" % self.registry.url
        shown = terminal.read(prompt.encode())
        terminal.wait_for_no_echo()
        terminal.type(self.TOKEN.encode() + b"\n")
        status, rest = terminal.rest()
        self.assertEqual(status, 0, rest)
        self.assertNotIn(TOKEN.encode(), shown + rest)
        self.assertIn(("registry alt, index %s\r\n" % self.index).encode(), shown)
        self.assertEqual(self.store(), {self.index: self.TOKEN})

    def test_ctrl_c_at_the_prompt_ends_both_and_stores_nothing(self):
        self.configure_file()
        terminal = Terminal(
            ["cargo", "login", "--registry", "alt"],
            cwd=self.path("project"), env=self.cargo_environment(),
        )  # fmt: skip
        self.addCleanup(terminal.close)
        terminal.read(b" below\r\n")
        terminal.wait_for_no_echo()
        terminal.type(b"half\x03")
        status, rest = terminal.rest()
        self.assertNotEqual(status, 0)
        self.assertNotIn(b"Traceback", rest)
        self.assertFalse(os.path.exists(self.path("the store.json")))

    def test_what_the_checker_quotes_is_what_cargo_says(self):
        rows = [row for row in CheckProvider().rows() if not CheckProvider.waits(row)]
        quotes = 0
        for number, (code, wanted, _) in enumerate(rows):
            if not wanted.startswith("FAIL") or " get for" not in wanted and " hello:" not in wanted:
                continue
            path = self.program(code, "other%d.py" % number)
            output, _ = start(["-S", "-B", CHECKER, path]).communicate(timeout=60)
            lines = output.decode().splitlines()
            (at,) = [i for i, line in enumerate(lines) if line.startswith("FAIL")]
            self.configure(path)
            errors = self.cargo("update", status=101, secret=False)
            for quote in re.findall(r'(?:Cargo says|and) "([^"]+)"', lines[at + 1]):
                self.assertIn(quote, errors)
                quotes += 1
        self.assertGreater(quotes, 20)

    def test_a_provider_without_the_token_lets_the_next_one_answer(self):
        for error in ("NotFound", "UrlNotSupported"):
            with self.subTest(error):
                good = self.teller("good", "return GetResponse(Secret(%r))" % self.TOKEN)
                self.globally(good, self.teller("first" + error, "raise " + error))
                self.cargo("update")
                self.assertEqual(self.log("first" + error), ["get alt ReadOperation()"])
                self.assertEqual(self.log("good")[-1], "get alt ReadOperation()")

    def test_a_provider_that_fails_ends_the_command(self):
        self.teller("good", "raise NotFound")
        good = [self.path("good.py"), self.path("good.log")]
        for code, causes in [
            ("raise OperationNotSupported", ["requested operation not supported"]),
            ("raise ValueError('the vault is sealed') from KeyError('k')",
             ["the vault is sealed", "KeyError: 'k'"]),
            ("raise ValueError(Secret(%r).expose())" % TOKEN, ["[REDACTED]"]),
            ("sys.exit(1)", ["the provider tried to exit with status 1 instead of answering"]),
            ("return GetResponse(Secret('x\\r\\nX-Evil: 1'))",
             ["the token contains a line break, so no HTTP header can carry it"]),
            ("return", ["the provider returned NoneType for the action `get`: it must return a"
                        " GetResponse, or raise an Error"]),
        ]:  # fmt: skip
            with self.subTest(code):
                first = self.teller("first", code)
                self.globally(good, first)
                errors = self.cargo("update", status=101)
                self.assertFalse(os.path.exists(good[1]))
                indented = "\n\nCaused by:\n  ".join([""] + causes)[1:] + "\n"
                self.assertTrue(errors.endswith(indented), errors)
                self.assertIn("credential provider `%s` failed action `get`" % " ".join(first), errors)
                self.assertNotIn("X-Evil", errors + repr(self.registry.log))

    def test_when_no_provider_knows_the_registry_cargo_says_so(self):
        self.globally(self.teller("one", "raise UrlNotSupported"))
        self.assertIn(
            "no credential providers could handle the request",
            self.cargo("login", "--registry", "alt", status=101, stdin=b"x\n"),
        )
        self.assertEqual(self.log("one"), ["get alt ReadOperation()"])
        self.configure(*self.teller("two", "raise NotFound"))
        errors = self.cargo("login", "--registry", "alt", status=101, stdin=b"x\n")
        self.assertIn("credential not found", errors)
        self.assertEqual([line.split()[0] for line in self.log("two")], ["get", "login"])
        self.assertIn("not currently logged in to `alt`", self.cargo("logout", "--registry", "alt"))
        self.configure(*self.teller("three", "raise NotFound if str(action) == 'get' else OperationNotSupported"))
        for command in ("login", "logout"):
            errors = self.cargo(command, "--registry", "alt", status=101, stdin=b"x\n")
            self.assertIn("failed action `%s`\n\nCaused by:\n  requested operation not supported" % command, errors)

    def test_each_operation_and_its_cache(self):
        for cache in ("CacheSession()", "CacheNever()", "CacheExpires(time.time() + 3600)",
                      "CacheExpires(time.time() + 50)"):  # fmt: skip
            with self.subTest(cache):
                name = re.sub(r"\W", "", cache)
                answer = "return GetResponse(Secret(%r), %s, %s)"
                self.configure(*self.teller(name, answer % (self.TOKEN, cache, cache == "CacheNever()")))
                self.registry.index.pop("app", None)
                self.cargo("publish", "--allow-dirty", "--no-verify")
                log = self.log(name)
                if cache in ("CacheNever()", "CacheExpires(time.time() + 50)"):  # 60 s early
                    self.assertGreaterEqual(len(log), 8, log)
                else:
                    self.assertEqual(len(log), 2, log)
                (publish,) = [line for line in log if "Publish" in line]
                cksum = hashlib.sha256(self.registry.crates["app-0.1.0"]).hexdigest()
                self.assertEqual(
                    publish,
                    "get alt PublishOperation(name='app', vers='0.1.0', cksum='%s')" % cksum,
                )

    def test_arguments_with_escapes_and_the_401s_headers_arrive(self):
        path = self.provider(
            """
            class Provider(Credential):
                def get(self, registry, operation, args):
                    raise OtherError(repr((args, registry.host, registry.headers[-2:])))
            """
        )
        self.configure(path, 'C:\\a "b" \u00e9')
        errors = self.cargo("update", status=101)
        self.assertIn(repr((['C:\\a "b" \u00e9'], "127.0.0.1"))[:-1], errors)
        self.assertIn('WWW-Authenticate: Cargo login_url="%s/me"' % self.registry.url, errors)

    def test_arguments_of_cargo_login_follow_the_configured_ones(self):
        path = self.provider(
            """
            class Provider(Credential):
                def login(self, registry, options, args):
                    raise OtherError(repr(args))
                def get(self, registry, operation, args):
                    raise NotFound
            """
        )
        self.configure(path, "configured")
        errors = self.cargo("login", "--registry", "alt", "--", "--vault", "x", status=101, stdin=b"t\n")
        self.assertIn("['configured', '--vault', 'x']", errors)

    def test_a_relative_path_is_taken_from_the_directory_of_the_configuration(self):
        self.configure_file()
        self.cargo("login", "--registry", "alt", stdin=self.TOKEN.encode())
        path = os.path.relpath(MODULE, self.path("project"))
        self.configure(path, "--example-file", self.path("the store.json"), "--any-registry")
        os.mkdir(self.path("project", "sub"))
        self.cargo("update", "--manifest-path", self.path("project", "Cargo.toml"))

    def test_the_configuration_that_a_person_is_shown_is_taken(self):
        answer = "return GetResponse(Secret(%r))" % self.TOKEN
        command = json.dumps(self.teller("my prov", answer))
        shown = cc._CONFIGURATION.format(command)
        one, several = shown[shown.index("[registries") :].split("\nor, for ")
        several = several[several.index("[registry]") :]
        index = 'index = "%s"\n' % self.index
        for text in (one.replace("NAME]\n", "alt]\n" + index), several + "[registries.alt]\n" + index):
            self.write("project/.cargo/config.toml", text)
            self.cargo("update")


@needs("cargo")
@posix_only
class CargoSays(WithCargo):
    """Each row of the README's tables of what Cargo does, what it says, and how often it asks."""

    COMMANDS = {
        "get": ("update",),
        "login": ("login", "--registry", "alt"),
        "logout": ("logout", "--registry", "alt"),
        "publish": ("publish", "--allow-dirty", "--no-verify"),
    }
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
    GET = "return GetResponse(Secret(%r))"
    GOOD = (
        "return {'get': GetResponse(Secret(%r)), 'login': LoginResponse(), 'logout': LogoutResponse()}"
        "[str(action)]" % WithCargo.TOKEN
    )
    NO_TOKEN_YET = "if str(action) == 'get': raise NotFound\n        "

    def setUp(self):
        super().setUp()
        shutil.copy(MODULE, self.directory)

    def table(self, heading):
        """The rows of the README's table below a heading, as lists of cells."""
        with open(os.path.join(HERE, "README.md"), encoding="utf-8") as file:
            section = file.read().split("\n## %s\n" % heading)[1].split("\n## ")[0]
        lines = [line for line in section.splitlines() if line.startswith("|")]
        return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]

    @staticmethod
    def code(cell):
        """What stands between backticks."""
        return [text for _, text in re.findall(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)", cell)]

    def assertSays(self, cell, errors):
        """All that the cell has between backticks is there, in that order; ... is any text."""
        parts = [re.escape(text).replace(re.escape("..."), "[^\n]*") for text in self.code(cell)]
        self.assertTrue(re.search(r"[\s\S]*".join(parts), errors), errors)

    def doing(self, name, code):
        """The configuration's words for a provider that logs what it is asked, and does `code`."""
        return [self.program(self.PROVIDER % code, name + ".py"), self.path("log"), name]

    def ask(self, command, status=0):
        """Cargo's standard error for a command, and who was asked for what."""
        self.write("log", "")
        errors = self.cargo(*self.COMMANDS.get(command, command), status=status)
        return errors, self.read("log").decode().splitlines()

    NEXT = {
        "returns `GetResponse`, `LoginResponse` or `LogoutResponse`": [GOOD],
        "returns a `GetResponse` with a token that the registry rejects": [GET % "Bearer wrong"],
        "raises `NotFound`": ["raise NotFound"],
        "raises `UrlNotSupported`": ["raise UrlNotSupported"],
        "raises `OperationNotSupported`, or has no such method":
            ["raise OperationNotSupported", "return super().perform(registry, action, args)"],
        'raises `OtherError("the vault is sealed", ["no key"])`':
            ['raise OtherError("the vault is sealed", ["no key"])'],
        'raises any other exception, as `open("/no/such")` does': ['open("/no/such")'],
        "calls `sys.exit(1)`": ["sys.exit(1)"],
        "returns something else, such as `None`": ["return None"],
        "returns a token with a line break in it": [GET % "x\r\nX-Evil: 1"],
        "calls `os._exit(1)`, or is killed": ["os._exit(1)", "os.kill(os.getpid(), 9)"],
        "answers, and has another exit status than 0 in the end":
            ["__import__('atexit').register(os._exit, 1)\n        " + GOOD],
    }  # fmt: skip

    def test_what_cargo_does_next(self):
        rows = self.table("What Cargo does next")
        self.assertEqual({row[0] for row in rows}, set(self.NEXT))
        all_actions = ["get", "login", "logout"]
        seen = {title: [] for title in self.NEXT}
        for title, actions, alone, among in rows:
            for action in all_actions if actions == "any" else self.code(actions):
                seen[title].append(action)
                for code in self.NEXT[title]:
                    with self.subTest(title, action=action, code=code):
                        before = self.NO_TOKEN_YET if action == "login" else ""
                        self.check_row(action, before + code, alone, among)
        for title, actions in seen.items():
            self.assertEqual(actions, ["get"] if "a token" in title else all_actions, title)

    def check_row(self, action, code, alone, among):
        first = self.doing("first", code)
        self.configure(*first)
        self.check_next(alone, action, ["first"])
        self.globally(self.doing("good", self.GOOD), first)
        if among == "the next is asked":
            self.check_next("goes on", action, ["first", "good"])
        else:
            self.assertEqual(among, "the same, no other is asked")
            self.check_next(alone, action, ["first"])

    def check_next(self, cell, action, names):
        self.assertRegex(cell, "^(ends with .*|goes on|says .*, status 0)$")
        errors, asked = self.ask(action, status=101 if cell.startswith("ends") else 0)
        self.assertSays(cell, errors)
        asked = [line.split()[0] for line in asked if line.split()[1] == action]
        self.assertEqual(asked, names)

    def test_one_not_found_among_several_counts(self):
        one = self.doing("one", "raise NotFound")
        other = self.doing("other", "raise UrlNotSupported")
        for providers in ([one, other], [other, one]):
            self.globally(*providers)
            errors, asked = self.ask("get", status=101)
            self.assertIn("no token found for `alt`", errors)
            self.assertEqual(sorted(asked), ["one get", "other get"])

    def test_what_lets_cargo_login_go_on_to_the_login(self):
        for get, status in [
            (self.GET % "Bearer wrong", 0),
            ("raise NotFound", 0),
            ("raise UrlNotSupported", 101),
            ("raise OperationNotSupported", 101),
            ("raise OtherError", 101),
        ]:
            with self.subTest(get):
                code = "if str(action) == 'get': %s\n        return LoginResponse()" % get
                self.configure(*self.doing("first", code))
                _, asked = self.ask("login", status)
                self.assertEqual(asked, ["first get"] + ["first login"] * (status == 0))

    HELLO = "print('{\"v\":[1]}', flush=True)\nsys.stdin.readline()\n"
    ANSWER = HELLO + "sys.stdout.buffer.write(b'%s\\n')\nsys.stdout.flush()\n"
    TOKEN_ANSWER = ANSWER % '{"Ok":{"kind":"get","token":"t",%s}}'
    NO_HELLO = "`failed to deserialize hello` ... "
    NO_ANSWER = "`failed to deserialize response` ... "
    NO_START = "`failed to spawn credential process` ... "

    # A message in the README: what is configured (see `provoke`), and the command if it is no get
    SAYS = {
        NO_HELLO + "`expected value at line 1 column 1`": ("program", "print('hello')"),
        NO_HELLO + "`EOF while parsing a value at line 1 column 0`":
            ("program", "import no_such_module"),
        "``credential provider `python3 prov.py` failed`` ... `failed to deserialize hello`":
            ("words", ["python3", "prov.py"]),
        NO_ANSWER + "`expected value at line 1 column 1`": ("program", ANSWER % "hello"),
        NO_ANSWER + "`EOF while parsing a value at line 1 column 0`":
            ("program", HELLO + "raise ValueError"),
        NO_ANSWER + "`EOF while parsing a value at line 2 column 0`":
            ("program", ANSWER % '{"Err":\\n {"kind":"not-found"}}'),
        NO_ANSWER + "`missing field`":
            ("program", TOKEN_ANSWER % '"cache":"session","operation-independent":true'),
        NO_ANSWER + "`invalid timestamp`": ("program", TOKEN_ANSWER %
            '"cache":"expires","expiration":1800000000000,"operation_independent":true'),
        "`credential provider supports protocol versions`":
            ("program", "print('{\"v\":[998, 999]}')"),
        "``credential process `...` failed with status exit status: 1``":
            ("program", ANSWER % '{"Err":{"kind":"not-found"}}' + "sys.exit(1)"),
        NO_START + "`No such file or directory (os error 2)`":
            ("executable", "#!/no/such/python3\n"),
        NO_START + "`Permission denied (os error 13)`": ("not executable", "#!/bin/sh\n"),
        NO_START + "`Exec format error (os error 8)`": ("executable", "import sys\n"),
        "`authenticated registries require a credential-provider to be configured`":
            ("lines", 'token = "t"\n'),
        "`that will be ignored because`":
            ("lines", 'token = "t"\ncredential-provider = "/no/such"\n'),
        "`no token found for`": ("code", "raise NotFound"),
        "`no credential providers could handle the request`": ("code", "raise UrlNotSupported"),
        "`credential not found`": ("code", "raise NotFound", "login"),
        "`requested operation not supported`":
            ("code", "return super().perform(registry, action, args)"),
        "`not currently logged in to`": ("code", "raise NotFound", "logout", 0),
        "`token rejected for`": ("code", GET % TOKEN),
        "`failed to publish` ... `401`": ("code",
            "read = isinstance(action.operation, ReadOperation)\n"
            "        return GetResponse(Secret(%r if read else 'x'), CacheNever())" % WithCargo.TOKEN,
            "publish"),
        "`credential provider produced unexpected response for`":
            ("program", ANSWER % '{"Ok":{"kind":"login"}}'),
        "`unknown error kind; try updating Cargo?`": ("program", ANSWER % '{"Err":{"kind":"x"}}'),
        "`stream did not contain valid UTF-8`":
            ("program", ANSWER % '{"Err":{"kind":"other","message":"\\xe9"}}'),
        "`lone leading surrogate in hex escape`":
            ("program", ANSWER % '{"Err":{"kind":"other","message":"\\\\udce9"}}'),
        "`there is no terminal to ask for the token on:`":
            ("code", NO_TOKEN_YET + "read_token(action.options, registry)", "login"),
        "`the token ends with a line break, so no HTTP header can carry it`":
            ("code", GET % (TOKEN + "\n")),
        "`GetResponse.token must be a Secret, not str`": ("code", "return GetResponse(%r)" % TOKEN),
        "`cargo_credential.py is a provider only with --example-file`": ("words", [MODULE]),
    }  # fmt: skip

    def test_what_cargo_says(self):
        rows = [row[0] for row in self.table("What Cargo says, and what it means")]
        self.assertEqual(len(rows), len(set(rows)))
        self.assertEqual(set(rows), set(self.SAYS))
        for message in rows:
            with self.subTest(message):
                self.provoke(message, *self.SAYS[message])

    def provoke(self, message, kind, text, command="get", status=101):
        """Configure words or lines, or a program, a provider's code, or a file as it is."""
        if kind == "lines":
            self.configure(extra=text)
        elif kind == "words":
            self.configure(*text)
        elif kind == "program":
            self.configure(self.program(text))
        elif kind == "code":
            self.configure(*self.doing("first", text))
        else:
            self.configure(self.write("file.py", text, 0o755 if kind == "executable" else 0o644))
        self.assertSays(message, self.ask(command, status)[0])

    def test_how_often_a_provider_is_asked(self):
        seen = set()
        for cache, independent, *counts in self.table("Caching"):
            for word in self.code(independent):
                with self.subTest(cache, operation_independent=word):
                    shutil.rmtree(self.path("cargo-home"), True)
                    self.registry.index.pop("app", None)
                    (expression,) = self.code(cache)
                    seen.add((expression.partition("(")[0], word))
                    answer = "return GetResponse(Secret(%r), %s, %s)"
                    self.configure(*self.doing("one", answer % (self.TOKEN, expression, word)))
                    commands = ("build",), ("build",), ("publish", "--allow-dirty")
                    asked = [len(self.ask(command)[1]) for command in commands]
                    self.assertEqual(asked, [int(count) for count in counts])
        kinds = "CacheSession", "CacheExpires", "CacheNever"
        self.assertEqual(seen, {(kind, word) for kind in kinds for word in ("True", "False")})


# ---- Index URLs, with real Cargo -----------------------------------------------------------


def no_network(**more):
    """The environment without what changes how Cargo, git or ssh reach a host, and more."""
    kept = {name: value for name, value in environment().items() if not re.match(
        r"(CARGO|GIT_|SSH_|RUST(?!UP_)|XDG_).*|.*_proxy\Z", name, re.IGNORECASE)}  # fmt: skip
    kept.setdefault("RUSTUP_HOME", os.path.expanduser("~/.rustup"))
    kept.update(CARGO_TERM_COLOR="never", CARGO_NET_RETRY="0", LC_ALL="C")
    return dict(kept, GIT_CONFIG_NOSYSTEM="1", GIT_SSH_VARIANT="ssh", **more)


def cargo_output(command, directory, variables):
    """What Cargo prints on both outputs, without standard input."""
    process = subprocess.run(
        ["cargo"] + command.split(), cwd=directory, env=variables, timeout=60,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return process.stdout.decode()


class LoopbackServer(socketserver.ThreadingTCPServer):
    """A server in a thread, with a log."""

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        self.log = []
        self.address = "127.0.0.1:%d" % self.server_address[1]
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class GitDaemon(socketserver.BaseRequestHandler):
    """Serves the git repositories below the server's folder at git://."""

    def handle(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        subprocess.call(
            ["git", "daemon", "--inetd", "--export-all", "--base-path=" + self.server.folder],
            stdin=self.request, stdout=self.request, stderr=subprocess.DEVNULL, timeout=60,
            env=no_network(HOME=self.server.folder),
        )  # fmt: skip


class RefusingProxy(socketserver.StreamRequestHandler):
    """Logs the first line of each request to a proxy, and refuses it."""

    disable_nagle_algorithm = True
    timeout = 60

    def handle(self):
        self.server.log.append(self.rfile.readline().decode("latin-1"))
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")


@needs("cargo", "git")
@posix_only
class HostileCheckout(WithCargo):
    """A checkout's configuration gives the user's registry an index that belongs to an attacker."""

    # {daemon} is the attacker's `git daemon`, {folder} a folder of the checkout
    LOOK_ALIKES = [
        "git://crates.corp.example#@{daemon}/index",
        "git://crates.corp.example?@{daemon}/index",
        # With net.git-fetch-with-cli; git connects to the host in brackets, wherever it finds @[
        "file://crates.corp.example{folder}/index",
        "ssh://crates.corp.example/@[evil]/index",
    ]
    NAIVE = """
        import urllib.parse
        class Provider(Credential):
            def get(self, registry, operation, args):
                if urllib.parse.urlsplit(registry.index_url).hostname != "crates.corp.example":
                    raise UrlNotSupported
                return GetResponse(Secret(%r))
        """

    def setUp(self):
        super().setUp()
        self.token = self.write("token", self.TOKEN + "\n", 0o600)
        daemon = LoopbackServer(GitDaemon)
        self.addCleanup(daemon.close)
        daemon.folder = self.path("attacker")
        config = {"dl": self.registry.url + "/dl", "api": self.registry.url, "auth-required": True}
        self.write("attacker/index/config.json", json.dumps(config))
        self.write("attacker/index/3/d/dep", json.dumps(self.registry.index["dep"][0]))
        git = "git -c user.name=x -c user.email=x -C".split() + [self.path("attacker/index")]
        for command in ("init -q", "add .", "commit -q -m index"):
            variables = no_network(HOME=self.directory)
            subprocess.check_call(git + command.split(), env=variables, timeout=60)
        serve = '#!/bin/sh\nexec git upload-pack "%s"\n' % self.path("attacker/index")
        self.ssh = self.write("ssh.sh", serve, 0o755)  # in place of a connection to evil
        self.urls = [
            form.format(daemon=daemon.address, folder=daemon.folder) for form in self.LOOK_ALIKES
        ]

    def first_provider(self):
        """The provider of README.md, or of the module's head if README.md is not there."""
        page, text = os.path.join(HERE, "README.md"), cc.__doc__
        if os.path.exists(page):
            with open(page, encoding="utf-8") as file:
                text = file.read()
        block = r"^ *#!/usr/bin/env python3\n.*?main\(Provider\(\)\)\n"
        source = textwrap.dedent(re.search(block, text, re.MULTILINE | re.DOTALL).group())
        self.assertIn('registries = ("crates.corp.example",)', source)
        self.assertIn("/run/secrets/cargo-token", source)
        shutil.copy(MODULE, self.directory)
        source = source.replace("/run/secrets/cargo-token", self.token)
        return [self.write("first.py", source, 0o755)]

    def requests_with_a_token(self, url, provider, declined):
        """What Cargo sends a token to for `metadata`, which editors run, and for `yank`."""
        home = tempfile.mkdtemp(dir=self.directory)
        user = '[registries.alt]\nindex = "sparse+https://crates.corp.example/index/"\n'
        user += "credential-provider = %s\n" % json.dumps(provider)
        self.write(os.path.join(home, "config.toml"), user)
        cli = "false" if url.startswith("git:") else "true"
        checkout = '[registries.alt]\nindex = "%s"\n[net]\ngit-fetch-with-cli = %s\n' % (url, cli)
        self.write("project/.cargo/config.toml", checkout)
        del self.registry.log[:]
        for command in ("metadata --format-version=1", "yank --registry=alt dep@1.0.0"):
            variables = no_network(HOME=self.directory, CARGO_HOME=home, GIT_SSH_COMMAND=self.ssh)
            output = cargo_output(command, self.path("project"), variables)
            self.assertNotIn(TOKEN, output)
            message = "no credential providers could handle the request"
            self.assertIs(message in output, declined, output)
        if os.path.exists(self.path("project/Cargo.lock")):
            os.remove(self.path("project/Cargo.lock"))
        return [path for _, path, token in self.registry.log if token is not None]

    def assert_no_token_is_sent(self, provider):
        corp = cc.RegistryInfo("sparse+https://crates.corp.example/index/", "alt")
        line = line_of(cc.GetAction(cc.ReadOperation()), corp, provider[1:])
        self.assertIn(self.TOKEN, self.run_provider(provider[0], line)[0][0])
        for url in self.urls:
            with self.subTest(url):
                self.assertEqual(self.requests_with_a_token(url, provider, True), [])

    def test_the_first_provider_of_the_documentation_sends_no_token(self):
        self.assert_no_token_is_sent(self.first_provider())

    def test_token_from_command_sends_no_token(self):
        options = ["--host", "crates.corp.example", shutil.which("cat"), self.token]
        self.assert_no_token_is_sent([example("token_from_command.py")] + options)

    def test_a_provider_that_compares_the_host_of_urlsplit_loses_its_token(self):
        """Without this, the other tests could pass because nothing is ever sent."""
        stolen = ["/dl/dep/1.0.0/download", "/api/v1/crates/dep/1.0.0/yank"]
        provider = [self.provider(self.NAIVE % self.TOKEN)]
        for url in self.urls:
            with self.subTest(url):
                self.assertEqual(self.requests_with_a_token(url, provider, False), stolen)


@needs("cargo", "git")
@posix_only
class IndexUrls(Directory):
    """Which host real Cargo reads in an index URL. No host is ever connected to or looked up."""

    SSH = '#!/bin/sh\nprintf "%%s\\n" "$@" > "%s"\nexit 255\n'

    def setUp(self):
        super().setUp()
        self.proxy = LoopbackServer(RefusingProxy)
        self.addCleanup(self.proxy.close)
        ssh = self.write("ssh.sh", self.SSH % self.path("ssh.log"), 0o755)
        self.variables = no_network(
            HOME=self.directory, CARGO_HOME=self.directory, GIT_SSH_COMMAND=ssh,
            CARGO_HTTP_PROXY="http://" + self.proxy.address,
        )  # fmt: skip

    def configure(self, urls):
        rows = enumerate("".join("\\u%04x" % ord(character) for character in url) for url in urls)
        self.write("config.toml", "".join('[registries.r%d]\nindex = "%s"\n' % row for row in rows))

    def yank(self, number, **variables):
        command = "yank --registry=r%d --token=t dep@1.0.0" % number
        return cargo_output(command, self.directory, dict(self.variables, **variables))

    def hosts_of(self, urls):
        """For each URL the set of hosts: of requests to the proxy, or of what git passes to ssh."""
        self.configure(urls)
        for number, url in enumerate(urls):
            del self.proxy.log[:]
            self.write("ssh.log", "")
            ssh = url[:4].lower() == "ssh:"
            self.yank(number, CARGO_NET_GIT_FETCH_WITH_CLI="true" if ssh else "false")
            request = r"(?:CONNECT |\w+ \w+://)(?:[^/@]*@)?([^/]*?)(?::\d+)?[/ ]"
            hosts = {re.match(request, line).group(1) for line in self.proxy.log}
            words = self.read("ssh.log").decode("latin-1").split("\n")[:-1]
            if words:  # ... DESTINATION COMMAND
                hosts.add(words[-2].rpartition("@")[2])  # the last @, as ssh reads it
            yield url, {host.strip("[]") for host in hosts}

    def test_cargo_reads_what_the_table_of_hosts_says(self):
        urls = [url for url, _, _ in Hosts.URLS]
        for (url, hosts), (_, host, _) in zip(self.hosts_of(urls), Hosts.URLS):
            if "crates.io-index" in url:  # Cargo reads that index at another place
                host = "index.crates.io"
            password = re.search(r"//[^/]*:[^/]*@", url)  # Cargo refuses one in a configuration
            self.assertEqual(hosts, set() if password else {host}, url)

    def test_cargo_reads_what_the_table_of_look_alikes_says(self):
        rows = [row for row in Hosts.LOOK_ALIKES if not row[1].startswith("libgit2: ")]
        misread = 0
        urls = [form.replace("{}", Hosts.CORP) for form, _ in rows]
        for (url, hosts), (_, reading) in zip(self.hosts_of(urls), rows):
            words = re.match(r"(?:Cargo|git and libgit2|git): ([^,]*)", reading)
            expected = {words.group(1).replace("the host", Hosts.CORP)} if words else set()
            self.assertEqual(hosts, expected, url)
            try:
                misread += urllib.parse.urlsplit(url).hostname == Hosts.CORP and "evil" in hosts
            except ValueError:
                pass
        self.assertGreater(misread, 2)  # by urlsplit: the table has what a test must find

    def test_libgit2_reads_another_host_behind_a_question_mark_or_number_sign(self):
        with socket.socket() as closed:  # nothing listens at this port
            closed.bind(("127.0.0.1", 0))
            address = "127.0.0.1:%d" % closed.getsockname()[1]
            rows = [form for form, reading in Hosts.LOOK_ALIKES if "libgit2: evil" in reading]
            self.assertEqual(len(rows), 4)
            self.configure(form.format("localhost").replace("evil", address) for form in rows)
            for number, form in enumerate(rows):
                self.assertIn("failed to connect to 127.0.0.1: ", self.yank(number), form)

    def test_cargo_refuses_hosts_that_are_neither_a_name_nor_an_address(self):
        names = "xn--example- xn--crates-.corp.example xn--a 256.1.1.1 [1.2.3.4] [:::1]"
        for url, hosts in self.hosts_of(["https://%s/" % name for name in names.split()]):
            self.assertEqual(hosts, set(), url)
            self.assertFalse(cc.RegistryInfo(url).matches(Hosts.CORP))

    def look_alike(self, random):
        """An index URL from parts that are read in several ways, at times with a change."""
        scheme = random.choice("https HTTPS http sparse+https sparse+http ssh ssh".split())
        user = random.choice(". . . u@ %s@ evil@ @ %s#@ %s?@ %s/@ %s\\@".split()).strip(".")
        host = random.choice("%s %s evil %s.evil 127.1 127.0.0.1 [::1] %s#@evil xn--%s-".split())
        port = random.choice(["", "", "", ":", ":443", ":8443", ":0443"])
        path = random.choice("/ / /@evil/ //evil/ /x@evil:22/ /?@evil/ /#@[evil]/".split())
        text = (user + host + port + path).replace("%s", Hosts.CORP)
        if random.random() < 0.3:
            at = random.randrange(len(text))
            text = text[:at] + random.choice("@:/?#\\%.-_~;[]\t\u3002\u00ad1x") + text[at:]
        return scheme + "://" + text

    def test_a_generated_url_with_a_host_leads_cargo_to_this_host(self):
        seed = random.randrange(10**9)
        generator = random.Random(seed)
        urls = [self.look_alike(generator) for _ in range(64)]
        seen = set()
        for url, hosts in self.hosts_of(urls):
            registry = cc.RegistryInfo(url)
            seen.add((registry.host is not None, bool(hosts)))
            if registry.host is not None:
                self.assertLessEqual(hosts, {registry.host}, "seed %d: %r" % (seed, url))
            if registry.matches(Hosts.CORP):
                self.assertLessEqual(hosts, {Hosts.CORP}, "seed %d: %r" % (seed, url))
        self.assertIn((True, True), seen)
        self.assertIn((False, True), seen)


# ---- Examples, also with real Cargo --------------------------------------------------------


def example(name):
    return os.path.join(HERE, "examples", name)


def real_cargo(test, **variables):
    """A WithCargo to drive an example with, and these variables in its environment."""
    cargo = WithCargo()
    cargo.setUp()
    test.addCleanup(cargo.doCleanups)
    patch = mock.patch.dict(os.environ, variables)
    patch.start()
    test.addCleanup(patch.stop)
    return cargo


def open_on_a_terminal(test, cargo):
    """`cargo update` on a terminal, where the provider's command asks for the password `open`."""
    terminal = Terminal(["cargo", "update"], cwd=cargo.path("project"), env=cargo.cargo_environment())
    test.addCleanup(terminal.close)
    terminal.read(b"password? ")
    terminal.type(b"open\n")
    status, rest = terminal.rest()
    test.assertEqual(status, 0, rest)
    test.assertNotIn(TOKEN.encode(), rest)


def printing(output, status=0):
    """A command that prints these bytes or this text."""
    output = output if isinstance(output, bytes) else output.encode("utf-8")
    code = "import os, sys; os.write(1, %r); sys.exit(%r)" % (output, status)
    return [sys.executable, "-SEc", code]


class TokenFromCommand(Directory):
    PROVIDER = example("token_from_command.py")
    PYTHON = "`%s`" % sys.executable

    def answers(self, *arguments, registry=REGISTRY, action=get, **options):
        """The answers to requests with these arguments, and standard error."""
        lines = [action(registry, words) for words in arguments]
        return self.run_provider(self.PROVIDER, *lines, **options)

    def messages(self, *arguments, **options):
        """What `other` errors say, as the message with its causes."""
        answers, errors = self.answers(*arguments, **options)
        self.assertEqual(errors, "")
        self.assertNotIn(TOKEN, repr(answers))
        errs = [json.loads(line).get("Err", line) for line in answers]
        return [": ".join([err["message"], *err["caused-by"]]) for err in errs]

    def test_the_output_is_the_token_without_its_line_end(self):
        rows = [TOKEN, TOKEN + "\n", TOKEN + "\r\n", TOKEN + "\n\n"]
        answers, errors = self.answers(*[printing(output) for output in rows])
        self.assertEqual((answers, errors), ([token_answer(TOKEN)] * len(rows), ""))

    def test_options_end_at_the_command_or_two_dashes(self):
        rows = [
            (["--scheme", "Bearer", *printing("t")], "Bearer t"),
            (["--scheme", "Basic", "--scheme", "Token", "--", *printing("t")], "Token t"),
            ([*printing("t"), "--scheme", "Bearer"], "t"),
            (["--json", "a.b", *printing('{"a":{"b":"t\\n","c":"u"}}')], "t"),
            (["--scheme", "Bearer", "--json", "t", *printing('\n{"t": "u"}\n')], "Bearer u"),
            (["--json", "t", *printing('\ufeff{"t": "u"}\r\n')], "u"),  # as PowerShell writes it
        ]
        answers, _ = self.answers(*[words for words, _ in rows])
        self.assertEqual(answers, [token_answer(token) for _, token in rows])

    def test_other_hosts_are_left_to_the_next_provider_before_anything_runs(self):
        touch = [sys.executable, "-SEc", "open('ran', 'w'); print(1)"]
        hosts = ["--host", "a.example", "--host", "Corp.Example", *touch]
        for url in ("https://corp.example@evil.example/", "https://corp.example.evil.example/",
                    "https://evil.example/?corp.example", "https://evil\\@corp.example/", "", CRATES_IO):
            for action in (get, logout):
                with self.subTest(url):
                    registry = cc.RegistryInfo("sparse+" * (url != CRATES_IO) + url, "corp.example")
                    self.assertEqual(self.answers(hosts, registry=registry, action=action), ([URL_NOT_SUPPORTED], ""))
        self.assertFalse(os.path.exists(self.path("ran")))
        for url in ("sparse+https://CORP.example/x", "https://u@corp.example:443"):
            self.assertEqual(self.answers(hosts, registry=cc.RegistryInfo(url))[0], [token_answer("1")])

    LOOK_ALIKES = [
        "git://r.example#@evil/i", "git://r.example?@evil/i", "git://r.example/i", "ssh://r.example#@evil/i",
        "ssh://git@r.example/i", "ftp://r.example/i", "file://r.example/i", "http://r.example/",
        "sparse+http://r.example/", "sparse+http://127.0.0.1/", "sparse+http://localhost:8080/",
        "https://r.example:8443/", "https://r.example%2eevil/", "https://r.example\\@evil/", "https://0x7f.1/",
        "https://r.example@evil/", "https://evil#@r.example/", "https://r.example\n.evil/", "https://r.ex\u00adample/",
    ]  # fmt: skip

    def test_a_host_is_served_at_https_alone_and_no_look_alike_is(self):
        hosts = ["--host", "r.example", "--host", "127.0.0.1", "--host", "localhost", *printing("t")]
        for url in self.LOOK_ALIKES:
            for prefix in ("", "sparse+"):
                registry = cc.RegistryInfo(prefix + url)
                with self.subTest(registry.index_url):
                    self.assertEqual(self.answers(hosts, registry=registry), ([URL_NOT_SUPPORTED], ""))
                    index = ["--index", registry.index_url, *printing("t")]
                    self.assertEqual(self.answers(index, registry=registry)[0], [token_answer("t")])

    def test_a_port_is_part_of_the_host(self):
        words = ["--host", "r.example:8443", "--host", "[::1]", *printing("t")]
        for url, answer in [
            ("sparse+https://r.example:8443/", token_answer("t")),
            ("sparse+https://r.example/", URL_NOT_SUPPORTED),
            ("https://[::1]/", token_answer("t")),
        ]:
            self.assertEqual(self.answers(words, registry=cc.RegistryInfo(url))[0], [answer])

    def test_a_host_or_an_index_that_can_serve_no_registry_is_reported(self):
        for host in ("", "https://r.example/", "r.example/index", "u@r.example", "::1", "127.1", "*.example", "r.example.",
                     "r.example:", "-x", "a b", "\x1b[2J"):  # fmt: skip
            messages = self.messages(["--host", "a.example", "--host", host, *printing(TOKEN)])
            self.assertEqual(messages, ["--host takes a host, as in crates.corp.example, not %r" % host])
        for url in ("", "r.example", "r.example/index/"):
            messages = self.messages(["--index", url, *printing(TOKEN)])
            self.assertEqual(messages, ["--index takes the whole URL of an index, not %r" % url])

    def test_an_index_is_compared_as_a_whole(self):
        words = ["--index", CRATES_IO, "--host", "a.example", *printing("t")]
        for url, answer in [
            (CRATES_IO, token_answer("t")),
            ("sparse+https://a.example/x/", token_answer("t")),
            (CRATES_IO + "/", URL_NOT_SUPPORTED),
            ("http" + CRATES_IO[5:], URL_NOT_SUPPORTED),
            ("https://github.com/evil/index", URL_NOT_SUPPORTED),
        ]:
            self.assertEqual(self.answers(words, registry=cc.RegistryInfo(url))[0], [answer])
        words = ["--index", CRATES_IO, *printing("t")]
        self.assertEqual(self.answers(words)[0], [URL_NOT_SUPPORTED])

    def test_only_get_is_supported(self):
        for action in (logout, lambda registry, args: login(TOKEN, registry, args)):
            answers, _ = self.answers(printing(TOKEN), ["--host", "r.example", "x"], action=action)
            self.assertEqual(answers, [NOT_SUPPORTED] * 2)

    def test_a_wrong_configuration_is_told(self):
        command = printing(TOKEN)
        rows = [
            ([], "the command is missing: name one that prints a token, after the options"),
            (["--ttl", "5"], "the command is missing: name one that prints a token, after the options"),
            (["--host=r", *command], "unknown option '--host=r': before the command, there are --host,"
             " --index, --scheme, --json, --expires, --expires-in, --ttl, --timeout"),
            (["-\x1b[2J"], "unknown option '-\\x1b[2J': before the command, there are --host,"
             " --index, --scheme, --json, --expires, --expires-in, --ttl, --timeout"),
            (["--host"], "--host needs a value after it"),
            (["--ttl", "1h", *command], "--ttl takes whole seconds, not '1h'"),
            (["--timeout", "-1", *command], "--timeout takes whole seconds, not '-1'"),
            (["--timeout", "99999999", *command], "--timeout takes whole seconds, not '99999999'"),
            (["tools/token"], "`tools/token` is a relative path: name the command's whole path"),
            (["--expires", "e", *command],
             "--expires names a field of JSON: name that of the token with --json, too"),
            (["--json", "t", "--ttl", "5", "--expires-in", "e", *command],
             "--expires-in and --ttl say the same in two ways: leave one"),
        ]  # fmt: skip
        for action in (get, logout):
            messages = self.messages(*[words for words, _ in rows], action=action)
            self.assertEqual(messages, [message for _, message in rows])

    def test_output_that_is_no_token_is_told_without_showing_it(self):
        said = self.PYTHON + " printed"
        rows = [
            (printing(""), said + " no token"),
            (printing("\r\n"), said + " no token"),
            (printing(TOKEN + "\n" + TOKEN), said + " more than one line: it must print the token alone"),
            (printing("\n" + TOKEN), said + " more than one line: it must print the token alone"),
            (printing(TOKEN + "\r" + TOKEN), said + " more than one line: it must print the token alone"),
            (printing(TOKEN.encode() + b"\xff"), "the token that " + said + " is not text"),
            (printing(TOKEN + "\0"), "the token contains a control character, so no HTTP header can carry it"),
            (["--json", "t", *printing(TOKEN)], "what " + said + " is not JSON"),
            (["--json", "t", *printing(b'"\xff' + TOKEN.encode())], "what " + said + " is not JSON"),
            (["--json", "t", sys.executable, "-SEc", "print('[' * 100000)"], "what " + said + " is not JSON"),
            (["--json", "t.u", *printing('{"t":"%s"}' % TOKEN)], "what " + said + " has no field `t.u`"),
            (["--json", "0", *printing('["%s"]' % TOKEN)], "what " + said + " has no field `0`"),
            (["--json", "t", *printing('{"t":["%s"]}' % TOKEN)], "the token that " + said + " is not text"),
            (["--json", "t", *printing('{"t":null}')], "the token that " + said + " is not text"),
            (["--json", "t", *printing('{"t":"a\\n%s"}' % TOKEN)],
             said + " more than one line: it must print the token alone"),
        ]  # fmt: skip
        messages = self.messages(*[words for words, _ in rows])
        self.assertEqual(messages, [message for _, message in rows])

    @posix_only
    def test_a_command_that_fails_is_named_without_its_output(self):
        self.write("not executable", TOKEN)
        self.assertEqual(
            self.messages(
                printing(TOKEN, 3), ["no-such-command"], [self.path("not executable")],
                ["sh", "-c", "echo %s; kill -TERM $$" % TOKEN], ["--timeout", "60", *printing(TOKEN, 1)],
            ),
            [
                self.PYTHON + " failed with status 3",
                "cannot run `no-such-command`: No such file or directory",
                "cannot run `%s`: Permission denied" % self.path("not executable"),
                "`sh` was ended by signal 15",
                self.PYTHON + " failed with status 1",
            ],
        )  # fmt: skip

    def test_cargo_is_told_when_the_token_expires(self):
        at = 1700000000
        ok = '{"Ok":{"kind":"get","token":"t","cache":"expires","expiration":%d,"operation_independent":true}}'
        times = [
            "1700000000", "1700000000.9", '"1700000000"', '"2023-11-14T22:13:20Z"',
            '"2023-11-14t22:13:20.999999z"', '"2023-11-14 22:13:20+00:00"',
            '"2023-11-15T03:43:20.123456789+05:30"', '"2023-11-14T15:13:20-0700"',
        ]  # fmt: skip
        words = ["--json", "t", "--expires", "e.at"]
        answers, _ = self.answers(*[words + printing('{"t":"t","e":{"at":%s}}' % time) for time in times])
        self.assertEqual(answers, [ok % at] * len(times))

    def test_a_time_that_is_none_is_told_without_showing_it(self):
        said = "the field `e` that %s printed must be " % self.PYTHON
        wrong = [
            "1700000000000", "NaN", "1e999", "true", "null", "[]", '""', '"%s"' % TOKEN, '"\u00b2"',
            '"2023-11-14T22:13:20"', '"2023-11-14"', '"2023-13-14T22:13:20Z"', '"2023-11-14T22:13:20Z\\n"',
            "1" * 400,
        ]  # fmt: skip
        words = ["--json", "t", "--expires", "e"]
        messages = self.messages(*[words + printing('{"t":"t","e":%s}' % time) for time in wrong])
        self.assertEqual(messages, [said + "Unix seconds, or ISO 8601 with a time zone"] * len(wrong))
        wrong = ['"soon"', "null", "[]", "1e12", "NaN", "1e999", "1" * 400]
        words = ["--json", "t", "--expires-in", "e"]
        messages = self.messages(*[words + printing('{"t":"t","e":%s}' % time) for time in wrong])
        self.assertEqual(messages, [said + "seconds"] * len(wrong))
        messages = self.messages(words + printing('{"t":"t"}'))
        self.assertEqual(messages, ["what %s printed has no field `e`" % self.PYTHON])

    def test_a_life_is_counted_from_before_the_command_ran(self):
        words = ["--json", "t", "--expires-in", "e"]
        before = time.time()
        answers, _ = self.answers(
            ["--ttl", "600", *printing("t")], ["--json", "t", "--ttl", "600", *printing('{"t":"t"}')],
            words + printing('{"t":"t","e":600}'), words + printing('{"t":"t","e":"600"}'),
            words + printing('{"t":"t","e":600.5}'),
        )  # fmt: skip
        for answer in answers:
            expiration = json.loads(answer)["Ok"]["expiration"]
            self.assertTrue(int(before) + 600 <= expiration <= time.time() + 601, answer)

    TELL = [sys.executable, "-SEc", "import sys; print(sys.argv[1:])"]

    def test_the_registrys_words_come_into_the_arguments_as_they_are(self):
        registry = cc.RegistryInfo("sparse+https://u@R.Example:8080/index/_x=1+2/", "my-reg_1")
        words = ["{index_url}", "-x{host}{name}", "{host}/{host}", "{}", "{other}", "{{name}}", "", "{name"]
        answers, _ = self.answers(self.TELL + words, registry=registry)
        told = ["sparse+https://u@R.Example:8080/index/_x=1+2/", "-xr.examplemy-reg_1", "r.example/r.example",
                "{}", "{other}", "{my-reg_1}", "", "{name"]  # fmt: skip
        self.assertEqual(answers, [token_answer(told)])

    def test_words_that_could_be_more_than_text_are_refused(self):
        said = (
            "this registry's %s could be more than text in place of {%s}:"
            " let the command read it from its environment instead"
        )
        hostile = ["-x", "--flag", "{host}", "a b", "$(id)", "`id`", "a;b", "a|b", "a&b", "%PATH%", "a'b", 'a"b',
                   "a\\b", "a\nb", "\n", "a\n", "a*", "~", "a?b", "#", "\u00e9", "a\x1b[2J", "a>b", "a^b", "a!b", ""]  # fmt: skip
        for value in hostile:
            registry = cc.RegistryInfo("sparse+https://r.example/" + value, value)
            with self.subTest(value):
                messages = self.messages([*self.TELL, "x{name}"], registry=registry)
                self.assertEqual(messages, [said % ("name", "name")])
        for url in ("sparse+https://r.example/$(id)", "--upload-pack=x", "https://r.example/%25", ""):
            messages = self.messages([*self.TELL, "{index_url}"], registry=cc.RegistryInfo(url))
            self.assertEqual(messages, [said % ("index_url", "index_url")])
        for url in ("x", "https://-oProxyCommand/", "git://r.example/"):
            messages = self.messages([*self.TELL, "{host}"], [*self.TELL, "{name}"], registry=cc.RegistryInfo(url))
            self.assertEqual(
                messages, ["this registry has no %s to put in place of {%s}" % (word, word) for word in ("host", "name")]
            )

    def test_the_program_itself_is_no_place_for_the_registrys_words(self):
        self.assertEqual(self.messages(["{name}"]), ["cannot run `{name}`: No such file or directory"])

    def test_the_environment_holds_the_registrys_words(self):
        code = "import os; print([os.environ.get('CARGO_REGISTRY_' + name) for name in ('INDEX_URL', 'NAME_OPT')])"
        with mock.patch.dict(os.environ, CARGO_REGISTRY_NAME_OPT="stale", CARGO_REGISTRY_INDEX_URL="stale"):
            for registry in (cc.RegistryInfo("https://r.example/$(id)", "-x"), cc.RegistryInfo("url")):
                answers, _ = self.answers([sys.executable, "-SEc", code], registry=registry)
                self.assertEqual(answers, [token_answer([registry.index_url, registry.name])])

    def family(self, trap=""):
        """A command whose child runs long, and a pipe that ends with this child.

        The child ignores the signals that `trap` names.
        """
        pipe = self.path("pipe%d" % len(os.listdir(self.directory)))
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        child = "trap '' %s; echo started; exec sleep 100" % trap if trap else "echo started; exec sleep 100"
        script = 'sh -c "$1" >"$2" & echo %s; wait' % TOKEN
        return ["sh", "-c", script, "sh", child, pipe], reader

    def wait_for(self, reader, text):
        """Wait until a pipe has this text, or, for none, its end."""
        self.assertTrue(select.select([reader], [], [], 60)[0])
        self.assertEqual(os.read(reader, 100), text)

    TRAPS = ["", "INT TERM HUP"]

    @posix_only
    def test_a_timeout_stops_the_command_with_all_that_it_started(self):
        for trap in self.TRAPS:
            command, reader = self.family(trap)
            messages = self.messages(["--timeout", "2", *command])
            self.assertEqual(messages, ["`sh` took longer than 2 s, and was stopped"])
            self.wait_for(reader, b"started\n")
            self.wait_for(reader, b"")

    @posix_only
    def test_a_signal_stops_the_command_with_all_that_it_started(self):
        for number, status in [(signal.SIGINT, 130), (signal.SIGTERM, -15), (signal.SIGHUP, -1)]:
            for trap in self.TRAPS:
                with self.subTest(number, trap=trap):
                    command, reader = self.family(trap)
                    process = start([self.PROVIDER, "--cargo-plugin"], cwd=self.directory)
                    process.stdin.write(get(REGISTRY, ["--timeout", "60", *command]))
                    process.stdin.flush()
                    self.wait_for(reader, b"started\n")
                    process.send_signal(number)
                    self.wait_for(reader, b"")
                    output = process.communicate(timeout=60)
                    self.assertEqual((process.returncode, output), (status, (b'{"v":[1]}\n', b"")))

    @posix_only
    def test_an_ignored_signal_stays_ignored(self):
        """As under nohup."""
        code = (
            "import runpy, signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
            "runpy.run_path(%r, run_name='__main__')" % self.PROVIDER
        )
        process = start(["-c", code, "--cargo-plugin"], cwd=self.directory)
        hang_up = "kill -HUP $PPID; echo t"
        answers, errors = self.finish_provider(process, get(REGISTRY, ["--timeout", "60", "sh", "-c", hang_up]))
        self.assertEqual((answers, errors), ([token_answer("t")], ""))

    def on_a_terminal(self, *arguments):
        """A terminal on which the provider has got requests with these arguments."""
        terminal = Terminal(
            [sys.executable, "-W", "error", self.PROVIDER, "--cargo-plugin"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.addCleanup(terminal.close)
        terminal.process.stdin.write(b"".join([get(REGISTRY, words) for words in arguments]))
        terminal.process.stdin.flush()
        return terminal

    @posix_only
    def test_on_a_terminal_ctrl_c_and_signals_stop_all_that_the_command_started(self):
        for stop, status in [
            (lambda terminal: terminal.type(b"\x03"), 130),
            (lambda terminal: terminal.process.send_signal(signal.SIGINT), 130),
            (lambda terminal: terminal.process.send_signal(signal.SIGTERM), -15),
            (lambda terminal: terminal.process.send_signal(signal.SIGHUP), -1),
        ]:
            for trap in self.TRAPS:
                with self.subTest(status=status, trap=trap):
                    command, reader = self.family(trap)
                    terminal = self.on_a_terminal(["--timeout", "60", *command])
                    self.wait_for(reader, b"started\n")
                    stop(terminal)
                    self.wait_for(reader, b"")
                    found, shown = terminal.rest()
                    self.assertEqual((found, shown.replace(b"^C", b"")), (status, b""))

    @posix_only
    def test_after_a_timeout_the_next_command_has_the_terminal(self):
        command, reader = self.family("INT")
        asking = "printf 'password? ' >&2; read -r x </dev/tty; echo \"$x\""
        terminal = self.on_a_terminal(["--timeout", "2", *command], ["--timeout", "60", "sh", "-c", asking])
        terminal.process.stdin.close()
        self.wait_for(reader, b"started\n")
        self.wait_for(reader, b"")
        terminal.read(b"password? ")
        terminal.type(b"open\n")
        answers = terminal.process.stdout.read().decode().splitlines()
        self.assertIn("`sh` took longer than 2 s, and was stopped", answers[1])
        self.assertEqual(answers[2:], [token_answer("open")])
        self.assertEqual(terminal.rest()[0], 0)

    @posix_only
    def test_ctrl_z_does_not_stop_the_command(self):
        asking = "printf 'password? ' >&2; read -r x; echo \"$x\""
        terminal = self.on_a_terminal(["--timeout", "60", "sh", "-c", asking])
        terminal.process.stdin.close()
        terminal.read(b"password? ")
        terminal.type(b"\x1aopen\n")
        self.assertEqual(terminal.process.stdout.read().decode().splitlines()[1:], [token_answer("open")])

    @posix_only
    def test_what_a_command_leaves_with_its_output_does_not_outlast_the_time(self):
        script = "sleep 100 & exit 0"
        self.assertEqual(
            self.messages(["--timeout", "1", "sh", "-c", script]), ["`sh` took longer than 1 s, and was stopped"]
        )

    # (example, its arguments before the name of a program that it starts, the program, more arguments)
    STARTED = [
        ("token_from_command.py", [], "vault", []),
        ("token_from_command.py", ["--timeout", "60"], "vault", []),
        ("password_store.py", [], "pass", []),
        ("password_store.py", ["--command"], "gopass", []),
        ("onepassword.py", [], "op", []),
        ("chain.py", [], "provider.py", ["--"]),
        ("confirm_publish.py", [], "provider.py", []),
    ]

    @posix_only
    def test_no_example_starts_a_program_of_the_current_directory(self):
        """As a hostile checkout holds one, where PATH has an empty part, `.`, or nothing else."""
        for name in {name for _, _, name, _ in self.STARTED}:
            self.write(name, "#!/bin/sh\n: >%s\n" % shlex.quote(self.path("ran")), 0o755)
            self.write("bin/" + name, "#!/bin/sh\n: >%s\nexit 3\n" % shlex.quote(self.path("good")), 0o755)
        self.write("store/cargo-registry/https%3A%2F%2Fr.example%2F.gpg", "")
        good, registry = self.path("bin"), cc.RegistryInfo("https://r.example/")
        paths = [":" + good, ".:" + good, "::./:bin:" + good + ":", ":", ".", "", None]
        for path in paths:
            variables = dict(environment(), PATH=path, PASSWORD_STORE_DIR=self.path("store"))
            if path is None:
                del variables["PATH"]
            for name, words, program, more in self.STARTED:
                with self.subTest(path, example=name, program=program):
                    named = [] if program in ("pass", "op") else [program]
                    self.run_provider(example(name), get(registry, [*words, *named, *more]), env=variables)
                    found = [name for name in ("ran", "good") if os.path.exists(self.path(name))]
                    for left in found:
                        os.remove(self.path(left))
                    self.assertEqual(found, ["good"] if path and good in path else [])

    @posix_only
    def test_the_checker_finds_no_fault(self):
        for options, last in [(["--host", "r.example"], "11 ok, 0 warn, 0 FAIL"), ([], "11 ok, 1 warn, 0 FAIL")]:
            words = [CHECKER, self.PROVIDER, *options, *printing("t")]
            output, errors = start(["-S", "-B", *words], cwd=self.directory).communicate(timeout=120)
            self.assertEqual((output.decode().splitlines()[-1], errors), (last, b""))

    @posix_only
    def test_as_the_docstring_tries_it(self):
        with open(self.PROVIDER, encoding="utf-8") as file:
            source = file.read()
        command = ast.get_docstring(ast.parse(source)).split("To try it without Cargo:")[1]
        process = subprocess.Popen(
            ["sh", "-c", command], cwd=os.path.join(HERE, "examples"), env=environment(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        output = process.communicate(timeout=60)
        self.assertEqual(output, (b'{"v":[1]}\n%s\n' % token_answer("x").encode(), b""))

    # With real Cargo

    def teller(self, cargo):
        """A command that logs what it was given, and prints the token without its scheme."""
        script = (
            '#!/bin/sh\necho "$1 $CARGO_REGISTRY_INDEX_URL $CARGO_REGISTRY_NAME_OPT" >>%s\necho "%s"\n'
            % (shlex.quote(cargo.path("log")), cargo.TOKEN.split()[1])
        )
        return [cargo.write("teller.sh", script, 0o755), "{index_url}"]

    @needs("cargo")
    @posix_only
    def test_cargo_builds_publishes_and_asks_as_its_own_provider_does(self):
        cargo = real_cargo(self)
        logs = []
        for provider, scheme in [("cargo:token-from-stdout", []), (self.PROVIDER, ["--scheme", "Bearer"])]:
            command = self.teller(cargo)
            cargo.registry.token = cargo.TOKEN if scheme else cargo.TOKEN.split()[1]
            cargo.configure(provider, *scheme, *command)
            cargo.cargo("build")
            cargo.cargo("publish", "--allow-dirty", "--no-verify")
            logs.append(cargo.read("log"))
            os.remove(cargo.path("log"))
            shutil.rmtree(cargo.path("cargo-home"))
            cargo.registry.index.pop("app")
        self.assertEqual(logs[0], logs[1])
        self.assertEqual(logs[0].decode(), "%s %s alt\n" % (cargo.index, cargo.index) * 2)

    @needs("cargo")
    @posix_only
    def test_cargo_publishes_with_a_line_that_ends_as_on_windows(self):
        cargo = real_cargo(self)
        command = cargo.write("crlf.sh", "#!/bin/sh\nprintf '%%s\\r\\n' '%s'\n" % cargo.TOKEN, 0o755)
        cargo.configure("cargo:token-from-stdout", command)
        shown = cargo.cargo("publish", "--allow-dirty", "--no-verify", status=101)
        self.assertIn("token contains invalid characters", shown)
        cargo.configure(self.PROVIDER, command)
        cargo.cargo("publish", "--allow-dirty", "--no-verify")

    @needs("cargo")
    @posix_only
    def test_cargo_asks_again_when_the_token_expires(self):
        cargo = real_cargo(self)
        for life, times in (("3600", 1), ("50", 8)):  # a minute early
            cargo.configure(self.PROVIDER, "--scheme", "Bearer", "--ttl", life, *self.teller(cargo))
            cargo.cargo("publish", "--allow-dirty", "--no-verify")
            self.assertGreaterEqual(len(cargo.read("log").splitlines()), times)
            self.assertEqual(len(cargo.read("log").splitlines()) == 1, times == 1)
            os.remove(cargo.path("log"))
            cargo.registry.index.pop("app")

    @needs("cargo")
    @posix_only
    def test_cargo_login_and_logout_end_as_with_its_own_provider(self):
        cargo = real_cargo(self)
        for provider in ([self.PROVIDER, "--scheme", "Bearer"], ["cargo:token-from-stdout"]):
            for command in ("login", "logout"):
                cargo.registry.token = cargo.TOKEN if len(provider) > 1 else cargo.TOKEN.split()[1]
                cargo.configure(*provider, *self.teller(cargo))
                shown = cargo.cargo(command, "--registry", "alt", status=101, stdin=b"x\n")
                self.assertTrue(
                    shown.endswith("failed action `%s`\n\nCaused by:\n  requested operation not supported\n" % command),
                    shown,
                )

    @needs("cargo")
    @posix_only
    def test_cargo_asks_the_next_provider_about_another_host(self):
        cargo = real_cargo(self)
        words = ["--scheme", "Bearer", *self.teller(cargo)]
        served = [self.PROVIDER, "--index", cargo.index, *words]
        other = [self.PROVIDER, "--host", "crates.corp.example", *words]
        cargo.globally(served, other)
        cargo.cargo("update")
        self.assertEqual(len(cargo.read("log").splitlines()), 1)
        cargo.globally(other)
        shown = cargo.cargo("update", status=101)
        self.assertIn("no credential providers could handle the request", shown)

    @needs("cargo")
    @posix_only
    def test_the_command_has_the_terminal_under_cargo(self):
        cargo = real_cargo(self)
        script = "test -t 0 && printf 'password? ' >&2 && read -r x </dev/tty && test \"$x\" = open && echo '%s'" % cargo.TOKEN
        for timeout in ([], ["--timeout", "60"]):
            cargo.configure(self.PROVIDER, *timeout, "sh", "-c", script)
            open_on_a_terminal(self, cargo)

    @needs("cargo")
    @posix_only
    def test_ctrl_c_ends_cargo_and_all_that_the_command_started(self):
        cargo = real_cargo(self)
        for trap in self.TRAPS:
            command, reader = self.family(trap)
            cargo.configure(self.PROVIDER, "--timeout", "60", *command)
            terminal = Terminal(["cargo", "update"], cwd=cargo.path("project"), env=cargo.cargo_environment())
            self.addCleanup(terminal.close)
            self.wait_for(reader, b"started\n")
            terminal.type(b"\x03")
            self.wait_for(reader, b"")
            status, shown = terminal.rest()
            self.assertEqual(status, -signal.SIGINT, shown)
            self.assertNotIn(TOKEN.encode(), shown)


@needs("pass", "gpg")
@posix_only
class PasswordStore(Directory):
    """The real pass and gpg, with keys that are thrown away, and a gpg-agent of their own."""

    PROVIDER = example("password_store.py")
    CORP = cc.RegistryInfo("sparse+https://crates.corp.example/index/", "corp")
    CORP_ENTRY = "cargo-registry/sparse%2Bhttps%3A%2F%2Fcrates.corp.example%2Findex%2F"
    CORP_FILE = CORP_ENTRY + ".gpg"
    PASSPHRASE = "open sesame"

    @classmethod
    def setUpClass(cls):
        cls.home = tempfile.mkdtemp()  # short: a socket's path has no more than about 100 characters
        pinentry = shutil.which("pinentry-curses") or "/bin/false"
        with open(os.path.join(cls.home, "gpg-agent.conf"), "w") as file:
            file.write("pinentry-program %s\n" % pinentry)
        with mock.patch.dict(os.environ, GNUPGHOME=cls.home):
            for name, passphrase in (("open", ""), ("locked", cls.PASSPHRASE)):
                subprocess.check_call(
                    ["gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", passphrase,
                     "--quick-generate-key", name + "@example.com", "future-default", "default", "never"],
                    stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip

    @classmethod
    def tearDownClass(cls):
        cls.forget_passphrases()
        shutil.rmtree(cls.home, True)

    @classmethod
    def forget_passphrases(cls):
        with mock.patch.dict(os.environ, GNUPGHOME=cls.home):
            subprocess.check_call(["gpgconf", "--kill", "gpg-agent"])

    def setUp(self):
        super().setUp()
        patch = mock.patch.dict(os.environ, GNUPGHOME=self.home, PASSWORD_STORE_DIR=self.path("store"))
        patch.start()
        self.addCleanup(patch.stop)
        os.environ.pop("GPG_TTY", None)
        self.write("store/.gpg-id", "open@example.com\n")

    def answers(self, *lines, **options):
        return self.run_provider(self.PROVIDER, *lines, **options)

    def message(self, line, **options):
        """What the one `other` error says, as the message with its causes, and standard error."""
        (answer,), errors = self.answers(line, **options)
        self.assertNotIn(TOKEN, answer + errors)
        err = json.loads(answer)["Err"]
        return ": ".join([err["message"], *err["caused-by"]]), errors

    def entries(self):
        found = [
            os.path.relpath(os.path.join(folder, name), self.path("store"))
            for folder, _, names in os.walk(self.directory) for name in names
        ]  # fmt: skip
        return sorted(set(found) - {".gpg-id"})

    def recorder(self, name="pass", code=""):
        """A stand-in that logs its arguments and, where it gets some, its input."""
        script = '#!/bin/sh\necho "$*" >>%s\n%s\n' % (shlex.quote(self.path("log")), code)
        return self.write("bin/" + name, script, 0o755)

    def test_a_token_is_stored_replaced_given_and_erased(self):
        lines = [login("one"), get(), login("Bearer " + TOKEN), get(), logout(), get(), logout()]
        answers, errors = self.answers(get(), logout(), *lines)
        self.assertEqual(errors, "")
        self.assertEqual(
            answers,
            [NOT_FOUND, NOT_FOUND, LOGIN_OK, token_answer("one"), LOGIN_OK, token_answer("Bearer " + TOKEN),
             LOGOUT_OK, NOT_FOUND, NOT_FOUND],
        )  # fmt: skip
        self.assertEqual(self.entries(), [])

    def test_the_entry_is_one_that_pass_knows(self):
        self.answers(login(TOKEN, self.CORP))
        self.assertEqual(self.entries(), [self.CORP_FILE])
        self.assertNotIn(TOKEN.encode(), self.read("store/" + self.CORP_FILE))
        self.assertEqual(os.stat(self.path("store", self.CORP_FILE)).st_mode & 0o077, 0)
        shown = subprocess.check_output(["pass", "show", self.CORP_ENTRY])
        self.assertEqual(shown, TOKEN.encode() + b"\n")

    def test_the_first_line_is_the_token(self):
        for content, answer in [
            (b"t\nuser: me\n", token_answer("t")),
            (b"t\r\nuser: me\r\n", token_answer("t")),
            (b"t", token_answer("t")),
            (b"", "the token is empty, so no HTTP header can carry it"),
            (b"\xff", "the token contains a character outside ASCII, so no HTTP header can carry it"),
        ]:
            with self.subTest(content):
                process = subprocess.Popen(
                    ["pass", "insert", "-m", "-f", self.CORP_ENTRY],
                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                )  # fmt: skip
                process.communicate(content)
                (line,), errors = self.answers(get(self.CORP))
                self.assertEqual((json.loads(line).get("Err", {}).get("message", line), errors), (answer, ""))

    # (index URL, options, the entry's name; None if the request is left to the next provider)
    NAMES = [
        ("sparse+https://crates.corp.example/a/", [], "sparse%2Bhttps%3A%2F%2Fcrates.corp.example%2Fa%2F"),
        (CRATES_IO, [], "https%3A%2F%2Fgithub.com%2Frust-lang%2Fcrates.io-index"),
        ("sparse+https://crates.corp.example/a/", ["--per-host"], "crates.corp.example"),
        ("sparse+https://crates.corp.example/b/../c", ["--per-host"], "crates.corp.example"),
        ("sparse+https://Crates.Corp.example/a/", ["--per-host"], "crates.corp.example"),
        ("https://me@crates.corp.example:443", ["--per-host"], "crates.corp.example"),
        ("sparse+http://crates.corp.example/a/", ["--per-host"], "sparse%2Bhttp%3A%2F%2Fcrates.corp.example%2Fa%2F"),
        ("sparse+https://crates.corp.example:444/", ["--per-host"], "sparse%2Bhttps%3A%2F%2Fcrates.corp.example%3A444%2F"),
        ("ssh://git@crates.corp.example/../../x", ["--per-host"], "ssh%3A%2F%2Fgit%40crates.corp.example%2F..%2F..%2Fx"),
        ("https://[::1]/~me", ["--per-host"], "https%3A%2F%2F%5B%3A%3A1%5D%2F~me"),
        ("sparse+https://../x", ["--per-host"], None),
        ("sparse+https://.git/", [], None),
        ("sparse+https://-f/", ["--per-host"], None),
        ("sparse+https://$(id)/", ["--per-host"], None),
        ("sparse+https://%2e%2e/", ["--per-host"], None),
        ("sparse+https://\u00e9/", ["--per-host"], None),
        ("git://crates.corp.example#@evil/i", ["--per-host"], None),
        ("git://crates.corp.example/i", [], None),
        ("file://crates.corp.example/i", ["--per-host"], None),
    ]  # fmt: skip

    def test_no_index_url_leads_out_of_the_folder_or_to_anothers_entry(self):
        rows = [(cc.RegistryInfo(url), options) for url, options, _ in self.NAMES]
        tokens = ["%s-%d" % (TOKEN, number) for number in range(len(rows))]
        names = [name for _, _, name in self.NAMES]
        answers, errors = self.answers(*[login(token, *row) for token, row in zip(tokens, rows)])
        self.assertEqual((answers, errors), ([LOGIN_OK if name else URL_NOT_SUPPORTED for name in names], ""))
        self.assertEqual(self.entries(), sorted("cargo-registry/" + name + ".gpg" for name in set(names) - {None}))
        last = dict(zip(names, tokens))
        answers, errors = self.answers(*[get(*row) for row in rows])
        self.assertEqual(
            (answers, errors), ([token_answer(last[name]) if name else URL_NOT_SUPPORTED for name in names], "")
        )

    def test_a_folder_in_an_entrys_place_is_none(self):
        self.write("store/" + self.CORP_ENTRY + "/token.gpg", "")
        self.assertEqual(self.answers(get(self.CORP), logout(self.CORP)), ([NOT_FOUND, NOT_FOUND], ""))
        self.write("store/cargo-registry/r.example.gpg", "")
        below = cc.RegistryInfo("sparse+https://r.example/")
        os.rename(self.path("store/cargo-registry"), self.path("store/folder"))
        self.write("store/cargo-registry", "a file")
        self.assertEqual(self.answers(get(below)), ([NOT_FOUND], ""))

    def test_the_store_is_in_the_home_directory_unless_it_is_named(self):
        os.rename(self.path("store"), self.path(".password-store"))
        with mock.patch.dict(os.environ, HOME=self.directory, PASSWORD_STORE_DIR=""):
            self.assertEqual(self.answers(login("t"), get()), ([LOGIN_OK, token_answer("t")], ""))

    def test_what_is_no_url_with_a_host_is_left_to_the_next_provider(self):
        words = ["--command", self.recorder(), "--per-host"]
        for url in ("file:///a.example/x", "sparse+https://", "..", ""):
            registry = cc.RegistryInfo(url)
            requests = [login(TOKEN, registry, words), get(registry, words), logout(registry, words)]
            self.assertEqual(self.answers(*requests), ([URL_NOT_SUPPORTED] * 3, ""))
        self.assertFalse(os.path.exists(self.path("log")))
        self.assertEqual(self.answers(line_of(cc.UnknownAction())), ([NOT_SUPPORTED], ""))

    def test_the_token_is_on_no_command_line(self):
        words = ["--command", self.recorder(code="cat >>%s; echo said" % shlex.quote(self.path("input")))]
        self.assertEqual(self.answers(login(TOKEN, self.CORP, words)), ([LOGIN_OK], ""))
        self.assertEqual(self.read("log").decode(), "insert -m -f %s\n" % self.CORP_ENTRY)
        self.assertEqual(self.read("input"), TOKEN.encode() + b"\n")

    def test_a_terminal_without_a_name_is_no_fault(self):
        """As in a container whose terminal comes from outside."""
        code = (
            "import os, runpy\ndef nameless(descriptor): raise OSError(19, 'No such device')\n"
            "os.ttyname, os.isatty = nameless, lambda descriptor: True\n"
            "runpy.run_path(%r, run_name='__main__')" % self.PROVIDER
        )
        process = start(["-c", code, "--cargo-plugin"], cwd=self.directory)
        answers, errors = self.finish_provider(process, login(TOKEN), get())
        self.assertEqual((answers, errors), ([LOGIN_OK, token_answer(TOKEN)], ""))

    def test_gopass_is_told_in_its_own_words(self):
        code = (
            "case $1 in\nls) echo other; test ! -e %s || echo " + self.CORP_ENTRY.replace("%", "%%") + ";;\n"
            "insert) cat >%s;;\nshow) cat %s;;\nrm) rm %s;;\nesac"
        )
        command = self.recorder("gopass", code % ((shlex.quote(self.path("kept")),) * 4))
        words = ["--command", command]
        requests = [get, logout, lambda *of: login(TOKEN, *of), get, logout, get]
        answers, errors = self.answers(*[ask(self.CORP, words) for ask in requests])
        self.assertEqual(errors, "")
        self.assertEqual(answers, [NOT_FOUND, NOT_FOUND, LOGIN_OK, token_answer(TOKEN), LOGOUT_OK, NOT_FOUND])
        entry = self.CORP_ENTRY
        listed = "ls --flat\n"
        self.assertEqual(
            self.read("log").decode(),
            listed * 2 + "insert -f %s\n" % entry + listed + "show -o %s\n" % entry + listed + "rm -f %s\n" % entry + listed,
        )

    def test_every_other_failure_is_told(self):
        self.write("store/" + self.CORP_FILE, "no message")
        message, errors = self.message(get(self.CORP))
        self.assertEqual(message, "`pass show` failed with status 2: see its message above")
        self.assertIn("gpg: ", errors)
        os.remove(self.path("store/.gpg-id"))
        message, errors = self.message(login(TOKEN, self.CORP))
        self.assertEqual(message, "`pass insert` failed with status 1: see its message above")
        self.assertIn("pass init", errors)
        failing = self.recorder(code="echo %s; exit 3" % TOKEN)
        for ask, word in ((get, "show"), (logout, "rm")):
            message, errors = self.message(ask(self.CORP, ["--command", failing]))
            self.assertEqual(message, "`%s %s` failed with status 3: see its message above" % (failing, word))
        message, _ = self.message(get(self.CORP, ["--command", "gopass-is-not-here"]))
        self.assertEqual(message, "cannot run `gopass-is-not-here`: No such file or directory")
        failing = self.recorder("gopass", "exit 6")
        message, _ = self.message(get(self.CORP, ["--command", failing]))
        self.assertEqual(message, "`%s ls` failed with status 6: see its message above" % failing)
        long = cc.RegistryInfo("https://r.example/" + "x" * 300)
        self.assertIn("File name too long", self.message(get(long))[0])

    def test_a_wrong_configuration_is_told(self):
        for words, option in ((["--frob"], "--frob"), (["--per-host", "--command"], "--command"), (["\x1b[2J"], "\\x1b[2J")):
            message, _ = self.message(logout(self.CORP, words))
            self.assertEqual(
                message,
                "unknown option '%s', or no value after it: there are --command NAME and --per-host" % option,
            )
        message, _ = self.message(logout(self.CORP, ["--command", "tools/pass"]))
        self.assertEqual(message, "`tools/pass` is a relative path: name the command's whole path")

    def test_the_checker_finds_no_fault(self):
        words = ["-S", "-B", CHECKER, "--login", self.PROVIDER]
        output, errors = start(words, cwd=self.directory).communicate(timeout=120)
        self.assertEqual((output.decode().splitlines()[-1], errors), ("20 ok, 0 warn, 0 FAIL", b""), output)
        self.assertEqual(self.entries(), [])

    # With a passphrase

    def locked(self):
        self.write("store/.gpg-id", "locked@example.com\n")
        self.assertEqual(self.answers(login(TOKEN, self.CORP)), ([LOGIN_OK], ""))
        self.forget_passphrases()

    def test_a_locked_key_without_a_terminal_is_told(self):
        self.locked()
        message, errors = self.message(get(self.CORP))
        self.assertEqual(message, "`pass show` failed with status 2: see its message above")
        self.assertIn("gpg: ", errors)

    def unlock(self, terminal):
        terminal.read(b"assphrase: ")
        terminal.type(self.PASSPHRASE.encode() + b"\r")

    @needs("pinentry-curses")
    def test_a_locked_key_is_asked_for_on_the_terminal(self):
        self.locked()
        terminal = Terminal(
            [sys.executable, "-W", "error", self.PROVIDER, "--cargo-plugin"], env=environment(TERM="xterm"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.addCleanup(terminal.close)
        terminal.process.stdin.write(get(self.CORP))
        terminal.process.stdin.close()
        self.unlock(terminal)
        self.assertEqual(terminal.process.stdout.read().decode(), '{"v":[1]}\n%s\n' % token_answer(TOKEN))
        status, rest = terminal.rest()
        self.assertEqual(status, 0)
        self.assertNotIn(TOKEN.encode(), rest)

    # With real Cargo

    @needs("cargo")
    def test_a_registrys_whole_life_with_cargo(self):
        cargo = real_cargo(self)
        cargo.configure(self.PROVIDER)
        self.assertIn("no token found for `alt`", cargo.cargo("build", status=101))
        cargo.cargo("login", "--registry", "alt", stdin=cargo.TOKEN.encode() + b"\n")
        (entry,) = self.entries()
        self.assertEqual(entry, "cargo-registry/sparse%%2Bhttp%%3A%%2F%%2F127.0.0.1%%3A%d%%2Findex%%2F.gpg" % (
            cargo.registry.server_port))
        cargo.cargo("build")
        cargo.cargo("publish", "--allow-dirty", "--no-verify")
        cargo.cargo("logout", "--registry", "alt")
        self.assertEqual(self.entries(), [])
        self.assertIn("not currently logged in to `alt`", cargo.cargo("logout", "--registry", "alt"))

    @needs("cargo", "pinentry-curses")
    def test_cargo_waits_while_the_key_is_unlocked(self):
        cargo = real_cargo(self)
        cargo.configure(self.PROVIDER)
        self.write("store/.gpg-id", "locked@example.com\n")
        cargo.cargo("login", "--registry", "alt", stdin=cargo.TOKEN.encode() + b"\n")
        self.forget_passphrases()
        self.assertIn("failed with status 2: see its message above", cargo.cargo("update", status=101))
        terminal = Terminal(
            ["cargo", "build"], cwd=cargo.path("project"), env=dict(cargo.cargo_environment(), TERM="xterm")
        )
        self.addCleanup(terminal.close)
        self.unlock(terminal)
        status, rest = terminal.rest()
        self.assertEqual(status, 0, rest)
        self.assertIn(b"Compiling dep v1.0.0", rest)
        self.assertNotIn(TOKEN.encode(), rest)


@posix_only
class OnePassword(Directory):
    """With a stand-in for `op` that is strict about what it is given."""

    PROVIDER = example("onepassword.py")
    OP = """
import json, os, re, stat, sys
here = os.path.dirname(os.path.abspath(__file__))
def load(name):
    with open(os.path.join(here, name)) as file:
        return json.load(file)
def store(items):
    with open(os.path.join(here, "items"), "w") as file:
        json.dump(items, file)
words = [word for word in sys.argv[1:] if not re.match("--(account|vault)=", word)]
with open(os.path.join(here, "log"), "a") as log:
    log.write(" ".join(sys.argv[1:]) + "\\n")
given = None
if words[:2] in (["item", "create"], ["item", "edit"]):
    assert stat.S_ISFIFO(os.fstat(0).st_mode), "expected data on stdin but none found"
    given = json.load(sys.stdin)
else:
    assert not stat.S_ISFIFO(os.fstat(0).st_mode), "invalid JSON"
if words == ["signin"]:
    print('export OP_SESSION_abc="session-s3cr3t"\\n# This command is meant to be used with your shell')
    sys.exit()
assert os.environ.get("OP_SESSION_abc") == "session-s3cr3t" or "OP_SERVICE_ACCOUNT_TOKEN" in os.environ
items = load("items")
if words[:2] == ["item", "list"]:
    assert words[2:] == ["--categories", "Login", "--tags", "cargo-registry", "--format", "json"], words
    found = [i for i in items if i["category"] == "LOGIN" and "cargo-registry" in i.get("tags", [])]
    print(json.dumps([{name: value for name, value in i.items() if name != "fields"} for i in found]))
elif words[:2] == ["item", "create"]:
    assert words[2:] == ["-"], words
    assert "id" not in given
    given["id"] = "id%d" % len(items)
    store(items + [given])
    print(json.dumps(given))
else:
    (identifier,) = [word for word in words[2:] if word not in ("--format", "json")]
    (item,) = [i for i in items if i["id"] == identifier]
    if words[:2] == ["item", "get"]:
        print(json.dumps(item))
    elif words[:2] == ["item", "edit"]:
        assert given["id"] == identifier
        store([given if i is item else i for i in items])
        print(json.dumps(given))
    elif words[:2] == ["item", "delete"]:
        store([i for i in items if i is not item])
    else:
        sys.exit(1)
"""
    INDEX = "sparse+https://r.example/index/"
    ITEM = {
        "title": "Cargo registry token", "category": "LOGIN", "tags": ["cargo-registry"],
        "urls": [{"primary": True, "href": INDEX}],
        "fields": [{"id": "password", "type": "CONCEALED", "purpose": "PASSWORD", "label": "password",
                    "value": TOKEN}],
        "id": "id0",
    }  # fmt: skip
    LIST = "item list --categories Login --tags cargo-registry --format json"

    def setUp(self):
        super().setUp()
        self.program(self.OP, "bin/op")
        self.keep([])
        path = self.path("bin") + os.pathsep + os.environ["PATH"]
        patch = mock.patch.dict(os.environ, PATH=path)
        patch.start()
        self.addCleanup(patch.stop)
        for name in list(os.environ):
            if name.startswith("OP_"):
                del os.environ[name]

    def keep(self, items):
        self.write("bin/items", json.dumps(items))

    def kept(self):
        return json.loads(self.read("bin/items").decode())

    def log(self):
        lines = self.read("bin/log").decode().splitlines()
        os.remove(self.path("bin/log"))
        return lines

    def answers(self, *lines, **options):
        return self.run_provider(self.PROVIDER, *lines, **options)

    def messages(self, *lines):
        """What the `other` errors say, as the message with its causes, and standard error."""
        answers, errors = self.answers(*lines)
        self.assertNotIn(TOKEN, repr(answers))
        errs = [json.loads(answer)["Err"] for answer in answers]
        return [": ".join([err["message"], *err["caused-by"]]) for err in errs], errors

    def test_a_token_is_stored_replaced_given_and_erased(self):
        asked = [get, logout, "one", get, "Bearer " + TOKEN, get, logout, get, logout]
        lines = [login(ask, REGISTRY) if isinstance(ask, str) else ask(REGISTRY) for ask in asked]
        answers, errors = self.answers(*lines)
        self.assertEqual(errors, "")
        self.assertEqual(
            answers,
            [NOT_FOUND, NOT_FOUND, LOGIN_OK, token_answer("one"), LOGIN_OK, token_answer("Bearer " + TOKEN),
             LOGOUT_OK, NOT_FOUND, NOT_FOUND],
        )  # fmt: skip
        self.assertEqual(self.kept(), [])
        log = "\n".join(self.log())
        self.assertNotIn(TOKEN, log)
        self.assertNotIn("s3cr3t", log)

    def test_the_item_is_one_that_cargos_own_provider_finds(self):
        self.assertEqual(self.answers(login(TOKEN, REGISTRY)), ([LOGIN_OK], ""))
        self.assertEqual(self.kept(), [self.ITEM])
        self.assertEqual(self.log(), ["signin", self.LIST, "item create -"])

    def test_the_options_go_to_every_command(self):
        options = ["--account", "my.1password.com", "--vault", "Build tokens"]
        answers, errors = self.answers(login("one", REGISTRY, options), login("two", REGISTRY, options))
        self.assertEqual((answers, errors), ([LOGIN_OK] * 2, ""))
        both = " --account=my.1password.com --vault=Build tokens"
        signed_in = ["signin --account=my.1password.com", self.LIST + both]
        self.assertEqual(
            self.log(),
            signed_in + ["item create -" + both]
            + signed_in + ["item get --format json id0" + both, "item edit id0" + both],
        )  # fmt: skip

    def test_the_rest_of_an_item_stays_as_it_is(self):
        fields = [
            {"id": "username", "value": "\u00e9"}, {"id": "password", "label": "Passwort", "value": "old"},
            {"label": "no id"},
        ]  # fmt: skip
        self.keep([dict(self.ITEM, fields=fields, favorite=True)])
        self.assertEqual(self.answers(login(TOKEN, REGISTRY), get(REGISTRY)), ([LOGIN_OK, token_answer(TOKEN)], ""))
        (item,) = self.kept()
        fields[1]["value"] = TOKEN
        self.assertEqual(item, dict(self.ITEM, fields=[fields[0], fields[2], fields[1]], favorite=True))
        del item["fields"]
        self.keep([item])
        self.assertEqual(self.answers(login(TOKEN, REGISTRY)), ([LOGIN_OK], ""))
        self.assertEqual(self.kept(), [self.ITEM_WITH_FAVORITE])

    ITEM_WITH_FAVORITE = dict(ITEM, favorite=True)

    def test_no_other_url_and_no_other_item_has_the_token(self):
        others = [
            dict(self.ITEM, id="id1", urls=[{"href": self.INDEX + "x"}, {"href": "sparse+http://r.example/index/"}]),
            dict(self.ITEM, id="id2", tags=[]), dict(self.ITEM, id="id3", category="PASSWORD"),
            {"id": "id4", "category": "LOGIN", "tags": ["cargo-registry"]},
        ]  # fmt: skip
        self.keep(others)
        self.assertEqual(self.answers(get(REGISTRY), logout(REGISTRY)), ([NOT_FOUND] * 2, ""))
        self.keep([*others, dict(self.ITEM, urls=[{"href": "x"}, {"href": self.INDEX}])])
        self.assertEqual(self.answers(get(REGISTRY), logout(REGISTRY)), ([token_answer(TOKEN), LOGOUT_OK], ""))
        self.assertEqual(self.kept(), others)

    def test_of_several_items_none_is_taken(self):
        self.keep([self.ITEM, dict(self.ITEM, id="id1")])
        message = (
            "several 1Password items with the tag cargo-registry are for this registry: keep only one of id0, id1"
        )
        self.assertEqual(self.messages(*[ask(REGISTRY) for ask in (get, logout)]), ([message] * 2, ""))
        self.assertEqual(self.messages(login(TOKEN, REGISTRY)), ([message], ""))

    def test_a_session_that_is_there_is_used(self):
        self.keep([self.ITEM])
        for name in ("OP_SESSION_abc", "OP_SERVICE_ACCOUNT_TOKEN"):
            with mock.patch.dict(os.environ, {name: "session-s3cr3t"}):
                self.assertEqual(self.answers(get(REGISTRY)), ([token_answer(TOKEN)], ""))
            self.assertEqual(self.log(), [self.LIST, "item get --format json id0"])

    def test_every_failure_is_told_without_what_op_printed(self):
        rows = [
            ("exit 0", "`op` did not print JSON: is it version 2?"),
            ("echo %s" % TOKEN, "`op` did not print JSON: is it version 2?"),
            ("echo '{\"%s\":1}'" % TOKEN, "`op item list` did not print items"),
            ("echo null", "`op item list` did not print items"),
            ("test $1 = signin || { echo %s; exit 6; }" % TOKEN,
             "`op item list` failed with status 6: see its message above"),
            ("echo %s; exit 1" % TOKEN, "`op signin` failed with status 1: see its message above"),
        ]  # fmt: skip
        for code, message in rows:
            self.write("bin/op", "#!/bin/sh\n" + code + "\n", 0o755)
            with self.subTest(code):
                for line in (get(REGISTRY), login(TOKEN, REGISTRY), logout(REGISTRY)):
                    self.assertEqual(self.messages(line), ([message], ""))
        with mock.patch.dict(os.environ, PATH=self.path("nothing")):
            answers, _ = self.answers(get(REGISTRY), env=dict(environment(), PATH=self.path("nothing")))
        self.assertIn('"cannot run `op`","caused-by":["No such file or directory"]', answers[0])

    def test_an_item_without_one_password_is_told(self):
        password = self.ITEM["fields"][0]
        for fields in ([], [password, password], [{"id": "password"}], [dict(password, value=None)], TOKEN, [TOKEN]):
            self.keep([dict(self.ITEM, fields=fields)])
            self.assertEqual(self.messages(get(REGISTRY)), (["the 1Password item id0 has no password"], ""))
        self.assertEqual(
            self.messages(login(TOKEN, REGISTRY)), (["`op item get` did not print an item"], "")
        )

    def test_a_wrong_configuration_is_told(self):
        for words, option in ((["--frob"], "--frob"), (["--vault"], "--vault"), (["\x1b[2J", "x"], "\\x1b[2J")):
            for ask in (get, logout):
                self.assertEqual(
                    self.messages(ask(REGISTRY, words))[0],
                    ["unknown option '%s', or no value after it: there are --account ACCOUNT and --vault VAULT" % option],
                )
        self.assertEqual(self.answers(line_of(cc.UnknownAction())), ([NOT_SUPPORTED], ""))
        self.assertFalse(os.path.exists(self.path("bin/log")))

    def test_the_checker_finds_no_fault(self):
        words = ["-S", "-B", CHECKER, "--login", self.PROVIDER]
        output, errors = start(words, cwd=self.directory).communicate(timeout=120)
        self.assertEqual((output.decode().splitlines()[-1], errors), ("20 ok, 0 warn, 0 FAIL", b""), output)

    @needs("cargo")
    def test_a_registrys_whole_life_with_cargo(self):
        cargo = real_cargo(self)
        cargo.configure(self.PROVIDER, "--vault", "Private")
        self.assertIn("no token found for `alt`", cargo.cargo("build", status=101))
        cargo.cargo("login", "--registry", "alt", stdin=cargo.TOKEN.encode() + b"\n")
        self.assertEqual(self.kept()[0]["urls"], [{"primary": True, "href": cargo.index}])
        cargo.cargo("build")
        cargo.cargo("logout", "--registry", "alt")
        self.assertEqual(self.kept(), [])
        self.assertIn("not currently logged in to `alt`", cargo.cargo("logout", "--registry", "alt"))

    @needs("cargo")
    def test_op_can_ask_on_the_terminal_under_cargo(self):
        cargo = real_cargo(self)
        asking = "#!/bin/sh\nif test $1 = signin; then printf 'password? ' >&2; read -r x; test \"$x\" = open || exit 1; fi\n"
        self.write("bin/op", asking + 'exec %s "$@"\n' % shlex.quote(self.program(self.OP, "bin/op2")), 0o755)
        self.keep([dict(self.ITEM, urls=[{"href": cargo.index}], fields=[{"id": "password", "value": cargo.TOKEN}])])
        cargo.configure(self.PROVIDER)
        open_on_a_terminal(self, cargo)


class CargoWithExample(WithCargo):
    """Real Cargo, a registry, and an example as the registry's provider."""

    def cargo_environment(self):
        return dict(super().cargo_environment(), PYTHONWARNINGS="error")

    def cargo_on_a_terminal(self, *arguments):
        terminal = Terminal(
            ("cargo",) + arguments, cwd=self.path("project"), env=self.cargo_environment()
        )
        self.addCleanup(terminal.close)
        return terminal

    def teller(self, name, code):
        """The path of a provider that logs what it is asked and then does `code`."""
        return self.provider(
            """
            class Provider(Credential):
                def perform(self, registry, action, args):
                    with open(%r, "a") as log:
                        log.write("%%s %%s %%s\\n" %% (action, getattr(action, "operation", "-"), args))
                    %s
            """ % (self.path(name + ".log"), code),
            name + ".py",
        )

    def sent(self, method):
        """The paths and tokens of the registry's requests with this method."""
        return [row[1:] for row in self.registry.log if row[0] == method]

    def answer_of(self, name, action, args=(), registry=REGISTRY):
        """The one line with which an example answers, without a terminal, and standard error."""
        line = line_of(action, registry, args)
        answers, errors = self.run_provider(os.path.join(HERE, "examples", name), line)
        (answer,) = answers
        return answer, errors.replace("\r\n", "\n")

    def message_of(self, name, action, args=(), registry=REGISTRY):
        """(message, causes) of the error with which an example answers."""
        answer, _ = self.answer_of(name, action, args, registry)
        error = json.loads(answer)["Err"]
        self.assertEqual(error["kind"], "other")
        return error["message"], error["caused-by"]


PUBLISH = cc.GetAction(cc.PublishOperation("foo", "0.1.0", "ab12"))


@needs("cargo")
@posix_only
class ConfirmPublish(CargoWithExample):
    EXAMPLE = example("confirm_publish.py")
    ALL = "return GetResponse(Secret(%r))" % CargoWithExample.TOKEN
    WHERE = "to alt (index sparse+https://r.example/index/), at r.example"

    def where(self):
        return "to alt (index %s), at 127.0.0.1" % self.index

    def crate(self):
        """A published crate, for what can be done with one."""
        self.registry.add({"name": "app", "vers": "0.1.0"}, self.registry.crate("app", "0.1.0"))

    def cksum(self):
        return hashlib.sha256(self.registry.crates["app-0.1.0"]).hexdigest()

    def asked(self, terminal, answer):
        """The question, up to which the terminal is read, and which gets this answer."""
        shown = terminal.read(b"? [y/N] ").decode()
        terminal.type(answer)
        return shown.splitlines()[-1]

    def test_yes_publishes(self):
        self.configure(self.EXAMPLE, self.teller("inner", self.ALL), "its", "own")
        terminal = self.cargo_on_a_terminal("publish", "--allow-dirty", "--no-verify")
        question = self.asked(terminal, b"y\n")
        status, rest = terminal.rest()
        self.assertEqual(status, 0, rest)
        self.assertEqual(
            question, "publish app 0.1.0, sha256 %s, %s? [y/N] " % (self.cksum(), self.where())
        )
        self.assertEqual(self.sent("PUT"), [("/api/v1/crates/new", self.TOKEN)])
        publish = "get PublishOperation(name='app', vers='0.1.0', cksum='%s')" % self.cksum()
        # The token to read with is kept, as the other provider allows
        operations = ["get ReadOperation()", publish]
        self.assertEqual(self.log("inner"), [line + " ['its', 'own']" for line in operations])

    def test_yes_yanks_takes_back_and_changes_owners(self):
        self.crate()
        self.configure(self.EXAMPLE, self.teller("inner", self.ALL))
        for arguments, wanted in [
            (("yank", "app@0.1.0"), "yank app 0.1.0"),
            (("yank", "--undo", "app@0.1.0"), "unyank app 0.1.0"),
            (("owner", "--add", "them", "app"), "list or change the owners of app"),
        ]:
            with self.subTest(wanted):
                terminal = self.cargo_on_a_terminal(*arguments, "--registry", "alt")
                question = self.asked(terminal, b"yes\n")
                status, rest = terminal.rest()
                self.assertEqual(status, 0, rest)
                self.assertEqual(question, "%s %s? [y/N] " % (wanted, self.where()))
        self.assertEqual(
            self.sent("DELETE") + self.sent("PUT"),
            [("/api/v1/crates/app/0.1.0/yank", self.TOKEN),
             ("/api/v1/crates/app/0.1.0/unyank", self.TOKEN),
             ("/api/v1/crates/app/owners", self.TOKEN)],
        )  # fmt: skip

    def test_no_ends_cargo_before_the_other_provider_is_started(self):
        self.crate()
        self.configure(self.EXAMPLE, self.teller("inner", self.ALL))
        for answer in (b"n\n", b"\n", b"\x04"):
            terminal = self.cargo_on_a_terminal("yank", "app@0.1.0", "--registry", "alt")
            self.asked(terminal, answer)
            status, rest = terminal.rest()
            self.assertEqual(status, 101)
            self.assertIn(
                "Caused by:\r\n  you did not agree to yank app 0.1.0 %s\r\n" % self.where(),
                rest.decode(),
            )
        self.assertEqual(set(self.log("inner")), {"get ReadOperation() []"})
        self.assertEqual(self.sent("DELETE"), [])

    def test_ctrl_c_ends_both(self):
        self.configure(self.EXAMPLE, self.teller("inner", self.ALL))
        terminal = self.cargo_on_a_terminal("publish", "--allow-dirty", "--no-verify")
        self.asked(terminal, b"y\x03")
        status, rest = terminal.rest()
        self.assertNotEqual(status, 0)
        self.assertNotIn(b"Traceback", rest)
        self.assertEqual(set(self.log("inner")), {"get ReadOperation() []"})
        self.assertEqual(self.sent("PUT"), [])

    def refuses_without_a_terminal(self):
        errors = self.cargo("publish", "--allow-dirty", "--no-verify", status=101)
        self.assertRegex(errors, (
            "Caused by:\n  a terminal is needed to ask whether to publish app 0.1.0, sha256 [0-9a-f]{64},"
            " %s: for use without one, configure the other provider alone\n\\Z"
        ) % re.escape(self.where()))  # fmt: skip
        self.assertEqual(set(self.log("inner")), {"get ReadOperation() []"})
        self.assertEqual(self.sent("PUT"), [])

    CACHES = ("CacheSession()", "CacheExpires(time.time() + 3600)", "CacheNever()")

    def test_without_a_terminal_it_refuses_however_long_a_token_may_be_kept(self):
        for cache in self.CACHES:
            with self.subTest(cache):
                inner = self.teller("inner", "return GetResponse(Secret(%r), %s)" % (self.TOKEN, cache))
                self.configure(self.EXAMPLE, inner)
                self.refuses_without_a_terminal()

    def test_a_read_that_were_not_bound_would_publish_without_a_question(self):
        """What Cargo does with a kept token, so that the test above means something."""
        with open(self.EXAMPLE, encoding="utf-8") as file:
            source = file.read()
        bound = "operation_independent=False"
        self.assertEqual(source.count(bound), 1)
        broken = source.replace(bound, "operation_independent=True")
        shutil.copy(MODULE, self.directory)
        path = self.write("broken.py", broken, 0o755)
        for cache in self.CACHES[:2]:
            with self.subTest(cache):
                inner = self.teller("inner", "return GetResponse(Secret(%r), %s)" % (self.TOKEN, cache))
                self.configure(path, inner)
                self.registry.index.pop("app", None)
                del self.registry.log[:]
                self.cargo("publish", "--allow-dirty", "--no-verify")
                self.assertEqual(self.sent("PUT"), [("/api/v1/crates/new", self.TOKEN)])
                self.assertEqual(set(self.log("inner")), {"get ReadOperation() []"})

    def test_each_crate_of_a_workspace_is_asked_about(self):
        for name in ("one", "two"):
            manifest = self.PROJECT.replace('"app"', '"%s"' % name)
            self.write("project/%s/Cargo.toml" % name, manifest)
            self.write("project/%s/src/lib.rs" % name, "")
        self.write("project/Cargo.toml", '[workspace]\nmembers = ["one", "two"]\nresolver = "2"\n')
        self.configure(self.EXAMPLE, self.teller("inner", self.ALL))
        terminal = self.cargo_on_a_terminal("publish", "--workspace", "--allow-dirty", "--no-verify")
        first = self.asked(terminal, b"y\n")
        second = self.asked(terminal, b"n\n")
        self.assertEqual(terminal.rest()[0], 101)
        self.assertEqual({first.split()[1], second.split()[1]}, {"one", "two"})
        self.assertEqual(len(self.sent("PUT")), 1)

    def test_login_with_its_arguments_and_logout_pass(self):
        store = self.path("store.json")
        self.configure(self.EXAMPLE, MODULE, "--any-registry", "--example-file", store)
        self.cargo("login", "--registry", "alt", stdin=self.TOKEN.encode())
        self.assertEqual(json.loads(self.read("store.json").decode()), {self.index: self.TOKEN})
        self.cargo("update")
        self.cargo("logout", "--registry", "alt")
        self.assertEqual(self.read("store.json"), b"{}\n")
        self.assertIn("not currently logged in to `alt`", self.cargo("logout", "--registry", "alt"))
        teller = self.teller("login", "raise NotFound if str(action) == 'get' else OperationNotSupported")
        self.configure(self.EXAMPLE, teller, "own")
        self.cargo("login", "--registry", "alt", "--", "--vault", "x", status=101, stdin=b"t\n")
        self.assertEqual(self.log("login"), ["get ReadOperation() ['own']", "login - ['own', '--vault', 'x']"])

    def on_a_terminal(self, action, typed, registry=REGISTRY, ahead=b""):
        """(what the terminal shows, the answer) without Cargo."""
        path = self.teller("inner", self.ALL)
        terminal = Terminal([sys.executable, "-W", "error", self.EXAMPLE, "--cargo-plugin"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
        self.addCleanup(terminal.close)
        self.assertEqual(terminal.process.stdout.readline(), b'{"v":[1]}\n')
        if ahead:
            terminal.type(ahead)
            terminal.read(ahead.replace(b"\n", b"\r\n"))  # as an echo: it has arrived
        terminal.process.stdin.write(line_of(action, registry, [path]))
        terminal.process.stdin.flush()
        shown = terminal.read(b"? [y/N] ").decode()
        terminal.type(typed)
        answer = terminal.process.stdout.readline().decode()
        terminal.process.stdin.close()
        status, rest = terminal.rest()
        self.assertEqual((status, rest), (0, typed.replace(b"\n", b"\r\n")))
        return shown, answer

    def test_only_y_and_yes_agree_and_the_answer_is_for_this_once(self):
        yes = cc.GetResponse(cc.Secret(self.TOKEN), cc.CacheNever(), False).to_json() + "\n"
        no = cc.OtherError(
            "you did not agree to publish foo 0.1.0, sha256 ab12, " + self.WHERE
        ).to_json() + "\n"  # fmt: skip
        for typed in (b"y\n", b"Y\n", b"yes\n", b" YES \n"):
            shown, answer = self.on_a_terminal(PUBLISH, typed)
            self.assertEqual(shown, "publish foo 0.1.0, sha256 ab12, %s? [y/N] " % self.WHERE)
            self.assertEqual(answer, yes)
        for typed in (b"\n", b"n\n", b"no\n", b"ye\n", b"yes please\n", b"y y\n", b"\xc3\xbf\n"):
            self.assertEqual(self.on_a_terminal(PUBLISH, typed)[1], no, typed)

    def test_what_was_typed_before_the_question_is_no_answer(self):
        _, answer = self.on_a_terminal(PUBLISH, b"n\n", ahead=b"y\n")
        self.assertIn("you did not agree", answer)

    def test_an_operation_of_a_newer_cargo_is_asked_about(self):
        action = cc.GetAction(cc.UnknownOperation())
        shown, answer = self.on_a_terminal(action, b"n\n")
        self.assertEqual(shown, "do something that this provider does not know %s? [y/N] " % self.WHERE)
        self.assertIn("you did not agree", answer)

    def test_nothing_in_the_question_can_control_the_terminal(self):
        registry = cc.RegistryInfo("sparse+https://\u0430lt.example@r.example/\x1b[2J", "\u202ealt\r")
        action = cc.GetAction(cc.PublishOperation("a\x9bm\n", "\x1b[1A", "\x00"))
        shown, answer = self.on_a_terminal(action, b"n\n", registry)
        text = (
            r"publish a\x9bm\n \x1b[1A, sha256 \x00, to \u202ealt\r at an unknown host"
            r" (index sparse+https://\u0430lt.example@r.example/\x1b[2J)"
        )
        self.assertEqual(shown, text + "? [y/N] ")
        self.assertEqual(json.loads(answer)["Err"]["message"], "you did not agree to " + text)

    def test_the_host_is_shown_whatever_the_url_pretends(self):
        registry = cc.RegistryInfo("sparse+https://crates.corp.example@evil.example/index/")
        shown, _ = self.on_a_terminal(cc.GetAction(cc.OwnersOperation("foo")), b"n\n", registry)
        self.assertEqual(
            shown,
            "list or change the owners of foo to a registry without a name"
            " (index sparse+https://crates.corp.example@evil.example/index/), at evil.example? [y/N] ",
        )

    def test_an_index_without_a_host_is_shown_whole_and_escaped(self):
        for url, text in [
            ("git://crates.corp.example?@evil/i", "git://crates.corp.example?@evil/i"),
            ("git://crates.corp.example#@evil/i", "git://crates.corp.example#@evil/i"),
            ("file:///home/me/index", "file:///home/me/index"),
            ("https://crates.corp.example%2eevil/", "https://crates.corp.example%2eevil/"),
            ("git://evil/i), at crates.corp.example? [y/N] y", r"git://evil/i),\x20at\x20crates.corp.example?\x20[y/N]\x20y"),
            ("\r\x1b[2K" + "x" * 700, r"\r\x1b[2K" + "x" * 700), ("", ""),
        ]:
            registry = cc.RegistryInfo(url, "corp")
            shown, _ = self.on_a_terminal(cc.GetAction(cc.OwnersOperation("foo")), b"n\n", registry)
            self.assertEqual(
                shown, "list or change the owners of foo to corp at an unknown host (index %s)? [y/N] " % text
            )

    def test_no_value_can_pass_for_another(self):
        registry = cc.RegistryInfo("https://evil.example/i),", "corp (index https://good.example), at good.example?")
        shown, _ = self.on_a_terminal(cc.GetAction(cc.YankOperation("a to b", "1 2")), b"n\n", registry)
        self.assertEqual(
            shown,
            r"yank a\x20to\x20b 1\x202 to corp\x20(index\x20https://good.example),\x20at\x20good.example?"
            " (index https://evil.example/i),), at evil.example? [y/N] ",
        )

    def test_a_question_that_could_fill_the_screen_is_an_error(self):
        path = self.teller("inner", self.ALL)
        for url in ("git://evil/" + "x" * 1000, "https://evil.example/" + "x" * 1000, "\n" * 500):
            registry = cc.RegistryInfo(url, "corp")
            message, causes = self.message_of("confirm_publish.py", PUBLISH, [path], registry)
            self.assertTrue(
                message.startswith("the question would be longer than 1000 characters: publish foo 0.1.0, sha256"), message
            )
            self.assertEqual((len(message) < 150, causes), (True, []))
        self.assertFalse(os.path.exists(self.path("inner.log")))

    def test_errors_of_the_other_provider_pass_unchanged(self):
        read = cc.GetAction(cc.ReadOperation())
        for code, wanted in [
            ("raise UrlNotSupported", URL_NOT_SUPPORTED),
            ("raise NotFound", '{"Err":{"kind":"not-found"}}'),
            ("raise OtherError('m', ['c', 'd'])", cc.OtherError("m", ["c", "d"]).to_json()),
        ]:
            path = self.teller("inner", code)
            for action in (read, cc.LogoutAction(), cc.LoginAction(cc.LoginOptions())):
                self.assertEqual(self.answer_of("confirm_publish.py", action, [path]), (wanted, ""))

    def test_a_configuration_without_a_provider_that_can_be_started_is_told(self):
        for args, message in [
            ([], "confirm_publish.py needs another provider: add its whole path after this one's in"
                 " `credential-provider`"),
            (["cargo:token"], "`cargo:token` is built into Cargo: name a program"),
            (["./prov.py"], "`./prov.py` is a relative path: name the whole path of the other provider"),
            (["tools/prov.py", "x"],
             "`tools/prov.py` is a relative path: name the whole path of the other provider"),
        ]:  # fmt: skip
            for action in (PUBLISH, cc.LogoutAction()):
                self.assertEqual(self.message_of("confirm_publish.py", action, args), (message, []))
        # A bare name is looked up on PATH
        args = ["no-such-provider"]
        message, (cause,) = self.message_of("confirm_publish.py", cc.LogoutAction(), args)
        self.assertEqual(message, "failed to spawn credential process")
        self.assertIn("No such file or directory: 'no-such-provider'", cause)

    def test_the_checker_finds_no_fault(self):
        path = self.teller("inner", "raise UrlNotSupported")
        process = start(["-S", "-B", CHECKER, self.EXAMPLE, path], cwd=self.directory)
        output, _ = process.communicate(timeout=120)
        self.assertEqual(output.decode().splitlines()[-1], "11 ok, 0 warn, 0 FAIL")


@needs("cargo")
@posix_only
class Chain(CargoWithExample):
    EXAMPLE = example("chain.py")
    OK = "return {'get': GetResponse(Secret(%r)), 'login': LoginResponse()," % CargoWithExample.TOKEN
    OK += " 'logout': LogoutResponse()}[str(action)]"
    ANSWERS = {
        "url": "raise UrlNotSupported",
        "not-found": "raise NotFound",
        "operation": "raise OperationNotSupported",
        "other": "raise OtherError('the vault is sealed', ['by someone', 'for a while'])",
        "ok": OK,
    }
    PAIRS = [
        ("url", "url"), ("not-found", "url"), ("url", "ok"), ("not-found", "ok"),
        ("ok", "other"), ("operation", "ok"), ("other", "ok"), ("not-found", "other"),
    ]  # fmt: skip
    COMMANDS = {
        "get": ("update",),
        "login": ("login", "--registry", "alt"),
        "logout": ("logout", "--registry", "alt"),
    }

    def outcome(self, command):
        """What Cargo says, but for the command lines of providers, and who was asked."""
        for left in ("asked", "project/Cargo.lock"):
            if os.path.exists(self.path(left)):
                os.unlink(self.path(left))
        process = subprocess.Popen(
            ("cargo",) + command, cwd=self.path("project"), env=self.cargo_environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            preexec_fn=os.setsid,
        )  # fmt: skip
        output, _ = process.communicate(b"t\n", timeout=120)
        text = re.sub("credential provider `.*` failed", "credential provider failed", output.decode())
        lines = self.read("asked").decode().splitlines()
        return process.returncode, text, lines

    def test_it_goes_on_and_ends_as_cargo_does_with_its_own_list(self):
        for action, command in self.COMMANDS.items():
            for pair in self.PAIRS:
                with self.subTest(action=action, pair=pair):
                    paths = []
                    for number, answer in enumerate(pair):
                        paths.append(self.provider(
                            """
                            class Provider(Credential):
                                def perform(self, registry, action, args):
                                    with open(%r, "a") as log:
                                        log.write("%d %%s\\n" %% action)
                                    if str(action) != %r:
                                        raise NotFound
                                    %s
                            """ % (self.path("asked"), number, action, self.ANSWERS[answer]),
                            "prov%d.py" % number))  # fmt: skip
                    self.globally(*[[path] for path in reversed(paths)])
                    cargos = self.outcome(command)
                    self.configure(self.EXAMPLE, *paths, "--")
                    self.assertEqual(self.outcome(command), cargos)

    def test_a_whole_life_with_the_token_in_the_second(self):
        first = [MODULE, "--example-file", self.path("first.json")]  # for crates.io alone
        second = [MODULE, "--any-registry", "--example-file", self.path("the second.json")]
        third = self.teller("third", "raise OtherError('never asked')")
        self.configure(self.EXAMPLE, " ".join(first), json.dumps(second), third, "--")
        stored = {self.index: self.TOKEN}
        self.write("the second.json", json.dumps(stored), 0o600)
        self.assertIn("Compiling dep v1.0.0 (registry `alt`)", self.cargo("build"))
        self.cargo("publish", "--allow-dirty")
        self.assertEqual(self.sent("PUT"), [("/api/v1/crates/new", self.TOKEN)])
        self.cargo("logout", "--registry", "alt")
        self.assertEqual(json.loads(self.read("the second.json").decode()), {})
        self.assertFalse(os.path.exists(third.replace(".py", ".log")))
        self.configure(self.EXAMPLE, " ".join(first), json.dumps(second), "--")
        self.assertIn("not currently logged in to `alt`", self.cargo("logout", "--registry", "alt"))
        self.assertIn("no token found for `alt`", self.cargo("update", status=101))
        self.cargo("login", "--registry", "alt", stdin=self.TOKEN.encode())
        self.assertEqual(json.loads(self.read("the second.json").decode()), stored)
        self.assertFalse(os.path.exists(self.path("first.json")))

    def test_what_is_passed_to_cargo_login_is_given_to_each_and_never_started(self):
        trap = self.teller("trap", "raise NotFound")
        one = self.teller("one", "raise NotFound")
        two = self.teller("two", "raise NotFound")
        self.configure(self.EXAMPLE, one + " its own", two, "--", "common")
        self.cargo("login", "--registry", "alt", "--", trap, "--", "x", status=101, stdin=b"t\n")
        passed = ["common", trap, "--", "x"]
        self.assertEqual(
            self.log("one"),
            ["get ReadOperation() ['its', 'own', 'common']", "login - %s" % (["its", "own"] + passed)],
        )
        self.assertEqual(
            self.log("two"), ["get ReadOperation() ['common']", "login - %s" % passed]
        )
        self.assertFalse(os.path.exists(self.path("trap.log")))

        # Without the end of the list they are not started, either
        self.configure(self.EXAMPLE, one)
        errors = self.cargo("login", "--registry", "alt", "--", trap, status=101, stdin=b"t\n")
        self.assertIn('end the list of providers in `credential-provider` with "--"', errors)
        self.assertFalse(os.path.exists(self.path("trap.log")))

    def test_an_argument_is_split_on_white_space_or_is_json(self):
        path = self.teller("the inner", "raise UrlNotSupported")
        os.rename(path, self.path("inner.py"))
        os.symlink(self.path("inner.py"), path)
        bare = self.path("inner.py")
        for text, args in [
            (bare, []),
            ("  %s\ta  b\n" % bare, ["a", "b"]),
            (json.dumps([path]), []),
            (json.dumps([path, "a b", "", "\u00e9\"", "--"]), ["a b", "", "\u00e9\"", "--"]),
        ]:
            with self.subTest(text):
                answer, errors = self.answer_of("chain.py", cc.LogoutAction(), [text, "--", "rest"])
                self.assertEqual((answer, errors), (URL_NOT_SUPPORTED, ""))
                self.assertEqual(self.log("the inner")[-1], "logout - %s" % (args + ["rest"]))

    def test_each_fault_in_the_list_is_told_before_anybody_is_asked(self):
        first = self.teller("first", "raise NotFound")
        whole = "is a relative path: name the whole path of the provider"
        array = "must be a JSON array of strings: the provider and its arguments"
        for args, message in [
            ([], 'end the list of providers in `credential-provider` with "--"'),
            ([first, "/bin/true"], 'end the list of providers in `credential-provider` with "--"'),
            (["--"], 'add providers before the "--" in `credential-provider`'),
            (["--", first], 'add providers before the "--" in `credential-provider`'),
            ([first, "", "--"], "`` names no provider"),
            ([first, " \t", "--"], "` \t` names no provider"),
            ([first, '["", "x"]', "--"], '`["", "x"]` names no provider'),
            ([first, "cargo:token", "--"],
             "`cargo:token` is built into Cargo: name a program"),
            ([first, '["cargo:wincred"]', "--"],
             "`cargo:wincred` is built into Cargo: name a program"),
            ([first, "./prov.py x", "--"], "`./prov.py` " + whole),
            ([first, "tools/prov.py", "--"], "`tools/prov.py` " + whole),
            ([first, "[]", "--"], "`[]` " + array),
            ([first, "[1]", "--"], "`[1]` " + array),
            ([first, '["a", null]', "--"], '`["a", null]` ' + array),
            ([first, "['a']", "--"], "`['a']` " + array),
            ([first, "[" * 100000, "--"], "`" + "[" * 100000 + "` " + array),
        ]:  # fmt: skip
            with self.subTest(args[:3]):
                found = self.message_of("chain.py", cc.LogoutAction(), args)
                self.assertEqual(found, (message, []))
        self.assertFalse(os.path.exists(self.path("first.log")))

    def test_a_failure_passes_unchanged(self):
        none = self.teller("none", "raise NotFound")
        read = cc.GetAction(cc.ReadOperation())
        for code in (
            "raise OtherError('m', ['c', 'd'])",
            "raise OperationNotSupported",
            "return GetResponse(Secret('t'), CacheExpires(5000000000), False)",
        ):
            path = self.teller("inner", code)
            line = line_of(read, REGISTRY, [])
            ((alone,), _) = self.run_provider(path, line)
            self.assertEqual(self.answer_of("chain.py", read, [none, path, none, "--"]), (alone, ""))
        args = [none, "no-such-provider", path, "--"]
        message, (cause,) = self.message_of("chain.py", read, args)
        self.assertEqual(message, "failed to spawn credential process")
        self.assertIn("No such file or directory: 'no-such-provider'", cause)
        broken = self.program("sys.exit(3)")
        self.assertEqual(
            self.message_of("chain.py", read, [broken, path, "--"]),
            ("failed to deserialize hello", ["`%s` exited with status 3 before its hello" % broken]),
        )

    def test_the_checker_finds_no_fault(self):
        path = self.teller("inner", "raise UrlNotSupported")
        process = start(["-S", "-B", CHECKER, self.EXAMPLE, path, "--"], cwd=self.directory)
        output, _ = process.communicate(timeout=120)
        self.assertEqual(output.decode().splitlines()[-1], "11 ok, 0 warn, 0 FAIL")


CERTIFICATE = """\
[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
CN = loopback
[extensions]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
basicConstraints = critical, CA:true
keyUsage = critical, digitalSignature, keyCertSign
subjectAltName = %s
"""


class Web(http.server.BaseHTTPRequestHandler):
    """Stands for several hosts with TLS, as a proxy for https:// that ends the tunnels itself."""

    protocol_version = "HTTP/1.1"
    base = None

    def do_CONNECT(self):
        self.base = "https://" + self.path[: -len(":443")]
        self.server.tunnels.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.close_connection = False

    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = (self.base or "http://" + self.headers["Host"]) + self.path
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.log.append((self.command, url, headers, body))
        status, body, headers = self.server.reply(self.command, url, headers, body)
        if status is None:
            self.close_connection = True
            return self.wfile.write(body)
        self.send_response(status, "r\x1b[2Jeason")
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = handle_one

    def finish(self):
        super().finish()
        if self.base:
            self.rfile.close()
            self.connection.close()

    def log_message(self, *arguments):
        pass


class WebServer(RegistryServer):
    """GitHub, crates.io and its index, each request of which is logged; `pages` answers others."""

    IDENTITY = "eyJhbGciOi" + 40 * "JSUzI1NiJ9." + TOKEN
    REQUEST_TOKEN = "request-token-" + TOKEN
    GITHUB = "https://run-1.actions.githubusercontent.com/42//idtoken/7?api-version=2.0"
    HOSTS = ("run-1.actions.githubusercontent.com", "crates.io", "index.crates.io", "corp.example",
             "evil.example")  # fmt: skip

    def __init__(self, directory, token):
        self.tunnels, self.pages = [], {}
        self.certificate = os.path.join(directory, "certificate.pem")
        names = ", ".join(["DNS:" + host for host in self.HOSTS])
        with open(os.path.join(directory, "certificate.cnf"), "w") as file:
            file.write(CERTIFICATE % names)
        key = os.path.join(directory, "key.pem")
        subprocess.check_output(
            ["openssl", "req", "-config", file.name, "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-keyout", key, "-out",
             self.certificate], stderr=subprocess.STDOUT)  # fmt: skip
        import ssl

        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, key)
        super().__init__(token)
        self.RequestHandlerClass = Web

    def environment(self):
        """What leads the example and Cargo here, in a job that may have an identity."""
        return {
            "https_proxy": self.url, "http_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1",
            "SSL_CERT_FILE": self.certificate, "CARGO_HTTP_CAINFO": self.certificate,
            "GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": self.GITHUB,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.REQUEST_TOKEN,
        }  # fmt: skip

    def reply(self, method, url, headers, body):
        if url in self.pages:
            return self.pages[url]
        status, answer = self.answer(method, url, headers, body)
        return status, answer if isinstance(answer, bytes) else json.dumps(answer).encode(), {}

    def answer(self, method, url, headers, body):
        host, path = url.split("/", 3)[2:]
        if host == self.HOSTS[0]:
            return 200, {"count": 1, "value": self.IDENTITY}
        if path == "api/v1/trusted_publishing/tokens":
            return 200, {"token": self.token}
        if path == "api/v1/crates/new":
            if headers.get("authorization") != self.token:
                return 403, {"errors": [{"detail": "this action requires authentication"}]}
            length = int.from_bytes(body[:4], "little")
            self.add(json.loads(body[4 : 4 + length].decode()), body[8 + length :])
            return 200, {"warnings": None}
        if path.endswith("config.json"):
            api = "https://" + host.replace("index.", "")
            return 200, {"dl": api + "/dl", "api": api}
        lines = [json.dumps(entry) for entry in self.index.get(path.rsplit("/", 1)[1], [])]
        return 200 if lines else 404, "\n".join(lines).encode()


@needs("cargo", "openssl")
@posix_only
class TrustedPublishing(CargoWithExample):
    """Both services on loopback: the example itself and its checks of hosts are as they are."""

    EXAMPLE = example("trusted_publishing.py")
    TOKENS = "https://%s/api/v1/trusted_publishing/tokens"
    CORP = cc.RegistryInfo("sparse+https://corp.example/index/", "corp")
    NEVER = '{"Ok":{"kind":"get","token":"%s","cache":"never","operation_independent":false}}'
    PLACEHOLDER = NEVER % "no-token-is-needed-to-read"
    READ = cc.GetAction(cc.ReadOperation())

    def setUp(self):
        super().setUp()
        self.web = WebServer(self.directory, "cio-" + TOKEN)
        self.addCleanup(self.web.close)

    def cargo_environment(self):
        return dict(super().cargo_environment(), **self.web.environment())

    def ask(self, action, args=(), registry=CRATES, **variables):
        """(answer, standard error) of the example, in an environment with these variables, too."""
        kept = dict(environment(**self.web.environment()), **variables)
        line = line_of(action, registry, args)
        process = start([self.EXAMPLE, "--cargo-plugin"], cwd=self.directory, env={
            name: value for name, value in kept.items() if value is not None})  # fmt: skip
        (answer,), errors = self.finish_provider(process, line)
        return answer, errors

    def failure(self, *arguments, **variables):
        """(message, causes) with which it fails, without any of the tokens."""
        answer, errors = self.ask(*arguments, **variables)
        self.assertNotIn(TOKEN, answer + errors)
        error = json.loads(answer)["Err"]
        self.assertEqual(error["kind"], "other")
        return error["message"], error["caused-by"]

    def session(self):
        """A function that asks one process again and again, and returns its answers."""
        process = start([self.EXAMPLE, "--cargo-plugin"], cwd=self.directory,
                        env=environment(**self.web.environment()))  # fmt: skip
        self.addCleanup(process.communicate)
        self.assertEqual(process.stdout.readline(), b'{"v":[1]}\n')

        def ask(action, args=(), registry=CRATES):
            process.stdin.write(line_of(action, registry, args))
            process.stdin.flush()
            return process.stdout.readline().decode().rstrip("\n")

        return ask

    def failures(self):
        """A function that asks one process again and again, and returns what `failure` does."""
        ask = self.session()

        def failure(*arguments):
            answer = ask(*arguments)
            self.assertNotIn(TOKEN, answer)
            error = json.loads(answer)["Err"]
            self.assertEqual(error["kind"], "other")
            return error["message"], error["caused-by"]

        return failure

    def exchange(self, host):
        """The two requests for a token of this host."""
        return [
            ("GET", self.web.GITHUB + "&audience=" + host,
             {"host": self.web.HOSTS[0], "authorization": "bearer " + self.web.REQUEST_TOKEN,
              "accept-encoding": "identity", "connection": "close"}, b""),
            ("POST", self.TOKENS % host,
             {"host": host, "content-type": "application/json", "user-agent": "cargo_credential.py",
              "accept-encoding": "identity", "connection": "close",
              "content-length": str(len(json.dumps({"jwt": self.web.IDENTITY})))},
             json.dumps({"jwt": self.web.IDENTITY}).encode()),
        ]  # fmt: skip

    def requests(self):
        """What was asked, with the User-Agent of GitHub's request, which is Python's, left out."""
        rows = [(method, url, dict(headers), body) for method, url, headers, body in self.web.log]
        for _, url, headers, _ in rows:
            if url.startswith(self.web.GITHUB):
                self.assertIn("Python-urllib/", headers.pop("user-agent"))
        return rows

    def test_the_exact_requests_for_crates_io_and_for_another_registry(self):
        for host, args, registry in [
            ("crates.io", [], CRATES),
            ("corp.example", ["--token-url", self.TOKENS % "corp.example"], self.CORP),
        ]:
            with self.subTest(host):
                del self.web.log[:], self.web.tunnels[:]
                answer, errors = self.ask(PUBLISH, args, registry)
                found = json.loads(answer)["Ok"]
                self.assertEqual((found["token"], found["cache"]), (self.web.token, "expires"))
                self.assertEqual(errors, "trusted publishing: foo 0.1.0, sha256 ab12, at %s\n" % host)
                self.assertEqual(self.requests(), self.exchange(host))
                self.assertEqual(self.web.tunnels, [self.web.HOSTS[0] + ":443", host + ":443"])

    def project(self, *names):
        """A project, or a workspace, without dependencies."""
        manifest = self.PROJECT.replace('publish = ["alt"]\n', "").split("[dependencies]")[0]
        for name in names[1:] and names:
            self.write("project/%s/Cargo.toml" % name, manifest.replace('"app"', '"%s"' % name))
            self.write("project/%s/src/lib.rs" % name, "")
        if names[1:]:
            manifest = '[workspace]\nmembers = %s\nresolver = "2"\n' % json.dumps(names)
        self.write("project/Cargo.toml", manifest)
        self.write("project/src/main.rs", "fn main() {}\n")

    def configure_crates_io(self):
        self.project("app")
        self.write("project/.cargo/config.toml",
                   "[registry]\ncredential-provider = %s\n" % json.dumps([self.EXAMPLE]))  # fmt: skip

    def configure_corp(self):
        self.index = self.CORP.index_url
        self.configure(self.EXAMPLE, "--token-url", self.TOKENS % "corp.example")

    def tokens_sent(self):
        """Each Authorization header, and where it went."""
        sent = [(url, headers.get("authorization")) for _, url, headers, _ in self.web.log]
        return [row for row in sent if row[1]]

    def test_cargo_publishes_to_crates_io(self):
        self.configure_crates_io()
        shown = self.cargo("publish", "--allow-dirty")
        cksum = hashlib.sha256(self.web.crates["app-0.1.0"]).hexdigest()
        self.assertIn(
            "\ntrusted publishing: app 0.1.0, sha256 %s, at crates.io\n" % cksum, shown
        )
        self.assertIn("Published app v0.1.0 at registry `crates-io`", shown)
        self.assertEqual(
            self.tokens_sent(),
            [(self.web.GITHUB + "&audience=crates.io", "bearer " + self.web.REQUEST_TOKEN),
             ("https://crates.io/api/v1/crates/new", self.web.token)],
        )  # fmt: skip
        urls = [url for _, url, _, _ in self.web.log]
        upload = urls.index("https://crates.io/api/v1/crates/new")
        self.assertEqual(self.requests()[upload - 2 : upload], self.exchange("crates.io"))

    def test_cargo_publishes_each_crate_of_a_workspace_to_another_registry_with_one_token(self):
        self.configure_corp()
        self.project("one", "two")
        arguments = ("publish", "--registry", "alt", "--workspace", "--allow-dirty", "--no-verify")
        shown = self.cargo(*arguments)
        self.assertEqual(set(self.web.crates) - {"dep-1.0.0"}, {"one-0.1.0", "two-0.1.0"})
        self.assertEqual(len(re.findall("trusted publishing: (?:one|two) 0.1.0, ", shown)), 1)
        self.assertEqual(
            self.tokens_sent(),
            [(self.web.GITHUB + "&audience=corp.example", "bearer " + self.web.REQUEST_TOKEN),
             *[("https://corp.example/api/v1/crates/new", self.web.token)] * 2],
        )  # fmt: skip

    def test_a_job_without_an_identity_ends_before_anything_is_built(self):
        self.configure_crates_io()
        for variables, message in [
            ({"ACTIONS_ID_TOKEN_REQUEST_URL": ""},
             "the job has no identity: give it `permissions: id-token: write`"),
            ({"ACTIONS_ID_TOKEN_REQUEST_TOKEN": ""},
             "the job has no identity: give it `permissions: id-token: write`"),
            ({"ACTIONS_ID_TOKEN_REQUEST_URL": "", "GITHUB_ACTIONS": ""},
             "trusted publishing works in GitHub Actions and GitLab CI/CD only: configure another"
             " provider"),
        ]:  # fmt: skip
            whole = dict(self.web.environment(), **variables)
            with mock.patch.object(self.web, "environment", lambda whole=whole: whole):
                shown = self.cargo("publish", "--allow-dirty", status=101)
            self.assertTrue(shown.endswith("failed action `get`\n\nCaused by:\n  %s\n" % message), shown)
            self.assertNotIn("Packaging", shown)
            for action in (self.READ, PUBLISH):
                self.assertEqual(self.failure(action, **variables), (message, []))
        self.assertEqual(self.tokens_sent(), [])

    def test_a_registry_that_wants_a_token_to_read_gets_none(self):
        self.configure_corp()
        self.project("app")
        self.web.pages["https://corp.example/index/config.json"] = (
            401, b"", {"WWW-Authenticate": 'Cargo login_url="https://corp.example/me"'})  # fmt: skip
        message = "this registry requires a token to read, which trusted publishing cannot give"
        shown = self.cargo("publish", "--allow-dirty", "--registry", "alt", status=101)
        self.assertTrue(shown.endswith("failed action `get`\n\nCaused by:\n  %s\n" % message), shown)
        self.assertEqual(self.tokens_sent(), [])

    def test_what_such_tokens_cannot_do_is_told(self):
        self.configure_crates_io()
        message = (
            "a token of trusted publishing can only publish: for `%s`, run Cargo with another provider"
            " and a token of your own"
        )
        for kind, arguments in [
            ("yank", ("yank", "app@0.1.0")),
            ("unyank", ("yank", "--undo", "app@0.1.0")),
            ("owners", ("owner", "--list", "app")),
        ]:
            shown = self.cargo(*arguments, status=101)
            self.assertTrue(shown.endswith("Caused by:\n  %s\n" % (message % kind)), shown)
        action = cc.GetAction(cc.UnknownOperation())
        self.assertEqual(self.failure(action), (message % "unknown", []))
        self.assertEqual(self.tokens_sent(), [])

    def test_cargo_takes_it_from_the_environment(self):
        self.write("project/.cargo/config.toml", "")
        whole = dict(self.web.environment(), CARGO_REGISTRY_CREDENTIAL_PROVIDER=self.EXAMPLE)
        with mock.patch.object(self.web, "environment", lambda: whole):
            shown = self.cargo("logout", status=101)
        self.assertIn(
            "credential provider `%s` failed action `logout`\n\nCaused by:\n  requested operation not"
            " supported\n" % self.EXAMPLE, shown)  # fmt: skip

    def test_to_read_there_is_a_word_that_is_no_token(self):
        self.assertEqual(self.ask(self.READ), (self.PLACEHOLDER, ""))
        args = ["--token-url", self.TOKENS % "corp.example"]
        self.assertEqual(self.ask(self.READ, args, self.CORP), (self.PLACEHOLDER, ""))
        self.assertEqual(self.web.log, [])

    def test_only_the_registry_that_gives_the_token_is_served(self):
        ask = self.session()
        url = self.TOKENS % "corp.example"
        for index_url, args in [
            (self.CORP.index_url, []),
            ("https://github.com/rust-lang/crates.io-index/", []),
            ("sparse+https://crates.io/", []),
            (CRATES_IO, ["--token-url", url]),
            ("sparse+https://corp.example.evil.example/index/", ["--token-url", url]),
            ("sparse+https://corp.example@evil.example/index/", ["--token-url", url]),
            ("sparse+https://corp.example\\@evil.example/index/", ["--token-url", url]),
            ("corp.example", ["--token-url", url]),
            ("sparse+https://corp.example%2eevil.example/index/", ["--token-url", url]),
            ("sparse+https://corp.example:8443/index/", ["--token-url", url]),
            (self.CORP.index_url, ["--token-url", url.replace("example/", "example:8443/")]),
            ("sparse+http://corp.example/index/", ["--token-url", url]),
            ("ssh://git@corp.example/index", ["--token-url", url]),
            ("git://corp.example?@evil.example/index", ["--token-url", url]),
            ("file://corp.example/index", ["--token-url", url]),
        ]:
            registry = cc.RegistryInfo(index_url, "corp")
            for action in (self.READ, PUBLISH, cc.LogoutAction()):
                self.assertEqual(ask(action, args, registry), URL_NOT_SUPPORTED, index_url)
        self.assertEqual(self.web.log, [])

    def test_faults_in_the_arguments_are_told(self):
        failure = self.failures()
        for args, message in [
            (["x"], "unknown arguments ['x']: there is only --token-url URL"),
            (["--token-url"], "unknown arguments ['--token-url']: there is only --token-url URL"),
            (["--token-url", "a", "b"],
             "unknown arguments ['--token-url', 'a', 'b']: there is only --token-url URL"),
            (["--audience", "crates.io"],
             "unknown arguments ['--audience', 'crates.io']: there is only --token-url URL"),
        ]:
            self.assertEqual(failure(PUBLISH, args, self.CORP), (message, []))

    LOOK_ALIKES = [
        "https://%s@evil.example/x", "https://evil.example@%s/x", "https://evil.example?.%s/x",
        "https://evil.example#.%s/x", "https://evil.example\\.%s/x", "https://evil.example%%2f.%s/x",
        "https://evil.example%%23.%s/x", "https://evil.example%%40%s/x", "https://%%65vil.%s/x",
        "https://evil.example/\n.%s/x", "https://ev\u00adil.%s/x", "https://%s%%2eevil.example/x",
        "https://%s:443@evil.example/x", "https://%s:x/x", "http://%s/x", "sparse+https://%s/x",
        "HTTPS://%s/x", " https://%s/x", "//%s/x", "%s",
    ]  # fmt: skip

    def test_a_token_comes_from_an_https_url_with_a_plain_host(self):
        failure = self.failures()
        urls = [form % "corp.example" for form in self.LOOK_ALIKES]
        urls += ["http://127.0.0.1/", "ftp://corp.example/", "file:///etc/passwd", "https:///x", "https://127.1/", ""]
        for url in urls:
            message = "--token-url must be an https:// URL with a plain host, not %r" % url
            self.assertEqual(failure(PUBLISH, ["--token-url", url], self.CORP), (message, []))
        self.assertEqual((self.web.log, self.web.tunnels), ([], []))

    def test_the_requests_token_goes_to_github_alone(self):
        inner = self.web.HOSTS[0]
        look_alikes = [form % inner for form in self.LOOK_ALIKES]
        look_alikes += ["https://%s:%s/x" % (inner, port) for port in (443, 8443)]
        for url in (
            *look_alikes,
            self.web.url + "/token?a=b", "http://%s/token?a=b" % inner, "https://crates.io/?a=b",
            "https://%s.evil.example/?a=b" % inner, "https://%s@evil.example/?a=b" % inner,
            "https://evil.example/?a=b." + inner, "https://evil.example?." + inner,
            "https://evil.example#." + inner, "https://evil.example\\." + inner,
            "https://evil-actions.githubusercontent.com/?a=b", "HTTPS" + self.web.GITHUB[5:],
            "https://evil.example/\n." + inner, " " + self.web.GITHUB,
        ):  # fmt: skip
            for action in (PUBLISH, self.READ) if url.startswith(self.web.url) else (PUBLISH,):
                message = self.failure(action, ACTIONS_ID_TOKEN_REQUEST_URL=url)
                self.assertEqual(message, ("ACTIONS_ID_TOKEN_REQUEST_URL does not lead to GitHub", []), url)
        self.assertEqual((self.web.log, self.web.tunnels), ([], []))

    def test_no_redirect_is_followed(self):
        failure = self.failures()
        github, tokens = self.web.GITHUB + "&audience=crates.io", self.TOKENS % "crates.io"
        for status in (301, 302, 303, 307, 308):
            for url, host in [(github, self.web.HOSTS[0]), (tokens, "crates.io")]:
                self.web.pages = {url: (status, b"", {"Location": "https://evil.example/"})}
                self.assertEqual(
                    failure(PUBLISH), ("%s answered with status %d" % (host, status), [])
                )
        self.assertFalse([host for host in self.web.tunnels if "evil" in host])

    def test_a_refusal_is_told_in_the_registrys_words_that_steer_no_terminal(self):
        failure = self.failures()
        for body, causes in [
            ('{"errors":[{"detail":"No Trusted Publishing config found for repository `a/b`."}]}',
             ["No Trusted Publishing config found for repository `a/b`."]),
            ('{"errors":[{"detail":"a\\u001b[2J\\n\\u202e"},{"detail":"c"}]}', [r"a\x1b[2J\n\u202e", "c"]),
            (json.dumps({"errors": [{"detail": "sent: %s !" % self.web.IDENTITY}]}), ["sent: [...] !"]),
            (json.dumps({"errors": [{"detail": "sent: %s !" % self.web.IDENTITY[:100]}]}),
             ["sent: [...] !"]),
            (json.dumps({"errors": [{"detail": "%d " % i * 1000} for i in range(9)]}),
             [("%d " % i * 500) for i in range(5)]),
            ('{"errors":[{}]}', []), ('{"errors":7}', []), ("[]", []), ("\xff", []), ("", []),
            ("[" * 60000, []),
        ]:  # fmt: skip
            self.web.pages = {self.TOKENS % "crates.io": (400, body.encode("latin-1"), {})}
            self.assertEqual(failure(PUBLISH), ("crates.io answered with status 400", causes))

    def test_an_answer_that_is_no_token_is_told_and_never_shown(self):
        failure = self.failures()
        long = {"token": "t" * 100000}
        for field, url, host in [
            ("value", self.web.GITHUB + "&audience=crates.io", self.web.HOSTS[0]),
            ("token", self.TOKENS % "crates.io", "crates.io"),
        ]:
            for body in (
                "", "null", "[]", "7", '"%s"' % TOKEN, '{"%s":7}' % field, '{"%s":""}' % field,
                '{"other":"%s"}' % TOKEN, '{"%s":"%s"' % (field, TOKEN), "\xff", "[" * 60000,
                json.dumps(long).replace("token", field),
            ):  # fmt: skip
                self.web.pages = {url: (200, body.encode("latin-1"), {})}
                self.assertEqual(failure(PUBLISH), (host + " did not answer with a token", []))
        self.web.pages = {url: (200, json.dumps({"token": TOKEN + "\r\nX-Evil: 1"}).encode(), {})}
        message = "the token contains a line break, so no HTTP header can carry it"
        self.assertEqual(failure(PUBLISH), (message, []))

    def test_a_failure_to_connect_or_to_speak_http_is_told(self):
        message, (cause,) = self.failure(PUBLISH, SSL_CERT_FILE=None)
        self.assertEqual(message, "cannot ask %s for a token" % self.web.HOSTS[0])
        self.assertIn("certificate", cause.lower())
        message, (cause,) = self.failure(PUBLISH, https_proxy="http://127.0.0.1:9")
        self.assertEqual(message, "cannot ask %s for a token" % self.web.HOSTS[0])
        self.assertIn("refused", cause)
        self.assertEqual(self.web.log, [])
        self.web.pages = {self.TOKENS % "crates.io": (None, b"no HTTP\x1b[2J\r\n", {})}
        self.assertEqual(
            self.failure(PUBLISH), ("cannot ask crates.io for a token", [r"no HTTP\x1b[2J\r\n"])
        )

    def test_the_line_for_the_user_cannot_control_the_terminal(self):
        action = cc.GetAction(cc.PublishOperation("a\x1b[2J", "1\n", "c" * 64))
        _, errors = self.ask(action)
        self.assertEqual(
            errors, "trusted publishing: a\\x1b[2J 1\\n, sha256 %s, at crates.io\n" % ("c" * 64)
        )

    def test_the_checker_finds_no_fault(self):
        process = start(["-S", "-B", CHECKER, self.EXAMPLE], cwd=self.directory)
        output, _ = process.communicate(timeout=120)
        self.assertEqual(output.decode().splitlines()[-1], "11 ok, 0 warn, 0 FAIL")


# ---- The project ---------------------------------------------------------------------------


class Project(unittest.TestCase):
    def test_every_public_name_is_listed_and_documented(self):
        public = {
            name for name, value in vars(cc).items()
            if not name.startswith("_") and getattr(value, "__module__", "cargo_credential") == cc.__name__
            and name not in ("TYPE_CHECKING", "json", "os", "sys")
        }  # fmt: skip
        self.assertEqual(public, set(cc.__all__))
        self.assertEqual(len(cc.__all__), len(set(cc.__all__)))
        if __doc__:  # not under -OO
            for name in cc.__all__:
                self.assertTrue(name == "PROTOCOL_VERSION_1" or getattr(cc, name).__doc__, name)

    def test_nothing_is_imported_beyond_json_os_and_sys(self):
        code = (
            "import json, os, sys; before = set(sys.modules); sys.path.insert(0, %r)\n"
            "import cargo_credential, io\n"
            "class Provider(cargo_credential.Credential):\n"
            "    def get(self, registry, operation, args):\n"
            "        return cargo_credential.GetResponse(cargo_credential.Secret('x'))\n"
            "cargo_credential.serve(Provider(), io.BytesIO(%r), io.BytesIO())\n"
            "print(sorted(set(sys.modules) - before))" % (HERE, GET)
        )
        output, errors = start(["-c", code]).communicate(timeout=60)
        self.assertEqual((output.strip(), errors), (b"['cargo_credential']", b""))

    IMPORTS = {
        "the module": ["json", "os", "sys"],
        "_fold": ["re"],
        "_cut": ["re"],
        "_split_url": ["re"],
        "_utf8": ["re"],
        "_show_traceback": ["traceback"],
        "_read_hidden_line": ["getpass", "warnings"],
        "_Child": ["queue", "subprocess", "subprocess", "threading"],
        "_lock": ["fcntl", "msvcrt"],
        "_retry": ["time"],
        "_check_store": ["stat"],
    }

    def test_each_import_is_where_it_is_needed(self):
        with open(MODULE, encoding="utf-8") as file:
            source = file.read()
        found = {}

        def look(node, where):
            if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
                return
            if isinstance(node, ast.FunctionDef) and where != "_Child" or getattr(node, "name", "") == "_Child":
                where = node.name
            names = [alias.name for alias in getattr(node, "names", []) if isinstance(node, ast.Import)]
            if isinstance(node, ast.ImportFrom):
                names = [node.module]
            if names:
                found[where] = sorted(found.get(where, []) + names)
            for child in ast.iter_child_nodes(node):
                look(child, where)

        look(ast.parse(source), "the module")
        self.assertEqual(found, self.IMPORTS)
        self.assertIsNone(re.search(r"os\.(system|popen|fork|exec|spawn|posix_spawn)|__import__", source))

    def test_no_socket_is_opened_and_no_process_started(self):
        """Python's own word for it, where it gives one (from 3.8)."""
        code = """
import sys
suspect = []
def hook(event, args):
    if event.startswith(("socket", "subprocess", "os.system", "os.fork", "os.exec", "os.spawn",
                         "os.posix_spawn", "os.startfile", "pty", "ctypes", "urllib", "_winapi.Create")):
        suspect.append((event, args))
if hasattr(sys, "addaudithook"): sys.addaudithook(hook)
sys.path.insert(0, %r)
sys.argv[1:] = ["--example-file", "store.json", "--any-registry"]
import cargo_credential
cargo_credential.main(cargo_credential._FileCredential(sys.argv[1:]))
assert not suspect, suspect
""" % HERE
        with tempfile.TemporaryDirectory() as directory:
            process = start(["-c", code], cwd=directory)
            lines = login(TOKEN), get(), logout(), logout(), login("\n")
            output, errors = process.communicate(b"".join(lines), timeout=60)
        self.assertEqual((process.returncode, errors), (0, b""))
        self.assertEqual(
            output.decode().splitlines()[1:-1],
            [LOGIN_OK, token_answer(TOKEN), LOGOUT_OK, NOT_FOUND],
        )

    def test_no_function_is_longer_than_35_lines(self):
        with open(MODULE, encoding="utf-8") as file:
            tree = ast.parse(file.read())
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                last = max(getattr(node, "lineno", 0) for node in ast.walk(function))
                self.assertLessEqual(last - function.lineno + 1, 35, function.name)

    def test_every_example_has_its_case(self):
        with open(os.path.abspath(__file__), encoding="utf-8") as file:
            tests = file.read()
        for name in os.listdir(os.path.join(HERE, "examples")):
            if name.endswith(".py"):
                self.assertIn('"%s"' % name, tests)


class Readme(Directory):
    with open(os.path.join(HERE, "README.md"), encoding="utf-8") as file:
        readme = file.read()
    blocks = re.findall(r"```(\w+)\n(.*?)```\n", readme, re.DOTALL)

    def test_the_reference_has_every_public_name_and_no_other(self):
        reference = self.readme.split("\n## Reference\n")[1].split("\n### ")[0]
        self.assertEqual(sorted(re.findall(r"^\| `(\w+)", reference, re.MULTILINE)), sorted(cc.__all__))

    def test_its_links_lead_somewhere(self):
        titles = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", self.readme, flags=re.DOTALL), re.MULTILINE)
        anchors = ["#" + re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles]
        self.assertEqual(len(anchors), len(set(anchors)))
        links = re.findall(r"\]\(([^)]+)\)", self.readme)
        for link in links:
            if link.startswith("#"):
                self.assertIn(link, anchors)
            elif not link.startswith("https://"):
                self.assertTrue(os.path.exists(os.path.join(HERE, link)), link)
        examples = {"examples/" + name for name in os.listdir(os.path.join(HERE, "examples")) if name.endswith(".py")}
        self.assertEqual(examples - set(links), set())

    @posix_only
    def test_the_commands_show_what_the_page_shows(self):
        consoles = [text for language, text in self.blocks if language == "console"]
        self.assertTrue(consoles)
        for text in consoles:
            for command in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                lines = command.splitlines(True)
                count = 1 + sum(line.endswith("\\\n") for line in lines)
                command, shown = "".join(lines[:count]), "".join(lines[count:])
                if "test_cargo_credential.py" in command or not shown:
                    continue
                process = subprocess.Popen(
                    ["/bin/sh", "-c", command], cwd=HERE, env=environment(),
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                )  # fmt: skip
                output = process.communicate(timeout=60)[0].decode()
                self.assertEqual(output, shown)

    def test_the_first_provider_runs(self):
        (source,) = [text for language, text in self.blocks if language == "python"]
        self.assertLess(source.count("\n"), 15)
        shutil.copy(MODULE, self.directory)
        self.write("token", TOKEN + "\n")
        path = self.write("prov.py", source.replace(
            "/run/secrets/cargo-token", self.path("token").replace("\\", "/")))
        corp = cc.RegistryInfo("sparse+https://crates.corp.example/index/")
        answers, errors = self.run_provider(path, get(corp), get(), login("x", corp), logout())
        self.assertEqual(answers, [token_answer(TOKEN), URL_NOT_SUPPORTED, NOT_SUPPORTED, URL_NOT_SUPPORTED])
        self.assertEqual(errors, "")

    @unittest.skipUnless(WINDOWS, "needs Windows")
    def test_the_file_for_windows_starts_a_provider(self):
        (source,) = [text for language, text in self.blocks if language == "bat"]
        source = re.sub(r"C:.*?python\.exe", lambda _: sys.executable, source)
        os.mkdir(self.path("corp tools"))
        shutil.copy(MODULE, self.path("corp tools"))
        self.write("corp tools/prov.py", Vendored.SCRIPT % ("", TOKEN))
        path = self.write("corp tools/prov.cmd", source)
        with mock.patch.dict(os.environ, environment()):
            response = cc.CredentialProcess(path, "an argument").perform(
                REGISTRY, cc.GetAction(cc.ReadOperation()), []
            )
        self.assertEqual(response, cc.GetResponse(cc.Secret(TOKEN)))


@needs("cargo")
@posix_only
class ReadmeWithCargo(CargoWithExample):
    def test_cargo_takes_each_configuration(self):
        """cargo logout asks the configured provider, with the arguments as they are written."""
        blocks = [text for language, text in Readme.blocks if language == "toml"]
        self.assertGreater(len(blocks), 8)
        path = self.teller("prov", "return LogoutResponse()")
        for block in blocks:
            with self.subTest(block):
                (written,) = re.findall(r"""^(?:credential-provider|corp) = (\[.*?\])\n""", block, re.M | re.S)
                program, *args = [one or two for one, two in re.findall(r"""'(.*?)'|"(.*?)\"""", written)]
                if "[registries.corp]" not in block:
                    block += '[registries.corp]\nindex = "sparse+https://crates.corp.example/index/"\n'
                self.write("project/.cargo/config.toml", block.replace(program, path))
                self.cargo("logout", "--registry", "corp")
                self.assertEqual(self.log("prov"), ["logout - %s" % args])
                os.remove(self.path("prov.log"))

    def test_cargo_takes_the_environment_for_a_configuration(self):
        (name, value), = re.findall(r'`(CARGO_\w+)="(.*?)"`', Readme.readme)
        path = self.teller("prov", "return LogoutResponse()")
        self.write("project/.cargo/config.toml", '[registries.corp]\nindex = "sparse+https://r.example/"\n')
        with mock.patch.dict(os.environ, {name: value.replace("/path/to/prov.py", path)}):
            self.cargo("logout", "--registry", "corp")
        self.assertEqual(self.log("prov"), ["logout - ['argument']"])

    def test_cargos_log_shows_the_conversation(self):
        (variable,) = re.findall(r"`(CARGO_LOG=[^`]*)`", Readme.readme)
        self.configure(self.teller("prov", "return GetResponse(Secret(%r))" % self.TOKEN))
        with mock.patch.dict(os.environ, [variable.split("=", 1)]):
            shown = self.cargo("update")  # which looks for the token there
        self.assertIn("credential-process < CredentialRequest {", shown)
        self.assertIn("credential-process > Ok(Get {", shown)


if __name__ == "__main__":
    unittest.main()
