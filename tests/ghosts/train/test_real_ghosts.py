"""Real ghosts put into simulated focal planes."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("torch")

from PIL import Image
from scipy import ndimage

from skysieve.core.errors import ConfigError, SourceError
from skysieve.core.training.recipe import TrainingRecipe
from skysieve.ghosts.train import real_ghosts
from skysieve.ghosts.train.pictures import GhostPictures
from skysieve.ghosts.train.real_ghosts import RealGhosts
from skysieve.ghosts.train.training import GhostTraining

SHAPE = (400, 400)
SKY, OTHER_SKY = 54, 70
CIRCLE = {"name": "circle", "cx": 120, "cy": 150, "r": 30}


def outline(shape, kind="Bright"):
    return {"shape_attributes": shape, "region_attributes": {"Type": kind}}


@pytest.fixture
def study(tmp_path):
    """Two pictures and three people, of whom two see a ghost in the first."""
    folder = tmp_path / "planes"
    folder.mkdir()
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    pixels = np.full(SHAPE, SKY, np.uint8)
    pixels[(x - 120) ** 2 + (y - 150) ** 2 < 30**2] = SKY + 100
    for name, content in (("a.png", pixels), ("b.png", np.full(SHAPE, SKY, np.uint8))):
        Image.fromarray(content).save(folder / name)
    for person, seen in (("one", [outline(CIRCLE)]), ("two", [outline(CIRCLE)]), ("three", [])):
        records = [
            {"filename": "a.png", "size": 1, "regions": seen, "file_attributes": {}},
            {"filename": "b.png", "size": 1, "regions": [], "file_attributes": {}},
        ]
        (tmp_path / f"{person}.json").write_text(json.dumps(records))
    return folder, [tmp_path / f"{person}.json" for person in ("one", "two", "three")]


@pytest.fixture
def real(study):
    return RealGhosts.read(*study)


@pytest.fixture
def upright(monkeypatch):
    """Ghosts that are mirrored, but not turned."""
    monkeypatch.setattr(real_ghosts, "ROTATED_FRACTION", 0.0)


def put(real, *, seed=0, live=None, level=OTHER_SKY):
    live = np.ones(SHAPE, bool) if live is None else live
    return real.paste_into(np.full(SHAPE, level, np.uint8), live, np.random.default_rng(seed))


def test_takes_what_most_people_outlined(real):
    (picture,) = real.pictures
    assert [name for name, _ in picture.ghosts] == ["Bright"]


@pytest.mark.usefixtures("upright")
def test_a_ghost_stands_above_the_other_sky_and_its_surroundings_are_kept(real):
    pixels, [(name, mask)] = put(real)
    assert name == "Bright"
    assert np.count_nonzero(mask) == pytest.approx(np.pi * 30**2, rel=0.02)
    inside = pixels[ndimage.binary_erosion(mask, iterations=2)]
    assert (inside == inside[0]).all()
    assert 0.75 * 100 - 1 <= inside[0] - OTHER_SKY <= 1.35 * 100 + 1
    assert (pixels[~ndimage.binary_dilation(mask, iterations=7)] == OTHER_SKY).all()


@pytest.mark.usefixtures("upright")
def test_it_is_mirrored_along_both_axes(real):
    middles = {
        tuple(np.argwhere(mask).mean(0).round().astype(int).tolist())
        for seed in range(24)
        for _, [(_, mask)] in [put(real, seed=seed)]
    }
    assert middles == {(150, 120), (249, 120), (150, 279), (249, 279)}


def test_it_is_often_turned_about_the_middle_of_the_picture(real):
    found = [put(real, seed=seed) for seed in range(24)]
    middles = np.array([np.argwhere(mask).mean(0) for _, [(_, mask)] in found])
    assert np.hypot(*(middles - 199.5).T) == pytest.approx(np.hypot(79.5, 49.5), abs=1)
    assert len({tuple(middle) for middle in middles.round().tolist()}) > 10
    for pixels, [(_, mask)] in found:
        assert np.count_nonzero(mask) == pytest.approx(np.pi * 30**2, rel=0.03)
        assert (pixels[ndimage.binary_erosion(mask, iterations=3)] > OTHER_SKY + 60).all()


def test_gaps_of_a_picture_that_is_turned_are_filled(study, monkeypatch):
    monkeypatch.setattr(real_ghosts, "ROTATED_FRACTION", 1.0)
    folder, people = study
    with Image.open(folder / "a.png") as picture:
        pixels = np.array(picture)
    pixels[148:151] = pixels[:, 119:122] = 23  # a cross of gaps through the ghost
    Image.fromarray(pixels).save(folder / "a.png")
    real = RealGhosts.read(folder, people)
    for seed in range(6):
        turned, [(_, mask)] = put(real, seed=seed)
        assert turned[ndimage.binary_erosion(mask, iterations=3)].min() > OTHER_SKY + 30


def test_nothing_shines_where_there_is_no_light(real):
    live = np.ones(SHAPE, bool)
    live[:200] = False
    for seed in range(6):
        pixels, ghosts = put(real, seed=seed, live=live)
        assert (pixels[:200] == OTHER_SKY).all()
        assert all(np.count_nonzero(mask & live) >= 25 for _, mask in ghosts)


@pytest.mark.usefixtures("upright")
def test_some_pictures_to_learn_from_have_them(real):
    training = GhostTraining(TrainingRecipe(name="tiny", job="ghosts", simulation="ghosts"))
    source = GhostPictures(training.simulation, training.layout, 3, real, 1.0)
    shown = source.picture(1)
    assert shown.labels.tolist() == [1]
    (middle,) = shown.centres
    assert sorted({min(middle[0], 399 - middle[0]), min(middle[1], 399 - middle[1])}) == pytest.approx(
        [120, 150], abs=1
    )
    # what is said to belong is brighter than its surroundings
    inside = np.kron(shown.masks[0] > 0.99, np.ones((4, 4), bool)) & (training.layout.ccd_map > 0)
    assert np.median(shown.pixels[0][inside]) > 3


def test_a_training_with_them_is_another_one(real):
    one, other = (GhostTraining(TrainingRecipe(name="tiny", job="ghosts", simulation="ghosts")) for _ in "ab")
    other.real = real
    assert one.describe() != other.describe()


def test_only_the_named_pictures_count(study):
    with pytest.raises(ConfigError, match="none of the pictures has a ghost"):
        RealGhosts.read(*study, names=["b.png"])
    with pytest.raises(ConfigError, match=r"c\.png: not in"):
        RealGhosts.read(*study, names=["c.png"])


def test_a_folder_that_is_not_there_is_told(study, tmp_path):
    with pytest.raises(SourceError, match="no such folder"):
        RealGhosts.read(tmp_path / "none", study[1])


def test_pictures_of_another_size_are_refused(real):
    with pytest.raises(ConfigError, match="expected 80 x 60"):
        real.paste_into(np.zeros((60, 80), np.uint8), np.ones((60, 80), bool), np.random.default_rng(0))
