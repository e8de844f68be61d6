"""Where ghosts are: on the focal plane, on the sky, and on which CCDs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skysieve.ghosts.focal_plane.geometry import covered_fractions

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from skysieve.ghosts.focal_plane.cameras import Camera
    from skysieve.ghosts.focal_plane.geometry import SkyMap
    from skysieve.ghosts.predict.decide import Ghost

__all__ = ["PlacedGhost", "TouchedCcd", "place_ghosts", "touched_ccds"]


@dataclass(frozen=True)
class PlacedGhost:
    """Where a ghost is.

    Attributes
    ----------
    number
        In its exposure, from 1, the likeliest first.
    class_name, score, area
        See :class:`skysieve.ghosts.predict.decide.Ghost`; the area in pixels of the picture.
    centre
        Mean column and row of its pixels in the picture, from 0.
    sky
        Right ascension and declination of that in degrees; None if not known.
    ccds
        Part of each CCD that it covers, by number, for those that it touches.
    """

    number: int
    class_name: str
    score: float
    area: int
    centre: tuple[float, float]
    sky: tuple[float, float] | None
    ccds: Mapping[int, float]


@dataclass(frozen=True)
class TouchedCcd:
    """What ghosts do to one CCD.

    Attributes
    ----------
    number
        The CCD.
    parts
        Largest part of it that one ghost of a class covers, by class.
    score
        Of the likeliest ghost that touches it.
    ghosts
        Numbers of those that do.
    """

    number: int
    parts: Mapping[str, float]
    score: float
    ghosts: tuple[int, ...]


def place_ghosts(
    ghosts: Sequence[Ghost],
    camera: Camera,
    sky: SkyMap | None,
    *,
    least: float,
    among: Collection[int],
) -> tuple[PlacedGhost, ...]:
    """Return where ghosts are.

    Parameters
    ----------
    ghosts
        The likeliest first.
    camera
        The camera.
    sky
        Where its picture is on the sky, if that is known.
    least
        Part of a CCD that a ghost must cover to touch it; one pixel at least.
    among
        CCDs that have data; others cannot be touched.
    """
    placed = []
    for number, ghost in enumerate(ghosts, 1):
        rows, columns = np.nonzero(ghost.mask)
        x, y = float(columns.mean()), float(rows.mean())
        covered = zip(camera.numbers, covered_fractions(camera, ghost.mask).tolist(), strict=True)
        ccds = {ccd: part for ccd, part in covered if part > 0 and part >= least and ccd in among}
        place = None if sky is None else sky.sky(x, y)
        placed.append(PlacedGhost(number, ghost.class_name, ghost.score, ghost.area, (x, y), place, ccds))
    return tuple(placed)


def touched_ccds(ghosts: Sequence[PlacedGhost]) -> list[TouchedCcd]:
    """Return the CCDs that ghosts touch, by number."""
    found = []
    for number in sorted({ccd for ghost in ghosts for ccd in ghost.ccds}):
        here = [ghost for ghost in ghosts if number in ghost.ccds]
        parts: dict[str, float] = {}
        for ghost in here:
            parts[ghost.class_name] = max(parts.get(ghost.class_name, 0.0), ghost.ccds[number])
        score = max(ghost.score for ghost in here)
        found.append(TouchedCcd(number, parts, score, tuple(ghost.number for ghost in here)))
    return found
