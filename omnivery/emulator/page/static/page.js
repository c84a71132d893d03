// The page works without this script, except that it is not live and changes nothing.
// Every piece of HTML comes escaped from the server that served the page; texts are only ever set as text.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// The policy of the page lets no other code turn text into HTML.
const policy = window.trustedTypes?.createPolicy("page", { createHTML: (html) => html });
const parse = (html) => new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, "text/html");

// Notices

let fading;
function say(text, { bad = false } = {}) {
  const status = $("#status");
  status.textContent = text;
  status.className = bad ? "on bad" : "on";
  clearTimeout(fading);
  fading = setTimeout(() => (status.className = ""), bad ? 8000 : 3000);
}

// Ages: as texts.age does it on the server

function age(seconds) {
  if (seconds < 1) return "now";
  for (const [limit, unit, step] of [[60, "s", 1], [3600, "min", 60], [86400, "h", 3600]]) {
    if (seconds < limit) return `${Math.floor(seconds / step)} ${unit}`;
  }
  return `${Math.floor(seconds / 86400)} d`;
}
function showAges() {
  for (const time of $$("main time")) {
    const text = age(Math.max(0, (Date.now() - Date.parse(time.dateTime)) / 1000));
    if (time.textContent !== text) time.textContent = text;
  }
}
setInterval(showAges, 5000);

// Changing what stands there into what the server sends now: elements that stay keep focus and selection

const keyOf = (node) => node.dataset?.key;
function morph(from, to) {
  if (from.isEqualNode(to)) return;
  if (from.nodeType !== Node.ELEMENT_NODE || from.nodeName !== to.nodeName || keyOf(from) !== keyOf(to)) {
    from.replaceWith(to);
    return;
  }
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && name !== "open") from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  morphChildren(from, to);
}
function morphChildren(from, to) {
  const kept = new Map([...from.children].filter(keyOf).map((child) => [keyOf(child), child]));
  const wanted = [...to.childNodes];
  const keys = new Set(wanted.map(keyOf).filter(Boolean));
  for (const [key, child] of kept) if (!keys.has(key)) child.remove();
  let at = from.firstChild;
  for (const node of wanted) {
    const own = keyOf(node) && kept.get(keyOf(node));
    if (own) {
      if (own === at) at = at.nextSibling;
      else from.insertBefore(own, at);
      morph(own, node);
    } else if (keyOf(node)) {
      if (kept.size) node.classList.add("fresh");
      from.insertBefore(node, at);
    } else if (at && !keyOf(at)) {
      const next = at.nextSibling;
      morph(at, node);
      at = next;
    } else {
      from.insertBefore(node, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

// The live view. The server says which kinds of records changed; the page is then fetched again, at most once in EVERY
// milliseconds, so that no flood of records can drown it: what lies between two looks is counted, not shown.

const EVERY = 1000;
const live = $("#live");
const isLive = () => live.getAttribute("aria-pressed") === "true";
const stale = new Set();
let busy = false;
let again = false;
let looked = 0;
let moved = 0;

// Rows must not move under a pointer that is about to click, under the keyboard's focus, a selection, or a reader who scrolled.
function mustHold() {
  const list = $("[data-rows]");
  if (!list) return false;
  const pointed = list.matches(":hover") && Date.now() - moved < 1500;
  return pointed || list.contains(document.activeElement) || !getSelection().isCollapsed || scrollY > list.offsetTop;
}
addEventListener("pointermove", () => (moved = Date.now()), { passive: true });

async function load(url) {
  const response = await fetch(url, { headers: { "x-omnivery-page": "live" } });
  if (!response.ok && response.status !== 404) throw new Error(`the emulator responded with ${response.status}`);
  return parse(await response.text());
}
async function refresh({ all = false } = {}) {
  if (busy) {
    again ||= all; // what is fetched now is not what the URL says any more
    return;
  }
  busy = true;
  looked = Date.now();
  const kinds = new Set(stale);
  stale.clear();
  try {
    const fresh = await load(location.href);
    for (const part of $$("[data-live]")) {
      if (!all && !part.dataset.live.split(" ").some((kind) => kinds.has(kind))) continue;
      const now = fresh.getElementById(part.id);
      if (now) morph(part, now);
    }
    $("#new")?.classList.remove("on");
    showAges();
  } catch {
    // The stream of changes says whether the emulator is gone, and when it is back.
  } finally {
    busy = false;
  }
  if (again) {
    again = false;
    await refresh({ all: true });
  }
}
function look() {
  if (!isLive() || !stale.size || document.hidden || Date.now() - looked < EVERY) return;
  if (![...stale].some((kind) => $(`[data-live~="${kind}"]`))) stale.clear();
  else if (mustHold()) $("#new")?.classList.add("on");
  else refresh();
}
setInterval(look, EVERY / 4);

function showCounts(counts) {
  for (const [name, text] of Object.entries(counts)) {
    const place = $(`[data-count="${name}"]`);
    if (place && place.textContent !== text) place.textContent = text;
  }
}
function showState(state) {
  live.dataset.state = isLive() ? state : "paused";
  $(".label", live).textContent = { on: "Live", lost: "Offline", paused: "Paused" }[live.dataset.state];
}
let changes;
function listen() {
  if (changes || document.hidden) return;
  changes = new EventSource(document.body.dataset.liveUrl);
  changes.addEventListener("open", () => showState("on"));
  changes.addEventListener("error", () => showState("lost"));
  changes.addEventListener("change", (event) => {
    const { counts, kinds } = JSON.parse(event.data);
    showCounts(counts);
    for (const kind of kinds) stale.add(kind);
    look();
  });
}
function unlisten() {
  changes?.close();
  changes = undefined;
}
function toggleLive() {
  live.setAttribute("aria-pressed", String(!isLive()));
  if (isLive()) listen();
  else unlisten();
  showState("on");
}
live.addEventListener("click", toggleLive);
// A page that nobody sees must not hold a connection: a browser has six for each server. What changed in the meantime
// is known at once: a new stream begins with all kinds.
addEventListener("pagehide", unlisten);
addEventListener("pageshow", () => isLive() && listen());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) unlisten();
  else if (isLive()) listen();
});

// Search as you type: the URL says what is seen

let typing;
async function search(form) {
  const fields = [...new FormData(form)].filter(([, value]) => value !== "");
  const url = new URL(form.getAttribute("action"), location.href);
  url.search = new URLSearchParams(fields);
  history.replaceState(null, "", url);
  await refresh({ all: true });
}
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-search]");
  if (!form) return;
  clearTimeout(typing);
  typing = setTimeout(() => search(form), 200);
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-search]")) {
    event.preventDefault();
    clearTimeout(typing);
    search(form);
  } else if (form.dataset.action) {
    event.preventDefault();
    send(form, event.submitter);
  }
});

// Changes: JSON and a header of our own, which no other site can send here

function valuesOf(form) {
  const values = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled || (field.type === "radio" && !field.checked)) continue;
    if (field.type === "checkbox") values[field.name] = field.checked;
    else if (field.value !== "" || field.dataset.empty !== undefined) values[field.name] = field.dataset.number === undefined ? field.value : Number(field.value);
  }
  return values;
}
async function send(form, button) {
  if (form.dataset.confirm && !confirm(form.dataset.confirm)) return;
  if (button) button.disabled = true;
  try {
    const method = form.dataset.method ?? "POST";
    const headers = { "x-omnivery-control": "page", "content-type": "application/json" };
    const values = valuesOf(form);
    // A value that the path names is not part of the body.
    const path = form.dataset.action.replace(/\{(\w+)\}/, (_, name) => {
      const { [name]: value } = values;
      delete values[name];
      return encodeURIComponent(value);
    });
    const body = method === "DELETE" ? undefined : JSON.stringify(values);
    const response = await fetch(path, { method, headers, body });
    const content = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(content.message ?? `the emulator responded with ${response.status}`);
    say(form.dataset.done ?? content.message ?? "Done");
    form.reset();
    if (form.dataset.next) location.assign(form.dataset.next);
    else await refresh({ all: true });
  } catch (error) {
    say(error instanceof TypeError ? "The emulator cannot be reached: is it still running?" : error.message, { bad: true });
  } finally {
    if (button) button.disabled = false;
  }
}
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-at-once]");
  if (form) send(form);
  const select = event.target.closest("select[data-go]");
  if (select) select.form.requestSubmit();
});

// Buttons

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.id === "help-button") $("#help").showModal();
  else if (button.id === "new") refresh({ all: true }).then(() => scrollTo({ top: 0 }));
  else if (button.dataset.copy !== undefined) await copy(button);
});
async function copy(button) {
  const source = button.previousElementSibling;
  try {
    await navigator.clipboard.writeText(source.textContent);
    say("Copied");
  } catch {
    // Browsers let pages copy on https and loopback only: a selection is the next best.
    getSelection().selectAllChildren(source);
    say("Selected: copy it with Ctrl-C");
  }
}

// Keys

const keysOn = $("#keys-on");
keysOn.checked = localStorage.getItem("omnivery-keys") !== "off";
keysOn.addEventListener("change", () => localStorage.setItem("omnivery-keys", keysOn.checked ? "on" : "off"));

const follow = (selector) => $(selector)?.click();
function step(by) {
  const rows = $$("[data-rows] a.open");
  const at = rows.indexOf(document.activeElement);
  const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}
const KEYS = {
  "/": () => $("input[type=search]")?.select(),
  "?": () => $("#help").showModal(),
  j: () => step(1),
  k: () => step(-1),
  p: toggleLive,
  u: () => follow("a[data-up]"),
  "[": () => follow("a[data-newer]"),
  "]": () => follow("a[data-older]"),
};
let going = 0;
document.addEventListener("keydown", (event) => {
  const field = event.target.closest("input, textarea, select, dialog");
  if (event.key === "Escape" && field?.type === "search") field.blur();
  if (field || event.ctrlKey || event.metaKey || event.altKey || !keysOn.checked) return;
  const { key } = event;
  if (Date.now() - going < 1500) {
    going = 0;
    const link = $(`#nav a[data-go-key="${CSS.escape(key)}"]`);
    if (link) return link.click();
  }
  if (key === "g") going = Date.now();
  else if (/^[1-9]$/.test(key)) $$(".tabs a")[key - 1]?.click();
  else if (KEYS[key]) {
    event.preventDefault();
    KEYS[key]();
  }
});

// On a phone the sections are a line to scroll.
const nav = $("#nav");
const current = $("[aria-current]", nav);
if (current) nav.scrollLeft = current.offsetLeft - nav.offsetLeft - (nav.clientWidth - current.clientWidth) / 2;

showState("on");
