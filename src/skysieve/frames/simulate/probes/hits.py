"""Probes of charge without light: cosmic rays, and detector defects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.frames.simulate.probes.canvas import SHAPE, WELL, ProbeSignal

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from skysieve.frames.simulate.probes.canvas import Canvas

__all__ = [
    "cosmic_ray_spots",
    "cosmic_ray_tracks",
    "dead_cluster",
    "dead_columns",
    "dead_pixels",
    "hot_columns",
    "hot_pixels",
    "many_cosmic_rays",
    "overscan",
    "winding_tracks",
]

STEP = 0.1
"""Distance between the points of a track, in pixels."""

BORDER = 0.12
"""Minimum distance of features from the edges, relative to each side."""


def cosmic_ray_tracks(length: float, height: float, count: int) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws straight cosmic-ray tracks, one pixel wide.

    Parameters
    ----------
    length
        Length of each, in pixels.
    height
        Charge per pixel of the track, in standard deviations of the noise.
    count
        Number of tracks.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        light = np.zeros(SHAPE)
        for _ in range(count):
            angle = canvas.rng.uniform(0, np.pi)
            s = np.arange(-length / 2, length / 2, STEP)
            y, x = canvas.random_position(BORDER)
            _deposit(light, y + s * np.sin(angle), x + s * np.cos(angle), canvas.sigma * height * STEP)
        return ProbeSignal(light=light)

    return draw


def winding_tracks(height: float, count: int) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws the winding tracks of slow electrons, which scatter until they stop.

    Parameters
    ----------
    height
        Charge per pixel of the track, in standard deviations of the noise.
    count
        Number of tracks.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        light = np.zeros(SHAPE)
        for _ in range(count):
            steps = int(canvas.rng.uniform(18, 45) / STEP)
            turns = canvas.rng.normal(0, 0.11, steps) * np.linspace(0.4, 1.6, steps)
            angle = canvas.rng.uniform(0, 2 * np.pi) + np.cumsum(turns)
            y, x = canvas.random_position(BORDER)
            path_y, path_x = y + STEP * np.cumsum(np.sin(angle)), x + STEP * np.cumsum(np.cos(angle))
            _deposit(light, path_y, path_x, canvas.sigma * height * STEP)
        return ProbeSignal(light=light)

    return draw


def cosmic_ray_spots(height: float, count: int) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws cosmic rays at normal incidence: charge in two to four adjacent pixels.

    Parameters
    ----------
    height
        Charge in standard deviations of the noise.
    count
        Number of spots.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        light = np.zeros(SHAPE)
        for _ in range(count):
            y, x = (int(part) for part in canvas.random_position(BORDER))
            parts = canvas.rng.dirichlet([2.0, 1.0, 0.7, 0.3])
            for (dy, dx), part in zip(((0, 0), (0, 1), (1, 0), (1, 1)), parts, strict=True):
                light[y + dy, x + dx] += canvas.sigma * height * 2 * part
        return ProbeSignal(light=light)

    return draw


def many_cosmic_rays(count: int) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws many tracks of all lengths and amplitudes, as in a long exposure.

    Parameters
    ----------
    count
        Number of tracks.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        light = np.zeros(SHAPE)
        for _ in range(count):
            length = float(np.exp(canvas.rng.uniform(np.log(1.5), np.log(60))))
            height = float(np.exp(canvas.rng.uniform(np.log(15), np.log(300))))
            angle = canvas.rng.uniform(0, np.pi)
            s = np.arange(0, length, STEP)
            y, x = canvas.random_position(BORDER)
            _deposit(light, y + s * np.sin(angle), x + s * np.cos(angle), canvas.sigma * height * STEP)
        return ProbeSignal(light=light)

    return draw


def hot_columns(
    height: float, *, width: int = 1, part: float = 1.0, rows: bool = False
) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws hot columns.

    Parameters
    ----------
    height
        Signal in standard deviations of the noise.
    width
        Number of columns.
    part
        Fraction of the column that is hot, from the first row on.
    rows
        Whether to draw rows instead.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        marked = _column(canvas, width, part, rows=rows)
        return ProbeSignal(light=canvas.sigma * height * marked.astype(np.float64))

    return draw


def dead_columns(response: float, *, width: int = 1, part: float = 1.0) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws dead columns.

    Parameters
    ----------
    response
        Fraction of the light that they detect.
    width
        Number of columns.
    part
        Fraction of the column that is dead, from the first row on.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        marked = _column(canvas, width, part, rows=False)
        return ProbeSignal(response=np.where(marked, response, 1.0), pixels=marked)

    return draw


def dead_cluster(radius: float) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws a dead cluster of irregular outline.

    Parameters
    ----------
    radius
        Mean radius, in pixels.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        y, x = canvas.grid
        middle = canvas.random_position(0.25)
        angle = np.arctan2(y - middle[0], x - middle[1])
        phase = canvas.rng.uniform(0, 2 * np.pi, 2)
        outline = radius * (1 + 0.2 * np.sin(2 * angle + phase[0]) + 0.15 * np.sin(3 * angle + phase[1]))
        marked = np.hypot(y - middle[0], x - middle[1]) < outline
        return ProbeSignal(response=np.where(marked, 0.05, 1.0), pixels=marked)

    return draw


def hot_pixels(height: float, count: int) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws isolated hot pixels.

    Parameters
    ----------
    height
        Signal in standard deviations of the noise.
    count
        Number of pixels.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        marked = _singles(canvas, count)
        return ProbeSignal(light=min(canvas.sigma * height, WELL / 2) * marked.astype(np.float64))

    return draw


def dead_pixels(count: int) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws isolated dead pixels.

    Parameters
    ----------
    count
        Number of pixels.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        marked = _singles(canvas, count)
        return ProbeSignal(response=np.where(marked, 0.02, 1.0), pixels=marked)

    return draw


def overscan(width: int) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws overscan columns at the right edge.

    Parameters
    ----------
    width
        Number of columns.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        marked = np.zeros(SHAPE, np.bool_)
        marked[:, -width:] = True
        return ProbeSignal(response=np.where(marked, 0.0, 1.0), pixels=marked if canvas.sky else None)

    return draw


def _deposit(
    light: NDArray[np.float64], y: NDArray[np.float64], x: NDArray[np.float64], charge: float
) -> None:
    """Add the same charge at each point to the nearest pixel, in place."""
    rows, columns = np.rint(y).astype(np.intp), np.rint(x).astype(np.intp)
    inside = (rows >= 0) & (rows < SHAPE[0]) & (columns >= 0) & (columns < SHAPE[1])
    np.add.at(light, (rows[inside], columns[inside]), charge)


def _column(canvas: Canvas, width: int, part: float, *, rows: bool) -> NDArray[np.bool_]:
    along, across = (1, 0) if rows else (0, 1)
    first = int(canvas.rng.uniform(0.15, 0.85) * SHAPE[across])
    marked = np.zeros(SHAPE, np.bool_)
    span = [slice(None), slice(None)]
    span[across] = slice(first, first + width)
    span[along] = slice(0, int(part * SHAPE[along]))
    marked[tuple(span)] = True
    return marked


def _singles(canvas: Canvas, count: int) -> NDArray[np.bool_]:
    """Return isolated pixels on a coarse grid; none touches another."""
    marked = np.zeros(SHAPE, np.bool_)
    cells = canvas.rng.choice((SHAPE[0] // 12) * (SHAPE[1] // 12), count, replace=False)
    for cell in cells:
        row, column = divmod(int(cell), SHAPE[1] // 12)
        dy, dx = canvas.rng.integers(2, 10, 2)
        marked[12 * row + dy, 12 * column + dx] = True
    return marked
