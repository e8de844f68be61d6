"""The point spread function, and drawing of stars with it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft, ndimage

from skysieve.frames.simulate.profile_tables import PER_PIXEL, envelope_table, far_table, line_table
from skysieve.frames.simulate.stamps import add_stamp, add_stamps, overlap, stamp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skysieve.frames.simulate.wings import Wings

__all__ = ["Psf"]

_MAX_HALF_SIZE = 200  # maximum half size of the image of a moved star, in samples
_MAX_SMALL_STAMP = 400  # maximum pixels of a stamp that add_stamps draws


@dataclass(frozen=True, eq=False, kw_only=True)
class Psf:
    """An oversampled point spread function, convolved with the pixel.

    Stars are drawn at the nearest sample. A PSF that varies over the frame has five images: for the centre
    and the four corners. A star uses the nearest.

    Parameters
    ----------
    images
        ``(N, n, n)`` float32, N = 1 or 5 (centre; top left, top right, bottom left, bottom right; row 0 is at
        the top), n odd: fraction of the flux in a pixel centred at this sample, for a star at the central
        sample.
    sampling
        Samples per pixel.
    wings
        Light beyond the images.
    """

    images: NDArray[np.float32]
    sampling: int
    wings: Wings
    _kernels: dict[tuple[int, int], NDArray[np.complex64]] = field(
        default_factory=dict, init=False, repr=False
    )

    @property
    def radius(self) -> int:
        """Half of the side of the images, in pixels."""
        half: int = self.images.shape[1] // 2
        return (half - self.sampling // 2) // self.sampling

    @cached_property
    def fwhm(self) -> float:
        """Full width at half maximum in pixels: the diameter of a disc of the same area above half maximum.

        The hole of a defocused star counts as area.
        """
        centre = self.images[0]
        area = ndimage.binary_fill_holes(centre > centre.max() / 2).sum()
        return 2 * math.sqrt(area / math.pi) / self.sampling

    @cached_property
    def peak(self) -> float:
        """Fraction of the flux in the brightest pixel of a star at the centre of a pixel."""
        return float(self._stamps[0, self._middle, self._middle].max())

    def reach(self, flux: float, floor: float) -> int:
        """Return the radius beyond which a star is fainter than a floor.

        Parameters
        ----------
        flux
            Electrons of the star.
        floor
            Electrons in a pixel.

        Returns
        -------
        int
            Radius in pixels.
        """
        return int(self._reaches(np.array([flux]), floor)[0])

    def add_star(self, image: NDArray[np.float32], *, y: float, x: float, flux: float, floor: float) -> None:
        """Add a star to the image in place, out to where it falls below the floor.

        Parameters
        ----------
        image
            ``(H, W)`` float32, in electrons.
        y, x
            Position in pixels; it may lie outside the image.
        flux
            Electrons of the star.
        floor
            Electrons in a pixel.
        """
        row, down, column, right, node = self._positions(np.array([y]), np.array([x]), image.shape)
        core = self._stamps[node[0], down[0], right[0]]
        radius = self.reach(flux, floor)
        if radius <= self.radius:
            trim = slice(self.radius - radius, self.radius + radius + 1)
            add_stamp(image, core[trim, trim], row=int(row[0]), column=int(column[0]), flux=flux)
            return
        found = stamp(image.shape, y=y, x=x, radius=radius)
        if found is None:
            return
        window, dy, dx = found
        step = np.sqrt(dy**2 + dx**2)
        step *= PER_PIXEL
        light = self._far.take(step.astype(np.int32), mode="clip")
        # The image of the core replaces the wings
        top, left = window[0].start, window[1].start
        inner = overlap(light.shape, int(row[0]) - top, int(column[0]) - left, self.radius)
        if inner is not None:
            here, there = inner
            light[here] = core[there]
        light *= np.float32(flux)
        image[window] += light

    def add_stars(
        self,
        image: NDArray[np.float32],
        *,
        y: NDArray[np.float64],
        x: NDArray[np.float64],
        flux: NDArray[np.float64],
        floor: float,
    ) -> None:
        """Add stars to the image in place, each out to where it falls below the floor.

        If faint stars are so many that they overlap everywhere, they are drawn at the nearest pixel.

        Parameters
        ----------
        image
            ``(H, W)`` float32, in electrons.
        y, x
            ``(k,)`` float64, positions in pixels, which may lie outside the image.
        flux
            ``(k,)`` float64, electrons of the stars.
        floor
            Electrons in a pixel.
        """
        radii = self._reaches(flux, floor)
        height, width = image.shape
        near = (y > -radii - 1) & (y < height + radii) & (x > -radii - 1) & (x < width + radii)
        y, x, flux, radii = y[near], x[near], flux[near], radii[near]
        row, down, column, right, node = self._positions(y, x, image.shape)
        for i in np.flatnonzero(radii > self.radius):
            self.add_star(image, y=y[i], x=x[i], flux=flux[i], floor=floor)
        crowd: NDArray[np.float32] | None = None
        min_radius = 0
        for max_radius in (*(r for r in (1, 2, 3, 4, 5, 6, 8, 11) if r < self.radius), self.radius):
            chosen = np.flatnonzero((radii >= min_radius) & (radii <= max_radius))
            min_radius = max_radius + 1
            area = (2 * max_radius + 1) ** 2
            small = area <= _MAX_SMALL_STAMP
            # Time in nanoseconds, to compare with that of a convolution
            cost = chosen.size * (10 * area if small else 6000 + area)
            if max_radius < self.radius and chosen.size > image.size / 50 and cost > 40 * image.size:
                inside = chosen[
                    (row[chosen] >= 0)
                    & (row[chosen] < height)
                    & (column[chosen] >= 0)
                    & (column[chosen] < width)
                ]
                indices = row[inside] * width + column[inside]
                point_map = (
                    np.bincount(indices, flux[inside], image.size).astype(np.float32).reshape(image.shape)
                )
                crowd = point_map if crowd is None else crowd + point_map
                continue
            if small and chosen.size > 8:
                trim = slice(self.radius - max_radius, self.radius + max_radius + 1)
                stamps = self._stamps[:, :, :, trim, trim]
                which = (node[chosen] * self.sampling + down[chosen]) * self.sampling + right[chosen]
                add_stamps(image, stamps, which, row=row[chosen], column=column[chosen], flux=flux[chosen])
                continue
            for i in chosen:
                trim = slice(self.radius - radii[i], self.radius + radii[i] + 1)
                core = self._stamps[node[i], down[i], right[i], trim, trim]
                add_stamp(image, core, row=int(row[i]), column=int(column[i]), flux=flux[i])
        if crowd is not None:
            image += self._convolve(crowd)

    def blur(self, light: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the light convolved with this PSF (that of the centre); flux is conserved.

        Beyond its edges the image continues with the values at the edges.

        Parameters
        ----------
        light
            ``(H, W)`` float32.

        Returns
        -------
        numpy.ndarray
            Convolved light ``(H, W)`` float32.
        """
        nonzero = light != 0
        rows, columns = np.flatnonzero(nonzero.any(axis=1)), np.flatnonzero(nonzero.any(axis=0))
        blurred = np.zeros_like(light)
        if rows.size == 0:
            return blurred
        reach = self.radius
        window = (
            slice(max(0, int(rows[0]) - reach), int(rows[-1]) + reach + 1),
            slice(max(0, int(columns[0]) - reach), int(columns[-1]) + reach + 1),
        )
        padded = np.pad(light[window], reach, mode="edge")
        blurred[window] = self._convolve(padded)[reach:-reach, reach:-reach]
        return blurred

    def line(self, offset: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the profile across a straight, infinitely thin line of light of flux 1 per pixel of length.

        Parameters
        ----------
        offset
            Distances of pixels from the line, in pixels, of any shape and sign; beyond 1000 px the profile is
            constant.

        Returns
        -------
        numpy.ndarray
            Fraction float32, averaged over directions of the line.
        """
        step = np.abs(offset) * np.float32(PER_PIXEL) + np.float32(0.5)
        return self._line.take(step.astype(np.int32), mode="clip")

    def moved(self, path_y: NDArray[np.float64], path_x: NDArray[np.float64]) -> Psf:
        """Return the PSF of stars that move during the exposure.

        Parameters
        ----------
        path_y, path_x
            ``(k,)`` float64, offsets from the mean position in pixels, at equal time steps. The path is drawn
            as points, so steps should be a fraction of a pixel.

        Returns
        -------
        Psf
            Images enlarged by the extent of the path; the far wings stay round.
        """
        extent = math.ceil(max(np.abs(path_y).max(), np.abs(path_x).max()))
        radius = self.radius + extent
        sampling, images = self.sampling, self.images
        while sampling > 1 and radius * sampling > _MAX_HALF_SIZE:
            middle = images.shape[1] // 2 % 2
            images, sampling = images[:, middle::2, middle::2], sampling // 2
        half = radius * sampling + sampling // 2
        path = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
        row, column = half + np.asarray(path_y) * sampling, half + np.asarray(path_x) * sampling
        top, left = np.floor(row).astype(np.intp), np.floor(column).astype(np.intp)
        down, right = row - top, column - left
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            weight = (down if i else 1 - down) * (right if j else 1 - right) / row.size
            np.add.at(path, (top + i, left + j), weight.astype(np.float32))
        reach = images.shape[1] // 2
        size = fft.next_fast_len(2 * (half + reach) + 1, real=True)
        spectrum = fft.rfft2(path, (size, size)) * fft.rfft2(images, (size, size))
        whole = fft.irfft2(spectrum, (size, size))[
            :, reach : reach + 2 * half + 1, reach : reach + 2 * half + 1
        ]
        # Beyond the original images, use the wings
        axis = np.arange(-half, half + 1, dtype=np.float32) / sampling
        squared = axis[:, None] ** 2 + axis**2
        outside = self.wings.at(squared) * (np.maximum(np.abs(axis[:, None]), np.abs(axis)) > self.radius)
        return replace(self, images=np.maximum(whole, outside).astype(np.float32), sampling=sampling)

    @property
    def _middle(self) -> int:
        """Index of the stamps of stars at the centre of a pixel."""
        return self.sampling // 2

    @cached_property
    def _stamps(self) -> NDArray[np.float32]:
        """Stamps ``(N, s, s, 2 radius + 1, 2 radius + 1)`` of stars at each sample of a pixel."""
        s, radius = self.sampling, self.radius
        side = 2 * radius + 1
        stamps = np.empty((len(self.images), s, s, side, side), np.float32)
        for i in range(s):
            for j in range(s):
                top, left = 2 * self._middle - i, 2 * self._middle - j
                stamps[:, i, j] = self.images[:, top::s, left::s][:, :side, :side]
        return stamps

    @cached_property
    def _far(self) -> NDArray[np.float32]:
        """Wings by distance, in steps of 1 / PER_PIXEL pixel."""
        return far_table(self.wings)

    @cached_property
    def _envelope(self) -> NDArray[np.float32]:
        """Maximum fraction of the flux in a pixel at this distance in pixels or beyond."""
        return envelope_table(self.images.max(axis=0), self.sampling, self.wings, self.radius)

    @cached_property
    def _line(self) -> NDArray[np.float32]:
        """Profile across a line, in steps of 1 / PER_PIXEL pixel."""
        return line_table(self.images[0], self.sampling, self.wings)

    def _reaches(self, flux: NDArray[np.float64], floor: float) -> NDArray[np.intp]:
        """Return the radii ``(k,)`` in pixels beyond which stars are fainter than the floor."""
        limits = floor / np.maximum(flux, 1e-30)
        return np.maximum(np.searchsorted(-self._envelope, -limits), 1)

    def _positions(
        self, y: NDArray[np.float64], x: NDArray[np.float64], shape: tuple[int, ...]
    ) -> tuple[NDArray[np.intp], ...]:
        """Return the row, the sample in it, the column, the sample in it, and the image index of stars."""
        s, middle = self.sampling, self._middle
        samples_y = np.floor(y * s + 0.5).astype(np.intp)
        samples_x = np.floor(x * s + 0.5).astype(np.intp)
        row, column = (samples_y + middle) // s, (samples_x + middle) // s
        node = np.zeros(row.shape, np.intp)
        if len(self.images) > 1:
            up, across = (2 * y / shape[0] - 1), (2 * x / shape[1] - 1)
            node = np.where(np.abs(up) + np.abs(across) > 1, 1 + 2 * (up > 0) + (across > 0), 0)
        return row, samples_y - row * s + middle, column, samples_x - column * s + middle, node

    def _convolve(self, light: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convolve light ``(H, W)``, zero beyond its edges, with the image of the centre."""
        kernel = self._stamps[0, self._middle, self._middle]
        size = (
            fft.next_fast_len(light.shape[0] + 2 * self.radius, real=True),
            fft.next_fast_len(light.shape[1] + 2 * self.radius, real=True),
        )
        if size not in self._kernels:
            if len(self._kernels) > 3:
                self._kernels.clear()
            self._kernels[size] = fft.rfft2(kernel / kernel.sum(), size)
        spectrum = fft.rfft2(light, size)
        spectrum *= self._kernels[size]
        whole = fft.irfft2(spectrum, size, overwrite_x=True)
        top, left = self.radius, self.radius
        convolved: NDArray[np.float32] = whole[top : top + light.shape[0], left : left + light.shape[1]]
        return np.maximum(convolved, 0)
