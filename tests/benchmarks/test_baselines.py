"""Baselines: detectors in processes of their own, and how frames are made ready for them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from skysieve.core.errors import ConfigError
from skysieve.frames.simulate.truth_frames import CameraFacts

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path[:0] = [str(BENCHMARKS), str(BENCHMARKS / "baseline_runners")]

import baselines  # noqa: E402 (programs find each other by their folder)
from baselines import BASELINES, Baseline, BaselineKind, parse_baseline  # noqa: E402
from electrons import to_electrons  # noqa: E402
from environments import make_environment  # noqa: E402

del sys.path[:2]

WORKER = """
def load(options):
    print("a detector may say what it likes")
    if options.get("broken"):
        raise RuntimeError("out of order")
    def detect(frame):
        if options.get("dies"):
            raise SystemExit(3)
        if frame.nodata.all():
            raise ValueError("nothing to see")
        return (frame.pixels > options.get("limit", 1000.0)).astype("f4")
    return detect
"""


@pytest.fixture
def make_baseline(tmp_path, monkeypatch):
    """Return baselines that run here, in no environment of their own."""
    (tmp_path / "run_fake.py").write_text(WORKER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(baselines, "make_environment", lambda *_: Path(sys.executable))
    kind = BaselineKind("fake", (), "run_fake", 0.5, is_probability=True, options={}, reference="")
    return lambda **options: Baseline(kind, tmp_path, options)


class TestBaselines:
    def test_score_frames_one_after_another(self, make_baseline):
        pixels = np.random.default_rng(0).normal(100, 5, (40, 50)).astype(np.float32)
        with make_baseline() as baseline:
            for y in (3, 30):
                frame = pixels.copy()
                frame[y, 7] = 5000
                scores, decided = baseline.detect(frame, CameraFacts(gain=2.0, read_noise=5.0))
                assert np.argwhere(decided).tolist() == [[y, 7]]
                assert (scores > 0).sum() == 1
                assert np.isfinite(scores).all()

    @pytest.mark.parametrize(
        ("options", "reason"),
        [({"broken": 1}, "out of order"), ({"dies": 1}, "its process ended")],
    )
    def test_that_fail_say_why_in_one_line(self, make_baseline, options, reason):
        with (
            pytest.raises(ConfigError, match=f"^baseline fake failed: .*({reason})"),
            make_baseline(**options) as baseline,
        ):
            baseline.detect(np.zeros((8, 8), np.float32), CameraFacts())

    def test_go_on_after_a_frame_that_they_cannot_take(self, make_baseline):
        with make_baseline() as baseline:
            with pytest.raises(ConfigError, match="nothing to see"):
                baseline.detect(np.full((8, 8), np.nan, np.float32), CameraFacts())
            assert not baseline.detect(np.zeros((8, 8), np.float32), CameraFacts())[1].any()

    def test_are_named_with_their_settings(self, tmp_path):
        assert parse_baseline("deepcr", tmp_path).label == "deepcr"
        assert (
            parse_baseline("astroscrappy:objlim=2,sigfrac=0.1", tmp_path).label
            == "astroscrappy:objlim=2,sigfrac=0.1"
        )

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("maximask", "unknown baseline 'maximask'; choose from astroscrappy, deepcr, cosmic-conn"),
            ("deepcr:objlim=2", "baseline deepcr has no option 'objlim'; it has gain"),
            ("deepcr:gain=much", "baseline deepcr: gain='much' is no number"),
        ],
    )
    def test_that_do_not_exist_are_one_line(self, tmp_path, text, message):
        with pytest.raises(ConfigError) as error:
            parse_baseline(text, tmp_path)
        assert str(error.value) == message


class TestElectrons:
    @pytest.mark.parametrize("bias", [0, 1000, -400])
    def test_lie_above_a_sky_that_explains_the_noise(self, bias):
        # 400 electrons of sky and 5 of read noise, in ADU of 2 electrons, with a bias or without the sky
        rng = np.random.default_rng(1)
        electrons = rng.poisson(400, (200, 200)) + rng.normal(0, 5, (200, 200))
        pixels = (electrons / 2 + bias).astype(np.float32)
        found = to_electrons(pixels, {"gain": 2.0, "read_noise": 5.0, "saturation": 30_000.0 + bias})
        assert np.median(found.pixels) == pytest.approx(400, rel=0.05)
        assert found.saturation == pytest.approx(60_000, rel=1e-3)
        np.testing.assert_allclose(
            found.pixels - np.median(found.pixels), electrons - np.median(electrons), atol=0.1
        )

    def test_are_the_sky_where_there_is_no_data(self):
        pixels = np.full((20, 20), 7.0, np.float32)
        pixels[3, 4] = np.nan
        found = to_electrons(pixels, {"gain": 1.0, "read_noise": 3.0, "saturation": float("nan")})
        assert np.argwhere(found.nodata).tolist() == [[3, 4]]
        assert np.isfinite(found.pixels).all()
        assert found.saturation == float("inf")


@pytest.mark.slow
class TestEnvironments:
    def test_are_made_once_and_run_the_real_detector(self, tmp_path):
        pixels = np.random.default_rng(0).normal(1000, 32, (128, 128)).astype(np.float32)
        pixels[40, 50:55] += 5000
        with parse_baseline("astroscrappy", tmp_path) as baseline:
            scores, decided = baseline.detect(pixels, CameraFacts(1.0, 5.0, 60_000.0))
        assert decided[40, 50:55].all()
        assert decided.mean() < 0.01
        assert scores[40, 52] > np.log(20)
        kind = BASELINES["astroscrappy"]
        before = sorted(path.stat().st_mtime_ns for path in tmp_path.iterdir())
        make_environment(kind.name, kind.requirements, tmp_path)
        assert sorted(path.stat().st_mtime_ns for path in tmp_path.iterdir()) == before

    def test_that_cannot_be_made_leave_nothing(self, tmp_path):
        with pytest.raises(ConfigError, match=r"^peer x cannot be installed: ERROR"):
            make_environment("x", [str(tmp_path / "nothing-here.whl")], tmp_path)
        assert not list(tmp_path.iterdir())
