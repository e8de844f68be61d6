"""``skysieve defects``: find the defects of detectors in the frames of a night."""

from __future__ import annotations

from skysieve.cli.options import Run
from skysieve.cli.settings_options import takes_settings
from skysieve.frames.defects.settings import DefectFiles, DefectSettings

__all__ = ["defects"]


@takes_settings
def defects(files: DefectFiles, settings: DefectSettings, how: Run) -> None:
    """Find the pixels and columns of detectors that are hot or dead in all frames.

    The sky must move between the frames by more than the size of a star. Frames are grouped by the cards that
    name the detector. The result is a map for each detector, which `skysieve mask --defects FOLDER` uses.

    Examples
    --------
    `skysieve defects night/ -o defects/` · `skysieve mask night/ -o masks/ --defects defects/`
    """
    from skysieve.cli.running import Failures, run_and_report
    from skysieve.core.errors import NoFrameError, OutputError
    from skysieve.core.execution.terminal_log import start_logging
    from skysieve.core.fits.file_units import find_units
    from skysieve.core.fits.locations import find_locations
    from skysieve.core.temporaries import sweep_temporaries
    from skysieve.frames.defects.groups import group_frames
    from skysieve.frames.defects.job import DefectJob

    start_logging()
    paths, output = files.paths, files.output
    if output.exists() and not output.is_dir():
        raise OutputError(f"cannot write {output}: it is a file; name a folder")
    failures = Failures(debug=how.debug)
    units = find_units(paths, find_locations, failures)
    detectors = group_frames(units, failures)
    if units and not detectors and not failures.lines:
        raise NoFrameError(f"{', '.join(paths)}: no file holds a frame")
    sweep_temporaries(output)
    job = DefectJob(output, settings, overwrite=how.overwrite)
    done = len(list(run_and_report(job, detectors, how, failures, what="detectors")))
    failures.finish(done)
