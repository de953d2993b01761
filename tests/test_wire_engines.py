"""How many threads serve the clients."""

from contextlib import ExitStack

import pytest

from chat import RawClient, chatd_process, threads_of
from webtalk import Browser


def chatting(stack, port, number):
    """Connect that many clients, each of which has said something that all others heard."""
    clients = [stack.enter_context(RawClient(port, nick=f"user{i}")) for i in range(number)]
    for speaker in clients:
        speaker.send("PUB hello")
        for listener in clients:
            if listener is not speaker:
                assert listener.line() == "PUB_MSG hello"
    return clients


@pytest.mark.parametrize("engine", ["select", "asyncio"])
def test_a_loop_has_one_thread(tmp_path, engine):
    """S0-31: with --engine select one thread serves all clients; with asyncio, too.

    A second one waits to be asked to read the settings again; a third one, for the web, counts.
    """
    with ExitStack() as stack:
        process = stack.enter_context(chatd_process(tmp_path, "-q", "--engine", engine))
        stack.enter_context(RawClient(process.port, nick="first"))
        assert threads_of(process.pid) == 3
        clients = chatting(stack, process.port, 8)
        assert threads_of(process.pid) == 3
        assert clients[0].ask("PRIV user1 hello") == "OK"
        clients[2].close()
        assert clients[0].ask("LIST").startswith("USERS first user0 user1")
        assert threads_of(process.pid) == 3


def test_by_default_every_client_has_a_thread(tmp_path):
    """S0-31: the default engine gives every client a thread."""
    with ExitStack() as stack:
        process = stack.enter_context(chatd_process(tmp_path, "-q"))
        stack.enter_context(RawClient(process.port, nick="first"))
        before = threads_of(process.pid)
        chatting(stack, process.port, 8)
        assert threads_of(process.pid) == before + 8


def test_a_page_has_no_thread_but_its_client_s(tmp_path, engine):
    """W-01: with threads each socket has one, with the others none."""
    with ExitStack() as stack:
        process = stack.enter_context(chatd_process(tmp_path, "-q", "--engine", engine))

        def join(number):
            page = stack.enter_context(Browser(process.port))
            page.open_socket()
            assert page.ask_page("set-name", f"page{number}")["event"] == "entered"

        join(0)
        before = threads_of(process.pid)
        for number in range(1, 9):
            join(number)
        assert threads_of(process.pid) - before == (8 if engine == "threads" else 0)
