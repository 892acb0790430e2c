/*! Handoff: the chat of a small shop. One script tag, no build step, no dependency. MIT. */
(() => {
  "use strict";

  const script = document.currentScript;
  const base = new URL(script.src).origin;
  const IDLE_MS = 300000;
  const PAGE_ITEMS = 50;
  const RUNTIME_WAIT_MS = 8000;
  const SECRET_MS = 540000;
  const ATTRIBUTION_DAYS = 180;
  const CLICK_IDS = ["gclid", "gbraid", "wbraid"];
  const UTM = ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"];
  const LONGEST_URL = 2048;
  const SILENCE_MS = 45000;
  const PHOTO_MS = 120000; // the gateway waits 90 s
  if (!isSecureContext) {
    console.error("Handoff does not run on plain http: serve this page over https.");
    return;
  }

  // ── Small things ──

  /** Storage that a browser may refuse: then nothing is remembered. */
  const keep = (area) => {
    const may = (what) => (...given) => {
      try { return window[area][what](...given); } catch { return null; }
    };
    return { get: may("getItem"), set: may("setItem"), drop: may("removeItem") };
  };
  const local = keep("localStorage");
  const session = keep("sessionStorage");

  const randomId = () => crypto.randomUUID().replaceAll("-", "");

  /** Text is always text, never markup. */
  const make = (tag, props = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(props)) {
      if (name in node) node[name] = value;
      else node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  };

  const announce = (name, detail = {}) =>
    document.dispatchEvent(new CustomEvent(`handoff:${name}`, { detail }));

  class Trouble extends Error {
    constructor(message, requestId, more) {
      super(message);
      // Without a request nothing was tried.
      Object.assign(this, { requestId, status: 0, retriable: Boolean(requestId), ...more });
    }
  }

  let config = null;
  let style = "";
  let say = {};

  const HOPELESS = [400, 404, 410, 413, 415, 422];

  /** In the visitor's language; only the console hears the server's own words. */
  const refusal = (status, body, requestId, wait) => {
    const code = body?.error;
    const words = say[code] || say[status === 429 ? "rate_limited" : "failed"] || body?.message;
    const retriable = !HOPELESS.includes(status) && code !== "too_many_uploads";
    return new Trouble(words, body?.request_id || requestId, { status, wait, retriable });
  };

  const unreached = () => navigator.onLine ? say.failed : say.offline;

  /** Ends what says nothing for too long. */
  const patience = (giveUp) => {
    let timer = 0;
    const rest = () => clearTimeout(timer);
    const heard = (ms = SILENCE_MS) => { rest(); timer = setTimeout(giveUp, ms); };
    heard();
    return { heard, rest };
  };

  /** fetch with a request id of ours, and errors that a person can read and quote. */
  const call = async (url, { requestId = randomId(), headers, read = (answer) => answer.json(), ...options } = {}) => {
    const abort = new AbortController();
    const { heard, rest } = patience(() => abort.abort());
    let answer = null;
    try {
      headers = { "X-Request-ID": requestId, ...headers };
      answer = await fetch(url, { ...options, headers, signal: abort.signal });
      if (answer.ok) return await read(answer, heard);
      const body = await answer.json().catch(() => null);
      throw refusal(answer.status, body, requestId, answer.headers.get("Retry-After") || 2);
    } catch (error) {
      if (error instanceof Trouble) throw error;
      const silent = abort.signal.aborted;
      throw new Trouble(answer ? say.dropped : unreached(), requestId, { silent });
    } finally {
      rest();
      abort.abort();
    }
  };

  const postJson = (url, body, { headers, ...more } = {}) =>
    call(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
      ...more,
    });

  // ── Who, and from where ──

  let secret = null;
  let minting = null;

  /** One that lives a while yet, and is not the one that was refused; one mint at a time. */
  const clientSecret = (refused) => {
    const at = Date.now(); // its age counts: a phone's clock may be wrong
    const fresh = secret && at - secret.at < SECRET_MS && secret.client_secret !== refused;
    if (fresh) return Promise.resolve(secret.client_secret);
    minting ||= (async () => {
      const current = secret?.client_secret;
      secret = { ...await postJson(config.custom.chatkit_session_url, { current, ...visit() }), at };
      local.set("chatkit-user-id", secret.user);
      return secret.client_secret;
    })().finally(() => { minting = null; });
    return minting;
  };

  const authorized = async (ask) => {
    const token = await clientSecret();
    const answer = await ask(token).catch((error) => {
      if (error.status === 401) return error;
      throw error;
    });
    return answer?.status === 401 ? ask(await clientSecret(token)) : answer;
  };

  const touchOfThisVisit = () => {
    const query = new URLSearchParams(location.search);
    const cut = (url) => (url.origin + url.pathname).slice(0, LONGEST_URL);
    const touch = { at: new Date().toISOString(), landing_page: cut(location) };
    for (const name of [...CLICK_IDS, ...UTM]) {
      // An id with a blank in it is none, and what cannot be seen is nothing to tell.
      const value = (query.get(name) || "").replace(/\p{C}/gu, "").trim().slice(0, 128);
      if (value && (UTM.includes(name) || /^[!-~]+$/.test(value))) touch[name] = value;
    }
    try {
      const from = document.referrer && new URL(document.referrer);
      if (from && from.origin !== location.origin) touch.referrer = cut(from);
    } catch { /* a referrer that is no URL tells nothing */ }
    return touch;
  };

  /** First and last touch; a visit that says nothing new does not replace one that did. */
  const rememberTouch = () => {
    const now = touchOfThisVisit();
    const told = [...CLICK_IDS, ...UTM, "referrer"].some((name) => now[name]);
    let kept = null;
    try { kept = JSON.parse(local.get("handoff-attribution")); } catch { /* made anew */ }
    const age = Date.now() - Date.parse(kept?.first?.at);
    if (!(age < ATTRIBUTION_DAYS * 864e5)) kept = { first: now, last: now };
    else if (told) kept.last = now;
    local.set("handoff-attribution", JSON.stringify(kept));
    return kept;
  };

  const attribution = () => {
    const { at: firstAt, ...first } = touches.first;
    const { at: lastAt, ...last } = touches.last;
    const device = matchMedia("(pointer: coarse)").matches ? "mobile" : "desktop";
    const told = { ...last, device_type: device, first_touch_at: firstAt, last_touch_at: lastAt };
    return firstAt === lastAt ? told : { ...told, first };
  };

  const touches = rememberTouch();

  const visit = () => ({
    locale,
    pageUrl: location.href.slice(0, LONGEST_URL),
    user: secret?.user || local.get("chatkit-user-id"),
    attribution: attribution(),
  });

  // ── When to ask for a decision ──

  let threadId = session.get("chatkit-thread-id");
  let interacted = false;
  let idleTimer = 0;

  const sentMark = (thread) => `chatkit-lead-sent:${thread}`;
  const mayAsk = (thread) => interacted && thread && !session.get(sentMark(thread));
  const beacon = (name, body) =>
    navigator.sendBeacon?.(config.custom[name], JSON.stringify({ ...body, ...visit() }));

  /** Now would be a good moment. The shop's side decides; nothing is lost if not. */
  const trigger = async (reason, thread = threadId) => {
    if (!mayAsk(thread)) return;
    try {
      const body = { threadId: thread, reason, ...visit() };
      const decided = await postJson(config.custom.chatkit_lead_email_url, body, { keepalive: true });
      if (decided.sent) session.set(sentMark(thread), "1");
      announce("lead", { reason, sent: decided.sent, lead_reason: decided.reason });
    } catch (error) {
      announce("error", { where: "lead", requestId: error.requestId });
    }
  };

  const triggerLeaving = () => {
    const reason = "pagehide";
    if (mayAsk(threadId) && !beacon("chatkit_lead_email_url", { threadId, reason })) trigger(reason);
  };

  const noteActivity = () => {
    interacted = true;
    clearTimeout(idleTimer);
    idleTimer = setTimeout(() => trigger("idle"), IDLE_MS);
  };

  const useThread = (id) => {
    if (threadId && threadId !== id) trigger("chat_closed", threadId);
    threadId = id;
    if (id) session.set("chatkit-thread-id", id);
    else session.drop("chatkit-thread-id");
    announce("thread", { threadId: id });
  };

  /** Something new was said: a lead that was sent may deserve another look. */
  const noteMessage = () => {
    noteActivity();
    if (threadId) session.drop(sentMark(threadId));
  };

  const whenLeaving = (then) => {
    addEventListener("pagehide", then);
    document.addEventListener("visibilitychange", () => document.hidden && then());
  };

  const CLICKS = { "tel:": "click_call", "sms:": "click_text", "mailto:": "click_email" };
  const watchPage = () => {
    whenLeaving(triggerLeaving);
    document.addEventListener("click", ({ target }) => {
      const clickUrl = target.closest?.("a[href]")?.protocol;
      const event = CLICKS[clickUrl];
      if (event) beacon("chatkit_lead_signal_url", { event, clickUrl, provider: "link" });
    });
  };

  // ── OpenAI's own runtime, where it may run ──

  const loadScript = (url) =>
    new Promise((resolve, reject) => {
      const node = make("script", { src: url, async: true, onerror: reject });
      setTimeout(reject, RUNTIME_WAIT_MS);
      node.onload = () => customElements.whenDefined("openai-chatkit").then(resolve);
      document.head.append(node);
    });

  const ownFetch = (url, options = {}) => authorized((token) => {
    const headers = new Headers(options.headers);
    headers.set("Authorization", `Bearer ${token}`);
    headers.set("X-Request-ID", randomId());
    return fetch(url, { ...options, headers });
  });

  const mountRuntime = (frame) => {
    const element = document.createElement("openai-chatkit");
    const { api, theme, ...more } = config.chat.runtime;
    const colorScheme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    element.setOptions({
      api: api ? { url: `${base}/api/chatkit`, fetch: ownFetch, ...api } : { getClientSecret: clientSecret },
      theme: { ...theme, colorScheme },
      initialThread: threadId || null,
      ...more,
    });
    element.addEventListener("chatkit.thread.change", (event) => useThread(event.detail.threadId));
    element.addEventListener("chatkit.response.start", noteMessage);
    element.addEventListener("chatkit.error", () => announce("error", { where: "chatkit" }));
    frame.replaceChildren(element);
    return {
      focus: () => element.focusComposer?.(),
      reset: () => element.setThreadId?.(null),
    };
  };

  const runtimeChat = async (frame) => {
    for (const url of config.chat.runtime_urls) {
      try {
        if (!customElements.get("openai-chatkit")) await loadScript(url);
        return mountRuntime(frame);
      } catch { /* the next address, or our own panel */ }
    }
    return null;
  };

  // ── The protocol of our own chat ──

  const TRIES = 3;
  const TRY_WAIT_MS = 1000;
  const MOST_WAITS = 120;

  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  const request = (type, params) => ({ type, params, metadata: {} });

  /** An answer under way is awaited. */
  const protocol = async ({ body, requestId }, { position, read } = {}) => {
    const ask = (token) => {
      const headers = { Authorization: `Bearer ${token}` };
      if (position) headers["Last-Event-ID"] = position;
      return postJson(`${base}/api/chatkit`, body, { requestId, headers, read, keepalive: true });
    };
    for (let waits = 0; ; waits += 1) {
      try {
        return await authorized(ask);
      } catch (error) {
        if (error.status === 409 && waits < MOST_WAITS) await wait(error.wait * 1000);
        else if (error.status === 429 && waits) await wait(error.wait * 1000);
        else throw error;
      }
    }
  };

  const readEvents = async (answer, heard, each) => {
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      heard();
      const frames = (rest + value).split("\n\n");
      rest = frames.pop();
      for (const frame of frames) {
        const field = (name) => frame.match(new RegExp(`^${name}: ?(.*)`, "m"))?.[1];
        if (field("data")) each(JSON.parse(field("data")), field("id"));
      }
    }
  };

  /** One wish and all that streams back; a dropped connection reads on where it was. */
  const converse = async (wish, apply) => {
    let position = "";
    let left = TRIES;
    const read = (answer, heard) => readEvents(answer, heard, (event, place) => {
      apply(event);
      position = place || position;
      left = TRIES;
    });
    for (;;) {
      try {
        return await protocol(wish, { position, read });
      } catch (error) {
        left -= error.silent ? 2 : 1; // silence has taken long enough
        if (error.status || left <= 0) throw error;
        await wait(TRY_WAIT_MS);
      }
    }
  };

  // ── What our own panel is made of ──

  const ICONS = {
    chat: "M4 5h16v11H10l-5 4v-4H4z",
    close: "M6 6l12 12M18 6 6 18",
    fresh: "M12 5v14M5 12h14",
    photo: "M3 8h4l2-3h6l2 3h4v11H3zM12 16.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7",
    send: "M4 12h15M13 6l6 6-6 6",
  };
  const icon = (name) => {
    const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", ICONS[name]);
    svg.append(path);
    return svg;
  };
  const iconButton = (name, label, props = {}) =>
    make("button", { type: "button", "aria-label": label, title: label, ...props }, icon(name));

  const troubleNode = (error, again, ...more) => {
    const retry = make("button", { type: "button" }, say.again);
    const reference = error.requestId ? `${say.reference}: ${error.requestId.slice(0, 12)}` : "";
    const node = make("div", { className: "trouble", role: "alert" },
      make("p", { dir: "auto" }, error instanceof Trouble ? error.message : say.failed, ...more),
      make("small", {}, reference));
    if (error.retriable) node.append(retry);
    retry.onclick = () => {
      const panel = node.getRootNode();
      node.remove();
      again();
      panel.querySelector("textarea")?.focus();
    };
    announce("error", { where: "chat", requestId: error.requestId });
    return node;
  };

  const picture = (file) =>
    file.preview_url
      ? make("img", { src: file.preview_url, alt: file.name })
      : make("span", {}, file.name);

  const messageOf = (files, text) => [
    files?.length && make("div", { className: "photos" }, ...files.map(picture)),
    text && make("span", {}, isolated(text)),
  ].filter(Boolean);

  /** Between Arabic words the parts of a phone number or a time would stand in the wrong order. */
  const NUMBERS = /[+(]?\p{Nd}[\p{Nd} ().-]{5,}\p{Nd}|\p{Nd}+:\p{Nd}+ [AP]M/gu;
  const isolated = (text) =>
    config.chat.dir === "rtl" ? text.replace(NUMBERS, "\u2066$&\u2069") : text;

  const textOf = (item) => (item.content || []).map((part) => part.text || "").join("");

  /** It stays at its end unless somebody scrolled away. */
  const makeLog = (onAnswer) => {
    const top = make("div", { className: "top" });
    const node = make("div", { className: "log", role: "log", "aria-live": "polite", tabIndex: 0 }, top);
    const shown = new Map();
    let unstored = [];
    let into = node;
    let typing = null;
    let atEnd = true;

    const scroll = () => { if (atEnd) node.scrollTop = node.scrollHeight; };
    node.onscroll = () => {
      atEnd = node.scrollHeight - node.scrollTop - node.clientHeight < 80;
    };
    node.addEventListener("load", scroll, true);
    new ResizeObserver(scroll).observe(node);

    const rest = () => { typing?.remove(); typing = null; };
    const add = (child) => { rest(); node.append(child); scroll(); };

    const bubble = (who) => {
      if (who === "assistant") rest();
      const last = into.lastElementChild;
      const name = who === "customer" ? say.you : config.chat.assistant;
      const group = last?.dataset.who === who ? last
        : make("div", { className: `group ${who}` }, make("span", { className: "who" }, `${name}: `));
      group.dataset.who = who;
      if (group !== last) into.append(group);
      if (typing) node.append(typing);
      const made = make("div", { className: "bubble", dir: "auto" });
      group.append(made);
      return made;
    };
    const place = (item, who) => {
      if (!shown.has(item.id)) {
        const drawn = who === "customer" && into === node && unstored.shift();
        shown.set(item.id, drawn || bubble(who));
      }
      return shown.get(item.id);
    };

    const SHOW = {
      user_message: (item) =>
        place(item, "customer").replaceChildren(...messageOf(item.attachments, textOf(item))),
      assistant_message: (item) => { place(item, "assistant").textContent = isolated(textOf(item)); },
      structured_input: (item) => {
        const at = place(item, "assistant");
        at.className = `bubble ${item.status}`;
        at.replaceChildren(...item.inputs.map((one) => question(item, one, onAnswer)));
      },
    };
    const show = (item) => { SHOW[item.type]?.(item); scroll(); };
    const remove = (id) => { shown.get(id)?.remove(); shown.delete(id); };

    return {
      node, add, rest, show, remove,
      write({ item_id: id, update }) {
        const at = shown.get(id);
        if (!at) return;
        if (update.type.endsWith("text_delta")) at.append(update.delta);
        else if (update.type.endsWith("part.done")) at.textContent = isolated(update.content.text);
        scroll();
      },
      /** It becomes the stored message when its id is known. */
      say(text, files) {
        atEnd = true;
        const drawn = bubble("customer");
        drawn.append(...messageOf(files, text));
        unstored.push(drawn);
        scroll();
      },
      /** The oldest such message will never be stored. */
      giveUp() { unstored.shift(); },
      wait() {
        rest();
        const dots = make("div", { className: "bubble typing", role: "img", "aria-label": say.typing },
          make("i"), make("i"), make("i"));
        typing = make("div", { className: "group assistant" }, dots);
        node.append(typing);
        scroll();
      },
      /** A way to earlier messages, or why they are not here. */
      top(child) { top.replaceChildren(child); },
      older(items) {
        const below = node.scrollHeight - node.scrollTop;
        into = make("div", { className: "older", "aria-live": "off" });
        top.after(into);
        items.forEach(show);
        into = node;
        if (!atEnd) node.scrollTop = node.scrollHeight - below;
      },
      /** Ids sort by time. What the customer answered stays, as it does in the chat service. */
      dropAnswer(asked) {
        for (const [id, at] of shown) {
          if (id > asked && !at.classList.contains("answered")) remove(id);
        }
      },
      clear() {
        shown.clear();
        top.replaceChildren();
        node.replaceChildren(top);
        unstored = [];
        typing = null;
        atEnd = true;
      },
    };
  };

  const question = (item, one, onAnswer) => {
    if (item.status !== "pending") {
      const said = one.answer?.values?.join(", ");
      const value = said ? isolated(said) : make("small", {}, say.skipped);
      return make("div", {}, one.question, make("div", { dir: "auto" }, value));
    }
    const id = `${item.id}-${one.id}`;
    const label = make("label", { htmlFor: id }, one.question);
    const phone = /phone|tel/i.test(one.id);
    const field = make("input", {
      id, name: one.id, dir: "auto", type: phone ? "tel" : "text", autocomplete: phone ? "tel" : "on",
    });
    const skip = make("button", { type: "button", className: "quiet" }, say.skip);
    const buttons = make("div", { className: "buttons" }, make("button", { type: "submit" }, say.send), skip);
    const hint = make("small", {}, one.description || "");
    const form = make("form", { className: "field" }, label, field, hint, buttons);
    const answer = (values) => {
      form.inert = true;
      const status = values ? "answered" : "skipped";
      const answers = { [one.id]: { values: values || [], skipped: !values } };
      onAnswer(item, { status, answers });
    };
    skip.onclick = () => answer(null);
    form.onsubmit = (event) => {
      event.preventDefault();
      if (field.value.trim()) answer([field.value.trim()]);
    };
    return form;
  };

  /** fetch cannot tell how far an upload is. */
  const sendFile = (file, entry, progress) => authorized((token) =>
    new Promise((resolve, reject) => {
      const requestId = randomId();
      const upload = new XMLHttpRequest();
      const { heard, rest } = patience(() => upload.abort());
      entry.stop = () => {
        resolve({});
        upload.abort();
        beacon("chatkit_lead_signal_url", { event: "photo_removed", name: file.name });
      };
      const body = new FormData();
      if (threadId) body.append("thread_id", threadId);
      body.append("file", file, file.name);
      upload.open("POST", config.custom.chatkit_attachment_upload_url);
      upload.setRequestHeader("Authorization", `Bearer ${token}`);
      upload.setRequestHeader("X-Request-ID", requestId);
      upload.responseType = "json";
      upload.upload.onprogress = (event) => { heard(); progress(event.loaded / event.total); };
      upload.upload.onload = () => heard(PHOTO_MS);
      upload.onerror = upload.onabort = () => reject(new Trouble(unreached(), requestId));
      upload.onload = () => {
        if (upload.status === 200 && upload.response) resolve(upload.response);
        else reject(refusal(upload.status, upload.response, requestId));
      };
      upload.onloadend = rest;
      upload.send(body);
    }));

  const makeTray = (onChange) => {
    const node = make("div", { className: "tray" });
    const lanes = [Promise.resolve(), Promise.resolve()]; // more at once would starve each other
    let entries = [];
    let notice = null;

    const upload = (file) => {
      const image = make("img", { alt: "", hidden: true, onload: () => { image.hidden = false; } });
      const bar = make("progress", { max: 1, value: 0, "aria-label": say.uploading });
      const drop = iconButton("close", `${say.remove} ${file.name}`, { className: "quiet" });
      const chip = make("div", { className: "chip" }, image, make("span", { dir: "auto" }, file.name), bar, drop);
      const remove = () => {
        entries = entries.filter((one) => one !== entry);
        entry.stop?.();
        chip.remove();
        onChange();
      };
      const fail = (error) => {
        entry.failed = true;
        chip.classList.add("failed");
        chip.append(troubleNode(error, () => { remove(); upload(file); }));
        chip.scrollIntoView(false);
      };
      const send = async () => {
        if (!chip.isConnected) return;
        try {
          entry.file = await sendFile(file, entry, (part) => { bar.value = part; });
          // Our preview shows a HEIC that the browser cannot.
          if (entry.file.preview_url) image.src = entry.file.preview_url;
        } catch (error) { fail(error); }
        entry.stop = null;
        bar.remove();
        onChange();
      };
      const entry = { remove };
      drop.onclick = remove;
      image.src = URL.createObjectURL(file);
      entries.push(entry);
      node.append(chip);
      if (file.size > config.chat.largest_file_bytes) fail(new Trouble(say.too_large));
      else lanes.push(lanes.shift().then(send));
      onChange();
    };

    return {
      node,
      add(files) {
        const room = config.chat.most_files - entries.length;
        const over = files.length - room;
        notice?.remove();
        [...files].slice(0, room).forEach(upload);
        if (over > 0) node.append(notice = troubleNode(new Trouble(`${say.too_many_files} ${over}`)));
      },
      files: () => entries.filter((one) => one.file).map((one) => one.file),
      busy: () => entries.some((one) => !one.file && !one.failed),
      /** What failed stays. */
      clear() {
        notice?.remove();
        entries.filter((one) => one.file).forEach((one) => one.remove());
      },
    };
  };

  const makeComposer = (onSend) => {
    const input = make("textarea", {
      rows: 1, placeholder: say.placeholder, "aria-label": say.placeholder, maxLength: 8000,
      enterKeyHint: "send", dir: "auto",
    });
    const send = iconButton("send", say.send, { className: "send", type: "submit", disabled: true });
    const attach = iconButton("photo", say.photo, { className: "attach" });
    const pick = make("input", {
      type: "file", multiple: true, hidden: true, "aria-label": say.photo,
      accept: "image/*,.heic,.heif,.avif,application/pdf",
    });
    const status = make("small", { role: "status" });
    let held = "";
    let waiting = false; // it was sent, and leaves when nothing holds it any more
    const full = () => input.value.trim() || tray.files().length;
    const ready = () => {
      const busy = tray.busy();
      waiting &&= full() || busy;
      if (waiting && !held && !busy) return go();
      send.disabled = waiting || !(full() || busy);
      status.textContent = waiting ? held || say.uploading : "";
    };
    const tray = makeTray(ready);
    const node = make("form", { className: "composer" }, tray.node, input, attach, status, pick, send);

    const grow = () => {
      input.style.height = "auto";
      input.style.height = `${Math.min(input.scrollHeight + 2, 160)}px`;
    };
    /** Photos still on their way follow. */
    const go = () => {
      const [text, files] = [input.value.trim(), tray.files()];
      input.value = "";
      waiting = false;
      tray.clear();
      grow();
      waiting = tray.busy();
      onSend(text, files);
      ready();
    };
    const submit = () => {
      waiting = true;
      input.focus();
      ready();
    };
    node.onsubmit = (event) => { event.preventDefault(); submit(); };
    input.oninput = () => {
      waiting = false; // what is edited is a draft again
      grow();
      ready();
      noteActivity();
    };
    input.onkeydown = (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      submit();
    };
    input.onpaste = (event) => tray.add(event.clipboardData.files);
    attach.onclick = () => pick.click();
    pick.onchange = () => {
      noteActivity();
      tray.add(pick.files);
      pick.value = "";
    };
    return {
      node,
      focus() { grow(); input.focus(); },
      hold(why) { held = why; ready(); },
      leave() { if (waiting && full()) go(); },
      send(text) { input.value += ` ${text}`; submit(); },
    };
  };

  const panelChat = (frame) => {
    let asked = null; // the customer's newest stored message: what an answer is retried after
    let wishes = JSON.parse(session.get("handoff-wishes")) || []; // unanswered; a reload goes on
    let chat = null; // another one after New chat: what still comes for the old one is not heard
    let busy = null;
    let start = null;
    let trouble = null;

    const keepWishes = () => session.set("handoff-wishes", JSON.stringify(wishes));

    const apply = (event) => {
      if (event.item?.type === "user_message") asked = event.item.id;
      if (event.type === "thread.created") useThread(event.thread.id);
      else if (event.item) log.show(event.item);
      else if (event.type === "thread.item.removed") log.remove(event.item_id);
      else if (event.type === "thread.item.updated") log.write(event);
    };

    /** One message at a time; a screen reader waits for it all. */
    const hold = (on) => {
      busy = on && chat;
      composer.hold(on && say.typing);
      log.node.setAttribute("aria-busy", on);
    };

    const message = (input) =>
      threadId
        ? request("threads.add_user_message", { thread_id: threadId, input })
        : request("threads.create", { input });

    /** What was sent once is repeated as it was: the chat service hears a request id once. */
    const written = (wish) => {
      wish.body ||= message(wish.input);
      keepWishes();
      return wish;
    };

    const tell = async (wish, mine) => {
      if (wish.again) log.dropAnswer(asked);
      log.wait();
      await converse(written(wish), (event) => {
        if (mine !== chat) return;
        if (event.type !== "error") return apply(event);
        const more = { status: 500, retriable: event.allow_retry, told: true };
        throw new Trouble(event.message || say.dropped, wish.requestId, more);
      });
    };

    /** All wishes in their order; the first that fails waits, the others behind it. */
    const work = async () => {
      if (busy === chat) return;
      const mine = chat;
      trouble?.remove();
      hold(true);
      while (wishes.length) {
        const [wish] = wishes;
        const error = await tell(wish, mine).catch((caught) => caught);
        if (mine !== chat) return;
        if (error) log.add(trouble = troubleNode(error, work));
        if (error?.told && asked) wishes[0] = retry();
        if (error?.retriable) break;
        if (error && !error.told && wish.input) log.giveUp();
        trouble = null; // what cannot be mended stays beside its message
        wishes.shift();
      }
      keepWishes();
      log.rest();
      hold(false);
    };

    addEventListener("online", work);

    const ask = (wish) => {
      noteMessage();
      wishes.push({ requestId: randomId(), ...wish });
      work();
    };

    const retry = () => {
      const params = { thread_id: threadId, item_id: asked };
      return { requestId: randomId(), again: true, body: request("threads.retry_after_item", params) };
    };

    const submit = (text, files) => {
      start?.remove();
      log.say(text, files);
      const input = {
        content: text ? [{ type: "input_text", text }] : [],
        attachments: files.map((file) => file.id),
        quoted_text: null,
        inference_options: {},
      };
      ask({ input });
    };

    const answer = (item, input) => {
      const params = { thread_id: threadId, item_id: item.id, input };
      ask({ body: request("threads.add_structured_input", params) });
      composer.focus();
    };

    const log = makeLog(answer);
    const composer = makeComposer(submit);
    frame.replaceChildren(log.node, composer.node);

    /** If the page lives on, it is sent again, and heard once. */
    whenLeaving(() => {
      composer.leave();
      wishes.slice(1).forEach((wish) => protocol(written(wish)).catch(() => {}));
    });

    const showStart = () => {
      const prompts = say.prompts.map((text) =>
        make("button", { type: "button", onclick: () => composer.send(text) }, text));
      start = make("div", { className: "start" }, make("p", {}, say.greeting), ...prompts);
      log.add(start);
    };

    const showPage = async (after) => {
      const mine = chat;
      const params = { thread_id: threadId, limit: PAGE_ITEMS, order: "desc", after };
      log.top(make("p", { className: "loading" }, say.loading));
      try {
        const page = await protocol({ body: request("items.list", params) });
        if (mine !== chat) return;
        asked ||= page.data.find((item) => item.type === "user_message")?.id;
        const earlier = make("button", { type: "button", onclick: () => showPage(page.after) }, say.earlier);
        log.top(page.has_more ? earlier : "");
        log.older(page.data.reverse());
        if (after) log.node.focus({ preventScroll: true });
        else work();
      } catch (error) {
        if (mine !== chat) return;
        if (error.status === 404) { useThread(null); reset(); return; }
        log.top(troubleNode(error, () => showPage(after)));
        composer.hold("");
      }
    };

    const load = () => {
      chat = {};
      asked = null;
      log.clear();
      hold(false);
      if (threadId) {
        composer.hold(say.loading); // what is said now must not come twice
        return showPage();
      }
      if (!wishes.length) showStart();
      return work();
    };
    const reset = () => {
      wishes = [];
      keepWishes();
      return load();
    };
    load();
    return { focus: composer.focus, reset };
  };

  /** A hosted conversation is OpenAI's: without its runtime only the telephone is left. */
  const noChat = (frame, again) => {
    const { phone, phone_shown } = config.chat;
    const link = make("a", { href: `tel:${phone}` }, make("bdi", {}, phone_shown));
    frame.replaceChildren(troubleNode(new Trouble(say.call_us, config.requestId), again, " ", link));
    return { focus: () => link.focus(), reset() {} };
  };

  // ── The frame around either ──

  const locale = script.dataset.locale || document.documentElement.lang || navigator.language || "en";

  const drawFrame = () => {
    const { chat } = config;
    const host = make("div", { id: "handoff" });
    host.style.cssText = `--accent: ${chat.colour}; --on-accent: ${chat.on_colour}`;
    const root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
    root.adoptedStyleSheets = [sheet];

    const inside = { lang: chat.locale, dir: chat.dir };
    const launch = make("button", { className: "launch", type: "button", "aria-haspopup": "dialog", ...inside },
      icon("chat"), say.open);
    const again = iconButton("fresh", say.new_chat, { className: "quiet" });
    const close = iconButton("close", say.close, { className: "quiet" });
    const state = make("small", { className: `state ${chat.open_now ? "open" : ""}` },
      say[chat.open_now ? "open_now" : "closed_now"]);
    const title = make("div", { className: "title" }, make("strong", {}, chat.shop), state);
    const frame = make("div", { className: "frame" });
    const panel = make("dialog", { className: "panel", "aria-label": chat.shop, tabIndex: -1, ...inside },
      make("header", {}, title, again, close), frame);
    root.append(panel, launch);
    document.body.append(host);
    return { panel, launch, again, close, frame };
  };

  const build = () => {
    const { panel, launch, again, close, frame } = drawFrame();
    const phone = matchMedia("(max-width: 480px)");
    let starting = null;
    const start = async () => {
      const hosted = config.chat.mode === "hosted";
      frame.replaceChildren(make("p", { className: "loading" }, say.loading));
      const runtime = config.chat.runtime && (await runtimeChat(frame));
      announce("ready", { runtime: Boolean(runtime) });
      return runtime || (hosted ? noChat : panelChat)(frame, () => { starting = null; open(); });
    };
    const show = () => {
      panel.close();
      if (phone.matches) panel.showModal(); // it covers the page, which is then out of reach
      else panel.open = true;
      launch.hidden = true;
      session.set("chatkit-open", "1");
      starting ||= start();
    };
    const open = async () => {
      show();
      panel.focus();
      (await starting).focus();
    };
    const shut = () => {
      panel.close();
      launch.hidden = false;
      session.drop("chatkit-open");
      launch.focus();
      trigger("chat_closed");
    };
    const startOver = async () => {
      useThread(null);
      const chat = await starting;
      chat?.reset();
      chat?.focus();
    };
    /** Of a phone's keyboard; to zoom in makes less seen, too. */
    const view = window.visualViewport;
    const follow = () => {
      if (view.scale > 1) return;
      panel.style.cssText = `--top: ${view.offsetTop}px; --seen: ${view.height}px`;
    };
    view.addEventListener("resize", follow);
    view.addEventListener("scroll", follow);
    launch.onclick = open;
    close.onclick = panel.oncancel = shut;
    again.onclick = startOver;
    phone.onchange = () => { if (panel.open) open(); };
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && panel.open && !event.defaultPrevented) shut();
    });
    window.Handoff = { open, close: shut, newChat: startOver, get threadId() { return threadId; } };
    if (session.get("chatkit-open")) show();
  };

  const begin = async () => {
    const requestId = randomId();
    [config, style] = await Promise.all([
      call(`${base}/handoff.json?locale=${encodeURIComponent(locale)}`, { requestId }),
      call(`${base}/handoff.css`, { read: (answer) => answer.text() }),
    ]);
    config.requestId = requestId;
    say = config.chat.texts;
    watchPage();
    build();
  };

  begin().catch((error) => {
    const why = error.status ? error.message
      : `${base} is not reachable, or ${location.origin} is not among the origins of its shops`;
    console.error(`Handoff could not start: ${why}. Reference: ${error.requestId}`);
  });
})();
