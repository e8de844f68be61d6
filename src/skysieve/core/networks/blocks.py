"""Building blocks of the networks, and counts of their parameters and operations."""

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
"""Pixels are clipped to this many sigma, so that their squares stay far from the limit of float32."""


class ExportableNetwork(Protocol):
    """Interface of a network that can be exported to a graph.

    Attributes
    ----------
    classes
        Number of logits of a pixel or a frame.
    multiple
        Sides of the input must be multiples of this number of pixels; 1 if any side is allowed.

    Notes
    -----
    A network with several input channels has their number as `bands`.
    """

    classes: int
    multiple: int

    def probabilities(self, pixels: Tensor) -> Tensor:
        """Return the output of the exported graph.

        Parameters
        ----------
        pixels
            ``(N, B, H, W)`` normalised pixels.

        Returns
        -------
        Tensor
            Probabilities, ``(N, C, H, W)`` for pixels or ``(N, 2)`` for frames.
        """
        ...

    def fold_calibration(self, scale: Tensor, offset: Tensor) -> None:
        """Change the last layer so that the logits ``l`` become ``scale l + offset``.

        Parameters
        ----------
        scale, offset
            ``(C,)``, one value for each class.
        """
        ...


def asinh(pixels: Tensor) -> Tensor:
    """Return ``sign(x) log(|x| + sqrt(x^2 + 1))``.

    It is linear at the noise level and logarithmic at bright stars.  The formula is written out because
    engines run these operators faster than the built-in one.  The absolute error is about 1e-7.

    Parameters
    ----------
    pixels
        Sky-subtracted pixels in units of the noise; float32, any shape.

    Returns
    -------
    Tensor
        Float32 of the same shape.
    """
    limited = pixels.float().clamp(-MAX_PIXEL, MAX_PIXEL)
    return limited.sign() * torch.log(limited.abs() + torch.sqrt(limited * limited + 1))


def convolution(
    inputs: int, outputs: int, *, size: int = 3, stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    """Return a convolution, batch normalisation and ReLU.

    Kernels of odd size at stride 1 keep the sides (zero padding); 2 x 2 kernels at stride 2 halve them.

    Parameters
    ----------
    inputs, outputs
        Number of channels.
    size, stride, dilation
        Side of the kernel, step between outputs, and distance of the taps, in pixels.

    Returns
    -------
    nn.Sequential
        The three layers.
    """
    padding = (size - 1) // 2 * dilation
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride=stride, padding=padding, dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def convolution_stack(width: int, depth: int) -> nn.Sequential:
    """Return a stack of 3 x 3 convolutions, in residual blocks of two.

    Parameters
    ----------
    width
        Number of channels.
    depth
        Number of convolutions; an odd one has a plain convolution at the end.

    Returns
    -------
    nn.Sequential
        The blocks.
    """
    layers: list[nn.Module] = [Residual(width) for _ in range(depth // 2)]
    if depth % 2:
        layers.append(convolution(width, width))
    return nn.Sequential(*layers)


class Residual(nn.Module):
    """Residual block of two 3 x 3 convolutions.

    Parameters
    ----------
    width
        Number of channels.
    dilations
        Distance of the taps of each convolution, in pixels.

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
    """Residual bottleneck of dilated convolutions: a large receptive field at low cost.

    The weights of the last normalisation are initialised to zero, so that an untrained block is the identity
    and can be added to a trained network.

    Parameters
    ----------
    width
        Number of channels; even.
    dilations
        Distance of the taps of the two 3 x 3 convolutions, in pixels.

    References
    ----------
    He, Zhang, Ren & Sun 2016, CVPR, 770, figure 5 (bottleneck); Yu & Koltun 2016, ICLR (dilation); Goyal et
    al. 2017, arXiv 1706.02677, section 5.1 (initialisation to zero).
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
    """Initialise the weights of all convolutions and dense layers for ReLU, with torch's global generator.

    Parameters
    ----------
    network
        Network to initialise in place.

    References
    ----------
    He, Zhang, Ren & Sun 2015, ICCV, 1026, eq. 10.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif isinstance(module, nn.ConvTranspose2d):
            # Each output has contributions from only a fraction of the taps, one for each stride
            fan_in = module.weight[:, 0].numel() / math.prod(module.stride)
            nn.init.normal_(module.weight, std=math.sqrt(2 / fan_in))
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def scale_outputs(layer: nn.Conv2d | nn.Linear, scale: Tensor, offset: Tensor) -> None:
    """Scale a layer in place so that its outputs ``l`` become ``scale l + offset``.

    Parameters
    ----------
    layer
        Layer with a bias; its outputs are grouped by class.
    scale, offset
        ``(C,)``; the number of outputs must be a multiple of C.
    """
    repeats = layer.weight.shape[0] // len(scale)
    scale, offset = (values.to(layer.weight).repeat_interleave(repeats) for values in (scale, offset))
    with torch.no_grad():
        layer.weight.mul_(scale.view(-1, *[1] * (layer.weight.dim() - 1)))
        if layer.bias is not None:
            layer.bias.mul_(scale).add_(offset)


def macs_per_pixel(network: nn.Module, shape: Sequence[int] = (256, 256)) -> float:
    """Return the multiply-accumulate operations of a network for each input pixel.

    Parameters
    ----------
    network
        Network on ``(1, B, H, W)`` pixels, where B is its `bands`, or 1; it is run once.
    shape
        ``(H, W)`` of the input.

    Returns
    -------
    float
        Operations of all convolutions and dense layers.
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
    """Return the number of parameters.

    Parameters
    ----------
    network
        Any network.

    Returns
    -------
    int
        Number of values in all parameters.
    """
    return sum(parameter.numel() for parameter in network.parameters())
