"""Summaries of annotation files, as text."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from skysieve.ghosts.annotations.annotation_files import find_problems
from skysieve.ghosts.annotations.via import KNOWN_SHAPES
from skysieve.ghosts.classes import CLASS_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from skysieve.ghosts.annotations.annotated_images import Annotations

__all__ = ["describe_skipped", "describe_unknown", "shortened", "summary_lines", "warn_unknown"]

logger = logging.getLogger(__name__)

MAX_NAMED = 3
"""Maximum number of image names in one message."""


def summary_lines(read: Annotations) -> Iterator[str]:
    """Count images and regions by class and shape, and list regions that look wrong.

    Parameters
    ----------
    read
        The annotations of a file.

    Yields
    ------
    str
        A line.
    """
    ghosts = [ghost for image in read.images for ghost in image.ghosts]
    classes = Counter(ghost.class_name for ghost in ghosts)
    shapes = Counter(ghost.outline.shape_name for ghost in ghosts)
    regions = f"{len(read.images)} images, {len(ghosts)} regions"
    yield f"{read.source}: {read.form}, {regions}{describe_skipped(read)}"
    yield "  " + ", ".join(f"{name} {classes[name]}" for name in CLASS_NAMES)
    if shapes:
        yield "  " + ", ".join(f"{name} {shapes[name]}" for name in sorted(shapes))
    for problem, images in find_problems(read).items():
        yield f"  {len(images)} {problem}: {shortened(list(dict.fromkeys(images)))}"


def describe_skipped(read: Annotations) -> str:
    """Return how many regions were left out, and why.

    Parameters
    ----------
    read
        The annotations of a file.

    Returns
    -------
    str
        Continuation of a line; empty if none was left out.
    """
    return f", {read.skipped.total} left out ({read.skipped})" if read.skipped.total else ""


def describe_unknown(read: Annotations) -> str:
    """Return a message about the regions of unknown shape.

    Parameters
    ----------
    read
        The annotations of a file that has some.

    Returns
    -------
    str
        The message.
    """
    times = len(read.skipped.unknown)
    names = ", ".join(repr(name) for name in dict.fromkeys(read.skipped.unknown))
    what = f"{times} region{'s' * (times > 1)} of unknown shape {names} left out"
    return f"{read.source}: {what}; the shapes are {', '.join(KNOWN_SHAPES)}"


def shortened(names: Sequence[str]) -> str:
    """Return the first names of a list, and the number of the others.

    Parameters
    ----------
    names
        Names of images.

    Returns
    -------
    str
        The names, separated by commas.
    """
    more = f" and {len(names) - MAX_NAMED} more images" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more


def warn_unknown(read: Annotations) -> None:
    """Log a warning of the regions of unknown shape, if there are any.

    Parameters
    ----------
    read
        The annotations of a file.
    """
    if read.skipped.unknown:
        logger.warning("%s", describe_unknown(read))
