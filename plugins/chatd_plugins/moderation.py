"""Moderators: who becomes one, and what they do about others."""

import re

from chatd import Command, CommandError, Context, hookimpl, parse_duration

SHOWN = 100
"""Bans in one answer."""


def oper(ctx: Context, nick: str, secret: str) -> None:
    """Become a moderator, by the nick and the secret of one; before login, too."""
    ctx.oper(nick, secret)
    ctx.reply("you are a moderator now")


def kick(ctx: Context, nick: str, reason: str = "") -> None:
    """Send somebody away, who may come again."""
    ctx.reply(ctx.moderator.kick(nick, reason.strip()))


def ban(ctx: Context, target: str, more: str = "") -> None:
    """Keep out a nick, an address or a network, for a time such as 30m, 12h, 7d or for ever."""
    ctx.reply(ctx.moderator.ban(target, *_span_and_reason(more)))


def unban(ctx: Context, target: str) -> None:
    """Let a nick, an address or a network in again."""
    ctx.reply(ctx.moderator.unban(target))


def bans(ctx: Context, words: str = "") -> None:
    """List the newest bans and mutes; or those with some words in them."""
    found = [line for line in ctx.moderator.bans() if words.strip() in line]
    if len(found) > SHOWN:
        ctx.reply(f"the newest {SHOWN} of {len(found)}:")
    for line in found[-SHOWN:] or ["there are no such bans" if words else "there are no bans"]:
        ctx.reply(line)


def mute(ctx: Context, nick: str, more: str = "") -> None:
    """Let somebody say nothing, for a time such as 30m or for ever."""
    ctx.reply(ctx.moderator.mute(nick, *_span_and_reason(more)))


def unmute(ctx: Context, nick: str) -> None:
    """Let somebody speak again."""
    ctx.reply(ctx.moderator.unmute(nick))


def reload(ctx: Context) -> None:
    """Have the server read its settings again."""
    ctx.moderator.reload()
    ctx.reply("the server reads its settings again; its log says what has changed")


def _span_and_reason(words: str) -> tuple[float | None, str]:
    """Take a span of time off the front; what looks like one must be one."""
    first, _, rest = words.strip().partition(" ")
    if not re.fullmatch(r"[0-9]+[A-Za-z]*", first):
        return None, words.strip()
    if not (seconds := parse_duration(first)):
        raise CommandError("bad-value", f"{first} is no time such as 30m, 12h or 7d")
    return seconds, rest.strip()


_MORE = "[DURATION] [REASON]"


@hookimpl
def register_commands() -> list[Command]:
    return [
        Command("oper", oper, before_login=True),
        Command("kick", kick, role="moderator"),
        Command("ban", ban, role="moderator", blocks=True, usage=f"TARGET {_MORE}"),
        Command("unban", unban, role="moderator", blocks=True),
        Command("bans", bans, role="moderator"),
        Command("mute", mute, role="moderator", blocks=True, usage=f"NICK {_MORE}"),
        Command("unmute", unmute, role="moderator", blocks=True),
        Command("reload", reload, role="moderator"),
    ]
