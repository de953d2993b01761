"""The benchmark's figures: medians, goals, tables; no server needed."""

import pytest

import goals
import plot
import report
import run
from cases import CASES, CPU, EVERYBODY, LOGINS, MEMORY, P99, SIZES
from contestants import CONTESTANTS
from goals import GOALS
from results import Results, describe_machine, from_json


def results(**runs):
    """Results of some cases: contestant: figures, one for each run; `_` stands for `-`."""
    cases = [case for case in CASES if case.name in {name.replace("_", "-") for name in runs}]
    made = Results(cases, list(EVERYBODY))
    for name, contestants in runs.items():
        for contestant, values in contestants.items():
            for key, value in values:
                made.add(name.replace("_", "-"), contestant, {"clients": 100, key: value})
    return made


def cpu(*values):
    return [(CPU.key, value) for value in values]


# -- results ---------------------------------------------------------------------------------------


def test_medians_are_taken_over_the_runs():
    made = results(unpipelined={"floor": cpu(9.0, 1.0, 2.0)})
    assert made.median("unpipelined", "floor", CPU) == 2.0
    assert made.median("unpipelined", "threads", CPU) is None
    assert made.median("unpipelined", "floor", P99) is None
    assert made.median("paced", "floor", CPU) is None


@pytest.mark.parametrize(
    "count", ["lost", "duplicated", "out_of_order", "strayed", "died", "errors"]
)
def test_what_must_not_happen_is_a_problem(count):
    made = results()
    made.add("paced", "threads", {"clients": 100, "dropped": 1, count: 3})
    assert made.problems == [f"paced, threads: {count} 3"]
    assert "WRONG" in report.problems_text(made)


def test_a_client_that_was_dropped_for_not_reading_is_none():
    made = results(slow={"threads": [("dropped", 1), ("dropped", 1)]})
    assert made.problems == []
    assert "slow: threads dropped 2 clients that did not read." in report.remarks(made)


def test_what_was_kept_reads_back():
    made = results(unpipelined={"floor": cpu(9.0, 1.0)}, logins={"ngircd": [(LOGINS.key, 5.0)]})
    made.absent["asyncio"] = "not there"
    made.problems.append("something")
    again = from_json(made.as_json())
    assert again == made
    assert report.markdown(again, describe_machine()) == report.markdown(made, describe_machine())


# -- goals -----------------------------------------------------------------------------------------


def test_a_ratio_and_a_bound_from_below():
    made = results(logins={"asyncio": [(LOGINS.key, 30.0)], "ngircd": [(LOGINS.key, 100.0)]})
    goal = goals.ratio("logins", LOGINS, "asyncio", "ngircd", 0.5, at_least=True)
    assert goal.measure(made) == pytest.approx(0.3)
    assert goal.met(made) is False
    assert goals.ratio("logins", LOGINS, "asyncio", "ngircd", 0.5).met(made) is True


def test_outright_added_and_of_two_cases():
    made = results(
        idle={"select": [(MEMORY.key, 5.0)]},
        stored={"select": cpu(10.0), "select+store": cpu(35.0)},
        unpipelined={"select": cpu(20.0)},
    )
    assert goals.outright("idle", MEMORY, "select", 6).met(made) is True
    assert goals.added("stored", CPU, "select+store", "select", 24).measure(made) == 25.0
    assert goals.added("stored", CPU, "select+store", "select", 24).met(made) is False
    assert goals.of_two_cases("unpipelined", "stored", CPU, "select", 2).met(made) is True


def test_growth_is_against_the_cheapest_smaller_room():
    costs = dict(zip(SIZES, (2.0, 0.5, 0.4, 0.6), strict=True))
    made = results(**{f"talk_{size}": {"select": cpu(cost)} for size, cost in costs.items()})
    goal = goals.growth("talk", "", "select")
    assert goal.measure(made) == pytest.approx(1.5)
    assert goal.met(made) is False
    del made.runs["talk-500"]
    assert goal.met(made) is None


def test_the_slow_reader_s_effect_is_compared_with_the_noise():
    def p99(*values):
        return {"threads": [(P99.key, value) for value in values]}

    goal = goals.within_noise("slow", "paced", P99, "threads")
    assert goal.measure(results(paced=p99(100, 120, 110), slow=p99(115, 125, 125))) == 0.75
    assert goal.met(results(paced=p99(100, 120, 110), slow=p99(131, 131, 131))) is False
    assert goal.met(results(paced=p99(100, 120, 110), slow=p99(1, 1, 1))) is True
    assert goal.met(results(paced=p99(100, 120, 110))) is None


def test_what_was_not_measured_is_called_so():
    text = report.goals_table(Results(list(CASES), []))
    assert text.count("not measured") == len(GOALS)
    assert "yes" not in text
    assert "NO" not in text


def test_goals_of_other_cases_are_left_out():
    rows = report.goals_table(results(idle={"select": [(MEMORY.key, 7.0)]})).splitlines()[2:]
    assert [row.split("|")[4].strip() for row in rows] == ["not measured", "NO", "not measured"]


def test_goals_speak_of_cases_and_contestants_that_exist():
    """Each goal is measured once all its cases have all their contestants."""
    made = Results(list(CASES), [contestant.name for contestant in CONTESTANTS])
    for case in CASES:
        for contestant in case.contestants:
            for value in (1.0, 2.0):  # two, so that there is some noise
                run = {figure.key: value for figure in case.figures}
                made.add(case.name, contestant, {"clients": case.clients, **run})
    for goal in GOALS:
        assert set(goal.cases) <= {case.name for case in CASES}
        assert goal.measure(made) is not None, goal.text
    assert len({goal.text for goal in GOALS}) == len(GOALS)


# -- tables ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("picture", plot.PICTURES)
def test_pictures_are_of_cases_that_exist(picture):
    _paint, names = plot.PICTURES[picture]
    assert set(names) <= {case.name for case in CASES}
    assert picture in report.PICTURES


def test_numbers_keep_three_digits():
    given = [None, 0.123456, 2.0, 12.345, 1234.5, 1e6]
    assert list(map(report.number, given)) == ["–", "0.123", "2", "12.3", "1 234", "1 000 000"]


def test_a_variant_has_a_row_of_its_own():
    made = results(unpipelined={"select": cpu(2.0), "floor": cpu(4.0), "select+tls": cpu(3.0)})
    plain, *_, tls, _rate = report.figures_table(made).splitlines()[2:]
    assert plain.split("|")[1:] != tls.split("|")[1:]
    cells = [cell.strip() for cell in tls.split("|")]
    assert cells[1] == "unpipelined: 100 clients, 1 sender, 1 in flight, with TLS"
    assert cells[3:-1] == ["–", "–", "–", "–", "3", "–", "–", "0.75", "–"]


def test_every_contestant_of_a_case_exists():
    names = {contestant.name for contestant in CONTESTANTS}
    for case in CASES:
        assert set(case.contestants) <= names


def test_a_case_that_does_not_exist_is_refused(capsys):
    with pytest.raises(SystemExit):
        run.parse(["--case", "fanout-7x7"])
    assert "no such case: fanout-7x7" in capsys.readouterr().err


def test_what_is_chosen():
    assert [case.name for case in run.choose_cases(run.parse(["--case", "idle"]))] == ["idle"]
    needed = {name for goal in GOALS for name in goal.cases}
    assert {case.name for case in run.choose_cases(run.parse(["--goals"]))} == needed
    assert all(case.quick for case in run.choose_cases(run.parse(["--quick"])))
    assert run.choose_cases(run.parse([])) == list(CASES)
