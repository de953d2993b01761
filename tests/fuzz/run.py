"""Fuzz each target for a while, guided by what it covers; needs atheris.

    python tests/fuzz/run.py                         all targets, 30 seconds each
    python tests/fuzz/run.py --seconds 600 tls auto  some of them, for longer

What is interesting is kept in .fuzz/ and is where the next run begins. An input that breaks
something goes to tests/fuzz/found/: mend it, and leave it there for the suite to replay.
"""

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
KEPT = ROOT / ".fuzz"
FOUND = HERE / "found"

LONGEST = 1024
"""Bytes of an input: more makes it slower and finds nothing else."""

HANGS = 10
"""Seconds after which an input counts as one that never ends."""

NEEDS = "fuzzing needs atheris, which there is for CPython 3.11 to 3.14 on Linux, x86-64"


def main():
    sys.path[:0] = [str(ROOT), str(ROOT / "plugins"), str(HERE.parent)]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=30, help="for each target")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        sys.exit(NEEDS)
    if args.one:
        fuzz(args.targets[0], args.seconds)
        return
    from fuzz.targets import TARGETS

    if unknown := {*args.targets} - {*TARGETS}:
        parser.error(f"no such target: {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    broken = [name for name in args.targets or TARGETS if not runs(name, args.seconds)]
    if broken:
        sys.exit(f"broken: {', '.join(broken)}; see {FOUND}")


def runs(name, seconds):
    """Fuzz a target in a process of its own; say whether it went well."""
    print(f"-- {name}", flush=True)
    command = [sys.executable, __file__, "--one", "--seconds", str(seconds), name]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    lines = done.stderr.splitlines()
    shown = lines[-1:] if done.returncode == 0 else [*done.stdout.splitlines(), *lines[-30:]]
    print("\n".join(shown), flush=True)
    return done.returncode == 0


def fuzz(name, seconds):
    """Fuzz a target in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=["chatd", "chatcli"]):
        from fuzz.targets import TARGETS, examples

    folder = KEPT / name
    folder.mkdir(parents=True, exist_ok=True)
    (FOUND / name).mkdir(parents=True, exist_ok=True)
    for number, example in enumerate(examples(name)):
        (folder / f"example-{number}").write_bytes(example)
    options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-timeout={HANGS}"]
    options += [f"-artifact_prefix={FOUND}/{name}/", "-print_final_stats=0", "-verbosity=1"]
    atheris.Setup([sys.argv[0], *options, str(folder)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
