"""The `web` dialect: HTTP/1.1 (RFC 9112), as far as browsers need it to find the chat's page.

This end cuts requests from the stream, strictly, and refuses what has two meanings; what a page
says is somebody else's, who gets the bytes of one whole request. A WebSocket (RFC 6455) to /chat
goes on as `webchat`, if it is opened by our own page or by one that may.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus

from msgspec import Struct

from chatd.dialects import FIRST, Dialect, Setting
from chatd.events import CommandError, Event, Failed, Fetch, Fetched, Request, WireError

PATH = "/chat"
"""Where the WebSocket is."""

# The page loads what is its own, and runs nothing else. Were there a mistake in it, still nothing
# that anybody says could become a script.
POLICY = "; ".join(
    (
        *("default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'"),
        *("connect-src 'self'", "manifest-src 'self'", "base-uri 'none'", "form-action 'self'"),
        *("frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'"),
    )
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""What every answer has."""

_METHODS = ("GET", "HEAD", "POST")

FIRST_WORDS = tuple(f"{method} ".encode() for method in _METHODS)
"""What requests begin with."""

_END = b"\r\n\r\n"
_BARE = re.compile(rb"(?<!\r)\n")
_LINE = re.compile(r"([A-Z]+) (\S+) HTTP/([0-9]\.[0-9])")
_TARGET = re.compile(r"/(?!/)[!\"$-~]*")  # of a page of ours: neither a URL nor a part of a page
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t -~\x80-\xff]*)")
_LENGTH = re.compile(r"[0-9]{1,9}")
_ONCE = {"content-length", "transfer-encoding", "host", "origin", "upgrade"}  # no contradictions

_STATUS = {
    "login-deadline": HTTPStatus.REQUEST_TIMEOUT,
    "head-too-large": HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "body-too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "bad-version": HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
    "bad-method": HTTPStatus.NOT_IMPLEMENTED,
    "no-socket": HTTPStatus.UPGRADE_REQUIRED,
    "wrong-origin": HTTPStatus.FORBIDDEN,
    "banned": HTTPStatus.FORBIDDEN,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
    **dict.fromkeys(("busy", "full", "shutdown", "timeout"), HTTPStatus.SERVICE_UNAVAILABLE),
}
_MORE = {
    "no-socket": {
        "Connection": "Upgrade, close",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
    }
}


def begins(data: bytes) -> bool:
    """Say whether what a client says first is HTTP."""
    return data.startswith(FIRST_WORDS)


def is_ours(origin: str, host: str) -> bool:
    """Say whether a page is one of ours by its origin, which a browser names truly.

    host is what the request itself is for. Whether there is TLS in front of us we cannot know.
    """
    ours = (f"http://{host.lower()}", f"https://{host.lower()}") if host else ()
    return origin.lower() in ours


class _Head(Struct, frozen=True):
    """What a request's head says; the names of fields are in lower case."""

    raw: bytes
    method: str
    target: str
    version: str
    fields: dict[str, str]

    def lists(self, name: str, word: str) -> bool:
        """Say whether a field has a word among those that it lists."""
        return word in (each.strip() for each in self.fields.get(name, "").lower().split(","))


class Web(Dialect):
    """The server's end; the clients are browsers."""

    name = "web"
    port = 8080

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._held = b""
        self._sought = 0  # so far there is no end of the head
        self._size = 0  # of the request whose head is there
        self._last = False  # nothing is to follow that request
        self._asked = False  # and its answer is on its way
        self._over = False
        self._heir: Dialect | None = None

    def stranger(self, first: bytes) -> str:
        whole = len(first) == FIRST or b"\n" in first
        return "no HTTP" if whole and not begins(first) else ""

    def feed(self, data: bytes) -> None:
        self._held += data

    def next_request(self) -> Request | Event | None:
        if self._heir is not None:
            return None
        if self._over:
            raise WireError("answered", "")
        if not self._size:
            head = self._next_head()
            if head is None:
                return None
            if head.target == PATH:
                return self._open_socket(head)
            self._size = len(head.raw) + self._body_size(head)
            self._last = head.lists("connection", "close")
        if len(self._held) < self._size:
            return None
        raw, self._held = self._held[: self._size], self._held[self._size :]
        self._size = self._sought = 0
        self._asked = True
        return Fetch("", (), raw)

    def _next_head(self) -> _Head | None:
        """Read the next head, if all of it is there; no byte of it is looked at twice."""
        if not self._sought:
            self._held = self._held.lstrip(b"\r\n")  # which may follow what came before
        held = self._held
        end = held.find(_END, max(0, self._sought - len(_END)))
        size = end + len(_END) if end >= 0 else len(held)
        most = self.setting.limits.web_head
        if size > most:
            raise WireError("head-too-large", f"a head has {most} bytes at most")
        if _BARE.search(held, self._sought, size):
            raise WireError("bad-request", "lines of a head end in CR LF")
        self._sought = len(held)
        return _parse(held[:size]) if end >= 0 else None

    def _body_size(self, head: _Head) -> int:
        length = head.fields.get("content-length", "0")
        if "transfer-encoding" in head.fields or not _LENGTH.fullmatch(length):
            raise WireError("bad-request", "a body comes with its length")
        most = self.setting.limits.web_body
        if int(length) > most:
            raise WireError("body-too-large", f"a body has {most} bytes at most")
        return int(length)

    def _open_socket(self, head: _Head) -> Event:
        origin = head.fields.get("origin")
        if origin is not None and not self._may_talk(origin, head.fields.get("host", "")):
            raise WireError("wrong-origin", f"pages of {origin} may not talk to this chat")
        upgrade = head.lists("connection", "upgrade") and head.lists("upgrade", "websocket")
        version = head.fields.get("sec-websocket-version")
        if (head.method, head.version, upgrade, version) != ("GET", "1.1", True, "13"):
            raise WireError("no-socket", "here is a WebSocket (RFC 6455), and nothing to look at")
        # Only who opens one pays for what it takes.
        from chatd.dialects.webchat import WebChat
        from chatd.dialects.websocket import WebSocket

        socket = WebSocket(self.setting.limits)
        if not socket.shake_hands(head.raw):
            raise WireError("bad-request", "this is no handshake of a WebSocket")
        self._heir = WebChat(self.setting, socket)
        self._heir.feed(self._held[len(head.raw) :])
        return Fetched(socket.take() or b"")

    def _may_talk(self, origin: str, host: str) -> bool:
        return is_ours(origin, host) or origin.lower() in (self.setting.origins or ())

    def done(self, request: Request, error: CommandError | None) -> tuple[Event, ...]:
        self._asked = False
        self._over = self._last or error is not None
        if error is None:
            return ()
        return (Failed(error.code, error.text),)

    @property
    def patience(self) -> float | None:
        busy = self._held or self._asked or self._over or self._heir is not None
        return None if busy else self.setting.limits.web_idle

    def quiet_passed(self) -> None:
        self._over = True

    @property
    def heir(self) -> Dialect | None:
        return self._heir

    @staticmethod
    def encode(event: Event, own: bool) -> bytes:
        if isinstance(event, Fetched):
            return event.raw
        return _refusal(event) if isinstance(event, Failed) else b""


def _parse(raw: bytes) -> _Head:
    """Read a head; raises WireError for what is not quite one."""
    first, *lines = raw.removesuffix(_END).decode("latin-1").split("\r\n")
    line = _LINE.fullmatch(first)
    if line is None:
        raise WireError("bad-request", "this is no request for a page")
    method, target, version = line.groups()
    if version not in ("1.0", "1.1"):
        raise WireError("bad-version", "HTTP/1.1 is spoken here")
    if method not in _METHODS:
        raise WireError("bad-method", f"there is nothing here for {method}")
    fields: dict[str, str] = {}
    for text in lines:
        field = _FIELD.fullmatch(text)
        if field is None:
            raise WireError("bad-request", "the head of the request makes no sense")
        name = field[1].lower()
        if name in fields and name in _ONCE:
            raise WireError("bad-request", f"there are two of {name}")
        fields[name] = field[2].strip(" \t")
    if not _TARGET.fullmatch(target) or (version != "1.0" and "host" not in fields):
        raise WireError("bad-request", "a request names a page, and the host")
    return _Head(raw, method, target, version, fields)


def _refusal(event: Failed) -> bytes:
    status = _STATUS.get(event.code, HTTPStatus.BAD_REQUEST)
    return last_answer(f"{status.value} {status.phrase}", event.text, _MORE.get(event.code, {}))


def last_answer(status: str, text: str, more: Mapping[str, str]) -> bytes:
    """Write an answer in words, behind which the connection ends; more are further headers."""
    body = f"{text}\n".encode(errors="replace")
    headers = {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": len(body),
        "Connection": "close",
        **more,
        **HEADERS,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body
