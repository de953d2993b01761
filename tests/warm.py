"""Programs that start at once: forked from a process that has imported what they need.

Hundreds of tests run chatd, chatcli or chatcheck as a process of its own, and the imports of each
would take longer than the test. Such a process is what it would be else, a child of the test with
its own arguments, environment, folder and streams, running the module as `__main__`; only that
Python has started before. As a script this is the process that forks them.
"""

import atexit
import contextlib
import ctypes
import fcntl
import functools
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import termios
import threading
import time

MODULES = ("chatd", "chatd.ctl", "chatcli", "chatcli.check")
IMPORTED = (
    *("chatd.cli", "chatd.server", "chatd.certificates", "chatd.recorder"),
    *("chatd.engines.threads", "chatd.engines.selecting", "chatd.engines.aio"),
    *("chatd_plugins.people", "chatd_plugins.talk", "chatd_plugins.history"),
    *("chatd_plugins.rooms", "chatd_plugins.help", "chatd_plugins.sql.store"),
    *("chatcli.cli", "chatcli.chat", "chatcli.console", "chatcli.coroutines", "chatcli.ui_plain"),
    *("chatcli.ui_rich", "chatcli.completion", "chatcli.check.cli"),
    *("importlib.metadata", "sqlalchemy.dialects.sqlite"),
)
PYTHONS_OWN = ("PYTHON", "LC_", "LANG", "TZ", "COVERAGE")
"""What Python reads from the environment before it runs anything begins with these."""


class Popen(subprocess.Popen):
    """A Popen that forks where it can, and starts Python anew where not."""

    def _execute_child(self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *rest):
        streams, session, group = rest[3:9], rest[-2], rest[-1]
        terminal = session and preexec_fn is take_terminal
        plain = executable is None and not pass_fds and group == -1
        plain = plain and (terminal or not (session or preexec_fn))
        plain = plain and os.path.isdir(cwd or ".")  # else it is for Popen to complain
        if not (plain and _is_ours(args) and (env is None or _own(env) == _own(os.environ))):
            rest = (preexec_fn, close_fds, pass_fds, cwd, env, *rest)
            super()._execute_child(args, executable, *rest)
            return
        stdin, _, _, stdout, _, stderr = streams
        given = [fd if fd != -1 else default for default, fd in enumerate((stdin, stdout, stderr))]
        order = {
            "argv": [*map(os.fsdecode, args[2:])],
            "cwd": os.fsdecode(cwd or "."),
            "terminal": terminal,
            "env": {key: os.fsdecode(value) for key, value in (env or os.environ).items()},
        }
        self.pid = _forker().start(order, given)
        self._child_created = True
        self._close_pipe_fds(*streams)


def take_terminal():
    """Be controlled by the terminal that is the input: a preexec_fn that needs a new session."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _is_ours(args):
    if not isinstance(args, list | tuple):
        return False
    return tuple(args[:2]) == (sys.executable, "-m") and args[2] in MODULES


def _own(env):
    return {key: env[key] for key in env if key.startswith(PYTHONS_OWN)}


class Forker:
    """The process that forks, and how it is told to."""

    def __init__(self):
        self._lock = threading.Lock()
        self._sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, __file__, str(theirs.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])

    def start(self, order, streams):
        """Start a module as ordered; give the process number of a child of this process."""
        with self._lock, _adopting():
            socket.send_fds(self._sock, [json.dumps(order).encode()], streams)
            return int(self._sock.recv(100))

    def close(self):
        self._sock.close()
        self._process.wait()


@functools.cache
def _forker():
    forker = Forker()
    atexit.register(forker.close)
    return forker


@contextlib.contextmanager
def _adopting():
    """Be the parent of those whose parent ends: so a grandchild becomes a child."""
    set_child_subreaper = 36
    ctypes.CDLL(None).prctl(set_child_subreaper, 1)
    try:
        yield
    finally:
        ctypes.CDLL(None).prctl(set_child_subreaper, 0)


# -- the process that forks ------------------------------------------------------------------


def serve(sock):
    """Fork whenever it is asked for; return in each new process, with what it is to run."""
    while True:
        order, fds, _, _ = socket.recv_fds(sock, 1 << 20, 3)
        if not order:
            os._exit(0)
        if child := os.fork():
            for fd in fds:
                os.close(fd)
            os.waitpid(child, 0)
            continue
        middle = os.getpid()
        if os.fork():
            os._exit(0)
        while os.getppid() == middle:  # which is about to leave us to the test
            time.sleep(0.0001)
        return json.loads(order), fds


def become(sock, order, fds):
    """Be a process like any other that the test has started."""
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
        os.close(fd)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if order["terminal"]:
        os.setsid()
        take_terminal()
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    sys.path[0] = os.getcwd()
    sys.argv = order["argv"]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)
        mode, line = "r" if number == 0 else "w", number == 2 or os.isatty(number)
        stream = open(number, mode, 1 if line else -1, old.encoding, old.errors)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sock.send(str(os.getpid()).encode())
    sock.close()


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sock = socket.socket(fileno=int(sys.argv[1]))
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()  # what no collection looks at is not copied for each process
    become(sock, *serve(sock))
    status = None
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code
    leave(status)


def leave(status):
    """End as Python ends, but for taking everything apart, which takes longer than most tests."""
    threading._shutdown()
    atexit._run_exitfuncs()
    if isinstance(status, str):
        print(status, file=sys.stderr)
        status = 1
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        status = 120
    sys.stderr.flush()
    os._exit(status or 0)


if __name__ == "__main__":
    main()
