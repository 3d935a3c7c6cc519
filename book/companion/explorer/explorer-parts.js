// Small parts of the explorer: HTML elements, marks, formatted numbers.
window.bvgx = window.bvgx || {};

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

  /** A model's mark as a small image, as large as in the main plot. */
  function mark(drawn, box = 22) {
    const scale = drawn.size / 2;
    const style = { stroke: drawn.stroke, "stroke-width": 1.5 / scale, "stroke-linejoin": "round" };
    const halves = drawn.alt ? [svg("path", { d: drawn.alt, fill: "#ffffff", ...style })] : [];
    const main = svg("path", { d: drawn.path, fill: drawn.fill, "fill-opacity": drawn.opacity, ...style });
    const attributes = { class: "bvgx-mark", width: box, height: box, viewBox: `${-box / 2} ${-box / 2} ${box} ${box}` };
    return svg("svg", { ...attributes, "aria-hidden": "true" },
      svg("g", { transform: `scale(${scale})` }, ...halves, main));
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
    if (p >= 0.0005) return `p = ${number(p, 3)}`;
    if (p === 0) return "p = 0";
    const [digits, power] = p.toExponential(1).split("e-");
    return `p = ${digits} × 10⁻${[...power].map((d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]).join("")}`;
  }

  /** "r = −0.756, p = 0.003, n = 48 models", or why r is not defined. */
  function correlation(c) {
    const n = `n = ${plural(c.n, "model")}`;
    if (c.r !== null) return `r = ${number(c.r, 3)}, ${probability(c.p)}, ${n}`;
    const few = c.n < bvgx.stats.FEWEST;
    return `r is not defined: ${n}, ${few ? `fewer than ${bvgx.stats.FEWEST}` : "and one of the two measures does not vary"}`;
  }

  const ordinal = (n) => {
    const last = n % 100;
    const end = last > 10 && last < 14 ? "th" : ["th", "st", "nd", "rd"][n % 10] || "th";
    return `${n}${end}`;
  };

  return { h, mark, number, exact, value, unit, plural, listed, axis, correlation, ordinal };
})();
