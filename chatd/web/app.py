"""The Flask application: the chat's page and its files, with the headers that keep them safe."""

from flask import Flask, Response

from chatd.activity import Activity
from chatd.metrics import Sampler
from chatd.server import Server
from chatd.web.admin import Admin
from chatd.web.overview import Overview
from chatd.web.probes import make_probes

# The page loads what is its own, and runs nothing else. Were there a mistake in it, still nothing
# that anybody says could become a script.
POLICY = "; ".join(
    (
        *("default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'"),
        *("connect-src 'self'", "manifest-src 'self'", "base-uri 'none'", "form-action 'self'"),
        *("frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'"),
    )
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def make_app(server: Server, activity: Activity, sampler: Sampler) -> Flask:
    """Make the application of one server."""
    app = Flask(__name__)
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
