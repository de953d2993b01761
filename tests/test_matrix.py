"""Every pair talks: what one user does arrives at a user of any dialect, in its form (D-1).

What is sent and what must arrive is written down in peers.py, apart from the dialects' code.
"""

import socket
from contextlib import contextmanager

import pytest

from chatd.config import Listen
from chatd.testing import running_server
from peers import PEERS, Slash

TEXTS = (
    "Zażółć gęślą jaźń",
    "Příliš žluťoučký kůň",
    "Съешь же ещё этих мягких французских булок",
    "سلام دنیا",
    "two  spaces 👩‍👩‍👧 ✓",
)


LINES_ONLY = {"crlf", "json"}
PAIRS = [
    pytest.param(actor, witness, chunks, id=f"{actor}-{witness}{'-chunks' * chunks}")
    for actor in PEERS
    for witness in PEERS
    for chunks in (False, True)
    if not chunks or actor not in LINES_ONLY
]


class Conversation:
    """Some users; after each deed all have received exactly what they should."""

    def __init__(self, server):
        self.server = server
        self.peers = []
        self.grouped = set()

    def enter(self, dialect, nick, chunks=False):
        kind = PEERS[dialect]
        peer = kind(self.server, chunks and dialect not in LINES_ONLY, self.grouped)
        for event, *names in peer.enter(nick):
            for other in self.peers:
                getattr(other, event)(*names)
        peer.nick = nick
        self.peers.append(peer)
        self.settle()
        return peer

    def settle(self):
        for peer in self.peers:
            peer.settle()

    def others(self, peer):
        return [other for other in self.peers if other is not peer]

    def say(self, speaker, text):
        speaker.say(text)
        for other in self.others(speaker):
            other.said(speaker.nick, text)
        self.settle()

    def tell(self, speaker, listener, text):
        speaker.tell(listener.nick, text)
        listener.told(speaker.nick, text)
        self.settle()

    def clash(self, peer, nick):
        peer.clash(nick)
        self.settle()

    def rename(self, peer, nick):
        peer.rename(peer.nick, nick)
        for other in self.others(peer):
            other.renamed(peer.nick, nick)
        peer.nick = nick
        self.settle()

    def leave(self, peer):
        peer.leave()
        self.peers.remove(peer)
        for other in self.peers:
            other.left(peer.nick)
        self.settle()
        peer.finish()
        peer.close()

    def shut_down(self):
        self.server.server.stop()
        for peer in self.peers:
            peer.expect(peer.shutdown)
            peer.finish()
            peer.close()


@contextmanager
def conversation(engine, *dialects):
    listen = tuple(Listen(dialect, "127.0.0.1") for dialect in set(dialects))
    with running_server(engine=engine, listen=listen) as server:
        talk = Conversation(server)
        try:
            yield talk
        finally:
            for peer in talk.peers:
                peer.close()


@pytest.mark.parametrize(("actor", "witness", "chunks"), PAIRS)
def test_a_pair_talks(engine, actor, witness, chunks):
    """D-1, D-2, D-3: messages, a clash by case only, a rename, a leave; in several scripts."""
    with conversation(engine, actor, witness) as talk:
        bob = talk.enter(witness, "bob", chunks)
        ala = talk.enter(actor, "Ala", chunks)
        for text in TEXTS:
            talk.say(ala, text)
            talk.tell(ala, bob, text)
            talk.tell(bob, ala, text)
        talk.clash(ala, "BOB")
        talk.clash(bob, "ala")
        talk.rename(ala, "Żółw")
        talk.say(bob, "hello")
        talk.say(ala, "hello")
        talk.leave(ala)
        talk.shut_down()


def test_all_five_at_one_table(engine):
    """D-1: one of each kind, and each does everything before the others' eyes."""
    with conversation(engine, *PEERS) as talk:
        peers = [talk.enter(dialect, f"user-{dialect}") for dialect in PEERS]
        for peer in peers:
            talk.say(peer, f"hello from {peer.dialect}")
            for other in talk.others(peer):
                talk.tell(peer, other, "psst")
            talk.rename(peer, f"new-{peer.dialect}")
        for peer in peers[:-1]:
            talk.leave(peer)
        talk.shut_down()


def test_a_room_of_its_own_for_all_kinds(engine):
    """D-6: in each one's natural form, and nobody outside hears a word."""
    with conversation(engine, *PEERS) as talk:
        outside = talk.enter("crlf", "outside")
        strict = talk.enter("json", "strict")
        peers = [talk.enter(dialect, f"user-{dialect}") for dialect in PEERS]
        outside.send("CREATE tea")
        outside.expect("OK")
        talk.settle()
        inside = []
        for peer in peers:
            peer.join("tea")
            for other in inside:
                other.joined("tea", peer.nick)
            inside.append(peer)
            talk.settle()
        for peer in peers:
            peer.say_in("tea", "shall we?")
            for other in inside:
                if other is not peer:
                    other.said_in("tea", peer.nick, "shall we?")
            talk.settle()
        talk.say(strict, "anybody?")
        talk.shut_down()


def test_what_nobody_may_hear_reaches_nobody(engine):
    """D-4, D-10: those at the door hear nothing, and a third user nothing of a private message."""
    with conversation(engine, *PEERS) as talk:
        waiting = [
            socket.create_connection(("127.0.0.1", talk.server.ports[dialect]))
            for dialect in PEERS
            if dialect != "json"  # whose clients are users at once
        ]
        ala, bob = talk.enter("crlf", "ala"), talk.enter("words", "bob")
        for dialect in PEERS:
            talk.enter(dialect, f"user-{dialect}")
        talk.say(ala, "hello")
        talk.tell(ala, bob, "psst")
        for sock in waiting:
            sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                while b"Podaj" in (heard := sock.recv(65536)):
                    assert heard.endswith(Slash.group_question.encode() + b"\n")
            sock.close()
        talk.shut_down()
