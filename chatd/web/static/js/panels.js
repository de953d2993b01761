/**
 * Around the messages: the conversations, the people, and the head of the current conversation.
 * On a narrow screen the panels are drawers: one at a time, over the messages.
 */

import { avatar, byId, el, icon, refill, soon, spoken } from "./dom.js";
import { number, t } from "./i18n.js";

const MOST = 300; // people that are listed; the filter finds the others
const WIDE = matchMedia("(min-width: 1100px)"); // room for all three columns
const NARROW = matchMedia("(max-width: 719px)"); // and for one

export class Panels {
  #chat;
  #session;
  #app = byId("app");
  #opener = null; // what has the focus again when a drawer is closed

  constructor(chat, session) {
    this.#chat = chat;
    this.#session = session;
    const places = soon(() => this.#places());
    const people = soon(() => this.#people());
    for (const event of ["conversations", "users", "nick", "status"]) chat.on(event, places);
    for (const event of ["users", "nick"]) chat.on(event, people);
    chat.on("opened", () => {
      if (this.isDrawer) this.open("");
    });
    byId("filter").addEventListener("input", people);
    for (const button of document.querySelectorAll("[data-open]")) {
      button.addEventListener("click", () => this.toggle(button.dataset.open, button));
    }
    for (const button of document.querySelectorAll("[data-shut]")) {
      button.addEventListener("click", () => this.shut());
    }
    this.#app.addEventListener("click", ({ target }) => {
      if (target === this.#app && this.isDrawer) this.shut(); // beside it, where all is dimmed
    });
    for (const width of [WIDE, NARROW]) width.addEventListener("change", () => this.#fit());
    this.#fit();
  }

  /** Draw everything anew, in another language. */
  refresh() {
    this.#places();
    this.#people();
  }

  // -- drawers ----------------------------------------------------------------------------------

  /** Which panel is open beside what always is: `left`, `people`, `search` or none. */
  get shown() {
    return this.#app.dataset.panel;
  }

  /** Whether the open panel lies over the messages. */
  get isDrawer() {
    return this.shown === "left" ? NARROW.matches : this.shown !== "" && !WIDE.matches;
  }

  open(panel) {
    this.#app.dataset.panel = panel;
    byId("main").inert = this.isDrawer;
    for (const button of document.querySelectorAll("[data-open]")) {
      button.ariaExpanded = String(button.dataset.open === panel);
    }
  }

  toggle(panel, opener) {
    if (this.shown === panel) return this.shut();
    this.#opener = opener;
    this.open(panel);
    const first = panel === "search" ? byId("words") : byId(panel).querySelector("[data-shut]");
    if (panel === "search" || this.isDrawer) first.focus();
  }

  /** Close the open panel; say whether there was one to close. */
  shut() {
    if (!this.shown) return false;
    this.open(this.shown === "search" && WIDE.matches ? "people" : "");
    this.#opener?.focus();
    return true;
  }

  #fit() {
    this.open(WIDE.matches ? "people" : "");
  }

  // -- conversations ----------------------------------------------------------------------------

  /** The conversations in the order in which they are listed. */
  get order() {
    const all = [...this.#chat.conversations.values()];
    return [...all.filter((each) => !each.private), ...all.filter((each) => each.private)];
  }

  #places() {
    const all = this.order;
    refill(byId("rooms"), all.filter((each) => !each.private).map((each) => this.#place(each)));
    const talks = all.filter((each) => each.private);
    refill(byId("talks"), talks.map((each) => this.#place(each)));
    byId("no-talks").hidden = talks.length > 0;
    this.#head();
    const { nick } = this.#chat;
    const rename = spoken(`: ${t("rename.title")}`);
    if (nick) byId("me").replaceChildren(avatar(nick), el("span.name", {}, nick), rename);
    byId("left-unread").hidden = !all.some((each) => each.unread && each !== this.#chat.current);
  }

  #place(conversation) {
    const { name, unread, key } = conversation;
    const current = conversation === this.#chat.current;
    const button = el(
      "button.place",
      {
        type: "button",
        "data-key": key,
        "aria-current": current && "true",
        onclick: () => this.#chat.open(conversation),
      },
      conversation.private ? this.#face(name) : icon("room"),
      el("span.name", { dir: "auto" }, name),
    );
    button.classList.toggle("unread", unread > 0);
    if (unread) {
      const badge = el("span.badge", { "aria-hidden": "true" }, number(unread));
      badge.classList.toggle("loud", conversation.mentioned);
      button.append(badge, spoken(`, ${t("places.unread", { count: unread })}`));
    }
    return el("li", {}, button);
  }

  #face(nick) {
    const face = avatar(nick);
    face.classList.toggle("online", this.#chat.isOnline(nick));
    return face;
  }

  #head() {
    const { current } = this.#chat;
    byId("place").textContent = current.name;
    byId("place-icon").replaceChildren(current.private ? this.#face(current.name) : icon("room"));
    byId("place-state").textContent = current.private
      ? t(this.#chat.isOnline(current.name) ? "people.online" : "people.offline")
      : "";
    byId("log").ariaLabel = t("log.label", { name: current.name });
    const leave = byId("leave");
    leave.hidden = current === this.#chat.general;
    leave.disabled = !current.private && this.#session.status !== "in";
    leave.ariaLabel = t(current.private ? "places.close" : "places.leave", { name: current.name });
    leave.title = leave.ariaLabel;
    leave.replaceChildren(icon(current.private ? "close" : "leave"));
  }

  // -- people -----------------------------------------------------------------------------------

  #people() {
    const wanted = byId("filter").value.trim().toLowerCase();
    const nicks = [...this.#chat.users.values()]
      .filter((nick) => nick.toLowerCase().includes(wanted))
      .sort(new Intl.Collator(document.documentElement.lang).compare);
    refill(byId("users"), nicks.slice(0, MOST).map((nick) => this.#person(nick)));
    const rest = nicks.length - MOST;
    byId("more-users").textContent = rest > 0 ? t("people.more", { count: rest }) : "";
    byId("count").textContent = number(this.#chat.users.size);
  }

  #person(nick) {
    const own = nick === this.#chat.nick;
    const tell = () => this.#chat.open(this.#chat.conversation(nick, true));
    const button = el(
      own ? "div.person" : "button.person",
      own
        ? {}
        : { type: "button", "data-key": nick, title: t("people.tell", { nick }), onclick: tell },
      avatar(nick),
      el("span.name", { dir: "auto" }, nick),
      own && el("span.you", {}, t("people.you")),
    );
    return el("li", {}, button);
  }
}
