"""The file in which bans and mutes are kept, and disks that do not take it."""

import os
import threading

import pytest

from chat import wait_until
from chatd.banfile import BanFile, BanFileError
from chatd.bans import Bans, Kept, Sanction
from chatd.events import Warned
from chatd.limits import Limits
from moderating import HOME, come, make_world, moderator, order


def test_what_is_kept_is_read_again_and_what_is_over_is_not(tmp_path):
    path = tmp_path / "deep" / "bans.json"
    kept = Kept(
        (Sanction("Ala", "eva", "spam", 2000.0), Sanction("192.0.2.0/24", "eva")),
        (Sanction("bob", "ola", until=1000.0), Sanction("eve", "ola", source="192.0.2.7")),
    )
    BanFile(path).write(lambda: kept)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["bans.json"]
    bans = Bans(Limits(), BanFile(path).read(), now=lambda: 1500.0)
    assert bans.kept() == Kept(kept.bans, kept.mutes[1:])
    assert bans.refusal("192.0.2.9:1") == "your address is banned"
    assert bans.find_mute("192.0.2.7:1", "ola", None) == kept.mutes[1]


def test_a_file_may_be_written_by_hand(tmp_path):
    path = tmp_path / "bans.json"
    path.write_text('{"bans": [{"target": "192.0.2.7", "by": "me"}]}')
    assert Bans(Limits(), BanFile(path).read()).refusal("192.0.2.7:1") == "your address is banned"


def test_without_a_file_nothing_is_kept(tmp_path):
    assert BanFile(tmp_path / "none").read() == BanFile(None).read() == Kept()
    BanFile(None).write(lambda: pytest.fail("nobody wants it"))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "truncated"),
        (b"{]", "malformed"),
        (b'{"bans": 5}', "Expected `array`"),
        (b'{"bans": [{"target": "a b", "by": "me"}]}', "white space"),
        (b'{"bans": [{"target": "\xff", "by": "me"}]}', "utf-8"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(tmp_path, data, problem):
    path = tmp_path / "bans.json"
    path.write_bytes(data)
    with pytest.raises(BanFileError, match=rf"^cannot use the bans in .*bans\.json: .*{problem}"):
        BanFile(path).read()
    path.unlink()
    path.mkdir()
    with pytest.raises(BanFileError, match=r"^cannot read the bans in .*: Is a directory$"):
        BanFile(path).read()


def test_a_ban_that_cannot_be_written_is_in_force_and_both_are_told(tmp_path):
    (tmp_path / "file").touch()
    world = make_world(moderation={"file": BanFile(tmp_path / "file" / "bans.json")})
    eva, ala = moderator(world), world.connect("ala", HOME)
    assert order(world, eva, "BAN ala") == [
        "NOTICE ala is banned, until the server ends: it could not be written down"
    ]
    assert ala.read() == ["ERROR you have been banned by eva"]
    (warned,) = world.seen(Warned)
    assert warned.text.startswith(f"cannot write {tmp_path}/file/bans.json: File exists; ")


def test_a_crash_while_it_is_written_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "bans.json"
    old = Kept((Sanction("ala", "eva"),))
    BanFile(path).write(lambda: old)

    def fail(descriptor):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(BanFileError, match="Input/output error"):
        BanFile(path).write(Kept)
    assert BanFile(path).read() == old
    assert [each.name for each in tmp_path.iterdir()] == ["bans.json"]


def test_of_two_who_write_at_once_the_later_state_stays(tmp_path):
    """Each writes what is in force when its turn has come."""
    bans, file = Bans(), BanFile(tmp_path / "bans.json")
    first_writes, second_waits = threading.Event(), threading.Event()

    def slowly():
        first_writes.set()
        assert second_waits.wait(20)
        return Kept()

    first = threading.Thread(target=file.write, args=(slowly,))
    first.start()
    assert first_writes.wait(20)
    bans.ban(Sanction("ala", "eva"))
    second = threading.Thread(target=file.write, args=(bans.kept,))
    second.start()
    second_waits.set()
    first.join()
    second.join()
    assert file.read() == bans.kept()


def test_a_disk_that_hangs_is_not_waited_for_and_both_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr("chatd.banfile._PATIENCE", 0.01)
    hangs, fsync = threading.Event(), os.fsync
    monkeypatch.setattr("os.fsync", lambda file: hangs.wait(20) and fsync(file))
    file = BanFile(tmp_path / "bans.json")
    world = make_world(moderation={"file": file})
    eva = moderator(world)
    for nick in ("ala", "bob"):
        assert order(world, eva, f"BAN {nick}") == [
            f"NOTICE {nick} is banned, until the server ends: it could not be written down"
        ]
        assert come(world, nick)[1] == ["ERROR nick is banned"]
        assert "bans.json: the disk hangs; " in world.seen(Warned)[-1].text
    hangs.set()
    wait_until(lambda: len(file.read().bans) == 2, "the disk to go on")


def test_a_mistake_while_bans_are_written_is_told_and_not_repeated(tmp_path, caplog):
    file = BanFile(tmp_path / "bans.json")
    with pytest.raises(BanFileError, match="internal error"):
        file.write(lambda: 1 / 0)
    file.write(Kept)
    assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]
