"""Candidates of the network and of the matched filter in one list, each with one score."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from skysieve.clusters.maps.sky_directions import lon_lat, unit_vectors
from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["FEATURES", "Finder", "Scoring", "join_candidates"]

Finder = Literal["network", "mmf", "both"]

FEATURES: dict[Finder, tuple[str, ...]] = {
    "network": ("logit",),
    "mmf": ("snr", "source"),
    "both": ("logit", "sure", "snr", "source"),
}
"""What each finder knows of a candidate: the log-odds of the network's probability, and what of them is above
even odds, which has a weight of its own: the fit finds that they count for more there; the signal to noise of
the matched filter, and that of a point source in the same place."""

_DEFAULTS: dict[Finder, tuple[float, ...]] = {
    "network": (0.0, 1.0),
    "mmf": (-9.4, 2.2, -0.06),
    "both": (-5.0, 0.5, 0.0, 1.1, -0.03),
}
"""Constant, and weight of each feature, where no model says them.  Those of the matched filter were fitted to
its candidates on a simulated sky of Planck; for both, each counts half."""

_LEAST_PROBABILITY = 1e-4
_RIDGE = 1.0


@dataclass(frozen=True)
class Scoring:
    """How what is known of a candidate becomes its score, from 0 to 1: by logistic regression.

    Attributes
    ----------
    finder
        Which features there are, see :data:`FEATURES`.
    constant
        Log-odds of a candidate whose features are 0.
    weights
        Change of the log-odds for each unit of each feature.
    """

    finder: Finder
    constant: float
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse weights of other features."""
        if self.finder not in get_args(Finder):
            raise ConfigError(f"finder {self.finder!r}: choose from {', '.join(get_args(Finder))}")
        if len(self.weights) != len(FEATURES[self.finder]) or not all(
            map(math.isfinite, (self.constant, *self.weights))
        ):
            raise ConfigError(
                f"scores of the finder {self.finder} need a weight for each of "
                f"{', '.join(FEATURES[self.finder])}; found {self.weights}"
            )

    def __call__(self, candidates: Any) -> NDArray[np.float64]:
        """Return scores ``(N,)`` of candidates with the columns ``probability``, ``snr`` and ``source``.

        A probability that is missing is very low, a signal to noise is 0.
        """
        from scipy.special import expit

        return np.asarray(expit(self.constant + _features(candidates, self.finder) @ np.array(self.weights)))

    @classmethod
    def default(cls, finder: Finder) -> Scoring:
        """Return the scoring where no model says how."""
        constant, *weights = _DEFAULTS[finder]
        return cls(finder, constant, tuple(weights))

    @classmethod
    def fit(cls, candidates: Any, real: ArrayLike, finder: Finder) -> Scoring:
        """Return the scoring that fits candidates of which it is known whether they are real.

        Parameters
        ----------
        candidates
            As in a call.
        real : array_like of bool, shape (N,)
            Which of them have a true partner.
        finder
            Which features to use.

        Raises
        ------
        ConfigError
            If there are none that are real, or none that are not.

        References
        ----------
        Newton's method with a weak Gaussian prior, of unit width for weights of features in units of their
        scatter: le Cessie & van Houwelingen 1992, Applied Statistics 41, 191.
        """
        from scipy.optimize import minimize
        from scipy.special import expit

        features, truth = _features(candidates, finder), np.asarray(real, bool)
        if not truth.any() or truth.all():
            raise ConfigError("scores are fitted to candidates of which some are real and some are not")
        middle, scale = features.mean(axis=0), features.std(axis=0)
        scale[scale == 0] = 1
        design = np.column_stack([np.ones(len(truth)), (features - middle) / scale])
        ridge = np.array([0.0] + [_RIDGE] * features.shape[1])

        def loss(x: NDArray[np.float64]) -> float:
            odds = design @ x
            return float(np.logaddexp(0, np.where(truth, -odds, odds)).sum() + ridge @ x**2 / 2)

        def slope(x: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(design.T @ (expit(design @ x) - truth) + ridge * x)

        def curvature(x: NDArray[np.float64]) -> NDArray[np.float64]:
            p = expit(design @ x)
            return np.asarray((design * (p * (1 - p))[:, None]).T @ design + np.diag(ridge + 1e-9))

        found = minimize(loss, np.zeros(design.shape[1]), jac=slope, hess=curvature, method="trust-exact").x
        weights = found[1:] / scale
        return cls(finder, float(found[0] - weights @ middle), tuple(map(float, weights)))

    def to_card(self) -> dict[str, float]:
        """Return it as ``sky.scores`` of a model's card states it, under the name of the finder."""
        return {"constant": self.constant, **dict(zip(FEATURES[self.finder], self.weights, strict=True))}

    @classmethod
    def from_card(cls, sky: Mapping[str, Any], finder: Finder) -> Scoring:
        """Return what ``sky`` of a model's card states for a finder, or else the default.

        Raises
        ------
        ConfigError
            If it states something that is no scoring.
        """
        stated = sky.get("scores", {}).get(finder)
        if stated is None:
            return cls.default(finder)
        try:
            weights = tuple(float(stated[name]) for name in FEATURES[finder])
            return cls(finder, float(stated["constant"]), weights)
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"the card of the model states no valid scores: {stated!r}") from error


def join_candidates(network: Any, filtered: Any, radius_arcmin: float) -> Any:
    """Return the candidates of both finders, those that are the same once.

    Parameters
    ----------
    network
        Of :func:`skysieve.clusters.search.decide.find_candidates` on the network's map.
    filtered
        Of the matched filter, with ``lon``, ``lat``, ``snr``, ``size``, ``y500``, ``y500_error``, ``source``.
    radius_arcmin
        Those that are closer are the same: pairs are made from the closest on.

    Returns
    -------
    astropy.table.Table
        ``lon`` and ``lat`` of what both found lie in the middle between their places, whose errors differ.
        ``size`` is that of the matched filter where it found the candidate; ``probability`` and ``npix`` are
        those of the network. What one of them did not find is NaN or 0.  ``finder`` says which of them did:
        ``network``, ``mmf`` or ``both``.
    """
    from astropy.table import Table

    from skysieve.clusters.catalogue.cross_match import match

    pairs = match(network["lon"], network["lat"], filtered["lon"], filtered["lat"], radius=radius_arcmin)
    alone = np.setdiff1d(np.arange(len(network)), pairs.first)
    partner = np.full(len(filtered), -1)
    partner[pairs.second] = pairs.first
    both = partner >= 0
    rows = len(filtered) + alone.size
    places = unit_vectors(filtered["lon"], filtered["lat"])
    places[both] += unit_vectors(network["lon"], network["lat"])[partner[both]]
    middles = dict(zip(("lon", "lat"), lon_lat(places), strict=True))
    table = Table()
    for name, values in (middles | {"size": filtered["size"]}).items():
        table[name] = np.concatenate([np.asarray(values), np.asarray(network[name])[alone]])
    for name in ("snr", "source", "y500", "y500_error"):
        table[name] = np.concatenate([np.asarray(filtered[name], float), np.full(alone.size, np.nan)])
    order = np.concatenate([partner, alone]).astype(int)
    found = order >= 0
    table["probability"], table["npix"] = np.full(rows, np.nan), np.zeros(rows, int)
    table["probability"][found] = np.asarray(network["peak"])[order[found]]
    table["npix"][found] = np.asarray(network["npix"])[order[found]]
    table["finder"] = np.concatenate([np.where(both, "both", "mmf"), np.full(alone.size, "network")])
    return table


def _features(candidates: Any, finder: Finder) -> NDArray[np.float64]:
    from scipy.special import logit

    columns = {
        name: np.nan_to_num(np.asarray(candidates[name], np.float64))
        for name in ("probability", "snr", "source")
    }
    probability = np.clip(columns["probability"], _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    columns["logit"] = logit(probability)
    columns["sure"] = np.maximum(columns["logit"], 0)
    return np.column_stack([columns[name] for name in FEATURES[finder]])
