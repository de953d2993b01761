"""HTTP within bounds: of the time a request may take, of its pace, of the work behind it."""

import pytest

from chat import wait_until
from chatd.dialects.web import Web
from chatd.events import CommandError
from chatd.flood import Pace
from chatd.limits import Limits
from chatd.mistakes import mistakes
from fakes import Pool
from webtalk import Browser, WebMemory, assert_refused, bodies, read_response, request, web_server

# -- time ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begun", [b"GET / HT", request()[:-2], request(Content_Length=9) + b"x"])
def test_a_request_that_is_slow_meets_the_login_deadline(begun):
    """R-30: counted from the answer before, whatever comes; the place at the door is free then."""
    world = WebMemory()
    client = world.connect()
    world.later(5)
    client.send(request() + begun)
    read_response(world.hear(client))
    assert world.hub.at_the_door == 1
    for byte in b"A: b\r\n" * 4:
        world.later(1)
        client.send(bytes([byte]) if begun == b"GET / HT" else b"")
    assert world.hear(client) == b""
    world.later(6)
    assert_refused(world.hear(client, True), 408)
    assert world.hub.at_the_door == 0


def test_a_connection_has_requests_without_end():
    """R-30: what is counted at the door is counted anew behind each answer."""
    world = WebMemory()
    client = world.connect()
    for _ in range(60):
        client.send(request())
        assert bodies(world.hear(client)) == ["GET / HTTP/1.1"]
        world.later(1)


def test_a_connection_without_a_request_is_closed():
    """R-30: without a word, so that browsers take none of it for an answer."""
    world = WebMemory()
    pool = world._dispatcher.fetcher._workers = Pool()
    client = world.connect()
    client.send(request()[:-2])
    assert client.session.patience is None
    client.send(b"\r\n")
    assert client.session.patience is None
    pool.jobs[0].run()
    client.send(b"")
    assert client.session.patience == 3.0
    client.wait_until_taken()
    assert bodies(world.hear(client, True)) == ["GET / HTTP/1.1"]


def test_idle_connections_leave_an_engine(engine):
    """And whoever says something now and then does not."""
    with web_server(engine=engine, limits=Limits(web_idle=0.05)) as server:
        with Browser(server.port) as browser:
            assert browser.get().status == 200
            assert browser.rest() == b""
        wait_until(lambda: server.server.hub.at_the_door == 0)


# -- pace ------------------------------------------------------------------------------------------


def test_the_pace_of_all():
    """R-16: a request costs as much as a question: forty at once, and eight a second then."""
    world = WebMemory({"limits.door_lines": "100"}, pace=Pace(10, 2.0))
    client = world.connect()
    client.send(request() * 50)
    answered = len(bodies(world.hear(client)))
    assert 37 <= answered <= 40
    while answered < 50:
        world.now += 0.125
        client.send(b"")
        (answer,) = bodies(world.hear(client))
        answered += 1


# -- pages that do not come ------------------------------------------------------------------------


class _Full:
    def submit(self, work, give_up, done):
        raise CommandError("busy", "the server is busy, try again later")


def test_a_server_that_is_busy():
    world = WebMemory()
    world._dispatcher.fetcher._workers = _Full()
    assert_refused(world.say(request() + request()), 503)


def test_a_page_that_takes_too_long():
    """R-30: what is behind its request is not looked at."""
    world = WebMemory()
    pool = world._dispatcher.fetcher._workers = Pool()
    client = world.connect()
    client.send(request() + request())
    world.later(10)
    client.send(b"")
    assert_refused(world.hear(client, True), 503)
    pool.jobs[0]._work()  # its answer comes too late
    assert world.hear(client, True) == b""
    assert len(pool.jobs) == 1


def test_a_page_that_fails():
    world = WebMemory()
    world._dispatcher.fetcher._workers = pool = Pool()
    world.pages.answer = lambda *_: 1 / 0
    client = world.connect()
    client.send(request())
    before = mistakes()
    pool.jobs[0].run()
    client.send(b"")
    assert_refused(world.hear(client, True), 500)
    assert mistakes() == before + 1


def test_a_server_that_stops():
    world = WebMemory(dialect=Web)
    client = world.connect()
    world.finish()
    assert_refused(world.hear(client, True), 503)
