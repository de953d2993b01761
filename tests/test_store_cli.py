"""The store on the command line: chatd's options, what the operator is told, and chatctl."""

import json
import os
import re
import sqlite3
import subprocess
import sys

import pytest

from chat import PATIENCE, RawClient, chatd_process, wait_until
from chatd.options import Age, Since, default_store
from plugging import CHATCTL, run


def chatctl(*args):
    return run(*CHATCTL, "history", *args)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/history.db"


def say(port, *texts, nick="ala"):
    """Say texts, and see to it that they are stored."""
    with RawClient(port, nick=nick) as ala:
        for text in texts:
            ala.send(f"PUB {text}")
        ala.send("HISTORY 500")
        while ala.line() != "OK":
            pass


def log_until(process, pattern):
    """Read the log of -v up to a line that fits."""
    seen = []
    for line in process.stdout:
        seen.append(line.decode())
        if re.search(pattern, seen[-1]):
            return seen
    raise AssertionError(f"{pattern} is not in {seen}")


# -- chatd -----------------------------------------------------------------------------------------


def test_by_default_it_is_a_file_in_the_data_folder(tmp_path):
    env = {key: value for key, value in os.environ.items() if not key.startswith("CHATD_")}
    env |= {"XDG_DATA_HOME": str(tmp_path / "data")}
    for text in ("one", "two"):
        with chatd_process(tmp_path, env=env) as process:
            say(process.port, text)
    path = tmp_path / "data" / "chatd" / "history.db"
    assert path.exists()
    assert path.stat().st_mode & 0o077 == 0
    stored = chatctl("export", "--store", f"sqlite:///{path}").stdout
    assert re.findall("by ala: (.*)", stored) == ["one", "two"]


def test_the_default_is_shown_by_the_system(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_store() == f"sqlite:///{tmp_path}/chatd/history.db"


@pytest.mark.parametrize(
    "args, complaint",
    [
        (["--store", "mysql://x:secret@y/z"], "there is no kind of store called mysql"),
        (["--store", "sqlite://"], "a store of SQLite is a file"),
        (["--keep", "soon"], "soon is no time such as 90d"),
        (["--keep", "0d"], "0d is no time such as 90d"),
        (["--keep-count", "0"], "0 is not in the range"),
    ],
)
def test_what_makes_no_sense_is_one_line(args, complaint):
    done = subprocess.run(
        [sys.executable, "-m", "chatd", "-p", "0", *args],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode in (1, 2)
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


@pytest.mark.parametrize("text, seconds", [("90d", 7776000), ("12h", 43200), ("30m", 1800)])
def test_ages(text, seconds):
    assert Age().convert(text, None, None) == seconds


def test_moments():
    since = Since()
    assert since.convert("2026-11-01T00:00:00+00:00", None, None) == 1793491200
    assert since.convert("1d", None, None) < since.convert("1h", None, None)


def test_sqlalchemy_is_loaded_only_for_a_store(tmp_path, url):
    code = (
        "import sys; from chatd.config import Config; from chatd.server import Server;"
        "Server(Config(port=0, store=sys.argv[1]));"
        "print('sqlalchemy' in sys.modules, 'alembic' in sys.modules)"
    )
    for store, loaded in (("none", "False False"), (url, "True")):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, store], capture_output=True, text=True
        )
        assert done.stdout.startswith(loaded), done.stderr
    code = "import sys, chatcli.cli; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n"


def test_the_end_commits_what_was_said_last(tmp_path, url, engine):
    """R-23: so nothing is missing from the history."""
    with chatd_process(tmp_path, "--store", url, "--engine", engine) as process:
        with RawClient(process.port, nick="ala") as ala:
            ala.send("PUB last words")
            assert ala.ask("WHOAMI") == "WHOAMI ala"
        process.terminate()
        assert process.wait(PATIENCE) == 0
    assert "said in General by ala: last words" in chatctl("export", "--store", url).stdout


# -- what the operator is told ---------------------------------------------------------------------


def test_a_damaged_file_is_set_aside(tmp_path, url):
    path = tmp_path / "history.db"
    path.write_bytes(b"this is no database" * 1000)
    with chatd_process(tmp_path, "-v", "--store", url) as process:
        told = log_until(process, "keeping the history in")
        assert told[-1].endswith(f"keeping the history in {path}\n")
        (told,) = [line for line in told if " is damaged (" in line]
        assert str(path) in told
        say(process.port, "hello")
    (aside,) = tmp_path.glob("history.db.damaged-*")
    assert aside.read_bytes().startswith(b"this is no database")
    assert "hello" in chatctl("export", "--store", url).stdout


def test_of_two_servers_one_has_the_file_and_the_other_gets_it_later(tmp_path, url):
    (tmp_path / "second").mkdir()
    with chatd_process(tmp_path, "--store", url) as first:
        say(first.port, "from the first")
        with chatd_process(tmp_path / "second", "-v", "--store", url) as second:
            log_until(second, "warning: nothing is stored for now.*used by another chatd")
            with RawClient(second.port, nick="bob") as bob:
                assert bob.ask("PUB from the second\r\nSTATS").startswith("NOTICE store failing")
                first.terminate()
                first.wait(PATIENCE)
                log_until(second, "warning: the store works again")
            say(second.port, "and more")
    text = chatctl("export", "--store", url).stdout
    assert "from the first" in text
    assert "from the second" in text


def test_a_locked_file_is_told_once_and_on_recovery(tmp_path, url):
    """R-20: by another process; nobody in the chat waits, and nothing is missing afterwards."""
    with chatd_process(tmp_path, "-v", "--store", url) as process:
        say(process.port, "before")
        other = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with RawClient(process.port, nick="ala") as ala, RawClient(process.port, nick="bob") as bob:
            ala.send("PUB while it is locked")
            assert bob.line() == "PUB_MSG while it is locked"
            log_until(process, "warning: nothing is stored for now.*locked")
            ala.send("PUB still")
            assert bob.line() == "PUB_MSG still"
            other.execute("ROLLBACK")
            other.close()
            assert not [
                line
                for line in log_until(process, "warning: the store works again")
                if "nothing is stored" in line
            ]
            bob.send("HISTORY 3")
            texts = [bob.line().split()[5:] for _ in range(3)]
            assert texts == [["before"], ["while", "it", "is", "locked"], ["still"]]


def test_a_full_disk(tmp_path, url):
    """R-19: chat goes on, and all of it is in the history once there is room."""
    with chatd_process(tmp_path, "-v", "--store", url) as process:
        say(process.port, "before")
        limit = os.path.getsize(tmp_path / "history.db-wal")
        subprocess.run(
            ["prlimit", f"--fsize={limit}:unlimited", "--pid", str(process.pid)], check=True
        )
        with RawClient(process.port, nick="ala") as ala, RawClient(process.port, nick="bob") as bob:
            for n in range(200):
                ala.send(f"PUB {n} {'x' * 1000}")
                assert bob.line().startswith(f"PUB_MSG {n} ")
            log_until(process, "warning: nothing is stored for now")
            assert bob.ask("STATS").startswith("NOTICE store failing")
            subprocess.run(["prlimit", "--fsize=unlimited", "--pid", str(process.pid)], check=True)
            log_until(process, "warning: the store works again")
        say(process.port, "after")
    text = chatctl("export", "--store", url).stdout
    assert text.count("said in General by ala") == 202
    with sqlite3.connect(tmp_path / "history.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


# -- chatctl ---------------------------------------------------------------------------------------


def test_export_and_stats_while_the_server_runs_and_while_it_does_not(tmp_path, url):
    with chatd_process(tmp_path, "--store", url) as process:
        say(process.port, "żółw \\ hej")
        with RawClient(process.port, nick="bob") as bob:
            for request in ("CREATE tea", "JOIN tea"):
                assert bob.ask(request) == "OK"
            bob.send("SAY tea hot")
            bob.send("HISTORY tea")
            while bob.line() != "OK":
                pass
        texts = [chatctl("export", "--store", url, *more) for more in ([], ["--room", "TEA"])]
        running = chatctl("stats", "--store", url).stdout
    assert [done.returncode for done in texts] == [0, 0]
    everything, tea = (done.stdout.splitlines() for done in texts)
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    assert all(re.match(stamp, line) for line in everything)
    said = [line[20:] for line in everything if " said in " in line]
    assert said == ["said in General by ala: żółw \\\\ hej", "said in tea by bob: hot"]
    assert [line[20:] for line in tea] == ["joined tea: bob", "said in tea by bob: hot"]
    assert chatctl("export", "--store", url).stdout.startswith(texts[0].stdout)
    stats = dict(line.split() for line in chatctl("stats", "--store", url).stdout.splitlines())
    assert stats["messages"] == "2"
    assert int(stats["bytes"]) > 4096
    assert re.fullmatch(r"\d+-1", stats["first_id"])
    assert "messages 2\n" in running


def test_export_as_json(tmp_path, url):
    """D-10: and private messages are nobody's but those two's."""
    with chatd_process(tmp_path, "--store", url, "--store-private") as process:
        say(process.port, "hello")
        with RawClient(process.port, nick="bob") as bob:
            assert bob.ask("PRIV bob a secret") == "PRIV_FROM bob a secret"
    done = chatctl("export", "--store", url, "--format", "jsonl")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events][:2] == ["LoggedIn", "Said"]
    said = events[1]
    assert re.fullmatch(r"\d+-2", said.pop("id"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", said.pop("time"))
    assert said == {"event": "Said", "room": "General", "nick": "ala", "text": "hello"}
    assert "secret" not in done.stdout
    assert chatctl("export", "--store", url, "--since", "2099-01-01").stdout == ""
    assert "hello" in chatctl("export", "--store", url, "--since", "1h").stdout


@pytest.mark.parametrize(
    "args, complaint",
    [
        (["export"], "there is no store"),
        (["export", "--store", "sqlite:////no/such/file.db"], "there is no store at"),
        (["stats", "--store", "sqlite:////no/such/file.db"], "there is no store at"),
        (["export", "--since", "yesterday"], "yesterday is neither a date"),
    ],
)
def test_what_cannot_be_read_is_one_line(args, complaint):
    done = chatctl(*args)
    assert done.returncode in (1, 2)
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_reader_that_goes_away_is_no_error(tmp_path, url):
    with chatd_process(tmp_path, "--store", url) as process:
        say(process.port, *[f"{n} {'x' * 3000}" for n in range(100)])
    command = [*CHATCTL, "history", "export", "--store", url]
    export = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with export:
        export.stdout.readline()
        export.stdout.close()
        assert export.stderr.read() == b""
    wait_until(lambda: export.poll() is not None, "its end")
