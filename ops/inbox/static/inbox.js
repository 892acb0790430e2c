// The inbox: asks every two seconds for what is new, and shows one mail in several ways.
"use strict";

const $ = (id) => document.getElementById(id);
const POLL_MS = 2000;
const COPIED_MS = 1500;
let mails = [];
let open = null;
let wanted = ""; // the name of the mail that is to be open
let view = "phone";
let chosen = false; // by a person: until then the newest is shown
/** The line of each mail, by its name. It stays the node it is, and so keeps the focus. */
const lines = new Map();

/** Text is always text: nothing a customer wrote becomes markup here. */
const make = (tag, props = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
};

const ask = async (path, values = {}) => {
  const answer = await fetch(`${path}?${new URLSearchParams(values)}`);
  if (!answer.ok) {
    const body = await answer.json().catch(() => ({}));
    throw new Error(`${body.message || answer.statusText} (reference ${body.request_id || "none"})`);
  }
  return answer;
};

const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;
const ago = (at) => {
  const since = (Date.now() - at) / 1000;
  const steps = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600], [Infinity, "day", 86400]];
  const [, unit, size] = steps.find(([end]) => Math.abs(since) < end);
  return new Intl.RelativeTimeFormat(undefined, { numeric: "auto" }).format(-Math.trunc(since / size), unit);
};
const when = (seconds) => {
  const at = new Date(seconds * 1000);
  return make("time", { title: at.toLocaleString(), dateTime: at.toISOString() }, ago(at));
};

/** In the head of the page; `needy`: in red. Read out once, and not at every poll. */
const say = (text, needy = false) => {
  $("state").className = needy ? "needs" : "";
  if ($("state").textContent !== text) $("state").textContent = text;
};
/** Whatever was asked: a fetch that fails by itself got no answer at all. */
const complain = (error) =>
  say(`${error instanceof TypeError ? "Handoff does not answer." : `${error.message}.`} Trying again every ${POLL_MS / 1000} seconds.`, true);

const line = (mail) =>
  make("button", { className: mail.alert ? "alert" : "", onclick: () => choose(mail.name) },
    make("strong", { dir: "auto" }, mail.subject || "(no subject)"),
    make("small", {}, `to ${mail.recipient}`),
    make("small", {}, when(mail.at), mail.photos ? ` · ${count(mail.photos, "photo")}` : ""));

const drawList = () => {
  const list = $("list");
  const names = new Set(mails.map((mail) => mail.name));
  for (const [name, node] of lines) if (!names.has(name)) { node.remove(); lines.delete(name); }
  mails.forEach((mail, place) => {
    if (!lines.has(mail.name)) lines.set(mail.name, line(mail));
    const node = lines.get(mail.name);
    node.setAttribute("aria-current", String(open?.listed.name === mail.name));
    node.querySelector("time").textContent = ago(mail.at * 1000);
    if (list.children[place] !== node) list.insertBefore(node, list.children[place] ?? null);
  });
};

const poll = async () => {
  try {
    const newest = await (await ask("/mails")).json();
    const fresh = newest.length && newest[0].name !== mails[0]?.name;
    mails = newest;
    say(mails.length ? count(mails.length, "mail") : "Waiting for mail");
    document.title = mails.length ? `(${mails.length}) Inbox · Handoff` : "Inbox · Handoff";
    drawList();
    if (fresh && !chosen) await show(mails[0].name);
  } catch (error) {
    complain(error);
  }
  setTimeout(poll, POLL_MS);
};

const copy = async (button, text) => {
  const said = await navigator.clipboard.writeText(text).then(() => "Copied", () => "Not allowed here; select it");
  button.textContent = said;
  setTimeout(() => { button.textContent = text; }, COPIED_MS);
};

const show = async (name) => {
  wanted = name;
  try {
    const mail = await (await ask("/mail", { name })).json();
    if (wanted !== name) return;
    open = mail;
  } catch (error) {
    complain(error);
    return;
  }
  $("empty").hidden = true;
  $("mail").hidden = false;
  const { listed } = open;
  $("subject").textContent = listed.subject;
  const thread = make("button", { className: "copy", title: "Copy the thread id" }, listed.thread);
  thread.onclick = () => copy(thread, listed.thread);
  $("meta").replaceChildren(`from ${listed.sender} to ${listed.recipient}, `, when(listed.at), " ",
    ...(listed.thread ? [thread] : []));
  drawList();
  await draw();
};

const choose = (name) => {
  chosen = true;
  return show(name);
};

const frame = (kind) =>
  make("iframe", {
    className: kind, title: `The mail on a ${kind}`, sandbox: "allow-popups",
    src: `/html?${new URLSearchParams({ name: open.listed.name })}`,
  });

const parts = () =>
  make("ul", { className: "parts" }, ...open.parts.map((part) => {
    const url = `/part?${new URLSearchParams({ name: open.listed.name, cid: part.cid || part.name })}`;
    const size = `${Math.ceil(part.sizeBytes / 1024)} KB`;
    const face = part.contentType === "image/jpeg"
      ? make("img", { src: url, alt: part.name, loading: "lazy" })
      : make("a", { href: url, download: part.name }, "Download");
    return make("li", {}, face, make("small", { dir: "auto" }, `${part.name}, ${size}`));
  }));

const story = async () => {
  const told = await (await ask("/story", { thread: open.listed.thread })).json();
  const needy = told.state === "held" || told.warnings.length > 0;
  return make("div", {},
    make("p", { className: needy ? "needs" : "" }, told.headline),
    ...told.warnings.map((text) => make("p", { className: "needs" }, text)),
    make("ol", { className: "story" }, ...told.events.map((event) =>
      make("li", {}, when(event.at), event.what))),
    make("p", {}, `Next step: ${told.next_step}`));
};

const VIEWS = {
  phone: async () => (open.hasHtml ? frame("phone") : make("p", {}, "This mail has no HTML part.")),
  desktop: async () => (open.hasHtml ? frame("desktop") : make("p", {}, "This mail has no HTML part.")),
  text: async () => make("pre", { dir: "auto" }, open.text),
  parts: async () => (open.parts.length ? parts() : make("p", {}, "No photos and no files in this mail.")),
  story: async () => (open.listed.thread ? story() : make("p", {}, "An alert has no story of its own.")),
  source: async () => make("pre", {}, await (await ask("/source", { name: open.listed.name })).text()),
};

const draw = async () => {
  for (const tab of $("tabs").children) {
    const chosen = tab.dataset.view === view;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
  }
  const [mail, shown] = [open, view];
  const node = await VIEWS[view]().catch((error) => make("p", { className: "needs", role: "alert" }, error.message));
  if (mail === open && shown === view) $("view").replaceChildren(node);
};

const turn = (to) => {
  chosen = true;
  view = to;
  return draw();
};
$("tabs").addEventListener("click", (event) => {
  if (event.target.dataset.view) turn(event.target.dataset.view);
});
$("tabs").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = [...$("tabs").children];
  const next = tabs[(tabs.findIndex((tab) => tab.dataset.view === view) + step + tabs.length) % tabs.length];
  next.focus();
  turn(next.dataset.view);
});
document.addEventListener("keydown", (event) => {
  const step = { j: 1, k: -1 }[event.key];
  if (!step || !mails.length || event.ctrlKey || event.metaKey || event.target.closest("[role=tablist]")) return;
  const at = mails.findIndex((mail) => mail.name === wanted);
  choose(mails[Math.min(Math.max(at + step, 0), mails.length - 1)].name);
});

poll();
