"""``skysieve maximask`` and ``maxitrack``: drop-in replacements of the published commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from skysieve.cli.options import Debugging, Run
from skysieve.cli.settings_options import takes_settings
from skysieve.core.printable import printable
from skysieve.frames.maximask.settings import PublishedMasking, PublishedTracking

if TYPE_CHECKING:
    from skysieve.core.fits.locations import Location
    from skysieve.frames.mask.job import MaskRecord
    from skysieve.frames.track.job import TrackRecord

__all__ = ["maximask", "maxitrack"]

PRODUCT = Path("maxitrack.out")


@takes_settings
def maximask(settings: PublishedMasking, how: Debugging) -> None:
    """Mask frames like the published command, with the same options, files and products.

    Known errors of the published command are corrected: see the page on the drop-in commands.

    Example: `skysieve maximask night.list --config_dir my_config --single_mask True`
    """
    from skysieve.cli.running import Failures, run_and_report
    from skysieve.core.execution.terminal_log import start_logging
    from skysieve.core.fits.file_units import find_units, with_own_product
    from skysieve.frames.mask.config_files import read_class_config
    from skysieve.frames.mask.job import MaskJob
    from skysieve.frames.mask.model import MAXIMASK
    from skysieve.frames.mask.settings import MaskSettings

    start_logging(verbose=settings.verbose)
    config = None if settings.config_dir is None else read_class_config(settings.config_dir)
    thresholded = settings.proba_thresh
    job = MaskJob(
        settings=MaskSettings(
            model=settings.model_of(MAXIMASK),
            classes=config.classes if config else MaskSettings.classes,
            priors=(config.priors if config else {}) if settings.prior_modif else None,
            thresholds=config.thresholds if config else {},
            batch_size=settings.batch_size,
        ),
        suffix=f".{settings.suffix}{{hdu}}.fits",
        form="single" if settings.single_mask else "cube" if thresholded else "probabilities",
        overwrite=True,
    )

    def describe(unit: Location, record: MaskRecord) -> str:
        return f"{printable(unit)}: {printable(record.product)} in {record.seconds:.2f} s"

    failures = Failures(debug=how.debug)
    units = find_units([settings.im_path], job.units, failures)
    units = with_own_product(units, job.product, failures, overwrite=True)
    run = Run(quiet=not settings.verbose)
    done = list(run_and_report(job, units, run, failures, describe=describe))
    failures.finish(len(done))


@takes_settings
def maxitrack(settings: PublishedTracking, how: Debugging) -> None:
    """Append tracking probabilities to `maxitrack.out`, with the options of the published command.

    Known errors of the published command are corrected: see the page on the drop-in commands.

    Example: `skysieve maxitrack night.list --prior 0.02`
    """
    from skysieve.cli.running import Failures, run_and_report
    from skysieve.core.execution.terminal_log import start_logging
    from skysieve.core.fits.file_units import find_units
    from skysieve.frames.track.job import TrackJob
    from skysieve.frames.track.model import MAXITRACK
    from skysieve.frames.track.products import append_published_line
    from skysieve.frames.track.settings import TrackSettings

    start_logging(verbose=settings.verbose)
    job = TrackJob(
        TrackSettings(
            model=settings.model_of(MAXITRACK), prior=settings.prior, batch_size=settings.batch_size
        ),
        fraction=settings.fraction,
    )

    def describe(unit: Location, record: TrackRecord) -> str:
        return f"{printable(unit)}: {record.probability:.4f} in {record.seconds:.2f} s"

    failures = Failures(debug=how.debug)
    units = find_units([settings.im_path], job.units, failures)
    done = 0
    run = Run(quiet=not settings.verbose)
    for unit, record in run_and_report(job, units, run, failures, describe=describe):
        append_published_line(PRODUCT, str(unit), record.probability)
        done += 1
    failures.finish(done)
