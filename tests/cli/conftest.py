"""The real command line, run in this process; models that need no weights, and the published ones."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.command import Result
from tests.tiny_models import save_mean_model, save_pixel_model

from skysieve.cli.app import main
from skysieve.core.models import engine as engines
from skysieve.core.models.engine import load_network

if TYPE_CHECKING:
    from skysieve.core.models.card import Model
    from skysieve.core.models.network import Network

NEEDED = ("maximask_and_maxitrack", "onnx", "google_crc32c")


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory):
    """One cache of converted models for all tests of the command line: never the user's."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKYSIEVE_CACHE", str(folder))
        patch.setenv("COLUMNS", "200")
        patch.setenv("NO_COLOR", "1")
        yield folder


@pytest.fixture(autouse=True, scope="session")
def networks():
    """Load each graph once for all tests: they look at what commands make of its answers.

    A file that was written anew is another graph, whatever it holds, and is loaded and checked as ever.
    """
    loaded: dict[object, Network] = {}

    def load_once(model: Model, **settings: Any) -> Network:
        files = [model.folder / graph.file for graph in model.card.graphs]
        written = [(path, path.stat().st_mtime_ns) for path in files if path.exists()]
        key = repr((model, written, sorted(settings.items())))
        if key not in loaded:
            loaded[key] = load_network(model, **settings)
        return loaded[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "load_network", load_once)
        yield


@pytest.fixture
def run(monkeypatch, capfd, tmp_path):
    """Run the command in this process, in the test's own folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["skysieve", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        captured = capfd.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def pixel_model(tmp_path_factory):
    """A model for contaminants: CR above 20 sigma, SAT above 60, BG everywhere."""
    return save_pixel_model(tmp_path_factory.mktemp("models") / "tiny", {"CR": 20, "SAT": 60, "BG": -1e4})


@pytest.fixture(scope="session")
def mean_model(tmp_path_factory):
    """A model for tracking: sure of an error in blocks of 64 px whose mean is above 1 sigma."""
    return save_mean_model(tmp_path_factory.mktemp("models") / "tiny-track")


@pytest.fixture(scope="session")
def weights():
    """Folder of the package that brings the published weights."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        pytest.skip(f"the published weights cannot be used: {', '.join(missing)} not installed")
    spec = find_spec(NEEDED[0])
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])
