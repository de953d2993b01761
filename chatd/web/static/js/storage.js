/**
 * What the browser remembers: choices for good (localStorage), and this tab's place in the chat
 * for as long as the tab lives (sessionStorage), so that a reload goes on where it was. Nothing
 * else is kept, and a browser that refuses to keep anything costs no more than that.
 */

const TAB = "chatd.tab";
const CLAIMING = 5_000; // ms in which the page before a reload lets go of its nick, at the latest

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
 * Give what was kept for this tab, or an empty object: nick, places (each conversation
 * with its draft and the id that was read last), open (the key of one of them), seen (the last id of General), and outgoing
 * (messages that the server has not confirmed).
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
 * Browsers tell only where nobody can have changed the page on the way; elsewhere it is true.
 */
export function claim(nick) {
  if (nick === claimed || !navigator.locks) return Promise.resolve(true);
  claimed = nick;
  release();
  return new Promise((resolve) => {
    const hold = () => new Promise((free) => {
      release = free;
      resolve(true);
    });
    const signal = AbortSignal.timeout(CLAIMING);
    navigator.locks.request(`chatd.nick.${nick}`, { signal }, hold).catch(() => {
      claimed = "";
      resolve(false);
    });
  });
}
