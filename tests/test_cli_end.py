"""The end of chatd: signals, and what may not hold it up."""

import os
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from chat import PATIENCE, RawClient, chatd_process

FAREWELL = b"ERROR the server is shutting down\r\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(engine, number, tmp_path):
    """R-23: everybody is told, also who is at the door, and the status is 0."""
    with chatd_process(tmp_path, "--engine", engine) as process, ExitStack() as stack:
        nicks = ["ala", "bob", None]  # the third is at the door
        clients = [stack.enter_context(RawClient(process.port, nick=nick)) for nick in nicks]
        clients[0].send("PUB hello")
        assert clients[1].line() == "PUB_MSG hello"
        assert clients[2].ask("LIST") == "ERROR log in first"  # so it has been accepted
        clients[2].send(b"LOG")
        process.send_signal(number)
        assert [client.rest() for client in clients] == [FAREWELL] * 3
        stack.close()
        stdout, stderr = process.communicate(timeout=PATIENCE)
        assert (process.returncode, stdout, stderr) == (0, b"", b"")


def test_a_client_that_does_not_close_delays_the_end_by_little(engine, tmp_path):
    """R-23: all of it takes less than ten seconds."""
    with chatd_process(tmp_path, "--engine", engine) as process:
        with RawClient(process.port, nick="ala"):
            process.terminate()
            assert process.wait(timeout=10) == 0  # two seconds, on an idle machine


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(engine, number, tmp_path):
    """R-23: whoever does not read is not waited for any longer."""
    with (
        chatd_process(tmp_path, "--engine", engine) as process,
        RawClient(process.port, nick="ala") as ala,
        RawClient(process.port, nick="stuck", rcvbuf=4096),
    ):
        # More than the stuck client's kernel takes while it does not read.
        for _ in range(16):
            ala.send("PUB " + "x" * 4000)
        assert ala.ask("WHOAMI") == "WHOAMI ala"
        process.send_signal(number)
        assert ala.line() == FAREWELL.decode().strip()  # the first one has arrived
        process.send_signal(number)
        assert process.wait(timeout=PATIENCE) == -number  # not 0: it did not wait


def test_a_log_that_nobody_reads_any_more_stops_nothing(engine, tmp_path):
    with chatd_process(tmp_path, "-v", "--engine", engine) as process:
        assert b"listening" in process.stdout.readline()
        process.stdout.close()
        with (
            RawClient(process.port, nick="ala") as ala,
            RawClient(process.port, nick="bob") as bob,
        ):
            for number in range(3):
                ala.send(f"PUB {number}")
                assert bob.line() == f"PUB_MSG {number}"
        process.terminate()
        assert process.wait(timeout=PATIENCE) == 0
        assert process.stderr.read() == b""


def test_a_signal_need_not_interrupt_the_main_thread(engine, tmp_path):
    """It may arrive in the moment before a wait begins, or on any other thread."""
    tasks = Path("/proc/self/task")
    if not tasks.exists():
        pytest.skip("this system does not number threads")
    with chatd_process(tmp_path, "-v", "--engine", engine) as process:
        with RawClient(process.port, nick="ala"):
            threads = {int(path.name) for path in Path(f"/proc/{process.pid}/task").iterdir()}
            others = threads - {process.pid}
            os.kill(min(others), signal.SIGTERM)
        assert process.wait(timeout=PATIENCE) == 0
