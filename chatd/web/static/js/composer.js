/** Where one writes: a draft for each conversation, and the bound on a message's length. */

import { byId } from "./dom.js";
import { failure, t } from "./i18n.js";

export class Composer {
  #chat;
  #session;
  #commands;
  #timeline;
  #text = byId("text");
  #hint = byId("hint");
  #shown = null; // the conversation whose draft is shown

  constructor(chat, session, commands, timeline) {
    this.#chat = chat;
    this.#session = session;
    this.#commands = commands;
    this.#timeline = timeline;
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#text.addEventListener("input", () => this.#typed());
    this.#text.addEventListener("keydown", (event) => this.#key(event));
    chat.on("opened", () => this.show());
    chat.on("draft", (conversation) => conversation === chat.current && this.show());
    chat.on("conversations", () => this.#label());
    for (const event of ["status", "ready"]) chat.on(event, () => this.#typed());
  }

  /** Show the draft of the current conversation. */
  show() {
    this.#shown = this.#chat.current;
    this.#text.value = this.#shown.draft;
    this.#label();
    this.#typed();
  }

  focus() {
    this.#text.focus();
  }

  #label() {
    const { current } = this.#chat;
    this.#text.placeholder = t("composer.hint", { name: current.name });
    this.#text.ariaLabel = this.#text.placeholder;
  }

  #typed() {
    if (this.#shown) this.#shown.draft = this.#text.value;
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight}px`;
    const over = this.#over();
    this.#tell(over > 0 ? t("composer.long", { count: over }) : "");
    byId("send").disabled = !this.#session.canSay(this.#chat.current) || over > 0;
  }

  /** By how many bytes the text is too long. */
  #over() {
    return this.#session.excess(this.#chat.current, this.#text.value.trim());
  }

  #tell(text) {
    this.#hint.textContent = text;
  }

  #key(event) {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#send();
    } else if (event.key === "PageUp" || event.key === "PageDown") {
      event.preventDefault();
      this.#timeline.page(event.key === "PageUp" ? -1 : 1);
    }
  }

  #send() {
    const text = this.#text.value.trim();
    if (!text || this.#over() > 0) return;
    if (!this.#session.canSay(this.#chat.current)) {
      this.#tell(failure({ code: "closed" }));
      return;
    }
    const { current } = this.#chat;
    this.#text.value = "";
    this.#typed();
    this.#timeline.toEnd();
    this.#commands.write(text, current);
  }
}
