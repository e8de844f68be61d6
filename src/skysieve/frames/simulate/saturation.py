"""Pixels that are full: CCDs spill along their columns, near-infrared arrays lose their cores."""

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
    """How full pixels look.

    Attributes
    ----------
    share
        Part of the spilled charge that goes towards the first row; the rest goes the other way.
    blooming_drain
        Chance that a CCD has drains between its columns, so that nothing spills.
    reset_core
        Chance that the fullest pixels of a near-infrared array, read twice, come out as zero: the first
        read is full already, and the difference is nothing.
    """

    share: Range = (0.3, 0.7)
    blooming_drain: float = 0.12
    reset_core: float = 0.6

    def apply(
        self, charge: NDArray[np.float32], rng: Generator, camera: Camera
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return what the detector holds of the charge, and the pixels that are saturated.

        Parameters
        ----------
        charge
            ``(H, W)`` electrons that light and particles freed.
        rng
            Source of randomness.
        camera
            Gives the kind of detector, its full well, and the axis along which a CCD spills.

        Returns
        -------
        tuple
            Electrons held ``(H, W)``, and the pixels ``(H, W)`` that are full, took spilled charge, or
            were reset: the truth of the class SAT.
        """
        share = uniform(rng, self.share)
        special = rng.uniform()
        if camera.detector == "nir":
            held = np.minimum(charge, camera.full_well)
            full = charge >= camera.full_well
            if special < self.reset_core:
                # Full before the first read is over: a tenth to a hundredth of the exposure
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
    """Let charge above the full well spill along the columns.

    Channel stops keep charge within its column: it spills along the column alone, from pixel to pixel, and
    fills each; what reaches the edge is lost (Janesick 2001, Scientific Charge-Coupled Devices, chapter 4).

    Parameters
    ----------
    charge
        ``(H, W)`` electrons.
    full_well
        Electrons that a pixel can hold.
    share
        Part of the excess that spills towards the first row.

    Returns
    -------
    tuple
        The charge ``(H, W)``, none above the full well, and the pixels ``(H, W)`` that are full or took
        spilled charge.
    """
    held = np.minimum(charge, np.float32(full_well))
    touched = charge > full_well
    columns = np.flatnonzero(touched.any(axis=0))
    if columns.size:
        excess = (charge[:, columns] - held[:, columns]).astype(np.float64)
        filled = held[:, columns].astype(np.float64)
        for part, order in ((1 - share, slice(None)), (share, slice(None, None, -1))):
            # What moves on from a pixel is what came, and is freed, less the room there: never negative.
            # Such a sum is the running sum less its least value so far.
            net = part * excess[order] - (full_well - filled[order])
            total = np.cumsum(net, axis=0)
            spilled = total - np.minimum(np.minimum.accumulate(total, axis=0), 0)
            arrived = np.zeros_like(spilled)
            arrived[1:] = spilled[:-1]
            filled[order] += part * excess[order] + arrived - spilled
            touched[:, columns] |= (arrived > 0)[order]
        held[:, columns] = filled
    return held, touched
