"""What a typed line asks for."""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import NamedTuple

from chatcli.text import unsendable
from chatd.events import GENERAL, Request

_BLANK = " \t"


class Mistake(Exception):
    """What was typed makes no sense. Its text is for people; nothing was sent."""


class Action(Enum):
    """What the client does itself."""

    HELP = auto()
    QUIT = auto()


class Command(NamedTuple):
    """One of the client's own commands. parse gets what follows the name, None is a misuse."""

    usage: str
    summary: str
    parse: Callable[[str], Request | Action | None]


def _bare(meaning: Request | Action) -> Callable[[str], Request | Action | None]:
    """A command without arguments."""
    return lambda rest: None if rest else meaning


def _rename(rest: str) -> Request | None:
    return Request("login", (rest,)) if rest else None


def _private(rest: str) -> Request | None:
    nick, _, text = rest.partition(" ")
    return Request("tell", (nick, text)) if text.strip(_BLANK) else None


def _history(rest: str) -> Request:
    return Request("history", (rest,) if rest else ())


def _help(rest: str) -> Request | Action:
    if not rest:
        return Action.HELP
    return Request("help", () if rest == "server" else (rest,))


COMMANDS = {
    "help": Command("/help", "show this; /help server shows what the server offers", _help),
    "list": Command("/list", "list everybody's nick", _bare(Request("users"))),
    "priv": Command("/priv NICK TEXT", "say something to one person only", _private),
    "quit": Command("/quit", "leave (so do Ctrl-C and Ctrl-D)", _bare(Action.QUIT)),
    "rename": Command("/rename NICK", "change your nick", _rename),
}

# Under the names that the json document gives them (SPEC S2-04, S2-05).
JSON_COMMANDS = {
    **COMMANDS,
    "history": Command("/history [...]", "show what was said", _history),
    "setname": Command("/setname NICK", "change your nick", _rename),
    "users": Command("/users", "list everybody's nick", _bare(Request("users"))),
}


def help_lines(commands: Mapping[str, Command]) -> tuple[str, ...]:
    """Tell a person what can be typed."""
    return (
        *(f"{command.usage:<16} {command.summary}" for command in commands.values()),
        f"{'/WORD ...':<16} any other word is a command of the server's",
        f"{'//TEXT':<16} say a text that begins with /",
        "Any other line is said to everybody.",
    )


def understand(line: str, commands: Mapping[str, Command] = COMMANDS) -> Request | Action | None:
    """Say what a typed line asks for; None for a blank one.

    commands are the client's own. Raises Mistake.
    """
    if problem := unsendable(line):
        raise Mistake(f"{problem}: not sent")
    if not line.strip(_BLANK):
        return None
    if not line.startswith("/"):
        return Request("say", (GENERAL, line))
    if line.startswith("//"):
        return Request("say", (GENERAL, line[1:]))
    word, _, rest = line[1:].partition(" ")
    rest = rest.strip(_BLANK)
    if not word:
        raise Mistake("a command's name must follow the / at once; to say it, type //")
    if own := commands.get(word.lower()):
        meaning = own.parse(rest)
        if meaning is None:
            raise Mistake(f"usage: {own.usage}")
        return meaning
    return Request(word.lower(), (rest,) if rest else ())
