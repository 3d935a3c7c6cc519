// Scatter plots of the explorer, drawn as SVG: axes, marks, rings around selected models and their names.
/** One plot. `state` comes from bvgx.createState; `point(id, plot)` is called with the hovered model, or null. */
bvgx.createPlot = (state, point, how) => {
  "use strict";
  const { height, scale, main, settings } = how;
  const { h, svg, outline, exact, number, value, unit, axis, plural, listed, correlation } = bvgx.parts;
  const NAMED = 6; // most selected models that the main plot names
  const INK = "#222222";
  const LINE = "#555555";
  const font = (size) => ({ "font-size": size, "font-family": "system-ui, sans-serif", fill: INK });
  const drawing = h("div", { class: "bvgx-drawing", role: "img" });
  const tip = h("div", { class: "bvgx-tip", hidden: true });
  const box = h("div", { class: "bvgx-plot" }, drawing, tip);
  const ring = svg("circle", { fill: "none", stroke: LINE, "stroke-width": 1.4, "stroke-dasharray": "3 2", display: "none" });
  let pair = null; // x, y and the set of models
  let places = []; // of the models: { m, x, y } in pixels
  let values = []; // of the models: { m, x, y } on the axes

  const label = (text, attributes) => svg("text", attributes, text);
  const reach = (m, more = 0) => (m.mark.size * scale) / 2 + more;
  /** The selected models, and before these the one that is followed on every page. */
  const marked = () => [...new Set([window.bvgFollow?.id, ...state.selected])];
  const chosen = (m) => marked().includes(m.id);

  /** The lines and numbers of both axes. `left` and `bottom` are the corner of the axes, `right` and `top` their ends. */
  function axes(x, y, { left, right, top, bottom }) {
    const size = main ? 12 : 10.5;
    const line = (x1, y1, x2, y2, stroke) => svg("line", { x1, y1, x2, y2, stroke });
    const across = x.ticks.flatMap((t) => [
      line(x.at(t.value), top, x.at(t.value), bottom, "#e6e6e6"), line(x.at(t.value), bottom, x.at(t.value), bottom + 5, LINE),
      label(number(t.value, t.digits), { class: "bvgx-tick-x", x: x.at(t.value), y: bottom + 18, "text-anchor": "middle", ...font(size) }),
    ]);
    const upwards = y.ticks.flatMap((t) => [
      line(left, y.at(t.value), right, y.at(t.value), "#e6e6e6"), line(left - 5, y.at(t.value), left, y.at(t.value), LINE),
      label(number(t.value, t.digits), { class: "bvgx-tick-y", x: left - 8, y: y.at(t.value) + 4, "text-anchor": "end", ...font(size) }),
    ]);
    return [...across, ...upwards, line(left, bottom, right, bottom, LINE), line(left, top, left, bottom, LINE)];
  }

  /** The titles of both axes, smaller where they would be cut. */
  function titles([x, y], { left, right, top, bottom }) {
    if (!main) return [];
    const title = (measure, room) => {
      const text = state.has("equal") ? `${measure.plain}, residual rank` : axis(measure);
      return [text, { "text-anchor": "middle", ...font(Math.min(13, room / (0.56 * text.length))) }];
    };
    const [[below, styleX], [beside, styleY]] = [title(x, right - left), title(y, bottom - top + 30)];
    return [
      label(below, { class: "bvgx-title", x: (left + right) / 2, y: height - 6, ...styleX }),
      label(beside, { class: "bvgx-title", transform: `translate(13 ${(top + bottom) / 2}) rotate(-90)`, ...styleY }),
    ];
  }

  /** Marks, large ones below small ones, new and selected ones on top; each selected one with a ring. */
  function marks() {
    const rank = (m) => (chosen(m) ? 1000 : m.counted ? 0 : 500) - m.mark.size;
    const dim = places.some((p) => state.selected.includes(p.m.id));
    return [...places].sort((a, b) => rank(a.m) - rank(b.m)).map(({ m, x, y }) => {
      const on = chosen(m);
      const rings = on ? [svg("circle", { class: "bvgx-ring", r: reach(m, 4.5), fill: "none", stroke: "#000000", "stroke-width": 1.8 })] : [];
      const attributes = { "data-mark": m.id, transform: `translate(${x} ${y})`, opacity: dim && !on ? 0.4 : null };
      return svg("g", attributes, ...outline(m.mark, scale, 1.5 * scale ** 0.5), ...rings);
    });
  }

  /** Name the models selected last, where there is room. The picture must be in the page, since the names are measured. */
  function names(picture, { left, right, top, bottom }) {
    const last = marked().slice(-NAMED).reverse().flatMap((id) => places.filter((p) => p.m.id === id));
    const texts = last.map(({ m }) => label(m.name, { class: "bvgx-name", "font-weight": 600, ...font(12) }));
    picture.append(...texts);
    const wanted = last.map(({ m, x, y }, i) => ({ x, y, reach: reach(m, 5), width: texts[i].getComputedTextLength() + 4 }));
    const all = places.map(({ m, x, y }) => ({ x, y, reach: reach(m, chosen(m) ? 5 : 1) }));
    bvgx.labels.place(wanted, all, { left: left + 2, right, top, bottom }).forEach((found, i) => {
      if (!found) return texts[i].remove();
      for (const [key, v] of [["x", found.left + 2], ["y", found.top + 12]]) texts[i].setAttribute(key, v);
      if (!found.far) return;
      const from = { x: Math.max(found.left, Math.min(found.right, last[i].x)), y: last[i].y > found.bottom ? found.bottom : last[i].y < found.top ? found.top : last[i].y };
      const away = Math.hypot(from.x - last[i].x, from.y - last[i].y);
      const end = (k) => last[i][k] + ((from[k] - last[i][k]) * reach(last[i].m, 5)) / away;
      texts[i].before(svg("line", { x1: from.x, y1: from.y, x2: end("x"), y2: end("y"), stroke: LINE }));
    });
  }

  /** The plot in words. */
  function described() {
    const [x, y] = pair.slice(0, 2).map(state.measure);
    const range = (measure) => {
      const all = values.map(({ m }) => state.value(m.id, measure.id));
      return all.length ? ` (${exact(Math.min(...all), measure)} to ${exact(Math.max(...all), measure)}${unit(measure)})` : "";
    };
    const which = values.filter((v) => chosen(v.m)).map((v) => v.m.name);
    const some = which.length > NAMED ? plural(which.length, "model") : listed(which);
    const how = state.has("equal") ? "Residual ranks at equal ImageNet accuracy; partial Spearman’s" : "Spearman’s";
    return `Scatter plot of ${plural(values.length, "model")}: ${y.plain}${range(y)} against ${x.plain}${range(x)}. ` +
      `${how} ${correlation(state.correlation(pair[0], pair[1], { apart: pair[2] }), settings)}.${some ? ` Selected: ${some}.` : ""}`;
  }

  function render() {
    const width = box.clientWidth;
    if (!pair || !width) return;
    values = state.places(...pair);
    drawing.setAttribute("aria-label", described());
    const [xs, ys] = ["x", "y"].map((key) => values.map((v) => v[key]));
    const log = (key, of) => state.has(key) && !state.has("equal") && of.every((v) => v > 0);
    const [top, bottom] = [8, height - (main ? 46 : 26)];
    const y = bvgx.scale.create(ys, bottom, top, main ? 6 : 4, main && log("logy", ys));
    const long = Math.max(...y.ticks.map((t) => number(t.value, t.digits).length), 1);
    const [left, right] = [(main ? 24 : 4) + 12 + 7.2 * long, width - 10];
    const x = bvgx.scale.create(xs, left, right, Math.max(3, Math.min(main ? 8 : 4, width / 75)), log("logx", xs));
    places = values.map((v) => ({ m: v.m, x: x.at(v.x), y: y.at(v.y) }));
    const area = { left, right, top, bottom };
    const picture = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
      svg("rect", { width, height, fill: "#ffffff" }), ...axes(x, y, area), ...titles(pair.slice(0, 2).map(state.measure), area),
      ...marks(), ring);
    drawing.replaceChildren(picture);
    if (main) names(picture, area);
    plot.pointed(null);
  }

  /** Show a model's name and numbers beside its mark. */
  function name({ m, x, y }) {
    const lines = pair.slice(0, 2).map((k) => h("div", {}, `${state.measure(k).plain}: `, h("b", {}, value(state.value(m.id, k), state.measure(k)))));
    tip.replaceChildren(h("strong", {}, m.name), m.method ? h("div", {}, m.method) : "", ...lines);
    tip.hidden = false;
    tip.style.left = `${Math.max(0, Math.min(x + 14, box.clientWidth - tip.offsetWidth))}px`;
    const above = y - tip.offsetHeight - 14;
    tip.style.top = `${above > 0 ? above : y + 16}px`;
  }

  const plot = {
    box,
    render,
    get places() { return places; },
    get picture() { return drawing.firstElementChild; },
    /** Draw two measures, over one of two sets of models if `apart` is true or false. */
    draw(x, y, apart = null) {
      pair = [x, y, apart];
      render();
    },
    /** Ring the model that is hovered in any plot; name it if it is hovered in this one. */
    pointed(id, named) {
      const place = id && places.find((p) => p.m.id === id);
      ring.setAttribute("display", place ? "inline" : "none");
      tip.hidden = true;
      if (!place) return;
      for (const [key, v] of [["cx", place.x], ["cy", place.y], ["r", reach(place.m, 7)]]) ring.setAttribute(key, v);
      if (named) name(place);
    },
  };
  bvgx.listen(plot, state, point);
  let width = 0;
  new ResizeObserver(() => {
    if (width !== (width = box.clientWidth)) render();
  }).observe(box);
  return plot;
};
