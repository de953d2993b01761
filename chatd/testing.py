"""A running server for tests of dialects, plugins and bots."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from chatd.binding import Passed
from chatd.config import Config
from chatd.reload import Reload
from chatd.server import Server
from chatd.taps import Tap
from chatd.web import Site


class RunningServer:
    """A server that runs on a thread of this process."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.port = server.listeners[0].address[1]
        self.ports = {one.spec.dialect: one.address[1] for one in reversed(server.listeners)}
        """By dialect, where several are listened with."""

    def connect(self, host: str = "127.0.0.1", timeout: float = 10.0) -> socket.socket:
        """Open a connection; its operations raise TimeoutError after timeout seconds."""
        return socket.create_connection((host, self.port), timeout=timeout)


@contextmanager
def running_server(
    *,
    taps: tuple[Tap, ...] = (),
    reload: Reload | None = None,
    passed: Sequence[Passed] = (),
    clock: Callable[[], float] = time.monotonic,
    **settings: Any,
) -> Iterator[RunningServer]:
    """Run a server with the given Config settings on a free port, and stop it at the end.

    It listens on IPv4 and IPv6 as chatd does by default.
    """
    config = Config(**{"port": 0, **settings})
    pages = Site if config.web else None
    server = Server(config, taps=taps, reload=reload, passed=passed, pages=pages, clock=clock)
    started = threading.Event()

    def serve() -> None:
        try:
            server.start()
        finally:
            started.set()
        server.run()

    thread = threading.Thread(target=serve, name="chatd-main")
    thread.start()
    started.wait()
    try:
        yield RunningServer(server)
    finally:
        server.stop()
        thread.join()
