"""The client for programs with threads. All that it says and understands is elsewhere."""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from math import inf
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self, TypeVar

from chatcli.client import calls
from chatcli.client.calls import Call
from chatcli.client.front import Front
from chatcli.client.news import NotConnected
from chatcli.connection import Connection, connect
from chatd.events import GENERAL, Event, Record

T = TypeVar("T")

_LONG = 86_400.0
"""Seconds; poll takes no more than some weeks."""


class ChatClient(Front):
    """A user of a chat, for plain functions; any thread may call any method.

    Every method that asks the server for something returns once the server has done it. It raises
    CommandError if the server refused; NotConnected if nothing was sent, because for timeout
    seconds there was no connection; Unconfirmed or NoAnswer if the connection broke, or nothing
    came, before the answer, so that nobody knows. Nothing is ever sent twice.
    """

    _thread: threading.Thread | None = None

    def _prepare(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[SimpleQueue[None]] = []  # of those who wait until something changes

    def connect(self) -> Self:
        """Connect and log in; `with` does the same.

        Raises OSError (ConnectionError, TimeoutError) and, for a nick that is refused,
        CommandError.
        """
        if self._thread is not None:
            raise RuntimeError("a client connects once: make another one")
        self._waker, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._thread = threading.Thread(target=self._live, name="chatcli-client", daemon=True)
        self._thread.start()
        try:
            presence = self._presence
            self._until(lambda: True if presence.entered or presence.over else None)
            presence.check_entered()
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Leave the chat, and end all iterators; what was said before is taken first."""
        if self._thread is None:
            return
        with self._lock:
            self._presence.leave()
            self._stir()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.connect()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- what is done ------------------------------------------------------------------------

    def say(self, text: str, room: str = GENERAL, *, wait: bool = True) -> None:
        """Say something to everybody in a room.

        With wait=False it returns at once, and a refusal comes as the event `Failed`.
        """
        self._do(calls.say(text, room), wait)

    def tell(self, nick: str, text: str, *, wait: bool = True) -> None:
        """Say something to one user only; wait as in say."""
        self._do(calls.tell(nick, text), wait)

    def rename(self, nick: str) -> None:
        """Take another nick."""
        self._call(calls.named("login", nick))

    def create(self, room: str) -> None:
        """Make a room, without entering it."""
        self._call(calls.named("create", room))

    def join(self, room: str) -> None:
        """Enter a room."""
        self._call(calls.named("join", room))

    def leave(self, room: str) -> None:
        """Leave a room, and stay in the chat."""
        self._call(calls.named("leave", room))

    # -- what is asked -----------------------------------------------------------------------

    def users(self) -> list[str]:
        """Give the nicks of all users."""
        return self._call(calls.users())

    def rooms(self) -> list[str]:
        """Give the names of all rooms."""
        return self._call(calls.rooms())

    def history(
        self, count: int = 50, room: str = GENERAL, *, before: int = 0, after: int = 0
    ) -> list[Record]:
        """Give the last messages of a room, oldest first, or those before or after an id.

        The room `@nick` is a private talk. A record is a message (`Said`, `Told`), or a `Missed`
        where some are not kept. There can be fewer than count where they are long. Raises
        ValueError for both before and after.
        """
        return self._call(calls.history(room, count, before, after))

    def ask(self, verb: str, *args: str) -> tuple[Event, ...]:
        """Ask for any command of the server, and give all that it answered."""
        return self._call(calls.ask(verb, args))

    # -- what happens ------------------------------------------------------------------------

    def events(self, timeout: float | None = None) -> Iterator[Event]:
        """Give what happens, as it happens, until the client is closed.

        With timeout, also until nothing has happened for so many seconds. Each event goes to one
        iterator only.
        """
        while (event := self._next_event(timeout)) is not None:
            yield event

    def __iter__(self) -> Iterator[Event]:
        return self.events()

    def _next_event(self, timeout: float | None) -> Event | None:
        if self._thread is None:
            raise NotConnected("connect first: nothing can happen")
        presence, inbox = self._presence, self._presence.inbox
        found = self._until(
            lambda: [inbox.take()] if inbox else [] if presence.over else None, timeout
        )
        return found[0] if found else None

    # -- waiting -----------------------------------------------------------------------------

    def _do(self, call: Call[None], wait: bool) -> None:
        if wait:
            self._call(call)
        else:
            self._enter(lambda: self._presence.post(call))

    def _call(self, call: Call[T]) -> T:
        done = threading.Event()
        pending = self._enter(lambda: self._presence.submit(call, done.set))
        try:
            done.wait()
        except BaseException:
            with self._lock:
                self._presence.withdraw(pending)
            raise
        return pending.outcome()

    def _enter(self, use: Callable[[], T]) -> T:
        """Use the presence, and have the thread look at what has come of it."""
        if self._thread is None:
            raise NotConnected("connect first: nothing was sent")
        with self._lock:
            used = use()
            self._stir()
            return used

    def _until(self, look: Callable[[], T | None], timeout: float | None = None) -> T | None:
        """Wait until look, which is called under the lock, gives something; None if time is up.

        No Condition: Ctrl-C between two of its steps can leave the lock held for ever.
        """
        deadline = inf if timeout is None else time.monotonic() + timeout
        news: SimpleQueue[None] = SimpleQueue()
        while True:
            with self._lock:
                found = look()
                left = deadline - time.monotonic()
                if found is not None or left <= 0:
                    return found
                self._waiting.append(news)
            try:
                news.get(timeout=min(left, _LONG))
            except Empty:
                with self._lock, contextlib.suppress(ValueError):
                    self._waiting.remove(news)

    def _notify(self) -> None:
        """Have those who wait look again; under the lock."""
        waiting, self._waiting = self._waiting, []
        for news in waiting:
            news.put(None)

    def _stir(self) -> None:
        with contextlib.suppress(OSError):  # it has been told already, or it is over
            self._waker.send(b"x")

    def _live(self) -> None:
        """The thread: connect, and carry bytes until it is over."""
        try:
            while not self._presence.over:
                if self._presence.wants_connection:
                    self._dial()
                self._turn()
        finally:
            with self._lock:
                self._presence.end(NotConnected("the client has failed"))  # if it was not over
                self._hang_up()
                self._notify()
                self._waker.close()
                self._woken.close()

    def _dial(self) -> None:
        """Connect in a thread of its own: to look up a name, too, can take its time."""
        with self._lock:
            self._presence.dialing()
        threading.Thread(target=self._connect, name="chatcli-connect", daemon=True).start()

    def _connect(self) -> None:
        found: Connection | Exception
        try:
            found = connect(*self._place, self._timeout, self._tls)
        except Exception as error:  # whatever it is, there is no connection
            found = error
        with self._lock:
            self._dialed(found)
            self._notify()
            self._stir()

    def _turn(self) -> None:
        """Wait until something can be done, and do it."""
        with self._lock:
            wait = self._presence.wait()
            poll = self._poll()
        poll.poll(None if wait is None else min(wait, _LONG) * 1000 + 1)
        with self._lock, contextlib.suppress(BlockingIOError):
            self._carry()
            self._notify()
            self._woken.recv(4096)

    def _poll(self) -> "select.poll":
        poll = select.poll()
        poll.register(self._woken, select.POLLIN)
        if self._connection is not None:
            sending = self._connection.can_send(self._presence.output)
            poll.register(self._connection, select.POLLIN | (select.POLLOUT if sending else 0))
        return poll
