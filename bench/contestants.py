"""Who takes part: chatd on its engines, and those it is compared with."""

from __future__ import annotations

import functools
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from cases import DIALECTS, ENGINES
from compiling import BUILD, HERE, BenchError, compile_relay, has_openssl
from servers import LOG_FILE, PORT_FILE, Contestant

NGIRCD_SETTINGS = """\
[Global]
Name = bench.local
Info = benchmark
Listen = 127.0.0.1
Ports = {port}
MotdPhrase = measured
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxNickLength = 20
MaxPenaltyTime = 0
PingTimeout = 3600
[Options]
DNS = no
Ident = no
PAM = no
"""


def baseline() -> Contestant:
    """The server that socket tutorials teach."""
    command = [sys.executable, str(HERE / "baseline.py"), "--port-file", PORT_FILE]
    return Contestant("baseline", lambda directory: command)


def floor() -> Contestant:
    """As little as a server can do, in C."""
    return Contestant("floor", lambda _: [str(compile_relay()), "--port-file", PORT_FILE])


# -- Debian's IRC server ---------------------------------------------------------------------------


def free_port() -> int:
    """Find a port for a server that cannot choose one itself."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def find_ngircd() -> str | None:
    """Look for it where daemons are, too, which is not on everybody's path."""
    return shutil.which("ngircd") or shutil.which("ngircd", path="/usr/sbin:/usr/local/sbin")


def start_ngircd(directory: Path) -> list[str]:
    """Configure it without any limit, its brake on flooding among them."""
    settings = directory / "ngircd.conf"
    settings.write_text(NGIRCD_SETTINGS.format(port=free_port()))
    directory.chmod(0o755)  # started by root it changes to another user, and reads it again
    return [find_ngircd() or "ngircd", "--nodaemon", "--config", str(settings)]


def ngircd_ports(directory: Path) -> dict[str, int] | None:
    said = (directory / LOG_FILE).read_text(errors="replace")
    found = re.search(r"Now listening on \[127\.0\.0\.1\]:(\d+)", said)
    return {"irc": int(found[1])} if found else None


def ngircd() -> Contestant:
    """A chat server in C that many use; it speaks IRC."""

    def absent() -> str:
        return "" if find_ngircd() else "not installed (on Debian: apt-get install ngircd)"

    return Contestant("ngircd", start_ngircd, ngircd_ports, absent)


# -- chatd -----------------------------------------------------------------------------------------


@functools.cache
def chatd_help() -> str:
    """Ask chatd what it can do. Raises BenchError if it is not installed."""
    command = [sys.executable, "-m", "chatd", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE)
    if done.returncode:
        raise BenchError("chatd is not installed for this Python: pip install -e .")
    return done.stdout


def lacks_engine(engine: str) -> str:
    choices = re.search(r"--engine\s+\[([^]]*)\]", chatd_help())
    offered = choices[1].split("|") if choices else []
    return "" if engine in offered else f"this chatd has no --engine {engine}"


@functools.cache
def lacks_tls() -> str:
    if "--tls-only" not in chatd_help():
        return "this chatd has no --tls-only"
    if not has_openssl():
        return "the generator needs OpenSSL (on Debian: apt-get install libssl-dev)"
    return "" if shutil.which("openssl") else "no certificate: the command openssl is missing"


@functools.cache
def certificate() -> tuple[Path, Path]:
    """Make a certificate for this run. Raises BenchError."""
    certificate, key = BUILD / "certificate.pem", BUILD / "key.pem"
    BUILD.mkdir(exist_ok=True)
    kind = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    command = ["openssl", "req", *kind.split(), "-subj", "/CN=localhost"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        raise BenchError("openssl made no certificate")
    return certificate, key


def start_chatd(engine: str, store: str, tls: bool) -> list[str]:
    options = f"-m chatd -q -p 0 --host 127.0.0.1 --bans none --engine {engine} --max-clients 20000"
    command = [sys.executable, *options.split(), "--store", store, "--port-file", PORT_FILE]
    command += ["--flood", "1000000/1000000"]  # out of reach, but not out of the way
    command += [f"--listen={dialect}=127.0.0.1:0" for dialect in DIALECTS]
    command += ["--web", "127.0.0.1:0"]
    if tls:
        public, key = certificate()
        command += ["--tls-cert", str(public), "--tls-key", str(key), "--tls-only"]
    return command


def chatd(engine: str, stores: bool = False, tls: bool = False) -> Contestant:
    """Chatd on one of its engines; where it stores, in the directory it is started in."""
    store = "sqlite:///history.db" if stores else "none"
    return Contestant(
        engine + "+store" * stores + "+tls" * tls,
        lambda directory: start_chatd(engine, store, tls),
        absent=lambda: lacks_engine(engine) or (lacks_tls() if tls else ""),
        most_clients=1000 if engine == "select" else 60_000,
        tls=tls,
    )


CONTESTANTS = (
    baseline(),
    floor(),
    ngircd(),
    *(chatd(engine) for engine in ENGINES),
    *(chatd(engine, stores=True) for engine in ENGINES),
    *(chatd(engine, tls=True) for engine in ENGINES),
)
