"""Compile the load generator and the relay, where they have changed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE / "build"
TLS_FLAGS = ("-DWITH_TLS", "-lssl", "-lcrypto")


class BenchError(Exception):
    """The benchmark cannot run; the text says why in one line."""


def compiler() -> str:
    """Find a C compiler. Raises BenchError where there is none."""
    found = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if found is None:
        raise BenchError("no C compiler (cc) here; on Debian: apt-get install gcc libc6-dev")
    return found


def has_openssl() -> bool:
    """Tell whether the generator can be compiled with TLS."""
    source = "#include <openssl/ssl.h>\nint main(void) { return !TLS_client_method(); }"
    command = [compiler(), "-x", "c", "-", "-o", "/dev/null", "-lssl", "-lcrypto"]
    done = subprocess.run(command, input=source.encode(), capture_output=True, check=False)
    return done.returncode == 0


def compiled(program: Path, sources: list[Path], flags: tuple[str, ...] = ()) -> Path:
    """Compile, unless the program is newer than all its sources. Raises BenchError."""
    newest = max(source.stat().st_mtime for source in sources)
    if program.exists() and program.stat().st_mtime > newest:
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    units = [str(source) for source in sources if source.suffix == ".c"]
    new = program.with_suffix(f".{os.getpid()}")  # whoever else compiles it gets a whole one, too
    command = [compiler(), "-O2", "-Wall", "-Wextra", "-o", str(new), *units, *flags]
    if subprocess.run(command, check=False).returncode:
        raise BenchError(f"{program.name} did not compile")
    os.replace(new, program)
    return program


def compile_generator(tls: bool) -> Path:
    """Compile load/, and return the program."""
    program = BUILD / ("loadgen-tls" if tls else "loadgen")
    return compiled(program, sorted((HERE / "load").iterdir()), TLS_FLAGS if tls else ())


def compile_relay() -> Path:
    """Compile relay.c, and return the program."""
    return compiled(BUILD / "relay", [HERE / "relay.c"])
