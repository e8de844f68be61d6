"""``skysieve ghosts predict``: predict reflections of bright stars by ray tracing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skysieve.cli.options import Debug, Overwrite, Quiet
from skysieve.core.errors import ConfigError

__all__ = ["ghosts_predict"]

SKY, MIN_LEVEL, MIN_CCD_FRACTION, FILTER_POSITION = 21.0, 0.01, 0.01, -50.0
"""Defaults; all but the third repeat those of the library, which the help does not import, to be fast."""


def ghosts_predict(
    *,
    ra: Annotated[
        str,
        typer.Option("--ra", metavar="DEG|H:M:S", help="Right ascension of the field's centre."),
    ],
    dec: Annotated[
        str,
        typer.Option("--dec", metavar="DEG|D:M:S", help="Declination of the field's centre."),
    ],
    stars: Annotated[
        Path,
        typer.Option(
            "--stars",
            metavar="CATALOG",
            help="Bright stars: a table (FITS, VOTable, ECSV, CSV) with right ascension, declination, "
            "magnitude.",
        ),
    ],
    magnitude: Annotated[
        str | None,
        typer.Option(
            "--magnitude",
            metavar="COLUMN",
            help="Column of the table with magnitudes in the band of the exposure.",
            show_default=False,
        ),
    ] = None,
    sky: Annotated[
        float, typer.Option("--sky", help="Sky brightness in magnitudes per square arcsecond.")
    ] = SKY,
    faintest: Annotated[
        float,
        typer.Option(
            "--faintest", help="Minimum surface brightness of a ghost, as a fraction of the sky brightness."
        ),
    ] = MIN_LEVEL,
    filter_place: Annotated[
        float,
        typer.Option(
            "--filter-place",
            metavar="MM",
            help="Position of the filter in the filter changer: -90, -50 or 0 mm from that of the optical "
            "prescription, towards the detector.",
        ),
    ] = FILTER_POSITION,
    least: Annotated[
        float,
        typer.Option(
            "--least", help="Minimum fraction of a CCD that a ghost must cover to touch it.", min=0, max=1
        ),
    ] = MIN_CCD_FRACTION,
    table: Annotated[
        Path | None,
        typer.Option(
            "--table", help="Output table of the ghosts (ECSV, or Parquet by its name).", show_default=False
        ),
    ] = None,
    ccds: Annotated[
        Path | None,
        typer.Option(
            "--ccds",
            help="Output table of the CCDs that ghosts touch (ECSV, or Parquet by its name).",
            show_default=False,
        ),
    ] = None,
    preview: Annotated[
        Path | None,
        typer.Option("--preview", metavar="PNG", help="Output image of the focal plane.", show_default=False),
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Predict the reflections of bright stars on DECam's focal plane, by ray tracing, without an exposure.

    Predicts reflections only: scattered light (the class Rays) cannot be predicted. The brightness of a
    reflection is uncertain by a factor of two.

    Examples
    --------
    `skysieve ghosts predict --ra 05:34:31.9 --dec -05:23:28 --stars bright.csv --ccds exclude.ecsv`

    `skysieve ghosts predict --ra 83.63 --dec 22.01 --stars gaia.fits --magnitude phot_g_mean_mag --preview
    g.png`
    """
    del debug
    from skysieve.core.atomic import atomic_write, check_target
    from skysieve.core.tables.result_table import write_table
    from skysieve.ghosts.focal_plane.decam import decam
    from skysieve.ghosts.focal_plane.star_catalogues import read_bright_stars
    from skysieve.ghosts.predict.prediction import Pointing, predict_ghosts
    from skysieve.ghosts.predict.prediction_products import (
        draw_prediction,
        predicted_ccd_table,
        predicted_ghost_table,
    )

    pointing = Pointing(_degrees("--ra", ra, hours=True), _degrees("--dec", dec, hours=False))
    for path in (table, ccds, preview):
        if path is not None:
            check_target(path, overwrite=overwrite)
    found = predict_ghosts(
        read_bright_stars(stars, magnitude=magnitude),
        pointing,
        sky=sky,
        faintest=faintest,
        min_ccd_fraction=least,
        filter_place=filter_place,
    )
    if not quiet:
        for number, ghost in enumerate(found, 1):
            touched = ", ".join(f"{ccd} ({100 * part:.0f}%)" for ccd, part in ghost.ccds.items())
            print(
                f"{number} {ghost.class_name} {100 * ghost.level:.3g}% of the sky, star {ghost.star} "
                f"({ghost.magnitude:.1f} mag, {ghost.angle:.2f} deg off): CCDs {touched}"
            )
        if not found:
            print("no ghosts")
    if table is not None:
        write_table(predicted_ghost_table(found, pointing), table, overwrite=overwrite)
    if ccds is not None:
        write_table(predicted_ccd_table(found, decam(), pointing), ccds, overwrite=overwrite)
    if preview is not None:
        title = f"{ra} {dec}: reflections of {stars.name}"
        with atomic_write(preview, overwrite=overwrite) as temporary:
            draw_prediction(found, decam(), title=title).save(temporary, format="PNG")


def _degrees(option: str, text: str, *, hours: bool) -> float:
    """Return an angle in degrees: a number in degrees, or sexagesimal, right ascensions in hours.

    Raises
    ------
    ConfigError
        If the text is neither.
    """
    try:
        return float(text)
    except ValueError:
        from astropy import units
        from astropy.coordinates import Angle

        try:
            return float(Angle(text, unit=units.hourangle if hours else units.deg).deg)
        except ValueError:
            form = "05:34:31.9" if hours else "-05:23:28"
            raise ConfigError(f"{option} {text}: expected degrees, or {form} and the like") from None
