/**
 * Keeps the moderators' page up to date: the page itself is fetched again every few seconds, and
 * what is marked as live in it takes the place of what is shown. Nothing else changes, so forms,
 * focus and places in long lists stay as they are.
 */

import { choice } from "../js/storage.js";

const PERIOD = 5000;

const theme = choice("theme");
if (theme) document.documentElement.dataset.theme = theme;

const follow = document.getElementById("follow");
if (follow) {
  document.getElementById("follow-label").hidden = false;
  setInterval(refresh, PERIOD);
}

/** Fetch the page, unless nobody looks; XMLHttpRequest makes a document of it without any script. */
function refresh() {
  if (!follow.checked || document.hidden) return;
  const request = new XMLHttpRequest();
  request.open("GET", location.href);
  request.responseType = "document";
  request.timeout = PERIOD;
  request.onload = () => show(request.response);
  request.onerror = request.ontimeout = () => tell("The server does not answer.");
  request.send();
}

function show(page) {
  if (!page?.getElementById("facts")) return location.reload(); // to log in again
  for (const part of document.querySelectorAll("[data-live]")) {
    // A button must not become another one's under the pointer.
    const used = part.querySelector("button") && part.matches(":hover, :focus-within");
    if (!used) part.replaceChildren(...page.getElementById(part.id).childNodes);
  }
  tell("");
}

function tell(text) {
  const trouble = document.getElementById("trouble");
  if (trouble.textContent !== text) trouble.textContent = text;
}
