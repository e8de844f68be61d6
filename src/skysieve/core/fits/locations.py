"""Locations of frames: file names, HDUs in files, directories, globs and lists.

The syntax is that of CFITSIO (``file.fits[2]``, ``file.fits[SCI,1]``) and of common command lines (a
``.list`` file, ``@file``). Brackets have three meanings: part of a name, an HDU, a glob. They are tried in
this order, so that any existing file can be named.
"""

from __future__ import annotations

import glob
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from skysieve.core.errors import SourceError
from skysieve.core.fits.location_lists import STANDARD_INPUT, read_list
from skysieve.core.fits.own_products import is_own_file

__all__ = ["Location", "find_locations", "listed_locations", "parse_location"]

_HDU_SYNTAX = re.compile(r"(?P<path>.+)\[(?P<hdu>[^\[\]]*)\]", re.DOTALL)
_FITS_NAME = re.compile(r"(?P<stem>.+?)\.(?:fits|fit|fts)(?:\.(?:fz|gz|bz2|z))?", re.IGNORECASE | re.DOTALL)
# Names of products; the word "mask" elsewhere in a name does not mark a product.
_PRODUCT_STEM = re.compile(r".+\.(?i:masks?|probabilities|ghosts)(?:[A-Z0-9]\w*)?(?:\.ccds)?", re.DOTALL)
_GLOB_CHARACTERS = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Location:
    """A FITS file, and optionally one HDU (and version) in it.

    Attributes
    ----------
    path
        The file as given; it need not exist.
    hdu
        Number of the HDU, 0 for the primary, or its EXTNAME; None for every frame in the file.
    version
        EXTVER, if `hdu` is a name; None for the first HDU of that name.
    found
        Whether the file was found in a folder or by a glob rather than named. Such a file need not be a
        frame. Comparison ignores this field.
    """

    path: Path
    hdu: int | str | None = None
    version: int | None = None
    found: bool = field(default=False, compare=False, repr=False)

    def __str__(self) -> str:
        """Return the CFITSIO form, ``file.fits[2]`` or ``file.fits[SCI,1]``."""
        if self.hdu is None:
            return str(self.path)
        version = "" if self.version is None else f",{self.version}"
        return f"{self.path}[{self.hdu}{version}]"


def parse_location(text: str) -> Location:
    """Parse ``file.fits``, ``file.fits[2]``, ``file.fits[SCI]`` or ``file.fits[SCI,1]``.

    If a file exists under the whole text, brackets included, the text is its name. The file is not opened.

    Parameters
    ----------
    text
        File name, optionally with an HDU in brackets.

    Returns
    -------
    Location
        The location.

    Raises
    ------
    SourceError
        If the text is empty, or the brackets do not name an HDU.

    Examples
    --------
    >>> location = parse_location("a.fits[SCI,1]")
    >>> location.hdu, location.version
    ('SCI', 1)
    """
    if not text.strip():
        raise SourceError("an empty file name: name a FITS file, a directory, a glob or a list")
    path = _path(text)
    match = _HDU_SYNTAX.fullmatch(text)
    if match is None or _mode(path) is not None:
        return Location(path)
    path = _path(match["path"])
    name, comma, version = (part.strip() for part in match["hdu"].partition(","))
    if name.isdecimal() and not comma:
        return Location(path, int(name))
    if not name or name.lstrip("+-").isdecimal() or (comma and not version.isdecimal()):
        raise SourceError(
            f"{text!r}: [{match['hdu']}] names no HDU; write [n] counted from 0, [NAME] or [NAME,version]"
        )
    return Location(path, name, int(version) if comma else None)


def find_locations(text: str) -> list[Location]:
    """Return all locations that a command-line argument stands for.

    Parameters
    ----------
    text
        One of:

        - a file, with or without an HDU: itself;
        - a directory: its FITS files, sorted by name, without products of Skysieve (by name or header) and
          without hidden files; not recursive;
        - a glob: the matching files, sorted by name; ``**`` is recursive; products only if the pattern itself
          ends like a product, as ``*.masks.fits``;
        - ``name.list`` or ``@name``: a UTF-8 list with one of the above per line and ``#`` comments; paths
          are relative to the current directory, or else to the folder of the list;
        - ``-`` or ``@-``: a list on the standard input; write ``./-`` for a file of that name.

        A directory or glob may have an HDU, which then applies to each file.

    Returns
    -------
    list of Location
        At least one, without exact repeats. List entries that name no file are kept: they fail when opened,
        and the other entries still run.

    Raises
    ------
    SourceError
        If a plain path does not exist or cannot be reached, a directory or list cannot be read or holds no
        FITS file, or a glob matches nothing.
    """
    if text in {"-", "@-"}:
        return _list_locations(STANDARD_INPUT)
    path = _path(text)
    mode = _mode(path)
    if mode is None and text.startswith("@"):
        return _list_locations(_path(text[1:]))
    if path.suffix.lower() == ".list" and (
        not _GLOB_CHARACTERS.search(text) if mode is None else not stat.S_ISDIR(mode)
    ):
        return _list_locations(path)
    found = _expand(text)
    if found:
        return found
    missing = parse_location(text).path
    if _GLOB_CHARACTERS.search(str(missing)):
        raise SourceError(f"{missing}: no such file, and no match as a glob; check the folder and the ending")
    raise SourceError(f"{missing}: no such file or directory; check the name")


def listed_locations(path: Path) -> list[Location]:
    """Return the locations in a list of files, without looking for them.

    So a list of a survey is read in the same way, and fast, wherever the files are.

    Parameters
    ----------
    path
        UTF-8 text with one FITS file per line, with or without an HDU, and ``#`` comments; ``-`` for the
        standard input.

    Returns
    -------
    list of Location
        At least one, without exact repeats.

    Raises
    ------
    SourceError
        If the list cannot be read or has no entry, or an entry names no HDU in its brackets.
    """
    found: dict[Location, None] = {}
    for number, entry in read_list(path):
        try:
            found[parse_location(entry)] = None
        except SourceError as error:
            raise SourceError(f"{path}, line {number}: {error}") from error
    return list(found)


def _expand(text: str) -> list[Location]:
    """Return the locations of a path, directory or glob; empty if nothing exists there."""
    whole = parse_location(text)
    mode = _mode(whole.path)
    if mode is not None:
        is_folder = stat.S_ISDIR(mode)
        files = _fits_files(whole.path) if is_folder else [whole.path]
        return [Location(file, whole.hdu, whole.version, is_folder) for file in files]
    files = _glob(whole.path)
    if files or whole.hdu is None:
        return [Location(file, whole.hdu, whole.version, found=True) for file in files]
    # The brackets may be the last character class of a glob rather than an HDU.
    return [Location(file, found=True) for file in _glob(_path(text))]


def _list_locations(path: Path) -> list[Location]:
    """Return the locations in a list, without exact repeats."""
    found: dict[Location, None] = {}
    for number, entry in read_list(path):
        try:
            named = parse_location(entry)
        except SourceError as error:
            raise SourceError(f"{path}, line {number}: {error}") from error
        try:
            # relative to the current directory, or else to the folder of the list
            locations = _expand(entry) or _expand(str(path.parent / _path(entry)))
        except SourceError:
            # An empty folder or a loop of links: it fails when opened, and the other entries still run.
            locations = []
        found.update(dict.fromkeys(locations or [named]))
    return list(found)


def _fits_files(folder: Path) -> list[Path]:
    """Return the FITS files of a directory by name, without products and hidden files."""
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        raise SourceError(f"{folder}: the directory cannot be read ({error.strerror})") from error
    files = []
    for name in names:
        wanted = _FITS_NAME.fullmatch(name) and not name.startswith(".") and not _is_product(folder / name)
        # A dangling link stays, so that opening it reports the error.
        if wanted and not _is_folder(folder / name):
            files.append(folder / name)
    if not files:
        raise SourceError(
            f"{folder}: the directory holds no FITS files (.fits .fit .fts, also .fz .gz .bz2 .Z) "
            "besides products of Skysieve"
        )
    return files


def _glob(pattern: Path) -> list[Path]:
    """Return the matching files by name; products only if the pattern asks for them."""
    if not _GLOB_CHARACTERS.search(str(pattern)):
        return []
    # Folders that exist under exactly this name are not patterns, even if they contain brackets.
    literal, rest = Path(pattern.anchor), list(pattern.relative_to(pattern.anchor).parts)
    while len(rest) > 1 and _mode(literal / rest[0]) is not None:
        literal /= rest.pop(0)
    # Unlike Path.glob, this one can take folders literally, and skips hidden files.
    names = glob.glob(str(Path(glob.escape(str(literal)), *rest)), recursive=True)  # noqa: PTH207
    files = [file for file in map(Path, sorted(names)) if not _is_folder(file)]
    return files if _is_product_name(pattern.name) else [file for file in files if not _is_product(file)]


def _is_product(path: Path) -> bool:
    """Check whether a file is a product of Skysieve, by its name or its headers."""
    return _is_product_name(path.name) or is_own_file(path)


def _is_product_name(name: str) -> bool:
    """Check whether a file name has the form of a product's name."""
    match = _FITS_NAME.fullmatch(name)
    return match is not None and _PRODUCT_STEM.fullmatch(match["stem"]) is not None


def _path(text: str) -> Path:
    """Return the path with ``~`` expanded."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # no such user: the tilde is part of a file name
        return Path(text)


def _is_folder(path: Path) -> bool:
    """Check whether the path is a directory; False if it cannot be reached."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _mode(path: Path) -> int | None:
    """Return the file mode, or None if nothing exists there.

    Raises
    ------
    SourceError
        If the path cannot be reached: a loop of links, a folder without permission.
    """
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"{path}: cannot be reached ({reason}); check the path") from error
