"""The server's certificate for TLS."""

import ssl
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from chatd.config import Config, SettingsError

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which has no name in Python."""

_CIPHERS = "ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
"""Of TLS 1.2, those with forward secrecy: Python's own choice, which some systems replace."""


class CertificateError(SettingsError):
    """A certificate that cannot be used; the text says which file and why."""


class Certificate:
    """A certificate and its private key, from PEM files; key None: both are in the first one.

    It equals one of files that held the same. Raises CertificateError.
    """

    def __init__(self, cert: Path, key: Path | None = None) -> None:
        self._cert = cert
        paths = [path for path in (cert, key) if path is not None]
        self._digests = [sha256(_read(path)).digest() for path in paths]
        self.context = context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        """What new connections use."""
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.set_ciphers(_CIPHERS)
        try:
            # Without a password, OpenSSL would ask for one on the terminal.
            context.load_cert_chain(cert, key, password="")
        except (OSError, ValueError) as error:
            reason = (getattr(error, "reason", None) or str(error)).lower().replace("_", " ")
            pair = " and ".join(map(str, paths))
            raise CertificateError(f"cannot use {pair} for TLS: {reason}") from None

    def seen_by_client(self) -> dict[str, Any]:
        """Give what `SSLSocket.getpeercert` tells a client of it, were its dates as they may be.

        By a handshake in memory, as Python's ssl reads certificates of peers only. Raises
        CertificateError when no client would have it, whatever the date.
        """
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname = False
        client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
        client.load_verify_locations(self._cert)
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        server_end = self.context.wrap_bio(there, back, server_side=True)
        client_end = client.wrap_bio(back, there)
        try:
            for end in (client_end, server_end, client_end):
                with suppress(ssl.SSLWantReadError):
                    end.do_handshake()
        except ssl.SSLCertVerificationError as error:
            raise CertificateError(f"{self._cert}: {error.verify_message}") from None
        return dict(client_end.getpeercert() or {})

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
