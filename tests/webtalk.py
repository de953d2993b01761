"""Browsers for tests: HTTP and WebSocket byte by byte, in memory and over sockets."""

import http.client
import io
import itertools
import json
import struct
from contextlib import contextmanager
from typing import NamedTuple

from msgspec.structs import replace
from websockets.frames import Opcode, apply_mask

from chat import PATIENCE, RawClient
from chatd.addresses import Addresses
from chatd.dialects.auto import Auto
from chatd.dialects.web import HEADERS
from chatd.fetching import Fetcher
from chatd.flood import UNBOUND
from chatd.limits import Limits
from chatd.testing import running_server
from memory_world import MemoryClient, MemoryWorld

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPTED = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # of RFC 6455

TEXT, BINARY, CONT = Opcode.TEXT, Opcode.BINARY, Opcode.CONT
PING, PONG, CLOSE = Opcode.PING, Opcode.PONG, Opcode.CLOSE


def request(target="/", method="GET", body=b"", version="1.1", **fields):
    """Write an HTTP request; fields are by name with _ for -, and left out if None."""
    fields = {"Host": "chat.example", **fields}
    if body:
        fields.setdefault("Content_Length", len(body))
    lines = "".join(
        f"{name.replace('_', '-')}: {value}\r\n"
        for name, value in fields.items()
        if value is not None
    )
    return f"{method} {target} HTTP/{version}\r\n{lines}\r\n".encode("latin-1") + body


def handshake(target="/chat", method="GET", version="1.1", **fields):
    """Write the request that opens a WebSocket, or one that does not quite."""
    right = {
        "Upgrade": "websocket",
        "Connection": "keep-alive, Upgrade",
        "Sec_WebSocket_Key": KEY,
        "Sec_WebSocket_Version": "13",
    }
    return request(target, method, version=version, **{**right, **fields})


def frame(data, opcode=TEXT, fin=True, bits=0, mask=b"mask"):
    """Write a client's frame, be it a wrong one; bits are the reserved ones."""
    data = data.encode() if isinstance(data, str) else data
    size = len(data)
    head = bytes([fin << 7 | bits << 4 | opcode])
    if size < 126:
        head += bytes([bool(mask) << 7 | size])
    elif size < 2**16:
        head += bytes([bool(mask) << 7 | 126]) + size.to_bytes(2)
    else:
        head += bytes([bool(mask) << 7 | 127]) + size.to_bytes(8)
    return head + mask + apply_mask(data, mask) if mask else head + data


def asking(verb, data=None, tag=None):
    """Write a message of a page."""
    message = {"type": verb, "data": data, "tag": tag}
    return json.dumps({name: value for name, value in message.items() if value is not None})


def read_frames(data):
    """Read the server's frames, of which none may be cut or masked."""
    while data:
        first, size = data[:2]
        start = 2
        if size == 126:
            start, (size,) = 4, struct.unpack("!H", data[2:4])
        elif size == 127:
            start, (size,) = 10, struct.unpack("!Q", data[2:10])
        assert first & 0xF0 == 0x80
        assert size < 2**63
        assert len(data) >= start + size
        yield Opcode(first & 0x0F), data[start : start + size]
        data = data[start + size :]


def whole_frame(data):
    """Give the size of the frame that data begins with, when all of it is there; else 0."""
    if len(data) < 4:
        return 0 if len(data) < 2 or data[1] > len(data) - 2 else 2 + data[1]
    size, start = data[1], 2
    if size == 126:
        size, start = int.from_bytes(data[2:4]), 4
    return start + size if len(data) >= start + size else 0


class _Wire:
    def __init__(self, data):
        self._file = io.BytesIO(data)

    def makefile(self, mode):
        return self._file


class Response(NamedTuple):
    """An answer to a request."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    version: int  # 11 is that of HTTP/1.1

    @property
    def text(self):
        return self.body.decode()


def read_response(data, method="GET"):
    """Read one response; give it, and what follows it."""
    wire = _Wire(data)
    response = http.client.HTTPResponse(wire, method=method)
    wire._file.close = lambda: None  # which http.client does when it has read all
    response.begin()
    read = Response(response.status, response.headers, response.read(), response.version)
    return read, wire._file.read()


def bodies(data):
    """Read all the responses there are, none of them a refusal; give their texts."""
    found = []
    while data:
        response, data = read_response(data)
        assert response.status == 200
        found.append(response.text)
    return found


def assert_refused(data, status):
    """Make sure that all there is is one refusal, as it should be."""
    response, rest = read_response(data)
    assert (response.status, rest) == (status, b"")
    assert response.body.endswith(b"\n")
    assert response.body.count(b"\n") == 1
    assert "close" in response.headers["Connection"]
    assert_safe(response)
    return response


def assert_safe(response):
    """Make sure that a response has the headers that all have, once."""
    for name, value in HEADERS.items():
        assert response.headers.get_all(name) == [value]


# -- in memory -------------------------------------------------------------------------------------


class Pages:
    """Answers each request by its first line."""

    def __init__(self):
        self.asked = []

    def answer(self, raw, address, encrypted):
        self.asked.append(raw)
        body = raw.split(b"\r\n")[0]
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body), True

    def close(self):
        pass


class WebMemory(MemoryWorld):
    """All of a server for web pages but its engine and its pages."""

    def __init__(self, settings=None, *, dialect=Auto, pace=UNBOUND, origins=(), **keywords):
        super().__init__(settings, **keywords)
        self.dialect = dialect
        self.origins = origins
        self.pages = Pages()
        self._guests = itertools.count(1)
        self._addresses = Addresses(self._limits, pace, (), clock=lambda: self.now)
        fetcher = Fetcher(self._hub, self.delivery, self.pages, self._limits)
        fetcher._workers = self._pool
        self._dispatcher.fetcher = fetcher

    @property
    def hub(self):
        return self._hub

    def session(self, transport, address):
        return super().session(
            transport,
            address,
            flow=self._addresses.flow(address),
            guest=lambda: f"guest-{next(self._guests):04}",
            origins=self.origins,
            is_full=self._hub.is_full,
        )

    def say(self, data, ended=True):
        """Let somebody come, send data and hear all there is; ended: that is all."""
        client = self.connect()
        client.send(data)
        return self.hear(client, ended)

    def hear(self, client, ended=False):
        """Give what a client has got, and make sure whether it can get more."""
        self.deliver()
        data = bytes(client._transport.sent)
        client._transport.sent.clear()
        assert client._transport.ended is ended
        return data

    def page(self, nick=None):
        """Let a page come, and take a nick."""
        page = MemoryPage(self, f"192.0.2.{len(self._sessions)}:40000")
        if nick:
            assert page.ask("set-name", nick)[-1]["event"] == "entered"
        return page


class MemoryPage(MemoryClient):
    """A web page whose WebSocket is open."""

    def __init__(self, world, address):
        super().__init__(world, address)
        self.send(handshake())
        response, rest = read_response(world.hear(self))
        assert (response.status, rest) == (101, b"")

    def frames(self, ended=False):
        """Give the frames that have come."""
        return list(read_frames(self._world.hear(self, ended)))

    def ask(self, verb, data=None, tag=None):
        """Send a message; give what has come since, as the data of messages."""
        self.send(frame(asking(verb, data, tag)))
        return self.messages()

    def messages(self):
        """Give the data of the messages that have come, which is all that has."""
        frames = self.frames()
        assert all(opcode is TEXT for opcode, _ in frames)
        return [read_message(payload) for _, payload in frames]

    def farewell(self):
        """Give the data of the messages that have come, and the code and the words of the end."""
        *frames, (opcode, last) = self.frames(ended=True)
        assert opcode is CLOSE
        messages = [read_message(payload) for opcode, payload in frames]
        return messages, int.from_bytes(last[:2]), last[2:].decode()


def read_message(payload):
    """Give the data of a message of the server's."""
    message = json.loads(payload)
    assert set(message) == {"type", "data"}
    assert message["type"] == "message"
    assert {"source", "message", "event"} <= set(message["data"])
    return message["data"]


def codes(messages):
    """Give the code of each failure among the data of messages, and else what event it is."""
    return [each.get("code", each["event"]) for each in messages]


# -- over sockets ----------------------------------------------------------------------------------


class Browser(RawClient):
    """A socket that speaks HTTP."""

    def response(self, method="GET"):
        """Receive one response."""
        while b"\r\n\r\n" not in self._buffer:
            self._buffer += self._some()
        head, _, _ = self._buffer.partition(b"\r\n\r\n")
        size = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:") and method != "HEAD":
                size = int(line.partition(b":")[2])
        whole = len(head) + 4 + size
        while len(self._buffer) < whole:
            self._buffer += self._some()
        data, self._buffer = self._buffer[:whole], self._buffer[whole:]
        return read_response(data, method)[0]

    def _some(self):
        data = self.sock.recv(65536)
        assert data, f"the end, after {self._buffer}"
        return data

    def get(self, target="/", method="GET", body=b"", **fields):
        """Ask for a page, and give the response."""
        self.send(request(target, method, body, **fields))
        return self.response(method)

    def open_socket(self, **fields):
        """Open a WebSocket."""
        self.send(handshake(**fields))
        assert self.response().status == 101

    def frame(self):
        """Receive one frame."""
        while not (whole := whole_frame(self._buffer)):
            self._buffer += self._some()
        data, self._buffer = self._buffer[:whole], self._buffer[whole:]
        return next(read_frames(data))

    def message(self):
        """Receive the data of one message."""
        opcode, payload = self.frame()
        assert opcode is TEXT, (opcode, payload)
        return read_message(payload)

    def ask_page(self, verb, data=None, tag=None):
        """Send a message of a page, and give the data of the next that comes."""
        self.send(frame(asking(verb, data, tag)))
        return self.message()

    def farewell(self):
        """Receive the close frame and the end behind it; give its code."""
        opcode, payload = self.frame()
        assert opcode is CLOSE, (opcode, payload)
        assert self.rest() == b""
        return int.from_bytes(payload[:2])


def fetch(port, target, method="GET", body=b"", **fields):
    """Ask for a page of a server on this machine, by a connection of its own."""
    with Browser(port) as browser:
        return browser.get(target, method, body, **{"Host": f"127.0.0.1:{port}", **fields})


@contextmanager
def web_server(**settings):
    """Run a server with its web page, which makes guests of nobody that is merely slow."""
    limits = replace(settings.pop("limits", Limits()), web_silence=PATIENCE)
    with running_server(dialect="auto", web=True, limits=limits, **settings) as server:
        yield server
