"""`/healthz`: it says that all is well when the hub and the store have answered, and only then."""

import json
import shutil
import threading
from contextlib import contextmanager

import pytest

from chat import RawClient, wait_until
from chatd.limits import Limits
from chatd.recorder import Recorder
from chatd.store import StoreError
from chatd.testing import running_server
from webtalk import fetch


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A function that runs a server with a store."""
    monkeypatch.setattr(Recorder, "RETRY", 0.02)

    @contextmanager
    def run(engine="threads", **limits):
        settings = {"store": f"sqlite:///{tmp_path}/history.db", "limits": Limits(**limits)}
        with running_server(engine=engine, web=True, **settings) as running:
            yield running, running.server.metrics.recorder

    return run


def ask(port):
    page = fetch(port, "/healthz")
    assert page.headers["Content-Type"] == "application/json"
    assert "no-store" in page.headers["Cache-Control"]
    return page.status, json.loads(page.text)


def say(ala, text):
    """Say something, and know that it was said."""
    ala.send(f"PUB {text}")
    assert ala.ask("WHOAMI") == "WHOAMI ala"


def failing(reason):
    return 503, {"status": "failing", "reason": reason}


WELL = 200, {"status": "ok"}


def test_all_is_well(engine, kept):
    """What was said before the question is in the store then, and the question is not."""
    with kept(engine) as (server, recorder), RawClient(server.port, nick="ala") as ala:
        assert ask(server.port) == WELL
        say(ala, "hello")
        assert ask(server.port) == WELL
        assert recorder.waiting == 0
        events = recorder.store.stats().records
        assert ask(server.port) == WELL
        assert recorder.store.stats().records == events == 2


def test_without_a_store_the_hub_is_asked_alone(engine):
    with running_server(engine=engine, web=True) as server:
        assert ask(server.port) == WELL
        assert fetch(server.port, "/healthz", "HEAD").status == 200
        assert fetch(server.port, "/healthz", "POST").status == 405


def test_a_store_that_fails_and_comes_back(kept, monkeypatch):
    """R-19: whoever asks hears that it does not work, and not where it is."""

    def full(*_):
        raise StoreError("history.db: database or disk is full")

    with kept() as (server, recorder), RawClient(server.port, nick="ala") as ala:
        with monkeypatch.context() as broken:
            broken.setattr(recorder._store, "append", full)
            say(ala, "hello")
            assert ask(server.port) == failing("the store does not work")
            assert ask(server.port) == failing("the store does not work")
            say(ala, "still")
        wait_until(lambda: ask(server.port) == WELL, "the store to work again")
        with monkeypatch.context() as broken:
            broken.setattr(recorder._store, "after", full)
            assert ask(server.port) == failing("the store does not work")
        assert ask(server.port) == WELL


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_removed_while_it_is_used(kept, tmp_path, monkeypatch, replaced):
    """Nothing goes where nobody can find it, and no other file is begun; what is said waits."""
    path, away = tmp_path / "history.db", tmp_path / "away.db"
    with kept() as (server, recorder), RawClient(server.port, nick="ala") as ala:
        say(ala, "before")
        assert ask(server.port) == WELL
        path.rename(away)
        if replaced:
            shutil.copy(away, path)
        there = path.read_bytes() if replaced else None
        assert ask(server.port) == failing("the store does not work")
        say(ala, "meanwhile")
        why = f"{path}: was removed or replaced while in use: put it back, or start chatd anew"
        wait_until(lambda: recorder.trouble == why, "the recorder to notice")
        tries, begin = [], recorder._store.begin
        monkeypatch.setattr(recorder._store, "begin", lambda epoch: tries.append(0) or begin(epoch))
        wait_until(lambda: len(tries) > 2, "more tries")
        assert ask(server.port) == failing("the store does not work")
        assert ala.ask("STATS") == "NOTICE store failing"
        assert recorder.waiting == 1
        assert (path.read_bytes() if path.exists() else None) == there
        away.rename(path)
        wait_until(lambda: ask(server.port) == WELL, "the file to be used again")
        assert recorder.store.stats().messages == 2


def test_a_store_that_is_behind(kept, monkeypatch):
    with kept(settle=0.01) as (server, recorder), RawClient(server.port, nick="ala") as ala:
        append, go_on = recorder._store.append, threading.Event()

        def slow(records):
            go_on.wait(20)
            append(records)

        with monkeypatch.context() as broken:
            broken.setattr(recorder._store, "append", slow)
            try:
                say(ala, "hello")
                assert ask(server.port) == failing("the store is behind")
            finally:
                go_on.set()
        wait_until(lambda: ask(server.port) == WELL, "the store to catch up")


def test_a_store_that_hangs_holds_up_nobody(kept, monkeypatch):
    with kept(health=0.05, web_workers=2) as (server, recorder):
        assert ask(server.port) == WELL
        after, go_on = recorder._store.after, threading.Event()

        def hang(*arguments):
            go_on.wait(20)
            return after(*arguments)

        with monkeypatch.context() as broken:
            broken.setattr(recorder._store, "after", hang)
            try:
                for _ in range(4):  # more than there are threads for pages
                    assert ask(server.port) == failing("the store does not answer")
                assert fetch(server.port, "/").status == 200
            finally:
                go_on.set()
        wait_until(lambda: ask(server.port) == WELL, "the store to answer again")


def test_whoever_asks_meanwhile_gets_the_last_answer(kept, monkeypatch):
    with kept() as (server, recorder):
        health = server.server.health
        after, asked, go_on = recorder._store.after, threading.Event(), threading.Event()

        def hang(*arguments):
            asked.set()
            go_on.wait(20)
            raise StoreError("broken")

        monkeypatch.setattr(recorder._store, "after", hang)
        first = threading.Thread(target=health.trouble)
        first.start()
        assert asked.wait(20)
        assert health.trouble() == ""
        go_on.set()
        first.join()
        monkeypatch.setattr(recorder._store, "after", after)
        assert health._trouble == "the store does not work"
        assert health.trouble() == ""
