"""The parts of the client library: no socket, no thread, and a clock that the test moves."""

import socket
from math import inf

import pytest

from chatcli.client import calls
from chatcli.client.backoff import Backoff
from chatcli.client.bookmark import Bookmark, overlap
from chatcli.client.habits import Habits
from chatcli.client.inbox import Inbox
from chatcli.client.news import (
    Disconnected,
    Lost,
    NoAnswer,
    NotConnected,
    Reconnected,
    Unconfirmed,
)
from chatcli.client.presence import GOODBYE, Presence
from chatcli.client.refusals import code_of
from chatcli.connection import Connection
from chatcli.dialogue import Dialogue
from chatd.archive import _BROKEN
from chatd.dialects.crlf import CrlfClient
from chatd.dialects.jsonl import JsonClient
from chatd.dialects.notices import slow_down
from chatd.dialects.rooms import RoomsClient
from chatd.dialects.slash import SlashClient
from chatd.events import (
    GENERAL,
    CommandError,
    Done,
    Failed,
    LoggedIn,
    Missed,
    Notice,
    Record,
    Request,
    Said,
    Users,
)
from chatd.ids import make_id
from chatd.layers import Layer

TIMEOUT = 10.0


def said(text, nick="ola", room=GENERAL):
    return Said(room, nick, text)


def record(n, text, nick="ola", epoch=7):
    return Record(make_id(epoch, n), 0.0, GENERAL, said(text, nick))


# -- dialogues -------------------------------------------------------------------------------


class Talk:
    """A dialogue in crlf whose server is the test."""

    def __init__(self, dialect=CrlfClient):
        self.now = 0.0
        self.output = bytearray()
        self.finished = []
        clock = lambda: self.now  # noqa: E731
        self.dialogue = Dialogue(dialect(), self.output, timeout=TIMEOUT, clock=clock)

    def ask(self, verb, *args):
        return self.dialogue.ask(Request(verb, args), self.finished.append)

    def server(self, *lines):
        """Take what the server says; what may be an answer belongs to its exchange."""
        heard = []
        data = "".join(line + "\r\n" for line in lines).encode()
        for event, _, exchange in self.dialogue.received(data):
            heard.append(event)
            if exchange:
                self.dialogue.heard(exchange, event)
        return heard

    def sent(self):
        data = bytes(self.output).decode().split("\r\n")[:-1]
        self.output.clear()
        return data


def test_an_exchange_is_a_request_and_a_barrier():
    talk = Talk()
    exchange = talk.ask("say", GENERAL, "hello")
    assert talk.sent() == ["PUB hello", "LIST"]
    assert talk.dialogue.unanswered == (exchange,)
    talk.server("PUB_MSG hi")
    assert talk.finished == []
    talk.server("USERS ala")
    assert talk.finished == [exchange]
    assert talk.dialogue.unanswered == ()
    assert exchange.heard == [Said(GENERAL, "", "hi")]


def test_an_error_belongs_to_the_exchange_that_is_open():
    """Although in crlf it does not say what it is about."""
    talk = Talk()
    asked = [talk.ask("join", "tea"), talk.ask("say", "tea", "x"), talk.ask("users")]
    talk.server("OK", "USERS a", "ERROR you are not in room tea", "USERS a", "USERS b", "USERS a")
    assert talk.finished == asked
    failed = Failed("error", "you are not in room tea")
    assert [exchange.heard for exchange in asked] == [[Done()], [failed], [Users(("b",))]]


def test_the_answer_to_a_login_ends_it():
    talk = Talk()
    exchange = talk.dialogue.log_in("ala", talk.finished.append)
    assert talk.sent() == ["LOGIN ala"]
    talk.server("OK", "Hej hej")
    assert talk.finished == [exchange]
    assert exchange.heard == [Done()]


def test_a_list_of_rooms_has_a_barrier_of_its_own():
    talk = Talk(RoomsClient)
    talk.dialogue.log_in("ala", talk.finished.append)
    talk.server("You joined the room 'General'")
    exchange = talk.ask("users")
    talk.server("online users:", "ala", "Group chat ',1' does not exist!")
    assert talk.finished[1:] == []
    talk.server("Group chat ',2' does not exist!")
    assert talk.finished[1:] == [exchange]
    assert exchange.heard == [Users(("ala",))]


def test_time_for_an_answer():
    """It counts from the last one, not from when it was asked for."""
    talk = Talk()
    assert talk.dialogue.deadline == inf
    talk.ask("users")
    talk.ask("users")
    assert talk.dialogue.deadline == TIMEOUT
    talk.now = 9.0
    talk.server("USERS a", "USERS a")
    assert talk.dialogue.deadline == 9.0 + TIMEOUT
    talk.now = 15.0
    talk.server("USERS a", "USERS a")
    assert talk.dialogue.deadline == inf


# -- the inbox, delays, codes ----------------------------------------------------------------


def test_an_inbox_loses_the_oldest():
    inbox = Inbox(3)
    for number in range(3):
        inbox.add(Notice(str(number)))
    assert inbox.take() == Notice("0")
    for number in range(3, 8):
        inbox.add(Notice(str(number)))
    assert [inbox.take() for _ in range(4)] == [
        Lost(4),
        Notice("5"),
        Notice("6"),
        Notice("7"),
    ]
    assert not inbox
    for event in (Lost(10), Notice("a"), Notice("b"), Notice("c")):
        inbox.add(event)
    assert inbox.take() == Lost(10)


def test_delays_double_up_to_a_bound():
    backoff = Backoff(base=0.5, cap=30.0)
    for attempt, longest in enumerate([0.5, 1, 2, 4, 8, 16, 30, 30]):
        delays = [backoff.delay(attempt) for _ in range(100)]
        assert all(longest / 2 <= delay <= longest for delay in delays)
        assert len(set(delays)) > 1
    assert backoff.delay(10_000) <= 30.0


def test_codes_of_refusals():
    assert code_of("nick a is taken") == "nick-taken"
    assert code_of("nick must not contain /") == "bad-name"
    assert code_of("nick is reserved") == "bad-name"
    assert code_of("nick is banned for another 29m: spam") == "banned"
    assert code_of("you are muted") == "muted"
    assert code_of("no swearing!") == ""


# -- bookmarks -------------------------------------------------------------------------------


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


# -- presence --------------------------------------------------------------------------------


class Life:
    """A presence in crlf whose network and server are the test."""

    def __init__(self, dialect=CrlfClient, **settings):
        self.now = 100.0
        habits = Habits(timeout=TIMEOUT, backoff=Backoff(base=1.0, cap=4.0), **settings)
        self.presence = Presence("ala", dialect, habits, clock=lambda: self.now)

    def enter(self, *, resume=True):
        self.presence.connected()
        assert self.sent() == ["LOGIN ala"]
        self.server("OK")
        if resume:
            assert self.sent() == ["STATS", "LIST"]
            self.server("NOTICE store none", "NOTICE last_id 7-9", "USERS ala")
            assert self.sent() == ["STATS", "LIST"]
            self.server("NOTICE store none", "NOTICE last_id 7-10", "USERS ala")
        return self

    def server(self, *lines):
        self.presence.received("".join(line + "\r\n" for line in lines).encode())

    def sent(self):
        data = bytes(self.presence.output).decode().split("\r\n")[:-1]
        self.presence.output.clear()
        return data

    def told(self):
        return [self.presence.inbox.take() for _ in iter(lambda: bool(self.presence.inbox), False)]

    def call(self, call):
        done = []
        return self.presence.submit(call, lambda: done.append(1)), done

    def after(self, seconds):
        self.now += seconds
        self.presence.tick()


def stats(n, epoch=7, between=()):
    """The answers to the two questions for the last id."""
    answer = [f"NOTICE last_id {epoch}-{n}", "USERS ala"]
    return [*answer, *between, *answer]


def failure(pending):
    with pytest.raises((CommandError, OSError)) as caught:
        pending.outcome()
    return caught.value


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


def come_back(life):
    life.presence.connected()
    life.sent()
    life.server("OK")
    life.server(*stats(10), "OK", "USERS ala")
    assert life.presence.present


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


def test_what_is_heard_during_an_arrival_comes_behind_what_was_missed():
    life = Life().enter()
    life.server("PUB_MSG heard")
    life.presence.lost("gone")
    life.presence.connected()
    life.server("OK", "PRIV_FROM ola psst", "PUB_MSG both")
    life.server(*stats(13), "PUB_MSG live")
    assert life.sent()[-2:] == ["HISTORY General 200 after 7-10", "LIST"]
    when = "2026-01-01T00:00:00Z General"
    life.server(
        f"HISTORY 7-11 {when} ola heard",
        f"HISTORY 7-12 {when} ola missed",
        f"HISTORY 7-13 {when} ola both",
        f"HISTORY 7-14 {when} ola live",
        "OK",
        "USERS ala",
    )
    told = life.told()
    assert [getattr(event, "text", type(event)) for event in told] == [
        "heard",
        Disconnected,
        "missed",
        "both",
        Reconnected,
        "psst",
        "live",
    ]


def test_what_is_heard_while_the_id_is_told_is_told_once():
    """Between the two answers nobody can tell but the history itself."""
    when = "2026-01-01T00:00:00Z General"
    for stored in ([], [16]):
        life = Life().enter()
        life.presence.lost("gone")
        life.presence.connected()
        life.server("OK")
        for n in range(11, 17):  # always there is something between
            life.server(*stats(n)[:2], f"PUB_MSG {n}")
        assert life.sent()[-2:] == ["HISTORY General 200 after 7-10", "LIST"]
        past = [f"HISTORY 7-{n} {when} ola {n}" for n in [11, 12, 13, 14, 15]]
        life.server(*past[: 4 + len(stored)], "OK", "USERS ala")
        found = [event.text for event in life.told() if isinstance(event, Said)]
        assert found == ["11", "12", "13", "14", "15", "16"]


def test_when_the_ids_are_equal_all_is_clear():
    life = Life()
    life.presence.connected()
    life.server("OK", "PUB_MSG x", *stats(11, between=["PUB_MSG x"]), "PUB_MSG x")
    life.presence.lost("gone")
    life.presence.connected()
    life.server("OK", *stats(14))
    when = "2026-01-01T00:00:00Z General"
    life.server(*(f"HISTORY 7-{n} {when} ola x" for n in (12, 13, 14)), "OK", "USERS ala")
    told = [type(event) for event in life.told()]
    assert told == [Said, Said, Said, Disconnected, Said, Reconnected]


def test_an_old_message_does_not_hide_a_new_one_like_it():
    """What was heard ahead of the bookmark does not count."""
    life = Life()
    life.presence.connected()
    life.server("OK", "PUB_MSG x", *stats(11), "PUB_MSG x")
    life.presence.lost("gone")
    life.presence.connected()
    life.server("OK", *stats(14))
    when = "2026-01-01T00:00:00Z General"
    life.server(*(f"HISTORY 7-{n} {when} ola x" for n in (12, 13, 14)), "OK", "USERS ala")
    assert [type(event) for event in life.told()] == [
        Said,
        Said,
        Disconnected,
        Said,
        Said,
        Reconnected,
    ]


def test_a_gap_in_the_history_is_told():
    life = Life().enter()
    life.presence.lost("gone")
    life.presence.connected()
    life.server("OK", *stats(2, epoch=8))
    when = "2026-01-01T00:00:00Z General"
    life.server(
        f"HISTORY 7-12 {when} ola a",
        "NOTICE 4 events were not stored",
        f"HISTORY 8-1 {when} ola b",
        "OK",
        "USERS ala",
    )
    assert life.told()[1:-1] == [said("a"), Missed(4, 0), said("b")]


def test_the_bookmark_moves():
    life = Life().enter()
    for number in range(200):
        life.server(f"PUB_MSG {number}")
    assert life.sent() == ["STATS", "LIST"]
    life.server("PUB_MSG meanwhile", *stats(300), "PUB_MSG behind")
    life.presence.lost("gone")
    life.presence.connected()
    life.server("OK", *stats(302))
    assert "HISTORY General 200 after 7-300" in life.sent()


def test_what_was_said_in_a_room_before_one_came_was_not_missed():
    life = Life().enter()
    _, done = life.call(calls.named("join", "tea"))
    assert life.sent() == ["JOIN tea", "LIST"]
    life.server("OK", "USERS ala")
    assert done
    assert life.sent() == ["STATS", "LIST"]
    _, done = life.call(calls.named("join", "coffee"))
    answer, users = stats(20)[:2]
    life.server(answer, users, "OK", users, answer, users)
    assert life.sent()[-2:] == ["STATS", "LIST"]
    life.server(*stats(30))
    life.presence.lost("gone")
    life.presence.connected()
    life.server("OK", "OK", "USERS ala", "OK", "USERS ala", *stats(40))
    assert life.sent()[-2:] == ["HISTORY General 200 after 7-30", "LIST"]


def test_others_who_come_during_an_arrival_are_told():
    """The first one that json tells of is the client itself, under its address."""
    life = Life(dialect=JsonClient)
    life.presence.connected()
    notice = '{"type":"message","data":{"source":"[Server]","message":"%s"}}'
    told = ["1.2.3.4:5 has entered the chat", "ola has entered the chat"]
    life.server(*(notice % text for text in [*told, "1.2.3.4:5 renamed to ala"]))
    told = ["ela has entered the chat", *["last_id 7-10", "Connected users: ala"] * 2]
    life.server(*(notice % text for text in told))
    assert life.told() == [LoggedIn("ola"), LoggedIn("ela")]


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


def test_notices_that_belong_to_no_answer_are_events():
    life = Life().enter()
    pending, _ = life.call(calls.users())
    life.server("NOTICE it is late", "USERS ala", "USERS ala")
    assert pending.outcome() == ["ala"]
    assert life.told() == [Notice("it is late")]


def test_what_slash_says_like_a_person():
    """S1-06: two texts of the server have a colon in the place where names have one."""
    client = SlashClient()
    line = "there is more: after 7-41"
    (event,) = [event for event, _ in client.feed(f"{line}\n".encode())]
    assert isinstance(event, Said)
    stamped = "[7-41 2026-11-21 19:20] 3 Ala: hi"
    *_, (event, _) = client.feed(f"{stamped}\n{line}\n".encode())
    assert event == Notice(line)
    ((event, _),) = client.feed(f"{_BROKEN.text}\n".encode())
    assert event == _BROKEN


# -- layers ----------------------------------------------------------------------------------


class Rot(Layer):
    """A byte layer: it greets, waits for a greeting, and adds 1 to each byte."""

    def __init__(self):
        self._out = b"?"

    def feed(self, data):
        if data.startswith(b"!"):
            self.ready, data = True, data[1:]
        return bytes((byte - 1) % 256 for byte in data)

    def seal(self, data):
        return bytes((byte + 1) % 256 for byte in data)

    def take(self):
        out, self._out = self._out, b""
        return out

    def close(self):
        return b"."


def test_a_layer_lies_on_the_socket():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sock = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
        with far:
            connection = Connection(sock, Rot())
            assert far.recv(100) == b"?"
            output = bytearray(b"LOGIN")
            connection.send(output)
            assert output == b"LOGIN"
            assert not connection.can_send(output)
            far.sendall(b"!")
            received = None
            while not connection.can_send(output):
                received = connection.receive()
            assert received is None
            connection.send(output)
            assert output == b""
            assert far.recv(100) == b"MPHJO"
            far.sendall(b"PL")
            while (received := connection.receive()) is None:
                pass
            assert received == b"OK"
            connection.close()
            assert far.recv(100) == b"."
