"""``skysieve clusters match``: cross-match a table of positions with catalogues of known clusters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skysieve.cli.options import Debug, Overwrite, Quiet
from skysieve.core.errors import ConfigError
from skysieve.core.settings import read_assignments

if TYPE_CHECKING:
    from skysieve.clusters.catalogue.known_catalogues import KnownCatalogue
    from skysieve.core.fits.cards import HeaderCard

__all__ = ["match", "parse_catalogues"]


def match(
    catalogue: Annotated[
        Path,
        typer.Argument(
            metavar="CATALOG",
            help="Table of positions (FITS, ECSV, CSV or VOTable) with RA, DEC, RAJ2000, DEJ2000, or "
            "GLON, GLAT.",
            show_default=False,
        ),
    ],
    *,
    known: Annotated[
        list[str],
        typer.Option(
            "--with",
            metavar="NAME=FILE",
            help="Known catalogue with a name, as PSZ2=planck_z.csv; may be repeated.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="Output table: .fits, .ecsv, .csv or .vot.",
            show_default=False,
        ),
    ],
    radius: Annotated[
        list[str] | None,
        typer.Option(
            "--radius",
            metavar="NAME=ARCMIN",
            help="Matching radius for a catalogue; default 7' if its name begins with planck, psz or "
            "mcxc, otherwise 5'.",
            show_default=False,
        ),
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    _debug: Debug = False,
) -> None:
    """Cross-match positions with known catalogues; each adds two columns, NAME and NAME_sep.

    Matches are one to one. Positions are taken in the order of their score, or else of their snr; each is
    matched with the nearest known cluster within the radius that is still free. The number of chance matches
    is estimated from the same positions shifted by one degree.

    Example: `skysieve clusters match catalogue.fits --with PSZ2=planck_z.csv --with MCXC=mcxc.fits
    --radius PSZ2=10 -o matched.ecsv`
    """
    from skysieve.cli.running import start_logging
    from skysieve.clusters.catalogue.catalogue import ranking
    from skysieve.clusters.catalogue.catalogue_files import cards_of, check_ending, write_catalogue
    from skysieve.clusters.catalogue.matched_tables import add_matches, check_names
    from skysieve.clusters.catalogue.summary import count_lines
    from skysieve.clusters.simulate.tables import read_sky_table
    from skysieve.core.atomic import check_target
    from skysieve.core.fits.provenance import provenance_cards

    start_logging()
    files = parse_catalogues(known)
    radii = read_assignments("--radius", radius or [])
    check_names(list(files), radii)
    check_ending(output)
    check_target(output, overwrite=overwrite)
    read = read_sky_table(catalogue)
    catalogues = _read_known(files, quiet=quiet)
    cards = cards_of(read.table)
    counts = add_matches(
        read.table,
        read.lon,
        read.lat,
        catalogues,
        radii=radii,
        rank=ranking(read.table) if len(read) else None,
    )
    options = {
        f"match with {one.name}": f"{one.path.name} within {count.radius:g} arcmin"
        for one, count in zip(catalogues, counts, strict=True)
    }
    made = provenance_cards(source=catalogue, options=options)
    write_catalogue(read.table, output, cards=_merge_cards(cards, made), overwrite=overwrite)
    if not quiet:
        for note in read.notes:
            print(f"{catalogue}: {note}")
        for line in count_lines(counts):
            print(line)
        print(f"{output}: {len(read)} rows")


def parse_catalogues(texts: list[str]) -> dict[str, Path]:
    """Read ``NAME=FILE`` options.

    Parameters
    ----------
    texts
        Values of the option ``--with``.

    Returns
    -------
    dict of str to Path
        File of each catalogue, by name.

    Raises
    ------
    ConfigError
        If a value has another form, or a name is given twice.

    Examples
    --------
    >>> {name: str(path) for name, path in parse_catalogues(["PSZ2=planck_z.csv"]).items()}
    {'PSZ2': 'planck_z.csv'}
    """
    files: dict[str, Path] = {}
    for text in texts:
        name, _, file = text.partition("=")
        if not name.strip() or not file.strip():
            raise ConfigError(f"--with {text!r}: expected NAME=FILE, as PSZ2=planck_z.csv")
        if name.strip() in files:
            raise ConfigError(f"--with {name.strip()} is given twice; give each catalogue a name of its own")
        files[name.strip()] = Path(file.strip())
    return files


def _read_known(files: dict[str, Path], *, quiet: bool) -> list[KnownCatalogue]:
    from skysieve.clusters.catalogue.known_catalogues import read_known_catalogue

    catalogues = []
    for name, path in files.items():
        catalogues.append(read_known_catalogue(path, name=name))
        if not quiet:
            for note in catalogues[-1].notes:
                print(f"{path}: {note}")
    return catalogues


def _merge_cards(before: list[HeaderCard], made: list[HeaderCard]) -> list[HeaderCard]:
    """Return the cards of the input table, updated by the new cards; new HISTORY lines come last."""
    new = {keyword for keyword, _, _ in made} - {"HISTORY"}
    kept = [card for card in before if card[0] not in {*new, "CHECKSUM", "DATASUM"}]
    first = [card for card in made if card[0] != "HISTORY"]
    return [*first, *kept, *(card for card in made if card[0] == "HISTORY")]
