/** The keyboard, where it works the same wherever one is. The help dialog lists these keys. */

import { byId } from "./dom.js";

/** Listen for keys. act has search(), help(), shut(), toEnd(), write() and move(steps). */
export function listen(act) {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || byId("app").hidden || document.querySelector("dialog:modal")) return;
    const wish = wishOf(event);
    if (!wish) return;
    if (wish !== "write") event.preventDefault(); // the first letter goes where one writes
    if (wish === "up" || wish === "down") act.move(wish === "up" ? -1 : 1);
    else act[wish]();
  });
}

function wishOf(event) {
  const { key, code, altKey, ctrlKey, metaKey, shiftKey } = event;
  if (altKey && !ctrlKey && !metaKey && !shiftKey) {
    return { ArrowUp: "up", ArrowDown: "down" }[key];
  }
  if (ctrlKey || metaKey) return { k: "search", "/": "help" }[nameOf(key, code)];
  if (key === "Escape") return "shut";
  if (event.target.closest("input, textarea, select")) return undefined;
  if (key === "?") return "help";
  if (key === "End") return "toEnd";
  return key.length === 1 && key !== " " ? "write" : undefined;
}

/** On a keyboard of another script the key is known by its place: K is Л in Russian, / is a dot. */
function nameOf(key, code) {
  if (key === "." && code === "Slash") return "/";
  return key > "~" && code.startsWith("Key") ? code.slice(3).toLowerCase() : key.toLowerCase();
}
