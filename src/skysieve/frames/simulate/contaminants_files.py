"""Summary files of simulated frames: a table of their parameters, and a contact sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.core.execution.simulation_files import SeriesFiles
from skysieve.core.fits.header_table import Column, file_table
from skysieve.core.report.contact_sheet import SheetFrame, render_contact_sheet
from skysieve.core.report.preview import PreviewPlane
from skysieve.frames.mask.classes import CLASSES
from skysieve.frames.mask.preview import WIDE
from skysieve.frames.simulate.recipe import Recipe, read_recipe
from skysieve.frames.simulate.truth_frames import read_truth_frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from astropy.table import QTable
    from PIL import Image

    from skysieve.frames.simulate.contaminants_job import ContaminantsRecord

__all__ = ["CONTAMINANTS_FILES", "class_summary", "parameter_table", "truth_sheet"]

COLUMNS = (
    Column("kind", "SIMKIND", "raw, subtracted (sky), resampled, or injected", missing=""),
    Column("source", "SIMSRC", "real frame that contaminants were put into", missing=""),
    Column("recipe", "SIMRECIP", "recipe", missing=""),
    Column("seed", "SIMSEED", "seed of the frame", missing=-1),
    Column("width", "NAXIS1", "columns", missing=-1),
    Column("height", "NAXIS2", "rows", missing=-1),
    Column("lit", "DATASEC", "pixels that saw light; the borders about them are overscan", missing=""),
    Column("psf_fwhm", "PSFFWHM", "FWHM of the PSF", "pix"),
    Column("sky", "SKYELEC", "sky in a pixel, median", "electron"),
    Column("sky_level", "SKYLEVEL", "sky, median; above the bias in simulated frames", "adu"),
    Column("sky_sigma", "SKYSIGMA", "noise of the sky, median", "adu"),
    Column("detector", "DETECTOR", "ccd, or near-infrared array", missing=""),
    Column("gain", "GAIN", "gain", "electron/adu"),
    Column("read_noise", "RDNOISE", "read noise", "electron"),
    Column("bias", "BIASLEV", "bias", "adu"),
    Column("full_well", "FULLWELL", "charge of a full pixel", "electron"),
    Column("saturation", "SATURATE", "value of a full pixel", "adu"),
    Column("pixel_size", "PIXSIZE", "side of a pixel", "um"),
    Column("pixel_scale", "PIXSCALE", "side of a pixel on the sky", "arcsec"),
    Column("thickness", "DETTHICK", "thickness of the sensitive layer", "um"),
    Column("exposure", "EXPTIME", "length of the exposure", "s"),
    Column("aperture", "APERTURE", "diameter of the telescope", "m"),
    Column("vanes", "NVANES", "vanes of the spider", missing=-1),
    Column("bleed_axis", "BLEEDAX", "spills along columns (0) or rows (1)", missing=-1),
)


def parameter_table(records: Sequence[ContaminantsRecord]) -> QTable:
    """Return a table of the parameters and class fractions of frames.

    Parameters
    ----------
    records
        Results of the job.

    Returns
    -------
    QTable
        One row per frame.
    """
    from astropy import units

    table = file_table(records, COLUMNS)
    for cls in CLASSES:
        if cls.code:
            table[cls.name] = [r.fractions[cls.name] for r in records] * units.dimensionless_unscaled
            table[cls.name].info.description = f"part of the pixels: {cls.description}"
    return table


def truth_sheet(records: Sequence[ContaminantsRecord], title: str) -> Image.Image:
    """Draw a contact sheet of frames beside their truth in colour.

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
    planes = [
        PreviewPlane(c.name, c.code, c.colour, c.description)
        for c in sorted((c for c in CLASSES if c.code), key=lambda c: c.name in WIDE)
    ]
    return render_contact_sheet(_sheet_frames(records), planes, title=title)


def _sheet_frames(records: Sequence[ContaminantsRecord]) -> Iterator[SheetFrame]:
    for record in records:
        frame = read_truth_frame(record.path)
        yield SheetFrame(frame.pixels, frame.bits, _caption(record))


def _caption(record: ContaminantsRecord) -> str:
    """Return a caption of two lines: a description of the frame, and its classes."""
    header = record.header
    facts = [record.path.stem]
    if "SIMSRC" in header:
        facts.append(str(header["SIMSRC"]))
    else:
        facts.append(f"{header['SIMKIND']} {header['DETECTOR']}")
        facts.append(f"FWHM {float(header['PSFFWHM']):.1f} px, sky {float(header['SKYELEC']):.3g} e-")
    return f"{', '.join(facts)}\n{class_summary(record)}"


def class_summary(record: ContaminantsRecord) -> str:
    """Return the classes of a frame and the percentage of pixels of each, as text.

    Parameters
    ----------
    record
        Result of one frame.

    Returns
    -------
    str
        Such as ``"CR 0.3%, HP 0.01%"``; ``"nothing"`` if no class has pixels.
    """
    found = [f"{name} {100 * part:.2g}%" for name, part in record.fractions.items() if part > 0]
    return ", ".join(found) or "nothing"


CONTAMINANTS_FILES: SeriesFiles[Recipe, ContaminantsRecord] = SeriesFiles(
    verb="contaminants",
    read_recipe=read_recipe,
    summary=class_summary,
    table=parameter_table,
    sheet=truth_sheet,
)
"""What stands beside the frames of a series."""
