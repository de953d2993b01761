"""What was said: reading on and searching, and how far it is stored."""

import re

from chatd import GENERAL, Command, CommandError, Context, hookimpl

_PAGE = re.compile(
    r"(?:(?P<room>\S+)(?:\s+|$))??"  # only what cannot be anything else
    r"(?:(?P<count>[0-9]{1,9})(?:\s+|$))?"
    r"(?:(?P<way>before|after)\s+(?P<id>\S+))?\s*",
    re.IGNORECASE,
)
_SEARCH = re.compile(
    r"(?P<words>.+?)(?:\s+in\s+(?P<room>\S+))?(?:\s+from\s+(?P<nick>\S+))?\s*", re.IGNORECASE
)
_TRAILING_ROOM = re.compile(r'(?P<words>.*\S)\s+(?P<room>[^\s"]+)')


def history(ctx: Context, page: str = "") -> None:
    """Show what was said in a room, or with @NICK in private: the last messages or some others."""
    asked = _PAGE.fullmatch(page.strip())
    if asked is None:
        raise CommandError("bad-value", f"use it as history {_HISTORY}")
    bound = {asked["way"].lower(): asked["id"]} if asked["way"] else {}
    ctx.history(asked["room"] or GENERAL, int(asked["count"]) if asked["count"] else None, **bound)


def search(ctx: Context, words: str) -> None:
    """Find messages with all the words, a "quoted phrase" too, in your rooms or in one of them."""
    asked = _SEARCH.fullmatch(words.strip())
    if asked is None:
        raise CommandError("missing-argument", "words is missing")
    nick = asked["nick"] or ""
    if asked["room"] is None and (split := _TRAILING_ROOM.fullmatch(asked["words"])):
        try:
            ctx.search(split["words"], split["room"], nick)
        except CommandError as error:
            if error.code not in ("no-such-room", "not-a-member"):
                raise
        else:
            return
    ctx.search(asked["words"], asked["room"] or "", nick)


def stats(ctx: Context) -> None:
    """Show how far the history is stored."""
    ctx.stats()


_HISTORY = "[ROOM] [COUNT] [before ID | after ID]"
_WORDS = "WORDS [[in] ROOM] [from NICK]"


@hookimpl
def register_commands() -> list[Command]:
    return [
        Command("history", history, blocks=True, usage=_HISTORY),
        Command("search", search, blocks=True, usage=_WORDS),
        Command("stats", stats),
    ]
