"""Where chatd listens, and the file that says it."""

import os
import subprocess

import pytest

from chat import RawClient, chatd_process, has_ipv6, reachable
from commandline import running
from plugging import CHATD


def test_the_port_file_says_where_it_listens(tmp_path):
    port_file = tmp_path / "ports"
    before = "left over by another server, and much longer\n" * 100
    port_file.write_text(before)
    with port_file.open() as reader:
        with running(port_file, "-p", "0", "--port-file", str(port_file)) as process:
            assert port_file.read_text() == f"auto :: {process.port}\n"
            assert reader.read() == before  # it is another file, and whole from the beginning
    assert list(tmp_path.iterdir()) == [port_file]


def test_the_port_file_may_be_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = subprocess.Popen([*CHATD, "-p", "0", "--port-file", str(pipe)])
    with process:
        assert pipe.read_text().startswith("auto :: ")
        assert pipe.is_fifo()
        process.kill()


def test_a_port_that_the_system_chose_can_be_reached(tmp_path):
    port_file = tmp_path / "ports"
    with running(port_file, "-p", "0", "--port-file", str(port_file)) as process:
        assert process.port != 0
        assert reachable("127.0.0.1", process.port)


def test_ipv4_and_ipv6_by_default(tmp_path):
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    with chatd_process(tmp_path) as process:
        with (
            RawClient(process.port, nick="ala") as ala,
            RawClient(process.port, host="::1", nick="bob") as bob,
        ):
            bob.send("PUB across")
            assert ala.line() == "PUB_MSG across"


def test_one_address_only(tmp_path):
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    with chatd_process(tmp_path, "--host", "127.0.0.1") as process:
        assert (tmp_path / "ports").read_text() == f"auto 127.0.0.1 {process.port}\n"
        assert reachable("127.0.0.1", process.port)
        assert not reachable("::1", process.port)
    with chatd_process(tmp_path, "--host", "::1") as process:
        assert reachable("::1", process.port)
        assert not reachable("127.0.0.1", process.port)
