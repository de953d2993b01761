"""What programs ask a server: `/metrics` for Prometheus, `/healthz` for whoever watches it."""

from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify

from chatd.activity import Activity
from chatd.addresses import host_of
from chatd.networks import holds
from chatd.server import Server
from chatd.web import visitors

if TYPE_CHECKING:  # it takes a tenth of a second
    from prometheus_client import CollectorRegistry


def make_probes(server: Server, activity: Activity) -> Blueprint:
    """Make the pages for programs."""
    pages = Blueprint("probes", __name__)

    @cache
    def registry() -> "CollectorRegistry":
        from chatd.web.exposition import make_registry

        return make_registry(server, activity)

    @pages.get("/metrics")
    def metrics() -> Response:
        # Whoever comes by a proxy is not where the proxy is.
        if visitors.come_by_proxy() or not holds(server.metrics_from, host_of(visitors.address())):
            text = "metrics are for those whom --metrics-from names\n"
            return Response(text, HTTPStatus.FORBIDDEN, mimetype="text/plain")
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return Response(generate_latest(registry()), content_type=CONTENT_TYPE_LATEST)

    @pages.get("/healthz")
    def healthz() -> Response:
        trouble = server.health.trouble()
        state = {"status": "failing", "reason": trouble} if trouble else {"status": "ok"}
        response = jsonify(state)
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE if trouble else HTTPStatus.OK
        return response

    @pages.after_request
    def forget(response: Response) -> Response:
        response.cache_control.no_store = True
        return response

    return pages
