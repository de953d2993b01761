/**
 * What was said before: pages of the history, as the reader scrolls up, after a break, and what a
 * search finds. Questions about the past are few in a server's eyes: those that the page asks by
 * itself keep a distance, so that what the reader asks is carried out at once.
 */

import { ignoreRefusal, Refusal } from "./connection.js";

const AGAIN = 3_000; // ms before a question that failed is asked once more
const TRIES = 3; // after which it is given up for a while
const LATER = 30_000; // ms before it is tried anew
const PACE = 2_100; // ms between two of those that nobody waits for
const BURST = 4; // of them may come at once
const PAGE = 50; // older messages at a time
export const BIG_PAGE = 500; // as many as the server gives at once
const UNREAD_PAGES = 3; // big ones, to count what was not read before the page was loaded again

export class Past {
  #chat;
  #ask;
  #due = 0; // when the next one that nobody waits for may follow
  #isPrivateKept = true; // by the server, as far as we know

  /** ask(verb, data, about) asks the server, as Connection does. */
  constructor(chat, ask) {
    this.#chat = chat;
    this.#ask = ask;
    chat.on("back", (conversation) => this.#back(conversation).catch(ignoreRefusal));
  }

  /** Fetch what we could not hear while we were out of General; it also tells who is there. */
  async #back(conversation) {
    await Promise.all([this.#ask("users", "", {}), this.catchUp(conversation)]);
  }

  /**
   * Fetch all that was said since the connection broke, or the last page at the beginning. What
   * fails is tried again later. Rejects when we are cut off.
   */
  async catchUp(conversation) {
    if (this.#chat.conversations.get(conversation.key) !== conversation) return; // closed
    if (conversation.left) return; // nobody tells us of it
    await this.#try(conversation, async () => {
      if (conversation.catching && conversation.seen) await this.#missed(conversation);
      this.#chat.caughtUp(conversation);
      if (conversation.more === null) await this.#load(conversation, PAGE, true);
      for (let left = UNREAD_PAGES; left && this.#chat.hasMoreUnread(conversation); left--) {
        await this.#load(conversation, BIG_PAGE, true);
      }
      conversation.counting = false;
    });
  }

  /** Load a page of older messages, if there are any. */
  async older(conversation, count = PAGE) {
    const { more, retry, left } = conversation;
    if (left || retry || more === false || this.#chat.isFull(conversation)) return;
    const load = this.#try(conversation, () => this.#load(conversation, count));
    await load.catch(ignoreRefusal); // cut off: it is asked again with the next connection
  }

  /** Do what asks about a conversation's past; if that fails say so, once, and try again later. */
  async #try(conversation, work) {
    try {
      await work();
      clearTimeout(conversation.retry);
      conversation.retry = 0;
    } catch (refusal) {
      if (!(refusal instanceof Refusal) || refusal.code === "closed") throw refusal;
      if (!conversation.retry && !conversation.left) {
        this.#chat.note(conversation, "failed", refusal.message, refusal.code);
      }
      clearTimeout(conversation.retry);
      const again = () => this.catchUp(conversation).catch(ignoreRefusal);
      conversation.retry = setTimeout(again, LATER);
      this.#chat.goOn(conversation);
    }
    this.#chat.emit("items", conversation);
  }

  async #missed(conversation) {
    for (let more = `after ${conversation.seen}`; more; ) {
      await this.#turn();
      const page = await this.#page(conversation, `${BIG_PAGE} ${more}`);
      this.#chat.recall(conversation, page.records ?? [], false);
      conversation.seen = page.records?.at(-1)?.id ?? conversation.seen;
      more = page.more;
    }
  }

  /** Load older messages; whoever asks while some are being loaded waits for them. */
  #load(conversation, count, inTurn = false) {
    conversation.loading ??= this.#fetch(conversation, count, inTurn).finally(() => {
      conversation.loading = null;
    });
    return conversation.loading;
  }

  async #fetch(conversation, count, inTurn) {
    if (conversation.private && !this.#isPrivateKept) {
      conversation.more = false;
      return;
    }
    this.#chat.emit("items", conversation);
    if (inTurn) await this.#turn();
    const first = conversation.firstId;
    const page = await this.#page(conversation, first ? `${count} before ${first}` : `${count}`);
    this.#chat.recall(conversation, page.records ?? [], true);
    conversation.more = Boolean(page.more);
  }

  /** Wait until a question about the past costs nobody else's turn. */
  async #turn() {
    const now = Date.now();
    this.#due = Math.max(this.#due, now - BURST * PACE) + PACE;
    await pause(this.#due - now);
  }

  /** Ask for a page of the history; an empty one where nothing is kept. */
  async #page(conversation, which) {
    for (let attempt = 1; ; attempt++) {
      try {
        const words = `${conversation.place} ${which}`;
        const answers = await this.#ask("history", words, { conversation });
        return answers.find((each) => each.event === "history") ?? {};
      } catch (refusal) {
        if (refusal.code === "not-kept") {
          this.#isPrivateKept = false;
          return {};
        }
        if (refusal.code === "closed" || conversation.left || attempt === TRIES) throw refusal;
        await pause(AGAIN);
      }
    }
  }

  /** Find messages; resolves to a list of records, those that match have `found`. */
  async search(words) {
    const answers = await this.#ask("search", words, {});
    return answers.find((each) => each.event === "found")?.records ?? [];
  }
}

const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));
