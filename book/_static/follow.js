// The followed model: chosen once, it stays marked on every page until it is stopped. Kept by the browser, and in the links.
"use strict";

window.bvgFollow = (() => {
  const KEY = "follow";
  const known = (model) => Object.hasOwn(window.bvgModels ?? {}, model);
  const make = (name, values) => Object.assign(document.createElement(name), values);
  const chip = make("aside", { className: "bvg-chip", ariaLabel: "Followed model" });
  const status = chip.appendChild(make("span", { role: "status" }));
  const stop = chip.appendChild(make("button", { type: "button", textContent: "Stop", ariaLabel: "Stop following the model" }));
  let id = null;

  /** Use what a browser may forbid, as for some local files; then only the links carry the model to the next page. */
  const allowed = (work) => { try { return work(); } catch { return null; } };

  /** A button that follows a model, and stops on a second press; nothing for a model that is not of the study. */
  function button(model, textContent = "Follow on every page") {
    if (!known(model)) return "";
    const label = `Follow ${bvgModels[model]} on every page`;
    const made = make("button", { type: "button", textContent, title: label, ariaLabel: label });
    made.ariaPressed = String(model === id);
    made.dataset.follow = model;
    return made;
  }

  function show() {
    stop.hidden = !id;
    const link = id && make("a", { textContent: bvgModels[id], href: `explorer.html#models=${id}` });
    if (id) status.replaceChildren("Following ", link);
    for (const one of document.querySelectorAll("[data-follow]")) {
      one.ariaPressed = String(one.dataset.follow === id);
      one.closest("tr")?.classList.toggle("bvg-followed", one.dataset.follow === id);
    }
    document.dispatchEvent(new Event("bvg-follow"));
  }

  function follow(model) {
    id = model;
    const address = new URL(location.href);
    if (id) address.searchParams.set(KEY, id);
    else address.searchParams.delete(KEY);
    allowed(() => history.replaceState(history.state, "", address));
    allowed(() => (id ? localStorage.setItem(KEY, id) : localStorage.removeItem(KEY)));
    if (!id) status.textContent = "No model is followed.";
    show();
  }

  function start() {
    document.body.append(chip);
    document.querySelectorAll("td:first-child .bvg-model").forEach((link) => link.after(button(link.hash.split("=")[1], "")));
    document.addEventListener("click", ({ target }) => {
      const [link, pressed] = [target.closest?.("a[href]"), target.closest?.("[data-follow]")?.dataset.follow];
      if (pressed) follow(pressed === id ? null : pressed);
      else if (target === stop) follow(null);
      else if (id && link?.host === location.host && link.pathname !== location.pathname) link.search = `${KEY}=${id}`;
    }, true);
    id = [new URLSearchParams(location.search).get(KEY), allowed(() => localStorage.getItem(KEY))].find(known) ?? null;
    show();
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
  return { button, get id() { return id; } };
})();
