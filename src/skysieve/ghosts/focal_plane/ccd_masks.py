"""Masks of the CCDs of an exposure: find the mask HDU of each CCD, and its pixels without data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.core.errors import FrameError, SourceError
from skysieve.core.fits.hdu_choice import why_not_image
from skysieve.core.fits.mask_values import MaskRule, mask_rule
from skysieve.core.fits.pixels import header_scaling
from skysieve.ghosts.focal_plane.ccd_headers import identify

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from astropy.io import fits
    from numpy.typing import NDArray

    from skysieve.core.fits.fits_frames import FrameHDU
    from skysieve.ghosts.focal_plane.cameras import Camera

__all__ = ["MASK_NAMES", "WEIGHT_NAMES", "find_masks", "name_suffix", "read_mask"]

MASK_NAMES = frozenset({"DQ", "DQM", "MASK", "MSK", "BPM", "OOD"})
"""Suffixes of EXTNAME of masks, after an underscore or as the whole name."""

WEIGHT_NAMES = frozenset({"WGT", "WHT", "WEIGHT", "VAR", "VARIANCE", "ERR", "IVAR", "OOW"})
"""Suffixes of EXTNAME of weight, variance and error images."""


def name_suffix(name: str) -> str:
    """Return the part of an EXTNAME after its last underscore, in upper case.

    Parameters
    ----------
    name
        The EXTNAME.

    Returns
    -------
    str
        The suffix; the whole name if it has no underscore.

    Examples
    --------
    >>> name_suffix("N4_dq"), name_suffix("MSK"), name_suffix("N4")
    ('DQ', 'MSK', 'N4')
    """
    return name.upper().rpartition("_")[2]


def find_masks(
    hdus: fits.HDUList,
    path: Path,
    camera: Camera,
    frames: Mapping[int, FrameHDU],
    *,
    own_file: bool,
) -> dict[int, int]:
    """Find the mask HDU of each CCD.

    The header of the HDU, or its name without the suffix of a mask, identifies the CCD.  Otherwise, as in
    files of STScI, the mask belongs to the frame with the same EXTVER, if there is exactly one.

    Parameters
    ----------
    hdus
        HDUs of the file with the masks.
    path
        Name of the file, for messages.
    camera
        The camera.
    frames
        HDU of each CCD of the exposure, by number.
    own_file
        Whether the file holds masks only.  Then all images except weights are masks, else those named as
        masks.

    Returns
    -------
    dict of int to int
        Index of the mask HDU by number of the CCD.

    Raises
    ------
    FrameError
        If a mask has another shape than its CCD, a CCD has two masks, or a file of masks has none.
    """
    masks: dict[int, int] = {}
    for index, hdu in enumerate(hdus):
        kind = name_suffix(hdu.name)
        if why_not_image(hdu, 1) is not None or len(hdu.shape) != 2:
            continue
        if kind in WEIGHT_NAMES or not (own_file or kind in MASK_NAMES):
            continue
        label = f"{path}[{index}]"
        name = hdu.name.rpartition("_")[0] if kind in MASK_NAMES else hdu.name
        number = identify(camera, hdu.header, name, label)
        if number is None:
            same = [other for other, frame in frames.items() if frame.version == hdu.ver]
            number = same[0] if len(same) == 1 else None
        if number is None or number not in frames:
            continue
        if number in masks:
            raise FrameError(
                f"{path}: HDUs {masks[number]} and {index} both mask CCD {number}; keep one of them"
            )
        if tuple(hdu.shape) != frames[number].shape:
            raise FrameError(
                f"{label}: the mask of CCD {number} has shape {tuple(hdu.shape)}, the CCD "
                f"{frames[number].shape}; give its own mask"
            )
        masks[number] = index
    if own_file and not masks:
        raise FrameError(
            f"{path}: no HDU is a mask of a CCD of the exposure by its CCDNUM, DETPOS, EXTNAME or DETSEC; "
            "give the masks of this exposure"
        )
    return masks


def read_mask(
    hdus: fits.HDUList, index: int, path: Path, *, bits: tuple[str | int, ...] | None = None
) -> NDArray[np.bool_]:
    """Read the pixels without data from a mask HDU.

    Parameters
    ----------
    hdus
        HDUs of the file with the mask.
    index
        Index of the HDU.
    path
        Name of the file, for messages.
    bits
        Names and values of mask planes from :func:`~skysieve.core.fits.mask_values.parse_mask_bits`; None for
        all values except 0, because no pixel that a pipeline masks shows the sky.

    Returns
    -------
    ndarray of bool, shape (H, W)
        True where there is no data; undefined (BLANK) pixels are True as well.

    Raises
    ------
    SourceError
        If the mask cannot be read.
    FrameError
        If the mask has no plane of a name in `bits`.
    """
    hdu = hdus[index]
    label = f"{path}[{index}]"
    scaling = header_scaling(hdu.header, label)
    rule = MaskRule("any")
    if bits is not None:
        rule = mask_rule([hdu.header, hdus[0].header], hdu.name, bits, label)
    try:
        stored = hdu.section[:, :]
    except MemoryError:
        raise
    except Exception as error:  # each decompressor raises errors of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(f"{label}: the mask cannot be read ({reason}); fetch the file again") from error
    return rule.marks(stored, scaling)
