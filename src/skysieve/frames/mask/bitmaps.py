"""Bit maps of other surveys: the values of classes in their masks.

A bit map is a TOML file with ``kind`` and a table ``values`` from class names to integers.  With ``kind =
"bits"`` the value of a pixel is the bitwise OR of the values of its classes.  With ``kind = "codes"`` it is
the value of the first of its classes in the file.  A table ``planes`` from names to bits may name the bits.
Values are then such names, or lists of them, and headers contain the names of the planes.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import reduce
from importlib.resources import files
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from skysieve.core.documents import read_text
from skysieve.core.errors import ConfigError, FrameError, SourceError
from skysieve.core.fits.bitplanes import MaskPlane, MaskSchema
from skysieve.core.fits.fits_integrity import open_intact
from skysieve.core.fits.locations import parse_location
from skysieve.frames.mask.classes import NODATA, find_class

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from importlib.resources.abc import Traversable

    from numpy.typing import NDArray

__all__ = ["SURVEYS", "BitMap", "read_bit_map", "read_planes"]

_SURVEY_FILES = files("skysieve.frames.mask").joinpath("surveys")
SURVEYS = tuple(
    sorted(one.name.removesuffix(".toml") for one in _SURVEY_FILES.iterdir() if one.name.endswith(".toml"))
)
"""Surveys with a bit map in the package: the names of the files in ``surveys``."""

LARGEST_VALUE = 2**31 - 1
_BITS = 31


@dataclass(frozen=True)
class BitMap:
    """Values of the classes in another survey's masks.

    Attributes
    ----------
    name
        Name of the survey, or path of the file.
    kind
        ``bits`` or ``codes``.
    values
        Value by class name, including ``NODATA``; other classes have none.
    planes
        Bit by name of the plane; empty if bits have no names.
    names
        Names of the planes of each class.
    """

    name: str
    kind: Literal["bits", "codes"]
    values: Mapping[str, int]
    planes: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def schema(self) -> MaskSchema:
        """The named planes, each with its classes."""
        return MaskSchema(
            tuple(MaskPlane(name, value, self._description(name)) for name, value in self.planes.items())
        )

    def _description(self, plane: str) -> str:
        classes = [name for name, planes in self.names.items() if plane in planes]
        return f"of the classes {', '.join(classes)}" if classes else ""

    def numbered_like(self, schema: MaskSchema, *, origin: str) -> BitMap:
        """Return the map with the bits that planes of the same names have in another mask.

        Parameters
        ----------
        schema
            Planes of the other mask.  Planes of this map that the mask lacks get its lowest free bits, if a
            class uses them.
        origin
            Name of the other mask in messages.

        Returns
        -------
        BitMap
            The map with other bits.

        Raises
        ------
        ConfigError
            If this map has no named planes, or there is no free bit.
        """
        if not self.planes:
            raise ConfigError(
                f"bit map {self.name!r} knows its bits by number, so that {origin} cannot number them"
            )
        planes = {plane.name: plane.value for plane in schema.planes}
        needed = dict.fromkeys(name for names in self.names.values() for name in names)
        for name in needed:
            free = (1 << bit for bit in range(_BITS) if 1 << bit not in planes.values())
            if name not in planes and (planes.setdefault(name, next(free, 0)) == 0):
                raise ConfigError(f"{origin}: has no bit left for the plane {name}; use another mask")
            if planes[name] > LARGEST_VALUE:
                raise ConfigError(f"{origin}: plane {name} has the value {planes[name]}, beyond 31 bits")
        values = {name: _combined(planes, names) for name, names in self.names.items()}
        return BitMap(self.name, self.kind, values, planes, self.names)

    def translate(self, bits: NDArray[np.integer]) -> NDArray[np.int16 | np.int32]:
        """Translate a mask from Skysieve's bits to this map.

        Parameters
        ----------
        bits
            Mask of any shape.

        Returns
        -------
        ndarray
            Mask of the same shape; int16 if the values fit, otherwise int32.
        """
        numbers = self.values.values()
        largest = reduce(or_, numbers) if self.kind == "bits" else max(numbers)
        dtype = np.int16 if largest <= np.iinfo(np.int16).max else np.int32
        # translate a table of all possible values once, then look up the pixels
        table = np.zeros(int(bits.max(initial=0)) + 1, dtype)
        present = np.arange(table.size)
        for name, value in reversed(list(self.values.items())):
            code = NODATA.code if name == NODATA.name else find_class(name).code
            if self.kind == "bits":
                table[(present & code) != 0] |= value
            else:
                table[(present & code) != 0] = value
        translated: NDArray[np.int16 | np.int32] = table[bits]
        return translated


def read_bit_map(name_or_file: str) -> BitMap:
    """Read the bit map of a survey, or one from a TOML file.

    Parameters
    ----------
    name_or_file
        Name of a survey, of :data:`SURVEYS`, or path of a file.

    Returns
    -------
    BitMap
        The bit map.

    Raises
    ------
    ConfigError
        If there is no such survey or file, or the file has a wrong entry.
    """
    source: Traversable
    if name_or_file.lower() in SURVEYS:
        source = _SURVEY_FILES.joinpath(f"{name_or_file.lower()}.toml")
    else:
        source = Path(name_or_file)
    try:
        given = (
            read_text(source, error=ConfigError) if isinstance(source, Path) else source.read_text("utf-8")
        )
        content = tomllib.loads(given)
    except OSError as error:
        raise ConfigError(
            f"bit map {name_or_file!r}: neither a survey ({', '.join(SURVEYS)}) "
            f"nor a readable file ({error.strerror})"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"bit map {name_or_file!r}: not valid TOML ({error})") from error
    kind, values = content.get("kind"), content.get("values")
    if kind not in ("bits", "codes") or not isinstance(values, dict) or not values:
        raise ConfigError(f'bit map {name_or_file!r}: needs kind = "bits" or "codes" and a table [values]')
    planes = _checked_planes(content.get("planes", {}), name_or_file)
    if planes and kind != "bits":
        raise ConfigError(f'bit map {name_or_file!r}: only kind = "bits" has a table [planes]')
    checked: dict[str, int] = {}
    names: dict[str, tuple[str, ...]] = {}
    for name, value in values.items():
        try:
            canonical = _class_with_code(name)
        except ConfigError as error:
            raise ConfigError(f"bit map {name_or_file!r}: {error}") from None
        if canonical in checked:
            raise ConfigError(f"bit map {name_or_file!r}: {name} is given twice; keep one of its names")
        if planes:
            names[canonical] = _plane_names(value, planes, f"bit map {name_or_file!r}: {name}")
            value = _combined(planes, names[canonical])  # noqa: PLW2901 (the same value as a number)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= LARGEST_VALUE:
            raise ConfigError(f"bit map {name_or_file!r}: {name} = {value!r}, expected a positive integer")
        checked[canonical] = value
    return BitMap(name_or_file, kind, checked, planes, names)


def read_planes(path: str) -> MaskSchema:
    """Read the bit planes from the header of a mask.

    Parameters
    ----------
    path
        A FITS file, with an HDU in brackets; without one, the first HDU that describes planes.

    Returns
    -------
    MaskSchema
        The planes.

    Raises
    ------
    SourceError
        If the file cannot be read or does not have that HDU.
    FrameError
        If its header does not describe planes, or describes them wrongly.
    """
    location = parse_location(path)
    with open_intact(location.path) as hdus:
        if location.hdu is not None:
            wanted = [(location.hdu, location.version)] if location.version is not None else [location.hdu]
            try:
                headers = [hdus[key].header for key in wanted]
            except (KeyError, IndexError):
                raise SourceError(f"{path}: the file has no such HDU") from None
        else:
            headers = [hdu.header for hdu in hdus]
    schemas = []
    problem = "its header describes no mask planes"
    for header in headers:
        try:
            schemas.append(MaskSchema.from_header(header))
        except FrameError as error:
            problem = str(error)
    if not schemas:
        raise FrameError(f"{path}: {problem}; name the HDU of a mask with MP_ or MSKN cards")
    return schemas[0]


def _checked_planes(planes: object, origin: str) -> dict[str, int]:
    if not isinstance(planes, dict):
        raise ConfigError(f"bit map {origin!r}: [planes] is a table of names and bits")
    for name, value in planes.items():
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= LARGEST_VALUE:
            raise ConfigError(f"bit map {origin!r}: plane {name} = {value!r}, expected a power of two")
    try:
        MaskSchema(tuple(MaskPlane(name, value) for name, value in planes.items()))
    except ConfigError as error:
        raise ConfigError(f"bit map {origin!r}: {error}") from None
    return planes


def _plane_names(value: object, planes: Mapping[str, int], origin: str) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or any(name not in planes for name in names):
        raise ConfigError(f"{origin} = {value!r}, expected one or more of the planes {', '.join(planes)}")
    return tuple(names)


def _combined(planes: Mapping[str, int], names: Iterable[str]) -> int:
    return reduce(or_, (planes[name] for name in names), 0)


def _class_with_code(name: str) -> str:
    """Return the canonical name of a class that has a code in masks."""
    if name.upper() == NODATA.name:
        return NODATA.name
    found = find_class(name)
    if not found.code:
        raise ConfigError(f"{name} is every other pixel, and has no value; leave it out")
    return found.name
