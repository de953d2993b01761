"""A crowd for a soak: visitors who do whatever clients do to a server.

All of them live in one thread, on an asyncio loop. What a visitor does is drawn from a generator
of random numbers of its own, so that a seed gives the same visits whatever their speed.
"""

import asyncio
import contextlib
import socket
import struct
from collections import deque
from random import Random

from chatd.dialects.table import CLIENTS
from chatd.events import GENERAL, Failed, Request
from chatd.layers import Tls

DENS = ("den1", "den2", "den3")
NOISE = "noise"
"""The room of those who do not listen."""

SPOKEN_TO = ("crlf", "words", "rooms")
"""Dialects whose server waits for the first byte, however busy this machine is."""

TOGETHER = 40
"""Visitors at a time."""

NICKS = 2000
"""Visitors who have different nicks; then the first one can be had again, since nobody has it."""

VISIT = 120.0
"""Seconds that a visit may take; the longest one waits for a deadline of 30."""


class Gone(Exception):
    """The server has ended a connection that should have gone on."""


class Client:
    """A connection, with TLS or without, and the client's end of its dialect."""

    def __init__(self, port, dialect, trust=None, rcvbuf=None):
        self.dialect = dialect
        self.end = CLIENTS[dialect]()
        self.tls = Tls(trust, "localhost") if trust else None
        self._port = port
        self._loop = asyncio.get_running_loop()
        self._sock = socket.socket()
        self._sock.setblocking(False)
        if rcvbuf:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)

    async def connect(self, host):
        """Come from an address of this machine, and say nothing yet."""
        self._sock.bind((host, 0))
        await self._loop.sock_connect(self._sock, ("127.0.0.1", self._port))

    async def shake_hands(self):
        """Do what TLS needs, if it is used, before anything can be said."""
        if self.tls:
            self.tls.feed(b"")
        while self.tls and not self.tls.ready:
            await self.send_raw(self.tls.take())
            if await self.hear() is None:
                raise Gone
        if self.tls:
            await self.send_raw(self.tls.take())

    async def send_raw(self, data):
        await self._loop.sock_sendall(self._sock, data)

    async def send(self, data):
        await self.send_raw(self.tls.seal(data) if self.tls else data)

    async def ask(self, verb, *args):
        await self.send(self.end.encode(Request(verb, args)))

    async def hear(self):
        """Give what comes next; None at the end."""
        data = await self._loop.sock_recv(self._sock, 65536)
        if not data or not self.tls:
            return data or None
        data = self.tls.feed(data)
        return None if self.tls.over else data

    async def hear_out(self):
        while await self.hear() is not None:
            pass

    async def settle(self):
        """Read until all that was asked is answered; give what was heard."""
        await self.send(self.end.barrier())
        heard = []
        while not self.end.settled:
            if (data := await self.hear()) is None:
                raise Gone
            heard += [event for event, _ in self.end.feed(data)]
        return heard

    def stop_sending(self):
        self._sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Close so that the other side hears of a reset, and loses what it has not read yet."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    def close(self):
        self._sock.close()


class Crowd:
    """Visitors of a server, whose ports are given by dialect; trust is for those who use TLS."""

    def __init__(self, ports, trust, seed):
        self.ports = ports
        self.trust = trust
        self.seed = seed
        self.nicks = deque(f"v{number}" for number in range(NICKS))

    async def prepare(self):
        """Create the rooms, which stay."""
        with Visit(self, "first") as visit:
            client = await visit.someone_inside()
            for room in (*DENS, NOISE):
                await client.ask("create", room)
            await client.settle()

    async def visit(self, numbers):
        """Have these visits made, TOGETHER at a time."""
        numbers = iter(numbers)

        async def one_after_the_other():
            for number in numbers:
                with Visit(self, number) as visit:
                    (kind,) = visit.chance.choices([*KINDS], [*KINDS.values()])
                    async with asyncio.timeout(VISIT):
                        await kind(visit)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(TOGETHER):
                tasks.create_task(one_after_the_other())

    async def rush(self, size):
        """Have so many people in at the same time, all of whom ask for the history at once."""
        inside = asyncio.Barrier(size)

        async def one(number):
            with Visit(self, f"rush{number}") as visit:
                client = await visit.someone_inside()
                await inside.wait()
                await client.send(20 * client.end.encode(Request("history", (GENERAL,))))
                await client.settle()
                await inside.wait()

        async with asyncio.TaskGroup() as tasks:
            for number in range(size):
                tasks.create_task(one(number))


class Visit:
    """One visit, of one client or more; all of them are gone at its end."""

    def __init__(self, crowd, number):
        self.nick = crowd.nicks.popleft()
        self.chance = Random(f"{crowd.seed} {number}")
        self._crowd = crowd
        self._clients = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self._clients:
            client.close()
        self._crowd.nicks.append(self.nick)

    async def connected(self, dialect=None, secure=False, rcvbuf=None):
        """Give a client that is connected, from any address, and has said nothing."""
        dialect = dialect or self.chance.choice([*CLIENTS])
        trust = self._crowd.trust if secure else None
        client = Client(self._crowd.ports[dialect], dialect, trust, rcvbuf)
        self._clients.append(client)
        await client.connect(f"127.0.{self.chance.randrange(100)}.{self.chance.randrange(1, 255)}")
        return client

    async def someone(self, dialect=None, **settings):
        """Give a client that can begin, some over TLS where the server does not speak first."""
        dialect = dialect or self.chance.choice([*CLIENTS])
        secure = dialect in SPOKEN_TO and self.chance.random() < 0.2
        client = await self.connected(dialect, secure, **settings)
        await client.shake_hands()
        return client

    async def someone_inside(self, **settings):
        """Give a client that is logged in."""
        client = await self.someone(**settings)
        await client.ask("login", self.nick)
        refused = [event for event in await client.settle() if isinstance(event, Failed)]
        assert not refused, refused
        return client

    async def pause(self, most):
        await asyncio.sleep(self.chance.uniform(0, most))

    def begin(self, client):
        """Give the beginning of a line, which may be nothing."""
        line = client.end.encode(Request("say", (GENERAL, "never said " * 9)))
        return line[: self.chance.choice([0, self.chance.randrange(1, len(line) - 2)])]

    def leave(self, client):
        """Close in one way or the other."""
        self.chance.choice([client.reset, client.close])()


# -- what they do ----------------------------------------------------------------------------------


async def chat(visit):
    """Do what people come for, and leave politely."""
    client = await visit.someone_inside()
    den = visit.chance.choice(DENS)
    await client.ask("join", den)
    for number in range(visit.chance.randrange(4)):
        await client.ask("say", den, f"this is {visit.nick} for the {number}th time")
        await visit.pause(0.1)
    await client.ask("login", f"{visit.nick}-renamed")
    await client.ask("say", GENERAL, "hello everybody")
    await client.ask("tell", "crlf-0", "hello you")
    await client.ask("history", visit.chance.choice([f"{den} 20", den, GENERAL]))
    await client.ask("search", visit.nick)
    await client.settle()
    await client.ask("quit")
    await client.hear_out()


async def type_without_line_ends(visit):
    client = await visit.someone("words")
    for text in (f"login {visit.nick}", "msgall hello", "history den1", "userlist"):
        await client.send(text.encode())
        await client.hear()
    visit.leave(client)


async def stop_sending(visit):
    """Close one half, also in the middle of a line, and hear the rest."""
    client = await visit.someone_inside()
    await client.ask("history", DENS[0])
    await client.send(visit.begin(client))
    client.stop_sending()
    await client.hear_out()


async def break_off(visit):
    """Vanish in the middle of a line, or behind one."""
    client = await visit.someone_inside()
    await client.ask("say", visit.chance.choice([GENERAL, *DENS]), "goodbye")
    await client.send(visit.begin(client))
    visit.leave(client)


async def stall(visit):
    """Read nothing of all that is said, nor of what one has asked for."""
    client = await visit.someone_inside(rcvbuf=4096)
    await client.send(50 * client.end.encode(Request("history", (GENERAL,))))
    await visit.pause(2)
    visit.leave(client)


async def be_shouted_at(visit):
    """Read nothing while somebody says more than can wait, until one is dropped."""
    deaf = await visit.someone_inside(rcvbuf=4096)
    await deaf.ask("join", NOISE)
    await deaf.settle()
    loud = await visit.someone("crlf")
    await loud.ask("login", f"{visit.nick}-loud")
    await loud.ask("join", NOISE)
    for _ in range(200):
        await loud.ask("say", NOISE, "x" * 3500)
    await loud.settle()
    await loud.ask("whoami")
    visit.leave(loud)
    with contextlib.suppress(ConnectionError):
        await deaf.hear_out()


async def say_nothing(visit):
    client = await visit.someone()
    await visit.pause(1)
    visit.leave(client)


async def wait_for_the_deadline(visit):
    """Say nothing at the door until the server has had enough."""
    client = await visit.someone("crlf")
    await client.hear_out()


async def come_and_go(visit):
    visit.leave(await visit.connected())


async def leave_a_handshake(visit):
    """Begin with TLS, and stop somewhere; what comes behind is sometimes no handshake."""
    client = await visit.connected(secure=True)
    client.tls.feed(b"")
    hello = client.tls.take()
    await client.send_raw(hello[: visit.chance.randrange(1, len(hello) + 1)])
    await visit.pause(0.2)
    await client.send_raw(visit.chance.randbytes(visit.chance.choice([0, 100])))
    visit.leave(client)


async def talk_nonsense(visit):
    """Speak another protocol, or send what makes no sense."""
    client = await visit.someone()
    nonsense = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"x" * 5000 + b"\n",
        visit.chance.randbytes(300) + b"\n" + visit.chance.randbytes(300),
        b"[" * 4000 + b"\n{}\n",
        b"\xff\n\xc5\n\x00\n\r\n\n",
    ]
    await client.send(visit.chance.choice(nonsense))
    await visit.pause(0.2)
    visit.leave(client)


async def never_end(visit):
    """Send a line of more than a MiB, for which the server hangs up."""
    client = await visit.someone()
    with contextlib.suppress(ConnectionError):
        for _ in range(60):
            await client.send(b"x" * 32768)
        await client.hear_out()
    visit.leave(client)


KINDS = {
    chat: 40,
    type_without_line_ends: 4,
    stop_sending: 9,
    break_off: 24,
    stall: 2,
    be_shouted_at: 0.3,
    say_nothing: 4,
    wait_for_the_deadline: 0.1,
    come_and_go: 6,
    leave_a_handshake: 5,
    talk_nonsense: 5,
    never_end: 0.3,
}
"""What a visit may be, and how often it is so."""
