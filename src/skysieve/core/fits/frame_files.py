"""Frames of a FITS file: which HDUs are science images, and which mask belongs to each."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self

import numpy as np

from skysieve.core.errors import ConfigError, FrameError, NoFrameError, SkysieveError, SourceError
from skysieve.core.fits.fits_frames import FitsFrame, FrameCache, FrameHDU, OtherHDU, StoredMask
from skysieve.core.fits.fits_integrity import open_intact
from skysieve.core.fits.hdu_choice import (
    DAMAGED,
    MASK_OF_FRAMES,
    ccddata_mask,
    describe,
    find_hdu,
    is_guess,
    match_masks,
    pick_science,
    why_not_image,
)
from skysieve.core.fits.hdu_layout import one_line
from skysieve.core.fits.header_checks import version_of
from skysieve.core.fits.locations import Location
from skysieve.core.fits.mask_values import mask_rule, parse_mask_bits
from skysieve.core.fits.pixels import header_scaling
from skysieve.core.fits.sections import read_sections

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from astropy.io import fits

    from skysieve.core.fits.mask_values import MaskBits

__all__ = ["FrameFile"]

logger = logging.getLogger(__name__)


class FrameFile:
    """An open FITS file and the frames in it; a context manager.

    Frames are the 2-D images and the planes of cubes with 3 or 4 axes. If the location names no HDU, images
    that are not science images are left out; see :func:`skysieve.core.fits.hdu_choice.pick_science`.

    Parameters
    ----------
    location
        The file, and the HDU if only one is wanted.
    mask_hdu
        Image HDU of the same file, by number or EXTNAME, that marks pixels without data. Of several with this
        name, the one with the EXTVER of the frame's HDU is used. Its shape is that of the frame's HDU, or of
        one plane. None uses the mask of a CCDData file, if there is one; ``"none"`` uses no mask.
    mask_bits
        Names or values of the mask planes that mean no data, or ``"any"`` for every value but 0. None uses
        the header or a known scheme; see :func:`skysieve.core.fits.mask_values.mask_rule`.
    minimum_size
        Images with fewer pixels along an axis are not frames.

    Attributes
    ----------
    location
        The given location.
    hdus : astropy.io.fits.HDUList
        The whole file, with images as stored; do not change it.
    frames : tuple of FrameHDU
        HDUs with frames, in file order; at least one.
    others : tuple of OtherHDU
        All other HDUs, in file order, with the reason why each holds no frame.

    Raises
    ------
    ConfigError
        If mask bits are given without a mask HDU.
    SourceError
        If the file cannot be read or is damaged, or lacks the requested HDU or mask.
    NoFrameError
        If the file has no frame.
    FrameError
        If the requested HDU is not a frame, or a mask does not fit.
    """

    def __init__(
        self,
        location: Location,
        *,
        mask_hdu: int | str | None = None,
        mask_bits: MaskBits | None = None,
        minimum_size: int = 32,
    ) -> None:
        self.location = location
        self._cache = FrameCache()
        self._mask_bits = parse_mask_bits(mask_bits)
        if self._mask_bits is not None and mask_hdu is None:
            raise ConfigError("mask bits are planes of a mask HDU; name it too (--mask-hdu)")
        self._no_data: dict[str, None] = {}
        self._of_ccddata: int | None = None
        self.hdus: fits.HDUList = open_intact(location.path)
        try:
            self.frames, self.others = self._sort(mask_hdu, minimum_size)
            self._log()
        except BaseException as error:
            self.close()
            if isinstance(error, SkysieveError | MemoryError) or not isinstance(error, Exception):
                raise
            # Astropy raises many kinds of errors for headers that break the standard
            raise SourceError(
                f"{location}: a header in it cannot be understood ({one_line(error)}); fetch the file again"
            ) from error

    @property
    def path(self) -> Path:
        """Path of the file."""
        return self.location.path

    @property
    def planes(self) -> tuple[FitsFrame, ...]:
        """All frames of the file, in file order."""
        return tuple(plane for hdu in self.frames for plane in hdu.planes)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the user on how the file was read, one line each: images left out, masks used."""
        found = [hdu for hdu in self.others if hdu.left_out and hdu.reason != MASK_OF_FRAMES]
        listed = ", ".join(f"[{hdu.index}] {hdu.name} ({hdu.reason})".replace("  ", " ") for hdu in found)
        return (*([f"left out: {listed}"] if found else []), *(f"no data: {mask}" for mask in self._no_data))

    def close(self) -> None:
        """Close the file; its frames can no longer be read."""
        self._cache.close()
        self.hdus.close()

    def __enter__(self) -> Self:
        """Return the open file."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def _sort(
        self, mask_hdu: int | str | None, minimum_size: int
    ) -> tuple[tuple[FrameHDU, ...], tuple[OtherHDU, ...]]:
        """Separate the HDUs with frames from the others."""
        reasons = {index: why_not_image(hdu, minimum_size) for index, hdu in enumerate(self.hdus)}
        chosen = find_hdu(self.hdus, self.location, reasons)
        own = ccddata_mask(self.hdus) if mask_hdu is None and chosen in (None, 0) else None
        self._of_ccddata = own
        if mask_hdu is not None and str(mask_hdu).lower() == "none":
            mask_hdu = None
        masks = match_masks(self.hdus, self.location, mask_hdu, chosen)
        images = {index for index, reason in reasons.items() if reason is None}
        if chosen is None:
            for index in (*masks.hdus, *(() if own is None else (own,))):
                reasons[index] = reasons[index] or MASK_OF_FRAMES
            pick_science(self.hdus, reasons, self.path)
        else:
            images = set()
            reasons = {index: None if index == chosen else "not asked for" for index in reasons}
        wanted = [index for index, reason in reasons.items() if reason is None]
        if not wanted:
            damaged = any(reason is not None and reason.startswith(DAMAGED) for reason in reasons.values())
            advice = f"a frame is an image of {minimum_size} x {minimum_size} pixels or more"
            if images:
                advice = "name an HDU, as file.fits[1], to use one that is left out"
            elif damaged:
                advice = "fetch the file again"
            kind = FrameError if damaged else NoFrameError
            raise kind(f"{self.path}: has no frame: {describe(self.hdus, reasons)}; {advice}")
        for index, reason in reasons.items():
            if reason is not None and reason.startswith(DAMAGED):
                logger.warning("%s: HDU %d is left out, as it is %s", self.path, index, reason)
        frames = tuple(
            self._frame_hdu(index, own if own is not None and index == 0 else masks.mask_of(index, wanted))
            for index in wanted
        )
        others = tuple(
            OtherHDU(
                index, hdu.name, version_of(hdu), hdu.header, reasons[index] or "", left_out=index in images
            )
            for index, hdu in enumerate(self.hdus)
            if index not in wanted
        )
        return frames, others

    def _log(self) -> None:
        """Log images left out and masks used; warn where the decision is a guess."""
        for other in self.others:
            if other.left_out and other.reason != MASK_OF_FRAMES:
                level = logging.WARNING if is_guess(other.reason) else logging.INFO
                where = f"{self.path}[{other.index}]"
                logger.log(level, "%s: left out: %s; name it so, to process it", where, other.reason)
        for mask in self._no_data:
            logger.info("%s: no data: %s", self.path, mask)

    def _frame_hdu(self, index: int, mask: int | None) -> FrameHDU:
        """Return the frames of an HDU, with the mask from another HDU."""
        hdu = self.hdus[index]
        shape = tuple(int(length) for length in hdu.shape)
        label = self._label(index)
        scaling = header_scaling(hdu.header, label)
        if scaling.asinh is not None:
            logger.warning("%s: is on an asinh scale (BSOFTEN); made linear: %s", label, scaling.asinh)
        mask_planes = None if mask is None else self._mask_planes(mask, index, label)
        sections = read_sections(hdu.header, (shape[-2], shape[-1]))
        planes = []
        for number, plane in enumerate(np.ndindex(*shape[:-2])):
            planes.append(
                FitsFrame(
                    hdu,
                    plane=plane,
                    label=label if len(shape) == 2 else f"{label} plane {number + 1}",
                    scaling=scaling,
                    cache=self._cache,
                    mask=None if mask_planes is None else mask_planes[number % len(mask_planes)],
                    sections=sections,
                )
            )
        linearised = "" if scaling.asinh is None else str(scaling.asinh)
        return FrameHDU(index, hdu.name, version_of(hdu), hdu.header, shape, tuple(planes), linearised)

    def _mask_planes(self, index: int, frame: int, frame_label: str) -> list[StoredMask]:
        """Return the planes of a mask HDU: one for each plane of the frame's HDU, or one for all."""
        hdu, label = self.hdus[index], self._label(index)
        shape, mask_shape = (tuple(int(length) for length in one.shape) for one in (self.hdus[frame], hdu))
        if mask_shape != shape and mask_shape != shape[-2:]:
            raise FrameError(
                f"{frame_label}: its mask, HDU {index}, has shape {mask_shape}, not {shape}; "
                "name another mask"
            )
        scaling = header_scaling(hdu.header, label)
        headers = [self.hdus[number].header for number in (index, frame, 0)]
        rule = mask_rule(headers, hdu.name, self._mask_bits, label)
        found = ", of a CCDData (--mask-hdu none ignores it)" if index == self._of_ccddata else ""
        self._no_data[f"[{index}] {hdu.name}".strip() + f": {rule.description}{found}"] = None
        return [
            StoredMask(
                FitsFrame(hdu, plane=plane, label=label, scaling=scaling, cache=self._cache), scaling, rule
            )
            for plane in np.ndindex(*mask_shape[:-2])
        ]

    def _label(self, index: int) -> str:
        """Return the location of an HDU: by name if the name is unique, else by number."""
        hdu = self.hdus[index]
        if self.location.hdu is not None and self.location.hdu == index:
            return str(self.location)
        identity = hdu.name, version_of(hdu)
        same = [other for other in self.hdus if (other.name, version_of(other)) == identity]
        if (
            len(same) > 1
            or not hdu.name
            or hdu.name in {"PRIMARY", "COMPRESSED_IMAGE"}
            or set(hdu.name) & set("[],")
        ):
            return str(Location(self.path, index))
        return str(Location(self.path, *identity))
