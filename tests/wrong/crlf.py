"""A small crlf server, written apart from chatd, and what can be wrong with it.

`Right` keeps to the document and its error texts are its own; each other class has one fault.
"""

import re
import socketserver
import threading
from contextlib import contextmanager, suppress


class Client(socketserver.StreamRequestHandler):
    """One client of a Right."""

    nick = ""

    def handle(self):
        self.chat = self.server.chat
        while line := self.read():
            with self.chat.lock:
                if self.chat.take(self, line.decode(errors="replace").strip(" \t\r\n")):
                    return

    def read(self):
        try:
            line = self.chat.read(self)
        except OSError:
            return b""
        return line if line.endswith(b"\n") else b""

    def tell(self, text):
        with suppress(OSError):  # its own thread notices
            self.wfile.write(self.chat.line(text).encode())

    def finish(self):
        with self.chat.lock:
            self.chat.gone(self)
        with suppress(OSError):
            super().finish()


class Right:
    """A server without a fault."""

    fails = frozenset()
    greeting = ""

    def __init__(self):
        self.lock = threading.Lock()
        self.users = {}

    def line(self, text):
        return f"{text}\r\n"

    def read(self, client):
        return client.rfile.readline()

    def take(self, client, line):
        """Carry out a line; say whether that is the end of the client."""
        kind, _, rest = line.partition(" ")
        if not kind:
            return False
        if kind == "LOGIN":
            return self.login(client, rest)
        if kind not in ("PRIV", "PUB", "LIST"):
            client.tell("ERROR nieznane polecenie")
        elif not client.nick:
            client.tell("ERROR uzytkownik niezarejestrowany")
        elif kind == "PRIV":
            self.private(client, *rest.partition(" ")[::2])
        elif kind == "PUB":
            self.public(client, rest)
        else:
            self.list(client)
        return False

    def login(self, client, nick):
        if not nick or " " in nick or self.taken(client, nick):
            client.tell("ERROR zly nick")
            return self.refused(client)
        new = not client.nick
        self.users = {
            (nick if one is client else name): one for name, one in self.users.items()
        } | {nick: client}
        client.nick = nick
        client.tell("OK")
        if new and self.greeting:
            client.tell(self.greeting)
        return False

    def taken(self, client, nick):
        return self.users.get(nick, client) is not client

    def refused(self, client):
        return False

    def private(self, client, nick, text):
        if nick not in self.users or not text:
            client.tell("ERROR nie mozna wyslac wiadomosci")
            return
        self.users[nick].tell(f"PRIV_FROM {client.nick} {text}")
        client.tell("OK")

    def public(self, client, text):
        for one in self.hearers(client):
            one.tell(f"PUB_MSG {text}")

    def hearers(self, client):
        return [one for one in self.users.values() if one is not client]

    def list(self, client):
        client.tell(" ".join(("USERS", *self.users)))

    def gone(self, client):
        self.users = {name: one for name, one in self.users.items() if one is not client}


class OnlyLF(Right):
    fails = {"S0-08"}

    def line(self, text):
        return f"{text}\n"


class KeepsWhiteSpace(Right):
    fails = {"S0-09"}

    def read(self, client):
        line = super().read(client)
        white = line.startswith((b" ", b"\t")) or line.rstrip(b"\r\n").endswith((b" ", b"\t"))
        return b"?" + line if white else line


class TwoSpaces(Right):
    fails = {"S0-10"}

    def line(self, text):
        return super().line(text if text.startswith("USERS") else text.replace(" ", "  ", 1))


class KindIsAPrefix(Right):
    fails = {"S0-11"}

    def take(self, client, line):
        return super().take(client, line.replace("PUBh", "PUB h", 1))


class OneRecvIsALine(Right):
    fails = {"S0-12"}

    def read(self, client):
        data = client.connection.recv(4096)
        return data.partition(b"\n")[0] + b"\n" if data else b""


class LosesSplitLines(Right):
    fails = {"S0-12"}

    def read(self, client):
        while data := client.connection.recv(4096):
            if data.endswith(b"\n"):
                break
        return data.partition(b"\n")[0] + b"\n" if data else b""


class IgnoresCase(Right):
    fails = {"S0-13"}

    def take(self, client, line):
        kind, space, rest = line.partition(" ")
        return super().take(client, kind.upper() + space + rest)


class KeepsOldNick(Right):
    fails = {"S0-14"}

    def login(self, client, nick):
        old = client.nick
        ended = super().login(client, nick)
        if old and old != client.nick:
            self.users[old] = client
        return ended


class NeverRenames(Right):
    fails = {"S0-14"}

    def login(self, client, nick):
        if client.nick and not self.taken(client, nick) and nick and " " not in nick:
            client.tell("OK")
            return False
        return super().login(client, nick)


class PrivateToAll(Right):
    fails = {"S0-15"}

    def private(self, client, nick, text):
        super().private(client, nick, text)
        for one in self.users.values():
            if nick in self.users and one not in (client, self.users[nick]):
                one.tell(f"PRIV_FROM {client.nick} {text}")


class NoPrivate(Right):
    fails = {"S0-15"}

    def private(self, client, nick, text):
        client.tell("OK" if nick in self.users and text else "ERROR nie mozna")


class NoList(Right):
    fails = {"S0-16"}

    def list(self, client):
        pass


class Echoes(Right):
    fails = {"S0-17"}

    def hearers(self, client):
        return list(self.users.values())


class NoPublic(Right):
    fails = {"S0-17"}

    def hearers(self, client):
        return []


class NoOKForPrivate(Right):
    fails = {"S0-18"}

    def private(self, client, nick, text):
        tell = client.tell
        client.tell = lambda text: text == "OK" or tell(text)
        super().private(client, nick, text)
        client.tell = tell


class NoOKForLogin(Right):
    fails = {"S0-18"}

    def login(self, client, nick):
        tell = client.tell
        client.tell = lambda text: text == "OK" or tell(text)
        ended = super().login(client, nick)
        client.tell = tell
        return ended


class OKForPublic(Right):
    fails = {"S0-18"}

    def public(self, client, text):
        super().public(client, text)
        client.tell("OK")


class UsersWithoutAsker(Right):
    fails = {"S0-19"}

    def list(self, client):
        client.tell(" ".join(("USERS", *(name for name in self.users if name != client.nick))))


class UsersWithCommas(Right):
    fails = {"S0-19"}

    def list(self, client):
        client.tell("USERS " + ", ".join(self.users))


class SenderInPublic(Right):
    fails = {"S0-20"}

    def public(self, client, text):
        super().public(client, f"{client.nick}: {text}")


class NoSenderInPrivate(Right):
    fails = {"S0-21"}

    def private(self, client, nick, text):
        if nick not in self.users or not text:
            return super().private(client, nick, text)
        self.users[nick].tell(f"PRIV_FROM {text}")
        client.tell("OK")
        return None


class ErrorWithColon(Right):
    fails = {"S0-22"}

    def line(self, text):
        return super().line("ERROR: " + text[6:] if text.startswith("ERROR ") else text)


class NoErrors(Right):
    fails = {"S0-22"}

    def line(self, text):
        return "" if text.startswith("ERROR") else super().line(text)


class DuplicateNicks(Right):
    fails = {"S0-23"}

    def taken(self, client, nick):
        return False


class NoErrorForNobody(Right):
    fails = {"S0-23"}

    def private(self, client, nick, text):
        if nick in self.users or not text:
            super().private(client, nick, text)


class ClosesOnRefusal(Right):
    fails = {"S0-24"}

    def refused(self, client):
        return not client.nick


class CollapsesSpaces(Right):
    fails = {"S0-25"}

    def take(self, client, line):
        return super().take(client, re.sub(" +", " ", line))


class NoGreeting(Right):
    fails = {"S0-26"}

    def login(self, client, nick):
        self.greeting = ""
        return super().login(client, nick)


class GreetsAgain(Right):
    fails = {"S0-26"}

    def login(self, client, nick):
        known = bool(client.nick)
        ended = super().login(client, nick)
        if known and self.greeting:
            client.tell(self.greeting)
        return ended


class Announces(Right):
    fails = {"S0-27"}

    def login(self, client, nick):
        new = not client.nick
        ended = super().login(client, nick)
        for one in self.hearers(client) if new and client.nick else ():
            one.tell(f"INFO {nick} dolaczyl")
        return ended


class KeepsGoneNicks(Right):
    fails = {"S0-28"}

    def gone(self, client):
        pass


FAULTY = Right.__subclasses__()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False
    block_on_close = True


@contextmanager
def running(chat):
    """Run a chat on a free port; give the port."""
    with _Server(("127.0.0.1", 0), Client) as server:
        server.chat = chat
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
