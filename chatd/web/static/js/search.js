/** The panel that finds messages, each shown among its neighbours. */

import { keyOf } from "./conversation.js";
import { avatar, byId, el } from "./dom.js";
import { failure, momentOf, t } from "./i18n.js";
import { BIG_PAGE } from "./past.js";
import { textOf } from "./rows.js";

const PAGES = 10; // big ones that are loaded to get to what was found, a few seconds each

export class Search {
  #chat;
  #session;
  #timeline;
  #results = byId("results");
  #state = byId("search-state");
  #asked = 0;

  constructor(chat, session, timeline) {
    this.#chat = chat;
    this.#session = session;
    this.#timeline = timeline;
    byId("search-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#search();
    });
  }

  /** Forget what was found, in another language. */
  clear() {
    this.#asked++;
    this.#show([], "");
  }

  async #search() {
    const words = byId("words").value.trim();
    if (!words) return;
    const here = byId("here").checked ? ` in ${this.#chat.current.place}` : "";
    const asked = ++this.#asked; // an answer to an earlier question comes too late
    this.#show([], t("search.busy"));
    try {
      const records = await this.#session.past.search(words + here);
      if (asked !== this.#asked) return;
      const count = records.filter((record) => record.found).length;
      this.#show(hits(records), count ? t("search.found", { count }) : t("search.nothing"));
    } catch (refusal) {
      if (asked === this.#asked) this.#show([], failure(refusal));
    }
  }

  #show(groups, state) {
    this.#state.textContent = state;
    this.#results.replaceChildren(...groups.map((group) => this.#group(group)));
  }

  #group(records) {
    const found = records.find((record) => record.found);
    const place = el("h3", { dir: "auto" }, placeOf(found, this.#chat.nick));
    return el("li", {}, place, ...records.map((record) => this.#record(record)));
  }

  #record(record) {
    const date = new Date(record.time);
    const show = ({ target }) => {
      target.previousSibling.remove();
      target.replaceWith(...textOf(record.message, true));
    };
    const lines = [
      el("div.by", {},
        avatar(record.source),
        el("span.nick", {}, record.source),
        el("time", { datetime: date.toISOString() }, momentOf(date))),
      ...textOf(record.message, false, show),
    ];
    if (!record.found) return el("div.near", {}, ...lines);
    const go = { type: "button", onclick: () => this.#go(record) };
    return el("div.hit", {}, ...lines, el("button.link", go, t("search.go")));
  }

  /** Show a message where it was said; older ones are loaded until it is there. */
  async #go(record) {
    const name = placeOf(record, this.#chat.nick);
    const conversation = this.#chat.conversations.get(keyOf(name));
    if (!conversation) {
      this.#state.textContent = t("search.gone");
      return;
    }
    this.#chat.open(conversation);
    conversation.sought = true;
    for (let left = PAGES; left && !conversation.find(record.id); left--) {
      if (!conversation.more || conversation.retry || this.#session.status !== "in") break;
      this.#state.textContent = t("search.loading");
      await this.#session.past.older(conversation, BIG_PAGE);
    }
    const item = conversation.find(record.id);
    this.#state.textContent = item ? "" : t("search.far");
    if (item && this.#chat.current === conversation) this.#timeline.reveal(item);
    conversation.sought = false;
  }
}

const placeOf = ({ room, to, source }, nick) => room ?? `@${source === nick ? to : source}`;

/** Put each message that was found together with its neighbours, of which it may have two. */
function hits(records) {
  const used = new Set();
  return records.flatMap((record, index) => {
    if (!record.found) return [];
    const group = records.slice(Math.max(0, index - 1), index + 2).filter((each, at, all) => {
      if (each === record) return true;
      const before = at < all.indexOf(record);
      return !each.found && !used.has(each) && before === isOlder(each.id, record.id);
    });
    for (const each of group) used.add(each);
    return [group];
  });
}

function isOlder(id, than) {
  const [epoch, number] = id.split("-").map(Number);
  const [otherEpoch, otherNumber] = than.split("-").map(Number);
  return epoch === otherEpoch ? number < otherNumber : epoch < otherEpoch;
}
