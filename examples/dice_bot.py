"""A bot that rolls dice: say `!roll 2d6` in the chat.

python examples/dice_bot.py HOST PORT [DIALECT [CERTIFICATE]], the last for a server with TLS.
"""

import random
import re
import sys
from contextlib import suppress

from chatcli import ChatClient, CommandError, Said

ROLL = re.compile(r"!roll(?: ([1-9]\d?)d([1-9]\d{0,2}))?")


def answer(text: str) -> str:
    """Say what the bot says to a message; nothing to most."""
    if text == "!help":
        return "say !roll, or !roll 2d6 for two dice with six sides"
    if not (found := ROLL.fullmatch(text)):
        return ""
    dice = [random.randint(1, int(found[2] or 6)) for _ in range(int(found[1] or 1))]
    return f"{' + '.join(map(str, dice))} = {sum(dice)}"


def main(host: str, port: str, dialect: str = "json", ca: str | None = None) -> None:
    with ChatClient(host, int(port), nick="dice", dialect=dialect, tls=bool(ca), ca=ca) as chat:
        for event in chat:
            if isinstance(event, Said) and (reply := answer(event.text)):
                with suppress(CommandError, OSError):  # it goes on whatever comes of one answer
                    chat.say(reply, event.room)


if __name__ == "__main__":
    main(*sys.argv[1:])
