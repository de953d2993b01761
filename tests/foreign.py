"""A server that is not ours: a test is its side of the connection, byte by byte."""

import contextlib
import socket
import threading

from chat import PATIENCE


class Peer:
    """The server's side of one connection: what came is asked for line by line."""

    def __init__(self, sock):
        sock.settimeout(PATIENCE)
        self.sock = sock
        self._file = sock.makefile("rb")

    def line(self):
        """Receive one line, with its end; empty at the end of the stream."""
        return self._file.readline()

    def send(self, *lines):
        self.sock.sendall(b"".join(line.encode() + b"\r\n" for line in lines))

    def login(self, nick="ala"):
        assert self.line() == f"LOGIN {nick}\r\n".encode()
        self.send("OK")

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self._file.close()
        self.sock.close()


@contextlib.contextmanager
def foreign_server(serve):
    """Listen on a free port, and let serve(peer) talk to the first client, on a thread.

    What goes wrong there fails the test.
    """
    errors = []

    def accept():
        try:
            sock, _ = listener.accept()
            peer = Peer(sock)
            try:
                serve(peer)
            finally:
                peer.close()
        except BaseException as error:
            errors.append(error)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join()
    if errors:
        raise errors[0]


def small_buffers(sock):
    """Let the system hold little of what is sent and not read."""
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, 32 * 1024)
