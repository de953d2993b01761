"""The select engine: everything in one thread around one `select.select`."""

import select
import socket
import time
from collections.abc import Callable
from math import inf

from chatd.engines import Host
from chatd.engines.loop import LoopEngine

HIGHEST_FD = 1023
"""select(2) cannot watch descriptors beyond FD_SETSIZE."""


class SelectEngine(LoopEngine):
    """Sets of descriptors, and a select for each turn."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._reading: set[int] = set()
        self._writing: set[int] = set()

    def run(self, finished: Callable[[], bool], timeout: float = inf) -> None:
        deadline = time.monotonic() + timeout
        self.drain()  # what this thread has appended since the last turn wakes nobody
        while not finished() and (left := deadline - time.monotonic()) > 0:
            self._turn(min(left, self.patience()))

    def _turn(self, wait: float) -> None:
        readable, writable, _ = select.select(self._reading, self._writing, (), wait)
        for fd in writable:
            self._writing.discard(fd)
            self.writable(fd)
        for fd in readable:
            self.readable(fd)
        self.end_turn()

    def refusal(self, sock: socket.socket, address: str) -> str | None:
        if sock.fileno() > HIGHEST_FD:
            return "the server is full: select can watch no more connections"
        return super().refusal(sock, address)

    def watch(self, fd: int) -> None:
        self._reading.add(fd)

    def unwatch(self, fd: int) -> None:
        self._reading.discard(fd)

    def want_write(self, fd: int) -> None:
        self._writing.add(fd)

    def forget(self, fd: int) -> None:
        self._reading.discard(fd)
        self._writing.discard(fd)
