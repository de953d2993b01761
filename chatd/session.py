"""One client: its dialect on the way in, its bounded outbox on the way out.

A session never touches a socket. Its engine feeds it bytes and gives it a transport that sends
what can be sent at once. The input half, in this file, is touched by the session's reader
alone; the output half is guarded by a lock of its own.
"""

from collections.abc import Callable
from typing import Protocol

from chatd.bans import Sanction
from chatd.delivery import Delivery, Encoder
from chatd.dialects import FIRST, Dialect
from chatd.events import CommandError, Event, Failed, Fetch, Goodbye, Request, WireError
from chatd.flood import Flow, Pace
from chatd.hub import Hub
from chatd.layers import Layer, LayerError
from chatd.limits import Limits
from chatd.meter import Meter
from chatd.mistakes import log_mistake
from chatd.output import TOO_SLOW, Due, Output, Transport
from chatd.turns import Item, Turns


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


class Session(Output):
    """One connection, from accept to close, on any engine."""

    __slots__ = (
        "_begun",
        "_completed",
        "_delivery",
        "_dialect",
        "_dispatch",
        "_door_lines",
        "_door_since",
        "_ended",
        "_first",
        "_held",
        "_hub",
        "_ignored",
        "_inflow",
        "_job",
        "_job_request",
        "_login_time",
        "_opened",
        "_over",
        "_turns",
        "_waiting",
        "_waiting_bytes",
        "address",
        "encoder",
        "muted",
        "role",
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
        layer: Layer | None = None,
        flow: Flow | None = None,
    ) -> None:
        super().__init__(transport, limits, clock, delivery.congested, layer)
        self._dialect = dialect
        self._hub = hub
        self._delivery = delivery
        self._dispatch = dispatch
        self.address = address
        self.encoder: Encoder = type(dialect)
        self.role = ""
        """What it may do beside the others: empty, or `moderator`."""
        self.muted: Sanction | None = None
        """The mute that it is or was under, if any: moderators set it, from any thread."""
        self._first = b""  # of what it says
        self._begun = False  # the conversation, which waits for the layer beneath it
        self._ended = False
        self._completed = False
        self._ignored = 0  # bytes that arrived behind the end
        self._held = False  # requests of the last receive wait until more can be answered
        self._job: Job | None = None
        self._job_request: Request | None = None
        self._inflow = Meter(limits.calm_rate, clock)
        self._turns = Turns(flow, clock)
        self._waiting: Item | None = None  # for its turn
        self._waiting_bytes = 0  # that came behind it
        self._over = False  # nothing comes any more
        self._door_lines = 0  # before login
        self._opened = self._door_since = clock()
        self._expect_login()

    @property
    def dialect(self) -> str:
        """The name of what the client speaks, as far as that is known."""
        return self._dialect.name

    @property
    def age(self) -> float:
        """Seconds since it came."""
        return self.clock() - self._opened

    def set_pace(self, pace: Pace) -> None:
        """Let the client ask for so much from now on; from any thread."""
        self._turns.set_pace(pace, self._limits)

    def _expect_login(self) -> None:
        limits = self._limits
        self._login_time = limits.login_typed if self._dialect.typed else limits.login
        self._set_due(Due.LOGIN, self._door_since + self._login_time - self.clock())

    def _come_again(self) -> None:
        """Begin anew at the door: who asks for pages may ask for another one, in its own time."""
        self._door_lines = 0
        self._door_since = self.clock()
        self._expect_login()

    def open(self) -> None:
        """Enter the hub's books, and begin the conversation unless a layer comes first."""
        self._hub.open(self)
        if self._layer is None:
            self._begin()
        self._delivery.wake()

    def _begin(self) -> None:
        self._begun = True
        self._attempt(self._greet)  # after which the dialect may ask for something by itself

    def _greet(self) -> None:
        for event in self._dialect.opened():
            self._hub.reply(self, event)

    # -- requests ----------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take bytes from the client and carry out what they ask; the engine drains the log then.

        Empty data continues with what was left behind a job, a full log or a full outbox, once
        the session does not wait.
        """
        if self._ended:
            self._ignore(len(data))
            return
        if self._layer is None:
            self._take(data)
        else:
            self._receive_through_layer(data)

    def _take(self, data: bytes) -> None:
        self._inflow.add(len(data))
        if self._waiting is not None:
            self._waiting_bytes += len(data)
        hear = self._dialect.feed if len(self._first) == FIRST else self._hear_first
        self._attempt(lambda: hear(data))

    def _hear_first(self, data: bytes) -> None:
        """Take what a client says first, unless it is no client of the chat."""
        self._first = (self._first + data).lstrip()[:FIRST]
        if language := self._dialect.stranger(self._first):
            self.end(f"speaks {language}")
        else:
            self._dialect.feed(data)

    def _receive_through_layer(self, data: bytes) -> None:
        try:
            said = self._unseal(data)
        except LayerError as error:
            if self._begun:
                self._take(error.said)
            self.end(str(error))
            return
        layer = self._layer
        if not self._begun and (layer is None or layer.ready):
            self._begin()
        if self._begun:
            self._take(said)
        if layer is not None and layer.over:
            self._end_when_done()

    def _end_when_done(self) -> None:
        """End as engines do at the end of the stream: when all that was asked is carried out."""
        while self._job is None and not self._held and not self._stuck and not self._ended:
            if not self.complete():
                self.end("connection closed")

    @property
    def patience(self) -> float | None:
        """Seconds without a byte after which the engine calls quiet_passed; None for never."""
        if self._ended:
            return None
        if self._begun:
            patience = self._dialect.patience
            turn = patience is None and self._waiting is not None and self.can_read
            return self._turns.left if turn else patience
        greets = self._layer is not None and self._layer.undecided and self._dialect.speaks_first
        return self._limits.first_byte if greets else None

    @property
    def handshaking(self) -> bool:
        """Whether what comes next may take the layer much longer than a message takes."""
        return not self._begun

    def quiet_passed(self) -> None:
        """Take note that nothing came for that long; carry out what that completes."""
        if self._layer is not None and not self._begun:
            self._layer.quiet_passed()
            self.receive(b"")
        elif self._dialect.patience is not None:
            self._attempt(self._dialect.quiet_passed)
        else:  # it was somebody's turn that was waited for
            self._attempt(lambda: None)

    def complete(self) -> bool:
        """Carry out what waits for the quiet, as no byte can follow it any more.

        For engines, at the end of the stream and before eof. Say whether there was something;
        only the first time, so that they may simply read on.
        """
        if self._waiting is not None and not self._over:
            self._over = True
            return True
        if self._completed or self._waiting is not None or self.patience is None:
            return False
        self._completed = True
        self.quiet_passed()
        return True

    def _attempt(self, step: Callable[[], None]) -> None:
        try:
            step()
            self._carry_on()
        except BaseException as error:  # the dialect's, which may be somebody's first
            self._give_up(error)

    def _carry_on(self) -> None:
        # The meter has forgotten what is held since; else all senders that wait would go on with
        # all they have in the moment in which the first one may.
        charge = self._held
        self._held = False
        while (not self._job or self._settled()) and not self._ended:
            if self._turns.until and self._is_early():
                break
            item, self._waiting = self._waiting or self._decode(), None
            if item is None:
                self._waiting_bytes = 0
                break
            if not self._turns.take(item):
                self._waiting = item
                continue
            if not self.is_user and self._says_too_much():
                break
            self._carry_out(item, charge)
            # Few bytes can ask for much: thousands of long lists fit into one receive.
            log = self._delivery
            if self.stuffed or (log.crowded and (log.full or self._inflow.high)):
                self._held = True
                break

    def _says_too_much(self) -> bool:
        """Count what comes before login, and end who does not come to that."""
        self._door_lines += 1
        most = self._limits.door_lines
        if self._door_lines > most:
            text = f"no login within {most} messages"
            self.end(text, Failed("login-deadline", text))
        return self._ended

    def _is_early(self) -> bool:
        """Whether what comes next has to wait its turn; then the client is told, now and then."""
        if self._turns.come():
            return False
        self._waiting = self._waiting or self._decode()
        if self._waiting and (notice := self._turns.notice(self._waiting)):
            self._hub.reply(self, notice)
        return True

    @property
    def _stuck(self) -> bool:
        """Whether nothing more is read because of what waits its turn.

        Until then it is read: where a message ends with what one recv brought, what is left
        lying would become one message.
        """
        most = self._limits.waiting
        return self._waiting is not None and (self._over or self._waiting_bytes >= most)

    def _ignore(self, size: int) -> None:
        """The client has not noticed the end yet; one that goes on for ever is cut off."""
        self._ignored += size
        if self._ignored > self._limits.endless:
            self._ignored = 0
            self.drop("does not stop")

    def _give_up(self, error: BaseException) -> None:
        failure = _internal_error(error)
        self.end(failure.text, Failed(failure.code, failure.text))

    def _settled(self) -> bool:
        """Say whether no job runs, after taking note of the outcome of one that ran."""
        job, request = self._job, self._job_request
        if job is None or request is None:
            return True
        if not job.done:
            return False
        self._job = None
        self._drop_due(Due.JOB)
        self._conclude(request, job.error)
        return True

    def _decode(self) -> Item | None:
        """Take the next thing that the client has said, were it nonsense."""
        try:
            while (item := self._dialect.next_request()) is None and self._hand_over():
                pass
        except (CommandError, WireError) as error:
            return error
        return item

    def _carry_out(self, item: Item, charge: bool) -> None:
        if isinstance(item, Request):
            if charge:
                self._inflow.add(sum(map(len, item.args)))
            self._run(item)
        elif isinstance(item, Event):
            self._hub.reply(self, item)
        elif isinstance(item, CommandError):
            self._hub.refuse(self, item, (Failed(item.code, item.text),))
        else:
            self.end(item.text or item.code, item.farewell)

    def _run(self, request: Request) -> None:
        try:
            job = self._dispatch.run(self, request)
        except BaseException as error:  # a plugin's SystemExit must not end our thread
            self._conclude(request, error)
            return
        if job is None:
            self._conclude(request, None)
        else:
            self._job, self._job_request = job, request
            self._set_due(Due.JOB, self._limits.command)

    def _hand_over(self) -> bool:
        """Let another dialect go on, if this one says so; say whether."""
        heir = self._dialect.heir
        if heir is None:
            return False
        self._dialect = heir
        self.encoder = type(heir)
        if not self.is_user:
            self._expect_login()
        return True

    def _conclude(self, request: Request, error: BaseException | None) -> None:
        if error is None:
            if isinstance(request, Fetch) and not self._ended:
                self._come_again()
            for event in self._dialect.done(request, None):
                self._hub.reply(self, event)
            return
        if not isinstance(error, CommandError):
            error = _internal_error(error)
        self._hub.refuse(self, error, self._dialect.done(request, error))
        if isinstance(error, Goodbye):
            self.end(error.text)

    def job_done(self) -> None:
        """Take note that the job is done; from any thread."""
        self._transport.want_read()

    @property
    def pause(self) -> float:
        """Seconds for which the engine need not look at it, if only its pace is waited for."""
        return self._turns.left if self._stuck and self._job is None and not self._ended else 0.0

    @property
    def waits(self) -> bool:
        """Whether the engine must not call receive now: a job runs, the next request waits its
        turn, or somebody lags behind.

        That is the client itself, which does not take what it was sent, or, when it writes
        faster than people type, its listeners. After the session's end nothing is waited for:
        bytes are read to be ignored.
        """
        if self._ended:
            return False
        if self._job is not None:
            return not self._job.done
        if self._stuck and self._turns.left:
            return True
        return self._lags or (self._held and self._delivery.full)

    @property
    def _lags(self) -> bool:
        return self.stuffed or (self._delivery.crowded and self._inflow.high)

    @property
    def can_read(self) -> bool:
        """Whether the engine may read more; when it may not, and need not wait, receive(b"")
        comes first: there is something left to carry out or to tell."""
        free = self._job is None and not self._held and not self._stuck
        return self._ended or (free and not self._lags)

    def eof(self) -> None:
        """Take note that the client sends nothing more, or is gone."""
        self.end("connection closed")
        self._end_input()

    # -- deadlines and the end ---------------------------------------------------------------

    @property
    def group(self) -> str:
        """What the client has given as its group; the reader's to read."""
        return self._dialect.group

    def logged_in(self) -> None:
        """Take note that the client is a user: it has met the deadline at the door."""
        self.is_user = True
        self._drop_due(Due.LOGIN)

    def tick(self) -> None:
        """Do what is due; the engine calls it when clock() has reached deadline."""
        job = self._job  # of now: the next one's time is not over
        match self._take_due():
            case Due.STALL:
                long = f"more than half of its outbox for {self._limits.stall:g} seconds"
                self.drop(f"{TOO_SLOW}: {self.unsent} bytes wait for it, {long}")
            case Due.UNSENT:
                self._look_for_progress()
            case Due.CLOSE:
                self.drop("does not close")
            case Due.LOGIN:
                text = f"no login within {self._login_time:g} seconds"
                self._end(text, Failed("login-deadline", text), at_the_door=True)
            case Due.JOB if job is not None:
                job.abandon()

    def end(self, reason: str, farewell: Event | None = None) -> None:
        """Log out and end the session behind its last bytes; from any thread, no lock held."""
        self._ended = True
        self._end(reason, farewell)

    def _end(self, reason: str, farewell: Event | None, at_the_door: bool = False) -> None:
        if self._hub.end(self, reason, farewell, at_the_door=at_the_door):
            self._ended = True
            self._delivery.wake()
        self._transport.want_read()


def _internal_error(error: BaseException) -> CommandError:
    """Log what is our mistake, and give the client its id."""
    return CommandError("internal", f"internal error {log_mistake(error)}")
