"""Known defects of detectors, as ``skysieve defects`` finds them, in masks of frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError, SkysieveError, SourceError
from skysieve.core.fits.bitplanes import named_values
from skysieve.core.fits.fits_integrity import open_intact
from skysieve.frames.mask.classes import NODATA, find_class

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.frames.mask.result import MaskResult

__all__ = ["CONTENT", "DEFECT_CLASSES", "KnownDefects", "mark_defects"]

CONTENT = "SKYSIEVE DEFECTS"
"""Value of the card CONTENT in the header of a map of defects."""

DEFECT_CLASSES = ("HCL", "DCL", "HP", "DP")
"""Classes of a map of defects."""


@dataclass(frozen=True)
class KnownDefects:
    """Maps of defects in a folder.

    Attributes
    ----------
    folder
        The folder.
    maps
        Path of the map of each detector, by its name.
    """

    folder: Path
    maps: Mapping[str, Path]

    @classmethod
    def read(cls, folder: Path) -> KnownDefects:
        """List the maps of a folder.

        Parameters
        ----------
        folder
            The folder that ``skysieve defects`` wrote, or one of its files.

        Returns
        -------
        KnownDefects
            The maps.

        Raises
        ------
        ConfigError
            If there are none.
        SourceError
            If a file is damaged.
        """
        files = sorted(folder.glob("*.defects.fits")) if folder.is_dir() else [folder]
        maps: dict[str, Path] = {}
        for path in files:
            with open_intact(path, sums=False) as hdus:
                header = hdus[min(1, len(hdus) - 1)].header
                if header.get("CONTENT") != CONTENT:
                    raise SourceError(f"{path}: is no map of defects; make one with `skysieve defects`")
                maps[str(header.get("DETNAME"))] = path
        if not maps:
            raise ConfigError(f"--defects {folder}: holds no maps of defects (*.defects.fits)")
        return cls(folder, maps)

    def of(self, detector: str) -> dict[str, NDArray[np.bool_]] | None:
        """Return the defects of a detector.

        Parameters
        ----------
        detector
            Its name, see :func:`skysieve.frames.mask.detectors.detector_name`.

        Returns
        -------
        dict or None
            ``(H, W)`` bool by class; None for an unknown detector.

        Raises
        ------
        SourceError
            If the map is damaged.
        """
        path = self.maps.get(detector)
        if path is None:
            return None
        try:
            with open_intact(path) as hdus:
                values = np.asarray(hdus[1].section[:, :])
                named = named_values(hdus[1].header)
            return {name: (values & named[name]) != 0 for name in DEFECT_CLASSES}
        except (KeyError, SkysieveError) as error:
            raise SourceError(f"{path}: is damaged ({error}); make it again") from error


def mark_defects(result: MaskResult, defects: Mapping[str, NDArray[np.bool_]]) -> MaskResult:
    """Return a mask in which the defects are those of a map.

    Hot and dead pixels are those of the map alone: a single bright pixel that is not in the map is a cosmic
    ray. Columns of the map are added to those that were found. A defect is no cosmic ray.

    Parameters
    ----------
    result
        The mask.
    defects
        ``(H, W)`` bool by class.

    Returns
    -------
    MaskResult
        The new mask.
    """
    asked = {c.name for c in result.classes}
    bits = result.bits.copy()
    code = {name: np.int16(find_class(name).code) for name in ("CR", *DEFECT_CLASSES)}
    valid = (bits & NODATA.code) == 0
    single = ((bits & code["HP"]) != 0) & ~defects["HP"] & ~defects["HCL"]
    bits &= ~(code["HP"] | code["DP"])
    if "CR" in asked:
        bits[single] |= code["CR"]
    for name in DEFECT_CLASSES:
        if name in asked:
            bits[defects[name] & valid] |= code[name]
    known = (defects["HP"] | defects["HCL"]) & valid
    bits[known] &= ~code["CR"]
    marked = np.any([plane for name, plane in defects.items() if name in asked], axis=0) | single
    return replace(result, bits=bits, background=result.background & ~marked)
