"""chatcheck and chatd: it has no fault in any dialect; with one put into it, that one is found.

All at once, because most of the time is waiting. `make faults` takes all faults that there are.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from chatd.testing import running_server
from wrong import crlf, json_chatd, rooms_chatd, slash_chatd, words_chatd
from wrong.chatd_broken import failed
from wrong.crlf_failing import failing

DIALECTS = ("crlf", "json", "slash", "words", "rooms")
CHATCHECK = (sys.executable, "-m", "chatcli.check", "server")
HURRY = ("--level", "decided", "--quiet-time", "0.1", "--json", "-")

FAULTS = [
    json_chatd.EndsOnBadJson,
    words_chatd.Duplicates,
    slash_chatd.RenamesAreTold,
    rooms_chatd.PublicComesBack,
]
CRLF_FAULTS = [
    crlf.OnlyLF,
    crlf.Echoes,
    crlf.DuplicateNicks,
    crlf.LosesSplitLines,
    crlf.UsersWithoutAsker,
]


@pytest.mark.parametrize("engine", ["threads", pytest.param("asyncio", marks=pytest.mark.soak)])
def test_chatd_has_no_fault(engine):
    """S0-08 to S4-18, D-2 to D-10, D-5: whatever can be seen without settings."""

    def verdicts(dialect):
        with running_server(engine=engine, dialect=dialect) as server:
            command = (*CHATCHECK, dialect, "--port", str(server.port), *HURRY)
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout)["requirements"], done.stderr

    with ThreadPoolExecutor(len(DIALECTS)) as pool:
        for status, requirements, text in pool.map(verdicts, DIALECTS):
            assert status == 0, text
            found = {one["status"] for one in requirements}
            assert "passed" in found
            assert "failed" not in found


def test_one_fault_is_one_requirement():
    with ThreadPoolExecutor(len(FAULTS)) as pool:
        others = pool.map(lambda wrong: failing(wrong)[0], CRLF_FAULTS)
        found = dict(zip(FAULTS, pool.map(failed, FAULTS), strict=True))
        assert found == {server: server.fails for server in FAULTS}
        assert list(others) == [server.fails for server in CRLF_FAULTS]
