/**
 * One WebSocket, from opening to its end. Requests are carried out in order and each is concluded
 * by a message with its tag, so what the server answers belongs to the oldest one that is not
 * concluded yet.
 */

const QUIET = 25_000; // ms of nothing after which we ask whether somebody is there
const PATIENCE = 10_000; // ms for an answer to that
const OPENING = 15_000; // ms for the connection itself
const LOOK = 5_000; // ms between two looks at the clock
const LONGEST = 4096; // bytes of one message to the server, with all that is around the text
const ANSWERS = new Set(["history", "found", "users", "rooms", "you", "notice"]);

/** Why a request failed: the server's code and words, or the code `closed`. */
export class Refusal extends Error {
  constructor(code, message = "") {
    super(message);
    this.code = code;
  }
}

/** Mistakes of ours are for the console, where they are seen. */
export function ignoreRefusal(error) {
  if (!(error instanceof Refusal)) throw error;
}

/** By how many bytes a request is too long; less than 1 if it is not. */
export const excess = (verb, data, tag = "99999") =>
  new TextEncoder().encode(JSON.stringify({ type: verb, data, tag })).length - LONGEST;

export class Connection {
  #socket;
  #requests = new Map(); // by tag, the oldest one first
  #tags = 0;
  #heard = Date.now();
  #asked = 0; // when a heartbeat went out that was not answered yet
  #clock;
  #onEvent;
  #onEnd;

  /**
   * onEvent(data, request) gets each message of the server's and the request that it may belong
   * to; onEnd() is called once, when the connection is gone. `opened` resolves or rejects.
   */
  constructor(url, onEvent, onEnd) {
    this.#onEvent = onEvent;
    this.#onEnd = onEnd;
    this.#socket = new WebSocket(url);
    this.opened = new Promise((resolve, reject) => {
      this.#socket.onopen = resolve;
      this.#socket.onclose = () => {
        reject(new Refusal("closed"));
        this.#end();
      };
    });
    this.opened.catch(() => {}); // who waits for it hears of it
    this.#socket.onmessage = ({ data }) => this.#receive(data);
    this.#clock = setInterval(() => this.check(), LOOK);
  }

  /**
   * Ask for a verb; resolves to the events that answered it, or rejects with a Refusal. about is
   * what onEvent may want to know of the request.
   */
  ask(verb, data = "", about = {}) {
    if (this.#socket.readyState !== WebSocket.OPEN) return Promise.reject(new Refusal("closed"));
    const tag = String(++this.#tags);
    if (excess(verb, data, tag) > 0) return Promise.reject(new Refusal("line-too-long"));
    const request = { ...about, answers: [] };
    const outcome = new Promise((resolve, reject) => Object.assign(request, { resolve, reject }));
    this.#requests.set(tag, request);
    this.#socket.send(JSON.stringify({ type: verb, data, tag }));
    return outcome;
  }

  /** Give the connection up: what is not concluded counts as unknown. */
  close() {
    this.#socket.close();
    this.#end();
  }

  /** Look whether the other side is still there; worth a call when the machine wakes up. */
  check() {
    const now = Date.now();
    if (this.#socket.readyState === WebSocket.CONNECTING) {
      if (now - this.#heard > OPENING) this.close();
    } else if (this.#asked) {
      if (now - this.#asked > PATIENCE) this.close();
    } else if (now - this.#heard > QUIET) {
      this.#asked = now;
      this.ask("whoami").catch(() => {});
    }
  }

  #receive(text) {
    this.#heard = Date.now();
    this.#asked = 0;
    const data = parse(text);
    if (!data) return;
    const [request] = this.#requests.values();
    if (data.tag !== undefined && this.#requests.has(data.tag)) this.#conclude(data);
    else {
      if (request && (data.own || ANSWERS.has(data.event))) request.answers.push(data);
      this.#onEvent(data, request);
    }
  }

  #conclude(data) {
    const { resolve, reject, answers } = this.#requests.get(data.tag);
    this.#requests.delete(data.tag);
    if (data.event === "failed") reject(new Refusal(data.code, data.message));
    else resolve(answers);
  }

  /** Say once that it is over. A dead network closes nothing, so this does not wait for it. */
  #end() {
    if (!this.#clock) return;
    clearInterval(this.#clock);
    this.#clock = 0;
    this.#socket.onmessage = null;
    const open = [...this.#requests.values()];
    this.#requests.clear();
    for (const { reject } of open) reject(new Refusal("closed"));
    this.#onEnd();
  }
}

function parse(text) {
  try {
    const message = JSON.parse(text);
    return message.type === "message" ? message.data : null;
  } catch {
    return null; // of no server that we know
  }
}
