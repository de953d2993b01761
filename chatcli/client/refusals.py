"""Why a server refused something, as a word for programs: the same in every dialect.

Of the dialects none tells more than a text for people.
"""

import re

from chatd.events import CommandError, Event, Failed, Notice

# By code, the texts of each dialect; the first one that fits counts.
_TEXTS = {
    "nick-taken": (
        r"nick .* is taken",
        r"Ten pseudonim jest juz zajety\. Wybierz inny:",
        r"User name '.*' is already taken!",
        r"login failed\.",
    ),
    "no-such-user": (
        r"there is no user .*",
        r"Taki uzytkownik nie istnieje!",
        r"no such user\.",
        r"User '.*' does not exist!",
    ),
    "no-such-room": (r"there is no room .*", r"Group chat '.*' does not exist!"),
    "room-exists": (r"room .* exists already", r"Group chat with name '.*' already exists!"),
    "already-a-member": (
        r"you are in room .* already",
        r"You have already joined in group chat '.*'!",
    ),
    "not-a-member": (r"you are not in room .*", r"You are not a member of group chat '.*'!"),
    "banned": (r"(?:nick|your address) is banned.*",),
    "muted": (r"you are muted.*",),
    "bad-name": (r"(?:nick|room) (?:must|is) .*",),
    "empty-message": (r"the message is empty", r"empty message", r"text is missing"),
    "missing-argument": (r"\S+ is missing", r"Usage: .*"),
    "too-many-arguments": (r"too many words", r"overage info"),
    "too-long": (r"line is longer than [0-9]+ bytes",),
    "bad-text": (r"control characters are not allowed",),
    "bad-value": (r"count must be .*", r"\S+ must be (?:text|a number|a whole number)"),
    "bad-id": (r".* is no id of a message, such as .*",),
    "not-kept": (r"private messages are not kept here",),
    "no-store": (r"nothing is stored here, so nothing can be searched",),
    "full": (
        r"the server is full, try again later",
        r"too many connections .*",
        r"Witaj .* Sprobuj ponownie pozniej!",
    ),
    "not-a-moderator": (r"only moderators may do this",),
    "unknown-command": (r"unknown command.*", r"Unknown command '.*'!"),
}
_CODES = [(re.compile("|".join(texts)), code) for code, texts in _TEXTS.items()]


def code_of(text: str) -> str:
    """Give the code of a refusal; empty for a text that is none that servers are known to use."""
    return next((code for texts, code in _CODES if texts.fullmatch(text)), "")


def explained(error: CommandError, event: Event) -> CommandError:
    """Put the reason in the place of a refusal that words tells it behind."""
    if error.text == "login failed." and isinstance(event, Failed | Notice):
        return refusal(event.text.removesuffix("."))
    return error


def refusal(text: str, code: str = "error") -> CommandError:
    """Make the error of what a server said; code is for a text that is not known."""
    return CommandError(code_of(text) or code, text)
