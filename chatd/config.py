"""The server's settings, as values; where they come from is the command line's concern."""

from pathlib import Path

from msgspec import Struct

from chatd.limits import Limits


class Config(Struct, frozen=True, kw_only=True):
    """Everything that one server is told at its start."""

    host: str = ""
    """Address to listen on; empty means all of them, IPv4 and IPv6."""
    port: int = 5000
    """0 lets the system choose."""
    greeting: str = ""
    """Told to each user after the first login."""
    engine: str = "threads"
    plugins_dir: Path | None = None
    no_plugin: frozenset[str] = frozenset()
    limits: Limits = Limits()
