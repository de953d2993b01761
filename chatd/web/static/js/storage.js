/**
 * What the browser remembers: choices for good (localStorage), and this tab's place in the chat
 * for as long as the tab lives (sessionStorage), so that a reload goes on where it was. Nothing
 * else is kept, and a browser that refuses to keep anything costs no more than that.
 */

const TAB = "chatd.tab";
const CLAIMING = 5_000; // ms in which the page before a reload lets go of its nick, at the latest
const ASKING = 300; // ms in which another tab says that it has a nick

/** Give a choice: nick, language, theme or notify. */
export function choice(name) {
  try {
    return localStorage.getItem(`chatd.${name}`) ?? "";
  } catch {
    return "";
  }
}

export function choose(name, value) {
  try {
    localStorage.setItem(`chatd.${name}`, value);
  } catch {
    // Forgotten with the page.
  }
}

/**
 * Give what was kept for this tab, or an empty object: nick, places (each conversation with its
 * draft and the id that was read last), open (the key of one of them), seen (the last id of
 * General), and outgoing (messages that the server has not confirmed); or only farewell, a refusal:
 * why the page before has ended.
 */
export function recallTab() {
  try {
    return JSON.parse(sessionStorage.getItem(TAB)) ?? {};
  } catch {
    return {};
  }
}

export function keepTab(state) {
  try {
    sessionStorage.setItem(TAB, JSON.stringify(state));
  } catch {
    // Forgotten with the page.
  }
}

export function forgetTab() {
  try {
    sessionStorage.removeItem(TAB);
  } catch {
    // There was nothing.
  }
}

let claimed = "";
let release = () => {};

/**
 * Claim a nick for this tab, in place of the one before; say whether no other tab of the browser
 * has it. A tab that is duplicated takes its place in the chat along, which one of them can have.
 */
export async function claim(nick) {
  if (nick === claimed) return true;
  claimed = nick;
  release();
  const name = `chatd.nick.${nick}`;
  const isFree = await (navigator.locks ? lock(name) : askOthers(name));
  if (!isFree) claimed = "";
  return isFree;
}

/** Hold a lock of the browser's, which the page before a reload may still have for a moment. */
function lock(name) {
  return new Promise((resolve) => {
    const hold = () => new Promise((free) => {
      release = free;
      resolve(true);
    });
    const signal = AbortSignal.timeout(CLAIMING);
    navigator.locks.request(name, { signal }, hold).catch(() => resolve(false));
  });
}

/** Ask the other tabs; there are no locks where somebody could have changed the page on the way. */
function askOthers(name) {
  return new Promise((resolve) => {
    const channel = new BroadcastChannel(name);
    let isAsking = true;
    const silence = setTimeout(() => {
      isAsking = false;
      resolve(true);
    }, ASKING);
    release = () => {
      clearTimeout(silence);
      channel.close();
    };
    channel.onmessage = ({ data }) => {
      if (data === "whose?") return channel.postMessage("mine"); // we have asked before them
      if (!isAsking) return;
      release();
      resolve(false);
    };
    channel.postMessage("whose?");
  });
}
