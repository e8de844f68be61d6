"""The classes of ghosts: their names, descriptions, colours and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CLASSES", "CLASS_NAMES", "GhostClass", "find_class"]


@dataclass(frozen=True)
class GhostClass:
    """One class of ghosts.

    Attributes
    ----------
    name
        Name in annotations, in tables and on the command line.
    description
        Appearance and origin, in a few words.
    colour
        Colour in previews, ``#rrggbb``.
    category
        Category number in COCO files.

    References
    ----------
    Tanoglidis et al. 2022, Astronomy and Computing (arXiv 2109.08246); the names are theirs.
    """

    name: str
    description: str
    colour: str
    category: int


CLASSES: tuple[GhostClass, ...] = (
    GhostClass(
        "Rays", "fans of bright streaks: light scattered at grazing angles into the camera", "#00e5ff", 1
    ),
    GhostClass(
        "Bright",
        "compact discs and rings of high contrast: reflections nearly in focus",
        "#ff5a36",
        2,
    ),
    GhostClass("Faint", "wide discs and rings of low contrast: reflections far out of focus", "#b8f34a", 3),
)

CLASS_NAMES: tuple[str, ...] = tuple(c.name for c in CLASSES)

_BY_NAME: Mapping[str, GhostClass] = MappingProxyType({c.name.lower(): c for c in CLASSES})


def find_class(name: str) -> GhostClass:
    """Find a class by its name.

    Parameters
    ----------
    name
        Name of the class; case does not matter.

    Returns
    -------
    GhostClass
        The class.

    Raises
    ------
    ConfigError
        If there is no class of this name.

    Examples
    --------
    >>> find_class("bright").category
    2
    """
    try:
        return _BY_NAME[name.lower()]
    except KeyError:
        raise ConfigError(f"unknown class {name!r}; the classes are {', '.join(CLASS_NAMES)}") from None
