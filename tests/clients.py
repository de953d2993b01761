"""Both clients of the library behind one face, and what stands between them and a server."""

import asyncio
import contextlib
import socket
import threading

from chat import PATIENCE
from chatcli import GENERAL, AsyncChatClient, Backoff, ChatClient, Said
from chatd.config import Listen
from chatd.testing import running_server

DIALECTS = ["crlf", "json", "slash", "words", "rooms"]
KINDS = ["threads", "coroutines"]

QUICK = Backoff(base=0.01, cap=0.05)


class Awaited:
    """An AsyncChatClient on a loop of its own, used like a ChatClient."""

    def __init__(self, *args, **settings):
        self.client = AsyncChatClient(*args, **settings)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def connect(self):
        try:
            self.run(self.client.connect())
        except BaseException:
            self.stop()
            raise
        return self

    def close(self):
        self.run(self.client.close())
        assert self.run(self._others()) == []
        self.stop()

    async def _others(self):
        return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    def stop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def events(self, timeout=None):
        found = self.client.events(timeout)
        with contextlib.suppress(StopAsyncIteration):
            while True:
                yield asyncio.run_coroutine_threadsafe(anext(found), self._loop).result()

    def __getattr__(self, name):
        value = getattr(self.client, name)
        if not callable(value):
            return value
        return lambda *args, **settings: self.run(value(*args, **settings))


CLIENTS = {"threads": ChatClient, "coroutines": Awaited}


@contextlib.contextmanager
def open_client(kind, port, nick, dialect="json", host="127.0.0.1", **settings):
    """Let a client come, and leave at the end."""
    settings = {"timeout": PATIENCE, "backoff": QUICK, **settings}
    client = CLIENTS[kind](host, port, nick=nick, dialect=dialect, **settings).connect()
    try:
        yield client
    finally:
        client.close()


@contextlib.contextmanager
def chat_server(**settings):
    """Run a server that listens with every dialect."""
    listen = tuple(Listen(dialect) for dialect in DIALECTS)
    with running_server(listen=listen, **settings) as server:
        yield server


def until(client, wanted):
    """Take events up to one that wanted says yes to; give all of them."""
    found = []
    for event in client.events(PATIENCE):
        found.append(event)
        if wanted(event):
            return found
    raise AssertionError(f"it did not come, but {found}")


def said_by(client, nick, text, room=GENERAL):
    """Wait for a message, and give what came before it."""
    *before, said = until(client, lambda event: isinstance(event, Said) and event.text == text)
    assert said.room == room
    assert said.nick in (nick, "")
    return before


class Proxy:
    """Stands between clients and a server, and breaks what a network can break."""

    def __init__(self, port):
        self.target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._pairs = []
        self._socks = []
        self._kept = set()
        self.accepted = 0
        self._threads = []
        self._lock = threading.Lock()
        self._deaf = set()
        self._start(self._accept)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self.cut()
        for thread in self._threads:
            thread.join()
        for sock in (self._listener, *self._socks):
            sock.close()

    def go_deaf(self):
        """Throw away whatever the server says from now on, on the connections there are."""
        with self._lock:
            self._deaf.update(server for _, server in self._pairs)

    def cut(self):
        """Break all connections, on both sides."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for sock in (sock for pair in pairs for sock in pair):
            _hang_up(sock)

    def cut_clients(self):
        """Break the clients' side only: the server does not learn of it before cut."""
        with self._lock:
            for client, _ in self._pairs:
                self._kept.add(client)
                _hang_up(client)

    def _start(self, work, *args):
        self._threads.append(threading.Thread(target=work, args=args))
        self._threads[-1].start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            with self._lock:
                self.accepted += 1
                self._socks += (client, server)
                self._pairs.append((client, server))
            self._start(self._forward, client, server, False)
            self._start(self._forward, server, client, True)

    def _forward(self, source, target, from_server):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if source not in self._deaf:
                    target.sendall(data)
        if from_server or source not in self._kept:
            _hang_up(target)


def _hang_up(sock):
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
