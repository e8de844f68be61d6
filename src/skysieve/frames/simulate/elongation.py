"""How far all stars of a frame are drawn out alike, by the PSF and a motion together."""

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
"""Part of the peak at whose isophote the form of a PSF is measured: wings have no finite moments."""


def psf_elongation(psf: Psf) -> NDArray[np.float64]:
    """Return the distortion that the PSF has in common over the frame.

    The second moments of the area within an isophote, and their mean over the places that the PSF is given
    for: a field that is drawn out towards its corners has little in common.

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
    """Return the length of the distortion that stars have in common, with a motion that is uniform.

    Parameters
    ----------
    psf
        Point spread function without the motion.
    motion
        How the images move, everywhere alike; the PSF counts as a Gaussian of its width.

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
