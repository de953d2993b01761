"""Byte layers beneath a dialect: what travels is not what is said. No socket, no thread.

A layer is touched by one thread at a time; its owner holds a lock.
"""

import ssl
from abc import ABC, abstractmethod
from contextlib import suppress

HANDSHAKE = 0x16
"""The first byte of a client that begins with TLS (RFC 8446, 5.1); no dialect begins so."""

_PIECE = 16 * 1024
"""Bytes that one TLS record holds at most."""


class LayerError(Exception):
    """What the peer sent makes no sense to a layer; the text says why.

    said is what came before it and was understood.
    """

    def __init__(self, text: str, said: bytes = b"") -> None:
        super().__init__(text)
        self.said = said


class Layer(ABC):
    """Takes what came from the peer apart, and wraps what is sent to it."""

    ready = False
    """Whether a conversation can begin above it."""
    over = False
    """Whether the peer has said that nothing more comes."""
    undecided = False
    """Whether it waits for the peer's first byte to know what to do."""

    @property
    def heir(self) -> "Layer | None":
        """The layer that goes on from here; None when there is to be none."""
        return self

    @abstractmethod
    def feed(self, data: bytes) -> bytes:
        """Take bytes from the peer, and return what they say. Raises LayerError."""

    def quiet_passed(self) -> None:  # noqa: B027  # optional
        """Take note that the first byte does not come: the peer waits for us to speak."""

    @abstractmethod
    def take(self) -> bytes:
        """Give what the layer itself has to tell the peer, which goes out before all else."""

    @abstractmethod
    def seal(self, data: bytes) -> bytes:
        """Wrap what is said to the peer; empty when it cannot be told anything."""

    @abstractmethod
    def close(self) -> bytes:
        """Give the last words to the peer."""


class Tls(Layer):
    """One end of a TLS connection (RFC 8446, RFC 5246).

    hostname is what a client's certificate check is for; the server's end has none.
    """

    def __init__(self, context: ssl.SSLContext, hostname: str | None = None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=context.protocol is ssl.PROTOCOL_TLS_SERVER,
            server_hostname=hostname,
        )
        self._broken = False

    def feed(self, data: bytes) -> bytes:
        self._incoming.write(data)
        pieces: list[bytes] = []
        try:
            if not self.ready:
                self._tls.do_handshake()
                self.ready = True
            while piece := self._tls.read(_PIECE):
                pieces.append(piece)
            self.over = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.over = True
        except ssl.SSLError as error:
            self._broken = True
            raise LayerError(f"TLS: {_reason(error)}", b"".join(pieces)) from None
        return b"".join(pieces)

    def take(self) -> bytes:
        return self._outgoing.read()

    def seal(self, data: bytes) -> bytes:
        if not self.ready or self._broken:
            return b""
        # A memory BIO keeps the size that it once had: never more than a record.
        whole = memoryview(data)
        sealed = []
        for start in range(0, len(whole), _PIECE):
            self._tls.write(whole[start : start + _PIECE])
            sealed.append(self._outgoing.read())
        return sealed[0] if len(sealed) == 1 else b"".join(sealed)

    def close(self) -> bytes:
        if self.ready and not self._broken:
            with suppress(ssl.SSLError):  # it wants to hear the peer's, for which nobody waits
                self._tls.unwrap()
        return self._outgoing.read()


class TlsOrPlain(Layer):
    """The server's end before the first byte, which tells whether the client speaks TLS."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._heir: Layer | None = self

    @property
    def heir(self) -> Layer | None:
        return self._heir

    @property
    def undecided(self) -> bool:  # type: ignore[override]
        return self._heir is self

    def feed(self, data: bytes) -> bytes:
        if not data:
            return b""
        if data[0] != HANDSHAKE:
            self._heir = None
            return data
        self._heir = heir = Tls(self._context)
        return heir.feed(data)

    def quiet_passed(self) -> None:
        self._heir = None

    def take(self) -> bytes:
        return b""

    def seal(self, data: bytes) -> bytes:
        return data  # for who has not begun with TLS

    def close(self) -> bytes:
        return b""


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    return (error.reason or str(error)).lower().replace("_", " ")
