"""Whatever browsers are made to send: nothing becomes a command, and nobody else notices."""

import pytest

from chat import RawClient, wait_until
from chatd.config import Listen
from chatd.dialects.web import Web
from chatd.events import LoggedIn, Said
from chatd.flood import Pace
from chatd.limits import Limits
from webtalk import (
    CONT,
    PING,
    PONG,
    Browser,
    WebMemory,
    asking,
    assert_refused,
    assert_safe,
    frame,
    handshake,
    read_response,
    request,
    web_server,
)

# -- commands in requests --------------------------------------------------------------------------

COMMANDS = [
    "LOGIN evil\r\nPUB hi\r\n",
    '{"type":"message","data":"hi"}\n',
    "login evil\nmsgall hi\n",
]


@pytest.mark.parametrize("commands", COMMANDS, ids=["crlf", "json", "words"])
def test_nothing_in_a_request_is_a_command(commands):
    """R-30: neither in a head nor in a body, nor behind a request that was refused."""
    body = commands.encode()
    host = commands.replace("\r\n", "\n").strip()
    world = WebMemory()
    witness = world.page("eva")
    for data in (
        request("/", "POST", body),
        request("/", "POST", body, Content_Type="text/plain", Origin="http://evil.example"),
        request("/", "POST", body, Content_Length=0),
        request("/", "POST", body, Transfer_Encoding="chunked"),
        request(Host=host),
        request(f"/{host}"),
        request() + body,
        request("/", "OPTIONS") + body,
        b"GET " + body,
        handshake(Origin="http://evil.example") + frame(body),
        handshake(Upgrade="h2c") + body,
        handshake(Sec_WebSocket_Key="x") + frame(body),
    ):
        for size in (1, len(data)):
            client = world.connect()
            for start in range(0, len(data), size):
                client.send(data[start : start + size])
            client.stop_sending()
    with pytest.raises(TimeoutError):
        witness.receive()
    happened = [entry.event for entry in world.appended]
    assert [event.nick for event in happened if isinstance(event, LoggedIn)] == ["eva"]
    assert not [event for event in happened if isinstance(event, Said)]


def test_those_who_stay_at_the_door_with_http_keep_nobody_out_for_long():
    """R-30, R-15: they take its places, and for no longer than anybody."""
    with web_server(limits=Limits(door=3, login=0.5)) as server:
        idle = [Browser(server.port) for _ in range(3)]
        for browser in idle:
            browser.send("GET / HTTP/1.1")
        wait_until(lambda: server.server.hub.at_the_door == 3)
        with RawClient(server.port) as ala:
            assert ala.line() == "ERROR too many connections are not logged in, try again later"
        for browser in idle:
            assert_refused(browser.rest(), 408)
            browser.close()
        with RawClient(server.port, nick="ala") as ala:
            assert ala.ask("WHOAMI") == "WHOAMI ala"


# -- where pages are from --------------------------------------------------------------------------

FOREIGN = [
    "http://evil.example",
    "null",
    "",
    "http://",
    "http://chat.example.evil.example",
    "http://evilchat.example",
    "http://evil.example/chat.example",
    "http://chat.example@evil.example",
    "http://chat.example:80",
    "http://chat.example:5001",
    "http://chat.example/",
    "chat.example",
    "ftp://chat.example",
    "chrome-extension://chat.example",
    "http://chat.example http://evil.example",
]


@pytest.mark.parametrize("origin", FOREIGN)
def test_pages_of_other_sites_may_not_talk(origin):
    """R-32: 403, before the upgrade, whatever else is in order."""
    for settings in ({}, {"origins": frozenset({"https://friend.example"})}):
        for more in ({}, {"version": "1.0", "Host": None}, {"version": "1.0", "Host": ""}):
            world = WebMemory(**settings)
            hello = frame(asking("message", "hi"))
            assert_refused(world.say(handshake(Origin=origin, **more) + hello), 403)
            assert not [each for each in world.appended if isinstance(each.event, LoggedIn)]


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "http://chat.example",
        "HTTPS://Chat.Example",
        "https://friend.example",
        "http://F.example:81",
    ],
)
def test_our_own_pages_and_those_of_friends_may_talk(origin):
    """R-32: and programs, which name no origin, as at any other port."""
    friends = frozenset({"https://friend.example", "http://f.example:81"})
    world = WebMemory(origins=friends)
    data = handshake(Origin=origin, Host="Chat.example")
    assert read_response(world.say(data, False))[0].status == 101


def test_origins_on_an_engine(engine):
    """R-32: with ports in them, as browsers name them; also behind another request."""
    friend = "https://friend.example"
    with web_server(engine=engine, web_origins=frozenset({friend})) as server:
        host = f"127.0.0.1:{server.port}"
        for origin, status in (
            (f"http://{host}", 101),
            (friend, 101),
            ("http://127.0.0.1", 403),
            (f"http://localhost:{server.port}", 403),
        ):
            with Browser(server.port) as browser:
                assert browser.get(Origin=origin).status == 200
                browser.send(handshake(Host=host, Origin=origin))
                assert browser.response().status == status


def test_two_origins_are_none():
    """R-32: whichever of them would do."""
    data = handshake(Origin="http://chat.example", origin="http://evil.example")
    assert_refused(WebMemory().say(data), 400)


# -- bombs -----------------------------------------------------------------------------------------

PACE = Pace(10, 2.0)

FLOODS = {
    "fragments of a byte": frame("x", CONT, fin=False),
    "empty fragments": frame("", CONT, fin=False),
    "pings": frame("", PING),
    "long pings": frame("x" * 125, PING),
    "pongs": frame("", PONG),
}


def kept(session):
    """Bytes and frames that are kept of what somebody has sent, or for them."""
    socket = session._dialect._socket
    protocol = socket._protocol
    parts = (socket._held, socket._message, socket._frames, protocol.reader.buffer, protocol.writes)
    return sum(map(len, parts))


@pytest.mark.parametrize("what", FLOODS)
def test_frames_of_which_no_message_comes_wait_their_turn(what):
    """R-36: a KiB of them costs as much as a question; what is more is not even read."""
    world = WebMemory(pace=PACE)
    eva, page = world.page("eva"), world.page("ala")
    data = frame("", fin=False) * ("fragments" in what) + FLOODS[what] * 20_000
    sent = 0
    while page.session.can_read:
        page.send(data[sent : sent + 8192])
        sent += 8192
        assert kept(page.session) <= 32 * 1024
    assert sent <= 80 * 1024
    pongs = [payload for opcode, payload in page.frames() if opcode is PONG]
    assert len(pongs) * len(frame("", PING)) <= 40 * 1024
    assert eva.ask("message", "hi")[-1]["message"] == "hi"


def test_fragments_are_a_message_in_all():
    """R-36: however small, and though the last one never comes."""
    world = WebMemory({"limits.web_message": "2000", "limits.line": "1000"})
    page = world.page("ala")
    page.send(frame("x", fin=False) + frame("x", CONT, fin=False) * 1999)
    assert page.frames() == []
    assert kept(page.session) <= 2000
    page.send(frame("x", CONT, fin=False))
    assert page.farewell()[1] == 1009


@pytest.mark.parametrize("bomb", ["long pings", "empty fragments"])
def test_who_floods_and_does_not_read_is_noticed_by_nobody(engine, bomb):
    """R-36: over sockets, as much as goes in."""
    data = FLOODS[bomb] * 5000
    with web_server(engine=engine, flood=PACE) as server:
        with Browser(server.port, rcvbuf=4096) as bad, Browser(server.port) as page:
            bad.open_socket()
            assert bad.ask_page("set-name", "bad")["event"] == "entered"
            page.open_socket()
            page.ask_page("set-name", "ala")
            bad.send(frame("", fin=False))
            (session,) = [
                each
                for each in server.server._engine.sessions
                if server.server.hub.nick(each) == "bad"
            ]
            bad.sock.settimeout(0.1)
            with pytest.raises(TimeoutError):
                for _ in range(1000):
                    bad.sock.sendall(data)
            assert page.ask_page("message", "hi")["message"] == "hi"
            assert kept(session) <= 64 * 1024
            with RawClient(server.port, nick="bob") as bob:
                assert bob.ask("WHOAMI") == "WHOAMI bob"


# -- what pages may do -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/chat", "/static/app.css", "/%", "//", "/static/js"]
)
def test_whatever_is_asked_for_the_answer_says_what_a_page_may_do(path):
    """R-31: nothing but its own modules, in no frame, and nothing is taken for what it is not."""
    with web_server() as server, Browser(server.port) as browser:
        response = browser.get(path)
        assert_safe(response)
        policy = dict(
            each.split(" ", 1) for each in response.headers["Content-Security-Policy"].split("; ")
        )
        assert policy["default-src"] == "'none'"
        assert {policy[f"{kind}-src"] for kind in ("script", "style", "connect")} == {"'self'"}
        assert (
            policy["frame-ancestors"] == policy["base-uri"] == policy["trusted-types"] == "'none'"
        )
        assert policy["require-trusted-types-for"] == "'script'"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_the_web_port_is_one_dialect():
    """R-30: at a port of browsers alone nothing is heard but HTTP."""
    listen = (Listen("web", "127.0.0.1"),)
    with web_server(listen=listen) as server:
        for commands in COMMANDS:
            with RawClient(server.ports["web"]) as client:
                client.send(commands.encode())
                assert client.rest() == b""
        with RawClient(server.port, nick="evil"):
            pass
    assert not Web.typed
