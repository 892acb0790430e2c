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
  const LOCAL = ["localhost", "127.0.0.1", "[::1]"];

  if (location.protocol !== "https:" && !LOCAL.includes(location.hostname)) {
    console.error("Handoff does not run on plain http: serve this page over https.");
    return;
  }

  // ── Small things ────────────────────────────────────────────────────────────────────────────

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

  /** An element with properties and children; text is always text, never markup. */
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
    constructor(message, requestId, status = 0) {
      super(message);
      this.requestId = requestId;
      this.status = status;
    }
  }

  let config = null;
  let say = {};

  /** fetch with a request id of ours, and an error that a person can read and quote. */
  const call = async (url, options = {}) => {
    const requestId = randomId();
    const headers = { "X-Request-ID": requestId, ...options.headers };
    let answer;
    try {
      answer = await fetch(url, { ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Trouble(say.offline || "No connection.", requestId);
    }
    if (answer.ok) return answer;
    const body = await answer.json().catch(() => ({}));
    throw new Trouble(body.message || say.failed, body.request_id || requestId, answer.status);
  };

  const postJson = (url, body, headers = {}) =>
    call(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
    });

  // ── Who, and from where ─────────────────────────────────────────────────────────────────────

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

  // ── When to ask for a decision ──────────────────────────────────────────────────────────────

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

  // ── OpenAI's own runtime, where it may run ──────────────────────────────────────────────────

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

  const runtimeOptions = () => ({
    api: runtimeApi(),
    locale,
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
      attachments: { enabled: true, maxSize: 12 * 1024 * 1024, maxCount: 7 },
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

  // ── Our own panel, speaking the same protocol ───────────────────────────────────────────────

  const protocol = async (type, params, headers = {}) =>
    call(`${base}/api/chatkit`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        Authorization: `Bearer ${await clientSecret()}`,
        ...headers,
      },
      body: JSON.stringify({ type, params, metadata: {} }),
    });

  /** The events of one streamed answer. */
  async function* eventsOf(answer) {
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const frames = (rest + value).split(/\r?\n\r?\n/);
      rest = frames.pop();
      for (const frame of frames) {
        const data = frame.split(/\r?\n/).filter((l) => l.startsWith("data:"));
        if (data.length) yield JSON.parse(data.map((l) => l.slice(5).trimStart()).join("\n"));
      }
    }
  }

  const STYLE = `
    :host { all: initial; --ink: #1d2129; --soft: #5b6472; --line: #d9dde3; --paper: #fff;
      --ground: #f4f5f7; --bad: #b3261e; --on-accent: #fff; color-scheme: light dark; }
    @media (prefers-color-scheme: dark) { :host { --ink: #eceef2; --soft: #a7afbc; --line: #3a414d;
      --paper: #16191f; --ground: #22262e; --bad: #ff8a80; } }
    * { box-sizing: border-box; }
    [hidden] { display: none !important; }
    .panel, .launch { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: var(--ink); }
    button, input, textarea { font: inherit; color: inherit; }
    button { min-height: 44px; padding: 0 16px; border: 1px solid var(--line); border-radius: 8px;
      background: var(--paper); cursor: pointer; }
    button:disabled { opacity: .5; cursor: default; }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
    .launch, .send, .field [type=submit] { background: var(--accent); border-color: var(--accent);
      color: var(--on-accent); font-weight: 600; }
    .launch { position: fixed; inset-block-end: 24px; inset-inline-end: 24px; z-index: 2147483000;
      min-height: 56px; padding: 0 24px; border-radius: 28px; }
    .panel { position: fixed; inset-block-end: 24px; inset-inline-end: 24px; z-index: 2147483000;
      display: flex; flex-direction: column; width: 400px; height: min(680px, calc(100dvh - 48px));
      background: var(--paper); border: 1px solid var(--line); border-radius: 16px; overflow: hidden; }
    header { display: flex; align-items: center; gap: 8px; padding: 8px 8px 8px 16px;
      border-block-end: 1px solid var(--line); }
    .title { flex: 1; min-width: 0; display: grid; line-height: 1.3; }
    .title strong { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
    small { color: var(--soft); font-size: 14px; }
    .quiet { border-color: transparent; background: transparent; padding: 0 12px; }
    .frame { flex: 1; min-height: 0; display: flex; flex-direction: column; }
    .frame > openai-chatkit { flex: 1; }
    .log { flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 16px; display: flex;
      flex-direction: column; gap: 16px; }
    .group { display: flex; flex-direction: column; gap: 4px; align-items: flex-start; max-width: 88%; }
    .group.customer { align-self: flex-end; align-items: flex-end; }
    .bubble { padding: 8px 16px; border-radius: 16px; background: var(--ground); white-space: pre-wrap;
      overflow-wrap: anywhere; }
    .customer .bubble { background: var(--accent); color: var(--on-accent); }
    .bubble img { display: block; max-width: 100%; max-height: 240px; border-radius: 8px; margin-block: 4px; }
    .bubble .file { display: block; text-decoration: underline; }
    .typing { display: flex; gap: 4px; padding: 16px; }
    .typing i { width: 8px; height: 8px; border-radius: 4px; background: var(--soft); animation: wait 1s infinite; }
    .typing i:nth-child(2) { animation-delay: .15s; } .typing i:nth-child(3) { animation-delay: .3s; }
    @keyframes wait { 50% { opacity: .25; } }
    @media (prefers-reduced-motion: reduce) { .typing i { animation: none; } }
    .start { margin-block-start: auto; display: grid; gap: 8px; }
    .start p { margin: 0 0 8px; font-size: 20px; line-height: 1.4; }
    .start button { text-align: start; padding-block: 8px; }
    .loading { color: var(--soft); margin: auto; }
    .trouble { border-inline-start: 3px solid var(--bad); padding-inline-start: 12px; display: grid;
      gap: 8px; justify-items: start; }
    .trouble p { margin: 0; }
    .composer { display: grid; grid-template-columns: auto 1fr auto; gap: 8px; align-items: end;
      padding: 8px 16px 16px; border-block-start: 1px solid var(--line); }
    .tray { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: 8px; }
    .chip { display: flex; align-items: center; gap: 8px; max-width: 100%; padding-inline-start: 8px;
      border: 1px solid var(--line); border-radius: 8px; font-size: 14px; }
    .chip span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-width: 140px; }
    .chip img { width: 36px; height: 36px; object-fit: cover; border-radius: 4px; }
    .chip progress { width: 56px; accent-color: var(--accent); }
    .chip button { border: 0; background: none; padding: 0 12px; }
    .chip.failed { border-color: var(--bad); flex-wrap: wrap; }
    textarea, .field input { width: 100%; min-height: 44px; padding: 9px 12px; border: 1px solid #868e9a;
      border-radius: 8px; background: var(--paper); resize: none; }
    ::placeholder { color: var(--soft); opacity: 1; white-space: nowrap; }
    .field { display: grid; gap: 8px; }
    .attach, .send { padding: 0 12px; }
    @media (max-width: 480px) { .panel { inset: 0; width: auto; height: 100dvh; border: 0; border-radius: 0; }
      .launch { inset-block-end: 16px; inset-inline-end: 16px; } }
  `;

  const panelChat = (frame, root) => {
    const log = make("div", { className: "log", role: "log", "aria-live": "polite", tabIndex: 0 });
    const input = make("textarea", {
      rows: 1, placeholder: say.placeholder, "aria-label": say.placeholder, maxLength: 8000,
      enterKeyHint: "send", dir: "auto",
    });
    const send = make("button", { className: "send", type: "submit", disabled: true }, say.send);
    const pick = make("input", {
      type: "file", multiple: true, hidden: true,
      accept: "image/*,.heic,.heif,.avif,application/pdf",
    });
    const attach = make("button", { className: "attach", type: "button" }, say.photo);
    const tray = make("div", { className: "tray" });
    const form = make("form", { className: "composer" }, tray, attach, pick, input, send);
    frame.append(log, form);

    const shown = new Map();
    let waiting = [];
    let busy = false;

    const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 80;
    const scroll = () => { log.scrollTop = log.scrollHeight; };
    const ready = () => {
      const uploading = waiting.some((file) => !file.id && !file.failed);
      send.disabled = busy || uploading || !(input.value.trim() || waiting.some((f) => f.id));
    };

    const bubble = (who) => {
      const stay = atEnd();
      const last = log.lastElementChild;
      const group = last?.dataset?.who === who ? last : make("div", { className: `group ${who}` });
      group.dataset.who = who;
      if (group !== last) log.append(group);
      const node = make("div", { className: "bubble", dir: "auto" });
      group.append(node);
      if (stay) requestAnimationFrame(scroll);
      return node;
    };

    const picture = (file) =>
      file.preview_url && (file.mime_type || "").startsWith("image/")
        ? make("img", { src: file.preview_url, alt: file.name, loading: "lazy", onload: scroll })
        : make("span", { className: "file" }, file.name);

    const textOf = (item) => (item.content || []).map((part) => part.text || "").join("");

    const showUser = (item) => {
      const node = shown.get(item.id) || bubble("customer");
      shown.set(item.id, node);
      node.replaceChildren(...(item.attachments || []).map(picture), textOf(item));
    };

    const showAssistant = (item) => {
      hideTyping();
      const node = shown.get(item.id) || bubble("assistant");
      shown.set(item.id, node);
      node.textContent = textOf(item);
    };

    const showQuestion = (item) => {
      hideTyping();
      const node = shown.get(item.id) || bubble("assistant");
      shown.set(item.id, node);
      const fields = item.inputs.map((one) => fieldOf(item, one));
      node.replaceChildren(...fields.flat());
    };

    const fieldOf = (item, one) => {
      const label = make("label", { htmlFor: `${item.id}-${one.id}` }, one.question);
      if (item.status !== "pending") {
        return [label, make("p", {}, (one.answer?.values || []).join(", ") || say.skipped)];
      }
      const phone = /phone|tel/i.test(one.id);
      const field = make("input", {
        id: `${item.id}-${one.id}`, name: one.id, dir: "auto",
        type: phone ? "tel" : "text", autocomplete: phone ? "tel" : "on",
      });
      const answer = (skipped) => {
        const values = skipped ? [] : [field.value.trim()];
        const answers = { [one.id]: { values, skipped } };
        const status = skipped ? "skipped" : "answered";
        stream("threads.add_structured_input", {
          thread_id: threadId, item_id: item.id, input: { status, answers },
        }).then(() => refresh());
      };
      const form = make(
        "form", { className: "field" }, label, field,
        make("button", { type: "submit" }, say.send),
        make("button", { type: "button", className: "quiet", onclick: () => answer(true) }, say.skip),
      );
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        if (field.value.trim()) answer(false);
      });
      return [form];
    };

    const SHOW = {
      user_message: showUser,
      assistant_message: showAssistant,
      structured_input: showQuestion,
    };
    const show = (item) => SHOW[item.type]?.(item);

    let typing = null;
    const showTyping = (text = "") => {
      typing ||= make("div", { className: "group assistant" },
        make("div", { className: "bubble typing", "aria-label": say.typing }, make("i"), make("i"), make("i")));
      if (text) typing.firstChild.setAttribute("aria-label", text);
      const stay = atEnd();
      log.append(typing);
      if (stay) scroll();
    };
    const hideTyping = () => { typing?.remove(); typing = null; };

    const trouble = (error, again) => {
      hideTyping();
      const reference = error.requestId ? `${say.reference} ${error.requestId.slice(0, 12)}` : "";
      const retry = make("button", { type: "button" }, say.again);
      const node = make("div", { className: "trouble", role: "alert" },
        make("p", { dir: "auto" }, error.message || say.failed), make("small", {}, reference), retry);
      retry.addEventListener("click", () => { node.remove(); again(); });
      log.append(node);
      scroll();
      announce("error", { where: "chat", requestId: error.requestId });
    };

    const apply = (event) => {
      if (event.type === "thread.created") useThread(event.thread.id);
      else if (event.type === "thread.item.added" || event.type === "thread.item.done") show(event.item);
      else if (event.type === "thread.item.replaced") show(event.item);
      else if (event.type === "thread.item.removed") shown.get(event.item_id)?.remove();
      else if (event.type === "progress_update") showTyping(event.text);
      else if (event.type === "thread.item.updated") update(event);
    };

    const update = ({ item_id: id, update: change }) => {
      const node = shown.get(id);
      if (!node) return;
      const stay = atEnd();
      if (change.type.endsWith("text_delta")) node.append(change.delta);
      else if (change.type.endsWith("part.done")) node.textContent = change.content.text;
      if (stay) scroll();
    };

    let lastCustomerItem = null;

    /** Send one wish and show what streams back. Rejects with what went wrong, if it did. */
    const stream = async (type, params) => {
      busy = true;
      ready();
      showTyping();
      let failed = null;
      try {
        const answer = await protocol(type, params);
        const requestId = answer.headers.get("X-Request-ID");
        for await (const event of eventsOf(answer)) {
          if (event.item?.type === "user_message") lastCustomerItem = event.item.id;
          if (event.type === "error") failed = new Trouble(event.message || say.failed, requestId);
          else apply(event);
        }
      } catch (error) {
        failed = error instanceof Trouble ? error : new Trouble(say.dropped, "");
      }
      hideTyping();
      busy = false;
      ready();
      if (failed) throw failed;
    };

    const retryAnswer = () =>
      stream("threads.retry_after_item", { thread_id: threadId, item_id: lastCustomerItem })
        .catch((error) => trouble(error, retryAnswer));

    /** After a cut: what arrived is in the store, so look there before asking again. */
    const recover = async (error, resend) => {
      if (!threadId || !lastCustomerItem) { trouble(error, resend); return; }
      await refresh().catch(() => {});
      const answered = log.lastElementChild?.dataset?.who === "assistant";
      if (!answered) trouble(error, retryAnswer);
    };

    const submit = async () => {
      const text = input.value.trim();
      const files = waiting.filter((file) => file.id);
      if (busy || !(text || files.length)) return;
      input.value = "";
      waiting = [];
      tray.replaceChildren();
      grow();
      start?.remove();
      noteMessage();
      const local_ = bubble("customer");
      local_.append(...files.map(picture), text);
      const wish = {
        content: text ? [{ type: "input_text", text }] : [],
        attachments: files.map((file) => file.id),
        quoted_text: null,
        inference_options: {},
      };
      const type = threadId ? "threads.add_user_message" : "threads.create";
      const send_ = () => {
        lastCustomerItem = null;
        const params = threadId ? { thread_id: threadId, input: wish } : { input: wish };
        return stream(type, params).catch((error) => recover(error, send_));
      };
      adopt(local_);
      await send_();
      noteActivity();
      input.focus();
    };

    /** The bubble drawn at once becomes the stored message when its id is known. */
    const adopt = (node) => {
      const wasShowUser = SHOW.user_message;
      SHOW.user_message = (item) => {
        shown.set(item.id, node);
        SHOW.user_message = wasShowUser;
        wasShowUser(item);
      };
    };

    const upload = async (file) => {
      const chip = make("div", { className: "chip" }, make("span", { dir: "auto" }, file.name));
      const entry = { name: file.name, mime_type: file.type };
      const bar = make("progress", { max: 1, value: 0, "aria-label": say.uploading });
      const drop = make("button", { type: "button", "aria-label": `${say.remove} ${file.name}` }, "×");
      drop.addEventListener("click", () => {
        waiting = waiting.filter((one) => one !== entry);
        chip.remove();
        ready();
      });
      chip.append(bar, drop);
      if (file.type.startsWith("image/")) {
        const url = URL.createObjectURL(file);
        const image = make("img", { src: url, alt: "" });
        image.addEventListener("load", () => URL.revokeObjectURL(url));
        image.addEventListener("error", () => image.remove());
        chip.prepend(image);
      }
      waiting.push(entry);
      tray.append(chip);
      ready();
      try {
        Object.assign(entry, await sendFile(file, (part) => { bar.value = part; }));
        bar.remove();
      } catch (error) {
        entry.failed = true;
        bar.remove();
        chip.classList.add("failed");
        chip.title = error.message;
        const again = make("button", { type: "button" }, say.again);
        again.addEventListener("click", () => { drop.click(); upload(file); });
        chip.append(make("small", { role: "alert" }, error.message), again);
      }
      ready();
    };

    /** XMLHttpRequest, because fetch cannot tell how far an upload is. */
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

    const refresh = async () => {
      const answer = await protocol("threads.get_by_id", { thread_id: threadId });
      const thread = await answer.json();
      shown.clear();
      log.replaceChildren();
      for (const item of thread.items.data) {
        if (item.type === "user_message") lastCustomerItem = item.id;
        show(item);
      }
      scroll();
    };

    let start = null;
    const showStart = () => {
      const prompts = say.prompts.map((text) => {
        const button = make("button", { type: "button" }, text);
        button.addEventListener("click", () => { input.value = text; submit(); });
        return button;
      });
      start = make("div", { className: "start" }, make("p", {}, say.greeting), ...prompts);
      log.append(start);
    };

    const grow = () => {
      input.style.height = "auto";
      input.style.height = `${Math.min(input.scrollHeight, 160)}px`;
    };

    form.addEventListener("submit", (event) => { event.preventDefault(); submit(); });
    input.addEventListener("input", () => { grow(); ready(); noteActivity(); });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        submit();
      }
    });
    attach.addEventListener("click", () => pick.click());
    pick.addEventListener("change", () => {
      noteActivity();
      [...pick.files].slice(0, 7 - waiting.length).forEach(upload);
      pick.value = "";
    });

    const open = async () => {
      if (!threadId) { showStart(); return; }
      log.append(make("p", { className: "loading" }, say.loading));
      try {
        await refresh();
      } catch (error) {
        log.replaceChildren();
        if (error.status === 404) { useThread(null); showStart(); }
        else trouble(error, () => { log.replaceChildren(); open(); });
      }
    };
    open();

    return {
      focus: () => input.focus(),
      reset: () => { shown.clear(); log.replaceChildren(); lastCustomerItem = null; showStart(); },
    };
  };

  // ── The frame around either ─────────────────────────────────────────────────────────────────

  const locale = script.dataset.locale || document.documentElement.lang || navigator.language || "en";

  const build = async () => {
    const host = make("div", { id: "handoff" });
    const root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    host.style.setProperty("--accent", config.chat.colour);

    const launch = make("button", { className: "launch", type: "button", "aria-expanded": "false" }, say.open);
    const again = make("button", { type: "button", className: "quiet" }, say.new_chat);
    const close = make("button", { type: "button", className: "quiet", "aria-label": say.close }, "×");
    const state = make("small", {}, config.chat.open_now ? say.open_now : say.closed_now);
    const title = make("div", { className: "title" }, make("strong", {}, config.chat.shop), state);
    const frame = make("div", { className: "frame" });
    const panel = make("section", {
      className: "panel", role: "dialog", "aria-label": config.chat.shop, hidden: true,
      lang: config.chat.locale, dir: config.chat.dir,
    }, make("header", {}, title, again, close), frame);
    root.append(panel, launch);
    document.body.append(host);

    let chat = null;
    const start = async () => {
      const runtime = config.chat.mode === "hosted" || config.chat.domain_key;
      chat = runtime && (await loadRuntime()) ? runtimeChat(frame) : panelChat(frame, root);
      announce("ready", { runtime: Boolean(runtime) });
    };
    const open = async () => {
      panel.hidden = false;
      launch.hidden = true;
      launch.setAttribute("aria-expanded", "true");
      session.set("chatkit-open", "1");
      if (!chat) await start();
      chat.focus();
    };
    const shut = () => {
      panel.hidden = true;
      launch.hidden = false;
      launch.setAttribute("aria-expanded", "false");
      session.drop("chatkit-open");
      launch.focus();
      trigger("chat_closed");
    };
    const startOver = () => {
      useThread(null);
      chat?.reset();
      chat?.focus();
    };
    launch.addEventListener("click", open);
    close.addEventListener("click", shut);
    again.addEventListener("click", startOver);
    panel.addEventListener("keydown", (event) => { if (event.key === "Escape") shut(); });
    window.Handoff = { open, close: shut, newChat: startOver, get threadId() { return threadId; } };
    if (session.get("chatkit-open")) open();
  };

  const begin = async () => {
    const answer = await call(`${base}/handoff.json?locale=${encodeURIComponent(locale)}`);
    config = await answer.json();
    say = config.chat.texts;
    watchPage();
    await build();
  };

  begin().catch((error) => {
    console.error(`Handoff could not start: ${error.message} (reference ${error.requestId || "none"})`);
  });
})();
