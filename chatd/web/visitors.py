"""Who asks for a page: where from, by which way, and from whose page."""

from flask import request

FORWARDED = ("Forwarded", "X-Forwarded-For")
"""What proxies add to a request."""


def address() -> str:
    """Give the visitor's address as ip:port, or that of the proxy it comes by."""
    return f"{request.remote_addr}:{request.environ['REMOTE_PORT']}"


def come_by_proxy() -> bool:
    """Say whether somebody else asks than the one whose address is known."""
    return any(name in request.headers for name in FORWARDED)
