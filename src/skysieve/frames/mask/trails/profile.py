"""The profile across a trail: a flat top with wings that fall as a power of the distance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["TrailProfile", "fit_profile"]

POWER, MIN_POWER, MAX_POWER = 2.5, 1.0, 8.0
"""Power of the wings if they cannot be measured, as in a seeing of Moffat's beta = 3; and its limits."""

WINGS_SNR = 60.0
"""Ratio of a profile's height to the noise of its values from which the power of the wings is measured."""

MAX_FLAT = 30.0
"""Maximum half width of the flat top, in pixels."""


@dataclass(frozen=True)
class TrailProfile:
    """The mean profile across a trail.

    Its value at a distance ``v`` is ``height (1 + u^2)^-power`` with ``u = max(|v| - flat, 0) / core``: a
    line in a seeing of Moffat's form, widened by the out-of-focus image of the telescope's pupil.

    Attributes
    ----------
    height
        Height of the centre line in units of the noise of a pixel.
    flat
        Half width of the flat top in pixels.
    core
        Scale of the flanks in pixels.
    power
        Power of the wings.

    References
    ----------
    Bektešević et al. 2018, MNRAS 474, 4837 (profiles out of focus); Moffat 1969, A&A 3, 455.
    """

    height: float
    flat: float
    core: float
    power: float

    def at(self, across: ArrayLike) -> NDArray[np.float64]:
        """Return the profile at some distances.

        Parameters
        ----------
        across
            Distances from the centre line in pixels, any shape.

        Returns
        -------
        ndarray
            float64 of the same shape, in units of the noise of a pixel.
        """
        u = np.maximum(np.abs(np.asarray(across, np.float64)) - self.flat, 0) / self.core
        found: NDArray[np.float64] = self.height * (1 + u**2) ** -self.power
        return found

    @property
    def fwhm(self) -> float:
        """Full width at half maximum in pixels."""
        return 2 * self.reach(self.height / 2)

    def reach(self, level: float) -> float:
        """Return the distance beyond which the profile stays below a level.

        Parameters
        ----------
        level
            The level in units of the noise of a pixel, above 0.

        Returns
        -------
        float
            Distance from the centre line in pixels; 0 if the whole profile is below the level.
        """
        if self.height <= level:
            return 0.0
        return self.flat + self.core * math.sqrt((self.height / level) ** (1 / self.power) - 1)


def fit_profile(
    across: NDArray[np.float64], profile: NDArray[np.float32], *, width: float, error: float
) -> TrailProfile | None:
    """Fit the profile across a trail, and a straight level under it.

    Parameters
    ----------
    across
        ``(V,)`` distances from the centre line in pixels.
    profile
        ``(V,)`` float32 light in units of the noise; NaN is left out.
    width
        Approximate full width at half maximum in pixels.
    error
        Standard deviation of the values.

    Returns
    -------
    TrailProfile or None
        None if there is no light above the level.
    """
    known = np.isfinite(profile)
    if np.count_nonzero(known) < 12:
        return None
    v, light = across[known], profile[known].astype(np.float64)
    middle = np.abs(v) <= max(1.0, width / 2)
    side = np.abs(v) > 1.5 * width + 3
    if not middle.any() or not side.any():
        return None
    level = float(np.median(light[side]))
    height = float(light[middle].max()) - level
    if height <= 0:
        return None
    free = height / error >= WINGS_SNR
    half = max(0.7, width / 2)

    def model(values: NDArray[np.float64]) -> NDArray[np.float64]:
        top, flat, core, power, constant, slope, centre = values
        shape = TrailProfile(1.0, flat, core, power if free else POWER)
        return np.asarray(top * shape.at(v - centre) + constant + slope * v)

    span = float(np.abs(v).max())
    start = np.array([height, 0.2 * half, 1.6 * half, POWER, level, 0.0, 0.0])
    lower = [0.2 * height, 0.0, 0.3, MIN_POWER, -np.inf, -np.inf, -2.0]
    upper = [3.0 * height, min(MAX_FLAT, half + 1), 2.5 * half + 2, MAX_POWER, np.inf, np.inf, 2.0]
    scale = [height, 1.0, 1.0, 1.0, max(height / 10, error), max(height / 10, error) / span, 1.0]
    found = optimize.least_squares(
        lambda values: (model(values) - light) / error,
        np.clip(start, lower, upper),
        bounds=(lower, upper),
        x_scale=scale,
        loss="soft_l1",
        f_scale=3.0,
        max_nfev=60,
    )
    top, flat, core, power = (float(value) for value in found.x[:4])
    return TrailProfile(top, flat, core, power if free else POWER)
