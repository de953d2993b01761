"""Measure what others notice of those who make trouble: see docs/reliability.md.

    python bench/trouble.py                 each kind of trouble on each engine
    python bench/trouble.py R-13 R-27       some of them

A hundred people say a sentence a second each, at chatd as it is by default, and the time from
when each was due to when it arrived is taken: calm, then with the troublemakers.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cases import ENGINES, paced
from compiling import HERE, compile_generator, has_openssl
from contestants import certificate
from report import table, told
from results import describe_machine
from servers import PORT_FILE, Contestant, Server, running
from troublemakers import KINDS

ROUNDS = 3
#: Until the troublemakers are at it.
BEFORE_SECONDS = 1.0
LOAD = paced("trouble", "100 people, a sentence a second each", ENGINES, senders=100, rate=100)
#: Beside 100 clients, two for each engine's own and some for troublemakers.
FEW_DESCRIPTORS = 140
SERIOUS = ("lost", "duplicated", "out_of_order", "died")
HEAD = ["case", "trouble", "engine", "p99 calm, ms", "p99 in trouble, ms", "worst run, ms"]
RESULTS = HERE / "results" / "trouble.md"


def start(engine: str, kind: str) -> Contestant:
    """Only those who make trouble are strangers: the others' address is exempt."""

    def command(directory: Path) -> list[str]:
        options = f"-m chatd -q -p 0 --host 127.0.0.1 --engine {engine} --store none --bans none"
        line = [sys.executable, *options.split(), "--port-file", PORT_FILE]
        line += ["--exempt", "127.0.0.1/32"]
        if kind == "R-03":
            line += ["--flood", "off"]  # nobody could be sent as much
        if kind == "R-13":
            line += ["--max-per-address", "1000"]  # arrivals are what is bounded here
        if kind == "R-14":
            line += ["--max-per-address", "1000", "--max-arrivals", "100000"]
            limited = f'ulimit -n {FEW_DESCRIPTORS}; exec "$@"'
            line = ["sh", "-c", limited, "sh", *line]
        if kind == "R-27":
            public, key = certificate()
            line += ["--tls-cert", str(public), "--tls-key", str(key)]
        return line

    return Contestant(engine, command)


@contextmanager
def troublemakers(kind: str, server: Server) -> Iterator[None]:
    port = str(server.ports["crlf"])
    process = subprocess.Popen([sys.executable, str(HERE / "troublemakers.py"), kind, port])
    try:
        time.sleep(BEFORE_SECONDS)
        yield
    finally:
        process.kill()
        process.wait()


def measure(generator: Path, server: Server, seconds: float) -> float:
    """Give the p99 of delivery in ms. Raises ValueError when something was lost."""
    command = [str(generator), *server.arguments(LOAD), *LOAD.arguments(1000, seconds)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    run = json.loads(done.stdout)
    wrong = [
        f"{key} {run[key]}" for key in ("lost", "duplicated", "out_of_order", "died") if run[key]
    ]
    if wrong:
        raise ValueError(f"the others noticed: {', '.join(wrong)}")
    return float(run["latency_p99_us"]) / 1000


def row(generator: Path, kind: str, engine: str) -> list[str]:
    """Measure one kind of trouble on one engine, a few times, calm and not."""
    calm, troubled = [], []
    for _ in range(ROUNDS):
        with running(start(engine, kind)) as server:
            calm.append(measure(generator, server, 1.0))
            with troublemakers(kind, server):
                troubled.append(measure(generator, server, 2.0))
    print(kind, engine, [f"{one:.1f}" for one in (*calm, *troubled)], flush=True)
    figures = statistics.median(calm), statistics.median(troubled), max(troubled)
    what = (KINDS[kind].__doc__ or "").strip()
    return [kind, what, engine, *(f"{figure:.1f}" for figure in figures)]


def main() -> None:
    """Measure, and write the table if it is whole."""
    chosen = sys.argv[1:] or list(KINDS)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    generator = compile_generator(has_openssl())
    machine = describe_machine()
    rows = [row(generator, kind, engine) for kind in chosen for engine in ENGINES]
    text = table([HEAD, *rows])
    print(text)
    if len(chosen) == len(KINDS):
        RESULTS.write_text(f"{told(machine)}. Medians of {ROUNDS} runs.\n\n{text}\n")


if __name__ == "__main__":
    main()
