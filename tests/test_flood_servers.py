"""Who floods a server waits; the others, and the end of the server, do not."""

import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from chat import LineClient, RawClient, chatd_process, reset, wait_until
from chatcli import Said, Told
from chatd.engines import LONGEST_PAUSE, Connection
from chatd.flood import Pace
from chatd.limits import Limits
from chatd.testing import running_server
from clients import chat_server, open_client, until
from sessions import slowed


def test_a_paste_on_a_server(engine):
    """R-16: it comes whole and in order, who pasted it hears why it takes time, others talk on."""
    with running_server(engine=engine, flood=Pace(10, 50.0)) as server:
        with RawClient(server.port, nick="ala") as ala, RawClient(server.port, nick="ola") as ola:
            ala.send("\r\n".join(f"PUB {n}" for n in range(60)))
            assert ala.line().startswith("NOTICE you are fast, ")
            ola.send("PUB hello")
            assert ala.line() == "PUB_MSG hello"
            assert [ola.line() for _ in range(60)] == [f"PUB_MSG {n}" for n in range(60)]


def test_a_flood_does_not_outlive_its_sender(engine):
    with running_server(engine=engine, flood=Pace(10, 0.1)) as server:
        with RawClient(server.port, nick="ala") as ala:
            ala.send("\r\n".join(f"PUB {n}" for n in range(60)))
            assert ala.line().startswith("NOTICE you are fast, ")
            reset(ala)
        wait_until(lambda: server.server.hub.is_free("ala"), "its nick")


def test_many_who_wait_cost_the_others_nothing(engine, monkeypatch):
    """They are looked at now and then, not whenever somebody else says something."""
    looked = []
    look = Connection.notice_hang_up
    monkeypatch.setattr(
        Connection, "notice_hang_up", lambda *given: looked.append(1) or look(*given)
    )
    limits = Limits(neighbours=100, door_lines=4000)
    with running_server(engine=engine, flood=Pace(250, 0.01), limits=limits) as server:
        with ExitStack() as crowd, RawClient(server.port, nick="ala") as ala:
            for _ in range(20):
                client = crowd.enter_context(RawClient(server.port))
                client.send("\r\n".join(["NONSENSE"] * 4000))
                while not client.line().startswith("NOTICE you are fast, "):
                    pass
            start, before = time.monotonic(), len(looked)
            for _ in range(500):
                ala.ask("WHOAMI")
            seconds = time.monotonic() - start
            assert len(looked) - before <= 20 * (seconds / LONGEST_PAUSE + 2)


def test_the_end_of_the_server_does_not_wait_for_a_flood(engine):
    with running_server(engine=engine, flood=Pace(10, 0.01)) as server:
        with RawClient(server.port, nick="ala") as ala:
            ala.send("\r\n".join(f"PUB {n}" for n in range(60)))
            assert ala.line().startswith("NOTICE you are fast, ")
            server.server.stop()
            assert ala.line() == "ERROR the server is shutting down"


def test_chatd_has_a_bound_by_default(tmp_path, monkeypatch):
    monkeypatch.delenv("CHATD_FLOOD")
    with chatd_process(tmp_path) as process, RawClient(process.port, nick="ala") as ala:
        ala.send("\r\n".join(["LOGIN ala"] * 12))
        assert [ala.line() for _ in range(9)] == ["OK"] * 9
        assert ala.line() == slowed(2)
        assert [ala.line() for _ in range(3)] == ["OK"] * 3


@pytest.mark.parametrize("value", ["", "10", "10/", "/2", "0/2", "10/0", "10/x", "on", "-1/2"])
def test_a_pace_that_is_none(value, tmp_path):
    line = [sys.executable, "-m", "chatd", "-p", "0", "--flood", value]
    done = subprocess.run(line, capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert "is neither `off` nor like 10/2" in done.stderr


def unread(client):
    """Bytes that the server's side of a connection has not taken yet."""
    ends = [f":{client.sock.getpeername()[1]:04X}", f":{client.sock.getsockname()[1]:04X}"]
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    lines += [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()]
    (queue,) = (f[4] for f in lines if [f[1][-5:], f[2][-5:]] == ends)
    return int(queue.partition(":")[2], 16)


@pytest.mark.parametrize("dialect", ["slash", "words", "rooms"])
def test_messages_without_an_end_do_not_run_together(engine, dialect):
    """What one recv brought is a message also while it waits: nothing private gets out."""
    # How many lines the server says first, and the answer.
    hello = {
        "slash": [(2, b"0"), (1, b"ala")],
        "words": [(0, b"login ala")],
        "rooms": [(0, b"ala")],
    }
    say = {"slash": "", "words": "msgall ", "rooms": "public General "}[dialect]
    tell = {"slash": "/tell ola ", "words": "msg ola ", "rooms": "private ola "}[dialect]
    with chat_server(engine=engine, flood=Pace(4, 5.0)) as server:
        with (
            open_client("threads", server.ports["json"], "ola") as ola,
            open_client("threads", server.ports["json"], "eve") as eve,
            LineClient(server.ports[dialect]) as ala,
        ):
            ala.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for lines, answer in hello.get(dialect, [(0, b"ala")]):
                for _ in range(lines):
                    ala.line()
                ala.send(answer)
            wait_until(lambda: "ala" in ola.users(), "ala")
            for number in range(5):
                ala.send(f"{say}{number}".encode())
                wait_until(lambda: unread(ala) == 0, "a recv that takes it alone")
            ala.send(f"{tell}the secret".encode())
            *_, told = until(ola, lambda event: isinstance(event, Told))
            assert told.text == "the secret"
            ola.say("over")
            heard = until(eve, lambda event: isinstance(event, Said) and event.text == "over")
            said = [event.text for event in heard if isinstance(event, Said)]
            assert said == ["0", "1", "2", "3", "4", "over"]
