"""Read the headers of CCDs: the CCD, the camera, and the sections of amplifiers and their overscan."""

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

__all__ = ["Amplifier", "check_camera", "identify", "read_amplifiers"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Amplifier:
    """Sections of one amplifier, and its gain.

    Attributes
    ----------
    stored
        Its pixels in the HDU.
    ccd
        Its pixels on the CCD without overscan.
    bias
        Its overscan in the HDU; None if there is none.
    gain
        Gain in electrons per count; 1 if unknown.
    """

    stored: Region
    ccd: Region
    bias: Region | None = None
    gain: float = 1.0


def identify(camera: Camera, header: fits.Header, name: str, label: str) -> int | None:
    """Identify the CCD of a header.

    The first of these that is known decides: CCDNUM, DETPOS, the name of the HDU, and the centre of DETSEC.

    Parameters
    ----------
    camera
        The camera.
    header
        Header of the HDU.
    name
        Name of the HDU (EXTNAME).
    label
        Name of the HDU in messages.

    Returns
    -------
    int or None
        Number of the CCD; None if the header belongs to no CCD of the camera.

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


def check_camera(camera: Camera, headers: Iterable[fits.Header], label: str) -> None:
    """Check that no header names another camera in INSTRUME.

    Parameters
    ----------
    camera
        The expected camera.
    headers
        Headers to check.
    label
        Name of the file in messages.

    Raises
    ------
    FrameError
        If a header names another camera.
    """
    for header in headers:
        instrument = str(card(header, "INSTRUME") or "").strip()
        if instrument and camera.instrument.lower() not in instrument.lower():
            raise FrameError(
                f"{label}: is from {instrument} by its INSTRUME, not from {camera.name}; give another camera"
            )


def read_amplifiers(
    header: fits.Header, stored: tuple[int, int], ccd: tuple[int, int], label: str
) -> tuple[Amplifier, ...]:
    """Read the amplifiers of a raw frame from its header.

    Parameters
    ----------
    header
        Header with DATASEC or TRIMSEC, CCDSEC and BIASSEC, each with or without the letter of an amplifier.
    stored, ccd
        Rows and columns of the stored frame, and of the CCD without overscan.
    label
        Name of the frame in messages.

    Returns
    -------
    tuple of Amplifier
        The amplifiers; empty if the header has no such sections.

    Raises
    ------
    FrameError
        If DATASEC and CCDSEC of an amplifier differ in size, or CCDSEC extends beyond the CCD.
    """
    letters = [letter for letter in "ABCD" if f"DATASEC{letter}" in header] or [""]
    datas = {
        letter: section(header, f"DATASEC{letter}", stored) or section(header, f"TRIMSEC{letter}", stored)
        for letter in letters
    }
    first_row, first_column = (
        min((data[axis].start for data in datas.values() if data is not None), default=0) for axis in (0, 1)
    )
    amplifiers = []
    for letter, data in datas.items():
        if data is None:
            return ()
        # without CCDSEC, amplifiers have the same arrangement on the CCD as in the HDU
        position = section(header, f"CCDSEC{letter}", None) or (
            slice(data[0].start - first_row, data[0].stop - first_row),
            slice(data[1].start - first_column, data[1].stop - first_column),
        )
        sizes = [(part[0].stop - part[0].start, part[1].stop - part[1].start) for part in (data, position)]
        if sizes[0] != sizes[1] or position[0].stop > ccd[0] or position[1].stop > ccd[1]:
            raise FrameError(
                f"{label}: DATASEC{letter} is {sizes[0][1]} x {sizes[0][0]} pixels, its place on the CCD "
                f"{sizes[1][1]} x {sizes[1][0]} of {ccd[1]} x {ccd[0]}; mend DATASEC or CCDSEC in the header"
            )
        gain = card(header, f"GAIN{letter}")
        usable = isinstance(gain, int | float) and np.isfinite(gain) and gain > 0
        bias = section(header, f"BIASSEC{letter}", stored)
        amplifiers.append(Amplifier(data, position, bias, float(gain) if usable else 1.0))
    if not any(amplifier.bias for amplifier in amplifiers):
        logger.warning("%s: has no BIASSEC, so that no overscan is subtracted", label)
    return tuple(amplifiers)
