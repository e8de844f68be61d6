"""MaxiMask's configuration files: ``classes.flags``, ``classes.priors``, ``classes.thresh``.

Each has one row per class in the order of the registry, with an abbreviation and a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from skysieve.core.documents import read_text
from skysieve.core.errors import ConfigError
from skysieve.frames.mask.classes import CLASSES, find_class

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["ClassConfig", "read_class_config"]

Value = TypeVar("Value")


@dataclass(frozen=True)
class ClassConfig:
    """Content of a folder of configuration files; missing files leave the model's defaults.

    Attributes
    ----------
    classes
        Names of the selected classes.
    priors, thresholds
        Values of all classes by name; empty if there is no file.
    """

    classes: tuple[str, ...]
    priors: Mapping[str, float]
    thresholds: Mapping[str, float]


def read_class_config(folder: Path) -> ClassConfig:
    """Read a folder of configuration files.

    Parameters
    ----------
    folder
        The folder.

    Returns
    -------
    ClassConfig
        Selected classes, priors and thresholds.

    Raises
    ------
    ConfigError
        If the folder does not exist, or a file has a missing, unknown, misplaced or malformed row.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such configuration folder")
    flags = _read(folder / "classes.flags", _flag) or dict.fromkeys((c.name for c in CLASSES), True)
    priors = _read(folder / "classes.priors", _prior) or {}
    thresholds = _read(folder / "classes.thresh", _threshold) or {}
    selected = tuple(name for name, flag in flags.items() if flag)
    if not selected:
        raise ConfigError(f"{folder / 'classes.flags'}: every flag is 0; select at least one class")
    return ClassConfig(selected, priors, thresholds)


def _read(path: Path, convert: Callable[[str], Value]) -> dict[str, Value] | None:
    if not path.exists():
        return None
    try:
        lines = read_text(path, error=ConfigError).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from error
    rows = [line.split() for line in lines if line.strip()]
    if len(rows) != len(CLASSES):
        raise ConfigError(
            f"{path}: has {len(rows)} rows; it needs one for each of the {len(CLASSES)} classes"
        )
    values: dict[str, Value] = {}
    for number, (row, expected) in enumerate(zip(rows, CLASSES, strict=True), start=1):
        if len(row) != 2:
            raise ConfigError(f"{path}, row {number}: expected 'NAME value', found {' '.join(row)!r}")
        name, value = row
        try:
            found = find_class(name)
        except ConfigError as error:
            raise ConfigError(f"{path}, row {number}: {error}") from None
        if found is not expected:
            raise ConfigError(f"{path}, row {number}: found {name}, expected {expected.name}; keep the order")
        try:
            values[expected.name] = convert(value)
        except ValueError as error:
            raise ConfigError(f"{path}, row {number}: {name} is {value!r}, {error}") from None
    return values


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("expected 0 or 1")
    return text == "1"


def _prior(text: str) -> float:
    value = _number(text)
    if not 0 < value < 1:
        raise ValueError("expected a number between 0 and 1, both excluded")
    return value


def _threshold(text: str) -> float:
    value = _number(text)
    if not 0 <= value <= 1:
        raise ValueError("expected a number from 0 to 1")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("expected a number") from None
