"""Mask R-CNN for ghosts: what it takes, what it gives, and what it learns from."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("skysieve.ghosts.networks.mask_rcnn", exc_type=ImportError)

import torch

from skysieve.ghosts.networks.mask_rcnn import SIDE, MaskRcnn
from skysieve.ghosts.predict.detections import Detections
from skysieve.ghosts.train.mask_rcnn_learning import targets_of
from skysieve.ghosts.train.pictures import GhostBatch


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(1)
    return MaskRcnn().eval()


@pytest.fixture(scope="module")
def picture():
    return torch.from_numpy(np.random.default_rng(1).standard_normal((1, 1, SIDE, SIDE)).astype(np.float32))


@pytest.fixture(scope="module")
def seen(network, picture):
    """What the network says of the picture."""
    with torch.inference_mode():
        return network.probabilities(picture)[0].numpy()


def batch(*ghosts):
    """Return two pictures, the first of which has ghosts: class, rows and columns of cells."""
    masks = torch.zeros(len(ghosts), SIDE // 4, SIDE // 4)
    for mask, (_, rows, columns) in zip(masks, ghosts, strict=True):
        mask[rows, columns] = 1
    kinds = torch.tensor([kind for kind, *_ in ghosts], dtype=torch.int64)
    return GhostBatch(
        torch.zeros(2, 1, SIDE, SIDE),
        torch.zeros(len(ghosts), dtype=torch.int64),
        kinds,
        torch.empty(0),
        masks,
    )


def test_boxes_lie_around_the_masks_and_labels_begin_at_one():
    first, second = targets_of(batch((2, slice(10, 20), slice(30, 35))))
    assert first["boxes"].tolist() == [[120, 40, 140, 80]]
    assert first["labels"].tolist() == [3]
    assert first["masks"].shape == (1, SIDE, SIDE)
    assert int(first["masks"].sum()) == 20 * 40
    assert second["boxes"].shape == (0, 4)


def test_what_covers_no_cell_by_half_has_no_box():
    first, _ = targets_of(batch((0, slice(10, 20), slice(30, 35)), (1, slice(0, 0), slice(0, 0))))
    assert first["labels"].tolist() == [1]


def test_gives_objects_that_the_runtime_reads(seen):
    found = Detections.unpack(seen, (SIDE, SIDE))
    assert found.grids.shape[1:] == (28, 28)
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    assert (found.boxes >= 0).all()
    assert (found.boxes <= SIDE).all()
    assert 0 <= found.probability <= 1


def test_calibration_moves_the_scores_of_a_class(network, picture, seen):
    other = deepcopy(network)
    other.fold_calibration(torch.ones(3), torch.tensor([0.0, 0.0, 3.0]))
    with torch.inference_mode():
        after = other.probabilities(picture)[0].numpy()
    assert set(after[:5, 0]) == {2}
    assert after[0, 1] > seen[:, 1].max()


@pytest.mark.slow
def test_learns_from_pictures_with_and_without_ghosts(network):
    shown = batch((1, slice(10, 20), slice(30, 40)))
    losses = network.train()(shown.pixels, targets_of(shown))
    network.eval()
    assert len(losses) == 5
    assert all(torch.isfinite(loss) for loss in losses.values())


@pytest.mark.slow
def test_the_graph_says_what_the_network_says(network, picture):
    onnxruntime = pytest.importorskip("onnxruntime")
    from skysieve.core.training.export import export_graph

    session = onnxruntime.InferenceSession(export_graph(network, compact=False))
    with torch.inference_mode():
        for pixels in (picture, 5 * picture.flip(2)):
            expected = network.probabilities(pixels).numpy()
            (found,) = session.run(None, {"pixels": pixels.numpy()})
            assert found.shape == expected.shape
            np.testing.assert_allclose(found[0, :5, :6], expected[0, :5, :6], rtol=1e-3, atol=1e-3)
