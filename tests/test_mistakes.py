"""Threads that fail are logged under an id, counted and begun again; the chat goes on."""

import re
import threading

import pytest

from chat import PATIENCE, RawClient, chatd_process, wait_until
from chatd.engines import Deadlines
from chatd.engines.threads import _Server
from chatd.mistakes import log_mistake, mistakes
from chatd.testing import running_server
from chatd.workers import ParkedThreads, start_lasting
from fakes import Clock
from plugging import write


class Bug(Exception):
    """What goes wrong here."""


def failing_once(function, error=Bug):
    """The same function, but for its next call."""
    failed = []

    def call(*args):
        if not failed:
            failed.append(True)
            raise error
        return function(*args)

    call.failed = failed
    return call


def ids(caplog, where):
    return re.findall(rf"internal error (E\d+) in {where}", caplog.text)


def test_each_mistake_has_an_id_of_its_own_and_counts(caplog):
    """R-24."""
    before = mistakes()
    names = {log_mistake(Bug(), "here"), log_mistake(Bug())}
    assert names == {f"E{before + 1}", f"E{before + 2}"}
    assert mistakes() == before + 2
    assert f"internal error E{before + 1} in here\n" in caplog.text
    assert f"internal error E{before + 2}\n" in caplog.text
    assert "Bug" in caplog.text


@pytest.mark.parametrize("error", [Bug, SystemExit, KeyboardInterrupt, MemoryError])
def test_a_thread_that_must_go_on_begins_again(error, caplog):
    done = threading.Event()
    work = failing_once(done.set, error)
    thread = start_lasting("lasting", work, lambda: False)
    thread.join(PATIENCE)
    assert done.is_set()
    assert not thread.is_alive()
    assert len(ids(caplog, "lasting")) == 1


def test_what_is_over_is_not_begun_again(caplog):
    done = threading.Event()
    thread = start_lasting("lasting", failing_once(done.set), lambda: True)
    thread.join(PATIENCE)
    assert not done.is_set()


def test_a_parked_thread_outlives_its_task(caplog):
    """R-24."""
    threads, ran = ParkedThreads("parked", idle=1, most=1), threading.Event()
    threads.run(failing_once(None))
    wait_until(lambda: threads.run(ran.set), "the place")
    assert ran.wait(PATIENCE)
    threads.close()
    assert len(ids(caplog, "parked")) == 1


# -- in a running server ---------------------------------------------------------------------------


def chatting(port):
    with RawClient(port, nick="ala") as ala, RawClient(port, nick="ola") as ola:
        ala.send("PUB hello")
        return ola.line() == "PUB_MSG hello"


@pytest.mark.parametrize("error", [Bug, SystemExit])
def test_an_accept_thread_that_dies_is_started_again(monkeypatch, caplog, error):
    """R-24."""
    with running_server(engine="threads", host="127.0.0.1") as server:
        monkeypatch.setattr(_Server, "get_request", failing_once(_Server.get_request, error))
        assert chatting(server.port)
    assert len(ids(caplog, f"chatd-accept-127.0.0.1-{server.port}")) == 1


def test_a_flusher_that_dies_is_started_again(monkeypatch, caplog):
    """R-24."""
    with running_server(engine="threads") as server:
        engine = server.server._engine
        drain = failing_once(engine._drain)
        monkeypatch.setattr(engine, "_drain", drain)
        assert chatting(server.port)
        assert drain.failed
    assert len(ids(caplog, "chatd-flusher")) == 1


def test_a_timekeeper_that_dies_is_started_again(monkeypatch, caplog):
    """R-24."""
    with running_server(engine="threads") as server:
        monkeypatch.setattr(Deadlines, "tick", failing_once(Deadlines.tick))
        wait_until(lambda: ids(caplog, "chatd-timekeeper"), "the mistake")
        seen = server.server._engine._beats["timekeeper"]
        wait_until(lambda: server.server._engine._beats["timekeeper"] > seen, "another turn")
        assert chatting(server.port)


@pytest.mark.parametrize("engine", ["select", "asyncio"])
def test_a_loop_goes_on(engine, monkeypatch, caplog):
    """R-24."""
    with running_server(engine=engine) as server:
        monkeypatch.setattr(Deadlines, "tick", failing_once(Deadlines.tick))
        wait_until(lambda: ids(caplog, "the loop"), "the mistake")
        assert chatting(server.port)


OWN_THREAD = """
    import threading
    from chatd import Command, hookimpl

    def fail():
        raise ValueError("a bug")

    def start(ctx):
        threading.Thread(target=fail, name="own").start()
        ctx.reply("started")

    @hookimpl
    def register_commands():
        return [Command("start", start)]
    """


def test_the_end_of_a_plugins_own_thread_is_in_the_log(tmp_path):
    folder = write(tmp_path / "plugins", own=OWN_THREAD)
    with chatd_process(tmp_path, "-v", "--plugins-dir", str(folder)) as process:
        with RawClient(process.port, nick="ala") as ala:
            assert ala.ask("START") == "NOTICE started"
            while b"warning: internal error E1 in own" not in process.stdout.readline():
                pass
        process.terminate()
        process.wait(PATIENCE)
        assert process.stderr.read() == b""


# -- what a watchdog asks --------------------------------------------------------------------------


def test_what_goes_on_has_not_stalled(engine):
    with running_server(engine=engine, host="127.0.0.1") as server:
        parts = {
            "threads": {"flusher", "timekeeper", f"accept-127.0.0.1-{server.port}"},
        }.get(engine, {"loop"})
        running = server.server._engine
        wait_until(lambda: running._beats.keys() == parts, "all of it")
        begun = dict(running._beats)
        wait_until(lambda: all(running._beats[part] > begun[part] for part in parts), "beats")
        assert running.stalled(PATIENCE) == []


def test_what_does_not_go_on_has_stalled():
    """Each part for itself."""
    with running_server(engine="threads") as server:
        engine, clock = server.server._engine, Clock()
        engine.beat = lambda part: None
        engine.host.clock = clock
        engine._beats = {"flusher": clock.now - 3, "timekeeper": clock.now - 1}
        assert engine.stalled(2) == ["flusher"]
        clock.pass_by(2)
        assert engine.stalled(2) == ["flusher", "timekeeper"]
