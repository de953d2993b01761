"""chatcli at a pseudo-terminal: what is typed on its keys, and what its screen shows."""

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios

import pyte

from chat import wait_until
from piped import command, environment
from warm import take_terminal

COLUMNS, ROWS = 80, 24

UP, TAB, ENTER, CTRL_A, CTRL_C, CTRL_D = "\x1b[A", "\t", "\r", "\x01", "\x03", "\x04"

COLOUR = b"\x1b[0;3"
"""How the bytes for a colour begin."""

WELCOME = "* you are in the chat as ala; /help lists the commands"
"""What is shown first in crlf."""


class Terminal:
    """A terminal with chatcli on it."""

    def __init__(self, port, *options, **settings):
        self.fd, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._slave = slave
        self.mode = termios.tcgetattr(slave)
        self.raw = b""
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self.screen)
        env = environment(TERM="xterm-256color")
        for variable in ("NO_COLOR", "COLORTERM", "PROMPT_TOOLKIT_COLOR_DEPTH"):
            env.pop(variable, None)
        self.process = subprocess.Popen(
            command(port, *options),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**env, **settings},
            start_new_session=True,
            preexec_fn=take_terminal,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._slave)
        os.close(self.fd)

    def type(self, *keys):
        os.write(self.fd, "".join(keys).encode())

    def lines(self):
        """What is on the screen now, down to the last line that is not empty."""
        while select.select([self.fd], [], [], 0)[0]:
            data = os.read(self.fd, 65536)
            self.raw += data
            self._stream.feed(data)
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip("\n").split("\n")

    def shows(self, *lines):
        """Wait until lines are the last ones on the screen; the last is that of the prompt."""
        expected = [line.rstrip() for line in lines]
        with contextlib.suppress(AssertionError):
            wait_until(lambda: self.lines()[-len(lines) :] == expected)
        assert self.lines()[-len(lines) :] == expected, self.lines()

    def finish(self):
        """Wait for the end; return the exit status."""
        # What it writes must be read, or it waits for that.
        wait_until(lambda: self.lines() and self.process.poll() is not None, "the end of chatcli")
        return self.process.returncode
