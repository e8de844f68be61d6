"""Trainings so small that they end in seconds, and a model that one of them made."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from tests.training.tiny import few_frames, write_recipe


@pytest.fixture
def recipe_file(tmp_path):
    """Write a tiny recipe into the test's own folder; settings in place of its own as keywords."""

    def write(job="contaminants", **settings):
        return write_recipe(tmp_path / f"{job}.yaml", job, **settings)

    return write


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Folder of a training for contaminants that came to its end."""
    if find_spec("torch") is None or find_spec("lightning") is None:
        pytest.skip("the extra train is not installed")
    from skysieve.training.contaminants import ContaminantTraining
    from skysieve.training.fit import fit
    from skysieve.training.recipe import read_training_recipe

    folder = tmp_path_factory.mktemp("trained")
    recipe = read_training_recipe(write_recipe(folder / "contaminants.yaml", "contaminants"))
    with pytest.MonkeyPatch.context() as patch:
        few_frames(patch)
        fit(ContaminantTraining(recipe), folder / "run", workers=0, device="cpu", progress=False)
    return folder / "run"
