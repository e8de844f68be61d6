"""Trainings so small that they end in seconds."""

from __future__ import annotations

import pytest
from tests.training.tiny import write_recipe


@pytest.fixture
def recipe_file(tmp_path):
    """Write a tiny recipe into the test's own folder; settings in place of its own as keywords."""

    def write(job="contaminants", **settings):
        return write_recipe(tmp_path / f"{job}.yaml", job, **settings)

    return write
