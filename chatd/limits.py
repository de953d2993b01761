"""Every bound of the server, each with its reason."""

from typing import Literal

from msgspec import Struct

Framing = Literal["auto", "line", "chunk"]
"""What ends a message: an LF, the end of what one recv brought, or what the client shows."""

Security = Literal["auto", "only", "off"]
"""TLS for those who begin with it, for all, or for nobody."""

KIB = 1024
MIB = 1024 * KIB


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds on what clients may do; sizes in bytes, times in seconds."""

    line: int = 4 * KIB
    """Longest message, without its line end: eight times IRC's, far below one batch."""

    endless: int = MIB
    """Bytes of one line after which the peer is no chat client and is disconnected."""

    outbox: int = 256 * KIB
    """Unsent bytes a client may leave with us before it is dropped. Above half of it the client
    counts as congested, and fast senders wait for it."""

    stall: float = 2.0
    """How long a client may stay congested: longer than a Wi-Fi hiccup, short enough that the
    senders who wait for it do not take the server for dead."""

    unsent: float = 30.0
    """How long a client may leave a byte with us, be it the only one; looked at once in that time,
    so a minute at most. With what the kernel holds before it, no hiccup lasts as long."""

    waiting: int = 16 * KIB
    """Bytes that are read behind a request that waits its turn; what is more waits in the
    client's own program."""

    per_address: int = 64
    """Connections at a time from one address: a school class behind one router, not a botnet."""

    arrivals: int = 300
    """New connections a minute from one address: thirty browsers that open the page, with seven
    each, and some that load it again."""

    neighbours: int = 5
    """Sessions' worth of requests that all those of one address may make together: a household,
    or an office at its usual speed; of a flood, more connections make no more."""

    past: int = 4
    """How many times slower than all else questions about the past are taken, half as many at
    once: a line of one can have the store search, and 64 KiB for an answer. So is `debug`, which
    writes some KiB into the log."""

    batch: int = 64 * KIB
    """Messages delivered in one go. Much smaller batches cost sends, larger ones would take a
    reading client past half of its outbox in one step."""

    log_bytes: int = 64 * KIB
    """Undelivered messages above which fast senders wait: with one batch on its way it still
    fits into half an outbox."""

    log_entries: int = 2000
    """The same, in entries: bounds the time one batch of tiny messages takes."""

    calm_rate: int = 2 * KIB
    """Bytes a client may send per second without waiting for those who lag behind: no person
    types as fast, and a listener has to keep up with that much from each of many."""

    free_rate: int = 64 * KIB
    """Bytes said per second before fast senders wait while somebody lags behind: theirs and
    everybody's together, since each adds to the same outboxes."""

    sndbuf: int = 128 * KIB
    """Kernel send buffer per client. Left alone the kernel grows it to 4 MB, which hides slow
    readers from the outbox bound."""

    login: float = 30.0
    """From accept to login, whatever bytes arrive meanwhile; of pages, from one to the next."""

    login_typed: float = 120.0
    """The same where people type their way in, question by question."""

    door_lines: int = 50
    """Messages before login: several times what any dialogue asks for, with many mistakes. Pages
    that were answered do not count."""

    quiet: float = 0.03
    """Without a byte for so long, data that has no line end is a chunk of its own (SPEC D-2)."""

    first_byte: float = 0.3
    """Where TLS and plain clients share a port, how long a dialect that greets waits for the first
    byte, which tells them apart: a round trip to the other side of the world, noticed by nobody."""

    linger: float = 2.0
    """From the last byte sent to a client until its side must have closed too."""

    command: float = 10.0
    """How long a command declared `blocks=True` may run before its caller is told it failed."""

    workers: int = 16
    """Threads for blocking commands; hung ones included, so a bad plugin cannot eat memory."""

    moderator_workers: int = 10
    """Further ones for those of moderators: a ban waits for none of the others."""

    web_workers: int = 4
    """Threads for web pages: each takes a millisecond, most of it the interpreter's own time."""

    web_idle: float = 3.0
    """How long a connection of HTTP may be without a request. Browsers leave six behind a page,
    of the places of their address; a slow link needs some time to take the last answer."""

    web_head: int = 16 * KIB
    """Bytes of a request's head: four times what browsers send."""

    web_body: int = 16 * KIB
    """Bytes of a request's body: a form with a few words in it."""

    web_message: int = 64 * KIB
    """Bytes of a WebSocket message above which the connection ends; those of more than `line` are
    only refused."""

    web_step: int = KIB
    """Bytes of a WebSocket that are taken in one step. Frames of which no message came cost as much
    as a question then: pings and parts of messages may be empty, and nobody else waits for them."""

    web_silence: float = 1.0
    """After which whoever opened a WebSocket and says nothing is let in as a guest: pages have said
    who they are by then."""

    web_queue: int = 1000
    """Requests for pages that may wait for one of them: about a second's worth."""

    failures: int = 10
    """Times in a row that a plugin's commands or filters, or a tap, may fail before it is switched
    off: not for one odd message, but before its tracebacks bury the log."""

    drain: float = 10.0
    """For clients to take their last bytes when the server stops; `stall` holds then, too."""

    clients: int = 10_000
    """Registered users. What a process can hold depends on files and memory: see --max-clients."""

    reserved: int = 10
    """Users beyond that, if they are moderators: a full server does not keep them out."""

    bans: int = 1000
    """Bans and mutes in force: more than a list that people read, few enough to look through."""

    reason: int = 200
    """Characters of a moderator's reason: two lines of a terminal, so that lists stay short."""

    tries: int = 5
    """Attempts to become a moderator that one address may make at once: people mistype."""

    tries_again: int = 3
    """The same a minute from then on: eight random letters take longer than anybody lives."""

    door: int = 1024
    """Connections that are not logged in yet, as many as one accept queue holds."""

    rooms: int = 10_000
    """Rooms in all: an empty room persists until its place is needed by a new one."""

    rooms_per_user: int = 100
    """Rooms one user may be in."""

    backlog: int = 100
    """Events remembered per room, for those who ask for its history."""

    backlog_bytes: int = 64 * KIB
    """The same, in bytes: a hundred of the longest messages would be seven times as much."""

    tap_queue: int = 10_000
    """Events waiting for a tap that cannot keep up; beyond that they are counted and left out."""

    store_queue: int = 20_000
    """Events waiting for the store: minutes of a busy chat, or a burst while the disk hangs."""

    store_queue_bytes: int = 16 * MIB
    """The same, in bytes."""

    page: int = 500
    """Messages that one question about the history may ask for."""

    hits: int = 10
    """Messages that a search gives, with one before and one after each."""

    settle: float = 2.0
    """How long such a question waits until the newest messages are stored: more than one commit."""

    health: float = 3.0
    """How long /healthz waits for the store: more than `settle`, less than most probes do."""

    samples: int = 720
    """Samples of users, messages and unsent bytes that /admin draws: an hour, one each 5 s."""

    logins: int = 16
    """Logins to /admin at a time, of all moderators and browsers; a new one ends the oldest."""

    login_lasts: float = 12 * 60 * 60.0
    """How long a login to /admin holds: a day's work."""

    shown: int = 100
    """Sessions and rooms that /admin lists: more is read by nobody, and found by its search."""

    shown_names: int = 20
    """Members of a room that it names, and rooms of a session."""

    tail: int = 100
    """Lines of the log that /admin lists: what an operator reads, not an archive."""

    tail_bytes: int = 64 * KIB
    """The same, in bytes: more than as many of the longest lines that users can cause."""

    books: int = 100
    """Connections, and users, that `debug` names in the log: anybody may ask, at the door even."""
