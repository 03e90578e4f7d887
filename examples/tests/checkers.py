# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Runs examples/check_provider.py for tests. It has no tests.

A checker starts a provider up to 40 times. So the checker is a fork of this process, and so is each
provider in Python that has been compiled before: that is three times as fast as a new Python. With
CARGO_CREDENTIAL_LOAD=1, each provider is a new Python.
"""

import functools
import os
import signal
import subprocess
import sys
import tempfile
import traceback
import types
import warnings

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(sys.path[0]))

import check_provider
import test_cargo_credential as base

CHECKER = check_provider.__file__


def start_checker(arguments, env, new=not hasattr(os, "fork"), **options):
    """A process of the checker: a fork, or a new Python."""
    if base.WINDOWS:
        # CREATE_NO_WINDOW: one for all the .cmd files that it starts
        options["creationflags"] = 0x08000000
    if not new:
        run = functools.partial(run_checker, [CHECKER, *arguments], env)
        options.update(preexec_fn=run, start_new_session=True, restore_signals=False)
    return base.start(["-S", CHECKER, *arguments], env=env, **options)


def as_new(command, env):
    """Make a fork like a new Python that runs a script with these arguments."""
    os.closerange(3, 256)  # also the pipes of other checkers
    os.environ.clear()
    os.environ.update(env)
    sys.argv[:] = command
    sys.stdin = open(0, closefd=False)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)
    tempfile.tempdir = None  # TMPDIR can be another one


def leave_after(function):
    """End a fork as Python does after a function, whose result is the status."""
    status = 1
    try:
        status = function()
    except SystemExit as exit:
        status = exit.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        base.leave(status or 0)


def run_checker(command, env):
    """In a fork, run the checker as a new Python would. It never returns."""
    as_new(command, env)
    warnings.simplefilter("error")
    # A thread may still read the output of what a provider left; it holds no lock
    warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
    if not base.LOAD:
        subprocess.Popen = ProviderProcess
    leave_after(check_provider.main)


def run_provider(command, env):
    """In a fork of a checker, run a provider as a new Python would. It never returns."""
    as_new(command, env)
    warnings.simplefilter("ignore")
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    base.forget_secrets()
    subprocess.Popen = ProviderProcess.__bases__[0]
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    main.__file__ = command[0]
    leave_after(lambda: exec(code_of(command[0]), main.__dict__))


@functools.lru_cache(None)
def code_of(path):
    with open(path, encoding="utf-8") as file:
        return compile(file.read(), path, "exec")


class ProviderProcess(subprocess.Popen):
    """A provider: a fork, if it is in Python and calls `main`, or `dumps` as BY_HAND does."""

    def __init__(self, command, *streams, env, **options):
        try:
            names = code_of(command[0]).co_names
        except (OSError, SyntaxError, ValueError):  # not Python
            names = ()
        if {"dumps", "main"}.intersection(names):
            options["preexec_fn"] = functools.partial(run_provider, command, env)
        super().__init__(command, *streams, env=env, **options)
