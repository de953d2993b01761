"""A client of the library comes: where it finds a server, and what keeps it out."""

import contextlib

import pytest

from chat import RawClient, nobody_listens, wait_until
from chatcli import CommandError, NotConnected
from chatd.limits import Limits
from chatd.testing import running_server
from clients import chat_server, open_client
from foreign import foreign_server

pytestmark = pytest.mark.usefixtures("nothing_is_left_behind")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_both_families(kind, host):
    with running_server(host="::1" if host == "::1" else "127.0.0.1", dialect="json") as server:
        with open_client(kind, server.port, "bot", host=host) as bot:
            assert bot.users() == ["bot"]


def test_the_port_for_all(kind):
    """D-5: json, crlf and words are recognised by their first words."""
    with running_server() as server:
        for dialect in ("json", "crlf", "words"):
            with open_client(kind, server.port, "bot", dialect) as bot:
                bot.say("hello")
                assert [record.event.text for record in bot.history(1)] == ["hello"]


def test_nobody_is_there(kind):
    with nobody_listens() as port:
        with pytest.raises(ConnectionRefusedError), open_client(kind, port, "bot"):
            pass


def test_a_host_that_is_none(kind):
    with pytest.raises(OSError):
        with open_client(kind, 5555, "bot", host="no host at all"):
            pass


@pytest.mark.parametrize("bad", ["eve", "a/b"])
def test_a_nick_that_is_refused(kind, dialect, bad):
    with chat_server() as server:
        with open_client("threads", server.ports["json"], "eve") as eve:
            with pytest.raises(CommandError) as caught:
                with open_client(kind, server.ports[dialect], bad, dialect):
                    pass
            assert caught.value.code == ("nick-taken" if bad == "eve" else "bad-name")
            wait_until(lambda: eve.users() == ["eve"], "the end of the other")


def test_a_server_that_is_full(kind, dialect):
    with chat_server(limits=Limits(clients=1)) as server, RawClient(server.port, nick="ola"):
        with pytest.raises(CommandError) as caught:
            with open_client(kind, server.ports[dialect], "ala", dialect):
                pass
    assert caught.value.code == "full"


def test_a_server_that_never_answers_the_login(kind):
    """The connection is there, but nothing comes."""

    def serve(peer):
        assert peer.line() == b"LOGIN bot\r\n"
        assert peer.line() == b""

    with foreign_server(serve) as port:
        with pytest.raises(TimeoutError, match=r"no answer .* within 0\.1 seconds"):
            with open_client(kind, port, "bot", "crlf", timeout=0.1):
                pass


def test_who_never_came_in_has_not_said_anything(kind):
    """A server that hangs up at the door: that is no reason to wonder what it has carried out."""
    with foreign_server(lambda peer: peer.line()) as port:
        with pytest.raises(NotConnected, match="^the server closed the connection$"):
            with open_client(kind, port, "ala", "crlf"):
                pass


def test_a_server_that_talks_nonsense(kind):
    def serve(peer):
        peer.login("bot")
        with contextlib.suppress(ConnectionError):
            peer.sock.sendall(b"x" * 2**22)
            while peer.sock.recv(1000):  # to close now could throw away what is on its way
                pass

    with foreign_server(serve) as port:
        with pytest.raises(ConnectionError, match="nonsense"):
            with open_client(kind, port, "bot", "crlf"):
                pass
