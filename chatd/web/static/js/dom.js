/**
 * Small tools to build the page. What users write only ever becomes text nodes: nothing here, or
 * anywhere in the page, parses HTML, and the page's Trusted Types policy would refuse it.
 */

const SVG = "http://www.w3.org/2000/svg";
const LINK = /(?<![\p{L}\p{N}])https?:\/\/[^\s<>"]+/giu;
const HUES = [15, 38, 60, 130, 152, 175, 200, 228, 255, 282, 312, 345]; // yellow is mud when dark
const LONGEST_LINK = 2000; // characters; what is longer stays text
const BEHIND_LINK = ".,;:!?'»”…";
const OPENING = { ")": "(", "]": "[", "}": "{" };

/** Find an element of index.html. */
export const byId = (id) => document.getElementById(id);

/**
 * Make an element: `el("button.small", {type: "button", onclick: f}, "text", node)`.
 * Properties that are undefined, null or false are left out, and so are such children.
 */
export function el(name, properties = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child || child === 0));
  return node;
}

/** One of the symbols of index.html, for the eye only. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Text that only screen readers tell. */
export const spoken = (text) => el("span.spoken", {}, text);

/** Turn a nick into a hue, the same everywhere. */
export function hue(nick) {
  let hash = 7;
  for (const character of nick.toLowerCase()) {
    hash = Math.imul(hash ^ character.codePointAt(0), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return HUES[(hash >>> 0) % HUES.length];
}

/** Give an element the colour of a nick; the style sheet makes of it what fits the theme. */
export function tint(node, nick) {
  node.style.setProperty("--hue", hue(nick));
  return node;
}

/** The first letters of a nick's parts, two at most. */
export function initials(nick) {
  const parts = nick.split(/[-_.\s]+/u).filter(Boolean);
  return parts.slice(0, 2).map((part) => [...part][0].toUpperCase()).join("");
}

export const avatar = (nick) =>
  tint(el("span.avatar", { "aria-hidden": "true" }, initials(nick)), nick);

/** What a text of a user looks like: text nodes, and links to web addresses in it. */
export function richText(text) {
  const nodes = [];
  let end = 0;
  for (const found of text.matchAll(LINK)) {
    const address = withoutTail(found[0]);
    if (address.length > LONGEST_LINK || !isWebAddress(address)) continue;
    const link = { href: address, target: "_blank", rel: "noopener noreferrer", dir: "ltr" };
    nodes.push(text.slice(end, found.index), el("a", link, address));
    end = found.index + address.length;
  }
  nodes.push(text.slice(end));
  return nodes.filter(Boolean);
}

/**
 * A sentence's end is not the link's; a closing bracket is if the link opens it. Looks at each
 * character once or twice, since a text of a stranger's must not keep the page busy.
 */
function withoutTail(address) {
  const spare = {}; // closing brackets that nothing opens, by kind
  for (const [close, open] of Object.entries(OPENING)) {
    spare[close] = address.split(close).length - address.split(open).length;
  }
  for (let end = address.length; ; end--) {
    const last = address[end - 1];
    if (spare[last] > 0) spare[last]--;
    else if (!BEHIND_LINK.includes(last)) return address.slice(0, end);
  }
}

function isWebAddress(text) {
  try {
    return ["http:", "https:"].includes(new URL(text).protocol);
  } catch {
    return false;
  }
}

/** Give a function that calls work once, before the next frame, however often it is called. */
export function soon(work) {
  let waits = false;
  return () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      work();
    });
  };
}

/** Fill a list anew; whoever was on one of its entries stays there. Entries have a data-key. */
export function refill(list, entries) {
  const focused = list.contains(document.activeElement) && document.activeElement.dataset.key;
  list.replaceChildren(...entries);
  if (focused) list.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}
