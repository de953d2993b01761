"""chatd: one chat server, five wire protocols; and what a plugin author needs of it.

The names are loaded when first used (PEP 562), so that clients which import chatd.events or
chatd.dialects load neither pluggy nor any part of the server.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chatd.commands import Command, Context, Filter
    from chatd.events import (
        GENERAL,
        CommandError,
        Created,
        Event,
        Joined,
        LoggedIn,
        LoggedOut,
        Parted,
        Renamed,
        Request,
        Said,
    )
    from chatd.hookspecs import hookimpl
    from chatd.taps import Tap

__version__ = "0.1.0"

__all__ = [
    "GENERAL",
    "Command",
    "CommandError",
    "Context",
    "Created",
    "Event",
    "Filter",
    "Joined",
    "LoggedIn",
    "LoggedOut",
    "Parted",
    "Renamed",
    "Request",
    "Said",
    "Tap",
    "hookimpl",
]

_HOMES = {
    "Command": "chatd.commands",
    "Context": "chatd.commands",
    "Filter": "chatd.commands",
    "Tap": "chatd.taps",
    "hookimpl": "chatd.hookspecs",
}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(_HOMES.get(name, "chatd.events")), name)
    raise AttributeError(f"module 'chatd' has no attribute {name!r}")
