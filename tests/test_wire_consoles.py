"""The server's console, as each document describes it: one log for all dialects (D-7)."""

import pytest

from chat import LineClient, chatd_process


def ports(tmp_path):
    lines = (tmp_path / "ports").read_text().splitlines()
    return {dialect: int(port) for dialect, _, port in map(str.split, lines)}


def log_of(process):
    process.terminate()
    stdout, stderr = process.communicate()
    assert (process.returncode, stderr) == (0, b"")
    return [line.split(" ", 2)[2] for line in stdout.decode().splitlines()]


def test_slash(engine, tmp_path):
    """S1-20, S1-21: where it listens, who comes and goes, new names, public messages."""
    options = ("-v", "--host", "127.0.0.1", "--engine", engine, "--listen", "slash=127.0.0.1:0")
    with chatd_process(tmp_path, *options) as process:
        port = ports(tmp_path)["slash"]
        with LineClient(port) as ala, LineClient(port) as bob:
            for peer in (ala, bob):
                assert peer.line() == "Witaj w pokoju rozmow!"
            for peer, nick in ((ala, "ala"), (bob, "bob")):
                peer.send(f"3\n{nick}\n".encode())
                while not peer.line().endswith(f"3 {nick} dolaczyl do pokoju rozmow!"):
                    pass
            ala.send("hello")
            assert bob.line() == "3 ala: hello"
            ala.send(b"/msg\nbob\nsecret\n/changename\n4\nela\n/wyjdz\n")
            while ala.line() is not None:
                pass
            while bob.line() != "4 ela wyszedl z czatu.":
                pass
            assert bob.ask("/wyjdz") == "Opusciles czat!"
            assert bob.line() is None
            first, second = ala.address, bob.address
        log = log_of(process)
    assert (
        f"listening on 127.0.0.1:{port} (slash), join with: chatcli --dialect slash -p {port}"
        in log
    )
    assert [line for line in log if not line.startswith("listening")] == [
        f"connected from {first}",
        f"connected from {second}",
        f"logged in ala from {first}",
        f"logged in bob from {second}",
        "said in General by ala: hello",
        "renamed ala to ela",
        "left ela: quit",
        "left bob: quit",
    ]


@pytest.mark.parametrize("verbose", [True, False], ids=["-v", ""])
def test_words(engine, tmp_path, verbose):
    """S3-15, S3-16: who connects, logs in and leaves; debug is for the console alone."""
    options = ("--host", "127.0.0.1", "--engine", engine, *(["-v"] if verbose else []))
    with chatd_process(tmp_path, *options) as process:
        with LineClient(process.port) as stranger, LineClient(process.port) as bob:
            assert stranger.ask("whoami") == "Please log in!"
            assert bob.ask("login bob") == "[ServerMessage] - [bob] log in."
            stranger.send("debug")
            assert stranger.ask("whoami") == "Please log in!"
            assert bob.ask("logout") is None
            assert stranger.ask("quit") is None
            addresses = stranger.address, bob.address
        log = log_of(process)
    if not verbose:
        assert log == []
        return
    assert log[1:] == [
        f"connected from {addresses[0]}",
        f"connected from {addresses[1]}",
        f"logged in bob from {addresses[1]}",
        "###------[START DEBUG]------###",
        f"connected: {addresses[0]}, {addresses[1]}",
        "logged in: bob",
        "###------[END DEBUG]------###",
        "left bob: quit",
        f"disconnected {addresses[0]}: quit",
    ]


def test_rooms(engine, tmp_path):
    """S4-15: that it listens, and a line for each client that connects."""
    options = ("-v", "--host", "127.0.0.1", "--engine", engine, "--listen", "rooms=127.0.0.1:0")
    with chatd_process(tmp_path, *options) as process:
        port = ports(tmp_path)["rooms"]
        with LineClient(port) as dana:
            assert dana.ask("dana") == "You joined the room 'General'"
            assert dana.ask("exit") is None
            address = dana.address
        log = log_of(process)
    assert [line.partition(",")[0] for line in log[1:]] == [
        f"listening on 127.0.0.1:{port} (rooms)",
        f"connected from {address}",
        f"logged in dana from {address}",
        "left dana: quit",
    ]


def test_slash_is_told_its_port_and_its_most_users(engine, tmp_path):
    """S1-02, S1-12: as options, instead of questions; the second client finds the room full."""
    options = ("--max-clients", "1", "--engine", engine, "--listen", "slash=127.0.0.1:0")
    with chatd_process(tmp_path, *options) as process:
        port = ports(tmp_path)["slash"]
        with LineClient(port) as ala, LineClient(port) as bob:
            ala.send(b"3\nala\n")
            while not ala.line().endswith("dolaczyl do pokoju rozmow!"):
                pass
            bob.send(b"3\nbob\n")
            *_, last = iter(bob.line, None)
            assert (
                last == "Witaj 3 bob! Pokoj jest aktualnie przepelniony. Sprobuj ponownie pozniej!"
            )
        process.terminate()
        assert process.wait() == 0


def test_at_its_end_the_server_closes_all_connections(engine, tmp_path):
    """S1-25: in order, so that everybody has what was said to the last."""
    with chatd_process(tmp_path, "--engine", engine, "--listen", "slash=127.0.0.1:0") as process:
        with LineClient(ports(tmp_path)["slash"]) as ala, LineClient(process.port) as bob:
            ala.send(b"3\nala\n")
            while not ala.line().endswith("dolaczyl do pokoju rozmow!"):
                pass
            bob.send("login bob")
            assert ala.line() == "bob dolaczyl do pokoju rozmow!"
            process.terminate()
            assert ala.line() == "the server is shutting down"
            assert ala.line() is None
            while bob.line() is not None:
                pass
        assert process.wait() == 0
