"""The Compton parameter on patches: the combination of bands that is least noisy and keeps clusters whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.clusters.physics.bands import Band

__all__ = ["combine_bands"]

_FWHM_PER_SIGMA = float(np.sqrt(8 * np.log(2)))
# Of the mean variance, added to each: else bands that hold the same make the covariance singular.
_RIDGE = 1e-9


def combine_bands(
    patches: NDArray[np.float32], bands: Sequence[Band], *, resolution: float, middle: float = 15.0
) -> NDArray[np.float32]:
    """Return the internal linear combination of bands for the Compton parameter, patch by patch.

    All bands are brought to the widest beam of them first.  How they vary together is told from pixels
    outside of the middle: those few resolution elements that a patch has would else be combined so that part
    of the cluster cancels by chance.

    Parameters
    ----------
    patches : ndarray, shape (N, B, H, W)
        In the units of the bands; NaN where there are no data.
    bands
        B of them, two or more.
    resolution
        Arcminutes a pixel.
    middle
        Radius of the middle in arcminutes; 0 for none.

    Returns
    -------
    ndarray of float32, shape (N, H, W)
        Compton parameter, with the median of each patch taken away; NaN where any band has no data.

    References
    ----------
    Eriksen et al. 2004, ApJ 612, 633, equation 6, with the response to y in place of the background's;
    Delabrouille et al. 2009, A&A 493, 835, appendix A (what cancels by chance).
    """
    from scipy.ndimage import gaussian_filter

    response = np.array([band.y_response for band in bands])
    widest = max(band.fwhm for band in bands)
    blur = [np.sqrt(widest**2 - band.fwhm**2) / _FWHM_PER_SIGMA / resolution for band in bands]
    unit = np.array([1 / band.mjysr_per_kcmb if band.unit == "MJy/sr" else 1.0 for band in bands])
    found = np.full((len(patches), *patches.shape[-2:]), np.nan, np.float32)
    rows, columns = (np.arange(size) - (size - 1) / 2 for size in patches.shape[-2:])
    outside = resolution * np.hypot(rows[:, None], columns) >= middle
    for patch, combined in zip(patches, found, strict=True):
        seen = np.isfinite(patch).all(0)
        if np.count_nonzero(seen & outside) <= 2 * len(bands):
            continue
        levels = np.median(patch[:, seen], axis=1)
        filled = np.where(seen, patch - levels[:, None, None], 0.0) * unit[:, None, None]
        smooth = np.stack([gaussian_filter(one, width) for one, width in zip(filled, blur, strict=True)])
        covariance = np.cov(smooth[:, seen & outside])
        covariance += _RIDGE * np.trace(covariance) / len(bands) * np.eye(len(bands))
        scale = np.sqrt(np.diag(covariance))
        if not (scale > 0).all():
            continue
        # Bands differ by orders of magnitude: in units of their scatter the system is well behaved
        solved = np.linalg.solve(covariance / np.outer(scale, scale), response / scale)
        weights = solved / scale / (response / scale @ solved)
        compton = weights @ smooth[:, seen]
        combined[seen] = compton - np.median(compton)
    return found
