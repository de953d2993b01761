"""Who is not logged in: bounded in number and in time, over real sockets."""

import time
from functools import partial

import pytest

from chat import PATIENCE, RawClient
from chatd.limits import Limits
from chatd.testing import running_server
from racing import at_once

FULL = "ERROR the server is full, try again later"
DOOR = "ERROR too many connections are not logged in, try again later"


def at_the_door(client):
    """Make sure that the server knows of the client, which has not logged in."""
    assert client.ask("LIST") == "ERROR log in first"


def test_connections_at_the_door_have_a_bound_of_their_own(engine):
    """D-4, R-15: one too many is told so; users do not count, and a login makes room."""
    with (
        running_server(engine=engine, limits=Limits(door=2)) as server,
        RawClient(server.port, nick="ala") as ala,
        RawClient(server.port) as first,
        RawClient(server.port) as second,
    ):
        at_the_door(first)
        at_the_door(second)
        with RawClient(server.port) as third:
            assert third.line() == DOOR
            assert third.line() is None
        first.login("ola")
        with RawClient(server.port) as third:
            at_the_door(third)
            with RawClient(server.port) as fourth:
                assert fourth.line() == DOOR
                assert fourth.line() is None
        assert ala.ask("LIST") == "USERS ala ola"


def test_the_door_does_not_count_as_clients(engine):
    """D-4, R-15: the maximum counts registered users only, however many wait."""
    with (
        running_server(engine=engine, limits=Limits(clients=1)) as server,
        RawClient(server.port) as one,
        RawClient(server.port) as two,
        RawClient(server.port) as three,
    ):
        for client in (one, two, three):
            at_the_door(client)
        two.login("ala")
        assert one.ask("LOGIN ola") == FULL
        assert one.line() is None
        assert two.ask("QUIT") is None
        assert three.ask("LOGIN eva") == "OK"


def test_the_maximum_holds_when_many_come_at_once(engine):
    """D-4, R-15: of twelve simultaneous logins exactly three succeed where three may."""
    with running_server(engine=engine, limits=Limits(clients=3)) as server:
        clients = [RawClient(server.port) for _ in range(12)]
        logins = (partial(one.ask, f"LOGIN user{n}") for n, one in enumerate(clients))
        answers = at_once(*logins)
        for client in clients:
            client.close()
    assert sorted(answers) == [FULL] * 9 + ["OK"] * 3


@pytest.mark.parametrize(
    "drip", [b"", b"x", b"LIST\r\n", b"\r\n"], ids=["idle", "x", "LIST", "empty"]
)
def test_the_time_at_the_door_is_bounded(engine, drip):
    """D-4, D-8: it counts from the connection, whatever is sent; one ERROR, then the end."""
    # The quiet, or else an x that stays alone is a message.
    limits = Limits(login=0.2, door_lines=10**6, quiet=PATIENCE)
    with running_server(engine=engine, limits=limits) as server:
        begin = time.monotonic()
        with RawClient(server.port) as eva:
            received = drip_until_closed(eva.sock, drip)
        assert 0.2 <= time.monotonic() - begin < 5
    *before, last, rest = received.split(b"\r\n")
    assert (last, rest) == (b"ERROR no login within 0.2 seconds", b"")
    assert set(before) <= {b"ERROR log in first"}


def drip_until_closed(sock, drip):
    """Send drip again and again, as fast as nothing comes; return all that came."""
    received = b""
    sock.settimeout(0.02)
    while True:
        try:
            data = sock.recv(1000)
        except TimeoutError:
            data = None
        if data == b"":
            return received
        received += data or b""
        sock.sendall(drip)
