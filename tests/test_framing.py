"""Lines and chunks out of a byte stream: bounds, and the same lines however it is cut."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.dialects import framing
from chatd.dialects.framing import ChunkSplitter, LineSplitter
from chatd.events import CommandError, WireError

LIMIT = 8
ENDLESS = 24


def drain(splitter):
    """Take all that is ready: lines, and the codes of errors; nothing behind the end."""
    next_one = splitter.next_line if isinstance(splitter, LineSplitter) else splitter.next_message
    found = []
    while True:
        try:
            line = next_one()
        except CommandError as error:
            found.append(error.code)
        except WireError as error:
            return [*found, error.code]
        else:
            if line is None:
                return found
            found.append(line)


def split(*pieces, limit=LIMIT, endless=ENDLESS):
    """Feed pieces, looking for lines after each one."""
    splitter = LineSplitter(limit, endless)
    found = []
    for piece in pieces:
        splitter.feed(piece)
        found += drain(splitter)
        if found[-1:] == ["endless"]:
            break
    return found


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"half", []),
        (b"\n", [b""]),
        (b"\r\n", [b""]),
        (b"one\r\ntwo\nthree", [b"one", b"two"]),
        (b"a\rb\n", [b"a\rb"]),
        (b"a\r\r\n", [b"a\r"]),
        (b"\n\r\n\n", [b"", b"", b""]),
    ],
)
def test_a_line_ends_in_lf_and_a_cr_before_it_is_cut_off(data, lines):
    assert split(data) == lines


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("bytewise", [False, True])
def test_a_line_may_be_as_long_as_the_limit_and_not_a_byte_longer(end, bytewise):
    for size, expected in [(LIMIT, [b"x" * LIMIT]), (LIMIT + 1, ["too-long"])]:
        data = b"x" * size + end
        pieces = [data[i : i + 1] for i in range(len(data))] if bytewise else [data]
        assert split(*pieces) == expected
        assert split(*pieces, b"next\n") == [*expected, b"next"]


def test_a_second_cr_counts_as_part_of_the_line():
    assert split(b"x" * LIMIT + b"\r\r\n") == ["too-long"]
    assert split(b"x" * LIMIT, b"\r", b"\r", b"\n") == ["too-long"]


def test_an_over_long_line_is_reported_once_and_before_it_ends():
    splitter = LineSplitter(LIMIT, ENDLESS)
    splitter.feed(b"before\n" + b"x" * (LIMIT + 2))
    assert drain(splitter) == [b"before", "too-long"]
    splitter.feed(b"x" * LIMIT)
    assert drain(splitter) == []
    splitter.feed(b"rest\nafter\n")
    assert drain(splitter) == [b"after"]


def test_the_error_names_the_limit():
    splitter = LineSplitter(LIMIT, ENDLESS)
    splitter.feed(b"x" * 20 + b"\n")
    with pytest.raises(CommandError, match="^line is longer than 8 bytes$"):
        splitter.next_line()


def test_an_endless_line_ends_all_at_its_bound_and_not_before():
    splitter = LineSplitter(LIMIT, ENDLESS)
    splitter.feed(b"x" * ENDLESS)
    assert drain(splitter) == ["too-long"]
    splitter.feed(b"x")
    assert drain(splitter) == ["endless"]


def test_the_bytes_of_ended_lines_do_not_add_up_to_an_endless_one():
    long = b"x" * (ENDLESS - 4)
    assert split(*[long, b"\n"] * 5, b"fine\n") == ["too-long"] * 5 + [b"fine"]


def test_a_line_beyond_the_endless_bound_is_endless_also_when_its_end_came_with_it():
    assert split(b"x" * (ENDLESS + 1) + b"\n") == ["too-long", "endless"]
    assert split(b"x" * 20, b"x" * 20 + b"\n") == ["too-long", "endless"]


def expected(data):
    """Say what the stream holds, by looking at all of it."""
    found = []
    *lines, tail = data.split(b"\n")
    for line in lines:
        found += judged(line, line.removesuffix(b"\r"))
        if found[-1:] == ["endless"]:
            return found
    # Of an unfinished line the last byte may still turn out to be the CR of its end.
    return found + judged(tail, tail[:-1], whole=False)


def judged(raw, line, whole=True):
    if len(line) <= LIMIT:
        return [line] if whole else []
    return ["too-long", "endless"] if len(raw) > ENDLESS else ["too-long"]


def cut(stream, data):
    """Cut the stream somewhere, also into pieces of nothing."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


@given(
    st.lists(st.sampled_from([b"x", b"xxx", b"x" * 8, b"x" * 30, b"\r", b"\n", b"\r\n"])).map(
        b"".join
    ),
    st.data(),
)
def test_any_split_of_the_stream_gives_the_same_lines_and_errors(stream, data):
    assert split(*cut(stream, data)) == expected(stream)
    assert split(*(stream[i : i + 1] for i in range(len(stream)))) == expected(stream)


@pytest.mark.parametrize("kind", [LineSplitter, ChunkSplitter])
@pytest.mark.parametrize("piece", [100, 16 * 1024])
def test_memory_stays_below_the_limit_and_one_feed(piece, kind):
    """R-06: what is thrown away is not kept."""
    splitter = kind(4096, 2**20)
    data = b"x" * piece
    tracemalloc.start()
    try:
        for _ in range(2**20 // piece):
            splitter.feed(data)
            drain(splitter)
        size, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 4096 + piece + 2048  # for the objects themselves


class Counting(bytearray):
    """Counts the bytes that its methods look at."""

    looked_at = 0

    def __iadd__(self, data):
        Counting.looked_at += len(data)
        return super().__iadd__(data)

    def __bytes__(self):
        Counting.looked_at += len(self)
        return bytes(memoryview(self))


def count_all_of_it(name):
    method = getattr(bytearray, name)

    def call(self, *args):
        Counting.looked_at += len(self)
        return method(self, *args)

    setattr(Counting, name, call)


for name in ("__contains__", "endswith", "find", "index", "partition", "rfind", "split"):
    count_all_of_it(name)


@pytest.mark.parametrize("kind", [LineSplitter, ChunkSplitter])
def test_no_byte_is_looked_at_again_with_each_piece_that_follows(monkeypatch, kind):
    """R-06: work is linear: a line that drips costs what the same line costs in one piece."""
    monkeypatch.setattr(framing, "bytearray", Counting, raising=False)
    monkeypatch.setattr(Counting, "looked_at", 0)
    splitter = kind(4096, 2**20)
    total = 0
    for line in (b"x" * 4000 + b"\n", b"y" * 9000 + b"\n", b"z" * 4000 + b"\n"):
        for i in range(len(line)):
            splitter.feed(line[i : i + 1])
        total += len(line)
    assert drain(splitter) == [b"x" * 4000, "too-long", b"z" * 4000]
    assert 8000 < Counting.looked_at < 3 * total


# -- clients that may end their messages with nothing -----------------------------------------

QUIET = None
"""A step of a client: it sends nothing until the timer, if one runs, has run out."""


def hear(*steps, framing="auto", limit=LIMIT):
    """Feed each step, and let time pass where it says QUIET; return all that was found."""
    splitter = ChunkSplitter(limit, ENDLESS, framing)
    return [found for step in steps for found in step_of(splitter, step)]


def step_of(splitter, step):
    if step is not QUIET:
        splitter.feed(step)
    elif splitter.patience is not None:
        splitter.quiet_passed()
    return drain(splitter)


def test_data_that_stay_alone_for_the_quiet_time_are_a_chunk():
    """D-2: 30 ms, unless it is set; the timer runs for them and for nothing else."""
    splitter = ChunkSplitter(LIMIT, ENDLESS)
    assert splitter.patience is None
    splitter.feed(b"login")
    assert (splitter.patience, drain(splitter)) == (0.03, [])
    splitter.feed(b" me")
    assert (splitter.patience, drain(splitter)) == (0.03, [])
    splitter.quiet_passed()
    assert (splitter.patience, drain(splitter)) == (None, [b"login me"])
    splitter = ChunkSplitter(LIMIT, ENDLESS, quiet=2)
    splitter.feed(b"login")
    assert splitter.patience == 2


def test_in_a_chunk_session_each_feed_is_a_message_at_once():
    """D-2: no timer runs for it."""
    splitter = ChunkSplitter(LIMIT, ENDLESS)
    assert step_of(splitter, b"one") + step_of(splitter, QUIET) == [b"one"]
    for data in (b"two", b"three", b" "):
        splitter.feed(data)
        assert (splitter.patience, drain(splitter)) == (None, [data])


@pytest.mark.parametrize(
    ("steps", "messages"),
    [
        ([b"one\n", b"two", QUIET, b"\n"], [b"one", b"two"]),
        ([b"one\r\ntwo", QUIET, b" 2\r\n"], [b"one", b"two 2"]),
        ([b"o", b"ne\n", b"two", QUIET, b"three\n"], [b"one", b"twothree"]),
        ([b"\n", b"one", QUIET, b"\n"], [b"", b"one"]),
    ],
)
def test_an_lf_makes_it_a_line_session_for_good(steps, messages):
    """D-2: one that sends an LF ends its messages, and no timer does."""
    assert hear(*steps) == messages


def test_an_lf_makes_a_chunk_session_a_line_session_for_good():
    """D-2: until it sends an LF after all; what follows the LF waits for the next one."""
    first = [b"one", QUIET, b"two"]
    assert hear(*first, b"a\nb", QUIET) == [b"one", b"two", b"a"]
    assert hear(*first, b"a\nb", QUIET, b"c", QUIET, b"d\n") == [b"one", b"two", b"a", b"bcd"]
    assert hear(*first, b"\n", b"a", QUIET, b"\n") == [b"one", b"two", b"", b"a"]


@pytest.mark.parametrize("end", [[b"\n"], [b"\r\n"], [b"\r", b"\n"], [b"\r", b"", QUIET, b"\n"]])
def test_the_end_of_line_that_comes_behind_a_timed_out_chunk_is_swallowed(end):
    """D-2: whole or in two parts. The client ends its lines, so it is a line session then."""
    first = [b"one", QUIET, b"", QUIET]
    assert hear(*first, *end) == [b"one"]
    assert hear(*first, *end, b"two", QUIET) == [b"one"]
    assert hear(*first, *end, b"two\n") == [b"one", b"two"]
    assert hear(*first, *end[:-1], end[-1] + b"two\nthree", QUIET) == [b"one", b"two"]
    assert hear(*first, *end, b"\n") == [b"one", b""]
    assert hear(b"one\r", QUIET, b"\n", b"two\n") == [b"one", b"two"]


def test_only_an_end_of_line_directly_behind_the_timed_out_chunk_is_swallowed():
    """D-2: and a CR alone is none; it belongs to what follows it."""
    assert hear(b"one", QUIET, b"two\n") == [b"one", b"two"]
    assert hear(b"one", QUIET, b"two", b"\n") == [b"one", b"two", b""]
    assert hear(b"one", QUIET, b"\r", b"two", b"\n") == [b"one", b"\rtwo", b""]
    assert hear(b"one", QUIET, b"\rtwo", b"three") == [b"one", b"\rtwo", b"three"]


@pytest.mark.parametrize("character", ["ż", "€", "😀"])
def test_no_chunk_ends_inside_a_utf_8_sequence(character):
    """D-2: no timer runs until it completes; in a chunk session it is joined with the rest."""
    whole = character.encode()
    for cut in range(1, len(whole)):
        for first in ([], [b"one", QUIET]):
            found = [b"one"] if first else []
            begun = [*first, b"a" + whole[:cut], QUIET, b"", QUIET]
            assert hear(*begun) == found
            assert hear(*begun, whole[cut:], QUIET) == [*found, b"a" + whole]
            assert hear(*begun, whole[cut:] + b"b", QUIET) == [*found, b"a" + whole + b"b"]
        drips = [whole[i : i + 1] for i in range(len(whole))]
        assert hear(b"one", QUIET, *drips, *drips) == [b"one", whole, whole]


def test_the_timer_runs_again_when_the_sequence_is_complete():
    """D-2: and when what follows shows that it was no UTF-8."""
    for rest in (b"\xbc", b"a"):
        splitter = ChunkSplitter(LIMIT, ENDLESS)
        splitter.feed(b"\xc5")
        assert splitter.patience is None
        splitter.quiet_passed()
        assert drain(splitter) == []
        splitter.feed(rest)
        assert splitter.patience == 0.03


def test_what_is_no_utf_8_at_all_is_not_waited_for():
    """D-2: nothing can complete it. An LF ends a message in any case."""
    for data in (b"\xff", b"\xbc", b"\xc0", b"\xe0\x80", b"\xc5a"):
        assert hear(data, QUIET, data) == [data, data]
    assert hear(b"one", QUIET, b"\xc5", b"\n") == [b"one", b"\xc5"]


def test_framing_line_never_has_a_timer():
    """D-2: the option forces the mode."""
    splitter = ChunkSplitter(LIMIT, ENDLESS, "line")
    splitter.feed(b"one")
    assert splitter.patience is None
    splitter.quiet_passed()
    assert drain(splitter) == []
    splitter.feed(b"\ntwo\nth")
    assert drain(splitter) == [b"one", b"two"]


def test_framing_chunk_makes_each_feed_a_message_whatever_is_in_it():
    """D-2: the option forces the mode; an LF at the end is cut off, and one inside divides."""
    splitter = ChunkSplitter(LIMIT, ENDLESS, "chunk")
    for data, messages in [
        (b"one", [b"one"]),
        (b"one\n", [b"one"]),
        (b"one\r\n", [b"one"]),
        (b"a\nb", [b"a", b"b"]),
        (b"a\r\n\nb\n", [b"a", b"", b"b"]),
        (b"", []),
        (b"a\n\xc5", [b"a"]),
        (b"\xbc", [b"\xc5\xbc"]),
        (b"\n", [b""]),
        (b"one", [b"one"]),
    ]:
        splitter.feed(data)
        assert (drain(splitter), splitter.patience) == (messages, None)


@pytest.mark.parametrize("size", [LIMIT + 1, LIMIT + 2, ENDLESS])
def test_an_over_long_chunk_is_one_error(size):
    """D-2: and the next one is a message again."""
    long = b"x" * size
    assert hear(long, QUIET, b"one") == ["too-long", b"one"]
    assert hear(b"one", QUIET, long, long, b"two") == [b"one", "too-long", "too-long", b"two"]
    assert hear(long, long, b"one", framing="chunk") == ["too-long", "too-long", b"one"]
    assert hear(b"x" * LIMIT, QUIET, b"y" * LIMIT) == [b"x" * LIMIT, b"y" * LIMIT]


def test_an_over_long_chunk_does_not_end_inside_a_utf_8_sequence():
    """D-2: its last character is not taken for a message of its own."""
    long = "żżżżżżżż".encode()
    assert hear(b"one", QUIET, long[:-1], long[-1:], b"two") == [b"one", "too-long", b"two"]
    assert hear(long[:-1], QUIET, long[-1:], QUIET, b"two") == ["too-long", b"two"]


@pytest.mark.parametrize("first", [[], [b"one", QUIET]])
def test_what_never_ends_is_endless(first):
    """D-2: data that keep coming before the timer is out, or sequences that never complete."""
    found = [b"one"] if first else []
    pieces = [b"a\xc5"] * (ENDLESS // 2)
    assert hear(*first, *pieces) == [*found, "too-long"]
    assert hear(*first, *pieces, b"x") == [*found, "too-long", "endless"]


def with_quiet(pieces, data):
    """Let time pass between some of the pieces."""
    return [step for piece in pieces for step in [piece, *data.draw(some_quiet)]]


some_quiet = st.lists(st.just(QUIET), max_size=1)
lines = st.lists(st.binary().filter(lambda line: b"\n" not in line and line[-1:] != b"\r"))


@given(lines, st.sampled_from([b"\n", b"\r\n"]), st.data())
def test_lines_are_the_same_however_they_are_cut(lines, end, data):
    """D-2: as long as the first LF comes before the quiet."""
    pieces = cut(b"".join(line + end for line in lines), data)
    ended = next((i for i, piece in enumerate(pieces) if b"\n" in piece), len(pieces))
    steps = [*pieces[:ended], *with_quiet(pieces[ended:], data)]
    assert hear(*steps, limit=2**20) == lines
    assert hear(*with_quiet(pieces, data), limit=2**20, framing="line") == lines


framings = st.sampled_from(["auto", "line", "chunk"])
streams = st.lists(st.sampled_from("aż😀\r\n".encode() + b"\xff")).map(bytes)


@given(streams, st.data(), framings)
def test_nothing_but_ends_of_lines_is_lost_and_nothing_comes_twice(stream, data, framing):
    """D-2: whenever the timer runs out."""
    steps = with_quiet(cut(stream, data), data)
    messages = hear(*steps, b"\n", limit=2**20, framing=framing)
    assert not any(b"\n" in message for message in messages)
    assert b"".join(messages).replace(b"\r", b"") == stream.translate(None, b"\r\n")
    with_something = [step for step in steps if step != b""]
    assert hear(*with_something, b"\n", limit=2**20, framing=framing) == messages


@given(st.text(st.sampled_from("aż€😀\n\r")), st.data(), framings)
def test_no_message_of_valid_utf_8_is_anything_else(text, data, framing):
    """D-2: however it is cut and whenever the timer runs out."""
    for message in hear(*with_quiet(cut(text.encode(), data), data), limit=2**20, framing=framing):
        message.decode()
