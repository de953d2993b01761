"""`/admin`: what is seen there, what is not, and in what form."""

import logging
import re
from contextlib import ExitStack
from html.parser import HTMLParser
from urllib.parse import quote

import pytest

from chat import RawClient, wait_until
from chatd.events import LoggedOut, Moderated, Promoted
from chatd.limits import Limits
from chatd.mistakes import log_mistake
from visitor import Visitor, admin_server, those
from webtalk import fetch


def test_a_moderator_comes_kicks_and_goes(engine):
    with admin_server(engine) as (server, seen):
        with RawClient(server.port, nick="ala") as ala, RawClient(server.port, nick="bob") as bob:
            visitor = Visitor(server)
            assert 'type="password"' in visitor.get().text
            page = visitor.log_in()
            assert page.status == 200
            assert "ala" in page.text
            form = {"nick": "bob", "reason": "too  loud\r\n", "form_token": visitor.form_token}
            assert visitor.post("/admin/kick", **form).status == 303
            assert bob.rest() == b"ERROR you have been kicked by root: too loud\r\n"
            assert "bob is kicked" in visitor.follow().text
            assert "bob is kicked" not in visitor.get().text
            wait_until(lambda: those(seen, LoggedOut), "the end of bob")
            assert those(seen, Moderated) == [Moderated("root", "kicks", "bob", "", "too loud")]
            assert those(seen, LoggedOut) == [LoggedOut("bob", "kicked by root: too loud")]
            assert [(one.name, one.nick) for one in those(seen, Promoted)] == [("root", "")]
            visitor.sees("root kicks bob: too loud")
            before = visitor.cookie
            assert visitor.post("/admin/logout", form_token=visitor.form_token).status == 303
            assert visitor.cookie == ""
            assert 'type="password"' in visitor.follow().text
            visitor.cookie = before
            assert 'type="password"' in visitor.get().text
            assert ala.ask("WHOAMI") == "WHOAMI ala"


# -- what is seen ----------------------------------------------------------------------------------


def test_what_is_said_is_not_shown():
    """D-10: not in private, and not in rooms either."""
    with admin_server() as (server, _):
        with RawClient(server.port, nick="ala") as ala, RawClient(server.port, nick="bob") as bob:
            ala.send("PUB everybody-hears")
            ala.send("PRIV bob psst-secret")
            assert [bob.line(), bob.line()] == [
                "PUB_MSG everybody-hears",
                "PRIV_FROM ala psst-secret",
            ]
            text = Visitor(server).log_in().text
    assert "psst" not in text
    assert "everybody-hears" not in text
    assert ">2<" in text  # messages


def test_whatever_is_shown_stays_text():
    markup = "<script>alert(1)<\\script>\"'&"
    with admin_server() as (server, _):
        with RawClient(server.port, nick='<img"onerror=a>') as ala, RawClient(server.port) as bob:
            assert ala.ask("CREATE <svg'onload=b>") == "OK"
            bob.login("bob")
            visitor = Visitor(server)
            visitor.log_in()
            fields = {"nick": "bob", "reason": markup, "form_token": visitor.form_token}
            visitor.post("/admin/kick", **fields)
            visitor.post("/admin/kick", **{**fields, "nick": f"no-{markup}"})
            pages = [visitor.follow(), visitor.get("/admin?find=" + quote(markup))]
            visitor.sees("root kicks bob: &lt;script&gt;alert(1)")
            pages.append(visitor.post("/admin/login", name=markup, secret=markup))
            pages.append(fetch(server.port, "/admin/" + quote(markup)))
    for page in pages:
        assert not re.search(r"<script>|<img|<svg'|onerror=a>(?!&)", page.text)
    assert "&lt;img&#34;onerror=a&gt;" in pages[0].text
    assert "&lt;svg&#39;onload=b&gt;" in pages[0].text
    assert "there is no user no-&lt;script&gt;" in pages[0].text


@pytest.mark.parametrize("reason", ["x" * 201, "red \x1b[31m"])
def test_reasons_are_what_they_are_in_the_chat(reason):
    with admin_server() as (server, _), RawClient(server.port, nick="bob") as bob:
        visitor = Visitor(server)
        visitor.log_in()
        visitor.post("/admin/kick", nick="bob", reason=reason, form_token=visitor.form_token)
        text = visitor.follow().text
        assert "longer than 200 characters" in text or "control characters" in text
        assert bob.ask("WHOAMI") == "WHOAMI bob"


def test_what_is_shown_is_bounded_and_can_be_searched():
    with admin_server(limits=Limits(shown=2, shown_names=2)) as (server, _), ExitStack() as stack:
        clients = [stack.enter_context(RawClient(server.port, nick=f"user-{n}")) for n in range(4)]
        clients[3].ask("CREATE den")
        clients[3].ask("JOIN den")
        visitor = Visitor(server)
        text = visitor.log_in().text
        assert re.search(r"Sessions: [5-9], of which 2 are shown", text)
        assert "user-0, user-1 and 2 more" in text
        assert 'value="user-3"' not in text
        assert "Sessions with USER-3: 1<" in visitor.get("/admin?find=USER-3").text
        assert "Sessions with den: 1<" in visitor.get("/admin?find=den").text
        assert "Rooms with den: 1<" in visitor.page.text
        visitor.post("/admin/kick?find=den", form_token=visitor.form_token)
        assert visitor.page.headers["Location"] == "/admin?find=den"


def test_addresses_are_shown_unless_they_are_to_be_nowhere():
    with admin_server() as (server, _), RawClient(server.port, nick="ala") as ala:
        visitor = Visitor(server)
        visitor.log_in()
        assert visitor.sees("logged in ala").count(ala.address) == 2  # as a session, in the log
    with (
        admin_server(no_log_addresses=True) as (server, _),
        RawClient(server.port, nick="ala") as ala,
    ):
        visitor = Visitor(server)
        assert "127.0.0.1:" not in visitor.log_in().text
        assert ">Address<" not in visitor.page.text
        assert "Sessions with 127.0.0.1: 0<" in visitor.get("/admin?find=127.0.0.1").text


def test_trouble_is_marked(tmp_path, monkeypatch):
    with admin_server(store=f"sqlite:///{tmp_path}/history.db") as (server, _):
        metrics = server.server.metrics
        visitor = Visitor(server)
        wait_until(lambda: not metrics.recorder.waiting, "the store")
        usual = visitor.log_in().text
        assert "<dt>store</dt><dd>works</dd>" in usual
        assert '<div class="bad"><dt>store' not in usual
        assert '<div class="bad"><dt>plugins' not in usual
        with monkeypatch.context() as broken:
            broken.setattr(metrics.recorder, "trouble", "the disk is full")
            broken.setattr(metrics.recorder, "missed", 7)
            guard = metrics.guards.plugin("dice")
            for _ in range(10):
                guard.fail(ValueError())
            text = visitor.get().text
        assert '<div class="bad"><dt>store</dt><dd>the disk is full, 7 were not stored<' in text
        assert '<div class="bad"><dt>plugins off</dt><dd>dice</dd>' in text
        visitor.sees("plugin dice is switched off: it failed 10 times in a row")


def test_mistakes_are_in_the_log_while_the_server_runs():
    logger = logging.getLogger("chatd")
    before = logger.handlers.copy()
    with admin_server() as (server, _):
        number = log_mistake(ValueError("<boom>"), "a test")
        visitor = Visitor(server)
        visitor.log_in()
        visitor.sees(f"warning: internal error {number} in a test")
        visitor.sees("ValueError: &lt;boom&gt;")
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
    with admin_server() as (server, _), RawClient(server.port, nick="ala"):
        visitor = Visitor(server)
        pages = [visitor.get().text, visitor.log_in().text]
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
