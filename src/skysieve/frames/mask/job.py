"""The job that masks files: one unit is one file, and running it writes the product."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from skysieve.core.atomic import atomic_write
from skysieve.core.errors import ConfigError
from skysieve.core.execution.job import JobRecord
from skysieve.core.execution.network_job import FileJob
from skysieve.core.fits.fits_out import write_fits
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.naming import check_own_product, output_path
from skysieve.core.fits.structure import keep_structure
from skysieve.core.printable import printable
from skysieve.frames.mask.bitmaps import read_bit_map, read_planes
from skysieve.frames.mask.classes import BACKGROUND, NODATA
from skysieve.frames.mask.growth import read_growth
from skysieve.frames.mask.known_defects import KnownDefects
from skysieve.frames.mask.layout import make_layout
from skysieve.frames.mask.masker import Masker
from skysieve.frames.mask.masking import FileMasking, FrameRecord
from skysieve.frames.mask.published_output import published_cards
from skysieve.frames.mask.regions import check_regions
from skysieve.frames.mask.settings import MaskOptions, MaskSettings
from skysieve.frames.mask.weights import weight_path

if TYPE_CHECKING:
    from pathlib import Path

    from skysieve.core.fits.cards import HeaderCard
    from skysieve.core.fits.locations import Location
    from skysieve.frames.mask.bitmaps import BitMap
    from skysieve.frames.mask.growth import Growth
    from skysieve.frames.mask.layout import Layout
    from skysieve.frames.mask.settings import Format
    from skysieve.frames.mask.trails.settings import TrailSettings

__all__ = ["SUFFIXES", "FrameRecord", "MaskJob", "MaskRecord"]

SUFFIXES: dict[Format, str] = {
    "bits": ".mask{hdu}.fits",
    "cube": ".masks{hdu}.fits",
    "single": ".masks{hdu}.fits",
    "probabilities": ".probabilities{hdu}.fits",
}
"""Default suffix of the products' names by format."""


@dataclass(frozen=True)
class MaskRecord(JobRecord):
    """The result of masking one file.

    Attributes
    ----------
    product
        Path of the mask file.
    previews
        Preview pictures, one per frame.
    regions
        Region files, one per frame, and the table of trails.
    frames
        One record per frame.
    notes
        Remarks on how the file was read: images left out, masks used.
    weights
        File of the weight maps.
    """

    product: Path
    previews: tuple[Path, ...]
    frames: tuple[FrameRecord, ...]
    notes: tuple[str, ...] = ()
    regions: tuple[Path, ...] = ()
    weights: Path | None = None

    def describe(self, unit: object) -> str:
        """Return the path of the mask, and the classes found in each frame, as lines.

        Parameters
        ----------
        unit
            The file.

        Returns
        -------
        str
            The lines.
        """
        lines = [f"{printable(unit)} -> {printable(self.product)} ({self.seconds:.1f} s)"]
        for frame in self.frames:
            label = f"[{frame.hdu}]" + (f" plane {frame.plane}" if frame.plane else "")
            found = [
                f"{name} {100 * part:.3g}%"
                for name, part in frame.fractions.items()
                if part > 0 and name != BACKGROUND
            ]
            if frame.trails:
                found.append(f"{len(frame.trails)} trail{'s' if len(frame.trails) > 1 else ''}")
            shape = f"{frame.shape[1]} x {frame.shape[0]}"
            lines.append(f"  {label} {shape}: {', '.join(found) or 'nothing found'}")
        lines += [f"  {printable(note)}" for note in self.notes]
        lines += [f"  preview: {printable(path)}" for path in self.previews]
        lines += [f"  weights: {printable(self.weights)}"] if self.weights else []
        return "\n".join(lines)

    @property
    def main_product(self) -> Path:
        """The mask file."""
        return self.product

    @property
    def numbers(self) -> dict[str, float]:
        """Fractions of the pixels of all frames: in each class, and bad."""
        pixels = [frame.shape[0] * frame.shape[1] for frame in self.frames]
        parts = [{**frame.fractions, "bad": frame.bad} for frame in self.frames]
        names = dict.fromkeys(name for part in parts for name in part)
        return {
            name: sum(n * part.get(name, 0.0) for n, part in zip(pixels, parts, strict=True)) / sum(pixels)
            for name in names
        }


@dataclass
class MaskJob(MaskOptions, FileJob[Masker, MaskRecord]):
    """A job that masks files.

    Attributes
    ----------
    settings
        Settings of the masker.
    trails
        Settings of the trails that are measured as lines; None to measure none.
    """

    settings: MaskSettings = field(default_factory=MaskSettings)
    trails: TrailSettings | None = None
    _form: tuple[Layout, Growth] | None = field(default=None, init=False, repr=False)
    _maps: KnownDefects | None = field(default=None, init=False, repr=False)

    def product(self, unit: Location) -> Path:
        """Return the path of the product of a file.

        Parameters
        ----------
        unit
            Location of the file.

        Returns
        -------
        Path
            Path of its product.

        Raises
        ------
        ConfigError
            If the template is malformed.
        """
        path = output_path(unit, self.output, self.suffix or SUFFIXES[self.form])
        complete = not self.gzipped or path.suffix.lower() == ".gz"
        return path if complete else path.with_name(f"{path.name}.gz")

    def check(self) -> None:
        """Check the settings and the model without loading the network.

        Raises
        ------
        ConfigError
            If a setting is wrong.
        ModelError
            If the model is missing or damaged.
        """
        self._read_options(Masker(self.settings))
        if self.defects is not None:
            KnownDefects.read(self.defects)
        if self.regions:
            check_regions()

    def _read_bit_map(self) -> BitMap | None:
        if self.bits is None:
            if self.bits_from is not None:
                raise ConfigError("--bits-from numbers the planes of a bit map; name that with --bits")
            return None
        bit_map = read_bit_map(self.bits)
        if self.bits_from is None:
            return bit_map
        return bit_map.numbered_like(read_planes(self.bits_from), origin=self.bits_from)

    def _read_options(self, masker: Masker) -> tuple[Layout, Growth]:
        layout = make_layout(
            form=self.form,
            bit_map=self._read_bit_map(),
            value=self.value,
            tool=self.tool,
            compression=self.compression,
        )
        growth = read_growth(self.grow)
        if growth and self.form == "probabilities":
            raise ConfigError("--grow does not go with --format probabilities: only marks grow")
        known = {NODATA.name, *(c.name for c in masker.classes)}
        unknown = [name for name in growth.of_class if name not in known]
        if unknown:
            raise ConfigError(f"--grow {unknown[0]}: this class is not asked for; add it to --classes")
        if self.defects is not None and self.form == "probabilities":
            raise ConfigError("--defects does not go with --format probabilities: only marks are changed")
        if self.trails is not None and "TRL" not in known:
            raise ConfigError("--trails needs the class TRL; add it to --classes")
        return layout, growth

    def prepare(self, *, workers: int = 1) -> None:
        """Load the network, and read the bit map.

        Parameters
        ----------
        workers
            Number of processes that share the processors.

        Raises
        ------
        ConfigError
            If a setting is wrong.
        ModelError
            If the model cannot be used.
        """
        super().prepare(workers=workers)
        self._form = self._read_options(self.runner)

    def _make_runner(self, workers: int) -> Masker:
        return Masker(self.settings.shared_by(workers))

    def _process(self, unit: Location) -> MaskRecord:
        masker = self.runner
        product = self.product(unit)
        check_own_product(unit, product)
        layout, growth = self._form or self._read_options(masker)
        with (
            FrameFile(unit, mask_hdu=self.mask_hdu, mask_bits=self.mask_bits) as file,
            ExitStack() as side_products,
        ):
            weights = None
            if self.weight is not None:
                weights = side_products.enter_context(atomic_write(weight_path(product), overwrite=True))
            masking = FileMasking(
                file,
                masker,
                layout=self._compressed_once(layout, product),
                growth=growth,
                previews=(product, side_products) if self.preview else None,
                regions=(product, side_products) if self.regions else None,
                trails=None if self.trails is None else (product, self.trails),
                weights=None if self.weight is None or weights is None else (self.weight, weights),
                defects=self._known_defects(),
            )
            structure = keep_structure(
                file.hdus,
                {hdu.index: hdu for hdu in file.frames},
                masking.make,
                one_only=unit.hdu is not None,
                frames_only=layout.frames_only,
                cards=self._primary_cards(masker),
            )
            write_fits(structure, product, overwrite=self.overwrite)
            notes = file.notes
        return MaskRecord(
            product,
            tuple(masking.previews),
            tuple(masking.frames),
            notes,
            tuple(masking.regions),
            None if weights is None else weight_path(product),
        )

    def _known_defects(self) -> KnownDefects | None:
        """Return the maps of defects; their list is read once in each process."""
        if self.defects is not None and self._maps is None:
            self._maps = KnownDefects.read(self.defects)
        return self._maps

    def _compressed_once(self, layout: Layout, product: Path) -> Layout:
        """Return the layout without default compression of the HDUs if gzip compresses the whole file."""
        if product.suffix.lower() == ".gz" and layout.compression is None:
            return replace(layout, compression="none")
        return layout

    def _primary_cards(self, masker: Masker) -> list[HeaderCard]:
        """Return MaxiMask's cards of the primary header, if they do not depend on the frames."""
        if self.form == "bits" or self.settings.priors == "auto":
            return []
        return published_cards(masker.classes, masker.thresholds, masker.start_priors, self.form)
