// The explorer's main script, loaded last: it builds the page and updates its parts.
(() => {
  "use strict";
  const root = document.getElementById("bvg-explorer");
  const source = document.getElementById("bvg-explorer-data");
  if (!root || !source) return;
  const { h, value, correlation, plural } = bvgx.parts;
  const data = JSON.parse(source.textContent);
  const groupNames = new Map(data.groups.map((g) => [g.id, g.name]));
  for (const m of data.models) m.groupName = groupNames.get(m.group);

  const state = bvgx.createState(data, changed);
  const statistics = h("p", { class: "bvgx-statistics", "aria-live": "polite" });
  const extremes = h("p", { class: "bvgx-extremes" });
  const chosen = h("p", { class: "bvgx-chosen" });
  const status = h("p", { class: "bvgx-status", role: "status" });
  const say = (text) => (status.textContent = text);
  const controls = bvgx.createControls(data, state, say);
  const main = bvgx.createPlot(state, point, { height: 400, scale: 1, main: true });
  const small = data.measures.filter((m) => m.kind === "category").map((measure) => {
    const plot = bvgx.createPlot(state, point, { height: 170, scale: 0.72, main: false });
    const r = h("span");
    const title = h("h3", {}, h("span", {}, measure.plain), r);
    return { measure, plot, r, box: h("div", {}, title, plot.box) };
  });
  const table = bvgx.createTable(state, (id) => point(id, main));
  const profile = bvgx.createProfile(data, state);

  let pointed = [null, null];

  /** Ring a model in every plot, and name it in the plot `where` it is hovered. */
  function point(id, where) {
    if (id === pointed[0] && where === pointed[1]) return;
    pointed = [id, where];
    for (const plot of [main, ...small.map((s) => s.plot)]) plot.pointed(id, plot === where);
  }

  const shortened = (c) => (c.r === null ? "r not defined" : `r = ${bvgx.parts.number(c.r)}${c.p < 0.05 ? "" : " (n.s.)"}`);

  function counts(c, node) {
    for (const key of ["r", "p", "n"]) node.dataset[key] = c[key] === null ? "" : c[key];
    return node;
  }

  function count() {
    const [x, y] = [state.measure(state.x), state.measure(state.y)];
    const shown = state.correlation();
    const lines = [h("span", {}, h("b", {}, `${x.plain} against ${y.plain}: `), counts(shown, h("span", { class: "bvgx-r" }, `Spearman’s ${correlation(shown)}.`)))];
    const left = state.shown().filter((m) => !m.counted).length;
    if (left) lines.push(h("span", {}, `${plural(left, "further model")} in the plot ${left === 1 ? "is" : "are"} not in the statistics.`));
    const own = state.correlation(state.x, state.y, true);
    if (state.selected.length > 1) {
      lines.push(counts(own, h("span", { class: "bvgx-r-selected" }, `Selected models: ${correlation(own)}.`)));
    }
    statistics.replaceChildren(...lines.flatMap((line) => [line, " "]));
    for (const s of small) s.r.textContent = shortened(state.correlation(state.x, s.measure.id));
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

  /** The selected models, each with a button that deselects it. */
  function selection() {
    const most = 12;
    const named = state.selected.slice(-most).reverse().map((id) => {
      const name = state.model(id).name;
      const button = { type: "button", class: "bvgx-chip", "aria-label": `Deselect ${name}`, onclick: () => state.toggle(id) };
      return h("button", button, name, h("span", { "aria-hidden": "true" }, " ×"));
    });
    const more = state.selected.length - named.length;
    const clear = h("button", { type: "button", onclick: () => state.select([]) }, "Clear selection");
    const last = named.length && state.model(state.selected.at(-1)).name;
    const read = h("button", { type: "button", class: "bvgx-link", onclick: profile.show }, `Profile of ${last}`);
    const parts = ["Selected: ", ...named, more ? `and ${more} more ` : "", clear, " ", read];
    chosen.replaceChildren(...(named.length ? parts : ["No model is selected."]));
  }

  let drawn = ""; // the view in the plots: a new selection needs no new axes

  function changed() {
    for (const part of [controls, table, profile]) part.draw();
    count();
    ends();
    selection();
    const view = [state.x, state.y, ...state.off].join();
    for (const s of small) view === drawn ? s.plot.mark() : s.plot.draw(state.x, s.measure.id);
    view === drawn ? main.mark() : main.draw(state.x, state.y);
    drawn = view;
  }

  const wide = h("div", { class: "bvgx-columns" }, table.box, profile.box);
  root.append(
    controls.box, main.box, statistics, extremes, chosen,
    h("p", { class: "bvgx-buttons" }, ...controls.buttons), status,
    h("h2", {}, "The bias against the four categories"),
    h("div", { class: "bvgx-small" }, ...small.map((s) => s.box)),
    h("h2", {}, "The models"), wide);
  root.classList.add("bvgx-ready");
  let width = root.clientWidth;
  // The plots follow the window's width; the column's width can change alone, when the book's menu opens or closes.
  new ResizeObserver(() => {
    if (width !== (width = root.clientWidth)) dispatchEvent(new Event("resize"));
  }).observe(root);
  addEventListener("hashchange", () => state.restore() && changed());
  state.restore();
  changed();
  root.dataset.ready = "true";
})();
