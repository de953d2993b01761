"""The `slash` dialect (SPEC S1): a room for people who type, in Polish without diacritics.

The server asks for a group and a nick; then what is typed is said to everybody, unless it is just
/msg or /changename (each begins a dialogue), /online, /pomoc or /wyjdz. Other verbs are asked for
as /verb and arguments, and joined rooms speak as `[#room] name: text` (SPEC D-6).
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Any

from chatd.dialects import ClientDialect, Setting
from chatd.dialects.framing import LineSplitter
from chatd.dialects.past import missed_text, unstamp
from chatd.dialects.plain import Plain, recollect
from chatd.dialects.plain import line as _line
from chatd.events import (
    GENERAL,
    CommandError,
    Created,
    Done,
    Event,
    Failed,
    Found,
    History,
    Identity,
    Joined,
    LoggedIn,
    LoggedOut,
    Missed,
    Notice,
    Parted,
    Renamed,
    Request,
    Rooms,
    Said,
    Told,
    Users,
)
from chatd.limits import MIB

WHITE_SPACE = " \t\r"  # other white space is control characters, which D-8 does not excuse

_REGISTERED = (
    "Witaj {name}! Zostales podlaczony do czatu. "
    'Wpisz "/pomoc" aby wyswietlic liste dostepnych polecen!'
)
_FULL = "Witaj {name}! Pokoj jest aktualnie przepelniony. Sprobuj ponownie pozniej!"
_TAKEN = "Ten pseudonim jest juz zajety. Wybierz inny:"
_HELP = "Dostepne polecenia to /msg (wiadomosc prywatna), /changename, /online, /pomoc oraz /wyjdz"
_NO_SUCH_USER = "Taki uzytkownik nie istnieje!"
_RENAMED = "Zmiana nazwy uzytkownika zakonczona powodzeniem!"


class _Question(Enum):
    """What the client's next message answers, and how it is asked for."""

    GROUP = "Podaj numer swojej grupy laboratoryjnej: "
    NICK = "A teraz podaj swoj pseudonim: "
    RECIPIENT = "Podaj grupe i nazwe uzytkownika w formacie np. '3 Antoni'"
    TEXT = "Podaj wiadomosc"
    NONE = ""


class Slash(Plain):
    """The server's end."""

    name = "slash"
    port = 5001
    reserved = frozenset({"msg", "changename", "online", "pomoc", "wyjdz"})
    typed = True

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._question = _Question.GROUP
        self._unasked = False  # the question has to be put (again) before the next message
        self._recipient = ""

    def opened(self) -> list[Event]:
        return [Notice("Witaj w pokoju rozmow!"), Notice(_Question.GROUP.value)]

    def next_request(self) -> Request | Event | None:
        if self._unasked:
            return self._ask(self._question)
        try:
            text = self._next_text()
            return None if text is None else self._take(text.strip(WHITE_SPACE))
        except CommandError:
            self._unasked = self._question is not _Question.NONE
            raise

    def _ask(self, question: _Question) -> Event:
        self._question = question
        self._unasked = False
        return Notice(question.value)

    def _take(self, line: str) -> Request | Event:
        question = self._question
        if question is _Question.NONE:
            return self._obey(line)
        if question in _AT_THE_DOOR and line.startswith(_OPER):
            return Request("oper", (line.removeprefix(_OPER).lstrip(WHITE_SPACE),))
        if question is _Question.TEXT:
            return Request("tell", (self._recipient, line or " "))  # empty is the hub's to refuse
        if question is _Question.GROUP:
            line = clean_group(line)
        if not line:
            return self._ask(question)
        if question is _Question.GROUP:
            self.group = line
            return self._ask(_Question.NICK)
        if question is _Question.NICK:
            if line.casefold() in _FORGING:
                raise CommandError("bad-name", "nick is reserved")
            return Request("login", (line,))
        self._recipient = line.rpartition(" ")[2]
        return Request("tell", (self._recipient, " "))  # only to learn whether there is such a user

    def _obey(self, line: str) -> Request | Event:
        """Decode what is typed while no question is open."""
        if line == "/msg":
            return self._ask(_Question.RECIPIENT)
        if line == "/changename":
            self._question, self._unasked = _Question.GROUP, True
            return Notice("Rozpoczeto zmiane nazwy uzytkownika")
        if line == "/pomoc":
            return Notice(_HELP)
        if line in _VERBS:
            return Request(_VERBS[line])
        verb, _, rest = line.removeprefix("/").partition(" ")
        if line.startswith("/") and verb in self.setting.verbs and verb not in self.reserved:
            return Request(verb, (rest.lstrip(WHITE_SPACE),) if rest else ())
        if not line:
            raise CommandError("empty-message", "the message is empty")
        return Request("say", (GENERAL, line))

    def done(self, request: Request, error: CommandError | None) -> Sequence[Event]:
        question = self._question
        code = error.code if error else ""
        if question in _AT_THE_DOOR and request.verb != "login":
            self._unasked = True
            return super().done(request, error)
        if question is _Question.NICK and error:
            return self._choose_again(request.args[0], error)
        if question is _Question.RECIPIENT and code in ("empty-message", ""):
            return (self._ask(_Question.TEXT),)
        # What is meant for one user must not be taken for a public message after a mistake.
        if question is not _Question.NONE and code in ("empty-message", "bad-text"):
            self._unasked = True
        else:
            self._question = _Question.NONE
        return super().done(request, error)

    def _choose_again(self, nick: str, error: CommandError) -> Sequence[Event]:
        full = _FULL.format(name=_name(self.group, nick))
        text = {"full": full, "nick-taken": _TAKEN}.get(error.code)
        self._unasked = text is None
        return (Failed(error.code, text or error.text),)

    @staticmethod
    def encode(event: Event, own: bool) -> bytes:
        render = _RENDERERS.get(type(event))
        return render(event, own) if render else b""


_FORGING = {"uzytkownicy", "wiadomosc", "pseudonim", "laboratoryjnej"}
"""Nicks that would make a text of the server, with the right group in front: what such a user
says would look like `Dostepni uzytkownicy: …`."""

_AT_THE_DOOR = (_Question.GROUP, _Question.NICK)

_OPER = "/oper "
"""What moderators may say instead of an answer there: a full server lets nobody else in."""

_VERBS = {"/online": "users", "/wyjdz": "quit"}


def clean_group(text: str) -> str:
    """Leave of a group what cannot be taken for more than a part of a name (SPEC D-3).

    That is letters, digits and `-_.`, in words with a space between. Control and invisible
    characters vanish, others end a word: `[prywatna] 3` or `3 Antoni:` would forge messages.
    """
    kept = "".join(_clean(character) for character in unicodedata.normalize("NFKC", text))
    return " ".join(kept.split())[:32].rstrip()


def _clean(character: str) -> str:
    if unicodedata.category(character)[0] in "LMN" or character in "-_.":
        return character
    return " " if character.isspace() or character.isprintable() else ""


def _name(group: str, nick: str) -> str:
    return f"{group} {nick}" if group else nick  # S1-09


def _who(event: LoggedIn | LoggedOut | Joined | Parted | Said) -> str:
    return _name(event.group, event.nick)


def _logged_in(event: LoggedIn, own: bool) -> bytes:
    joined = _line(f"{_who(event)} dolaczyl do pokoju rozmow!")
    if not own:
        return joined
    greeting = _line(event.greeting) if event.greeting else b""
    return _line(_REGISTERED.format(name=_who(event))) + joined + greeting


def _logged_out(event: LoggedOut, own: bool) -> bytes:
    if own:
        return _line("Opusciles czat!") if event.reason == "quit" else b""
    return _line(f"{_who(event)} wyszedl z czatu.")


def _said(event: Said, own: bool) -> bytes:
    message = f"{_who(event)}: {event.text}"
    return _line(message if event.room == GENERAL else f"[#{event.room}] {message}")


def _told(event: Told, own: bool) -> bytes:
    message = _line(f"[prywatna] {_name(event.sender_group, event.sender)}: {event.text}")
    if not own:
        return message
    recipient = _name(event.recipient_group, event.recipient)
    sent = _line(f"Wysylasz do {recipient} prywatna wiadomosc: {event.text}")
    return sent + message if event.sender == event.recipient else sent


def _users(event: Users, own: bool) -> bytes:
    groups = event.groups or ("",) * len(event.nicks)
    names = sorted(_name(group, nick) for group, nick in zip(groups, event.nicks, strict=False))
    return _line(f"Dostepni uzytkownicy: {', '.join(names)}")


_RENDERERS: dict[type[Event], Callable[[Any, bool], bytes]] = {
    LoggedIn: _logged_in,
    LoggedOut: _logged_out,
    Renamed: lambda event, own: _line(_RENAMED) if own else b"",
    Created: lambda event, own: _line(f"Utworzono pokoj {event.room}.") if own else b"",
    Joined: lambda event, own: _line(
        f"{'Dolaczyles' if own else f'{_who(event)} dolaczyl'} do pokoju {event.room}."
    ),
    Parted: lambda event, own: _line(
        f"{'Opusciles' if own else f'{_who(event)} opuscil'} pokoj {event.room}."
    ),
    Said: _said,
    Told: _told,
    Users: _users,
    Rooms: lambda event, own: _line(f"Dostepne pokoje: {', '.join(event.names)}"),
    Identity: lambda event, own: _line(event.nick),
    History: lambda event, own: Slash._replay(event),
    Found: lambda event, own: Slash._found(event),
    Notice: lambda event, own: _line(event.text),
    Missed: lambda event, own: _line(missed_text(event)),
    Failed: lambda event, own: _line(_NO_SUCH_USER if event.code == "no-such-user" else event.text),
}


_Asked = tuple[Request | None, str]  # None for a barrier; and the command whose answer will do


class SlashClient(ClientDialect):
    """The client's end.

    A message is sent as it is (S1-06), unless it looks like a command, a login as the answers to
    the two questions at the door, everything else in one line each: a dialogue that breaks off
    would make its answers public. group is for nicks that have none in front.

    The grammar has neither request numbers nor a mark of errors: what arrives is matched to the
    oldest request that it could answer, and an error that is not known by its text is a notice.
    The barrier is /pomoc, for registered clients: nobody can say its answer, which has no colon.
    """

    name = "slash"
    port = 5001

    def __init__(self, group: str = "0") -> None:
        self._group = group
        self._lines = LineSplitter(MIB, MIB)  # the list of users is one line, however long
        self._asked: list[_Asked] = []
        self._inside = False
        self._group_given = False
        self._questions = 0  # how often the nick is asked for before a login is answered
        self._last = ""

    def encode(self, request: Request) -> bytes:
        verb, words = request.verb, request.args
        if verb == "login" and not self._inside:
            return self._log_in(request)
        if verb == "say" and words[:1] == (GENERAL,) and not _is_command(words[1:]):
            words = words[1:]
        else:
            words = (_COMMANDS.get(verb, f"/{verb}"), *words)
        line = " ".join(words).strip(WHITE_SPACE)
        command = line.partition(" ")[0]
        if any(command == answer for _, _, answer in _FORMS):
            self._asked.append((request, command))
        return _line(line)

    def _log_in(self, request: Request) -> bytes:
        group, _, nick = " ".join(request.args).rpartition(" ")
        self._asked.append((request, "door"))
        if self._group_given:  # only the nick is asked for again
            self._questions = 0
            return _line(nick)
        self._questions = 1
        self._group_given = True
        return _line(clean_group(group) or self._group) + _line(nick)

    def barrier(self) -> bytes:
        self.barriers += 1
        self._asked.append((None, "/pomoc"))
        return _line("/pomoc")

    def feed(self, data: bytes) -> Iterator[tuple[Event, Request | None]]:
        self._lines.feed(data)
        while (line := self._lines.next_line()) is not None:
            if text := line.decode(errors="replace").strip(WHITE_SPACE):
                event, answered = self._understand(text)
                self._last = text
                if answered is None and self._is_door(text, self._asked):
                    continue  # it is answered already
                if answered is None or answered[0]:
                    yield event, answered and answered[0]
                else:
                    self.passed += 1

    def _understand(self, line: str) -> tuple[Event, _Asked | None]:
        """Decode a line, and tell what was asked that it answers."""
        if line == _Question.NICK.value.strip():
            self._questions -= 1
            if self._questions < 0 and (asked := self._take("door")):
                return Failed("bad-name", self._last), asked  # the line before said why
        if past := recollect(line, _read_past):
            return past, None
        if line in _SAID_BY_IT or (_MORE.fullmatch(line) and unstamp(self._last)):
            return Notice(line), None
        for pattern, build, answer in _FORMS:
            if found := pattern.fullmatch(line):
                event = build(line, **found.groupdict(default=""))
                asked = self._take(answer)
                if asked or not isinstance(event, Done | Users | Rooms | Identity):
                    self._inside |= answer == "door" and isinstance(event, LoggedIn)
                    return event, asked
        return Notice(line), None

    @staticmethod
    def _is_door(text: str, asked: list[_Asked]) -> bool:
        """Whether this asks for what a login has told already."""
        return text in _DOOR and any(answer == "door" for _, answer in asked)

    def _take(self, answer: str) -> _Asked | None:
        """Take out the oldest request that waits for such an answer, and the refused before it."""
        for index, asked in enumerate(self._asked):
            if asked[1] == answer:
                self._asked[: index + 1] = [each for each in self._asked[:index] if not each[0]]
                return asked
        return None


# What looks like a message, but is not; the second one only behind a message of the past.
_DOOR = {_Question.GROUP.value.strip(), _Question.NICK.value.strip(), "Witaj w pokoju rozmow!"}
_SAID_BY_IT = ("the store does not work at the moment: this is not all there is",)
_MORE = re.compile(r"there is more: (?:before|after) [0-9]+-[0-9]+")

_COMMANDS = {"users": "/online", "help": "/pomoc", "quit": "/wyjdz", "login": "/rename"}


def _is_command(words: Sequence[str]) -> bool:
    """Whether a server would obey these words instead of passing them on."""
    return " ".join(words).lstrip(WHITE_SPACE).startswith("/")


def _read_past(text: str) -> Event:
    """Understand what is told once more: nobody waits for it."""
    for pattern, build, answer in _FORMS:
        if not answer and (found := pattern.fullmatch(text)):
            return build(text, **found.groupdict(default=""))
    return Notice(text)


def _form(
    text: str, build: Callable[..., Event], answer: str = ""
) -> tuple[re.Pattern[str], Callable[..., Event], str]:
    """Make a pattern of a line that answers a command; braces hold what build gets besides it."""
    pattern = re.escape(text).replace(r"\{name\}", r"(?:(?P<group>[^:]*) )?(?P<nick>\S+)")
    pattern = pattern.replace(r"\{room\}", r"(?P<room>\S+)").replace(r"\{text\}", "(?P<text>.*)")
    return re.compile(pattern), build, answer


def _names(text: str) -> Users:
    names = [name.rpartition(" ") for name in text.split(", ")]
    groups = tuple(group for group, _, _ in names)
    return Users(tuple(nick for _, _, nick in names), groups if any(groups) else ())


_FORMS = (  # those that somebody's message may look like are understood so only when asked for
    _form(_REGISTERED, lambda _, **who: LoggedIn(**who), "door"),
    _form(_FULL, lambda line, **_: Failed("full", line), "door"),
    _form(_TAKEN, lambda line: Failed("nick-taken", line), "door"),
    _form(_NO_SUCH_USER, lambda line: Failed("no-such-user", line), "/tell"),
    _form(_HELP, Notice, "/pomoc"),
    _form(_RENAMED, lambda _: Done(), "/rename"),
    _form("Wysylasz do {name} prywatna wiadomosc: {text}", lambda _, **to: Done(), "/tell"),
    _form("Utworzono pokoj {room}.", lambda _, room: Done(), "/create"),
    _form("Dolaczyles do pokoju {room}.", lambda _, room: Done(), "/join"),
    _form("Opusciles pokoj {room}.", lambda _, room: Done(), "/leave"),
    _form("Dostepni uzytkownicy: {text}", lambda _, text: _names(text), "/online"),
    _form("Dostepne pokoje: {text}", lambda _, text: Rooms(tuple(text.split(", "))), "/rooms"),
    _form("{room}", lambda _, room: Identity(room), "/whoami"),
    _form("[prywatna] {name}: {text}", lambda _, group, nick, text: Told(nick, "", text, group)),
    _form("[#{room}] {name}: {text}", lambda _, **said: Said(**said)),
    _form("{name}: {text}", lambda _, **said: Said(GENERAL, **said)),
    _form("{name} dolaczyl do pokoju rozmow!", lambda _, **who: LoggedIn(**who)),
    _form("{name} dolaczyl do pokoju {room}.", lambda _, **who: Joined(**who)),
    _form("{name} opuscil pokoj {room}.", lambda _, **who: Parted(**who)),
    _form("{name} wyszedl z czatu.", lambda _, **who: LoggedOut(reason="", **who)),
)
