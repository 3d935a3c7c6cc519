// The explorer's panel for a model of the reader (written by companion.explorer.own_model): a file, or typed numbers.
/** Listen to the panel. Models that it adds are in every plot, the table and the profile, but not in the statistics. */
bvgx.createAdd = (data, state) => {
  "use strict";
  const { h, number, plural } = bvgx.parts;
  const { mark, group, schema } = data.own;
  const own = bvgx.createOwn(data, state);
  const box = document.querySelector(".bvgx-own");
  const [chooser, form, table] = ["[type=file]", "form", "table"].map((part) => box.querySelector(part));
  const [error, status, near, none] = ["error", "added", "near", "none"].map((part) => box.querySelector(`.bvgx-${part}`));

  /** The id of a new model; as in bvg.results.load, a model of the study that was measured again is a model of its own. */
  const label = (id, run) => (data.models.some((m) => m.counted && (m.id === id || m.name === id)) ? `${id}@${run}` : id);

  function join(models) {
    const facts = { group: group.id, groupName: group.name, method: "", counted: false, apart: false, mark };
    const described = ({ id, source }) => ({ id, name: id, family: id, source, ...facts });
    state.join(models.map((m) => ({ model: described(m), values: m.values })), group);
    const count = ({ values }) => `${values.filter((v) => v !== null).length} of ${plural(values.length, "number")}`;
    status.textContent = `Added and selected: ${models.map((m) => `${m.id} (${count(m)})`).join(", ")}.`;
    error.textContent = "";
  }

  async function take(file) {
    if (!file) return;
    box.open = true;
    try {
      const rows = bvgx.readTable(await file.text(), file.name, schema);
      const run = file.name.replace(/\.[^.]*$/, "");
      const ids = [...new Set(rows.map((row) => row.model))];
      const scored = (id) => own.score(rows.filter((row) => row.model === id));
      join(ids.map((id) => ({ id: label(id, run), source: file.name, values: scored(id) })));
    } catch (reason) {
      if (!(reason instanceof bvgx.Rejected)) throw reason;
      [status.textContent, error.textContent] = ["", reason.message];
    }
  }

  function type(event) {
    event.preventDefault();
    const { name, ...typed } = Object.fromEntries([...new FormData(form)].filter(([, text]) => text));
    const given = Object.fromEntries(Object.entries(typed).map(([measure, text]) => [measure, Number(text)]));
    join([{ id: label(name, "typed"), source: "typed", values: own.score([], given) }]);
  }

  function row(id, line) {
    const measured = state.value(id, line.category);
    const outside = measured !== null && (measured < line.low || measured > line.high);
    const [value, low, high] = [line.predicted, line.low, line.high].map((v) => number(v, 1));
    const found = measured === null ? "–" : h(outside ? "b" : "span", {}, number(measured, 1));
    const cells = [line.features, line.n, value, `${low} to ${high}`, found];
    return h("tr", { "data-values": [line.predicted, line.low, line.high] },
      h("th", { scope: "row" }, state.measure(line.category).plain), ...cells.map((cell) => h("td", {}, cell)));
  }

  /** The neighbours and predictions of the own model that was selected last. */
  function draw() {
    const m = state.selected.map(state.model).filter((one) => one.group === group.id).at(-1);
    const lines = m ? own.predict(m.id) : [];
    const button = (other) =>
      h("button", { type: "button", class: "bvgx-link", onclick: () => state.add([other.id, m.id]) }, other.name);
    const names = (m ? own.nearest(m.id) : []).flatMap((other, i) => [i ? ", " : "", button(other)]);
    near.replaceChildren(...(names.length ? [h("b", {}, m.name), " is most similar in its biases to ", ...names, "."] : []));
    table.tBodies[0].replaceChildren(...lines.map((line) => row(m.id, line)));
    [table.hidden, none.hidden] = [!lines.length, !m || lines.length > 0];
  }

  chooser.addEventListener("change", () => take(chooser.files[0]));
  form.addEventListener("submit", type);
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  });
  box.hidden = false;
  return { box, draw };
};
