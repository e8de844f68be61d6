"""Loss functions.

Each takes logits, targets in [0, 1] of the same shape, ``(N, C, H, W)`` for pixels or ``(N, 1)`` for frames,
and a mask of the valid values, ``(N, 1, H, W)`` or ``(N, 1)``.  Each returns a scalar and computes in float32
whatever the precision of the network.

Effect of a loss on the posteriors
----------------------------------
A network trained with unweighted cross-entropy gives posteriors at the class proportions of its training
set.  A weight ``w`` on positive examples multiplies the odds by ``w`` (Elkan 2001, IJCAI, 973, theorem 1), as
if the class had another proportion.  The same holds for pixel weights, where ``w`` is the mean weight of the
pixels in the class over that of the others.
Focal and Dice losses give scores that rank pixels but are not posteriors; they need calibration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    ClassValues = Sequence[float] | Tensor

__all__ = [
    "CombinedLoss",
    "DiceLoss",
    "FocalLoss",
    "WeightedSigmoidLoss",
]


class WeightedSigmoidLoss(nn.Module):
    """Sigmoid cross-entropy with pixels weighted by the inverse frequency of their classes, as published.

    The weight of a class of proportion p is ``1 / p``.  The weight of a pixel is the sum of the weights of
    its classes, or that of a neighbour if this is larger.  So the surroundings of rare classes, which are
    hard to classify, count as well.  The sum is divided by the sum of the weights, so only their ratios
    matter.

    Parameters
    ----------
    priors
        ``(C,)`` proportions of the pixels in each class.  A pixel of no class has the smallest weight.

    References
    ----------
    Paillassa, Bertin & Bouy 2020, A&A 634, A48, section 4.1, where weights are spread to the neighbours.
    """

    class_weights: Tensor

    def __init__(self, priors: ClassValues) -> None:
        super().__init__()
        inverse = 1 / torch.as_tensor(priors, dtype=torch.float32)
        _buffer(self, "class_weights", inverse / inverse.sum())

    def forward(self, logits: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the loss; 0 for a batch without valid pixels."""
        with torch.autocast(logits.device.type, enabled=False):
            entropy = _cross_entropy(logits.float(), targets.float(), None)
            weights = self._pixel_weights(targets.float())
            return _weighted_mean(entropy, weights if valid is None else weights * valid)

    def _pixel_weights(self, targets: Tensor) -> Tensor:
        """Return the weight of each pixel ``(N, 1, H, W)``."""
        weights = torch.einsum("nc...,c->n...", targets, self.class_weights).unsqueeze(1)
        weights = weights.clamp_min(self.class_weights.min())
        return (
            torch.maximum(weights, functional.max_pool2d(weights, 3, 1, padding=1))
            if weights.dim() == 4
            else weights
        )


class FocalLoss(nn.Module):
    """Focal loss: cross-entropy times ``|t - p|^gamma``, which gives correct pixels less weight.

    Parameters
    ----------
    gamma
        0 for plain cross-entropy, else 1 or more.
    positive_weights
        ``(C,)`` weights of positive targets.
    class_weights
        ``(C,)`` weights of all targets.

    References
    ----------
    Lin, Goyal, Girshick, He & Dollár 2017, ICCV, 2999, eq. 4; in the form for targets between 0 and 1 of
    Li et al. 2020, NeurIPS 33, 21002, eq. 3.
    """

    positive_weights: Tensor | None
    class_weights: Tensor | None

    def __init__(
        self,
        gamma: float = 2.0,
        positive_weights: ClassValues | None = None,
        *,
        class_weights: ClassValues | None = None,
    ) -> None:
        super().__init__()
        if gamma != 0 and gamma < 1:
            raise ValueError(
                f"gamma {gamma}: expected 0, or 1 and more"
            )  # the slope at 0 is infinite between
        self.gamma = gamma
        _buffer(self, "positive_weights", positive_weights)
        _buffer(self, "class_weights", class_weights)

    def forward(self, logits: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the mean over valid pixels and classes; 0 for a batch without valid pixels."""
        with torch.autocast(logits.device.type, enabled=False):
            logits, targets = logits.float(), targets.float()
            entropy = _cross_entropy(logits, targets, self.positive_weights)
            if self.gamma:
                entropy = entropy * (targets - torch.sigmoid(logits)).abs() ** self.gamma
            if self.class_weights is not None:
                entropy = entropy * _along_classes(self.class_weights, logits)
            return _weighted_mean(entropy, torch.ones_like(logits[:, :1]) if valid is None else valid)


class DiceLoss(nn.Module):
    """One minus the Dice coefficient of probabilities and targets, averaged over classes.

    Classes without a pixel in the batch are omitted: their coefficient would depend on the number of pixels
    only.

    Parameters
    ----------
    smoothing
        Number of pixels added to numerator and denominator.

    References
    ----------
    Milletari, Navab & Ahmadi 2016, 3DV, 565, in the form without squares in the denominator.
    """

    def __init__(self, smoothing: float = 1.0) -> None:
        super().__init__()
        self.smoothing = smoothing

    def forward(self, logits: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the loss; zero where no class is present."""
        with torch.autocast(logits.device.type, enabled=False):
            probabilities, targets = torch.sigmoid(logits.float()), targets.float()
            if valid is not None:
                probabilities, targets = probabilities * valid, targets * valid
            axes = [axis for axis in range(logits.dim()) if axis != 1]
            both, found, true = (
                values.sum(axes) for values in (probabilities * targets, probabilities, targets)
            )
            dice = (2 * both + self.smoothing) / (found + true + self.smoothing)
            present = (true > 0).float()
            return ((1 - dice) * present).sum() / present.sum().clamp_min(1)


class CombinedLoss(nn.Module):
    """A weighted sum of losses.

    Parameters
    ----------
    terms
        Weight and loss, by name.
    """

    def __init__(self, terms: Mapping[str, tuple[float, nn.Module]]) -> None:
        super().__init__()
        self.terms = nn.ModuleDict({name: loss for name, (_, loss) in terms.items()})
        self.weights = {name: weight for name, (weight, _) in terms.items()}

    def forward(self, logits: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the weighted sum."""
        terms = [self.weights[name] * term(logits, targets, valid) for name, term in self.terms.items()]
        return torch.stack(terms).sum()


def _buffer(module: nn.Module, name: str, values: ClassValues | None) -> None:
    """Register settings as a buffer, which moves with the module but is not in the state dict."""
    buffer = None if values is None else torch.as_tensor(values, dtype=torch.float32).clone()
    module.register_buffer(name, buffer, persistent=False)


def _cross_entropy(logits: Tensor, targets: Tensor, positive_weights: Tensor | None) -> Tensor:
    """Return the sigmoid cross-entropy of each value."""
    if positive_weights is not None:
        positive_weights = _along_classes(positive_weights, logits)
    return functional.binary_cross_entropy_with_logits(
        logits, targets, pos_weight=positive_weights, reduction="none"
    )


def _along_classes(values: Tensor, logits: Tensor) -> Tensor:
    """Reshape ``(C,)`` values so that they broadcast with ``(N, C, …)`` logits."""
    return values.view(-1, *[1] * (logits.dim() - 2))


def _weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Return the mean over all axes of ``(N, C, …)`` values with ``(N, 1, …)`` weights."""
    return (values.mean(1, keepdim=True) * weights).sum() / weights.sum().clamp_min(1e-12)
