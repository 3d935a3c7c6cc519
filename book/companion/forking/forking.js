// The page on other choices: looks the chosen combination up in tables that the notebook computed, and marks what changed.
(async () => {
  "use strict";
  const root = document.getElementById("bvg-forking");
  const text = (id) => document.getElementById(`bvg-forking-${id}`).textContent;
  const data = JSON.parse(text("header"));
  const packed = Uint8Array.from(atob(text("tables")), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const tables = new Int8Array(await new Response(stream).arrayBuffer());
  const form = root.querySelector("form"), selects = [...form.querySelectorAll("select")];
  const first = Object.fromEntries(selects.map((select) => [select.name, select.options[0].value]));

  /** The place in a table with these sizes, the last of which runs fastest. */
  const place = (sizes, indices) => sizes.reduce((sum, size, k) => sum * size + indices[k], 0);
  /** Sizes and indices of some choices. */
  const along = (at, ids) => [ids.map((id) => data.axes[id].length), ids.map((id) => at[id])];

  /** The place of the option of each choice; a sample is a set of models without a family. */
  function places(chosen) {
    const of = ([id, ids]) => [id, id === "sample" ? data.samples[`${chosen.models}.${chosen.family}`] : ids.indexOf(chosen[id])];
    return Object.fromEntries(Object.entries(data.axes).map(of));
  }

  function verdict(at, claim) {
    const [start, own] = data.verdicts[claim];
    return data.names[tables[start + place(...along(at, own))]];
  }
  /** Figure 2, for each set, category and bias: r as printed, and its sign; 0: not significant, null: not defined. */
  function figure(at) {
    const [sizes, indices] = along(at, ["control", "correction", "sample", "benchmark", "low", "high"]);
    const [rows, biases] = [data.category[at.benchmark], data.bias[at.low][at.high]];
    return [0, 1, 2].flatMap((set) => rows.flatMap((row, i) => biases.map((bias, j) => {
      const r = tables[place(data.r, [at.control, at.sample, set, row, bias])];
      if (r === data.undefined) return { r: 0, printed: "–", sign: null };
      const level = tables[data.levels + place([rows.length, biases.length, 3, ...sizes], [i, j, set, ...indices])];
      return { r: Math.abs(r) / 100, printed: (r < 0 ? "−" : "") + (Math.abs(r) / 100).toFixed(2),
        sign: level > data.above[at.alpha] ? Math.sign(r) : 0 };
    })));
  }

  const base = places(first);
  const before = figure(base);

  function show() {
    const chosen = Object.fromEntries(selects.map((select) => [select.name, select.value]));
    const at = places(chosen);
    const cells = root.querySelectorAll(".bvgf-cells tbody td");
    const now = figure(at);
    now.forEach(({ r, printed, sign }, k) => {
      cells[k].textContent = sign === 0 ? `(${printed})` : printed;
      cells[k].className = ["bvgf-down", "", "bvgf-up"][(sign ?? 0) + 1];
      cells[k].classList.toggle("bvgf-moved", sign !== null && sign !== (before[k].sign ?? 0));
      cells[k].style.setProperty("--r", r);
    });
    for (const row of root.querySelectorAll("[data-claim]")) {
      const [is, was] = [at, base].map((where) => verdict(where, row.dataset.claim));
      const [badge, note] = row.querySelectorAll(".bvg-verdict, small");
      badge.textContent = is;
      badge.className = `bvg-verdict bvg-${is.replaceAll(" ", "-")}`;
      note.textContent = is === was ? "" : `${data.first}: ${was}`;
      row.classList.toggle("bvgf-moved", is !== was);
    }
    root.querySelectorAll("th[scope=rowgroup] span").forEach((span, set) => { span.textContent = data.sizes[at.sample][set]; });
    const other = Object.keys(chosen).filter((id) => chosen[id] !== first[id]);
    const [moved, flipped] = ["td", "tr"].map((tag) => root.querySelectorAll(`${tag}.bvgf-moved`).length);
    const defined = now.filter(({ sign }) => sign !== null).length;
    root.querySelector(".bvgf-summary").textContent = other.length === 0 ? `With ${data.first}.` :
      `Different from ${data.first}: ${moved} of ${defined} correlations (significance or sign) ` +
      `and ${flipped} of ${Object.keys(data.verdicts).length} verdicts.`;
    root.querySelector("pre").textContent = data.command + Object.keys(at).map((id) => data.options[id][at[id]]).join("");
    const hash = new URLSearchParams(other.map((id) => [id, chosen[id]])).toString();
    if (hash !== location.hash.slice(1)) history.replaceState(null, "", hash ? `#${hash}` : location.href.split("#")[0]);
  }

  /** Disable the families that a set of models does not have, and show the result. */
  function changed() {
    const { models, family } = form.elements;
    for (const option of family.options) option.disabled = !(`${models.value}.${option.value}` in data.samples);
    if (family.selectedOptions[0].disabled) family.value = first.family;
    show();
  }

  /** Set the choices, as in `correction=holm&models=without`; all others get their first option. */
  function set(hash) {
    const given = new URLSearchParams(hash);
    for (const select of selects) {
      const known = [...select.options].some((option) => option.value === given.get(select.name));
      select.value = known ? given.get(select.name) : first[select.name];
    }
    changed();
  }

  form.addEventListener("change", changed);
  form.addEventListener("click", (event) => { if ("set" in event.target.dataset) set(event.target.dataset.set); });
  const read = () => { if (!location.hash || location.hash.includes("=")) set(location.hash.slice(1)); };
  addEventListener("hashchange", read);
  form.hidden = false;
  read();
  root.dataset.ready = "";
})();
