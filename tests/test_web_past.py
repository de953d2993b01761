"""What the page does about the past: fetches it, and tells what became of whom. No browser."""

import pytest

from modules import running_modules

# A server as a WebSocket: it has said `said` in General, and fails `failures` questions about it.
SERVER = """
import { Chat } from "./js/chat.js";
import { Past } from "./js/past.js";
import { Session } from "./js/session.js";
const timer = setTimeout;
globalThis.setTimeout = (work, time) => timer(work, time / 1000);
globalThis.setInterval = () => 1;

const server = { said: [], failures: 0, asked: [], holds: false, socket: null };

globalThis.WebSocket = class {
  static OPEN = 1;
  readyState = 1;
  constructor() {
    server.socket = this;
    timer(() => this.onopen(), 0);
  }
  tell(data) {
    this.onmessage?.({ data: JSON.stringify({ type: "message", data }) });
  }
  async send(text) {
    const { type, data, tag } = JSON.parse(text);
    server.asked.push(`${type} ${data}`.trim());
    await wait(0);
    if (type === "set-name") this.tell({ event: "entered", own: true, nick: data });
    const code = type === "history" && refusal(data);
    if (code) return this.tell({ event: "failed", tag, code, message: code });
    while (type === "history" && server.holds) await wait(1);
    if (type === "history") this.tell({ event: "history", own: true, ...page(data) });
    this.tell({ event: "done", tag });
  }
  close() {
    timer(() => this.onclose(), 0);
  }
};

function refusal(data) {
  if (data.startsWith("@")) return "not-kept";
  return server.failures > 0 && server.failures-- ? "store" : "";
}

function page(data) {
  const [room, count, way, id] = data.split(" ");
  const place = server.said.findIndex((record) => record.id === id);
  const all = room !== "General" ? []
    : way === "after" ? server.said.slice(place + 1)
    : way === "before" ? server.said.slice(0, place) : server.said;
  const most = Number(count);
  const records = way === "after" ? all.slice(0, most) : all.slice(-most);
  return { room, records, more: records.length < all.length ? `${way ?? "before"} ${
    records.at(way === "after" ? -1 : 0).id}` : "" };
}

let number = 0;
function happens(event, more) {
  const id = `7-${++number}`;
  const record = { source: "bob", event, id, time: "2026-11-21T19:20:11Z", ...more };
  server.said.push(record);
  return record;
}
const says = (message) => happens("said", { room: "General", message });

const wait = (time) => new Promise((resolve) => timer(resolve, time));
async function until(condition) {
  for (let left = 2000; left && !condition(); left--) await wait(1);
}

const chat = new Chat();
const session = new Session(chat, "");
const texts = () => chat.general.items.filter((item) => item.kind === "said").map((it) => it.text);
const print = (value) => {
  console.log(JSON.stringify(value));
  process.exit();
};
"""


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
    server.holds = true;
    server.socket.close();
    happens("renamed", { old: "ola", nick: "olga" });
    happens("entered", { nick: "ola" });
    happens("left", { nick: "eve" });
    await until(() => session.status === "lost");
    session.wake();
    await until(() => session.status === "in");
    server.socket.tell(happens("renamed", { old: "ola", nick: "max" }));
    const meanwhile = [ola.name, session.canSay(ola), session.canSay(chat.general)];
    server.holds = false;
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
