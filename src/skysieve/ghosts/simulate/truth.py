"""Truth of simulated ghosts: which ghosts are visible, their outlines, and their classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TruthRule", "Visibility", "hull_masks"]


@dataclass(frozen=True)
class Visibility:
    """Visibility of a ghost.

    Attributes
    ----------
    contrast
        Difference of its brightest or darkest 5 % from the sky, in grey levels, in means of 3 x 3 pixels.
    signal
        Signal-to-noise ratio of all its pixels, optimally weighted.
    visible
        Whether both exceed their limits.
    """

    contrast: float
    signal: float
    visible: bool


@dataclass(frozen=True, kw_only=True)
class TruthRule:
    """Rule that decides which ghosts count, and their classes.

    A ghost counts if it meets three conditions:

    - its light after background subtraction has a signal-to-noise ratio of at least `signal`, with optimal
      weights of the pixels (it is there);
    - in means of 3 x 3 pixels, about what an eye resolves, the 5 % of its pixels with most contrast differ
      from the sky by `contrast` times the noise of one pixel (people can point at it);
    - `area` of its pixels lie on live CCDs.

    Reflections are Bright if they are compact and have a high contrast, else Faint.

    People outline a reflection slightly outside its rim: circles around the two sides of C5 have a radius of
    15.0 px, where the optics make 13.7 px; those of detector and C4 76 px, instead of 74.7 px.
    If two reflections of one class have the same centre, people outline both less often than both are
    visible.  Such a pair has one outline here.  ``benchmarks/run.py ghost-geometry`` prints these figures.

    Attributes
    ----------
    signal, contrast, area
        See above.
    margin
        Distance between the rim of a reflection and its outline, in pixels.
    concentric
        Reflections of a star with one class and centres closer than this have one outline, in pixels.
    largest_bright
        Maximum radius of a Bright reflection, in pixels, of a disc with the same area.
    bright_contrast
        Minimum contrast of a Bright reflection, in noise of one pixel.
    ray_contrast
        Minimum contrast of smoothed rays inside their outline, in noise of one pixel.
    """

    signal: float = 13.0
    contrast: float = 0.42
    area: int = 60
    margin: float = 1.5
    concentric: float = 8.0
    largest_bright: float = 42.0
    bright_contrast: float = 2.2
    ray_contrast: float = 0.33

    def visibility(
        self,
        residual: NDArray[np.float32],
        mask: NDArray[np.bool_],
        live: NDArray[np.bool_],
        *,
        noise: float,
    ) -> Visibility:
        """Measure the visibility of a ghost.

        Parameters
        ----------
        residual
            Its light after background subtraction, ``(H, W)`` float32, in grey levels.
        mask
            Its outline, ``(H, W)``.
        live
            Light-sensitive pixels, ``(H, W)``.
        noise
            Noise of one pixel, in grey levels.

        Returns
        -------
        Visibility
            With zeros if too few of its pixels are live.
        """
        used = mask & live
        if np.count_nonzero(used) < self.area:
            return Visibility(0.0, 0.0, visible=False)
        rows, columns = ndimage.find_objects(used.view(np.uint8))[0]
        inner = used[rows, columns]
        part = np.where(inner, np.clip(residual[rows, columns], -60, 200), np.float32(0))
        contrast = float(np.quantile(np.abs(ndimage.uniform_filter(part, 3)[inner]), 0.95))
        signal = float(np.sqrt(np.square(part, dtype=np.float64).sum())) / noise
        visible = signal >= self.signal and contrast >= self.contrast * noise
        return Visibility(contrast, signal, visible)

    def outline_reflection(self, light: NDArray[np.bool_], plane: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the outline of a reflection.

        Parameters
        ----------
        light
            Pixels ``(H, W)`` with its light.
        plane
            Pixels ``(H, W)`` of the focal plane.

        Returns
        -------
        ndarray of bool, shape (H, W)
            The filled outline.
        """
        outline: NDArray[np.bool_] = ndimage.distance_transform_edt(~light) <= self.margin
        return outline & plane

    def reflection_class(self, radius: float, contrast: float, *, noise: float) -> str:
        """Return the class of a reflection.

        Parameters
        ----------
        radius
            In pixels.
        contrast
            In grey levels.
        noise
            Noise of one pixel, in grey levels.

        Returns
        -------
        str
            Bright or Faint.
        """
        compact = radius <= self.largest_bright
        return "Bright" if compact and contrast >= self.bright_contrast * noise else "Faint"

    def outline_rays(
        self,
        residual: NDArray[np.float32],
        plane: NDArray[np.bool_],
        *,
        noise: float,
    ) -> list[NDArray[np.bool_]]:
        """Return the outlines of the visible parts of a fan: their convex hulls.

        Parameters
        ----------
        residual
            Light of the fan after background subtraction, ``(H, W)`` float32, in grey levels.
        plane
            Pixels ``(H, W)`` of the focal plane.
        noise
            Noise of one pixel, in grey levels.

        Returns
        -------
        list of ndarray of bool, shape (H, W)
            Largest first.
        """
        bright = np.abs(residual) > 0.05 * noise
        if not bright.any():
            return []
        rows, columns = ndimage.find_objects(bright.view(np.uint8))[0]
        window = np.clip(np.abs(residual[rows, columns]), 0, 6 * noise)
        visible_pixels = ndimage.gaussian_filter(window, 2.2) > self.ray_contrast * noise
        parts = np.zeros(residual.shape, bool)
        parts[rows, columns] = visible_pixels
        # join parts on both sides of a gap
        return hull_masks(parts & plane, bridge=5, min_area=self.area, within=plane)


def hull_masks(
    mask: NDArray[np.bool_], *, bridge: int, min_area: int, within: NDArray[np.bool_]
) -> list[NDArray[np.bool_]]:
    """Return the convex hull of each part of a mask.

    Parameters
    ----------
    mask
        ``(H, W)``.
    bridge
        Parts closer than this are one part, in pixels.
    min_area
        Minimum number of pixels of a part.
    within
        Pixels ``(H, W)`` that a hull may cover.

    Returns
    -------
    list of ndarray of bool, shape (H, W)
        Largest part first.
    """
    joined = ndimage.maximum_filter(mask, bridge)
    labels, count = ndimage.label(joined)
    labels[~mask] = 0
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    hulls = []
    for number in np.argsort(-sizes, kind="stable"):
        if sizes[number] < min_area:
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
    except QhullError:  # all points on one line
        mask[tuple(points.T)] = True
        return mask
    y = np.arange(low[0], high[0])[:, None]
    x = np.arange(low[1], high[1])
    window = np.ones((y.size, x.size), bool)
    for a, b, c in sides:
        window &= a * y + b * x + c <= 1e-6
    mask[low[0] : high[0], low[1] : high[1]] = window
    return mask
