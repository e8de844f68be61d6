"""Preprocessing of patches for networks: scaling by the scatter of each band, and arcsinh stretch."""

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

# Standard deviation of a normal distribution in units of its median absolute deviation
_MAD_TO_SIGMA = 1.482602218505602
_MAX_PATCHES = 2000
_BINS = 200
# Range of the histogram: from this quantile of the values to this many sigma above the median
_LOW_QUANTILE = 1e-3
_HIGH_SIGMA = 5.0


@dataclass(frozen=True)
class Preprocessing:
    """Preprocessing of patches: ``arcsinh((x - offset) / sigma)``.

    It is measured once, on the training part of the sky, and stored in the model card.

    Attributes
    ----------
    sigma
        Scatter of each band, in the unit of its map.
    offset
        Value that is subtracted from each band; empty for none, as in the published pipeline.
    stretch
        Whether to apply the arcsinh, which compresses bright pixels and keeps faint ones linear.

    Raises
    ------
    ConfigError
        If a sigma is not above 0, or the number of offsets is wrong.

    References
    ----------
    Lupton, Gunn & Szalay 1999, AJ 118, 1406 (arcsinh); Bonjean 2020, A&A 634, A81.
    """

    sigma: tuple[float, ...]
    offset: tuple[float, ...] = ()
    stretch: bool = True

    def __post_init__(self) -> None:
        """Check the values."""
        if not self.sigma or not all(0 < sigma < math.inf for sigma in self.sigma):
            raise ConfigError(f"preprocessing needs a sigma above 0 for each band; found {self.sigma}")
        if self.offset and (
            len(self.offset) != len(self.sigma) or not all(math.isfinite(offset) for offset in self.offset)
        ):
            raise ConfigError(
                f"preprocessing needs an offset for each of {len(self.sigma)} bands, or none;"
                f" found {self.offset}"
            )

    def __call__(self, patches: NDArray[np.floating]) -> NDArray[np.float32]:
        """Preprocess patches.

        Parameters
        ----------
        patches : ndarray of floating, shape (..., B, H, W)
            Patches in the units of the maps.

        Returns
        -------
        ndarray of float32, shape (..., B, H, W)
            Input of the network; 0 where there are no data.

        Raises
        ------
        FrameError
            If the number of bands is wrong.
        """
        if patches.ndim < 3 or patches.shape[-3] != len(self.sigma):
            raise FrameError(
                f"patches of shape {patches.shape} have not the {len(self.sigma)} bands (B, H, W)"
                " that the preprocessing was measured on"
            )
        scale = np.array(self.sigma, np.float64)[:, None, None]
        # In double precision: the level of the 857 GHz band is many sigma
        level = np.array(self.offset or (0.0,) * len(self.sigma), np.float64)[:, None, None]
        scaled = ((patches - level) / scale).astype(np.float32)
        if self.stretch:
            np.arcsinh(scaled, out=scaled)
        scaled[~np.isfinite(scaled)] = 0
        return scaled

    @classmethod
    def fit(
        cls,
        source: MapStack | NDArray[np.floating],
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
        source : MapStack or ndarray of floating, shape (N, B, H, W)
            Maps, or patches that are already cut.
        lon, lat : array_like, shape (N,)
            For maps: centres of training patches, Galactic degrees.  At most 2000, evenly spaced in the list,
            are used.
        grid
            For maps: pixel grid of the patches.
        kind
            ``mad``: 1.4826 times the median absolute deviation.  ``mode``: sigma of a normal distribution
            fitted to the histogram up to its mode, which sources and the Galaxy do not affect.
        centred
            Whether to subtract the median, or the mode, of each band.
        stretch
            See the class.

        Returns
        -------
        Preprocessing
            The measured preprocessing.

        Raises
        ------
        ConfigError
            If the kind is not known, or maps are given without centres.
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

    def to_card(self) -> dict[str, object]:
        """Return the preprocessing in the form of a model card.

        Returns
        -------
        dict
            ``sigma``, ``offset`` and ``stretch``.
        """
        return {"sigma": list(self.sigma), "offset": list(self.offset), "stretch": self.stretch}

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> Preprocessing:
        """Read the preprocessing from a model card.

        Parameters
        ----------
        card
            Entry ``sky`` of the card.

        Returns
        -------
        Preprocessing
            The preprocessing.

        Raises
        ------
        ConfigError
            If the card has no valid preprocessing.
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
    taken = np.unique(np.linspace(0, lon.size - 1, min(lon.size, _MAX_PATCHES)).round().astype(int))
    return stack.cut_many(lon[taken], lat[taken], grid)


def _mad(values: NDArray[np.floating]) -> tuple[float, float]:
    level = float(np.median(values))
    return level, _MAD_TO_SIGMA * float(np.median(np.abs(values - level)))


def _below_mode(values: NDArray[np.floating]) -> tuple[float, float]:
    """Return mode and sigma of the normal distribution that fits the histogram up to its mode."""
    from scipy.ndimage import gaussian_filter1d
    from scipy.optimize import curve_fit

    median, sigma = _mad(values)
    low, high = float(np.quantile(values, _LOW_QUANTILE)), median + _HIGH_SIGMA * sigma
    if not low < high:
        return median, sigma
    counts, edges = np.histogram(values, _BINS, (low, high))
    centres = (edges[1:] + edges[:-1]) / 2
    top = int(np.argmax(gaussian_filter1d(counts.astype(float), 3, mode="constant")))
    # In units of the first estimate: values in kelvin are too small for the steps of the fit
    x, y = (centres[: top + 1] - centres[top]) / sigma, counts[: top + 1] / counts[top]

    def gaussian(x: NDArray[np.float64], height: float, centre: float, width: float) -> NDArray[np.float64]:
        return np.asarray(height * np.exp(-0.5 * ((x - centre) / width) ** 2))

    try:
        (_, centre, width), _ = curve_fit(gaussian, x, y, (1.0, 0.0, 1.0))
    except (RuntimeError, TypeError):  # no convergence, or fewer bins than parameters
        return median, sigma
    return float(centres[top] + centre * sigma), float(abs(width) * sigma)
