"""The stimuli of the laboratory's page, in Chromium, against the kernels: words bit for bit, images to half a grey level."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
import pytest
import torch
from companion import stimuli
from companion.laboratory.settings import NOISE_LEVELS
from PIL import Image

from bvg import kernels
from bvg.kernels import randomness

HALF_LEVEL = 1 / 510

# Gives functions of the page's scripts the stored photograph `name`, as the page itself reads it.
MAKE = """async ([name, what, ...given]) => {
  const data = JSON.parse(document.getElementById("bvg-laboratory-data").textContent);
  const made = bvgLab.createStimuli(await KissFFT(), data);
  const image = Object.assign(new Image(), { src: data.pictures[name] });
  await image.decode();
  const pen = Object.assign(document.createElement("canvas"), { width: 224, height: 224 }).getContext("2d");
  pen.drawImage(image, 0, 0);
  const bytes = pen.getImageData(0, 0, 224, 224).data;
  const planes = new Float32Array(3 * 224 * 224).map((_, i) => bytes[4 * (i % 50176) + Math.floor(i / 50176)] / 255);
  if (what === "planes") return [...planes];
  if (what === "bandpass") return [...made.bandpass({ planes }, ...given)];
  const [sd, band, index] = given;
  return [...made.criticalBand({ bytes }, data.noise.sds[sd], band, data.noise.streams[band][sd], index)];
}"""
CANVAS = """(name) => [...document.querySelector(`[data-shows=${name}]`).getContext("2d").getImageData(0, 0, 224, 224).data]"""


def stored(lab, name: str = "chelsea") -> torch.Tensor:
    """A photograph as the page stores it, float32 [1, 3, 224, 224] in [0, 1]."""
    file = BytesIO(base64.b64decode(lab.data["pictures"][name].partition(",")[2]))
    pixels = np.asarray(Image.open(file).convert("RGB"), dtype=np.float32) / 255
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]


@pytest.fixture(scope="module")
def page(browser, address):
    page = browser.new_page()
    page.goto(address)
    page.wait_for_selector("#bvg-laboratory[data-key]")
    yield page
    page.close()


def made(page, *what) -> torch.Tensor:
    return torch.tensor(page.evaluate(MAKE, list(what)), dtype=torch.float32).reshape(1, 3, 224, 224)


def test_random_words_equal_those_of_the_kernels_bit_for_bit(page):
    rng = np.random.default_rng(5)
    counters = [*rng.integers(0, 2**32, (200, 4)).tolist(), [0] * 4, [2**32 - 1] * 4]
    keys = [*rng.integers(0, 2**32, (200, 2)).tolist(), [0] * 2, [2**32 - 1] * 2]
    found = page.evaluate("([counters, keys]) => counters.map((c, i) => bvgLab.philox(c, keys[i]))", [counters, keys])
    for counter, key, words in zip(counters, keys, found, strict=True):
        expected = randomness.philox([torch.tensor(word) for word in counter], tuple(key))
        assert words == [int(word) for word in expected]


def test_the_page_reads_the_stored_photographs_without_a_change(page, lab):
    for name in stimuli.PHOTOGRAPHS:
        assert torch.equal(made(page, name, "planes"), stored(lab, name))
        assert (
            np.abs(stored(lab, name)[0].permute(1, 2, 0).numpy() - stimuli.photograph(name)).max() <= HALF_LEVEL + 1e-6
        )


@pytest.mark.parametrize("kind", ["low", "high"])
@pytest.mark.parametrize("cutoff", [0.01, 0.07, 0.18, 0.29, 0.5, 0.58, 0.93, 0.99])
def test_filters_equal_the_kernels_to_half_a_grey_level(page, lab, kind, cutoff):
    expected = kernels.bandpass(stored(lab), cutoff, kind)
    assert (made(page, "chelsea", "bandpass", cutoff, kind) - expected).abs().max() < HALF_LEVEL / 100


@pytest.mark.parametrize("band", range(7))
@pytest.mark.parametrize(("sd", "index"), [(0, 0), (2, 3), (6, 7), (8, 0)])
def test_noise_of_seed_and_index_equals_the_kernels_to_half_a_grey_level(page, lab, band, sd, index):
    expected = kernels.critical_band(stored(lab), NOISE_LEVELS[sd], band, 0, [index])
    found = made(page, "chelsea", "noise", sd, band, index)
    assert (found - expected).abs().max() < HALF_LEVEL / 4
    if sd:
        other = kernels.critical_band(stored(lab), NOISE_LEVELS[sd], band, 0, [index + 1])
        assert (found - other).abs().max() > 4 * HALF_LEVEL, "another index gives other noise"


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("#kind=low&cutoff=0.18", lambda photo: kernels.bandpass(photo, 0.18, "low")),
        ("#kind=high&cutoff=0.93&picture=coffee", lambda photo: kernels.bandpass(photo, 0.93, "high")),
        ("#mode=noise&band=4&sd=6&sample=5", lambda photo: kernels.critical_band(photo, 0.08, 4, 0, [5])),
        ("#mode=noise&band=0&sd=0", lambda photo: kernels.critical_band(photo, 0, 0)),
    ],
)
def test_the_canvas_shows_what_the_kernels_make_and_its_spectrum(visit, lab, setting, expected):
    page = visit(setting)
    stimulus = expected(stored(lab, "coffee" if "coffee" in setting else "chelsea"))[0].permute(1, 2, 0).numpy()
    seen = np.array(page.evaluate(CANVAS, "seen")).reshape(224, 224, 4)[..., :3]
    assert np.abs(seen - 255 * stimulus).max() <= 0.5 + 255 * HALF_LEVEL / 4
    amplitude = np.abs(np.fft.fftshift(np.fft.fft2(stimulus.mean(axis=2))))
    shown = 255 * (np.log1p(amplitude) / np.log1p(224 * 224 / 4)).clip(0, 1)
    spectrum = np.array(page.evaluate(CANVAS, "spectrum")).reshape(224, 224, 4)[..., 0]
    assert np.abs(spectrum - shown).max() <= 1


def test_a_high_pass_can_be_brightened_for_the_eye(visit, lab):
    page = visit("#kind=high&cutoff=0.5&view=bright")
    filtered = kernels.bandpass(stored(lab), 0.5, "high")[0].permute(1, 2, 0).numpy()
    seen = np.array(page.evaluate(CANVAS, "seen")).reshape(224, 224, 4)[..., :3]
    assert np.abs(seen - 255 * stimuli.brightened(filtered)).max() <= 2
    page.get_by_label("Picture", exact=True).select_option("plain")
    page.wait_for_function("() => location.hash.includes('view=plain')")
    page.evaluate("() => new Promise(requestAnimationFrame)")
    seen = np.array(page.evaluate(CANVAS, "seen")).reshape(224, 224, 4)[..., :3]
    assert np.abs(seen - 255 * filtered).max() <= 1
