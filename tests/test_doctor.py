"""`chatctl doctor`: what it finds, and that it changes nothing."""

import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from chat import PATIENCE, RawClient, chatd_process
from chatd import doctor
from chatd.config import Listen
from chatd.ctl import chatctl
from chatd.limits import MIB
from chatd_plugins.sql.sqlite import File
from plugging import write
from records import opened, said


class Report:
    """What the doctor says of some options; -p 0 unless they say another port."""

    def __init__(self, *options, variables=()):
        ports = [] if "-p" in options else ["-p", "0"]
        quiet = {name: None for name in os.environ if name.startswith("CHATD_")}
        done = CliRunner().invoke(
            chatctl,
            ["doctor", *ports, "--store", "none", "--bans", "none", *map(str, options)],
            env=quiet | dict(variables),
        )
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        self.status = done.exit_code
        self.text = done.output
        self.lines = [line.split(maxsplit=2) for line in done.output.splitlines()[:-1]]

    def of(self, topic):
        """The findings of a topic, as (state, text)."""
        return [(state, text) for state, at, text in self.lines if at == topic]


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/history.db"


# -- settings --------------------------------------------------------------------------------------


def test_where_each_setting_comes_from(tmp_path):
    file = tmp_path / "chatd.toml"
    file.write_text("max-arrivals = 50\nlisten = ['json=127.0.0.1:0']\n")
    report = Report("--config", file, "--max-clients", 7, variables={"CHATD_GREETING": "hej"})
    settings = report.of("settings")
    assert ("ok", "max-clients 7 (by the command line)") in settings
    assert ("ok", 'greeting "hej" (by a variable)') in settings
    assert ("ok", "max-arrivals 50 (by the file)") in settings
    assert ("ok", "listen json=127.0.0.1:0 (by the file)") in settings
    assert ("ok", 'engine "threads"') in settings
    limits = report.of("limits")
    assert ("ok", "clients 7 (instead of 10000)") in limits
    assert ("ok", "line 4096") in limits
    assert (report.status, report.text.splitlines()[-1]) == (0, "errors: 0, warnings: 0")


def test_no_password_is_shown():
    """It is no part of the URL that is told."""
    report = Report("--store", "postgresql://ala:hush-hush@127.0.0.1:1/chat?password=hush-hush")
    assert "hush-hush" not in report.text
    assert ("ok", "store postgresql: (by the command line)") in report.of("settings")
    assert report.of("store")[0][0] == "error"


def test_what_the_web_takes(monkeypatch):
    secret = {"CHATD_ADMIN_SECRET": "open sesame"}
    found = Report("--admin", "ala", variables=secret).of("web")
    assert [state for state, _ in found] == ["ok", "ok"]
    assert re.fullmatch(
        r"page, metrics and health: flask \d.*, prometheus_client \d\S+", found[0][1]
    )
    assert found[1][1] == "/admin is for ala"
    assert Report().of("web")[1] == ("ok", "/admin is off, no --admin")
    assert Report("--no-web").of("web") == [("ok", "none was asked for")]
    listeners = Report("--web", "127.0.0.1:0").of("listeners")
    assert ("ok", "web on 127.0.0.1:0 can be bound") in listeners
    monkeypatch.setattr(doctor.web, "find_spec", lambda name: None if name == "flask" else name)
    report = Report()
    missing = "there is no web page here: pip install 'chatd[web]'; there is no flask"
    assert report.of("web") == [("warning", missing)]
    assert report.status == 0


def test_a_mistake_in_the_settings_is_one_line():
    done = CliRunner().invoke(chatctl, ["doctor", "-p", "many"])
    assert done.exit_code == 2
    assert "many" in done.output


def test_versions():
    versions = Report().of("versions")
    assert any("Python" in text and "chatd" in text for _, text in versions)
    assert {state for state, _ in versions} == {"ok"}


def test_a_library_that_is_missing(monkeypatch):
    monkeypatch.setattr(doctor, "LIBRARIES", ("no-such-library",))
    assert ("error", "no-such-library is not installed") in Report().of("versions")


# -- what the system gives -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "hard", "state", "end"),
    [
        (("--max-clients", 900), 1000, "ok", "900 clients fit"),
        (("--max-clients", 950), 1000, "warning", "936 of --max-clients 950 fit"),
        (
            ("--max-clients", 1000, "--engine", "select"),
            9000,
            "warning",
            "can watch no more",
        ),
        (("--max-clients", 1000, "--engine", "asyncio"), 9000, "ok", "1000 clients fit"),
    ],
)
def test_descriptors(monkeypatch, options, hard, state, end):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, hard))
    ((found, text),) = Report(*options).of("descriptors")
    assert found == state
    assert text.startswith(f"soft limit 100, hard limit {hard}, ")
    assert end in text


def test_listeners():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        report = Report(
            *("--host", "127.0.0.1", "--listen", f"json=127.0.0.1:{port}"),
            *("--listen", "crlf=192.0.2.1:0", "--listen", "nosuch=:0"),
            *("--listen", "slash=nowhere.invalid:1"),
        )
    found = report.of("listeners")
    hint = "Address already in use; by chatd itself, if it is running"
    assert found[:4] == [
        ("ok", "auto on 127.0.0.1:0 can be bound"),
        ("warning", f"json on 127.0.0.1:{port}: {hint}"),
        ("error", "crlf on 192.0.2.1:0: Cannot assign requested address"),
        ("error", "nosuch on *:0: there is no dialect nosuch"),
    ]
    assert found[4][0] == "error"
    assert report.status == 1


def test_a_certificate(tmp_path, authority):
    def issued(days, begun=timedelta(1)):
        now = datetime.now(UTC)
        dates = {"not_before": now - begun, "not_after": now + timedelta(days, 60)}
        files = authority.issue(tmp_path, "chat.example", **dates)
        ((state, text),) = Report("--tls-cert", files.both).of("certificate")
        return state, text.removeprefix("of chat.example, its key fits: ")

    assert issued(90) == ("ok", "it ends in 90 days")
    assert issued(13) == ("warning", "it ends in 13 days")
    state, text = issued(-2, timedelta(90))
    assert (state, text[:11]) == ("error", "it ended on")
    state, text = issued(90, timedelta(-1))
    assert (state, text[:12]) == ("error", "it begins on")


def test_a_certificate_that_cannot_be_used(tmp_path, certificate, authority):
    assert Report().of("certificate") == [("ok", "none, so there is no TLS")]
    other = tmp_path / "other"
    other.mkdir()
    key = authority.issue(other).key
    for options, reason in [
        (("--tls-cert", certificate.chain, "--tls-key", key), "key values mismatch"),
        (("--tls-cert", "none.pem"), "cannot read none.pem"),
        (("--tls-only",), "there is no TLS without a certificate"),
    ]:
        report = Report(*options)
        ((state, text),) = report.of("certificate")
        assert (state, report.status) == ("error", 1)
        assert reason in text


# -- what it works with ----------------------------------------------------------------------------


def test_plugins(tmp_path):
    folder = write(tmp_path / "plugins", wave=WAVE)
    found = Report("--plugins-dir", folder).of("plugins")
    assert ("ok", "wave: wave") in found
    assert ("ok", "talk: say, tell") in found


WAVE = """
    from chatd import Command, hookimpl

    @hookimpl
    def register_commands():
        return [Command("wave", lambda ctx: ctx.reply("o/"))]
    """


def test_a_plugin_that_does_not_load_hides_nothing_else(tmp_path):
    folder = write(tmp_path / "plugins", broken="raise ValueError('a bug')")
    report = Report("--plugins-dir", folder)
    state, text = report.of("plugins")[0]
    assert (state, report.status) == ("error", 1)
    assert "broken" in text
    assert "ValueError: a bug" in text
    assert report.of("listeners") == [("ok", "auto on *:0 can be bound")]


def test_bans(tmp_path):
    file = tmp_path / "bans.json"
    assert Report("--bans", file).of("bans") == [("ok", f"0 bans and 0 mutes in {file}")]
    assert not file.exists()
    file.write_text("nonsense")
    ((state, text),) = Report("--bans", file).of("bans")
    assert (state, text[:19]) == ("error", "cannot use the bans")


def test_a_store_that_does_not_exist_yet(url, tmp_path):
    found = Report("--store", url).of("store")
    assert found[0][0] == "ok"
    assert found[0][1].endswith(f" MiB are free for {tmp_path}/history.db")
    assert found[1:] == [("ok", f"{tmp_path}/history.db does not exist yet")]
    assert list(tmp_path.iterdir()) == []


def test_a_store(url, tmp_path):
    with opened(url, said(1), said(2)):
        pass
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    found = Report("--store", url).of("store")
    assert found[1][0] == "ok"
    assert ": 2 events, 0 MiB, the last is " in found[1][1]
    assert found[2] == ("ok", f"{tmp_path}/history.db: no damage was found")
    left = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert {path: left[path] for path in before} == before


def test_a_store_that_is_damaged(url, tmp_path):
    path = tmp_path / "history.db"
    with opened(url, *(said(n, "x" * 500) for n in range(1, 200))):
        pass
    data = bytearray(path.read_bytes())
    data[4096 * 8 : 4096 * 12] = b"\xff" * 4096 * 4
    path.write_bytes(data)
    report = Report("--store", url)
    assert "error" in [state for state, _ in report.of("store")]
    assert report.status == 1
    path.write_bytes(b"nonsense" * 1000)
    assert ("error", f"{path}: file is not a database") in Report("--store", url).of("store")


def test_a_check_that_takes_too_long_has_found_nothing(url, tmp_path):
    with opened(url, said(1)):
        pass
    store = File(tmp_path / "history.db")
    with store.reading() as connection:
        driver = connection.connection.dbapi_connection
        driver.set_progress_handler(lambda: True, 1)
        assert store.damage(connection) == ""


def test_a_disk_that_is_nearly_full(url, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=99 * MIB)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    state, text = Report("--store", url).of("store")[0]
    assert (state, text[:16]) == ("warning", "99 MiB are free ")


def test_a_store_that_cannot_be_written(url, monkeypatch, tmp_path):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    text = f"{tmp_path}/history.db cannot be written by this user"
    assert ("error", text) in Report("--store", url).of("store")


# -- beside a server -------------------------------------------------------------------------------


def test_beside_a_server(url, tmp_path):
    with chatd_process(tmp_path, "--store", url, "--host", "127.0.0.1") as process:
        with RawClient(process.port, nick="ala") as ala:
            ala.send("PUB hello")
            assert ala.ask("HISTORY 5").startswith("HISTORY ")
            options = ["--store", url, "--host", "127.0.0.1", "-p", str(process.port)]
            done = subprocess.run(
                [sys.executable, "-m", "chatd.ctl", "doctor", "--format", "jsonl", *options],
                capture_output=True,
                text=True,
                timeout=PATIENCE,
            )
            assert (done.returncode, done.stderr) == (0, "")
            assert ala.line() == "OK"
            assert ala.ask("LIST") == "USERS ala"
    found = [json.loads(line) for line in done.stdout.splitlines()]
    (listener,) = (each for each in found if each["topic"] == "listeners")
    assert listener["state"] == "warning"
    assert "by chatd itself" in listener["text"]
    assert [each["state"] for each in found if each["topic"] == "store"] == ["ok"] * 3


def test_a_listener_is_written_as_it_is_given():
    assert str(Listen("json", "127.0.0.1", 5555)) == "json=127.0.0.1:5555"
