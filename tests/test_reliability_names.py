"""Many claim one nick at the same moment, in all dialects: one has it, and all agree on who."""

from contextlib import ExitStack
from functools import partial

from chat import RawClient, wait_until
from chatcli import ChatClient
from chatd.events import CommandError, LoggedIn, LoggedOut, Renamed
from chatd.taps import Tap
from clients import DIALECTS, chat_server, open_client, until
from racing import at_once

ROUNDS = 5


def claims(claim, *args):
    """Claim a nick; say whether it was had, and not taken already."""

    def run():
        try:
            claim(*args)
        except CommandError as error:
            assert error.code == "nick-taken"
            return False
        return True

    return run


def test_logins(engine):
    """R-11: of two in each dialect, one; the others may have it when it has left."""
    seen = []
    with chat_server(engine=engine, taps=(Tap(seen.append),)) as server:
        for number in range(ROUNDS):
            nick = f"nick{number}"
            clients = [
                ChatClient("127.0.0.1", server.ports[dialect], nick=nick, dialect=dialect)
                for dialect in 2 * DIALECTS
            ]
            had = at_once(*(claims(client.connect) for client in clients))
            assert sum(had) == 1
            for client in clients:
                client.close()
    nicks = [event.nick for event in seen if isinstance(event, LoggedIn | Renamed)]
    assert [nick for nick in nicks if nick.startswith("nick")] == [
        f"nick{n}" for n in range(ROUNDS)
    ]


def test_renames(engine):
    """R-12: of one in each dialect, one; the others stay who they were, and it is told once."""
    with chat_server(engine=engine) as server, ExitStack() as stack:

        def come(nick, dialect):
            client = open_client("threads", server.ports[dialect], nick, dialect)
            return stack.enter_context(client)

        clients = [come(f"user-{dialect}", dialect) for dialect in DIALECTS]
        watch = come("watch", "json")
        for number in range(ROUNDS):
            nicks, nick = [client.nick for client in clients], f"nick{number}"
            had = at_once(*(claims(client.rename, nick) for client in clients))
            assert sum(had) == 1
            winner = had.index(True)
            renamed = Renamed(nicks[winner], nick)
            nicks[winner] = nick
            assert [client.nick for client in clients] == nicks
            assert set(watch.users()) == {*nicks, "watch"}
            watch.tell("watch", "over")
            *told, _over = until(watch, lambda event: getattr(event, "text", "") == "over")
            assert [event for event in told if isinstance(event, Renamed)] == [renamed]


def test_a_rename_of_somebody_who_is_sent_away(engine):
    """R-12: neither nick stays taken, and it is told once that somebody left."""
    seen = []
    with chat_server(engine=engine, taps=(Tap(seen.append),)) as server:
        for _ in range(ROUNDS):
            with RawClient(server.ports["crlf"], nick="old") as client:
                (session,) = server.server._engine.sessions
                at_once(partial(client.send, "LOGIN new"), partial(session.end, "sent away"))
                client.rest()
            wait_until(lambda: not server.server._engine.sessions, "the end")
            assert server.server.hub.is_free("old") and server.server.hub.is_free("new")
    assert len([event for event in seen if isinstance(event, LoggedOut)]) == ROUNDS
