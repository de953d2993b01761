"""A bookmark: up to where a client has heard what was said.

Live messages have no ids, those of the history have. So a bookmark is the id that the server's
last event had at some moment, and what others have said since, as far as the client heard it.
What comes after that id in the history, and was not heard, was missed.
"""

from collections.abc import Iterable, Sequence

from chatd.events import Event, Record, Said
from chatd.ids import epoch_of


class Bookmark:
    """Where a client was when it heard the last message."""

    def __init__(self) -> None:
        self.id: int | None = None
        """The last id at some moment; None while no server has told one."""
        self.heard: list[Said] = []
        """What others have said since."""
        self.names: set[str] = set()
        """The nicks that the client itself has had since."""

        self._doubtful: list[Said] = []

    def move(
        self,
        id: int | None,
        nick: str,
        heard: Iterable[Event] = (),
        doubtful: Iterable[Event] = (),
    ) -> None:
        """Set it anew, to an id and what was heard since then.

        doubtful is what was heard just before the server told the id, while it was asked: it may
        have happened ahead of that id or behind it.
        """
        self.id, self.names = id, {nick}
        self.heard = [event for event in heard if isinstance(event, Said)]
        self._doubtful = [event for event in doubtful if isinstance(event, Said)]

    def unheard(self, room: str, records: Sequence[Record]) -> list[Record]:
        """Leave out what was heard, and one's own.

        What was heard stands at the beginning, in the same order, but some of it may not have
        been stored. Nothing of another epoch was heard: in between the server was started anew.
        """
        heard = self._heard_in(room, [one.event for one in records if self._may_be_heard(one)])
        return [record for record in records if not self._is_known(record, heard)]

    def reaches(self, room: str, records: Sequence[Record]) -> bool:
        """Whether records begin with something that was heard, so that none lack before."""
        return len(self.unheard(room, records[:1])) < len(records[:1])

    def _heard_in(self, room: str, past: Sequence[Event]) -> list[Said]:
        """Give what was heard in a room behind the id; the past shows what of the doubtful was."""
        heard, doubtful = said_in(room, self.heard), said_in(room, self._doubtful)
        for count in range(len(doubtful), 0, -1):
            tried = [*doubtful[-count:], *heard]
            if len(past) >= count and all(map(same, past, tried)):
                return tried
        return heard

    def _may_be_heard(self, record: Record) -> bool:
        event = record.event
        of_others = isinstance(event, Said) and event.nick not in self.names
        return of_others and self.id is not None and epoch_of(record.id) == epoch_of(self.id)

    def _is_known(self, record: Record, heard: list[Said]) -> bool:
        """Whether a record was heard; then it and what was heard before it is taken out."""
        event = record.event
        if isinstance(event, Said) and event.nick in self.names:
            return True
        if not self._may_be_heard(record):
            return False
        place = next((i for i, said in enumerate(heard) if same(event, said)), None)
        if place is None:
            return False
        del heard[: place + 1]
        return True


def said_in(room: str, heard: Iterable[Event]) -> list[Said]:
    """Pick what was said in a room, however its name is written."""
    key = room.casefold()
    return [one for one in heard if isinstance(one, Said) and one.room.casefold() == key]


def same(past: Event, heard: Said) -> bool:
    """Whether a message of the past is one that was heard; crlf does not tell who said it."""
    if not isinstance(past, Said) or past.text != heard.text:
        return False
    return heard.nick in ("", past.nick)


def overlap(past: Sequence[Event], heard: Sequence[Said]) -> int:
    """Count the messages at the beginning of what was heard that are the end of the past."""
    for count in range(min(len(past), len(heard)), 0, -1):
        if all(map(same, past[-count:], heard)):
            return count
    return 0
