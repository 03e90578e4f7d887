#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests of the module in all the places where people put it."""

import json
import os
import select
import shutil
import signal
import sys
import time
import zipfile

sys.path.insert(0, os.path.abspath(os.path.join(__file__, os.pardir, os.pardir, os.pardir)))

from test_cargo_credential import (
    CRATES_IO,
    GET,
    HERE,
    MODULE,
    TOKEN,
    Directory,
    environment,
    get,
    main,
    posix_only,
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


@posix_only
class OddStarts(Directory):
    """A path outside ASCII or UTF-8, a closed standard output, an inner provider at Ctrl-C."""

    def help_of(self, path, **variables):
        process = start([path, "--help"], env=environment(**variables))
        output, errors = process.communicate(timeout=60)
        self.assertEqual((process.returncode, errors), (0, b""))
        return output.decode("utf-8")

    def test_help_shows_a_path_outside_ascii(self):
        name = os.fsdecode("pr\u00f6v.py".encode("utf-8"))  # in any locale
        path = self.provider("Provider = UnsupportedCredential", name)
        shown = self.help_of(path, PYTHONIOENCODING="utf-8")
        ending = 'credential-provider = ["%s"]\n' % os.fsencode(path).decode("utf-8")
        self.assertTrue(shown.endswith(ending), shown)
        self.assertIn("pr\\xf6v.py", self.help_of(path, PYTHONIOENCODING="ascii"))

    def test_help_shows_a_path_that_is_not_utf_8(self):
        path = self.path("pr\udcffv.py")
        os.rename(self.provider("Provider = UnsupportedCredential"), path)
        self.assertIn('pr\\udcffv.py"]\n', self.help_of(path))

    def test_a_store_that_cannot_be_read_is_named(self):
        """A name of 300 characters: root, too, cannot open it."""
        store = self.path("a" * 300)
        process = start([MODULE, "--cargo-plugin", "--example-file", store], env=environment())
        output, _ = process.communicate(get(), timeout=60)
        self.assertIn("cannot read the token store `%s`" % store, output.decode("utf-8"))

    def test_the_provider_of_a_console_script_has_the_docstring_of_its_module(self):
        self.write("corp_provider.py", "'Tokens of corp.'\n" + self.SOURCE)
        script = self.script("import corp_provider\ncorp_provider.run()\n", "corp-provider")
        shown = self.help_of(script, PYTHONPATH=os.pathsep.join([HERE, self.directory]))
        self.assertTrue(shown.startswith("Tokens of corp.\n\nThis is a credential provider"), shown)

    SOURCE = (
        "from cargo_credential import *\n"
        "class Provider(Credential):\n"
        "    pass\n"
        "def run():\n"
        "    main(Provider())\n"
    )

    def test_a_standard_output_that_was_closed_before_main(self):
        path = self.getter("print('noise')\nraise NotFound")
        code = (
            "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable] + sys.argv[1:])"
        )
        process = start(["-c", code, path, "--cargo-plugin"])
        output, errors = process.communicate(GET, timeout=60)
        self.assertEqual((process.returncode, output, errors), (0, b"", b""))

    def test_ctrl_c_lets_an_inner_provider_clean_up(self):
        inner = self.getter(
            """
            try:
                open(args[0] + ".started", "w").close()
                time.sleep(60)
            finally:
                open(args[0] + ".cleaned", "w").close()
            """,
            "inner.py",
        )
        mark = self.path("mark")
        outer = self.getter(
            "return CredentialProcess(%r, %r).get(registry, operation, [])" % (inner, mark)
        )
        process = start([outer, "--cargo-plugin"])
        process.stdin.write(GET)
        process.stdin.flush()
        deadline = time.monotonic() + 60
        while not os.path.exists(mark + ".started") and time.monotonic() < deadline:
            select.select([], [], [], 0.01)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertTrue(os.path.exists(mark + ".cleaned"))


if __name__ == "__main__":
    main()
