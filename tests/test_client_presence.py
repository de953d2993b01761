"""A client's presence, without a network and with a clock to move: calls, attempts, leaving."""

import pytest

from chatcli.client import calls
from chatcli.client.backoff import Backoff
from chatcli.client.news import Disconnected, NoAnswer, NotConnected, Unconfirmed
from chatcli.client.presence import GOODBYE
from chatd.dialects.notices import slow_down
from chatd.events import GENERAL, CommandError, Failed
from presences import TIMEOUT, Life, come_back, failure


def test_a_call_is_answered():
    life = Life().enter()
    pending, done = life.call(calls.users())
    assert life.sent() == ["LIST", "LIST"]
    life.server("USERS ala ola")
    assert not done
    life.server("USERS ala ola")
    assert done
    assert pending.outcome() == ["ala", "ola"]


def test_calls_before_the_arrival_wait_for_it():
    life = Life()
    pending, done = life.call(calls.say("hi", GENERAL))
    assert life.presence.wants_connection
    life.enter()
    assert life.sent() == ["PUB hi", "LIST"]
    life.server("USERS ala")
    assert done
    assert pending.outcome() is None


def test_calls_that_wait_for_too_long():
    life = Life().enter()
    life.presence.lost("gone")
    pending, _ = life.call(calls.say("hi", GENERAL))
    life.after(TIMEOUT - 0.1)
    assert life.presence.wait() == 0.0  # it is to be connected
    life.after(0.1)
    assert isinstance(failure(pending), NotConnected)


def test_what_was_sent_when_it_broke():
    life = Life().enter()
    pending, done = life.call(calls.say("hi", GENERAL))
    life.presence.lost("")
    assert done
    error = failure(pending)
    assert isinstance(error, Unconfirmed)
    assert "not known" in str(error)
    assert life.told() == [Disconnected("the server closed the connection")]
    assert life.sent() == []


def test_what_is_not_waited_for():
    life = Life().enter()
    life.presence.post(calls.say("hi", "tea"))
    assert life.sent() == ["SAY tea hi", "LIST"]
    life.server("ERROR there is no room tea", "USERS ala")
    assert life.told() == [Failed("no-such-room", "there is no room tea")]
    life.presence.post(calls.say("hi", "tea"))
    life.presence.lost("gone")
    assert life.told() == [Disconnected("gone")]
    with pytest.raises(NotConnected):
        life.presence.post(calls.say("hi", "tea"))


def test_delays_double_up_to_a_bound():
    backoff = Backoff(base=0.5, cap=30.0)
    for attempt, longest in enumerate([0.5, 1, 2, 4, 8, 16, 30, 30]):
        delays = [backoff.delay(attempt) for _ in range(100)]
        assert all(longest / 2 <= delay <= longest for delay in delays)
        assert len(set(delays)) > 1
    assert backoff.delay(10_000) <= 30.0


def test_when_it_is_tried_again():
    """After longer and longer, until it worked."""
    life = Life().enter()
    life.presence.lost("gone")
    for longest in (1.0, 2.0, 4.0, 4.0):
        assert not life.presence.wants_connection
        assert longest / 2 <= life.presence.wait() <= longest
        life.after(longest)
        assert life.presence.wants_connection
        life.presence.unreachable(ConnectionRefusedError("nobody"))
    life.after(4.0)
    come_back(life)
    gone, *failed, _ = life.told()
    assert gone == Disconnected("gone")
    assert [event.reason for event in failed] == ["nobody"] * 4
    assert all(2.0 <= event.delay <= 4.0 for event in failed[1:])
    life.after(4.0)
    life.presence.lost("gone")
    assert 0.5 <= life.presence.wait() <= 1.0


def test_a_server_that_throws_us_out_at_once_is_tried_less_and_less():
    life = Life().enter()
    for longest in (1.0, 2.0, 4.0, 4.0):
        life.presence.lost("gone")
        assert longest / 2 <= life.presence.wait() <= longest
        life.after(longest)
        come_back(life)


def test_while_somebody_connects_nobody_else_does():
    """And the clock goes on."""
    life = Life()
    assert life.presence.wants_connection
    life.presence.dialing()
    assert not life.presence.wants_connection
    assert life.presence.wait() is None
    pending, _ = life.call(calls.users())
    assert life.presence.wait() == TIMEOUT
    life.after(TIMEOUT)
    assert isinstance(failure(pending), NotConnected)
    life.presence.leave()
    assert life.presence.over


def test_a_refused_login_is_an_error_the_first_time_only():
    life = Life()
    life.presence.connected()
    life.server("ERROR nick ala is taken")
    assert life.presence.over
    with pytest.raises(CommandError, match="taken") as caught:
        life.presence.check_entered()
    assert caught.value.code == "nick-taken"
    life = Life().enter()
    life.presence.lost("gone")
    life.presence.connected()
    life.server("ERROR nick ala is taken")
    assert not life.presence.online
    assert not life.presence.over


def test_no_answer_in_time():
    life = Life().enter()
    pending, _ = life.call(calls.users())
    life.server("PUB_MSG busy")
    life.after(TIMEOUT)
    assert isinstance(failure(pending), NoAnswer)
    assert not life.presence.online
    assert life.told()[-1] == Disconnected("no answer from the server within 10 seconds")


def test_a_quiet_server_is_asked_whether_it_is_there():
    life = Life(keepalive=60.0).enter()
    assert life.presence.wait() == 60.0
    life.after(59.0)
    assert life.sent() == []
    life.after(1.0)
    assert life.sent() == ["LIST"]
    life.server("USERS ala")
    life.after(59.0)
    life.server("PUB_MSG hi")
    life.after(59.0)
    assert life.sent() == []
    life.after(1.0)
    assert life.sent() == ["LIST"]
    life.after(TIMEOUT)
    assert not life.presence.online


def test_leaving_waits_for_the_last_answer_a_little():
    for answered in (False, True):
        life = Life().enter()
        pending, _ = life.call(calls.say("hi", GENERAL))
        life.presence.leave()
        assert not life.presence.over
        late, _ = life.call(calls.users())
        assert isinstance(failure(late), NotConnected)
        assert not life.presence.silent
        if answered:
            life.server("USERS ala")
            pending.outcome()
            assert life.presence.silent
            assert not life.presence.over, "the server has not let go of the nick yet"
            life.presence.lost("")
            assert life.told() == []
        else:
            life.after(GOODBYE)
            assert isinstance(failure(pending), Unconfirmed)
            assert life.told() == [Disconnected("the client is closed")]
        assert life.presence.over


def test_leaving_waits_for_a_server_that_does_not_close_only_a_little():
    life = Life().enter()
    life.presence.leave()
    assert life.presence.silent
    life.after(GOODBYE)
    assert life.presence.over
    assert life.told() == []


def test_leaving_waits_for_a_server_that_asks_for_patience():
    life = Life().enter()
    life.presence.post(calls.say("hi", GENERAL))
    life.presence.post(calls.say("there", GENERAL))
    life.presence.leave()
    life.server(f"NOTICE {slow_down(0.2).text}", "USERS ala")
    life.after(TIMEOUT - 0.1)
    assert not life.presence.over
    life.server("USERS ala")
    assert life.presence.silent


def test_leaving_waits_as_long_as_answers_come():
    life = Life().enter()
    for _ in range(5):
        life.presence.post(calls.say("hi", GENERAL))
    life.presence.leave()
    for _ in range(5):
        life.after(GOODBYE - 0.1)
        assert not life.presence.silent
        life.server("USERS ala")
    assert life.presence.silent
