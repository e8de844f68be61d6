"""The published MaxiTrack network in torch, for training.

References
----------
Paillassa, Bertin & Bouy 2020, A&A 634, A48, section 4.2; layers and shapes as in
the weights of MaxiMask 1.3.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from tests.frames.networks.published_weights import load_layers, load_tensor
from torch import Tensor, nn
from torch.nn import functional

from skysieve.core.networks.blocks import asinh, initialise, scale_outputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MaxiTrackNet"]

BLOCK_SIZE = 400
CONVOLUTIONS = (
    ("conv1", 1, 16),
    ("conv2", 16, 32),
    ("conv3", 32, 64),
    ("conv4", 64, 128),
    ("conv5", 128, 128),
)
DENSE = (("dense1", 12 * 12 * 128, 64), ("dense2", 64, 64), ("dense3", 64, 2))
SLOPE_KEYS = {
    "conv1": "variables/2",
    "conv2": "variables/5",
    "conv3": "variables/8",
    "conv4": "variables/11",
    "conv5": "variables/14",
    "dense1": "variables/17",
    "dense2": "variables/20",
}
"""Keys of the slopes of the parametric ReLUs in the checkpoint."""

INITIAL_SLOPE = 0.0


class MaxiTrackNet(nn.Module):
    """Classifier of tracking errors in blocks of 400 x 400 pixels, as published.

    Parameters
    ----------
    dropout
        Dropout probability of the dense layers in training.  The publication does not give it.

    Attributes
    ----------
    fixed_size, multiple
        Side of the input, which is fixed because the parametric ReLUs have one slope per pixel.
    """

    def __init__(self, dropout: float = 0.5) -> None:
        super().__init__()
        self.classes = 1
        self.multiple = self.fixed_size = BLOCK_SIZE
        self.layers = nn.ModuleDict()
        self.slopes = nn.ParameterDict()
        side = BLOCK_SIZE
        for name, inputs, outputs in CONVOLUTIONS:
            self.layers[name] = nn.Conv2d(inputs, outputs, 9, padding=4)
            self.slopes[name] = nn.Parameter(torch.full((outputs, side, side), INITIAL_SLOPE))
            side //= 2
        for name, inputs, outputs in DENSE:
            self.layers[name] = nn.Linear(inputs, outputs)
            if name in SLOPE_KEYS:
                self.slopes[name] = nn.Parameter(torch.full((outputs,), INITIAL_SLOPE))
        self.dropout = nn.Dropout(dropout)
        initialise(self)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logit ``(N, 1)`` of a tracking error, at the prior of the training set.

        Parameters
        ----------
        pixels
            ``(N, 1, 400, 400)`` float32, sky-subtracted and in units of the noise.

        Returns
        -------
        Tensor
            ``(N, 1)``.

        Notes
        -----
        The network has two outputs, one for good frames and one for errors; the logit is their difference.
        """
        features = asinh(pixels)
        for name, _, _ in CONVOLUTIONS:
            features = functional.max_pool2d(self._activate(name, self.layers[name](features)), 2)
        features = features.permute(0, 2, 3, 1).flatten(1)  # the order of the published dense weights
        for name, _, _ in DENSE[:-1]:
            features = self.dropout(self._activate(name, self.layers[name](features)))
        outputs: Tensor = self.layers[DENSE[-1][0]](features)
        return outputs[:, 1:] - outputs[:, :1]

    def probabilities(self, pixels: Tensor) -> Tensor:
        """Return the posterior probabilities.

        Parameters
        ----------
        pixels
            As in :meth:`forward`.

        Returns
        -------
        Tensor
            ``(N, 2)``, of a good frame and of a tracking error.
        """
        logit = self(pixels)
        return torch.sigmoid(torch.cat([-logit, logit], dim=1))

    def fold_calibration(self, scale: Tensor, offset: Tensor) -> None:
        """Replace the logit ``l`` by ``scale l + offset``, in the weights of the last layer.

        Parameters
        ----------
        scale, offset
            ``(1,)`` float32.
        """
        both = torch.zeros(2)
        both[1] = offset[0]
        scale_outputs(self.layers[DENSE[-1][0]], scale.expand(2), both)  # type: ignore[arg-type]

    def load_published(self, weights: Mapping[str, NDArray[np.generic]]) -> None:
        """Load the published weights.

        Parameters
        ----------
        weights
            Tensors of the checkpoint by key, in TensorFlow's order of axes.

        Raises
        ------
        ModelError
            If a tensor is missing or has another shape.
        """
        load_layers(self.layers.items(), weights)
        for name, slope in self.slopes.items():
            load_tensor(slope, weights, SLOPE_KEYS[name], (2, 0, 1) if slope.dim() == 3 else (0,))

    def _activate(self, name: str, features: Tensor) -> Tensor:
        positive = torch.relu(features)
        activated: Tensor = positive + self.slopes[name] * (features - positive)
        return activated
