"""Turns: when the next thing that a client asks for may be carried out."""

from collections.abc import Callable
from math import inf

from chatd.dialects.notices import slow_down
from chatd.events import CommandError, Event, Notice, Request, WireError
from chatd.flood import TOLD_AGAIN, Flow, Pace
from chatd.limits import Limits

Item = Request | Event | CommandError | WireError
"""What a dialect makes of what a client says."""

_HEARD = frozenset({"say", "tell", "login", "create", "join"})

_PAST = frozenset({"history", "search", "debug"})  # which costs as much


class Turns:
    """The turns of one session; its reader's alone. Without a flow it is always its turn."""

    __slots__ = ("_clock", "_flow", "_past_until", "_told_at", "until")

    def __init__(self, flow: Flow | None, clock: Callable[[], float]) -> None:
        self._flow = flow
        self._clock = clock
        self.until = 0.0
        """When the next item may be carried out, if it has to wait; else 0.0."""
        self._past_until = 0.0  # the same, of the next question about the past
        self._told_at = -inf

    def set_pace(self, pace: Pace, limits: Limits) -> None:
        """Let the client ask for so much from now on; from any thread."""
        if self._flow is not None:
            self._flow.set_pace(pace, limits)
            self.until = self._past_until = 0.0

    def take(self, item: Item) -> bool:
        """Take what an item costs out of the client's share, if its turn has come; say so."""
        flow = self._flow
        if flow is None:
            return True
        now, weight = self._clock(), _weight(item)
        if weight < 1.0 and flow.past and _is_about_past(item):
            if self._past_until > now:
                self.until = self._past_until
                return False
            self._past_until = flow.past.take(now)
        self.until = flow.take(now, weight)
        return True

    def come(self) -> bool:
        """Say whether the next item need not wait any more."""
        if self._clock() < self.until:
            return False
        self.until = 0.0
        return True

    def notice(self, item: Item) -> Notice | None:
        """Give what to tell a client whose item waits: something now and then."""
        if self._flow is None or self._clock() - self._told_at < TOLD_AGAIN:
            return None
        self._told_at = self._clock()
        past = self._flow.past if _is_about_past(item) else None
        return slow_down((past or self._flow).pace.rate)

    @property
    def left(self) -> float:
        """Seconds until there is something to carry out, or to tell."""
        return max(0.0, min(self.until, self._told_at + TOLD_AGAIN) - self._clock())


def _is_about_past(item: Item) -> bool:
    return isinstance(item, Request) and item.verb in _PAST


def _weight(item: Item) -> float:
    """Say how much of a client's pace something takes: a question, or a mistake, a quarter."""
    return 1.0 if isinstance(item, Request) and item.verb in _HEARD else 0.25
