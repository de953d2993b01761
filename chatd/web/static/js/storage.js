/**
 * What the browser remembers: choices for good (localStorage), and this tab's place in the chat
 * for as long as the tab lives (sessionStorage), so that a reload goes on where it was. Nothing
 * else is kept, and a browser that refuses to keep anything costs no more than that.
 */

const TAB = "chatd.tab";

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
 * with its draft and the id that was read last), open (the key of one of them), and outgoing
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
