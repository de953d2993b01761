"""A client of the library is closed: nothing is lost, and nothing is left behind."""

import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from chat import PATIENCE
from chatcli import Disconnected, Said
from clients import Proxy, chat_server, open_client, said_by, until

pytestmark = pytest.mark.usefixtures("nothing_is_left_behind")


def test_the_nick_is_free_when_the_client_is_closed(kind, dialect):
    with chat_server() as server:
        for _ in range(20):
            with open_client(kind, server.ports[dialect], "bot", dialect):
                pass


def test_what_was_said_last_is_not_lost_by_closing(kind, dialect):
    with chat_server() as server:
        with open_client("threads", server.ports["json"], "eve") as eve:
            with open_client(kind, server.ports[dialect], "bot", dialect) as bot:
                for number in range(50):
                    bot.say(str(number), wait=False)
            heard = said_by(eve, "bot", "49")
            assert [event.text for event in heard if isinstance(event, Said)] == [
                str(number) for number in range(49)
            ]


def test_closing_while_there_is_no_server(kind):
    with chat_server() as server, Proxy(server.ports["json"]) as proxy:
        with open_client(kind, proxy.port, "bot") as bot:
            proxy.target = 1
            proxy.cut()
            until(bot, lambda event: isinstance(event, Disconnected))


def test_closing_while_a_connection_hangs(kind):
    """A server that takes no connection: closing does not wait for it."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        taken = []

        def take():
            peer, _ = listener.accept()
            taken.append(peer)
            peer.recv(100)
            peer.sendall(b"OK\r\n")

        thread = threading.Thread(target=take)
        thread.start()
        port = listener.getsockname()[1]
        with open_client(kind, port, "bot", "crlf", timeout=3600.0, resume=False) as bot:
            thread.join()
            crowd = [socket.socket() for _ in range(3)]
            for sock in crowd:  # more than wait there
                sock.setblocking(False)
                sock.connect_ex(("127.0.0.1", port))
            taken[0].close()
            until(bot, lambda event: isinstance(event, Disconnected))
            time.sleep(0.1)  # it may connect at once: what is tested holds at any moment
        for sock in crowd:
            sock.close()


def test_ctrl_c_at_any_moment_leaves_no_lock_behind():
    """As long as it waits for events; each round it comes a little later."""
    program = """
import sys
from chatcli import ChatClient
try:
    with ChatClient("127.0.0.1", int(sys.argv[1]), nick="bot", dialect="rooms") as bot:
        print("here", flush=True)
        while True:
            list(bot.events(timeout=0))
except KeyboardInterrupt:
    print("gone")
"""
    with chat_server() as server:
        for moment in range(0, 20, 3):
            command = [sys.executable, "-c", program, str(server.ports["rooms"])]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as bot:
                assert bot.stdout.readline() == b"here\n"
                time.sleep(moment / 10_000)
                bot.send_signal(signal.SIGINT)
                try:
                    assert bot.communicate(timeout=PATIENCE)[0] == b"gone\n"
                finally:
                    bot.kill()
