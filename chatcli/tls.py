"""Whom a client trusts, when it speaks TLS."""

import ssl
from os import PathLike


def trusting(ca: str | PathLike[str] | None = None, *, verify: bool = True) -> ssl.SSLContext:
    """Make the context of a client that trusts those in the PEM file ca, and nobody else.

    Without ca it trusts whom the system trusts; without verify, anybody: what is said is then
    safe from those who listen, not from those who pretend to be the server. Raises OSError.
    """
    context = ssl.create_default_context(cafile=ca)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
