"""Stores in files that were damaged, or whose writer was killed."""

import os
import re
import subprocess
import sys
import textwrap

import pytest

from chatd import make_id
from chatd_plugins.sql import open_store
from records import EPOCH, LATEST, said
from store_files import COUNT, TESTS, begun, check, filled, run, there


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "history.db"


# -- damage ----------------------------------------------------------------------------------------


def cut(path):
    os.truncate(path, path.stat().st_size // 2 + 100)


def cut_short(path):
    os.truncate(path, 100)


def scribble(path):
    with open(path, "r+b") as file:
        for page in range(3, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(os.urandom(512))


def garbage(path):
    path.write_bytes(os.urandom(50_000))


def prose(path):
    path.write_text("this is not a database\n" * 100)


@pytest.mark.parametrize("damage", [cut, cut_short, scribble, garbage, prose])
def test_a_damaged_file_is_set_aside(path, damage):
    filled(path)
    damage(path)
    damaged = path.read_bytes()
    store = begun(path, said(1, "after it"))
    (notice,) = store.notices
    aside = [name for name in os.listdir(path.parent) if ".damaged-" in name]
    assert len(aside) == 1
    assert re.fullmatch(r"history\.db\.damaged-\d{8}T\d{6}", aside[0])
    assert (path.parent / aside[0]).read_bytes() == damaged
    assert notice.startswith(f"{path} is damaged (")
    assert f"it is kept as {path.parent / aside[0]}, and a new one is begun" in notice
    assert "\n" not in notice
    assert there(store) == [1]
    store.close()
    store.begin(EPOCH)
    assert list(store.notices) == []
    assert there(store) == [1]
    store.close()
    check(path)


def test_its_companions_are_set_aside_with_it(path):
    filled(path)
    garbage(path)
    (path.parent / "history.db-wal").write_bytes(b"the log")
    (path.parent / "history.db-shm").write_bytes(b"its index")
    store = begun(path)
    names = sorted(re.sub(r"\d{8}T\d{6}", "X", name) for name in os.listdir(path.parent))
    store.close()
    assert [name for name in names if "damaged" in name] == [
        "history.db.damaged-X",
        "history.db.damaged-X-shm",
        "history.db.damaged-X-wal",
    ]


def test_an_empty_file_is_a_new_one(path):
    path.parent.mkdir()
    path.touch()
    store = begun(path, said(1))
    assert list(store.notices) == []
    assert there(store) == [1]
    store.close()


def test_a_log_of_garbage_is_left_out(path):
    filled(path)
    (path.parent / "history.db-wal").write_bytes(os.urandom(9000))
    store = begun(path)
    assert list(store.notices) == []
    assert len(there(store)) == 300
    store.close()
    check(path)


# -- a sudden end ----------------------------------------------------------------------------------

WRITER = """
    import sys
    sys.path.insert(0, sys.argv[2])
    from chatd_plugins.sql import open_store
    from records import said, told
    store = open_store(sys.argv[1])
    epoch = store.begin(1)
    for n in range(1, 1_000_000, 3):
        store.append([said(n, f"word{n}", epoch=epoch), said(n + 1, epoch=epoch)])
        print(epoch, n, flush=True)
        if n % 30 == 1:
            store.prune(0, 200)
    """


@pytest.mark.soak
def test_kill_9(path):
    """What append returned for is there, and the file is sound."""
    url = f"sqlite:///{path}"
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER), url, TESTS],
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            lines = [process.stdout.readline() for _ in range(40)]
            process.kill()
            lines += process.stdout.readlines()
        epoch, n = max(tuple(map(int, line.split())) for line in lines if line.endswith("\n"))
        assert int(run(COUNT, url)) > 0  # of the dead, before anybody tidies up
        store = open_store(url)
        assert store.begin(epoch) == epoch + 1
        assert list(store.notices) == []
        found = {record.id for record in store.before("general", LATEST, 200, 200).records}
        assert found >= {make_id(epoch, m) for m in range(max(1, n - 200), n + 2) if m % 3}
        hit = store.search(f"word{n}", ["general"], "", 1, 0)[0]
        assert hit.record.event.text == f"word{n}"
        store.close()
        check(path)
