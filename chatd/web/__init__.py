"""The web side of a chat: its page, and what else a server shows to browsers.

Nothing of it is loaded before somebody asks for the first page, but for what counts and lists
what happens until then.
"""

import logging
import threading
from importlib.util import find_spec

from chatd.activity import Activity
from chatd.console import WarningHandler
from chatd.metrics import Sampler
from chatd.server import Server
from chatd.web.gateway import Gateway

NEEDS = ("flask", "cheroot", "websockets", "prometheus_client")
"""Packages that the extra `web` brings."""

MISSING = "there is no web page here: pip install 'chatd[web]'"


def lacking() -> list[str]:
    """Name what the web takes and is not installed."""
    return [name for name in NEEDS if find_spec(name) is None]


def available() -> bool:
    """Say whether all that the web takes is installed."""
    return not lacking()


class Site:
    """Answers the HTTP requests of browsers, for one server (see `fetching.Pages`)."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.activity = Activity(server.limits)
        self.sampler = Sampler(server.metrics.figures, server.limits, server.clock)
        self._mistakes = WarningHandler(self.activity.note)
        self._lock = threading.Lock()
        self._gateway: Gateway | None = None

    def start(self) -> None:
        """Begin to watch what happens."""
        self._server.delivery.observers.append(self.activity.see)
        logging.getLogger("chatd").addHandler(self._mistakes)
        self.sampler.start()

    def answer(self, raw: bytes, address: str, encrypted: bool) -> tuple[bytes, bool]:
        """Answer one request; say, too, whether the connection may go on."""
        return self._open().answer(raw, address, encrypted)

    def _open(self) -> Gateway:
        with self._lock:
            if self._gateway is None:
                from chatd.web.app import make_app

                app = make_app(self._server, self.activity, self.sampler)
                self._gateway = Gateway(app, self._server.limits.web_idle)
            return self._gateway

    def close(self) -> None:
        """Let go of everything."""
        logging.getLogger("chatd").removeHandler(self._mistakes)
        self.sampler.close()
