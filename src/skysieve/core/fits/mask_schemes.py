"""Meaning of mask values: planes that a header describes, or the schemes of known pipelines."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from skysieve.core.errors import SkysieveError
from skysieve.core.fits.bitplanes import named_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from astropy.io import fits

__all__ = ["MaskScheme", "scheme_of"]


@dataclass(frozen=True)
class MaskScheme:
    """Mask values by name, and those that mean that a pixel has no data.

    Attributes
    ----------
    name
        Name of the scheme, for messages.
    kind
        ``bits``, which are OR-ed, or ``codes``, of which a pixel has one.
    values
        Mask value by name, in the case of the pipeline.
    no_data
        Names that mean no data. Cosmic rays, saturated and interpolated pixels are not among them: the
        network detects these.
    """

    name: str
    kind: Literal["bits", "codes"]
    values: Mapping[str, int]
    no_data: tuple[str, ...] = field(default=())


_NAMES_OF_NO_DATA = (
    "BAD NO_DATA NODATA UNMASKEDNAN BPM BAD_PIXEL BADPIX BADPIXEL INVALID DO_NOT_USE INVALID_VARIANCE "
    "MISSING DETECTOR BLANK BADAMP"
)
"""Plane names of Rubin, WeightMask, Pan-STARRS and Skysieve that mean no data."""

_JWST = """
DO_NOT_USE SATURATED JUMP_DET DROPOUT OUTLIER PERSISTENCE AD_FLOOR CHARGELOSS UNRELIABLE_ERROR NON_SCIENCE
DEAD HOT WARM LOW_QE RC TELEGRAPH NONLINEAR BAD_REF_PIXEL NO_FLAT_FIELD NO_GAIN_VALUE NO_LIN_CORR NO_SAT_CHECK
UNRELIABLE_BIAS UNRELIABLE_DARK UNRELIABLE_SLOPE UNRELIABLE_FLAT OPEN ADJ_OPEN FLUX_ESTIMATED MSA_FAILED_OPEN
OTHER_BAD_PIXEL REFERENCE_PIXEL
"""
_HST = """
LOST FILL BAD_DETECTOR MASKED HOT UNSTABLE WARM BAD_BIAS SATURATED BAD_FLAT TRAP AD_SATURATED CR_DRIZZLE CR
TRAIL
"""
_DES = """
BPM SATURATE INTERP BADAMP CRAY STAR TRAIL EDGEBLEED SSXTALK EDGE STREAK SUSPECT FIXED NEAREDGE TAPEBUMP
"""
_GEMINI = "BAD_PIXEL NON_LINEAR SATURATED COSMIC_RAY NO_DATA OVERLAP UNILLUMINATED"


def _in_order(names: str) -> dict[str, int]:
    """Return the values of planes listed in the order of their bits."""
    return {name: 1 << bit for bit, name in enumerate(names.split())}


JWST = MaskScheme("JWST", "bits", _in_order(_JWST), ("DO_NOT_USE",))
HST = MaskScheme("HST", "bits", _in_order(_HST), ("LOST", "FILL", "BAD_DETECTOR", "MASKED"))
WFPC2 = MaskScheme(
    "HST WFPC2",
    "bits",
    {"LOST": 1, "BAD_CALIBRATION": 2, "BAD_DETECTOR": 4, "AD_SATURATED": 8, "MISSING": 16},
    ("LOST", "BAD_DETECTOR", "MISSING"),
)
DES = MaskScheme("DES", "bits", _in_order(_DES), ("BPM", "BADAMP"))
GEMINI = MaskScheme("Gemini", "bits", _in_order(_GEMINI), ("BAD_PIXEL", "NO_DATA", "UNILLUMINATED"))
EUCLID = MaskScheme(
    "Euclid VIS",
    "bits",
    {
        "HOT": 2,
        "COLD": 4,
        "SAT": 8,
        "COSMIC": 16,
        "GHOST": 32,
        "BAD_COLUMN": 128,
        "CR_REGION": 512,
        "SCATLIGHT": 16384,
        "NO_DATA": 4194304,
    },
    ("HOT", "COLD", "BAD_COLUMN", "NO_DATA"),
)
BANZAI = MaskScheme("LCO banzai", "bits", {"BAD": 1, "SATURATED": 2, "CR": 8}, ("BAD",))
NOIRLAB = MaskScheme(
    "NOIRLab",
    "codes",
    {
        "BAD": 1,
        "NO_VALUE": 2,
        "SATURATED": 3,
        "BLEED": 4,
        "CR": 5,
        "LOW_WEIGHT": 6,
        "DIFFERENCE": 7,
        "STREAK": 8,
    },
    ("BAD", "NO_VALUE"),
)
NOIRLAB_BITS = MaskScheme(
    "NOIRLab before V3.5",
    "bits",
    {"BAD": 1, "SATURATED": 2, "INTERPOLATED": 4, "CR": 16, "BLEED": 64, "TRANSIENT": 128},
    ("BAD",),
)

_VERSION = re.compile(r"\D*(\d+)(?:\.(\d+))?")


def scheme_of(headers: Sequence[fits.Header], name: str) -> MaskScheme | None:
    """Return the scheme of a mask, or None if it is unknown.

    Planes that the mask's own header describes take precedence.

    Parameters
    ----------
    headers
        Headers of the mask, of the frame and of the file, in this order; any of them may identify the
        pipeline.
    name
        EXTNAME of the mask.

    Returns
    -------
    MaskScheme or None
        The scheme.

    References
    ----------
    JWST: stdatamodels, "Data quality flags"; HST: instrument handbooks of WFC3 (2024, table 3.3) and ACS;
    DES: Morganson et al. 2018, PASP 130, 074501, table 9; NOIRLab: DECam Community Pipeline, data quality;
    Gemini: DRAGONS, "DQ"; Euclid: VIS FlagMap.
    """
    try:
        values = named_values(headers[0])
    except SkysieveError:
        return _known(headers, name.upper())
    bad = tuple(plane for plane in values if plane.upper() in _NAMES_OF_NO_DATA.split())
    return MaskScheme("its header", "bits", values, bad)


def _known(headers: Sequence[fits.Header], name: str) -> MaskScheme | None:
    telescope, instrument = _text(headers, "TELESCOP"), _text(headers, "INSTRUME")
    if telescope == "JWST":
        return JWST
    if telescope == "HST":
        return WFPC2 if instrument == "WFPC2" else HST
    if telescope.startswith("EUCLID"):
        return EUCLID if instrument.startswith("VIS") or name.endswith("FLG") else None
    if telescope.startswith("GEMINI"):
        return GEMINI
    if _text(headers, "ORIGIN").startswith("LCO") or any("L1IDMASK" in header for header in headers):
        return BANZAI
    if _text(headers, "DES_EXT") or (name == "MSK" and any("DESFNAME" in header for header in headers)):
        return DES
    if _text(headers, "PROCTYPE") and (version := _VERSION.match(_text(headers, "PLVER"))) is not None:
        return NOIRLAB if (int(version[1]), int(version[2] or 0)) >= (3, 5) else NOIRLAB_BITS
    return None


def _text(headers: Sequence[fits.Header], card: str) -> str:
    """Return the first non-empty text of a card in any header, in upper case; empty if there is none."""
    for header in headers:
        try:
            value = header.get(card)
        except Exception:  # noqa: BLE001, S112 (cards that break the standard are ignored)
            continue
        if isinstance(value, str) and value.strip():
            return value.strip().upper()
    return ""
