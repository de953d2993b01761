"""chatcheck and slash servers: chatd has no fault, and each fault is blamed on one requirement."""

import pytest

from chatcli.check.player import Player
from chatcli.check.player import _rank as rank
from chatcli.check.scenario import read_all
from chatd.dialects.slash import Slash
from chatd.limits import Limits
from wrong.chatd_broken import SHORT, broken, failed, failed_by_each, outcomes
from wrong.slash_chatd import DIFFERENT, FAULTY, ChunksOnly, IsNeverFull, KeepsTheDoorOpen


@pytest.mark.faults
@pytest.mark.parametrize("chunks", [False, True], ids=["lines", "chunks"])
def test_chatd_has_no_fault(engine, chunks):
    """S1-01 to S1-23, D-2, D-5: and whatever can be tried of it is tried."""
    found = outcomes(Slash, engine=engine, chunks=chunks)
    assert [one for one in found if one.status == "failed"] == []
    left_out = {one.reason for one in found if one.status == "not applicable"}
    assert left_out == {
        "needs a server started with limits.clients=2",
        "needs a server started with greeting=Hej hej",
    }


@pytest.mark.faults
@pytest.mark.parametrize("server", DIFFERENT, ids=lambda server: server.__name__)
def test_what_the_document_leaves_open(server):
    """S1-07, S1-13: a server need not send messages back, and may have its own texts."""
    assert failed(server) == set()


@pytest.mark.parametrize("dialect", ["slash", "rooms"])
def test_what_is_needed_is_shown_before(dialect):
    scenarios = sorted(read_all(dialect), key=rank)
    for number, scenario in enumerate(scenarios):
        before = {one.shows for one in scenarios[:number]}
        assert set(scenario.needs) <= before, scenario.place


PARTS = 4

IN_THE_HUB = [server for server in FAULTY if hasattr(server, "hub")]
IN_THE_DIALECT = [server for server in FAULTY if not hasattr(server, "hub")]


@pytest.mark.faults
@pytest.mark.parametrize("server", IN_THE_HUB, ids=lambda server: server.__name__)
def test_a_fault_is_blamed_on_one_requirement(server):
    assert failed(server) == server.fails


@pytest.mark.faults
@pytest.mark.parametrize("part", range(PARTS))
def test_each_fault_is_blamed_on_one_requirement(part):
    servers = IN_THE_DIALECT[part::PARTS]
    assert failed_by_each(servers, [ChunksOnly]) == {server: server.fails for server in servers}


def failed_when_full(server):
    """Give the requirements that a server does not meet which has, or says so, room for two."""
    scenarios = [one for one in read_all("slash") if "limits.clients" in one.settings]
    limits = Limits(**getattr(server, "limits", {"clients": 2}))
    with broken(server, limits=limits) as running:
        settings = {"limits.clients": "2"}
        player = Player("127.0.0.1", running.port, patience=SHORT, settings=settings)
        played = list(player.play_all(scenarios))
    assert "not applicable" not in {one.status for one in played}
    return {one.requirement for one in played if one.status == "failed"}


def test_chatd_has_no_fault_when_it_is_full():
    """S1-12"""
    assert failed_when_full(Slash) == set()


@pytest.mark.faults
@pytest.mark.parametrize("server", [KeepsTheDoorOpen, IsNeverFull])
def test_faults_when_the_server_is_full(server):
    assert failed_when_full(server) == server.fails
