/**
 * What an item of a conversation looks like: one row each. Where it stands decides whether it
 * shows its author, a day above it, or is folded away with others like it.
 */

import { NEWS } from "./conversation.js";
import { avatar, el, icon, richText, spoken, tint } from "./dom.js";
import { dayOf, failure, momentOf, t, timeOf } from "./i18n.js";

const TOGETHER = 5 * 60_000; // ms within which messages of one author are one block
const LINES = 16; // of a text that are shown before somebody asks for the rest of them
const FOLDED = 4; // comings and goings in a row that are told by their number

/**
 * Decide how items stand: for each one whether it begins a day, has the line of new messages
 * above it, and shows its author; and `fold`: how many rows it stands for, or -1 if it is hidden.
 */
export function layout(items, line) {
  const places = items.map((item, index) => {
    const before = items[index - 1];
    const day = item.day !== before?.day;
    const isLine = item === line;
    const apart = day || isLine || !isSpeech(before) || before.nick !== item.nick;
    const head = apart || item.time - before.time > TOGETHER;
    return { day, line: isLine, head, fold: 0 };
  });
  for (let start = 0; start < items.length; start++) {
    if (!NEWS.has(items[start].kind)) continue;
    let end = start + 1;
    while (end < items.length && isNewsLike(items[end], places[end])) end++;
    fold(items, places, start, end);
    start = end - 1;
  }
  return places;
}

const isSpeech = (item) => item?.kind === "said" || item?.kind === "told";
const isNewsLike = (item, place) => NEWS.has(item.kind) && !place.day && !place.line;

function fold(items, places, start, end) {
  if (end - start < FOLDED || items.slice(start, end).some((item) => item.unfolded)) return;
  places[start].fold = end - start;
  for (let index = start + 1; index < end; index++) places[index].fold = -1;
}

/** Tell whether a row has to be filled again. */
export const look = (item, place) =>
  JSON.stringify([
    place, place.day && dayOf(item.time), item.id, item.state, item.error?.code, item.whole,
  ]);

/**
 * Fill the row of an item. act has what can be done with it: tell(nick), again(item),
 * discard(item), unfold(item, count), and show(item), all of its text.
 */
export function fill(row, item, place, act) {
  row.className = `row ${item.kind}`;
  row.classList.toggle("head", isSpeech(item) && place.head);
  row.classList.toggle("mention", Boolean(item.mention));
  row.hidden = place.fold === -1;
  const parts = [];
  if (place.day) parts.push(el("div.day", {}, el("span", {}, dayOf(item.time))));
  if (place.line) parts.push(el("div.new", {}, el("span", {}, t("log.new"))));
  if (isSpeech(item)) parts.push(speech(item, place, act));
  else if (place.fold > 0) parts.push(folded(item, place, act));
  else parts.push(aside(item));
  row.replaceChildren(...parts);
}

function speech(item, place, act) {
  const body = el("div.body");
  if (place.head) {
    // The list of people has the same; here Tab would stop at each of them.
    const tell = { type: "button", tabindex: -1, title: t("people.tell", { nick: item.nick }) };
    const name = el("button.nick", { ...tell, onclick: () => act.tell(item.nick) }, item.nick);
    body.append(el("div.by", {}, tint(name, item.nick), clock(item)));
  } else {
    body.append(spoken(`${item.nick}: `));
  }
  body.append(...textOf(item.text, item.whole, () => act.show(item)));
  if (item.state) body.append(state(item, act));
  return el(`div.message${item.state ? `.${item.state}` : ""}`, {},
    place.head ? avatar(item.nick) : clock(item), body);
}

/** What a user wrote; of very many lines the first ones, and a button that calls show(). */
export function textOf(text, isWhole, show) {
  const lines = text.split("\n");
  const count = isWhole ? 0 : lines.length - LINES;
  const shown = count > 0 ? lines.slice(0, LINES).join("\n") : text;
  const node = el("div.text", { dir: "auto" }, ...richText(shown));
  if (count <= 0) return [node];
  return [node, el("button.link", { type: "button", onclick: show }, t("log.rest", { count }))];
}

const clock = (item) => {
  const date = new Date(item.time);
  const machine = { datetime: date.toISOString(), title: momentOf(date) };
  return el("time", machine, timeOf(date));
};

/** What has become of a message of ours that the server has not confirmed. */
function state(item, act) {
  if (item.state === "sending") return el("div.state", {}, t("message.sending"));
  const text = item.state === "unsure" ? t("message.unsure") : failure(item.error);
  return el("div.state", {},
    icon("warning"), el("span", {}, text),
    el("button.link.again", { type: "button", onclick: () => act.again(item) }, t("message.again")),
    el("button.link", { type: "button", onclick: () => act.discard(item) }, t("message.discard")));
}

function aside(item) {
  if (NEWS.has(item.kind)) return el("p", {}, t(`news.${item.kind}`, item), " ", clock(item));
  if (item.kind === "out") return el("p", {}, icon("info"), el("span", {}, t("log.out")));
  if (item.kind === "missed") return el("p", {}, missing(item));
  const failed = item.kind === "failed";
  const text = failed ? failure({ code: item.code, message: item.text }) : item.text;
  return el("p", {}, icon(failed ? "warning" : "info"), el("span", { dir: "auto" }, text));
}

const missing = ({ count }) => (count ? t("news.missed", { count }) : t("news.lost"));

function folded(item, place, act) {
  const unfold = { type: "button", onclick: () => act.unfold(item, place.fold) };
  return el("p", {}, el("button.link", unfold, t("news.folded", { count: place.fold })));
}
