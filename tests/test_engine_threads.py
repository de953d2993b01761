"""The threads engine: who drains the log, and that nobody's entry is forgotten."""

import contextlib
import threading

from chat import PATIENCE, RawClient, wait_until
from chatd.engines.threads import SOLO
from chatd.testing import running_server


@contextlib.contextmanager
def quiet_chat():
    """A server on which ala and ola have chatted for a while; its engine, ala and ola."""
    with running_server(engine="threads") as server:
        engine = server.server._engine
        with RawClient(server.port, nick="ala") as ala, RawClient(server.port, nick="ola") as ola:
            for _ in range(SOLO):
                assert ala.ask("PRIV ola hi") == "OK"
                assert ola.line() == "PRIV_FROM ala hi"
            wait_until(lambda: engine._sleeping, "the flusher to sleep")
            yield engine, ala, ola


def drains(engine, monkeypatch):
    """Note the names of the threads that drain."""
    names = []
    drain = engine.host.delivery.drain

    def noted():
        names.append(threading.current_thread().name)
        return drain()

    monkeypatch.setattr(engine.host.delivery, "drain", noted)
    return names


def test_in_a_quiet_chat_readers_drain_what_they_bring(monkeypatch):
    with quiet_chat() as (engine, ala, ola):
        names = drains(engine, monkeypatch)
        for _ in range(20):
            assert ala.ask("PRIV ola hi") == "OK"
            assert ola.ask("PRIV ala hi") == "PRIV_FROM ala hi"
            assert (ola.line(), ala.line()) == ("OK", "PRIV_FROM ola hi")
        assert len(names) >= 40
        assert names.count("chatd-flusher") <= 4  # a race now and then may wake it


def test_who_drains_takes_along_what_others_bring_meanwhile(monkeypatch):
    with quiet_chat() as (engine, ala, ola):
        names = []
        passed, may_end = threading.Event(), threading.Event()
        drain = engine.host.delivery.drain

        def slow():
            names.append(threading.current_thread())
            drained = drain()
            if len(names) == 1:
                passed.set()
                assert may_end.wait(PATIENCE)
            return drained

        monkeypatch.setattr(engine.host.delivery, "drain", slow)
        ala.send("PRIV ola hi")
        assert passed.wait(PATIENCE)
        ola.send("PRIV ala hello")
        wait_until(lambda: engine.host.delivery.pending, "what ola brings")
        may_end.set()
        assert [ala.line(), ala.line()] == ["OK", "PRIV_FROM ola hello"]
        assert [ola.line(), ola.line()] == ["PRIV_FROM ala hi", "OK"]


def test_what_nobody_else_will_drain_is_left_to_the_flusher(monkeypatch):
    """Somebody holds the lock who does not drain, such as a reader on its way through."""
    with quiet_chat() as (engine, ala, ola):
        names = drains(engine, monkeypatch)
        with engine._sending:
            ala.send("PRIV ola hi")
            wait_until(lambda: not engine._sleeping, "the flusher to be woken")
        assert ola.line() == "PRIV_FROM ala hi"
        assert "chatd-flusher" in names
