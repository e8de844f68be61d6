"""Patches as networks see them: in units of each band's scatter, with bright pixels compressed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from skysieve.clusters.maps.patches import MapStack, PatchGrid
from skysieve.core.errors import ConfigError, FrameError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Preprocessing", "SigmaKind"]

SigmaKind: TypeAlias = Literal["mad", "mode"]

# Of a normal distribution, in units of its median absolute deviation.
_MAD_TO_SIGMA = 1.482602218505602
_MOST_PATCHES = 2000
_BINS = 200
# The bright tail is cut off here, in sigma above the median; the faint end at this part of the values.
_BRIGHT_END = 5.0
_FAINT_PART = 1e-3


@dataclass(frozen=True)
class Preprocessing:
    """What is done to patches before a network sees them: ``arcsinh((x - offset) / sigma)``.

    It is measured once, on the part of the sky that is for training, stored in the model's card, and used
    as it is wherever the model is.

    Attributes
    ----------
    sigma
        Scatter of each band, in the unit of its maps.
    offset
        What is subtracted from each band; empty for nothing, as in the published pipeline.
    stretch
        Whether to take the arcsinh, which leaves what is small as it is and compresses what is bright.

    Raises
    ------
    ConfigError
        If a sigma is not above 0, or there are not as many offsets.

    References
    ----------
    Lupton, Gunn & Szalay 1999, AJ 118, 1406 (arcsinh); Bonjean 2020, A&A 634, A81.
    """

    sigma: tuple[float, ...]
    offset: tuple[float, ...] = ()
    stretch: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be divided by."""
        if not self.sigma or not all(0 < sigma < math.inf for sigma in self.sigma):
            raise ConfigError(f"preprocessing needs a sigma above 0 for each band; found {self.sigma}")
        if self.offset and (
            len(self.offset) != len(self.sigma) or not all(math.isfinite(offset) for offset in self.offset)
        ):
            raise ConfigError(
                f"preprocessing needs an offset for each of {len(self.sigma)} bands, or none;"
                f" found {self.offset}"
            )

    def __call__(self, patches: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Return patches as networks see them.

        Parameters
        ----------
        patches : ndarray, shape (..., B, H, W)
            In the units of the maps.

        Returns
        -------
        ndarray, shape (..., B, H, W), float32
            0 where there is no data.

        Raises
        ------
        FrameError
            If there are not as many bands.
        """
        if patches.ndim < 3 or patches.shape[-3] != len(self.sigma):
            raise FrameError(
                f"patches of shape {patches.shape} have not the {len(self.sigma)} bands (B, H, W)"
                " that the preprocessing was measured on"
            )
        scale = np.array(self.sigma, np.float64)[:, None, None]
        # Both in double precision: a band of 857 GHz has a level of many sigma.
        level = np.array(self.offset or (0.0,) * len(self.sigma), np.float64)[:, None, None]
        scaled = ((patches - level) / scale).astype(np.float32)
        if self.stretch:
            np.arcsinh(scaled, out=scaled)
        scaled[~np.isfinite(scaled)] = 0
        return scaled

    @classmethod
    def fit(
        cls,
        source: MapStack | NDArray[np.floating[Any]],
        lon: ArrayLike | None = None,
        lat: ArrayLike | None = None,
        *,
        grid: PatchGrid | None = None,
        kind: SigmaKind = "mad",
        centred: bool = False,
        stretch: bool = True,
    ) -> Preprocessing:
        """Measure the scatter of each band.

        Parameters
        ----------
        source
            Maps; or patches already cut, ``(N, B, H, W)``.
        lon, lat
            With maps: the centres of patches for training, Galactic degrees. Of more than 2000, as many
            are taken, evenly through the list.
        grid
            With maps: the pixels of patches.
        kind
            ``mad``: 1.4826 times the median absolute deviation from the median. ``mode``: sigma of the
            normal distribution that fits the histogram up to its mode, which neither sources nor the
            Galaxy reach.
        centred
            Whether to subtract the median, or the mode, of each band.
        stretch
            As in the class.

        Raises
        ------
        ConfigError
            If there is no such kind, or maps come without centres.
        FrameError
            If a band has no data, or no scatter.
        """
        if kind not in get_args(SigmaKind):
            raise ConfigError(f"sigma of kind {kind!r} is not known; choose {', '.join(get_args(SigmaKind))}")
        patches = _cut(source, lon, lat, grid or PatchGrid()) if isinstance(source, MapStack) else source
        measure = _mad if kind == "mad" else _below_mode
        levels, sigmas = [], []
        for band in range(patches.shape[1]):
            values = patches[:, band]
            values = values[np.isfinite(values)]
            level, sigma = measure(values) if values.size else (math.nan, math.nan)
            if not 0 < sigma < math.inf:
                raise FrameError(
                    f"band {band + 1} of {patches.shape[1]} has {'no scatter' if values.size else 'no data'}"
                    " where it is to be learnt from; choose other maps or another part of the sky"
                )
            levels.append(level)
            sigmas.append(sigma)
        return cls(tuple(sigmas), tuple(levels) if centred else (), stretch)

    def to_card(self) -> dict[str, Any]:
        """Return it as a model's card states it."""
        return {"sigma": list(self.sigma), "offset": list(self.offset), "stretch": self.stretch}

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> Preprocessing:
        """Return what a model's card states.

        Raises
        ------
        ConfigError
            If the card states none that is valid.
        """
        try:
            sigma, offset = (tuple(float(value) for value in card[key]) for key in ("sigma", "offset"))
            stretch = card["stretch"]
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"the card of the model states no valid preprocessing: {card!r}") from error
        if not isinstance(stretch, bool):
            raise ConfigError(f"the card of the model states no valid preprocessing: stretch is {stretch!r}")
        return cls(sigma, offset, stretch)


def _cut(
    stack: MapStack, lon: ArrayLike | None, lat: ArrayLike | None, grid: PatchGrid
) -> NDArray[np.float32]:
    if lon is None or lat is None or np.size(lon) == 0:
        raise ConfigError("to measure the scatter of maps, give the centres of patches for training")
    lon, lat = np.atleast_1d(lon), np.atleast_1d(lat)
    taken = np.unique(np.linspace(0, lon.size - 1, min(lon.size, _MOST_PATCHES)).round().astype(int))
    return stack.cut_many(lon[taken], lat[taken], grid)


def _mad(values: NDArray[np.floating[Any]]) -> tuple[float, float]:
    level = float(np.median(values))
    return level, _MAD_TO_SIGMA * float(np.median(np.abs(values - level)))


def _below_mode(values: NDArray[np.floating[Any]]) -> tuple[float, float]:
    """Return mode and sigma of the normal distribution that fits the histogram up to its mode."""
    from scipy.ndimage import gaussian_filter1d
    from scipy.optimize import curve_fit

    median, sigma = _mad(values)
    low, high = float(np.quantile(values, _FAINT_PART)), median + _BRIGHT_END * sigma
    if not low < high:
        return median, sigma
    counts, edges = np.histogram(values, _BINS, (low, high))
    middles = (edges[1:] + edges[:-1]) / 2
    top = int(np.argmax(gaussian_filter1d(counts.astype(float), 3, mode="constant")))
    # In units of the first estimate: values in kelvin are too small for the steps of the fit.
    x, y = (middles[: top + 1] - middles[top]) / sigma, counts[: top + 1] / counts[top]

    def bell(place: NDArray[Any], height: float, centre: float, width: float) -> Any:
        return height * np.exp(-0.5 * ((place - centre) / width) ** 2)

    try:
        (_, centre, width), _ = curve_fit(bell, x, y, (1.0, 0.0, 1.0))
    except (RuntimeError, TypeError):  # no convergence, or fewer bins than parameters
        return median, sigma
    return float(middles[top] + centre * sigma), float(abs(width) * sigma)
