// The stimulus laboratory: draws what a model sees and its spectrum, and looks up where the models fall at that setting.
window.KissFFT?.().then(async (kiss) => {
  const root = document.getElementById("bvg-laboratory");
  const data = JSON.parse(document.getElementById("bvg-laboratory-data").textContent);
  const [form, said] = [root.querySelector("form"), root.querySelector("[role=status]")];
  const { size, noise } = data;
  const [count, stimuli, pictures] = [size * size, bvgLab.createStimuli(kiss, data), new Map()];
  const [chosen, number] = [(name) => form.elements[name].value, (name) => Number(chosen(name))];

  /** Keep the central square of an image, at the size that the models see, as { bytes, planes }. */
  function add(id, image) {
    const pen = Object.assign(document.createElement("canvas"), { width: size, height: size }).getContext("2d");
    const side = Math.min(image.width, image.height);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(image, (image.width - side) / 2, (image.height - side) / 2, side, side, 0, 0, size, size);
    const bytes = pen.getImageData(0, 0, size, size).data;
    const planes = new Float32Array(3 * count).map((_, i) => bytes[4 * (i % count) + Math.floor(i / count)] / 255);
    pictures.set(id, { bytes, planes });
  }

  /** Paint an image of one or three channels. */
  function paint(name, planes, brightness = 1) {
    const pixels = new Uint8ClampedArray(4 * count).map((_, i) =>
      (i % 4 === 3 ? 255 : 255 * brightness * planes[((i % 4) * count + (i >> 2)) % planes.length]));
    root.querySelector(`[data-shows=${name}]`).getContext("2d").putImageData(new ImageData(pixels, size), 0, 0);
  }

  /** For each kind of stimulus: the key of its setting, and what a model sees. */
  const kinds = {
    filter: (picture) => [`${chosen("kind")}-${number("cutoff")}`, stimuli.bandpass(picture, number("cutoff"), chosen("kind"))],
    noise: (picture, [band, sd, index] = ["band", "sd", "sample"].map(number)) => [`noise-${band}-${sd}`,
      stimuli.criticalBand(picture, noise.sds[sd], band, noise.streams[band][sd], index)],
    cues: () => ["cues", pictures.get(`mix-${chosen("mix")}`).planes],
  };
  let waiting = 0;
  const redraw = () => { waiting ||= requestAnimationFrame(draw); };
  function draw() {
    waiting = 0;
    const [key, planes] = kinds[chosen("mode")](pictures.get(chosen("picture")));
    const bright = chosen("mode") === "filter" && chosen("view") === "bright";
    paint("seen", planes, bright ? 1 / planes.slice().sort()[Math.floor(0.999 * planes.length)] : 1);
    paint("spectrum", stimuli.spectrum(planes));
    for (const slider of form.querySelectorAll("[type=range]")) {
      slider.ariaValueText = data.labels[slider.name][slider.value] ?? Number(slider.value).toFixed(2);
      slider.nextElementSibling.textContent = slider.ariaValueText;
    }
    const { places, median, text } = data.settings[key];
    root.querySelectorAll("[data-at]").forEach((mark, i) =>
      Object.assign(mark.style, { translate: `${places[i]}px`, display: places[i] === null ? "none" : "" }));
    Object.assign(root.dataset, { mode: chosen("mode"), key, median });
    said.textContent = text;
  }

  /** Take the setting from the address. */
  function restore() {
    for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
      const field = form.elements[name];
      if (field && [...(field.options ?? [{ value }])].some((o) => o.value === value && !o.disabled)) field.value = value;
    }
    redraw();
  }

  const own = (file) => createImageBitmap(file).then((image) => {
    add("own", image);
    form.elements.picture.lastElementChild.disabled = false;
    form.elements.picture.value = "own";
    redraw();
  }, () => { said.textContent = `Expected an image, got ${file.name}: choose a JPEG, PNG or WebP file.`; });
  form.addEventListener("input", redraw);
  form.addEventListener("change", ({ target }) => {
    if (target.files?.length) own(target.files[0]);
    const state = [...new FormData(form)].filter(([, value]) => typeof value === "string");
    history.replaceState(null, "", `#${new URLSearchParams(state)}`);
  });
  window.addEventListener("hashchange", restore);
  await Promise.all(Object.entries(data.pictures).map(async ([id, src]) => {
    const image = Object.assign(new Image(), { src });
    await image.decode();
    add(id, image);
  }));
  root.hidden = false;
  if (location.hash.includes("=")) root.scrollIntoView(); // a shared setting
  restore();
});
