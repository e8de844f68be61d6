"""Files beside simulated files: the recipe, the table of parameters, and the preview."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from skysieve._version import __version__
from skysieve.core.atomic import atomic_write
from skysieve.core.errors import ConfigError, OutputError
from skysieve.core.execution.simulation_job import SimulatedFile, SimulationRecipe, SimulationSettings
from skysieve.core.simulate.series import MAX_FRAMES, frame_number, frames_in
from skysieve.core.simulate.settings import SeriesSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from astropy.table import QTable
    from PIL import Image

    from skysieve.core.execution.simulation_job import SeriesJob, SimulationJob

__all__ = ["SeriesFiles", "begin_series", "write_preview", "write_recipe", "write_tables"]

MAX_PREVIEWED = 36
"""Maximum number of frames in a preview."""

Record = TypeVar("Record", bound=SimulatedFile)
Recipe = TypeVar("Recipe", bound=SimulationRecipe)
Settings = TypeVar("Settings", bound=SimulationSettings)
Series = TypeVar("Series", bound=SeriesSettings)


@dataclass(frozen=True)
class SeriesFiles(Generic[Recipe, Record]):
    """What stands beside the frames of a series of one kind.

    Attributes
    ----------
    verb
        Name of the command that makes the series.
    read_recipe
        Reads a recipe.
    summary
        Returns the description of a finished frame, for its line.
    table
        Returns the table of parameters.
    sheet
        Draws the preview, with a title.
    write_more
        Writes further files about all frames to the folder.
    """

    verb: str
    read_recipe: Callable[[Path], Recipe]
    summary: Callable[[Record], str]
    table: Callable[[Sequence[Record]], QTable]
    sheet: Callable[[Sequence[Record], str], Image.Image]
    write_more: Callable[[Sequence[Record], Path], None] | None = None


def begin_series(job: SeriesJob[Recipe, Series, Record], files: SeriesFiles[Recipe, Record]) -> None:
    """Check a series, and write its recipe.

    Parameters
    ----------
    job
        Makes the frames.
    files
        What stands beside the frames.

    Raises
    ------
    ConfigError
        If the number of frames or a setting of the job is wrong.
    OutputError
        If the folder holds frames of another series, or cannot be written.
    """
    count, folder = job.settings.count, job.folder
    if not 1 <= count <= MAX_FRAMES:
        raise ConfigError(f"-n {count}: expected a number of frames from 1 to {MAX_FRAMES}")
    job.check()
    if beyond := [path for path in frames_in(folder) if frame_number(path) >= count]:
        # no table would list them
        needed = frame_number(beyond[-1]) + 1
        raise OutputError(
            f"{folder} holds more than {count} frames, as {beyond[0].name}; "
            f"give -n {needed} or more, remove them, or choose another --output"
        )
    write_recipe(files.verb, job, files.read_recipe, what="these frames")


def write_recipe(
    verb: str,
    job: SimulationJob[Recipe, Settings, Record],
    read_recipe: Callable[[Path], Recipe],
    *,
    what: str,
) -> None:
    """Write the complete recipe; this also shows, before any work, whether the folder can be written.

    Parameters
    ----------
    verb
        Name of the command; its whole line is a comment in the recipe.
    job
        The simulation.
    read_recipe
        Reads a recipe of the job's kind.
    what
        What the command makes.

    Raises
    ------
    OutputError
        If the folder holds another recipe, or cannot be written.
    """
    path = job.folder / "recipe.yaml"
    if path.exists() and not job.overwrite and read_recipe(path) != job.recipe:
        raise OutputError(f"{path} is another recipe: use --overwrite, or another --output")
    parts = ["skysieve", "simulate", verb, *job.settings.as_options()]
    command = shlex.join([*parts, "--recipe", "recipe.yaml", "-o", "DIR"])
    with atomic_write(path, overwrite=True) as temporary:
        temporary.write_text(
            f"# skysieve {__version__}; {what} once more:\n# {command}\n{job.recipe.to_yaml()}",
            encoding="utf-8",
        )


def write_tables(records: Sequence[Record], folder: Path, files: SeriesFiles[Recipe, Record]) -> None:
    """Write the table of parameters, and the further files of the series.

    Parameters
    ----------
    records
        Results of the job.
    folder
        Folder of the series.
    files
        What stands beside the frames.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    with atomic_write(folder / "frames.ecsv", overwrite=True) as temporary:
        files.table(records).write(temporary, format="ascii.ecsv", overwrite=True)
    if files.write_more is not None:
        files.write_more(records, folder)


def write_preview(
    records: Sequence[Record],
    job: SeriesJob[Recipe, Series, Record],
    files: SeriesFiles[Recipe, Record],
) -> Path:
    """Write a contact sheet of the first frames.

    Parameters
    ----------
    records
        Results of the job.
    job
        The job.
    files
        What stands beside the frames.

    Returns
    -------
    Path
        The picture.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    path = job.folder / "preview.png"
    drawn = files.sheet(records[:MAX_PREVIEWED], f"{job.recipe.name}: {job.recipe.description}")
    with atomic_write(path, overwrite=True) as temporary:
        drawn.save(temporary, format="PNG", optimize=True)
    return path
