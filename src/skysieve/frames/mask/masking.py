"""Mask the frames of one file: each science HDU becomes an HDU of the product."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from skysieve.core.atomic import atomic_write
from skysieve.core.errors import FrameError
from skysieve.core.fits.frame_origin import origin_in_file
from skysieve.core.fits.naming import with_suffix
from skysieve.core.fits.provenance import data_sum
from skysieve.core.printable import one_line, printable
from skysieve.frames.mask.detectors import detector_name
from skysieve.frames.mask.known_defects import mark_defects
from skysieve.frames.mask.planes import bad_cards
from skysieve.frames.mask.products import bits_hdu, ood_cards
from skysieve.frames.mask.published_output import published_hdu
from skysieve.frames.mask.weights import WeightFile, weight_map

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from astropy.io import fits

    from skysieve.core.fits.cards import HeaderCard
    from skysieve.core.fits.fits_frames import FitsFrame, FrameHDU
    from skysieve.core.fits.frame_files import FrameFile
    from skysieve.frames.image.domain import OODScore
    from skysieve.frames.mask.growth import Growth
    from skysieve.frames.mask.known_defects import KnownDefects
    from skysieve.frames.mask.layout import Layout
    from skysieve.frames.mask.masker import Masker
    from skysieve.frames.mask.result import MaskResult
    from skysieve.frames.mask.settings import Weight
    from skysieve.frames.mask.trails.measuring import MeasuredTrail
    from skysieve.frames.mask.trails.records import TrailRecord
    from skysieve.frames.mask.trails.settings import TrailSettings

__all__ = ["FileMasking", "FrameRecord"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FrameRecord:
    """The result of masking one frame.

    Attributes
    ----------
    hdu, name, version, plane
        Position of the frame: number of the HDU, EXTNAME, EXTVER, and number of the plane in a cube, from 1;
        0 for images.
    shape
        Height and width (H, W) in pixels.
    fractions
        Fraction of the pixels in each class, by name.
    bad
        Fraction of the pixels that are bad.
    priors
        Priors by class name; None if those of the network were kept.
    ood
        Out-of-distribution score; None if it is unknown.
    trails
        Its trails as lines, if they were asked for.
    """

    hdu: int
    name: str
    version: int
    plane: int
    shape: tuple[int, int]
    fractions: dict[str, float]
    bad: float
    priors: dict[str, float] | None
    ood: OODScore | None = None
    trails: tuple[TrailRecord, ...] = ()


class FileMasking:
    """Masks the HDUs of one file, and records the results of its frames.

    Parameters
    ----------
    file
        The open file.
    masker
        The masker.
    layout
        Layout of the marks in the product.
    growth
        Growth of the marks before they are written.
    previews
        None, or the path of the product, after which previews are named, and the stack of the temporary files
        that are renamed when the product is complete.
    regions
        The same for region files.
    trails
        None, or the path of the product, and the settings of the trails that are measured as lines.
    weights
        None, or the kind of the weight maps, and the temporary file that gets them.
    defects
        Maps of the defects of detectors, or None.

    Attributes
    ----------
    frames
        Records of the frames that are done.
    previews
        Their preview pictures.
    regions
        Their region files and, last, the table of trails.
    """

    def __init__(
        self,
        file: FrameFile,
        masker: Masker,
        *,
        layout: Layout,
        growth: Growth,
        previews: tuple[Path, ExitStack] | None,
        regions: tuple[Path, ExitStack] | None = None,
        trails: tuple[Path, TrailSettings] | None = None,
        weights: tuple[Weight, Path] | None = None,
        defects: KnownDefects | None = None,
    ) -> None:
        self.frames: list[FrameRecord] = []
        self.previews: list[Path] = []
        self.regions: list[Path] = []
        self._trails: list[tuple[int, int, MaskResult]] = []
        self._file, self._masker, self._layout, self._growth = file, masker, layout, growth
        self._preview_output, self._region_output, self._trail_output = previews, regions, trails
        self._blanks: list[FrameError] = []
        self._defects = defects
        self._weights = weights and (weights[0], WeightFile(weights[1], weights[0]))

    def make(self, hdu: FrameHDU, tables: bool) -> fits.ImageHDU | fits.CompImageHDU:  # noqa: FBT001 (by position)
        """Mask a science HDU and return the HDU of the product.

        Parameters
        ----------
        hdu
            The science HDU.
        tables
            Whether the product contains the distortion tables to which its header refers.

        Returns
        -------
        ImageHDU or CompImageHDU
            The mask, with provenance in its header.

        Raises
        ------
        FrameError
            If this is the last HDU and no frame of the file could be masked.
        """
        self._layout.check(hdu, hdu.planes[0].label)
        found, scores = zip(*(self._mask(frame) for frame in hdu.planes), strict=True)
        found = self._with_defects(hdu, found)
        results: list[MaskResult] = []
        for number, (frame, masked) in enumerate(zip(hdu.planes, found, strict=True), start=1):
            plane = 0 if len(hdu.shape) == 2 else number
            record = _record(hdu, plane, masked, scores[number - 1])
            result = masked
            if self._trail_output is not None:
                trails, result = self._measure_trails(
                    *self._trail_output, hdu=hdu, plane=plane, frame=frame, result=masked
                )
                record = replace(record, trails=trails)
            result = result.grown(self._growth)
            results.append(result)
            self.frames.append(record)
            if self._preview_output is not None:
                self._write_preview(*self._preview_output, frame, result)
            if self._region_output is not None:
                self._write_regions(*self._region_output, hdu, result)
        if len(self._blanks) == len(self._file.planes):
            raise self._blanks[0]
        options = self._options()
        if hdu.linearised:
            options["asinh scale"] = hdu.linearised
        cards = results[0].cards(
            source=self._file.path.name,
            source_sum=data_sum(self._file.hdus[hdu.index]),
            options=options,
        )
        cards += ood_cards(self._worst(hdu, scores))
        if self._weights is not None:
            self._write_weights(*self._weights, hdu=hdu, results=results, cards=cards)
        if self._layout.form == "bits":
            return bits_hdu(
                hdu,
                results,
                layout=self._layout,
                cards=cards,
                tables=tables,
            )
        return published_hdu(hdu, results, self._layout.form, cards, tables=tables)

    def _with_defects(self, hdu: FrameHDU, results: Sequence[MaskResult]) -> tuple[MaskResult, ...]:
        """Return masks with the known defects of their detector."""
        if self._defects is None:
            return tuple(results)
        detector = detector_name(
            [hdu.header, self._file.hdus[0].header], hdu.name, hdu.version, results[0].bits.shape
        )
        known = self._defects.of(detector)
        if known is None:
            logger.warning(
                "%s: %s has no map of its detector (%s); masked without",
                hdu.planes[0].label,
                self._defects.folder,
                detector,
            )
            return tuple(results)
        return tuple(mark_defects(result, known) for result in results)

    def _options(self) -> dict[str, object]:
        """Return the settings that differ from the defaults, for the provenance in the header."""
        grown: dict[str, object] = {"grow": str(self._growth)} if self._growth else {}
        if self._trail_output is not None and self._trail_output[1].wings is not None:
            grown["trails masked to"] = f"{self._trail_output[1].wings:g} sigma"
        masks = [note.removeprefix("no data: ") for note in self._file.notes if note.startswith("no data: ")]
        masked: dict[str, object] = {"no data": "; ".join(masks)} if masks else {}
        if self._defects is not None:
            masked["defects"] = f"of {self._defects.folder.name}"
        return {**self._masker.settings.non_default_settings(), **grown, **masked}

    def _mask(self, frame: FitsFrame) -> tuple[MaskResult, OODScore | None]:
        """Mask a frame and compute its out-of-distribution score.

        A frame without sky, such as that of a dead detector, must not prevent the masks of other frames.
        """
        try:
            result = self._masker.mask(frame, keep_probabilities=self._keeps_probabilities)
        except FrameError as error:
            if len(self._file.planes) == 1:
                raise
            self._blanks.append(error)
            logger.warning("%s; marked as no data", error)
            blank = self._masker.blank(frame, keep_probabilities=self._keeps_probabilities)
            return blank, None
        return result, self._masker.ood_score(frame, result)

    @property
    def _keeps_probabilities(self) -> bool:
        wanted = self._weights is not None and self._weights[0] == "probability"
        return wanted or self._layout.form == "probabilities"

    def _write_weights(
        self,
        kind: Weight,
        file: WeightFile,
        *,
        hdu: FrameHDU,
        results: Sequence[MaskResult],
        cards: Sequence[HeaderCard],
    ) -> None:
        """Append the weight maps of an HDU to their file."""
        planes = [weight_map(frame, result, kind) for frame, result in zip(hdu.planes, results, strict=True)]
        own = [*cards, *bad_cards(results[0].bad_bits())]
        file.append(planes, header=hdu.header, index=hdu.index, cards=own)

    def _measure_trails(
        self,
        product: Path,
        settings: TrailSettings,
        *,
        hdu: FrameHDU,
        plane: int,
        frame: FitsFrame,
        result: MaskResult,
    ) -> tuple[tuple[TrailRecord, ...], MaskResult]:
        """Return the trails of a frame as lines, and its mask, widened if that is asked for."""
        from skysieve.frames.mask.trails.records import FramePlace, frame_trails
        from skysieve.frames.mask.trails.widening import widen_trails

        place = FramePlace(
            file=printable(self._file.path),
            hdu=hdu.index,
            name=one_line(hdu.name),
            plane=plane,
            mask=printable(product),
        )
        located = replace(result, origin=origin_in_file(hdu.header, self._file.hdus))
        trails = frame_trails(frame, located, settings, place, primary=self._file.hdus[0].header)
        if settings.wings is None or not trails:
            return trails, result
        bits = widen_trails(result.bits, [found.trail for found in trails], settings.wings)
        return trails, replace(result, bits=bits)

    def _worst(self, hdu: FrameHDU, scores: Sequence[OODScore | None]) -> OODScore | None:
        """Return the highest score of the planes of an HDU, and warn if it is above the limit."""
        known = [(found.score, number) for number, found in enumerate(scores) if found is not None]
        if not known:
            return None
        _, number = max(known)
        found = scores[number]
        warning = found and found.warning(hdu.planes[number].label, self._masker.model.card.name)
        if warning:
            logger.warning("%s: check its mask", warning)
        return found

    def _write_preview(
        self, product: Path, previews: ExitStack, frame: FitsFrame, result: MaskResult
    ) -> None:
        from skysieve.frames.mask.preview import draw_preview

        path = with_suffix(product, f"{self._frame_suffix()}.png")
        title = frame.label.replace(str(self._file.path), self._file.path.name)
        picture = draw_preview(frame, result, title=title)
        picture.save(previews.enter_context(atomic_write(path, overwrite=True)), format="PNG", optimize=True)
        self.previews.append(path)

    def _frame_suffix(self) -> str:
        """Return the suffix for side products of the last frame, unique in the file."""
        record = self.frames[-1]
        if len(self._file.planes) == 1:
            return ""
        return f".{record.hdu}.{record.plane}" if record.plane else f".{record.hdu}"

    def _lines(self) -> list[MeasuredTrail] | None:
        """Return the trails of the last frame; None if they were not measured."""
        if self._trail_output is None:
            return None
        return [found.trail for found in self.frames[-1].trails]

    def _write_regions(self, product: Path, files: ExitStack, hdu: FrameHDU, result: MaskResult) -> None:
        """Write the regions of a frame and, after the last frame, the table of all trails."""
        from skysieve.frames.mask.regions import mask_regions, region_text, trail_table

        located = replace(result, origin=origin_in_file(hdu.header, self._file.hdus))
        path = with_suffix(product, f"{self._frame_suffix()}.reg")
        files.enter_context(atomic_write(path, overwrite=True)).write_text(
            region_text(mask_regions(result, trails=self._lines())), encoding="utf-8"
        )
        self.regions.append(path)
        record = self.frames[-1]
        self._trails.append((record.hdu, record.plane, located))
        if len(self._trails) == len(self._file.planes):
            path = with_suffix(product, ".trails.ecsv")
            table = trail_table(self._trails)
            table.write(files.enter_context(atomic_write(path, overwrite=True)), format="ascii.ecsv")
            self.regions.append(path)


def _record(hdu: FrameHDU, plane: int, result: MaskResult, ood: OODScore | None) -> FrameRecord:
    priors = None if result.priors is None else dict(result.priors)
    height, width = result.bits.shape
    bad = float(result.bad().mean())
    return FrameRecord(
        hdu.index, hdu.name, hdu.version, plane, (height, width), result.fractions, bad, priors, ood
    )
