"""The file in which bans and mutes outlive the server."""

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from chatd.bans import Kept, parse_target
from chatd.events import CommandError

_PATIENCE = 5.0
"""Seconds to wait for a writer before: less than a command may take."""


class BanFileError(Exception):
    """A file of bans that cannot be read or written; the text is one line and says why."""


class BanFile:
    """A JSON file, or none at all. Whoever calls it waits for the disk."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._writing = threading.Lock()

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
        """Keep what kept gives, all of it or what was there before. Raises BanFileError."""
        if self._path is None:
            return
        if not self._writing.acquire(timeout=_PATIENCE):
            raise BanFileError(f"cannot write {self._path}: the disk hangs")
        try:
            _put(self._path.resolve(), msgspec.json.encode(kept()))
        except OSError as error:
            raise BanFileError(f"cannot write {self._path}: {error.strerror}") from None
        finally:
            self._writing.release()


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
