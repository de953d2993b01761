/**
 * The page's own words, numbers and dates in the reader's language. A catalogue is a JSON file of
 * texts by key; where a number matters the text is an object with one entry for each plural
 * category of that language. What users and the server say is never translated, but for the
 * server's failures, which have codes.
 */

export const LANGUAGES = {
  en: "English",
  pl: "Polski",
  cs: "Čeština",
  ru: "Русский",
  fa: "فارسی",
};

const ISOLATE = ["\u2068", "\u2069"]; // so that a name in another script moves nothing around it
const DAY = 86_400_000;

let catalogue = {};
let plurals, numbers, times, days, moments, relative;

/** The first language of the browser's that there is a catalogue for. */
export function preferred() {
  const wished = navigator.languages.map((tag) => tag.split("-")[0].toLowerCase());
  return wished.find((code) => code in LANGUAGES) ?? "en";
}

/** Load a catalogue, and put all of the page that is marked with data-t into that language. */
export async function use(code) {
  const response = await fetch(`/static/lang/${code}.json`);
  if (!response.ok) throw new Error(`no catalogue of ${code}`);
  catalogue = await response.json();
  // Of one language the reader may want the habits of a country.
  const locale = navigator.languages.find((tag) => tag.split("-")[0] === code) ?? code;
  plurals = new Intl.PluralRules(code);
  numbers = new Intl.NumberFormat(locale);
  times = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
  days = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
  moments = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  document.documentElement.lang = code;
  document.documentElement.dir = code === "fa" ? "rtl" : "ltr";
  translate(document.body);
}

/**
 * Give the text of a key. `{name}` in it is replaced by values.name; values.count, a number,
 * chooses the plural category. An unknown key is given back, to be seen and reported.
 */
export function t(key, values = {}) {
  let text = catalogue[key] ?? key;
  if (typeof text === "object") text = text[plurals.select(values.count)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (all, name) => {
    const value = values[name];
    if (typeof value === "number") return numbers.format(value);
    return value === undefined ? all : ISOLATE.join(value);
  });
}

/**
 * The text of a refusal: by its code where there is one, else as the server says it. Where the
 * server says more than the code, such as a reason, its words are part of the text.
 */
export const failure = ({ code, message }) =>
  `failed.${code}` in catalogue ? t(`failed.${code}`, { message }) : message;

/** Fill in the texts of elements that name their key, and of their labels and hints. */
function translate(root) {
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll("[data-t-label]")) {
    node.setAttribute("aria-label", t(node.dataset.tLabel));
    if (node.matches("button")) node.title = t(node.dataset.tLabel);
  }
  for (const node of root.querySelectorAll("[data-t-hint]")) {
    node.placeholder = t(node.dataset.tHint);
  }
}

export const number = (value) => numbers.format(value);
export const timeOf = (date) => times.format(date);
export const momentOf = (date) => moments.format(date);

/** A day by its name: today, yesterday, or the date. */
export function dayOf(date) {
  const ago = Math.round((midnight(new Date()) - midnight(date)) / DAY);
  if (ago > 1) return days.format(date);
  const text = relative.format(-ago, "day");
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

const midnight = (date) => new Date(date).setHours(0, 0, 0, 0);
