"""What came of a scenario."""

import re
from typing import Literal, NamedTuple

from chatcli.check.matching import decoded

Status = Literal["passed", "failed", "not applicable"]


class Problem(NamedTuple):
    """Where a scenario went another way, and how. talk is the whole conversation so far."""

    place: str
    step: str
    complaint: str
    seen: str
    talk: tuple[str, ...] = ()


class Outcome(NamedTuple):
    """What came of one scenario. reason says why it is not applicable; seconds it took."""

    requirement: str
    level: str
    title: str
    place: str
    status: Status
    reason: str = ""
    problem: Problem | None = None
    seconds: float = 0.0


class Unmet(Exception):
    """A step went another way than it should; the text says how. seen is what was seen instead."""

    def __init__(self, complaint: str, seen: str = "") -> None:
        super().__init__(complaint)
        self.seen = seen


_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\udc80-\udcff]"
)
_SHORT = {"\r": r"\r", "\n": r"\n", "\t": r"\t"}


def shown(data: bytes | str) -> str:
    """Make bytes fit to be shown: what cannot be printed is escaped as scenarios have it."""
    text = decoded(data) if isinstance(data, bytes) else data
    return _UNPRINTABLE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    return _SHORT.get(found[0]) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
