"""Seen: when was somebody last here?"""

import time

from chatd import Command, CommandError, LoggedIn, LoggedOut, Said, Tap, hookimpl

DID = {LoggedIn: "came", Said: "spoke", LoggedOut: "left"}
last: dict[str, tuple[str, float]] = {}


def watch(event) -> None:
    """Note what somebody did."""
    if did := DID.get(type(event)):
        last[event.nick.casefold()] = (did, time.time())


def seen(ctx, nick: str) -> None:
    """Say when somebody was last here."""
    if nick == ctx.nick:
        raise CommandError("yourself", "you are here now")
    if (found := last.get(nick.casefold())) is None:
        raise CommandError("not-seen", f"I have not seen {nick}")
    did, when = found
    ctx.reply(f"{nick} {did} {ago(time.time() - when)}")


def ago(seconds: float) -> str:
    """Write a time span in the largest unit that fits."""
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if count := int(seconds // size):
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


@hookimpl
def register_commands():
    return [Command("seen", seen, aliases=("last",))]


@hookimpl
def register_taps():
    return [Tap(watch)]
