"""Mask R-CNN for ghosts: the network of the published study, built from torchvision for grey pictures.

It has a ResNet-50 with a feature pyramid, region proposals, and the heads for classes, boxes and masks of
torchvision's second version.  It uses group normalisation, because batches are too small for batch
normalisation and no weights are pre-trained.

References
----------
He, Gkioxari, Dollár & Girshick 2017, ICCV, 2980 (Mask R-CNN); Lin et al. 2017, CVPR, 936 (feature pyramid);
Wu & He 2018, ECCV, 3 (group normalisation; from scratch in section 4.2); Li et al. 2021, arXiv 2111.11429
(heads).
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from skysieve.core.networks.blocks import asinh, scale_outputs

try:
    from torchvision.models import resnet50
    from torchvision.models.detection import rpn
    from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
    from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, FastRCNNPredictor
    from torchvision.models.detection.image_list import ImageList
    from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
    from torchvision.models.detection.roi_heads import RoIHeads
    from torchvision.ops import MultiScaleRoIAlign
except RuntimeError as error:
    raise ImportError("torchvision is built for another torch than the one that is installed") from error

__all__ = ["SIDE", "MaskRcnn"]

SIDE = 400
"""Side of the pictures, in pixels."""

MULTIPLE = 32
"""Sides are padded with sky to a multiple of this."""

GROUPS = 32
CHANNELS = 256
ANCHORS = (16, 32, 64, 128, 256)
"""Sides of the anchor boxes in pixels, one for each level of the pyramid: ghosts are 15 to 270 wide."""

MAX_OBJECTS = 60
"""Maximum number of objects in a picture; people outlined at most 13."""


class MaskRcnn(nn.Module):
    """Mask R-CNN that detects ghosts as boxes with masks.

    Parameters
    ----------
    classes
        Number of classes, without the background.

    Attributes
    ----------
    multiple, fixed_size, single
        Pictures have :data:`SIDE` pixels on a side, and a graph takes one picture at a time.
    engines
        Engines that run its graph; not OpenVINO 2026.4, which pads the list of objects with some of no class.
    """

    engines = ("onnxruntime",)

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.classes, self.multiple, self.fixed_size, self.single = classes, 1, SIDE, True
        norm = partial(nn.GroupNorm, GROUPS)
        body = resnet50(weights=None, norm_layer=norm)
        body.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
        nn.init.kaiming_normal_(body.conv1.weight, mode="fan_out", nonlinearity="relu")
        self.backbone = _resnet_fpn_extractor(body, trainable_layers=5, norm_layer=norm)
        anchors = rpn.AnchorGenerator(tuple((side,) for side in ANCHORS), ((0.5, 1.0, 2.0),) * len(ANCHORS))
        self.regions = rpn.RegionProposalNetwork(
            anchors,
            rpn.RPNHead(CHANNELS, anchors.num_anchors_per_location()[0], conv_depth=2),
            fg_iou_thresh=0.7,
            bg_iou_thresh=0.3,
            batch_size_per_image=256,
            positive_fraction=0.5,
            pre_nms_top_n={"training": 1000, "testing": 500},
            post_nms_top_n={"training": 500, "testing": 200},
            nms_thresh=0.7,
        )
        levels = ["0", "1", "2", "3"]
        self.heads = RoIHeads(
            MultiScaleRoIAlign(levels, output_size=7, sampling_ratio=2),
            FastRCNNConvFCHead((CHANNELS, 7, 7), [CHANNELS] * 4, [1024], norm_layer=norm),
            FastRCNNPredictor(1024, classes + 1),
            fg_iou_thresh=0.5,
            bg_iou_thresh=0.5,
            batch_size_per_image=128,
            positive_fraction=0.25,
            bbox_reg_weights=None,
            score_thresh=0.0,  # keeps at least one object: engines fail on empty lists
            nms_thresh=0.5,
            detections_per_img=MAX_OBJECTS,
            mask_roi_pool=MultiScaleRoIAlign(levels, output_size=14, sampling_ratio=2),
            mask_head=MaskRCNNHeads(CHANNELS, [CHANNELS] * 4, 1, norm_layer=norm),
            mask_predictor=MaskRCNNPredictor(CHANNELS, 256, classes + 1),
        )

    def forward(
        self, pixels: Tensor, targets: list[dict[str, Tensor]] | None = None
    ) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """Compute the losses, or without targets the objects of each picture.

        Parameters
        ----------
        pixels
            ``(N, 1, 400, 400)`` float32, in units of the noise above the sky.
        targets
            For each picture the boxes ``(G, 4)``, labels from 1 ``(G,)`` and masks ``(G, 400, 400)``.

        Returns
        -------
        dict or list of dict
            Losses by name; or for each picture its boxes, labels, scores and masks.
        """
        height, width = pixels.shape[-2:]
        bottom, right = (-side % MULTIPLE for side in (height, width))
        padded = functional.pad(asinh(pixels), (0, right, 0, bottom))
        pictures = ImageList(padded, [(height, width)] * len(pixels))
        features = self.backbone(padded)
        proposals, region_losses = self.regions(pictures, features, targets)
        found, losses = self.heads(features, proposals, pictures.image_sizes, targets)
        return {**region_losses, **losses} if targets is not None else found

    def probabilities(self, pixels: Tensor) -> Tensor:
        """Compute the output of the exported graph: the objects of one picture in one array.

        The columns are class from 0, score, box, and mask grid; see
        :class:`skysieve.ghosts.predict.detections.Detections`.

        Parameters
        ----------
        pixels
            ``(1, 1, 400, 400)``, as of :meth:`forward`.

        Returns
        -------
        Tensor
            ``(1, D, 6 + 28 * 28)``.
        """
        (objects,) = self(pixels)
        labels = (objects["labels"] - 1).to(objects["scores"].dtype)
        columns = torch.cat([labels[:, None], objects["scores"][:, None], objects["boxes"]], dim=1)
        return torch.cat([columns, objects["masks"].flatten(1)], dim=1)[None]

    def fold_calibration(self, scale: Tensor, offset: Tensor) -> None:
        """Make the logits ``l`` of the classes ``scale l + offset``; those of the background stay.

        Parameters
        ----------
        scale, offset
            ``(C,)``.
        """
        one, zero = scale.new_ones(1), scale.new_zeros(1)
        scale_outputs(self.heads.box_predictor.cls_score, torch.cat([one, scale]), torch.cat([zero, offset]))
