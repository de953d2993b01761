"""The bytes that wait for one client."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.outbox import JOINED, Outbox
from fakes import Wire


def filled(*pieces):
    outbox = Outbox()
    for piece in pieces:
        outbox.add(piece)
    return outbox


def test_it_sends_what_waits_in_order():
    outbox, wire = filled(b"one", b"two", b"three"), Wire()
    assert outbox.size == 11
    outbox.flush(wire.send)
    assert wire.taken == b"onetwothree"
    assert outbox.size == 0


def test_it_stops_where_the_connection_does_and_goes_on_there():
    outbox, wire = filled(b"abcdef", b"gh"), Wire()
    for room, taken in [(2, b"ab"), (0, b"ab"), (1, b"abc"), (4, b"abcdefg"), (9, b"abcdefgh")]:
        wire.room = room
        outbox.flush(wire.send)
        assert wire.taken == taken
        assert outbox.size == 8 - len(taken)


def test_it_asks_no_more_of_a_connection_that_took_a_part():
    outbox, wire = filled(b"abc", b"def", b"ghi"), Wire(room=4)
    outbox.flush(wire.send)
    assert wire.taken == b"abcd"
    assert wire.sends == 1


def test_many_small_pieces_go_out_together():
    outbox, wire = filled(*[b"%04d" % n for n in range(2000)]), Wire(room=6)
    outbox.flush(wire.send)
    assert wire.taken == b"000000"
    wire.room = None
    outbox.flush(wire.send)
    assert wire.taken == b"".join(b"%04d" % n for n in range(2000))
    assert wire.sends == 2


def test_large_pieces_are_never_copied():
    pieces = [bytes(JOINED), b"small", bytes(JOINED), bytes(JOINED - 1), b"a", b"b"]
    outbox, seen = filled(*pieces), []
    outbox.flush(lambda data: seen.append(data) or len(data))
    assert [len(data) for data in seen] == [JOINED, 5, JOINED, JOINED, 1]
    for data, piece in ((seen[0], pieces[0]), (seen[1], pieces[1]), (seen[2], pieces[2])):
        assert data.obj is piece


def test_the_sent_part_of_what_is_added_is_not_sent_again():
    outbox, wire = Outbox(), Wire()
    outbox.add(b"hello", sent=2)
    outbox.add(b" world")
    assert outbox.size == 9
    outbox.flush(wire.send)
    assert wire.taken == b"llo world"


def test_what_many_wait_for_is_held_once():
    piece = bytes(1000)
    seen = []
    for sent in (0, 3, 999):
        outbox = Outbox()
        outbox.add(piece, sent)
        outbox.flush(lambda view: seen.append(view.obj) or 1)
    assert len(seen) == 3
    assert all(one is piece for one in seen)


def test_clearing_forgets_everything():
    outbox, wire = filled(b"abcdef"), Wire(room=2)
    outbox.flush(wire.send)
    outbox.clear()
    assert outbox.size == 0
    wire.room = None
    outbox.add(b"new")
    outbox.flush(wire.send)
    assert wire.taken == b"abnew"


def test_a_broken_connection_shows():
    outbox, wire = filled(b"abc"), Wire()
    wire.broken = True
    with pytest.raises(BrokenPipeError):
        outbox.flush(wire.send)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.binary(min_size=1, max_size=9), st.integers(0, 9)),
        st.tuples(st.just("flush"), st.integers(0, 30), st.just(0)),
        st.tuples(st.just("clear"), st.just(0), st.just(0)),
    )
)


@given(STEPS)
def test_it_is_a_queue_of_bytes(steps):
    outbox, wire = Outbox(), Wire(room=0)
    waiting, taken = b"", b""
    for step, value, sent in steps:
        if step == "add":
            sent = 0 if waiting else min(sent, len(value) - 1)
            outbox.add(value, sent)
            waiting += value[sent:]
        elif step == "flush":
            wire.room = value
            outbox.flush(wire.send)
            taken += waiting[:value]
            waiting = waiting[value:]
        else:
            outbox.clear()
            waiting = b""
        assert outbox.size == len(waiting)
        assert wire.taken == taken
