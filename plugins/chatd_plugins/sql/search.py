"""What people type to search for, as words and phrases."""

import re

from chatd_plugins.sql.rows import clean

MOST = 50
"""Words and phrases of one search; statements for a thousand of them would be too deep."""

_TERM = re.compile(r'"([^"]*)"?|([^\s"]+)')


def terms_of(words: str) -> list[str]:
    """Give the words, and the phrases that stood in double quotes, each of them once.

    What has no letter and no digit is left out: nothing can be found by it. Of very many only
    the first MOST count.
    """
    found = (phrase or word for phrase, word in _TERM.findall(clean(words)))
    terms = dict.fromkeys(term for term in found if any(map(str.isalnum, term)))
    return list(terms)[:MOST]
