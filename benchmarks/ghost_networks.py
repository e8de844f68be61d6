"""Compare networks for ghosts on the same pictures: ours and Mask R-CNN, as they were trained."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml
from evaluations import INTERVALS
from results import Cell, Result, Table
from study_pictures import SPLIT, people_and_pictures, study_folder

from skysieve.core.evaluation.bootstrap import difference
from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.evaluate.ccd_scores import GROUPS
from skysieve.ghosts.evaluate.pictures import GhostScores, model_detections
from skysieve.ghosts.evaluate.precision import pooled_precision, published_precision
from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.focal_plane.pictures import read_picture
from skysieve.ghosts.predict.finder import GhostFinder
from skysieve.ghosts.predict.overlaps import ALL
from skysieve.ghosts.predict.settings import GhostSettings
from skysieve.ghosts.simulate import Layout, read_ghost_recipe, simulate_focal_plane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["measure"]

SIMULATED = 60
SEED = 2_718_281_828
"""Seed of simulated pictures, far from the seeds of training, validation and thresholds."""

Picture = tuple["NDArray[np.uint8]", "Sequence[tuple[str, NDArray[np.bool_]]]"]


@dataclass
class Detector:
    """A trained network and its scores.

    Attributes
    ----------
    folder
        Folder of its training.
    finder
        The network with its thresholds.
    real, simulated
        Scores on both sets of pictures.
    seconds
        Time for each picture.
    """

    folder: Path
    finder: GhostFinder
    real: GhostScores
    simulated: GhostScores
    seconds: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Name of the network."""
        return self.finder.model.card.name

    def update(self, scores: GhostScores, picture: Picture) -> None:
        """Run the network on a picture and add its scores."""
        pixels, truth = picture
        start = time.perf_counter()
        found, weak, probability = model_detections(self.finder, pixels)
        self.seconds.append(time.perf_counter() - start)
        scores.add(truth, found, weak=weak, probability=probability)


def measure(*, trainings: Sequence[str]) -> Result:
    """Score the networks of several trainings; the others are compared with the first."""
    if len(trainings) < 2:
        raise RuntimeError("give the folders of two or more trainings: --training FOLDER --training FOLDER")
    detectors = [_detector(Path(folder)) for folder in trainings]
    _, annotated = people_and_pictures()
    real: list[Picture] = [
        (read_picture(study_folder() / "images" / one.name), one.truth) for one in annotated
    ]
    simulated = _simulated()
    for one in detectors:
        one.update(GhostScores("warm"), simulated[0])
        one.seconds.clear()
        for picture in real:
            one.update(one.real, picture)
        for picture in simulated:
            one.update(one.simulated, picture)
    names = ", ".join(one.name for one in detectors)
    return Result(
        "Comparison of networks for ghosts",
        f"{names} on {len(real)} real focal planes, against what most of eight people outlined, and on "
        f"{SIMULATED} simulated ones with separate seeds, half of them clean; each with the thresholds of "
        f"its card and test-time augmentation by four mirrored views. {SPLIT} All were trained on the same "
        "simulation and real ghosts, by recipes of this repository. Both trainings ran at the same time on "
        "two processors shared with other jobs, ours with the higher priority, so minutes do not measure "
        "their cost. The larger network got the smaller share of the processors, saw a twenty-fifth of the "
        "pictures, and is far from convergence. This comparison does not show which network is better after "
        "full training.",
        tables=[
            _costs(detectors),
            _f1("real focal planes", detectors, [one.real for one in detectors]),
            _f1("simulated focal planes", detectors, [one.simulated for one in detectors]),
            _precision(detectors),
        ],
    )


def _detector(folder: Path) -> Detector:
    finder = GhostFinder(GhostSettings(model=str(folder / "model")))
    name = finder.model.card.name
    return Detector(folder, finder, GhostScores(name), GhostScores(name))


def _simulated() -> list[Picture]:
    layout, recipe = Layout(decam().ccd_map.astype(np.uint8)), read_ghost_recipe()
    pictures: list[Picture] = []
    for number in range(SIMULATED):
        drawn = simulate_focal_plane(layout, np.random.default_rng([SEED, number]), recipe)
        pictures.append((drawn.pixels, [(g.class_name, g.mask) for g in drawn.instances]))
    return pictures


def _costs(detectors: Sequence[Detector]) -> Table:
    """Return the cost of each network, and its accuracy for whole pictures."""
    rows: list[tuple[Cell, ...]] = []
    for one in detectors:
        card = one.finder.model.card
        right = np.mean([(p > 0.5) == truth for p, truth in one.simulated.has_ghost])
        rows.append(
            (
                one.name,
                card.training["steps"],
                _batch(one.folder),
                card.training["minutes"],
                one.finder.model.size / 1e6,
                float(np.median(one.seconds)),
                float(right),
            )
        )
    columns = (
        ("network", ""),
        ("steps", "d"),
        ("batch", "d"),
        ("wall time of training, minutes", ".0f"),
        ("graph, MB", ".1f"),
        ("s a picture, four views", ".2f"),
        ("has-ghost accuracy, simulated", ".3f"),
    )
    return Table("Cost, and accuracy of the classification of whole pictures", columns, rows)


def _batch(folder: Path) -> int:
    """Return the batch size of a training."""
    settings = next(yaml.safe_load_all((folder / "recipe.yaml").read_text(encoding="utf-8")))
    return int(settings["batch"])


def _f1(what: str, detectors: Sequence[Detector], scores: Sequence[GhostScores]) -> Table:
    """Return the F1 of touched CCDs, and the differences of the others from the first network."""
    rows: list[tuple[Cell, ...]] = []
    for group in GROUPS:
        estimates = [one.f1(group, 0.0) for one in scores]
        cells: list[Cell] = [group]
        for estimate in estimates:
            cells += [estimate.value, *estimate.interval]
        for estimate in estimates[1:]:
            apart = difference(estimate, estimates[0])
            cells += [apart.value, *apart.interval]
        rows.append(tuple(cells))
    columns = [("classes", "")]
    for one in detectors:
        columns += [(one.name, ".3f"), ("from", ".3f"), ("to", ".3f")]
    for one in detectors[1:]:
        columns += [(f"{one.name} less {detectors[0].name}", ".3f"), ("from", ".3f"), ("to", ".3f")]
    return Table(f"CCDs touched, t = 0, {what}: F1", tuple(columns), rows, INTERVALS)


def _precision(detectors: Sequence[Detector]) -> Table:
    """Return average precisions of both sets."""
    rows: list[tuple[Cell, ...]] = []
    for group in (*CLASS_NAMES, ALL):
        for what in ("real", "simulated"):
            cells: list[Cell] = [f"{group}, {what}"]
            for one in detectors:
                overlaps = getattr(one, what).overlaps
                cells += [
                    published_precision(overlaps, group, cut=None).mean,
                    pooled_precision(overlaps, group),
                ]
            rows.append(tuple(cells))
    columns = [("class", "")]
    for one in detectors:
        columns += [(f"{one.name}, published protocol", ".3f"), ("all in one ranking", ".3f")]
    return Table("Instances: average precision at IoU 0.5", tuple(columns), rows)
