"""What all tests share."""

import functools
import os
import signal
import subprocess
import sys
import tempfile
import threading
from importlib.metadata import entry_points

import pytest
from hypothesis import settings

import chatd.plugins
import postgres
import sessions
import warm
from certificates import Authority
from chatd.delivery import Delivery
from chatd.limits import Limits
from clients import DIALECTS, KINDS
from fakes import Hearer, Wording, World
from house import House
from plugging import WAVE, write

NO_SKIPS = os.environ.get("CHATD_NO_SKIPS") == "1"

# A server that a test starts must not find the history of another one, or of the developer.
os.environ["CHATD_STORE"] = "none"
os.environ["CHATD_BANS"] = "none"
os.environ["CHATD_FLOOD"] = "off"  # tests type faster than people
_data = tempfile.TemporaryDirectory(prefix="chatd-tests-")
os.environ["XDG_DATA_HOME"] = _data.name

subprocess.Popen = warm.Popen


@functools.cache
def _entry_points(group, path):
    return entry_points(group=group)


# Thousands of servers are made, each of which would read the list of all that is installed.
chatd.plugins.entry_points = lambda group: _entry_points(group, tuple(sys.path))

# Who runs the tests may be ignoring it, which the processes that they start would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The suite runs on machines that are busy: an example may take its time.
settings.register_profile("chatd", deadline=None)
settings.register_profile("thorough", deadline=None, max_examples=20_000)
settings.load_profile("chatd")


@pytest.fixture(params=["threads", "select", "asyncio"])
def engine(request):
    """Each engine of the server in turn."""
    return request.param


@pytest.fixture(params=["threads", "select", "asyncio"])
def client_engine(request):
    """Each engine of the client in turn."""
    return request.param


@pytest.fixture(params=KINDS)
def kind(request):
    """Each client of the library in turn."""
    return request.param


@pytest.fixture(params=DIALECTS)
def dialect(request):
    """Each dialect in turn."""
    return request.param


@pytest.fixture
def nothing_is_left_behind():
    """No thread of a client outlives the test."""
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "chatcli-client"]


@pytest.fixture(params=["memory", "threads", "select", "asyncio"])
def where(request):
    """In memory, and on each engine in turn."""
    return request.param


@pytest.fixture
def restless():
    """Switch threads as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def house():
    """A hub with its log, and nobody in it."""
    return House()


@pytest.fixture
def world():
    """A server without an engine, with the commands that sessions are tried with."""
    return World(sessions.COMMANDS)


@pytest.fixture
def delivery():
    """A delivery log with the bounds of a server."""
    return Delivery(Limits())


@pytest.fixture
def plain():
    """The dialect of ala and ola."""
    return Wording("plain")


@pytest.fixture
def ala(plain):
    """Somebody who hears what a delivery log delivers."""
    return Hearer("ala", plain)


@pytest.fixture
def ola(plain):
    """Somebody else who hears it."""
    return Hearer("ola", plain)


@pytest.fixture(scope="session")
def authority():
    """Who signs certificates; its `trust` is what clients that know it use."""
    return Authority()


@pytest.fixture
def certificate(authority, tmp_path):
    """A certificate of localhost in files."""
    return authority.issue(tmp_path)


@pytest.fixture
def site(tmp_path):
    """A folder for sys.path in which a distribution with a plugin is installed."""
    site = write(tmp_path / "site", chatd_wave=WAVE)
    info = site / "chatd_wave-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: chatd-wave\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[chatd]\nwave = chatd_wave\n")
    return site


@pytest.fixture(scope="session")
def cluster():
    """A server of PostgreSQL."""
    if lacking := postgres.missing():
        pytest.skip(lacking)
    with postgres.running_cluster() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request, tmp_path):
    """The URL of an empty store, in each kind of database in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/history.db"
    else:
        cluster = request.getfixturevalue("cluster")
        with cluster.database() as name:
            yield cluster.url(name)


def fail_if_skipped(report):
    # An expected failure (xfail) is reported as skipped too: that one is no gap.
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        _path, _line, reason = report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason} (a failure, because of CHATD_NO_SKIPS=1)"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport():
    """With CHATD_NO_SKIPS=1 a skipped test has failed, and says why it was skipped."""
    return fail_if_skipped((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report():
    return fail_if_skipped((yield))
