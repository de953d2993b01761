"""The file in which bans and mutes outlive the server."""

import contextlib
import fcntl
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from chatd.bans import Kept, parse_target
from chatd.events import CommandError
from chatd.workers import start_lasting

_PATIENCE = 5.0
"""Seconds to wait for the disk: less than a command may take."""


class BanFileError(Exception):
    """A file of bans that cannot be read or written; the text is one line and says why."""


class BanFile:
    """A JSON file, or none at all. Whoever calls it waits for the disk."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._turn = threading.Condition()
        self._asked = 0  # times to write, and answered; guarded, as is what follows
        self._answered = 0
        self._writing = False
        self._kept: Callable[[], Kept] = Kept
        self._problem = ""
        self._lock: int | None = None
        self._refusal = ""

    def claim(self) -> str:
        """Keep others from writing the file until close; if it is another's, say so.

        Then it is not written, since either would erase the bans of the other.
        """
        if self._path is None:
            return ""
        path = self._path.resolve()
        with contextlib.suppress(OSError):  # no place for a lock: whoever writes is told why
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.close()
                self._refusal = f"cannot write {self._path}: it is used by another chatd"
        return self._refusal

    def close(self) -> None:
        """Let others write the file."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def read(self) -> Kept:
        """Give what is kept; nothing where there is no file. Raises BanFileError."""
        if self._path is None:
            return Kept()
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=Kept)
            bans = tuple(replace(ban, target=parse_target(ban.target)) for ban in kept.bans)
        except FileNotFoundError:
            return Kept()
        except OSError as error:
            raise BanFileError(f"cannot read the bans in {self._path}: {error.strerror}") from None
        except (msgspec.DecodeError, UnicodeDecodeError, CommandError) as error:
            raise BanFileError(f"cannot use the bans in {self._path}: {error}") from None
        return replace(kept, bans=bans)

    def write(self, kept: Callable[[], Kept]) -> None:
        """Keep what kept gives, all of it or what was there before.

        Raises BanFileError, on a disk that hangs after 5 seconds; it is written later then, if the
        disk goes on.
        """
        if self._path is None:
            return
        if self._refusal:
            raise BanFileError(self._refusal)
        with self._turn:
            self._start_locked()
            self._asked += 1
            mine, self._kept = self._asked, kept
            if not self._turn.wait_for(lambda: self._answered >= mine, _PATIENCE):
                raise BanFileError(f"cannot write {self._path}: the disk hangs")
            if self._problem:
                raise BanFileError(f"cannot write {self._path}: {self._problem}")

    def _start_locked(self) -> None:
        if self._writing:
            return
        try:
            start_lasting("chatd-bans", self._answer, lambda: False)
        except RuntimeError:
            raise BanFileError(f"cannot write {self._path}: the system gives no thread") from None
        self._writing = True

    def _answer(self) -> None:
        """Write until nobody asks any more; on a thread of its own, the only one that writes."""
        assert self._path is not None
        while True:
            with self._turn:
                self._writing = self._asked > self._answered
                if not self._writing:
                    return
                asked, kept = self._asked, self._kept
            problem = "internal error"
            try:
                _put(self._path.resolve(), msgspec.json.encode(kept()))
                problem = ""
            except OSError as error:
                problem = error.strerror or "no reason given"
            finally:
                with self._turn:
                    self._answered, self._problem = asked, problem
                    self._turn.notify_all()


def _put(path: Path, data: bytes) -> None:
    """Put data in the place of a file: a reader, and a crash, finds the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, new = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(msgspec.json.format(data) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
