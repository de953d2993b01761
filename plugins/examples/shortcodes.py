"""Shortcodes: a filter that turns :smile: and a few others into emoji, in messages to rooms."""

import re

from chatd import Filter, Said, hookimpl

EMOJI = {
    "smile": "\N{SMILING FACE WITH OPEN MOUTH AND SMILING EYES}",
    "wink": "\N{WINKING FACE}",
    "heart": "\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}",
    "thumbsup": "\N{THUMBS UP SIGN}",
    "tada": "\N{PARTY POPPER}",
    "coffee": "\N{HOT BEVERAGE}",
}
_CODE = re.compile(":(" + "|".join(EMOJI) + "):")


def replace(message: Said) -> Said | None:
    """Return the message with emoji, None when it has no shortcode that we know."""
    text, found = _CODE.subn(lambda code: EMOJI[code[1]], message.text)
    return Said(message.room, message.nick, text) if found else None


@hookimpl
def register_filters():
    return [Filter(replace)]
