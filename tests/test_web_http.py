"""HTTP: requests are cut from the stream, strictly, and each has one answer, in order."""

import pytest

from chatd.dialects import web
from chatd.dialects.web import Web
from fakes import Pool
from webtalk import WebMemory, assert_refused, bodies, read_response, request

# -- cutting ---------------------------------------------------------------------------------------

THREE = request("/1") + request("/2", "POST", b"GET /evil HTTP/1.1\r\n\r\n") + request("/3")
ANSWERS = ["GET /1 HTTP/1.1", "POST /2 HTTP/1.1", "GET /3 HTTP/1.1"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, len(THREE)])
def test_requests_in_pieces_are_answered_in_order(size):
    """R-30: a request within a body is none."""
    world = WebMemory()
    client = world.connect()
    for start in range(0, len(THREE), size):
        client.send(THREE[start : start + size])
    assert bodies(world.hear(client)) == ANSWERS
    assert b"".join(world.pages.asked) == THREE


@pytest.mark.parametrize("words", ["close", "Close", "TE, close"])
def test_who_wants_one_answer_gets_one(words):
    """R-30: however it is written; what follows is not looked at."""
    world = WebMemory()
    first = request(Connection=words)
    assert bodies(world.say(first + request())) == ["GET / HTTP/1.1"]
    assert world.pages.asked == [first]


def test_a_head_is_read_once(monkeypatch):
    """R-30: however slowly its body comes."""
    heads = []
    monkeypatch.setattr(
        web, "_parse", lambda raw, parse=web._parse: heads.append(raw) or parse(raw)
    )
    world = WebMemory()
    client = world.connect()
    for byte in request("/", "POST", b"x" * 500):
        client.send(bytes([byte]))
    assert bodies(world.hear(client)) == ["POST / HTTP/1.1"]
    assert len(heads) == 1


def test_empty_lines_between_requests_are_nothing():
    world = WebMemory(dialect=Web)
    data = b"\r\n" + request("/1") + b"\r\n\r\n" + request("/2")
    assert bodies(world.say(data, False)) == ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1"]


def test_a_request_waits_for_the_answer_before_it():
    """Though it is there, and its page is quick."""
    world = WebMemory()
    pool = world._dispatcher.fetcher._workers = Pool()
    client = world.connect()
    client.send(THREE)
    for number in range(3):
        assert client.session.waits
        assert len(world.pages.asked) == number
        pool.jobs.popleft().run()
        client.send(b"")
    assert not pool.jobs
    assert bodies(world.hear(client)) == ANSWERS


# -- what is refused -------------------------------------------------------------------------------

REFUSED = {
    "no request": (b"GET /\r\n\r\n", 400),
    "no version": (b"GET / HTTP\r\n\r\n", 400),
    "bare LF": (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    "bare LF within": (b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400),
    "bare CR": (b"GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", 400),
    "folded": (b"GET / HTTP/1.1\r\nHost: x\r\n y\r\n\r\n", 400),
    "space before colon": (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
    "no colon": (b"GET / HTTP/1.1\r\nHost: x\r\nLOGIN evil\r\n\r\n", 400),
    "NUL": (request(A="\0"), 400),
    "control character": (request(A="\x1b"), 400),
    "two spaces": (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "absolute": (request("http://chat.example/"), 400),
    "somebody else's": (request("//chat.example/"), 400),
    "part of a page": (request("/#x"), 400),
    "not ASCII": (request("/\xe9"), 400),
    "no host": (request(Host=None), 400),
    "two hosts": (request(host="x"), 400),
    "two lengths": (request("/", "POST", b"x", content_length=1), 400),
    "length and coding": (request("/", "POST", b"x", Transfer_Encoding="chunked"), 400),
    "coding": (request("/", "POST", Transfer_Encoding="gzip"), 400),
    "length with a sign": (request(Content_Length="+1"), 400),
    "negative length": (request(Content_Length="-1"), 400),
    "list of lengths": (request(Content_Length="0, 0"), 400),
    "no length": (request(Content_Length=""), 400),
    "other digits": (request(Content_Length="\xb2"), 400),
    "huge length": (request(Content_Length="9" * 20), 400),
    "large body": (request(Content_Length=16 * 1024 + 1), 413),
    "large head": (request(A="x" * 16 * 1024), 431),
    "endless head": (b"GET /" + b"x" * 16 * 1024, 431),
    "endless fields": (b"GET / HTTP/1.1\r\n" + b"A:\r\n" * 5000, 431),
    "later version": (request(version="2.0"), 505),
    "version that never was": (request(version="1.9"), 505),
    "other method": (request(method="GETS"), 501),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(what):
    """R-30: by one answer, at once, and nothing behind it is looked at."""
    data, status = REFUSED[what]
    world = WebMemory(dialect=Web)
    if what == "other method":  # else it is nobody for this port
        client = world.connect()
        client.send(request())
        world.hear(client)
        client.send(data + request())
        assert_refused(world.hear(client, True), status)
    else:
        assert_refused(world.say(data), status)
        assert_refused(world.say(data + request()), status)
    assert len(world.pages.asked) == (what == "other method")


@pytest.mark.parametrize("method", ["OPTIONS", "CONNECT", "PUT", "DELETE", "PATCH", "TRACE"])
def test_methods_that_nobody_needs(method):
    """R-30: at first they are a stranger's, as ever; behind a request they are refused."""
    world = WebMemory()
    assert world.say(request("/", method)) == b""
    client = world.connect()
    client.send(request() + request("/", method))
    answered = world.hear(client, True)
    assert_refused(read_response(answered)[1], 501)


def test_what_is_not_http_on_its_own_port():
    for data in (
        b"LOGIN evil\r\n",
        b'{"type":"users"}\n',
        b"\x16\x03\x01\x02\0\1\0\0",
        b"get / HTTP/1.1",
    ):
        assert WebMemory(dialect=Web).say(data) == b""


def test_a_server_without_pages_takes_requests_for_strangers():
    assert WebMemory(origins=None).say(request()) == b""
