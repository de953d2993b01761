"""chatcli as a process on pipes, run to its end or line by line."""

import contextlib
import os
import select
import subprocess
import sys
import time

from chat import PATIENCE, wait_until


def environment(**changes):
    """The environment without what would change the client, and with changes."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CHATCLI_")}
    return {**clean, **changes}


def command(port, *options):
    """The command line; in crlf the nick is ala, unless options say something else."""
    login = () if {"-l", "--dialect"} & set(options) else ("-l", "ala")
    place = () if port is None else ("-p", str(port))
    return [sys.executable, "-m", "chatcli", *place, *login, *options]


def run(port, *options, typed="", **settings):
    """Run chatcli with all of its input at once; return status, stdout and stderr as text."""
    data = typed if isinstance(typed, bytes) else typed.encode()
    result = subprocess.run(
        command(port, *options),
        input=data,
        capture_output=True,
        timeout=PATIENCE,
        env=environment(**settings),
    )
    return result.returncode, result.stdout.decode(), result.stderr.decode()


class Piped:
    """A running chatcli."""

    def __init__(self, port, *options, **settings):
        self.process = subprocess.Popen(
            command(port, *options),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(**settings),
        )
        self._buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(OSError):
                stream.close()
        self.process.wait()

    def type(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def end_input(self):
        self.process.stdin.close()

    def line(self):
        """Wait for one line of output, and return it without its end."""
        fd = self.process.stdout.fileno()
        deadline = time.monotonic() + PATIENCE
        while b"\n" not in self._buffer:
            assert select.select([fd], [], [], max(0.0, deadline - time.monotonic()))[0]
            data = os.read(fd, 65536)
            assert data, self.process.stderr.read().decode()
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()

    def finish(self, end_input=True):
        """Wait for the end; return status, the rest of stdout, and stderr."""
        if end_input:
            self.end_input()
        self.process.wait(PATIENCE)
        rest = self._buffer + self.process.stdout.read()
        return self.process.returncode, rest.decode(), self.process.stderr.read().decode()


def gone(ola):
    """Wait until the server has noticed that only ola is left."""
    wait_until(lambda: ola.ask("LIST") == "USERS ola", "the client to be gone")
