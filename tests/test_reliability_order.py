"""Who listens hears all, in one order, whatever dialect he speaks."""

import re
import threading

from chat import RawClient
from chatd.config import Listen
from chatd.testing import running_server

DOORS = {
    "crlf": b"LOGIN %s\r\n",
    "json": b'{"type":"set-name","data":"%s"}\n',
    "slash": b"1\n%s\n",
    "words": b"login %s\n",
    "rooms": b"%s\n",
}
SENDERS, COUNT = 4, 100
SAID = re.compile(rb"<(\d+) (\d+)>")


def hear(client):
    """All that was said, up to the end of each sender."""
    heard = b""
    while heard.count(b"the end") < SENDERS:
        data = client.sock.recv(65536)
        assert data
        heard += data
    return SAID.findall(heard)


def test_all_dialects_hear_the_same(engine):
    """R-40: and each sender's messages as they were said."""
    listen = tuple(Listen(dialect, "127.0.0.1") for dialect in DOORS)
    with running_server(engine=engine, listen=listen) as server:
        listeners = [RawClient(server.ports[dialect]) for dialect in DOORS]
        for client, door in zip(listeners, DOORS.values(), strict=True):
            client.send(door % b"me-%d" % listeners.index(client))
        senders = [RawClient(server.port, nick=f"sender{n}") for n in range(SENDERS)]
        while "me-4" not in (users := senders[0].ask("LIST")) or len(users.split()) < 10:
            pass

        def talk(number):
            for n in range(COUNT):
                senders[number].send(f"PUB <{number} {n}>")
            senders[number].send("PUB the end")

        threads = [threading.Thread(target=talk, args=(n,)) for n in range(SENDERS)]
        for thread in threads:
            thread.start()
        first, *others = [hear(client) for client in listeners]
        for thread in threads:
            thread.join()
        for client in (*listeners, *senders):
            client.close()
    assert all(other == first for other in others)
    for number in range(SENDERS):
        assert [int(n) for who, n in first if int(who) == number] == [*range(COUNT)]
