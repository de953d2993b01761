"""Moderators in memory, with a clock to move."""

from chatd.admins import make_admins
from chatd_plugins import history, moderation, people, rooms, talk
from fakes import World

SECRET = "open sesame"
COMMANDS = [
    c for plugin in (history, moderation, people, rooms, talk) for c in plugin.register_commands()
]
HOME = "192.0.2.7:4000"


def make_world(**settings):
    """Give a World whose moderator is root; settings of the Moderation are `moderation`."""
    given = {"admins": make_admins(["root"], SECRET), **settings.pop("moderation", {})}
    return World(COMMANDS, moderation=given, **settings)


def moderator(world, nick="eva", address="198.51.100.1:5000"):
    """Let somebody come and become a moderator."""
    caller = world.connect(nick, address)
    assert caller.ask(f"OPER root {SECRET}") == ["NOTICE you are a moderator now"]
    return caller


def order(world, caller, line):
    """Send a command that waits for the disk, let it run and return the answer."""
    caller.send(line)
    world.pool.jobs.popleft().run()
    caller.session.receive(b"")
    return caller.read()


def come(world, nick, address=HOME):
    """Connect and try to log in; give the client and what it hears."""
    caller = world.connect(address=address)
    return caller, caller.ask(f"LOGIN {nick}")
