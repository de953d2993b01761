"""chatcli: the terminal client, and the library that it is made of.

Of chatd it uses the vocabulary, the limits and the dialects. The names are loaded when first used
(PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chatcli.client.backoff import Backoff
    from chatcli.client.coroutines import AsyncChatClient
    from chatcli.client.news import (
        Disconnected,
        Lost,
        NoAnswer,
        NotConnected,
        Reconnected,
        ReconnectFailed,
        Unconfirmed,
    )
    from chatcli.client.threads import ChatClient
    from chatd.events import (
        GENERAL,
        CommandError,
        Created,
        Event,
        Failed,
        Joined,
        LoggedIn,
        LoggedOut,
        Missed,
        Notice,
        Parted,
        Recalled,
        Record,
        Renamed,
        Rooms,
        Said,
        Told,
        Users,
    )

__all__ = [
    "GENERAL",
    "AsyncChatClient",
    "Backoff",
    "ChatClient",
    "CommandError",
    "Created",
    "Disconnected",
    "Event",
    "Failed",
    "Joined",
    "LoggedIn",
    "LoggedOut",
    "Lost",
    "Missed",
    "NoAnswer",
    "NotConnected",
    "Notice",
    "Parted",
    "Recalled",
    "ReconnectFailed",
    "Reconnected",
    "Record",
    "Renamed",
    "Rooms",
    "Said",
    "Told",
    "Unconfirmed",
    "Users",
]

_HOMES = {
    "AsyncChatClient": "chatcli.client.coroutines",
    "Backoff": "chatcli.client.backoff",
    "ChatClient": "chatcli.client.threads",
    **dict.fromkeys(
        (
            "Disconnected",
            "Lost",
            "NoAnswer",
            "NotConnected",
            "ReconnectFailed",
            "Reconnected",
            "Unconfirmed",
        ),
        "chatcli.client.news",
    ),
}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(_HOMES.get(name, "chatd.events")), name)
    raise AttributeError(f"module 'chatcli' has no attribute {name!r}")
