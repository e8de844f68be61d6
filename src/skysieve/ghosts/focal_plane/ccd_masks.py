"""Masks of the CCDs of an exposure: which HDU belongs to which CCD, and which pixels have no data."""

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

__all__ = ["MASK_NAMES", "WEIGHT_NAMES", "find_masks", "kind_of", "read_mask"]

MASK_NAMES = frozenset({"DQ", "DQM", "MASK", "MSK", "BPM", "OOD"})
"""What EXTNAME of a mask ends in, after an underscore or alone."""

WEIGHT_NAMES = frozenset({"WGT", "WHT", "WEIGHT", "VAR", "VARIANCE", "ERR", "IVAR", "OOW"})
"""What EXTNAME of weights and errors ends in."""


def kind_of(name: str) -> str:
    """Return what an EXTNAME ends in, after its last underscore.

    Examples
    --------
    >>> kind_of("N4_dq"), kind_of("MSK"), kind_of("N4")
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
    """Return the number of the HDU that masks each CCD.

    An HDU belongs to the CCD that its header or its name says, without the ending of a mask; or, as in files
    of STScI, to the one frame with its EXTVER.

    Parameters
    ----------
    hdus
        The file.
    path
        Its name, for messages.
    camera
        The camera.
    frames
        The HDU of each CCD of the exposure.
    own_file
        Whether the file holds masks and nothing else: then every image counts but weights, else those that
        are named as masks.

    Raises
    ------
    FrameError
        If a mask has not the shape of its CCD, two HDUs mask one CCD, or a file of masks has none.
    """
    masks: dict[int, int] = {}
    for index, hdu in enumerate(hdus):
        kind = kind_of(hdu.name)
        if not _is_image(hdu) or kind in WEIGHT_NAMES or not (own_file or kind in MASK_NAMES):
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
    """Return which pixels of a mask HDU mean no data, ``(H, W)``; undefined ones do.

    Parameters
    ----------
    hdus
        The file.
    index
        Number of the HDU.
    path
        The file's name, for messages.
    bits
        Names and values of the planes that count, of :func:`~skysieve.core.fits.mask_values.parse_mask_bits`;
        None for every value but 0: nothing that a pipeline masks is light of the sky.

    Raises
    ------
    SourceError
        If it cannot be read.
    FrameError
        If it has no plane of such a name.
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


def _is_image(hdu: fits.ImageHDU) -> bool:
    """Tell whether an HDU is a sound image of two axes; tables have none."""
    return why_not_image(hdu, 1) is None and len(hdu.shape) == 2
