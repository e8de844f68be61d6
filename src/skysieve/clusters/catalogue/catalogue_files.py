"""Tables of clusters onto disk: FITS, ECSV, CSV or VOTable, each with what made them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skysieve.core.atomic import atomic_write
from skysieve.core.errors import OutputError, SourceError
from skysieve.core.fits.cards import set_cards
from skysieve.core.fits.provenance import provenance_cards

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from skysieve.core.fits.cards import HeaderCard

__all__ = ["ENDINGS", "cards_of", "catalogue_cards", "check_ending", "write_catalogue"]

ENDINGS = (".fits", ".fits.gz", ".fit", ".ecsv", ".csv", ".vot", ".xml")
"""Endings of names, each of which means a form."""

_MOST_SOURCES = 99
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
    """Return the cards that say how a catalogue, or a map beside it, came to be.

    Parameters
    ----------
    sources
        The maps, or tables; ``SRC01`` and so on, with ``SUM01``, the ``DATASUM`` that the file states.
    finder
        ``network``, ``mmf`` or ``both``; ``FINDER``.
    model, model_sha256, engine, precision, thresholds, options
        See :func:`skysieve.core.fits.provenance.provenance_cards`; names of thresholds have four letters at
        most.
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
    for number, path in enumerate(sources[:_MOST_SOURCES], 1):
        own.append((f"SRC{number:02d}", path.name, "file that this was made of"))
        if stated := _stated_sum(path):
            own.append((f"SUM{number:02d}", stated, "DATASUM of its data"))
    # What is last may be many lines
    return [*(c for c in cards if c[0] != "HISTORY"), *own, *(c for c in cards if c[0] == "HISTORY")]


def cards_of(table: Any) -> list[HeaderCard]:
    """Return the cards that a table which was read carries; descriptions of columns go to these."""
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


def write_catalogue(table: Any, path: Path, *, cards: Iterable[HeaderCard], overwrite: bool) -> None:
    """Write a table, whole or not at all, in the form that the ending of the name says.

    Parameters
    ----------
    table
        An ``astropy.table.Table``; its own ``meta`` is left out.
    path
        Where to; see :data:`ENDINGS`.
    cards
        What made it: header cards in FITS, ``meta`` in ECSV, INFO in VOTable; CSV has no place for it.
    overwrite
        Whether a file that is there may be replaced.

    Raises
    ------
    OutputError
        If the ending is another one, or the file is there or cannot be written.
    """
    ending = check_ending(path)
    plain = table.copy()
    plain.meta.clear()
    if ending in (".fits", ".fits.gz", ".fit"):
        _write_fits(plain, path, list(cards), overwrite=overwrite)
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
    """Return the ending of the name of a table.

    Raises
    ------
    OutputError
        If no form has it.
    """
    lower = path.name.lower()
    for ending in ENDINGS:
        if lower.endswith(ending):
            return ending
    raise OutputError(f"{path}: no form of tables has this ending; give {', '.join(ENDINGS)}")


def _stated_sum(path: Path) -> str:
    """Return the DATASUM of the first table or image of a file, or nothing."""
    from astropy.io import fits

    try:
        with fits.open(path, memmap=False) as hdus:
            for hdu in hdus:
                if hdu.header.get("NAXIS", 0):
                    return str(hdu.header.get("DATASUM", "")).strip()
    except (OSError, SourceError, fits.VerifyError):
        # Not FITS, or a name that stands for several files
        return ""
    return ""


def _write_fits(table: Any, path: Path, cards: list[HeaderCard], *, overwrite: bool) -> None:
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


def _write_votable(table: Any, path: Path, cards: list[HeaderCard]) -> None:
    from astropy.io.votable import from_table
    from astropy.io.votable.tree import Info

    votable = from_table(table)
    for field in votable.get_first_table().fields:
        # some releases of astropy write the unit of pure numbers as '---', which readers refuse
        if not str(field.unit):
            field.unit = None
    votable.description = "Galaxy clusters: candidates, and their partners in known catalogues"
    for keyword, value, comment in cards:
        info = Info(name=keyword, value=str(value))
        if comment:
            info.content = comment
        votable.resources[0].infos.append(info)
    votable.to_xml(str(path))


def _as_meta(cards: Iterable[HeaderCard]) -> dict[str, Any]:
    meta: dict[str, Any] = {}
    for keyword, value, _ in cards:
        if keyword in ("HISTORY", "COMMENT"):
            meta.setdefault(keyword, []).append(value)
        else:
            meta[keyword] = value
    return meta
