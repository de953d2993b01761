"""Conversations of clients of all dialects, each of which sees all that it should."""

from contextlib import contextmanager

from chat import PATIENCE
from chatd.config import Listen
from chatd.limits import Limits
from chatd.testing import running_server
from peers import Crlf, Json, Rooms, Words
from slash_peer import Slash
from web_peer import Page

LINES_ONLY = {"crlf", "json", "web"}

PEERS = {peer.dialect: peer for peer in (Crlf, Json, Slash, Words, Rooms)}
"""By dialect; a page is none of them, and comes where it is asked for."""


class Conversation:
    """Some users; after each deed all have received exactly what they should."""

    def __init__(self, server):
        self.server = server
        self.peers = []
        self.grouped = set()

    def connect(self, dialect, chunks=False, source=""):
        chunks = chunks and dialect not in LINES_ONLY
        kind = Page if dialect == Page.dialect else PEERS[dialect]
        return kind(self.server, chunks, self.grouped, source)

    def enter(self, dialect, nick, chunks=False):
        peer = self.connect(dialect, chunks)
        peer.meet()
        return self.log_in(peer, nick)

    def log_in(self, peer, nick):
        for event, *names in peer.log_in(nick):
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
def conversation(engine, *dialects, **settings):
    """Run a server that listens with some dialects, and at the end let all go who are there."""
    listen = tuple(Listen(dialect, "127.0.0.1") for dialect in set(dialects))
    if Page.dialect in dialects:
        patient = Limits(web_silence=PATIENCE)
        settings = {"web": True, "limits": patient, **settings}
    with running_server(engine=engine, listen=listen, **settings) as server:
        talk = Conversation(server)
        try:
            yield talk
        finally:
            for peer in talk.peers:
                peer.close()
