"""Read masks with named planes: the files of a path, and their images with world coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.core.errors import FrameError, NoFrameError, SkysieveError, SourceError
from skysieve.core.fits.bitplanes import has_planes, named_values
from skysieve.core.fits.cards import text_value
from skysieve.core.fits.fits_integrity import open_intact
from skysieve.core.fits.hdu_layout import one_line, quiet
from skysieve.core.fits.locations import Location, find_locations
from skysieve.core.fits.naming import fits_stem
from skysieve.core.fits.pixels import header_scaling
from skysieve.frames.mask.classes import NODATA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from astropy.io import fits
    from numpy.typing import NDArray

__all__ = ["MASKED", "OBSERVED", "MaskImage", "find_masks", "read_masks"]

OBSERVED, MASKED = "OBSERVED", "MASKED"
"""Names of the maps of pixels with data, and of all bad pixels."""

UNSEEN = (NODATA.name, "OV", "NO_DATA")
"""Planes of pixels that did not see the sky."""

SEEN = 1 << 62
"""Bit of pixels that saw the sky, among the values of a mask."""


@dataclass(frozen=True)
class MaskImage:
    """An image of a mask.

    Attributes
    ----------
    label
        Location of the image, for messages.
    values
        ``(H, W)`` int64, the values of the mask, with the bit :data:`SEEN` in pixels that saw the sky.
    wcs
        World coordinates with two celestial axes.
    planes
        Bits by name, first those that are bad; :data:`OBSERVED` and :data:`MASKED` among them.
    bad
        Names of the planes of bad pixels.
    band
        Name of the band; empty if the header does not state it.
    """

    label: str
    values: NDArray[np.int64]
    wcs: Any
    planes: dict[str, int]
    bad: tuple[str, ...]
    band: str


def find_masks(text: str) -> list[Location]:
    """Return the files of a path.

    Parameters
    ----------
    text
        A folder, whose FITS files are all taken, products of Skysieve among them; or what
        :func:`skysieve.core.fits.locations.find_locations` takes.

    Returns
    -------
    list of Location
        The files.

    Raises
    ------
    SourceError
        If there are none.
    """
    folder = Path(text).expanduser()
    if not folder.is_dir():
        return find_locations(text)
    try:
        files = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise SourceError(f"{folder}: the directory cannot be read ({error.strerror})") from error
    found = [Location(file, found=True) for file in files if fits_stem(file.name) != file.name]
    found = [location for location in found if not location.path.is_dir()]
    if not found:
        raise SourceError(f"{folder}: the directory holds no FITS files; give the folder of the masks")
    return found


def read_masks(location: Location, band_card: str) -> Iterator[MaskImage]:
    """Yield the images of a mask.

    Parameters
    ----------
    location
        The file, and the HDU if only one is wanted.
    band_card
        Keyword of the header whose first word names the band.

    Yields
    ------
    MaskImage
        Each image with named planes.

    Raises
    ------
    SourceError
        If the file cannot be read, or does not have the HDU.
    NoFrameError
        If it has no mask with named planes.
    FrameError
        If an image is a cube or not of integers, or has no world coordinates.
    """
    with open_intact(location.path) as hdus:
        wanted = _chosen(hdus, location)
        indices = [index for index in wanted if _is_mask(hdus[index])]
        if not indices:
            raise NoFrameError(
                f"{location}: is no mask: no image of it has integers and names its planes (MSKN or MP_ "
                "cards); give masks of `skysieve mask` in the format bits"
            )
        for index in indices:
            label = str(Location(location.path, index)) if len(hdus) > 1 else str(location.path)
            yield _read(hdus, index, label, band_card)


def _chosen(hdus: fits.HDUList, location: Location) -> list[int]:
    if location.hdu is None:
        return list(range(len(hdus)))
    key = location.hdu if location.version is None else (location.hdu, location.version)
    try:
        return [hdus.index_of(key)] if not isinstance(key, int) else [range(len(hdus))[key]]
    except (KeyError, IndexError):
        raise SourceError(f"{location}: the file has no such HDU; it has {len(hdus)}") from None


def _is_mask(hdu: Any) -> bool:
    return bool(hdu.is_image and hdu.shape and has_planes(hdu.header))


def _read(hdus: fits.HDUList, index: int, label: str, band_card: str) -> MaskImage:
    hdu = hdus[index]
    if len(hdu.shape) != 2:
        raise FrameError(
            f"{label}: has shape {hdu.shape}, and a mask on the sky has two axes; split the cube"
        )
    headers = (hdu.header, hdus[0].header)
    scaling = header_scaling(hdu.header, label)
    if scaling.scale != 1 or scaling.zero != int(scaling.zero):
        raise FrameError(f"{label}: BSCALE {scaling.scale:g}, BZERO {scaling.zero:g}: not a mask of integers")
    wcs = _world_coordinates(hdus, hdu.header, label)
    try:
        named = named_values(hdu.header)
    except SkysieveError as error:
        raise FrameError(f"{label}: {error}") from error
    try:
        # a section, as astropy keeps the pixels of whole images until the file is closed
        values = np.asarray(hdu.section[:, :]).astype(np.int64) + int(scaling.zero)
    except Exception as error:  # astropy raises many kinds of errors for damaged images
        raise SourceError(f"{label}: cannot be read ({one_line(error)}); make the mask again") from error
    if values.min(initial=0) < 0 or max(named.values()) >= SEEN:
        raise FrameError(f"{label}: has negative values, or planes beyond 62 bits")
    unseen = sum({named[name] for name in UNSEEN if name in named})
    values[(values & unseen) == 0] |= SEEN
    bits = int(hdu.header.get("BADBITS", 0))
    bad = tuple(name for name, value in named.items() if value & bits) or tuple(named)
    planes = {name: named[name] for name in (*bad, *(name for name in named if name not in bad))}
    return MaskImage(
        label,
        values,
        wcs,
        {**planes, OBSERVED: SEEN, MASKED: sum({named[name] for name in bad})},
        bad,
        next((band for header in headers if (band := _first_word(text_value(header, band_card)))), ""),
    )


def _world_coordinates(hdus: fits.HDUList, header: fits.Header, label: str) -> Any:
    from astropy.wcs import WCS

    try:
        with quiet(label):
            wcs = WCS(header, hdus)
            found = wcs.celestial if wcs.has_celestial else None
    except Exception as error:  # wcslib and astropy raise many kinds of errors
        raise FrameError(f"{label}: its world coordinates cannot be read ({one_line(error)})") from error
    if found is None:
        raise FrameError(
            f"{label}: has no world coordinates, so its place on the sky is unknown; solve the frame, and "
            "mask it again"
        )
    return found


def _first_word(text: str) -> str:
    words = text.split()
    return words[0] if words else ""
