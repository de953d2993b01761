/**
 * A conversation: a room or a private one, as a list of items in the order of the server. Holds
 * no part of the page.
 *
 * An item has: kind (the server's event, `failed`, or `out` where we have left), time (ms), nick,
 * text, and what belongs to the kind; id where the server remembers it. Messages of ours that the
 * server has not confirmed have a state instead: `sending`, `unsure` when the connection broke
 * meanwhile, `failed`.
 */

export const NEWS = new Set(["entered", "left", "renamed", "joined", "parted", "created"]);

/**
 * Which of two ids is the older one. Ids are EPOCH-NUMBER; of epochs only their order of arrival
 * counts, since a server without a store takes random ones.
 */
export class Order {
  #epochs = [];

  /** Learn the epochs of ids, oldest first; older says that they come before all known ones. */
  learn(ids, older = false) {
    let at = older ? 0 : this.#epochs.length;
    for (const id of [...ids].reverse()) {
      const [epoch] = parts(id);
      const known = this.#epochs.indexOf(epoch);
      if (known < 0) this.#epochs.splice(at, 0, epoch);
      else at = known;
    }
  }

  /** Less than 0 if a is older than b. */
  compare(a, b) {
    const [epochA, numberA] = parts(a);
    const [epochB, numberB] = parts(b);
    if (epochA === epochB) return numberA - numberB;
    return this.#epochs.indexOf(epochA) - this.#epochs.indexOf(epochB);
  }
}

function parts(id) {
  const [epoch, number] = id.split("-");
  return [epoch, Number(number)];
}

/** The key by which names are compared; the server knows better, and tells names as they are. */
export const keyOf = (name) => name.normalize("NFC").toLowerCase();

/** Give what finds a nick in a text, where it is no part of another word. */
export function mentionOf(nick) {
  const escaped = nick.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"); // no others with the u flag
  return new RegExp(`(?<![\\p{L}\\p{N}_])${escaped}(?![\\p{L}\\p{N}_])`, "iu");
}

/** Make an item of what the server tells, live or as a record of the history. */
export function itemOf(data) {
  const time = data.time ? Date.parse(data.time) : Date.now();
  const said = data.event === "said" || data.event === "told";
  const item = {
    kind: data.event,
    id: data.id,
    time,
    day: new Date(time).toDateString(),
    nick: said ? data.source : data.nick,
    text: data.message,
  };
  if (data.event === "renamed") item.old = data.old;
  if (data.event === "missed") item.count = data.count;
  return item;
}

export class Conversation {
  items = [];
  more = null;
  /** Whether there are older messages: null as long as nobody has asked. */
  seen = "";
  /** The id up to which nothing is missing; where a resumed connection goes on. */
  catching = false;
  /** Whether what was said during a break is still being fetched. */
  left = false;
  /** Whether we have gone out of it, and hear of it only when we are back: General stays. */
  loading = null;
  /** While older messages are being loaded, a promise of them. */
  retry = 0;
  /** If what was said before could not be fetched, the timer of the next attempt. */
  counting = false;
  /** Whether it is still to be found out how much was unread before the page was loaded again. */
  sought = false;
  /** Whether older messages are loaded to get to one of them. */
  unread = 0;
  mentioned = false;
  line = null;
  /** The item above which the line of new messages is drawn. */
  read = "";
  /** The id that was read last, kept over a reload of the page. */
  draft = "";
  #ids = new Set();
  #order;

  constructor(name, isPrivate, order) {
    this.name = name;
    this.private = isPrivate;
    this.#order = order;
  }

  get key() {
    return (this.private ? "@" : "") + keyOf(this.name);
  }

  /** How commands of the history call it. */
  get place() {
    return (this.private ? "@" : "") + this.name;
  }

  /** Whether something may have been said in it that we do not know yet. */
  get isBehind() {
    return this.catching || this.left;
  }

  /** The first item that the server remembers, from which older ones are counted. */
  get firstId() {
    return this.items.find((item) => item.id)?.id ?? "";
  }

  get lastId() {
    return this.items.findLast((item) => item.id)?.id ?? "";
  }

  find(id) {
    return this.#ids.has(id) ? this.items.find((item) => item.id === id) : undefined;
  }

  /** Whether one item stands before another. */
  isBefore(one, other) {
    return this.items.indexOf(one) < this.items.indexOf(other);
  }

  /**
   * Put an item where it belongs; say whether it is new. One without an id stays where the
   * conversation was when it came.
   */
  add(item) {
    if (item.id && this.#ids.has(item.id)) return false;
    let at = this.items.length;
    if (item.id) {
      this.#ids.add(item.id);
      for (let index = at - 1; index >= 0; index--) {
        const { id } = this.items[index];
        if (!id) continue;
        if (this.#order.compare(id, item.id) < 0) break;
        at = index;
      }
    }
    this.items.splice(at, 0, item);
    return true;
  }

  remove(item) {
    const at = this.items.indexOf(item);
    if (at < 0) return;
    this.items.splice(at, 1);
    this.#ids.delete(item.id);
    if (this.line === item) this.line = null;
  }

  /**
   * Forget the oldest items beyond a number; they can be loaded again. A tenth more goes at once,
   * since the page has to move all rows when the first ones go.
   */
  trim(most) {
    if (this.items.length <= most) return;
    const gone = this.items.splice(0, this.items.length - Math.floor(most * 0.9));
    for (const { id } of gone) this.#ids.delete(id);
    this.more ||= gone.some((item) => item.id);
    if (gone.includes(this.line)) this.line = null;
    this.items.unshift(...gone.filter((item) => item.state)); // ours, and nobody else has them
  }

  /**
   * Find the message of ours that a record turns out to be: sent, but broken off before the
   * server could say so.
   */
  lost(record) {
    const told = flat(record.text);
    return this.items.find(
      (item) =>
        item.state === "unsure" &&
        item.nick === record.nick &&
        flat(item.text) === told &&
        (!item.after || this.#order.compare(item.after, record.id) < 0),
    );
  }
}

/** Servers may change white space. */
const flat = (text) => text.replace(/\s+/gu, " ").trim();
