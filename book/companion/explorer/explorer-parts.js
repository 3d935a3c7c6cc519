// Small parts of the explorer: HTML and SVG elements, marks, formatted numbers.
bvgx.parts = (() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";

  function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
    }
    node.append(...children.filter((c) => c !== null && c !== undefined));
    return node;
  }

  /** An HTML element; children that are strings become text. */
  const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

  /** The outline of a model's mark around (0, 0), with lines of `line` pixels. */
  function outline(drawn, scale = 1, line = 1.5) {
    const size = (drawn.size / 2) * scale;
    const style = { stroke: drawn.stroke, "stroke-width": line / size, "stroke-linejoin": "round", transform: `scale(${size})` };
    const halves = drawn.alt ? [svg("path", { d: drawn.alt, fill: "#ffffff", ...style })] : [];
    return [...halves, svg("path", { d: drawn.path, fill: drawn.fill, "fill-opacity": drawn.opacity, ...style })];
  }

  /** A model's mark as a small image, as large as in the main plot. */
  function mark(drawn, box = 22) {
    const attributes = { class: "bvgx-mark", width: box, height: box, viewBox: `${-box / 2} ${-box / 2} ${box} ${box}` };
    return svg("svg", { ...attributes, "aria-hidden": "true" }, ...outline(drawn));
  }

  const number = (value, digits = 2) => value.toFixed(digits).replace(/^-(?=[0.]*$)/, "").replace("-", "−");
  const unit = (measure) => (measure.unit === "%" ? "\u00a0%" : measure.unit ? `\u00a0${measure.unit}` : "");
  /** A measure's value: high-frequency bias with three significant digits, since most models lie between 0.00 and 0.02. */
  const exact = (v, measure) => {
    const small = measure.id === "high_frequency" && v !== 0 && Math.abs(v) < 1;
    return number(v, small ? 2 - Math.floor(Math.log10(Math.abs(v))) : 2);
  };
  const value = (v, measure) => (v === null ? "not measured" : exact(v, measure) + unit(measure));
  const plural = (n, one, many) => `${n}\u00a0${n === 1 ? one : many || one + "s"}`;
  const listed = (names) => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);

  /** A measure's name for an axis, with its unit. */
  const axis = (measure) => (measure.unit ? `${measure.plain} [${measure.unit}]` : measure.plain);

  /** p with three decimals, or with a power of ten if these would be 0.000. */
  function probability(p) {
    if (p >= 0.0005) return `p\u00a0=\u00a0${number(p, 3)}`;
    if (p === 0) return "p\u00a0=\u00a00";
    const [digits, power] = p.toExponential(1).split("e-");
    return `p\u00a0=\u00a0${digits}\u00a0×\u00a010⁻${[...power].map((d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]).join("")}`;
  }

  const FEW = new Map([[0, "no family"], [1, "one family"], [2, "two families"], [3, "three families"], [4, "four families"]]);

  /** "95 % interval −0.92 to −0.43 (25 families resampled)", or why there is none. */
  function interval(c, settings) {
    if (c.r === null) return "";
    if (c.low !== null) {
      const level = Number((100 * (1 - settings.alpha)).toFixed(3));
      return `${level}\u00a0% interval ${number(c.low)}\u00a0to\u00a0${number(c.high)} (${plural(c.families, "family", "families")} resampled)`;
    }
    const few = c.families < settings.fewestFamilies;
    return `no interval: ${few ? `the models come from ${FEW.get(c.families) || plural(c.families, "family", "families")}` : "too few resamples have an r"}`;
  }

  /** "r = −0.756, p = 0.003, n = 48 models", or why r is not defined. */
  function correlation(c, settings) {
    const n = `n\u00a0=\u00a0${plural(c.n, "model")}`;
    if (c.r !== null) return `r\u00a0=\u00a0${number(c.r, 3)}, ${probability(c.p)}, ${n}`;
    const few = c.n < settings.fewest;
    return `r is not defined: ${n}, ${few ? `fewer than ${settings.fewest}` : "and a measure does not vary or has the order of ImageNet top-1"}`;
  }

  const ordinal = (n) => {
    const last = n % 100;
    const end = last > 10 && last < 14 ? "th" : ["th", "st", "nd", "rd"][n % 10] || "th";
    return `${n}${end}`;
  };

  return { h, svg, outline, mark, number, exact, value, unit, plural, listed, axis, correlation, interval, ordinal };
})();
