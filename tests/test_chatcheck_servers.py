"""chatcheck with servers of crlf: with chatd, with another right one, and with many wrong ones.

Each wrong server has one fault, and fails that one requirement.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner

from chatcli.check.cli import main
from chatd.testing import running_server
from wrong import crlf
from wrong.crlf_failing import GREETING, SCENARIOS, failing


def check(*arguments):
    return CliRunner().invoke(main, ["server", "crlf", *map(str, arguments)])


@pytest.mark.faults
def test_nothing_is_wrong_with_chatd(engine):
    with running_server(engine=engine, dialect="crlf") as server:
        result = check("--port", server.port, "--level", "decided", "--quiet-time", 0.1)
    assert result.exit_code == 0, result.output
    assert "FAIL" not in result.output
    assert "ok   S0-17 " in result.output
    assert "n/a  S0-26 " not in result.output  # what needs no greeting was played


def test_nothing_is_wrong_with_a_greeting(engine):
    with running_server(engine=engine, dialect="crlf", greeting=GREETING) as server:
        arguments = ("--port", server.port, "--only", "S0-26", "--with", f"greeting={GREETING}")
        result = check(*arguments)
    assert result.exit_code == 0, result.output
    assert "ok   S0-26 " in result.output


@pytest.mark.faults
@pytest.mark.parametrize("half", [0, 1])
def test_each_fault_fails_its_requirement_alone(half):
    servers = [crlf.Right, *crlf.FAULTY][half::2]
    with ThreadPoolExecutor(len(servers)) as pool:
        results = dict(zip(servers, pool.map(failing, servers), strict=True))
    for wrong, (failed, text) in results.items():
        assert failed == wrong.fails, f"{wrong.__name__}\n{text}"


def test_every_requirement_has_its_fault():
    faults = set().union(*(wrong.fails for wrong in crlf.FAULTY))
    assert faults == {scenario.requirement for scenario in SCENARIOS}
