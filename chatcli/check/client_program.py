"""Run somebody's client: type on its keyboard, read its screen, and leave nothing of it behind."""

import contextlib
import fcntl
import os
import signal
import struct
import subprocess
import termios
from collections.abc import Sequence
from typing import NamedTuple

from wcwidth import strip_sequences

from chatd.limits import MIB

_COLUMNS, _ROWS = 250, 50
_READ_SIZE = 64 * 1024
_MOST = MIB
_CTRL_D = b"\x04"

_ENVIRONMENT = {
    "PYTHONUNBUFFERED": "1",  # on a pipe Python would keep what it prints until it ends
    "NO_COLOR": "1",
    "TERM": "xterm",
    "PROMPT_TOOLKIT_NO_CPR": "1",  # nobody here tells where the cursor is
}


class _Ends(NamedTuple):
    """Descriptors of the pipes or the terminal: the program's three, and our ends of them."""

    program: tuple[int, int, int]
    keyboard: int
    screens: tuple[int, ...]
    """Of standard output, and of standard error where that is apart."""


class Program:
    """A client that runs in a session of its own, on pipes or on a terminal.

    shown is what it wrote to its standard output, errors to its standard error, which a terminal
    has none of. Use it from one thread. Raises OSError when it cannot be started.
    """

    def __init__(self, command: Sequence[str], *, terminal: bool) -> None:
        self.shown = bytearray()
        self.errors = bytearray()
        self.status: int | None = None
        """How it ended, once it has; negative for a signal."""
        self._terminal = terminal
        self._ends = _open_terminal() if terminal else _open_pipes()
        self._open = {*self._ends.program, self._ends.keyboard, *self._ends.screens}
        try:
            self._process = _start(command, self._ends.program, terminal)
        except BaseException:
            self._close(*self._open)
            raise
        # Its end of the keyboard stays open here, to see how much of it was not read yet.
        self._close(*(set(self._ends.program[1:]) - {self._ends.program[0]}))

    @property
    def readable(self) -> list[int]:
        """Descriptors to wait for; none once far too much has been shown."""
        if len(self.shown) + len(self.errors) >= _MOST:
            return []
        return [fd for fd in self._ends.screens if fd in self._open]

    @property
    def screen(self) -> str:
        """What it showed, without colours and movements of the cursor."""
        text = self.shown.decode(errors="replace")
        return strip_sequences(text) if "\x1b" in text else text

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself."""
        if self.status is None:
            found = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is not None:  # it stays a zombie, so that nobody else gets its number
                exited = found.si_code == os.CLD_EXITED
                self.status = found.si_status if exited else -found.si_status
        return self.status is not None

    @property
    def idle(self) -> bool:
        """Whether it has read all that was typed."""
        unread = fcntl.ioctl(self._ends.program[0], termios.FIONREAD, struct.pack("i", 0))
        return not any(unread)

    def type(self, line: str) -> None:
        """Type a line and press Enter."""
        end = "\r" if self._terminal else "\n"
        self._press((line + end).encode("utf-8", "surrogateescape"))

    def end_input(self) -> None:
        """Let the keyboard end; on a terminal press Ctrl-D."""
        if self._terminal:
            self._press(_CTRL_D)
        else:
            self._close(self._ends.keyboard)

    def read(self, fd: int) -> None:
        """Take what has come on one of the readable descriptors."""
        try:
            data = os.read(fd, _READ_SIZE)
        except BlockingIOError:
            return
        except OSError:  # a terminal that has gone away
            data = b""
        (self.shown if fd == self._ends.screens[0] else self.errors).extend(data)
        if not data:
            self._close(fd)

    def close(self) -> None:
        """Kill what is left of it and of what it started."""
        _ = self.ended  # an end of its own is told from this one
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._close(*self._open)

    def _press(self, keys: bytes) -> None:
        with contextlib.suppress(OSError):  # it does not read, or is gone: that will be seen
            os.write(self._ends.keyboard, keys)

    def _close(self, *fds: int) -> None:
        for fd in self._open.intersection(fds):
            self._open.remove(fd)
            os.close(fd)


def _open_pipes() -> _Ends:
    (stdin, keyboard), (screen, stdout), (errors, stderr) = os.pipe(), os.pipe(), os.pipe()
    for fd in (keyboard, screen, errors):
        os.set_blocking(fd, False)
    return _Ends((stdin, stdout, stderr), keyboard, (screen, errors))


def _open_terminal() -> _Ends:
    """Open a terminal that does not repeat what is typed: a program may do that itself."""
    ours, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
    mode = termios.tcgetattr(slave)
    mode[3] &= ~termios.ECHO
    termios.tcsetattr(slave, termios.TCSANOW, mode)
    os.set_blocking(ours, False)
    return _Ends((slave, slave, slave), ours, (ours,))


def _start(
    command: Sequence[str], fds: tuple[int, int, int], terminal: bool
) -> "subprocess.Popen[bytes]":
    stdin, stdout, stderr = fds
    return subprocess.Popen(
        command,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env={**os.environ, **_ENVIRONMENT},
        start_new_session=True,
        preexec_fn=_take_terminal if terminal else None,
    )


def _take_terminal() -> None:
    """Make standard input the terminal by which the session is controlled."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
