"""What Prometheus is told: the metrics of a server, and of its process.

Labels are few, whatever users do: dialects, kinds, engines; never nicks, rooms, addresses.
"""

import re
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chatd import __version__
from chatd.activity import Activity
from chatd.mistakes import mistakes
from chatd.recorder import Recorder
from chatd.server import Server


def make_registry(server: Server, activity: Activity) -> CollectorRegistry:
    """Make what `generate_latest` asks at each scrape."""
    registry = CollectorRegistry()
    registry.register(ServerCollector(server, activity))
    ProcessCollector(registry=registry)
    return registry


class ServerCollector(Collector):
    """Reads the counters of one server."""

    def __init__(self, server: Server, activity: Activity) -> None:
        self._metrics = server.metrics
        self._nobody = dict.fromkeys(server.plugins.dialects, 0)
        self._activity = activity

    def describe(self) -> list[Metric]:
        """Name no metrics in advance: they would have to be collected for that."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Give all metrics as they are now."""
        yield from self._chat()
        yield from self._events()
        yield from self._parts()
        if self._metrics.recorder is not None:
            yield from _store(self._metrics.recorder)

    def _chat(self) -> Iterator[Metric]:
        now = self._metrics.figures()
        yield _each("users", "Users who are logged in.", self._nobody | now.users)
        connections = self._nobody | now.connections
        yield _each("connections", "Connections, logged in or not.", connections)
        yield _gauge("tls_connections", "Connections with TLS.", now.encrypted)
        yield _gauge("rooms", "Rooms.", now.rooms)
        messages = _kinds("messages", "Messages, to rooms and private ones.")
        messages.add_metric(["room"], now.said)
        messages.add_metric(["private"], now.told)
        yield messages
        deliveries = "Events that reached somebody: one in a room counts once for each member."
        yield _count("deliveries", deliveries, now.deliveries)
        yield _gauge("outbox_bytes", "Bytes that wait for clients to take them.", now.unsent)
        yield _gauge("outbox_max_bytes", "The same, of the client with most.", now.most_unsent)
        yield _gauge("log_entries", "Entries of the delivery log that wait.", now.waiting)

    def _events(self) -> Iterator[Metric]:
        events = _kinds("events", "What happened, by the events of the activity log.")
        for kind, count in self._activity.counts.copy().items():
            name = re.sub("(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()
            events.add_metric([name], count)
        yield events
        yield _count("drops", "Users dropped because they were too slow.", self._activity.dropped)

    def _parts(self) -> Iterator[Metric]:
        info = GaugeMetricFamily(
            "chatd_info", "Which server this is.", labels=("version", "engine")
        )
        info.add_metric([__version__, self._metrics.engine], 1)
        yield info
        yield _count("internal_errors", "Mistakes of the server and of plugins.", mistakes())
        off = len(self._metrics.guards.off)
        yield _gauge("plugins_off", "Plugins that were switched off, since they failed.", off)


def _store(recorder: Recorder) -> Iterator[Metric]:
    yield _gauge("store_up", "Whether the store works: 1 or 0.", not recorder.trouble)
    yield _gauge("store_waiting", "Events that are not stored yet.", recorder.waiting)
    yield _count("store_missed", "Events that will never be stored.", recorder.missed)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"chatd_{name}", text, value=value)


def _count(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"chatd_{name}", text, value=value)


def _kinds(name: str, text: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"chatd_{name}", text, labels=("kind",))


def _each(name: str, text: str, counts: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(f"chatd_{name}", text, labels=("dialect",))
    for dialect, count in counts.items():
        family.add_metric([dialect], count)
    return family
