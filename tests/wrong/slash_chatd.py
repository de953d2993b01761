"""What can be wrong with a slash server: each class breaks chatd at one place.

`fails` are the requirements that it does not meet. Those of `DIFFERENT` have no fault.
"""

from chatd.dialects.slash import Slash, clean_group
from chatd.events import (
    CommandError,
    Failed,
    Goodbye,
    LoggedIn,
    LoggedOut,
    Notice,
    Renamed,
    Request,
    Said,
    Users,
)
from chatd.hub import Hub
from wrong.chatd_broken import (
    end_keeps_the_nick,
    login_accepts_duplicates,
    login_looks_at_case,
    tell_everybody,
)

GROUP = "Podaj numer swojej grupy laboratoryjnej: "
NICK = "A teraz podaj swoj pseudonim: "


def said_otherwise(*replacements):
    """Make an encoder that says some things otherwise."""

    def encode(event, own):
        data = Slash.encode(event, own)
        for old, new in replacements:
            data = data.replace(old, new)
        return data

    return staticmethod(encode)


class Ascii(Slash):
    fails = {"S1-01"}

    @staticmethod
    def encode(event, own):
        return Slash.encode(event, own).decode().encode("ascii", "replace")


class LinesOnly(Slash):
    fails = {"S1-04"}
    patience = None


class ChunksOnly(Slash):
    """A recv is a message, with the line end that is in it."""

    fails = {"S1-05"}

    def feed(self, data):
        super().feed(data.replace(b"\n", b"\x0b") + b"\n" if data else data)


class NickBeforeGroup(Slash):
    """Once both are known, only the nick is asked for again."""

    fails = {"S1-07"}
    nick = ""

    def opened(self):
        return [Notice("Witaj w pokoju rozmow!"), Notice(NICK)]

    def _ask(self, question):
        asked = super()._ask(question)
        return Notice(NICK) if asked.text == GROUP else asked

    def _take(self, line):
        question = self._question.name
        if question == "GROUP" and line:
            self.nick = line
            self._ask(type(self._question).NICK)
            return Notice(GROUP)
        if question == "NICK" and self.nick:
            self.group, line, self.nick = clean_group(line), self.nick, ""
        return super()._take(line)


class TakenInOtherWords(Slash):
    fails = {"S1-08"}
    encode = said_otherwise((b"Ten pseudonim jest juz zajety. Wybierz inny:", b"Zajety, niestety"))


class NoGroups(Slash):
    fails = {"S1-09"}

    @staticmethod
    def encode(event, own):
        bare = {name: "" for name in ("group", "sender_group", "recipient_group")}
        bare = {name: "" for name in bare if hasattr(event, name)}
        if isinstance(event, Users):
            bare = {"groups": ()}
        return Slash.encode(replaced(event, **bare), own)


def replaced(event, **values):
    """Give an event with other values."""
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    return type(event)(**{**fields, **values})


class Duplicates(Slash):
    fails = {"S1-10"}
    hub = {"login": login_accepts_duplicates}


class NoWelcome(Slash):
    fails = {"S1-11"}
    encode = said_otherwise((b"Zostales podlaczony do czatu.", b""))


class NewcomersAreNotAnnounced(Slash):
    fails = {"S1-11"}

    @staticmethod
    def encode(event, own):
        silent = isinstance(event, LoggedIn) and not own
        return b"" if silent else Slash.encode(event, own)


class NoPublic(Slash):
    fails = {"S1-13"}

    @staticmethod
    def encode(event, own):
        return b"" if isinstance(event, Said) and not own else Slash.encode(event, own)


class NoHelp(Slash):
    fails = {"S1-14"}

    def _obey(self, line):
        return Request("say", ("General", line)) if line == "/pomoc" else super()._obey(line)


class Unsorted(Slash):
    fails = {"S1-15"}

    @staticmethod
    def encode(event, own):
        if not isinstance(event, Users):
            return Slash.encode(event, own)
        names = [f"{group} {nick}" for group, nick in zip(event.groups, event.nicks, strict=True)]
        return f"Dostepni uzytkownicy: {', '.join(reversed(names))}\n".encode()


class OneLineInsteadOfTheDialogue(Slash):
    fails = {"S1-16"}

    def _obey(self, line):
        command, _, rest = line.partition(" ")
        if command != "/msg":
            return super()._obey(line)
        return Request("tell", tuple(rest.split(" ", 1)))


class PrivateForAll(Slash):
    fails = {"S1-16"}
    hub = {"tell": tell_everybody}


class CommandsInAnyCase(Slash):
    fails = {"S1-17"}

    def _obey(self, line):
        return super()._obey(line.lower() if line.startswith("/") else line)


class UnknownCommandsAreRefused(Slash):
    fails = {"S1-17"}

    def _obey(self, line):
        request = super()._obey(line)
        if isinstance(request, Request) and request.verb == "say" and line.startswith("/"):
            raise CommandError("unknown-command", "Nieznane polecenie!")
        return request


class RenamesAreTold(Slash):
    fails = {"S1-18"}

    @staticmethod
    def encode(event, own):
        if isinstance(event, Renamed) and not own:
            return f"{event.old} to teraz {event.nick}\n".encode()
        return Slash.encode(event, own)


class NoChangeOfNames(Slash):
    fails = {"S1-18"}

    def _obey(self, line):
        return Request("say", ("General", line)) if line == "/changename" else super()._obey(line)


class WordlessEndsAreNotTold(Slash):
    fails = {"S1-19"}

    @staticmethod
    def encode(event, own):
        silent = isinstance(event, LoggedOut) and event.reason != "quit"
        return b"" if silent else Slash.encode(event, own)


class NoFarewell(Slash):
    fails = {"S1-19"}
    encode = said_otherwise((b"Opusciles czat!\n", b""))


_end = Hub.end


def _end_and_stay_listed(self, client, reason, *args, **more):
    user = self._users.get(client)
    if user is not None and reason != "quit":
        self.ghosts = [*getattr(self, "ghosts", []), user]
    return _end(self, client, reason, *args, **more)


def _users_and_ghosts(self, client):
    users = [*getattr(self, "ghosts", []), *self._users.values()]
    answer = Users(tuple(user.nick for user in users), tuple(user.group for user in users))
    self.reply(client, answer)


class TableIsNotCleaned(Slash):
    fails = {"S1-23"}
    hub = {"end": _end_and_stay_listed, "users": _users_and_ghosts}


class NoLF(Slash):
    fails = {"D-2"}

    @staticmethod
    def encode(event, own):
        return Slash.encode(event, own).replace(b"\n", b"")


class LooksAtCase(Slash):
    fails = {"D-3"}
    hub = {"login": login_looks_at_case}


class KeepsNicks(Slash):
    fails = {"D-3"}
    hub = {"end": end_keeps_the_nick}


class EmptyMessages(Slash):
    fails = {"D-8"}

    def _obey(self, line):
        return super()._obey(line or "(nic)")


class RefusedTextEndsTheDialogue(Slash):
    fails = {"D-10"}

    def done(self, request, error):
        said = super().done(request, error)
        if error and error.code == "bad-text" and self._question.name == "TEXT":
            self._question, self._unasked = type(self._question).NONE, False
        return said


FAULTY = list(Slash.__subclasses__())
"""Those that have room for anybody."""


_login = Hub.login


def _login_refused(self, client, nick, *more):
    try:
        _login(self, client, nick, *more)
    except Goodbye as error:
        raise CommandError(error.code, error.text) from None


class KeepsTheDoorOpen(Slash):
    """When it is full; it is to be tried with room for two."""

    fails = {"S1-12"}
    hub = {"login": _login_refused}


class IsNeverFull(Slash):
    """It is to be tried as if it had room for two."""

    fails = {"S1-12"}
    limits = {}


class InItsOwnWords(Slash):
    """No echo, lines that end in CR LF, and other words for errors."""

    @staticmethod
    def encode(event, own):
        if isinstance(event, Said) and own:
            return b""
        if isinstance(event, Failed) and event.code not in ("nick-taken", "full", "no-such-user"):
            return f"Blad: {event.code}\r\n".encode()
        return Slash.encode(event, own).replace(b"\n", b"\r\n")


DIFFERENT = [InItsOwnWords]
