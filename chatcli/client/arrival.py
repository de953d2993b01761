"""Arriving in the chat, the first time or again: login, rooms, and what was said meanwhile.

The steps are a generator: it yields calls, and is sent their results or thrown their refusals.
"""

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from chatcli.client import calls
from chatcli.client.bookmark import Bookmark, overlap, said_in
from chatcli.client.calls import Call, Page
from chatcli.client.news import Lost
from chatd.events import GENERAL, CommandError, Event, Missed, Record, Said

PAGE = 200
"""Messages of the history that are asked for at a time."""

UNKNOWN = Missed(0, 0)
"""Something is missing, and nobody knows how much."""

_Steps = Generator[Call[Any], Any, None]


class Place(NamedTuple):
    """Where the last id stands among what was heard: between two positions."""

    id: int | None
    """None if the server does not tell it."""
    before: int
    after: int


def find_place(heard: Sequence[Event]) -> Generator[Call[Any], Any, Place]:
    """Ask for the last id, and find its place among what is heard meanwhile.

    The server may tell its last id a moment after it looked for it. So it is asked twice: what
    was heard before the first answer happened before the second id, and what comes behind the
    second one happened later. Only what comes between nobody can tell, unless the ids are equal;
    so while there is something between it is asked once more, for a while.
    """
    id = yield from _last_id()
    before = after = len(heard)
    for _ in range(_QUESTIONS):
        earlier, before = id, after
        id = yield from _last_id()
        after = len(heard)
        if id == earlier:
            return Place(id, before, before)
        if not any(isinstance(event, Said) for event in heard[before:after]):
            break
    return Place(id, before, after)


_QUESTIONS = 5


def _last_id() -> Generator[Call[Any], Any, int | None]:
    try:
        id: int = yield calls.last_id()
    except CommandError:
        return None
    return id


class Arrival:
    """One arrival of a client: its nick and its rooms, and up to where it has heard.

    most: how many of the messages that it missed are kept, of each room.
    """

    def __init__(self, nick: str, rooms: dict[str, str], bookmark: Bookmark, *, most: int) -> None:
        self.heard: list[Event] = []
        """What comes meanwhile, to be told after what was missed."""
        self.missed: list[Event] = []
        """What was said since the last time."""
        self._nick = nick
        self._rooms = rooms
        self._bookmark = bookmark
        self._most = most

    def steps(self, *, again: bool, resume: bool) -> _Steps:
        """Log in and enter the rooms again; with resume, read on where the bookmark is.

        Raises CommandError when the nick is refused.
        """
        yield calls.named("login", self._nick)
        if again:
            yield from self._enter_rooms()
        if resume:
            yield from self._read_on(again)

    # -- rooms -------------------------------------------------------------------------------

    def _enter_rooms(self) -> _Steps:
        for key, room in list(self._rooms.items()):
            if room != GENERAL and not (yield from self._enter(room)):
                del self._rooms[key]
        if GENERAL not in self._rooms.values():
            with suppress(CommandError):
                yield calls.named("leave", GENERAL)

    @staticmethod
    def _enter(room: str) -> Generator[Call[Any], Any, bool]:
        """Enter a room, which a server that was started anew does not have; say whether it went."""
        for verb in ("join", "create", "join"):
            try:
                yield calls.named(verb, room)
            except CommandError as error:
                if error.code == "already-a-member":
                    return True
            else:
                if verb == "join":
                    return True
        return False

    # -- what was said meanwhile -------------------------------------------------------------

    def _read_on(self, again: bool) -> _Steps:
        """Find what was missed, and move the bookmark."""
        place = yield from find_place(self.heard)
        sure, doubtful = self.heard[: place.before], self.heard[place.before : place.after]
        if again:
            sure, doubtful = yield from self._catch_up(place.id, sure, doubtful)
        behind = self.heard[place.after :]
        self.heard = [*sure, *doubtful, *behind]
        if again:  # then what is left of the doubtful was not in the history
            self._bookmark.move(place.id, self._nick, heard=[*doubtful, *behind])
        else:
            self._bookmark.move(place.id, self._nick, heard=behind, doubtful=doubtful)

    def _catch_up(
        self, here: int | None, sure: list[Event], doubtful: list[Event]
    ) -> Generator[Call[Any], Any, tuple[list[Event], list[Event]]]:
        """Read what was missed; return what of the heard is not among it."""
        if here is None or self._bookmark.id is None:
            self.missed = [UNKNOWN]
            return sure, doubtful
        gaps: set[Event] = set()
        records: list[Record] = []
        for room in self._rooms.values():
            read = yield from self._read_room(room, here)
            if read is None:
                continue
            sure = without(said_in(room, sure), sure)
            said = said_in(room, doubtful)
            known = said[: overlap([record.event for record in read], said)]
            doubtful = without(known, doubtful)
            records += [record for record in read if record.event not in gaps]
            gaps |= {record.event for record in read if isinstance(record.event, Missed)}
        records.sort(key=lambda record: record.id)
        self.missed += [record.event for record in records]
        return sure, doubtful

    def _read_room(self, room: str, here: int) -> Generator[Call[Any], Any, list[Record] | None]:
        """Read what was said in a room between the bookmark and an id, and was not heard.

        None if the server does not give it.
        """
        found: deque[Record] = deque(maxlen=self._most)
        count, after = 0, self._bookmark.id or 0
        whole = True
        while after:
            try:
                page: Page = yield calls.page(room, PAGE, after=after)
            except CommandError:
                self._note(count - len(found), whole=False)
                return None
            fresh = [record for record in page.records if record.id <= here]
            count += len(fresh)
            found.extend(fresh)
            whole &= page.whole or self._bookmark.reaches(room, fresh)
            after = page.more if page.more < here else 0
        self._note(count - len(found), whole)
        return self._bookmark.unheard(room, [*found])

    def _note(self, lost: int, whole: bool) -> None:
        """Say at the beginning what is not there."""
        if lost:
            self.missed.append(Lost(lost))
        if not whole and UNKNOWN not in self.missed:
            self.missed.append(UNKNOWN)


def without(some: Iterable[Event], events: list[Event]) -> list[Event]:
    """Leave some of the events out: these very ones, not others like them."""
    gone = set(map(id, some))
    return [event for event in events if id(event) not in gone]
