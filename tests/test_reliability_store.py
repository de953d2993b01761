"""A store that is full, or locked: on each engine the chat goes on, and then the history does."""

import threading
from contextlib import contextmanager

import pytest

from chat import RawClient, wait_until
from chatd.events import Warned
from chatd.limits import Limits
from chatd.recorder import Recorder
from chatd.store import StoreError
from chatd.taps import Tap
from chatd.testing import running_server


@pytest.fixture
def kept(engine, tmp_path, monkeypatch):
    """A function that runs a server with a store; its warnings and its recorder come with it."""
    monkeypatch.setattr(Recorder, "RETRY", 0.02)
    monkeypatch.setattr(Recorder, "INTERVAL", 0.02)

    @contextmanager
    def run(**limits):
        told = []
        tap = Tap(lambda event: isinstance(event, Warned) and told.append(event.text))
        settings = {"store": f"sqlite:///{tmp_path}/history.db", "limits": Limits(**limits)}
        with running_server(engine=engine, taps=(tap,), **settings) as running:
            yield running.port, running.server._recorder, told

    return run


def talk(ala, bob, texts):
    for text in texts:
        ala.send(f"PUB {text}")
        assert bob.line() == f"PUB_MSG {text}"


def history(client):
    client.send("HISTORY 100")
    said = list(iter(client.line, "OK"))
    return [line.split(" ", 5)[5] for line in said if line.startswith("HISTORY ")]


def test_the_chat_goes_on_while_the_disk_is_full(kept, monkeypatch):
    """R-19: it is told once, and once more when there is room; nothing is missing then."""
    with kept() as (port, recorder, told):
        with RawClient(port, nick="ala") as ala, RawClient(port, nick="bob") as bob:
            talk(ala, bob, ["before"])
            assert history(bob) == ["before"]

            tries = []

            def full(records):
                tries.append(records)
                raise StoreError("history.db: database or disk is full")

            with monkeypatch.context() as broken:
                broken.setattr(recorder._store, "append", full)
                talk(ala, bob, map(str, range(20)))
                wait_until(lambda: told and len(tries) > 2, "the warning")
                talk(ala, bob, ["still"])
                assert bob.ask("STATS") == "NOTICE store failing"
            wait_until(lambda: told[1:], "the end of the trouble")
            everything = ["before", *map(str, range(20)), "still"]
            assert history(bob) == everything
    assert told == [
        "nothing is stored for now, the chat goes on: history.db: database or disk is full",
        "the store works again",
    ]


def test_nobody_waits_for_a_locked_database(kept, monkeypatch):
    """R-20: the queue does, within its bound; what finds no place in it is counted."""
    with kept(store_queue=10) as (port, recorder, told):
        with RawClient(port, nick="ala") as ala, RawClient(port, nick="bob") as bob:
            assert history(bob) == []
            append, unlocked, asked = recorder._store.append, threading.Event(), threading.Event()

            def locked(records):
                asked.set()
                unlocked.wait(20)
                append(records)

            monkeypatch.setattr(recorder._store, "append", locked)
            try:
                talk(ala, bob, ["first"])
                assert asked.wait(20)
                talk(ala, bob, map(str, range(15)))
                assert recorder.waiting == 11  # with what it is at
                assert recorder.missed == 5
            finally:
                unlocked.set()
            wait_until(lambda: not recorder.waiting, "the queue to be stored")
            assert history(bob)[:11] == ["first", *map(str, range(10))]
        assert told == []
