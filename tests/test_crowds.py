"""How much of the server one address can take, and what the others feel of it: nothing."""

import socket
import subprocess
import sys
from contextlib import ExitStack
from ipaddress import ip_network

import pytest

from chat import PATIENCE, LineClient, RawClient, reset, wait_until
from chatd.addresses import Addresses
from chatd.config import Listen
from chatd.flood import Pace
from chatd.limits import Limits
from chatd.networks import LOOPBACK
from chatd.testing import running_server
from fakes import Clock

FULL = "too many connections from your address, close one of them"
OFTEN = "too many new connections from your address, try again in a minute"
PACE = Pace(10, 2.0)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def addresses(clock):
    return Addresses(Limits(per_address=3, arrivals=60), PACE, clock=clock)


# -- the books -------------------------------------------------------------------------------------


def test_so_many_at_a_time(addresses):
    assert [addresses.enter(f"192.0.2.7:{port}") for port in range(4)] == [None] * 3 + [FULL]
    assert addresses.enter("192.0.2.8:1") is None
    addresses.leave("192.0.2.7:0")
    assert addresses.enter("192.0.2.7:5") is None
    assert addresses.enter("192.0.2.7:6") == FULL


def test_so_many_a_minute(addresses, clock):
    """R-13: who goes on trying does not wait for longer."""

    def come_and_go():
        refused = addresses.enter("192.0.2.7:1")
        if refused is None:
            addresses.leave("192.0.2.7:1")
        return refused

    assert [come_and_go() for _ in range(61)] == [None] * 60 + [OFTEN]
    for _ in range(1000):  # who is refused is not refused for longer
        assert come_and_go() == OFTEN
    clock.pass_by(1.0)
    assert [come_and_go() for _ in range(2)] == [None, OFTEN]
    clock.pass_by(60.0)
    assert [come_and_go() for _ in range(61)] == [None] * 60 + [OFTEN]


@pytest.mark.parametrize("address", ["127.0.0.1:5", "127.8.8.8:5", "[::1]:5"])
def test_this_machine_is_exempt(addresses, address):
    assert [addresses.enter(address) for _ in range(100)] == [None] * 100


def test_networks_can_be_exempt(clock):
    networks = [ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")]
    addresses = Addresses(Limits(per_address=1), exempt=networks, clock=clock)
    for free in ("192.0.2.7:1", "[2001:db8::7]:1"):
        assert [addresses.enter(free) for _ in range(3)] == [None] * 3
    for bound in ("192.0.3.7:1", "[2001:db9::7]:1", "127.0.0.1:1"):
        assert [addresses.enter(bound) for _ in range(2)] == [None, FULL]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("[2001:db8::1]:5", "[2001:db8::ffff:1]:6", True),
        ("[2001:db8::1]:5", "[2001:db8:0:1::1]:5", False),
        ("[fe80::1%eth0]:5", "[fe80::2%eth0]:5", True),
        ("192.0.2.7:5", "192.0.2.7:6", True),
        ("192.0.2.7:5", "192.0.2.70:5", False),
    ],
)
def test_who_shares_with_whom(addresses, one, other, same):
    addresses.enter(one)
    addresses.enter(other)
    assert len(addresses) == (1 if same else 2)


def test_more_connections_do_not_make_more_requests(addresses, clock):
    """R-16: they share a pace."""
    crowd = [addresses.flow(f"192.0.2.7:{port}") for port in range(1, 21)]
    free = [flow for flow in crowd * 10 if not flow.take(clock.now)]
    assert len(free) == 49  # the fiftieth is carried out, too; what follows it waits
    assert addresses.flow("192.0.2.8:1").take(clock.now) == 0.0
    assert addresses.flow("192.0.2.7:99").take(clock.now) > clock.now
    clock.pass_by(60.0)
    assert addresses.flow("192.0.2.7:99").take(clock.now) == 0.0


def test_questions_about_the_past_are_shared_too(addresses, clock):
    """R-39: half as many at once, and a quarter as many a second; and none of it is forgotten."""
    crowd = [addresses.flow(f"192.0.2.7:{port}").past for port in range(1, 21)]
    assert len([flow for flow in crowd * 5 if not flow.take(clock.now)]) == 24
    clock.pass_by(4.0)
    assert len([flow for flow in crowd if not flow.take(clock.now)]) <= 10
    assert addresses.flow("192.0.2.8:1").past.take(clock.now) == 0.0
    addresses.tune(Limits(), Pace(20, 2.0), ())
    crowd = [addresses.flow(f"192.0.2.7:{port}").past for port in range(1, 21)]
    assert len([flow for flow in crowd * 5 if not flow.take(clock.now)]) == 49


def test_nobody_waits_long_because_of_neighbours(addresses, clock):
    for port in range(10_000):
        addresses.flow(f"192.0.2.7:{port}").take(clock.now)
    assert addresses.flow("192.0.2.7:1").take(clock.now) - clock.now <= 5.0


def test_who_comes_through_a_tunnel_shares_with_nobody(addresses, clock):
    for port in range(1000):
        addresses.flow(f"127.0.0.1:{port}").take(clock.now)
    assert addresses.flow("127.0.0.1:1").take(clock.now) == 0.0


def test_addresses_are_forgotten_unless_there_is_something_to_remember(addresses, clock):
    """R-17: of 20 000 a few are left."""
    for _ in range(3):
        addresses.enter("192.0.2.7:1")
    fast = addresses.flow("192.0.2.8:1")
    for number in range(20_000):
        address = f"10.{number // 40_000}.{number // 200}.{number % 200}:1"
        assert addresses.enter(address) is None
        addresses.leave(address)
        fast.take(clock.now)
        clock.pass_by(0.01)
    assert len(addresses) <= 3000
    assert addresses.enter("192.0.2.7:2") == FULL
    assert addresses.flow("192.0.2.8:2").take(clock.now) > clock.now


# -- servers ---------------------------------------------------------------------------------------


def test_the_fourth_is_told_and_sent_away(engine):
    limits = Limits(per_address=3)
    listen = (Listen("json", "127.0.0.1"),)
    settings = {"engine": engine, "limits": limits, "exempt": (), "listen": listen}
    with running_server(**settings) as server, ExitStack() as clients:
        here = [
            clients.enter_context(RawClient(server.port, nick=nick)) for nick in ("a", "b", "c")
        ]
        with RawClient(server.port) as eve:
            assert eve.line() == f"ERROR {FULL}"
            assert eve.line() is None
        with LineClient(server.ports["json"]) as eve:
            assert FULL in eve.line()
            assert eve.line() is None
        clients.enter_context(RawClient(server.port, "::1", nick="d"))
        here[0].send("PUB hello")
        assert here[1].line() == "PUB_MSG hello"
        here[0].close()
        wait_until(lambda: server.server.hub.is_free("a"), "the end of the first")
        clients.enter_context(RawClient(server.port, nick="e"))


def test_places_are_given_back_whatever_the_end(engine):
    """After a quit, a reset, a refused login, a shutdown of one side, and a drop."""
    limits = Limits(per_address=1, arrivals=10_000, login=0.05)
    with running_server(engine=engine, limits=limits, exempt=()) as server:

        def comes_in():
            with RawClient(server.port) as client:
                return client.ask("WHOAMI") == "ERROR log in first"

        for ending in ("close", "reset", "half", "late", "quit") * 4:
            wait_until(comes_in, "a place")
            wait_until(lambda: not server.server._engine.sessions, "the end")
            client = RawClient(server.port)
            if ending == "reset":
                reset(client)
            elif ending == "half":
                client.sock.shutdown(socket.SHUT_WR)
                client.rest()
            elif ending == "late":
                assert b"no login" in client.rest()
            elif ending == "quit":
                client.send("QUIT")
                client.rest()
            client.close()
        wait_until(comes_in, "a place")


def test_a_storm_of_one_address_keeps_nobody_else_out(engine):
    limits = Limits(arrivals=5)
    with running_server(engine=engine, limits=limits, exempt=()) as server:
        with RawClient(server.port, nick="ala") as ala:
            told = set()
            for _ in range(50):
                with RawClient(server.port) as eve:
                    told.add(eve.ask("WHOAMI"))
            assert told == {"ERROR log in first", f"ERROR {OFTEN}"}
            with RawClient(server.port, "::1", nick="bob") as bob:
                bob.send("PUB hello")
                assert ala.line() == "PUB_MSG hello"


@pytest.mark.parametrize("value", ["", "x", "300.1.1.1", "1.2.3.4/40"])
def test_a_network_that_is_none(value):
    line = [sys.executable, "-m", "chatd", "-p", "0", "--exempt", value]
    done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 2
    assert "is no network such as 192.168.0.0/16" in done.stderr


def test_this_machine_is_what_is_called_loopback():
    assert [str(network) for network in LOOPBACK] == ["127.0.0.0/8", "::1/128"]
