"""How a server is started and ended."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cases import Case

START_SECONDS = 10.0
STOP_SECONDS = 5.0
#: In the directory that a server is started in.
PORT_FILE = "port"
LOG_FILE = "log"


class ServerError(Exception):
    """A server did not start; the text says what it wrote."""


def no_reason() -> str:
    return ""


def read_port_file(directory: Path) -> dict[str, int] | None:
    """Read the ports, by dialect, once all of the file is there; before, None."""
    file = directory / PORT_FILE
    text = file.read_text() if file.exists() else ""
    return read_ports(text) if text.endswith("\n") else None


def read_ports(text: str) -> dict[str, int]:
    """Take the port of each dialect's first listener; `auto` understands crlf, too."""
    ports: dict[str, int] = {}
    for line in text.splitlines():
        dialect, _host, port = line.split()[:3]
        ports.setdefault("crlf" if dialect == "auto" else dialect, int(port))
    return ports


@dataclass(frozen=True)
class Contestant:
    """A server to measure.

    `command` writes what the server needs into the directory it will be started in, and
    returns how to start it there. `ports` says where it listens, None until it does.
    `absent` says why it cannot take part, nothing if it can.
    `most_clients`: select() cannot watch descriptors from 1024 on.
    """

    name: str
    command: Callable[[Path], list[str]]
    ports: Callable[[Path], dict[str, int] | None] = read_port_file
    absent: Callable[[], str] = no_reason
    most_clients: int = 60_000
    tls: bool = False


@dataclass(frozen=True)
class Server:
    """A running server, and its ports by dialect."""

    pid: int
    ports: Mapping[str, int]
    tls: bool = False

    def arguments(self, case: Case) -> list[str]:
        """Write the generator's options that tell it where this server is."""
        own = "web" if case.web else "crlf" if "crlf" in self.ports else "irc"
        options = {"--pid": self.pid, "--tls": int(self.tls), f"--{own}": self.ports[own]}
        for dialect in case.dialects:
            option = "--rooms-dialect" if dialect == "rooms" else f"--{dialect}"
            options[option] = self.ports[dialect]
        return [str(part) for option in options.items() for part in option]


@contextmanager
def running(contestant: Contestant) -> Iterator[Server]:
    """Start a server on ports the system chooses; end it, by its pid, on the way out.

    It runs in a directory of its own, removed afterwards, so nothing that it stores
    reaches the next run. Raises ServerError if it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="chatd-bench-") as name:
        directory = Path(name)
        command = contestant.command(directory)
        with (directory / LOG_FILE).open("wb") as output:
            process = subprocess.Popen(
                command, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        try:
            yield Server(
                process.pid, wait_for_ports(process, contestant, directory), contestant.tls
            )
        finally:
            stop(process)


def wait_for_ports(
    process: subprocess.Popen[bytes], contestant: Contestant, directory: Path
) -> dict[str, int]:
    """Wait until the server listens. Raises ServerError with what it wrote if it does not."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if ports := contestant.ports(directory):
            return ports
        time.sleep(0.01)
    said = " ".join((directory / LOG_FILE).read_text(errors="replace").split()[-60:])
    raise ServerError(f"did not start: {said or 'it does not say where it listens'}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server, politely first."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
