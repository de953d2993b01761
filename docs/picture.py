"""Draw docs/five-clients.svg from a real conversation: `make docs`.

Five clients of five kinds talk on one server; each pane shows what one of them typed (with a >)
and received.
"""

import re
import socket
from contextlib import ExitStack
from html import escape
from pathlib import Path

from chatd.config import Listen
from chatd.testing import running_server

FILE = Path(__file__).parent / "five-clients.svg"
DIALECTS = ("crlf", "json", "slash", "words", "rooms")
PATIENCE = 10.0

# What one client sends, and how many lines each of the five gets then, in the order above.
STEPS = (
    ("slash", None, (0, 1, 2, 0, 0)),  # json is in, and slash is asked, as soon as they connect
    ("crlf", "LOGIN ala", (1, 1, 0, 0, 0)),
    ("words", "login bob", (0, 1, 0, 1, 0)),
    ("slash", "3", (0, 0, 1, 0, 0)),
    ("slash", "Cyryl", (0, 1, 2, 1, 0)),
    ("rooms", "dana", (0, 1, 1, 1, 1)),
    ("json", '{"type":"set-name","data":"eve"}', (0, 1, 0, 0, 0)),
    ("crlf", "PUB Is anybody here?", (0, 1, 1, 1, 1)),
    ("slash", "Czesc, ala!", (1, 1, 1, 1, 1)),
    ("json", '{"type":"message","data":"Me too"}', (1, 1, 1, 1, 1)),
    ("rooms", "public General All five of us", (1, 1, 1, 1, 0)),
    ("words", "msg ala psst", (1, 0, 0, 1, 0)),
)

ROWS = (("crlf", "slash"), ("words", "rooms"), ("json",))
WIDTH = 900.0
CHARACTER, LINE, MARGIN = 6.65, 16.0, 12.0


class Client:
    """A raw client and all that happened at its end, as lines."""

    def __init__(self, port: int) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._file = self._sock.makefile("rb")
        self.lines: list[str] = []

    def type(self, line: str) -> None:
        self._sock.sendall(line.encode() + b"\n")
        self.lines.append(f"> {line}")

    def receive(self, count: int) -> None:
        for _ in range(count):
            text = self._file.readline().decode().rstrip("\r\n")
            self.lines.append(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:57354", text))

    def close(self) -> None:
        self._file.close()
        self._sock.close()


def converse() -> dict[str, list[str]]:
    """Have the conversation; give what each client saw."""
    with ExitStack() as stack:
        listen = tuple(Listen(dialect, "127.0.0.1") for dialect in DIALECTS)
        server = stack.enter_context(running_server(host="127.0.0.1", listen=listen))
        clients = {}
        for dialect in DIALECTS:
            clients[dialect] = Client(server.ports[dialect])
            stack.callback(clients[dialect].close)
        for speaker, line, counts in STEPS:
            if line is not None:
                clients[speaker].type(line)
            for client, count in zip(clients.values(), counts, strict=True):
                client.receive(count)
        return {dialect: client.lines for dialect, client in clients.items()}


def draw(panes: dict[str, list[str]]) -> str:
    """Write an SVG with a pane for each client."""
    parts: list[str] = []
    y = MARGIN
    for row in ROWS:
        width = (WIDTH - (len(row) + 1) * MARGIN) / len(row)
        texts = {name: wrapped(panes[name], width) for name in row}
        height = (max(map(len, texts.values())) + 2) * LINE
        for column, (name, lines) in enumerate(texts.items()):
            x = MARGIN + column * (width + MARGIN)
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="6" '
                'fill="#1d2430"/>'
            )
            parts.append(text(x, y, 1, name, "#8fa3bf"))
            for number, line in enumerate(lines, 2):
                typed = line.startswith("> ")
                parts.append(text(x, y, number, line, "#ffd479" if typed else "#e6edf3"))
        y += height + MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {y:.0f}" '
        'font-family="monospace" font-size="11">'
    )
    title = "<title>Five clients of five kinds in one chat</title>"
    return "\n".join([head, title, *parts, "</svg>", ""])


def wrapped(lines: list[str], width: float) -> list[str]:
    """Break lines that are wider than a pane."""
    most = int((width - 2 * MARGIN) / CHARACTER)
    return [line[at : at + most] for line in lines for at in range(0, len(line), most)]


def text(x: float, y: float, number: int, line: str, colour: str) -> str:
    """Write one line of a pane."""
    place = f'x="{x + MARGIN:.1f}" y="{y + number * LINE:.1f}" fill="{colour}"'
    return f'<text {place} xml:space="preserve">{escape(line)}</text>'


if __name__ == "__main__":
    FILE.write_text(draw(converse()), encoding="utf-8")
