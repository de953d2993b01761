"""Engines: they move bytes between sockets and sessions, and know nothing of the chat.

The seam: a session takes bytes (`receive`, `eof`) while `can_read`, is given a transport to
send through, has a `deadline` for `tick`; the delivery log is drained by `delivery.drain`.
"""

import contextlib
import errno
import logging
import os
import select
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from math import inf
from typing import Protocol

from chatd.config import Listen
from chatd.delivery import Delivery
from chatd.limits import Limits
from chatd.outbox import Send
from chatd.output import Transport
from chatd.session import Session

_log = logging.getLogger(__name__)

RECV_SIZE = 16 * 1024
"""Bytes read at a time: more makes nothing faster, and what one turn may bring is bounded."""

ACCEPT_PAUSE = 0.1
"""Seconds without accepting after the system ran out of descriptors: no spin, quick recovery."""

LONGEST_PAUSE = 0.5
"""Seconds after which a client that has to wait its turn is looked at all the same: it may be gone,
or its session over."""

EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
"""Errors of accept that pass when others give back what they hold."""

NO_DESCRIPTOR = {errno.EMFILE, errno.ENFILE}
"""Those of them that one descriptor more would have averted."""

KEEPALIVE = {
    "TCP_KEEPIDLE": 60,
    "TCP_KEEPALIVE": 60,  # what macOS calls the one before
    "TCP_KEEPINTVL": 15,
    "TCP_KEEPCNT": 4,
    # Milliseconds. Linux looks at it only when a probe is due, and then not at the count of them:
    # two seconds more than 120, and a silent peer is lost 15 seconds later.
    "TCP_USER_TIMEOUT": 118_000,
}
"""When a peer counts as lost that vanished without a word: after two minutes, whether we wait
for it to speak or to take what it was sent; so does one that is there and takes nothing. With the
system's own two hours its nick would be taken for as long. Where the system lacks an option, its
own value stays."""

_KEEPALIVE = [
    (getattr(socket, name), KEEPALIVE[name]) for name in KEEPALIVE if hasattr(socket, name)
]


class Listener:
    """A listening socket, and what it was made for.

    shared: whoever passed the socket to us has it, too, and goes on listening with it.
    """

    def __init__(self, spec: Listen, sock: socket.socket, *, shared: bool = False) -> None:
        self.spec = spec
        self.sock = sock
        self.shared = shared

    @property
    def address(self) -> tuple[str, int]:
        """Host and port as bound."""
        host, port, *_ = self.sock.getsockname()
        return host, port


class Host(Protocol):
    """What an engine needs of the server."""

    limits: Limits
    delivery: Delivery
    clock: Callable[[], float]

    def session(self, spec: Listen, transport: Transport, address: str) -> Session:
        """Make the session of a new connection; the engine calls open()."""

    def refusal(self, address: str) -> str | None:
        """Count a connection, or say why it cannot be taken now; gone() takes the count back."""

    def gone(self, address: str) -> None:
        """Take note that a connection that was counted is closed."""

    def refuse(self, spec: Listen, address: str, text: str) -> bytes:
        """Note that a connection is refused; return what it is told, in its dialect."""

    def warn(self, text: str, every: float = 60.0) -> None:
        """Tell the operator, at most once in `every` seconds for the same text."""


class Waker:
    """Wakes a thread that waits for descriptors; from any thread or signal handler."""

    def __init__(self) -> None:
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._read.fileno()

    @property
    def write_fileno(self) -> int:
        """The descriptor that wakes when a byte is written to it."""
        return self._write.fileno()

    def wake(self) -> None:
        """Wake the thread, or keep it from falling asleep."""
        with contextlib.suppress(OSError):  # full, so it is awake; or closed, so it is over
            self._write.send(b"x")

    def clear(self) -> None:
        """Take note of having been woken."""
        with contextlib.suppress(BlockingIOError):
            self._read.recv(4096)

    def close(self) -> None:
        """Close both ends."""
        self._read.close()
        self._write.close()


class SpareDescriptor:
    """A descriptor held back, so that a client can be told that there is none for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fd: int | None = None
        self._hold()

    def _hold(self) -> None:
        with contextlib.suppress(OSError):  # there is none left: then it goes without
            self._fd = os.open(os.devnull, os.O_RDONLY)

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """Have it free for a moment, for one thread at a time."""
        with self._lock:
            self.close()
            try:
                yield
            finally:
                self._hold()

    def close(self) -> None:
        """Give it back."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class Engine(ABC):
    """Runs listeners and sessions. run() is for the thread that called start()."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.waker = Waker()
        """Wakes the thread that is in run()."""
        self.sessions: set[Session] = set()
        """Sessions whose connection is not closed."""
        self.spare = SpareDescriptor()
        self._beats: dict[str, float] = {}

    @abstractmethod
    def start(self, listeners: list[Listener]) -> None:
        """Begin to accept."""

    @abstractmethod
    def run(self, finished: Callable[[], bool], timeout: float = inf) -> None:
        """Serve until finished() is true or timeout seconds have passed.

        finished is asked after each wake() and whenever a connection was closed.
        """

    def wake(self) -> None:
        """Have run() ask finished() again; from any thread or signal handler."""
        self.waker.wake()

    @abstractmethod
    def stop_accepting(self) -> None:
        """Close the listeners."""

    @abstractmethod
    def close(self) -> None:
        """Cut what is still connected and end all threads."""

    # -- what all engines do -----------------------------------------------------------------

    def beat(self, part: str) -> None:
        """Take note that a part which must go on does so; each at least twice a second."""
        self._beats[part] = self.host.clock()

    def stalled(self, seconds: float) -> list[str]:
        """Name the parts that have not gone on for so long; from any thread."""
        bound = self.host.clock() - seconds
        return sorted(part for part, at in list(self._beats.items()) if at < bound)

    def admit(self, connection: "Connection", spec: Listen, address: str) -> None:
        """Give a new connection its session; the thread that accepts must not lose sight of it."""
        try:
            connection.session = self.host.session(spec, connection, address)
        except Exception:
            connection.sock.close()
            self.host.gone(address)
            raise
        self.sessions.add(connection.session)

    def forget_session(self, session: Session) -> None:
        """Take note that the connection of a session is closed."""
        if session in self.sessions:
            self.sessions.discard(session)
            self.host.gone(session.address)

    def exhausted(self, listener: Listener, error: OSError) -> None:
        """Take note that the system is at its bounds; the next client is told so, if it can be.

        Only that one, since the listener rests now: who waits longer may find a place.
        """
        self.host.warn(f"cannot accept: {error.strerror}")
        if error.errno not in NO_DESCRIPTOR:
            return
        try:
            with self.spare.lent():
                sock, address = listener.sock.accept()
                with sock:
                    reason = "the server is full: the system grants it no more connections"
                    told = self.host.refuse(listener.spec, peer_name(address), reason)
                    turn_away(sock, told)
        except OSError:
            pass  # there was no spare, or somebody else took it
        except Exception:
            _log.exception("refusing a connection")


class Connection(ABC):
    """A transport over a socket, for engines to complete."""

    __slots__ = ("session", "sock")

    def __init__(self, sock: socket.socket, limits: Limits) -> None:
        self.sock = sock
        self.session: Session
        with contextlib.suppress(OSError):  # the peer may be gone already
            # Nagle's wait for delayed acknowledgements costs 17 to 40 ms per message.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.sndbuf)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in _KEEPALIVE:
                sock.setsockopt(socket.IPPROTO_TCP, option, value)

    @property
    @abstractmethod
    def send(self) -> Send: ...

    @abstractmethod
    def want_write(self) -> None: ...

    @abstractmethod
    def want_read(self) -> None: ...

    def end_output(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def abort(self) -> None:
        with contextlib.suppress(OSError):
            # Reset instead of an orderly end: the kernel's buffer is thrown away as well.
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.sock.close()

    # -- for the session's reader ------------------------------------------------------------

    def end_input(self) -> None:
        """Tell the session that nothing more comes; one that cannot take it is cut off."""
        if not attempt(self.session, self.session.eof):
            self.close()

    def notice_hang_up(self, seconds: float = 0.0) -> None:
        """End the session if its peer is gone; for those that wait, since nobody reads them.

        With seconds it is waited for that. Gone is who reset the connection or is lost. One that
        merely sends nothing more still hears its answers.
        """
        poll = select.poll()
        poll.register(self.sock, 0)  # what is asked for comes on top of hang-ups and errors
        if poll.poll(seconds * 1000):
            self.session.end("connection closed")


def attempt(session: Session, step: Callable[..., object], *args: object) -> bool:
    """Take a step of one session; return whether it went well. If not, the session is dropped.

    Its trouble is its own: whoever takes the steps of many goes on with the next.
    """
    try:
        step(*args)
    except Exception:
        _log.exception("session of %s", session.address)
        try:
            session.drop("internal error")
        except Exception:
            _log.exception("dropping the session of %s", session.address)
        return False
    return True


class Deadlines:
    """Ticks the sessions that are due.

    All sessions are looked at twice a second, or when the earliest one is due: deadlines are
    seconds, so that is as good as a heap, which every change of a deadline would have to pay.
    """

    PERIOD = 0.5

    def __init__(self, sessions: set[Session], clock: Callable[[], float]) -> None:
        self._sessions = sessions
        self._clock = clock
        self._next = clock()

    def wait(self) -> float:
        """Seconds until tick() has to be called."""
        return max(0.0, self._next - self._clock())

    def tick(self) -> bool:
        """Tick what is due, unless it is too early to look; say whether it was time."""
        now = self._clock()
        if now < self._next:
            return False
        nearest = now + self.PERIOD
        for session in list(self._sessions):
            if session.deadline <= now and not attempt(session, session.tick):
                continue  # its deadline may have stayed where it was: no spin
            nearest = min(nearest, session.deadline)
        self._next = nearest
        return True


def turn_away(sock: socket.socket, reason: bytes) -> None:
    """Tell a connection that it is not wanted, as far as that takes no time, and close it."""
    with contextlib.suppress(OSError), sock:
        sock.send(reason, socket.MSG_DONTWAIT)
        sock.shutdown(socket.SHUT_WR)


def peer_name(address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """Write a socket address as ip:port, [ipv6]:port; IPv4-mapped ones as IPv4 (SPEC D-3)."""
    host, port = address[:2]
    host = host.removeprefix("::ffff:") if "." in host else host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
