"""Skysieve finds what does not belong in an astronomical picture, and what is hidden in it.

:func:`mask` finds the contaminants of a frame, :func:`track` detects tracking errors, :func:`find_ghosts`
finds ghosts on a focal plane, and :func:`find_clusters` finds clusters of galaxies in maps of the sky::

    import skysieve

    result = skysieve.mask("frame.fits")
    cosmic_rays = result.boolean("CR")
    probability = skysieve.track("frame.fits").probability
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve._version import __version__

if TYPE_CHECKING:
    from skysieve.api import find_clusters, find_ghosts, mask, mask_file, repair, track, track_file, trails

__all__ = [
    "__version__",
    "find_clusters",
    "find_ghosts",
    "mask",
    "mask_file",
    "repair",
    "track",
    "track_file",
    "trails",
]


def __getattr__(name: str) -> object:
    """Load the library when it is first used, so that the command line starts at once."""
    if name in __all__:
        from skysieve import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
