/**
 * Our part in the conversation with the server: enters, asks, and when the connection breaks
 * comes back by the same nick and fetches what was said meanwhile. Holds no part of the page.
 *
 * Events, told by the chat: `status` (`out`, `entering`, `in`, `lost`) and `farewell` (a Refusal:
 * why we are out).
 */

import { Connection, excess, ignoreRefusal, Refusal } from "./connection.js";
import { Past } from "./past.js";

const FIRST_PAUSE = 500; // ms before the first attempt to come back
const LONGEST_PAUSE = 30_000;
// For so many ms our old connection may still have our nick: servers find out within 125 s that
// nobody is there, and after that there has to be one more attempt.
const NICK_TAKEN = 135_000 + LONGEST_PAUSE;
const FINAL = new Set(["kicked", "banned", "sent-away", "bad-name"]); // no use in coming back

export class Session {
  status = "out";
  /** While we are coming back: whether our nick is taken, most likely by our old connection. */
  isTaken = false;
  #chat;
  #url;
  #connection = null;
  #end = null; // what the server said before it closed
  #wake = () => {};

  constructor(chat, url) {
    this.#chat = chat;
    this.#url = url;
    /** What was said before. */
    this.past = new Past(chat, (...request) => this.ask(...request));
  }

  // -- coming and going -------------------------------------------------------------------------

  /** Enter by a nick. Rejects with a Refusal. */
  async enter(nick) {
    this.#become("entering");
    try {
      await this.#connect(nick);
    } catch (refusal) {
      this.#become("out");
      throw refusal;
    }
  }

  /** Come back by a nick that may still be in use by our connection of before. */
  async resume(nick) {
    this.#lose(false);
    let taken = 0;
    for (let time = FIRST_PAUSE; this.status === "lost"; time = longer(time)) {
      try {
        return await this.#connect(nick);
      } catch (refusal) {
        if (this.status !== "lost") return undefined; // the reader has gone
        this.#lose(refusal.code === "nick-taken");
        if (this.isTaken) taken ||= Date.now();
        const given = taken && Date.now() - taken > NICK_TAKEN;
        if (given || FINAL.has(refusal.code)) return this.#leave(refusal);
      }
      await this.#rest(time);
    }
  }

  /** Go for good. */
  quit() {
    this.#connection?.ask("quit").catch(() => {});
    this.#leave(null);
  }

  /** Try again now: the network is back, or the reader is. */
  wake() {
    this.#wake();
    this.#connection?.check();
  }

  async #connect(nick) {
    this.#end = null;
    const connection = new Connection(
      this.#url,
      (data, request) => this.#hear(data, request),
      () => this.#closed(connection),
    );
    try {
      await connection.opened;
      this.#connection = connection;
      await connection.ask("set-name", nick);
    } catch (refusal) {
      connection.close();
      throw refusal.code === "closed" && this.#end ? this.#end : refusal;
    }
    this.#become("in");
    this.#settle().catch(ignoreRefusal); // if the connection breaks it is resumed, and this with it
  }

  #closed(connection) {
    if (this.#connection !== connection) return;
    this.#connection = null;
    if (this.status !== "in") return;
    for (const conversation of this.#chat.conversations.values()) conversation.catching = true;
    if (FINAL.has(this.#end?.code)) this.#leave(this.#end);
    else this.resume(this.#chat.nick);
  }

  #leave(reason) {
    const connection = this.#connection;
    this.#become("out");
    connection?.close();
    this.#wake();
    if (reason) this.#chat.emit("farewell", reason);
  }

  #lose(isTaken) {
    if (this.status === "lost" && this.isTaken === isTaken) return;
    this.isTaken = isTaken;
    this.#become("lost");
  }

  #become(status) {
    this.status = status;
    this.#chat.emit("status", status);
  }

  #rest(time) {
    return new Promise((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, time * (0.5 + Math.random() / 2)); // not all clients at once
    });
  }

  // -- what the server says ---------------------------------------------------------------------

  #hear(data, request) {
    const chat = this.#chat;
    if (data.event === "failed") {
      this.#end = new Refusal(data.code, data.message);
      if (this.status === "in") chat.note(chat.current, "failed", data.message, data.code);
    } else if (data.event === "notice") {
      // What the page asks by itself is slowed down, too, and the reader need not know.
      if (request && !request.loud && data.code === "slow-down") return;
      chat.note(request?.conversation ?? chat.current, "notice", data.message);
    } else if (data.event === "entered" && data.own) {
      chat.setNick(data.nick);
      chat.hear(data);
      if (data.greeting) chat.note(chat.general, "notice", data.greeting);
    } else if (request?.item && data.own && data.event === request.item.kind) {
      chat.confirm(request.conversation, request.item, data);
    } else {
      chat.hear(data);
    }
  }

  // -- being there again ------------------------------------------------------------------------

  /** Learn who and what is there, join our rooms again, and fetch what was missed. */
  async #settle() {
    this.ask("users").catch(() => {});
    this.ask("rooms").catch(() => {});
    const chat = this.#chat;
    const all = [...chat.conversations.values()];
    const rooms = all.filter((each) => !each.private && each !== chat.general);
    const talks = all.filter((each) => each.private);
    const rest = new Set([chat.current, ...rooms, ...talks]);
    rest.delete(chat.general);
    const follow = async () => {
      // One by one: what the reader says meanwhile does not wait behind all of them.
      for (const each of rest) if (!each.private) await this.#rejoin(each);
      for (const each of rest) await this.past.catchUp(each);
    };
    // General tells who is who now, for which the private conversations wait.
    await Promise.all([this.past.catchUp(chat.general), follow()]);
  }

  async #rejoin(conversation) {
    try {
      await this.#joinOrMake(conversation.name);
    } catch (refusal) {
      if (refusal.code === "closed") throw refusal;
      if (refusal.code === "already-a-member") return;
      this.#chat.close(conversation);
      this.#chat.note(this.#chat.general, "failed", refusal.message, refusal.code);
    }
  }

  /** A server that keeps nothing has forgotten our room, too. */
  async #joinOrMake(room) {
    try {
      await this.ask("join", room);
    } catch (refusal) {
      if (refusal.code !== "no-such-room") throw refusal;
      await this.ask("create", room).catch(() => {}); // somebody else may have done so
      await this.ask("join", room);
    }
  }

  // -- requests ---------------------------------------------------------------------------------

  /**
   * Ask for any verb; resolves to the answers, or rejects with a Refusal. about may have: loud, if
   * the reader has asked; the conversation that it is about; the item that is to be said.
   */
  ask(verb, data = "", about = {}) {
    const closed = () => Promise.reject(new Refusal("closed"));
    return this.#connection?.ask(verb, data, about) ?? closed();
  }

  /** Whether something may be said in a conversation: in private when it is known who is who. */
  canSay(conversation) {
    const { catching, retry } = this.#chat.general;
    return this.status === "in" && !(conversation.private && catching && !retry);
  }

  /** By how many bytes a text is too long to be said; less than 1 if it is not. */
  excess(conversation, text) {
    return excess(...inWire(conversation, text));
  }

  /** Send a message of ours once more that failed, or of which we do not know. */
  again(conversation, item) {
    conversation.remove(item);
    conversation.add(Object.assign(item, { nick: this.#chat.nick, after: conversation.seen }));
    return this.send(conversation, item);
  }

  /** Send a message that the chat has begun; what becomes of it is shown in its conversation. */
  async send(conversation, item) {
    const update = (state, error) => this.#chat.mark(conversation, item, state, error);
    update("sending");
    try {
      const [verb, words] = inWire(conversation, item.text);
      await this.ask(verb, words, { item, conversation, loud: true });
      if (item.state === "sending") update(undefined); // done, and nothing more was told
    } catch (refusal) {
      if (item.state === "sending") {
        const { code, message } = refusal;
        update(code === "closed" ? "unsure" : "failed", { code, message });
      }
    }
  }
}

/** The request that says a text in a conversation. */
function inWire({ name, private: isPrivate }, text) {
  return [isPrivate ? "tell" : "say", `${name} ${text}`];
}

const longer = (time) => Math.min(time * 1.7, LONGEST_PAUSE);
