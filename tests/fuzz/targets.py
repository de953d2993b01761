"""What is fuzzed, and what must hold for any bytes: both ends of dialects, sessions, TLS, options.

A target is a function that takes bytes and raises when something is wrong. `make fuzz` lets
coverage guide what it is given, the suite gives it a few examples and whatever was found before.
In most targets the bytes are a conversation: 0xFE begins another piece, 0xFD lets the time pass
that makes a chunk of what came; neither can be in UTF-8.
"""

import logging
import re
from collections import defaultdict, deque
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import click

import webtalk
from certificates import Authority
from chatcli.check.scenario import read_all
from chatd.certificates import Certificate
from chatd.dialects import Setting
from chatd.dialects.crlf import CrlfClient
from chatd.dialects.past import moment, shown_stamp
from chatd.dialects.table import CLIENTS, DIALECTS
from chatd.dialects.web import Web
from chatd.dialects.webchat import WebChat
from chatd.events import CommandError, Event, Fetched, Recalled, Request, Users, WireError
from chatd.layers import HANDSHAKE, LayerError, Tls, TlsOrPlain
from chatd.limits import Limits
from chatd.options import Age, ListenType, NetworkType, PaceType, Since
from memory_world import MemoryWorld

CUT, QUIET = b"\xfe", b"\xfd"
_STEPS = re.compile(rb"[^\xfd\xfe]+|\xfd")

SMALL = Limits(line=64, endless=256, web_head=256, web_body=64, web_message=128, web_step=32)
VERBS = frozenset({"login", "rename", "say", "tell", "history", "search", "help", "dance"})
_CODES = ("", "", "", "bad-name", "nick-taken", "full", "no-such-user", "empty-message", "internal")


def steps(data):
    """Read a conversation: pieces of what is sent, None where time passes."""
    return [None if step == QUIET else step for step in _STEPS.findall(data)]


# -- the server's end of a dialect -----------------------------------------------------------------


def server_end(name, data):
    """Nothing raises but errors of the chat; little is held; a cut changes nothing for lines."""
    for framing in ("auto", "chunk") if name not in ("crlf", "json") else ():
        heard(name, framing, steps(data))
    pieces = [step for step in steps(data) if step is not None] or [b""]
    whole = b"".join(pieces)
    assert heard(name, "line", pieces) == heard(name, "line", [whole])
    short = whole[:200]  # more of it takes too long
    bytewise = [short[i : i + 1] for i in range(len(short))] or [b""]
    assert heard(name, "line", bytewise) == heard(name, "line", [short])


def heard(name, framing, pieces):
    """Have a dialect decode pieces; give all that it understood."""
    end = DIALECTS[name](Setting(SMALL, "192.0.2.7:4321", VERBS, framing))
    found = []
    for piece in pieces:
        if piece is not None:
            end.feed(piece)
        elif end.patience is not None:
            end.quiet_passed()
        while (item := _next(end)) is not None or end.heir:
            if item is None:
                end = end.heir
                continue
            found.append(repr(item))
            if isinstance(item, WireError):
                return found
            assert len(found) <= 10 + 2 * sum(map(len, filter(None, pieces))), "it goes on for ever"
        assert held(end) <= 2 * SMALL.line
    return found


def _next(end):
    """Give what was asked next; its outcome depends on nothing but what it is."""
    try:
        item = end.next_request()
    except (CommandError, WireError) as error:
        return error
    if isinstance(item, Request):
        assert all(isinstance(word, str) for word in (item.verb, *item.args))
        code = _CODES[sum(map(len, item.args)) % len(_CODES)]
        for event in end.done(item, CommandError(code, f"it is {code}") if code else None):
            whole_lines(type(end).encode(event, True))
    elif item is not None:
        whole_lines(type(end).encode(item, True))
    return item


def whole_lines(data):
    """Whatever is sent consists of lines of UTF-8 that could not drive a terminal."""
    assert not data or data.endswith(b"\n")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", data.decode().replace("\r\n", "\n"))


def held(thing):
    """Count the bytes and characters that an object keeps, in whatever it is made of."""
    if isinstance(thing, bytes | bytearray | str):
        return len(thing)
    if isinstance(thing, list | tuple | deque):
        return sum(map(held, thing))
    kept = vars(thing) if hasattr(thing, "__dict__") and not isinstance(thing, type) else {}
    return sum(held(value) for name, value in kept.items() if name not in ("setting", "_mode"))


# -- browsers --------------------------------------------------------------------------------------


def web(data, before=b""):
    """As server_end; what is answered is a whole answer, and behind a handshake whole frames.

    Which of its faults a request is refused for may depend on how it was cut.
    """
    pieces = [step for step in steps(data) if step is not None]
    whole = browsed([before, b"".join(pieces)])
    assert browsed([before, *pieces]) == whole
    short = b"".join(pieces)[:300]
    bytewise = [short[i : i + 1] for i in range(len(short))]
    assert browsed([before, *bytewise]) == browsed([before, short])


def browsed(pieces):
    """Have `web` decode pieces; give all that was asked, and how it ended."""
    end = Web(Setting(SMALL, "192.0.2.7:4321", VERBS, origins=()))
    found = []
    for count, piece in enumerate(pieces):
        end.feed(piece)
        while (item := _asked(end)) is not None or end.heir:
            if item is None:
                end = end.heir
            elif isinstance(item, WireError):
                return [*found, "the end"]
            elif not isinstance(item, Fetched):
                found.append(repr(item))
            assert len(found) <= 10 + 2 * sum(map(len, pieces[: count + 1])), "it goes on for ever"
        if isinstance(end, WebChat):
            socket, protocol = end._socket, end._socket._protocol
            waiting = (socket._held, socket._frames, socket._message, protocol.writes)
            assert sum(map(len, (*waiting, protocol.reader.buffer))) <= 2 * SMALL.web_message
        else:
            assert held(end) <= SMALL.web_head + SMALL.web_body
    return found


def _asked(end):
    try:
        item = end.next_request()
    except CommandError as error:
        return error
    except WireError as error:
        if error.farewell:
            _answered(end, error.farewell)
        return error
    if isinstance(item, Request):
        for event in end.done(item, None):
            _answered(end, event)
    elif item is not None:
        _answered(end, item)
    return item


def _answered(end, event):
    """See that what is said is one HTTP answer, or frames that a client understands."""
    told = type(end).encode(event, True)
    if isinstance(end, Web) and not isinstance(event, Fetched):
        response, rest = webtalk.read_response(told)
        assert response.status >= 400
        assert response.body
        assert not rest
    elif not isinstance(end, Web):
        for opcode, payload in webtalk.read_frames(told):
            if opcode is webtalk.TEXT:
                webtalk.read_message(payload)


# -- the client's end ------------------------------------------------------------------------------


def client_end(name, data):
    """It takes whatever a server sends, in any pieces."""
    pieces = [step for step in steps(data) if step is not None]
    assert _told(name, pieces) == _told(name, [b"".join(pieces)])


def _told(name, pieces):
    end = CLIENTS[name]()
    for request in (
        Request("login", ("ala",)),
        Request("users"),
        Request("rooms"),
        Request("tell", ("ola", "hello")),
        Request("join", ("tea",)),
        Request("whoami"),
        Request("history", ("tea",)),
    ):
        end.encode(request)
    end.barrier()
    found = []
    for piece in pieces:
        for event, request in end.feed(piece):
            assert isinstance(event, Event)
            assert isinstance(request, Request | None)
            found.append((event, request))
            if isinstance(event, Recalled):  # which is shown with its time
                shown_stamp(event)
                moment(event.record)
    assert end.passed in (0, end.barriers) or name == "rooms"
    return found, end.settled


# -- a session -------------------------------------------------------------------------------------


def talk(name, data):
    """Whatever two people send, the third one is told in whole lines, and they can all leave.

    The first byte of a piece says whose it is; a piece of nothing else ends that person.
    """
    complaints = _Complaints()
    world = MemoryWorld(
        {"dialect": name, "limits.line": "64", "limits.endless": "256"}, prompt=True
    )
    witness, end = world.connect(), CLIENTS.get(name, CrlfClient)()
    witness.send(end.encode(Request("login", ("witness",))))
    people = {}
    who = 0
    with complaints.heard():
        for step in steps(data):
            if step is not None:
                who = step[0] % 2
            person = people.get(who) or people.setdefault(who, world.connect())
            if step is None:
                person.wait_until_taken()
            elif len(step) > 1:
                person.send(step[1:])
            else:
                people.pop(who).close()
        for person in people.values():
            person.close()
        witness.send(end.encode(Request("users")) + end.barrier())
    assert not complaints.lines
    told = witness.receive()
    whole_lines(told)
    events = [event for event, _ in end.feed(told)]
    assert end.settled
    assert [event.nicks for event in events if isinstance(event, Users)][-1] == ("witness",)


class _Complaints(logging.Handler):
    """What the server has to say of its own mistakes."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(self.format(record))

    def heard(self):
        logger = logging.getLogger("chatd")

        class Hearing:
            def __enter__(_):
                logger.addHandler(self)

            def __exit__(_, *error):
                logger.removeHandler(self)

        return Hearing()


# -- TLS -------------------------------------------------------------------------------------------

_RECORD = 16 * 1024 + 2048
"""Bytes that a record has at most, which OpenSSL waits for the rest of."""


@cache
def _contexts():
    authority = Authority()
    with TemporaryDirectory() as folder:
        server = Certificate(authority.issue(Path(folder)).both).context
    return authority.trust, server


def tls(data):
    """Whatever comes, and when, it is understood, or a LayerError; nothing is said behind one.

    The first byte says which end is played to, and how many flights are as they should be; the next
    one, how they are cut. The rest is laid over the next flight, and then follows it.
    """
    honest, size, rest = data[:1] or b"\0", data[1:2] or b"\0", data[2:]
    trust, context = _contexts()
    peers = [Tls(trust, "localhost"), Tls(context)]
    if honest[0] & 4:
        peers.reverse()
    peer, tested = peers
    peers[honest[0] >> 2 & 1].feed(b"")  # the client begins
    for _ in range(honest[0] & 3):
        tested.feed(_flight(peer))
        peer.feed(tested.take())
    flight = _flight(peer)
    broken = bytes(a ^ b for a, b in zip(flight, rest.ljust(len(flight), b"\0"), strict=False))
    _take(tested, broken + rest, 1 + 16 * size[0])
    if rest[:1] != bytes([HANDSHAKE]):
        _take(TlsOrPlain(context), rest, 1 + size[0])


def _flight(peer):
    """Give what an end has to tell, were it only a message."""
    return peer.take() or peer.seal(b"PUB hello\r\n")


def _take(layer, data, size):
    broken = False
    for start in range(0, len(data), size):
        try:
            layer.feed(data[start : start + size])
        except LayerError:
            broken = True
        layer = layer.heir
        if layer is None:
            return
        layer.take()
        if isinstance(layer, Tls):
            assert layer._incoming.pending <= _RECORD or broken
            assert not layer._outgoing.pending
        if broken:
            break
    sealed = layer.seal(b"secret")
    assert b"secret" not in sealed or not isinstance(layer, Tls)
    assert not (broken and sealed)
    layer.close()


# -- words on the command line ---------------------------------------------------------------------


def options(data):
    """A value that makes no sense is refused in the way in which options are."""
    text = data.decode(errors="surrogateescape")
    for kind in (ListenType(), PaceType(), NetworkType(), Age(), Since()):
        try:
            kind.convert(text, None, None)
        except click.BadParameter as error:
            error.format_message()


# -- all of them, and examples ---------------------------------------------------------------------

TARGETS = {
    **{name: partial(server_end, name) for name in DIALECTS},
    **{f"{name}-client": partial(client_end, name) for name in CLIENTS},
    **{f"{name}-talk": partial(talk, name) for name in DIALECTS},
    "web": web,
    "websocket": partial(web, before=webtalk.handshake()),
    "tls": tls,
    "options": options,
}

OPTIONS = ["crlf=:5000", "slash=[::1]:0?framing=chunk&quiet=50ms", "10/2", "off", "192.168.0.0/16"]
OPTIONS += ["fe80::/10", "90d", "12h", "2026-11-01", "2026-11-01T12:00:00+01:00", "7d"]


def examples(target):
    """Give inputs that make sense, from the scenarios that chatcheck plays."""
    name, _, what = target.partition("-")
    if target == "tls":
        return [bytes([flights, size, *b"PUB hi\r\n"]) for flights in range(8) for size in (0, 255)]
    if target == "web":
        body = webtalk.request("/", "POST", b"LOGIN evil")
        both = CUT.join((body, webtalk.request("/x", "HEAD")))
        return [webtalk.request() * 2, both, webtalk.handshake(Origin="http://evil.example")]
    if target == "websocket":
        frame, asking = webtalk.frame, webtalk.asking
        said = frame(asking("set-name", "ala", "1")) + frame(asking("message", "a\nb"))
        parts = frame("{", fin=False) + frame("", webtalk.PING) + frame("}", webtalk.CONT)
        ends = frame(b"\x03\xe8", webtalk.CLOSE), frame(b"x", webtalk.BINARY), frame("x" * 100)
        return [said, parts, *ends]
    if target == "options":
        return [text.encode() for text in OPTIONS]
    dialects = ("crlf", "json", "words") if name == "auto" else (name,)
    find = {"": _sent, "client": _seen, "talk": _said}[what]
    return [find(scenario) for dialect in dialects for scenario in read_all(dialect)]


_ADDRESSES = defaultdict(lambda: "192.0.2.7:4321", nobody="")


def _sent(scenario):
    return CUT.join(
        step.text.data(_ADDRESSES) for step in scenario.steps if step.verb in (">", ">>")
    )


def _seen(scenario):
    texts = [step.text for step in scenario.steps if step.verb in ("<", "next <", "<<")]
    return b"".join(text.data(_ADDRESSES) + b"\r\n" for text in texts if text.fixed)


def _said(scenario):
    people = list(dict.fromkeys(step.who for step in scenario.steps))
    said = (step for step in scenario.steps if step.verb in (">", ">>"))
    return CUT.join(
        bytes([48 + people.index(step.who) % 2]) + step.text.data(_ADDRESSES) for step in said
    )
