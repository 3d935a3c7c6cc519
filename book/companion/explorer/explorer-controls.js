// Controls of the explorer: the two measures, the groups, the search for a model, the link to the view.
window.bvgx = window.bvgx || {};

bvgx.createControls = (data, state, say) => {
  "use strict";
  const { h, mark, plural } = bvgx.parts;

  /** A list of measures, grouped by kind. */
  function chooser(axis, label, kinds) {
    const options = kinds.map(([title, belongs]) => {
      const rows = data.measures.filter(belongs).map((m) => h("option", { value: m.id }, m.plain));
      return rows.length ? h("optgroup", { label: title }, ...rows) : null;
    });
    const select = h("select", { id: `bvgx-${axis}`, onchange: () => state.setAxis(axis, select.value) }, ...options);
    return { select, field: h("div", { class: "bvgx-field" }, h("label", { for: select.id }, label), select) };
  }

  const kind = (name) => (m) => m.kind === name;
  const within = (benchmark) => (m) => m.kind === "corruption" && m.of[0] === benchmark;
  const families = data.measures.filter(kind("corruption")).map((m) => m.of[0]);
  const corruptions = [...new Set(families)].map((id) => {
    const benchmark = data.measures.find((m) => m.id === id);
    return [`Corruptions of ${benchmark ? benchmark.plain : id}`, within(id)];
  });
  const x = chooser("x", "Bias (x axis)", [["Biases", kind("bias")]]);
  const y = chooser("y", "Compare with (y axis)", [
    ["Categories", kind("category")], ["Benchmarks", kind("benchmark")], ...corruptions, ["Other biases", kind("bias")],
  ]);

  const boxes = data.groups.map((group) => {
    const members = data.models.filter((m) => m.group === group.id);
    const input = h("input", { type: "checkbox", value: group.id, onchange: chosen });
    const text = `${group.name} (${members.length})`;
    return { group, input, field: h("label", {}, input, mark(members[Math.floor(members.length / 2)].mark), text) };
  });
  function chosen() {
    state.setGroups(boxes.filter((b) => !b.input.checked).map((b) => b.group.id));
  }
  const all = h("button", { type: "button", onclick: () => state.setGroups([]) }, "All");
  const none = h("button", { type: "button", onclick: () => state.setGroups(data.groups.map((g) => g.id)) }, "None");
  const groups = h("fieldset", {}, h("legend", {}, "Groups of models"),
    h("div", { class: "bvgx-groups" }, ...boxes.map((b) => b.field), h("span", { class: "bvgx-buttons" }, all, none)));

  const names = h("datalist", { id: "bvgx-names" },
    ...data.models.map((m) => h("option", { value: m.name }, m.method || m.groupName)));
  const input = h("input", {
    id: "bvgx-search", type: "search", list: names.id, autocomplete: "off", placeholder: "its name",
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
  const form = h("form", { class: "bvgx-field", role: "search", onsubmit: search },
    h("label", { for: input.id }, "Find a model"),
    h("span", {}, input, names, h("button", { type: "submit" }, "Select")));

  async function copy() {
    const link = state.link();
    try {
      await navigator.clipboard.writeText(link);
      say("Link copied.");
    } catch {
      say(`Copy this address: ${link}`); // browsers may forbid it, some for local files
    }
  }
  const reset = h("button", { type: "button", onclick: () => state.reset() }, "Reset");
  const share = location.protocol === "about:" ? null : h("button", { type: "button", onclick: copy }, "Copy link to this view");

  return {
    box: h("div", { class: "bvgx-controls" }, x.field, y.field, form, groups),
    buttons: [reset, share],
    draw() {
      [x.select.value, y.select.value] = [state.x, state.y];
      for (const b of boxes) b.input.checked = !state.off.has(b.group.id);
    },
  };
};
