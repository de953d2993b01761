"""The server's certificate for TLS, and how it is renewed while the server runs."""

import ssl
from pathlib import Path


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


def _check_readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise CertificateError(f"cannot read {path}: {error.strerror}") from None
