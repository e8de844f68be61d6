"""``skysieve clusters demo``: from nothing to a catalogue whose completeness is known."""

from __future__ import annotations

import pytest
from tests.cli.command import failure


@pytest.mark.slow
def test_a_small_sky_is_simulated_searched_and_judged(run, tmp_path):
    result = run("clusters", "demo", "-o", tmp_path / "demo", "--cap", 5)
    assert result.code == 0, result.err
    assert "purity 0." in result.out or "purity 1." in result.out
    assert "clusters with Y500 from 5e-4 square arcminutes on are found" in result.out
    for name in ("sky/clusters.fits", "found/catalogue.fits", "found/preview-sky.png", "report/report.md"):
        assert (tmp_path / "demo" / name).is_file()


def test_a_model_that_is_not_there_is_named_before_anything_is_simulated(run, tmp_path):
    result = run("clusters", "demo", "-o", tmp_path / "demo", "--model", "nowhere")
    assert "nowhere" in failure(result)
    assert not (tmp_path / "demo").exists()
