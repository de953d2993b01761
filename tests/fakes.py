"""A clock to move, a connection without a socket, dialects that show what they are asked."""

from collections import Counter, deque

from chatd.addresses import Addresses
from chatd.bans import Bans
from chatd.delivery import Change, Delivery
from chatd.dialects import Setting
from chatd.dialects.crlf import Crlf
from chatd.dispatch import Dispatcher
from chatd.events import Record
from chatd.flood import UNBOUND
from chatd.hub import Hub
from chatd.limits import Limits
from chatd.moderation import Moderation
from chatd.networks import LOOPBACK
from chatd.session import Session
from chatd.workers import PoolJob


def remembered(*events, room="general"):
    """Records of events, one second after the other."""
    return tuple(Record(n, 1e9 + n, room, event) for n, event in enumerate(events, 1))


class Clock:
    """Time that passes when a test says so."""

    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now

    def pass_by(self, seconds):
        self.now += seconds


class Wire:
    """A transport that takes `room` bytes, all when it is None, and remembers what it was asked."""

    def __init__(self, room=None):
        self.room = room
        self.broken = False
        self.taken = bytearray()
        self.sends = 0
        self.calls = Counter()

    def send(self, data):
        assert not self.calls["close"], "sent to a closed connection"
        assert not self.calls["end_output"], "sent behind the end"
        self.sends += 1
        if self.broken:
            raise BrokenPipeError
        if self.room == 0:
            raise BlockingIOError
        size = len(data) if self.room is None else min(len(data), self.room)
        if self.room is not None:
            self.room -= size
        self.taken += data[:size]
        return size

    def want_write(self):
        self._note("want_write")

    def want_read(self):
        self.calls["want_read"] += 1  # from any thread, so perhaps behind the close

    def end_output(self):
        self._note("end_output")

    def abort(self):
        self._note("abort")

    def close(self):
        self._note("close")

    def _note(self, call):
        assert not self.calls["close"], f"{call} on a closed connection"
        self.calls[call] += 1

    @property
    def closed(self):
        return self.calls["close"] == 1


class Wording:
    """An encoder: one line with all that it was asked. silent are events it has no form for.

    asked counts the renderings for others, by event.
    """

    def __init__(self, name, silent=()):
        self.name = name
        self.silent = silent
        self.asked = Counter()

    def __repr__(self):
        return self.name

    def encode(self, event, own):
        if not own:
            self.asked[id(event)] += 1
        return self.form(event, own)

    def encode_record(self, record, own):
        return self.encode(record.event, own)

    def form(self, event, own):
        if type(event) in self.silent:
            return b""
        return f"{self.name} {'own' if own else 'other'} {event!r}\n".encode()


class Hearer:
    """A client that remembers what was delivered to it, and when it was finished."""

    def __init__(self, name, encoder, hub=None):
        self.address = name
        self.group = ""
        self.encoder = encoder
        self.hub = hub
        self.deliveries = []
        self.finished_after = []

    def __repr__(self):
        return self.address

    @property
    def heard(self):
        return b"".join(self.deliveries)

    def deliver(self, data):
        assert not self.finished_after, "delivered behind the end"
        self.deliveries.append(data)

    def finish(self):
        self.finished_after.append(len(self.heard))

    def end(self, reason, farewell=None):
        self.hub.end(self, reason, farewell)


class Model:
    """What delivery has to do, entry by entry, by looking at everybody each time."""

    def __init__(self, clients):
        self.rooms = {client: set() for client in clients}
        self.heard = dict.fromkeys(clients, b"")
        self.finished = set()

    def deliver(self, entry):
        for client, rooms in self.rooms.items():
            if client is entry.actor:
                self.heard[client] += client.encoder.form(entry.event, True)
            elif client is entry.target or entry.room in rooms:
                self.heard[client] += client.encoder.form(entry.event, False)
        if entry.change is Change.ENTER:
            self.rooms[entry.actor].add(entry.room)
        elif entry.change is Change.LEAVE:
            self.rooms[entry.actor].discard(entry.room)
        elif entry.change is Change.END:
            self.rooms[entry.actor].clear()
            self.finished.add(entry.actor)


class Pool:
    """Keeps jobs until a test runs them."""

    def __init__(self):
        self.jobs = deque()

    def submit(self, work, give_up, done):
        job = PoolJob(work, give_up, done)
        self.jobs.append(job)
        return job


class Caller:
    """A client at the other end of a session: it speaks crlf."""

    def __init__(self, world, dialect, address):
        self.wire = Wire()
        self._world = world
        self.session = Session(
            dialect(Setting(world.limits, address, world.dispatcher.verbs)),
            self.wire,
            address,
            world.hub,
            world.delivery,
            world.dispatcher,
            world.limits,
            world.clock,
            flow=world.addresses.flow(address),
        )

    def send(self, *lines):
        self.session.receive(b"".join(line.encode() + b"\r\n" for line in lines))

    def read(self):
        """Give the lines that arrived since the last time."""
        self._world.deliver()
        data = bytes(self.wire.taken)
        self.wire.taken.clear()
        return data.decode().splitlines()

    def ask(self, *lines):
        self.send(*lines)
        return self.read()


class World:
    """All of a server but its engine. The commands are the test's own.

    moderation is settings of the Moderation; its bans go by the same clock.
    """

    def __init__(
        self,
        commands=(),
        *,
        filters=(),
        dialect=Crlf,
        greeting="",
        pace=UNBOUND,
        exempt=LOOPBACK,
        moderation=None,
        **limits,
    ):
        self.limits = Limits(**limits)
        self.clock = Clock()
        self.delivery = Delivery(self.limits, self.clock)
        self.events = []
        self.delivery.observers.append(self.events.extend)
        bans = Bans(self.limits, now=self.clock)
        self.hub = Hub(self.delivery, self.limits, greeting, admits=bans.check)
        self.addresses = Addresses(self.limits, pace, exempt, clock=self.clock)
        self.moderation = Moderation(
            self.hub,
            self.limits,
            bans=bans,
            addresses=self.addresses,
            clock=self.clock,
            **(moderation or {}),
        )
        self.pool = Pool()
        self.dispatcher = Dispatcher(
            self.hub, self.delivery, self.pool, commands, filters, moderation=self.moderation
        )
        self._dialect = dialect

    def connect(self, nick=None, address="127.0.0.1:50000"):
        """Give a new client, logged in as nick if there is one."""
        caller = Caller(self, self._dialect, address)
        caller.session.open()
        if nick is not None:
            self.hub.login(caller.session, nick)
            caller.session.logged_in()
            caller.read()
        return caller

    def deliver(self):
        while self.delivery.drain():
            pass

    def seen(self, kind):
        """Give the public events of one kind so far."""
        self.deliver()
        return [event for event in self.events if type(event) is kind]
