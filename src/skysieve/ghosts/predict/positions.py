"""Positions of ghosts on the focal plane and on the sky, and the CCDs that they touch."""

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

__all__ = ["LocatedGhost", "TouchedCcd", "locate_ghosts", "touched_ccds"]


@dataclass(frozen=True)
class LocatedGhost:
    """A ghost with its position.

    Attributes
    ----------
    number
        Number in its exposure, from 1, by decreasing score.
    class_name, score, area
        See :class:`skysieve.ghosts.predict.decide.Ghost`; the area is in pixels of the picture.
    centre
        Mean column and row of its pixels in the picture, from 0.
    sky
        Right ascension and declination of the centre in degrees; None if unknown.
    ccds
        Covered fraction of each touched CCD, by number.
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
    """A CCD that ghosts touch.

    Attributes
    ----------
    number
        Number of the CCD.
    parts
        Largest fraction of the CCD that one ghost covers, by class.
    score
        Highest score of the ghosts that touch it.
    ghosts
        Numbers of these ghosts.
    """

    number: int
    parts: Mapping[str, float]
    score: float
    ghosts: tuple[int, ...]


def locate_ghosts(
    ghosts: Sequence[Ghost],
    camera: Camera,
    sky: SkyMap | None,
    *,
    min_ccd_fraction: float,
    among: Collection[int],
) -> tuple[LocatedGhost, ...]:
    """Determine the positions of ghosts and the CCDs that they touch.

    Parameters
    ----------
    ghosts
        Ghosts, sorted by decreasing score.
    camera
        The camera.
    sky
        Mapping between picture and sky; None if unknown.
    min_ccd_fraction
        Minimum fraction of a CCD that a ghost must cover to touch it, at least one pixel.
    among
        Numbers of the CCDs with data; ghosts touch no others.

    Returns
    -------
    tuple of LocatedGhost
        Ghosts with positions, in the same order.
    """
    located = []
    for number, ghost in enumerate(ghosts, 1):
        rows, columns = np.nonzero(ghost.mask)
        x, y = float(columns.mean()), float(rows.mean())
        covered = zip(camera.numbers, covered_fractions(camera, ghost.mask).tolist(), strict=True)
        ccds = {ccd: part for ccd, part in covered if part > 0 and part >= min_ccd_fraction and ccd in among}
        on_sky = None if sky is None else sky.sky(x, y)
        located.append(LocatedGhost(number, ghost.class_name, ghost.score, ghost.area, (x, y), on_sky, ccds))
    return tuple(located)


def touched_ccds(ghosts: Sequence[LocatedGhost]) -> list[TouchedCcd]:
    """List the CCDs that ghosts touch.

    Parameters
    ----------
    ghosts
        Ghosts with positions.

    Returns
    -------
    list of TouchedCcd
        The CCDs, sorted by number.
    """
    found = []
    for number in sorted({ccd for ghost in ghosts for ccd in ghost.ccds}):
        here = [ghost for ghost in ghosts if number in ghost.ccds]
        parts: dict[str, float] = {}
        for ghost in here:
            parts[ghost.class_name] = max(parts.get(ghost.class_name, 0.0), ghost.ccds[number])
        score = max(ghost.score for ghost in here)
        found.append(TouchedCcd(number, parts, score, tuple(ghost.number for ghost in here)))
    return found
