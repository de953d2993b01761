"""Whose an event is: a part of an answer, one's own doing, or what others do."""

from chatd.events import (
    Created,
    Done,
    Event,
    Failed,
    Found,
    History,
    Identity,
    Joined,
    LoggedIn,
    LoggedOut,
    Missed,
    Notice,
    Parted,
    Recalled,
    Renamed,
    Request,
    Rooms,
    Said,
    Told,
    Users,
)

_ANSWERS = (Done, Failed, Notice, Users, Rooms, Identity, Recalled, History, Found, Missed)


def is_answer(event: Event) -> bool:
    """Whether it is said to nobody else."""
    return isinstance(event, _ANSWERS)


def is_own(event: Event, nick: str, asked: Request | None) -> bool:
    """Whether it tells what the user of that nick did; asked is what is being answered."""
    if isinstance(event, Said | LoggedIn | LoggedOut | Joined | Parted | Created):
        return event.nick == nick
    if isinstance(event, Renamed):
        wanted = asked.args[0] if asked and asked.args and asked.verb == "login" else nick
        return nick in (event.old, event.nick) or event.nick == wanted
    return isinstance(event, Told) and event.sender == nick


def is_to_oneself(event: Event, nick: str, asked: Request | None) -> bool:
    """Whether one's own words are more than their echo: a private message to oneself."""
    if not isinstance(event, Told) or event.recipient not in ("", nick):
        return False
    recipient = asked.args[0] if asked and asked.args and asked.verb == "tell" else nick
    return recipient.casefold() == nick.casefold()
