"""A client's bookmark: what of the past was heard already."""

from chatcli.client.bookmark import Bookmark, overlap
from chatd.events import GENERAL, Missed, Record, Said
from chatd.ids import make_id


def said(text, nick="ola", room=GENERAL):
    return Said(room, nick, text)


def record(n, text, nick="ola", epoch=7):
    return Record(make_id(epoch, n), 0.0, GENERAL, said(text, nick))


def bookmark(*heard, doubtful=()):
    found = Bookmark()
    found.move(make_id(7, 10), "ala", map(said, heard), map(said, doubtful))
    return found


def unheard(mark, *records):
    return [one.event.text for one in mark.unheard(GENERAL, records)]


def test_what_was_heard_is_left_out_once():
    mark = bookmark("a", "b", "a")
    past = [record(11 + i, text) for i, text in enumerate("abaab")]
    assert unheard(mark, *past) == ["a", "b"]
    assert unheard(bookmark(), *past) == list("abaab")


def test_ones_own_is_left_out_under_each_nick():
    mark = bookmark("a")
    mark.names.add("alla")
    past = [record(11, "x", "ala"), record(12, "a"), record(13, "y", "alla"), record(14, "z")]
    assert unheard(mark, *past) == ["z"]


def test_what_was_heard_but_not_stored_hides_nothing():
    mark = bookmark("a", "b", "c")
    gap = Record(make_id(7, 12), 0.0, "", Missed(0, 0))
    past = [record(11, "a"), gap, record(1, "b", epoch=8)]
    assert mark.unheard(GENERAL, past) == past[1:]


def test_what_was_heard_while_the_id_was_asked_for():
    """It may be ahead of the id or behind; the past shows it."""
    for behind in range(4):
        mark = bookmark("d", "e", doubtful=["a", "b", "c"])
        texts = ["a", "b", "c", "d", "e", "new"][3 - behind :]
        past = [record(11 + i, text) for i, text in enumerate(texts)]
        assert unheard(mark, *past) == ["new"]


def test_other_rooms_do_not_count():
    mark = bookmark("a")
    assert mark.unheard("tea", [record(11, "a")]) == [record(11, "a")]


def test_crlf_does_not_tell_who_said_it():
    mark = Bookmark()
    mark.move(make_id(7, 10), "ala", [said("a", nick="")])
    assert unheard(mark, record(11, "a", "ola"), record(12, "a", "ela")) == ["a"]


def test_whether_the_past_reaches_back_to_what_was_heard():
    mark = bookmark("a", "b")
    assert mark.reaches(GENERAL, [record(12, "b"), record(13, "c")])
    assert not mark.reaches(GENERAL, [record(13, "c")])
    assert not mark.reaches(GENERAL, [])


def test_the_overlap_of_past_and_present():
    past = [said(text) for text in "abc"]
    assert overlap(past, [said("b"), said("c"), said("d")]) == 2
    assert overlap(past, [said("d")]) == 0
    assert overlap([], [said("d")]) == 0
