"""Parts that the networks share, and what can be counted of a network."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ContextBlock",
    "ExportableNetwork",
    "Residual",
    "asinh",
    "convolution",
    "convolution_stack",
    "initialise",
    "macs_per_pixel",
    "parameter_count",
    "scale_outputs",
]

MAX_PIXEL = 1e9
"""Pixels beyond this many sigma are taken as this: their squares would come near the end of float32."""


class ExportableNetwork(Protocol):
    """What a network offers beyond its logits, so that it can be made into a graph.

    Attributes
    ----------
    classes
        Number of logits of a pixel or a frame.
    multiple
        Sides of the input are multiples of this many pixels; 1 if any will do.

    Notes
    -----
    A network of more than one channel has their number as `bands`.
    """

    classes: int
    multiple: int

    def probabilities(self, pixels: Tensor) -> Tensor:
        """Return what the runtime wants of a graph, for ``(N, B, H, W)`` pixels."""
        ...

    def fold_calibration(self, scale: Tensor, offset: Tensor) -> None:
        """Change the last layer so that the logits ``l`` become ``scale l + offset``, by class."""
        ...


def asinh(pixels: Tensor) -> Tensor:
    """Return ``sign(x) log(|x| + sqrt(x^2 + 1))``.

    Linear at the noise and logarithmic at the stars.  Spelt out because engines run these operators fast,
    and not the one that is made for it.  The absolute error is some 1e-7.

    Parameters
    ----------
    pixels
        Float32, any shape, in units of the noise above the sky.
    """
    limited = pixels.float().clamp(-MAX_PIXEL, MAX_PIXEL)
    return limited.sign() * torch.log(limited.abs() + torch.sqrt(limited * limited + 1))


def convolution(
    inputs: int, outputs: int, *, size: int = 3, stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    """Return convolution, batch normalisation and ReLU.

    Kernels of odd size keep the sides at stride 1 (zero padding); 2 x 2 at stride 2 halves them.  Taps are
    ``dilation`` apart.
    """
    padding = (size - 1) // 2 * dilation
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride=stride, padding=padding, dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def convolution_stack(width: int, depth: int) -> nn.Sequential:
    """Return ``depth`` convolutions of 3 x 3; every two of them form a residual block."""
    layers: list[nn.Module] = [Residual(width) for _ in range(depth // 2)]
    if depth % 2:
        layers.append(convolution(width, width))
    return nn.Sequential(*layers)


class Residual(nn.Module):
    """Two convolutions of 3 x 3 with a way around them.

    Parameters
    ----------
    width
        Channels.
    dilations
        How far apart the taps of each convolution are.

    References
    ----------
    He, Zhang, Ren & Sun 2016, CVPR, 770, figure 2; Yu & Koltun 2016, ICLR (dilation).
    """

    def __init__(self, width: int, dilations: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        near, far = dilations
        self.first = convolution(width, width, dilation=near)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=far, dilation=far, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same shape ``(N, width, H, W)``."""
        changed: Tensor = self.second(self.first(features))
        return torch.relu(changed + features)


class ContextBlock(nn.Module):
    """Dilated convolutions on half of the channels, added to the features: a wide view that costs little.

    The last normalisation begins at zero, so that an untrained block changes nothing and can be added to a
    trained network.

    Parameters
    ----------
    width
        Channels, an even number.
    dilations
        How far apart the taps of the two 3 x 3 convolutions are.

    References
    ----------
    He, Zhang, Ren & Sun 2016, CVPR, 770, figure 5 (bottleneck); Yu & Koltun 2016, ICLR (dilation); Goyal et
    al. 2017, arXiv 1706.02677, section 5.1 (zero at the start).
    """

    def __init__(self, width: int, dilations: tuple[int, int]) -> None:
        super().__init__()
        near, far = dilations
        self.layers = nn.Sequential(
            convolution(width, width // 2, size=1),
            convolution(width // 2, width // 2, dilation=near),
            convolution(width // 2, width // 2, dilation=far),
        )
        self.widen = nn.Sequential(nn.Conv2d(width // 2, width, 1, bias=False), nn.BatchNorm2d(width))
        nn.init.zeros_(self.widen[1].weight)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same shape ``(N, width, H, W)``."""
        added: Tensor = self.widen(self.layers(features))
        return torch.relu(added + features)


def initialise(network: nn.Module) -> None:
    """Draw the weights of all convolutions and dense layers for ReLU, from torch's global generator.

    References
    ----------
    He, Zhang, Ren & Sun 2015, ICCV, 1026, eq. 10.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif isinstance(module, nn.ConvTranspose2d):
            # of its taps each result sees as many as there are in one stride
            seen = module.weight[:, 0].numel() / math.prod(module.stride)
            nn.init.normal_(module.weight, std=math.sqrt(2 / seen))
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def scale_outputs(layer: nn.Conv2d | nn.Linear, scale: Tensor, offset: Tensor) -> None:
    """Change a last layer in place so that its outputs ``l`` become ``scale l + offset``.

    Parameters
    ----------
    layer
        A layer with a bias, whose outputs are grouped by class.
    scale, offset
        ``(C,)``; the number of outputs is a multiple of C.
    """
    repeats = layer.weight.shape[0] // len(scale)
    scale, offset = (values.to(layer.weight).repeat_interleave(repeats) for values in (scale, offset))
    with torch.no_grad():
        layer.weight.mul_(scale.view(-1, *[1] * (layer.weight.dim() - 1)))
        if layer.bias is not None:
            layer.bias.mul_(scale).add_(offset)


def macs_per_pixel(network: nn.Module, shape: Sequence[int] = (256, 256)) -> float:
    """Return the multiplications with weights that a network does for each input pixel.

    Parameters
    ----------
    network
        Takes ``(1, B, H, W)`` pixels, where B is its `bands`, or 1; it is run once.
    shape
        ``(H, W)`` of the input.
    """
    total = 0

    def count(module: nn.Module, _: object, output: Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Conv2d):
            total += module.weight.numel() * output.shape[-2] * output.shape[-1]
        elif isinstance(module, nn.ConvTranspose2d):
            total += module.weight.numel() * output.shape[-2] * output.shape[-1] // math.prod(module.stride)
        elif isinstance(module, nn.Linear):
            total += module.weight.numel() * output.numel() // output.shape[-1]

    handles = [module.register_forward_hook(count) for module in network.modules()]
    was_training = network.training
    pixels = torch.zeros(1, getattr(network, "bands", 1), *shape, device=next(network.parameters()).device)
    try:
        with torch.inference_mode():
            network.eval()(pixels)
    finally:
        network.train(was_training)
        for handle in handles:
            handle.remove()
    return total / (shape[0] * shape[1])


def parameter_count(network: nn.Module) -> int:
    """Return the number of trained values."""
    return sum(parameter.numel() for parameter in network.parameters())
