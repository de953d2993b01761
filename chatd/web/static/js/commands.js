/**
 * What the reader asks for: texts, commands that begin with a slash, rooms to enter. Where a
 * command leads is shown, and what was written meanwhile goes along.
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
    const command = COMMAND.exec(text);
    const earlier = this.#waiting.get(from);
    if (command) {
      const led = earlier
        ? earlier.then(({ place = from }) => this.#carryOut(command, place))
        : this.#carryOut(command, from);
      this.#waiting.set(from, led);
      led.then(() => this.#waiting.get(from) === led && this.#waiting.delete(from));
      return;
    }
    const item = this.#chat.begin(from, text.startsWith("//") ? text.slice(1) : text);
    if (earlier) earlier.then((outcome) => this.#say(item, from, outcome));
    else this.#session.send(from, item);
  }

  async join(room) {
    const place = this.#place(await this.#session.ask("join", room));
    if (place) this.#chat.open(place);
  }

  async create(room) {
    await this.#session.ask("create", room);
    await this.join(room);
  }

  /**
   * Carry out a command; what it answers is shown in the conversation at hand. Resolves to the
   * place, a conversation, in which what is written next is meant; or to the refusal.
   */
  async #carryOut([text, verb, words = ""], from) {
    const chat = this.#chat;
    const { current } = chat;
    try {
      if (verb.toLowerCase() === "quit") this.#quit();
      const answers = await this.#session.ask(verb.toLowerCase(), words, { loud: true });
      for (const answer of answers) {
        if (TOLD.has(answer.event)) chat.note(current, "notice", inWords(answer));
      }
      return { place: this.#follow(this.#place(answers), from) };
    } catch (refusal) {
      const { code, message } = refusal;
      const there = code === "already-a-member" && chat.find(words.trim());
      if (there) return { place: this.#follow(there, from) };
      if (code === "closed") this.#giveBack(text, from);
      else chat.note(current, "failed", message, code);
      return { refusal };
    }
  }

  /** Say what has waited for a command, where that has led. */
  #say(item, from, { place, refusal }) {
    const chat = this.#chat;
    const at = place && this.#still(place);
    if (at === from) {
      this.#session.send(at, item);
    } else if (at) {
      from.remove(item);
      chat.emit("items", from);
      this.#session.again(at, Object.assign(item, { kind: at.private ? "told" : "said" }));
    } else if (refusal) {
      chat.mark(from, item, "failed", refusal);
    } else {
      chat.note(chat.current, "failed", "", "not-a-member");
    }
  }

  /** Go where a command leads, if the reader has not gone elsewhere; give where he writes on. */
  #follow(place, from) {
    if (!place) return from;
    if (this.#chat.current !== from) return place;
    if (place !== from) {
      place.draft = [place.draft, from.draft].filter(Boolean).join("\n");
      from.draft = "";
    }
    this.#chat.open(place);
    return place;
  }

  /** The conversation that answers have brought us into, if any. */
  #place(answers) {
    const entered = answers.find(({ event }) => event === "joined" || event === "told");
    if (!entered) return undefined;
    return this.#chat.find(entered.event === "joined" ? entered.room : `@${entered.to}`);
  }

  /** A conversation as it is now: who has closed a private one may write there, not in a room. */
  #still({ key, name, private: isPrivate }) {
    const chat = this.#chat;
    return chat.conversations.get(key) ?? (isPrivate ? chat.conversation(name, true) : undefined);
  }

  /** Have a command that was not carried out in the input field again, if that is empty. */
  #giveBack(text, from) {
    from.draft ||= text;
    this.#chat.emit("draft", from);
  }
}

/** An answer as lines of text, as it would be on a terminal. */
function inWords({ message, records = [] }) {
  return [message, ...records.map((each) => `${each.source}: ${each.message}`)].join("\n");
}
