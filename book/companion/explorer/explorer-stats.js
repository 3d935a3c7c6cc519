// Statistics of the explorer: ranks, Spearman's r and its two-sided p, as in bvg.results.correlation (SciPy).
// Own code because simple-statistics ignores ties, jStat's p (73 kB) is exact to 8 digits only, and @stdlib takes 137 kB.
window.bvgx = window.bvgx || {};

bvgx.stats = (() => {
  "use strict";
  const FEWEST = 4; // models that a correlation needs, as in bvg.results.correlation

  /** Ranks from 1, lowest first; equal values share their mean rank. */
  function ranks(values) {
    const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
    const out = new Array(values.length);
    for (let i = 0; i < order.length; ) {
      let j = i;
      while (j + 1 < order.length && values[order[j + 1]] === values[order[i]]) j++;
      for (let k = i; k <= j; k++) out[order[k]] = (i + j) / 2 + 1;
      i = j + 1;
    }
    return out;
  }

  /** Pearson's r of two arrays of equal length. */
  function pearson(x, y) {
    const mean = (v) => v.reduce((a, b) => a + b, 0) / v.length;
    const [mx, my] = [mean(x), mean(y)];
    let [xy, xx, yy] = [0, 0, 0];
    x.forEach((v, i) => {
      xy += (v - mx) * (y[i] - my);
      xx += (v - mx) ** 2;
      yy += (y[i] - my) ** 2;
    });
    return Math.max(-1, Math.min(1, xy / Math.sqrt(xx * yy)));
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

  /** Spearman's r, p and n of pairs [x, y]; r and p are null if they are not defined. */
  function spearman(pairs) {
    const n = pairs.length;
    const [x, y] = [0, 1].map((k) => pairs.map((pair) => pair[k]));
    if (n < FEWEST || constant(x) || constant(y)) return { r: null, p: null, n };
    const r = pearson(ranks(x), ranks(y));
    return { r, p: pValue(r, n), n };
  }

  return { FEWEST, ranks, spearman, incompleteBeta };
})();
