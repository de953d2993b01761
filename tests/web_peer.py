"""A client that is a web page: what it sends, and what it must see."""

import webtalk
from peers import Peer


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

    def knock(self, nick):
        self.send("set-name", nick)

    def log_in(self, nick):
        self.knock(nick)
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
