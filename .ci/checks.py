#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""All checks of the project: .ci/run [WORD]...

Runs the rows of TESTS and CHECKS, and then the benchmark, or only the rows whose names contain one
of the WORDs. It installs what is missing: packages with apt, and the tools of .ci/requirements.txt
into a temporary directory. The last line is `N passed, N failed, N skipped`, and the exit status is
1 after a failure. Cargo must be there. It takes about 20 minutes on two cores.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PACKAGES = {
    "dash": "dash",
    "git": "git",
    "gpg": "gnupg",
    "node": "nodejs",
    "npm": "npm",
    "openssl": "openssl",
    "pass": "pass",
    "pinentry-curses": "pinentry-curses",
    "pypy3": "pypy3",
    "zsh": "zsh",
}
TMP = tempfile.mkdtemp()
MODULE = "cargo_credential.py"
SUITE = "test_cargo_credential.py"
EXAMPLES = sorted(glob.glob(os.path.join(ROOT, "examples", "*.py")))
CODE = [MODULE, *EXAMPLES, ".ci/narrowing.py"]


def versions():
    """The Pythons of pyenv, from the oldest to the newest, or else this one."""
    found = glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python3"))
    found.sort(key=lambda path: [int(number) for number in re.findall(r"\d+", path)])
    return found or [sys.executable]


PYTHONS = versions()
OLDEST, NEWEST = PYTHONS[0], PYTHONS[-1]
ALONE = os.path.join(TMP, "a copy")  # of the module and its tests
# For a user who is not root: a copy of the project that no user can write to, a Python, and Rust.
# Without a locale, Python 3.6 uses ASCII
READ_ONLY = os.path.join(TMP, "read only")
USER = "setpriv --reuid=65534 --regid=65534 --clear-groups".split()
USER += "env -u HOME -u LANG -u LC_ALL -u LC_CTYPE".split()
USERS_PYTHON = os.path.join(TMP, "python")
USERS_LIBRARIES = "LD_LIBRARY_PATH=" + os.path.join(USERS_PYTHON, "lib")
USERS_PATH = "PATH=" + os.pathsep.join([os.path.join(TMP, "rust", "bin"), os.defpath])
NO_LINKER = os.path.join(TMP, "no linker")  # links to all programs but the C compilers
NPM = os.path.join(TMP, "npm")
# Deeply nested JSON needs a larger stack than node's
STACK = ["sh", "-c", 'ulimit -s unlimited; exec node --stack-size=60000 "$@"', "node"]
PYODIDE = [*STACK, ".ci/pyodide.mjs", NPM, ALONE, SUITE, "--quick"]
TOOL = os.path.join(TMP, "venv", "bin", "")
MYPY = [TOOL + "mypy", "--strict", "--cache-dir", os.path.join(TMP, "mypy"), "--platform"]


def name_of(python):
    output = subprocess.check_output([python, "-VV"], stderr=subprocess.STDOUT).decode()
    return " ".join(re.findall(r"PyPy|Python \S+", output)[::-1])


# ---- What it runs --------------------------------------------------------------------------

# (name, command): a run of tests
TESTS = [
    ("Wine", [".ci/windows", os.path.join(TMP, "windows"), "-W", "error", SUITE]),
    *[(name_of(python), [python, "-W", "error", SUITE]) for python in (OLDEST, NEWEST)],
    ("other versions of Cargo", [sys.executable, ".ci/cargos.py", os.path.join(TMP, "cargos")]),
    (
        "Cargo for Windows",
        [".ci/windows", "--cargo", os.path.join(TMP, "windows"), "-W", "error"]
        + [".ci/tests/test_cargo_for_windows.py"],
    ),
    *[
        (name_of(python) + ", alone", [python, "-W", "error", os.path.join(ALONE, SUITE)])
        for python in PYTHONS
    ],
    ("PyPy, alone", ["pypy3", "-W", "error", os.path.join(ALONE, SUITE)]),
    (
        "not root, read-only",
        [*USER, USERS_PATH, USERS_LIBRARIES, USERS_PYTHON + "/bin/python3", "-W", "error"]
        + [os.path.join(READ_ONLY, SUITE)],
    ),
    ("without a linker", ["env", "PATH=" + NO_LINKER, NEWEST, "-W", "error", SUITE]),
    ("Pyodide, quick", PYODIDE),
    ("-I, quick", [OLDEST, "-W", "error", "-I", SUITE, "--quick"]),
    ("-S, quick", [NEWEST, "-W", "error", "-S", SUITE, "--quick"]),
    ("-E -s, quick", [OLDEST, "-W", "error", "-E", "-s", SUITE, "--quick"]),
    ("-O, quick", [NEWEST, "-W", "error", "-O", SUITE, "--quick"]),
    ("-OO, quick", [OLDEST, "-W", "error", "-OO", SUITE, "--quick"]),
    ("LANG=C, quick", ["env", "LANG=C", NEWEST, "-W", "error", SUITE, "--quick"]),
    (
        "ASCII without HOME, quick",
        "env -u HOME LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0".split()
        + [NEWEST, "-W", "error", SUITE, "--quick"],
    ),
]
# (name, command): passes with status 0
CHECKS = [
    ("mypy for Linux", [*MYPY, "linux", *CODE]),
    ("mypy for Windows", [*MYPY, "win32", *CODE]),
    ("mypy for macOS", [*MYPY, "darwin", *CODE]),
    ("pyright", [TOOL + "pyright", "-p", os.path.join(TMP, "pyright")]),
    ("ruff check", [TOOL + "ruff", "check", "--no-cache", "."]),
    ("ruff format", [TOOL + "ruff", "format", "--no-cache", "--check", "."]),
]

# ---- How it runs ---------------------------------------------------------------------------


def install():
    """Install what is missing, and prepare the copies that rows use."""
    missing = [package for tool, package in PACKAGES.items() if shutil.which(tool) is None]
    if missing:
        apt = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
        quietly(["apt-get", "update"])
        quietly(apt)
    pins = os.path.join(ROOT, ".ci", "requirements.txt")
    quietly([NEWEST, "-m", "venv", os.path.join(TMP, "venv")])
    quietly([TOOL + "pip", "install", "--disable-pip-version-check", "-r", pins])
    with open(pins, encoding="utf-8") as file:
        packages = re.findall(r"^# npm: (.*)$", file.read(), re.MULTILINE)
    quietly(["npm", "install", "--no-fund", "--no-audit", "--prefix", NPM, *packages])
    os.mkdir(ALONE)
    for name in (MODULE, SUITE):
        shutil.copy(os.path.join(ROOT, name), ALONE)
    copy_for_pyright()
    prepare_user()
    prepare_no_linker()


def prepare_user():
    """What a user can read who is not root: the home directory of root is private."""
    os.chmod(TMP, 0o755)
    ignore = shutil.ignore_patterns(".git", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, READ_ONLY, ignore=ignore)
    quietly(["chmod", "-R", "a+rX,a-w", READ_ONLY])
    sysroot = subprocess.check_output(["rustc", "--print", "sysroot"]).decode().strip()
    python = os.path.dirname(os.path.dirname(os.path.realpath(OLDEST)))
    for source, target in ((sysroot, os.path.join(TMP, "rust")), (python, USERS_PYTHON)):
        quietly(["sh", "-c", 'cp -al "$0" "$1" 2>/dev/null || cp -a "$0" "$1"', source, target])


def prepare_no_linker():
    os.mkdir(NO_LINKER)
    for folder in filter(os.path.isdir, os.get_exec_path()):
        for name in os.listdir(folder):
            target = os.path.join(NO_LINKER, name)
            if not re.search(r"(\b|_)(c\+\+|cc|clang|g\+\+|gcc|ld)\b", name):
                if not os.path.lexists(target):
                    os.symlink(os.path.join(folder, name), target)


def quietly(command):
    """Run a command of the installation, and show its output only if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        print(" ".join(command), "failed:", done.stdout.decode(), sep="\n", flush=True)


def copy_for_pyright():
    """pyright skips directories whose names begin with a dot, so it gets a copy."""
    target = os.path.join(TMP, "pyright")
    ignore = shutil.ignore_patterns("tests", "__pycache__")
    shutil.copytree(os.path.join(ROOT, "examples"), os.path.join(target, "examples"), ignore=ignore)
    for name in (MODULE, ".ci/narrowing.py"):
        shutil.copy(os.path.join(ROOT, name), target)
    with open(os.path.join(target, "pyrightconfig.json"), "w", encoding="ascii") as file:
        file.write('{"typeCheckingMode": "strict", "extraPaths": ["."]}\n')


def output_of(command):
    """(status, output) of a row, which has 20 minutes."""
    environment = dict(os.environ, CI="true", MYPYPATH=ROOT)
    environment.update(CARGO_CREDENTIAL_LOAD="1", CARGO_CREDENTIAL_REQUIRE_TOOLS="1")
    done = subprocess.run(
        ["timeout", "1200", *command],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout.decode(errors="replace").replace("\r\n", "\n")


def count_tests(status, output):
    """(passed, failed, skipped) of a run of tests.

    A run without its line `Ran N tests` ended too early: that is a failure.
    """
    ran = re.findall(r"^Ran (\d+) tests? in", output, re.MULTILINE)
    result = re.findall(r"^(?:OK|FAILED)\b.*", output, re.MULTILINE)
    counts = dict(re.findall(r"([a-z ]+)=(\d+)", result[-1].replace("(", "")) if result else ())
    counts = {name.strip(): int(number) for name, number in counts.items()}
    skipped = counts.get("skipped", 0)
    failed = counts.get("failures", 0) + counts.get("errors", 0)
    failed += counts.get("unexpected successes", 0)
    if not failed and (status or not ran or not result):
        failed = 1
    return max(0, int(ran[-1] if ran else 0) - failed - skipped), failed, skipped


def run_tests(row):
    name, command = row
    status, output = output_of([*command, "-v"])
    if "[WinError 1359] Internal error" in output:  # Wine itself could not start a process
        status, output = output_of([*command, "-v"])
    counts = count_tests(status, output)
    report = "%s: %d passed, %d failed, %d skipped" % (name, *counts)
    for reason in sorted(set(re.findall(r"skipped '(needs .*?)'", output))):
        report += "\n    %s" % reason
    return report, counts, output


def run_check(row):
    name, command = row
    status, output = output_of(command)
    counts = (0, 1, 0) if status else (1, 0, 0)
    return "%s: %s" % (name, "failed" if status else "passed"), counts, output


def main(words):
    lock, totals = threading.Lock(), [0, 0, 0]

    def run(function, row):
        report, counts, output = function(row)
        with lock:
            print(output if counts[1] else "", report, sep="" if counts[1] else "", flush=True)
            totals[:] = [total + count for total, count in zip(totals, counts)]

    def chosen(rows):
        return [row for row in rows if not words or any(word in row[0] for word in words)]

    install()
    with ThreadPoolExecutor(2) as pool:
        for row in chosen(TESTS):
            pool.submit(run, run_tests, row)
    for row in chosen(CHECKS):
        run(run_check, row)
    if not words:
        subprocess.call([os.path.join(ROOT, ".ci", "bench"), "15"])  # for readers: not judged
    print("%d passed, %d failed, %d skipped" % tuple(totals))
    return 1 if totals[1] else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    finally:
        shutil.rmtree(TMP, True)
