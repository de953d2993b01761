"""chatcli in slash, words and rooms: its options, its words, and somebody else in the chat."""

import re

from chat import LineClient

DIALECTS = ["slash", "words", "rooms"]

SLASH, WORDS, ROOMS = (("--dialect", dialect) for dialect in DIALECTS)

CLOSING = "Polaczenie zostalo zamkniete. Wcisnij Enter aby zamknac aplikacje."
"""The client's last words in slash."""

STAMP = re.compile(r"\[\d\d:\d\d:\d\d\] ")
"""The time that the client puts in front in slash."""


class Line(LineClient):
    """A client that begins with some lines."""

    def __init__(self, port, *lines):
        super().__init__(port)
        for line in lines:
            self.send(line)

    def hears(self, text):
        """Read up to a line."""
        while self.line() != text:
            pass
