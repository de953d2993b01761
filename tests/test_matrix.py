"""Every pair talks: what one user does arrives at a user of any dialect, in its form (D-1).

What is sent and what must arrive is written down here for each dialect, apart from its code.
"""

import json
import socket
from contextlib import contextmanager

import pytest

from chat import PATIENCE
from chatd.config import Listen
from chatd.testing import running_server

TEXTS = (
    "Zażółć gęślą jaźń",
    "Příliš žluťoučký kůň",
    "Съешь же ещё этих мягких французских булок",
    "سلام دنیا",
    "two  spaces 👩‍👩‍👧 ✓",
)


class Peer:
    """A client of one dialect: what it sends, what it has received, what it must have received."""

    def __init__(self, server, chunks, grouped):
        self.sock = socket.create_connection(("127.0.0.1", server.ports[self.dialect]))
        self.sock.settimeout(PATIENCE)
        self.address = "{}:{}".format(*self.sock.getsockname())
        self.end = b"" if chunks else self.line_end
        self.received = b""
        self.expected = b""
        self.nick = None
        self.grouped = grouped  # nicks of users of slash, who have a group; shared by all

    line_end = b"\n"

    def close(self):
        self.sock.close()

    def send(self, text):
        self.sock.sendall(text.encode() + self.end)

    def expect(self, *lines):
        for line in lines:
            self.expected += line.encode() + self.line_end

    def settle(self):
        """Read until everything expected is here; nothing else may come before it."""
        while len(self.received) < len(self.expected):
            data = self.sock.recv(65536)
            assert data, (self.received, self.expected)
            self.received += data
        assert self.received == self.expected

    def finish(self):
        """Read to the end of the stream."""
        while data := self.sock.recv(65536):
            self.received += data
        assert self.received == self.expected

    # What others hear, or nothing.

    def came(self, nick):
        pass

    def left(self, nick):
        pass

    def renamed(self, old, nick):
        pass


class Crlf(Peer):
    dialect = "crlf"
    line_end = b"\r\n"
    shutdown = "ERROR the server is shutting down"

    def enter(self, nick):
        self.send(f"LOGIN {nick}")
        self.expect("OK")
        yield "came", nick

    def say(self, text):
        self.send(f"PUB {text}")

    def tell(self, nick, text):
        self.send(f"PRIV {nick} {text}")
        self.expect("OK")

    def clash(self, nick):
        self.send(f"LOGIN {nick}")
        self.expect(f"ERROR nick {nick} is taken")

    def rename(self, old, nick):
        self.send(f"LOGIN {nick}")
        self.expect("OK")

    def leave(self):
        self.send("QUIT")

    def said(self, nick, text):
        self.expect(f"PUB_MSG {text}")

    def told(self, nick, text):
        self.expect(f"PRIV_FROM {nick} {text}")


class Json(Peer):
    dialect = "json"

    def send(self, kind, data=""):
        super().send(json.dumps({"type": kind, "data": data}))

    def expect(self, *messages):
        for source, message in messages:
            data = {"type": "message", "data": {"source": source, "message": message}}
            text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
            self.expected += text.encode() + b"\n"

    def notice(self, text):
        self.expect(("[Server]", text))

    @property
    def shutdown(self):
        return "[Server]", "the server is shutting down"

    def enter(self, nick):
        self.came(self.address)
        yield "came", self.address
        self.send("set-name", nick)
        self.renamed(self.address, nick)
        yield "renamed", self.address, nick

    def say(self, text):
        self.send("message", text)
        self.said(self.nick, text)

    def tell(self, nick, text):
        self.send("tell", f"{nick} {text}")
        self.expect((self.nick, f"(private to {nick}) {text}"))

    def clash(self, nick):
        self.send("set-name", nick)
        self.notice(f"nick {nick} is taken")

    def rename(self, old, nick):
        self.send("set-name", nick)
        self.renamed(old, nick)

    def leave(self):
        self.send("quit")

    def came(self, nick):
        self.notice(f"{nick} has entered the chat")

    def left(self, nick):
        self.notice(f"{nick} has left the chat")

    def renamed(self, old, nick):
        self.notice(f"{old} renamed to {nick}")

    def said(self, nick, text):
        self.expect((nick, text))

    def told(self, nick, text):
        self.expect((nick, f"(private) {text}"))


class Slash(Peer):
    dialect = "slash"
    shutdown = "the server is shutting down"
    group = "3"
    group_question = "Podaj numer swojej grupy laboratoryjnej: "
    nick_question = "A teraz podaj swoj pseudonim: "

    def enter(self, nick):
        self.expect("Witaj w pokoju rozmow!", self.group_question)
        self.settle()
        self.answer_questions(nick)
        self.grouped.add(nick)
        self.expect(
            f"Witaj {self.group} {nick}! Zostales podlaczony do czatu. "
            'Wpisz "/pomoc" aby wyswietlic liste dostepnych polecen!'
        )
        self.came(nick)
        yield "came", nick

    def answer_questions(self, nick):
        self.send(self.group)
        self.expect(self.nick_question)
        self.settle()
        self.send(nick)

    def say(self, text):
        self.send(text)
        self.expect(f"{self.group} {self.nick}: {text}")

    def tell(self, nick, text):
        self.send("/msg")
        self.expect("Podaj grupe i nazwe uzytkownika w formacie np. '3 Antoni'")
        self.settle()
        self.send(nick)
        self.expect("Podaj wiadomosc")
        self.settle()
        self.send(text)
        self.expect(f"Wysylasz do {self.shown(nick)} prywatna wiadomosc: {text}")

    def clash(self, nick):
        self.change(nick)
        self.expect("Ten pseudonim jest juz zajety. Wybierz inny:")
        self.settle()
        self.send(self.nick)
        self.expect("Zmiana nazwy uzytkownika zakonczona powodzeniem!")

    def rename(self, old, nick):
        self.grouped.add(nick)
        self.change(nick)
        self.expect("Zmiana nazwy uzytkownika zakonczona powodzeniem!")

    def change(self, nick):
        self.send("/changename")
        self.expect("Rozpoczeto zmiane nazwy uzytkownika", self.group_question)
        self.settle()
        self.answer_questions(nick)

    def leave(self):
        self.send("/wyjdz")
        self.expect("Opusciles czat!")

    def shown(self, nick):
        """Users of slash have a group in front of their nick."""
        return f"{self.group} {nick}" if nick in self.grouped else nick

    def came(self, nick):
        self.expect(f"{self.shown(nick)} dolaczyl do pokoju rozmow!")

    def left(self, nick):
        self.expect(f"{self.shown(nick)} wyszedl z czatu.")

    def said(self, nick, text):
        self.expect(f"{self.shown(nick)}: {text}")

    def told(self, nick, text):
        self.expect(f"[prywatna] {self.shown(nick)}: {text}")


class Words(Peer):
    dialect = "words"
    shutdown = "[ServerMessage] - the server is shutting down"

    def enter(self, nick):
        self.send(f"login {nick}")
        self.came(nick)
        yield "came", nick

    def say(self, text):
        self.send(f"msgall {text}")
        self.said(self.nick, text)

    def tell(self, nick, text):
        self.send(f"msg {nick} {text}")
        self.told(self.nick, text)

    def clash(self, nick):
        self.send(f"rename {nick}")
        self.expect(f"[ServerMessage] - nick {nick} is taken")

    def rename(self, old, nick):
        self.send(f"rename {nick}")
        self.expect(f"[ServerMessage] - [{old}] is now [{nick}].")

    def leave(self):
        self.send("logout")

    def came(self, nick):
        self.expect(f"[ServerMessage] - [{nick}] log in.")

    def left(self, nick):
        self.expect(f"[ServerMessage] - [{nick}] log out.")

    def said(self, nick, text):
        self.expect(f"[{nick}]: {text}")

    def told(self, nick, text):
        self.expect(f"[{nick}(*)]: {text}")


class Rooms(Peer):
    dialect = "rooms"
    shutdown = "the server is shutting down"

    def enter(self, nick):
        self.send(nick)
        self.expect("You joined the room 'General'")
        yield "came", nick

    def say(self, text):
        self.send(f"public General {text}")

    def tell(self, nick, text):
        self.send(f"private {nick} {text}")

    def clash(self, nick):
        self.send(f"rename {nick}")
        self.expect(f"User name '{nick}' is already taken!")

    def rename(self, old, nick):
        self.send(f"rename {nick}")
        self.expect(f"You are now known as '{nick}'!")

    def leave(self):
        self.send("exit")

    def came(self, nick):
        self.expect(f"{nick} joined the room 'General'")

    def said(self, nick, text):
        self.expect(f"In group General, {nick}: {text}")

    def told(self, nick, text):
        self.expect(f"Private message from {nick}: {text}")


PEERS = {peer.dialect: peer for peer in (Crlf, Json, Slash, Words, Rooms)}


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
