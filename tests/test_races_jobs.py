"""Commands that block on a server: their outcome comes whenever they end, and in order."""

import sys

import pytest

from chat import wait_until
from chatd.session import Session
from chatd.testing import running_server
from racing import people

BLOCKING = '''
import threading
from chatd import Command, CommandError, hookimpl

GO = threading.Semaphore(0)

def fail(ctx) -> None:
    """Fail at once."""
    raise CommandError("failed", "it failed")

def wait(ctx) -> None:
    """Fail when somebody says go."""
    GO.acquire(timeout=10)
    raise CommandError("failed", "it failed after a while")

def go(ctx) -> None:
    """Say go."""
    GO.release()

@hookimpl
def register_commands():
    return [
        Command("fail", fail, blocks=True),
        Command("wait", wait, blocks=True),
        Command("go", go),
    ]
'''


@pytest.fixture
def blocking(tmp_path):
    (tmp_path / "blocking.py").write_text(BLOCKING, encoding="utf-8")
    return tmp_path


def test_the_outcome_of_a_job_comes_though_nothing_more_is_sent(engine, blocking, restless):
    with running_server(engine=engine, plugins_dir=blocking) as server:
        with people(server, "ala", "ola") as (ala, ola):
            for client in (ala, ola):
                client.sock.settimeout(5)
            for _ in range(100):
                assert ala.ask("FAIL") == "ERROR it failed"
            ala.send("WAIT")
            ola.send("GO")
            assert ala.line() == "ERROR it failed after a while"


def test_a_job_may_end_just_before_its_reader_looks_whether_it_has(engine, blocking, monkeypatch):
    receive = Session.receive

    def receive_and_let_the_job_end(session, data):
        receive(session, data)
        if job := session._job:
            sys.modules["chatd_dropin_blocking"].GO.release()
            wait_until(lambda: job.done)

    monkeypatch.setattr(Session, "receive", receive_and_let_the_job_end)
    with running_server(engine=engine, plugins_dir=blocking) as server:
        with people(server, "ala") as (ala,):
            ala.sock.settimeout(5)
            assert ala.ask("WAIT") == "ERROR it failed after a while"


def test_what_was_sent_behind_a_job_is_carried_out_after_it(engine, blocking, restless):
    with running_server(engine=engine, plugins_dir=blocking) as server:
        with people(server, "ala", "ola") as (ala, ola):
            for client in (ala, ola):
                client.sock.settimeout(5)
            for _ in range(50):
                assert ala.ask(b"FAIL\r\nLIST\r\n") == "ERROR it failed"
                assert ala.line() == "USERS ala ola"
            ala.send(b"WAIT\r\nPUB later\r\n")
            assert ola.ask("LIST") == "USERS ala ola"
            ola.send("GO")
            assert ala.line() == "ERROR it failed after a while"
            assert ola.line() == "PUB_MSG later"
