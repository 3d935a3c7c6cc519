// Labels of the explorer's plots: places for names beside marks where they cover neither a mark nor another name.
bvgx.labels = (() => {
  "use strict";
  const HEIGHT = 16; // of a name, pixels
  const STEPS = [6, 18, 32, 48, 66, 86, 110]; // gaps between mark and name, nearest first
  const WAYS = [[1, 0], [-1, 0], [0, -1], [0, 1], [1, -1], [-1, -1], [1, 1], [-1, 1]];
  const apart = (a, b) => a.right < b.left || a.left > b.right || a.bottom < b.top || a.top > b.bottom;

  /**
   * Place names. `wanted` holds { x, y, reach, width } of each: its mark's centre and half size, and the name's width in pixels;
   * `marks` holds { x, y, reach } of all marks; `area` is the box to stay in. Returns for each the box { left, right, top,
   * bottom } and whether it needs a line to its mark (`far`), or null where there is no room.
   */
  function place(wanted, marks, area) {
    const taken = marks.map(({ x, y, reach }) => ({ left: x - reach, right: x + reach, top: y - reach, bottom: y + reach }));
    return wanted.map(({ x, y, reach, width }) => {
      for (const gap of STEPS) {
        for (const [dx, dy] of WAYS) {
          const far = reach + gap;
          const centre = { x: x + dx * (far + width / 2), y: y + dy * (far + HEIGHT / 2) };
          if (dy && dx) centre.x -= dx * far; // diagonal: above or below, to one side
          const box = {
            left: centre.x - width / 2, right: centre.x + width / 2, top: centre.y - HEIGHT / 2, bottom: centre.y + HEIGHT / 2,
          };
          const inside = box.left >= area.left && box.right <= area.right && box.top >= area.top && box.bottom <= area.bottom;
          if (!inside || !taken.every((t) => apart(t, box))) continue;
          taken.push(box);
          return { ...box, far: gap > STEPS[0] };
        }
      }
      return null;
    });
  }

  return { place };
})();
