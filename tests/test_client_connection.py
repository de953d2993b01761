"""A client's end of a connection, and a layer that lies on the socket."""

import socket

from chatcli.connection import Connection
from chatd.layers import Layer


class Rot(Layer):
    """A byte layer: it greets, waits for a greeting, and adds 1 to each byte."""

    def __init__(self):
        self._out = b"?"

    def feed(self, data):
        if data.startswith(b"!"):
            self.ready, data = True, data[1:]
        return bytes((byte - 1) % 256 for byte in data)

    def seal(self, data):
        return bytes((byte + 1) % 256 for byte in data)

    def take(self):
        out, self._out = self._out, b""
        return out

    def close(self):
        return b"."


def test_a_layer_lies_on_the_socket():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sock = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
        with far:
            connection = Connection(sock, Rot())
            assert far.recv(100) == b"?"
            output = bytearray(b"LOGIN")
            connection.send(output)
            assert output == b"LOGIN"
            assert not connection.can_send(output)
            far.sendall(b"!")
            received = None
            while not connection.can_send(output):
                received = connection.receive()
            assert received is None
            connection.send(output)
            assert output == b""
            assert far.recv(100) == b"MPHJO"
            far.sendall(b"PL")
            while (received := connection.receive()) is None:
                pass
            assert received == b"OK"
            connection.close()
            assert far.recv(100) == b"."
