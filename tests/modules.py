"""The modules of the web page without a browser, run by node."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import chatd

MODULES = Path(chatd.__file__).parent / "web" / "static" / "js"


def running_modules(tmp_path_factory):
    """Give a function that runs a script, which imports ./js/….js, and reads the JSON it prints."""
    if not (program := shutil.which("node")):
        pytest.skip("node is not installed: bin/setup-browser")
    folder = tmp_path_factory.mktemp("modules")
    (folder / "package.json").write_text('{"type": "module"}')
    shutil.copytree(MODULES, folder / "js")

    def run(script):
        (folder / "script.js").write_text(script)
        command = [program, "script.js"]
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=20, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    return run


SERVER = """
import { Chat } from "./js/chat.js";
import { Past } from "./js/past.js";
import { Session } from "./js/session.js";
const timer = setTimeout;
globalThis.setTimeout = (work, time) => timer(work, time / 1000);
globalThis.setInterval = () => 1;

const server = { said: [], failures: 0, asked: [], holds: "", socket: null,
                 rooms: { nowhere: "no-such-room" } };

globalThis.WebSocket = class {
  static OPEN = 1;
  readyState = 1;
  last = Promise.resolve();
  constructor() {
    server.socket = this;
    timer(() => this.onopen(), 0);
  }
  tell(data) {
    this.onmessage?.({ data: JSON.stringify({ type: "message", data }) });
  }
  send(text) {
    this.last = this.last.then(() => this.answer(JSON.parse(text)));
  }
  async answer({ type, data, tag }) {
    server.asked.push(`${type} ${data}`.trim());
    await wait(0);
    while (server.holds === type) await wait(1);
    const code = refusal(type, data);
    if (code) return this.tell({ event: "failed", tag, code, message: code });
    const [name, ...words] = data.split(" ");
    const told = { source: chat.nick, message: words.join(" ") };
    if (type === "set-name") this.tell({ event: "entered", own: true, nick: data });
    if (type === "history") this.tell({ event: "history", own: true, ...page(data) });
    if (type === "join") this.tell({ event: "joined", own: true, room: data, nick: chat.nick });
    if (type === "leave") this.tell({ event: "parted", own: true, room: data, nick: chat.nick });
    if (type === "say") this.tell({ event: "said", own: true, room: name, ...told });
    if (type === "tell") this.tell({ event: "told", own: true, to: name, ...told });
    this.tell({ event: "done", tag });
  }
  close() {
    timer(() => this.onclose(), 0);
  }
};

function refusal(type, data) {
  if (type === "join") return server.rooms[data] ?? "";
  if (type !== "history") return "";
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
"""A server as a WebSocket, to be put in front of a script.

It has said `said` in General, fails `failures` questions about it, and refuses who joins a room by
the code in `rooms`. While it `holds` a verb requests wait from there on.
"""
