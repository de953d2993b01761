"""Seen: when was somebody last here?"""

from chatd import Command, hookimpl


@hookimpl
def register_commands():
    return [Command("seen", lambda ctx, nick: ctx.reply(f"I have not seen {nick}"))]
