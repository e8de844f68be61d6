"""Frames with trails of known ends: simulated ones, and real ones with injected trails."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from held_out import recipe_name, seed_of
from injected_frames import real_clean_frames

from skysieve.frames.simulate.bands import STEP, Band, Profile
from skysieve.frames.simulate.contaminants.trail_brightness import flashing
from skysieve.frames.simulate.frame import simulate_frame
from skysieve.frames.simulate.recipe import CONTAMINANTS, read_recipe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["HOW", "KnownTrail", "TrailFrame", "trail_frames"]

TRAILS = 3
"""Trails of a frame."""

SNR = (12.0, 400.0)
LENGTHS = (110.0, 700.0)
WIDTHS = (1.0, 2.5)
CROSSING, FLASHING = 0.5, 0.15
PERIODS = (20.0, 120.0)
POWER = 2.5
WINGS = 60

HOW = (
    f"Each frame has {TRAILS} trails of known ends. Half of them cross the frame; the others are "
    f"{LENGTHS[0]:.0f} to {LENGTHS[1]:.0f} px long. Their total signal-to-noise ratio, with optimal weights "
    f"and the noise of independent pixels, is {SNR[0]:.0f} to {SNR[1]:.0f} (log-uniform), their width 1 to "
    f"{WIDTHS[1]:g} times the FWHM of the stars, and {100 * FLASHING:.0f} % of them flash."
)


@dataclass(frozen=True)
class KnownTrail:
    """A trail of known ends.

    Attributes
    ----------
    ends
        ``((x1, y1), (x2, y2))`` in pixels, within the frame.
    width
        Full width at half maximum in pixels.
    snr
        Total signal-to-noise ratio with optimal weights.
    crosses
        Whether both ends are at the border of the frame.
    flashes
        Whether its brightness is not constant along it.
    """

    ends: tuple[tuple[float, float], tuple[float, float]]
    width: float
    snr: float
    crosses: bool
    flashes: bool

    @property
    def length(self) -> float:
        """Distance of the ends in pixels."""
        return math.dist(*self.ends)


@dataclass(frozen=True)
class TrailFrame:
    """A frame and its trails.

    Attributes
    ----------
    name, group
        Name of the frame, and "simulated" or "injected".
    pixels
        ``(H, W)`` float32; NaN where there is no data.
    trails
        Its trails.
    """

    name: str
    group: str
    pixels: NDArray[np.float32]
    trails: tuple[KnownTrail, ...]


def trail_frames(recipes: Sequence[str], frames: int, side: int) -> Iterator[TrailFrame]:
    """Yield frames with trails.

    Parameters
    ----------
    recipes
        Recipes of the simulated frames.
    frames
        Number of frames of each recipe.  The real frames get their trails as many times.
    side
        Pixels of a simulated frame along each axis, and maximum of a real one.

    Yields
    ------
    TrailFrame
        The frames.
    """
    others = [name for name in CONTAMINANTS if name not in ("TRL", "OV")]
    for recipe in recipes:
        for number in range(1, frames + 1):
            name = f"{recipe_name(recipe)} {number}"
            seed = seed_of("trails", name, side)
            drawn = np.random.default_rng(seed).random(len(others)) < 0.5
            chosen = [one for one, use in zip(others, drawn, strict=True) if use or one in ("CR", "SAT")]
            frame = simulate_frame(
                (side, side), seed=seed, recipe=read_recipe(recipe), contaminants=chosen, kind="raw"
            )
            camera = frame.camera
            sigma = math.hypot(math.sqrt(frame.sky), camera.read_noise) / camera.gain
            rng = np.random.default_rng(seed + 1)
            light, trails = _draw(frame.pixels.shape, rng, frame.psf_fwhm)
            pixels = _exposed(frame.pixels, light * np.float32(sigma), camera.gain, rng)
            pixels = np.minimum(np.rint(pixels), np.float32(camera.saturation))
            yield TrailFrame(name, "simulated", pixels, trails)
    for real_name, clean, nodata in real_clean_frames():
        rows, columns = _middle(nodata, side)
        for number in range(1, frames + 1):
            name = f"{real_name} {number}"
            rng = np.random.default_rng(seed_of("trails", name, side))
            part = clean.pixels[rows, columns]
            light, trails = _draw(part.shape, rng, 3.5)
            pixels = _exposed(part, light * clean.sigma[rows, columns], clean.gain, rng)
            yield TrailFrame(name, "injected", np.where(nodata[rows, columns], np.nan, pixels), trails)


def _middle(nodata: NDArray[np.bool_], side: int) -> tuple[slice, slice]:
    """Return the middle of the part of a frame that has data."""
    found = []
    for axis in (1, 0):
        known = np.flatnonzero(~nodata.all(axis=axis))
        first, size = int(known[0]), int(known[-1] - known[0] + 1)
        start = first + max(0, (size - side) // 2)
        found.append(slice(start, start + min(side, size)))
    return found[0], found[1]


def _exposed(
    pixels: NDArray[np.float32], light: NDArray[np.float32], gain: float, rng: Generator
) -> NDArray[np.float32]:
    """Return pixels with added light and its photon noise."""
    added: NDArray[np.float32] = pixels + (rng.poisson(light * gain) / gain).astype(np.float32)
    return added.astype(np.float32)


def _draw(
    shape: tuple[int, int], rng: Generator, fwhm: float
) -> tuple[NDArray[np.float32], tuple[KnownTrail, ...]]:
    """Return the light ``(H, W)`` of trails in units of the noise, and the trails."""
    light = np.zeros(shape, np.float32)
    trails: list[KnownTrail] = []
    while len(trails) < TRAILS:
        trail = _one(shape, rng, fwhm)
        if trail is not None:
            added, known = trail
            light += added
            trails.append(known)
    return light, tuple(trails)


def _one(
    shape: tuple[int, int], rng: Generator, fwhm: float
) -> tuple[NDArray[np.float32], KnownTrail] | None:
    """Return the light of one trail and the trail; None if too little of it is in the frame."""
    height, width = shape
    y, x = rng.uniform(0.1, 0.9) * height, rng.uniform(0.1, 0.9) * width
    angle = rng.uniform(0, math.pi)
    if min(angle % (math.pi / 2), math.pi / 2 - angle % (math.pi / 2)) < math.radians(2):
        return None
    low, high = _inside(shape, y, x, angle)
    crosses = bool(rng.uniform() < CROSSING)
    if not crosses:
        length = math.exp(rng.uniform(*np.log(LENGTHS)))
        start = -length * rng.uniform()
        low, high = max(low, start), min(high, start + length)
    if high - low < LENGTHS[0]:
        return None
    own = fwhm * rng.uniform(*WIDTHS)
    core = own / 2 / math.sqrt(2 ** (1 / POWER) - 1)
    offsets = np.arange(0, WINGS, STEP)
    profile = Profile(((1 + (offsets / core) ** 2) ** -POWER).astype(np.float32))
    band = Band.around(shape, y=y, x=x, angle=angle, extent=(low, high), half_width=WINGS)
    # the PSF blurs the ends as it blurs the sides
    blur = np.clip(np.minimum(band.along - low, high - band.along) / own + 0.5, 0, 1).astype(np.float32)
    added = profile.at(band.across) * blur
    flashes = rng.uniform() < FLASHING
    if flashes:
        size = math.ceil(high - low) + 1
        curve = flashing(rng, size, period=math.exp(rng.uniform(*np.log(PERIODS))))
        added *= curve[np.clip(band.along - low, 0, size - 1).astype(int)]
    snr = math.exp(rng.uniform(*np.log(SNR)))
    added *= np.float32(snr / math.sqrt(float(np.square(added).sum())))
    light = np.zeros(shape, np.float32)
    light[band.rows, band.columns] = added
    ends = [(x + t * math.cos(angle), y + t * math.sin(angle)) for t in (low, high)]
    return light, KnownTrail((ends[0], ends[1]), own, snr, crosses, bool(flashes))


def _inside(shape: tuple[int, int], y: float, x: float, angle: float) -> tuple[float, float]:
    """Return the range of a line through a point that is in the frame."""
    low, high = -math.inf, math.inf
    for origin, step, size in ((y, math.sin(angle), shape[0]), (x, math.cos(angle), shape[1])):
        ends = sorted(((-0.5 - origin) / step, (size - 0.5 - origin) / step))
        low, high = max(low, ends[0]), min(high, ends[1])
    return low, high
