"""What can be wrong with a rooms server: each class breaks chatd at one place.

`fails` are the requirements that it does not meet. Those of `DIFFERENT` have no fault.
"""

from chatd.dialects.rooms import RoomsDialect
from chatd.events import (
    CommandError,
    Failed,
    Goodbye,
    Joined,
    LoggedIn,
    LoggedOut,
    Parted,
    Request,
    Rooms,
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


class LinesOnly(RoomsDialect):
    fails = {"S4-02"}
    patience = None


class ChunksOnly(RoomsDialect):
    """A recv is a message, with the line end that is in it."""

    fails = {"S4-02"}

    def feed(self, data):
        super().feed(data.replace(b"\n", b"\x0b") + b"\n" if data else data)


class AsksForTheName(RoomsDialect):
    fails = {"S4-02"}

    def opened(self):
        return [Failed("name", "What is your name?")]


def _forget_other_groups(self, client, room):
    for other in list(self._users[client].rooms.values()):
        if other.name != "General":
            self.leave(client, other.name)
    _join(self, client, room)


_create, _join, _leave, _say = Hub.create, Hub.join, Hub.leave, Hub.say


class OneGroupAtATime(RoomsDialect):
    fails = {"S4-03"}
    hub = {"join": _forget_other_groups}


class GeneralWithAFullStop(RoomsDialect):
    fails = {"S4-04"}

    @staticmethod
    def encode(event, own):
        data = RoomsDialect.encode(event, own)
        return data.replace(b"\n", b".\n") if isinstance(event, LoggedIn) else data


def _login_without_general(self, client, nick, *more):
    new = client not in self._users
    _login(self, client, nick, *more)
    if new:
        self.leave(client, "General")


_login = Hub.login


class NobodyIsInGeneral(RoomsDialect):
    fails = {"S4-04"}
    hub = {"login": _login_without_general}

    @staticmethod
    def encode(event, own):
        left = isinstance(event, Parted) and event.room == "General"
        return b"" if left else RoomsDialect.encode(event, own)


def _create_and_join(self, client, room):
    _create(self, client, room)
    _join(self, client, room)


class CreatorIsAMember(RoomsDialect):
    fails = {"S4-06"}
    hub = {"create": _create_and_join}


class NoCreate(RoomsDialect):
    fails = {"S4-06"}

    def _parse(self, text):
        return super()._parse(text.replace("create ", "creaet ", 1))


class NoJoin(RoomsDialect):
    fails = {"S4-07"}

    def _parse(self, text):
        return super()._parse(text.replace("join ", "jion ", 1))


class JoinsAreTold(RoomsDialect):
    """As General tells them."""

    fails = {"S4-07"}

    @staticmethod
    def encode(event, own):
        if isinstance(event, Joined) and not own:
            return f"{event.nick} joined the room '{event.room}'\n".encode()
        return RoomsDialect.encode(event, own)


def _join_again(self, client, room):
    if any(each.name == room for each in self._users[client].rooms.values()):
        self.reply(client, Joined(room, self._users[client].nick))
    else:
        _join(self, client, room)


class JoinsTwice(RoomsDialect):
    fails = {"S4-08"}
    hub = {"join": _join_again}


class LeavesAreNotTold(RoomsDialect):
    fails = {"S4-09"}

    @staticmethod
    def encode(event, own):
        silent = isinstance(event, Parted) and not own
        return b"" if silent else RoomsDialect.encode(event, own)


def _own_groups(self, client):
    with self._lock:
        names = tuple(room.name for room in self._users[client].rooms.values())
    self.reply(client, Rooms(names))


class OwnGroupsOnly(RoomsDialect):
    fails = {"S4-10"}
    hub = {"rooms": _own_groups}


class UsersOnOneLine(RoomsDialect):
    fails = {"S4-11"}

    @staticmethod
    def encode(event, own):
        if isinstance(event, Users):
            return f"online users: {', '.join(event.nicks)}\n".encode()
        return RoomsDialect.encode(event, own)


class NoPublic(RoomsDialect):
    fails = {"S4-12"}

    def _parse(self, text):
        return super()._parse(text.replace("public ", "pubilc ", 1))


class PublicComesBack(RoomsDialect):
    fails = {"S4-12"}

    @staticmethod
    def encode(event, own):
        return RoomsDialect.encode(event, own and not isinstance(event, Said))


def _say_from_outside(self, client, room, text):
    try:
        _say(self, client, room, text)
    except CommandError as error:
        if error.code != "not-a-member":
            raise
        _join(self, client, room)
        _say(self, client, room, text)
        _leave(self, client, room)


class OutsidersSpeak(RoomsDialect):
    fails = {"S4-12"}
    hub = {"say": _say_from_outside}


class PrivateForAll(RoomsDialect):
    fails = {"S4-13"}
    hub = {"tell": tell_everybody}


class ExitsAreTold(RoomsDialect):
    fails = {"S4-14"}

    @staticmethod
    def encode(event, own):
        if isinstance(event, LoggedOut) and not own:
            return f"{event.nick} left the room 'General'\n".encode()
        return RoomsDialect.encode(event, own)


class Duplicates(RoomsDialect):
    fails = {"S4-17"}
    hub = {"login": login_accepts_duplicates}


class UnknownCommandsAreIgnored(RoomsDialect):
    fails = {"S4-17"}

    def next_request(self):
        try:
            return super().next_request()
        except CommandError as error:
            if error.code == "unknown-command":
                return Request("debug")
            raise


def _login_up_to_eight(self, client, nick, *more):
    if len(self._users) >= 8:
        raise Goodbye("full", "the server is full")
    _login(self, client, nick, *more)


class Eight(RoomsDialect):
    """There may be eight clients."""

    fails = {"S4-18"}
    hub = {"login": _login_up_to_eight}


class NoLF(RoomsDialect):
    fails = {"D-2"}

    @staticmethod
    def encode(event, own):
        return RoomsDialect.encode(event, own).removesuffix(b"\n")


class LooksAtCase(RoomsDialect):
    fails = {"D-3"}
    hub = {"login": login_looks_at_case}


class KeepsNames(RoomsDialect):
    fails = {"D-3"}
    hub = {"end": end_keeps_the_nick}


class NothingIsSomething(RoomsDialect):
    fails = {"D-8"}

    def _parse(self, text):
        request = super()._parse(text)
        if request.verb in ("say", "tell") and len(request.args) < 2:
            return Request(request.verb, (*request.args, "(nothing)"))
        return request


FAULTY = list(RoomsDialect.__subclasses__())


class InItsOwnWords(RoomsDialect):
    """As the figure has a colon, lines end in CR LF, and errors are told otherwise."""

    @staticmethod
    def encode(event, own):
        if isinstance(event, Failed):
            return f"Error: {event.code}\r\n".encode()
        data = RoomsDialect.encode(event, own)
        if isinstance(event, Said):
            data = data.replace(b": ", b" : ", 1)
        return data.replace(b"\n", b"\r\n")


DIFFERENT = [InItsOwnWords]
