"""WebSocket: its handshake, its frames, its close codes, and clients that others wrote."""

import asyncio
import json

import pytest
import websockets
import websockets.sync.client
from websockets.frames import CloseCode

from chat import PATIENCE
from chatd.events import SERVER_STOPS, Disconnected, LoggedOut
from webtalk import (
    ACCEPTED,
    BINARY,
    CLOSE,
    CONT,
    KEY,
    PING,
    PONG,
    TEXT,
    Browser,
    MemoryPage,
    WebMemory,
    asking,
    assert_refused,
    frame,
    handshake,
    read_frames,
    read_response,
    request,
    web_server,
)

HI = frame(asking("message", "hi"))

# -- the handshake ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"Origin": "http://chat.example"},
        {"Origin": "https://chat.example"},
        {"Upgrade": "WebSocket", "Connection": "upgrade"},
        {"Sec_WebSocket_Protocol": "chat"},
        {"Sec_WebSocket_Extensions": "permessage-deflate; client_max_window_bits"},
        {"Content_Length": "0"},
    ],
    ids=str,
)
def test_a_good_handshake(fields):
    """W-01, R-36: is accepted as it is due, whatever is offered: no compression."""
    world = WebMemory()
    response, rest = read_response(world.say(handshake(**fields), False))
    assert (response.status, rest) == (101, b"")
    assert response.headers["Sec-WebSocket-Accept"].encode() == ACCEPTED
    assert not response.headers["Sec-WebSocket-Extensions"]
    assert not response.headers["Sec-WebSocket-Protocol"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"Sec_WebSocket_Version": "8"}, 426),
        ({"Sec_WebSocket_Version": None}, 426),
        ({"Upgrade": None}, 426),
        ({"Upgrade": "h2c"}, 426),
        ({"Connection": "keep-alive"}, 426),
        ({"Connection": None}, 426),
        ({"method": "POST"}, 426),
        ({"method": "HEAD"}, 426),
        ({"version": "1.0"}, 426),
        ({"version": "2.0"}, 505),
        ({"Sec_WebSocket_Key": None}, 400),
        ({"Sec_WebSocket_Key": "short"}, 400),
        ({"Sec_WebSocket_Key": "x" * 24}, 400),
        ({"sec_websocket_key": KEY}, 400),
        ({"Content_Length": "5"}, 400),
        ({"Transfer_Encoding": "chunked"}, 400),
        ({"Cookie": "x" * 9000}, 400),
        ({"Host": None}, 400),
    ],
    ids=str,
)
def test_a_bad_handshake(fields, status):
    """W-01: is refused as HTTP, and nothing behind it is taken for frames or requests."""
    world = WebMemory()
    response = assert_refused(world.say(handshake(**fields) + HI + request()), status)
    if status == 426:
        assert response.headers["Upgrade"] == "websocket"
        assert response.headers["Sec-WebSocket-Version"] == "13"
        assert "Upgrade" in response.headers["Connection"]
    assert world.pages.asked == []


def test_no_other_path_has_a_socket():
    world = WebMemory()
    for target in ("/", "/chat/", "/chat?x", "/CHAT"):
        response, _ = read_response(world.say(handshake(target), False))
        assert response.status == 200
    assert len(world.pages.asked) == 4


# -- frames ----------------------------------------------------------------------------------------

PARTS = [
    frame(asking("message", "hi")[:9], fin=False),
    frame(b"", CONT, fin=False),
    frame(b"between", PING),
    frame(asking("message", "hi")[9:], CONT),
]


@pytest.mark.parametrize("size", [1, 5, 10_000])
def test_fragments(size):
    """A ping between them is answered behind what they say together."""
    page = WebMemory().page("ala")
    data = b"".join(PARTS)
    for start in range(0, len(data), size):
        page.send(data[start : start + size])
    frames = page.frames()
    assert sorted(opcode for opcode, _ in frames) == [TEXT, PONG]
    assert dict(frames)[PONG] == b"between"
    assert json.loads(dict(frames)[TEXT])["data"]["message"] == "hi"


def test_frames_right_behind_the_handshake():
    """In the same packet, and cut anywhere."""
    data = handshake() + frame(asking("set-name", "ala")) + HI
    head = data.index(b"\r\n\r\n") + 4
    for cut in range(head - 4, len(data), 3):
        world = WebMemory()
        client = world.connect()
        client.send(data[:cut])
        client.send(data[cut:])
        told = list(read_frames(read_response(world.hear(client))[1]))
        assert [json.loads(payload)["data"]["message"] for _, payload in told] == [
            "ala has entered the chat",
            "hi",
        ]


@pytest.mark.parametrize("size", [4097, 64 * 1024])
def test_a_text_that_is_too_long(size):
    """R-05, W-10: is refused, in one piece or many, and the next one counts."""
    page = WebMemory().page("ala")
    text = b"x" * size
    pieces = [text[start : start + 1000] for start in range(0, size, 1000)]
    parts = [
        frame(piece, CONT if n else TEXT, n == len(pieces) - 1) for n, piece in enumerate(pieces)
    ]
    for data in (frame(text), b"".join(parts)):
        page.send(data)
        (failed,) = page.messages()
        assert (failed["event"], failed["code"]) == ("failed", "line-too-long")
        assert page.ask("message", "hi")[0]["message"] == "hi"


def test_the_longest_text():
    page = WebMemory().page("ala")
    text = "x" * (4096 - len(asking("message", "")))
    assert page.ask("message", text)[0]["message"] == text


def test_pings_are_answered_in_order():
    page = WebMemory().page("ala")
    page.send(frame(b"1", PING) + HI + frame(b"2", PING) + frame(b"", PONG))
    assert [opcode for opcode, _ in page.frames()].count(PONG) == 2


# -- the end ---------------------------------------------------------------------------------------

ENDS = {
    "unmasked": (frame("hi", mask=b""), 1002),
    "reserved bit": (frame("hi", bits=4), 1002),
    "reserved opcode": (frame("hi", 3), 1002),
    "ping in parts": (frame("", PING, fin=False), 1002),
    "long ping": (frame("x" * 126, PING), 1002),
    "text within text": (frame("a", fin=False) + frame("b"), 1002),
    "part of nothing": (frame("a", CONT), 1002),
    "close of one byte": (frame(b"\x03", CLOSE), 1002),
    "close with no code": (frame(b"\x03\xee", CLOSE), 1002),
    "binary": (frame(b"{}", BINARY), 1003),
    "binary in parts": (frame(b"{", BINARY, fin=False) + frame(b"}", CONT), 1003),
    "no UTF-8": (frame(b'{"type":"message","data":"\xff"}'), 1007),
    "half a character": (frame(b"\xe2", fin=False) + frame(b"\x82", CONT), 1007),
    "huge": (b"\x81\xff" + b"\x7f" + b"\xff" * 7, 1009),
    "too long": (b"\x81\xff" + (64 * 1024 + 1).to_bytes(8), 1009),
    "too long in parts": (frame(b"x" * 60_000, fin=False) + frame(b"x" * 6_000, CONT), 1009),
}


@pytest.mark.parametrize("what", ENDS)
def test_what_ends_a_connection(what):
    """W-10, R-36: with a code, behind what was said before; nothing that follows counts."""
    data, code = ENDS[what]
    world = WebMemory()
    witness, page = world.page("eva"), world.page("ala")
    page.send(HI + data + frame(asking("message", "evil")))
    messages, closed, words = page.farewell()
    assert closed == code
    assert words or what.startswith("close")
    assert [each["message"] for each in messages] == ["hi"]
    told = [(each["event"], each["message"]) for each in witness.messages()]
    assert told == [
        ("entered", "ala has entered the chat"),
        ("said", "hi"),
        ("left", "ala has left the chat"),
    ]


@pytest.mark.parametrize(("sent", "code"), [(b"\x03\xe8", 1000), (b"\x03\xe9bye", 1001), (b"", 0)])
def test_a_page_that_closes(sent, code):
    """W-11: has its own code back, and nothing behind it."""
    world = WebMemory()
    page = world.page("ala")
    page.send(HI + frame(sent, CLOSE) + HI)
    messages, closed, words = page.farewell()
    assert [each["message"] for each in messages] == ["hi"]
    assert (closed, words.encode()) == (code, sent[2:])


def test_nothing_is_said_behind_a_close_frame():
    """W-11: neither what others say before the server has taken note of the end."""
    world = WebMemory()
    ala, bob = world.page("ala"), world.page("bob")
    ala.send(frame(b"\x03\xe8", CLOSE))
    bob.ask("message", "too late")
    assert [each["event"] for each in ala.farewell()[0]] == ["entered"]


def test_a_page_that_is_gone_without_a_word():
    world = WebMemory()
    ala, bob = world.page("ala"), world.page("bob")
    ala.close()
    assert bob.messages()[-1]["event"] == "left"


@pytest.mark.parametrize("entered", [True, False])
def test_a_server_that_stops(engine, entered):
    """W-11: says why, and that it goes away (1001)."""
    with web_server(engine=engine) as server, Browser(server.port) as page:
        page.open_socket()
        if entered:
            page.ask_page("set-name", "ala")
        server.server.stop()
        failed = page.message()
        assert (failed["event"], failed["code"]) == ("failed", "shutdown")
        assert page.farewell() == CloseCode.GOING_AWAY
    for event in (LoggedOut("ala", SERVER_STOPS), Disconnected("192.0.2.1:1", SERVER_STOPS)):
        assert MemoryPage(WebMemory(), "192.0.2.1:1").session.encoder.encode(event, True)


# -- others' clients -------------------------------------------------------------------------------


def test_the_client_of_websockets(engine):
    """S2-21: with whatever it offers, pings included; compression is not accepted."""
    with web_server(engine=engine) as server:
        with websockets.sync.client.connect(f"ws://127.0.0.1:{server.port}/chat") as page:
            assert page.protocol.extensions == []
            page.send(asking("set-name", "ala", "1"))
            events = [json.loads(page.recv(PATIENCE))["data"]["event"] for _ in range(2)]
            assert events == ["entered", "done"]
            assert page.ping().wait(PATIENCE)
            server.server.stop()
            assert json.loads(page.recv(PATIENCE))["data"]["code"] == "shutdown"
            with pytest.raises(websockets.ConnectionClosedOK):
                page.recv(PATIENCE)
            assert page.protocol.close_code == CloseCode.GOING_AWAY


@pytest.mark.parametrize("stops", [False, True], ids=["leaves", "stops"])
def test_the_asyncio_client_of_websockets(engine, certificate, authority, stops):
    """Within TLS, where the other one reads and writes on two threads, which OpenSSL may not."""

    async def talk(server):
        url = f"wss://localhost:{server.port}/chat"
        async with websockets.connect(url, ssl=authority.trust) as page:
            await page.send([asking("set-name", "ala")[:5], asking("set-name", "ala")[5:]])
            assert json.loads(await page.recv())["data"]["event"] == "entered"
            await (await page.ping())
            if stops:
                server.server.stop()
                assert json.loads(await page.recv())["data"]["code"] == "shutdown"
                with pytest.raises(websockets.ConnectionClosedOK):
                    await page.recv()
        assert page.close_code == (CloseCode.GOING_AWAY if stops else CloseCode.NORMAL_CLOSURE)

    settings = {"tls_cert": certificate.both, "tls_key": certificate.both}
    with web_server(engine=engine, **settings) as server:
        asyncio.run(asyncio.wait_for(talk(server), PATIENCE))
