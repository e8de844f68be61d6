"""From the charge in the pixels to the numbers in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.simulate.camera import Camera

__all__ = ["bleed", "read_out"]


def bleed(charge: NDArray[np.float32], full_well: float) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Let charge above the full well spill along the columns, half of it each way.

    Channel stops keep charge within its column: it spills along the column alone, from pixel to pixel, and
    fills each; what reaches the edge is lost (Janesick 2001, Scientific Charge-Coupled Devices, chapter 4).

    Parameters
    ----------
    charge
        ``(H, W)`` electrons.
    full_well
        Electrons that a pixel can hold.

    Returns
    -------
    tuple
        The charge ``(H, W)``, none above the full well, and the pixels ``(H, W)`` that are full or took
        spilled charge.
    """
    held = np.minimum(charge, full_well)
    touched = charge > full_well
    columns = np.flatnonzero(touched.any(axis=0))
    excess = (charge - held)[:, columns] / 2
    column_held = held[:, columns]
    column_touched = touched[:, columns]
    height = charge.shape[0]
    for rows in (range(height), range(height - 1, -1, -1)):
        spilled = np.zeros(columns.size, np.float32)
        for row in rows:
            column_touched[row] |= spilled > 0
            total = column_held[row] + spilled
            column_held[row] = np.minimum(total, full_well)
            spilled = total - column_held[row] + excess[row]
    held[:, columns] = column_held
    touched[:, columns] = column_touched
    return held, touched


def read_out(
    charge: NDArray[np.float32], rng: Generator, camera: Camera, *, overscan: int, digitise: bool
) -> NDArray[np.float32]:
    """Return the frame ``(H, W + overscan)`` in ADU.

    The overscan on the right is what the electronics give after the last pixel of a line: bias, read noise
    and the little charge that the transfers left behind, 1e-5 of the last pixel for each of W transfers,
    which dies out within a few columns.

    Parameters
    ----------
    charge
        ``(H, W)`` electrons.
    rng
        Source of randomness.
    camera
        Gives gain, bias, read noise and the range of the converter.
    overscan
        Columns of overscan.
    digitise
        Whether values above the converter's maximum are cut; all are whole numbers at any rate.
    """
    height, width = charge.shape
    left_behind = 1e-5 * width * charge[:, -1:] * 0.3 ** np.arange(overscan, dtype=np.float32)
    electrons = np.concatenate([charge, left_behind], axis=1)
    electrons += camera.read_noise * rng.standard_normal(electrons.shape, np.float32)
    # A bias that settles along the frame, by a few ADU
    settling = 3 * np.exp(-np.arange(height, dtype=np.float32) / 200)[:, None]
    adu: NDArray[np.float32] = np.rint(
        electrons / np.float32(camera.gain) + np.float32(camera.bias) + settling
    )
    if digitise:
        np.clip(adu, 0, camera.adc_maximum, out=adu)
    return adu
