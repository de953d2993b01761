"""chatcli on a pipe: plain lines in, plain lines out, and an exit status that means something."""

import getpass
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

import chatcli.cli
from chat import PATIENCE, RawClient, nobody_listens, threads_of, wait_until
from chatcli.connection import connect
from chatd.dialects.crlf import CrlfClient
from chatd.testing import running_server
from piped import Piped, command, environment, gone, run

# -- the command line ------------------------------------------------------------------------


def defaults(monkeypatch):
    for name in list(os.environ):
        if name.startswith("CHATCLI_"):
            monkeypatch.delenv(name)
    return chatcli.cli.chatcli.make_context("chatcli", []).params


def test_defaults(monkeypatch):
    """S0-04, S0-07, D-5: localhost, port 5000, and the name under which one is logged in."""
    params = defaults(monkeypatch)
    assert params["server"] == "localhost"
    assert params["port"] == CrlfClient.port == 5000
    assert params["login"] == getpass.getuser()
    assert params["ignore"] is False
    assert params["engine"] == "threads"
    assert params["timeout"] == 10.0


def test_the_default_nick_is_the_login_name():
    """S0-04, D-5: without -l it is what getpass.getuser() returns."""
    with running_server() as server:
        line = [sys.executable, "-m", "chatcli", "-p", str(server.port)]
        for name, env in (
            ("jan", environment(LOGNAME="jan")),
            (getpass.getuser(), environment()),
        ):
            result = subprocess.run(
                line, input=b"/whoami\n", capture_output=True, timeout=PATIENCE, env=env
            )
            assert (result.stdout, result.stderr) == (f"you are {name}\n".encode(), b"")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["localhost"], "Got unexpected extra argument (localhost)"),
        (["--engine", "fork"], "Invalid value for '--engine'"),
        (["-p", "0"], "Invalid value for '-p'"),
        (["-l", "a\rPUB b"], "this cannot be a nick: control characters are not allowed"),
        (["-l", b"\xff"], "this cannot be a nick: this is not UTF-8"),
        (["--timeout", "0"], "Invalid value for '--timeout'"),
    ],
)
def test_usage_errors(options, complaint):
    """S0-04: among them a positional argument, of which crlf knows none."""
    line = [sys.executable, "-m", "chatcli", *options]
    result = subprocess.run(line, capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
    assert (result.returncode, result.stdout) == (2, b"")
    assert result.stderr.startswith(f"chatcli: {complaint}".encode())
    assert result.stderr.count(b"\n") == 1


def test_options_from_the_environment():
    with running_server() as server, RawClient(server.port, nick="ola") as ola:
        env = {
            "CHATCLI_PORT": str(server.port),
            "CHATCLI_SERVER": "127.0.0.1",
            "CHATCLI_LOGIN": "ala",
            "CHATCLI_IGNORE": "1",
            "CHATCLI_ENGINE": "select",
        }
        ola.send("PUB not for ala")  # nobody hears it
        result = subprocess.run(
            [sys.executable, "-m", "chatcli"],
            input=b"/whoami\n/priv ala to myself\n/priv ola hi\n",
            capture_output=True,
            timeout=PATIENCE,
            env=environment(**env),
        )
        assert ola.line() == "PRIV_FROM ala hi"
    assert result.stdout == b"you are ala\n[private] ala: to myself\n"
    assert result.returncode == 0


def test_where_nobody_listens():
    with nobody_listens() as port:
        complaint = f"chatcli: cannot connect to 127.0.0.1 port {port}: Connection refused\n"
        assert run(port, "-s", "127.0.0.1") == (1, "", complaint)
        status, _, errors = run(port, "-s", "a..b")
    assert status == 1
    assert errors.startswith(f"chatcli: cannot connect to a..b port {port}: ")
    assert errors.count("\n") == 1


@pytest.mark.parametrize("listening", ["127.0.0.1", "::1"])
def test_every_address_of_the_host_is_tried(monkeypatch, listening):
    """Here a name has an IPv6 address and an IPv4 address, and only one of them answers."""

    def lookup(host, port, *_, **__):
        assert host == "chat.example"
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 0, "", ("::1", port, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)),
        ]

    with running_server(host=listening) as server:
        assert run(server.port, "-s", listening)[0] == 0
        monkeypatch.setattr(socket, "getaddrinfo", lookup)
        connection = connect("chat.example", server.port, PATIENCE)
        connection.send(bytearray(b"LIST\r\n"))
        wait_until(lambda: connection.receive() == b"ERROR log in first\r\n", "the answer")
        connection.close()


def test_what_importing_the_client_loads():
    """Of chatd the vocabulary, the limits and the dialects; neither pluggy nor the line editor."""
    program = (
        "import sys, chatcli.cli, chatcli.engines, chatcli.ui_plain\n"
        "print(*(name for name in sys.modules if name.partition('.')[0] in"
        " ('chatd', 'chatd_plugins', 'pluggy', 'prompt_toolkit', 'precis_i18n', 'asyncio')))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    loaded = set(result.stdout.decode().split())
    assert {name for name in loaded if not name.startswith("chatd.dialects")} == {
        "chatd",
        "chatd.events",
        "chatd.ids",
        "chatd.layers",
        "chatd.limits",
    }


# -- a conversation --------------------------------------------------------------------------


def test_a_conversation(client_engine):
    """S0-30, S0-22, S0-32, D-6, D-9: one line for each thing that comes, at once."""
    with running_server(greeting="Hej  hej") as server:
        with RawClient(server.port, nick="ola") as ola:
            assert ola.line() == "Hej  hej"
            with Piped(server.port, "--engine", client_engine) as ala:
                assert ala.line() == "Hej  hej"
                ala.type("hello  all\n")
                assert ola.line() == "PUB_MSG hello  all"
                ola.send("PUB  hi  ala")
                assert ala.line() == " hi  ala"
                ala.type("/list\n")
                assert ala.line() == "users: ola ala"
                ala.type("/rename basia\n/priv ola psst\n")
                assert ola.line() == "PRIV_FROM basia psst"
                ola.send("PRIV basia what?")
                assert ola.line() == "OK"
                assert ala.line() == "[private] ola: what?"
                ala.type("/create tea\n/join tea\n/whoami\n")
                assert ala.line() == "you are basia"
                assert ola.ask("JOIN tea") == "OK"
                ola.send("SAY tea milk?")
                assert ala.line() == "[tea] ola: milk?"
                ala.type("//list is a command\nlast words")  # without a line end
                ala.end_input()
                assert ola.line() == "PUB_MSG /list is a command"
                assert ola.line() == "PUB_MSG last words"
                assert ala.finish() == (0, "", "")


def test_ignoring_others(client_engine):
    """S0-05, S0-06, D-9: -i hides what others say, in public, in private and in rooms."""
    with running_server(greeting="Hej hej") as server:
        with RawClient(server.port, nick="ola") as ola:
            with Piped(server.port, "-i", "--engine", client_engine) as ala:
                assert ala.line() == "Hej hej"
                ala.type("/create tea\n/join tea\n/list\n")
                assert ala.line() == "users: ola ala"
                assert [ola.line(), ola.ask("JOIN tea")] == ["Hej hej", "OK"]
                ola.send("PUB hello")
                ola.send("SAY tea milk?")
                assert ola.ask("PRIV ala psst") == "OK"
                ala.type("/priv ala to myself\n/priv nobody hi\n")
                assert ala.line() == "[private] ala: to myself"
                assert ala.line() == "error: there is no user nobody"
                assert ala.finish() == (1, "", "")


def test_input_that_makes_no_sense_is_told_and_the_rest_is_sent(client_engine):
    typed = b"/priv\n\xff\xfe\nbell\x07\n\r\n \n" + b"x" * 5000 + b"\n" + b"y" * 2**21
    typed += b"\n/nosuch\n/help\nfine\r\n"
    with running_server() as server, RawClient(server.port, nick="ola") as ola:
        status, shown, errors = run(server.port, "--engine", client_engine, typed=typed)
        assert ola.line() == "PUB_MSG fine"
    lines = shown.splitlines()
    assert sorted(line for line in lines if line.startswith("error: ")) == [
        "error: control characters are not allowed: not sent",
        "error: line is longer than 1048576 bytes: not sent",
        "error: line is longer than 4096 bytes",
        "error: this is not UTF-8: not sent",
        "error: unknown command nosuch",
        "error: usage: /priv NICK TEXT",
    ]
    assert any(line.startswith("/rename NICK ") for line in lines)
    assert (status, errors) == (1, "")


def test_a_refused_login(client_engine):
    with running_server() as server, RawClient(server.port, nick="ALA") as other:
        result = run(server.port, "--engine", client_engine, typed="hello\n")
        assert result == (1, "", "chatcli: nick ala is taken\n")
        assert other.ask("LIST") == "USERS ALA"


def test_quit_ends_the_input(client_engine):
    with running_server() as server, RawClient(server.port, nick="ola") as ola:
        with Piped(server.port, "--engine", client_engine) as ala:
            ala.type("bye\n/quit\nnot this\n")
            assert ala.finish(end_input=False) == (0, "", "")
        assert ola.line() == "PUB_MSG bye"
        gone(ola)


@pytest.mark.soak
def test_a_3_mb_paste(client_engine):
    """Everything has been taken when the client ends, in order, and nobody was thrown out."""
    lines = [f"{number} {'x' * 95}" for number in range(30_000)]
    heard = []

    def listen():
        heard.extend(ola.line() for _ in lines)

    with running_server(engine=client_engine) as server:
        with RawClient(server.port, nick="ola") as ola:
            listening = threading.Thread(target=listen)
            listening.start()
            result = run(server.port, "--engine", client_engine, typed="\n".join(lines))
            listening.join(PATIENCE)
            gone(ola)
    assert result == (0, "", "")
    assert heard == [f"PUB_MSG {line}" for line in lines]


# -- the surroundings ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("engine_name", "threads"), [("select", 1), ("asyncio", 1), ("threads", 2)]
)
def test_how_many_threads_there_are(engine_name, threads):
    """S0-29, S0-31: with select one thread watches the keyboard and the socket."""
    with running_server() as server, Piped(server.port, "--engine", engine_name) as ala:
        ala.type("/whoami\n")
        assert ala.line() == "you are ala"
        assert threads_of(ala.process.pid) == threads


def test_nobody_takes_the_output(client_engine):
    with running_server() as server, RawClient(server.port, nick="ola") as ola:
        with Piped(server.port, "--engine", client_engine) as ala:
            ala.type("/whoami\n")
            assert ala.line() == "you are ala"
            ala.process.stdout.close()
            ola.send("PUB hello")
            assert ala.process.wait(PATIENCE) == 1
            assert ala.process.stderr.read() == b""


def test_standard_descriptors_that_are_closed(client_engine):
    """The socket does not take their place: nothing is read from it as if it were typed."""
    with running_server(greeting="/priv ola stolen") as server:
        with RawClient(server.port, nick="ola") as ola:
            assert ola.line() == "/priv ola stolen"
            line = " ".join(command(server.port, "--engine", client_engine))
            for closed, status in (("<&-", 0), (">&-", 1), ("<&- >&- 2>&-", 1)):
                script = ["sh", "-c", f"exec {line} {closed}"]
                result = subprocess.run(
                    script, capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL
                )
                assert (result.returncode, result.stderr) == (status, b"")
                gone(ola)


def test_ctrl_c_ends_a_script_quietly(client_engine):
    with running_server() as server, Piped(server.port, "--engine", client_engine) as ala:
        ala.type("/whoami\n")
        assert ala.line() == "you are ala"
        ala.process.send_signal(signal.SIGINT)
        assert ala.finish(end_input=False) == (130, "", "")
