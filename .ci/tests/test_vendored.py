#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of the module in all the places where people put it."""

import json
import os
import shutil
import sys
import zipfile

sys.path.insert(0, os.path.abspath(os.path.join(__file__, os.pardir, os.pardir, os.pardir)))

from test_cargo_credential import (
    CRATES_IO,
    GET,
    MODULE,
    TOKEN,
    Directory,
    environment,
    get,
    main,
    start,
    token_answer,
)


class Vendored(Directory):
    """The file as it is, wherever people put it."""

    SCRIPT = (
        "from %scargo_credential import *\n"
        "class Provider(Credential):\n"
        "    def get(self, registry, operation, args):\n"
        "        print('noise')\n"
        "        return GetResponse(Secret(%r))\n"
        "main(Provider())\n"
    )

    def answers(self, *command, line=GET, **variables):
        env = environment(**variables)
        for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"):
            env.pop(name, None)
        process = start(list(command) + ["--cargo-plugin"], cwd=self.directory, env=env)
        found = self.finish_provider(process, line, line)
        self.assertEqual(found, ([token_answer(TOKEN)] * 2, ""))

    def copy(self, *folders):
        os.makedirs(self.path(*folders), exist_ok=True)
        shutil.copy(MODULE, self.path(*folders))
        return self.write(os.path.join(*folders, "prov.py"), self.SCRIPT % ("", TOKEN))

    def test_beside_the_script(self):
        path = self.copy("a folder")
        self.answers(path)
        for flags in (["-S"], ["-E", "-s"], ["-S", "-E", "-s"], ["-O"], ["-OO"], ["-B"], ["-u"]):
            self.answers(*flags, path)

    def test_the_module_as_a_provider_without_a_locale_or_a_home(self):
        self.write("store.json", json.dumps({CRATES_IO: TOKEN}), 0o600)
        command = [MODULE, "--example-file", self.path("store.json")]
        self.answers("-I", "-S", *command, line=get())
        for variables in (
            {"LANG": "C"},
            {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
            {"HOME": ""},
        ):
            self.answers(*command, line=get(), **variables)

    def test_inside_a_package(self):
        self.copy("corp")
        self.write("corp/__init__.py", "")
        self.write("corp/prov.py", self.SCRIPT % (".", TOKEN))
        self.answers("-m", "corp.prov")

    def test_in_a_directory_where_nothing_can_be_written(self):
        path = self.copy("bin")
        self.write("bin/__pycache__", "")  # to root, a read-only directory is not
        os.chmod(self.path("bin"), 0o555)
        self.addCleanup(os.chmod, self.path("bin"), 0o755)
        self.answers(path)
        names = ["__pycache__", "cargo_credential.py", "prov.py"]
        self.assertEqual(sorted(os.listdir(self.path("bin"))), names)

    def test_in_a_zip_file(self):
        with zipfile.ZipFile(self.path("prov.pyz"), "w") as archive:
            archive.write(MODULE, "cargo_credential.py")
            archive.writestr("__main__.py", self.SCRIPT % ("", TOKEN))
        self.answers(self.path("prov.pyz"))

    def test_beside_files_that_are_named_like_standard_modules(self):
        self.copy()
        for name in ("json", "os", "queue", "re", "subprocess", "time"):
            self.write(name + ".py", "raise SystemExit('shadowed')")
        script = "import sys\nsys.path.append(%r)\n" % self.directory + self.SCRIPT % ("", TOKEN)
        self.answers(self.write("tools/prov.py", script))


if __name__ == "__main__":
    main()
