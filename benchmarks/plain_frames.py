"""Frames for tracking by a second, simple simulator, which shares no code with the package.

The simulator of the training also draws the held-out recipes, so that its errors would not show there.  Here
a star is a cloud of points, each a Gaussian or a Moffat profile, which models both optics and motion.  These
frames may not be used for tuning.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["ERRORS", "GOOD", "PlainFrame", "plain_frame"]

SUBPIXELS = 3
"""Points along each axis of a pixel at which a profile is sampled."""

TIME_STEPS = 32
"""Number of points along a motion."""

MAX_LENGTH = 0.2
"""Maximum length of a motion, as a fraction of the frame's side."""


@dataclass(frozen=True)
class PlainFrame:
    """A frame and its kind.

    Attributes
    ----------
    pixels
        ``(H, W)`` float32, in electrons.
    kind
        One of :data:`GOOD` or :data:`ERRORS`.
    tracking_error
        Whether it has a tracking error.
    """

    pixels: NDArray[np.float32]
    kind: str
    tracking_error: bool


@dataclass(frozen=True)
class _Cloud:
    """Points that form the image of a star: offsets in pixels, weights, and relative width of each."""

    dy: NDArray[np.float64]
    dx: NDArray[np.float64]
    weight: NDArray[np.float64]
    width: NDArray[np.float64]


_Position = tuple[float, float]


def _points(dy: object, dx: object, width: object = 1.0, weight: object = 1.0) -> _Cloud:
    """Return a cloud with weights normalised to one."""
    arrays = np.broadcast_arrays(*(np.atleast_1d(np.asarray(a, np.float64)) for a in (dy, dx, weight, width)))
    return _Cloud(arrays[0], arrays[1], arrays[2] / arrays[2].sum(), arrays[3])


def _round(_position: _Position) -> _Cloud:
    return _points(0.0, 0.0)


def _stretched(fwhm: float, strength: Callable[[_Position], _Position]) -> Callable[[_Position], _Cloud]:
    """Return images elongated by a few points along a line, whose vector depends on the position."""

    def cloud(position: _Position) -> _Cloud:
        up, right = strength(position)
        steps = np.array([-1.5, -0.75, 0.0, 0.75, 1.5])
        return _points(steps * up * fwhm / 2, steps * right * fwhm / 2, weight=np.exp(-0.5 * steps**2))

    return cloud


def _elliptical(rng: Generator, fwhm: float, _side: int) -> Callable[[_Position], _Cloud]:
    size, angle = rng.uniform(0.3, 0.8), rng.uniform(0, 2 * math.pi)
    return _stretched(fwhm, lambda _: (size * math.sin(angle), size * math.cos(angle)))


def _astigmatic(rng: Generator, fwhm: float, _side: int) -> Callable[[_Position], _Cloud]:
    """Radial or tangential images that grow towards the corners."""
    size, across = rng.uniform(0.5, 1.1), rng.uniform() < 0.5

    def strength(position: _Position) -> _Position:
        y, x = position
        radius = math.hypot(y, x)
        return (size * x * radius, -size * y * radius) if across else (size * y * radius, size * x * radius)

    return _stretched(fwhm, strength)


def _comatic(rng: Generator, fwhm: float, _side: int) -> Callable[[_Position], _Cloud]:
    size, sense = rng.uniform(0.8, 1.8) * fwhm, rng.choice([-1.0, 1.0])

    def cloud(position: _Position) -> _Cloud:
        y, x = position
        steps = np.linspace(0, 1, 8)
        # each ring of the pupil lies farther out and is wider
        return _points(sense * size * y * steps, sense * size * x * steps, width=1 + 0.7 * steps)

    return cloud


def _donut(rng: Generator, fwhm: float, _side: int) -> Callable[[_Position], _Cloud]:
    radius, hole = rng.uniform(1.0, 2.5) * fwhm, rng.uniform(0.25, 0.5)
    n = np.arange(160)
    r = radius * np.sqrt(hole**2 + (1 - hole**2) * (n + 0.5) / n.size)
    angle = n * math.pi * (3 - math.sqrt(5))
    return lambda _: _points(r * np.sin(angle), r * np.cos(angle), width=0.8)


def _refracted(rng: Generator, fwhm: float, _side: int) -> Callable[[_Position], _Cloud]:
    length, angle = rng.uniform(0.3, 0.9) * fwhm, rng.uniform(0, 2 * math.pi)
    steps = np.linspace(0, 1, 6) ** 2
    return lambda _: _points(length * math.sin(angle) * steps, length * math.cos(angle) * steps)


def _along(path: NDArray[np.float64], rng: Generator) -> Callable[[_Position], _Cloud]:
    """Return images that moved along a path ``(2, N)``, rotated by a random angle."""
    angle = rng.uniform(0, 2 * math.pi)
    y = math.sin(angle) * path[0] + math.cos(angle) * path[1]
    x = math.cos(angle) * path[0] - math.sin(angle) * path[1]
    return lambda _: _points(y - y.mean(), x - x.mean())


def _length(rng: Generator, low: float, high: float, fwhm: float, side: int) -> float:
    """Draw the length of a motion in FWHM, uniform in its logarithm, and return it in pixels."""
    return min(fwhm * math.exp(rng.uniform(math.log(low), math.log(high))), MAX_LENGTH * side)


_TIME = np.linspace(0, 1, TIME_STEPS)


def _drift(rng: Generator, fwhm: float, side: int) -> Callable[[_Position], _Cloud]:
    return _along(_length(rng, 3, 15, fwhm, side) * np.stack([_TIME, 0 * _TIME]), rng)


def _short_drift(rng: Generator, fwhm: float, side: int) -> Callable[[_Position], _Cloud]:
    return _along(_length(rng, 1.8, 3, fwhm, side) * np.stack([_TIME, 0 * _TIME]), rng)


def _jump(rng: Generator, fwhm: float, side: int) -> Callable[[_Position], _Cloud]:
    jumped = rng.uniform(0.25, 0.75) < _TIME
    return _along(_length(rng, 1.8, 7, fwhm, side) * np.stack([jumped, 0 * _TIME]), rng)


def _back_and_forth(rng: Generator, fwhm: float, side: int) -> Callable[[_Position], _Cloud]:
    phase = 2 * math.pi * (rng.uniform(0.8, 6) * _TIME + rng.uniform())
    return _along(_length(rng, 0.9, 6, fwhm, side) * np.stack([np.sin(phase), 0 * _TIME]), rng)


def _arc(rng: Generator, fwhm: float, side: int) -> Callable[[_Position], _Cloud]:
    length, turn = _length(rng, 3, 12, fwhm, side), rng.uniform(0.7, 2.5)
    angle = turn * (_TIME - 0.5)
    return _along(length / turn * np.stack([np.sin(angle), np.cos(angle)]), rng)


def _halting(rng: Generator, fwhm: float, side: int) -> Callable[[_Position], _Cloud]:
    wave = np.sin(2 * math.pi * (rng.uniform(1, 3) * _TIME + rng.uniform()))
    gone = np.cumsum((wave > rng.uniform(0, 0.6)) + 1e-3)
    return _along(_length(rng, 2.5, 12, fwhm, side) * np.stack([gone / gone[-1], 0 * _TIME]), rng)


def _lost_star(rng: Generator, fwhm: float, side: int) -> Callable[[_Position], _Cloud]:
    left = rng.uniform(0.3, 0.65)
    gone = np.clip((_TIME - left) / (1 - left), 0, 1)
    return _along(_length(rng, 4, 14, fwhm, side) * np.stack([gone, 0 * _TIME]), rng)


def _jitter(rng: Generator, fwhm: float, _side: int) -> Callable[[_Position], _Cloud]:
    size = rng.uniform(0.65, 1.6) * fwhm
    along, across = rng.normal(0, 1, (2, TIME_STEPS))
    return _along(np.stack([size * along / along.std(), 0.3 * size * across / across.std()]), rng)


def _rotation(rng: Generator, fwhm: float, side: int) -> Callable[[_Position], _Cloud]:
    middle = rng.uniform(-1.2, 1.2, 2)
    angle = _length(rng, 3, 9, fwhm, side) / (0.5 * side) * (_TIME - 0.5)

    def cloud(position: _Position) -> _Cloud:
        y, x = ((position[i] - middle[i]) * side / 2 for i in (0, 1))
        cosine, sine = np.cos(angle) - 1, np.sin(angle)
        return _points(cosine * y + sine * x, cosine * x - sine * y)

    return cloud


_GOOD: dict[str, Callable[[Generator, float, int], Callable[[_Position], _Cloud]]] = {
    "round": lambda *_: _round,
    "elliptical": _elliptical,
    "astigmatic": _astigmatic,
    "comatic": _comatic,
    "defocused": _donut,
    "refracted": _refracted,
    "few stars": _elliptical,
    "hardly a star": lambda *_: _round,
    "crowded": _elliptical,
    "galaxies": lambda *_: _round,
    "undersampled": lambda *_: _round,
    "satellites": lambda *_: _round,
    "cosmic rays and columns": lambda *_: _round,
}
_ERRORS: dict[str, Callable[[Generator, float, int], Callable[[_Position], _Cloud]]] = {
    "drift": _drift,
    "short drift": _short_drift,
    "jump": _jump,
    "back and forth": _back_and_forth,
    "arc": _arc,
    "halting drift": _halting,
    "lost star": _lost_star,
    "jitter": _jitter,
    "rotation": _rotation,
}

GOOD, ERRORS = tuple(_GOOD), tuple(_ERRORS)

STARS = {"few stars": (4, 9), "hardly a star": (0, 3), "crowded": (1500, 3000), "galaxies": (10, 25)}
"""Number of stars of some kinds of frames, for 512 x 512 px; others have 30 to 300."""


def plain_frame(kind: str, rng: Generator, side: int) -> PlainFrame:
    """Paint a frame.

    Parameters
    ----------
    kind
        One of :data:`GOOD` or :data:`ERRORS`.
    rng
        Random generator.
    side
        Pixels along each axis.

    Returns
    -------
    PlainFrame
        The frame.
    """
    narrow, wide = (1.1, 1.6) if kind == "undersampled" else (2, 6)
    fwhm = math.exp(rng.uniform(math.log(narrow), math.log(wide)))
    sky, read = math.exp(rng.uniform(math.log(30), math.log(5000))), rng.uniform(3, 12)
    sigma = math.hypot(math.sqrt(sky), read)
    beta = 0.0 if rng.uniform() < 0.3 else rng.uniform(2.5, 5)
    form = {**_GOOD, **_ERRORS}[kind](rng, fwhm, side)
    low, high = STARS.get(kind, (30, 300))
    count = int(math.exp(rng.uniform(math.log(low + 1), math.log(high + 1)))) - 1
    if kind not in ("few stars", "hardly a star"):
        count = max(15, round(count * (side / 512) ** 2))
    light = np.zeros((side, side))
    # heights of peaks above the noise, for round images, from a power law of fluxes
    peaks = np.minimum(6 * rng.uniform(size=count) ** (-1 / 0.9), 5000) * sigma
    for peak in peaks:
        y, x = rng.uniform(-10, side + 10, 2)
        cloud = form((2 * y / side - 1, 2 * x / side - 1))
        _paint(light, cloud, y, x, 1.2 * fwhm**2 * peak, fwhm=fwhm, beta=beta, floor=0.1 * sigma)
    if kind in ("galaxies", *_ERRORS) and (kind == "galaxies" or rng.uniform() < 0.3):
        _paint_galaxies(light, rng, fwhm, sigma, count=150 if kind == "galaxies" else 10)
    if kind == "satellites":
        _paint_trails(light, rng, fwhm, sigma)
    slope = rng.uniform(-0.1, 0.1, 2) * sky
    ramp = np.linspace(-1, 1, side)
    expected = np.maximum(sky + light + slope[0] * ramp[:, None] + slope[1] * ramp, 0)
    pixels = rng.poisson(expected) + rng.normal(0, read, expected.shape)
    _add_defects(pixels, rng, sigma, many=kind == "cosmic rays and columns")
    return PlainFrame(np.minimum(pixels, rng.uniform(3e4, 2e5)).astype(np.float32), kind, kind in _ERRORS)


def _paint(
    light: NDArray[np.float64],
    cloud: _Cloud,
    y: float,
    x: float,
    flux: float,
    *,
    fwhm: float,
    beta: float,
    floor: float,
) -> None:
    """Add a star: the weighted sum of the profiles of all points of the cloud."""
    widest = float(cloud.width.max())
    reach = fwhm * widest * (1.5 + (0.8 if beta else 0.2) * math.log10(1 + flux / (fwhm**2 * floor)))
    half = math.ceil(reach + max(np.abs(cloud.dy).max(), np.abs(cloud.dx).max()))
    top, left = round(y) - half, round(x) - half
    rows = slice(max(top, 0), min(top + 2 * half + 1, light.shape[0]))
    columns = slice(max(left, 0), min(left + 2 * half + 1, light.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    offsets = (np.arange(SUBPIXELS) + 0.5) / SUBPIXELS - 0.5 if fwhm < 2 else np.zeros(1)
    image = np.zeros((rows.stop - rows.start, columns.stop - columns.start))
    for dy, dx, weight, width in zip(cloud.dy, cloud.dx, cloud.weight, cloud.width, strict=True):
        size = fwhm * width
        down = ((np.arange(rows.start, rows.stop)[:, None] + offsets - y - dy) / size) ** 2
        right = ((np.arange(columns.start, columns.stop)[:, None] + offsets - x - dx) / size) ** 2
        if beta:
            squares = down[:, None, :, None] + right[None, :, None, :]
            profile = (1 + 4 * (2 ** (1 / beta) - 1) * squares) ** -beta
            image += weight / width**2 * profile.mean(axis=(2, 3))
        else:
            sides = (np.exp2(-4 * part).mean(axis=1) for part in (down, right))
            image += weight / width**2 * np.outer(*sides)
    light[rows, columns] += flux / (1.13 * fwhm**2) * image


def _paint_galaxies(
    light: NDArray[np.float64], rng: Generator, fwhm: float, sigma: float, *, count: int
) -> None:
    """Add exponential discs of any inclination."""
    side = len(light)
    for _ in range(count):
        y, x = rng.uniform(0, side, 2)
        size, ratio, angle = fwhm * rng.uniform(0.6, 3), rng.uniform(0.3, 1), rng.uniform(0, math.pi)
        half = math.ceil(7 * size)
        rows = np.arange(max(0, round(y) - half), min(side, round(y) + half + 1))
        columns = np.arange(max(0, round(x) - half), min(side, round(x) + half + 1))
        down, right = rows[:, None] - y, columns[None, :] - x
        along = math.cos(angle) * right + math.sin(angle) * down
        across = (math.cos(angle) * down - math.sin(angle) * right) / ratio
        peak = 4 * sigma * rng.uniform() ** -0.9
        disc = peak * np.exp(-np.sqrt(along**2 + across**2 + (0.5 * fwhm) ** 2) / size)
        light[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += disc


def _paint_trails(light: NDArray[np.float64], rng: Generator, fwhm: float, sigma: float) -> None:
    """Add one to three satellites, which cross the frame."""
    y, x = np.mgrid[: len(light), : len(light)]
    for _ in range(int(rng.integers(1, 4))):
        angle, position = rng.uniform(0, math.pi), rng.uniform(0.2, 0.8, 2) * len(light)
        distance = (y - position[0]) * math.cos(angle) - (x - position[1]) * math.sin(angle)
        light += sigma * math.exp(rng.uniform(0.5, 4)) * np.exp2(-4 * (distance / (1.3 * fwhm)) ** 2)


def _add_defects(pixels: NDArray[np.float64], rng: Generator, sigma: float, *, many: bool) -> None:
    """Add cosmic rays, bright and dark columns and hot pixels: a few to any frame, or many."""
    side = len(pixels)
    for _ in range(int(rng.integers(30, 200) if many else rng.integers(0, 20))):
        length, angle = 1 + rng.exponential(8), rng.uniform(0, 2 * math.pi)
        steps = np.arange(0, length, 0.5)
        start = rng.uniform(0, side, 2)
        rows = (start[0] + steps * math.sin(angle)).astype(int)
        columns = (start[1] + steps * math.cos(angle)).astype(int)
        inside = (rows >= 0) & (rows < side) & (columns >= 0) & (columns < side)
        pixels[rows[inside], columns[inside]] += sigma * rng.uniform(10, 200)
    for _ in range(int(rng.integers(3, 12) if many else rng.integers(0, 2))):
        pixels[int(rng.integers(side)) :, int(rng.integers(side))] += sigma * rng.uniform(-20, 100)
    count = int(rng.integers(50, 500) if many else rng.integers(0, 50))
    pixels[rng.integers(0, side, count), rng.integers(0, side, count)] += sigma * rng.uniform(5, 200, count)
