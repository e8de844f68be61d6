"""Labels: the pixels of a patch that belong to clusters, and to what is mistaken for them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from skysieve.clusters.maps.patches import PatchGrid

__all__ = ["PUBLISHED_RADII", "RadiusKind", "RadiusRule", "SkyDiscs", "draw_labels"]

RadiusKind: TypeAlias = Literal["fixed", "t500", "published"]

PUBLISHED_RADII: tuple[tuple[float, float], ...] = (
    (1.875, 0.305),
    (3.75, 0.189),
    (5.625, 0.178),
    (7.5, 0.108),
    (9.375, 0.092),
    (11.25, 0.057),
    (13.125, 0.039),
    (15.0, 0.033),
)
"""Radii in arcminutes, and how often each is drawn: a histogram of theta500 of clusters, by its upper edges.

As published, they add up to 1.001; they are scaled to 1.

References
----------
xCluster, 2021.
"""

# No point is farther from the nearest centre of a pixel.
_LEAST = math.sqrt(0.5)


class SkyDiscs:
    """Discs on the sky.

    Parameters
    ----------
    lon, lat : array_like, shape (N,)
        Centres, Galactic degrees.
    radius : array_like, shape (N,)
        Arcminutes.

    Raises
    ------
    ConfigError
        If a radius is not above 0, or the lengths differ.
    """

    def __init__(self, lon: ArrayLike, lat: ArrayLike, radius: ArrayLike) -> None:
        self.lon, self.lat, self.radius = (
            np.atleast_1d(np.asarray(x, np.float64)) for x in (lon, lat, radius)
        )
        if not self.lon.shape == self.lat.shape == self.radius.shape:
            lengths = f"{self.lon.size}, {self.lat.size} and {self.radius.size}"
            raise ConfigError(f"discs have a longitude, a latitude and a radius each; found {lengths}")
        wrong = ~(self.radius > 0)
        if wrong.any():
            raise ConfigError(f"a disc of radius {self.radius[wrong][0]} arcmin is none; give more than 0")

    def __len__(self) -> int:
        """Return the number of discs."""
        return self.lon.size

    def near(self, lon: float, lat: float, distance: float) -> SkyDiscs:
        """Return the discs of which any part lies within `distance` degrees of a direction."""
        from skysieve.clusters.maps.sky_directions import unit_vectors

        reach = np.radians(np.minimum(distance + self.radius / 60, 180))
        close = self._vectors @ unit_vectors(lon, lat) >= np.cos(reach)
        return SkyDiscs(self.lon[close], self.lat[close], self.radius[close])

    @cached_property
    def _vectors(self) -> NDArray[np.float64]:
        from skysieve.clusters.maps.sky_directions import unit_vectors

        return unit_vectors(self.lon, self.lat)


def draw_labels(
    grid: PatchGrid, lon: float, lat: float, rotation: float, *channels: SkyDiscs, soft: bool = True
) -> NDArray[np.float32]:
    """Return the labels of a patch: one channel a kind of object.

    Every disc is drawn of which any part lies in the patch, where it is on the sky: neither its centre nor
    its radius is rounded to pixels.

    Parameters
    ----------
    grid
        The pixels of the patch.
    lon, lat
        Its centre, Galactic degrees.
    rotation
        As in :meth:`skysieve.clusters.maps.patches.PatchGrid.vectors`.
    *channels
        The discs of each channel, as clusters first and contaminating sources second.
    soft
        If True, a pixel has the part of it that the disc covers, from 0 to 1. By the distance r of its
        centre from that of the disc, in pixels, this is ``radius + 1/2 - r``, which is within 0.1 of the
        exact part for radii of 1 and more. If False, a pixel has 1 if its centre lies in the disc, and 0
        otherwise; a disc smaller than √½ pixels is drawn as one of √½, so that none is lost between
        pixels.

    Returns
    -------
    ndarray, shape (C, H, W), float32
        Where discs of a channel overlap, the larger value.
    """
    labels = np.zeros((len(channels), grid.side, grid.side), np.float32)
    for label, discs in zip(labels, channels, strict=True):
        close = discs.near(lon, lat, grid.reach)
        rows, columns = grid.pixels_of(close.lon, close.lat, lon, lat, rotation)
        for row, column, radius in zip(rows, columns, close.radius / grid.resolution, strict=True):
            _draw(label, row, column, radius, soft=soft)
    return labels


@dataclass(frozen=True)
class RadiusRule:
    """How large the discs of a patch are.

    Attributes
    ----------
    kind
        ``fixed``: each has the radius `arcmin`. ``t500``: each has its own theta500, kept between `arcmin`
        and `most`; where it is not known, `arcmin`. ``published``: all of a patch have one radius, drawn
        from :data:`PUBLISHED_RADII`.
    arcmin, most
        Arcminutes.

    Raises
    ------
    ConfigError
        If there is no such kind, or the radii make no sense.
    """

    kind: RadiusKind = "fixed"
    arcmin: float = 2.5
    most: float = 15.0

    def __post_init__(self) -> None:
        """Refuse kinds that do not exist and radii that make no sense."""
        if self.kind not in get_args(RadiusKind):
            raise ConfigError(
                f"labels have no radius {self.kind!r}; choose {', '.join(get_args(RadiusKind))}"
            )
        if not 0 < self.arcmin <= self.most < math.inf:
            raise ConfigError(
                f"labels of {self.arcmin} to {self.most} arcmin are none; give radii above 0 in this order"
            )

    def radii(self, theta500: ArrayLike, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return the radii of the discs of one patch.

        Parameters
        ----------
        theta500 : array_like, shape (N,)
            Arcminutes; NaN or 0 where it is not known.
        rng
            For ``published``, which draws one number.

        Returns
        -------
        ndarray, shape (N,)
            Arcminutes.
        """
        sizes = np.atleast_1d(np.asarray(theta500, np.float64))
        if self.kind == "t500":
            return np.where(sizes > 0, np.clip(sizes, self.arcmin, self.most), self.arcmin)
        if self.kind == "published":
            radii, shares = np.transpose(PUBLISHED_RADII)
            return np.full(sizes.shape, rng.choice(radii, p=shares / shares.sum()))
        return np.full(sizes.shape, self.arcmin)


def _draw(label: NDArray[np.float32], row: float, column: float, radius: float, *, soft: bool) -> None:
    """Draw a disc into its corner of a channel; all in pixels."""
    side = label.shape[0]
    (top, bottom), (left, right) = (
        (max(math.ceil(middle - radius - 0.5), 0), min(math.floor(middle + radius + 0.5) + 1, side))
        for middle in (row, column)
    )
    if top >= bottom or left >= right:
        return
    away = np.hypot(np.arange(top, bottom)[:, None] - row, np.arange(left, right) - column)
    cover = np.clip(radius + 0.5 - away, 0, 1) if soft else away <= max(radius, _LEAST)
    part = label[top:bottom, left:right]
    np.maximum(part, cover, out=part, casting="same_kind")
