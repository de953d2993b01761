"""Scenarios played strictly: every byte, and nothing more at the end, in memory and over sockets.

The format is that of `chatcli.check.scenario`. The server has taken what one client sent before
another one does anything, so that a scenario means the same in every world. At the end the server
stops: nobody may see anything but the news of that, which comes behind all that came before.
"""

import ast
import socket
import struct
import time
from contextlib import contextmanager
from functools import cache
from threading import Condition
from unittest import mock

from chatcli.check.logins import login_notice, login_steps
from chatcli.check.matching import decoded, lenient, strict
from chatcli.check.scenario import ENDS
from chatd.delivery import Delivery
from chatd.dialects import Setting
from chatd.dialects.table import DIALECTS
from chatd.dispatch import Dispatcher
from chatd.engines import peer_name
from chatd.events import Disconnected, Failed, LoggedIn, LoggedOut, Renamed
from chatd.hub import Hub
from chatd.limits import Limits
from chatd.plugins import Plugins
from chatd.session import Session
from chatd.taps import Tap
from chatd.testing import running_server

PATIENCE = 10.0
"""Seconds after which somebody has waited long enough for what he should see."""

SHUTDOWN = Failed("shutdown", "the server is shutting down")


class Person:
    """Somebody of a scenario, while connected."""

    def __init__(self, name, client):
        self.name = name
        self.client = client
        self.unread = bytearray()
        self.ended = False  # the server has closed
        self.seen = bytearray()
        self.sent = False  # something that the server may not have taken yet
        self.logged_in = False  # by one line, which consumes what is told of those behind

    def read_until(self, enough):
        """Receive until enough(unread) is true or the server has closed."""
        deadline = time.monotonic() + PATIENCE
        while not enough(self.unread) and not self.ended:
            try:
                data = self.client.receive(deadline - time.monotonic())
            except TimeoutError:
                return
            except ConnectionError:
                data = b""
            self.unread += data
            self.seen += data
            self.ended = not data


class Play:
    """One scenario in one world. bytewise sends one byte at a time."""

    def __init__(self, scenario, world, bytewise=False):
        self._scenario = scenario
        self._world = world
        self._bytewise = bytewise
        self._people = {}
        self._everybody = []
        self._addresses = {}
        self._never = []
        self._verbs = {
            ">": self._send,
            ">>": self._send,
            "<": self._see_line,
            "<?": self._see_line,
            "next <": self._see_line,
            "<<": self._see,
            "never <": self._never.append,
            "logged in": self._log_in,
            "later": lambda step: world.later(float(step.text.data())),
            "connects": self._connect,
            "closes": lambda step: self._leave(step.who, "close"),
            "resets": lambda step: self._leave(step.who, "reset"),
            "stops sending": lambda step: self._leave(step.who, "stop_sending"),
            "closed": self._closed,
            "closed?": self._closed,
            "hears nothing": lambda step: None,  # here nobody ever hears more than is looked at
        }

    def run(self):
        """Play it, stop the server, and fail at the line that went wrong."""
        for step in self._scenario.steps:
            self._do(step)
        self._settle(self._people.values())
        self._world.finish()
        farewell = DIALECTS[self._scenario.dialect].encode(SHUTDOWN, True)
        for one in self._people.values():
            one.read_until(lambda unread: False)
            at_end = bytes(one.unread).endswith(farewell)
            self._check(self._scenario.line, one, at_end, "no end")
            del one.unread[len(one.unread) - len(farewell) :]
            del one.seen[len(one.seen) - len(farewell) :]
            self._check(self._scenario.line, one, not one.unread, "nothing more")
        for step in self._never:
            self._check_never(step)

    def _do(self, step):
        self._settle([one for one in self._people.values() if one.name != step.who])
        self._verbs[step.verb](step)

    def _settle(self, people):
        """Have the server take all that people have sent."""
        for one in people:
            if one.sent and not one.ended:
                one.client.wait_until_taken()
            one.sent = False

    def _person(self, name):
        if name not in self._people:
            client = self._world.connect()
            self._people[name] = Person(name, client)
            self._everybody.append(self._people[name])
            self._addresses[name] = client.address
        return self._people[name]

    def _connect(self, step):
        self._person(step.who).sent = True  # nothing, but the server has to take notice

    def _send(self, step):
        one = self._person(step.who)
        data = step.text.data(self._addresses)
        for piece in [data[i : i + 1] for i in range(len(data))] if self._bytewise else [data]:
            one.client.send(piece)
        one.sent = True

    def _see_line(self, step):
        self._see(step._replace(text=step.text + ENDS[self._scenario.dialect]))

    def _see(self, step):
        one = self._person(step.who)
        self._settle([one])
        if step.text.fixed:
            want = step.text.data(self._addresses)
            one.read_until(lambda unread: len(unread) >= len(want) or not want.startswith(unread))
            self._check(step.line, one, one.unread.startswith(want), want)
            del one.unread[: len(want)]
            return
        want = strict(step.text, self._addresses)
        one.read_until(lambda unread: unread.count(b"\n") >= str(step.text).count("\n"))
        found = want.match(decoded(bytes(one.unread)))
        self._check(step.line, one, found, str(step.text))
        del one.unread[: len(found[0].encode("utf-8", "surrogateescape"))]

    def _log_in(self, step):
        inside = [one for one in self._people.values() if one.logged_in]
        for each in login_steps(step, self._scenario.dialect):
            self._do(each)
        notice = login_notice(step, self._scenario.dialect)
        for one in inside:
            self._see(step._replace(who=one.name, text=notice))
        self._people[step.who].logged_in = True
        self._people[step.who].seen.clear()

    def _check_never(self, step):
        find = lenient(step.text, self._scenario.dialect, self._addresses)
        for one in self._everybody:
            said = one.name == step.who and find(bytes(one.seen), 0) is not None
            self._check(step.line, one, not said, f"never {step.text}")

    def _leave(self, name, how):
        one = self._person(name)
        if how == "reset":  # it would take with it what the server has not read yet
            self._settle([one])
        getattr(one.client, how)()
        one.sent = False
        if how != "stop_sending":
            del self._people[name]

    def _closed(self, step):
        one = self._person(step.who)
        one.read_until(lambda unread: unread)
        self._check(step.line, one, one.ended and not one.unread, "the end")
        one.client.hang_up()
        del self._people[step.who]

    def _check(self, line, one, right, want):
        if not right:
            saw = bytes(one.unread) + (b" and the end" if one.ended else b"")
            place = f"{self._scenario.path.name}:{line}"
            raise AssertionError(f"{place}: {one.name} should see {want!r}, but saw {saw!r}")


def play(scenario, world, bytewise=False):
    """Play a scenario strictly in a world, which ends with it."""
    Play(scenario, world, bytewise).run()


# -- in memory -------------------------------------------------------------------------------


class _Pool:
    """Runs at once what may block."""

    def submit(self, work, give_up, done):
        job = _Job()
        try:
            work()
        except BaseException as error:
            job.error = error
        return job


class _Job:
    done = True
    error = None


class _Transport:
    """Keeps what is sent, for the client's end to receive."""

    def __init__(self):
        self.sent = bytearray()
        self.ended = False
        self.aborted = False

    def send(self, data):
        self.sent += data
        return len(data)

    def want_write(self):
        raise AssertionError("a transport that takes everything is asked for more")

    def want_read(self):
        pass

    def end_output(self):
        self.ended = True

    def abort(self):
        self.aborted = True

    def close(self):
        self.ended = True


class MemoryClient:
    """The client's end of a session."""

    def __init__(self, world, address):
        self._world = world
        self._transport = _Transport()
        self.address = address
        self.session = world.session(self._transport, address)
        self.session.open()

    def send(self, data):
        self.session.receive(data)
        if self._world.prompt:
            self._world.deliver()

    def wait_until_taken(self):
        """Let the time pass after which what has no end is a chunk."""
        if self.session.patience is not None:
            self.session.quiet_passed()

    def receive(self, timeout=0):
        """Give what has arrived, nothing at the end; fail at once when nothing has."""
        self._world.deliver()
        data = bytes(self._transport.sent)
        self._transport.sent.clear()
        if not data and self._transport.aborted:
            self.stop_sending()
            raise ConnectionResetError
        if not data and not self._transport.ended:
            raise TimeoutError
        return data

    def stop_sending(self):
        self.session.complete()
        self.session.eof()
        self._world.deliver()

    close = reset = hang_up = stop_sending


class MemoryWorld:
    """Hub, delivery, dispatcher and sessions, without any socket.

    prompt delivers after each piece that is sent, otherwise only when somebody looks. appended
    holds all entries of the delivery log.
    """

    def __init__(self, settings=None, *, prompt=False, commands=(), filters=()):
        settings = dict(settings or {})
        limits = _limits(settings)
        self.dialect = DIALECTS[settings.pop("dialect", "crlf")]  # of those who come
        self.prompt = prompt
        self.now = 1000.0
        self.appended = []
        self.delivery = Delivery(limits)
        self._limits = limits
        self._hub = Hub(self._record(self.delivery), limits, settings.pop("greeting", ""))
        self._dispatcher = Dispatcher(
            self._hub, self.delivery, _Pool(), (*_bundled(), *commands), filters
        )
        self._sessions = []
        assert not settings, f"unknown settings {settings}"

    def _record(self, delivery):
        append = delivery.append

        def recorded(entry):
            self.appended.append(entry)
            append(entry)

        delivery.append = recorded
        return delivery

    def session(self, transport, address):
        session = Session(
            self.dialect(Setting(self._limits, address, self._dispatcher.verbs)),
            transport,
            address,
            self._hub,
            self.delivery,
            self._dispatcher,
            self._limits,
            lambda: self.now,
        )
        self._sessions.append(session)
        return session

    def connect(self):
        return MemoryClient(self, f"127.0.0.1:{50000 + len(self._sessions)}")

    def deliver(self):
        while self.delivery.drain():
            pass

    def finish(self):
        """Stop the server."""
        self._hub.end_all("the server stops", SHUTDOWN)

    def later(self, seconds):
        self.now += seconds
        for session in self._sessions:
            session.tick()


@cache
def _bundled():
    return tuple(command for _, command in Plugins().commands)


def _limits(settings):
    """Take the limits out of settings."""
    names = [name for name in settings if name.startswith("limits.")]
    return Limits(**{name.removeprefix("limits."): _number(settings.pop(name)) for name in names})


def _number(value):
    return ast.literal_eval(value) if isinstance(value, str) else value


# -- over sockets ----------------------------------------------------------------------------


class _ObservedSession(Session):
    """A session that says how much it has taken and carried out."""

    __slots__ = ("note", "taken", "waiting")

    def __init__(self, *args, note):
        super().__init__(*args)
        self.note = note
        self.taken = 0
        self.waiting = False  # for the quiet that ends a chunk

    def receive(self, data):
        super().receive(data)
        self.taken += len(data)
        self.waiting = self.patience is not None
        self.note()

    def quiet_passed(self):
        super().quiet_passed()
        self.waiting = False
        self.note()


class SocketClient:
    """A connection to a server."""

    def __init__(self, world, sock):
        self._world = world
        self._sock = sock
        self.address = peer_name(sock.getsockname())
        self._sent = 0

    def send(self, data):
        self._sent += len(data)
        self._sock.sendall(data)

    def wait_until_taken(self):
        """Wait until the server has carried out what was sent, or ended the session."""
        self._world.wait_until_taken(self.address, self._sent)

    def receive(self, timeout):
        self._sock.settimeout(max(timeout, 0.001))
        return self._sock.recv(65536)

    def hang_up(self):
        self._sock.close()

    def close(self):
        """Close, and wait until the server has noticed."""
        self.hang_up()
        self._world.wait_for_end(self.address)

    def reset(self):
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def stop_sending(self):
        self._sock.shutdown(socket.SHUT_WR)
        self._world.wait_for_end(self.address)


class SocketWorld:
    """A running server, and a tap that knows when it has noticed the end of a connection."""

    def __init__(self, host):
        self._host = host
        self._server = None
        self._clients = []
        self._changed = Condition()
        self._address_of = {}
        self._ended = set()
        self._sessions = {}

    @contextmanager
    def serving(self, engine, settings):
        settings = {"dialect": "crlf", **settings}
        limits = _limits(settings)
        settings.update(engine=engine, limits=limits, taps=(Tap(self._note),))
        with mock.patch("chatd.server.Session", self._session):
            with running_server(**settings) as self._server:
                try:
                    yield self
                finally:
                    for client in self._clients:
                        client.hang_up()

    def _session(self, *args):
        session = _ObservedSession(*args, note=self._notify)
        self._sessions[session.address] = session
        return session

    def finish(self):
        """Stop the server."""
        self._server.server.stop()

    def connect(self):
        sock = self._server.connect(self._host, PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._clients.append(SocketClient(self, sock))
        return self._clients[-1]

    def _notify(self):
        with self._changed:
            self._changed.notify_all()

    def _note(self, event):
        with self._changed:
            if isinstance(event, LoggedIn):
                self._address_of[event.nick] = event.address
            elif isinstance(event, Renamed):
                self._address_of[event.nick] = self._address_of.pop(event.old)
            elif isinstance(event, LoggedOut):
                self._ended.add(self._address_of.pop(event.nick))
            elif isinstance(event, Disconnected):
                self._ended.add(event.address)
            self._changed.notify_all()

    def wait_until_taken(self, address, size):
        def taken():
            session = self._sessions.get(address)
            done = session and session.taken >= size and not session.waiting
            return done or address in self._ended

        with self._changed:
            assert self._changed.wait_for(taken, PATIENCE), f"{address} was not listened to"

    def wait_for_end(self, address):
        with self._changed:
            noticed = self._changed.wait_for(lambda: address in self._ended, PATIENCE)
            assert noticed, f"the server did not notice the end of {address}"


@contextmanager
def socket_world(engine, host, settings):
    """Run a server with settings on an engine, for clients that connect to host."""
    with SocketWorld(host).serving(engine, settings) as world:
        yield world
