"""Find the map file of each band, by official file names or by a description in YAML."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from skysieve.core.documents import parse_yaml, read_text
from skysieve.core.errors import ConfigError, SourceError
from skysieve.core.fits.healpix_headers import parse_frame, parse_ordering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from skysieve.core.fits.healpix_headers import Frame, Ordering

__all__ = ["COMPTON", "MapFile", "find_map_files"]

COMPTON = "y"
"""Name of the band of a map of the Compton parameter."""

_FITS = r"\.fits?(?:\.gz|\.bz2|\.Z)?"
# From a folder, only the maps of the full mission are taken, not those of parts of it
_PLANCK = re.compile(r"HFI_SkyMap_(?P<band>\d{3})(?:-[\w-]+)?_\d+_R\d+\.\d+_(?P<part>[\w-]+)" + _FITS)
_SIMULATED = re.compile(r"sky_(?P<band>\w+)" + _FITS)
_COMPTON_MAP = re.compile(r"(?:.*[-_])?(?:milca|nilc)[-_]ymaps?(?:[-_].*)?" + _FITS, re.IGNORECASE)
_DESCRIPTIONS = {".yaml", ".yml"}
_Named = TypeVar("_Named", "Frame", "Ordering")
_KNOWN = ["file", "band", "field", "hdu", "frequency", "beam", "noise", "unit", "frame", "ordering"]


@dataclass(frozen=True)
class MapFile:
    """A map in a file, with the settings of its description.

    Attributes
    ----------
    path
        The file.
    band
        Name of the band, such as ``100`` or ``y``.
    field, hdu
        Column and HDU, by number or name.
    unit, frame, ordering
        Values of the description; None if it does not state them.
    frequency
        Frequency in GHz; None, here and below, if not stated, which is allowed for Planck bands.
    beam
        FWHM of the beam in arcmin.
    noise
        White noise in the unit of the map times arcmin.
    """

    path: Path
    band: str
    field: int | str = 0
    hdu: int | str = 1
    unit: str | None = None
    frame: Frame | None = None
    ordering: Ordering | None = None
    frequency: float | None = None
    beam: float | None = None
    noise: float | None = None


def find_map_files(
    sources: str | Path | Iterable[str | Path], *, bands: Sequence[str] | None = None
) -> list[MapFile]:
    """Find the maps in folders, files and descriptions, one per band.

    Parameters
    ----------
    sources
        One or several of these:

        - a folder: the maps in it with an official name;
        - a map with an official name: of Planck (``HFI_SkyMap_143_2048_R3.01_full.fits``), of
          ``skysieve simulate sky`` (``sky_143.fits``), or of the Compton parameter (``milca_ymaps.fits``);
        - a description in YAML: a list ``maps`` of mappings with ``file`` (relative to the description),
          ``band``, and as needed ``field``, ``hdu``, ``unit``, ``frame``, ``ordering``, ``frequency``,
          ``beam`` and ``noise``.
    bands
        Names of the bands, in this order; None for all bands.

    Returns
    -------
    list of MapFile
        One map per band.

    Raises
    ------
    SourceError
        If a file or a band is missing, a band has two maps, or a name is not official.
    ConfigError
        If a description is not valid.
    """
    given = [sources] if isinstance(sources, str | Path) else list(sources)
    found: dict[str, MapFile] = {}
    for source in map(Path, given):
        for one in _maps_of(source):
            if bands is not None and one.band not in bands:
                continue
            other = found.setdefault(one.band, one)
            if other != one:
                raise SourceError(
                    f"{one.path}: is a second map of the band {one.band}, beside {other.path.name};"
                    " name the files to be used"
                )
    origin = ", ".join(map(str, given)) or "nothing"
    missing = [name for name in bands or () if name not in found]
    if missing:
        has = ", ".join(found) or "none"
        raise SourceError(f"{origin}: no map of the band {missing[0]}; bands found: {has}")
    if not found:
        raise SourceError(
            f"{origin}: no map there; expected names as HFI_SkyMap_143_2048_R3.01_full.fits or sky_143.fits,"
            " or a YAML file that describes the maps"
        )
    return [found[name] for name in bands] if bands is not None else list(found.values())


def _maps_of(source: Path) -> list[MapFile]:
    if source.is_dir():
        names = sorted(path for path in source.iterdir() if not path.name.startswith("."))
        return [MapFile(path, band) for path in names if (band := _band_of(path.name, whole=True))]
    if not source.is_file():
        raise SourceError(f"{source}: no such file or folder; check the name")
    if source.suffix.lower() in _DESCRIPTIONS:
        return _described(source)
    band = _band_of(source.name, whole=False)
    if band is None:
        raise SourceError(
            f"{source}: its name does not tell the band; describe it in a YAML file by file, band, frequency"
            " and beam"
        )
    return [MapFile(source, band)]


def _band_of(name: str, *, whole: bool) -> str | None:
    if match := _PLANCK.fullmatch(name):
        return match["band"] if match["part"] == "full" or not whole else None
    if match := _SIMULATED.fullmatch(name):
        return match["band"]
    return COMPTON if _COMPTON_MAP.fullmatch(name) else None


def _described(path: Path) -> list[MapFile]:
    what = "a description of maps"
    try:
        text = read_text(path, error=ConfigError)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read as {what} ({' '.join(str(error).split())})") from error
    content = next(iter(parse_yaml(text, origin=str(path), error=ConfigError, what=what)), None)
    entries = content.get("maps") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries:
        raise ConfigError(f"{path}: a description of maps has a list maps; found {type(content).__name__}")
    return [_entry(entry, path, f"{path}: map {number}") for number, entry in enumerate(entries, 1)]


def _entry(entry: Any, path: Path, origin: str) -> MapFile:
    if not isinstance(entry, dict):
        raise ConfigError(f"{origin}: is no mapping but {entry!r:.80}; give file and band")
    unknown = next((key for key in entry if key not in _KNOWN), None)
    if unknown is not None:
        raise ConfigError(f"{origin}: unknown setting {unknown!s:.80}; choose from {', '.join(_KNOWN)}")
    for key in ("file", "band"):
        if not isinstance(entry.get(key), str | int) or isinstance(entry[key], bool):
            raise ConfigError(f"{origin}: needs {key}; found {entry.get(key)!r:.80}")
    hdu, field = (_index(entry, key, default, origin) for key, default in (("hdu", 1), ("field", 0)))
    return MapFile(
        path.parent / str(entry["file"]),
        str(entry["band"]),
        field=field,
        hdu=hdu,
        unit=_text(entry, "unit", origin),
        frame=_named(entry, "frame", parse_frame, origin),
        ordering=_named(entry, "ordering", parse_ordering, origin),
        **{key: _positive(entry, key, origin) for key in ("frequency", "beam", "noise")},
    )


def _index(entry: Mapping[str, object], key: str, default: int, origin: str) -> int | str:
    value = entry.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ConfigError(f"{origin}: {key} is a number or a name; found {value!r:.80}")
    return value


def _text(entry: Mapping[str, object], key: str, origin: str) -> str | None:
    value = entry.get(key)
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{origin}: {key} is a text; found {value!r:.80}")
    return value


def _named(
    entry: Mapping[str, object], key: str, parse: Callable[[str], _Named | None], origin: str
) -> _Named | None:
    text = _text(entry, key, origin)
    found = None if text is None else parse(text)
    if text is not None and found is None:
        raise ConfigError(
            f"{origin}: {key} {text!r:.80} is not known; a frame is G, C or E, an ordering RING or NESTED"
        )
    return found


def _positive(entry: Mapping[str, object], key: str, origin: str) -> float | None:
    value = entry.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ConfigError(f"{origin}: {key} is a number above 0; found {value!r:.80}")
    return float(value)
