"""Talking: to a room, to one person; and what was said."""

from chatd import GENERAL, Command, Context, hookimpl


def say(ctx: Context, room: str, text: str) -> None:
    """Send a message to everybody in a room."""
    ctx.say(room, text)


def tell(ctx: Context, nick: str, text: str) -> None:
    """Send a private message to one user."""
    ctx.tell(nick, text)


def history(ctx: Context, room: str = GENERAL) -> None:
    """Show what happened in a room of late."""
    ctx.history(room)


@hookimpl
def register_commands() -> list[Command]:
    return [Command("say", say), Command("tell", tell), Command("history", history)]
