"""Frames with a known truth mask: read from files, or simulated."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError, FrameError
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

__all__ = ["CameraFacts", "TruthFrame", "read_truth_frame", "simulated_frame", "simulated_frames"]

TRUTH, IGNORE, BEFORE = "TRUTH", "IGNORE", "BEFORE"
"""Names of the extra HDUs: truth bits, classes to ignore, and the frame before injection."""


@dataclass(frozen=True)
class CameraFacts:
    """What a detector may be told of a frame.

    Attributes
    ----------
    gain
        Electrons per ADU.
    read_noise
        Electrons.
    saturation
        ADU of a full pixel; NaN if unknown.
    """

    gain: float = 1.0
    read_noise: float = 0.0
    saturation: float = float("nan")


@dataclass(frozen=True)
class TruthFrame:
    """A frame with its truth.

    Attributes
    ----------
    name
        Name of the frame.
    pixels
        ``(H, W)`` float32 in ADU; NaN where there is no data.
    bits
        ``(H, W)`` int16, sum of the codes of the classes of each pixel.
    ignored
        ``(H, W)`` int16, codes of the classes that are not evaluated at a pixel; None if all are evaluated.
    before
        ``(H, W)`` float32, the frame before injection; None for simulated frames.
    facts
        Gain, read noise and saturation of the camera.
    drawn
        Classes that were added, even if they left no pixel; None if unknown.
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
    """Read a frame and its truth from a file of ``skysieve simulate contaminants``.

    The HDU ``TRUTH`` holds the truth as a bit mask. Two HDUs are optional: ``IGNORE``, a bit mask of classes
    that are not evaluated, and ``BEFORE``, the frame before injection.

    Parameters
    ----------
    path
        FITS file.

    Returns
    -------
    TruthFrame
        Pixels and truth.

    Raises
    ------
    SourceError
        If the file cannot be read.
    FrameError
        If it has no truth, or the shape of the truth differs from that of the frame.
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
    """Simulate frames lazily.

    Parameters
    ----------
    recipe
        A YAML file, or the name of a recipe that comes with the package.
    count
        Number of frames.
    seed
        Seed of the series; each frame has a seed of its own.
    side
        Height and width, in pixels.

    Returns
    -------
    Iterator
        The frames, each simulated when it is requested.

    Raises
    ------
    ConfigError
        If the recipe cannot be used, or the count is below 1.
    """
    from skysieve.frames.simulate import read_recipe

    if count < 1:
        raise ConfigError(f"{count} frames: expected at least 1")
    drawn_from = read_recipe(recipe)
    return (
        simulated_frame(drawn_from, np.random.default_rng(sequence), side=side, number=number)
        for number, sequence in enumerate(np.random.SeedSequence(seed).spawn(count), start=1)
    )


def simulated_frame(recipe: Recipe, rng: Generator, *, side: int, number: int) -> TruthFrame:
    """Simulate one frame.

    Parameters
    ----------
    recipe
        Ranges to draw from.
    rng
        Random generator.
    side
        Height and width, in pixels.
    number
        Number that follows the recipe in the frame's name.

    Returns
    -------
    TruthFrame
        Pixels and truth.

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


def _read_bits(path: Path, name: str) -> NDArray[np.int16]:
    """Return a bit mask in Skysieve's codes; its header may assign other codes to the class names."""
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
    """Return the classes that a header lists as added; None if it lists none."""
    text = header.get("SIMCLASS")
    return frozenset(text.split(",")) if isinstance(text, str) else None


def _camera_facts(*headers: fits.Header) -> CameraFacts:
    """Return facts of the camera, each from the first header that has it; by default gain 1, read noise 0."""

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
