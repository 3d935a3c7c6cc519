// Stimuli as bvg.kernels makes them: low- and high-pass filters, noise of one octave, and the spectrum of an image.
window.bvgLab = {};

/** Four random words of a counter of four words and a key of two: Philox-4x32-10. */
bvgLab.philox = ([c0, c1, c2, c3], [k0, k1]) => {
  const high = (a, b) => { // upper 32 bits of the product of two words
    const low = (a >>> 16) * (b & 0xffff) + (((a & 0xffff) * (b & 0xffff)) >>> 16);
    return (a >>> 16) * (b >>> 16) + (low >>> 16) + (((a & 0xffff) * (b >>> 16) + (low & 0xffff)) >>> 16);
  };
  for (let round = 0; round < 10; round += 1) {
    const [first, second] = [high(c2, 0xcd9e8d57) ^ c1 ^ k0, high(c0, 0xd2511f53) ^ c3 ^ k1];
    [c0, c1, c2, c3] = [first >>> 0, Math.imul(c2, 0xcd9e8d57) >>> 0, second >>> 0, Math.imul(c0, 0xd2511f53) >>> 0];
    [k0, k1] = [(k0 + 0x9e3779b9) >>> 0, (k1 + 0xbb67ae85) >>> 0];
  }
  return [c0, c1, c2, c3];
};

/** `kiss`: KISS FFT; `data`: `size`, the sides of the images in pixels, and `noise`, constants of the critical band. */
bvgLab.createStimuli = (kiss, { size, noise }) => {
  const count = size * size;
  const [dims, input, output] = [8, 8 * count, 8 * count].map((bytes) => kiss._malloc(bytes));
  kiss.HEAP32.set([size, size], dims / 4);
  const [forward, inverse] = [0, 1].map((back) => kiss._kiss_fftnd_alloc(dims, 2, back, 0, 0));

  /** Transform a complex image: the real and imaginary part of each pixel are `parts(pixel, 0)` and `parts(pixel, 1)`. */
  function transform(plan, parts) {
    kiss.HEAPF32.set(new Float32Array(2 * count).map((_, i) => parts(i >> 1, i & 1)), input / 4);
    kiss._kiss_fftnd(plan, input, output);
    return kiss.HEAPF32.slice(output / 4, output / 4 + 2 * count);
  }

  /** Filter an image { planes: three channels in [0, 1], spectra: kept for the next filter }; see bvg.kernels.bandpass. */
  function bandpass(image, cutoff, kind) {
    const half = Math.trunc((kind === "low" ? cutoff : 1 - cutoff) * (size >> 1));
    const kept = Array.from({ length: size }, (_, k) => Number((k + half) % size < 2 * half));
    const mirrored = kept.map((_, k) => kept[(size - k) % size]);
    const weight = (y, x) => (kept[y] * kept[x] + mirrored[y] * mirrored[x]) / (2 * count);
    const weights = new Float32Array(count).map((_, pixel) => weight(Math.floor(pixel / size), pixel % size));
    // Two channels share a transform as its real and imaginary part, since the weights are real and symmetric.
    image.spectra ??= [0, 2].map((first) => transform(forward, (pixel, part) =>
      image.planes[(first + part) * count + pixel] ?? 0));
    const low = image.spectra.map((spectrum) => transform(inverse, (pixel, part) => spectrum[2 * pixel + part] * weights[pixel]));
    const passed = (i) => low[i < 2 * count ? 0 : 1][2 * (i % count) + (Math.floor(i / count) === 1 ? 1 : 0)];
    return image.planes.map((v, i) => Math.min(Math.max(kind === "low" ? passed(i) : v - passed(i), 0), 1));
  }

  /** Standard normal numbers of a stream, by Box and Muller. */
  function normal(index, stream) {
    const drawn = new Float64Array(count);
    for (let block = 0; block < count / 4; block += 1) {
      const words = bvgLab.philox([block, index, ...stream], noise.key);
      for (const pair of [0, 2]) {
        const [radius, angle] = [Math.sqrt(-2 * Math.log((words[pair] + 1) / 2 ** 32)), Math.PI * (words[pair + 1] / 2 ** 31)];
        drawn[(pair * count) / 4 + block] = radius * Math.cos(angle);
        drawn[((pair + 1) * count) / 4 + block] = radius * Math.sin(angle);
      }
    }
    return drawn;
  }

  /** Low-pass (1 4 6 4 1) / 16 along both sides of an n x n image, reflected about the outermost pixels. */
  function blur(image, n) {
    const at = (i) => (i < 0 ? -i : i < n ? i : 2 * (n - 1) - i);
    return [1, n].reduce((from, step) => from.map((v, pixel) => {
      const i = Math.floor(pixel / step) % n;
      const near = (k) => from[pixel + step * (at(i + k) - i)];
      return (near(-2) + near(2) + 4 * (near(-1) + near(1)) + 6 * v) / 16;
    }), image);
  }

  /** One level of the Laplacian pyramid of an n x n image, reconstructed alone; level 0 is the finest, the last what remains. */
  function octave(image, n, level, levels) {
    if (levels === 1) return image;
    const half = (n + 1) >> 1;
    const place = (pixel) => 2 * (Math.floor(pixel / half) * n + (pixel % half)); // of a pixel of the halved image
    const low = blur(image, n);
    const halved = new Float64Array(half * half).map((_, pixel) => low[place(pixel)]);
    const spread = new Float64Array(n * n);
    (level ? octave(halved, half, level - 1, levels - 1) : halved).forEach((v, pixel) => (spread[place(pixel)] = 4 * v));
    const doubled = blur(spread, n);
    return level ? doubled : image.map((v, i) => v - doubled[i]);
  }

  /** Put an image { bytes: RGBA }, grey and of low contrast, into noise; `stream` names it. See bvg.kernels.critical_band. */
  function criticalBand({ bytes }, sd, band, stream, index) {
    const grey = new Float64Array(count).map((_, i) =>
      (19595 * bytes[4 * i] + 38470 * bytes[4 * i + 1] + 7471 * bytes[4 * i + 2] + 32768) >> 16);
    const sum = (values) => values.reduce((total, v) => total + v, 0);
    const [white, mean] = [normal(index, stream), sum(grey) / count];
    const [finest, alone] = [0, noise.bands - 1 - band].map((level) => octave(white, size, level, noise.bands));
    const scale = sd * Math.sqrt(sum(finest.map((v) => v * v)) / sum(alone.map((v) => v * v)));
    const total = (i) => ((grey[i] - mean) * noise.contrast) / 255 + noise.mean + scale * alone[i];
    const within = (v) => (v < 0 ? noise.margin : v > 1 ? 1 - noise.margin : v);
    return new Float32Array(3 * count).map((_, i) => within(total(i % count)));
  }

  /** Logarithm of the amplitudes of an image's mean channel, about in [0, 1]; the lowest frequency is in the middle. */
  function spectrum(planes) {
    const sign = (pixel) => 1 - 2 * ((pixel + Math.floor(pixel / size)) % 2); // moves the lowest frequency into the middle
    const mean = (pixel) => (planes[pixel] + planes[pixel + count] + planes[pixel + 2 * count]) / 3;
    const found = transform(forward, (pixel, part) => (part ? 0 : sign(pixel) * mean(pixel)));
    return new Float32Array(count).map((_, k) => Math.log1p(Math.hypot(found[2 * k], found[2 * k + 1])) / Math.log1p(count / 4));
  }

  return { bandpass, criticalBand, spectrum };
};
