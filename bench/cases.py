"""What is measured: the cases, and the figures taken from each."""

from __future__ import annotations

from dataclasses import dataclass

#: What chatd speaks beside crlf.
DIALECTS = ("json", "slash", "words", "rooms")

ENGINES = ("threads", "select", "asyncio")
OPPONENTS = ("baseline", "floor", "ngircd")
#: What an engine can be measured with: how its name ends then, and how a table says it.
VARIANTS = {"+store": ", with its store", "+tls": ", with TLS"}
EVERYBODY = (*OPPONENTS, *ENGINES)
#: In a case of the growth of cost, where other opponents would only take time.
RIVALS = ("floor", *ENGINES)

#: Members of the room whose growth is looked at.
SIZES = (10, 100, 500, 1000)


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
    `rooms`: the clients are divided among so many, one sender in each; 0: all in one.
    `stalled`: how many clients read nothing.
    `warmup`: seconds before the measurement. `weight`: its length, times that of the others.
    `times`: runs in each round, where one says little.
    `dialects`: what clients that do not send speak in equal shares, beside crlf.
    `web`: all clients speak WebSocket, none of them crlf.
    """

    name: str
    title: str
    mode: str
    figures: tuple[Figure, ...]
    contestants: tuple[str, ...]
    clients: int
    senders: int = 1
    window: int = 8
    rate: int = 200
    rooms: int = 0
    stalled: int = 0
    warmup: float = 0.3
    weight: float = 1.0
    times: int = 1
    quick: bool = False
    dialects: tuple[str, ...] = ()
    web: bool = False

    def arguments(self, most_clients: int, seconds: float) -> list[str]:
        """Write the generator's options, for a server that holds at most `most_clients`."""
        clients = min(self.clients, most_clients)
        options: dict[str, object] = {
            "--mode": self.mode,
            "--clients": clients,
            "--senders": min(self.senders, clients),
            "--window": self.window,
            "--rate": self.rate,
            "--rooms": self.rooms,
            "--stalled": self.stalled,
            "--warmup": self.warmup,
            "--seconds": seconds * self.weight,
        }
        return [str(part) for option in options.items() for part in option]


def with_variant(variant: str) -> tuple[str, ...]:
    """Name the engines, each with this variant."""
    return tuple(engine + variant for engine in ENGINES)


def fanout(clients: int, senders: int, contestants: tuple[str, ...], quick: bool = False) -> Case:
    """Describe `senders` of `clients` in one room pipelining 8 messages each."""
    talk = "1 sender" if senders == 1 else f"{senders} senders"
    title = f"{clients} clients, {talk} pipelining 8"
    name = f"fanout-{clients}x{senders}"
    weight = 2.0 if clients > 1000 else 1.0
    return Case(
        name,
        title,
        "fanout",
        (CPU, RATE),
        contestants,
        clients,
        senders,
        weight=weight,
        quick=quick,
    )


def everybody_talks(clients: int, contestants: tuple[str, ...]) -> Case:
    """Describe one room whose members all talk, each with 1 message in flight."""
    title = f"{clients} clients, all talk, 1 in flight each"
    weight = 2.0 if clients >= 500 else 1.0  # a round of all of them takes long
    return Case(
        f"talk-{clients}",
        title,
        "fanout",
        (CPU, RATE),
        contestants,
        clients,
        clients,
        window=1,
        weight=weight,
    )


def rooms(count: int) -> Case:
    """Describe `count` rooms of 10 members, one of whom pipelines 8 messages."""
    some = "1 room" if count == 1 else f"{count} rooms"
    title = f"{some} of 10 clients, 1 sender in each pipelining 8"
    return Case(
        f"rooms-{count}", title, "fanout", (CPU, RATE), ENGINES, 10 * count, count, rooms=count
    )


def paced(name: str, title: str, contestants: tuple[str, ...], **more: float) -> Case:
    """Describe 100 clients, 10 of whom say 20 messages a second each."""
    case = Case(name, title, "paced", (P99, P50, CPU), contestants, 100, 10, times=2, weight=2.5)
    return Case(**{**case.__dict__, **more})


CASES = (
    fanout(10, 1, RIVALS),
    fanout(100, 1, EVERYBODY),
    fanout(500, 1, RIVALS),
    fanout(1000, 1, RIVALS),
    fanout(10, 10, RIVALS),
    fanout(100, 10, (*EVERYBODY, *with_variant("+tls")), quick=True),
    fanout(500, 10, EVERYBODY),
    fanout(1000, 10, RIVALS),
    fanout(5000, 10, ("floor", "threads", "asyncio")),
    everybody_talks(10, RIVALS),
    everybody_talks(100, EVERYBODY),
    everybody_talks(500, RIVALS),
    everybody_talks(1000, RIVALS),
    Case(
        "unpipelined",
        "100 clients, 1 sender, 1 in flight",
        "fanout",
        (CPU, RATE),
        (*EVERYBODY, *with_variant("+tls")),
        clients=100,
        window=1,
    ),
    Case(
        "mixed-100x10",
        "100 clients of five kinds, 10 senders pipelining 8",
        "fanout",
        (CPU, RATE),
        ENGINES,
        clients=100,
        senders=10,
        quick=True,
        dialects=DIALECTS,
    ),
    Case(
        "web-500x10",
        "500 clients of WebSocket, 10 senders pipelining 8",
        "fanout",
        (CPU, RATE),
        ENGINES,
        clients=500,
        senders=10,
        web=True,
    ),
    rooms(1),
    rooms(10),
    rooms(100),
    paced(
        "paced",
        "100 clients, 10 senders, 200 messages/s together",
        (*EVERYBODY, *with_variant("+store")),
    ),
    paced("slow", "the same, and one client reads nothing", ENGINES, stalled=1, warmup=1.5),
    Case(
        "stored",
        "10 clients, 10 senders, 2000 messages/s together",
        "paced",
        (CPU_MESSAGE, P50, P99),
        (*ENGINES, *with_variant("+store")),
        clients=10,
        senders=10,
        rate=2000,
        weight=2,
        quick=True,
    ),
    Case(
        "private",
        "20 pairs, private ping-pong",
        "priv",
        (CPU, P50, RATE),
        EVERYBODY,
        clients=40,
        window=1,
    ),
    Case(
        "logins",
        "login storm, 32 at once",
        "storm",
        (LOGINS, CPU_LOGIN),
        EVERYBODY,
        clients=32,
    ),
    Case(
        "idle",
        "1000 idle clients",
        "idle",
        (MEMORY, THREADS),
        (*EVERYBODY, *with_variant("+tls")),
        clients=1000,
        weight=0.5,
        quick=True,
    ),
    Case(
        "idle-10000",
        "10 000 idle clients",
        "idle",
        (MEMORY, THREADS),
        ("floor", "asyncio"),
        clients=10_000,
        weight=0.5,
    ),
)
