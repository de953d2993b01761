"""The default engine: socketserver.ThreadingTCPServer, a thread per client.

A client's thread reads and carries out what it reads. One flusher thread drains the delivery
log, so that many messages go out in one send; one timekeeper thread sends what clients did not
take at once, and ends sessions that are due.
"""

import contextlib
import logging
import select
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from math import inf
from queue import SimpleQueue
from socket import MSG_DONTWAIT
from typing import Any

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
    Waker,
    attempt,
    peer_name,
    turn_away,
)
from chatd.outbox import Send
from chatd.session import Session
from chatd.workers import ParkedThreads, start_lasting

_log = logging.getLogger(__name__)

LINGER = 0.0003
"""Seconds that the flusher waits for more while several people talk: a third less CPU time.
0.1 to 1 ms make little difference."""

SOLO = 16
"""Batches of one sender after which the chat counts as quiet. Less and a busy one does, too,
now and then, and sends more often than it needs to."""

TURNS = 8
"""Batches that a reader drains before it leaves the rest to the flusher and reads on."""

PULSE = 0.5
"""Seconds after which an idle flusher wakes, to show that it could."""

PARKED = 64
"""Handler threads kept for the next clients."""


class ThreadsEngine(Engine):
    """Many client threads, one flusher, one timekeeper."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.handlers = ParkedThreads("chatd-client", idle=PARKED)
        self._servers: list[_Server] = []
        self._threads: list[threading.Thread] = []
        self._stopping = False
        self._closing = False
        self._sleeping = False
        self._solo = 0  # batches in a row that held messages of one sender at most
        self._gate = threading.Lock()  # a semaphore: the flusher sleeps in acquire()
        self._gate.acquire()
        self._sending = threading.Lock()  # held by the flusher while it drains
        self._reader_drains = False
        self._relief = threading.Condition()
        self._waiting = 0
        self._timekeeper = _Timekeeper(self)

    def start(self, listeners: list[Listener]) -> None:
        self.host.delivery.wake = self._pass_on
        self._keep_running("flusher", self._flush, lambda: self._closing)
        self._keep_running("timekeeper", self._timekeeper.run, lambda: self._closing)
        for listener in listeners:
            server = _Server(self, listener)
            self._servers.append(server)
            self._keep_running(server.part, server.serve_forever, lambda: self._stopping)

    def _keep_running(self, part: str, work: Callable[[], None], over: Callable[[], bool]) -> None:
        self.beat(part)
        self._threads.append(start_lasting(f"chatd-{part}", work, over))

    def run(self, finished: Callable[[], bool], timeout: float = inf) -> None:
        deadline = time.monotonic() + timeout
        while not finished():
            left = deadline - time.monotonic()
            if left <= 0:
                return
            select.select([self.waker], [], [], None if left == inf else left)
            self.waker.clear()

    def stop_accepting(self) -> None:
        self._stopping = True
        for server in self._servers:
            if not server.listener.shared:  # else nobody could connect to it ever again
                with contextlib.suppress(OSError):
                    server.socket.shutdown(socket.SHUT_RDWR)  # wakes its selector
            server.shutdown()
            server.server_close()

    def close(self) -> None:
        for session in list(self.sessions):
            attempt(session, session.drop, "the server stops")
        self.run(lambda: not self.sessions, timeout=1.0)
        self._closing = True
        self._wake_flusher()
        self._timekeeper.waker.wake()
        self.handlers.close()
        for thread in self._threads:
            thread.join(timeout=1.0)
        self._timekeeper.close()
        self.spare.close()
        self.waker.close()

    # -- clients -----------------------------------------------------------------------------

    def handle(self, connection: "_ThreadConnection") -> None:
        """Be the reader of one client, until its end."""
        session = connection.session
        if attempt(session, session.open):
            attempt(session, self._read, connection)
        connection.end_input()

    def _read(self, connection: "_ThreadConnection") -> None:
        session = connection.session
        while True:
            if session.waits:
                self._wait(connection)
            elif not session.can_read:
                session.receive(b"")
                self._pass_on()
            elif (data := connection.receive(session.patience)) is None:
                session.quiet_passed()
                self._pass_on()
            elif data:
                if not self._quiet:
                    # Nothing this brings could go out before the batch that is being sent. To
                    # wait for it here, not for the GIL at each of its sends, saves 30 % of the
                    # CPU time with 10 fast senders.
                    with self._sending:
                        pass
                session.receive(data)
                self._pass_on()
            elif session.complete():
                self._pass_on()
            else:
                return

    @property
    def _quiet(self) -> bool:
        """Whether no two people have talked to a room at a time lately."""
        return self._solo >= SOLO

    def _pass_on(self) -> None:
        """See to it that the log is drained: at once when there is nothing to wait for.

        That saves handing each message of a quiet chat over to the flusher. A reader that
        drains takes along what others append meanwhile.
        """
        delivery = self.host.delivery
        for _ in range(TURNS):
            if not (delivery.pending and self._sleeping and self._quiet):
                break
            if not self._drain_here():
                if self._reader_drains:  # it will look again when it has done so
                    return
                break
        if delivery.pending:
            self._wake_flusher()

    def _drain_here(self) -> bool:
        if not self._sending.acquire(blocking=False):
            return False
        self._reader_drains = True
        try:
            self._drain()
        finally:
            self._sending.release()
            self._reader_drains = False
        return True

    def _drain(self) -> None:
        delivery = self.host.delivery
        try:
            delivery.drain()
        except Exception:
            _log.exception("drain")
        self._solo = 0 if delivery.several_talk else self._solo + 1
        self.relieve()

    def _wait(self, connection: "_ThreadConnection") -> None:
        session = connection.session
        while session.waits:
            if pause := session.pause:  # no relief makes that shorter
                connection.notice_hang_up(min(pause, LONGEST_PAUSE))
                continue
            with self._relief:
                self._waiting += 1
                # Look again, now that relieve() would be heard. Not for ever: a sender's second
                # may be over, or a client gone, without anybody saying so.
                if session.waits:
                    self._relief.wait(0.1)
                self._waiting -= 1
            connection.notice_hang_up()

    def relieve(self) -> None:
        """Let waiting readers look whether they may go on."""
        if self._waiting:
            with self._relief:
                self._relief.notify_all()

    def closed(self, session: Session) -> None:
        """Take note that a connection is closed."""
        self.forget_session(session)
        if self._stopping:
            self.wake()

    def want_write(self, connection: "_ThreadConnection") -> None:
        self._timekeeper.watch(connection)

    # -- the flusher -------------------------------------------------------------------------

    def _wake_flusher(self) -> None:
        if self._sleeping:
            self._sleeping = False
            with contextlib.suppress(RuntimeError):  # somebody else was as quick
                self._gate.release()

    def _flush(self) -> None:
        delivery = self.host.delivery
        while not self._closing:
            self.beat("flusher")
            if not delivery.pending:
                self._sleeping = True
                # What came before the flag was set would wake nobody: look again.
                if not delivery.pending and not self._closing:
                    self._gate.acquire(timeout=PULSE)
                self._sleeping = False
                continue
            if delivery.several_talk:
                time.sleep(LINGER)
            with self._sending:
                self._drain()


class _ThreadConnection(Connection):
    __slots__ = ("engine",)

    def __init__(self, sock: socket.socket, engine: ThreadsEngine) -> None:
        super().__init__(sock, engine.host.limits)
        self.engine = engine

    @property
    def send(self) -> Send:
        return self._send

    def _send(self, data: bytes | memoryview) -> int:
        return self.sock.send(data, MSG_DONTWAIT)

    def receive(self, patience: float | None) -> bytes | None:
        """Wait for what comes next; empty at the end, by a reset too.

        None when nothing came for patience seconds.
        """
        if patience is not None:
            poll = select.poll()
            poll.register(self.sock, select.POLLIN)
            if not poll.poll(patience * 1000):
                return None
        try:
            return self.sock.recv(RECV_SIZE)
        except OSError:  # what it had begun to say is no message
            self.session.end("connection closed")
            return b""

    def want_write(self) -> None:
        self.engine.want_write(self)

    def want_read(self) -> None:
        self.engine.relieve()

    def close(self) -> None:
        super().close()
        self.engine.closed(self.session)


class _Timekeeper:
    """Watches the few sockets that did not take everything, and all deadlines."""

    def __init__(self, engine: ThreadsEngine) -> None:
        self._engine = engine
        self._requests: SimpleQueue[_ThreadConnection] = SimpleQueue()
        self._watched: dict[int, _ThreadConnection] = {}
        self.waker = Waker()
        self._poll = select.poll()
        self._poll.register(self.waker, select.POLLIN)
        self._deadlines = Deadlines(engine.sessions, engine.host.clock)

    def watch(self, connection: _ThreadConnection) -> None:
        """Have the connection's session flushed once its socket takes bytes."""
        self._requests.put(connection)
        self.waker.wake()

    def run(self) -> None:
        while not self._engine._closing:
            self._turn()

    def _turn(self) -> None:
        for fd, _ in self._poll.poll(self._deadlines.wait() * 1000 + 1):
            if fd == self.waker.fileno():
                self.waker.clear()
            else:
                # Whatever happened to it, flush() finds out, and asks again when it has to.
                self._poll.unregister(fd)
                session = self._watched.pop(fd).session
                attempt(session, session.flush)
        while not self._requests.empty():
            self._register(self._requests.get())
        if self._deadlines.tick():
            self._engine.beat("timekeeper")
        self._engine.relieve()

    def _register(self, connection: _ThreadConnection) -> None:
        fd = connection.sock.fileno()
        if fd >= 0:  # else it was closed meanwhile
            self._watched[fd] = connection
            self._poll.register(fd, select.POLLOUT)

    def close(self) -> None:
        self.waker.close()


class _Server(socketserver.ThreadingTCPServer):
    """One listener; its clients' threads come from the engine's parked ones."""

    daemon_threads = True  # reaping costs 0.7 ms per accept at 3000 threads
    request_queue_size = 1024

    def __init__(self, engine: ThreadsEngine, listener: Listener) -> None:
        super().__init__(("", 0), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener.sock
        self.engine = engine
        self.listener = listener
        self.part = "accept-{}-{}".format(*listener.address)

    def service_actions(self) -> None:
        self.engine.beat(self.part)

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            return super().get_request()
        except OSError as error:
            if error.errno in EXHAUSTED:
                self.engine.exhausted(self.listener, error)
                time.sleep(ACCEPT_PAUSE)  # the stock loop would spin
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        # Refusing belongs here, too: an exception of verify_request ends the stock loop.
        host, spec, address = self.engine.host, self.listener.spec, peer_name(client_address)
        if (reason := host.refusal(address)) is not None:
            turn_away(request, host.refuse(spec, address, reason))
            return
        connection: Any = _ThreadConnection(request, self.engine)
        self.engine.admit(connection, spec, address)
        try:
            self.engine.handlers.run(lambda: self.finish_request(connection, client_address))
        except RuntimeError as error:  # no thread to be had
            host.warn(f"cannot accept: {error}")
            connection.close()

    def shutdown_request(self, request: Any) -> None:
        pass  # the session closes its connection when both sides are done

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.exception("accepting %s", client_address)


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.server.engine.handle(self.request)
