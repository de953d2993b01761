"""chatcli at a terminal in slash, words and rooms."""

import termios

import pytest

from chat import threads_of, wait_until
from chatcli.dialects import RoomsConsole
from chatd.testing import running_server
from consoles import CLOSING, DIALECTS, ROOMS, SLASH, STAMP, WORDS, Line
from foreign import foreign_server
from terminal import COLOUR, CTRL_A, CTRL_C, CTRL_D, ENTER, TAB, Terminal


def unstamped(terminal):
    """What is on the screen, without the times, which nobody knows beforehand."""
    return [STAMP.sub("", line) for line in terminal.lines()]


def shows(terminal, *lines):
    wait_until(lambda: unstamped(terminal)[-len(lines) :] == list(lines), lines)


def test_slash(client_engine):
    """S1-03, S1-06, S1-22, S1-24: it asks where the server is, and waits for Enter at the end."""
    with running_server(dialect="slash") as server, Line(server.port, "3", "ola") as ola:
        ola.hears("3 ola dolaczyl do pokoju rozmow!")
        with Terminal(None, *SLASH, "--engine", client_engine) as ala:
            shows(ala, "Podaj adres IP serwera:")
            ala.type("127.0.0.1", ENTER)
            shows(ala, "Podaj adres IP serwera: 127.0.0.1", "Podaj numer portu serwera:")
            ala.type(str(server.port), ENTER)
            shows(ala, "Witaj w pokoju rozmow!", "Podaj numer swojej grupy laboratoryjnej:", ">")
            ala.type("3", ENTER)
            shows(ala, "> 3", "A teraz podaj swoj pseudonim:", ">")
            ala.type("ala", ENTER)
            shows(ala, "3 ala dolaczyl do pokoju rozmow!", ">")
            ala.type("/nic half a sen")
            ola.send("hello ala")
            shows(ala, "3 ola: hello ala", "> /nic half a sen")
            assert [line[:1] for line in ala.lines()[-2:]] == ["[", ">"]
            ala.type("tence", ENTER)
            ola.hears("3 ala: /nic half a sentence")
            ala.type("/wyjdz", ENTER)
            shows(ala, "Opusciles czat!", CLOSING)
            assert ala.lines()[-1] == CLOSING
            ola.hears("3 ala wyszedl z czatu.")
            assert ala.process.poll() is None
            ala.type(ENTER)
            assert ala.finish() == 0


@pytest.mark.parametrize("option", ["-p", "localhost"])
def test_slash_does_not_ask_where_the_server_is(option):
    """S1-03: once anything is said of it."""
    with running_server(dialect="slash") as server:
        with Terminal(None, *SLASH, option, str(server.port)) as ala:
            shows(ala, "Podaj numer swojej grupy laboratoryjnej:", ">")
            assert "Podaj adres IP serwera:" not in unstamped(ala)


@pytest.mark.parametrize("keys", [CTRL_C, CTRL_D], ids=["ctrl-c", "ctrl-d"])
def test_questions_that_get_no_answer(keys):
    """S1-03: an empty answer is the default; but who answers nothing wants nothing."""
    with Terminal(None, *SLASH) as ala:
        shows(ala, "Podaj adres IP serwera:")
        ala.type(ENTER)
        shows(ala, "Podaj adres IP serwera:", "Podaj numer portu serwera:")
        ala.type(keys)
        assert ala.finish() == 130
        assert not [line for line in ala.lines() if "chatcli" in line]


def test_words(client_engine):
    """S3-18: whatever arrives is shown, and nothing else; it may look like anything."""
    with running_server(dialect="words") as server, Line(server.port, "login ola") as ola:
        with Terminal(server.port, *WORDS, "--engine", client_engine) as ala:
            ala.shows(">")
            ala.type("/he", TAB, "lp", ENTER)
            ala.shows("> /help", "unknown command", ">")
            ala.type("ala", CTRL_A, "login ", ENTER)
            ala.shows("[ServerMessage] - [ala] log in.", ">")
            ola.hears("[ServerMessage] - [ala] log in.")
            ola.send("msgall hello")
            ala.shows("[ola]: hello", ">")
            ala.type("\x1b[200~msgall one\nmsgall two\x1b[201~", ENTER)
            ala.shows("[ala]: one", "[ala]: two", ">")
            ala.type("a long thou")
            ala.shows("> a long thou")
            server.server.stop()
            assert ala.finish() == 1
            ala.shows("> a long thou", "chatcli: the server closed the connection")


@pytest.mark.parametrize("colour", [True, False])
def test_rooms(client_engine, colour):
    """S4-01, S4-05, S4-16: the name, the eight options, the connection, in this order."""
    options = () if colour else ("--no-color",)
    with running_server(dialect="rooms") as server, Line(server.port, "ola") as ola:
        with Terminal(server.port, *ROOMS, "--engine", client_engine, *options) as ala:
            ala.shows("Choose username:")
            ala.type("ala", ENTER)
            ala.shows("Connected to the server!", "You joined the room 'General'", "ala>")
            name, *offer, _, _, _ = ala.lines()
            assert name == "Choose username: ala"
            assert offer == [f"* {line}" for line in RoomsConsole.offer]
            assert [line.split()[1] for line in offer] == [
                *("create", "join", "leave", "groups", "users", "public", "private", "exit")
            ]
            ola.hears("ala joined the room 'General'")
            ola.send("private ala psst")
            ala.shows("Private message from ola: psst", "ala>")
            assert (COLOUR in ala.raw) == colour
            ala.type("exit", ENTER)
            assert ala.finish() == 0
            assert termios.tcgetattr(ala._slave) == ala.mode


@pytest.mark.parametrize("leave", [CTRL_C, CTRL_D], ids=["ctrl-c", "ctrl-d"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_leaving(client_engine, dialect, leave):
    """S3-18: the end of the input is the end, and everything typed has been taken."""
    options = ("--dialect", dialect, "-l", "ala", "--engine", client_engine)
    with foreign_server(lambda peer: lines.extend(iter(peer.line, b""))) as port:
        lines = []
        with Terminal(port, *options) as ala:
            wait_until(lambda: ala.lines()[-1].endswith(">"), "the prompt")
            ala.type("bye", ENTER, leave)
            assert ala.finish() == 0
            assert termios.tcgetattr(ala._slave) == ala.mode
            assert not [line for line in ala.lines() if line.startswith("chatcli:")]
    assert lines[-1] == b"bye\n"


@pytest.mark.parametrize(
    ("engine_name", "threads"), [("select", 1), ("asyncio", 1), ("threads", 2)]
)
def test_servers_without_line_ends(engine_name, threads):
    """D-2: what arrives is shown at once, and what is typed goes out without line ends."""
    received = []

    def serve(peer):
        peer.sock.sendall(b"who are you? ")
        while chunk := peer.sock.recv(2048):
            received.append(chunk)
            peer.sock.sendall(b"\x1b]0;title\x07I got " + chunk)

    options = (*WORDS, "--no-newline", "--engine", engine_name)
    with foreign_server(serve) as port, Terminal(port, *options) as ala:
        ala.shows("who are you?", ">")
        ala.type("\x1b[200~one\n\ntwo\nthree\x1b[201~", ENTER)
        # How far apart they are is for a clock that a test can hold: here the machine is busy.
        wait_until(lambda: b"".join(received) == b"onetwothree", "the lines without their ends")
        wait_until(lambda: any("I got" in line for line in ala.lines()), "the answer")
        assert ala.screen.title == ""
        assert threads_of(ala.process.pid) == threads
        ala.type(CTRL_D)
        assert ala.finish() == 0


def test_a_text_without_a_line_end_is_shown_after_a_while(client_engine):
    """D-2, S1-22: also without --no-newline, since somebody waits for an answer to it."""

    def serve(peer):
        peer.sock.sendall(b"who are you? ")
        assert peer.line() == b"ala\n"
        peer.sock.sendall(b"bye")

    with foreign_server(serve) as port, Terminal(port, *SLASH, "--engine", client_engine) as ala:
        shows(ala, "who are you?", ">")
        ala.type("ala", ENTER)
        shows(ala, "> ala", "bye", CLOSING)
        ala.type(CTRL_D)
        assert ala.finish() == 1
