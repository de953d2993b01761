"""Logins to the operators' page: kept here, while the browser has nothing but a random token."""

import hmac
import secrets
import threading
from collections.abc import Callable
from hashlib import sha256

from msgspec import Struct

from chatd.admins import knows
from chatd.limits import Limits
from chatd.moderation import Moderation


class Login(Struct):
    """One browser in which a moderator has logged in."""

    name: str
    """The moderator's."""
    fingerprint: bytes
    """Of the secret that was given: with another one it ends."""
    until: float
    """On the scale of the server's clock."""
    form_token: str
    """What forms of its pages have in them, and those of others have not."""
    told: str = ""
    """What is to be shown by the next page, once."""

    def fits(self, form_token: str) -> bool:
        """Say whether a form is from a page of this login."""
        return hmac.compare_digest(form_token.encode(), self.form_token.encode())


class Logins:
    """All logins of one server; they end with it. For any thread."""

    def __init__(self, moderation: Moderation, limits: Limits, clock: Callable[[], float]) -> None:
        self._moderation = moderation
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._logins: dict[bytes, Login] = {}  # by the token's fingerprint, oldest first

    def open(self, address: str, name: str, secret: str) -> str:
        """Log a moderator in; give the token. Raises CommandError as `Moderation.prove` does."""
        fingerprint = self._moderation.admins.fingerprint  # a reload may come meanwhile
        self._moderation.prove(address, name, secret)
        token = secrets.token_urlsafe()
        until = self._clock() + self._limits.login_lasts
        login = Login(name, fingerprint, until, secrets.token_urlsafe())
        with self._lock:
            while len(self._logins) >= self._limits.logins:
                del self._logins[next(iter(self._logins))]
            self._logins[_key(token)] = login
        return token

    def find(self, token: str) -> Login | None:
        """Give the login of a token, if there is one and it holds."""
        admins = self._moderation.admins
        with self._lock:
            login = self._logins.get(_key(token))
            if login is None:
                return None
            same = login.fingerprint == admins.fingerprint and knows(admins, login.name)
            if same and self._clock() < login.until:
                return login
            del self._logins[_key(token)]
        return None

    def close(self, token: str) -> None:
        """End a login."""
        with self._lock:
            self._logins.pop(_key(token), None)


def _key(token: str) -> bytes:
    return sha256(token.encode()).digest()
