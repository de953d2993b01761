"""Clients for crlf: a right one, and others with one fault each."""

import getpass
import select
import sys

from plain import Lines, main

COMMANDS = {"/list": "LIST", "/rename": "LOGIN", "/priv": "PRIV"}


class Right(Lines):
    end = "\r\n"
    hidden = ("PUB_MSG", "PRIV_FROM")

    def read_arguments(self, arguments):
        self.ignore = "-i" in arguments
        words = iter(word for word in arguments if word != "-i")
        given = dict(zip(words, words, strict=True))
        self.host = given.get("-s", "localhost")
        self.port = int(given["-p"])
        self.nick = given.get("-l") or self.own_name()

    def own_name(self):
        return getpass.getuser()

    def begin(self):
        self.send(f"LOGIN {self.nick}")

    def typed(self, line):
        command, _, rest = line.partition(" ")
        if command in COMMANDS:
            self.send(f"{COMMANDS[command]} {rest}".rstrip())
        else:
            self.send(f"PUB {line}")
        return True

    def line(self, line):
        line = line.strip()
        kind, _, rest = line.partition(" ")
        if self.ignore and kind in self.hidden:
            return
        if kind in ("PUB_MSG", "USERS", "PRIV_FROM", "ERROR"):
            self.known(kind, rest)
        elif line and line != "OK":
            self.unknown(line)

    def known(self, kind, rest):
        self.show(f"{kind.lower()}: {rest}")

    def unknown(self, line):
        self.show(line)


class LineFeedOnly(Right):
    end = "\n"


class NoLineEnd(Right):
    end = ""


class ShowsPrivate(Right):
    hidden = ("PUB_MSG",)


class ShowsPublic(Right):
    hidden = ("PRIV_FROM",)


class TakesOneLineAtATime(Right):
    """What one recv brings is a line."""

    def take(self, data):
        self.line(data.decode())


class LogsInLate(Right):
    """With the first line that is typed."""

    late = True

    def begin(self):
        pass

    def typed(self, line):
        if self.late:
            super().begin()
        self.late = False
        return super().typed(line)


class ReadsInTurns(Right):
    """Waits for its user, then for the server, and so on."""

    def run(self):
        self.begin()
        while self.receive():
            line = sys.stdin.readline()
            self.typed(line.rstrip("\n"))
            while not line.startswith("/") and not select.select([self.sock], [], [], 0.3)[0]:
                line = sys.stdin.readline()
                self.typed(line.rstrip("\n"))


class HidesUnknown(Right):
    def unknown(self, line):
        pass


class HidesErrors(Right):
    def known(self, kind, rest):
        if kind != "ERROR":
            super().known(kind, rest)


class KeepsWhiteSpace(Right):
    def line(self, line):
        if line.startswith(" "):
            self.unknown(line)
        else:
            super().line(line)


class LowerCase(Right):
    def send(self, text):
        kind, space, rest = text.partition(" ")
        super().send(kind.lower() + space + rest)


class JoinsSpaces(Right):
    def typed(self, line):
        return super().typed(" ".join(line.split()))


class NobodysName(Right):
    def own_name(self):
        return "anonymous"


class RenamesByItsName(Right):
    """Takes a command for the kind of its message."""

    def send(self, text):
        super().send(text.replace("LOGIN basia", "RENAME basia"))


main(globals())
