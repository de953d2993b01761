"""Every pair talks: what one user does arrives at a user of any dialect, in its form (D-1).

What is sent and what must arrive is written down in peers.py, slash_peer.py and web_peer.py, apart
from the dialects' code.
"""

import socket
from itertools import product

import pytest

from conversation import LINES_ONLY, PEERS, conversation
from slash_peer import Slash

TEXTS = (
    "Zażółć gęślą jaźń",
    "Příliš žluťoučký kůň",
    "Съешь же ещё этих мягких французских булок",
    "سلام دنیا",
    "two  spaces 👩‍👩‍👧 ✓",
)


PAIRS = [
    pytest.param(actor, witness, chunks, id=f"{actor}-{witness}{'-chunks' * chunks}")
    for actor in PEERS
    for witness in PEERS
    for chunks in (False, True)
    if not chunks or actor not in LINES_ONLY
] + [
    pytest.param(actor, witness, False, id=f"{actor}-{witness}")
    for actor, witness in [*product(PEERS, ["web"]), *product(["web"], [*PEERS, "web"])]
]


@pytest.mark.parametrize(("actor", "witness", "chunks"), PAIRS)
def test_a_pair_talks(engine, actor, witness, chunks):
    """D-1, D-2, D-3, W-05: messages, a clash by case, a rename, a leave; in several scripts."""
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
    """D-1: one of each kind, and each does everything before the others' eyes; a page, too."""
    with conversation(engine, *PEERS, "web") as talk:
        peers = [talk.enter(dialect, f"user-{dialect}") for dialect in (*PEERS, "web")]
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
