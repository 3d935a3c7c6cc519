// Tables of results: a click or a key on a header sorts the rows, and buttons above a table with verdicts choose which to show.
"use strict";

(() => {
  const FEWEST = 5; // rows from which sorting helps
  const text = new Intl.Collator("en", { numeric: true });

  function make(name, content, values = {}) {
    const element = document.createElement(name);
    element.append(...[].concat(content));
    Object.entries(values).forEach(([key, value]) => element.setAttribute(key, value));
    return element;
  }

  /** The first number of a cell; NaN for a note that there is none, as in "n.s.". */
  function number(cell) {
    const found = cell.textContent.replace(/,(?=\d{3})/g, "").replace(/−/g, "-").match(/-?\d+(\.\d+)?(e[-+]?\d+)?/);
    return found ? Number(found[0]) : NaN;
  }

  function compare(a, b, numeric) {
    if (!numeric) return text.compare(a.textContent.trim(), b.textContent.trim());
    const [x, y] = [number(a), number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? 0 : x - y;
  }

  /** Sort the rows by one column. Cells without a number and rows that sum up the others stay last. */
  function sort(table, rows, column, direction) {
    const numeric = table.tHead.rows[0].cells[column].classList.contains("text-right");
    const last = (row) => row.classList.contains("bvg-summary") * 2 + (numeric && Number.isNaN(number(row.cells[column])));
    const sign = direction === "descending" ? -1 : 1;
    const sorted = direction === "none" ? rows
      : [...rows].sort((a, b) => last(a) - last(b) || sign * compare(a.cells[column], b.cells[column], numeric));
    table.tBodies[0].append(...sorted);
  }

  /** Put a button into each header: first click ascending, second descending, third the order of the page. */
  function sortable(table) {
    const rows = [...table.tBodies[0].rows];
    const headers = [...table.tHead.rows[0].cells];
    const next = { none: "ascending", ascending: "descending", descending: "none" };
    headers.forEach((header, column) => {
      header.setAttribute("aria-sort", "none");
      const button = make("button", [...header.childNodes], { type: "button", class: "bvg-sort" });
      header.append(button);
      button.addEventListener("click", () => {
        const direction = next[header.getAttribute("aria-sort")];
        headers.forEach((other) => other.setAttribute("aria-sort", other === header ? direction : "none"));
        sort(table, rows, column, direction);
      });
    });
  }

  /** Buttons that show the rows with one verdict, or all. */
  function filterable(table) {
    const rows = [...table.tBodies[0].rows];
    const verdict = (row) => row.querySelector(".bvg-verdict").textContent;
    const kinds = [...new Set(rows.map(verdict))];
    if (kinds.length < 2) return;
    const choices = ["all", ...kinds].map((kind) => {
      const count = kind === "all" ? rows.length : rows.filter((row) => verdict(row) === kind).length;
      const button = make("button", `${kind} (${count})`, { type: "button", "aria-pressed": kind === "all" });
      button.addEventListener("click", () => {
        choices.forEach((other) => other.setAttribute("aria-pressed", other === button));
        rows.forEach((row) => { row.hidden = kind !== "all" && verdict(row) !== kind; });
      });
      return button;
    });
    const bar = make("div", choices, { class: "bvg-filter", role: "group", "aria-label": "Claims to show" });
    (table.closest(".pst-scrollable-table-container") ?? table).before(bar);
  }

  function start() {
    for (const table of document.querySelectorAll("table.bvg-table")) {
      if (table.tBodies[0].rows.length >= FEWEST) sortable(table);
      if ([...table.tBodies[0].rows].every((row) => row.querySelectorAll(".bvg-verdict").length === 1)) filterable(table);
    }
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
