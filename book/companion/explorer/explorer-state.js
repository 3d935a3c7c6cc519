// State of the explorer: measures, groups and selection, stored in the page's address.
window.bvgx = window.bvgx || {};

/** The state for the page's data; `changed` is called after every change. */
bvgx.createState = (data, changed) => {
  "use strict";
  const index = (rows) => new Map(rows.map((row, i) => [row.id, i]));
  const models = index(data.models);
  const measures = index(data.measures);
  const groups = index(data.groups);
  const start = () => ({ x: data.start.x, y: data.start.y, off: new Set(), selected: [...data.start.models] });
  let now = start();

  /** The state as the part of the address after `#`; empty for the first view. */
  function written() {
    const parts = [["x", now.x], ["y", now.y], ["off", [...now.off].join(",")], ["models", now.selected.join(",")]];
    const text = (pairs) => pairs.map(([k, v]) => `${k}=${v.split(",").map(encodeURIComponent).join(",")}`).join("&");
    const first = [["x", data.start.x], ["y", data.start.y], ["off", ""], ["models", data.start.models.join(",")]];
    return text(parts) === text(first) ? "" : text(parts.filter(([, v], i) => i < 2 || v || first[i][1]));
  }

  /** Restore the state from an address, ignoring unknown names. Returns false if the address holds no state. */
  function read(hash) {
    const given = new Map(hash.replace(/^#/, "").split("&").filter((p) => p.includes("=")).map((p) => p.split("=", 2)));
    if (!["x", "y", "off", "models"].some((key) => given.has(key))) return false;
    const decoded = (word) => {
      try {
        return decodeURIComponent(word);
      } catch {
        return "";
      }
    };
    const list = (key, known) => (given.get(key) || "").split(",").map(decoded).filter((id) => known.has(id));
    now = start();
    for (const axis of ["x", "y"]) now[axis] = list(axis, measures)[0] || now[axis];
    if (kind(now.x) !== "bias") now.x = data.start.x;
    now.off = new Set(list("off", groups));
    now.selected = given.has("models") ? [...new Set(list("models", models))] : now.selected;
    return true;
  }

  function remember() {
    try {
      const hash = written();
      // Throws for a page within a notebook, which has no address of its own.
      history.replaceState(null, "", hash ? `#${hash}` : location.href.split("#")[0]);
    } catch {
      /* the view is not stored */
    }
  }

  const kind = (measure) => data.measures[measures.get(measure)].kind;
  const change = (how) => {
    how();
    remember();
    changed();
  };

  const state = {
    get x() { return now.x; },
    get y() { return now.y; },
    get off() { return now.off; },
    get selected() { return now.selected; },
    model: (id) => data.models[models.get(id)],
    measure: (id) => data.measures[measures.get(id)],
    value: (model, measure) => data.values[models.get(model)][measures.get(measure)],
    /** Models that have both numbers and whose group is switched on. */
    shown: (x = now.x, y = now.y) =>
      data.models.filter((m) => !now.off.has(m.group) && [x, y].every((k) => state.value(m.id, k) !== null)),
    /** Spearman's r, p and n over the displayed models in the statistics; over the selected ones if `within`. */
    correlation(x = now.x, y = now.y, within = false) {
      const rows = state.shown(x, y).filter((m) => m.counted && (!within || now.selected.includes(m.id)));
      return bvgx.stats.spearman(rows.map((m) => [state.value(m.id, x), state.value(m.id, y)]));
    },
    setAxis: (axis, id) => change(() => (now[axis] = id)),
    setGroups: (off) => change(() => (now.off = new Set(off))),
    select: (ids) => change(() => {
      now.selected = [...new Set(ids)];
      for (const id of ids) now.off.delete(state.model(id).group); // display every selected model
    }),
    toggle: (id) => state.select(
      now.selected.includes(id) ? now.selected.filter((s) => s !== id) : [...now.selected, id]),
    /** Add models to the end of the selection; the last one's profile is displayed. */
    add: (ids) => state.select([...now.selected.filter((s) => !ids.includes(s)), ...ids]),
    reset: () => change(() => (now = start())),
    restore: () => read(location.hash),
    link: () => location.href.split("#")[0] + (written() ? `#${written()}` : ""),
  };
  return state;
};
