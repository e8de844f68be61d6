"""Sets of test frames: files, or frames simulated from recipes; and their evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from skysieve.core.errors import ConfigError, FrameError, SourceError
from skysieve.core.evaluation.comparison import EvaluatedSet
from skysieve.core.fits.locations import find_locations
from skysieve.frames.simulate.truth_frames import simulated_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from skysieve.core.evaluation.comparison import ScoredDetector
    from skysieve.frames.evaluate.settings import ContaminantEvaluation

__all__ = ["FrameSet", "evaluate_sets", "file_set", "name_models", "simulated_sets"]


class _Evaluation(Protocol):
    """Evaluation of detectors on frames, for either job."""

    def update(self, frame: Any, /) -> None: ...

    def results(self) -> dict[str, ScoredDetector]: ...


class _Named(Protocol):
    name: str


@dataclass
class FrameSet:
    """A set of test frames, which are read or simulated one at a time.

    Attributes
    ----------
    name, description
        Name and description of the set.
    count
        Number of frames.
    frames
        The frames.
    """

    name: str
    description: str
    count: int
    frames: Iterable[Any]


def file_set(path: str, read: Callable[[Path], Any], failed: Callable[[object, Exception], None]) -> FrameSet:
    """Return the frames at a path.

    Parameters
    ----------
    path
        Folder, glob or list.
    read
        Reads a file.
    failed
        Gets the files that cannot be read.

    Returns
    -------
    FrameSet
        The frames, each read when it is requested.

    Raises
    ------
    SourceError
        If there is nothing at the path.
    """
    found = [location.path for location in find_locations(path)]

    def frames() -> Iterator[Any]:
        for file in found:
            try:
                frame = read(file)
            except (FrameError, SourceError) as error:
                failed(file, error)
                continue
            yield frame

    return FrameSet(Path(path).resolve().stem, f"{len(found)} files of {path}.", len(found), frames())


def simulated_sets(settings: ContaminantEvaluation) -> list[FrameSet]:
    """Return a set of simulated frames for each recipe.

    Parameters
    ----------
    settings
        Recipes, number, size and seed of the frames. Each recipe has its own seed, so that their frames do
        not share random draws.

    Returns
    -------
    list of FrameSet
        The frames, each simulated when it is requested.
    """
    count, side = settings.number, settings.size
    return [
        FrameSet(
            Path(name).stem,
            f"{count} frames of {side} × {side} px simulated now by the recipe {name}, seed {seed}.",
            count,
            simulated_frames(name, count, seed=seed, side=side),
        )
        for seed, name in enumerate(settings.recipe, settings.seed)
    ]


def name_models(detectors: Sequence[_Named], given: Sequence[str]) -> None:
    """Replace names shared by several models by those with which the models were given.

    Parameters
    ----------
    detectors
        The models.
    given
        Names or folders with which they were given.
    """
    names = [detector.name for detector in detectors]
    for detector, text in zip(detectors, given, strict=True):
        if names.count(detector.name) > 1:
            detector.name = text


def evaluate_sets(
    sets: Sequence[FrameSet],
    make_evaluation: Callable[[], _Evaluation],
    failed: Callable[[object, Exception], None],
    *,
    report: Callable[[str], None],
    not_averaged: tuple[str, ...] = (),
) -> tuple[list[EvaluatedSet], bool]:
    """Evaluate detectors on sets of frames; an interrupt ends the evaluation early.

    Parameters
    ----------
    sets
        The frames; sets that share a name are numbered.
    make_evaluation
        Makes the evaluation of a set.
    failed
        Gets the frames that cannot be evaluated.
    report
        Gets a line about each finished frame.
    not_averaged
        See :class:`skysieve.core.evaluation.comparison.EvaluatedSet`.

    Returns
    -------
    list of EvaluatedSet
        The sets with at least one finished frame.
    bool
        Whether an interrupt ended the evaluation.

    Raises
    ------
    ConfigError
        If there are no sets.
    """
    if not sets:
        raise ConfigError("no frames to evaluate on; give --frames or --recipe")
    names = [one.name for one in sets]
    for index, one in enumerate(sets):
        if names.count(names[index]) > 1:
            one.name = f"{names[index]}-{names[: index + 1].count(names[index])}"
    evaluated: list[EvaluatedSet] = []
    for one, evaluation in zip(sets, [make_evaluation() for _ in sets], strict=True):
        count, interrupted = 0, False
        try:
            for frame in one.frames:
                try:
                    evaluation.update(frame)
                except FrameError as error:
                    failed(frame.name, error)
                    continue
                count += 1
                report(f"{one.name} {count}/{one.count}: {frame.name}")
        except KeyboardInterrupt:
            interrupted = True
        if count:
            note = f" Interrupted after {count} frames." if interrupted else ""
            evaluated.append(
                EvaluatedSet(one.name, one.description + note, evaluation.results(), not_averaged)
            )
        if interrupted:
            return evaluated, True
    return evaluated, False
