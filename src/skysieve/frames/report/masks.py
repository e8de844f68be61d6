"""Masks read back for a report, and the frames that they were made of."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

from skysieve.core.errors import NoFrameError, SkysieveError, SourceError
from skysieve.core.fits.bitplanes import MaskSchema, has_planes
from skysieve.core.fits.hdu_layout import quiet
from skysieve.core.fits.locations import Location, find_locations
from skysieve.core.fits.naming import output_path
from skysieve.core.fits.provenance import data_sum
from skysieve.core.models.store import cache_folder
from skysieve.core.printable import one_line
from skysieve.core.report.preview import PreviewPlane
from skysieve.frames.mask.classes import CLASSES, NODATA
from skysieve.frames.mask.job import SUFFIXES
from skysieve.frames.mask.preview import WIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skysieve.core.fits.fits_frames import FrameHDU
    from skysieve.core.fits.frame_files import FrameFile

__all__ = [
    "MaskImage",
    "find_frame",
    "frame_of_mask",
    "mask_files",
    "mask_of_frame",
    "read_mask",
    "report_planes",
    "view_folder",
]

_FITS_NAME = re.compile(r".+\.(?:fits|fit|fts)(?:\.(?:fz|gz|bz2|z))?", re.IGNORECASE | re.DOTALL)
_COLOURS = ("#ff3030", "#00e5ff", "#39ff14", "#fff44f", "#b05cff", "#ff9d00", "#3f6fff", "#ff7fbf", "#1fbf90")
"""Colours of planes whose names are not those of the classes."""


@dataclass(frozen=True)
class MaskImage:
    """One image of a mask file.

    Attributes
    ----------
    index, name, version
        Number of its HDU, EXTNAME and EXTVER.
    header
        Header of the HDU.
    primary
        Primary header of the file.
    values
        ``(H, W)`` or ``(N, H, W)`` integers.
    planes
        The planes in the order in which pages list them: those that cover large areas last.
    """

    index: int
    name: str
    version: int
    header: fits.Header
    primary: fits.Header
    values: NDArray[np.integer]
    planes: tuple[PreviewPlane, ...]

    def card(self, *keys: str) -> object:
        """Return the value of the first of several cards that either header has; None without."""
        for key in keys:
            for header in (self.header, self.primary):
                value = header.get(key)
                if value is not None and not isinstance(value, fits.card.Undefined) and str(value).strip():
                    return value
        return None


def mask_files(paths: Sequence[str]) -> list[Location]:
    """Return the files that paths on the command line stand for.

    Parameters
    ----------
    paths
        Masks, folders of masks, globs and lists, as
        :func:`skysieve.core.fits.locations.find_locations` takes them.

    Returns
    -------
    list of Location
        The files, each once.  Those of folders need not be masks.

    Raises
    ------
    SourceError
        If a path does not exist, or a folder holds no FITS file.
    """
    found: dict[Location, None] = {}
    for text in paths:
        folder = Path(text)
        if not folder.is_dir():
            found.update(dict.fromkeys(find_locations(text)))
            continue
        try:
            names = sorted(
                one.name
                for one in folder.iterdir()
                if _FITS_NAME.fullmatch(one.name) and not one.name.startswith(".") and one.is_file()
            )
        except OSError as error:
            raise SourceError(f"{folder}: the folder cannot be read ({error.strerror})") from error
        if not names:
            raise SourceError(f"{folder}: has no FITS files; give the folder of the masks")
        found.update(dict.fromkeys(Location(folder / name, found=True) for name in names))
    return list(found)


def read_mask(location: Location) -> list[MaskImage]:
    """Read the images of a mask file.

    Parameters
    ----------
    location
        The file, or one HDU of it.

    Returns
    -------
    list of MaskImage
        The images that have bit planes; at least one.

    Raises
    ------
    SourceError
        If the file cannot be read.
    NoFrameError
        If it is no mask with bit planes.
    """
    path = location.path
    found = []
    try:
        with quiet(path), fits.open(path, memmap=False) as hdus:
            primary = hdus[0].header.copy()
            for index, hdu in enumerate(hdus):
                is_image = isinstance(hdu, fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU)
                if not is_image or not _is_wanted(location, index, hdu) or not has_planes(hdu.header):
                    continue
                if hdu.data is None or hdu.data.ndim not in (2, 3) or hdu.data.dtype.kind not in "iu":
                    continue
                header = hdu.header.copy()
                found.append(
                    MaskImage(
                        index, hdu.name, hdu.ver, header, primary, np.array(hdu.data), report_planes(header)
                    )
                )
    except SkysieveError:
        raise
    except Exception as error:  # astropy raises many kinds of errors for damaged files
        raise SourceError(f"{path}: cannot be read as a mask ({one_line(error)})") from error
    if not found:
        raise NoFrameError(
            f"{location}: is no mask with bit planes (MSKN or MP_ cards); "
            "give masks that `skysieve mask` wrote"
        )
    return found


def report_planes(header: fits.Header) -> tuple[PreviewPlane, ...]:
    """Return the planes of a mask with their colours.

    Parameters
    ----------
    header
        Header of the mask.

    Returns
    -------
    tuple of PreviewPlane
        Those that cover large areas come last.

    Raises
    ------
    SkysieveError
        If the planes contradict each other.
    """
    known = {one.name: one for one in (*CLASSES, NODATA)}
    planes = [
        PreviewPlane(
            plane.name,
            plane.value,
            known[plane.name].colour if plane.name in known else _COLOURS[number % len(_COLOURS)],
            plane.description or (known[plane.name].description if plane.name in known else ""),
        )
        for number, plane in enumerate(MaskSchema.from_header(header).planes)
    ]
    return tuple(sorted(planes, key=lambda plane: plane.name in WIDE))


def find_frame(mask: Path, name: str, folders: Sequence[Path]) -> Path | None:
    """Return the file of the frames of a mask.

    Parameters
    ----------
    mask
        The mask.
    name
        Name of the file without its folder, as ``SRCFILE`` states it.
    folders
        Folders to search first; then those of the mask and above it are searched.

    Returns
    -------
    Path or None
        The file; None if it is in none of these folders.
    """
    if not name or Path(name).name != name:
        return None
    for folder in (*folders, mask.parent, mask.resolve().parent.parent):
        path = folder / name
        try:
            if path.is_file() and path.resolve() != mask.resolve():
                return path
        except (OSError, ValueError):
            continue
    return None


def frame_of_mask(file: FrameFile, image: MaskImage, number: int) -> FrameHDU:
    """Return the HDU of a file that a mask was made of.

    Parameters
    ----------
    file
        The open file.
    image
        Image of the mask.
    number
        Its place among the images of the mask, from 0.

    Returns
    -------
    FrameHDU
        That with the ``DATASUM`` in the header of the mask; if it states none, that with the same EXTNAME and
        EXTVER, or else in the same place.

    Raises
    ------
    SourceError
        If no HDU of the file fits.
    """
    same = [hdu for hdu in file.frames if tuple(hdu.shape) == image.values.shape]
    named = [hdu for hdu in same if image.name and (hdu.name, hdu.version) == (image.name, image.version)]
    placed = [hdu for hdu in file.frames[number : number + 1] if hdu in same]
    candidates = list({hdu.index: hdu for hdu in (*named, *placed, *same)}.values())
    stated = str(image.header.get("SRCSUM", "")).strip()
    for hdu in candidates if stated else (*named, *placed):
        if not stated or data_sum(file.hdus[hdu.index]) == stated:
            return hdu
    raise SourceError(f"{file.path}: is not the file that was masked (it has other pixels, or another shape)")


def mask_of_frame(location: Location) -> Location:
    """Return the mask of a frame, under its default name.

    Parameters
    ----------
    location
        File of frames, or one HDU of it, or a mask.

    Returns
    -------
    Location
        The mask beside the frame, or the file itself if it is a mask.

    Raises
    ------
    SourceError
        If the file does not exist, or has no mask.
    """
    if not location.path.is_file():
        raise SourceError(f"{location.path}: no such file; check the name")
    try:
        read_mask(location)
    except NoFrameError:
        pass
    else:
        return location
    path = output_path(location, None, SUFFIXES["bits"])
    for place in (path, path.with_name(f"{path.name}.gz")):
        if place.is_file():
            return Location(place)
    raise SourceError(
        f"{location}: has no mask beside it; run `skysieve mask {location}` first, "
        "or name the mask with --mask"
    )


def view_folder(mask: Path) -> Path:
    """Return the folder of the page of one mask, in the cache of the user.

    Parameters
    ----------
    mask
        The mask.

    Returns
    -------
    Path
        The folder, always the same for this mask.
    """
    digest = hashlib.sha256(str(mask.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
    return cache_folder().with_name("views") / digest[:12]


def _is_wanted(location: Location, index: int, hdu: fits.ImageHDU) -> bool:
    """Whether a location names an HDU, or the whole file."""
    if location.hdu is None:
        return True
    if isinstance(location.hdu, int):
        return location.hdu == index
    return hdu.name == location.hdu.upper() and location.version in (None, hdu.ver)
