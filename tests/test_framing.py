"""Lines out of a byte stream: bounds, and the same result however the stream is cut."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.dialects import framing
from chatd.dialects.framing import LineSplitter
from chatd.events import CommandError, WireError

LIMIT = 8
ENDLESS = 24


def drain(splitter):
    """Take all that is ready: lines, and the codes of errors; nothing behind the end."""
    found = []
    while True:
        try:
            line = splitter.next_line()
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


@given(
    st.lists(st.sampled_from([b"x", b"xxx", b"x" * 8, b"x" * 30, b"\r", b"\n", b"\r\n"])).map(
        b"".join
    ),
    st.data(),
)
def test_any_split_of_the_stream_gives_the_same_lines_and_errors(stream, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert split(*pieces) == expected(stream)
    assert split(*(stream[i : i + 1] for i in range(len(stream)))) == expected(stream)


@pytest.mark.parametrize("piece", [100, 16 * 1024])
def test_memory_stays_below_the_limit_and_one_feed(piece):
    splitter = LineSplitter(4096, 2**20)
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


def test_no_byte_is_looked_at_again_with_each_piece_that_follows(monkeypatch):
    """Work is linear: a line that drips costs what the same line costs in one piece."""
    monkeypatch.setattr(framing, "bytearray", Counting, raising=False)
    monkeypatch.setattr(Counting, "looked_at", 0)
    splitter = LineSplitter(4096, 2**20)
    total = 0
    for line in (b"x" * 4000 + b"\n", b"y" * 9000 + b"\n", b"z" * 4000 + b"\n"):
        for i in range(len(line)):
            splitter.feed(line[i : i + 1])
        total += len(line)
    assert drain(splitter) == [b"x" * 4000, "too-long", b"z" * 4000]
    assert 8000 < Counting.looked_at < 3 * total
