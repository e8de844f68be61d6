"""Compare architectures and losses for clusters at equal training cost, on a sky not used for training."""

from __future__ import annotations

import json
import os
import queue
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from process import SKYSIEVE, run_measured
from published_tools import CACHE
from results import Cell, Result, Table
from skies import SELECTION_SEED, TRAINING_SEEDS, sky_of_seed

from skysieve.clusters.evaluate.catalogues import evaluation_sky, match_sky, read_detector
from skysieve.clusters.evaluate.evaluation import BlockWeights, completeness_at_purity
from skysieve.clusters.evaluate.settings import Rules
from skysieve.clusters.networks.segmenters import SEGMENTERS
from skysieve.clusters.train.settings import LOSSES
from skysieve.core.evaluation.bootstrap import RESAMPLES, difference
from skysieve.core.models.card import read_model
from skysieve.core.training.recipe import read_training_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skysieve.clusters.evaluate.sky import TruthMatch
    from skysieve.core.evaluation.bootstrap import Estimate

__all__ = ["measure"]

WORKER = Path(__file__).with_name("cluster_training_worker.py")
FOLDER = CACHE / "cluster-networks"

SKIES = TRAINING_SEEDS[:2]

WIDTHS = (16, 32, 64, 96)
"""Channels per level: fewer than in the recipe, so that slow architectures get enough training steps."""

AVERAGING = 0.99
"""Decay of the averaged weights; lower than usual, as these trainings are short."""

LATITUDE = 50.0
"""Galactic latitude in degrees below which no search is made; a quarter of the sky remains."""

THRESHOLD = 0.02
"""Minimum probability of candidates; low enough that catalogues extend below the required purity."""


@dataclass(frozen=True)
class Detector:
    """A trained network and its results.

    Attributes
    ----------
    network, loss
        Architecture and loss function.
    training
        JSON line of the worker.
    scores
        Scores on the validation tiles, from the card of the model.
    matches
        Candidates on the test sky, matched with the truth.
    """

    network: str
    loss: str
    training: Mapping[str, Any]
    scores: Mapping[str, float]
    matches: TruthMatch


def measure(*, seconds: int) -> Result:
    """Train each architecture with the recipe's loss, and the recipe's architecture with each loss."""
    recipe = read_training_recipe("clusters")
    kind, loss = recipe.network.kind, recipe.loss.kind
    pairs = list(dict.fromkeys([(name, loss) for name in SEGMENTERS] + [(kind, name) for name in LOSSES]))
    skies = [sky_of_seed(seed) for seed in SKIES]
    test_sky = sky_of_seed(SELECTION_SEED)
    processors: queue.Queue[int] = queue.Queue()
    for processor in sorted(os.sched_getaffinity(0)):
        processors.put(processor)

    def run(pair: tuple[str, str]) -> Detector:
        processor = processors.get()
        try:
            return _detector(*pair, skies, test_sky, seconds=seconds, processor=processor)
        finally:
            processors.put(processor)

    with ThreadPoolExecutor(processors.qsize()) as pool:
        found = dict(zip(pairs, pool.map(run, pairs), strict=True))
    weights = BlockWeights([one.matches for one in found.values()])
    estimates = {
        pair: completeness_at_purity(one.matches, Rules().purity, weights) for pair, one in found.items()
    }
    first = (kind, loss)
    return Result(
        "Architectures and losses for clusters at the same cost",
        f"Each was trained for about {seconds} s of processor time on one processor, including the making of "
        f"patches, with widths {', '.join(map(str, WIDTHS))} and all other settings of the recipe `clusters` "
        f"(weights averaged with decay {AVERAGING}), on the skies of seeds {', '.join(map(str, SKIES))}. So "
        "slow networks were trained on fewer patches. Completeness is measured on the sky of seed "
        f"{SELECTION_SEED}, above {LATITUDE:g} degrees of Galactic latitude: the fraction of clusters with "
        f"Y500 of {Rules().least_y500:g} square arcminutes and more that is found where {Rules().purity:.0%} "
        "of the candidates are real. Pixel scores are measured on the validation tiles, which no training "
        "patch covers. Trainings and searches of an earlier run are reused. There is one training each, so "
        "the intervals do not include the scatter between seeds of the weights.",
        tables=[
            _table(
                "Architectures", 0, found, estimates, first=first, pairs=[p for p in pairs if p[1] == loss]
            ),
            _table("Losses", 1, found, estimates, first=first, pairs=[p for p in pairs if p[0] == kind]),
        ],
    )


def _detector(
    network: str, loss: str, skies: Sequence[Path], test_sky: Path, *, seconds: int, processor: int
) -> Detector:
    """Train and search on one processor; reuse results of an earlier run."""
    folder = FOLDER / f"{network.replace('+', 'p')}-{loss}-{seconds}"
    report, catalogue = folder / "report.json", folder / "found"
    if not report.exists():
        folder.mkdir(parents=True, exist_ok=True)
        recipe = yaml.safe_load(read_training_recipe("clusters").to_yaml())
        recipe |= {"name": f"{network}, {loss}", "averaging": AVERAGING, "validations": 1}
        recipe["network"] |= {"kind": network, "widths": list(WIDTHS)}
        recipe["loss"] = {"kind": loss}
        (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
        words = [WORKER, folder / "recipe.yaml", folder / "training", seconds, *skies]
        done = run_measured(["taskset", "-c", processor, sys.executable, *words])
        print(f"  {network}, {loss}: trained in {done.processor_seconds:.0f} s of a processor", flush=True)
        report.write_text(done.output.strip().splitlines()[-1], encoding="utf-8")
    model = folder / "training" / "model"
    if not (catalogue / "catalogue.fits").exists():
        words = ["clusters", "find", "--maps", test_sky, "-o", catalogue, "--finder", "network", "--quiet"]
        words += ["--model", model, "--threshold", THRESHOLD, "--galactic-cut", LATITUDE]
        words += ["--views", 1, "--threads", 1, "--overwrite"]
        run_measured(["taskset", "-c", processor, SKYSIEVE, *words])
    detector, truth = read_detector(catalogue), test_sky / "clusters.fits"
    matches = match_sky(evaluation_sky(truth, {network: detector}, "all"), detector, Rules())
    scores = read_model(model).card.scores["validation"]
    return Detector(network, loss, json.loads(report.read_text(encoding="utf-8")), scores, matches)


def _table(
    title: str,
    name: int,
    found: Mapping[tuple[str, str], Detector],
    estimates: Mapping[tuple[str, str], Estimate],
    *,
    first: tuple[str, str],
    pairs: Sequence[tuple[str, str]],
) -> Table:
    """Return the table of detectors of one kind, the best first."""
    rows: list[tuple[Cell, ...]] = []
    for pair in sorted(pairs, key=lambda pair: -estimates[pair].value):
        one, estimate = found[pair], estimates[pair]
        apart = difference(estimate, estimates[first])
        differs: list[Cell] = [None] * 3 if pair == first else [apart.value, *apart.interval]
        rows.append(
            (
                pair[name],
                one.training["parameters"] / 1e6,
                one.training["steps"],
                one.training["seconds"],
                one.scores.get("AP cluster"),
                one.scores.get("Dice cluster"),
                estimate.value,
                *estimate.interval,
                *differs,
            )
        )
    columns = (
        (title.lower(), ""),
        ("parameters, millions", ".2f"),
        ("steps", "d"),
        ("processor seconds", ".0f"),
        ("average precision of pixels", ".3f"),
        ("Dice of pixels", ".3f"),
        ("completeness at 90 % purity", ".3f"),
        ("from", ".3f"),
        ("to", ".3f"),
        (f"less {first[name]}", "+.3f"),
        ("from", "+.3f"),
        ("to", "+.3f"),
    )
    return Table(
        title,
        columns,
        rows,
        f"From and to: 68 % intervals over {RESAMPLES} resamples of blocks of the sky (Bayesian bootstrap), "
        "the same for all, so that differences are paired.",
    )
