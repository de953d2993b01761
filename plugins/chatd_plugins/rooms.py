"""Rooms: create, join, leave, list."""

from chatd import Command, Context, hookimpl


def create(ctx: Context, room: str) -> None:
    """Create a room, without joining it."""
    ctx.create(room)


def join(ctx: Context, room: str) -> None:
    """Join a room."""
    ctx.join(room)


def leave(ctx: Context, room: str) -> None:
    """Leave a room."""
    ctx.leave(room)


def rooms(ctx: Context) -> None:
    """List all rooms."""
    ctx.rooms()


@hookimpl
def register_commands() -> list[Command]:
    return [
        Command("create", create),
        Command("join", join),
        Command("leave", leave),
        Command("rooms", rooms),
    ]
