"""What each document says of clients in general: how one is started, and how it is let in."""

import json
from collections.abc import Callable
from typing import NamedTuple

BYE = None
"""The answer to somebody who leaves: the connection is closed."""

Answer = Callable[[str, str], "list[str] | None"]
"""Answer a message of the client at an address; BYE closes the connection."""


class Manners(NamedTuple):
    """How clients of a dialect are started and let in, and how their messages are read."""

    arguments: str = ""
    """Behind the program's name on the command line, with placeholders."""
    keyboard: tuple[str, ...] = ()
    """What is typed first, with placeholders, when the command line does not say where to go."""
    host: str = "127.0.0.1"
    """Where the server is, for the client."""
    port: int = 0
    """The only port that clients know; 0 when they are told one."""
    greeting: tuple[str, ...] = ()
    """What the server says first; {} is the client's address."""
    answer: Answer = lambda message, address: []
    """What it says to a message, whichever came before."""
    entry: str | None = None
    """How the message begins that a client sends first, of its own accord, if it does."""
    way_in: str = ""
    """What is typed to a client that should have sent it and has not."""
    welcome: tuple[str, ...] = ()
    """What the server says to a client that is let in."""


def _crlf(message: str, address: str) -> list[str]:
    return ["OK"] if message.split()[:1] == ["LOGIN"] else []


def _json(message: str, address: str) -> list[str]:
    try:
        request = json.loads(message)
        name = request["data"] if request["type"] == "set-name" else None
    except (ValueError, RecursionError, TypeError, KeyError):
        return []
    return [] if name is None else [_notice(f"{address} renamed to {name}")]


def _notice(text: str) -> str:
    return json.dumps({"type": "message", "data": {"source": "[Server]", "message": text}})


def _slash(message: str, address: str) -> list[str] | None:
    return BYE if message == "/wyjdz" else []


def _words(message: str, address: str) -> list[str] | None:
    verb, _, name = message.partition(" ")
    if verb == "login":
        return [f"[ServerMessage] - [{name}] log in."]
    return BYE if message == "logout" else []


def _rooms(message: str, address: str) -> list[str] | None:
    return BYE if message == "exit" else []


MANNERS = {
    "crlf": Manners(
        "-s {host} -p {port} -l {nick} {options}",  # S0-04
        answer=_crlf,
        entry="LOGIN ",
        way_in="/rename {nick}",
    ),
    "json": Manners(
        "{host} {port}",  # S2-01
        greeting=(_notice("{} has entered the chat"),),
        answer=_json,
    ),
    "slash": Manners(
        keyboard=("{host}", "{port}"),  # S1-03
        host="localhost",  # S1-01: some can do IPv6 only, and some can not
        greeting=("Witaj w pokoju rozmow!", "Podaj numer swojej grupy laboratoryjnej: "),
        answer=_slash,
    ),
    "words": Manners("{host}", port=10000, answer=_words),  # S3-01
    "rooms": Manners(
        "{host} {port} {nick}",  # S4-01
        answer=_rooms,
        entry="",  # S4-02
        welcome=("You joined the room 'General'",),
    ),
}
