"""How chatcheck plays: with servers that are dead, silent, slow, or die; and what it tells."""

import socket
import threading
import time
from contextlib import contextmanager, suppress

import pytest

from chat import nobody_listens
from chatcli.check.connections import Connections, Patience
from chatcli.check.framing import wants_chunks
from chatcli.check.player import Player
from chatcli.check.scenario import read
from chatd.config import Listen
from chatd.testing import running_server

HURRY = Patience(answer=0.2, quiet=0.05, pause=0.02)
SOON = 20.0
"""Seconds in which nothing may hang."""


@pytest.fixture
def scenarios(tmp_path):
    """Make scenarios of texts."""

    def made(text, dialect="crlf"):
        path = tmp_path / "some.txt"
        path.write_text(text, encoding="utf-8")
        return read(path, dialect)

    return made


@contextmanager
def listening(serve):
    """Run serve(sock) for each connection, on a thread; give the port."""
    threads = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                threads.append(threading.Thread(target=run, args=(sock,)))
                threads[-1].start()

        def run(sock):
            with sock:
                with suppress(OSError):
                    serve(sock)

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for thread in threads:
                thread.join()


def listen_only(sock):
    while sock.recv(4096):
        pass


def answering(answer):
    """A server that answers each line with answer(line)."""

    def serve(sock):
        for line in sock.makefile("rb"):
            sock.sendall(answer(line))

    return serve


def play(port, scenarios, **settings):
    player = Player("127.0.0.1", port, patience=HURRY, **settings)
    return list(player.play_all(scenarios))


HELLO = "# S0-14 [S] One\nala > LOGIN ala\nala < OK\n"


def test_what_is_expected_is_found_behind_other_things(scenarios):
    with listening(answering(lambda line: b"Hi\nNOTICE x\nOK\nmore\n")) as port:
        (outcome,) = play(port, scenarios(HELLO))
    assert outcome.status == "passed"
    assert outcome.problem is None


def test_what_does_not_come_is_told_with_all_that_came(scenarios):
    with listening(answering(lambda line: b"Hi\r\n")) as port:
        (outcome,) = play(port, scenarios(HELLO), tag="q")
    assert outcome.status == "failed"
    assert outcome.problem.place == "some.txt:3"
    assert outcome.problem.step == "alaq2 < OK"  # the second time: the first might have been chance
    assert outcome.problem.complaint.startswith("this has not come within ")
    assert outcome.problem.seen == r"Hi\r\n"
    assert outcome.problem.talk == ("alaq2 connects", r"alaq2 > LOGIN alaq2\r\n", r"alaq2 < Hi\r\n")


def test_what_goes_wrong_once_is_not_wrong(scenarios):
    answers = [b"Hi\n", b"OK\n"]
    with listening(answering(lambda line: answers.pop(0))) as port:
        (outcome,) = play(port, scenarios(HELLO))
    assert outcome.status == "passed"


@pytest.mark.parametrize(
    "expectation, status",
    [
        ("ala << OK\\r\\n", "failed"),
        ("ala << OK\\n", "passed"),
        ("ala next < OK", "passed"),
        ("ala next < more", "failed"),
        ("ala < more", "passed"),
        ("ala <? something else", "passed"),
        ("ala never < more", "failed"),
        ("ala never < OKmore", "passed"),
        ("ala < OK\nala < OK", "failed"),
        ("ala < OK\nala < more", "passed"),
        ("ala closed", "failed"),
        ("ala closed?", "failed"),
        ("ala < more\nala closed?", "passed"),
    ],
)
def test_steps(scenarios, expectation, status):
    with listening(answering(lambda line: b"OK\nmore\n")) as port:
        (outcome,) = play(port, scenarios(f"# S0-14 [S] One\nala > LOGIN ala\n{expectation}\n"))
    assert outcome.status == status


def test_what_must_never_come_may_come_late(scenarios):
    def answer(line):
        time.sleep(0.1)
        return b"echo\n"

    patience = HURRY._replace(quiet=0.6)
    with listening(answering(answer)) as port:
        player = Player("127.0.0.1", port, patience=patience)
        outcome = player.play(*scenarios("# S0-17 [S] One\nala > PUB x\nala never < echo\n"))
    assert outcome.status == "failed"
    assert outcome.problem.complaint == "this has come"


def test_a_server_that_closes(scenarios):
    with listening(lambda sock: sock.recv(1)) as port:
        closed, never, left_open, refused = play(
            port,
            scenarios(
                "# S0-14 [S] One\nala > x\nala closed\n\n"
                "# S0-17 [S] Two\nala > x\nala never < y\n\n"
                "# S0-18 [S] Three\nala > x\nala closed?\nala never < y\n\n"
                "# S0-19 [S] Four\nlogged in: ala\n"
            ),
        )
    assert closed.status == left_open.status == "passed"
    assert never.problem.complaint == "the server has closed the connection"
    assert refused.problem.complaint == "cannot log in"


def test_a_silent_server_is_soon_given_up(scenarios):
    text = "\n".join(HELLO.replace("One", f"Number {number}") for number in range(20))
    begun = time.monotonic()
    with listening(listen_only) as port:
        outcomes = play(port, scenarios(text))
    assert {outcome.status for outcome in outcomes} == {"failed"}
    assert time.monotonic() - begun < SOON


def test_a_server_that_is_gone(scenarios):
    begun = time.monotonic()
    with nobody_listens() as port:
        outcomes = play(port, scenarios("\n".join(HELLO for _ in range(20))))
    assert all(outcome.problem.complaint.startswith("cannot connect") for outcome in outcomes)
    assert time.monotonic() - begun < SOON


def test_the_scenario_in_which_the_server_dies_is_to_blame(scenarios):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            for _ in range(2):
                sock, _ = listener.accept()
                with sock:
                    sock.sendall(b"OK\n")
                    while sock.recv(4096):
                        pass
            listener.close()

        thread = threading.Thread(target=serve)
        thread.start()
        first, second, third = play(listener.getsockname()[1], scenarios("\n".join([HELLO] * 3)))
        thread.join()
    assert first.status == "passed"
    assert second.status == "failed"
    assert second.problem.complaint.endswith("takes no connections any more")
    assert third.problem.complaint.startswith("cannot connect")


def test_a_server_that_is_restarted_is_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    again = []
    timer = threading.Timer(0.2, lambda: again.append(socket.create_server(address)))
    timer.start()
    connections = Connections(*address, HURRY)
    connections.open("ala")
    connections.close()
    timer.join()
    again[0].close()


def test_a_server_that_reads_nothing_does_not_hold_us_up(scenarios):
    done = threading.Event()
    begun = time.monotonic()
    with listening(lambda sock: done.wait(SOON)) as port:
        (outcome,) = play(port, scenarios("# D-8 [P] One\nala >> {x*9000000}\nala < OK\n"))
        done.set()
    assert outcome.status == "failed"
    assert time.monotonic() - begun < SOON


def test_a_server_that_never_stops_talking(scenarios):
    def talk(sock):
        while True:
            sock.sendall(b"blah\n")
            time.sleep(0.01)

    begun = time.monotonic()
    with listening(talk) as port:
        (outcome,) = play(port, scenarios("# S0-17 [S] One\nala connects\nala never < x\n"))
    assert outcome.status == "passed"
    assert time.monotonic() - begun < SOON


def test_what_is_needed_is_tried_first(scenarios):
    text = (
        "# S0-19 [S] One\nneeds: LIST\nala > LOGIN ala\nala < OK\n\n"
        "# S0-16 [S] Two\nshows: LIST\nala > LIST\nala < USERS{any}\n"
    )
    with listening(answering(lambda line: b"OK\n")) as port:
        two, one = play(port, scenarios(text))
    assert (two.requirement, two.status) == ("S0-16", "failed")
    assert (one.requirement, one.status) == ("S0-19", "not applicable")
    assert one.reason == "needs LIST, which did not work"


@pytest.mark.parametrize(
    "line, given, reason",
    [
        ("server: greeting=Hej", {}, "needs a server started with greeting=Hej"),
        ("server: greeting=Hej", {"greeting": "Hej"}, ""),
        ("server: greeting=", {"greeting": "Hej"}, "needs a server started with no greeting"),
        ("server: greeting=", {}, ""),
        ("later: 1", {}, "needs a clock that can be set"),
    ],
)
def test_what_is_not_applicable(scenarios, line, given, reason):
    with listening(answering(lambda line: b"OK\n")) as port:
        (outcome,) = play(port, scenarios(f"{HELLO}{line}\n"), settings=given)
    assert outcome.reason == reason
    assert outcome.status == ("not applicable" if reason else "passed")


def test_names_are_others_in_each_scenario(scenarios):
    names = []

    def answer(line):
        names.append(line.split()[1])
        return b"OK\n"

    with listening(answering(answer)) as port:
        for _ in range(2):
            play(port, scenarios(f"{HELLO}\n{HELLO}"))
    assert len(set(names)) == 4
    assert all(name.startswith(b"ala") and name.isalnum() and name.islower() for name in names)


def test_nothing_is_left_open(scenarios):
    ended = []

    def serve(sock):
        listen_only(sock)
        ended.append(sock)

    with listening(serve) as port:
        play(port, scenarios("# S0-14 [S] One\nala connects\nola connects\nola > x\nola < y\n"))
    assert len(ended) == 2  # and the test would not end otherwise


# -- lines and chunks ----------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["slash", "words", "rooms"])
@pytest.mark.parametrize("framing", ["line", "chunk"])
def test_what_a_server_wants_is_found_out(dialect, framing):
    with _chatd(dialect, framing) as port:
        assert wants_chunks(dialect, "127.0.0.1", port, HURRY) is (framing == "chunk")


@pytest.mark.parametrize("dialect", ["crlf", "json"])
def test_some_are_always_lines(dialect):
    with running_server(dialect=dialect) as server:
        assert not wants_chunks(dialect, "127.0.0.1", server.port, HURRY)


@contextmanager
def _chatd(dialect, framing):
    listen = (Listen(dialect, "127.0.0.1", framing=framing),)
    with running_server(dialect="crlf", listen=listen) as server:
        yield server.ports[dialect]


def test_chunks_are_kept_apart(scenarios):
    received = []

    def serve(sock):
        while data := sock.recv(4096):
            received.append(data)

    with listening(serve) as port:
        play(
            port,
            scenarios("# S3-02 [O] One\nala > a\nala > b\nala connects\n", "words"),
            chunks=True,
        )
    assert received == [b"a", b"b"]
