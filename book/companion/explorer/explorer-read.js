// Reads a results table of the reader (CSV) by the rules of bvg.results, and rejects a wrong one in its words.
/** A table that bvg.results would reject; the message says why. */
bvgx.Rejected = class extends Error {};

/** The rows of a results table. `schema` holds rules and sentences, recorded from Python (companion.explorer.rules). */
bvgx.readTable = (text, name, schema) => {
  "use strict";
  const NUMBER = /^\s*[-+]?(\d+\.?\d*|\.\d+|inf)(e[-+]?\d+)?\s*$/i;
  const words = schema.sentences;
  const said = (sentence, given) => words[sentence].replace(/\{(\w+)\}/g, (_, word) => given[word]);
  const fail = (sentence, given) => { throw new bvgx.Rejected(said(sentence, { name, ...given })); };

  /** The cells of a CSV file, row by row, without blank lines. */
  function cells() {
    const rows = [[""]];
    let quoted = false;
    for (const [part] of text.replace(/^\ufeff/, "").matchAll(/""|[",]|\r?\n|[^",\r\n]+/g)) {
      const row = rows.at(-1);
      if (part === '"') quoted = !quoted;
      else if (part === '""') row.push(row.pop() + (quoted ? '"' : ""));
      else if (quoted || /[^,\r\n]/.test(part)) row.push(row.pop() + part);
      else if (part === ",") row.push("");
      else rows.push([""]);
    }
    return rows.filter((row) => row.length > 1 || row[0].trim());
  }

  const quote = (v) => (v.includes("'") && !v.includes('"') ? `"${v}"` : `'${v.replace(/[\\']/g, "\\$&")}'`); // as Python does
  const float = (v) => (Number.isInteger(v) ? `${v}.0` : String(v).replace("Infinity", "inf"));
  const written = (v) => (v === null ? words.nothing : typeof v === "string" ? quote(v) : float(v));

  if (text.slice(0, 1000).includes("\0")) fail("binary");
  if (text.trimStart().startsWith("<")) fail("html");
  const [head, ...body] = cells();
  if (!head) fail("empty");
  const long = body.findIndex((row) => row.length > head.length);
  if (long >= 0) fail(long ? "longer" : "long", { fields: head.length, line: long + 2, found: body[long].length });
  if (!body.length) fail("blank");
  const without = (list, others) => list.filter((c) => !others.includes(c)).join(", ") || words.none;
  const [missing, unknown] = [without(schema.columns, head), without(head, schema.columns)];
  if (missing !== words.none || unknown !== words.none) fail("columns", { missing, unknown });
  const rows = body.map((row) => Object.fromEntries(head.map((column, i) => [column, row[i] ?? ""])));

  function reject(column, bad, reason) {
    const found = rows.filter(bad);
    if (!found.length) return;
    const [row, more] = [found[0], found.length > 1 ? said("more", { count: found.length - 1 }) : ""];
    const what = schema.key.filter((k) => row[k] !== "" && row[k] !== null).map((k) => `${k}=${written(row[k])}`).join(", ");
    fail("row", { row: rows.indexOf(row) + 1, column, field: written(row[column]), reason, more, what });
  }

  for (const column of ["level", "value", "n"]) {
    const empty = column === "value" ? ["", "nan", "NaN"] : [""];
    reject(column, (row) => /^(true|false)$/i.test(row[column]), words.number);
    reject(column, (row) => !empty.includes(row[column]) && !NUMBER.test(row[column]), words.number);
    for (const row of rows) row[column] = empty.includes(row[column]) ? null : Number(row[column].replace(/inf/i, "Infinity"));
  }
  const TESTS = {
    in: (v, list) => list.includes(v),
    out: (v, list) => !list.includes(v),
    like: (v, pattern) => new RegExp(`^(${pattern})$`).test(v),
    within: (v, [low, high]) => v !== null && v >= low && v <= high,
    most: (v, other, row) => row[other] === null || v <= row[other],
    whole: Number.isInteger,
  };
  const passes = (row, tests) => tests.every(([field, test, than]) => TESTS[test](row[field], than, row));
  for (const { column, when, then, reason } of schema.rules) {
    reject(column, (row) => passes(row, when) && !passes(row, then), reason);
  }
  const seen = new Set();
  reject("model", (row) => seen.size === seen.add(JSON.stringify(schema.key.map((k) => row[k]))).size, words.repeat);
  for (const metric of ["top1", "top5"]) {
    const values = rows.filter((row) => row.metric === metric && schema.ordinary.includes(row.benchmark)).map((row) => row.value);
    const most = Number(Math.max(...values).toPrecision(4));
    if (values.length && most <= 1) fail("fractions", { metric, most, count: values.length });
  }
  return rows;
};
