"""The camera that a simulated frame is taken with."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Camera"]


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A CCD camera: the defaults are those of a thick, deep-depleted CCD of 15 µm pixels.

    Attributes
    ----------
    gain
        Electrons per ADU.
    read_noise
        Standard deviation of the noise of the read-out, in electrons.
    bias
        Level that the electronics add, in ADU.
    full_well
        Electrons that a pixel holds before they spill along its column.
    adc_maximum
        Largest value that the converter can write, in ADU.
    pixel_size
        Side of a pixel, in µm.
    thickness
        Thickness of the sensitive silicon, in µm.
    diffusion
        Standard deviation of the sideways drift of charge that crosses the whole thickness, in µm.
    exposure
        Length of the exposure, in seconds.
    """

    gain: float = 1.6
    read_noise: float = 5.0
    bias: float = 1000.0
    full_well: float = 98_000.0
    adc_maximum: int = 65_535
    pixel_size: float = 15.0
    thickness: float = 200.0
    diffusion: float = 6.0
    exposure: float = 600.0

    @property
    def saturation(self) -> float:
        """Value of a full pixel in ADU, bias included."""
        return min(self.bias + self.full_well / self.gain, float(self.adc_maximum))
