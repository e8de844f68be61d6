"""Choice of frames, layout of blocks and change of prior for the detection of tracking errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DEFAULT_PRIOR", "block_starts", "choose_hdus", "modify_prior"]

DEFAULT_PRIOR = 0.05
"""Default proportion of frames with tracking errors, as in MaxiTrack 1.3.0."""


def modify_prior(probabilities: NDArray[np.float32], prior: float) -> NDArray[np.float32]:
    """Convert probabilities at equal priors to another proportion of tracking errors.

    Parameters
    ----------
    probabilities
        ``(...)`` float32, at equal priors.
    prior
        Proportion of frames with tracking errors, in (0, 1).

    Returns
    -------
    numpy.ndarray
        ``(...)`` float32, the probabilities at `prior`.

    Raises
    ------
    ConfigError
        If the prior is out of range.

    References
    ----------
    Saerens, Latinne & Decaestecker 2002, Neural Computation 14, 21, equation 2.4.

    Examples
    --------
    >>> modify_prior(np.array([0.5, 1.0], np.float32), 0.05).round(3).tolist()
    [0.05000000074505806, 1.0]
    """
    if not 0 < prior < 1:
        raise ConfigError(f"prior {prior} is not between 0 and 1")
    factor = np.float32((1 - prior) / prior)
    return (probabilities / (probabilities + factor * (1 - probabilities))).astype(np.float32, copy=False)


def block_starts(length: int, size: int) -> list[int]:
    """Return the first pixel of each block along one axis.

    Blocks do not overlap, and the last one ends at the last pixel, as in MaxiTrack.  An axis shorter than a
    block has one block.

    Parameters
    ----------
    length
        Pixels along the axis.
    size
        Pixels along a block.

    Returns
    -------
    list of int
        First pixel of each block, from 0.

    Examples
    --------
    >>> block_starts(1000, 400)
    [200, 600]
    """
    if length < size:
        return [0]
    return list(range(length % size, length - size + 1, size))


def choose_hdus(count: int, fraction: float, seed: int) -> list[int]:
    """Choose a random fraction of the frames of a file, at least one.

    Parameters
    ----------
    count
        Number of frames in the file.
    fraction
        Fraction to choose, in (0, 1].
    seed
        Seed of the choice.

    Returns
    -------
    list of int
        Indices of the chosen frames, in increasing order.

    Raises
    ------
    ConfigError
        If the fraction is out of range.
    """
    if not 0 < fraction <= 1:
        raise ConfigError(f"fraction {fraction} is not above 0 and at most 1")
    if fraction == 1:
        return list(range(count))
    chosen = np.random.default_rng(seed).choice(count, max(1, int(fraction * count)), replace=False)
    return sorted(chosen.tolist())
