"""A chat in slash, to type in and to look at: in memory and over sockets, by lines and chunks."""

import socket
from contextlib import contextmanager

from chat import PATIENCE
from chatd.dialects.slash import Slash
from chatd.events import Failed
from chatd.limits import Limits
from chatd.plugins import Plugins
from chatd.testing import running_server
from fakes import World

WELCOME = "Witaj w pokoju rozmow!"
GROUP = "Podaj numer swojej grupy laboratoryjnej: "
NICK = "A teraz podaj swoj pseudonim: "
TAKEN = "Ten pseudonim jest juz zajety. Wybierz inny:"
HELP = "Dostepne polecenia to /msg (wiadomosc prywatna), /changename, /online, /pomoc oraz /wyjdz"
RECIPIENT = "Podaj grupe i nazwe uzytkownika w formacie np. '3 Antoni'"
TEXT = "Podaj wiadomosc"
NO_SUCH_USER = "Taki uzytkownik nie istnieje!"
RENAMING = "Rozpoczeto zmiane nazwy uzytkownika"
RENAMED = "Zmiana nazwy uzytkownika zakonczona powodzeniem!"
LEFT = "Opusciles czat!"
SHUTDOWN = "the server is shutting down"


def registered(name):
    return (
        f"Witaj {name}! Zostales podlaczony do czatu. "
        'Wpisz "/pomoc" aby wyswietlic liste dostepnych polecen!'
    )


def entered(name):
    return f"{name} dolaczyl do pokoju rozmow!"


def gone(name):
    return f"{name} wyszedl z czatu."


def full(name):
    return f"Witaj {name}! Pokoj jest aktualnie przepelniony. Sprobuj ponownie pozniej!"


class Person:
    """Somebody with a connection; how says what their program sends: lines, bytes or chunks."""

    def __init__(self, how):
        self._how = how
        self._unread = b""
        self.left = False

    def type(self, text):
        """Type a line; the program sends it in its way."""
        data = text.encode()
        if self._how == "chunks":
            self.send_chunk(data)
        elif self._how == "bytes":
            for byte in data + b"\n":
                self.send(bytes([byte]))
        else:
            self.send(data + b"\n")

    def sees(self, *lines):
        """See exactly these lines next."""
        wanted = "".join(f"{line}\n" for line in lines).encode()
        while len(self._unread) < len(wanted) and wanted.startswith(self._unread):
            if not (data := self.receive()):
                break
            self._unread += data
        assert self._unread.startswith(wanted), f"{self._unread!r} is not {wanted!r}"
        self._unread = self._unread[len(wanted) :]

    def sees_the_end(self):
        """See nothing more, because the server has closed."""
        assert (self._unread, self.receive()) == (b"", b"")
        self.leave()

    def ask(self, text, *answer):
        self.type(text)
        self.sees(*answer)

    def leave(self):
        self.left = True
        self.hang_up()


class _MemoryPerson(Person):
    def __init__(self, how, world):
        super().__init__(how)
        self._world = world
        self._caller = world.connect()

    def send(self, data):
        self._caller.session.receive(data)
        self._work()
        self._world.deliver()

    def _work(self):
        """Do at once what waits for a worker."""
        while self._world.pool.jobs:
            self._world.pool.jobs.popleft().run()
            self._caller.session.receive(b"")

    def send_chunk(self, data):
        self.send(data)
        if self._caller.session.patience is not None:
            self._caller.session.quiet_passed()
            self._work()

    def receive(self):
        self._world.deliver()
        data = bytes(self._caller.wire.taken)
        self._caller.wire.taken.clear()
        assert data or self._caller.wire.calls["end_output"], "nothing comes"
        return data

    def hang_up(self):
        self._caller.session.complete()
        self._caller.session.eof()

    def tick(self):
        self._caller.session.tick()


class _SocketPerson(Person):
    def __init__(self, how, sock):
        super().__init__(how)
        self.sock = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data):
        self.sock.sendall(data)

    send_chunk = send

    def receive(self):
        return self.sock.recv(65536)

    def hang_up(self):
        self.sock.close()


class Chat:
    """People in a room. Each sees what a test says, and at the end nothing more."""

    def __init__(self, how, connect, clock=None):
        self._how = how
        self._connect = connect
        self._clock = clock
        self.people = []

    def come(self, asked=True, **options):
        """Connect somebody, who is asked for the group."""
        self.people.append(self._connect(self._how, **options))
        if asked:
            self.people[-1].sees(WELCOME, GROUP)
        return self.people[-1]

    def enter(self, *names):
        """Log people in, one after the other; the last word of a name is the nick."""
        inside = []
        for name in names:
            group, _, nick = name.rpartition(" ")
            one = self.come()
            one.ask(group, NICK)
            one.ask(nick, registered(name), entered(name))
            for other in inside:
                other.sees(entered(name))
            inside.append(one)
        return inside if len(inside) > 1 else inside[0]

    def later(self, seconds):
        """Let time pass; in memory only."""
        self._clock.pass_by(seconds)
        for person in self.people:
            person.tick()

    def finish(self):
        """See that nobody gets anything but the news that the server stops."""
        for person in self.people:
            if not person.left:
                person.sees(SHUTDOWN)
                person.sees_the_end()


@contextmanager
def memory_chat(how, greeting="", **limits):
    commands = tuple(command for _, command in Plugins().commands)
    world = World(commands, dialect=Slash, greeting=greeting, **limits)
    chat = Chat(how, lambda how: _MemoryPerson(how, world), world.clock)
    yield chat
    world.hub.end_all("the server stops", Failed("shutdown", SHUTDOWN))
    chat.finish()


@contextmanager
def socket_chat(engine, how, greeting="", **limits):
    settings = {"engine": engine, "dialect": "slash", "greeting": greeting}
    with running_server(limits=Limits(**limits), **settings) as server:

        def connect(how, host="127.0.0.1"):
            return _SocketPerson(how, server.connect(host, PATIENCE))

        chat = Chat(how, connect)
        try:
            yield chat
            server.server.stop()
            chat.finish()
        finally:
            for person in chat.people:
                person.hang_up()


def any_chat(world, **settings):
    """Open a chat in a world such as `memory-bytes` or `threads-chunks`."""
    where, how = world.split("-")
    if where == "memory":
        return memory_chat(how, **settings)
    return socket_chat(where, how, **settings)


ENGINES = ("threads", "select", "asyncio")
LINES = ("memory-lines", "memory-bytes", *(f"{engine}-lines" for engine in ENGINES))
WORLDS = (*LINES, "memory-chunks", *(f"{engine}-chunks" for engine in ENGINES))
