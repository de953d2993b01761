"""Many talk, come and go at once: all hear the same in one order."""

import random
from collections import defaultdict

from chatd.events import GENERAL
from chatd.testing import running_server
from racing import ROOMS, at_once, people


def lines_so_far(client):
    """Give all lines up to the answer to a request, and what comes along with that one."""
    client.send("LIST")
    data = b"\r\n"
    while b"\r\nUSERS " not in data or not data.endswith(b"\r\n"):
        data += client.sock.recv(65536)
    return [line for line in data.decode().split("\r\n")[1:-1] if not line.startswith("USERS ")]


def send_in_pieces(client, lines, seed):
    """Send lines, cut where nobody expects it."""
    dice = random.Random(seed)
    data = "".join(f"{line}\r\n" for line in lines).encode()
    while data:
        size = dice.choice([1, 10, 100, 1000])
        client.send(data[:size])
        data = data[size:]


def test_all_listeners_hear_all_that_10_senders_say_in_one_order(engine):
    """R-40: each sender's messages in the order in which they were said."""
    count = 500
    senders = [f"sender{number}" for number in range(10)]
    listeners = [f"listener{number}" for number in range(10)]
    with running_server(engine=engine) as server:
        with people(server, *senders, *listeners) as clients:

            def talk(number):
                lines = [f"PUB {number} {line}" for line in range(count)]
                send_in_pieces(clients[number], lines, number)
                return lines_so_far(clients[number])

            heard_by_senders = at_once(*(lambda n=n: talk(n) for n in range(10)))
            rest = [lines_so_far(sender) for sender in clients[:10]]
            heard, *others = [lines_so_far(listener) for listener in clients[10:]]
    assert len(heard) == 10 * count
    assert all(other == heard for other in others)
    for number in range(10):
        own = [f"PUB_MSG {number} {line}" for line in range(count)]
        assert [line for line in heard if line.startswith(f"PUB_MSG {number} ")] == own
        by_sender = heard_by_senders[number] + rest[number]
        assert by_sender == [line for line in heard if not line.startswith(f"PUB_MSG {number} ")]


def wander(nick, seed, steps):
    """Make up what somebody does: coming, going, talking; each message is different."""
    dice = random.Random(seed)
    rooms = []
    script = []
    for step in range(steps):
        room = dice.choice([GENERAL, *ROOMS])
        text = f"{nick} {step}"
        if room == GENERAL:
            script.append((None, GENERAL, f"PUB {text}", text))
        elif room not in rooms:
            rooms.append(room)
            script.append(("join", room, f"JOIN {room}", None))
        elif dice.random() < 0.3:
            rooms.remove(room)
            script.append(("leave", room, f"LEAVE {room}", None))
        else:
            script.append((None, room, f"SAY {room} {text}", text))
    return script


def understood(line):
    """Give room and text of a message."""
    kind, _, rest = line.partition(" ")
    if kind == "PUB_MSG":
        return GENERAL, rest
    assert kind == "ROOM_MSG", line
    room, nick, text = rest.split(" ", 2)
    assert text.startswith(f"{nick} ")
    return room, text


def stays(nick, script, lines):
    """Cut what somebody heard by his stays in rooms: (room, texts heard, texts said)."""
    changes = [(what, room) for what, room, _, _ in script if what]
    said = defaultdict(list)
    number = defaultdict(int)
    for what, room, _, text in script:
        number[room] += what == "join"
        if text:
            said[room, number[room]].append(text)
    found = {(GENERAL, 0): []}
    present = {GENERAL: 0}
    joins = defaultdict(int)
    for line in lines:
        if line != "OK":
            room, text = understood(line)
            assert not text.startswith(f"{nick} ")
            found[room, present[room]].append(text)  # fails for one who is not there
            continue
        what, room = changes.pop(0)
        if what == "join":
            joins[room] += 1
            present[room] = joins[room]
            found[room, joins[room]] = []
        else:
            del present[room]
    assert not changes
    return [(room, heard, said[room, count]) for (room, count), heard in found.items()]


def check_wanderer(nick, script, lines, order):
    """Compare what a wanderer heard with the order that those heard who stayed."""
    heard = [understood(line) for line in lines if line != "OK"]
    places = {message: place for place, message in enumerate(order)}
    assert sorted(heard, key=places.__getitem__) == heard
    assert len(set(heard)) == len(heard)
    for room, texts, said in stays(nick, script, lines):
        others = [text for where, text in order if where == room and text.split()[0] != nick]
        if room == GENERAL:
            assert texts == others
        elif texts:
            start = others.index(texts[0])
            assert texts == others[start : start + len(texts)]
        if said:
            first, last = places[room, said[0]], places[room, said[-1]]
            between = [text for where, text in order[first:last] if where == room]
            assert {t for t in between if t.split()[0] != nick} <= set(texts)


def test_in_a_storm_of_joins_and_leaves_everybody_hears_exactly_his_part(engine):
    """R-40: of each room, and no more."""
    nicks = [f"wanderer{number}" for number in range(10)]
    scripts = [wander(nick, seed, 150) for seed, nick in enumerate(nicks)]
    with running_server(engine=engine) as server:
        with people(server, "w0", "w1", "w2", *nicks) as clients:
            watchers, wanderers = clients[:3], clients[3:]
            for room in ROOMS:
                assert watchers[0].ask(f"CREATE {room}") == "OK"
                for watcher in watchers:
                    assert watcher.ask(f"JOIN {room}") == "OK"

            def storm(number):
                lines = [line for _, _, line, _ in scripts[number]]
                send_in_pieces(wanderers[number], lines, number)
                return lines_so_far(wanderers[number])

            early = at_once(*(lambda n=n: storm(n) for n in range(10)))
            late = [lines_so_far(wanderer) for wanderer in wanderers]
            seen, *others = [lines_so_far(watcher) for watcher in watchers]
    assert all(other == seen for other in others)
    order = [understood(line) for line in seen]
    for number, (nick, script) in enumerate(zip(nicks, scripts, strict=True)):
        said = [(room, text) for _, room, _, text in script if text]
        assert [each for each in order if each[1].startswith(f"{nick} ")] == said
        check_wanderer(nick, script, early[number] + late[number], order)
