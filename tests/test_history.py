"""The history as people use it: read on, searched, and there again after a restart."""

import json
import re
from contextlib import contextmanager

import pytest

from chat import LineClient, RawClient, chatd_process, wait_until
from chatd.config import Listen
from chatd.limits import Limits
from chatd.testing import running_server

ID = r"\d+-\d+"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
OTHERS = tuple(Listen(dialect, "127.0.0.1") for dialect in ("json", "slash", "words", "rooms"))


@pytest.fixture
def serve(engine, tmp_path):
    """A function that runs a server; all of them have one file."""

    def run(**settings):
        url = f"sqlite:///{tmp_path}/history.db"
        return running_server(**{"engine": engine, "store": url, "listen": OTHERS} | settings)

    return run


class Crlf(RawClient):
    """Somebody who speaks crlf."""

    def __init__(self, server, nick="ala"):
        super().__init__(server.ports["auto"], nick=nick)

    def history(self, request="HISTORY"):
        """Ask, and give what comes before OK: of messages room, nick and text."""
        self.send(request)
        found = []
        while (line := self.line()) != "OK":
            if message := re.fullmatch(rf"(HISTORY|FOUND) ({ID}) {TIME} (.*)", line):
                kind, self.id, line = message.groups()
                line = f"-> {line}" if kind == "FOUND" else line
            found.append(line)
        return found


class Lines(LineClient):
    """Somebody who speaks a dialect of lines, having said what opens the door."""

    def __init__(self, server, dialect, *words, until):
        super().__init__(server.ports[dialect])
        for word in words:
            self.send(word)
        self.until(until)

    def until(self, pattern):
        """Give the lines up to the first one that matches."""
        seen = []
        while True:
            line = self.line()
            assert line is not None, seen
            if re.fullmatch(pattern, line):
                return seen
            seen.append(line)


@contextmanager
def before_the_restart(serve, **settings):
    """What ala and bob said before the server that is given was started."""
    with serve(**settings) as server, Crlf(server) as ala, Crlf(server, "bob") as bob:
        ala.send("PUB who brings the cake?")
        assert bob.line() == "PUB_MSG who brings the cake?"
        bob.send("PUB I do")
        assert ala.line() == "PUB_MSG I do"
        assert ala.ask("CREATE tea") == "OK"
        assert ala.ask("JOIN tea") == "OK"
        ala.send("SAY tea hot")
        assert ala.ask("PRIV bob a secret") == "OK"
        assert ala.ask("LOGIN alicja") == "OK"
        ala.send("PUB bye")
        assert bob.line() == "PRIV_FROM ala a secret"
        assert bob.line() == "PUB_MSG bye"
    with serve(**settings) as server:
        yield server


CAKE = "General ala who brings the cake?"


# -- in each dialect -------------------------------------------------------------------------------


def test_crlf(serve):
    """D-6: history and search, also of what was said before the server was started."""
    with before_the_restart(serve) as server, Crlf(server, "eva") as eva:
        assert eva.history() == [CAKE, "General bob I do", "General alicja bye"]
        assert eva.history("HISTORY General 1") == [
            "General alicja bye",
            f"NOTICE there is more before {eva.id}",
        ]
        assert eva.history(f"HISTORY 2 before {eva.id}") == [CAKE, "General bob I do"]
        assert eva.history(f"HISTORY after {eva.id}") == ["General alicja bye"]
        assert eva.history("SEARCH cake") == [
            "NOTICE 1 message with cake",
            f"-> {CAKE}",
            "General bob I do",
        ]


def test_json(serve):
    """S2-15, D-6: the bare history is a replay; a page has ids and times."""
    with (
        before_the_restart(serve) as server,
        Lines(server, "json", until=r".*has entered the chat.*") as eva,
    ):
        eva.send('{"type":"history"}')
        end = {"source": "[Server]", "message": f"{eva.address} has entered the chat"}
        replay = [json.loads(line)["data"] for line in eva.until(rf".*{eva.address} has entered.*")]
        assert [one for one in replay if one["source"] != "[Server]"] == [
            {"source": "ala", "message": "who brings the cake?"},
            {"source": "bob", "message": "I do"},
            {"source": "alicja", "message": "bye"},
        ]
        assert {"source": "[Server]", "message": "ala renamed to alicja"} in replay
        assert end not in replay
        eva.send('{"type":"history","data":"General 1"}')
        page = json.loads(eva.line())["data"]
        assert (page["source"], page["message"]) == ("alicja", "bye")
        assert re.fullmatch(ID, page["id"])
        assert re.fullmatch(TIME, page["time"])
        eva.until(r".*there is more: before.*")
        eva.send('{"type":"search","data":"\\"the cake\\" from ala"}')
        assert "1 message with" in eva.line()
        found = json.loads(eva.line())["data"]
        assert (found["source"], found["found"]) == ("ala", True)


STAMP = rf"\[{ID} \d{{4}}-\d\d-\d\d \d\d:\d\d\]"


@pytest.mark.parametrize(
    "dialect, door, welcome, slash, said",
    [
        ("rooms", ["eva"], "You joined the room.*", "", "In group General, {}: {}"),
        ("words", ["login eva"], r".*\[eva\] log in\.", "", "[{}]: {}"),
        ("slash", ["1", "eva"], ".*1 eva dolaczyl.*", "/", "{}: {}"),
    ],
    ids=["rooms", "words", "slash"],
)
def test_plain_texts(serve, dialect, door, welcome, slash, said):
    """D-6: what was said looks as it did; pages and what was found have ids and times in front."""
    with before_the_restart(serve) as server, Lines(server, dialect, *door, until=welcome) as eva:
        eva.send(f"{slash}history")
        seen = eva.until(re.escape(said.format("alicja", "bye")))
        assert said.format("ala", "who brings the cake?") in seen
        eva.until(welcome.replace("You", "eva"))
        eva.send(f"{slash}history General 1")
        assert re.fullmatch(f"{STAMP} " + re.escape(said.format("alicja", "bye")), eva.line())
        eva.until(rf".*there is more: before {ID}")
        eva.send(f"{slash}search brings cake")
        assert eva.line().endswith("1 message with brings cake")
        found = re.escape(said.format("ala", "who brings the cake?"))
        eva.until(f"-> {STAMP} {found}")


# -- rooms, and private talks ----------------------------------------------------------------------


def test_a_room_that_is_created_again_has_its_history(serve):
    with before_the_restart(serve) as server, Crlf(server, "eva") as eva:
        assert eva.ask("HISTORY tea") == "ERROR there is no room tea"
        assert eva.ask("CREATE Tea") == "OK"
        assert eva.ask("HISTORY tea") == "ERROR you are not in room tea"
        assert eva.ask("JOIN tea") == "OK"
        assert eva.history("HISTORY tea") == ["tea ala hot"]
        assert eva.history("SEARCH hot") == ["NOTICE 1 message with hot", "-> tea ala hot"]
        assert eva.history("SEARCH hot tea")[0] == "NOTICE 1 message with hot in tea"
        assert eva.history("SEARCH hot in General") == ["NOTICE 0 messages with hot in General"]
        assert eva.history("SEARCH cake tea") == ["NOTICE 0 messages with cake in tea"]


def test_what_was_said_in_other_rooms_is_not_found(serve):
    with before_the_restart(serve) as server, Crlf(server, "eva") as eva:
        assert eva.history("SEARCH hot") == ["NOTICE 0 messages with hot"]
        assert eva.ask("CREATE tea") == "OK"
        assert eva.history("SEARCH hot") == ["NOTICE 0 messages with hot"]
        assert eva.ask("SEARCH hot in tea") == "ERROR you are not in room tea"


def test_private_messages_are_not_stored(serve, tmp_path):
    """D-10: not a byte of them gets to the disk."""
    with before_the_restart(serve) as server, Crlf(server) as ala:
        assert ala.ask("HISTORY @bob") == "ERROR private messages are not kept here"
        assert ala.ask("SEARCH secret @bob") == "ERROR private messages are not kept here"
        assert ala.history("SEARCH secret") == ["NOTICE 0 messages with secret"]
        files = list(tmp_path.glob("history.db*"))
        assert files
        assert not [file for file in files if b"a secret" in file.read_bytes()]


def test_private_messages_are_stored_if_asked_for_and_shown_to_those_two_only(serve):
    """D-10: with --store-private; whoever takes a nick at another address is not its owner."""
    with before_the_restart(serve, store_private=True) as server:
        with Crlf(server) as ala, Crlf(server, "bob") as bob, Crlf(server, "eva") as eva:
            for one, other in ((ala, "bob"), (bob, "ala")):
                assert one.history(f"HISTORY @{other} 5") == ["@bob ala a secret"]
                assert one.history(f"SEARCH secret @{other}")[1:] == ["-> @bob ala a secret"]
                assert one.history("SEARCH secret") == ["NOTICE 0 messages with secret"]
            for other in ("ala", "bob", "eva"):
                assert eva.history(f"HISTORY @{other}") == []
                assert len(eva.history(f"SEARCH secret in @{other}")) == 1
            assert "secret" not in str(eva.history())
        with RawClient(server.ports["auto"], "::1", nick="bob") as impostor:
            assert impostor.ask("HISTORY @ala") == "OK"


# -- how it is asked for ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_, texts",
    [
        ("HISTORY 2", ["b", "c"]),
        ("HISTORY General 2", ["b", "c"]),
        ("HISTORY general", ["a", "b", "c"]),
        ("HISTORY  General  1 ", ["c"]),
    ],
)
def test_how_a_page_is_asked_for(serve, request_, texts):
    with serve() as server, Crlf(server) as ala:
        for text in "abc":
            ala.send(f"PUB {text}")
        found = [line for line in ala.history(request_) if not line.startswith("NOTICE")]
        assert found == [f"General ala {text}" for text in texts]


@pytest.mark.parametrize(
    "request_, error",
    [
        ("HISTORY General x", "use it as history [ROOM] [COUNT] [before ID | after ID]"),
        ("HISTORY General 5 before", "use it as history [ROOM] [COUNT] [before ID | after ID]"),
        ("HISTORY before x", "x is no id of a message, such as 28066112-42"),
        ("HISTORY General 0", "count must be 1 to 500"),
        ("HISTORY 501", "count must be 1 to 500"),
        ("HISTORY nowhere 5", "there is no room nowhere"),
        ("SEARCH", "words is missing"),
        ("SEARCH a in nowhere", "there is no room nowhere"),
    ],
)
def test_what_makes_no_sense(serve, request_, error):
    with serve() as server, Crlf(server) as ala:
        assert ala.ask(request_) == f"ERROR {error}"


def test_a_room_may_be_called_by_a_number(serve):
    with serve() as server, Crlf(server) as ala:
        assert ala.ask("CREATE 2026") == "OK"
        assert ala.ask("JOIN 2026") == "OK"
        ala.send("SAY 2026 a")
        ala.send("SAY 2026 b")
        assert ala.history("HISTORY 2026 1")[0] == "2026 ala b"


ODD = ('"', '""', "*", "AND", "a OR b", "NOT", "col:on", "(", "a* -b", "^", "'", "+")


def test_what_is_searched_may_be_anything(serve):
    with serve() as server, Crlf(server) as ala:
        ala.send('PUB a "quote" AND (more) OR* col:on żółw')
        for words in (
            '"',
            '""',
            "*",
            "AND",
            "a OR b",
            "NOT",
            "col:on",
            "(",
            "a* -b",
            "^",
            "'",
            "+",
        ):
            assert ala.history(f"SEARCH {words}")[0].startswith("NOTICE ")
        assert len(ala.history("SEARCH ŻÓŁW")) == 2
        assert len(ala.history('SEARCH "quote and"')) == 2
        assert len(ala.history('SEARCH "and quote"')) == 1


def test_from_whom(serve):
    with serve() as server, Crlf(server) as ala, Crlf(server, "bob") as bob:
        ala.send("PUB cake")
        assert bob.line() == "PUB_MSG cake"
        bob.send("PUB cake from bob")
        assert ala.line() == "PUB_MSG cake from bob"
        hits = [line for line in ala.history("SEARCH cake from BOB") if line.startswith("->")]
        assert hits == ["-> General bob cake from bob"]
        assert ala.history("SEARCH cake from nobody") == ["NOTICE 0 messages with cake"]


def test_what_was_just_said_is_in_the_answer(serve):
    """An answer waits for the commit, and is the same however often one asks."""
    with serve(limits=Limits(backlog=1)) as server, Crlf(server) as ala:
        for n in range(20):
            ala.send(f"PUB cake {n}")
            assert len(ala.history("HISTORY 50")) == n + 1
        assert ala.history("SEARCH 19")[1:] == ["General ala cake 18", "-> General ala cake 19"]


def test_many_questions_at_once(serve):
    """R-39: each is answered, and nobody is dropped for the size of what was asked for."""
    with serve() as server, Crlf(server) as ala, Crlf(server, "bob") as bob:
        for n in range(50):
            ala.send(f"PUB {n} {'x' * 300}")
            bob.line()
        bob.send(b"HISTORY 50\r\n" * 100)
        for _ in range(100):
            assert [bob.line() for _ in range(51)][-1] == "OK"


# -- the state of the store ------------------------------------------------------------------------


def test_stats(serve):
    with serve() as server, Crlf(server) as ala:
        ala.send("PUB a")
        last = ala.history("HISTORY 1") and ala.id
        ala.send("STATS")
        assert [ala.line() for _ in range(5)] == [
            "NOTICE store ok",
            f"NOTICE last_id {last}",
            f"NOTICE stored_id {last}",
            "NOTICE waiting 0",
            "NOTICE not_stored 0",
        ]
    with serve(store="none") as server, Crlf(server) as ala:
        assert ala.ask("STATS") == "NOTICE store none"
        assert ala.line().startswith("NOTICE last_id ")
        assert ala.ask("SEARCH a") == "ERROR nothing is stored here, so nothing can be searched"


def test_ids_are_not_used_again(serve):
    ids = []
    for _ in range(3):
        with serve() as server, Crlf(server) as ala:
            ala.send("PUB a")
            ala.history("HISTORY 1")
            ids.append(tuple(map(int, ala.id.split("-"))))
    assert ids == sorted(set(ids))
    assert len({epoch for epoch, _ in ids}) == 3


def test_old_messages_are_forgotten(tmp_path):
    """--keep-count; and who resumes from what is gone learns it."""
    options = ["--store", f"sqlite:///{tmp_path}/h.db"]
    with chatd_process(tmp_path, *options) as process, RawClient(process.port, nick="ala") as ala:
        for n in range(20):
            ala.send(f"PUB {n}")
        ala.send("HISTORY 20")
        ids = [ala.line().split()[1] for _ in range(20)]
        assert ala.line() == "OK"
    with chatd_process(tmp_path, *options, "--keep-count", "5") as process:
        with RawClient(process.port, nick="ala") as ala:

            def kept():
                ala.send("HISTORY 20")
                lines = []
                while (line := ala.line()) != "OK":
                    lines.append(line)
                return len(lines) == 5

            wait_until(kept, "the old ones are gone")
            gone = f"NOTICE some of what came after {ids[3]} is not kept any more"
            assert ala.ask(f"HISTORY after {ids[3]}") == gone
