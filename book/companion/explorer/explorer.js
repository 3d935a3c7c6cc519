// The explorer's main script, loaded last: it builds the page and updates its parts.
(() => {
  "use strict";
  const root = document.getElementById("bvg-explorer");
  const source = document.getElementById("bvg-explorer-data");
  if (!root || !source) return;
  const { h, value, correlation, interval, plural } = bvgx.parts;
  const data = JSON.parse(source.textContent);
  const settings = data.statistics;
  const groupNames = new Map(data.groups.map((g) => [g.id, g.name]));
  for (const m of data.models) m.groupName = groupNames.get(m.group);

  const state = bvgx.createState(data, changed);
  const status = h("p", { class: "bvgx-status", role: "status" });
  const say = (text) => (status.textContent = text);
  const controls = bvgx.createControls(data, state, say);
  const [extremes, chosen, left] = ["extremes", "chosen", "left"].map((name) => h("p", { class: `bvgx-${name}` }));

  /** The main plots: one of all models, or one of each set. */
  const panels = [0, 1].map(() => {
    const plot = bvgx.createPlot(state, point, { height: 350, scale: 1, main: true, settings });
    const head = h("p", { class: "bvgx-statistics", "aria-live": "polite" });
    return { plot, head, apart: null, title: () => head.textContent.replaceAll("\u00a0", " ").trim(), box: h("div", {}, head, plot.box) };
  });
  const displayed = () => (state.has("apart") ? panels : panels.slice(0, 1));
  const small = data.measures.filter((m) => m.kind === "category").map((measure) => {
    const plot = bvgx.createPlot(state, point, { height: 160, scale: 0.72, main: false, settings });
    const r = h("span");
    return { measure, plot, r, box: h("div", {}, h("h3", {}, h("span", {}, measure.plain), r), plot.box) };
  });
  const categories = h("h2");
  const table = bvgx.createTable(state, (id) => point(id, displayed().map((p) => p.plot).find((p) => p.places.some((place) => place.m.id === id))));
  const profile = bvgx.createProfile(data, state);
  const add = bvgx.createAdd(data, state);

  let pointed = [null, null];

  /** Ring a model in every plot, and name it in the plot `where` it is hovered. */
  function point(id, where) {
    if (id === pointed[0] && where === pointed[1]) return;
    pointed = [id, where];
    for (const { plot } of [...panels, ...small]) plot.pointed(id, plot === where);
  }

  const significant = (c) => (c.p < settings.alpha ? "" : " (n.s.)");
  const shortened = (c) => (c.r === null ? "r not defined" : `r = ${bvgx.parts.number(c.r)}${significant(c)}`);
  const kind = () => (state.has("equal") ? "partial Spearman’s" : "Spearman’s");

  function counts(c, node) {
    for (const key of ["r", "p", "n", "low", "high", "families"]) node.dataset[key] = c[key] === null ? "" : c[key];
    return node;
  }

  /** The heading of a main plot: what it shows, r, p, n and the interval. */
  function summarize({ head, apart }) {
    const [x, y] = [state.measure(state.x), state.measure(state.y)];
    const c = state.correlation(x.id, y.id, { apart, interval: true });
    const set = apart === null ? "" : apart ? `${data.apart}, ` : "Others, ";
    const given = state.has("equal") ? " at equal ImageNet accuracy" : "";
    const ends = interval(c, settings);
    const numbers = `${kind()} ${correlation(c, settings)}${ends ? `; ${ends}` : ""}.`;
    const further = state.shown(x.id, y.id, apart).filter((m) => !m.counted).length;
    const note = further ? ` ${plural(further, "further model")} in the plot ${further === 1 ? "is" : "are"} not in the statistics.` : "";
    head.replaceChildren(h("b", {}, `${set}${y.plain} against ${x.plain}${given}: `), counts(c, h("span", { class: "bvgx-r" }, numbers)), note);
  }

  /** The models with the highest and lowest values: a place to start. */
  function ends() {
    const rows = state.shown();
    extremes.replaceChildren();
    if (!rows.length) return extremes.append("No model to display: switch on a group.");
    const parts = ["x", "y"].flatMap((axis) => {
      const measure = state.measure(state[axis]);
      const of = (m) => state.value(m.id, measure.id);
      const order = [...rows].sort((a, b) => of(b) - of(a));
      const name = (m) => h("button", { type: "button", class: "bvgx-link", onclick: () => state.add([m.id]) }, m.name);
      const part = (word, m) => [`${word} `, name(m), ` ${value(of(m), measure)}`];
      return [h("b", {}, `${measure.plain}: `), ...part("highest", order[0]), ...part(", lowest", order.at(-1)), ". "];
    });
    extremes.append(...parts);
  }

  /** Names of models, latest first, each a button. */
  function chips(ids, verb, sign, onclick) {
    const most = 12;
    const named = ids.slice(-most).reverse().map((id) => {
      const name = state.model(id).name;
      const attributes = { type: "button", class: "bvgx-chip", "aria-label": `${verb} ${name}`, onclick: () => onclick(id) };
      return h("button", attributes, name, h("span", { "aria-hidden": "true" }, ` ${sign}`));
    });
    return [...named, ids.length > most ? `and ${ids.length - most} more ` : ""];
  }

  /** The selected models and their r, and those left out. */
  function selection() {
    const { selected, out } = state;
    const button = (text, onclick) => h("button", { type: "button", onclick }, text);
    const read = selected.length && h("button", { type: "button", class: "bvgx-link", onclick: profile.show }, `Profile of ${state.model(selected.at(-1)).name}`);
    const own = state.correlation(state.x, state.y, { within: true, interval: true });
    const limits = interval(own, settings);
    const r = selected.length > 1
      ? counts(own, h("span", { class: "bvgx-r-selected" }, ` Selected models: ${kind()} ${correlation(own, settings)}${limits ? `; ${limits}` : ""}.`)) : "";
    chosen.replaceChildren(...(selected.length
      ? ["Selected: ", ...chips(selected, "Deselect", "×", state.toggle), button("Clear selection", () => state.select([])), " ",
        button("Leave out", () => state.leaveOut(selected)), " ", read, r]
      : ["No model is selected: click a mark, or drag over several."]));
    left.hidden = !out.length;
    left.replaceChildren("Left out: ", ...chips(out, "Put back", "↩", (id) => state.putBack([id])), button("Put all back", () => state.putBack(out)));
  }

  function changed() {
    pointed = [null, null];
    for (const part of [controls, table, profile, add]) part.draw();
    panels.forEach((panel, i) => {
      panel.apart = state.has("apart") ? i === 0 : null;
      panel.box.hidden = !displayed().includes(panel);
      if (panel.box.hidden) return;
      summarize(panel);
      panel.plot.draw(state.x, state.y, panel.apart);
    });
    ends();
    selection();
    categories.textContent = `The four categories against ${state.measure(state.x).plain}${state.has("equal") ? ", at equal ImageNet accuracy" : ""}`;
    for (const s of small) {
      s.r.textContent = shortened(state.correlation(state.x, s.measure.id));
      s.plot.draw(state.x, s.measure.id);
    }
  }

  const view = h("div", { class: "bvgx-view" }, ...panels.map((p) => p.box));
  const reset = h("button", { type: "button", onclick: () => state.reset() }, "Reset");
  root.append(
    controls.axes, view, controls.groups, chosen, left,
    h("div", { class: "bvgx-buttons" }, controls.search, reset, ...bvgx.createDownloads(state, displayed, say).filter(Boolean)),
    status, extremes, add.box,
    categories, h("div", { class: "bvgx-small" }, ...small.map((s) => s.box)),
    h("h2", {}, "The models"), h("div", { class: "bvgx-columns" }, table.box, profile.box));
  root.classList.add("bvgx-ready");

  /** Display the view of the address, and scroll to it. */
  function follow() {
    if (!state.restore()) return;
    changed();
    view.scrollIntoView({ block: "nearest" });
  }
  addEventListener("hashchange", follow);
  document.addEventListener("bvg-follow", () => [...panels, ...small].forEach(({ plot }) => plot.render()));
  changed();
  follow();
  root.dataset.ready = "true";
})();
