"""A server in memory: its clients need no sockets, and time passes when a test says so."""

from functools import cache

from chatd.delivery import Delivery
from chatd.dialects import Setting
from chatd.dialects.table import DIALECTS
from chatd.dispatch import Dispatcher
from chatd.hub import Hub
from chatd.plugins import Plugins
from chatd.session import Session
from transcript import SHUTDOWN, take_limits


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
        limits = take_limits(settings)
        self.dialect = DIALECTS[settings.pop("dialect", "crlf")]  # of those who come
        self.prompt = prompt
        self.now = 1000.0
        self.appended = []
        self.delivery = Delivery(limits)
        self._limits = limits
        self._hub = Hub(self._record(self.delivery), limits, settings.pop("greeting", ""))
        self._pool = _Pool()
        self._dispatcher = Dispatcher(
            self._hub, self.delivery, self._pool, (*_bundled(), *commands), filters
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

    def session(self, transport, address, flow=None, **setting):
        session = Session(
            self.dialect(Setting(self._limits, address, self._dispatcher.verbs, **setting)),
            transport,
            address,
            self._hub,
            self.delivery,
            self._dispatcher,
            self._limits,
            lambda: self.now,
            flow=flow,
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
