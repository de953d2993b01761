"""Certificates for tests, by an authority of their own."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass
class Files:
    """A certificate with its key, in two files and in one."""

    chain: Path
    key: Path
    both: Path


class Authority:
    """Signs certificates."""

    def __init__(self):
        self._ca = trustme.CA()

    def issue(self, folder, *names, **dates):
        """Write a certificate for names, or for localhost, into folder."""
        cert = self._ca.issue_cert(*(names or ("localhost", "127.0.0.1", "::1")), **dates)
        files = Files(folder / "cert.pem", folder / "key.pem", folder / "both.pem")
        files.chain.write_bytes(b"".join(blob.bytes() for blob in cert.cert_chain_pems))
        files.key.write_bytes(cert.private_key_pem.bytes())
        files.both.write_bytes(cert.private_key_and_cert_chain_pem.bytes())
        return files

    def write(self, path):
        """Write what clients need to know it."""
        self._ca.cert_pem.write_to_path(path)
        return path

    @property
    def trust(self):
        """The context of a client that trusts it and nobody else."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._ca.configure_trust(context)
        return context
