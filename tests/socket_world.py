"""A server on an engine: it tells what it has taken of each client, and whose end it has seen."""

import socket
import struct
from contextlib import contextmanager
from threading import Condition
from unittest import mock

from chat import PATIENCE
from chatd.engines import peer_name
from chatd.events import Disconnected, LoggedIn, LoggedOut, Renamed
from chatd.session import Session
from chatd.taps import Tap
from chatd.testing import running_server
from transcript import take_limits


class _ObservedSession(Session):
    """A session that says how much it has taken and carried out."""

    __slots__ = ("note", "taken", "waiting")

    def __init__(self, *args, note):
        super().__init__(*args)
        self.note = note
        self.taken = 0
        self.waiting = False  # for the quiet that ends a chunk

    def receive(self, data):
        super().receive(data)
        self.taken += len(data)
        self.waiting = self.patience is not None
        self.note()

    def quiet_passed(self):
        super().quiet_passed()
        self.waiting = False
        self.note()


class SocketClient:
    """A connection to a server."""

    def __init__(self, world, sock):
        self._world = world
        self._sock = sock
        self.address = peer_name(sock.getsockname())
        self._sent = 0

    def send(self, data):
        self._sent += len(data)
        self._sock.sendall(data)

    def wait_until_taken(self):
        """Wait until the server has carried out what was sent, or ended the session."""
        self._world.wait_until_taken(self.address, self._sent)

    def receive(self, timeout):
        self._sock.settimeout(max(timeout, 0.001))
        return self._sock.recv(65536)

    def hang_up(self):
        self._sock.close()

    def close(self):
        """Close, and wait until the server has noticed."""
        self.hang_up()
        self._world.wait_for_end(self.address)

    def reset(self):
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def stop_sending(self):
        self._sock.shutdown(socket.SHUT_WR)
        self._world.wait_for_end(self.address)


class SocketWorld:
    """A running server, and a tap that knows when it has noticed the end of a connection."""

    def __init__(self, host):
        self._host = host
        self._server = None
        self._clients = []
        self._changed = Condition()
        self._address_of = {}
        self._ended = set()
        self._sessions = {}

    @contextmanager
    def serving(self, engine, settings):
        settings = {"dialect": "crlf", **settings}
        limits = take_limits(settings)
        settings.update(engine=engine, limits=limits, taps=(Tap(self._note),))
        with mock.patch("chatd.server.Session", self._session):
            with running_server(**settings) as self._server:
                try:
                    yield self
                finally:
                    for client in self._clients:
                        client.hang_up()

    def _session(self, *args):
        session = _ObservedSession(*args, note=self._notify)
        self._sessions[session.address] = session
        return session

    def finish(self):
        """Stop the server."""
        self._server.server.stop()

    def connect(self):
        sock = self._server.connect(self._host, PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._clients.append(SocketClient(self, sock))
        return self._clients[-1]

    def _notify(self):
        with self._changed:
            self._changed.notify_all()

    def _note(self, event):
        with self._changed:
            if isinstance(event, LoggedIn):
                self._address_of[event.nick] = event.address
            elif isinstance(event, Renamed):
                self._address_of[event.nick] = self._address_of.pop(event.old)
            elif isinstance(event, LoggedOut):
                self._ended.add(self._address_of.pop(event.nick))
            elif isinstance(event, Disconnected):
                self._ended.add(event.address)
            self._changed.notify_all()

    def wait_until_taken(self, address, size):
        def taken():
            session = self._sessions.get(address)
            done = session and session.taken >= size and not session.waiting
            return done or address in self._ended

        with self._changed:
            assert self._changed.wait_for(taken, PATIENCE), f"{address} was not listened to"

    def wait_for_end(self, address):
        with self._changed:
            noticed = self._changed.wait_for(lambda: address in self._ended, PATIENCE)
            assert noticed, f"the server did not notice the end of {address}"
