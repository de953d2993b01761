"""The examples of the documents themselves: what their figures and listings show."""

import json
import re

import pytest

from chat import LineClient
from chatd.testing import running_server

# Who sends what, and what everybody sees then. The three sit in one room, found one of their own,
# and one of them leaves it; the space before the colon in the figure is not in the text (S4-12).
FIGURE = [
    ("Michael", "Michael", {"Michael": ["You joined the room 'General'"]}),
    (
        "Sara",
        "Sara",
        {
            "Sara": ["You joined the room 'General'"],
            "Michael": ["Sara joined the room 'General'"],
        },
    ),
    (
        "John",
        "John",
        {
            "John": ["You joined the room 'General'"],
            "Michael": ["John joined the room 'General'"],
            "Sara": ["John joined the room 'General'"],
        },
    ),
    (
        "Michael",
        "create python",
        {"Michael": ["New group chat with name 'python' has created successfully!"]},
    ),
    (
        "Michael",
        "join python",
        {"Michael": ["You have joined in group chat 'python' successfully!"]},
    ),
    (
        "Sara",
        "join python",
        {
            "Sara": ["You have joined in group chat 'python' successfully!"],
            "Michael": ["Sara has joined in group chat 'python'."],
        },
    ),
    ("John", "groups", {"John": ["available groups:", "General", "python"]}),
    ("John", "users", {"John": ["online users:", "Michael", "Sara", "John"]}),
    (
        "Sara",
        "public python Hi, what is up?",
        {"Michael": ["In group python, Sara: Hi, what is up?"]},
    ),
    ("Michael", "public python Not much!", {"Sara": ["In group python, Michael: Not much!"]}),
    (
        "John",
        "private Sara Are you there?",
        {"Sara": ["Private message from John: Are you there?"]},
    ),
    (
        "Sara",
        "leave python",
        {
            "Sara": ["You have left group chat 'python' successfully!"],
            "Michael": ["Sara has left group chat 'python'."],
        },
    ),
    ("John", "exit", {}),
    ("Sara", "users", {"Sara": ["online users:", "Michael", "Sara"]}),
]


def test_the_figure_of_rooms(engine):
    """S4-04 to S4-14: three clients."""
    with running_server(engine=engine, dialect="rooms") as server:
        people = {}
        for who, sent, seen in FIGURE:
            person = people.setdefault(who, None) or LineClient(server.port)
            people[who] = person
            person.send(sent)
            if sent == "exit":
                assert person.line() is None
            for name, lines in seen.items():
                assert [people[name].line() for _ in lines] == lines
        for person in people.values():
            if person is not people["John"]:
                person.send("exit")
                assert person.line() is None
            person.close()


LISTING = """
[Server]: 127.0.0.1:57354 has entered the chat
> hello
127.0.0.1:57354: hello
[Server]: 127.0.0.1:57355 has entered the chat
> /setname ala
[Server]: 127.0.0.1:57354 renamed to ala
> hi again
ala: hi again
"""


@pytest.mark.parametrize("size", [1, 256, 512])
def test_the_example_of_json(engine, size):
    """S2-02, S2-09 to S2-13: a name before set-name, its own entry, and the echo."""
    with running_server(engine=engine, dialect="json") as server:
        with LineClient(server.port) as ala:
            other = None
            own = ala.address
            received = b""
            for shown in LISTING.strip().splitlines():
                if shown.startswith("> "):
                    typed = shown[2:]
                    command = re.fullmatch(r"/setname (.*)", typed)
                    kind, data = ("set-name", command[1]) if command else ("message", typed)
                    ala.send(json.dumps({"type": kind, "data": data}))
                    continue
                shown = shown.replace("127.0.0.1:57354", own)
                if "57355" in shown:
                    other = LineClient(server.port)
                    name = other.address
                    shown = shown.replace("127.0.0.1:57355", name)
                while b"\n" not in received:
                    received += ala.sock.recv(size)
                line, _, received = received.partition(b"\n")
                message = json.loads(line)
                assert message["type"] == "message"
                assert "{source}: {message}".format(**message["data"]) == shown
            other.close()
