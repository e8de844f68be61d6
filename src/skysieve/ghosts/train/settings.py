"""Settings of the training on focal planes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from skysieve.core.errors import ConfigError
from skysieve.core.settings import setting
from skysieve.core.training.kinds import Kinds
from skysieve.core.training.settings import TrainSettings
from skysieve.ghosts.annotations.settings import AnnotatedPictures

__all__ = ["GhostTrainSettings"]


@dataclass(frozen=True, kw_only=True)
class GhostTrainSettings(AnnotatedPictures, TrainSettings):
    """Settings of a training of the network that finds ghosts.

    Attributes
    ----------
    pictures
        Real focal planes with ghosts, which are injected into simulated planes; see --annotations.
    """

    kinds: ClassVar[Kinds] = Kinds(job="ghosts", networks=("mask-rcnn",))

    recipe: str = setting("ghosts")
    pictures: Path | None = setting(None, metavar="DIR", hidden_default=True)

    def check(self) -> None:
        """Check that the settings of real ghosts go together.

        Raises
        ------
        ConfigError
            If they do not.
        """
        if (self.pictures is None) != (not self.annotations):
            raise ConfigError("--pictures and --annotations go together: give both, or none")
        if self.names is not None and self.pictures is None:
            raise ConfigError("--names chooses among --pictures: give these, too")
