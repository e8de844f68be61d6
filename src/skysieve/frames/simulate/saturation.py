"""Saturated pixels: CCDs bleed along their columns, near-infrared arrays may lose the cores of stars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.simulate.draws import Range, uniform

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate.camera import Camera

__all__ = ["Saturation", "bleed"]


@dataclass(frozen=True, kw_only=True)
class Saturation:
    """Settings of saturated pixels.

    Attributes
    ----------
    share
        Fraction of the bleeding charge that moves towards the first row; the rest moves the other way.
    blooming_drain
        Probability that a CCD has anti-blooming drains between its columns, so that nothing bleeds.
    reset_core
        Probability that the brightest pixels of a near-infrared array, which is read twice, are zero: both
        reads are full, and their difference vanishes.
    """

    share: Range = (0.3, 0.7)
    blooming_drain: float = 0.12
    reset_core: float = 0.6

    def apply(
        self, charge: NDArray[np.float32], rng: Generator, camera: Camera
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return the charge that the detector holds, and the saturated pixels.

        Parameters
        ----------
        charge
            ``(H, W)`` float32, electrons freed by light and particles.
        rng
            Random generator.
        camera
            Gives the kind of detector, its full well, and the axis along which a CCD bleeds.

        Returns
        -------
        held : numpy.ndarray
            Electrons ``(H, W)`` float32.
        saturated : numpy.ndarray
            ``(H, W)`` bool, pixels that are full, received bleeding charge, or were reset: the truth of SAT.
        """
        share = uniform(rng, self.share)
        special = rng.uniform()
        if camera.detector == "nir":
            held = np.minimum(charge, camera.full_well)
            full = charge >= camera.full_well
            if special < self.reset_core:
                # Full before the first read, after a fifth to a hundredth of the exposure
                reset = charge > camera.full_well * 10 ** rng.uniform(0.7, 2)
                held = np.where(reset, np.float32(0), held)
            return held, full
        if special < self.blooming_drain:
            return np.minimum(charge, camera.full_well), charge >= camera.full_well
        if camera.bleed_axis == 1:
            held, touched = bleed(charge.T, camera.full_well, share=share)
            return np.ascontiguousarray(held.T), np.ascontiguousarray(touched.T)
        return bleed(charge, camera.full_well, share=share)


def bleed(
    charge: NDArray[np.float32], full_well: float, *, share: float = 0.5
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Let charge above the full well bleed along the columns.

    Channel stops keep charge within its column. The excess moves from pixel to pixel along the column and
    fills each; charge that reaches the edge is lost (Janesick 2001, Scientific Charge-Coupled Devices,
    chapter 4).

    Parameters
    ----------
    charge
        ``(H, W)`` float32, electrons.
    full_well
        Electrons that a pixel can hold.
    share
        Fraction of the excess that moves towards the first row.

    Returns
    -------
    held : numpy.ndarray
        Charge ``(H, W)`` float32, nowhere above the full well.
    touched : numpy.ndarray
        ``(H, W)`` bool, pixels that are full or received bleeding charge.
    """
    held = np.minimum(charge, np.float32(full_well))
    touched = charge > full_well
    columns = np.flatnonzero(touched.any(axis=0))
    if columns.size:
        excess = (charge[:, columns] - held[:, columns]).astype(np.float64)
        filled = held[:, columns].astype(np.float64)
        for part, order in ((1 - share, slice(None)), (share, slice(None, None, -1))):
            # A pixel passes on incoming plus excess charge less its free capacity, if positive.
            # That recursion equals the running sum minus its running minimum.
            net = part * excess[order] - (full_well - filled[order])
            total = np.cumsum(net, axis=0)
            spilled = total - np.minimum(np.minimum.accumulate(total, axis=0), 0)
            arrived = np.zeros_like(spilled)
            arrived[1:] = spilled[:-1]
            filled[order] += part * excess[order] + arrived - spilled
            touched[:, columns] |= (arrived > 0)[order]
        held[:, columns] = filled
    return held, touched
