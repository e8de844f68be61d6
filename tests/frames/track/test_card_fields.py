"""What the tracker takes from a model's card: priors, and what the training frames looked like."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from astropy.io import fits
from tests.tiny_models import save_mean_model

from skysieve.core.fits.frames import ArrayFrame
from skysieve.core.fits.locations import Location
from skysieve.core.models.card import CARD_FILE, read_model
from skysieve.frames.track.job import TrackJob
from skysieve.frames.track.settings import TrackSettings
from skysieve.frames.track.tracker import Tracker

SIZE = 64


@pytest.fixture
def model(tmp_path):
    """Return a maker of models whose cards have other entries; the network is sure above 1 sigma."""

    def model(**entries):
        folder = save_mean_model(tmp_path / f"model{len(list(tmp_path.iterdir()))}", SIZE)
        (folder / CARD_FILE).write_text(dataclasses.replace(read_model(folder).card, **entries).to_json())
        return str(folder)

    return model


def sky():
    pixels = np.random.default_rng(0).normal(100, 5, (256, 256)).astype(np.float32)
    # to the network a little above even odds
    pixels[:SIZE, :SIZE] += 5 * 1.02
    return pixels


def priors(error):
    return {"good": 1 - error, "tracking error": error}


class TestPriors:
    def odds(self, model, prior=None):
        blocks = Tracker(TrackSettings(model=model, prior=prior)).track(ArrayFrame(sky())).blocks
        return blocks[0, 0] / (1 - blocks[0, 0])

    def test_are_those_of_the_card_unless_another_is_given(self, model):
        usual = model(default_priors=priors(0.2))
        assert self.odds(usual) == pytest.approx(self.odds(usual, 0.2))
        assert self.odds(usual) / self.odds(usual, 0.5) == pytest.approx(0.25, rel=1e-3)

    def test_count_from_those_of_the_training_set(self, model):
        even, rare = model(), model(training_priors=priors(0.2))
        assert self.odds(rare, 0.2) == pytest.approx(self.odds(even, 0.5), rel=1e-3)
        assert self.odds(rare, 0.5) / self.odds(even, 0.5) == pytest.approx(4, rel=1e-3)


class TestFramesUnlikeTheTrainingFrames:
    DOMAIN = {"mosaic": [0.0, 0.0, 0.05, 0.1, 0.2]}  # noqa: RUF012 (never changed)

    @pytest.fixture
    def path(self, tmp_path):
        bayer = sky()
        bayer[::2, ::2] += 25
        fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(sky()), fits.ImageHDU(bayer)]).writeto(
            tmp_path / "a.fits"
        )
        return tmp_path / "a.fits"

    def test_are_warned_of_and_examined(self, model, path, caplog):
        job = TrackJob(TrackSettings(model=model(name="mine", domain=self.DOMAIN)))
        assert len(job.run(Location(path)).frames) == 2
        (message,) = caplog.messages
        assert message.startswith(f"{path}[2]: unlike what model mine was trained on (score ")
        assert "): pixels differ in a 2 x 2 pattern, as in a Bayer mosaic: " in message

    def test_are_unknown_to_models_that_do_not_tell(self, model, path, caplog):
        TrackJob(TrackSettings(model=model())).run(Location(path))
        assert caplog.text == ""
