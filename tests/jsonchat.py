"""Chats in which people speak json: in memory, and over sockets on each engine.

Somebody `sends` messages and `sees` exactly these bytes next. At the end `settle` looks whether
anybody has seen anything more: everybody asks for a verb that no server has, and the answer to
it comes behind all that came before.
"""

import json
from contextlib import ExitStack, contextmanager

from chatd.config import Listen
from chatd.dialects.crlf import Crlf
from chatd.dialects.jsonl import Json
from memory_world import MemoryClient, MemoryWorld
from socket_world import SocketWorld
from transcript import Person


def line(message):
    """A message on the wire; bytes are one already."""
    if isinstance(message, bytes):
        return message
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    return text.encode() + b"\n"


def asking(kind, data=""):
    return {"type": kind, "data": data}


def said(source, text, **more):
    """What the server sends: never anything else than this (S2-07)."""
    return line({"type": "message", "data": {"source": source, "message": text, **more}})


def notice(text):
    return said("[Server]", text)


def entered(one):
    return notice(f"{getattr(one, 'name', one)} has entered the chat")


class Someone(Person):
    """A client, called name by the others until it takes a nick."""

    def __init__(self, name, client, dialect="json"):
        super().__init__(name, client)
        self.crlf = dialect == "crlf"

    def sends(self, *messages):
        """Send objects as lines, and bytes as they are."""
        self.client.send(b"".join(map(line, messages)))

    def sees(self, *lines):
        want = b"".join(lines)
        self.read_until(lambda unread: len(unread) >= len(want) or not want.startswith(unread))
        assert bytes(self.unread[: len(want)]) == want
        del self.unread[: len(want)]

    def asks(self, kind, data=""):
        """Send one message, and give the bytes that answer it."""
        self.sends(asking(kind, data))
        return self.next_line()

    def next_line(self):
        self.read_until(lambda unread: b"\n" in unread)
        answer, end, rest = bytes(self.unread).partition(b"\n")
        self.unread[:] = rest
        return answer + end

    def sees_the_end(self):
        self.read_until(lambda unread: unread)
        assert self.ended
        assert not self.unread

    def sync(self, number):
        verb = f"sync-{number}"
        answer = notice(f"unknown command {verb}")
        if self.crlf:
            answer = f"ERROR unknown command {verb}\r\n".encode()
        self.client.send(f"{verb.upper()}\r\n".encode() if self.crlf else line({"type": verb}))
        self.read_until(lambda unread: answer in unread)
        assert answer in self.unread
        self.unread[:] = self.unread.replace(answer, b"", 1)


class Chat:
    """Some people in one world. Those who come see each other come."""

    def __init__(self, world):
        self.world = world
        self.people = []
        self._syncs = 0

    def connect(self, dialect="json"):
        """Connect, and read nothing yet."""
        client = self.world.connect(dialect)
        self.people.append(Someone(self.world.name_of(client), client, dialect))
        return self.people[-1]

    def connect_from(self, address):
        """The same with an address of one's choice; in memory only."""
        self.people.append(Someone(address, MemoryClient(self.world, address)))
        return self.people[-1]

    def join(self, *nicks):
        """Connect for each nick, take it, and have everybody see it."""
        return [self._join(nick) for nick in nicks]

    def _join(self, nick):
        one = self.connect()
        others = list(self.people)
        one.sends(asking("set-name", nick))
        for each in others:
            each.sees(entered(one), notice(f"{one.name} renamed to {nick}"))
        one.was, one.name = one.name, nick
        return one

    def leaves(self, one, how="close"):
        self.people.remove(one)
        getattr(one.client, how)()

    def settle(self):
        """Have everything that was sent carried out and seen; nobody may have seen more."""
        for _ in range(2):
            self._syncs += 1
            for one in self.people:
                if not one.ended:
                    one.sync(self._syncs)
        assert [(one.name, bytes(one.unread)) for one in self.people if one.unread] == []


class JsonMemory(MemoryWorld):
    """Sessions that speak json, and crlf on request."""

    def __init__(self, settings=None, **keywords):
        super().__init__({"dialect": "json"} | (settings or {}), **keywords)

    def connect(self, dialect="json"):
        self.dialect = Crlf if dialect == "crlf" else Json
        return super().connect()

    def name_of(self, client):
        return client.session.address


class JsonSockets(SocketWorld):
    """A running server for json; its second listener is for crlf."""

    def connect(self, dialect="json"):
        listeners = self._server.server.listeners
        self._server.port = listeners[dialect == "crlf"].address[1]
        return super().connect()

    def name_of(self, client):
        return client.address


@contextmanager
def open_chat(kind, **settings):
    """Give a chat in memory, or on an engine; settings as transcripts have them."""
    with ExitStack() as stack:
        if kind == "memory":
            world = JsonMemory(settings)
        else:
            listen = (Listen("crlf", "127.0.0.1"),)
            more = {"dialect": "json", "host": "127.0.0.1", "listen": listen}
            serving = JsonSockets("127.0.0.1").serving(kind, {**settings, **more})
            world = stack.enter_context(serving)
        chat = Chat(world)
        yield chat
        chat.settle()
