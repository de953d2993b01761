"""The rooms: a bounded table, in which empty ones stay until their place is needed."""

from collections.abc import Iterator

from chatd.backlog import Backlog
from chatd.events import GENERAL, CommandError
from chatd.ids import make_id, number_of
from chatd.limits import Limits
from chatd.names import Name, parse_name


class Room:
    """A room. Who is in it is known to its users, and to delivery."""

    __slots__ = ("backlog", "key", "members", "name")

    def __init__(self, name: Name, limits: Limits) -> None:
        self.name, self.key = name
        self.members = 0
        """How many users are in it."""
        self.backlog = Backlog(limits)


class RoomTable:
    """All rooms, in order of creation. Guarded by the hub's lock."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.general = Room(parse_name(GENERAL), limits)
        self._rooms = {self.general.key: self.general}
        self._empty: dict[str, Room] = {}  # those that may make place, longest empty first
        self._forgotten = 0  # the last id that went with a room

    def __len__(self) -> int:
        return len(self._rooms)

    def __iter__(self) -> Iterator[Room]:
        return iter(self._rooms.values())

    def get(self, key: str) -> Room | None:
        """Find a room by its key."""
        return self._rooms.get(key)

    def create(self, name: Name) -> Room:
        """Add an empty room; for it the one that has been empty for longest goes, if need be.

        Raises CommandError("too-many-rooms") when somebody is in each of them.
        """
        if len(self._rooms) >= self._limits.rooms:
            self._make_place()
        room = self._rooms[name.key] = self._empty[name.key] = Room(name, self._limits)
        room.backlog.forgotten = self._forgotten  # it may be one that went
        return room

    def _make_place(self) -> None:
        if not self._empty:
            raise CommandError("too-many-rooms", "there are too many rooms")
        room = self._empty.pop(next(iter(self._empty)))
        del self._rooms[room.key]
        if records := room.backlog.records():
            self._forgotten = max(self._forgotten, records[-1].id)

    def enter(self, room: Room) -> None:
        """Take note that a user is in a room."""
        room.members += 1
        self._empty.pop(room.key, None)

    def leave(self, room: Room) -> None:
        """Take note that a user is not in a room any more."""
        room.members -= 1
        if not room.members and room is not self.general:
            self._empty[room.key] = room

    def renumber(self, epoch: int) -> None:
        """Put all that is remembered into another epoch."""
        self._forgotten = self._forgotten and make_id(epoch, number_of(self._forgotten))
        for room in self._rooms.values():
            room.backlog.renumber(epoch)
