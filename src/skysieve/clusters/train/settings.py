"""Settings of the training on maps with known clusters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from skysieve.clusters.networks.segmenters import SEGMENTERS
from skysieve.core.settings import REQUIRED, setting
from skysieve.core.training.kinds import Kinds
from skysieve.core.training.settings import TrainSettings

if TYPE_CHECKING:
    from skysieve.core.training.recipe import TrainingRecipe

__all__ = ["LOSSES", "ClusterTrainSettings"]

LOSSES = {
    "bce": "CrossEntropy",
    "focal": "Focal",
    "dice": "Dice",
    "focal-dice": "FocalDice",
    "tversky": "Tversky",
    "focal-tversky": "FocalTversky",
    "combo": "Combo",
    "cosine-tversky": "CosineTversky",
    "mixed-focal": "MixedFocal",
}
"""Class of each loss in :mod:`skysieve.clusters.train.losses`, by the names that recipes use."""


@dataclass(frozen=True, kw_only=True)
class ClusterTrainSettings(TrainSettings):
    """Settings of a training of a network that finds clusters.

    Attributes
    ----------
    maps
        Folder with maps, clusters.fits and sources.fits, written by `skysieve simulate sky`; may be repeated.
    network
        Architecture, instead of that in the recipe.
    loss
        Loss, instead of that in the recipe.
    scores
        Calibrate the scores of candidates at the end, by searching the maps.
    """

    kinds: ClassVar[Kinds] = Kinds(job="clusters", networks=tuple(SEGMENTERS), losses=tuple(LOSSES))

    maps: list[Path] = setting(REQUIRED, metavar="DIR")
    recipe: str = setting("clusters")
    network: str | None = setting(None, choices=tuple(SEGMENTERS), hidden_default=True)
    loss: str | None = setting(None, choices=tuple(LOSSES), hidden_default=True)
    scores: bool = setting(True)

    def changed(self, recipe: TrainingRecipe) -> TrainingRecipe:
        """Return the recipe with the settings that replace its own.

        Parameters
        ----------
        recipe
            The recipe as it was read.

        Returns
        -------
        TrainingRecipe
            The recipe of the training: another network has the same widths, another loss its usual exponent.
        """
        recipe = super().changed(recipe)
        if self.network is not None:
            recipe = replace(recipe, network=replace(recipe.network, kind=self.network))
        if self.loss is not None and self.loss != recipe.loss.kind:
            recipe = replace(recipe, loss=recipe.loss.of_kind(self.loss))
        return recipe
