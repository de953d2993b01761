"""Groups, messages and goodbyes in rooms: in memory, and over sockets on each engine."""

import pytest

from chatd.dialects.rooms import RoomsDialect
from chatd.events import LoggedOut
from talk import place


def create(person, group="tea"):
    person.asks(f"create {group}", f"New group chat with name '{group}' has created successfully!")


def with_tea(sara, bob):
    """Let both join a new group."""
    create(sara)
    sara.asks("join tea", "You have joined in group chat 'tea' successfully!")
    bob.asks("join tea", "You have joined in group chat 'tea' successfully!")
    sara.sees("Bob has joined in group chat 'tea'.")


# -- groups ----------------------------------------------------------------------------------


def test_what_is_kept_of_a_client(where):
    """S4-03: name and groups speak for it; a name and its groups end with the connection."""
    with place(where, "rooms") as chat:
        sara, bob = chat.login("Sara", "Bob")
        with_tea(sara, bob)
        bob.send("public tea hi")
        sara.sees("In group tea, Bob: hi")
        bob.closes()
        again = chat.login("Bob")
        sara.sees("Bob joined the room 'General'")
        again.asks("public tea hi", "You are not a member of group chat 'tea'!")


def test_create(where):
    """S4-06: the creator alone is told, and is no member; no group is made twice."""
    with place(where, "rooms") as chat:
        sara, bob = chat.login("Sara", "Bob")
        sara.asks("create tea", "New group chat with name 'tea' has created successfully!")
        sara.asks("public tea hi", "You are not a member of group chat 'tea'!")
        sara.asks("leave tea", "You are not a member of group chat 'tea'!")
        for one in (sara, bob):
            one.asks("create tea", "Group chat with name 'tea' already exists!")
            one.asks("create TEA", "Group chat with name 'TEA' already exists!")
            one.asks("create General", "Group chat with name 'General' already exists!")


def test_join(where):
    """S4-07, S4-08: who joins is told, and the other members, with a full stop."""
    with place(where, "rooms") as chat:
        sara, bob, _eva = chat.login("Sara", "Bob", "Eva")
        sara.asks("create tea", "New group chat with name 'tea' has created successfully!")
        sara.asks("join tea", "You have joined in group chat 'tea' successfully!")
        bob.asks("join tea", "You have joined in group chat 'tea' successfully!")
        sara.sees("Bob has joined in group chat 'tea'.")
        bob.asks("join tea", "You have already joined in group chat 'tea'!")
        bob.asks("join General", "You have already joined in group chat 'General'!")
        bob.asks("join coffee", "Group chat 'coffee' does not exist!")


def test_leave(where):
    """S4-09: who leaves is told, and the members that remain; nobody else."""
    with place(where, "rooms") as chat:
        sara, bob, _eva = chat.login("Sara", "Bob", "Eva")
        with_tea(sara, bob)
        sara.asks("leave tea", "You have left group chat 'tea' successfully!")
        bob.sees("Sara has left group chat 'tea'.")
        sara.asks("leave tea", "You are not a member of group chat 'tea'!")
        sara.asks("leave coffee", "Group chat 'coffee' does not exist!")
        bob.asks("public tea nobody hears")


def test_general_can_be_left(where):
    """S4-07, S4-09: it is a group as any other."""
    with place(where, "rooms") as chat:
        sara, bob = chat.login("Sara", "Bob")
        sara.asks("leave General", "You have left group chat 'General' successfully!")
        bob.sees("Sara has left group chat 'General'.")
        bob.send("public General hi")
        sara.asks("public General hi", "You are not a member of group chat 'General'!")
        sara.asks("history", "You are not a member of group chat 'General'!")
        sara.asks("join General", "You have joined in group chat 'General' successfully!")
        bob.sees("Sara has joined in group chat 'General'.")


def test_groups(where):
    """S4-10: all that exist, in order of creation, General first; a member or not."""
    with place(where, "rooms") as chat:
        sara, bob = chat.login("Sara", "Bob")
        bob.asks("groups", "available groups:", "General")
        for name in ("tea", "beer", "art"):
            create(sara, name)
        bob.asks("groups", "available groups:", "General", "tea", "beer", "art")


def test_users(where):
    """S4-11: in order of connection, the asker too."""
    with place(where, "rooms") as chat:
        zoe, ann, bob = chat.login("Zoe", "Ann", "Bob")
        ann.asks("users", "online users:", "Zoe", "Ann", "Bob")
        zoe.closes()
        bob.asks("users", "online users:", "Ann", "Bob")


def test_any_number_of_users(where):
    """S4-18: each of them hears and is listed."""
    with place(where, "rooms") as chat:
        people = chat.login(*(f"u{number}" for number in range(30)))
        people[0].send("public General hi")
        for one in people[1:]:
            one.sees("In group General, u0: hi")
        people[7].asks("users", "online users:", *(f"u{number}" for number in range(30)))


# -- messages --------------------------------------------------------------------------------


def test_public_messages(where):
    """S4-12: to the other members, with all spaces; no echo, and nobody else hears."""
    with place(where, "rooms") as chat:
        sara, bob, _eva = chat.login("Sara", "Bob", "Eva")
        with_tea(sara, bob)
        for text in ("hi", "two  spaces", " in front", "behind ", "a\tb", "In group tea, Eva: x"):
            sara.send(f"public tea {text}")
            bob.sees(f"In group tea, Sara: {text}")


def test_public_messages_that_fail(where):
    """S4-12: an unknown group, or one without the sender; texts as with leave."""
    with place(where, "rooms") as chat:
        sara, _bob = chat.login("Sara", "Bob")
        sara.asks("create tea", "New group chat with name 'tea' has created successfully!")
        sara.asks("public tea hi you", "You are not a member of group chat 'tea'!")
        sara.asks("public coffee hi you", "Group chat 'coffee' does not exist!")


def test_private_messages(where):
    """S4-13: to one user; no echo, and nobody else hears."""
    with place(where, "rooms") as chat:
        sara, bob, _eva = chat.login("Sara", "Bob", "Eva")
        for text in ("hi", "two  spaces", " in front", "behind ", "a\tb"):
            sara.send(f"private Bob {text}")
            bob.sees(f"Private message from Sara: {text}")
        sara.asks("private Tom hi you", "User 'Tom' does not exist!")


def test_a_private_message_to_oneself(where):
    """S4-13: is one copy."""
    with place(where, "rooms") as chat:
        sara = chat.login("Sara")
        sara.asks("private Sara note", "Private message from Sara: note")


@pytest.mark.parametrize("command", ["public General a\x07b", "private Bob a\x1bb"])
def test_control_characters_are_refused(where, command):
    """S4-12, S4-13, D-8: one error, and the message is not delivered."""
    with place(where, "rooms") as chat:
        sara, _bob = chat.login("Sara", "Bob")
        sara.asks(command, "control characters are not allowed")
        sara.asks("public General  ", "the message is empty")


# -- the end ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["exit", "close"])
def test_exit(where, how):
    """S4-14: nobody is told; the user is gone from the list and from all groups."""
    with place(where, "rooms") as chat:
        sara, bob = chat.login("Sara", "Bob")
        with_tea(sara, bob)
        if how == "exit":
            bob.send("exit")
            bob.sees_the_end()
        else:
            bob.closes()
        sara.asks("users", "online users:", "Sara")
        sara.asks("private Bob hi", "User 'Bob' does not exist!")
        sara.send("public tea alone")


def test_nobody_is_told_who_left():
    """S4-14: in no view."""
    for own in (True, False):
        assert RoomsDialect.encode(LoggedOut("Sara", "quit"), own) == b""
