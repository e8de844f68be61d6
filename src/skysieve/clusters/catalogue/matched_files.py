"""Cross-match of a file of positions with files of known catalogues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.clusters.catalogue.catalogue import ranking
from skysieve.clusters.catalogue.catalogue_files import cards_of, check_ending, write_catalogue
from skysieve.clusters.catalogue.known_catalogues import read_known_catalogue
from skysieve.clusters.catalogue.matched_tables import add_matches, check_names
from skysieve.clusters.catalogue.summary import count_lines
from skysieve.clusters.simulate.tables import read_sky_table
from skysieve.core.atomic import check_target
from skysieve.core.fits.provenance import provenance_cards

if TYPE_CHECKING:
    from pathlib import Path

    from skysieve.clusters.catalogue.settings import MatchSettings
    from skysieve.core.fits.cards import HeaderCard

__all__ = ["match_file"]


def match_file(catalogue: Path, output: Path, settings: MatchSettings, *, overwrite: bool) -> list[str]:
    """Match the positions of a table with known catalogues, and write it with two columns for each.

    Parameters
    ----------
    catalogue
        The table.
    output
        The table to write.
    settings
        Known catalogues and matching radii.
    overwrite
        Whether an existing file may be replaced.

    Returns
    -------
    list of str
        Lines about the catalogues, the table and the numbers of matches.

    Raises
    ------
    ConfigError
        If the names of the catalogues, a radius or the name of the output are not valid.
    OutputError
        If the output cannot be written.
    SourceError
        If a table cannot be read.
    """
    check_names(list(settings.known), settings.radius)
    check_ending(output)
    check_target(output, overwrite=overwrite)
    read = read_sky_table(catalogue)
    known = [read_known_catalogue(path, name=name) for name, path in settings.known.items()]
    cards = cards_of(read.table)
    counts = add_matches(
        read.table,
        read.lon,
        read.lat,
        known,
        radii=settings.radius,
        rank=ranking(read.table) if len(read) else None,
    )
    options = {
        f"match with {one.name}": f"{one.path.name} within {count.radius:g} arcmin"
        for one, count in zip(known, counts, strict=True)
    }
    made = provenance_cards(source=catalogue, options=options)
    write_catalogue(read.table, output, cards=_merge_cards(cards, made), overwrite=overwrite)
    return [
        *(f"{one.path}: {note}" for one in known for note in one.notes),
        *(f"{catalogue}: {note}" for note in read.notes),
        *count_lines(counts),
        f"{output}: {len(read)} rows",
    ]


def _merge_cards(before: list[HeaderCard], made: list[HeaderCard]) -> list[HeaderCard]:
    """Return the cards of the input table, updated by the new cards; new HISTORY lines come last."""
    new = {keyword for keyword, _, _ in made} - {"HISTORY"}
    kept = [card for card in before if card[0] not in {*new, "CHECKSUM", "DATASUM"}]
    first = [card for card in made if card[0] != "HISTORY"]
    return [*first, *kept, *(card for card in made if card[0] == "HISTORY")]
