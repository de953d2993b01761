"""The socket, and what lies on it. What goes over it is not its concern."""

import contextlib
import socket
from typing import Any, Protocol

RECV_SIZE = 64 * 1024


def address_text(address: tuple[Any, ...]) -> str:
    """Write the address of a socket as ip:port, an IPv4-mapped one as IPv4 (SPEC D-3)."""
    host, port = address[:2]
    host = host.removeprefix("::ffff:") if "." in host else host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Layer(Protocol):
    """What lies between the socket and what is said: encryption, say."""

    ready: bool
    """Whether anything can be said yet."""

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the server, and return what they say."""

    def seal(self, data: bytes) -> bytes:
        """Wrap what is said to the server."""

    def take(self) -> bytes:
        """Give what the layer itself has to tell the server, which goes out before all else."""


class Connection:
    """A connection to a server, which never waits: select on its fileno() does."""

    def __init__(self, sock: socket.socket, layer: Layer | None = None) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._sock = sock
        self._layer = layer
        self._sealed = bytearray()  # from the layer, on its way
        self.reason = ""
        """What broke, when receive returned no bytes for another reason than a proper end."""
        if layer is not None:
            layer.feed(b"")
            self._send_sealed()

    @property
    def address(self) -> str:
        """Our own address as ip:port, under which a server may know us."""
        return address_text(self._sock.getsockname())

    def fileno(self) -> int:
        """Give the descriptor to wait for."""
        return self._sock.fileno()

    def receive(self) -> bytes | None:
        """Return what has come: no bytes at the end of the stream, None when nothing is there."""
        try:
            data = self._sock.recv(RECV_SIZE)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError as error:
            self.reason = f"the connection is lost: {error.strerror}"
            return b""
        if self._layer is None or not data:
            return data
        said = self._layer.feed(data)
        self._send_sealed()
        return said or None

    def can_send(self, output: bytearray) -> bool:
        """Whether there is something to send once the socket takes it."""
        return bool(self._sealed) or bool(output and (self._layer is None or self._layer.ready))

    def send(self, output: bytearray) -> None:
        """Send what can be sent now, and delete that from output.

        On a broken connection all of it is deleted: why it broke, receive will tell, after the
        server's last words.
        """
        if self._layer is None:
            self._send_some(output)
            return
        if self._layer.ready and output and not self._sealed:
            self._sealed += self._layer.seal(bytes(output))
            output.clear()
        self._send_sealed()

    def _send_sealed(self) -> None:
        if self._layer is not None:
            self._sealed += self._layer.take()
        if self._sealed:
            self._send_some(self._sealed)

    def _send_some(self, data: bytearray) -> None:
        try:
            sent = self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            sent = len(data)
        del data[:sent]

    def end_sending(self) -> None:
        """Tell the server that nothing follows; what it says can still be received."""
        with contextlib.suppress(OSError):  # it is gone, as receive will tell
            self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()


def connect(host: str, port: int, timeout: float) -> Connection:
    """Connect to host, on each of its addresses until one answers, IPv4 and IPv6.

    timeout is in seconds, for each address. Raises OSError.
    """
    try:
        return Connection(socket.create_connection((host, port), timeout=timeout))
    except UnicodeError:
        raise OSError("this is no host name") from None
