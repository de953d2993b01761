"""The contestants, and how one is started and ended."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cases import DIALECTS, Case

HERE = Path(__file__).resolve().parent
START_SECONDS = 10.0
STOP_SECONDS = 5.0


class ServerError(Exception):
    """A server did not start; the text says what it wrote."""


@dataclass(frozen=True)
class Contestant:
    """A server to measure: the arguments for this Python, without the port file.

    `most_clients`: select() cannot watch descriptors from 1024 on, and a server has
    some of its own, so the idle case is smaller there.
    `dialects`: what it speaks beside crlf.
    `stores`: whether it keeps what is said in a file; what is not is measured without.
    """

    name: str
    arguments: tuple[str, ...]
    most_clients: int = 60_000
    dialects: tuple[str, ...] = ()
    stores: bool = False

    def takes(self, case: Case) -> bool:
        """Whether it speaks all that the case's clients do, and stores only where that counts."""
        return set(case.dialects) <= set(self.dialects) and (case.stored or not self.stores)


def chatd(engine: str, most_clients: int = 60_000, stores: bool = False) -> Contestant:
    """chatd on one of its engines; where it stores, in the directory it is started in."""
    options = f"-p 0 --host 127.0.0.1 --engine {engine} -q --max-clients 20000 --store "
    options += "sqlite:///history.db" if stores else "none"
    listen = [f"--listen={dialect}=127.0.0.1:0" for dialect in DIALECTS]
    arguments = ("-m", "chatd", *options.split(), *listen)
    name = f"{engine}+store" if stores else engine
    return Contestant(name, arguments, most_clients, DIALECTS, stores)


CONTESTANTS = (
    Contestant("baseline", (str(HERE / "baseline.py"),)),
    chatd("threads"),
    chatd("select", most_clients=900),
    chatd("threads", stores=True),
    chatd("select", most_clients=900, stores=True),
)


@dataclass(frozen=True)
class Server:
    """A running server, and its ports by dialect."""

    pid: int
    ports: Mapping[str, int]

    def arguments(self, case: Case) -> list[str]:
        """The generator's options that tell it where this server is."""
        options = {"--pid": self.pid, "--port": self.ports["crlf"]}
        options |= {f"--{dialect}": self.ports[dialect] for dialect in case.dialects}
        return [str(part) for option in options.items() for part in option]


@contextmanager
def running(contestant: Contestant) -> Iterator[Server]:
    """Start a server on ports the system chooses; end it, by its pid, on the way out.

    It runs in a directory of its own, removed afterwards, so nothing that it stores
    reaches the next run.
    """
    with tempfile.TemporaryDirectory(prefix="chatd-bench-") as directory:
        port_file = Path(directory, "port")
        log = Path(directory, "log")
        command = [sys.executable, *contestant.arguments, "--port-file", str(port_file)]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        try:
            yield Server(process.pid, wait_for_ports(process, port_file, log))
        finally:
            stop(process)


def wait_for_ports(process: subprocess.Popen[bytes], port_file: Path, log: Path) -> dict[str, int]:
    """Wait until the server has written lines `dialect host port`, and read them."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if port_file.exists() and port_file.read_text().endswith("\n"):
            return read_ports(port_file.read_text())
        time.sleep(0.02)
    said = " ".join(log.read_text(errors="replace").split()[-60:])
    raise ServerError(f"did not start: {said or 'no port file'}")


def read_ports(text: str) -> dict[str, int]:
    """The port of each dialect's first listener; `auto` understands crlf, too."""
    ports: dict[str, int] = {}
    for line in text.splitlines():
        dialect, _host, port = line.split()
        ports.setdefault("crlf" if dialect == "auto" else dialect, int(port))
    if "crlf" not in ports:
        raise ServerError(f"no listener for the crlf dialect: {text.strip()}")
    return ports


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server, politely first."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
