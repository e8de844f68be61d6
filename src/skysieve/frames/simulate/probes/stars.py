"""Probes of bright stars with their artefacts, and of stars that are not point-like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.frames.simulate.probes.canvas import SHAPE, WELL, ProbeSignal, add_star, star_field
from skysieve.frames.simulate.probes.lines import gaussian_profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from skysieve.frames.simulate.probes.canvas import Canvas

__all__ = [
    "bleed_trail",
    "defocused_stars",
    "persistence",
    "round_stars",
    "saturated_star",
    "star_with_spikes",
    "trailed_stars",
]

SPIKE_SHARE = 2.5e-3
"""Brightness of a spike at the star, relative to the star's peak."""

SPIKE_SCALE = 14.0
"""Distance from the star over which a spike falls to a quarter of that, in pixels."""

WINGS = 2.6
"""Exponent of the Moffat profile of bright stars."""

OUTSIDE = 40.0
"""Distance of a star outside the frame from the edge, in pixels."""


def star_with_spikes(
    count: int, peak: float, *, turn: float | None = None, outside: bool = False
) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws a star with diffraction spikes.

    Target pixels are those where the spikes exceed the noise and the halo of the star, without saturated
    pixels.

    Parameters
    ----------
    count
        Number of spikes: two on a line, four as a cross, and so on.
    peak
        Peak of the star, in full wells.
    turn
        Angle of the first spike with the rows in radians; random if None.
    outside
        Whether the star is to the left of the frame, with a spike that extends into it.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        position = (
            (canvas.rng.uniform(0.3, 0.7) * SHAPE[0], -OUTSIDE) if outside else canvas.random_position(0.4)
        )
        first = canvas.rng.uniform(0.15, np.pi / 2 - 0.15) if turn is None else turn
        if outside:
            first = canvas.rng.uniform(-0.2, 0.2)
        halo = np.zeros(SHAPE)
        add_star(halo, position, peak * WELL, fwhm=canvas.fwhm, beta=WINGS, reach=1000)
        y, x = canvas.grid
        rays = np.zeros(SHAPE)
        for spike in range(count):
            angle = first + 2 * np.pi * spike / count
            u, v = x - position[1], y - position[0]
            along, across = u * np.cos(angle) + v * np.sin(angle), -u * np.sin(angle) + v * np.cos(angle)
            falling = (1 + np.abs(along) / SPIKE_SCALE) ** -2.0
            rays += np.where(along > 0, gaussian_profile(across, 1.1 * canvas.fwhm) * falling, 0)
        rays *= SPIKE_SHARE * peak * WELL
        noise = np.sqrt(canvas.sky + halo + canvas.read_noise**2)
        visible = (rays > 2 * noise) & (rays > halo) & (rays + halo + canvas.sky < 0.9 * WELL)
        return ProbeSignal(light=halo + rays, pixels=visible)

    return draw


def saturated_star(peak: float) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws a star with a saturated core and no bleeding.

    Parameters
    ----------
    peak
        Peak of the star, in full wells.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        light = np.zeros(SHAPE)
        add_star(light, canvas.random_position(0.3), peak * WELL, fwhm=canvas.fwhm, beta=WINGS, reach=1000)
        return ProbeSignal(light=light, pixels=light + canvas.sky > WELL)

    return draw


def bleed_trail(peak: float, *, rows: bool = False) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws a star whose charge bleeds along its columns.

    Parameters
    ----------
    peak
        Peak of the star, in full wells.
    rows
        Whether it bleeds along rows instead.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        light = np.zeros(SHAPE)
        add_star(light, canvas.random_position(0.4), peak * WELL, fwhm=canvas.fwhm, beta=WINGS, reach=1000)
        spilled = _spill((light.T if rows else light).copy())
        full = spilled.T if rows else spilled
        return ProbeSignal(light=full, pixels=full >= WELL)

    return draw


def persistence(radius: float, height: float, count: int) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws afterglows of stars of an earlier exposure: flat discs with soft edges.

    Parameters
    ----------
    radius
        Radius of the largest, in pixels; the smallest have half of it.
    height
        Brightness in standard deviations of the noise.
    count
        Number of afterglows.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        y, x = canvas.grid
        light = np.zeros(SHAPE)
        for _ in range(count):
            row, column = canvas.random_position(0.1)
            own = radius * canvas.rng.uniform(0.5, 1)
            disc = 1 / (1 + np.exp((np.hypot(y - row, x - column) - own) / 1.2))
            light = np.maximum(light, canvas.sigma * height * disc)
        return ProbeSignal(light=light)

    return draw


def round_stars(
    count: int, brightest: float, *, fwhm: float | None = None, faintest: float = 5.0
) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws only stars, whose pixels are the target.

    Parameters
    ----------
    count
        Number of stars.
    faintest, brightest
        Range of peaks in standard deviations of the noise.
    fwhm
        FWHM in pixels.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        light = star_field(canvas, count, faintest, brightest, fwhm=fwhm)
        return ProbeSignal(light=light, pixels=light > 2 * canvas.sigma, replaces_stars=True)

    return draw


def trailed_stars(length: float, count: int) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws stars that are all trailed in one direction.

    Parameters
    ----------
    length
        Length of the trails, in pixels.
    count
        Number of stars.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        angle = canvas.rng.uniform(0, np.pi)
        s = np.arange(-length / 2, length / 2 + 0.25, 0.5)
        size = int(length) // 2 + 2
        kernel = np.zeros((2 * size + 1, 2 * size + 1))
        positions = (np.rint(size + s * np.sin(angle)), np.rint(size + s * np.cos(angle)))
        np.add.at(kernel, tuple(position.astype(np.intp) for position in positions), 1.0)
        return _convolved(canvas, kernel, count)

    return draw


def defocused_stars(radius: float, count: int) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws defocused stars: rings.

    Parameters
    ----------
    radius
        Outer radius of the rings, in pixels.
    count
        Number of stars.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        size = int(radius) + 1
        distance = np.hypot(*np.mgrid[-size : size + 1, -size : size + 1])
        kernel = np.clip(radius - distance + 0.5, 0, 1) - np.clip(0.4 * radius - distance + 0.5, 0, 1)
        return _convolved(canvas, kernel, count)

    return draw


def _convolved(canvas: Canvas, kernel: NDArray[np.float64], count: int) -> ProbeSignal:
    """Return stars convolved with a kernel, as bright in their pixels as round ones."""
    from scipy.signal import fftconvolve

    points = star_field(canvas, count, 60.0, 3000.0, fwhm=min(canvas.fwhm, 2.5))
    light = np.clip(fftconvolve(points, kernel / kernel.sum(), mode="same"), 0, WELL / 2)
    return ProbeSignal(light=light, pixels=light > 2 * canvas.sigma, replaces_stars=True)


def _spill(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move charge above the full well of each column along the column, half in each direction."""
    top = 1.2 * WELL
    for column in np.nonzero(light.max(axis=0) > top)[0]:
        charge = light[:, column]
        excess = float(np.clip(charge - top, 0, None).sum())
        np.minimum(charge, top, out=charge)
        middle = int(np.argmax(charge))
        for direction in (1, -1):
            rest, row = excess / 2, middle
            while rest > 0 and 0 <= row < len(charge):
                taken = min(rest, top - charge[row])
                charge[row] += taken
                rest -= taken
                row += direction
    return light
