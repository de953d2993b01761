"""chatd's settings: options, variables and TOML, and which of them wins."""

import json
from pathlib import Path

import pytest

import chatd
from chat import PATIENCE, RawClient, chatd_process, reachable
from chatd.cli import chatd as command
from chatd.dialects.table import DIALECTS
from commandline import environment, run, running
from plugging import WAVE, write


@pytest.fixture
def settings(tmp_path, certificate):
    """A value for each setting, none of them the default, but for two that shut others out."""
    return {
        "port": 0,
        "greeting": "hej hej",
        "verbose": True,
        "quiet": False,
        "host": "127.0.0.1",
        "listen": ["crlf=127.0.0.1:0", "crlf=127.0.0.1:0?framing=line&quiet=1s"],
        "all": True,
        "web": "127.0.0.1:0",
        "no-web": False,
        "web-origin": ["https://example.org"],
        "metrics-from": ["192.0.2.0/24"],
        "engine": "select",
        "tls-cert": str(certificate.chain),
        "tls-key": str(certificate.key),
        "tls-only": False,
        "max-per-address": 9,
        "max-arrivals": 99,
        "exempt": ["127.0.0.0/8", "::1"],
        "flood": "20/4",
        "admin": ["ala", "ola"],
        "admin-secret-file": str(_secret_file(tmp_path)),
        "bans": str(tmp_path / "bans.json"),
        "guest-names": True,
        "no-log-addresses": True,
        "log-format": "json",
        "max-clients": 1,
        "store": f"sqlite:///{tmp_path}/history.db",
        "store-private": True,
        "keep": "90d",
        "keep-count": 5,
        "plugins-dir": str(write(tmp_path / "plugins", wave=WAVE)),
        "no-plugin": ["talk", "rooms"],
        "port-file": str(tmp_path / "ports"),
    }


def _secret_file(folder):
    path = folder / "secret"
    path.write_text("open sesame\n")
    path.chmod(0o600)
    return path


def as_arguments(settings):
    for name, value in settings.items():
        for each in value if isinstance(value, list) else [value]:
            if each is True:
                yield f"--{name}"
            elif each is not False:
                yield f"--{name}={each}"


def as_variables(settings):
    for name, value in settings.items():
        text = " ".join(value) if isinstance(value, list) else str(value)
        yield "CHATD_" + name.upper().replace("-", "_"), text


def as_toml(settings):
    # What TOML and JSON have in common is enough here.
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())


@pytest.mark.parametrize("way", ["arguments", "variables", "toml", "toml named by a variable"])
def test_every_setting_can_be_given_in_each_way(way, settings, tmp_path):
    args, env = [], {}
    file = tmp_path / "chatd.toml"
    if way == "arguments":
        args = as_arguments(settings)
    elif way == "variables":
        env = as_variables(settings)
    else:
        file.write_text(as_toml(settings))
        args, env = (["--config", str(file)], {}) if way == "toml" else ([], {"CHATD_CONFIG": file})
    with running(Path(settings["port-file"]), *args, env=env) as process:
        assert not reachable("127.0.0.2", process.port)
        places = Path(settings["port-file"]).read_text().splitlines()
        assert len(places) == 1 + 3 + len(DIALECTS.keys() - {"auto"})
        with RawClient(process.port) as ala, RawClient(process.port) as bob:
            assert ala.ask("LOGIN ala") == "OK"
            assert ala.line() == "hej hej"
            threads = Path(f"/proc/{process.pid}/task")
            if threads.exists():  # loop, store, certificate, log of --verbose, samples for /admin
                assert len(list(threads.iterdir())) == 5
            assert bob.ask("LOGIN bob") == "ERROR the server is full, try again later"
            assert bob.line() is None
            assert ala.ask("WAVE") == "NOTICE o/"
            assert ala.ask("OPER ola open sesame") == "NOTICE you are a moderator now"
            assert ala.ask("BAN eva") == "NOTICE eva is banned"
            assert (tmp_path / "bans.json").exists()
            assert ala.ask("HISTORY @ala") == "OK"
            assert (tmp_path / "history.db").exists()
            assert ala.ask("PUB hello") == "ERROR unknown command say"
            assert ala.ask("ROOMS") == "ERROR unknown command rooms"
        process.terminate()
        stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stderr) == (0, b"")
    log = [json.loads(line) for line in stdout.splitlines()]
    assert log[0].keys() == {"time", "event", "place"}
    assert {"event": "listening", "host": "127.0.0.1"}.items() <= log[1].items()
    assert {"", None} >= {each.get("address") for each in log}


def test_the_test_above_knows_all_settings(settings):
    options = {option.opts[-1].removeprefix("--") for option in command.params}
    assert options - {"config", "version"} == set(settings)


@pytest.mark.parametrize(
    ("given", "winner"),
    [
        ([], None),
        (["toml"], "toml"),
        (["toml", "variable"], "variable"),
        (["variable", "option"], "option"),
        (["toml", "variable", "option"], "option"),
    ],
)
def test_the_command_line_wins_over_the_environment_and_that_over_toml(given, winner, tmp_path):
    file = tmp_path / "chatd.toml"
    file.write_text("greeting = 'toml'\n" if "toml" in given else "")
    options = ["-t", "option"] if "option" in given else []
    variables = {"CHATD_GREETING": "variable"} if "variable" in given else {}
    env = environment(variables)
    with chatd_process(tmp_path, "--config", str(file), *options, env=env) as process:
        with RawClient(process.port, nick="ala") as ala:
            if winner is not None:
                assert ala.line() == winner
            assert ala.ask("WHOAMI") == "WHOAMI ala"


def test_short_options(tmp_path):
    port_file = tmp_path / "ports"
    args = ["-p", "0", "-t", "hej", "-v", "-q", "--port-file", str(port_file)]
    with running(port_file, *args) as process:
        with RawClient(process.port, nick="ala") as ala:
            assert ala.line() == "hej"
        process.terminate()
        stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stdout, stderr) == (0, b"", b"")


def test_names_in_toml_may_have_underscores(tmp_path):
    file = tmp_path / "chatd.toml"
    file.write_text("no_plugin = ['talk']\n")
    with chatd_process(tmp_path, "--config", str(file)) as process:
        with RawClient(process.port, nick="ala") as ala:
            assert ala.ask("PUB hello") == "ERROR unknown command say"


def test_the_defaults():
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    text = " ".join(done.stdout.split())
    assert "[default: 5000; 0<=x<=65535]" in text
    assert "[default: threads]" in text
    assert "[default: 10000; x>=1]" in text
    assert run("-h").stdout == done.stdout


def test_the_version():
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"chatd, version {chatd.__version__}\n")
