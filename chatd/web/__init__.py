"""The web side of a chat: its page, and what else a server shows to browsers.

Nothing of it is loaded before somebody asks for the first page.
"""

import threading
from importlib.util import find_spec

from chatd.server import Server
from chatd.web.gateway import Gateway

NEEDS = ("flask", "cheroot", "websockets", "prometheus_client")
"""Packages that the extra `web` brings."""

MISSING = "there is no web page here: pip install 'chatd[web]'"


def available() -> bool:
    """Say whether all that the web takes is installed."""
    return all(find_spec(name) is not None for name in NEEDS)


class Site:
    """Answers the HTTP requests of browsers, for one server (see `fetching.Pages`)."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._gateway: Gateway | None = None

    def answer(self, raw: bytes, address: str, encrypted: bool) -> tuple[bytes, bool]:
        """Answer one request; say, too, whether the connection may go on."""
        return self._open().answer(raw, address, encrypted)

    def _open(self) -> Gateway:
        with self._lock:
            if self._gateway is None:
                from chatd.web.app import make_app

                self._gateway = Gateway(make_app(self._server))
            return self._gateway

    def close(self) -> None:
        """Let go of everything."""
