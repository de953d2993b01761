"""Raw clients for tests, and a server as a process of its own."""

import contextlib
import os
import resource
import socket
import struct
import subprocess
import sys
import time

PATIENCE = 20.0
"""Seconds after which a test has waited long enough."""


def wait_until(condition, what="the condition"):
    """Wait until condition() is true; fail with what after a while."""
    deadline = time.monotonic() + PATIENCE
    while not (result := condition()):
        assert time.monotonic() < deadline, f"gave up waiting for {what}"
        time.sleep(0.005)
    return result


def has_ipv6():
    """Say whether this machine has IPv6."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def reachable(host, port):
    """Say whether somebody listens there."""
    try:
        socket.create_connection((host, port), timeout=PATIENCE).close()
    except ConnectionRefusedError:
        return False
    return True


@contextlib.contextmanager
def nobody_listens():
    """Give a port of 127.0.0.1 where connections are refused, and which nobody else takes."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


class RawClient:
    """A socket that speaks lines."""

    end = b"\r\n"
    """What the server's lines end in, and ours."""

    def __init__(self, port, host="127.0.0.1", nick=None, rcvbuf=None, tls=None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.settimeout(PATIENCE)
        self.sock.connect((host, port))
        if tls:  # the context of a client
            self.sock = tls.wrap_socket(
                self.sock, server_hostname="localhost", suppress_ragged_eofs=False
            )
        self._buffer = b""
        if nick:
            try:
                self.login(nick)
            except BaseException:
                self.close()
                raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    @property
    def address(self):
        """Where it comes from, as the server writes it."""
        return "{}:{}".format(*self.sock.getsockname())

    def send(self, text):
        """Send text as one line; bytes go out as they are."""
        data = text if isinstance(text, bytes) else text.encode() + self.end
        self.sock.sendall(data)

    def line(self):
        """Receive one line, without its end; None at the end of the stream."""
        while self.end not in self._buffer:
            data = self.sock.recv(65536)
            if not data:
                assert not self._buffer, f"half a line at the end: {self._buffer!r}"
                return None
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(self.end)
        assert b"\n" not in line
        return line.decode()

    def ask(self, text):
        """Send a line and return the next one that comes."""
        self.send(text)
        return self.line()

    def login(self, nick):
        """Take a nick; whoever had it and is gone may still be in the server's books."""
        wait_until(lambda: self._is_free(nick), f"the nick {nick}")

    def _is_free(self, nick):
        answer = self.ask(f"LOGIN {nick}")
        assert answer == "OK" or "is taken" in answer, answer
        return answer == "OK"

    def rest(self):
        """Receive everything up to the end of the stream; a reset ends it too."""
        parts = [self._buffer]
        self._buffer = b""
        with contextlib.suppress(ConnectionError):
            while data := self.sock.recv(65536):
                parts.append(data)
        return b"".join(parts)


class LineClient(RawClient):
    """The same for protocols whose lines end in LF alone."""

    end = b"\n"


def reset(client):
    """Close with a reset instead of an orderly end."""
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@contextlib.contextmanager
def chatd_process(tmp_path, *options, files=None, **popen):
    """Run `python -m chatd` on a free port; yield the process, with .port set.

    files is its (soft, hard) limit of open files.
    """
    port_file = tmp_path / "ports"
    port_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "chatd", "-p", "0", "--port-file", str(port_file), *options]
    limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, files)) if files else None
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=limit,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **popen},
    )
    try:
        wait_until(
            lambda: process.poll() is not None or (port_file.exists() and port_file.read_text()),
            "the port file",
        )
        assert process.poll() is None, process.communicate()[1].decode()
        process.port = int(port_file.read_text().split()[2])
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
        for stream in filter(None, (process.stdout, process.stderr)):
            stream.close()


def threads_of(pid):
    """How many threads a process has, as the operating system counts them."""
    return len(os.listdir(f"/proc/{pid}/task"))


def files_of(pid):
    """How many descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu_seconds(pid):
    """User and system time that a process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
