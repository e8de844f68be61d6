"""Ranges from which a recipe draws cameras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from skysieve.core.simulate.draws import Range, log_uniform, uniform
from skysieve.frames.simulate.camera import Camera, Detector

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["Cameras"]


@dataclass(frozen=True, kw_only=True)
class Cameras:
    """Ranges of telescopes and cameras. Two equal numbers fix a value.

    The defaults cover telescopes from 20 cm to 8 m, and thin, thick and near-infrared detectors.
    See :class:`~skysieve.frames.simulate.camera.Camera` for the meaning of each setting.

    Attributes
    ----------
    near_infrared
        Probability of a near-infrared array.
    rows
        Probability that a CCD is read along its rows.
    bits
        Bit depths of the converter, of which one is drawn.
    vane_width
        Width of a vane, relative to the aperture.
    """

    near_infrared: float = 0.2
    gain: Range = (0.3, 8.0)
    read_noise: Range = (1.5, 20.0)
    bias: Range = (50.0, 6000.0)
    full_well: Range = (2.5e4, 3e5)
    bits: tuple[int, ...] = (14, 15, 16, 16, 16, 18)
    pixel_size: Range = (6.0, 27.0)
    pixel_scale: Range = (0.1, 3.0)
    thickness: Range = (10.0, 300.0)
    diffusion: Range = (2.0, 9.0)
    exposure: Range = (2.0, 1800.0)
    aperture: Range = (0.2, 8.0)
    obstruction: Range = (0.15, 0.5)
    vanes: tuple[int, ...] = (0, 2, 3, 4, 4, 4, 4, 6)
    vane_width: Range = (0.003, 0.02)
    rows: float = 0.15

    def draw(self, rng: Generator) -> Camera:
        """Draw a camera; most ranges are log-uniform.

        Parameters
        ----------
        rng
            Random generator.

        Returns
        -------
        Camera
            The telescope and its camera.
        """
        near_infrared = rng.uniform() < self.near_infrared
        detector: Detector = "nir" if near_infrared else "ccd"
        axis: Literal[0, 1] = 1 if rng.uniform() < self.rows else 0
        gain = log_uniform(rng, self.gain)
        maximum = 2 ** int(rng.choice(np.array(self.bits))) - 1
        bias = min(log_uniform(rng, self.bias), 0.2 * maximum)
        aperture = log_uniform(rng, self.aperture)
        # The light-sensitive layer of HgCdTe is thin, whatever the thickness of the substrate
        thickness = log_uniform(rng, self.thickness)
        return Camera(
            detector=detector,
            gain=gain,
            read_noise=max(log_uniform(rng, self.read_noise), 0.3 * gain),
            bias=bias,
            full_well=log_uniform(rng, self.full_well),
            adc_maximum=maximum,
            pixel_size=log_uniform(rng, self.pixel_size),
            pixel_scale=log_uniform(rng, self.pixel_scale),
            thickness=min(thickness, 12.0) if near_infrared else thickness,
            diffusion=uniform(rng, self.diffusion),
            exposure=log_uniform(rng, self.exposure),
            aperture=aperture,
            obstruction=uniform(rng, self.obstruction),
            vanes=int(rng.choice(np.array(self.vanes))),
            vane_width=aperture * log_uniform(rng, self.vane_width),
            bleed_axis=axis,
        )
