"""One client: its dialect on the way in, its bounded outbox on the way out.

A session never touches a socket. Its engine feeds it bytes and gives it a transport that sends
what can be sent at once. The input half is touched by the session's reader alone, the output
half is guarded by the session's own output lock. The hub's lock is never taken while holding
that one.
"""

import logging
import threading
from collections.abc import Callable
from itertools import count
from math import inf
from typing import Protocol

from chatd.delivery import Delivery, Encoder
from chatd.dialects import Dialect
from chatd.events import CommandError, Event, Failed, Goodbye, Request, WireError
from chatd.hub import Hub
from chatd.limits import Limits
from chatd.outbox import Outbox

_log = logging.getLogger(__name__)


class Transport(Protocol):
    """What an engine does for a session. Nothing here may wait."""

    def send(self, data: bytes | memoryview) -> int:
        """Send what can be sent now; return its size in bytes, 0 when nothing can.

        Raises OSError when the connection is broken.
        """

    def want_write(self) -> None:
        """Have flush() called once the connection takes bytes again."""

    def want_read(self) -> None:
        """Look at `waits` again: it may have become false. From any thread."""

    def end_output(self) -> None:
        """Tell the peer that nothing more comes, and go on reading."""

    def abort(self) -> None:
        """Cut the connection at once; its reader sees the end of the stream."""

    def close(self) -> None:
        """Release the connection: input and output are both over."""


class Job(Protocol):
    """A command that runs elsewhere."""

    @property
    def done(self) -> bool: ...

    @property
    def error(self) -> BaseException | None: ...

    def abandon(self) -> None:
        """Make it done, whatever its thread is at, with an error that says it took too long."""


class Dispatch(Protocol):
    """Carries requests out; injected, so that sessions know nothing of commands and plugins."""

    def run(self, session: "Session", request: Request) -> Job | None:
        """Carry a request out; a command that may block is left to a job instead.

        The job calls session.job_done, from any thread. Raises what the command raised.
        """


class Session:
    """One connection, from accept to close, on any engine."""

    __slots__ = (
        "_close_deadline",
        "_deaf",
        "_delivery",
        "_dialect",
        "_dispatch",
        "_ended",
        "_finishing",
        "_held",
        "_hub",
        "_input_over",
        "_job",
        "_job_deadline",
        "_job_request",
        "_limits",
        "_login_deadline",
        "_outbox",
        "_output",
        "_output_over",
        "_send",
        "_stall_deadline",
        "_transport",
        "_window_size",
        "_window_start",
        "address",
        "clock",
        "deadline",
        "encoder",
        "is_user",
    )

    def __init__(
        self,
        dialect: Dialect,
        transport: Transport,
        address: str,
        hub: Hub,
        delivery: Delivery,
        dispatch: Dispatch,
        limits: Limits,
        clock: Callable[[], float],
    ) -> None:
        self._dialect = dialect
        self._transport = transport
        self._send = transport.send
        self._hub = hub
        self._delivery = delivery
        self._dispatch = dispatch
        self._limits = limits
        self.clock = clock
        self.address = address
        self.encoder: Encoder = type(dialect)
        self.is_user = False
        """Whether the client has logged in; the reader's to read."""

        self._ended = False
        self._held = False  # requests of the last receive wait for the log to be drained
        self._job: Job | None = None
        self._job_request: Request | None = None
        self._window_start = clock()
        self._window_size = 0

        self._output = threading.Lock()
        self._outbox = Outbox()
        self._deaf = False  # what is delivered is thrown away: broken, or past the end
        self._finishing = False  # the last entry is delivered
        self._output_over = False
        self._input_over = False

        self._login_deadline = clock() + limits.login
        self._stall_deadline = inf
        self._close_deadline = inf
        self._job_deadline = inf
        self.deadline = self._login_deadline
        """When tick has something to do, on clock's scale; infinity for never."""

    def open(self) -> None:
        """Enter the hub's books and say what the dialect says at the door."""
        self._hub.open(self, self._dialect.opened())
        self._delivery.wake()

    # -- input: the reader's half ------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take bytes from the client and carry out what they ask.

        Empty data continues with what was left behind a job or a full log, once the session
        does not wait.
        """
        if self._ended:
            return  # the client has not noticed yet
        now = self.clock()
        if now - self._window_start >= 1.0:
            self._window_start = now
            self._window_size = 0
        self._window_size += len(data)
        self._dialect.feed(data)
        self._held = False
        while self._settled() and not self._ended and self._next():
            # Few bytes can ask for much: thousands of long lists fit into one receive.
            if self._delivery.full:
                self._held = True
                break
        self._delivery.wake()

    def _settled(self) -> bool:
        """Say whether no job runs, after taking note of the outcome of one that ran."""
        job, request = self._job, self._job_request
        if job is None or request is None:
            return True
        if not job.done:
            return False
        self._job = None
        self._set_job_deadline(inf)
        self._conclude(request, job.error)
        return True

    def _next(self) -> bool:
        """Decode and carry out one request; say whether there was one."""
        try:
            request = self._dialect.next_request()
        except CommandError as error:
            self._hub.refuse(self, error)
            return True
        except WireError as error:
            self.end(error.text, Failed(error.code, error.text))
            return False
        if request is None:
            return False
        try:
            job = self._dispatch.run(self, request)
        except BaseException as error:  # a plugin's SystemExit must not end our thread
            self._conclude(request, error)
            return True
        if job is None:
            self._dialect.done(request, None)
        else:
            self._job, self._job_request = job, request
            self._set_job_deadline(self.clock() + self._limits.command)
        return True

    def _conclude(self, request: Request, error: BaseException | None) -> None:
        if error is None:
            self._dialect.done(request, None)
            return
        if not isinstance(error, CommandError):
            error = _internal_error(error)
        self._dialect.done(request, error)
        self._hub.refuse(self, error)
        if isinstance(error, Goodbye):
            self.end(error.text)

    def job_done(self) -> None:
        """Take note that the job is done; from any thread."""
        self._transport.want_read()

    @property
    def waits(self) -> bool:
        """Whether the engine must not call receive now: a job runs, or others lag behind.

        What one receive brought waits while the log is full; a sender faster than the free
        rate waits for its listeners, too. After the session's end nothing is waited for: bytes
        are read to be ignored.
        """
        if self._ended:
            return False
        if self._job is not None:
            return not self._job.done
        if self._held:
            return self._delivery.full
        return (
            self._window_size > self._limits.free_rate
            and self._delivery.crowded
            and self.clock() - self._window_start < 1.0
        )

    @property
    def can_read(self) -> bool:
        """Whether the engine may read more; when it may not, and need not wait, receive(b"")
        comes first: there is something left to carry out or to tell."""
        return self._ended or (self._job is None and not self._held and not self.waits)

    def eof(self) -> None:
        """Take note that the client sends nothing more, or is gone."""
        self.end("connection closed")
        with self._output:
            self._input_over = True
            if self._output_over:
                self._transport.close()

    # -- output: the drainer's half ----------------------------------------------------------

    def deliver(self, data: bytes) -> None:
        """Send data behind all that came before, keeping what cannot be sent yet."""
        # Each call between here and the socket costs 2 % of an unhurried chat: keep it flat.
        with self._output:
            if self._deaf:
                return
            sent = 0
            if not self._outbox.size:
                try:
                    sent = self._send(data)
                except OSError:
                    self._break_locked()
                    return
                if sent == len(data):
                    return
                self._transport.want_write()
            self._outbox.add(data, sent)
            overflow = self._outbox.size > self._limits.outbox
            self._note_congestion_locked()
        if overflow:
            self.drop("too slow: more waits for it than the outbox holds")

    def flush(self) -> None:
        """Send more of what waits; the engine calls it when the connection takes bytes."""
        with self._output:
            if self._output_over:
                return
            try:
                self._outbox.flush(self._send)
            except OSError:
                self._break_locked()
            self._note_congestion_locked()
            if self._outbox.size:
                self._transport.want_write()
            elif self._finishing:
                self._end_output_locked()

    def _break_locked(self) -> None:
        self._deaf = True
        self._outbox.clear()
        self._note_congestion_locked()

    def _note_congestion_locked(self) -> None:
        congested = self._outbox.size > self._limits.outbox // 2
        if congested and self._stall_deadline == inf:
            self._delivery.congested.add(self)
            self._stall_deadline = self.clock() + self._limits.stall
        elif not congested and self._stall_deadline != inf:
            self._delivery.congested.discard(self)
            self._stall_deadline = inf
        else:
            return
        self._schedule_locked()

    # -- deadlines and the end ---------------------------------------------------------------

    def _schedule_locked(self) -> None:
        self.deadline = min(
            self._login_deadline, self._stall_deadline, self._close_deadline, self._job_deadline
        )

    def _set_job_deadline(self, when: float) -> None:
        with self._output:
            self._job_deadline = when
            self._schedule_locked()

    def logged_in(self) -> None:
        """Take note that the client is a user: it has met the deadline at the door."""
        self.is_user = True
        self._meet_login_deadline()

    def _meet_login_deadline(self) -> None:
        with self._output:
            self._login_deadline = inf
            self._schedule_locked()

    def tick(self) -> None:
        """Do what is due; the engine calls it when clock() has reached deadline."""
        now = self.clock()
        if now < self.deadline:
            return
        if now >= self._stall_deadline:
            self.drop("too slow: its outbox stayed more than half full")
        elif now >= self._close_deadline:
            self.drop("does not close")
        elif now >= self._login_deadline:
            text = f"no login within {self._limits.login:g} seconds"
            self._meet_login_deadline()
            self.end(text, Failed("login-deadline", text))
        elif now >= self._job_deadline:
            self._set_job_deadline(inf)
            if (job := self._job) is not None:
                job.abandon()

    def end(self, reason: str, farewell: Event | None = None) -> None:
        """Log out and end the session behind its last bytes; from any thread, no lock held."""
        self._ended = True
        self._hub.end(self, reason, farewell)
        self._delivery.wake()
        self._transport.want_read()

    def finish(self) -> None:
        """Close once what waits is sent: the drainer has delivered the last entry."""
        with self._output:
            if self._finishing:
                return
            self._finishing = self._deaf = True
            self._login_deadline = inf
            if not self._outbox.size:
                self._end_output_locked()
            else:
                self._close_deadline = self.clock() + self._limits.drain
                self._schedule_locked()

    def _end_output_locked(self) -> None:
        self._output_over = True
        if self._input_over:
            self._close_deadline = inf
            self._transport.close()
        else:
            self._close_deadline = self.clock() + self._limits.linger
            self._transport.end_output()
        self._schedule_locked()

    def drop(self, reason: str) -> None:
        """Cut off a client that cannot be told anything any more; from any thread."""
        self.end(reason)
        with self._output:
            self._finishing = self._deaf = True
            self._outbox.clear()
            self._note_congestion_locked()
            self._login_deadline = self._close_deadline = inf
            self._schedule_locked()
            if self._input_over and not self._output_over:
                self._output_over = True
                self._transport.close()
            elif not self._input_over:
                self._output_over = True
                self._transport.abort()


_error_numbers = count(1)


def _internal_error(error: BaseException) -> CommandError:
    """Log what is our mistake under an id, and give the client that id."""
    identifier = f"E{next(_error_numbers)}"
    _log.error("internal error %s", identifier, exc_info=error)
    return CommandError("internal", f"internal error {identifier}")
