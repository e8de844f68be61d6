"""Simulated frames with truth as a job: one unit is the file of one frame."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from astropy.io import fits

from skysieve._version import __version__
from skysieve.core.errors import ConfigError, OutputError, SkysieveError
from skysieve.core.fits.fits_integrity import is_intact
from skysieve.core.fits.fits_out import mask_hdu, write_fits
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.frame_hdu import frame_hdu
from skysieve.core.fits.locations import Location
from skysieve.core.simulate.series import frame_number, frame_path, frame_seed
from skysieve.frames.mask.classes import CLASSES, NODATA, find_class
from skysieve.frames.mask.planes import SCHEMA
from skysieve.frames.simulate.clean_frames import clean_frame, find_clean_frames
from skysieve.frames.simulate.frame import SMALLEST, simulate_frame
from skysieve.frames.simulate.injection import inject
from skysieve.frames.simulate.truth_bits import class_fractions, truth_bits
from skysieve.frames.simulate.truth_frames import BEFORE, IGNORE, TRUTH, read_truth_frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderCard, HeaderValue
    from skysieve.frames.simulate.clean_frames import CleanSource
    from skysieve.frames.simulate.frame import SimulatedFrame
    from skysieve.frames.simulate.recipe import Recipe

__all__ = ["SimulationJob", "SimulationRecord", "simulated_hdus"]

HDU: TypeAlias = fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU

IGNORED_CLASSES = sum(find_class(name).code for name in ("BBG", "SAT", "SP"))
"""Classes of which a clean frame may have pixels all the same: they come with its stars."""

SOURCE_THRESHOLD = 3.0
"""Pixels that are so many standard deviations above the sky of a clean frame belong to its stars."""


@dataclass(frozen=True)
class SimulationRecord:
    """What became of one frame.

    Attributes
    ----------
    path
        The file.
    header
        Cards of its primary header.
    fractions
        Part of the pixels a class.
    kept
        Whether it was there already.
    seconds
        Time it took.
    """

    path: Path
    header: Mapping[str, HeaderValue]
    fractions: Mapping[str, float]
    kept: bool
    seconds: float


@dataclass
class SimulationJob:
    """Simulates frames with contaminants, or puts contaminants into real ones.

    A frame that is there and intact is kept.

    Attributes
    ----------
    recipe
        What frames, or their contaminants, are drawn from.
    folder
        Where they go.
    shape
        ``(H, W)`` in pixels; real frames keep theirs.
    seed
        Of the series: see :func:`skysieve.core.simulate.series.frame_seed`.
    clean_frames
        Folder with real frames, which are taken in turn; None to simulate the sky too.
    overwrite
        Whether to make frames anew that are there.
    """

    recipe: Recipe
    folder: Path
    shape: tuple[int, int] = (1024, 1024)
    seed: int = 0
    clean_frames: str | None = None
    overwrite: bool = False
    _sources: list[CleanSource] = field(default_factory=list, init=False, repr=False)
    _stopped: bool = field(default=False, init=False, repr=False)

    def units(self, count: int) -> list[Location]:
        """List the files of so many frames."""
        return [Location(frame_path(self.folder, number)) for number in range(count)]

    def check(self) -> None:
        """Check the shape, and look for the real frames.

        Raises
        ------
        ConfigError
            If the shape is too small, or there are no real frames of use.
        SourceError
            If their folder cannot be read.
        """
        if min(self.shape) < SMALLEST:
            height, width = self.shape
            raise ConfigError(
                f"frames of {height}x{width} px are too small: give {SMALLEST} px or more a side"
            )
        if self.clean_frames is not None and not self._sources:
            self._sources = find_clean_frames(self.clean_frames, smallest=SMALLEST)

    def prepare(self, *, workers: int = 1) -> None:
        """Do nothing: a frame needs nothing that another could use."""

    def stop(self) -> None:
        """Let the frames at work end without being written."""
        self._stopped = True

    def run(self, unit: Location) -> SimulationRecord:
        """Make one frame, unless it is there.

        Raises
        ------
        SkysieveError
            If it cannot be made or written, or another frame is there.
        """
        start = time.perf_counter()
        path = unit.path
        kept = not self.overwrite and is_intact(path)
        if kept:
            with FrameFile(Location(path)) as file:
                header = _cards(file.hdus[0].header)
            self._check_same_frame(path, header)
            bits = read_truth_frame(path).bits
        else:
            hdus = self._make(frame_number(path))
            if self._stopped:
                raise SkysieveError(f"{path}: stopped before it was written")
            write_fits(hdus, path, overwrite=True)
            header, bits = _cards(hdus[0].header), hdus[1].data
        return SimulationRecord(path, header, class_fractions(bits), kept, time.perf_counter() - start)

    def _make(self, number: int) -> list[HDU]:
        seed = frame_seed(self.seed, number)
        if self._sources:
            return _injected_hdus(self._sources[number % len(self._sources)], self.recipe, seed)
        return simulated_hdus(simulate_frame(self.shape, seed=seed, recipe=self.recipe))

    def _check_same_frame(self, path: Path, header: Mapping[str, object]) -> None:
        """Raise OutputError if a file is not the frame that this job would make."""
        number = frame_number(path)
        expected: dict[str, object] = {"SIMSEED": frame_seed(self.seed, number), "SIMRECIP": self.recipe.name}
        if self._sources:
            expected["SIMSRC"] = _source_name(self._sources[number % len(self._sources)])
        else:
            expected["NAXIS2"], expected["NAXIS1"] = self.shape
        for keyword, value in expected.items():
            if header.get(keyword) != value:
                raise OutputError(
                    f"{path} is another frame: {keyword} is {header.get(keyword)}, not {value}; "
                    "use --overwrite or another --output"
                )


def simulated_hdus(frame: SimulatedFrame) -> list[HDU]:
    """Return a frame and its truth as HDUs: pixels in the primary one, bits in ``TRUTH``."""
    cards = [(keyword, value, comment) for keyword, (value, comment) in frame.header().items()]
    return [frame_hdu(frame.pixels, cards=[*cards, _creator()]), _bits_hdu(truth_bits(frame.truth), TRUTH)]


def _injected_hdus(source: CleanSource, recipe: Recipe, seed: int) -> list[HDU]:
    """Return a real frame with contaminants in it, their truth, what is not known, and the frame before."""
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


def _cards(header: fits.Header) -> dict[str, HeaderValue]:
    return {card.keyword: card.value for card in header.cards if card.keyword}


def _bits_hdu(bits: NDArray[np.int16], name: str) -> fits.ImageHDU | fits.CompImageHDU:
    return mask_hdu(bits, header=None, name=name, cards=SCHEMA.header_cards())


def _creator() -> HeaderCard:
    return ("CREATOR", f"skysieve {__version__}", "software that made this file")


def _source_name(source: CleanSource) -> str:
    """Return what to call a real frame in a header: its file's name, and what is in brackets."""
    return source.label.removeprefix(str(source.location.path.parent)).lstrip("/\\")
