"""How models were trained: what the folders of their trainings hold."""

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
    """Keep the logs of trainings beside the page, and show them."""
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
    """Keep the logs of trainings beside a page, and return the page.

    Parameters
    ----------
    title, how
        Of the page.
    trainings
        Folders that ``skysieve train`` wrote; the copies have their names.
    output
        Folder of the page.
    scored
        What scores on the way are of.

    Raises
    ------
    RuntimeError
        If there is no training.
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
        f"Scores on the way, {folder.name}",
        (("step", "d"), *((name, ".3f") for name in names)),
        rows,
        scored,
    )


def _keep(folder: Path, kept: Path, card: ModelCard) -> str:
    """Copy the log, the picture and the settings, and return what is to be said of them."""
    kept.mkdir(parents=True, exist_ok=True)
    copies = {name: f"{folder.name}-{name}" for name in (LOG, CURVES, RECIPE)}
    for name, copy in copies.items():
        shutil.copyfile(folder / name, kept / copy)
    facts = ", ".join(f"{name} {value}" for name, value in card.training.items())
    return (
        f"## Log of {folder.name}\n\nSaid by the card: {facts}. "
        f"[All settings](training/{copies[RECIPE]}), [loss and scores](training/{copies[LOG]}).\n\n"
        f"![Loss and scores over the steps](training/{copies[CURVES]})"
    )
