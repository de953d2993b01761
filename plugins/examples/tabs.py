"""The dialect `tabs`: fields with tabs between them, one message a line, for shell scripts.

    chatd --plugins-dir plugins/examples --listen tabs=:7000

    $ printf 'login\\tala\\nsay\\tGeneral\\thello\\n' | nc -q 1 localhost 7000

A client sends a verb and its arguments; what it gets begins with a word for the kind: ok, error,
info, users, rooms, said (room, nick, text), told (nick, text), came and went (nick).
"""

from chatd import (
    CommandError,
    Dialect,
    Event,
    Failed,
    History,
    Identity,
    LineSplitter,
    LoggedIn,
    LoggedOut,
    Notice,
    Renamed,
    Request,
    Rooms,
    Said,
    Setting,
    Told,
    Users,
    hookimpl,
    one_line,
)


class Tabs(Dialect):
    """The server's end."""

    name = "tabs"
    port = 7000

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._lines = LineSplitter(setting.limits.line, setting.limits.endless)

    def feed(self, data: bytes) -> None:
        self._lines.feed(data)

    def next_request(self) -> Request | None:
        line = self._lines.next_line()
        if line is None:
            return None
        try:
            verb, *args = line.decode().split("\t")
        except UnicodeDecodeError:
            raise CommandError("bad-utf8", "this is not UTF-8") from None
        return Request(verb, tuple(args))

    @staticmethod
    def encode(event: Event, own: bool) -> bytes:
        match event:
            case Said(room, nick, text):
                fields = ("ok",) if own else ("said", room, nick, text)
            case Told(sender, recipient, text) if not own or sender == recipient:
                fields = ("told", sender, text)  # to oneself there is the own view only
            case LoggedIn(nick):
                fields = ("ok", event.greeting) if own else ("came", nick)
            case LoggedOut(nick):
                fields = () if own else ("went", nick)
            case Renamed():
                fields = ("ok",) if own else ()
            case Users(names) | Rooms(names):
                fields = (type(event).__name__.lower(), *names)
            case History(_, records):
                return b"".join(Tabs.encode(each.event, False) for each in records)
            case Notice(text) | Failed(_, text) | Identity(text):
                fields = ("error" if isinstance(event, Failed) else "info", text)
            case _:
                fields = ("ok",) if own else ()
        line = "\t".join(one_line(field.replace("\t", " ")) for field in fields)
        return (line + "\n").encode(errors="replace") if line else b""


@hookimpl
def register_dialects() -> list[type[Dialect]]:
    return [Tabs]
