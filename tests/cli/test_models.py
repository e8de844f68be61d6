"""``skysieve models``: what there is, what it says of itself, and how it gets there; and damaged caches."""

from __future__ import annotations

import json
import shutil
import zipfile

import numpy as np
import pytest
from tests.cli.command import failure, sky, write

from skysieve.core.extras import install_command
from skysieve.core.models import packaged
from skysieve.core.models.card import CARD_FILE
from skysieve.core.models.jobs import DEFAULT_MODEL
from skysieve.frames.maximask import published
from skysieve.frames.track.model import MAXITRACK

NETWORKS = ["maximask", "maxitrack"]


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    folder = tmp_path / "cache"
    monkeypatch.setenv("SKYSIEVE_CACHE", str(folder))
    return folder


@pytest.fixture
def without_package(monkeypatch):
    """A machine on which the package with the published weights is not installed."""
    monkeypatch.setattr(published, "find_installed", lambda *_: None)


@pytest.fixture
def package(monkeypatch, tmp_path):
    """An installation of Skysieve that holds no models yet, and the folder that it looks into."""
    folder = tmp_path / "package"
    monkeypatch.setattr(packaged, "FOLDER", folder)
    return folder


@pytest.fixture
def with_own_models(package, pixel_model, mean_model):
    """An installation of Skysieve with models of its own, of one name."""
    for job, model in (("contaminants", pixel_model), ("tracking", mean_model)):
        folder = shutil.copytree(model, package / job)
        card = json.loads((folder / CARD_FILE).read_text())
        (folder / CARD_FILE).write_text(json.dumps({**card, "name": "own"}))
    return package


@pytest.fixture(scope="session")
def wheel(weights, tmp_path_factory):
    """The wheel of the published weights, not compressed."""
    path = tmp_path_factory.mktemp("wheel") / "MaxiMask-1.3.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file in weights.rglob("*"):
            archive.write(file, file.relative_to(weights.parent))
    return path


@pytest.fixture(scope="session")
def converted(cache, weights):
    """Folder of the published network for tracking, as it is kept once it was converted."""
    folder = MAXITRACK.load().folder
    assert folder.is_relative_to(cache)
    return folder


@pytest.fixture
def tracking_weights(weights, tmp_path):
    """A copy of one of the SavedModels, to be damaged."""
    return shutil.copytree(weights / "data/tensorflow_models/maxitrack", tmp_path / "savedmodel")


def _place(wheel, ending):
    """Return where in a wheel a file begins."""
    with zipfile.ZipFile(wheel) as archive:
        [place] = [info.header_offset for info in archive.infolist() if info.filename.endswith(ending)]
    return place


def names(result):
    return [line.split()[0] for line in result.out.splitlines()]


class TestList:
    @pytest.mark.usefixtures("weights", "with_own_models")
    def test_names_our_own_models_and_those_of_the_package_with_the_published_ones(self, run):
        result = run("models", "list")
        assert (result.code, result.err) == (0, "")
        assert [line.split()[:4] for line in result.out.splitlines()] == [
            ["own", "contaminants", "1", "packaged"],
            ["own", "tracking", "1", "packaged"],
            ["maximask", "contaminants", "1.3.0", "published"],
            ["maxitrack", "tracking", "1.3.0", "published"],
        ]

    @pytest.mark.usefixtures("empty_cache", "without_package")
    def test_tells_size_and_checksum(self, run, with_own_models):
        first, _ = run("models", "list").out.splitlines()
        size = sum(graph.stat().st_size for graph in with_own_models.glob("contaminants/*.onnx"))
        card = json.loads((with_own_models / "contaminants" / CARD_FILE).read_text())
        assert f" {size / 1e6:.1f} MB {card['graphs'][0]['sha256'][:12]} " in first

    @pytest.mark.usefixtures("weights")
    def test_marks_the_default_of_each_job(self, run):
        defaults = [
            line.split()[:2] for line in run("models", "list").out.splitlines() if "(default)" in line
        ]
        assert sorted(job for _, job in defaults) == ["clusters", "contaminants", "ghosts", "tracking"]
        assert {name for name, _ in defaults} == {DEFAULT_MODEL}

    @pytest.mark.parametrize("job", ["clusters", "contaminants", "ghosts", "tracking"])
    def test_names_models_that_can_be_shown_one_by_one(self, run, job):
        assert json.loads(run("models", "show", "skysieve", "--job", job).out)["job"] == job

    @pytest.mark.usefixtures("empty_cache", "without_package", "package")
    def test_says_how_to_get_one_where_there_is_none(self, run):
        result = run("models", "list")
        assert result.code == 0
        assert f"no model is installed; run: {install_command('maximask')}, or: " in result.out
        assert "skysieve models import PATH" in result.out

    @pytest.mark.usefixtures("without_package", "package")
    def test_leaves_a_damaged_one_out_with_a_warning(self, run, empty_cache):
        (empty_cache / "models/mine-1").mkdir(parents=True)
        (empty_cache / "models/mine-1/card.json").write_text("{")
        result = run("models", "list")
        assert result.out.startswith("no model is installed")
        assert result.err.startswith(
            f"skysieve: WARNING: {empty_cache}/models/mine-1/card.json: no valid model card"
        )


class TestShow:
    @pytest.mark.usefixtures("weights")
    def test_prints_the_card_as_json(self, run):
        result = run("models", "show", "maximask")
        assert result.code == 0
        card = json.loads(result.out)
        assert card["name"] == "maximask"
        assert card["classes"][:2] == ["CR", "HCL"]
        assert "Paillassa" in card["reference"]
        folder = result.err.removeprefix("folder: ").strip()
        assert json.loads(run("models", "show", folder).out) == card

    @pytest.mark.usefixtures("with_own_models")
    def test_of_models_of_one_name_wants_the_job(self, run):
        line = failure(run("models", "show", "own"))
        assert line == "models for contaminants and tracking are called 'own'; choose one by --job"
        assert json.loads(run("models", "show", "own", "--job", "tracking").out)["job"] == "tracking"

    @pytest.mark.usefixtures("weights")
    def test_of_an_unknown_model_is_refused(self, run):
        assert failure(run("models", "show", "minimask")) == "no model 'minimask'; see: skysieve models list"


class TestImport:
    @pytest.mark.usefixtures("empty_cache", "without_package", "package")
    def test_of_a_wheel_brings_both_networks_to_a_machine_without_the_package(self, run, wheel):
        result = run("models", "import", wheel)
        assert (result.code, result.err) == (0, "")
        assert [line.partition(":")[0] for line in result.out.splitlines()] == NETWORKS
        assert names(run("models", "list")) == NETWORKS

    @pytest.mark.usefixtures("empty_cache")
    def test_of_a_folder_brings_what_is_in_it(self, run, weights):
        result = run("models", "import", weights / "data/tensorflow_models/maxitrack")
        assert [line.partition(":")[0] for line in result.out.splitlines()] == ["maxitrack"]

    @pytest.mark.parametrize(
        ("defect", "message"),
        [("truncated", "neither a SavedModel folder nor a readable wheel"), ("corrupt", "Bad CRC-32")],
    )
    def test_of_a_damaged_wheel_is_refused(self, run, wheel, tmp_path, empty_cache, *, defect, message):
        content = bytearray(wheel.read_bytes())
        if defect == "truncated":
            del content[30_000_000:]
        else:
            content[_place(wheel, "maxitrack/variables/variables.data-00000-of-00001") + 100_000] ^= 255
        (tmp_path / "bad.whl").write_bytes(content)
        line = failure(run("models", "import", "bad.whl"))
        assert line.startswith("bad.whl")
        assert message in line
        assert not list(empty_cache.glob("models/maxitrack-*"))

    @pytest.mark.parametrize(
        ("file", "change", "message"),
        [
            ("variables.index", lambda content: content[:-10], "no LevelDB table, or it is truncated"),
            ("variables.index", lambda content: content[:300] + b"\0" + content[301:], "fails its checksum"),
            ("variables.data-00000-of-00001", lambda content: content[:-100_000], "truncated"),
            ("variables.data-00000-of-00001", lambda _: None, "cannot be read"),
        ],
    )
    def test_of_a_damaged_folder_is_refused(
        self, run, tracking_weights, empty_cache, *, file, change, message
    ):
        path = tracking_weights / "variables" / file
        changed = change(path.read_bytes())
        path.unlink()
        if changed is not None:
            path.write_bytes(changed)
        line = failure(run("models", "import", "savedmodel"))
        assert line.startswith("savedmodel: ")
        assert message in line
        assert not list(empty_cache.glob("models/*"))

    @pytest.mark.usefixtures("weights", "empty_cache")
    def test_of_another_network_is_refused(self, run, tmp_path):
        from tests.frames.maximask.test_checkpoint import write_checkpoint

        index, data = write_checkpoint({"conv1/kernel": np.zeros((3, 3, 1, 2), np.float32)})
        folder = tmp_path / "savedmodel/variables"
        folder.mkdir(parents=True)
        (folder / "variables.index").write_bytes(index)
        (folder / "variables.data-00000-of-00001").write_bytes(data)
        line = failure(run("models", "import", "savedmodel"))
        assert line == "savedmodel: its SavedModels are of other networks than maximask or maxitrack"

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("nothing", "nothing: no such folder or wheel"),
            ("folder", "folder: holds no SavedModel"),
            ("a.fits", "a.fits: neither a SavedModel folder nor a readable wheel"),
        ],
    )
    def test_of_something_else_is_refused(self, run, tmp_path, name, message):
        (tmp_path / "folder").mkdir()
        write(tmp_path / "a.fits", sky())
        assert failure(run("models", "import", name)).startswith(message)

    @pytest.mark.usefixtures("tracking_weights")
    def test_into_a_cache_that_cannot_be_written_fails(self, run, empty_cache):
        empty_cache.write_text("in the way")
        result = run("models", "import", "savedmodel")
        assert result.code == 1
        assert result.err.endswith(
            f"error: {empty_cache}/models: cannot be written, so that nothing was imported\n"
        )


@pytest.mark.usefixtures("weights")
class TestCache:
    @pytest.fixture
    def cached(self, converted, empty_cache, tmp_path):
        """A folder with a converted model, and a frame to be examined with it."""
        write(tmp_path / "a.fits", sky(shape=(400, 400)))
        return shutil.copytree(converted, empty_cache / "models" / converted.name)

    def test_that_is_whole_is_used_as_it_is(self, run, cached):
        before = {path: path.stat().st_mtime_ns for path in cached.iterdir()}
        result = run("track", "a.fits", "--model", "maxitrack")
        assert (result.code, result.err) == (0, "")
        assert {path: path.stat().st_mtime_ns for path in cached.iterdir()} == before
        assert list(cached.parent.iterdir()) == [cached]

    @pytest.mark.parametrize(
        ("file", "change", "message"),
        [
            ("maxitrack.onnx", lambda content: content[:-1], "does not match the checksum in its card"),
            (
                "maxitrack.onnx",
                lambda content: content[:-1] + b"\0",
                "does not match the checksum in its card",
            ),
            ("maxitrack.onnx", lambda _: None, "cannot be read (No such file or directory)"),
            ("card.json", lambda content: content[:100], "no valid model card"),
            ("card.json", lambda _: None, "not a model folder"),
            ("card.json", lambda _: b'{"card_version": 0}', "written by another version"),
        ],
    )
    def test_that_is_damaged_is_made_anew_with_a_warning(self, run, cached, file, change, message):
        changed = change((cached / file).read_bytes())
        (cached / file).unlink()
        if changed is not None:
            (cached / file).write_bytes(changed)
        result = run("track", "a.fits", "--model", "maxitrack")
        assert (result.code, len(result.out.splitlines())) == (0, 1)
        [line] = result.err.splitlines()
        assert line.startswith("skysieve: WARNING: ")
        assert message in line
        assert line.endswith("; converting it again")
        assert run("track", "a.fits", "--model", "maxitrack").err == ""

    def test_that_cannot_be_written_is_done_without(self, run, tmp_path, empty_cache):
        empty_cache.write_text("in the way")
        write(tmp_path / "a.fits", sky(shape=(400, 400)))
        result = run("track", "a.fits", "--model", "maxitrack")
        assert (result.code, len(result.out.splitlines())) == (0, 1)
        [line] = result.err.splitlines()
        assert line.startswith(f"skysieve: WARNING: the model cache {empty_cache}/models cannot be written (")
        assert "set SKYSIEVE_CACHE to a writable folder" in line


@pytest.mark.parametrize(("verb", "network"), [("mask", "maximask"), ("track", "maxitrack")])
@pytest.mark.usefixtures("empty_cache", "without_package")
def test_without_the_weights_a_frame_is_one_line_that_says_how_to_get_them(run, tmp_path, verb, network):
    write(tmp_path / "a.fits", sky())
    line = failure(run(verb, "a.fits", "--model", network))
    assert line.startswith(
        f"the weights of {network} are not installed; run: {install_command('maximask')}, "
    )
    assert line.endswith("or: skysieve models import FOLDER_OR_WHEEL")


@pytest.mark.usefixtures("with_own_models", "empty_cache", "without_package")
def test_our_own_models_need_neither_a_download_nor_a_cache(run, tmp_path, empty_cache):
    write(tmp_path / "a.fits", sky())
    assert run("mask", "a.fits", "--model", "own").code == 0
    assert run("track", "a.fits", "--model", "own").code == 0
    assert not empty_cache.exists()


@pytest.mark.usefixtures("empty_cache")
def test_an_own_model_that_is_damaged_says_to_install_again(run, tmp_path, with_own_models):
    write(tmp_path / "a.fits", sky())
    (graph,) = with_own_models.glob("contaminants/*.onnx")
    graph.write_bytes(graph.read_bytes()[:-1])
    line = failure(run("mask", "a.fits", "--model", "own"))
    assert line == f"{graph}: does not match the checksum in its card; install Skysieve again"
