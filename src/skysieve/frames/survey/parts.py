"""Parts of a survey: one file for each file of masks, with its pixels on the sky.

A part has a table ``INDEX`` of blocks of the sky, pixels of the coverage map, and an image ``RUNS`` of bytes
with the packed runs of each block, see :mod:`skysieve.frames.survey.runs`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from skysieve._version import __version__
from skysieve.core.errors import ConfigError, SourceError
from skysieve.core.fits.cards import set_cards
from skysieve.core.fits.fits_integrity import open_intact
from skysieve.core.fits.fits_out import write_fits
from skysieve.core.fits.hdu_layout import one_line, quiet
from skysieve.frames.survey.mask_files import MASKED
from skysieve.frames.survey.runs import add_runs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderCard
    from skysieve.frames.survey.settings import SurveySettings

__all__ = ["PARTS", "Part", "Parts", "check_nside", "part_header", "write_part"]

PARTS = "parts"
"""Folder of the parts in that of the survey."""

_INDEX = np.dtype([("block", np.int32), ("part", np.int32), ("start", np.int64), ("size", np.int64)])


@dataclass(frozen=True)
class Part:
    """What the header of a part says.

    Attributes
    ----------
    path
        The file.
    band
        Name of the band, or empty.
    planes
        Bits by name.
    bad
        Names of the planes of bad pixels.
    checksum
        DATASUM of its runs.
    """

    path: Path
    band: str
    planes: dict[str, int]
    bad: tuple[str, ...]
    checksum: str


def write_part(
    path: Path,
    rows: Sequence[tuple[int, bytes]],
    planes: Sequence[str],
    *,
    settings: SurveySettings,
    bad: Sequence[str],
    band: str,
    source: str,
) -> None:
    """Write a part.

    Parameters
    ----------
    path
        The file; an existing one is replaced.
    rows
        Blocks and their runs; a block may occur several times.
    planes
        Names of the bits of the runs, from bit 0.
    settings
        Settings of the projection.
    bad
        Names of the planes of bad pixels.
    band
        Name of the band.
    source
        Name of the file of masks.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    sizes = np.array([len(content) for _, content in rows], np.int64)
    index = fits.BinTableHDU.from_columns(
        [
            fits.Column("BLOCK", "J", array=np.array([block for block, _ in rows], np.int32)),
            fits.Column("START", "K", array=np.cumsum(sizes) - sizes),
            fits.Column("SIZE", "K", array=sizes),
        ],
        name="INDEX",
    )
    runs = fits.ImageHDU(np.frombuffer(b"".join(content for _, content in rows), np.uint8), name="RUNS")
    cards: list[HeaderCard] = [
        ("CREATOR", f"skysieve {__version__}", ""),
        ("CONTENT", "SKYSIEVE SURVEY PART", "kind of this file"),
        ("NSIDE", settings.nside, "of the pixels, NESTED"),
        ("COORDSYS", "C", "equatorial (ICRS)"),
        ("BANDCARD", settings.band_card, "card that names the band"),
        ("BAND", band, "band of the masks"),
        ("SOURCE", source, "file of the masks"),
        *((f"PLANE{bit}", name, f"name of bit {bit}") for bit, name in enumerate(planes)),
        *((f"BADPL{number}", name, "a plane of bad pixels") for number, name in enumerate(bad)),
    ]
    set_cards(runs.header, cards)
    write_fits([fits.PrimaryHDU(), index, runs], path, overwrite=True)


def part_header(path: Path) -> fits.Header:
    """Return the header of a part.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Header
        The header of its runs.

    Raises
    ------
    SourceError
        If it is no part.
    """
    with open_intact(path, sums=False) as hdus:
        header: fits.Header = hdus[-1].header
    if header.get("CONTENT") != "SKYSIEVE SURVEY PART":
        raise SourceError(f"{path}: is no part of a survey; move it to another folder")
    return header


def check_nside(folder: Path, nside: int) -> None:
    """Compare NSIDE with that of the parts of a survey.

    Parameters
    ----------
    folder
        Folder of the survey; it need not exist.
    nside
        NSIDE.

    Raises
    ------
    ConfigError
        If the survey has another one.
    SourceError
        If a file in the folder of the parts is none.
    """
    path = next(iter(_files(folder)), None)
    if path is None:
        return
    found = part_header(path).get("NSIDE")
    if found != nside:
        raise ConfigError(
            f"{folder}: is a survey of nside {found}, not {nside}; give --nside {found}, or another --output"
        )


@dataclass
class Parts:
    """All parts of a survey, and an index of what they hold.

    Parameters
    ----------
    folder
        Folder of the survey.

    Attributes
    ----------
    parts
        The parts.

    Raises
    ------
    SourceError
        If a part is damaged.
    """

    folder: Path
    parts: list[Part] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        """Read the headers and indices."""
        rows = []
        for path in _files(self.folder):
            header = part_header(path)
            try:
                with quiet(path), fits.open(path, memmap=False) as hdus:
                    table, start = hdus["INDEX"].data, hdus["RUNS"].fileinfo()["datLoc"]
                    found = np.zeros(len(table), _INDEX)
                    found["block"], found["size"] = table["BLOCK"], table["SIZE"]
                    found["start"], found["part"] = table["START"] + start, len(self.parts)
            except Exception as error:  # astropy raises many kinds for damaged files
                raise _damaged(path, error) from error
            rows.append(found)
            self.parts.append(_part(path, header))
        index = np.concatenate(rows) if rows else np.zeros(0, _INDEX)
        self._index = np.sort(index, order=["block", "part", "start"])

    @property
    def bands(self) -> list[str]:
        """Names of the bands, in alphabetical order; empty for parts without one."""
        return sorted({part.band for part in self.parts})

    def of_band(self, band: str | None) -> list[int]:
        """Return the numbers of the parts of a band; of all parts for None.

        Parameters
        ----------
        band
            The band.

        Returns
        -------
        list of int
            The numbers.
        """
        return [number for number, part in enumerate(self.parts) if band is None or part.band == band]

    def identity(self, chosen: Sequence[int]) -> str:
        """Return a text by which the content of parts is compared.

        Parameters
        ----------
        chosen
            Numbers of the parts.

        Returns
        -------
        str
            16 hexadecimal digits.
        """
        content = sorted(f"{self.parts[n].path.name} {self.parts[n].checksum}" for n in chosen)
        return hashlib.sha256("\n".join(content).encode()).hexdigest()[:16]

    def blocks(self, chosen: Sequence[int]) -> NDArray[np.int64]:
        """Return the blocks in which parts have pixels.

        Parameters
        ----------
        chosen
            Numbers of the parts.

        Returns
        -------
        ndarray
            ``(N,)`` int64, ascending.
        """
        rows = self._index[np.isin(self._index["part"], chosen)]
        return np.unique(rows["block"]).astype(np.int64)

    def block(
        self, number: int, chosen: Sequence[int], planes: dict[str, int], target: NDArray[np.int64]
    ) -> None:
        """Set the bits that parts have in a block.

        Parameters
        ----------
        number
            Number of the block.
        chosen
            Numbers of the parts.
        planes
            Bits of the target by name.
        target
            ``(size,)`` int64, the block, changed in place.

        Raises
        ------
        SourceError
            If a part is damaged.
        """
        first, last = np.searchsorted(self._index["block"], [number, number + 1])
        wanted = set(chosen)
        for row in self._index[first:last]:
            if int(row["part"]) not in wanted:
                continue
            part = self.parts[row["part"]]
            translation = {part.planes[name]: bit for name, bit in planes.items() if name in part.planes}
            try:
                with part.path.open("rb") as stream:
                    stream.seek(int(row["start"]))
                    content = stream.read(int(row["size"]))
                add_runs(content, translation, target)
            except (OSError, SourceError) as error:
                raise _damaged(part.path, error) from error


def _part(path: Path, header: fits.Header) -> Part:
    planes = {str(header[f"PLANE{bit}"]): 1 << bit for bit in range(63) if f"PLANE{bit}" in header}
    bad = tuple(str(header[f"BADPL{n}"]) for n in range(63) if f"BADPL{n}" in header)
    if MASKED not in planes:
        raise SourceError(f"{path}: is no part of a survey; move it to another folder")
    return Part(path, str(header.get("BAND", "")).strip(), planes, bad, str(header.get("DATASUM", "")))


def _files(folder: Path) -> list[Path]:
    parts = folder / PARTS
    if not parts.is_dir():
        return []
    return sorted(path for path in parts.glob("*.fits") if not path.name.startswith("."))


def _damaged(path: Path, error: Any) -> SourceError:
    return SourceError(f"{path}: is damaged ({one_line(error)}); remove it, and project its masks again")
