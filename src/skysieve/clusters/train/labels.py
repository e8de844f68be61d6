"""Label channels of a patch: discs for clusters, and for sources that are mistaken for them."""

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
"""Radii in arcminutes and their probabilities: a histogram of theta500 of clusters, by upper bin edges.

As published, the probabilities add up to 1.001; they are scaled to 1.

References
----------
xCluster, 2021.
"""

# Maximum distance of a point from the nearest pixel centre, in pixels.
_MIN_HARD_RADIUS = math.sqrt(0.5)


class SkyDiscs:
    """Discs on the sky.

    Parameters
    ----------
    lon, lat : array_like, shape (N,)
        Centres in Galactic degrees.
    radius : array_like, shape (N,)
        Radii in arcminutes.

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
            raise ConfigError(f"a disc has a radius of {self.radius[wrong][0]} arcmin; give more than 0")

    def __len__(self) -> int:
        """Return the number of discs."""
        return self.lon.size

    def near(self, lon: float, lat: float, distance: float) -> SkyDiscs:
        """Return the discs that reach within some distance of a direction.

        Parameters
        ----------
        lon, lat
            Galactic direction in degrees.
        distance
            Distance in degrees, to the nearest part of a disc.

        Returns
        -------
        SkyDiscs
            Selected discs, in their order.
        """
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
    """Draw the labels of a patch, one channel for each kind of object.

    All discs that overlap the patch are drawn at their position on the sky: neither centre nor radius is
    rounded to pixels.

    Parameters
    ----------
    grid
        Pixel grid of the patch.
    lon, lat
        Centre of the patch in Galactic degrees.
    rotation
        As in :meth:`skysieve.clusters.maps.patches.PatchGrid.vectors`.
    *channels
        Discs of each channel, for example clusters first and contaminating sources second.
    soft
        If True, a pixel has the fraction that the disc covers, from 0 to 1.  For a pixel centre at distance r
        from the centre of the disc, in pixels, it is ``radius + 1/2 - r``, which is within 0.1 of the exact
        fraction for radii of 1 and more.  If False, a pixel is 1 if its centre lies in the disc and 0
        otherwise; a disc smaller than √½ pixels is drawn with a radius of √½, so that it covers at least one
        pixel centre.

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
    """Rule for the radius of the label discs of a patch.

    Attributes
    ----------
    kind
        ``fixed``: all discs have the radius `arcmin`.  ``t500``: each disc has its own theta500, clipped to
        `arcmin` and `max_arcmin`; where it is unknown, `arcmin`.  ``published``: all discs of a patch have
        one radius, drawn from :data:`PUBLISHED_RADII`.
    arcmin, max_arcmin
        Minimum (or fixed) and maximum radius in arcminutes.

    Raises
    ------
    ConfigError
        If the kind is unknown, or the radii are not above 0 and in ascending order.
    """

    kind: RadiusKind = "fixed"
    arcmin: float = 2.5
    max_arcmin: float = 15.0

    def __post_init__(self) -> None:
        """Check the kind and the radii."""
        if self.kind not in get_args(RadiusKind):
            raise ConfigError(
                f"no kind of label radius is called {self.kind!r}; choose {', '.join(get_args(RadiusKind))}"
            )
        if not 0 < self.arcmin <= self.max_arcmin < math.inf:
            raise ConfigError(
                f"labels have radii of {self.arcmin} to {self.max_arcmin} arcmin; "
                "give values above 0 in ascending order"
            )

    def radii(self, theta500: ArrayLike, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return the radii of the discs of one patch.

        Parameters
        ----------
        theta500 : array_like, shape (N,)
            Arcminutes; NaN or 0 where it is unknown.
        rng
            Random generator; ``published`` draws one number.

        Returns
        -------
        ndarray, shape (N,)
            Arcminutes.
        """
        sizes = np.atleast_1d(np.asarray(theta500, np.float64))
        if self.kind == "t500":
            return np.where(sizes > 0, np.clip(sizes, self.arcmin, self.max_arcmin), self.arcmin)
        if self.kind == "published":
            radii, shares = np.transpose(PUBLISHED_RADII)
            return np.full(sizes.shape, rng.choice(radii, p=shares / shares.sum()))
        return np.full(sizes.shape, self.arcmin)


def _draw(label: NDArray[np.float32], row: float, column: float, radius: float, *, soft: bool) -> None:
    """Draw a disc into a channel, in place; all lengths are in pixels."""
    side = label.shape[0]
    (top, bottom), (left, right) = (
        (max(math.ceil(centre - radius - 0.5), 0), min(math.floor(centre + radius + 0.5) + 1, side))
        for centre in (row, column)
    )
    if top >= bottom or left >= right:
        return
    distance = np.hypot(np.arange(top, bottom)[:, None] - row, np.arange(left, right) - column)
    cover = np.clip(radius + 0.5 - distance, 0, 1) if soft else distance <= max(radius, _MIN_HARD_RADIUS)
    part = label[top:bottom, left:right]
    np.maximum(part, cover, out=part, casting="same_kind")
