"""What headers of CCDs say: which CCD it is, which camera's, and where amplifiers and their overscan are."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import FrameError
from skysieve.core.fits.sections import Region, card, section

if TYPE_CHECKING:
    from collections.abc import Iterable

    from astropy.io import fits

    from skysieve.ghosts.focal_plane.cameras import Camera

__all__ = ["Patch", "amplifiers", "identify", "refuse_other_camera"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patch:
    """Where one amplifier's pixels are stored, where they belong, and where its overscan is.

    Attributes
    ----------
    stored
        In the HDU.
    ccd
        On the CCD without overscan.
    bias
        Overscan in the HDU; None if there is none.
    gain
        Electrons per count; 1 if not known.
    """

    stored: Region
    ccd: Region
    bias: Region | None = None
    gain: float = 1.0


def identify(camera: Camera, header: fits.Header, name: str, label: str) -> int | None:
    """Return the number of the CCD that a header is of, or None if it is of no CCD of the camera.

    CCDNUM counts first, then DETPOS, the name (EXTNAME), and the middle of DETSEC.

    Raises
    ------
    FrameError
        If CCDNUM and the name disagree.
    """
    names = {ccd.name.upper(): ccd.number for ccd in camera.ccds}
    positions = [names.get(str(text).strip().upper()) for text in (card(header, "DETPOS"), name)]
    by_name = next((number for number in positions if number is not None), None)
    number = card(header, "CCDNUM")
    if isinstance(number, int) and not isinstance(number, bool):
        if by_name is not None and number != by_name:
            raise FrameError(
                f"{label}: CCDNUM says {number}, but its name says {by_name}; mend the header, or use the "
                "camera that it is from"
            )
        return number if number in camera.by_number else None
    if by_name is not None:
        return by_name
    where = section(header, "DETSEC", None)
    if where is None:
        return None
    y, x = ((part.start + part.stop) / 2 for part in where)
    inside = (
        c for c in camera.ccds if c.detector.x0 < x < c.detector.x1 and c.detector.y0 < y < c.detector.y1
    )
    return next((ccd.number for ccd in inside), None)


def refuse_other_camera(camera: Camera, headers: Iterable[fits.Header], label: str) -> None:
    """Make sure that no header names another camera in INSTRUME.

    Raises
    ------
    FrameError
        If one does.
    """
    for header in headers:
        instrument = str(card(header, "INSTRUME") or "").strip()
        if instrument and camera.instrument.lower() not in instrument.lower():
            raise FrameError(
                f"{label}: is from {instrument} by its INSTRUME, not from {camera.name}; give another camera"
            )


def amplifiers(
    header: fits.Header, stored: tuple[int, int], ccd: tuple[int, int], label: str
) -> tuple[Patch, ...]:
    """Return the patches of a raw frame; none if its header has no sections.

    Parameters
    ----------
    header
        With DATASEC or TRIMSEC, CCDSEC and BIASSEC, each with the letter of an amplifier or without.
    stored, ccd
        Rows and columns of the frame and of the CCD in it.
    label
        What to call the frame in messages.

    Raises
    ------
    FrameError
        If an amplifier and its place on the CCD differ in size, or the place is not on it.
    """
    letters = [letter for letter in "ABCD" if f"DATASEC{letter}" in header] or [""]
    datas = {
        letter: section(header, f"DATASEC{letter}", stored) or section(header, f"TRIMSEC{letter}", stored)
        for letter in letters
    }
    first_row, first_column = (
        min((data[axis].start for data in datas.values() if data is not None), default=0) for axis in (0, 1)
    )
    patches = []
    for letter, data in datas.items():
        if data is None:
            return ()
        # without CCDSEC, what is stored side by side lies side by side
        place = section(header, f"CCDSEC{letter}", None) or (
            slice(data[0].start - first_row, data[0].stop - first_row),
            slice(data[1].start - first_column, data[1].stop - first_column),
        )
        sizes = [(part[0].stop - part[0].start, part[1].stop - part[1].start) for part in (data, place)]
        if sizes[0] != sizes[1] or place[0].stop > ccd[0] or place[1].stop > ccd[1]:
            raise FrameError(
                f"{label}: DATASEC{letter} is {sizes[0][1]} x {sizes[0][0]} pixels, its place on the CCD "
                f"{sizes[1][1]} x {sizes[1][0]} of {ccd[1]} x {ccd[0]}; mend DATASEC or CCDSEC in the header"
            )
        gain = card(header, f"GAIN{letter}")
        usable = isinstance(gain, int | float) and np.isfinite(gain) and gain > 0
        bias = section(header, f"BIASSEC{letter}", stored)
        patches.append(Patch(data, place, bias, float(gain) if usable else 1.0))
    if not any(patch.bias for patch in patches):
        logger.warning("%s: has no BIASSEC, so that no overscan is subtracted", label)
    return tuple(patches)
