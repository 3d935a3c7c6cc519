"""The critical-band test: accuracy in narrow-band noise, and the spatial-frequency channel (Subramanian et al., 2023)."""

from __future__ import annotations

from dataclasses import dataclass

from bvg import kernels
from bvg.instruments.base import Condition, Instrument, numbers, setting
from bvg.results import channel


@dataclass(frozen=True)
class CriticalBand(Instrument):
    """Top-1 accuracy on grey images in narrow-band noise, and the channel fitted to it.

    Attributes:
        form: prefix of every variant, so that other forms of the test are not taken for the study's; empty for the study's.
        size: height and width of the images in pixels; they determine the octaves.
        noise_sds: five standard deviations, as fractions of the grey range: 0, then four of which each is twice the one
            before. The peak noise sensitivity is relative to them, so it is comparable only between runs with equal values.
        contrast: contrast of the grey images, in (0, 1].

    Raises:
        ValueError: `noise_sds` is not of this form.
    """

    form: str = ""
    size: int = 224
    noise_sds: tuple[float, ...] = setting(
        channel.NOISE_SDS, "standard deviations of the narrow-band noise: 0, then four, each twice the one before"
    )
    contrast: float = 0.2

    def __post_init__(self) -> None:
        noise_sds = numbers(self.noise_sds)
        if not channel.doubling(noise_sds):
            raise ValueError(
                f"expected `noise_sds` to be 0 and four more up to 1, each twice the one before, got {self.noise_sds}"
            )
        object.__setattr__(self, "noise_sds", noise_sds)

    @property
    def parameters(self):
        return {"noise_sds": self.noise_sds, "bands": self.bands, "contrast": self.contrast}

    @property
    def bands(self) -> int:
        """Number of octave bands at this image size."""
        return kernels.band_count(self.size, self.size)

    def condition(self, noise_sd: float, band: int) -> Condition:
        """Return the condition of a noise SD and band (one for all bands without noise)."""
        return self._condition(f"band-{band}" if noise_sd else "", noise_sd)

    def _condition(self, variant: str, level: float | None) -> Condition:
        return "critical-band", "-".join(filter(None, (self.form, variant))), level

    def _grid(self) -> dict[Condition, tuple[float, int]]:
        """Noise SD and band of each condition."""
        return {
            self.condition(sd, band): (sd, band) for sd in self.noise_sds for band in range(self.bands if sd else 1)
        }

    def conditions(self, variant="", level=""):
        return list(self._grid())

    def stimuli(self, images, index, seed, conditions):
        grid = self._grid()
        asked = {grid[condition]: condition for condition in conditions}
        for noise_sd, band, stimulus in kernels.critical_band_all(images, list(asked), seed, index, self.contrast):
            yield asked[noise_sd, band], stimulus

    def rows(self, counts):
        rows, notes = super().rows(counts)
        sums = [[counts[self.condition(sd, band)] for band in range(self.bands)] for sd in self.noise_sds]
        accuracy = [[one["top1"] / one["n"] for one in level] for level in sums]
        n = min(one["n"] for level in sums for one in level)
        for variant, relative in (("relative", True), ("raw", False)):
            condition = self._condition(variant, None)
            if relative and accuracy[0][0] == 0:
                notes.append(f"no {condition[1]} channel: no image was classified correctly even without noise")
                continue
            thresholds = channel.noise_thresholds(accuracy, relative)
            fit = channel.fit_channel(thresholds, kernels.band_centre(0, self.size))
            if fit.reason:
                notes.append(f"no {condition[1]} channel: {fit.reason}")
                continue
            rows += [
                (condition, metric, getattr(fit, metric), n)
                for metric in ("bandwidth", "center_frequency", "peak_noise_sensitivity")
            ]
        return rows, notes
