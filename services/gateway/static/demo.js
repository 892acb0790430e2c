// The demo page in another language. It runs after the document, and before the chat looks at its language.
"use strict";
const WORDS = {
  es: {
    title: "Asientos, capotas y techos, como nuevos y hechos a mano",
    lead: "Un asiento roto, un techo que se cae, una capota que gotea: envíenos una foto y cuéntenos qué maneja.",
    seats: "Asientos",
    seats_more: "Autos, camionetas, motos y lanchas, en piel, vinilo o tela.",
    roofs: "Techos y capotas",
    roofs_more: "Desde una esquina que cuelga hasta una capota nueva.",
    home: "Muebles",
    home_more: "Sofás, sillas y cojines que merecen otros veinte años.",
    note: "Esta es la página de prueba de Handoff en su propia máquina. Abra el chat, diga qué maneja y qué necesita, y deje cómo contactarle. El correo que recibe el taller llega a la bandeja y no sale de aquí:",
    inbox: "abrir la bandeja",
  },
  ar: {
    title: "مقاعد وأسقف وأغطية تعود جديدة بعمل يدوي",
    lead: "مقعد ممزق أو سقف متدلٍّ أو غطاء يسرّب الماء: أرسل لنا صورة وأخبرنا عن سيارتك.",
    seats: "المقاعد",
    seats_more: "للسيارات والشاحنات والدراجات النارية والقوارب، بالجلد أو الفينيل أو القماش.",
    roofs: "الأسقف والأغطية",
    roofs_more: "من زاوية متدلية إلى غطاء جديد بالكامل.",
    home: "الأثاث",
    home_more: "أرائك وكراسٍ ووسائد تستحق عشرين سنة أخرى.",
    note: "هذه صفحة تجريبية لبرنامج Handoff على جهازك. افتح المحادثة وأخبرنا عن سيارتك وما تحتاجه، واترك وسيلة للتواصل. تصل رسالة الورشة إلى صندوق الوارد ولا تذهب إلى أي مكان آخر:",
    inbox: "افتح صندوق الوارد",
  },
};
const asked = new URLSearchParams(location.search).get("lang") || "";
if (/^[A-Za-z-]{2,10}$/.test(asked)) {
  const words = Object.hasOwn(WORDS, asked) && WORDS[asked];
  // A language that the page is not written in is only the chat's.
  if (words) {
    document.documentElement.lang = asked;
    document.documentElement.dir = asked === "ar" ? "rtl" : "ltr";
    for (const node of document.querySelectorAll("[data-text]")) node.textContent = words[node.dataset.text];
  } else {
    document.querySelector("script[src='/handoff.js']").dataset.locale = asked;
  }
}
