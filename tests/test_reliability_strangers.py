"""Clients that speak something else altogether: browsers, and TLS where there is none."""

import ssl

import pytest

from chat import RawClient, wait_until
from chatd.certificates import Certificate
from chatd.config import Listen
from chatd.dialects.crlf import Crlf
from chatd.events import Connected, Disconnected, LoggedIn, LoggedOut, Said
from chatd.layers import Tls
from chatd.taps import Tap
from chatd.testing import running_server
from fakes import World
from memory_world import MemoryWorld

METHODS = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"]

BODIES = {  # what logs in and says something, and what is seen of the server before it
    "auto": ("LOGIN evil\r\nPUB hi\r\n", b""),
    "crlf": ("LOGIN evil\r\nPUB hi\r\n", b""),
    "json": ('{"type":"message","data":"hi"}\n', b" has entered the chat"),
    "slash": ("1\nevil\nhi\n", b"Podaj numer swojej grupy laboratoryjnej: \n"),
    "words": ("login evil\nmsgall hi\n", b""),
    "rooms": ("evil\npublic General hi\n", b""),
}


def a_request(method, dialect, path="/"):
    """What a web page can have a browser send."""
    body = BODIES[dialect][0]
    head = f"{method} {path} HTTP/1.1\r\nHost: chat\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


def client_hello():
    """The first bytes of a client that speaks TLS."""
    tls = Tls(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "localhost")
    tls.feed(b"")
    return tls.take()


def happened(world, kind):
    return [entry.event for entry in world.appended if isinstance(entry.event, kind)]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dialect", BODIES)
def test_nothing_of_a_request_counts(dialect, method):
    """R-30, S3-17: in whatever pieces it comes, with white space in front, with a long address."""
    request = a_request(method, dialect)
    bytewise = [request[i : i + 1] for i in range(len(request))]
    long = a_request(method, dialect, "/" + "x" * 5000)
    for pieces in ([request], bytewise, [b"\r\n \r\n" + request], [long]):
        world = MemoryWorld({"dialect": dialect})
        client = world.connect()
        client.receive() if BODIES[dialect][1] else None
        for piece in pieces:
            client.send(piece)
        assert client.receive() == b""
        assert not happened(world, Said)
        assert [event.nick for event in happened(world, LoggedIn) if event.nick == "evil"] == []
        (end,) = happened(world, Disconnected | LoggedOut)
        assert end.reason == "speaks HTTP"


@pytest.mark.parametrize("dialect", BODIES)
def test_a_user_may_talk_of_methods(dialect):
    """R-30: only what comes first is looked at."""
    world = MemoryWorld({"dialect": dialect})
    client = world.connect()
    client.send(BODIES[dialect][0].encode())
    client.send(a_request("POST", dialect))
    assert happened(world, Said)
    assert not happened(world, Disconnected | LoggedOut)


@pytest.mark.parametrize("stranger", ["HTTP", "TLS"])
def test_a_stranger_is_closed_at_once_at_every_door(engine, stranger):
    """R-29, R-30: without a word, and the log says why."""
    seen = []
    listen = tuple(Listen(dialect, "127.0.0.1") for dialect in BODIES)
    with running_server(engine=engine, listen=listen, taps=(Tap(seen.append),)) as server:
        with RawClient(server.port, nick="ala") as ala:
            for dialect, (_, greeting) in BODIES.items():
                first = client_hello() if stranger == "TLS" else a_request("POST", dialect)
                with RawClient(server.ports[dialect]) as client:
                    client.send(first)
                    told = client.rest().rstrip(b'"}\n')
                    assert told.endswith(greeting.rstrip(b"\n"))
                    assert bool(told) == bool(greeting)
            assert ala.ask("LIST") == "USERS ala"
            ends = Disconnected | LoggedOut
            wait_until(lambda: sum(isinstance(e, ends) for e in list(seen)) == len(BODIES))
    ends = [e.reason for e in seen if isinstance(e, ends)]
    assert ends[: len(BODIES)] == [f"speaks {stranger}"] * len(BODIES)
    assert not [e for e in seen if isinstance(e, Said)]
    assert sum(isinstance(e, Connected) for e in seen) == len(BODIES) + 1


@pytest.mark.parametrize("tls", ["auto", "only"])
def test_a_request_within_tls_is_one_all_the_same(engine, certificate, authority, tls):
    """R-30: a browser trusts a server whose certificate is good, and sends it anything."""
    listen = Listen("crlf", "127.0.0.1", tls=tls)
    with running_server(engine=engine, tls_cert=certificate.both, listen=(listen,)) as server:
        with RawClient(server.ports["crlf"], tls=authority.trust) as browser:
            browser.send(a_request("POST", "crlf"))
            assert browser.rest() == b""
        with RawClient(server.port, nick="evil"):
            pass


def test_a_dialect_may_be_http():
    """Then it says so, and gets to hear it."""

    class Web(Crlf):
        def stranger(self, first):
            return ""

    client = World(dialect=Web).connect()
    assert client.ask("GET / HTTP/1.1") == ["ERROR unknown command get"]


def test_no_switch_to_tls_within_a_connection(engine, certificate):
    """R-28: what was said in clear can never become part of what is trusted."""
    with running_server(engine=engine, tls_cert=certificate.both) as server:
        with RawClient(server.port, nick="ala") as ala:
            assert ala.ask("STARTTLS") == "ERROR unknown command starttls"
            ala.send(client_hello() + b"\r\nWHOAMI\r\n")
            while (line := ala.line()) != "WHOAMI ala":
                assert line.startswith("ERROR ")


def test_what_is_offered_of_tls(certificate):
    """R-28: no renegotiation, and no cipher without forward secrecy and authentication."""
    context = Certificate(certificate.both).context
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION
    older = [c for c in context.get_ciphers() if c["protocol"] != "TLSv1.3"]
    assert older
    assert all(c["kea"] in ("kx-ecdhe", "kx-dhe") and c["strength_bits"] >= 128 for c in older)
