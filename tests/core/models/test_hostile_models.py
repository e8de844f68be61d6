"""Models of strangers: cards that cannot be right, and graphs that take, give or read something else."""

from __future__ import annotations

import hashlib
import json
import os
from importlib.util import find_spec

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tests.tiny_models import save_mean_model, save_pixel_model

from skysieve.core.errors import ModelError
from skysieve.core.fits.frames import ArrayFrame
from skysieve.core.models.card import read_model
from skysieve.core.models.engine import load_network
from skysieve.frames.mask.masker import Masker
from skysieve.frames.mask.settings import MaskSettings
from skysieve.frames.track.settings import TrackSettings
from skysieve.frames.track.tracker import Tracker

ENGINES = [engine for engine in ("openvino", "onnxruntime") if find_spec(engine) is not None]
SKY = ArrayFrame(np.random.default_rng(0).normal(100, 5, (96, 96)).astype(np.float32))


@pytest.fixture
def folder(tmp_path):
    return save_pixel_model(tmp_path / "tiny", {"CR": 5})


def change(folder, *path, to):
    """Set one entry of a card."""
    card = json.loads((folder / "card.json").read_text())
    place = card
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def refused(folder, message=""):
    with pytest.raises(ModelError, match=message) as caught:
        read_model(folder)
    assert "card.json" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


class TestCards:
    @pytest.mark.parametrize("value", [float("nan"), float("inf"), 2, 1, 0, -0.1, "0.5", None, True, [0.5]])
    @pytest.mark.parametrize("field", ["training_priors", "default_priors"])
    def test_with_a_prior_that_is_none_are_refused(self, folder, field, value):
        refused(change(folder, field, "CR", to=value), f"no valid model card: {field}.CR: ")

    @pytest.mark.parametrize("value", [float("nan"), -1, 1.01, "0.5", None])
    def test_with_a_threshold_that_is_none_are_refused(self, folder, value):
        refused(change(folder, "default_thresholds", "CR", to=value), "default_thresholds.CR: ")

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("tiling", "multiple"), 0),
            (("tiling", "multiple"), 1.5),
            (("tiling", "multiple"), 10**9),
            (("tiling", "remainder"), 16),
            (("tiling", "minimum"), -64),
            (("tiling", "margin"), 10**6),
            (("tiling", "fixed_size"), "64"),
            (("tiling", "bytes_per_pixel"), {"f32": 0}),
            (("tiling", "bytes_per_pixel"), {"f64": 100}),
            (("tiling", "memory"), float("nan")),
            (("tiling", "more"), 1),
            (("more",), 1),
            (("name",), ""),
            (("name",), 7),
            (("name",), "x" * 10**4),
            (("name",), "a\x1b[31mb"),
            (("classes",), []),
            (("classes",), ["CR", "CR"]),
            (("classes",), "CR"),
            (("classes",), [f"C{number}" for number in range(1000)]),
            (("training_priors", "XX"), 0.1),
            (("calibration",), {"CR": [1, float("inf")]}),
            (("agreement",), {"bf16": 2}),
            (("graphs", 0, "sha256"), "0" * 63 + "x"),
            (("graphs", 0, "engines"), ["tensorflow"]),
            (("graphs", 0, "engines"), []),
            (("domain",), {"fwhm": [0.0, float("nan")]}),
            (("sky",), {"sigma": [float("inf")]}),
            (("sky",), None),
        ],
    )
    def test_with_values_of_another_type_or_range_are_refused(self, folder, path, value):
        refused(change(folder, *path, to=value), "no valid model card")

    @pytest.mark.parametrize(
        "name",
        ["../tiny.onnx", "/etc/passwd", "..", ".", "a/b.onnx", "a\\b.onnx", "C:x", "card.json", "a\0b"],
    )
    def test_that_name_a_graph_outside_their_folder_are_refused(self, folder, name):
        refused(
            change(folder, "graphs", 0, "file", to=name), "is no name of a file in the folder|graphs.0.file"
        )

    def test_that_are_nested_without_end_are_refused(self, folder):
        for depth in (100, 10**5):
            (folder / "card.json").write_text(
                '{"card_version": 1, "training": ' + "[" * depth + "]" * depth + "}"
            )
            refused(folder, "nested")

    def test_that_are_too_large_are_refused(self, folder):
        (folder / "card.json").write_text('{"card_version": 1}' + " " * 2**21)
        refused(folder, "more than the 1048576 that such a file may have")

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
    @pytest.mark.parametrize("name", ["card.json", "tiny.onnx"])
    def test_and_graphs_that_are_pipes_are_refused(self, folder, name):
        (folder / name).unlink()
        os.mkfifo(folder / name)
        with pytest.raises(ModelError, match="is a named pipe, not a regular file"):
            load_network(read_model(folder))

    @pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no devices here")  # noqa: PTH110
    @pytest.mark.parametrize("name", ["card.json", "tiny.onnx"])
    def test_and_graphs_that_are_devices_are_refused(self, folder, name):
        (folder / name).unlink()
        (folder / name).symlink_to("/dev/zero")
        with pytest.raises(ModelError, match="is a device, not a regular file"):
            load_network(read_model(folder))

    @pytest.mark.parametrize("field", ["training_priors", "default_priors", "default_thresholds"])
    def test_without_what_their_job_needs_are_refused(self, folder, field):
        change(folder, field, to={})
        with pytest.raises(ModelError, match=f"'tiny': its card has no {field} of CR"):
            Masker(MaskSettings(model=str(folder)))

    def test_without_the_memory_of_a_call_are_refused(self, folder):
        change(folder, "tiling", "bytes_per_pixel", to={})
        with pytest.raises(ModelError, match="states no bytes_per_pixel"):
            Masker(MaskSettings(model=str(folder))).mask(SKY)

    def test_with_scores_that_are_not_defined_are_read_and_written(self, folder):
        card = read_model(change(folder, "scores", to={"AP": float("nan")})).card
        assert json.loads(card.to_json())["scores"] == {"AP": None}


def save_graph(folder, model):
    """Put another graph into a model's folder, with its checksum in the card."""
    content = model if isinstance(model, bytes) else model.SerializeToString()
    (folder / "tiny.onnx").write_bytes(content)
    return change(folder, "graphs", 0, "sha256", to=hashlib.sha256(content).hexdigest())


def graph(
    nodes=None,
    *,
    takes=("pixels", TensorProto.FLOAT, ["n", 1, "h", "w"]),
    gives=TensorProto.FLOAT,
    more=(),
    weights=(),
):
    """Return a graph that says one half of every class for every pixel, but for what is changed."""
    half = numpy_helper.from_array(np.full((14, 1, 1, 1), 0, np.float32), "zeros")
    nodes = nodes or [
        helper.make_node("Conv", [takes[0], "zeros"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["probabilities"]),
    ]
    made = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(*takes), *more],
        [helper.make_tensor_value_info("probabilities", gives, None)],
        [half, *weights],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def one_value(name, value):
    return numpy_helper.from_array(np.array(value, np.float32), name)


@pytest.mark.parametrize("engine", ENGINES)
class TestGraphs:
    def mask(self, folder, engine):
        return Masker(MaskSettings(model=str(folder), engine=engine, precision="f32")).mask(SKY)

    def refused(self, folder, engine, message):
        with pytest.raises(ModelError, match=message) as caught:
            self.mask(folder, engine)
        assert "'tiny'" in str(caught.value)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 600

    def test_that_are_right_are_run(self, folder, engine):
        assert self.mask(save_graph(folder, graph()), engine).fractions["CR"] in {0, 1}

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_that_give_no_numbers_are_refused(self, folder, engine, value):
        nodes = [
            helper.make_node("Conv", ["pixels", "zeros"], ["logits"]),
            helper.make_node("Add", ["logits", "value"], ["probabilities"]),
        ]
        self.refused(
            save_graph(folder, graph(nodes, weights=[one_value("value", value)])), engine, "not finite"
        )

    def test_that_give_no_probabilities_are_refused(self, folder, engine):
        nodes = [
            helper.make_node("Conv", ["pixels", "zeros"], ["logits"]),
            helper.make_node("Add", ["logits", "value"], ["probabilities"]),
        ]
        self.refused(
            save_graph(folder, graph(nodes, weights=[one_value("value", 3.0)])), engine, "gives 3 to 3, where"
        )

    @pytest.mark.parametrize(
        "nodes",
        [
            [helper.make_node("Sigmoid", ["pixels"], ["probabilities"])],
            [helper.make_node("ReduceMean", ["pixels"], ["probabilities"], axes=[1, 2, 3], keepdims=0)],
            [
                helper.make_node("Conv", ["pixels", "zeros"], ["a"]),
                helper.make_node(
                    "AveragePool", ["a"], ["probabilities"], kernel_shape=[2, 2], strides=[2, 2]
                ),
            ],
        ],
    )
    def test_that_give_another_shape_are_refused(self, folder, engine, nodes):
        self.refused(save_graph(folder, graph(nodes)), engine, "its graph gives an array of shape")

    def test_that_give_whole_numbers_are_refused(self, folder, engine):
        nodes = [
            helper.make_node("Conv", ["pixels", "zeros"], ["a"]),
            helper.make_node("Cast", ["a"], ["probabilities"], to=TensorProto.INT32),
        ]
        self.refused(save_graph(folder, graph(nodes, gives=TensorProto.INT32)), engine, "must give float32")

    @pytest.mark.parametrize(
        ("takes", "message"),
        [
            (("image", TensorProto.FLOAT, ["n", 1, "h", "w"]), "takes 'image'; it must take 'pixels' alone"),
            (
                ("pixels", TensorProto.DOUBLE, ["n", 1, "h", "w"]),
                "takes float64 with 4 axes; it must take float32 with 4",
            ),
            (
                ("pixels", TensorProto.FLOAT, ["n", 1, "w"]),
                "takes float32 with 3 axes; it must take float32 with 4",
            ),
            (
                ("pixels", TensorProto.FLOAT, ["n", 3, "h", "w"]),
                "does not take input of shape|cannot load|cannot read",
            ),
        ],
    )
    def test_that_take_something_else_are_refused(self, folder, engine, takes, message):
        self.refused(save_graph(folder, graph(takes=takes)), engine, message)

    def test_that_take_more_than_pixels_are_refused(self, folder, engine):
        nodes = [
            helper.make_node("Conv", ["pixels", "zeros"], ["logits"]),
            helper.make_node("Add", ["logits", "other"], ["probabilities"]),
        ]
        other = helper.make_tensor_value_info("other", TensorProto.FLOAT, [1])
        self.refused(save_graph(folder, graph(nodes, more=[other])), engine, "must take 'pixels' alone")

    @pytest.mark.parametrize("place", ["initializer", "constant", "subgraph"])
    def test_with_weights_in_other_files_are_refused(self, folder, engine, place, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "secret").write_bytes(np.zeros(14, np.float32).tobytes())
        outside = TensorProto(name="value", data_type=TensorProto.FLOAT, dims=[14])
        outside.data_location = TensorProto.EXTERNAL
        outside.external_data.append(onnx.StringStringEntryProto(key="location", value="secret"))
        model = graph()
        if place == "initializer":
            model.graph.initializer.append(outside)
        else:
            constant = helper.make_node("Constant", [], ["unused"], value=outside)
            if place == "subgraph":
                inner = helper.make_graph([constant], "inner", [], [])
                constant = helper.make_node(
                    "If", ["condition"], ["unused"], then_branch=inner, else_branch=inner
                )
            model.graph.node.append(constant)
        self.refused(save_graph(folder, model), engine, "has weights in other files, which are not read")

    @pytest.mark.parametrize(
        "content", [b"", b"\x08\x09", b"<net name='x'/>", b"\x3a\xff\xff\xff\xff\x0f", b"\x08" * 99]
    )
    def test_that_are_no_onnx_files_are_refused(self, folder, engine, content):
        self.refused(save_graph(folder, content), engine, "is no ONNX graph")

    def test_for_frames_that_give_no_probability_are_refused(self, tmp_path, engine):
        folder = save_mean_model(tmp_path / "track")
        nodes = [helper.make_node("ReduceMean", ["pixels"], ["probabilities"], axes=[1, 2], keepdims=0)]
        save_graph(folder, graph(nodes, takes=("pixels", TensorProto.FLOAT, ["n", 1, 64, 64])))
        tracker = Tracker(TrackSettings(model=str(folder), engine=engine, precision="f32"))
        with pytest.raises(
            ModelError, match=r"gives an array of shape \(1, 64\), where its card makes it \(1, 2\)"
        ):
            tracker.track(SKY)
