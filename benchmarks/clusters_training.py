"""Training of the network for clusters, from the folders of its two trainings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skies import TRAINING_SEEDS
from training import shown_trainings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from results import Result

__all__ = ["measure"]


def measure(*, trainings: Sequence[str], output: Path) -> Result:
    """Copy the logs of both trainings to the folder of the page, and show them."""
    return shown_trainings(
        "How the network for clusters was trained",
        "By `skysieve train clusters` with the recipe `clusters`, and from there with the recipe "
        f"`clusters-proper`, on simulated skies of seeds {', '.join(map(str, TRAINING_SEEDS))}; this page "
        "was made from the folders of both. Minutes include the making of patches, but not the calibration "
        "of probabilities and scores that follows.",
        trainings,
        output,
        scored="On patches of the validation tiles, which no training patch covers, at the threshold "
        "of the highest Dice coefficient.",
    )
