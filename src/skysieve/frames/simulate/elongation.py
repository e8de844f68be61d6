"""Common elongation of all stars of a frame, by the PSF and a motion together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.frames.simulate.motion import GAUSSIAN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.frames.simulate.motion import Motion
    from skysieve.frames.simulate.psf import Psf

__all__ = ["common_elongation", "psf_elongation"]

ISOPHOTE = 0.25
"""Isophote, relative to the peak, at which the PSF is measured: the moments of the wings diverge."""


def psf_elongation(psf: Psf) -> NDArray[np.float64]:
    """Return the mean distortion of the PSF over the frame.

    It comes from the second moments of the area within an isophote, averaged over the positions of the PSF.
    In a field with radial elongation the mean is small.

    Parameters
    ----------
    psf
        Point spread function.

    Returns
    -------
    numpy.ndarray
        ``(2,)`` float64: ``((Cxx - Cyy) / T, 2 Cxy / T)``.

    References
    ----------
    Bernstein & Jarvis 2002, AJ 123, 583, section 2.1 (distortion).
    """
    found = []
    for image in psf.images:
        y, x = np.nonzero(image > ISOPHOTE * image.max())
        y, x = y - y.mean(), x - x.mean()
        yy, xx, yx = (float((a * b).mean()) for a, b in ((y, y), (x, x), (y, x)))
        trace = yy + xx
        found.append([(xx - yy) / trace, 2 * yx / trace] if trace else [0.0, 0.0])
    common: NDArray[np.float64] = np.mean(found, axis=0)
    return common


def common_elongation(psf: Psf, motion: Motion) -> float:
    """Return the absolute distortion that all stars have in common, with a uniform motion.

    Parameters
    ----------
    psf
        Point spread function without the motion.
    motion
        A motion that is the same everywhere; for its effect, the PSF counts as a Gaussian of its width.

    Returns
    -------
    float
        Distortion, from 0 (round) to 1 (a line).

    Examples
    --------
    >>> from skysieve.frames.simulate.motion import Motion
    >>> from skysieve.frames.simulate.optics import moffat_psf
    >>> along = np.linspace(-6, 6, 64)
    >>> drift = Motion(
    ...     kind="drift",
    ...     shift_y=0 * along,
    ...     shift_x=along,
    ...     rotation=along[:0],
    ...     centre=(0, 0),
    ...     shape=(64, 64),
    ...     width=3.0,
    ... )
    >>> round(common_elongation(moffat_psf(fwhm=3.0), drift), 1)
    0.8
    """
    dy, dx = (part.astype(np.float64) for part in motion.path(*motion.centre))
    yy, xx, yx = ((a * b).mean() for a, b in ((dy, dy), (dx, dx), (dy, dx)))
    still = 2 * motion.width**2 / GAUSSIAN
    distortion = psf_elongation(psf) * still + np.array([xx - yy, 2 * yx])
    return float(np.hypot(*distortion) / (still + yy + xx))
