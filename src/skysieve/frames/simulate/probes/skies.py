"""Probes of extended features: nebulae, fringes, uneven skies, and galaxies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.frames.simulate.probes.canvas import SHAPE, ProbeSignal, add_star

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from skysieve.frames.simulate.probes.canvas import Canvas

__all__ = [
    "amplifier_step",
    "cirrus",
    "edge_on_galaxies",
    "elliptical_galaxy",
    "empty_sky",
    "filaments",
    "fringes",
    "reflection_nebula",
    "sky_gradient",
    "spiral_galaxy",
    "vignetting",
]

EVERYWHERE = np.ones(SHAPE, np.bool_)


def empty_sky(canvas: Canvas) -> ProbeSignal:
    """Return an empty signal; all pixels are target pixels.

    Parameters
    ----------
    canvas
        An empty sky.

    Returns
    -------
    ProbeSignal
        No light.
    """
    return ProbeSignal(light=np.zeros(SHAPE), pixels=EVERYWHERE if canvas.sky else None)


def cirrus(height: float) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws a dust cloud.

    Parameters
    ----------
    height
        Maximum (99th percentile) in standard deviations of the noise.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        cloud = np.exp(1.1 * _random_field(canvas, slope=3.2))
        cloud = np.clip(cloud - np.percentile(cloud, 35), 0, None)
        return ProbeSignal(light=canvas.sigma * height * cloud / np.percentile(cloud, 99))

    return draw


def filaments(width: float, height: float) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws thin curved filaments over a faint cloud.

    Parameters
    ----------
    width
        FWHM of a filament, in pixels.
    height
        Brightness in standard deviations of the noise.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        field, along = _random_field(canvas, slope=5.0), _random_field(canvas, slope=4.0)
        steep = np.hypot(*np.gradient(field))
        # distance from the zero line of the field, in pixels
        distance = field / np.maximum(steep, 0.3 * float(np.median(steep)))
        ridge = np.exp(-0.5 * (distance * 2.3548 / width) ** 2) * np.clip(0.8 + 0.4 * along, 0.2, 1.5)
        cloud = 0.12 * np.clip(_random_field(canvas, slope=4.0), 0, None)
        return ProbeSignal(light=canvas.sigma * height * (ridge + cloud))

    return draw


def reflection_nebula(height: float) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws dust illuminated by a star at its centre.

    Parameters
    ----------
    height
        Brightness in standard deviations of the noise.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        y, x = canvas.grid
        middle = canvas.random_position(0.35)
        radius = np.hypot(y - middle[0], x - middle[1])
        dust = np.exp(0.6 * _random_field(canvas, slope=3.2)) / (1 + (radius / 60) ** 2)
        light = canvas.sigma * height * dust
        visible = light > 2 * canvas.sigma
        add_star(light, middle, 300 * canvas.sigma, fwhm=canvas.fwhm)
        return ProbeSignal(light=light, pixels=visible)

    return draw


def fringes(period: float, height: float, *, bend: float = 0.5) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws interference fringes over the whole frame.

    Parameters
    ----------
    period
        Distance between bright bands, in pixels.
    height
        Amplitude in standard deviations of the noise.
    bend
        Deviation of the bands from straight lines, in periods.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        y, x = canvas.grid
        angle = canvas.rng.uniform(0, np.pi)
        thickness = (x * np.cos(angle) + y * np.sin(angle)) / period
        thickness = thickness + bend * _random_field(canvas, slope=6.5)
        pattern = np.cos(2 * np.pi * thickness) + 0.4 * np.cos(2 * np.pi * 1.07 * thickness)
        return ProbeSignal(light=canvas.sigma * height / 1.4 * pattern, pixels=EVERYWHERE)

    return draw


def vignetting(depth: float) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws a frame that is darker at its corners.

    Parameters
    ----------
    depth
        Relative loss of light at the farthest corner.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        y, x = canvas.grid
        middle = (canvas.rng.uniform(0.35, 0.65) * SHAPE[0], canvas.rng.uniform(0.35, 0.65) * SHAPE[1])
        radius = np.hypot(y - middle[0], x - middle[1])
        return ProbeSignal(response=1 - depth * (radius / radius.max()) ** 3, pixels=EVERYWHERE)

    return draw


def sky_gradient(height: float) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws a sky that increases linearly across the frame.

    Parameters
    ----------
    height
        Increase relative to the sky.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        y, x = canvas.grid
        angle = canvas.rng.uniform(0, 2 * np.pi)
        along = x * np.cos(angle) + y * np.sin(angle)
        along = (along - along.min()) / np.ptp(along)
        return ProbeSignal(light=canvas.sky * height * along, pixels=EVERYWHERE)

    return draw


def amplifier_step(height: float) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws two amplifiers with different levels.

    Parameters
    ----------
    height
        Difference of the levels in standard deviations of the noise.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        step = np.zeros(SHAPE)
        step[:, SHAPE[1] // 2 :] = canvas.sigma * height
        return ProbeSignal(pedestal=step, pixels=EVERYWHERE)

    return draw


def edge_on_galaxies(length: float, height: float, count: int) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws edge-on disc galaxies with bulges.

    Parameters
    ----------
    length
        Scale length in pixels.
    height
        Central brightness of the disc in standard deviations of the noise.
    count
        Number of galaxies.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        light = np.zeros(SHAPE)
        for _ in range(count):
            u, v = _turned(canvas, canvas.random_position(0.15), canvas.rng.uniform(0, np.pi))
            disc = np.exp(-np.abs(u) / length) / np.cosh(v / max(0.12 * length, 1.3)) ** 2
            bulge = 1.5 * np.exp(-np.hypot(u, 1.4 * v) / (0.2 * length))
            light += canvas.sigma * height * (disc + bulge)
        return ProbeSignal(light=light)

    return draw


def spiral_galaxy(length: float, height: float) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws a spiral galaxy with two arms.

    Parameters
    ----------
    length
        Scale length of the disc in pixels.
    height
        Central brightness of the disc in standard deviations of the noise.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        u, v = _turned(canvas, canvas.random_position(0.4), canvas.rng.uniform(0, np.pi))
        radius, angle = np.hypot(u, v / 0.7) + 1e-3, np.arctan2(v / 0.7, u)
        arms = 1 + 0.7 * np.cos(2 * (angle - 3.2 * np.log1p(radius / 8)))
        light = canvas.sigma * height * (np.exp(-radius / length) * arms + 2 * np.exp(-radius / 4))
        return ProbeSignal(light=light)

    return draw


def elliptical_galaxy(length: float, height: float) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws an elliptical galaxy with a de Vaucouleurs (1948) profile.

    Parameters
    ----------
    length
        Half-light radius in pixels.
    height
        Brightness at that radius in standard deviations of the noise.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        u, v = _turned(canvas, canvas.random_position(0.4), canvas.rng.uniform(0, np.pi))
        radius = np.hypot(u, v / 0.75)
        profile = np.exp(-7.67 * ((np.hypot(radius, 2.0) / length) ** 0.25 - 1))
        return ProbeSignal(light=np.minimum(canvas.sigma * height * profile, 3e4))

    return draw


def _turned(
    canvas: Canvas, position: tuple[float, float], angle: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return coordinates along and across a direction through a position."""
    y, x = canvas.grid
    v, u = y - position[0], x - position[1]
    return u * np.cos(angle) + v * np.sin(angle), v * np.cos(angle) - u * np.sin(angle)


def _random_field(canvas: Canvas, *, slope: float) -> NDArray[np.float64]:
    """Return a Gaussian random field of unit variance with a power-law spectrum of this negative exponent."""
    rows, columns = np.fft.fftfreq(SHAPE[0]) * SHAPE[0], np.fft.fftfreq(SHAPE[1]) * SHAPE[1]
    frequency = np.hypot(rows[:, None], columns[None])
    frequency[0, 0] = np.inf
    noise = np.fft.fft2(canvas.rng.normal(size=SHAPE))
    # damp waves longer than the frame, so that the structure extends over all of it
    amplitude = (frequency**2 + 2.0**2) ** (-slope / 4)
    amplitude[0, 0] = 0
    field = np.fft.ifft2(noise * amplitude).real
    unit: NDArray[np.float64] = (field - field.mean()) / field.std()
    return unit
