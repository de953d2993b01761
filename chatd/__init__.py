"""chatd: one chat server, five wire protocols; and what a plugin author needs of it.

The names are loaded when first used (PEP 562), so that clients which import chatd.events or
chatd.dialects load neither pluggy nor any part of the server.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chatd.commands import Command, Filter
    from chatd.dialects import Dialect, Setting, one_line
    from chatd.dialects.framing import ChunkSplitter, LineSplitter
    from chatd.dispatch import Context
    from chatd.durations import parse_duration
    from chatd.events import (
        GENERAL,
        CommandError,
        Created,
        Event,
        Failed,
        Found,
        History,
        Hit,
        Identity,
        Joined,
        LoggedIn,
        LoggedOut,
        Missed,
        Moderated,
        Notice,
        Parted,
        Promoted,
        Record,
        Renamed,
        Request,
        Rooms,
        Said,
        Told,
        Users,
        WireError,
    )
    from chatd.hookspecs import hookimpl
    from chatd.ids import epoch_of, id_text, make_id
    from chatd.moderation import Moderator
    from chatd.names import name_key
    from chatd.store import Page, Place, Stats, Store, StoreError
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
    "Found",
    "History",
    "Hit",
    "Identity",
    "Joined",
    "LineSplitter",
    "LoggedIn",
    "LoggedOut",
    "Missed",
    "Moderated",
    "Moderator",
    "Notice",
    "Page",
    "Parted",
    "Place",
    "Promoted",
    "Record",
    "Renamed",
    "Request",
    "Rooms",
    "Said",
    "Setting",
    "Stats",
    "Store",
    "StoreError",
    "Tap",
    "Told",
    "Users",
    "WireError",
    "epoch_of",
    "hookimpl",
    "id_text",
    "make_id",
    "name_key",
    "one_line",
    "parse_duration",
]

_HOMES = {
    "ChunkSplitter": "chatd.dialects.framing",
    "Dialect": "chatd.dialects",
    "LineSplitter": "chatd.dialects.framing",
    "Setting": "chatd.dialects",
    "one_line": "chatd.dialects",
    "Command": "chatd.commands",
    "Context": "chatd.dispatch",
    "Filter": "chatd.commands",
    **dict.fromkeys(("Page", "Place", "Stats", "Store", "StoreError"), "chatd.store"),
    "Moderator": "chatd.moderation",
    "Tap": "chatd.taps",
    "hookimpl": "chatd.hookspecs",
    **dict.fromkeys(("epoch_of", "id_text", "make_id"), "chatd.ids"),
    "name_key": "chatd.names",
    "parse_duration": "chatd.durations",
}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(_HOMES.get(name, "chatd.events")), name)
    raise AttributeError(f"module 'chatd' has no attribute {name!r}")
