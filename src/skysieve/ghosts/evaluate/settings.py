"""Settings of the evaluation of the detection of ghosts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skysieve.core.settings import REQUIRED, setting
from skysieve.ghosts.annotations.settings import AnnotatedPictures

__all__ = ["GhostEvaluation"]


@dataclass(frozen=True, kw_only=True)
class GhostEvaluation(AnnotatedPictures):
    """Models that are evaluated, and the pictures on which.

    Attributes
    ----------
    model
        Model to evaluate: a name, or a folder with a card; may be repeated.
    """

    pictures: Path = setting(REQUIRED, metavar="DIR")
    annotations: list[Path] = setting(REQUIRED, metavar="FILE")
    model: list[str] = setting(REQUIRED)
