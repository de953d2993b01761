/**
 * What coming and going means to private conversations: whoever is talked to may go or take
 * another nick, and somebody else come by that nick. So a conversation follows its person, and
 * tells what became of the nick, also of what happened while there was no connection.
 */

import { itemOf } from "./conversation.js";

const MOVES = new Set(["entered", "left", "renamed"]);

export class Partners {
  #chat;
  #waiting = new Map(); // by id, what came live behind what is still being fetched
  #told = new Set(); // ids of what could not wait for that

  constructor(chat) {
    this.#chat = chat;
  }

  /** Take in that somebody has come, gone or been renamed. */
  hear(data) {
    this.#waiting.set(data.id, data);
    const { catching, retry } = this.#chat.general;
    if (!catching || retry) this.release();
  }

  /** The same of what happened during a break, in order. */
  recall(record) {
    this.#waiting.delete(record.id);
    if (MOVES.has(record.event) && !this.#told.has(record.id)) this.#follow(record);
  }

  /** What happened during a break is known, or cannot be had now: go on with what came since. */
  release() {
    const { isBehind } = this.#chat.general;
    if (!isBehind) this.#told.clear();
    for (const [id, data] of this.#waiting) {
      if (isBehind) this.#told.add(id);
      this.#follow(data);
    }
    this.#waiting.clear();
  }

  #follow(data) {
    const { conversations } = this.#chat;
    const talk = data.old && this.#chat.find(`@${data.old}`);
    if (talk && (data.nick === talk.name || !this.#chat.find(`@${data.nick}`))) {
      conversations.delete(talk.key);
      talk.name = data.nick;
      conversations.set(talk.key, talk);
      this.#chat.emit("conversations");
    }
    for (const told of new Set([talk, this.#chat.find(`@${data.nick}`)])) {
      if (!told) continue;
      told.add({ ...itemOf(data), id: undefined });
      this.#chat.emit("items", told);
    }
  }
}
