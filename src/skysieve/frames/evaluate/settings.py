"""Settings of evaluations on frames with truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skysieve.core.settings import check_bounds, setting
from skysieve.frames.simulate.settings import MIN_SIDE

__all__ = [
    "ContaminantEvaluation",
    "ModelsAndFrames",
    "ProbeProducts",
    "ProbeSettings",
    "SceneSettings",
    "TableFile",
]


@dataclass(frozen=True, kw_only=True)
class ModelsAndFrames:
    """Models that are evaluated, and the frames on which.

    Attributes
    ----------
    model
        Model to evaluate: a name, or a folder with a card; may be repeated.
    frames
        Frames of `skysieve simulate`: a folder, glob or list; each gives a separate test set.
    """

    model: list[str] = setting([], factory=list, hidden_default=True)
    frames: list[str] = setting([], factory=list, metavar="PATH", hidden_default=True)

    def __post_init__(self) -> None:
        """Compare the numbers with their bounds."""
        check_bounds(self)


@dataclass(frozen=True, kw_only=True)
class ContaminantEvaluation(ModelsAndFrames):
    """Settings of an evaluation of the detection of contaminants.

    Attributes
    ----------
    recipe
        Recipe from which frames are simulated: a file or name; each gives a separate test set.
    number
        Number of frames to simulate for each recipe.
    seed
        Seed of the simulated frames; each further recipe uses the next seed.
    size
        Side of the simulated frames, in pixels.
    confusion_frames
        Also write the confusion table of each frame, as ECSV.
    """

    recipe: list[str] = setting([], factory=list, hidden_default=True)
    number: int = setting(40, "-n", "--number", minimum=1)
    seed: int = setting(0, minimum=0)
    size: int = setting(1024, minimum=MIN_SIDE)
    confusion_frames: bool = setting(False)


@dataclass(frozen=True, kw_only=True)
class ProbeSettings:
    """Settings of a test on probes.

    Attributes
    ----------
    model
        Model to test: a name, or a folder with a card; may be repeated.
    only
        Only probes with matching names, as '*spikes*'; may be repeated.
    draws
        Number of random realisations of each probe.
    """

    model: list[str] = setting(["skysieve"], factory=lambda: ["skysieve"])
    only: list[str] = setting([], factory=list, metavar="PATTERN", hidden_default=True)
    draws: int = setting(1, minimum=1)

    def __post_init__(self) -> None:
        """Compare the numbers with their bounds."""
        check_bounds(self)


@dataclass(frozen=True, kw_only=True)
class SceneSettings:
    """Settings of statistics of the classes in frames.

    Attributes
    ----------
    recipe
        Recipe from which frames are simulated: a file or name; may be repeated.
    frames
        Frames of `skysieve simulate contaminants`: a folder, glob or list; may be repeated.
    number
        Number of frames to simulate for each recipe.
    seed
        Seed of the simulated frames.
    size
        Side of the simulated frames, in pixels.
    tile
        Side of the tiles, in pixels.
    min_pixels
        Minimum number of pixels of a class for a frame or tile to count.
    """

    recipe: list[str] = setting([], factory=list, hidden_default=True)
    frames: list[str] = setting([], factory=list, metavar="PATH", hidden_default=True)
    number: int = setting(120, "-n", "--number", minimum=1)
    seed: int = setting(0, minimum=0)
    size: int = setting(768, minimum=MIN_SIDE)
    tile: int = setting(256, minimum=16)
    min_pixels: int = setting(100, "--least", minimum=1)

    def __post_init__(self) -> None:
        """Compare the numbers with their bounds."""
        check_bounds(self)


@dataclass(frozen=True, kw_only=True)
class TableFile:
    """Table of an evaluation.

    Attributes
    ----------
    output
        Output table, as ECSV.
    """

    output: Path | None = setting(None, "-o", "--output", metavar="FILE", hidden_default=True)


@dataclass(frozen=True, kw_only=True)
class ProbeProducts(TableFile):
    """Products of a test on simple scenes.

    Attributes
    ----------
    preview
        Output image, as PNG: each scene next to the mask of the first model.
    markdown
        Print the tables as Markdown.
    """

    preview: Path | None = setting(None, metavar="FILE", hidden_default=True)
    markdown: bool = setting(False)
