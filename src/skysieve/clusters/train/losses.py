"""Nine segmentation losses for clusters, by name.

All take logits ``(N, C, H, W)``, targets in [0, 1] of the same shape and a mask of valid pixels
``(N, 1, H, W)``.  They return a scalar and compute in float32, whatever the precision of the network.  With
the probability p and target t of a pixel, its validity v, and sums over all pixels of a batch for each
class::

    tp = sum v t p      fn = sum v t (1 - p)      fp = sum v (1 - t) p
    D = (2 tp + s) / (2 tp + fn + fp + s)                           the Dice coefficient
    T = (tp + s) / (tp + delta fn + (1 - delta) fp + s)             the Tversky index

The background enters each loss: a false detection in a patch without clusters is penalised.  For this reason
D and T are computed over a batch, not over a patch: a patch without clusters then adds to the background of
the others.  The smoothing s is one pixel, so that a batch without any cluster has a finite loss with a
gradient, and a loss of zero if nothing is detected.

============== ====================================================================================
name           formula; the mean over valid pixels, or over classes
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

``delta`` is the weight of false negatives, ``1 - delta`` that of false positives.  The default of ``gamma``
is 2 for *focal*, 1 for *cosine-tversky* and 0.75 for the others.

References
----------
Lin, Goyal, Girshick, He & Dollár 2017, ICCV, 2999, eq. 5 (focal).

Milletari, Navab & Ahmadi 2016, 3DV, 565 (Dice, here with plain sums in the denominator).

Salehi, Erdogmus & Gholipour 2017, MLMI, 379, eq. 3 and 4 (Tversky).

Abraham & Khan 2019, ISBI, 683, eq. 4 (focal Tversky; their exponent 1/gamma is gamma here); with delta 1/2 it
is focal Dice.

Taghanaki et al. 2019, Comput. Med. Imaging Graph. 75, 24, eq. 3 (combo, whose alpha is 1/2 here and whose
beta is delta; it subtracts D, which differs by a constant).

Yeung, Sala, Schönlieb & Rundo 2022, Comput. Med. Imaging Graph. 95, 102026, section 3 (mixed focal: the
symmetric unified focal loss with lambda 1/2).

The same 2021, first version of the code to arXiv 2102.04525 (cosine Tversky).  There it reads
``1 - cos(pi T)^gamma``, which is smallest where nothing overlaps: here the sign is reversed and the range
scaled to 0 to 1.  Its gradient is small where hardly anything overlaps: batches of fewer than some 16
patches, some of which contain no cluster, train a network to detect nothing.
"""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from skysieve.clusters.train.settings import LOSSES
from skysieve.core.errors import ConfigError
from skysieve.core.extras import install_command
from skysieve.core.training.recipe import LossSettings, usual_gamma

__all__ = ["ClusterLoss", "cluster_loss"]

SMOOTHING = 1.0
"""Pixels added to numerator and denominator of a coefficient."""

EPSILON = 1e-6
"""Minimum base of a power with an exponent below one, whose gradient at zero is infinite."""


class ClusterLoss(nn.Module, ABC):
    """Base class of the losses; see the module for their formulas.

    Parameters
    ----------
    delta
        Weight of false negatives, 0 to 1.
    gamma
        Exponent.
    """

    def __init__(self, delta: float, gamma: float) -> None:
        super().__init__()
        self.delta, self.gamma = delta, gamma

    def forward(self, logits: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the loss of a batch; zero if it has no valid pixel.

        Parameters
        ----------
        logits
            ``(N, C, H, W)``.
        targets
            ``(N, C, H, W)``, between 0 and 1.
        valid
            ``(N, 1, H, W)``, 1 for pixels that count and 0 for others; by default all count.

        Returns
        -------
        Tensor
            Scalar float32.
        """
        with torch.autocast(logits.device.type, enabled=False):
            valid = torch.ones_like(targets[:, :1]) if valid is None else valid
            # one memory format: with mixed formats the CPU takes several times as long
            tensors = (values.float().contiguous() for values in (logits, targets, valid))
            return self.loss(*tensors)

    @abstractmethod
    def loss(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of float32 tensors.

        Parameters
        ----------
        logits, targets, valid
            As in :meth:`forward`.

        Returns
        -------
        Tensor
            Scalar float32.
        """


class CrossEntropy(ClusterLoss):
    """``bce``: unweighted binary cross-entropy."""

    def loss(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """See :meth:`ClusterLoss.loss`."""
        entropy = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return _mean(entropy, valid)


class Focal(ClusterLoss):
    """``focal``, as implemented in MONAI."""

    def __init__(self, delta: float, gamma: float) -> None:
        super().__init__(delta, gamma)
        self.pixels = _monai("FocalLoss", gamma=gamma, alpha=delta, reduction="none")

    def loss(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """See :meth:`ClusterLoss.loss`."""
        return _mean(self.pixels(logits, targets), valid)


class Dice(ClusterLoss):
    """``dice``, as implemented in MONAI."""

    def __init__(self, delta: float, gamma: float) -> None:
        super().__init__(delta, gamma)
        self.overlap = _monai("DiceLoss", **_BATCHWISE)

    def loss(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """See :meth:`ClusterLoss.loss`."""
        return self.overlap_loss(logits, targets, valid).mean()

    def overlap_loss(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """Return one minus the overlap coefficient of each class.

        Invalid pixels are set to correctly classified background.

        Parameters
        ----------
        logits, targets, valid
            As in :meth:`ClusterLoss.forward`.

        Returns
        -------
        Tensor
            ``(C,)`` float32.
        """
        by_class: Tensor = self.overlap(torch.sigmoid(logits) * valid, targets * valid)
        return by_class.flatten()


class FocalDice(Dice):
    """``focal-dice``: the Dice loss to a power."""

    def loss(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """See :meth:`ClusterLoss.loss`."""
        return _power(self.overlap_loss(logits, targets, valid), self.gamma).mean()


class Tversky(Dice):
    """``tversky``, as implemented in MONAI."""

    def __init__(self, delta: float, gamma: float) -> None:
        super().__init__(delta, gamma)
        self.overlap = _monai("TverskyLoss", alpha=1 - delta, beta=delta, **_BATCHWISE)


class FocalTversky(Tversky):
    """``focal-tversky``: the Tversky loss to a power."""

    def loss(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """See :meth:`ClusterLoss.loss`."""
        return _power(self.overlap_loss(logits, targets, valid), self.gamma).mean()


class Combo(Dice):
    """``combo``: weighted cross-entropy and Dice loss."""

    def loss(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """See :meth:`ClusterLoss.loss`."""
        negative, positive = functional.softplus(-logits), functional.softplus(logits)
        entropy = self.delta * targets * negative + (1 - self.delta) * (1 - targets) * positive
        return 0.5 * _mean(entropy, valid) + 0.5 * super().loss(logits, targets, valid)


class CosineTversky(Tversky):
    """``cosine-tversky``: a cosine of the Tversky index, to a power."""

    def loss(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """See :meth:`ClusterLoss.loss`."""
        index = 1 - self.overlap_loss(logits, targets, valid)
        return _power((1 + torch.cos(math.pi * index)) / 2, self.gamma).mean()


class MixedFocal(FocalTversky):
    """``mixed-focal``: focal loss and focal Tversky loss.

    MONAI has the asymmetric form alone, of one class against the background.
    """

    def __init__(self, delta: float, gamma: float) -> None:
        super().__init__(delta, gamma)
        self.pixels = Focal(delta, 1 - gamma)

    def loss(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """See :meth:`ClusterLoss.loss`."""
        pixels: Tensor = self.pixels.loss(logits, targets, valid)
        return 0.5 * pixels + 0.5 * super().loss(logits, targets, valid)


def cluster_loss(kind: str, *, delta: float = LossSettings.delta, gamma: float | None = None) -> ClusterLoss:
    """Return a loss by its name.

    Parameters
    ----------
    kind
        One of :data:`skysieve.clusters.train.settings.LOSSES`.
    delta
        Weight of false negatives, 0 to 1; ``bce``, ``dice`` and ``focal-dice`` ignore it.
    gamma
        Exponent; by default that of the loss.  At most 1 for ``mixed-focal``.

    Returns
    -------
    ClusterLoss
        Module that takes logits, targets and valid pixels.

    Raises
    ------
    ConfigError
        If the loss is unknown, a number is out of range, or MONAI is not installed.

    Examples
    --------
    >>> cluster_loss("bce")(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 2))
    tensor(0.6931)
    """
    if kind not in LOSSES:
        raise ConfigError(f"loss {kind}: not known; choose from {', '.join(LOSSES)}")
    gamma = usual_gamma(kind) if gamma is None else gamma
    max_gamma = 1 if kind == "mixed-focal" else math.inf
    if not 0 <= delta <= 1:
        raise ConfigError(f"loss {kind}: delta {delta:g}, expected 0 to 1")
    if not 0 < gamma <= max_gamma:
        raise ConfigError(f"loss {kind}: gamma {gamma:g}, expected more than 0 and at most {max_gamma:g}")
    loss: ClusterLoss = globals()[LOSSES[kind]](delta, gamma)
    return loss


_BATCHWISE: dict[str, float | bool | str] = {
    "batch": True,
    "smooth_nr": SMOOTHING,
    "smooth_dr": SMOOTHING,
    "reduction": "none",
}


def _monai(name: str, **settings: float | bool | str) -> nn.Module:
    """Return a loss of MONAI, imported here because that takes seconds."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MONAI uses deprecated functions of its dependencies
            import monai.losses
    except ImportError as error:
        raise ConfigError(f"this loss needs monai; run: {install_command('train')}") from error
    loss: nn.Module = getattr(monai.losses, name)(**settings)
    return loss


def _mean(values: Tensor, valid: Tensor) -> Tensor:
    """Return the mean over classes and valid pixels; zero if no pixel is valid."""
    return (values.mean(1, keepdim=True) * valid).sum() / valid.sum().clamp_min(EPSILON)


def _power(values: Tensor, exponent: float) -> Tensor:
    """Return values from 0 to 1 to a power, with a finite gradient."""
    return values.clamp_min(EPSILON).pow(exponent)
