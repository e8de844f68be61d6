"""Job that simulates frames with truth masks; one unit is the file of one frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

from skysieve._version import __version__
from skysieve.core.execution.simulation_job import SeriesJob, SimulatedFile
from skysieve.core.fits.fits_out import mask_hdu
from skysieve.core.fits.frame_hdu import frame_hdu
from skysieve.core.simulate.series import frame_number
from skysieve.frames.mask.classes import CLASSES, NODATA, find_class
from skysieve.frames.mask.planes import SCHEMA
from skysieve.frames.simulate.clean_frames import clean_frame, find_clean_frames
from skysieve.frames.simulate.frame import simulate_frame
from skysieve.frames.simulate.injection import inject
from skysieve.frames.simulate.recipe import LAYERS, Recipe, read_recipe
from skysieve.frames.simulate.settings import MIN_SIDE, ContaminantSeries
from skysieve.frames.simulate.truth_bits import class_fractions, truth_bits
from skysieve.frames.simulate.truth_frames import BEFORE, IGNORE, TRUTH, read_truth_frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderCard, HeaderValue
    from skysieve.core.fits.fits_out import HDU
    from skysieve.frames.simulate.clean_frames import CleanSource
    from skysieve.frames.simulate.frame import SimulatedFrame
    from skysieve.frames.simulate.settings import SingleFrame

__all__ = ["ContaminantsRecord", "ContaminantsSimulationJob", "showcase_hdus"]

IGNORED_CLASSES = sum(find_class(name).code for name in ("BBG", "SAT", "SP"))
"""Classes that stars in a real frame may have without truth; pixels of its sources ignore them."""

SOURCE_THRESHOLD = 3.0
"""Pixels above this many standard deviations of the sky of a real frame belong to its own sources."""


@dataclass(frozen=True)
class ContaminantsRecord(SimulatedFile):
    """Result for one frame.

    Attributes
    ----------
    fractions
        Fraction of pixels in each class.
    """

    fractions: Mapping[str, float] = field(default_factory=dict)


@dataclass
class ContaminantsSimulationJob(SeriesJob[Recipe, ContaminantSeries, ContaminantsRecord]):
    """Job that simulates frames with contaminants, or adds contaminants to real frames."""

    _sources: list[CleanSource] = field(default_factory=list, init=False, repr=False)

    def check(self) -> None:
        """Check the shape, and find the real frames.

        Raises
        ------
        ConfigError
            If the shape is too small, or the folder has no usable real frames.
        SourceError
            If the folder of real frames cannot be read.
        """
        self.settings.check_shape()
        if self.settings.clean_frames is not None and not self._sources:
            self._sources = find_clean_frames(str(self.settings.clean_frames), smallest=MIN_SIDE)

    def _simulate(self, path: Path) -> list[HDU]:
        seed = self.seed_of(path)
        if self._sources:
            return _injected_hdus(self._source(path), self.recipe, seed)
        return _simulated_hdus(simulate_frame(self.settings.shape, seed=seed, recipe=self.recipe))

    def _source(self, path: Path) -> CleanSource:
        return self._sources[frame_number(path) % len(self._sources)]

    def _identity(self, path: Path) -> dict[str, object]:
        if self._sources:
            return {**super()._identity(path), "SIMSRC": _source_name(self._source(path))}
        height, width = self.settings.shape
        return {**super()._identity(path), "NAXIS2": height, "NAXIS1": width}

    def _record(self, path: Path, header: Mapping[str, HeaderValue]) -> ContaminantsRecord:
        return ContaminantsRecord(path, header, fractions=class_fractions(read_truth_frame(path).bits))


def showcase_hdus(settings: SingleFrame) -> list[HDU]:
    """Simulate one frame with every contaminant of its recipe.

    Parameters
    ----------
    settings
        Seed, shape and recipe.

    Returns
    -------
    list
        Pixels in the primary HDU, and class codes as bits in ``TRUTH``.
    """
    recipe = read_recipe(settings.recipe)
    wanted = ["SAT", *(name for name in LAYERS if recipe.contaminants[name].probability)]
    if recipe.overscan.probability:
        wanted.append("OV")
    shape = (settings.height, settings.width)
    return _simulated_hdus(simulate_frame(shape, seed=settings.seed, recipe=recipe, contaminants=wanted))


def _simulated_hdus(frame: SimulatedFrame) -> list[HDU]:
    """Return pixels in the primary HDU, and class codes as bits in ``TRUTH``."""
    cards = [(keyword, value, comment) for keyword, (value, comment) in frame.header().items()]
    return [frame_hdu(frame.pixels, cards=[*cards, _creator()]), _bits_hdu(truth_bits(frame.truth), TRUTH)]


def _injected_hdus(source: CleanSource, recipe: Recipe, seed: int) -> list[HDU]:
    """Return HDUs of an injected frame: pixels, truth, classes to ignore, frame before injection."""
    plane = source.read()
    clean = clean_frame(plane.pixels, plane.nodata, plane.facts, label=source.label)
    exposure = inject(clean, seed=seed, recipe=recipe)
    bits = truth_bits(exposure.truth)
    own = clean.pixels > clean.level + np.float32(SOURCE_THRESHOLD) * clean.sigma
    ignored: NDArray[np.int16] = np.where(own, IGNORED_CLASSES & ~bits, 0).astype(np.int16)
    bits[plane.nodata] |= NODATA.code
    pixels, before = (np.where(plane.nodata, np.float32(np.nan), p) for p in (exposure.pixels, clean.pixels))
    full = float(clean.pixels.max()) if clean.saturation is None else clean.saturation
    cards: list[HeaderCard] = [
        ("EXTNAME", "SCI", "the frame; BEFORE is what it was"),
        *([("BUNIT", unit, "unit of the pixels")] if (unit := str(plane.facts.get("BUNIT", ""))) else []),
        ("GAIN", round(clean.gain, 4), "[e-/adu] gain, 1 where not known"),
        ("RDNOISE", round(clean.read_noise, 3), "[e-] read noise, 5 where not known"),
        ("SATURATE", round(full, 1), "[adu] value of a full pixel"),
        ("SKYLEVEL", round(float(np.median(clean.level)), 3), "[adu] level of the sky, median"),
        ("SKYSIGMA", round(float(np.median(clean.sigma)), 4), "[adu] noise of the sky, median"),
        ("SIMKIND", "injected", "contaminants put into a real frame"),
        ("SIMSRC", _source_name(source), "the real frame"),
        ("SIMRECIP", recipe.name, "recipe of the simulation"),
        ("SIMSEED", seed, "seed of the simulation"),
        (
            "SIMCLASS",
            ",".join(c.name for c in CLASSES if c.name in exposure.truth),
            "classes with known truth",
        ),
        _creator(),
    ]
    return [
        frame_hdu(pixels.astype(np.float32), cards=cards, header=plane.header),
        _bits_hdu(bits, TRUTH),
        _bits_hdu(ignored, IGNORE),
        fits.ImageHDU(before.astype(np.float32), name=BEFORE),
    ]


def _bits_hdu(bits: NDArray[np.int16], name: str) -> fits.ImageHDU | fits.CompImageHDU:
    return mask_hdu(bits, header=None, name=name, cards=SCHEMA.header_cards())


def _creator() -> HeaderCard:
    return ("CREATOR", f"skysieve {__version__}", "software that made this file")


def _source_name(source: CleanSource) -> str:
    """Return the name of a real frame for a header: its file name and what follows in brackets."""
    return source.label.removeprefix(str(source.location.path.parent)).lstrip("/\\")
