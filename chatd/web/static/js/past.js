/**
 * What was said before: pages of the history, as the reader scrolls up, after a break, and what a
 * search finds. Questions about the past are few in a server's eyes: those that the page asks by
 * itself keep a distance, so that what the reader asks is carried out at once.
 */

const AGAIN = 3_000; // ms before a question that failed is asked once more
const PACE = 2_100; // ms between two of those that nobody waits for
const BURST = 4; // of them may come at once
const PAGE = 50; // older messages at a time
const MISSED_PAGE = 500; // as many as the server gives at once

export class Past {
  #chat;
  #ask;
  #due = 0; // when the next one that nobody waits for may follow

  /** ask(verb, data, about) asks the server, as Connection does. */
  constructor(chat, ask) {
    this.#chat = chat;
    this.#ask = ask;
  }

  /** Fetch all that was said since the connection broke, or the last page at the beginning. */
  async catchUp(conversation) {
    const { seen } = conversation;
    if (this.#chat.conversations.get(conversation.key) !== conversation) return; // closed
    if (conversation.catching && seen) {
      for (let more = `after ${seen}`; more; ) {
        await this.#turn();
        const page = await this.#page(conversation, `${MISSED_PAGE} ${more}`);
        if (!page) break;
        this.#chat.recall(conversation, page.records ?? [], false);
        conversation.seen = page.records?.at(-1)?.id ?? conversation.seen;
        more = page.more;
      }
    }
    conversation.catching = false;
    conversation.seen = conversation.lastId;
    if (conversation.more !== null) return;
    await this.#turn();
    await this.older(conversation);
  }

  /** Wait until a question about the past costs nobody else's turn. */
  async #turn() {
    const now = Date.now();
    this.#due = Math.max(this.#due, now - BURST * PACE) + PACE;
    await pause(this.#due - now);
  }

  /** Load a page of older messages, if there are any. */
  async older(conversation) {
    const { loading, more } = conversation;
    if (loading || more === false || this.#chat.isFull(conversation)) return;
    conversation.loading = true;
    this.#chat.emit("items", conversation);
    try {
      const first = conversation.firstId;
      const page = await this.#page(conversation, first ? `${PAGE} before ${first}` : `${PAGE}`);
      this.#chat.recall(conversation, page?.records ?? [], true);
      conversation.more = Boolean(page?.more);
    } catch (error) {
      if (error.code !== "closed") throw error; // else it is asked again with the next connection
    } finally {
      conversation.loading = false;
      this.#chat.emit("items", conversation);
    }
  }

  /** Ask for a page of the history; null where nothing is kept. Rejects when we are cut off. */
  async #page(conversation, which) {
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        const words = `${conversation.place} ${which}`;
        const answers = await this.#ask("history", words, { conversation });
        return answers.find((each) => each.event === "history") ?? null;
      } catch (refusal) {
        if (refusal.code === "closed") throw refusal;
        if (conversation.private) return null; // most servers keep nothing of it
        if (attempt === 2) this.#chat.note(conversation, "failed", refusal.message, refusal.code);
        else await pause(AGAIN);
      }
    }
    return null;
  }

  /** Find messages; resolves to a list of records, those that match have `found`. */
  async search(words) {
    const answers = await this.#ask("search", words, {});
    return answers.find((each) => each.event === "found")?.records ?? [];
  }
}

const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));
