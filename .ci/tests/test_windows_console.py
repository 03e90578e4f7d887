#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of main and read_token on a Windows console.

python3 .ci/tests/test_windows_console.py [-v] [CLASS[.test] ...]
"""

import json
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir))

import cargo_credential as cc
from test_cargo_credential import (
    CRATES,
    CRATES_IO,
    GET,
    MODULE,
    TOKEN,
    WINDOWS,
    Directory,
    environment,
    line_of,
    main,
    summary_of,
)

WINDOWS_CONSOLE = r'''
"""Types on a console and reads its screen: [COMMAND, REQUEST, [[SEEN, TYPED], ...], AHEAD]"""
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
    """Wait until a process reads key by key: before that, Ctrl-C is not a key."""
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
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors)
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
class main_on_a_Windows_console(Directory):
    """As main_on_a_terminal, with a console that has no window."""

    def converse(self, program, request, *steps, ahead=""):
        """(answer, status, screen) of a program that is started on a console with Cargo's pipes."""
        command = [sys.executable, "-W", "error", *program, "--cargo-plugin"]
        driver = self.write("driver.py", WINDOWS_CONSOLE)
        output = subprocess.check_output(
            [sys.executable, driver, json.dumps([command, request, steps, ahead])],
            creationflags=0x08000000,  # CREATE_NO_WINDOW: with a console of its own
            cwd=self.directory,
            env=environment(),
            stderr=subprocess.STDOUT,
            timeout=180,
        )
        hello, answer, status, screen = json.loads(output.decode())
        self.assertEqual(hello, '{"v":[1]}\n')
        return answer, status, screen

    def test_input_and_output_are_the_console_also_for_children(self):
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
        self.assertEqual(summary_of(answer), "other: ('one', True, True)")
        self.assertEqual((status, screen), (0, "name? one\nand? two\nchild two"))

    def test_a_program_of_the_current_directory_is_not_taken_for_one_on_PATH(self):
        shutil.copy(sys.executable, self.path("here.exe"))
        path = self.getter(
            """
            raise OtherError("status %d" % subprocess.call(["here", "-c", "pass"]))
            """
        )
        self.assertIn("WinError 2", self.outcome(path, GET))

    PROMPT = "please paste the token for crates-io below"
    INDEX = "registry crates-io, index %s, at github.com" % CRATES_IO
    SCREEN = "%s\n%s\n%s" % (INDEX[:80], INDEX[80:], PROMPT)  # a console has 80 columns
    LOGIN = line_of(cc.LoginAction(cc.LoginOptions()), CRATES).decode()

    def test_read_token_trims_what_is_typed_and_does_not_show_it(self):
        store = [MODULE, "--example-file", self.path("store.json")]
        nothing = "other: no token was entered: to pass it from a file, add `< FILE` to the command"
        answer, status, _ = self.converse(store, self.LOGIN, (self.PROMPT, "\r"))
        self.assertEqual((summary_of(answer), status), (nothing, 0))
        typed = (self.PROMPT, " %s \r" % TOKEN)
        answer, status, screen = self.converse(store, self.LOGIN, typed)
        self.assertEqual((summary_of(answer), status), ("login", 0))
        self.assertEqual(screen, self.SCREEN)
        self.assertEqual(json.loads(self.read("store.json").decode()), {CRATES_IO: TOKEN})

    def test_ctrl_c_ends_without_a_traceback(self):
        slow = self.provider(
            """
            class Provider(Credential):
                def get(self, registry, operation, args):
                    print("ready")
                    time.sleep(60)
            """
        )
        store = [MODULE, "--example-file", self.path("store.json")]
        for program, request, seen, typed, screen in [
            (
                store,
                self.LOGIN,
                self.PROMPT,
                "\x03",
                self.SCREEN,
            ),  # what the console gives to getpass
            ([slow], GET.decode(), "ready", "Ctrl-C", "ready"),
        ]:
            self.assertEqual(self.converse(program, request, (seen, typed)), ("", 130, screen))


if __name__ == "__main__":
    main()
