"""What can be asked of a server: each request, and what its answer means, in any dialect."""

import re
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

from chatcli.client.refusals import code_of, refusal
from chatd.dialects import ClientDialect, one_line
from chatd.dialects.past import read_missed
from chatd.events import (
    GENERAL,
    CommandError,
    Created,
    Done,
    Event,
    Failed,
    Joined,
    LoggedIn,
    Missed,
    Notice,
    Parted,
    Recalled,
    Record,
    Renamed,
    Request,
    Rooms,
    Said,
    Told,
    Users,
)
from chatd.ids import id_text, parse_id

T = TypeVar("T")


class Answer(NamedTuple):
    """What a server said to a request, and whatever else it said meanwhile to this client alone."""

    request: Request
    heard: list[Event]
    dialect: ClientDialect
    spare: list[Event]
    """Gets what turns out to be no part of the answer."""

    @property
    def notices(self) -> list[Notice]:
        return [event for event in self.heard if isinstance(event, Notice)]

    def check(self) -> None:
        """Raise CommandError if the server said in so many words that it failed."""
        for event in self.heard:
            if isinstance(event, Failed):
                raise refusal(event.text, event.code)

    def refused(self) -> CommandError:
        """Make the error for an answer that lacks what it should have."""
        told = [notice.text for notice in self.notices]
        return refusal(told[-1]) if told else CommandError("error", "the server did not confirm it")


class Call(Generic[T]):
    """A request, and how its answer is read."""

    def __init__(self, request: Request, read: Callable[[Answer], T]) -> None:
        self.request = request
        self.read = read
        """Gives what was asked for; raises CommandError if the server refused."""


# -- what is done ----------------------------------------------------------------------------

# What shows that it was done, where the dialect is not silent about it.
_PROOFS: dict[str, tuple[type[Event], ...]] = {
    "say": (Said,),
    "tell": (Told, Done),
    "login": (Renamed, LoggedIn, Done),
    "create": (Created, Done),
    "join": (Joined, Done),
    "leave": (Parted, Done),
}


def _done(answer: Answer) -> None:
    answer.check()
    verb, dialect = answer.request.verb, answer.dialect
    if verb in dialect.silent:
        if answer.notices and not dialect.marks_errors:
            raise answer.refused()
    elif not any(isinstance(event, _PROOFS[verb]) for event in answer.heard):
        raise answer.refused()
    answer.spare.extend(answer.notices)


def say(text: str, room: str) -> Call[None]:
    """Say something to everybody in a room."""
    return Call(Request("say", (_name(room), one_line(text))), _done)


def tell(nick: str, text: str) -> Call[None]:
    """Say something to one user."""
    return Call(Request("tell", (_name(nick), one_line(text))), _done)


def named(verb: str, name: str) -> Call[None]:
    """Ask for something that has a name: a nick, a room."""
    return Call(Request(verb, (_name(name),)), _done)


def _name(name: str) -> str:
    """Let no name pass for several words."""
    if not name or any(map(str.isspace, name)):
        raise CommandError("bad-name", "a name has no white space")
    return name


# -- what is asked ---------------------------------------------------------------------------


def users() -> Call[list[str]]:
    """Ask for the nicks of all users."""
    return Call(Request("users"), lambda answer: list(_only(answer, Users).nicks))


def rooms() -> Call[list[str]]:
    """Ask for the names of all rooms."""
    return Call(Request("rooms"), lambda answer: list(_only(answer, Rooms).names))


E = TypeVar("E", bound=Event)


def _only(answer: Answer, kind: type[E]) -> E:
    answer.check()
    found = next((event for event in answer.heard if isinstance(event, kind)), None)
    if found is None:
        raise answer.refused()
    answer.spare.extend(answer.notices)
    return found


def last_id() -> Call[int]:
    """Ask for the id of the last event."""
    return Call(Request("stats"), _last_id)


def _last_id(answer: Answer) -> int:
    answer.check()
    told = {}
    for notice in answer.notices:
        name, _, value = notice.text.partition(" ")
        if name in _STATS:
            told[name] = value
        else:
            answer.spare.append(notice)
    if "last_id" not in told:
        raise answer.refused()
    return parse_id(told["last_id"])


_STATS = ("store", "last_id", "stored_id", "waiting", "not_stored", "plugins_off") + (
    # for moderators
    *("users", "connections", "at_the_door", "uptime", "bans", "mutes", "internal_errors"),
)


def ask(verb: str, args: tuple[str, ...]) -> Call[tuple[Event, ...]]:
    """Ask for whatever the server offers under a verb."""
    if not _VERB.fullmatch(verb):
        raise CommandError("unknown-command", "a verb is a-z, then those, digits and -")
    words = one_line(" ".join(args))
    return Call(Request(verb, (words,) if words else ()), _whole)


_VERB = re.compile(r"[a-z][a-z0-9-]*")


def _whole(answer: Answer) -> tuple[Event, ...]:
    answer.check()
    request, heard = answer.request, answer.heard
    unknown = " ".join((f"/{request.verb}", *request.args))
    for event in heard:
        if isinstance(event, Said) and event.text == unknown:
            raise CommandError("unknown-command", "it was said in public, being no command here")
        if isinstance(event, Notice) and code_of(event.text) and not answer.dialect.marks_errors:
            raise refusal(event.text)
    return tuple(event for event in heard if not isinstance(event, Done))


# -- the past --------------------------------------------------------------------------------


class Page(NamedTuple):
    """A page of the history, oldest first."""

    records: tuple[Record, ...]
    more: int
    """The id to read on from; 0 when there is nothing more."""
    whole: bool
    """Whether all that belongs there is still kept."""


def page(room: str, count: int, *, before: int = 0, after: int = 0) -> Call[Page]:
    """Ask for a page of a room's history; with an id, for the one before or after it."""
    if before and after:
        raise ValueError("a page is before an id, or after one")
    words = [_name(room), str(count)]
    if before or after:
        words += ["after", id_text(after)] if after else ["before", id_text(before)]
    return Call(Request("history", (" ".join(words),)), _page)


_MORE = re.compile(r"there is more:? (?:before|after) (\S+)")
_NOT_WHOLE = ("some of what came after ", "the store does not work ")


def _page(answer: Answer) -> Page:
    answer.check()
    records: list[Record] = []
    unknown: list[Notice] = []
    more, whole = 0, True
    for event in answer.heard:
        if isinstance(event, Recalled):
            records += _remembered(event.record)
        elif not isinstance(event, Notice):
            continue
        elif missed := read_missed(event.text):
            records.append(_gap(missed, records))
        elif found := _MORE.fullmatch(event.text):
            more = parse_id(found[1])
        elif event.text.startswith(_NOT_WHOLE):
            whole = False
        elif event.text.lower() != "no messages yet":
            unknown.append(event)
    if unknown and not records:
        raise answer.refused()
    answer.spare.extend(unknown)
    return Page(tuple(records), more, whole)


def _remembered(record: Record) -> list[Record]:
    """Leave out all but messages and gaps: not every dialect tells the rest."""
    if isinstance(record.event, Said | Told):
        return [record]
    if isinstance(record.event, Notice) and (missed := read_missed(record.event.text)):
        return [Record(record.id, record.time, record.room, missed)]
    return []


def _gap(missed: Missed, before: list[Record]) -> Record:
    """Make a record of a gap that has no id: it has that of the message in front of it."""
    last = before[-1] if before else Record(0, 0.0, GENERAL, missed)
    return Record(last.id, last.time, last.room, missed)


def history(room: str, count: int, before: int, after: int) -> Call[list[Record]]:
    """Ask for what was said in a room."""
    call: Call[Any] = page(room, count, before=before, after=after)
    return Call(call.request, lambda answer: list(call.read(answer).records))
