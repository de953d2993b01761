"""Faults in delivery: whom a broken dialect or client costs something, and whom not."""

import logging

from chatd.delivery import Change, Entry
from chatd.events import LoggedOut, Told
from deliveries import entered, said
from fakes import Hearer, Wording


class Stumbling(Wording):
    """A dialect with a mistake in it."""

    def form(self, event, own):
        if getattr(event, "text", "") == "trip":
            raise KeyError("trip")
        return super().form(event, own)


def test_a_dialect_that_cannot_encode_costs_only_its_own_clients_that_text(
    delivery, ala, ola, caplog
):
    bad = [Hearer(f"bad{n}", Stumbling("stumbling")) for n in range(2)]
    entered(delivery, ala, ola, *bad)
    with caplog.at_level(logging.ERROR):
        for text in ("before", "trip", "after"):
            delivery.append(said(ala, text))
        delivery.append(Entry(Told("bad0", "ala", "trip"), actor=bad[0], target=ala))
        delivery.drain()
    assert [word in ola.heard for word in (b"before", b"trip", b"after")] == [True] * 3
    assert b"trip" in ala.heard
    for client in bad:
        assert [word in client.heard for word in (b"before", b"trip", b"after")] == [
            True,
            False,
            True,
        ]
    assert "stumbling cannot encode 'Said'" in caplog.text
    assert "trip" not in "".join(record.getMessage() for record in caplog.records)


def test_a_client_that_cannot_be_delivered_to_is_cut_off_and_the_others_get_theirs(
    delivery, ala, ola, plain, caplog
):
    class Broken(Hearer):
        dropped = ()

        def deliver(self, data):
            if b"boom" in data:
                raise RuntimeError("boom")

        def finish(self):
            raise RuntimeError("cannot finish")

        def drop(self, reason):
            self.dropped += (reason,)
            raise RuntimeError("cannot even drop")

    first, second, leaving = (Broken(name, plain) for name in ("first", "second", "leaving"))
    entered(delivery, first, ala, second, ola, leaving)
    delivery.append(said(ala, "boom"))
    delivery.append(Entry(Told("ala", "first", "boom"), actor=second, target=first))
    delivery.append(Entry(LoggedOut("ela", "quit"), actor=leaving, change=Change.END))
    delivery.append(Entry(LoggedOut("ola", "quit"), actor=ola, change=Change.END))
    assert delivery.drain()
    assert b"boom" in ola.heard
    assert ola.finished_after
    assert [c.dropped for c in (first, second)] == [("internal error",)] * 2
    assert set(leaving.dropped) == {"internal error"}
    assert sum("cannot deliver" in r.getMessage() for r in caplog.records) == 4
    delivery.append(said(second, "fine"))
    assert delivery.drain()
    assert b"fine" in ala.heard
