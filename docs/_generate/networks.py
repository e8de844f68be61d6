"""Print the page of the networks: ``python docs/_generate/networks.py > docs/networks.md``."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from skysieve.clusters.networks.segmenters import SEGMENTERS, build_segmenter
from skysieve.clusters.networks.unet import WIDTHS as UNET_WIDTHS
from skysieve.core.networks.blocks import macs_per_pixel, parameter_count
from skysieve.frames.networks.revised_net import CONTEXT as REVISION_CONTEXT
from skysieve.frames.networks.revised_net import WIDTHS as REVISION_WIDTHS
from skysieve.frames.networks.revised_net import RevisedNet
from skysieve.frames.networks.sieve_net import CONTEXT, NEIGHBOURHOOD, SieveNet
from skysieve.frames.networks.sieve_net import DEPTHS as SIEVE_DEPTHS
from skysieve.frames.networks.sieve_net import WIDTHS as SIEVE_WIDTHS
from skysieve.frames.networks.tracking_net import DEPTHS as TRACKING_DEPTHS
from skysieve.frames.networks.tracking_net import MAX_LAG, TrackingNet
from skysieve.frames.networks.tracking_net import WIDTHS as TRACKING_WIDTHS
from skysieve.ghosts.networks.ghost_net import DEPTHS as GHOST_DEPTHS
from skysieve.ghosts.networks.ghost_net import WIDTHS as GHOST_WIDTHS
from skysieve.ghosts.networks.ghost_net import GhostNet

# the published networks are rebuilt in torch for the tests alone
sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.frames.networks.maximask_net import MaxiMaskNet
from tests.frames.networks.maxitrack_net import MaxiTrackNet

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from torch import nn

PUBLISHED_SIDE = 400
OUR_SIDE = 512
PATCH, BANDS, SMALL = 64, 6, (16, 32, 64, 96)

INTRODUCTION = """\
# Networks

<!-- Printed by `python docs/_generate/networks.py`, which builds the networks and counts: do not edit. -->

This page describes the network of each model and its cost. The input of all networks, except those for
clusters, is (pixel − sky) / noise. The first operation is asinh, which is linear for values near the noise
and logarithmic for bright stars. Multiplications are those with weights, per pixel of the input. Parameters
are the trained values.
"""

SIEVE = """
## SieveNet: classes of pixels

SieveNet is a U-Net without a full-resolution level. The first layer converts each block of four
neighbouring pixels to four channels (space to depth), so that the largest feature maps have a quarter of the
pixels. The last layer, a 1 × 1 convolution, returns the classes of all four pixels.

Downsampling is a 2 × 2 convolution with stride 2. Upsampling is a 1 × 1 convolution and nearest-neighbour
interpolation. Skip connections add the features of the encoder instead of concatenating them. Convolutions
are 3 × 3 with batch normalisation and ReLU; every two convolutions of a level form a residual block.

Fringes and nebulosity cannot be recognised in a single pixel, so the log-odds of these two classes are
averaged over {side} × {side} px.

A network that is trained with the recipe `contaminants` also has {blocks} context blocks at each of the two
coarsest levels of the encoder: two dilated 3 × 3 convolutions on half of the channels, between two 1 × 1
convolutions, whose result is added to the features. The network in the package has none.
"""

REVISION = """
## The revision: classes of pixels from their surroundings

A second, small network can follow SieveNet in the same graph (`RevisedNet`). The network in the package has
none yet. The input of the second network is the log-odds of all classes and the asinh of the pixels. It
bins both by 8 × 8 px: the mean and the maximum of each class, and the mean, the maximum and the minimum of
the pixels. A U-Net with {widths} channels at 1/8, 1/16 and 1/32 of the resolution, the coarsest with dilated
convolutions, computes {context} context channels from these. Its receptive field is several hundred pixels:
a spike with its star, a trail along its length, the whole of a nebula. Two 1 × 1 convolutions then compute
the final log-odds of each pixel from its own log-odds of all classes, its value and the interpolated context
channels. The weights of the first network stay fixed while the second one is
[trained](training.md#the-revision-of-contaminants).
"""

TRACKING = """
## TrackingNet: tracking errors

TrackingNet is an encoder with the same building blocks and no decoder. A residual block with dilated
convolutions follows, so that the network can compare images about 150 px apart. {heads} attention maps,
initialised with the brightness of each position, weight the positions in the frame. The weighted features,
their mean over the frame, and the elongation of the images, along a common axis and along individual axes,
are the input of one dense layer with one output.

The network also predicts the length and axis of the motion in each cell of {minimum} × {minimum} px. This is
an auxiliary task for training, because the label of the frame alone is a weak training signal. Frames may
have any size from {minimum} px. If a side is not a multiple of this, the remainder is ignored.

Two more things go into that layer. One is how much the features differ from place to place: a tracking
error draws out all stars alike, coma and astigmatism do not. The other is a small network that sees the
autocorrelation of two maps at 1/4 of the resolution, up to {reach} px: a jump leaves two images of every
star, sharp ones if it was quick, all at the same distance. It is computed as a product of two matrices, of
a map moved down and of that map moved to the right.
"""

GHOST = """
## GhostNet: ghosts on focal planes

GhostNet is a U-Net with the same building blocks and dilated convolutions at its lowest resolution, where
{attention} self-attention layers follow. Attention connects distant positions: a ghost, its star and the
other ghosts of that star lie on a line through the centre of the image, and the widest ghosts cover more
than half of it. Each position has a positional encoding.

The network has four outputs:

- the presence of any ghost in the image;
- the class of each cell of 4 × 4 px;
- the cells of 8 × 8 px that contain the centre of a ghost;
- for each such cell, the weights of three small layers that draw the mask of this ghost.

The input of these layers is a set of shared features, and the coordinates of each pixel relative to the
centre, with their squares and product. With these, a single layer can draw any ellipse. Overlapping ghosts,
and ghosts split by the gaps between CCDs, remain single instances.
"""

MASK_RCNN = """
Mask R-CNN is an alternative network for ghosts that you can [train](training.md#mask-r-cnn-for-ghosts). It
is ResNet-50 with a feature pyramid (torchvision's second version) and has 45.9 million parameters, group
normalisation instead of batch normalisation, and one grey channel. The trained model runs like any other,
without torch.
"""

SEGMENTATION = """
## Eight architectures for clusters

`--network` of [`skysieve train clusters`](clusters.md#a-network) selects one of these networks for maps of
several bands. Each band is divided by its scatter and compressed by arcsinh. The number of bands, classes and
levels is free. Without `widths` in the recipe, the widths are those of the publication, or of the usual
variant in keras-unet-collection. The counts are for {bands} bands, one class and patches of {side} × {side}
px; narrow networks have widths of {widths}.
"""

BUILT = """
- `unet`: two 3 × 3 convolutions per stage; 2 × 2 max pooling in the encoder; 2 × 2 transposed convolutions in
  the decoder; skip connections by concatenation.
- `vnet`: one to three 5 × 5 convolutions per stage with a residual connection; PReLU; 2 × 2 convolutions for
  down- and upsampling.
- `unet++`: additional nodes between encoder and decoder; each receives all previous nodes of its level.
- `r2unet`: recurrent convolutions, applied three times to the sum of the input and their previous output.
- `attention-unet`: attention gates, controlled by the next coarser level, weight the skip connections.
- `resunet-a`: residual blocks with parallel dilated convolutions (dilations 1, 3, 15 and 31 px), and pyramid
  pooling over windows of 1 to 8 px at the lowest resolution and of 8 to 64 px at the end.
- `u2net`: each stage is a small U-Net, and each level has an output; two more levels than widths.
- `unet3+`: each level of the decoder receives all other levels.

The networks differ from the publications in these points; the docstring of each network lists all of them.
Convolutions are zero-padded, so that the output has the size of the input. Batch normalisation follows the
3 × 3 and 5 × 5 convolutions, except the recurrent ones of `r2unet`, so that each network can be trained from
scratch; it is folded into the convolutions in a graph. There is no dropout. The bias of the last layer is
initialised for a rare class. In Python, `unet++`, `u2net` and `unet3+` support deep supervision: `all_logits`
returns the output of each stage.
"""

MONAI = """
### MONAI's networks

MONAI, from which the focal, Dice and Tversky losses for clusters come, has networks for four of these names.
None of them has the layers of the publication; the parameters are for the same bands and widths. It has no
R2U-Net, ResUNet-a, U²-Net or UNet 3+.
"""

DIFFERENCES = {
    "BasicUNet": "upsampled features at full resolution are twice as wide",
    "DynUNet": "convolutions with stride 2 instead of max pooling",
    "BasicUNetPlusPlus": "the same as BasicUNet; each node at full resolution has an output",
    "AttentionUnet": "convolutions with stride 2 instead of max pooling; gates at the finer resolution",
    "VNet": "fewer convolutions in most stages; 6 bands are not accepted (both counted for 1)",
}
"""How MONAI's networks differ from the published ones."""

CLUSTER_REFERENCES = """
References: Milletari, Navab & Ahmadi 2016, 3DV, 565 (V-Net); Zhou et al. 2018, DLMIA, 3 (U-Net++);
Alom et al. 2018, arXiv 1802.06955 (R2U-Net); Oktay et al. 2018, arXiv 1804.03999 (Attention U-Net);
Diakogiannis et al. 2020, ISPRS J. 162, 94 (ResUNet-a); Qin et al. 2020, Pattern Recognition 106, 107404
(U²-Net); Huang et al. 2020, ICASSP, 1055 (UNet 3+).
"""

REFERENCES = """
References: Ronneberger, Fischer & Brox 2015, MICCAI, 234 (U-Net); Shi et al. 2016, CVPR, 1874 (space to
depth); He, Zhang, Ren & Sun 2016, CVPR, 770 (residual blocks); Tu & Bai 2010, IEEE TPAMI 32, 1744 (a second
classifier that sees the answers of the first); Ilse, Tomczak & Welling 2018, ICML, 2127
(attention pooling); Tian, Shen & Chen 2020, ECCV, 282 (conditional convolutions); Zhou, Wang &
Krähenbühl 2019, arXiv 1904.07850 (object centres); Vaswani et al. 2017, NeurIPS (attention); He, Gkioxari,
Dollár &
Girshick 2017, ICCV, 2980 (Mask R-CNN); Paillassa, Bertin & Bouy 2020, A&A 634, A48 (the published
networks).
"""


def render() -> str:
    """Return the page."""
    sieve, tracking = SieveNet(), TrackingNet()
    ghosts = GhostNet()
    rows = [
        _row("`skysieve` for contaminants", sieve, OUR_SIDE, f"any, multiples of {sieve.multiple} px"),
        _row(
            "the same with a revision", RevisedNet(sieve), OUR_SIDE, f"any, multiples of {sieve.multiple} px"
        ),
        _row("`maximask`", MaxiMaskNet(), PUBLISHED_SIDE, "any; trained on 400 px"),
        _row("`skysieve` for tracking", tracking, OUR_SIDE, f"any, at least {tracking.minimum} px"),
        _row("`skysieve` for ghosts", ghosts, PUBLISHED_SIDE, "400 × 400 px"),
        _row("`maxitrack`", MaxiTrackNet(), PUBLISHED_SIDE, "400 × 400 px"),
    ]
    parts = [
        INTRODUCTION,
        _table(("model", "network", "10³ multiplications per pixel", "parameters", "input size"), rows),
        SIEVE.format(side=2 * NEIGHBOURHOOD, blocks=max(CONTEXT)),
        _levels(SIEVE_WIDTHS, SIEVE_DEPTHS, decoded=range(1, len(SIEVE_WIDTHS))),
        REVISION.format(widths=_spoken(REVISION_WIDTHS), context=REVISION_CONTEXT),
        TRACKING.format(heads=tracking.heads, minimum=tracking.minimum, reach=4 * MAX_LAG),
        _levels(TRACKING_WIDTHS, TRACKING_DEPTHS),
        GHOST.format(attention=len(ghosts.attention)),
        _levels(GHOST_WIDTHS, GHOST_DEPTHS, decoded=(2, 3)),
        MASK_RCNN,
        SEGMENTATION.format(widths=", ".join(map(str, SMALL)), bands=BANDS, side=PATCH),
        _segmenters(),
        BUILT,
        MONAI,
        _monai(),
        CLUSTER_REFERENCES,
        REFERENCES,
    ]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _spoken(numbers: Sequence[int]) -> str:
    return f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


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
        "10³ multiplications per pixel",
        "parameters",
        "sides are multiples of",
    )
    return _table((*head, "10³ multiplications, narrow", "parameters, narrow"), rows)


def _monai() -> str:
    """Return the table of MONAI's networks, with the widths of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MONAI uses deprecated functions of its dependencies
        from monai.networks import nets

    def count(network: nn.Module) -> str:
        return f"{parameter_count(network):,}".replace(",", " ")

    widths = UNET_WIDTHS
    basic = {"features": (*widths, widths[0]), "norm": "batch", "act": "relu", "bias": False}
    strides = [2] * (len(widths) - 1)
    with torch.device("meta"):  # their shapes are all that is asked for
        theirs: list[tuple[str, nn.Module]] = [
            ("unet", nets.BasicUNet(2, BANDS, 1, **basic)),
            (
                "unet",
                nets.DynUNet(
                    *(2, BANDS, 1, [3] * len(widths), [1, *strides], strides),
                    filters=widths,
                    norm_name="batch",
                    trans_bias=True,
                ),
            ),
            ("unet++", nets.BasicUNetPlusPlus(2, BANDS, 1, **basic)),
            ("attention-unet", nets.AttentionUnet(2, BANDS, 1, widths, strides)),
            ("vnet", nets.VNet(2, 1, 1, act="prelu")),
        ]
        rows = [
            (
                f"`{kind}`",
                count(build_segmenter(kind, bands=1 if kind == "vnet" else BANDS)),
                type(network).__name__,
                count(network),
                DIFFERENCES[type(network).__name__],
            )
            for kind, network in theirs
        ]
    return _table(("name", "parameters", "in MONAI", "its parameters", "difference"), rows)


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
