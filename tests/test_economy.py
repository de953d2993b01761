"""What makes the server fast, counted: no clock is asked, so that no noise can touch it.

The figures behind these bounds are in docs/performance.md.
"""

import contextlib
import gc
import sys
import tracemalloc
from collections import Counter

import pytest

from chat import RawClient
from chatd.dialects import Setting
from chatd.dialects.crlf import Crlf
from chatd.dialects.jsonl import Json
from chatd.dialects.slash import Slash
from chatd.events import GENERAL, Said
from chatd.session import Session
from chatd.testing import running_server
from fakes import Caller, World

TALKERS, WINDOW, ROUNDS = 10, 8, 20


@contextlib.contextmanager
def python_calls():
    """Count the calls of the server's functions on this thread, by name."""
    calls = Counter()

    def note(frame, event, _):
        if event == "call" and frame.f_globals["__name__"].startswith("chatd."):
            calls[frame.f_code.co_qualname] += 1

    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(None)


def opcodes(function, *args):
    """How many opcodes a call takes, those of whatever it calls included."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*args)
    finally:
        sys.settrace(before)
    return count


def room_of(size):
    """A world with a speaker and listeners, size people in all; give world and speaker."""
    world = World(backlog=1)  # what is bounded is full from the start
    people = [world.connect(f"person{n}") for n in range(size)]
    return world, people[0]


def receive(client, size):
    """Take size bytes."""
    while size > 0:
        data = client.sock.recv(size)
        assert data, "the server closed the connection"
        size -= len(data)


def test_a_send_carries_many_messages(engine, monkeypatch):
    """100 people of whom 10 pipeline 8 messages: about 1 send for 80 deliveries.

    One send for each message would be 1.0, and a drain for each recv 0.125.
    """
    sends = []
    deliver = Session.deliver
    monkeypatch.setattr(Session, "deliver", lambda *args: (sends.append(1), deliver(*args)))
    said = "PUB " + "x" * 50 + "\r\n"
    heard = len("PUB_MSG " + "x" * 50 + "\r\n")
    with running_server(engine=engine) as server, contextlib.ExitStack() as stack:
        people = [
            stack.enter_context(RawClient(server.port, nick=f"person{n}")) for n in range(100)
        ]
        sends.clear()
        for _ in range(ROUNDS):
            for talker in people[:TALKERS]:
                talker.send((said * WINDOW).encode())
            for number, person in enumerate(people):
                others = TALKERS - (number < TALKERS)
                receive(person, others * WINDOW * heard)
        deliveries = ROUNDS * TALKERS * WINDOW * (len(people) - 1)
    assert len(sends) <= 0.1 * deliveries


def test_a_message_is_encoded_once_for_each_dialect_that_is_spoken(monkeypatch):
    encoded = Counter()

    def counting(dialect, encode):
        def count(event, own):
            if isinstance(event, Said):
                encoded[dialect.name, own] += 1
            return encode(event, own)

        return staticmethod(count)

    for dialect in (Crlf, Json, Slash):
        monkeypatch.setattr(dialect, "encode", counting(dialect, dialect.encode))
    world, speaker = room_of(10)
    for n in range(10):
        listener = Caller(world, Json, "127.0.0.1:50001")
        listener.session.open()
        world.hub.login(listener.session, f"listener{n}")
        if n == 0:
            world.hub.create(listener.session, "tea")
        if n < 5:  # an audience of its own, which hears General as well
            world.hub.join(listener.session, "tea")
            drinker = listener
    world.deliver()
    world.hub.say(drinker.session, "tea", "hello")
    for _ in range(5):
        world.hub.say(speaker.session, GENERAL, "hello")
    world.deliver()
    others, own = {("crlf", False): 5, ("json", False): 6}, {("crlf", True): 5, ("json", True): 1}
    assert encoded == {**others, **own}


def test_an_append_costs_the_same_however_large_the_room_is():
    counted = []
    for size in (2, 200):
        world, speaker = room_of(size)
        counted.append(opcodes(world.hub.say, speaker.session, GENERAL, "hello"))
    assert counted[0] == counted[1] > 0


def test_a_listener_more_costs_one_call():
    counted = []
    for size in (100, 200):
        world, speaker = room_of(size)
        for _ in range(5):
            world.hub.say(speaker.session, GENERAL, "hello")
        with python_calls() as calls:
            world.delivery.drain()
        counted.append(calls)
    assert counted[1] - counted[0] == {"Output.deliver": 100}


def test_a_private_message_costs_the_same_however_many_are_there():
    counted = []
    for size in (2, 200):
        world, speaker = room_of(size)
        world.hub.tell(speaker.session, "person1", "hello")
        counted.append(opcodes(world.delivery.drain))
    assert counted[0] == counted[1] > 0


class NoWire:
    """A transport that takes no memory, and takes everything."""

    def __getattr__(self, name):
        return len if name == "send" else lambda *args: None


@pytest.mark.parametrize("dialect", [Crlf, Json])
def test_an_idle_client_takes_little_memory(dialect):
    """3 to 4 KiB of Python's objects; a thread's stack and the socket come on top of that."""
    world = World()
    wire = NoWire()

    def come(number):
        setting = Setting(world.limits, f"127.0.0.1:{number}", world.dispatcher.verbs)
        session = Session(
            dialect(setting),
            wire,
            setting.address,
            world.hub,
            world.delivery,
            world.dispatcher,
            world.limits,
            world.clock,
        )
        session.open()
        world.hub.login(session, f"person{number}")
        session.logged_in()
        world.deliver()
        world.events.clear()
        return session

    come(0)
    for number in range(1, 301):  # fill what is bounded, such as the room's backlog
        session = come(number)
        session.eof()
        world.deliver()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        people = [come(number) for number in range(1000, 1200)]
        gc.collect()
        size = (tracemalloc.get_traced_memory()[0] - before) / len(people)
    finally:
        tracemalloc.stop()
    assert size < 5 * 1024
