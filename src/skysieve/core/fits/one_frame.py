"""The only frame of an array, an Astropy object or a file."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from skysieve.core.errors import ConfigError, FrameError
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.frame_origin import origin_in_file, origin_of
from skysieve.core.fits.frames import as_frame
from skysieve.core.fits.locations import parse_location

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike

    from skysieve.core.fits.frame_origin import FrameOrigin
    from skysieve.core.fits.frames import Frame
    from skysieve.core.fits.mask_values import MaskBits

__all__ = ["one_frame"]


@contextmanager
def one_frame(
    data: object, mask: ArrayLike | None, mask_hdu: int | str | None, mask_bits: MaskBits | None
) -> Iterator[tuple[Frame, FrameOrigin]]:
    """Open the only frame of an array, an Astropy object or a file.

    Parameters
    ----------
    data
        Array ``(H, W)``, Astropy object, HDU, or path.
    mask
        Bad pixels ``(H, W)`` of an array, True or nonzero.
    mask_hdu
        HDU of a file's own mask.
    mask_bits
        Bits of this mask that are bad.

    Yields
    ------
    frame, origin
        The frame, and its header and HDUs.

    Raises
    ------
    ConfigError
        If a mask does not go with the kind of data.
    FrameError
        If the file holds several frames, or none.
    """
    if not isinstance(data, str | Path):
        if mask_hdu is not None or mask_bits is not None:
            raise ConfigError("mask_hdu and mask_bits go with a path; give the mask itself with an array")
        yield as_frame(data, mask=mask), origin_of(data)
        return
    if mask is not None:
        raise ConfigError("a mask array goes with an array, not with a path; put it into the file")
    with FrameFile(parse_location(str(data)), mask_hdu=mask_hdu, mask_bits=mask_bits) as file:
        frames = [(plane, hdu.header) for hdu in file.frames for plane in hdu.planes]
        if len(frames) > 1:
            raise FrameError(
                f"{data}: holds {len(frames)} frames; name one, as '{data}[{file.frames[0].index}]', "
                "or use mask_file or track_file"
            )
        ((frame, header),) = frames
        yield frame, origin_in_file(header, file.hdus)
