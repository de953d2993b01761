"""The server's certificate for TLS, and how it is renewed while the server runs."""

import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

from chatd.events import Event, Reloaded, Warned


class CertificateError(Exception):
    """A certificate that cannot be used; the text says which file and why."""


class Certificate:
    """A certificate and its private key, from PEM files; key None: both are in the first one.

    Raises CertificateError.
    """

    def __init__(self, cert: Path, key: Path | None = None) -> None:
        self._cert, self._key = cert, key
        self.context = self._load()
        """What new connections use."""

    def reload(self) -> None:
        """Read the files again, for connections to come. Raises CertificateError, and changes
        nothing then."""
        self.context = self._load()

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        for path in (self._cert, self._key):
            if path is not None:
                _check_readable(path)
        try:
            # Without a password, OpenSSL would ask for one on the terminal.
            context.load_cert_chain(self._cert, self._key, password="")
        except (OSError, ValueError) as error:
            reason = (getattr(error, "reason", None) or str(error)).lower().replace("_", " ")
            pair = " and ".join(str(path) for path in (self._cert, self._key) if path)
            raise CertificateError(f"cannot use {pair} for TLS: {reason}") from None
        return context


class Renewal:
    """Has a certificate read again, on a thread of its own: a file may hang.

    tell is called with what came of it, on that thread.
    """

    def __init__(self, certificate: Certificate, tell: Callable[[Event], None]) -> None:
        self._certificate = certificate
        self._tell = tell
        # A signal handler may ask while it interrupts one that asks: this queue bears that.
        self._asked: SimpleQueue[bool] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="chatd-reload", daemon=True)

    def start(self) -> None:
        """Be ready; later there may be no thread to be had."""
        self._thread.start()

    def ask(self) -> None:
        """Have the files read again; from any thread or signal handler."""
        self._asked.put(True)

    def stop(self) -> None:
        """End the thread, unless a file hangs."""
        self._asked.put(False)
        self._thread.join(1.0)

    def _run(self) -> None:
        while self._asked.get():
            try:
                self._certificate.reload()
            except CertificateError as error:
                self._tell(Warned(f"{error}; the one before stays in use"))
            else:
                self._tell(Reloaded())


def _check_readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise CertificateError(f"cannot read {path}: {error.strerror}") from None
