"""Which HDUs of a FITS file are pictures of the sky: rules, and the reasons against the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from astropy.io import fits

from skysieve.core.errors import FrameError, SourceError
from skysieve.core.fits.auxiliary import by_file_name, by_header, by_name, is_own_product, is_science_name
from skysieve.core.fits.bitplanes import has_planes
from skysieve.core.fits.content import CONSTANT, FEW_VALUES, WEIGHTS, agrees, look
from skysieve.core.fits.hdu_claims import damage_of, version_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from skysieve.core.fits.locations import Location

__all__ = [
    "DAMAGED",
    "OF_THE_FRAMES",
    "MaskChoice",
    "ccddata_mask",
    "describe",
    "find_hdu",
    "is_guess",
    "match_masks",
    "pick_science",
    "why_not_image",
]

DAMAGED = "damaged"
"""Start of the reason against an image whose header cannot be right."""

OF_THE_FRAMES = "mask of the frames"
OWN_PRODUCT = "product of Skysieve"
_NOT_SCI = "no picture of the sky by its name: others are named SCI"
_ALL_ALIKE = "mask by its pixels: the same value everywhere, beside masks"
_BY_FILE = "by the name of the file"
_MOST_AXES = 4
_LISTED_HDUS = 12

Reasons = dict[int, str | None]
"""Why each HDU holds no frame; None if it does."""


def why_not_image(hdu: Any, minimum_size: int) -> str | None:
    """Return why an HDU cannot be processed as an image, or None if it can."""
    if isinstance(hdu, fits.GroupsHDU) or not isinstance(
        hdu, fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU
    ):
        return "table" if isinstance(hdu, fits.BinTableHDU | fits.TableHDU) else "not an image"
    damage = damage_of(hdu)
    if damage is not None:
        return f"{DAMAGED}: {damage}"
    shape = tuple(hdu.shape)
    if not shape or 0 in shape:
        return "no data"
    if len(shape) == 1 or len(shape) > _MOST_AXES:
        return f"{len(shape)}-D"
    if min(shape[-2:]) < minimum_size:
        return f"{shape[-1]} x {shape[-2]}, smaller than {minimum_size} pixels"
    return None


def pick_science(hdus: fits.HDUList, reasons: Reasons, path: Path) -> None:
    """Set, in `reasons`, why images are no pictures of the sky.

    Names and header cards are asked first, then the pixels: see :mod:`skysieve.core.fits.auxiliary` and
    :mod:`skysieve.core.fits.content`.  Where images are named SCI, as STScI's and Gemini's are, the file
    itself says which are the pictures, and all others are excluded.  Whoever wants another names its HDU.

    Parameters
    ----------
    hdus
        The file.
    reasons
        None for each image that could be a frame, as :func:`why_not_image` gives it; set in place.
    path
        The file.
    """
    images = [index for index, reason in reasons.items() if reason is None]
    science = {index for index in images if is_science_name(hdus[index].name)}
    for index in images:
        reasons[index] = _stated(hdus, index)
        if reasons[index] is None and science and index not in science:
            reasons[index] = _NOT_SCI
    found = {index: look(hdus[index]) for index in images if reasons[index] is None and index not in science}
    kind = by_file_name(path)
    for index, reason in found.items():
        if reason in (FEW_VALUES, WEIGHTS):
            reasons[index] = reason
        elif kind is not None and agrees(hdus[index], kind):
            reasons[index] = f"{kind} {_BY_FILE}"
        elif reason == CONSTANT and FEW_VALUES in found.values() and hdus[index].header["BITPIX"] > 0:
            reasons[index] = _ALL_ALIKE
    pictures = {index: _size(hdus[index]) for index in images if reasons[index] is None}
    uncertain = {index: named for index in pictures if (named := by_name(hdus[index].name)) is not None}
    beside = {size for index, size in pictures.items() if index not in uncertain}
    for index, named in uncertain.items():
        if pictures[index] in beside:
            reasons[index] = f"{named.kind} by its name"


def is_guess(reason: str) -> bool:
    """Tell whether a reason rests on pixels or on the name of the file, and not on what the HDU says."""
    return reason in (FEW_VALUES, WEIGHTS, _ALL_ALIKE) or reason.endswith(_BY_FILE)


def _stated(hdus: fits.HDUList, index: int) -> str | None:
    """Return what the name and the cards of an image say if it is no picture of the sky, else None."""
    header = hdus[index].header
    if is_own_product(header):
        return OWN_PRODUCT
    if "MM_UTC" in header:
        return "product of MaxiMask"
    if has_planes(header):
        return "bit-plane mask"
    named = by_name(hdus[index].name)
    if named is not None and named.certain:
        return f"{named.kind} by its name"
    named = by_header(header, hdus[0].header)
    return None if named is None else f"{named.kind} by its header"


def _size(hdu: Any) -> tuple[int, ...]:
    return tuple(int(length) for length in hdu.shape[-2:])


def find_hdu(hdus: fits.HDUList, location: Location, reasons: Mapping[int, str | None]) -> int | None:
    """Return the number of the HDU that a location names, or None if it names none.

    Raises
    ------
    SourceError
        If the file has not that HDU, or it is no image with data.
    FrameError
        If it is an image that cannot be a frame: too small, or of 1 or 5 axes.
    """
    if location.hdu is None:
        return None
    found = _matches(hdus, location.hdu, location.version)
    if not found:
        raise SourceError(f"{location}: no such HDU; the file has {describe(hdus, reasons)}")
    reason = reasons[found[0]]
    if reason in {"table", "no data", "not an image"}:
        raise SourceError(f"{location}: is not an image ({reason}); the file has {describe(hdus, reasons)}")
    if reason is not None and reason.startswith(DAMAGED):
        raise SourceError(f"{location}: is {reason}; fetch the file again")
    if reason is not None:
        raise FrameError(f"{location}: cannot be processed, as it is {reason}; name another HDU")
    return found[0]


@dataclass(frozen=True)
class MaskChoice:
    """The HDUs that mask frames.

    Attributes
    ----------
    hdus
        Number of each, and its EXTVER; empty if frames have no mask.
    asked
        What the user calls them, for messages.
    versions
        EXTVER of every HDU in the file.
    namesake
        Name of the mask, if it was asked for by number and is one of several with that name.
    """

    hdus: Mapping[int, int]
    asked: str
    versions: tuple[int, ...]
    namesake: str = ""

    def mask_of(self, index: int, frames: list[int]) -> int | None:
        """Return the number of the HDU that masks a frame's HDU, or None without masks.

        Raises
        ------
        FrameError
            If there are several, and not exactly one has the frame's EXTVER, or
            if one of several was chosen by number for several frames.
        """
        if not self.hdus:
            return None
        if self.namesake and len(frames) > 1:
            raise FrameError(
                f"{self.asked}: is one of several HDUs {self.namesake}, and there are {len(frames)} to mask; "
                f"give the name {self.namesake}, so that each has its own"
            )
        if len(self.hdus) == 1:
            return next(iter(self.hdus))
        version = self.versions[index]
        same = [mask for mask, mask_version in self.hdus.items() if mask_version == version]
        if len(same) != 1:
            advice = "give the mask by number" if len(frames) == 1 else "process its HDUs one by one"
            raise FrameError(
                f"{self.asked}: {len(same)} of the masks have EXTVER {version}, that of HDU {index}; {advice}"
            )
        return same[0]


def match_masks(
    hdus: fits.HDUList, location: Location, mask_hdu: int | str | None, chosen: int | None
) -> MaskChoice:
    """Return the HDUs that mask frames.

    Raises
    ------
    SourceError
        If the file has not that HDU, it is no image with data, or the frame itself.
    """
    versions = tuple(version_of(hdu) for hdu in hdus)
    asked = f"{location.path}, mask {mask_hdu}"
    if mask_hdu is None:
        return MaskChoice({}, asked, versions)
    reasons = {index: why_not_image(hdu, 1) for index, hdu in enumerate(hdus)}
    found = _matches(hdus, mask_hdu, None)
    if not found:
        raise SourceError(f"{asked}: no such HDU; the file has {describe(hdus, reasons)}")
    for index in found:
        if reasons[index] is not None:
            raise SourceError(f"{asked}: HDU {index} is not an image ({reasons[index]}); name another mask")
    if chosen in found:
        raise SourceError(f"{asked}: is the HDU to be processed; name another mask")
    name = hdus[found[0]].name if isinstance(mask_hdu, int) else ""
    namesake = name if name and len(_matches(hdus, name, None)) > 1 else ""
    return MaskChoice({index: versions[index] for index in found}, asked, versions, namesake)


def ccddata_mask(hdus: fits.HDUList) -> int | None:
    """Return the number of the mask that astropy's CCDData writes behind its primary image, or None.

    That is the one HDU named MASK, of bytes that are 0 or 1, of the shape of the primary image.
    """
    masks = _matches(hdus, "MASK", None)
    if len(masks) != 1 or masks[0] == 0 or why_not_image(hdus[0], 1) is not None:
        return None
    mask = hdus[masks[0]]
    if why_not_image(mask, 1) is not None or mask.header["BITPIX"] != 8 or has_planes(mask.header):
        return None
    if tuple(mask.shape) not in (tuple(hdus[0].shape), tuple(hdus[0].shape[-2:])):
        return None
    try:
        largest = int(mask.section[...].max())
    except Exception:  # noqa: BLE001 (unreadable: then it is no help)
        return None
    return masks[0] if largest <= 1 else None


def describe(hdus: fits.HDUList, reasons: Mapping[int, str | None]) -> str:
    """Return what a file has, in one line: ``0 PRIMARY (no data), 1 SCI,1 (513 x 512)``."""
    parts = []
    for index, hdu in enumerate(hdus[:_LISTED_HDUS]):
        name = f" {hdu.name}" if hdu.name else ""
        version = f",{hdu.ver}" if hdu.name and hdu.name != "PRIMARY" else ""
        what = reasons[index] or " x ".join(str(length) for length in reversed(hdu.shape))
        parts.append(f"{index}{name}{version} ({what})")
    if len(hdus) > _LISTED_HDUS:
        parts.append(f"and {len(hdus) - _LISTED_HDUS} more")
    return ", ".join(parts)


def _matches(hdus: fits.HDUList, hdu: int | str, version: int | None) -> list[int]:
    """Return the numbers of the HDUs with this number, or this name (in any case) and version."""
    if isinstance(hdu, int):
        return [hdu] if 0 <= hdu < len(hdus) else []
    return [
        index
        for index, other in enumerate(hdus)
        if (other.name.upper() == hdu.strip().upper() or (index == 0 and hdu.upper() == "PRIMARY"))
        and version in {None, other.ver}
    ]
