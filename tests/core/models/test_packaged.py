"""Models that lie in the package: found by name, whole, and used without a network or a cache."""

from __future__ import annotations

import dataclasses
import json

import pytest
from tests.tiny_models import save_mean_model, save_pixel_model

from skysieve.core.errors import ModelError
from skysieve.core.models import packaged
from skysieve.core.models.card import CARD_FILE, ModelCard, Tiling, read_model
from skysieve.core.models.packaged import find_packaged, packaged_models
from skysieve.frames.mask.model import CONTAMINANTS
from skysieve.frames.track.model import TRACKING

LARGEST_GRAPH = 8_000_000


def rewrite(folder, **changes):
    card = dataclasses.replace(read_model(folder).card, **changes)
    (folder / CARD_FILE).write_text(card.to_json())


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installation with a model for each job, both called ``own``."""
    folder = tmp_path / "weights"
    rewrite(save_pixel_model(folder / "contaminants", {"CR": 20}), name="own")
    rewrite(save_mean_model(folder / "tracking"), name="own")
    monkeypatch.setattr(packaged, "FOLDER", folder)
    monkeypatch.setenv("SKYSIEVE_CACHE", str(tmp_path / "cache"))
    return folder


class TestPackagedModels:
    def test_are_found_by_name_and_job(self, package):
        assert CONTAMINANTS.load("own").folder == package / "contaminants"
        assert TRACKING.load("own").folder == package / "tracking"
        assert find_packaged("other", "tracking") is None

    @pytest.mark.usefixtures("package")
    def test_leave_no_trace_in_the_cache(self, tmp_path):
        CONTAMINANTS.load("own").verify()
        assert not (tmp_path / "cache").exists()

    def test_come_before_a_folder_of_their_name(self, package, tmp_path, monkeypatch):
        save_pixel_model(tmp_path / "own", {})
        monkeypatch.chdir(tmp_path)
        assert CONTAMINANTS.load("own").folder == package / "contaminants"
        assert CONTAMINANTS.load("./own").card.name == "tiny"

    def test_whose_graph_is_damaged_are_not_run(self, package):
        graph = package / "contaminants" / "tiny.onnx"
        graph.write_bytes(graph.read_bytes() + b"\0")
        with pytest.raises(ModelError, match="checksum in its card; install Skysieve again"):
            CONTAMINANTS.load("own").graph("openvino")

    def test_whose_card_is_damaged_are_left_out_with_a_warning(self, package, caplog):
        (package / "contaminants" / CARD_FILE).write_text("{")
        assert [model.card.job for model in packaged_models()] == ["tracking"]
        assert "no valid model card" in caplog.text
        with pytest.raises(ModelError, match="no model 'own' for contaminants"):
            CONTAMINANTS.load("own")


class TestThisPackage:
    @pytest.mark.parametrize("model", packaged_models(), ids=lambda model: model.card.job)
    def test_holds_models_that_are_whole_and_small(self, model):
        model.verify()
        assert model.folder.name == model.card.job
        assert model.size <= LARGEST_GRAPH


class TestCards:
    CARD = ModelCard(
        name="a",
        job="contaminants",
        version="1",
        description="",
        licence="",
        reference="",
        source="",
        normalisation="mesh-200",
        classes=("CR",),
        tiling=Tiling(
            multiple=32, remainder=0, minimum=64, margin=16, bytes_per_pixel={"f32": 300}, memory=400
        ),
        training_priors={"CR": 0.1},
        default_priors={"CR": 0.01},
        default_thresholds={"CR": 0.5},
        graphs=(),
        calibration={"CR": (0.9, -0.1)},
        domain={"mosaic": [0.0, 0.0, 0.05, 0.1, 0.2]},
    )

    def test_come_back_as_they_were_written(self):
        assert ModelCard.from_json(self.CARD.to_json(), origin="here") == self.CARD

    def test_of_before_calibration_and_domain_are_read(self):
        content = json.loads(self.CARD.to_json())
        for name in ("calibration", "domain"):
            del content[name]
        del content["tiling"]["memory"]
        older = ModelCard.from_json(json.dumps(content), origin="here")
        assert older.calibration == {}
        assert older.domain == {}
        assert older.tiling.memory == 830

    @pytest.mark.parametrize("calibration", [{"CR": 1.0}, {"CR": [1.0]}, {"CR": ["a", 0]}, []])
    def test_with_a_malformed_calibration_are_refused(self, calibration):
        content = {**json.loads(self.CARD.to_json()), "calibration": calibration}
        with pytest.raises(ModelError, match="here: no valid model card"):
            ModelCard.from_json(json.dumps(content), origin="here")
