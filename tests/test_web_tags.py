"""What a page asks with a tag has one end, which has the tag, behind all answers."""

from chatd.commands import Command
from fakes import Pool
from webtalk import WebMemory, asking, codes, frame


def test_each_tag_has_one_end_behind_its_answers():
    """W-04, W-07: in the order of the requests, whatever becomes of them, also where some wait."""
    slow = Command("slowly", lambda ctx: ctx.reply("slow"), blocks=True)
    world = WebMemory(commands=[slow])
    pool = world._dispatcher._pool = Pool()
    page = world.page("ala")
    asked = [
        ("users", None),
        ("slowly", None),
        ("dance", "x"),
        ("message", "hi"),
        ("message", "a\x07"),
        ("message", "a\tb\nc"),
        ("message", "a\r\nb"),
        ("join", "nowhere"),
        ("slowly", None),
        ("message", ""),
        ("kick", "ala"),
        ("set-name", "ala"),
        ("whoami", None),
    ]
    page.send(b"".join(frame(asking(*each, str(n))) for n, each in enumerate(asked)))
    pool.jobs.popleft().run()
    page.send(b"")
    pool.jobs.popleft().abandon()  # it took too long
    page.send(b"")
    told = page.messages()
    ends = [each for each in told if "tag" in each]
    assert [each["tag"] for each in ends] == [str(n) for n in range(len(asked))]
    assert codes(ends) == [
        *("done", "done", "unknown-command", "done", "bad-text", "done", "bad-text"),
        *("no-such-room", "timeout", "missing-argument", "not-a-moderator", "done", "done"),
    ]
    assert codes(told)[:4] == ["users", "done", "notice", "done"]


def test_quit_has_no_end_but_that_of_the_session():
    """W-04, W-11: nor has what comes behind it."""
    page = WebMemory().page("ala")
    page.send(frame(asking("quit", tag="1")) + frame(asking("whoami", tag="2")))
    assert page.farewell() == ([], 1000, "")


def test_what_cannot_be_understood_has_no_tag():
    """W-04, W-10: one error, and the next message counts; what went before keeps its tag."""
    page = WebMemory().page("ala")
    for nonsense, code in (
        ("", "bad-json"),
        ("{", "bad-json"),
        ("[]", "bad-message"),
        ('"message"', "bad-message"),
        ("{}", "bad-message"),
        ('{"type":5,"tag":"1"}', "bad-message"),
        ('{"type":"message","data":["x"],"tag":"1"}', "bad-message"),
        ('{"type":"message","data":"x","tag":1}', "bad-message"),
        ('{"type":"message","data":"\\ud800","tag":"1"}', "bad-json"),
        ("[" * 4000, "bad-message"),
        ("x" * 4097, "line-too-long"),
        (asking("message", "x" * 4096, "1"), "line-too-long"),
    ):
        page.send(frame(asking("whoami", tag="0")) + frame(nonsense))
        told = page.messages()
        assert codes(told) == ["you", "done", code]
        assert [each.get("tag") for each in told] == [None, "0", None]
    assert codes(page.ask("message", "hi", "2")) == ["said", "done"]


def test_a_plugin_that_fails_costs_one_error():
    """W-04: with its tag."""
    world = WebMemory()
    page = world.page("ala")
    world._dispatcher.run = lambda session, request: (_ for _ in ()).throw(KeyError("x"))
    (failed,) = page.ask("users", tag="1")
    assert (failed["code"], failed["tag"]) == ("internal", "1")
    assert failed["message"].startswith("internal error E")
