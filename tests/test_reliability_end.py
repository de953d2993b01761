"""The end of a server that many use: what somebody was told is done is in the history."""

import pytest

from chat import PATIENCE, RawClient, chatd_process
from plugging import CHATCTL, run

LINES = 5


@pytest.mark.timeout(300)
@pytest.mark.parametrize("users", [20, pytest.param(500, marks=pytest.mark.soak)])
def test_what_many_said_before_the_end_is_kept(tmp_path, engine, users):
    """R-23: everybody is told, and hears all that was said before, which the store has."""
    url = f"sqlite:///{tmp_path}/history.db"
    with chatd_process(tmp_path, "--store", url, "--engine", engine) as process:
        clients = [RawClient(process.port, nick=f"u{n}") for n in range(users)]
        for number, client in enumerate(clients):
            said = "".join(f"PUB <{number} {n}>\r\n" for n in range(LINES))
            client.send(said.encode() + b"WHOAMI\r\n")
        while not (clients[0].line() or "").startswith("WHOAMI"):
            pass
        process.terminate()
        heard = [client.rest() for client in clients]
        for client in clients:
            client.close()
        assert process.wait(PATIENCE) == 0
    assert all(one.endswith(b"ERROR the server is shutting down\r\n") for one in heard)
    kept = run(*CHATCTL, "history", "export", "--store", url).stdout
    done = [n for n, one in enumerate(heard) if b"WHOAMI " in one or n == 0]
    assert done
    for number in done:
        lines = [f"<{number} {n}>" for n in range(LINES)]
        assert all(line in kept for line in lines)
        for other, one in enumerate(heard):
            if other not in (0, number):
                assert all(line.encode() in one for line in lines)
