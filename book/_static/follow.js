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
    const made = make("button", { type: "button", textContent, title: label, ariaLabel: label, ariaPressed: model === id });
    made.dataset.follow = model;
    return made;
  }

  /** Follow a model, or none. */
  function follow(model) {
    const link = model && make("a", { textContent: bvgModels[model], href: `explorer.html#models=${model}` });
    status.replaceChildren(...(model ? ["Following ", link] : id ? ["No model is followed."] : []));
    [id, stop.hidden] = [model, !model];
    const address = new URL(location.href);
    if (id) address.searchParams.set(KEY, id);
    else address.searchParams.delete(KEY);
    allowed(() => history.replaceState(history.state, "", address));
    allowed(() => (id ? localStorage.setItem(KEY, id) : localStorage.removeItem(KEY)));
    for (const one of document.querySelectorAll("[data-follow]")) {
      one.ariaPressed = one.dataset.follow === id;
      one.closest("tr")?.classList.toggle("bvg-followed", one.dataset.follow === id);
    }
    document.dispatchEvent(new Event("bvg-follow"));
  }

  function start() {
    document.body.append(chip);
    document.querySelectorAll("td:first-child .bvg-model").forEach((link) => link.after(button(link.hash.split("=")[1], "")));
    document.addEventListener("click", ({ target }) => {
      const [link, pressed] = [target.closest?.("a[href]"), target.closest?.("[data-follow]")?.dataset.follow];
      const page = link?.host === location.host && link.pathname.endsWith(".html") && link.pathname !== location.pathname;
      if (pressed) follow(pressed === id ? null : pressed);
      else if (target === stop) follow(null);
      else if (id && page) link.search = `${KEY}=${id}`;
    }, true);
    follow([new URLSearchParams(location.search).get(KEY), allowed(() => localStorage.getItem(KEY))].find(known) ?? null);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
  return { button, get id() { return id; } };
})();
