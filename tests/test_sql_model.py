"""A store against a list: whatever is appended, pruned and asked for, both give the same."""

from operator import attrgetter

from hypothesis import given, settings
from hypothesis import strategies as st

from chatd import (
    Joined,
    LoggedIn,
    LoggedOut,
    Missed,
    Page,
    Record,
    Renamed,
    Said,
    Stats,
    Told,
    make_id,
)
from chatd_plugins.sql import open_store
from chatd_plugins.sql import store as store_module
from records import AL, ALA, BOB, EPOCH, EVE

PLACES = ["general", "den", (ALA, "bob"), (BOB, "ala"), (EVE, "ala"), (AL, "bob"), (ALA, "ala")]


def nick_of(party):
    return party.partition("@")[0]


def key_of(place):
    """A room, or who wrote to each other; what is shown of that is only one's own."""
    return place if isinstance(place, str) else tuple(sorted((nick_of(place[0]), place[1])))


class Model:
    """What a store does, in lists."""

    def __init__(self):
        self.records = {}
        self.horizons = {}

    def append(self, records):
        for record in records:
            self.records.setdefault(record.id, record)

    def place(self, record):
        return tuple(sorted(map(nick_of, record.parties))) or record.room

    def theirs(self, record, place):
        return not record.parties or place[0] in record.parties

    def at(self, place):
        """Everything in a place, by id."""
        found = [r for r in self.records.values() if self.place(r) in (key_of(place), "")]
        theirs = [record for record in found if self.theirs(record, place)]
        return sorted(theirs, key=attrgetter("id"))

    def page(self, place, id, count, limit, back):
        step = -1 if back else 1
        walk = [r for r in self.at(place)[::step] if (r.id - id) * step > 0]
        taken, left = [], count
        for record in walk:
            if left < 1 or len(taken) == limit:
                break
            taken.append(record)
            left -= is_message(record)
        more = any(map(is_message, walk[len(taken) :]))
        return Page(tuple(taken[::step]), more)

    def knows(self, place, id):
        key = key_of(place)
        return id >> 32 == EPOCH and all(self.horizons.get(p, 0) <= id for p in (key, ""))

    def prune(self, oldest, keep):
        doomed = {r.id for r in self.records.values() if oldest and r.time < oldest}
        rest = [r for r in self.records.values() if r.id not in doomed]
        for place in {self.place(r) for r in rest} - {""}:
            here = sorted((r for r in rest if self.place(r) == place), key=attrgetter("id"))
            messages = [r.id for r in here if is_message(r)]
            if keep and len(messages) >= keep:
                doomed |= {r.id for r in here if r.id < messages[-keep]}
        for id in doomed:
            place = self.place(self.records.pop(id))
            self.horizons[place] = max(self.horizons.get(place, 0), id)
        return len(doomed)

    def found(self, word, places, nick):
        return {
            r.id
            for place in places
            for r in self.at(place)
            if is_message(r) and word in r.event.text.split()
            if nick in ("", getattr(r.event, "nick", getattr(r.event, "sender", "")))
        }

    def stats(self, size):
        ids = self.records or {0}
        messages = sum(map(is_message, self.records.values()))
        return Stats(len(self.records), messages, min(ids), max(ids), size)


def is_message(record):
    return isinstance(record.event, Said | Told)


# -- what is played --------------------------------------------------------------------------------

words = st.lists(st.sampled_from(["fox", "hound", "den"]), max_size=4).map(" ".join)
nicks = st.sampled_from(["ala", "bob"])
events = st.one_of(
    st.builds(Said, st.just("Room"), nicks, words),
    st.builds(Said, st.just("Room"), nicks, words),
    st.builds(Joined, st.just("Room"), nicks, nicks),
    st.builds(LoggedIn, nicks),
    st.builds(LoggedOut, nicks, st.text(st.characters(exclude_characters="\0"), max_size=3)),
    st.builds(Renamed, nicks, nicks),
)
numbers = st.integers(1, 60)
ids = st.builds(make_id, st.sampled_from([EPOCH - 1, EPOCH, EPOCH]), st.integers(0, 61))
times = st.integers(1, 40).map(float)


@st.composite
def record(draw):
    id, time = make_id(EPOCH, draw(numbers)), draw(times)
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return Record(id, time, "", Missed(draw(numbers), id))
    if kind < 4:
        parties = draw(st.sampled_from([(ALA, BOB), (BOB, AL), (EVE, ALA), (ALA, ALA)]))
        told = Told(parties[0].partition("@")[0], parties[1].partition("@")[0], draw(words))
        return Record(id, time, "", told, parties)
    return Record(id, time, draw(st.sampled_from(["general", "den"])), draw(events))


counts = st.integers(0, 8)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(record(), max_size=12)),
        st.tuples(st.just("prune"), st.integers(0, 40).map(float), st.integers(0, 4)),
        st.tuples(st.just("page"), st.sampled_from(PLACES), ids, counts, st.integers(0, 15)),
        st.tuples(st.just("knows"), st.sampled_from(PLACES), ids),
        st.tuples(
            st.just("search"),
            st.sampled_from(["fox", "den"]),
            st.lists(st.sampled_from(PLACES), max_size=3),
            st.sampled_from(["", "ala"]),
        ),
    ),
    max_size=14,
)


def play(store, steps):
    model = Model()
    for step, *arguments in [*steps, ("all",)]:
        if step == "append":
            store.append(*arguments)
            model.append(*arguments)
        elif step == "prune":
            gone = 0
            while piece := store.prune(*arguments):
                gone += piece
            assert gone == model.prune(*arguments)
        elif step == "page":
            assert store.before(*arguments) == model.page(*arguments, back=True)
            assert store.after(*arguments) == model.page(*arguments, back=False)
        elif step == "knows":
            assert store.knows(*arguments) == model.knows(*arguments)
        elif step == "search":
            hits = store.search(*arguments, 100, 1)
            assert {hit.record.id for hit in hits} == model.found(*arguments)
            assert len(hits) == len({hit.record.id for hit in hits})
    assert store.stats() == model.stats(store.stats().size)
    in_rooms = [r for r in model.records.values() if not r.parties]
    assert list(store.export("", 0)) == sorted(in_rooms, key=attrgetter("id"))


def emptied(store):
    """Make a store as if it were new."""
    with store._writing() as connection:
        if store._database.shown.startswith("/"):
            connection.exec_driver_sql("INSERT INTO events_fts(events_fts) VALUES ('delete-all')")
        for name in ("events", "epochs", "horizons"):
            connection.exec_driver_sql(f"DELETE FROM {name}")
    store._epoch = 0
    assert store.begin(EPOCH) == EPOCH
    return store


def test_a_store_and_a_list_agree(store_url, monkeypatch):
    monkeypatch.setattr(store_module, "PIECE", 7)
    monkeypatch.setattr(store_module, "BATCH", 5)
    store = open_store(store_url)
    store.begin(EPOCH)

    @settings(max_examples=40 if store_url.startswith("sqlite") else 10)
    @given(steps)
    def check(steps):
        play(emptied(store), steps)

    try:
        check()
    finally:
        store.close()
