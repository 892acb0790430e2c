/*! Handoff: the chat panel of our own, for where OpenAI's does not run. handoff.js loads it. MIT. */
(() => {
  "use strict";

  const { core } = document.currentScript;
  const {
    base, config, say, session, randomId, make, Trouble, refusal, unreached, patience, postJson, clientSecret,
    authorized, beacon, noteActivity, noteMessage, useThread, whenLeaving, iconButton, troubleNode, TRIES,
    PAUSES_SECONDS,
  } = core;
  const PAGE_ITEMS = 50;
  const PHOTO_MS = 120000; // the gateway waits 90 s
  const MOST_CHARACTERS = 8000;

  // ── The protocol of our own chat ──

  const request = (type, params, metadata = {}) => ({ type, params, metadata });

  const userInput = ({ text, files }) => ({
    content: text ? [{ type: "input_text", text }] : [],
    attachments: files.map((file) => file.id),
    quoted_text: null,
    inference_options: {},
  });

  const protocol = ({ body, requestId }, { position, ...more } = {}) => authorized((token) => {
    const headers = { Authorization: `Bearer ${token}` };
    if (position) headers["Last-Event-ID"] = position;
    return postJson(`${base}/api/chatkit`, body, { requestId, headers, ...more });
  });

  /** A secret at hand when words leave, perhaps in a hurry; a refusal is not asked for anew at each key. */
  let coldUntil = 0;
  const warmUp = () => {
    if (Date.now() < coldUntil) return;
    clientSecret().catch(({ wait = 0 }) => { coldUntil = Date.now() + 1000 * Math.max(wait, PAUSES_SECONDS.at(-1)); });
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
        if (field("data") && each(JSON.parse(field("data")), field("id"))) return; // enough
      }
    }
  };

  // ── What our own panel is made of ──

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
    const waiting = new Map(); // bubbles of messages that are not stored yet, by request
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
    const add = (child, id) => {
      rest();
      const group = waiting.get(id)?.parentElement;
      if (group) group.after(child);
      else node.append(child);
      scroll();
      return child;
    };

    /** An answer stands above the messages that wait behind it. */
    const bubble = (who) => {
      const [[, next] = []] = waiting;
      const above = who === "assistant" && into === node && next?.parentElement;
      if (who === "assistant") rest();
      const last = above ? above.previousElementSibling : (!next || into !== node) && into.lastElementChild;
      const name = who === "customer" ? say.you : config.chat.assistant;
      const group = last && last.dataset.who === who ? last
        : make("div", { className: `group ${who}` }, make("span", { className: "who" }, `${name}: `));
      group.dataset.who = who;
      if (group !== last) into.insertBefore(group, above || null);
      if (typing) node.append(typing);
      const made = make("div", { className: "bubble", dir: "auto" });
      group.append(made);
      return made;
    };
    const place = (item, who, id) => {
      const drawn = waiting.get(id);
      waiting.delete(id);
      if (shown.has(item.id)) {
        const group = drawn?.parentElement;
        drawn?.remove();
        if (!group?.querySelector(".bubble")) group?.remove();
      }
      else shown.set(item.id, drawn || bubble(who));
      return shown.get(item.id);
    };

    const SHOW = {
      user_message: (item, id) =>
        place(item, "customer", id).replaceChildren(...messageOf(item.attachments, textOf(item))),
      assistant_message: (item) => { place(item, "assistant").textContent = isolated(textOf(item)); },
      structured_input: (item) => {
        const at = place(item, "assistant");
        if (at.classList.contains(item.status)) return; // somebody may be typing
        at.className = `bubble ${item.status}`;
        at.replaceChildren(...item.inputs.map((one) => question(item, one, onAnswer)));
      },
    };
    const show = (item, id) => { SHOW[item.type]?.(item, id); scroll(); };
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
      /** Drawn at once; it becomes the stored message when its id is known. */
      say({ text, files, requestId }) {
        atEnd = true;
        const drawn = bubble("customer");
        drawn.append(...messageOf(files, text));
        waiting.set(requestId, drawn);
        scroll();
      },
      /** It will never be stored. */
      giveUp(id) { waiting.delete(id); },
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
        items.forEach((item) => show(item));
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
        waiting.clear();
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
      maxLength: MOST_CHARACTERS, oninput: warmUp,
    });
    const skip = make("button", { type: "button", className: "quiet" }, say.skip);
    const buttons = make("div", { className: "buttons" }, make("button", { type: "submit" }, say.send), skip);
    const hint = make("small", {}, one.description || "");
    const form = make("form", { className: "field" }, label, field, hint, buttons);
    const answer = (values) => {
      form.inert = true;
      const status = values ? "answered" : "skipped";
      const answers = { [one.id]: { values: values || [], skipped: !values } };
      onAnswer(item, { status, answers }, values?.[0]);
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
      if (core.threadId) body.append("thread_id", core.threadId);
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
      const preview = URL.createObjectURL(file);
      const image = make("img", { alt: "", hidden: true, onload: () => { image.hidden = false; } });
      const bar = make("progress", { max: 1, value: 0, "aria-label": say.uploading });
      const drop = iconButton("close", `${say.remove} ${file.name}`, { className: "quiet" });
      const chip = make("div", { className: "chip" }, image, make("span", { dir: "auto" }, file.name), bar, drop);
      const remove = () => {
        URL.revokeObjectURL(preview);
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
      image.src = preview;
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
      rows: 1, placeholder: say.placeholder, "aria-label": say.placeholder, maxLength: MOST_CHARACTERS,
      enterKeyHint: "send", dir: "auto",
    });
    const send = iconButton("send", say.send, { className: "send", type: "submit", disabled: true });
    const camera = iconButton("photo", say.photo, { className: "attach" });
    const pick = make("input", {
      type: "file", multiple: true, hidden: true, "aria-label": say.photo,
      accept: "image/*,.heic,.heif,.avif,application/pdf",
    });
    const status = make("small", { role: "status" });
    let waiting = false; // it was sent, and leaves when its photos are there
    const full = () => input.value.trim() || tray.files().length;
    const ready = () => {
      const busy = tray.busy();
      waiting &&= full() || busy;
      if (waiting && !busy) return go();
      send.disabled = waiting || !(full() || busy);
      status.textContent = waiting ? say.uploading : "";
    };
    const tray = makeTray(ready);
    const node = make("form", { className: "composer" }, tray.node, input, camera, status, pick, send);

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
      warmUp();
    };
    input.onkeydown = (event) => {
      // Safari ends a composition before the Enter that confirmed it, and marks only its code.
      const composing = event.isComposing || event.keyCode === 229;
      if (event.key !== "Enter" || event.shiftKey || composing) return;
      event.preventDefault();
      submit();
    };
    const attach = (files) => {
      noteActivity();
      tray.add(files);
    };
    input.onpaste = (event) => attach(event.clipboardData.files);
    camera.onclick = () => pick.click();
    pick.onchange = () => {
      attach(pick.files);
      pick.value = "";
    };
    return {
      node, attach,
      focus() { grow(); input.focus(); },
      leave() { if (waiting && full()) go(); },
    };
  };

  const keptWishes = () => JSON.parse(session.get("handoff-wishes")) || [];
  const isUnheard = (wish) => wish.files && !wish.heard && !wish.quiet;

  const panelChat = (frame) => {
    let asked = null; // the customer's newest stored message: what an answer is retried after
    let wishes = keptWishes(); // unanswered; a reload goes on
    let conversation = null; // the name of what is said before its thread is known
    let chat = null; // another one after New chat: what still comes for the old one is not heard
    let loaded = false;
    let working = null; // the chat whose wishes are on their way
    let telling = null; // the wish that is
    let start = null;
    let trouble = null;
    let nudge = () => {}; // ends a pause

    const keepWishes = () => {
      const kept = wishes.filter((wish) => working || !wish.again); // a person has not decided yet
      if (kept.length) session.set("handoff-wishes", JSON.stringify(kept));
      else session.drop("handoff-wishes");
    };

    const apply = (event, wish) => {
      if (event.item?.type === "user_message") asked = event.item.id;
      if (event.type === "thread.created") useThread(event.thread.id);
      else if (event.item) log.show(event.item, wish.requestId);
      else if (event.type === "thread.item.removed") log.remove(event.item_id);
      else if (event.type === "thread.item.updated") log.write(event);
    };

    const message = (wish, thread) => {
      const input = userInput(wish);
      return thread
        ? request("threads.add_user_message", { thread_id: thread, input })
        : request("threads.create", { input }, { conversation: wish.quiet || conversation });
    };

    /** As it was sent once it stays: the chat service hears a request id once. */
    const post = (wish, more) => {
      wish.body ||= message(wish, !wish.quiet && core.threadId);
      keepWishes();
      return protocol(wish, { keepalive: true, ...more });
    };

    /** What was said before its thread was known, and has not left yet, goes to it. */
    const follow = (wish, thread) => wishes
      .filter((one) => one.quiet === wish.quiet && !one.body)
      .forEach((one) => { one.body = message(one, thread); });

    const attend = (on) => {
      log.rest();
      if (on) log.wait();
      log.node.setAttribute("aria-busy", on); // a screen reader waits for it all
    };

    /** Said once, however often it fails; what is heard ends it. */
    const complain = (error, wish) => {
      attend(false);
      trouble ||= log.add(troubleNode(error, () => { trouble = null; work(); }), wish.requestId);
    };
    const calm = () => {
      if (trouble?.matches(":focus-within")) composer.focus();
      trouble = trouble?.remove();
    };

    /** One event of the answer to a wish; true when no more of it matters. */
    const hear = (event, place, wish, mine) => {
      if (mine !== chat) return true;
      if (event.type === "error") {
        mine.position = "";
        const more = { status: 500, retriable: event.allow_retry, told: wish.heard };
        throw new Trouble(event.message || say.dropped, wish.requestId, more);
      }
      if (event.type === "thread.created") follow(wish, event.thread.id);
      if (event.item && !wish.heard) {
        wish.heard = true;
        keepWishes();
      }
      if (wish.quiet) return wish.heard; // of a chat that was left nobody waits for an answer
      mine.position = place || mine.position;
      if (event.type.startsWith("thread.item.")) { // before, nothing is kept yet
        if (trouble) { calm(); attend(true); }
        mine.failed = 0;
      }
      return apply(event, wish);
    };

    /** A dropped answer is read on where it was. */
    const tell = async (wish, mine) => {
      if (wish.again) log.dropAnswer(asked);
      const each = (event, place) => hear(event, place, wish, mine);
      const read = (answer, heard) => readEvents(answer, heard, each);
      const keepalive = !mine.failed; // browsers refuse it to more than 64 KB at once
      await post(wish, { position: mine.position, keepalive, read });
      if (!wish.heard) throw new Trouble(say.dropped, wish.requestId);
    };

    /** Words that cannot go their way may go another: from a closed field, to a thread or with a file that is gone. */
    const detour = (wish, { status, code }) => {
      const { requestId, quiet, said, text, files, body } = wish;
      const thread = body.params.thread_id;
      if (said) {
        const spoken = wishes[0] = { requestId, quiet, text: said, files: [] };
        spoken.body = message(spoken, thread);
        if (!quiet) log.say(spoken);
        return true;
      }
      if (status !== 404 || !files) return false;
      if (code === "unknown_file") {
        wish.files = [];
        wish.body = message(wish, thread);
        return Boolean(text);
      }
      if (thread) beginAnew(thread);
      return Boolean(thread);
    };

    /** By the name that it had, a thread that was forgotten would come back. */
    const beginAnew = (gone) => {
      const name = randomId();
      if (gone === core.threadId) {
        useThread(null);
        conversation = name;
      }
      const lost = (one) => one.files && one.body?.params.thread_id === gone;
      wishes.filter(lost).forEach((one) => {
        one.body = null;
        one.quiet &&= name;
      });
    };

    const giveUp = (wish, error) => {
      if (wish.quiet) return;
      calm();
      complain(error, wish);
      trouble = null; // it stays beside its message
      log.giveUp(wish.requestId);
    };

    const pause = (seconds) => new Promise((resolve) => {
      nudge = resolve;
      setTimeout(resolve, seconds * 1000);
    });

    /** Whether a wish that failed is still to be told; then it is time to. */
    const remains = async (wish, error, mine) => {
      if (wish.quiet && error.status === 409) { // not yet known to be kept; nobody waits behind it
        wishes.push(wishes.shift());
        if (wishes[0].quiet) await pause(error.wait || PAUSES_SECONDS[0]);
        return true;
      }
      if (mine.position && error.status) { // what it led to is no longer kept
        mine.position = "";
        return true;
      }
      if (!error.retriable) return detour(wish, error) || giveUp(wish, error);
      mine.patient = error.status === 409 || (mine.patient && error.status === 429);
      if (!mine.patient) {
        mine.failed += error.silent ? 2 : 1; // silence has taken long enough
        if (error.status || mine.failed >= TRIES) {
          mine.position = ""; // nobody may be answering there any more
          complain(error, wish);
        }
      }
      const after = PAUSES_SECONDS[Math.min(mine.failed, PAUSES_SECONDS.length) - 1] || 0;
      await pause(Math.max(after, error.wait || 0));
      return true;
    };

    /** All wishes in their order: the others wait behind one that fails. */
    const work = async () => {
      nudge();
      if (!loaded || working === chat) return;
      const mine = working = chat;
      while (mine === chat && wishes.length) {
        const wish = telling = wishes[0];
        attend(!trouble && !wish.quiet);
        const error = await tell(wish, mine).catch((caught) => caught);
        if (mine !== chat) return;
        telling = null;
        if (error?.told) {
          complain(error, wish);
          if (error.retriable && wishes.slice(1).every((one) => one.quiet)) {
            wishes[0] = retry(); // a person decides
            break;
          }
          if (!error.retriable) trouble = null;
        } else if (error && await remains(wish, error, mine)) continue;
        wishes.shift();
        mine.position = "";
      }
      if (mine !== chat) return;
      working = null;
      keepWishes();
      attend(false);
    };

    const wake = () => document.hidden || nudge();
    addEventListener("online", wake);
    document.addEventListener("visibilitychange", wake);

    /** What is said after a failed answer is answered in its place. */
    const ask = (wish) => {
      noteMessage();
      if (working !== chat) wishes = wishes.filter((one) => !one.again);
      wishes.push(wish);
      keepWishes();
      work();
    };

    const retry = () => {
      const params = { thread_id: core.threadId, item_id: asked };
      const body = request("threads.retry_after_item", params);
      return { requestId: randomId(), again: true, heard: true, body };
    };

    const submit = (text, files) => {
      start?.remove();
      const wish = { requestId: randomId(), text, files };
      if (core.threadId) wish.body = message(wish, core.threadId);
      log.say(wish);
      ask(wish);
    };

    const answer = (item, input, said) => {
      const params = { thread_id: core.threadId, item_id: item.id, input };
      ask({ requestId: randomId(), said, body: request("threads.add_structured_input", params) });
      composer.focus();
    };

    const log = makeLog(answer);
    const composer = makeComposer(submit);
    frame.replaceChildren(log.node, composer.node);
    /** Else the browser leaves the page for the picture. While it is above us there are no files yet. */
    frame.ondragover = frame.ondrop = (event) => {
      const { types, files } = event.dataTransfer;
      if (!types.includes("Files")) return;
      event.preventDefault();
      composer.attach(files);
    };

    /** What waits leaves now. If the page lives on it is told again, and heard once. */
    whenLeaving(() => {
      composer.leave();
      const leaves = (wish) => wish === telling && !chat.failed;
      const waits = (wish) => !leaves(wish) && !wish.heard;
      wishes.filter(waits).forEach((wish) => post(wish, { read: () => {} }).catch(() => {}));
    });

    const showStart = () => {
      const prompts = say.prompts.map((text) => {
        const onclick = () => { submit(text, []); composer.focus(); };
        return make("button", { type: "button", onclick }, text);
      });
      start = make("div", { className: "start" }, make("p", {}, say.greeting), ...prompts);
      log.add(start);
    };

    const showPage = async (after) => {
      const mine = chat;
      const params = { thread_id: core.threadId, limit: PAGE_ITEMS, order: "desc", after };
      log.top(make("p", { className: "loading" }, say.loading));
      try {
        const page = await protocol({ body: request("items.list", params) });
        if (mine !== chat) return;
        asked ||= page.data.find((item) => item.type === "user_message")?.id;
        const earlier = make("button", { type: "button", onclick: () => showPage(page.after) }, say.earlier);
        log.top(page.has_more ? earlier : "");
        log.older(page.data.reverse());
        if (after) log.node.focus({ preventScroll: true });
      } catch (error) {
        if (mine !== chat) return;
        if (error.status === 404) { useThread(null); return load(); }
        log.top(troubleNode(error, () => showPage(after)));
      }
      begin();
    };

    /** Not before what was said is shown: it would come twice. */
    const begin = () => {
      if (loaded) return;
      loaded = true;
      work();
    };

    const load = () => {
      chat = { failed: 0 };
      asked = trouble = null;
      loaded = false;
      log.clear();
      attend(false);
      const unheard = wishes.filter(isUnheard);
      conversation = unheard.map((wish) => wish.body?.metadata.conversation).find(Boolean) || randomId();
      unheard.forEach(log.say);
      if (core.threadId) return showPage();
      if (!unheard.length) showStart();
      return begin();
    };
    load();
    return {
      focus: composer.focus,
      /** What was not heard yet still leaves. */
      reset() {
        wishes = wishes.filter((wish) => !wish.heard);
        wishes.forEach((wish) => { wish.quiet ||= conversation; });
        keepWishes();
        return load();
      },
      /** What this tab has kept meanwhile is what counts. */
      resume() {
        wishes = keptWishes();
        return load();
      },
    };
  };

  document.currentScript.panelChat = panelChat;
})();
