"""Forms of `/admin`: those of other pages do nothing; and what all its pages tell browsers."""

import re

import pytest

from chat import RawClient
from visitor import SECRET, Visitor, admin_server
from webtalk import fetch


def test_a_form_without_its_token_does_nothing():
    with admin_server() as (server, _), RawClient(server.port, nick="bob") as bob:
        visitor, other = Visitor(server), Visitor(server)
        other.log_in("eva")
        visitor.log_in()
        for wrong in (None, "", "ś", other.form_token):
            fields = {} if wrong is None else {"form_token": wrong}
            for path in ("/admin/kick", "/admin/logout"):
                assert visitor.post(path, nick="bob", **fields).status == 403
        assert bob.ask("WHOAMI") == "WHOAMI bob"
        assert visitor.get().status == 200
        right = visitor.form_token
        visitor.cookie = ""
        assert visitor.post("/admin/kick", nick="bob", form_token=right).status == 403
        assert "that login has ended" in visitor.page.text
        assert bob.ask("WHOAMI") == "WHOAMI bob"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1", ""]
)
def test_forms_of_other_pages_do_nothing(origin):
    with admin_server() as (server, _), RawClient(server.port, nick="bob") as bob:
        visitor = Visitor(server)
        visitor.log_in()
        form_token = visitor.form_token
        visitor.headers["Origin"] = origin
        for path in ("kick", "logout", "login"):
            fields = {"nick": "bob", "form_token": form_token, "name": "root", "secret": SECRET}
            page = visitor.post(f"/admin/{path}", **fields)
            assert (page.status, page.headers["Set-Cookie"]) == (403, None)
        assert bob.ask("WHOAMI") == "WHOAMI bob"
        visitor.headers["Origin"] = f"http://127.0.0.1:{server.port}"
        assert visitor.post("/admin/kick", nick="bob", form_token=form_token).status == 303


def test_how_each_page_may_be_asked_for():
    with admin_server() as (server, _):
        visitor = Visitor(server)
        visitor.log_in()
        for path in ("kick", "login", "logout"):
            assert visitor.get(f"/admin/{path}").status == 405
        assert visitor.post("/admin").status == 405
        assert visitor.get("/admin/else").status == 404
        head = fetch(server.port, "/admin", "HEAD", Cookie=visitor.cookie)
        assert (head.status, head.text) == (200, "")


def test_what_each_page_tells_browsers():
    with admin_server() as (server, _):
        visitor = Visitor(server)
        pages = [visitor.get(), visitor.post("/admin/login", name="root", secret="wrong")]
        pages += [visitor.post("/admin/login", name="root", secret=SECRET), visitor.follow()]
        pages.append(visitor.post("/admin/kick"))
        for page in pages:
            assert page.headers.get_all("Referrer-Policy") == ["same-origin"]
            assert "no-store" in page.headers["Cache-Control"]
            assert "script-src 'self';" in page.headers["Content-Security-Policy"]
        assert fetch(server.port, "/").headers["Referrer-Policy"] == "no-referrer"
    for page in pages:
        assert not re.search(
            r"<style|\sstyle=|<script(?! type=\"module\" src=)|\son\w+=", page.text
        )
