"""How the network for clusters was trained: what the folders of its two trainings hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skies import LEARNT
from training import shown_trainings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from results import Result

__all__ = ["measure"]


def measure(*, trainings: Sequence[str], output: Path) -> Result:
    """Keep the logs of both trainings beside the page, and show them."""
    return shown_trainings(
        "How the network for clusters was trained",
        "By `skysieve train clusters` with the recipe `clusters`, and from there with the recipe "
        f"`clusters-proper`, on simulated skies of seeds {', '.join(map(str, LEARNT))}; this page was made "
        "from the folders of both. Minutes are those of the training, patches included, without the "
        "calibration and the fit of scores that follow.",
        trainings,
        output,
        scored="On patches of the tiles for validation, which no patch for training shows, at the threshold "
        "of the highest Dice coefficient.",
    )
