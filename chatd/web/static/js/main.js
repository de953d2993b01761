/** Puts the page together: the door, the chat behind it, and what this tab remembers of it. */

import { Chat } from "./chat.js";
import { Commands } from "./commands.js";
import { Composer } from "./composer.js";
import { NickDialog, RoomsDialog, SettingsDialog, setUp } from "./dialogs.js";
import { byId } from "./dom.js";
import { failure, LANGUAGES, preferred, t, use } from "./i18n.js";
import { listen } from "./keys.js";
import { Notifier } from "./notify.js";
import { Panels } from "./panels.js";
import { Search } from "./search.js";
import { Session } from "./session.js";
import { choice, choose, claim, forgetTab, keepTab, recallTab } from "./storage.js";
import { Timeline } from "./timeline.js";

const SAVING = 1_000; // ms between two looks at what a reload of the page would lose
const SOON = 500; // ms after which the door is shown to who waits whether a nick is free
const TALKS = 50; // private conversations, the last ones, that are there after a reload

const chat = new Chat();
const session = new Session(chat, `${location.origin.replace(/^http/, "ws")}/chat`);

// -- language and theme ---------------------------------------------------------------------------

const language = () => (choice("language") in LANGUAGES ? choice("language") : preferred());

function wear() {
  const theme = choice("theme");
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

wear();
await use(language());

// -- the parts ------------------------------------------------------------------------------------

const timeline = new Timeline(chat, session);
const commands = new Commands(chat, session, () => byId("quit").click());
const composer = new Composer(chat, session, commands, timeline);
const panels = new Panels(chat, session);
const notifier = new Notifier(chat);
const search = new Search(chat, session, timeline);
new NickDialog(chat, session);
new RoomsDialog(chat, session, commands, composer);
new SettingsDialog(async (name) => {
  if (name === "theme") return wear();
  await use(language());
  panels.refresh();
  timeline.refresh();
  composer.show();
  notifier.refresh();
  search.clear();
  showStatus();
});
byId("language").value = language();
setUp();

// -- the door -------------------------------------------------------------------------------------

function showStatus() {
  const { status } = session;
  const out = status === "out" || status === "entering";
  byId("door").hidden = !out;
  byId("app").hidden = out;
  byId("enter").disabled = status === "entering";
  const why = session.isTaken ? "status.taken" : "status.lost";
  byId("status").textContent = status === "lost" ? t(why) : "";
  byId("app").dataset.status = status;
}

chat.on("status", (status) => {
  const wasOut = byId("app").hidden;
  showStatus();
  if (wasOut && !byId("app").hidden) {
    chat.open(chat.current);
    composer.focus();
  } else if (status === "out") {
    byId("nick").focus();
  }
});

// Whoever was sent away does not come back by a reload, and leaves nothing for whoever is next.
chat.on("farewell", async ({ code, message }) => {
  byId("door-error").textContent = failure({ code, message });
  forgetTab();
  const response = await fetch("/").catch(() => null); // none for an address that is banned
  if (!response?.ok || session.status !== "out") return;
  keepTab({ farewell: { code, message } });
  location.reload();
});

chat.on("nick", () => {
  choose("nick", chat.nick);
  claim(chat.nick);
});

byId("door-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("door-error").textContent = "";
  try {
    await session.enter(byId("nick").value.trim());
  } catch (refusal) {
    const isDown = refusal.code === "closed";
    byId("door-error").textContent = isDown ? t("door.unreachable") : failure(refusal);
  }
});

byId("host").textContent = location.hostname;
byId("port").textContent = location.port || (location.protocol === "https:" ? "443" : "80");

byId("quit").addEventListener("click", () => {
  removeEventListener("pagehide", keep);
  clearInterval(saving);
  session.quit();
  forgetTab();
  location.reload();
});

byId("leave").addEventListener("click", () => {
  const { current } = chat;
  if (current.private) chat.close(current);
  else session.ask("leave", current.name).catch(() => {});
  composer.focus();
});

// -- the keyboard, and what wakes us --------------------------------------------------------------

listen({
  search: () => panels.toggle("search", document.activeElement),
  help: () => byId("help").showModal(),
  shut() {
    if ((panels.isDrawer || panels.shown === "search") && panels.shut()) return;
    timeline.toEnd();
    composer.focus();
  },
  toEnd: () => timeline.toEnd(),
  write: () => composer.focus(),
  move(steps) {
    const { order } = panels;
    const at = order.indexOf(chat.current) + steps + order.length;
    chat.open(order[at % order.length]);
    composer.focus();
  },
});

addEventListener("online", () => session.wake());
document.addEventListener("visibilitychange", () => document.hidden || session.wake());

// -- what this tab remembers ----------------------------------------------------------------------

/** Nothing that is said or written in private is put where it outlives the page. */
function keep() {
  if (session.status === "out" || session.status === "entering") return;
  const talks = [...chat.conversations.values()].filter((each) => each.private);
  const rooms = [...chat.conversations.values()].filter((each) => !each.private);
  const all = [...rooms, ...talks.slice(-TALKS)];
  const outgoing = rooms.flatMap((each) =>
    each.items.filter((item) => item.state).map((item) => ({ ...item, place: each.place })),
  );
  keepTab({
    nick: chat.nick,
    places: all.map(({ place, draft, read, private: isPrivate }) =>
      isPrivate ? { place, read } : { place, draft, read }),
    open: chat.current.key,
    seen: chat.general.seen,
    outgoing,
  });
}

/** Be where this tab was before the page was loaded again. */
function restore({ places = [], open, seen, outgoing = [] }) {
  const at = (place) => chat.conversation(place.replace(/^@/, ""), place.startsWith("@"));
  for (const { place, draft = "", read } of places) {
    Object.assign(at(place), { draft, read, counting: true });
  }
  for (const { place, ...item } of outgoing) {
    at(place).add({ ...item, state: item.state === "failed" ? "failed" : "unsure" });
  }
  // General goes on where it was, since it tells what became of the partners of private ones.
  if (seen) Object.assign(chat.general, { seen, catching: true });
  chat.current = chat.conversations.get(open) ?? chat.current;
}

addEventListener("pagehide", keep);
const saving = setInterval(keep, SAVING);

async function start() {
  const tab = recallTab();
  if (tab.farewell) {
    byId("door-error").textContent = failure(tab.farewell);
    forgetTab();
  }
  byId("nick").value = tab.nick || choice("nick");
  const door = setTimeout(showStatus, SOON);
  const isFree = tab.nick && (await claim(tab.nick));
  clearTimeout(door);
  if (session.status !== "out") return; // by another nick, meanwhile
  if (isFree) {
    restore(tab);
    chat.setNick(tab.nick);
    await session.resume(tab.nick);
  } else {
    showStatus();
    if (tab.nick) byId("door-error").textContent = failure({ code: "nick-taken" });
    byId("nick").select();
  }
}

byId("unloaded").hidden = true;
start().catch((mistake) => {
  forgetTab(); // what we cannot go on from, a reload could not either
  session.quit();
  throw mistake;
});
