"""Draw tracking errors: drift, jumps, oscillation, wind shake, lost guide star, halting drift, rotation."""

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
"""Time steps of an exposure: enough that a trail of 30 FWHM in a fraction of it shows no single points."""

MIN_WIDTH = 2.0
"""Minimum width of images in pixels, for the extent of a motion: pixels broaden even a sharp PSF to this."""

MAX_LENGTH = 0.35
"""Maximum length of a motion, relative to the shorter side of the frame: longer trails leave no stars."""

TIME = (np.arange(MOMENTS) + 0.5) / MOMENTS

Course = tuple["NDArray[np.float64]", "NDArray[np.float64]"]


@dataclass(frozen=True, kw_only=True)
class TrackingErrors:
    """Ranges of motions of the images during an exposure.

    The extent of a motion is its standard deviation along its main axis, in FWHM of the images without it. A
    steady drift of length L has L / sqrt(12), so the defaults correspond to drifts of 1.4 to 30 FWHM. A frame
    is a tracking error if its extent is within ``extent``, and good if within ``good``. Values between these
    two ranges are not drawn: whether to reject such a frame is a matter of taste, so it has no correct label.

    Optics and seeing may elongate images as much as a short motion does; an elliptical PSF looks the same as
    a short wind shake. Ambiguous frames are not drawn: good frames whose stars have a common elongation above
    ``good_elongation``, and tracking errors whose stars, with PSF and motion together, have one below
    ``elongation``; see :func:`skysieve.frames.simulate.elongation.common_elongation`.

    Attributes
    ----------
    probability
        Probability that a frame has a tracking error.
    drift
        Relative probability of a drift (wrong tracking rate, flexure, polar misalignment): a line of any
        angle, slightly curved.
    jump
        Relative probability of jumps (the guider takes another star, a cable snags): two or three images.
    oscillation
        Relative probability of an oscillation along one axis (periodic error of a worm gear, overcorrecting
        guider).
    wind
        Relative probability of wind shake: a mean-reverting random walk, mostly along one axis.
    lost_star
        Relative probability of a lost guide star: good tracking, then a drift; images look like comets.
    halting_drift
        Relative probability of a drift that stops one to three times (slipping clutch, intermittent guider):
        trails with knots.
    rotation
        Relative probability of field rotation (faulty rotator, alt-azimuth mount without one): arcs around a
        point within the frame or near it.
    extent
        Extent of tracking errors, log-uniform.
    good
        Extent of the motions in good frames.
    curvature
        Maximum curvature of a drift: standard deviation across, relative to that along.
    cycles
        Periods of an oscillation in an exposure.
    memory
        Correlation time of wind shake, in exposures.
    across
        Standard deviation of wind shake across its main axis, relative to that along.
    good_part
        Fraction of the exposure before the guide star is lost.
    pauses
        Total fraction of the exposure in the pauses of a halting drift.
    centre
        Distance of the centre of rotation from the middle of the frame, relative to the frame's shorter side.
    elongation
        Minimum common elongation of the stars in a frame with a tracking error, as distortion
        ``(a^2 - b^2) / (a^2 + b^2)``; rotations are exempt.
    good_elongation
        Maximum common elongation of the stars in a good frame.
    least_stars
        Minimum number of visible stars; fields with fewer show no motion and are drawn again.
    any_stars
        Probability that a good frame may have fewer or none: without stars there is no reason to reject it.

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
        """Draw a motion.

        Parameters
        ----------
        rng
            Random generator.
        psf_fwhm
            FWHM of the PSF without the motion, in pixels.
        shape
            ``(H, W)`` of the frame.
        kind
            Kind of motion; by default a tracking error drawn with the relative probabilities. ``"good"``
            gives the small motion of a good frame.

        Returns
        -------
        Motion
            The motion.
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
        """Draw the extent of a motion; ``longest`` is its full length in standard deviations."""
        low, high = self.extent
        width = max(fwhm, MIN_WIDTH)
        room = MAX_LENGTH * min(shape) / (longest * width)
        # no motion may be longer than a drift of the largest extent
        room = min(room, high * math.sqrt(12) / longest)
        return log_uniform(rng, (low, max(low, min(high, room))))

    def _good(self, rng: Generator, *, psf_fwhm: float, shape: tuple[int, int]) -> Motion:
        """Draw the residual motion of a good guider: a small motion of any kind."""
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
        # the length of an arc is its radius times the angle; the extent holds for the rms radius
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
        """Return the offsets along the main axis and across it, with arbitrary scale."""
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
        """Return a sinusoid with a harmonic, at times with a drift."""
        phase = 2 * math.pi * (log_uniform(rng, self.cycles) * TIME + rng.uniform())
        along = np.sin(phase) + uniform(rng, (0, 0.3)) * np.sin(2 * phase + rng.uniform(0, 2 * math.pi))
        if rng.uniform() < 0.4:
            along += uniform(rng, (0, 1.5)) * (TIME - 0.5)
        # both axes oscillate: an ellipse
        return _unit(along), uniform(rng, (0, 0.15)) * _unit(np.sin(phase + rng.uniform(0, 2 * math.pi)))

    def _wind(self, rng: Generator) -> Course:
        """Return Ornstein-Uhlenbeck processes: random walks with a restoring force towards the mean position.

        References
        ----------
        Uhlenbeck & Ornstein 1930, Phys. Rev. 36, 823.
        """
        kept = math.exp(-1 / (MOMENTS * log_uniform(rng, self.memory)))
        start = rng.standard_normal((2, 1)) * kept / math.sqrt(1 - kept**2)
        courses, _ = lfilter([1.0], [1.0, -kept], rng.standard_normal((2, MOMENTS)), axis=1, zi=start)
        return _unit(courses[0]), uniform(rng, self.across) * _unit(courses[1])

    def _halting_drift(self, rng: Generator) -> Course:
        """Return a drift of constant speed that pauses one to three times at random times."""
        count = int(rng.integers(1, 4))
        lengths = uniform(rng, self.pauses) * rng.dirichlet(np.full(count, 2.0))
        # fractions of the exposure before, between and after the pauses
        parts = (1 - lengths.sum()) * rng.dirichlet(np.full(count + 1, 1.5))
        begins = np.cumsum(parts[:-1]) + np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
        stood = np.clip((TIME[:, None] - begins) / lengths, 0, 1) @ lengths
        gone = TIME - stood
        bend = _unit((gone - gone.mean()) ** 2)
        return _unit(gone), uniform(rng, self.curvature) * bend

    def _lost_star(self, rng: Generator) -> Course:
        left = uniform(rng, self.good_part)
        adrift = np.clip((TIME - left) / (1 - left), 0, None)
        # the speed is nearly constant, or increases with time
        along = _unit(adrift ** uniform(rng, (0.9, 1.8)))
        bend = _unit(adrift * (1 - adrift))
        return along, uniform(rng, self.curvature) * bend


def _jumps(rng: Generator) -> Course:
    """Return two or three positions with unequal durations, and at times the path between them."""
    count = 2 if rng.uniform() < 0.65 else 3
    stays = 0.12 + (1 - 0.12 * count) * rng.dirichlet(np.full(count, 1.5))
    ends = np.cumsum(stays)[:-1]
    positions_along = np.concatenate([[0.0], np.cumsum(rng.uniform(0.4, 1.0, count - 1))])
    if count == 3 and rng.uniform() < 0.4:
        positions_along[2] = rng.uniform(-0.8, 0.3)  # back to the first position or beyond it
    positions_across = rng.uniform(-0.25, 0.25, count) if count == 3 else np.zeros(count)
    way = uniform(rng, (0.0, 0.06))
    steps = np.clip((TIME[:, None] - ends) / max(way, 1e-6) + 0.5, 0, 1)
    along = positions_along[0] + steps @ np.diff(positions_along)
    across = positions_across[0] + steps @ np.diff(positions_across)
    scale = along.std()
    return (along - along.mean()) / scale, (across - across.mean()) / scale


def _to_motion(
    kind: Kind, course: Course, rng: Generator, *, extent: float, psf_fwhm: float, shape: tuple[int, int]
) -> Motion:
    """Scale offsets to an extent, and rotate them to a random direction."""
    along, across = (part - part.mean() for part in course)
    # variance along the main axis of both together
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
    """Return offsets scaled to mean 0 and standard deviation 1."""
    unit: NDArray[np.float64] = (course - course.mean()) / course.std()
    return unit
