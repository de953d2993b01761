"""The TLS layer by itself: bytes in, bytes out, however they are cut."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.certificates import Certificate, CertificateError
from chatd.layers import LayerError, Tls, TlsOrPlain


@pytest.fixture(scope="module")
def server(authority, tmp_path_factory):
    return Certificate(authority.issue(tmp_path_factory.mktemp("pem")).both).context


@pytest.fixture(scope="module")
def client(authority):
    return authority.trust


def pair(client, server):
    """Two ends that have shaken hands."""
    here, there = Tls(client, "localhost"), Tls(server)
    pump(here, there)
    assert here.ready
    assert there.ready
    return here, there


def pump(here, there, size=100_000):
    """Carry what both have to tell, in pieces of size; return what each heard."""
    said = {here: b"", there: b""}
    here.feed(b"")
    moved = True
    while moved:
        moved = False
        for one, other in ((here, there), (there, here)):
            data = one.take()
            for start in range(0, len(data), size):
                said[other] += other.feed(data[start : start + size])
                moved = True
    return said[here], said[there]


@given(sizes=st.lists(st.integers(0, 40_000), max_size=5), cut=st.integers(1, 5000))
def test_what_is_said_arrives_however_it_is_cut(client, server, sizes, cut):
    here, there = pair(client, server)
    for one, other in ((here, there), (there, here)):
        sealed = b"".join(one.seal(bytes([65 + i]) * n) for i, n in enumerate(sizes))
        heard = b"".join(other.feed(sealed[i : i + cut]) for i in range(0, len(sealed), cut))
        assert heard == b"".join(bytes([65 + i]) * n for i, n in enumerate(sizes))
        assert not other.over


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_handshake_in_small_pieces(client, server, size):
    here, there = Tls(client, "localhost"), Tls(server)
    pump(here, there, size)
    assert (here.ready, there.ready) == (True, True)


def test_nothing_is_said_before_the_handshake(client, server):
    for end in (Tls(client, "localhost"), Tls(server)):
        assert end.seal(b"secret") == b""
        assert end.close() == b""


def test_the_farewell_ends_one_direction(client, server):
    here, there = pair(client, server)
    assert there.feed(here.seal(b"last words") + here.close()) == b"last words"
    assert there.over
    assert here.feed(there.seal(b"answer") + there.close()) == b"answer"
    assert here.over


@pytest.mark.parametrize("garbage", [b"LOGIN ala\r\n", b"\x16\x03\x01\x00\x05hello", b"\x15" * 50])
def test_what_is_no_handshake_is_an_error_and_nothing_can_be_said(server, garbage):
    end = Tls(server)
    with pytest.raises(LayerError, match="^TLS: "):
        end.feed(garbage)
    assert end.seal(b"secret") == b""
    assert b"secret" not in end.close()


def test_a_broken_record_is_an_error(client, server):
    here, there = pair(client, server)
    sealed = bytearray(here.seal(b"hello"))
    sealed[-1] ^= 1
    with pytest.raises(LayerError, match="^TLS: "):
        there.feed(bytes(sealed))
    assert there.take()  # the alert
    assert there.seal(b"secret") == b""


def test_the_first_byte_tells(client, server):
    plain, secure, silent = (TlsOrPlain(server) for _ in range(3))
    assert plain.feed(b"") == b""
    assert plain.heir is plain
    assert plain.feed(b"LOGIN") == b"LOGIN"
    assert plain.heir is None
    here = Tls(client, "localhost")
    here.feed(b"")
    assert secure.feed(here.take()) == b""
    assert isinstance(secure.heir, Tls)
    pump(here, secure.heir)
    assert secure.heir.feed(here.seal(b"LOGIN")) == b"LOGIN"
    assert silent.seal(b"no login") == b"no login"
    silent.quiet_passed()
    assert silent.heir is None


def test_a_client_checks_who_it_talks_to(authority, server):
    for context, name, reason in (
        (authority.trust, "example.org", "Hostname mismatch"),
        (ssl.create_default_context(), "localhost", "unable to get local issuer"),
    ):
        here, there = Tls(context, name), Tls(server)
        with pytest.raises(LayerError, match=reason):
            pump(here, there)


# -- files -----------------------------------------------------------------------------------------


def test_certificate_and_key_in_one_file_or_in_two(certificate):
    assert Certificate(certificate.both).context
    assert Certificate(certificate.chain, certificate.key).context


def test_files_that_cannot_be_used(authority, certificate, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    strange = authority.issue(other).key
    nothing = tmp_path / "nothing.pem"
    empty = tmp_path / "empty.pem"
    empty.touch()
    for files, complaint in (
        ((nothing,), f"cannot read {nothing}: No such file or directory"),
        ((certificate.chain, nothing), f"cannot read {nothing}: No such file or directory"),
        ((tmp_path,), f"cannot read {tmp_path}: Is a directory"),
        ((empty,), f"cannot use {empty} for TLS: "),
        ((certificate.chain,), f"cannot use {certificate.chain} for TLS: "),
        ((certificate.chain, strange), "key values mismatch"),
    ):
        with pytest.raises(CertificateError) as caught:
            Certificate(*files)
        assert complaint in str(caught.value)


def test_a_key_with_a_password_is_refused_without_asking_for_it(certificate, tmp_path):
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(certificate.key.read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame")
        )
    )
    with pytest.raises(CertificateError, match="cannot use .* for TLS: "):
        Certificate(certificate.chain, locked)
