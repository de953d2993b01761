"""A server of PostgreSQL for the tests: made in a folder of its own, and gone with it."""

import glob
import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from contextlib import contextmanager
from pathlib import Path

from chat import PATIENCE, wait_until


def program(name):
    """Find a program of the server, which Debian keeps out of the PATH; None without it."""
    return shutil.which(name) or next(
        iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)), None
    )


def missing():
    """Say what the tests lack; empty when all is there."""
    if not (program("initdb") and program("postgres")):
        return "PostgreSQL is not installed: initdb and postgres are needed"
    try:
        import psycopg  # noqa: F401  # whether it is there is the question
    except ImportError:
        return "psycopg is not installed"
    return ""


def somebody():
    """Settings of subprocess for a user who may run it: root may not."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    name = "postgres" if "postgres" in names else "nobody"
    entry = pwd.getpwnam(name)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class Cluster:
    """A running server that listens on a socket in folder, for the user chatd."""

    def __init__(self, folder):
        self.folder = folder
        self.who = somebody()
        if self.who:
            os.chown(folder, self.who["user"], self.who["group"])
        self._run("initdb", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N", "-U", "chatd")
        with open(f"{folder}/data/pg_hba.conf", "r+", encoding="utf-8") as file:
            rest = file.read()
            file.seek(0)
            file.write(f"local all guarded scram-sha-256\n{rest}")
        self.process = None

    def _run(self, name, *arguments):
        done = subprocess.run(
            [program(name), "-D", f"{self.folder}/data", *arguments],
            cwd=self.folder,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=PATIENCE * 2,
            **self.who,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self):
        command = [program("postgres"), "-D", f"{self.folder}/data", "-k", self.folder, "-F"]
        command += ["-c", "listen_addresses=", "-c", "max_connections=40"]
        with open(f"{self.folder}/log", "ab") as log:
            # The shell ends the server when this process is gone, however it went.
            guard = ["sh", "-c", '"$@" & read gone; kill -INT $!; wait $!', "guard"]
            self.process = subprocess.Popen(
                [*guard, *command],
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                **self.who,
            )
        wait_until(self.answers, "PostgreSQL")

    def answers(self):
        import psycopg

        assert self.process.poll() is None, Path(self.folder, "log").read_text()
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def stop(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait(PATIENCE)
            self.process = None

    def execute(self, statement, database="postgres"):
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else None

    def url(self, database, user="chatd"):
        return f"postgresql://{user}@/{database}?host={self.folder}"

    @contextmanager
    def database(self, options=""):
        """Make a database, and give its name."""
        name = f"chat_{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name} {options}")
        try:
            yield name
        finally:
            if self.process is not None:
                self.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def running_cluster():
    with tempfile.TemporaryDirectory(prefix="chatd-pg-") as folder:
        cluster = Cluster(folder)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
