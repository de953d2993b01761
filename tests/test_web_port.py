"""Who comes by which port: all by the first, browsers alone by that of the web."""

from contextlib import ExitStack

import pytest

from chat import RawClient, wait_until
from chatd.config import Listen
from chatd.events import Disconnected
from chatd.limits import Limits
from chatd.taps import Tap
from webtalk import Browser, assert_refused, frame, handshake, request, web_server


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_everybody_comes_by_one_port(engine, certificate, authority, host, secure):
    """S2-21: crlf, json, pages and WebSockets, at the same time; each in its own form."""
    tls = authority.trust if secure else None
    settings = {"tls_cert": certificate.both, "tls_key": certificate.both} if secure else {}
    with web_server(engine=engine, **settings) as server, ExitStack() as stack:

        def connect(kind):
            return stack.enter_context(kind(server.port, host, tls=tls))

        crlf, json, page, getter, poster = map(
            connect, (RawClient, RawClient, Browser, Browser, Browser)
        )
        json.end = b"\n"
        for byte in request():  # a head byte by byte, before all else
            getter.send(bytes([byte]))
        crlf.login("ala")
        json.send('{"type":"set-name","data":"bob"}')
        while "renamed to bob" not in json.line():
            pass
        page.open_socket()
        assert page.ask_page("set-name", "eva")["event"] == "entered"
        response = getter.response()
        assert response.status == 200
        assert response.text.startswith("<!doctype html>")
        poster.send(request("/", "POST", b"LOGIN evil\r\n") + request())
        assert poster.response().status == 405
        assert poster.response().status == 200
        crlf.send("PUB hello")
        while "hello" not in json.line():
            pass
        while (message := page.message())["event"] != "said":
            pass
        assert (message["source"], message["message"]) == ("ala", "hello")
        page.send(frame('{"type":"users"}'))
        assert page.message()["users"] == ["ala", "bob", "eva"]
        assert getter.get().status == 200


def test_a_port_of_its_own(engine):
    """R-30: --web is for browsers alone, who are told by HTTP that there is no place for them."""
    seen = []
    limits = Limits(per_address=2)
    listen = (Listen("web", "127.0.0.1"),)
    settings = {"engine": engine, "listen": listen, "limits": limits, "exempt": ()}
    with web_server(taps=(Tap(seen.append),), **settings) as server:
        port = server.ports["web"]
        with Browser(port) as browser, RawClient(port) as stranger:
            assert browser.get().status == 200
            with Browser(port) as third:
                assert_refused(third.rest(), 503)
            stranger.send("LOGIN evil")
            assert stranger.rest() == b""
        wait_until(lambda: sum(isinstance(e, Disconnected) for e in list(seen)) == 2)
    assert "speaks no HTTP" in [event.reason for event in seen if isinstance(event, Disconnected)]


def test_an_upgrade_behind_other_requests(engine):
    """By a connection that is kept alive, with a message in the same packet."""
    with web_server(engine=engine) as server, Browser(server.port) as browser:
        message = frame('{"type":"set-name","data":"ala"}') + frame(
            '{"type":"message","data":"hi"}'
        )
        browser.send(request() + request("/nothing") + handshake() + message)
        assert browser.response().status == 200
        assert browser.response().status == 404
        assert browser.response().status == 101
        assert browser.message()["event"] == "entered"
        assert browser.message()["message"] == "hi"
