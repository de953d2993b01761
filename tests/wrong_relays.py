"""Servers for the load generator to find fault with: the baseline, each with one fault.

They run in threads of the test's process, and all have ended when the context ends.
"""

import contextlib
import ssl
import threading

import baseline


class Faulty(baseline.ChatHandler):
    """Counts the messages of its client; every tenth goes wrong."""

    count = 0

    def obey(self, command, argument):
        self.count += command in ("PUB", "PRIV")
        if command in ("PUB", "PRIV") and self.count % 10 == 0:
            self.go_wrong(command, argument)
        else:
            super().obey(command, argument)


class Losing(Faulty):
    def go_wrong(self, command, argument):
        pass


class Doubling(Faulty):
    def go_wrong(self, command, argument):
        for _ in range(2):
            baseline.ChatHandler.obey(self, command, argument)


class Reordering(Faulty):
    kept = None

    def go_wrong(self, command, argument):
        self.kept = command, argument

    def obey(self, command, argument):
        kept, self.kept = self.kept, None
        super().obey(command, argument)
        if kept:
            baseline.ChatHandler.obey(self, *kept)


class Echoing(Faulty):
    def go_wrong(self, command, argument):
        baseline.broadcast(f"PUB_MSG {argument}\r\n".encode(), None)


class Gossiping(Faulty):
    """Tells everybody what was meant for one."""

    def go_wrong(self, command, argument):
        text = argument.partition(" ")[2]
        baseline.broadcast(f"PRIV_FROM {self.nick} {text}\r\n".encode(), self.request)


class Refusing(Faulty):
    def go_wrong(self, command, argument):
        baseline.ChatHandler.obey(self, command, argument)
        self.request.sendall(b"ERROR not this one\r\n")


class Hanging(Faulty):
    """Ends the connection of whoever talks."""

    def go_wrong(self, command, argument):
        self.request.shutdown(2)


class Irc(baseline.ChatHandler):
    """As much of IRC as the generator speaks, with a PING before the welcome."""

    def obey(self, command, argument):
        if command == "NICK":
            self.nick = argument
        elif command == "USER":
            self.request.sendall(b"PING :bench\r\n")
        elif command == "PONG" and argument == ":bench":
            self.request.sendall(f":server 001 {self.nick} :Welcome\r\n".encode())
            self.request.sendall(f":server 422 {self.nick} :no MOTD\r\n".encode())
        elif command == "JOIN":
            with baseline.clients_lock:
                baseline.clients[self.nick] = self.request
            self.request.sendall(f":server 366 {self.nick} #x :End\r\n".encode())
        elif command == "PRIVMSG":
            target, _, text = argument.partition(" ")
            line = f":{self.nick}!u@host PRIVMSG {target} {text}\r\n".encode()
            assert target == "#x"
            baseline.broadcast(line, self.request)


class Server(baseline.ChatServer):
    daemon_threads = False  # so that server_close waits for them
    context = None

    def get_request(self):
        connection, address = super().get_request()
        if self.context:
            connection = self.context.wrap_socket(connection, server_side=True)
        return connection, address


@contextlib.contextmanager
def serving(handler, certificate=None):
    """Give the port of a server with this handler; certificate: files for TLS."""
    baseline.clients.clear()
    with Server(("127.0.0.1", 0), handler) as server:
        if certificate:
            server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            server.context.load_cert_chain(*certificate)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
