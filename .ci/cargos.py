#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Run every test that uses Cargo with other versions of Cargo: .ci/cargos.py DIRECTORY [-v]

The versions are those of `cargo-web` that apt offers. Each is unpacked below DIRECTORY, and stands
first on PATH for its tests; only its libraries are installed. The output ends as one of unittest. A
version of KNOWN that apt does not offer any more is reported as a skipped test.
"""

import glob
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KNOWN = ("1.85", "1.96")  # what these tests were written for
PATTERNS = ("test_*.py", "examples/tests/test_*.py", ".ci/tests/test_*.py")
CLASS_WITH_CARGO = re.compile(r'^@needs\("cargo".*\n(?:@.*\n)*class (\w+)', re.MULTILINE)


def offered():
    """[(1.96, the package's version), ...] from the oldest to the newest."""
    subprocess.call(["apt-get", "update"], stdout=subprocess.DEVNULL)
    rows = subprocess.check_output(["apt-cache", "madison", "cargo-web"]).decode().splitlines()
    versions = {row.split("|")[1].strip() for row in rows}
    found = {re.match(r"\d+\.\d+", version).group(): version for version in sorted(versions)}
    return sorted(found.items(), key=lambda item: [int(part) for part in item[0].split(".")])


def fetch(directory, version):
    """The directory with this package's `cargo`, and with the `rustc` that is there.

    It is None if the package cannot be downloaded.
    """
    unpacked = os.path.join(directory, version)
    programs = os.path.join(unpacked, "usr", "bin")
    if not os.path.exists(os.path.join(programs, "cargo")):
        os.makedirs(unpacked, exist_ok=True)
        if subprocess.call(["apt-get", "download", "cargo-web=" + version], cwd=unpacked):
            return None
        (package,) = glob.glob(os.path.join(glob.escape(unpacked), "*.deb"))
        fields = subprocess.check_output(["dpkg-deb", "-f", package, "Depends"]).decode()
        libraries = re.findall(r"\b(lib[^ ,]+)", fields)
        quietly(["apt-get", "install", "-y", "--no-install-recommends", *libraries])
        quietly(["dpkg", "-x", package, unpacked])
    if not os.path.lexists(os.path.join(programs, "rustc")):
        sysroot = subprocess.check_output(["rustc", "--print", "sysroot"]).decode().strip()
        os.symlink(os.path.join(sysroot, "bin", "rustc"), os.path.join(programs, "rustc"))
    return programs


def quietly(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode:
        raise SystemExit("%s failed:\n%s" % (" ".join(command), done.stdout.decode()))


def tests_with_cargo():
    """(path, names of the classes) of each test file that has some."""
    for path in [path for pattern in PATTERNS for path in sorted(glob.glob(pattern))]:
        with open(path, encoding="utf-8") as file:
            names = CLASS_WITH_CARGO.findall(file.read())
        if names:
            yield path, names


def run(path, names, programs, options):
    """(tests, failures, skipped) of a file. Its output is printed."""
    environment = dict(os.environ, PATH=programs + os.pathsep + os.environ["PATH"])
    done = subprocess.run(
        [sys.executable, "-W", "error", path, *options, *names],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output = done.stdout.decode(errors="replace")
    print(output, flush=True)
    ran = re.findall(r"^Ran (\d+) test", output, re.MULTILINE)
    failed = re.findall(r"^FAILED .*", output, re.MULTILINE)
    count = sum(int(number) for number in re.findall(r"(?:failures|errors)=(\d+)", "".join(failed)))
    skipped = re.findall(r"^(?:OK|FAILED) .*skipped=(\d+)", output, re.MULTILINE)
    return int(ran[-1] if ran else 0), count or bool(done.returncode), int((skipped or [0])[-1])


def report_missing(version):
    print("skipped 'needs Cargo %s, which apt does not offer any more'" % version, flush=True)
    return 1, 0, 1


def run_version(directory, name, version, options):
    """[(tests, failures, skipped), ...] of all files."""
    programs = fetch(directory, version)
    if programs is None:
        return [report_missing(name)]
    print("---- Cargo %s: %s" % (name, programs), flush=True)
    return [run(path, names, programs, options) for path, names in tests_with_cargo()]


def main(directory, *options):
    os.chdir(ROOT)
    directory, versions = os.path.abspath(directory), offered()
    rows = [report_missing(name) for name in KNOWN if name not in dict(versions)]
    for name, version in versions:
        rows += run_version(directory, name, version, options)
    ran, failed, skipped = [sum(column) for column in zip(*rows)]
    result = "FAILED (failures=%d, " % failed if failed else "OK ("
    print("Ran %d tests in all\n\n%sskipped=%d)" % (ran, result, skipped))
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
