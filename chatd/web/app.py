"""The Flask application: the chat's page and its files, with the headers that keep them safe."""

from typing import Any

from flask import Flask, Response

from chatd.activity import Activity
from chatd.dialects.web import HEADERS
from chatd.metrics import Sampler
from chatd.mistakes import log_mistake
from chatd.server import Server
from chatd.web.admin import Admin
from chatd.web.overview import Overview
from chatd.web.probes import make_probes

_PASSED_OVER = (
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_UNMODIFIED_SINCE",
    "HTTP_IF_RANGE",
    "HTTP_RANGE",
)
"""Fields that nobody needs, since files are small and have ETags: a date that is none makes
werkzeug raise OverflowError."""


class _App(Flask):
    def wsgi_app(self, environ: Any, start_response: Any) -> Any:
        """Answer a request."""
        for name in _PASSED_OVER:
            environ.pop(name, None)
        return super().wsgi_app(environ, start_response)

    def log_exception(self, exc_info: Any) -> None:
        """Log what a page raised as any mistake of the server's is."""
        log_mistake(exc_info[1], "a page")


def make_app(server: Server, activity: Activity, sampler: Sampler) -> Flask:
    """Make the application of one server."""
    app = _App(__name__)
    app.register_blueprint(make_probes(server, activity))
    app.register_blueprint(Admin(server, Overview(server, activity, sampler)).blueprint())

    @app.get("/")
    def page() -> Response:
        return app.send_static_file("index.html")

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.cache_control.no_cache = True  # ask each time, by the ETag: an upgrade is seen
        return response

    return app
