"""Bit maps of other surveys: which value a class has in their masks.

A bit map is data: a TOML file with ``kind`` and a table ``values`` from class names to integers.  With
``kind = "bits"`` the values of all classes of a pixel are OR-ed; with ``kind = "codes"`` a pixel gets
the value of the first class in the file that it belongs to.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from skysieve.contaminants.classes import NODATA, find_class
from skysieve.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

    from numpy.typing import NDArray

__all__ = ["SURVEYS", "BitMap", "read_bit_map"]

SURVEYS = ("des", "noirlab")
LARGEST_VALUE = 2**31 - 1


@dataclass(frozen=True)
class BitMap:
    """Values of the classes in another survey's masks.

    Attributes
    ----------
    name
        Survey or file.
    kind
        ``bits`` or ``codes``.
    values
        By class name, ``NODATA`` included; classes without an entry are left out.
    """

    name: str
    kind: Literal["bits", "codes"]
    values: Mapping[str, int]

    def translate(self, bits: NDArray[np.integer]) -> NDArray[np.int16 | np.int32]:
        """Translate a mask in our bits, any shape, to this map; int16 where the values fit, else int32."""
        largest = sum(self.values.values()) if self.kind == "bits" else max(self.values.values())
        dtype = np.int16 if largest <= np.iinfo(np.int16).max else np.int32
        # masks hold few distinct values: translate a table of all values once, and look pixels up
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

    Raises
    ------
    ConfigError
        If there is no such survey or file, or the file has a wrong entry.
    """
    source: Traversable
    if name_or_file.lower() in SURVEYS:
        source = files("skysieve.contaminants").joinpath("surveys", f"{name_or_file.lower()}.toml")
    else:
        source = Path(name_or_file)
    try:
        content = tomllib.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"bit map {name_or_file!r}: neither a survey ({', '.join(SURVEYS)}) "
            f"nor a readable file ({error.strerror})"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"bit map {name_or_file!r}: not valid TOML ({error})") from error
    kind, values = content.get("kind"), content.get("values")
    if kind not in ("bits", "codes") or not isinstance(values, dict) or not values:
        raise ConfigError(f'bit map {name_or_file!r}: needs kind = "bits" or "codes" and a table [values]')
    checked: dict[str, int] = {}
    for name, value in values.items():
        try:
            proper = _coded_class(name)
        except ConfigError as error:
            raise ConfigError(f"bit map {name_or_file!r}: {error}") from None
        if proper in checked:
            raise ConfigError(f"bit map {name_or_file!r}: {name} is given twice; keep one of its names")
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= LARGEST_VALUE:
            raise ConfigError(f"bit map {name_or_file!r}: {name} = {value!r}, expected a positive integer")
        checked[proper] = value
    return BitMap(name_or_file, kind, checked)


def _coded_class(name: str) -> str:
    """Return the proper name of a class that masks have a value for."""
    if name.upper() == NODATA.name:
        return NODATA.name
    found = find_class(name)
    if not found.code:
        raise ConfigError(f"{name} is every other pixel, and has no value; leave it out")
    return found.name
