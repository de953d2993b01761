"""The command line of chatcli where the dialect is another one than crlf."""

import os
import subprocess
import sys
from typing import NamedTuple

import pytest

import chatcli.cli
from chat import PATIENCE
from chatcli.dialects import CHATS, CONSOLES
from chatd.dialects.table import CLIENTS
from chatd.testing import running_server
from piped import environment, run

PORTS = {"crlf": 5000, "json": 5555, "slash": 5001, "words": 10000, "rooms": 9000}


class Talk(NamedTuple):
    """What somebody types, and some of what they see then."""

    typed: str
    seen: str


TALKS = {
    "json": Talk("hello\n", ": hello"),
    "slash": Talk("3\nala\nhello\n", "] 3 ala: hello"),
    "words": Talk("login ala\nmsgall hello\n", "[ala]: hello"),
    "rooms": Talk("users\n", "online users:\nala"),
}


def chatcli_alone(*words, typed="", **settings):
    """Run chatcli with nothing on the command line but words."""
    return subprocess.run(
        [sys.executable, "-m", "chatcli", *words],
        input=typed,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=environment(**settings),
    )


def parameters(monkeypatch, *words):
    for name in list(os.environ):
        if name.startswith("CHATCLI_"):
            monkeypatch.delenv(name)
    return chatcli.cli.chatcli.make_context("chatcli", list(words)).params


def test_every_dialect_has_a_conversation():
    assert {*CHATS, *CONSOLES} == set(CLIENTS) == set(PORTS)
    assert len(CHATS) + len(CONSOLES) == len(CLIENTS)


def test_dialects_are_listed():
    """D-5: each with its port."""
    done = chatcli_alone("--list-dialects")
    assert (done.returncode, done.stderr) == (0, "")
    listed = dict(line.split() for line in done.stdout.splitlines())
    assert {name: int(port) for name, port in listed.items()} == PORTS


@pytest.mark.parametrize("dialect", PORTS)
def test_the_default_port(monkeypatch, dialect):
    """D-5: it is the dialect's own; what somebody gives wins."""
    assert parameters(monkeypatch, "--dialect", dialect)["port"] == PORTS[dialect]
    assert parameters(monkeypatch, "-p", "7", "--dialect", dialect)["port"] == 7


@pytest.mark.parametrize("dialect", sorted(set(PORTS) - {"crlf"}))
def test_the_login_name_is_for_crlf_alone(monkeypatch, dialect):
    """D-5: in others there is no nick that nobody gave."""
    assert parameters(monkeypatch, "--dialect", dialect)["login"] == ""
    assert parameters(monkeypatch, "--dialect", dialect, "-l", "ala")["login"] == "ala"


def conversation(dialect, name, *where):
    """Talk to a server; a name is given where that is of use."""
    talk = TALKS[dialect]
    done = chatcli_alone("--dialect", dialect, *where, *name, typed=talk.typed)
    assert (done.returncode, done.stderr) == (0, "")
    assert talk.seen in done.stdout
    return done.stdout


@pytest.mark.parametrize("dialect", TALKS)
def test_server_and_port_are_positional(dialect):
    """S1-03, S2-01, S3-01, S4-01: SERVER PORT, and NAME behind them; or the options."""
    name = ["ala"] if dialect == "rooms" else []
    with running_server(dialect=dialect, host="127.0.0.2") as server:
        port = str(server.port)
        conversation(dialect, name, "127.0.0.2", port)
        conversation(dialect, [], "-s", "127.0.0.2", "-p", port, *(["-l", "ala"] if name else []))


@pytest.mark.parametrize("dialect", ["json", "words", "rooms"])
def test_a_positional_name(dialect):
    """S4-01, D-5: it is the nick, just as that of -l; in words it is logged in, too."""
    typed, seen = {
        "json": ("hello\n", "ala: hello\n"),
        "words": ("whoami\n", "\nala\n"),
        "rooms": ("users\n", "online users:\nala\n"),
    }[dialect]
    with running_server(dialect=dialect) as server:
        for words in (
            ["localhost", str(server.port), "ala"],
            ["-p", str(server.port), "-l", "ala"],
        ):
            done = chatcli_alone("--dialect", dialect, *words, typed=typed)
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout.endswith(seen)


def test_the_server_alone_is_positional(monkeypatch):
    """S3-01: then the port is the dialect's."""
    params = parameters(monkeypatch, "--dialect", "words", "192.0.2.1")
    assert (params["place"], params["place_port"], params["port"]) == ("192.0.2.1", None, 10000)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--dialect", "irc"], "Invalid value for '--dialect'"),
        (["localhost", "5000"], "Got unexpected extra argument (localhost)"),
        (["--dialect", "crlf", "localhost"], "Got unexpected extra argument (localhost)"),
        (["--dialect", "json", "localhost", "port"], "Invalid value for '[PORT'"),
        (["--dialect", "json", "localhost", "0"], "Invalid value for '[PORT'"),
        (["--dialect", "json", "a", "1", "b", "c"], "Got unexpected extra argument (c)"),
        (["--dialect", "json", "a", "1", "b\rc"], "this cannot be a nick: control characters"),
        (["--dialect", "rooms", "a", "1"], "nobody gave a name, which rooms needs: -l NICK"),
        *(
            (["-i", "--dialect", dialect], f"-i: in {dialect} it cannot be told who said something")
            for dialect in ("slash", "words", "rooms")
        ),
        *(
            (["--no-newline", "--dialect", dialect], f"--no-newline: {dialect} is spoken in lines")
            for dialect in ("crlf", "json")
        ),
    ],
    ids=" ".join,
)
def test_usage_errors(words, complaint):
    """S0-04, D-9, D-2: -i where nobody says who spoke, --no-newline where there are lines only."""
    done = chatcli_alone(*words)
    assert (done.returncode, done.stdout.removeprefix("Choose username: \n")) == (2, "")
    assert done.stderr.startswith(f"chatcli: {complaint}")
    assert done.stderr.count("\n") == 1


def test_variables():
    with running_server(dialect="json") as server:
        done = chatcli_alone(
            typed="hello\n",
            CHATCLI_DIALECT="json",
            CHATCLI_PORT=str(server.port),
            CHATCLI_LOGIN="ala",
        )
        assert done.stdout.endswith("ala: hello\n")
    with running_server(dialect="words") as server:
        done = chatcli_alone(
            *("127.0.0.1", str(server.port)),
            typed="hi\n",
            CHATCLI_DIALECT="words",
            CHATCLI_PORT="1",
            CHATCLI_NO_NEWLINE="1",
        )
        assert (done.returncode, done.stdout) == (0, "unknown command\n")


@pytest.mark.parametrize("dialect", ["json", "words"])
def test_without_a_name_nobody_is_logged_in(dialect):
    """D-5, S2-03: the first thing that is sent is what was typed."""
    typed, seen = {
        "json": ("hello\n", ": hello\n"),
        "words": ("whoami\n", "Please log in!\n"),
    }[dialect]
    with running_server(dialect=dialect) as server:
        status, shown, errors = run(server.port, "--dialect", dialect, typed=typed)
    assert (status, errors) == (0, "")
    assert shown.endswith(seen)
    assert "renamed" not in shown
