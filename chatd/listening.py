"""How addresses to listen on are written: DIALECT=HOST:PORT[?framing=…&quiet=…&tls=…]."""

import re
from typing import Any, get_args
from urllib.parse import parse_qsl

from chatd.config import Listen
from chatd.limits import Framing, Security

_PLACE = re.compile(
    r"(?P<dialect>[a-z][a-z0-9-]*)=(?P<host>\[[^\]]*\]|[^:\[\]?]*):(?P<port>\d{1,5})"
)
MOST_QUIET = 10
"""Seconds; nobody waits as long for an answer to the first thing they send."""

_QUIET = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")


def parse_listen(text: str) -> Listen:
    """Read `json=127.0.0.1:5555`, `slash=[::1]:5001?framing=chunk&quiet=50ms` or `words=:0`.

    Without a host it is all addresses. Raises ValueError that says what is wrong.
    """
    place, _, options = text.partition("?")
    found = _PLACE.fullmatch(place)
    if found is None:
        raise ValueError(f"{text} is not DIALECT=HOST:PORT, such as json=127.0.0.1:5555")
    port = int(found["port"])
    if port > 65535:
        raise ValueError(f"{text}: there is no port {port}")
    framing: Framing = "auto"
    quiet = None
    tls: Security | None = None
    for key, value in parse_qsl(options, keep_blank_values=True, strict_parsing=bool(options)):
        if key == "framing":
            framing = _one_of(Framing, key, value)
        elif key == "quiet":
            quiet = _seconds(value)
        elif key == "tls":
            tls = _one_of(Security, key, value)
        else:
            raise ValueError(f"{text}: there is no option {key}, only framing, quiet and tls")
    return Listen(found["dialect"], found["host"].strip("[]"), port, framing, quiet, tls)


def _one_of(kind: Any, key: str, value: str) -> Any:
    """Read one of the words of a Literal."""
    if value not in get_args(kind):
        raise ValueError(f"{key} is {', '.join(get_args(kind))}, not {value}")
    return value


def _seconds(value: str) -> float:
    found = _QUIET.fullmatch(value)
    if found is None:
        raise ValueError(f"quiet is a time such as 30ms, not {value}")
    seconds = float(found[1]) / (1000 if found[2] == "ms" else 1)
    if seconds > MOST_QUIET:
        raise ValueError(f"quiet is {MOST_QUIET} seconds at most, not {value}")
    return seconds
