"""Networks for ghosts on the same pictures: ours and Mask R-CNN, each as it was trained."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml
from judged import SPLIT, people_and_pictures, study_folder
from results import Cell, Result, Table
from trials import INTERVALS

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
"""Of simulated pictures: far from the seeds of training, validation and thresholds."""

Picture = tuple["NDArray[np.uint8]", "Sequence[tuple[str, NDArray[np.bool_]]]"]


@dataclass
class Detector:
    """A trained network and what it is worth.

    Attributes
    ----------
    folder
        Of its training.
    finder
        The network with its thresholds.
    real, simulated
        Scores on both sets of pictures.
    seconds
        Of each picture.
    """

    folder: Path
    finder: GhostFinder
    real: GhostScores
    simulated: GhostScores
    seconds: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What to call it."""
        return self.finder.model.card.name

    def see(self, scores: GhostScores, picture: Picture) -> None:
        """Score a picture."""
        pixels, truth = picture
        start = time.perf_counter()
        found, weak, probability = model_detections(self.finder, pixels)
        self.seconds.append(time.perf_counter() - start)
        scores.add(truth, found, weak=weak, probability=probability)


def measure(*, trainings: Sequence[str]) -> Result:
    """Score the networks of trainings; the first is what the others are compared with."""
    if len(trainings) < 2:
        raise RuntimeError("give the folders of two or more trainings: --training FOLDER --training FOLDER")
    detectors = [_detector(Path(folder)) for folder in trainings]
    _, judged = people_and_pictures()
    real: list[Picture] = [(read_picture(study_folder() / "images" / one.name), one.truth) for one in judged]
    simulated = _simulated()
    for one in detectors:
        one.see(GhostScores("warm"), simulated[0])
        one.seconds.clear()
        for picture in real:
            one.see(one.real, picture)
        for picture in simulated:
            one.see(one.simulated, picture)
    names = ", ".join(one.name for one in detectors)
    return Result(
        "Networks for ghosts beside each other",
        f"{names} on {len(real)} real focal planes, against what most of eight people outlined, and on "
        f"{SIMULATED} simulated ones with seeds of their own, half of them clean; each with the thresholds "
        f"of its card and four mirrored views. {SPLIT} All learnt from the same simulation and real ghosts "
        "by recipes of this repository. Both ran side by side on two processors that others wanted too, ours "
        "with the right of way, so that minutes are no measure of what each cost: the larger network had the "
        "smaller part of the processors, saw a twenty-fifth of the pictures, and is far from the end of what "
        "it could learn. Which network is the better one, each trained to its end, this does not tell.",
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
    """Return what each network cost, and what it says of whole pictures."""
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
        ("minutes of training, by the clock", ".0f"),
        ("graph, MB", ".1f"),
        ("s a picture, four views", ".2f"),
        ("has-ghost accuracy, simulated", ".3f"),
    )
    return Table("What each cost, and whether there is any ghost", columns, rows)


def _batch(folder: Path) -> int:
    """Return how many pictures each step of a training saw."""
    settings = next(yaml.safe_load_all((folder / "recipe.yaml").read_text(encoding="utf-8")))
    return int(settings["batch"])


def _f1(what: str, detectors: Sequence[Detector], scores: Sequence[GhostScores]) -> Table:
    """Return the F1 of the CCDs touched, and how much the others differ from the first."""
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
