"""Nine losses for clusters of galaxies, by name: how wrong the logits of pixels are.

All take logits ``(N, C, H, W)``, targets in [0, 1] of the same shape and what counts, ``(N, 1, H, W)``; they
return a scalar and compute in float32 whatever the network computed in.  With a pixel's probability p and
target t, what counts v, and sums over all pixels of a batch, of each class by itself::

    tp = sum v t p      fn = sum v t (1 - p)      fp = sum v (1 - t) p
    D = (2 tp + s) / (2 tp + fn + fp + s)                           the Dice coefficient
    T = (tp + s) / (tp + delta fn + (1 - delta) fp + s)             the Tversky index

The background counts in every one of them: a false detection on a patch without clusters costs something
and is unlearnt.  That is why D and T are of a batch, not of a patch: a patch without clusters is then part of
the background of the others; and s is one pixel, so that a batch without any cluster has a finite loss, zero
where nothing is found, and a slope.

============== ====================================================================================
name           formula; the mean over pixels that count, or over classes
============== ====================================================================================
bce            ``B = -t log p - (1 - t) log(1 - p)``
focal          ``-delta t (1 - p)^gamma log p - (1 - delta) (1 - t) p^gamma log(1 - p)``
dice           ``1 - D``
focal-dice     ``(1 - D)^gamma``
tversky        ``1 - T``
focal-tversky  ``(1 - T)^gamma``
combo          half of ``-delta t log p - (1 - delta) (1 - t) log(1 - p)``, half of ``1 - D``
cosine-tversky ``((1 + cos(pi T)) / 2)^gamma``
mixed-focal    half of *focal* with the exponent ``1 - gamma``, half of *focal-tversky*
============== ====================================================================================

``delta`` is the weight of what is missed, ``1 - delta`` of what is false.  ``gamma`` is 2 for *focal*, 1 for
*cosine-tversky*, 0.75 for the others, if not given.

References
----------
Lin, Goyal, Girshick, He & Dollár 2017, ICCV, 2999, eq. 5 (focal).
Milletari, Navab & Ahmadi 2016, 3DV, 565 (Dice, here with plain sums below the line).
Salehi, Erdogmus & Gholipour 2017, MLMI, 379, eq. 3 and 4 (Tversky).
Abraham & Khan 2019, ISBI, 683, eq. 4 (focal Tversky; their exponent 1/gamma is gamma here); with delta 1/2 it
is focal Dice.
Taghanaki et al. 2019, Comput. Med. Imaging Graph. 75, 24, eq. 3 (combo, whose alpha is 1/2 here and whose
beta is delta; it subtracts D, which differs by a constant).
Yeung, Sala, Schönlieb & Rundo 2022, Comput. Med. Imaging Graph. 95, 102026, section 3 (mixed focal: the
symmetric unified focal loss with lambda 1/2).
The same 2021, first version of the code to arXiv 2102.04525 (cosine Tversky).  There it reads
``1 - cos(pi T)^gamma``, which is least where nothing overlaps: the sign is turned here, and the range made 0
to 1.  It stays flat where hardly anything overlaps: batches of fewer than some 16 patches, of which one or
the other holds no cluster, teach a network to find nothing.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from skysieve.core.errors import ConfigError
from skysieve.core.extras import install_command

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CLUSTER_LOSSES", "ClusterLoss", "cluster_loss"]

SMOOTHING = 1.0
"""Pixels added to both parts of a coefficient."""

SMALLEST = 1e-6
"""Least base of a power below one, whose slope at zero is infinite."""

DELTA = 0.7

GAMMAS = {"focal": 2.0, "cosine-tversky": 1.0}
"""Exponents of the losses that have another than the others' 0.75."""

GAMMA = 0.75


class ClusterLoss(nn.Module):
    """One of the losses; see the module.

    Parameters
    ----------
    delta
        Weight of what is missed, 0 to 1.
    gamma
        Exponent.
    """

    def __init__(self, delta: float = DELTA, gamma: float = GAMMA) -> None:
        super().__init__()
        self.delta, self.gamma = delta, gamma

    def forward(self, logits: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the loss; a batch in which nothing counts has none.

        Parameters
        ----------
        logits
            ``(N, C, H, W)``.
        targets
            The same shape, between 0 and 1.
        valid
            ``(N, 1, H, W)``, 1 for pixels that count and 0 for others; all count if not given.
        """
        with torch.autocast(logits.device.type, enabled=False):
            counted = torch.ones_like(targets[:, :1]) if valid is None else valid
            # in one order in memory: in two, the processor takes several times as long
            planes = (values.float().contiguous() for values in (logits, targets, counted))
            return self.loss(*planes)

    def loss(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """Return the loss, all being float32."""
        raise NotImplementedError


class CrossEntropy(ClusterLoss):
    """``bce``."""

    def loss(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """Return the loss."""
        entropy = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return _mean(entropy, valid)


class Focal(ClusterLoss):
    """``focal``, by MONAI."""

    def __init__(self, delta: float = DELTA, gamma: float = GAMMAS["focal"]) -> None:
        super().__init__(delta, gamma)
        self.pixels = _monai("FocalLoss", gamma=gamma, alpha=delta, reduction="none")

    def loss(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """Return the loss."""
        return _mean(self.pixels(logits, targets), valid)


class Dice(ClusterLoss):
    """``dice``, by MONAI."""

    def __init__(self, delta: float = DELTA, gamma: float = GAMMA) -> None:
        super().__init__(delta, gamma)
        self.overlap = _monai("DiceLoss", **_BATCHWISE)

    def loss(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """Return the loss."""
        return self.lacks(logits, targets, valid).mean()

    def lacks(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """Return one minus the coefficient of each class ``(C,)``.

        What does not count is made into pixels without cluster that are right.
        """
        lacks: Tensor = self.overlap(torch.sigmoid(logits) * valid, targets * valid)
        return lacks.flatten()


class FocalDice(Dice):
    """``focal-dice``."""

    def loss(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """Return the loss."""
        return _power(self.lacks(logits, targets, valid), self.gamma).mean()


class Tversky(Dice):
    """``tversky``, by MONAI."""

    def __init__(self, delta: float = DELTA, gamma: float = GAMMA) -> None:
        super().__init__(delta, gamma)
        self.overlap = _monai("TverskyLoss", alpha=1 - delta, beta=delta, **_BATCHWISE)


class FocalTversky(Tversky):
    """``focal-tversky``."""

    def loss(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """Return the loss."""
        return _power(self.lacks(logits, targets, valid), self.gamma).mean()


class Combo(Dice):
    """``combo``."""

    def loss(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """Return the loss."""
        missed, false = functional.softplus(-logits), functional.softplus(logits)
        entropy = self.delta * targets * missed + (1 - self.delta) * (1 - targets) * false
        return 0.5 * _mean(entropy, valid) + 0.5 * super().loss(logits, targets, valid)


class CosineTversky(Tversky):
    """``cosine-tversky``."""

    def __init__(self, delta: float = DELTA, gamma: float = GAMMAS["cosine-tversky"]) -> None:
        super().__init__(delta, gamma)

    def loss(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """Return the loss."""
        index = 1 - self.lacks(logits, targets, valid)
        return _power((1 + torch.cos(math.pi * index)) / 2, self.gamma).mean()


class MixedFocal(FocalTversky):
    """``mixed-focal``."""

    def __init__(self, delta: float = DELTA, gamma: float = GAMMA) -> None:
        super().__init__(delta, gamma)
        self.pixels = Focal(delta, 1 - gamma)

    def loss(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """Return the loss."""
        pixels: Tensor = self.pixels.loss(logits, targets, valid)
        return 0.5 * pixels + 0.5 * super().loss(logits, targets, valid)


CLUSTER_LOSSES: dict[str, Callable[[float, float], ClusterLoss]] = {
    "bce": CrossEntropy,
    "focal": Focal,
    "dice": Dice,
    "focal-dice": FocalDice,
    "tversky": Tversky,
    "focal-tversky": FocalTversky,
    "combo": Combo,
    "cosine-tversky": CosineTversky,
    "mixed-focal": MixedFocal,
}
"""What users call them."""


def cluster_loss(kind: str, *, delta: float = DELTA, gamma: float | None = None) -> ClusterLoss:
    """Return a loss by its name.

    Parameters
    ----------
    kind
        One of :data:`CLUSTER_LOSSES`.
    delta
        Weight of what is missed, 0 to 1; the loss of ``bce`` and those of Dice have none.
    gamma
        Exponent; the loss's own if not given.  At most 1 for ``mixed-focal``.

    Raises
    ------
    ConfigError
        If there is no such loss, a number is out of range, or MONAI is not installed.

    Examples
    --------
    >>> cluster_loss("bce")(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 2))
    tensor(0.6931)
    """
    if kind not in CLUSTER_LOSSES:
        raise ConfigError(f"loss {kind}: not known; choose from {', '.join(CLUSTER_LOSSES)}")
    gamma = GAMMAS.get(kind, GAMMA) if gamma is None else gamma
    most = 1 if kind == "mixed-focal" else math.inf
    if not 0 <= delta <= 1:
        raise ConfigError(f"loss {kind}: delta {delta:g}, expected 0 to 1")
    if not 0 < gamma <= most:
        raise ConfigError(f"loss {kind}: gamma {gamma:g}, expected more than 0 and at most {most:g}")
    return CLUSTER_LOSSES[kind](delta, gamma)


_BATCHWISE = {"batch": True, "smooth_nr": SMOOTHING, "smooth_dr": SMOOTHING, "reduction": "none"}


def _monai(name: str, **settings: Any) -> Any:
    """Return a loss of MONAI, which takes seconds to import."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own use of others
            import monai.losses
    except ImportError as error:
        raise ConfigError(f"this loss needs monai; run: {install_command('train')}") from error
    return getattr(monai.losses, name)(**settings)


def _mean(values: Tensor, valid: Tensor) -> Tensor:
    """Return the mean over classes and pixels that count; zero where none does."""
    return (values.mean(1, keepdim=True) * valid).sum() / valid.sum().clamp_min(SMALLEST)


def _power(values: Tensor, exponent: float) -> Tensor:
    """Return values from 0 to 1 to a power, with a slope that is finite."""
    return values.clamp_min(SMALLEST).pow(exponent)
