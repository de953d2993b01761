"""One run of somebody's client: waiting for whatever happens at any of its sides."""

import os
import select
import shlex
import time
from collections.abc import Callable
from typing import Any

from chatcli.check.client_command import Launch
from chatcli.check.client_manners import Manners
from chatcli.check.client_program import Program
from chatcli.check.client_wire import Door, Peer
from chatcli.check.outcome import shown

_TICK = 0.02

_PAUSE = 0.1
"""Seconds between things that the client has to take one by one."""

_TAKEN = 1.0
"""Seconds that the client has for reading what was typed: it may have other things to do first."""

_SILENCE = 0.3
"""Seconds without anything new after which nothing more comes of a program that has ended."""


class CannotStart(Exception):
    """There is no port to listen on, or the client cannot be run. Its text says which and why."""


class Stage:
    """A client that runs, the server that it talks to, and what happened so far.

    Raises CannotStart.
    """

    def __init__(self, launch: Launch, manners: Manners, end: str, *, port: int, terminal: bool):
        self.manners = manners
        self.peer: Peer | None = None
        self.polite = False
        """Whether the server does what it is asked for of its own accord."""
        self._end = end
        self._mid_line = False
        self._answered = 0
        self.hung_up = False
        """Whether the server has closed the connection."""
        self._acted = self._news = time.monotonic()
        self._door = _open(launch.host, port)
        self.host, self.port = launch.host, self._door.port
        self._keyboard = launch.keyboard(self.port)
        words = launch.arguments(self.port)
        self.happened = [f"run: {shlex.join(words)}"]
        """The conversation, line by line, for people."""
        self._happened_last = ""
        try:
            self.program = Program(words, terminal=terminal)
        except OSError as error:
            self._door.close()
            raise CannotStart(f"cannot run {words[0]}: {error.strerror}") from None

    def close(self) -> None:
        """End everything."""
        self.program.close()
        self._door.close()
        if self.peer:
            self.peer.close()

    def connect(self, seconds: float) -> bool:
        """Type what is to be typed first, and wait until the client has connected."""
        for line in self._keyboard:
            self.type(line)
        return self.wait(lambda: self.peer is not None, seconds)

    def report(self) -> list[str]:
        """Tell what happened, and how the program ended, if it did by itself."""
        ended = [f"client ends with status {self.program.status}"] if self.program.ended else []
        return [*self.happened, *ended]

    # -- what can be done --------------------------------------------------------------------

    def type(self, line: str) -> None:
        """Type a line, and wait until it was read, or likely never will be."""
        self._pause()
        self._note("client types", line or " ")
        self.program.type(line)
        self.wait(lambda: self.program.idle, _TAKEN)

    def end_input(self) -> None:
        """Let the keyboard end."""
        self._pause()
        self._note("client ends input")
        self.program.end_input()

    def send(self, data: bytes) -> None:
        """Send bytes apart from those before."""
        self._pause()
        self._send(data)

    def say(self, line: str) -> None:
        """Send a line of the dialect."""
        self.send(self._line(line))

    def hang_up(self) -> None:
        """Close the connection to the client, if it was not yet."""
        if not self.hung_up:
            self._pause()
            self._hang_up()

    # -- waiting -----------------------------------------------------------------------------

    def wait(self, done: Callable[[], bool], seconds: float) -> bool:
        """Wait until done, and say whether that was within some seconds."""
        deadline = time.monotonic() + seconds
        while not done():
            now = time.monotonic()
            if now >= deadline or (self.over and now - self._news >= _SILENCE):
                return done()
            self._look(min(_TICK, deadline - now))
        return True

    def calm(self, seconds: float, most: float) -> None:
        """Wait until nothing has happened for some seconds, at most for some others."""
        since = max(self._news, time.monotonic())
        self.wait(lambda: time.monotonic() - max(since, self._news) >= seconds, most)

    @property
    def over(self) -> bool:
        """Whether the program has ended and its connection with it."""
        return self.program.ended and (self.peer is None or self.peer.ended)

    def _pause(self) -> None:
        """Let pass some time since the last thing that was done."""
        rest = self._acted + _PAUSE - time.monotonic()
        self.wait(lambda: False, rest)
        self._acted = time.monotonic()

    def _look(self, seconds: float) -> None:
        """Take what happens within some seconds."""
        listeners = [] if self.peer else self._door.listeners
        peers = [self.peer] if self.peer and self.peer.wants_more else []
        waiting: list[Any] = [*listeners, *peers, *self.program.readable]
        for one in select.select(waiting, [], [], seconds)[0]:
            self._news = time.monotonic()
            if isinstance(one, int):
                self._read_screen(one)
            elif isinstance(one, Peer):
                self._receive(one)
            elif self.peer is None and (peer := self._door.accept(one)):
                self.peer = peer
                self._note("client connects")
        self._answer()

    def _read_screen(self, fd: int) -> None:
        program = self.program
        before = len(program.shown), len(program.errors)
        program.read(fd)
        self._note("client shows", bytes(program.shown[before[0] :]))
        self._note("client complains", bytes(program.errors[before[1] :]))

    def _receive(self, peer: Peer) -> None:
        before = len(peer.received)
        peer.receive()
        self._note("server <", peer.received[before:])
        if peer.ended:
            self._note("client closed")

    def _note(self, what: str, data: bytes | str | None = None) -> None:
        """Note for people what has happened, and the text if there is one."""
        if data is None:
            self.happened.append(what)
        elif data and what == self._happened_last == "client shows":
            self.happened[-1] += shown(data)
        elif data:
            self.happened.append(f"{what} {shown(data)}")
        self._happened_last = what

    def _answer(self) -> None:
        """Answer what the client asked for, if the server is to do so by itself."""
        if not self.polite or self.peer is None or self.hung_up or self._mid_line:
            return
        for end, message in list(self.peer.messages(self._answered)):
            self._answered = end
            answer = self.manners.answer(message.strip(), self.peer.address)
            if answer is None:
                self._hang_up()
                return
            for line in answer:
                self._send(self._line(line))

    def _line(self, line: str) -> bytes:
        return (line + self._end).encode("utf-8", "surrogateescape")

    def _send(self, data: bytes) -> None:
        self._note("server >", data)
        self._acted = time.monotonic()
        self._mid_line = not data.endswith(b"\n")
        if self.peer:
            self.peer.send(data)

    def _hang_up(self) -> None:
        self._note("server closes")
        self.hung_up = True
        if self.peer:
            self.peer.end_output()


def _open(host: str, port: int) -> Door:
    try:
        return Door(host, port)
    except OSError as error:
        where = f"port {port} of {host}" if port else host
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise CannotStart(f"cannot listen on {where}: {reason}") from None
