"""Frames whose contaminants are known: from files, or simulated."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError, FrameError
from skysieve.core.evaluation.peer import CameraFacts
from skysieve.core.fits.bitplanes import MaskSchema
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.locations import Location
from skysieve.frames.mask.classes import CLASSES, NODATA
from skysieve.frames.simulate.truth_bits import truth_bits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from astropy.io import fits
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skysieve.frames.simulate import Recipe

__all__ = ["TruthFrame", "read_truth_frame", "simulated_frame", "simulated_frames"]

TRUTH, IGNORE, BEFORE = "TRUTH", "IGNORE", "BEFORE"
"""Names of the HDUs beside the frame: truth; classes not to be judged; the frame before injection."""


@dataclass(frozen=True)
class TruthFrame:
    """A frame with truth.

    Attributes
    ----------
    name
        What to call it.
    pixels
        ``(H, W)`` float32 in ADU; NaN where there is no data.
    bits
        ``(H, W)`` int16, the sum of the codes of each pixel's classes.
    ignored
        ``(H, W)`` int16, codes of the classes that are not judged at a pixel; None if all are.
    before
        ``(H, W)`` float32, the frame before contaminants were put in; None if there was none.
    facts
        Of the camera.
    drawn
        Classes that were put in, whether they left a pixel or not; None where this is not known.
    """

    name: str
    pixels: NDArray[np.float32]
    bits: NDArray[np.int16]
    ignored: NDArray[np.int16] | None = None
    before: NDArray[np.float32] | None = None
    facts: CameraFacts = field(default_factory=CameraFacts)
    drawn: frozenset[str] | None = None

    @property
    def valid(self) -> NDArray[np.bool_]:
        """``(H, W)`` bool, True where there is data."""
        known: NDArray[np.bool_] = np.isfinite(self.pixels) & ((self.bits & NODATA.code) == 0)
        return known


def read_truth_frame(path: Path) -> TruthFrame:
    """Read a frame and its truth, as ``skysieve simulate contaminants`` writes them.

    The truth is a bit mask in the HDU ``TRUTH``.  Two others may be there: ``IGNORE``, a bit mask of classes
    not to be judged, and ``BEFORE``, the frame before contaminants were put in.

    Raises
    ------
    SourceError
        If the file cannot be read.
    FrameError
        If it has no truth, or the truth does not fit.
    """
    with FrameFile(Location(path)) as file:
        names = {hdu.name.upper() for hdu in file.hdus}
        if TRUTH not in names:
            raise FrameError(f"{path}: has no HDU {TRUTH}; frames with truth come from `skysieve simulate`")
        frame = file.planes[0]
        pixels, nodata = frame.rows(0, frame.shape[0])
        pixels[nodata] = np.nan
        facts = _camera_facts(file.frames[0].header, file.hdus[0].header)
        drawn = _drawn(file.hdus[0].header)
    before = None
    if BEFORE in names:
        with FrameFile(Location(path, hdu=BEFORE)) as file:
            before, nodata = file.planes[0].rows(0, file.planes[0].shape[0])
            before[nodata] = np.nan
    bits = _read_bits(path, TRUTH)
    ignored = _read_bits(path, IGNORE) if IGNORE in names else None
    for name, plane in ((TRUTH, bits), (IGNORE, ignored), (BEFORE, before)):
        if plane is not None and plane.shape != pixels.shape:
            raise FrameError(f"{path}: its HDU {name} has shape {plane.shape}, the frame {pixels.shape}")
    return TruthFrame(path.name, pixels, bits, ignored, before, facts, drawn)


def simulated_frames(recipe: str, count: int, *, seed: int, side: int) -> Iterator[TruthFrame]:
    """Return frames that are simulated as they are asked for.

    Parameters
    ----------
    recipe
        A YAML file, or the name of a recipe that comes with the package.
    count
        Number of frames.
    seed
        Of the first; each has a seed of its own.
    side
        Pixels along each axis.

    Raises
    ------
    ConfigError
        If the recipe cannot be used.
    """
    from skysieve.frames.simulate import read_recipe

    if count < 1:
        raise ConfigError(f"{count} frames: expected at least 1")
    return _simulate(read_recipe(recipe), count, seed=seed, side=side)


def simulated_frame(recipe: Recipe, rng: Generator, *, side: int, number: int) -> TruthFrame:
    """Return one simulated frame.

    Parameters
    ----------
    recipe
        What it is drawn from.
    rng
        Source of all that is random.
    side
        Pixels along each axis.
    number
        Follows the recipe in the frame's name.

    Raises
    ------
    FrameError
        If the side is too small.
    """
    from skysieve.frames.simulate import simulate_frame

    frame = simulate_frame((side, side), seed=rng, recipe=recipe)
    facts = CameraFacts(frame.camera.gain, frame.camera.read_noise, frame.camera.saturation)
    bits, drawn = truth_bits(frame.truth), frozenset(frame.truth)
    return TruthFrame(f"{recipe.name} {number}", frame.pixels, bits, facts=facts, drawn=drawn)


def _simulate(recipe: Recipe, count: int, *, seed: int, side: int) -> Iterator[TruthFrame]:
    for number, sequence in enumerate(np.random.SeedSequence(seed).spawn(count)):
        yield simulated_frame(recipe, np.random.default_rng(sequence), side=side, number=number + 1)


def _read_bits(path: Path, name: str) -> NDArray[np.int16]:
    """Return a bit mask in our codes, whatever codes its header gives to the names."""
    with FrameFile(Location(path, hdu=name), minimum_size=1) as file:
        plane = file.planes[0]
        values = plane.rows(0, plane.shape[0])[0].astype(np.int32)
        header = file.frames[0].header
    if not any(keyword.startswith(("MSKN", "MP_")) for keyword in header):
        return values.astype(np.int16)
    ours = {c.name: c.code for c in (*CLASSES, NODATA)}
    bits = np.zeros(values.shape, np.int16)
    for known in MaskSchema.from_header(header).planes:
        if known.name in ours:
            bits |= ((values & known.value) != 0) * np.int16(ours[known.name])
    return bits


def _drawn(header: fits.Header) -> frozenset[str] | None:
    """Return the classes that a header says were put in; None if it says nothing."""
    text = header.get("SIMCLASS")
    return frozenset(text.split(",")) if isinstance(text, str) else None


def _camera_facts(*headers: fits.Header) -> CameraFacts:
    """Return what the first header that knows it says; a gain of 1 and no read noise if none does."""

    def number(keyword: str, default: float) -> float:
        for header in headers:
            value = header.get(keyword)
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                return float(value)
        return default

    gain = number("GAIN", 1.0)
    return CameraFacts(
        gain if gain > 0 else 1.0, max(number("RDNOISE", 0.0), 0.0), number("SATURATE", math.nan)
    )
