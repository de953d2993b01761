"""Keyboard and socket at the same time, for the plain client: by threads, or by select.

A third engine is in coroutines. On a terminal ui_rich does the same around prompt_toolkit's loop.
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

    @abstractmethod
    def run(self) -> None:
        """Return when the conversation is over."""

    def _proceed(self) -> bool:
        """Take what was typed, show what there is to show; say whether it is over."""
        self._keyboard.pass_on(self._chat)
        self._screen.show(self._chat)
        if self._chat.status is not None:
            return True
        if self._chat.said_all and not self._sending:
            self._connection.end_sending()
        return False

    @property
    def _sending(self) -> bool:
        return self._connection.can_send(self._chat.output)

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


class _Waiting(Engine):
    """Waits in one select for the keyboard and for whatever tells that the server has spoken."""

    def run(self) -> None:
        while True:
            with self._lock:
                if self._proceed():
                    return
                keyboard = [self._keyboard] if self._chat.wants_input else []
                sending = [self._connection] if self._sending else []
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


class Select(_Waiting):
    """One thread: keyboard and socket in one select."""

    @property
    def _incoming(self) -> Connection:
        return self._connection

    def _take_incoming(self) -> None:
        self._received(self._connection.receive())


class Threads(_Waiting):
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
