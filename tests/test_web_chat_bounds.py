"""Pages have the same bounds as all: moderators, the pace, connections of an address."""

from chatd.admins import make_admins
from chatd.config import Listen
from chatd.flood import Pace
from chatd.limits import Limits
from webtalk import Browser, WebMemory, asking, frame, web_server

SECRET = "open sesame"


def until_tag(page, tag):
    while (message := page.message()).get("tag") != tag:
        pass
    return message


def test_moderators_and_pages(engine):
    """W-11: a page is told why it is muted, kicked or banned, and closed by 1000."""
    admins = make_admins(["root"], SECRET)
    with web_server(engine=engine, admins=admins) as server, Browser(server.port) as eva:
        eva.open_socket()
        eva.ask_page("set-name", "eva")
        eva.send(frame(asking("oper", f"root {SECRET}", "1")))
        until_tag(eva, "1")

        def come():
            page = Browser(server.port)
            page.open_socket()
            page.ask_page("set-name", "bob")
            return page

        for verb, code, text in (
            ("kick", "kicked", "you have been kicked by eva: no shouting"),
            ("ban", "banned", "you have been banned by eva: no shouting"),
        ):
            with come() as bob:
                eva.send(frame(asking(verb, "bob no shouting", verb)))
                while (left := eva.message())["event"] != "left":
                    pass
                assert not {*left} - {"source", "message", "event", "nick", "id", "time"}
                assert until_tag(eva, verb)["event"] == "done"
                told = bob.message()
                assert (told["event"], told["code"], told["message"]) == ("failed", code, text)
                assert bob.farewell() == 1000
        with Browser(server.port) as bob:
            bob.open_socket()
            assert bob.ask_page("set-name", "bob", "1")["code"] == "banned"
            assert bob.ask_page("set-name", "bill", "2")["event"] == "entered"
            assert bob.message()["event"] == "done"
            eva.send(frame(asking("mute", "bill", "mute")))
            assert until_tag(eva, "mute")["event"] == "done"
            assert bob.ask_page("message", "hello?", "3")["code"] == "muted"


def test_the_pace_of_all():
    """W-12: ten at once, and two a second from then on; a notice tells, and nothing is lost."""
    world = WebMemory(pace=Pace(10, 2.0))
    page = world.page()
    page.send(frame(asking("set-name", "ala")))
    page.send(b"".join(frame(asking("message", str(n), str(n))) for n in range(12)))
    told = page.messages()
    done = [each["tag"] for each in told if each["event"] == "done"]
    assert 8 <= len(done) < 12
    assert [each["code"] for each in told if each["event"] == "notice"] == ["slow-down"]
    for _ in range(8):
        world.now += 0.5
        page.send(b"")
        done += [each["tag"] for each in page.messages() if each["event"] == "done"]
    assert done == [str(n) for n in range(12)]


def test_connections_of_an_address(engine):
    """W-11, R-13: a page too many is told by what it speaks, once that is known."""
    settings = {"limits": Limits(per_address=1), "exempt": (), "engine": engine}
    listen = (Listen("web", "127.0.0.1"),)
    with web_server(listen=listen, **settings) as server, Browser(server.ports["web"]) as page:
        page.open_socket()
        page.ask_page("set-name", "ala")
        with Browser(server.ports["web"]) as other:
            assert other.rest().startswith(b"HTTP/1.1 503 ")
        assert page.ask_page("message", "hi")["message"] == "hi"
