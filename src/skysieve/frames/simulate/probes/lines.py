"""Probes of lines of light: trails of satellites, aircraft and meteors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from skysieve.frames.simulate.probes.canvas import SHAPE, ProbeSignal

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from skysieve.frames.simulate.probes.canvas import Canvas

__all__ = [
    "Line",
    "aircraft_trail",
    "axis_aligned_trail",
    "crossing_trails",
    "curved_trail",
    "draw_line",
    "flashing_trail",
    "flat_profile",
    "gaussian_profile",
    "hollow_profile",
    "meteor_trail",
    "parallel_trails",
    "short_trail",
    "straight_trail",
]

Profile: TypeAlias = "Callable[[NDArray[np.float64], float], NDArray[np.float64]]"
"""Light across a line, from the distance ``(H, W)`` and the width in pixels."""

SIGMAS_IN_FWHM = 2.3548
RIGHT_ANGLE = np.pi / 2


@dataclass(frozen=True)
class Line:
    """Coordinates of pixels relative to a line.

    Attributes
    ----------
    across, along
        ``(H, W)`` float64, distance from the line and position along it in pixels; 0 is the line's midpoint.
    """

    across: NDArray[np.float64]
    along: NDArray[np.float64]


def draw_line(
    canvas: Canvas,
    angle: float | None = None,
    *,
    position: tuple[float, float] | None = None,
    radius: float = np.inf,
) -> Line:
    """Draw a line through the inner part of the canvas.

    Parameters
    ----------
    canvas
        Gives the random generator.
    angle
        Angle with the rows in radians; by default random, at least 10 degrees from rows and columns.
    position
        Row and column of a point on the line; random if None.
    radius
        Radius of curvature, in pixels.

    Returns
    -------
    Line
        Coordinates of all pixels.
    """
    if angle is None:
        tilt = canvas.rng.uniform(np.radians(10), np.radians(80))
        angle = float(tilt + canvas.rng.integers(2) * RIGHT_ANGLE)
    y, x = canvas.grid
    middle = canvas.random_position(0.35) if position is None else position
    v, u = y - middle[0], x - middle[1]
    along = u * np.cos(angle) + v * np.sin(angle)
    across = -u * np.sin(angle) + v * np.cos(angle)
    if np.isfinite(radius):
        across = np.hypot(along, across - radius) - radius
    return Line(across, along)


def gaussian_profile(across: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Return a Gaussian profile with a maximum of 1.

    Parameters
    ----------
    across
        Distance from the line in pixels, any shape.
    width
        FWHM in pixels.

    Returns
    -------
    numpy.ndarray
        Profile float64 of the same shape.
    """
    profile: NDArray[np.float64] = np.exp(-0.5 * (across * SIGMAS_IN_FWHM / width) ** 2)
    return profile


def flat_profile(across: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Return a flat-topped profile with edges as soft as a PSF.

    Parameters
    ----------
    across
        Distance from the line in pixels, any shape.
    width
        Full width in pixels.

    Returns
    -------
    numpy.ndarray
        Profile float64 of the same shape.
    """
    profile: NDArray[np.float64] = 1 / (1 + np.exp((np.abs(across) - width / 2) / 0.8))
    return profile


def hollow_profile(across: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Return the profile of a line far out of focus, with the hole of the secondary mirror.

    Parameters
    ----------
    across
        Distance from the line in pixels, any shape.
    width
        Full width in pixels.

    Returns
    -------
    numpy.ndarray
        Profile float64 of the same shape, with a maximum of 1.
    """

    def chord(radius: float) -> NDArray[np.float64]:
        half: NDArray[np.float64] = np.sqrt(np.clip(radius**2 - across**2, 0, None))
        return half

    light = chord(width / 2) - chord(0.55 * width / 2)
    profile: NDArray[np.float64] = light / light.max()
    return profile


def straight_trail(
    width: float, height: float, profile: Profile = gaussian_profile
) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws a straight trail across the frame.

    Parameters
    ----------
    width
        Width in pixels, as defined by the profile.
    height
        Maximum in standard deviations of the noise.
    profile
        Profile across the trail.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """
    return lambda canvas: ProbeSignal(light=canvas.sigma * height * profile(draw_line(canvas).across, width))


def short_trail(length: float, width: float, height: float) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws a trail that begins and ends in the frame.

    Parameters
    ----------
    length
        Length in pixels.
    width
        FWHM in pixels.
    height
        Maximum in standard deviations of the noise.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        line = draw_line(canvas)
        inside = 1 / (1 + np.exp((np.abs(line.along) - length / 2) / 1.0))
        return ProbeSignal(light=canvas.sigma * height * gaussian_profile(line.across, width) * inside)

    return draw


def meteor_trail(width: float, height: float) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws a trail that brightens slowly, flares and ends.

    Parameters
    ----------
    width
        FWHM in pixels.
    height
        Signal before the flare in standard deviations of the noise.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        line = draw_line(canvas)
        s = np.clip((line.along + 170) / 260, 0, 1)
        shape = np.where(s < 1, s**0.8 * (1 + 3 * np.exp(-(((s - 0.8) / 0.06) ** 2))), 0)
        return ProbeSignal(light=canvas.sigma * height * gaussian_profile(line.across, width) * shape)

    return draw


def flashing_trail(
    width: float, height: float, period: float, dark: float = 0.0
) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws the trail of a tumbling satellite with periodic glints.

    Parameters
    ----------
    width
        FWHM in pixels.
    height
        Maximum of the glints in standard deviations of the noise.
    period
        Distance between glints, in pixels.
    dark
        Light between the glints, relative to their maximum.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        line = draw_line(canvas)
        phase = 2 * np.pi * (line.along / period + canvas.rng.uniform())
        glints = dark + (1 - dark) * np.exp(2.0 * (np.cos(phase) - 1))
        return ProbeSignal(light=canvas.sigma * height * gaussian_profile(line.across, width) * glints)

    return draw


def aircraft_trail(height: float) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws two continuous lines with a row of strobe flashes between them.

    Parameters
    ----------
    height
        Maximum of the lines in standard deviations of the noise.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        line = draw_line(canvas)
        lamps = gaussian_profile(line.across - 11, 4) + 0.7 * gaussian_profile(line.across + 11, 4)
        beat = (line.along % 70) - 35
        strobes = 6 * np.exp(-0.5 * (beat / 2.0) ** 2) * gaussian_profile(line.across, 5)
        return ProbeSignal(light=canvas.sigma * height * (lamps + strobes))

    return draw


def parallel_trails(width: float, height: float, gap: float) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws two parallel trails.

    Parameters
    ----------
    width
        FWHM in pixels.
    height
        Maximum in standard deviations of the noise.
    gap
        Distance between their ridges, in pixels.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        across = draw_line(canvas).across
        both = gaussian_profile(across - gap / 2, width) + gaussian_profile(across + gap / 2, width)
        return ProbeSignal(light=canvas.sigma * height * both)

    return draw


def crossing_trails(width: float, height: float) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws two trails that cross.

    Parameters
    ----------
    width
        FWHM in pixels.
    height
        Maximum in standard deviations of the noise.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        angle = canvas.rng.uniform(np.radians(15), np.radians(45))
        first, second = draw_line(canvas, angle), draw_line(canvas, angle + np.radians(55))
        both = gaussian_profile(first.across, width) + gaussian_profile(second.across, width)
        return ProbeSignal(light=canvas.sigma * height * both)

    return draw


def curved_trail(width: float, height: float, radius: float) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws a trail along a circle.

    Parameters
    ----------
    width
        FWHM in pixels.
    height
        Maximum in standard deviations of the noise.
    radius
        Radius of the circle, in pixels.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """
    return lambda canvas: ProbeSignal(
        light=canvas.sigma * height * gaussian_profile(draw_line(canvas, radius=radius).across, width)
    )


def axis_aligned_trail(width: float, height: float, *, rows: bool = False) -> Callable[[Canvas], ProbeSignal]:
    """Return a function that draws a trail inclined to the columns, or the rows, by only 1 to 2.5 degrees.

    Parameters
    ----------
    width
        FWHM in pixels.
    height
        Maximum in standard deviations of the noise.
    rows
        Whether it runs along the rows.

    Returns
    -------
    Callable
        Draws the signal on a canvas.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        tilt = np.radians(canvas.rng.uniform(1.0, 2.5)) * canvas.rng.choice([-1, 1])
        middle = (SHAPE[0] / 2, canvas.rng.uniform(0.2, 0.8) * SHAPE[1])
        if rows:
            middle = (canvas.rng.uniform(0.2, 0.8) * SHAPE[0], SHAPE[1] / 2)
        line = draw_line(canvas, tilt if rows else RIGHT_ANGLE + tilt, position=middle)
        return ProbeSignal(light=canvas.sigma * height * gaussian_profile(line.across, width))

    return draw
