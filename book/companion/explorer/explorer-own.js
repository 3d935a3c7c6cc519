// A model of the reader among the others: its scores, its neighbours, and what the others lead one to expect.
/** Evaluates what the notebook exported in `data.own`: formulas of the measures, and lines with their intervals. */
bvgx.createOwn = (data, state) => {
  "use strict";
  const { formulas, lines, biases, nearest: most } = data.own;
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  const mean = (values) => sum(values) / values.length;

  /** A model's value of each measure, from the rows of its table or from `given` values by measure; null where one is missing. */
  function score(rows, given = {}) {
    const key = (row) => [row.benchmark, row.variant, row.level === null ? "" : row.level.toFixed(6), row.metric].join("|");
    const at = new Map(rows.map((row) => [key(row), row]));
    const complete = (values, of) => (values.length && !values.includes(null) ? of(values) : null);
    const combine = (of) => (...parts) => complete(parts.map(evaluate), of);
    const OPERATIONS = {
      row: (name) => at.get(name)?.value ?? null,
      share: (name) => (at.get(name)?.n ? (100 * at.get(name).value) / at.get(name).n : null),
      every: (benchmark, metric) =>
        complete(rows.filter((r) => r.benchmark === benchmark && r.metric === metric).map((r) => r.value), mean),
      measure: (id) => given[id] ?? evaluate(formulas[id]),
      first: (...parts) => parts.map(evaluate).find((v) => v !== null) ?? null,
      mean: combine(mean),
      ratio: combine(([a, b]) => (b ? a / b : null)),
      rest: combine((values) => 100 - sum(values)),
    };
    const evaluate = ([operation, ...operands]) => OPERATIONS[operation](...operands);
    return data.measures.map((measure) => OPERATIONS.measure(measure.id));
  }

  /** The lines that a model has the features for, each with the predicted value and the ends of its interval. */
  function predict(id) {
    return lines.flatMap((line) => {
      const a = [1, ...line.columns.map((column) => state.value(id, column))];
      if (a.includes(null)) return [];
      const dot = (u) => sum(u.map((v, i) => v * a[i]));
      const [predicted, half] = [dot(line.coefficients), Math.sqrt(line.noise + dot(line.spread.map(dot)))];
      return [{ ...line, predicted, low: predicted - half, high: predicted + half }];
    });
  }

  /** The models in the statistics with the smallest mean distance of ranks, over the biases that both have. */
  function nearest(id) {
    const models = data.models.filter((m) => m.counted || m.id === id);
    const ranks = biases.map((bias) => {
      const given = models.filter((m) => state.value(m.id, bias) !== null);
      const rank = bvgx.stats.ranks(bvgx.stats.levels(given.map((m) => state.value(m.id, bias))), given.map(() => 1));
      return new Map(given.map((m, i) => [m.id, rank[i] / given.length]));
    });
    const both = (m) => ranks.filter((rank) => rank.has(id) && rank.has(m.id));
    const far = (m) => mean(both(m).map((rank) => Math.abs(rank.get(m.id) - rank.get(id))));
    return models.filter((m) => m.id !== id && both(m).length).sort((a, b) => far(a) - far(b)).slice(0, most);
  }

  return { score, predict, nearest };
};
