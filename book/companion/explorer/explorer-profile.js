// The explorer's profile of a model, or of two side by side: value and rank on every bias, category and benchmark.
/** The profile of the model selected last, beside that of the one before. */
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

  /** A line from the highest to the lowest rank with a dot for each model. */
  function strip(ranks) {
    const dots = ranks.map((r, i) => {
      if (r === null) return null;
      const dot = h("span", { class: i ? "bvgx-dot bvgx-second" : "bvgx-dot" });
      dot.style.left = `${r.of > 1 ? (100 * ((r.first + r.last) / 2 - 1)) / (r.of - 1) : 50}%`;
      return dot;
    });
    return h("span", { class: "bvgx-strip", "aria-hidden": "true" }, h("span", { class: "bvgx-track" }, ...dots));
  }

  function part(models, kind, title) {
    const rows = data.measures.filter((measure) => measure.kind === kind).map((measure) => {
      const ranks = models.map((m) => rank(m, measure));
      const values = models.map((m) => state.value(m.id, measure.id));
      return h("tr", { "data-measure": measure.id },
        h("th", { scope: "row" }, measure.unit === "%" ? measure.plain : axis(measure)),
        ...values.map((v) => h("td", {}, v === null ? "–" : exact(v, measure))),
        h("td", { class: "bvgx-strips" }, strip(ranks)),
        ...ranks.map((r) => h("td", {}, ...words(r))));
    });
    return h("tbody", {}, h("tr", {}, h("th", { colspan: 2 + 2 * models.length, scope: "rowgroup" }, title)), ...rows);
  }

  function facts(m) {
    const leave = h("button", { type: "button", onclick: () => state.leaveOut([m.id]) }, `Leave ${m.name} out`);
    const follow = window.bvgFollow?.button(m.id) ?? "";
    const outside = m.counted ? "" : " It is not in the statistics.";
    return h("p", {}, h("b", {}, `${m.name}: `), `${[m.method, m.groupName, `numbers: ${m.source}`].filter(Boolean).join(" · ")}.${outside} `, leave, " ", follow);
  }

  function draw() {
    const models = state.selected.slice(-2).reverse().map(state.model);
    const [m, other] = models;
    const title = (...parts) => h("h3", { id: "bvgx-profile-name" }, ...parts);
    box.classList.toggle("bvgx-two", Boolean(other));
    if (!m) {
      const how = "Select a model in the table, in a plot or by search to see its profile here; select two to compare them.";
      box.replaceChildren(title("Profile of a model"), h("p", {}, how));
      return;
    }
    const named = (text) => models.map((one, i) =>
      h("th", { scope: "col" }, text, other ? h("span", { class: i ? "bvgx-key bvgx-second" : "bvgx-key" }, ` ${one.name}`) : ""));
    const explained = `Ranks among ${plural(counted.length, "model")}; 1st is the highest value. For accuracies the highest is the best; ` +
      "for a bias it is neither good nor bad. Equal values share ranks (such as 1st–3rd).";
    const head = [h("th", { scope: "col" }, "Measure"), ...named("Value"), h("th", { scope: "col", class: "bvgx-strips" }, "High – low"), ...named("Rank")];
    box.replaceChildren(
      title(mark(m.mark, 26), m.name, ...(other ? [" and ", mark(other.mark, 26), other.name] : [])),
      ...models.map(facts), h("p", {}, other ? explained : `${explained} Select a second model to compare.`),
      h("table", {}, h("caption", { class: "bvgx-unseen" }, `${models.map((one) => one.name).join(" and ")}: values and ranks`),
        h("thead", {}, h("tr", {}, ...head)), ...PARTS.map(([kind, name]) => part(models, kind, name))));
  }

  /** Scroll to the profile and move the focus there. */
  function show() {
    box.scrollIntoView({ block: "start" });
    box.focus({ preventScroll: true });
  }

  return { box, draw, show };
};
