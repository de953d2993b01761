"""Keyboard and socket at the same time, for the plain client, by coroutines."""

import asyncio
import selectors
from collections.abc import Callable
from contextlib import suppress

from chatcli.connection import Connection
from chatcli.engines import Engine
from chatcli.ui_plain import TypedLines


class Coroutines(Engine):
    """A coroutine each reads the keyboard, hears the server and sends; one watches the time."""

    def run(self) -> None:
        # A file on standard input can be waited for by select only.
        loop = asyncio.SelectorEventLoop
        with asyncio.Runner(loop_factory=lambda: loop(selectors.SelectSelector())) as runner:
            runner.run(self._converse())

    async def _converse(self) -> None:
        self._stirred = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(it) for it in (self._listen(), self._type(), self._send())]
            await self._watch()
            for task in others:
                task.cancel()

    async def _watch(self) -> None:
        """Look what has changed, whenever something has or time is up, until it is over."""
        while not self._proceed():
            self._stir()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._chat.wait()):
                    await self._stirred.wait()
            self._chat.tick()

    async def _listen(self) -> None:
        """Show what the server says, to its end."""
        data: bytes | None = None
        while data != b"":
            await _ready(self._connection)
            data = self._connection.receive()
            self._received(data)
            self._stir()

    async def _type(self) -> None:
        """Read the keyboard, whenever somebody wants it."""
        while True:
            await self._until(lambda: self._chat.wants_input)
            await _ready(self._keyboard)
            self._keyboard.read()
            self._keyboard.pass_on(self._chat)
            self._stir()

    async def _send(self) -> None:
        """Send what there is to send, when the socket takes it."""
        while True:
            await self._until(lambda: self._sending)
            await _ready(self._connection, sending=True)
            self._connection.send(self._chat.output)
            self._stir()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._stirred.wait()

    def _stir(self) -> None:
        """Have everybody who waits look again."""
        self._stirred.set()
        self._stirred.clear()


async def _ready(source: Connection | TypedLines, sending: bool = False) -> None:
    """Wait until there is something to read, or room to send."""
    loop = asyncio.get_running_loop()
    watch = loop.add_writer if sending else loop.add_reader
    forget = loop.remove_writer if sending else loop.remove_reader
    ready = asyncio.Event()
    watch(source, ready.set)
    try:
        await ready.wait()
    finally:
        forget(source)
