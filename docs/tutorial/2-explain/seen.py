"""Seen: when was somebody last here?"""

from chatd import Command, CommandError, hookimpl


def seen(ctx, nick: str) -> None:
    """Say when somebody was last here."""
    if nick == ctx.nick:
        raise CommandError("yourself", "you are here now")
    ctx.reply(f"I have not seen {nick}")


@hookimpl
def register_commands():
    return [Command("seen", seen, aliases=("last",))]
