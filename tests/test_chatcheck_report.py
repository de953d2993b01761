"""What chatcheck tells: as text, JSON and JUnit's XML, by exit statuses; and its options."""

import json
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from chat import nobody_listens
from chatcli.check.cli import main
from chatcli.check.outcome import Outcome, Problem, shown
from chatcli.check.report import Report
from chatd.testing import running_server
from wrong import crlf

PROBLEM = Problem(
    "talk.txt:9", "ola1 < OK", "this has not come", "\x1b<&>\ufffe", ("ala1 > x", "ola1 < y")
)
OUTCOMES = [
    Outcome("S0-18", "S", "OK comes", "talk.txt:7", "failed", problem=PROBLEM, seconds=1.25),
    Outcome("S0-18", "S", "OK comes again", "talk.txt:11", "passed", seconds=0.5),
    Outcome("D-2", "P", "Lines", "framing.txt:1", "passed"),
    Outcome("S0-26", "S", "Greeting", "greeting.txt:1", "not applicable", "needs one"),
    Outcome("S0-26", "O", "Another", "greeting.txt:9", "passed"),
    Outcome("S0-08", "S", "Clock", "framing.txt:9", "not applicable", "needs a clock"),
]


@pytest.fixture
def report():
    return Report("crlf", "server", OUTCOMES)


def lines(report, **options):
    return [line for line, _ in report.text(**options)]


def test_text(report):
    assert lines(report) == [
        "n/a  S0-08 Every message is one line that ends in CR LF (needs a clock)",
        "FAIL S0-18 OK answers LOGIN and PRIV that succeeded, and nothing else",
        "     OK comes (talk.txt:7)",
        "       talk.txt:9: ola1 < OK",
        "       this has not come",
        "       seen instead: \x1b<&>\ufffe",
        "ok   S0-26 The greeting is sent to every new client",
        "ok   D-2   Lines and unterminated chunks are both understood",
        *[line for line in lines(report) if line.startswith("not checked here: ")],
        "2 passed, 1 failed, 1 not applicable",
    ]


def test_text_with_all_that_happened(report):
    text = "\n".join(lines(report, verbose=True))
    assert "       all that happened:\n         ala1 > x\n         ola1 < y\n" in text


def test_what_is_not_checked_is_told():
    report = Report("words", "server", [], {"S3-02", "D-1"})
    assert {"S3-01", "D-7"} <= set(report.unchecked)
    assert not {"S3-02", "D-1"} & set(report.unchecked)
    assert {number.partition("-")[0] for number in report.unchecked} == {"S3", "D"}


@pytest.mark.parametrize("outcomes, status", [(OUTCOMES, 1), (OUTCOMES[1:], 0), ([], 0)])
def test_exit_status(outcomes, status):
    assert Report("crlf", "server", outcomes).exit_status == status


def test_json(report):
    data = json.loads(report.json())
    assert (data["dialect"], data["subject"]) == ("crlf", "server")
    assert data["summary"] == "2 passed, 1 failed, 1 not applicable"
    assert [one["requirement"] for one in data["requirements"]] == [
        "S0-08",
        "S0-18",
        "S0-26",
        "D-2",
    ]
    failed = data["requirements"][1]
    assert failed["status"] == "failed"
    assert failed["scenarios"][0]["problem"]["talk"] == ["ala1 > x", "ola1 < y"]
    assert failed["scenarios"][1]["problem"] is None
    assert "S0-01" in data["not_checked"]


def test_junit(report):
    (suite,) = ElementTree.fromstring(report.junit())
    assert suite.attrib == {
        "name": "chatcheck server crlf",
        "tests": "6",
        "failures": "1",
        "errors": "0",
        "skipped": "2",
        "time": "1.750",
    }
    cases = {case.get("name"): case for case in suite}
    assert len(cases) == 6
    failed = cases["OK comes (talk.txt:7)"]
    assert failed.get("classname") == "S0-18"
    assert failed.find("failure").get("message") == "this has not come"
    assert "seen instead: \ufffd<&>\ufffd" in failed.find("failure").text
    assert cases["Clock (framing.txt:9)"].find("skipped").get("message") == "needs a clock"
    assert len(cases["Lines (framing.txt:1)"]) == 0


@pytest.mark.parametrize(
    "data, text",
    [
        (b"OK\r\n\t", r"OK\r\n\t"),
        ("zażółć".encode(), "zażółć"),
        (b"\x1b[2J\xff\xc5", r"\x1b[2J\xff\xc5"),
        ("\u202ea\u200b", r"\u202ea\u200b"),
    ],
)
def test_what_cannot_be_printed_is_escaped(data, text):
    assert shown(data) == text


# -- the command line ----------------------------------------------------------------------------


def chatcheck(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def port():
    with running_server(dialect="crlf") as server:
        yield server.port


@pytest.fixture
def wrong_port():
    with crlf.running(crlf.OKForPublic()) as port:
        yield port


ONE = ("--only", "S0-18", "--quiet-time", "0.1", "--timeout", "0.5")


def test_right(port):
    result = chatcheck("server", "crlf", "--port", port, *ONE)
    assert result.exit_code == 0
    first, *_, last = result.output.splitlines()
    assert first == "ok   S0-18 OK answers LOGIN and PRIV that succeeded, and nothing else"
    assert last == "1 passed"


def test_wrong(wrong_port):
    result = chatcheck("server", "crlf", "--port", wrong_port, *ONE, "-v")
    assert result.exit_code == 1
    assert result.output.startswith("FAIL S0-18 ")
    assert "all that happened:" in result.output
    assert result.output.endswith("0 passed, 1 failed\n")


def test_reports_go_to_files(tmp_path, wrong_port):
    files = ("--json", tmp_path / "a.json", "--junit", tmp_path / "a.xml")
    result = chatcheck("server", "crlf", "--port", wrong_port, *ONE, *files)
    assert result.exit_code == 1
    assert result.output.startswith("FAIL")
    assert json.loads((tmp_path / "a.json").read_text())["requirements"][0]["status"] == "failed"
    assert ElementTree.parse(tmp_path / "a.xml").getroot()[0].get("failures") == "1"


def test_a_report_on_stdout_is_alone_there(port):
    result = chatcheck("server", "crlf", "--port", port, *ONE, "--json", "-")
    assert json.loads(result.stdout)["summary"] == "1 passed"
    assert result.stderr.startswith("ok   S0-18 ")
    result = chatcheck("server", "crlf", "--port", port, *ONE, "--junit", "-")
    assert ElementTree.fromstring(result.stdout).tag == "testsuites"


@pytest.mark.parametrize(
    "level, played",
    [("stated", {"S"}), ("observed", {"S", "O"}), ("decided", {"S", "O", "P"})],
)
def test_levels(level, played):
    with running_server(dialect="crlf", greeting="Hej hej") as server:
        result = chatcheck(
            *("server", "crlf", "--port", server.port, "--level", level, "--json", "-"),
            *(
                "--only",
                "S0-26",
                "--only",
                "S0-07",
                "--only",
                "S0-24",
                "--with",
                "greeting=Hej hej",
            ),
        )
    scenarios = [
        one for each in json.loads(result.stdout)["requirements"] for one in each["scenarios"]
    ]
    assert {one["level"] for one in scenarios} == played


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["server", "irc"], "'irc' is not one of"),
        (["server", "crlf", "--only", "S0-1"], "there is no requirement S0-1"),
        (["server", "crlf", "--with", "greeting"], "greeting is not NAME=VALUE"),
        (["server", "crlf", "--timeout", "0"], "0 is not in the range"),
        (["server", "crlf", "--level", "any"], "'any' is not one of"),
    ],
)
def test_usage(arguments, complaint):
    result = chatcheck(*arguments)
    assert result.exit_code == 2
    assert complaint in result.output


def test_what_no_scenario_is_for():
    result = chatcheck("server", "crlf", "--only", "S0-01")
    assert result.exit_code == 2
    assert "there is no scenario for that" in result.output


def test_nobody_there():
    with nobody_listens() as port:
        result = chatcheck("server", "crlf", "--port", port)
    assert result.exit_code == 2
    assert result.output == f"Error: cannot connect to 127.0.0.1:{port}: Connection refused\n"


def test_a_report_that_cannot_be_written(port, tmp_path):
    result = chatcheck("server", "crlf", "--port", port, *ONE, "--json", tmp_path)
    assert result.exit_code == 2
    assert f"cannot write {tmp_path}: " in result.output
