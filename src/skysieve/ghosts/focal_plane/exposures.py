"""Read an exposure of a whole camera from one FITS file, CCD by CCD.

Calibrated frames are used as they are.  For raw frames, the overscan of each amplifier is subtracted and
trimmed, and counts are multiplied by the gain if the header states it.  There is no flat-field correction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from skysieve.core.errors import FrameError
from skysieve.core.fits.constant_areas import find_constant_areas
from skysieve.core.fits.fits_integrity import open_intact
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.frames import ArrayFrame
from skysieve.core.fits.mask_values import parse_mask_bits
from skysieve.core.fits.sections import section
from skysieve.ghosts.focal_plane.ccd_headers import Amplifier, check_camera, identify, read_amplifiers
from skysieve.ghosts.focal_plane.ccd_masks import MASK_NAMES, WEIGHT_NAMES, find_masks, name_suffix, read_mask
from skysieve.ghosts.focal_plane.geometry import SkyMap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from astropy.io import fits
    from numpy.typing import NDArray

    from skysieve.core.fits.fits_frames import FrameHDU
    from skysieve.core.fits.locations import Location
    from skysieve.core.fits.mask_values import MaskBits
    from skysieve.core.fits.sections import Region
    from skysieve.ghosts.focal_plane.cameras import Camera

__all__ = ["CcdImage", "Exposure"]

MIN_FRACTION = 0.9
"""Minimum length of a calibrated frame along an axis, as a fraction of the CCD.  Frames may lack a border;
shorter frames are cut-outs."""


@dataclass(frozen=True)
class CcdImage:
    """The pixels of one CCD, without overscan.

    Attributes
    ----------
    number
        Number of the CCD.
    pixels
        Pixels ``(y, x)`` float32 of shape :attr:`~skysieve.ghosts.focal_plane.cameras.Camera.ccd_shape`; NaN
        where there is no data.  In the unit of the frame, or in electrons for a raw frame with known gains.
    parts
        Rows and columns of each part with its own background: the amplifiers of a raw frame.
    """

    number: int
    pixels: NDArray[np.float32]
    parts: tuple[Region, ...]


class Exposure:
    """An open exposure; a context manager.

    Only one CCD is in memory at a time.  The class is not thread-safe.

    Parameters
    ----------
    location
        The FITS file, plain or ``.fz``, ``.gz``, ``.bz2``, ``.Z``; with an HDU, only the CCD in that HDU.
    camera
        The camera of the exposure.
    mask
        File with a mask of each CCD; None for the mask HDUs of the exposure itself (EXTNAME ending in DQ,
        MASK, MSK or BPM), if it has any.
    mask_bits
        Names or values of the mask planes that mean no data; None for all values except 0.

    Attributes
    ----------
    numbers : tuple of int
        Numbers of the CCDs in the file, in order; other CCDs of the camera are missing.
    frames : dict of int to FrameHDU
        HDU of each CCD by number.

    Raises
    ------
    SourceError
        If a file cannot be read, is truncated or damaged.
    FrameError
        If the file has no CCD of the camera, is from another camera, or has a CCD twice or in a wrong shape.
    """

    def __init__(
        self,
        location: Location,
        camera: Camera,
        *,
        mask: Path | None = None,
        mask_bits: MaskBits | None = None,
    ) -> None:
        self._mask_bits = parse_mask_bits(mask_bits)
        self.location = location
        self.camera = camera
        self._file = FrameFile(location)
        self._mask_path, self._mask_hdus = location.path, self._file.hdus
        try:
            self.frames = self._ccds()
            self._amplifiers = {number: self._find_amplifiers(number) for number in self.frames}
            if mask is not None:
                self._mask_path, self._mask_hdus = mask, open_intact(mask)
            self._masks = find_masks(
                self._mask_hdus, self._mask_path, camera, self.frames, own_file=mask is not None
            )
        except BaseException:
            self.close()
            raise
        self.numbers = tuple(self.frames)

    def read(self, number: int) -> CcdImage:
        """Read a CCD.

        Parameters
        ----------
        number
            Number of the CCD.

        Returns
        -------
        CcdImage
            The pixels, without overscan; NaN in constant (empty or saturated), masked and dead areas.

        Raises
        ------
        SourceError
            If the pixels cannot be read.
        """
        hdu = self.frames[number]
        # rows() would keep a second copy in memory
        stored, nodata = hdu.planes[0].read(0, hdu.shape[0])
        frame = ArrayFrame(stored, mask=nodata, label=hdu.planes[0].label)
        areas = find_constant_areas(frame, sections=hdu.planes[0].sections)
        if areas is not None:
            nodata |= areas.rows("empty", 0, len(nodata)) | areas.rows("saturated", 0, len(nodata))
        if number in self._masks:
            nodata |= read_mask(self._mask_hdus, self._masks[number], self._mask_path, bits=self._mask_bits)
        stored[nodata] = np.nan
        amplifiers = self._amplifiers[number]
        shape = self.camera.ccd_shape
        whole = stored.shape == shape and amplifiers == (Amplifier((slice(None),) * 2, _all_of(shape)),)
        # not copying a whole calibrated CCD saves memory
        pixels = stored if whole else np.full(shape, np.nan, np.float32)
        for amplifier in () if whole else amplifiers:
            values = stored[amplifier.stored]
            if amplifier.bias is not None and not np.isnan(stored[amplifier.bias]).all():
                values -= np.nanmedian(stored[amplifier.bias])
            pixels[amplifier.ccd] = values if amplifier.gain == 1 else values * np.float32(amplifier.gain)
        dead = self.camera.by_number[number].dead
        if dead is not None:
            pixels[dead.inside(self.camera.ccd_shape)] = np.nan
        return CcdImage(number, pixels, tuple(amplifier.ccd for amplifier in amplifiers))

    def __iter__(self) -> Iterator[CcdImage]:
        """Iterate over the CCDs, and read each one."""
        return (self.read(number) for number in self.numbers)

    def as_stored(self, number: int, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Convert a mask of a CCD to the pixels of its HDU.

        Parameters
        ----------
        number
            Number of the CCD.
        mask
            Mask ``(y, x)`` bool of a CCD without overscan.

        Returns
        -------
        ndarray of bool
            Mask in the shape of the HDU; False in the overscan.
        """
        stored = np.zeros(self.frames[number].shape[-2:], np.bool_)
        for amplifier in self._amplifiers[number]:
            stored[amplifier.stored] = mask[amplifier.ccd]
        return stored

    def sky_map(self) -> SkyMap:
        """Return the mapping between picture and sky from the WCS of the CCDs.

        The WCS of raw DECam frames counts pixels without overscan, although the HDUs include it.  Only with
        this convention are the CRPIX of neighbouring rows symmetric about the centre of the field.

        Returns
        -------
        SkyMap
            The mapping; without CCDs if no CCD has a celestial WCS.
        """
        origins = {
            number: (amplifiers[0].ccd[1].start, amplifiers[0].ccd[0].start)
            for number, amplifiers in self._amplifiers.items()
            if len(amplifiers) == 1
        }
        return SkyMap(self.camera, {number: hdu.header for number, hdu in self.frames.items()}, origins)

    @property
    def hdus(self) -> fits.HDUList:
        """All HDUs of the file."""
        return self._file.hdus

    def close(self) -> None:
        """Close the files."""
        if self._mask_hdus is not self._file.hdus:
            self._mask_hdus.close()
        self._file.close()

    def __enter__(self) -> Self:
        """Return the exposure."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        self.close()

    def _ccds(self) -> dict[int, FrameHDU]:
        """Find the HDU of each CCD in the file."""
        path, camera = self.location, self.camera
        primary = self._file.hdus[0].header
        found: dict[int, FrameHDU] = {}
        for hdu in self._file.frames:
            check_camera(camera, (hdu.header, primary), str(path))
            if name_suffix(hdu.name) in MASK_NAMES | WEIGHT_NAMES:
                continue
            number = identify(camera, hdu.header, hdu.name, hdu.planes[0].label)
            if number is None:
                continue
            if number in found:
                raise FrameError(
                    f"{path}: HDUs {found[number].index} and {hdu.index} are both CCD {number}; "
                    "give one exposure a file"
                )
            found[number] = hdu
        if not found:
            raise FrameError(
                f"{path}: no HDU is a CCD of {camera.name} by its CCDNUM, DETPOS, EXTNAME or DETSEC; give an "
                f"exposure of {camera.name}, or a picture of its focal plane"
            )
        return dict(sorted(found.items()))

    def _find_amplifiers(self, number: int) -> tuple[Amplifier, ...]:
        """Return the amplifiers of a CCD; a calibrated frame counts as one."""
        hdu = self.frames[number]
        label, header = hdu.planes[0].label, hdu.header
        height, width = self.camera.ccd_shape
        if len(hdu.shape) != 2:
            raise FrameError(f"{label}: CCD {number} is a cube of {len(hdu.shape)} axes; give one exposure")
        rows, columns = hdu.shape
        nominal = f"a CCD of {self.camera.name} has {width} x {height}"
        if rows <= height and columns <= width:
            if rows < MIN_FRACTION * height or columns < MIN_FRACTION * width:
                raise FrameError(
                    f"{label}: is {columns} x {rows} pixels, {nominal}; give whole CCDs, not cut or binned"
                )
            return (
                Amplifier((slice(None), slice(None)), self._position_on_ccd(number, header, (rows, columns))),
            )
        if _is_near(rows, width) and _is_near(columns, height) and width != height:
            raise FrameError(
                f"{label}: is {columns} x {rows} pixels, {nominal}: axes are swapped; transpose it"
            )
        amplifiers = read_amplifiers(header, (rows, columns), (height, width), label)
        if not amplifiers:
            raise FrameError(
                f"{label}: is {columns} x {rows} pixels, {nominal}; larger frames need DATASEC or TRIMSEC"
            )
        return amplifiers

    def _position_on_ccd(self, number: int, header: fits.Header, shape: tuple[int, int]) -> Region:
        """Return the region of a CCD that a calibrated frame covers: from DETSEC, else centred."""
        box = self.camera.by_number[number].detector
        given = section(header, "DETSEC", None)
        if given is not None:
            rows, columns = (
                slice(s.start - o, s.stop - o) for s, o in zip(given, (box.y0, box.x0), strict=True)
            )
            fits_in = (
                rows.start >= 0 <= columns.start
                and rows.stop <= box.shape[0]
                and columns.stop <= box.shape[1]
            )
            if fits_in and (rows.stop - rows.start, columns.stop - columns.start) == shape:
                return rows, columns
        y, x = ((whole - part) // 2 for whole, part in zip(box.shape, shape, strict=True))
        return slice(y, y + shape[0]), slice(x, x + shape[1])


def _all_of(shape: tuple[int, int]) -> Region:
    """Return the slices of all rows and columns."""
    return slice(0, shape[0]), slice(0, shape[1])


def _is_near(length: int, nominal: int) -> bool:
    """Tell whether an axis has about the length of a CCD; borders may be lost or overscan included."""
    return MIN_FRACTION * nominal <= length <= nominal / MIN_FRACTION
