"""Somebody's presence in a chat, over as many connections as it takes: all of a client but I/O.

Whoever has a socket and a way to wait hands in what happens (`connected`, `received`, `lost`,
`tick`), sends `output`, and looks here for what to do next.
"""

import time
from collections import deque
from collections.abc import Callable, Generator
from functools import partial
from math import inf
from typing import Any, TypeVar

from chatcli.client import calls
from chatcli.client.arrival import Arrival, Place, find_place
from chatcli.client.backoff import Attempts
from chatcli.client.bookmark import Bookmark
from chatcli.client.calls import Answer, Call
from chatcli.client.habits import Habits
from chatcli.client.inbox import Inbox
from chatcli.client.news import (
    Disconnected,
    NoAnswer,
    NotConnected,
    Reconnected,
    ReconnectFailed,
    Unconfirmed,
)
from chatcli.client.pending import Pending
from chatcli.client.refusals import explained
from chatcli.client.whose import is_answer, is_own, is_to_oneself
from chatcli.dialogue import Dialogue, Exchange
from chatd.dialects import ClientDialect
from chatd.dialects.notices import is_slow_down
from chatd.events import (
    GENERAL,
    ChatError,
    CommandError,
    Event,
    Failed,
    LoggedIn,
    Renamed,
    Said,
    Told,
)

T = TypeVar("T")

GOODBYE = 2.0
"""Seconds of silence that are left to the server at the end, to take what it was sent and close."""

_MANY = 200
"""Messages after which the bookmark is moved."""

_CLOSED = "the client is closed"


class Presence:
    """A user who stays; any method may be called as long as only one is at a time."""

    def __init__(
        self,
        nick: str,
        dialect: type[ClientDialect],
        habits: Habits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        calls.named("login", nick)  # which looks whether it can be one
        self.nick = nick
        self.rooms = {GENERAL.casefold(): GENERAL}
        """The rooms that it is in."""
        self.output = bytearray()
        """To be sent; the sender deletes what it has sent."""
        self.inbox = Inbox(habits.most)
        self.over = False
        self.entered = False
        """Whether it has ever been in the chat."""
        self.error: Exception | None = None
        """Why it never came in, or does not come back."""
        self.trouble = ""
        """Why the last attempt to be in the chat failed."""
        self._dialect = dialect
        self._habits = habits
        self._clock = clock
        self._dialogue: Dialogue | None = None
        self._arrival: Arrival | None = None
        self._refusal: CommandError | None = None
        self._bookmark = Bookmark()
        self._held: deque[Pending[Any]] = deque()
        self._pending: dict[Exchange, Pending[Any]] = {}
        self._attempts = Attempts(habits.backoff)
        self._heard_at = 0.0
        self._leave_at = inf
        self._moving = self._move_again = False  # the bookmark
        self._introduced = False

    # -- what to do next ---------------------------------------------------------------------

    @property
    def online(self) -> bool:
        """Whether there is a connection, as far as the presence knows; else it is to be closed."""
        return self._dialogue is not None

    @property
    def present(self) -> bool:
        """Whether it is in the chat now."""
        return self._dialogue is not None and self._arrival is None

    @property
    def wants_connection(self) -> bool:
        """Whether to connect now."""
        return not (self.over or self.online) and self._clock() >= self._attempts.due

    @property
    def silent(self) -> bool:
        """Whether nothing will be said any more, once output is sent."""
        return self._leave_at < inf and not (self._dialogue and self._dialogue.unanswered)

    def wait(self) -> float | None:
        """Seconds until tick is due; None for never."""
        due = min(self._due(), self._leave_at, *(pending.due for pending in self._held), inf)
        return None if due == inf else max(0.0, due - self._clock())

    def _due(self) -> float:
        if self._dialogue is None:
            return self._attempts.due
        silent = self._heard_at + self._habits.keepalive if self.present else inf
        return min(self._dialogue.deadline, silent)

    # -- the connection ----------------------------------------------------------------------

    def dialing(self) -> None:
        """Take note that somebody connects; `connected` or `unreachable` says what came of it."""
        self._attempts.begin()

    def connected(self) -> None:
        """Begin on a new connection."""
        self.output.clear()
        self._dialogue = Dialogue(
            self._dialect(), self.output, timeout=self._habits.timeout, clock=self._clock
        )
        self._heard_at = self._clock()
        self._introduced = False
        self._arrival = arrival = Arrival(
            self.nick, self.rooms, self._bookmark, most=self._habits.most
        )
        steps = arrival.steps(again=self.entered, resume=self._habits.resume)
        call = next(steps)
        self._dialogue.log_in(self.nick, partial(self._step, steps, self._arrive, call))

    def unreachable(self, error: Exception) -> None:
        """Take note that there was no connection to be had."""
        self._try_again(error)

    def received(self, data: bytes) -> None:
        """Take bytes from the server."""
        if self._dialogue is None:
            return
        self._heard_at = self._clock()
        try:
            for event, _, exchange in self._dialogue.received(data):
                self._hear(event, exchange)
        except ChatError as error:
            self.lost(f"the server talks nonsense: {error}")
        if self._refusal is not None:
            self._drop("the login was refused", self._refusal)

    def lost(self, reason: str, error: type[OSError] = Unconfirmed) -> None:
        """Take note that the connection broke; reason says why, if anything is known of it."""
        reason = reason or "the server closed the connection"
        if self.silent:  # that was waited for
            self.end(NotConnected(_CLOSED))
        elif self.present:
            self._drop(reason, error(f"{reason}: it is not known whether it was carried out"))
        else:  # nothing was asked but to be let in
            self._drop(reason, NoAnswer(reason) if error is NoAnswer else NotConnected(reason))

    def tick(self) -> None:
        """Do what is due by the clock."""
        now = self._clock()
        while self._held and now >= self._held[0].due:
            trouble = self.trouble and f" ({self.trouble})"
            text = f"there is no connection{trouble}: nothing was sent"
            self._held.popleft().fail(NotConnected(text))
        if self._dialogue is not None and now >= self._dialogue.deadline:
            text = f"no answer from the server within {self._habits.timeout:g} seconds"
            self.lost(text, NoAnswer)
        elif self._dialogue is not None and now >= self._due():
            self._heard_at = now
            self._dialogue.ask(None, lambda exchange: None)
        if now >= self._leave_at:
            self.end(NotConnected(_CLOSED))

    # -- calls -------------------------------------------------------------------------------

    def submit(self, call: Call[T], done: Callable[[], object]) -> Pending[T]:
        """Carry out a call; done is called when it has an outcome.

        While there is no connection it waits for one, as long as for an answer.
        """
        pending = Pending(call, self._clock() + self._habits.timeout, lambda _: done())
        if self.over or self._leave_at < inf:
            pending.fail(NotConnected(f"{_CLOSED}: nothing was sent"))
        elif self.present:
            self._send(pending)
        else:
            self._held.append(pending)
        return pending

    def withdraw(self, pending: Pending[Any]) -> None:
        """Take back a call for which nobody waits any more, unless it has been sent."""
        if pending in self._held:
            self._held.remove(pending)

    def post(self, call: Call[T]) -> None:
        """Carry out a call for whose outcome nobody waits; a refusal comes as an event.

        Raises NotConnected.
        """
        if not self.present or self._leave_at < inf:
            raise NotConnected("there is no connection: nothing was sent")
        self._send(Pending(call, inf, self._report))

    def _report(self, pending: Pending[Any]) -> None:
        try:
            pending.outcome()
        except CommandError as error:
            self.inbox.add(Failed(error.code, error.text))
        except OSError:
            return  # the event Disconnected says it

    def leave(self) -> None:
        """Go, as soon as the server has taken what it was sent, and has closed the connection."""
        self._leave_at = min(self._leave_at, self._clock() + GOODBYE)
        if not self.online:
            self.end(NotConnected(_CLOSED))

    def _send(self, pending: Pending[Any]) -> None:
        assert self._dialogue is not None
        exchange = self._dialogue.ask(pending.call.request, self._answered)
        self._pending[exchange] = pending

    def _answered(self, exchange: Exchange) -> None:
        pending = self._pending.pop(exchange)
        if self._leave_at < inf:  # as long as it goes on, there is time for the rest
            self._leave_at = max(self._leave_at, self._clock() + GOODBYE)
        try:
            result = self._read(pending.call, exchange)
        except CommandError as error:
            pending.fail(error)
        else:
            self._learn(exchange)
            pending.end(result)

    def _read(self, call: Call[T], exchange: Exchange) -> T:
        """Read an answer; what is none goes to the inbox."""
        assert self._dialogue is not None
        answer = Answer(call.request, exchange.heard, self._dialogue.dialect, [])
        result = call.read(answer)
        for event in answer.spare:
            self._tell(event)
        return result

    def _learn(self, exchange: Exchange) -> None:
        """Remember what the client has done."""
        assert exchange.request is not None
        verb, args = exchange.request.verb, exchange.request.args
        if not args:
            return  # it was asked by hand, and cannot have been granted
        if verb == "login":
            self._call_oneself(args[0])
        elif verb == "join":
            self.rooms[args[0].casefold()] = args[0]
            self._move_bookmark()  # what was said there before was not missed
        elif verb == "leave":
            self.rooms.pop(args[0].casefold(), None)

    def _call_oneself(self, nick: str) -> None:
        self.nick = nick
        self._bookmark.names.add(nick)

    # -- what is heard -----------------------------------------------------------------------

    def _hear(self, event: Event, exchange: Exchange | None) -> None:
        """Sort what came: a part of an answer, one's own doing, or news."""
        if self._refusal is not None:
            self._refusal = explained(self._refusal, event)
            return
        if is_slow_down(event) and self._dialogue is not None:
            self._dialogue.be_patient()
            if self._leave_at < inf:
                self._leave_at = self._clock() + self._habits.timeout
            self._tell(event)
            return
        asked = exchange.request if exchange else None
        own = is_own(event, self.nick, asked) or self._introduces(event)
        if exchange and (own or is_answer(event)):
            assert self._dialogue is not None
            self._dialogue.heard(exchange, event)
        elif not own:
            self._tell(event)
        if isinstance(event, Renamed) and event.old == self.nick:
            self._call_oneself(event.nick)  # whatever it was that asked for it
        if own and is_to_oneself(event, self.nick, asked):
            self._tell(event)

    def _introduces(self, event: Event) -> bool:
        """Whether this tells one's own entry, in json under an address ahead of the login."""
        first = isinstance(event, LoggedIn) and self._arrival is not None and not self._introduced
        self._introduced |= first
        return first

    def _tell(self, event: Event) -> None:
        """Pass an event on, during an arrival later."""
        if isinstance(event, Told) and not event.recipient:
            event = Told(event.sender, self.nick, event.text, event.sender_group)
        if self._arrival is not None:
            self._arrival.heard.append(event)
            return
        self.inbox.add(event)
        if isinstance(event, Said) and self._bookmark.id is not None:
            self._bookmark.heard.append(event)
            if len(self._bookmark.heard) >= _MANY and not self._moving:
                self._move_bookmark()

    def _move_bookmark(self) -> None:
        """Have it moved to this moment; once more if it is on the move."""
        self._move_again = self._moving
        if self._moving or self._bookmark.id is None or self._dialogue is None:
            return
        self._moving = True
        self._begin(find_place(self._bookmark.heard), self._moved)

    def _moved(self, place: Place) -> None:
        self._moving = False
        heard = self._bookmark.heard
        behind, doubtful = heard[place.after :], heard[place.before : place.after]
        self._bookmark.move(place.id, self.nick, behind, doubtful)
        if self._move_again:
            self._move_bookmark()

    # -- coming and going --------------------------------------------------------------------

    def _begin(self, steps: Generator[Call[Any], Any, T], then: Callable[[T], None]) -> None:
        """Carry out steps, each a call that takes the answer to the one before."""
        assert self._dialogue is not None
        call = next(steps)
        self._dialogue.ask(call.request, partial(self._step, steps, then, call))

    def _step(
        self,
        steps: Generator[Call[Any], Any, T],
        then: Callable[[T], None],
        call: Call[Any],
        exchange: Exchange,
    ) -> None:
        """Go on with steps, now that a call of theirs was answered."""
        assert self._dialogue is not None
        self._introduced = True
        try:
            try:
                result = self._read(call, exchange)
            except CommandError as error:
                call = steps.throw(error)
            else:
                call = steps.send(result)
        except StopIteration as end:
            then(end.value)
        except CommandError as error:
            self._refusal = error
        else:
            self._dialogue.ask(call.request, partial(self._step, steps, then, call))

    def _arrive(self, _: None) -> None:
        """Tell what was missed, and begin to tell and to send what happens from now on."""
        arrival, self._arrival = self._arrival, None
        assert arrival is not None
        again, self.entered = self.entered, True
        self._attempts.came(self._clock())
        for event in arrival.missed:
            self.inbox.add(event)
        if again:
            self.inbox.add(Reconnected(self.nick, tuple(self.rooms.values())))
        for event in arrival.heard:
            self.inbox.add(event)
        held, self._held = self._held, deque()
        for pending in held:
            self._send(pending)

    def _drop(self, reason: str, error: Exception) -> None:
        """Give the connection up."""
        was_present = self.present
        if self._arrival is not None:
            for event in self._arrival.heard:
                if not isinstance(event, Said) or not self._habits.resume:
                    self.inbox.add(event)
        self._dialogue = self._arrival = self._refusal = None
        self._moving = self._move_again = False
        self.output.clear()
        pending, self._pending = self._pending, {}
        if was_present:
            self.inbox.add(Disconnected(reason))
            self._attempts.gone(self._clock())
        for one in pending.values():
            one.fail(error)
        self._try_again(error, tell=not was_present)

    def _try_again(self, error: Exception, tell: bool = True) -> None:
        self.trouble = str(error)
        if not self.entered or not self._habits.reconnect or self._leave_at < inf:
            self.end(error)
            return
        delay = self._attempts.again(self._clock())
        if tell:
            self.inbox.add(ReconnectFailed(self.trouble, delay))

    def check_entered(self) -> None:
        """Raise why it never came in."""
        if not self.entered and self.error is not None:
            raise self.error

    def end(self, error: Exception) -> None:
        """Be gone for good; only the first call counts."""
        if self.over:
            return
        self.over, self.error = True, error
        self._dialogue = self._arrival = None
        sent, self._pending = self._pending, {}
        if sent:
            self.inbox.add(Disconnected(str(error)))
        held, self._held = self._held, deque()
        for one in sent.values():
            one.fail(Unconfirmed(f"{error}: it is not known whether it was carried out"))
        for one in held:
            one.fail(NotConnected(f"{error}: nothing was sent"))
