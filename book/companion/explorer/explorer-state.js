// State of the explorer: axes, groups, models left out, kind of view and selection, stored in the page's address.
/** The state for the page's data; `changed` is called after every change. */
bvgx.createState = (data, changed) => {
  "use strict";
  const index = (rows) => new Map(rows.map((row, i) => [row.id, i]));
  const [models, measures, groups] = [data.models, data.measures, data.groups].map(index);
  const control = data.statistics.control;
  const sets = new Set(data.models.map((m) => m.apart));
  /** Ways to look: partial rank correlation given the control, two sets of models side by side, logarithmic axes. */
  const views = new Set(["equal", "apart", "logx", "logy"]);
  if (!control) views.delete("equal");
  if (sets.size < 2) views.delete("apart");
  const known = { x: measures, y: measures, off: groups, out: models, view: views, models };
  const start = () => ({ x: [data.start.x], y: [data.start.y], off: [], out: [], view: [], models: [...data.start.models] });
  let now = start();

  /** The state as the part of the address after `#`; empty for the first view. */
  function written() {
    const text = (value) => value.map(encodeURIComponent).join(",");
    const first = start();
    const other = Object.keys(now).filter((key) => text(now[key]) !== text(first[key]));
    if (!other.length) return "";
    return Object.keys(now).filter((key) => key.length === 1 || other.includes(key)).map((key) => `${key}=${text(now[key])}`).join("&");
  }

  /** Restore the state from an address, ignoring unknown names. Returns false if the address holds no state. */
  function read(hash) {
    const given = new Map(hash.replace(/^#/, "").split("&").filter((p) => p.includes("=")).map((p) => p.split("=", 2)));
    if (!Object.keys(known).some((key) => given.has(key))) return false;
    const decoded = (word) => {
      try {
        return decodeURIComponent(word);
      } catch {
        return "";
      }
    };
    now = start();
    for (const key of Object.keys(known).filter((k) => given.has(k))) {
      const ids = [...new Set(given.get(key).split(",").map(decoded))].filter((id) => known[key].has(id));
      if (key.length > 1) now[key] = ids;
      else if (ids.length) now[key] = ids.slice(0, 1);
    }
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

  const change = (how) => {
    how();
    remember();
    changed();
  };
  const without = (list, ids) => list.filter((id) => !ids.includes(id));

  const state = {
    get x() { return now.x[0]; },
    get y() { return now.y[0]; },
    get off() { return now.off; },
    get out() { return now.out; },
    get selected() { return now.models; },
    has: (flag) => now.view.includes(flag),
    offers: (flag) => views.has(flag),
    model: (id) => data.models[models.get(id)],
    measure: (id) => data.measures[measures.get(id)],
    value: (model, measure) => data.values[models.get(model)][measures.get(measure)],
    /** Models that have the numbers, are not left out, and whose group is on; `apart` (true or false) picks one of two sets. */
    shown(x = now.x[0], y = now.y[0], apart = null) {
      const needed = state.has("equal") ? [x, y, control] : [x, y];
      return data.models.filter((m) => !now.off.includes(m.group) && !now.out.includes(m.id) &&
        (apart === null || m.apart === apart) && needed.every((k) => state.value(m.id, k) !== null));
    },
    /** The places of the shown models, { m, x, y }: their values, or their residual ranks at equal accuracy. */
    places(x, y, apart) {
      const rows = state.shown(x, y, apart);
      const of = (measure) => rows.map((m) => state.value(m.id, measure));
      const counts = rows.map((m) => Number(m.counted));
      const [left, up] = [x, y].map((k) => (state.has("equal") ? bvgx.stats.residuals(of(k), of(control), counts) : of(k)));
      return rows.map((m, i) => ({ m, x: left[i], y: up[i] }));
    },
    /** Rank correlation over the shown models in the statistics; over the selected ones if `within`, with an interval on request. */
    correlation(x = now.x[0], y = now.y[0], { apart = null, within = false, interval = false } = {}) {
      const rows = state.shown(x, y, apart).filter((m) => m.counted && (!within || now.models.includes(m.id)));
      const variables = (state.has("equal") ? [x, y, control] : [x, y]).map((k) => rows.map((m) => state.value(m.id, k)));
      return bvgx.stats.correlate(variables, interval ? rows.map((m) => m.family) : null, data.statistics);
    },
    setAxis: (axis, id) => change(() => (now[axis] = [id])),
    swap: () => change(() => {
      const flipped = { logx: "logy", logy: "logx" };
      [now.x, now.y, now.view] = [now.y, now.x, now.view.map((flag) => flipped[flag] || flag)];
    }),
    setView: (flag, on) => change(() => (now.view = on ? [...now.view, flag] : without(now.view, [flag]))),
    setGroups: (off) => change(() => (now.off = off)),
    leaveOut: (ids) => change(() => ([now.out, now.models] = [[...new Set([...now.out, ...ids])], without(now.models, ids)])),
    putBack: (ids) => change(() => (now.out = without(now.out, ids))),
    /** Select models; each is displayed, whatever was switched off or left out before. */
    select: (ids) => change(() => {
      now.models = [...new Set(ids)];
      now.out = without(now.out, ids);
      now.off = without(now.off, ids.map((id) => state.model(id).group));
    }),
    toggle: (id) => state.select(now.models.includes(id) ? without(now.models, [id]) : [...now.models, id]),
    /** Add models to the end of the selection; the last one's profile is displayed. */
    add: (ids) => state.select([...without(now.models, ids), ...ids]),
    /** Add models of the reader to the data, { model, values } each, or replace those of the same id. */
    join(rows, group) {
      for (const { model, values } of rows) {
        const at = models.get(model.id) ?? models.size;
        models.set(model.id, at);
        [data.models[at], data.values[at]] = [model, values];
      }
      if (!groups.has(group.id)) groups.set(group.id, data.groups.push(group) - 1);
      state.add(rows.map((row) => row.model.id));
    },
    reset: () => change(() => (now = start())),
    restore: () => read(location.hash),
    link: () => location.href.split("#")[0] + (written() ? `#${written()}` : ""),
  };
  return state;
};
