"""The way into `/admin`: who is asked for the secret where, and how long a login lasts."""

import re
from urllib.parse import quote

import pytest

from chat import RawClient, wait_until
from chatd.admins import make_admins
from chatd.events import CommandError, Promoted, Refused
from chatd.limits import Limits
from chatd.testing import running_server
from chatd.web.logins import Logins
from fakes import World
from visitor import ADMINS, SECRET, Visitor, admin_server, those
from webtalk import request

# -- the way in ------------------------------------------------------------------------------------


def test_the_cookie_is_for_these_pages_alone():
    with admin_server() as (server, _):
        visitor = Visitor(server)
        given = visitor.post("/admin/login", name="root", secret=SECRET).headers["Set-Cookie"]
        name, *flags = given.split("; ")
        assert re.fullmatch(r"__Secure-chatd-admin=[\w-]{43}", name)
        assert sorted(flags) == ["HttpOnly", "Path=/admin", "SameSite=Strict", "Secure"]
        form_token = (visitor.follow(), visitor.form_token)[1]
        given = visitor.post("/admin/logout", form_token=form_token).headers["Set-Cookie"]
        assert {"HttpOnly", "Path=/admin", "SameSite=Strict", "Secure", "Max-Age=0"} < set(
            given.split("; ")
        )


@pytest.mark.parametrize(
    ("name", "secret"), [("root", "open Sesame"), ("ola", SECRET), ("", ""), (SECRET, "root")]
)
def test_who_does_not_know_the_secret_stays_out(name, secret):
    with admin_server() as (server, seen):
        visitor = Visitor(server)
        page = visitor.post("/admin/login", name=name, secret=secret)
        assert page.status == 403
        assert "this is no moderator&#39;s name and secret" in page.text
        assert page.headers["Set-Cookie"] is None
        assert 'type="password"' in visitor.get().text
        wait_until(lambda: those(seen, Refused), "the line in the log")
    assert not secret or secret not in page.text
    assert SECRET not in str(those(seen, Refused))
    assert those(seen, Refused)[0].text.startswith("wrong secret of ")


def test_an_address_may_try_so_often_here_and_by_oper_together():
    with admin_server(exempt=()) as (server, _):
        with RawClient(server.port) as client:
            for _ in range(2):
                assert "no moderator" in client.ask("OPER root wrong-secret")
        visitor = Visitor(server)
        statuses = [visitor.post("/admin/login", name="root", secret="x").status for _ in range(3)]
        assert statuses == [403, 403, 403]
        page = visitor.post("/admin/login", name="root", secret=SECRET)
        assert (page.status, page.headers["Set-Cookie"]) == (429, None)
        assert "too many tries, wait a minute" in page.text


def test_without_moderators_it_says_how_to_have_some():
    with running_server(web=True) as server:
        for page in (Visitor(server).get(), Visitor(server).post("/admin/login", name="root")):
            assert page.status == 404
            assert "--admin NAME --admin-secret-file FILE" in page.text


FAR = "chat.example:5000"


def test_the_secret_is_not_asked_for_where_others_could_hear_it():
    with admin_server() as (server, seen):
        visitor = Visitor(server, Host=FAR)
        page = visitor.get()
        assert (page.status, "<form" in page.text) == (403, False)
        assert "would cross the network in clear" in page.text
        page = visitor.post("/admin/login", name="root", secret=SECRET)
        assert (page.status, page.headers["Set-Cookie"]) == (403, None)
        for name in ("localhost.chat.example", "127.0.0.1.chat.example", "chat.example", "[::2]:1"):
            assert Visitor(server, Host=name).get().status == 403, name
        for name in ("localhost", "LOCALHOST:1", "127.0.0.1:1", "[::1]:1", "[::1]", "a.localhost"):
            assert Visitor(server, Host=name).get().status == 200, name
        assert those(seen, Promoted) == []


def test_a_proxy_that_speaks_tls_may_ask_for_it():
    with admin_server() as (server, _):
        visitor = Visitor(server, Host=FAR, X_Forwarded_Proto="https", Origin=f"https://{FAR}")
        assert visitor.log_in().status == 200
        for header in ("X_Forwarded_For", "Via"):  # which did not say that it does
            assert Visitor(server, Host="localhost", **{header: "x"}).get().status == 403


def test_whoever_is_elsewhere_is_so_by_any_name():
    """Neither as localhost nor as a proxy is the secret asked for in clear."""
    with admin_server() as (server, _):
        pages = server.server._dispatcher.fetcher._pages
        for more in ({"Host": "localhost"}, {"X_Forwarded_Proto": "https"}):
            for address, encrypted, status in (
                ("192.0.2.7:4000", False, b"403"),
                ("[2001:db8::7]:4000", False, b"403"),
                ("192.0.2.7:4000", True, b"200"),
                ("[::1]:4000", False, b"200"),
            ):
                answer, _ = pages.answer(request("/admin", **more), address, encrypted)
                assert answer.split()[1] == status, (more, address)


def test_a_visitor_is_known_by_the_address_that_all_others_see():
    with admin_server() as (server, seen), RawClient(server.port, "::1") as client:
        form = f"name=root&secret={quote(SECRET)}"
        kind = "application/x-www-form-urlencoded"
        head = f"Host: [::1]\r\nContent-Type: {kind}\r\nContent-Length: {len(form)}"
        client.send(f"POST /admin/login HTTP/1.1\r\n{head}\r\n\r\n{form}".encode())
        assert client.line() == "HTTP/1.1 303 SEE OTHER"
        wait_until(lambda: those(seen, Promoted), "the line in the log")
        host, port, *_ = client.sock.getsockname()
        assert those(seen, Promoted) == [Promoted("root", "", f"[{host}]:{port}")]


def test_over_tls_it_is_asked_for_anywhere(certificate, authority):
    files = {"tls_cert": certificate.chain, "tls_key": certificate.key}
    with (
        admin_server(**files) as (server, _),
        RawClient(server.port, tls=authority.trust) as client,
    ):
        client.send(f"GET /admin HTTP/1.1\r\nHost: {FAR}\r\nConnection: close\r\n\r\n".encode())
        answer = client.rest().decode()
    assert answer.startswith("HTTP/1.1 200 OK\r\n")
    assert 'type="password"' in answer


# -- how long a login lasts ------------------------------------------------------------------------


def logins(**limits):
    world = World(moderation={"admins": ADMINS})
    return world, Logins(world.moderation, Limits(**limits), world.clock)


HOME = "192.0.2.7:4000"


def test_a_login_ends_in_time():
    world, book = logins(login_lasts=60.0)
    token = book.open(HOME, "root", SECRET)
    world.clock.pass_by(59.9)
    assert book.find(token).name == "root"
    world.clock.pass_by(0.2)
    assert book.find(token) is None
    world.clock.pass_by(-10)
    assert book.find(token) is None


def test_a_login_ends_with_the_secret_and_with_the_name():
    world, book = logins()
    root, eva = book.open(HOME, "Root", SECRET), book.open(HOME, "eva", SECRET)
    assert root != eva
    world.moderation.admins = make_admins(["root"], SECRET)
    assert (book.find(root).name, book.find(eva)) == ("Root", None)
    world.moderation.admins = make_admins(["root", "eva"], "another secret")
    assert (book.find(root), book.find(eva)) == (None, None)
    world.moderation.admins = ADMINS
    assert (book.find(root), book.find(eva)) == (None, None)


def test_logins_have_a_bound_and_the_oldest_goes():
    _, book = logins(logins=2)
    first, second, third = (book.open(f"192.0.2.{n}:1", "root", SECRET) for n in range(3))
    assert book.find(first) is None
    assert book.find(second)
    assert book.find(third)
    book.close(third)
    book.close(third)
    assert book.find(third) is None
    assert book.find("") is None


def test_a_wrong_secret_opens_nothing():
    world, book = logins()
    with pytest.raises(CommandError) as caught:
        book.open(HOME, "root", "wrong")
    assert caught.value.code == "wrong-secret"
    assert len(world.seen(Refused)) == 1


def test_the_secrets_change_ends_logins_on_a_server():
    with admin_server() as (server, _):
        visitor = Visitor(server)
        visitor.log_in()
        server.server.moderation.admins = make_admins(["root"], "another secret")
        assert 'type="password"' in visitor.get().text
