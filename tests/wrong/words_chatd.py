"""What can be wrong with a words server: each class breaks chatd at one place.

`fails` are the requirements that it does not meet. Those of `DIFFERENT` have no fault.
"""

import re

from chatd.dialects.words import Words
from chatd.events import (
    CommandError,
    Failed,
    LoggedIn,
    LoggedOut,
    Notice,
    Renamed,
    Request,
    Said,
    Told,
    Users,
)
from chatd.hub import Hub
from wrong.chatd_broken import (
    end_keeps_the_nick,
    login_accepts_duplicates,
    login_looks_at_case,
    tell_everybody,
)


def server(text):
    return f"[ServerMessage] - {text}\n".encode()


class SpeaksFirst(Words):
    fails = {"S3-02"}

    def opened(self):
        return [Notice("welcome")]


class LinesOnly(Words):
    fails = {"S3-02"}
    patience = None


class ChunksOnly(Words):
    """Each recv is a command, with whatever line end there is in it: as the original does."""

    fails = {"D-2"}
    chunks = True

    def __init__(self, setting):
        super().__init__(setting)
        self._messages._mode = "chunk"
        self._messages._forced = True

    def feed(self, data):
        super().feed(data.replace(b"\n", "\u2028".encode()))


class Unterminated(Words):
    """Replies that nothing ends, as the original's."""

    fails = {"D-2"}

    @staticmethod
    def encode(event, own):
        return Words.encode(event, own).removesuffix(b"\n")


class IgnoresCase(Words):
    fails = {"S3-03"}

    def _parse(self, text):
        word, *rest = text.split(" ")
        return super()._parse(" ".join((word.lower(), *rest)))


class SplitsOnWhiteSpace(Words):
    fails = {"S3-03"}

    def _parse(self, text):
        return super()._parse(re.sub(r"^(\w+)\s", r"\1 ", text))


class LoginFirst(Words):
    fails = {"S3-04"}

    def _parse(self, text):
        if not self._nick and text.split(" ")[0] not in ("login", "debug"):
            raise CommandError("not-logged-in", "")
        return super()._parse(text)


def _answers_instead(old, new):
    @staticmethod
    def encode(event, own):
        data = Words.encode(event, own)
        return new.encode() + b"\n" if data == old.encode() + b"\n" else data

    return encode


class UnknownOtherwise(Words):
    fails = {"S3-05"}
    encode = _answers_instead("unknown command", "what?")


class EmptyOtherwise(Words):
    fails = {"S3-05"}
    encode = _answers_instead("empty message", "say something")


class TwoNamesAreTheFirst(Words):
    fails = {"S3-05"}

    def _login(self, args):
        return super()._login(args[:1])


class WhoamiWithMore(Words):
    fails = {"S3-05"}

    def _parse(self, text):
        if text.startswith("whoami "):
            raise CommandError("too-many-arguments", "")
        return super()._parse(text)


class PleaseOtherwise(Words):
    fails = {"S3-06"}
    encode = _answers_instead("Please log in!", "who are you?")


_open, _say = Hub.open, Hub.say


def _open_to_all(self, client):
    _open(self, client)
    client._dialect.say = lambda text: _say_as_nobody(self, client, text)


def _say_as_nobody(self, client, text):
    with self._lock:
        self._tell_room(self._general, Said("General", "", text), client)


class StrangersSpeak(Words):
    fails = {"S3-06"}
    hub = {"open": _open_to_all}

    def _parse(self, text):
        request = super()._parse(text)
        if request.verb == "say" and not self._nick:
            self.say(request.args[-1])
        return request


def _say_at_the_door(self, client, room, text):
    _say(self, client, room, text)
    for each in [one for one in self._present if one not in self._users]:
        self.reply(each, Said("General", self.nick(client), text))


class StrangersHear(Words):
    fails = {"S3-06"}
    hub = {"say": _say_at_the_door}


_login = Hub.login


def _login_aloud(self, client, nick, *more):
    _login(self, client, nick, *more)
    for each in [one for one in self._present if one not in self._users]:
        self.reply(each, LoggedIn(nick))


class StrangersHearOfLogins(Words):
    fails = {"D-4"}
    hub = {"login": _login_aloud}


class Duplicates(Words):
    fails = {"S3-07"}
    hub = {"login": login_accepts_duplicates}


class LoginsAreNotTold(Words):
    fails = {"S3-07"}

    @staticmethod
    def encode(event, own):
        return b"" if isinstance(event, LoggedIn) and not own else Words.encode(event, own)


class LoginOtherwise(Words):
    fails = {"S3-07"}

    @staticmethod
    def encode(event, own):
        return (
            server(f"welcome {event.nick}")
            if isinstance(event, LoggedIn)
            else Words.encode(event, own)
        )


class LoginRenames(Words):
    """A second one; nobody else is told."""

    fails = {"S3-08"}

    def _login(self, args):
        nick, self._nick = self._nick, ""
        try:
            return super()._login(args)
        finally:
            self._nick = nick


class NoEcho(Words):
    fails = {"S3-09"}

    @staticmethod
    def encode(event, own):
        silent = isinstance(event, Told) and own and event.sender != event.recipient
        return b"" if silent else Words.encode(event, own)


class PrivateForAll(Words):
    fails = {"S3-09"}
    hub = {"tell": tell_everybody}


class NoStar(Words):
    fails = {"S3-09"}

    @staticmethod
    def encode(event, own):
        data = Words.encode(event, own)
        return data.replace(b"(*)", b"", 1) if isinstance(event, Told) else data


class CollapsesSpaces(Words):
    fails = {"S3-09"}

    def _parse(self, text):
        return super()._parse(re.sub(r"(?<=\S) +(?=\S)", " ", text))


class NoPublicEcho(Words):
    fails = {"S3-10"}

    @staticmethod
    def encode(event, own):
        return b"" if isinstance(event, Said) and own else Words.encode(event, own)


class NoBrackets(Words):
    fails = {"S3-10"}

    @staticmethod
    def encode(event, own):
        if isinstance(event, Said):
            return f"{event.nick}: {event.text}\n".encode()
        return Words.encode(event, own)


class PublicForNobody(Words):
    fails = {"S3-10"}

    @staticmethod
    def encode(event, own):
        return b"" if isinstance(event, Said) and not own else Words.encode(event, own)


class LeaverIsTold(Words):
    fails = {"S3-11"}

    @staticmethod
    def encode(event, own):
        return Words.encode(event, own and not isinstance(event, LoggedOut))


class EndsAreNotTold(Words):
    fails = {"S3-11"}

    @staticmethod
    def encode(event, own):
        return b"" if isinstance(event, LoggedOut) else Words.encode(event, own)


class LogoutStays(Words):
    """Logged out, but connected."""

    fails = {"S3-11"}

    def _parse(self, text):
        request = super()._parse(text)
        return Notice("bye") if request == Request("quit") else request


_end = Hub.end


def _end_of_strangers(self, client, *args, **more):
    with self._lock:
        stranger = client in self._present and client not in self._users
    ended = _end(self, client, *args, **more)
    if ended and stranger and self._closing is None:
        with self._lock:
            self._tell_room(self._general, LoggedOut("0", ""), client)
    return ended


class StrangersLogOut(Words):
    """As in the original."""

    fails = {"S3-12"}
    hub = {"end": _end_of_strangers}


class SpacesInTheList(Words):
    fails = {"S3-14"}

    @staticmethod
    def encode(event, own):
        if isinstance(event, Users):
            return ", ".join(event.nicks).encode() + b"\n"
        return Words.encode(event, own)


class SortedList(Words):
    """Which is not the order of login."""

    fails = {"S3-14"}

    @staticmethod
    def encode(event, own):
        if isinstance(event, Users):
            event = Users(tuple(sorted(event.nicks)))
        return Words.encode(event, own)


class DebugAnswers(Words):
    fails = {"S3-15"}

    def _parse(self, text):
        request = super()._parse(text)
        return Notice(f"you are {self.setting.address}") if request.verb == "debug" else request


class DebugIsUnknown(Words):
    fails = {"S3-15"}

    def _parse(self, text):
        return super()._parse("debugging" if text == "debug" else text)


class BrowserIsAnswered(Words):
    fails = {"S3-17"}

    def stranger(self, first):
        return ""


_tell = Hub.tell


def _tell_and_keep(self, client, nick, text):
    _tell(self, client, nick, text)
    self.kept = [*getattr(self, "kept", ()), Told(self.nick(client), nick, text)]


def _login_and_tell(self, client, nick, *more):
    _login(self, client, nick, *more)
    for event in getattr(self, "kept", ())[-20:]:
        self.reply(client, event)


class NewcomersReadAll(Words):
    fails = {"D-10"}
    hub = {"tell": _tell_and_keep, "login": _login_and_tell}


class LooksAtCase(Words):
    fails = {"D-3"}
    hub = {"login": login_looks_at_case}


class KeepsNames(Words):
    fails = {"D-3"}
    hub = {"end": end_keeps_the_nick}


class NoTab(Words):
    fails = {"D-8"}

    def _parse(self, text):
        if "\t" in text:
            raise CommandError("bad-text", "tabs are not allowed")
        return super()._parse(text)


FAULTY = [each for each in Words.__subclasses__()]


class OwnWords(Words):
    """Where the document gives no text it has its own, or none."""

    @staticmethod
    def encode(event, own):
        if isinstance(event, Failed) and event.code == "bad-text":
            return "ZŁY ZNAK\n".encode()
        if isinstance(event, Failed) and event.code in ("no-such-user", "logged-in"):
            return b""
        if isinstance(event, Renamed):
            return b""
        return Words.encode(event, own)


class EndsInCRLF(Words):
    @staticmethod
    def encode(event, own):
        return Words.encode(event, own).replace(b"\n", b"\r\n")


DIFFERENT = [OwnWords, EndsInCRLF]
