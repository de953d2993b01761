"""chatcheck and json servers: chatd has no fault, and each fault is blamed on one requirement."""

import json

import pytest
from click.testing import CliRunner

from chatcli.check.cli import main
from chatcli.check.connections import Patience
from chatcli.check.matching import directly, lenient
from chatcli.check.player import Player
from chatcli.check.scenario import read_all
from chatcli.check.text import expected, spoken
from chatd.limits import Limits
from chatd.testing import running_server
from wrong.chatd_broken import SHORT, failed_by_each
from wrong.json_chatd import DIFFERENT, FAULTY

PARTS = 4
HASTE = Patience(answer=0.4, quiet=0.1, pause=0.03)
SETTINGS = [one for one in read_all("json") if one.settings and not one.takes_time]


@pytest.mark.faults
def test_chatd_has_no_fault(engine):
    """S2-02 to S2-19, D-5: on either engine, and all is tried that needs no settings."""
    with running_server(dialect="json", engine=engine) as server:
        arguments = ["--port", str(server.port), "--level", "decided", "--json", "-"]
        arguments += ["--quiet-time", "0.1"]
        result = CliRunner().invoke(main, ["server", "json", *arguments])
    assert result.exit_code == 0, result.output
    requirements = json.loads(result.stdout)["requirements"]
    left_out = {one["requirement"] for one in requirements if one["status"] != "passed"}
    assert left_out == {"S2-17", "D-4", "D-9"}


@pytest.mark.parametrize("scenario", SETTINGS, ids=lambda scenario: scenario.name)
def test_chatd_with_the_settings_that_a_scenario_needs(scenario):
    """S2-15, S2-17, D-9: as chatcheck does when --with says that the server has them."""
    limits, settings = {}, {}
    for name, value in scenario.settings.items():
        kind, dot, limit = name.partition(".")
        (limits if dot else settings)[limit or kind] = int(value) if dot else value
    with running_server(dialect="json", limits=Limits(**limits), **settings) as server:
        player = Player("127.0.0.1", server.port, patience=SHORT, settings=scenario.settings)
        outcome = player.play(scenario)
    assert outcome.status == "passed", outcome.problem


@pytest.mark.faults
def test_settings_that_a_server_does_not_have():
    """S2-17, D-9: are missed by the scenarios that need them."""
    missed = set()
    with running_server(dialect="json") as server:
        for scenario in SETTINGS:
            told = {"patience": HASTE, "settings": scenario.settings}
            outcome = Player("127.0.0.1", server.port, **told).play(scenario)
            missed |= {outcome.requirement} if outcome.status == "failed" else set()
    assert missed == {"S2-17", "D-9"}


@pytest.mark.faults
def test_what_the_document_leaves_open():
    """S2-02, S2-07, S2-14 to S2-18: a server may have its own texts and its own way with JSON."""
    assert failed_by_each(DIFFERENT) == {server: set() for server in DIFFERENT}


@pytest.mark.faults
@pytest.mark.parametrize("part", range(PARTS))
def test_each_fault_is_blamed_on_one_requirement(part):
    servers = FAULTY[part::PARTS]
    assert failed_by_each(servers) == {server: server.fails for server in servers}


# -- how json is looked at -------------------------------------------------------------------

HELLO = b'{"type":"message","data":{"source":"ala","message":"hello"}}'


@pytest.mark.parametrize(
    "seen",
    [
        HELLO,
        HELLO + b"\n",
        b"no json\n" + HELLO,
        b'{"no": json}\n' + HELLO + HELLO,
        b'{"one":1}' + HELLO,
        b'{ "data":\n "hello" }',
        b'{"a":{"b":"hello"}}',
        b'{"text":"hel\\u006co"}',
    ],
)
def test_words_are_found_in_any_form(seen):
    """S2-02, S2-07: which is for the scenarios to look at that write the form out."""
    assert lenient(spoken("ola: hello"), "json", {})(seen, 0)


@pytest.mark.parametrize("seen", [b"hello", b'{"data":"hello ola"}', b'{"data":"hello"'])
def test_words_are_not_found_elsewhere(seen):
    assert lenient(spoken("ala: hello"), "json", {})(seen, 0) is None


def test_what_chatd_says_of_words():
    """S2-07: exactly this."""
    assert spoken("ala: {~hello}").data() == HELLO


def test_the_next_message_is_a_value():
    """S2-02: not a line."""
    seen = b'{"data":"hi"}' + HELLO
    assert directly(spoken("ala: hi"), "json", {})(seen, 0) == 13
    assert directly(spoken("ala: hello"), "json", {})(seen, 0) is None
    assert directly(expected('{"data":{"source":"ala"}}'), "json", {})(seen, 13) == len(seen)


@pytest.mark.parametrize("source", ["hello", 'ala: "hello"', "ala: a\\\\b", "ala: a\\tb"])
def test_words_that_json_would_escape_are_no_words(source):
    with pytest.raises(ValueError):
        spoken(source)
