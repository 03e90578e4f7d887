# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""The problems that check_provider.py can report: each with its fix, and with Cargo's message."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    Fix = tuple[str, str]
    Explanation = tuple[str, str, str, list[Fix]]


def explain(level: str, text: str, fixes: "tuple[str | Fix, ...]", cargo: str) -> "Explanation":
    return level, text, cargo, [("", fix) if isinstance(fix, str) else fix for fix in fixes]


def fail(text: str, *fixes: "str | Fix", cargo: str = "") -> "Explanation":
    """A problem because of which Cargo fails or a token gets lost or leaks."""
    return explain("FAIL", text, fixes, cargo)


def warn(text: str, *fixes: "str | Fix", cargo: str = "") -> "Explanation":
    """A problem that some users have."""
    return explain("warn", text, fixes, cargo)


# By key: what the report says, the fixes, and what Cargo 1.95 says. The report shows one fix: the
# first whose pattern is found in standard error or in a message; one without a pattern always fits.
# %(name)s is a value of the case.
PROBLEMS = {
    # The program
    "built-in": fail(
        "`%(given)s` is built into Cargo",
        "Name a program: the checker cannot start what is built into Cargo.",
    ),
    "missing": fail(
        "`%(given)s` does not exist",
        (r"[/\\]", "Check the path."),
        "Name the program by its absolute path: Cargo looks up a bare name on PATH.",
        cargo='Cargo says "%(says)s".',
    ),
    "directory": fail(
        "it is a directory",
        "Name the program in it.",
    ),
    "mode": fail(
        "it is not executable",
        "Run: chmod +x %(path)s",
        cargo='Cargo says "Permission denied (os error 13)".',
    ),
    "shebang": fail(
        "it has no shebang",
        "Name the interpreter in the script's first line: #!/usr/bin/env python3",
        cargo='Cargo says "Exec format error (os error 8)".',
    ),
    "mark": fail(
        "it has no shebang, but a byte order mark",
        "Save the script as UTF-8 without a byte order mark.",
        cargo='Cargo says "Exec format error (os error 8)".',
    ),
    "crlf": fail(
        "its first line ends with CR LF",
        "Save it with Unix line ends: the system looks for an interpreter with a CR in its name.",
    ),
    "interpreter": fail(
        "`%(given)s` is an interpreter",
        "Make the script executable and name it alone: Cargo runs `%(given)s --cargo-plugin`.",
        cargo='Cargo says "failed to deserialize hello".',
    ),
    "shadow": warn(
        "`%(name)s` beside it shadows the standard module of that name",
        "Rename the file: Python imports it in place of its own.",
    ),
    "start": fail(
        "it cannot be started: %(error)s",
        "Check the interpreter that the first line names.",
        cargo='Cargo says "failed to spawn credential process".',
    ),
    "start-windows": fail(
        "it cannot be started: %(error)s",
        "Name a .cmd or .exe file: on Windows, Cargo does not start scripts.",
        cargo='Cargo says "failed to spawn credential process" and "(os error 193)".',
    ),
    "ending": fail(
        "Cargo does not find `%(given)s`, a .cmd file, by this name",
        "Name its absolute path, with the ending: on Windows, Cargo adds only .exe to a name.",
        cargo='Cargo says "program not found".',
    ),
    # The conversation
    "crash": fail(
        "it %(how)s before its %(what)s",
        "Write one line for each request, an Err after an error, and exit only at the end of "
        "the input.",
        cargo=(
            'Cargo says "failed to deserialize %(what)s" and "EOF while parsing a value at line '
            '1 column 0".'
        ),
    ),
    "no-hello": fail(
        "it %(how)s before its hello",
        ("No module named '?cargo_credential'?$", "Copy cargo_credential.py beside the script."),
        (
            "relative import|'__main__' is not a package",
            "Start the package through a script outside of it.",
        ),
        (r"^\S*env: ", "Check the first line: PATH has no interpreter of that name."),
        (
            r"^(\w+\.)*\w+(Error|Exception)\b",
            "Fix the exception: run the provider to see its traceback.",
        ),
        'Write {"v":[1]} first: in Python, end the script with main(Provider()).',
        cargo=(
            'Cargo says "failed to deserialize hello" and "EOF while parsing a value at line 1 '
            'column 0".'
        ),
    ),
    "silent": fail(
        "nothing on standard output in %(seconds)s s",
        "Flush standard output after each line: Cargo waits for ever. If it is slow, add "
        "--timeout.",
    ),
    "unended": fail(
        "no line end after %(shape)s in %(seconds)s s",
        "End the line and flush it: Cargo waits for ever.",
    ),
    "endless": fail(
        "more than %(size)s bytes without a line end",
        "Write one short line: Cargo reads on until the line ends.",
    ),
    "flood": fail(
        "%(size)s bytes after its last answer",
        "Write nothing after the answer: Cargo does not read it and waits for ever, since the "
        "pipe is full.",
    ),
    "status": fail(
        "it answers, but %(how)s",
        "Exit with status 0 after any answer, even an Err: otherwise Cargo drops the answer.",
        cargo='Cargo says "credential process `%(path)s` failed with status %(status)s".',
    ),
    "running": fail(
        "it runs on %(seconds)s s after the end of its input",
        "Exit at the end of standard input: Cargo waits for ever.",
    ),
    "unread": fail(
        "it does not read the request",
        "Read the request before you answer.",
        cargo='Cargo says "failed to write to credential provider".',
    ),
    "noise": warn(
        "%(size)s bytes",
        "Write nothing after an answer: Cargo ignores it, unless it sends a second request.",
    ),
    # Lines that are not the protocol
    "byte-order-mark": fail(
        "its %(what)s begins with a byte order mark",
        "Write UTF-8 without a byte order mark.",
        cargo=(
            'Cargo says "failed to deserialize %(what)s" and "expected value at line 1 column 1".'
        ),
    ),
    "encoding": fail(
        "its %(what)s is not UTF-8",
        "Write UTF-8, whatever the locale is.",
        cargo=(
            'Cargo says "failed to read %(what)s from credential provider" and "did not contain '
            'valid UTF-8".'
        ),
    ),
    "python-dict": fail(
        "its %(what)s is not JSON: %(shape)s",
        "Write json.dumps(value): this is how Python prints a dict.",
        cargo='Cargo says "failed to deserialize %(what)s" and "at line 1 column 2".',
    ),
    "json": fail(
        "its %(what)s is not JSON: %(shape)s",
        "Write valid JSON on one line, not pretty-printed.",
        cargo='Cargo says "failed to deserialize %(what)s".',
    ),
    "stray": fail(
        "%(shape)s in place of its %(what)s",
        "Print messages to standard error: standard output is for the protocol.",
        cargo=(
            'Cargo says "failed to deserialize %(what)s" and "expected value at line 1 column 1".'
        ),
    ),
    "stray-value": fail(
        "%(shape)s in place of its %(what)s",
        "Print messages to standard error: standard output is for the protocol.",
        cargo='Cargo says "failed to deserialize %(what)s".',
    ),
    "empty-line": fail(
        "an empty line in place of its %(what)s",
        "Write no empty lines.",
        cargo=(
            'Cargo says "failed to deserialize %(what)s" and "EOF while parsing a value at line '
            '2 column 0".'
        ),
    ),
    "bad-hello": fail(
        "its hello is %(shape)s: %(error)s",
        'Write {"v":[1]} as the first line.',
        cargo='Cargo says "failed to deserialize hello".',
    ),
    "version": fail(
        "it does not offer version 1 of the protocol",
        'Write {"v":[1]} as the first line.',
        cargo='Cargo says "credential provider supports protocol versions".',
    ),
    # Answers that are not the protocol
    "envelope": fail(
        "its answer is %(shape)s: %(error)s",
        'Write {"Ok":{"kind":...}} or {"Err":{"kind":...}}.',
        cargo='Cargo says "failed to deserialize response".',
    ),
    "underscore": fail(
        "its answer is %(shape)s: %(error)s",
        "Spell `operation_independent` with an underscore: no other field has one.",
        cargo=(
            'Cargo says "failed to deserialize response" and "missing field '
            '`operation_independent`".'
        ),
    ),
    "missing-field": fail(
        "its answer is %(shape)s: %(error)s",
        "Add the field: a get requires `token`, `cache` and `operation_independent`.",
        cargo='Cargo says "failed to deserialize response" and "missing field `%(field)s`".',
    ),
    "message": fail(
        "its answer is %(shape)s: %(error)s",
        "Add a `message` to an Err of kind other; `caused-by`, a list of strings, is optional.",
        cargo='Cargo says "failed to deserialize response" and "missing field `message`".',
    ),
    "field-type": fail(
        "its answer is %(shape)s: %(error)s",
        "Write strings in double quotes, and true and false without: not null, not 1.",
        cargo='Cargo says "failed to deserialize response".',
    ),
    "expiration": fail(
        "its answer is %(shape)s: %(error)s",
        "Write `expiration` as whole seconds since 1970: not a float, a string or milliseconds.",
        cargo='Cargo says "failed to deserialize response".',
    ),
    "unknown-error": fail(
        "an unknown kind of Err",
        "Use url-not-supported, not-found, operation-not-supported, or other with a message.",
        cargo='Cargo says "unknown error kind; try updating Cargo?".',
    ),
    "unexpected": fail(
        "it answers %(what)s with %(kind)s",
        "Answer with the kind of the request, or with an Err.",
        cargo='Cargo says "credential provider produced unexpected response for".',
    ),
    # Tokens
    "empty-token": fail(
        "the token is empty",
        "Answer not-found if no token is stored.",
        cargo='Cargo says "token rejected for".',
    ),
    "line-break": fail(
        "the token contains a line break",
        "Remove it: in Cargo 1.95 a line break adds a header to reads, and 1.96 ends with an "
        "error.",
        cargo='Cargo says "token contains invalid characters" to publish.',
    ),
    "characters": fail(
        "the token contains a character that an HTTP header cannot carry",
        "Use printable ASCII alone.",
        cargo='Cargo says "token contains invalid characters" to publish.',
    ),
    "placeholder": fail(
        "the token is a placeholder, a variable's name or a printed object",
        "Return the token itself: Secret has expose() for it, bytes have decode().",
        cargo='Cargo says "token rejected for".',
    ),
    "not-a-token": fail(
        "%(problem)s",
        (
            "^the token is JSON",
            "Return one field of it: token_from_command.py has `--json NAME` for this.",
        ),
        "%(fix)s",
        cargo='Cargo says "token rejected for".',
    ),
    "basic": fail(
        "after `Basic`, the token is not the base64 form of LOGIN:PASSWORD",
        "Encode login and password once, with a colon between them and with the final `=`.",
        cargo='Cargo says "token rejected for".',
    ),
    "basic-characters": fail(
        "after `Basic`, the login or the password contains a line break, a tab or another "
        "character that is not printable ASCII",
        "Check what the provider reads: a quote that nothing closes joins it with what follows.",
        cargo='Cargo says "token rejected for".',
    ),
    "scheme": warn(
        "the token has no scheme, as in `Bearer TOKEN`",
        "Add the scheme that your registry documents, unless it takes the token alone.",
        cargo=(
            'Cargo says "token rejected for" if the registry requires one; 1.96 adds a note '
            "about the scheme."
        ),
    ),
    "cache": warn(
        "a `cache` that Cargo does not know",
        "Use session, never or expires: Cargo treats any other as never and asks for each request.",
    ),
    "expired": warn(
        "a token that has expired or expires within a minute",
        "Return a fresh token: Cargo treats one as expired 60 seconds early and asks each time.",
    ),
    "leak": fail(
        "it shows the token",
        "Keep the token out of messages: Cargo passes them on to the terminal and the logs of CI.",
    ),
    # Answers for the user's registry
    "not-served": fail(
        "url-not-supported",
        "Compare `registries`, or the provider's --index or --host, with the URL, including its "
        "`sparse+`. A host matches only https:// and its own port.",
        cargo='Cargo says "no credential providers could handle the request".',
    ),
    "no-get": fail(
        "operation-not-supported",
        "Answer a get with a token: with cargo_credential.py, override `get`.",
        cargo='Cargo says "requested operation not supported".',
    ),
    "no-token": warn(
        "not-found",
        "Store a token first, or try a made-up one with --login and --yes.",
        cargo='Cargo says "no token found for".',
    ),
    "failed": fail(
        "other: %(message)s",
        (r"\bget\(\) (takes|missing)", "Define get(self, registry, operation, args)."),
        (r"\blogin\(\) (takes|missing)", "Define login(self, registry, options, args)."),
        (r"\blogout\(\) (takes|missing)", "Define logout(self, registry, args)."),
        ("registries|main takes", "Change the code as the message says."),
        ("has no attribute 'perform'", "Derive the class: class Provider(Credential)."),
        ("EOF when reading a line", "Run the checker in a terminal: the provider reads a line."),
        ("must be a Secret", "Wrap the token: GetResponse(Secret(token))."),
        ("provider returned", "Return the response that the message names, or raise an Error."),
        ("tried to exit", "Raise NotFound or OtherError: do not exit before the answer."),
        ("token is empty", "Raise NotFound if no token is stored."),
        ("ends with a line break", "Strip the token: token.strip()."),
        ("line break", "Return a token of one line."),
        (r"(?i)(token|entry)\b.* not (in|found)", "Answer not-found if no token is stored."),
        "Fix the cause. If it is an exception, CARGO_CREDENTIAL_TRACEBACK=1 shows where it "
        "comes from.",
        cargo="Cargo prints that message and ends.",
    ),
    "operation": warn(
        "%(kind)s",
        "Return a token for this operation, too, if your users need it.",
        cargo='Cargo says "requested operation not supported".',
    ),
    "no-other": warn(
        "%(kind)s, but %(first)s to read",
        "Store both tokens, if your users need both.",
    ),
    "no-read": warn(
        "%(kind)s, but %(first)s to read",
        "Return a token to read, too: `cargo publish` first requests one.",
    ),
    "one-token": warn(
        "another token to publish, but the one to read is said to be for all operations",
        "Add operation_independent=False: otherwise Cargo publishes with the token to read.",
    ),
    "differs": fail(
        "%(kind)s, but %(first)s to read",
        "Decide by the registry, not by the operation, whether to answer.",
    ),
    "headers": warn(
        "%(kind)s, but %(first)s with the headers of Cargo 1.95",
        "Compare the names of headers without case: Cargo 1.96 passes them on in lower case.",
    ),
    "nameless": warn(
        "%(kind)s, but %(first)s with the name",
        "Decide by the index URL: `cargo install --index URL` sends no name.",
    ),
    # Answers for a registry that does not exist
    "get-first": warn(
        "it gives a token for a registry that does not exist",
        "Answer url-not-supported unless the index URL is yours: a clone's configuration can "
        "name any host.",
    ),
    "get-other": fail(
        "it gives a token for %(whose)s",
        "Answer url-not-supported unless the index URL is yours: a clone's configuration can "
        "name any host. With cargo_credential.py, check the spelling of `registries`.",
    ),
    "operation-not-supported-first": warn(
        "operation-not-supported before it looks at the URL",
        "Look at the URL first: as a global provider, yours ends the command for any other "
        "registry.",
        cargo='Cargo says "requested operation not supported".',
    ),
    "not-found-first": warn(
        "not-found",
        "Answer url-not-supported for other registries, unless the provider serves all of them.",
    ),
    "other-first": warn(
        "other: %(message)s",
        "Answer url-not-supported: as a global provider, yours ends the command for any other "
        "registry.",
    ),
    "later": warn(
        "%(kinds)s",
        "Answer each request in one process as in a process of its own.",
    ),
    "extra": fail(
        "%(kind)s, but %(first)s without them",
        "Ignore fields that you do not know: a later Cargo may send them.",
    ),
    "borrowed": warn(
        "it refuses an argument with a quote or a backslash",
        "Known of the crate cargo-credential, rust-lang/cargo#13615: use no such argument.",
    ),
    # Logins
    "no-place": warn(
        "none: %(answers)s",
        (
            "a token",
            "--login replaces no token: first remove those of the provider, also one to publish.",
        ),
        ("^index", "Fix the problems above first."),
        "Add --index URL --yes for a registry that it serves.",
    ),
    "no-login": warn(
        "operation-not-supported",
        "Leave out --login if the provider stores no tokens.",
    ),
    "login": fail(
        "%(kind)s",
        'Store the token and answer {"Ok":{"kind":"login"}}: in Python, return LoginResponse().',
    ),
    "get": fail(
        "%(kind)s",
        "Return the token of the last login, unless the provider exchanges what it stores.",
    ),
    "logout": fail(
        "%(kind)s",
        'Erase the token and answer {"Ok":{"kind":"logout"}}: in Python, return LogoutResponse().',
    ),
    "logout-again": warn(
        "%(kind)s",
        'Answer not-found if nothing is stored: Cargo then prints "not currently logged in to".',
    ),
    "get-after-logout": fail(
        "%(kind)s",
        "Erase the token where it is stored, and answer not-found.",
    ),
}
