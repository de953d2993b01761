r"""Transcripts: text files of who sends and who sees what, and the worlds they are played in.

    # S0-17, S0-20: a public message goes to the others, without its sender's name
    logged in: ala ola
    ala > PUB hello all
    ola < PUB_MSG hello all

A paragraph is a transcript; the comment it begins with is its title and names the requirements
it shows. Its other lines, each with somebody's name in front:

    ala > PUB hi        sends a line, ended by CR LF; connects first, if need be
    ala >> PUB h        sends just these bytes, in one piece
    ala < OK            sees exactly this line next
    ala << OK\r\nHej    sees exactly these bytes next
    ala connects        and says nothing yet
    ala stops sending   but goes on reading
    ala closes          in an orderly way; ala can connect again afterwards
    ala resets          the connection is cut
    ala closed          the server has closed the connection, behind all that was seen

and without one:

    server: greeting=Hej hej     a setting of the server; `limits.login=0.3` for a limit
    logged in: ala ola           each connects, sends LOGIN and sees OK
    later: 0.5                   that many seconds pass; in memory only

Escapes: \r \n \t \\, \s (a space, where an editor would cut it off), \xff (a byte), \u200c and
\U0001f600 (a character); {a*32} repeats a character.

What is seen is compared byte by byte, and at the end nobody may have seen anything more. To know
that, everybody asks for a verb that no server has (SYNC-1): the answer to it comes behind all
that came before. In the same way the server has taken what one client sent before another one
does anything, so that a transcript means the same in every world.
"""

import ast
import re
import socket
import struct
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Condition
from typing import NamedTuple

from chatd.commands import Dispatcher
from chatd.delivery import Delivery
from chatd.dialects import Setting
from chatd.dialects.crlf import Crlf
from chatd.engines import peer_name
from chatd.events import Disconnected, LoggedIn, LoggedOut, Renamed
from chatd.hub import Hub
from chatd.limits import Limits
from chatd.plugins import Plugins
from chatd.session import Session
from chatd.taps import Tap
from chatd.testing import running_server

PATIENCE = 10.0
"""Seconds after which somebody has waited long enough for what he should see."""


# -- reading transcripts ---------------------------------------------------------------------


class Step(NamedTuple):
    """One line of a transcript. data is what follows the verb, with its escapes resolved."""

    line: int
    who: str
    verb: str
    data: bytes = b""


class Transcript:
    """One paragraph of a file."""

    def __init__(self, path, line):
        self.path = path
        self.line = line
        self.comments = []
        self.settings = {}
        self.steps = []

    @property
    def title(self):
        return self.comments[0] if self.comments else ""

    @property
    def text(self):
        """All that its comments say."""
        return " ".join(self.comments)

    @property
    def name(self):
        """Its file, its requirements and where it begins; unique among all transcripts."""
        named = re.findall(r"\b(?:S0|D)-\d+", self.title)
        return "-".join((self.path.stem, *named, f"line{self.line}"))

    @property
    def takes_time(self):
        """Whether it is for worlds that have a clock to set."""
        return any(step.verb == "later" for step in self.steps)


_ESCAPE = re.compile(
    r"\\(?:(?P<short>[rnts\\])|x(?P<byte>[0-9a-f]{2})|u(?P<four>[0-9a-f]{4})"
    r"|U(?P<eight>[0-9a-f]{8}))|\{(?P<char>.)\*(?P<times>\d+)\}|(?P<bad>\\)"
)
_SHORT = {"r": b"\r", "n": b"\n", "t": b"\t", "s": b" ", "\\": b"\\"}


def unescape(text):
    """Resolve the escapes of a transcript into bytes."""
    pieces = []
    start = 0
    for found in _ESCAPE.finditer(text):
        pieces += (text[start : found.start()].encode(), _escaped(found))
        start = found.end()
    pieces.append(text[start:].encode())
    return b"".join(pieces)


def _escaped(found):
    if found["short"]:
        return _SHORT[found["short"]]
    if found["byte"]:
        return bytes.fromhex(found["byte"])
    if digits := found["four"] or found["eight"]:
        return chr(int(digits, 16)).encode()
    if found["bad"]:
        raise ValueError(f"unknown escape in {found.string!r}")
    return found["char"].encode() * int(found["times"])


_SAYING = re.compile(r"(\w+) (>>?|<<?)(?: (.*))?")
_DOING = re.compile(r"(\w+) (connects|stops sending|closes|resets|closed)")
_FENCE = "```transcript"


def read(path):
    """Read the transcripts of a file; of a Markdown file, its fenced blocks marked so."""
    transcripts = []
    current = None
    wanted = path.suffix != ".md"
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if path.suffix == ".md" and line.startswith("```"):
            wanted = line == _FENCE
            current = None
        elif not line.strip() or not wanted:
            current = None
        else:
            if current is None:
                current = Transcript(path, number)
                transcripts.append(current)
            _read_line(current, number, line)
    return transcripts


def _read_line(transcript, number, line):
    if line.startswith("#"):
        transcript.comments.append(line.lstrip("# "))
    elif found := _SAYING.fullmatch(line):
        who, verb, text = found.groups(default="")
        data = unescape(text) + (b"\r\n" if len(verb) == 1 else b"")
        transcript.steps.append(Step(number, who, verb[0], data))
    elif found := _DOING.fullmatch(line):
        transcript.steps.append(Step(number, *found.groups()))
    elif found := re.fullmatch(r"(server|logged in|later): (.*)", line):
        _read_keyword(transcript, number, *found.groups())
    else:
        raise ValueError(f"{transcript.path.name}:{number}: what is {line!r}?")


def _read_keyword(transcript, number, keyword, rest):
    if keyword == "server":
        name, _, value = rest.partition("=")
        if name.startswith("limits."):
            value = ast.literal_eval(value)
        transcript.settings[name] = value
    elif keyword == "later":
        transcript.steps.append(Step(number, "", "later", rest.encode()))
    else:
        for who in rest.split():
            login = Step(number, who, ">", f"LOGIN {who}\r\n".encode())
            transcript.steps += (login, Step(number, who, "<", b"OK\r\n"))


def read_all(folder):
    """Read all transcripts in a folder."""
    return [each for path in sorted(folder.rglob("*.txt")) for each in read(path)]


FOLDER = Path(__file__).parent / "transcripts"


# -- playing them ----------------------------------------------------------------------------


class Person:
    """Somebody of a transcript, while connected."""

    def __init__(self, name, client):
        self.name = name
        self.client = client
        self.unread = bytearray()
        self.ended = False  # the server has closed
        self.sent = False  # something that the server may not have taken yet
        self.mid_line = False

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
            self.ended = not data


class Play:
    """One transcript in one world. bytewise sends one byte at a time."""

    def __init__(self, transcript, world, bytewise=False):
        self._transcript = transcript
        self._world = world
        self._bytewise = bytewise
        self._people = {}
        self._syncs = 0
        self._verbs = {
            ">": self._send,
            "<": self._see,
            "connects": lambda step: self._person(step.who),
            "closes": lambda step: self._leave(step.who, "close"),
            "resets": lambda step: self._leave(step.who, "reset"),
            "stops sending": lambda step: self._leave(step.who, "stop_sending"),
            "closed": self._closed,
        }

    def run(self):
        """Play it, and fail at the line that went wrong."""
        for step in self._transcript.steps:
            self._sync(one for one in self._people.values() if one.name != step.who and one.sent)
            if step.verb == "later":
                self._world.later(float(step.data))
            else:
                self._verbs[step.verb](step)
        for _ in range(2):  # all requests are carried out behind the first, all is seen behind
            self._sync(self._people.values())  # the second
        for one in self._people.values():
            self._check(self._transcript.line, one, not one.unread, "nothing more")
            self._check(self._transcript.line, one, not one.ended, "no end")

    def _person(self, name):
        if name not in self._people:
            self._people[name] = Person(name, self._world.connect())
        return self._people[name]

    def _send(self, step):
        one = self._person(step.who)
        pieces = [step.data]
        if self._bytewise:
            pieces = [step.data[i : i + 1] for i in range(len(step.data))]
        for piece in pieces:
            one.client.send(piece)
        one.sent = True
        one.mid_line = not step.data.endswith(b"\n")

    def _see(self, step):
        one = self._person(step.who)
        want = step.data
        one.read_until(lambda unread: len(unread) >= len(want) or not want.startswith(unread))
        self._check(step.line, one, one.unread.startswith(want), want)
        del one.unread[: len(want)]

    def _leave(self, name, how):
        one = self._person(name)
        if how == "reset":  # it would take with it what the server has not read yet
            self._sync([one])
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

    def _sync(self, people):
        """Have the server take all that people have sent, as far as it is whole lines."""
        people = [one for one in people if not one.mid_line and not one.ended]
        self._syncs += 1
        request = f"SYNC-{self._syncs}\r\n"
        answer = f"ERROR unknown command {request.lower()}".encode()
        for one in people:
            one.sent = False
            one.client.send(request.encode())
        for one in people:
            one.read_until(lambda unread: answer in unread)
            seen = answer in one.unread or one.ended
            self._check(self._transcript.line, one, seen, f"the answer to {request.strip()}")
            one.unread[:] = one.unread.replace(answer, b"", 1)

    def _check(self, line, one, right, want):
        if not right:
            saw = bytes(one.unread) + (b" and the end" if one.ended else b"")
            place = f"{self._transcript.path.name}:{line}"
            raise AssertionError(f"{place}: {one.name} should see {want!r}, but saw {saw!r}")


def play(transcript, world, bytewise=False):
    """Play a transcript in a world."""
    Play(transcript, world, bytewise).run()


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
        self.session = world.session(self._transport, address)
        self.session.open()

    def send(self, data):
        self.session.receive(data)
        if self._world.prompt:
            self._world.deliver()

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
            Crlf(Setting(self._limits, address)),
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
    return Limits(**{name.removeprefix("limits."): settings.pop(name) for name in names})


# -- over sockets ----------------------------------------------------------------------------


class SocketClient:
    """A connection to a server."""

    def __init__(self, world, sock):
        self._world = world
        self._sock = sock
        self._address = peer_name(sock.getsockname())

    def send(self, data):
        self._sock.sendall(data)

    def receive(self, timeout):
        self._sock.settimeout(max(timeout, 0.001))
        return self._sock.recv(65536)

    def hang_up(self):
        self._sock.close()

    def close(self):
        """Close, and wait until the server has noticed."""
        self.hang_up()
        self._world.wait_for_end(self._address)

    def reset(self):
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def stop_sending(self):
        self._sock.shutdown(socket.SHUT_WR)
        self._world.wait_for_end(self._address)


class SocketWorld:
    """A running server, and a tap that knows when it has noticed the end of a connection."""

    def __init__(self, host):
        self._host = host
        self._server = None
        self._clients = []
        self._changed = Condition()
        self._address_of = {}
        self._ended = set()

    @contextmanager
    def serving(self, engine, settings):
        settings = {"dialect": "crlf", **settings}
        limits = _limits(settings)
        taps = (Tap(self._note),)
        with running_server(engine=engine, limits=limits, taps=taps, **settings) as self._server:
            try:
                yield self
            finally:
                for client in self._clients:
                    client.hang_up()

    def connect(self):
        sock = self._server.connect(self._host, PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._clients.append(SocketClient(self, sock))
        return self._clients[-1]

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

    def wait_for_end(self, address):
        with self._changed:
            noticed = self._changed.wait_for(lambda: address in self._ended, PATIENCE)
            assert noticed, f"the server did not notice the end of {address}"


@contextmanager
def socket_world(engine, host, settings):
    """Run a server with settings on an engine, for clients that connect to host."""
    with SocketWorld(host).serving(engine, settings) as world:
        yield world
