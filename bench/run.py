"""Measure chatd against others and against its goals: see README.md beside this file."""

from __future__ import annotations

import argparse
import json
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import plot
import report
from cases import CASES, Case
from compiling import BUILD, HERE, BenchError, compile_generator, has_openssl
from contestants import CONTESTANTS
from goals import GOALS
from results import Results, Run, describe_machine, from_json
from servers import Contestant, ServerError, running

ROUNDS = 3
SECONDS = 0.8
QUICK_SECONDS = 0.3
#: The generator ends by itself well before; this is for a generator gone wrong.
GENERATOR_TIMEOUT_SECONDS = 120.0
KEPT = HERE / "results"


def raise_file_limit() -> None:
    """Let servers and generator, which inherit it, open as many files as they may."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run_once(generator: Path, case: Case, contestant: Contestant, seconds: float) -> Run:
    """Start a fresh server, put one case's load on it, and return the figures.

    Raises ServerError if the server or the load failed, subprocess.TimeoutExpired, ValueError.
    """
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


def measure_one(
    generator: Path, results: Results, case: Case, contestant: Contestant, seconds: float
) -> None:
    """Keep the figures of one run, or what went wrong."""
    try:
        run = run_once(generator, case, contestant, seconds)
    except (ServerError, subprocess.TimeoutExpired, ValueError) as error:
        results.problems.append(f"{case.name}, {contestant.name}: {error}")
        print(f"FAILED: {error}", flush=True)
        return
    results.add(case.name, contestant.name, run)
    print(report.one_line(case, run), flush=True)


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
            taking_part = [one for one in contestants if one.name in case.contestants]
            for contestant in taking_part * case.times:
                where = f"round {number}/{rounds}  {case.name:14} {contestant.name:13} "
                print(where, end="", flush=True)
                measure_one(generator, results, case, contestant, seconds)


def write(results: Results, machine: dict[str, str], directory: Path) -> None:
    """Write latest.json, table.md and, with matplotlib, the pictures."""
    directory.mkdir(parents=True, exist_ok=True)
    everything = {
        "machine": machine,
        "goals": report.goals_json(results),
        **results.as_json(),
    }
    text = json.dumps(everything, indent=1, ensure_ascii=False)
    (directory / "latest.json").write_text(text + "\n")
    (directory / "table.md").write_text(report.markdown(results, machine))
    try:
        plot.draw(results, machine, directory)
    except ImportError:
        print("no pictures: matplotlib is missing (pip install -e '.[bench]')")
    print(f"\nwritten to {directory}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    names = [contestant.name for contestant in CONTESTANTS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, help=f"rounds of alternation ({ROUNDS}; --quick: 1)")
    parser.add_argument("--seconds", type=float, help=f"of one measurement ({SECONDS})")
    parser.add_argument("--quick", action="store_true", help="a few cases, one short round")
    parser.add_argument("--goals", action="store_true", help="only what the goals need")
    parser.add_argument("--case", action="append", metavar="NAME", help="this case; repeatable")
    parser.add_argument("--contestant", action="append", choices=names, help="this one; repeatable")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write the results")
    parser.add_argument("--redraw", action="store_true", help="write results/ again from its JSON")
    parser.add_argument("--list", action="store_true", help="list cases and contestants")
    options = parser.parse_args(arguments)
    unknown = set(options.case or ()) - {case.name for case in CASES}
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))} (see --list)")
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    return options


def choose_cases(options: argparse.Namespace) -> list[Case]:
    """Find the cases that the options ask for, in the order of cases.py."""
    if options.case:
        return [case for case in CASES if case.name in options.case]
    if options.goals:
        needed = {case for goal in GOALS for case in goal.cases}
        return [case for case in CASES if case.name in needed]
    return [case for case in CASES if case.quick or not options.quick]


def print_list() -> None:
    for case in CASES:
        print(f"{case.name:14} {case.title}{'  (also in --quick)' if case.quick else ''}")
    for contestant in CONTESTANTS:
        absent = contestant.absent()
        print(f"{contestant.name:14} {f'absent: {absent}' if absent else 'takes part'}")


def redraw() -> int:
    """Write the tables and pictures again from the figures that were kept."""
    kept = json.loads((KEPT / "latest.json").read_text())
    write(from_json(kept), kept["machine"], KEPT)
    return 0


def benchmark(options: argparse.Namespace) -> int:
    """Measure and report; 0, or 1 if anything was lost, doubled, misplaced or died."""
    asked = [one for one in CONTESTANTS if not options.contestant or one.name in options.contestant]
    absent = {one.name: one.absent() for one in asked if one.absent()}
    contestants = [one for one in asked if one.name not in absent]
    for name, reason in absent.items():
        print(f"absent: {name}: {reason}")
    generator = compile_generator(has_openssl())
    raise_file_limit()
    machine = describe_machine()
    results = Results(choose_cases(options), [one.name for one in contestants], absent)
    rounds = options.rounds or (1 if options.quick else ROUNDS)
    seconds = options.seconds or (QUICK_SECONDS if options.quick else SECONDS)
    measure(generator, results, contestants, rounds, seconds)

    print("", report.figures_table(results), report.goals_table(results), sep="\n\n")
    whole = len(results.cases) == len(CASES) and not options.contestant
    write(results, machine, options.out or (KEPT if whole else BUILD / "results"))
    if results.problems:
        print("\n" + report.problems_text(results))
    return 1 if results.problems else 0


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    # Without this, SIGTERM would skip the `finally` that ends the server.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if options.list:
            print_list()
            return 0
        return redraw() if options.redraw else benchmark(options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
