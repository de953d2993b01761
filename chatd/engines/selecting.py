"""The select engine: everything in one thread around one `select.select`."""

import logging
import select
import socket
import threading
import time
from collections.abc import Callable
from math import inf

from chatd.config import Listen
from chatd.engines import (
    ACCEPT_PAUSE,
    EXHAUSTED,
    RECV_SIZE,
    Connection,
    Deadlines,
    Engine,
    Host,
    Listener,
    attempt,
    peer_name,
    turn_away,
)
from chatd.outbox import Send
from chatd.session import Session

_log = logging.getLogger(__name__)

HIGHEST_FD = 1023
"""select(2) cannot watch descriptors beyond FD_SETSIZE."""

ACCEPTS_PER_TURN = 64
"""So that a storm of connections does not keep those who are in from chatting."""


class SelectEngine(Engine):
    """One loop: wait, read, drain, look at the clock."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._listeners: dict[int, Listener] = {}
        self._resting: dict[int, float] = {}  # listeners that do not accept, and until when
        self._connections: dict[int, _SelectConnection] = {}
        self._reading: set[int] = set()
        self._paused: set[int] = set()
        self._writing: set[int] = set()
        self._quiet: dict[int, float] = {}  # when what came will be complete, if nothing follows
        self._thread = 0
        self._deadlines = Deadlines(self.sessions, host.clock)
        self._reading.add(self.waker.fileno())

    def start(self, listeners: list[Listener]) -> None:
        self.host.delivery.wake = self._wake_from_elsewhere
        for listener in listeners:
            listener.sock.setblocking(False)
            fd = listener.sock.fileno()
            self._listeners[fd] = listener
            self._reading.add(fd)

    def run(self, finished: Callable[[], bool], timeout: float = inf) -> None:
        self._thread = threading.get_ident()
        deadline = time.monotonic() + timeout
        self._drain()  # what this thread has appended since the last turn wakes nobody
        while not finished() and (left := deadline - time.monotonic()) > 0:
            self._turn(min(left, self._deadlines.wait(), self._patience()))

    def _wake_from_elsewhere(self) -> None:
        if threading.get_ident() != self._thread:
            self.wake()

    def stop_accepting(self) -> None:
        for fd, listener in self._listeners.items():
            self._reading.discard(fd)
            listener.sock.close()
        self._listeners.clear()
        self._resting.clear()

    def close(self) -> None:
        for connection in list(self._connections.values()):
            attempt(connection.session, connection.session.drop, "the server stops")
            connection.end_input()
        self._drain()
        self.spare.close()
        self.waker.close()

    # -- the loop ----------------------------------------------------------------------------

    def _patience(self) -> float:
        """Seconds until somebody who waits may go on without a socket becoming ready."""
        patience = inf
        if self._paused or self._resting:
            ready = any(not self._connections[fd].session.waits for fd in self._paused)
            patience = 0.0 if ready else ACCEPT_PAUSE
        if self._quiet:
            patience = min(patience, max(0.0, min(self._quiet.values()) - self.host.clock()))
        return patience

    def _turn(self, wait: float) -> None:
        looked = self.host.clock()
        readable, writable, _ = select.select(self._reading, self._writing, (), wait)
        for fd in writable:
            self._writing.discard(fd)
            if connection := self._connections.get(fd):
                self._step(connection, connection.session.flush)
        for fd in readable:
            if connection := self._connections.get(fd):
                self._step(connection, self._read, connection)
            elif listener := self._listeners.get(fd):
                self._accept(fd, listener)
            else:
                self.waker.clear()
        for fd in list(self._paused):
            if connection := self._connections.get(fd):
                self._step(connection, self._try_again, connection)
        self._end_quiets(looked)
        self._deadlines.tick()
        for fd in [fd for fd, until in self._resting.items() if until <= self.host.clock()]:
            del self._resting[fd]
            self._reading.add(fd)
        self._drain()

    def _drain(self) -> None:
        delivery = self.host.delivery
        while delivery.pending:
            try:
                delivery.drain()
            except Exception:  # what failed is out of the log; go on behind it
                _log.exception("delivery")

    def _step(
        self, connection: "_SelectConnection", step: Callable[..., object], *args: object
    ) -> None:
        if not attempt(connection.session, step, *args):
            connection.end_input()

    def _read(self, connection: "_SelectConnection") -> None:
        session = connection.session
        if not session.can_read:
            self._pause(connection.fd)
            return
        try:
            data = connection.sock.recv(RECV_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            session.receive(data)
        elif not session.complete():
            self._reading.discard(connection.fd)
            connection.end_input()
            return
        self._go_on(connection)

    def _go_on(self, connection: "_SelectConnection") -> None:
        """Wait for what the session waits for now: bytes, quiet, or others."""
        if self._connections.get(connection.fd) is not connection:
            return  # it was closed by what it has done
        self._note_quiet(connection)
        if not connection.session.can_read:
            self._pause(connection.fd)

    def _note_quiet(self, connection: "_SelectConnection") -> None:
        patience = connection.session.patience
        if patience is not None:
            self._quiet[connection.fd] = self.host.clock() + patience
        else:
            self._quiet.pop(connection.fd, None)

    def _end_quiets(self, now: float) -> None:
        """End the quiet that was over when the sockets were looked at: what came since counts."""
        for fd in [fd for fd, until in self._quiet.items() if until <= now]:
            if connection := self._connections.get(fd):
                self._step(connection, self._end_quiet, connection)

    def _end_quiet(self, connection: "_SelectConnection") -> None:
        if connection.session.can_read:
            connection.session.quiet_passed()
        self._go_on(connection)

    def _pause(self, fd: int) -> None:
        self._reading.discard(fd)
        self._paused.add(fd)

    def _try_again(self, connection: "_SelectConnection") -> None:
        session = connection.session
        if session.waits:
            connection.notice_hang_up()
        elif not session.can_read:
            session.receive(b"")
            self._note_quiet(connection)
        if session.can_read:
            self._paused.discard(connection.fd)
            self._reading.add(connection.fd)

    def _accept(self, fd: int, listener: Listener) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            try:
                sock, address = listener.sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in EXHAUSTED:
                    self.exhausted(listener, error)
                    self._reading.discard(fd)
                    self._resting[fd] = self.host.clock() + ACCEPT_PAUSE
                return
            try:
                self._take(sock, peer_name(address), listener.spec)
            except Exception:
                _log.exception("accepting %s", address)

    def _take(self, sock: socket.socket, address: str, spec: Listen) -> None:
        reason = self.host.refusal()
        if reason is None and sock.fileno() > HIGHEST_FD:
            reason = "the server is full: select can watch no more connections"
        if reason is not None:
            turn_away(sock, self.host.refuse(spec, address, reason))
            return
        connection = _SelectConnection(sock, self)
        self.admit(connection, spec, address)
        self._connections[connection.fd] = connection
        self._reading.add(connection.fd)
        self._step(connection, self._open, connection)

    def _open(self, connection: "_SelectConnection") -> None:
        connection.session.open()
        self._go_on(connection)

    # -- what connections ask for ------------------------------------------------------------

    def want_write(self, fd: int) -> None:
        self._writing.add(fd)

    def closed(self, fd: int, session: Session) -> None:
        for descriptors in (self._reading, self._paused, self._writing):
            descriptors.discard(fd)
        self._connections.pop(fd, None)
        self._quiet.pop(fd, None)
        self.sessions.discard(session)


class _SelectConnection(Connection):
    __slots__ = ("engine", "fd")

    def __init__(self, sock: socket.socket, engine: SelectEngine) -> None:
        super().__init__(sock, engine.host.limits)
        sock.setblocking(False)
        self.engine = engine
        self.fd = sock.fileno()

    @property
    def send(self) -> Send:
        return self.sock.send

    def want_write(self) -> None:
        self.engine.want_write(self.fd)

    def want_read(self) -> None:
        self.engine._wake_from_elsewhere()

    def close(self) -> None:
        self.engine.closed(self.fd, self.session)
        self.fd = -1  # the next connection may get the number
        super().close()
