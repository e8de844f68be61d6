"""Repair the frames of a file into a copy, by the mask that was made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from skysieve._version import __version__
from skysieve.core.errors import ConfigError, FrameError, OutputError, SourceError
from skysieve.core.fits.bitplanes import has_planes, named_values
from skysieve.core.fits.cards import set_cards
from skysieve.core.fits.fits_out import write_fits
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.hdu_layout import one_line, quiet
from skysieve.core.fits.locations import parse_location
from skysieve.frames.mask.classes import NODATA
from skysieve.frames.repair.filling import fill_pixels
from skysieve.frames.repair.settings import RepairSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderCard
    from skysieve.core.fits.fits_frames import FrameHDU

__all__ = ["RepairedHDU", "repair_file"]

METHOD = "normalised Gaussian convolution"


@dataclass(frozen=True)
class RepairedHDU:
    """What was done to an HDU.

    Attributes
    ----------
    index, name
        Number of the HDU, and its EXTNAME.
    pixels
        Number of pixels that were filled.
    size
        Number of all pixels.
    """

    index: int
    name: str
    pixels: int
    size: int


def repair_file(
    frame: str | Path,
    mask: str | Path,
    output: Path,
    settings: RepairSettings | None = None,
    *,
    overwrite: bool = False,
) -> list[RepairedHDU]:
    """Copy a file, with the bad pixels of its frames filled.

    Parameters
    ----------
    frame
        FITS file of the frames, or one HDU of it, as ``"file.fits[1]"``; other HDUs are copied as they are.
    mask
        Mask of the file, of Skysieve or of another program: an integer image for each frame, found by its
        name or by its position among the images.
    output
        The copy.  Integer pixels stay integers; compressed images become plain ones.
    settings
        Which pixels are filled, and how.
    overwrite
        Whether to replace an existing file.

    Returns
    -------
    list of RepairedHDU
        What was done to each science HDU.

    Raises
    ------
    SkysieveError
        If a file cannot be read, the mask does not fit the frames, or the copy cannot be written.
    """
    settings = settings or RepairSettings()
    location = parse_location(str(frame))
    mask_location = parse_location(str(mask))
    for one in (location, mask_location):
        if output.resolve() == one.path.resolve():
            raise OutputError(f"{output}: the copy would replace {one.path}; choose another --output")
    done: list[RepairedHDU] = []
    with FrameFile(location) as file:
        masks = _read_masks(mask_location.path, mask_location.hdu)
        chosen = {hdu.index: _mask_of(hdu, number, masks, mask) for number, hdu in enumerate(file.frames)}
        rng = np.random.default_rng(settings.seed)

        def copies(source: fits.HDUList) -> Iterator[Any]:
            for index, hdu in enumerate(source):
                if index in chosen:
                    header, values = chosen[index]
                    bad = _bad_pixels(header, values, settings.bad, str(mask))
                    record = RepairedHDU(index, hdu.name, int(bad.sum()), bad.size)
                    repaired = _repaired(hdu, bad, settings, rng)
                    set_cards(repaired.header, _cards(record, settings, str(mask)))
                    done.append(record)
                    yield repaired
                else:
                    yield hdu

        try:
            with quiet(location.path), fits.open(location.path, memmap=False) as source:
                write_fits(copies(source), output, overwrite=overwrite)
        except (OSError, TypeError, ValueError) as error:
            raise SourceError(f"{location.path}: cannot be copied ({one_line(error)})") from error
    return done


def _read_masks(path: Path, hdu: int | str | None) -> list[tuple[str, int, fits.Header, NDArray[np.integer]]]:
    """Return name, version, header and values of each image of a mask."""
    found = []
    try:
        with quiet(path), fits.open(path, memmap=False) as hdus:
            chosen = [hdus[hdu]] if hdu is not None else list(hdus)
            for one in chosen:
                is_image = isinstance(one, fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU)
                if is_image and one.data is not None:
                    found.append((one.name, one.ver, one.header.copy(), np.array(one.data)))
    except KeyError as error:
        raise SourceError(f"{path}: has no HDU {hdu}") from error
    except (OSError, TypeError, ValueError, IndexError) as error:
        raise SourceError(f"{path}: cannot be read as a mask ({one_line(error)})") from error
    if not found:
        raise SourceError(f"{path}: has no image that could be a mask")
    for name, _, _, values in found:
        if values.dtype.kind not in "iub":
            raise FrameError(
                f"{path}: its image {name or 'without a name'} has no integers, so it is no mask"
            )
    return found


def _mask_of(
    hdu: FrameHDU,
    number: int,
    masks: Sequence[tuple[str, int, fits.Header, NDArray[np.integer]]],
    origin: object,
) -> tuple[fits.Header, NDArray[np.integer]]:
    """Return header and values of the mask of a science HDU."""
    named = [one for one in masks if hdu.name and one[0] == hdu.name and one[1] == hdu.version]
    found = named[0] if named else (masks[number] if number < len(masks) else None)
    if found is None:
        raise FrameError(f"{origin}: has {len(masks)} images, and no mask for HDU {hdu.index} of the frame")
    _, _, header, values = found
    if values.shape != tuple(hdu.shape):
        raise FrameError(
            f"{origin}: the mask of HDU {hdu.index} has shape {values.shape}, the frame {tuple(hdu.shape)}; "
            "give the mask that was made of this file"
        )
    return header, values


def _bad_pixels(
    header: fits.Header, values: NDArray[np.integer], names: Sequence[str], origin: str
) -> NDArray[np.bool_]:
    """Return which pixels to fill."""
    planes = (
        {name.upper(): value for name, value in named_values(header).items()} if has_planes(header) else {}
    )
    if names:
        unknown = [name for name in names if name.upper() not in planes]
        if unknown:
            known = ", ".join(planes) or "no named planes"
            raise ConfigError(f"{origin}: has no plane {unknown[0]!r}; it has {known}")
        wanted = 0
        for name in names:
            wanted |= planes[name.upper()]
        return np.asarray((values & wanted) != 0)
    if "BADBITS" in header:
        return np.asarray((values & (int(header["BADBITS"]) & ~planes.get(NODATA.name, 0))) != 0)
    return np.asarray(values != 0)


def _repaired(
    hdu: Any, bad: NDArray[np.bool_], settings: RepairSettings, rng: np.random.Generator
) -> fits.PrimaryHDU | fits.ImageHDU:
    """Return a copy of an HDU with its bad pixels filled."""
    data = np.array(hdu.data)
    planes, marked = (array.reshape(-1, *array.shape[-2:]) for array in (data, bad))
    for plane, where in zip(planes, marked, strict=True):
        if where.any():
            filled = fill_pixels(plane, where, noise=settings.noise, rng=rng)
            plane[where] = _as_type(filled[where], data.dtype)
    kind = fits.PrimaryHDU if isinstance(hdu, fits.PrimaryHDU) else fits.ImageHDU
    return kind(data, hdu.header.copy())


def _cards(record: RepairedHDU, settings: RepairSettings, origin: str) -> list[HeaderCard]:
    """Return the cards that say what was done."""
    chosen = ",".join(settings.bad) or "the mask's bad classes"
    cards: list[HeaderCard] = [
        ("REPAIRED", True, "bad pixels are filled: do not measure them"),
        ("REPAIRPX", record.pixels, "number of filled pixels"),
        ("REPAIRMK", origin.rpartition("/")[2], "mask of the bad pixels"),
        ("REPAIRNS", settings.noise, "whether filled pixels have noise"),
        ("HISTORY", f"skysieve {__version__}: filled pixels of {chosen} by {METHOD}", ""),
    ]
    if settings.noise:
        cards.append(("HISTORY", f"skysieve: seed of the noise of filled pixels = {settings.seed}", ""))
    return cards


def _as_type(values: NDArray[np.float64], kind: np.dtype[Any]) -> NDArray[Any]:
    """Return values in the type of the pixels; integers are rounded, and clipped to their range."""
    if kind.kind not in "iu":
        return values.astype(kind)
    limits = np.iinfo(kind)
    return np.clip(np.rint(values), limits.min, limits.max).astype(kind)
