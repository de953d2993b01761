"""The server's settings, as values; where they come from is the command line's concern."""

from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import asdict

from chatd.flood import UNBOUND, Pace
from chatd.limits import Framing, Limits, Security
from chatd.networks import LOOPBACK, Network

LogFormat = Literal["text", "json"]


class SettingsError(Exception):
    """Settings that cannot be used; the text is one line and says why."""


class Listen(Struct, frozen=True):
    """One address to listen on, and how clients speak there."""

    dialect: str
    host: str = ""
    """Empty means all addresses, IPv4 and IPv6."""
    port: int = 0
    """0 lets the system choose."""
    framing: Framing = "auto"
    quiet: float | None = None
    """Instead of `Limits.quiet`."""
    tls: Security | None = None
    """Instead of what holds for all addresses."""

    def __str__(self) -> str:
        return f"{self.dialect}={self.host}:{self.port}"


class Admins(Struct, frozen=True):
    """The names of those who may become moderators, and the fingerprint of their secret, never
    the secret itself."""

    names: tuple[str, ...] = ()
    fingerprint: bytes = b""

    def __repr__(self) -> str:
        return f"Admins({', '.join(self.names)})"  # the fingerprint of a word is soon guessed


class Retention(Struct, frozen=True):
    """What a store may forget; None for nothing."""

    age: float | None = None
    """Seconds."""
    count: int | None = None
    """Messages of each room, and of each two who wrote to each other."""

    @property
    def limited(self) -> bool:
        """Whether there is anything to forget, ever."""
        return self.age is not None or self.count is not None


class Config(Struct, frozen=True, kw_only=True):
    """Everything that one server is told at its start."""

    host: str = ""
    """Address to listen on; empty means all of them, IPv4 and IPv6."""
    port: int = 5000
    """0 lets the system choose."""
    dialect: str = "auto"
    """What clients speak there."""
    listen: tuple[Listen, ...] = ()
    """Further addresses."""
    greeting: str = ""
    """Told to each user after the first login."""
    engine: str = "threads"
    web: bool = False
    """Whether there is a web page."""
    web_origins: frozenset[str] = frozenset()
    """Whose pages may talk to the chat besides its own, as `https://example.org`."""
    metrics_from: tuple[Network, ...] = LOOPBACK
    """Networks from which metrics may be fetched."""
    flood: Pace = UNBOUND
    """What each session may ask for; beyond that it waits its turn."""
    exempt: tuple[Network, ...] = LOOPBACK
    """Networks from which any number of connections may come."""
    admins: Admins = Admins()
    """Who may become a moderator."""
    bans: Path | None = None
    """The file of bans and mutes; None: they end with the server."""
    guest_names: bool = False
    """Whether those who enter without a nick are guests, instead of known by their address."""
    verbose: bool = False
    """Whether the activity log is printed."""
    log_format: LogFormat = "text"
    """Lines for people, or an object a line for programs."""
    no_log_addresses: bool = False
    """Whether the log leaves out where people come from."""
    store: str = "none"
    """URL of the store for the history, or `none`."""
    store_private: bool = False
    """Whether it gets private messages, too."""
    retention: Retention = Retention()
    tls_cert: Path | None = None
    """PEM file with the certificate and those between it and a known one; None: no TLS."""
    tls_key: Path | None = None
    """PEM file with its private key, unless that is in the same file."""
    tls_only: bool = False
    """Whether nobody may speak without TLS."""
    plugins_dir: Path | None = None
    no_plugin: frozenset[str] = frozenset()
    port_file: Path | None = None
    """Where it is written which ports the system has chosen."""
    limits: Limits = Limits()


def named(config: Config) -> dict[str, object]:
    """Give the settings by the names that they have on the command line."""
    retention, limits = config.retention, config.limits
    plain = {name.replace("_", "-"): value for name, value in asdict(config).items()}
    del plain["retention"], plain["limits"], plain["admins"], plain["web-origins"]
    return {
        **plain,
        "admin": config.admins,
        "web-origin": config.web_origins,
        "keep": retention.age,
        "keep-count": retention.count,
        "max-clients": limits.clients,
        "max-per-address": limits.per_address,
        "max-arrivals": limits.arrivals,
    }
