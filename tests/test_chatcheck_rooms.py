"""chatcheck and rooms servers: chatd has no fault, and each fault is blamed on one requirement."""

import pytest

from chatd.dialects.rooms import RoomsDialect
from wrong.chatd_broken import failed, failed_by_each, outcomes
from wrong.rooms_chatd import DIFFERENT, FAULTY, ChunksOnly


@pytest.mark.faults
@pytest.mark.parametrize("chunks", [False, True], ids=["lines", "chunks"])
def test_chatd_has_no_fault(engine, chunks):
    """S4-02 to S4-18, D-2, D-5: and whatever can be tried of it is tried."""
    found = outcomes(RoomsDialect, engine=engine, chunks=chunks)
    assert [one for one in found if one.status == "failed"] == []
    left_out = {one.reason for one in found if one.status == "not applicable"}
    assert left_out == {
        "needs a server started with limits.clients=2",
        "needs a server started with greeting=Hej hej",
    }


@pytest.mark.faults
@pytest.mark.parametrize("server", DIFFERENT, ids=lambda server: server.__name__)
def test_what_the_document_leaves_open(server):
    """S4-12, S4-13, S4-17: a server may have its own texts for errors, and a space."""
    assert failed(server) == set()


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
