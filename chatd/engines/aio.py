"""The asyncio engine: everything in one thread, whose waiting is an asyncio event loop's.

The loop tells which sockets can be read or written; the bytes are taken and sent here. A
Protocol would have its transport between a session and the socket, with a buffer of its own
that nothing bounds and in which nobody sees how far a slow client lags behind.
"""

import asyncio
from collections.abc import Callable
from math import inf

from chatd.engines import Host, Listener
from chatd.engines.loop import LoopEngine


class AsyncioEngine(LoopEngine):
    """Readers and writers of an event loop; a turn ends once for all that one look has found."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._loop: asyncio.AbstractEventLoop
        self._due = False  # a turn is to end soon
        self._alarm: asyncio.TimerHandle | None = None
        self._finished: Callable[[], bool] = lambda: False
        # What the loop watches: to ask the loop whether there is something to take back costs
        # more than to know.
        self._reading: set[int] = set()
        self._writing: set[int] = set()

    def start(self, listeners: list[Listener]) -> None:
        # Not the policy's: that one may be anything, and the thread's own loop is not ours.
        self._loop = asyncio.SelectorEventLoop()
        super().start(listeners)

    def run(self, finished: Callable[[], bool], timeout: float = inf) -> None:
        self._finished = finished
        end = None if timeout == inf else self._loop.call_later(timeout, self._loop.stop)
        self.turn_soon()
        try:
            self._loop.run_forever()
        finally:
            if end is not None:
                end.cancel()

    def close(self) -> None:
        super().close()
        self._loop.close()

    # -- turns -------------------------------------------------------------------------------

    def turn_soon(self) -> None:
        if not self._due:
            self._due = True
            self._loop.call_soon(self._linger)

    def _linger(self) -> None:
        # The loop has looked at the sockets before it called us, and reads behind us what came
        # during the last drain. To let that go out in the same sends, while several people
        # talk, saves a fifth of the CPU time with ten fast senders.
        if self.host.delivery.several_talk:
            self._loop.call_soon(self._turn)
        else:
            self._turn()

    def _turn(self) -> None:
        self._due = False
        self.end_turn()
        if self._finished():
            self._loop.stop()
        elif patience := self.patience():
            self._set_alarm(self._loop.time() + patience)
        else:
            self.turn_soon()

    def _set_alarm(self, when: float) -> None:
        if self._alarm is not None:
            if self._alarm.when() <= when:
                return  # an alarm too early does no harm; one for each turn would cost more
            self._alarm.cancel()
        self._alarm = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self.turn_soon()

    # -- sockets -----------------------------------------------------------------------------

    def watch(self, fd: int) -> None:
        self._reading.add(fd)
        self._loop.add_reader(fd, self._can_read, fd)

    def _can_read(self, fd: int) -> None:
        self.readable(fd)
        self.turn_soon()

    def unwatch(self, fd: int) -> None:
        if fd in self._reading:
            self._reading.remove(fd)
            self._loop.remove_reader(fd)

    def want_write(self, fd: int) -> None:
        self._writing.add(fd)
        self._loop.add_writer(fd, self._can_write, fd)

    def _can_write(self, fd: int) -> None:
        self._take_back_write(fd)
        self.writable(fd)
        self.turn_soon()

    def _take_back_write(self, fd: int) -> None:
        if fd in self._writing:
            self._writing.remove(fd)
            self._loop.remove_writer(fd)

    def forget(self, fd: int) -> None:
        self.unwatch(fd)
        self._take_back_write(fd)
