#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of the prompt of read_token: Ctrl-Z and `fg` in real shells, signals, and a killed Cargo.

python3 .ci/tests/test_job_control.py [-v] [CLASS[.test] ...]

With CARGO_CREDENTIAL_LOAD=1 in the environment, as .ci/run sets it, each shell runs each scenario,
and Ctrl-C is tested on a busy machine, too.
"""

import json
import os
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir))

import cargo_credential as cc
from test_cargo_credential import (
    LOAD,
    MODULE,
    REGISTRY,
    TOKEN,
    Directory,
    Terminal,
    WithCargo,
    environment,
    line_of,
    main,
    needs,
    posix_only,
    summary_of,
)

try:
    import termios
except ImportError:  # Windows, and Python in a browser
    pass

PROMPT = b"READY> "
SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "dash": ["dash", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}

# A login as Cargo does it, from the hello to the end of the provider
CARGO = """
import signal, subprocess, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
pipe = subprocess.PIPE
provider = subprocess.Popen([PROVIDER, "--cargo-plugin"], stdin=pipe, stdout=pipe)
provider.stdout.readline()
provider.stdin.write(REQUEST)
provider.stdin.flush()
provider.stdout.readline()
provider.stdin.close()
sys.exit(provider.wait())
"""
# The process keeps its number when it becomes the provider
PROVIDER = """#!/bin/sh
echo $$ $PPID > "%s"
exec "%s" -W error "%s" "$@"
"""


def wait_for(condition, what):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.005)


def state_of(process):
    """One letter, as `ps` shows it: T if the process is stopped. It is empty after its end."""
    try:
        with open("/proc/%d/stat" % process, encoding="ascii", errors="replace") as file:
            state = file.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""
    return state.replace("Z", "").replace("X", "")  # its parent has not read its status yet


@posix_only
@unittest.skipUnless(os.path.exists("/proc/self/stat"), "needs /proc")
class AtThePrompt(Directory):
    """A shell on a terminal, in which Cargo runs a provider that waits for a token."""

    def setUp(self):
        super().setUp()
        self.pids, self.store = self.path("pids"), self.path("store.json")
        text = PROVIDER % (self.pids, sys.executable, MODULE)
        self.provider_path = self.write("provider", text, 0o755)
        self.options = ["--example-file", self.store, "--any-registry"]

    def login(self):
        """(the command of a login, its directory, its environment)"""
        request = line_of(cc.LoginAction(cc.LoginOptions()), REGISTRY, self.options)
        code = CARGO.replace("PROVIDER", repr(self.provider_path), 1)
        path = self.script(code.replace("REQUEST", repr(request), 1), "cargo.py")
        return path, self.directory, environment()

    def start(self, *shell):
        """Run a shell. `{}` in its arguments is the command of a login."""
        if os.path.exists(self.store):
            os.remove(self.store)
        self.command, folder, environ = self.login()
        environ.update(HOME=self.directory, PS1=PROMPT.decode(), TERM="dumb")
        shell = [word.replace("{}", self.command) for word in shell]
        self.terminal = Terminal(shell, cwd=folder, env=environ)
        self.addCleanup(self.terminal.close)

    def start_shell(self, shell, command):
        self.start(*SHELLS[shell])
        self.terminal.read(PROMPT)
        self.terminal.type(command.replace("{}", self.command).encode())

    def start_login(self, shell):
        typed_ahead = "not-a-token\n"
        self.start_shell(shell, "ulimit -c 0; {}\n" + typed_ahead)
        self.wait_for_the_question()

    def wait_for_the_question(self):
        self.read_the_question()
        self.wait_until_hidden()

    def read_the_question(self):
        self.terminal.read(b" below\r\n")
        with open(self.pids, encoding="ascii") as file:
            self.provider_pid, self.cargo_pid = [int(number) for number in file.read().split()]

    def modes(self):
        """Whether the terminal reads whole lines, which a shell at its prompt does not, and echoes.

        dash leaves both to the terminal.
        """
        flags = termios.tcgetattr(self.terminal.slave)[3]
        return bool(flags & termios.ICANON), bool(flags & termios.ECHO)

    def wait_until_hidden(self):
        def hidden():
            return self.modes() == (True, False) and state_of(self.provider_pid) == "S"

        wait_for(hidden, "the token would be shown")

    def wait_for_the_end(self):
        wait_for(lambda: not state_of(self.provider_pid), "the provider does not end")

    def wait_until_stopped(self):
        wait_for(lambda: state_of(self.provider_pid) == "T", "the provider does not stop")

    def assert_echo(self):
        """At the prompt of the shell, a command reads a line, and the terminal shows it.

        Returns all that the terminal showed meanwhile.
        """
        self.terminal.type(b"read line\n")
        wait_for(lambda: self.modes() == (True, True), "the echo is not back")
        self.terminal.type(b"shown\n")
        seen = self.terminal.read(b"shown\r\n") + self.terminal.read(PROMPT)
        self.assertNotIn(b"halfread", seen)  # half a token and the command
        return seen

    def assert_stored(self):
        with open(self.store, encoding="ascii") as file:
            self.assertEqual(list(json.load(file).values()), [TOKEN])

    def assert_nothing_stored(self):
        self.assertFalse(os.path.exists(self.store))

    # ---- The scenarios
    def suspend(self):
        self.terminal.type(b"half\x1a")
        self.wait_until_stopped()
        self.terminal.read(PROMPT)
        self.assert_echo()

    def enter(self):
        """`fg`, and then the token."""
        self.terminal.type(b"fg\n")
        self.wait_until_hidden()
        self.terminal.type(TOKEN.encode() + b"\n")
        self.wait_for_the_end()
        self.assert_stored()
        seen = self.terminal.read(PROMPT) + self.assert_echo()
        self.assertNotIn(TOKEN.encode(), seen)

    def fg(self):
        self.suspend()
        self.enter()

    def bg(self):
        for _ in range(2):
            self.suspend()
            self.terminal.type(b"bg\n")
            self.terminal.read(PROMPT)
            self.wait_until_stopped()  # the system stops it again: it sets the modes
            self.assert_echo()
            self.terminal.type(b"fg\n")
            self.wait_until_hidden()
        self.suspend()
        self.enter()

    def ends(self, end):
        """The provider ends, and the shell has its echo again."""
        end()
        self.terminal.read(PROMPT)
        self.wait_for_the_end()
        self.assert_echo()
        self.assert_nothing_stored()

    def ctrl_c(self):
        self.ends(lambda: self.terminal.type(b"half\x03"))

    def ctrl_backslash(self):
        self.ends(lambda: self.terminal.type(b"half\x1c"))

    def send(self, number):
        self.terminal.type(b"half")
        os.kill(self.provider_pid, number)

    def sigterm(self):
        self.ends(lambda: self.send(signal.SIGTERM))

    def sighup(self):
        self.ends(lambda: self.send(signal.SIGHUP))

    def killed(self):
        """Cargo is killed, and the user types the next command."""
        os.kill(self.cargo_pid, signal.SIGKILL)
        self.terminal.read(PROMPT)
        self.terminal.type(b"echo next\n")
        self.wait_for_the_end()
        self.assert_nothing_stored()
        self.assert_echo()

    def killed_and_idle(self):
        """Cargo is killed, and the modes that the shell sets for its prompt stay."""
        os.kill(self.cargo_pid, signal.SIGKILL)
        self.terminal.read(PROMPT)
        before = self.modes()
        self.wait_for_the_end()
        self.assertEqual(self.modes(), (before[0], before[0]))  # dash sets none
        self.assert_echo()

    def run_scenarios(self, shell, *names):
        for name in names:
            with self.subTest(shell=shell, scenario=name):
                self.start_login(shell)
                getattr(self, name)()


ALL = ["fg", "bg", "ctrl_c", "ctrl_backslash", "sigterm", "sighup", "killed", "killed_and_idle"]
FEW = ALL if LOAD else ["bg", "killed_and_idle"]


class InAShell(AtThePrompt):
    """dash leaves the modes of the terminal as they are: it needs what others hide."""

    @needs("dash")
    def test_in_dash(self):
        self.run_scenarios("dash", *ALL)

    @needs("bash")
    def test_in_bash(self):
        self.run_scenarios("bash", *FEW)

    @needs("zsh")
    def test_in_zsh(self):
        self.run_scenarios("zsh", *FEW)

    def test_a_script_continues_after_cargo_is_killed(self):
        """Its provider still is in the foreground, and could read what is typed."""
        os.mkfifo(self.path("never"))
        self.start("sh", "-c", "{}; echo killed; read line < %s" % self.path("never"))
        self.wait_for_the_question()
        os.kill(self.cargo_pid, signal.SIGKILL)
        self.terminal.read(b"killed\r\n")
        self.terminal.type(b"an answer for the script\n")
        self.wait_for_the_end()
        self.assert_nothing_stored()
        self.assertEqual(self.modes(), (True, True))

    def test_a_login_that_starts_in_the_background(self):
        """It first sees the modes of the shell's prompt, in which Enter ends no line."""
        for shell in SHELLS:
            with self.subTest(shell):
                needs(shell)(self.start_shell)(shell, "{} &\n")
                self.read_the_question()
                self.wait_until_stopped()
                self.terminal.type(b"echo rea''dy\n")
                self.terminal.read(b"ready\r\n")
                self.terminal.read(PROMPT)
                self.enter()

    def test_ctrl_z_where_no_shell_can_continue_it(self):
        """The system does not stop a program that no shell started, as with `ssh -t`."""
        self.start("sh", "-c", "exec {}")
        self.wait_for_the_question()
        os.kill(self.provider_pid, signal.SIGTSTP)  # as Ctrl-Z does
        self.wait_until_hidden()
        self.terminal.type(TOKEN.encode() + b"\n")
        self.assertNotIn(TOKEN.encode(), self.terminal.rest()[1])
        self.assert_stored()
        self.assertEqual(self.modes(), (True, True))

    @needs("dash")
    def test_the_echo_is_back_also_if_another_mode_changed(self):
        """macOS sets PENDIN when the shell ends its prompt, and clears it at the next read."""
        self.start_login("dash")
        modes = termios.tcgetattr(self.terminal.slave)
        modes[3] ^= termios.PENDIN
        termios.tcsetattr(self.terminal.slave, termios.TCSANOW, modes)
        self.ctrl_c()

    @unittest.skipUnless(LOAD, "needs CARGO_CREDENTIAL_LOAD=1")
    @needs("dash")
    def test_ctrl_c_on_a_busy_machine(self):
        for _ in range(4):
            busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            self.addCleanup(busy.wait)
            self.addCleanup(busy.kill)
        self.run_scenarios("dash", *["ctrl_c"] * 10)


@needs("cargo")
class InAShellWithCargo(AtThePrompt, WithCargo):
    """The same with real Cargo."""

    def login(self):
        self.configure(self.provider_path, *self.options)
        return "cargo login --registry alt", self.path("project"), self.cargo_environment()

    @needs("dash")
    def test_in_dash(self):
        self.run_scenarios("dash", "fg", "ctrl_c", "killed")

    @needs("bash")
    def test_in_bash(self):
        self.run_scenarios("bash", "fg", "ctrl_c", "killed")


NAMES = ["INT", "TERM", "HUP", "QUIT", "TSTP", "CONT"]
# The answer has the token, or the error, and whether the handlers of signals are the earlier ones
REVERSING = """
import signal, termios
from concurrent.futures import ThreadPoolExecutor as Pool
SIGNALS = [getattr(signal, "SIG" + name) for name in %r]
def handlers():
    return [signal.getsignal(number) for number in SIGNALS]
def returns(number, frame):
    echo = termios.tcgetattr(1)[3] & termios.ECHO
    print("handled", signal.Signals(number).name, "with echo" if echo else "without echo")
def fails(number, frame):
    raise ValueError("handled " + signal.Signals(number).name)
class Provider(Credential):
    def login(self, registry, options, args):
        for number in SIGNALS:
            %s
        before = handlers()
        try:
            text = "".join(reversed(%s.expose()))
        except Exception as error:
            text = str(error).split(":")[0]
        raise OtherError(text, "the same handlers" if handlers() == before else handlers())
"""
READ = "read_token(options, registry)"
SAME = ": the same handlers"


@posix_only
class Prompt(Directory):
    """A provider at its prompt, without a shell: its own handlers, threads, and a lost terminal."""

    LOGIN = line_of(cc.LoginAction(cc.LoginOptions()))

    def prompt(self, *shell, handler="pass", read=READ):
        """The terminal of a provider that waits for a token. A shell can start it."""
        path = self.provider(REVERSING % (NAMES, handler, read))
        command = [sys.executable, "-W", "error", path, "--cargo-plugin"]
        pipe = subprocess.PIPE
        terminal = Terminal([*shell, *command], stdin=pipe, stdout=pipe)
        self.addCleanup(terminal.close)
        terminal.process.stdin.write(self.LOGIN)
        terminal.process.stdin.close()
        terminal.read(b" below\r\n")
        terminal.wait_for_no_echo()
        return terminal

    def answer(self, terminal):
        """The answer in short, at the end of the provider."""
        hello, answer = terminal.process.stdout.read().splitlines()
        self.assertEqual((hello, terminal.process.wait(60)), (b'{"v":[1]}', 0))
        return summary_of(answer.decode())

    def typed(self, terminal, text=TOKEN.encode() + b"\n"):
        """The answer to what the user types. The terminal does not show it, and echoes again."""
        terminal.type(text)
        answer = self.answer(terminal)
        self.assertTrue(terminal.echoes())
        self.assertNotIn(TOKEN.encode(), terminal.rest()[1])
        return answer

    TYPED = "other: " + TOKEN[::-1] + SAME

    def test_the_handlers_of_the_provider_are_back_however_it_ends(self):
        cut = "the terminal cuts a line at %d characters" % (
            1023 if sys.platform == "darwin" else 4095
        )
        for handler in ("pass", "signal.signal(number, returns)"):
            for text, answer in [
                (TOKEN.encode() + b"\n", self.TYPED),
                (b"\x04", "other: no token was entered" + SAME),
                (b"x" * 5000 + b"\n", "other: " + cut + SAME),
            ]:
                with self.subTest(handler, text=text[:20]):
                    self.assertEqual(self.typed(self.prompt(handler=handler), text), answer)

    def test_after_a_handler_that_returns_the_user_types_the_token_again(self):
        terminal = self.prompt(handler="signal.signal(number, returns)")
        for name in NAMES * 2:
            terminal.type(b"half")
            terminal.process.send_signal(getattr(signal, "SIG" + name))
            terminal.read(b"handled SIG%s with echo\r\n" % name.encode())
            terminal.wait_for_no_echo()
        self.assertEqual(self.typed(terminal), self.TYPED)

    def test_a_handler_that_fails_ends_the_prompt(self):
        for name in NAMES:
            with self.subTest(name):
                terminal = self.prompt(handler="signal.signal(number, fails)")
                terminal.type(b"half")
                terminal.process.send_signal(getattr(signal, "SIG" + name))
                answer = "other: handled SIG" + name + SAME
                self.assertEqual(self.typed(terminal, b""), answer)

    def test_ignored_signals_stay_ignored(self):
        """As after `nohup`. So nothing happens to what is typed so far."""
        script = "trap '' %s; exec \"$@\"" % " ".join(NAMES)
        terminal = self.prompt("sh", "-c", script, "sh")
        for letter, name in zip(TOKEN, NAMES):
            terminal.type(letter.encode())
            terminal.process.send_signal(getattr(signal, "SIG" + name))
        rest = TOKEN[len(NAMES) :].encode() + b"\n"
        self.assertEqual(self.typed(terminal, rest), self.TYPED)

    def test_in_another_thread(self):
        read = "Pool(1).submit(read_token, options, registry).result()"
        self.assertEqual(self.typed(self.prompt(read=read)), self.TYPED)

    def lose_terminal(self, terminal):
        os.close(terminal.slave)
        os.close(terminal.master)
        terminal.slave, terminal.master = [os.open(os.devnull, os.O_RDWR) for _ in range(2)]

    def test_a_terminal_that_is_lost_ends_the_provider(self):
        terminal = self.prompt()
        self.lose_terminal(terminal)
        self.assertEqual(terminal.process.stdout.read(), b'{"v":[1]}\n')
        self.assertEqual(terminal.process.wait(60), -signal.SIGHUP)

    def test_without_that_signal_a_terminal_that_is_lost_is_an_error(self):
        terminal = self.prompt("sh", "-c", 'trap "" HUP; exec "$@"', "sh")
        self.lose_terminal(terminal)
        lost = "other: Cargo passed no token, and no terminal was found to type it on"
        self.assertIn(self.answer(terminal), [lost + SAME, "other: no token was entered" + SAME])


if __name__ == "__main__":
    main()
