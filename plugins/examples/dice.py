"""Dice: /roll [sides] rolls one die."""

import random

from chatd import Command, CommandError, hookimpl


def roll(ctx, sides: int = 6) -> None:
    """Roll one die with 2 to 1000 sides."""
    if not 2 <= sides <= 1000:
        raise CommandError("bad-value", "sides must be 2 to 1000")
    ctx.reply(f"you rolled {random.randint(1, sides)} of {sides}")


@hookimpl
def register_commands():
    return [Command("roll", roll, aliases=("dice",))]
