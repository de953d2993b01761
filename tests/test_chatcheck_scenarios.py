"""The format of scenarios: texts, patterns, titles, names; and that all files keep to it."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcli.check import matching
from chatcli.check.report import DOCUMENTS, titles
from chatcli.check.scenario import ENDS, paragraphs, read, read_all
from chatcli.check.text import expected, sent
from requirements import required

each_dialect = pytest.mark.parametrize("dialect", list(ENDS))
REQUIREMENTS = required()
ADDRESSES = {"ala": "127.0.0.1:50000"}


# -- texts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pattern, ours, theirs, not_theirs",
    [
        ("OK", "OK", ["OK"], ["OK!", "ok", ""]),
        ("PUB_MSG {~hello}", "PUB_MSG hello", ["PUB_MSG x"], ["PUB_MSG ", "hello"]),
        ("ala{? }: hi", "ala: hi", ["ala: hi", "ala : hi"], ["ala  : hi"]),
        ("USERS {*}ala", "USERS ala", ["USERS ala", "USERS eva ala"], ["USERS ala eva"]),
        ("USERS ala{* ola}", "USERS ala ola", ["USERS ala", "USERS ala x"], ["USERS x"]),
        ("{~Hello {?dear }ala}!", "Hello ala!", ["x!"], ["!"]),
        (r"\x41\u0142{b*3}\s", "Ałbbb ", ["Ałbbb "], ["Ałbb "]),
        ("{address ala} came", "127.0.0.1:50000 came", ["127.0.0.1:50000 came"], [" came"]),
        ('{"a":{"b":"{~c}"}}', '{"a":{"b":"c"}}', ['{"a":{"b":"x"}}'], ['{"a":{"b":""}}']),
    ],
)
def test_patterns(pattern, ours, theirs, not_theirs):
    text = expected(pattern)
    assert text.data(ADDRESSES) == ours.encode()
    assert re.fullmatch(text.regex(ADDRESSES, strict=True), ours)
    for each in theirs:
        assert re.fullmatch(text.regex(ADDRESSES, strict=False), each), each
    for each in not_theirs:
        assert not re.fullmatch(text.regex(ADDRESSES, strict=False), each), each


def test_what_can_be_many_things_has_no_bytes():
    assert not expected("a {~b {any}}").fixed
    with pytest.raises(ValueError):
        expected("a {any}").data()


def test_what_is_sent_has_no_patterns():
    assert sent("{any} {~x} {*} {address ala}").data(ADDRESSES) == b"{any} {~x} {*} 127.0.0.1:50000"


@given(st.binary())
def test_any_bytes_can_be_sent(data):
    source = "".join(f"\\x{byte:02x}" for byte in data)
    assert sent(source).data() == data


def test_a_brace_that_is_not_closed_is_refused():
    with pytest.raises(ValueError, match="brace"):
        expected("{~abc")


# -- looking for them in what was seen -----------------------------------------------------------


def found(dialect, pattern, seen, start=0):
    return matching.lenient(expected(pattern), dialect, ADDRESSES)(seen, start)


def test_in_crlf_a_text_is_a_whole_line():
    assert found("crlf", "OK", b"x\r\nOK\r\nOK") == 7
    assert found("crlf", "OK", b"x\nOK\nOK") == 5
    assert found("crlf", "OK", b"OKAY\r\n") is None
    assert found("crlf", "OK", b"OK") is None
    assert found("crlf", "OK", b"OK\r\nx\r\n", 4) is None
    assert found("crlf", "a b", b" a b \t\r\n") == 8  # S0-09
    assert found("crlf", r"a\s", b"a \r\n") == 4


def test_in_json_values_are_compared():
    wanted = '{"type":"message","data":{"source":"ala","message":"{~hi}"}}'
    assert found(
        "json", wanted, b'{ "data" : {"message":"x","source":"\\u0061la"},"type":"message"}\n'
    )
    assert not found("json", wanted, b'{"type":"message","data":{"source":"ola","message":"x"}}\n')
    assert not found("json", wanted, b'{"type":"message","data":"ala"}\n')
    assert not found("json", wanted, b"no json\n[]\n")


@pytest.mark.parametrize("dialect", ["slash", "words", "rooms"])
def test_in_the_others_a_text_may_be_anywhere(dialect):
    assert found(dialect, "3 ala: hi", b"Welcome!3 ala: hi3 ola: yes") == 17
    assert found(dialect, "zażółć", "ą zażółć".encode()) == 13
    assert found(dialect, "hi{any}o", b"hi\no") is None


@pytest.mark.parametrize(
    "dialect, seen, right",
    [("crlf", b"x\nOK\n", False), ("crlf", b"OK\n", True)]
    + [("words", b"x\nOK", False), ("words", b"\nOK", True)],
)
def test_next_is_before_all_else(dialect, seen, right):
    assert bool(matching.directly(expected("OK"), dialect, {})(seen, 0)) is right


def test_exactly_looks_at_every_byte():
    find = matching.exactly(expected(r"O{~K}\r\n"), {})
    assert find(b"xOK\r\n", 1) == 5
    assert find(b"xOK\n", 1) is None
    assert find(b"xOK\r\n", 0) is None


# -- scenarios -----------------------------------------------------------------------------------


def scenario(tmp_path, text, dialect="crlf"):
    path = tmp_path / "some.txt"
    path.write_text(text, encoding="utf-8")
    (one,) = read(path, dialect)
    return one


def test_a_scenario(tmp_path):
    one = scenario(
        tmp_path,
        "# S0-17 [S] No echo\n# also S0-20\nserver: greeting=Hej hej\nneeds: LIST, OK\n"
        "logged in: ala ola\nala > PUB hi\nola next < {~PUB_MSG }hi\nala stops sending\n",
    )
    assert (one.requirement, one.level, one.title) == ("S0-17", "S", "No echo")
    assert one.place == "some.txt:1"
    assert one.settings == {"greeting": "Hej hej"}
    assert one.needs == ["LIST", "OK", "logging in"]
    assert [(step.line, step.who, step.verb, str(step.text)) for step in one.steps] == [
        (5, "ala", "logged in", ""),
        (5, "ola", "logged in", ""),
        (6, "ala", ">", "PUB hi\r\n"),
        (7, "ola", "next <", "{~PUB_MSG }hi"),
        (8, "ala", "stops sending", ""),
    ]


def test_names_can_be_made_unique(tmp_path):
    one = scenario(
        tmp_path,
        "names: basia\nrooms: games\nala > LOGIN ALA\n"
        r"ala < {~ala} alas \uff41la basia,games {address ala} \nala",
    )
    first, second = one.renamed("7")
    assert (first.who, str(first.text)) == ("ala7", "LOGIN ALA7\r\n")
    assert str(second.text) == "{~ala7} alas \uff41la7 basia7,games7 {address ala7} \nala7"


@each_dialect
def test_lines_end_as_in_their_dialect(tmp_path, dialect):
    one = scenario(tmp_path, "ala > hi", dialect)
    assert one.steps[0].text.data() == b"hi" + ENDS[dialect].encode()


def test_only_marked_blocks_of_a_page_are_read(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "text\n```transcript\nala > x\n\nola > y\n```\n```\nno\n```\n", encoding="utf-8"
    )
    assert [paragraph.lines for paragraph in paragraphs(page)] == [
        [(3, "ala > x")],
        [(5, "ola > y")],
    ]


# -- the files -----------------------------------------------------------------------------------


@each_dialect
def test_every_dialect_has_scenarios(dialect):
    assert read_all(dialect)


@each_dialect
def test_every_scenario_blames_a_requirement_of_its_dialect(dialect):
    for one in read_all(dialect):
        assert one.requirement in REQUIREMENTS, f"{one.place}: the title is `# S0-17 [S] Its text`"
        assert one.requirement.partition("-")[0] in (DOCUMENTS[dialect], "D"), one.place
        assert one.level in ("P" if one.requirement.startswith("D") else "SOXP"), one.place


@each_dialect
def test_what_is_needed_is_shown_once(dialect):
    scenarios = read_all(dialect)
    shown = [one.shows for one in scenarios if one.shows]
    assert len(set(shown)) == len(shown)
    for one in scenarios:
        assert set(one.needs) <= {*shown, "logging in"}, one.place


def test_all_requirements_have_titles():
    wire = {number for number in REQUIREMENTS if number[0] not in "RW"}
    assert set(titles()) == wire


def test_titles_have_the_tags_of_the_documentation():
    tags = {"S": "stated", "O": "observed", "P": "decided"}
    path = Path(matching.__file__).parent / "scenarios" / "requirements.txt"
    for number, tag in re.findall(
        r"^(\S+) \[(\w)\]", path.read_text(encoding="utf-8"), re.MULTILINE
    ):
        assert tags[tag] in REQUIREMENTS[number], number
