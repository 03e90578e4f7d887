#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Tests that real Cargo reads index URLs as the tables of the main test file say.

python3 .ci/tests/test_index_urls.py [-v] [CLASS[.test] ...]
"""

import os
import random
import re
import shlex
import socket
import socketserver
import subprocess
import sys
import threading
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir))

sys.path.insert(1, os.path.join(sys.path[0], "examples", "tests"))

import cargo_credential as cc
import test_cargo_credential
from support import NO_GIT_INDEX, cargo_reads_git_indexes
from test_cargo_credential import (
    SEED,
    Directory,
    environment,
    main,
    needs,
    posix_only,
)

URLS = test_cargo_credential.RegistryInfo.URLS
LOOK_ALIKES = test_cargo_credential.RegistryInfo.LOOK_ALIKES
CORP = test_cargo_credential.RegistryInfo.CORP


def no_network(**more):
    """The environment, and no configuration of git that changes how it reaches a host."""
    kept = environment(CARGO_TERM_COLOR="never", CARGO_NET_RETRY="0", LC_ALL="C")
    return dict(kept, GIT_CONFIG_NOSYSTEM="1", GIT_SSH_VARIANT="ssh", **more)


class RefusingProxy(socketserver.StreamRequestHandler):
    """Logs the first line of each request to a proxy, and refuses it."""

    disable_nagle_algorithm = True
    timeout = 60

    def handle(self):
        self.server.log.append(self.rfile.readline().decode("latin-1"))
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")


@needs("cargo", "git")
@posix_only
class IndexUrls(Directory):
    """Which host real Cargo reads in an index URL. It connects to no host, and looks none up."""

    SSH = '#!/bin/sh\nprintf "%%s\\n" "$@" > "%s"\nexit 255\n'

    def setUp(self):
        super().setUp()
        self.proxy = socketserver.ThreadingTCPServer(("127.0.0.1", 0), RefusingProxy)
        self.proxy.daemon_threads, self.proxy.log = True, []
        thread = threading.Thread(target=self.proxy.serve_forever, args=(0.02,))
        thread.start()
        for end in (self.proxy.server_close, thread.join, self.proxy.shutdown):
            self.addCleanup(end)
        ssh = self.write("ssh.sh", self.SSH % self.path("ssh.log"), 0o755)
        self.variables = no_network(
            HOME=self.directory,
            CARGO_HOME=self.directory,
            GIT_SSH_COMMAND=shlex.quote(ssh),
            CARGO_HTTP_PROXY="http://127.0.0.1:%d" % self.proxy.server_address[1],
        )

    def configure(self, urls):
        rows = enumerate("".join("\\u%04x" % ord(character) for character in url) for url in urls)
        self.write("config.toml", "".join('[registries.r%d]\nindex = "%s"\n' % row for row in rows))

    def yank(self, number, cli="false"):
        """What Cargo prints for a command that connects to the index."""
        run = subprocess.run(
            ["cargo", "yank", "--registry=r%d" % number, "--token=t", "dep@1.0.0"],
            cwd=self.directory,
            env=dict(self.variables, CARGO_NET_GIT_FETCH_WITH_CLI=cli),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
        )
        return run.stdout.decode()

    def hosts_of(self, urls):
        """For each URL the set of hosts: of requests to the proxy, or of what git passes to ssh."""
        self.configure(urls)
        for number, url in enumerate(urls):
            del self.proxy.log[:]
            self.write("ssh.log", "")
            self.yank(number, cli="true" if url[:4].lower() == "ssh:" else "false")
            request = r"(?:CONNECT |\w+ \w+://)(?:[^/@]*@)?([^/]*?)(?::\d+)?[/ ]"
            hosts = {re.match(request, line).group(1) for line in self.proxy.log}
            words = self.read("ssh.log").decode("latin-1").split("\n")[:-1]
            if words:  # ... DESTINATION COMMAND
                hosts.add(words[-2].rpartition("@")[2])  # the last @, as ssh reads it
            yield url, {host.strip("[]") for host in hosts}

    def need_git_indexes(self):
        if not cargo_reads_git_indexes():
            self.skipTest(NO_GIT_INDEX)

    def test_cargo_connects_to_the_host_in_each_row_of_the_table(self):
        self.need_git_indexes()
        urls = [url for url, _, _ in URLS]
        for (url, hosts), (_, host, _) in zip(self.hosts_of(urls), URLS):
            if "crates.io-index" in url:  # Cargo reads that index at another place
                host = "index.crates.io"
            password = re.search(r"//[^/]*:[^/]*@", url)  # Cargo refuses one in a configuration
            self.assertEqual(hosts, set() if password else {host}, url)

    def test_cargo_reads_each_look_alike_as_the_table_says(self):
        self.need_git_indexes()
        rows = [row for row in LOOK_ALIKES if not row[1].startswith("libgit2: ")]
        urls, misread = [form.replace("{}", CORP) for form, _ in rows], 0
        for (url, hosts), (_, reading) in zip(self.hosts_of(urls), rows):
            words = re.match(r"(?:Cargo|git and libgit2|git): ([^,]*)", reading)
            host = words and words.group(1).replace("the host", CORP)
            self.assertEqual(hosts, {host} if words else set(), url)
            try:
                read = urllib.parse.urlsplit(url).hostname
            except ValueError:
                continue
            misread += read == CORP and "evil" in hosts
        self.assertGreater(misread, 2)  # by urlsplit: the table has what a test must find

    def test_libgit2_reads_another_host_after_a_question_mark_or_number_sign(self):
        self.need_git_indexes()
        with socket.socket() as closed:  # nothing listens at this port
            closed.bind(("127.0.0.1", 0))
            address = "127.0.0.1:%d" % closed.getsockname()[1]
            rows = LOOK_ALIKES
            forms = [form for form, reading in rows if "libgit2: evil" in reading]
            self.assertEqual(len(forms), 4)
            self.configure(form.format("localhost").replace("evil", address) for form in forms)
            for number, form in enumerate(forms):
                self.assertIn("failed to connect to 127.0.0.1: ", self.yank(number), form)

    def look_alike(self, random):
        """An index URL from parts that are read in several ways, at times with a change."""
        scheme = random.choice("https HTTPS http sparse+https sparse+http ssh ssh".split())
        user = random.choice(". . . u@ %s@ evil@ @ %s#@ %s?@ %s/@ %s\\@".split()).strip(".")
        host = random.choice(
            "%s %s evil %s.evil 127.1 127.0.0.1 [::1] %s#@evil xn--%s- 256.1.1.1 [:::1]".split()
        )
        port = random.choice(["", "", "", ":", ":443", ":8443", ":0443"])
        path = random.choice("/ / /@evil/ //evil/ /x@evil:22/ /?@evil/ /#@[evil]/".split())
        text = (user + host + port + path).replace("%s", CORP)
        if random.random() < 0.3:
            at = random.randrange(len(text))
            text = text[:at] + random.choice("@:/?#\\%.-_~;[]\t\u3002\u00ad1x") + text[at:]
        return scheme + "://" + text

    def test_cargo_connects_to_the_host_that_a_generated_url_has(self):
        generator = random.Random(SEED)
        urls, seen = [self.look_alike(generator) for _ in range(64)], set()
        for url, hosts in self.hosts_of(urls):
            registry = cc.RegistryInfo(url)
            seen.add((registry.host is not None, bool(hosts)))
            if registry.host is not None:
                self.assertLessEqual(hosts, {registry.host}, "seed %s: %r" % (SEED, url))
            if registry.matches(CORP):
                self.assertLessEqual(hosts, {CORP}, "seed %s: %r" % (SEED, url))
        self.assertTrue({(True, True), (False, True)} <= seen, "seed %s" % SEED)


if __name__ == "__main__":
    main()
