"""chatcheck and words servers: chatd has no fault, and each fault is blamed on one requirement."""

import json

import pytest
from click.testing import CliRunner

from chatcli.check.cli import main
from chatcli.check.connections import Patience
from chatcli.check.player import Player
from chatcli.check.scenario import read_all
from chatd.limits import Limits
from chatd.testing import running_server
from wrong.chatd_broken import SHORT, failed_by_each
from wrong.words_chatd import DIFFERENT, FAULTY

PARTS = 4
HASTE = Patience(answer=0.4, quiet=0.1, pause=0.03)
SETTINGS = [one for one in read_all("words") if one.settings and not one.takes_time]
CHUNKS = [server for server in FAULTY if getattr(server, "chunks", False)]


@pytest.mark.faults
@pytest.mark.parametrize("framing", ["auto", "line", "chunk"])
def test_chatd_has_no_fault(engine, framing):
    """S3-02 to S3-17, D-2, D-5: on either engine, and all is tried that needs no settings."""
    with running_server(dialect="words", engine=engine) as server:
        arguments = ["--port", str(server.port), "--level", "decided", "--json", "-"]
        arguments += ["--quiet-time", "0.1", "--framing", framing]
        result = CliRunner().invoke(main, ["server", "words", *arguments])
    assert result.exit_code == 0, result.output
    requirements = json.loads(result.stdout)["requirements"]
    left_out = {one["requirement"] for one in requirements if one["status"] != "passed"}
    assert left_out == {"D-9"}


@pytest.mark.parametrize("scenario", SETTINGS, ids=lambda scenario: scenario.name)
def test_chatd_with_the_settings_that_a_scenario_needs(scenario):
    """D-4, D-8, D-9: as chatcheck does when --with says that the server has them."""
    limits, settings = {}, {}
    for name, value in scenario.settings.items():
        kind, dot, limit = name.partition(".")
        (limits if dot else settings)[limit or kind] = int(value) if dot else value
    with running_server(dialect="words", limits=Limits(**limits), **settings) as server:
        player = Player("127.0.0.1", server.port, patience=SHORT, settings=scenario.settings)
        outcome = player.play(scenario)
    assert outcome.status == "passed", outcome.problem


@pytest.mark.faults
def test_settings_that_a_server_does_not_have():
    """D-4, D-8, D-9: are missed by the scenarios that need them."""
    missed = set()
    with running_server(dialect="words") as server:
        for scenario in SETTINGS:
            told = {"patience": HASTE, "settings": scenario.settings}
            outcome = Player("127.0.0.1", server.port, **told).play(scenario)
            missed |= {outcome.requirement} if outcome.status == "failed" else set()
    assert missed == {"D-4", "D-8", "D-9"}


@pytest.mark.faults
def test_what_the_document_leaves_open():
    """S3-05 to S3-09, D-2: a server may have its own texts, and a CR in front of its LF."""
    assert failed_by_each(DIFFERENT) == {server: set() for server in DIFFERENT}


@pytest.mark.faults
@pytest.mark.parametrize("part", range(PARTS))
def test_each_fault_is_blamed_on_one_requirement(part):
    servers = FAULTY[part::PARTS]
    assert failed_by_each(servers, CHUNKS) == {server: server.fails for server in servers}
