"""chatcheck client: what it says of clients that are right, wrong, hanging or not there at all."""

import json
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chat import PATIENCE, wait_until
from chatcli.check.client_command import Command
from chatcli.check.client_performance import Times
from chatcli.check.client_player import Player
from chatcli.check.client_scenario import read_all
from piped import environment

CLIENTS = Path(__file__).parent / "wrong_clients"
PYTHON = (sys.executable, "-S", "-E")
"""Without the packages that are installed: it starts faster."""

CHATCHECK = (sys.executable, "-m", "chatcli.check", "client")
CHATCLI = (sys.executable, "-m", "chatcli")

# What chatcli takes that the documents do not know.
PLACE = ("-s", "{host}", "-p", "{port}", "-l", "{nick}", "{options}")

TIMES = Times(answer=4.0)
"""Each scenario that fails takes all of it, and no more than starting Python has to."""


def chatcheck(*words, **changes):
    """Run `chatcheck client`; return its status, stdout and stderr."""
    result = subprocess.run(
        (*CHATCHECK, *words), capture_output=True, text=True, env=environment(**changes)
    )
    return result.returncode, result.stdout, result.stderr


def statuses(dialect, *words):
    """Check a client; give what came of each requirement, and the report for people."""
    options = ("--timeout", str(2 * PATIENCE), "--json", "-")
    if "--level" not in words:
        options = (*options, "--level", "decided")
    status, output, text = chatcheck(dialect, *options, *words)
    verdicts = json.loads(output)["requirements"]
    found = {one["requirement"]: one["status"] for one in verdicts}
    assert status == ("failed" in found.values()), text
    return found, text


# -- chatcli is right ------------------------------------------------------------------------

NOT_DOCUMENTED = {
    "crlf": {"S0-04"},
    "json": {"S2-01"},
    "slash": {"S1-03"},
    "words": {"S3-01"},
    "rooms": {"S4-01"},
}
"""What can only be told of a client that is started as its document says."""

EVERY = tuple(NOT_DOCUMENTED)
ALL_WAYS = [
    ("threads", "pipe", ("json",)),
    pytest.param("threads", "pipe", EVERY, marks=pytest.mark.faults),
    ("select", "pty", ("crlf",)),
    pytest.param("select", "pty", EVERY, marks=pytest.mark.faults),
    pytest.param("threads", "pty", EVERY, marks=pytest.mark.faults),
    pytest.param("select", "pipe", EVERY, marks=pytest.mark.faults),
]


@pytest.mark.parametrize(("engine", "where", "dialects"), ALL_WAYS)
def test_chatcli_is_right(engine, where, dialects):
    def check(dialect):
        options = ("--pty", "--") if where == "pty" else ("--",)
        own = ("--dialect", dialect, "--engine", engine)
        return statuses(dialect, *options, *CHATCLI, *own, *PLACE)

    with ThreadPoolExecutor() as pool:
        checked = dict(zip(dialects, pool.map(check, dialects), strict=True))
    for dialect, (found, text) in checked.items():
        unchecked = set(NOT_DOCUMENTED[dialect])
        if dialect == "rooms" and where == "pipe":
            unchecked.add("S4-16")
        assert with_status("failed", found) == set(), text
        assert with_status("not applicable", found) == unchecked
        assert len(with_status("passed", found)) > 1


def with_status(status, found):
    return {requirement for requirement, each in found.items() if each == status}


def test_chatcli_is_started_as_documented():
    """S0-04, S1-03, S2-01, S4-01: what the placeholders would hide."""
    for dialect, where in (("crlf", "S0-04"), ("json", "S2-01"), ("rooms", "S4-01")):
        words = ("--only", where, "--", *CHATCLI, "--dialect", dialect)
        assert statuses(dialect, *words)[0] == {where: "passed"}
    words = ("--pty", "--only", "S1-03", "--", *CHATCLI, "--dialect", "slash")
    assert statuses("slash", *words)[0] == {"S1-03": "passed"}


def test_options_need_their_place():
    """S0-05, S0-06."""
    words = ("--only", "S0-05", "--", *CHATCLI, *PLACE[:-1])
    found, text = statuses("crlf", *words)
    assert found == {"S0-05": "not applicable"}
    assert "the command has no {options}" in text


# -- wrong clients ---------------------------------------------------------------------------

FAULTS = {
    ("crlf", "crlf.py"): {
        "LineFeedOnly": {"S0-08"},
        "ShowsPrivate": {"S0-06"},
        "TakesOneLineAtATime": {"S0-12"},
    },
    ("json", "json_lines.py"): {"WritesQuotesAsTheyAre": {"S2-02"}, "NeverEnds": {"S2-20"}},
}

MORE_FAULTS = {
    ("crlf", "crlf.py"): {
        "Right": set(),
        "LogsInLate": {"S0-29"},
        "NoLineEnd": {"S0-08"},
        "ShowsPublic": {"S0-05"},
        "ReadsInTurns": {"S0-29"},
        "HidesUnknown": {"S0-32"},
        "HidesErrors": {"S0-22"},
        "KeepsWhiteSpace": {"S0-09"},
        "LowerCase": {"S0-11"},
        "JoinsSpaces": {"S0-25"},
        "NobodysName": {"S0-04"},
        "RenamesByItsName": {"S0-30"},
    },
    ("json", "json_lines.py"): {
        "Right": set(),
        "Chatty": set(),
        "NoLineFeed": {"S2-02"},
        "TakesOneMessageAtATime": {"S2-02"},
        "OmitsData": {"S2-05"},
        "SaysUnknownCommands": {"S2-22"},
        "HidesTheServer": {"S2-08"},
        "WritesArrows": {"S2-09"},
        "EndsInSilence": {"S2-20"},
    },
    ("slash", "texts.py"): {
        "Slash": set(),
        "SlashWithoutTime": {"S1-22"},
        "SlashWithCommands": {"S1-06"},
        "SlashWithSeconds": {"S1-22"},
        "SlashByOldInternet": {"S1-01"},
        "SlashThatStampsWhatItSends": {"S1-06"},
        "SlashInSilence": {"S1-24"},
        "SlashByLine": {"S1-04"},
        "SlashInLatin": {"S1-01"},
    },
    ("words", "texts.py"): {
        "Words": set(),
        "WordsWithOneSpace": {"S3-18"},
        "WordsByLine": {"S3-02"},
        "WordsForEver": {"S3-18"},
    },
    ("rooms", "texts.py"): {
        "Rooms": set(),
        "RoomsWithALogin": {"S4-02"},
        "RoomsForEver": {"S4-14"},
        "RoomsWithoutAWord": {"S4-05"},
        "RoomsOfOneLine": {"S4-10"},
        "RoomsInAHurry": {"S4-02"},
        "RoomsThatPrivateForgot": {"S4-13"},
    },
}
"""The same, once more: so many clients are run that it takes a while."""


def failed(dialect, file, name):
    """Play the whole dialect with one of the clients; give the requirements that it fails."""
    # words has a port of its own, which another test may be using.
    place = ("{host}", "{port}") if dialect == "words" else ()
    command = Command(dialect, (*PYTHON, str(CLIENTS / file), name, *place))
    outcomes = Player(dialect, command, TIMES).play_all(read_all(dialect))
    return {outcome.requirement for outcome in outcomes if outcome.status == "failed"}


def check_faults(dialect, file, faults):
    with ThreadPoolExecutor(max_workers=len(faults)) as pool:
        found = pool.map(lambda name: failed(dialect, file, name), faults)
        assert dict(zip(faults, found, strict=True)) == faults


def test_one_fault_is_one_requirement():
    """All at once, because most of the time is waiting."""
    with ThreadPoolExecutor(len(FAULTS)) as pool:
        list(pool.map(lambda each: check_faults(*each[0], each[1]), FAULTS.items()))


@pytest.mark.faults
@pytest.mark.parametrize(("dialect", "file"), MORE_FAULTS, ids=lambda each: each)
def test_one_fault_more_is_one_requirement(dialect, file):
    check_faults(dialect, file, MORE_FAULTS[dialect, file])


@pytest.mark.faults
def test_what_was_only_observed_can_be_left_out():
    """S1-22: the time is stated, its form is not."""
    client = (*PYTHON, str(CLIENTS / "texts.py"), "SlashWithSeconds")
    words = ("--only", "S1-22", "--", *client)
    assert statuses("slash", "--level", "stated", *words)[0] == {"S1-22": "passed"}
    found, text = chatcheck("slash", "--timeout", "3", *words)[:2]
    assert found == 1
    assert "FAIL S1-22" in text
    assert "client shows [{HH:MM:SS}] 3 Wanda: dzien dobry" in text
    assert r"seen instead: Podaj adres IP serwera:" in text


@pytest.mark.faults
def test_on_a_terminal_a_wrong_client_is_wrong_too():
    """S4-16."""
    for name, status in (("Rooms", "passed"), ("RoomsWithSevenOptions", "failed")):
        client = (*PYTHON, str(CLIENTS / "texts.py"), name)
        command = Command("rooms", client, terminal=True)
        scenario = next(one for one in read_all("rooms") if one.requirement == "S4-16")
        assert Player("rooms", command, TIMES).play(scenario).status == status


# -- clients that cannot be checked, or do not end -------------------------------------------


def test_a_program_that_is_not_there():
    assert chatcheck("crlf", "--", "./no-such-client") == (
        2,
        "",
        "Error: cannot run ./no-such-client: No such file or directory\n",
    )


def test_a_program_that_does_not_connect():
    words = (sys.executable, "-c", "import sys; sys.exit('what is -s?')")
    status, output, text = chatcheck("crlf", "--", *words)
    assert (status, output) == (2, "")
    assert "has not connected" in text
    assert "what is -s?" in text
    assert "client ends with status 1" in text


@pytest.fixture
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_that_is_taken(taken_port):
    words = ("--port", str(taken_port), "--", *CHATCLI, "{host}", "{port}")
    status, _, text = chatcheck("words", *words)
    assert status == 2
    assert text.endswith(
        f"cannot listen on port {taken_port} of 127.0.0.1: Address already in use\n"
    )


STUBBORN = """
import os, signal, socket, subprocess, sys
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "1000"], stdin=subprocess.DEVNULL)
with open(sys.argv[1], "a") as file:
    print(os.getpid(), child.pid, file=file)
sock = socket.create_connection((sys.argv[2], int(sys.argv[3])))
while len(sys.argv) > 4:
    print("noise" * 1000)
    sock.sendall(b"noise" * 1000)
signal.pause()
"""


def stubborn(pids, *more):
    return (*PYTHON, "-c", STUBBORN, str(pids), "{host}", "{port}", *more)


def has_ended(pid):
    """Say whether a process is no more than a name that nobody has asked after."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except FileNotFoundError:
        return True


def nothing_is_left(pids):
    return all(map(has_ended, pids.read_text().split()))


@pytest.mark.parametrize("how", ["hangs", "floods"])
def test_nothing_is_left_of_a_client(tmp_path, how):
    """Neither it nor its children; they end by no other signal than one."""
    pids = tmp_path / "pids"
    options = ("--timeout", "1", "--only", "S4-06", "--only", "S4-14")
    where, more = (("--pty",), ("flood",)) if how == "floods" else ((), ())
    status, output, _ = chatcheck("rooms", *options, *where, "--", *stubborn(pids, *more))
    assert status == 1
    assert "0 passed, 2 failed" in output
    assert len(pids.read_text().split()) == 6  # a first run, and one for each scenario
    wait_until(lambda: nothing_is_left(pids))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_of_a_client_when_chatcheck_is_ended(tmp_path, number):
    pids = tmp_path / "pids"
    options = ("--timeout", "50", "--only", "S4-14")
    checker = subprocess.Popen(
        (*CHATCHECK, "rooms", *options, "--", *stubborn(pids)),
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 4)
        checker.send_signal(number)
        assert checker.wait(PATIENCE) != 0
        wait_until(lambda: nothing_is_left(pids))
    finally:
        checker.kill()
        checker.wait()
