"""The `web` dialect: HTTP/1.1 (RFC 9112), as far as browsers need it to find the chat's page.

This end cuts requests from the stream, strictly, and refuses what has two meanings; what a page
says is somebody else's, who gets the bytes of one whole request. A WebSocket (RFC 6455) to /chat
goes on as `webchat`, if it is opened by our own page or by one that may.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus

from chatd.dialects import FIRST, Dialect, Setting
from chatd.events import CommandError, Event, Failed, Fetch, Fetched, Request, WireError

PATH = "/chat"
"""Where the WebSocket is."""

HEAD = 16 * 1024
"""Bytes of a request's head: four times what browsers send."""

BODY = 16 * 1024
"""Bytes of a request's body: a form with a few words in it."""

FIRST_WORDS = (b"GET ", b"HEAD ", b"POST ")
"""What requests begin with."""

_END = re.compile(rb"\r?\n\r?\n")
_LINE = re.compile(r"(GET|HEAD|POST) (/[!-~]*) HTTP/1\.[01]")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\0\r\n]*?)[ \t]*")
_LENGTH = re.compile(r"\d{1,9}")

_STATUS = {
    "login-deadline": HTTPStatus.REQUEST_TIMEOUT,
    "head-too-large": HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "body-too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "wrong-origin": HTTPStatus.FORBIDDEN,
    "banned": HTTPStatus.FORBIDDEN,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
    **dict.fromkeys(("busy", "full", "shutdown", "timeout"), HTTPStatus.SERVICE_UNAVAILABLE),
}


def begins(data: bytes) -> bool:
    """Say whether what a client says first is HTTP."""
    return data.startswith(FIRST_WORDS)


class Web(Dialect):
    """The server's end; the clients are browsers."""

    name = "web"
    port = 8080

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._held = b""
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
        end = _END.search(self._held)
        if (end.end() if end else len(self._held)) > HEAD:
            raise WireError("head-too-large", f"a head has {HEAD} bytes at most")
        if end is None:
            return None
        head = self._held[: end.end()]
        path, fields = _parse(head)
        if "upgrade" in fields and path == PATH:
            return self._open_socket(head, fields)
        size = _body_size(fields)
        whole = end.end() + size
        if len(self._held) < whole:
            return None
        raw, self._held = self._held[:whole], self._held[whole:]
        return Fetch("", (), raw)

    def _open_socket(self, head: bytes, fields: Mapping[str, str]) -> Event | None:
        origin = fields.get("origin")
        if origin is not None and not self._may_talk(origin.lower(), fields.get("host", "")):
            raise WireError("wrong-origin", f"pages of {origin} may not talk to this chat")
        # Only who opens one pays for what it takes.
        from chatd.dialects.webchat import WebChat
        from chatd.dialects.websocket import WebSocket

        limits = self.setting.limits
        socket = WebSocket(limits.line, limits.endless)
        if not socket.shake_hands(head):
            self._over = True
            return Fetched(socket.take())
        self._heir = WebChat(self.setting, socket)
        self._heir.feed(self._held[len(head) :])
        return None

    def _may_talk(self, origin: str, host: str) -> bool:
        """Say whether a page may open a socket; a browser names its origin truly."""
        return origin.partition("://")[2] == host.lower() or origin in (self.setting.origins or ())

    def done(self, request: Request, error: CommandError | None) -> tuple[Event, ...]:
        if error is None:
            return ()
        self._over = True
        return (Failed(error.code, error.text),)

    @property
    def heir(self) -> Dialect | None:
        return self._heir

    @staticmethod
    def encode(event: Event, own: bool) -> bytes:
        if isinstance(event, Fetched):
            return event.raw
        return _refusal(event) if isinstance(event, Failed) else b""


def _parse(head: bytes) -> tuple[str, dict[str, str]]:
    """Give path and fields of a request's head; raises WireError for what is not quite one."""
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\n")
    line = _LINE.fullmatch(first.rstrip("\r"))
    if line is None:
        raise WireError("bad-request", "this is no request for a page")
    fields: dict[str, str] = {}
    for text in lines:
        field = _FIELD.fullmatch(text.removesuffix("\r"))
        if field is None:
            raise WireError("bad-request", "the head of the request makes no sense")
        name = field[1].lower()
        if name in fields and name in _ONCE:
            raise WireError("bad-request", f"there are two of {name}")
        fields[name] = field[2]
    return line[2], fields


_ONCE = {"content-length", "transfer-encoding", "host", "origin", "upgrade"}
"""Fields that must not contradict themselves."""


def _body_size(fields: Mapping[str, str]) -> int:
    length = fields.get("content-length", "0")
    if "transfer-encoding" in fields or not _LENGTH.fullmatch(length):
        raise WireError("bad-request", "a body comes with its length")
    if int(length) > BODY:
        raise WireError("body-too-large", f"a body has {BODY} bytes at most")
    return int(length)


def _refusal(event: Failed) -> bytes:
    status = _STATUS.get(event.code, HTTPStatus.BAD_REQUEST)
    text = f"{event.text}\n".encode(errors="replace")
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        f"Content-Length: {len(text)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + text
