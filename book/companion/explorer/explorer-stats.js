// Statistics of the explorer: Spearman's r, raw or given a control, its two-sided p and its bootstrap interval, as in
// companion.analysis.equal_accuracy (SciPy, NumPy).
// Own code because simple-statistics ignores ties, jStat's p (73 kB) is exact to 8 digits only, and @stdlib takes 137 kB.
window.bvgx = {}; // the explorer: this script is loaded first, and every script adds its part

bvgx.stats = (() => {
  "use strict";
  const sum = (values) => values.reduce((a, b) => a + b, 0);

  /** Levels of values: 0 for the lowest; equal values share one. */
  function levels(values) {
    const sorted = [...new Set(values)].sort((a, b) => a - b);
    const level = new Map(sorted.map((v, i) => [v, i]));
    return values.map((v) => level.get(v));
  }

  /** Mean ranks from 1, from levels, if each row occurs `counts` times. A row that does not occur gets the rank it would take. */
  function ranks(level, counts) {
    const many = new Array(Math.max(0, ...level) + 1).fill(0);
    level.forEach((l, i) => (many[l] += counts[i]));
    let below = 0;
    const rank = many.map((n) => (below += n) - (n - 1) / 2);
    return level.map((l) => rank[l]);
  }

  /** Values minus their mean, if each occurs `counts` times. */
  function centred(values, counts) {
    const mean = sum(values.map((v, i) => v * counts[i])) / sum(counts);
    return values.map((v) => v - mean);
  }

  const product = (x, y, counts) => sum(x.map((v, i) => v * y[i] * counts[i]));
  const bounded = (r) => Math.max(-1, Math.min(1, r)); // keeps NaN

  /** Spearman's r of two variables, given a third one if there are three, from their levels; NaN if it is not defined. */
  function rankCorrelation(variables, counts) {
    const [x, y, z] = variables.map((v) => centred(ranks(v, counts), counts));
    const r = (a, b) => bounded(product(a, b, counts) / Math.sqrt(product(a, a, counts) * product(b, b, counts)));
    if (!z) return r(x, y);
    const [xz, yz] = [r(x, z), r(y, z)];
    const left = (1 - xz ** 2) * (1 - yz ** 2);
    return left > 1e-12 ? bounded((r(x, y) - xz * yz) / Math.sqrt(left)) : NaN;
  }

  /** Residual ranks: ranks without their linear dependence on the ranks of a control, fitted to rows with a count of 1, not 0. */
  function residuals(values, control, counts) {
    const [y, z] = [values, control].map((v) => centred(ranks(levels(v), counts), counts));
    const slope = product(y, z, counts) / product(z, z, counts) || 0;
    return y.map((v, i) => v - slope * z[i]);
  }

  /** Random numbers in [0, 1) from a seed: mulberry32. */
  function generator(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  /** Quantile of sorted values, interpolated linearly. */
  function quantile(sorted, q) {
    const at = q * (sorted.length - 1);
    const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
    return low + (high - low) * (at - Math.floor(at));
  }

  /** Percentile bootstrap interval of the rank correlation; whole families are resampled. Nulls if it is not defined. */
  function interval(variables, families, { alpha, replicates, seed, fewest, fewestFamilies }) {
    const names = [...new Set(families)];
    if (names.length < fewestFamilies) return [null, null];
    const [family, random] = [families.map((f) => names.indexOf(f)), generator(seed)];
    const drawn = Array.from({ length: replicates }, () => {
      const times = new Array(names.length).fill(0);
      for (const _ of names) times[Math.floor(random() * names.length)]++;
      const counts = family.map((f) => times[f]);
      return sum(counts) < fewest ? NaN : rankCorrelation(variables, counts);
    });
    const defined = drawn.filter((r) => !Number.isNaN(r)).sort((a, b) => a - b);
    if (defined.length < replicates / 2) return [null, null];
    return [alpha / 2, 1 - alpha / 2].map((q) => quantile(defined, q));
  }

  /**
   * Two-sided p of a correlation r of n pairs: Student's t with n - 2 degrees of freedom, as the regularized incomplete beta
   * function I_x(n / 2 - 1, 1 / 2) of x = 1 - r². Its series has only positive terms, and I_x(a, b) = 1 - I_(1 - x)(b, a).
   */
  function pValue(r, n) {
    const half = n / 2 - 1;
    let beta = n % 2 ? Math.PI : 2; // B(a, 1/2), from a = 1/2 or a = 1 up to a = half
    for (let a = n % 2 ? 0.5 : 1; a < half; a++) beta *= a / (a + 0.5);
    const x = 1 - r * r;
    const part = (a, b, y) => {
      let [term, total] = [1, 1];
      for (let k = 0; term > 1e-17 * total; k++) total += term *= (y * (a + b + k)) / (a + 1 + k);
      return (total * y ** a * (1 - y) ** b) / (a * beta);
    };
    return x < (half + 1) / (half + 2.5) ? part(half, 0.5, x) : 1 - part(0.5, half, r * r);
  }

  const constant = (v) => Math.max(...v) - Math.min(...v) <= 1e-12 * Math.max(...v.map(Math.abs));

  /**
   * Rank correlation of two variables, given a third one if there are three: { r, p, n, low, high, families }. What is not
   * defined is null. `families` names each row's family; without it there is no interval.
   */
  function correlate(variables, families, settings) {
    const n = variables[0].length;
    const none = { r: null, p: null, n, low: null, high: null, families: new Set(families).size };
    if (n < settings.fewest || variables.some(constant)) return none;
    const level = variables.map(levels);
    const r = rankCorrelation(level, new Array(n).fill(1));
    if (Number.isNaN(r)) return none;
    const [low, high] = families ? interval(level, families, settings) : [null, null];
    return { ...none, r, p: pValue(r, n + 2 - variables.length), low, high }; // a control takes one degree of freedom
  }

  return { correlate, residuals, generator, levels, ranks };
})();
