"""Print the page of the networks: ``python docs/_generate/networks.py > docs/networks.md``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from skysieve.networks.blocks import macs_per_pixel, parameter_count
from skysieve.networks.ghost_net import DEPTHS as GHOST_DEPTHS
from skysieve.networks.ghost_net import WIDTHS as GHOST_WIDTHS
from skysieve.networks.ghost_net import GhostNet
from skysieve.networks.maximask_net import MaxiMaskNet
from skysieve.networks.maxitrack_net import MaxiTrackNet
from skysieve.networks.segmenters import SEGMENTERS, build_segmenter
from skysieve.networks.sieve_net import CONTEXT, NEIGHBOURHOOD, SieveNet
from skysieve.networks.sieve_net import DEPTHS as SIEVE_DEPTHS
from skysieve.networks.sieve_net import WIDTHS as SIEVE_WIDTHS
from skysieve.networks.tracking_net import DEPTHS as SLIP_DEPTHS
from skysieve.networks.tracking_net import REACH, SlipNet
from skysieve.networks.tracking_net import WIDTHS as SLIP_WIDTHS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from torch import nn

PUBLISHED_SIDE = 400
OUR_SIDE = 512
PATCH, BANDS, SMALL = 64, 6, (16, 32, 64, 96)

INTRODUCTION = """\
# Networks

<!-- Printed by `python docs/_generate/networks.py`, which builds the networks and counts: do not edit. -->

All networks but those for clusters take pixels in units of the sky's noise above the sky, and begin with
asinh, which is linear at the noise and logarithmic at the stars. Multiplications are those with weights, for
each pixel of the input; parameters are the values that are trained.
"""

SIEVE = """
## SieveNet: classes of pixels

A U-Net that never works at full resolution. Four neighbouring pixels become four channels first, so that
the widest maps have a quarter of the pixels; the last layer, 1 × 1, gives the classes of all four at once.
A step down is a convolution of 2 × 2 at stride 2, a step up one of 1 × 1 and the nearest neighbour. What
the encoder saw is added in the decoder, not concatenated. Convolutions are 3 × 3 with batch normalisation
and ReLU; every two of a level form a residual block. At the two coarsest levels of the encoder {blocks}
context blocks follow: two dilated convolutions of 3 × 3 on half of the channels, between two of 1 × 1,
added to the features. With them the network sees a trail as a line and a star with its spikes, over
several hundred pixels. No single pixel says whether it has fringes or lies in nebulosity: the log-odds
of these two classes are means over {side} × {side} px.
"""

SLIP = """
## SlipNet: tracking errors

An encoder of the same parts, without a decoder; one residual block with dilations follows it, so that it sees
how images some 150 px apart belong together. {heads} maps of attention, which begin with how bright each
place is, say where to look. The features found there, their plain mean over the frame, and how far images
are drawn out, along one axis or each along its own, go through one dense layer to one number. The network
says of every place of {minimum} × {minimum} px how far and along which axis the motion drew out its images,
and is trained on that beside the label of the frame: from the label alone it hardly begins to learn. It
takes frames of any size from {minimum} px on; of sides that are not multiples of that, the rest is not
looked at.

In networks that are trained from now on two more things go into that layer. One is how much the features
differ from place to place: a tracking error draws out all stars alike, coma and astigmatism do not. The other
is a small look at the autocorrelation of two maps at 1/4 of the resolution, up to {reach} px: a jump leaves
two images of every star, sharp ones if it was quick, all at the same distance, which no place shows. It is
computed as a product of two matrices, of a map moved down and of that map moved to the right. The weights in
the package have neither; a first, short training with both
[was no better](training.md#what-was-tried-and-what-is-missing).
"""

GHOST = """
## GhostNet: ghosts on focal planes

A U-Net of the same parts, with dilated convolutions at its lowest resolution, where {attention} layers of
attention follow: there every place looks at every other, for a ghost, its star and the other ghosts of that
star lie far apart, on a line through the middle of the picture, and the widest reach over half of it. Each
place knows where in the picture it is. The network says four things: whether there is any ghost, of which
class each cell of 4 × 4 px is, at which place of 8 × 8 px the middle of a ghost lies, and for that place the
weights of three small layers, which draw this one ghost from features that all share and from where each
pixel lies as seen from its middle, with the squares and the product of its coordinates: one of the layers
alone draws any ellipse. So ghosts that overlap, or fall into pieces at the gaps between CCDs, stay what they
are.
"""

MASK_RCNN = """
Mask R-CNN is the other network for ghosts, for those who [train it](training.md#mask-r-cnn-for-ghosts):
ResNet-50 with a feature pyramid, of the parts of torchvision's second version, 45.9 million parameters, with
group normalisation in place of that of batches and one grey channel. A model of it runs like any other,
without torch.
"""

SEGMENTATION = """
## Eight architectures for clusters

For maps of several bands, by the name that `--network` of [`skysieve train clusters`](clusters.md#a-network)
takes. They take each band in units of its scatter, its range compressed by arcsinh beforehand. Each has any
number of bands, classes and levels; without `widths` in the recipe it is as wide as published, or as is usual
in the variant of it in keras-unet-collection. Counted for {bands} bands, one class and patches of
{side} × {side} px; narrow are widths of {widths}.
"""

BUILT = """
- `unet`: two convolutions of 3 × 3 a stage; the largest of four pixels on the way down, a transposed
  convolution of 2 × 2 on the way up, joined with what was there on the way down.
- `vnet`: one to three convolutions of 5 × 5 a stage, added to its input; PReLU; steps are 2 × 2.
- `unet++`: further nodes between encoder and decoder, each of which sees all before it at its level.
- `r2unet`: convolutions that are applied three times, each time to the input and what they gave before.
- `attention-unet`: gates, told by the level below, weigh what is joined.
- `resunet-a`: residual blocks whose branches have taps 1, 3, 15 and 31 px apart, and maxima over windows of
  1 to 8 px at the lowest resolution and of 8 to 64 px at the end.
- `u2net`: each stage is a small U-Net, and each level predicts; two levels more than it has widths.
- `unet3+`: each level of the decoder sees all others.

Differences from the publications, which the docstring of each names one by one: convolutions pad with zeros,
so that sides are kept; batch normalisation follows those of 3 × 3 and 5 × 5, but for the repeated ones of
`r2unet`, so that each learns from scratch, and is folded into them in a graph; there is no dropout. The last
layer begins with the probability of a rare class. In Python, `unet++`, `u2net` and `unet3+` have deep
supervision as an option: their `all_logits` gives what each stage predicts.
"""

CLUSTER_REFERENCES = """
References: Milletari, Navab & Ahmadi 2016, 3DV, 565 (V-Net); Zhou et al. 2018, DLMIA, 3 (U-Net++);
Alom et al. 2018, arXiv 1802.06955 (R2U-Net); Oktay et al. 2018, arXiv 1804.03999 (Attention U-Net);
Diakogiannis et al. 2020, ISPRS J. 162, 94 (ResUNet-a); Qin et al. 2020, Pattern Recognition 106, 107404
(U²-Net); Huang et al. 2020, ICASSP, 1055 (UNet 3+).
"""

REFERENCES = """
References: Ronneberger, Fischer & Brox 2015, MICCAI, 234 (U-Net); Shi et al. 2016, CVPR, 1874 (space to
depth); He, Zhang, Ren & Sun 2016, CVPR, 770 (residual blocks); Ilse, Tomczak & Welling 2018, ICML, 2127
(attention as pooling); Tian, Shen & Chen 2020, ECCV, 282 (layers drawn from each place); Zhou, Wang &
Krähenbühl 2019, arXiv 1904.07850 (middles); Vaswani et al. 2017, NeurIPS (attention); He, Gkioxari, Dollár &
Girshick 2017, ICCV, 2980 (Mask R-CNN); Paillassa, Bertin & Bouy 2020, A&A 634, A48 (the published
networks).
"""


def render() -> str:
    """Return the page."""
    sieve, slip = SieveNet(context=CONTEXT), SlipNet(pairs=False)
    ghosts = GhostNet()
    rows = [
        _row("`skysieve` for contaminants", sieve, OUR_SIDE, f"any, multiples of {sieve.multiple} px"),
        _row("`maximask`", MaxiMaskNet(), PUBLISHED_SIDE, "any; trained on 400 px"),
        _row("`skysieve` for tracking", slip, OUR_SIDE, f"any of {slip.minimum} px and more"),
        _row("`skysieve` for ghosts", ghosts, PUBLISHED_SIDE, "400 × 400 px"),
        _row("`maxitrack`", MaxiTrackNet(), PUBLISHED_SIDE, "400 × 400 px"),
    ]
    parts = [
        INTRODUCTION,
        _table(("model", "network", "10³ multiplications a pixel", "parameters", "sides of the input"), rows),
        SIEVE.format(side=2 * NEIGHBOURHOOD, blocks=max(CONTEXT)),
        _levels(SIEVE_WIDTHS, SIEVE_DEPTHS, decoded=range(1, len(SIEVE_WIDTHS))),
        SLIP.format(heads=slip.heads, minimum=slip.minimum, reach=4 * REACH),
        _levels(SLIP_WIDTHS, SLIP_DEPTHS),
        GHOST.format(attention=len(ghosts.attention)),
        _levels(GHOST_WIDTHS, GHOST_DEPTHS, decoded=(2, 3)),
        MASK_RCNN,
        SEGMENTATION.format(widths=", ".join(map(str, SMALL)), bands=BANDS, side=PATCH),
        _segmenters(),
        BUILT,
        CLUSTER_REFERENCES,
        REFERENCES,
    ]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _segmenters() -> str:
    """Return the table of the architectures for clusters."""
    rows = []
    for kind in SEGMENTERS:
        with torch.device("meta"):  # their shapes are all that is asked for
            whole, narrow = (build_segmenter(kind, bands=BANDS, widths=widths) for widths in ((), SMALL))
        name, network, *counts, _ = _row(f"`{kind}`", whole, PATCH, "")
        widths = ", ".join(map(str, whole.widths))
        rows.append(
            (name, network, widths, *counts, f"{whole.multiple} px", *_row("", narrow, PATCH, "")[2:4])
        )
    head = (
        "name",
        "network",
        "widths",
        "10³ multiplications a pixel",
        "parameters",
        "sides are multiples of",
    )
    return _table((*head, "10³ multiplications, narrow", "parameters, narrow"), rows)


def _row(model: str, network: nn.Module, side: int, sides: str) -> tuple[str, ...]:
    cost = macs_per_pixel(network, (side, side)) / 1e3
    return (
        model,
        type(network).__name__,
        f"{cost:.1f}",
        f"{parameter_count(network):,}".replace(",", " "),
        sides,
    )


def _levels(widths: Sequence[int], depths: Sequence[int], *, decoded: Collection[int] = ()) -> str:
    """Return the table of the levels, of which those with these numbers are decoded, too."""
    head = ("resolution", "channels", "convolutions in the encoder", *(["in the decoder"] if decoded else []))
    rows = []
    for level, (width, depth) in enumerate(zip(widths, depths, strict=True), 1):
        back = [depth if level in decoded else "–"] if decoded else []
        rows.append((f"1/{2**level}", width, depth, *back))
    return _table(head, rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n" + "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    print(render(), end="")
