"""Which HDUs of a FITS file are science images, and why the others are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from astropy.io import fits

from skysieve.core.errors import FrameError, SourceError
from skysieve.core.fits.auxiliary import classify_file_name, classify_header, classify_name, is_science_name
from skysieve.core.fits.bitplanes import has_planes
from skysieve.core.fits.content import CONSTANT, FEW_VALUES, WEIGHTS, classify_pixels, pixels_match
from skysieve.core.fits.header_checks import find_damage, version_of
from skysieve.core.fits.own_products import is_own_product

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from skysieve.core.fits.locations import Location

__all__ = [
    "DAMAGED",
    "MASK_OF_FRAMES",
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
"""First word of the reason for an image whose header cannot be right."""

MASK_OF_FRAMES = "mask of the frames"
OWN_PRODUCT = "product of Skysieve"
_NOT_SCI = "no picture of the sky by its name: others are named SCI"
_CONSTANT_MASK = "mask by its pixels: the same value everywhere, beside masks"
_BY_FILE = "by the name of the file"
_MAX_AXES = 4
_MAX_LISTED_HDUS = 12

Reasons = dict[int, str | None]
"""Why each HDU holds no frame; None if it holds one."""


def why_not_image(hdu: object, minimum_size: int) -> str | None:
    """Return why an HDU cannot be processed as an image, or None if it can.

    Parameters
    ----------
    hdu
        Any HDU, with its pixels as stored.
    minimum_size
        Smallest allowed number of pixels along an axis.

    Returns
    -------
    str or None
        The reason, in a few words.
    """
    if isinstance(hdu, fits.GroupsHDU) or not isinstance(
        hdu, fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU
    ):
        return "table" if isinstance(hdu, fits.BinTableHDU | fits.TableHDU) else "not an image"
    damage = find_damage(hdu)
    if damage is not None:
        return f"{DAMAGED}: {damage}"
    shape = tuple(hdu.shape)
    if not shape or 0 in shape:
        return "no data"
    if len(shape) == 1 or len(shape) > _MAX_AXES:
        return f"{len(shape)}-D"
    if min(shape[-2:]) < minimum_size:
        return f"{shape[-1]} x {shape[-2]}, smaller than {minimum_size} pixels"
    return None


def pick_science(hdus: fits.HDUList, reasons: Reasons, path: Path) -> None:
    """Set, in `reasons`, why images are not science images.

    Names and header cards decide first, then the pixels: see :mod:`skysieve.core.fits.auxiliary` and
    :mod:`skysieve.core.fits.content`. If a file names images SCI, as those of STScI and Gemini do, only these
    are science images. The user can still name any other HDU.

    Parameters
    ----------
    hdus
        The file.
    reasons
        None for each image that could be a frame, as :func:`why_not_image` returns it; changed in place.
    path
        Path of the file.
    """
    images = [index for index, reason in reasons.items() if reason is None]
    science = {index for index in images if is_science_name(hdus[index].name)}
    for index in images:
        reasons[index] = _stated_reason(hdus, index)
        if reasons[index] is None and science and index not in science:
            reasons[index] = _NOT_SCI
    found = {
        index: classify_pixels(hdus[index])
        for index in images
        if reasons[index] is None and index not in science
    }
    kind = classify_file_name(path)
    for index, reason in found.items():
        if reason in (FEW_VALUES, WEIGHTS):
            reasons[index] = reason
        elif kind is not None and pixels_match(hdus[index], kind):
            reasons[index] = f"{kind} {_BY_FILE}"
        elif reason == CONSTANT and FEW_VALUES in found.values() and hdus[index].header["BITPIX"] > 0:
            reasons[index] = _CONSTANT_MASK
    sizes = {index: tuple(hdus[index].shape[-2:]) for index in images if reasons[index] is None}
    uncertain = {index: named for index in sizes if (named := classify_name(hdus[index].name)) is not None}
    science_sizes = {size for index, size in sizes.items() if index not in uncertain}
    for index, named in uncertain.items():
        if sizes[index] in science_sizes:
            reasons[index] = f"{named.kind} by its name"


def is_guess(reason: str) -> bool:
    """Check whether a reason rests on pixels or on the file name, and not on the HDU's own header.

    Parameters
    ----------
    reason
        A reason that :func:`pick_science` sets.

    Returns
    -------
    bool
        Whether it is a guess.
    """
    return reason in (FEW_VALUES, WEIGHTS, _CONSTANT_MASK) or reason.endswith(_BY_FILE)


def _stated_reason(hdus: fits.HDUList, index: int) -> str | None:
    """Return why an image is not a science image, by its name and cards; None if they do not exclude it."""
    header = hdus[index].header
    if is_own_product(header):
        return OWN_PRODUCT
    if "MM_UTC" in header:
        return "product of MaxiMask"
    if has_planes(header):
        return "bit-plane mask"
    named = classify_name(hdus[index].name)
    if named is not None and named.certain:
        return f"{named.kind} by its name"
    named = classify_header(header, hdus[0].header)
    return None if named is None else f"{named.kind} by its header"


def find_hdu(hdus: fits.HDUList, location: Location, reasons: Mapping[int, str | None]) -> int | None:
    """Return the number of the HDU that a location names, or None if it names none.

    Parameters
    ----------
    hdus
        The file.
    location
        The location.
    reasons
        Why each HDU holds no frame.

    Returns
    -------
    int or None
        Number of the HDU in the file.

    Raises
    ------
    SourceError
        If the file lacks that HDU, or the HDU is not an image with data.
    FrameError
        If it is an image that cannot be a frame: too small, or with 1 or 5 axes.
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
    """The mask HDUs of a file.

    Attributes
    ----------
    hdus
        EXTVER of each mask HDU, by its number; empty if frames have no mask.
    label
        The user's name for the masks, for messages.
    versions
        EXTVER of every HDU in the file.
    shared_name
        EXTNAME of the mask, if the user gave its number and other HDUs have the same name.
    """

    hdus: Mapping[int, int]
    label: str
    versions: tuple[int, ...]
    shared_name: str = ""

    def mask_of(self, index: int, frames: list[int]) -> int | None:
        """Return the number of the HDU that masks a frame's HDU, or None without masks.

        Parameters
        ----------
        index
            Number of the frame's HDU.
        frames
            Numbers of all HDUs with frames.

        Returns
        -------
        int or None
            Number of the mask HDU.

        Raises
        ------
        FrameError
            If several masks exist and not exactly one has the frame's EXTVER, or if the user chose one of
            several by number for several frames.
        """
        if not self.hdus:
            return None
        if self.shared_name and len(frames) > 1:
            raise FrameError(
                f"{self.label}: is one of several HDUs {self.shared_name}, and there are {len(frames)} to "
                f"mask; give the name {self.shared_name}, so that each has its own"
            )
        if len(self.hdus) == 1:
            return next(iter(self.hdus))
        version = self.versions[index]
        same = [mask for mask, mask_version in self.hdus.items() if mask_version == version]
        if len(same) != 1:
            advice = "give the mask by number" if len(frames) == 1 else "process its HDUs one by one"
            raise FrameError(
                f"{self.label}: {len(same)} of the masks have EXTVER {version}, that of HDU {index}; {advice}"
            )
        return same[0]


def match_masks(
    hdus: fits.HDUList, location: Location, mask_hdu: int | str | None, chosen: int | None
) -> MaskChoice:
    """Return the mask HDUs that the user requested.

    Parameters
    ----------
    hdus
        The file.
    location
        Location of the file.
    mask_hdu
        Number or EXTNAME of the mask; None for no mask.
    chosen
        Number of the frame's HDU, if the location names one.

    Returns
    -------
    MaskChoice
        The mask HDUs.

    Raises
    ------
    SourceError
        If the file lacks that HDU, or the HDU is not an image with data or is the frame itself.
    """
    versions = tuple(version_of(hdu) for hdu in hdus)
    label = f"{location.path}, mask {mask_hdu}"
    if mask_hdu is None:
        return MaskChoice({}, label, versions)
    reasons = {index: why_not_image(hdu, 1) for index, hdu in enumerate(hdus)}
    found = _matches(hdus, mask_hdu, None)
    if not found:
        raise SourceError(f"{label}: no such HDU; the file has {describe(hdus, reasons)}")
    for index in found:
        if reasons[index] is not None:
            raise SourceError(f"{label}: HDU {index} is not an image ({reasons[index]}); name another mask")
    if chosen in found:
        raise SourceError(f"{label}: is the HDU to be processed; name another mask")
    name = hdus[found[0]].name if isinstance(mask_hdu, int) else ""
    shared_name = name if name and len(_matches(hdus, name, None)) > 1 else ""
    return MaskChoice({index: versions[index] for index in found}, label, versions, shared_name)


def ccddata_mask(hdus: fits.HDUList) -> int | None:
    """Return the number of the mask that astropy's CCDData writes behind its primary image, or None.

    This is the only HDU named MASK; it holds bytes of 0 or 1 and has the shape of the primary image.

    Parameters
    ----------
    hdus
        The file.

    Returns
    -------
    int or None
        Number of the mask HDU.
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
    except Exception:  # noqa: BLE001 (an unreadable mask is ignored)
        return None
    return masks[0] if largest <= 1 else None


def describe(hdus: fits.HDUList, reasons: Mapping[int, str | None]) -> str:
    """Return a one-line summary of a file: ``0 PRIMARY (no data), 1 SCI,1 (513 x 512)``.

    Parameters
    ----------
    hdus
        The file.
    reasons
        Why each HDU holds no frame.

    Returns
    -------
    str
        The summary.
    """
    parts = []
    for index, hdu in enumerate(hdus[:_MAX_LISTED_HDUS]):
        name = f" {hdu.name}" if hdu.name else ""
        version = f",{hdu.ver}" if hdu.name and hdu.name != "PRIMARY" else ""
        what = reasons[index] or " x ".join(str(length) for length in reversed(hdu.shape))
        parts.append(f"{index}{name}{version} ({what})")
    if len(hdus) > _MAX_LISTED_HDUS:
        parts.append(f"and {len(hdus) - _MAX_LISTED_HDUS} more")
    return ", ".join(parts)


def _matches(hdus: fits.HDUList, hdu: int | str, version: int | None) -> list[int]:
    """Return the numbers of the HDUs with this number, or with this name (in any case) and version."""
    if isinstance(hdu, int):
        return [hdu] if 0 <= hdu < len(hdus) else []
    return [
        index
        for index, other in enumerate(hdus)
        if (other.name.upper() == hdu.strip().upper() or (index == 0 and hdu.upper() == "PRIMARY"))
        and version in {None, other.ver}
    ]
