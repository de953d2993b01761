"""The statements that read the table events, made once."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    union_all,
)

from chatd import Place
from chatd_plugins.sql.rows import party_of, place_key
from chatd_plugins.sql.schema import events

_id, _place, _message = events.c.id, events.c.place, events.c.message


def _between(party: Any) -> ColumnElement[bool]:
    """Leave out private messages of others; party is a nick and an address."""
    sender, recipient = events.c.sender, events.c.recipient
    return or_(sender.is_(None), sender == party, recipient == party)


_THEIRS = _between(bindparam("party"))
_AT = and_(_place == bindparam("place"), _message == 1, _THEIRS)


class Way:
    """The statements that walk from an id back to the past, or on to the present."""

    def __init__(self, back: bool) -> None:
        self._end = 0 if back else (1 << 63) - 1
        self._order = _id.desc() if back else _id.asc()
        beyond = _id < bindparam("id") if back else _id > bindparam("id")
        within = _id >= bindparam("end") if back else _id <= bindparam("end")
        self._messages = select(events).where(_AT, beyond).order_by(self._order)
        self._messages = self._messages.limit(bindparam("count"))
        self._last = self._nth(beyond)
        self._more = select(exists().where(_AT, beyond))
        self._all = self._merged(and_(beyond, within))

    def _nth(self, beyond: ColumnElement[bool]) -> Select[Any]:
        last = select(_id).where(_AT, beyond).order_by(self._order).limit(1)
        return last.offset(bindparam("count") - 1)

    def _merged(self, wanted: ColumnElement[bool]) -> Select[Any]:
        """Select everything in a place: three ranges of one index, each read no further than
        is needed."""
        parts = []
        for place, message in ((bindparam("place"), 1), (bindparam("place"), 0), ("", 0)):
            part = select(events).where(_place == place, _message == message, wanted, _THEIRS)
            part = part.order_by(self._order).limit(bindparam("limit"))
            parts.append(select(part.subquery()))
        merged = union_all(*parts).subquery()
        order = merged.c.id.desc() if self._end == 0 else merged.c.id.asc()
        return select(merged).order_by(order).limit(bindparam("limit"))

    def page(
        self, connection: Connection, place: Place, id: int, count: int, limit: int
    ) -> tuple[Sequence[Row[Any]], bool]:
        """Read count messages and all between them, the nearest first; and whether there are
        more messages."""
        rows: Sequence[Row[Any]] = ()
        if count > 0 and limit > 0:
            values = {**_at(place), "id": id}
            end = connection.scalar(self._last, {**values, "count": count})
            values |= {"end": self._end if end is None else end, "limit": limit}
            rows = connection.execute(self._all, values).all()
        far = rows[-1].id if rows else id
        more = connection.scalar(self._more, {**_at(place), "id": far})
        return rows, bool(more)

    def messages(
        self, connection: Connection, place: Place, id: int, count: int
    ) -> Sequence[Row[Any]]:
        """Read count messages, the nearest first."""
        values = {**_at(place), "id": id, "count": count}
        return connection.execute(self._messages, values).all()


def _at(place: Place) -> dict[str, Any]:
    return {"place": place_key(place), "party": party_of(place)}


def in_places(places: Sequence[Place]) -> ColumnElement[bool]:
    """Say whether a message was said in any of places."""
    rooms = [place_key(place) for place in places if isinstance(place, str)]
    talks = [
        and_(_place == place_key(place), _between(party_of(place)))
        for place in places
        if not isinstance(place, str)
    ]
    return or_(_place.in_(rooms), *talks)


BACK, ON = Way(back=True), Way(back=False)


def _beyond_keep() -> Select[Any]:
    """Select of each place what is older than its last `bound` messages, `limit` rows at most."""
    places = select(func.min(_place).label("place")).where(_place != "").cte(recursive=True)
    following = select(func.min(_place)).where(_place > places.c.place).scalar_subquery()
    places = places.union_all(select(following).where(places.c.place.is_not(None)))
    oldest = (
        select(_id)
        .where(_place == places.c.place, _message == 1)
        .order_by(_id.desc())
        .limit(1)
        .offset(bindparam("bound") - 1)
        .scalar_subquery()
    )
    bounds = select(places.c.place, oldest.label("oldest")).subquery()
    inside = and_(_place == bounds.c.place, _message.in_((0, 1)), _id < bounds.c.oldest)
    return select(events).join(bounds, inside).limit(bindparam("limit"))


BEYOND_KEEP = _beyond_keep()

OLDER = (
    select(events)
    .where(events.c.time < bindparam("bound"))
    .order_by(events.c.time)
    .limit(bindparam("limit"))
)
"""What happened before `bound`."""

COUNTS = select(func.count(), func.sum(_message), func.min(_id), func.max(_id)).select_from(events)
