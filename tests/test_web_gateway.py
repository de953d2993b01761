"""What the application is told of a request, and that whatever it answers is safe."""

import threading
from unittest.mock import Mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatd.admins import make_admins
from chatd.dialects import Setting, web
from chatd.dialects.web import Web
from chatd.events import Fetch, WireError
from chatd.limits import Limits
from chatd.mistakes import mistakes
from chatd.web.app import make_app
from chatd.web.gateway import Gateway
from webtalk import (
    Browser,
    WebMemory,
    assert_refused,
    assert_safe,
    read_response,
    request,
    web_server,
)

# -- the gateway -----------------------------------------------------------------------------------


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


# -- the application -------------------------------------------------------------------------------


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
