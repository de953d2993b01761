"""The server's command line as users and operators see it."""

import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner

import chatd.cli
import chatd.process
from chat import PATIENCE, RawClient, chatd_process
from chatd.binding import ListenError
from chatd.dialects.crlf import Crlf, CrlfClient
from chatd.events import Done, Notice, Request
from chatd.testing import running_server
from memory_world import MemoryWorld


def chat_a_little(process):
    """Let two users do all that an activity log would mention."""
    with RawClient(process.port, nick="ala") as ala, RawClient(process.port, nick="ola") as ola:
        ala.send("PUB hello")
        assert ola.line() == "PUB_MSG hello"
        assert ala.ask("PRIV ola psst") == "OK"
        assert ola.line() == "PRIV_FROM ala psst"
        assert ala.ask("LOGIN ola") == "ERROR nick ola is taken"
        assert ala.ask("LOGIN basia") == "OK"


def printed(process):
    """End the server as an operator would; return its status and what it wrote."""
    process.terminate()
    stdout, stderr = process.communicate(timeout=PATIENCE)
    return process.returncode, stdout, stderr


def run_chatd(*options):
    """Run chatd with options that let it not even start."""
    command = [sys.executable, "-m", "chatd", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)


@pytest.mark.parametrize(
    ("engine", "options"),
    [
        ("threads", ()),
        ("select", ("-q",)),
        ("asyncio", ("-v", "-q")),
        ("threads", ("-q", "-v")),
    ],
    ids=["neither", "-q", "-v-q", "-q-v"],
)
def test_quiet(tmp_path, engine, options):
    """S0-02, S0-03, D-7: -q prints nothing; neither and both of -v and -q mean the same."""
    with chatd_process(tmp_path, "--engine", engine, *options) as process:
        chat_a_little(process)
        assert printed(process) == (0, b"", b"")


def test_verbose(tmp_path, engine):
    """S0-02, D-7: -v prints the activity on stdout, and nothing on stderr."""
    with chatd_process(tmp_path, "--engine", engine, "-v") as process:
        chat_a_little(process)
        status, stdout, stderr = printed(process)
    assert (status, stderr) == (0, b"")
    assert b"said in General by ala: hello\n" in stdout


@pytest.mark.parametrize("options", [(), ("-q",), ("-v",)], ids=lambda o: "".join(o) or "neither")
def test_the_port_is_taken(options):
    """S0-01, S0-02: -p says where to listen; a fatal error is one line, even with -q."""
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        run = run_chatd("-p", str(port), *options)
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.startswith(f"chatd: cannot listen on *:{port}: ")
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [("5000",), ("localhost", "5000"), ("-v", "words")])
def test_no_positional_arguments(words):
    """S0-01: a positional argument is a usage error in one line."""
    run = run_chatd(*words)
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.startswith("chatd: ")
    assert run.stderr.count("\n") == 1


def test_the_greeting_option(tmp_path, engine):
    """S0-01, S0-26: -t gives the greeting."""
    with (
        chatd_process(tmp_path, "--engine", engine, "-t", "Hej hej") as process,
        RawClient(process.port) as ala,
    ):
        ala.send("LOGIN ala")
        assert [ala.line(), ala.line(), ala.ask("LIST")] == ["OK", "Hej hej", "USERS ala"]


@pytest.mark.parametrize(
    "greeting", ["OKAY", "Ok", "LOGIN first", "ERROR: none", "error x", "PUB x"]
)
def test_a_greeting_that_only_looks_like_a_message(tmp_path, greeting):
    """S0-26: clients show it as it is."""
    client = CrlfClient()
    login = client.encode(Request("login", ("ala",)))
    with chatd_process(tmp_path, "-t", greeting) as process, RawClient(process.port) as ala:
        ala.send(login)
        answers = [ala.line(), ala.line()]
    events = list(client.feed("".join(f"{line}\r\n" for line in answers).encode()))
    assert [event for event, _ in events] == [Done(), Notice(greeting)]


@pytest.mark.parametrize("greeting", ["one\ntwo", "one\r\ntwo", "\x1b[2J", "\x9bm"], ids=ascii)
def test_a_greeting_that_is_no_line(greeting):
    """S0-26, S0-08, S0-01: it is refused at the start; one that comes another way is one line."""
    run = run_chatd("-t", greeting)
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert "greeting" in run.stderr
    client = MemoryWorld({"greeting": greeting}).connect()
    client.send(b"LOGIN ala\r\n")
    ok, line, rest = client.receive().decode().split("\n")
    assert (ok, rest) == ("OK\r", "")
    assert line.removesuffix("\r").isprintable()


def test_defaults(monkeypatch):
    """S0-07, D-5: without -p the port is 5000, and the default engine is threads."""
    asked = []

    def refuse(config, *, taps, **more):
        asked.append((config, taps))
        raise ListenError("taken")

    monkeypatch.setattr(chatd.process, "Server", refuse)
    result = CliRunner().invoke(chatd.cli.chatd, [])
    assert result.output == "Error: taken\n"
    ((config, taps),) = asked
    assert (config.port, config.engine, taps) == (5000, "threads", ())


def test_both_ends_have_the_same_default_port():
    """D-5: crlf's port is 5000 at both ends."""
    assert Crlf.port == CrlfClient.port == 5000


def test_the_client_goes_where_it_is_sent():
    """S0-04: -s is the server's host, -p its port, -l the nick."""
    with running_server(host="127.0.0.2") as server:
        command = ["chatcli", "-s", "127.0.0.2", "-p", str(server.port), "-l", "ala"]
        run = subprocess.run(
            [sys.executable, "-m", *command],
            input="/list\n",
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    assert (run.returncode, run.stderr) == (0, "")
    assert "ala" in run.stdout
