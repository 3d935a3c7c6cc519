// Scatter plots of the explorer, drawn by Vega-Lite: hover to name a model, click or tap to select it, drag to select several.
window.bvgx = window.bvgx || {};

/** One plot. `state` comes from bvgx.createState; `point(id)` is called with the hovered model, or null. */
bvgx.createPlot = (state, point, how) => {
  "use strict";
  const { height, scale, main } = how;
  const { h, exact, value, unit, axis, plural, listed, correlation } = bvgx.parts;
  const NEAR = 24; // distance in pixels within which the pointer hits a model
  const NAMED = 6; // most selected models that the main plot names
  const inner = h("div", { "aria-hidden": "true" }); // the drawing has one description, not one per mark
  const drawing = h("div", { class: "bvgx-drawing", role: "img" }, inner);
  const tip = h("div", { class: "bvgx-tip", hidden: true });
  const brush = h("div", { class: "bvgx-brush", hidden: true });
  const box = h("div", { class: "bvgx-plot" }, drawing, brush, tip);
  let view = null;
  let places = []; // positions of the models in pixels, within the box
  let turn = 0; // number of the latest drawing
  let queue = Promise.resolve();
  let pair = [];

  /** Lowest and highest value with a margin. */
  function domain(values) {
    const [low, high] = values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
    const room = 0.06 * (high - low || Math.abs(high) || 1);
    return [low - room, high + room];
  }

  /** Rows for Vega: both halves of each mark; large marks lie below small ones, new and selected ones on top. */
  function points() {
    const rank = (m) => (state.selected.includes(m.id) ? 1000 : m.counted ? 0 : 500) - m.mark.size;
    const rows = state.shown(...pair).sort((a, b) => rank(a) - rank(b));
    const dim = rows.some((m) => state.selected.includes(m.id));
    return rows.flatMap((m) => {
      const { path, alt, fill, stroke, opacity, size } = m.mark;
      const row = { ...at(m), stroke, area: (size * scale) ** 2, strength: dim && !state.selected.includes(m.id) ? 0.4 : 1 };
      const halves = alt ? [{ ...row, path: alt, fill: "#ffffff", opacity: 1 }] : [];
      return [...halves, { ...row, path, fill, opacity }];
    });
  }

  const at = (m) => ({ x: state.value(m.id, pair[0]), y: state.value(m.id, pair[1]) });
  const area = (m, more) => (m.mark.size * scale * 1.15 + more) ** 2;
  const chosen = () => state.shown(...pair).filter((m) => state.selected.includes(m.id));
  const rings = () => chosen().map((m) => ({ ...at(m), area: area(m, 7) }));

  /** Names of the models selected last, beside their marks, unless a name would cover another one. */
  function names() {
    if (!main) return [];
    const rows = state.shown(...pair).map(at);
    const pixels = (key, size) => {
      const [low, high] = domain(rows.map((r) => r[key]));
      return (v) => ((v - low) / (high - low)) * size;
    };
    const [across, upwards] = [pixels("x", box.clientWidth - 60), pixels("y", height - 50)]; // approximate size without the axes
    const taken = [];
    const free = (r) => r.left > -10 && r.right < box.clientWidth - 50 &&
      taken.every((t) => r.right < t.left || r.left > t.right || Math.abs(r.y - t.y) > 16);
    const last = chosen().filter((m) => state.selected.slice(-NAMED).includes(m.id));
    last.sort((a, b) => state.selected.indexOf(b.id) - state.selected.indexOf(a.id));
    return last.flatMap((m) => {
      const [x, y, long] = [across(at(m).x), upwards(at(m).y), 7.5 * m.name.length + 16];
      const sides = [{ align: "left", left: x, right: x + long, y }, { align: "right", left: x - long, right: x, y }];
      const side = sides.find(free);
      if (side) taken.push(side);
      return side ? [{ ...at(m), name: m.name, align: side.align }] : [];
    });
  }

  function specification() {
    const shown = state.shown(...pair).map(at);
    const field = (name, title, ticks) => ({
      field: name, type: "quantitative", scale: { domain: domain(shown.map((r) => r[name])), nice: false, zero: false },
      axis: { title, tickCount: ticks },
    });
    const plain = (name, type = "nominal") => ({ field: name, type, scale: null });
    const [x, y] = pair.map(state.measure);
    const texts = (side, style) => ({
      data: { name: "names" }, transform: [{ filter: `datum.align === "${side}"` }],
      mark: { type: "text", align: side, baseline: "middle", dx: side === "left" ? 16 : -16, fontSize: 12, fontWeight: 600, ...style },
      encoding: { text: { field: "name" } },
    });
    const halo = { stroke: "white", strokeWidth: 4, strokeJoin: "round", opacity: 0.85 };
    return {
      width: "container", height, autosize: { type: "fit", contains: "padding" }, background: "white",
      padding: { left: 4, right: 10, top: 6, bottom: 4 },
      datasets: { points: points(), rings: rings(), pointed: [], names: names() },
      encoding: { x: field("x", main ? axis(x) : null, main ? 7 : 4), y: field("y", main ? axis(y) : null, main ? 7 : 4) },
      layer: [
        { data: { name: "points" }, mark: { type: "point", filled: true, strokeJoin: "round", strokeWidth: 1.5 * scale ** 0.5, opacity: 1 },
          encoding: { shape: plain("path"), fill: plain("fill"), stroke: plain("stroke"), size: plain("area", "quantitative"),
            fillOpacity: plain("opacity", "quantitative"), opacity: plain("strength", "quantitative") } },
        { data: { name: "rings" }, mark: { type: "point", filled: false, stroke: "black", strokeWidth: 1.8, opacity: 1 },
          encoding: { size: plain("area", "quantitative") } },
        { data: { name: "pointed" }, mark: { type: "point", filled: false, stroke: "#555555", strokeWidth: 1.4, strokeDash: [3, 2], opacity: 1 },
          encoding: { size: plain("area", "quantitative") } },
        ...(main ? ["left", "right"].flatMap((side) => [texts(side, halo), texts(side, { color: "#111111" })]) : []),
      ],
      config: {
        aria: false, font: "system-ui, sans-serif", view: { stroke: null },
        axis: { gridColor: "#e6e6e6", domainColor: "#555555", tickColor: "#555555", labelColor: "#222222", titleColor: "#222222",
          labelFontSize: main ? 12 : 10.5, titleFontSize: 13, titleFontWeight: 500, titlePadding: 8 },
      },
    };
  }

  /** The plot in words. */
  function described() {
    const [x, y] = pair.map(state.measure);
    const rows = state.shown(...pair).map(at);
    const range = (name, m) => {
      const values = rows.map((r) => r[name]);
      return values.length ? ` (${exact(Math.min(...values), m)} to ${exact(Math.max(...values), m)}${unit(m)})` : "";
    };
    const which = chosen().map((m) => m.name);
    const some = which.length > NAMED ? plural(which.length, "model") : listed(which);
    return `Scatter plot of ${plural(rows.length, "model")}: ${y.plain}${range("y", y)} against ${x.plain}${range("x", x)}. ` +
      `Spearman’s ${correlation(state.correlation(...pair))}.${some ? ` Selected: ${some}.` : ""}`;
  }

  /** Find the positions of the models in pixels at the current size. */
  function measure() {
    const picture = drawing.querySelector("svg");
    if (!view || !picture) return;
    const [seen, outer] = [picture.getBoundingClientRect(), box.getBoundingClientRect()];
    const shrunk = seen.width / Number(picture.getAttribute("width"));
    const [origin, padding] = [view.origin(), view.padding()];
    const across = (v) => seen.left - outer.left + (padding.left + origin[0] + view.scale("x")(v)) * shrunk;
    const down = (v) => seen.top - outer.top + (padding.top + origin[1] + view.scale("y")(v)) * shrunk;
    places = state.shown(...pair).map((m) => ({ id: m.id, x: across(at(m).x), y: down(at(m).y) }));
  }

  function nearest(x, y) {
    measure();
    const found = places.map((p) => ({ ...p, far: Math.hypot(p.x - x, p.y - y) })).sort((a, b) => a.far - b.far)[0];
    return found && found.far <= NEAR ? found.id : null;
  }

  /** Show a model's name and numbers beside its mark; null hides them. */
  function name(id) {
    const place = places.find((p) => p.id === id);
    tip.hidden = !place;
    if (!place) return;
    const m = state.model(id);
    const lines = pair.map((k) => h("div", {}, `${state.measure(k).plain}: `, h("b", {}, value(state.value(id, k), state.measure(k)))));
    tip.replaceChildren(h("strong", {}, m.name), m.method ? h("div", {}, m.method) : "", ...lines);
    const width = box.clientWidth;
    tip.style.left = `${Math.max(0, Math.min(place.x + 14, width - tip.offsetWidth))}px`;
    const above = place.y - tip.offsetHeight - 14;
    tip.style.top = `${above > 0 ? above : place.y + 16}px`;
  }

  const own = (event) => {
    const outer = box.getBoundingClientRect();
    return [event.clientX - outer.left, event.clientY - outer.top];
  };

  /** Hovering names a model, a tap or click selects or deselects it, dragging selects the models within. */
  function listen() {
    let from = null;
    let dragging = false;
    const corners = ([x, y]) => [[from[0], x], [from[1], y]].map((v) => [Math.min(...v), Math.max(...v)]);
    const stop = () => {
      [from, dragging, brush.hidden] = [null, false, true];
    };
    box.addEventListener("pointerdown", (event) => {
      if (event.button === 0) from = own(event);
    });
    box.addEventListener("pointermove", (event) => {
      const to = own(event);
      if (from && (dragging || Math.hypot(to[0] - from[0], to[1] - from[1]) > 6)) {
        if (!dragging) box.setPointerCapture(event.pointerId);
        [dragging, brush.hidden] = [true, false];
        const [[left, right], [top, bottom]] = corners(to);
        Object.assign(brush.style, { left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` });
        point(null, plot);
      } else if (!from) point(nearest(...to), plot);
    });
    box.addEventListener("pointerup", (event) => {
      if (!from) return;
      measure();
      const [to, was] = [own(event), dragging];
      const [[left, right], [top, bottom]] = corners(to);
      stop();
      if (was) {
        const within = places.filter((p) => p.x >= left && p.x <= right && p.y >= top && p.y <= bottom);
        state.select(within.map((p) => p.id));
      } else {
        const id = nearest(...to);
        if (id) state.toggle(id);
        point(id, plot);
      }
    });
    box.addEventListener("pointercancel", stop);
    // After a tap the pointer leaves at once: keep the name until the next tap.
    box.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && !dragging && point(null, plot));
  }

  const plot = {
    box,
    /** Draw two measures, after a drawing that is still running. */
    draw(x, y) {
      pair = [x, y];
      drawing.setAttribute("aria-label", described());
      const mine = ++turn;
      queue = queue.then(async () => {
        if (mine !== turn) return; // a newer one is waiting
        const old = view;
        const options = { actions: false, renderer: "svg", tooltip: false, mode: "vega-lite" };
        view = (await vegaEmbed(inner, specification(), options)).view;
        if (old) old.finalize();
      });
      return queue;
    },
    /** Update the plot after a new selection. */
    async mark() {
      drawing.setAttribute("aria-label", described());
      if (!view) return;
      view.data("points", points()).data("rings", rings());
      if (main) view.data("names", names());
      await view.runAsync();
    },
    /** Ring the model that is hovered in any plot; name it if it is hovered in this one. */
    async pointed(id, named) {
      if (!view) return;
      const m = id && state.shown(...pair).find((s) => s.id === id);
      measure();
      name(named && m ? id : null);
      await view.data("pointed", m ? [{ ...at(m), area: area(m, 12) }] : []).runAsync();
    },
  };
  listen();
  return plot;
};
