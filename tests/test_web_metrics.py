"""`/metrics`, and what is counted for it and for `/admin`."""

import re
import threading
from ipaddress import ip_network
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chat import RawClient, wait_until
from chatd.activity import Activity
from chatd.events import (
    Connected,
    Disconnected,
    Inspected,
    LoggedIn,
    LoggedOut,
    Refused,
    Said,
    Warned,
)
from chatd.limits import Limits
from chatd.metrics import Figures, Sampler, levels, rates
from chatd.output import TOO_SLOW
from chatd.testing import running_server
from fakes import Clock, World
from store_files import run
from webtalk import fetch

DOCS = Path(__file__).parent.parent / "docs"


def scrape(port):
    """All that /metrics says, by name and labels."""
    page = fetch(port, "/metrics")
    assert page.status == 200, page.text
    return {
        (sample.name.removeprefix("chatd_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page.text)
        for sample in family.samples
    }


def one(told, name):
    return told[(name,)]


def test_what_prometheus_is_told(engine):
    with running_server(engine=engine, web=True) as server:
        with RawClient(server.port, nick="ala") as ala, RawClient(server.port, nick="bob") as bob:
            ala.send("PUB hello")
            assert bob.line() == "PUB_MSG hello"
            before = scrape(server.port)
            ala.send("PUB again")
            assert bob.line() == "PUB_MSG again"
            ala.send("PRIV bob psst")
            assert bob.line() == "PRIV_FROM ala psst"
            told = scrape(server.port)
            assert "psst" not in fetch(server.port, "/metrics").text
        assert told["users", "crlf"] == told["connections", "crlf"] == 2
        assert told["users", "json"] == one(told, "tls_connections") == 0
        assert one(told, "log_entries") >= 0
        assert told["connections", "web"] >= 1
        assert one(told, "rooms") == 1
        assert (told["messages_total", "room"], told["messages_total", "private"]) == (2, 1)
        assert one(told, "deliveries_total") - one(before, "deliveries_total") == 2 + 1
        assert one(told, "outbox_bytes") == one(told, "outbox_max_bytes") == 0
        assert told["events_total", "logged_in"] == told["events_total", "said"] == 2
        assert one(told, "drops_total") == one(told, "plugins_off") == 0
        assert one(told, "internal_errors_total") >= 0
        assert [value for key, value in told.items() if key[0] == "info" and engine in key] == [1]
        assert one(told, "process_open_fds") > 3
        assert ("store_up",) not in told
        wait_until(lambda: scrape(server.port)["users", "crlf"] == 0, "the end of both")


def test_labels_do_not_grow_with_what_users_choose():
    with running_server(web=True) as server, RawClient(server.port, nick="n-0") as client:
        before = set(scrape(server.port))
        for number in range(1, 100):
            assert client.ask(f"LOGIN n-{number}") == "OK"
            assert client.ask(f"CREATE r-{number}") == "OK"
        after = scrape(server.port)
        text = fetch(server.port, "/metrics").text
    assert one(after, "rooms") == 100
    # What happened for the first time since then, and no more.
    assert set(after) - before <= {("events_total", kind) for kind in ("created", "renamed")} | {
        ("events_total", "disconnected")
    }
    assert "n-99" not in text
    assert "r-99" not in text
    assert "127.0.0.1" not in text


@pytest.mark.parametrize("networks", [("192.0.2.0/24",), ()])
def test_metrics_are_for_some_networks(networks):
    with running_server(web=True, metrics_from=tuple(map(ip_network, networks))) as server:
        page = fetch(server.port, "/metrics")
    assert (page.status, page.text) == (403, "metrics are for those whom --metrics-from names\n")


@pytest.mark.parametrize("header", ["Forwarded", "X_Forwarded_For", "X_Real_IP", "Via"])
def test_whom_a_proxy_brings_is_not_on_this_machine(header):
    with running_server(web=True) as server:
        assert fetch(server.port, "/metrics", **{header: "for=127.0.0.1"}).status == 403


def test_how_metrics_are_asked_for():
    with running_server(web=True) as server:
        assert fetch(server.port, "/metrics", "POST").status == 405
        page = fetch(server.port, "/metrics", "HEAD")
    assert (page.status, page.text) == (200, "")
    assert page.headers["Content-Type"].startswith("text/plain; version=")
    assert "no-store" in page.headers["Cache-Control"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"


def test_the_store_is_told_of(tmp_path, monkeypatch):
    with running_server(web=True, store=f"sqlite:///{tmp_path}/history.db") as server:
        told = scrape(server.port)
        assert (one(told, "store_up"), one(told, "store_missed_total")) == (1, 0)
        page = (DOCS / "web.md").read_text(encoding="utf-8")
        table = page.partition("| metric |")[2].partition("\n\n")[0]
        documented = set(re.findall(r"`chatd_([a-z_]+)", table))
        assert documented == {
            name for name, *_ in told if not name.startswith(("process", "python"))
        }
        recorder = server.server.metrics.recorder
        with monkeypatch.context() as broken:
            broken.setattr(recorder, "trouble", "the disk is full")
            told = scrape(server.port)
        assert one(told, "store_up") == 0


def test_nothing_runs_or_is_loaded_without_need():
    """No thread without a web side, and no Flask before the first page."""
    script = """
        import sys, threading
        from chatd.testing import running_server

        def look():
            sampling = "chatd-sampler" in [thread.name for thread in threading.enumerate()]
            print(sampling, *(name in sys.modules for name in ("flask", "prometheus_client")))

        with running_server():
            look()
        with running_server(web=True):
            look()
        """
    assert run(script).splitlines() == ["False False False", "True False False"]


# -- what is counted -------------------------------------------------------------------------------


def test_what_is_delivered_counts_once_for_each_who_gets_it():
    world = World()
    ala, *_ = (world.connect(nick) for nick in ("ala", "bob", "eve"))
    world.deliver()
    before = world.delivery.deliveries
    world.hub.say(ala.session, "General", "hello")
    world.hub.tell(ala.session, "bob", "psst")
    world.hub.users(ala.session)
    assert world.delivery.waiting == 3
    world.deliver()
    assert world.delivery.waiting == 0
    assert world.delivery.deliveries - before == 3 + 1
    assert (world.hub.said, world.hub.told) == (1, 1)


def test_activity_counts_all_and_lists_what_matters():
    time = Clock()
    activity = Activity(Limits(tail=3), time)
    came = LoggedIn("ala", "127.0.0.1:4000")
    activity.see([Connected("127.0.0.1:4000"), came, Said("General", "ala", "hello")])
    time.pass_by(1)
    activity.see([Disconnected("127.0.0.1:4001", "connection closed")])
    activity.note([Warned("a mistake")])
    activity.see([Inspected(("127.0.0.1:4000",), ("ala",))])
    assert activity.last == ((1000, came), (1001, Warned("a mistake")))
    assert activity.counts == {Connected: 1, LoggedIn: 1, Said: 1, Disconnected: 1, Inspected: 1}
    refused = [Refused("127.0.0.1:4002", str(number)) for number in range(9)]
    activity.see(refused)
    assert [event for _, event in activity.last] == refused[-3:]
    long = [Warned("x" * 30_000) for _ in range(3)]
    activity.note(long)
    assert [event for _, event in activity.last] == long[-2:]


def test_who_is_dropped_is_counted():
    world = World(outbox=100)
    activity = Activity(world.limits)
    world.delivery.observers.append(activity.see)
    ala, bob, eve = (world.connect(nick) for nick in ("ala", "bob", "eve"))
    eve.wire.room = 0
    ala.session.end("quit")
    for _ in range(5):
        world.hub.say(bob.session, "General", "x" * 50)
        world.deliver()
    assert [e.nick for e in world.seen(LoggedOut) if e.reason.startswith(TOO_SLOW)] == ["eve"]
    assert activity.dropped == 1


# -- samples ---------------------------------------------------------------------------------------


def figures(said=0, told=0, deliveries=0, users=0, unsent=0):
    return Figures({"crlf": users}, {"crlf": users}, 0, 1, said, told, deliveries, unsent, 0, 0)


def test_samples_are_those_of_an_hour_by_the_given_clock():
    clock, now = Clock(0.0), [figures()]
    sampler = Sampler(lambda: now[0], Limits(), clock)
    for number in range(800):
        now[0] = figures(said=10 * number, told=5 * number, deliveries=100 * number, users=number)
        sampler.take()
        clock.pass_by(5.0)
    samples = sampler.samples
    assert len(samples) == 720
    assert samples[-1].time - samples[0].time == 719 * 5.0
    assert levels(samples, lambda s: s.users)[-1] == (799 * 5.0, 799)
    assert set(rates(samples, lambda s: s.messages)) == {(s.time, 3.0) for s in samples[1:]}
    assert {rate for _, rate in rates(samples, lambda s: s.deliveries)} == {20.0}


def test_a_clock_that_stands_still_gives_no_rate():
    sampler = Sampler(figures, Limits(), Clock())
    sampler.take()
    sampler.take()
    assert rates(sampler.samples, lambda s: s.messages) == []
    assert rates((), lambda s: s.messages) == []


@pytest.mark.parametrize(("period", "count"), [(1000.0, 1), (0.001, 3)])
def test_the_sampler_begins_at_once_goes_on_and_ends(monkeypatch, period, count):
    monkeypatch.setattr(Sampler, "PERIOD", period)
    sampler = Sampler(figures, Limits(), Clock())
    sampler.start()
    wait_until(lambda: len(sampler.samples) >= count, "samples")
    sampler.close()
    assert "chatd-sampler" not in [thread.name for thread in threading.enumerate()]


def test_a_sampler_that_never_began_ends():
    Sampler(figures, Limits(), Clock()).close()
