"""What servers tell of their own accord, and clients have to know again."""

from chatd.events import Event, Notice

_SLOW = "you are fast, so what you send waits its turn"


def slow_down(rate: float) -> Notice:
    """Tell somebody that what they send waits, and is carried out at so much a second."""
    return Notice(f"{_SLOW} ({rate:g} a second)")


def is_slow_down(event: Event) -> bool:
    """Whether a server tells so; it is no answer to anything, but more will come."""
    return isinstance(event, Notice) and event.text.startswith(_SLOW)
