// Interactive drawings: hover, tap or arrow keys name a model and highlight it in all drawings of the page; legends are linked.
"use strict";

(() => {
  const MARK = "[data-model]:not([data-entry])";
  const covers = (group, other) => other === group || other.startsWith(`${group}-`);
  const HELP =
    "Models of this figure. The left and right arrow keys move from model to model in the order of the first panel, Home and End to " +
    "the first and the last. The up and down keys move through the legend. Enter keeps the highlight, Escape removes it. " +
    "While a model is kept, the Tab key reaches a link to its profile and a button that follows it.";

  const drawings = [];
  let tip = null;
  let byKeyboard = false; // whether a key opened the tip
  let kept = null; // what a click or Enter keeps highlighted: { model } or { group }

  /* Reading a drawing ----------------------------------------------------------------------------------------------- */

  /**
   * Read the labels. Only the first mark of a model has its method and group, and the variant for phones has the labels of
   * the wide one, which keeps the page small.
   */
  function read(svg, number) {
    let count = 0;
    const frame = svg.parentElement;
    const wide = frame.classList.contains("bvg-narrow") ? drawings.find((d) => d.svg.parentElement === frame.previousElementSibling) : null;
    const models = new Map(); // id -> { heading, group, lines, marks }
    const order = wide && [...wide.models.keys()].sort();
    for (const mark of svg.querySelectorAll(MARK)) {
      if (wide) mark.dataset.model = order[mark.dataset.model];
      const title = mark.querySelector("title");
      const [heading, ...own] = title?.textContent.split("\n") ?? [];
      title?.remove(); // the tip replaces it
      const twin = wide?.models.get(mark.dataset.model);
      const known = models.get(mark.dataset.model) ??
        { heading: twin?.heading ?? heading, group: twin?.group ?? mark.dataset.group, lines: new Set(), marks: [] };
      const lines = twin?.marks[known.marks.length]?.bvgLines ?? own;
      lines.forEach((line) => known.lines.add(line));
      known.marks.push(mark);
      models.set(mark.dataset.model, known);
      mark.dataset.group = known.group;
      mark.id = `bvg-${number}-${(count += 1)}`;
      widen(mark);
      mark.bvgLines = lines;
    }
    const entries = new Map(); // what -> elements
    for (const element of svg.querySelectorAll("[data-entry]")) {
      const { model, group } = element.dataset;
      const key = model ?? `group ${group}`;
      const entry = entries.get(key) ?? { what: model ? { model } : { group }, elements: [] };
      entry.elements.push(element);
      entries.set(key, entry);
    }
    const over = svg.appendChild(document.createElementNS(svg.namespaceURI, "g"));
    over.setAttribute("class", "bvg-over");
    return { svg, models, entries: [...entries.values()], over, at: null };
  }

  /** Add an invisible wide line around each thin one, which is easier to hit. */
  function widen(mark) {
    for (const path of mark.querySelectorAll(":scope > path")) {
      const wide = path.cloneNode();
      wide.removeAttribute("style");
      wide.setAttribute("class", "bvg-wide");
      mark.append(wide);
    }
  }

  /** Sort the models from left to right in the first panel; curves and names keep the order of the file. */
  function order(drawing) {
    const place = ({ marks: [mark] }) => {
      if (mark.querySelector(":scope > path, text")) return 0;
      const box = mark.getBBox();
      return box.x + box.width / 2;
    };
    return [...drawing.models].sort(([, a], [, b]) => place(a) - place(b)).map(([model]) => model);
  }

  function labelOf(what, drawing) {
    const entry = drawing.entries.find((e) => e.what.group === what.group && !e.what.model);
    return entry.elements.map((e) => e.textContent.trim()).filter(Boolean).join(" ");
  }

  /* Highlight -------------------------------------------------------------------------------------------------------- */

  function same(a, b) {
    return a?.model === b?.model && a?.group === b?.group;
  }

  /** Whether an element belongs to the target: that model, a model of that group, or a legend entry of either. */
  function belongs(element, what) {
    const { model, group } = element.dataset;
    if (what.model) return model ? model === what.model : covers(group, what.within);
    return covers(what.group, group);
  }

  function highlight(what) {
    const followed = window.bvgFollow?.id;
    for (const drawing of drawings) {
      drawing.over.replaceChildren();
      const known = what?.model ? drawing.models.get(what.model) : null;
      const here = what && (what.model ? known : [...drawing.models.values()].some((m) => belongs(m.marks[0], what)));
      drawing.svg.classList.toggle("bvg-lit", Boolean(here));
      const full = known ? { ...what, within: known.marks[0].dataset.group } : what;
      for (const element of drawing.svg.querySelectorAll("[data-group]")) {
        element.classList.toggle("bvg-on", element.dataset.model === followed || (Boolean(here) && belongs(element, full)));
      }
      if (!drawing.svg.getClientRects().length) continue;
      const marks = [...new Set([followed, what?.model])].flatMap((model) => drawing.models.get(model)?.marks ?? []);
      marks.forEach((mark) => ring(drawing, mark));
    }
  }

  /** Draw a mark again above all others, with a ring around it if it is a point, and a frame if it is a name. */
  function ring(drawing, mark) {
    const make = (name, values) => {
      const element = document.createElementNS(drawing.svg.namespaceURI, name);
      Object.entries(values).forEach(([key, value]) => element.setAttribute(key, value));
      drawing.over.append(element);
    };
    make("use", { href: `#${mark.id}` });
    if (mark.querySelector(":scope > path")) return;
    const box = mark.getBBox();
    if (mark.querySelector("text")) make("rect", { x: box.x - 1, y: box.y, width: box.width + 2, height: box.height, rx: 2 });
    else make("circle", {
      cx: box.x + box.width / 2,
      cy: box.y + box.height / 2,
      r: Math.max(box.width, box.height) / 2 + 2.5,
    });
  }

  /* Tip -------------------------------------------------------------------------------------------------------------- */

  function show(what, drawing, element) {
    highlight(what);
    const frame = drawing.svg.parentElement;
    if (tip.parentElement !== frame) frame.append(tip); // so that the Tab key leads from the drawing to the tip's link
    tip.replaceChildren(...(what.model ? aboutModel(what, drawing, element) : aboutGroup(what, drawing)));
    tip.classList.toggle("bvg-pinned", Boolean(what.model) && same(what, kept));
    tip.hidden = false;
    const box = element.getBoundingClientRect();
    const line = element.querySelector(":scope > path");
    const x = line && drawing.pointer ? drawing.pointer.x : box.right;
    const y = line && drawing.pointer ? drawing.pointer.y : box.bottom;
    const width = document.documentElement.clientWidth;
    tip.style.left = `${Math.max(8, Math.min(x + 10, width - tip.offsetWidth - 8))}px`;
    const below = y + 10 + tip.offsetHeight < window.innerHeight;
    tip.style.top = `${below ? y + 10 : Math.max(8, (line ? y : box.top) - tip.offsetHeight - 10)}px`;
  }

  function text(name, content) {
    const element = document.createElement(name);
    element.textContent = content;
    return element;
  }

  function aboutModel(what, drawing, element) {
    const known = drawing.models.get(what.model);
    const [name, ...method] = known.heading.split(": ");
    const first = element.bvgLines ?? [];
    const lines = [...first, ...[...known.lines].filter((line) => !first.includes(line))];
    const list = document.createElement("ul");
    list.append(...lines.map((line) => text(first.includes(line) ? "b" : "span", line)).map((inner) => {
      const item = document.createElement("li");
      item.append(inner);
      return item;
    }));
    return [text("strong", name), text("p", method.join(": ")), list, profile(what)].filter((part) => part.textContent);
  }

  /** A link to the model in the explorer, once a click or Enter keeps the tip; until then how to get it. */
  function profile(what) {
    const { group } = drawings.find((d) => d.models.has(what.model)).models.get(what.model);
    if (group === "new" || group.startsWith("mini-")) return text("p", ""); // the explorer shows the models of the study
    if (!same(what, kept)) return text("p", "Click or press Enter for a link to its profile.");
    const link = text("a", "Profile in the explorer");
    link.href = `explorer.html#models=${what.model}`;
    const both = document.createElement("p");
    both.append(link, " ", window.bvgFollow?.button(what.model) ?? "");
    return both;
  }

  function aboutGroup(what, drawing) {
    const count = [...drawing.models.values()].filter((m) => belongs(m.marks[0], what)).length;
    const note = same(what, kept) ? "Highlight kept; click or press Enter again to remove it." : "Click or press Enter to keep the highlight.";
    const models = `${count} ${count === 1 ? "model" : "models"} in this figure. `;
    return [text("strong", labelOf(what, drawing)), text("p", models + note)];
  }

  const pinned = () => !tip.hidden && tip.classList.contains("bvg-pinned");

  function close() {
    tip.hidden = true;
    highlight(kept);
  }

  /** Close the tip unless it stays for its link. */
  function end() {
    if (!pinned()) close();
  }

  function keep(what) {
    kept = same(what, kept) ? null : what;
    highlight(kept);
  }

  /* Pointer ---------------------------------------------------------------------------------------------------------- */

  /** Return the mark or legend entry under the pointer, or the nearest mark within reach (px). */
  function under(drawing, event, reach) {
    const direct = event.target.closest?.("[data-group]");
    if (direct) return direct;
    let best = null;
    let least = reach;
    for (const { marks } of drawing.models.values()) {
      for (const mark of marks) {
        if (mark.querySelector(":scope > path")) continue;
        const box = mark.getBoundingClientRect();
        const distance = Math.hypot(event.clientX - (box.left + box.right) / 2, event.clientY - (box.top + box.bottom) / 2);
        if (distance < least) [best, least] = [mark, distance];
      }
    }
    return best;
  }

  const targetOf = (element) =>
    element.dataset.model ? { model: element.dataset.model } : { group: element.dataset.group };

  function addPointer(drawing) {
    const { svg } = drawing;
    svg.addEventListener("pointermove", (event) => {
      if (event.pointerType === "touch" || pinned()) return;
      drawing.pointer = { x: event.clientX, y: event.clientY };
      byKeyboard = false;
      const element = under(drawing, event, 8);
      if (!element) end();
      else if (element !== drawing.last || tip.hidden) show(targetOf(element), drawing, element);
      drawing.last = element;
    });
    svg.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch") end();
    });
    svg.addEventListener("click", (event) => {
      drawing.pointer = { x: event.clientX, y: event.clientY };
      byKeyboard = false;
      const element = under(drawing, event, 22);
      event.bvgTaken = Boolean(element);
      if (!element) return;
      keep(targetOf(element));
      show(targetOf(element), drawing, element);
      if (!kept) close();
    });
  }

  /* Keyboard --------------------------------------------------------------------------------------------------------- */

  function addKeyboard(drawing, frame) {
    frame.tabIndex = 0;
    frame.setAttribute("role", "application");
    frame.setAttribute("aria-label", HELP);
    frame.addEventListener("keydown", (event) => {
      if (event.target !== frame) return; // Enter follows the tip's link
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1, Home: 0, End: 0 }[event.key];
      if (step !== undefined) {
        const vertical = event.key === "ArrowDown" || event.key === "ArrowUp";
        const stops = vertical
          ? drawing.entries.map((entry) => ({ what: entry.what, element: entry.elements.at(-1) }))
          : order(drawing).map((model) => ({ what: { model }, element: drawing.models.get(model).marks[0] }));
        if (stops.length) go(drawing, stops, event.key, step);
      } else if ((event.key === "Enter" || event.key === " ") && drawing.at) {
        keep(drawing.at.what);
        show(drawing.at.what, drawing, drawing.at.element);
      } else {
        return;
      }
      event.preventDefault();
    });
    frame.addEventListener("focusout", (event) => {
      if (!frame.contains(event.relatedTarget)) close();
    });
  }

  function go(drawing, stops, key, step) {
    const now = stops.findIndex((stop) => same(stop.what, drawing.at?.what));
    const start = step < 0 && now < 0 ? 0 : now;
    const next = { Home: 0, End: stops.length - 1 }[key] ?? (start + step + stops.length) % stops.length;
    drawing.at = stops[next];
    drawing.at.element.scrollIntoView({ block: "nearest", inline: "nearest" });
    drawing.pointer = null;
    byKeyboard = true;
    show(drawing.at.what, drawing, drawing.at.element);
  }

  /* Page ------------------------------------------------------------------------------------------------------------- */

  function start() {
    document.querySelectorAll("svg.bvg-marks").forEach((svg, number) => drawings.push(read(svg, number)));
    if (!drawings.length) return;
    tip = document.body.appendChild(document.createElement("div"));
    tip.className = "bvg-tip";
    tip.hidden = true;
    tip.setAttribute("role", "status");
    tip.setAttribute("aria-live", "polite");
    for (const drawing of drawings) {
      addPointer(drawing);
      addKeyboard(drawing, drawing.svg.parentElement);
    }
    const clear = () => {
      kept = null;
      close();
    };
    document.addEventListener("click", (event) => {
      if (!event.bvgTaken && !tip.contains(event.target)) clear();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") clear();
    });
    // Scrolling moves the page under the tip, so hide it; but not when an arrow key scrolled the page.
    document.addEventListener("scroll", () => { tip.hidden ||= !byKeyboard; }, { passive: true });
    window.addEventListener("beforeprint", clear);
    const again = () => highlight(kept); // also marks the followed model
    document.addEventListener("bvg-follow", again);
    window.addEventListener("resize", again);
    again();
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
