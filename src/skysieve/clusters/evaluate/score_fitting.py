"""Fit the scores of candidates, the probabilities that they are real, on the validation part of the sky."""

from __future__ import annotations

import dataclasses
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skysieve.clusters.catalogue.known_catalogues import read_known_catalogue
from skysieve.clusters.evaluate.evaluation import threshold_at_purity
from skysieve.clusters.evaluate.search import assemble_units, for_finder, units_of_role
from skysieve.clusters.evaluate.settings import Rules
from skysieve.clusters.evaluate.sky import Area, EvaluationSky, TruthMatch, match_to_truth
from skysieve.clusters.maps.split import SkySplit
from skysieve.clusters.search.assemble import choose_candidates
from skysieve.clusters.search.combine import FEATURES, Scoring
from skysieve.clusters.search.finder import ClusterFinder
from skysieve.clusters.search.job import ClusterJob
from skysieve.clusters.search.model import CLUSTER
from skysieve.clusters.search.settings import ClusterSettings
from skysieve.core.errors import ConfigError, SourceError
from skysieve.core.models.card import Model, read_model, update_card

if TYPE_CHECKING:
    from collections.abc import Sequence

    from astropy.table import Table

    from skysieve.clusters.maps.split import Role
    from skysieve.clusters.search.settings import Finder

__all__ = ["fit_scores"]

logger = logging.getLogger(__name__)

TRUTH = "clusters.fits"

MIN_PROBABILITY, MIN_SNR = 0.03, 4.0
"""Limits of the candidates that scores are fitted to, below those of catalogues."""

MAX_SKIES = 6
"""Maximum number of skies; more take time and hardly improve the fit."""

PURITY = 0.8
"""Purity of the network's candidates at the threshold of the card."""

MIN_THRESHOLD, MAX_THRESHOLD = MIN_PROBABILITY, 0.9


def fit_scores(
    folder: Path, skies: Sequence[Path], *, role: Role = "validation", galactic_cut: float = 15.0
) -> Model:
    """Fit the scores of a trained network and of the matched filter, and write them to the model card.

    The card gets the scoring of each finder: a logistic regression of whether candidates are real on their
    features.  The threshold of the network is set to the probability above which 80 % of its candidates are
    real.

    Parameters
    ----------
    folder
        Folder of the model, whose card is replaced.
    skies
        Folders with maps and ``clusters.fits`` with Y500; the first six are used.
    role
        Role of the tiles that are searched, by the split in the card.
    galactic_cut
        Minimum absolute Galactic latitude, in degrees.

    Returns
    -------
    Model
        The model with its new card.

    Raises
    ------
    ConfigError
        If no candidate is real, or all are.
    SkysieveError
        If the maps or the model cannot be used.
    """
    model = read_model(folder)
    split, rules = SkySplit.from_card(model.card.sky["split"]), Rules()
    settings = ClusterSettings(model=str(folder), threshold=MIN_PROBABILITY, snr=MIN_SNR)
    tables: dict[Finder, list[Table]] = {name: [] for name in FEATURES}
    matches: dict[Finder, list[TruthMatch]] = {name: [] for name in FEATURES}
    for sky in skies[:MAX_SKIES]:
        truth = read_known_catalogue(sky / TRUTH, name="truth")
        with tempfile.TemporaryDirectory() as scratch:
            job = ClusterJob([str(sky)], Path(scratch) / "search", settings, galactic_cut=galactic_cut)
            units = units_of_role(job, role, split)
            logger.info("%s: searching %d units of the tiles for %s", sky, len(units), role)
            for unit in units:
                job.run(unit)
            found = assemble_units(job, units)
        evaluated = EvaluationSky(truth, Area(role, split))
        for name in FEATURES:
            finder = ClusterFinder(dataclasses.replace(settings, finder=name))
            table = choose_candidates(for_finder(found, finder), finder, Scoring.default(name))
            table = table[evaluated.area.contains(np.asarray(table["lon"]), np.asarray(table["lat"]))]
            tables[name].append(table)
            matches[name].append(match_to_truth(evaluated, table["lon"], table["lat"], table["score"], rules))
    scores: dict[str, dict[str, float]] = {}
    for name in FEATURES:
        scores[name] = _fitted(tables[name], matches[name], name).to_card()
    # With the default scoring, the score of the network is its maximum probability
    threshold = threshold_at_purity(TruthMatch.join(matches["network"]), PURITY)
    threshold = float(np.clip(threshold, MIN_THRESHOLD, MAX_THRESHOLD).round(3))
    thresholds = {**model.card.default_thresholds, CLUSTER: threshold}
    return update_card(model, default_thresholds=thresholds, sky={**model.card.sky, "scores": scores})


def _fitted(tables: Sequence[Table], matches: Sequence[TruthMatch], name: Finder) -> Scoring:
    from astropy.table import vstack

    if not tables:
        raise SourceError("scores are fitted to candidates of skies; give at least one")
    real = np.concatenate([one.real for one in matches])
    try:
        scoring = Scoring.fit(vstack(list(tables), metadata_conflicts="silent"), real, name)
    except ConfigError as error:
        raise ConfigError(f"finder {name}: {real.size} candidates, {real.sum()} real: {error}") from error
    logger.info("finder %s: %d candidates, %d real", name, real.size, real.sum())
    return scoring
