"""The published networks: imported without TensorFlow, and equal to what TensorFlow computes."""

from __future__ import annotations

import shutil
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from skysieve.core.errors import ModelError
from skysieve.core.models.engine import load_network
from skysieve.core.models.store import cached_models
from skysieve.frames.mask.classes import CLASSES
from skysieve.frames.mask.decide import raw_thresholds
from skysieve.frames.mask.model import MAXIMASK
from skysieve.frames.maximask.published import import_models
from skysieve.frames.track.model import MAXITRACK

KNOWN = (MAXIMASK, MAXITRACK)

pytestmark = pytest.mark.skipif(
    find_spec("maximask_and_maxitrack") is None, reason="the published weights are not installed"
)


@pytest.fixture(scope="module")
def package():
    spec = find_spec("maximask_and_maxitrack")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKYSIEVE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def reference(reference_tiles):
    with np.load(reference_tiles) as stored:
        return {name: stored[name] for name in stored.files}


ENGINES = [
    pytest.param(name, marks=pytest.mark.skipif(find_spec(name) is None, reason=f"{name} is not installed"))
    for name in ("openvino", "onnxruntime")
]


class TestAgainstTensorFlow:
    @pytest.mark.parametrize("engine", ENGINES)
    def test_maximask_gives_the_same_probabilities_and_decisions(self, reference, engine):
        network = load_network(MAXIMASK.load(), engine=engine, precision="f32")
        found = network(reference["inputs"][:, None])
        expected = reference["maximask_proba"].transpose(0, 3, 1, 2)
        assert np.abs(found - expected).mean() <= 1e-6
        training, priors = (
            [getattr(c, f"{kind}_prior") for c in CLASSES] for kind in ("training", "default")
        )
        limits = raw_thresholds([c.default_threshold for c in CLASSES], training, priors).reshape(1, -1, 1, 1)
        assert ((found > limits) != (expected > limits)).mean() <= 1e-5

    @pytest.mark.parametrize("engine", ENGINES)
    def test_maxitrack_gives_the_same_probabilities(self, reference, engine):
        network = load_network(MAXITRACK.load(), engine=engine, precision="f32")
        found = network(reference["inputs"][:, None])
        assert np.abs(found - reference["maxitrack_proba"]).max() <= 1e-4

    @pytest.mark.skipif(
        find_spec("openvino") is None or find_spec("onnxruntime") is None, reason="needs both engines"
    )
    @pytest.mark.parametrize("shape", [(48, 80), (400, 144), (64, 32)])
    def test_both_forms_of_unpooling_agree_at_odd_and_even_sizes(self, shape):
        pixels = np.random.default_rng(0).normal(0, 1, (2, 1, *shape)).astype(np.float32)
        # regions without signal are where windows tie
        pixels[:, :, : shape[0] // 2] = np.float32(-50)
        masks, indices = (load_network(MAXIMASK.load(), engine=e, precision="f32")(pixels) for e in
                          ("openvino", "onnxruntime"))  # fmt: skip
        assert np.abs(masks - indices).mean() < 1e-5


class TestImport:
    def test_of_the_package_folder_brings_both_networks(self, package):
        assert {model.card.name for model in import_models(package, KNOWN)} == {"maximask", "maxitrack"}

    def test_of_a_wheel_gives_the_same_models(self, package, tmp_path):
        wheel = tmp_path / "MaxiMask-1.3.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for path in package.rglob("*"):
                archive.write(path, Path(package.name) / path.relative_to(package))
        of_wheel = {model.folder for model in import_models(wheel, KNOWN)}
        assert of_wheel == {network.load().folder for network in KNOWN}

    def test_is_done_once(self):
        first = MAXITRACK.load()
        written = (first.folder / "card.json").stat().st_mtime_ns
        assert (MAXITRACK.load().folder / "card.json").stat().st_mtime_ns == written
        assert first.folder in {model.folder for model in cached_models()}

    def test_keeps_what_was_published(self):
        card = MAXIMASK.load().card
        assert card.training_priors["NEB"] == 0.171
        assert card.classes == tuple(c.name for c in CLASSES)
        assert "MIT" in card.licence

    @pytest.fixture
    def copy(self, package, tmp_path):
        [source] = [path.parents[1] for path in package.rglob("variables.index") if "maxitrack" in path.parts]
        return Path(shutil.copytree(source, tmp_path / "maxitrack"))

    def test_of_corrupt_data_is_refused(self, copy, monkeypatch, tmp_path):
        monkeypatch.setenv("SKYSIEVE_CACHE", str(tmp_path / "cache"))
        data = copy / "variables" / "variables.data-00000-of-00001"
        content = bytearray(data.read_bytes())
        content[len(content) // 2] ^= 1
        data.write_bytes(content)
        with pytest.raises(ModelError, match="fails its checksum"):
            import_models(copy, KNOWN)
        assert not list(tmp_path.glob("cache/models/*"))

    def test_of_truncated_data_is_refused(self, copy, monkeypatch, tmp_path):
        monkeypatch.setenv("SKYSIEVE_CACHE", str(tmp_path / "cache"))
        data = copy / "variables" / "variables.data-00000-of-00001"
        data.write_bytes(data.read_bytes()[:1_000_000])
        with pytest.raises(ModelError, match="truncated"):
            import_models(copy, KNOWN)

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda path: path.mkdir(), "holds no SavedModel"),
            (
                lambda path: path.write_bytes(b"PK\x03\x04 broken"),
                "neither a SavedModel folder nor a readable",
            ),
            (lambda _: None, "no such folder or wheel"),
        ],
    )
    def test_of_something_else_is_refused(self, tmp_path, make, message):
        make(tmp_path / "source")
        with pytest.raises(ModelError, match=message):
            import_models(tmp_path / "source", KNOWN)

    def test_into_a_cache_that_cannot_be_written_goes_elsewhere(self, monkeypatch, tmp_path, caplog):
        blocked = tmp_path / "file"
        blocked.write_text("")
        monkeypatch.setenv("SKYSIEVE_CACHE", str(blocked))
        model = MAXITRACK.load()
        assert model.graph("openvino")
        assert "cannot be written" in caplog.text
        shutil.rmtree(model.folder.parent)
