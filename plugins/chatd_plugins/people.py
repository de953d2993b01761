"""Who is here: login, rename, users, whoami, debug, quit."""

from chatd import Command, Context, hookimpl


def login(ctx: Context, nick: str) -> None:
    """Register under a nick, or change it."""
    ctx.login(nick)


def rename(ctx: Context, nick: str) -> None:
    """Change your nick."""
    ctx.login(nick)


def users(ctx: Context) -> None:
    """List everybody's nick."""
    ctx.users()


def whoami(ctx: Context) -> None:
    """Show your own nick."""
    ctx.whoami()


def debug(ctx: Context) -> None:
    """Show on the server's console who is connected."""
    ctx.inspect()


def quit(ctx: Context) -> None:
    """Leave the chat."""
    ctx.quit()


@hookimpl
def register_commands() -> list[Command]:
    return [
        Command("login", login, before_login=True),
        Command("rename", rename),
        Command("users", users),
        Command("whoami", whoami),
        Command("debug", debug, before_login=True),
        Command("quit", quit, before_login=True),
    ]
