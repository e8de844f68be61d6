"""Settings of the training of any network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from skysieve.core.settings import REQUIRED, check_bounds, setting
from skysieve.core.training.kinds import Kinds

if TYPE_CHECKING:
    from skysieve.core.training.recipe import TrainingRecipe

__all__ = ["TrainSettings", "TrainingDevice", "TrainingFolder"]

TrainingDevice = Literal["auto", "cpu", "cuda"]
"""Devices on which networks are trained."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Settings of a training.

    Attributes
    ----------
    recipe
        Recipe of the training: a YAML file, or the name of a recipe in the package.
    init
        Model to start from: a name or a folder.
    workers
        Number of processes that simulate; by default one per CPU core.
    device
        auto: the GPUs if torch finds any; cuda: all visible GPUs.
    steps
        Number of batches, instead of that in the recipe.
    """

    kinds: ClassVar[Kinds] = Kinds(job="contaminants")
    """Networks and losses of the job."""

    recipe: str = setting("contaminants")
    init: str | None = setting(None, metavar="MODEL", hidden_default=True)
    workers: int | None = setting(None, minimum=0, hidden_default=True)
    device: TrainingDevice = setting("auto")
    steps: int | None = setting(None, minimum=1, hidden_default=True)

    def __post_init__(self) -> None:
        """Compare the numbers with their bounds."""
        check_bounds(self)

    def changed(self, recipe: TrainingRecipe) -> TrainingRecipe:
        """Return the recipe with the settings that replace its own.

        Parameters
        ----------
        recipe
            The recipe as it was read.

        Returns
        -------
        TrainingRecipe
            The recipe of the training.
        """
        return recipe if self.steps is None else replace(recipe, steps=self.steps)


@dataclass(frozen=True, kw_only=True)
class TrainingFolder:
    """Folder of a training.

    Attributes
    ----------
    output
        Output folder for checkpoint, curves and model; an interrupted training in it is resumed.
    """

    output: Path = setting(REQUIRED, "-o", "--output", metavar="DIR")
