"""The opponent: the chat server that socket tutorials teach.

A thread per client, and a public message is `sendall` to everybody else under one lock.
Nothing in it is slowed down on purpose. It speaks LOGIN, PUB and PRIV, in lines ended by CRLF,
and is used to measure against, nothing else: no limits, no checks of names, no clean end.
"""

from __future__ import annotations

import argparse
import os
import socket
import socketserver
import threading
from pathlib import Path

clients: dict[str, socket.socket] = {}
clients_lock = threading.Lock()


def broadcast(line: bytes, sender: socket.socket) -> None:
    """Send `line` to everybody but `sender`, one after the other."""
    with clients_lock:
        for nick, connection in list(clients.items()):
            if connection is not sender:
                try:
                    connection.sendall(line)
                except OSError:
                    clients.pop(nick, None)


def send_private(line: bytes, nick: str) -> None:
    """Send `line` to `nick`, if there is such a client."""
    with clients_lock:
        if nick in clients:
            clients[nick].sendall(line)


class ChatHandler(socketserver.StreamRequestHandler):
    """One client: reads lines until the connection ends."""

    nick = ""

    def handle(self) -> None:
        try:
            for line in self.rfile:
                command, _, argument = line.decode().rstrip("\r\n").partition(" ")
                self.obey(command, argument)
        except OSError:
            pass
        finally:
            with clients_lock:
                clients.pop(self.nick, None)

    def obey(self, command: str, argument: str) -> None:
        if command == "LOGIN":
            self.nick = argument
            with clients_lock:
                clients[argument] = self.request
            self.request.sendall(b"OK\r\n")
        elif command == "PUB":
            broadcast(f"PUB_MSG {argument}\r\n".encode(), self.request)
        elif command == "PRIV":
            target, _, text = argument.partition(" ")
            send_private(f"PRIV_FROM {self.nick} {text}\r\n".encode(), target)
            self.request.sendall(b"OK\r\n")


class ChatServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024  # the default, 5, makes clients wait seconds to connect


def main() -> None:
    parser = argparse.ArgumentParser(description="The tutorial chat server to measure against.")
    parser.add_argument("-p", "--port", type=int, default=0)
    parser.add_argument("--port-file", type=Path, help="gets one line: crlf 127.0.0.1 PORT")
    options = parser.parse_args()
    with ChatServer(("127.0.0.1", options.port), ChatHandler) as server:
        if options.port_file:
            written = options.port_file.with_suffix(".new")
            written.write_text(f"crlf 127.0.0.1 {server.server_address[1]}\n")
            os.replace(written, options.port_file)  # readers never see half a line
        server.serve_forever()


if __name__ == "__main__":
    main()
