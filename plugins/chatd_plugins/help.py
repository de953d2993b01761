"""Help: what commands there are, and how each is used."""

from chatd import Command, CommandError, Context, hookimpl


def help(ctx: Context, command: str = "") -> None:
    """List the commands, or explain one."""
    if not command:
        ctx.reply("commands: " + ", ".join(ctx.commands))
        return
    for known in ctx.commands.values():
        if command.lower() in (known.name, *known.aliases):
            ctx.reply(f"{known.usage}: {known.summary}")
            return
    raise CommandError("unknown-command", f"unknown command {command}")


@hookimpl
def register_commands() -> list[Command]:
    return [Command("help", help, before_login=True)]
