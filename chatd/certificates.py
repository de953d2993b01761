"""The server's certificate for TLS."""

import ssl
from hashlib import sha256
from pathlib import Path

from chatd.config import Config, SettingsError


class CertificateError(SettingsError):
    """A certificate that cannot be used; the text says which file and why."""


class Certificate:
    """A certificate and its private key, from PEM files; key None: both are in the first one.

    It equals one of files that held the same. Raises CertificateError.
    """

    def __init__(self, cert: Path, key: Path | None = None) -> None:
        paths = [path for path in (cert, key) if path is not None]
        self._digests = [sha256(_read(path)).digest() for path in paths]
        self.context = context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        """What new connections use."""
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        try:
            # Without a password, OpenSSL would ask for one on the terminal.
            context.load_cert_chain(cert, key, password="")
        except (OSError, ValueError) as error:
            reason = (getattr(error, "reason", None) or str(error)).lower().replace("_", " ")
            pair = " and ".join(map(str, paths))
            raise CertificateError(f"cannot use {pair} for TLS: {reason}") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and self._digests == other._digests


def load_certificate(config: Config) -> Certificate | None:
    """Load the certificate; nobody may believe that there is TLS where there is none.

    Raises CertificateError.
    """
    if config.tls_cert is not None:
        return Certificate(config.tls_cert, config.tls_key)
    asked = [
        config.tls_key,
        config.tls_only,
        *(one.tls in ("auto", "only") for one in config.listen),
    ]
    if any(asked):
        raise CertificateError("there is no TLS without a certificate (--tls-cert)")
    return None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(f"cannot read {path}: {error.strerror}") from None
