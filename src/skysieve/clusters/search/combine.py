"""Merge the candidates of the network and of the matched filter, and score them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from skysieve.clusters.maps.sky_directions import lon_lat, unit_vectors
from skysieve.clusters.search.flags import is_inconsistent
from skysieve.clusters.search.settings import Finder
from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.table import Table
    from numpy.typing import ArrayLike, NDArray


__all__ = ["FEATURES", "INCONSISTENT_SCORE", "Scoring", "join_candidates"]

FEATURES: dict[Finder, tuple[str, ...]] = {
    "network": ("logit",),
    "mmf": ("snr", "source"),
    "both": ("logit", "sure", "snr", "source"),
}
"""Features of a candidate by finder.

``logit`` is the log-odds of the network's probability.  ``sure`` is its positive part: a weight of its own
lets the slope change at even odds, and fits find a steeper slope above.  ``snr`` is the signal to noise of
the matched filter, and ``source`` that of a point source at the same position.
"""

_DEFAULTS: dict[Finder, tuple[float, ...]] = {
    "network": (0.0, 1.0),
    "mmf": (-9.4, 2.2, -0.06),
    "both": (-5.0, 0.5, 0.0, 1.1, -0.03),
}
"""Default constant and weights of the features, for models without a fit.  Those of the matched filter were
fitted to its candidates on a simulated sky of Planck.  For ``both``, each finder has half of its weights."""

INCONSISTENT_SCORE = 0.05
"""Highest score of candidates whose amplitudes in the bands do not agree with a cluster."""

_FILTER_COLUMNS = ("snr", "source", "y500", "y500_error")
_TEST_COLUMNS = ("chi2", "joint", "dust", "co", "consistent")
"""Columns of the matched filter, and of its test of the spectrum."""

_MIN_PROBABILITY = 1e-4
_RIDGE = 1.0


@dataclass(frozen=True)
class Scoring:
    """Score of a candidate, from 0 to 1: a logistic regression on its features.

    Attributes
    ----------
    finder
        Finder, which defines the features; see :data:`FEATURES`.
    constant
        Log-odds of a candidate whose features are 0.
    weights
        Change of the log-odds per unit of each feature.
    """

    finder: Finder
    constant: float
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the number of weights."""
        if self.finder not in get_args(Finder):
            raise ConfigError(f"finder {self.finder!r}: choose from {', '.join(get_args(Finder))}")
        if len(self.weights) != len(FEATURES[self.finder]) or not all(
            map(math.isfinite, (self.constant, *self.weights))
        ):
            raise ConfigError(
                f"scores of the finder {self.finder} need a weight for each of "
                f"{', '.join(FEATURES[self.finder])}; found {self.weights}"
            )

    def __call__(self, candidates: Table) -> NDArray[np.float64]:
        """Compute the scores of candidates.

        Parameters
        ----------
        candidates
            N rows with ``probability``, ``snr`` and ``source``.  Missing values count as 0.  With ``flags``,
            candidates that are inconsistent with a cluster have scores of at most
            :data:`INCONSISTENT_SCORE`.

        Returns
        -------
        ndarray of float64, shape (N,)
            Scores from 0 to 1.
        """
        from scipy.special import expit

        score = expit(self.constant + _features(candidates, self.finder) @ np.array(self.weights))
        return np.asarray(np.where(is_inconsistent(candidates), np.minimum(score, INCONSISTENT_SCORE), score))

    @classmethod
    def default(cls, finder: Finder) -> Scoring:
        """Return the default scoring of a finder.

        Parameters
        ----------
        finder
            Finder of the candidates.

        Returns
        -------
        Scoring
            Scoring for models without a fit.
        """
        constant, *weights = _DEFAULTS[finder]
        return cls(finder, constant, tuple(weights))

    @classmethod
    def fit(cls, candidates: Table, real: ArrayLike, finder: Finder) -> Scoring:
        """Fit a scoring to candidates with known truth.

        The fit is a logistic regression with a weak Gaussian prior on the weights: of unit width, for
        features in units of their standard deviation.

        Parameters
        ----------
        candidates
            N rows with ``probability``, ``snr`` and ``source``.  Those with ``flags`` that are inconsistent
            with a cluster are left out, as their scores are limited.
        real : array_like of bool, shape (N,)
            Whether each candidate matches a true cluster.
        finder
            Finder, which defines the features.

        Returns
        -------
        Scoring
            The fitted scoring.

        Raises
        ------
        ConfigError
            If all candidates are real, or none is.
        """
        from skysieve.core.evaluation.logistic import fit_logistic

        fitted_to = ~is_inconsistent(candidates)
        features, truth = _features(candidates, finder)[fitted_to], np.asarray(real, bool)[fitted_to]
        if not truth.any() or truth.all():
            raise ConfigError("scores are fitted to candidates of which some are real and some are not")
        mean, scale = features.mean(axis=0), features.std(axis=0)
        scale[scale == 0] = 1
        fitted = fit_logistic((features - mean) / scale, truth.astype(float), ridge=_RIDGE)
        weights = fitted.slopes / scale
        return cls(finder, float(fitted.intercept - weights @ mean), tuple(map(float, weights)))

    def to_card(self) -> dict[str, float]:
        """Return the scoring in the form of a model card.

        Returns
        -------
        dict
            Entry of the finder in ``sky.scores`` of the card.
        """
        return {"constant": self.constant, **dict(zip(FEATURES[self.finder], self.weights, strict=True))}

    @classmethod
    def from_card(cls, sky: Mapping[str, Any], finder: Finder) -> Scoring:
        """Read the scoring of a finder from a model card.

        Parameters
        ----------
        sky
            Entry ``sky`` of the card.
        finder
            Finder of the candidates.

        Returns
        -------
        Scoring
            The default scoring if the card has none.

        Raises
        ------
        ConfigError
            If the entry of the card is not valid.
        """
        stated = sky.get("scores", {}).get(finder)
        if stated is None:
            return cls.default(finder)
        try:
            weights = tuple(float(stated[name]) for name in FEATURES[finder])
            return cls(finder, float(stated["constant"]), weights)
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"the card of the model states no valid scores: {stated!r}") from error


def join_candidates(network: Table, filtered: Table, radius_arcmin: float) -> Table:
    """Merge the candidates of both finders.

    Candidates of different finders within the radius are one; the closest pairs are merged first.

    Parameters
    ----------
    network
        Candidates of :func:`skysieve.clusters.search.decide.find_candidates` on the network's map.
    filtered
        Candidates of the matched filter: ``lon``, ``lat``, ``snr``, ``size``, ``y500``, ``y500_error``,
        ``source``, and those of its test of the spectrum, if they have one.
    radius_arcmin
        Maximum separation of merged candidates, in arcminutes.

    Returns
    -------
    Table
        Merged candidates are at the midpoint of both positions, since their errors differ.  ``size`` is that
        of the matched filter, or else of the network; ``probability`` and ``npix`` are of the network.
        Values of a finder without the candidate are NaN or 0.  ``finder`` is ``network``, ``mmf`` or
        ``both``.
    """
    from astropy.table import Table

    from skysieve.clusters.catalogue.cross_match import match

    pairs = match(network["lon"], network["lat"], filtered["lon"], filtered["lat"], radius=radius_arcmin)
    alone = np.setdiff1d(np.arange(len(network)), pairs.first)
    partner = np.full(len(filtered), -1)
    partner[pairs.second] = pairs.first
    both = partner >= 0
    rows = len(filtered) + alone.size
    vectors = unit_vectors(filtered["lon"], filtered["lat"])
    vectors[both] += unit_vectors(network["lon"], network["lat"])[partner[both]]
    midpoints = dict(zip(("lon", "lat"), lon_lat(vectors), strict=True))
    table = Table()
    for name, values in (midpoints | {"size": filtered["size"]}).items():
        table[name] = np.concatenate([np.asarray(values), np.asarray(network[name])[alone]])
    tested = [name for name in _TEST_COLUMNS if name in filtered.colnames]
    for name in (*_FILTER_COLUMNS, *tested):
        table[name] = np.concatenate([np.asarray(filtered[name], float), np.full(alone.size, np.nan)])
    order = np.concatenate([partner, alone]).astype(int)
    found = order >= 0
    table["probability"], table["npix"] = np.full(rows, np.nan), np.zeros(rows, int)
    table["probability"][found] = np.asarray(network["peak"])[order[found]]
    table["npix"][found] = np.asarray(network["npix"])[order[found]]
    table["finder"] = np.concatenate([np.where(both, "both", "mmf"), np.full(alone.size, "network")])
    return table


def _features(candidates: Table, finder: Finder) -> NDArray[np.float64]:
    from scipy.special import logit

    columns = {
        name: np.nan_to_num(np.asarray(candidates[name], np.float64))
        for name in ("probability", "snr", "source")
    }
    probability = np.clip(columns["probability"], _MIN_PROBABILITY, 1 - _MIN_PROBABILITY)
    columns["logit"] = logit(probability)
    columns["sure"] = np.maximum(columns["logit"], 0)
    return np.column_stack([columns[name] for name in FEATURES[finder]])
