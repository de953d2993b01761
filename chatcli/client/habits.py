"""How a client behaves, as its user has chosen it."""

from msgspec import Struct

from chatcli.client.backoff import Backoff


class Habits(Struct, frozen=True, kw_only=True):
    """How a client behaves; times in seconds."""

    timeout: float = 10.0
    """How long it waits for an answer, and a call for a connection."""
    reconnect: bool = True
    resume: bool = True
    keepalive: float = 60.0
    """After so long without a byte it asks whether the server is still there."""
    backoff: Backoff = Backoff()
    most: int = 10_000
    """Events that wait for somebody to take them."""
