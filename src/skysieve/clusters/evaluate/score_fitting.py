"""Scores of candidates as probabilities that they are real, fitted where a network learnt nothing."""

from __future__ import annotations

import dataclasses
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve.clusters.catalogue.known_catalogues import read_known_catalogue
from skysieve.clusters.evaluate.evaluation import threshold_at_purity
from skysieve.clusters.evaluate.search import found_units, seen_by, units_of_role
from skysieve.clusters.evaluate.sky import Area, Judged, Rules, TrialSky, judge
from skysieve.clusters.maps.split import SkySplit
from skysieve.clusters.search.assemble import choose_candidates
from skysieve.clusters.search.combine import FEATURES, Scoring
from skysieve.clusters.search.finder import ClusterFinder
from skysieve.clusters.search.job import ClusterJob
from skysieve.clusters.search.model import CLUSTER
from skysieve.clusters.search.search_settings import ClusterSettings
from skysieve.core.atomic import atomic_write
from skysieve.core.errors import ConfigError, SourceError
from skysieve.core.models.card import CARD_FILE, Model, read_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysieve.clusters.maps.split import Role
    from skysieve.clusters.search.combine import Finder

__all__ = ["fit_scores"]

logger = logging.getLogger(__name__)

TRUTH = "clusters.fits"

LEAST_PROBABILITY, LEAST_SNR = 0.03, 4.0
"""Candidates that scores are fitted to go so deep: beyond what a catalogue would hold."""

MOST_SKIES = 6
"""More of them would take time and tell little."""

PURITY = 0.8
"""The threshold of the card lets through candidates of which so many are real."""

LEAST_THRESHOLD, LARGEST_THRESHOLD = LEAST_PROBABILITY, 0.9


def fit_scores(
    folder: Path, skies: Sequence[Path], *, role: Role = "validation", galactic_cut: float = 15.0
) -> Model:
    """Search skies with a trained network and the matched filter, and write into its card what scores mean.

    The card gets, for each finder, the logistic regression of its candidates' being real on what is known of
    them; and as threshold of the network the probability above which four in five of its candidates are real.

    Parameters
    ----------
    folder
        Of the model, whose card is replaced.
    skies
        Folders with maps and ``clusters.fits``, which states Y500; of more than six the first six count.
    role
        Tiles that are searched, of the split in the card.
    galactic_cut
        Degrees of latitude that are left out.

    Returns
    -------
    Model
        The model with its new card.

    Raises
    ------
    ConfigError
        If no candidate, or every one, is real.
    SkysieveError
        If maps or model cannot be used.
    """
    model = read_model(folder)
    split, rules = SkySplit.from_card(model.card.sky["split"]), Rules()
    settings = ClusterSettings(model=str(folder), threshold=LEAST_PROBABILITY, snr=LEAST_SNR)
    tables: dict[Finder, list[Any]] = {name: [] for name in FEATURES}
    verdicts: dict[Finder, list[Judged]] = {name: [] for name in FEATURES}
    for sky in skies[:MOST_SKIES]:
        truth = read_known_catalogue(sky / TRUTH, name="truth")
        with tempfile.TemporaryDirectory() as scratch:
            job = ClusterJob([str(sky)], Path(scratch) / "search", settings, galactic_cut=galactic_cut)
            units = units_of_role(job, role, split)
            logger.info("%s: searching %d units of the tiles for %s", sky, len(units), role)
            for unit in units:
                job.run(unit)
            found = found_units(job, units)
        trial = TrialSky(truth, Area(role, split))
        for name in FEATURES:
            finder = ClusterFinder(dataclasses.replace(settings, finder=name))
            table = choose_candidates(seen_by(found, finder), finder, Scoring.default(name))
            table = table[trial.area.contains(np.asarray(table["lon"]), np.asarray(table["lat"]))]
            tables[name].append(table)
            verdicts[name].append(judge(trial, table["lon"], table["lat"], table["score"], rules))
    scores: dict[str, dict[str, float]] = {}
    for name in FEATURES:
        scores[name] = _fitted(tables[name], verdicts[name], name).to_card()
    # By default the score of the network is the highest probability
    threshold = threshold_at_purity(Judged.join(verdicts["network"]), PURITY)
    threshold = float(np.clip(threshold, LEAST_THRESHOLD, LARGEST_THRESHOLD).round(3))
    thresholds = {**model.card.default_thresholds, CLUSTER: threshold}
    card = dataclasses.replace(
        model.card, default_thresholds=thresholds, sky={**model.card.sky, "scores": scores}
    )
    with atomic_write(folder / CARD_FILE, overwrite=True) as path:
        path.write_text(card.to_json(), encoding="utf-8")
    return read_model(folder)


def _fitted(tables: Sequence[Any], verdicts: Sequence[Judged], name: Finder) -> Scoring:
    from astropy.table import vstack

    if not tables:
        raise SourceError("scores are fitted to candidates of skies; give at least one")
    real = np.concatenate([one.real for one in verdicts])
    try:
        scoring = Scoring.fit(vstack(list(tables), metadata_conflicts="silent"), real, name)
    except ConfigError as error:
        raise ConfigError(f"finder {name}: {real.size} candidates, {real.sum()} real: {error}") from error
    logger.info("finder %s: %d candidates, %d real", name, real.size, real.sum())
    return scoring
