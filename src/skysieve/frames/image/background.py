"""Sky level and noise at every pixel, as MaxiMask's networks expect them.

The method is that of SExtractor (Bertin & Arnouts 1996, A&AS 117, 393, section 4) in MaxiMask's variant:
measure the blocks of a mesh (:mod:`skysieve.frames.image.mesh`), replace outliers among them, apply a median
filter to the grid, and interpolate from block centres to pixels with a bicubic spline.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from skysieve.core.errors import FrameError
from skysieve.frames.image.mesh import BLOCK, Window, measure_blocks, measure_frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.core.fits.frames import Frame
    from skysieve.frames.image.settings import Rules

__all__ = ["Background", "estimate_background"]

OUTLIER_SIGMA = 3.0
OUTLIER_ROUNDS = 5
SIGMA_FLOOR = 0.25
"""Lower limit of sigma, as a fraction of the smallest sigma of any block.

A spline can undershoot the values that it interpolates.
"""


@dataclass(frozen=True)
class Background:
    """Sky level and noise of a frame, evaluated row by row.

    Attributes
    ----------
    level, sigma
        Filtered grids ``(rows + 2, columns + 2)``, float64, in the frame's unit.
    row_spline, column_spline
        ``(H, rows + 2)`` and ``(W, columns + 2)`` matrices of the interpolation from grid to pixels.
    sigma_floor
        Lower limit of the sigma that :meth:`rows` returns.
    """

    level: NDArray[np.float64]
    sigma: NDArray[np.float64]
    row_spline: NDArray[np.float64]
    column_spline: NDArray[np.float64]
    sigma_floor: float

    @cached_property
    def _level_across(self) -> NDArray[np.float64]:
        across: NDArray[np.float64] = np.einsum("ij,kj->ik", self.level, self.column_spline)
        return across

    @cached_property
    def _sigma_across(self) -> NDArray[np.float64]:
        across: NDArray[np.float64] = np.einsum("ij,kj->ik", self.sigma, self.column_spline)
        return across

    def rows(self, start: int, stop: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Evaluate level and sigma in a range of rows.

        Parameters
        ----------
        start, stop
            First row, and the row after the last.

        Returns
        -------
        level, sigma
            ``(stop - start, W)`` float32, in the frame's unit.
        """
        # einsum does not use BLAS, whose threads would busy-wait on processors that the network needs
        level, sigma = (
            np.einsum("ij,jk->ik", self.row_spline[start:stop], across).astype(np.float32)
            for across in (self._level_across, self._sigma_across)
        )
        if self.sigma_floor > 0:
            np.maximum(sigma, np.float32(self.sigma_floor), out=sigma)
        return level, sigma


def estimate_background(
    frame: Frame, window: Window, *, rules: Rules = "corrected", threads: int = 2
) -> Background:
    """Estimate sky level and noise of a frame.

    Parameters
    ----------
    frame
        Frame of ``(H, W)`` pixels.
    window
        Pixel values outside it are set to its limits.
    rules
        See :data:`skysieve.frames.image.settings.Rules`.
    threads
        Number of blocks measured at a time.

    Returns
    -------
    Background
        Interpolated level and sigma of every pixel.

    Raises
    ------
    FrameError
        If no block has any noise: the frame holds no data, or the same value everywhere.
    """
    corrected = rules == "corrected"
    blocks = measure_blocks(
        frame, window, ignore_nodata=corrected, ignore_far_below=corrected, threads=threads
    )
    level, sigma = blocks.level, blocks.sigma
    if corrected:
        if np.isnan(level).all():
            level, sigma = (np.full(level.shape, value) for value in measure_frame(frame, window))
        if np.isnan(level).all():
            raise FrameError(
                f"{frame.label}: no valid pixels (all NaN, BLANK, masked or of one value); nothing to do here"
            )
        if np.isnan(sigma).all() or not (level.any() or (sigma != 1).any()):
            raise FrameError(
                f"{frame.label}: has no noise, nearly all pixels have the same value; is it blank, or a mask?"
            )
    else:
        sigma = np.nan_to_num(sigma, nan=0.0)
    level, sigma = (
        _median_filtered(_replace_outliers(grid), zero_padded=not corrected) for grid in (level, sigma)
    )
    return Background(
        level,
        sigma,
        _spline_matrix(frame.shape[0]),
        _spline_matrix(frame.shape[1]),
        SIGMA_FLOOR * float(sigma.min()) if corrected else 0.0,
    )


def _replace_outliers(grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace outliers and NaN by the mean of their valid neighbours, in scan order, until none is left."""
    valid = np.isfinite(grid)
    for _ in range(OUTLIER_ROUNDS):
        median, spread = np.median(grid[valid]), np.std(grid[valid])
        outliers = valid & (np.abs(grid - median) > OUTLIER_SIGMA * spread)
        if not outliers.any():
            break
        valid &= ~outliers
    if valid.all():
        return grid
    filled = np.where(valid, grid, np.nan)
    holes = np.argwhere(~valid)
    while np.isnan(filled).any():
        for row, column in holes:
            near = filled[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
            if not np.isnan(near).all():
                filled[row, column] = np.nanmean(near)
    return filled


def _median_filtered(grid: NDArray[np.float64], *, zero_padded: bool) -> NDArray[np.float64]:
    """Add a border of edge values and take the median over 3 x 3 blocks.

    The published filter pads with zeros, which pulls corners towards zero and edges to the smallest of three
    neighbours; ``zero_padded`` selects this.
    """
    bordered = np.pad(grid, 1, mode="edge")
    padded = np.pad(bordered, 1) if zero_padded else np.pad(bordered, 1, mode="edge")
    filtered: NDArray[np.float64] = np.median(sliding_window_view(padded, (3, 3)), axis=(2, 3))
    return filtered


def _spline_matrix(length: int) -> NDArray[np.float64]:
    """Return the ``(length, blocks + 2)`` matrix from knot values to pixels of one axis.

    An interpolating spline is linear in the knot values, and the bicubic surface is the product of the
    matrices of its axes.  The spline is cubic with equidistant knots, and its third derivative is continuous
    at the second knot and at the last but one ("not-a-knot"), as in FITPACK.  It is implemented here because
    importing an interpolation library takes longer than normalising a frame.

    References
    ----------
    de Boor 1978, A Practical Guide to Splines, chapter IV, equations 7 to 10.
    """
    knots = length // BLOCK + 2
    if length < 2 * BLOCK:
        # an axis of one block has the same value at all knots
        return np.full((length, max(knots, 3)), 1 / max(knots, 3))
    # moments @ second derivatives = values @ knot values
    moments = np.zeros((knots, knots))
    values = np.zeros((knots, knots))
    for knot in range(1, knots - 1):
        moments[knot, knot - 1 : knot + 2] = 1, 4, 1
        values[knot, knot - 1 : knot + 2] = 6, -12, 6
    moments[0, :3] = moments[-1, -3:] = 1, -2, 1
    curvature = np.linalg.solve(moments, values)

    position = (np.arange(length) - length % BLOCK // 2) / BLOCK + 0.5
    left = np.clip(position.astype(np.intp), 0, knots - 2)
    ahead = (position - left)[:, None]
    behind = 1 - ahead
    unit = np.eye(knots)
    matrix: NDArray[np.float64] = (
        behind * unit[left]
        + ahead * unit[left + 1]
        + (behind**3 - behind) / 6 * curvature[left]
        + (ahead**3 - ahead) / 6 * curvature[left + 1]
    )
    return matrix
