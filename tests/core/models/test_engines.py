"""Cards, checksums and the choice of engines."""

from __future__ import annotations

import json
from importlib.util import find_spec

import numpy as np
import pytest
from tests.tiny_models import save_pixel_model

from skysieve.core.errors import ConfigError, ModelError
from skysieve.core.models.card import ModelCard, read_model
from skysieve.core.models.engine import load_network


@pytest.fixture
def folder(tmp_path):
    return save_pixel_model(tmp_path / "tiny", {"CR": 5})


class TestCards:
    def test_come_back_as_they_were(self, folder):
        card = read_model(folder).card
        assert ModelCard.from_json(card.to_json(), origin="here") == card

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"card_version": 1}', '{"card_version": 99}'])
    def test_of_another_form_are_refused(self, folder, text):
        (folder / "card.json").write_text(text)
        with pytest.raises(ModelError, match=r"card\.json"):
            read_model(folder)

    def test_that_are_missing_are_named(self, tmp_path):
        with pytest.raises(ModelError, match="not a model folder"):
            read_model(tmp_path)


class TestGraphs:
    def test_that_were_changed_are_refused(self, folder):
        with (folder / "tiny.onnx").open("ab") as stream:
            stream.write(b"\0")
        with pytest.raises(ModelError, match="does not match the checksum"):
            load_network(read_model(folder))

    def test_that_are_missing_are_named(self, folder):
        (folder / "tiny.onnx").unlink()
        with pytest.raises(ModelError, match="cannot be read"):
            load_network(read_model(folder))

    def test_for_one_engine_alone_are_run_by_it(self, folder):
        pytest.importorskip("onnxruntime")
        card = json.loads((folder / "card.json").read_text())
        card["graphs"][0]["engines"] = ["onnxruntime"]
        (folder / "card.json").write_text(json.dumps(card))
        assert load_network(read_model(folder)).engine == "onnxruntime"
        if find_spec("openvino") is not None:
            with pytest.raises(ModelError, match="has no graph for openvino"):
                load_network(read_model(folder), engine="openvino")

    @pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
    def test_that_are_no_graphs_are_refused(self, folder, engine):
        import hashlib

        (folder / "tiny.onnx").write_bytes(b"nonsense")
        card = json.loads((folder / "card.json").read_text())
        card["graphs"][0]["sha256"] = hashlib.sha256(b"nonsense").hexdigest()
        (folder / "card.json").write_text(json.dumps(card))
        if find_spec(engine) is None:
            pytest.skip(f"{engine} is not installed")
        with pytest.raises(ModelError, match="'tiny'"):
            load_network(read_model(folder), engine=engine)

    @pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed")
    def test_name_the_shape_that_they_do_not_take(self, folder):
        network = load_network(read_model(folder), engine="openvino")
        with pytest.raises(ModelError, match=r"does not take input of shape \(1, 3, 32, 32\)"):
            network(np.zeros((1, 3, 32, 32), np.float32))


class TestChoice:
    def test_of_float32_is_the_default_where_a_card_does_not_vouch_for_less(self, folder):
        assert load_network(read_model(folder)).precision == "f32"

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"engine": "tensorflow"}, "unknown choice 'tensorflow'"),
            ({"precision": "int8"}, "unknown choice 'int8'"),
            ({"device": "gpu"}, "unknown device 'gpu'"),
            ({"device": "cuda:x"}, "unknown device"),
            ({"device": "cuda", "engine": "openvino"}, "does not run on CUDA"),
            ({"engine": "onnxruntime", "precision": "bf16"}, "in f32 only"),
        ],
    )
    def test_of_what_does_not_go_together_is_refused(self, folder, options, message):
        with pytest.raises(ConfigError, match=message):
            load_network(read_model(folder), **options)

    @pytest.mark.skipif(find_spec("onnxruntime") is None, reason="onnxruntime is not installed")
    def test_of_a_gpu_that_is_not_there_is_refused(self, folder):
        import onnxruntime

        if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
            pytest.skip("this machine may have a GPU")
        with pytest.raises(ConfigError, match="has no CUDA"):
            load_network(read_model(folder), device="cuda")

    def test_names_what_to_install_without_any_engine(self, folder, monkeypatch):
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
        with pytest.raises(ModelError, match="pip install"):
            load_network(read_model(folder))
