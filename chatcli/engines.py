"""Keyboard and socket at the same time, for the plain client: by threads, or by select.

On a terminal ui_rich does the same around prompt_toolkit's loop.
"""

import select
import socket
import threading
from abc import ABC, abstractmethod

from chatcli.connection import Connection
from chatcli.conversation import Conversation
from chatcli.ui_plain import Screen, TypedLines


class Engine(ABC):
    """Runs a conversation from the login to its end, in the calling thread."""

    def __init__(
        self,
        chat: Conversation,
        connection: Connection,
        keyboard: TypedLines,
        screen: Screen,
    ) -> None:
        self._chat = chat
        self._connection = connection
        self._keyboard = keyboard
        self._screen = screen
        self._lock = threading.Lock()
        """Held while the conversation or the screen is used, never while waiting for input."""

    def run(self) -> None:
        """Return when the conversation is over."""
        while True:
            with self._lock:
                self._keyboard.pass_on(self._chat)
                self._screen.show(self._chat)
                if self._chat.status is not None:
                    return
                if self._chat.said_all:
                    self._connection.end_sending()
                keyboard = [self._keyboard] if self._chat.wants_input else []
                sending = [self._connection] if self._chat.output else []
                wait = self._chat.wait()
            incoming = self._incoming
            readable, writable, _ = select.select([incoming, *keyboard], sending, [], wait)
            if incoming in readable:
                self._take_incoming()
            with self._lock:
                if self._keyboard in readable:
                    self._keyboard.read()
                if writable:
                    self._connection.send(self._chat.output)
                self._chat.tick()

    @property
    @abstractmethod
    def _incoming(self) -> Connection | socket.socket:
        """What becomes readable when something came from the server."""

    @abstractmethod
    def _take_incoming(self) -> None:
        """Take what came."""

    def _received(self, data: bytes | None) -> None:
        """Show what the server sent."""
        if data is None:
            return
        with self._lock:
            if data:
                self._chat.received(data)
            else:
                self._chat.closed(self._connection.reason)
            self._screen.show(self._chat)


class Select(Engine):
    """One thread: keyboard and socket in one select."""

    @property
    def _incoming(self) -> Connection:
        return self._connection

    def _take_incoming(self) -> None:
        self._received(self._connection.receive())


class Threads(Engine):
    """A second thread reads the socket and shows what comes."""

    def run(self) -> None:
        self._waker, self._woken = socket.socketpair()
        with self._waker, self._woken:
            # A daemon, because at the end it may be waiting for the server or for the screen.
            threading.Thread(target=self._read, name="chatcli-reader", daemon=True).start()
            super().run()

    def _read(self) -> None:
        while self._chat.status is None:
            select.select([self._connection], [], [])
            self._received(self._connection.receive())
            self._wake()

    def _wake(self) -> None:
        """Have the main thread look at the conversation again."""
        try:
            self._waker.send(b"x")
        except OSError:
            return  # it is over

    @property
    def _incoming(self) -> socket.socket:
        return self._woken

    def _take_incoming(self) -> None:
        self._woken.recv(4096)


ENGINES: dict[str, type[Engine]] = {"threads": Threads, "select": Select}
