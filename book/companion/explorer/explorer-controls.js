// Controls of the explorer: axes and kind of view, groups, search for a model.
bvgx.createControls = (data, state, say) => {
  "use strict";
  const { h, mark, plural } = bvgx.parts;

  /** The measures to choose from, grouped by kind. */
  function options() {
    const kind = (name) => data.measures.filter((m) => m.kind === name);
    const families = [...new Set(kind("corruption").map((m) => m.of[0]))];
    const corruptions = families.map((id) => {
      const benchmark = data.measures.find((m) => m.id === id);
      return [`Corruptions of ${benchmark ? benchmark.plain : id}`, kind("corruption").filter((m) => m.of[0] === id)];
    });
    const parts = [["Biases", kind("bias")], ["Categories", kind("category")], ["Benchmarks", kind("benchmark")], ...corruptions];
    return parts.filter(([, rows]) => rows.length)
      .map(([label, rows]) => h("optgroup", { label }, ...rows.map((m) => h("option", { value: m.id }, m.plain))));
  }

  function chooser(axis, label) {
    const select = h("select", { id: `bvgx-${axis}`, onchange: () => state.setAxis(axis, select.value) }, ...options());
    return { select, field: h("div", { class: "bvgx-field" }, h("label", { for: select.id }, label), select) };
  }
  const [x, y] = [chooser("x", "x axis"), chooser("y", "y axis")];
  const swap = h("button", { type: "button", class: "bvgx-swap", "aria-label": "Swap the axes", title: "Swap the axes", onclick: () => state.swap() }, "⇄");

  /** Whether a kind of view changes anything: a logarithmic axis needs positive values. */
  const positive = (axis) => !state.has("equal") && state.shown().every((m) => state.value(m.id, axis) > 0);
  const possible = { equal: () => true, apart: () => true, logx: () => positive(state.x), logy: () => positive(state.y) };
  const views = Object.entries({
    equal: "at equal ImageNet accuracy", logx: "log x axis", apart: `${data.apart} apart from others`, logy: "log y axis",
  }).filter(([flag]) => state.offers(flag)).map(([flag, text]) => {
    const input = h("input", { type: "checkbox", value: flag, onchange: () => state.setView(flag, input.checked) });
    return { flag, input, field: h("label", {}, input, text) };
  });
  const view = h("fieldset", {}, h("legend", { class: "bvgx-unseen" }, "View"), h("div", { class: "bvgx-groups bvgx-ways" }, ...views.map((v) => v.field)));

  function box(group) {
    const members = data.models.filter((m) => m.group === group.id);
    const input = h("input", { type: "checkbox", value: group.id, onchange: chosen });
    const text = h("span");
    return { group, input, text, field: h("label", {}, input, mark(members[Math.floor(members.length / 2)].mark), text) };
  }
  const boxes = data.groups.map(box);
  function chosen() {
    state.setGroups(boxes.filter((b) => !b.input.checked).map((b) => b.group.id));
  }
  const all = h("button", { type: "button", onclick: () => state.setGroups([]) }, "All");
  const none = h("button", { type: "button", onclick: () => state.setGroups(data.groups.map((g) => g.id)) }, "None");
  const groups = h("fieldset", {}, h("legend", { class: "bvgx-unseen" }, "Groups of models"),
    h("div", { class: "bvgx-groups" }, ...boxes.map((b) => b.field), h("span", { class: "bvgx-buttons" }, all, none)));

  const names = h("datalist", { id: "bvgx-names" },
    ...data.models.map((m) => h("option", { value: m.name }, m.method || m.groupName)));
  const input = h("input", {
    id: "bvgx-search", type: "search", list: names.id, autocomplete: "off", placeholder: "name or method",
    oninput: () => {
      const one = data.models.find((m) => m.name === input.value);
      if (one) found([one]);
    },
  });
  const matches = (words) => data.models.filter((m) => {
    const text = `${m.name} ${m.id} ${m.method} ${m.groupName}`.toLowerCase();
    return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
  });
  function found(models) {
    state.add(models.map((m) => m.id));
    say(models.length === 1 ? `${models[0].name} is selected.` : `${plural(models.length, "model")} selected.`);
    input.value = "";
  }
  function search(event) {
    event.preventDefault();
    const words = input.value.trim();
    const hits = words ? matches(words) : [];
    if (hits.length) found(hits);
    else say(words ? `No model has “${words}” in its name or method.` : "Type part of a model’s name or method.");
  }
  const form = h("form", { class: "bvgx-search", role: "search", onsubmit: search },
    h("label", { for: input.id }, "Find a model"), input, names, h("button", { type: "submit" }, "Select"));

  return {
    axes: h("div", { class: "bvgx-controls" }, x.field, swap, y.field, view),
    groups, search: form,
    draw() {
      [x.select.value, y.select.value] = [state.x, state.y];
      for (const v of views) [v.input.checked, v.input.disabled] = [state.has(v.flag), !possible[v.flag]()];
      for (const group of data.groups.slice(boxes.length)) { // of a model that the reader added
        boxes.push(box(group));
        boxes.at(-2).field.after(boxes.at(-1).field);
      }
      for (const b of boxes) {
        b.input.checked = !state.off.includes(b.group.id);
        b.text.textContent = `${b.group.name} (${data.models.filter((m) => m.group === b.group.id).length})`;
      }
    },
  };
};
