// The pointer over the explorer's plots: hovering names a model, a click or tap selects it, dragging selects several.
/** Listen to the pointer over a plot. `point(id, plot)` is called with the hovered model, or null. */
bvgx.listen = (plot, state, point) => {
  "use strict";
  const NEAR = 24; // distance in pixels within which the pointer hits a model
  const { box } = plot;
  const brush = bvgx.parts.h("div", { class: "bvgx-brush", hidden: true });
  box.append(brush);
  let from = null;
  let dragging = false;

  function nearest([x, y]) {
    const found = plot.places.map((p) => ({ id: p.m.id, far: Math.hypot(p.x - x, p.y - y) })).sort((a, b) => a.far - b.far)[0];
    return found && found.far <= NEAR ? found.id : null;
  }

  const own = (event) => {
    const outer = box.getBoundingClientRect();
    return [event.clientX - outer.left, event.clientY - outer.top];
  };
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
    } else if (!from) point(nearest(to), plot);
  });
  box.addEventListener("pointerup", (event) => {
    if (!from) return;
    const [to, was] = [own(event), dragging];
    const [[left, right], [top, bottom]] = corners(to);
    stop();
    if (was) {
      const within = plot.places.filter((p) => p.x >= left && p.x <= right && p.y >= top && p.y <= bottom);
      state.select(within.map((p) => p.m.id));
    } else {
      const id = nearest(to);
      if (id) state.toggle(id);
      point(id, plot);
    }
  });
  box.addEventListener("pointercancel", stop);
  // After a tap the pointer leaves at once: keep the name until the next tap.
  box.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && !dragging && point(null, plot));
};
