"""Clients for slash, words and rooms: right ones, and others with one fault each."""

import socket
import sys
from datetime import datetime

from plain import Client, Lines, main


class Slash(Client):
    """Asks where to go, and sends no line ends."""

    end = ""

    def read_arguments(self, arguments):
        print("Podaj adres IP serwera: ", end="", flush=True)
        self.host = sys.stdin.readline().strip()
        print("Podaj numer portu serwera: ", end="", flush=True)
        self.port = int(sys.stdin.readline())

    def show(self, text):
        if text:
            super().show(f"[{datetime.now():%H:%M:%S}] {text}")

    def closed(self):
        print("Polaczenie zostalo zamkniete. Wcisnij Enter aby zamknac aplikacje.", flush=True)
        sys.stdin.readline()


class SlashWithoutTime(Slash):
    def show(self, text):
        print(text, flush=True)


class SlashWithSeconds(Slash):
    """Puts the time in its own way."""

    def show(self, text):
        if text:
            print(text, f"({datetime.now():%H.%M.%S})", flush=True)


class SlashByOldInternet(Slash):
    def read_arguments(self, arguments):
        super().read_arguments(arguments)
        self.host = socket.gethostbyname(self.host)


class SlashWithCommands(Slash):
    """Understands commands itself."""

    def typed(self, line):
        if line.startswith("/online"):
            self.send("LIST")
            return True
        return super().typed(line)


class SlashThatStampsWhatItSends(Slash):
    def send(self, text):
        super().send(f"[{datetime.now():%H:%M:%S}] {text}")


class SlashInSilence(Slash):
    def closed(self):
        pass


class SlashByLine(Lines, Slash):
    """Waits for the ends of lines."""


class SlashInLatin(Slash):
    def take(self, data):
        self.show(data.decode("latin-1"))


class Words(Client):
    end = ""


class WordsByLine(Lines, Words):
    """Waits for the ends of lines."""


class WordsWithOneSpace(Words):
    def typed(self, line):
        return super().typed(" ".join(line.split()))


class WordsForEver(Words):
    def run(self):
        super().run()
        while True:
            sys.stdin.read()


class Rooms(Client):
    end = ""
    options = "create, join, leave, groups, users, public, private, exit"

    def begin(self):
        if sys.stdin.isatty():
            print(self.options, flush=True)
        if not self.nick:
            print("Choose username: ", end="", flush=True)
            self.nick = sys.stdin.readline().strip()
        self.welcome()
        self.send(self.nick)

    def welcome(self):
        print("Connected to the server!", flush=True)

    def typed(self, line):
        return line != "exit" and super().typed(line)


class RoomsWithALogin(Rooms):
    """Sends more than its name first."""

    first = True

    def send(self, text):
        super().send(f"login {text}" if self.first else text)
        self.first = False


class RoomsWithoutAWord(Rooms):
    def welcome(self):
        pass


class RoomsWithSevenOptions(Rooms):
    options = "create, join, leave, groups, users, public, exit"


class RoomsForEver(Rooms):
    def typed(self, line):
        if line != "exit":
            super().typed(line)
        return True


class RoomsOfOneLine(Rooms):
    """Shows no more than the first line of what comes at once."""

    def show(self, text):
        super().show(text.partition("\n")[0])


class RoomsInAHurry(Rooms):
    """Leaves after its first command."""

    def typed(self, line):
        super().typed(line)
        return False


class RoomsThatPrivateForgot(Rooms):
    def typed(self, line):
        return super().typed(line.replace("private", "msg"))


main(globals())
