"""What the documents ask of the client for each dialect."""

from datetime import datetime
from typing import Any

from chatcli.chat import Chat
from chatcli.commands import JSON_COMMANDS
from chatcli.console import Console
from chatcli.display import Line, describe_spoken
from chatd.events import Event, LoggedIn, Recalled, Request


class JsonChat(Chat):
    """The json document's client (SPEC S2)."""

    commands = JSON_COMMANDS
    anonymous = True
    closing = "Server disconnected"  # S2-20

    def __init__(self, *args: Any, login: bool = True, **settings: Any) -> None:
        self._named = login
        super().__init__(*args, login=login, **settings)

    def _take(self, event: Event, request: Request | None) -> None:
        if isinstance(event, LoggedIn) and not self._named:
            self._named = True  # the first one to enter that one hears of is oneself (S2-11)
            if event.nick != self.nick:  # the server hides addresses
                self.nick = event.nick
                self._note(f"you are now {event.nick}")
        super()._take(event, request)

    def _describe(self, event: Event) -> Line | None:
        return describe_spoken(event)

    def _is_hidden(self, event: Event) -> bool:
        return super()._is_hidden(event.record.event if isinstance(event, Recalled) else event)


class SlashConsole(Console):
    """The slash document's client (SPEC S1). A name is no help: the server wants a group first."""

    closing = "Polaczenie zostalo zamkniete. Wcisnij Enter aby zamknac aplikacje."  # S1-24
    farewell = "/wyjdz"

    def _stamp(self) -> str:
        return f"[{datetime.now():%H:%M:%S}] "  # S1-22


class WordsConsole(Console):
    """The words document's client (SPEC S3)."""

    login = "login {}"
    farewell = "logout"


class RoomsConsole(Console):
    """The rooms document's client (SPEC S4)."""

    login = "{}"  # S4-02
    welcome = "Connected to the server!"  # S4-05
    farewell = "exit"
    offer = (  # S4-16
        "create GROUP          make a new group",
        "join GROUP            enter a group",
        "leave GROUP           leave a group",
        "groups                list all groups",
        "users                 list everybody's name",
        "public GROUP TEXT     say something to a group",
        "private USER TEXT     say something to one person only",
        "exit                  leave",
    )


CHATS: dict[str, type[Chat]] = {"crlf": Chat, "json": JsonChat}
"""The dialects in which chatcli understands what is said, and so knows who said it (SPEC D-9)."""

CONSOLES: dict[str, type[Console]] = {
    "slash": SlashConsole,
    "words": WordsConsole,
    "rooms": RoomsConsole,
}
"""The dialects in which the server does all the understanding (SPEC S1-06, S3-18)."""
