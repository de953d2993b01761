"""What was said: reading on and searching, and how far it is stored."""

from chatd import GENERAL, Command, CommandError, Context, hookimpl


def history(ctx: Context, page: str = "") -> None:
    """Show what was said in a room, or with @NICK in private: the last messages or some others."""
    words = page.split()
    bound = {}
    if len(words) > 1 and words[-2].lower() in ("before", "after"):
        way, id = words[-2:]
        bound[way.lower()] = id
        del words[-2:]
    count = int(words.pop()) if words and _is_count(words[-1]) else None
    room = words.pop() if words else GENERAL
    if words:
        raise CommandError("bad-value", f"use it as history {_HISTORY}")
    ctx.history(room, count, **bound)


def _is_count(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 10


def search(ctx: Context, words: str) -> None:
    """Find messages with all the words, a "quoted phrase" too, in your rooms or in one of them."""
    words, nick = _split_off(words.strip(), "from")
    words, room = _split_off(words, "in")
    if not room and _search_in_last_word(ctx, words, nick):
        return
    ctx.search(words, room, nick)


def _split_off(words: str, keyword: str) -> tuple[str, str]:
    """Take `keyword WORD` off the end, if something stands before it."""
    parts = words.rsplit(None, 2)
    if len(parts) == 3 and parts[1].lower() == keyword:
        return parts[0], parts[2]
    return words, ""


def _search_in_last_word(ctx: Context, words: str, nick: str) -> bool:
    """Search the room that the last word is; say whether it is one for the caller."""
    parts = words.rsplit(None, 1)
    if len(parts) < 2 or '"' in parts[1]:
        return False
    try:
        ctx.search(parts[0], parts[1], nick)
    except CommandError as error:
        if error.code not in ("no-such-room", "not-a-member"):
            raise
        return False
    return True


def stats(ctx: Context) -> None:
    """Show how far the history is stored; moderators see more of the server."""
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
