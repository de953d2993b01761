/**
 * What the reader asks for: texts, commands that begin with a slash, rooms to enter. Where that
 * leads is shown, and what he has written meanwhile goes along.
 */

const COMMAND = /^\/([a-z][a-z0-9-]*)(?:\s+([^]*))?$/i;
const TOLD = new Set(["users", "rooms", "you", "history", "found"]); // answers in words

export class Commands {
  #chat;
  #session;
  #quit;
  #waiting = new Map(); // by conversation: a promise of what becomes of the last command in it

  /** quit() is called when the reader wants to go. */
  constructor(chat, session, quit) {
    this.#chat = chat;
    this.#session = session;
    this.#quit = quit;
  }

  /**
   * Carry out what was written in a conversation. Behind a command it waits for that: who writes
   * "/join tea" and goes on means tea, and if there is no tea he means nobody else.
   */
  write(text, from) {
    const earlier = this.#waiting.get(from);
    const led = earlier
      ? earlier.then((place) => this.#carryOut(text, place, from))
      : this.#carryOut(text, from, from);
    if (!(led instanceof Promise)) return;
    this.#waiting.set(from, led);
    led.then(() => this.#waiting.get(from) === led && this.#waiting.delete(from));
  }

  async join(room) {
    const place = this.#place(await this.#session.ask("join", room));
    if (place) this.#chat.open(place);
  }

  async create(room) {
    await this.#session.ask("create", room);
    await this.join(room);
  }

  /** Give where what is written next belongs: a conversation, or null if a command failed. */
  #carryOut(text, place, from) {
    if (!place) {
      const at = this.#still(from);
      at.draft = joined(at.draft, text);
      this.#chat.emit("draft", at);
      return null;
    }
    const [, verb, words = ""] = COMMAND.exec(text) ?? [];
    if (verb?.toLowerCase() === "quit") return this.#quit();
    if (verb) return this.#command(verb.toLowerCase(), words, from);
    this.#session.say(place, text.startsWith("//") ? text.slice(1) : text);
    return place;
  }

  /** Carry out a command; what it answers is shown in the conversation at hand. */
  async #command(verb, words, from) {
    const chat = this.#chat;
    const { current } = chat;
    try {
      const answers = await this.#session.ask(verb, words, { loud: true });
      for (const answer of answers) {
        if (TOLD.has(answer.event)) chat.note(current, "notice", inWords(answer));
      }
      const place = this.#place(answers);
      if (!place) return this.#still(from);
      if (chat.current === current) this.#go(current, place);
      return place;
    } catch ({ code, message }) {
      if (code !== "closed") chat.note(current, "failed", message, code);
      return null;
    }
  }

  /** Show another conversation; what has been begun since the command was given goes along. */
  #go(from, place) {
    if (place !== from) {
      place.draft = joined(place.draft, from.draft);
      from.draft = "";
    }
    this.#chat.open(place);
  }

  /** The conversation that answers have brought us into, if any. */
  #place(answers) {
    const entered = answers.find(({ event }) => event === "joined" || event === "told");
    if (!entered) return undefined;
    return this.#chat.find(entered.event === "joined" ? entered.room : `@${entered.to}`);
  }

  /** A conversation, or if the command was to leave it the one that is shown instead. */
  #still(conversation) {
    return this.#chat.conversations.has(conversation.key) ? conversation : this.#chat.current;
  }
}

const joined = (...texts) => texts.filter(Boolean).join("\n");

/** An answer as lines of text, as it would be on a terminal. */
function inWords({ message, records = [] }) {
  return [message, ...records.map((each) => `${each.source}: ${each.message}`)].join("\n");
}
