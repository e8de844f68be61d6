"""Contaminants as a job: one unit is a file; run it, and its product lies on disk."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from skysieve.contaminants.bitmaps import read_bit_map
from skysieve.contaminants.masker import Masker, MaskSettings
from skysieve.contaminants.products import bits_hdu, file_structure
from skysieve.contaminants.published import published_hdu
from skysieve.errors import ConfigError, FrameError
from skysieve.imaging.fits_out import write_fits
from skysieve.imaging.frame_files import FrameFile
from skysieve.imaging.locations import find_locations
from skysieve.imaging.naming import output_path, with_suffix
from skysieve.imaging.provenance import data_sum
from skysieve.models.engine import available_threads

if TYPE_CHECKING:
    from pathlib import Path

    from astropy.io import fits

    from skysieve.contaminants.bitmaps import BitMap
    from skysieve.contaminants.products import Format
    from skysieve.contaminants.result import MaskResult
    from skysieve.imaging.fits_frames import FitsFrame, FrameHDU
    from skysieve.imaging.fits_out import Compression
    from skysieve.imaging.locations import Location

logger = logging.getLogger(__name__)

__all__ = ["SUFFIXES", "FrameRecord", "MaskJob", "MaskRecord"]

SUFFIXES: dict[Format, str] = {
    "bits": ".mask{hdu}.fits",
    "cube": ".masks{hdu}.fits",
    "single": ".masks{hdu}.fits",
    "probabilities": ".probabilities{hdu}.fits",
}
"""Endings of the products' names."""


@dataclass(frozen=True)
class FrameRecord:
    """What was found in one frame.

    Attributes
    ----------
    hdu, name, version, plane
        Where the frame is: number of the HDU, EXTNAME, EXTVER, and number of the plane in a cube, from 1;
        0 for images.
    shape
        Rows and columns.
    fractions
        Part of the pixels in each class, by name.
    priors
        Priors used, by class name; None if the network's own were kept.
    """

    hdu: int
    name: str
    version: int
    plane: int
    shape: tuple[int, int]
    fractions: dict[str, float]
    priors: dict[str, float] | None


@dataclass(frozen=True)
class MaskRecord:
    """What became of one file.

    Attributes
    ----------
    product
        The mask file.
    previews
        Preview pictures, one a frame.
    frames
        One record a frame.
    seconds
        Time it took.
    """

    product: Path
    previews: tuple[Path, ...]
    frames: tuple[FrameRecord, ...]
    seconds: float


@dataclass
class MaskJob:
    """Masks files.

    Attributes
    ----------
    settings
        How frames are masked.
    output
        Template of the product's path, or None for the default beside the file.
    suffix
        Ending of the default name, or None for that of the format.
    form
        Kind of product.
    bits
        Survey or file of another bit map, for products of bits.
    compression
        Of products of bits; chosen by itself if None.
    overwrite
        Whether a product that is there may be replaced.
    preview
        Whether to make pictures.
    mask_hdu
        HDU of each file whose non-zero pixels have no data.
    """

    settings: MaskSettings = field(default_factory=MaskSettings)
    output: str | None = None
    suffix: str | None = None
    form: Format = "bits"
    bits: str | None = None
    compression: Compression | None = None
    overwrite: bool = False
    preview: bool = False
    mask_hdu: int | str | None = None
    _masker: Masker | None = field(default=None, init=False, repr=False)
    _bit_map: BitMap | None = field(default=None, init=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the network behind: the process that this goes to loads its own."""
        return {**self.__dict__, "_masker": None}

    def units(self, path: str) -> list[Location]:
        """List the files behind a path.

        Raises
        ------
        SourceError
            If there are none.
        """
        return find_locations(path)

    def product(self, unit: Location) -> Path:
        """Return where the product of a file goes.

        Raises
        ------
        ConfigError
            If the template is malformed.
        """
        return output_path(unit, self.output, self.suffix or SUFFIXES[self.form])

    def check(self) -> None:
        """Check the settings and find the model, without loading its network.

        Raises
        ------
        ConfigError
            If a setting is wrong.
        ModelError
            If the model is missing or damaged.
        """
        Masker(self.settings)
        self._read_bit_map()

    def _read_bit_map(self) -> BitMap | None:
        if self.bits is not None and self.form != "bits":
            raise ConfigError(f"a bit map does not go with --format {self.form}; it needs the format bits")
        return None if self.bits is None else read_bit_map(self.bits)

    def prepare(self, *, workers: int = 1) -> None:
        """Load the network; ``workers`` processes share the processors.

        Raises
        ------
        ConfigError
            If a setting is wrong.
        ModelError
            If the model cannot be used.
        """
        self._bit_map = self._read_bit_map()
        settings = self.settings
        if settings.threads is None and workers > 1:
            settings = replace(settings, threads=max(1, available_threads() // workers))
        self._masker = Masker(settings)
        _ = self._masker.network

    def stop(self) -> None:
        """Let the files at work end soon, without a product."""
        if self._masker is not None:
            self._masker.stop()

    def run(self, unit: Location) -> MaskRecord:
        """Mask one file.

        Raises
        ------
        SkysieveError
            If the file cannot be read, holds no frame that can be masked, or the product cannot be written.
        """
        if self._masker is None:
            self.prepare()
        start = time.perf_counter()
        product = self.product(unit)
        if product.resolve() == unit.path.resolve():
            raise ConfigError(f"{unit}: its mask would replace the frame itself; choose another --output")
        frames: list[FrameRecord] = []
        blanks: list[FrameError] = []
        previews: list[Path] = []
        with FrameFile(unit, mask_hdu=self.mask_hdu) as file:

            def make(hdu: FrameHDU) -> fits.ImageHDU | fits.CompImageHDU:
                made, results = self._make(file, hdu, blanks)
                for number, (frame, result) in enumerate(zip(hdu.planes, results, strict=True), start=1):
                    plane = 0 if len(hdu.shape) == 2 else number
                    frames.append(_record(hdu, plane, frame, result))
                    if self.preview:
                        previews.append(self._preview(product, file, frames[-1], frame, result))
                if len(blanks) == len(file.planes):
                    raise blanks[0]
                return made

            write_fits(file_structure(file, make), product, overwrite=self.overwrite)
        return MaskRecord(product, tuple(previews), tuple(frames), time.perf_counter() - start)

    def _make(
        self, file: FrameFile, hdu: FrameHDU, blanks: list[FrameError]
    ) -> tuple[fits.ImageHDU | fits.CompImageHDU, list[MaskResult]]:
        assert self._masker is not None  # noqa: S101 (run prepares it)
        results = [
            self._mask(self._masker, frame, blanks, alone=len(file.planes) == 1) for frame in hdu.planes
        ]
        options = {
            "tiling": self.settings.tiling,
            "normalisation": self.settings.rules,
            "views": None if self.settings.views == 1 else self.settings.views,
            "priors": "auto" if self.settings.priors == "auto" else None,
        }
        cards = results[0].cards(
            source=file.path.name,
            source_sum=data_sum(file.hdus[hdu.index]),
            options={name: value for name, value in options.items() if value is not None},
        )
        if self.form == "bits":
            made = bits_hdu(hdu, results, bit_map=self._bit_map, compression=self.compression, cards=cards)
            return made, results
        return published_hdu(hdu, results, self.form, cards), results

    def _mask(self, masker: Masker, frame: FitsFrame, blanks: list[FrameError], *, alone: bool) -> MaskResult:
        """Mask a frame; one without sky, as of a dead detector, must not cost its file the other masks."""
        try:
            return masker.mask(frame, keep_probabilities=self.form == "probabilities")
        except FrameError as error:
            if alone:
                raise
            blanks.append(error)
            logger.warning("%s; marked as no data", error)
            return masker.blank(frame)

    def _preview(
        self, product: Path, file: FrameFile, record: FrameRecord, frame: FitsFrame, result: MaskResult
    ) -> Path:
        from skysieve.contaminants.preview import write_preview

        several = len(file.planes) > 1
        place = f".{record.hdu}" if several else ""
        place += f".{record.plane}" if several and record.plane else ""
        path = with_suffix(product, f"{place}.png")
        write_preview(frame, result, path, title=frame.label.replace(str(file.path), file.path.name))
        return path


def _record(hdu: FrameHDU, plane: int, frame: FitsFrame, result: MaskResult) -> FrameRecord:
    return FrameRecord(
        hdu.index,
        hdu.name,
        hdu.version,
        plane,
        frame.shape,
        result.fractions,
        None if result.priors is None else dict(result.priors),
    )
