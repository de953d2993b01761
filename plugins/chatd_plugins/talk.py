"""Talking: to a room, to one person."""

from chatd import Command, Context, hookimpl


def say(ctx: Context, room: str, text: str) -> None:
    """Send a message to everybody in a room."""
    ctx.say(room, text)


def tell(ctx: Context, nick: str, text: str) -> None:
    """Send a private message to one user."""
    ctx.tell(nick, text)


@hookimpl
def register_commands() -> list[Command]:
    return [Command("say", say), Command("tell", tell)]
