"""WebSocket (RFC 6455): frames in, messages out, by the sans-I/O protocol of `websockets`.

No compression is offered: a few bytes could become megabytes. What the server says is framed by
`frame`, a pure function, so that one encoding serves every client.
"""

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from chatd.events import CommandError

FRAME = 64 * 1024
"""Bytes of one message above which the connection ends (1009); up to there it is only refused."""


class WebSocket:
    """The server's end of one connection.

    A message of more than `line` bytes is refused. endless are the bytes that may come without a
    message being complete: fragments may be empty, and pings need no message.
    """

    def __init__(self, line: int, endless: int) -> None:
        self._line = line
        self._endless = endless
        self._protocol = ServerProtocol(max_size=FRAME)
        self._since = 0  # bytes since the last message was complete
        self._message = bytearray()
        self._events: list[Frame] = []

    def shake_hands(self, head: bytes) -> bool:
        """Take the HTTP request that asks for an upgrade; say whether it is one.

        What `take` gives then is the answer, a refusal included.
        """
        protocol = self._protocol
        protocol.receive_data(head)
        for request in protocol.events_received():
            if isinstance(request, Request):
                protocol.send_response(protocol.accept(request))
        return protocol.state is OPEN

    def feed(self, data: bytes) -> None:
        """Take bytes from the client."""
        self._since += len(data)
        if self._protocol.state is OPEN:
            self._protocol.receive_data(data)
            self._events += [e for e in self._protocol.events_received() if isinstance(e, Frame)]
            if self._since > self._endless:
                self._protocol.fail(CloseCode.MESSAGE_TOO_BIG, "endless message")

    def next_message(self) -> bytes | None:
        """Give the next message that is complete, if any.

        Raises CommandError("line-too-long"), which the next one is not touched by.
        """
        while self._events:
            frame = self._events.pop(0)
            if frame.opcode is Opcode.BINARY:
                self._protocol.fail(CloseCode.UNSUPPORTED_DATA, "text only")
                self._events.clear()
            elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
                self._message += frame.data
                if frame.fin:
                    return self._complete()
        return None

    def _complete(self) -> bytes:
        message = bytes(self._message)
        self._message.clear()
        self._since = 0
        if len(message) > self._line:
            raise CommandError("line-too-long", f"a message has {self._line} bytes at most")
        return message

    def take(self) -> bytes:
        """Give what WebSocket itself has to tell the client: handshake, pongs, the close frame."""
        return b"".join(self._protocol.data_to_send())

    @property
    def over(self) -> bool:
        """Whether the closing handshake has begun, from either side: nothing more is said."""
        return self._protocol.state is not OPEN


def frame(text: bytes) -> bytes:
    """Wrap a message of the server's."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


def close_frame(code: CloseCode) -> bytes:
    """Give the server's last words."""
    return Frame(Opcode.CLOSE, code.to_bytes(2)).serialize(mask=False)
