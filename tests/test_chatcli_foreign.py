"""chatcli with servers that are not ours: each written out here, byte by byte."""

import contextlib
import socket
import threading

import pytest

import chatcli.dialogue
from chat import PATIENCE
from chatcli.chat import Chat
from chatcli.cli import engine_named
from chatcli.connection import connect
from chatcli.ui_plain import Screen, TypedLines
from chatd.dialects.crlf import CrlfClient
from foreign import foreign_server, small_buffers
from piped import Piped, run

TYPED = """\
hello  all
/list
/priv ola hi  there
//list is a command
/shout it loud
/rename basia
 /list
zażółć
"""

ON_THE_WIRE = b"""\
PUB hello  all
LIST
PRIV ola hi  there
PUB /list is a command
SHOUT it loud
LOGIN basia
PUB  /list
PUB za\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87
LIST
"""


def test_every_byte_on_the_wire(client_engine):
    """S0-29, S0-30, S0-08 to S0-11, D-6: LOGIN first, then what was typed, in its exact form."""
    received = []

    def serve(peer):
        peer.login()
        received.extend(peer.line() for _ in ON_THE_WIRE.splitlines())
        peer.send("USERS ala", "OK", "NOTICE IT LOUD", "OK", "USERS basia")
        received.append(peer.line())

    with foreign_server(serve) as port:
        result = run(port, "--engine", client_engine, typed=TYPED)
    assert b"".join(received) == ON_THE_WIRE.replace(b"\n", b"\r\n")
    assert result == (0, "users: ala\nIT LOUD\n", "")


def test_nothing_is_sent_before_the_login_is_answered(client_engine):
    """S0-29, S0-22: a refused login ends a pipe, with the server's text."""
    received = []

    def serve(peer):
        received.append(peer.line())
        peer.send("Welcome to another server", "ERROR nick ala is taken")
        received.append(peer.line())

    with foreign_server(serve) as port:
        result = run(port, "--engine", client_engine, typed="hello\n")
    assert received == [b"LOGIN ala\r\n", b""]
    assert result == (1, "Welcome to another server\n", "chatcli: nick ala is taken\n")


def test_a_server_that_does_things_its_own_way(client_engine):
    """S0-32: lines of unknown kinds are shown as they came; and an OK too many is no news.

    The others send an OK after PUB, a greeting before the OK, a space at the end of USERS, LF
    alone, lines in pieces, an empty line.
    """

    def serve(peer):
        assert peer.line() == b"LOGIN ala\r\n"
        peer.send("Hej  hej")
        peer.sock.sendall(b"OK\nUSERS_CHA")
        peer.sock.sendall(b"NGED ala\n\r\n")
        assert peer.line() == b"PUB hello\r\n"
        peer.send("OK")
        assert peer.line() == b"LIST\r\n"
        peer.send("PUB_MSG  hi  there ", "ok", "USERS ala ola ")

    with foreign_server(serve) as port:
        result = run(port, "--engine", client_engine, typed="hello\n")
    assert result == (0, "Hej  hej\nUSERS_CHANGED ala\n hi  there\nok\n", "")


def test_it_does_not_leave_before_the_server_has_taken_everything(client_engine):
    """And what arrives until then is shown."""
    reached, answer = threading.Event(), threading.Event()

    def serve(peer):
        peer.login()
        assert [peer.line(), peer.line()] == [b"PUB hello\r\n", b"LIST\r\n"]
        peer.send("PUB_MSG wait")
        reached.set()
        assert answer.wait(PATIENCE)
        peer.send("PRIV_FROM ola bye", "USERS ala ola")

    with foreign_server(serve) as port, Piped(port, "--engine", client_engine) as client:
        client.type("hello\n")
        client.end_input()
        assert reached.wait(PATIENCE)
        assert client.line() == "wait"
        assert client.process.poll() is None
        answer.set()
        assert client.finish() == (0, "[private] ola: bye\n", "")


@pytest.mark.parametrize("login", [False, True], ids=["login", "end"])
def test_a_server_that_never_answers(client_engine, login):
    def serve(peer):
        if login:
            peer.login()
        while peer.line():
            pass

    with foreign_server(serve) as port:
        result = run(port, "--engine", client_engine, "--timeout", "0.2", typed="hello\n")
    assert result == (1, "", "chatcli: no answer from the server within 0.2 seconds\n")


def test_a_busy_room_is_no_answer(client_engine):
    """A server that goes on talking, but never says that it took what was typed."""

    def serve(peer):
        peer.login()
        with contextlib.suppress(OSError):
            while True:
                peer.send(*["PUB_MSG chatter"] * 100)

    with foreign_server(serve) as port:
        status, _, errors = run(
            port, "--engine", client_engine, "--timeout", "0.2", typed="hello\n"
        )
    assert (status, errors) == (1, "chatcli: no answer from the server within 0.2 seconds\n")


@pytest.mark.parametrize("when", ["before the login", "while typing", "before the last answer"])
def test_a_server_that_goes_away(client_engine, when):
    """It is noticed at once, with the keyboard still open."""

    def serve(peer):
        if when == "before the login":
            peer.line()
            return
        peer.login()
        assert peer.line() == b"PUB hello\r\n"
        peer.send("PUB_MSG bye", "ERROR the server is shutting down")
        if when == "before the last answer":
            assert peer.line() == b"LIST\r\n"

    with foreign_server(serve) as port, Piped(port, "--engine", client_engine) as client:
        client.type("hello\n")
        if when == "before the last answer":
            client.end_input()
        shown = "" if when == "before the login" else "bye\nerror: the server is shutting down\n"
        complaint = "chatcli: the server closed the connection\n"
        assert client.finish(end_input=False) == (1, shown, complaint)


LINES = 30_000


def write_first(peer):
    """Say megabytes before reading any, then expect as much."""
    small_buffers(peer.sock)
    peer.login()
    peer.send(*["PUB_MSG " + "y" * 100] * LINES)
    said = 0
    while line := peer.line():
        if line == b"LIST\r\n":
            peer.send("USERS ala")
        else:
            assert line == b"PUB " + b"x" * 100 + b"\r\n"
            said += 1
    assert said == LINES


def test_a_server_that_writes_before_it_reads(client_engine):
    """Both sides have megabytes to send: the client reads while it writes."""
    with foreign_server(write_first) as port:
        result = run(port, "--engine", client_engine, typed=("x" * 100 + "\n") * LINES)
    assert result == (0, ("y" * 100 + "\n") * LINES, "")


def test_output_that_nobody_takes_waits_and_nothing_is_lost(client_engine, monkeypatch, tmp_path):
    """The same without the window, so that more is to be sent than the system holds."""
    monkeypatch.setattr(chatcli.dialogue, "WINDOW", 2**30)
    typed, shown = tmp_path / "typed", tmp_path / "shown"
    typed.write_text(("x" * 100 + "\n") * LINES)
    with foreign_server(write_first) as port, typed.open() as keyboard, shown.open("w") as screen:
        connection = connect("127.0.0.1", port, PATIENCE)
        small_buffers(connection._sock)
        chat = Chat(CrlfClient(), "ala")
        lines, output = TypedLines(keyboard.fileno()), Screen(screen.fileno())
        engine_named(client_engine)(chat, connection, lines, output).run()
        connection.close()
        assert (chat.status, chat.complaint) == (0, "")
    assert shown.read_text() == ("y" * 100 + "\n") * LINES


def test_a_full_connection_takes_nothing_more():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = connect("127.0.0.1", listener.getsockname()[1], PATIENCE)
        peer, _ = listener.accept()
        with peer:
            assert connection.receive() is None
            output = bytearray(2**25)
            sizes = [0, len(output)]
            while sizes[-1] != sizes[-2]:
                connection.send(output)
                sizes.append(len(output))
            assert 0 < len(output) < 2**25
            left = 2**25 - len(output)
            while left:
                left -= len(peer.recv(2**20))
        connection.close()


def test_a_hostile_server_cannot_drive_the_terminal(client_engine):
    """Not on a pipe either, which often ends at one."""

    def serve(peer):
        assert peer.line() == b"LOGIN ala\r\n"
        peer.send("OK", "\x1b]0;title\x07Hej\x1b[2J hej\x07", "PRIV_FROM o\x1b[31mla \u202epsst")
        peer.sock.sendall(b"USERS ala\x9b2J \xff\r\nNOTICE a\rb\r\nERROR \x1b[6n\r\n")
        assert peer.line() == b"LIST\r\n"
        peer.send("USERS ala")

    with foreign_server(serve) as port, Piped(port, "--engine", client_engine) as client:
        shown = [client.line() for _ in range(5)]
        status, rest, _ = client.finish()
    assert shown == ["Hej hej�", "[private] ola: �psst", "users: ala�2J �", "a�b", "error: "]
    assert (status, rest) == (1, "")


def test_a_server_that_cuts_the_connection(client_engine):
    """A reset is told as what it is."""

    def serve(peer):
        peer.login()
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer._file.close()
        peer.sock.close()

    with foreign_server(serve) as port, Piped(port, "--engine", client_engine) as client:
        result = client.finish(end_input=False)
    assert result == (1, "", "chatcli: the connection is lost: Connection reset by peer\n")
