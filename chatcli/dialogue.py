"""A dialogue with a server: requests go out, their answers are found, and what happens comes in.

This is one connection's conversation in any dialect, without the connection: bytes in, bytes out.
Whatever chatcli does in a dialect that it understands, it does by one of these.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from math import inf
from typing import NamedTuple

from chatd.dialects import ClientDialect
from chatd.events import Event, Request, WireError

WINDOW = 128 * 1024
"""Bytes after which the server must show that it took them before more are read: a long paste
then waits in the pipe, and a silent server is noticed while it goes on."""


LONGEST = 10_000
"""Events that one answer may have; the longest of chatd's, a page of the history, has 500."""


class Exchange:
    """A request, and what the server has said to it so far.

    The request is None for one that only wants to know that the server is there.
    """

    def __init__(self, request: Request | None, then: Callable[["Exchange"], None]) -> None:
        self.request = request
        self.heard: list[Event] = []
        """What may belong to the answer: all that came between the answers before and behind."""
        self.then = then
        """Called once all of the answer is there."""
        self.last = 0
        """The number of the barrier that ends it; 0 for one that its answer ends."""


class Heard(NamedTuple):
    """What came, with the request that it answers as far as the dialect can tell by itself."""

    event: Event
    request: Request | None
    exchange: Exchange | None
    """The one that is being answered now."""


class Dialogue:
    """The client's half of one connection.

    Bytes to be sent are added to output; who sends them deletes them there. A request is sent
    either without a care for its answer (`send`), or as an exchange (`ask`): with a barrier behind
    it, so that whatever comes up to the barrier's answer can be its own answer, and nothing
    behind. timeout: seconds that the server has for an answer. clock counts seconds.
    """

    def __init__(
        self,
        dialect: ClientDialect,
        output: bytearray,
        *,
        timeout: float = inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.dialect = dialect
        self._output = output
        self._timeout = timeout
        self._clock = clock
        self._open: deque[Exchange] = deque()
        self._unconfirmed = 0
        self.deadline = inf
        """When the server will have been silent about an exchange for too long, by the clock."""

    # -- out ---------------------------------------------------------------------------------

    def send(self, request: Request) -> None:
        """Send a request; with a barrier behind it when much has gone out without one."""
        data = self.dialect.encode(request)
        self._output += data
        self._unconfirmed += len(data)
        if self._unconfirmed >= WINDOW and self.settled:
            self.settle()

    def settle(self) -> None:
        """Ask the server to show that it took everything."""
        self._output += self.dialect.barrier()
        self._unconfirmed = 0

    def log_in(self, nick: str, then: Callable[[Exchange], None]) -> Exchange:
        """Ask for a nick, the first thing on a connection: its answer is known by itself."""
        exchange = Exchange(Request("login", (nick,)), then)
        self._output += self.dialect.encode(Request("login", (nick,)))
        return self._await(exchange)

    def ask(self, request: Request | None, then: Callable[[Exchange], None]) -> Exchange:
        """Send a request and have its answer collected; then is called with it."""
        exchange = Exchange(request, then)
        if request is not None:
            self._output += self.dialect.encode(request)
        self._output += self.dialect.barrier()
        exchange.last = self.dialect.barriers
        return self._await(exchange)

    def _await(self, exchange: Exchange) -> Exchange:
        self._open.append(exchange)
        if len(self._open) == 1:
            self.be_patient()
        return exchange

    # -- in ----------------------------------------------------------------------------------

    @property
    def settled(self) -> bool:
        """Whether every barrier was answered."""
        return self.dialect.settled

    @property
    def unanswered(self) -> tuple[Exchange, ...]:
        """The exchanges whose answers are not all there, oldest first."""
        return tuple(self._open)

    def received(self, data: bytes) -> Iterator[Heard]:
        """Take bytes from the server; give what they tell, and finish exchanges on the way.

        Raises ChatError when they make no sense.
        """
        for event, request in self.dialect.feed(data):
            self._finish_passed()
            exchange = self._open[0] if self._open else None
            yield Heard(event, request, exchange)
            if exchange and request and not exchange.last and request == exchange.request:
                self._finish()
        self._finish_passed()

    def heard(self, exchange: Exchange, event: Event) -> None:
        """Take an event for a part of the answer, and give the server time for the rest of it.

        Raises WireError when there is no end to it.
        """
        exchange.heard.append(event)
        if len(exchange.heard) > LONGEST:
            raise WireError("endless", "an answer does not end")
        self.be_patient()

    def _finish_passed(self) -> None:
        while self._open and 0 < self._open[0].last <= self.dialect.passed:
            self._finish()

    def _finish(self) -> None:
        exchange = self._open.popleft()
        self.be_patient()
        exchange.then(exchange)

    def be_patient(self) -> None:
        """Give the server all of its time once more."""
        self.deadline = self._clock() + self._timeout if self._open else inf
