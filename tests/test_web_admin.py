"""`/admin`: who gets in, what is seen there, and what can be done."""

import logging
import re
from contextlib import ExitStack, contextmanager
from html.parser import HTMLParser
from urllib.parse import quote

import pytest

from chat import RawClient, wait_until
from chatd.admins import make_admins
from chatd.events import CommandError, LoggedOut, Moderated, Promoted, Refused
from chatd.limits import Limits
from chatd.mistakes import log_mistake
from chatd.taps import Tap
from chatd.testing import running_server
from chatd.web.logins import Logins
from fakes import World
from webtalk import fetch, request

SECRET = "open sesame"
ADMINS = make_admins(["root", "eva"], SECRET)


class Browser:
    """Somebody who looks at the pages of one server; keeps its cookie, as browsers do."""

    def __init__(self, server, **headers):
        self.port = server.port
        self.headers = headers
        self.cookie = ""
        self.page = None

    def get(self, path="/admin"):
        return self._ask(path, "GET")

    def post(self, path, **fields):
        """Send a form, without any token but the given one."""
        form = "&".join(f"{name}={quote(value)}" for name, value in fields.items())
        kind = "application/x-www-form-urlencoded"
        return self._ask(path, "POST", form.encode(), Content_Type=kind)

    def log_in(self, name="root", secret=SECRET):
        """Log in, and follow to the page."""
        assert self.post("/admin/login", name=name, secret=secret).status == 303
        return self.follow()

    def sees(self, text):
        """Look again until a text is there: the log comes behind what clients are told."""
        return wait_until(lambda: text in self.get().text and self.page.text, text)

    def follow(self):
        assert self.page.status == 303, self.page.text
        return self.get(self.page.headers["Location"])

    @property
    def form_token(self):
        return re.search(r'name="form_token" value="([^"]+)"', self.page.text)[1]

    def _ask(self, path, *how, **fields):
        cookie = self.cookie or None
        self.page = fetch(self.port, path, *how, Cookie=cookie, **fields, **self.headers)
        if given := self.page.headers["Set-Cookie"]:
            self.cookie = "" if "Max-Age=0" in given else given.partition(";")[0]
        return self.page


@contextmanager
def running(engine="threads", **settings):
    """Run a server with moderators; give it, and what a tap sees."""
    seen = []
    with running_server(
        engine=engine, web=True, taps=(Tap(seen.append),), **{"admins": ADMINS, **settings}
    ) as server:
        yield server, seen


def those(seen, kind):
    return [event for event in seen if type(event) is kind]


# -- the way in ------------------------------------------------------------------------------------


def test_a_moderator_comes_kicks_and_goes(engine):
    with running(engine) as (server, seen):
        with RawClient(server.port, nick="ala") as ala, RawClient(server.port, nick="bob") as bob:
            browser = Browser(server)
            assert 'type="password"' in browser.get().text
            page = browser.log_in()
            assert page.status == 200
            assert "ala" in page.text
            form = {"nick": "bob", "reason": "too  loud\r\n", "form_token": browser.form_token}
            assert browser.post("/admin/kick", **form).status == 303
            assert bob.rest() == b"ERROR you have been kicked by root: too loud\r\n"
            assert "bob is kicked" in browser.follow().text
            assert "bob is kicked" not in browser.get().text
            wait_until(lambda: those(seen, LoggedOut), "the end of bob")
            assert those(seen, Moderated) == [Moderated("root", "kicks", "bob", "", "too loud")]
            assert those(seen, LoggedOut) == [LoggedOut("bob", "kicked by root: too loud")]
            assert [(one.name, one.nick) for one in those(seen, Promoted)] == [("root", "")]
            browser.sees("root kicks bob: too loud")
            before = browser.cookie
            assert browser.post("/admin/logout", form_token=browser.form_token).status == 303
            assert browser.cookie == ""
            assert 'type="password"' in browser.follow().text
            browser.cookie = before
            assert 'type="password"' in browser.get().text
            assert ala.ask("WHOAMI") == "WHOAMI ala"


def test_the_cookie_is_for_these_pages_alone():
    with running() as (server, _):
        browser = Browser(server)
        given = browser.post("/admin/login", name="root", secret=SECRET).headers["Set-Cookie"]
        name, *flags = given.split("; ")
        assert re.fullmatch(r"__Secure-chatd-admin=[\w-]{43}", name)
        assert sorted(flags) == ["HttpOnly", "Path=/admin", "SameSite=Strict", "Secure"]
        form_token = (browser.follow(), browser.form_token)[1]
        given = browser.post("/admin/logout", form_token=form_token).headers["Set-Cookie"]
        assert {"HttpOnly", "Path=/admin", "SameSite=Strict", "Secure", "Max-Age=0"} < set(
            given.split("; ")
        )


@pytest.mark.parametrize(
    ("name", "secret"), [("root", "open Sesame"), ("ola", SECRET), ("", ""), (SECRET, "root")]
)
def test_who_does_not_know_the_secret_stays_out(name, secret):
    with running() as (server, seen):
        browser = Browser(server)
        page = browser.post("/admin/login", name=name, secret=secret)
        assert page.status == 403
        assert "this is no moderator&#39;s name and secret" in page.text
        assert page.headers["Set-Cookie"] is None
        assert 'type="password"' in browser.get().text
        wait_until(lambda: those(seen, Refused), "the line in the log")
    assert not secret or secret not in page.text
    assert SECRET not in str(those(seen, Refused))
    assert those(seen, Refused)[0].text.startswith("wrong secret of ")


def test_an_address_may_try_so_often_here_and_by_oper_together():
    with running(exempt=()) as (server, _):
        with RawClient(server.port) as client:
            for _ in range(2):
                assert "no moderator" in client.ask("OPER root wrong-secret")
        browser = Browser(server)
        statuses = [browser.post("/admin/login", name="root", secret="x").status for _ in range(3)]
        assert statuses == [403, 403, 403]
        page = browser.post("/admin/login", name="root", secret=SECRET)
        assert (page.status, page.headers["Set-Cookie"]) == (429, None)
        assert "too many tries, wait a minute" in page.text


def test_without_moderators_it_says_how_to_have_some():
    with running_server(web=True) as server:
        for page in (Browser(server).get(), Browser(server).post("/admin/login", name="root")):
            assert page.status == 404
            assert "--admin NAME --admin-secret-file FILE" in page.text


FAR = "chat.example:5000"


def test_the_secret_is_not_asked_for_where_others_could_hear_it():
    with running() as (server, seen):
        browser = Browser(server, Host=FAR)
        page = browser.get()
        assert (page.status, "<form" in page.text) == (403, False)
        assert "would cross the network in clear" in page.text
        page = browser.post("/admin/login", name="root", secret=SECRET)
        assert (page.status, page.headers["Set-Cookie"]) == (403, None)
        for name in ("localhost.chat.example", "127.0.0.1.chat.example", "chat.example", "[::2]:1"):
            assert Browser(server, Host=name).get().status == 403, name
        for name in ("localhost", "LOCALHOST:1", "127.0.0.1:1", "[::1]:1", "[::1]", "a.localhost"):
            assert Browser(server, Host=name).get().status == 200, name
        assert those(seen, Promoted) == []


def test_a_proxy_that_speaks_tls_may_ask_for_it():
    with running() as (server, _):
        browser = Browser(server, Host=FAR, X_Forwarded_Proto="https", Origin=f"https://{FAR}")
        assert browser.log_in().status == 200
        for header in ("X_Forwarded_For", "Via"):  # which did not say that it does
            assert Browser(server, Host="localhost", **{header: "x"}).get().status == 403


def test_whoever_is_elsewhere_is_so_by_any_name():
    """Neither as localhost nor as a proxy is the secret asked for in clear."""
    with running() as (server, _):
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
    with running() as (server, seen), RawClient(server.port, "::1") as client:
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
    with running(**files) as (server, _), RawClient(server.port, tls=authority.trust) as client:
        client.send(f"GET /admin HTTP/1.1\r\nHost: {FAR}\r\nConnection: close\r\n\r\n".encode())
        answer = client.rest().decode()
    assert answer.startswith("HTTP/1.1 200 OK\r\n")
    assert 'type="password"' in answer


# -- whose forms -----------------------------------------------------------------------------------


def test_a_form_without_its_token_does_nothing():
    with running() as (server, _), RawClient(server.port, nick="bob") as bob:
        browser, other = Browser(server), Browser(server)
        other.log_in("eva")
        browser.log_in()
        for wrong in (None, "", "ś", other.form_token):
            fields = {} if wrong is None else {"form_token": wrong}
            for path in ("/admin/kick", "/admin/logout"):
                assert browser.post(path, nick="bob", **fields).status == 403
        assert bob.ask("WHOAMI") == "WHOAMI bob"
        assert browser.get().status == 200
        right = browser.form_token
        browser.cookie = ""
        assert browser.post("/admin/kick", nick="bob", form_token=right).status == 403
        assert "that login has ended" in browser.page.text
        assert bob.ask("WHOAMI") == "WHOAMI bob"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1", ""]
)
def test_forms_of_other_pages_do_nothing(origin):
    with running() as (server, _), RawClient(server.port, nick="bob") as bob:
        browser = Browser(server)
        browser.log_in()
        form_token = browser.form_token
        browser.headers["Origin"] = origin
        for path in ("kick", "logout", "login"):
            fields = {"nick": "bob", "form_token": form_token, "name": "root", "secret": SECRET}
            page = browser.post(f"/admin/{path}", **fields)
            assert (page.status, page.headers["Set-Cookie"]) == (403, None)
        assert bob.ask("WHOAMI") == "WHOAMI bob"
        browser.headers["Origin"] = f"http://127.0.0.1:{server.port}"
        assert browser.post("/admin/kick", nick="bob", form_token=form_token).status == 303


def test_how_each_page_may_be_asked_for():
    with running() as (server, _):
        browser = Browser(server)
        browser.log_in()
        for path in ("kick", "login", "logout"):
            assert browser.get(f"/admin/{path}").status == 405
        assert browser.post("/admin").status == 405
        assert browser.get("/admin/else").status == 404
        head = fetch(server.port, "/admin", "HEAD", Cookie=browser.cookie)
        assert (head.status, head.text) == (200, "")


def test_what_each_page_tells_browsers():
    with running() as (server, _):
        browser = Browser(server)
        pages = [browser.get(), browser.post("/admin/login", name="root", secret="wrong")]
        pages += [browser.post("/admin/login", name="root", secret=SECRET), browser.follow()]
        pages.append(browser.post("/admin/kick"))
        for page in pages:
            assert page.headers.get_all("Referrer-Policy") == ["same-origin"]
            assert "no-store" in page.headers["Cache-Control"]
            assert "script-src 'self';" in page.headers["Content-Security-Policy"]
        assert fetch(server.port, "/").headers["Referrer-Policy"] == "no-referrer"
    for page in pages:
        assert not re.search(
            r"<style|\sstyle=|<script(?! type=\"module\" src=)|\son\w+=", page.text
        )


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
    with running() as (server, _):
        browser = Browser(server)
        browser.log_in()
        server.server.moderation.admins = make_admins(["root"], "another secret")
        assert 'type="password"' in browser.get().text


# -- what is seen ----------------------------------------------------------------------------------


def test_what_is_said_is_not_shown():
    """D-10: not in private, and not in rooms either."""
    with running() as (server, _):
        with RawClient(server.port, nick="ala") as ala, RawClient(server.port, nick="bob") as bob:
            ala.send("PUB everybody-hears")
            ala.send("PRIV bob psst-secret")
            assert [bob.line(), bob.line()] == [
                "PUB_MSG everybody-hears",
                "PRIV_FROM ala psst-secret",
            ]
            text = Browser(server).log_in().text
    assert "psst" not in text
    assert "everybody-hears" not in text
    assert ">2<" in text  # messages


def test_whatever_is_shown_stays_text():
    markup = "<script>alert(1)<\\script>\"'&"
    with running() as (server, _):
        with RawClient(server.port, nick='<img"onerror=a>') as ala, RawClient(server.port) as bob:
            assert ala.ask("CREATE <svg'onload=b>") == "OK"
            bob.login("bob")
            browser = Browser(server)
            browser.log_in()
            fields = {"nick": "bob", "reason": markup, "form_token": browser.form_token}
            browser.post("/admin/kick", **fields)
            browser.post("/admin/kick", **{**fields, "nick": f"no-{markup}"})
            pages = [browser.follow(), browser.get("/admin?find=" + quote(markup))]
            browser.sees("root kicks bob: &lt;script&gt;alert(1)")
            pages.append(browser.post("/admin/login", name=markup, secret=markup))
            pages.append(fetch(server.port, "/admin/" + quote(markup)))
    for page in pages:
        assert not re.search(r"<script>|<img|<svg'|onerror=a>(?!&)", page.text)
    assert "&lt;img&#34;onerror=a&gt;" in pages[0].text
    assert "&lt;svg&#39;onload=b&gt;" in pages[0].text
    assert "there is no user no-&lt;script&gt;" in pages[0].text


@pytest.mark.parametrize("reason", ["x" * 201, "red \x1b[31m"])
def test_reasons_are_what_they_are_in_the_chat(reason):
    with running() as (server, _), RawClient(server.port, nick="bob") as bob:
        browser = Browser(server)
        browser.log_in()
        browser.post("/admin/kick", nick="bob", reason=reason, form_token=browser.form_token)
        text = browser.follow().text
        assert "longer than 200 characters" in text or "control characters" in text
        assert bob.ask("WHOAMI") == "WHOAMI bob"


def test_what_is_shown_is_bounded_and_can_be_searched():
    with running(limits=Limits(shown=2, shown_names=2)) as (server, _), ExitStack() as stack:
        clients = [stack.enter_context(RawClient(server.port, nick=f"user-{n}")) for n in range(4)]
        clients[3].ask("CREATE den")
        clients[3].ask("JOIN den")
        browser = Browser(server)
        text = browser.log_in().text
        assert re.search(r"Sessions: [5-9], of which 2 are shown", text)
        assert "user-0, user-1 and 2 more" in text
        assert 'value="user-3"' not in text
        assert "Sessions with USER-3: 1<" in browser.get("/admin?find=USER-3").text
        assert "Sessions with den: 1<" in browser.get("/admin?find=den").text
        assert "Rooms with den: 1<" in browser.page.text
        browser.post("/admin/kick?find=den", form_token=browser.form_token)
        assert browser.page.headers["Location"] == "/admin?find=den"


def test_addresses_are_shown_unless_they_are_to_be_nowhere():
    with running() as (server, _), RawClient(server.port, nick="ala") as ala:
        browser = Browser(server)
        browser.log_in()
        assert browser.sees("logged in ala").count(ala.address) == 2  # as a session, in the log
    with running(no_log_addresses=True) as (server, _), RawClient(server.port, nick="ala") as ala:
        browser = Browser(server)
        assert "127.0.0.1:" not in browser.log_in().text
        assert ">Address<" not in browser.page.text
        assert "Sessions with 127.0.0.1: 0<" in browser.get("/admin?find=127.0.0.1").text


def test_trouble_is_marked(tmp_path, monkeypatch):
    with running(store=f"sqlite:///{tmp_path}/history.db") as (server, _):
        metrics = server.server.metrics
        browser = Browser(server)
        wait_until(lambda: not metrics.recorder.waiting, "the store")
        usual = browser.log_in().text
        assert "<dt>store</dt><dd>works</dd>" in usual
        assert '<div class="bad"><dt>store' not in usual
        assert '<div class="bad"><dt>plugins' not in usual
        with monkeypatch.context() as broken:
            broken.setattr(metrics.recorder, "trouble", "the disk is full")
            broken.setattr(metrics.recorder, "missed", 7)
            guard = metrics.guards.plugin("dice")
            for _ in range(10):
                guard.fail(ValueError())
            text = browser.get().text
        assert '<div class="bad"><dt>store</dt><dd>the disk is full, 7 were not stored<' in text
        assert '<div class="bad"><dt>plugins off</dt><dd>dice</dd>' in text
        browser.sees("plugin dice is switched off: it failed 10 times in a row")


def test_mistakes_are_in_the_log_while_the_server_runs():
    logger = logging.getLogger("chatd")
    before = logger.handlers.copy()
    with running() as (server, _):
        number = log_mistake(ValueError("<boom>"), "a test")
        browser = Browser(server)
        browser.log_in()
        browser.sees(f"warning: internal error {number} in a test")
        browser.sees("ValueError: &lt;boom&gt;")
    assert logger.handlers == before


# -- its form --------------------------------------------------------------------------------------


class Outline(HTMLParser):
    """What assistive technology takes from a page."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)
        self.ids = [given["id"] for _, given in self.tags if "id" in given]

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def test_pages_have_their_landmarks_and_labels():
    with running() as (server, _), RawClient(server.port, nick="ala"):
        browser = Browser(server)
        pages = [browser.get().text, browser.log_in().text]
    for page in map(Outline, pages):
        tags = [tag for tag, _ in page.tags]
        assert len(set(page.ids)) == len(page.ids)
        assert tags.count("main") == tags.count("h1") == 1
        assert tags.count("title") == tags.count("desc") + 1 == tags.count("svg") + 1
        named = [i for _, a in page.tags for i in (a.get("aria-labelledby", "")).split()]
        labels = [given["for"] for tag, given in page.tags if tag == "label" and "for" in given]
        assert set(named) | set(labels) <= set(page.ids)
        for tag, given in page.tags:
            if tag == "input" and given.get("type") not in ("hidden", "checkbox"):
                assert given["id"] in labels
            if tag == "th":
                assert given["scope"] in ("col", "row")
            if "tabindex" in given:
                assert (given["role"], "aria-labelledby" in given) == ("region", True)
