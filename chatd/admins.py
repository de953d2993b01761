"""Who may become a moderator, and the secret by which they do."""

import os
import stat
from collections.abc import Iterable, Mapping
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path

from chatd.config import Admins
from chatd.events import CommandError
from chatd.names import name_key, parse_name

SHORTEST = 8
"""Characters of a secret: fewer could be guessed, however rarely one may try."""

VARIABLE = "CHATD_ADMIN_SECRET"
"""The environment variable that holds the secret, if no file does."""


class AdminError(Exception):
    """Moderators who cannot be as they are asked for; the text is one line and says why."""


def knows(admins: Admins, name: str) -> bool:
    """Say whether there is a moderator of that name."""
    return name_key(name) in map(name_key, admins.names)


def admit(admins: Admins, name: str, secret: str) -> bool:
    """Say whether name and secret are right, with the same work whichever is wrong."""
    known = knows(admins, name)
    return compare_digest(_fingerprint(secret), admins.fingerprint) and known


def _fingerprint(secret: str) -> bytes:
    return sha256(secret.strip().encode(errors="replace")).digest()


def make_admins(names: Iterable[str], secret: str) -> Admins:
    """Make moderators of names who share a secret. Raises AdminError."""
    names = tuple(names)
    for name in names:
        try:
            parse_name(name)
        except CommandError as error:
            raise AdminError(f"{name!r} cannot be a moderator: {error.text}") from None
    secret = secret.strip()
    if not secret.isprintable():
        raise AdminError("the moderators' secret must be one line of printable characters")
    if len(secret) < SHORTEST:
        raise AdminError(f"the moderators' secret must have at least {SHORTEST} characters")
    return Admins(names, _fingerprint(secret))


def read_admins(
    names: Iterable[str], file: Path | None, environment: Mapping[str, str] = os.environ
) -> Admins:
    """Make moderators whose secret is in a file, or else in the environment. Raises AdminError."""
    names, variable = tuple(names), environment.get(VARIABLE)
    if not names:
        return Admins()
    if file is not None and variable is not None:
        raise AdminError(f"there are two secrets for moderators: {file} and {VARIABLE}")
    if file is not None:
        return make_admins(names, _read(file))
    if variable is None:
        raise AdminError(f"--admin needs a secret: --admin-secret-file or {VARIABLE}")
    return make_admins(names, variable)


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & stat.S_IRWXO:
                raise AdminError(f"others may use {path}: chmod o= it, and take another secret")
            return file.read()
    except OSError as error:
        raise AdminError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise AdminError(f"cannot read {path}: it is not UTF-8") from None
