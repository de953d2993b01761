"""What `slash`, `words` and `rooms` share: plain texts, as lines or as unterminated chunks."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar

from chatd.dialects import ClientDialect, Dialect, Setting, one_line
from chatd.dialects.framing import ChunkSplitter, LineSplitter
from chatd.dialects.past import around, found_text, recall, stamp, unstamp
from chatd.events import (
    CommandError,
    Event,
    Failed,
    Found,
    History,
    Identity,
    LoggedIn,
    Notice,
    Record,
    Renamed,
    Request,
    Rooms,
    Said,
    Users,
)
from chatd.limits import MIB


def line(*words: str) -> bytes:
    """Render words, with a space between them, as one line that ends in LF."""
    # A plugin may hold text that is no Unicode: it must not cost anybody the rest.
    return (one_line(" ".join(words)) + "\n").encode(errors="replace")


class Plain(Dialect):
    """The server's end of a dialect whose messages are plain texts."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        limits = setting.limits
        self._messages = ChunkSplitter(limits.line, limits.endless, setting.framing, setting.quiet)

    def feed(self, data: bytes) -> None:
        self._messages.feed(data)

    @property
    def patience(self) -> float | None:
        return self._messages.patience

    def quiet_passed(self) -> None:
        self._messages.quiet_passed()

    def _next_text(self) -> str | None:
        message = self._messages.next_message()
        try:
            return None if message is None else message.decode()
        except UnicodeDecodeError:
            raise CommandError("bad-utf8", "this is not UTF-8") from None

    def _beyond(self, word: str, rest: str) -> Request | None:
        """Ask for a verb that the grammar has no word for (SPEC D-6); None if nothing has it."""
        if word not in self.setting.verbs:
            return None
        return Request(word, (rest,) if rest else ())

    @classmethod
    def _replay(cls, event: History) -> bytes:
        """Render what happened as it was told to the others then."""
        happened = b"".join(cls._again(record, event.stamped) for record in event.records)
        if event.more:
            happened += cls.encode(Notice(f"there is more: {event.more}"), True)
        return happened or cls.encode(Notice("no messages yet"), True)

    @classmethod
    def _found(cls, event: Found) -> bytes:
        """Render what was found: an arrow at each message, its neighbours around it."""
        told = ((cls._again(record, True), found) for record, found in around(event))
        return cls.encode(Notice(found_text(event)), True) + b"".join(
            b"-> " * found + line for line, found in told if line
        )

    @classmethod
    def _again(cls, record: Record, stamped: bool) -> bytes:
        told = cls.encode(record.event, False)
        return f"{stamp(record)} ".encode() + told if stamped and told else told


class PlainClient(ClientDialect):
    """The client's end of a dialect whose messages are lines.

    Answers come in the order of the requests, so one that is recognised also settles what was
    asked before it. Most failures tell what is wrong, but not which request they are about.
    """

    _ANSWERS: ClassVar[dict[str, type[Event]]] = {
        "login": LoggedIn,
        "rename": Renamed,
        "users": Users,
        "rooms": Rooms,
        "whoami": Identity,
    }

    def __init__(self) -> None:
        self._lines = LineSplitter(MIB, MIB)  # a list is one line however many there are
        # What was asked (None for a barrier), and the event that answers it.
        self._asked: list[tuple[Request | None, type[Event]]] = []
        self._nick = ""  # empty before login

    def encode(self, request: Request) -> bytes:
        if request.verb == "login" and self._nick:
            request = Request("rename", request.args)
        if answer := self._ANSWERS.get(request.verb):
            self._asked.append((request, answer))
        return line(*self._words(request))

    @abstractmethod
    def _words(self, request: Request) -> tuple[str, ...]:
        """Put a request into words."""

    @abstractmethod
    def _understand(self, text: str) -> Iterable[Event]:
        """Say what a line means."""

    @abstractmethod
    def _read_past(self, text: str) -> Event:
        """Say what a line means that was told before."""

    def feed(self, data: bytes) -> Iterator[tuple[Event, Request | None]]:
        self._lines.feed(data)
        while (message := self._lines.next_line()) is not None:
            text = message.decode(errors="replace")
            if past := recollect(text, self._read_past):
                yield past, None
                continue
            for event in self._understand(text):
                yield from self._match(event)

    def _match(self, event: Event) -> Iterator[tuple[Event, Request | None]]:
        """Find the request that an event answers."""
        index = self._answered(event)
        if index is None:
            yield event, None
            return
        request, _ = self._asked[index]
        self.passed += sum(asked is None for asked, _ in self._asked[: index + 1])
        del self._asked[: index + 1]
        if isinstance(event, LoggedIn | Renamed):
            self._nick = event.nick
        if request is not None:
            yield event, request

    def _answered(self, event: Event) -> int | None:
        for index, (request, answer) in enumerate(self._asked):
            if _answers(event, request, answer):
                return index
        return None


def recollect(text: str, read: Callable[[str], Event]) -> Event | None:
    """Understand a line that tells of the past, if it does; read is for what it tells."""
    if (stamped := unstamp(text)) is None:
        return None
    id, time, told, found = stamped
    event = read(told)
    try:
        return recall(id, time, event.room if isinstance(event, Said) else "", event, found)
    except ValueError:
        return None


def _answers(event: Event, request: Request | None, answer: type[Event]) -> bool:
    if isinstance(event, Failed):
        return (answer is LoggedIn) == (event.code == "login") and event.code in _TELLING
    if isinstance(event, LoggedIn | Renamed):
        return type(event) is answer and request is not None and request.args == (event.nick,)
    return type(event) is answer


_TELLING = ("login", "not-logged-in")
"""Errors that tell what was asked: to be logged in, or something else before that."""
