"""chatd: one chat server, five wire protocols; and what a plugin author needs of it.

The names are loaded when first used (PEP 562), so that clients which import chatd.events or
chatd.dialects load neither pluggy nor any part of the server.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chatd.commands import Command, Context, Filter
    from chatd.dialects import Dialect, Setting, one_line
    from chatd.dialects.framing import ChunkSplitter, LineSplitter
    from chatd.events import (
        GENERAL,
        CommandError,
        Created,
        Event,
        Failed,
        History,
        Identity,
        Joined,
        LoggedIn,
        LoggedOut,
        Notice,
        Parted,
        Renamed,
        Request,
        Rooms,
        Said,
        Told,
        Users,
        WireError,
    )
    from chatd.hookspecs import hookimpl
    from chatd.taps import Tap

__version__ = "0.1.0"

__all__ = [
    "GENERAL",
    "ChunkSplitter",
    "Command",
    "CommandError",
    "Context",
    "Created",
    "Dialect",
    "Event",
    "Failed",
    "Filter",
    "History",
    "Identity",
    "Joined",
    "LineSplitter",
    "LoggedIn",
    "LoggedOut",
    "Notice",
    "Parted",
    "Renamed",
    "Request",
    "Rooms",
    "Said",
    "Setting",
    "Tap",
    "Told",
    "Users",
    "WireError",
    "hookimpl",
    "one_line",
]

_HOMES = {
    "ChunkSplitter": "chatd.dialects.framing",
    "Dialect": "chatd.dialects",
    "LineSplitter": "chatd.dialects.framing",
    "Setting": "chatd.dialects",
    "one_line": "chatd.dialects",
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
