// Keys, and forms that are sent once. Every page works without this file.
"use strict";
{
  const pages = { i: "/", p: "/polls", r: "/rules", s: "/suppressions", a: "/audit" };
  let waits = false; // for the letter after g

  const rows = () => [...document.querySelectorAll("[data-row]")];
  const current = () => rows().findIndex((row) => row.classList.contains("here"));

  function go(step) {
    const all = rows();
    if (!all.length) return;
    const next = Math.min(all.length - 1, Math.max(0, current() + step));
    all.forEach((row, at) => row.classList.toggle("here", at === next));
    const link = all[next].querySelector("a, summary");
    if (link) link.focus({ preventScroll: true });
    all[next].scrollIntoView({ block: "nearest" });
  }

  function open() {
    const link = rows()[current()]?.querySelector("a, summary");
    if (link) link.click();
  }

  function act() {
    const wanted = document.querySelector("[data-key=c]");
    if (wanted) wanted.focus();
  }

  const keys = {
    j: () => go(1),
    k: () => go(-1),
    o: open,
    c: act,
    u: () => document.querySelector(".up")?.click(),
    g: () => { waits = true; setTimeout(() => { waits = false; }, 1500); },
    "/": () => document.querySelector("#text")?.focus(),
    "?": () => document.querySelector("#keys")?.showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const at = event.target;
    if (at.matches("input, textarea, select")) {
      if (event.key === "Escape") at.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    if (waits && pages[event.key]) {
      waits = false;
      location.assign(pages[event.key]);
      return;
    }
    waits = false;
    const does = keys[event.key];
    if (does) {
      event.preventDefault();
      does();
    }
  });

  const button = document.querySelector("button.keys");
  if (button) {
    button.hidden = false;
    button.addEventListener("click", keys["?"]);
  }
  document.documentElement.classList.add("scripted");

  // A second click must not send a form again while the first is being done.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-once]")) return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
    form.querySelectorAll("button").forEach((each) => each.setAttribute("aria-busy", "true"));
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => {
      delete form.dataset.sent;
      form.querySelectorAll("button").forEach((each) => each.removeAttribute("aria-busy"));
    });
  });
}
