"""What moderators see of a server at one moment: bounded, whatever there is; never a message."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

from msgspec import Struct

from chatd.activity import Activity
from chatd.console import describe, without_addresses
from chatd.durations import duration_text
from chatd.metrics import Sampler
from chatd.people import Presence
from chatd.recorder import Recorder
from chatd.server import Server
from chatd.session import Session
from chatd.web.plots import Plot, make_plots, size_text


class Fact(Struct, frozen=True):
    """One figure. bad says that somebody should do something about it."""

    name: str
    value: str
    bad: bool = False


class SessionRow(Struct, frozen=True):
    """One connection; nick is empty before login, address where it is not to be shown."""

    nick: str
    moderator: bool
    dialect: str
    address: str
    encrypted: bool
    age: str
    unsent: str
    rooms: str


class RoomRow(Struct, frozen=True):
    """One room; of its members some are named."""

    name: str
    count: int
    members: str


class Table(Struct, frozen=True):
    """The first rows of a longer list."""

    rows: Sequence[SessionRow] | Sequence[RoomRow]
    found: int
    """How many rows the list has."""


class View(Struct, frozen=True):
    """All that the page shows."""

    facts: Sequence[Fact]
    plots: Sequence[Plot]
    sessions: Table
    rooms: Table
    log: Sequence[str]
    """Newest first."""
    addresses: bool
    """Whether it may be shown where people come from."""


class Overview:
    """Looks at one server; for any thread."""

    def __init__(self, server: Server, activity: Activity, sampler: Sampler) -> None:
        self._server = server
        self._activity = activity
        self._sampler = sampler

    def look(self, words: str = "") -> View:
        """Look at all there is; of sessions and rooms at those that have words in a name."""
        words = words.casefold()
        presences, rooms = self._server.hub.survey()
        return View(
            list(self._facts()),
            make_plots(self._sampler.samples),
            self._sessions(presences, words),
            self._rooms(presences, rooms, words),
            list(self._log()),
            self._server.shows_addresses,
        )

    def _facts(self) -> Iterator[Fact]:
        metrics = self._server.metrics
        now = metrics.figures()
        stats = dict(self._server.moderation.stats())
        mistakes = stats.pop("internal_errors")
        for name, value in stats.items():
            yield Fact(name.replace("_", " "), value)
        yield Fact("rooms", str(now.rooms))
        yield Fact("messages", f"{now.said + now.told:,}")
        yield Fact("deliveries", f"{now.deliveries:,}")
        yield Fact("not taken yet", size_text(now.unsent))
        yield Fact("engine", metrics.engine)
        yield _store_fact(metrics.recorder)
        off = metrics.guards.off
        yield Fact("plugins off", ", ".join(off) or "none", bad=bool(off))
        yield Fact("internal errors", mistakes, bad=mistakes != "0")

    def _sessions(self, presences: Sequence[Presence], words: str) -> Table:
        found = [
            (one, one.client)
            for one in presences
            if isinstance(one.client, Session)
            and (not words or words in self._names(one, one.client))
        ]
        # Users first, and of those who lag behind the worst; then as they came.
        found.sort(key=lambda each: (not each[0].nick, -each[1].unsent))
        first = found[: self._server.limits.shown]
        return Table([self._session_row(one, session) for one, session in first], len(found))

    def _names(self, one: Presence, session: Session) -> str:
        names = (one.nick, session.dialect, self._address(session), *one.rooms)
        return " ".join(names).casefold()

    def _address(self, session: Session) -> str:
        return session.address if self._server.shows_addresses else ""

    def _session_row(self, one: Presence, session: Session) -> SessionRow:
        return SessionRow(
            one.nick,
            session.role == "moderator",
            session.dialect,
            self._address(session),
            session.encrypted,
            duration_text(session.age),
            size_text(session.unsent),
            _some(one.rooms, self._server.limits.shown_names),
        )

    def _rooms(self, presences: Sequence[Presence], names: Sequence[str], words: str) -> Table:
        members: defaultdict[str, list[str]] = defaultdict(list)
        for one in presences:
            for room in one.rooms:
                members[room].append(one.nick)
        found = sorted((n for n in names if words in n.casefold()), key=lambda n: -len(members[n]))
        limits = self._server.limits
        rows = [
            RoomRow(name, len(members[name]), _some(members[name], limits.shown_names))
            for name in found[: limits.shown]
        ]
        return Table(rows, len(found))

    def _log(self) -> Iterator[str]:
        render = describe if self._server.shows_addresses else without_addresses(describe)
        for when, event in reversed(self._activity.last):
            stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))
            yield from (f"{stamp} {line}" for line in render(event))


def _store_fact(recorder: Recorder | None) -> Fact:
    if recorder is None:
        return Fact("store", "none")
    told = [recorder.trouble or "works"]
    if waiting := recorder.waiting:
        told.append(f"{waiting} events wait")
    if missed := recorder.missed:
        told.append(f"{missed} were not stored")
    return Fact("store", ", ".join(told), bad=bool(recorder.trouble))


def _some(names: Sequence[str], most: int) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
