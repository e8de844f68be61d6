"""Contaminants as a job: one unit is a file; run it, and its product lies on disk."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from skysieve.contaminants.bitmaps import read_bit_map
from skysieve.contaminants.masker import Masker, MaskSettings
from skysieve.contaminants.masking import FileMasking, FrameRecord
from skysieve.contaminants.published import published_cards
from skysieve.errors import ConfigError
from skysieve.imaging.fits_out import write_fits
from skysieve.imaging.frame_files import FrameFile
from skysieve.imaging.locations import find_locations
from skysieve.imaging.naming import output_path
from skysieve.imaging.structure import keep_structure

if TYPE_CHECKING:
    from pathlib import Path

    from skysieve.contaminants.bitmaps import BitMap
    from skysieve.contaminants.products import Format
    from skysieve.imaging.cards import HeaderCard
    from skysieve.imaging.fits_out import Compression
    from skysieve.imaging.locations import Location

__all__ = ["SUFFIXES", "FrameRecord", "MaskJob", "MaskRecord"]

SUFFIXES: dict[Format, str] = {
    "bits": ".mask{hdu}.fits",
    "cube": ".masks{hdu}.fits",
    "single": ".masks{hdu}.fits",
    "probabilities": ".probabilities{hdu}.fits",
}
"""Endings of the products' names."""


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
        self._masker = Masker(self.settings.shared_by(workers))
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
        assert self._masker is not None  # noqa: S101 (prepare made it)
        start = time.perf_counter()
        product = self.product(unit)
        if product.resolve() == unit.path.resolve():
            raise ConfigError(f"{unit}: its mask would replace the frame itself; choose another --output")
        with FrameFile(unit, mask_hdu=self.mask_hdu) as file, ExitStack() as pictures:
            masking = FileMasking(
                file,
                self._masker,
                form=self.form,
                bit_map=self._bit_map,
                compression=self.compression,
                pictures=(product, pictures) if self.preview else None,
            )
            structure = keep_structure(
                file.hdus,
                {hdu.index: hdu for hdu in file.frames},
                masking.make,
                one_only=unit.hdu is not None,
                cards=self._primary_cards(self._masker),
            )
            write_fits(structure, product, overwrite=self.overwrite)
        previews, frames = tuple(masking.previews), tuple(masking.frames)
        return MaskRecord(product, previews, frames, time.perf_counter() - start)

    def _primary_cards(self, masker: Masker) -> list[HeaderCard]:
        """Return what MaxiMask writes into primary headers, where it is known before the frames are."""
        if self.form == "bits" or self.settings.priors == "auto":
            return []
        return published_cards(masker.classes, masker.thresholds, masker.start_priors, self.form)
