"""A client's dialogue with a server: which answer belongs to which question, what a text means."""

from math import inf

from chatcli.client.refusals import code_of
from chatcli.dialogue import Dialogue
from chatd.archive import _BROKEN
from chatd.dialects.crlf import CrlfClient
from chatd.dialects.rooms import RoomsClient
from chatd.dialects.slash import SlashClient
from chatd.events import GENERAL, Done, Failed, Notice, Request, Said, Users

TIMEOUT = 10.0


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


def test_codes_of_refusals():
    assert code_of("nick a is taken") == "nick-taken"
    assert code_of("nick must not contain /") == "bad-name"
    assert code_of("nick is reserved") == "bad-name"
    assert code_of("nick is banned for another 29m: spam") == "banned"
    assert code_of("you are muted") == "muted"
    assert code_of("no swearing!") == ""


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
