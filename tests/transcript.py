"""Scenarios played strictly: every byte, and nothing more at the end.

The format is that of `chatcli.check.scenario`; worlds to play in are in memory_world.py and
socket_world.py. The server has taken what one client sent before another one does anything, so
that a scenario means the same in every world. At the end the server stops: nobody may see anything
but the news of that, which comes behind all that came before.
"""

import ast
import time

from chat import PATIENCE
from chatcli.check.logins import login_notice, login_steps
from chatcli.check.matching import decoded, lenient, strict
from chatcli.check.scenario import ENDS
from chatd.dialects.table import DIALECTS
from chatd.events import Failed
from chatd.limits import Limits

SHUTDOWN = Failed("shutdown", "the server is shutting down")


def take_limits(settings):
    """Take the limits out of the settings of a scenario."""
    names = [name for name in settings if name.startswith("limits.")]
    return Limits(**{name.removeprefix("limits."): _number(settings.pop(name)) for name in names})


def _number(value):
    return ast.literal_eval(value) if isinstance(value, str) else value


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
