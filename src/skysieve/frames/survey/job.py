"""The job that projects masks to the sky: one unit is one file of masks, and running it writes its part."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from skysieve.core.errors import FrameError, OutputError, SkysieveError
from skysieve.core.execution.job import JobRecord, UnitJob
from skysieve.core.extras import require
from skysieve.core.fits.file_units import is_done
from skysieve.core.fits.locations import Location
from skysieve.core.fits.naming import fits_stem
from skysieve.core.printable import printable
from skysieve.frames.survey.mask_files import find_masks, read_masks
from skysieve.frames.survey.parts import PARTS, check_nside, part_header, write_part
from skysieve.frames.survey.projection import project_mask
from skysieve.frames.survey.runs import pack_runs
from skysieve.frames.survey.settings import NSIDE_COVERAGE, SurveySettings

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from skysieve.frames.survey.mask_files import MaskImage

__all__ = ["PartRecord", "SurveyJob"]


@dataclass(frozen=True)
class PartRecord(JobRecord):
    """The result of projecting one file of masks.

    Attributes
    ----------
    product
        The part.
    images
        Number of masks in the file.
    pixels
        Number of pixels of HEALPix on which they lie, summed over the masks.
    band
        Name of the band.
    kept
        Whether the part was there already.
    """

    product: Path
    images: int = 0
    pixels: int = 0
    band: str = ""
    kept: bool = False

    def describe(self, unit: object) -> str:
        """Return the part and what is in it.

        Parameters
        ----------
        unit
            The file of masks.

        Returns
        -------
        str
            One line.
        """
        if self.kept:
            return f"{printable(unit)}: its part is there"
        what = "mask" if self.images == 1 else "masks"
        band = f", band {self.band}" if self.band else ""
        about = f"{self.images} {what}{band}, {self.seconds:.1f} s"
        return f"{printable(unit)} -> {printable(self.product)} ({about})"

    @property
    def main_product(self) -> Path:
        """The part."""
        return self.product


@dataclass
class SurveyJob(UnitJob[Location, PartRecord]):
    """A job that projects files of masks.

    A part is kept if it is intact, newer than the masks, and was made with the same settings.

    Attributes
    ----------
    folder
        Folder of the survey.
    settings
        Settings of the projection.
    overwrite
        Whether parts are made anew.
    """

    folder: Path
    settings: SurveySettings = field(default_factory=SurveySettings)
    overwrite: bool = False

    def check(self) -> None:
        """Check that the extra is installed, and that the survey has the same NSIDE.

        Raises
        ------
        ConfigError
            If a package is missing, or NSIDE differs.
        OutputError
            If the folder is a file.
        """
        require("a survey of masks", "healsparse")
        if self.folder.exists() and not self.folder.is_dir():
            raise OutputError(f"cannot write {self.folder}: it is a file; name a folder")
        check_nside(self.folder, self.settings.nside)

    def units(self, path: str) -> list[Location]:
        """List the files of a path; see :func:`skysieve.frames.survey.mask_files.find_masks`.

        Parameters
        ----------
        path
            File, folder, pattern or list.

        Returns
        -------
        list of Location
            The files.

        Raises
        ------
        SourceError
            If there are none.
        """
        return find_masks(path)

    def product(self, unit: Location) -> Path:
        """Return the path of the part of a file.

        Parameters
        ----------
        unit
            The file.

        Returns
        -------
        Path
            The path; files of one name in different folders have different parts.
        """
        place = f"{unit.path.resolve().parent} {unit.hdu} {unit.version}"
        digest = hashlib.sha256(place.encode(errors="surrogateescape")).hexdigest()[:8]
        return self.folder / PARTS / f"{fits_stem(unit.path.name)}-{digest}.fits"

    def _process(self, unit: Location) -> PartRecord:
        product = self.product(unit)
        if not self.overwrite and self._is_kept(unit, product):
            return PartRecord(product, kept=True)
        size = (self.settings.nside // NSIDE_COVERAGE) ** 2
        rows: list[tuple[int, bytes]] = []
        planes: list[str] = []
        bad: dict[str, None] = {}
        bands: dict[str, str] = {}
        images, total = 0, 0
        for image in read_masks(unit, self.settings.band_card):
            planes += [name for name in image.planes if name not in planes]
            bad.update(dict.fromkeys(image.bad))
            bands.setdefault(image.band, image.label)
            try:
                pixels, bits = project_mask(image.values, image.wcs, self.settings.nside)
            except FrameError as error:
                raise FrameError(f"{image.label}: {error}") from error
            rows += pack_runs(pixels, _numbered(bits, image, planes), size)
            images, total = images + 1, total + pixels.size
            if self._stopped:
                raise SkysieveError(f"{unit}: stopped before its part was written")
        if len(bands) > 1:
            first, second = list(bands.items())[:2]
            raise FrameError(
                f"{second[1]}: its band ({self.settings.band_card}) is {second[0] or 'not stated'}, "
                f"and that of {first[1]} is {first[0] or 'not stated'}; give them as separate files"
            )
        band = next(iter(bands))
        write_part(
            product, rows, planes, settings=self.settings, bad=list(bad), band=band, source=unit.path.name
        )
        return PartRecord(product, images, total, band)

    def _is_kept(self, unit: Location, product: Path) -> bool:
        if not is_done(product, unit):
            return False
        header = part_header(product)
        return (header["NSIDE"], header["BANDCARD"]) == (self.settings.nside, self.settings.band_card)


def _numbered(bits: NDArray[np.int64], image: MaskImage, planes: list[str]) -> NDArray[np.int64]:
    """Return the bits of a mask in the order of the planes of the part."""
    numbered = bits * 0
    for name, value in image.planes.items():
        numbered[(bits & value) != 0] |= 1 << planes.index(name)
    return numbered
