"""chatcli at a terminal: a real one as far as it can tell, and what a person sees on it."""

import contextlib
import os
import signal
import termios

import pytest

from chat import RawClient, threads_of, wait_until
from chatd.testing import running_server
from foreign import foreign_server
from piped import gone
from terminal import COLOUR, CTRL_A, CTRL_C, CTRL_D, ENTER, TAB, UP, WELCOME, Terminal


@contextlib.contextmanager
def chat(client_engine, *options, greeting="", **settings):
    """A server, a user ola, and a terminal with ala on it."""
    with running_server(greeting=greeting) as server:
        with RawClient(server.port, nick="ola") as ola:
            with Terminal(server.port, "--engine", client_engine, *options, **settings) as ala:
                yield server, ola, ala


def test_what_is_being_typed_survives_what_comes(client_engine):
    """S0-29, S0-30: the keyboard and the socket at the same time."""
    with chat(client_engine) as (_, ola, ala):
        ala.shows(WELCOME, "ala>")
        ala.type("half a sen")
        ala.shows(WELCOME, "ala> half a sen")
        ola.send("PUB hello  ala")
        ola.send("PRIV ala psst")
        ala.shows(WELCOME, "< hello  ala", "[private] ola: psst", "ala> half a sen")
        ala.type("tence", CTRL_A, "not ", ENTER)
        assert [ola.line(), ola.line()] == ["OK", "PUB_MSG not half a sentence"]
        ala.shows("[private] ola: psst", "ala> not half a sentence", "ala>")
        ala.type("x" * 100)  # more than fits into a line
        ola.send("PUB " + "y" * 100)
        ala.shows("< " + "y" * 78, "y" * 22, "ala> " + "x" * 75, "x" * 25)


def test_commands(client_engine):
    """S0-30, S0-22, S0-32: and the prompt follows the nick."""
    with chat(client_engine, greeting="Hej  hej") as (_, ola, ala):
        assert ola.line() == "Hej  hej"
        ala.shows(WELCOME, "Hej  hej", "ala>")
        ala.type("/list", ENTER)
        ala.shows("ala> /list", "users: ola ala", "ala>")
        ala.type("/rename ola", ENTER)
        ala.shows("ala> /rename ola", "error: nick ola is taken", "ala>")
        ala.type("/rename basia", ENTER)
        ala.shows("ala> /rename basia", "* you are now basia", "basia>")
        ala.type("/priv ola psst", ENTER)
        ala.shows("basia> /priv ola psst", "* delivered to ola", "basia>")
        assert ola.line() == "PRIV_FROM basia psst"
        ala.type("/priv ola", ENTER)
        ala.shows("basia> /priv ola", "error: usage: /priv NICK TEXT", "basia>")
        ala.type("/nosuch", ENTER)
        ala.shows("basia> /nosuch", "error: unknown command nosuch", "basia>")
        ala.type("/help", ENTER)
        ala.shows("Any other line is said to everybody.", "basia>")
        help_ = "\n".join(ala.lines())
        for name in ("/list", "/rename NICK", "/priv NICK TEXT", "/quit", "//TEXT"):
            assert f"\n{name} " in help_
        assert "any other word is a command of the server's" in help_


def test_a_nick_that_is_taken(client_engine):
    """S0-24: it says why, asks for another, and tries again."""
    with running_server() as server, RawClient(server.port, nick="ala") as other:
        with Terminal(server.port, "--engine", client_engine) as ala:
            ala.shows("error: nick ala is taken", "another nick:")
            ala.type("ALA", ENTER)
            ala.shows("another nick: ALA", "error: nick ALA is taken", "another nick:")
            ala.type("ela", ENTER)
            ala.shows(WELCOME.replace("ala", "ela"), "ela>")
            assert other.ask("LIST") == "USERS ala ela"


def test_history_and_completion(client_engine):
    with chat(client_engine) as (_, ola, ala):
        ala.shows(WELCOME, "ala>")
        ala.type("first", ENTER, "second", ENTER)
        ala.shows("ala> second", "ala>")
        ala.type(UP, UP)
        ala.shows("ala> second", "ala> first")
        ala.type(" again", ENTER)
        assert [ola.line() for _ in range(3)][-1] == "PUB_MSG first again"
        ola.send("PRIV ala hi")
        ala.shows("[private] ola: hi", "ala>")
        ala.type("/p", TAB, "O", TAB, "hi", ENTER)
        assert [ola.line(), ola.line()] == ["OK", "PRIV_FROM ala hi"]
        ala.type("/", TAB)
        names = ("/help", "/list", "/priv", "/quit", "/rename")
        ala.shows("ala> /", *(f"       {name}" for name in names))


def test_a_paste_of_several_lines(client_engine):
    """Each of them is a message."""
    with chat(client_engine) as (_, ola, ala):
        ala.shows(WELCOME, "ala>")
        ala.type("\x1b[200~one\ntwo\n\n  three\x1b[201~")
        ala.shows("ala> one", "two", "", "  three")
        ala.type(ENTER)
        assert [ola.line() for _ in range(3)] == ["PUB_MSG one", "PUB_MSG two", "PUB_MSG   three"]
        ala.shows("ala> one", "ala> two", "ala>", "ala>   three", "ala>")


@pytest.mark.parametrize("leave", ["/quit\r", CTRL_C, CTRL_D], ids=["quit", "ctrl-c", "ctrl-d"])
def test_leaving(client_engine, leave):
    """Everything typed has been taken, the terminal is as it was, and the status is 0."""
    with chat(client_engine) as (_, ola, ala):
        ala.shows(WELCOME, "ala>")
        ala.type("/nosuch", ENTER, "bye", ENTER, leave)
        assert ala.finish() == 0
        assert ola.line() == "PUB_MSG bye"
        gone(ola)
        assert termios.tcgetattr(ala._slave) == ala.mode
        assert not [line for line in ala.lines() if line.startswith("chatcli:")]


def test_terminated(client_engine):
    """The terminal is as it was."""
    with chat(client_engine) as (_, _, ala):
        ala.shows(WELCOME, "ala>")
        ala.process.send_signal(signal.SIGTERM)
        assert ala.finish() == 128 + signal.SIGTERM
        assert termios.tcgetattr(ala._slave) == ala.mode


def test_the_server_goes_away(client_engine):
    """It says so and ends; what was being typed stays on the screen."""
    with chat(client_engine) as (server, _, ala):
        ala.shows(WELCOME, "ala>")
        ala.type("a long thou")
        ala.shows(WELCOME, "ala> a long thou")
        server.server.stop()
        assert ala.finish() == 1
        ala.shows(
            "error: the server is shutting down",
            "ala> a long thou",
            "chatcli: the server closed the connection",
        )
        assert termios.tcgetattr(ala._slave) == ala.mode


@pytest.mark.parametrize(
    ("engine_name", "threads"), [("select", 1), ("asyncio", 1), ("threads", 2)]
)
def test_how_many_threads_there_are(engine_name, threads):
    """S0-29, S0-31: with select one thread watches keyboard and socket, by nothing else."""
    with chat(engine_name) as (_, ola, ala):
        ala.shows(WELCOME, "ala>")
        ala.type("/li", TAB, ENTER)
        ala.shows("ala> /list", "users: ola ala", "ala>")
        ala.type(UP)
        ola.send("PUB hello")
        ala.shows("< hello", "ala> /list")
        assert threads_of(ala.process.pid) == threads
        if engine_name == "select":
            folder = f"/proc/{ala.process.pid}/fd"
            files = [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)]
            assert not [name for name in files if "eventpoll" in name]


@pytest.mark.parametrize(
    ("options", "settings", "coloured"),
    [
        ((), {}, True),
        ((), {"NO_COLOR": ""}, True),
        (("--no-color",), {}, False),
        ((), {"NO_COLOR": "1"}, False),
        ((), {"TERM": "dumb"}, False),
    ],
    ids=["default", "empty NO_COLOR", "--no-color", "NO_COLOR", "dumb"],
)
def test_colours(options, settings, coloured):
    with chat("threads", *options, **settings) as (_, ola, ala):
        ala.type("/list\n")
        wait_until(lambda: "users: ola ala" in ala.lines(), "the answer")
        ola.send("PRIV ala psst")
        wait_until(lambda: "[private] ola: psst" in ala.lines(), "the message")
        assert (COLOUR in ala.raw) == coloured
        if settings.get("TERM") == "dumb":
            assert b"\x1b" not in ala.raw
        ala.type(CTRL_D)
        assert ala.finish() == 0


def test_others_cannot_drive_the_terminal(client_engine):
    """R-09: not even with a server that helps them."""

    def serve(peer):
        peer.login()
        peer.send("PUB_MSG \x1b]0;title\x07a\x1b[2Jb\x1b[6nc\x07d\u202ee \x1b[31mred\x9b1m")
        peer.send("PRIV_FROM o\x1b[Hla x\ry", "\x1b[?1049hHej <b>hej</b>", "USERS a\x1b[A \x08b")
        peer.send("PUB_MSG [private] ola: I am not ola")
        assert peer.line() == b"PUB hello\r\n"
        assert peer.line() == b"LIST\r\n"
        peer.send("USERS ala")
        peer.line()

    with foreign_server(serve) as port, Terminal(port, "--engine", client_engine) as ala:
        ala.shows(
            WELCOME,
            "< abc�d�e red�1m",
            "[private] ola: x�y",
            "Hej <b>hej</b>",
            "users: a �b",
            "< [private] ola: I am not ola",
            "ala>",
        )
        assert ala.screen.title == ""
        assert b"\x07" not in ala.raw
        ala.type("hello", ENTER, CTRL_D)
        assert ala.finish() == 0


def test_a_server_that_never_answers(client_engine):
    def serve(peer):
        while peer.line():
            pass

    with foreign_server(serve) as port:
        with Terminal(port, "--engine", client_engine, "--timeout", "0.2") as ala:
            assert ala.finish() == 1
            ala.shows("chatcli: no answer from the server within 0.2 seconds")


def test_a_flood_leaves_the_keyboard_alive(client_engine):
    with chat(client_engine) as (_, ola, ala):
        ala.shows(WELCOME, "ala>")
        ola.send("".join(f"PUB flood {n}\r\n" for n in range(5000)).encode())
        ala.type("still here", ENTER)
        wait_until(lambda: "< flood 4999" in ala.lines(), "the end of the flood")
        assert ola.line() == "PUB_MSG still here"
        ola.send("LIST")
        assert ola.line() == "USERS ola ala"


def test_a_server_that_never_answers_is_one_message(client_engine):
    """What ends the wait is told once, with no traceback around it."""

    def silent(peer):
        while peer.line():
            pass

    with foreign_server(silent) as port:
        with Terminal(port, "--engine", client_engine, "--timeout", "0.3") as ala:
            assert ala.finish() == 1
            assert "Traceback" not in "\n".join(ala.lines())
            assert b"not running" not in ala.raw
