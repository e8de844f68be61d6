"""Simulated out-of-distribution frames, unlike those that the networks are trained on, by kind and seed.

The ranges of each kind were set before the statistics that are measured on them; :data:`KINDS` describes the
kinds.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from scipy.fft import dctn, idctn
from scipy.special import erf

from skysieve.frames.simulate.frame import simulate_frame
from skysieve.frames.simulate.recipe import read_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from skysieve.frames.simulate.recipe import Recipe

__all__ = ["KINDS", "ood_frame"]

SIDE = 512
"""Side of the frames in pixels."""

QUANTISATION = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
"""Quantisation steps of the luminance coefficients of JPEG: ITU-T T.81, table K.1."""


def ood_frame(kind: str, seed: int) -> NDArray[np.float32]:
    """Return ``(512, 512)`` pixels of a kind of :data:`KINDS`; the same for the same seed."""
    make, _ = KINDS[kind]
    rng = np.random.default_rng([list(KINDS).index(kind), seed])
    return make(rng).astype(np.float32)


@cache
def _recipe() -> Recipe:
    return read_recipe("default")


def _sky(
    rng: np.random.Generator,
    fwhm: tuple[float, float] = (2.0, 5.0),
    contaminants: tuple[str, ...] = ("CR", "HP", "SAT", "SP"),
) -> NDArray[np.float64]:
    """Return an ordinary raw frame, from which other kinds are made."""
    recipe = _recipe()
    recipe = replace(
        recipe,
        optics=replace(recipe.optics, fwhm=fwhm, defocused=0.0),
        stars=replace(recipe.stars, density=(300, 1e4)),
    )
    seed = int(rng.integers(2**31))
    frame = simulate_frame((SIDE, SIDE), seed=seed, recipe=recipe, kind="raw", contaminants=contaminants)
    return np.array(frame.pixels, np.float64)


def _grid() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float64)
    return rows, columns


def _with_rays(rng: np.random.Generator, flux: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return counts of a flux with readout noise and single bright pixels, transposed for half the seeds."""
    pixels = np.round(rng.poisson(flux) + rng.normal(500, 4, flux.shape))
    hit = rng.random(flux.shape) < 1e-4
    pixels[hit] += rng.uniform(100, 5000, hit.sum())
    return pixels if rng.random() < 0.5 else pixels.T.copy()


def _spread(pixels: NDArray[np.float64]) -> float:
    return 1.48 * float(np.median(np.abs(pixels - np.median(pixels))))


def _bayer(rng: np.random.Generator) -> NDArray[np.float64]:
    pixels = _sky(rng, (1.2, 3.0))
    bias = np.percentile(pixels, 0.5)
    first, second = rng.uniform(0.4, 0.95, 2)
    pixels -= bias
    pixels[::2, ::2] *= first
    pixels[1::2, 1::2] *= second
    return np.round(pixels + bias)


def _debayered(rng: np.random.Generator) -> NDArray[np.float64]:
    pixels = _bayer(rng)
    red = np.zeros_like(pixels)
    red[::2, ::2] = 1
    return np.asarray(ndimage.convolve(pixels * red, np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4))


def _plate(rng: np.random.Generator) -> NDArray[np.float64]:
    pixels = _sky(rng, (1.5, 4.0), ())
    light = (pixels - np.median(pixels)) / _spread(pixels)
    grains = ndimage.gaussian_filter(rng.normal(size=pixels.shape), rng.uniform(0.6, 1.2))
    light = ndimage.gaussian_filter(light, rng.uniform(0.7, 1.3)) + 1.5 * grains
    density = np.log10(10**0.2 + np.clip(np.exp(np.clip(light, -5, 8) * 0.6), 0, 1e3))
    return np.asarray(np.round(3000 + 4000 * density))


def _pupil(rng: np.random.Generator) -> NDArray[np.float64]:
    rows, columns = _grid()
    flux = np.full((SIDE, SIDE), rng.uniform(50, 1000))
    count = int(rng.integers(1, 7))
    radius = rng.uniform(60, 140) if count == 1 else rng.uniform(25, 70)
    for _ in range(count):
        ends = (radius * 0.5, SIDE - radius * 0.5) if count > 1 else (SIDE * 0.35, SIDE * 0.65)
        row, column = rng.uniform(*ends, 2)
        far, angle = np.hypot(rows - row, columns - column), np.arctan2(rows - row, columns - column)
        disc = ((far < radius) & (far > radius * rng.uniform(0.2, 0.5))).astype(float)
        for vane in range(4):
            turned = angle - vane * np.pi / 2 - 0.3
            disc[(np.abs(np.sin(turned)) * far < radius * 0.02) & (np.cos(turned) > 0)] *= 0.2
        speckle = ndimage.gaussian_filter(rng.normal(size=flux.shape), radius / 12)
        disc *= 1 + 0.3 * speckle * radius / 6
        flux += ndimage.gaussian_filter(disc.clip(0), 1.5) * rng.uniform(200, 20000)
    return np.asarray(np.round(rng.poisson(flux) + rng.normal(300, 5, flux.shape)))


def _slit(rng: np.random.Generator) -> NDArray[np.float64]:
    rows, columns = _grid()
    flux = np.full((SIDE, SIDE), rng.uniform(10, 200.0))
    for _ in range(rng.integers(5, 60)):
        offset = columns + 0.01 * (rows - SIDE / 2) - rng.uniform(0, SIDE)
        flux += rng.pareto(0.8) * 50 * np.exp(-0.5 * (offset / rng.uniform(1, 2.5)) ** 2)
    for _ in range(rng.integers(1, 4)):
        offset = rows - rng.uniform(0.2, 0.8) * SIDE - rng.uniform(-20, 20) * (columns / SIDE - 0.5)
        trace = rng.uniform(50, 20000) * np.exp(-0.5 * (offset / rng.uniform(1, 3)) ** 2)
        flux += trace * (1 + 0.5 * np.sin(columns / SIDE * rng.uniform(2, 8)))
    return _with_rays(rng, flux.clip(0, 60000))


def _echelle(rng: np.random.Generator) -> NDArray[np.float64]:
    rows, columns = _grid()
    flux = np.full((SIDE, SIDE), rng.uniform(5, 50.0))
    step = rng.uniform(14, 50)
    width, peak = rng.uniform(1.2, step / 6), 10 ** rng.uniform(2, 4.3)
    bend, slope = rng.uniform(20, 80), rng.uniform(-0.1, 0.1)
    across = columns / SIDE - 0.5
    for order in range(-3, int(SIDE / step) + 4):
        offset = rows - order * step - bend * across**2 - slope * columns
        lines = ndimage.gaussian_filter1d(rng.normal(size=SIDE), 2)[None, :] > 0.3
        profile = np.exp(-0.5 * (offset / width) ** 2 - 0.5 * (across / 0.4) ** 2)
        flux += peak * profile * (1 - 0.4 * lines)
    return _with_rays(rng, flux)


def _flat(rng: np.random.Generator) -> NDArray[np.float64]:
    rows, columns = _grid()
    row, column = rng.uniform(0.2, 0.8, 2) * SIDE
    light = 1 - rng.uniform(0.02, 0.3) * ((columns - column) ** 2 + (rows - row) ** 2) / SIDE**2
    for _ in range(rng.integers(3, 30)):
        far = np.hypot(columns - rng.uniform(0, SIDE), rows - rng.uniform(0, SIDE))
        radius = rng.uniform(5, 40)
        ring = ((far < radius) & (far > radius * rng.uniform(0, 0.6))).astype(float)
        light *= 1 - rng.uniform(0.003, 0.05) * ndimage.gaussian_filter(ring, 2)
    light *= 1 + rng.uniform(0.002, 0.012) * rng.normal(size=light.shape)
    scales = (rng.uniform(2, 10), rng.uniform(10, 40))
    light *= 1 + 0.04 * ndimage.gaussian_filter(rng.normal(size=light.shape), scales)
    return np.asarray(np.round(rng.poisson(light * rng.uniform(8000, 80000)) / rng.uniform(1, 3) + 500))


def _dark(rng: np.random.Generator) -> NDArray[np.float64]:
    pixels = rng.normal(500, rng.uniform(3, 10), (SIDE, SIDE))
    hot = rng.random(pixels.shape) < 10 ** rng.uniform(-4, -1.5)
    pixels[hot] += rng.pareto(1, hot.sum()) * 20
    return np.asarray(np.round(pixels.clip(0, 65535)))


def _undersampled(rng: np.random.Generator) -> NDArray[np.float64]:
    count = int(10 ** rng.uniform(2.0, 3.8))
    flux, sigma = np.zeros((SIDE, SIDE)), rng.uniform(0.2, 0.42)
    totals = np.minimum(300 * rng.pareto(0.9, count) + 100, 3e5)
    offsets = np.arange(-3, 4)
    for (row, column), total in zip(rng.uniform(3, SIDE - 4, (count, 2)), totals, strict=True):
        profiles = []
        for place in (row, column):
            edges = (int(place) + offsets[:, None] + np.array([-0.5, 0.5]) - place) / sigma / np.sqrt(2)
            profiles.append(0.5 * np.diff(erf(edges), axis=1)[:, 0])
        top, left = int(row) - 3, int(column) - 3
        flux[top : top + 7, left : left + 7] += total * np.outer(*profiles)
    pixels = rng.poisson(flux + rng.uniform(20, 400)) + rng.normal(300, 5, flux.shape)
    return np.asarray(np.round(pixels).clip(0, 65535))


def _crowded(rng: np.random.Generator) -> NDArray[np.float64]:
    fwhm = rng.uniform(2, 4.5)
    count = int(SIDE**2 / fwhm**2 * 10 ** rng.uniform(-0.3, 0.8))
    totals = np.minimum(2000 * rng.random(count) ** (-1 / rng.uniform(0.7, 1.3)), 1e7)
    flux = np.zeros((SIDE, SIDE))
    np.add.at(flux, tuple(rng.integers(0, SIDE, (2, count))), totals)
    flux = ndimage.gaussian_filter(flux, fwhm / 2.355) + 0.01 * ndimage.gaussian_filter(flux, fwhm * 3)
    clouds = ndimage.gaussian_filter(rng.normal(size=flux.shape), 40) * 40
    flux *= 1 + 0.8 * np.clip(clouds, -0.9, 2)
    pixels = rng.poisson(flux.clip(0) + 200) + rng.normal(0, 5, flux.shape)
    return np.asarray(ndimage.shift(pixels, rng.random(2), order=1))


def _drizzled(rng: np.random.Generator) -> NDArray[np.float64]:
    scale, exposures = rng.uniform(1.5, 2.2), int(rng.integers(2, 6))
    scene = _sky(rng, (3.0, 6.0), ())
    scene -= np.median(scene)
    noise = _spread(scene)
    coarse = ndimage.zoom(ndimage.gaussian_filter(scene, 0.8), 1 / scale, order=1)
    places = np.mgrid[:SIDE, :SIDE] / scale
    total = np.zeros((SIDE, SIDE))
    for _ in range(exposures):
        one = coarse + rng.normal(0, noise, coarse.shape)
        shift = rng.uniform(0, 0.5, (2, 1, 1))
        order = 0 if rng.random() < 0.5 else 1
        total += ndimage.map_coordinates(one, places + shift, order=order, mode="nearest")
    return total / exposures


def _enlarged(rng: np.random.Generator) -> NDArray[np.float64]:
    pixels = _sky(rng, (1.8, 4.0))[: SIDE // 2, : SIDE // 2]
    return np.asarray(ndimage.zoom(pixels, 2, order=int(rng.integers(0, 4))))


def _jpeg(rng: np.random.Generator) -> NDArray[np.float64]:
    pixels = _sky(rng)
    low, high = np.percentile(pixels, [1, 99.7])
    grey = np.clip((pixels - low) / (high - low), 0, 1) ** 0.5 * 255
    tiles = grey.reshape(SIDE // 8, 8, SIDE // 8, 8).swapaxes(1, 2) - 128
    steps = np.array(QUANTISATION) * rng.uniform(0.3, 1.5)
    tiles = idctn(np.round(dctn(tiles, axes=(2, 3), norm="ortho") / steps) * steps, axes=(2, 3), norm="ortho")
    return np.asarray(np.round((tiles + 128).swapaxes(1, 2).reshape(SIDE, SIDE).clip(0, 255)))


KINDS: Mapping[str, tuple[Callable[[np.random.Generator], NDArray[np.float64]], str]] = {
    "Bayer mosaic": (_bayer, "colours side by side in a 2 x 2 pattern"),
    "interpolated colour": (_debayered, "one colour of such a mosaic, interpolated"),
    "plate": (_plate, "density of a photographic plate, with grain"),
    "pupil": (_pupil, "rings of one to six stars far out of focus"),
    "slit spectrum": (_slit, "sky lines and traces"),
    "echelle spectrum": (_echelle, "orders with lines"),
    "flat": (_flat, "lamp light with dust rings and differing pixels"),
    "dark": (_dark, "readout noise and hot pixels"),
    "undersampled": (_undersampled, "stars of 0.5 to 1 pixel FWHM"),
    "crowded": (_crowded, "stars that overlap everywhere"),
    "drizzled": (_drizzled, "exposures combined on a finer grid"),
    "enlarged": (_enlarged, "a frame resampled to twice its side"),
    "JPEG": (_jpeg, "8 bits, compressed in blocks of 8 x 8"),
}
"""Function and description of each kind."""
