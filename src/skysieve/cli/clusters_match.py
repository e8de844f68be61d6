"""``skysieve clusters match``: cross-match a table of positions with catalogues of known clusters."""

from __future__ import annotations

from skysieve.cli.options import Writing
from skysieve.cli.settings_options import takes_settings
from skysieve.clusters.catalogue.settings import MatchedTable, MatchSettings

__all__ = ["match"]


@takes_settings
def match(settings: MatchSettings, table: MatchedTable, write: Writing) -> None:
    """Cross-match positions with known catalogues; each adds two columns, NAME and NAME_sep.

    Matches are one to one. Positions are taken in the order of their score, or else of their snr; each is
    matched with the nearest known cluster within the radius that is still free. The number of chance matches
    is estimated from the same positions shifted by one degree.

    Example: `skysieve clusters match catalogue.fits --with PSZ2=planck_z.csv --with MCXC=mcxc.fits
    --radius PSZ2=10 -o matched.ecsv`
    """
    from skysieve.clusters.catalogue.matched_files import match_file
    from skysieve.core.execution.terminal_log import start_logging

    start_logging()
    lines = match_file(table.catalogue, table.output, settings, overwrite=write.overwrite)
    for line in lines if not write.quiet else ():
        print(line)
