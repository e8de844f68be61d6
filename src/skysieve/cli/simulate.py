"""``skysieve simulate``: simulate images with known truth."""

from __future__ import annotations

from dataclasses import replace

import typer

from skysieve.cli.options import Overwriting, Run
from skysieve.cli.settings_options import Given, takes_settings
from skysieve.clusters.simulate.settings import SkyFolder, SkySettings
from skysieve.core.errors import ConfigError
from skysieve.core.extras import require
from skysieve.core.simulate.settings import SeriesFolder
from skysieve.frames.simulate.settings import ContaminantSeries, FrameFile, FrameSeries, SingleFrame
from skysieve.ghosts.simulate.settings import GhostSeries

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Simulate images with known truth.")


@app.command("contaminants")
@takes_settings
def simulate_contaminants(folder: SeriesFolder, settings: ContaminantSeries, given: Given, run: Run) -> None:
    """Simulate frames with contaminants, and the true classes of each pixel.

    Each frame is a FITS file with its truth in the HDU TRUTH, a mask of bit planes. The folder also gets the
    table of all parameters, frames.ecsv, and the complete recipe, recipe.yaml.

    Examples
    --------
    `skysieve simulate contaminants -n 100 --seed 1 -o frames/ --recipe decam --preview`

    `skysieve simulate contaminants -n 20 -o mine/ --recipe my_camera.yaml --clean-frames night/ -j 4`
    """
    require("simulation", "simulate")
    from skysieve.cli.simulating import make_series
    from skysieve.frames.simulate.contaminants_files import CONTAMINANTS_FILES
    from skysieve.frames.simulate.contaminants_job import ContaminantsSimulationJob
    from skysieve.frames.simulate.recipe import read_recipe

    recipe = read_recipe(settings.recipe)
    if settings.clean_frames is not None and "shape" in given:
        raise ConfigError("--size does not go with --clean-frames: real frames keep their size")
    job = ContaminantsSimulationJob(recipe, folder.output, settings, run.overwrite)
    make_series(job, CONTAMINANTS_FILES, run)


@app.command("tracking")
@takes_settings
def simulate_tracking(folder: SeriesFolder, settings: FrameSeries, run: Run) -> None:
    """Simulate frames with and without tracking errors.

    Each frame is a FITS file with its truth in the header: SLIP (T or F), SLIPKIND (kind of the error) and
    SLIPEXT (rms extent of the motion, in FWHM). The folder also gets the table of all parameters,
    frames.ecsv, and the complete recipe, recipe.yaml.

    Example: `skysieve simulate tracking -n 100 --seed 1 -o frames/ --preview`
    """
    require("simulation", "simulate")
    from skysieve.cli.simulating import make_series
    from skysieve.frames.simulate.recipe import read_recipe
    from skysieve.frames.simulate.tracking_files import TRACKING_FILES
    from skysieve.frames.simulate.tracking_job import TrackingSimulationJob

    job = TrackingSimulationJob(read_recipe(settings.recipe), folder.output, settings, run.overwrite)
    make_series(job, TRACKING_FILES, run)


@app.command("ghosts")
@takes_settings
def simulate_ghosts(folder: SeriesFolder, settings: GhostSeries, run: Run) -> None:
    """Simulate focal planes of DECam or another camera, half of them with ghosts.

    Each picture is a FITS file with its truth in two HDUs: TRUTH has one bit per class, GHOSTS all pixels of
    each ghost. The folder also gets the annotations of all pictures, annotations.json (COCO), the table of
    all parameters, frames.ecsv, and the complete recipe, recipe.yaml.

    Example: `skysieve simulate ghosts -n 100 --seed 1 -o planes/ --preview`
    """
    require("simulation", "simulate")
    from skysieve.cli.simulating import make_series
    from skysieve.ghosts.simulate import read_ghost_recipe
    from skysieve.ghosts.simulate.files import GHOSTS_FILES
    from skysieve.ghosts.simulate.job import GhostSimulationJob

    recipe = read_ghost_recipe(settings.recipe)
    if settings.camera_file is not None:
        recipe = replace(recipe, camera=str(settings.camera_file))
    if settings.optics_file is not None:
        recipe = replace(recipe, optics=str(settings.optics_file))
    make_series(GhostSimulationJob(recipe, folder.output, settings, run.overwrite), GHOSTS_FILES, run)


@app.command("frame")
@takes_settings
def simulate_frame(file: FrameFile, settings: SingleFrame, write: Overwriting) -> None:
    """Simulate one frame with every contaminant of the recipe.

    Example: `skysieve simulate frame -o frame.fits --seed 1`
    """
    require("simulation", "simulate")
    from skysieve.core.fits.fits_out import write_fits
    from skysieve.frames.simulate.contaminants_job import showcase_hdus

    write_fits(showcase_hdus(settings), file.output, overwrite=write.overwrite)
    print(f"frame: {file.output}")


@app.command("sky")
@takes_settings
def simulate_sky(folder: SkyFolder, settings: SkySettings, run: Run) -> None:
    """Simulate the microwave sky in Planck's six high-frequency bands, with known clusters.

    Each band is a HEALPix map in Galactic coordinates, sky_100.fits and so on, in the unit of Planck's own
    maps. The folder also gets the clusters, clusters.fits, the compact sources, sources.fits, and the
    complete recipe, recipe.yaml. An interrupted run is resumed by the same command.

    Examples
    --------
    `skysieve simulate sky -o sky/ --seed 1`

    `skysieve simulate sky -o small/ --seed 1 --cap 12 --recipe my_sky.yaml`
    """
    require("simulating skies", "sky")
    from skysieve.cli.running import Failures, run_and_report
    from skysieve.clusters.simulate.files import SkySimulationJob, write_truth
    from skysieve.clusters.simulate.recipe import read_sky_recipe
    from skysieve.core.execution.simulation_files import write_recipe
    from skysieve.core.execution.terminal_log import start_logging

    start_logging()
    job = SkySimulationJob(read_sky_recipe(settings.recipe), folder.output, settings, run.overwrite)
    job.check()
    write_recipe("sky", job, read_sky_recipe, what="this sky")
    clusters, sources = write_truth(job)
    if not run.quiet:
        truth = job.truth
        print(f"{clusters}: {len(truth.clusters)} clusters; {sources}: {len(truth.sources)} sources")
    failures = Failures(debug=run.debug)
    records = run_and_report(job, job.units(), run, failures, what="maps")
    failures.finish(len(list(records)))
