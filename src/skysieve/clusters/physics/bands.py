"""Bands of microwave maps: beams, units, noise, and response to the Sunyaev-Zel'dovich effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from skysieve.core.errors import ConfigError

__all__ = ["PLANCK_HFI", "Band", "Unit", "band"]

Unit = Literal["K_CMB", "MJy/sr", "y"]
"""Units of maps: thermodynamic temperature, surface brightness, or the Compton parameter itself."""


@dataclass(frozen=True)
class Band:
    """A band of a survey.

    Attributes
    ----------
    name
        Name, which is the frequency in GHz.
    frequency
        Nominal frequency in GHz.
    unit
        Unit of the published maps.
    fwhm
        FWHM of the effective beam, taken as a Gaussian, in arcminutes.
    noise
        White noise of a pixel of one square arcminute, in `unit`; it decreases with the square root of the
        area.
    y_response
        Change of temperature in K_CMB per unit of Compton parameter, over the bandpass and without
        relativistic corrections.
    mjysr_per_kcmb
        Change of intensity in MJy/sr per K_CMB, over the bandpass.
    co_line
        Upper level of the line of carbon monoxide in the band, 1 for J = 1-0; 0 if there is none.
    co_response
        Change of temperature in K_CMB per K km/s of this line, in Rayleigh-Jeans temperature.
    """

    name: str
    frequency: float
    unit: Unit
    fwhm: float
    noise: float
    y_response: float
    mjysr_per_kcmb: float
    co_line: int = 0
    co_response: float = 0.0

    @property
    def y_in_unit(self) -> float:
        """Change of the map, in its own unit, per unit of Compton parameter."""
        if self.unit == "y":
            return 1.0
        return self.y_response * (self.mjysr_per_kcmb if self.unit == "MJy/sr" else 1.0)

    @property
    def co_in_unit(self) -> float:
        """Change of the map, in its own unit, per K km/s of the band's line of carbon monoxide."""
        return self.co_response * (self.mjysr_per_kcmb if self.unit == "MJy/sr" else 1.0)


_HFI: tuple[tuple[str, Unit, float, float, float, float], ...] = (
    ("100", "K_CMB", 9.68, 1.29e-6, -4.031, 244.10),
    ("143", "K_CMB", 7.30, 0.55e-6, -2.785, 371.74),
    ("217", "K_CMB", 5.02, 0.78e-6, 0.187, 483.69),
    ("353", "K_CMB", 4.94, 2.56e-6, 6.205, 287.45),
    ("545", "MJy/sr", 4.83, 0.78e-3, 14.455, 58.04),
    ("857", "MJy/sr", 4.64, 0.72e-3, 26.335, 2.27),
)
"""Name, unit, FWHM, noise of a pixel of one square degree, response to y, MJy/sr per K_CMB."""

_CO_LINES = {"100": (1, 14.78e-6), "217": (2, 45.85e-6), "353": (3, 175.1e-6)}
"""Line of carbon monoxide by band: upper level J, and K_CMB per K km/s, the mean over the detectors."""

PLANCK_HFI: tuple[Band, ...] = tuple(
    Band(name, float(name), unit, fwhm, 60 * noise, response, intensity, *_CO_LINES.get(name, ()))
    for name, unit, fwhm, noise, response, intensity in _HFI
)
"""Bands of Planck's High Frequency Instrument.

References
----------
Planck Collaboration 2016, A&A 594, A8, table 6 (beams and noise of the full mission); Planck Collaboration
2014, A&A 571, A9, table 6 (units) and section 4 (carbon monoxide); Planck Collaboration 2016, A&A 594, A22,
table 1 (response to y).
"""


def band(name: str) -> Band:
    """Return a band of Planck's HFI by its name.

    Parameters
    ----------
    name
        Name of the band, such as ``143``.

    Returns
    -------
    Band
        One of :data:`PLANCK_HFI`.

    Raises
    ------
    ConfigError
        If there is no band of this name.

    Examples
    --------
    >>> band("143").fwhm
    7.3
    """
    for candidate in PLANCK_HFI:
        if candidate.name == name:
            return candidate
    raise ConfigError(f"band {name!r}: choose from {', '.join(one.name for one in PLANCK_HFI)}")
