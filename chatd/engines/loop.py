"""What the engines share that do everything in one thread: turns around one wait for sockets.

In a turn whoever can be read or written is, then those who waited try again, deadlines are
looked at, and the log is drained. How to wait is all that is left for an engine to say.
"""

import logging
import socket
import threading
import time
from abc import abstractmethod
from collections.abc import Callable
from math import inf

from chatd.config import Listen
from chatd.engines import (
    ACCEPT_PAUSE,
    EXHAUSTED,
    LONGEST_PAUSE,
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
from chatd.mistakes import log_mistake
from chatd.outbox import Send
from chatd.session import Session
from chatd.workers import REVIVAL

_log = logging.getLogger(__name__)

HANDSHAKES_PER_TURN = 4
"""For the same reason: a signature takes as long as a hundred messages, and who asks for one
needs no more than a recorded greeting."""

ACCEPTS_PER_TURN = 64
"""So that a storm of connections does not keep those who are in from chatting."""


class LoopEngine(Engine):
    """One thread for all: wait, read, drain, look at the clock.

    An engine calls readable and writable for what it waits for, then end_turn, and waits no
    longer than patience.
    """

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._listeners: dict[int, Listener] = {}
        self._resting: dict[int, float] = {}  # listeners that do not accept, and until when
        self._connections: dict[int, LoopConnection] = {}
        # Who is not read for now, and when to look at them again: at once, but for those whose
        # clients ask for too much, of whom there may be many.
        self._paused: dict[LoopConnection, float] = {}
        # When what came will be complete, if nothing follows; the earliest of them, or before.
        self._quiet: dict[LoopConnection, float] = {}
        self._next_quiet = inf
        self._handshakes = 0  # in this turn
        self._thread = threading.get_ident()
        self._deadlines = Deadlines(self.sessions, host.clock)

    # -- how to wait: for engines to say -----------------------------------------------------

    @abstractmethod
    def watch(self, fd: int) -> None:
        """Have readable called while the descriptor can be read, until unwatch."""

    @abstractmethod
    def unwatch(self, fd: int) -> None:
        """Take back watch; harmless where it was not called."""

    @abstractmethod
    def want_write(self, fd: int) -> None:
        """Have writable called once, when the descriptor takes bytes."""

    @abstractmethod
    def forget(self, fd: int) -> None:
        """Take back watch and want_write: the descriptor is about to be closed."""

    def turn_soon(self) -> None:
        """See to a turn, soon; for the engine's own thread."""

    def refusal(self, sock: socket.socket, address: str) -> str | None:
        """Say why this connection cannot be taken; None when it can."""
        return self.host.refusal(address)

    # -- the engine's thread -----------------------------------------------------------------

    def start(self, listeners: list[Listener]) -> None:
        self._thread = threading.get_ident()
        self.beat("loop")
        self.host.delivery.wake = self.look_again
        self.watch(self.waker.fileno())
        for listener in listeners:
            listener.sock.setblocking(False)
            fd = listener.sock.fileno()
            self._listeners[fd] = listener
            self.watch(fd)

    def look_again(self) -> None:
        """See to it that there is another turn; from any thread."""
        if threading.get_ident() == self._thread:
            self.turn_soon()
        else:
            self.wake()

    def stop_accepting(self) -> None:
        for fd, listener in self._listeners.items():
            self.unwatch(fd)
            listener.sock.close()
        self._listeners.clear()
        self._resting.clear()

    def close(self) -> None:
        for connection in list(self._connections.values()):
            attempt(connection.session, connection.session.drop, "the server stops")
            connection.end_input()
        self.drain()
        # What the rest of the server has to say while it stops, it drains itself.
        self.host.delivery.wake = self.wake
        self.spare.close()
        self.waker.close()

    # -- a turn ------------------------------------------------------------------------------

    def patience(self) -> float:
        """Seconds until somebody who waits may go on without a socket becoming ready."""
        patience = self._deadlines.wait()
        if self._paused or self._resting:
            now = self.host.clock()
            ready = any(due <= now and not one.session.waits for one, due in self._paused.items())
            patience = 0.0 if ready else min(patience, ACCEPT_PAUSE)
        if self._quiet:
            patience = min(patience, max(0.0, self._next_quiet - self.host.clock()))
        return patience

    def readable(self, fd: int) -> None:
        """Take what has come, be it bytes, connections or a wake-up."""
        if connection := self._connections.get(fd):
            self._step(connection, self._read, connection)
        elif listener := self._listeners.get(fd):
            self._accept(fd, listener)
        else:
            self.waker.clear()

    def writable(self, fd: int) -> None:
        """Send more of what waits for this connection."""
        if connection := self._connections.get(fd):
            self._step(connection, connection.session.flush)

    def end_turn(self) -> None:
        """Do what no socket asks for, and drain the log."""
        try:
            self._end_turn()
        except Exception as error:  # whatever it is, the others chat on
            log_mistake(error, "the loop")
            time.sleep(REVIVAL)

    def _end_turn(self) -> None:
        self._handshakes = 0
        if self._paused:
            self._try_all_again(self.host.clock())
        if self._quiet:
            self._end_quiets(self.host.clock())
        if self._deadlines.tick():
            self.beat("loop")
        if self._resting:
            self._end_rests(self.host.clock())
        self.drain()

    def drain(self) -> None:
        """Deliver all that is in the log."""
        delivery = self.host.delivery
        while delivery.pending:
            try:
                delivery.drain()
            except Exception:  # what failed is out of the log; go on behind it
                _log.exception("delivery")

    # -- clients -----------------------------------------------------------------------------

    def _step(
        self, connection: "LoopConnection", step: Callable[..., object], *args: object
    ) -> None:
        if connection.fd < 0:
            return  # it was closed by what another one has done
        if not attempt(connection.session, step, *args):
            connection.end_input()

    def _read(self, connection: "LoopConnection") -> None:
        if connection.session.handshaking:
            self._handshakes += 1
            if self._handshakes > HANDSHAKES_PER_TURN:
                return  # it can still be read in the next turn
        if not connection.session.can_read:
            self._pause(connection)
        elif self._receive(connection):
            self._go_on(connection)

    def _receive(self, connection: "LoopConnection") -> bool:
        """Take what has come, if only the end; say whether there was something."""
        session = connection.session
        try:
            data = connection.sock.recv(RECV_SIZE)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:  # by a reset; what it had begun to say is no message
            session.end("connection closed")
            data = b""
        if data:
            session.receive(data)
        elif not session.complete():
            self.unwatch(connection.fd)
            connection.end_input()
        return True

    def _go_on(self, connection: "LoopConnection") -> None:
        """Wait for what the session waits for now: bytes, quiet, or others."""
        if connection.fd < 0:
            return  # it was closed by what it has done
        self._note_quiet(connection)
        if not connection.session.can_read:
            self._pause(connection)

    def _pause(self, connection: "LoopConnection") -> None:
        self.unwatch(connection.fd)
        self._look_again_at(connection)

    def _look_again_at(self, connection: "LoopConnection") -> None:
        pause = min(connection.session.pause, LONGEST_PAUSE)
        self._paused[connection] = self.host.clock() + pause if pause else 0.0

    def _try_all_again(self, now: float) -> None:
        for connection, due in list(self._paused.items()):
            if due <= now:
                self._step(connection, self._try_again, connection)

    def _try_again(self, connection: "LoopConnection") -> None:
        session = connection.session
        if session.waits:
            connection.notice_hang_up()
        elif not session.can_read:
            session.receive(b"")
            self._note_quiet(connection)
        if connection not in self._paused:
            return  # it was closed by what it has done
        if session.can_read:
            del self._paused[connection]
            self.watch(connection.fd)
        else:
            self._look_again_at(connection)

    # -- quiet -------------------------------------------------------------------------------

    def _note_quiet(self, connection: "LoopConnection") -> None:
        patience = connection.session.patience
        if patience is not None:
            until = self._quiet[connection] = self.host.clock() + patience
            self._next_quiet = min(self._next_quiet, until)
        elif self._quiet:
            self._quiet.pop(connection, None)

    def _end_quiets(self, now: float) -> None:
        if now < self._next_quiet:
            return
        for connection in [one for one, until in self._quiet.items() if until <= now]:
            self._step(connection, self._end_quiet, connection)
        self._next_quiet = min(self._quiet.values(), default=inf)

    def _end_quiet(self, connection: "LoopConnection") -> None:
        # It was quiet only if nothing has come up to now, whenever we find the time to look.
        if connection.session.can_read and not self._receive(connection):
            connection.session.quiet_passed()
        self._go_on(connection)

    # -- connections come and go -------------------------------------------------------------

    def _accept(self, fd: int, listener: Listener) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            try:
                sock, address = listener.sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in EXHAUSTED:
                    self.exhausted(listener, error)
                    self.unwatch(fd)
                    self._resting[fd] = self.host.clock() + ACCEPT_PAUSE
                return
            try:
                self._take(sock, peer_name(address), listener.spec)
            except Exception:
                _log.exception("accepting %s", address)

    def _end_rests(self, now: float) -> None:
        for fd in [fd for fd, until in self._resting.items() if until <= now]:
            del self._resting[fd]
            self.watch(fd)

    def _take(self, sock: socket.socket, address: str, spec: Listen) -> None:
        if (reason := self.refusal(sock, address)) is not None:
            turn_away(sock, self.host.refuse(spec, address, reason))
            return
        connection = LoopConnection(sock, self)
        self.admit(connection, spec, address)
        self._connections[connection.fd] = connection
        self.watch(connection.fd)
        self._step(connection, self._open, connection)

    def _open(self, connection: "LoopConnection") -> None:
        connection.session.open()
        self._go_on(connection)

    def closed(self, connection: "LoopConnection", session: Session) -> None:
        """Forget a connection, as its descriptor is about to be closed."""
        self.forget(connection.fd)
        self._connections.pop(connection.fd, None)
        self._paused.pop(connection, None)
        self._quiet.pop(connection, None)
        self.forget_session(session)


class LoopConnection(Connection):
    """A non-blocking socket that its engine waits for."""

    __slots__ = ("engine", "fd")

    def __init__(self, sock: socket.socket, engine: LoopEngine) -> None:
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
        self.engine.look_again()

    def close(self) -> None:
        self.engine.closed(self, self.session)
        self.fd = -1  # the next connection may get the number
        super().close()
