"""Simulate frames for tracking from a seed and a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError
from skysieve.frames.simulate.elongation import common_elongation
from skysieve.frames.simulate.overscan import Borders
from skysieve.frames.simulate.recipe import Recipe
from skysieve.frames.simulate.scenery import STREAMS, choose_contaminants, draw_layers, draw_scene
from skysieve.frames.simulate.tracking_frame import expose_with_motion, visible_stars

if TYPE_CHECKING:
    from numpy.random import Generator

    from skysieve.frames.simulate.motion import Kind, Motion
    from skysieve.frames.simulate.optics import PsfBank
    from skysieve.frames.simulate.psf import Psf
    from skysieve.frames.simulate.tracking_errors import TrackingErrors
    from skysieve.frames.simulate.tracking_frame import TrackingFrame

__all__ = ["simulate_tracking_frame"]

ATTEMPTS = 50


def simulate_tracking_frame(
    shape: tuple[int, int] = (1024, 1024),
    *,
    seed: int | Generator,
    recipe: Recipe | None = None,
    kind: Kind | None = None,
    bank: PsfBank | None = None,
) -> TrackingFrame:
    """Simulate a frame with or without a tracking error.

    Parameters
    ----------
    shape
        ``(H, W)`` in pixels, overscan included.
    seed
        A number, or a generator to draw from. The same number gives the same frame.
    recipe
        Ranges to draw from; by default cameras of all kinds.
    kind
        Kind of motion; ``"good"`` for a motion too small to reject the frame. By default drawn with the
        recipe's probabilities.
    bank
        PSFs to choose from, for a long series of frames; by default a new PSF is drawn.

    Returns
    -------
    TrackingFrame
        Pixels and the motion.

    Raises
    ------
    ConfigError
        If no drawn field has enough visible stars and an unambiguous label.

    Examples
    --------
    >>> simulate_tracking_frame((128, 128), seed=1, kind="drift").tracking_error
    True
    """
    recipe = recipe or Recipe()
    rng = np.random.default_rng(seed)
    tracking = recipe.tracking
    has_error = rng.uniform() < tracking.probability
    # a frame without stars can only be labelled good
    empty = rng.uniform() < tracking.any_stars and (kind == "good" if kind else not has_error)
    min_stars = 0 if empty else tracking.least_stars
    for attempt in rng.spawn(ATTEMPTS):
        streams = dict(zip((*STREAMS, "motion"), attempt.spawn(len(STREAMS) + 1), strict=True))
        wanted = choose_contaminants(recipe, None, streams["present"])
        processed = recipe.processing.draw_kind(streams["present"])
        borders = Borders()
        if "OV" in wanted and processed != "resampled":
            borders = recipe.overscan.draw(shape, streams["OV"])
        scene, response = draw_scene(borders.inside(shape), streams, recipe=recipe, bank=bank)
        motion = tracking.draw(
            streams["motion"],
            psf_fwhm=scene.psf.fwhm,
            shape=scene.shape,
            kind=kind or (None if has_error else "good"),
        )
        stars = recipe.stars.draw(scene, streams["stars"])
        if visible_stars(scene, motion, stars) < min_stars or _is_ambiguous(scene.psf, motion, tracking):
            continue
        return expose_with_motion(
            scene,
            motion,
            streams["exposure"],
            stars=stars,
            galaxies=recipe.galaxies.simulate(scene, streams["galaxies"]),
            response=response,
            layers=draw_layers(scene, streams, recipe, wanted),
            recipe=recipe,
            kind=processed,
            borders=borders,
        )
    raise ConfigError(
        f"recipe {recipe.name}: none of {ATTEMPTS} fields of {shape[0]} × {shape[1]} px has {min_stars} "
        "stars that stand out, and whose form tells what happened; raise stars.density, or the size"
    )


def _is_ambiguous(psf: Psf, motion: Motion, tracking: TrackingErrors) -> bool:
    """Return whether the elongation of stars could come from the optics as well as from a motion."""
    if not motion.uniform:
        return False
    found = common_elongation(psf, motion)
    return found < tracking.elongation if motion.tracking_error else found > tracking.good_elongation
