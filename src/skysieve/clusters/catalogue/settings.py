"""Settings of the cross-match with known catalogues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from skysieve.core.errors import ConfigError
from skysieve.core.settings import REQUIRED, read_assignments, setting

__all__ = ["KnownFiles", "MatchSettings", "MatchedTable", "parse_catalogues"]


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


def _radii(texts: list[str]) -> dict[str, float]:
    return read_assignments("--radius", texts)


@dataclass(frozen=True, kw_only=True)
class KnownFiles:
    """Known catalogues with which a search matches its candidates.

    Attributes
    ----------
    known
        Known catalogue with a name, as PSZ2=planck_z.csv; may be repeated.
    """

    known: Mapping[str, Path] = setting(
        {}, "--with", factory=dict, metavar="NAME=FILE", text_type=list[str], read=parse_catalogues
    )


@dataclass(frozen=True, kw_only=True)
class MatchSettings(KnownFiles):
    """Settings of the cross-match of a table.

    Attributes
    ----------
    radius
        Matching radius for a catalogue; default 7' if its name begins with planck, psz or mcxc, otherwise 5'.
    """

    known: Mapping[str, Path] = setting(
        REQUIRED, "--with", metavar="NAME=FILE", text_type=list[str], read=parse_catalogues
    )
    radius: Mapping[str, float] = setting(
        {}, factory=dict, metavar="NAME=ARCMIN", text_type=list[str], read=_radii
    )


@dataclass(frozen=True, kw_only=True)
class MatchedTable:
    """Table whose positions are matched.

    Attributes
    ----------
    catalogue
        Table of positions (FITS, ECSV, CSV or VOTable) with RA, DEC, RAJ2000, DEJ2000, or GLON, GLAT.
    output
        Output table: .fits, .ecsv, .csv, .vot or .parquet.
    """

    catalogue: Path = setting(REQUIRED, argument=True, metavar="CATALOG")
    output: Path = setting(REQUIRED, "-o", "--output", metavar="OUT")
