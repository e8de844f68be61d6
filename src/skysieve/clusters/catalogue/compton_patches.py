"""Compton parameter on patches: internal linear combination (ILC) of the bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.clusters.physics.bands import Band

__all__ = ["combine_bands"]

_FWHM_PER_SIGMA = float(np.sqrt(8 * np.log(2)))
# Fraction of the mean variance that is added to each variance.  Without it, identical bands make the
# covariance singular.
_RIDGE = 1e-9


def combine_bands(
    patches: NDArray[np.float32], bands: Sequence[Band], *, resolution: float, exclusion_radius: float = 15.0
) -> NDArray[np.float32]:
    """Combine bands into the Compton parameter, patch by patch, by an internal linear combination (ILC).

    All bands are first smoothed to the widest beam.  The covariance is measured outside of the centre of the
    patch.  A patch has few resolution elements, so with the centre the weights would cancel part of the
    cluster by chance (ILC bias).

    Parameters
    ----------
    patches : ndarray of float32, shape (N, B, H, W)
        Patches in the units of the bands; NaN where there are no data.
    bands
        B bands, at least two.
    resolution
        Arcminutes per pixel.
    exclusion_radius
        Radius about the centre, in arcminutes, that the covariance leaves out; 0 for none.

    Returns
    -------
    ndarray of float32, shape (N, H, W)
        Compton parameter, with the median of each patch subtracted; NaN where any band has no data.

    References
    ----------
    Eriksen et al. 2004, ApJ 612, 633, equation 6, with the response to y in place of that to the CMB;
    Delabrouille et al. 2009, A&A 493, 835, appendix A (ILC bias).
    """
    from scipy.ndimage import gaussian_filter

    response = np.array([band.y_response for band in bands])
    widest = max(band.fwhm for band in bands)
    blur = [np.sqrt(widest**2 - band.fwhm**2) / _FWHM_PER_SIGMA / resolution for band in bands]
    unit = np.array([1 / band.mjysr_per_kcmb if band.unit == "MJy/sr" else 1.0 for band in bands])
    compton = np.full((len(patches), *patches.shape[-2:]), np.nan, np.float32)
    rows, columns = (np.arange(size) - (size - 1) / 2 for size in patches.shape[-2:])
    outside = resolution * np.hypot(rows[:, None], columns) >= exclusion_radius
    for patch, combined in zip(patches, compton, strict=True):
        valid = np.isfinite(patch).all(0)
        if np.count_nonzero(valid & outside) <= 2 * len(bands):
            continue
        levels = np.median(patch[:, valid], axis=1)
        filled = np.where(valid, patch - levels[:, None, None], 0.0) * unit[:, None, None]
        smooth = np.stack([gaussian_filter(one, width) for one, width in zip(filled, blur, strict=True)])
        covariance = np.cov(smooth[:, valid & outside])
        covariance += _RIDGE * np.trace(covariance) / len(bands) * np.eye(len(bands))
        scale = np.sqrt(np.diag(covariance))
        if not (scale > 0).all():
            continue
        # Bands differ by orders of magnitude; in units of their scatter the system is well conditioned
        solved = np.linalg.solve(covariance / np.outer(scale, scale), response / scale)
        weights = solved / scale / (response / scale @ solved)
        values = weights @ smooth[:, valid]
        combined[valid] = values - np.median(values)
    return compton
