"""Motion of the images on the detector during an exposure, and its effect on stars and other light."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.fft import irfft2, next_fast_len, rfft2

from skysieve.frames.simulate.points import add_points

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from skysieve.frames.simulate.psf import Psf

__all__ = ["GAUSSIAN", "Kind", "Motion", "add_moved_stars", "motion_blur"]

Kind = Literal["good", "drift", "jump", "oscillation", "wind", "lost star", "halting drift", "rotation"]
"""Kind of motion; ``good`` is a motion too small to notice."""

CELLS = 3
"""Cells of a frame along each axis; within a cell, all light except that of stars moves alike."""

GROUPS = 5
"""Cells along each axis within which many bright stars share one arc."""

WINGS = 10
"""A star whose wings begin at more than this many times the floor is drawn with its wings."""

CHUNK = 1000
"""Number of stars whose arcs are in memory at one time."""

GAUSSIAN = 8 * math.log(2)
"""Squared FWHM of a Gaussian of standard deviation 1."""

ARC_STEP = 0.25
"""Maximum distance between the points of an arc, in FWHM of the PSF or in pixels, whichever is larger."""


@dataclass(frozen=True, kw_only=True)
class Motion:
    """Position of the images at N equal time steps: a common shift, and a rotation of the field.

    Attributes
    ----------
    kind
        Kind of motion.
    shift_y, shift_x
        ``(N,)`` float32, offset of all images in pixels; N is a power of two.
    rotation
        ``(N,)`` float32, rotation angle of the field in radians, from x towards y; empty if it does not
        rotate.
    centre
        Centre of the rotation ``(y, x)``, in pixels.
    shape
        ``(H, W)`` of the frame.
    width
        FWHM of the images without the motion in pixels, the unit of :attr:`extent`.
    """

    kind: Kind
    shift_y: NDArray[np.float32]
    shift_x: NDArray[np.float32]
    rotation: NDArray[np.float32]
    centre: tuple[float, float]
    shape: tuple[int, int]
    width: float

    @property
    def tracking_error(self) -> bool:
        """Whether this is a tracking error: the label of the frame."""
        return self.kind != "good"

    @property
    def uniform(self) -> bool:
        """Whether the motion is the same everywhere in the frame."""
        return self.rotation.size == 0

    def path(self, y: ArrayLike, x: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the path of an image relative to its mean position.

        Parameters
        ----------
        y, x
            Mean position of the image in pixels: numbers, or arrays ``(M,)``.

        Returns
        -------
        tuple
            Offsets along y and along x, ``(N,)`` or ``(M, N)`` float32 in pixels, with mean zero.
        """
        up = np.asarray(y, np.float64)[..., None] - self.centre[0]
        right = np.asarray(x, np.float64)[..., None] - self.centre[1]
        dy, dx = self.shift_y + 0 * up, self.shift_x + 0 * right
        if not self.uniform:
            cosine, sine = (
                np.cos(self.rotation.astype(np.float64)) - 1,
                np.sin(self.rotation.astype(np.float64)),
            )
            dy, dx = dy + cosine * up + sine * right, dx + cosine * right - sine * up
        dy -= dy.mean(axis=-1, keepdims=True)
        dx -= dx.mean(axis=-1, keepdims=True)
        return dy.astype(np.float32), dx.astype(np.float32)

    @cached_property
    def extent(self) -> float:
        """Standard deviation of the motion along its main axis, in FWHM of the images without it.

        For a rotation it varies over the field; this is the root mean square over the frame.
        """
        places = np.array([0.5]) if self.uniform else (np.arange(5) + 0.5) / 5
        y, x = (grid.ravel() for grid in np.meshgrid(*(places * n - 0.5 for n in self.shape), indexing="ij"))
        dy, dx = (path.astype(np.float64) for path in self.path(y, x))
        yy, xx, yx = ((a * b).mean(axis=1) for a, b in ((dy, dy), (dx, dx), (dy, dx)))
        main = (yy + xx) / 2 + np.hypot((yy - xx) / 2, yx)
        return math.sqrt(main.mean()) / self.width

    def elongation(self, y: ArrayLike, x: ArrayLike) -> NDArray[np.float32]:
        """Return the distortion of a round image by the motion at some positions.

        The distortion comes from the second moments of a Gaussian image of FWHM :attr:`width`: ``((Cxx - Cyy)
        / T, 2 Cxy / T)``, where C is the covariance of the path, and T the trace of the covariance of the
        moved image. Its absolute value is 0 without motion, and approaches 1 as the image becomes a line.

        Parameters
        ----------
        y, x
            Mean positions of images in pixels: numbers, or arrays of one shape.

        Returns
        -------
        numpy.ndarray
            ``(2, …)`` float32.

        References
        ----------
        Bernstein & Jarvis 2002, AJ 123, 583, section 2.1 (distortion).

        Examples
        --------
        >>> Motion(
        ...     kind="drift",
        ...     shift_y=np.zeros(4),
        ...     shift_x=np.linspace(-9, 9, 4),
        ...     rotation=np.zeros(0),
        ...     centre=(0, 0),
        ...     shape=(64, 64),
        ...     width=2.0,
        ... ).elongation(5, 5).round(2)
        array([0.97, 0.  ], dtype=float32)
        """
        dy, dx = (part.astype(np.float64) for part in self.path(y, x))
        yy, xx, yx = ((a * b).mean(axis=-1) for a, b in ((dy, dy), (dx, dx), (dy, dx)))
        # the trace of a round Gaussian is twice its variance
        trace = yy + xx + 2 * self.width**2 / GAUSSIAN
        return np.stack([(xx - yy) / trace, 2 * yx / trace]).astype(np.float32)

    def label(self) -> str:
        """Return a label of the motion for figures.

        Returns
        -------
        str
            Kind and extent.

        Examples
        --------
        >>> still = np.zeros(1, np.float32)
        >>> Motion(
        ...     kind="good",
        ...     shift_y=still,
        ...     shift_x=still,
        ...     rotation=still[:0],
        ...     centre=(0, 0),
        ...     shape=(64, 64),
        ...     width=3.0,
        ... ).label()
        'good, 0.00 FWHM rms'
        """
        return f"{self.kind}, {self.extent:.2f} FWHM rms"


def add_moved_stars(
    image: NDArray[np.float32],
    psf: Psf,
    motion: Motion,
    *,
    y: NDArray[np.floating],
    x: NDArray[np.floating],
    flux: NDArray[np.floating],
    floor: float,
) -> None:
    """Add stars that moved during the exposure to an image, in place.

    If all stars move alike, they are drawn with the PSF convolved with the path. If the field rotates, each
    star has its own arc, drawn as a row of points that the PSF blurs; the points are too close for the PSF to
    resolve. Stars with visible wings are drawn with a PSF of their own or, if there are many, with one PSF
    per group of neighbours.

    Parameters
    ----------
    image
        ``(H, W)`` float32, electrons.
    psf
        Point spread function without the motion.
    motion
        The motion.
    y, x
        ``(M,)`` mean positions in pixels; stars outside the frame may contribute light to it.
    flux
        ``(M,)`` fluxes in electrons.
    floor
        Electrons in a pixel below which light is not drawn.
    """
    y, x, flux = (np.asarray(values, np.float64) for values in (y, x, flux))
    if motion.uniform:
        _moved_psf(psf, motion, 0, 0).add_stars(image, y=y, x=x, flux=flux, floor=floor)
        return
    order = np.argsort(flux)
    y, x, flux = y[order], x[order], flux[order]
    visible = WINGS * floor
    faint = bisect_left(flux, True, key=lambda f: psf.reach(float(f), visible) > psf.radius)
    nodes = _nodes(psf, y, x, image.shape)
    for node in np.unique(nodes[:faint]):
        chosen = np.flatnonzero(nodes[:faint] == node)
        _add_arcs(image, _at_node(psf, node), motion, y=y[chosen], x=x[chosen], flux=flux[chosen])
    for group in _groups(y[faint:], x[faint:], image.shape):
        chosen = faint + group
        middle_y, middle_x = float(y[chosen].mean()), float(x[chosen].mean())
        moved = _moved_psf(_at_node(psf, nodes[chosen[0]]), motion, middle_y, middle_x)
        moved.add_stars(image, y=y[chosen], x=x[chosen], flux=flux[chosen], floor=floor)


def motion_blur(light: NDArray[np.float32], motion: Motion) -> NDArray[np.float32]:
    """Return the light blurred by the motion. Beyond the border it continues with the values at the border.

    A rotating field is divided into 3 x 3 cells with one motion each, blended at their borders. This is
    accurate enough for faint galaxies, halos and spikes, whose arcs are not measured.

    Parameters
    ----------
    light
        ``(H, W)`` float32, convolved with the PSF: sharper edges cause ripples of a few per cent, also
        negative.
    motion
        The motion.

    Returns
    -------
    numpy.ndarray
        Blurred light ``(H, W)`` float32.
    """
    height, width = light.shape
    cells = [(height / 2, width / 2)]
    if not motion.uniform:
        cells = [
            ((i + 0.5) * height / CELLS, (j + 0.5) * width / CELLS)
            for i in range(CELLS)
            for j in range(CELLS)
        ]
    paths = [motion.path(*cell) for cell in cells]
    pad = math.ceil(max(float(np.abs(d).max()) for path in paths for d in path)) + 3
    padded = np.pad(light, pad, mode="edge")
    shape = [next_fast_len(n + 2 * pad, real=True) for n in padded.shape]
    total = np.zeros((shape[0], shape[1] // 2 + 1), np.complex64)
    weights_y, weights_x = _cell_weights(padded.shape[0], pad), _cell_weights(padded.shape[1], pad)
    for index, (dy, dx) in enumerate(paths):
        part = padded
        if len(paths) > 1:
            part = padded * weights_y[index // CELLS][:, None] * weights_x[index % CELLS]
        kernel = np.zeros((2 * pad + 1, 2 * pad + 1), np.float32)
        add_points(kernel, dy + pad, dx + pad, np.full(dy.shape, 1 / dy.size))
        total += rfft2(part, shape) * rfft2(kernel, shape)
    moved: NDArray[np.float32] = irfft2(total, shape)[2 * pad :, 2 * pad :][:height, :width]
    return moved


def _moved_psf(psf: Psf, motion: Motion, y: float, x: float) -> Psf:
    dy, dx = motion.path(y, x)
    return psf.moved(dy.astype(np.float64), dx.astype(np.float64))


def _at_node(psf: Psf, node: int) -> Psf:
    """Return the PSF at one of its positions."""
    return psf if len(psf.images) == 1 else replace(psf, images=psf.images[node : node + 1])


def _nodes(
    psf: Psf, y: NDArray[np.float64], x: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.intp]:
    """Return the PSF position nearest to each star: the centre or a corner."""
    if len(psf.images) == 1:
        return np.zeros(y.shape, np.intp)
    up, right = 2 * y / shape[0] - 1, 2 * x / shape[1] - 1
    return np.where(np.abs(up) + np.abs(right) > 1, 1 + 2 * (up > 0) + (right > 0), 0)


def _groups(y: NDArray[np.float64], x: NDArray[np.float64], shape: tuple[int, ...]) -> list[NDArray[np.intp]]:
    """Return groups of indices of stars drawn with the same arc: single stars, or neighbours."""
    if y.size <= GROUPS**2:
        return [np.array([i]) for i in range(y.size)]
    row, column = (
        np.clip(place * GROUPS / length, 0, GROUPS - 1).astype(np.intp)
        for place, length in zip((y, x), shape, strict=True)
    )
    part = row * GROUPS + column
    return [np.flatnonzero(part == number) for number in np.unique(part)]


def _add_arcs(
    image: NDArray[np.float32],
    psf: Psf,
    motion: Motion,
    *,
    y: NDArray[np.float64],
    x: NDArray[np.float64],
    flux: NDArray[np.float64],
) -> None:
    """Add stars in place as rows of points that the PSF blurs."""
    pad = psf.radius + 2
    points = np.zeros((image.shape[0] + 2 * pad, image.shape[1] + 2 * pad), np.float32)
    motion = _thinned(motion, image.shape, step=ARC_STEP * max(psf.fwhm, 1.0))
    for start in range(0, y.size, CHUNK):
        part = slice(start, start + CHUNK)
        dy, dx = motion.path(y[part], x[part])
        share = np.broadcast_to((flux[part] / dy.shape[1])[:, None], dy.shape)
        add_points(points, y[part, None] + dy + pad, x[part, None] + dx + pad, share)
    # cubic weights are negative in places
    image += np.maximum(psf.blur(points)[pad:-pad, pad:-pad], 0)


def _thinned(motion: Motion, shape: tuple[int, ...], *, step: float) -> Motion:
    """Return a motion with fewer time steps, whose points stay less than the step apart everywhere."""
    height, width = shape
    dy, dx = motion.path([0, 0, height, height], [0, width, 0, width])
    longest = float(np.hypot(np.diff(dy, axis=1), np.diff(dx, axis=1)).max())
    stride = 1
    while 2 * stride * longest < step and dy.shape[1] > 16 * stride:
        stride *= 2
    shift_y, shift_x, rotation = (
        part.reshape(-1, stride).mean(axis=1) for part in (motion.shift_y, motion.shift_x, motion.rotation)
    )
    return replace(motion, shift_y=shift_y, shift_x=shift_x, rotation=rotation)


def _cell_weights(length: int, pad: int) -> list[NDArray[np.float32]]:
    """Return weights ``(length,)`` of the cells of an axis, linear between the centres of neighbours."""
    place = (np.arange(length) - pad + 0.5) / (length - 2 * pad) * CELLS - 0.5
    place = np.clip(place, 0, CELLS - 1)
    return [np.maximum(0, 1 - np.abs(place - part)).astype(np.float32) for part in range(CELLS)]
