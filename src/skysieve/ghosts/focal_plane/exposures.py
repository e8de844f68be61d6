"""An exposure of a whole camera, read CCD by CCD from one FITS file.

Calibrated frames are taken as they are.  Of raw frames the overscan is subtracted and cut off, amplifier by
amplifier, and counts are multiplied by the gain where the header states it; they are not flattened.
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
from skysieve.ghosts.focal_plane.ccd_headers import Patch, amplifiers, identify, refuse_other_camera
from skysieve.ghosts.focal_plane.ccd_masks import MASK_NAMES, WEIGHT_NAMES, find_masks, kind_of, read_mask
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

LEAST_SHARE = 0.9
"""Calibrated frames may lack a border; shorter ones along an axis are cut-outs."""


@dataclass(frozen=True)
class CcdImage:
    """The pixels of one CCD, without overscan.

    Attributes
    ----------
    number
        The CCD.
    pixels
        ``(y, x)`` float32 of the camera's :attr:`~skysieve.ghosts.focal_plane.cameras.Camera.ccd_shape`, in
        the frame's unit, or in electrons for a raw frame whose header states the gains; NaN where there is no
        data.
    parts
        Rows and columns of each part that has a background of its own: the amplifiers of a raw frame.
    """

    number: int
    pixels: NDArray[np.float32]
    parts: tuple[Region, ...]


class Exposure:
    """An open exposure; a context manager.  One CCD is in memory at a time.

    CCDs are read one after the other, not from several threads.

    Parameters
    ----------
    location
        The FITS file, plain or in ``.fz``, ``.gz``, ``.bz2``, ``.Z``; an HDU in it stands for that CCD alone.
    camera
        The camera that it should be from.
    mask
        File of the same CCDs whose non-zero pixels have no data; None for the mask HDUs of the exposure
        itself (EXTNAME ending in DQ, MASK, MSK or BPM), if it has any.
    mask_bits
        Names or values of the planes of these masks that mean no data; None for every value but 0.

    Attributes
    ----------
    numbers : tuple of int
        The CCDs in the file, in order; others of the camera are missing.
    frames : dict of int to FrameHDU
        The HDU of each.

    Raises
    ------
    SourceError
        If a file cannot be read, is truncated or damaged.
    FrameError
        If the file holds no CCD of the camera, is from another one, has a CCD twice, or one of another shape.
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
            self._patches = {number: self._layout(number) for number in self.frames}
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

        Raises
        ------
        SourceError
            If its pixels cannot be read.
        """
        hdu = self.frames[number]
        # not by rows(): it would keep a second copy
        stored, nodata = hdu.planes[0].read(0, hdu.shape[0])
        frame = ArrayFrame(stored, mask=nodata, label=hdu.planes[0].label)
        areas = find_constant_areas(frame, sections=hdu.planes[0].sections)
        if areas is not None:
            nodata |= areas.rows("empty", 0, len(nodata)) | areas.rows("saturated", 0, len(nodata))
        if number in self._masks:
            nodata |= read_mask(self._mask_hdus, self._masks[number], self._mask_path, bits=self._mask_bits)
        stored[nodata] = np.nan
        patches = self._patches[number]
        shape = self.camera.ccd_shape
        whole = stored.shape == shape and patches == (Patch((slice(None),) * 2, _all_of(shape)),)
        # a calibrated CCD is taken as it is: a copy would be as large again
        pixels = stored if whole else np.full(shape, np.nan, np.float32)
        for patch in () if whole else patches:
            values = stored[patch.stored]
            if patch.bias is not None and not np.isnan(stored[patch.bias]).all():
                values -= np.nanmedian(stored[patch.bias])
            pixels[patch.ccd] = values if patch.gain == 1 else values * np.float32(patch.gain)
        dead = self.camera.by_number[number].dead
        if dead is not None:
            pixels[dead.inside(self.camera.ccd_shape)] = np.nan
        return CcdImage(number, pixels, tuple(patch.ccd for patch in patches))

    def __iter__(self) -> Iterator[CcdImage]:
        """Read one CCD after another."""
        return (self.read(number) for number in self.numbers)

    def as_stored(self, number: int, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return a mask of a CCD in the shape of its HDU; False in the overscan.

        Parameters
        ----------
        number
            The CCD.
        mask
            ``(y, x)`` bool of the shape of a CCD without overscan.
        """
        stored = np.zeros(self.frames[number].shape[-2:], np.bool_)
        for patch in self._patches[number]:
            stored[patch.stored] = mask[patch.ccd]
        return stored

    def sky_map(self) -> SkyMap:
        """Return where the picture is on the sky, by the WCS of the CCDs.

        The WCS of raw DECam frames counts pixels without overscan, although they are stored with it: only so
        do the CRPIX of neighbouring rows lie symmetrically about the centre of the field.
        """
        origins = {
            number: (patches[0].ccd[1].start, patches[0].ccd[0].start)
            for number, patches in self._patches.items()
            if len(patches) == 1
        }
        return SkyMap(self.camera, {number: hdu.header for number, hdu in self.frames.items()}, origins)

    @property
    def hdus(self) -> fits.HDUList:
        """All HDUs of the file, in order."""
        return self._file.hdus

    def close(self) -> None:
        """Close the files."""
        if self._mask_hdus is not self._file.hdus:
            self._mask_hdus.close()
        self._file.close()

    def __enter__(self) -> Self:
        """Return the exposure itself, which is open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        self.close()

    def _ccds(self) -> dict[int, FrameHDU]:
        """Return the HDU of each CCD in the file, by number."""
        path, camera = self.location, self.camera
        primary = self._file.hdus[0].header
        found: dict[int, FrameHDU] = {}
        for hdu in self._file.frames:
            refuse_other_camera(camera, (hdu.header, primary), str(path))
            if kind_of(hdu.name) in MASK_NAMES | WEIGHT_NAMES:
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

    def _layout(self, number: int) -> tuple[Patch, ...]:
        """Return the patches that a CCD is stored in."""
        hdu = self.frames[number]
        label, header = hdu.planes[0].label, hdu.header
        height, width = self.camera.ccd_shape
        if len(hdu.shape) != 2:
            raise FrameError(f"{label}: CCD {number} is a cube of {len(hdu.shape)} axes; give one exposure")
        rows, columns = hdu.shape
        nominal = f"a CCD of {self.camera.name} has {width} x {height}"
        if rows <= height and columns <= width:
            if rows < LEAST_SHARE * height or columns < LEAST_SHARE * width:
                raise FrameError(
                    f"{label}: is {columns} x {rows} pixels, {nominal}; give whole CCDs, not cut or binned"
                )
            return (Patch((slice(None), slice(None)), self._place(number, header, (rows, columns))),)
        if _near(rows, width) and _near(columns, height) and width != height:
            raise FrameError(
                f"{label}: is {columns} x {rows} pixels, {nominal}: axes are swapped; transpose it"
            )
        patches = amplifiers(header, (rows, columns), (height, width), label)
        if not patches:
            raise FrameError(
                f"{label}: is {columns} x {rows} pixels, {nominal}; larger frames need DATASEC or TRIMSEC"
            )
        return patches

    def _place(self, number: int, header: fits.Header, shape: tuple[int, int]) -> Region:
        """Return where a calibrated frame lies on its CCD: by DETSEC, else in the middle."""
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
    """Return all rows and columns of a CCD."""
    return slice(0, shape[0]), slice(0, shape[1])


def _near(length: int, nominal: int) -> bool:
    """Tell whether an axis could be that of a CCD, with a little border lost or overscan kept."""
    return LEAST_SHARE * nominal <= length <= nominal / LEAST_SHARE
