"""Clients of crlf, json, words and rooms: what each sends, and what it must receive, to the byte.

What is written down here is apart from the dialects' own code, and from each other's.
"""

import json
import socket

import jsonchat
from chat import PATIENCE


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
        self.knock(nick)
        self.error("the server is full, try again later")

    def banned(self, nick, reason):
        """Try to enter by a nick that cannot be had."""
        self.knock(nick)
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

    def knock(self, nick):
        self.send(f"LOGIN {nick}")

    def log_in(self, nick):
        self.knock(nick)
        self.expect("OK")
        yield "came", nick

    def command(self, verb, words=""):
        super().command(verb.upper(), words)

    def notice(self, text):
        self.expect(f"NOTICE {text}")

    def error(self, text):
        self.expect(f"ERROR {text}")

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
            self.expected += jsonchat.said(source, message)

    def expect_private(self, source, message):
        self.expected += jsonchat.said(source, message, private=True)

    def notice(self, text):
        self.expect(("[Server]", text))

    @property
    def shutdown(self):
        return "[Server]", "the server is shutting down"

    def command(self, verb, words=""):
        self.send(verb, words)

    def knock(self, nick):
        self.send("set-name", nick)

    def banned(self, nick, reason):
        self.came(self.address)
        super().banned(nick, reason)

    def log_in(self, nick):
        self.came(self.address)
        yield "came", self.address
        self.knock(nick)
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
        self.expected += jsonchat.said(nick, text, room=room)

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


class Words(Peer):
    dialect = "words"
    shutdown = "[ServerMessage] - the server is shutting down"

    def notice(self, text):
        self.expect(f"[ServerMessage] - {text}")

    def knock(self, nick):
        self.send(f"login {nick}")

    def banned(self, nick, reason):
        self.knock(nick)
        self.notice("login failed.")
        self.notice(f"{reason}.")

    def log_in(self, nick):
        self.knock(nick)
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

    def knock(self, nick):
        self.send(nick)

    def log_in(self, nick):
        self.knock(nick)
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
