"""What the page does about the past: fetches it, and tells what became of whom. No browser."""

import pytest

from modules import SERVER, running_modules


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    run = running_modules(tmp_path_factory)
    return lambda script: run(SERVER + script)


def test_a_history_that_fails_is_asked_again_later(page):
    """After a break and at the beginning; a failure is no end of what is kept, and told once."""
    script = """
    says("one");
    server.failures = 7;
    await session.enter("ala");
    await until(() => chat.general.retry);
    const before = [chat.general.more, texts()];
    await until(() => chat.general.more !== null);
    server.failures = 7;
    session.wake();
    server.socket.close();
    for (const text of ["two", "three"]) says(text);
    await until(() => chat.general.retry);
    server.socket.tell(says("four"));
    const meanwhile = texts();
    await until(() => !chat.general.catching);
    const notes = chat.general.items.filter((item) => item.kind === "failed").length;
    print({ before, meanwhile, after: texts(), notes });
    """
    assert page(script) == {
        "before": [None, []],
        "meanwhile": ["one", "four"],
        "after": ["one", "two", "three", "four"],
        "notes": 2,
    }


def test_a_private_conversation_follows_its_person(page):
    """Also during a break, and whatever comes live before that is known waits for it."""
    script = """
    says("hello");
    await session.enter("ala");
    await until(() => chat.general.more !== null);
    const ola = chat.conversation("ola", true);
    const eve = chat.conversation("eve", true);
    server.holds = "history";
    server.socket.close();
    happens("renamed", { old: "ola", nick: "olga" });
    happens("entered", { nick: "ola" });
    happens("left", { nick: "eve" });
    await until(() => session.status === "lost");
    session.wake();
    await until(() => session.status === "in");
    server.socket.tell(happens("renamed", { old: "ola", nick: "max" }));
    const meanwhile = [ola.name, session.canSay(ola), session.canSay(chat.general)];
    server.holds = "";
    await until(() => !chat.general.catching);
    server.socket.tell(happens("left", { nick: "olga" }));
    const told = [ola, eve].map(({ items }) => items.map(({ kind, nick }) => `${kind} ${nick}`));
    print({ meanwhile, after: [ola.name, session.canSay(ola)], told });
    """
    assert page(script) == {
        "meanwhile": ["ola", False, True],
        "after": ["olga", True],
        "told": [["renamed olga", "left olga"], ["left eve"]],
    }


def test_strangers_do_not_delay_rooms(page):
    """Their conversations come last, and what is not kept is asked once."""
    script = """
    for (const nick of ["eve", "eva", "ewa"]) chat.conversation(nick, true);
    chat.conversation("tea");
    const asked = () => server.asked.filter((each) => each.startsWith("history"));
    await session.enter("ala");
    await until(() => chat.conversation("ewa", true).more === false);
    print(asked());
    """
    assert page(script) == ["history General 50", "history tea 50", "history @eve 50"]


def test_what_is_missing_is_no_message(page):
    """That a server was killed may be a line, and does not count as unread."""
    script = """
    says("one");
    await session.enter("ala");
    await until(() => chat.general.more !== null);
    server.socket.close();
    happens("missed", { source: "[Server]", message: "some may be missing" });
    await until(() => session.status === "lost");
    session.wake();
    await until(() => session.status === "in" && !chat.general.catching);
    const meanwhile = chat.unread;
    server.socket.tell(says("two"));
    print([chat.general.items.at(-2).kind, meanwhile, chat.unread]);
    """
    assert page(script) == ["missed", 0, 1]


def test_general_stays_when_it_is_left(page):
    """Nothing asks about it then; whoever joins or comes back is told what was said meanwhile."""
    script = """
    says("one");
    await session.enter("ala");
    await until(() => chat.general.more !== null);
    const out = async () => {
      await session.ask("leave", "General");
      const asked = server.asked.length;
      chat.general.more = true; // there is more for who scrolls up
      await session.past.older(chat.general);
      chat.general.more = null; // nobody knows yet whether there is
      await session.past.catchUp(chat.general);
      return [chat.general.left, chat.general.items.some((item) => item.kind === "out"),
        server.asked.length - asked];
    };
    const first = await out();
    says("two");
    server.socket.tell({ ...happens("renamed", { old: "ala", nick: "ola" }), own: true });
    const other = chat.conversation("ala", true); // the nick was free
    await session.ask("join", "General");
    await until(() => texts().length > 1 && chat.general.more !== null);
    const users = server.asked.filter((each) => each === "users").length;
    const second = await out();
    says("three");
    server.socket.close();
    await until(() => session.status === "lost");
    session.wake();
    await until(() => texts().length > 2);
    const failed = chat.general.items.some((item) => item.kind === "failed");
    const { left } = chat.general;
    print({ first, users, second, texts: texts(), left, failed, other: other.name });
    """
    assert page(script) == {
        "first": [True, True, 0],
        "users": 2,
        "second": [True, True, 0],
        "texts": ["one", "two", "three"],
        "left": False,
        "failed": False,
        "other": "ala",
    }


def test_all_that_was_unread_before_a_reload_is_counted(page):
    script = """
    for (let n = 1; n <= 700; n++) says(`message ${n}`);
    const tea = chat.conversation("tea");
    chat.current = tea;
    Object.assign(chat.general, { read: "7-20", counting: true });
    await session.enter("ala");
    await until(() => chat.general.more !== null && !chat.general.counting);
    print([chat.general.unread, chat.general.line.id]);
    """
    assert page(script) == [680, "7-21"]
