/*! Handoff: the chat of a small shop. One script tag, no build step, no dependency. MIT. */
(() => {
  "use strict";

  const script = document.currentScript;
  const base = new URL(script.src).origin;
  const IDLE_MS = 300000;
  const RUNTIME_WAIT_MS = 8000;
  const SECRET_SPARE_S = 60;
  const ATTRIBUTION_DAYS = 180;
  const CLICK_IDS = ["gclid", "gbraid", "wbraid"];
  const UTM = ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"];
  const MOST_FILES = 7;
  const LARGEST_FILE_BYTES = 12 * 1024 * 1024;
  const LOCAL = ["localhost", "127.0.0.1", "[::1]"];

  if (location.protocol !== "https:" && !LOCAL.includes(location.hostname)) {
    console.error("Handoff does not run on plain http: serve this page over https.");
    return;
  }

  // ── Small things ──

  /** Storage that a browser may refuse: then the visit is simply not remembered. */
  const keep = (area) => ({
    get(name) { try { return window[area].getItem(name); } catch { return null; } },
    set(name, value) { try { window[area].setItem(name, value); } catch { /* private mode */ } },
    drop(name) { try { window[area].removeItem(name); } catch { /* private mode */ } },
  });
  const local = keep("localStorage");
  const session = keep("sessionStorage");

  const randomId = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  };

  /** Text is always text, never markup. */
  const make = (tag, props = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(props)) {
      if (name in node && !name.startsWith("aria")) node[name] = value;
      else node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  };

  const announce = (name, detail = {}) =>
    document.dispatchEvent(new CustomEvent(`handoff:${name}`, { detail }));

  class Trouble extends Error {
    constructor(message, requestId, status = 0, retriable = true) {
      super(message);
      Object.assign(this, { requestId, status, retriable });
    }
  }

  let config = null;
  let say = {};

  /** fetch with a request id of ours, and an error that a person can read and quote. */
  const call = async (url, { requestId = randomId(), ...options } = {}) => {
    const headers = { "X-Request-ID": requestId, ...options.headers };
    let answer;
    try {
      answer = await fetch(url, { ...options, headers });
    } catch {
      throw new Trouble(say.offline || "No connection.", requestId);
    }
    if (answer.ok) return answer;
    const body = await answer.json().catch(() => ({}));
    throw new Trouble(body.message || say.failed, body.request_id || requestId, answer.status);
  };

  const postJson = (url, body, headers = {}, requestId = undefined) =>
    call(url, {
      method: "POST",
      requestId,
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
    });

  // ── Who, and from where ──

  let secret = null;
  let minting = null;

  /** A client secret that lives a while yet; one mint at a time. */
  const clientSecret = (renew = false) => {
    const fresh = secret && secret.expires_at - SECRET_SPARE_S > Date.now() / 1000;
    if (fresh && !renew) return Promise.resolve(secret.client_secret);
    minting ||= (async () => {
      const answer = await postJson(config.custom.chatkit_session_url, {
        current: secret ? secret.client_secret : null,
        locale,
        pageUrl: location.href,
        user: local.get("chatkit-user-id"),
      });
      secret = await answer.json();
      local.set("chatkit-user-id", secret.user);
      return secret.client_secret;
    })().finally(() => { minting = null; });
    return minting;
  };

  const touchOfThisVisit = () => {
    const query = new URLSearchParams(location.search);
    const touch = { at: new Date().toISOString(), landing_page: location.origin + location.pathname };
    for (const name of [...CLICK_IDS, ...UTM]) {
      const value = query.get(name);
      if (value) touch[name] = value.slice(0, 128);
    }
    try {
      const from = document.referrer && new URL(document.referrer);
      if (from && from.origin !== location.origin) touch.referrer = from.origin + from.pathname;
    } catch { /* a referrer that is no URL tells nothing */ }
    return touch;
  };

  /** First and last touch; a visit that says nothing new does not replace one that did. */
  const rememberTouch = () => {
    const now = touchOfThisVisit();
    const told = [...CLICK_IDS, ...UTM, "referrer"].some((name) => now[name]);
    let kept = null;
    try { kept = JSON.parse(local.get("handoff-attribution")); } catch { /* made anew */ }
    const age = kept && kept.first ? Date.now() - Date.parse(kept.first.at) : Infinity;
    if (!(age < ATTRIBUTION_DAYS * 864e5)) kept = { first: now, last: now };
    else if (told) kept.last = now;
    local.set("handoff-attribution", JSON.stringify(kept));
    return kept;
  };

  const attribution = () => {
    const { first, last } = touches;
    const { at, ...told } = last;
    const device = matchMedia("(pointer: coarse)").matches ? "mobile" : "desktop";
    return { ...told, device_type: device, first_touch_at: first.at, last_touch_at: at };
  };

  const touches = rememberTouch();

  // ── When to ask for a decision ──

  let threadId = session.get("chatkit-thread-id");
  let interacted = false;
  let idleTimer = 0;

  const leadBody = (reason, thread) => ({
    threadId: thread,
    reason,
    locale,
    pageUrl: location.href,
    user: local.get("chatkit-user-id"),
    attribution: attribution(),
  });

  /** Tell the shop's side that now would be a good moment. It decides; nothing is lost if not. */
  const trigger = async (reason, thread = threadId) => {
    if (!interacted || !thread || session.get(`chatkit-lead-sent:${thread}`)) return;
    try {
      const answer = await call(config.custom.chatkit_lead_email_url, {
        method: "POST",
        keepalive: true,
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(leadBody(reason, thread)),
      });
      const decided = await answer.json();
      if (decided.sent) session.set(`chatkit-lead-sent:${thread}`, "1");
      announce("lead", { reason, sent: decided.sent, lead_reason: decided.reason });
    } catch (error) {
      announce("error", { where: "lead", requestId: error.requestId });
    }
  };

  /** The page goes away: only a beacon still leaves. */
  const triggerLeaving = () => {
    if (!interacted || !threadId || session.get(`chatkit-lead-sent:${threadId}`)) return;
    const body = JSON.stringify(leadBody("pagehide", threadId));
    if (!navigator.sendBeacon?.(config.custom.chatkit_lead_email_url, body)) trigger("pagehide");
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
    if (threadId) session.drop(`chatkit-lead-sent:${threadId}`);
  };

  const signal = (event, clickUrl, provider) => {
    const body = JSON.stringify({
      event, clickUrl, provider, locale,
      pageUrl: location.href,
      user: local.get("chatkit-user-id") || "",
      attribution: attribution(),
    });
    navigator.sendBeacon?.(config.custom.chatkit_lead_signal_url, body);
  };

  const CLICKS = { "tel:": "click_call", "sms:": "click_text", "mailto:": "click_email" };
  const watchPage = () => {
    addEventListener("pagehide", triggerLeaving);
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") triggerLeaving();
    });
    document.addEventListener("click", (event) => {
      const link = event.target instanceof Element && event.target.closest("a[href]");
      const name = link && CLICKS[link.protocol];
      if (name) signal(name, link.protocol, "link");
    });
  };

  // ── OpenAI's own runtime, where it may run ──

  const loadScript = (url) =>
    new Promise((resolve, reject) => {
      const node = make("script", { src: url, async: true, onload: resolve, onerror: reject });
      setTimeout(reject, RUNTIME_WAIT_MS, new Error("slow"));
      document.head.append(node);
    });

  const loadRuntime = async () => {
    if (customElements.get("openai-chatkit")) return true;
    for (const url of config.chat.runtime_urls) {
      try {
        await loadScript(url);
        await Promise.race([
          customElements.whenDefined("openai-chatkit"),
          new Promise((_, reject) => { setTimeout(reject, RUNTIME_WAIT_MS, new Error("slow")); }),
        ]);
        return true;
      } catch { /* the next address, or our own panel */ }
    }
    return false;
  };

  const ownFetch = async (url, options = {}) => {
    const headers = new Headers(options.headers);
    headers.set("Authorization", `Bearer ${await clientSecret()}`);
    headers.set("X-Request-ID", randomId());
    return fetch(url, { ...options, headers });
  };

  const runtimeApi = () =>
    config.chat.mode === "hosted"
      ? { getClientSecret: (current) => clientSecret(Boolean(current)) }
      : {
          url: `${base}/api/chatkit`,
          domainKey: config.chat.domain_key,
          fetch: ownFetch,
          uploadStrategy: { type: "two_phase" },
        };

  /** The runtime's own words; it knows all of our languages but Persian. */
  const runtimeLocale = () => (config.chat.locale === "fa" ? "en" : config.chat.locale);

  const runtimeOptions = () => ({
    api: runtimeApi(),
    locale: runtimeLocale(),
    initialThread: threadId || null,
    theme: {
      colorScheme: matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
      color: { accent: { primary: config.chat.colour, level: 1 } },
    },
    header: { title: { text: config.chat.shop } },
    history: { enabled: true },
    startScreen: {
      greeting: say.greeting,
      prompts: say.prompts.map((text) => ({ label: text, prompt: text })),
    },
    composer: {
      placeholder: say.placeholder,
      attachments: { enabled: true, maxSize: LARGEST_FILE_BYTES, maxCount: MOST_FILES },
    },
  });

  const runtimeChat = (frame) => {
    const element = document.createElement("openai-chatkit");
    element.setOptions(runtimeOptions());
    element.addEventListener("chatkit.thread.change", (event) => useThread(event.detail.threadId));
    element.addEventListener("chatkit.response.start", noteMessage);
    element.addEventListener("chatkit.error", () => announce("error", { where: "chatkit" }));
    frame.append(element);
    return {
      focus: () => element.focusComposer?.(),
      reset: () => element.setThreadId?.(null),
    };
  };

  // ── The protocol of our own chat ──

  const RESUMES = 3;
  const RESUME_WAIT_MS = 1000;

  const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

  /** Ask the chat service; a session that ended meanwhile is renewed once. */
  const protocol = async (type, params, { position = "", requestId } = {}) => {
    const ask = async (renew) => {
      const headers = { Authorization: `Bearer ${await clientSecret(renew)}` };
      if (position) headers["Last-Event-ID"] = position;
      return postJson(`${base}/api/chatkit`, { type, params, metadata: {} }, headers, requestId);
    };
    try {
      return await ask(false);
    } catch (error) {
      if (error.status !== 401) throw error;
      return ask(true);
    }
  };

  async function* eventsOf(answer) {
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const frames = (rest + value).split("\n\n");
      rest = frames.pop();
      for (const frame of frames) {
        const field = (name) => frame.split("\n").filter((line) => line.startsWith(`${name}:`))
          .map((line) => line.slice(name.length + 1).trimStart()).join("\n");
        if (field("data")) yield { position: field("id"), event: JSON.parse(field("data")) };
      }
    }
  }

  /** One wish and all that streams back; a dropped connection reads on where it was. */
  const converse = async (type, params, requestId, apply) => {
    let position = "";
    for (let tries = 0; ; tries += 1) {
      try {
        const answer = await protocol(type, params, { position, requestId });
        for await (const one of eventsOf(answer)) {
          apply(one.event);
          position = one.position || position;
          tries = 0;
        }
        return;
      } catch (error) {
        const dropped = !error.status;
        if (!dropped || !position || tries === RESUMES) {
          throw error instanceof Trouble ? error : new Trouble(say.dropped, requestId);
        }
        await wait(RESUME_WAIT_MS);
      }
    }
  };

  // ── What our own panel is made of ──

  const STYLE = `
    :host { all: initial; --ink: #1d2129; --soft: #5b6472; --line: #d9dde3; --edge: #868e9a; --paper: #fff;
      --ground: #f1f3f5; --bad: #b3261e; --ring: var(--accent); color-scheme: light dark; }
    @media (prefers-color-scheme: dark) { :host { --ink: #eceef2; --soft: #a7afbc; --line: #3a414d;
      --paper: #16191f; --ground: #262b34; --bad: #ff8a80; --ring: #eceef2; } }
    * { box-sizing: border-box; }
    [hidden] { display: none !important; }
    .panel, .launch { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: var(--ink); }
    button, input, textarea { font: inherit; color: inherit; }
    button { display: inline-flex; align-items: center; justify-content: center; gap: 8px; min-height: 44px;
      min-width: 44px; padding: 0 16px; border: 1px solid var(--edge); border-radius: 8px;
      background: var(--paper); cursor: pointer; }
    button:disabled { background: var(--ground); color: var(--soft); border-color: var(--line); cursor: default; }
    svg { width: 24px; height: 24px; flex: none; fill: none; stroke: currentColor; stroke-width: 2;
      stroke-linecap: round; stroke-linejoin: round; }
    :focus-visible { outline: 2px solid var(--ring); outline-offset: -2px; }
    .launch, .send:enabled, .field [type=submit] { background: var(--accent); border-color: var(--accent);
      color: var(--on-accent); font-weight: 600; }
    .launch { position: fixed; inset-block-end: 24px; inset-inline-end: 24px; z-index: 2147483000;
      min-height: 56px; padding: 0 24px 0 20px; border-radius: 28px; }
    .panel { position: fixed; inset-block-end: 24px; inset-inline-end: 24px; z-index: 2147483000;
      display: flex; flex-direction: column; width: 400px; height: min(680px, calc(100dvh - 48px));
      background: var(--paper); border: 1px solid var(--edge); border-radius: 16px; overflow: hidden; }
    header { display: flex; align-items: center; padding: 8px 8px 8px 16px; border-block-end: 1px solid var(--line); }
    [dir=rtl] header { padding: 8px 16px 8px 8px; }
    .title { flex: 1; min-width: 0; display: grid; line-height: 1.3; }
    .title strong { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
    small { color: var(--soft); font-size: 14px; }
    .state { display: flex; align-items: center; gap: 8px; }
    .state::before { content: ""; width: 8px; height: 8px; border-radius: 50%; background: var(--soft); }
    .state.open::before { background: #2e9e5b; }
    .quiet { border-color: transparent; background: transparent; padding: 0 8px; }
    .frame { flex: 1; min-height: 0; display: flex; flex-direction: column; }
    .frame > openai-chatkit { flex: 1; }
    .log { flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 16px; display: flex;
      flex-direction: column; gap: 16px; }
    .group { display: flex; flex-direction: column; gap: 4px; align-items: flex-start; max-width: 88%; }
    .group.customer { align-self: flex-end; align-items: flex-end; }
    .bubble { padding: 8px 16px; border-radius: 16px; background: var(--ground); white-space: pre-wrap;
      overflow-wrap: anywhere; }
    .customer .bubble { background: var(--accent); color: var(--on-accent); }
    .field { display: grid; gap: 8px; width: 100%; }
    .bubble.field { padding: 16px; }
    .photos { display: grid; grid-template-columns: repeat(auto-fit, minmax(104px, 1fr)); gap: 4px;
      width: 240px; max-width: calc(100% + 16px); margin: 0 -8px; }
    .photos:not(:last-child) { margin-block-end: 8px; }
    .photos img { width: 100%; height: 100%; max-height: 240px; min-height: 104px;
      object-fit: cover; border-radius: 8px; }
    .typing { display: flex; gap: 4px; padding: 16px; }
    .typing i { width: 8px; height: 8px; border-radius: 4px; background: var(--soft); animation: wait 1s infinite; }
    .typing i:nth-child(2) { animation-delay: .15s; } .typing i:nth-child(3) { animation-delay: .3s; }
    @keyframes wait { 50% { opacity: .25; } }
    @media (prefers-reduced-motion: reduce) { .typing i { animation: none; } }
    .start { margin-block-start: auto; display: grid; gap: 8px; justify-items: start; }
    .start p { margin: 0 0 8px; font-size: 20px; line-height: 1.4; }
    .start button { text-align: start; padding-block: 8px; }
    .loading { color: var(--soft); margin: auto; }
    .trouble { border-inline-start: 3px solid var(--bad); padding-inline-start: 12px; display: grid;
      gap: 4px; justify-items: start; }
    .trouble p { margin: 0; overflow-wrap: anywhere; }
    .trouble button { margin-block-start: 4px; }
    .composer { display: grid; grid-template-columns: auto 1fr auto; margin: 0 8px 8px; border: 1px solid var(--edge);
      border-radius: 12px; overflow: hidden; }
    .composer:has(textarea:focus-visible) { outline: 2px solid var(--ring); outline-offset: -1px; }
    .tray { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: 8px; max-height: 40dvh; padding: 8px; overflow-y: auto; }
    .tray:empty { display: none; }
    .chip { display: flex; align-items: center; gap: 8px; max-width: 100%; padding-inline-start: 8px;
      border: 1px solid var(--line); border-radius: 8px; font-size: 14px; }
    .chip span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-width: 140px; }
    .chip img { width: 36px; height: 36px; object-fit: cover; border-radius: 4px; }
    .chip progress { width: 56px; accent-color: var(--ring); }
    .chip.failed { border-color: var(--bad); flex-wrap: wrap; padding-block-end: 8px; }
    .chip .trouble { flex: 1 0 100%; border: 0; padding: 0; }
    textarea, .field input { display: block; width: 100%; min-height: 44px; padding: 9px 12px;
      border: 1px solid var(--edge); border-radius: 8px; background: var(--paper); color: var(--ink); resize: none; }
    textarea { grid-column: 1 / -1; border: 0; }
    textarea:focus-visible { outline: 0; }
    ::placeholder { color: var(--soft); opacity: 1; }
    .buttons { display: flex; gap: 8px; }
    .attach, .send { padding: 0; margin: 4px; }
    .send { grid-column: 3; }
    .attach, .send:disabled { border-color: transparent; background: transparent; }
    [dir=rtl] .send svg { transform: scaleX(-1); }
    @media (max-width: 480px) { .panel { inset: 0; width: auto; height: 100dvh; border: 0; border-radius: 0; }
      .launch { inset-block-end: 16px; inset-inline-end: 16px; } }
  `;

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

  /** An error beside what it belongs to, with the id that a person can quote. */
  const troubleNode = (error, again) => {
    const retry = make("button", { type: "button" }, say.again);
    const reference = error.requestId ? `${say.reference}: ${error.requestId.slice(0, 12)}` : "";
    const node = make("div", { className: "trouble", role: "alert" },
      make("p", { dir: "auto" }, error.message || say.failed), make("small", {}, reference));
    if (error.retriable) node.append(retry);
    retry.addEventListener("click", () => { node.remove(); again(); });
    announce("error", { where: "chat", requestId: error.requestId });
    return node;
  };

  const picture = (file) =>
    file.preview_url
      ? make("img", { src: file.preview_url, alt: file.name })
      : make("span", { className: "file" }, file.name);

  const messageOf = (files, text) => [
    ...(files?.length ? [make("div", { className: "photos" }, ...files.map(picture))] : []),
    ...(text ? [make("span", {}, text)] : []),
  ];

  const textOf = (item) => (item.content || []).map((part) => part.text || "").join("");

  /** What was said, grouped by speaker. It stays at its end unless somebody scrolled away. */
  const makeLog = (onAnswer) => {
    const node = make("div", { className: "log", role: "log", "aria-live": "polite", tabIndex: 0 });
    const shown = new Map();
    let unstored = null;
    let typing = null;
    let atEnd = true;

    const scroll = () => { if (atEnd) node.scrollTop = node.scrollHeight; };
    node.addEventListener("scroll", () => {
      atEnd = node.scrollHeight - node.scrollTop - node.clientHeight < 80;
    });
    node.addEventListener("load", scroll, true);

    const rest = () => { typing?.remove(); typing = null; };
    const add = (child) => { rest(); node.append(child); scroll(); };

    const bubble = (who) => {
      rest();
      const last = node.lastElementChild;
      const group = last?.dataset.who === who ? last : make("div", { className: `group ${who}` });
      group.dataset.who = who;
      if (group !== last) node.append(group);
      const made = make("div", { className: "bubble", dir: "auto" });
      group.append(made);
      return made;
    };
    const place = (item, who) => {
      if (who === "customer" && unstored && !shown.has(item.id)) {
        shown.set(item.id, unstored);
        unstored = null;
      }
      if (!shown.has(item.id)) shown.set(item.id, bubble(who));
      return shown.get(item.id);
    };

    const SHOW = {
      user_message: (item) =>
        place(item, "customer").replaceChildren(...messageOf(item.attachments, textOf(item))),
      assistant_message: (item) => { place(item, "assistant").textContent = textOf(item); },
      structured_input: (item) => {
        const at = place(item, "assistant");
        at.classList.add("field");
        at.replaceChildren(...item.inputs.map((one) => question(item, one, onAnswer)));
      },
    };

    return {
      node, add,
      show(item) { SHOW[item.type]?.(item); scroll(); },
      write({ item_id: id, update }) {
        const at = shown.get(id);
        if (!at) return;
        if (update.type.endsWith("text_delta")) at.append(update.delta);
        else if (update.type.endsWith("part.done")) at.textContent = update.content.text;
        scroll();
      },
      remove(id) { shown.get(id)?.remove(); shown.delete(id); },
      /** Drawn at once; it becomes the stored message when its id is known. */
      say(text, files) {
        atEnd = true;
        unstored = bubble("customer");
        unstored.append(...messageOf(files, text));
        scroll();
      },
      wait(text = say.typing) {
        rest();
        const dots = make("div", { className: "bubble typing", role: "img", "aria-label": text },
          make("i"), make("i"), make("i"));
        typing = make("div", { className: "group assistant" }, dots);
        node.append(typing);
        scroll();
      },
      rest,
      dropAnswer() {
        while (node.lastElementChild?.dataset.who === "assistant") node.lastElementChild.remove();
      },
      clear() { shown.clear(); node.replaceChildren(); unstored = null; typing = null; atEnd = true; },
    };
  };

  /** A typed field, such as the phone number. */
  const question = (item, one, onAnswer) => {
    const id = `${item.id}-${one.id}`;
    const label = make("label", { htmlFor: id }, one.question);
    if (item.status !== "pending") {
      return make("div", {}, label, make("div", { dir: "auto" }, one.answer?.values?.join(", ") || say.skipped));
    }
    const phone = /phone|tel/i.test(one.id);
    const field = make("input", {
      id, name: one.id, dir: "auto", type: phone ? "tel" : "text", autocomplete: phone ? "tel" : "on",
    });
    const skip = make("button", { type: "button", className: "quiet" }, say.skip);
    const buttons = make("div", { className: "buttons" }, make("button", { type: "submit" }, say.send), skip);
    const hint = make("small", {}, one.description || "");
    const form = make("form", { className: "field" }, label, field, hint, buttons);
    const answer = (values) => {
      const status = values ? "answered" : "skipped";
      const answers = { [one.id]: { values: values || [], skipped: !values } };
      onAnswer(item, { status, answers });
    };
    skip.addEventListener("click", () => answer(null));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (field.value.trim()) answer([field.value.trim()]);
    });
    return form;
  };

  /** fetch cannot tell how far an upload is. */
  const sendFile = async (file, progress) => {
    const token = await clientSecret();
    const requestId = randomId();
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const body = new FormData();
      if (threadId) body.append("thread_id", threadId);
      body.append("file", file, file.name);
      request.open("POST", config.custom.chatkit_attachment_upload_url);
      request.setRequestHeader("Authorization", `Bearer ${token}`);
      request.setRequestHeader("X-Request-ID", requestId);
      request.responseType = "json";
      request.upload.onprogress = (event) => progress(event.loaded / event.total);
      request.onerror = () => reject(new Trouble(say.offline, requestId));
      request.onload = () => {
        const said = request.response || {};
        if (request.status === 200) resolve(said);
        else reject(new Trouble(said.message || say.failed, said.request_id || requestId));
      };
      request.send(body);
    });
  };

  const makeTray = (onChange) => {
    const node = make("div", { className: "tray" });
    let entries = [];

    const upload = async (file) => {
      const entry = {};
      const image = make("img", { alt: "", hidden: true, onload: () => { image.hidden = false; } });
      const bar = make("progress", { max: 1, value: 0, "aria-label": say.uploading });
      const drop = iconButton("close", `${say.remove} ${file.name}`, { className: "quiet" });
      const chip = make("div", { className: "chip" }, image, make("span", { dir: "auto" }, file.name), bar, drop);
      const remove = () => {
        entries = entries.filter((one) => one !== entry);
        chip.remove();
        onChange();
      };
      drop.addEventListener("click", remove);
      image.src = URL.createObjectURL(file);
      entries.push(entry);
      node.append(chip);
      onChange();
      try {
        entry.file = await sendFile(file, (part) => { bar.value = part; });
        // A browser that cannot draw HEIC can draw our preview of it.
        if (entry.file.preview_url) image.src = entry.file.preview_url;
      } catch (error) {
        entry.failed = true;
        chip.classList.add("failed");
        chip.append(troubleNode(error, () => { remove(); upload(file); }));
      }
      bar.remove();
      onChange();
    };

    return {
      node,
      add: (files) => [...files].slice(0, MOST_FILES - entries.length).forEach(upload),
      files: () => entries.filter((one) => one.file).map((one) => one.file),
      busy: () => entries.some((one) => !one.file && !one.failed),
      clear() { entries = []; node.replaceChildren(); onChange(); },
    };
  };

  /** Where the customer writes. */
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
    let held = false;
    const ready = () => {
      send.disabled = held || tray.busy() || !(input.value.trim() || tray.files().length);
    };
    const tray = makeTray(ready);
    const node = make("form", { className: "composer" }, tray.node, input, attach, pick, send);

    const grow = () => {
      input.style.height = "auto";
      input.style.height = `${Math.min(input.scrollHeight + 2, 160)}px`;
    };
    const submit = () => {
      ready();
      if (send.disabled) return;
      const [text, files] = [input.value.trim(), tray.files()];
      input.value = "";
      tray.clear();
      grow();
      onSend(text, files);
      input.focus();
    };
    node.addEventListener("submit", (event) => { event.preventDefault(); submit(); });
    input.addEventListener("input", () => { grow(); ready(); noteActivity(); });
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      submit();
    });
    input.addEventListener("paste", (event) => tray.add(event.clipboardData.files));
    attach.addEventListener("click", () => pick.click());
    pick.addEventListener("change", () => {
      noteActivity();
      tray.add(pick.files);
      pick.value = "";
    });
    return {
      node,
      focus() { grow(); input.focus(); },
      hold(on) { held = on; ready(); },
      send(text) { input.value = text; submit(); },
    };
  };

  const panelChat = (frame) => {
    let asked = null; // the customer's newest stored message: what an answer is retried after
    let start = null;

    const apply = (event) => {
      if (event.item?.type === "user_message") asked = event.item.id;
      if (event.type === "thread.created") useThread(event.thread.id);
      else if (event.item) log.show(event.item);
      else if (event.type === "thread.item.removed") log.remove(event.item_id);
      else if (event.type === "thread.item.updated") log.write(event);
      else if (event.type === "progress_update") log.wait(event.text);
    };

    /** A wish that nobody heard is repeated as it was: the chat service hears a request id once. */
    const ask = async (type, params, requestId = randomId()) => {
      let heard = false;
      hold(true);
      log.wait();
      try {
        await converse(type, params, requestId, (event) => {
          heard = true;
          if (event.type !== "error") apply(event);
          else throw new Trouble(event.message, requestId, 500, event.allow_retry);
        });
      } catch (error) {
        const again = heard && asked ? retry : () => ask(type, params, heard ? undefined : requestId);
        log.add(troubleNode(error, again));
      }
      log.rest();
      hold(false);
    };

    /** One message at a time; a screen reader waits for the whole answer. */
    const hold = (on) => {
      composer.hold(on);
      log.node.setAttribute("aria-busy", on);
    };

    const retry = () => {
      log.dropAnswer();
      return ask("threads.retry_after_item", { thread_id: threadId, item_id: asked });
    };

    const submit = (text, files) => {
      start?.remove();
      asked = null;
      noteMessage();
      log.say(text, files);
      const input = {
        content: text ? [{ type: "input_text", text }] : [],
        attachments: files.map((file) => file.id),
        quoted_text: null,
        inference_options: {},
      };
      if (threadId) ask("threads.add_user_message", { thread_id: threadId, input });
      else ask("threads.create", { input });
    };

    const answer = async (item, input) => {
      noteMessage();
      await ask("threads.add_structured_input", { thread_id: threadId, item_id: item.id, input });
      composer.focus();
    };

    const log = makeLog(answer);
    const composer = makeComposer(submit);
    frame.append(log.node, composer.node);

    const showStart = () => {
      const prompts = say.prompts.map((text) =>
        make("button", { type: "button", onclick: () => composer.send(text) }, text));
      start = make("div", { className: "start" }, make("p", {}, say.greeting), ...prompts);
      log.add(start);
    };

    const load = async () => {
      log.clear();
      if (!threadId) { showStart(); return; }
      log.add(make("p", { className: "loading" }, say.loading));
      try {
        const thread = await (await protocol("threads.get_by_id", { thread_id: threadId })).json();
        log.clear();
        for (const item of thread.items.data) {
          if (item.type === "user_message") asked = item.id;
          log.show(item);
        }
      } catch (error) {
        log.clear();
        if (error.status === 404) { useThread(null); showStart(); }
        else log.add(troubleNode(error, load));
      }
    };
    load();
    return { focus: composer.focus, reset: load };
  };

  // ── The frame around either ──

  const locale = script.dataset.locale || document.documentElement.lang || navigator.language || "en";

  /** Black or white, whichever reads better on the shop's colour. */
  const inkOn = (colour) => {
    const light = [1, 3, 5].map((at) => (parseInt(colour.slice(at, at + 2), 16) / 255) ** 2.2);
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2] > 0.18 ? "#000" : "#fff";
  };

  const drawFrame = () => {
    const { chat } = config;
    const host = make("div", { id: "handoff" });
    host.style.setProperty("--accent", chat.colour);
    host.style.setProperty("--on-accent", inkOn(chat.colour));
    const root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];

    const inside = { lang: chat.locale, dir: chat.dir };
    const launch = make("button", { className: "launch", type: "button", "aria-haspopup": "dialog", ...inside },
      icon("chat"), say.open);
    const again = iconButton("fresh", say.new_chat, { className: "quiet" });
    const close = iconButton("close", say.close, { className: "quiet" });
    const state = make("small", { className: chat.open_now ? "state open" : "state" },
      chat.open_now ? say.open_now : say.closed_now);
    const title = make("div", { className: "title" }, make("strong", {}, chat.shop), state);
    const frame = make("div", { className: "frame" });
    const panel = make("section", {
      className: "panel", role: "dialog", "aria-label": chat.shop, hidden: true, ...inside,
    }, make("header", {}, title, again, close), frame);
    root.append(panel, launch);
    document.body.append(host);
    return { panel, launch, again, close, frame };
  };

  const build = () => {
    const { panel, launch, again, close, frame } = drawFrame();
    let starting = null;
    const start = async () => {
      const wanted = config.chat.mode === "hosted" || config.chat.domain_key;
      const runtime = Boolean(wanted) && (await loadRuntime());
      announce("ready", { runtime });
      return runtime ? runtimeChat(frame) : panelChat(frame);
    };
    const open = async () => {
      panel.hidden = false;
      launch.hidden = true;
      session.set("chatkit-open", "1");
      starting ||= start();
      (await starting).focus();
    };
    const shut = () => {
      panel.hidden = true;
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
    launch.addEventListener("click", open);
    close.addEventListener("click", shut);
    again.addEventListener("click", startOver);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !panel.hidden && !event.defaultPrevented) shut();
    });
    window.Handoff = { open, close: shut, newChat: startOver, get threadId() { return threadId; } };
    if (session.get("chatkit-open")) open();
  };

  const begin = async () => {
    const answer = await call(`${base}/handoff.json?locale=${encodeURIComponent(locale)}`);
    config = await answer.json();
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
