"""chatd's command line: run to its end or while it listens, and what it says of what is fatal."""

import os
import re
import subprocess
from contextlib import contextmanager

from chat import PATIENCE, wait_until
from plugging import CHATD


def environment(variables):
    """The environment of this process, without settings for chatd but the given ones."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CHATD_")}
    return kept | variables


def run(*args, env=()):
    """Run chatd where it ends by itself."""
    return subprocess.run(
        [*CHATD, *args],
        env=environment(dict(env)),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@contextmanager
def running(port_file, *args, env=()):
    """Run chatd as it is told to; yield the process once it listens, and stop it in the end."""
    before = port_file.read_text() if port_file.exists() else ""

    def written():
        return port_file.read_text() if port_file.exists() else ""

    process = subprocess.Popen(
        [*CHATD, *args],
        env=environment(dict(env)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            wait_until(
                lambda: process.poll() is not None or written() not in ("", before), "the port file"
            )
            assert process.poll() is None, process.stderr.read()
            process.port = int(port_file.read_text().split()[2])
            yield process
        finally:
            process.kill()


def assert_fatal(done, status, *words):
    """One line on stderr that has all of words; nothing on stdout, no traceback."""
    assert (done.returncode, done.stdout) == (status, "")
    assert re.fullmatch("chatd: [^\n]+\n", done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
