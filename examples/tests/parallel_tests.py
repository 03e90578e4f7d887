# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Runs tests in several processes, and shows them as unittest does. It has no tests.

Each worker is a fork that takes one class of tests after another and sends what happens in them. If
a worker ends in a test, that is an error of the test, and a new worker runs the tests that are
left. At its end, a worker runs its own functions of `atexit`, and never those of another.
"""

import atexit
import collections
import multiprocessing.connection
import os
import sys
import unittest

import test_cargo_credential as base

WORKERS = 4
SLOW = [  # the classes that take longest, which start first
    "BrokenProviders",
    "CheckerFindsNoError",
    "gpg",
    "Logins",
    "ChainWithCargo",
    "Requests",
    "GoodProviders",
    "HostileCheckouts",
    "Secrets",
    "Ends",
    "Failures",
    "IndexUrls",
    "WhatCargoDoesNext",
    "HowOftenCargoAsks",
    "CargoSays",
]


class Shown:
    """A subtest, or a class whose set-up failed, as the result of another process shows it."""

    failureException = AssertionError

    def __init__(self, test):
        self.text = str(test)

    def __str__(self):
        return self.text

    def shortDescription(self):
        return None


class WorkerResult(base.Limited):
    """Sends the number of each test as it starts, and then the calls that show how it went."""

    def __init__(self, tests, pipe):
        super().__init__()
        self.numbers = {id(test): number for number, test in enumerate(tests)}
        self.pipe, self.calls = pipe, []

    def startTest(self, test):
        self.pipe.send(self.numbers[id(test)])
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        self.send_calls()
        if self.pipe.poll():  # the run has stopped
            self.stop()

    def send_calls(self):
        self.pipe.send(self.calls)
        self.calls = []

    def portable(self, value, test):
        """A value that can be sent: the number of a test, or an error with its text."""
        if isinstance(value, tuple):
            known = (test.failureException, unittest.SkipTest)
            kind = next((kind for kind in known if issubclass(value[0], kind)), Exception)
            return kind, self._exc_info_to_string(value, test), None
        if value is None or isinstance(value, (str, float)):
            return value
        return self.numbers.get(id(value), Shown(value))


def sending(name):
    def call(self, test, *values):
        getattr(super(WorkerResult, self), name)(test, *values)
        owner = test if isinstance(test, unittest.TestCase) else Shown(test)
        self.calls.append((name, [self.portable(value, owner) for value in (test,) + values]))

    return call


CALLS = [name for name in dir(unittest.TestResult) if name.startswith("add")]
for CALL in CALLS:
    setattr(WorkerResult, CALL, sending(CALL))


class Worker:
    """A fork that runs groups of tests. A group is a list of numbers of tests."""

    def __init__(self, tests, shown, workers):
        self.group, self.running, self.done = [], None, False
        self.pipe, pipe = multiprocessing.Pipe()
        self.process = os.fork()
        if self.process:
            pipe.close()
            return
        try:
            for worker in workers + [self]:
                worker.pipe.close()
            self.work(pipe, tests, shown)
        except (EOFError, KeyboardInterrupt, OSError):  # the run has stopped
            pass
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            base.leave(0)

    def work(self, pipe, tests, shown):
        base.process_of_tests = os.getpid()
        atexit._clear()
        result = WorkerResult(tests, pipe)
        for name in ("failfast", "buffer", "tb_locals"):
            setattr(result, name, getattr(shown, name))
        try:
            while not result.shouldStop:
                group = pipe.recv()
                unittest.TestSuite([tests[number] for number in group])(result)
                result.send_calls()
                pipe.send(None)
        finally:
            atexit._run_exitfuncs()

    def start_group(self, queue):
        self.group, self.done = queue.pop(0), False
        self.pipe.send(self.group)

    def show(self, tests, result):
        """Show what the worker sent. False if it has ended."""
        try:
            message = self.pipe.recv()
        except (EOFError, OSError):
            return False
        if message is None:
            self.done = True
        elif isinstance(message, int):
            self.running = message
            self.group = self.group[self.group.index(message) + 1 :]
        else:
            self.show_calls(message, tests, result)
        return True

    def show_calls(self, calls, tests, result):
        running, self.running = self.running, None
        if running is not None:
            result.startTest(tests[running])
        for name, values in calls:
            values = [tests[value] if isinstance(value, int) else value for value in values]
            getattr(result, name)(*values)
        if running is not None:
            result.stopTest(tests[running])

    def show_end(self, tests, result):
        """Show that the worker ended in a test. Returns the tests that are left."""
        _, status = os.waitpid(self.process, 0)
        self.pipe.close()
        if self.running is None:
            self.running, self.group = self.group[0], self.group[1:]
        text = "the test took more than %d s, or ended its process: status %d\n" % (
            base.LIMIT,
            status,
        )
        self.show_calls([("addError", [self.running, (Exception, text, None)])], tests, result)
        return [self.group] if self.group else []


def groups_of(tests):
    """The numbers of the tests of each class, those that take longest first."""
    groups = collections.OrderedDict()
    for number, test in enumerate(tests):
        groups.setdefault(getattr(test, "TOGETHER", type(test).__name__), []).append(number)
    return [groups.pop(name) for name in SLOW if name in groups] + list(groups.values())


def run(tests, result):
    """Run tests in forks, and show them in this process."""
    workers, ended, queue = [], [], groups_of(tests)
    try:
        while (queue or workers) and not result.shouldStop:
            while queue and len(workers) < WORKERS:
                workers.append(Worker(tests, result, workers))
                workers[-1].start_group(queue)
            for pipe in multiprocessing.connection.wait([worker.pipe for worker in workers]):
                (worker,) = [worker for worker in workers if worker.pipe is pipe]
                if not worker.show(tests, result):
                    queue[:0] = worker.show_end(tests, result)
                    workers.remove(worker)
                elif worker.done and queue and not result.shouldStop:
                    worker.start_group(queue)
                elif worker.done:
                    worker.pipe.close()  # so that it ends
                    workers.remove(worker)
                    ended.append(worker)
    finally:
        for worker in workers:
            worker.pipe.close()
        for worker in ended + workers:
            os.waitpid(worker.process, 0)
