"""How somebody registers in each dialect, as steps of a scenario."""

import re
from typing import NamedTuple

from chatcli.check.scenario import ENDS, Step
from chatcli.check.text import Text, expected, sent, spoken


class Login(NamedTuple):
    """NICK registers. refused is what a server says to nobody whom it takes in; empty: unknown."""

    own: str
    others: str = ""
    refused: str = ""


_ENTERED = "[Server]: {~{address NICK}} has entered the chat"
_RENAMED = "[Server]: {~{address NICK}} renamed to NICK"

LOGINS = {
    "crlf": Login("> LOGIN NICK\n< OK", refused="ERROR{*}"),
    "json": Login(
        f'connects\n< {_ENTERED}\n> {{"type":"set-name","data":"NICK"}}\n< {_RENAMED}',
        f"{_ENTERED}\n{_RENAMED}\n",
    ),
    "slash": Login(
        "connects\n< Witaj w pokoju rozmow!\n< Podaj numer swojej grupy laboratoryjnej: \n"
        "> 1\n< A teraz podaj swoj pseudonim: \n"
        '> NICK\n< Witaj 1 NICK! Zostales podlaczony do czatu. Wpisz "/pomoc" aby wyswietlic '
        "liste dostepnych polecen!\n< 1 NICK dolaczyl do pokoju rozmow!",
        "1 NICK dolaczyl do pokoju rozmow!\n",
        refused="{*}juz zajety{*}",
    ),
    "words": Login(
        "> login NICK\n< [ServerMessage] - [NICK] log in.",
        "[ServerMessage] - [NICK] log in.\n",
        refused="{*}login failed{*}",
    ),
    "rooms": Login("> NICK\n< You joined the room 'General'", "NICK joined the room 'General'\n"),
}
"""By dialect. own has the newcomer's steps, others what is seen by those who are there."""


_NICK = re.compile("pseudonim|nick", re.IGNORECASE)


def login_steps(step: Step, dialect: str) -> list[Step]:
    """Give what one person of `logged in` does and sees."""
    return [
        _step(step, *line.partition(" ")[::2], dialect)
        for line in LOGINS[dialect].own.replace("NICK", step.who).split("\n")
    ]


def _sends(steps: list[Step]) -> list[int]:
    """Give the positions of what is sent."""
    return [number for number, each in enumerate(steps) if each.verb == ">"]


def greeting(step: Step, dialect: str) -> Step | None:
    """Give the last of what is seen before anybody says anything, if there is something."""
    steps = login_steps(step, dialect)
    first = _sends(steps)[0]
    return steps[first - 1] if first else None


def login_parts(step: Step, dialect: str, heard: str) -> list[tuple[Step, Step]]:
    """Give each message of one person of `logged in`, with the last of what answers it.

    heard is what the server has said already: whoever asks for the nick first in slash is given
    it first.
    """
    steps = login_steps(step, dialect)
    sends = _sends(steps)
    ends = [*sends[1:], len(steps)]
    messages = [steps[number] for number in sends]
    if dialect == "slash" and _NICK.search(heard):
        messages.reverse()
    return [(message, steps[end - 1]) for message, end in zip(messages, ends, strict=True)]


def _step(step: Step, verb: str, words: str, dialect: str) -> Step:
    text = sent(words) + ENDS[dialect] if verb == ">" else _seen(words, dialect)
    return step._replace(verb=verb, text=text)


def _seen(words: str, dialect: str) -> Text:
    return spoken(words) if dialect == "json" and words else expected(words)


def login_notice(step: Step, dialect: str) -> Text:
    """Give what the others are told of a newcomer."""
    ended = [line + "\n" for line in _notices(step, dialect)]
    return Text(tuple(piece for line in ended for piece in line.pieces))


def last_notice(step: Step, dialect: str) -> Text:
    """Give the last line of what the others are told of a newcomer."""
    return [Text(()), *_notices(step, dialect)][-1]


def _notices(step: Step, dialect: str) -> list[Text]:
    lines = LOGINS[dialect].others.replace("NICK", step.who).splitlines()
    return [_seen(line, dialect) for line in lines]


def login_refused(dialect: str) -> Text:
    """Give what a newcomer sees who is not taken in."""
    return expected(LOGINS[dialect].refused)
