// Tooltips of glossary terms and citations: by pointer, keyboard or touch; Escape closes. The text is the link's title.
"use strict";

(() => {
  const LINKS = 'article a.reference[title]';
  const TAP = "Tap again to open the entry.";
  let tip = null;
  let current = null;
  let closing = 0;
  let touched = false; // whether the last press was by finger or pen, whose first tap opens the tip instead of the link

  function open(link, note = "") {
    clearTimeout(closing);
    if (current !== link) close();
    current = link;
    tip.replaceChildren(link.bvgTip);
    if (note) {
      const hint = document.createElement("small");
      hint.textContent = ` ${note}`;
      tip.append(hint);
    }
    link.setAttribute("aria-describedby", tip.id);
    tip.hidden = false;
    place(link);
  }

  /** Put the tip below its link, or above it where there is no room. */
  function place(link) {
    const box = link.getClientRects()[0];
    const width = document.documentElement.clientWidth;
    tip.style.left = `${Math.max(8, Math.min(box.left, width - tip.offsetWidth - 8))}px`;
    const below = box.bottom + tip.offsetHeight + 4 < window.innerHeight;
    tip.style.top = `${below ? box.bottom + 4 : Math.max(4, box.top - tip.offsetHeight - 4)}px`;
  }

  function close() {
    clearTimeout(closing);
    tip.hidden = true;
    current?.removeAttribute("aria-describedby");
    current = null;
  }

  const closeSoon = () => { closing = setTimeout(close, 250); }; // time for the pointer to reach the tip

  function start() {
    const links = [...document.querySelectorAll(LINKS)];
    if (!links.length) return;
    tip = document.createElement("div");
    Object.assign(tip, { id: "bvg-tooltip", className: "bvg-tooltip", hidden: true });
    tip.setAttribute("role", "tooltip");
    document.body.append(tip);
    for (const link of links) {
      link.bvgTip = link.title;
      link.removeAttribute("title"); // the tooltip replaces the browser's own
    }
    const of = (event) => (event.target.closest ? event.target.closest("a.reference") : null);
    const known = (link) => (link?.bvgTip ? link : null);
    document.addEventListener("pointerdown", (event) => {
      touched = event.pointerType !== "mouse";
      if (!known(of(event)) && !tip.contains(event.target)) close();
    });
    document.addEventListener("pointerover", (event) => {
      const link = known(of(event));
      if (event.pointerType !== "mouse") return;
      if (link) open(link);
      else if (tip.contains(event.target)) clearTimeout(closing);
      else if (current && !current.matches(":focus-visible")) closeSoon();
    });
    document.addEventListener("focusin", (event) => {
      const link = known(of(event));
      if (link?.matches(":focus-visible") && !touched) open(link);
      else if (!link) close();
    });
    document.addEventListener("keydown", (event) => {
      touched = false;
      if (event.key === "Escape") close();
    });
    document.addEventListener("click", (event) => {
      const link = known(of(event));
      if (!touched || !link || current === link) return;
      event.preventDefault();
      open(link, TAP);
    });
    window.addEventListener("scroll", () => {
      if (!current) return;
      const { top, bottom } = current.getBoundingClientRect();
      if (bottom < 0 || top > window.innerHeight) close();
      else place(current);
    }, { passive: true, capture: true }); // also when a table's frame scrolls
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
