"""The layout of the marks of a frame in a file: values, data type and HDUs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np

from skysieve.core.errors import ConfigError, FrameError
from skysieve.frames.mask.settings import Tool

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.core.fits.fits_frames import FrameHDU
    from skysieve.core.fits.fits_out import Compression
    from skysieve.frames.mask.bitmaps import BitMap
    from skysieve.frames.mask.result import MaskResult
    from skysieve.frames.mask.settings import Format

__all__ = ["TOOLS", "Layout", "make_layout"]

TOOLS: tuple[Tool, ...] = get_args(Tool)
"""Programs that read flag images.

Tests with SExtractor 2.25 and WeightWatcher 1.12 showed: They reject compressed images with "Unknown TFORM".
They ignore BZERO, so that 0 in unsigned 16 bits becomes 32768 and flags every pixel.  They use the n-th image
of the flags for the n-th image of the frame, and HDUs without pixels and tables count as images of a wrong
size.
"""

LARGEST_VALUE = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Layout of the marks of a frame in a file.

    Attributes
    ----------
    form
        Format of the product.
    bit_map
        Values of another survey, for the format ``bits``.
    value
        Value of bad pixels in a mask in which others are 0; None for bits.
    tool
        Program that will read the file.  It gets uncompressed signed integers of two axes, with the bits of
        bad classes only, and no HDU besides those of frames.
    compression
        Compression for the format ``bits``; None chooses one.
    """

    form: Format = "bits"
    bit_map: BitMap | None = None
    value: int | None = None
    tool: Tool | None = None
    compression: Compression | None = None

    @property
    def frames_only(self) -> bool:
        """Whether the file contains only the HDUs of frames."""
        return self.tool is not None

    def check(self, hdu: FrameHDU, label: str) -> None:
        """Check that the tool can read the mask of an HDU.

        Parameters
        ----------
        hdu
            The science HDU.
        label
            Name of the HDU in messages.

        Raises
        ------
        FrameError
            If there is a tool and the HDU is a cube.
        """
        if self.tool is not None and len(hdu.planes) > 1:
            raise FrameError(
                f"{label}: a cube of {len(hdu.planes)} frames, and {self.tool} reads images of two axes; "
                "split the cube into images"
            )

    def values(self, result: MaskResult) -> NDArray[np.integer]:
        """Return the values of the mask of a frame.

        Parameters
        ----------
        result
            The mask.

        Returns
        -------
        ndarray
            ``(H, W)`` integers.
        """
        if self.value is not None:
            return np.where(result.bad(), self.value, 0).astype(self._type(self.value))
        # Every source that SExtractor detects lies on pixels of bright background, which are not bad.
        bits = result.bits if self.tool is None else result.bits & np.int16(result.bad_bits())
        return bits if self.bit_map is None else self.bit_map.translate(bits)

    def _type(self, value: int) -> type[np.integer]:
        """Return the smallest data type for a value that the tool can read."""
        types = (np.uint8, np.uint16, np.int32) if self.tool is None else (np.uint8, np.int16, np.int32)
        return next(kind for kind in types if value <= np.iinfo(kind).max)


def make_layout(
    *,
    form: Format = "bits",
    bit_map: BitMap | None = None,
    value: int | None = None,
    tool: str | None = None,
    compression: Compression | None = None,
) -> Layout:
    """Return a layout after checking that its settings are compatible.

    Parameters
    ----------
    form, bit_map, value, tool, compression
        See :class:`Layout`.

    Returns
    -------
    Layout
        The layout; uncompressed if there is a tool.

    Raises
    ------
    ConfigError
        If two settings are incompatible, or one is out of range.
    """
    if bit_map is not None and form != "bits":
        raise ConfigError(f"a bit map does not go with --format {form}; it needs the format bits")
    if value is not None:
        if form != "bits" or bit_map is not None:
            other = "--bits" if form == "bits" else f"--format {form}"
            raise ConfigError(f"--value does not go with {other}: it is the one value of bad pixels")
        if not 1 <= value <= LARGEST_VALUE:
            raise ConfigError(f"--value {value}: expected 1 to {LARGEST_VALUE}; 0 is that of good pixels")
    if tool is None:
        return Layout(form=form, bit_map=bit_map, value=value, compression=compression)
    known = next((name for name in TOOLS if name == tool), None)
    if known is None:
        raise ConfigError(f"--for {tool}: unknown; choose from {', '.join(TOOLS)}")
    if form != "bits":
        raise ConfigError(f"--for {tool} does not go with --format {form}; it needs the format bits")
    if compression not in (None, "none"):
        raise ConfigError(f"--for {tool} does not go with --compression {compression}: it reads none")
    return Layout(form=form, bit_map=bit_map, value=value, tool=known, compression="none")
