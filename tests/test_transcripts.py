"""Every transcript in every world: in memory, and on each engine over IPv4 and IPv6."""

import socket
from pathlib import Path

import pytest

from transcript import FOLDER, MemoryWorld, play, read, read_all, socket_world, unescape

DOCUMENTED = read(Path(__file__).parent.parent / "docs" / "wire" / "crlf.md")
CRLF = [*read_all(FOLDER / "crlf"), *DOCUMENTED]


def each(transcripts):
    return pytest.mark.parametrize("transcript", transcripts, ids=[one.name for one in transcripts])


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@each(CRLF)
@pytest.mark.parametrize("bytewise", [False, True], ids=["lines", "bytes"])
def test_in_memory(transcript, bytewise):
    play(transcript, MemoryWorld(transcript.settings, prompt=bytewise), bytewise)


@each([one for one in CRLF if not one.takes_time])
@pytest.mark.parametrize(
    "host, bytewise",
    [("127.0.0.1", False), ("::1", False), ("127.0.0.1", True)],
    ids=["ipv4", "ipv6", "bytes"],
)
def test_over_sockets(transcript, engine, host, bytewise):
    """D-5: engines do not change what is on the wire."""
    if host == "::1" and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    with socket_world(engine, host, transcript.settings) as world:
        play(transcript, world, bytewise)


def test_the_documentation_shows_a_session():
    assert DOCUMENTED


# -- the player itself: it has to notice what is wrong ---------------------------------------


def played(tmp_path, text):
    path = tmp_path / "some.txt"
    path.write_text(text, encoding="utf-8")
    (transcript,) = read(path)
    play(transcript, MemoryWorld(transcript.settings))


@pytest.mark.parametrize(
    "text, complaint",
    [
        (
            "ala > LOGIN ala\nala < ERROR",
            r"some.txt:2: ala should see b'ERROR\\r\\n', but saw b'OK",
        ),
        ("ala > LOGIN ala", r"ala should see 'nothing more', but saw b'OK"),
        ("ala > LOGIN ala\nala << OK", r"ala should see 'nothing more', but saw b'\\r\\n'"),
        (
            "ala > LOGIN ala\nala < OK\nala < OK",
            r"some.txt:3: ala should see b'OK\\r\\n', but saw b''",
        ),
        (
            "logged in: ala ola\nala > PUB hi",
            r"ola should see 'nothing more', but saw b'PUB_MSG hi",
        ),
        ("logged in: ala\nala > QUIT", r"ala should see 'no end'"),
        ("logged in: ala\nala closed", r"some.txt:2: ala should see 'the end', but saw b''"),
        ("ala > LIST\nala closed", r"some.txt:2: ala should see 'the end', but saw b'ERROR log in"),
    ],
)
def test_the_player_notices(tmp_path, text, complaint):
    with pytest.raises(AssertionError, match=complaint):
        played(tmp_path, text)


@pytest.mark.parametrize("text", ["ala says hi", "ala: hi", "ala closed now", "ala > \\q"])
def test_the_reader_refuses_what_it_does_not_know(tmp_path, text):
    with pytest.raises(ValueError):
        played(tmp_path, text)


def test_escapes():
    assert unescape(r"a\r\n\t\\\s\xff\u0142\U0001f600{b*3}{c}") == (
        b"a\r\n\t\\ \xff" + "ł\U0001f600".encode() + b"bbb{c}"
    )
