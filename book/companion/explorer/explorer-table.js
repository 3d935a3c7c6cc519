// The explorer's table of models.
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
