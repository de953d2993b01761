"""Conversations in slash: in memory and on each engine, by lines, byte by byte and by chunks."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from chatcli.check.scenario import read
from slash_chat import (
    GROUP,
    HELP,
    LEFT,
    LINES,
    NICK,
    NO_SUCH_USER,
    RECIPIENT,
    RENAMED,
    RENAMING,
    TAKEN,
    TEXT,
    WORLDS,
    any_chat,
    entered,
    full,
    gone,
    registered,
)


@pytest.fixture
def open_chat():
    """Open chats, and see at the end that nobody got more than was expected."""
    with ExitStack() as stack:
        yield lambda world, **settings: stack.enter_context(any_chat(world, **settings))


@pytest.fixture(params=WORLDS)
def world(request):
    return request.param


@pytest.fixture
def chat(open_chat, world):
    return open_chat(world)


@pytest.fixture(params=LINES)
def line_chat(open_chat, request):
    """For what only programs that end their lines can send: an empty line."""
    return open_chat(request.param)


# -- the door --------------------------------------------------------------------------------


def test_the_door(chat):
    """S1-07, S1-11: the server speaks first; group, then nick; then the newcomer is announced."""
    ala = chat.enter("1 Ala")
    antoni = chat.come()
    antoni.ask("3", NICK)
    antoni.ask("Antoni", registered("3 Antoni"), entered("3 Antoni"))
    ala.sees(entered("3 Antoni"))


def test_a_taken_nick(chat):
    """S1-08: the user is told, and only the nick is asked for until one is free."""
    chat.enter("3 Ala")
    other = chat.come()
    other.ask("2", NICK)
    other.ask("Ala", TAKEN)
    other.ask("ALA", TAKEN)
    other.ask("Ola", registered("2 Ola"), entered("2 Ola"))
    chat.people[0].sees(entered("2 Ola"))


def test_one_nick_in_two_groups(chat):
    """S1-10: no two users have the same nick, whatever their groups."""
    chat.enter("3 Ann")
    other = chat.come()
    other.ask("4", NICK)
    other.ask("Ann", TAKEN)


def test_a_bad_nick(chat):
    """S1-07, D-3: what is wrong with it is told, and the nick is asked for again."""
    ala = chat.come()
    ala.ask("3", NICK)
    ala.ask("a,b", "nick must not contain ,", NICK)
    ala.ask("a b", "nick must not contain white space", NICK)
    ala.ask("server", "nick is reserved", NICK)
    ala.ask("Uzytkownicy", "nick is reserved", NICK)
    ala.ask("a" * 33, "nick is longer than 32 characters", NICK)
    ala.ask("a\x07", "control characters are not allowed", NICK)
    ala.ask("Ala", registered("3 Ala"), entered("3 Ala"))


def test_empty_answers_at_the_door(line_chat):
    """S1-07: an empty answer is none; white space at its ends is cut off."""
    ala = line_chat.come()
    ala.ask("", GROUP)
    ala.ask(" \t", GROUP)
    ala.ask(" 3 ", NICK)
    ala.ask("", NICK)
    ala.ask("  Ala\t", registered("3 Ala"), entered("3 Ala"))


def test_commands_are_answers_at_the_door(chat):
    """S1-07, D-4: before registration there are no commands, and nothing is said or heard."""
    ala = chat.enter("1 Ala")
    ola = chat.come()
    ala.ask("hello", "1 Ala: hello")
    ola.ask("/online", NICK)
    ola.ask("/wyjdz", "nick must not contain /", NICK)
    ala.ask("anybody?", "1 Ala: anybody?")
    ola.ask("Ola", registered("online Ola"), entered("online Ola"))
    ala.sees(entered("online Ola"))


def test_full(open_chat, world):
    """S1-12: beyond the maximum one is told so behind the questions; nobody else sees anything."""
    chat = open_chat(world, clients=1)
    ala = chat.enter("1 Ala")
    ola = chat.come()
    ola.ask("2", NICK)
    ola.ask("Ala", TAKEN)
    ola.ask("Ola", full("2 Ola"))
    ola.sees_the_end()
    ala.ask("/online", "Dostepni uzytkownicy: 1 Ala")
    ala.ask("/wyjdz", LEFT)
    ala.sees_the_end()
    chat.enter("2 Ola")


def test_the_greeting(open_chat, world):
    """D-9: it follows the login, for the newcomer alone, and not a change of the nick."""
    chat = open_chat(world, greeting="Hej hej")
    ala = chat.come()
    ala.ask("3", NICK)
    ala.ask("Ala", registered("3 Ala"), entered("3 Ala"), "Hej hej")
    ola = chat.come()
    ola.ask("3", NICK)
    ola.ask("Ola", registered("3 Ola"), entered("3 Ola"), "Hej hej")
    ala.sees(entered("3 Ola"))
    ala.ask("/rename Basia", RENAMED)


# -- talking ---------------------------------------------------------------------------------


def test_public(chat):
    """S1-09, S1-13: everybody gets group, nick and text, the sender too."""
    ala, ola, eva = chat.enter("3 Ala", "2 Ola", "lab 4 Eva")
    ala.type("hello  all: zażółć")
    for one in (ala, ola, eva):
        one.sees("3 Ala: hello  all: zażółć")
    eva.type("hi")
    for one in (ala, ola, eva):
        one.sees("lab 4 Eva: hi")


def test_white_space_at_the_ends_is_cut(line_chat):
    """S1-13, D-8: and a line of nothing else is an empty message, which is an error."""
    ala, ola = line_chat.enter("3 Ala", "2 Ola")
    ala.ask(" \thello\t ", "3 Ala: hello")
    ola.sees("3 Ala: hello")
    ala.ask(" /online ", "Dostepni uzytkownicy: 2 Ola, 3 Ala")
    ala.ask("", "the message is empty")
    ala.ask("\t ", "the message is empty")


def test_control_characters(chat):
    """D-8: TAB is allowed, any other one costs an error and the message."""
    ala, ola = chat.enter("3 Ala", "2 Ola")
    ala.ask("a\x1bb", "control characters are not allowed")
    ala.ask("a\tb", "3 Ala: a\tb")
    ola.sees("3 Ala: a\tb")


def test_help(chat):
    """S1-14: only the asker gets the list."""
    ala, ola = chat.enter("3 Ala", "2 Ola")
    ala.ask("/pomoc", HELP)
    ola.ask("/pomoc", HELP)


def test_online(chat):
    """S1-15, S1-09: the names sorted as strings, the asker's among them; only the asker sees it."""
    ala, *others = chat.enter("3 Ala", "20 Ola", "2 Eva", "lab 1 ula")
    ala.ask("/online", "Dostepni uzytkownicy: 2 Eva, 20 Ola, 3 Ala, lab 1 ula")
    others[0].ask("/wyjdz", LEFT)
    others[0].sees_the_end()
    for one in (ala, *others[1:]):
        one.sees(gone("20 Ola"))
    ala.ask("/online", "Dostepni uzytkownicy: 2 Eva, 3 Ala, lab 1 ula")


@pytest.mark.parametrize("answer", ["2 Ola", "Ola", "9 OLA", "any words ola"])
def test_private(chat, answer):
    """S1-16, D-3: the dialogue; the last word is the nick, and nobody else sees anything."""
    ala, ola, eva = chat.enter("3 Ala", "2 Ola", "4 Eva")
    ala.ask("/msg", RECIPIENT)
    ola.ask("meanwhile", "2 Ola: meanwhile")
    eva.sees("2 Ola: meanwhile")
    ala.ask(answer, "2 Ola: meanwhile", TEXT)
    ala.ask("/wyjdz,  they say", "Wysylasz do 2 Ola prywatna wiadomosc: /wyjdz,  they say")
    ola.sees("[prywatna] 3 Ala: /wyjdz,  they say")
    ala.ask("done", "3 Ala: done")
    ola.sees("3 Ala: done")
    eva.sees("3 Ala: done")


def test_private_to_nobody(chat):
    """S1-16: an unknown user ends the dialogue."""
    ala, ola = chat.enter("3 Ala", "2 Ola")
    ala.ask("/msg", RECIPIENT)
    ala.ask("2 Eva", NO_SUCH_USER)
    ala.ask("hello", "3 Ala: hello")
    ola.sees("3 Ala: hello")
    ala.ask("/msg", RECIPIENT)
    ala.ask("2 Ola", TEXT)
    ola.ask("/wyjdz", LEFT)
    ola.sees_the_end()
    ala.ask("are you there?", gone("2 Ola"), NO_SUCH_USER)
    ala.ask("hello", "3 Ala: hello")


def test_private_to_oneself(chat):
    """S1-16: one copy, and the confirmation."""
    ala = chat.enter("3 Ala")
    ala.ask("/msg", RECIPIENT)
    ala.ask("3 Ala", TEXT)
    ala.ask("milk", "Wysylasz do 3 Ala prywatna wiadomosc: milk", "[prywatna] 3 Ala: milk")


def test_what_is_private_stays_so_after_a_mistake(chat):
    """S1-16, D-8, D-10: a text that cannot be sent is asked for again, instead of going public."""
    ala, ola, _ = chat.enter("3 Ala", "2 Ola", "4 Eva")
    ala.ask("/msg", RECIPIENT)
    ala.ask("2 O\x7fla", "control characters are not allowed", RECIPIENT)
    ala.ask("2 Ola", TEXT)
    ala.ask("SECRET\x07", "control characters are not allowed", TEXT)
    ala.ask("SECRET" * 700, "line is longer than 4096 bytes", TEXT)
    ala.ask("SECRET", "Wysylasz do 2 Ola prywatna wiadomosc: SECRET")
    ola.sees("[prywatna] 3 Ala: SECRET")


def test_empty_answers_in_a_dialogue(line_chat):
    """S1-16, S1-18, D-8: the question is repeated; an empty text is an error besides."""
    ala, ola = line_chat.enter("3 Ala", "2 Ola")
    ala.ask("/msg", RECIPIENT)
    ala.ask("", RECIPIENT)
    ala.ask("Ola", TEXT)
    ala.ask(" ", "the message is empty", TEXT)
    ala.ask("hi", "Wysylasz do 2 Ola prywatna wiadomosc: hi")
    ola.sees("[prywatna] 3 Ala: hi")
    ala.ask("/changename", RENAMING, GROUP)
    ala.ask("", GROUP)
    ala.ask("3", NICK)
    ala.ask("", NICK)
    ala.ask("Ala", RENAMED)


# -- changing the name, and leaving ----------------------------------------------------------


def test_change_of_name(chat):
    """S1-18, S1-09: the questions of the door again, and nobody else is told."""
    ala, ola = chat.enter("3 Ala", "2 Ola")
    ala.ask("/changename", RENAMING, GROUP)
    ala.ask("4", NICK)
    ola.ask("who?", "2 Ola: who?")
    ala.ask("ola", "2 Ola: who?", TAKEN)
    ala.ask("a b", "nick must not contain white space", NICK)
    ala.ask("Basia", RENAMED)
    ala.ask("hello", "4 Basia: hello")
    ola.sees("4 Basia: hello")
    ola.ask("/online", "Dostepni uzytkownicy: 2 Ola, 4 Basia")
    ola.ask("/msg", RECIPIENT)
    ola.ask("3 Ala", NO_SUCH_USER)


def test_change_of_the_group_alone(chat):
    """S1-18, D-3: one's own nick is not taken; its case may change too."""
    ala, ola = chat.enter("3 Ala", "2 Ola")
    ala.ask("/changename", RENAMING, GROUP)
    ala.ask("4", NICK)
    ala.ask("Ala", RENAMED)
    ola.ask("/online", "Dostepni uzytkownicy: 2 Ola, 4 Ala")
    ala.ask("/changename", RENAMING, GROUP)
    ala.ask("4", NICK)
    ala.ask("ALA", RENAMED)
    ala.ask("/wyjdz", LEFT)
    ala.sees_the_end()
    ola.sees(gone("4 ALA"))


def test_leaving(chat):
    """S1-19: who leaves is told so and the connection ends; the others learn of it."""
    ala, ola, eva = chat.enter("3 Ala", "2 Ola", "4 Eva")
    ala.ask("/wyjdz", LEFT)
    ala.sees_the_end()
    ola.sees(gone("3 Ala"))
    eva.sees(gone("3 Ala"))
    ola.leave()
    eva.sees(gone("2 Ola"))
    eva.ask("/online", "Dostepni uzytkownicy: 4 Eva")
    chat.enter("5 Ala")
    eva.sees(entered("5 Ala"))


def test_trouble_with_one_client(chat):
    """S1-23: whoever goes without a word is removed, and the server goes on."""
    ala, ola = chat.enter("3 Ala", "2 Ola")
    door = chat.come()
    door.leave()
    another = chat.come()
    another.ask("3", NICK)
    another.leave()
    ola.ask("/msg", RECIPIENT)
    ola.leave()
    ala.sees(gone("2 Ola"))
    ala.ask("/online", "Dostepni uzytkownicy: 3 Ala")
    chat.enter("2 Ola")
    ala.sees(entered("2 Ola"))


# -- beyond the grammar ----------------------------------------------------------------------


def test_rooms(chat):
    """D-6: the verbs of rooms are asked for as /verb; who has not joined sees nothing."""
    ala, ola, eva = chat.enter("3 Ala", "2 Ola", "4 Eva")
    ala.ask("/create tea", "Utworzono pokoj tea.")
    ala.ask("/create tea", "room tea exists already")
    ala.ask("/rooms", "Dostepne pokoje: General, tea")
    ala.ask("/join tea", "Dolaczyles do pokoju tea.")
    ola.ask("/join  tea", "Dolaczyles do pokoju tea.")
    ala.sees("2 Ola dolaczyl do pokoju tea.")
    ala.ask("/say tea hi  there", "[#tea] 3 Ala: hi  there")
    ola.sees("[#tea] 3 Ala: hi  there")
    ola.ask("/leave tea", "Opusciles pokoj tea.")
    ala.sees("2 Ola opuscil pokoj tea.")
    ola.ask("/say tea hi", "you are not in room tea")
    ola.ask("/join", "room is missing")
    eva.ask("/join coffee", "there is no room coffee")


def test_other_verbs(chat):
    """D-6: any registered verb is a command, and answered as slash answers."""
    ala, ola = chat.enter("3 Ala", "2 Ola")
    ala.ask("/tell Ola hi  there", "Wysylasz do 2 Ola prywatna wiadomosc: hi  there")
    ola.sees("[prywatna] 3 Ala: hi  there")
    ala.ask("/tell Eva hi", NO_SUCH_USER)
    ala.ask("/whoami", "Ala")
    ala.ask("/users", "Dostepni uzytkownicy: 2 Ola, 3 Ala")
    ala.ask("/help whoami", "whoami: Show your own nick.")
    ala.ask("/help dance", "unknown command dance")
    ala.ask("/rename ola", "nick ola is taken")
    ala.ask("/rename Basia", RENAMED)
    ala.ask("/quit", LEFT)
    ala.sees_the_end()
    ola.sees(gone("3 Basia"))


def test_history(chat):
    """D-6: it is shown as the others saw it; a rename has no form, and an empty one a notice."""
    ala, ola = chat.enter("3 Ala", "2 Ola")
    ala.ask("/rename Basia", RENAMED)
    ala.ask("hello", "3 Basia: hello")
    ola.sees("3 Basia: hello")
    ola.ask("/history", entered("3 Ala"), entered("2 Ola"), "3 Basia: hello")
    ola.ask("/create tea", "Utworzono pokoj tea.")
    ola.ask("/join tea", "Dolaczyles do pokoju tea.")
    ola.ask("/history tea", "2 Ola dolaczyl do pokoju tea.")


# -- the documentation -----------------------------------------------------------------------

(SESSION,) = read(Path(__file__).parent.parent / "docs" / "wire" / "slash.md", "slash")


def test_the_documented_session(open_chat, world):
    """S1-07, S1-16: what the documentation shows is what happens."""
    chat = open_chat(world)
    people = {}
    for step in SESSION.steps:
        text = step.text.data().decode().removesuffix("\n")
        if step.verb == "connects":
            people[step.who] = chat.come(asked=False)
        elif step.verb == ">":
            people[step.who].type(text)
        elif step.verb == "<":
            people[step.who].sees(text)
        else:
            assert step.verb == "closed"
            people[step.who].sees_the_end()
