"""Many who come: too slowly, too often, more than there are descriptors. The others chat on."""

import errno
import os
import select
import socket
import threading
import time

import pytest

from chat import PATIENCE, LineClient, RawClient, wait_until
from chatd.addresses import Addresses
from chatd.config import Listen
from chatd.engines import ACCEPT_PAUSE
from chatd.events import Warned
from chatd.limits import Limits
from chatd.taps import Tap
from chatd.testing import running_server
from clients import chat_server
from conversation import PEERS
from fakes import Clock

OFTEN = "too many new connections from your address, try again in a minute"

# -- who does not log in ---------------------------------------------------------------------------

LATE = {
    "crlf": "ERROR no login within 0.2 seconds\r\n",
    "slash": "no login within 0.4 seconds\n",
    "words": "[ServerMessage] - no login within 0.4 seconds\n",
    "rooms": "no login within 0.2 seconds\n",
}


def test_slow_logins(engine):
    """R-01: twenty who say nothing, and twenty who say a little now and then."""
    assert (Limits().login, Limits().login_typed) == (30.0, 120.0)
    listen = tuple(Listen(dialect, "127.0.0.1", quiet=60.0) for dialect in LATE)
    limits = Limits(login=0.2, login_typed=0.4)
    with running_server(engine=engine, listen=listen, limits=limits) as server:
        with RawClient(server.port, nick="ala") as ala:
            dialects = {LineClient(server.ports[dialect]): dialect for dialect in list(LATE) * 10}
            clients = list(dialects)
            told = drip_until_closed([one.sock for one in clients], len(clients) // 2)
            for client, data in zip(clients, told, strict=True):
                assert data.decode().endswith(LATE[dialects[client]])
                client.close()
            assert ala.ask("LIST") == "USERS ala"


def drip_until_closed(socks, dripping):
    """Read from all to the end; some send a byte of a line whenever nothing comes."""
    told, here = {sock: b"" for sock in socks}, set(socks)
    deadline = time.monotonic() + PATIENCE
    while here:
        assert time.monotonic() < deadline
        readable, _, _ = select.select(here, [], [], 0.02)
        for sock in readable:
            data = sock.recv(1000)
            told[sock] += data
            if not data:
                here.remove(sock)
        for sock in here.intersection(socks[:dripping]).difference(readable):
            sock.sendall(b"x")
    return told.values()


# -- a storm ---------------------------------------------------------------------------------------


def test_a_storm(engine, monkeypatch):
    """R-13: who comes too often is told so in any dialect, and costs neither thread nor session."""
    limits = Limits(arrivals=5)
    with chat_server(engine=engine, limits=limits, exempt=()) as server:
        with RawClient(server.port, "::1", nick="ala") as ala:
            with RawClient(server.port, "::1", nick="ola") as ola:
                for _ in range(5):
                    with RawClient(server.port) as eve:
                        assert eve.ask("WHOAMI") == "ERROR log in first"
                wait_until(lambda: len(server.server._engine.sessions) == 2, "the others' end")
                monkeypatch.setattr(server.server, "session", None)
                threads = threading.active_count()
                for dialect in list(PEERS) * 10:
                    with LineClient(server.ports[dialect]) as eve:
                        assert OFTEN.encode() in eve.rest()
                assert threading.active_count() == threads
                ala.send("PUB hello")
                assert ola.line() == "PUB_MSG hello"


def test_five_a_second_may_come():
    """R-13: that is the bound."""
    clock = Clock()
    addresses = Addresses(Limits(per_address=1000), clock=clock)
    assert [addresses.enter("192.0.2.7:1") for _ in range(301)] == [None] * 300 + [OFTEN]
    clock.pass_by(30.0)
    assert [addresses.enter("192.0.2.7:1") for _ in range(151)] == [None] * 150 + [OFTEN]


# -- the system's bounds ---------------------------------------------------------------------------

EXHAUSTED = [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM]


@pytest.fixture
def failing(monkeypatch):
    """Errors of the next calls of accept."""
    errors = []
    accept = socket.socket.accept

    def fail(sock):
        if errors:
            raise OSError(number := errors.pop(), os.strerror(number))
        return accept(sock)

    monkeypatch.setattr(socket.socket, "accept", fail)
    return errors


def test_whatever_accept_says_the_next_one_comes_in(engine, failing):
    """R-14: the operator is told of each reason; who was gone again is none."""
    warned = []
    tap = Tap(lambda event: isinstance(event, Warned) and warned.append(event.text))
    with running_server(engine=engine, taps=(tap,)) as server:
        for number in (*EXHAUSTED, errno.ECONNABORTED):
            failing += [number] * 2
            with RawClient(server.port, nick="ala") as ala:
                assert ala.ask("LIST") == "USERS ala"
            assert not failing
    assert warned == [f"cannot accept: {os.strerror(number)}" for number in EXHAUSTED]


def test_accept_is_not_tried_all_the_time(engine, failing):
    """R-14: after each pause once, and once more with the descriptor that is kept back."""
    with running_server(engine=engine) as server:
        failing += [errno.EMFILE] * 10
        start = time.monotonic()
        with RawClient(server.port, nick="ala"):
            assert not failing
            assert time.monotonic() - start >= 5 * ACCEPT_PAUSE


def test_a_warning_is_given_once_a_minute(monkeypatch):
    """R-14: of each reason."""
    clock, warned = Clock(), []
    with running_server(taps=(Tap(warned.append),)) as server:
        monkeypatch.setattr(server.server, "clock", clock)
        for seconds in (0.0, 59.0, 1.0, 1.0):
            clock.pass_by(seconds)
            server.server.warn("cannot accept")
    assert [event for event in warned if isinstance(event, Warned)] == [Warned("cannot accept")] * 2
