"""What can be wrong with a json server: each class breaks chatd at one place.

`fails` are the requirements that it does not meet. Those of `DIFFERENT` have no fault.
"""

import json

from chatd.delivery import Entry
from chatd.dialects.jsonl import Json
from chatd.events import (
    CommandError,
    Failed,
    History,
    LoggedIn,
    LoggedOut,
    Renamed,
    Request,
    Said,
    Users,
    WireError,
)
from chatd.hub import Hub
from chatd.limits import MIB, Limits
from wrong.chatd_broken import (
    end_keeps_the_nick,
    login_accepts_duplicates,
    login_looks_at_case,
    refuse_aloud,
    tell_everybody,
)

SERVER = "[Server]"


def lines(messages):
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def messages(data):
    return [json.loads(line) for line in data.splitlines()]


def notice(text):
    return lines([{"type": "message", "data": {"source": SERVER, "message": text}}])


class NoLF(Json):
    fails = {"S2-02"}

    @staticmethod
    def encode(event, own):
        return Json.encode(event, own).replace(b"\n", b"")


class OverManyLines(Json):
    fails = {"S2-02"}

    @staticmethod
    def encode(event, own):
        return b"".join(
            json.dumps(message, indent=1).encode() + b"\n"
            for message in messages(Json.encode(event, own))
        )


class OneRecvIsAMessage(Json):
    fails = {"S2-02"}

    def feed(self, data):
        super().feed(data.replace(b"\n", b" ") + b"\n")


class RecvsOf256AreMessages(Json):
    fails = {"S2-02"}

    def feed(self, data):
        super().feed(data[:256].removesuffix(b"\n") + b"\n")


class CollapsesSpaces(Json):
    fails = {"S2-03"}

    def next_request(self):
        request = super().next_request()
        if request and request.verb == "say":
            return Request("say", (request.args[0], " ".join(request.args[1].split())))
        return request


class ForgetsNames(Json):
    fails = {"S2-04"}

    @staticmethod
    def encode(event, own):
        if isinstance(event, Said) and ":" not in event.nick:
            event = Said(event.room, "somebody", event.text)
        return Json.encode(event, own)


class DataDemanded(Json):
    fails = {"S2-06"}

    def feed(self, data):
        super().feed(data.replace(b'{"type":"history"}', b"{}").replace(b'{"type":"users"}', b"{}"))


class TextWithSender(Json):
    """One text, and no source."""

    fails = {"S2-07"}

    @staticmethod
    def encode(event, own):
        if not isinstance(event, Said):
            return Json.encode(event, own)
        return lines([{"type": "message", "data": {"text": event.text, "from": event.nick}}])


class OtherKindOfMessage(Json):
    fails = {"S2-07"}

    @staticmethod
    def encode(event, own):
        data = Json.encode(event, own)
        return data.replace(b'"message"', b'"chat"', 1) if isinstance(event, Said) else data


def _notices(event, own, change):
    if isinstance(event, Said | History):
        return Json.encode(event, own)
    return lines(change(message) for message in messages(Json.encode(event, own)))


class NoticesOfTheirOwnType(Json):
    fails = {"S2-08"}

    @staticmethod
    def encode(event, own):
        return _notices(event, own, lambda message: {**message, "type": "notice"})


class NoticesAreTexts(Json):
    fails = {"S2-08"}

    @staticmethod
    def encode(event, own):
        return _notices(
            event, own, lambda message: {"type": "info", "data": message["data"]["message"]}
        )


class NoticesOfAnotherSource(Json):
    fails = {"S2-08"}

    @staticmethod
    def encode(event, own):
        return Json.encode(event, own).replace(b'"[Server]"', b'"Server"')


class ErrorsOfTheirOwnType(Json):
    fails = {"S2-08"}

    @staticmethod
    def encode(event, own):
        data = Json.encode(event, own)
        return data.replace(b'"message"', b'"error"', 1) if isinstance(event, Failed) else data


class NoAddresses(Json):
    fails = {"S2-10"}

    @staticmethod
    def encode(event, own):
        if isinstance(event, Said) and ":" in event.nick:
            event = Said(event.room, "guest", event.text)
        if isinstance(event, LoggedIn):
            event = LoggedIn("guest", event.address)
        if isinstance(event, Renamed) and ":" in event.old:
            event = Renamed("guest", event.nick)
        return Json.encode(event, own)


class QuotedNames(Json):
    """As the original's server has it."""

    fails = {"S2-11"}

    @staticmethod
    def encode(event, own):
        if isinstance(event, LoggedIn):
            return notice(f'"{event.nick}" has entered the chat')
        return Json.encode(event, own)


class NewcomerIsNotTold(Json):
    fails = {"S2-11"}

    @staticmethod
    def encode(event, own):
        return b"" if isinstance(event, LoggedIn) and own else Json.encode(event, own)


class EntriesAreNotTold(Json):
    fails = {"S2-11"}

    @staticmethod
    def encode(event, own):
        return b"" if isinstance(event, LoggedIn) and not own else Json.encode(event, own)


class NamesAreNotTold(Json):
    fails = {"S2-12"}

    @staticmethod
    def encode(event, own):
        return b"" if isinstance(event, Renamed) and not own else Json.encode(event, own)


class RenamerIsNotTold(Json):
    fails = {"S2-12"}

    @staticmethod
    def encode(event, own):
        return b"" if isinstance(event, Renamed) and own else Json.encode(event, own)


class OldNameIsNotTold(Json):
    fails = {"S2-12"}

    @staticmethod
    def encode(event, own):
        if isinstance(event, Renamed):
            return notice(f"somebody is called {event.nick} now")
        return Json.encode(event, own)


class NoEcho(Json):
    """As the original's server has it."""

    fails = {"S2-13"}

    @staticmethod
    def encode(event, own):
        return b"" if isinstance(event, Said) and own else Json.encode(event, own)


class EndsAreNotTold(Json):
    fails = {"S2-14"}

    @staticmethod
    def encode(event, own):
        return b"" if isinstance(event, LoggedOut) else Json.encode(event, own)


class HistoryWithoutSources(Json):
    fails = {"S2-15"}

    @staticmethod
    def encode(event, own):
        data = Json.encode(event, own)
        if not isinstance(event, History):
            return data
        told = [message["data"] for message in messages(data)]
        return b"".join(notice(f"{each['source']}: {each['message']}") for each in told)


class HistoryBackwards(Json):
    fails = {"S2-15"}

    @staticmethod
    def encode(event, own):
        if isinstance(event, History):
            event = History(event.room, event.records[::-1])
        return Json.encode(event, own)


_recall = Hub.recall


def _remember(self, client, room):
    recall = _recall(self, client, room)
    for record in recall.records:
        self._general.backlog.add(record)
    return recall


class HistoryIsStoredAgain(Json):
    fails = {"S2-15"}
    hub = {"recall": _remember}
    settings = {"limits": Limits(backlog=10_000, backlog_bytes=MIB)}  # a full one shows nothing


def _tell_all_of_the_past(self, client, room):
    recall = _recall(self, client, room)
    with self._lock:
        self._append(Entry(History(recall.room, recall.records), self._general.key, client))
    return recall


class HistoryForAll(Json):
    fails = {"S2-15"}
    hub = {"recall": _tell_all_of_the_past}


def _others(self, client):
    with self._lock:
        nicks = tuple(user.nick for one, user in self._users.items() if one is not client)
    self.reply(client, Users(nicks))


class UsersWithoutTheAsker(Json):
    fails = {"S2-16"}
    hub = {"users": _others}


def _users_for_all(self, client):
    with self._lock:
        users = Users(tuple(user.nick for user in self._users.values()))
        self._tell_room(self._general, users, client)


class UsersForAll(Json):
    fails = {"S2-16"}
    hub = {"users": _users_for_all}


class EndsOnBadJson(Json):
    fails = {"S2-18"}

    def next_request(self):
        try:
            return super().next_request()
        except CommandError as error:
            if error.code == "bad-json":
                raise WireError("bad-json", "that was no JSON") from None
            raise


class KeysAreNotLookedFor(Json):
    """An internal error, which ends the connection."""

    fails = {"S2-18"}

    def next_request(self):
        try:
            return super().next_request()
        except CommandError as error:
            if error.code == "bad-message":
                raise WireError("bad-message", "") from None
            raise


class ErrorsAreSilent(Json):
    fails = {"S2-18"}

    @staticmethod
    def encode(event, own):
        return b"" if isinstance(event, Failed) else Json.encode(event, own)


class ErrorsForAll(Json):
    fails = {"S2-18"}
    hub = {"refuse": refuse_aloud}


class Duplicates(Json):
    fails = {"S2-19"}
    hub = {"login": login_accepts_duplicates}


class LooksAtCase(Json):
    fails = {"D-3"}
    hub = {"login": login_looks_at_case}


class KeepsNames(Json):
    fails = {"D-3"}
    hub = {"end": end_keeps_the_nick}


class LastLineWithoutEnd(Json):
    fails = {"D-2"}

    def feed(self, data):
        super().feed(data)
        if self._lines.begun:
            try:
                json.loads(self._lines._tail)
            except ValueError:
                return
            self._lines.end_line()


class EmptyMessages(Json):
    fails = {"D-8"}

    def next_request(self):
        request = super().next_request()
        if request and request.verb == "say" and not request.args[1].strip():
            return Request("say", (request.args[0], "(nothing)"))
        return request


class PrivateForAll(Json):
    fails = {"D-10"}
    hub = {"tell": tell_everybody}


FAULTY = [each for each in Json.__subclasses__()]


class AsJsonDumpsIt(Json):
    """Spaces, escapes and another order; more keys, and texts of its own; data for nobody."""

    @staticmethod
    def encode(event, own):
        if isinstance(event, Failed):
            return notice(f"BŁĄD: {event.code}")
        if isinstance(event, LoggedOut):
            return b"" if own else notice(f'"{event.nick}" disconnected')
        if isinstance(event, Users):
            return notice("List of users:\n" + "\n".join(reversed(event.nicks)))
        if isinstance(event, History):
            said = [one for one in event.records if isinstance(one.event, Said)]
            event = History(event.room, tuple(said[-20:]))
        told = messages(Json.encode(event, own))
        return lines({"data": {"at": 1, **each["data"]}, "type": each["type"]} for each in told)


class CRLF(Json):
    """JSON that white space follows is JSON."""

    @staticmethod
    def encode(event, own):
        return Json.encode(event, own).replace(b"\n", b"\r\n")


DIFFERENT = [AsJsonDumpsIt, CRLF]
