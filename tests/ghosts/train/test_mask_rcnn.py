"""Mask R-CNN from a recipe to a model that finds ghosts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("skysieve.ghosts.networks.mask_rcnn", exc_type=ImportError)

from skysieve.core.errors import ModelError
from skysieve.core.training.fit import fit
from skysieve.core.training.recipe import read_training_recipe
from skysieve.ghosts.predict.finder import GhostFinder
from skysieve.ghosts.predict.settings import GhostSettings
from skysieve.ghosts.train import training as ghosts
from skysieve.ghosts.train.training import GhostTraining

SETTINGS = """
name: tiny-mask-rcnn
job: ghosts
simulation: ghosts
network: {kind: mask-rcnn}
steps: 1
batch: 2
reuse: 2
validation_frames: 1
validations: 1
precision: f32
"""


@pytest.mark.slow
def test_ends_with_a_model_that_onnx_runtime_runs(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(ghosts, "THRESHOLD_PICTURES", 2)
    (tmp_path / "tiny.yaml").write_text(SETTINGS)
    training = GhostTraining(read_training_recipe(tmp_path / "tiny.yaml"))
    model = fit(training, tmp_path / "run", workers=0, device="cpu", progress=False)
    assert model is not None
    finder = GhostFinder(GhostSettings(model=str(tmp_path / "run" / "model"), views=1))
    assert finder.network.engine == "onnxruntime"  # of itself, wherever OpenVINO is installed
    for noise in (4, 13, 60):
        picture = np.random.default_rng(0).normal(54, noise, (400, 400)).clip(0, 255).astype(np.uint8)
        assert 0 <= finder.find(picture).probability <= 1
    with pytest.raises(ModelError, match="has no graph for openvino"):
        _ = GhostFinder(replace(finder.settings, engine="openvino")).network
