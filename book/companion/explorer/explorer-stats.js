// Statistics of the explorer: Spearman's r, raw or given a control, its two-sided p and its bootstrap interval, as in
// companion.analysis.equal_accuracy (SciPy, NumPy).
// Own code because simple-statistics ignores ties, jStat's p (73 kB) is exact to 8 digits only, and @stdlib takes 137 kB.
window.bvgx = window.bvgx || {};

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

  /** Logarithm of the gamma function, x > 0: Stirling's series, with gamma(x + 1) = x gamma(x) for small x. */
  function logGamma(x) {
    let shift = 0;
    for (; x < 15; x++) shift += Math.log(x);
    const s = 1 / (x * x);
    const series = (1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * (1 / 1680 - s / 1188)))) / x;
    return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series - shift;
  }

  /** Continued fraction of the incomplete beta function (modified Lentz algorithm). */
  function fraction(a, b, x) {
    const away = (v) => (Math.abs(v) < 1e-300 ? 1e-300 : v); // avoid division by zero
    let c = 1;
    let d = 1 / away(1 - ((a + b) * x) / (a + 1));
    let value = d;
    for (let m = 1; m < 500; m++) {
      const terms = [
        (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
        (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
      ];
      let step = 1;
      for (const term of terms) {
        d = 1 / away(1 + term * d);
        c = away(1 + term / c);
        step = c * d;
        value *= step;
      }
      if (Math.abs(step - 1) < 1e-15) break;
    }
    return value;
  }

  /** Regularized incomplete beta function I_x(a, b). */
  function incompleteBeta(a, b, x) {
    if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
    const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
    // The fraction converges quickly on one side of the mean; symmetry gives the other side.
    return x < (a + 1) / (a + b + 2) ? (front * fraction(a, b, x)) / a : 1 - (front * fraction(b, a, 1 - x)) / b;
  }

  /** Two-sided p of a correlation r of n pairs: Student's t with n - 2 degrees of freedom, as a beta function of 1 - r². */
  const pValue = (r, n) => incompleteBeta((n - 2) / 2, 0.5, 1 - r * r);

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

  return { correlate, residuals, generator };
})();
