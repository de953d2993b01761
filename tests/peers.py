"""Clients of all five dialects: what each sends, and what it must receive, to the byte.

What is written down here is apart from the dialects' own code, and from each other's.
"""

import json
import socket
from contextlib import contextmanager

import webtalk
from chat import PATIENCE
from chatd.config import Listen
from chatd.limits import Limits
from chatd.testing import running_server

LINES_ONLY = {"crlf", "json", "web"}


class Peer:
    """A client of one dialect: what it sends, what it has received, what it must have received."""

    def __init__(self, server, chunks, grouped, source):
        place = ("127.0.0.1", server.ports[self.dialect])
        self.sock = socket.create_connection(place, source_address=(source, 0))  # any if empty
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

    def meet(self):
        """Hear what the server says first."""

    def command(self, verb, words=""):
        """Ask for a verb that the grammar has no word for."""
        self.send(f"{verb} {words}".strip())

    def asked_again(self):
        """Hear once more what was asked at the door before."""

    def notice(self, text):
        self.expect(text)

    def error(self, text):
        self.notice(text)

    def full(self, nick):
        """Try to enter a server that is full."""
        self.send(f"login {nick}")
        self.error("the server is full, try again later")

    def banned(self, nick, reason):
        """Try to enter by a nick that cannot be had."""
        self.send(f"login {nick}")
        self.error(reason)

    # What others hear, or nothing.

    def joined(self, room, nick):
        pass

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

    def log_in(self, nick):
        self.send(f"LOGIN {nick}")
        self.expect("OK")
        yield "came", nick

    def command(self, verb, words=""):
        super().command(verb.upper(), words)

    def notice(self, text):
        self.expect(f"NOTICE {text}")

    def error(self, text):
        self.expect(f"ERROR {text}")

    def full(self, nick):
        self.send(f"LOGIN {nick}")
        self.error("the server is full, try again later")

    def banned(self, nick, reason):
        self.send(f"LOGIN {nick}")
        self.error(reason)

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

    def join(self, room):
        self.send(f"JOIN {room}")
        self.expect("OK")

    def say_in(self, room, text):
        self.send(f"SAY {room} {text}")

    def said_in(self, room, nick, text):
        self.expect(f"ROOM_MSG {room} {nick} {text}")

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

    def expect_private(self, source, message):
        spoken = {"source": source, "message": message, "private": True}
        line = {"type": "message", "data": spoken}
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
        self.expected += text.encode() + b"\n"

    def notice(self, text):
        self.expect(("[Server]", text))

    @property
    def shutdown(self):
        return "[Server]", "the server is shutting down"

    def command(self, verb, words=""):
        self.send(verb, words)

    def full(self, nick):
        self.send("set-name", nick)
        self.error("the server is full, try again later")

    def banned(self, nick, reason):
        self.came(self.address)
        self.send("set-name", nick)
        self.error(reason)

    def log_in(self, nick):
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
        self.expect_private(self.nick, f"(private to {nick}) {text}")

    def clash(self, nick):
        self.send("set-name", nick)
        self.notice(f"nick {nick} is taken")

    def rename(self, old, nick):
        self.send("set-name", nick)
        self.renamed(old, nick)

    def leave(self):
        self.send("quit")

    def join(self, room):
        self.send("join", room)
        self.joined(room, self.nick)

    def joined(self, room, nick):
        self.notice(f"{nick} has joined room {room}")

    def say_in(self, room, text):
        self.send("say", f"{room} {text}")
        self.said_in(room, self.nick, text)

    def said_in(self, room, nick, text):
        spoken = {"source": nick, "message": text, "room": room}
        line = json.dumps({"type": "message", "data": spoken}, separators=(",", ":"))
        self.expected += line.encode() + b"\n"

    def came(self, nick):
        self.notice(f"{nick} has entered the chat")

    def left(self, nick):
        self.notice(f"{nick} has left the chat")

    def renamed(self, old, nick):
        self.notice(f"{old} renamed to {nick}")

    def said(self, nick, text):
        self.expect((nick, text))

    def told(self, nick, text):
        self.expect_private(nick, f"(private) {text}")


class Slash(Peer):
    dialect = "slash"
    shutdown = "the server is shutting down"
    group = "3"
    group_question = "Podaj numer swojej grupy laboratoryjnej: "
    nick_question = "A teraz podaj swoj pseudonim: "

    def meet(self):
        self.expect("Witaj w pokoju rozmow!", self.group_question)
        self.settle()

    def command(self, verb, words=""):
        super().command(f"/{verb}", words)

    def asked_again(self):
        self.expect(self.group_question)

    def full(self, nick):
        self.answer_questions(nick)
        self.expect(
            f"Witaj {self.group} {nick}! Pokoj jest aktualnie przepelniony. "
            "Sprobuj ponownie pozniej!"
        )

    def banned(self, nick, reason):
        self.answer_questions(nick)
        self.expect(reason, self.nick_question)

    def log_in(self, nick):
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

    def join(self, room):
        self.send(f"/join {room}")
        self.expect(f"Dolaczyles do pokoju {room}.")

    def joined(self, room, nick):
        self.expect(f"{self.shown(nick)} dolaczyl do pokoju {room}.")

    def say_in(self, room, text):
        self.send(f"/say {room} {text}")
        self.said_in(room, self.nick, text)

    def said_in(self, room, nick, text):
        self.expect(f"[#{room}] {self.shown(nick)}: {text}")

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

    def notice(self, text):
        self.expect(f"[ServerMessage] - {text}")

    def banned(self, nick, reason):
        self.send(f"login {nick}")
        self.notice("login failed.")
        self.notice(f"{reason}.")

    def log_in(self, nick):
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

    def join(self, room):
        self.send(f"join {room}")
        self.joined(room, self.nick)

    def joined(self, room, nick):
        self.expect(f"[ServerMessage] - [{nick}] joined {room}.")

    def say_in(self, room, text):
        self.send(f"say {room} {text}")
        self.said_in(room, self.nick, text)

    def said_in(self, room, nick, text):
        self.expect(f"[{nick}@{room}]: {text}")

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

    def full(self, nick):
        self.send(nick)
        self.error("the server is full, try again later")

    def banned(self, nick, reason):
        self.send(nick)
        self.error(reason)

    def log_in(self, nick):
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

    def join(self, room):
        self.send(f"join {room}")
        self.expect(f"You have joined in group chat '{room}' successfully!")

    def joined(self, room, nick):
        self.expect(f"{nick} has joined in group chat '{room}'.")

    def say_in(self, room, text):
        self.send(f"public {room} {text}")

    def said_in(self, room, nick, text):
        self.expect(f"In group {room}, {nick}: {text}")

    def came(self, nick):
        self.expect(f"{nick} joined the room 'General'")

    def said(self, nick, text):
        self.expect(f"In group General, {nick}: {text}")

    def told(self, nick, text):
        self.expect(f"Private message from {nick}: {text}")


class Page(Peer):
    """A web page; what it sees are source, message, event and what is own, of each message."""

    dialect = "web"
    shutdown = ("[Server]", "the server is shutting down", "failed", True)

    def __init__(self, *args):
        super().__init__(*args)
        self.unread = b""
        self.received, self.expected = [], []
        self.sock.sendall(webtalk.handshake())
        while b"\r\n\r\n" not in self.unread:
            self.unread += self.sock.recv(65536)
        self.unread = self.unread.partition(b"\r\n\r\n")[2]

    def send(self, kind, data=None):
        self.sock.sendall(webtalk.frame(webtalk.asking(kind, data)))

    def expect(self, *seen):
        self.expected += seen

    def settle(self):
        while len(self.received) < len(self.expected):
            self.read()
        assert self.received == self.expected

    def read(self):
        """Take what comes next; say whether it is the end."""
        data = self.sock.recv(65536)
        self.unread += data
        while size := webtalk.whole_frame(self.unread):
            ((opcode, payload),) = webtalk.read_frames(self.unread[:size])
            self.unread = self.unread[size:]
            if opcode is webtalk.TEXT:
                seen = webtalk.read_message(payload)
                own = seen.get("own", False)
                self.received.append((seen["source"], seen["message"], seen["event"], own))
        return not data

    def finish(self):
        while not self.read():
            pass
        assert self.received == self.expected

    def news(self, event, message, own=False):
        self.expect(("[Server]", message, event, own))

    def log_in(self, nick):
        self.send("set-name", nick)
        self.news("entered", f"{nick} has entered the chat", True)
        yield "came", nick

    def say(self, text):
        self.send("message", text)
        self.expect((self.nick, text, "said", True))

    def tell(self, nick, text):
        self.send("tell", f"{nick} {text}")
        self.expect((self.nick, text, "told", True))

    def clash(self, nick):
        self.send("set-name", nick)
        self.news("failed", f"nick {nick} is taken", True)

    def rename(self, old, nick):
        self.send("set-name", nick)
        self.news("renamed", f"{old} renamed to {nick}", True)

    def leave(self):
        self.send("quit")

    def came(self, nick):
        self.news("entered", f"{nick} has entered the chat")

    def left(self, nick):
        self.news("left", f"{nick} has left the chat")

    def renamed(self, old, nick):
        self.news("renamed", f"{old} renamed to {nick}")

    def said(self, nick, text):
        self.expect((nick, text, "said", False))

    def told(self, nick, text):
        self.expect((nick, text, "told", False))


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
