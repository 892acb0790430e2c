/*! Handoff: the chat of a small shop. One script tag, no build step, no dependency. MIT. */
(() => {
  "use strict";

  const script = document.currentScript;
  const PANEL = "{panel.js}"; // its hash; the gateway fills it in
  const base = new URL(script.src).origin;
  const IDLE_MS = 300000;
  const TRIES = 3; // until the visitor is told
  const PAUSES_SECONDS = [0.5, 1, 5, 10, 20, 40, 60];
  const RUNTIME_WAIT_MS = 8000;
  const SECRET_MS = 540000;
  const ATTRIBUTION_DAYS = 180;
  const CLICK_IDS = ["gclid", "gbraid", "wbraid"];
  const UTM = ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"];
  const LONGEST_URL = 2048;
  const SILENCE_MS = 45000;
  if (!isSecureContext) {
    console.error("Handoff does not run on plain http: serve this page over https.");
    return;
  }

  // ── Small things ──

  /** Storage that a browser may refuse, or that is full: then this page alone remembers. */
  const keep = (area) => {
    const unkept = new Map();
    const may = (ask) => { try { return ask(window[area]); } catch { return null; } };
    return {
      get: (name) => unkept.get(name) ?? may((kept) => kept.getItem(name)),
      set(name, value) {
        unkept.set(name, value);
        may((kept) => { kept.setItem(name, value); unkept.delete(name); });
      },
      drop(name) {
        unkept.delete(name);
        may((kept) => kept.removeItem(name));
      },
    };
  };
  const local = keep("localStorage");
  const session = keep("sessionStorage");

  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

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
    return new Trouble(words, body?.request_id || requestId, { status, code, wait, retriable });
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
      throw refusal(answer.status, body, requestId, Number(answer.headers.get("Retry-After")) || 2);
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
    const cut = (url) => `${url.protocol}//${url.host}${url.pathname}`.slice(0, LONGEST_URL);
    const touch = { at: new Date().toISOString(), landing_page: cut(location) };
    for (const name of [...CLICK_IDS, ...UTM]) {
      // An id with a blank in it is none, and what cannot be seen is nothing to tell.
      const seen = (query.get(name) || "").replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "").trim();
      const value = [...seen].slice(0, 128).join("");
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
    locale: config.chat.locale,
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
    if (threadId === id) return;
    if (threadId) trigger("chat_closed", threadId);
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
    const follow = () => element.setThreadId?.(threadId || null);
    return { focus: () => element.focusComposer?.(), reset: follow, resume: follow };
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

  // ── What both files draw ──

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

  // ── Our own panel, where it is needed ──

  /** A file of its own under the name of its content: what was pinned is what runs. */
  const loadPanel = (tries = 0) =>
    new Promise((resolve, reject) => {
      const again = tries ? `&try=${tries}` : ""; // else a browser waits for the one that hangs
      const node = make("script", {
        src: `${base}/panel.js?v=${encodeURIComponent(PANEL)}${again}`, integrity: PANEL, crossOrigin: "anonymous",
        nonce: script.nonce, onload: () => resolve(node.panelChat), onerror: reject,
      });
      node.core = core;
      setTimeout(reject, RUNTIME_WAIT_MS);
      document.head.append(node);
    }).catch(async (error) => {
      if (tries === TRIES) throw error;
      await wait(PAUSES_SECONDS[tries] * 1000);
      return loadPanel(tries + 1);
    });

  /** All that the panel has from here. */
  const core = {
    get config() { return config; },
    get say() { return say; },
    get threadId() { return threadId; },
    base, session, randomId, make, Trouble, refusal, unreached, patience, postJson, clientSecret, authorized,
    beacon, noteActivity, noteMessage, useThread, whenLeaving, iconButton, troubleNode, TRIES, PAUSES_SECONDS,
  };

  /** A hosted conversation is OpenAI's: without its runtime only the telephone is left. */
  const noChat = (frame, again) => {
    const { phone, phone_shown } = config.chat;
    const link = make("a", { href: `tel:${phone}` }, make("bdi", {}, phone_shown));
    frame.replaceChildren(troubleNode(new Trouble(say.call_us, config.requestId), again, " ", link));
    return { focus: () => link.focus(), reset() {}, resume() {} };
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
    let panelChat = null;
    const ownChat = () => panelChat ||= config.chat.mode === "hosted" ? noChat : loadPanel().catch(() => noChat);
    if (!config.chat.runtime) ownChat();
    const start = async () => {
      frame.replaceChildren(make("p", { className: "loading" }, say.loading));
      const ours = config.chat.mode !== "hosted" && session.get("handoff-wishes"); // only our panel sends those
      const runtime = config.chat.runtime && !ours && (await runtimeChat(frame));
      const chat = runtime || (await ownChat())(frame, () => { starting = panelChat = null; open(); });
      announce("ready", { runtime: Boolean(runtime) });
      return chat;
    };
    const takeUp = () => {
      if (session.get("handoff-wishes")) starting = start();
    };
    const show = () => {
      panel.close();
      if (phone.matches) {
        panel.showModal(); // it covers the page, which is then out of reach
        panel.focus(); // the browser's own choice is *New chat*
      } else panel.open = true;
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
      // Of an input method it only ends a composition; Safari marks only its code.
      const composing = event.isComposing || event.keyCode === 229;
      if (event.key === "Escape" && panel.open && !composing && !event.defaultPrevented) shut();
    });
    /** Who goes back finds this page as it was, and the chat may have gone on in the next one. */
    addEventListener("pageshow", async ({ persisted }) => {
      if (!persisted) return;
      threadId = session.get("chatkit-thread-id");
      announce("thread", { threadId });
      if (starting) (await starting).resume();
      else takeUp();
    });
    window.Handoff = { open, close: shut, newChat: startOver, get threadId() { return threadId; } };
    if (session.get("chatkit-open")) show();
    else takeUp();
  };

  const load = async (requestId) => {
    [config, style] = await Promise.all([
      call(`${base}/handoff.json?locale=${encodeURIComponent(locale)}`, { requestId }),
      call(`${base}/handoff.css`, { read: (answer) => answer.text() }),
    ]);
    config.requestId = requestId;
    say = config.chat.texts;
    watchPage();
    build();
  };

  const begin = (tries) => load(randomId()).catch(async (error) => {
    if (error.retriable && tries < TRIES) {
      await wait(PAUSES_SECONDS[tries] * 1000);
      return begin(tries + 1);
    }
    const why = error.status ? error.message
      : `${base} is not reachable, or ${location.origin} is not among the origins of its shops`;
    console.error(`Handoff could not start: ${why}. Reference: ${error.requestId}`);
  });
  begin(0);
})();
