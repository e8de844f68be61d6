"""Write the products of a search: catalogue, regions, maps, footprint and summary, all of them or none."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from astropy.io import fits

from skysieve.clusters.catalogue.catalogue_files import write_catalogue
from skysieve.clusters.catalogue.products_footprint import area_of, write_footprint
from skysieve.clusters.catalogue.products_regions import write_regions
from skysieve.clusters.catalogue.summary import make_summary, summary_text
from skysieve.clusters.maps.healpix_maps import write_healpix_map
from skysieve.core.atomic import atomic_write, check_target
from skysieve.core.fits.cards import set_cards
from skysieve.core.tables.parquet import check_parquet

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from astropy.table import Table
    from numpy.typing import NDArray

    from skysieve.clusters.catalogue.matched_tables import MatchCount
    from skysieve.core.fits.cards import HeaderCard, HeaderValue

__all__ = [
    "CATALOGUE",
    "SEARCH_ID",
    "FoundClusters",
    "check_products",
    "product_names",
    "read_search_id",
    "write_products",
]

CATALOGUE = "catalogue.fits"
SUMMARY = "summary.json"
SEARCH_ID = "SEARCHID"
"""Header keyword of the SHA-256 of all that the products depend on."""


@dataclass(frozen=True, eq=False)
class FoundClusters:
    """Results of a search.

    Attributes
    ----------
    catalogue
        Candidates; see :func:`skysieve.clusters.catalogue.catalogue.make_catalogue`.
    footprint : ndarray of bool, shape (npix,)
        Searched pixels, in Galactic coordinates.
    maps : mapping of ndarray of float32, shape (npix,)
        Maps of the scores ``probability`` and ``snr``; NaN where nothing was computed.  Their resolution may
        differ from that of the footprint.
    nested
        Whether the footprint and the maps are in NESTED order.
    cards
        Provenance; see :func:`skysieve.clusters.catalogue.catalogue_files.catalogue_cards`.
    counts
        Matches with known catalogues; see
        :func:`skysieve.clusters.catalogue.matched_tables.add_matches`.
    """

    catalogue: Table
    footprint: NDArray[np.bool_]
    maps: Mapping[str, NDArray[np.float32]]
    nested: bool
    cards: Sequence[HeaderCard]
    counts: Sequence[MatchCount] = ()


def write_products(
    found: FoundClusters,
    folder: Path,
    *,
    votable: bool = False,
    parquet: bool = False,
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Write all products of a search to a folder, or none of them.

    The products are ``catalogue.fits`` and ``catalogue.ecsv``, ``catalogue.vot`` and ``catalogue.parquet`` on
    request, ``catalogue.reg`` for DS9, a HEALPix map of each score such as ``probability.fits``, the
    footprint as a MOC in ``footprint.fits``, and ``summary.txt`` and ``summary.json``.

    Parameters
    ----------
    found
        Results of the search.
    folder
        Output folder.
    votable
        Whether to write a VOTable, too.
    parquet
        Whether to write a Parquet file, too.
    overwrite
        Whether existing files may be replaced.

    Returns
    -------
    tuple of Path
        The files, the catalogue first.

    Raises
    ------
    OutputError
        If a file exists or cannot be written.
    FrameError
        If the footprint is empty.
    """
    check_products(folder, votable=votable, parquet=parquet, maps=tuple(found.maps), overwrite=overwrite)
    summary = make_summary(found.catalogue, found.counts, area=area_of(found.footprint), cards=found.cards)
    written: list[Path] = []
    # All files are moved into place together, when the stack closes
    with ExitStack() as stack:

        def path_of(name: str) -> Path:
            written.append(folder / name)
            return stack.enter_context(atomic_write(written[-1], overwrite=overwrite))

        for name in _tables(votable=votable, parquet=parquet):
            write_catalogue(found.catalogue, path_of(name), cards=found.cards, overwrite=True)
        write_regions(found.catalogue, path_of("catalogue.reg"), overwrite=True)
        for name, values in found.maps.items():
            write_healpix_map(
                path_of(f"{name}.fits"),
                values,
                nested=found.nested,
                frame="G",
                unit="",
                column=name.upper(),
                overwrite=True,
                cards=_by_keyword(found.cards),
                partial=True,
            )
        write_footprint(
            found.footprint, path_of("footprint.fits"), nested=found.nested, cards=found.cards, overwrite=True
        )
        path_of("summary.txt").write_text(summary_text(summary, found.counts), encoding="utf-8")
        path_of(SUMMARY).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return tuple(written)


def product_names(*, votable: bool, maps: Sequence[str], parquet: bool = False) -> list[str]:
    """Return the file names of all products of a search.

    Parameters
    ----------
    votable
        Whether a VOTable is written.
    maps
        Names of the maps, such as ``probability``.
    parquet
        Whether a Parquet file is written.

    Returns
    -------
    list of str
        The file names, the catalogue first.
    """
    others = ["catalogue.reg", "footprint.fits", "summary.txt", SUMMARY]
    return [*_tables(votable=votable, parquet=parquet), *others, *(f"{one}.fits" for one in maps)]


def check_products(
    folder: Path,
    *,
    votable: bool = False,
    parquet: bool = False,
    maps: Sequence[str] = ("probability",),
    overwrite: bool = False,
    replaced: Container[str] = (),
) -> None:
    """Check that the products may be written, before a search of hours.

    Parameters
    ----------
    folder
        Output folder.
    votable
        Whether a VOTable is written.
    parquet
        Whether a Parquet file is written.
    maps
        Names of the maps, such as ``probability``.
    overwrite
        Whether existing files may be replaced.
    replaced
        Names of files that may be replaced in any case.

    Raises
    ------
    ConfigError
        If pyarrow is needed and not installed.
    OutputError
        If a file exists and may not be replaced, or a name is a folder.
    """
    if parquet:
        check_parquet()
    for name in product_names(votable=votable, parquet=parquet, maps=maps):
        check_target(folder / name, overwrite=overwrite or name in replaced)


def read_search_id(folder: Path) -> str | None:
    """Return the SHA-256 of all that finished products depend on, from their summary.

    Parameters
    ----------
    folder
        Folder of the products.

    Returns
    -------
    str or None
        None if there is no valid summary.
    """
    try:
        return str(json.loads((folder / SUMMARY).read_bytes())["provenance"][SEARCH_ID])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _by_keyword(cards: Sequence[HeaderCard]) -> dict[str, tuple[HeaderValue, str]]:
    """Return values and comments by keyword, without HISTORY; comments that do not fit are dropped."""
    header = fits.Header()
    set_cards(header, [card for card in cards if card[0] != "HISTORY"])
    return {card.keyword: (card.value, card.comment) for card in header.cards}


def _tables(*, votable: bool, parquet: bool) -> list[str]:
    further = {"catalogue.vot": votable, "catalogue.parquet": parquet}
    return [CATALOGUE, "catalogue.ecsv", *(name for name, wanted in further.items() if wanted)]
