"""The job that finds defects: one unit is one detector, and running it writes its map."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

from skysieve._version import __version__
from skysieve.core.errors import FrameError, SkysieveError
from skysieve.core.execution.job import JobRecord, UnitJob
from skysieve.core.fits.fits_out import mask_hdu, primary_hdu, write_fits
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.printable import printable
from skysieve.frames.defects.groups import DetectorFrames
from skysieve.frames.defects.settings import DefectSettings
from skysieve.frames.defects.statistics import find_defects, trimmed_means
from skysieve.frames.image.normalise import normalise
from skysieve.frames.mask.classes import find_class
from skysieve.frames.mask.known_defects import CONTENT, DEFECT_CLASSES
from skysieve.frames.mask.planes import bad_cards, schema_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderCard
    from skysieve.frames.defects.statistics import Defects
    from skysieve.frames.image.normalise import NormalisedFrame

__all__ = ["DefectJob", "DefectRecord"]

BLOCK_VALUES = 1 << 24
"""Number of values of all frames together that are in memory at a time."""


@dataclass(frozen=True)
class DefectRecord(JobRecord):
    """The defects of one detector.

    Attributes
    ----------
    product
        The file of its map.
    frames
        Number of frames.
    pixels
        Number of pixels in each class, by name.
    """

    product: Path
    frames: int
    pixels: dict[str, int]

    def describe(self, unit: object) -> str:
        """Return the map, and the number of pixels in each class, as lines.

        Parameters
        ----------
        unit
            The detector.

        Returns
        -------
        str
            The lines.
        """
        found = ", ".join(f"{name} {count}" for name, count in self.pixels.items() if count)
        return (
            f"{printable(unit)} -> {printable(self.product)} ({self.frames} frames, {self.seconds:.1f} s)\n"
            f"  {found or 'nothing found'}"
        )

    @property
    def main_product(self) -> Path:
        """The file of the map."""
        return self.product


@dataclass
class DefectJob(UnitJob[DetectorFrames, DefectRecord]):
    """A job that finds the defects of detectors.

    Attributes
    ----------
    folder
        Folder of the maps.
    settings
        Settings of the search.
    overwrite
        Whether to replace existing maps.
    """

    folder: Path
    settings: DefectSettings = field(default_factory=DefectSettings)
    overwrite: bool = False

    def product(self, unit: DetectorFrames) -> Path:
        """Return the path of the map of a detector.

        Parameters
        ----------
        unit
            The detector.

        Returns
        -------
        Path
            The path.
        """
        return self.folder / (re.sub(r"[^A-Za-z0-9.+-]+", "_", unit.name).strip("_") + ".defects.fits")

    def _process(self, unit: DetectorFrames) -> DefectRecord:
        if len(unit.frames) < self.settings.frames:
            raise FrameError(
                f"{unit}: {len(unit.frames)} frames of this detector; {self.settings.frames} are needed "
                "(--min-frames), as a star or a cosmic ray may be anywhere in few"
            )
        defects = self._search(unit)
        codes = {name: find_class(name).code for name in DEFECT_CLASSES}
        bits = np.zeros(defects.significance.shape, np.int16)
        for name, marked in defects.planes.items():
            bits[marked] |= codes[name]
        cards: list[HeaderCard] = [
            ("CREATOR", f"skysieve {__version__}", ""),
            ("CONTENT", CONTENT, "kind of this file"),
            ("DETNAME", unit.name, "what identifies the detector"),
            ("NFRAMES", len(unit.frames), "number of frames"),
            ("MINSIGNF", self.settings.significance, "[sigma] minimum significance"),
            ("MINLEVEL", self.settings.level, "[sigma] minimum excess in a single frame"),
            *schema_of([find_class(name) for name in DEFECT_CLASSES]).header_cards(),
            *bad_cards(sum(codes.values())),
            *(("HISTORY", f"frame {printable(one)}", "") for one in unit.frames),
        ]
        write_fits(
            [
                primary_hdu(None),
                mask_hdu(bits, header=None, name="DEFECTS", cards=cards),
                fits.CompImageHDU(
                    defects.significance, name="SIGNIFICANCE", compression_type="GZIP_2", quantize_level=0
                ),
                fits.CompImageHDU(defects.excess, name="EXCESS", compression_type="GZIP_2", quantize_level=0),
            ],
            self.product(unit),
            overwrite=self.overwrite,
        )
        counts = {name: int(marked.sum()) for name, marked in defects.planes.items()}
        return DefectRecord(self.product(unit), len(unit.frames), counts)

    def _search(self, unit: DetectorFrames) -> Defects:
        with ExitStack() as stack:
            frames: list[NormalisedFrame] = []
            for location in unit.frames:
                file = stack.enter_context(FrameFile(location))
                frames.append(normalise(file.planes[0]))
            height, width = frames[0].shape
            lower, inner = (np.empty((height, width), np.float32) for _ in range(2))
            step = max(1, BLOCK_VALUES // (len(frames) * width))
            for start in range(0, height, step):
                rows = slice(start, min(start + step, height))
                stacked = np.stack([_known(frame, rows) for frame in frames])
                lower[rows], inner[rows] = trimmed_means(stacked)
                if self._stopped:
                    raise SkysieveError(f"{unit}: stopped before its map was written")
        return find_defects(lower, inner, self.settings)


def _known(frame: NormalisedFrame, rows: slice) -> NDArray[np.float32]:
    """Return rows in units of the noise, NaN where there is no data."""
    pixels, nodata = frame.rows(rows.start, rows.stop)
    pixels[nodata] = np.nan
    return pixels
