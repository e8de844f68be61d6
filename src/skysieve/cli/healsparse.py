"""``skysieve healsparse``: make healsparse maps of the masks of a survey."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.cli.options import Run
from skysieve.cli.settings_options import takes_settings
from skysieve.core.errors import NoFrameError
from skysieve.core.printable import printable
from skysieve.frames.survey.settings import MapSettings, SurveyFiles, SurveySettings

if TYPE_CHECKING:
    from skysieve.frames.survey.maps import SurveyMap

__all__ = ["healsparse"]


@takes_settings
def healsparse(files: SurveyFiles, settings: SurveySettings, maps: MapSettings, how: Run) -> None:
    """Make healsparse maps of the masks of a survey.

    Each file of masks is projected to the sky once, into a part in FOLDER/parts. Parts that are there are
    kept, so that the command continues a run that was stopped, and adds new masks to a survey. The maps are
    made of all parts: one bit-packed boolean map per class, True where any mask is marked; MASKED for all bad
    pixels, and OBSERVED for the area with data.

    Examples
    --------
    `skysieve healsparse masks/ -o survey/` · `skysieve healsparse masks/ -o survey/ --by-band --moc 12 -j 4`
    """
    from skysieve.cli.reporting import counter
    from skysieve.cli.running import Failures, run_and_report
    from skysieve.core.execution.terminal_log import start_logging
    from skysieve.core.fits.file_units import gather_units
    from skysieve.core.temporaries import sweep_temporaries
    from skysieve.frames.survey.job import SurveyJob
    from skysieve.frames.survey.maps import AREAS, write_maps
    from skysieve.frames.survey.parts import PARTS

    start_logging()
    masks, output = files.masks, files.output
    job = SurveyJob(output, settings, overwrite=how.overwrite)
    job.check()
    failures = Failures(debug=how.debug)
    units = gather_units(masks, job.units, failures)
    for folder in (output, output / PARTS):
        sweep_temporaries(folder)
    done, kept = 0, 0
    for _, record in run_and_report(job, units, how, failures, what="masks"):
        done, kept = done + 1, kept + record.kept
    if units and failures.skipped == len(units):
        raise NoFrameError(
            f"{', '.join(masks)}: none of the {failures.skipped} files is a mask with named planes; give "
            "masks of `skysieve mask` in the format bits"
        )
    if done and not maps.parts_only:
        made = write_maps(
            output, settings.nside, maps, overwrite=how.overwrite, progress=counter(quiet=how.quiet)
        )
        if not how.quiet:
            for one in made:
                print(_describe_map(one))
            print(f"areas: {printable(output / AREAS)}")
    failures.finish(done)


def _describe_map(one: SurveyMap) -> str:
    moc = f", {printable(one.moc)}" if one.moc is not None else ""
    kept = ", was there" if one.kept else ""
    return f"{printable(one.path)}{moc}: {one.area:.6g} square degrees{kept}"
