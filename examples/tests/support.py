# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""What the tests of the examples share. It has no tests."""

import atexit
import functools
import http.server
import json
import os
import re
import shlex
import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import unittest
from urllib.parse import parse_qs

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.abspath(os.path.join(sys.path[0], os.pardir, os.pardir)))

import cargo_credential as cc
from test_cargo_credential import (
    FLAGS,
    HERE,
    REGISTRY,
    TOKEN,
    Directory,
    RegistryServer,
    Terminal,
    WithCargo,
    environment,
    get,
    line_of,
)

EXAMPLES = os.path.join(HERE, "examples")
INDEX = "sparse+https://r.example/index/"
READ = cc.GetAction(cc.ReadOperation())
PUBLISH = cc.GetAction(cc.PublishOperation("foo", "0.1.0", "ab12"))

# Variables that change what Cargo, git, the examples or the commands that they start do
CHANGES = re.compile(
    r"(ACTIONS|CARGO|CRATES_IO|GCM|GIT|GITHUB|GITLAB|NETRC|OP|PASSWORD_STORE|RUST(?!UP)|SSH|SSL|XDG)"
    r"(_.*)?\Z|GNUPGHOME\Z|GPG_TTY\Z|.*_proxy\Z",
    re.IGNORECASE,
)

# Variables with which Python encodes file names as ASCII, as Python 3.6 does without a locale
ASCII = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
linux_only = unittest.skipUnless(sys.platform == "linux", "needs Linux")


def example(name):
    """The path of an example."""
    return os.path.join(EXAMPLES, name)


def example_names():
    """The file names of all examples."""
    return sorted(name for name in os.listdir(EXAMPLES) if name.endswith(".py"))


def with_constants(name, folder, **values):
    """The path of a copy of an example, beside the module, with these values of constants."""
    with open(example(name), encoding="utf-8") as file:
        text = file.read()
    for constant, value in values.items():
        text, count = re.subn("(?m)^%s = [^#\n]*" % constant, "%s = %s  " % (constant, value), text)
        assert count == 1, constant
    shutil.copy(os.path.join(HERE, "cargo_credential.py"), folder)
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def isolated(home, **more):
    """An environment with this home, and without what would change the tests.

    A variable with the value None is missing.
    """
    kept = {name: value for name, value in environment().items() if not CHANGES.match(name)}
    kept.setdefault("RUSTUP_HOME", os.path.expanduser("~/.rustup"))
    kept.update(HOME=home, USERPROFILE=home, GIT_CONFIG_NOSYSTEM="1", **more)
    return {name: value for name, value in kept.items() if value is not None}


def text_of(answer):
    """An `other` error as "message: cause: cause", or any other answer as it is."""
    error = json.loads(answer).get("Err", {})
    if error.get("kind") != "other":
        return answer
    return ": ".join([error["message"], *error["caused-by"]])


@functools.lru_cache(None)
def cargo_version():
    """The version of Cargo as numbers: (1, 95)."""
    output = subprocess.check_output(["cargo", "--version"], timeout=60).decode()
    return tuple(int(number) for number in re.search(r"(\d+)\.(\d+)", output).groups())


@functools.lru_cache(None)
def cargo_reads_git_indexes():
    """Whether Cargo fits to its libgit2: Debian's 1.96 does not. Nothing listens at port 1."""
    with tempfile.TemporaryDirectory() as home:
        process = subprocess.Popen(
            ["cargo", "yank", "--registry=x", "--token=t", "x@1.0.0"],
            cwd=home,
            env=isolated(
                home,
                CARGO_HOME=home,
                CARGO_NET_RETRY="0",
                CARGO_REGISTRIES_X_INDEX="git://127.0.0.1:1/i",
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return b"on git_proxy_options" not in process.communicate(timeout=60)[0]


NO_GIT_INDEX = "needs a Cargo that can read git indexes over the network"


def command_of(path):
    """The command in a docstring with which a user tries an example without Cargo."""
    with open(path, encoding="utf-8") as file:
        docstring = file.read().split('"""')[1]
    start = r"To try it without Cargo, (?:in a Unix shell|on a Unix terminal):\n"
    _, command = re.split(start, docstring)
    return command


class Example(Directory):
    """An example without Cargo, in a clean environment."""

    EXAMPLE = None  # its path

    def setUp(self):
        super().setUp()
        self.more = {}  # environment variables of one test

    def environment(self):
        return isolated(self.directory, **self.more)

    def ask(self, *lines):
        """(answers, standard error) of the example."""
        return self.run_provider(self.EXAMPLE, *lines, env=self.environment())

    def texts(self, *lines):
        """What `text_of` makes of the answers. Standard error is empty, and no answer has TOKEN."""
        answers, errors = self.ask(*lines)
        self.assertEqual(errors, "")
        self.assertNotIn(TOKEN, repr(answers))
        return [text_of(answer) for answer in answers]

    def text(self, action, args=(), registry=REGISTRY):
        """What `text_of` makes of the answer to one request."""
        (text,) = self.texts(line_of(action, registry, args))
        return text

    def assert_texts(self, rows, action=get, registry=REGISTRY):
        """Each row is (arguments, text). One session answers all of them."""
        texts = self.texts(*[action(registry, args) for args, _ in rows])
        self.assertEqual(len(texts), len(rows))
        for (args, expected), text in zip(rows, texts):
            with self.subTest(args=args):
                self.assertEqual(text, expected)

    def assert_tries_as_documented(self, output, replace=()):
        """The docstring's command prints `output`, a regular expression."""
        command = command_of(self.EXAMPLE)
        for old, new in replace:
            self.assertIn(old, command)
            command = command.replace(old, new)
        process = subprocess.Popen(
            ["sh", "-c", command],
            cwd=EXAMPLES,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=os.setsid,
        )
        printed, errors = process.communicate(timeout=60)
        self.assertRegex(printed.decode(), output)
        self.assertEqual(errors, b"")

    def put_on_path(self, *folders):
        """Let Cargo and the example find programs in these directories.

        A provider in an environment variable is split on spaces, which an absolute path can have.
        """
        self.more["PATH"] = os.pathsep.join([*folders, environment()["PATH"]])

    def on_a_terminal(self, **streams):
        """The example with Cargo's pipes, on a terminal, after its hello."""
        terminal = Terminal(
            [sys.executable, *FLAGS, self.EXAMPLE, "--cargo-plugin"],
            env=self.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **streams,
        )
        self.addCleanup(terminal.close)
        self.assertEqual(terminal.process.stdout.readline(), b'{"v":[1]}\n')
        return terminal

    def recorder(self, name, code):
        """The path of a provider that logs each request and then runs `code`."""
        return self.provider(
            """
            class Provider(Credential):
                def perform(self, registry, action, args):
                    operation = getattr(action, "operation", "-")
                    with open(%r, "a") as log:
                        log.write("%%s %%s %%s\\n" %% (action, operation, args))
                    %s
            """
            % (self.path(name + ".log"), code),
            name + ".py",
        )

    def log(self, name):
        return self.read(name + ".log").decode().splitlines()


class CargoWithExample(Example, WithCargo):
    """Real Cargo, a registry, and an example as the registry's provider."""

    def cargo_environment(self):
        return dict(
            self.environment(),
            CARGO_HOME=self.path("cargo-home"),
            CARGO_TERM_COLOR="never",
            CARGO_NET_RETRY="0",
            PYTHONWARNINGS="error",
        )

    def need_support(self, arguments):
        if "--workspace" in arguments and cargo_version() < (1, 90):
            self.skipTest("needs Cargo 1.90 for `cargo publish --workspace`")

    def cargo_on_a_terminal(self, *arguments):
        self.need_support(arguments)
        terminal = Terminal(
            ("cargo",) + arguments, cwd=self.path("project"), env=self.cargo_environment()
        )
        self.addCleanup(terminal.close)
        return terminal

    def publish(self, *more, **options):
        """What Cargo prints when it publishes the project."""
        self.need_support(more)
        return self.cargo("publish", "--allow-dirty", "--no-verify", *more, **options)

    def login(self, *more, **options):
        """What `cargo login` prints, which gets TOKEN from its standard input."""
        token = self.TOKEN.encode() + b"\n"
        return self.cargo("login", "--registry", "alt", *more, stdin=token, **options)

    def logout(self, **options):
        return self.cargo("logout", "--registry", "alt", **options)

    def sent(self, method):
        """The paths and tokens of the registry's requests with this method."""
        return [row[1:] for row in self.registry.log if row[0] == method]

    def workspace(self, *names):
        """Replace the project by a workspace of crates without dependencies."""
        manifest = self.PROJECT.split("[dependencies]")[0]
        for name in names:
            crate = manifest.replace('"app"', '"%s"' % name)
            self.write("project/%s/Cargo.toml" % name, crate)
            self.write("project/%s/src/lib.rs" % name, "")
        members = '[workspace]\nmembers = %s\nresolver = "2"\n' % json.dumps(names)
        self.write("project/Cargo.toml", members)

    def update_after_password(self):
        """`cargo update` on a terminal, where the provider's command requires `open`."""
        terminal = self.cargo_on_a_terminal("update")
        terminal.read(b"password? ")
        terminal.type(b"open\n")
        status, rest = terminal.rest()
        self.assertEqual(status, 0, rest)
        self.assertNotIn(TOKEN.encode(), rest)


# ---- Servers -------------------------------------------------------------------------------

CERTIFICATE = """\
[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
CN = loopback
[extensions]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
basicConstraints = critical, CA:true
keyUsage = critical, digitalSignature, keyCertSign
subjectAltName = %s
"""


class Web(http.server.BaseHTTPRequestHandler):
    """A proxy for https:// that answers as the hosts behind it, with TLS."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    base = None

    def do_CONNECT(self):
        self.base = "https://" + self.path[: -len(":443")]
        self.server.tunnels.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.close_connection = False

    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = (self.base or "http://" + self.headers["Host"]) + self.path
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.log.append((self.command, url, headers, body))
        status, body, headers = self.server.reply(self.command, url, headers, body)
        if status is None:
            self.close_connection = True
            self.wfile.write(body)
            return
        self.send_response(status, "r\x1b[2Jeason")
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = handle_one

    def finish(self):
        super().finish()
        if self.base:
            self.rfile.close()
            self.connection.close()

    def log_message(self, *arguments):
        pass


class WebServer(RegistryServer):
    """GitHub, crates.io with its index, and corp.example.

    It logs each request. `pages` has the answers for other URLs, as (status, body, headers).
    """

    IDENTITY = "eyJhbGciOi" + 40 * "JSUzI1NiJ9." + TOKEN
    REQUEST_TOKEN = "request-token-" + TOKEN
    GITHUB_HOST = "run-1.actions.githubusercontent.com"
    GITHUB = "https://%s/42//idtoken/7?api-version=2.0" % GITHUB_HOST
    HOSTS = (GITHUB_HOST, "crates.io", "index.crates.io", "corp.example", "evil.example")

    def __init__(self, directory, token):
        import ssl

        self.tunnels, self.pages = [], {}
        self.certificate, key = self.certify(directory)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, key)
        super().__init__(token)
        self.RequestHandlerClass = Web

    def certify(self, directory):
        """The paths of a certificate for all hosts, and of its key."""
        configuration, certificate, key = [
            os.path.join(directory, name) for name in ("web.cnf", "web.pem", "web.key")
        ]
        with open(configuration, "w", encoding="ascii") as file:
            file.write(CERTIFICATE % ", ".join(["DNS:" + host for host in self.HOSTS]))
        options = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split()
        subprocess.check_output(
            ["openssl", "req", "-config", configuration, *options, "-keyout", key]
            + ["-out", certificate],
            stderr=subprocess.STDOUT,
            timeout=60,
        )
        return certificate, key

    def connection(self):
        """The environment in which Cargo and the examples connect to this server."""
        return {
            "https_proxy": self.url,
            "http_proxy": "http://127.0.0.1:9",
            "no_proxy": "127.0.0.1",
            "SSL_CERT_FILE": self.certificate,
            "CARGO_HTTP_CAINFO": self.certificate,
        }

    def github_job(self):
        """The environment of a job of GitHub Actions that may have an identity."""
        return {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": self.GITHUB,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.REQUEST_TOKEN,
        }

    def reply(self, method, url, headers, body):
        """(status, body, headers) of an answer."""
        if url in self.pages:
            return self.pages[url]
        status, answer = self.answer(method, url, headers, body)
        return status, answer if isinstance(answer, bytes) else json.dumps(answer).encode(), {}

    def answer(self, method, url, headers, body):
        host, path = url.split("/", 3)[2:]
        if host == self.GITHUB_HOST:
            return 200, {"count": 1, "value": self.IDENTITY}
        if path == "api/v1/trusted_publishing/tokens":
            return 200, {"token": self.token}
        if path == "api/v1/crates/new":
            if headers.get("authorization") != self.token:
                return 403, {"errors": [{"detail": "this action requires authentication"}]}
            length = int.from_bytes(body[:4], "little")
            self.add(json.loads(body[4 : 4 + length].decode()), body[8 + length :])
            return 200, {"warnings": None}
        if path.endswith("config.json"):
            api = "https://" + host.replace("index.", "")
            return 200, {"dl": api + "/dl", "api": api}
        lines = [json.dumps(entry) for entry in self.index.get(path.rsplit("/", 1)[1], [])]
        return 200 if lines else 404, "\n".join(lines).encode()


class Tokens(http.server.BaseHTTPRequestHandler):
    """The only page of a token server."""

    disable_nagle_algorithm = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.log.append((self.path, dict(self.headers), body))
        status, answer = self.server.answer(body)
        answer = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        if status in range(300, 400):
            self.send_header("Location", self.server.url + "/elsewhere")
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST

    def log_message(self, *arguments):
        pass


class TokenServer(http.server.HTTPServer):
    """An OAuth 2.0 token server."""

    server_bind = RegistryServer.server_bind  # HTTPServer's looks the host's name up
    life = 3600
    headers = {}  # of each answer

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Tokens)
        self.log, self.issued = [], []
        self.url = "http://127.0.0.1:%d" % self.server_port
        self.answer = self.issue
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self.thread.start()

    def issue(self, body):
        """A new token, with its scope and number in it."""
        (scope,) = parse_qs(body).get("scope", ["all"])
        self.issued.append("%s-%d-%s" % (scope, len(self.issued), TOKEN))
        token = {"access_token": self.issued[-1], "token_type": "Bearer", "expires_in": self.life}
        return 200, token

    def answers(self, status, answer):
        self.answer = lambda body: (status, answer)

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class LoopbackServer(socketserver.ThreadingTCPServer):
    """A server in a thread."""

    daemon_threads = True

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        self.address = "127.0.0.1:%d" % self.server_address[1]
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class RawAnswer(socketserver.BaseRequestHandler):
    """Writes these bytes, and then closes, or goes on with a byte now and then."""

    def handle(self):
        self.request.sendall(self.server.start)
        if not self.server.forever:
            self.request.recv(65536)  # else the client would get a reset
        while self.server.forever and not self.server.closing.wait(0.02):
            self.request.sendall(b"0")


def raw_server(test, start, forever=False):
    """A server that answers each connection with these bytes, until the end of the test."""
    server = LoopbackServer(RawAnswer)
    server.start, server.forever, server.closing = start, forever, threading.Event()
    test.addCleanup(server.close)
    test.addCleanup(server.closing.set)
    server.handle_error = lambda request, address: None  # the client has left
    return server


class GitDaemon(socketserver.BaseRequestHandler):
    """Serves the git repositories below the server's folder at git://."""

    def handle(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        subprocess.call(
            ["git", "daemon", "--inetd", "--export-all", "--base-path=" + self.server.folder],
            stdin=self.request,
            stdout=self.request,
            stderr=subprocess.DEVNULL,
            timeout=60,
            env=isolated(self.server.folder),
        )


class HostileCheckout(CargoWithExample):
    """A checkout's configuration gives the user's registry an index of an attacker.

    The user's registry is at crates.corp.example. The attacker's index is a git repository whose
    config.json names self.registry, which logs each token that Cargo sends.
    """

    CORP = cc.RegistryInfo("sparse+https://crates.corp.example/index/", "alt")
    DECLINED = "no credential providers could handle the request"
    COMMANDS = [
        ("metadata", "--format-version=1"),  # which an editor runs when it opens a folder
        ("yank", "--registry=alt", "dep@1.0.0"),
    ]
    # {daemon} is the attacker's `git daemon`, {folder} a directory of the checkout
    LOOK_ALIKES = [
        "git://crates.corp.example#@{daemon}/index",
        "git://crates.corp.example?@{daemon}/index",
        # With net.git-fetch-with-cli; git connects to the host in brackets, wherever it finds @[
        "file://crates.corp.example{folder}/index",
        "ssh://crates.corp.example/@[evil]/index",
    ]

    def setUp(self):
        super().setUp()
        daemon = LoopbackServer(GitDaemon)
        self.addCleanup(daemon.close)
        daemon.folder = self.path("attacker")
        config = {"dl": self.registry.url + "/dl", "api": self.registry.url, "auth-required": True}
        self.write("attacker/index/config.json", json.dumps(config))
        self.write("attacker/index/3/d/dep", json.dumps(self.registry.index["dep"][0]))
        for command in ("init -q", "add .", "commit -q -m index"):
            subprocess.check_call(
                "git -c user.name=x -c user.email=x".split() + command.split(),
                cwd=self.path("attacker/index"),
                env=isolated(self.directory),
                timeout=60,
            )
        serve = '#!/bin/sh\nexec git upload-pack "%s"\n' % self.path("attacker/index")
        # In place of a connection to the host `evil`
        ssh = self.write("ssh.sh", serve, 0o755)
        self.more.update(GIT_SSH_COMMAND=shlex.quote(ssh), GIT_SSH_VARIANT="ssh")
        self.urls = [
            form.format(daemon=daemon.address, folder=daemon.folder) for form in self.LOOK_ALIKES
        ]

    def requests_with_a_token(self, url, provider, declined):
        """The requests of Cargo with a token, where the checkout names this index.

        `declined` says whether every command ends because the provider declines.
        """
        if url.startswith("git:") and not cargo_reads_git_indexes():
            self.skipTest(NO_GIT_INDEX)
        shutil.rmtree(self.path("cargo-home"), True)
        user = '[registries.alt]\nindex = "%s"\n' % self.CORP.index_url
        user += "credential-provider = %s\n" % json.dumps(provider)
        self.write("cargo-home/config.toml", user)
        cli = "false" if url.startswith("git:") else "true"
        checkout = '[registries.alt]\nindex = "%s"\n[net]\ngit-fetch-with-cli = %s\n' % (url, cli)
        self.write("project/.cargo/config.toml", checkout)
        del self.registry.log[:]
        for command in self.COMMANDS:
            output = self.output_of_cargo(*command)
            self.assertNotIn(TOKEN, output)
            self.assertIs(self.DECLINED in output, declined, output)
        return [path for _, path, token in self.registry.log if token is not None]

    def output_of_cargo(self, *arguments):
        process = subprocess.Popen(
            ("cargo",) + arguments,
            cwd=self.path("project"),
            env=self.cargo_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=os.setsid,
        )
        output, _ = process.communicate(timeout=60)
        if os.path.exists(self.path("project/Cargo.lock")):
            os.remove(self.path("project/Cargo.lock"))
        return output.decode()

    def assert_no_token_is_sent(self, path, *args):
        """The provider has a token for the user's registry, and Cargo sends it to no look-alike."""
        line = get(self.CORP, args)
        (answer,), _ = self.run_provider(path, line, env=self.environment())
        self.assertIn(TOKEN, answer)
        for url in self.urls:
            with self.subTest(url):
                self.assertEqual(self.requests_with_a_token(url, [path, *args], True), [])


# ---- Stores --------------------------------------------------------------------------------


class WithPass(Example):
    """The real pass and gpg, with keys that are thrown away, and a gpg-agent of their own."""

    EXAMPLE = example("password_store.py")
    PASSPHRASE = "open sesame"
    TOGETHER = "gpg"  # one worker runs all these tests, with the same keys

    gpg_home = None  # for all tests: keys take a second each

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if WithPass.gpg_home is None:
            cls.make_keys()

    @classmethod
    def make_keys(cls):
        home = tempfile.mkdtemp()  # a short path: a socket's has about 100 characters at most
        WithPass.gpg_home = home
        atexit.register(shutil.rmtree, home, True)
        atexit.register(cls.run_gpg, ["gpgconf", "--kill", "gpg-agent"])
        pinentry = shutil.which("pinentry-curses") or "/bin/false"
        with open(os.path.join(home, "gpg-agent.conf"), "w", encoding="utf-8") as file:
            file.write("pinentry-program %s\n" % pinentry)
        for name, passphrase in (("open", ""), ("locked", cls.PASSPHRASE)):
            cls.run_gpg(
                "gpg --batch --quiet --pinentry-mode loopback --passphrase".split()
                + [passphrase, "--quick-generate-key", name + "@example.com"]
                + "future-default default never".split()
            )

    @classmethod
    def forget_passphrases(cls):
        cls.run_gpg(["gpgconf", "--reload", "gpg-agent"])  # faster than to end and start it

    @classmethod
    def run_gpg(cls, command):
        subprocess.check_call(
            command,
            env=dict(environment(), GNUPGHOME=cls.gpg_home),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=120,
        )

    def setUp(self):
        super().setUp()
        self.more.update(GNUPGHOME=self.gpg_home, PASSWORD_STORE_DIR=self.path("store"))
        self.encrypt_for("open")

    def encrypt_for(self, name):
        self.write("store/.gpg-id", name + "@example.com\n")

    def entries(self):
        """The files of the store, and any file beside it."""
        found = [
            os.path.relpath(os.path.join(folder, name), self.path("store"))
            for folder, _, names in os.walk(self.path("store"))
            for name in names
        ]
        return sorted(set(found) - {".gpg-id"})


# A stand-in for `op`, strict about what it gets
OP = r"""
import json, os, re, stat, sys
here = os.path.dirname(os.path.abspath(__file__))
def load(name):
    with open(os.path.join(here, name)) as file:
        return json.load(file)
def store(items):
    with open(os.path.join(here, "items"), "w") as file:
        json.dump(items, file)
words = [word for word in sys.argv[1:] if not re.match("--(account|vault)=", word)]
with open(os.path.join(here, "log"), "a") as log:
    log.write(" ".join(sys.argv[1:]) + "\n")
given = None
if words[:2] in (["item", "create"], ["item", "edit"]):
    assert stat.S_ISFIFO(os.fstat(0).st_mode), "expected data on stdin but none found"
    given = json.load(sys.stdin)
else:
    assert not stat.S_ISFIFO(os.fstat(0).st_mode), "invalid JSON"
if words == ["signin"]:
    print('export OP_SESSION_abc="session-s3cr3t"\n# This command is for your shell')
    sys.exit()
session = os.environ.get("OP_SESSION_abc")
known = {"OP_SERVICE_ACCOUNT_TOKEN", "OP_CONNECT_TOKEN"}
assert session == "session-s3cr3t" or known.intersection(os.environ)
items = load("items")
if words[:2] == ["item", "list"]:
    options = ["--categories", "Login", "--tags", "cargo-registry", "--format", "json"]
    assert words[2:] == options, words
    found = [i for i in items if i["category"] == "LOGIN" and "cargo-registry" in i.get("tags", [])]
    print(json.dumps([{name: i[name] for name in i if name != "fields"} for i in found]))
elif words[:2] == ["item", "create"]:
    assert words[2:] == ["-"], words
    assert "id" not in given
    given["id"] = "id%d" % len(items)
    store(items + [given])
    print(json.dumps(given))
else:
    (identifier,) = [word for word in words[2:] if word not in ("--format", "json")]
    (item,) = [i for i in items if i["id"] == identifier]
    if words[:2] == ["item", "get"]:
        print(json.dumps(item))
    elif words[:2] == ["item", "edit"]:
        assert given["id"] == identifier
        store([given if i is item else i for i in items])
        print(json.dumps(given))
    elif words[:2] == ["item", "delete"]:
        store([i for i in items if i is not item])
    else:
        sys.exit(1)
"""


class WithOp(Example):
    """A stand-in for `op`, whose items are in a file beside it."""

    EXAMPLE = example("onepassword.py")

    def setUp(self):
        super().setUp()
        self.program(OP, "bin/op")
        self.store_tokens([])
        self.put_on_path(self.path("bin"))

    def store_tokens(self, items):
        self.write("bin/items", json.dumps(items))

    def stored_tokens(self):
        return json.loads(self.read("bin/items").decode())
