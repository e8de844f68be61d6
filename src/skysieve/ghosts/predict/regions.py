"""Ghosts as polygon regions of SAOImage DS9."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.ghosts.annotations.tracing import trace
from skysieve.ghosts.classes import find_class

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysieve.ghosts.focal_plane.geometry import SkyMap
    from skysieve.ghosts.predict.decide import Ghost

__all__ = ["region_text"]

MAX_CORNERS = 120
"""Maximum number of corners of a region.  Of longer outlines, every second, third, ... corner is used."""


def region_text(ghosts: Sequence[Ghost], sky: SkyMap | None) -> str:
    """Return the text of a region file.

    Parameters
    ----------
    ghosts
        Ghosts, sorted by decreasing score.
    sky
        Mapping between picture and sky.  If None, regions are in pixels of the label image: from 1, row 1 at
        the top.

    Returns
    -------
    str
        The text.
    """
    lines = ["# Region file format: DS9", "image" if sky is None else "icrs"]
    for number, ghost in enumerate(ghosts, 1):
        outline = trace(ghost.mask)
        every = -(-len(outline.xs) // MAX_CORNERS)
        positions = []
        for x, y in zip(outline.xs[::every], outline.ys[::every], strict=True):
            at = (x + 1, y + 1) if sky is None else sky.sky(x, y)
            if at is not None:
                positions.append(f"{at[0]:.6f},{at[1]:.6f}")
        colour = find_class(ghost.class_name).colour
        words = f"{number} {ghost.class_name} {ghost.score:.2f}"
        lines.append(f"polygon({','.join(positions)}) # color={colour} text={{{words}}}")
    return "\n".join(lines) + "\n"
