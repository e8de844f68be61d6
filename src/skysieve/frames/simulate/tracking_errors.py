"""What goes wrong when a telescope follows the sky: drift, jumps, oscillation, wind, lost star, rotation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import lfilter

from skysieve.core.simulate.draws import Range, log_uniform, uniform
from skysieve.frames.simulate.motion import Kind, Motion

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["TrackingErrors"]

MOMENTS = 512
"""Moments of an exposure: enough that a tail of 30 FWHM, left in a fraction of it, has no beads."""

MIN_WIDTH = 2.0
"""However sharp the PSF, pixels make images about this wide, and a motion is seen against that."""

MAX_LENGTH = 0.35
"""No motion is longer than this part of the frame's shorter side: nothing would be left of the stars."""

TIME = (np.arange(MOMENTS) + 0.5) / MOMENTS

Course = tuple["NDArray[np.float64]", "NDArray[np.float64]"]


@dataclass(frozen=True, kw_only=True)
class TrackingErrors:
    """Motions of the images during an exposure.

    The extent of a motion is its standard deviation along its main axis, in FWHM of the images without it: a
    steady drift of length L has L / sqrt(12), so that the defaults stand for drifts of 1.4 to 30 FWHM.  A
    frame is a tracking error when its extent is within ``extent``, and good when within ``good``.  Between
    the two nothing is drawn: whether to reject such a frame is a matter of taste, and no label would be
    right.

    Optics and seeing may draw out images by as much as a short motion, and an elliptical PSF looks just like
    a short shake by the wind.  Frames that nobody could tell apart are not drawn: of good frames, those whose
    stars are elongated alike by more than ``good_elongation``; of tracking errors, those whose stars are,
    with PSF and motion together, elongated by less than ``elongation``; see
    :func:`skysieve.frames.simulate.elongation.common_elongation`.

    Attributes
    ----------
    probability
        Chance that a frame has a tracking error.
    drift
        Relative chance of a drift: the telescope runs fast or slow, the mount flexes, or the polar axis is
        off; a line of any angle, slightly curved.
    jump
        Relative chance of jumps: the guider takes another star or a cable catches; two or three images.
    oscillation
        Relative chance of an oscillation along one axis: the periodic error of a worm, or a guider that
        corrects too much.
    wind
        Relative chance of shake by the wind: a random course that is drawn back, mostly along one axis.
    lost_star
        Relative chance of a lost guide star: good for a while, then adrift; images like comets.
    halting_drift
        Relative chance of a drift that stops one to three times: a clutch that slips, or a guider that wakes
        up now and then; trails with knots.
    rotation
        Relative chance of a rotator at fault, or of an alt-azimuth mount without one: arcs about a point
        within or not far outside the frame.
    extent
        Extent of tracking errors; all orders of magnitude are as likely.
    good
        Extent of the motions in good frames.
    curvature
        Most that a drift bends: its standard deviation across, relative to that along.
    cycles
        Periods of an oscillation in an exposure.
    memory
        Time over which wind forgets, in exposures.
    across
        Wind's standard deviation across its main axis, relative to that along.
    good_part
        Part of the exposure before the guide star is lost.
    pauses
        Part of the exposure that the pauses of a halting drift take together.
    centre
        Distance of the point about which the field turns from the middle of the frame, relative to the
        frame's shorter side.
    elongation
        Least elongation that all stars of a frame with a tracking error have in common, as distortion
        ``(a^2 - b^2) / (a^2 + b^2)``; fields that turn are exempt.
    good_elongation
        Largest such elongation of a good frame.
    least_stars
        Where fewer stars stand out nobody can tell what happened: such fields are drawn again.
    any_stars
        Chance that a good frame may have fewer, or none: there is no reason to reject it.

    References
    ----------
    Paillassa, Bertin & Bouy 2020, A&A 634, A48 (tracking errors as a label of whole frames).
    """

    probability: float = 0.5
    drift: float = 1.0
    jump: float = 1.0
    oscillation: float = 1.0
    wind: float = 1.0
    lost_star: float = 1.0
    halting_drift: float = 0.8
    rotation: float = 0.8
    extent: Range = (0.4, 8.7)
    good: Range = (0.0, 0.1)
    curvature: Range = (0.0, 0.15)
    cycles: Range = (0.8, 25.0)
    memory: Range = (0.03, 1.0)
    across: Range = (0.0, 0.5)
    good_part: Range = (0.25, 0.8)
    pauses: Range = (0.3, 0.8)
    centre: Range = (0.0, 1.5)
    elongation: float = 0.38
    good_elongation: float = 0.33
    least_stars: int = 6
    any_stars: float = 0.15

    def draw(
        self, rng: Generator, *, psf_fwhm: float, shape: tuple[int, int], kind: Kind | None = None
    ) -> Motion:
        """Draw a tracking error.

        Parameters
        ----------
        rng
            Source of randomness.
        psf_fwhm
            FWHM of the PSF without it, in pixels.
        shape
            ``(H, W)`` of the frame.
        kind
            What went wrong; by default drawn by the chances.  ``"good"`` gives the small motion of a good
            frame.
        """
        kind = self._kind(rng) if kind is None else kind
        if kind == "good":
            return self._good(rng, psf_fwhm=psf_fwhm, shape=shape)
        if kind == "rotation":
            return self._rotation(rng, psf_fwhm=psf_fwhm, shape=shape)
        along, across = self._course(kind, rng)
        extent = self._extent(rng, psf_fwhm, shape, longest=float(np.ptp(along) / along.std()))
        return _to_motion(kind, (along, across), rng, extent=extent, psf_fwhm=psf_fwhm, shape=shape)

    def _kind(self, rng: Generator) -> Kind:
        kinds: dict[Kind, float] = {
            "drift": self.drift,
            "jump": self.jump,
            "oscillation": self.oscillation,
            "wind": self.wind,
            "lost star": self.lost_star,
            "halting drift": self.halting_drift,
            "rotation": self.rotation,
        }
        chances = np.array(list(kinds.values()))
        return list(kinds)[int(rng.choice(chances.size, p=chances / chances.sum()))]

    def _extent(self, rng: Generator, fwhm: float, shape: tuple[int, int], *, longest: float) -> float:
        """Draw the extent of a motion whose full length is so many times its standard deviation."""
        low, high = self.extent
        width = max(fwhm, MIN_WIDTH)
        room = MAX_LENGTH * min(shape) / (longest * width)
        # a drift of the largest extent has this length, and no other motion shall have a longer one
        room = min(room, high * math.sqrt(12) / longest)
        return log_uniform(rng, (low, max(low, min(high, room))))

    def _good(self, rng: Generator, *, psf_fwhm: float, shape: tuple[int, int]) -> Motion:
        """Draw what the best guider leaves: a small course of any form."""
        form: tuple[Kind, ...] = ("drift", "oscillation", "wind")
        course = self._course(form[rng.integers(3)], rng)
        extent = uniform(rng, self.good)
        return _to_motion("good", course, rng, extent=extent, psf_fwhm=psf_fwhm, shape=shape)

    def _rotation(self, rng: Generator, *, psf_fwhm: float, shape: tuple[int, int]) -> Motion:
        height, width = shape
        distance, direction = uniform(rng, self.centre) * min(shape), rng.uniform(0, 2 * math.pi)
        centre = (
            (height - 1) / 2 + distance * math.sin(direction),
            (width - 1) / 2 + distance * math.cos(direction),
        )
        speed = TIME + uniform(rng, (-0.3, 0.3)) * TIME**2
        turn = (speed - speed.mean()) / speed.std()
        sense = 1 if rng.uniform() < 0.5 else -1
        extent = self._extent(rng, psf_fwhm, shape, longest=2 * math.sqrt(12))
        # an arc is as long as its radius times the angle: the extent holds for the root mean square radius
        radius = math.sqrt((height**2 + width**2) / 12 + distance**2)
        angle = sense * extent * max(psf_fwhm, MIN_WIDTH) / radius
        still = np.zeros(MOMENTS, np.float32)
        return Motion(
            kind="rotation",
            shift_y=still,
            shift_x=still,
            rotation=(angle * turn).astype(np.float32),
            centre=centre,
            shape=shape,
            width=max(psf_fwhm, MIN_WIDTH),
        )

    def _course(self, kind: Kind, rng: Generator) -> Course:
        """Return where images were along the main axis and across it, to any scale."""
        if kind == "drift":
            return self._drift(rng)
        if kind == "jump":
            return _jumps(rng)
        if kind == "oscillation":
            return self._oscillation(rng)
        if kind == "wind":
            return self._wind(rng)
        if kind == "halting drift":
            return self._halting_drift(rng)
        return self._lost_star(rng)

    def _drift(self, rng: Generator) -> Course:
        along = _unit(TIME + uniform(rng, (-0.4, 0.4)) * TIME**2)
        bend = _unit((TIME - 0.5) ** 2)
        return along, uniform(rng, self.curvature) * bend

    def _oscillation(self, rng: Generator) -> Course:
        """Return a sinusoid with a harmonic, on a drift that may be there too."""
        phase = 2 * math.pi * (log_uniform(rng, self.cycles) * TIME + rng.uniform())
        along = np.sin(phase) + uniform(rng, (0, 0.3)) * np.sin(2 * phase + rng.uniform(0, 2 * math.pi))
        if rng.uniform() < 0.4:
            along += uniform(rng, (0, 1.5)) * (TIME - 0.5)
        # the ellipse of a mount that shakes in both axes
        return _unit(along), uniform(rng, (0, 0.15)) * _unit(np.sin(phase + rng.uniform(0, 2 * math.pi)))

    def _wind(self, rng: Generator) -> Course:
        """Return Ornstein-Uhlenbeck processes: a random walk with a spring to the place it should be at.

        References
        ----------
        Uhlenbeck & Ornstein 1930, Phys. Rev. 36, 823.
        """
        kept = math.exp(-1 / (MOMENTS * log_uniform(rng, self.memory)))
        start = rng.standard_normal((2, 1)) * kept / math.sqrt(1 - kept**2)
        courses, _ = lfilter([1.0], [1.0, -kept], rng.standard_normal((2, MOMENTS)), axis=1, zi=start)
        return _unit(courses[0]), uniform(rng, self.across) * _unit(courses[1])

    def _halting_drift(self, rng: Generator) -> Course:
        """Return a drift that stands still for one to three times, wherever, and else keeps its pace."""
        count = int(rng.integers(1, 4))
        lengths = uniform(rng, self.pauses) * rng.dirichlet(np.full(count, 2.0))
        # parts of the motion before, between and after the pauses
        parts = (1 - lengths.sum()) * rng.dirichlet(np.full(count + 1, 1.5))
        begins = np.cumsum(parts[:-1]) + np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
        stood = np.clip((TIME[:, None] - begins) / lengths, 0, 1) @ lengths
        gone = TIME - stood
        bend = _unit((gone - gone.mean()) ** 2)
        return _unit(gone), uniform(rng, self.curvature) * bend

    def _lost_star(self, rng: Generator) -> Course:
        left = uniform(rng, self.good_part)
        adrift = np.clip((TIME - left) / (1 - left), 0, None)
        # a mount runs away at an even pace, or faster and faster
        along = _unit(adrift ** uniform(rng, (0.9, 1.8)))
        bend = _unit(adrift * (1 - adrift))
        return along, uniform(rng, self.curvature) * bend


def _jumps(rng: Generator) -> Course:
    """Return two or three places with unequal stays, and at times the way from one to the next."""
    count = 2 if rng.uniform() < 0.65 else 3
    stays = 0.12 + (1 - 0.12 * count) * rng.dirichlet(np.full(count, 1.5))
    ends = np.cumsum(stays)[:-1]
    places_along = np.concatenate([[0.0], np.cumsum(rng.uniform(0.4, 1.0, count - 1))])
    if count == 3 and rng.uniform() < 0.4:
        places_along[2] = rng.uniform(-0.8, 0.3)  # back again, or past where it was
    places_across = rng.uniform(-0.25, 0.25, count) if count == 3 else np.zeros(count)
    way = uniform(rng, (0.0, 0.06))
    steps = np.clip((TIME[:, None] - ends) / max(way, 1e-6) + 0.5, 0, 1)
    along = places_along[0] + steps @ np.diff(places_along)
    across = places_across[0] + steps @ np.diff(places_across)
    scale = along.std()
    return (along - along.mean()) / scale, (across - across.mean()) / scale


def _to_motion(
    kind: Kind, course: Course, rng: Generator, *, extent: float, psf_fwhm: float, shape: tuple[int, int]
) -> Motion:
    """Return a course to scale, along any direction."""
    along, across = (part - part.mean() for part in course)
    # the main axis of both together, whose standard deviation the extent is
    yy, xx, yx = float((across**2).mean()), float((along**2).mean()), float((across * along).mean())
    main = (yy + xx) / 2 + math.hypot((yy - xx) / 2, yx)
    width = max(psf_fwhm, MIN_WIDTH)
    scale = extent * width / math.sqrt(main)
    angle = rng.uniform(0, 2 * math.pi)
    sine, cosine = math.sin(angle), math.cos(angle)
    return Motion(
        kind=kind,
        shift_y=(scale * (sine * along + cosine * across)).astype(np.float32),
        shift_x=(scale * (cosine * along - sine * across)).astype(np.float32),
        rotation=np.zeros(0, np.float32),
        centre=((shape[0] - 1) / 2, (shape[1] - 1) / 2),
        shape=shape,
        width=width,
    )


def _unit(course: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a course with mean 0 and standard deviation 1."""
    unit: NDArray[np.float64] = (course - course.mean()) / course.std()
    return unit
