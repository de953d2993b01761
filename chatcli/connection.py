"""The socket, and what lies on it. What goes over it is not its concern."""

import contextlib
import socket
import ssl
import threading
from typing import Any

from chatd.layers import Layer, LayerError, Tls

RECV_SIZE = 64 * 1024


def address_text(address: tuple[Any, ...]) -> str:
    """Write the address of a socket as ip:port, an IPv4-mapped one as IPv4 (SPEC D-3)."""
    host, port = address[:2]
    host = host.removeprefix("::ffff:") if "." in host else host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Connection:
    """A connection to a server, which never waits: select on its fileno() does."""

    def __init__(self, sock: socket.socket, layer: Layer | None = None) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._sock = sock
        self._layer = layer
        self._lock = threading.Lock()  # one thread may receive while another one sends
        self._sealed = bytearray()  # from the layer, on its way
        self._ending = False
        self.reason = ""
        """What broke, when receive returned no bytes for another reason than a proper end."""
        if layer is not None:
            layer.feed(b"")
            self._send_sealed(layer)

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
        if self._layer is None:
            return data
        with self._lock:
            return self._unsealed(self._layer, data)

    def _unsealed(self, layer: Layer, data: bytes) -> bytes | None:
        try:
            said = layer.feed(data) if data else b""
        except LayerError as error:
            self.reason = str(error)
            return b""
        finally:
            self._send_sealed(layer)
        if layer.over and said:  # nothing more will wake who waits for its end
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RD)
        if not data and not layer.over:  # somebody else may have cut it off
            self.reason = self.reason or "the connection ended without a farewell"
        return said if said or layer.over or not data else None

    def can_send(self, output: bytearray) -> bool:
        """Whether there is something to send once the socket takes it."""
        return bool(self._sealed) or bool(output and (self._layer is None or self._layer.ready))

    def send(self, output: bytearray) -> None:
        """Send what can be sent now, and delete that from output.

        On a broken connection all of it is deleted: why it broke, receive will tell, after the
        server's last words.
        """
        layer = self._layer
        if layer is None:
            self._send_some(output)
            return
        with self._lock:
            if layer.ready and output and not self._sealed:
                self._sealed += layer.seal(bytes(output))
                output.clear()
            self._send_sealed(layer)

    def _send_sealed(self, layer: Layer) -> None:
        self._sealed += layer.take()
        if self._sealed:
            self._send_some(self._sealed)
        if self._ending and not self._sealed:
            self._shut_down()

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
        if self._layer is None:
            self._shut_down()
            return
        with self._lock:
            if not self._ending:
                self._ending = True
                self._sealed += self._layer.close()
            self._send_sealed(self._layer)

    def _shut_down(self) -> None:
        with contextlib.suppress(OSError):  # it is gone, as receive will tell
            self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the socket, behind a farewell as far as it can be sent at once."""
        if self._layer is not None:
            self.end_sending()
        self._sock.close()


def layered(sock: socket.socket, host: str, tls: ssl.SSLContext | None) -> Connection:
    """Make the connection to host over a connected socket; tls says whom to trust, if it is TLS."""
    return Connection(sock, Tls(tls, host) if tls else None)


def connect(host: str, port: int, timeout: float, tls: ssl.SSLContext | None = None) -> Connection:
    """Connect to host, on each of its addresses until one answers, IPv4 and IPv6.

    timeout is in seconds, for each address. With tls it is spoken, by that context. Raises OSError.
    """
    try:
        return layered(socket.create_connection((host, port), timeout=timeout), host, tls)
    except UnicodeError:
        raise OSError("this is no host name") from None
