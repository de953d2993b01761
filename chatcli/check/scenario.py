r"""Scenarios: conversations in text files, with who sends and who sees what.

    # S0-17 [S] A public message is never sent back to its sender
    # also S0-20
    logged in: ala ola
    ala > PUB hello all
    ola < PUB_MSG hello all
    ala never < PUB_MSG {any}

A paragraph is a scenario. Its title, the first comment, names the requirement that is not met if
it fails, and in brackets where that comes from: [S] stated, [O] or [X] observed, [P] decided.
Further comments may name what it shows besides. The other lines, with somebody's name in front:

    ala > PUB hi        sends a line; connects first, if need be
    ala >> PUB h        sends just these bytes, in one piece
    ala < OK            sees this line; in strict play next, else sometime
    ala next < OK       sees this line, and nothing before it
    ala << OK\r\nHej    sees exactly these bytes next
    ala <? TEXT         the same as `<` in strict play, else nothing: others need not say it
    ala never < TEXT    sees no such line from beginning to end, or from when it was logged in
    ala connects        and says nothing yet
    ala stops sending   but goes on reading
    ala closes          in an orderly way; ala can connect again afterwards
    ala resets          the connection is cut
    ala closed          the server has closed the connection
    ala closed?         the same in strict play; else it may leave it open, if it says nothing
    ala hears nothing   more than what was looked at so far

and without one:

    server: greeting=Hej hej     a setting of the server; `limits.login=0.3` for a limit
    logged in: ala ola           each connects and registers; what that prints is not looked at
    later: 0.5                   that many seconds pass; where there is a clock to set
    shows: public messages       that this works; if it fails, other scenarios have no chance,
    needs: public messages       namely these: they are not applicable then; `logged in:` itself
                                 needs `logging in`, where something shows that
    names: basia                 nicks that are taken besides those of the people
    rooms: games                 rooms that are made

In json an expected text that is no object is what people see, `[Server]: ala has left the chat`.
chatd says exactly that message; others may wrap the words, which alone are looked at, in any form.

Escapes and patterns are those of `chatcli.check.text`. Names and rooms can be made unique, so
that one scenario does not get in the way of another.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from chatcli.check.text import Text, expected, sent, spoken

ENDS = {"crlf": "\r\n", "json": "\n", "slash": "\n", "words": "\n", "rooms": "\n"}
"""What chatd's lines end in, by dialect."""

FOLDER = Path(__file__).parent / "scenarios"

_TITLE = re.compile(r"(?P<requirement>(?:S\d|D)-\d+) \[(?P<level>[SOXP])\] (?P<title>.+)")
_SAYING = re.compile(r"(\w+) (>>|>|<<|<\?|<|next <|never <)(?: (.*))?")
_DOING = re.compile(r"(\w+) (connects|stops sending|closes|resets|closed\??|hears nothing)")
_KEYWORD = re.compile(r"(server|logged in|later|shows|needs|names|rooms): (.*)")
_FENCE = "```transcript"
_NOTHING = Text(())


class Paragraph:
    """Lines of a file without an empty one between; comments are apart."""

    def __init__(self, path: Path, line: int) -> None:
        self.path = path
        self.line = line
        self.comments: list[str] = []
        self.lines: list[tuple[int, str]] = []

    @property
    def text(self) -> str:
        """All that its comments say."""
        return " ".join(self.comments)

    @property
    def head(self) -> tuple[str, str, str]:
        """Its requirement, level and title; the first two are empty if it has no such title."""
        first = self.comments[0] if self.comments else ""
        if found := _TITLE.fullmatch(first):
            return found["requirement"], found["level"], found["title"]
        return "", "", first

    def add(self, number: int, line: str) -> None:
        if line.startswith("#"):
            self.comments.append(line.lstrip("# "))
        else:
            self.lines.append((number, line))


def paragraphs(path: Path) -> list[Paragraph]:
    """Read the paragraphs of a file; of a Markdown file, its fenced blocks marked `transcript`."""
    found: list[Paragraph] = []
    current = None
    markdown = path.suffix == ".md"
    wanted = not markdown
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if markdown and line.startswith("```"):
            wanted = line == _FENCE
            current = None
        elif not line.strip() or not wanted:
            current = None
        else:
            if current is None:
                current = Paragraph(path, number)
                found.append(current)
            current.add(number, line)
    return found


class Step(NamedTuple):
    """One line of a scenario, or one person of `logged in`. later has its seconds as text."""

    line: int
    who: str
    verb: str
    text: Text = _NOTHING


class Scenario:
    """One conversation, and the requirement that is not met if it goes otherwise."""

    def __init__(self, paragraph: Paragraph, dialect: str) -> None:
        self.path = paragraph.path
        self.line = paragraph.line
        self.dialect = dialect
        self.text = paragraph.text
        self.requirement, self.level, self.title = paragraph.head
        self.settings: dict[str, str] = {}
        self.shows = ""
        self.needs: list[str] = []
        self.steps: list[Step] = []
        self._names: set[str] = set()
        for number, line in paragraph.lines:
            self._read(number, line)

    @property
    def place(self) -> str:
        """The file and the line where it begins."""
        return f"{self.path.name}:{self.line}"

    @property
    def name(self) -> str:
        """Its dialect, file, requirements and line; unique among all scenarios."""
        named = re.findall(r"\b(?:S\d|D)-\d+", self.text)
        return "-".join((self.dialect, self.path.stem, *named, f"line{self.line}"))

    @property
    def takes_time(self) -> bool:
        """Whether it is for worlds that have a clock to set."""
        return any(step.verb == "later" for step in self.steps)

    def renamed(self, suffix: str) -> list[Step]:
        """Give the steps, with suffix behind all names and rooms."""
        names = {step.who for step in self.steps} | self._names
        folded = {name.casefold() for name in names if name}
        return [
            step._replace(
                who=step.who and step.who + suffix, text=step.text.renamed(folded, suffix)
            )
            for step in self.steps
        ]

    def _read(self, number: int, line: str) -> None:
        if found := _SAYING.fullmatch(line):
            who, verb, text = found.groups(default="")
            self.steps.append(Step(number, who, verb, self._text(verb, text)))
        elif found := _DOING.fullmatch(line):
            self.steps.append(Step(number, found[1], found[2]))
        elif found := _KEYWORD.fullmatch(line):
            self.steps += self._keyword(number, found[1], found[2])
        else:
            raise ValueError(f"{self.path.name}:{number}: what is {line!r}?")

    def _text(self, verb: str, text: str) -> Text:
        """Read the text of a step. What is sent as a line has its end, what is expected has not."""
        if verb == ">":
            return sent(text) + ENDS[self.dialect]
        if verb == ">>":
            return sent(text)
        people_see = self.dialect == "json" and verb != "<<" and not text.startswith('{"')
        return spoken(text) if people_see else expected(text)

    def _keyword(self, number: int, keyword: str, rest: str) -> Iterator[Step]:
        if keyword == "logged in":
            self.needs.append("logging in")
            yield from (Step(number, who, keyword) for who in rest.split())
        elif keyword == "later":
            yield Step(number, "", keyword, sent(rest))
        elif keyword == "server":
            name, _, value = rest.partition("=")
            self.settings[name] = value
        elif keyword == "shows":
            self.shows = rest
        elif keyword == "needs":
            self.needs += rest.split(", ")
        else:
            self._names.update(rest.split())


def read(path: Path, dialect: str) -> list[Scenario]:
    """Read the scenarios of a file; raise ValueError for a line that is none of the format."""
    return [Scenario(paragraph, dialect) for paragraph in paragraphs(path)]


def read_all(dialect: str) -> list[Scenario]:
    """Read all scenarios for servers of a dialect."""
    paths = sorted((FOLDER / dialect).glob("*.txt"))
    return [each for path in paths for each in read(path, dialect)]
