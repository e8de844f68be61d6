"""Detectors by their headers: which frames are of one detector."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["detector_name"]

_CARDS = (
    "TELESCOP",
    "INSTRUME",
    "DETECTOR",
    "CCDNUM",
    "CCDNAME",
    "CCDID",
    "CCDCHIP",
    "CHIPID",
    "DETPOS",
    "DETSER",
    "CCDSUM",
    "XBINNING",
    "YBINNING",
)


def detector_name(
    headers: Sequence[Mapping[str, object]], name: str, version: int, shape: Sequence[int]
) -> str:
    """Return what identifies a detector in the headers of its frames.

    Parameters
    ----------
    headers
        Header of the frame, and the primary header.
    name, version
        EXTNAME and EXTVER of the HDU.
    shape
        Shape of the frame.

    Returns
    -------
    str
        Telescope, instrument, detector, binning and size; frames of one detector share it.

    Examples
    --------
    >>> detector_name([{"CCDNUM": 3}, {"INSTRUME": "DECam"}], "N4", 1, (4096, 2048))
    'DECam 3 N4 2048x4096'
    """
    words = []
    for card in _CARDS:
        text = next((str(header[card]).strip() for header in headers if card in header), "")
        if text and text not in words:
            words.append(text)
    if name and name not in words and name != "PRIMARY":
        words.append(name if version == 1 else f"{name},{version}")
    return " ".join([*words, "x".join(str(length) for length in reversed(shape))])
