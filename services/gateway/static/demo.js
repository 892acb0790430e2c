// The demo page in another language: only what the chat needs to know.
"use strict";
const asked = new URLSearchParams(location.search).get("lang");
if (asked && /^[A-Za-z-]{2,10}$/.test(asked)) {
  document.documentElement.lang = asked;
  document.documentElement.dir = ["ar", "fa"].includes(asked) ? "rtl" : "ltr";
}
