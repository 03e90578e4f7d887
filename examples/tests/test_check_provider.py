#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of examples/check_provider.py: tables of broken providers, and what the report says.

python3 examples/tests/test_check_provider.py [-v] [CLASS[.test] ...]
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import unittest
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(sys.path[0]))

import check_provider
import test_cargo_credential as base
from checker.conversation import (
    Conversation,
    Problem,
    Report,
    about_errors,
    check_token,
    in_cargo,
    shape,
    spellings,
)
from checker.explanations import PROBLEMS
from checkers import CHECKER, start_checker
from support import ASCII, linux_only
from test_cargo_credential import (
    HERE,
    MODULE,
    TOKEN,
    WINDOWS,
    Directory,
    WithCargo,
    needs,
    posix_only,
)

EXAMPLES = os.path.join(HERE, "examples")
INDEX = "sparse+https://crates.corp.example/index/"
CORP = ("--index", INDEX, "--name", "alt")
GOOD_TOKEN = WithCargo.TOKEN  # which the loopback registry accepts
PATIENCE = "8" if WINDOWS else "3"  # seconds for a provider that hangs

# Python that writes its lines by hand. INDEX is replaced by the index of the registry.
# It does not import json, since that takes longer than all the rest, and it starts often.
BY_HAND = (
    """
import time
def dumps(value):
    if isinstance(value, dict):
        return "{" + ", ".join([dumps(key) + ": " + dumps(value[key]) for key in value]) + "}"
    if isinstance(value, list): return "[" + ", ".join([dumps(one) for one in value]) + "]"
    if not isinstance(value, str): return str(value).lower()
    plain = lambda one: " " <= one <= "~" and one not in '"\\\\'
    escaped = [one if plain(one) else "\\\\u" + format(ord(one), "04x") for one in value]
    return '"' + "".join(escaped) + '"'
def say(value):
    text = value if isinstance(value, str) else dumps(value)
    sys.stdout.write(text + "\\n"); sys.stdout.flush()
def get(**changes):
    fields = {"kind": "get", "token": TOKEN, "cache": "session", "operation_independent": True}
    fields.update(changes)
    return {"Ok": {name: value for name, value in fields.items() if value is not None}}
def err(kind, **more): return {"Err": dict(kind=kind, **more)}
TOKEN = %r
"""
    % GOOD_TOKEN
)
HELLO = BY_HAND + "say({'v': [1]})\n"
LINE = HELLO.count("\n") + 3  # of what follows it in a program
LOOP = HELLO + (
    "for line in sys.stdin:\n    if 'INDEX' not in line: say(err('url-not-supported'))\n    else: "
)
# A copy of the module, which Python compiles once: beside the module itself, that would stay
LIBRARY = os.path.join(base.CACHE, "library")
# Python with the module: the body of `get`
MODULE_GET = (
    "sys.path.insert(1, %r)\n"
    "from cargo_credential import *\n"
    "class Provider(Credential):\n"
    "    registries = ('INDEX',)\n"
    "    def get(self, registry, operation, args):\n"
    "        %%s\n"
    "main(Provider())\n"
) % LIBRARY


def fill_library():
    os.makedirs(LIBRARY, exist_ok=True)
    copy = os.path.join(LIBRARY, str(os.getpid()))  # another process can read the module now
    shutil.copy(MODULE, copy)
    os.replace(copy, os.path.join(LIBRARY, "cargo_credential.py"))


def with_module(body):
    return MODULE_GET % body


HELLO_LOST = 'Cargo says "failed to deserialize hello"'
ANSWER_LOST = 'Cargo says "failed to deserialize response"'
NO_VALUE = ' and "expected value at line 1 column 1".'
ENDED = ' and "EOF while parsing a value at line 1 column 0".'
EACH_TIME = (
    "Write one line for each request, an Err after an error, and exit only at the end of the input."
)
COMPARE = (
    "Compare `registries`, or the provider's --index or --host, with the URL, including its "
    "`sparse+`. A host matches only https:// and its own port."
)
CALL_MAIN = 'Write {"v":[1]} first: in Python, end the script with main(Provider()).'
EXCEPTION = "Fix the exception: run the provider to see its traceback."
SLOW = "Flush standard output after each line: Cargo waits for ever. If it is slow, add --timeout."
TO_STDERR = "Print messages to standard error: standard output is for the protocol."
ONE_LINE = "Write valid JSON on one line, not pretty-printed."
TRACEBACK = (
    "Fix the cause. If it is an exception, CARGO_CREDENTIAL_TRACEBACK=1 shows where it comes from."
)
BOTH = "Store both tokens, if your users need both."
GIVES = "it gives a token for another index than yours"
UNLESS = (
    "Answer url-not-supported unless the index URL is yours: a clone's configuration can name any "
    "host. With cargo_credential.py, check the spelling of `registries`."
)
ENDS = "Cargo prints that message and ends."
REJECTED = 'Cargo says "token rejected for".'
INVALID = 'Cargo says "token contains invalid characters" to publish.'
SPELL = "Answer with the kind of the request, or with an Err."
HANG = "time.sleep(30)"
READ = "get for read: "
NOT_YOURS = "get for a registry that does not exist: "
PUBLISH = ("publish", "--allow-dirty", "--no-verify")

# A provider whose token is `Basic` and the base64 form of these bytes
BASIC = LOOP.replace("time\n", "time, binascii\n", 1) + (
    "say(get(token='Basic ' + binascii.b2a_base64(%s).decode().strip()))"
)
NO_BASIC = "after `Basic`, the token is not the base64 form of LOGIN:PASSWORD"
ENCODE = "Encode login and password once, with a colon between them and with the final `=`."
HIDDEN = (
    "after `Basic`, the login or the password contains a line break, a tab or another character "
    "that is not printable ASCII"
)
QUOTE = "Check what the provider reads: a quote that nothing closes joins it with what follows."

# What is wrong with the program and its lines
# (key, code of the provider, the verdict, the lines below it, Cargo's command if not `update`)
BROKEN_LINES = [
    # The program ends too early
    ("no-hello", "pass", "FAIL  hello: it exited with status 0 before its hello",
     [HELLO_LOST + ENDED, CALL_MAIN]),
    ("no-hello", "print(undefined)", "FAIL  hello: it exited with status 1 before its hello",
     [HELLO_LOST + ENDED, EXCEPTION,
      "| NameError at line 3 of other.py"]),
    ("no-hello", "import time; os.close(1); " + HANG,
     "FAIL  hello: it closed its output before its hello", [HELLO_LOST + ENDED, CALL_MAIN]),
    ("no-hello", "sys.path[:] = []\nimport cargo_credential",
     "FAIL  hello: it exited with status 1 before its hello", [HELLO_LOST + ENDED,
     "Copy cargo_credential.py beside the script.",
     "| ModuleNotFoundError at line 4 of other.py"]),
    ("no-hello", "from .cargo_credential import main",
     "FAIL  hello: it exited with status 1 before its hello", [HELLO_LOST + ENDED,
     "Start the package through a script outside of it.", "| {import} at line 3 of other.py"]),
    ("crash", HELLO + "sys.stdin.readline(); raise ValueError(TOKEN)",
     "FAIL  " + READ + "it exited with status 1 before its response",
     [ANSWER_LOST + ENDED, EACH_TIME,
      "| ValueError at line %d of other.py" % LINE]),
    ("crash", LOOP + "sys.stderr.buffer.write(b'no vault\\xff\\nno token\\n'); sys.exit(3)",
     "FAIL  " + READ + "it exited with status 3 before its response",
     [ANSWER_LOST + ENDED, EACH_TIME,
      "| lines on standard error: 2; run the provider to read them"]),
    ("crash", HELLO + "sys.stdin.readline(); os.kill(os.getpid(), 9)", "FAIL  " + READ +
     "it was killed by signal 9 before its response", [ANSWER_LOST + ENDED, EACH_TIME]),
    # It hangs
    ("silent", HANG.join(["import time; ", ""]),
     "FAIL  hello: nothing on standard output in %s s" % PATIENCE,
     [SLOW]),
    ("silent", "print('{\"v\":[1]}')\nimport time; " + HANG,
     "FAIL  hello: nothing on standard output in %s s" % PATIENCE,
     [SLOW]),
    ("silent", LOOP + HANG, "FAIL  " + READ + "nothing on standard output in %s s" % PATIENCE,
     [SLOW]),
    ("unended", BY_HAND + "sys.stdout.write('{\"v\":[1]}'); sys.stdout.flush(); " + HANG,
     "FAIL  hello: no line end after `{\"v\":[1]}` in %s s" % PATIENCE,
     ["End the line and flush it: Cargo waits for ever."]),
    ("endless", LOOP + "sys.stdout.write('{' + ' ' * 50000000)",
     "FAIL  " + READ + "more than 1000000 bytes without a line end",
     ["Write one short line: Cargo reads on until the line ends."]),
    ("running", LOOP + "say(get()); " + HANG, "FAIL  " + READ +
     "it runs on %s s after the end of its input" % PATIENCE,
     ["Exit at the end of standard input: Cargo waits for ever."]),
    ("flood", LOOP + "say(get()); sys.stdout.write('x' * 70000); sys.stdout.flush()", "FAIL  " +
     READ + "70000 bytes after its last answer", ["Write nothing after the answer: Cargo does "
     "not read it and waits for ever, since the pipe is full."]),
    # It answers, and Cargo drops the answer
    ("status", LOOP + "say(get()); sys.exit(1)", "FAIL  " + READ +
     "it answers, but exited with status 1",
     ['Cargo says "credential process `PATH` failed with status exit status: 1".',
     "Exit with status 0 after any answer, even an Err: otherwise Cargo drops the answer."]),
    ("status", LOOP + "say(err('not-found')); sys.exit(1)", "FAIL  " + READ +
     "it answers, but exited with status 1",
     ['Cargo says "credential process `PATH` failed with status exit status: 1".',
     "Exit with status 0 after any answer, even an Err: otherwise Cargo drops the answer."]),
    ("status", LOOP + "say(get()); os.kill(os.getpid(), 9)", "FAIL  " + READ +
     "it answers, but was killed by signal 9",
     ['Cargo says "credential process `PATH` failed with status signal: 9".',
     "Exit with status 0 after any answer, even an Err: otherwise Cargo drops the answer."]),
    ("unread", "os.close(0)\n" + HELLO + "time.sleep(0.5); say(get())", "FAIL  " + READ +
     "it does not read the request", ['Cargo says "failed to write to credential provider".',
     "Read the request before you answer."]),
    # What it writes is not the protocol
    ("byte-order-mark", "sys.stdout.buffer.write(b'\\xef\\xbb\\xbf')\n" + LOOP + "say(get())",
     "FAIL  hello: its hello begins with a byte order mark",
     [HELLO_LOST + NO_VALUE, "Write UTF-8 without a byte order mark."]),
    ("encoding", LOOP +
     "sys.stdout.buffer.write(b'{\"Err\":{\"kind\":\"other\",\"message\":\"\\xe9\"}}\\n'); "
     "sys.stdout.flush()", "FAIL  " + READ + "its response is not UTF-8", ['Cargo says "failed '
     'to read response from credential provider" and "did not contain valid UTF-8".',
     "Write UTF-8, whatever the locale is."]),
    ("python-dict", LOOP + "print(get(), flush=True)", "FAIL  " + READ + "its response is not "
     "JSON: `{'Ok': {'kind': 'get', 'token': '... ...', 'cache': 'session...`", [ANSWER_LOST +
     ' and "at line 1 column 2".',
     "Write json.dumps(value): this is how Python prints a dict."]),
    ("json", "print('{\\n \"v\": [1]\\n}', flush=True)\nsys.stdin.read()",
     "FAIL  hello: its hello is not JSON: `{`", [HELLO_LOST + ".", ONE_LINE]),
    ("json", LOOP + "import json; print(json.dumps(get(), indent=1), flush=True)", "FAIL  " + READ +
     "its response is not JSON: `{`", [ANSWER_LOST + ".", ONE_LINE]),
    ("stray", "print('starting')\n" + LOOP + "say(get())",
     "FAIL  hello: a line of 8 bytes in place of its hello", [HELLO_LOST + NO_VALUE,
     TO_STDERR]),
    ("stray", LOOP + "say(TOKEN)", "FAIL  " + READ +
     "a line of %d bytes in place of its response" % len(GOOD_TOKEN), [ANSWER_LOST + NO_VALUE,
     TO_STDERR]),
    ("stray-value", LOOP + "say('2024-01-01 asking')", "FAIL  " + READ +
     "a line of 17 bytes in place of its response", [ANSWER_LOST + ".", TO_STDERR]),
    ("empty-line", LOOP + "say('')", "FAIL  " + READ + "an empty line in place of its response",
     [ANSWER_LOST + ' and "EOF while parsing a value at line 2 column 0".',
     "Write no empty lines."]),
    ("bad-hello", BY_HAND + "say({'v': 1}); sys.stdin.read()",
     'FAIL  hello: its hello is `{"v": 1}`: field `v` must be a list', [HELLO_LOST + ".",
     'Write {"v":[1]} as the first line.']),
    ("version", BY_HAND + "say({'v': [2]}); sys.stdin.read()",
     "FAIL  hello: it does not offer version 1 of the protocol",
     ['Cargo says "credential provider supports protocol versions".',
     'Write {"v":[1]} as the first line.']),
    ("envelope", LOOP + "say(get()['Ok'])", "FAIL  " + READ + 'its answer is ' '`{"kind": '
     '"get", "token": "... ...", "cache": "session", "ope...`: the line must be an object with '
     'one field, `Ok` or `Err`', [ANSWER_LOST + ".",
     'Write {"Ok":{"kind":...}} or {"Err":{"kind":...}}.']),
    ("envelope", LOOP + "say({'Err': 'not-found'})", "FAIL  " + READ +
     'its answer is `{"Err": "not-found"}`: field `Err` must be an object',
     [ANSWER_LOST + ".", 'Write {"Ok":{"kind":...}} or {"Err":{"kind":...}}.']),
    ("envelope", LOOP + "say('{\"Ok\":{\"kind\":\"get\",\"%s\":1,\"%s\":2}}' % (TOKEN, TOKEN))",
     "FAIL  " + READ +
     'its answer is `{"Ok":{"kind":"get","... ...":1,"... ...":...}}`: a duplicate field',
     None),
    ("underscore", LOOP +
     "say(get(operation_independent=None, **{'operation-independent': True}))", "FAIL  " +
     READ + 'its answer is `{"Ok": {"kind": "get", "token": "... ...", "cache": "session...`: '
     'missing field `operation_independent`', [ANSWER_LOST +
     ' and "missing field `operation_independent`".',
     "Spell `operation_independent` with an underscore: no other field has one."]),
    ("missing-field", LOOP + "say(get(cache=None))", "FAIL  " + READ + 'its answer is `{"Ok": '
     '{"kind": "get", "token": "... ...", "operation_indepe...`: missing field `cache`',
     [ANSWER_LOST + ' and "missing field `cache`".',
     "Add the field: a get requires `token`, `cache` and `operation_independent`."]),
    ("message", LOOP + "say(err('other'))", "FAIL  " + READ +
     'its answer is `{"Err": {"kind": "other"}}`: missing field `message`',
     [ANSWER_LOST + ' and "missing field `message`".',
      "Add a `message` to an Err of kind other; `caused-by`, a list of strings, is optional."]),
    ("field-type", LOOP + "say(get(operation_independent=1))", "FAIL  " + READ +
     'its answer is `{"Ok": {"kind": "get", "token": "... ...", "cache": "session...`:'
     " field `operation_independent` must be true or false", [ANSWER_LOST + ".",
     "Write strings in double quotes, and true and false without: not null, not 1."]),
    ("expiration", LOOP + "say(get(cache='expires', expiration=time.time() + 3600))", "FAIL  " +
     READ + 'its answer is `{"Ok": {"kind": "get", "token": "... ...", "cache": "expires...`: '
     'field `expiration` must be an integer', [ANSWER_LOST + ".",
     "Write `expiration` as whole seconds since 1970: not a float, a string or milliseconds."]),
    ("expiration", LOOP + "say(get(cache='expires', expiration=1900000000000))", "FAIL  " +
     READ + 'its answer is `{"Ok": {"kind": "get", "token": "... ...", "cache": "expires...`: '
     'expiration must be Unix seconds, such as time.time() + 3600, in the years -9999 to 9999'
     ' (is it in milliseconds?)', [ANSWER_LOST + ".",
     "Write `expiration` as whole seconds since 1970: not a float, a string or milliseconds."]),
    ("unknown-error", LOOP + "say(err(TOKEN))", "FAIL  " + READ + "an unknown kind of Err",
     ['Cargo says "unknown error kind; try updating Cargo?".',
      "Use url-not-supported, not-found, operation-not-supported, or other with a message."]),
    ("unexpected", LOOP + "say({'Ok': {'kind': 'logout'}})", "FAIL  " + READ +
     "it answers a get with logout",
     ['Cargo says "credential provider produced unexpected response for".', SPELL]),
]  # fmt: skip

# What is wrong with its answers
BROKEN_ANSWERS = [
    # Tokens
    ("empty-token", LOOP + "say(get(token=''))", "FAIL  " + READ + "the token is empty",
     [REJECTED, "Answer not-found if no token is stored."]),
    ("line-break", LOOP + "say(get(token=TOKEN + '\\n' if 'publish' in line else TOKEN, "
     "operation_independent=False))", "FAIL  get for publish: the token contains a line break",
     [INVALID, "Remove it: in Cargo 1.95 a line break adds a header to reads, and 1.96 "
     "ends with an error."], PUBLISH),
    ("characters", LOOP +
     "say(get(token='a\\u00e9' if 'publish' in line else TOKEN, operation_independent=False))",
     "FAIL  get for publish: the token contains a character that an HTTP header cannot carry",
     [INVALID, "Use printable ASCII alone."], PUBLISH),
    ("not-a-token", LOOP + "say(get(token='Bearer ****'))",
     "FAIL  " + READ + "the token is what programs write for a missing or hidden value",
     [REJECTED, "Look where it comes from."]),
    ("not-a-token", LOOP + "say(get(token=dumps({'token': TOKEN})))",
     "FAIL  " + READ + "the token is JSON", [REJECTED,
     "Return one field of it: token_from_command.py has `--json NAME` for this."]),
    ("not-a-token", LOOP + "say(get(token='Bearer ' + TOKEN))",
     "FAIL  " + READ + "the token has its scheme twice", [REJECTED, "Leave one out."]),
    ("not-a-token", LOOP + "say(get(token='Authorization: ' + TOKEN))",
     "FAIL  " + READ + "the token begins with a name and a colon, as a header does", [REJECTED,
     "Leave both out."]),
    ("not-a-token", LOOP + "say(get(token='Basic u:' + TOKEN))",
     "FAIL  " + READ + "after `Basic` comes one word, the base64 form of LOGIN:TOKEN", [REJECTED,
     "Encode it."]),
    ("not-a-token", BASIC % "b'bot:$(System.AccessToken)'",
     "FAIL  " + READ + "the token is a placeholder that nothing replaced", [REJECTED,
     "Set the variable, or correct its name."]),
    ("basic", LOOP + "say(get(token='Basic c2VjcmV0'))",
     "FAIL  " + READ + NO_BASIC, [REJECTED, ENCODE]),
    ("basic", LOOP + "say(get(token='basic dTpweA'))", "FAIL  " + READ + NO_BASIC,
     [REJECTED, ENCODE]),
    ("empty-token", BASIC % "b':'", "FAIL  " + READ + "the token is empty",
     [REJECTED, "Answer not-found if no token is stored."]),
    ("basic-characters", BASIC % ("b'bot:one\\nmachine r2.example password ' + " +
     repr(TOKEN.encode())), "FAIL  " + READ + HIDDEN, [REJECTED, QUOTE]),
    ("basic-characters", BASIC % "b'b\\tot:one'", "FAIL  " + READ + HIDDEN, [REJECTED, QUOTE]),
    ("basic-characters", BASIC % "b'bot:\\xc3\\xa9'", "FAIL  " + READ + HIDDEN,
     [REJECTED, QUOTE]),
    ("placeholder", LOOP + "say(get(token='Secret([REDACTED])'))",
     "FAIL  " + READ + "the token is a placeholder, a variable's name or a printed object",
     [REJECTED, "Return the token itself: Secret has expose() for it, bytes have decode()."]),
    ("scheme", LOOP + "say(get(token=TOKEN.split()[1]))",
     "warn  scheme: the token has no scheme, as in `Bearer TOKEN`", ['Cargo says "token '
     'rejected for" if the registry requires one; 1.96 adds a note about the scheme.',
     "Add the scheme that your registry documents, unless it takes the token alone."]),
    ("cache", LOOP + "say(get(cache='sesion'))", "warn  cache: a `cache` that Cargo does not know",
     ["Use session, never or expires: Cargo treats any other as never and asks for each request."]),
    ("expired", LOOP + "say(get(cache='expires', expiration=int(time.time()) + 50))",
     "warn  cache: a token that has expired or expires within a minute",
     ["Return a fresh token: Cargo treats one as expired 60 seconds early and asks each time."]),
    ("leak", LOOP + "sys.stderr.write('got ' + TOKEN); say(get())",
     "FAIL  messages and standard error: it shows the token", ["Keep the token out of "
     "messages: Cargo passes them on to the terminal and the logs of CI."]),
    ("leak", LOOP +
     "say(get() if 'read' in line else err('other', message='no publish with ' + TOKEN))",
     "FAIL  messages and standard error: it shows the token", ["Keep the token out of "
     "messages: Cargo passes them on to the terminal and the logs of CI."]),
    ("noise", LOOP + "say(get() if 'INDEX' in line else ''); say('bye')",
     "warn  output after the answer: 4 bytes",
     ["Write nothing after an answer: Cargo ignores it, unless it sends a second request."]),
    # Errors for the user's registry
    ("not-served", LOOP + "say(err('url-not-supported'))", "FAIL  " + READ +
     "url-not-supported", ['Cargo says "no credential providers could handle the request".',
     COMPARE]),
    ("not-served", with_module("return").replace("'INDEX'", "'crates.corp.exmaple'"), "FAIL  " +
     READ + "url-not-supported",
     ['Cargo says "no credential providers could handle the request".', COMPARE]),
    ("no-get", with_module("raise OperationNotSupported"), "FAIL  " + READ +
     "operation-not-supported", ['Cargo says "requested operation not supported".',
     "Answer a get with a token: with cargo_credential.py, override `get`."]),
    ("no-token", LOOP + "say(err('not-found'))", "warn  " + READ + "not-found",
     ['Cargo says "no token found for".',
     "Store a token first, or try a made-up one with --login and --yes."]),
    ("failed", with_module("raise OSError('the vault is sealed')"), "FAIL  " + READ +
     "other: the vault is sealed", [ENDS, TRACEBACK]),
    ("failed", with_module("return 'x'"), "FAIL  " + READ + "other: the provider returned str "
     "for the action `get`: it must return a GetResponse, or raise an Error", [ENDS,
     "Return the response that the message names, or raise an Error."]),
    ("failed", with_module("return"), "FAIL  " + READ + "other: the provider returned NoneType "
     "for the action `get`: it must return a GetResponse, or raise an Error", [ENDS,
     "Return the response that the message names, or raise an Error."]),
    ("failed", with_module("return GetResponse('x')"), "FAIL  " + READ +
     "other: GetResponse.token must be a Secret, not str", [ENDS,
     "Wrap the token: GetResponse(Secret(token))."]),
    ("failed", with_module("return").replace("registry, operation, args", "registry"),
     "FAIL  " + READ + "other: {name}get() takes 2 positional arguments but 4 were given",
     [ENDS, "Define get(self, registry, operation, args)."]),
    ("failed", LOOP + "say(err('other', message='login() takes 2 arguments'))", "FAIL  " + READ +
     "other: login() takes 2 arguments", [ENDS, "Define login(self, registry, options, args)."]),
    ("failed", LOOP + "say(err('other', message='logout() missing 1 argument'))", "FAIL  " + READ +
     "other: logout() missing 1 argument", [ENDS, "Define logout(self, registry, args)."]),
    ("failed", with_module("return GetResponse()"), "FAIL  " + READ +
     "other: {init}__init__() missing 1 required positional argument: 'token'", [ENDS, TRACEBACK]),
    ("failed", with_module("return").replace("(Credential)", ""), "FAIL  " + READ +
     "other: 'Provider' object has no attribute 'perform'",
     [ENDS, "Derive the class: class Provider(Credential)."]),
    ("failed", with_module("input()"), "FAIL  " + READ + "other: EOF when reading a line",
     [ENDS, "Run the checker in a terminal: the provider reads a line."]),
    ("failed", with_module("return GetResponse(Secret('x\\n'))"), "FAIL  " + READ +
     "other: the token ends with a line break, so no HTTP header can carry it", [ENDS,
     "Strip the token: token.strip()."]),
    ("failed", with_module("return GetResponse(Secret('x\\ny'))"), "FAIL  " + READ +
     "other: the token contains a line break, so no HTTP header can carry it", [ENDS,
     "Return a token of one line."]),
    ("failed", with_module("return GetResponse(Secret(''))"), "FAIL  " + READ +
     "other: the token is empty, so no HTTP header can carry it", [ENDS,
     "Raise NotFound if no token is stored."]),
    ("failed", LOOP + "say(err('other', message='the entry is not in the store'))", "FAIL  " +
     READ + "other: the entry is not in the store", [ENDS,
     "Answer not-found if no token is stored."]),
    ("failed", with_module("sys.exit(1)"), "FAIL  " + READ +
     "other: the provider tried to exit with status 1 instead of answering",
     [ENDS, "Raise NotFound or OtherError: do not exit before the answer."]),
    ("failed", with_module("return GetResponse(Secret({'read': 'Bearer x', 'publish': 'Bearer "
     "y', 'yank': 'Bearer z'," " 'unyank': 'Bearer z'}[operation.kind]))"),
     "FAIL  get for owners: other: KeyError: 'owners'", [ENDS, TRACEBACK]),
    ("failed", with_module("return GetResponse(Secret('Bearer ' + registry.name))"),
     "FAIL  get without a name: other: {concatenate}", [ENDS, TRACEBACK]),
    ("operation", LOOP + "say(err('operation-not-supported') if 'publish' in line else "
     "get(operation_independent=False))", "warn  get for publish: operation-not-supported",
     ['Cargo says "requested operation not supported".',
     "Return a token for this operation, too, if your users need it."], PUBLISH),
    ("no-other", LOOP + "say(err('not-found') if '\"owners' in line else get())",
     "warn  get for owners: not-found, but a token to read", [BOTH]),
    ("no-read", LOOP + "say(err('not-found') if '\"read' in line else get())",
     "warn  get for publish: a token, but not-found to read",
     ["Return a token to read, too: `cargo publish` first requests one."]),
    ("one-token", with_module("return GetResponse(Secret('Bearer x-' + operation.kind))"),
     "warn  operation_independent: another token to publish, but the one to read is said to be for "
     "all operations", ["Add operation_independent=False: otherwise Cargo publishes with the "
     "token to read."]),
    ("get-other", LOOP.replace("if 'IN", "if '\"alt\"' not in line and 'IN") + "say(get())",
     "FAIL  the registry's name, another index: " + GIVES, [UNLESS]),
    ("get-other", LOOP.replace("'INDEX'", "'//crates.corp.example'") + "say(get())",
     "FAIL  the registry's host within another URL: " + GIVES, [UNLESS]),
    ("get-other", LOOP.replace("'INDEX'", "'/crates.corp.example/'") + "say(get())",
     "FAIL  the registry's host within another URL: " + GIVES, [UNLESS]),
    ("get-other", LOOP.replace("'INDEX'", "'https://crates.corp.example@'").replace(
     "not in line", "not in line.replace('example/', 'example@')") + "say(get())",
     "FAIL  the registry's host within another URL: " + GIVES, [UNLESS]),
    ("get-other", LOOP.replace("not in line", "not in line.replace('git:', 'sparse+https:')"
     ".replace('#@check-provider.invalid', '')") + "say(get())",
     "FAIL  the registry's host within another URL: " + GIVES, [UNLESS]),
    ("get-other", LOOP.replace("not in line", "not in line.replace('http:', 'https:')") +
     "say(get())", "FAIL  the registry's URL without TLS: " + GIVES, [UNLESS]),
    ("get-other", LOOP.replace("'INDEX'", "'{'") + "say(get())", "FAIL  " + NOT_YOURS + GIVES,
     [UNLESS]),
    ("get-other", LOOP.replace("err('url-not-supported')", "get()") + "say(err('not-found'))",
     "FAIL  " + NOT_YOURS + GIVES, [UNLESS]),
    ("get-other", with_module("return GetResponse(Secret('Bearer x'))").replace(
     "registries =", "registeries ="), "FAIL  " + NOT_YOURS + GIVES, [UNLESS]),
    ("get-other", with_module("return GetResponse(Secret('Bearer x'))").replace(
     "    registries = ('INDEX',)\n", ""), "FAIL  " + NOT_YOURS + GIVES, [UNLESS]),
    ("differs", LOOP + "say(err('url-not-supported') if '\"owners' in line else get())",
     "FAIL  get for owners: url-not-supported, but a token to read",
     ["Decide by the registry, not by the operation, whether to answer."]),
    ("headers", LOOP +
     "say(get() if 'WWW-Auth' in line or 'headers' not in line else err('not-found'))",
     "warn  get with headers of Cargo 1.96: not-found, but a token with the headers of Cargo 1.95",
     ["Compare the names of headers without case: Cargo 1.96 passes them on in lower case."]),
    ("nameless", LOOP + "say(get() if 'name\":\"alt' in line else err('not-found'))",
     "warn  get without a name: not-found, but a token with the name",
     ["Decide by the index URL: `cargo install --index URL` sends no name."]),
    ("later", HELLO + "for i, line in enumerate(sys.stdin): say(err('url-not-supported') if "
     "'INDEX' not in line else" " err('other', message='x') if i else get())",
     "warn  get for all operations in one process: get other other other other",
     ["Answer each request in one process as in a process of its own."]),
]  # fmt: skip

LOOK_FIRST = [
    'Cargo says "requested operation not supported".',
    "Look at the URL first: as a global provider, yours ends the command for any other registry.",
]
DECLINE = (
    "Answer url-not-supported: as a global provider, yours ends the command for any other registry."
)
WITHOUT_JSON = "Answer with an Err of kind other; Cargo sends no such line."


def instead(condition, answer):
    """A provider of no registry that gives another answer where a condition holds."""
    say = "say(%s if %s else err('url-not-supported'))" % (answer, condition)
    return HELLO + "for line in sys.stdin: " + say


# The same without --index
BROKEN_FOR_OTHERS = [
    ("get-first", instead("True", "get()"), "warn  " + NOT_YOURS +
     "it gives a token for a registry that does not exist", ["Answer url-not-supported unless "
     "the index URL is yours: a clone's configuration can name any host."]),
    ("get-first", instead("'publish' in line", "get()"),
     "warn  publish, yank, unyank, owners: it gives a token for a registry that does not exist",
     ["Answer url-not-supported unless the index URL is yours: a clone's configuration can "
     "name any host."]),
    ("operation-not-supported-first", instead("True", "err('operation-not-supported')"),
     "warn  " + NOT_YOURS + "operation-not-supported before it looks at the URL", LOOK_FIRST),
    ("failed", with_module("return").replace("('INDEX',)", "'INDEX'"), "FAIL  " + NOT_YOURS +
     "other: Provider.registries must be a tuple of strings: write ('%s',)" % INDEX,
     [ENDS, "Change the code as the message says."]),
    ("failed", with_module("return").replace("main(Provider())", "main(Provider)"), "FAIL  " +
     NOT_YOURS + "other: main takes an instance: write main(Provider()), not main(Provider)",
     [ENDS, "Change the code as the message says."]),
    ("not-found-first", instead("True", "err('not-found')"), "warn  " + NOT_YOURS + "not-found",
     ["Answer url-not-supported for other registries, unless the provider serves all of them."]),
    ("other-first", instead("True", "err('other', message='one\\nFAIL  fake: x\\x1b[31m')"),
     "warn  " + NOT_YOURS + "other: one\\nFAIL  fake: x\\x1b[31m", [DECLINE]),
    ("other-first", instead("'name' not in line", "err('other', message='no name')"),
     "warn  a registry without a name: other: no name", [DECLINE]),
    ("other-first", instead("'git' in line", "err('other', message='git')"),
     "warn  a git index: other: git", [DECLINE]),
    ("crash", instead("'\"owners' in line", "1 / 0"),
     "FAIL  publish, yank, unyank, owners: it exited with status 1 before its response",
     [ANSWER_LOST + ENDED, EACH_TIME,
      "| ZeroDivisionError at line %d of other.py" % LINE]),
    ("crash", instead("'n\":\"check' in line", "1 / 0"),
     "FAIL  unknown operation: it exited with status 1 before its response", [ANSWER_LOST +
     ENDED, EACH_TIME, "| ZeroDivisionError at line %d of other.py" % LINE]),
    ("unexpected", instead("'kind\":\"check' in line", "{'Ok': {'kind': 'logout'}}"),
     "warn  unknown kind: it answers an unknown kind with logout",
     ['Cargo says "credential provider produced unexpected response for".',
      "Answer with an Err: a later Cargo may have more kinds."]),
    ("extra", instead("'extra' in line", "err('not-found')"),
     "FAIL  extra fields: not-found, but url-not-supported without them",
     ["Ignore fields that you do not know: a later Cargo may send them."]),
    ("borrowed", instead("'WWW' in line", "err('other', message='expected a borrowed string')"),
     "warn  escapes in arguments: it refuses an argument with a quote or a backslash",
     ["Known of the crate cargo-credential, rust-lang/cargo#13615: use no such argument."]),
    ("crash", HELLO + "if sys.stdin.readline(): say(err('url-not-supported'))",
     "warn  several requests: not 3 answers: it exited with status 0 before its response",
     [ANSWER_LOST + ENDED, "Answer until the end of the input; Cargo 1.95 asks only once."]),
    ("unexpected", instead("'JSON' in line", "get()"),
     "warn  a line that is not JSON: it answers no request with get",
     ['Cargo says "credential provider produced unexpected response for".', WITHOUT_JSON]),
    ("crash", instead("'JSON' in line", "1 / 0"),
     "warn  a line that is not JSON: it exited with status 1 before its response",
     [ANSWER_LOST + ENDED, WITHOUT_JSON, "| ZeroDivisionError at line %d of other.py" % LINE]),
    ("status", HELLO + "for line in sys.stdin: say(err('url-not-supported'))\n" "try: line\n"
     "except NameError: sys.exit(3)", "warn  end of the input: it exited with status 3",
     ['Cargo says "credential process `PATH` failed with status exit status: 3".',
     "Exit with status 0 also if no request comes; Cargo sends one."]),
    ("empty-token", instead("True", "get(token='')"), "FAIL  " + NOT_YOURS + "the token is empty",
     [REJECTED, "Answer not-found if no token is stored."]),
]  # fmt: skip


def cleaned(**more):
    """An environment without what changes Cargo, a provider or the checker."""
    unwanted = re.compile(r"CARGO_|.*_proxy$", re.IGNORECASE)
    kept = {name: text for name, text in base.environment().items() if not unwanted.match(name)}
    return dict(kept, **more)


class Checker(Directory):
    """A test that runs the checker."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        fill_library()

    def start(self, *arguments, env=None, **options):
        return start_checker(arguments, env or cleaned(), cwd=self.directory, **options)

    def finish(self, process):
        """The exit status and the lines of a checker."""
        try:
            output, errors = process.communicate()
        finally:
            process.kill()
        self.assertEqual(errors, b"")
        self.assertNotIn(TOKEN.encode(), output)
        return process.returncode, output.decode("ascii").splitlines()

    def check(self, *arguments, **options):
        return self.finish(self.start(*arguments, **options))

    def write_provider(self, code, index, *folder):
        name = "/".join([*folder, "other.py"])
        return self.program(code.replace("INDEX", index), name)

    @staticmethod
    def below(lines, verdict):
        """The lines below a verdict."""
        rest = lines[lines.index(verdict) + 1 :]
        count = next((i for i, line in enumerate(rest) if not line.startswith("      ")), len(rest))
        return [line.strip() for line in rest[:count]]


class Reports(Checker):
    """Each problem that the checker knows, in a provider that has no other."""

    # Words that differ between versions of Python
    WORDS = {
        "{import}": "ModuleNotFoundError" if sys.version_info < (3, 7) else "ImportError",
        "{init}": "GetResponse." if sys.version_info >= (3, 10) else "",
        "{name}": "Provider." if sys.version_info >= (3, 10) else "",
        "{concatenate}": "must be str, not NoneType"
        if sys.version_info < (3, 7)
        else 'can only concatenate str (not "NoneType") to str',
    }

    def assert_reported(self, rows, *arguments):
        rows = sorted(rows, key=lambda row: "sleep" in row[1])  # those that wait do it together
        for first in range(0, len(rows), 4):
            running = []
            for number, row in enumerate(rows[first : first + 4], first):
                path = self.write_provider(row[1], INDEX, str(number))
                patience = PATIENCE if "sleep(30)" in row[1] else "60"
                process = self.start("--timeout", patience, *arguments, path)
                running.append((row, path, process))
            for row, path, process in running:
                with self.subTest(row[0], code=row[1]):
                    self.assert_row(row, path, *self.finish(process))

    def assert_row(self, row, path, status, lines):
        key, _, verdict, below = row[:4]
        for name, text in self.WORDS.items():
            verdict = verdict.replace(name, text)
            below = below and [line.replace(name, text) for line in below]
        self.assertIn(verdict, lines, "\n".join(lines))
        if below is not None:
            found = self.below(lines, verdict)
            if WINDOWS:  # where the program is not the script
                found, below = [[a for a in b if a[0] != "|"] for b in (found, below)]
            self.assertEqual(found, [line.replace("PATH", path) for line in below])
        failures = [line for line in lines if line.startswith("FAIL")]
        self.assertEqual(status, 1 if failures else 0)
        if key == "get-other":  # in more than one check
            self.assertEqual({line.partition(": ")[2] for line in failures}, {GIVES})
        elif key not in ("leak", "unread"):  # which show twice
            self.assertEqual(len(failures), verdict.startswith("FAIL"), lines)


@posix_only
class BrokenLines(Reports):
    def test_with_the_users_registry(self):
        rows = BROKEN_LINES
        if WINDOWS:  # where cmd.exe keeps the pipe open, and no signals are
            rows = [row for row in rows if not re.search(r"os\.close|os\.kill", row[1])]
        self.assert_reported(rows, *CORP)

    def test_without_the_users_registry(self):
        self.assert_reported(BROKEN_FOR_OTHERS)

    def test_a_line_is_read_also_if_too_much_follows_it(self):
        timeout = {"provider.timeout": 60}
        conversation = mock.Mock(rest=b"{}\nx", size=2000000, ended=False, **timeout)
        self.assertEqual(Conversation.line(conversation, "hello"), b"{}")


@posix_only
class BrokenAnswers(Reports):
    def test_with_the_users_registry(self):
        # On Windows a line ends with CR LF
        rows = [row for row in BROKEN_ANSWERS if not (WINDOWS and "bye" in row[1])]
        self.assert_reported(rows, *CORP)

    def test_a_long_message_is_cut_but_no_token_is(self):
        body = "token = 'secret-' + 'abcd' * 10\n"
        for size in range(200, 300, 20):
            text = "'x' * %d + token + 'y' * 300" % size
            failing = body + "        if operation.kind != 'read': raise OSError(%s)" % text
            code = with_module(failing + "\n        return GetResponse(Secret('Bearer ' + token))")
            path = self.write_provider(code, INDEX, str(size))
            _, lines = self.check("--timeout", "60", *CORP, path)
            (line,) = [line for line in lines if line.startswith("FAIL  get for owners")]
            self.assertEqual(len(line), 303)
            self.assertNotIn("abcd", "\n".join(lines))

    def test_where_an_exception_comes_from(self):
        path = self.write_provider(with_module("return {}[operation.kind]"), INDEX)
        env = cleaned(CARGO_CREDENTIAL_TRACEBACK="1")
        status, lines = self.check("--timeout", "60", *CORP, path, env=env)
        verdict = "FAIL  get for read: other: KeyError: 'read'"
        expected = [ENDS, TRACEBACK, "| KeyError at line 8 of other.py"]
        self.assertEqual((status, self.below(lines, verdict)), (1, expected))

    def test_an_error_for_one_operation_is_reported_once(self):
        body = "if operation.kind == 'owners': raise OtherError('x')\n        "
        path = self.write_provider(
            with_module(body + "return GetResponse(Secret('Bearer x'))"), INDEX
        )
        _, lines = self.check("--timeout", "60", *CORP, path)
        self.assertEqual(
            [line for line in lines if line.startswith(("warn", "FAIL"))],
            ["FAIL  get for owners: other: x"],
        )

    def test_each_problem_has_a_row(self):
        rows = BROKEN_LINES + BROKEN_ANSWERS + BROKEN_FOR_OTHERS + BROKEN_LOGINS + BROKEN_PROGRAMS
        windows = {"start-windows", "ending"}
        self.assertEqual(set(PROBLEMS) - {row[0] for row in rows}, windows)

    def test_each_fix_is_reported(self):
        rows = BROKEN_LINES + BROKEN_ANSWERS + BROKEN_FOR_OTHERS + BROKEN_LOGINS
        reported = "\n".join(["\n".join(row[3] or ()) for row in rows])
        reported += "\n".join(["", ABOVE, *[row[4] for row in BROKEN_PROGRAMS]])
        for key, (_, _, _, fixes) in PROBLEMS.items():
            if key not in ("start-windows", "ending"):
                for _, fix in fixes:
                    pattern = re.sub(r"\\?%\\?\(\w+\\?\)s", ".*", re.escape(fix))
                    with self.subTest(key):
                        self.assertRegex(reported, "(?m)^%s$" % pattern)

    def test_tokens_that_cannot_be(self):
        for token in (
            "Bearer ", "bearer", "***", "Bearer ***", "token None", "null", "Bearer undefined",
            "Secret([REDACTED])", "gho_********abcd", "b'abc'", "Bearer b'abc'", "'abc'", "$TOKEN",
            "Bearer ${TOKEN}", "{token}", "<your token>", "$(System.AccessToken)",
            "${{ secrets.T }}", "%T%", "$env:T", "<nil>", "[object Object]", "Bearer Bearer x",
            "Basic a b", "Authorization: Bearer x", "Basic dTpudWxs",
        ):  # fmt: skip
            with self.subTest(token), self.assertRaises(Problem):
                check_token(token)
        for token in (
            "abc", "Bearer abc", "Basic dTpw", "cio1.2-3_4~5+6/7==", "nonesuch", "Bearerabc",
            "a.b.c", "$2b$10$abc", "t$1", "a%2Fb%3D", "tok{1}", "Basic dG9rZW46eA==", "basic Onhw",
        ):  # fmt: skip
            with self.subTest(token):
                check_token(token)


BROKEN_PROGRAMS = [
    # (key, PROVIDER, the file's first line and mode, the verdict, the last line below it)
    ("built-in", "cargo:token", None, "FAIL  program: `cargo:token` is built into Cargo",
     "Name a program: the checker cannot start what is built into Cargo."),
    ("missing", "./missing", None, "FAIL  program: `./missing` does not exist",
     "Check the path."),
    ("missing", "missing-from-path", None, "FAIL  program: `missing-from-path` does not exist",
     "Name the program by its absolute path: Cargo looks up a bare name on PATH."),
    ("mode", "./plain", ("#!/bin/sh\n", 0o644), "FAIL  program: it is not executable",
     "Run: chmod +x DIRECTORY/plain"),
    ("directory", "./beside", None, "FAIL  program: it is a directory", "Name the program in it."),
    ("shebang", "./bare", ("import sys\n", 0o755), "FAIL  program: it has no shebang",
     "Name the interpreter in the script's first line: #!/usr/bin/env python3"),
    ("mark", "./mark", ("\ufeff#!/bin/sh\n", 0o755),
     "FAIL  program: it has no shebang, but a byte order mark",
     "Save the script as UTF-8 without a byte order mark."),
    ("crlf", "./crlf", ("#!/bin/sh\r\n", 0o755), "FAIL  program: its first line ends with CR LF",
     "Save it with Unix line ends: the system looks for an interpreter with a CR in its name."),
    ("interpreter", sys.executable, None,
     "FAIL  program: `%s` is an interpreter" % sys.executable, "Make the script executable and "
     "name it alone: Cargo runs `%s --cargo-plugin`." % sys.executable),
    ("start", "./lost", ("#!/no/python3\n", 0o755),
     "FAIL  hello: it cannot be started: No such file or directory",
     "Check the interpreter that the first line names."),
    ("crash", "./no-python", ("#!/usr/bin/env no-such-python\n", 0o755),
     "FAIL  hello: it exited with status 127 before its hello",
     "Check the first line: PATH has no interpreter of that name."),
    ("shadow", "./beside/prov", ("#!/usr/bin/env python3\n", 0o755),
     "warn  program: `token.py` beside it shadows the standard module of that name",
     "Rename the file: Python imports it in place of its own."),
]  # fmt: skip


class OnWindows(unittest.TestCase):
    """What differs on Windows, on any system."""

    def setUp(self):
        patch = mock.patch("os.name", "nt")
        patch.start()
        self.addCleanup(patch.stop)

    def test_programs_that_cargo_starts(self):
        for given, path, key in [
            ("C:/p/prov.cmd", "C:/p/prov.cmd", None),
            ("C:/p/PROV.CMD", "C:/p/PROV.CMD", None),
            ("prov", "C:/p/prov.EXE", None),
            ("prov.cmd", "C:/p/prov.cmd", None),
            ("prov", "C:/p/prov.CMD", "ending"),
            ("C:/p/prov.py", "C:/p/prov.py", "start-windows"),
            ("C:/p/prov", "C:/p/prov", "start-windows"),
        ]:
            with self.subTest(given):
                try:
                    check_provider.check_ending(given, path)
                    self.assertIsNone(key)
                except Problem as problem:
                    self.assertEqual((problem.cargo, problem.fix), self.explanation(key))

    @staticmethod
    def explanation(key):
        _, _, cargo, fixes = PROBLEMS[key]
        return cargo, fixes[-1][1]

    def test_what_cargo_says(self):
        for given, expected in [
            ("prov", "program not found"),
            ("C:/p/prov.exe", "(os error 2)"),
            ("C:/p/prov.cmd", "failed to deserialize hello"),
        ]:
            self.assertEqual(check_provider.missing_in_cargo(given), expected)
        for status, expected in [(1, "exit code: 1"), (0xC0000005, "exit code: 0xc0000005")]:
            self.assertEqual(in_cargo(status), expected)

    def test_the_command_of_a_program_with_an_ampersand_in_its_path(self):
        options = check_provider.parse([r"C:\R&D\prov.cmd"])
        provider = check_provider.Provider(options, Report(False), ".")
        provider.path = provider.given
        with mock.patch("subprocess.Popen", side_effect=OSError(8, "x")) as started:
            with self.assertRaises(Problem) as caught, check_provider.talk_to(provider):
                pass
        self.assertEqual(started.call_args[0][0], r'"C:\R&D\prov.cmd" --cargo-plugin')
        self.assertEqual(caught.exception.text, "it cannot be started: " + os.strerror(8))


@posix_only
class BrokenPrograms(Checker):
    def write_program(self, provider, file):
        self.write("beside/token.py", "")
        os.makedirs(
            self.path("beside/secrets"), exist_ok=True
        )  # no package: Python prefers its own
        if file:
            self.write(provider, *file)

    def test_what_the_report_says(self):
        for _, provider, file, verdict, last in BROKEN_PROGRAMS:
            with self.subTest(provider):
                self.write_program(provider, file)
                status, lines = self.check(provider)
                verdict = verdict.replace("DIRECTORY", self.directory)
                self.assertIn(verdict, lines, "\n".join(lines))
                below = [line for line in self.below(lines, verdict) if not line.startswith("|")]
                self.assertEqual(below[-1], last.replace("DIRECTORY", self.directory))

    def test_each_interpreter_is_recognized(self):
        for name in ("python3.11", "pypy3", "node", "nodejs", "ruby", "perl", "bash", "sh", "env"):
            path = self.write(name, "", 0o755)
            _, lines = self.check(path)
            self.assertEqual(lines[0], "FAIL  program: `%s` is an interpreter" % path)

    def test_a_relative_path_is_fine_for_the_checker(self):
        shutil.copy(MODULE, self.directory)
        _, lines = self.check("./cargo_credential.py", "--example-file", self.path("s.json"))
        self.assertEqual(
            lines[0],
            "ok    program: it is executable; in Cargo's configuration, write its absolute path",
        )


# A store whose commands each have an error that is switched on by an argument
STORE = (
    HELLO
    + """
def loads(text): return eval(text, {"true": True, "null": None})  # as fast as no import of json
path, url = %r, None
for line in sys.stdin:
    store = loads(open(path).read()) if os.path.exists(path) else {}
    try: asked = loads(line)
    except SyntaxError: say(err("other", message="no request")); continue
    kind, error = asked["kind"], (asked.get("args") or [""])[0]
    url, operation = asked["registry"]["index-url"], asked.get("operation")
    with open(path + ".log", "a") as log: log.write("%%s %%s\\n" %% (kind, url))
    answer = err("not-found")
    if kind == "get" and error == "publish" and operation == "publish":
        answer = get(token="precious-" + url)
    elif kind == "get" and error == "host": answer = err("url-not-supported")
    elif kind == "get" and error == "get" and url in store: pass
    elif kind == "get" and error == "anyone" and store:
        answer = get(token="Bearer " + list(store.values())[0])
    elif kind == "get" and url in store and error == "basic":
        import base64
        answer = get(token="Basic " + base64.b64encode(("u:" + store[url]).encode()).decode())
    elif kind == "get" and url in store:
        answer = get(token="Bearer " + ("wrong-token" if error == "other" else store[url]))
    elif kind == "login" and error == "login": answer = err("operation-not-supported")
    elif kind == "login" and error == "full": answer = err("other", message="no space left")
    elif error in ("no-login", "no-logout") and kind == error[3:]: pass
    elif kind == "login":
        if error == "append": asked["token"] = store.get(url, "") + asked["token"]
        if error == "stderr": sys.stderr.write("storing " + asked["token"] + "\\n")
        if error != "again" or url not in store: store[url] = asked["token"]
        answer = {"Ok": {"kind": "login"}}
    elif kind == "logout" and error == "stuck": answer = err("other", message="locked")
    elif kind == "logout" and (url in store or error == "twice"):
        if error != "logout": store.pop(url, None)
        answer = {"Ok": {"kind": "logout"}}
    elif kind not in ("get", "logout"): answer = err("operation-not-supported")
    with open(path, "w") as file: file.write(dumps(store))
    say(answer)
"""
)
LAST = "Return the token of the last login, unless the provider exchanges what it stores."
STAYS = "Erase it where the provider keeps tokens: a made-up one may be stored."
ABOVE = "Fix the problems above first."
STORED = "--login replaces no token: first remove those of the provider, also one to publish."
BROKEN_LOGINS = [
    # (key, the argument, the verdict, the lines below it)
    ("", "none", "ok    get after logout: not-found", []),
    ("", "basic", "ok    get after logout: not-found", []),
    ("no-login", "login", "warn  login: operation-not-supported",
     ["Leave out --login if the provider stores no tokens."]),
    ("no-place", "publish", "warn  registry for a login: none: check-provider: a token, "
     "crates-io: a token", [STORED]),
    ("no-place", "host", "warn  registry for a login: none: check-provider: url-not-supported, "
     "crates-io: url-not-supported", ["Add --index URL --yes for a registry that it serves."]),
    ("get-other", "anyone", "FAIL  get for another registry: it gives a token for another index "
     "than the one of the login", [UNLESS]),
    ("login", "no-login", "FAIL  login: not-found",
     ['Store the token and answer {"Ok":{"kind":"login"}}: in Python, return LoginResponse().']),
    ("failed", "full", "FAIL  login: other: no space left",
     [ENDS, TRACEBACK]),
    ("get", "get", "FAIL  get: not-found", [LAST]),
    ("get", "other", "FAIL  get: it returns another token",
     [LAST]),
    ("get", "again", "FAIL  get again: it returns another token",
     [LAST]),
    ("get", "append", "FAIL  get again: it returns another token",
     [LAST]),
    ("logout", "no-logout", "FAIL  logout: not-found",
     ['Erase the token and answer {"Ok":{"kind":"logout"}}: in Python, return LogoutResponse().',
      STAYS]),
    ("failed", "stuck", "FAIL  logout: other: locked",
     [ENDS, TRACEBACK, STAYS]),
    ("get-after-logout", "logout", "FAIL  get after logout: get",
     ["Erase the token where it is stored, and answer not-found.", STAYS]),
    ("logout-again", "twice", "warn  logout again: logout",
     ['Answer not-found if nothing is stored: Cargo then prints "not currently logged in to".']),
    ("leak", "stderr", "FAIL  messages and standard error: it shows the token",
     ["Keep the token out of messages: Cargo passes them on to the terminal and the logs of CI."]),
]  # fmt: skip


@posix_only
class Logins(Checker):
    def store(self, name):
        path = self.path(name + ".json")
        return self.program(STORE % path, name + ".py"), path

    def stored(self):
        return json.loads(self.read("store.json").decode())

    def test_each_error_of_a_store(self):
        for _, error, verdict, below in BROKEN_LOGINS:
            with self.subTest(error):
                program, store = self.store(error)
                status, lines = self.check("--login", "--timeout", "60", program, error)
                self.assertIn(verdict, lines, "\n".join(lines))
                self.assertEqual(self.below(lines, verdict), below)
                self.assertEqual(status, 1 if verdict.startswith("FAIL") else 0, lines)
                self.assertFalse([line for line in lines if "check-provider-token" in line])
                if error not in ("stuck", "logout", "no-logout"):
                    with open(store) as file:
                        self.assertEqual(json.load(file), {})

    def test_nothing_is_stored_or_erased_without_login(self):
        for arguments in ([], CORP):
            program, store = self.store("store%d" % len(arguments))
            self.check("--timeout", "60", *arguments, program)
            with open(store + ".log") as file:
                self.assertEqual({line.split()[0] for line in file}, {"get", "check-provider"})

    def test_the_users_registry_is_asked_for_nothing_but_tokens_without_login(self):
        program, store = self.store("store")
        self.check("--timeout", "60", *CORP, program)
        with open(store + ".log") as file:
            kinds = [line.split()[0] for line in file if INDEX in line]
        self.assertEqual(kinds, ["get"] * 13)

    def test_a_login_at_the_users_registry_alone(self):
        program, store = self.store("store")
        status, lines = self.check("--login", "--yes", "--timeout", "60", *CORP, program)
        self.assertEqual(status, 0, lines)
        self.assertIn("ok    registry for a login: alt has no token that could be lost", lines)
        self.assertIn("ok    get after logout: not-found", lines)
        with open(store + ".log") as file:
            urls = {line.split()[1] for line in file if line.split()[0] in ("login", "logout")}
        self.assertEqual(urls, {INDEX})

    def test_a_token_of_the_users_registry_is_not_lost(self):
        program, store = self.store("store")
        with open(store, "w") as file:
            json.dump({INDEX: "precious"}, file)
        status, lines = self.check("--login", "--yes", "--timeout", "60", *CORP, program)
        self.assertIn(
            "warn  registry for a login: none: alt: a token",
            lines,
        )
        self.assertIn(
            "      --login replaces no token:"
            " first remove those of the provider, also one to publish.",
            lines,
        )
        self.assertEqual((status, self.stored()), (0, {INDEX: "precious"}))

    def test_a_login_at_a_registry_that_is_not_served(self):
        program, _ = self.store("store")
        arguments = ("--login", "--yes", "--timeout", "60", *CORP, program, "host")
        status, lines = self.check(*arguments)
        verdict = "warn  registry for a login: none: alt: url-not-supported"
        self.assertEqual((status, self.below(lines, verdict)), (1, [ABOVE]))

    @posix_only
    def test_a_made_up_token_does_not_stay_after_a_signal(self):
        os.mkfifo(self.path("pipe"))
        program, store = self.store("store")
        wait = "(open(%r, 'w').write('stored'), time.sleep(30))" % self.path("pipe")
        for number in "12":  # of the login
            unless = "say(answer) if asked.get('token', '')[-1:] != '%s' else %%s" % number
            code = STORE.replace("say(answer)", unless)
            self.program(code % (store, wait), "store.py")
            process = self.start("--login", program)
            with open(self.path("pipe")) as pipe:
                self.assertEqual(pipe.read(), "stored")
            process.send_signal(signal.SIGTERM)
            status, lines = self.finish(process)
            self.assertEqual((status, self.stored()), (143, {}))


@posix_only
class Requests(Checker):
    """What the checker sends."""

    def test_what_is_asked_of_the_users_registry(self):
        log = self.path("log")
        code = LOOP + "open(%r, 'a').write(line); say(get())" % log
        provider = self.write_provider(code, INDEX)
        status, lines = self.check("--timeout", "60", *CORP, provider, "an argument")
        bad = [line for line in lines if line.startswith(("warn", "FAIL"))]
        self.assertEqual((status, bad), (0, []))
        with open(log) as file:
            asked = [json.loads(line) for line in file]
        for request in asked:
            self.assertEqual((request["v"], request["args"]), (1, ["an argument"]))
            self.assertIn(request.get("name"), (None, "check-provider-no-such-crate"))
        named = [(request["operation"], request["registry"].get("name")) for request in asked]
        operations = ["read", "publish", "yank", "unyank", "owners"]
        self.assertEqual(
            named,
            [(one, "alt") for one in operations]
            + [("read", "alt"), ("read", None)]
            + [(one, None) for one in operations]
            + [("check-provider", "alt")],
        )
        registries = [request["registry"] for request in asked]
        headers = [one["headers"] for one in registries if "headers" in one]
        login = ' Cargo login_url="https://check-provider.invalid/me"'
        self.assertEqual(
            headers,
            [
                ["WWW-Authenticate:" + login],
                ["www-authenticate:" + login, "x-not-ascii: "],
                ["WWW-Authenticate:" + login],
            ],
        )

    @posix_only
    def test_a_provider_may_ask_the_user_on_the_terminal(self):
        code = LOOP + (
            "say(get(token='Bearer ' + open('/dev/tty').readline().strip())"
            " if open('/dev/tty', 'w').write('word? ') else 0)"
        )
        path = self.write_provider(code, INDEX)
        command = [sys.executable, CHECKER, "--timeout", "60", *CORP, path]
        terminal = base.Terminal(command, env=cleaned())
        self.addCleanup(terminal.close)
        for _ in range(13):
            terminal.read(b"word? ")
            terminal.type(b"open-sesame\n")
        status, rest = terminal.rest()
        self.assertEqual(status, 0)
        self.assertIn(b" ok, 0 warn, 0 FAIL\r\n", rest)

    def test_what_will_be_asked_is_said_before(self):
        code = LOOP + "say(get())"
        _, lines = self.check("--timeout", "60", *CORP, self.write_provider(code, INDEX))
        at = lines.index("ok    get for read: a token for all operations, cache session")
        self.assertEqual(
            lines[at - 4 : at],
            ["      The checker asks for tokens of " + INDEX,
             "      13 times, to read and for the crate check-provider-no-such-crate.",
             "      The provider may prompt; the checker hides its standard error.",
             "      It has 60 s for each answer."],
        )  # fmt: skip

    def test_the_last_line_says_what_was_not_reached(self):
        start = "Not checked: "
        declined = start + (
            "any token of a registry that you name, since the provider declined the made-up one. "
            "Add --index URL."
        )
        other = start + "the tokens of your registry. Add --index URL, as in Cargo's configuration."
        named = start + "the name of your registry, which Cargo sends. Add --name NAME."
        login = start + "the login checks. If the provider stores tokens, add --login."
        with_yes = login[:-1] + " --yes."
        for code, arguments, last in [
            (LOOP + "say(get())", [], [declined, login]),
            (with_module("return GetResponse(Secret('Bearer x'))"), [], [declined, login]),
            (instead("True", "err('not-found')"), [], [other, login]),
            (instead("True", "get()"), [], [other, login]),
            (instead("True", "get()"), ["--login"], [other]),
            (LOOP + "say(get())", CORP[:2], [named, with_yes]),
            ("print('no')", [], []),
            (LOOP + "say(get())", CORP, [with_yes]),
            (LOOP + "say(get())", ["--login", "--yes", *CORP], []),
        ]:
            with self.subTest(code, arguments=arguments):
                provider = self.write_provider(code, INDEX)
                _, lines = self.check("--timeout", "60", *arguments, provider)
                self.assertRegex(lines[-1 - len(last)], "^[0-9]+ ok, [0-9] warn, [0-9] FAIL$")
                self.assertEqual(lines[len(lines) - len(last) :], last)

    def test_a_registry_that_takes_a_token_without_a_scheme(self):
        for index in (
            "https://github.com/rust-lang/crates.io-index",
            "sparse+https://d-1.d.codeartifact.eu-west-1.amazonaws.com/cargo/r/",
        ):
            code = LOOP + "say(get(token='raw-token'))"
            provider = self.write_provider(code, index)
            _, lines = self.check("--timeout", "60", "--index", index, provider)
            self.assertIn("ok    scheme: the registry takes a token without one", lines)
            self.assertRegex(lines[-3], "^[0-9]+ ok, 0 warn, 0 FAIL$")

    def test_the_usage(self):
        output, errors = self.start("--help", new=True).communicate(timeout=60)
        with open(CHECKER, encoding="utf-8") as file:
            text = file.read().split('"""')[1]
        self.assertEqual((output.decode().replace("\r", ""), errors), (text, b""))

    @linux_only
    def test_an_argument_that_is_not_utf_8_or_not_in_this_locale(self):
        for more, argument, message in [
            (ASCII, b"/\xc3\xa9", "this locale cannot encode a character of an argument: set LANG="
             "C.UTF-8"),
            ({}, b"/\xff", "an argument is not UTF-8: Cargo's configuration cannot hold it"),
        ]:  # fmt: skip
            process = self.start(os.fsdecode(argument), new=True, env=cleaned(**more))
            _, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 2)
            line = "check_provider.py: error: %s\n" % message
            self.assertEqual(errors.decode().splitlines(True)[1:], [line])

    def test_arguments_that_cannot_be(self):
        usage = (
            "usage: check_provider.py [OPTION...] PROVIDER [ARG...]; see --help\n"
            "check_provider.py: error: "
        )
        for arguments, message in [
            ([], "the following arguments are required: PROVIDER"),
            (["--index", "corp", "p"],
             "--index requires a URL, as `index` in Cargo's configuration"),
            (["--index", INDEX[:-1], "p"],
             "--index requires a slash at the end of a sparse index: so does Cargo"),
            (["--index", "sparse+https://index.crates.io/", "p"],
             "Cargo names crates.io by the index https://github.com/rust-lang/crates.io-index:"
             " use that"),
            (["--name", "alt", "p"], "--name requires --index"),
            (["--login", *CORP, "p"],
             "--login with --index stores and erases a token of that registry: add --yes"),
            (["--timeout", "0", "p"], "argument --timeout: invalid seconds value: '0'"),
        ]:  # fmt: skip
            process = self.start(*arguments)
            output, errors = process.communicate(timeout=60)
            text = errors.decode().replace("\r", "").replace("PROVIDER, ARG\n", "PROVIDER\n")
            self.assertEqual((process.returncode, output), (2, b""))
            self.assertEqual(text, usage + message.replace("PROVIDER, ARG", "PROVIDER") + "\n")


@posix_only
class Secrets(Checker):
    """No token is printed, whatever the provider writes."""

    WAYS = [
        "say(TOKEN)",
        "say('token=' + TOKEN)",
        "say({'Ok': {'kind': 'get', 'access_token': TOKEN}})",
        "say({'Ok': {'kind': 'get', 'token': {'value': TOKEN}}})",
        "say([TOKEN])",
        "say({'Ok': [TOKEN]})",
        "print(get(), flush=True)",
        'say(\'{"Ok":{"\\\\u006bind":"get","\\\\u0074oken":"%s"}}\' % TOKEN)',
        "sys.stdout.write(dumps(get())[:70]); sys.exit()",
        "sys.stdout.write(TOKEN); sys.stdout.flush(); time.sleep(30)",
        "sys.stderr.write(TOKEN + '\\n'); sys.exit(1)",
        "sys.stderr.write(TOKEN + 'Error: x\\n'); raise ValueError(TOKEN)",
        "raise KeyError(TOKEN)",
        "say(err(TOKEN))",
        "say({'Ok': {'kind': TOKEN}})",
        "say({'Err': {'kind': 'other', 'text': TOKEN}})",
        'say(\'{"%s":1,"%s":2}\' % (TOKEN, TOKEN))',
        "say(dict(get(), refresh_token=TOKEN))",
        "say(get(refresh_token='other-' + TOKEN))",
        "say(get()); say(TOKEN)",
        "say(get(token=TOKEN + '\\r\\nX: 1'))",
        "say(get(token=TOKEN + '\"\\\\'))",
        "say(get() if 'read' in line else err('other', message='not with ' + TOKEN))",
        "say(get() if 'read' in line else err('other', message=repr(TOKEN + '\\n')))",
        "say(get() if 'read' in line else err('other', message='x', **{'caused-by': [TOKEN]}))",
        "say(get(cache=TOKEN))",
        "import json; say(json.dumps(get(), indent=1))",
        "say('{\\'token\\': \"' + TOKEN + '\"}')",
        "say(dumps(get()).replace('}', ''))",
        "sys.stdout.buffer.write(b'\\xff' + TOKEN.encode() + b'\\n'); sys.stdout.flush()",
    ]

    def test_in_the_report_and_in_the_transcript(self):
        codes = [LOOP + way for way in self.WAYS] + [
            BY_HAND + "say({'v': [1], 'token': TOKEN}); sys.stdin.readline()",
            BY_HAND + "say(TOKEN)",
            BY_HAND + "say({'v': TOKEN})",
        ]
        for first in range(0, len(codes), 4):
            running = []
            for number, code in enumerate(codes[first : first + 4]):
                path = self.write_provider(code, INDEX, str(number))
                patience = PATIENCE if "sleep" in code else "60"
                process = self.start("--timeout", patience, "--transcript", *CORP, path)
                running.append((code, process))
            for code, process in running:
                with self.subTest(code):
                    _, lines = self.finish(process)  # looks for the token
                    self.assertRegex("\n".join(lines), "(?m)^[0-9]+ ok, [0-9] warn, [0-9] FAIL$")

    def test_the_transcript_shows_what_is_said(self):
        answer = "get(note='x') if 'read' in line else err('not-found', text='x')"
        code = LOOP + "sys.stderr.write('one\\n'); say(%s)" % answer
        provider = self.write_provider(code, INDEX)
        _, lines = self.check("--transcript", "--timeout", "60", *CORP, provider)
        said = [line.strip() for line in lines if line.startswith("      ")]
        for line in (
            '< {"v":[1]}',
            '< {"Ok":{"kind":"get","token":"[REDACTED]","cache":"session",'
            '"operation_independent":true}}',
            '< {"Err":{"kind":"not-found"}}',
            "! | lines on standard error: 1; run the provider to read them",
            '> {"v":1,"registry":{"index-url":"%s","name":"alt"},"kind":"get","operation":"owners",'
            '"name":"check-provider-no-such-crate"}' % INDEX,
            "> this is not JSON",
        ):
            self.assertIn(line, said)

    def test_the_shape_of_a_line(self):
        for line, expected in [
            (b"secret", "a line of 6 bytes"),
            (
                b'{"Ok":{"kind":"get","token":"a b:c"}}',
                '`{"Ok":{"kind":"get","token":"... ...:..."}}`',
            ),
            (b"{'token': b'x'}", "`{'token': ...'...'}`"),
            (b'["x", 1.5, null]', '`["...", ..., ...]`'),
            (b'{"\\u0074oken":"x"}', '`{"...":"..."}`'),
            (b"{" * 100, "`" + "{" * 60 + "...`"),
        ]:
            self.assertEqual(shape(line), expected)

    def test_what_is_shown_of_standard_error(self):
        two_lines = ["| lines on standard error: 2; run the provider to read them"]
        traceback = (
            b'Traceback (most recent call last):\n  File "/a/prov.py", line 7, in get\n'
            b"    x = 'secret'\nKeyError: 'secret'\n"
        )
        for text, expected in [
            (b"", []),
            (b"secret\n\nmore\n", two_lines),
            (traceback, ["| KeyError at line 7 of prov.py"]),
            (b'  File "/a/other.py", line 7\nsecretError: x\n', two_lines),
        ]:
            for path in ("/b/prov.py", r"C:\b\prov.cmd"):
                self.assertEqual(about_errors(text, path), expected)

    def test_how_a_text_may_spell_a_token(self):
        for token, expected in [
            ("Bearer abcd", {"Bearer abcd", "abcd"}),
            ("Basic Ym90OnNlY3JldA==", {"Basic Ym90OnNlY3JldA==", "Ym90OnNlY3JldA==",
             "bot:secret", "secret"}),
            ("Basic x", {"Basic x"}),
        ]:  # fmt: skip
            self.assertEqual(set(spellings({token})), expected)


@posix_only
class Ends(Checker):
    """How the checker ends, and what it leaves: nothing."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("tmp"))
        os.mkfifo(self.path("pipe"))
        self.env = cleaned(TMPDIR=self.path("tmp"))

    def test_at_a_signal(self):
        code = "open(%r, 'w').write('started')\nimport time; time.sleep(30)"
        path = self.program(code % self.path("pipe"))
        for number, expected in [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]:
            process = self.start(path, env=self.env)
            with open(self.path("pipe")) as pipe:
                self.assertEqual(pipe.read(), "started")
            self.assertEqual(len(os.listdir(self.path("tmp"))), 1)
            process.send_signal(number)
            self.assertEqual(self.finish(process), (expected, ["ok    program: it is executable"]))
            self.assertEqual(os.listdir(self.path("tmp")), [])

    def test_an_ignored_signal_stays_ignored(self):
        def ignore():
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does

        path = self.program("open(%r, 'w').write('started')" % self.path("pipe"))
        process = self.start(path, new=True, env=self.env, preexec_fn=ignore)
        with open(self.path("pipe")) as pipe:
            process.send_signal(signal.SIGHUP)
            self.assertEqual(pipe.read(), "started")
        status, lines = self.finish(process)
        self.assertEqual(status, 1)
        self.assertIn("1 ok, 0 warn, 1 FAIL", "\n".join(lines))

    def test_at_a_signal_while_a_process_of_the_provider_starts(self):
        path = self.program("import time; time.sleep(30)")
        code = (
            "import os, signal, subprocess, sys\nsys.path.insert(0, %r)\nimport check_provider\n"
            "class Popen(subprocess.Popen):\n    def __init__(self, *args, **options):\n"
            "        super().__init__(*args, **options)\n"
            "        os.kill(os.getpid(), signal.SIGTERM)\n"
            "subprocess.Popen = Popen\nsys.argv[1:] = [%r]\nsys.exit(check_provider.main())"
        )
        process = base.start(["-c", code % (os.path.dirname(CHECKER), path)], env=self.env)
        self.assertEqual(self.finish(process), (143, ["ok    program: it is executable"]))
        self.assertEqual(os.listdir(self.path("tmp")), [])

    def test_when_its_reader_goes_away(self):
        process = self.start(self.write_provider(LOOP + "say(get())", INDEX), env=self.env)
        self.assertEqual(process.stdout.readline(), b"ok    program: it is executable\n")
        process.stdout.close()
        process.stdout = None
        _, errors = process.communicate(timeout=120)
        self.assertEqual((process.returncode, errors), (141, b""))
        self.assertEqual(os.listdir(self.path("tmp")), [])

    @unittest.skipUnless(sys.platform == "linux", "needs /proc")
    def test_a_process_that_the_provider_leaves_is_stopped(self):
        child = "import os, time; os.setsid(); pipe = open(%r, 'w')\n" % self.path("pipe")
        child += "print('ready', flush=True); time.sleep(1200)"
        start = (  # one child, since the checker waits half a second for each
            "import subprocess\nif not os.path.exists(%r):\n open(%r, 'w').close()\n"
            " child = subprocess.Popen([sys.executable, '-c', %r], stdout=subprocess.PIPE)\n"
            " child.stdout.readline()\n"
        ) % (self.path("left"), self.path("left"), child)
        process = self.start(self.write_provider(start + LOOP + "say(get())", INDEX), env=self.env)
        with open(self.path("pipe")) as pipe:
            self.finish(process)
            self.assertEqual(pipe.read(), "")  # its end: no process has it open for writing

    def test_a_line_of_many_megabytes_takes_little_memory(self):
        def limit():
            base.resource.setrlimit(base.resource.RLIMIT_AS, (400 * 2**20,) * 2)

        patient = ("--timeout", "60", *CORP)
        for text in ("'x' * 100", "'{' * 1000", "'[1,' * 300", "'\"' + 'y' * 99"):
            for before, verdict in [
                ("pass", "FAIL  get for read: more than 1000000 bytes without a line end"),
                ("say(get())", "FAIL  get for read: [0-9]+ bytes after its last answer"),
            ]:
                loop = "\n        while True: sys.stdout.write(%s)" % text
                code = LOOP + "\n        " + before + loop
                path = self.write_provider(code, INDEX)
                _, lines = self.check(*patient, path, new=True, env=self.env, preexec_fn=limit)
                self.assertRegex("\n".join(lines), verdict)


# What the checker prints about a provider of crates.io's token, without the texts of its errors
STORES = """\
ok    program: it is executable
ok    hello: it offers protocol version 1
ok    get for a registry that does not exist: url-not-supported
ok    publish, yank, unyank, owners: url-not-supported
ok    a registry without a name: url-not-supported
ok    a git index: url-not-supported
ok    unknown kind: url-not-supported
ok    unknown operation: url-not-supported
ok    extra fields: ignored
ok    escapes in arguments
ok    several requests: url-not-supported url-not-supported url-not-supported
ok    a line that is not JSON
ok    end of the input: it exits
ok    registry for a login: crates-io has no token that could be lost
ok    login: done
ok    get: the token comes back
ok    get for another registry: url-not-supported
ok    login again: done
ok    get again: the token comes back
ok    logout: done
ok    logout again: not-found
ok    get after logout: not-found
ok    cache: valid
ok    output after the answer: nothing
ok    messages and standard error: no token in them
25 ok, 0 warn, 0 FAIL
Not checked: any token of a registry that you name, since the provider declined the made-up one. \
Add --index URL.
"""
# The same about a provider that has a token for the user's registry
HAS_A_TOKEN = """\
ok    program: it is executable
ok    hello: it offers protocol version 1
      The checker asks for tokens of sparse+https://crates.corp.example/index/
      13 times, to read and for the crate check-provider-no-such-crate.
      The provider may prompt; the checker hides its standard error.
      It has 60 s for each answer.
ok    get for read: a token for {0} operation{1}, cache never
ok    get for publish: a token for {0} operation{1}, cache never
ok    get for yank: a token for {0} operation{1}, cache never
ok    get for unyank: a token for {0} operation{1}, cache never
ok    get for owners: a token for {0} operation{1}, cache never
ok    get with headers of Cargo 1.96: a token for {0} operation{1}, cache never
ok    get without a name: a token for {0} operation{1}, cache never
ok    get for all operations in one process: get get get get get
ok    get for an unknown operation: get
ok    scheme: the token has one
ok    operation_independent: {2} token for all operations
ok    get for a registry that does not exist: url-not-supported
ok    publish, yank, unyank, owners: url-not-supported
ok    a registry without a name: url-not-supported
ok    a git index: url-not-supported
ok    unknown kind: url-not-supported
ok    unknown operation: url-not-supported
ok    extra fields: ignored
ok    escapes in arguments: url-not-supported
ok    several requests: url-not-supported url-not-supported url-not-supported
ok    a line that is not JSON: url-not-supported
ok    end of the input: it exits
ok    the registry's name, another index: url-not-supported
ok    the registry's host within another URL: url-not-supported
ok    the registry's host within another URL: url-not-supported
ok    the registry's host within another URL: url-not-supported
ok    the registry's host within another URL: url-not-supported
ok    the registry's URL without TLS: url-not-supported
ok    cache: valid
ok    output after the answer: nothing
ok    messages and standard error: no token in them
33 ok, 0 warn, 0 FAIL
Not checked: the login checks. If the provider stores tokens, add --login --yes.
"""


@posix_only
class GoodProviders(Checker):
    """No false alarms."""

    def assert_good(self, *arguments):
        status, lines = self.check("--timeout", "60", *arguments)
        bad = [line for line in lines if line.startswith(("warn", "FAIL"))]
        self.assertEqual((status, bad), (0, []), lines)
        return lines

    def test_the_module(self):
        module = MODULE
        if WINDOWS:
            module = self.write("module.cmd", '@"%s" "%s" %%*\r\n' % (sys.executable, MODULE))
        verdict = "ok    registry for a login: %s has no token that could be lost"
        os.mkdir(self.path("stores"), 0o700)
        store = ("--example-file", self.path("stores/s.json"))
        lines = self.assert_good("--login", module, *store)
        shown = [line.partition(": other: ")[0] for line in lines]
        self.assertEqual(shown, STORES.splitlines())
        lines = self.assert_good("--login", module, *store, "--any-registry")
        self.assertIn(verdict % "check-provider", lines)
        self.assert_good("--login", "--yes", *CORP, module, *store, "--any-registry")
        left = ["module.cmd", "stores"] if WINDOWS else ["stores"]
        self.assertEqual(sorted(os.listdir(self.directory)), left)
        self.assertEqual(json.loads(self.read("stores/s.json").decode()), {})

    @posix_only
    def test_the_first_provider_of_the_readme(self):
        with open(os.path.join(HERE, "README.md"), encoding="utf-8") as file:
            source = re.search(r"```python\n(.*?)```", file.read(), re.DOTALL).group(1)
        self.write("token", "Bearer x\n")
        shutil.copy(MODULE, self.directory)
        os.mkdir(self.path("__pycache__"))
        source = source.replace("/run/secrets/cargo-token", self.path("token"))
        self.assert_good(*CORP, self.write("prov.py", source, 0o755))

    SH = """#!/bin/sh
token='"token":"Bearer x","cache":"never","operation_independent":true'
echo '{"v":[1]}'
while read -r line; do
  case $line in
  *'"index-url":"%s"'*'"kind":"get"'*) echo "{\\"Ok\\":{\\"kind\\":\\"get\\",$token}}" ;;
  *) echo '{"Err":{"kind":"url-not-supported"}}' ;;
  esac
done
"""

    @posix_only
    def test_a_provider_in_sh(self):
        path = self.write("prov.sh", self.SH % INDEX, 0o755)
        self.assert_good(path)
        for value, words in [("true", ("all", "s", "one")), ("false", ("one", "", "no"))]:
            path = self.write("prov.sh", self.SH.replace("true", value, 1) % INDEX, 0o755)
            shown = HAS_A_TOKEN.format(*words).splitlines()
            self.assertEqual(self.assert_good(*CORP, path), shown)

    NODE = """#!/usr/bin/env node
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
"""

    @needs("node")
    @unittest.skipUnless(base.LOAD, "needs CARGO_CREDENTIAL_LOAD=1")  # it starts 70 times
    def test_a_provider_for_node(self):
        path = self.write("prov.js", self.NODE, 0o755)
        self.assert_good("--login", path)
        self.assert_good("--login", "--yes", *CORP, path)


@needs("cargo")
@posix_only
class CargoSays(WithCargo):
    """What the report quotes, real Cargo says of the same provider."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        fill_library()

    def cargo_environment(self):
        return cleaned(
            CARGO_HOME=self.path("cargo-home"), CARGO_TERM_COLOR="never", CARGO_NET_RETRY="0"
        )

    @staticmethod
    def quotes(line):
        """What Cargo says by a line of the report; %(name)s is any text."""
        if not line.startswith("Cargo says") and "Cargo then prints" not in line:
            return []
        found = re.findall(r'"([^"]+)"', line)
        return [re.sub(r"\\?%\\?\(\w+\\?\)s", ".*", re.escape(quote)) for quote in found]

    def assert_says(self, lines, errors):
        """How many of Cargo's sentences were found."""
        quotes = [quote for line in lines for quote in self.quotes(line)]
        for quote in quotes:
            self.assertRegex(errors, quote)
        return len(quotes)

    def run_cargo(self, *command):
        process = subprocess.Popen(
            ("cargo",) + command, cwd=self.path("project"), env=self.cargo_environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=os.setsid,
        )  # fmt: skip
        try:
            return process.communicate(timeout=60)[1].decode("utf-8", "replace")
        finally:
            process.kill()

    def test_of_providers(self):
        count = 0
        for number, row in enumerate(BROKEN_LINES + BROKEN_ANSWERS):
            if not any(self.quotes(line) for line in row[3] or ()):
                continue
            with self.subTest(row[0], code=row[1]):
                path = self.program(row[1].replace("INDEX", self.index), "%d/other.py" % number)
                self.configure(path)
                errors = self.run_cargo(*(row[4] if len(row) > 4 else ["update"]))
                count += self.assert_says([line.replace("PATH", path) for line in row[3]], errors)
        self.assertGreater(count, 50)

    def test_of_programs(self):
        for key, provider, file, _, _ in BROKEN_PROGRAMS:
            if key == "built-in" or provider == "./beside":
                continue
            with self.subTest(provider):
                path = self.path(provider[2:]) if provider.startswith("./") else provider
                if file:
                    self.write(path, *file)
                self.configure(path)
                cargo = PROBLEMS[key][2].replace("%(what)s", "hello")
                cargo = cargo.replace("%(says)s", "No such file or directory (os error 2)")
                self.assert_says([cargo], self.run_cargo("update"))

    def test_of_a_second_logout(self):
        self.configure(self.program(LOOP.replace("INDEX", self.index) + "say(err('not-found'))"))
        errors = self.run_cargo("logout", "--registry", "alt")
        self.assertEqual(self.assert_says([PROBLEMS["logout-again"][3][0][1]], errors), 1)

    def test_of_a_sparse_index_without_a_slash(self):
        self.index = self.index.rstrip("/")
        self.configure(self.program(HELLO))
        self.assertIn("must end in a slash", self.run_cargo("update"))

    def test_that_a_full_pipe_hangs_it(self):
        code = LOOP.replace("INDEX", self.index)
        self.configure(self.program(code + "say(get()); sys.stdout.write('x' * 200000)"))
        process = subprocess.Popen(
            ["cargo", "update"], cwd=self.path("project"), env=self.cargo_environment(),
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=os.setsid,
        )  # fmt: skip
        try:
            with self.assertRaises(subprocess.TimeoutExpired):
                process.wait(timeout=5)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=60)


if __name__ == "__main__":
    unittest.main()
