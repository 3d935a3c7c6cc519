// The explorer's table of models, and the profile of one model.
window.bvgx = window.bvgx || {};

/** The table of the models in the plot. Their names are buttons that select them; `point(id)` rings a model in the plots. */
bvgx.createTable = (state, point) => {
  "use strict";
  const { h, mark, exact, axis, plural } = bvgx.parts;
  const body = h("tbody");
  const sorted = { by: "x", down: true };
  const heads = Object.fromEntries(["name", "x", "y"].map((key) => {
    const button = h("button", { type: "button", onclick: () => sort(key) });
    return [key, h("th", { scope: "col" }, button)];
  }));
  const caption = h("caption");
  const table = h("table", {}, caption, h("thead", {}, h("tr", {}, heads.name, heads.x, heads.y)), body);
  const box = h("div", { class: "bvgx-models" }, table);
  const buttons = new Map(); // reused, so that the focus stays on its button

  function sort(key) {
    sorted.down = sorted.by === key ? !sorted.down : key !== "name";
    sorted.by = key;
    draw();
  }

  function button(m) {
    if (!buttons.has(m.id)) {
      const group = h("span", { class: "bvgx-unseen" }, `, ${m.groupName}${m.counted ? "" : ", not in the statistics"}`);
      buttons.set(m.id, h("button", {
        type: "button", title: [m.method, m.groupName].filter(Boolean).join(" · "), "data-model": m.id,
        onclick: () => state.toggle(m.id),
        onfocus: () => point(m.id), onblur: () => point(null),
        onpointerenter: () => point(m.id), onpointerleave: () => point(null),
      }, mark(m.mark), h("span", {}, m.name), group));
    }
    const pressed = state.selected.includes(m.id);
    buttons.get(m.id).setAttribute("aria-pressed", pressed);
    return buttons.get(m.id);
  }

  function head(key, text) {
    const on = sorted.by === key;
    heads[key].setAttribute("aria-sort", on ? (sorted.down ? "descending" : "ascending") : "none");
    heads[key].firstChild.replaceChildren(text, h("span", { "aria-hidden": "true" }, on ? (sorted.down ? " ▼" : " ▲") : " ↕"));
  }

  function draw() {
    const focused = document.activeElement;
    const of = (m) => (sorted.by === "name" ? m.name.toLowerCase() : state.value(m.id, state[sorted.by]));
    const rows = state.shown().map((m) => [of(m), m]);
    rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (sorted.down ? -1 : 1));
    caption.textContent = `${plural(rows.length, "model")}. Click a name to select the model.`;
    head("name", "Model");
    for (const key of ["x", "y"]) head(key, axis(state.measure(state[key])));
    body.replaceChildren(...rows.map(([, m]) => {
      const numbers = ["x", "y"].map((key) => h("td", {}, exact(state.value(m.id, state[key]), state.measure(state[key]))));
      return h("tr", { class: state.selected.includes(m.id) ? "bvgx-on" : null }, h("th", { scope: "row" }, button(m)), ...numbers);
    }));
    if (body.contains(focused)) focused.focus({ preventScroll: true });
  }

  return { box, draw };
};

/** The profile of the model selected last: its value and rank on every bias, category and benchmark. */
bvgx.createProfile = (data, state) => {
  "use strict";
  const { h, mark, axis, exact, ordinal, plural } = bvgx.parts;
  const box = h("section", { class: "bvgx-profile", tabindex: -1, "aria-labelledby": "bvgx-profile-name" });
  const counted = data.models.filter((m) => m.counted);
  const PARTS = [["bias", "Biases"], ["category", "Categories of generalization [%]"], ["benchmark", "Benchmarks [%]"]];

  /** A model's rank among the models in the statistics, highest first; equal values share a range of ranks. */
  function rank(m, measure) {
    const own = state.value(m.id, measure.id);
    if (own === null) return null;
    const others = counted.filter((o) => o.id !== m.id).map((o) => state.value(o.id, measure.id)).filter((v) => v !== null);
    const first = 1 + others.filter((v) => v > own).length;
    return { first, last: first + others.filter((v) => v === own).length, of: others.length + 1 };
  }

  function words(r) {
    if (r === null) return ["–"];
    const places = r.last > r.first ? `${ordinal(r.first)}–${ordinal(r.last)}` : ordinal(r.first);
    return [places, h("span", { class: "bvgx-of" }, ` of ${r.of}`)];
  }

  function strip(r) {
    if (r === null) return h("span", {});
    const share = r.of > 1 ? ((r.first + r.last) / 2 - 1) / (r.of - 1) : 0.5;
    const dot = h("span", { class: "bvgx-dot" });
    dot.style.left = `${100 * share}%`;
    return h("span", { class: "bvgx-strip", "aria-hidden": "true" }, h("span", { class: "bvgx-track" }, dot));
  }

  function part(m, kind, title) {
    const rows = data.measures.filter((measure) => measure.kind === kind).map((measure) => {
      const [mine, r] = [state.value(m.id, measure.id), rank(m, measure)];
      return h("tr", { "data-measure": measure.id },
        h("th", { scope: "row" }, measure.unit === "%" ? measure.plain : axis(measure)),
        h("td", {}, mine === null ? "–" : exact(mine, measure)),
        h("td", {}, strip(r)),
        h("td", {}, ...words(r)));
    });
    return h("tbody", {}, h("tr", {}, h("th", { colspan: 4, scope: "rowgroup" }, title)), ...rows);
  }

  function draw() {
    const m = state.model(state.selected.at(-1));
    if (!m) {
      const how = "Select a model in the table, in a plot or by search to see its profile here.";
      box.replaceChildren(h("h3", { id: "bvgx-profile-name" }, "Profile of a model"), h("p", {}, how));
      return;
    }
    const facts = [m.method, m.groupName, `numbers: ${m.source}`].filter(Boolean).join(" · ");
    const among = m.counted
      ? `Ranks among ${plural(counted.length, "model")}`
      : `This model is not in the statistics. Ranks if it were added to the other ${plural(counted.length, "model")}`;
    const head = ["Measure", "Value", "High – low", "Rank"].map((text) => h("th", { scope: "col" }, text));
    box.replaceChildren(
      h("h3", { id: "bvgx-profile-name" }, mark(m.mark, 26), m.name),
      h("p", {}, facts),
      h("p", {}, `${among}; 1st is the highest value. For accuracies the highest is the best; for a bias it is neither good nor bad. Equal values share ranks (such as 1st–3rd).`),
      h("table", {}, h("caption", { class: "bvgx-unseen" }, `${m.name}: values and ranks`),
        h("thead", {}, h("tr", {}, ...head)), ...PARTS.map(([kind, title]) => part(m, kind, title))));
  }

  /** Scroll to the profile and move the focus there. */
  function show() {
    box.scrollIntoView({ block: "center" });
    box.focus({ preventScroll: true });
  }

  return { box, draw, show };
};
