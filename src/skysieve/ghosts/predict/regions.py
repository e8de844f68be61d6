"""Ghosts as regions of SAOImage DS9: polygons, on the sky where that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.ghosts.annotations.tracing import trace
from skysieve.ghosts.classes import find_class

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysieve.ghosts.focal_plane.geometry import SkyMap
    from skysieve.ghosts.predict.decide import Ghost

__all__ = ["region_text"]

CORNERS = 120
"""Corners of a region at most; of a longer outline every second, third, ... is taken."""


def region_text(ghosts: Sequence[Ghost], sky: SkyMap | None) -> str:
    """Return the text of a region file.

    Parameters
    ----------
    ghosts
        The likeliest first.
    sky
        Where the picture is on the sky; if None, regions are in pixels of the picture from 1, row 1 at the
        top, as in the label image.
    """
    lines = ["# Region file format: DS9", "image" if sky is None else "icrs"]
    for number, ghost in enumerate(ghosts, 1):
        outline = trace(ghost.mask)
        every = -(-len(outline.xs) // CORNERS)
        places = []
        for x, y in zip(outline.xs[::every], outline.ys[::every], strict=True):
            at = (x + 1, y + 1) if sky is None else sky.sky(x, y)
            if at is not None:
                places.append(f"{at[0]:.6f},{at[1]:.6f}")
        colour = find_class(ghost.class_name).colour
        words = f"{number} {ghost.class_name} {ghost.score:.2f}"
        lines.append(f"polygon({','.join(places)}) # color={colour} text={{{words}}}")
    return "\n".join(lines) + "\n"
