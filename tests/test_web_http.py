"""HTTP: requests are cut from the stream, strictly, and each has one answer, in order."""

import threading
from contextlib import ExitStack
from unittest.mock import Mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat import RawClient, wait_until
from chatd.admins import make_admins
from chatd.config import Listen
from chatd.dialects import Setting, web
from chatd.dialects.web import Web
from chatd.events import CommandError, Disconnected, Fetch, WireError
from chatd.flood import Pace
from chatd.limits import Limits
from chatd.mistakes import mistakes
from chatd.taps import Tap
from chatd.web.app import make_app
from chatd.web.gateway import Gateway
from fakes import Pool
from webtalk import (
    Browser,
    WebMemory,
    assert_refused,
    assert_safe,
    frame,
    handshake,
    read_response,
    request,
    web_server,
)


def bodies(data):
    """The bodies of all responses in data."""
    found = []
    while data:
        response, data = read_response(data)
        assert response.status == 200
        found.append(response.text)
    return found


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


# -- bounds ----------------------------------------------------------------------------------------


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


# -- cheroot in memory -----------------------------------------------------------------------------


def echo(environ, start_response):
    """A WSGI application that tells what it was asked."""
    names = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "REMOTE_ADDR", "wsgi.url_scheme")
    told = " ".join([*map(environ.get, names), environ["wsgi.input"].read().decode()])
    start_response("200 OK", [("Content-Length", str(len(told)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [told.encode()]


ECHO = Gateway(echo)


def ask(raw, address="192.0.2.7:4321", encrypted=False):
    """Ask the echo; give the response, and whether more may follow."""
    data, again = ECHO.answer(raw, address, encrypted)
    response, rest = read_response(data, raw.split()[0].decode())
    assert rest == b""
    return response, again


def test_what_an_application_is_told():
    assert ask(request("/a?b=c"))[0].text == "GET /a b=c 192.0.2.7 http "
    assert ask(request("/a%20b", "POST", b"body"))[0].text == "POST /a b  192.0.2.7 http body"
    assert ask(request(), "[2001:db8::7]:4321", True)[0].text == "GET /  2001:db8::7 https "


@pytest.mark.parametrize(
    ("raw", "again"),
    [
        (request(), True),
        (request("/", "POST", b"body"), True),
        (request(Connection="close"), False),
        (request(version="1.0"), False),
        (request(version="1.0", Connection="Keep-Alive"), True),
    ],
)
def test_whether_a_connection_goes_on(raw, again):
    response, goes_on = ask(raw)
    assert (response.status, goes_on) == (200, again)
    assert response.headers.get("Keep-Alive") in (None, "timeout=3")
    assert response.version == 11


def test_a_head_has_no_body():
    response, again = ask(request(method="HEAD"))
    assert response.text == ""
    assert int(response.headers["Content-Length"]) > 0
    assert again


def test_a_body_that_was_announced_may_be_waited_for():
    """Then all of it is there, and the leave to send it costs nothing."""
    data, _ = ECHO.answer(
        request("/", "POST", b"body", Expect="100-continue"), "192.0.2.7:1", False
    )
    assert data.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_an_application_that_fails(caplog):
    """R-31: cheroot's answer has a policy, too, and our log its words; the connection ends."""

    def fails(environ, start_response):
        raise ValueError("on purpose")

    data, again = Gateway(fails).answer(request(), "192.0.2.7:1", False)
    assert_refused(data, 500)
    assert not again
    assert "on purpose" in caplog.text


def test_the_server_within_is_never_started():
    before = threading.active_count()
    gateway = Gateway(echo)
    assert getattr(gateway._server, "socket", None) is None
    assert threading.active_count() == before


WORDS = st.text("abc/.%?&=:@;[]\\'\"~+,!$*()-_ \t\xe9\x01#", max_size=12)


@given(
    target=WORDS, name=st.sampled_from(["A", "Cookie", "Expect", "Connection", "A_B"]), value=WORDS
)
@example("/%", "A", "b")
@example("/[", "A", "b")
def test_what_is_let_through_is_answered_by_the_application(target, name, value):
    """cheroot, which has answers of its own, finds nothing to refuse."""
    end = Web(WebMemory().connect().session._dialect.setting)
    end.feed(request(f"/{target}", **{name: value}))
    try:
        fetch = end.next_request()
    except WireError:
        return
    assert isinstance(fetch, Fetch)
    data, _ = ECHO.answer(fetch.raw, "192.0.2.7:1", False)
    assert b"HTTP/1.1 200 OK" in data


def test_a_page_of_the_application_that_fails():
    """The client has an answer with all headers, and the mistake is counted."""
    app = make_app(Mock(), Mock(), Mock())
    app.add_url_rule("/fails", "fails", lambda: 1 / 0)
    before = mistakes()
    response = read_response(Gateway(app).answer(request("/fails"), "192.0.2.7:1", False)[0])[0]
    assert response.status == 500
    assert_safe(response)
    assert mistakes() == before + 1


NEVER = "Thu, 01 Jan 99999999999999999999 00:00:00 GMT"
NOWHERE = "Thu, 01 Jan 2026 00:00:00 +99999999999999999999"
ODD = st.sampled_from([NEVER, NOWHERE, '"x"', "bytes=0-1", "[::1", "multipart/form-data"]) | WORDS
DATES = ("If_Modified_Since", "If_Unmodified_Since", "If_Range")
NAMES = (*DATES, "Range", "If_None_Match", "Host", "Cookie", "Content_Type", "Origin", "Accept")


@pytest.fixture(scope="module")
def site():
    with web_server(admins=make_admins(["root"], "open sesame")) as server:
        yield server.server._dispatcher.fetcher._pages


@given(
    target=st.sampled_from(["/", "/static/app.css", "/static/%ff", "/metrics", "/admin"]) | WORDS,
    method=st.sampled_from(["GET", "POST"]),
    body=st.binary(max_size=40) | st.just(b"name=%00&secret=%ed%a0%80"),
    fields=st.dictionaries(st.sampled_from(NAMES), ODD, max_size=3),
)
@example("/", "GET", b"", {"If_Modified_Since": NEVER})
@example("/", "GET", b"", {"If_Modified_Since": NOWHERE})
@example("/", "GET", b"", {"If_Unmodified_Since": NEVER})
@example("/", "GET", b"", {"If_Range": NEVER, "Range": "bytes=0-1"})
def test_no_request_alone_makes_a_mistake(site, target, method, body, fields):
    """R-31: whatever it says, there is an answer with a policy, and nothing is our mistake."""
    before = mistakes()
    path = target if target.startswith("/") else f"/{target}"
    end = Web(Setting(Limits()))
    end.feed(request(path, method, body, **fields))
    try:
        fetch = end.next_request()
    except WireError:
        return
    if isinstance(fetch, Fetch):
        response = read_response(site.answer(fetch.raw, "127.0.0.1:1", False)[0])[0]
        assert response.status != 500
        assert response.headers.get_all("Content-Security-Policy") == [web.POLICY]
        assert mistakes() == before


# -- over sockets ----------------------------------------------------------------------------------


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


def test_responses_of_the_application(engine):
    """R-31: whatever the answer, it says what a page may do."""
    with web_server(engine=engine) as server, Browser(server.port) as browser:
        response = browser.get()
        assert response.status == 200
        assert_safe(response)
        length = response.headers["Content-Length"]
        tag = response.headers["ETag"]
        assert response.headers["Cache-Control"] == "no-cache"
        for answer, status, size in (
            (browser.get(method="HEAD"), 200, 0),
            (browser.get(If_None_Match=tag), 304, 0),
            (browser.get("/nothing"), 404, None),
            (browser.get("/static/../app.py"), 404, None),
            (browser.get("/static/%2e%2e/app.py"), 404, None),
            (browser.get(method="POST"), 405, None),
            (browser.get("/static/app.css"), 200, None),
        ):
            assert answer.status == status
            assert_safe(answer)
            assert size is None or len(answer.body) == size
        assert browser.get(method="HEAD").headers["Content-Length"] == length
        assert int(length) == len(response.body)
        browser.send(request(Connection="close") + request())
        assert browser.response().headers["Connection"] == "close"
        assert browser.rest() == b""
        with Browser(server.port) as old:
            old.send(request(version="1.0", Host=None))
            assert old.response().status == 200
            assert old.rest() == b""


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
