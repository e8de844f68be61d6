"""The registry of contaminant classes: names, codes and defaults.

Headers, tables of the documentation, bit-flag maps, model cards and the choices of the command line are
generated from :data:`CLASSES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from astropy.nddata.bitmask import BitFlagNameMap

__all__ = [
    "BACKGROUND",
    "CLASSES",
    "CLASS_NAMES",
    "DEFAULT_BAD",
    "NODATA",
    "ContaminantClass",
    "bit_flag_map",
    "find_class",
    "select_bad",
    "select_classes",
]


BACKGROUND = "BG"


@dataclass(frozen=True)
class ContaminantClass:
    """A class of pixels.

    Attributes
    ----------
    name
        Abbreviation in headers and on the command line.
    code
        Value in a bit mask; 0 for the background, which has no bit.
    description
        Short description.
    published_label
        Value of the header card that the published MaxiMask writes.
    training_prior
        Proportion of the pixels in the training set of the published network.
    default_prior
        Proportion expected in an ordinary frame.
    default_threshold
        Probability above which a pixel belongs to the class.
    colour
        ``#rrggbb`` in previews.
    aliases
        Older abbreviations, accepted in configuration files.

    References
    ----------
    Paillassa, Bertin & Bouy 2020, A&A 634, A48; the defaults are those of MaxiMask 1.3.0.
    """

    name: str
    code: int
    description: str
    published_label: str
    training_prior: float
    default_prior: float
    default_threshold: float
    colour: str
    aliases: tuple[str, ...] = ()

    @property
    def is_bad(self) -> bool:
        """Whether pixels of this class are bad by default.

        Sources and background are what users observe.  Nebulosity and residual fringes are faint and cover
        large parts of a frame, in which stars and galaxies can still be measured: excluding them loses more
        than it saves.
        """
        return self.name not in ("FR", "NEB", "BBG", BACKGROUND)


CLASSES: tuple[ContaminantClass, ...] = (
    ContaminantClass("CR", 1, "cosmic rays", "CR: Cosmic Rays", 0.010, 5e-4, 0.43, "#ff3030"),
    ContaminantClass(
        "HCL", 2, "hot columns and lines", "HCL: Hot Columns/Lines", 0.009, 1e-5, 0.60, "#ff9d00"
    ),
    ContaminantClass(
        "DCL",
        4,
        "dead columns, lines and clusters",
        "DCL: Dead Columns/Lines/Clusters",
        0.036,
        1e-4,
        0.74,
        "#3f6fff",
    ),
    ContaminantClass("HP", 8, "hot pixels", "HP: Hot Pixels", 0.001, 1e-6, 0.43, "#ffd27f"),
    ContaminantClass("DP", 16, "dead pixels", "DP: Dead Pixels", 0.001, 1e-6, 0.99, "#7f9fff"),
    ContaminantClass("P", 32, "persistence", "P: Persistence", 0.010, 1e-3, 0.65, "#b05cff"),
    ContaminantClass(
        "TRL",
        64,
        "trails of satellites, aircraft and meteors",
        "TRL: TRaiLs",
        0.103,
        1e-3,
        0.28,
        "#00e5ff",
        aliases=("STL",),
    ),
    ContaminantClass("FR", 128, "residual fringes", "FR: residual FRinging", 0.126, 1e-3, 0.76, "#8c7853"),
    ContaminantClass("NEB", 256, "nebulosity", "NEB: NEBulosities", 0.171, 1e-3, 0.56, "#ff7fbf"),
    ContaminantClass(
        "SAT", 512, "saturated pixels and bleeding", "SAT: SATurated pixels", 0.002, 1e-3, 0.81, "#fff44f"
    ),
    ContaminantClass(
        "SP", 1024, "diffraction spikes", "SP: diffraction SPikes", 0.044, 5e-3, 0.54, "#39ff14"
    ),
    ContaminantClass("OV", 2048, "overscan", "OV: Overscan", 0.118, 5e-3, 0.55, "#1f8a70"),
    ContaminantClass(
        "BBG",
        4096,
        "bright background: pixels lit by stars and galaxies",
        "BBG: Bright BackGround",
        0.126,
        0.1,
        0.44,
        "#c8c8c8",
    ),
    ContaminantClass("BG", 0, "background", "BG: BackGround", 0.395, 0.9, 0.27, "#000000"),
)

CLASS_NAMES: tuple[str, ...] = tuple(c.name for c in CLASSES)

NODATA = ContaminantClass(
    "NODATA",
    8192,
    "no data: NaN, BLANK, masked or empty in the input",
    "",
    training_prior=0.0,
    default_prior=0.0,
    default_threshold=0.0,
    colour="#ffffff",
)
"""The plane of pixels without data.  It is not a class of the network and has no priors."""

DEFAULT_BAD: tuple[str, ...] = tuple(c.name for c in CLASSES if c.is_bad)
"""Names of the classes that are bad by default, besides no data."""

_BY_NAME: Mapping[str, ContaminantClass] = MappingProxyType(
    {name: c for c in CLASSES for name in (c.name, *c.aliases)}
)


def find_class(name: str) -> ContaminantClass:
    """Return the class with a given name.

    Parameters
    ----------
    name
        Abbreviation, in upper or lower case, or an older abbreviation.

    Returns
    -------
    ContaminantClass
        The class.

    Raises
    ------
    ConfigError
        If there is no such class.

    Examples
    --------
    >>> find_class("trl").code
    64
    >>> find_class("STL").name
    'TRL'
    """
    try:
        return _BY_NAME[name.upper()]
    except KeyError:
        raise ConfigError(f"unknown class {name!r}; the classes are {', '.join(CLASS_NAMES)}") from None


def select_classes(names: Iterable[str]) -> tuple[ContaminantClass, ...]:
    """Return the named classes.

    Parameters
    ----------
    names
        Abbreviations.

    Returns
    -------
    tuple
        The classes in the order of the registry, each once.

    Raises
    ------
    ConfigError
        If a name is unknown or none is given.
    """
    wanted = {find_class(name).name for name in names}
    if not wanted:
        raise ConfigError(f"no class is selected; choose from {', '.join(CLASS_NAMES)}")
    return tuple(c for c in CLASSES if c.name in wanted)


def select_bad(names: Iterable[str] | str) -> tuple[ContaminantClass, ...]:
    """Return the named bad classes.

    Parameters
    ----------
    names
        Abbreviations, or a text of abbreviations separated by commas; it may be empty.  ``NODATA`` is allowed
        and has no effect, as pixels without data are always bad.

    Returns
    -------
    tuple
        The classes in the order of the registry, each once.

    Raises
    ------
    ConfigError
        If a name is unknown, or that of the background, which has no bit.

    Examples
    --------
    >>> [c.name for c in select_bad("trl, CR")]
    ['CR', 'TRL']
    """
    given = names.split(",") if isinstance(names, str) else names
    wanted = {name.strip().upper() for name in given if name.strip()} - {NODATA.name}
    chosen = select_classes(wanted) if wanted else ()
    if any(not c.code for c in chosen):
        raise ConfigError(f"{BACKGROUND} cannot be bad: it is every pixel of no other class; leave it out")
    return chosen


def bit_flag_map() -> type[BitFlagNameMap]:
    """Return the bit-flag map for :func:`astropy.nddata.bitmask.bitfield_to_boolean_mask`.

    Returns
    -------
    type
        Map from abbreviations to bits.

    Examples
    --------
    >>> bit_flag_map()["CR"]
    1
    """
    from astropy.nddata.bitmask import extend_bit_flag_map

    flags = {c.name: c.code for c in (*CLASSES, NODATA) if c.code}
    flag_map: type[BitFlagNameMap] = extend_bit_flag_map("SkysieveBits", **flags)
    return flag_map
