/**
 * The dialogs: rooms, another nick, settings, help. All are native ones: Escape closes them, the
 * focus stays in them, and is afterwards where it was.
 */

import { byId, el, icon } from "./dom.js";
import { failure, LANGUAGES, t } from "./i18n.js";
import { choice, choose } from "./storage.js";
import { keyOf } from "./conversation.js";

const MOST = 200; // rooms that are listed; the filter finds the others

/** Give each dialog its buttons: those that open it, and those in it that close it. */
export function setUp() {
  for (const button of document.querySelectorAll("[data-dialog]")) {
    button.addEventListener("click", () => byId(button.dataset.dialog).showModal());
  }
  for (const dialog of document.querySelectorAll("dialog")) {
    for (const button of dialog.querySelectorAll(".close")) {
      button.addEventListener("click", () => dialog.close());
    }
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  }
}

/** Language, theme and notifications; changed(name) is called after each choice. */
export class SettingsDialog {
  constructor(changed) {
    for (const [code, name] of Object.entries(LANGUAGES)) {
      byId("language").append(el("option", { value: code, lang: code }, name));
    }
    byId("theme").value = choice("theme");
    for (const name of ["language", "theme"]) {
      byId(name).addEventListener("change", () => {
        choose(name, byId(name).value);
        changed(name);
      });
    }
    byId("notify").addEventListener("change", () => this.#notify());
    this.#permission();
  }

  /** Ask the browser when the reader wishes so, and never before. */
  async #notify() {
    const wished = byId("notify").checked;
    if (wished && Notification.permission !== "granted") await Notification.requestPermission();
    choose("notify", wished ? "yes" : "");
    this.#permission();
  }

  /** Browsers let pages notify only where nobody can have changed them on the way. */
  #permission() {
    const can = "Notification" in window && isSecureContext;
    const denied = can && Notification.permission === "denied";
    byId("notify").disabled = !can || denied;
    byId("notify").checked = can && Notification.permission === "granted" && !!choice("notify");
    byId("no-notify").hidden = can && !denied;
  }
}

/** Another nick. */
export class NickDialog {
  constructor(chat, session) {
    const dialog = byId("rename");
    const input = byId("new-nick");
    const error = byId("rename-error");
    byId("me").addEventListener("click", () => {
      input.value = chat.nick;
      error.textContent = "";
      dialog.showModal();
      input.select();
    });
    byId("rename-form").addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        if (input.value.trim() !== chat.nick) await session.ask("set-name", input.value.trim());
        dialog.close();
      } catch (refusal) {
        error.textContent = failure(refusal);
      }
    });
  }
}

/** All rooms: join, open or leave one, or create it. */
export class RoomsDialog {
  #chat;
  #session;
  #commands;
  #composer;
  #dialog = byId("all-rooms");
  #name = byId("room-name");
  #error = byId("rooms-error");

  constructor(chat, session, commands, composer) {
    this.#chat = chat;
    this.#session = session;
    this.#commands = commands;
    this.#composer = composer;
    byId("browse").addEventListener("click", () => this.open());
    this.#name.addEventListener("input", () => this.#show());
    byId("rooms-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const name = this.#name.value.trim();
      if (name) this.#enter(this.#known(name) ?? name);
    });
    for (const event of ["rooms", "conversations", "status"]) {
      chat.on(event, () => this.#dialog.open && this.#show());
    }
  }

  open() {
    this.#session.ask("rooms").catch(() => {}); // others create some, and we do not hear of it
    this.#name.value = "";
    this.#error.textContent = "";
    this.#show();
    this.#dialog.showModal();
  }

  #known(name) {
    return this.#chat.rooms.find((room) => keyOf(room) === keyOf(name));
  }

  /** The conversation in a room, if we are in it. */
  #joined(name) {
    const conversation = this.#chat.find(name);
    return conversation?.left ? undefined : conversation;
  }

  #show() {
    const wanted = keyOf(this.#name.value.trim());
    const rooms = this.#chat.rooms.filter((room) => keyOf(room).includes(wanted));
    byId("room-list").replaceChildren(...rooms.slice(0, MOST).map((room) => this.#room(room)));
    const rest = rooms.length - MOST;
    byId("more-rooms").textContent = rest > 0 ? t("rooms.more", { count: rest }) : "";
    const known = !wanted || this.#known(wanted);
    byId("enter-room").textContent = t(known ? "rooms.enter" : "rooms.create");
  }

  #room(name) {
    const mine = this.#joined(name);
    const isAway = this.#session.status !== "in";
    const button = (key, act, disabled = false) =>
      el("button.quiet",
        { type: "button", onclick: act, disabled, "aria-label": t(`${key}.of`, { name }) },
        t(key));
    return el("li", {},
      icon("room"),
      el("span.name", { dir: "auto" }, name),
      mine && el("span.tag", {}, t("rooms.mine")),
      mine && mine !== this.#chat.general &&
        button("rooms.leave", () => this.#session.ask("leave", name).catch(() => {}), isAway),
      button(mine ? "rooms.open" : "rooms.join", () => this.#enter(name)));
  }

  async #enter(name) {
    const mine = this.#joined(name);
    try {
      if (mine) this.#chat.open(mine);
      else if (this.#known(name)) await this.#commands.join(name);
      else await this.#commands.create(name);
      this.#dialog.close();
      this.#composer.focus();
    } catch (refusal) {
      this.#error.textContent = failure(refusal);
    }
  }
}
