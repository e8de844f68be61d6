"""Settings of the trainings on frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from skysieve.core.errors import ConfigError
from skysieve.core.settings import REQUIRED, check_bounds, setting
from skysieve.core.training.kinds import Kinds
from skysieve.core.training.settings import TrainSettings

__all__ = [
    "DOMAIN_FRAMES",
    "DOMAIN_SIDE",
    "ContaminantTrainSettings",
    "DomainSettings",
    "TrackingTrainSettings",
]

DOMAIN_FRAMES = 600
"""Number of frames from which statistics are measured, enough for quantiles of 0.5 %."""

DOMAIN_SIDE = 512
"""Side of these frames in pixels."""

MIN_DOMAIN_FRAMES, MIN_DOMAIN_SIDE = 20, 256


@dataclass(frozen=True, kw_only=True)
class ContaminantTrainSettings(TrainSettings):
    """Settings of a training of the network that masks contaminants.

    Attributes
    ----------
    clean_frames
        Your own frames without contaminants; simulated contaminants are injected into crops of them.
    footprints
        Footprints of real cosmic rays (npz), used for half of the cosmic rays; may be repeated.
    kept
        Folder in which simulated frames are stored and reused, for a revision with the predictions of the
        first network.
    """

    kinds: ClassVar[Kinds] = Kinds(job="contaminants", networks=("revision",))

    clean_frames: Path | None = setting(None, metavar="DIR", hidden_default=True)
    footprints: list[Path] = setting([], factory=list, metavar="FILE", hidden_default=True)
    kept: Path | None = setting(None, "--keep", metavar="DIR", hidden_default=True)


@dataclass(frozen=True, kw_only=True)
class TrackingTrainSettings(TrainSettings):
    """Settings of a training of the network that detects tracking errors.

    Attributes
    ----------
    kept
        Folder in which simulated frames are stored and reused.
    """

    kinds: ClassVar[Kinds] = Kinds(job="tracking")

    recipe: str = setting("tracking")
    kept: Path | None = setting(None, "--keep", metavar="DIR", hidden_default=True)


@dataclass(frozen=True, kw_only=True)
class DomainSettings:
    """Settings of the frames from which the statistics of training frames are measured.

    Attributes
    ----------
    folder
        Folder of a model for contaminants or tracking.
    recipe
        Recipe of its training frames: a YAML file, or the name of a recipe in the package; default: that of
        the model's job.
    clean_frames
        Folder of clean frames used in its training, if any; every second frame uses them.
    frames
        Number of frames to simulate.
    side
        Side of the simulated frames, in pixels.
    seed
        Random seed.
    """

    folder: Path = setting(REQUIRED, argument=True)
    recipe: str | None = setting(None, hidden_default=True)
    clean_frames: Path | None = setting(None, hidden_default=True)
    frames: int = setting(DOMAIN_FRAMES, "-n", "--frames")
    side: int = setting(DOMAIN_SIDE)
    seed: int = setting(0, minimum=0)

    def __post_init__(self) -> None:
        """Check the number and size of the frames."""
        check_bounds(self)
        if self.frames < MIN_DOMAIN_FRAMES:
            raise ConfigError(f"--frames {self.frames}: expected {MIN_DOMAIN_FRAMES} or more")
        if self.side < MIN_DOMAIN_SIDE:
            raise ConfigError(f"--side {self.side}: expected {MIN_DOMAIN_SIDE} px or more")
