// What the explorer hands out of the current view: its address, its numbers as CSV, its picture as PNG.
/** Buttons for the view in `plots()`, a list of { plot, apart, title }; `say` reports to the reader. */
bvgx.createDownloads = (state, plots, say) => {
  "use strict";
  const { h, svg } = bvgx.parts;
  const WIDTH = 960; // most pixels of a line of plots in the picture
  const SHARP = 2; // image pixels per pixel of the page

  function save(content, ending) {
    const name = `explorer-${state.x}-${state.y}`.replace(/[^\w-]+/g, "-");
    const address = URL.createObjectURL(content);
    h("a", { href: address, download: `${name}.${ending}` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  /** One row per displayed model; at equal accuracy with its residual ranks. Numbers at full precision. */
  function table() {
    const [equal, apart] = [state.has("equal"), state.has("apart")];
    const head = ["model", "name", "group", ...(apart ? ["set"] : []), "in_statistics", "selected", state.x, state.y];
    if (equal) head.push(`${state.x}_residual_rank`, `${state.y}_residual_rank`);
    const rows = plots().flatMap((p) => state.places(state.x, state.y, p.apart).map(({ m, x, y }) => [
      m.id, m.name, m.groupName, ...(apart ? [p.apart ? "apart" : "other"] : []), m.counted, state.selected.includes(m.id),
      state.value(m.id, state.x), state.value(m.id, state.y), ...(equal ? [x, y] : []),
    ]));
    const cell = (v) => (/[",\n]/.test(v) ? `"${String(v).replaceAll('"', '""')}"` : v);
    return [head, ...rows].map((row) => `${row.map(cell).join(",")}\n`).join("");
  }

  /** The plots below each other, each under its title with r, p, n and interval. */
  function picture() {
    const text = { "font-family": "system-ui, sans-serif", fill: "#222222", x: 8 };
    let down = 0;
    let width = 0;
    const parts = plots().flatMap(({ plot, title }) => {
      const own = plot.picture.cloneNode(true);
      own.setAttribute("y", down + 46);
      const [across, high] = [Number(own.getAttribute("width")), Number(own.getAttribute("height"))];
      const [first, ...rest] = title().split(": ");
      const lines = [svg("text", { ...text, y: down + 20, "font-size": 14, "font-weight": 600 }, first),
        svg("text", { ...text, y: down + 38, "font-size": 12 }, rest.join(": "))];
      down += high + 46;
      width = Math.max(width, across, Math.min(WIDTH, 6.6 * title().length));
      return [...lines, own];
    });
    return svg("svg", { xmlns: "http://www.w3.org/2000/svg", width, height: down, viewBox: `0 0 ${width} ${down}` },
      svg("rect", { width, height: down, fill: "#ffffff" }), ...parts);
  }

  async function image() {
    const drawn = picture();
    const source = new Image();
    source.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(drawn))}`;
    await source.decode();
    const canvas = h("canvas", {});
    [canvas.width, canvas.height] = ["width", "height"].map((key) => SHARP * Number(drawn.getAttribute(key)));
    canvas.getContext("2d").drawImage(source, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => save(blob, "png"), "image/png");
  }

  async function copy() {
    const link = state.link();
    try {
      await navigator.clipboard.writeText(link);
      say("Link copied.");
    } catch {
      say(`Copy this address: ${link}`); // browsers may forbid it, some for local files
    }
  }

  const button = (text, onclick) => h("button", { type: "button", onclick }, text);
  const share = location.protocol === "about:" ? null : button("Copy link to this view", copy);
  return [share, button("Download CSV", () => save(new Blob([table()], { type: "text/csv" }), "csv")), button("Download PNG", image)];
};
