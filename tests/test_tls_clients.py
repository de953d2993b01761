"""TLS by chatcli and by the client library: in every dialect, and only with the right server."""

import ssl
import threading

import pytest

from chat import RawClient
from chatcli import Said
from chatcli.tls import trusting
from chatd.testing import running_server
from clients import DIALECTS, KINDS, open_client, until
from piped import run
from terminal import WELCOME, Terminal

SAY = {"slash": ["1", "ala", "hello"], "words": ["login ala", "msgall hello"]}
SAY |= {"crlf": ["hello"], "json": ["hello"], "rooms": ["public General hello"]}


@pytest.fixture
def ca(authority, tmp_path):
    return authority.write(tmp_path / "ca.pem")


# -- chatcli ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_pipe(dialect, client_engine, certificate, ca):
    with running_server(dialect=dialect, tls_cert=certificate.both, tls_only=True) as server:
        nick = () if dialect == "slash" else ("-l", "ala")
        options = ("--dialect", dialect, "--engine", client_engine, "--tls", "--ca", str(ca))
        status, shown, errors = run(
            server.port, *options, *nick, typed="\n".join(SAY[dialect]) + "\n"
        )
    assert (status, errors) == (0, ""), shown


def test_a_long_paste_and_what_comes_meanwhile(client_engine, certificate, ca, authority):
    """Much in both directions at the same time, by whatever threads the client has."""
    lines = [f"{number} {'x' * 95}" for number in range(5000)]
    with running_server(tls_cert=certificate.both) as server:
        with RawClient(server.port, nick="ola", tls=authority.trust) as ola:
            heard = []
            listening = threading.Thread(target=lambda: heard.extend(ola.line() for _ in lines))
            listening.start()
            options = ("--engine", client_engine, "--tls", "--ca", str(ca), "-l", "ala")
            status, _, errors = run(server.port, *options, typed="\n".join(lines) + "\n")
            listening.join()
    assert (status, errors) == (0, "")
    assert heard == [f"PUB_MSG {line}" for line in lines]


def test_a_terminal(client_engine, certificate, ca, authority):
    with running_server(tls_cert=certificate.both) as server:
        options = ("--engine", client_engine, "--tls", "--ca", str(ca))
        with RawClient(server.port, nick="ola", tls=authority.trust) as ola:
            with Terminal(server.port, *options) as ala:
                ala.shows(WELCOME, "ala>")
                ala.type("hello\r")
                assert ola.line() == "PUB_MSG hello"
                ola.send("PUB hello yourself")
                ala.shows("ala> hello", "< hello yourself", "ala>")
                ala.type("/quit\r")
                assert ala.finish() == 0


@pytest.mark.parametrize(
    ("host", "options", "complaint"),
    [
        ("localhost", (), "unable to get local issuer certificate"),
        ("::1", ("--ca",), "IP address mismatch, certificate is not valid for '::1'"),
    ],
)
def test_the_wrong_server(host, options, complaint, client_engine, authority, ca, tmp_path):
    """Nothing is said to a server that is not the one it says it is."""
    names = ("localhost",)
    with running_server(tls_cert=authority.issue(tmp_path, *names).both, tls_only=True) as server:
        options = [*options, str(ca)] if options else []
        options += ["-s", host, "--engine", client_engine, "--tls", "-l", "ala"]
        status, shown, errors = run(server.port, *options, typed="secret\n")
        assert (status, shown) == (1, "")
        assert complaint in errors


def test_no_verify(client_engine, certificate):
    with running_server(tls_cert=certificate.both, tls_only=True) as server:
        options = ("--engine", client_engine, "--tls", "--no-verify", "-l", "ala")
        assert run(server.port, *options, typed="/list\n") == (0, "users: ala\n", "")


def test_a_server_without_tls(client_engine):
    with running_server() as server:
        options = ("--engine", client_engine, "--tls", "-l", "ala", "--timeout", "1")
        status, shown, errors = run(server.port, *options, typed="secret\n")
    assert (status, shown) == (1, "")
    assert errors.startswith("chatcli: ")
    assert errors.count("\n") == 1


def test_tls_that_is_not_asked_for(client_engine, certificate):
    with running_server(tls_cert=certificate.both, tls_only=True) as server:
        status, _, errors = run(server.port, "--engine", client_engine, "-l", "ala", typed="x\n")
    assert status == 1
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--ca", "ca.pem"), "without --tls there is nothing to check"),
        (("--no-verify",), "without --tls there is nothing to check"),
        (("--tls", "--ca", "nothing.pem"), "cannot use nothing.pem: no such file or directory"),
        (("--tls", "--ca", __file__), f"cannot use {__file__}: no certificate or crl found"),
    ],
)
def test_mistakes_on_the_command_line(options, complaint):
    status, shown, errors = run(1, *options, "-l", "ala")
    assert (status, shown) == (2, "")
    assert complaint in errors


# -- the library -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_client_of_the_library(kind, dialect, certificate, ca):
    settings = {"tls_cert": certificate.both, "tls_only": True}
    with running_server(dialect=dialect, **settings) as server:
        context = trusting(ca)
        with (
            open_client(kind, server.port, "ala", dialect, tls=True, ca=ca) as ala,
            open_client(kind, server.port, "bob", dialect, tls=context) as bob,
        ):
            ala.say("hello")
            assert until(bob, lambda event: isinstance(event, Said))[-1].text == "hello"
            assert ala.users() == ["ala", "bob"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_library_checks_the_server(kind, certificate):
    with running_server(tls_cert=certificate.both, tls_only=True) as server:
        with pytest.raises(OSError, match="unable to get local issuer certificate"):
            with open_client(kind, server.port, "ala", "crlf", tls=True, reconnect=False):
                pass


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_authorities_that_is_none(kind):
    with pytest.raises((OSError, ssl.SSLError)):
        with open_client(kind, 1, "ala", tls=True, ca=__file__):
            pass
