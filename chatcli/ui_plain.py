"""The plain client: lines in on standard input, lines out on standard output."""

import errno
import os
import sys

from chatcli.conversation import Conversation
from chatcli.display import Kind
from chatd.dialects.framing import LineSplitter
from chatd.events import CommandError
from chatd.limits import MIB

_READ_SIZE = 64 * 1024
_CLOSED = (errno.EPIPE, errno.EBADF)


class TypedLines:
    """Standard input, cut into lines.

    Reading waits unless select said that there is something. The descriptor stays in blocking
    mode: other processes share that mode.
    """

    def __init__(self, fd: int = 0) -> None:
        self._fd = fd
        self._lines = LineSplitter(MIB, sys.maxsize)
        self._ended = False

    def fileno(self) -> int:
        """Give the descriptor to wait for."""
        return self._fd

    def read(self) -> None:
        """Take what was typed; at the end of the input, end the last line."""
        try:
            data = os.read(self._fd, _READ_SIZE)
        except OSError:  # a terminal that has gone away
            data = b""
        self._ended = not data
        self._lines.feed(data)
        if self._ended and self._lines.begun:
            self._lines.end_line()

    def pass_on(self, chat: Conversation) -> None:
        """Give the chat what was typed, as far as it wants any."""
        while chat.wants_input:
            try:
                line = self._lines.next_line()
            except CommandError as error:
                chat.mistake(f"{error}: not sent")
                continue
            if line is not None:
                self._pass_line(line, chat)
            elif self._ended:
                chat.leave()
            else:
                return

    def _pass_line(self, line: bytes, chat: Conversation) -> None:
        try:
            chat.typed(line.decode())
        except UnicodeDecodeError:
            chat.mistake("this is not UTF-8: not sent")


class Screen:
    """Standard output, one line for each thing to show, written at once."""

    def __init__(self, fd: int = 1) -> None:
        self._fd = fd

    def show(self, chat: Conversation) -> None:
        """Write the chat's lines; when nobody takes them, that is its end."""
        lines, chat.lines = chat.lines, []
        text = "".join(line.text + "\n" for line in lines if line.kind is not Kind.NOTE)
        try:
            self._write(text.encode())
        except OSError as error:
            # A reader that wants no more says so by going away: no reason to complain.
            complaint = "" if error.errno in _CLOSED else f"cannot write: {error.strerror}"
            chat.finish(1, complaint)

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._fd, data) :]
