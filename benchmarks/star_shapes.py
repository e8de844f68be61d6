"""Round stars in a frame, found and measured without any network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from skysieve.core.fits.frames import ArrayFrame
from skysieve.frames.image.normalise import normalise

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RoundStars", "find_stars"]

MIN_HEIGHT = 10.0
"""Minimum height of a peak above the sky, in standard deviations of the noise."""

MAX_HEIGHT_FRACTION = 0.6
"""Maximum height of a peak, as a fraction of the highest in the frame; higher ones may be saturated."""

MIN_AXIS_RATIO = 0.75
"""Minimum axis ratio."""

MAX_FWHM_DEVIATION = 0.25
"""Maximum relative deviation of a FWHM from the median of the frame."""

REACH = 9
"""Half width in pixels of the box in which moments are measured."""

MAX_FWHM = 9.0
"""Maximum FWHM in pixels; moments of wider sources reach the edge of the box."""

MAX_PEAKS = 600
"""Maximum number of measured peaks in a frame; the highest are taken."""

STEPS = 12
FWHM_OF_SIGMA = 2.3548


@dataclass(frozen=True)
class RoundStars:
    """Stars of a frame.

    Attributes
    ----------
    y, x, fwhm
        Positions and FWHM of the stars, ``(N,)`` float64 in pixels.
    """

    y: NDArray[np.float64]
    x: NDArray[np.float64]
    fwhm: NDArray[np.float64]

    @property
    def typical(self) -> float:
        """Median FWHM in pixels; NaN without a star."""
        return float(np.median(self.fwhm)) if len(self.fwhm) else float("nan")

    def touched(self, marked: NDArray[np.bool_]) -> int:
        """Return the number of stars with a marked pixel ``(H, W)`` within half of their FWHM."""
        if not marked.any():
            return 0
        distance = ndimage.distance_transform_edt(~marked)
        near = distance[np.rint(self.y).astype(np.intp), np.rint(self.x).astype(np.intp)]
        return int((near <= np.maximum(self.fwhm / 2, 0.5)).sum())


def find_stars(pixels: NDArray[np.float32], name: str) -> RoundStars:
    """Find the round, unsaturated stars of a frame.

    Parameters
    ----------
    pixels
        ``(H, W)`` float32 in any unit; NaN at pixels without usable data.
    name
        Name of the frame in messages.

    Returns
    -------
    RoundStars
        Positions and FWHM of the stars.

    Raises
    ------
    FrameError
        If the frame has no noise.
    """
    missing = ~np.isfinite(pixels)
    frame = normalise(ArrayFrame(pixels, mask=missing, label=name), threads=1)
    snr = frame.rows(0, pixels.shape[0])[0].astype(np.float64)
    highest = ndimage.maximum_filter(snr, 5) == snr
    near_missing = ndimage.binary_dilation(missing, iterations=3)
    top = MAX_HEIGHT_FRACTION * float(snr.max())
    ys, xs = np.nonzero(highest & (snr > MIN_HEIGHT) & (snr < top) & ~near_missing)
    inside = (ys >= REACH) & (xs >= REACH) & (ys < snr.shape[0] - REACH) & (xs < snr.shape[1] - REACH)
    ys, xs = ys[inside], xs[inside]
    order = np.argsort(-snr[ys, xs])[:MAX_PEAKS]
    measured = [_moments(snr, int(y), int(x)) for y, x in zip(ys[order], xs[order], strict=True)]
    found = np.array([one for one in measured if one is not None]).reshape(-1, 4)
    found = found[(found[:, 3] > MIN_AXIS_RATIO) & (found[:, 2] < MAX_FWHM)]
    if len(found):
        typical = np.median(found[:, 2])
        found = found[np.abs(found[:, 2] / typical - 1) < MAX_FWHM_DEVIATION]
    return RoundStars(found[:, 0], found[:, 1], found[:, 2])


def _moments(snr: NDArray[np.float64], y: int, x: int) -> tuple[float, float, float, float] | None:
    """Return position, FWHM and axis ratio of a source; None if its moments do not converge.

    The weight is a Gaussian with the centre and second moments of the source, found iteratively. The weighted
    moments of a Gaussian source are half of its own moments.

    References
    ----------
    Bernstein & Jarvis 2002, Astronomical Journal 123, 583, section 3.
    """
    cut = snr[y - REACH : y + REACH + 1, x - REACH : x + REACH + 1]
    v, u = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1].astype(np.float64)
    centre, covariance = np.zeros(2), 2.0 * np.eye(2)
    for _ in range(STEPS):
        dv, du = v - centre[0], u - centre[1]
        (a, b), (_, c) = covariance
        determinant = a * c - b * b
        weight = np.exp(-0.5 * (c * dv**2 - 2 * b * dv * du + a * du**2) / determinant) * cut
        total = weight.sum()
        if total <= 0:
            return None
        centre += np.array([(weight * dv).sum(), (weight * du).sum()]) / total
        moments = np.array([(weight * dv * dv).sum(), (weight * dv * du).sum(), (weight * du * du).sum()])
        a, b, c = 2 * moments / total
        if min(a, c) < 0.05 or a * c <= b * b or max(a, c) > REACH**2 or np.abs(centre).max() > 2:
            return None
        covariance = np.array([[a, b], [b, c]])
    small, large = np.sqrt(np.linalg.eigvalsh(covariance))
    return y + centre[0], x + centre[1], FWHM_OF_SIGMA * float(np.sqrt(small * large)), float(small / large)
