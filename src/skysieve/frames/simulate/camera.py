"""The telescope and camera that take a simulated frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Camera", "Detector"]

Detector = Literal["ccd", "nir"]
"""A CCD, or a near-infrared array, which reads each pixel in place without moving its charge."""


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A telescope and its camera. The defaults are a 1 m with a thick, deep-depleted CCD of 15 µm pixels.

    Attributes
    ----------
    detector
        Kind of detector.
    gain
        Electrons per ADU.
    read_noise
        Standard deviation of the read noise, in electrons.
    bias
        Bias level, in ADU.
    full_well
        Electrons that a pixel holds before it saturates.
    adc_maximum
        Largest value of the analogue-to-digital converter, in ADU.
    pixel_size
        Side of a pixel, in µm.
    pixel_scale
        Side of a pixel on the sky, in arcsec.
    thickness
        Thickness of the sensitive layer, in µm.
    diffusion
        Standard deviation of the lateral diffusion of charge that crosses the whole thickness, in µm.
    exposure
        Exposure time, in seconds.
    aperture
        Diameter of the telescope, in metres.
    obstruction
        Diameter of the secondary mirror, relative to the aperture.
    vanes
        Number of spider vanes that hold the secondary mirror; 0 for none.
    vane_width
        Width of a vane, in metres.
    bleed_axis
        Array axis along which a CCD is read and bleeds: 0 along columns, 1 along rows.
    """

    detector: Detector = "ccd"
    gain: float = 1.6
    read_noise: float = 5.0
    bias: float = 1000.0
    full_well: float = 98_000.0
    adc_maximum: int = 65_535
    pixel_size: float = 15.0
    pixel_scale: float = 0.4
    thickness: float = 200.0
    diffusion: float = 6.0
    exposure: float = 600.0
    aperture: float = 1.0
    obstruction: float = 0.35
    vanes: int = 4
    vane_width: float = 0.01
    bleed_axis: Literal[0, 1] = 0

    @property
    def saturation(self) -> float:
        """Value of a saturated pixel in ADU, bias included."""
        return min(self.bias + self.full_well / self.gain, float(self.adc_maximum))
