"""Names of clusters from their positions, such as ``PREFIX JHHMM.m+DDMM``: truncated, never rounded."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["arcsecond_names", "cluster_names", "galactic_names"]

_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9-]*( [A-Za-z0-9-]+)?")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

# Decimal numbers at the edge of a digit, such as 0.025 degrees for a tenth of a minute of time, may be
# slightly below it in binary.  Before truncation, values are rounded to this number of decimals of the last
# digit.
_DECIMALS = 6


def cluster_names(ra: ArrayLike, dec: ArrayLike, *, prefix: str, unique: bool = False) -> list[str]:
    """Make names such as ``SKS J1234.5+6701``: tenths of minutes of time and minutes of arc.

    Further digits are truncated, not rounded, as the IAU recommends.

    Parameters
    ----------
    ra, dec : array_like, shape (N,)
        J2000 coordinates in degrees; right ascension may be outside of 0 to 360.
    prefix
        Prefix of the names.
    unique
        Whether to append letters to equal names: ``a`` to the first, and so on.

    Returns
    -------
    list of str
        N names.

    Raises
    ------
    ConfigError
        If the prefix has other characters than letters, digits and hyphens.
    ValueError
        If a position is not valid.

    References
    ----------
    IAU Commission 5, "Specifications concerning designations for astronomical radiation sources outside the
    solar system", section on positions; Dickel, Lortet & de Boer 1987, A&AS 68, 75.

    Examples
    --------
    >>> cluster_names([194.95], [27.98], prefix="SKS")
    ['SKS J1259.8+2758']
    """
    alpha, delta = _checked(ra, dec, prefix)
    tenths = _whole(np.mod(alpha, 360.0) * 40.0) % 14400  # tenths of a minute of time
    arcmin = _whole(np.abs(delta) * 60.0)
    names = [
        f"{prefix} J{t // 600:02d}{t % 600 // 10:02d}.{t % 10}{_sign(d)}{a // 60:02d}{a % 60:02d}"
        for t, a, d in zip(tenths.tolist(), arcmin.tolist(), delta.tolist(), strict=True)
    ]
    return _lettered(names) if unique else names


def arcsecond_names(ra: ArrayLike, dec: ArrayLike, *, prefix: str) -> list[str]:
    """Make names such as ``RM J151653.9-010506.3``: tenths of seconds of time and of arc, truncated.

    Parameters
    ----------
    ra, dec, prefix
        See :func:`cluster_names`, also for the exceptions.

    Returns
    -------
    list of str
        N names.

    Examples
    --------
    >>> arcsecond_names([229.224708], [-1.085083], prefix="RM")
    ['RM J151653.9-010506.2']
    """
    alpha, delta = _checked(ra, dec, prefix)
    times = _whole(np.mod(alpha, 360.0) * 2400.0) % 864000  # tenths of a second of time
    arcs = _whole(np.abs(delta) * 36000.0)
    return [
        f"{prefix} J{_sexagesimal(t)}{_sign(d)}{_sexagesimal(a)}"
        for t, a, d in zip(times.tolist(), arcs.tolist(), delta.tolist(), strict=True)
    ]


def galactic_names(lon: ArrayLike, lat: ArrayLike, *, prefix: str) -> list[str]:
    """Make names such as ``PSZ2 G000.04+45.13``: Galactic degrees with two decimals, truncated.

    Parameters
    ----------
    lon, lat : array_like, shape (N,)
        Galactic coordinates in degrees.
    prefix
        Prefix of the names; see :func:`cluster_names`, also for the exceptions.

    Returns
    -------
    list of str
        N names.

    Examples
    --------
    >>> galactic_names([0.0405], [45.1351], prefix="PSZ2")
    ['PSZ2 G000.04+45.13']
    """
    longitude, latitude = _checked(lon, lat, prefix)
    across = _whole(np.mod(longitude, 360.0) * 100.0) % 36000
    up = _whole(np.abs(latitude) * 100.0)
    return [
        f"{prefix} G{x // 100:03d}.{x % 100:02d}{_sign(b)}{y // 100:02d}.{y % 100:02d}"
        for x, y, b in zip(across.tolist(), up.tolist(), latitude.tolist(), strict=True)
    ]


def _checked(
    across: ArrayLike, up: ArrayLike, prefix: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if not _PREFIX.fullmatch(prefix):
        raise ConfigError(f"prefix of names {prefix!r}: expected letters, digits and hyphens, as SKS")
    first, second = np.atleast_1d(np.asarray(across, float)), np.atleast_1d(np.asarray(up, float))
    wrong = np.flatnonzero(~(np.isfinite(first) & (np.abs(second) <= 90)))
    if wrong.size:
        row = int(wrong[0])
        raise ValueError(f"row {row + 1}: {first[row]:g}, {second[row]:g} is no place on the sky in degrees")
    return first, second


def _whole(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.floor(np.round(values, _DECIMALS)).astype(np.int64)


def _sign(angle: float) -> str:
    return "-" if angle < 0 else "+"


def _sexagesimal(tenths: int) -> str:
    """Format tenths of seconds as hours or degrees, minutes, and seconds with one decimal."""
    return f"{tenths // 36000:02d}{tenths % 36000 // 600:02d}{tenths % 600 // 10:02d}.{tenths % 10}"


def _lettered(names: list[str]) -> list[str]:
    """Append letters to equal names."""
    total = Counter(names)
    used: Counter[str] = Counter()
    lettered = []
    for name in names:
        number = used[name]
        used[name] += 1
        more, last = divmod(number, len(_LETTERS))
        letter = (_LETTERS[more - 1] if more else "") + _LETTERS[last]
        lettered.append(f"{name}{letter}" if total[name] > 1 else name)
    return lettered
