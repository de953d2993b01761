"""Seen: when was somebody last here? It is kept in the file SEEN_FILE, default seen.sqlite."""

import os
import sqlite3
import time
from contextlib import closing, contextmanager

from chatd import Command, CommandError, LoggedIn, LoggedOut, Said, Tap, hookimpl

DID = {LoggedIn: "came", Said: "spoke", LoggedOut: "left"}


@contextmanager
def table():
    """Open the file: each thread for itself, as SQLite wants it."""
    with closing(sqlite3.connect(os.environ.get("SEEN_FILE", "seen.sqlite"))) as file, file:
        file.execute("CREATE TABLE IF NOT EXISTS seen (nick PRIMARY KEY, did, time)")
        yield file


def watch(event) -> None:
    """Note what somebody did."""
    if did := DID.get(type(event)):
        row = (event.nick.casefold(), did, time.time())
        with table() as file:
            file.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", row)


def seen(ctx, nick: str) -> None:
    """Say when somebody was last here."""
    if nick == ctx.nick:
        raise CommandError("yourself", "you are here now")
    with table() as file:
        query = file.execute("SELECT did, time FROM seen WHERE nick = ?", (nick.casefold(),))
        found = query.fetchone()
    if found is None:
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
    return [Command("seen", seen, aliases=("last",), blocks=True)]


@hookimpl
def register_taps():
    return [Tap(watch)]
