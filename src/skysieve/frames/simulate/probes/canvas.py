"""Background of probes: a small camera, a star field, and noise."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = [
    "SHAPE",
    "WELL",
    "Canvas",
    "Probe",
    "ProbeFrame",
    "ProbeSignal",
    "add_star",
    "draw_probe",
    "star_field",
]

SHAPE = (360, 440)
"""Height and width of a scene, in pixels."""

WELL = 9.0e4
"""Full well, in electrons."""

GAIN, BIAS = 1.8, 600.0
"""Gain in electrons per ADU, and bias in ADU."""

SKY = (150.0, 4000.0)
READ_NOISE = (3.0, 9.0)
"""Ranges in electrons from which each scene draws its sky and read noise."""

STARS = 45
FAINTEST, BRIGHTEST = 3.0, 120.0
"""Peaks of background stars, in standard deviations of the noise."""

VISIBLE = 2.0
"""Target pixels exceed this many standard deviations of the local noise, or half of the maximum signal."""

UNTOUCHED = 0.1
NEAR = 8
"""Empty pixels have a signal below ``UNTOUCHED`` standard deviations, and are more than ``NEAR`` px away."""

OVERSAMPLING = 3


@dataclass(frozen=True)
class Canvas:
    """An empty sky to draw on.

    Attributes
    ----------
    rng
        Random generator of the scene.
    sky
        Sky level, in electrons per pixel.
    read_noise
        Read noise, in electrons.
    fwhm
        FWHM of the PSF, in pixels.
    """

    rng: Generator
    sky: float
    read_noise: float
    fwhm: float

    @cached_property
    def grid(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Row and column of each pixel, ``(H, W)`` float64 each."""
        y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float64)
        return y, x

    @property
    def sigma(self) -> float:
        """Standard deviation of the empty sky, in electrons."""
        return float(np.hypot(np.sqrt(self.sky), self.read_noise))

    def random_position(self, border: float = 0.2) -> tuple[float, float]:
        """Draw a position away from the edges.

        Parameters
        ----------
        border
            Minimum distance from the edges, relative to each side.

        Returns
        -------
        tuple
            Row and column, in pixels.
        """
        height, width = SHAPE
        y, x = self.rng.uniform(border, 1 - border, 2)
        return float(y * height), float(x * width)


@dataclass(frozen=True, kw_only=True)
class ProbeSignal:
    """Signal that a probe adds to the canvas; arrays are ``(H, W)``, and None means nothing.

    Attributes
    ----------
    light
        Electrons that it adds, before photon noise.
    response
        Factor on all light, the sky included.
    pedestal
        Electrons added after all noise.
    pixels
        Target pixels of the probe; None for those where ``light`` exceeds the noise.
    replaces_stars
        Whether the scene has no background stars.
    """

    light: NDArray[np.float64] | None = None
    response: NDArray[np.float64] | None = None
    pedestal: NDArray[np.float64] | None = None
    pixels: NDArray[np.bool_] | None = None
    replaces_stars: bool = False


@dataclass(frozen=True)
class Probe:
    """A scene with one correct class.

    Attributes
    ----------
    name
        Short description.
    expected
        Class of the target; None if a mask should mark nothing.
    draw
        Function that draws the signal on a canvas.
    allowed
        Further contaminant classes that are not counted as errors at the target pixels.
    fwhm
        Range of the stars' FWHM, in pixels.
    """

    name: str
    expected: str | None
    draw: Callable[[Canvas], ProbeSignal]
    allowed: frozenset[str] = field(default_factory=frozenset)
    fwhm: tuple[float, float] = (2.2, 4.5)


@dataclass(frozen=True)
class ProbeFrame:
    """A drawn scene.

    Attributes
    ----------
    pixels
        ``(H, W)`` float32 in ADU.
    target
        ``(H, W)`` bool, pixels that the probe evaluates.
    empty
        ``(H, W)`` bool, pixels far from the target: sky and background stars.
    """

    pixels: NDArray[np.float32]
    target: NDArray[np.bool_]
    empty: NDArray[np.bool_]


def draw_probe(probe: Probe, seed: int) -> ProbeFrame:
    """Draw a scene.

    Parameters
    ----------
    probe
        The scene.
    seed
        Changes sky, stars and angles; the properties in the probe's name stay the same.

    Returns
    -------
    ProbeFrame
        Pixels and masks.
    """
    from scipy import ndimage

    rng = np.random.default_rng([seed, zlib.crc32(probe.name.encode())])
    sky, read_noise = (float(np.exp(rng.uniform(*np.log(limits)))) for limits in (SKY, READ_NOISE))
    canvas = Canvas(rng, sky, read_noise, float(rng.uniform(*probe.fwhm)))
    signal = probe.draw(canvas)
    stars = np.zeros(SHAPE) if signal.replaces_stars else star_field(canvas, STARS, FAINTEST, BRIGHTEST)
    light = np.zeros(SHAPE) if signal.light is None else signal.light
    response = np.ones(SHAPE) if signal.response is None else signal.response
    electrons = rng.poisson(np.clip((sky + stars + light) * response, 0, 1e8)).astype(np.float64)
    electrons += rng.normal(0, read_noise, SHAPE)
    if signal.pedestal is not None:
        electrons += signal.pedestal
    pixels = np.rint(np.minimum(electrons, WELL) / GAIN + BIAS).astype(np.float32)
    target = signal.pixels
    if target is None:
        noise = np.sqrt(sky + stars + read_noise**2)
        target = light > np.minimum(VISIBLE * noise, light.max() / 2)
    touched = target | (np.abs(light) > UNTOUCHED * canvas.sigma) | (response < 1)
    return ProbeFrame(pixels, target, ndimage.distance_transform_edt(~touched) > NEAR)


def add_star(
    light: NDArray[np.float64],
    position: tuple[float, float],
    peak: float,
    *,
    fwhm: float,
    beta: float = 3.2,
    reach: float | None = None,
) -> None:
    """Add a round star with a Moffat profile to an image in place; its core is integrated over pixels.

    Parameters
    ----------
    light
        ``(H, W)`` float64, electrons, changed in place.
    position
        Row and column of the star.
    peak
        Electrons in a pixel at its centre, before integration.
    fwhm
        FWHM of the profile, in pixels.
    beta
        Exponent of the profile.
    reach
        Radius to which its light is added, in pixels; 12 FWHM by default.
    """
    alpha = fwhm / 2 / np.sqrt(2 ** (1 / beta) - 1)

    def window(distance: float) -> tuple[slice, slice]:
        rows, columns = (
            slice(max(0, int(middle - distance)), max(0, int(middle + distance) + 2)) for middle in position
        )
        return rows, columns

    def profile(part: tuple[slice, slice], dy: float, dx: float) -> NDArray[np.float64]:
        rows, columns = (
            np.arange(*span.indices(side), dtype=np.float64)
            for span, side in zip(part, light.shape, strict=True)
        )
        square = (rows[:, None] + dy - position[0]) ** 2 + (columns[None] + dx - position[1]) ** 2
        star: NDArray[np.float64] = (1 + square / alpha**2) ** -beta
        return star

    whole, core = window(12 * fwhm if reach is None else reach), window(3 * fwhm)
    light[whole] += peak * profile(whole, 0.0, 0.0)
    sub = (np.arange(OVERSAMPLING) + 0.5) / OVERSAMPLING - 0.5
    mean = np.mean([profile(core, dy, dx) for dy in sub for dx in sub], axis=0)
    light[core] += peak * (mean - profile(core, 0.0, 0.0))


def star_field(
    canvas: Canvas, count: int, faintest: float, brightest: float, *, fwhm: float | None = None
) -> NDArray[np.float64]:
    """Draw stars with log-uniform peaks.

    Parameters
    ----------
    canvas
        Gives the noise, and the FWHM by default.
    count
        Number of stars.
    faintest, brightest
        Range of peaks in standard deviations of the noise; limited to a third of the full well.
    fwhm
        FWHM in pixels.

    Returns
    -------
    numpy.ndarray
        Light ``(H, W)`` float64, in electrons.
    """
    light = np.zeros(SHAPE)
    for _ in range(count):
        height = float(np.exp(canvas.rng.uniform(np.log(faintest), np.log(brightest))))
        peak = min(canvas.sigma * height, WELL / 3)
        add_star(light, canvas.random_position(0.0), peak, fwhm=canvas.fwhm if fwhm is None else fwhm)
    return light
