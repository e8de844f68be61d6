"""``skysieve view``: look at the mask of one file in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skysieve.cli.options import Debug, Quiet

__all__ = ["view"]


def view(
    frame: Annotated[str, typer.Argument(metavar="FRAME", help="FITS file of frames, or a mask.")],
    *,
    mask: Annotated[
        Path | None,
        typer.Option(metavar="MASK", help="Mask of the file, if it is not beside it under its default name."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Folder of the page; by default in the user's cache."
        ),
    ] = None,
    is_opened: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Look at the mask of one file in a browser.

    Examples
    --------
    `skysieve view frame.fits` · `skysieve view frame.mask.fits` · `skysieve view frame.fits --mask m.fits`
    """
    import webbrowser

    from skysieve.cli.options import Run
    from skysieve.cli.report import make_report
    from skysieve.cli.running import start_logging
    from skysieve.core.fits.locations import Location, parse_location
    from skysieve.frames.report.masks import mask_of_frame, view_folder
    from skysieve.frames.report.settings import ReportSettings, ReportTables

    start_logging()
    location = parse_location(frame)
    found = mask_of_frame(location) if mask is None else Location(mask)
    settings = ReportSettings(frames=[location.path.resolve().parent], title=location.path.name)
    folder = view_folder(found.path) if output is None else output
    how = Run(overwrite=True, quiet=quiet, debug=debug)
    page = make_report([found], folder, settings, ReportTables(), how)
    if is_opened and not webbrowser.open(page.resolve().as_uri()) and not quiet:
        print("no browser was found; open the page yourself")
