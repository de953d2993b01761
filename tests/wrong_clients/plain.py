"""What the clients here have in common: keyboard and socket by select, nothing understood."""

import select
import socket
import sys


class Client:
    """Sends what is typed, shows what comes. Subclasses do one thing wrong."""

    end = "\n"

    def __init__(self, arguments):
        self.read_arguments(arguments)
        self.sock = socket.create_connection((self.host, self.port))
        self.rest = b""

    def read_arguments(self, arguments):
        self.host, self.port = arguments[0], int(arguments[1])
        self.nick = arguments[2] if len(arguments) > 2 else ""

    def run(self):
        self.begin()
        while True:
            for one in select.select([self.sock, 0], [], [])[0]:
                if one == 0:
                    line = sys.stdin.readline()
                    if not line:
                        return
                    if not self.typed(line.rstrip("\n")):
                        return
                elif not self.receive():
                    self.closed()
                    return

    def begin(self):
        """Do what comes first."""

    def typed(self, line):
        """Take a line; say whether to go on."""
        self.send(line)
        return True

    def receive(self):
        """Take what has come; say whether to go on."""
        data = self.sock.recv(4096)
        self.take(data)
        return bool(data)

    def take(self, data):
        self.show(data.decode())

    def closed(self):
        """Take note that the server has gone."""

    def send(self, text):
        self.sock.sendall((text + self.end).encode())

    def show(self, text):
        print(text, flush=True)


class Lines(Client):
    """Shows what comes line by line."""

    def take(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.line(line.decode())

    def line(self, line):
        self.show(line)


def main(clients):
    """Run the client whose class is named by the first argument."""
    clients[sys.argv[1]](sys.argv[2:]).run()
