r"""Scenarios for clients: what is typed, what the client sends then, and what it shows.

    # S0-30 [S] /list asks for the nicks and shows them
    client logs in
    client types /list
    server < LIST
    server > USERS zenek wanda
    client shows zenek

A paragraph is a scenario; its title is that of a scenario for servers. The steps:

    client connects          the program, which runs from the beginning
    client logs in           it connects, and the server lets it in as soon as it asks for that
    client types TEXT        a line on its keyboard
    client ends input        its keyboard ends
    client shows TEXT        somewhere in a line on its screen; a blocked client is given a line
    client shows at once TEXT    the same, but nothing is typed for it
    client then shows TEXT   behind what was shown by the step before
    client never shows TEXT  from beginning to end
    client ends              the program does, whatever its status
    client closed            the connection
    server < TEXT            the client sends this message
    server << TEXT           the next bytes that it sends are these
    server never < TEXT      the client sends no such message, from beginning to end
    server > TEXT            a message to the client
    server >> TEXT           just these bytes, apart from those before
    server closes            the connection

`client logs in` also has the server do what such a server does whenever it is asked to: confirm a
name, and close the connection of one who leaves. What the client needs, or how it is started:

    options: -i              more options on its command line
    arguments: -s {host}     not the arguments that the document gives, but these
    host: ::1                where the server is
    needs: terminal          or `document`: the client is started as the document says
    if passed: S0-22         nothing can be said of a client that fails that

Escapes and patterns are those of `chatcli.check.text`; {address client} is the client's. There
are also {nick}, {host}, {port}, {login} (the name that the operating system knows) and, in what is
shown, {time}, {HH:MM:SS} and {or} between two texts of which one is enough.
"""

import re
from pathlib import Path
from typing import NamedTuple

from chatcli.check.scenario import FOLDER, Paragraph, paragraphs

_SAYING = re.compile(
    r"(client types|client shows at once|client shows|client then shows|client never shows"
    r"|server never <|server <<|server <|server >>|server >)(?: (.*))?"
)
_DOING = re.compile(
    r"client connects|client logs in|client ends input|client ends|client closed|server closes"
)
_SETTING = re.compile(r"(options|arguments|host|needs|if passed): (.*)")


class ClientStep(NamedTuple):
    """One line of a scenario. text is as it was written, with its escapes."""

    line: int
    verb: str
    text: str = ""

    @property
    def never(self) -> bool:
        """Whether it is about what must not happen, which shows at the end."""
        return "never" in self.verb

    def __str__(self) -> str:
        return f"{self.verb} {self.text}".strip()


class ClientScenario:
    """What is done with a client once, and the requirement that it meets or does not."""

    def __init__(self, paragraph: Paragraph, dialect: str) -> None:
        self.path = paragraph.path
        self.line = paragraph.line
        self.dialect = dialect
        self.text = paragraph.text
        self.requirement, self.level, self.title = paragraph.head
        self.settings: dict[str, str] = {}
        self.steps: list[ClientStep] = []
        for number, line in paragraph.lines:
            self._read(number, line)

    @property
    def place(self) -> str:
        """The file and the line where it begins."""
        return f"{self.path.name}:{self.line}"

    def _read(self, number: int, line: str) -> None:
        if found := _SAYING.fullmatch(line):
            self.steps.append(ClientStep(number, found[1], found[2] or ""))
        elif _DOING.fullmatch(line):
            self.steps.append(ClientStep(number, line))
        elif found := _SETTING.fullmatch(line):
            self.settings[found[1]] = found[2]
        else:
            raise ValueError(f"{self.path.name}:{number}: what is {line!r}?")


def read(path: Path, dialect: str) -> list[ClientScenario]:
    """Read the scenarios of a file; raise ValueError for a line that is none of the format."""
    return [ClientScenario(paragraph, dialect) for paragraph in paragraphs(path)]


def read_all(dialect: str) -> list[ClientScenario]:
    """Read all scenarios for clients of a dialect."""
    return read(FOLDER / "clients" / f"{dialect}.txt", dialect)
