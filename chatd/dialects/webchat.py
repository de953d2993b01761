"""The chat of web pages: the `json` dialect over WebSocket, with everything as keys besides.

A message is a text message of WebSocket's, without an LF. Whoever reads source and message alone
sees what json shows; event says which kind of event it is, and the other keys what belongs to it.
Here nobody is known by an address: who comes without a nick is a guest. See docs/wire/web.md.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from websockets.frames import CloseCode

from chatd.dialects import Dialect, Setting
from chatd.dialects.jsonl import SERVER, FromClient, parse, said_as, sendable
from chatd.dialects.notices import is_slow_down
from chatd.dialects.past import around, found_text, missed_text, moment
from chatd.dialects.websocket import WebSocket, close_frame, frame
from chatd.events import (
    SERVER_STOPS,
    CommandError,
    Created,
    Disconnected,
    Event,
    Failed,
    Fetched,
    Found,
    History,
    Identity,
    Joined,
    LoggedIn,
    LoggedOut,
    Missed,
    Notice,
    Parted,
    Record,
    Renamed,
    Request,
    Rooms,
    Said,
    Told,
    Users,
    WireError,
)
from chatd.ids import id_text


class _Tagged(FromClient):
    tag: str = ""


class Concluded(Event, frozen=True):
    """A request that had a tag is carried out, or was refused."""

    tag: str
    error: Failed | None = None


class _Item(Struct, omit_defaults=True):
    """The data of one message."""

    source: str
    message: str
    event: str
    own: bool = False
    id: str = ""
    time: str = ""
    room: str = ""
    private: bool = False
    to: str = ""
    nick: str = ""
    old: str = ""
    greeting: str = ""
    users: Sequence[str] = ()
    rooms: Sequence[str] = ()
    words: str = ""
    records: "Sequence[_Item]" = ()
    more: str = ""
    found: bool = False
    count: int = 0
    code: str = ""
    tag: str = ""


class _Message(Struct, tag_field="type", tag="message"):
    data: _Item


_from_client = msgspec.json.Decoder(_Tagged)


class WebChat(Dialect):
    """The server's end, for a socket whose handshake is done."""

    name = "webchat"
    port = 5000
    reserved = frozenset({"message", "set-name"})

    def __init__(self, setting: Setting, socket: WebSocket) -> None:
        super().__init__(setting)
        self._socket = socket
        self._entered = False
        self._silent = False  # whoever is may be let in as a guest
        self._named = False  # whoever has asked for a nick gets no other one
        self._held: Request | None = None  # what came before anybody entered
        self._tag = ""  # of the request that is carried out, or held
        self._heir: _Closed | None = None

    def feed(self, data: bytes) -> None:
        self._socket.feed(data)

    def next_request(self) -> Request | Event | None:
        if self._heir is not None:
            return None
        if not self._entered:
            return self._enter()
        if self._held is not None:
            held, self._held = self._held, None
            return held
        return self._next()

    def _next(self) -> Request | Event | None:
        message = self._socket.next_message()
        if message is not None:
            asked = parse(message, _from_client)
            self._tag = asked.tag
            return asked.request
        answer = self._socket.take()
        if self._socket.over:
            self._heir = _Closed(self.setting, answer or b"", self._socket.fault)
            return None
        return None if answer is None else Fetched(answer)

    def _enter(self) -> Request | Event | None:
        """Enter by the first thing that is said, or as a guest who says it."""
        if self._held is None:
            item = self._next()
            if isinstance(item, Request):
                self._named = self._named or item.verb == "login"
                if self._named or item.verb == "oper":
                    return item
                self._held = item
            elif item is not None or self._heir is not None or not self._silent:
                return item
        return Request("login", (self.setting.guest(),))

    def done(self, request: Request, error: CommandError | None) -> Sequence[Event]:
        if request.verb == "login" and error is None:
            self._entered = True
            if self._held is not None:
                return ()
        failed = Failed(error.code, error.text) if error else None
        self._held, self._silent = None, False
        tag, self._tag = self._tag, ""
        if tag:
            return (Concluded(tag, failed),)
        return (failed,) if failed else ()

    @property
    def patience(self) -> float | None:
        return None if self._entered or self._named else self.setting.limits.web_silence

    def quiet_passed(self) -> None:
        self._silent = True

    @property
    def heir(self) -> Dialect | None:
        return self._heir

    @staticmethod
    def encode(event: Event, own: bool) -> bytes:
        return _encode(event, own)

    @classmethod
    def encode_record(cls, record: Record, own: bool) -> bytes:
        return _encode(record.event, own, record)


class _Closed(Dialect):
    """Goes on when the closing handshake has begun, and says nothing but the last frame."""

    name = WebChat.name
    port = WebChat.port

    def __init__(self, setting: Setting, last: bytes, fault: str) -> None:
        super().__init__(setting)
        self._last = last
        self._reason = f"WebSocket: {fault}" if fault else "connection closed"

    def feed(self, data: bytes) -> None:
        pass

    def next_request(self) -> None:
        raise WireError(self._reason, "", Fetched(self._last))

    @staticmethod
    def encode(event: Event, own: bool) -> bytes:
        return event.raw if own and isinstance(event, Fetched) else b""


def _encode(event: Event, own: bool, record: Record | None = None) -> bytes:
    if isinstance(event, Fetched):
        return event.raw
    if own and isinstance(event, LoggedOut | Disconnected):
        stops = event.reason == SERVER_STOPS
        return close_frame(CloseCode.GOING_AWAY if stops else CloseCode.NORMAL_CLOSURE)
    item = _item(event)
    if item is None or (isinstance(event, Created) and not own):
        return b""
    item.own = own
    if own and isinstance(event, LoggedIn):
        item.greeting = event.greeting
    if record is not None:
        _stamp(item, record)
    return frame(msgspec.json.encode(_Message(item)))


def _stamp(item: _Item, record: Record) -> None:
    item.id, item.time = id_text(record.id), moment(record)


def _item(event: Event) -> _Item | None:
    """Say what happened in words, and by keys; None for what is not told here."""
    source, message = said_as(event)
    fill = _FILLERS.get(type(event))
    if fill is None:
        return None
    item = _Item(sendable(source), sendable(message), "")
    fill(item, event)
    return item


def _records(records: Sequence[Record]) -> list[_Item]:
    items = []
    for record in records:
        if item := _item(record.event):
            _stamp(item, record)
            items.append(item)
    return items


def _said(item: _Item, event: Said) -> None:
    item.event, item.room = "said", event.room


def _told(item: _Item, event: Told) -> None:
    item.event, item.private, item.to = "told", True, event.recipient
    item.message = sendable(event.text)


def _entered(item: _Item, event: LoggedIn) -> None:
    item.event, item.nick = "entered", event.nick


def _renamed(item: _Item, event: Renamed) -> None:
    item.event, item.old, item.nick = "renamed", event.old, event.nick


def _left(item: _Item, event: LoggedOut) -> None:
    item.event, item.nick = "left", event.nick  # why is no business of the others


def _in_room(name: str) -> Callable[[_Item, Any], None]:
    def fill(item: _Item, event: Created | Joined | Parted) -> None:
        item.event, item.room, item.nick = name, event.room, event.nick

    return fill


def _users(item: _Item, event: Users) -> None:
    item.event, item.users = "users", event.nicks


def _rooms(item: _Item, event: Rooms) -> None:
    item.event, item.rooms = "rooms", event.names


def _identity(item: _Item, event: Identity) -> None:
    item.event, item.nick = "you", event.nick


def _history(item: _Item, event: History) -> None:
    item.source, item.event, item.room, item.more = SERVER, "history", event.room, event.more
    item.message = f"History of {event.room}"
    item.records = _records(event.records)


def _found(item: _Item, event: Found) -> None:
    item.source, item.message, item.event = SERVER, found_text(event), "found"
    item.words, item.room = event.words, event.room
    shown = list(around(event))
    item.records = _records([record for record, _ in shown])
    for each, (_, found) in zip(item.records, shown, strict=True):
        each.found = found


def _missed(item: _Item, event: Missed) -> None:
    item.source, item.message, item.event = SERVER, missed_text(event), "missed"
    item.count = event.count


def _notice(item: _Item, event: Notice) -> None:
    item.event = "notice"
    if is_slow_down(event):
        item.code = "slow-down"


def _failed(item: _Item, event: Failed) -> None:
    item.event, item.code = "failed", event.code


def _concluded(item: _Item, event: Concluded) -> None:
    item.source, item.event, item.tag = SERVER, "done", event.tag
    if event.error is not None:
        item.event, item.code = "failed", event.error.code
        item.message = sendable(event.error.text)


_FILLERS: dict[type[Event], Callable[[_Item, Any], None]] = {
    Said: _said,
    Told: _told,
    LoggedIn: _entered,
    Renamed: _renamed,
    LoggedOut: _left,
    Created: _in_room("created"),
    Joined: _in_room("joined"),
    Parted: _in_room("parted"),
    Users: _users,
    Rooms: _rooms,
    Identity: _identity,
    History: _history,
    Found: _found,
    Missed: _missed,
    Notice: _notice,
    Failed: _failed,
    Concluded: _concluded,
}
