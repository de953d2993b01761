"""Many want one nick at once: it is claimed once, and all agree on who has it."""

from collections import Counter

from chat import RawClient, wait_until
from chatd.events import Renamed
from chatd.taps import Tap
from chatd.testing import running_server
from racing import at_once, people


def ask(client, text):
    return lambda: client.ask(text)


def test_of_20_who_claim_a_nick_at_once_exactly_one_gets_it(engine):
    """R-11: by login or by rename."""
    with running_server(engine=engine) as server, people(server, strangers=20) as clients:
        nicks = {}
        for number in range(20):
            nick = f"nick{number}"
            answers = at_once(*(ask(client, f"LOGIN {nick}") for client in clients))
            assert Counter(answers) == {"OK": 1, f"ERROR nick {nick} is taken": 19}
            nicks[clients[answers.index("OK")]] = nick
            asker = next(iter(nicks))
            assert asker.ask("LIST") == " ".join(["USERS", *nicks.values()])


def test_a_nick_that_is_given_up_while_others_claim_it_has_one_owner(engine):
    with running_server(engine=engine) as server:
        with people(server, "watch", strangers=5) as (watch, *claimers):
            for number in range(20):
                with RawClient(server.port, nick="prize") as owner:
                    claims = (ask(client, "LOGIN prize") for client in claimers)
                    answers = at_once(owner.close, *claims)
                winners = answers.count("OK")
                assert winners <= 1
                wait_until(lambda n=winners: watch.ask("LIST").count("prize") == n)
                if winners:
                    winner = claimers[answers.index("OK") - 1]
                    assert winner.ask(f"LOGIN rest{number}") == "OK"


def test_of_two_who_rename_to_one_nick_one_keeps_the_old_one(engine):
    """R-12"""
    renamed = []
    tap = Tap(lambda event: isinstance(event, Renamed) and renamed.append(event))
    expected = []
    with running_server(engine=engine, taps=(tap,)) as server:
        with people(server, "ala", "ola") as clients:
            nicks = ["ala", "ola"]
            for number in range(20):
                nick = f"nick{number}"
                answers = at_once(*(ask(client, f"LOGIN {nick}") for client in clients))
                assert sorted(answers) == [f"ERROR nick {nick} is taken", "OK"]
                winner = answers.index("OK")
                expected.append(Renamed(nicks[winner], nick))
                nicks[winner] = nick
                for client, name in zip(clients, nicks, strict=True):
                    assert client.ask("WHOAMI") == f"WHOAMI {name}"
                assert clients[0].ask("LIST") == f"USERS {nicks[0]} {nicks[1]}"
    assert renamed == expected


def test_two_cannot_swap_nicks_for_each_is_taken_until_it_is_free(engine):
    """R-12"""
    with running_server(engine=engine) as server, people(server, "ala", "ola") as (ala, ola):
        for _ in range(20):
            answers = at_once(ask(ala, "LOGIN ola"), ask(ola, "LOGIN ala"))
            assert answers == ["ERROR nick ola is taken", "ERROR nick ala is taken"]
        assert ala.ask("LIST") == "USERS ala ola"


def test_a_nick_is_passed_on_to_whoever_asks_after_it_became_free(engine):
    with running_server(engine=engine) as server, people(server, "a0", "b") as (ala, ola):
        for number in range(20):
            first, second = at_once(ask(ala, f"LOGIN a{number + 1}"), ask(ola, f"LOGIN a{number}"))
            assert first == "OK"
            assert second in ("OK", f"ERROR nick a{number} is taken")
            name = f"a{number}" if second == "OK" else "b"
            assert ala.ask("LIST") == f"USERS a{number + 1} {name}"
            assert ola.ask("LOGIN b") == "OK"
