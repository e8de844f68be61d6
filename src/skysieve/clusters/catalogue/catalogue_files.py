"""Write tables of clusters as FITS, ECSV, CSV, VOTable or Parquet, with their provenance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.core.atomic import atomic_write
from skysieve.core.errors import OutputError, SourceError
from skysieve.core.fits.cards import set_cards
from skysieve.core.fits.provenance import provenance_cards
from skysieve.core.tables.parquet import ENDING as PARQUET
from skysieve.core.tables.result_table import write_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from astropy.table import Table

    from skysieve.core.fits.cards import HeaderCard, HeaderValue

__all__ = ["ENDINGS", "cards_of", "catalogue_cards", "check_ending", "write_catalogue"]

ENDINGS = (".fits", ".fits.gz", ".fit", ".ecsv", ".csv", ".vot", ".xml", PARQUET)
"""File name extensions of the supported formats."""

_MAX_SOURCES = 99
_COMMENT = "TCOMM"


def catalogue_cards(
    *,
    sources: Sequence[Path] = (),
    finder: str | None = None,
    model: str | None = None,
    model_sha256: str | None = None,
    engine: str | None = None,
    precision: str | None = None,
    thresholds: Mapping[str, float] | None = None,
    options: Mapping[str, object] | None = None,
) -> list[HeaderCard]:
    """Return header cards with the provenance of a catalogue, or of a map of the same search.

    Parameters
    ----------
    sources
        Input maps or tables: ``SRC01`` and so on.  ``SUM01`` is the ``DATASUM`` in the header of the file.
    finder
        ``network``, ``mmf`` or ``both``: ``FINDER``.
    model, model_sha256, engine, precision, thresholds, options
        See :func:`skysieve.core.fits.provenance.provenance_cards`.  Names of thresholds have at most four
        letters.

    Returns
    -------
    list of HeaderCard
        ``HISTORY`` cards come last.
    """
    cards = provenance_cards(
        model=model,
        model_sha256=model_sha256,
        engine=engine,
        precision=precision,
        thresholds=thresholds,
        options=options,
    )
    own: list[HeaderCard] = [] if finder is None else [("FINDER", finder, "how candidates were found")]
    for number, path in enumerate(sources[:_MAX_SOURCES], 1):
        own.append((f"SRC{number:02d}", path.name, "file that this was made of"))
        if stated := _stated_sum(path):
            own.append((f"SUM{number:02d}", stated, "DATASUM of its data"))
    # HISTORY may have many lines, so it comes last
    return [*(c for c in cards if c[0] != "HISTORY"), *own, *(c for c in cards if c[0] == "HISTORY")]


def cards_of(table: Table) -> list[HeaderCard]:
    """Return the header cards in the metadata of a table that was read from a file.

    ``TCOMMn`` cards become the descriptions of the columns, in place.

    Parameters
    ----------
    table
        Table whose ``meta`` holds the header of its file.

    Returns
    -------
    list of HeaderCard
        All other cards with a valid keyword.
    """
    cards: list[HeaderCard] = []
    for key, value in table.meta.items():
        keyword = str(key).upper()
        if keyword.startswith(_COMMENT) and keyword[len(_COMMENT) :].isdecimal():
            number = int(keyword[len(_COMMENT) :])
            if 1 <= number <= len(table.colnames) and not table.columns[number - 1].description:
                table.columns[number - 1].description = str(value)
        elif keyword in ("HISTORY", "COMMENT", "COMMENTS"):
            lines = [value] if isinstance(value, str) else list(value)
            kind = keyword.removesuffix("S")
            cards += [(kind, line.strip(), "") for line in map(str, lines) if line.strip()]
        elif len(keyword) <= 8 and keyword.isascii() and isinstance(value, str | int | float):
            cards.append((keyword, value, ""))
    return cards


def write_catalogue(table: Table, path: Path, *, cards: Iterable[HeaderCard], overwrite: bool) -> None:
    """Write a table atomically, in the format of the file name extension.

    Parameters
    ----------
    table
        Table to write, without its ``meta``.
    path
        Output file; see :data:`ENDINGS`.
    cards
        Provenance: header cards in FITS, ``meta`` in ECSV, INFO in VOTable, metadata in Parquet.  CSV cannot
        hold it.
    overwrite
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If the extension is not supported, or the file exists or cannot be written.
    """
    ending, cards = check_ending(path), list(cards)
    plain = table.copy()
    plain.meta.clear()
    if ending in (".fits", ".fits.gz", ".fit"):
        _write_fits(plain, path, list(cards), overwrite=overwrite)
        return
    if ending == PARQUET:
        meta = {name: value for name, value in _as_meta(cards).items() if name not in ("HISTORY", "COMMENT")}
        history = "\n".join(str(value) for name, value, _ in cards if name == "HISTORY")
        write_table(plain, path, overwrite=overwrite, meta={**meta, "HISTORY": history})
        return
    with atomic_write(path, overwrite=overwrite) as temporary:
        if ending in (".vot", ".xml"):
            _write_votable(plain, temporary, list(cards))
        elif ending == ".csv":
            plain.write(temporary, format="ascii.csv", overwrite=True)
        else:
            plain.meta.update(_as_meta(cards))
            plain.write(temporary, format="ascii.ecsv", overwrite=True)


def check_ending(path: Path) -> str:
    """Return the extension of the file name of a table.

    Parameters
    ----------
    path
        File name; case is ignored.

    Returns
    -------
    str
        One of :data:`ENDINGS`.

    Raises
    ------
    OutputError
        If the extension is not supported.
    """
    lower = path.name.lower()
    for ending in ENDINGS:
        if lower.endswith(ending):
            return ending
    raise OutputError(f"{path}: no form of tables has this ending; give {', '.join(ENDINGS)}")


def _stated_sum(path: Path) -> str:
    """Return the DATASUM in the header of the first table or image of a file, or an empty string."""
    from astropy.io import fits

    try:
        with fits.open(path, memmap=False) as hdus:
            for hdu in hdus:
                if hdu.header.get("NAXIS", 0):
                    return str(hdu.header.get("DATASUM", "")).strip()
    except (OSError, SourceError, fits.VerifyError):
        # Not FITS, or a name that matches several files
        return ""
    return ""


def _write_fits(table: Table, path: Path, cards: list[HeaderCard], *, overwrite: bool) -> None:
    from astropy.io import fits

    from skysieve.core.fits.fits_out import write_fits

    for column in table.columns.values():
        column.meta.clear()
    hdu = fits.table_to_hdu(table)
    hdu.header["EXTNAME"] = "CLUSTERS"
    descriptions: list[HeaderCard] = [
        (f"{_COMMENT}{number}", str(column.description), "")
        for number, column in enumerate(table.columns.values(), 1)
        if column.description
    ]
    reserved = {str(keyword) for keyword in hdu.header}
    set_cards(
        hdu.header,
        [*descriptions, *(c for c in cards if c[0] in ("HISTORY", "COMMENT") or c[0] not in reserved)],
    )
    write_fits([fits.PrimaryHDU(), hdu], path, overwrite=overwrite)


def _write_votable(table: Table, path: Path, cards: list[HeaderCard]) -> None:
    from astropy.io.votable import from_table
    from astropy.io.votable.tree import Info

    votable = from_table(table)
    for field in votable.get_first_table().fields:
        # Some releases of astropy write the unit of dimensionless columns as '---', which readers reject
        if not str(field.unit):
            field.unit = None
    votable.description = "Galaxy clusters: candidates, and their partners in known catalogues"
    for keyword, value, comment in cards:
        info = Info(name=keyword, value=str(value))
        if comment:
            info.content = comment
        votable.resources[0].infos.append(info)
    votable.to_xml(str(path))


def _as_meta(cards: Iterable[HeaderCard]) -> dict[str, object]:
    meta: dict[str, object] = {}
    remarks: dict[str, list[HeaderValue]] = {}
    for keyword, value, _ in cards:
        if keyword in ("HISTORY", "COMMENT"):
            meta[keyword] = remarks.setdefault(keyword, [])
            remarks[keyword].append(value)
        else:
            meta[keyword] = value
    return meta
