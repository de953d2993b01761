"""Transcript: a tap that appends each message to a room to TRANSCRIPT_FILE, as a line of JSON."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from chatd import Event, Said, Tap, hookimpl


def write(path: Path, event: Event) -> None:
    """Append one message; opening the file each time lets others move or empty it."""
    if not isinstance(event, Said):
        return
    line = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "room": event.room,
        "nick": event.nick,
        "text": event.text,
    }
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


@hookimpl
def register_taps():
    name = os.environ.get("TRANSCRIPT_FILE")
    return [Tap(lambda event: write(Path(name), event))] if name else []
