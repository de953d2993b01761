/**
 * The messages of the current conversation. Keeps the reader's place: at the end as long as the
 * end is what he reads, else where he is, whatever comes above or below.
 */

import { byId, el, soon } from "./dom.js";
import { number, t } from "./i18n.js";
import { fill, layout, look } from "./rows.js";

const NEAR_END = 60; // px that still count as the end
const NEAR_START = 400; // px before the first row at which older ones are loaded
const QUIET = 600; // ms for which screen readers are spared what is not news
const FLASH = 2_000; // ms for which a row that was looked for is shown

export class Timeline {
  #chat;
  #session;
  #log = byId("log");
  #list = byId("rows");
  #jump = byId("jump");
  #rows = new WeakMap(); // by item
  #looks = new WeakMap(); // by row
  #first = null; // the item of the first row
  #stuck = true; // to the end
  #act;
  #render = soon(() => this.#show());

  constructor(chat, session) {
    this.#chat = chat;
    this.#session = session;
    this.#act = {
      tell: (nick) => nick !== chat.nick && chat.open(chat.conversation(nick, true)),
      again: (item) => session.canSay(chat.current) && session.again(chat.current, item),
      discard: (item) => chat.mark(chat.current, item, "gone"),
      unfold: (item, count) => this.#unfold(item, count),
      show: (item) => this.#showWhole(item),
    };
    chat.on("items", (conversation) => conversation === chat.current && this.#render());
    chat.on("opened", () => this.refresh());
    this.#log.addEventListener("scroll", () => this.#look(), { passive: true });
    this.#jump.addEventListener("click", () => this.toEnd());
    document.addEventListener("visibilitychange", () => this.#show()); // what came meanwhile
    const sizes = new ResizeObserver(() => this.#stuck && this.#scrollToEnd());
    sizes.observe(this.#log);
    sizes.observe(this.#list);
  }

  /** Draw everything anew: another conversation, or another language. */
  refresh() {
    this.#rows = new WeakMap();
    this.#list.replaceChildren();
    this.#stuck = true;
    this.#show();
  }

  /** Go to the end, where new messages come. */
  toEnd() {
    this.#stuck = true;
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#look();
  }

  /** Scroll by so many screens, for the keyboard. */
  page(screens) {
    this.#log.scrollBy(0, screens * this.#log.clientHeight * 0.85);
  }

  /** Show one item of the current conversation, in the middle. */
  reveal(item) {
    item.unfolded = true;
    this.#stuck = false;
    this.#show();
    const row = this.#rows.get(item);
    row.scrollIntoView({ block: "center" });
    focusable(row).focus({ preventScroll: true });
    this.#look();
    row.classList.add("flash");
    setTimeout(() => row.classList.remove("flash"), FLASH);
  }

  #unfold(item, count) {
    const { items } = this.#chat.current;
    const start = items.indexOf(item);
    for (const each of items.slice(start, start + count)) each.unfolded = true;
    this.#show();
  }

  /** Show all of a text; who reads on in it is not at the end. */
  #showWhole(item) {
    item.whole = true;
    this.#stuck = false;
    this.#show();
  }

  // -- drawing ----------------------------------------------------------------------------------

  #show() {
    const { current } = this.#chat;
    const anchor = this.#stuck ? null : this.#anchor();
    if (current.items[0] !== this.#first) this.#hush();
    this.#first = current.items[0];
    this.#arrange(current);
    byId("beginning").hidden = current.more !== false;
    byId("loading").hidden = !current.loading;
    if (this.#stuck) this.#scrollToEnd();
    else if (anchor?.row.isConnected) this.#log.scrollTop += anchor.row.offsetTop - anchor.top;
    this.#look();
  }

  /** Make the rows those of the items, and touch no more of them than has changed. */
  #arrange({ items, line }) {
    const places = layout(items, line);
    const rows = items.map((item, index) => this.#row(item, places[index]));
    const wanted = new Set(rows);
    for (const row of [...this.#list.children]) if (!wanted.has(row)) row.remove();
    let next = this.#list.firstElementChild;
    for (const row of rows) {
      if (row === next) next = next.nextElementSibling;
      else this.#list.insertBefore(row, next);
    }
  }

  #row(item, place) {
    let row = this.#rows.get(item);
    if (!row) this.#rows.set(item, (row = el("div.row")));
    const wanted = look(item, place);
    if (this.#looks.get(row) !== wanted) {
      const focused = row.contains(document.activeElement);
      fill(row, item, place, this.#act);
      if (focused) (row.querySelector("button:not(.nick), a") ?? focusable(row)).focus();
      this.#looks.set(row, wanted);
    }
    return row;
  }

  /** The first row in sight, and where it is. */
  #anchor() {
    const top = this.#log.scrollTop;
    const row = [...this.#list.children].find(
      (each) => !each.hidden && each.offsetTop + each.offsetHeight > top,
    );
    return row && { row, top: row.offsetTop };
  }

  /** Older messages are no news, and another conversation is none either. */
  #hush() {
    this.#log.ariaLive = "off";
    setTimeout(() => (this.#log.ariaLive = "polite"), QUIET);
  }

  // -- the reader's place -----------------------------------------------------------------------

  /** Go to the end, but not past the first message that the reader has not seen. */
  #scrollToEnd() {
    const log = this.#log;
    const { unread, line } = this.#chat.current;
    const row = unread && line && this.#rows.get(line);
    log.scrollTop = row ? Math.min(row.offsetTop - 12, log.scrollHeight) : log.scrollHeight;
  }

  #look() {
    const log = this.#log;
    const chat = this.#chat;
    this.#stuck = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END;
    chat.watching = this.#stuck && !document.hidden;
    if (chat.watching) chat.seen();
    this.#jump.hidden = this.#stuck;
    const { unread, more, loading } = chat.current;
    byId("jump-count").textContent = unread ? number(unread) : "";
    this.#jump.ariaLabel = unread ? t("log.jump.unread", { count: unread }) : t("log.jump");
    const wants = log.scrollTop < NEAR_START && more !== false && !loading;
    if (wants && this.#session.status === "in") this.#session.past.older(chat.current);
  }
}

function focusable(row) {
  row.tabIndex = -1;
  return row;
}
