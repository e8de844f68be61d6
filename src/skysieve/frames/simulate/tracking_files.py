"""Summary files of simulated tracking frames: a table of their parameters, and a contact sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.execution.simulation_files import SeriesFiles
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.header_table import Column, file_table
from skysieve.core.fits.locations import Location
from skysieve.core.report.contact_sheet import SheetFrame, render_contact_sheet
from skysieve.frames.simulate.recipe import Recipe, read_recipe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from astropy.table import QTable
    from PIL import Image

    from skysieve.core.execution.simulation_job import SimulatedFile

__all__ = ["TRACKING_FILES", "frame_sheet", "parameter_table"]

COLUMNS = (
    Column("slip", "SLIP", "whether there is a tracking error", missing=False),
    Column("slip_kind", "SLIPKIND", "what moved the images", missing=""),
    Column("slip_extent", "SLIPEXT", "rms of the motion on its main axis, in FWHM"),
    Column("stars", "NSTARS", "stars that stand out", missing=-1),
    Column("kind", "SIMKIND", "raw, subtracted (sky) or resampled", missing=""),
    Column("recipe", "SIMRECIP", "recipe", missing=""),
    Column("seed", "SIMSEED", "seed of the frame", missing=-1),
    Column("width", "NAXIS1", "columns", missing=-1),
    Column("height", "NAXIS2", "rows", missing=-1),
    Column("psf_fwhm", "PSFFWHM", "FWHM of the PSF, without motion", "pix"),
    Column("detector", "DETECTOR", "ccd, or near-infrared array", missing=""),
    Column("gain", "GAIN", "gain", "electron/adu"),
    Column("read_noise", "RDNOISE", "read noise", "electron"),
    Column("exposure", "EXPTIME", "length of the exposure", "s"),
)


def parameter_table(records: Sequence[SimulatedFile]) -> QTable:
    """Return a table of the parameters of frames.

    Parameters
    ----------
    records
        Results of the job.

    Returns
    -------
    QTable
        One row per frame.
    """
    return file_table(records, COLUMNS)


def frame_sheet(records: Sequence[SimulatedFile], title: str) -> Image.Image:
    """Draw a contact sheet of frames with their labels.

    Parameters
    ----------
    records
        Results of the job.
    title
        Title of the sheet.

    Returns
    -------
    PIL.Image.Image
        The sheet.

    Raises
    ------
    SourceError
        If a frame cannot be read.
    """
    return render_contact_sheet(_sheet_frames(records), title=title)


def _sheet_frames(records: Sequence[SimulatedFile]) -> Iterator[SheetFrame]:
    for record in records:
        with FrameFile(Location(record.path)) as file:
            frame = file.planes[0]
            pixels, nodata = frame.rows(0, frame.shape[0])
        pixels[nodata] = np.nan
        header = record.header
        label = f"{header['SLIPKIND']}, {float(header['SLIPEXT']):.2f} FWHM rms"
        details = f"{header['SIMKIND']} {header['DETECTOR']}, FWHM {float(header['PSFFWHM']):.1f} px"
        yield SheetFrame(pixels, None, f"{record.path.stem}, {label}\n{details}, {header['NSTARS']} stars")


def _summary(record: SimulatedFile) -> str:
    return f"{record.header['SLIPKIND']}, {record.header['SLIPEXT']} FWHM rms"


TRACKING_FILES: SeriesFiles[Recipe, SimulatedFile] = SeriesFiles(
    verb="tracking", read_recipe=read_recipe, summary=_summary, table=parameter_table, sheet=frame_sheet
)
"""What stands beside the frames of a series."""
