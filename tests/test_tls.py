"""TLS on the wire: beside plain clients or alone, on every engine and in every dialect."""

import contextlib
import json
import signal
import socket
import ssl
import threading

import pytest

from chat import PATIENCE, LineClient, RawClient, chatd_process, wait_until
from chatd.config import Listen
from chatd.events import Disconnected, LoggedOut, Reloaded, Warned
from chatd.layers import Tls
from chatd.limits import Limits
from chatd.taps import Tap
from chatd.testing import running_server


@pytest.fixture
def trust(authority):
    return authority.trust


@pytest.fixture
def server(engine, certificate):
    """A server for TLS and plain clients."""
    with running_server(engine=engine, tls_cert=certificate.both) as running:
        yield running


class Seen(list):
    """A tap, and what it saw."""

    @property
    def tap(self):
        return Tap(self.append)

    def of(self, kind):
        return [event for event in list(self) if isinstance(event, kind)]


# -- who talks to whom -----------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_tls_and_plain_clients_share_a_port_and_a_room(server, trust, host):
    with (
        RawClient(server.port, host, "ala", tls=trust) as ala,
        RawClient(server.port, host, "bob") as bob,
    ):
        bob.send("PUB to ala")
        assert ala.line() == "PUB_MSG to ala"
        ala.send("PUB to bob")
        assert bob.line() == "PUB_MSG to bob"
        assert ala.ask("PRIV bob psst") == "OK"
        assert bob.line() == "PRIV_FROM ala psst"


WAYS_IN = {
    "crlf": (b"LOGIN ala\r\n", b"OK"),
    "json": (b'{"type":"set-name","data":"ala"}\n', b"renamed to ala"),
    "slash": (b"1\nala\n", b"ala! Zostales"),
    "words": (b"login ala\n", b"[ala] log in."),
    "rooms": (b"ala\n", b"You joined the room"),
}


@pytest.mark.parametrize("dialect", WAYS_IN)
@pytest.mark.parametrize("tls", ["auto", "only"])
def test_every_dialect(engine, certificate, trust, dialect, tls):
    """The same talk with TLS and without, by a client that speaks and one that is greeted."""
    listen = Listen(dialect, "127.0.0.1", tls=tls)
    with running_server(engine=engine, tls_cert=certificate.both, listen=(listen,)) as running:
        with (
            RawClient(running.port, nick="bob") as bob,
            LineClient(running.ports[dialect], tls=trust) as ala,
        ):
            ala.send(WAYS_IN[dialect][0])
            heard = b""
            while WAYS_IN[dialect][1] not in heard:
                heard += ala.sock.recv(1000)
            bob.send("PUB can you hear me")
            heard = b""
            while b"can you hear me" not in heard:
                heard += ala.sock.recv(1000)
            assert bob.ask("LIST") == "USERS bob ala"


def test_json_greets_who_is_silent_and_who_is_not(engine, certificate, trust):
    """Where TLS may come, a plain client is greeted all the same, though later if it waits."""
    listen = Listen("json", "127.0.0.1")
    with running_server(engine=engine, tls_cert=certificate.both, listen=(listen,)) as running:
        port = running.ports["json"]
        with LineClient(port) as silent, LineClient(port, tls=trust) as secure:
            for one in (silent, secure):
                notice = json.loads(one.line())["data"]["message"]
                assert notice.endswith(" has entered the chat")
            with LineClient(port) as eager:
                eager.send('{"type":"users"}')
                assert "has entered" in eager.line()
                assert "[Server]" in eager.line()


def test_tls_only(engine, certificate, trust):
    """R-29: plain clients hear nothing of the chat, and what they say does not count."""
    seen = Seen()
    settings = {"tls_cert": certificate.both, "tls_only": True}
    with running_server(engine=engine, taps=(seen.tap,), **settings) as running:
        with RawClient(running.port) as plain, RawClient(running.port, tls=trust) as secure:
            plain.send("LOGIN bob")
            assert b"OK" not in plain.rest()
            assert secure.ask("LOGIN ala") == "OK"
            assert secure.ask("LIST") == "USERS ala"
            wait_until(lambda: seen.of(Disconnected), "the end of the plain client")
            assert seen.of(Disconnected)[0].reason.startswith("TLS: ")


def test_each_listener_may_have_its_own_rule(engine, certificate, trust):
    listen = (Listen("crlf", "127.0.0.1", tls="off"), Listen("words", "127.0.0.1", tls="only"))
    with running_server(engine=engine, tls_cert=certificate.both, listen=listen) as running:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            RawClient(running.ports["crlf"], tls=trust)
        with RawClient(running.ports["crlf"], nick="bob"):
            pass
        with LineClient(running.ports["words"]) as plain:
            plain.send("login ala")
            assert b"log in" not in plain.rest()


# -- versions and verification ---------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_current_versions_of_tls(server, trust, version):
    """R-28: both are taken."""
    trust.minimum_version = trust.maximum_version = version
    with RawClient(server.port, nick="ala", tls=trust) as ala:
        assert ala.sock.version() == version.name.replace("_", ".")
        assert ala.ask("LIST") == "USERS ala"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_outdated_version_is_refused(server, trust):
    """R-28: whatever ciphers the client brings."""
    trust.set_ciphers("ALL:@SECLEVEL=0")
    trust.minimum_version = trust.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        RawClient(server.port, tls=trust)


def test_who_does_not_know_the_authority_does_not_connect(server):
    with pytest.raises(ssl.SSLCertVerificationError):
        RawClient(server.port, tls=ssl.create_default_context())


# -- bytes -----------------------------------------------------------------------------------------


def test_a_handshake_byte_by_byte_and_a_login_in_its_last_packet(server, trust):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trust.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with RawClient(server.port) as raw:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    raw.send(bytes([byte]))
                incoming.write(raw.sock.recv(65536))
        tls.write(b"LOGIN ala\r\n")
        raw.send(outgoing.read())
        incoming.write(raw.sock.recv(65536))
        heard = b""
        while b"OK\r\n" not in heard:
            with contextlib.suppress(ssl.SSLWantReadError):
                heard += tls.read(1000)
                continue
            incoming.write(raw.sock.recv(65536))


def test_much_arrives_whole_and_in_order(server, trust):
    lines = [f"{i:05} " + "x" * 1000 for i in range(1000)]
    with (
        RawClient(server.port, nick="ala", tls=trust) as ala,
        RawClient(server.port, nick="bob", tls=trust) as bob,
    ):
        sender = threading.Thread(
            target=ala.send, args=("".join(f"PUB {line}\r\n" for line in lines).encode(),)
        )
        sender.start()
        assert [bob.line() for _ in lines] == [f"PUB_MSG {line}" for line in lines]
        sender.join()


def test_who_reads_nothing_is_dropped_and_nobody_else(engine, certificate, trust):
    seen = Seen()
    limits = Limits(outbox=64 * 1024, sndbuf=8 * 1024, stall=0.3)
    settings = {"tls_cert": certificate.both, "limits": limits}
    with running_server(engine=engine, taps=(seen.tap,), **settings) as running:
        with (
            RawClient(running.port, nick="ala", tls=trust) as ala,
            RawClient(running.port, nick="bob", rcvbuf=4096, tls=trust),
            RawClient(running.port, nick="eve", tls=trust) as eve,
        ):
            sent = 0
            while not seen.of(LoggedOut):
                ala.send("PUB " + "x" * 4000)
                assert len(eve.line()) == 4008
                sent += 1
                assert sent < 10_000
            assert seen.of(LoggedOut)[0].nick == "bob"
            assert "too slow" in seen.of(LoggedOut)[0].reason
            assert ala.ask("LIST") == "USERS ala eve"


def test_a_farewell_is_answered_by_one_behind_all_answers(server, trust):
    """A client that says that nothing follows still hears what it asked for."""
    with RawClient(server.port, nick="ala", tls=trust) as ala:
        ala.send(b"LIST\r\nWHOAMI\r\n" * 100)
        heard = b""
        while heard.count(b"\r\n") < 200:
            heard += ala.sock.recv(65536)
        with ala.sock.unwrap() as raw:  # raises unless the server says farewell, too
            assert raw.recv(10) == b""


SLOW = """
import time
from chatd import Command, hookimpl

def slow(ctx):
    time.sleep(0.2)
    ctx.reply("at last")

@hookimpl
def register_commands():
    return [Command("slow", slow, blocks=True)]
"""


def test_all_that_was_asked_before_the_farewell_is_done(engine, certificate, trust, tmp_path):
    """However long it takes: what waits for a worker, and more than the log holds at a time."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "slow.py").write_text(SLOW)
    settings = {"tls_cert": certificate.both, "plugins_dir": tmp_path / "plugins"}
    asked = b"LOGIN ala\r\nWHOAMI\r\nSLOW\r\nWHOAMI\r\n" + b"PUB hello\r\n" * 4000
    with running_server(engine=engine, **settings) as running:
        with RawClient(running.port, nick="bob") as bob, RawClient(running.port) as ala:
            tls = Tls(trust, "localhost")
            tls.feed(b"")
            while not tls.ready:
                ala.send(tls.take())
                tls.feed(ala.sock.recv(65536))
            ala.send(tls.take() + tls.seal(asked) + tls.close())
            assert [bob.line() for _ in range(4000)] == ["PUB_MSG hello"] * 4000
            heard = tls.feed(ala.rest())
            assert heard == b"OK\r\nWHOAMI ala\r\nNOTICE at last\r\nWHOAMI ala\r\n"
            assert tls.over


def test_the_last_words_of_a_session_come_with_a_farewell(engine, certificate, trust):
    """So they are told from a connection that broke: `recv` raises at a ragged end."""
    with running_server(engine=engine, tls_cert=certificate.both) as running:
        ala = RawClient(running.port, nick="ala", tls=trust)
    with ala:
        assert ala.line() == "ERROR the server is shutting down"
        assert ala.line() is None


@pytest.mark.parametrize("when", ["before the login", "in the chat"])
def test_garbage_ends_one_session_and_harms_nobody_else(server, trust, when):
    with (
        RawClient(server.port, nick="bob", tls=trust) as bob,
        RawClient(server.port, tls=trust) as ala,
    ):
        if when == "in the chat":
            ala.login("ala")
        raw = socket.socket(fileno=ala.sock.detach())
        raw.sendall(b"\x17\x03\x03\x00\x20" + b"garbage!" * 4)
        raw.settimeout(PATIENCE)
        while raw.recv(1000):
            pass
        raw.close()
        wait_until(lambda: bob.ask("LIST") == "USERS bob", "the nick to be free")


# -- the door --------------------------------------------------------------------------------------


def test_who_stalls_the_handshake_meets_the_login_deadline_and_costs_nobody(
    engine, certificate, trust
):
    """R-27: fifty of them, with half a ClientHello each; others chat, with TLS and without."""
    seen = Seen()
    settings = {"tls_cert": certificate.both, "limits": Limits(login=1.0)}
    with running_server(engine=engine, taps=(seen.tap,), **settings) as running:
        with contextlib.ExitStack() as stack:
            stalled = [stack.enter_context(RawClient(running.port)) for _ in range(50)]
            for one in stalled:
                one.send(b"\x16\x03\x01\x02\x00\x01\x00")  # half of a ClientHello
            with (
                RawClient(running.port, nick="ala", tls=trust) as ala,
                RawClient(running.port, nick="bob") as bob,
            ):
                ala.send("PUB hello")
                assert bob.line() == "PUB_MSG hello"
                assert [one.rest() for one in stalled] == [b""] * 50
                reasons = wait_until(
                    lambda: len(seen.of(Disconnected)) == 50 and seen.of(Disconnected)
                )
                assert {event.reason for event in reasons} == {"no login within 1 seconds"}
                assert ala.ask("LIST") == "USERS ala bob"


def test_a_full_server_says_nothing_that_tls_clients_could_take_for_an_answer(
    engine, certificate, trust
):
    settings = {"tls_cert": certificate.both, "tls_only": True, "limits": Limits(door=1)}
    with running_server(engine=engine, **settings) as running:
        with RawClient(running.port), RawClient(running.port) as second:
            assert second.rest() == b""


# -- a new certificate -----------------------------------------------------------------------------


def serial(client):
    return client.sock.getpeercert()["serialNumber"]


def test_a_new_certificate_is_for_new_connections(engine, authority, certificate, trust):
    seen = Seen()
    settings = {"tls_cert": certificate.chain, "tls_key": certificate.key}
    with running_server(engine=engine, taps=(seen.tap,), **settings) as running:
        with RawClient(running.port, nick="ala", tls=trust) as ala:
            authority.issue(certificate.chain.parent)
            running.server.reload()
            wait_until(lambda: seen.of(Reloaded), "the certificate to be read")
            with RawClient(running.port, nick="bob", tls=trust) as bob:
                assert serial(ala) != serial(bob)
                ala.send("PUB still here")
                assert bob.line() == "PUB_MSG still here"


def test_a_bad_file_leaves_the_one_before_in_use(engine, certificate, trust):
    seen = Seen()
    with running_server(engine=engine, tls_cert=certificate.both, taps=(seen.tap,)) as running:
        with RawClient(running.port, nick="ala", tls=trust) as ala:
            certificate.both.write_text("nonsense")
            running.server.reload()
            wait_until(lambda: seen.of(Warned), "the warning")
            assert seen.of(Warned)[0].text.startswith("cannot reload, nothing has changed: ")
            with RawClient(running.port, nick="bob", tls=trust) as bob:
                assert serial(ala) == serial(bob)


def test_sighup(tmp_path, engine, authority, certificate, trust):
    """A certificate is renewed by a signal; nobody notices, and the next client gets it."""
    options = ("--engine", engine, "-v", "--tls-only", "--tls-cert", str(certificate.both))
    with chatd_process(tmp_path, *options) as process:
        with RawClient(process.port, nick="ala", tls=trust) as ala:
            authority.issue(certificate.both.parent)
            process.send_signal(signal.SIGHUP)
            while b"reloaded: certificate" not in process.stdout.readline():
                pass
            with RawClient(process.port, nick="bob", tls=trust) as bob:
                assert serial(ala) != serial(bob)
                assert ala.ask("LIST") == "USERS ala bob"
        process.terminate()
        assert process.wait(PATIENCE) == 0
        assert process.stderr.read() == b""


NO_TLS = r"there is no TLS without a certificate \(--tls-cert\)"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--tls-only",), NO_TLS),
        (("--tls-key", "key.pem"), NO_TLS),
        (("--listen", "json=:0?tls=only"), NO_TLS),
        (("--listen", "json=:0?tls=maybe"), "tls is auto, only, off, not maybe"),
        (("--tls-cert", "nothing.pem"), "cannot read nothing.pem: No such file or directory"),
    ],
)
def test_mistakes_on_the_command_line(tmp_path, options, complaint):
    with pytest.raises(AssertionError, match=complaint), chatd_process(tmp_path, *options):
        pass
