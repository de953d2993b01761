"""chatd, broken at one place, and what chatcheck says of it."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Lock
from unittest import mock

from chatcli.check.connections import Patience
from chatcli.check.player import Player
from chatcli.check.scenario import read_all
from chatd.delivery import Entry
from chatd.dialects.table import DIALECTS
from chatd.events import Said
from chatd.hub import Hub
from chatd.names import parse_new_name
from chatd.testing import running_server

SHORT = Patience(answer=2.0, quiet=0.15, pause=0.03)
"""Long enough for a server in the same process."""


_starting = Lock()


@contextmanager
def broken(dialect, **settings):
    """Run a server that speaks dialect, a class; what its `hub` holds is changed in the hub."""
    settings = {**getattr(dialect, "settings", {}), **settings, "dialect": dialect.name}
    hub = type("BrokenHub", (Hub,), getattr(dialect, "hub", {}))
    with ExitStack() as stack:
        with _starting, mock.patch.dict(DIALECTS, {dialect.name: dialect}):
            with mock.patch("chatd.server.Hub", hub):
                server = stack.enter_context(running_server(**settings))
        yield server


def outcomes(dialect, *, chunks=False, only=None, **settings):
    """Play all scenarios of a dialect, or only those of one requirement."""
    scenarios = [one for one in read_all(dialect.name) if only in (None, one.requirement)]
    with broken(dialect, **settings) as server:
        player = Player("127.0.0.1", server.port, patience=SHORT, chunks=chunks)
        return list(player.play_all(scenarios))


def failed(dialect, **settings):
    """Give the requirements that such a server does not meet."""
    return {one.requirement for one in outcomes(dialect, **settings) if one.status == "failed"}


def failed_by_each(dialects, chunks=()):
    """Give what each of some servers fails, all at once; chunks are those that want chunks."""

    def what_fails(dialect):
        return failed(dialect, chunks=dialect in chunks)

    with ThreadPoolExecutor(len(dialects)) as pool:
        return dict(zip(dialects, pool.map(what_fails, dialects), strict=True))


# -- what can be wrong with the hub ----------------------------------------------------------

_login, _end = Hub.login, Hub.end


def _taken_by(self, nick):
    user = self._by_key.get(parse_new_name(nick).key)
    return user.nick if user else None


def _login_again(self, client, nick):
    """Register a nick that somebody has, in books of its own."""
    name = parse_new_name(nick)
    name = name._replace(key=f"{name.key} {client.address}")
    with self._lock:
        user = self._users.get(client)
        if user is None:
            self._register_locked(client, name, reserved=False)
        else:
            self._rename_locked(user, name)


def login_accepts_duplicates(self, client, nick, *more):
    if nick != client.address and _taken_by(self, nick) == nick:
        _login_again(self, client, nick)
    else:
        _login(self, client, nick, *more)


def login_looks_at_case(self, client, nick, *more):
    if nick != client.address and _taken_by(self, nick) not in (None, nick):
        _login_again(self, client, nick)
    else:
        _login(self, client, nick, *more)


def end_keeps_the_nick(self, client, *args, **more):
    with self._lock:
        user = self._users.get(client)
    ended = _end(self, client, *args, **more)
    if user is not None:
        self._by_key[user.key] = user
    return ended


def tell_everybody(self, client, nick, text):
    with self._lock:
        event = Said("General", self._users[client].nick, text)
        self._append(Entry(event, self._general.key, client))


def refuse_aloud(self, client, error, told):
    with self._lock:
        for event in told:
            self._tell_room(self._general, event, client)
