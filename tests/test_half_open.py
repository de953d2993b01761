"""Peers that vanish without a word: a cable is pulled, a laptop loses its network."""

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import pytest

from chat import RawClient
from chatd.engines import KEEPALIVE
from chatd.events import LoggedOut
from chatd.taps import Tap
from chatd.testing import running_server


def test_two_minutes_of_silence_are_the_end(engine):
    """R-02: what the kernel is asked for on each engine: when the last probe is due, it is over."""
    idle, every, count, unsent = (
        KEEPALIVE[f"TCP_{name}"] for name in ("KEEPIDLE", "KEEPINTVL", "KEEPCNT", "USER_TIMEOUT")
    )
    assert idle + (count - 1) * every < unsent / 1000 < idle + count * every <= 120
    with running_server(engine=engine) as server, RawClient(server.port, nick="ala"):
        (session,) = server.server._engine.sessions
        sock = session._transport.sock
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        for name, value in KEEPALIVE.items():
            if hasattr(socket, name):
                assert sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value


CLIENT = """
import socket, sys
host, *ports = sys.argv[1:]
here = []
for port in ports:
    for nick in (b"idle", b"deaf"):
        here.append(socket.create_connection((host, int(port))))
        here[-1].sendall(b"LOGIN " + nick + b"\\n")
        assert here[-1].recv(100) == b"OK\\r\\n"
print("all in", flush=True)
sys.stdin.read()
"""


def ip(*words):
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


@contextmanager
def cable():
    """A network of its own at the other end of a cable: its name, and our address on the cable."""
    name, ours = f"chatd{os.getpid()}", f"cd{os.getpid()}"
    ip("netns", "add", name)
    try:
        ip("link", "add", ours, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("address", "add", "198.51.100.1/30", "dev", ours)
        ip("link", "set", ours, "up")
        ip("-n", name, "address", "add", "198.51.100.2/30", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        # Or the system would soon say itself that there is nobody.
        there = ip("-n", name, "-o", "link", "show", "eth0").split("link/ether ")[1].split()[0]
        ip("neighbour", "replace", "198.51.100.2", "lladdr", there, "dev", ours)
        yield name, "198.51.100.1"
    finally:
        ip("netns", "delete", name)  # and the cable with it


@contextmanager
def clients(network, host, ports):
    """Run a program in a network whose clients log in and say nothing more."""
    command = ["ip", "netns", "exec", network, sys.executable, "-c", CLIENT, host, *map(str, ports)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"all in\n"
            yield
        finally:
            process.kill()


@pytest.mark.soak
@pytest.mark.timeout(240)
@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to pull a cable")
def test_who_vanishes_is_gone_within_125_seconds():
    """R-02: on each engine; whether we only wait for it to speak or have something to say to it.

    So is one that is there and takes nothing, though it fits into the kernel's buffer.
    """
    engines = ("threads", "select", "asyncio")
    lost = ["deaf", "full", "idle"]
    left = {engine: [] for engine in engines}
    with cable() as (network, host), ExitStack() as stack:
        servers = [
            stack.enter_context(
                running_server(host="0.0.0.0", engine=engine, taps=(Tap(left[engine].append),))
            )
            for engine in engines
        ]
        stack.enter_context(clients(network, host, [one.port for one in servers]))
        start = time.monotonic()
        ip("-n", network, "link", "set", "eth0", "down")
        for server in servers:
            stack.enter_context(RawClient(server.port, nick="full", rcvbuf=4096))
            teller = stack.enter_context(RawClient(server.port, nick="ala"))
            for nick in ("deaf", *["full"] * 10):
                assert teller.ask(f"PRIV {nick} {'x' * 4000}") == "OK"
        gone = {}
        while len(gone) < len(lost) * len(engines):
            for engine in engines:
                for event in left[engine]:
                    if isinstance(event, LoggedOut):
                        gone.setdefault((engine, event.nick), time.monotonic() - start)
            assert time.monotonic() - start < 130, f"gone by now: {gone}"
            time.sleep(0.1)
        print("gone after", {key: round(seconds, 1) for key, seconds in gone.items()})
        assert all(server.server.hub.is_free(nick) for server in servers for nick in lost)
    for engine in engines:
        nicks = [event.nick for event in left[engine] if isinstance(event, LoggedOut)]
        assert sorted(nicks) == ["ala", *lost]
    assert max(gone.values()) < 125
