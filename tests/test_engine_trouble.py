"""When something goes wrong with one client, the others chat on; and nobody is left waiting."""

import os
import resource
import select
import socket
import threading
from contextlib import ExitStack, contextmanager, suppress

import pytest

from chat import PATIENCE, RawClient, chatd_process, files_of, reset, wait_until
from chatd.dialects import table
from chatd.dialects.crlf import Crlf
from chatd.engines import Deadlines, SpareDescriptor
from chatd.events import Failed
from chatd.limits import Limits
from chatd.session import Session
from chatd.testing import running_server


class Bug(Exception):
    """What goes wrong here."""


def fail(*_):
    raise Bug


def sessions(server):
    return server.server._engine.sessions


def join(server, nick, **how):
    """Connect a client; return it and its session."""
    before = set(sessions(server))
    client = RawClient(server.port, nick=nick, **how)
    (session,) = wait_until(lambda: set(sessions(server)) - before)
    return client, session


def spoil(session, **members):
    """Have members of one session fail, or be something else."""
    session.__class__ = type("Spoiled", (Session,), {"__slots__": (), **members})


def chatting(server, *clients):
    """Say whether these hear each other; all are in General, with nobody else."""
    for speaker in clients:
        speaker.send("PUB hello")
        for listener in clients:
            if listener is not speaker:
                assert listener.line() == "PUB_MSG hello"
    return True


def cut_off(client):
    """Read up to the end, whatever it is like."""
    client.rest()
    client.close()
    return True


HOLD = """
import threading
from chatd import Command, hookimpl

gate = threading.Event()

def hold(ctx):
    gate.wait()
    ctx.reply("held")

@hookimpl
def register_commands():
    return [Command("hold", hold, blocks=True)]
"""


@pytest.fixture
def holding(engine, tmp_path):
    """A server with a command that lasts until the gate is set."""

    @contextmanager
    def running():
        (tmp_path / "hold.py").write_text(HOLD, encoding="utf-8")
        limits = Limits(command=1000.0)
        with running_server(engine=engine, plugins_dir=tmp_path, limits=limits) as server:
            gate = server.server.plugins.manager.get_plugin("hold").gate
            try:
                yield server, gate
            finally:
                gate.set()

    return running


# -- one session's trouble -------------------------------------------------------------------


def test_who_cannot_be_flushed_is_dropped_and_the_others_chat_on(engine, caplog):
    limits = Limits(outbox=2**24, stall=60.0)
    with running_server(engine=engine, limits=limits) as server:
        deaf, session = join(server, "deaf", rcvbuf=4096)
        with RawClient(server.port, nick="ala") as ala, RawClient(server.port, nick="ola") as ola:
            ala.send(b"".join(b"PRIV deaf %s\r\n" % (b"x" * 4000) for _ in range(200)))
            assert [ala.line() for _ in range(200)] == ["OK"] * 200
            wait_until(lambda: session._outbox.size)
            spoil(session, flush=fail)
            assert cut_off(deaf)
            wait_until(lambda: ala.ask("LIST") == "USERS ala ola")
            wait_until(lambda: session not in sessions(server))
            assert chatting(server, ala, ola)
    assert f"session of {session.address}" in caplog.text
    assert "Bug" in caplog.text


@pytest.mark.parametrize(
    ("member", "cause"),
    [
        ("receive", lambda client: client.send("LIST")),
        ("eof", lambda client: client.sock.shutdown(socket.SHUT_WR)),
    ],
    ids=["receive", "eof"],
)
def test_who_cannot_be_read_is_dropped_and_the_others_chat_on(engine, caplog, member, cause):
    with running_server(engine=engine) as server:
        bad, session = join(server, "bad")
        with RawClient(server.port, nick="ala") as ala, RawClient(server.port, nick="ola") as ola:
            spoil(session, **{member: fail})
            cause(bad)
            assert cut_off(bad)
            wait_until(lambda: ala.ask("LIST") == "USERS ala ola")
            wait_until(lambda: session not in sessions(server))
            assert chatting(server, ala, ola)
    assert f"session of {session.address}" in caplog.text


def test_who_cannot_go_on_after_a_wait_is_dropped_and_the_others_chat_on(holding):
    with holding() as (server, gate):
        bad, session = join(server, "bad")
        with RawClient(server.port, nick="ala") as ala, RawClient(server.port, nick="ola") as ola:
            bad.send("HOLD")
            wait_until(lambda: session.waits)
            spoil(session, receive=fail)
            gate.set()
            assert cut_off(bad)
            wait_until(lambda: ala.ask("LIST") == "USERS ala ola")
            assert chatting(server, ala, ola)


def test_a_deadline_that_fails_keeps_no_other_from_being_met(engine, caplog):
    """Whichever comes first: one fails, the other one is told that its time is over."""
    limits = Limits(login=0.5)
    with running_server(engine=engine, limits=limits) as server:
        with RawClient(server.port, nick="ala") as ala, RawClient(server.port, nick="ola") as ola:
            pairs = [join(server, None) for _ in range(8)]
            for _, session in pairs[::2]:
                spoil(session, tick=fail)
            for client, _ in pairs[1::2]:
                assert client.line() == "ERROR no login within 0.5 seconds"
            for client, _ in pairs:
                assert cut_off(client)
            wait_until(lambda: len(sessions(server)) == 2)
            assert chatting(server, ala, ola)
    assert "Bug" in caplog.text


class Due:
    """A session with a deadline."""

    address = "here"

    def __init__(self, deadline):
        self.deadline = deadline
        self.ticked = 0
        self.reasons = []

    def tick(self):
        self.ticked += 1
        self.deadline = float("inf")

    def drop(self, reason):
        self.reasons.append(reason)
        raise Bug


class Undue(Due):
    """One whose deadline stays, since it fails, and so does its end."""

    def tick(self):
        raise Bug


def test_the_nearest_deadline_is_known_whoever_fails():
    good, bad, next_one = Due(1.0), Undue(1.0), Due(1.25)
    now = 0.0
    deadlines = Deadlines({good, bad, next_one}, lambda: now)
    now = 1.0
    deadlines.tick()
    assert (good.ticked, bad.reasons, next_one.ticked) == (1, ["internal error"], 0)
    assert deadlines.wait() == 0.25
    now = 1.25
    deadlines.tick()
    assert next_one.ticked == 1
    assert deadlines.wait() == Deadlines.PERIOD  # no spin because of the one that stays due


class Moody(Crlf):
    """Crlf that fails when it is told to."""

    broken = ""

    def __init__(self, setting):
        if self.broken == "made":
            raise Bug
        super().__init__(setting)

    def opened(self):
        if self.broken == "opened":
            raise OSError  # which is not taken for a reset either
        return super().opened()


@pytest.mark.parametrize("broken", ["made", "opened"])
def test_who_cannot_come_in_leaves_nothing_behind(engine, monkeypatch, broken):
    monkeypatch.setitem(table.DIALECTS, "crlf", Moody)
    with running_server(engine=engine, dialect="crlf") as server:
        with RawClient(server.port, nick="ala") as ala, RawClient(server.port, nick="ola") as ola:
            files = files_of(os.getpid())
            monkeypatch.setattr(Moody, "broken", broken)
            for _ in range(10):
                with socket.socket() as sock, suppress(ConnectionError):  # perhaps a reset
                    sock.settimeout(PATIENCE)
                    sock.connect(("127.0.0.1", server.port))
                    told = b"".join(iter(lambda: sock.recv(100), b""))
                    assert told.startswith(b"ERROR internal error" if broken == "opened" else b"")
            monkeypatch.setattr(Moody, "broken", "")
            wait_until(lambda: files_of(os.getpid()) == files, "the descriptors")
            wait_until(lambda: len(sessions(server)) == 2)
            assert chatting(server, ala, ola)


def test_a_batch_that_fails_does_not_end_the_server(engine, caplog):
    observed = []

    def observe(events):
        observed.append(events)
        raise Bug

    with running_server(engine=engine) as server:
        with RawClient(server.port, nick="ala") as ala, RawClient(server.port, nick="ola") as ola:
            server.server.delivery.observers.append(observe)
            assert chatting(server, ala, ola)
            wait_until(lambda: len(observed) >= 2)
    assert "Bug" in caplog.text


def test_the_server_stops_cleanly_with_a_session_that_fails_in_everything(engine):
    """R-23: it is not waited for, even when none of its deadlines is met."""
    files = files_of(os.getpid())
    with running_server(engine=engine, limits=Limits(drain=0.2)) as server:
        bad, session = join(server, "bad")
        ala = RawClient(server.port, nick="ala")
        spoil(session, receive=fail, eof=fail, flush=fail, tick=fail, drop=fail)
    assert ala.line() == "ERROR the server is shutting down"
    ala.close()
    assert cut_off(bad)
    wait_until(lambda: files_of(os.getpid()) == files, "the descriptors")


# -- clients that vanish ---------------------------------------------------------------------


def test_whoever_resets_while_a_command_runs_is_gone_at_once(holding):
    """Its nick is free again; who only ended its own half hears the answer."""
    with holding() as (server, gate), RawClient(server.port, nick="ala") as ala:
        half, half_session = join(server, "half")
        half.send("HOLD")
        half.sock.shutdown(socket.SHUT_WR)
        lost, session = join(server, "lost")
        lost.send("HOLD")
        wait_until(lambda: session.waits and half_session.waits)
        reset(lost)
        wait_until(lambda: ala.ask("LIST") == "USERS ala half")
        wait_until(lambda: session not in sessions(server))
        with RawClient(server.port, nick="lost"):
            gate.set()
            assert half.rest() == b"NOTICE held\r\n"
        half.close()


# -- nobody is left waiting ------------------------------------------------------------------


def test_the_farewell_waits_for_no_deadline(engine, monkeypatch):
    monkeypatch.setattr(Deadlines, "PERIOD", 1000.0)
    limits = Limits(login=1000.0, drain=1000.0)
    with running_server(engine=engine, limits=limits) as server:
        engine = server.server._engine
        stop_accepting = engine.stop_accepting

        def stop_accepting_fully_awake():
            stop_accepting()
            engine.waker.clear()  # often what said stop() is read by now, sometimes not

        monkeypatch.setattr(engine, "stop_accepting", stop_accepting_fully_awake)
        with RawClient(server.port, nick="ala") as ala:
            server.server.stop()
            assert ala.line() == "ERROR the server is shutting down"
            assert ala.line() is None


def test_what_another_thread_says_waits_for_no_deadline(engine, monkeypatch):
    """Plugins' threads, stores and taps: nobody else may have anything to do."""
    monkeypatch.setattr(Deadlines, "PERIOD", 1000.0)
    with running_server(engine=engine, limits=Limits(login=1000.0)) as server:
        (ala, session), (ola, _) = join(server, "ala"), join(server, "ola")
        for number in range(50):
            # The engine has the answer out, and falls asleep about now.
            assert ola.ask("LIST") == "USERS ala ola"
            server.server.hub.reply(session, Failed("test", f"number {number}"))
            server.server.delivery.wake()
            assert ala.line() == f"ERROR number {number}"
        session.end("enough", Failed("test", "enough"))
        assert ala.line() == "ERROR enough"
        assert ala.line() is None
        ala.close()
        wait_until(lambda: session not in sessions(server))
        ola.close()


def test_many_threads_wake_it_at_a_time(engine, monkeypatch):
    """Each has said something before it wakes the engine, so nothing stays behind."""
    monkeypatch.setattr(Deadlines, "PERIOD", 1000.0)
    with running_server(engine=engine, limits=Limits(login=1000.0)) as server:
        ala, session = join(server, "ala")

        def say(word):
            for number in range(200):
                server.server.hub.reply(session, Failed("test", f"{word} {number}"))
                server.server.delivery.wake()

        threads = [threading.Thread(target=say, args=(word,)) for word in "abcd"]
        for thread in threads:
            thread.start()
        heard = [ala.line().split()[1:] for _ in range(800)]
        for thread in threads:
            thread.join()
        for word in "abcd":
            assert [int(number) for said, number in heard if said == word] == [*range(200)]
        ala.close()


def test_without_descriptors_clients_are_told_that_the_server_is_full(engine, tmp_path):
    """R-14: until there are some again."""
    with chatd_process(tmp_path, "--engine", engine, files=(40, 40)) as chatd, ExitStack() as stack:
        clients = [stack.enter_context(RawClient(chatd.port)) for _ in range(40)]
        told = wait_until(lambda: select.select([c.sock for c in clients], [], [], 0)[0])
        late = [client for client in clients if client.sock in told]
        for client in late:
            assert client.line().startswith("ERROR the server is full: ")
            assert client.line() is None
        clients[0].login("ala")
        assert clients[0].ask("LIST") == "USERS ala"
        # Who waited meanwhile gets a place when there is one.
        for client in clients[1:20]:
            client.close()
        with RawClient(chatd.port, nick="ola"):
            assert clients[0].ask("LIST") == "USERS ala ola"


def test_a_spare_descriptor_is_free_while_it_is_lent_and_then_held_again():
    """R-14: so that somebody can be told."""
    files = files_of(os.getpid())
    spare = SpareDescriptor()
    assert files_of(os.getpid()) == files + 1
    for _ in range(2):
        with spare.lent():
            assert files_of(os.getpid()) == files
        assert files_of(os.getpid()) == files + 1
    spare.close()
    spare.close()
    assert files_of(os.getpid()) == files


def test_without_a_spare_descriptor_one_goes_without():
    """Until it can be had again."""
    files = files_of(os.getpid())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, hard))
    try:
        spare = SpareDescriptor()
        with spare.lent():
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert files_of(os.getpid()) == files
    with spare.lent():
        pass
    assert files_of(os.getpid()) == files + 1
    spare.close()
