"""Measure chatd against the tutorial server: see README.md beside this file."""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import plot
import report
from cases import CASES, GOALS, Case
from results import Results, Run, describe_machine
from servers import CONTESTANTS, HERE, Contestant, ServerError, running

BUILD = HERE / "build"
SECONDS = 2.0
QUICK_SECONDS = 1.5
#: The generator ends by itself well before; this is for a generator gone wrong.
GENERATOR_TIMEOUT_SECONDS = 120.0


class BenchError(Exception):
    """The benchmark cannot run; the text says why in one line."""


def compile_generator() -> Path:
    """Compile loadgen.c where it has changed, and return the program."""
    source, program = HERE / "loadgen.c", BUILD / "loadgen"
    if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
        return program
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise BenchError("no C compiler (cc) here; on Debian: apt-get install gcc libc6-dev")
    BUILD.mkdir(exist_ok=True)
    command = [compiler, "-O2", "-Wall", "-Wextra", "-o", str(program), str(source)]
    if subprocess.run(command, check=False).returncode:
        raise BenchError(f"{source.name} did not compile")
    return program


def raise_file_limit() -> None:
    """Let servers and generator, which inherit it, open as many files as they may."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run_once(generator: Path, case: Case, contestant: Contestant, seconds: float) -> Run:
    """Start a fresh server, put one case's load on it, and return the figures."""
    with running(contestant) as server:
        command = [str(generator), *server.arguments(case)]
        command += case.arguments(contestant.most_clients, seconds)
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            timeout=GENERATOR_TIMEOUT_SECONDS,
        )
    if done.returncode:
        raise ServerError(f"generator ended with {done.returncode}: {done.stderr.strip()}")
    if done.stderr:
        print(f"[{done.stderr.strip()}] ", end="")
    run: Run = json.loads(done.stdout)
    return run


def measure(
    generator: Path,
    results: Results,
    contestants: Sequence[Contestant],
    rounds: int,
    seconds: float,
) -> None:
    """Run all cases in alternating rounds, so that a drifting machine drifts for all."""
    for number in range(1, rounds + 1):
        for case in results.cases:
            for contestant in (one for one in contestants if one.takes(case)):
                print(
                    f"round {number}/{rounds}  {case.name:14} {contestant.name:9} ",
                    end="",
                    flush=True,
                )
                try:
                    run = run_once(generator, case, contestant, seconds)
                except (ServerError, subprocess.TimeoutExpired, ValueError) as error:
                    results.problems.append(f"{case.name}, {contestant.name}: {error}")
                    print(f"FAILED: {error}", flush=True)
                    continue
                results.add(case.name, contestant.name, run)
                print(report.one_line(case, run), flush=True)


def write(results: Results, machine: dict[str, str], directory: Path) -> None:
    """Write latest.json, table.md and, with matplotlib, plot.png."""
    directory.mkdir(parents=True, exist_ok=True)
    everything = {"machine": machine, **results.as_json()}
    text = json.dumps(everything, indent=1, ensure_ascii=False)
    (directory / "latest.json").write_text(text + "\n")
    (directory / "table.md").write_text(report.markdown(results, machine))
    try:
        plot.draw(results, machine, directory / "plot.png")
    except ImportError:
        print("no plot: matplotlib is missing (pip install -e '.[bench]')")
    print(f"\nwritten to {directory}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, help="rounds to take medians of (3; --quick: 1)")
    parser.add_argument("--quick", action="store_true", help="a few cases, one short round")
    parser.add_argument("--goals", action="store_true", help="only what the goals need")
    parser.add_argument("--case", action="append", metavar="NAME", help="this case; repeatable")
    parser.add_argument(
        "--contestant",
        action="append",
        choices=[contestant.name for contestant in CONTESTANTS],
        help="this server; repeatable",
    )
    parser.add_argument("--list", action="store_true", help="list cases and contestants")
    options = parser.parse_args(arguments)
    unknown = set(options.case or ()) - {case.name for case in CASES}
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))} (see --list)")
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    return options


def choose_cases(options: argparse.Namespace) -> list[Case]:
    """The cases that the options ask for, in the order of cases.py."""
    if options.case:
        return [case for case in CASES if case.name in options.case]
    if options.goals:
        needed = {case for goal in GOALS for case in (goal.case, goal.reference_case)}
        return [case for case in CASES if case.name in needed]
    return [case for case in CASES if case.quick or not options.quick]


def choose_contestants(options: argparse.Namespace) -> list[Contestant]:
    """The contestants asked for; all by default."""
    chosen = [c for c in CONTESTANTS if not options.contestant or c.name in options.contestant]
    if find_spec("chatd") is None and any("chatd" in c.arguments for c in chosen):
        raise BenchError("chatd is not installed for this Python: pip install -e .")
    return chosen


def print_list() -> None:
    for case in CASES:
        print(f"{case.name:14} {case.title}{'  (also in --quick)' if case.quick else ''}")
    print("contestants:", ", ".join(contestant.name for contestant in CONTESTANTS))


def benchmark(options: argparse.Namespace) -> int:
    """Measure and report; 0, or 1 if anything was lost, doubled, misplaced or died."""
    contestants = choose_contestants(options)
    generator = compile_generator()
    raise_file_limit()
    machine = describe_machine()
    results = Results(choose_cases(options), [contestant.name for contestant in contestants])
    rounds = options.rounds or (1 if options.quick else 3)
    measure(generator, results, contestants, rounds, QUICK_SECONDS if options.quick else SECONDS)

    parts = [report.figures_table(results), *report.remarks(results), report.goals_table(results)]
    print("", *(part for part in parts if part), sep="\n\n")
    whole = len(results.cases) == len(CASES) and len(contestants) == len(CONTESTANTS)
    write(results, machine, HERE / "results" if whole else BUILD / "results")
    if results.problems:
        print("\n" + report.problems_text(results))
    return 1 if results.problems else 0


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    if options.list:
        print_list()
        return 0
    # Without this, SIGTERM would skip the `finally` that ends the server.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return benchmark(options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
