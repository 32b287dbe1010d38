// Everything works without this file. With it the page renews itself as events come, and actions keep the place.
"use strict";

const SOON = 400;
const LATER = 4000; // deliveries of an event end a little after it
const SLOW = 60000; // relative times grow old
let timers = [];
let stream = null;

function isBusy(region) {
  const focused = document.activeElement;
  const selected = document.getSelection();
  return (
    (focused && region.contains(focused) && focused.matches("input, select, textarea, summary")) ||
    (selected && !selected.isCollapsed && region.contains(selected.anchorNode))
  );
}

function place(focused) {
  if (!focused || focused === document.body) return null;
  const form = focused.closest("form");
  if (form && form.action && focused.tagName === "BUTTON") return ["form", form.getAttribute("action")];
  return focused.getAttribute("href") ? ["a", focused.getAttribute("href")] : null;
}

function focusAgain(region, found) {
  if (!found) return;
  const [kind, value] = found;
  const name = kind === "form" ? "action" : "href";
  for (const one of region.querySelectorAll(kind)) {
    if (one.getAttribute(name) === value) {
      (kind === "form" ? one.querySelector("button") : one).focus({ preventScroll: true });
      return;
    }
  }
}

function renew(text) {
  const made = new DOMParser().parseFromString(text, "text/html");
  for (const region of document.querySelectorAll("[data-live]")) {
    const fresh = made.getElementById(region.id);
    if (!fresh || isBusy(region) || fresh.innerHTML === region.innerHTML) continue;
    for (const open of region.querySelectorAll("details[open][id]")) {
      const same = fresh.querySelector("#" + CSS.escape(open.id));
      if (same) same.open = true;
    }
    const found = region.contains(document.activeElement) ? place(document.activeElement) : null;
    const scrolled = [...region.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
    region.replaceChildren(...document.importNode(fresh, true).childNodes);
    region.querySelectorAll(".scroll").forEach((one, number) => (one.scrollLeft = scrolled[number] || 0));
    focusAgain(region, found);
  }
  return made;
}

async function reload() {
  try {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    if (answer.ok) renew(await answer.text());
  } catch {
    say("not connected");
  }
}

function reloadSoon() {
  if (timers.length) return;
  timers = [setTimeout(reload, SOON), setTimeout(() => { timers = []; reload(); }, LATER)];
}

function say(words) {
  const live = document.getElementById("live");
  if (live) live.textContent = "· " + words;
}

function listen() {
  if (stream || document.hidden) return;
  stream = new EventSource("/api/v1/events/stream");
  stream.onopen = () => { say("live"); document.documentElement.dataset.live = "yes"; };
  stream.onerror = () => say(stream && stream.readyState === EventSource.CLOSED ? "not live" : "reconnecting");
  for (const type of document.body.dataset.events.split(" ")) stream.addEventListener(type, reloadSoon);
}

function rest() {
  // A browser has few connections to one host: a page that nobody sees gives its own back.
  if (stream) stream.close();
  stream = null;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return rest();
  listen();
  reload();
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-act]")) return;
  event.preventDefault();
  const button = form.querySelector("button");
  button.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, { method: "POST", credentials: "same-origin" });
    if (answer.status === 403) return location.reload(); // no longer allowed to: the page comes without its buttons
    const note = renew(await answer.text()).getElementById("note");
    if (!note) return location.reload(); // the login has ended
    document.getElementById("note").replaceChildren(...document.importNode(note, true).childNodes);
  } catch {
    // Not sent again: it may have been done.
    document.getElementById("note").textContent = "Not connected: load this page again to see whether it was done.";
  } finally {
    button.removeAttribute("aria-busy");
  }
});

function offerOwnZone() {
  // One press for the zone of this browser, where the page shows another.
  const form = document.querySelector("form[data-zone]");
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!form || !own || own === form.dataset.zone) return;
  const button = document.createElement("button");
  button.textContent = "Show in " + own;
  button.addEventListener("click", () => { form.elements.timezone.value = own; });
  form.append(button);
}

offerOwnZone();
listen();
setInterval(() => { if (!document.hidden) reload(); }, SLOW);
