"""Training of the models, from the folders of their trainings."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from results import Cell, Result, Table

from skysieve.core.models.card import CARD_FILE, read_model
from skysieve.core.models.packaged import FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysieve.core.models.card import ModelCard

__all__ = ["measure", "shown_trainings"]

LOG, CURVES, RECIPE = "metrics.csv", "curves.png", "recipe.yaml"
MODEL = "model"


def measure(*, trainings: Sequence[str], output: Path) -> Result:
    """Copy the logs of trainings to the folder of the page, and show them."""
    return shown_trainings(
        "How the models were trained",
        "By `skysieve train contaminants -o contaminants` and `skysieve train tracking -o tracking`, whose "
        "folders this page was made from. Minutes are those of the training with its simulation, without the "
        "calibration that follows.",
        trainings,
        output,
        scored="On frames of the training's own recipe with other seeds; AP is average precision.",
    )


def shown_trainings(title: str, how: str, trainings: Sequence[str], output: Path, *, scored: str) -> Result:
    """Copy the logs of trainings to the folder of a page, and return the page.

    Parameters
    ----------
    title, how
        Title of the page, and how the trainings were run.
    trainings
        Folders that ``skysieve train`` wrote; the copies are named after them.
    output
        Folder of the page.
    scored
        Description of the validation data and scores.

    Returns
    -------
    Result
        The page.

    Raises
    ------
    RuntimeError
        If no training is given.
    """
    if not trainings:
        raise RuntimeError("give the folder of each training that is finished: --training FOLDER")
    rows: list[tuple[Cell, ...]] = []
    tables, remarks = [], []
    for folder in map(Path, trainings):
        card = read_model(folder / MODEL).card
        facts = card.training
        rows.append(
            (
                card.job,
                *(facts[name] for name in ("recipe", "seed", "steps", "minutes")),
                _shipped(folder, card),
            )
        )
        tables.append(_scores(folder, scored))
        remarks.append(_keep(folder, output / "training", card))
    columns = (
        ("job", ""),
        ("recipe", ""),
        ("seed", "d"),
        ("steps", "d"),
        ("minutes", ".0f"),
        ("is in the package", ""),
    )
    return Result(title, how, tables=[Table("Trainings", columns, rows), *tables], remarks=remarks)


def _shipped(folder: Path, card: ModelCard) -> str:
    ours = FOLDER / card.job / CARD_FILE
    same = ours.exists() and ours.read_bytes() == (folder / MODEL / CARD_FILE).read_bytes()
    return "yes" if same else "no"


def _scores(folder: Path, scored: str) -> Table:
    """Return the scores of each validation."""
    with (folder / LOG).open(encoding="utf-8", newline="") as file:
        entries = list(csv.DictReader(file))
    names = [name for name in entries[0] if name not in ("step", "epoch", "loss")]
    rows: list[tuple[Cell, ...]] = [
        (int(entry["step"]), *(float(entry[name]) if entry[name] else None for name in names))
        for entry in entries
        if any(entry[name] for name in names)
    ]
    return Table(
        f"Scores during training, {folder.name}",
        (("step", "d"), *((name, ".3f") for name in names)),
        rows,
        scored,
    )


def _keep(folder: Path, kept: Path, card: ModelCard) -> str:
    """Copy log, curves and settings, and return the Markdown that shows them."""
    kept.mkdir(parents=True, exist_ok=True)
    copies = {name: f"{folder.name}-{name}" for name in (LOG, CURVES, RECIPE)}
    for name, copy in copies.items():
        shutil.copyfile(folder / name, kept / copy)
    facts = ", ".join(f"{name} {value}" for name, value in card.training.items())
    return (
        f"## Log of {folder.name}\n\nFrom the card: {facts}. "
        f"[All settings](training/{copies[RECIPE]}), [loss and scores](training/{copies[LOG]}).\n\n"
        f"![Loss and scores over the steps](training/{copies[CURVES]})"
    )
