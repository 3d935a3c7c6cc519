// Scales of the explorer's plots: from values to pixels, linear or logarithmic, with round ticks.
bvgx.scale = (() => {
  "use strict";

  /** Round numbers within [low, high], about `count` of them. */
  function linear(low, high, count) {
    const rough = (high - low) / count;
    const power = Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((k) => k * 10 ** power).find((s) => s >= rough * 0.75);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const first = Math.ceil(low / step - 1e-9);
    const last = Math.floor(high / step + 1e-9);
    return Array.from({ length: last - first + 1 }, (_, i) => ({ value: (first + i) * step, digits }));
  }

  /** Powers of ten within [low, high], with 2 and 5 times these if they fit; linear ticks if the range is narrow. */
  function logarithmic(low, high, count) {
    const powers = [];
    for (let p = Math.floor(Math.log10(low)); p <= Math.log10(high); p++) powers.push(p);
    const of = (steps) => powers.flatMap((p) => steps.map((k) => ({ value: k * 10 ** p, digits: Math.max(0, -p) })))
      .filter((t) => t.value >= low && t.value <= high);
    const [every, few] = [of([1, 2, 5]), of([1])];
    if (every.length < 3) return linear(low, high, count);
    return every.length <= count + 2 ? every : few.length > 1 ? few : every;
  }

  /** A scale of values over the pixels from..to: { at(value) -> pixel, ticks: [{ value, digits }] }. */
  function create(values, from, to, count, log) {
    const warp = log ? Math.log10 : (v) => v;
    const [low, high] = values.length ? [Math.min(...values), Math.max(...values)].map(warp) : [0, 1];
    const room = 0.06 * (high - low || Math.abs(high) || 1);
    const [first, last] = [low - room, high + room];
    const ticks = log ? logarithmic(10 ** first, 10 ** last, count) : linear(first, last, count);
    return { at: (v) => from + ((warp(v) - first) / (last - first)) * (to - from), ticks };
  }

  return { create };
})();
