"""What is measured: cases, the figures taken from each, and the goals."""

from __future__ import annotations

from dataclasses import dataclass

#: What chatd speaks beside crlf.
DIALECTS = ("json", "slash", "words", "rooms")


@dataclass(frozen=True)
class Figure:
    """One number of the generator's result: its key there and how a table calls it."""

    key: str
    label: str


CPU = Figure("cpu_us_per_delivery", "CPU µs per delivery")
CPU_MESSAGE = Figure("cpu_us_per_message", "CPU µs per message")
RATE = Figure("deliveries_per_s", "deliveries/s")
P50 = Figure("latency_p50_us", "latency p50, µs")
P99 = Figure("latency_p99_us", "latency p99, µs")
CPU_LOGIN = Figure("cpu_us_per_login", "CPU µs per login")
LOGINS = Figure("logins_per_s", "logins/s")
MEMORY = Figure("kib_per_client", "KiB per client")
THREADS = Figure("threads", "threads")


@dataclass(frozen=True)
class Case:
    """One kind of load. The first figure is the one that counts.

    `window`: messages each sender (`fanout`) or pair (`priv`) keeps in flight.
    `rate`: messages per second from all senders together (`paced` only).
    `dialects`: what clients that do not send speak in equal shares, beside crlf.
    `stored`: whether servers that store what is said take part.
    """

    name: str
    title: str
    mode: str
    figures: tuple[Figure, ...]
    clients: int
    senders: int = 1
    window: int = 8
    rate: int = 200
    quick: bool = False
    dialects: tuple[str, ...] = ()
    stored: bool = False

    def arguments(self, most_clients: int, seconds: float) -> list[str]:
        """The generator's options, for a server that holds at most `most_clients`."""
        options: dict[str, object] = {
            "--mode": self.mode,
            "--clients": min(self.clients, most_clients),
            "--senders": self.senders,
            "--window": self.window,
            "--rate": self.rate,
            "--seconds": seconds,
        }
        return [str(part) for option in options.items() for part in option]


def fanout(clients: int, senders: int, quick: bool = False) -> Case:
    """`senders` of `clients` in one room pipeline 8 messages each."""
    talk = "1 sender" if senders == 1 else f"{senders} senders"
    title = f"{clients} clients, {talk} pipelining 8"
    name = f"fanout-{clients}x{senders}"
    return Case(name, title, "fanout", (CPU, RATE), clients, senders, quick=quick)


CASES = (
    fanout(10, 1),
    fanout(10, 10),
    fanout(100, 1),
    fanout(100, 10, quick=True),
    Case(
        "mixed-100x10",
        "100 clients of five kinds, 10 senders pipelining 8",
        "fanout",
        (CPU, RATE),
        clients=100,
        senders=10,
        quick=True,
        dialects=DIALECTS,
    ),
    fanout(500, 1),
    fanout(500, 10, quick=True),
    Case(
        "unpipelined",
        "100 clients, 1 sender, 1 in flight",
        "fanout",
        (CPU, RATE),
        clients=100,
        window=1,
        quick=True,
    ),
    Case(
        "paced",
        "100 clients, 10 senders, 200 messages/s together",
        "paced",
        (P50, P99, CPU),
        clients=100,
        senders=10,
        stored=True,
    ),
    Case(
        "stored",
        "10 clients, 10 senders, 2000 messages/s together",
        "paced",
        (CPU_MESSAGE, P50, P99),
        clients=10,
        senders=10,
        rate=2000,
        quick=True,
        stored=True,
    ),
    Case(
        "private",
        "20 pairs, private ping-pong",
        "priv",
        (CPU, P50, RATE),
        clients=40,
        window=1,
    ),
    Case("logins", "login storm, 32 at once", "storm", (CPU_LOGIN, LOGINS), clients=32),
    Case("idle", "1000 idle clients", "idle", (MEMORY, THREADS), clients=1000, quick=True),
)


@dataclass(frozen=True)
class Goal:
    """`contestant` stays at or below `limit`: times another figure, or outright.

    That other figure is the one of `reference`, of `reference_case`, or of both; or that of
    `without` is taken off first.
    """

    case: str
    figure: Figure
    contestant: str
    limit: float
    reference: str | None = None
    reference_case: str | None = None
    without: str | None = None

    @property
    def text(self) -> str:
        case = divided(self.case, self.reference_case)
        if self.without:
            return f"{case}: {self.contestant} - {self.without}, {self.figure.label}"
        return f"{case}: {divided(self.contestant, self.reference)}, {self.figure.label}"


def divided(above: str, below: str | None) -> str:
    """How a table says it."""
    return f"{above} ÷ {below}" if below else above


GOALS = (
    Goal("fanout-500x10", CPU, "threads", 0.10, "baseline"),
    Goal("fanout-100x10", CPU, "threads", 1 / 6, "baseline"),
    Goal("fanout-500x10", CPU, "select", 1.0, "threads"),
    Goal("fanout-100x10", CPU, "select", 1.0, "threads"),
    Goal("mixed-100x10", CPU, "threads", 2, reference_case="fanout-100x10"),
    Goal("mixed-100x10", CPU, "select", 2, reference_case="fanout-100x10"),
    Goal("unpipelined", CPU, "threads", 1.3, "baseline"),
    Goal("stored", CPU_MESSAGE, "threads+store", 30, without="threads"),
    Goal("stored", CPU_MESSAGE, "select+store", 30, without="select"),
    Goal("paced", P99, "threads+store", 1.25, "threads"),
    Goal("paced", P99, "select+store", 1.25, "select"),
    Goal("idle", MEMORY, "threads", 60),
)
