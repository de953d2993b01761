"""Who is here: login, users, whoami, quit."""

from chatd import Command, Context, hookimpl


def login(ctx: Context, nick: str) -> None:
    """Register under a nick, or change it."""
    ctx.login(nick)


def users(ctx: Context) -> None:
    """List everybody's nick."""
    ctx.users()


def whoami(ctx: Context) -> None:
    """Show your own nick."""
    ctx.whoami()


def quit(ctx: Context) -> None:
    """Leave the chat."""
    ctx.quit()


@hookimpl
def register_commands() -> list[Command]:
    return [
        Command("login", login, before_login=True),
        Command("users", users),
        Command("whoami", whoami),
        Command("quit", quit, before_login=True),
    ]
