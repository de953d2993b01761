"""chatcli on a pipe in slash, words and rooms: with our servers, and with theirs."""

import socket
import threading
import time

import pytest

from chat import PATIENCE, threads_of
from chatd.testing import running_server
from consoles import CLOSING, DIALECTS, ROOMS, SLASH, STAMP, WORDS, Line
from foreign import foreign_server, small_buffers
from piped import Piped, run

LOST = "chatcli: the connection is lost: Connection reset by peer\n"
CLOSED = "chatcli: the server closed the connection\n"

JOINED = {
    "slash": "3 ola dolaczyl do pokoju rozmow!",
    "words": "[ServerMessage] - [ola] log in.",
    "rooms": "You joined the room 'General'",
}


# -- with our servers ------------------------------------------------------------------------


def test_a_conversation_in_slash(client_engine):
    """S1-03, S1-06, S1-22, S1-24: the server asks, the client puts the time in front."""
    with running_server(dialect="slash") as server, Line(server.port, "3", "ola") as ola:
        ola.hears("3 ola dolaczyl do pokoju rozmow!")
        with Piped(server.port, *SLASH, "--engine", client_engine, "-l", "ala") as ala:

            def line():
                text = ala.line()
                assert STAMP.match(text)
                return text[11:]

            assert line() == "Witaj w pokoju rozmow!"
            assert line() == "Podaj numer swojej grupy laboratoryjnej: "
            ala.type("3\n")
            assert line() == "A teraz podaj swoj pseudonim: "
            ala.type("ala\n")
            assert line().startswith("Witaj 3 ala! Zostales podlaczony do czatu. ")
            assert line() == "3 ala dolaczyl do pokoju rozmow!"
            ala.type("/nic  takiego\n")
            ola.hears("3 ala: /nic  takiego")
            assert line() == "3 ala: /nic  takiego"
            ola.send("hello ala")
            assert line() == "3 ola: hello ala"
            ala.type("/wyjdz")
            assert ala.finish()[::2] == (0, "")
        ola.hears("3 ala wyszedl z czatu.")


@pytest.mark.parametrize("zone", ["UTC", "XYZ-5:30"])
def test_the_time_in_front_is_local(zone):
    """S1-22: and the last words of the client have none (S1-24)."""
    with running_server(dialect="slash") as server:
        before = time.time()
        status, shown, _ = run(server.port, *SLASH, TZ=zone)
        after = time.time()
    *texts, last = shown.splitlines()
    assert (status, last) == (0, CLOSING)
    assert len(texts) == 2
    ahead = 0 if zone == "UTC" else 5.5 * 3600
    possible = {
        time.strftime("[%H:%M:%S]", time.gmtime(second + ahead))
        for second in range(int(before), int(after) + 1)
    }
    assert {text[:10] for text in texts} <= possible


def test_a_conversation_in_words(client_engine):
    """S3-18: what was typed goes out, what arrives is shown, and the end is the end."""
    with running_server(dialect="words") as server, Line(server.port, "login ola") as ola:
        with Piped(server.port, *WORDS, "--engine", client_engine) as ala:
            ala.type("/whoami\nlogin ala\n")
            assert ala.line() == "unknown command"
            assert ala.line() == "[ServerMessage] - [ala] log in."
            ola.hears("[ServerMessage] - [ala] log in.")
            ola.send("msgall hello  ala")
            assert ala.line() == "[ola]: hello  ala"
            ala.type("msgall last words")
            ala.end_input()
            ola.hears("[ala]: last words")
            assert ala.finish() == (0, "[ala]: last words\n", "")


def test_a_conversation_in_rooms(client_engine):
    """S4-01, S4-02, S4-05, S4-16: it asks for the name, and offers nothing on a pipe."""
    with running_server(dialect="rooms") as server, Line(server.port, "ola") as ola:
        ola.hears("You joined the room 'General'")
        with Piped(server.port, *ROOMS, "--engine", client_engine) as ala:
            assert ala.line() == "Choose username: "
            ala.type("\n ala\r\nusers\n")
            assert ala.line() == "Choose username: "
            shown = [ala.line() for _ in range(5)]
            assert shown == [
                "Connected to the server!",
                "You joined the room 'General'",
                "online users:",
                "ola",
                "ala",
            ]
            ola.hears("ala joined the room 'General'")
            ola.send("public General hello  ala")
            assert ala.line() == "In group General, ola: hello  ala"
            ala.type("exit\n")
            assert ala.finish(end_input=False) == (0, "", "")
        status, shown, _ = run(server.port, *ROOMS, "-l", "ela", typed="groups\n")
        assert (status, shown.splitlines()[0]) == (0, "Connected to the server!")


def test_a_name_that_is_refused(client_engine):
    """S4-02, S4-17: the server's words are shown, and nothing that was typed has been taken."""
    with running_server(dialect="rooms") as server, Line(server.port, "ala") as other:
        other.hears(JOINED["rooms"])
        options = (*ROOMS, "--engine", client_engine, "-l", "ALA")
        status, shown, errors = run(server.port, *options, typed="public General hello\n")
    assert (status, errors) == (1, CLOSED)
    assert len(shown.splitlines()) == 2


@pytest.mark.parametrize("options", [(), ("--no-newline",)], ids=["lines", "chunks"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_everything_was_taken_when_it_ends(client_engine, dialect, options):
    """D-2, S3-18: though nobody answers, be they lines or chunks without an end."""
    door, say, heard = {
        "slash": (["3", "{}"], "hello {}", "3 ala: hello {}"),
        "words": (["login {}"], "msgall hello {}", "[ala]: hello {}"),
        "rooms": (["{}"], "public General hello {}", "In group General, ala: hello {}"),
    }[dialect]
    name = ("-l", "ala") if dialect == "rooms" else ()
    lines = [] if name else [line.format("ala") for line in door]
    lines += [say.format(number) for number in range(3)]
    settings = {"dialect": dialect, "engine": client_engine}
    with running_server(**settings) as server:
        with Line(server.port, *(line.format("ola") for line in door)) as ola:
            ola.hears(JOINED[dialect])
            options = ("--dialect", dialect, "--engine", client_engine, *name, *options)
            status, _, errors = run(server.port, *options, typed="\n".join(lines))
            assert (status, errors) == (0, "")
            for number in range(3):
                ola.hears(heard.format(number))


def test_a_long_paste(client_engine):
    """All of it has been taken, in order."""
    lines = [f"{number} {'x' * 95}" for number in range(10_000)]
    with running_server(dialect="words", engine=client_engine) as server:
        typed = "\n".join(["login ala", *(f"msgall {line}" for line in lines)])
        status, shown, errors = run(server.port, *WORDS, "--engine", client_engine, typed=typed)
    assert (status, errors) == (0, "")
    assert shown.splitlines()[1:] == [f"[ala]: {line}" for line in lines]


# -- with servers as they were written for these protocols ------------------------------------


def chunks(peer):
    """What each recv brings, to the end."""
    while data := peer.sock.recv(2048):
        yield data


def test_chunks_without_an_end(client_engine):
    """D-2, S3-18, S4-02: one typed line is one recv of the server's, without any line end."""
    received = []

    def serve(peer):
        for chunk in chunks(peer):
            received.append(chunk)
            peer.sock.sendall(b"I got " + chunk)

    typed = "hello  all\n\nzażółć\nlast"
    options = (*ROOMS, "-l", "ala", "--no-newline", "--engine", client_engine)
    with foreign_server(serve) as port:
        status, shown, errors = run(port, *options, typed=typed)
    assert received == [b"ala", b"hello  all", "zażółć".encode(), b"last"]
    assert (status, errors) == (0, "")
    assert shown.splitlines() == [
        "Connected to the server!",
        *(f"I got {chunk.decode()}" for chunk in received),
    ]


def test_lines_to_such_a_server(client_engine):
    """D-2: without --no-newline each line has its end; the answer is shown though it has none."""
    received = []

    def serve(peer):
        peer.sock.sendall(b"who are you? ")
        for chunk in chunks(peer):
            received.append(chunk)
            peer.sock.sendall(b"you are " + chunk.rstrip() + b"\x1b[2J\x07")

    with foreign_server(serve) as port, Piped(port, *WORDS, "--engine", client_engine) as ala:
        assert ala.line() == "who are you? "
        for name in ("ala", "ola"):
            ala.type(name + "\n")
            assert ala.line() == f"you are {name}\N{REPLACEMENT CHARACTER}"
        assert ala.finish() == (0, "", "")
    assert b"".join(received) == b"ala\nola\n"


def test_a_chunk_is_shown_at_once(client_engine):
    """D-2: two that come one after the other are two texts."""
    seen = threading.Event()

    def serve(peer):
        peer.sock.sendall(b"one")
        assert seen.wait(PATIENCE)
        peer.sock.sendall(b"two")
        peer.line()

    with foreign_server(serve) as port:
        with Piped(port, *SLASH, "--no-newline", "--engine", client_engine) as ala:
            assert ala.line()[11:] == "one"
            seen.set()
            assert ala.line()[11:] == "two"
            assert ala.finish() == (0, CLOSING + "\n", "")


def test_it_does_not_leave_before_the_server_closes(client_engine):
    """S3-18, S4-02: and what arrives until then is shown."""
    reached, answer = threading.Event(), threading.Event()

    def serve(peer):
        assert [peer.line(), peer.line(), peer.line()] == [b"ala\n", b"hello\n", b""]
        peer.send("wait")
        reached.set()
        assert answer.wait(PATIENCE)
        peer.send("bye")

    with foreign_server(serve) as port:
        with Piped(port, *ROOMS, "-l", "ala", "--engine", client_engine) as ala:
            ala.type("hello\n")
            ala.end_input()
            assert reached.wait(PATIENCE)
            assert [ala.line(), ala.line()] == ["Connected to the server!", "wait"]
            assert ala.process.poll() is None
            answer.set()
            assert ala.finish() == (0, "bye\n", "")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_server_goes_away(client_engine, dialect):
    """S1-24, S3-18: it is noticed at once, with the keyboard still open."""

    def serve(peer):
        while peer.line() != b"hello\n":
            pass
        peer.sock.sendall(b"bye")

    options = ("--dialect", dialect, "--engine", client_engine, "-l", "ala")
    with foreign_server(serve) as port, Piped(port, *options) as ala:
        ala.type("hello\n")
        status, shown, errors = ala.finish(end_input=False)
    assert (status, errors) == (1, "" if dialect == "slash" else CLOSED)
    lines = [STAMP.sub("", line) for line in shown.splitlines()]
    assert lines[-2:] == ["bye", CLOSING] if dialect == "slash" else lines[-1:] == ["bye"]


def test_a_server_that_resets(client_engine):
    def serve(peer):
        peer.sock.recv(1)
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer._file.close()
        peer.sock.close()

    with foreign_server(serve) as port:
        result = run(port, *WORDS, "--engine", client_engine, typed="hello\n")
    assert result == (1, "", LOST)


def test_a_server_that_never_closes(client_engine):
    over = threading.Event()

    def serve(peer):
        assert over.wait(PATIENCE)

    with foreign_server(serve) as port:
        result = run(port, *WORDS, "--engine", client_engine, "--timeout", "0.2", typed="hello\n")
        over.set()
    assert result == (1, "", "chatcli: no answer from the server within 0.2 seconds\n")


def test_a_server_that_writes_before_it_reads(client_engine):
    """Both sides have more to send than fits on the way: the client reads while it writes."""
    count = 5_000

    def serve(peer):
        small_buffers(peer.sock)
        peer.send(*["y" * 100] * count)
        assert [peer.line() for _ in range(count)] == [b"x" * 100 + b"\n"] * count
        assert peer.line() == b""

    with foreign_server(serve) as port:
        result = run(port, *WORDS, "--engine", client_engine, typed=("x" * 100 + "\n") * count)
    assert result == (0, ("y" * 100 + "\n") * count, "")


@pytest.mark.parametrize(
    ("engine_name", "threads"), [("select", 1), ("asyncio", 1), ("threads", 2)]
)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_how_many_threads_there_are(dialect, engine_name, threads):
    """S1-06, S3-18: the keyboard and the socket at the same time, with select by one thread."""
    options = ("--dialect", dialect, "-l", "ala", "--engine", engine_name)
    with running_server(dialect=dialect) as server, Piped(server.port, *options) as ala:
        ala.line()
        assert threads_of(ala.process.pid) == threads
