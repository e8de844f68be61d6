"""``skysieve view``: look at the mask of one file in a browser."""

from __future__ import annotations

from skysieve.cli.options import Messages
from skysieve.cli.settings_options import takes_settings
from skysieve.frames.report.settings import ViewedFile

__all__ = ["view"]


@takes_settings
def view(file: ViewedFile, how: Messages) -> None:
    """Look at the mask of one file in a browser.

    Examples
    --------
    `skysieve view frame.fits` · `skysieve view frame.mask.fits` · `skysieve view frame.fits --mask m.fits`
    """
    import webbrowser

    from skysieve.cli.options import Run
    from skysieve.cli.report import make_report
    from skysieve.core.execution.terminal_log import start_logging
    from skysieve.core.fits.locations import Location, parse_location
    from skysieve.frames.report.masks import mask_of_frame, view_folder
    from skysieve.frames.report.settings import ReportSettings, ReportTables

    start_logging()
    location = parse_location(file.frame)
    found = mask_of_frame(location) if file.mask is None else Location(file.mask)
    settings = ReportSettings(frames=[location.path.resolve().parent], title=location.path.name)
    folder = view_folder(found.path) if file.output is None else file.output
    run = Run(overwrite=True, quiet=how.quiet, debug=how.debug)
    page = make_report([found], folder, settings, ReportTables(), run)
    if file.is_opened and not webbrowser.open(page.resolve().as_uri()) and not how.quiet:
        print("no browser was found; open the page yourself")
