"""What the table of a report knows of each frame."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from skysieve.frames.report.masks import MaskImage

__all__ = ["FrameEntry", "entry_key", "exposure_name", "observation_time"]

_EXPOSURE_CARDS = ("EXPNUM", "EXPID", "OBSID", "MJD-OBS", "DATE-OBS")


@dataclass(frozen=True, kw_only=True)
class FrameEntry:
    """One frame of a report.

    Attributes
    ----------
    key
        Name of its files in the report.
    file
        File of the frame with its folder, or only its name if it was not found.
    hdu, name, plane
        Number and EXTNAME of the HDU; plane of a cube, from 1, or 0.
    mask
        File of the mask.
    shape
        Height and width in pixels.
    fractions
        Fraction of the pixels in each plane of the mask.
    bad
        Fraction of bad pixels.
    unlike, unlike_by
        Out-of-distribution score, if the mask states it, and its main reason.
    mjd
        Time of the observation, modified Julian date; None if unknown.
    exposure
        Same for all frames of one exposure.
    filter
        Filter, empty if unknown.
    corners
        Right ascension and declination of the corners in degrees; empty if unknown.
    note
        Why the frame is not shown; empty if it is.
    tracking
        Probability of a tracking error, if it is known.
    """

    key: str
    file: str
    hdu: int
    name: str
    plane: int
    mask: str
    shape: tuple[int, int]
    fractions: dict[str, float]
    bad: float
    unlike: float | None = None
    unlike_by: str = ""
    mjd: float | None = None
    exposure: str = ""
    filter: str = ""
    corners: tuple[tuple[float, float], ...] = ()
    note: str = ""
    tracking: float | None = None


def entry_key(mask: Path, hdu: int, plane: int) -> str:
    """Return the name of the files of a frame in the report; it has letters, digits and ``-`` only.

    Parameters
    ----------
    mask
        File of the mask.
    hdu, plane
        Number of the HDU, and plane of a cube.

    Returns
    -------
    str
        The name, the same for the same mask.
    """
    digest = hashlib.sha256(str(mask.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
    return f"{digest[:12]}-{hdu}-{plane}"


def observation_time(image: MaskImage) -> float | None:
    """Return the time of an observation.

    Parameters
    ----------
    image
        Its mask, with the cards of the frame.

    Returns
    -------
    float or None
        Modified Julian date (UTC); None if the header has no time that can be read.
    """
    from astropy.time import Time

    stated = image.card("MJD-OBS", "MJD_OBS", "MJD")
    if isinstance(stated, int | float) and 15000 < stated < 120000:
        return float(stated)
    date, hours = image.card("DATE-OBS"), image.card("TIME-OBS", "UT", "UTC-OBS", "UTSTART")
    text = str(date or "").strip()
    if "T" not in text and isinstance(hours, str) and ":" in hours:
        text = f"{text}T{hours.strip()}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about years in the future
            return float(Time(text, scale="utc").mjd) if text else None
    except ValueError:
        return None


def exposure_name(image: MaskImage, source: str) -> str:
    """Return a name that all frames of one exposure share.

    Parameters
    ----------
    image
        Mask of a frame, with the cards of the frame.
    source
        File of the frame.

    Returns
    -------
    str
        Instrument and number or time of the exposure, or else the file.
    """
    stated = image.card(*_EXPOSURE_CARDS)
    text = str(stated or "")
    is_day = isinstance(stated, str) and len(text) == 10 and text.count("-") == 2
    if not text or is_day:
        return source
    return f"{image.card('INSTRUME', 'DETECTOR') or ''} {text}".strip()
