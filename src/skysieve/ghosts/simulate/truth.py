"""What counts as a ghost: whether people would see it, how they would outline it, and its class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Seen", "TruthRule", "hull_masks"]


@dataclass(frozen=True)
class Seen:
    """How much of a ghost can be seen.

    Attributes
    ----------
    contrast
        What the brightest, or darkest, 5 % of it differ from the sky, in grey levels, means of 3 x 3 pixels.
    signal
        Ratio of signal to noise of all of it, its pixels added by their weights.
    visible
        Whether both suffice.
    """

    contrast: float
    signal: float
    visible: bool


@dataclass(frozen=True, kw_only=True)
class TruthRule:
    """From when on a ghost counts, and as what.

    A ghost counts if its light, as the subtraction of the background leaves it, has a ratio of signal to
    noise of `signal` with its pixels added by their weights (it is there), and if in means of 3 x 3 pixels,
    about what an eye sees, the twentieth of its pixels with most contrast differ from the sky by `contrast`
    of the noise of one pixel (it can be pointed at), and if `area` of its pixels lie on live CCDs.
    Reflections are Bright if they are compact and of high contrast, else Faint.

    People draw the outline of a reflection a little outside of its rim: circles around the two sides of C5
    have a radius of 15.0 px, where the optics make 13.7 px; those of detector and C4 76 px, of 74.7 px.
    Of two reflections of one class around the same middle people outline both less often than both can be
    seen, so that the two have one outline here.  ``benchmarks/run.py ghost-geometry`` prints these figures.

    Attributes
    ----------
    signal, contrast, area
        See above.
    margin
        How far outside of its rim a reflection is outlined, in pixels.
    concentric
        Reflections of a star and of one class whose middles are less than this many pixels apart have one
        outline.
    largest_bright
        Radius of a disc as large as the largest Bright reflection, in pixels.
    bright_contrast
        Least contrast of a Bright one, in noise of one pixel.
    ray_contrast
        Contrast of smoothed rays, in noise of one pixel, down to which they are outlined.
    """

    signal: float = 13.0
    contrast: float = 0.42
    area: int = 60
    margin: float = 1.5
    concentric: float = 8.0
    largest_bright: float = 42.0
    bright_contrast: float = 2.2
    ray_contrast: float = 0.33

    def look(
        self,
        residual: NDArray[np.float32],
        mask: NDArray[np.bool_],
        live: NDArray[np.bool_],
        *,
        noise: float,
    ) -> Seen:
        """Return how much of a ghost can be seen.

        Parameters
        ----------
        residual
            Its light without background, ``(H, W)`` float32, in grey levels.
        mask
            Its outline, ``(H, W)``.
        live
            Pixels ``(H, W)`` that see light.
        noise
            Of one pixel, in grey levels.
        """
        used = mask & live
        if np.count_nonzero(used) < self.area:
            return Seen(0.0, 0.0, visible=False)
        rows, columns = ndimage.find_objects(used.view(np.uint8))[0]
        inner = used[rows, columns]
        part = np.where(inner, np.clip(residual[rows, columns], -60, 200), np.float32(0))
        contrast = float(np.quantile(np.abs(ndimage.uniform_filter(part, 3)[inner]), 0.95))
        signal = float(np.sqrt(np.square(part, dtype=np.float64).sum())) / noise
        visible = signal >= self.signal and contrast >= self.contrast * noise
        return Seen(contrast, signal, visible)

    def outline_reflection(self, light: NDArray[np.bool_], plane: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the outline ``(H, W)`` of a reflection whose light is at these pixels of the focal plane."""
        outline: NDArray[np.bool_] = ndimage.distance_transform_edt(~light) <= self.margin
        return outline & plane

    def reflection_class(self, radius: float, contrast: float, *, noise: float) -> str:
        """Return Bright or Faint for a reflection of this radius in pixels and contrast in grey levels."""
        compact = radius <= self.largest_bright
        return "Bright" if compact and contrast >= self.bright_contrast * noise else "Faint"

    def outline_rays(
        self,
        residual: NDArray[np.float32],
        plane: NDArray[np.bool_],
        *,
        noise: float,
    ) -> list[NDArray[np.bool_]]:
        """Return outlines ``(H, W)`` of what is seen of a fan: convex hulls of its parts, largest first."""
        lit = np.abs(residual) > 0.05 * noise
        if not lit.any():
            return []
        rows, columns = ndimage.find_objects(lit.view(np.uint8))[0]
        window = np.clip(np.abs(residual[rows, columns]), 0, 6 * noise)
        seen = ndimage.gaussian_filter(window, 2.2) > self.ray_contrast * noise
        parts = np.zeros(residual.shape, bool)
        parts[rows, columns] = seen
        # parts on both sides of a gap are one
        return hull_masks(parts & plane, bridge=5, least=self.area, within=plane)


def hull_masks(
    mask: NDArray[np.bool_], *, bridge: int, least: int, within: NDArray[np.bool_]
) -> list[NDArray[np.bool_]]:
    """Return the convex hull of each part of a mask, ``(H, W)``, largest first.

    Parameters
    ----------
    mask
        ``(H, W)``.
    bridge
        Parts no further apart than this, in pixels, are one.
    least
        Parts of fewer pixels are left out.
    within
        Pixels ``(H, W)`` that a hull may have.
    """
    joined = ndimage.maximum_filter(mask, bridge)
    labels, count = ndimage.label(joined)
    labels[~mask] = 0
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    hulls = []
    for number in np.argsort(-sizes, kind="stable"):
        if sizes[number] < least:
            break
        hull = _hull(np.argwhere(labels == number + 1), mask.shape) & within
        hulls.append(hull)
    return hulls


def _hull(points: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return the pixels of the convex hull of points ``(N, 2)``, row and column."""
    mask = np.zeros(shape, bool)
    low, high = points.min(axis=0), points.max(axis=0) + 1
    try:
        sides = ConvexHull(points).equations
    except QhullError:  # all in one line
        mask[tuple(points.T)] = True
        return mask
    y = np.arange(low[0], high[0])[:, None]
    x = np.arange(low[1], high[1])
    window = np.ones((y.size, x.size), bool)
    for a, b, c in sides:
        window &= a * y + b * x + c <= 1e-6
    mask[low[0] : high[0], low[1] : high[1]] = window
    return mask
