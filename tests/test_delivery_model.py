"""The delivery log and its model: batches cut anywhere say what entry by entry says."""

from hypothesis import given
from hypothesis import strategies as st

from chatd.delivery import Change, Delivery, Entry
from chatd.events import Joined, LoggedIn, LoggedOut, Notice, Parted, Said, Told
from chatd.limits import Limits
from fakes import Hearer, Model, Wording

CLIENTS = st.integers(0, 4)
ROOMS = st.sampled_from(["general", "tea", "coffee"])
DEEDS = st.one_of(
    st.tuples(st.just("say"), CLIENTS, ROOMS),
    st.tuples(st.just("say"), CLIENTS, ROOMS),
    st.tuples(st.just("join"), CLIENTS, ROOMS),
    st.tuples(st.just("leave"), CLIENTS, ROOMS),
    st.tuples(st.just("tell"), CLIENTS, CLIENTS),
    st.tuples(st.just("reply"), CLIENTS, st.none()),
    st.tuples(st.just("end"), CLIENTS, st.none()),
    st.tuples(st.just("record"), CLIENTS, st.none()),
    st.tuples(st.just("drain"), CLIENTS, st.none()),
)


def entry_for(deed, number, actor, other, clients):
    """Make the entry of a deed; its number makes each one different."""
    name, text = actor.address, f"text {number}"
    if deed == "say":
        return Entry(Said(other, name, text), other, actor)
    if deed == "join":
        return Entry(Joined(other, f"{name} {number}"), other, actor, change=Change.ENTER)
    if deed == "leave":
        return Entry(Parted(other, f"{name} {number}"), other, actor, change=Change.LEAVE)
    if deed == "tell":
        target = clients[other]
        return Entry(
            Told(name, target.address, text),
            actor=actor,
            target=target if target is not actor else None,
        )
    if deed == "reply":
        return Entry(Notice(text), actor=actor)
    if deed == "end":
        return Entry(LoggedOut(name, text), "general", actor, change=Change.END)
    return Entry(LoggedIn(text))


class Comparison:
    """A delivery log and its model, driven side by side."""

    def __init__(self, batch):
        self.delivery = Delivery(Limits(batch=batch))
        self.wordings = [Wording("loud"), Wording("terse", silent=(Joined, LoggedOut))]
        self.clients = [Hearer(f"client{n}", self.wordings[n % 2]) for n in range(5)]
        self.model = Model(self.clients)
        self.ended = set()
        self.shown = []
        self.delivery.observers.append(self.shown.extend)
        self.events = []  # kept, so that their ids stay theirs

    def do(self, number, deed, index, other):
        actor = self.clients[index]
        if deed == "drain":
            self.drain()
        elif actor not in self.ended and not (deed == "tell" and self.clients[other] in self.ended):
            entry = entry_for(deed, number, actor, other, self.clients)
            self.delivery.append(entry)
            self.model.deliver(entry)
            self.events.append(entry.event)
            if deed == "end":
                self.ended.add(actor)

    def drain(self):
        before = [len(client.deliveries) for client in self.clients]
        more = self.delivery.drain()
        for client, count in zip(self.clients, before, strict=True):
            assert len(client.deliveries) - count <= 1
        return more

    def compare(self):
        for client in self.clients:
            assert client.heard == self.model.heard[client]
            finished = [len(client.heard)] if client in self.model.finished else []
            assert client.finished_after == finished
        assert self.shown == [event for event in self.events if event.public]
        for wording in self.wordings:
            assert max(wording.asked.values(), default=0) <= 1


@given(st.lists(DEEDS, max_size=60), st.integers(1, 600))
def test_batches_cut_anywhere_say_what_entry_by_entry_says(deeds, batch):
    both = Comparison(batch)
    for number, deed in enumerate(deeds):
        both.do(number, *deed)
    while both.drain():
        pass
    both.compare()
