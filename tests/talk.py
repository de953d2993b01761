"""People who talk in a dialect of plain texts, in memory and over sockets, byte by byte.

Each test runs in memory and on each engine. When it is over, nobody may have seen anything that
the test did not look at.
"""

import re
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

from chat import PATIENCE
from chatcli.check.text import unescape
from chatd.events import CommandError, WireError
from memory_world import MemoryWorld
from socket_world import SocketWorld

DOCUMENTS = Path(__file__).parent.parent / "docs" / "wire"

UNKNOWN = {"words": "unknown command", "rooms": "Unknown command '?'!"}
"""What is answered to `?`, by dialect: all that went before it has been taken then."""


def server(text):
    """What the server says in words."""
    return f"[ServerMessage] - {text}"


class Person:
    """A client that sends lines, or chunks once it has sent one."""

    def __init__(self, client, unknown):
        self.client = client
        self.here = True
        self._unknown = unknown
        self._unread = bytearray()
        self._ended = False
        self._chunks = False

    def send(self, *lines):
        """Send each line, with its end."""
        for line in lines:
            self.client.send(f"{line}\n".encode())

    def send_bytes(self, data, bytewise=False):
        for piece in [data[i : i + 1] for i in range(len(data))] if bytewise else [data]:
            self.client.send(piece)

    def chunk(self, text):
        """Send bytes that nothing ends, and nothing else until they are answered."""
        self._chunks = True
        self.client.send(text if isinstance(text, bytes) else text.encode())
        session = getattr(self.client, "session", None)
        if session is not None and session.patience is not None:
            session.quiet_passed()

    def sees(self, *lines):
        """Make sure that exactly these lines come next."""
        self.sees_bytes("".join(f"{line}\n" for line in lines).encode())

    def sees_bytes(self, want):
        self._read(lambda: len(self._unread) >= len(want) or not want.startswith(self._unread))
        assert self._unread.startswith(want), f"saw {bytes(self._unread)}, not {want}"
        del self._unread[: len(want)]

    def sees_nothing(self):
        """Make sure that all it sent was taken, and that nothing is left to see."""
        if self._chunks:
            self.chunk("?")
        else:
            self.send("?")
        self.sees(self._unknown)
        assert not self._unread, f"saw {bytes(self._unread)}"

    def sees_the_end(self):
        """Make sure that the server closes the connection, without another byte."""
        self._read(lambda: self._unread)
        assert self._ended
        assert not self._unread
        self.here = False
        self.client.hang_up()

    def closes(self):
        """Close the connection, and wait until the server knows."""
        self.here = False
        self.client.close()

    def asks(self, line, *answer):
        """Send a line and see the answer."""
        self.send(line)
        self.sees(*answer)

    def _read(self, enough):
        deadline = time.monotonic() + PATIENCE
        while not enough() and not self._ended:
            try:
                data = self.client.receive(deadline - time.monotonic())
            except TimeoutError:
                return
            self._unread += data
            self._ended = not data


class Place:
    """One server, and the people who have come."""

    def __init__(self, world, dialect):
        self.world = world
        self.people = []
        self._dialect = dialect

    def connect(self):
        """Let somebody come who says nothing yet."""
        self.people.append(Person(self.world.connect(), UNKNOWN[self._dialect]))
        return self.people[-1]

    def login(self, *nicks):
        """Let people come and log in, each of which sees that of those behind."""
        come = []
        for nick in nicks:
            person = self.connect()
            if self._dialect == "words":
                person.asks(f"login {nick}", f"[ServerMessage] - [{nick}] log in.")
                for other in come:
                    other.sees(f"[ServerMessage] - [{nick}] log in.")
            else:
                person.asks(nick, "You joined the room 'General'")
                for other in come:
                    other.sees(f"{nick} joined the room 'General'")
            come.append(person)
        return come if len(come) > 1 else come[0]


@contextmanager
def place(where, dialect, **settings):
    """Run a server in memory or on an engine; limits are given as `limits.NAME`."""
    with ExitStack() as stack:
        if where == "memory":
            world = MemoryWorld({"dialect": dialect, **settings})
        else:
            serving = SocketWorld("127.0.0.1").serving(where, {**settings, "dialect": dialect})
            world = stack.enter_context(serving)
        found = Place(world, dialect)
        yield found
        for person in found.people:
            if person.here:
                person.sees_nothing()


_STEP = re.compile(r"(?P<who>\w+) (?P<verb>[<>]|closes|closed)(?: (?P<text>.*))?")


def play_documented(dialect, where):
    """Play the session that the page of a dialect shows."""
    page = DOCUMENTS / f"{dialect}.md"
    session = page.read_text(encoding="utf-8").partition("```transcript\n")[2].partition("```")[0]
    assert "server: greeting=have fun\n" in session
    with place(where, dialect, greeting="have fun") as chat:
        play(session, chat)


def play(text, found):
    """Play a session as the documentation shows it: `>` is sent and `<` is seen."""
    people = {}
    for line in text.splitlines():
        if line.startswith(("#", "server:")):
            continue
        step = _STEP.fullmatch(line)
        assert step, line
        if step["who"] not in people:
            people[step["who"]] = found.connect()
        person = people[step["who"]]
        if step["verb"] == ">":
            person.send(step["text"] or "")
        elif step["verb"] == "<":
            person.sees_bytes(unescape(step["text"] or "") + b"\n")
        elif step["verb"] == "closes":
            person.closes()
            del people[step["who"]]
        else:
            person.sees_the_end()
            del people[step["who"]]


def cut(data, places):
    """Cut data in pieces at places."""
    places = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in zip(places, places[1:], strict=False)]


def understood(dialect):
    """All that a dialect understands now, errors included; every request is taken to succeed."""
    found = []
    while True:
        try:
            request = dialect.next_request()
        except CommandError as error:
            found.append(error.code)
            continue
        except WireError as error:
            return [*found, error.code]
        if request is None:
            return found
        assert all(isinstance(arg, str) for arg in request.args)
        dialect.done(request, None)
        found.append(request)
