"""WebSocket (RFC 6455): frames in, messages out, by the sans-I/O protocol of `websockets`.

No compression is offered: a few bytes could become megabytes. What the server says is framed by
`frame`, a pure function, so that one encoding serves every client.
"""

import logging
from collections import deque

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from chatd.events import CommandError
from chatd.limits import Limits

_log = logging.getLogger(__name__)

_DATA = (Opcode.TEXT, Opcode.CONT, Opcode.BINARY)


class WebSocket:
    """The server's end of one connection.

    A message of more than limits.line bytes is refused, one of more than limits.web_message is the
    end. What comes is taken in steps of limits.web_step bytes: see `take`.
    """

    def __init__(self, limits: Limits) -> None:
        self._line = limits.line
        self._step = limits.web_step
        self._protocol = ServerProtocol(max_size=limits.web_message, logger=_log)
        self._held = b""  # what was not taken yet
        self._frames: deque[Frame] = deque()  # of data, of the last step
        self._message = bytearray()
        self._busy = False  # with frames that no message has come of yet

    def shake_hands(self, head: bytes) -> bool:
        """Take the HTTP request that asks for an upgrade; say whether `take` gives the consent."""
        protocol = self._protocol
        protocol.receive_data(head)
        for request in protocol.events_received():
            if isinstance(request, Request):
                protocol.send_response(protocol.accept(request))
        return protocol.state is OPEN

    def feed(self, data: bytes) -> None:
        """Take bytes from the client."""
        self._held += data

    def next_message(self) -> bytes | None:
        """Give the next message that is complete, if any; it is UTF-8.

        Raises CommandError("line-too-long"), which the next one is not touched by.
        """
        while (message := self._assemble()) is None and self._step_on():
            pass
        return message

    def _step_on(self) -> bool:
        """Take some more bytes; say whether there were any, and it was time for them."""
        if self._busy or self.over or not self._held:
            return False
        data, self._held = self._held[: self._step], self._held[self._step :]
        self._protocol.receive_data(data)
        frames = [each for each in self._protocol.events_received() if isinstance(each, Frame)]
        self._busy = bool(frames)
        self._frames.extend(each for each in frames if each.opcode in _DATA)
        return True

    def _assemble(self) -> bytes | None:
        while self._frames:
            frame = self._frames.popleft()
            if frame.opcode is Opcode.BINARY:
                self._fail(CloseCode.UNSUPPORTED_DATA, "text only")
                return None
            self._message += frame.data
            if frame.fin:
                return self._complete()
        return None

    def _complete(self) -> bytes | None:
        message = bytes(self._message)
        self._message.clear()
        self._busy = False
        try:
            message.decode()
        except UnicodeDecodeError:
            self._fail(CloseCode.INVALID_DATA, "this is not UTF-8")
            return None
        if len(message) > self._line:
            raise CommandError("line-too-long", f"a message has {self._line} bytes at most")
        return message

    def _fail(self, code: CloseCode, reason: str) -> None:
        self._protocol.fail(code, reason)
        self._frames.clear()

    def take(self) -> bytes | None:
        """Give what WebSocket itself has to tell the client, behind the messages so far.

        That is the handshake, pongs, the close frame; or nothing, for frames of which no message
        came: they took time, too. None if there were not even those.
        """
        told, busy = b"".join(self._protocol.data_to_send()), self._busy
        self._busy = False
        return told if told or busy else None

    @property
    def over(self) -> bool:
        """Whether the closing handshake has begun, from either side: nothing more is said."""
        return self._protocol.state is not OPEN

    @property
    def fault(self) -> str:
        """What the client has done wrong, if that is why it is over."""
        sent, received = self._protocol.close_sent, self._protocol.close_rcvd
        return sent.reason if sent and not received else ""


def frame(text: bytes) -> bytes:
    """Wrap a message of the server's."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


def close_frame(code: CloseCode) -> bytes:
    """Give the server's last words."""
    return Frame(Opcode.CLOSE, code.to_bytes(2)).serialize(mask=False)
