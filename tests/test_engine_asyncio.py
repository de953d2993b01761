"""What is the asyncio engine's alone: an event loop that nobody else has to do with."""

import asyncio
import gc
import os
import subprocess
import sys
import threading

from chat import PATIENCE, RawClient, chatd_process, files_of, reset, wait_until
from chatd.config import Config
from chatd.server import Server
from chatd.testing import running_server


def engine_of(server):
    return server.server._engine


def test_asyncio_is_loaded_only_if_asked_for():
    """It takes longer to import than all of the server's own modules."""
    program = "import sys, chatd.cli; print('asyncio' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_the_loop_is_closed_at_the_end_and_holds_nothing():
    """A loop or a socket that is left to the collector is a ResourceWarning, which is an error."""
    files, threads = files_of(os.getpid()), threading.active_count()
    with running_server(engine="asyncio") as server:
        clients = [RawClient(server.port, nick=f"u{number}") for number in range(20)]
        loop = engine_of(server)._loop
        for number, client in enumerate(clients[:10]):
            (reset if number % 2 else RawClient.close)(client)
        wait_until(lambda: len(engine_of(server).sessions) == 10)
        # What is watched for: the others, the waker, the listener, the loop's own pipe.
        assert len(loop._selector.get_map()) == 10 + 3
        for client in clients[10:]:
            client.send("QUIT")
            assert client.line() is None
            client.close()
    assert loop.is_closed()
    assert asyncio.all_tasks(loop) == set()
    gc.collect()
    assert (files_of(os.getpid()), threading.active_count()) == (files, threads)


def test_the_threads_own_loop_stays_what_it_was():
    """Whoever starts a server may have a loop for other things."""
    own = asyncio.new_event_loop()
    asyncio.set_event_loop(own)
    try:
        server = Server(Config(port=0, engine="asyncio"))
        server.start()
        with RawClient(server.listeners[0].address[1]) as ala:
            ala.send("LOGIN ala")
            threading.Thread(target=lambda: (ala.line(), server.stop())).start()
            server.run()
            assert ala.line() == "ERROR the server is shutting down"
        assert asyncio.get_event_loop() is own
        assert own.run_until_complete(asyncio.sleep(0, "mine")) == "mine"
    finally:
        asyncio.set_event_loop(None)
        own.close()


def test_the_loop_has_nothing_to_complain_of(tmp_path, monkeypatch):
    """In its debug mode asyncio checks from which threads it is called, and tells."""
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    with chatd_process(tmp_path, "--engine", "asyncio") as chatd:
        with RawClient(chatd.port, nick="ala") as ala, RawClient(chatd.port, nick="ola") as ola:
            ala.send("PUB hello")
            assert ola.line() == "PUB_MSG hello"
            assert ola.ask("HISTORY") is not None  # a thread answers
            ola.send("QUIT")
            assert ola.rest() is not None
            assert ala.ask("LIST") == "USERS ala"
        chatd.terminate()
        _, errors = chatd.communicate(timeout=PATIENCE)
    complaints = [line for line in errors.decode().splitlines() if "Executing" not in line]
    assert complaints == []  # a turn that takes long is this machine's fault
    assert chatd.returncode == 0


def test_a_server_whose_loop_is_closed_has_nothing_to_wake():
    """Stores and taps speak up to the very end, and even later."""
    with running_server(engine="asyncio") as server:
        pass
    server.server.warn("too late")
    server.server.stop()
