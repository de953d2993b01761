"""How a store of the plugin sql is searched and pruned, the same in SQLite and PostgreSQL."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatd import make_id
from chatd_plugins.sql import store as store_module
from records import (
    ALA,
    BOB,
    EPOCH,
    EVE,
    MIXED,
    WITH_ALA,
    WITH_BOB,
    all_of,
    missed,
    numbers,
    opened,
    said,
    told,
)

# -- forgetting ------------------------------------------------------------------------------------


def test_prune_by_age(store_url):
    with opened(store_url, *MIXED) as store:
        assert store.prune(1007.0, 0) == 6
        assert store.prune(1007.0, 0) == 0
        assert numbers(all_of(store)) == [7, 9, 10, 12, 13]
        assert store.stats().records == 7


def test_age_is_by_the_clock_and_order_by_the_id(store_url):
    with opened(store_url, said(1, time=5000.0), said(2, time=10.0), said(3, time=20.0)) as store:
        assert numbers(all_of(store)) == [1, 2, 3]
        assert store.prune(15.0, 0) == 1
        assert numbers(all_of(store)) == [1, 3]


def test_prune_all_but_the_last(store_url):
    with opened(store_url, *MIXED, told(14), told(15, "x", EVE, BOB)) as store:
        assert store.prune(0, 2) == 5
        assert numbers(all_of(store)) == [7, 9, 10, 12, 13]
        assert numbers(all_of(store, "den")) == [3, 8, 9, 13]
        assert store.prune(0, 1) == 3
        assert numbers(all_of(store, WITH_BOB)) == [9, 13, 14]
        assert store.prune(0, 1) == 0


def test_pruning_goes_on_piece_by_piece(store_url, monkeypatch):
    monkeypatch.setattr(store_module, "PIECE", 4)
    with opened(store_url, *MIXED) as store:
        assert [store.prune(1004.0, 1) for _ in range(4)] == [4, 3, 0, 0]
        assert numbers(all_of(store)) == [9, 10, 12, 13]


def test_knows(store_url):
    def known(place, *ns):
        return [store.knows(place, make_id(EPOCH, n)) for n in ns]

    with opened(store_url, *(said(n) for n in range(1, 6)), told(6), told(7), told(8)) as store:
        assert not store.knows("general", make_id(EPOCH - 1, 1))
        assert not store.knows("general", make_id(EPOCH + 1, 1))
        assert known("general", 0, 1, 99) == [True, True, True]
        store.prune(0, 2)
        assert known("general", 1, 2, 3, 99) == [False, False, True, True]
        assert known("den", 1) == [True]
        assert known(WITH_ALA, 5, 6) == [False, True]
        assert known((EVE, "ala"), 5) == [True]
        assert store.begin(EPOCH) == EPOCH
        assert known("general", 2, 3) == [False, True]
        store.append([missed(20, time=1.0)])
        store.prune(2.0, 0)
        assert known("den", 19, 20) == [False, True]


# -- the search ------------------------------------------------------------------------------------


def search(store, words, places=("general",), nick="", count=10):
    return numbers(hit.record for hit in store.search(words, places, nick, count, 0))


TALK = [
    said(1, "fox fox fox"),
    said(2, "The Fox, and the hound!", nick="Bob"),
    said(3, "Zażółć gęślą JAŹŃ"),
    said(4, "the quick brown fox"),
    said(5, "fox in a den", room="Den"),
    told(6, "fox in private"),
    said(7, "re-use of and/or e.g. http://example.com/path?x=1"),
    said(8, "brown the quick"),
]


FOUND = [
    ("fox", [1, 2, 4]),
    ("FOX", [1, 2, 4]),
    ("the fox", [2, 4]),
    ('"quick brown"', [4]),
    ('"quick brown', [4]),
    ('"brown the" quick', [8]),
    ("zażołc", [3]),  # ł has no diacritic
    ("jaźń GĘŚLĄ", [3]),
    ("or use", [7]),
    ("and/or", [7]),
    ("example", [7]),
    ("fox -the", [2, 4]),
    ("fox NOT hound", []),
    ("fox*", [1, 2, 4]),
    ("fo", []),
    ("text:fox", []),
    ("", []),
    ("  ", []),
    ('"" !!! ""', []),
    ("fox !!!", [1, 2, 4]),
]


def test_search(store_url):
    with opened(store_url, *TALK) as store:
        for words, expected in FOUND:
            found = search(store, words)
            assert sorted(found) == sorted(expected), words
            if 1 in expected:  # which has nothing but foxes
                assert found[0] == 1


def test_search_is_for_places_and_nicks(store_url):
    with opened(store_url, *TALK, told(9, "fox again", BOB, ALA)) as store:
        assert search(store, "fox", []) == []
        assert search(store, "fox", ["den"]) == [5]
        assert search(store, "fox", [WITH_ALA], count=1) != []
        assert sorted(search(store, "fox", ["den", WITH_ALA])) == [5, 6, 9]
        assert search(store, "fox", ["general"], "bob") == [2]
        assert search(store, "fox", [WITH_BOB], "bob") == [9]
        assert search(store, "fox", ["general"], "nobody") == []
        assert search(store, "fox", count=2)[0] == 1
        assert len(search(store, "fox", count=2)) == 2
        assert search(store, "fox", count=0) == []


def test_of_equals_the_newest_is_first(store_url):
    with opened(store_url, *(said(n, "the same") for n in range(1, 8))) as store:
        assert search(store, "same", count=4) == [7, 6, 5, 4]


def test_a_search_ranks_the_newest_when_there_are_many(store_url, monkeypatch):
    monkeypatch.setattr(store_module, "RANKED", 3)
    texts = ["fox fox fox"] + ["a fox among other animals"] * 5
    with opened(store_url, *(said(n, text) for n, text in enumerate(texts))) as store:
        assert search(store, "fox") == [5, 4, 3]


def test_a_hit_comes_with_its_neighbours(store_url):
    with opened(store_url, *MIXED, said(14, "the fox"), said(15), said(16)) as store:
        (hit,) = store.search("fox", ["general"], "", 5, 2)
        assert numbers(hit.before) == [7, 10]
        assert numbers([hit.record]) == [14]
        assert numbers(hit.after) == [15, 16]
        (hit,) = store.search("fox", ["general"], "", 5, 1)
        assert (numbers(hit.before), numbers(hit.after)) == ([10], [15])
        (hit,) = store.search("fox", ["general"], "", 5, 0)
        assert (hit.before, hit.after) == ((), ())


def test_what_was_pruned_is_not_found(store_url):
    with opened(store_url, *TALK) as store:
        store.prune(1004.0, 0)
        assert search(store, "fox") == [4]
        assert search(store, "jaźń") == []


def test_any_words_can_be_searched_for(store_url):
    with opened(store_url, *TALK) as store:

        @settings(max_examples=100)
        @example('"')
        @example('""""')
        @example("fox\0")
        @example("NEAR(fox, 2) {text}: ^fox* AND (")
        @example("fox' & | ! <-> :* \\")
        @example("\ud800")
        @example("word " * 2000)
        @example(" ".join(f"w{n}" for n in range(700)))
        @example("ª²³ ½ ⅷ")
        @given(st.text(max_size=60))
        def check(words):
            store.search(words, ["general", (words, ALA)], words, 5, 1)

        check()
        assert search(store, "fox", count=1) == [1]


def test_places_may_be_anything(store_url):
    with opened(store_url) as store:
        assert all_of(store, "\ud800") == all_of(store, ("\0", ALA)) == ()
        assert store.knows("\ud800", make_id(EPOCH, 1))
        assert list(store.export("\0", 0)) == []
