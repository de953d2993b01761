"""A bot that reminds: tell it `5 tea is ready`.

python examples/reminder_bot.py HOST PORT [DIALECT [CERTIFICATE]], the last for a server with TLS.
"""

import asyncio
import sys
from contextlib import suppress

from chatcli import AsyncChatClient, CommandError, Told


async def tell(chat: AsyncChatClient, nick: str, text: str, after: float = 0.0) -> None:
    """Tell somebody something, after some seconds; whoever has left need not be told."""
    await asyncio.sleep(after)
    with suppress(CommandError, OSError):
        await chat.tell(nick, text)


async def main(host: str, port: str, dialect: str = "json", ca: str | None = None) -> None:
    chat = AsyncChatClient(host, int(port), nick="reminder", dialect=dialect, tls=bool(ca), ca=ca)
    async with chat, asyncio.TaskGroup() as reminders:
        async for event in chat:
            if isinstance(event, Told):
                seconds, _, text = event.text.partition(" ")
                if text and seconds.isdecimal() and len(seconds) < 6:
                    reminders.create_task(tell(chat, event.sender, text, after=int(seconds)))
                    await tell(chat, event.sender, f"I shall remind you in {int(seconds)} s")
                else:
                    await tell(chat, event.sender, "tell me the seconds, then the text")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
