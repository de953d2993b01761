"""From the bytes of one HTTP request to those of its response, by cheroot and a WSGI application.

cheroot's HTTPConnection reads a request from a file and writes the response to another one. Both
are in memory here: so it works on every engine alike, and never waits for a client.
"""

import io
import logging
from typing import TYPE_CHECKING

from chatd.addresses import host_of
from chatd.dialects.web import last_answer

if TYPE_CHECKING:  # cheroot is loaded with the first page only
    from wsgiref.types import WSGIApplication

_log = logging.getLogger(__name__)


class Gateway:
    """A WSGI application that is asked with bytes; from several threads.

    idle is for how many seconds old browsers are told that a connection waits for them.
    """

    def __init__(self, app: "WSGIApplication", idle: float = 3.0) -> None:
        from cheroot import server, wsgi

        class Request(server.HTTPRequest):
            """A request that cheroot may find to be none."""

            def simple_response(self, status: int | str, msg: str = "") -> None:
                self.conn.wfile.write(last_answer(str(status), msg or str(status), {}))

        class Connection(server.HTTPConnection):
            """A connection in memory."""

            RequestHandlerClass = Request

        class Settings(wsgi.Server):
            """What a connection looks at; never started."""

            can_add_keepalive_connection = True

            def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
                _log.log(level, "%s", msg, exc_info=traceback)

        self._server = Settings(("127.0.0.1", 0), app, server_name="chatd", timeout=int(idle))
        self._connection = Connection

    def answer(self, raw: bytes, address: str, encrypted: bool) -> tuple[bytes, bool]:
        """Answer one whole request of a client; say, too, whether another one may follow."""
        response = io.BytesIO()
        files = {"rb": io.BytesIO(raw), "wb": response}
        connection = self._connection(self._server, None, lambda sock, mode, size: files[mode])
        connection.remote_addr = host_of(address)
        connection.remote_port = int(address.rpartition(":")[2])
        if encrypted:
            connection.ssl_env = {"wsgi.url_scheme": "https"}
        again: bool = connection.communicate()  # type: ignore[no-untyped-call]
        return response.getvalue(), again
