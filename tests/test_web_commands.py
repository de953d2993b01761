"""What is written behind a command of the page goes where that leads, or nowhere. No browser."""

import pytest

from modules import SERVER, running_modules

COMMANDS = """
import { Commands } from "./js/commands.js";
const commands = new Commands(chat, session, () => {});
const { general } = chat;
const write = (text, from = chat.current) => commands.write(text, from);
const said = () => server.asked.filter((each) => each.startsWith("say") || each.startsWith("tell"));
const shown = (conversation) => conversation.items
  .filter((item) => item.kind === "said" || item.kind === "told")
  .map((item) => `${item.text} ${item.state ?? "sent"}`);
const allSent = (count) => until(() => said().length === count &&
  [...chat.conversations.values()].every(({ items }) => items.every((item) => !item.state)));
await session.enter("ala");
await until(() => general.more !== null);
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    run = running_modules(tmp_path_factory)
    return lambda script: run(SERVER + COMMANDS + script)


def test_what_waits_is_shown_and_goes_along(page):
    """Behind several commands, too; and so does what was only begun."""
    script = """
    server.holds = "join";
    for (const text of ["/join tea", "one", "/whoami", "two"]) write(text);
    general.draft = "thr";
    const waiting = [shown(general), said()];
    server.holds = "";
    await allSent(2);
    print({ waiting, said: said(), left: [shown(general), general.draft],
            there: [chat.current.name, shown(chat.current), chat.current.draft] });
    """
    assert page(script) == {
        "waiting": [["one sending", "two sending"], []],
        "said": ["say tea one", "say tea two"],
        "left": [[], ""],
        "there": ["tea", ["one sent", "two sent"], "thr"],
    }


def test_if_the_command_fails_nobody_hears_it(page):
    script = """
    server.holds = "join";
    write("/join nowhere");
    write("hello?");
    server.holds = "";
    await until(() => shown(general)[0].endsWith("failed"));
    const { error } = general.items.find((item) => item.state);
    print([error.code, said(), chat.current.name]);
    """
    assert page(script) == ["no-such-room", [], "General"]


def test_who_closes_a_private_conversation_says_nothing_elsewhere(page):
    script = """
    const eve = chat.conversation("eve", true);
    chat.open(eve);
    server.holds = "whoami";
    write("/whoami");
    write("psst");
    chat.close(eve);
    server.holds = "";
    await allSent(1);
    print([said(), shown(general), shown(chat.find("@eve")), general.draft, chat.current.name]);
    """
    assert page(script) == [["tell eve psst"], [], ["psst sent"], "", "General"]


def test_who_leaves_a_room_says_nothing_elsewhere(page):
    script = """
    await commands.join("tea");
    server.holds = "leave";
    write("/leave tea");
    write("bye");
    server.holds = "";
    await until(() => general.items.some((item) => item.kind === "failed"));
    print([said(), shown(general), general.items.at(-1).code]);
    """
    assert page(script) == [[], [], "not-a-member"]


def test_who_has_gone_elsewhere_stays_there(page):
    """And what was written goes where it was meant."""
    script = """
    const eve = chat.conversation("eve", true);
    server.holds = "join";
    write("/join tea");
    write("one");
    chat.open(eve);
    eve.draft = "dear eve";
    server.holds = "";
    await allSent(1);
    print([said(), chat.current.name, eve.draft, shown(chat.find("tea"))]);
    """
    assert page(script) == [["say tea one"], "eve", "dear eve", ["one sent"]]


def test_a_break_gives_back_what_was_not_carried_out(page):
    script = """
    server.holds = "join";
    write("/join tea");
    write("one");
    server.socket.close();
    await until(() => shown(general)[0].endsWith("failed"));
    print([general.draft, said(), general.items.find((item) => item.state).error.code]);
    """
    assert page(script) == ["/join tea", [], "closed"]


def test_to_join_a_room_again_is_to_go_there(page):
    script = """
    await commands.join("tea");
    chat.open(general);
    server.rooms.tea = "already-a-member";
    write("/join tea");
    await until(() => chat.current !== general);
    print([chat.current.name, general.items.filter((item) => item.kind === "failed")]);
    """
    assert page(script) == ["tea", []]


def test_after_a_break_rooms_are_joined_one_by_one(page):
    """So what is said meanwhile does not wait behind all of them."""
    script = """
    for (const room of ["tea", "coffee", "milk"]) await commands.join(room);
    const before = server.asked.length;
    server.holds = "join";
    server.socket.close();
    await until(() => session.status === "lost");
    session.wake();
    await until(() => server.asked.slice(before).some((each) => each.startsWith("join")));
    await wait(5);
    write("I am back", general);
    server.holds = "";
    await allSent(1);
    await until(() => server.asked.slice(before).includes("join coffee"));
    const asked = server.asked.slice(before);
    print(asked.filter((each) => each.startsWith("join") || said().includes(each)));
    """
    assert page(script) == ["join milk", "say General I am back", "join tea", "join coffee"]
