"""Lines of light: trails of satellites, aircraft and meteors."""

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
    """Where pixels are as seen from a line.

    Attributes
    ----------
    across, along
        ``(H, W)`` distance from the line and position along it, in pixels; 0 is the point nearest to the
        line's middle.
    """

    across: NDArray[np.float64]
    along: NDArray[np.float64]


def draw_line(
    canvas: Canvas,
    angle: float | None = None,
    *,
    place: tuple[float, float] | None = None,
    radius: float = np.inf,
) -> Line:
    """Return a line through the inner part of the canvas.

    Parameters
    ----------
    canvas
        Gives what is random.
    angle
        Of the line with the rows, in radians; any that is no less than 10 degrees from rows and columns if
        None.
    place
        Row and column that it goes through; a random one if None.
    radius
        Of its curvature, in pixels.
    """
    if angle is None:
        tilt = canvas.rng.uniform(np.radians(10), np.radians(80))
        angle = float(tilt + canvas.rng.integers(2) * RIGHT_ANGLE)
    y, x = canvas.grid
    middle = canvas.random_position(0.35) if place is None else place
    v, u = y - middle[0], x - middle[1]
    along = u * np.cos(angle) + v * np.sin(angle)
    across = -u * np.sin(angle) + v * np.cos(angle)
    if np.isfinite(radius):
        across = np.hypot(along, across - radius) - radius
    return Line(across, along)


def gaussian_profile(across: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Return a profile of a FWHM in pixels, with a peak of 1."""
    profile: NDArray[np.float64] = np.exp(-0.5 * (across * SIGMAS_IN_FWHM / width) ** 2)
    return profile


def flat_profile(across: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Return a profile with a flat top of a full width in pixels and edges as soft as a PSF."""
    profile: NDArray[np.float64] = 1 / (1 + np.exp((np.abs(across) - width / 2) / 0.8))
    return profile


def hollow_profile(across: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Return the profile of a line that is so far out of focus that the secondary mirror shows in it."""

    def chord(radius: float) -> NDArray[np.float64]:
        half: NDArray[np.float64] = np.sqrt(np.clip(radius**2 - across**2, 0, None))
        return half

    light = chord(width / 2) - chord(0.55 * width / 2)
    profile: NDArray[np.float64] = light / light.max()
    return profile


def straight_trail(
    width: float, height: float, profile: Profile = gaussian_profile
) -> Callable[[Canvas], ProbeSignal]:
    """Return what draws a straight trail across the frame.

    Parameters
    ----------
    width
        In pixels, as the profile takes it.
    height
        Of its ridge, in standard deviations of the noise.
    profile
        Across it.
    """
    return lambda canvas: ProbeSignal(light=canvas.sigma * height * profile(draw_line(canvas).across, width))


def short_trail(length: float, width: float, height: float) -> Callable[[Canvas], ProbeSignal]:
    """Return what draws a trail that begins and ends in the frame, with a length in pixels."""

    def draw(canvas: Canvas) -> ProbeSignal:
        line = draw_line(canvas)
        inside = 1 / (1 + np.exp((np.abs(line.along) - length / 2) / 1.0))
        return ProbeSignal(light=canvas.sigma * height * gaussian_profile(line.across, width) * inside)

    return draw


def meteor_trail(width: float, height: float) -> Callable[[Canvas], ProbeSignal]:
    """Return what draws a trail that brightens slowly, flares and ends."""

    def draw(canvas: Canvas) -> ProbeSignal:
        line = draw_line(canvas)
        s = np.clip((line.along + 170) / 260, 0, 1)
        shape = np.where(s < 1, s**0.8 * (1 + 3 * np.exp(-(((s - 0.8) / 0.06) ** 2))), 0)
        return ProbeSignal(light=canvas.sigma * height * gaussian_profile(line.across, width) * shape)

    return draw


def flashing_trail(
    width: float, height: float, period: float, dark: float = 0.0
) -> Callable[[Canvas], ProbeSignal]:
    """Return what draws the trail of a tumbling satellite: glints of a period in pixels.

    Parameters
    ----------
    width, height
        As of :func:`straight_trail`, the second at the glints.
    period
        Pixels from glint to glint.
    dark
        Light between them, as a part of that in them.
    """

    def draw(canvas: Canvas) -> ProbeSignal:
        line = draw_line(canvas)
        phase = 2 * np.pi * (line.along / period + canvas.rng.uniform())
        glints = dark + (1 - dark) * np.exp(2.0 * (np.cos(phase) - 1))
        return ProbeSignal(light=canvas.sigma * height * gaussian_profile(line.across, width) * glints)

    return draw


def aircraft_trail(height: float) -> Callable[[Canvas], ProbeSignal]:
    """Return what draws two even lines with a row of strobe flashes between them."""

    def draw(canvas: Canvas) -> ProbeSignal:
        line = draw_line(canvas)
        lamps = gaussian_profile(line.across - 11, 4) + 0.7 * gaussian_profile(line.across + 11, 4)
        beat = (line.along % 70) - 35
        strobes = 6 * np.exp(-0.5 * (beat / 2.0) ** 2) * gaussian_profile(line.across, 5)
        return ProbeSignal(light=canvas.sigma * height * (lamps + strobes))

    return draw


def parallel_trails(width: float, height: float, gap: float) -> Callable[[Canvas], ProbeSignal]:
    """Return what draws two trails side by side, with a gap in pixels between their ridges."""

    def draw(canvas: Canvas) -> ProbeSignal:
        across = draw_line(canvas).across
        both = gaussian_profile(across - gap / 2, width) + gaussian_profile(across + gap / 2, width)
        return ProbeSignal(light=canvas.sigma * height * both)

    return draw


def crossing_trails(width: float, height: float) -> Callable[[Canvas], ProbeSignal]:
    """Return what draws two trails that cross."""

    def draw(canvas: Canvas) -> ProbeSignal:
        angle = canvas.rng.uniform(np.radians(15), np.radians(45))
        first, second = draw_line(canvas, angle), draw_line(canvas, angle + np.radians(55))
        both = gaussian_profile(first.across, width) + gaussian_profile(second.across, width)
        return ProbeSignal(light=canvas.sigma * height * both)

    return draw


def curved_trail(width: float, height: float, radius: float) -> Callable[[Canvas], ProbeSignal]:
    """Return what draws a trail that is part of a circle with a radius in pixels."""
    return lambda canvas: ProbeSignal(
        light=canvas.sigma * height * gaussian_profile(draw_line(canvas, radius=radius).across, width)
    )


def axis_aligned_trail(width: float, height: float, *, rows: bool = False) -> Callable[[Canvas], ProbeSignal]:
    """Return what draws a trail that leaves the columns, or the rows, by 1 to 2.5 degrees."""

    def draw(canvas: Canvas) -> ProbeSignal:
        tilt = np.radians(canvas.rng.uniform(1.0, 2.5)) * canvas.rng.choice([-1, 1])
        middle = (SHAPE[0] / 2, canvas.rng.uniform(0.2, 0.8) * SHAPE[1])
        if rows:
            middle = (canvas.rng.uniform(0.2, 0.8) * SHAPE[0], SHAPE[1] / 2)
        line = draw_line(canvas, tilt if rows else RIGHT_ANGLE + tilt, place=middle)
        return ProbeSignal(light=canvas.sigma * height * gaussian_profile(line.across, width))

    return draw
