"""Content of the frames at a path, and of frames simulated from a recipe."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from skysieve.core.errors import FrameError, SourceError
from skysieve.core.execution.local import run_units
from skysieve.core.fits.locations import find_locations
from skysieve.frames.evaluate.scene_content import SceneJob, measure_content
from skysieve.frames.simulate.truth_frames import read_truth_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skysieve.frames.evaluate.scene_content import FrameContent
    from skysieve.frames.evaluate.settings import SceneSettings

__all__ = ["scene_sets"]

Failed = Callable[[object, Exception], None]
"""Gets a frame that cannot be measured, and its error."""


def scene_sets(
    settings: SceneSettings, *, processes: int, begin: Callable[[], None], failed: Failed
) -> list[tuple[str, Iterator[FrameContent]]]:
    """Return the content of the frames of each path and recipe, measured one at a time.

    Parameters
    ----------
    settings
        Paths, recipes and sizes.
    processes
        Number of processes that simulate.
    begin
        Called at the beginning of each process.
    failed
        Gets a frame that cannot be measured, and its error.

    Returns
    -------
    list of tuple
        Name and frames of each set.
    """
    jobs = [SceneJob(name, settings.size, settings.tile, settings.seed) for name in settings.recipe]
    return [
        *((path, _files(path, settings.tile, failed)) for path in settings.frames),
        *((job.recipe, _scenes(job, settings.number, processes, begin, failed)) for job in jobs),
    ]


def _files(path: str, tile: int, failed: Failed) -> Iterator[FrameContent]:
    for location in find_locations(path):
        try:
            yield measure_content(read_truth_frame(location.path), tile=tile)
        except (FrameError, SourceError) as error:
            failed(location.path, error)


def _scenes(
    job: SceneJob, number: int, processes: int, begin: Callable[[], None], failed: Failed
) -> Iterator[FrameContent]:
    for outcome in run_units(job, range(number), processes=processes, begin=begin):
        if outcome.error is not None:
            failed(f"{job.recipe} {outcome.unit + 1}", outcome.error)
        elif outcome.record is not None:
            yield outcome.record
