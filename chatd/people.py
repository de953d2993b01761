"""People: who is connected and who is logged in, and what the hub tells of them."""

from typing import Protocol

from msgspec import Struct

from chatd.delivery import Recipient
from chatd.events import Event, Record
from chatd.names import Name
from chatd.rooms import Room


class Client(Recipient, Protocol):
    """A session as the hub sees it."""

    @property
    def address(self) -> str: ...

    @property
    def group(self) -> str: ...

    def end(self, reason: str, farewell: Event | None = None) -> None: ...


class Recall(Struct, frozen=True):
    """What the server remembers of a room at one point of the log, for a member of it."""

    room: str
    """Its name as it is shown."""
    key: str
    records: tuple[Record, ...]
    """Of late, oldest first."""
    since: int
    """The id behind which nothing is missing among the records."""
    last_id: int
    """Of the last event on the server."""


class Presence(Struct, frozen=True):
    """A connection at one moment; nick is empty before login."""

    client: Client
    nick: str = ""
    rooms: tuple[str, ...] = ()


class User:
    """Somebody logged in. Read and written under the hub's lock only."""

    __slots__ = ("client", "group", "key", "nick", "rooms")

    def __init__(self, client: Client, name: Name) -> None:
        self.client = client
        self.nick, self.key = name
        self.group = client.group
        self.rooms: dict[str, Room] = {}

    @property
    def party(self) -> str:
        """Whom a stored private message belongs to: a nick alone anybody can take later."""
        return f"{self.key}@{self.client.address.rpartition(':')[0]}"
