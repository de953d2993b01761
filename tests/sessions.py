"""What tests of sessions share: commands for a World, clients that are stuck, what is told."""

from chatd.commands import Command


def login(ctx, nick):
    ctx.login(nick)


def say(ctx, room, text):
    ctx.say(room, text)


def users(ctx):
    ctx.users()


def echo(ctx, text):
    ctx.reply(text)


def leave(ctx):
    ctx.quit("bye bye")


def slow(ctx, text="done"):
    ctx.reply(text)


COMMANDS = [
    Command("login", login, before_login=True),
    Command("say", say),
    Command("users", users),
    Command("echo", echo, before_login=True),
    Command("quit", leave, before_login=True),
    Command("slow", slow, before_login=True, blocks=True),
]


def notices(*texts):
    return [f"NOTICE {text}" for text in texts]


def slowed(rate):
    """What somebody is told who is too fast for rate requests a second."""
    return f"NOTICE you are fast, so what you send waits its turn ({rate} a second)"


def stuck(world, nick="ala"):
    """Give a user whose connection takes nothing any more."""
    client = world.connect(nick)
    client.wire.room = 0
    return client
