/**
 * Keeps the moderators' page up to date: the page itself is fetched again every few seconds, and
 * what is marked as live in it takes the place of what is shown. Nothing else changes, so forms,
 * focus and places in long lists stay as they are.
 */

import { choice } from "../js/storage.js";

const PERIOD = 5000;

const theme = choice("theme");
if (theme) document.documentElement.dataset.theme = theme;

const sessions = document.getElementById("sessions");
const held = document.getElementById("held");
const trouble = document.getElementById("trouble");
const follow = document.getElementById("follow");
if (follow) {
  document.getElementById("follow-label").hidden = false;
  setInterval(refresh, PERIOD);
  for (const leaving of ["pointerleave", "focusout"]) sessions.addEventListener(leaving, goOn);
}

/** Whether somebody is among the sessions: a button must not become another one's under them. */
function inUse() {
  return sessions.matches(":is(:hover, :focus-within):has(button)");
}

/** Fetch what was held back when the pointer or the focus leaves the sessions. */
function goOn(leaving) {
  if (!held.textContent || sessions.contains(leaving.relatedTarget)) return;
  tell(held, "");
  refresh();
}

/** Fetch the page, unless nobody looks; XMLHttpRequest makes a document of it without any script. */
function refresh() {
  if (!follow.checked || document.hidden) return;
  const request = new XMLHttpRequest();
  request.open("GET", location.href);
  request.responseType = "document";
  request.timeout = PERIOD;
  request.onload = () => (request.status < 500 ? show(request.response) : fail());
  request.onerror = request.ontimeout = fail;
  request.send();
}

function fail() {
  tell(trouble, "The server does not answer.");
}

function show(page) {
  if (!page?.getElementById("facts")) return location.reload(); // to log in again
  const kept = inUse();
  for (const part of document.querySelectorAll("[data-live]")) {
    if (part !== sessions || !kept) part.replaceChildren(...page.getElementById(part.id).childNodes);
  }
  tell(held, kept ? "Paused while you are in the table" : "");
  tell(trouble, "");
}

function tell(place, text) {
  if (place.textContent !== text) place.textContent = text;
}
