"""Who asks for a page: where from, by which way, and from whose page."""

import re
from contextlib import suppress

from flask import request

from chatd.dialects.web import is_ours
from chatd.engines import peer_name
from chatd.networks import LOOPBACK, holds

FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP")
"""What proxies add to a request, or most of them."""


def address() -> str:
    """Give the visitor's address as ip:port, or that of the proxy it comes by."""
    return peer_name((request.remote_addr or "", int(request.environ["REMOTE_PORT"])))


def come_by_proxy() -> bool:
    """Say whether somebody else asks than the one whose address is known."""
    return any(name in request.headers for name in FORWARDED)


def are_unseen() -> bool:
    """Say whether nobody on the way can read what is sent, and the browser keeps a safe cookie.

    That is so with TLS, and on this machine: for a browser here, and for one that has spoken TLS
    with a proxy here. What somebody elsewhere says of a proxy, or as a name, does not count.
    """
    if request.is_secure:
        return True
    if not holds(LOOPBACK, request.remote_addr or ""):
        return False
    if come_by_proxy():
        return request.headers.get("X-Forwarded-Proto", "").lower() == "https"
    return _is_this_machine(request.host)


def _is_this_machine(host: str) -> bool:
    """Say whether browsers take a host for safe without TLS: by its name, as they do."""
    name = re.sub(r":\d+$", "", host.lower()).strip("[]")
    with suppress(ValueError):
        return holds(LOOPBACK, name)
    return name == "localhost" or name.endswith(".localhost")


def use_own_form() -> bool:
    """Say whether a form was sent from a page of this server; programs do not say."""
    origin = request.headers.get("Origin")
    return origin is None or is_ours(origin, request.host)
