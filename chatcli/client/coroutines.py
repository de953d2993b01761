"""The client for programs with coroutines. All that it says and understands is elsewhere."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Self, TypeVar

from chatcli.client import calls
from chatcli.client.calls import Call
from chatcli.client.front import Front
from chatcli.client.news import NotConnected
from chatcli.connection import Connection, layered
from chatd.events import GENERAL, Event, Record

T = TypeVar("T")


class AsyncChatClient(Front):
    """A user of a chat, for the coroutines of one event loop; otherwise it is as ChatClient.

    Every method that asks the server for something returns once the server has done it. It raises
    CommandError if the server refused; NotConnected if nothing was sent, because for timeout
    seconds there was no connection; Unconfirmed or NoAnswer if the connection broke, or nothing
    came, before the answer, so that nobody knows. Nothing is ever sent twice.
    """

    _task: asyncio.Task[None] | None = None

    def _prepare(self) -> None:
        self._stirred = asyncio.Event()
        self._changed = asyncio.Event()

    async def connect(self) -> Self:
        """Connect and log in; `async with` does the same.

        Raises OSError (ConnectionError, TimeoutError) and, for a nick that is refused,
        CommandError.
        """
        if self._task is not None:
            raise RuntimeError("a client connects once: make another one")
        self._task = asyncio.create_task(self._live(), name="chatcli-client")
        try:
            await self._until(lambda: self._presence.entered or self._presence.over)
            self._presence.check_entered()
        except BaseException:
            await self.close()
            raise
        return self

    async def close(self) -> None:
        """Leave the chat, and end all iterators; what was said before is taken first."""
        if self._task is None:
            return
        self._presence.leave()
        self._stirred.set()
        await asyncio.wait([self._task])

    async def __aenter__(self) -> Self:
        return await self.connect()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    # -- what is done ------------------------------------------------------------------------

    async def say(self, text: str, room: str = GENERAL, *, wait: bool = True) -> None:
        """Say something to everybody in a room.

        With wait=False it returns at once, and a refusal comes as the event `Failed`.
        """
        await self._do(calls.say(text, room), wait)

    async def tell(self, nick: str, text: str, *, wait: bool = True) -> None:
        """Say something to one user only; wait as in say."""
        await self._do(calls.tell(nick, text), wait)

    async def rename(self, nick: str) -> None:
        """Take another nick."""
        await self._call(calls.named("login", nick))

    async def create(self, room: str) -> None:
        """Make a room, without entering it."""
        await self._call(calls.named("create", room))

    async def join(self, room: str) -> None:
        """Enter a room."""
        await self._call(calls.named("join", room))

    async def leave(self, room: str) -> None:
        """Leave a room, and stay in the chat."""
        await self._call(calls.named("leave", room))

    # -- what is asked -----------------------------------------------------------------------

    async def users(self) -> list[str]:
        """Give the nicks of all users."""
        return await self._call(calls.users())

    async def rooms(self) -> list[str]:
        """Give the names of all rooms."""
        return await self._call(calls.rooms())

    async def history(
        self, count: int = 50, room: str = GENERAL, *, before: int = 0, after: int = 0
    ) -> list[Record]:
        """Give the last messages of a room, oldest first, or those before or after an id.

        The room `@nick` is a private talk. A record is a message (`Said`, `Told`), or a `Missed`
        where some are not kept. There can be fewer than count where they are long. Raises
        ValueError for both before and after.
        """
        return await self._call(calls.history(room, count, before, after))

    async def ask(self, verb: str, *args: str) -> tuple[Event, ...]:
        """Ask for any command of the server, and give all that it answered."""
        return await self._call(calls.ask(verb, args))

    # -- what happens ------------------------------------------------------------------------

    async def events(self, timeout: float | None = None) -> AsyncIterator[Event]:
        """Give what happens, as it happens, until the client is closed.

        With timeout, also until nothing has happened for so many seconds. Each event goes to one
        iterator only.
        """
        while (event := await self._next_event(timeout)) is not None:
            yield event

    def __aiter__(self) -> AsyncIterator[Event]:
        return self.events()

    async def _next_event(self, timeout: float | None) -> Event | None:
        if self._task is None:
            raise NotConnected("connect first: nothing can happen")
        inbox = self._presence.inbox
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._until(lambda: bool(inbox) or self._presence.over)
        return inbox.take() if inbox else None

    # -- waiting -----------------------------------------------------------------------------

    async def _do(self, call: Call[None], wait: bool) -> None:
        if wait:
            await self._call(call)
        else:
            self._enter(lambda: self._presence.post(call))

    async def _call(self, call: Call[T]) -> T:
        done = asyncio.Event()
        pending = self._enter(lambda: self._presence.submit(call, done.set))
        try:
            await done.wait()
        except BaseException:
            self._presence.withdraw(pending)
            raise
        return pending.outcome()

    def _enter(self, use: Callable[[], T]) -> T:
        """Use the presence, and have the task look at what has come of it."""
        if self._task is None:
            raise NotConnected("connect first: nothing was sent")
        used = use()
        self._stirred.set()
        return used

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()

    def _notify(self) -> None:
        self._changed.set()
        self._changed.clear()  # whoever waits has been woken

    async def _live(self) -> None:
        """The task: connect, and carry bytes until it is over."""
        dialing = None
        try:
            while not self._presence.over:
                if self._presence.wants_connection:
                    self._presence.dialing()
                    dialing = asyncio.create_task(self._connect(), name="chatcli-connect")
                await self._turn()
        finally:
            self._presence.end(NotConnected("the client has failed"))  # if it was not over
            self._hang_up()
            self._notify()
            if dialing is not None:
                dialing.cancel()
                await asyncio.wait([dialing])

    async def _connect(self) -> None:
        found: Connection | Exception
        try:
            found = await connect(*self._place, self._timeout, self._tls)
        except Exception as error:  # whatever it is, there is no connection
            found = error
        self._dialed(found)
        if self._connection is not None:
            asyncio.get_running_loop().add_reader(self._connection, self._stirred.set)
        self._stirred.set()

    async def _turn(self) -> None:
        """Wait until something can be done, and do it."""
        self._watch_for_room()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._presence.wait()):
                await self._stirred.wait()
        self._stirred.clear()
        self._carry()
        self._notify()

    def _watch_for_room(self) -> None:
        """Be woken when the socket takes what waits to be sent."""
        loop = asyncio.get_running_loop()
        if self._connection is None:
            return
        if self._connection.can_send(self._presence.output):
            loop.add_writer(self._connection, self._stirred.set)
        else:
            loop.remove_writer(self._connection)

    def _hang_up(self) -> None:
        if self._connection is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._connection)
            loop.remove_writer(self._connection)
        super()._hang_up()


async def connect(
    host: str, port: int, timeout: float, tls: ssl.SSLContext | None = None
) -> Connection:
    """Connect to host, on each of its addresses until one answers, IPv4 and IPv6.

    timeout is in seconds, for each address. With tls it is spoken, by that context. Raises OSError.
    """
    loop = asyncio.get_running_loop()
    failure = OSError("this is no host name")
    with contextlib.suppress(UnicodeError):
        for family, kind, protocol, _, address in await loop.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        ):
            sock = socket.socket(family, kind, protocol)
            try:
                sock.setblocking(False)
                async with asyncio.timeout(timeout):
                    await loop.sock_connect(sock, address)
                return layered(sock, host, tls)
            except OSError as error:
                sock.close()
                failure = error
            except BaseException:
                sock.close()
                raise
    raise failure
