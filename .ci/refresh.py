#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Write the module's lines and hashes into README.md: python3 .ci/refresh.py

The table of sizes in README.md has a row for the module, and one for each file that the commands
below "Vendor" cut from it. Run this after each change of the module.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODULE = "cargo_credential.py"
README = os.path.join(ROOT, "README.md")


def commands(page):
    """The lines of shell below "Vendor" that cut the module."""
    section = page.split("\n## Vendor\n")[1]
    return re.search(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL).group(1)


def files(page):
    """{name: content} of the module and of each file that is cut from it."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(os.path.join(ROOT, MODULE), folder)
        subprocess.check_call(["sh", "-ec", commands(page)], cwd=folder)
        found = {}
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as file:
                found[name] = file.read()
    return found


def refreshed(page):
    """The page with the true numbers in its table of sizes."""
    for name, content in files(page).items():
        row = "| `%s` | %d | `%s` |"
        true = row % (name, content.count(b"\n"), hashlib.sha256(content).hexdigest())
        page, count = re.subn(r"(?m)^\| `%s` \| .*\|$" % re.escape(name), true, page)
        if count != 1:
            raise ValueError("README.md has %d rows for %s" % (count, name))
    return page


def main():
    with open(README, encoding="utf-8") as file:
        page = file.read()
    with open(README, "w", encoding="utf-8", newline="\n") as file:
        file.write(refreshed(page))


if __name__ == "__main__":
    main()
